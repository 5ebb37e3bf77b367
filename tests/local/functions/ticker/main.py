"""An ASGI function that streams, and notes on its standard output when its reader goes away."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse


@functions_framework.aio.http
async def ticker(request: Request) -> Response:
    if request.url.path == "/upload":
        return Response(str(await _total(request)))
    return StreamingResponse(_ticks(), media_type="text/event-stream")


async def _ticks() -> AsyncIterator[str]:
    try:
        yield f"data: {os.getppid()}\n\n"
        await asyncio.sleep(3600)
    finally:
        sys.stdout.write(json.dumps({"message": "reader gone"}) + "\n")
        sys.stdout.flush()


async def _total(request: Request) -> int:
    total = 0
    async for chunk in request.stream():
        total += len(chunk)
        sys.stdout.write(json.dumps({"message": "received", "total": total}) + "\n")
        sys.stdout.flush()
    return total
