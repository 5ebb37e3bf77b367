"""Which model answers, and how."""

from scripts.local.models import lorem, obedient, structured
from scripts.local.models.conversation import Answer, Conversation, answer_of
from scripts.local.models.extractive.answer import answer as extracted
from scripts.local.models.settings import Kind, Style


def generate(conversation: Conversation, kind: Kind, style: Style) -> Answer:
    """The whole answer of a model of this kind; `style` matters to the obedient ones."""
    if kind == "lorem":
        return lorem.answer(conversation)
    text = extracted(conversation)
    call = None
    if kind == "obedient":
        text = "\n\n".join(part for part in (text, obedient.obeyed(conversation, style)) if part)
        call = obedient.tool_call(conversation)
    if conversation.json_schema is not None:
        text = structured.fitted(conversation.json_schema, text)
    return answer_of(text, conversation, tool_call=call)
