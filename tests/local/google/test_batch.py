"""HTTP batches, by Google's own client and by hand."""

from typing import Any

import httplib2
import pytest
import requests
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.errors import HttpError
from googleapiclient.http import BatchHttpRequest, HttpRequest

from tests.local.google import ada
from tests.local.google.visitor import Visitor

_PART = (
    "--b\r\nContent-Type: application/http\r\nContent-ID: <part+{n}>\r\n\r\nGET {path} HTTP/1.1\r\n{headers}\r\n\r\n"
)


def _answers(visitor: Visitor, path: str, calls: list[HttpRequest]) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    batch = BatchHttpRequest(lambda _, answer, error: found.append((answer, error)), f"{visitor.url}{path}")
    for call in calls:
        batch.add(call)
    batch.execute(AuthorizedHttp(visitor.credentials(), httplib2.Http(timeout=10)))
    return found


def test_each_part_is_judged_alone_in_the_order_of_asking(visitor: Visitor) -> None:
    messages = visitor.gmail().users().messages()
    calls = [messages.get(userId="me", id=name) for name in (ada.LUNCH_ID, "ffff", ada.NEWS_ID)]
    first, second, third = _answers(visitor, "/batch/gmail/v1", calls)
    assert (first[0]["id"], third[0]["id"]) == (ada.LUNCH_ID, ada.NEWS_ID)
    assert second[1].status_code == 404


def test_events_are_read_and_added_in_one_batch(visitor: Visitor) -> None:
    events = visitor.calendar().events()
    body = {"id": "batched", "start": {"date": "2027-01-01"}, "end": {"date": "2027-01-02"}}
    calls = [events.insert(calendarId="primary", body=body), events.get(calendarId="primary", eventId="review")]
    added, read = _answers(visitor, "/batch/calendar/v3", calls)
    assert (added[0]["id"], read[0]["id"]) == ("batched", "review")


def test_the_common_batch_takes_both(visitor: Visitor) -> None:
    calls = [visitor.gmail().users().getProfile(userId="me"), visitor.calendar().calendarList().list()]
    profile, calendars = _answers(visitor, "/batch", calls)
    assert profile[0]["emailAddress"] == ada.EMAIL
    assert len(calendars[0]["items"]) == 3


def test_a_batch_saves_no_quota_and_one_part_may_be_refused(visitor: Visitor) -> None:
    visitor.control("quota", {"gmail_user": 45})
    messages = visitor.gmail().users().messages()
    calls = [messages.get(userId="me", id=name) for name in (ada.LUNCH_ID, ada.NEWS_ID, ada.OLD_ID)]
    answers = _answers(visitor, "/batch/gmail/v1", calls)
    assert [error.status_code if error else 200 for _, error in answers] == [200, 200, 403]


def test_a_fault_may_meet_one_part(visitor: Visitor) -> None:
    messages = visitor.gmail().users().messages()
    visitor.control("faults", {"match": {"path_prefix": f"/gmail/v1/users/me/messages/{ada.NEWS_ID}"}, "kind": "error"})
    calls = [messages.get(userId="me", id=name) for name in (ada.LUNCH_ID, ada.NEWS_ID)]
    answers = _answers(visitor, "/batch/gmail/v1", calls)
    assert [error.status_code if error else 200 for _, error in answers] == [200, 503]
    records = visitor.read_control("requests", operation="gmail.users.messages.get")["requests"]
    assert [record["batched"] for record in records] == [True, True]


def _post(visitor: Visitor, path: str, parts: list[str], token: str | None) -> requests.Response:
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    body = "".join(parts) + "--b--\r\n"
    return requests.post(f"{visitor.url}{path}", data=body.encode(), headers=headers, timeout=10)


@pytest.mark.parametrize(("path", "most"), [("/batch/gmail/v1", 100), ("/batch/calendar/v3", 50)])
def test_a_batch_that_is_too_long_is_refused_whole(visitor: Visitor, path: str, most: int) -> None:
    token = visitor.tokens()["access_token"]
    target = "/gmail/v1/users/me/labels" if "gmail" in path else "/calendar/v3/users/me/settings/timezone"
    parts = [_PART.format(n=n, path=target, headers="") for n in range(most + 1)]
    assert _post(visitor, path, parts, token).status_code == 400
    whole = _post(visitor, path, parts[:most], token)
    assert whole.text.count("HTTP/1.1 200 OK") == most
    assert f"<response-part+{most - 1}>" in whole.text


def test_a_part_may_bring_its_own_authorization(visitor: Visitor) -> None:
    bram = visitor.tokens(login_hint=ada.BRAM)["access_token"]
    profile = "/gmail/v1/users/me/profile"
    parts = [
        _PART.format(n=1, path=profile, headers=f"Authorization: Bearer {bram}\r\n"),
        _PART.format(n=2, path=profile, headers=""),
    ]
    text = _post(visitor, "/batch/gmail/v1", parts, visitor.tokens()["access_token"]).text
    assert text.index(ada.BRAM) < text.index(ada.EMAIL)


def test_a_part_for_another_api_is_not_found(visitor: Visitor) -> None:
    parts = [_PART.format(n=1, path="/calendar/v3/users/me/calendarList", headers="")]
    assert "HTTP/1.1 404" in _post(visitor, "/batch/gmail/v1", parts, visitor.tokens()["access_token"]).text


def test_what_is_no_batch_is_refused(visitor: Visitor) -> None:
    assert _post(visitor, "/batch/gmail/v1", [], None).status_code == 400
    assert _post(visitor, "/batch/gmail/v1", ["--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"], None).status_code == 400
    assert requests.post(f"{visitor.url}/batch", data=b"{}", timeout=10).status_code == 400


def test_the_official_client_notices_a_batch_that_fails_as_a_whole(visitor: Visitor) -> None:
    call = visitor.gmail().users().getProfile(userId="me")
    visitor.control("faults", {"match": {"path_prefix": "/batch"}, "kind": "error", "status": 429})
    with pytest.raises(HttpError) as refused:
        _answers(visitor, "/batch/gmail/v1", [call])
    assert refused.value.status_code == 429
