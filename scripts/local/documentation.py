"""The API's documentation on the origin: `/docs` (Swagger UI) and `/openapi.json`.

The document is made from the functions at the first request for it, by a process of its own: loading all of them
takes seconds. Calls that are tried from the page go through the cookie gateway, as the person who is signed in.
"""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from aiohttp import web

from scripts.local.catalog import REPOSITORY

PACKAGE = "flask_openapi3_swagger"
FILES = {"swagger-ui.css": "css/swagger-ui.css", "swagger-ui-bundle.js": "js/swagger-ui-bundle.js"}
PAGE = Path(__file__).with_name("documentation.html")


@dataclass(eq=False)
class Documentation:
    """The routes, to be added before those of the front door."""

    _made: "asyncio.Task[bytes] | None" = field(default=None, init=False)

    def routes(self) -> list[web.RouteDef]:
        """The page, its files and the document."""
        return [
            web.get("/docs", self._page),
            web.get("/docs/{file}", self._file),
            web.get("/openapi.json", self._document),
        ]

    async def close(self) -> None:
        """End the making of the document, if it is under way."""
        if self._made is not None:
            self._made.cancel()
            await asyncio.wait({self._made})

    async def _page(self, _: web.Request) -> web.StreamResponse:
        return web.FileResponse(PAGE, headers={"Cache-Control": "no-cache"})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = FILES.get(request.match_info["file"])
        if path is None:
            raise web.HTTPNotFound
        return web.FileResponse(_static() / path)

    async def _document(self, _: web.Request) -> web.Response:
        if self._made is None or (self._made.done() and self._made.exception() is not None):
            self._made = asyncio.create_task(_make(), name="make openapi.json")
        try:
            document = await asyncio.shield(self._made)
        except RuntimeError as error:
            return web.json_response({"error": str(error)}, status=500)
        return web.Response(body=document, content_type="application/json")


def _static() -> Path:
    """Where the package keeps Swagger UI; found without importing it, since that would import a framework."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise web.HTTPNotFound
    return Path(found.origin).parent / "templates" / "swagger"


async def _make() -> bytes:
    command = [sys.executable, "-m", "scripts.openapi_document", "--print"]
    process = await asyncio.create_subprocess_exec(*command, cwd=REPOSITORY, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    try:
        printed, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(complaint.decode(errors="replace").strip().rpartition("\n")[2])
    return printed
