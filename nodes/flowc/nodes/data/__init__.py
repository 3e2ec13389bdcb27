"""Node types that compute data: rules and expressions, text templates, Python in a sandbox."""
