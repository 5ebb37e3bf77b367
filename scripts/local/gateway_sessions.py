"""The browser sessions of the cookie gateway, each standing on a session of Clerk."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from scripts.local import clock

# A token is used this long of its sixty seconds, so that none expires on its way.
TOKEN_KEPT = timedelta(seconds=40)


class SessionOver(Exception):
    """Clerk has ended the session."""


class UnknownUser(Exception):
    """Clerk has no such user."""


@dataclass(eq=False)
class BrowserSession:
    """What the cookie stands for. `oauth_states` are the connections that this browser has begun."""

    user_id: str
    clerk_session: str
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    oauth_states: set[str] = field(default_factory=set)
    token: tuple[datetime, str] | None = None


@dataclass(eq=False)
class BrowserSessions:
    """All sessions, in memory. `clerk` is Clerk's URL and `key` the secret key for its Backend API."""

    clerk: str
    key: str
    session: aiohttp.ClientSession
    _by_cookie: dict[str, BrowserSession] = field(default_factory=dict, init=False)

    async def begin(self, user_id: str) -> BrowserSession:
        """Sign somebody in. Raises `UnknownUser`."""
        made = await self._call("POST", "/_control/sessions", {"user_id": user_id})
        if made is None:
            raise UnknownUser(user_id)
        begun = BrowserSession(user_id, str(made["id"]))
        self._by_cookie[begun.cookie] = begun
        return begun

    def find(self, cookie: str | None) -> BrowserSession | None:
        """The session of a cookie."""
        return self._by_cookie.get(cookie or "")

    async def end(self, session: BrowserSession) -> None:
        """Sign out."""
        self._by_cookie.pop(session.cookie, None)
        await self._call("DELETE", f"/_control/sessions/{session.clerk_session}", None)

    async def token(self, session: BrowserSession) -> str:
        """A Clerk session token that is good for some seconds yet. Raises `SessionOver`."""
        if session.token is None or clock.now() - session.token[0] >= TOKEN_KEPT:
            made = await self._call("POST", f"/v1/sessions/{session.clerk_session}/tokens", {})
            if made is None:
                self._by_cookie.pop(session.cookie, None)
                raise SessionOver
            session.token = (clock.now(), str(made["jwt"]))
        return session.token[1]

    async def _call(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any] | None:
        headers = {"Authorization": f"Bearer {self.key}"}
        async with self.session.request(method, self.clerk + path, json=body, headers=headers) as answer:
            if answer.status == 404:
                return None
            answer.raise_for_status()
            made: dict[str, Any] = await answer.json()
            return made
