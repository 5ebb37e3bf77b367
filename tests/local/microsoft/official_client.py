"""Graph as Microsoft's own client reaches it: msgraph-core, with models of ours in the form of those of its SDK."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from kiota_abstractions.authentication import (
    AccessTokenProvider,
    AllowedHostsValidator,
    BaseBearerTokenAuthenticationProvider,
)
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from kiota_abstractions.serialization import (
    Parsable,
    ParseNode,
    ParseNodeFactoryRegistry,
    SerializationWriter,
    SerializationWriterFactoryRegistry,
)
from kiota_http.middleware.options import RetryHandlerOption
from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
from kiota_serialization_json.json_serialization_writer_factory import JsonSerializationWriterFactory
from msgraph_core import BaseGraphRequestAdapter, GraphClientFactory

from tests.local.microsoft.visitor import IMMUTABLE, Visitor

_T = TypeVar("_T")
JSON = "application/json"
ParseNodeFactoryRegistry().CONTENT_TYPE_ASSOCIATED_FACTORIES[JSON] = JsonParseNodeFactory()
SerializationWriterFactoryRegistry().CONTENT_TYPE_ASSOCIATED_FACTORIES[JSON] = JsonSerializationWriterFactory()


@dataclass
class Message(Parsable):
    """A message, as far as the tests look at it."""

    id: str = ""
    subject: str = ""

    @staticmethod
    def create_from_discriminator_value(_: ParseNode) -> "Message":
        return Message()

    def get_field_deserializers(self) -> dict[str, Callable[[ParseNode], None]]:
        return {
            "id": lambda node: setattr(self, "id", node.get_str_value()),
            "subject": lambda node: setattr(self, "subject", node.get_str_value()),
        }

    def serialize(self, writer: SerializationWriter) -> None:
        writer.write_str_value("id", self.id)


@dataclass
class MessagePage(Parsable):
    """One page of messages."""

    odata_next_link: str | None = None
    value: list[Message] = field(default_factory=list)

    @staticmethod
    def create_from_discriminator_value(_: ParseNode) -> "MessagePage":
        return MessagePage()

    def get_field_deserializers(self) -> dict[str, Callable[[ParseNode], None]]:
        return {
            "@odata.nextLink": lambda node: setattr(self, "odata_next_link", node.get_str_value()),
            "value": lambda node: setattr(self, "value", node.get_collection_of_object_values(Message)),
        }

    def serialize(self, writer: SerializationWriter) -> None:
        writer.write_collection_of_object_values("value", self.value)


@dataclass(frozen=True)
class _Token(AccessTokenProvider):
    token: str

    async def get_authorization_token(self, uri: str, additional_authentication_context: Any = None) -> str:
        return self.token

    def get_allowed_hosts_validator(self) -> AllowedHostsValidator:
        return AllowedHostsValidator([])


@asynccontextmanager
async def _adapter(visitor: Visitor, token: str) -> AsyncIterator[BaseGraphRequestAdapter]:
    trusting = httpx.AsyncClient(
        base_url=f"{visitor.url}/v1.0", verify=ssl.create_default_context(cafile=visitor.certificates)
    )
    at_once = {RetryHandlerOption.get_key(): RetryHandlerOption(max_retries=0, should_retry=False)}
    client = GraphClientFactory.create_with_default_middleware(client=trusting, options=at_once)
    async with client:
        yield BaseGraphRequestAdapter(BaseBearerTokenAuthenticationProvider(_Token(token)), http_client=client)


def through_client(visitor: Visitor, token: str, work: Callable[[BaseGraphRequestAdapter], Awaitable[_T]]) -> _T:
    """What comes of work with the client, which does not ask again."""

    async def run() -> _T:
        async with _adapter(visitor, token) as adapter:
            return await work(adapter)

    return asyncio.run(run())


def reading(adapter: BaseGraphRequestAdapter, path: str, *, immutable: bool = True) -> RequestInformation:
    """GET, by immutable ids."""
    asked = RequestInformation()
    asked.http_method = Method.GET
    asked.url = f"{str(adapter.base_url).rstrip('/')}{path}"
    for name, value in IMMUTABLE.items() if immutable else ():
        asked.headers.add(name, value)
    return asked
