"""What is open in a process."""
