"""Clerk, who signs people in: what it announces, and what it is asked."""
