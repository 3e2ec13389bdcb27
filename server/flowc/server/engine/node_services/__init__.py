"""Services that nodes of stored runs have in addition to those of the process."""
