"""Quota, malformed requests, and faults on command."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
from googleapiclient.errors import HttpError

from tests.local.google import ada
from tests.local.google.visitor import REDIRECT_URI, VERIFIER, Visitor

_MESSAGES = "/gmail/v1/users/me/messages"
_PROFILE = "/gmail/v1/users/me/profile"


def test_units_are_spent_per_person_and_come_back_with_the_minute(
    visitor: Visitor, move_clock: Callable[[timedelta], None]
) -> None:
    visitor.control("quota", {"gmail_user": 45})
    gmail, bram = visitor.gmail(), visitor.gmail(email=ada.BRAM)

    def read() -> Any:
        return gmail.users().messages().get(userId="me", id=ada.LUNCH_ID).execute()

    assert [read()["id"], read()["id"]] == [ada.LUNCH_ID, ada.LUNCH_ID]
    with pytest.raises(HttpError) as refused:
        read()
    assert refused.value.status_code == 403
    assert refused.value.error_details[0]["reason"] == "RATE_LIMIT_EXCEEDED"
    gmail.users().messages().list(userId="me").execute()
    bram.users().messages().list(userId="me").execute()
    move_clock(timedelta(seconds=61))
    assert read()["id"] == ada.LUNCH_ID


def test_a_spent_quota_is_refused_in_googles_words(visitor: Visitor) -> None:
    token = visitor.tokens()["access_token"]
    visitor.control("quota", {"gmail_user": 0, "calendar_user": 1, "status": 429})
    error = visitor.get(_MESSAGES, token).json()["error"]
    assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert error["errors"][0]["domain"] == "usageLimits"
    assert error["errors"][0]["reason"] == "rateLimitExceeded"
    calendars = "/calendar/v3/users/me/calendarList"
    assert [visitor.get(calendars, token).status_code for _ in range(2)] == [200, 429]


def test_a_project_has_a_limit_too(visitor: Visitor) -> None:
    visitor.control("quota", {"gmail_project": 6})
    visitor.gmail().users().messages().list(userId="me").execute()
    with pytest.raises(HttpError, match="Queries per minute'"):
        visitor.gmail(email=ada.BRAM).users().messages().list(userId="me").execute()


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        (_MESSAGES, {"surprise": "1"}, 'Unknown name "surprise"'),
        (_MESSAGES, {"maxResults": "many"}, "Invalid value at 'maxResults' (TYPE_UINT32)"),
        (_MESSAGES, {"includeSpamTrash": "perhaps"}, "(TYPE_BOOL)"),
        (f"{_MESSAGES}/{ada.LUNCH_ID}", {"format": "short"}, "Invalid value: short"),
        (_MESSAGES, {"fields": "messages(id"}, "Invalid field selection"),
        ("/gmail/v1/users/me/history", {"startHistoryId": "-1"}, "(TYPE_UINT64)"),
    ],
)
def test_a_malformed_query_is_refused(visitor: Visitor, path: str, query: dict[str, str], words: str) -> None:
    answer = visitor.get(path, visitor.tokens()["access_token"], **query)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_only_the_asked_fields_come(visitor: Visitor) -> None:
    token = visitor.tokens()["access_token"]
    answer = visitor.get(_MESSAGES, token, fields="messages/id,resultSizeEstimate", maxResults=1).json()
    assert answer == {"messages": [{"id": ada.CONTRACT_ID}], "resultSizeEstimate": 5}
    events = visitor.get("/calendar/v3/calendars/primary/events", token, fields="items(id,start(date))").json()
    assert {"id": "review", "start": {}} in events["items"]


def test_without_or_with_a_wrong_token_nothing_is_read(visitor: Visitor) -> None:
    for token in (None, "ya29.forged"):
        answer = visitor.get(_MESSAGES, token)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        assert answer.json()["error"]["errors"][0]["location"] == "Authorization"


def test_what_is_not_imitated_says_so(visitor: Visitor) -> None:
    token = visitor.tokens()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    sending = requests.post(f"{visitor.url}{_MESSAGES}/send", json={}, headers=headers, timeout=10)
    assert sending.status_code == 501
    assert "gmail.users.messages.send" in sending.json()["error"]["message"]
    assert visitor.get("/gmail/v1/nothing", token).status_code == 404
    assert requests.delete(f"{visitor.url}{_PROFILE}", headers=headers, timeout=10).status_code == 405


def test_an_error_on_command_meets_its_calls_only_and_so_often(visitor: Visitor) -> None:
    ada_token = visitor.tokens()["access_token"]
    bram_token = visitor.tokens(login_hint=ada.BRAM)["access_token"]
    match = {"method": "GET", "path_prefix": _MESSAGES, "user": ada.EMAIL}
    visitor.control(
        "faults",
        {"match": match, "kind": "error", "status": 503, "reason": "backendError", "times": 2, "retry_after": 7},
    )
    assert visitor.get(_PROFILE, ada_token).status_code == 200
    assert visitor.get(_MESSAGES, bram_token).status_code == 200
    first = visitor.get(_MESSAGES, ada_token)
    assert (first.status_code, first.headers["Retry-After"]) == (503, "7")
    assert first.json()["error"]["errors"][0]["reason"] == "backendError"
    assert visitor.get(_MESSAGES, ada_token).status_code == 503
    assert visitor.get(_MESSAGES, ada_token).status_code == 200
    assert visitor.read_control("faults") == {"faults": []}


def test_a_lasting_fault_lasts_until_it_is_disarmed(visitor: Visitor) -> None:
    token = visitor.tokens()["access_token"]
    visitor.control("faults", {"kind": "error", "status": 500, "times": None})
    assert {visitor.get(_PROFILE, token).status_code for _ in range(5)} == {500}
    requests.delete(f"{visitor.url}/_control/faults", timeout=10)
    assert visitor.get(_PROFILE, token).status_code == 200


@pytest.mark.parametrize(("reason", "status"), [("invalid_grant", 400), (None, 503)])
def test_the_token_endpoint_fails_on_command_in_its_own_words(
    visitor: Visitor, reason: str | None, status: int
) -> None:
    refresh_token = visitor.tokens()["refresh_token"]
    match = {"path_prefix": "/token", "user": ada.EMAIL}
    visitor.control("faults", {"match": match, "kind": "error", "reason": reason})
    answer = visitor.refresh(refresh_token)
    assert answer.status_code == status
    assert answer.json()["error"] == (reason or "internal_failure")
    assert visitor.refresh(refresh_token).status_code == 200


def test_a_late_answer_is_late(visitor: Visitor) -> None:
    token = visitor.tokens()["access_token"]
    visitor.control("faults", {"kind": "delay", "delay": 0.1})
    assert visitor.get(_PROFILE, token).elapsed >= timedelta(seconds=0.1)
    assert visitor.get(_PROFILE, token).elapsed < timedelta(seconds=0.1)


def test_a_hanging_call_gets_no_answer_and_has_no_effect(visitor: Visitor) -> None:
    code = visitor.code()
    visitor.control("faults", {"match": {"path_prefix": "/token"}, "kind": "hang"})
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    with pytest.raises(requests.Timeout):
        requests.post(f"{visitor.url}/token", data=form, timeout=0.2)
    assert visitor.redeem(code).status_code == 200


def test_a_call_may_take_effect_without_an_answer(visitor: Visitor) -> None:
    code = visitor.code()
    visitor.control("faults", {"match": {"path_prefix": "/token"}, "kind": "timeout_after_commit", "delay": 0})
    with pytest.raises(requests.ConnectionError):
        visitor.redeem(code)
    assert visitor.redeem(code).json()["error"] == "invalid_grant"
    token = visitor.tokens()["access_token"]
    events = f"{visitor.url}/calendar/v3/calendars/primary/events"
    body = {"id": "unheard", "start": {"date": "2027-01-01"}, "end": {"date": "2027-01-02"}}
    visitor.control("faults", {"match": {"method": "POST"}, "kind": "timeout_after_commit", "delay": 0})
    headers = {"Authorization": f"Bearer {token}"}
    with pytest.raises(requests.ConnectionError):
        requests.post(events, json=body, headers=headers, timeout=10)
    assert requests.post(events, json=body, headers=headers, timeout=10).status_code == 409


def test_an_answer_may_break_off(visitor: Visitor) -> None:
    token = visitor.tokens()["access_token"]
    visitor.control("faults", {"kind": "truncate"})
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        visitor.get(_PROFILE, token)
    assert visitor.get(_PROFILE, token).status_code == 200


def test_calls_are_recorded_without_tokens(visitor: Visitor) -> None:
    token = visitor.tokens()["access_token"]
    visitor.get(_MESSAGES, q="x", access_token=token)
    visitor.get(_PROFILE)
    (found,) = visitor.read_control("requests", operation="gmail.users.messages.list")["requests"]
    assert (found["user"], found["status"], found["query"]) == (ada.EMAIL, 200, {"q": ["x"]})
    records = visitor.read_control("requests")["requests"]
    assert [(record["path"], record["status"]) for record in records] == [
        ("/o/oauth2/v2/auth", 302),
        ("/token", 200),
        (_MESSAGES, 200),
        (_PROFILE, 401),
    ]
    assert token not in str(records)
    requests.delete(f"{visitor.url}/_control/requests", timeout=10)
    assert visitor.read_control("requests")["requests"] == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("faults", {"kind": "explode"}, 400),
        ("faults", {"kind": "error", "surprise": 1}, 400),
        ("revoke", {"user": "nobody@x.example"}, 404),
        ("mail/delete", {"user": ada.EMAIL, "message": "ff"}, 404),
        ("events", {"user": ada.EMAIL, "event": {"id": "nothing"}}, 404),
    ],
)
def test_a_wrong_command_is_named(visitor: Visitor, path: str, body: dict[str, Any], status: int) -> None:
    assert requests.post(f"{visitor.url}/_control/{path}", json=body, timeout=10).status_code == status
