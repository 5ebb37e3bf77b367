"""Graph's calendars: views with series taken apart, time zones, whole days, and events that applications write."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from scripts.local import clock
from scripts.local.people.person import make_person
from tests.local.google import ada
from tests.local.microsoft.graph_rig import BERLIN, WRITING, Client, graph_of

START = {"dateTime": "2026-03-02T09:00:00", "timeZone": "Europe/Berlin"}
END = {"dateTime": "2026-03-02T09:30:00", "timeZone": "W. Europe Standard Time"}


@pytest.fixture
def client() -> Client:
    return Client(graph_of(*ada.people(clock.now())), ada.EMAIL, WRITING)


def at(day: int, hour: int) -> datetime:
    return ada.monday_of(clock.now()).replace(hour=hour) + timedelta(days=day)


def view(client: Client, prefer: str | None = None, **query: Any) -> list[Any]:
    """The present week of the default calendar."""
    window = {"startDateTime": f"{at(0, 0):%Y-%m-%d}", "endDateTime": f"{at(6, 0):%Y-%m-%d}"}
    return client.ask("/me/calendarView", prefer, **{"top": 50, **window, **query}).value


def test_calendars_are_listed_the_default_one_first(client: Client) -> None:
    calendars = client.ask("/me/calendars").value
    kinds = [(one["name"], one["isDefaultCalendar"], one["canEdit"]) for one in calendars]
    assert kinds == [("Calendar", True, True), ("Team", False, False), ("Boss", False, False)]
    assert client.ask("/me/calendar").body["id"] == calendars[0]["id"]


def test_a_view_takes_series_apart(client: Client) -> None:
    assert [(one["subject"], one["type"]) for one in view(client)] == [
        ("Holiday", "singleInstance"),
        ("Standup", "occurrence"),
        ("Review with Mira", "singleInstance"),
        ("Sales pitch", "singleInstance"),
        ("Standup, later", "exception"),
        ("Standup", "occurrence"),
    ]


def test_a_view_gives_no_dates_of_writing_to_those_who_select(client: Client) -> None:
    dates = {"createdDateTime", "lastModifiedDateTime"}
    asked = view(client, select="subject,createdDateTime,lastModifiedDateTime")
    assert asked
    assert {name for one in asked for name in one if not name.startswith("@")} == {"id", "subject"}
    assert all(dates <= set(one) for one in view(client))
    alone = client.ask(f"/me/events/{asked[0]['id']}", select="lastModifiedDateTime").body
    assert "lastModifiedDateTime" in alone


def test_an_exception_keeps_its_original_start(client: Client) -> None:
    moved = next(one for one in view(client, BERLIN) if one["type"] == "exception")
    assert moved["seriesMasterId"] == client.named("Standup", path="/me/events")["id"]
    assert datetime.fromisoformat(moved["originalStart"]) == at(1, 9)
    assert moved["start"]["dateTime"] == f"{at(1, 15):%Y-%m-%dT%H:%M:%S}.0000000"


def test_a_view_needs_its_window(client: Client) -> None:
    assert client.ask("/me/calendarView", startDateTime="2026-01-01").error[:2] == (400, "ErrorInvalidParameter")
    wrong = client.ask("/me/calendarView", startDateTime="soon", endDateTime="2026-01-01").error
    assert wrong[2] == "The value of parameter 'StartDateTime' is invalid."


@pytest.mark.parametrize("name", ["Europe/Berlin", "W. Europe Standard Time"])
def test_a_zone_is_preferred_by_either_of_its_names(client: Client, name: str) -> None:
    review = next(one for one in view(client, f'outlook.timezone="{name}"') if one["subject"] == "Review with Mira")
    assert review["start"] == {"dateTime": f"{at(0, 11):%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": name}


def test_a_zone_that_nobody_knows_is_refused(client: Client) -> None:
    asked = client.ask("/me/events", 'outlook.timezone="Mars/Olympus"')
    assert asked.error[:2] == (400, "TimeZoneNotSupportedException")


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "Tokyo Standard Time"])
def test_a_whole_day_is_from_midnight_to_midnight_in_whichever_zone(client: Client, name: str) -> None:
    holiday = next(one for one in view(client, f'outlook.timezone="{name}"') if one["isAllDay"])
    assert holiday["start"] == {"dateTime": f"{at(0, 0):%Y-%m-%d}T00:00:00.0000000", "timeZone": name}
    assert holiday["end"] == {"dateTime": f"{at(1, 0):%Y-%m-%d}T00:00:00.0000000", "timeZone": name}


def test_who_answered_what_is_told(client: Client) -> None:
    found = {one["subject"]: one for one in view(client)}
    review, declined = found["Review with Mira"], found["Sales pitch"]
    assert (review["isOrganizer"], review["responseStatus"]["response"]) == (True, "organizer")
    assert [one["emailAddress"]["address"] for one in review["attendees"]] == [ada.MIRA[1]]
    assert (review["location"]["displayName"], review["showAs"]) == ("Pier 3", "busy")
    assert (declined["responseStatus"]["response"], declined["showAs"]) == ("declined", "free")


def test_events_name_their_zones_as_their_clients_do() -> None:
    names: set[str] = set()
    for which in ("demo", "second"):
        person = make_person("demo" if which == "demo" else "second", clock.now(), provider="microsoft")
        found = Client(graph_of(person), person.email).ask("/me/events", top=100).value
        names |= {one["originalStartTimeZone"] for one in found}
    assert {"W. Europe Standard Time", "America/New_York"} <= names


def test_a_cancelled_event_stays_and_says_so() -> None:
    person = make_person("demo", clock.now(), provider="microsoft")
    events = Client(graph_of(person), person.email).ask("/me/events", top=100).value
    cancelled = next(one for one in events if one["isCancelled"])
    assert (cancelled["subject"][:10], cancelled["showAs"]) == ("Canceled: ", "free")


@pytest.mark.parametrize(
    ("pattern", "limits", "days"),
    [
        ({"type": "daily", "interval": 2}, {"type": "numbered", "numberOfOccurrences": 3}, [2, 4, 6]),
        (
            {"type": "weekly", "interval": 1, "daysOfWeek": ["monday", "thursday"]},
            {"type": "endDate", "endDate": "2026-03-12"},
            [2, 5, 9, 12],
        ),
        ({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 2}, {"type": "noEnd"}, [2]),
        (
            {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["monday"], "index": "first"},
            {"type": "noEnd"},
            [2],
        ),
        ({"type": "absoluteYearly", "interval": 1, "dayOfMonth": 2, "month": 3}, {"type": "noEnd"}, [2]),
    ],
)
def test_a_series_is_made_by_its_pattern(
    client: Client, pattern: dict[str, Any], limits: dict[str, Any], days: list[int]
) -> None:
    recurrence = {"pattern": pattern, "range": limits | {"startDate": "2026-03-02"}}
    body = {"subject": "Again", "start": START, "end": END, "recurrence": recurrence}
    made = client.send("POST", "/me/events", body).body
    assert (made["type"], made["recurrence"]["pattern"]["type"]) == ("seriesMaster", pattern["type"])
    window = {"startDateTime": "2026-03-01", "endDateTime": "2026-04-01"}
    found = client.ask("/me/calendarView", **window, top=50, filter="subject eq 'Again'").value
    assert [date.fromisoformat(one["start"]["dateTime"][:10]).day for one in found] == days


def test_an_occurrence_that_is_changed_becomes_an_exception(client: Client) -> None:
    occurrence = next(one for one in view(client) if one["type"] == "occurrence")
    changed = client.send("PATCH", f"/me/events/{occurrence['id']}", {"subject": "Standup, shorter"}).body
    assert (changed["id"], changed["type"]) == (occurrence["id"], "exception")
    assert changed["changeKey"] != occurrence["changeKey"]
    assert [one["subject"] for one in view(client)].count("Standup, shorter") == 1


def test_an_occurrence_that_is_deleted_takes_place_no_more(client: Client) -> None:
    occurrence = next(one for one in view(client) if one["type"] == "occurrence")
    assert client.send("DELETE", f"/me/events/{occurrence['id']}").status == 204
    assert occurrence["id"] not in {one["id"] for one in view(client)}
    assert client.send("DELETE", f"/me/events/{occurrence['seriesMasterId']}").status == 204
    assert not [one for one in view(client) if one["subject"].startswith("Standup")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"colour": "red"}, "RequestBodyRead"),
        ({"id": "mine"}, "ErrorInvalidRequest"),
        ({"showAs": "away"}, "RequestBodyRead"),
        ({"end": {"dateTime": "2026-03-02T08:00:00", "timeZone": "Europe/Berlin"}}, "ErrorPropertyValidationFailure"),
        ({"start": {"dateTime": "2026-03-02T09:00:00"}}, "ErrorPropertyValidationFailure"),
        ({"start": {"dateTime": "2026-03-02T09:00:00", "timeZone": "Mars"}}, "TimeZoneNotSupportedException"),
        ({"isAllDay": True}, "ErrorPropertyValidationFailure"),
        ({"attendees": [{"name": "Mira"}]}, "RequestBodyRead"),
        ({"recurrence": {"pattern": {"type": "hourly"}, "range": {}}}, "ErrorInvalidRequest"),
    ],
)
def test_what_is_no_event_is_refused(client: Client, changes: dict[str, Any], code: str) -> None:
    body = {"subject": "Wrong", "start": START, "end": END} | changes
    assert client.send("POST", "/me/events", body).error[:2] == (400, code)


def test_a_calendar_of_somebody_else_is_only_read(client: Client) -> None:
    body = {"subject": "Mine", "start": START, "end": END}
    team = client.ask("/me/calendars").value[1]["id"]
    assert client.send("POST", f"/me/calendars/{team}/events", body).error[:2] == (403, "ErrorAccessDenied")
    reading = Client(client.graph, client.email)
    assert reading.send("POST", "/me/events", body).error[:2] == (403, "ErrorAccessDenied")
