"""Entra's errors: their numbers, their classes in OAuth's words, and the body that carries them.

Sources: https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes (numbers, form of the body) and
https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#error-codes-for-token-endpoint-errors.
`suberror` is what Microsoft's libraries classify by:
https://learn.microsoft.com/en-us/entra/msal/dotnet/advanced/exceptions/#msaluirequiredexception
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scripts.local import clock
from scripts.local.provider.wire import Answer, Call, Json, json_answer

CORRELATION_HEADER = "client-request-id"
_HEADERS = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


@dataclass(frozen=True, slots=True)
class Kind:
    """What an AADSTS number stands for; `text` has places for what is particular."""

    error: str
    text: str
    status: int = 400
    suberror: str | None = None


KINDS: Mapping[int, Kind] = MappingProxyType(
    {
        50011: Kind(
            "invalid_request",
            "The redirect URI '{redirect_uri}' specified in the request does not match the redirect URIs configured "
            "for the application '{client_id}'.",
        ),
        500112: Kind(
            "invalid_client",
            "The reply address '{redirect_uri}' does not match the reply address '{expected}' provided when "
            "requesting Authorization code.",
        ),
        50020: Kind("access_denied", "User account '{email}' does not exist in tenant '{tenant}'."),
        50034: Kind("access_denied", "The user account '{email}' does not exist in the {tenant} directory."),
        50058: Kind("login_required", "Session information is not sufficient for single-sign-on."),
        50076: Kind(
            "invalid_grant",
            "Due to a configuration change made by your administrator, or because you moved to a new location, you "
            "must use multi-factor authentication to access '{resource}'.",
            suberror="basic_action",
        ),
        50079: Kind(
            "invalid_grant",
            "Due to a configuration change made by your administrator, or because you moved to a new location, you "
            "must enroll in multi-factor authentication to access '{resource}'.",
            suberror="basic_action",
        ),
        501481: Kind(
            "invalid_grant",
            "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
        ),
        501491: Kind("invalid_request", "Invalid size of Code_Challenge parameter."),
        50158: Kind("invalid_grant", "External security challenge not satisfied.", suberror="basic_action"),
        50173: Kind(
            "invalid_grant",
            "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have "
            "changed or reset their password. The grant was issued on '{issued}' and the TokensValidFrom date (before "
            "which tokens are not valid) for this user is '{valid_from}'.",
            suberror="bad_token",
        ),
        50196: Kind(
            "invalid_grant", "The server terminated an operation because it encountered a client request loop."
        ),
        53003: Kind(
            "invalid_grant", "Access has been blocked by Conditional Access policies.", suberror="message_only"
        ),
        54005: Kind(
            "invalid_grant",
            "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing "
            "refresh token.",
        ),
        500011: Kind(
            "invalid_resource",
            "The resource principal named {resource} was not found in the tenant named {tenant}.",
        ),
        65001: Kind(
            "invalid_grant",
            "The user or administrator has not consented to use the application with ID '{client_id}'. Send an "
            "interactive authorization request for this user and resource.",
            suberror="consent_required",
        ),
        65004: Kind("access_denied", "User declined to consent to access the app."),
        70000: Kind("invalid_grant", "Provided grant is invalid or malformed."),
        70003: Kind("unsupported_grant_type", "The app requested an unsupported grant type '{grant_type}'."),
        700054: Kind(
            "unsupported_response_type",
            "response_type '{response_type}' is not enabled for the application.",
        ),
        70007: Kind(
            "invalid_request",
            "'{response_mode}' is not a supported value of 'response_mode' when requesting a token.",
        ),
        70008: Kind(
            "invalid_grant",
            "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive "
            "authorization request for this user and resource.",
        ),
        70011: Kind(
            "invalid_scope",
            "The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid.",
        ),
        70043: Kind(
            "invalid_grant",
            "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.",
            suberror="token_expired",
        ),
        700016: Kind(
            "unauthorized_client",
            "Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if "
            "the application has not been installed by the administrator of the tenant or consented to by any user in "
            "the tenant. You may have sent your authentication request to the wrong tenant.",
        ),
        700082: Kind(
            "invalid_grant",
            "The refresh token has expired due to inactivity. The token was issued on {issued} and was inactive for "
            "{inactive}.",
        ),
        7000215: Kind(
            "invalid_client",
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
            "not the client secret ID, for a secret added to app '{client_id}'.",
            401,
        ),
        7000218: Kind(
            "invalid_client",
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            401,
        ),
        7000222: Kind(
            "invalid_client",
            "The provided client secret keys for app '{client_id}' are expired.",
            401,
        ),
        90002: Kind(
            "invalid_tenant",
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
            "correct cloud.",
        ),
        90023: Kind("invalid_request", "{problem}"),
        900144: Kind("invalid_request", "The request body must contain the following parameter: '{parameter}'."),
        9002313: Kind("invalid_request", "Invalid request. Request is malformed or invalid."),
        90033: Kind("temporarily_unavailable", "A transient error has occurred. Please try again.", 503),
        90055: Kind("temporarily_unavailable", "The server is busy. There are too many requests.", 429),
    }
)


class EntraError(Exception):
    """A refusal by an AADSTS number; `particulars` fill the places of its text. Raises KeyError for one unknown."""

    def __init__(self, number: int, **particulars: str) -> None:
        self.number = number
        self.kind = KINDS[number]
        super().__init__(f"AADSTS{number}: {self.kind.text.format_map(_Particulars(particulars))}")

    @property
    def uri(self) -> str:
        """Where Microsoft says more about it."""
        return f"https://login.microsoftonline.com/error?code={self.number}"

    def answer(self, call: Call) -> Answer:
        """The refusal as the token endpoint gives it."""
        return refusal(call, self.kind, str(self), (self.number,), self.uri)


class _Particulars(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def refusal(call: Call, kind: Kind, message: str, codes: tuple[int, ...], uri: str | None) -> Answer:
    """An error body; it names the request by the id that the client gave it, if it gave one."""
    traced = Trace.of(call)
    body: Json = {
        "error": kind.error,
        "error_description": traced.added_to(message),
        "error_codes": list(codes),
        "timestamp": traced.timestamp,
        "trace_id": traced.trace_id,
        "correlation_id": traced.correlation_id,
    }
    if uri:
        body["error_uri"] = uri
    if kind.suberror:
        body["suberror"] = kind.suberror
    return json_answer(body, kind.status, {**_HEADERS, "x-ms-request-id": traced.trace_id})


@dataclass(frozen=True, slots=True)
class Trace:
    """What names one request in Entra's logs."""

    trace_id: str
    correlation_id: str
    timestamp: str

    @classmethod
    def of(cls, call: Call) -> "Trace":
        """A fresh trace, with the client's own id as the correlation."""
        given = call.headers.get(CORRELATION_HEADER)
        return cls(str(uuid.uuid4()), given or str(uuid.uuid4()), f"{clock.now():%Y-%m-%d %H:%M:%SZ}")

    def added_to(self, message: str) -> str:
        """The message as Entra describes an error."""
        return (
            f"{message}\r\nTrace ID: {self.trace_id}\r\nCorrelation ID: {self.correlation_id}"
            f"\r\nTimestamp: {self.timestamp}"
        )
