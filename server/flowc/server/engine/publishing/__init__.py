"""How committed events reach those that watch runs: in this process, in others, and in Redis."""
