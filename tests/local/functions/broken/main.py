"""A function that cannot start."""

raise RuntimeError("VAULT_KEY is not set")
