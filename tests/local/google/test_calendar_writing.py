"""Adding events, by Google's own client, and how series unroll."""

from datetime import UTC, datetime
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.local.google import ada
from tests.local.google.visitor import Visitor


def _insert(calendar: Any, **body: Any) -> dict[str, Any]:
    event = {
        "summary": "New",
        "start": {"dateTime": "2027-03-01T10:00:00+01:00"},
        "end": {"dateTime": "2027-03-01T11:00:00+01:00"},
    }
    found: dict[str, Any] = calendar.events().insert(calendarId="primary", body=event | body).execute()
    return found


def _starts(calendar: Any, event_id: str) -> list[str]:
    items = calendar.events().instances(calendarId="primary", eventId=event_id, timeZone="UTC").execute()["items"]
    return [event["start"].get("dateTime", event["start"].get("date")) for event in items]


def test_an_added_event_is_read_back(visitor: Visitor) -> None:
    calendar = visitor.calendar()
    added = _insert(
        calendar,
        id="m00id",
        attendees=[{"email": ada.MIRA[1]}],
        extendedProperties={"private": {"briefly": "1"}},
        etag="ignored",
    )
    assert added["organizer"] == {"email": ada.EMAIL, "self": True}
    assert added["attendees"][0]["responseStatus"] == "needsAction"
    assert added["start"] == {"dateTime": "2027-03-01T10:00:00+01:00", "timeZone": "Europe/Berlin"}
    assert calendar.events().get(calendarId="primary", eventId="m00id").execute() == added
    found = calendar.events().list(calendarId="primary", privateExtendedProperty="briefly=1").execute()["items"]
    assert [event["id"] for event in found] == ["m00id"]


def test_an_own_id_makes_adding_idempotent(visitor: Visitor) -> None:
    calendar = visitor.calendar()
    _insert(calendar, id="once5")
    with pytest.raises(HttpError) as refused:
        _insert(calendar, id="once5")
    assert refused.value.status_code == 409
    assert refused.value.error_details[0]["reason"] == "duplicate"
    assert len(_insert(calendar)["id"]) == 26


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"id": "abc"}, "invalid"),
        ({"id": "with-hyphen"}, "invalid"),
        ({"start": None}, "required"),
        ({"end": {}}, "required"),
        ({"end": {"dateTime": "2027-03-01T09:00:00+01:00"}}, "timeRangeEmpty"),
        ({"end": {"date": "2027-03-02"}}, "invalid"),
        ({"start": {"dateTime": "2027-03-01T10:00:00"}}, "required"),
        ({"start": {"dateTime": "2027-03-01T10:00:00", "timeZone": "Mars/Olympus"}}, "invalid"),
        ({"recurrence": ["RRULE:FREQ=DAILY"]}, "required"),
        ({"surprise": 1}, None),
        ({"summary": 7}, None),
        ({"attendees": [{"mail": "x"}]}, None),
        ({"start": {"dateTime": "soon"}}, None),
    ],
)
def test_a_wrong_event_is_refused_and_nothing_is_added(
    visitor: Visitor, body: dict[str, Any], reason: str | None
) -> None:
    calendar = visitor.calendar()
    before = calendar.events().list(calendarId="primary").execute()["items"]
    with pytest.raises(HttpError) as refused:
        _insert(calendar, **body)
    assert refused.value.status_code == 400
    assert reason is None or refused.value.error_details[0]["reason"] == reason
    assert calendar.events().list(calendarId="primary").execute()["items"] == before


def test_a_local_time_with_its_zone_gets_an_offset(visitor: Visitor) -> None:
    zone = "America/New_York"
    event = _insert(
        visitor.calendar(),
        start={"dateTime": "2027-07-01T10:00:00", "timeZone": zone},
        end={"dateTime": "2027-07-01T11:00:00", "timeZone": zone},
    )
    assert event["start"] == {"dateTime": "2027-07-01T16:00:00+02:00", "timeZone": zone}


def test_a_reader_adds_nothing(visitor: Visitor) -> None:
    body = {"start": {"date": "2027-03-01"}, "end": {"date": "2027-03-02"}}
    with pytest.raises(HttpError) as refused:
        visitor.calendar().events().insert(calendarId="team@group.calendar.google.com", body=body).execute()
    assert refused.value.error_details[0]["reason"] == "requiredAccessLevel"


def test_a_series_keeps_its_wall_time_over_a_change_of_offset(visitor: Visitor) -> None:
    zone = {"timeZone": "Europe/Berlin"}
    calendar = visitor.calendar()
    _insert(
        calendar,
        id="series7",
        start={"dateTime": "2027-03-15T09:00:00", **zone},
        end={"dateTime": "2027-03-15T10:00:00", **zone},
        recurrence=["RRULE:FREQ=WEEKLY;UNTIL=20270405T070000Z", "EXDATE:20270322T080000Z"],
    )
    assert _starts(calendar, "series7") == ["2027-03-15T08:00:00Z", "2027-03-29T07:00:00Z", "2027-04-05T07:00:00Z"]


def test_a_time_in_the_gap_takes_the_offset_before_it_and_lasts_exactly(visitor: Visitor) -> None:
    zone = {"timeZone": "Europe/Berlin"}
    calendar = visitor.calendar()
    _insert(
        calendar,
        id="nights",
        start={"dateTime": "2027-03-27T02:30:00", **zone},
        end={"dateTime": "2027-03-27T03:30:00", **zone},
        recurrence=["RRULE:FREQ=DAILY;COUNT=3"],
    )
    assert _starts(calendar, "nights") == ["2027-03-27T01:30:00Z", "2027-03-28T01:30:00Z", "2027-03-29T00:30:00Z"]
    events = calendar.events().instances(calendarId="primary", eventId="nights").execute()["items"]
    for event in events:
        begin, end = (datetime.fromisoformat(event[name]["dateTime"]) for name in ("start", "end"))
        assert (end.astimezone(UTC) - begin.astimezone(UTC)).total_seconds() == 3600


def test_an_all_day_series_repeats_by_dates(visitor: Visitor) -> None:
    calendar = visitor.calendar()
    _insert(
        calendar,
        id="rent1",
        start={"date": "2027-01-31"},
        end={"date": "2027-02-01"},
        recurrence=["RRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", "RDATE;VALUE=DATE:20270215"],
    )
    assert _starts(calendar, "rent1") == ["2027-01-31", "2027-02-15", "2027-02-28", "2027-03-31"]
    found = calendar.events().get(calendarId="primary", eventId="rent1_20270228").execute()
    assert found["end"] == {"date": "2027-03-01"}


@pytest.mark.parametrize("line", ["DTSTART:20270101T000000Z", "RRULE:FREQ=SOMETIMES", "nonsense"])
def test_a_wrong_rule_is_refused(visitor: Visitor, line: str) -> None:
    zone = {"timeZone": "Europe/Berlin"}
    with pytest.raises(HttpError, match="Invalid recurrence rule"):
        _insert(
            visitor.calendar(),
            start={"dateTime": "2027-03-15T09:00:00", **zone},
            end={"dateTime": "2027-03-15T10:00:00", **zone},
            recurrence=[line],
        )
