"""Answers are judged by Google's discovery documents and by the list of what must be present."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from scripts.local.google import GoogleConfig, serve
from scripts.local.google.api import HANDLERS
from scripts.local.google.discovery import DOCUMENTS
from scripts.local.google.people_source import people_source
from scripts.local.google.quota import GMAIL_UNITS
from scripts.local.google.required_fields import REQUIREMENTS, missing
from scripts.local.google.schema import violations
from scripts.local.provider.people_source import PeopleRequest
from tests.local.conftest import LoopThread
from tests.local.google import ada
from tests.local.google.visitor import CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, Visitor

_METHODS = {method.id: method for document in DOCUMENTS.values() for method in document.methods}


def _judge(document: str, schema: str, value: Any) -> list[str]:
    return list(violations(DOCUMENTS[document].schemas, {"$ref": schema}, value))


@pytest.mark.parametrize(
    ("document", "schema", "value", "words"),
    [
        ("gmail.v1", "Message", {"surprise": 1}, "unknown field"),
        (
            "gmail.v1",
            "Message",
            {"payload": {"parts": [{"body": {"surprise": 1}}]}},
            "$.payload.parts[0].body.surprise",
        ),
        ("gmail.v1", "Message", {"internalDate": 1794471344000}, "expected string"),
        ("gmail.v1", "Message", {"internalDate": "12.5"}, "int64"),
        ("gmail.v1", "Message", {"historyId": "-1"}, "uint64"),
        ("gmail.v1", "Message", {"sizeEstimate": True}, "expected integer"),
        ("gmail.v1", "Message", {"sizeEstimate": 2**31}, "int32"),
        ("gmail.v1", "Message", {"labelIds": "INBOX"}, "expected array"),
        ("gmail.v1", "MessagePartBody", {"data": "a+b/"}, "byte"),
        ("gmail.v1", "MessagePartBody", {"data": "abc"}, "byte"),
        ("gmail.v1", "Label", {"type": "own"}, "not one of"),
        ("calendar.v3", "Event", {"updated": "2026-11-23T10:00:00"}, "date-time"),
        ("calendar.v3", "Event", {"updated": "2026-13-23T10:00:00Z"}, "date-time"),
        ("calendar.v3", "EventDateTime", {"date": "2026-1-2"}, "format date"),
        ("calendar.v3", "Event", {"extendedProperties": {"private": {"a": 1}}}, "expected string"),
        ("calendar.v3", "FreeBusyResponse", {"calendars": {"x": {"busy": [{"begin": "x"}]}}}, "unknown field"),
    ],
)
def test_what_google_would_never_answer_is_found(document: str, schema: str, value: Any, words: str) -> None:
    (found,) = _judge(document, schema, value)
    assert words in found


def test_what_google_answers_is_accepted() -> None:
    event = {
        "start": {"dateTime": "2026-11-23T10:00:00+01:00"},
        "end": {"date": "2026-11-23"},
        "updated": "2026-11-23T10:00:00.123Z",
        "extendedProperties": {"private": {"a": "b"}},
    }
    assert _judge("calendar.v3", "Event", event) == []
    assert _judge("gmail.v1", "MessagePartBody", {"data": "_-8=", "size": 2}) == []


def test_every_imitated_method_has_a_list_of_fields_a_source_and_a_price() -> None:
    for method_id in HANDLERS:
        assert method_id in _METHODS
        keys = [key for key in REQUIREMENTS if key.partition("?")[0] == method_id]
        assert keys, method_id
        assert all(REQUIREMENTS[key].source.startswith("https://") for key in keys)
        assert not method_id.startswith("gmail.") or method_id in GMAIL_UNITS


def test_every_demanded_field_is_one_that_the_document_knows() -> None:
    for key, requirement in REQUIREMENTS.items():
        method = _METHODS[key.partition("?")[0]]
        schemas = next(document.schemas for document in DOCUMENTS.values() if method in document.methods)
        for path in requirement.fields:
            schema = schemas[method.response or ""]
            for step in path.split("."):
                schema = schema["properties"][step.removesuffix("[]")]
                schema = schema["items"] if step.endswith("[]") else schema
                schema = schemas[schema["$ref"]] if "$ref" in schema else schema


def test_a_missing_field_is_named_with_its_source() -> None:
    (found,) = missing("gmail.users.messages.list", None, {"resultSizeEstimate": 1, "messages": [{"id": "a"}]})
    assert found.startswith("messages[].threadId is missing (https://")
    cancelled = {"kind": "calendar#event", "etag": "x", "id": "a", "status": "cancelled", "recurringEventId": "b"}
    assert "originalStartTime is missing" in next(missing("calendar.events.get", None, cancelled))


def test_an_answer_that_breaks_the_contract_is_a_loud_failure(visitor: Visitor) -> None:
    visitor.control("events", {"user": ada.EMAIL, "event": {"id": "review", "surprise": 1}})
    answer = visitor.get("/calendar/v3/calendars/primary/events/review", visitor.tokens()["access_token"])
    assert answer.status_code == 500
    assert "$.surprise: unknown field" in answer.json()["error"]["message"]


@pytest.fixture(scope="module")
def crowd(loop_thread: LoopThread) -> Iterator[Visitor]:
    """A Google of generated people: the two known ones and some whom nobody has met."""
    source = people_source(PeopleRequest(unseen=(1, 2)))
    config = GoogleConfig(
        CLIENT_ID, CLIENT_SECRET, (REDIRECT_URI,), source, gmail_units_per_minute=10**6, auto_approve=True
    )
    handle = loop_thread.run(serve(config))
    yield Visitor(handle.url)
    loop_thread.run(handle.close())


@pytest.mark.parametrize(
    "place", [0, 1, pytest.param(2, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)]
)
def test_everything_that_generated_people_have_is_answered_within_the_contract(crowd: Visitor, place: int) -> None:
    person = crowd.read_control("people")["people"][place]
    token = crowd.tokens(login_hint=person["email"], prompt="consent")["access_token"]

    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"

    def read(path: str, **query: Any) -> Any:
        answer = session.get(f"{crowd.url}{path}", params=query, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    mail = "/gmail/v1/users/me"
    messages = read(f"{mail}/messages", maxResults=500, includeSpamTrash=True)["messages"]
    for message in messages:
        for form in ("full", "metadata", "raw"):
            read(f"{mail}/messages/{message['id']}", format=form)
        read(f"{mail}/threads/{message['threadId']}")
    read(f"{mail}/labels")
    for calendar in read("/calendar/v3/users/me/calendarList")["items"]:
        path = f"/calendar/v3/calendars/{calendar['id'].replace('#', '%23')}/events"
        for event in read(path, showDeleted=True)["items"]:
            read(f"{path}/{event['id']}")
        read(path, singleEvents=True, orderBy="startTime", maxResults=2500)
    assert person["expected"]["injected_message_id"] in [message["id"] for message in messages]


@pytest.mark.parametrize("place", range(4))
def test_the_events_of_a_persons_day_are_those_that_the_generator_expects(crowd: Visitor, place: int) -> None:
    found = crowd.read_control("people")
    person = found["people"][place]
    token = crowd.tokens(login_hint=person["email"], prompt="consent")["access_token"]
    begin, end = _day(found["loaded_at"], person["time_zone"])
    ids = set()
    for calendar in person["calendars"]:
        path = f"/calendar/v3/calendars/{calendar.replace('#', '%23')}/events"
        answer = crowd.get(path, token, singleEvents=True, timeMin=begin, timeMax=end)
        ids |= {event["id"] for event in answer.json()["items"] if not _is_declined(event)}
    assert ids == set(person["expected"]["today_event_ids"])


def _is_declined(event: dict[str, Any]) -> bool:
    own = [attendee for attendee in event.get("attendees", []) if attendee.get("self")]
    return any(attendee["responseStatus"] == "declined" for attendee in own)


def _day(moment: str, zone_name: str) -> tuple[str, str]:
    local = datetime.fromisoformat(moment).astimezone(ZoneInfo(zone_name))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.isoformat(), (midnight + timedelta(days=1)).isoformat()


def test_reloading_puts_the_people_back(visitor: Visitor) -> None:
    visitor.control("events", {"user": ada.EMAIL, "event": {"id": "review", "summary": "Changed"}})
    calendar = visitor.calendar()
    loaded = visitor.control("people", {})
    assert [person["email"] for person in loaded["people"]] == [ada.EMAIL, ada.BRAM]
    event = calendar.events().get(calendarId="primary", eventId="review").execute()
    assert event["summary"] == "Review with Mira"
    others = visitor.control("people", {"known": ["demo"], "unseen": [5]})["people"]
    assert len(others) == 2
    assert others[0]["user_id"].startswith("user_demo")
