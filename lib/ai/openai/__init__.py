"""Models that speak OpenAI's chat completions."""
