"""What runs in the locked worker process: nothing in here is imported by the server."""
