"""One archive per function: what the function reaches of `lib` and of the pinned packages, and nothing else."""
