"""Who may do what: scopes and roles, the keys and tokens that carry them, and who calls."""
