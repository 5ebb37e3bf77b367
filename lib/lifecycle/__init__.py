"""What a person asks for about everything that is theirs: a copy of it, or its end."""
