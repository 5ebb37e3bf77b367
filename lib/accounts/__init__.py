"""Connected accounts and the vault that keeps their tokens."""
