"""What this environment has of the things that workflows need, before they run."""
