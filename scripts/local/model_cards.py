"""The models that answer locally, and what they would cost: enough for metering to have something to count."""

import json

MODELS = (("local-extractive", "openai"), ("local-extractive-claude", "anthropic"))
OTHERS = (
    ("local-obedient", "openai"),
    ("local-obedient-claude", "anthropic"),
    ("local-lorem", "openai"),
    ("local-lorem-claude", "anthropic"),
)
WINDOW_TOKENS = 100_000
MAX_OUTPUT_TOKENS = 4096
RATE = {"effective_from": "2026-01-01", "input": 1_000_000, "cached_input": 100_000, "cache_write": 1_250_000}
OUTPUT_RATE = 5_000_000


def catalogue() -> str:
    """The setting MODEL_CATALOGUE."""
    limits = {"window_tokens": WINDOW_TOKENS, "max_output_tokens": MAX_OUTPUT_TOKENS}
    return json.dumps([{"id": name, "provider": provider, **limits} for name, provider in (*MODELS, *OTHERS)])


def rate_card() -> str:
    """The setting RATE_CARD."""
    return json.dumps([{"model": name, **RATE, "output": OUTPUT_RATE} for name, _ in (*MODELS, *OTHERS)])
