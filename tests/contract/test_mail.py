"""Mailboxes as the office reads them, the same of every provider, over the wire."""

import re
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from lib.core import clock
from lib.core.errors import NotFound
from lib.office import mail
from lib.office.errors import ProviderThrottled
from lib.office.identifiers import decode, encode
from lib.office.models import MailMessage, MailSummary
from lib.office.queries import MailQuery
from scripts.local.people.models import Message, Person
from tests.office.rig import OWNER, Rig

LONG_AGO = timedelta(days=60)
API = {"google": "/gmail/v1/", "microsoft": "/v1.0/me/"}
THROTTLED = {"google": "rateLimitExceeded", "microsoft": "ApplicationThrottled"}


def provider_id(message: MailSummary) -> str:
    return decode(message.id).provider_ids[0]


def found(rig: Rig, query: MailQuery, limit: int = 100) -> list[str]:
    """The provider's ids of what the first account's mailbox has for a query, in its order."""
    page = mail.search(OWNER, query=query, limit=limit, sources=rig.sources(rig.accounts[0]))
    assert page.errors == []
    return [provider_id(message) for message in page.messages]


HOME = """<html><head><link rel="stylesheet" href="https://t.example/s.css"><style>
@import "https://t.example/i.css"; p { background: url(https://t.example/b.gif) }</style>
<script src="https://t.example/s.js"></script></head>
<body background="https://t.example/b.gif"><p style="background: url('https://t.example/p.gif')">What it says</p>
<p style="background-image: u\\72l(//t.example/e.gif)">and more</p>
<img src="https://t.example/p.gif"><img src=//t.example/p.gif><img src='cid:logo' srcset="https://t.example/2.gif 2x">
<img SRC = "http://t.example/u.gif"><iframe src="https://t.example/f"></iframe>
<video poster="https://t.example/v.gif"><source src="https://t.example/v"></video>
<input type="image" src="https://t.example/x.gif"></body></html>"""
FETCHED_BY_ATTRIBUTE = re.compile(r"""\b(?:src|srcset|background|poster)\s*=\s*["']?([^"'\s>]*)""", re.IGNORECASE)
FETCHED_BY_STYLE = re.compile(r"""(?:url\(|@import)\s*["']?([^"')\s>]*)""", re.IGNORECASE)


def mailbox(rig: Rig, number: int = 0) -> tuple[Person, dict[str, Message]]:
    """The person of an account and their messages by the provider's ids, newest first, as far as lists show them."""
    account = rig.accounts[number]
    person = rig.people[account.email]
    kept = [message for message in person.messages if not {"SPAM", "TRASH", "DRAFT"} & set(message.labels)]
    kept.sort(key=lambda message: message.date, reverse=True)
    return person, {rig.message_id(account, message): message for message in kept}


def named(rig: Rig, number: int, message: Message) -> str:
    """A message's identifier on the wire."""
    account = rig.accounts[number]
    return encode(account.id, rig.message_id(account, message))


def api(rig: Rig) -> str:
    return rig.accounts[0].provider.value


def test_the_list_is_the_mailbox_newest_first(rig: Rig) -> None:
    _, messages = mailbox(rig)
    after = clock.now() - timedelta(days=7)
    expected = {name for name, message in messages.items() if message.date >= after}
    listed = found(rig, MailQuery(after=after))
    assert (set(listed), len(listed)) == (expected, len(expected))
    dates = [messages[name].date.replace(microsecond=0) for name in listed]
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("limit", [3, 40])
def test_pages_of_two_accounts_hold_every_message_once(rig: Rig, limit: int, short: bool) -> None:
    rig.control("POST", "pages", {"short": short})
    cursor, read = None, list[MailSummary]()
    after = clock.now() - timedelta(days=3)
    while True:
        page = mail.search(OWNER, query=MailQuery(after=after), limit=limit, cursor=cursor, sources=rig.sources())
        assert page.errors == []
        read += page.messages
        cursor = page.next_cursor
        if cursor is None:
            break
    ids = [provider_id(message) for message in read]
    assert len(ids) == len(set(ids))
    assert set(ids) == {
        name for number in (0, 1) for name, message in mailbox(rig, number)[1].items() if message.date >= after
    }
    assert all(earlier.date >= later.date for earlier, later in pairwise(read))


def test_a_summary_says_what_the_message_is(rig: Rig) -> None:
    person, messages = mailbox(rig)
    summaries = mail.search(OWNER, limit=30, sources=rig.sources(rig.accounts[0])).messages
    assert len(summaries) == 30
    for summary in summaries:
        expected = messages[provider_id(summary)]
        assert summary.from_ is not None
        assert summary.from_.email == expected.sender[1]
        assert summary.subject == expected.subject
        assert abs(summary.date - expected.date) < timedelta(seconds=1)
        assert summary.unread == ("UNREAD" in expected.labels)
        assert summary.starred == ("STARRED" in expected.labels)
        assert summary.from_me == (expected.sender[1] == person.email)
        assert [party.email for party in summary.to] == [email for _, email in expected.to]
        for label in ("inbox", "sent", "starred", "important"):
            assert (label in summary.labels) == (label.upper() in expected.labels)


def test_words_and_fields_find_what_they_say(rig: Rig) -> None:
    person, messages = mailbox(rig)
    expected_id, expected = next((name, one) for name, one in messages.items() if one.sender[1] != person.email)
    sender = expected.sender[1]
    from_sender = {name for name, one in messages.items() if one.sender[1] == sender}
    alike = {name for name, one in messages.items() if sender in one.sender[1]}
    assert from_sender <= set(found(rig, MailQuery(from_=sender))) <= alike
    assert expected_id in found(rig, MailQuery(subject=f'"{expected.subject}"'))
    assert expected_id in found(rig, MailQuery(text=person.canary, subject=f'"{expected.subject}"'))
    recipient = next(one.to[0][1] for one in messages.values() if one.sender[1] == person.email)
    sent_there = {name for name, one in messages.items() if recipient in [email for _, email in one.to]}
    assert sent_there <= set(found(rig, MailQuery(to=recipient)))


def test_words_narrow_with_every_other_part(rig: Rig) -> None:
    person, messages = mailbox(rig)
    unread = {name for name, one in messages.items() if "UNREAD" in one.labels}
    everything = set(found(rig, MailQuery(text=person.canary)))
    assert everything <= set(messages)
    assert set(found(rig, MailQuery(text=person.canary, unread=True))) == everything & unread
    begin = clock.now() - timedelta(days=2)
    late = {name for name, one in messages.items() if one.date >= begin}
    assert set(found(rig, MailQuery(text=person.canary, after=begin))) == everything & late
    assert set(found(rig, MailQuery(text=person.canary, before=begin))) <= set(messages) - late
    sent = {name for name, one in messages.items() if "SENT" in one.labels}
    assert set(found(rig, MailQuery(text=person.canary, label="sent"))) == everything & sent


def test_flags_and_labels_narrow_the_list(rig: Rig) -> None:
    _, messages = mailbox(rig)
    unread = {name for name, one in messages.items() if "UNREAD" in one.labels}
    assert set(found(rig, MailQuery(unread=True))) == unread
    assert not unread & set(found(rig, MailQuery(unread=False)))
    for label in ("sent", "starred", "important"):
        assert set(found(rig, MailQuery(label=label))) == {
            name for name, one in messages.items() if label.upper() in one.labels
        }
    carrying = {name for name, one in messages.items() if one.attachments}
    files = {
        name
        for name in carrying
        if any(not each.mime_type.startswith("text/calendar") for each in messages[name].attachments)
    }
    assert files <= set(found(rig, MailQuery(has_attachment=True))) <= carrying
    assert not files & set(found(rig, MailQuery(has_attachment=False)))


def test_spam_trash_and_drafts_are_seen_only_by_those_who_look_there(rig: Rig) -> None:
    account = rig.accounts[0]
    for label in ("spam", "trash", "drafts"):
        state = {"drafts": "DRAFT"}.get(label, label.upper())
        expected = {rig.message_id(account, one) for one in rig.people[account.email].messages if state in one.labels}
        assert set(found(rig, MailQuery(label=label))) == expected


def test_times_are_exact_and_the_end_is_not_included(rig: Rig) -> None:
    _, messages = mailbox(rig)
    newest = list(messages.values())
    first, last = newest[10].date, newest[3].date
    ids = found(rig, MailQuery(after=first, before=last))
    assert set(ids) == {name for name, one in messages.items() if first <= one.date < last}


@pytest.mark.parametrize(
    "text",
    ['" OR in:anywhere', "from:nobody OR in:inbox", "-nothing {in:inbox}", 'x" label:inbox "', "(in:inbox)", '"'],
)
def test_operators_in_the_text_of_a_person_find_nothing(rig: Rig, text: str) -> None:
    assert found(rig, MailQuery(text=text)) == []
    assert found(rig, MailQuery(subject=text)) == []


def test_recent_mail_has_bodies_and_places_in_threads(rig: Rig) -> None:
    person, messages = mailbox(rig)
    since = clock.now() - LONG_AGO
    recent = mail.recent(OWNER, since=since, limit=40, sources=rig.sources(rig.accounts[0]))
    assert recent.errors == []
    assert recent.more
    by_id = {provider_id(message): message for message in recent.messages}
    assert len(by_id) == 40
    oldest = min(messages[name].date for name in by_id)
    assert {name for name, one in messages.items() if one.date > oldest} <= by_id.keys()
    for name, message in by_id.items():
        expected = messages[name]
        later = [one for one in messages.values() if one.thread_id == expected.thread_id and one.date > expected.date]
        assert message.last_in_thread == (not later)
        assert message.answered == any(one.sender[1] == person.email for one in later)
        assert message.text
        assert message.html is None


def test_who_waits_for_an_answer_can_be_told_from_recent_mail(rig: Rig) -> None:
    person, messages = mailbox(rig)
    recent = mail.recent(OWNER, since=clock.now() - LONG_AGO, limit=100, sources=rig.sources(rig.accounts[0]))
    open_ends = {
        messages[provider_id(message)].id
        for message in recent.messages
        if message.last_in_thread and not message.answered and not message.from_me
    }
    assert set(person.expected.awaiting_reply_message_ids) <= open_ends


def test_recent_mail_can_be_searched(rig: Rig) -> None:
    _, messages = mailbox(rig)
    expected = next(one for one in messages.values() if one.in_reply_to)
    query = MailQuery(subject=f'"{expected.subject}"')
    recent = mail.recent(
        OWNER, since=clock.now() - LONG_AGO, limit=10, query=query, sources=rig.sources(rig.accounts[0])
    )
    assert named(rig, 0, expected) in [message.id for message in recent.messages]
    members = [one for one in messages.values() if one.thread_id == expected.thread_id]
    last = max(members, key=lambda one: one.date)
    for message in recent.messages:
        assert message.text
        if messages[provider_id(message)].thread_id == expected.thread_id:
            assert message.last_in_thread == (messages[provider_id(message)] is last)


def read(rig: Rig, message: Message) -> MailMessage:
    return mail.read(OWNER, named(rig, 0, message), sources=rig.sources(rig.accounts[0]))


def test_a_message_is_read_with_its_text_and_files(rig: Rig) -> None:
    _, messages = mailbox(rig)
    expected = next(
        one
        for one in messages.values()
        if one.html is None and any(not file.mime_type.startswith("text/calendar") for file in one.attachments)
    )
    message = read(rig, expected)
    assert message.has_attachments
    assert " ".join(message.text.split()) == " ".join(expected.text.split())
    files = [file for file in expected.attachments if not file.mime_type.startswith("text/calendar")]
    sizes = {file.filename: file.size_bytes for file in message.attachments}
    assert all(sizes[file.filename] >= len(file.data) for file in files)
    assert message.internet_message_id == expected.rfc822_message_id


def test_html_is_shown_without_anything_that_calls_home(rig: Rig) -> None:
    account = rig.accounts[1]
    letter = {
        "user": account.email,
        "sender": "news@mail.example",
        "subject": "It calls home",
        "text": "",
        "html": HOME,
    }
    rig.control("POST", "mail", letter)
    sources = rig.sources(account)
    newest = mail.search(OWNER, query=MailQuery(subject="calls home"), limit=1, sources=sources).messages[0]
    html = mail.read(OWNER, newest.id, sources=sources).html
    assert html
    assert "What it says" in html
    assert "<script" not in html
    sought = [*FETCHED_BY_ATTRIBUTE.findall(html), *FETCHED_BY_STYLE.findall(html)]
    assert sought
    assert [address for address in sought if not address.startswith("cid:")] == []
    assert "t.example" not in html


def test_a_conversation_is_read_oldest_first(rig: Rig) -> None:
    _, messages = mailbox(rig)
    reply = next(one for one in messages.values() if one.in_reply_to)
    thread = mail.thread(OWNER, read(rig, reply).thread_id, sources=rig.sources(rig.accounts[0]))
    members = {name: one for name, one in messages.items() if one.thread_id == reply.thread_id}
    assert [provider_id(message) for message in thread.messages] == sorted(members, key=lambda name: members[name].date)


def test_the_labels_that_every_mailbox_has_are_listed(rig: Rig) -> None:
    labels = mail.labels(OWNER, sources=rig.sources()).labels
    for account in rig.accounts:
        shared = {label.id for label in labels if label.account_id == account.id and not label.own}
        assert {"inbox", "sent", "drafts", "spam", "trash", "starred", "important"} <= shared


def test_mail_that_comes_in_between_pages_shifts_nothing(rig: Rig) -> None:
    sources, user = rig.sources(rig.accounts[1]), rig.accounts[1].email
    before = [message.id for message in mail.search(OWNER, limit=20, sources=sources).messages]
    first = mail.search(OWNER, limit=10, sources=sources)
    rig.control("POST", "mail", {"user": user, "sender": "new@mail.example", "subject": "New", "text": "New"})
    second = mail.search(OWNER, limit=10, cursor=first.next_cursor, sources=sources)
    assert [message.id for message in first.messages + second.messages] == before


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "x",
        "acc_000000000000000000000000",
        "acc_000000000000000000000000.",
        "acc_000000000000000000000000.MTQ4NzY0ZjQ3ODllMTA3NB",
        "acc_000000000000000000000000.Li4",
        "acc_000000000000000000000000.ZmZmZmZmZmY",
        "acc_999999999999999999999999.MTQ4NzY0ZjQ3ODllMTA3NA",
        "acc_000000000000000000000000.MTQ4NzY0.ZjQ3",
    ],
)
def test_what_names_no_message_of_the_person_is_not_found(rig: Rig, identifier: str) -> None:
    with pytest.raises(NotFound):
        mail.read(OWNER, identifier, sources=rig.sources())
    with pytest.raises(NotFound):
        mail.thread(OWNER, identifier, sources=rig.sources())


def test_dates_are_instants(rig: Rig) -> None:
    message = mail.search(OWNER, limit=1, sources=rig.sources()).messages[0]
    assert isinstance(message.date, datetime)
    assert message.date.utcoffset() == timedelta()


def test_a_refused_token_is_replaced_once_and_nobody_notices(rig: Rig) -> None:
    reader = rig.mail(rig.accounts[0])
    assert reader.labels()
    rig.control("POST", "expire", {"what": "access_tokens"})
    assert reader.labels()
    assert len(rig.refused) == 1


def test_a_short_throttling_is_waited_out(rig: Rig) -> None:
    reader = rig.mail(rig.accounts[0])
    reader.labels()
    rig.arm(API[api(rig)], "error", status=429, reason=THROTTLED[api(rig)], retry_after=0, times=1)
    assert reader.labels()
    assert rig.control("GET", "faults")["faults"] == []


def test_a_long_throttling_is_told_with_its_time(rig: Rig) -> None:
    rig.arm(API[api(rig)], "error", status=429, reason=THROTTLED[api(rig)], retry_after=120, times=None)
    with pytest.raises(ProviderThrottled) as throttled:
        rig.mail(rig.accounts[0]).labels()
    assert throttled.value.headers["Retry-After"] == "120"
