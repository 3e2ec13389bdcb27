"""Looks at the set-up of a server, and says what to do."""
