"""Whose word Microsoft's is: the configured authority, and the issuers that belong to it.

Every tenant issues under its own name; personal accounts are those of one tenant.
https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference (`iss`, `tid`)
"""

import re

from lib.accounts.microsoft.settings import MicrosoftSettings
from lib.core.settings import load

PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"

_ISSUER = re.compile(r"(?P<host>https://[^/]+)/(?P<tenant>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/v2\.0")


def authorize_url() -> str:
    """Where people are sent to consent."""
    return f"{load(MicrosoftSettings).microsoft_authority}/oauth2/v2.0/authorize"


def tenant_of(issuer: str) -> str | None:
    """The tenant that issues under this name; None if it does not belong to the authority."""
    host, _, takes = load(MicrosoftSettings).microsoft_authority.rpartition("/")
    named = _ISSUER.fullmatch(issuer)
    if named is None or named["host"] != host:
        return None
    tenant = named["tenant"]
    taken = {
        "common": True,
        "organizations": tenant != PERSONAL_TENANT,
        "consumers": tenant == PERSONAL_TENANT,
    }
    return tenant if taken.get(takes, tenant == takes) else None
