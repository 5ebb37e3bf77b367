"""People: profiles, preferences, and their beginning and end."""
