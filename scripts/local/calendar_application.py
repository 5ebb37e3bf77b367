"""Another application of the person's, which writes into their Google calendar: not Briefly, which only reads.

It signs in by OAuth (https://developers.google.com/identity/protocols/oauth2/web-server) and calls the Calendar API
(https://developers.google.com/workspace/calendar/api/v3/reference/events/insert).
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp

from scripts.local.browser import Browser, Form, Unexpected

SCOPE = "https://www.googleapis.com/auth/calendar.events"
STATE = "calendar-application"


@dataclass(frozen=True)
class CalendarApplication:
    """`google` is the root of Google's URLs; the client's id and secret are those that the local Google knows."""

    google: str
    client_id: str
    client_secret: str
    redirect_url: str

    async def add_event(self, browser: Browser, email: str, event: dict[str, Any]) -> dict[str, Any]:
        """Add an event to the primary calendar of whoever consents in the browser. Raises `Unexpected`."""
        code = await self._consented(browser, email)
        exchange = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uri": self.redirect_url,
        }
        async with aiohttp.ClientSession() as session:
            token = await _answered(session, f"{self.google}/token", data=exchange)
            headers = {"Authorization": f"Bearer {token['access_token']}"}
            url = f"{self.google}/calendar/v3/calendars/primary/events"
            return await _answered(session, url, json=event, headers=headers)

    async def _consented(self, browser: Browser, email: str) -> str:
        wish = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_url,
            "scope": SCOPE,
            "state": STATE,
            "login_hint": email,
            "prompt": "consent",
        }
        page = await browser.visit(f"{self.google}/o/oauth2/v2/auth?{urlencode(wish)}")
        location = await browser.redirect_after(Form.of(page), email=email, decision="allow")
        returned = parse_qs(urlsplit(location).query)
        if returned.get("state") != [STATE] or "code" not in returned:
            raise Unexpected("Google's way back", "a code and the state", location)
        return returned["code"][0]


async def _answered(session: aiohttp.ClientSession, url: str, **options: Any) -> dict[str, Any]:
    async with session.post(url, **options) as answer:
        if answer.status >= 300:
            raise Unexpected(f"POST {url}", "a success", f"{answer.status} {await answer.text()}")
        document: dict[str, Any] = await answer.json()
        return document
