"""Long meaningless text for benches, of an exact number of tokens."""

from itertools import cycle, islice

from scripts.local.models import tokens
from scripts.local.models.conversation import Answer, Conversation

DEFAULT_TOKENS = 500
PASSAGE = (
    "The harbour lay still, the ferries slept, and over the grey water a thin café light crept towards the quay. "
    "Nobody hurried; the clocks did, as clocks do. — Naïve, said the old pilot, über alles, and lit his pipe.\n\n"
)


def answer(conversation: Conversation) -> Answer:
    """As many tokens as the request's limit says, 500 without one; it ends by itself."""
    wanted = conversation.limit or DEFAULT_TOKENS
    return Answer(tuple(islice(cycle(tokens.split(PASSAGE)), wanted)), "stop")
