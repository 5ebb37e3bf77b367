"""Clerk for the local cloud: people, sessions, their tokens, and the webhooks that tell of them."""
