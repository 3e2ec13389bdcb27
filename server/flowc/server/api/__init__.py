"""HTTP: each file has one resource; what they do is done elsewhere."""
