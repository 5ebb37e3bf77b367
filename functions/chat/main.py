"""Conversations and their messages; the answers stream from the function `stream`."""

from typing import Any

import functions_framework
from pydantic import BaseModel, Field

from lib.ai.catalogue import CatalogueSettings
from lib.chat import conversations, messages
from lib.chat.models import (
    Conversation,
    ConversationChange,
    ConversationId,
    ConversationPage,
    ConversationStart,
    Feedback,
    Message,
    MessageId,
    MessagePage,
    MessagePost,
    MessagePosted,
    Run,
    RunId,
)
from lib.core.cursor import SECRET as CURSOR_KEY
from lib.core.http import Answer, Service, Strict
from lib.core.store import UserId
from lib.core.tasks import TaskSettings
from lib.usage.rate import requests_per_minute

service = Service("Chat", limit=requests_per_minute, requires=(TaskSettings, CatalogueSettings), secrets=(CURSOR_KEY,))


class ConversationPath(BaseModel):
    """Names a conversation."""

    conversation_id: ConversationId


class MessagePath(ConversationPath):
    """Names a message."""

    message_id: MessageId


class RunPath(BaseModel):
    """Names a run."""

    run_id: RunId


class Page(Strict):
    """A page of a list."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = None


@service.post("/conversations", status=201)
def start_conversation(person: UserId, body: ConversationStart) -> Conversation:
    """Begin a conversation"""
    return conversations.start(person, body)


@service.get("/conversations")
def list_conversations(person: UserId, query: Page) -> ConversationPage:
    """Conversations, the last used first"""
    return conversations.page(person, query.limit, query.cursor)


@service.get("/conversations/<conversation_id>")
def read_conversation(person: UserId, path: ConversationPath) -> Conversation:
    """One conversation"""
    return conversations.read(person, path.conversation_id)


@service.patch("/conversations/<conversation_id>")
def rename_conversation(person: UserId, path: ConversationPath, body: ConversationChange) -> Conversation:
    """Give a conversation a title"""
    return conversations.rename(person, path.conversation_id, body.title)


@service.delete("/conversations/<conversation_id>", status=204)
def delete_conversation(person: UserId, path: ConversationPath) -> None:
    """Delete a conversation and all that was said in it"""
    conversations.delete(person, path.conversation_id)


@service.get("/conversations/<conversation_id>/messages")
def list_messages(person: UserId, path: ConversationPath, query: Page) -> MessagePage:
    """What was said, the oldest first"""
    return messages.page(person, path.conversation_id, query.limit, query.cursor)


@service.post("/conversations/<conversation_id>/messages", status=201)
def post_message(person: UserId, path: ConversationPath, body: MessagePost) -> Answer[MessagePosted]:
    """Ask; the answer streams at the path that comes back. A repeat finds the same run, with status 200"""
    return messages.post(person, path.conversation_id, body)


@service.put("/conversations/<conversation_id>/messages/<message_id>/feedback")
def rate_message(person: UserId, path: MessagePath, body: Feedback) -> Message:
    """Give an answer a thumb, or take it back"""
    return messages.rate(person, path.conversation_id, path.message_id, body.thumb)


@service.get("/runs/<run_id>")
def read_run(person: UserId, path: RunPath) -> Run:
    """How far the answering of a message is"""
    return messages.read_run(person, path.run_id)


@service.post("/runs/<run_id>/stop")
def stop_run(person: UserId, path: RunPath) -> Run:
    """Stop an answer; what was said stays"""
    return messages.stop(person, path.run_id)


@functions_framework.http
def chat(request: Any) -> Any:
    """Serve a request."""
    return service(request)
