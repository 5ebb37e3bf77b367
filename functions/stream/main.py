"""Answers, token by token."""

from typing import Any

import functions_framework.aio
from pydantic import BaseModel

from lib.accounts.capabilities import GrantPageSettings
from lib.ai.anthropic.settings import SECRET as ANTHROPIC_KEY
from lib.ai.anthropic.settings import AnthropicSettings
from lib.ai.catalogue import CatalogueSettings
from lib.ai.openai.settings import SECRET as OPENAI_KEY
from lib.ai.openai.settings import OpenAISettings
from lib.chat import streaming, wire
from lib.chat.models import ConversationId, RunId
from lib.core.events import EventSettings
from lib.core.identity import Identity
from lib.core.stream import Events, StreamService
from lib.office.google.settings import GoogleApiSettings
from lib.office.microsoft.settings import GraphSettings
from lib.usage.rate import requests_per_minute
from lib.usage.rate_card import RateSettings

service = StreamService(
    "Stream",
    headers=wire.HEADERS,
    ending=streaming.end,
    limit=requests_per_minute,
    requires=(
        CatalogueSettings,
        OpenAISettings,
        AnthropicSettings,
        RateSettings,
        GoogleApiSettings,
        GraphSettings,
        GrantPageSettings,
        EventSettings,
    ),
    secrets=(OPENAI_KEY, ANTHROPIC_KEY),
)


class RunPath(BaseModel):
    """Names a run."""

    run_id: RunId


class ConversationPath(BaseModel):
    """Names a conversation."""

    conversation_id: ConversationId


@service.get("/runs/{run_id}")
async def stream_run(identity: Identity, path: RunPath, last_event_id: str | None) -> Events | None:
    """The answer of a run; resumes after Last-Event-ID, and 204 when there is nothing more"""
    return await streaming.run(identity.person, path.run_id, last_event_id)


@service.get("/conversations/{conversation_id}/stream")
async def stream_conversation(identity: Identity, path: ConversationPath, last_event_id: str | None) -> Events | None:
    """The answer that a conversation has under way; 204 when there is none"""
    return await streaming.conversation(identity.person, path.conversation_id, last_event_id)


@functions_framework.aio.http
async def stream(request: Any) -> Any:
    """Serve a request."""
    return await service(request)
