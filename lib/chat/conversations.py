"""Conversations: begun, listed, renamed, deleted."""

from datetime import datetime

from lib.chat import store
from lib.chat.models import Conversation, ConversationPage, ConversationStart
from lib.core import clock, cursor, ids
from lib.core.errors import NotFound
from lib.core.store import UserId

LISTING = "conversations"
UNKNOWN = "There is no such conversation"


def start(person: UserId, wish: ConversationStart) -> Conversation:
    """A new conversation, or the one that the client began with this id before."""
    now = clock.now()
    started = Conversation(id=wish.id or ids.new("con"), title=wish.title, created_at=now, updated_at=now)
    if store.create_conversation(person, started):
        return started
    return read(person, started.id)


def read(person: UserId, conversation_id: str) -> Conversation:
    """The person's conversation. Raises `NotFound`."""
    found = store.conversation(person, conversation_id)
    if found is None:
        raise NotFound(UNKNOWN)
    return found


def page(person: UserId, limit: int, after: str | None) -> ConversationPage:
    """A page of the person's conversations. Raises `InvalidCursor`."""
    position = cursor.decode(person, LISTING, after) if after is not None else None
    found = store.conversations(
        person, limit + 1, (datetime.fromisoformat(position["at"]), position["id"]) if position else None
    )
    shown = found[:limit]
    last = shown[-1] if len(found) > limit else None
    return ConversationPage(
        conversations=shown,
        next_cursor=cursor.encode(person, LISTING, {"at": last.updated_at.isoformat(), "id": last.id})
        if last
        else None,
    )


def rename(person: UserId, conversation_id: str, title: str) -> Conversation:
    """Give the conversation a title. Raises `NotFound`."""
    renamed = read(person, conversation_id).model_copy(update={"title": title})
    if not store.rename(person, renamed):
        raise NotFound(UNKNOWN)
    return renamed


def delete(person: UserId, conversation_id: str) -> None:
    """Delete the conversation and all that was said in it. Raises `NotFound`."""
    if store.conversation(person, conversation_id) is None and not store.has_remains(person, conversation_id):
        raise NotFound(UNKNOWN)
    store.delete(person, conversation_id)
