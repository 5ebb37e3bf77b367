"""Who asks Cloud Storage, and whether they may: the users of a bucket may do all with its objects, its readers read.

They are what `roles/storage.objectUser` and `roles/storage.objectViewer` make of a service account
(https://cloud.google.com/storage/docs/access-control/iam-roles): nobody may list, make or change buckets.
"""

from dataclasses import dataclass

from aiohttp import web

from scripts.local.access_tokens import AccessTokens
from scripts.local.service_account_keys import ServiceAccountKeys
from scripts.local.storage import signatures
from scripts.local.storage.headers import joined
from scripts.local.storage.objects import Objects
from scripts.local.storage.refusals import Refused
from scripts.local.storage.signatures import Asked

ANONYMOUS = "Anonymous caller"
READING = ("storage.objects.get", "storage.objects.list")


@dataclass(frozen=True)
class Caller:
    """A service account, and the hash that its signature demands of the body."""

    account: str
    content_hash: str | None = None


@dataclass(frozen=True)
class Admission:
    """Knows tokens, keys and the users of each bucket."""

    objects: Objects
    tokens: AccessTokens
    keys: ServiceAccountKeys

    def by_token(self, request: web.Request) -> Caller:
        """The caller by its access token; 401 if there is none that holds."""
        authorization = request.headers.get("Authorization")
        if authorization is None:
            return Caller(ANONYMOUS)
        account = self.tokens.account_of(authorization)
        if account is None:
            raise Refused(401, "authError", "Invalid Credentials", location=("header", "Authorization"))
        return Caller(account)

    def by_signature_or_token(self, request: web.Request) -> Caller:
        """The caller by a signed URL, else by its access token. Refuses a signature that is not right."""
        asked = as_asked(request)
        if not signatures.is_signed(asked):
            return self.by_token(request)
        signed = signatures.verify(asked, self.keys)
        return Caller(signed.account, signed.content_hash)

    def require(self, caller: Caller, permission: str, bucket: str) -> None:
        """Refuse what the caller may not do; 404 if the bucket does not exist.

        Without credentials 401 in JSON; in XML 403, as the code says.
        """
        settings = self.objects.settings(bucket)
        if caller.account in settings.users and permission.startswith("storage.objects."):
            return
        if caller.account in settings.readers and permission in READING:
            return
        resource = "object" if permission.startswith("storage.objects.") else "bucket"
        message = (
            f"{caller.account} does not have {permission} access to the Google Cloud Storage {resource}. "
            f"Permission '{permission}' denied on resource (or it may not exist)."
        )
        if caller.account == ANONYMOUS:
            raise Refused(401, "required", message, location=("header", "Authorization"))
        raise Refused(403, "forbidden", message)


def as_asked(request: web.Request) -> Asked:
    """The request as its signature sees it."""
    path, _, query = request.raw_path.partition("?")
    return Asked(request.method, path, query, joined(request.headers))
