"""Node types that order the work: branches, loops, maps, sub-workflows, variables, waiting."""
