"""Gmail mailboxes as the office reads them, over the wire from the local Google."""

from datetime import datetime, timedelta

import pytest

from lib.core import clock
from lib.core.errors import NotFound
from lib.office import mail
from lib.office.identifiers import decode
from lib.office.models import MailMessage, MailSummary
from lib.office.queries import MailQuery
from scripts.local.people.models import Message, Person
from tests.office.conftest import OWNER, Office

LONG_AGO = timedelta(days=60)


def provider_id(message: MailSummary) -> str:
    return decode(message.id).provider_ids[0]


def found(office: Office, query: MailQuery, limit: int = 100) -> list[str]:
    """The provider's ids of what the first account's mailbox has for a query."""
    page = mail.search(OWNER, query=query, limit=limit, sources=office.sources(office.accounts[0]))
    assert page.errors == []
    return [provider_id(message) for message in page.messages]


def mailbox(office: Office, number: int = 0) -> tuple[Person, list[Message]]:
    """The person of an account and their messages, newest first, without spam and trash."""
    person = office.people[office.accounts[number].email]
    kept = [message for message in person.messages if not {"SPAM", "TRASH", "DRAFT"} & set(message.labels)]
    return person, sorted(kept, key=lambda message: message.date, reverse=True)


def test_the_list_is_the_mailbox_newest_first(office: Office) -> None:
    _, messages = mailbox(office)
    after = clock.now() - timedelta(days=7)
    assert found(office, MailQuery(after=after)) == [message.id for message in messages if message.date >= after]


@pytest.mark.parametrize("limit", [2, 7, 30])
def test_pages_of_two_accounts_hold_every_message_once(office: Office, limit: int) -> None:
    cursor, ids = None, []
    after = clock.now() - timedelta(days=3)
    while True:
        page = mail.search(OWNER, query=MailQuery(after=after), limit=limit, cursor=cursor, sources=office.sources())
        assert page.errors == []
        ids += [provider_id(message) for message in page.messages]
        cursor = page.next_cursor
        if cursor is None:
            break
    expected = [each.id for number in (0, 1) for each in mailbox(office, number)[1] if each.date >= after]
    assert len(ids) == len(set(ids))
    assert set(ids) == set(expected)


def test_a_page_costs_two_round_trips(office: Office) -> None:
    mail.search(OWNER, limit=25, sources=office.sources(office.accounts[0]))
    assert office.calls() == ["gmail.users.messages.list", "batch"]


def test_a_summary_says_what_the_message_is(office: Office) -> None:
    person, messages = mailbox(office)
    expected = messages[0]
    summary = mail.search(OWNER, limit=1, sources=office.sources(office.accounts[0])).messages[0]
    assert summary.from_ is not None
    assert (summary.from_.name, summary.from_.email) == expected.sender
    assert summary.subject == expected.subject
    assert abs(summary.date - expected.date) < timedelta(seconds=1)
    assert summary.unread == ("UNREAD" in expected.labels)
    assert summary.snippet in " ".join(expected.text.split())
    assert person.email in [party.email for party in summary.to]


def test_words_in_quotes_and_fields_find_what_they_say(office: Office) -> None:
    _, messages = mailbox(office)
    expected = next(message for message in messages if message.sender[1] != office.accounts[0].email)
    from_sender = {message.id for message in messages if message.sender[1] == expected.sender[1]}
    assert set(found(office, MailQuery(from_=expected.sender[1]))) == from_sender
    assert expected.id in found(office, MailQuery(subject=f'"{expected.subject}"'))


def test_flags_and_labels_narrow_the_list(office: Office) -> None:
    _, messages = mailbox(office)
    unread = {message.id for message in messages if "UNREAD" in message.labels}
    assert set(found(office, MailQuery(unread=True))) == unread
    assert not unread & set(found(office, MailQuery(unread=False)))
    sent = {message.id for message in messages if "SENT" in message.labels}
    assert set(found(office, MailQuery(label="sent"))) == sent
    carrying = {message.id for message in messages if message.attachments}
    assert set(found(office, MailQuery(has_attachment=True))) == carrying


def test_times_are_exact_and_the_end_is_not_included(office: Office) -> None:
    _, messages = mailbox(office)
    first, last = messages[10], messages[3]
    ids = found(office, MailQuery(after=first.date, before=last.date))
    assert ids == [message.id for message in messages if first.date <= message.date < last.date]


@pytest.mark.parametrize(
    "text",
    ['" OR in:anywhere', "from:nobody OR in:inbox", "-nothing {in:inbox}", 'x" label:inbox "', "(in:inbox)", '"'],
)
def test_operators_in_the_text_of_a_person_find_nothing(office: Office, text: str) -> None:
    assert found(office, MailQuery(text=text)) == []
    assert found(office, MailQuery(subject=text)) == []


def test_recent_mail_has_bodies_and_places_in_threads(office: Office) -> None:
    person, messages = mailbox(office)
    since = clock.now() - LONG_AGO
    recent = mail.recent(OWNER, since=since, limit=40, sources=office.sources(office.accounts[0]))
    assert recent.errors == []
    assert recent.more
    by_id = {provider_id(message): message for message in recent.messages}
    assert list(by_id) == [message.id for message in messages[:40]]
    for expected in messages[:40]:
        later = [each for each in messages if each.thread_id == expected.thread_id and each.date > expected.date]
        assert by_id[expected.id].last_in_thread == (not later)
        assert by_id[expected.id].answered == any(each.sender[1] == person.email for each in later)
        assert by_id[expected.id].html is None
    assert all(message.text for message in recent.messages)


def test_recent_mail_costs_two_round_trips(office: Office) -> None:
    mail.recent(OWNER, since=clock.now() - LONG_AGO, limit=30, sources=office.sources(office.accounts[0]))
    assert office.calls() == ["batch", "batch"]


def test_who_waits_for_an_answer_can_be_told_from_recent_mail(office: Office) -> None:
    person, _ = mailbox(office)
    recent = mail.recent(OWNER, since=clock.now() - LONG_AGO, limit=100, sources=office.sources(office.accounts[0]))
    open_ends = {
        provider_id(message)
        for message in recent.messages
        if message.last_in_thread and not message.answered and not message.from_me
    }
    assert set(person.expected.awaiting_reply_message_ids) <= open_ends


def test_recent_mail_can_be_searched(office: Office) -> None:
    _, messages = mailbox(office)
    expected = next(message for message in messages if message.in_reply_to)
    query = MailQuery(subject=f'"{expected.subject}"')
    recent = mail.recent(
        OWNER, since=clock.now() - LONG_AGO, limit=10, query=query, sources=office.sources(office.accounts[0])
    )
    ids = [provider_id(message) for message in recent.messages]
    assert expected.id in ids
    last = max((each for each in messages if each.thread_id == expected.thread_id), key=lambda each: each.date)
    for message in recent.messages:
        if decode(message.thread_id).provider_ids[0] == expected.thread_id:
            assert message.last_in_thread == (provider_id(message) == last.id)


def read(office: Office, message: Message) -> MailMessage:
    sources = office.sources(office.accounts[0])
    listed = mail.search(OWNER, limit=100, sources=sources).messages
    wanted = next(each for each in listed if provider_id(each) == message.id)
    return mail.read(OWNER, wanted.id, sources=sources)


def test_a_message_is_read_with_its_text_and_files(office: Office) -> None:
    _, messages = mailbox(office)
    expected = next(message for message in messages if message.attachments)
    message = read(office, expected)
    assert message.has_attachments
    assert " ".join(message.text.split()) == " ".join(expected.text.split())
    assert {each.filename for each in expected.attachments} <= {each.filename for each in message.attachments}
    sizes = {each.filename: each.size_bytes for each in message.attachments}
    assert all(sizes[each.filename] == len(each.data) for each in expected.attachments)
    assert message.internet_message_id == expected.rfc822_message_id


def test_html_is_shown_without_anything_that_calls_home(office: Office) -> None:
    _, messages = mailbox(office)
    message = read(office, next(each for each in messages if each.html))
    assert message.html
    assert "<script" not in message.html
    assert "src=" not in message.html or 'src="cid:' in message.html
    assert "http://" not in message.html


def test_a_conversation_is_read_oldest_first(office: Office) -> None:
    _, messages = mailbox(office)
    reply = next(message for message in messages if message.in_reply_to)
    summary = read(office, reply)
    thread = mail.thread(OWNER, summary.thread_id, sources=office.sources(office.accounts[0]))
    expected = sorted((each for each in messages if each.thread_id == reply.thread_id), key=lambda each: each.date)
    assert [provider_id(message) for message in thread.messages] == [message.id for message in expected]


def test_an_own_label_can_be_listed_and_searched_by(office: Office) -> None:
    _, messages = mailbox(office)
    marked = messages[4]
    office.control("POST", "labels", {"user": office.accounts[0].email, "message": marked.id, "add": ["Taxes & co"]})
    labels = mail.labels(OWNER, sources=office.sources()).labels
    (own,) = [label for label in labels if label.name == "Taxes & co"]
    assert (own.own, own.account_id) == (True, office.accounts[0].id)
    page = mail.search(OWNER, query=MailQuery(label=own.id), sources=office.sources())
    assert [provider_id(message) for message in page.messages] == [marked.id]
    assert own.id in page.messages[0].labels


def test_mail_that_comes_in_between_pages_shifts_nothing(office: Office) -> None:
    sources, user = office.sources(office.accounts[1]), office.accounts[1].email
    before = [message.id for message in mail.search(OWNER, limit=20, sources=sources).messages]
    first = mail.search(OWNER, limit=10, sources=sources)
    office.control("POST", "mail", {"user": user, "sender": "new@mail.example", "subject": "New", "text": "New"})
    second = mail.search(OWNER, limit=10, cursor=first.next_cursor, sources=sources)
    assert [message.id for message in first.messages + second.messages] == before


def test_a_message_that_is_deleted_meanwhile_is_left_out(office: Office) -> None:
    sources = office.sources(office.accounts[1])
    newest = mail.search(OWNER, limit=2, sources=sources).messages
    office.arm("/gmail/v1/users/me/messages/", "error", status=404, reason="notFound", times=1)
    page = mail.search(OWNER, limit=2, sources=sources)
    assert page.errors == []
    assert page.messages[0].id == newest[1].id


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
def test_what_names_no_message_of_the_person_is_not_found(office: Office, identifier: str) -> None:
    with pytest.raises(NotFound):
        mail.read(OWNER, identifier, sources=office.sources())
    with pytest.raises(NotFound):
        mail.thread(OWNER, identifier, sources=office.sources())


def test_dates_are_instants(office: Office) -> None:
    message = mail.search(OWNER, limit=1, sources=office.sources()).messages[0]
    assert isinstance(message.date, datetime)
    assert message.date.utcoffset() == timedelta()
