"""The push relay: what Pub/Sub's emulator lacks between a push subscription and a private function.

The emulator pushes to the relay, which takes the message at once and delivers it: with an OIDC token of the pushing
account, the delivery attempt, redelivery with growing pauses, and the dead-letter topic after the last failure, all by
the figures of terraform/modules/topic.
https://cloud.google.com/pubsub/docs/push, /docs/authenticate-push-subscriptions, /docs/handling-failures

Control API, on the relay's port:
    GET  /_control/pushes                  deliveries of late, newest last: message, function, attempts, outcome
    POST /_control/pushes/MESSAGE/repeat   deliver a message once more, as at-least-once delivery may
"""

import asyncio
import base64
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
from aiohttp import web

from scripts.local import clock
from scripts.local.catalog import PUSH_INVOKER, Catalog
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.project import PROJECT, service_account
from scripts.local.pubsub import DEAD_LETTER_SUFFIX, PubSub

# https://cloud.google.com/pubsub/docs/push#receive_push
ACKNOWLEDGED = frozenset((102, 200, 201, 202, 204))
ATTEMPTS = 10
KEPT = 1000


@dataclass(frozen=True)
class Backoff:
    """The pauses between attempts, by the clock: each twice the one before, up to a limit."""

    first: timedelta = timedelta(seconds=10)
    longest: timedelta = timedelta(minutes=10)

    def after(self, attempt: int) -> timedelta:
        """The pause after a failed attempt, which count from 1."""
        return min(self.first * int(2 ** (attempt - 1)), self.longest)


@dataclass
class Push:
    """A message on its way to a function. `outcome` is pending, delivered, or dead-lettered."""

    function: str
    envelope: dict[str, Any]
    attempts: int = 0
    statuses: list[int | None] = field(default_factory=list)
    outcome: str = "pending"

    @property
    def message_id(self) -> str:
        return str(self.envelope["message"]["messageId"])

    def shown(self) -> dict[str, Any]:
        """As the control API tells it."""
        message = self.envelope["message"]
        return {
            "message_id": self.message_id,
            "function": self.function,
            "attempts": self.attempts,
            "statuses": self.statuses,
            "outcome": self.outcome,
            "data": base64.b64decode(message.get("data", "")).decode("utf-8", "replace"),
            "attributes": message.get("attributes", {}),
        }


@dataclass(eq=False)
class PushRelay:
    """Delivers what the emulator pushes. `url` gives the URL of a function."""

    catalog: Catalog
    pubsub: PubSub
    tokens: IdentityTokens
    url: Callable[[str], str]
    session: aiohttp.ClientSession
    backoff: Backoff = field(default_factory=Backoff)
    _pushes: OrderedDict[tuple[str, str], Push] = field(default_factory=OrderedDict, init=False)
    _running: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    def application(self) -> web.Application:
        """The relay's HTTP face: `/push/FUNCTION` for the emulator, `/_control/` for tests."""
        application = web.Application(client_max_size=32 * 1024 * 1024)
        application.add_routes(
            [
                web.post("/push/{function}", self._take),
                web.get("/_control/pushes", self._list),
                web.post("/_control/pushes/{message}/repeat", self._repeat),
            ]
        )
        return application

    async def close(self) -> None:
        """Stop delivering."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _take(self, request: web.Request) -> web.Response:
        push = Push(request.match_info["function"], await request.json())
        key = (push.function, push.message_id)
        if key not in self._pushes:
            self._pushes[key] = push
            self._deliver_soon(push)
        while len(self._pushes) > KEPT:
            self._pushes.popitem(last=False)
        return web.Response(status=204)

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response({"pushes": [push.shown() for push in self._pushes.values()]})

    async def _repeat(self, request: web.Request) -> web.Response:
        wanted = [push for push in self._pushes.values() if push.message_id == request.match_info["message"]]
        for push in wanted:
            self._deliver_soon(Push(push.function, push.envelope))
        return web.Response(status=202 if wanted else 404)

    def _deliver_soon(self, push: Push) -> None:
        task = asyncio.create_task(self._deliver(push), name=f"push {push.function} {push.message_id}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _deliver(self, push: Push) -> None:
        while push.attempts < ATTEMPTS:
            push.attempts += 1
            status = await self._attempt(push)
            push.statuses.append(status)
            if status in ACKNOWLEDGED:
                push.outcome = "delivered"
                return
            if push.attempts < ATTEMPTS:
                await clock.sleep_until(clock.now() + self.backoff.after(push.attempts))
        await self._give_up(push)

    async def _attempt(self, push: Push) -> int | None:
        """One delivery. Returns the status, or None if there was no answer in time."""
        url = self.url(push.function)
        headers = {
            "Authorization": f"Bearer {self.tokens.mint(service_account(PUSH_INVOKER), url)}",
            "User-Agent": "CloudPubSub-Google",
        }
        body = {**push.envelope, "deliveryAttempt": push.attempts}
        timeout = aiohttp.ClientTimeout(total=self.catalog.functions[push.function].timeout + 1)
        try:
            async with self.session.post(f"{url}/", json=body, headers=headers, timeout=timeout) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def _give_up(self, push: Push) -> None:
        """Forward to the dead-letter topic (https://cloud.google.com/pubsub/docs/dead-letter-topics)."""
        message = push.envelope["message"]
        attributes = {
            "CloudPubSubDeadLetterSourceDeliveryCount": str(push.attempts),
            "CloudPubSubDeadLetterSourceSubscription": push.function,
            "CloudPubSubDeadLetterSourceSubscriptionProject": PROJECT,
            "CloudPubSubDeadLetterSourceTopicPublishTime": str(message.get("publishTime", "")),
        }
        forwarded = {"data": message.get("data", ""), "attributes": {**message.get("attributes", {}), **attributes}}
        topic = self.catalog.functions[push.function].topic
        await self.pubsub.publish(f"{topic}{DEAD_LETTER_SUFFIX}", [forwarded])
        push.outcome = "dead-lettered"
