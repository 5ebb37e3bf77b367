"""What generated people promise: determinism, believable variety, and nothing shared between the two known ones."""

import re
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from lib.chat.untrusted import speaks_to_an_assistant
from scripts.local.people.models import Message, Person, Provider
from scripts.local.people.person import make_person, random_person
from tests.local.models.prompting import Prompt

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
MOMENTS = [NOW + timedelta(days=days, hours=hours) for days, hours in ((0, 0), (1, 23), (4, 7), (127, 1), (340, 16))]


PROVIDERS: tuple[Provider, ...] = ("google", "microsoft")


@pytest.fixture(params=[(which, provider) for which in ("demo", "second", "unseen") for provider in PROVIDERS])
def person(request: pytest.FixtureRequest) -> Person:
    """Each kind of person at each provider."""
    which, provider = request.param
    return random_person(3, NOW, provider) if which == "unseen" else make_person(which, NOW, provider=provider)


def test_equal_arguments_give_equal_people() -> None:
    assert make_person("demo", NOW) == make_person("demo", NOW)
    assert random_person(5, NOW) == random_person(5, NOW)
    assert make_person("demo", NOW, seed=2) != make_person("demo", NOW)
    assert random_person(5, NOW, "microsoft") == random_person(5, NOW, "microsoft")


def test_ids_outlive_a_moved_clock() -> None:
    before, after = make_person("demo", NOW), make_person("demo", NOW + timedelta(hours=1))
    assert {mail.id for mail in before.messages} == {mail.id for mail in after.messages}
    assert [event.id for event in before.calendars[0].events] == [event.id for event in after.calendars[0].events]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("other", PROVIDERS)
def test_the_two_known_people_share_nothing(provider: Provider, other: Provider) -> None:
    demo, second = make_person("demo", NOW, provider=provider), make_person("second", NOW, provider=other)
    assert not identities(demo) & identities(second)
    assert not {event.summary for c in demo.calendars for event in c.events} & {
        event.summary for c in second.calendars for event in c.events
    }
    assert not {mail.subject for mail in demo.messages} & {mail.subject for mail in second.messages}
    assert demo.canary not in repr(second)
    assert second.canary not in repr(demo)


@pytest.mark.parametrize("which", ["demo", "second", 1, 2, 3])
def test_a_person_is_the_same_at_both_providers_and_lives_another_life_there(which: str | int) -> None:
    google, microsoft = (at(which, provider) for provider in PROVIDERS)
    assert (google.user_id, google.name, google.time_zone) == (
        microsoft.user_id,
        microsoft.name,
        microsoft.time_zone,
    )
    assert google.email.endswith("@gmail.example")
    assert microsoft.email.endswith("@outlook.example")
    assert google.canary not in repr(microsoft)
    assert microsoft.canary not in repr(google)


@pytest.mark.parametrize("which", ["demo", "second"])
def test_nobody_writes_to_both_accounts_of_a_known_person(which: str) -> None:
    google, microsoft = (at(which, provider) for provider in PROVIDERS)
    common = identities(google) & identities(microsoft)
    assert common - injectors(google) == {google.user_id, google.name}


def test_no_two_accounts_have_a_canary_in_common() -> None:
    people = [make_person(which, NOW, provider=provider) for which in ("demo", "second") for provider in PROVIDERS]
    people += [random_person(seed, NOW, provider) for seed in range(6) for provider in PROVIDERS]
    assert not [pair for pair in combinations((one.canary for one in people), 2) if pair[0] in pair[1]]


def at(which: str | int, provider: Provider) -> Person:
    """A known person, or an unseen one by seed."""
    if isinstance(which, int):
        return random_person(which, NOW, provider)
    return make_person("demo" if which == "demo" else "second", NOW, provider=provider)


def injectors(person: Person) -> set[str]:
    """The names under which orders come, which anybody may give themselves."""
    hostile = (person.expected.injected_message_id, person.expected.addressed_message_id)
    return {mail.sender[0] for mail in person.messages if mail.id in hostile}


def identities(person: Person) -> set[str]:
    """Every id, name and address of a person's world."""
    found = {person.user_id, person.email, person.name, *(mail.rfc822_message_id for mail in person.messages)}
    for contact in person.contacts:
        found |= {contact.name, contact.email, contact.phone or contact.email}
    for mail in person.messages:
        found |= {mail.id, mail.thread_id, mail.sender[1], mail.sender[0]}
    for calendar in person.calendars:
        found |= {calendar.id, *(event.id for event in calendar.events)}
    return found


def test_the_canary_is_in_every_mail_and_event(person: Person) -> None:
    assert all(person.canary in (mail.text or mail.html or "") for mail in person.messages)
    assert all(event.id.startswith(person.canary) for c in person.calendars for event in c.events)


def test_ids_have_the_form_that_google_demands(person: Person) -> None:
    for calendar in person.calendars:
        assert all(re.fullmatch(r"[a-v0-9]{5,}(_\d{8}(T\d{6}Z)?)?", event.id) for event in calendar.events)
    assert all(re.fullmatch(r"[0-9a-f]{16}", mail.id) for mail in person.messages)
    assert len({mail.id for mail in person.messages}) == len(person.messages)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("seed", "provider"), [(1, "google"), (2, "google"), (9, "google"), (2, "microsoft")])
def test_today_is_what_an_expanded_calendar_shows(moment: datetime, seed: int, provider: Provider) -> None:
    prompt = Prompt(random_person(seed, moment, provider), moment)
    shown = [event.id for event in prompt.on(prompt.day(0)) if prompt.my_status(event) != "declined"]
    assert sorted(prompt.person.expected.today_event_ids) == sorted(shown)


@pytest.mark.parametrize("moment", MOMENTS)
def test_whoever_waits_has_the_last_word_in_the_thread(moment: datetime) -> None:
    person = make_person("second", moment)
    for identity in person.expected.awaiting_reply_message_ids:
        mail = next(mail for mail in person.messages if mail.id == identity)
        assert max(thread(person, mail), key=lambda one: one.date) is mail
        assert mail.sender[1] in {contact.email for contact in person.contacts}


def thread(person: Person, mail: Message) -> list[Message]:
    """The mails of one thread."""
    return [one for one in person.messages if one.thread_id == mail.thread_id]


@pytest.mark.parametrize("moment", MOMENTS)
def test_no_mail_comes_from_the_future_and_answers_follow_what_they_answer(moment: datetime) -> None:
    person = make_person("demo", moment)
    dates = {mail.rfc822_message_id: mail.date for mail in person.messages}
    assert max(dates.values()) < moment
    assert min(dates.values()) > moment - timedelta(days=16)
    assert all(mail.date > dates[mail.in_reply_to] for mail in person.messages if mail.in_reply_to)


def test_the_fortnight_has_variety(person: Person) -> None:
    events = [event for calendar in person.calendars for event in calendar.events]
    assert any(event.recurrence for event in events)
    assert any(event.recurring_event_id and event.status == "cancelled" for event in events)
    assert any(event.recurring_event_id and event.start != event.original_start for event in events)
    assert any(event.all_day for event in events)
    assert any(event.time_zone != person.time_zone for event in events)
    answers = {one.response for event in events for one in event.attendees if one.is_self}
    assert answers == {"accepted", "declined", "tentative", "needsAction"}
    assert any(event.meet_link for event in events)


def test_the_mailbox_has_variety(person: Person) -> None:
    mails = person.messages
    assert 70 <= len(mails) <= 95
    kinds = {attachment.mime_type for mail in mails for attachment in mail.attachments}
    assert kinds == {"application/pdf", "text/csv", "image/png", "text/calendar"}
    assert any(not mail.text and mail.html for mail in mails)
    assert any(not (mail.text or mail.html or "").isascii() for mail in mails)
    assert any("List-Unsubscribe" in mail.headers for mail in mails)
    assert max(len(thread(person, mail)) for mail in mails) >= 8


@pytest.mark.parametrize("addressed", [False, True])
def test_an_injection_hides_and_shows_its_order(person: Person, addressed: bool) -> None:
    expected = person.expected
    identity = expected.addressed_message_id if addressed else expected.injected_message_id
    injection = expected.addressed_injection if addressed else expected.injection
    injected = next(mail for mail in person.messages if mail.id == identity)
    for part in (injection.link, injection.address, injection.instruction):
        assert part in injected.text
        assert part in (injected.html or "")
    assert "display:none" in (injected.html or "")
    assert any(map(speaks_to_an_assistant, injected.text.splitlines())) is addressed
