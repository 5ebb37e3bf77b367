"""What people set is heeded when they are answered: what may be read of theirs, and how they want to be spoken to."""

from typing import Any

import pytest

from lib.chat.context import SWITCHED_OFF
from tests.asking import answer, ask
from tests.briefly import Briefly, Client
from tests.kept import audit_entries

QUESTION = "What does my day look like, and who is waiting for an answer from me?"
MAIL, CALENDAR = "gmail", "calendar"


@pytest.fixture
def person(briefly: Briefly) -> Client:
    briefly.renew_known_people()
    person = briefly.sign_up()
    person.connect_google(briefly.unseen_mailbox(91))
    return person


def context_of_an_answer(person: Client) -> dict[str, Any]:
    """What the model was given to know for an answer."""
    _, posted = ask(person, QUESTION)
    read = answer(person, posted["run"]["id"])
    assert read[-2].type == "finish"
    told: dict[str, Any] = next(event.document for event in read if event.type == "data-context")["data"]
    return told


def apis_asked(person: Client) -> set[str]:
    """Which APIs Google was asked for the person's account."""
    email = person.get("/accounts/")["accounts"][0]["email"]
    requests = person.briefly.control("google", "GET", f"requests?user={email}")["requests"]
    return {api for api in (MAIL, CALENDAR) if any(f"/{api}/" in one["path"] for one in requests)}


def hand_outs(person: Client) -> int:
    """How many tokens the vault has handed out for the person."""
    return sum(entry["action"] == "hand-out" for entry in audit_entries(person.user))


@pytest.mark.parametrize(
    ("switch", "kind", "api"), [("chat_reads_mail", "mail", MAIL), ("chat_reads_calendars", "events", CALENDAR)]
)
def test_what_is_switched_off_is_not_read_for_an_answer_that_says_so(
    briefly: Briefly, person: Client, switch: str, kind: str, api: str
) -> None:
    set_up(person, {"privacy": {switch: False}})
    briefly.control("google", "DELETE", "requests")
    told = context_of_an_answer(person)
    assert told["mails" if kind == "mail" else "events"] == 0
    assert {"what": kind, "account": "", "reason": SWITCHED_OFF} in told["left_out"]
    assert apis_asked(person) == {MAIL, CALENDAR} - {api}
    set_up(person, {"privacy": {switch: None}})
    told = context_of_an_answer(person)
    assert [out for out in told["left_out"] if out["reason"] == SWITCHED_OFF] == []
    assert apis_asked(person) == {MAIL, CALENDAR}


def test_for_somebody_who_allows_nothing_no_token_is_handed_out(person: Client) -> None:
    set_up(person, {"privacy": {"chat_reads_mail": False, "chat_reads_calendars": False}})
    before = hand_outs(person)
    told = context_of_an_answer(person)
    assert (told["events"], told["mails"]) == (0, 0)
    assert hand_outs(person) == before


def test_an_answer_is_asked_for_as_the_person_prefers_it(briefly: Briefly) -> None:
    person = briefly.sign_up()
    wish = {"style": "formal", "length": "long", "language": "de-AT", "model": "local-lorem"}
    set_up(person, {"chat": wish})
    briefly.control("models", "DELETE", "requests")
    context_of_an_answer(person)
    (asked,) = (one["body"] for one in briefly.control("models", "GET", "requests")["requests"])
    assert asked["model"] == "local-lorem"
    orders = str(asked["messages"][0]["content"])
    assert "formally" in orders
    assert "at length" in orders
    assert "de-AT" in orders


def set_up(person: Client, wish: dict[str, Any]) -> None:
    """Change preferences."""
    answered = person.call("PATCH", "/users/me/preferences", wish)
    assert answered.status_code == 200, answered.text
