"""Models that speak Anthropic's messages."""
