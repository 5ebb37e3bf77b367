"""Topics, subscriptions and publishing at the Pub/Sub emulator, over its REST face.

https://cloud.google.com/pubsub/docs/reference/rest
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from scripts.local.catalog import Catalog
from scripts.local.project import PROJECT

LONGEST_ACKNOWLEDGEMENT_SECONDS = 600
DEAD_LETTER_SUFFIX = "-dead-letter"


class PubSubFailed(Exception):
    """The emulator refused."""


@dataclass(frozen=True)
class PubSub:
    """The emulator at a URL, for one project."""

    url: str
    session: aiohttp.ClientSession

    async def create_all(self, catalog: Catalog, push_url: str) -> None:
        """The catalogue's topics, a dead-letter topic with a subscription that keeps what goes there for each topic
        that is pushed, and the push subscriptions, named as their functions. Raises `PubSubFailed`.
        """
        pushed = {name: row for name, row in catalog.functions.items() if row.topic is not None}
        dead = {f"{row.topic}{DEAD_LETTER_SUFFIX}" for row in pushed.values()}
        await asyncio.gather(*(self._put("topics", topic, {}) for topic in {*catalog.topics, *dead}))
        kept = (self.subscribe(topic, topic) for topic in dead)
        fed = (
            self.subscribe(name, str(row.topic), f"{push_url}/{name}", int(row.timeout)) for name, row in pushed.items()
        )
        await asyncio.gather(*kept, *fed)

    async def subscribe(self, name: str, topic: str, push_url: str | None = None, seconds: int = 60) -> None:
        """Create a subscription; without a push URL its messages wait to be pulled. Raises `PubSubFailed`."""
        body: dict[str, Any] = {
            "topic": f"projects/{PROJECT}/topics/{topic}",
            "ackDeadlineSeconds": max(10, min(seconds, LONGEST_ACKNOWLEDGEMENT_SECONDS)),
        }
        if push_url:
            body["pushConfig"] = {"pushEndpoint": push_url}
        await self._put("subscriptions", name, body)

    async def publish(self, topic: str, messages: Sequence[Mapping[str, Any]]) -> None:
        """Publish messages as the API takes them: `data` in base64, `attributes`. Raises `PubSubFailed`."""
        await self._call("POST", f"topics/{topic}:publish", {"messages": list(messages)})

    async def _put(self, kind: str, name: str, body: Mapping[str, Any]) -> None:
        await self._call("PUT", f"{kind}/{name}", body)

    async def _call(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        url = f"{self.url}/v1/projects/{PROJECT}/{path}"
        try:
            async with self.session.request(method, url, json=body) as answer:
                if answer.status != 200:
                    raise PubSubFailed(f"{method} {path}: {answer.status} {await answer.text()}")
        except aiohttp.ClientError as error:
            raise PubSubFailed(f"{method} {path}: {error}") from None
