"""What starts runs other than requests, and the messages that runs send to subscribers."""
