"""What a refusal of Microsoft's token endpoint means, and whose move it is.

The `error` says it, but for some AADSTS numbers, which say it better; further ones may come at any time.
https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#error-codes-for-token-endpoint-errors
"""

import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any


class Refusal(Enum):
    """Whose move it is."""

    ENDED = auto()
    """The person's: what they granted, or the code, is good no more."""
    SHUT_OUT = auto()
    """The tenant's, where this application was removed or disabled; or ours, if it was so everywhere."""
    OURS = auto()
    """Ours: this application's own credentials are wrong."""
    PASSING = auto()
    """Nobody's: it may work later."""
    UNKNOWN = auto()
    """Nothing that Microsoft documents."""


NUMBERS: Mapping[int, Refusal] = {
    **dict.fromkeys(
        (
            50076,  # multi-factor authentication is required by now
            50079,  # as is enrolling for it
            50158,  # as is another provider's challenge
            50173,  # revoked by the person or an administrator
            54005,  # the code was redeemed before
            65001,  # consent was withdrawn
            70000,  # the grant is not valid
            70008,  # expired by inactivity, or revoked
            70011,  # the scope is not valid
            500011,  # the resource is not in the tenant
            700082,  # expired by inactivity
        ),
        Refusal.ENDED,
    ),
    **dict.fromkeys(
        (
            70001,  # the application is disabled
            700016,  # the application is not in the directory
            7000112,  # the application is disabled
        ),
        Refusal.SHUT_OUT,
    ),
    **dict.fromkeys(
        (
            70002,  # the secret does not match
            7000215,  # the secret is wrong
            7000218,  # the secret is missing
            7000222,  # the secret has expired
        ),
        Refusal.OURS,
    ),
    **dict.fromkeys(
        (
            40010,  # another provider's server
            50033,  # transient
            50087,  # transient
            50196,  # the same request too often
            70012,  # the server for personal accounts
            90006,  # temporarily unavailable
            90012,  # timed out
            90024,  # transient
            90033,  # the directory is unavailable
            90055,  # the tenant is throttled
            90090,  # temporarily unavailable
            90091,  # the directory cannot be reached
        ),
        Refusal.PASSING,
    ),
}
_ERRORS: Mapping[str, Refusal] = {
    **dict.fromkeys(("invalid_grant", "interaction_required", "consent_required", "login_required"), Refusal.ENDED),
    "unauthorized_client": Refusal.SHUT_OUT,
    "invalid_client": Refusal.OURS,
    **dict.fromkeys(("temporarily_unavailable", "server_error"), Refusal.PASSING),
}
MOST_CHARACTERS = 300


def kind(answer: Mapping[str, Any]) -> Refusal:
    """What the answer means: by its numbers where one is known, else by its error.

    A grant that is not valid may come with 70002 ("error validating credentials") before the number that says why:
    https://github.com/QuePort/passport-azure-oauth/issues/6. The credentials are then not ours.
    """
    known = {NUMBERS[number] for number in numbers(answer) if number in NUMBERS}
    if answer.get("error") == "invalid_grant":
        return Refusal.PASSING if Refusal.PASSING in known else Refusal.ENDED
    for refusal in (Refusal.OURS, Refusal.PASSING, Refusal.SHUT_OUT, Refusal.ENDED):
        if refusal in known:
            return refusal
    return _ERRORS.get(str(answer.get("error")), Refusal.UNKNOWN)


def numbers(answer: Mapping[str, Any]) -> list[int]:
    """The AADSTS numbers of an answer."""
    given = answer.get("error_codes")
    return [number for number in given if isinstance(number, int)] if isinstance(given, list) else []


def reason(answer: Mapping[str, Any]) -> str:
    """Why, in Microsoft's words, without the traces that follow them."""
    told = str(answer.get("error_description") or answer.get("error"))
    return re.split(r"\s*(?:[\r\n]|Trace ID:)", told, maxsplit=1)[0][:MOST_CHARACTERS]
