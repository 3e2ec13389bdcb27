"""From a checked workflow to a plan."""
