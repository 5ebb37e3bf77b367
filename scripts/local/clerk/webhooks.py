"""Clerk's webhooks, which Svix sends: signed, and sent again for more than a day until they are taken.

Events: https://clerk.com/docs/guides/development/webhooks/overview. Signature: https://docs.svix.com/receiving/verifying-payloads/how-manual
(the same as https://www.standardwebhooks.com, under headers named svix-*). Retries: https://docs.svix.com/retries
"""

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from standardwebhooks import Webhook

from scripts.local import clock
from scripts.local.clerk.people import milliseconds

RETRIES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
ANSWER_SECONDS = 15.0


@dataclass
class Sent:
    """A webhook and how its deliveries went; a status is None when there was no answer."""

    id: str
    type: str
    body: str
    statuses: list[int | None] = field(default_factory=list)

    @property
    def taken(self) -> bool:
        return any(status is not None and 200 <= status < 300 for status in self.statuses)

    def shown(self) -> dict[str, Any]:
        """As the control API tells it."""
        return {"id": self.id, "type": self.type, "statuses": self.statuses, "payload": json.loads(self.body)}


class Webhooks:
    """Sends events to one URL. The secret is `whsec_` and base64."""

    def __init__(self, url: str, secret: str, instance_id: str) -> None:
        self._url = url
        self._signer = Webhook(secret)
        self._instance_id = instance_id
        self._session: aiohttp.ClientSession | None = None
        self._running: set[asyncio.Task[None]] = set()
        self.sent: dict[str, Sent] = {}

    async def close(self) -> None:
        """Stop sending."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def send(self, event: str, data: dict[str, Any]) -> Sent:
        """Send an event, now and until it is taken."""
        payload = {
            "data": data,
            "event_attributes": {"http_request": {"client_ip": "127.0.0.1", "user_agent": "Mozilla/5.0"}},
            "instance_id": self._instance_id,
            "object": "event",
            "timestamp": milliseconds(),
            "type": event,
        }
        sent = Sent(f"msg_{secrets.token_hex(14)[:27]}", event, json.dumps(payload, separators=(",", ":")))
        self.sent[sent.id] = sent
        self._start(self._send_until_taken(sent))
        return sent

    async def send_again(self, sent: Sent) -> int | None:
        """Deliver the same webhook, under the same id, once more. Returns the status."""
        return await self._deliver(sent)

    def _start(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _send_until_taken(self, sent: Sent) -> None:
        await self._deliver(sent)
        for pause in RETRIES:
            if sent.taken:
                return
            await clock.sleep_until(clock.now() + pause)
            await self._deliver(sent)

    async def _deliver(self, sent: Sent) -> int | None:
        status = await self._post(sent)
        sent.statuses.append(status)
        return status

    async def _post(self, sent: Sent) -> int | None:
        stamp = int(clock.timestamp())
        signature = self._signer.sign(sent.id, datetime.fromtimestamp(stamp, UTC), sent.body)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Svix-Webhooks/1",
            "svix-id": sent.id,
            "svix-timestamp": str(stamp),
            "svix-signature": signature,
        }
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS))
        try:
            async with self._session.post(self._url, data=sent.body.encode(), headers=headers) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return None
