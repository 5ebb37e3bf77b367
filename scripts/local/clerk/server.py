"""Clerk over HTTP: its key set, the part of its Backend API that a gateway needs, and the control API.

Imitated: sessions and tokens of https://clerk.com/docs/reference/backend-api, user objects, and webhooks for
user.created, user.updated, user.deleted, session.created, session.ended, session.removed and session.revoked. Not
imitated: sign-in pages, organisations.

    GET    /.well-known/jwks.json            the public key
    GET    /v1/users/ID                      a user              (Authorization: Bearer <secret key> for all of /v1)
    PATCH  /v1/users/ID                      change it: first_name, last_name; user.updated
    DELETE /v1/users/ID                      delete it; user.deleted
    GET    /v1/sessions                      sessions: user_id, client_id, status, limit, offset, paginated
    GET    /v1/sessions/ID                   a session
    POST   /v1/sessions/ID/tokens            a session token: {"jwt": …}
    POST   /v1/sessions/ID/revoke            end it; session.revoked

Control API:
    POST   /_control/users                   {id?, first_name, last_name, email}: sign somebody up; user.created
    PATCH  /_control/users/ID                {first_name?, last_name?, email?}; user.updated
    DELETE /_control/users/ID                user.deleted
    POST   /_control/sessions                {user_id, activity?}: sign in; session.created
    DELETE /_control/sessions/ID             sign out; session.ended, or session.removed with ?status=removed
    POST   /_control/sessions/ID/tokens      a token, wrong as wished: see `session_tokens.TokenWish`
    GET    /_control/webhooks                what was sent, with the statuses of all deliveries
    POST   /_control/webhooks/ID/repeat      deliver the same webhook again; {"status": …}
    *      /_control/faults, …/requests      failures of /v1 on command, and what came in: see `provider/faults.py`
"""

import asyncio
import hmac
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ConfigDict, ValidationError

from scripts.local.clerk.people import Session, User, milliseconds
from scripts.local.clerk.session_list import NobodyNamed, listed
from scripts.local.clerk.session_tokens import SessionTokens, TokenWish
from scripts.local.clerk.webhooks import Webhooks
from scripts.local.http_endpoint import HttpEndpoint, serve_application
from scripts.local.provider.control import observer_routes
from scripts.local.provider.faults import Fault, Observer
from scripts.local.provider.sending import send
from scripts.local.provider.wire import Answer, Call, json_answer


@dataclass(frozen=True)
class ClerkConfig:
    """`party` is the origin that tokens are made for (`azp`); `webhook_secret` begins with `whsec_`."""

    webhook_url: str
    webhook_secret: str
    party: str
    secret_key: str
    port: int = 0


class Form(BaseModel):
    """What a request may hold."""

    model_config = ConfigDict(extra="forbid")


class NewUser(Form):
    """Somebody who signs up; without an id Clerk makes one."""

    id: str | None = None
    first_name: str
    last_name: str
    email: str


class UserChange(Form):
    """What of a user is to change."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None


class NewSession(Form):
    """Who signs in, and with what."""

    user_id: str
    activity: dict[str, Any] = {}


@dataclass(frozen=True)
class ClerkEndpoint:
    """A running Clerk."""

    http: HttpEndpoint
    webhooks: Webhooks
    closing: asyncio.Event

    @property
    def port(self) -> int:
        return self.http.port

    @property
    def url(self) -> str:
        return self.http.url

    async def close(self) -> None:
        """Stop listening and sending, and let go of the connections that hang on command."""
        self.closing.set()
        await self.http.close()
        await self.webhooks.close()


class Clerk:
    """The users and sessions of one Clerk instance, and its routes."""

    def __init__(self, config: ClerkConfig) -> None:
        self.tokens = SessionTokens(config.party)
        self.webhooks = Webhooks(config.webhook_url, config.webhook_secret, self.tokens.instance_id)
        self.closing = asyncio.Event()
        self._observer = Observer(_refused)
        self._secret_key = config.secret_key
        self._users: dict[str, User] = {}
        self._sessions: dict[str, Session] = {}

    def application(self) -> web.Application:
        """The HTTP face."""
        application = web.Application(middlewares=[self._observe, self._answer_errors])
        application.add_routes(observer_routes(self._observer))
        application.add_routes(
            [
                web.get("/.well-known/jwks.json", self._jwks),
                web.get("/v1/jwks", self._jwks),
                web.get("/v1/users/{user}", self._show_user),
                web.patch("/v1/users/{user}", self._change_user),
                web.delete("/v1/users/{user}", self._delete_user),
                web.get("/v1/sessions", self._list_sessions),
                web.get("/v1/sessions/{session}", self._show_session),
                web.post("/v1/sessions/{session}/tokens", self._make_token),
                web.post("/v1/sessions/{session}/revoke", self._revoke_session),
                web.post("/_control/users", self._create_user),
                web.patch("/_control/users/{user}", self._change_user),
                web.delete("/_control/users/{user}", self._delete_user),
                web.post("/_control/sessions", self._create_session),
                web.delete("/_control/sessions/{session}", self._sign_out),
                web.post("/_control/sessions/{session}/tokens", self._make_wished_token),
                web.get("/_control/webhooks", self._list_webhooks),
                web.post("/_control/webhooks/{webhook}/repeat", self._repeat_webhook),
            ]
        )
        return application

    @web.middleware
    async def _observe(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Write down what is asked of the Backend API, and answer as the faults that are armed would have it."""
        if not request.path.startswith("/v1/"):
            return await handler(request)
        call = Call.of_target(request.method, request.raw_path, request.headers, await request.read())

        async def handle() -> Answer:
            response = await handler(request)
            body = response.body if isinstance(response, web.Response) else None
            return Answer(response.status, body if isinstance(body, bytes) else b"", "application/json")

        return await send(request, await self._observer.run(call, handle, None), self.closing)

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Errors in Clerk's form: https://clerk.com/docs/guides/development/errors/backend-api"""
        if request.path.startswith("/v1/") and not self._has_key(request):
            return _error(401, "clerk_key_invalid", "The provided Clerk Secret Key is invalid.")
        try:
            return await handler(request)
        except KeyError as error:
            return _error(404, "resource_not_found", f"No such resource: {error.args[0]}")
        except NobodyNamed:
            return _error(422, "form_param_missing", "At least one of client_id and user_id has to be given.")
        except ValidationError as error:
            return _error(422, "form_param_format_invalid", str(error))

    def _has_key(self, request: web.Request) -> bool:
        return hmac.compare_digest(request.headers.get("Authorization", ""), f"Bearer {self._secret_key}")

    async def _jwks(self, _: web.Request) -> web.Response:
        return web.json_response(self.tokens.jwks())

    async def _create_user(self, request: web.Request) -> web.Response:
        wanted = NewUser.model_validate_json(await request.read())
        user = User(wanted.id or f"user_{Session('').id[5:]}", wanted.first_name, wanted.last_name, wanted.email)
        if user.id in self._users:
            return _error(422, "form_identifier_exists", "That user exists already.")
        self._users[user.id] = user
        self.webhooks.send("user.created", user.shown())
        return web.json_response(user.shown())

    async def _show_user(self, request: web.Request) -> web.Response:
        return web.json_response(self._users[request.match_info["user"]].shown())

    async def _change_user(self, request: web.Request) -> web.Response:
        user = self._users[request.match_info["user"]]
        change = UserChange.model_validate_json(await request.read())
        user.change(first_name=change.first_name, last_name=change.last_name, email=change.email)
        self.webhooks.send("user.updated", user.shown())
        return web.json_response(user.shown())

    async def _delete_user(self, request: web.Request) -> web.Response:
        user = self._users.pop(request.match_info["user"])
        for session in self._sessions.values():
            if session.user_id == user.id:
                session.end("removed")
        deleted = {"id": user.id, "object": "user", "deleted": True}
        self.webhooks.send("user.deleted", deleted)
        return web.json_response(deleted)

    async def _create_session(self, request: web.Request) -> web.Response:
        wanted = NewSession.model_validate_json(await request.read())
        user = self._users[wanted.user_id]
        session = Session(user.id, activity=wanted.activity)
        user.last_sign_in_at = milliseconds()
        self._sessions[session.id] = session
        self.webhooks.send("session.created", session.shown())
        return web.json_response(session.shown())

    async def _list_sessions(self, request: web.Request) -> web.Response:
        return web.json_response(listed(self._sessions.values(), request.query))

    async def _show_session(self, request: web.Request) -> web.Response:
        return web.json_response(self._sessions[request.match_info["session"]].shown())

    async def _revoke_session(self, request: web.Request) -> web.Response:
        return self._end(request, "revoked")

    async def _sign_out(self, request: web.Request) -> web.Response:
        return self._end(request, request.query.get("status", "ended"))

    def _end(self, request: web.Request, status: str) -> web.Response:
        session = self._sessions[request.match_info["session"]]
        if session.active:
            session.end(status)
            self.webhooks.send(f"session.{status}", session.shown())
        return web.json_response(session.shown())

    async def _make_token(self, request: web.Request) -> web.Response:
        session = self._sessions[request.match_info["session"]]
        if not session.active:
            return _error(404, "resource_not_found", "The session is not active.")
        return web.json_response({"object": "token", "jwt": self.tokens.mint(session)})

    async def _make_wished_token(self, request: web.Request) -> web.Response:
        session = self._sessions[request.match_info["session"]]
        wish = TokenWish.model_validate_json(await request.read() or b"{}")
        return web.json_response({"object": "token", "jwt": self.tokens.mint(session, wish)})

    async def _list_webhooks(self, _: web.Request) -> web.Response:
        return web.json_response({"webhooks": [sent.shown() for sent in self.webhooks.sent.values()]})

    async def _repeat_webhook(self, request: web.Request) -> web.Response:
        sent = self.webhooks.sent[request.match_info["webhook"]]
        return web.json_response({"status": await self.webhooks.send_again(sent)})


async def serve(config: ClerkConfig) -> ClerkEndpoint:
    """Serve one Clerk instance; its URL is the issuer of its tokens."""
    clerk = Clerk(config)
    endpoint = await serve_application(clerk.application(), config.port)
    clerk.tokens.issuer = endpoint.url
    return ClerkEndpoint(endpoint, clerk.webhooks, clerk.closing)


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response(_errors(code, message), status=status)


def _errors(code: str, message: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "message": message, "long_message": message, "meta": {}}]}


def _refused(fault: Fault, _: Call) -> Answer:
    """What a fault asks for; a 429 says when to come back: https://clerk.com/docs/guides/how-clerk-works/system-limits"""
    code = fault.reason or ("too_many_requests" if fault.status == 429 else "internal_clerk_error")
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return json_answer(_errors(code, fault.message or code), fault.status, headers)
