"""Two weeks of a person's calendars: single events, series with exceptions, and what of it happens today."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from scripts.local.people.cast import Cast, read_text
from scripts.local.people.models import Attendee, Calendar, Event, Provider, ResponseStatus
from scripts.local.people.recurrence import WeeklySeries, instance_id

MONDAY_TO_FRIDAY = (0, 1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Diary:
    """The calendars and, known by construction, the ids that a reader of today must see."""

    calendars: tuple[Calendar, ...]
    today_event_ids: tuple[str, ...]

    def invitations(self) -> list[Event]:
        """Events of the primary calendar to which somebody else invited the person, series left out."""
        events = [event for calendar in self.calendars if calendar.primary for event in calendar.events]
        return [
            event
            for event in events
            if event.recurring_event_id is None
            and not event.recurrence
            and event.status != "cancelled"
            and any(one.organizer and not one.is_self for one in event.attendees)
        ]


def write_diary(cast: Cast, now: datetime) -> Diary:
    """The calendars of the cast's person around `now`, which must be aware."""
    return _DiaryWriter(cast, now).write()


class _DiaryWriter:
    def __init__(self, cast: Cast, now: datetime) -> None:
        self.cast = cast
        self.zone = ZoneInfo(cast.zone)
        self.today = now.astimezone(self.zone).date()
        self.primary: list[Event] = []
        self.family: list[Event] = []
        self.today_ids: list[tuple[datetime, str]] = []

    def write(self) -> Diary:
        for position, row in enumerate(read_text("schedule")["event"]):
            self._add_single(position, row)
        self._add_stand_up()
        self._add_weekly_meetings()
        self._add_conference()
        birthdays = (self._birthday(),)
        holidays = (self._all_day("holiday", self.today - timedelta(days=4), 1),)
        calendars = (
            self._calendar(self.cast.email, self.cast.email, True, self.primary),
            self._calendar("family@group.calendar.google.com", "Family", False, self.family),
            self._calendar("birthdays@group.v.calendar.google.com", "Birthdays", False, birthdays),
            self._calendar("holidays@group.v.calendar.google.com", "Holidays", False, holidays),
        )
        return Diary(calendars, tuple(identity for _, identity in sorted(self.today_ids)))

    def _calendar(
        self, identity: str, summary: str, primary: bool, events: list[Event] | tuple[Event, ...]
    ) -> Calendar:
        owned = primary or summary == "Family"
        return Calendar(
            id=identity if primary else f"{self.cast.canary}.{identity}",
            summary=summary,
            time_zone=self.cast.zone,
            primary=primary,
            access_role="owner" if owned else "reader",
            events=tuple(events),
        )

    def _add_single(self, position: int, row: Mapping[str, Any]) -> None:
        start = self._moment(row["day"], row["at"])
        zone = ZoneInfo(self.cast.far_zone) if row.get("far") else self.zone
        response: ResponseStatus = row.get("response", "accepted")
        event = self._event(
            f"{row['key']}{position}",
            self.cast.title(row["key"]),
            start.astimezone(zone),
            row["minutes"],
            attendees=self._attendees(row.get("organizer"), row.get("who", []), response),
            location=self._location(row.get("location")),
            note=row.get("note", ""),
            meet=row.get("meet", False),
        )
        event = replace(event, status=row.get("status", "confirmed"))
        (self.family if row.get("calendar") == "family" else self.primary).append(event)
        if row["day"] == 0 and event.status != "cancelled" and response != "declined":
            self.today_ids.append((start, event.id))

    def _add_stand_up(self) -> None:
        working_days = [day for day in self._days(-7, 8) if day.weekday() in MONDAY_TO_FRIDAY]
        past = [day for day in working_days if day < self.today]
        coming = [day for day in working_days if day > self.today]
        first = self.today - timedelta(days=56)
        series = WeeklySeries(
            first=first + timedelta(days=max(0, 7 - first.weekday()) if first.weekday() > 4 else 0),
            weekdays=MONDAY_TO_FRIDAY,
            at=self._hour(time(9, 15)),
            minutes=15,
            zone=self.zone,
            excluded=(past[-2],),
        )
        attendees = self._attendees("c0", ["c1", "c2", "c3", "c4"], "accepted")
        master = self._master("standup", series, attendees, meet=True)
        moved = self._exception(
            master, series, coming[0], to=datetime.combine(coming[0], self._hour(time(9, 45)), self.zone)
        )
        cancelled = replace(self._exception(master, series, coming[1]), status="cancelled")
        self.primary += [master, moved, cancelled]
        self._note_today(master, series)

    def _add_weekly_meetings(self) -> None:
        yesterday = self.today - timedelta(days=1)
        one_to_one = self._series(yesterday, time(10, 30), 30)
        master = self._master("one_to_one", one_to_one, self._attendees(None, ["c0"], "accepted"), meet=True)
        moved = self._exception(master, one_to_one, yesterday, to=self._moment(0, "13:45"))
        self.today_ids.append((self._moment(0, "13:45"), moved.id))
        second = self._series(self.today, time(14, 15), 30)
        second_master = self._master("second_one_to_one", second, self._attendees("c1", [], "accepted"), meet=True)
        retro = replace(self._series(self.today + timedelta(days=2), time(15, 30), 60), interval=2)
        retro_master = self._master("retro", retro, self._attendees("c3", ["c0", "c2"], "accepted"))
        ended = self._series(self.today, time(18, 0), 60)
        ended = replace(ended, until=self.today - timedelta(days=14))
        ended_master = self._master("ended", ended, ())
        self.primary += [master, moved, second_master, retro_master, ended_master]
        self._note_today(second_master, second)

    def _add_conference(self) -> None:
        self.primary.append(self._all_day("conference", self.today + timedelta(days=5), 3))

    def _birthday(self) -> Event:
        day = self.today + timedelta(days=1)
        event = self._all_day("birthday", day.replace(year=day.year - 40), 1)
        return replace(event, recurrence=("RRULE:FREQ=YEARLY",))

    def _series(self, a_day: date, at: time, minutes: int) -> WeeklySeries:
        first = a_day - timedelta(days=42)
        return WeeklySeries(first, (a_day.weekday(),), self._hour(at), minutes, self.zone)

    def _master(self, key: str, series: WeeklySeries, attendees: tuple[Attendee, ...], meet: bool = False) -> Event:
        start = series.start(series.first)
        event = self._event(key, self.cast.title(key), start, series.minutes, attendees=attendees, meet=meet)
        return replace(event, recurrence=series.lines())

    def _exception(self, master: Event, series: WeeklySeries, day: date, to: datetime | None = None) -> Event:
        original = series.start(day)
        start = to or original
        return replace(
            master,
            id=instance_id(master.id, original),
            start=start,
            end=start + timedelta(minutes=series.minutes),
            recurrence=(),
            recurring_event_id=master.id,
            original_start=original,
            updated=master.updated + timedelta(days=30),
        )

    def _note_today(self, master: Event, series: WeeklySeries) -> None:
        if series.meets(self.today):
            start = series.start(self.today)
            self.today_ids.append((start, instance_id(master.id, start)))

    def _all_day(self, key: str, first: date, days: int) -> Event:
        event = self._event(key, self.cast.title(key), self._moment(0, "00:00"), 0)
        return replace(event, start=first, end=first + timedelta(days=days), transparency="transparent")

    def _event(
        self,
        key: str,
        summary: str,
        start: datetime,
        minutes: int,
        *,
        attendees: tuple[Attendee, ...] = (),
        location: str | None = None,
        note: str = "",
        meet: bool = False,
    ) -> Event:
        identity = self._identity(key)
        organizer = next((one.email for one in attendees if one.organizer), self.cast.email)
        created = self._moment(-9, "08:20") - timedelta(minutes=len(key))
        return Event(
            id=identity,
            summary=summary,
            start=start,
            end=start + timedelta(minutes=minutes),
            time_zone=str(start.tzinfo),
            location=location,
            description=f"{note}\n\nRef: {self.cast.canary}/{key}".strip(),
            attendees=attendees,
            organizer_email=organizer,
            recurrence=(),
            recurring_event_id=None,
            original_start=None,
            status="confirmed",
            meet_link=_meeting_link(self.cast.provider, identity) if meet else None,
            created=created if minutes else created - timedelta(days=90),
            updated=created + timedelta(minutes=5),
            transparency="opaque",
        )

    def _attendees(self, organizer: str | None, who: list[str], response: ResponseStatus) -> tuple[Attendee, ...]:
        if organizer is None and not who:
            return ()
        mine = organizer is None
        people = [Attendee(*self.cast.address, response=response, organizer=mine, is_self=True)]
        if organizer is not None:
            people.insert(0, Attendee(*self.cast.role(organizer).address, response="accepted", organizer=True))
        answers: tuple[ResponseStatus, ...] = ("accepted", "needsAction", "tentative", "accepted", "declined")
        for index, name in enumerate(who):
            people.append(Attendee(*self.cast.role(name).address, response=answers[index % len(answers)]))
        return tuple(people)

    def _location(self, name: str | None) -> str | None:
        if name is None:
            return None
        if name == "street":
            return self.cast.street
        if name == "station":
            return f"Central station, towards {self.cast.city}"
        group = self.cast.rooms if name.startswith("room") else self.cast.places
        return group[int(name[-1])]

    def _identity(self, key: str) -> str:
        digest = hashlib.sha256(f"{self.cast.account} {key}".encode()).digest()
        return self.cast.canary + base64.b32hexencode(digest[:10]).decode("ascii").rstrip("=").lower()

    def _moment(self, day: int, at: str) -> datetime:
        return datetime.combine(self.today + timedelta(days=day), self._hour(time.fromisoformat(at)), self.zone)

    def _hour(self, at: time) -> time:
        """A time of day as this life has it."""
        return (datetime.combine(self.today, at) + self.cast.later).time()

    def _days(self, first: int, last: int) -> list[date]:
        return [self.today + timedelta(days=day) for day in range(first, last)]


def _meeting_link(provider: Provider, identity: str) -> str:
    """Where a meeting is held online."""
    if provider == "microsoft":
        thread = hashlib.sha256(f"meeting {identity}".encode()).hexdigest()[:32]
        return f"https://teams.microsoft.com/l/meetup-join/19%3ameeting_{thread}%40thread.v2/0"
    return f"https://meet.google.com/{_meet_code(identity)}"


def _meet_code(identity: str) -> str:
    digest = hashlib.sha256(identity.encode()).digest()
    letters = "".join(chr(ord("a") + byte % 26) for byte in digest[:10])
    return f"{letters[:3]}-{letters[3:7]}-{letters[7:]}"
