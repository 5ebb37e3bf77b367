"""Bytes on their way out, the same in both APIs: ranges are the backend's, what describes the object is ours."""

import aiohttp
from aiohttp import web

from scripts.local.storage.backend import CHUNK_BYTES, Backend
from scripts.local.storage.refusals import Refused
from scripts.local.storage.stored import Stored

PASSED_ON = ("Content-Length", "Content-Range", "Accept-Ranges", "Last-Modified")
# https://cloud.google.com/storage/docs/xml-api/reference-headers#responsecontentdisposition
OVERRIDES = {"response-content-disposition": "content-disposition", "response-content-type": "content-type"}


async def send(request: web.Request, backend: Backend, stored: Stored) -> web.StreamResponse:
    """Stream an object, or the range of it that was asked for; 416 for a range beyond it."""
    overrides = {OVERRIDES[name]: value for name, value in request.query.items() if name in OVERRIDES}
    headers = stored.headers() | stored.described() | overrides
    async with backend.download(stored.bucket, stored.name, request.headers.get("Range")) as source:
        if source.status == 416:
            message = "The requested range cannot be satisfied."
            raise Refused(416, "requestedRangeNotSatisfiable", message, "InvalidRange")
        answer = web.StreamResponse(status=source.status, headers=headers)
        _pass_on(source, answer)
        await answer.prepare(request)
        if request.method != "HEAD":
            async for chunk in source.content.iter_chunked(CHUNK_BYTES):
                await answer.write(chunk)
        await answer.write_eof()
        return answer


def _pass_on(source: aiohttp.ClientResponse, answer: web.StreamResponse) -> None:
    for name in PASSED_ON:
        if name in source.headers:
            answer.headers[name] = source.headers[name]
