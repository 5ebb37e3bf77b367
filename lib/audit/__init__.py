"""What was done with a person's keys, tokens and data: written down, and never changed."""
