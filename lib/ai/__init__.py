"""Language models: one way to have an answer streamed, whichever provider gives it."""
