"""Graph through Microsoft's own client: pages, ids, batches, and the errors that it raises."""

import pytest
from kiota_abstractions.api_error import APIError
from msgraph_core import BaseGraphRequestAdapter
from msgraph_core.requests.batch_request_builder import BatchRequestBuilder
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.requests.batch_request_item import BatchRequestItem
from msgraph_core.requests.batch_response_content import BatchResponseContent
from msgraph_core.tasks.page_iterator import PageIterator

from tests.local.microsoft.official_client import Message, MessagePage, reading, through_client
from tests.local.microsoft.visitor import ADA, IMMUTABLE, Visitor

MESSAGES = "/me/messages?$top={top}&$select=id,subject"


def everything(visitor: Visitor, token: str, top: int) -> list[str]:
    """The ids of all messages, as the client goes on from page to page."""

    async def work(adapter: BaseGraphRequestAdapter) -> list[str]:
        asked = reading(adapter, MESSAGES.format(top=top))
        pages = PageIterator(await adapter.send_async(asked, MessagePage, {}), adapter)
        pages.headers.add("Prefer", IMMUTABLE["Prefer"])
        found: list[str] = []

        def keep(message: Message) -> bool:
            found.append(message.id)
            return True

        await pages.iterate(keep)
        return found

    return through_client(visitor, token, work)


def one(visitor: Visitor, token: str, path: str, *, immutable: bool) -> Message | None:
    async def work(adapter: BaseGraphRequestAdapter) -> Message | None:
        return await adapter.send_async(reading(adapter, path, immutable=immutable), Message, {})

    return through_client(visitor, token, work)


def first(visitor: Visitor, token: str, *, immutable: bool) -> str:
    async def work(adapter: BaseGraphRequestAdapter) -> str:
        asked = reading(adapter, "/me/mailFolders/inbox/messages?$top=1", immutable=immutable)
        page = await adapter.send_async(asked, MessagePage, {})
        return str(page.value[0].id)

    return through_client(visitor, token, work)


def batch(visitor: Visitor, token: str, **paths: str) -> BatchResponseContent:
    """Requests in one, by their ids."""

    async def work(adapter: BaseGraphRequestAdapter) -> BatchResponseContent:
        content = BatchRequestContent()
        for name, path in paths.items():
            asked = reading(adapter, path)
            asked.url = path
            content.add_request(name, BatchRequestItem(asked, id=name))
        return await BatchRequestBuilder(adapter).post(content)

    return through_client(visitor, token, work)


def test_microsofts_client_reads_a_list_to_its_end(visitor: Visitor, token: str) -> None:
    whole = everything(visitor, token, 100)
    assert len(whole) > 50
    assert everything(visitor, token, 7) == whole


def test_microsofts_client_finds_a_moved_message_by_its_immutable_id_only(visitor: Visitor, token: str) -> None:
    kept, lost = (first(visitor, token, immutable=immutable) for immutable in (True, False))
    visitor.control("mail/move", {"user": ADA, "message": kept, "folder": "archive"})
    found = one(visitor, token, f"/me/messages/{kept}", immutable=True)
    assert found is not None
    assert found.id == kept
    with pytest.raises(APIError) as raised:
        one(visitor, token, f"/me/messages/{lost}", immutable=False)
    assert raised.value.response_status_code == 404


def test_microsofts_client_reads_each_part_of_a_batch(visitor: Visitor, token: str) -> None:
    answers = batch(visitor, token, right=MESSAGES.format(top=3), wrong="/me/messages/nonsense")
    assert answers.get_response_status_codes() == {"right": 200, "wrong": 400}
    right = answers.get_response_by_id("right")
    assert right is not None
    assert right.content_type == "application/json"


def test_microsofts_client_raises_its_error_without_a_live_token(visitor: Visitor) -> None:
    with pytest.raises(APIError) as raised:
        everything(visitor, "nonsense", 1)
    assert raised.value.response_status_code == 401


def test_microsofts_client_raises_its_error_when_throttled(visitor: Visitor, token: str) -> None:
    visitor.control("quota", {"requests": 1})
    assert first(visitor, token, immutable=True)
    with pytest.raises(APIError) as raised:
        first(visitor, token, immutable=True)
    assert raised.value.response_status_code == 429
    assert int(raised.value.response_headers["Retry-After"]) >= 1
