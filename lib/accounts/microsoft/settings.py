"""How Microsoft's identity platform is reached."""

from datetime import timedelta
from typing import Annotated

from pydantic import StringConstraints

from lib.core.settings import Settings

Authority = Annotated[
    str,
    StringConstraints(
        pattern=r"^https://[^/\s?#]+/(common|organizations|consumers|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
    ),
]


class MicrosoftSettings(Settings):
    """The application, and whose accounts it takes: https://login.microsoftonline.com/common takes everybody's.

    `organizations`, `consumers` or a tenant's id take fewer.
    (https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols#endpoints)
    A refresh token lives 90 days, and every use yields a new one:
    https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens#token-lifetime
    """

    microsoft_client_id: str
    microsoft_authority: Authority
    microsoft_grant_lasts_unused: timedelta = timedelta(days=90)
