"""What of Graph a test may change, under /_control (provider/control.py says how bodies are read and refused).

- `POST /_control/quota` `{requests?, window_seconds?, at_once?}`: limits of each mailbox; what was spent is forgotten.
- `POST /_control/latency` `{seconds}`: how long each request of a mailbox takes, its place taken all the while.
- `POST /_control/pages` `{short}`: lists give half of what was asked, and every second page nothing.
- `POST /_control/mail` `{user, sender, sender_name?, subject, text, html?, reply_to?, folder?, read?}` delivers a mail,
  into the conversation of the message `reply_to`; answers its ids. Messages are named by their immutable id.
- `POST /_control/mail/move` `{user, message, folder}`; `POST /_control/mail/delete` `{user, message}`.
- `POST /_control/mail/mark` `{user, message, is_read?, flagged?, important?, focused?, categories?}`.
- `POST /_control/events` `{user, event}` changes the event, or the occurrence, with the immutable id in `event`, by
  Graph's own names; `{"isCancelled": true}` cancels. `POST /_control/events/delete` `{user, event}` with the id.
"""

import secrets
from typing import Any

from aiohttp import web
from pydantic import Field

from scripts.local import clock
from scripts.local.microsoft.graph.accounts import GraphAccount
from scripts.local.microsoft.graph.api import Graph
from scripts.local.microsoft.graph.calendar_store import StoredCalendar, StoredEvent
from scripts.local.microsoft.graph.errors import GraphError
from scripts.local.microsoft.graph.event_writing import changed
from scripts.local.microsoft.graph.mailbox import Folder, Mailbox, StoredMessage
from scripts.local.people.models import Message
from scripts.local.provider.control import (
    DeliveredMail,
    PagesRequest,
    Strict,
    Told,
    Unknown,
    UserRequest,
    reading,
)


class QuotaRequest(Strict):
    """New limits of each mailbox; what is not given stays."""

    requests: int | None = Field(default=None, ge=0)
    window_seconds: int | None = Field(default=None, ge=1)
    at_once: int | None = Field(default=None, ge=0)


class LatencyRequest(Strict):
    """How long each request of a mailbox takes, in real seconds."""

    seconds: float = Field(ge=0)


class MailRequest(DeliveredMail):
    """A mail to deliver now, and where to."""

    reply_to: str | None = None
    folder: str = "inbox"
    read: bool = False


class MessageRequest(UserRequest):
    """A message, by its immutable id."""

    message: str


class MoveRequest(MessageRequest):
    """Where to: a folder's id or well-known name."""

    folder: str


class MarkRequest(MessageRequest):
    """New marks; what is not given stays."""

    is_read: bool | None = None
    flagged: bool | None = None
    important: bool | None = None
    focused: bool | None = None
    categories: tuple[str, ...] | None = None


class EventRequest(UserRequest):
    """An event's new properties, with its immutable id."""

    event: dict[str, Any] = Field(min_length=1)


class DeleteEventRequest(UserRequest):
    """An event, by its immutable id."""

    event: str


def graph_routes(graph: Graph) -> list[web.RouteDef]:
    """The routes under /_control."""
    control = _Control(graph)
    return [
        web.post("/_control/quota", reading(QuotaRequest, control.set_quota)),
        web.post("/_control/latency", reading(LatencyRequest, control.set_latency)),
        web.post("/_control/pages", reading(PagesRequest, control.set_pages)),
        web.post("/_control/mail", reading(MailRequest, control.deliver)),
        web.post("/_control/mail/move", reading(MoveRequest, control.move)),
        web.post("/_control/mail/mark", reading(MarkRequest, control.mark)),
        web.post("/_control/mail/delete", reading(MessageRequest, control.delete)),
        web.post("/_control/events", reading(EventRequest, control.change_event)),
        web.post("/_control/events/delete", reading(DeleteEventRequest, control.delete_event)),
    ]


class _Control:
    """What each route does."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def set_quota(self, wanted: QuotaRequest) -> Told:
        for name, value in wanted.model_dump(exclude_none=True).items():
            setattr(self._graph.throttle.limits, name, value)
        self._graph.throttle.reset()
        return {}

    def set_latency(self, wanted: LatencyRequest) -> Told:
        self._graph.throttle.limits.latency = wanted.seconds
        return {}

    def set_pages(self, wanted: PagesRequest) -> Told:
        self._graph.short_pages = wanted.short
        return {}

    def deliver(self, mail: MailRequest) -> Told:
        account = self._account(mail.user)
        mailbox, key = account.mailbox, secrets.token_hex(8)
        earlier = _message(mailbox, mail.reply_to) if mail.reply_to else None
        folder = _folder(mailbox, mail.folder)
        replied = earlier.source if earlier else None
        message = Message(
            id=key,
            thread_id=replied.thread_id if replied else key,
            subject=mail.subject,
            sender=(mail.sender_name, mail.sender),
            to=((account.person.name, account.email),),
            cc=(),
            date=clock.now(),
            text=mail.text,
            html=mail.html,
            labels=("INBOX",) if mail.read else ("INBOX", "UNREAD"),
            attachments=(),
            rfc822_message_id=f"<{key}@{mail.sender.partition('@')[2]}>",
            in_reply_to=replied.rfc822_message_id if replied else None,
            references=(*replied.references, replied.rfc822_message_id) if replied else (),
        )
        stored = mailbox.add(message)
        stored.folder = folder.key
        return _told(stored)

    def move(self, wanted: MoveRequest) -> Told:
        mailbox = self._account(wanted.user).mailbox
        stored = _message(mailbox, wanted.message)
        mailbox.move(stored, _folder(mailbox, wanted.folder).key)
        return _told(stored)

    def mark(self, wanted: MarkRequest) -> Told:
        mailbox = self._account(wanted.user).mailbox
        stored = _message(mailbox, wanted.message)
        mailbox.mark(
            stored,
            is_read=wanted.is_read,
            flagged=wanted.flagged,
            important=wanted.important,
            focused=wanted.focused,
            categories=wanted.categories,
        )
        return _told(stored)

    def delete(self, wanted: MessageRequest) -> Told:
        mailbox = self._account(wanted.user).mailbox
        mailbox.delete(_message(mailbox, wanted.message))
        return {}

    def change_event(self, wanted: EventRequest) -> Told:
        calendar, event = self._event(wanted.user, str(wanted.event.get("id", "")))
        given = {name: value for name, value in wanted.event.items() if name != "id"}
        try:
            stored = calendar.put(changed(event, given))
        except GraphError as refusal:
            raise Unknown(refusal.message) from None
        return {"id": calendar.event_id(stored.key, immutable=True), "changeKey": calendar.change_key(stored)}

    def delete_event(self, wanted: DeleteEventRequest) -> Told:
        calendar, event = self._event(wanted.user, wanted.event)
        calendar.remove(event)
        return {}

    def _account(self, user: str) -> GraphAccount:
        account = self._graph.accounts.find(user)
        if account is None:
            raise Unknown(user)
        return account

    def _event(self, user: str, event_id: str) -> tuple[StoredCalendar, StoredEvent]:
        found = self._account(user).calendars.find_event(event_id, immutable=True)
        if found is None:
            raise Unknown(event_id)
        return found


def _message(mailbox: Mailbox, message_id: str) -> StoredMessage:
    stored = mailbox.find(message_id, immutable=True)
    if stored is None:
        raise Unknown(message_id)
    return stored


def _folder(mailbox: Mailbox, named: str) -> Folder:
    folder = mailbox.find_folder(named)
    if folder is None:
        raise Unknown(named)
    return folder


def _told(stored: StoredMessage) -> Told:
    return {
        "id": stored.immutable_id,
        "ordinary_id": stored.ordinary_id,
        "conversationId": stored.conversation_id,
        "changeKey": stored.change_key,
    }
