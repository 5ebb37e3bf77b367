"""How the fake Google is set up, and what of it tests may change while it runs."""

from dataclasses import dataclass, field
from datetime import timedelta

from scripts.local.provider.people_source import PeopleSource


@dataclass(frozen=True, slots=True)
class GoogleConfig:
    """The one OAuth client that is registered, the people who have accounts, and the limits.

    Quotas: https://developers.google.com/workspace/gmail/api/reference/quota and
    https://developers.google.com/workspace/calendar/api/guides/quota
    """

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]
    people: PeopleSource
    port: int = 0
    issuer: str = "https://accounts.google.com"
    gmail_units_per_minute: int = 6_000
    calendar_requests_per_minute: int = 600
    gmail_project_units_per_minute: int = 1_200_000
    calendar_project_requests_per_minute: int = 10_000
    auto_approve: bool = False


@dataclass(slots=True)
class Behaviour:
    """Choices that Google leaves itself: `short_pages` gives fewer items than asked, the second page none at all."""

    short_pages: bool = False
    sync_token_lifetime: timedelta = field(default=timedelta(days=28))
