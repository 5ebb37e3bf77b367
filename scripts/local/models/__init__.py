"""Language models for the local cloud, in OpenAI's and Anthropic's dialects: emulators, not intelligence."""
