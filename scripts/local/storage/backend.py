"""How the proxy speaks to fake-gcs-server: bytes in, bytes out, hashes, lists, copies and compositions."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import quote

import aiohttp
from yarl import URL

Resource = dict[str, Any]
START_SECONDS = 10.0
POLL_SECONDS = 0.01
CHUNK_BYTES = 256 * 1024


class BackendFailed(Exception):
    """fake-gcs-server answered what it never should."""


@dataclass
class Backend:
    """A client of one fake-gcs-server. Opens its connections when it is first used."""

    url: str
    _session: aiohttp.ClientSession | None = field(default=None, init=False)
    _made: set[str] = field(default_factory=set, init=False)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def insert(self, bucket: str, name: str, content: BinaryIO) -> Resource:
        """Store an object, over one that may be there; its resource."""
        await self._make(bucket)
        query = {"uploadType": "multipart"}
        boundary = secrets.token_hex(16)
        headers = {"Content-Type": f"multipart/related; boundary={boundary}"}
        body = _parts(boundary, {"name": name}, content)
        return await self._ask("POST", f"/upload/storage/v1/b/{bucket}/o", query, data=body, headers=headers)

    async def delete(self, bucket: str, name: str) -> None:
        """Remove an object that is there."""
        await self._ask("DELETE", _object(bucket, name))

    async def copy(self, source: tuple[str, str], target: tuple[str, str]) -> Resource:
        """Copy an object; the copy's resource."""
        await self._make(target[0])
        return await self._ask(
            "POST", f"{_object(*source)}/copyTo{_object(*target).removeprefix('/storage/v1')}", json={}
        )

    async def compose(self, bucket: str, name: str, sources: Sequence[str]) -> Resource:
        """Put objects of a bucket together; the resource of what came of it."""
        body = {"sourceObjects": [{"name": source} for source in sources], "destination": {}}
        return await self._ask("POST", f"{_object(bucket, name)}/compose", json=body)

    async def list(self, bucket: str, query: Mapping[str, str]) -> Resource:
        """A page of a bucket's objects."""
        await self._make(bucket)
        return await self._ask("GET", f"/storage/v1/b/{bucket}/o", query)

    @asynccontextmanager
    async def download(self, bucket: str, name: str, ranges: str | None) -> AsyncIterator[aiohttp.ClientResponse]:
        """The bytes of an object, or of the ranges in a `Range` header."""
        headers = {"Range": ranges} if ranges else {}
        async with self._open().get(self._to(_object(bucket, name), {"alt": "media"}), headers=headers) as answer:
            yield answer

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _make(self, bucket: str) -> None:
        """Make the bucket when it is first used, so that nobody waits for it at the start."""
        async with self._making:
            if bucket in self._made:
                return
            patience = asyncio.get_running_loop().time() + START_SECONDS
            while True:
                try:
                    await self._ask("POST", "/storage/v1/b", {"project": "local"}, json={"name": bucket})
                    break
                except aiohttp.ClientConnectorError:
                    if asyncio.get_running_loop().time() > patience:
                        raise
                    await asyncio.sleep(POLL_SECONDS)
            self._made.add(bucket)

    async def _ask(self, method: str, path: str, query: Mapping[str, str] | None = None, **options: Any) -> Resource:
        async with self._open().request(method, self._to(path, query or {}), **options) as answer:
            if answer.status >= 300:
                raise BackendFailed(f"{method} {path}: {answer.status} {await answer.text()}")
            told: Resource = await answer.json() or {}
            return told

    def _to(self, path: str, query: Mapping[str, str]) -> URL:
        return URL(f"{self.url}{path}", encoded=True).with_query(query)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
            )
        return self._session


def _object(bucket: str, name: str) -> str:
    return f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}"


async def _parts(boundary: str, resource: Resource, content: BinaryIO) -> AsyncIterator[bytes]:
    """https://cloud.google.com/storage/docs/uploading-objects#uploading-an-object (multipart)"""
    yield f"--{boundary}\r\nContent-Type: application/json\r\n\r\n{json.dumps(resource)}\r\n".encode()
    yield f"--{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n".encode()
    while chunk := content.read(CHUNK_BYTES):
        yield chunk
    yield f"\r\n--{boundary}--\r\n".encode()
