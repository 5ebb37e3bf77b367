"""Microsoft's side of connected accounts."""
