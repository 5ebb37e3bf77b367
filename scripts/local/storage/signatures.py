"""Signed URLs, version 4: https://cloud.google.com/storage/docs/authentication/signatures

The canonical request: https://cloud.google.com/storage/docs/authentication/canonical-requests
Only RSA keys of service accounts sign here (GOOG4-RSA-SHA256), and only requests to paths (`/bucket/object`).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from scripts.local import clock
from scripts.local.service_account_keys import ServiceAccountKeys
from scripts.local.storage.refusals import Refused

ALGORITHM = "GOOG4-RSA-SHA256"
SIGNATURE = "x-goog-signature"
REQUIRED = ("x-goog-algorithm", "x-goog-credential", "x-goog-date", "x-goog-expires", "x-goog-signedheaders")
# https://cloud.google.com/storage/docs/authentication/signatures#expiration-time
LONGEST = timedelta(days=7)
# https://cloud.google.com/storage/docs/xml-api/reference-status: RequestTimeTooSkewed
MOST_SKEW = timedelta(minutes=15)
CONTENT_HASH = "x-goog-content-sha256"
EXTENSION = "x-goog-"


@dataclass(frozen=True)
class Asked:
    """A request as it came: the raw path and query, headers in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]

    def parameters(self) -> list[tuple[str, str]]:
        """The query's names and values, decoded, in the order in which they came."""
        pairs = (part.partition("=") for part in self.query.split("&") if part)
        return [(unquote(name), unquote(value)) for name, _, value in pairs]


@dataclass(frozen=True)
class Signed:
    """Who signed, and the hash that the body must have, if the signature says so."""

    account: str
    content_hash: str | None


def is_signed(asked: Asked) -> bool:
    """Whether the request claims to be signed by its query."""
    return any(name.lower() in (SIGNATURE, REQUIRED[0]) for name, _ in asked.parameters())


def verify(asked: Asked, keys: ServiceAccountKeys) -> Signed:
    """Who signed this very request. Refuses what is expired, altered or malformed."""
    given = _once(asked)
    scope = _Scope.of(given)
    _check_time(scope.signed_at, given["x-goog-expires"])
    signed_headers = given["x-goog-signedheaders"].split(";")
    _check_headers(asked.headers, signed_headers)
    content_hash = asked.headers.get(CONTENT_HASH) if CONTENT_HASH in signed_headers else None
    canonical = _canonical_request(asked, signed_headers, content_hash or "UNSIGNED-PAYLOAD")
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join((ALGORITHM, given["x-goog-date"], scope.text, digest))
    try:
        signature = bytes.fromhex(given[SIGNATURE])
    except ValueError:
        raise _malformed("Signature was not hex encoded", "signature") from None
    if not keys.has_signed(scope.account, to_sign.encode(), signature):
        raise _does_not_match(to_sign, canonical)
    return Signed(scope.account, content_hash)


@dataclass(frozen=True)
class _Scope:
    """`ACCOUNT/DATE/LOCATION/storage/goog4_request`"""

    account: str
    text: str
    signed_at: datetime

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "_Scope":
        account, *scope = given["x-goog-credential"].split("/")
        date = given["x-goog-date"]
        if not re.fullmatch(r"\d{8}T\d{6}Z", date, re.ASCII):
            raise _malformed("Invalid X-Goog-Date", "x-goog-date")
        try:
            signed_at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise _malformed("Invalid X-Goog-Date", "x-goog-date") from None
        if len(scope) != 4 or scope[0] != date[:8] or scope[2:] != ["storage", "goog4_request"]:
            raise _malformed("Invalid Credential", "x-goog-credential")
        return cls(account, "/".join(scope), signed_at)


def _once(asked: Asked) -> dict[str, str]:
    """The signature's parameters, each there once."""
    given: dict[str, str] = {}
    for name, value in asked.parameters():
        if name.lower() in (*REQUIRED, SIGNATURE):
            if name.lower() in given:
                raise _malformed("The parameter is there more than once", name.lower())
            given[name.lower()] = value
    for name in (*REQUIRED, SIGNATURE):
        if not given.get(name):
            raise _malformed("The parameter is missing", name)
    if given["x-goog-algorithm"] != ALGORITHM:
        raise _malformed(f"Only {ALGORITHM} is imitated", "x-goog-algorithm")
    return given


def _check_time(signed_at: datetime, expires: str) -> None:
    seconds = int(expires) if re.fullmatch(r"\d{1,9}", expires, re.ASCII) else 0
    if not 0 < seconds <= LONGEST.total_seconds():
        raise _malformed("X-Goog-Expires must be from 1 to 604800 seconds", "x-goog-expires")
    if signed_at - clock.now() > MOST_SKEW:
        message = "The difference between the request time and the server's time is too large."
        raise Refused(403, "forbidden", message, "RequestTimeTooSkewed")
    until = signed_at + timedelta(seconds=seconds)
    if clock.now() >= until:
        details = f"Request signature expired at: {until.isoformat()}"
        raise Refused(400, "invalid", "The provided token has expired.", "ExpiredToken", members={"Details": details})


def _check_headers(headers: Mapping[str, str], signed: list[str]) -> None:
    """All that is signed is there; and extensions are for who signed to choose, not for who came by the URL."""
    if "host" not in signed:
        raise _malformed("The host header must be among the signed ones", "x-goog-signedheaders")
    for name in signed:
        if name not in headers:
            raise _malformed("Header was included in signedheaders, but not in the request.", name)
    for name in headers:
        if name.startswith(EXTENSION) and name not in signed:
            raise _malformed("Header was included in the request, but not in signedheaders.", name)


def _canonical_request(asked: Asked, signed_headers: list[str], payload: str) -> str:
    pairs = [(name, value) for name, value in asked.parameters() if name.lower() != SIGNATURE]
    query = "&".join(
        f"{name}={value}" for name, value in sorted((_quoted(name), _quoted(value)) for name, value in pairs)
    )
    headers = "".join(f"{name}:{' '.join(asked.headers[name].split())}\n" for name in signed_headers)
    return "\n".join((asked.method, asked.path, query, headers, ";".join(signed_headers), payload))


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")


def _malformed(details: str, parameter: str) -> Refused:
    members = {"Details": details, "ParameterName": parameter}
    return Refused(400, "invalid", "Your request has a malformed header.", "MalformedSecurityHeader", members=members)


def _does_not_match(to_sign: str, canonical: str) -> Refused:
    message = "The request signature we calculated does not match the signature you provided."
    message = f"{message} Check your Google secret key and signing method."
    members = {"StringToSign": to_sign, "CanonicalRequest": canonical}
    return Refused(403, "forbidden", message, "SignatureDoesNotMatch", members=members)
