"""A browser as far as the tour needs one: cookies, redirects, forms, and Briefly's gateway with its CSRF token."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin

import aiohttp

from scripts.local.gateway import CSRF_HEADER

PATIENCE_SECONDS = 60.0


class Unexpected(Exception):
    """Something else came than what was expected. The message says both."""

    def __init__(self, what: str, expected: object, came: object) -> None:
        super().__init__(f"{what}\n    expected: {expected}\n    came:     {came}")


@dataclass(frozen=True)
class Page:
    """Where the redirects ended, and what is there."""

    url: str
    status: int
    text: str


@dataclass(frozen=True)
class Form:
    """The last form of a page, with what its fields hold before anybody touches them."""

    action: str
    fields: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, page: Page) -> "Form":
        """Raises `Unexpected` when the page has none."""
        reader = _FormReader()
        reader.feed(page.text)
        if reader.action is None:
            raise Unexpected(f"The page at {page.url.partition('?')[0]}", "a form", f"{page.status} {page.text[:300]}")
        return cls(urljoin(page.url, reader.action), tuple(reader.fields))

    def filled(self, chosen: dict[str, str]) -> list[tuple[str, str]]:
        """What is sent when these fields are filled in so."""
        return [*(pair for pair in self.fields if pair[0] not in chosen), *chosen.items()]


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action, self.fields = values.get("action", ""), []
        elif tag == "input" and (values.get("type") != "checkbox" or "checked" in values):
            self.fields.append((values.get("name", ""), values.get("value", "")))


class Browser:
    """Someone in front of Briefly: `async with Browser(origin, certificates) as browser`, which trusts the latter."""

    def __init__(self, origin: str, certificates: Path) -> None:
        self._origin = origin
        self._csrf = ""
        # By default cookies of hosts without a name, as 127.0.0.1, are dropped.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=certificates)),
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def sign_in(self, user: str) -> None:
        """Sign in at the gateway. Raises `Unexpected`."""
        self._csrf = str((await self.send("POST", "/login", {"user": user}))["csrf"])

    async def read(self, path: str) -> Any:
        """The document at a path under `/api`. Raises `Unexpected`."""
        return await self.send("GET", path)

    async def send(self, method: str, path: str, document: Any = None) -> Any:
        """What is answered, which must be a success. Raises `Unexpected`."""
        page = await self._page(method, f"{self._origin}/api{path}", json=document, headers={CSRF_HEADER: self._csrf})
        if page[0].status >= 300:
            raise Unexpected(f"{method} /api{path}", "a success", f"{page[0].status} {page[0].text[:500]}")
        return page[1]

    async def status(self, path: str) -> int:
        """The status at a path under `/api`."""
        return (await self._page("GET", f"{self._origin}/api{path}"))[0].status

    async def visit(self, url: str) -> Page:
        """Open a page, following redirects; a path is one of Briefly's."""
        return (await self._page("GET", urljoin(self._origin, url)))[0]

    async def submit(self, form: Form, **chosen: str) -> Page:
        """Fill in a form and send it off, following redirects."""
        return (await self._page("POST", form.action, data=form.filled(chosen)))[0]

    async def redirect_after(self, form: Form, **chosen: str) -> str:
        """Fill in a form and send it off; where it redirects to, without going there."""
        async with self._session.post(form.action, data=form.filled(chosen), allow_redirects=False) as answer:
            return answer.headers.get("Location", "")

    async def lines(self, path: str) -> AsyncIterator[str]:
        """The lines of an event stream under `/api`, as they come. Raises `Unexpected`."""
        async with self._session.get(f"{self._origin}/api{path}", headers={"Accept": "text/event-stream"}) as answer:
            if answer.status != 200 or answer.content_type != "text/event-stream":
                raise Unexpected(f"GET /api{path}", "an event stream", f"{answer.status} {await answer.text()}")
            async for line in answer.content:
                yield line.decode("utf-8").rstrip("\r\n")

    async def _page(self, method: str, url: str, **options: Any) -> tuple[Page, Any]:
        async with self._session.request(method, url, **options) as answer:
            page = Page(str(answer.url), answer.status, await answer.text())
            is_document = answer.content_type == "application/json" and page.text
            return page, await answer.json() if is_document else None
