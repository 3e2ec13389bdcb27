"""Plans a checked workflow: what each node needs, and how the nodes are joined."""
