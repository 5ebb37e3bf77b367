"""Which paths there are, who answers them, and which of which scopes are needed.

Segments that are names are read without regard to case; `/users/{own id or address}` is the same as `/me`.
Scopes: https://learn.microsoft.com/graph/permissions-reference
"""

from dataclasses import dataclass
from urllib.parse import unquote

from scripts.local.microsoft.graph import calendars, event_writing, events, mail_folders, messages, user
from scripts.local.microsoft.graph.errors import GraphError, bad_request
from scripts.local.microsoft.graph.request import Handler

VERSION = "v1.0"
_USER = frozenset(("User.Read", "User.ReadWrite", "User.ReadBasic.All", "User.Read.All"))
_MAIL_BASIC = frozenset(("Mail.ReadBasic", "Mail.Read", "Mail.ReadWrite"))
_MAIL = _MAIL_BASIC - {"Mail.ReadBasic"}
_CALENDARS_BASIC = frozenset(("Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite"))
_CALENDARS_WRITING = frozenset(("Calendars.ReadWrite",))


@dataclass(frozen=True, slots=True)
class Route:
    """A method on a path; one of the scopes is enough. `outlook` is served by a mailbox, and throttled with it."""

    method: str
    template: str
    scopes: frozenset[str]
    handler: Handler
    outlook: bool = True

    @property
    def operation(self) -> str:
        """Its name in the record of calls."""
        return f"{self.method} /{self.template}"

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The ids in a path that is this one's."""
        parts = self.template.split("/")
        if len(parts) != len(segments) or _common(parts, segments) != len(parts):
            return None
        return {part[1:-1]: segment for part, segment in zip(parts, segments, strict=True) if part.startswith("{")}


_FOLDER = "me/mailFolders/{folder}"
_MESSAGES = ("me/messages", f"{_FOLDER}/messages")
_CALENDARS = ("me/calendar", "me/calendars/{calendar}")
_EVENTS = ("me/events", *(f"{calendar}/events" for calendar in _CALENDARS))

ROUTES = (
    Route("GET", "me", _USER, user.get_me, outlook=False),
    Route("GET", "me/mailFolders", _MAIL_BASIC, mail_folders.list_folders),
    Route("GET", _FOLDER, _MAIL_BASIC, mail_folders.get_folder),
    Route("GET", f"{_FOLDER}/childFolders", _MAIL_BASIC, mail_folders.list_child_folders),
    *(Route("GET", path, _MAIL_BASIC, messages.list_messages) for path in _MESSAGES),
    *(Route("GET", f"{path}/{{message}}", _MAIL_BASIC, messages.get_message) for path in _MESSAGES),
    *(Route("GET", f"{path}/{{message}}/attachments", _MAIL, messages.list_attachments) for path in _MESSAGES),
    Route("GET", "me/messages/{message}/attachments/{attachment}", _MAIL, messages.get_attachment),
    Route("GET", "me/messages/{message}/attachments/{attachment}/$value", _MAIL, messages.get_attachment_content),
    Route("GET", "me/calendars", _CALENDARS_BASIC, calendars.list_calendars),
    *(Route("GET", path, _CALENDARS_BASIC, calendars.get_calendar) for path in _CALENDARS),
    *(Route("GET", f"{path}/calendarView", _CALENDARS_BASIC, calendars.view_calendar) for path in ("me", *_CALENDARS)),
    *(Route("GET", path, _CALENDARS_BASIC, events.list_events) for path in _EVENTS),
    *(Route("GET", f"{path}/{{event}}", _CALENDARS_BASIC, events.get_event) for path in _EVENTS),
    *(Route("POST", path, _CALENDARS_WRITING, event_writing.create_event) for path in _EVENTS),
    *(Route("PATCH", f"{path}/{{event}}", _CALENDARS_WRITING, event_writing.update_event) for path in _EVENTS),
    *(Route("DELETE", f"{path}/{{event}}", _CALENDARS_WRITING, event_writing.delete_event) for path in _EVENTS),
)


@dataclass(frozen=True, slots=True)
class Match:
    """A route, and the ids in the path."""

    route: Route
    parameters: dict[str, str]


def segments_of(path: str) -> list[str]:
    """The decoded segments after the version. Raises GraphError for another version."""
    version, *segments = [unquote(segment) for segment in path.strip("/").split("/")]
    if version != VERSION:
        raise bad_request(f"Invalid version: {version}.")
    return segments


def find(method: str, segments: list[str]) -> Match:
    """The route of a path. Raises GraphError for a path or a method that is none."""
    matches = [(route, route.match(segments)) for route in ROUTES]
    found = [Match(route, parameters) for route, parameters in matches if parameters is not None]
    for match in found:
        if match.route.method == method:
            return match
    if found:
        raise GraphError(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
    known = max(_common(route.template.split("/"), segments) for route in ROUTES)
    wrong = segments[min(known, len(segments) - 1)] if segments else ""
    raise bad_request(f"Resource not found for the segment '{wrong}'.")


def _common(parts: list[str], segments: list[str]) -> int:
    """How many segments from the left are of the template."""
    count = 0
    for part, segment in zip(parts, segments, strict=False):
        if not segment or not (part.startswith("{") or part.casefold() == segment.casefold()):
            break
        count += 1
    return count
