"""What a model is given to know: gathered at once, in time, with what is missing named."""

import time
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from lib.ai import tokens
from lib.chat.context import SWITCHED_OFF, Context, LeftOut, gather
from lib.chat.relevance import terms
from lib.core.errors import ReconnectRequired, Unavailable
from lib.office.models import AccountError, Attendee, Party, Response
from lib.users.preferences import PrivacyControls
from tests.chat.gathered import ACCOUNT, ADA, NOW, Office, broken, event, late, mail

BERLIN = ZoneInfo("Europe/Berlin")


def gathered(office: Office, question: str = "And today?", **options: Any) -> Context:
    """The context that this office gives."""
    allowed = options.pop("allowed", PrivacyControls())
    return gather(ADA, question, BERLIN, NOW, [], allowed=allowed, events=office.between, mail=office.recent, **options)


def test_events_come_by_their_start_and_mails_from_the_newest() -> None:
    office = Office([event("late", 5), event("early", 1)], [mail("old", -9), mail("new", -1)])
    context = gathered(office)
    assert [one.title for one in context.events] == ["Event early", "Event late"]
    assert [one.subject for one in context.mails] == ["Mail new", "Mail old"]
    assert [(one.ref, one.title) for one in context.sources()] == [
        ("e1", "Event early"),
        ("e2", "Event late"),
        ("m1", "Mail new"),
        ("m2", "Mail old"),
    ]
    assert context.left_out == ()


def test_an_all_day_event_begins_at_the_persons_midnight() -> None:
    whole_day = event("holiday", start=NOW.date(), end=NOW.date() + timedelta(days=1), all_day=True)
    context = gathered(Office([event("early", -2), whole_day]))
    assert [one.title for one in context.events] == ["Event holiday", "Event early"]


def test_the_window_begins_at_the_persons_midnight_and_lasts_a_week() -> None:
    office = Office()
    gathered(office)
    assert office.windows == [(datetime(2026, 11, 24, tzinfo=BERLIN), datetime(2026, 12, 1, tzinfo=BERLIN))]


def test_mail_about_what_is_asked_is_looked_for_too_and_comes_once() -> None:
    lease = mail("lease", -2000)
    office = Office(mails=[mail("new")], about={"Henning Brook": [lease, mail("new")]})
    context = gathered(office, "What did Henning Brook want?")
    assert [one.subject for one in context.mails] == ["Mail new", "Mail lease"]
    assert sorted(query.text for query in office.queries if query and query.text) == ['"Henning Brook"']


def test_whoever_hangs_costs_no_more_than_the_budget_and_is_named() -> None:
    began = time.monotonic()
    context = gathered(Office(late(3), [mail("here")]), budget=timedelta(seconds=0.3))
    assert time.monotonic() - began < 0.6
    assert [one.subject for one in context.mails] == ["Mail here"]
    assert context.left_out == (LeftOut("events", "", "It took too long"),)


def test_the_office_is_told_to_give_up_before_the_budget_ends() -> None:
    office = Office()
    gathered(office, budget=timedelta(seconds=2))
    assert all(1.5 < seconds <= 1.8 for seconds in office.seconds_allowed)


def test_everything_is_asked_for_at_once() -> None:
    began = time.monotonic()
    context = gathered(Office(late(0.2), late(0.2)))
    assert time.monotonic() - began < 0.39
    assert context.left_out == ()


@pytest.mark.parametrize(
    ("error", "reason"),
    [(Unavailable(), Unavailable.title), (KeyError("x"), "Something went wrong on our side")],
)
def test_what_fails_is_named_and_does_not_fail_the_rest(error: Exception, reason: str) -> None:
    context = gathered(Office([event("one")], broken(error)))
    assert [one.title for one in context.events] == ["Event one"]
    assert context.left_out == (LeftOut("mail", "", reason),)


def test_a_failed_account_is_named() -> None:
    failed = AccountError(
        account_id=ACCOUNT, email="ada@home.example", type=ReconnectRequired.type(), title=ReconnectRequired.title
    )
    context = gathered(Office([event("one")], [mail("one")], errors=[failed]))
    assert [(out.what, out.account) for out in context.left_out] == [
        ("events", "ada@home.example"),
        ("mail", "ada@home.example"),
    ]
    assert {out.reason for out in context.left_out} == {ReconnectRequired.title}


def test_accounts_that_cannot_be_read_leave_out_everything_and_fail_nothing() -> None:
    context = gather(ADA, "And today?", BERLIN, NOW, Unavailable(), allowed=PrivacyControls())
    assert context.left_out == (LeftOut("events", "", Unavailable.title), LeftOut("mail", "", Unavailable.title))


def test_mail_beyond_the_limit_is_named() -> None:
    assert gathered(Office(mails=[mail("one")], more=True)).left_out == (
        LeftOut("mail", "", "only the newest 1 were read"),
    )


def test_what_does_not_fit_is_left_out_and_named_the_weightiest_mail_stays() -> None:
    mails = [mail(f"news{number}", -number, answered=True, text="word " * 200) for number in range(1, 40)]
    mails.append(mail("waits", -200, text="Could you answer?"))
    context = gathered(Office([event(str(number), number) for number in range(50)], mails), maximum_tokens=3000)
    assert "Mail waits" in [one.subject for one in context.mails]
    assert 0 < len(context.mails) < 40
    assert 0 < len(context.events) < 50
    assert {(out.what, out.reason) for out in context.left_out} == {
        ("events", f"{50 - len(context.events)} more did not fit"),
        ("mail", f"{40 - len(context.mails)} more did not fit"),
    }
    assert sum(tokens.estimate(block.text) for block in context.blocks()) <= 3000


MEET = "https://meet.google.com/abc-defg-hij"
ME = Attendee(name="Ada", email="ada@home.example", response=Response.ACCEPTED, is_me=True)
STRANGER = Attendee(name="Mallory", email="mallory@evil.example", response=Response.ACCEPTED, organizer=True)


@pytest.mark.parametrize(
    ("response", "trusted"), [(Response.ACCEPTED, True), (Response.TENTATIVE, True), (Response.NONE, False)]
)
def test_an_invitation_alone_makes_nothing_allowed(response: Response, trusted: bool) -> None:
    invitation = event("call", my_response=response, attendees=[ME, STRANGER], meeting_url=MEET)
    context = gathered(Office([invitation]))
    assert (MEET in context.allowed_links()) is trusted
    assert ("mallory@evil.example" in context.allowed_addresses()) is trusted
    assert "ada@home.example" in context.allowed_addresses()


def test_writing_to_the_person_makes_no_address_allowed_being_written_to_does() -> None:
    answer = mail(
        "answer", from_me=True, from_=Party(email="Ada@home.example"), to=[Party(email="Bram@friends.example")]
    )
    assert gathered(Office(mails=[mail("one")])).allowed_addresses() == frozenset()
    assert gathered(Office(mails=[answer])).allowed_addresses() == {"ada@home.example", "bram@friends.example"}


def test_the_guard_of_a_context_knows_its_text_and_its_links() -> None:
    page = "https://www.google.com/calendar/event?eid=1"
    hostile = mail("hostile", text="Pay the overdue fee at https://evil.example/pay before noon.")
    guard = gathered(Office([event("one", html_link=page)], [hostile])).guard(["What now?"])
    shown = guard.feed(f"See {page}. Pay the overdue fee at https://evil.example/pay before noon.") + guard.close()
    assert shown == f"See {page}. “Pay the overdue fee at [link removed] before noon”."


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What does my day look like, and who is waiting for an answer from me?", []),
        ("What did Élodie Marchetti say about the contract?", ["Élodie Marchetti"]),
        ("Find “glass tests” from bram@friends.example", ["glass tests", "bram@friends.example"]),
        ("is there anything about the invoice", ["invoice"]),
        ("Wann kommt Herr Żurawski?", ["Herr Żurawski"]),
        ("", []),
    ],
)
def test_a_question_is_about_its_names_or_its_longest_word(question: str, expected: list[str]) -> None:
    assert terms(question) == expected


@pytest.mark.parametrize("question", ["And today?", "What did Henning Brook want?"])
def test_mail_that_chat_may_not_read_is_not_asked_for(question: str) -> None:
    office = Office([event("one")], [mail("one")])
    context = gathered(office, question, allowed=PrivacyControls(chat_reads_mail=False))
    assert (office.queries, len(office.windows)) == ([], 1)
    assert (len(context.events), context.mails) == (1, ())
    assert context.left_out == (LeftOut("mail", "", SWITCHED_OFF),)


def test_calendars_that_chat_may_not_read_are_not_asked_for() -> None:
    office = Office([event("one")], [mail("one")])
    context = gathered(office, allowed=PrivacyControls(chat_reads_calendars=False))
    assert (office.windows, len(office.queries)) == ([], 1)
    assert (context.events, len(context.mails)) == ((), 1)
    assert context.left_out == (LeftOut("events", "", SWITCHED_OFF),)


def test_a_person_who_allows_nothing_is_answered_at_once_and_told_why() -> None:
    office = Office(late(3), late(3))
    began = time.monotonic()
    context = gathered(office, allowed=PrivacyControls(chat_reads_mail=False, chat_reads_calendars=False))
    assert time.monotonic() - began < 1
    assert (office.windows, office.queries) == ([], [])
    assert context.left_out == (LeftOut("events", "", SWITCHED_OFF), LeftOut("mail", "", SWITCHED_OFF))
