"""Who learns that something has happened to a run."""
