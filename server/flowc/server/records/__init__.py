"""What flowc remembers of runs, conversations and triggers, as plain values."""
