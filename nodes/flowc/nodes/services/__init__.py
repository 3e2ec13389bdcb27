"""What a host offers to node types: a guarded way out, models, and sandboxes for code."""
