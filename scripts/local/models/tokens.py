"""The one tokeniser of the local models: it counts usage, cuts at limits and decides what a stream's deltas are.

A token is up to six letters or digits, or one other sign, together with the white space before it; white space at
the very end is a token of its own. Joining the tokens of a text gives the text back.
"""

import re

TOKEN = re.compile(r"\s*(?:\w{1,6}|[^\w\s])|\s+")


def split(text: str) -> list[str]:
    """The text's tokens, in order."""
    return TOKEN.findall(text)


def count(text: str) -> int:
    """How many tokens the text has."""
    return sum(1 for _ in TOKEN.finditer(text))
