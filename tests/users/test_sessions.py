"""Where people are signed in: told by Clerk in whatever order, listed, and ended by nobody but their person."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from lib.core import clock
from lib.core.store import UserId
from lib.users.announced import apply
from lib.users.announcements import Announcement
from lib.users.sessions import store
from tests import clerk
from tests.briefly import Briefly, Client, eventually
from tests.kept import audit_entries, everything

PATH = "/users/me/sessions"


@pytest.fixture
def person(briefly: Briefly) -> Client:
    return briefly.sign_up()


def sign_in(person: Client, **activity: Any) -> str:
    """Sign in once more, elsewhere; the session's id, once Briefly knows of it."""
    wish = {"user_id": person.user, "activity": activity}
    session = str(person.briefly.control("clerk", "POST", "sessions", wish)["id"])
    eventually(lambda: session in announced(person))
    return session


def announced(person: Client) -> list[str]:
    """The sessions that Briefly was told of and that are not over."""
    return [session.id for session in store.live(UserId(person.user))]


def listed(person: Client) -> dict[str, dict[str, Any]]:
    """The person's sessions, by their ids."""
    return {session["id"]: session for session in person.get(PATH)["sessions"]}


def status_at_clerk(person: Client, session: str) -> str:
    """What Clerk says of a session."""
    (found,) = (one for one in sessions_told(person) if one["id"] == session)
    return str(found["status"])


def sessions_told(person: Client) -> list[dict[str, Any]]:
    """What Clerk last announced of each session of the person's."""
    told: dict[str, dict[str, Any]] = {}
    for webhook in person.briefly.control("clerk", "GET", "webhooks")["webhooks"]:
        data = webhook["payload"]["data"]
        if webhook["type"].startswith("session.") and data["user_id"] == person.user:
            told[data["id"]] = data
    return list(told.values())


@contextmanager
def clerk_that_fails(briefly: Briefly, **fault: Any) -> Iterator[None]:
    """Clerk answers as the fault says when sessions are looked for, or as it matches, for as long as the block."""
    match = {"method": "GET", "path_prefix": "/v1/sessions"}
    briefly.control("clerk", "POST", "faults", {"match": match, "kind": "error", "times": None} | fault)
    try:
        yield
    finally:
        briefly.control("clerk", "DELETE", "faults")
        # A breaker that opened meanwhile is shut again by then.
        briefly.move_clock(60)


def test_a_person_sees_where_they_are_signed_in_and_which_one_this_is(person: Client) -> None:
    phone = sign_in(person, browser_name="Safari", device_type="iPhone", is_mobile=True, city="Lund", country="SE")
    answer = person.get(PATH)
    assert answer["source"] == "clerk"
    shown = {session["id"]: session for session in answer["sessions"]}
    (current,) = (session["id"] for session in answer["sessions"] if session["is_current"])
    assert set(shown) == {phone, current}
    assert shown[phone]["created_at"] < shown[phone]["expires_at"]
    seen = {name: shown[phone][name] for name in ("browser", "device", "is_mobile", "city", "country")}
    assert seen == {"browser": "Safari", "device": "iPhone", "is_mobile": True, "city": "Lund", "country": "SE"}
    other = person.in_another_session()
    assert [session["is_current"] for session in other.get(PATH)["sessions"]].count(True) == 1
    assert not listed(other)[current]["is_current"]


def test_a_session_is_ended_at_clerk_and_does_not_show_any_more(person: Client) -> None:
    phone, tablet = sign_in(person), sign_in(person)
    assert person.call("DELETE", f"{PATH}/{phone}", sensitive=True).status_code == 204
    assert status_at_clerk(person, phone) == "revoked"
    assert tablet in listed(person)
    assert phone not in listed(person)
    assert phone not in announced(person)
    assert person.call("DELETE", f"{PATH}/{phone}", sensitive=True).status_code == 204
    token = person.briefly.control("clerk", "POST", f"sessions/{tablet}/tokens", {})["jwt"]
    assert token
    assert [one["outcome"] for one in audited(person)] == ["ended"]


def test_the_session_that_asks_may_end_itself(person: Client) -> None:
    leaving = person.in_another_session()
    (current,) = (session["id"] for session in leaving.get(PATH)["sessions"] if session["is_current"])
    assert leaving.call("DELETE", f"{PATH}/{current}", sensitive=True).status_code == 204
    assert status_at_clerk(person, current) == "revoked"


def test_all_others_are_ended_at_once(person: Client) -> None:
    others = {sign_in(person) for _ in range(3)}
    answer = person.call("DELETE", PATH, sensitive=True)
    assert (answer.status_code, answer.json()) == (200, {"ended": 3})
    assert {status_at_clerk(person, session) for session in others} == {"revoked"}
    assert [session["is_current"] for session in person.get(PATH)["sessions"]] == [True]
    assert person.call("DELETE", PATH, sensitive=True).json() == {"ended": 0}


def test_more_sessions_than_clerk_gives_at_once_are_listed(person: Client) -> None:
    wish = {"user_id": person.user}
    made = {str(person.briefly.control("clerk", "POST", "sessions", wish)["id"]) for _ in range(501)}
    assert set(listed(person)) > made


def test_ending_a_session_takes_a_signed_request(person: Client) -> None:
    phone = sign_in(person)
    assert person.call("DELETE", f"{PATH}/{phone}").status_code == 401
    assert person.call("DELETE", PATH).status_code == 401
    assert phone in listed(person)


def test_nobody_sees_or_ends_anothers_session(briefly: Briefly, person: Client) -> None:
    phone, other = sign_in(person), briefly.sign_up()
    assert phone not in listed(other)
    foreign = other.call("DELETE", f"{PATH}/{phone}", sensitive=True)
    absent = other.call("DELETE", f"{PATH}/sess_{secrets.token_hex(13)}", sensitive=True)
    assert [answer.status_code for answer in (foreign, absent)] == [404, 404]
    assert {**foreign.json(), "request_id": ""} == {**absent.json(), "request_id": ""}
    assert other.call("DELETE", PATH, sensitive=True).json() == {"ended": 0}
    assert phone in listed(person)


@pytest.mark.parametrize("kind", ["error", "truncate", "hang"])
def test_while_clerk_does_not_answer_what_it_announced_is_shown(person: Client, kind: str) -> None:
    phone = sign_in(person, browser_name="Safari")
    ended = sign_in(person)
    person.briefly.control("clerk", "DELETE", f"sessions/{ended}")
    eventually(lambda: ended not in announced(person))
    with clerk_that_fails(person.briefly, kind=kind):
        answer = person.get(PATH)
        assert answer["source"] == "announced"
        shown = {session["id"]: session for session in answer["sessions"]}
        assert shown[phone]["browser"] == "Safari"
        assert ended not in shown
        assert [session["is_current"] for session in answer["sessions"]].count(True) == 1


def test_while_clerk_does_not_answer_no_session_is_said_to_be_ended(person: Client) -> None:
    phone = sign_in(person)
    with clerk_that_fails(person.briefly, match={"path_prefix": f"/v1/sessions/{phone}/revoke"}):
        failed = person.call("DELETE", f"{PATH}/{phone}", sensitive=True)
        assert (failed.status_code, failed.json()["type"]) == (502, "urn:briefly:problem:provider-failed")
        assert person.call("DELETE", PATH, sensitive=True).status_code == 502
    assert phone in announced(person)
    assert phone in listed(person)
    assert {one["outcome"] for one in audited(person)} == {"failed: ProviderFailed"}


def test_a_busy_clerk_is_asked_again_after_the_pause_that_it_wants(person: Client) -> None:
    phone = sign_in(person)
    # A new process has a retry to spend, whatever failed before.
    person.briefly.control("runner", "POST", "functions/users/kill", {})
    person.briefly.control("clerk", "DELETE", "requests")
    with clerk_that_fails(person.briefly, status=429, retry_after=1, times=1):
        assert person.get(PATH)["source"] == "clerk"
    asked = person.briefly.control("clerk", "GET", "requests?path=/v1/sessions&method=GET")["requests"]
    assert [one["status"] for one in asked] == [429, 200]
    pause = datetime.fromisoformat(asked[1]["time"]) - datetime.fromisoformat(asked[0]["time"])
    assert pause >= timedelta(seconds=1)
    with clerk_that_fails(person.briefly, status=429, retry_after=60):
        assert person.get(PATH)["source"] == "announced"
        assert person.call("DELETE", f"{PATH}/{phone}", sensitive=True).status_code == 502


def audited(person: Client) -> list[dict[str, Any]]:
    """What the audit log has of sessions that were ended."""
    return [entry for entry in audit_entries(person.user) if entry["action"] == "end-session"]


def event(kind: str, user: str, session: str, updated_at: int = 1, **changes: Any) -> str:
    """An event about a session."""
    lasting = clerk_now() + int(timedelta(days=7).total_seconds() * 1000)
    data = {"object": "session", "id": session, "user_id": user, "status": kind.replace("created", "active")}
    data |= {"client_id": "client_1", "created_at": 1, "updated_at": updated_at, "last_active_at": updated_at}
    data |= {"expire_at": lasting, "abandon_at": lasting} | changes
    return json.dumps({"type": f"session.{kind}", "object": "event", "timestamp": updated_at, "data": data})


def clerk_now() -> int:
    """The present instant as Clerk writes instants."""
    return int(clock.timestamp() * 1000)


def tell(body: str) -> None:
    """Have an event applied, as `on-user` does."""
    apply(Announcement.model_validate_json(body))


@pytest.mark.parametrize("end", ["ended", "removed", "revoked"])
def test_an_ended_session_never_comes_back(person: Client, end: str) -> None:
    session, user = f"sess_{secrets.token_hex(13)}", person.user
    tell(event(end, user, session, 5))
    tell(event("created", user, session, 1))
    tell(event("created", user, session, 9))
    assert session not in announced(person)
    began = f"sess_{secrets.token_hex(13)}"
    for body in (event("created", user, began), event(end, user, began, 5), event("created", user, began)):
        tell(body)
        tell(body)
    assert began not in announced(person)


def test_the_newest_word_about_a_session_counts(person: Client) -> None:
    session = f"sess_{secrets.token_hex(13)}"
    tell(event("created", person.user, session, 5, latest_activity={"city": "Lund"}))
    tell(event("created", person.user, session, 3, latest_activity={"city": "Malmö"}))
    (known,) = (one for one in store.live(UserId(person.user)) if one.id == session)
    assert known.latest_activity
    assert known.latest_activity.city == "Lund"


def test_a_session_event_goes_the_way_of_all_webhooks(briefly: Briefly, person: Client) -> None:
    body = event("created", person.user, f"sess_{secrets.token_hex(13)}")
    session = json.loads(body)["data"]["id"]
    forged = clerk.signed(briefly, body, key="whsec_Zm9yZ2VkLWZvcmdlZC1mb3JnZWQtZm9yZ2Vk")
    assert clerk.deliver(briefly, body, forged).status_code == 401
    assert clerk.deliver(briefly, body, clerk.signed(briefly, body)).status_code == 204
    eventually(lambda: session in announced(person))


def test_a_session_that_ran_out_is_not_shown_as_announced(person: Client) -> None:
    session = f"sess_{secrets.token_hex(13)}"
    tell(event("created", person.user, session, expire_at=clerk_now() + 60_000))
    assert session in announced(person)
    person.briefly.move_clock(61)
    assert session not in announced(person)


def test_of_a_deleted_person_no_session_is_kept(briefly: Briefly, person: Client) -> None:
    sign_in(person)
    eventually(lambda: person.get("/usage/")["days"])
    briefly.control("clerk", "DELETE", f"users/{person.user}")
    eventually(lambda: everything(person.user) == {})
    tell(event("created", person.user, f"sess_{secrets.token_hex(13)}"))
    tell(event("ended", person.user, f"sess_{secrets.token_hex(13)}"))
    assert everything(person.user) == {}
