"""How many tokens a text has, near enough: for pruning prompts, and for answers whose provider did not tell."""

from lib.ai.models import Prompt, Usage

_CHARACTERS_PER_TOKEN = 4
_WIDE_FROM = "\u2e80"
"""From here on (CJK radicals and later) a character is about one token."""
_TOKENS_PER_TURN = 4


def estimate(text: str) -> int:
    """About how many tokens the text has: a quarter of its characters, wide characters one each; rounded up.

    Source of the rule of thumb: https://help.openai.com/en/articles/4936856
    """
    wide = 0 if text.isascii() else sum(map(_WIDE_FROM.__le__, text))
    return wide + -(-(len(text) - wide) // _CHARACTERS_PER_TOKEN)


def estimate_prompt(prompt: Prompt) -> int:
    """About how many tokens the prompt has."""
    turns = sum(estimate(turn.text) + _TOKENS_PER_TURN for turn in prompt.turns)
    return estimate(prompt.system) + _TOKENS_PER_TURN + turns


def estimated_usage(prompt: Prompt, answer: str) -> Usage:
    """The usage of an answer that was stopped, or broke off, before the provider told."""
    return Usage(input_tokens=estimate_prompt(prompt), output_tokens=estimate(answer), estimated=True)
