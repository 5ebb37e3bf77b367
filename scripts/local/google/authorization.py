"""The authorization endpoint: judges the request, asks the person, sends them back with a code.

Sources: https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient (parameters),
https://developers.google.com/identity/protocols/oauth2/native-app#step1-code-verifier (PKCE), RFC 9207 (`iss`),
https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions (fewer scopes than asked).
"""

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from scripts.local import clock
from scripts.local.google.accounts import Accounts
from scripts.local.google.consent_page import consent_page, error_page
from scripts.local.google.grants import Grants, Terms
from scripts.local.google.scopes import SIGN_IN, canonical
from scripts.local.provider.consent import AutoApproval
from scripts.local.provider.wire import Answer, Call, single_values

PATHS = ("/o/oauth2/v2/auth", "/o/oauth2/auth")
_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_TRANSACTION_LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that passed every check."""

    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    challenge: str | None
    challenge_method: str
    nonce: str | None
    offline: bool
    prompt: tuple[str, ...]
    login_hint: str | None
    include_granted: bool
    expires: datetime


class Refused(Exception):
    """The request is answered by Google's own error page."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


@dataclass(slots=True)
class AuthorizationEndpoint:
    """Holds the consents that are under way."""

    client_id: str
    redirect_uris: tuple[str, ...]
    issuer: str
    accounts: Accounts
    grants: Grants
    auto: AutoApproval = field(default_factory=AutoApproval)
    _open: dict[str, AuthorizationRequest] = field(default_factory=dict)

    def answer(self, call: Call) -> Answer:
        """GET asks, POST decides."""
        try:
            return self._ask(call) if call.method == "GET" else self._decide(call)
        except Refused as refusal:
            return error_page(refusal.code, str(refusal))

    def _ask(self, call: Call) -> Answer:
        request = self._checked(call)
        email = self.accounts.email_of_hint(request.login_hint)
        if email and self._silently(request, email):
            return self._allow(request, email, request.scopes)
        if "none" in request.prompt:
            return self._send_back(request, {"error": "interaction_required"})
        if email and self.auto.enabled:
            return self._decide_by_itself(request, email)
        transaction = secrets.token_urlsafe(24)
        self._open[transaction] = request
        emails = [email] if email else self.accounts.emails()
        return consent_page(transaction, self.client_id, emails, request.scopes)

    def _silently(self, request: AuthorizationRequest, email: str) -> bool:
        """Whether nothing new is asked, so that Google returns at once."""
        asked_again = {"consent", "select_account"} & set(request.prompt)
        return not asked_again and set(request.scopes) <= self.grants.consents.get(email, set())

    def _decide_by_itself(self, request: AuthorizationRequest, email: str) -> Answer:
        if not self.auto.allow:
            return self._send_back(request, {"error": "access_denied"})
        chosen = request.scopes if self.auto.scopes is None else self.auto.scopes
        return self._allow(request, email, chosen)

    def _decide(self, call: Call) -> Answer:
        form = call.form()
        first = dict(reversed(form))
        request = self._open.pop(first.get("transaction", ""), None)
        if request is None or request.expires <= clock.now():
            raise Refused("invalid_request", "This page has expired; start again.")
        email = self.accounts.email_of_hint(first.get("email"))
        if email is None:
            raise Refused("invalid_request", "There is no such account.")
        if first.get("decision") != "allow":
            return self._send_back(request, {"error": "access_denied"})
        return self._allow(request, email, tuple(value for name, value in form if name == "scope"))

    def _allow(self, request: AuthorizationRequest, email: str, chosen: tuple[str, ...]) -> Answer:
        granted = tuple(scope for scope in request.scopes if scope in chosen or scope in SIGN_IN)
        if not granted:
            return self._send_back(request, {"error": "access_denied"})
        before = self.grants.consents.get(email, set())
        first_time = not set(granted) <= before or "consent" in request.prompt
        if request.include_granted:
            granted += tuple(sorted(before - set(granted)))
        terms = Terms(
            email=email,
            scopes=granted,
            redirect_uri=request.redirect_uri,
            challenge=request.challenge,
            challenge_method=request.challenge_method,
            nonce=request.nonce,
            offline=request.offline,
            with_refresh_token=request.offline and first_time,
        )
        answer: dict[str, Any] = {"code": self.grants.issue_code(terms), "scope": " ".join(granted)}
        prompt = "consent" if first_time else "none"
        return self._send_back(request, answer | {"authuser": "0", "prompt": prompt})

    def _send_back(self, request: AuthorizationRequest, answer: dict[str, Any]) -> Answer:
        state = {"state": request.state} if request.state is not None else {}
        query = urlencode(state | {"iss": self.issuer} | answer)
        separator = "&" if "?" in request.redirect_uri else "?"
        headers = {"Location": f"{request.redirect_uri}{separator}{query}", "Cache-Control": "no-store"}
        return Answer(302, b"", "text/html; charset=utf-8", headers)

    def _checked(self, call: Call) -> AuthorizationRequest:
        try:
            query = single_values(call.query)
        except ValueError as duplicate:
            raise Refused("invalid_request", f"OAuth 2 parameters can only have a single value: {duplicate}") from None
        self._check_client(query)
        return AuthorizationRequest(
            redirect_uri=query["redirect_uri"],
            scopes=_checked_scopes(query.get("scope", "")),
            state=query.get("state"),
            challenge=_checked_challenge(query),
            challenge_method=query.get("code_challenge_method", "plain"),
            nonce=query.get("nonce"),
            offline=_choice(query, "access_type", ("online", "offline")) == "offline",
            prompt=_checked_prompt(query.get("prompt", "")),
            login_hint=query.get("login_hint"),
            include_granted=_choice(query, "include_granted_scopes", ("false", "true")) == "true",
            expires=clock.now() + _TRANSACTION_LIFETIME,
        )

    def _check_client(self, query: dict[str, str]) -> None:
        if "client_id" not in query:
            raise Refused("invalid_request", "Missing required parameter: client_id")
        if query["client_id"] != self.client_id:
            raise Refused("invalid_client", "The OAuth client was not found.")
        if "redirect_uri" not in query:
            raise Refused("invalid_request", "Missing required parameter: redirect_uri")
        if query["redirect_uri"] not in self.redirect_uris:
            raise Refused("redirect_uri_mismatch", f"redirect_uri={query['redirect_uri']}")
        if "response_type" not in query:
            raise Refused("invalid_request", "Required parameter is missing: response_type")
        if query["response_type"] != "code":
            raise Refused("unsupported_response_type", f"Invalid response_type: {query['response_type']}")


def _checked_scopes(text: str) -> tuple[str, ...]:
    try:
        scopes = canonical(text)
    except ValueError as unknown:
        raise Refused("invalid_scope", f"Some requested scopes were invalid. {{invalid=[{unknown}]}}") from None
    if not scopes:
        raise Refused("invalid_request", "Missing required parameter: scope")
    return scopes


def _checked_challenge(query: dict[str, str]) -> str | None:
    challenge, method = query.get("code_challenge"), query.get("code_challenge_method", "plain")
    if method not in ("S256", "plain"):
        raise Refused("invalid_request", "Unknown code_challenge_method.")
    if challenge is None:
        if "code_challenge_method" in query:
            raise Refused("invalid_request", "Code challenge is missing.")
        return None
    if not _CHALLENGE.fullmatch(challenge) or (method == "S256" and len(challenge) != 43):
        raise Refused("invalid_request", "Invalid code_challenge.")
    return challenge


def _checked_prompt(text: str) -> tuple[str, ...]:
    prompt = tuple(text.split())
    if set(prompt) - {"none", "consent", "select_account"} or ("none" in prompt and len(prompt) > 1):
        raise Refused("invalid_request", f"Invalid parameter value for prompt: {text}")
    return prompt


def _choice(query: dict[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = query.get(name, allowed[0])
    if value not in allowed:
        raise Refused("invalid_request", f"Invalid parameter value for {name}: {value}")
    return value
