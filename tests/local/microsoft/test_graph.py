"""Reading mail and calendars from Graph: lists, ids, errors, batches, limits."""

import asyncio
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from kiota_http.middleware.middleware import REQUEST_OPTIONS_KEY
from msgraph_core import GraphClientFactory

from tests.local.microsoft.visitor import ADA, IMMUTABLE, Visitor


def messages(visitor: Visitor, token: str, path: str = "/me/messages?$top=50") -> list[dict[str, Any]]:
    """All messages of a list, page by page."""
    found: list[dict[str, Any]] = []
    following: str | None = path
    while following:
        page = visitor.graph(following, token, **IMMUTABLE).json()
        found += page["value"]
        following = page.get("@odata.nextLink")
    return found


def today(visitor: Visitor, token: str, **headers: str) -> list[dict[str, Any]]:
    """The events of all calendars around now, series unrolled."""
    start, end = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=2)
    window = f"startDateTime={start:%Y-%m-%dT%H:%M:%SZ}&endDateTime={end:%Y-%m-%dT%H:%M:%SZ}&$top=200"
    calendars = visitor.graph("/me/calendars", token, **IMMUTABLE).json()["value"]
    return [
        event
        for calendar in calendars
        for event in visitor.graph(
            f"/me/calendars/{calendar['id']}/calendarView?{window}", token, **(IMMUTABLE | headers)
        ).json()["value"]
    ]


def test_without_a_live_token_nothing_is_read(visitor: Visitor) -> None:
    refused = visitor.graph("/me/messages", "nonsense")
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "InvalidAuthenticationToken"


def test_each_resource_asks_for_its_own_scope(visitor: Visitor) -> None:
    token = visitor.tokens(scope="openid User.Read Mail.Read")["access_token"]
    assert visitor.graph("/me/messages", token).status_code == 200
    refused = visitor.graph("/me/calendars", token)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "ErrorAccessDenied")


def test_a_list_of_messages_goes_on_by_its_next_link(visitor: Visitor, token: str) -> None:
    whole = messages(visitor, token)
    paged = messages(visitor, token, "/me/messages?$top=7")
    assert len(whole) > 50
    assert [one["id"] for one in paged] == [one["id"] for one in whole]


def test_pages_may_be_short_and_empty_and_still_go_on(visitor: Visitor, token: str) -> None:
    whole = messages(visitor, token)
    visitor.control("pages", {"short": True})
    assert [one["id"] for one in messages(visitor, token)] == [one["id"] for one in whole]


def test_a_list_has_ten_unless_told(visitor: Visitor, token: str) -> None:
    assert len(visitor.graph("/me/messages", token).json()["value"]) == 10


def test_only_selected_properties_come(visitor: Visitor, token: str) -> None:
    (first,) = visitor.graph("/me/messages?$top=1&$select=subject", token).json()["value"]
    assert set(first) == {"@odata.etag", "id", "subject"}


def test_a_search_goes_with_neither_filter_nor_order(visitor: Visitor, token: str) -> None:
    for other in ("$filter=isRead eq false", "$orderby=receivedDateTime"):
        assert visitor.graph(f'/me/messages?$search="lunch"&{other}', token).status_code == 400


def test_a_filter_names_first_what_is_ordered_by(visitor: Visitor, token: str) -> None:
    refused = visitor.graph("/me/messages?$filter=isRead eq false&$orderby=receivedDateTime", token)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "InefficientFilter")
    ordered = "$filter=receivedDateTime ge 2000-01-01T00:00:00Z and isRead eq false&$orderby=receivedDateTime"
    assert visitor.graph(f"/me/messages?{ordered}", token).status_code == 200


def test_an_immutable_id_survives_a_move_and_another_does_not(visitor: Visitor, token: str) -> None:
    immutable = visitor.graph("/me/mailFolders/inbox/messages?$top=1", token, **IMMUTABLE).json()["value"][0]["id"]
    mutable = visitor.graph("/me/mailFolders/inbox/messages?$top=1", token).json()["value"][0]["id"]
    assert mutable != immutable
    visitor.control("mail/move", {"user": ADA, "message": immutable, "folder": "archive"})
    assert visitor.graph(f"/me/messages/{immutable}", token, **IMMUTABLE).status_code == 200
    assert visitor.graph(f"/me/messages/{mutable}", token).status_code == 404


def test_what_waits_for_an_answer_is_found_by_its_immutable_id(visitor: Visitor, token: str) -> None:
    for waiting in visitor.expected()["expected"]["awaiting_reply_message_ids"]:
        assert visitor.graph(f"/me/messages/{waiting}", token, **IMMUTABLE).status_code == 200


def test_the_events_of_a_day_are_those_that_are_known(visitor: Visitor, token: str) -> None:
    found = {event["id"] for event in today(visitor, token)}
    assert set(visitor.expected()["expected"]["today_event_ids"]) <= found


def test_an_occurrence_names_its_series(visitor: Visitor, token: str) -> None:
    occurrences = [event for event in today(visitor, token) if event["type"] in ("occurrence", "exception")]
    assert occurrences
    assert all(event["seriesMasterId"] for event in occurrences)


def test_times_are_shown_in_the_preferred_zone(visitor: Visitor, token: str) -> None:
    events = today(visitor, token, Prefer='IdType="ImmutableId", outlook.timezone="Tokyo Standard Time"')
    assert {event["start"]["timeZone"] for event in events} == {"Tokyo Standard Time"}


def test_an_event_is_added_once_for_one_transaction(visitor: Visitor, token: str) -> None:
    moment = {"dateTime": "2027-03-04T10:00:00", "timeZone": "UTC"}
    wanted = {"subject": "Rehearsal", "start": moment, "end": moment | {"dateTime": "2027-03-04T11:00:00"}}
    added = [
        visitor.graph("/me/events", token, method="POST", body=wanted | {"transactionId": "one"}, **IMMUTABLE)
        for _ in range(2)
    ]
    assert [answer.status_code for answer in added] == [201, 201]
    assert added[0].json()["id"] == added[1].json()["id"]


def batched(visitor: Visitor, token: str, requests: list[dict[str, Any]]) -> dict[str, Any]:
    """The answers to a batch by their ids."""
    answer = visitor.graph("/$batch", token, method="POST", body={"requests": requests})
    assert answer.status_code == 200, answer.text
    return {part["id"]: part for part in answer.json()["responses"]}


def test_each_part_of_a_batch_is_judged_alone(visitor: Visitor, token: str) -> None:
    parts = [
        {"id": "1", "method": "GET", "url": "/me/messages?$top=1"},
        {"id": "2", "method": "GET", "url": "/me/messages/nonsense"},
    ]
    answers = batched(visitor, token, parts)
    assert answers["1"]["status"] == 200
    assert answers["2"]["status"] in (400, 404)


def test_a_part_that_depends_on_a_failed_one_is_not_tried(visitor: Visitor, token: str) -> None:
    parts = [
        {"id": "1", "method": "GET", "url": "/me/messages/nonsense"},
        {"id": "2", "method": "GET", "url": "/me/messages?$top=1", "dependsOn": ["1"]},
    ]
    assert batched(visitor, token, parts)["2"]["status"] == 424


def test_a_part_may_be_throttled_inside_of_a_success(visitor: Visitor, token: str) -> None:
    visitor.control("quota", {"requests": 1})
    parts = [{"id": str(number), "method": "GET", "url": "/me/messages?$top=1"} for number in range(2)]
    statuses = sorted(part["status"] for part in batched(visitor, token, parts).values())
    assert statuses == [200, 429]


def test_a_batch_has_twenty_parts_at_most(visitor: Visitor, token: str) -> None:
    parts = [{"id": str(number), "method": "GET", "url": "/me"} for number in range(21)]
    assert visitor.graph("/$batch", token, method="POST", body={"requests": parts}).status_code == 400


def test_a_mailbox_takes_four_requests_at_once(visitor: Visitor, token: str) -> None:
    visitor.control("latency", {"seconds": 1.5})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: visitor.graph("/me/messages?$top=1", token), range(8)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 4
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)


def test_microsofts_client_waits_as_it_is_told_and_asks_again(visitor: Visitor, token: str) -> None:
    visitor.control("faults", {"match": {"path_prefix": "/v1.0/me"}, "kind": "error", "status": 429, "retry_after": 1})

    async def ask() -> httpx.Response:
        trusting = httpx.AsyncClient(verify=ssl.create_default_context(cafile=visitor.certificates))
        client = GraphClientFactory.create_with_default_middleware(client=trusting)
        async with client:
            return await client.get(
                f"{visitor.url}/v1.0/me",
                headers={"Authorization": f"Bearer {token}"},
                # Without any, the client takes the request for another's and passes it on as it is.
                extensions={REQUEST_OPTIONS_KEY: {}},
            )

    assert asyncio.run(ask()).status_code == 200
    assert [record["status"] for record in visitor.read_control("requests", operation="GET /me")["requests"]][-1] == 200
