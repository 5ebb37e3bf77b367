"""Models: which there are, how they are reached, what they cost."""
