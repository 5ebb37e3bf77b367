"""Whom a function admits: Cloud Run's check of the caller's Google ID token, by the catalogue instead of IAM.

https://cloud.google.com/run/docs/authenticating/service-to-service: the token is in `X-Serverless-Authorization`,
or else in `Authorization`; its audience is the service's URL; the signature does not reach the container.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lib.core.errors import Unauthenticated
from lib.core.signed_tokens import Expectation, verify
from scripts.local.catalog import Function
from scripts.local.identity_tokens import ISSUER

TOKEN_HEADERS = ("X-Serverless-Authorization", "Authorization")
REMOVED_SIGNATURE = "SIGNATURE_REMOVED_BY_GOOGLE"


class NotAuthenticated(Exception):
    """A token was given that proves nothing here."""


class NotAllowed(Exception):
    """No token was given, or its account is not among the callers."""


@dataclass(frozen=True)
class Admission:
    """Checks callers. `service_account` gives the address for a short name, `url` that of a function."""

    keys: Mapping[str, Any]
    service_account: Callable[[str], str]
    url: Callable[[str], str]

    def admit(self, name: str, function: Function, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers to replace before the request goes on. Raises `NotAuthenticated`, `NotAllowed`."""
        if function.public:
            return {}
        header = next((name for name in TOKEN_HEADERS if name in headers), None)
        scheme, _, token = headers.get(header or "", "").partition(" ")
        if header is None or scheme.lower() != "bearer":
            raise NotAllowed
        claims = self._claims(token.strip(), self.url(name))
        if claims.get("email") not in {self.service_account(caller) for caller in function.callers}:
            raise NotAllowed
        signed, _, _ = token.strip().rpartition(".")
        return {header: f"{scheme} {signed}.{REMOVED_SIGNATURE}"}

    def _claims(self, token: str, audience: str) -> dict[str, Any]:
        keys = json.dumps(self.keys, sort_keys=True)
        try:
            claims = verify(token, Expectation(keys=keys, algorithm="RS256", issuer=ISSUER, audience=audience))
        except Unauthenticated:
            raise NotAuthenticated from None
        if claims.get("email_verified") is not True:
            raise NotAuthenticated
        return claims
