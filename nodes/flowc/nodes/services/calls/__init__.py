"""What requests send and responses bring: bodies, parameters, uploads, lines and events."""
