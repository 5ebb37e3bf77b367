"""Reading calendars, by Google's own client."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from scripts.local import clock
from tests.local.google import ada
from tests.local.google.visitor import CALENDAR, CALENDARS, Visitor


def _week(**options: Any) -> dict[str, Any]:
    monday = ada.monday_of(clock.now()).replace(hour=0)
    return {
        "calendarId": "primary",
        "timeMin": monday.isoformat(),
        "timeMax": (monday + timedelta(days=7)).isoformat(),
        **options,
    }


def _list(calendar: Any, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = calendar.events().list(**options).execute()
    return found


def _summaries(answer: dict[str, Any]) -> list[str]:
    return [event.get("summary", event["status"]) for event in answer["items"]]


def _suffix(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def test_calendars_are_listed_with_access_and_zone(visitor: Visitor) -> None:
    calendar = visitor.calendar()
    entries = {entry["id"]: entry for entry in calendar.calendarList().list().execute()["items"]}
    assert entries[ada.EMAIL]["primary"] is True
    assert entries["boss@gmail.example"]["accessRole"] == "freeBusyReader"
    assert "primary" not in entries["boss@gmail.example"]
    writable = calendar.calendarList().list(minAccessRole="writer").execute()["items"]
    assert [entry["id"] for entry in writable] == [ada.EMAIL]
    assert calendar.calendarList().get(calendarId="primary").execute()["id"] == ada.EMAIL
    team = calendar.calendars().get(calendarId="team@group.calendar.google.com").execute()
    assert team["timeZone"] == "America/New_York"
    assert calendar.settings().get(setting="timezone").execute()["value"] == "Europe/Berlin"


def test_the_list_of_calendars_is_paged(visitor: Visitor) -> None:
    calendars = visitor.calendar().calendarList()
    request, found = calendars.list(maxResults=1), []
    while request is not None:
        answer = request.execute()
        found += [entry["id"] for entry in answer["items"]]
        request = calendars.list_next(request, answer)
    assert len(found) == len(set(found)) == 3
    assert calendars.list(syncToken=answer["nextSyncToken"]).execute()["items"] == []


def test_a_series_unrolls_with_its_exceptions_in_order(visitor: Visitor) -> None:
    monday = ada.monday_of(clock.now())
    answer = _list(visitor.calendar(), **_week(singleEvents=True, orderBy="startTime"))
    assert _summaries(answer) == [
        "Holiday",
        "Standup",
        "Review with Mira",
        "Sales pitch",
        "Standup, later",
        "Standup",
    ]
    first, moved, last = (answer["items"][place] for place in (1, 4, 5))
    assert first["id"] == f"standup_{_suffix(monday)}"
    assert first["recurringEventId"] == "standup"
    assert "recurrence" not in first
    assert datetime.fromisoformat(moved["start"]["dateTime"]).hour == 15
    assert datetime.fromisoformat(moved["originalStartTime"]["dateTime"]) == monday + timedelta(days=1)
    assert datetime.fromisoformat(last["start"]["dateTime"]) == monday + timedelta(days=3)


def test_without_unrolling_the_master_and_cancelled_exceptions_come(visitor: Visitor) -> None:
    answer = _list(visitor.calendar(), calendarId="primary")
    by_id = {event["id"]: event for event in answer["items"]}
    assert by_id["standup"]["recurrence"][0].startswith("RRULE:")
    wednesday = ada.monday_of(clock.now()) + timedelta(days=2)
    dropped = by_id[f"standup_{_suffix(wednesday)}"]
    assert set(dropped) == {"kind", "etag", "id", "status", "recurringEventId", "originalStartTime"}
    assert dropped["status"] == "cancelled"


def test_cancelled_instances_come_unrolled_only_on_demand(visitor: Visitor) -> None:
    shown = _list(visitor.calendar(), **_week(singleEvents=True, showDeleted=True))
    assert _summaries(shown).count("cancelled") == 1
    assert "cancelled" not in _summaries(_list(visitor.calendar(), **_week(singleEvents=True)))


def test_times_are_shown_in_the_asked_zone(visitor: Visitor) -> None:
    calendar = visitor.calendar()
    events = _list(calendar, **_week(singleEvents=True, q="review", timeZone="America/New_York"))
    assert events["timeZone"] == "America/New_York"
    start = events["items"][0]["start"]
    assert datetime.fromisoformat(start["dateTime"]) == ada.monday_of(clock.now()).replace(hour=11)
    assert start["dateTime"][-6:] in ("-05:00", "-04:00")
    assert start["timeZone"] == "Europe/Berlin"
    utc = _list(calendar, **_week(singleEvents=True, q="review", timeZone="UTC"))
    assert utc["items"][0]["start"]["dateTime"].endswith("Z")


def test_attendees_meeting_and_own_answer_are_there(visitor: Visitor) -> None:
    event = visitor.calendar().events().get(calendarId="primary", eventId="review").execute()
    own, mira = event["attendees"]
    assert (own["self"], own["organizer"], own["responseStatus"]) == (True, True, "accepted")
    assert (mira["email"], mira["responseStatus"]) == (ada.MIRA[1], "needsAction")
    assert event["hangoutLink"] == "https://meet.google.com/abc-defg-hij"
    assert event["conferenceData"]["entryPoints"][0]["uri"] == event["hangoutLink"]
    short = visitor.calendar().events().get(calendarId="primary", eventId="review", maxAttendees=1).execute()
    assert (short["attendeesOmitted"], len(short["attendees"])) == (True, 1)


def test_an_instance_is_found_by_its_id(visitor: Visitor) -> None:
    events, monday = visitor.calendar().events(), ada.monday_of(clock.now())
    instance = events.get(calendarId="primary", eventId=f"standup_{_suffix(monday)}").execute()
    assert instance["recurringEventId"] == "standup"
    for wrong in ("nothing", f"standup_{_suffix(monday + timedelta(hours=1))}", "review_20260101T000000Z"):
        with pytest.raises(HttpError) as refused:
            events.get(calendarId="primary", eventId=wrong).execute()
        assert refused.value.status_code == 404


def test_instances_of_a_series_are_listed_alone(visitor: Visitor) -> None:
    events, monday = visitor.calendar().events(), ada.monday_of(clock.now())
    assert len(events.instances(calendarId="primary", eventId="standup").execute()["items"]) == 3
    shown = events.instances(calendarId="primary", eventId="standup", showDeleted=True).execute()["items"]
    assert [event["status"] for event in shown].count("cancelled") == 1
    tuesday = (monday + timedelta(days=1)).isoformat()
    moved = events.instances(calendarId="primary", eventId="standup", originalStart=tuesday).execute()["items"]
    assert [event["summary"] for event in moved] == ["Standup, later"]


def test_pages_hold_what_is_asked_and_a_sync_token_ends_them(visitor: Visitor) -> None:
    events = visitor.calendar().events()
    request, found, tokens = events.list(**_week(singleEvents=True, maxResults=2)), [], []
    while request is not None:
        answer = request.execute()
        found += [event["id"] for event in answer["items"]]
        tokens.append("nextSyncToken" in answer)
        request = events.list_next(request, answer)
    assert len(found) == len(set(found)) == 6
    assert tokens == [False, False, True]


def test_pages_may_be_short_and_empty(visitor: Visitor) -> None:
    visitor.control("pages", {"short": True})
    events = visitor.calendar().events()
    request, sizes = events.list(**_week(singleEvents=True, maxResults=4)), []
    while request is not None:
        answer = request.execute()
        sizes.append(len(answer["items"]))
        request = events.list_next(request, answer)
    assert sum(sizes) == 6
    assert sizes[:2] == [2, 0]


def test_the_window_is_exclusive_at_both_ends(visitor: Visitor) -> None:
    calendar, monday = visitor.calendar(), ada.monday_of(clock.now())
    eleven, noon = monday.replace(hour=11).isoformat(), monday.replace(hour=12).isoformat()

    def found(begin: str, end: str) -> list[str]:
        answer = _list(calendar, calendarId="primary", singleEvents=True, q="review", timeMin=begin, timeMax=end)
        return _summaries(answer)

    assert found(eleven, noon) == ["Review with Mira"]
    assert found(noon, monday.replace(hour=13).isoformat()) == []
    assert found(monday.isoformat(), eleven) == []


def test_free_text_finds_places_and_people(visitor: Visitor) -> None:
    calendar = visitor.calendar()
    assert _summaries(_list(calendar, calendarId="primary", q="pier 3")) == ["Review with Mira"]
    assert "Review with Mira" in _summaries(_list(calendar, calendarId="primary", q="mira@studio.example"))
    assert _summaries(_list(calendar, calendarId="primary", q="zeppelin")) == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"orderBy": "startTime"}, "badRequest"),
        ({"timeMin": "2026-11-23T00:00:00Z", "timeMax": "2026-11-22T00:00:00Z"}, "timeRangeEmpty"),
        ({"maxResults": 0}, "invalidParameter"),
        ({"timeZone": "Mars/Olympus"}, "invalid"),
        ({"pageToken": "made-up"}, "invalidArgument"),
    ],
)
def test_a_wrong_parameter_is_refused(visitor: Visitor, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(HttpError) as refused:
        _list(visitor.calendar(), calendarId="primary", **options)
    assert refused.value.status_code == 400
    assert refused.value.error_details[0]["reason"] == reason


@pytest.mark.parametrize("value", ["2026-11-23T00:00:00", "2026-11-23", "yesterday"])
def test_a_time_without_offset_is_refused(visitor: Visitor, value: str) -> None:
    token = visitor.tokens()["access_token"]
    assert visitor.get("/calendar/v3/calendars/primary/events", token, timeMin=value).status_code == 400


def test_an_incremental_read_gives_what_changed_since(visitor: Visitor) -> None:
    calendar = visitor.calendar()
    token = _list(calendar, calendarId="primary")["nextSyncToken"]
    nothing = _list(calendar, calendarId="primary", syncToken=token)
    assert nothing["items"] == []
    visitor.control("events", {"user": ada.EMAIL, "event": {"id": "review", "status": "cancelled"}})
    wednesday = ada.monday_of(clock.now()) + timedelta(days=3)
    instance = f"standup_{_suffix(wednesday)}"
    visitor.control("events", {"user": ada.EMAIL, "event": {"id": instance, "summary": "Standup outside"}})
    changed = _list(calendar, calendarId="primary", syncToken=nothing["nextSyncToken"])
    assert {event["id"]: event.get("summary") for event in changed["items"]} == {
        "review": None,
        instance: "Standup outside",
    }
    assert _list(calendar, calendarId="primary", syncToken=changed["nextSyncToken"])["items"] == []


def test_a_change_between_pages_is_in_the_next_incremental_read(visitor: Visitor) -> None:
    events = visitor.calendar().events()
    request = events.list(calendarId="primary", maxResults=4)
    first = request.execute()
    visitor.control("events", {"user": ada.EMAIL, "event": {"id": first["items"][0]["id"], "location": "Elsewhere"}})
    last = events.list_next(request, first).execute()
    changed = events.list(calendarId="primary", syncToken=last["nextSyncToken"]).execute()
    assert first["items"][0]["id"] in [event["id"] for event in changed["items"]]


@pytest.mark.parametrize(
    "options",
    [
        {"q": "x"},
        {"orderBy": "updated"},
        {"timeMin": "2026-11-23T00:00:00Z"},
        {"updatedMin": "2026-11-23T00:00:00Z"},
        {"iCalUID": "x"},
        {"showDeleted": False},
        {"privateExtendedProperty": "a=b"},
    ],
)
def test_a_sync_token_goes_with_no_restriction(visitor: Visitor, options: dict[str, Any]) -> None:
    calendar = visitor.calendar()
    token = _list(calendar, calendarId="primary")["nextSyncToken"]
    with pytest.raises(HttpError) as refused:
        _list(calendar, calendarId="primary", syncToken=token, **options)
    assert refused.value.status_code == 400


def test_a_searched_or_ordered_read_gets_no_sync_token(visitor: Visitor) -> None:
    assert "nextSyncToken" not in _list(visitor.calendar(), calendarId="primary", q="review")
    assert "nextSyncToken" not in _list(visitor.calendar(), calendarId="primary", orderBy="updated")


def test_a_void_sync_token_demands_a_full_read(visitor: Visitor, move_clock: Callable[[timedelta], None]) -> None:
    calendar = visitor.calendar()
    token = _list(calendar, calendarId="primary")["nextSyncToken"]

    def reason(value: str) -> tuple[int, str]:
        with pytest.raises(HttpError) as refused:
            _list(calendar, calendarId="primary", syncToken=value)
        return int(refused.value.status_code), str(refused.value.error_details[0]["reason"])

    assert reason("made-up") == (410, "fullSyncRequired")
    visitor.control("expire", {"what": "sync_tokens", "user": ada.EMAIL})
    assert reason(token) == (410, "fullSyncRequired")
    token = _list(calendar, calendarId="primary")["nextSyncToken"]
    assert _list(calendar, calendarId="primary", syncToken=token)["items"] == []
    move_clock(timedelta(days=29))
    assert reason(token) == (410, "fullSyncRequired")


def test_of_a_free_busy_calendar_only_times_are_seen(visitor: Visitor) -> None:
    (event,) = _list(visitor.calendar(), calendarId="boss@gmail.example")["items"]
    assert event["visibility"] == "private"
    assert not {"summary", "creator", "organizer", "attendees"} & set(event)


def test_busy_times_are_merged_without_declined_and_transparent_ones(visitor: Visitor) -> None:
    monday = ada.monday_of(clock.now()).replace(hour=0)
    body = {
        "timeMin": monday.isoformat(),
        "timeMax": (monday + timedelta(days=1)).isoformat(),
        "timeZone": "Europe/Berlin",
        "items": [{"id": ada.EMAIL}, {"id": "boss@gmail.example"}, {"id": ada.BRAM}],
    }
    found = visitor.calendar().freebusy().query(body=body).execute()["calendars"]
    hours = [
        (datetime.fromisoformat(period["start"]).hour, datetime.fromisoformat(period["end"]).hour)
        for period in found[ada.EMAIL]["busy"]
    ]
    assert hours == [(9, 9), (11, 12)]
    assert len(found["boss@gmail.example"]["busy"]) == 1
    assert found[ada.BRAM]["errors"] == [{"domain": "global", "reason": "notFound"}]


def test_each_method_asks_for_its_own_scope(visitor: Visitor) -> None:
    events_only = visitor.calendar(scope=CALENDAR)
    assert events_only.events().list(calendarId="primary").execute()["items"]
    with pytest.raises(HttpError) as refused:
        events_only.calendarList().list().execute()
    assert refused.value.status_code == 403
    assert refused.value.error_details[0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    with pytest.raises(HttpError):
        visitor.calendar(scope=CALENDARS).events().insert(calendarId="primary", body={}).execute()


def test_an_unknown_calendar_is_not_found(visitor: Visitor) -> None:
    for name in (ada.BRAM, "nobody@x.example"):
        with pytest.raises(HttpError) as refused:
            _list(visitor.calendar(), calendarId=name)
        assert refused.value.status_code == 404
