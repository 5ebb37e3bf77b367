"""Conversations and the streamed answers in them."""
