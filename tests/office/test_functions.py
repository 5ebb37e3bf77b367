"""The functions `mail` and `events`, called as a person's browser would, with accounts connected by OAuth."""

from urllib.parse import quote

import pytest

from lib.office.identifiers import encode
from tests.briefly import ADA, BRAM, Briefly, Client


@pytest.fixture(scope="module")
def ada(briefly: Briefly) -> Client:
    client = briefly.sign_up()
    client.connect_google(ADA)
    return client


@pytest.fixture(scope="module")
def both(briefly: Briefly) -> Client:
    """Somebody with two accounts."""
    client = briefly.sign_up()
    client.connect_google(ADA)
    client.connect_google(BRAM)
    return client


@pytest.fixture(scope="module")
def stranger(briefly: Briefly) -> Client:
    client = briefly.sign_up()
    client.connect_google(BRAM)
    return client


def test_mail_of_all_accounts_is_one_list(both: Client) -> None:
    page = both.get("/mail/?limit=10")
    assert page["errors"] == []
    assert len(page["messages"]) == 10
    assert len({message["account_id"] for message in page["messages"]}) == 2
    dates = [message["date"] for message in page["messages"]]
    assert dates == sorted(dates, reverse=True)
    rest = both.get(f"/mail/?limit=10&cursor={quote(page['next_cursor'])}")
    assert not {message["id"] for message in rest["messages"]} & {message["id"] for message in page["messages"]}


def test_mail_is_searched_by_its_parts(ada: Client) -> None:
    newest = ada.get("/mail/?limit=1")["messages"][0]
    sender = newest["from"]["email"]
    found = ada.get(f"/mail/?from={sender}&limit=50")["messages"]
    assert newest["id"] in [message["id"] for message in found]
    assert {message["from"]["email"] for message in found} == {sender}


def test_a_message_and_its_thread_are_read(ada: Client) -> None:
    newest = ada.get("/mail/?limit=1")["messages"][0]
    message = ada.get(f"/mail/{newest['id']}")
    assert message["text"]
    assert message["subject"] == newest["subject"]
    thread = ada.get(f"/mail/threads/{message['thread_id']}")
    assert newest["id"] in [each["id"] for each in thread["messages"]]


def test_labels_are_listed(ada: Client) -> None:
    assert "inbox" in [label["id"] for label in ada.get("/mail/labels")["labels"]]


def test_events_of_all_accounts_are_one_list(both: Client) -> None:
    page = both.get("/events/?limit=40")
    assert page["errors"] == []
    assert {event["account_id"] for event in page["events"]} == {
        calendar["account_id"] for calendar in both.get("/events/calendars")["calendars"]
    }


def test_an_event_is_read_as_it_is_listed(ada: Client) -> None:
    event = ada.get("/events/?limit=1")["events"][0]
    assert ada.get(f"/events/{event['id']}") == event


@pytest.mark.parametrize("name", ["mail", "events"])
def test_what_belongs_to_somebody_else_is_not_there(ada: Client, stranger: Client, name: str) -> None:
    (first, *_) = ada.get(f"/{name}/?limit=1")["messages" if name == "mail" else "events"]
    ada.get(f"/{name}/{first['id']}")
    answer = stranger.call("GET", f"/{name}/{first['id']}")
    absent = stranger.call("GET", f"/{name}/{encode('acc_' + '0' * 24, *['x'] * (1 if name == 'mail' else 2))}")
    assert (answer.status_code, absent.status_code) == (404, 404)
    assert answer.json()["type"] == absent.json()["type"] == "urn:briefly:problem:not-found"
    assert answer.json().get("detail") == absent.json().get("detail")


def test_a_conversation_of_somebody_else_is_not_there(ada: Client, stranger: Client) -> None:
    thread = ada.get("/mail/?limit=1")["messages"][0]["thread_id"]
    assert stranger.call("GET", f"/mail/threads/{thread}").status_code == 404


def test_a_cursor_of_somebody_else_is_refused(ada: Client, stranger: Client) -> None:
    cursor = ada.get("/mail/?limit=1")["next_cursor"]
    answer = stranger.call("GET", f"/mail/?limit=1&cursor={quote(cursor)}")
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:briefly:problem:invalid-cursor")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/mail/?limit=0", 422),
        ("/mail/?limit=101", 422),
        ("/mail/?limit=x", 422),
        ("/mail/?unknown=1", 422),
        ("/mail/?after=2026-01-01T00:00:00", 422),
        ("/mail/?after=0001-01-01T00:00:00Z", 422),
        ("/mail/?before=9999-12-31T23:59:59Z", 422),
        ("/mail/?unread=perhaps", 422),
        ("/mail/?text=", 422),
        ("/mail/?label=nobodys", 404),
        ("/mail/?label=acc_0.x", 404),
        ("/mail/?cursor=nonsense", 400),
        ("/mail/nonsense", 404),
        ("/mail/threads/nonsense", 404),
        (f"/mail/{'x' * 3000}", 422),
        ("/events/?start=2026-01-01T00:00:00Z&end=2026-01-01T00:00:00Z", 422),
        ("/events/?start=2026-01-01T00:00:00Z&end=2028-01-01T00:00:00Z", 422),
        ("/events/?start=yesterday", 422),
        ("/events/?cursor=%00", 400),
        ("/events/nonsense", 404),
    ],
)
def test_bad_input_gets_a_problem(ada: Client, path: str, status: int) -> None:
    answer = ada.call("GET", path)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_an_account_whose_consent_was_withdrawn_is_named_and_the_other_comes(briefly: Briefly) -> None:
    person = briefly.sign_up()
    lost = briefly.unseen_mailbox(77)
    kept_id, lost_id = person.connect_google(ADA), person.connect_google(lost)
    message = next(each for each in person.get("/mail/?limit=100")["messages"] if each["account_id"] == lost_id)
    briefly.control("google", "POST", "revoke", {"user": lost})
    page = person.get("/mail/?limit=50")
    assert [(error["account_id"], error["type"]) for error in page["errors"]] == [
        (lost_id, "urn:briefly:problem:reconnect-required")
    ]
    assert {each["account_id"] for each in page["messages"]} == {kept_id}
    answer = person.call("GET", f"/mail/{message['id']}")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:briefly:problem:reconnect-required")
