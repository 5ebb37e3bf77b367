"""A small person whose every mail and event is known, around the present."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from scripts.local.people.models import (
    Address,
    Attachment,
    Attendee,
    Calendar,
    Event,
    Expected,
    Injection,
    Message,
    Person,
)

EMAIL = "ada@gmail.example"
BRAM = "bram@gmail.example"
ZONE = ZoneInfo("Europe/Berlin")
ADA: Address = ("Ada Lindqvist", EMAIL)
MIRA: Address = ("Mira Sørensen", "mira@studio.example")
NEWS: Address = ("Weekly Harbour", "news@harbour.example")
LUNCH_ID = "1000000000000001"
REPLY_ID = "1000000000000002"
NEWS_ID = "1000000000000003"
CONTRACT_ID = "1000000000000004"
SPAM_ID = "1000000000000005"
OLD_ID = "1000000000000006"
PDF = bytes(range(256)) * 3
INVITATION = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"


def _message(message_id: str, sender: Address, subject: str, text: str, date: datetime, *labels: str) -> Message:
    return Message(
        id=message_id,
        thread_id=message_id,
        subject=subject,
        sender=sender,
        to=(ADA,),
        cc=(),
        date=date,
        text=text,
        html=None,
        labels=labels,
        attachments=(),
        rfc822_message_id=f"<{message_id}@mail.example>",
        in_reply_to=None,
        references=(),
    )


def _messages(now: datetime) -> tuple[Message, ...]:
    hours = [now - timedelta(hours=count) for count in range(6)]
    lunch = _message(
        LUNCH_ID, MIRA, "Lunch on Thürsday?", "Shall we eat at the harbour & talk?\n", hours[3], "INBOX", "UNREAD"
    )
    reply = replace(
        _message(REPLY_ID, ADA, "Re: Lunch on Thürsday?", "Yes, gladly.\n", hours[2], "SENT"),
        thread_id=LUNCH_ID,
        to=(MIRA,),
        cc=(("", "kai@studio.example"),),
        in_reply_to=lunch.rfc822_message_id,
        references=(lunch.rfc822_message_id,),
    )
    news = replace(
        _message(NEWS_ID, NEWS, "Ships of the week", "Three ships.\n", hours[1], "INBOX", "CATEGORY_PROMOTIONS"),
        html="<p>Three <b>ships</b>.</p>\n",
        headers={
            "List-Unsubscribe": f"<https://harbour.example/u/{'x' * 120}>, <mailto:off@harbour.example>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "List-ID": "<weekly.harbour.example>",
        },
    )
    contract = replace(
        _message(CONTRACT_ID, MIRA, "Contract", "Please sign.\n", hours[0], "INBOX", "STARRED", "IMPORTANT", "Clients"),
        html="<p>Please sign.</p>\n",
        attachments=(
            Attachment("contract.pdf", "application/pdf", PDF),
            Attachment("invite.ics", "text/calendar", INVITATION),
        ),
    )
    spam = _message(SPAM_ID, ("", "win@prize.example"), "You won", "Click harbour.\n", hours[4], "SPAM")
    old = _message(OLD_ID, MIRA, "Last year's harbour", "Remember?\n", now - timedelta(days=400))
    return (lunch, reply, news, contract, spam, old)


def _event(event_id: str, summary: str, start: datetime | date, end: datetime | date, now: datetime) -> Event:
    return Event(
        id=event_id,
        summary=summary,
        start=start,
        end=end,
        time_zone=ZONE.key,
        location=None,
        description=None,
        attendees=(),
        organizer_email=EMAIL,
        recurrence=(),
        recurring_event_id=None,
        original_start=None,
        status="confirmed",
        meet_link=None,
        created=now - timedelta(days=30),
        updated=now - timedelta(days=20),
        transparency="opaque",
    )


def monday_of(now: datetime) -> datetime:
    """Monday, nine o'clock in Berlin, of the present week: when the series began."""
    local = now.astimezone(ZONE)
    return (local - timedelta(days=local.weekday())).replace(hour=9, minute=0, second=0, microsecond=0)


def _events(now: datetime) -> tuple[Event, ...]:
    monday = monday_of(now)
    half_hour = timedelta(minutes=30)
    series = replace(
        _event("standup", "Standup", monday, monday + half_hour, now),
        recurrence=(
            "RRULE:FREQ=DAILY;COUNT=5",
            f"EXDATE;TZID=Europe/Berlin:{monday + timedelta(days=4):%Y%m%dT%H%M%S}",
        ),
    )
    tuesday, wednesday = monday + timedelta(days=1), monday + timedelta(days=2)

    def exception(original: datetime) -> Event:
        return replace(
            series,
            id=f"standup_{original.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            recurrence=(),
            recurring_event_id="standup",
            original_start=original,
        )

    moved = replace(
        exception(tuesday), summary="Standup, later", start=tuesday.replace(hour=15), end=tuesday.replace(hour=16)
    )
    dropped = replace(exception(wednesday), status="cancelled")
    review = replace(
        _event("review", "Review with Mira", monday.replace(hour=11), monday.replace(hour=12), now),
        attendees=(
            Attendee(ADA[0], EMAIL, "accepted", organizer=True, is_self=True),
            Attendee(MIRA[0], MIRA[1], "needsAction"),
        ),
        location="Pier 3",
        meet_link="https://meet.google.com/abc-defg-hij",
    )
    declined = replace(
        _event("declined", "Sales pitch", monday.replace(hour=13), monday.replace(hour=14), now),
        attendees=(Attendee(ADA[0], EMAIL, "declined", is_self=True),),
        organizer_email=MIRA[1],
    )
    holiday = replace(
        _event("holiday", "Holiday", monday.date(), monday.date() + timedelta(days=1), now),
        transparency="transparent",
    )
    return (series, moved, dropped, review, declined, holiday)


def people(now: datetime) -> Sequence[Person]:
    """Ada, and Bram who has nothing."""
    shared = _event("shared", "Secret plan", monday_of(now).replace(hour=17), monday_of(now).replace(hour=18), now)
    calendars = (
        Calendar(EMAIL, "Ada", ZONE.key, True, "owner", _events(now)),
        Calendar("team@group.calendar.google.com", "Team", "America/New_York", False, "reader", ()),
        Calendar("boss@gmail.example", "Boss", ZONE.key, False, "freeBusyReader", (shared,)),
    )
    expected = Expected((), (), "", Injection("", "", ""), "", Injection("", "", ""))
    ada = Person(
        "user_ada", "Ada", "Lindqvist", EMAIL, ZONE.key, "en-GB", (), calendars, _messages(now), expected, "ada"
    )
    own = Calendar(BRAM, "Bram", "America/New_York", True, "owner", ())
    bram = replace(
        ada, user_id="user_bram", given_name="Bram", email=BRAM, calendars=(own,), messages=(), canary="bram"
    )
    return (ada, bram)
