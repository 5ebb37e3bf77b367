"""Accounts of two providers, connected by OAuth and read as a person's browser does."""

from urllib.parse import quote

import pytest

from scripts.local.endpoints import PROVIDERS
from tests.asking import answer, ask
from tests.briefly import ADA, ADA_MICROSOFT, BRAM_MICROSOFT, Briefly, Client


@pytest.fixture(scope="module")
def both(briefly: Briefly) -> tuple[Client, str, str]:
    """Somebody with an account at either, and their ids."""
    person = briefly.sign_up()
    for provider in PROVIDERS:
        briefly.renew_known_people(provider)
    return person, person.connect_google(ADA), person.connect_microsoft(ADA_MICROSOFT)


def test_mail_of_both_is_one_list(both: tuple[Client, str, str]) -> None:
    person, *accounts = both
    cursor, read = "", []
    for _ in range(4):
        page = person.get(f"/mail/?limit=10{cursor}")
        assert page["errors"] == []
        read += page["messages"]
        cursor = f"&cursor={quote(page['next_cursor'])}"
    assert {message["account_id"] for message in read} == set(accounts)
    dates = [message["date"] for message in read]
    assert dates == sorted(dates, reverse=True)
    assert len({message["id"] for message in read}) == 40


def test_each_message_and_event_is_read_at_its_provider(both: tuple[Client, str, str]) -> None:
    person, *accounts = both
    for account in accounts:
        message = next(one for one in person.get("/mail/?limit=40")["messages"] if one["account_id"] == account)
        read = person.get(f"/mail/{message['id']}")
        assert (read["subject"], read["account_id"]) == (message["subject"], account)
        assert message["id"] in [one["id"] for one in person.get(f"/mail/threads/{read['thread_id']}")["messages"]]
        event = next(one for one in person.get("/events/?limit=100")["events"] if one["account_id"] == account)
        assert person.get(f"/events/{event['id']}") == event


def test_events_and_calendars_and_labels_of_both_are_one_list(both: tuple[Client, str, str]) -> None:
    person, *accounts = both
    for path, name in (
        ("/events/?limit=100", "events"),
        ("/events/calendars", "calendars"),
        ("/mail/labels", "labels"),
    ):
        listed = person.get(path)
        assert listed["errors"] == []
        assert {one["account_id"] for one in listed[name]} == set(accounts)


def test_an_answer_is_given_from_both(both: tuple[Client, str, str]) -> None:
    person, *accounts = both
    _, posted = ask(person, "What does my day look like, and who is waiting for an answer from me?")
    sources = [event.document for event in answer(person, posted["run"]["id"]) if event.type.startswith("source-")]
    assert {source["sourceId"].partition(".")[0] for source in sources} == set(accounts)


def test_an_account_that_fails_is_named_and_the_other_comes(briefly: Briefly) -> None:
    person = briefly.sign_up()
    kept, lost = person.connect_google(ADA), person.connect_microsoft(BRAM_MICROSOFT)
    assert {one["account_id"] for one in person.get("/mail/?limit=50")["messages"]} == {kept, lost}
    fault = {"match": {"path_prefix": "/v1.0/", "user": BRAM_MICROSOFT}, "kind": "error", "times": None}
    briefly.control("microsoft", "POST", "faults", fault)
    try:
        for path, name in (("/mail/?limit=50", "messages"), ("/events/?limit=50", "events")):
            page = person.get(path)
            assert [error["account_id"] for error in page["errors"]] == [lost]
            assert {one["account_id"] for one in page[name]} == {kept}
    finally:
        briefly.control("microsoft", "DELETE", "faults")
