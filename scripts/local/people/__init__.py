"""Believable people for the local cloud: pure data, computed from a seed and a moment."""
