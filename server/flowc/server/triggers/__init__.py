"""What begins runs besides requests, and who is told of them."""
