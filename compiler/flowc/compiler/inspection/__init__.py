"""What values expressions can have, and what certainly goes wrong with them."""
