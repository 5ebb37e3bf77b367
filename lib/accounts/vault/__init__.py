"""The vault: what only the `tokens` function may run, since only its identity may open keys and tokens."""
