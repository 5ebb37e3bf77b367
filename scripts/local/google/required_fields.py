"""Fields that an answer of Google always holds, by method. The discovery documents require nothing, so this table does.

A path walks objects by `.` and every item of an array by `[]`; `a[].b` demands b of each item that is there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.local.provider.wire import Json

_GMAIL = "https://developers.google.com/workspace/gmail/api/reference/rest/v1"
_CALENDAR = "https://developers.google.com/workspace/calendar/api/v3/reference"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What must be there and the page that says so; `events` are paths to events, which differ when cancelled."""

    fields: tuple[str, ...]
    source: str
    events: tuple[str, ...] = ()


_MESSAGE = ("id", "threadId", "snippet", "historyId", "internalDate", "sizeEstimate")
_PAYLOAD = ("payload.partId", "payload.mimeType", "payload.filename", "payload.headers", "payload.body.size")
_METADATA = ("payload.mimeType",)
_LABEL = ("id", "name", "type")
_COUNTS = ("messagesTotal", "messagesUnread", "threadsTotal", "threadsUnread")
_LIST_ENTRY = ("kind", "etag", "id", "summary", "timeZone", "accessRole", "defaultReminders")
_EVENTS = ("kind", "etag", "summary", "updated", "timeZone", "accessRole", "defaultReminders", "items")
_EVENT = (
    "kind",
    "etag",
    "id",
    "status",
    "htmlLink",
    "created",
    "updated",
    "start",
    "end",
    "iCalUID",
    "sequence",
    "eventType",
)
_CANCELLED = ("kind", "etag", "id", "status")
_EXCEPTION = ("originalStartTime",)


def _each(prefix: str, fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{prefix}.{field}" for field in fields)


_THREAD = Requirement(("id", "historyId", "messages", *_each("messages[]", _MESSAGE)), f"{_GMAIL}/users.threads")

REQUIREMENTS: Mapping[str, Requirement] = {
    "gmail.users.getProfile": Requirement(
        ("emailAddress", "messagesTotal", "threadsTotal", "historyId"), f"{_GMAIL}/users/getProfile"
    ),
    "gmail.users.messages.list": Requirement(
        ("resultSizeEstimate", "messages[].id", "messages[].threadId"), f"{_GMAIL}/users.messages/list"
    ),
    "gmail.users.messages.get?full": Requirement(_MESSAGE + _PAYLOAD, f"{_GMAIL}/users.messages#Message"),
    "gmail.users.messages.get?metadata": Requirement(_MESSAGE + _METADATA, f"{_GMAIL}/Format"),
    "gmail.users.messages.get?minimal": Requirement(_MESSAGE, f"{_GMAIL}/Format"),
    "gmail.users.messages.get?raw": Requirement((*_MESSAGE, "raw"), f"{_GMAIL}/Format"),
    "gmail.users.messages.attachments.get": Requirement(
        ("size", "data"), f"{_GMAIL}/users.messages.attachments#MessagePartBody"
    ),
    "gmail.users.threads.list": Requirement(
        ("resultSizeEstimate", *_each("threads[]", ("id", "snippet", "historyId"))), f"{_GMAIL}/users.threads/list"
    ),
    "gmail.users.threads.get?full": Requirement(
        _THREAD.fields + _each("messages[]", _PAYLOAD), f"{_GMAIL}/users.threads/get"
    ),
    "gmail.users.threads.get?metadata": _THREAD,
    "gmail.users.threads.get?minimal": _THREAD,
    "gmail.users.labels.list": Requirement(("labels", *_each("labels[]", _LABEL)), f"{_GMAIL}/users.labels/list"),
    "gmail.users.labels.get": Requirement(_LABEL + _COUNTS, f"{_GMAIL}/users.labels#Label"),
    "gmail.users.history.list": Requirement(
        (
            "historyId",
            "history[].id",
            "history[].messages[].id",
            "history[].messages[].threadId",
            "history[].messagesAdded[].message.id",
            "history[].messagesDeleted[].message.id",
            "history[].labelsAdded[].message.id",
            "history[].labelsAdded[].labelIds",
            "history[].labelsRemoved[].message.id",
            "history[].labelsRemoved[].labelIds",
        ),
        f"{_GMAIL}/users.history/list",
    ),
    "calendar.calendarList.list": Requirement(
        ("kind", "etag", "items", *_each("items[]", _LIST_ENTRY)), f"{_CALENDAR}/calendarList/list"
    ),
    "calendar.calendarList.get": Requirement(_LIST_ENTRY, f"{_CALENDAR}/calendarList"),
    "calendar.calendars.get": Requirement(("kind", "etag", "id", "summary", "timeZone"), f"{_CALENDAR}/calendars"),
    "calendar.events.list": Requirement(_EVENTS, f"{_CALENDAR}/events/list", ("items[]",)),
    "calendar.events.instances": Requirement(
        (*_EVENTS, "items[].recurringEventId", "items[].originalStartTime"),
        f"{_CALENDAR}/events/instances",
        ("items[]",),
    ),
    "calendar.events.get": Requirement((), f"{_CALENDAR}/events#resource", ("",)),
    "calendar.events.insert": Requirement(("creator", "organizer", "reminders"), f"{_CALENDAR}/events#resource", ("",)),
    "calendar.freebusy.query": Requirement(("kind", "timeMin", "timeMax", "calendars"), f"{_CALENDAR}/freebusy/query"),
    "calendar.settings.get": Requirement(("kind", "etag", "id", "value"), f"{_CALENDAR}/settings"),
    "oauth2.userinfo.get": Requirement(("id",), "https://developers.google.com/identity/protocols/oauth2"),
    "oauth2.userinfo.v2.me.get": Requirement(("id",), "https://developers.google.com/identity/protocols/oauth2"),
    "oauth2.tokeninfo": Requirement(
        ("audience", "expires_in", "issued_to", "scope"), "https://developers.google.com/identity/protocols/oauth2"
    ),
}


def missing(method_id: str, form: str | None, answer: Json) -> Iterator[str]:
    """What the answer lacks, a sentence each; a method without a requirement is wrong by itself."""
    requirement = REQUIREMENTS.get(f"{method_id}?{form}") or REQUIREMENTS.get(method_id)
    if requirement is None:
        yield f"{method_id}: there is no list of fields that must be present"
        return
    for path in requirement.fields:
        yield from (f"{found} is missing ({requirement.source})" for found in _absent(answer, path))
    for path in requirement.events:
        for event in _reached(answer, path):
            for field in event_fields(event):
                if field not in event:
                    yield f"{path}.{field} is missing ({requirement.source})"


def event_fields(event: Json) -> tuple[str, ...]:
    """What an event must hold: when cancelled only its id is sure, and for an exception what it replaces.

    Source: https://developers.google.com/workspace/calendar/api/v3/reference/events#status
    """
    replaced = _EXCEPTION if "recurringEventId" in event else ()
    return (_CANCELLED if event.get("status") == "cancelled" else _EVENT) + replaced


def _reached(value: Any, path: str) -> list[Any]:
    """The values at a path; an empty path is the value itself."""
    found = [value]
    for step in filter(None, path.split(".")):
        name, many = step.removesuffix("[]"), step.endswith("[]")
        nested = [item[name] for item in found if name in item]
        found = [item for items in nested for item in items] if many else nested
    return found


def _absent(value: Json, path: str) -> list[str]:
    """The path once for every object in which its last step is missing."""
    parent, _, name = path.rpartition(".")
    return [path for item in _reached(value, parent) if name not in item]
