"""What is Graph's alone: how many requests at once, batches, links to next pages, words, zones and recurrences."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from dateutil.rrule import rrulestr

from lib.accounts.models import Account
from lib.core import clock
from lib.core.errors import Forbidden, NotFound, ProviderFailed
from lib.core.transport import Reply
from lib.office import mail
from lib.office.errors import ProviderThrottled
from lib.office.identifiers import decode
from lib.office.microsoft.client import MAIL, NEXT, target
from lib.office.microsoft.errors import refusal
from lib.office.microsoft.recurrence import rules
from lib.office.microsoft.search import MOST_SEARCH_RESULTS, Asked
from lib.office.microsoft.zones import iana
from lib.office.queries import MailQuery
from scripts.local.microsoft.graph.mailbox import StoredMessage
from tests.contract.conftest import READING, MicrosoftRig
from tests.office.rig import OWNER

MESSAGES = target("me", "messages", select="id", top=5)


@pytest.fixture
def first(microsoft: MicrosoftRig) -> Account:
    return microsoft.accounts[0]


def recorded(rig: MicrosoftRig) -> list[dict[str, Any]]:
    return list(rig.control("GET", "requests")["requests"])


def test_twenty_askers_of_a_mailbox_are_never_more_than_four_at_once(microsoft: MicrosoftRig, first: Account) -> None:
    reader = microsoft.mail(first)
    reader.page(mail.EVERYTHING, None, 5)
    microsoft.control("POST", "latency", {"seconds": 0.01})
    microsoft.control("DELETE", "requests")
    with ThreadPoolExecutor(20) as threads:
        counts = set(threads.map(lambda _: len(reader.page(mail.EVERYTHING, None, 5).items), range(20)))
    assert counts == {5}
    assert {call["status"] for call in recorded(microsoft)} == {200}


def test_parts_of_a_batch_that_are_throttled_are_asked_again_alone(microsoft: MicrosoftRig, first: Account) -> None:
    client = microsoft.client(first, MAIL)
    microsoft.arm("/v1.0/me/messages", "error", status=429, retry_after=0, times=3)
    answers = client.batch([MESSAGES] * 10)
    assert [len(answer["value"]) for answer in answers if isinstance(answer, dict)] == [5] * 10
    parts = [call for call in recorded(microsoft) if call["batched"]]
    assert (len(parts), len([part for part in parts if part["status"] == 429])) == (13, 3)


@pytest.mark.parametrize("status", [424, 500])
def test_a_part_that_failed_within_a_success_is_asked_again_alone(
    microsoft: MicrosoftRig, first: Account, status: int
) -> None:
    microsoft.arm("/v1.0/me/mailFolders/inbox", "error", status=status, times=1)
    inbox = target("me", "mailFolders", "inbox", select="id")
    before, mended, after = microsoft.client(first, MAIL).batch([MESSAGES, inbox, MESSAGES])
    assert isinstance(mended, dict)
    assert mended["id"]
    assert before == after
    asked = [(call["path"], call["status"]) for call in recorded(microsoft)]
    listed, folder = "/v1.0/me/messages", "/v1.0/me/mailFolders/inbox"
    envelope = ("/v1.0/$batch", 200)
    assert sorted(asked) == sorted([envelope, (listed, 200), (listed, 200), (folder, status), envelope, (folder, 200)])


def test_a_batch_holds_at_most_twenty(microsoft: MicrosoftRig, first: Account) -> None:
    answers = microsoft.client(first, MAIL).batch([MESSAGES] * 41)
    assert all(isinstance(answer, dict) for answer in answers)
    assert microsoft.calls() == ["POST /$batch"] * 3


def test_a_part_that_fails_stands_in_its_place(microsoft: MicrosoftRig, first: Account) -> None:
    unknown = target("me", "messages", "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A" + "x" * 43 + "AAA=")
    before, failed, after = microsoft.client(first, MAIL).batch([MESSAGES, unknown, MESSAGES])
    assert isinstance(failed, NotFound)
    assert before == after


def test_a_long_pause_that_graph_asks_for_within_a_batch_is_told(microsoft: MicrosoftRig, first: Account) -> None:
    microsoft.arm("/v1.0/me/messages", "error", status=429, retry_after=120, times=None)
    page = mail.search(OWNER, sources=microsoft.sources(first))
    assert [error.type for error in page.errors] == [ProviderThrottled.type()]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/me/messages",
        "{endpoint}.evil.example/v1.0/me/messages",
        "{endpoint}@evil.example/v1.0/me/messages",
        "{endpoint}/beta/me/messages",
        "{endpoint}/v1.0evil",
        "http://127.0.0.1/v1.0/me/messages",
        "/v1.0/me/messages",
        "",
    ],
)
def test_a_next_page_elsewhere_gets_no_token(microsoft: MicrosoftRig, first: Account, link: str) -> None:
    client = microsoft.client(first, MAIL)
    page = {"value": [], NEXT: link.format(endpoint=client.endpoint)}
    with pytest.raises(ProviderFailed):
        list(client.pages(page))
    assert recorded(microsoft) == []


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ('x" OR from:"boss', '"\\"x\\" AND \\"OR\\" AND \\"from: boss\\""'),
        ("subject:secret", '"\\"subject:secret\\""'),
        ("a* NOT b", '"\\"a\\" AND \\"NOT\\" AND \\"b\\""'),
        ("(received>=2020-01-01)", '"\\"(received>=2020-01-01)\\""'),
        ('back\\" OR \\"slash', '"\\"back\\" AND \\"OR\\" AND \\"slash\\""'),
    ],
)
def test_words_are_never_more_than_words_of_the_search_language(text: str, sent: str) -> None:
    call = Asked(MailQuery(text=text)).search(None, "id")
    assert parse_qs(urlsplit(call).query)["$search"] == [sent]


def test_a_day_with_more_hits_than_a_search_gives_hides_no_older_mail(
    microsoft: MicrosoftRig, capsys: pytest.CaptureFixture[str]
) -> None:
    account = microsoft.accounts[1]
    mailbox = microsoft.handle.microsoft.graph.accounts.by_email[account.email].mailbox
    pattern = microsoft.people[account.email].messages[0]
    crowded = clock.now() - timedelta(hours=1)
    dates = [crowded] * (MOST_SEARCH_RESULTS + 20) + [crowded - timedelta(days=number) for number in (10, 20)]
    letters = [
        replace(pattern, id=f"{number:016x}", date=date, subject="Murmuration", labels=("INBOX",))
        for number, date in enumerate(dates)
    ]

    async def deliver() -> list[StoredMessage]:
        return [mailbox.add(letter) for letter in letters]

    async def remove(stored: list[StoredMessage]) -> None:
        for one in stored:
            mailbox.delete(one)

    delivered = microsoft.loop.run(deliver())
    try:
        stretch = microsoft.mail(account).page(MailQuery(subject="murmuration"), None, MOST_SEARCH_RESULTS + 50)
    finally:
        microsoft.loop.run(remove(delivered))
    assert [item.date for _, item in stretch.items][-2:] == [date.replace(microsecond=0) for date in dates[-2:]]
    assert stretch.ended
    assert "a day has more than a search gives" in capsys.readouterr().out


def test_a_message_keeps_its_identifier_when_it_is_moved(microsoft: MicrosoftRig) -> None:
    account = microsoft.accounts[1]
    sources = microsoft.sources(account)
    message = mail.search(OWNER, query=MailQuery(label="inbox"), limit=1, sources=sources).messages[0]
    named = {"user": account.email, "message": decode(message.id).provider_ids[0]}
    microsoft.control("POST", "mail/move", {**named, "folder": "archive"})
    try:
        moved = mail.read(OWNER, message.id, sources=sources)
        assert (moved.id, moved.subject) == (message.id, message.subject)
        assert "inbox" not in moved.labels
        (own,) = [label for label in moved.labels if label not in ("starred", "important")]
        listed = mail.search(OWNER, query=MailQuery(label=own), limit=100, sources=sources)
        assert message.id in [one.id for one in listed.messages]
    finally:
        microsoft.control("POST", "mail/move", {**named, "folder": "inbox"})


def test_a_scope_that_was_never_granted_is_named_without_asking_microsoft(
    microsoft: MicrosoftRig, first: Account
) -> None:
    narrow = first.model_copy(update={"scopes": [READING[1].lower()]})
    assert microsoft.calendar(narrow).calendars()
    microsoft.control("DELETE", "requests")
    with pytest.raises(Forbidden) as refused:
        microsoft.mail(narrow).labels()
    assert refused.value.members["missing_scopes"] == ["Mail.Read"]
    assert recorded(microsoft) == []


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "ErrorItemNotFound", NotFound),
        (400, "ErrorInvalidIdMalformed", NotFound),
        (403, "ErrorAccessDenied", Forbidden),
        (404, "MailboxNotEnabledForRESTAPI", Forbidden),
        (429, "ApplicationThrottled", ProviderThrottled),
        (424, "FailedDependency", ProviderFailed),
        (500, "ErrorInternalServerError", ProviderFailed),
    ],
)
def test_refusals_are_told_by_their_kind(status: int, code: str, expected: type[Exception]) -> None:
    body = f'{{"error": {{"code": "{code}", "message": "x"}}}}'.encode()
    assert type(refusal(Reply(status, {}, body))) is expected


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Europe/Lisbon", "Europe/Lisbon"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("tzone://Microsoft/Custom", "UTC"),
        (None, "UTC"),
    ],
)
def test_zones_have_their_names_of_iana(name: str | None, known: str) -> None:
    assert iana(name) == known


ENDLESS = {"type": "noEnd", "startDate": "2026-01-01"}


@pytest.mark.parametrize(
    ("pattern", "limits", "second"),
    [
        ({"type": "daily", "interval": 3}, ENDLESS, datetime(2026, 1, 4, 9, tzinfo=UTC)),
        (
            {"type": "weekly", "interval": 2, "daysOfWeek": ["thursday", "friday"], "firstDayOfWeek": "monday"},
            {"type": "numbered", "numberOfOccurrences": 3},
            datetime(2026, 1, 2, 9, tzinfo=UTC),
        ),
        ({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 1}, ENDLESS, datetime(2026, 2, 1, 9, tzinfo=UTC)),
        (
            {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["thursday"], "index": "first"},
            {"type": "endDate", "endDate": "2026-02-05", "recurrenceTimeZone": "Pacific Standard Time"},
            datetime(2026, 2, 5, 9, tzinfo=UTC),
        ),
        (
            {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 1, "month": 1},
            ENDLESS,
            datetime(2027, 1, 1, 9, tzinfo=UTC),
        ),
        (
            {"type": "relativeYearly", "interval": 1, "daysOfWeek": ["thursday"], "index": "first", "month": 1},
            ENDLESS,
            datetime(2027, 1, 7, 9, tzinfo=UTC),
        ),
    ],
)
def test_recurrences_are_rules_that_others_read(
    pattern: dict[str, Any], limits: dict[str, Any], second: datetime
) -> None:
    (rule,) = rules({"pattern": pattern, "range": limits}, all_day=False)
    start = datetime(2026, 1, 1, 9, tzinfo=UTC)
    read = rrulestr(rule, dtstart=start)
    assert read.after(start) == second
