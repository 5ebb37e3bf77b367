"""Mail of all of a person's accounts: list, search, read."""

from typing import Any

import functions_framework
from pydantic import BaseModel, ConfigDict, Field

from lib.accounts.capabilities import GrantPageSettings
from lib.core.cursor import SECRET as CURSOR_KEY
from lib.core.http import Service, Strict
from lib.core.store import UserId
from lib.office import mail as office_mail
from lib.office.google.settings import GoogleApiSettings
from lib.office.identifiers import Identifier
from lib.office.microsoft.settings import GraphSettings
from lib.office.models import LabelList, MailMessage, MailPage, MailThread
from lib.office.queries import MailQuery
from lib.usage.rate import requests_per_minute

service = Service(
    "Mail",
    limit=requests_per_minute,
    requires=(GoogleApiSettings, GraphSettings, GrantPageSettings),
    secrets=(CURSOR_KEY,),
)


class Listing(Strict, MailQuery):
    """Which messages, and which page of them."""

    model_config = ConfigDict(populate_by_name=False)

    limit: int = Field(default=25, ge=1, le=office_mail.LARGEST_PAGE)
    cursor: str | None = Field(default=None, max_length=8192)


class MessagePath(BaseModel):
    """Names a message."""

    message_id: Identifier


class ThreadPath(BaseModel):
    """Names a conversation."""

    thread_id: Identifier


@service.get("/")
def list_messages(person: UserId, query: Listing) -> MailPage:
    """List or search messages, newest first"""
    return office_mail.search(person, query=query, limit=query.limit, cursor=query.cursor)


@service.get("/labels")
def list_labels(person: UserId) -> LabelList:
    """List the labels of all accounts"""
    return office_mail.labels(person)


@service.get("/threads/<thread_id>")
def read_thread(person: UserId, path: ThreadPath) -> MailThread:
    """Read a conversation"""
    return office_mail.thread(person, path.thread_id)


@service.get("/<message_id>")
def read_message(person: UserId, path: MessagePath) -> MailMessage:
    """Read a message"""
    return office_mail.read(person, path.message_id)


@functions_framework.http
def mail(request: Any) -> Any:
    """Serve a request."""
    return service(request)
