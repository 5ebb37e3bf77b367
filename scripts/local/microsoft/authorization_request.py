"""What a client may ask of the authorization endpoint, and what it must not.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#request-an-authorization-code
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from urllib.parse import urlencode

from scripts.local import clock
from scripts.local.microsoft.errors import EntraError, Trace
from scripts.local.microsoft.scopes import UnknownResource, UnknownScope, canonical
from scripts.local.provider.consent import page
from scripts.local.provider.wire import Answer, Call, single_values

_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_S256_LENGTH = 43
_TRANSACTION_LIFETIME = timedelta(minutes=10)
_MODES = ("query", "fragment", "form_post")
_PROMPTS = ("login", "none", "consent", "select_account")


@dataclass(frozen=True, slots=True)
class ReturnAddress:
    """Where the person is sent back to, and how: known before all else of the request is judged."""

    redirect_uri: str
    mode: str
    state: str | None

    def send(self, answer: dict[str, str]) -> Answer:
        """Send the person back with this."""
        values = answer | ({"state": self.state} if self.state is not None else {})
        if self.mode == "form_post":
            return self._form(values)
        separator = "#" if self.mode == "fragment" else "&" if "?" in self.redirect_uri else "?"
        headers = {"Location": f"{self.redirect_uri}{separator}{urlencode(values)}", "Cache-Control": "no-store"}
        return Answer(302, b"", "text/html; charset=utf-8", headers)

    def refuse(self, call: Call, error: EntraError, **more: str) -> Answer:
        """Send the person back with an error."""
        description = Trace.of(call).added_to(str(error))
        told = {"error": error.kind.error, "error_description": description, "error_uri": error.uri}
        return self.send(told | more)

    def _form(self, values: dict[str, str]) -> Answer:
        """A page that posts itself: https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html"""
        fields = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in values.items()
        )
        form = f'<form method="post" action="{escape(self.redirect_uri)}">{fields}<button>Continue</button></form>'
        return page(200, "Working...", form + "<script>document.forms[0].submit()</script>")


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that passed every check."""

    tenant: str
    back: ReturnAddress
    scopes: tuple[str, ...]
    challenge: str | None
    challenge_method: str
    nonce: str | None
    prompt: str | None
    login_hint: str | None
    client_info: bool
    expires: datetime


@dataclass(frozen=True, slots=True)
class RequestRules:
    """The application as it is registered, by which requests are judged."""

    client_id: str
    redirect_uris: tuple[str, ...]

    def back(self, tenant: str, call: Call) -> ReturnAddress:
        """Where to send the person, whatever else is wrong. Raises `EntraError` for an address not to be trusted."""
        query = _single(call)
        for parameter in ("client_id", "redirect_uri"):
            if not query.get(parameter):
                raise EntraError(900144, parameter=parameter)
        if query["client_id"] != self.client_id:
            raise EntraError(700016, client_id=query["client_id"], tenant=tenant)
        if query["redirect_uri"] not in self.redirect_uris:
            raise EntraError(50011, redirect_uri=query["redirect_uri"], client_id=self.client_id)
        mode = query.get("response_mode", _MODES[0])
        if mode not in _MODES:
            raise EntraError(70007, response_mode=mode)
        return ReturnAddress(query["redirect_uri"], mode, query.get("state"))

    def checked(self, tenant: str, back: ReturnAddress, call: Call) -> AuthorizationRequest:
        """The whole request. Raises `EntraError`."""
        query = _single(call)
        if not query.get("response_type"):
            raise EntraError(900144, parameter="response_type")
        if query["response_type"] != "code":
            raise EntraError(700054, response_type=query["response_type"])
        prompt = query.get("prompt") or None
        if prompt is not None and prompt not in _PROMPTS:
            raise EntraError(90023, problem=f"Unsupported 'prompt' value: {prompt}.")
        return AuthorizationRequest(
            tenant=tenant,
            back=back,
            scopes=read_scopes(query.get("scope", ""), tenant),
            challenge=_challenge(query),
            challenge_method=query.get("code_challenge_method", "plain"),
            nonce=query.get("nonce"),
            prompt=prompt,
            login_hint=query.get("login_hint"),
            client_info=query.get("client_info") == "1",
            expires=clock.now() + _TRANSACTION_LIFETIME,
        )


def read_scopes(text: str, tenant: str) -> tuple[str, ...]:
    """The scopes of a parameter, which has to hold some. Raises `EntraError`."""
    if not text.strip():
        raise EntraError(900144, parameter="scope")
    try:
        return canonical(text)
    except UnknownScope as unknown:
        raise EntraError(70011, scope=str(unknown)) from None
    except UnknownResource as unknown:
        raise EntraError(500011, resource=str(unknown), tenant=tenant) from None


def _single(call: Call) -> dict[str, str]:
    try:
        return single_values(call.query)
    except ValueError as duplicate:
        raise EntraError(90023, problem=f"Parameter '{duplicate}' is duplicated.") from None


def _challenge(query: dict[str, str]) -> str | None:
    challenge, method = query.get("code_challenge"), query.get("code_challenge_method", "plain")
    if method not in ("S256", "plain"):
        raise EntraError(90023, problem=f"Unsupported 'code_challenge_method' value: {method}.")
    if challenge is None:
        if "code_challenge_method" in query:
            raise EntraError(900144, parameter="code_challenge")
        return None
    if not _CHALLENGE.fullmatch(challenge) or (method == "S256" and len(challenge) != _S256_LENGTH):
        raise EntraError(501491)
    return challenge
