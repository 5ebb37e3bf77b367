"""A small cookie gateway, standing where the front end's server will: `/api/…` on the same origin.

    POST /api/login                       {"user": "demo"}: one of Clerk's users; sets a cookie, answers the CSRF token
    POST /api/logout                      ends the session
    GET  /api/session                     who is signed in, and the CSRF token
    GET  /api/accounts/connect/PROVIDER   sends the browser to Google or Microsoft, to connect an account or to allow
                                          more (?account_id=…&capabilities=mail_read,calendar_read)
    GET  /api/oauth/callback/PROVIDER     where they send it back to
    *    /api/FUNCTION/…                  the function, called with the gateway's signature for the person

The cookie is HttpOnly and SameSite=Lax (strict would lose it on the way back from a provider); requests that change
something carry the CSRF token in X-CSRF-Token. Every call is signed with the proof that sensitive ones need.
An event stream without a session gets 200 and the event `auth-expired`: an EventSource cannot recover from a 401.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from lib.core import ids
from lib.core.errors import MEDIA_TYPE, Forbidden, InvalidRequest, MalformedBody, NotFound, Problem, Unauthenticated
from scripts.local.catalog import GATEWAY, Catalog
from scripts.local.endpoints import PROVIDERS, redirect_url
from scripts.local.gateway_sessions import BrowserSession, BrowserSessions, SessionOver, UnknownUser
from scripts.local.signing import GatewaySigner, Outgoing

COOKIE = "briefly_session"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
FORWARDED = (
    "Accept",
    "Accept-Language",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "User-Agent",
)
NOT_RETURNED = frozenset(("connection", "transfer-encoding", "keep-alive", "set-cookie", "server", "date"))
CALLBACKS = "/api/oauth/callback/"
AUTH_EXPIRED = (
    "retry: 60000\nevent: auth-expired\n"
    'data: {"type":"data-auth-expired","data":{"login":"/api/login"},"transient":true}\n\n'
)
STREAM_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


@dataclass(eq=False)
class Gateway:
    """The gateway's routes. `people` are the users that can be named at the login."""

    catalog: Catalog
    sessions: BrowserSessions
    signer: GatewaySigner
    people: Mapping[str, str]
    origin: str
    session: aiohttp.ClientSession

    def routes(self) -> list[web.RouteDef]:
        """Everything under `/api`."""
        return [
            web.post("/api/login", self._guarded(self._login)),
            web.post("/api/logout", self._guarded(self._logout)),
            web.get("/api/session", self._guarded(self._show_session)),
            web.get("/api/accounts/connect/{provider}", self._guarded(self._connect)),
            web.get(f"{CALLBACKS}{{provider}}", self._guarded(self._finish)),
            web.route("*", "/api/{function}", self._guarded(self._pass_on)),
            web.route("*", "/api/{function}/{rest:.*}", self._guarded(self._pass_on)),
            web.route("*", "/api", self._guarded(self._nothing)),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        """Problems as documents, a request id on every answer, and nothing from other sites."""

        async def handle(request: web.Request) -> web.StreamResponse:
            request_id = ids.new("req")
            try:
                self._refuse_other_sites(request)
                return await handler(request)
            except Problem as problem:
                return _document(problem, request_id)
            except SessionOver:
                return self._without_session(request, request_id)
            except (aiohttp.ClientError, ConnectionError):
                return web.Response(status=502, headers={"X-Request-Id": request_id})

        return handle

    async def _login(self, request: web.Request) -> web.Response:
        body = await _json(request)
        name = body.get("user")
        if not isinstance(name, str) or set(body) != {"user"}:
            raise InvalidRequest('The body has to be {"user": …}')
        try:
            session = await self.sessions.begin(self.people.get(name, name))
        except UnknownUser:
            raise NotFound("Clerk has no such user") from None
        answer = web.json_response({"user": session.user_id, "csrf": session.csrf})
        answer.set_cookie(COOKIE, session.cookie, httponly=True, samesite="Lax", path="/")
        return answer

    async def _logout(self, request: web.Request) -> web.Response:
        await self.sessions.end(self._session_of(request))
        answer = web.Response(status=204)
        answer.del_cookie(COOKIE, path="/")
        return answer

    async def _show_session(self, request: web.Request) -> web.Response:
        session = self._session_of(request)
        await self.sessions.token(session)
        return web.json_response({"user": session.user_id, "csrf": session.csrf})

    async def _connect(self, request: web.Request) -> web.Response:
        session, provider = self._session_of(request), _provider_of(request)
        wanted: dict[str, object] = {"provider": provider, "redirect_url": redirect_url(self.origin, provider)}
        wanted |= {name: request.query[name] for name in ("login_hint", "account_id") if name in request.query}
        if "capabilities" in request.query:
            wanted["capabilities"] = request.query["capabilities"].split(",")
        started = await self._ask(session, "/connections", wanted)
        if started.status != 201:
            return started
        document = json.loads(started.body if isinstance(started.body, bytes) else b"{}")
        session.oauth_states.add(document["state"])
        raise web.HTTPFound(document["authorize_url"])

    async def _finish(self, request: web.Request) -> web.Response:
        session, provider = self._session_of(request), _provider_of(request)
        state = request.query.get("state", "")
        if state not in session.oauth_states:
            raise Forbidden("This browser did not begin this connection")
        session.oauth_states.discard(state)
        if "error" in request.query:
            raise InvalidRequest(f"{PROVIDERS[provider]} did not connect the account: {request.query['error']}")
        taken = {name: request.query[name] for name in ("state", "code", "iss") if name in request.query}
        taken["provider"] = provider
        return await self._ask(session, "/connections/finish", taken)

    async def _ask(self, session: BrowserSession, path: str, document: Mapping[str, object]) -> web.Response:
        """Ask `accounts` for the person."""
        outgoing = Outgoing("accounts", "POST", path, json.dumps(document).encode())
        headers = await self._signed(session, outgoing) | {"Content-Type": "application/json"}
        async with self.session.post(f"{self.origin}/accounts{path}", data=outgoing.body, headers=headers) as answer:
            return web.Response(status=answer.status, body=await answer.read(), headers=_returned(answer))

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["function"]
        row = self.catalog.functions.get(name)
        if row is None or GATEWAY not in row.callers:
            raise NotFound()
        session = self._session_of(request)
        target = request.raw_path.removeprefix(f"/api/{name}")
        target = target if target.startswith("/") else f"/{target}"
        outgoing = Outgoing(name, request.method, target, await request.read())
        forwarded = {header: request.headers[header] for header in FORWARDED if header in request.headers}
        async with self.session.request(
            request.method,
            URL(f"{self.origin}/{name}{target}", encoded=True),
            data=outgoing.body or None,
            headers=forwarded | await self._signed(session, outgoing),
            allow_redirects=False,
        ) as answer:
            return await _relay(request, answer)

    async def _nothing(self, _: web.Request) -> web.Response:
        raise NotFound()

    async def _signed(self, session: BrowserSession, outgoing: Outgoing) -> dict[str, str]:
        token = await self.sessions.token(session)
        return self.signer.headers(session.user_id, token, outgoing, sensitive=True)

    def _session_of(self, request: web.Request) -> BrowserSession:
        """The session of the request's cookie. Raises `SessionOver`, and `Forbidden` without its CSRF token."""
        session = self.sessions.find(request.cookies.get(COOKIE))
        if session is None:
            raise SessionOver
        if request.method not in SAFE_METHODS:
            given = request.headers.get(CSRF_HEADER, "")
            if not hmac.compare_digest(given.encode(), session.csrf.encode()):
                raise Forbidden(f"{CSRF_HEADER} is not that of the session")
        return session

    def _refuse_other_sites(self, request: web.Request) -> None:
        """By what the browser says of itself, where it does (https://www.w3.org/TR/fetch-metadata/).

        The way back from a provider is a cross-site navigation, and is bound to the browser by its state instead.
        """
        if request.path.startswith(CALLBACKS):
            return
        site = request.headers.get("Sec-Fetch-Site", "none")
        origin = request.headers.get("Origin", self.origin)
        if site not in ("same-origin", "none") or origin != self.origin:
            raise Forbidden("The request comes from another site")

    def _without_session(self, request: web.Request, request_id: str) -> web.Response:
        function = self.catalog.functions.get(request.match_info.get("function", ""))
        streams = function is not None and function.asgi and request.method == "GET"
        if streams or "text/event-stream" in request.headers.get("Accept", ""):
            return web.Response(body=AUTH_EXPIRED.encode(), headers=STREAM_HEADERS | {"X-Request-Id": request_id})
        return _document(Unauthenticated("Nobody is signed in"), request_id)


def _provider_of(request: web.Request) -> str:
    """The provider that the path names. Raises `NotFound`."""
    provider = request.match_info["provider"]
    if provider not in PROVIDERS:
        raise NotFound()
    return provider


async def _json(request: web.Request) -> dict[str, object]:
    if request.content_type != "application/json":
        raise InvalidRequest("The body has to be application/json")
    try:
        body = json.loads(await request.read())
    except ValueError:
        raise MalformedBody() from None
    if not isinstance(body, dict):
        raise MalformedBody("The body has to be a JSON object")
    return body


async def _relay(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """Hand the answer on while it comes; a broken one ends in a broken connection."""
    relayed = web.StreamResponse(status=answer.status, reason=answer.reason, headers=_returned(answer))
    await relayed.prepare(request)
    try:
        async for chunk in answer.content.iter_any():
            await relayed.write(chunk)
        await relayed.write_eof()
    except aiohttp.ClientError:
        if request.transport is not None:
            request.transport.close()
    return relayed


def _returned(answer: aiohttp.ClientResponse) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.lower() not in NOT_RETURNED}


def _document(problem: Problem, request_id: str) -> web.Response:
    return web.json_response(
        problem.document(request_id),
        status=problem.status,
        content_type=MEDIA_TYPE,
        headers=problem.headers | {"X-Request-Id": request_id},
    )
