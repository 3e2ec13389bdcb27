"""What nodes of a stored run are offered."""
