"""What is known of a workflow before it is checked: edges, expressions, conditions."""
