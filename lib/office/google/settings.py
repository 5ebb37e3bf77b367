"""Where Google's APIs are reached, and what they let a person spend."""

from collections.abc import Mapping

from pydantic import Field

from lib.core.settings import Settings, WebAddress

UNIT_COSTS: Mapping[str, int] = {
    "gmail.users.messages.list": 5,
    "gmail.users.messages.get": 20,
    "gmail.users.threads.list": 10,
    "gmail.users.threads.get": 40,
    "gmail.users.labels.list": 1,
}


class GoogleApiSettings(Settings):
    """`google_api_endpoint` is the root of Gmail, Calendar and their batches: https://www.googleapis.com in production.

    Quotas are per person and minute, units as in https://developers.google.com/workspace/gmail/api/reference/quota and
    https://developers.google.com/workspace/calendar/api/guides/quota; a method without a cost of its own costs 1.
    """

    google_api_endpoint: WebAddress
    google_gmail_units_per_minute: int = 6_000
    google_calendar_requests_per_minute: int = 600
    google_unit_costs: dict[str, int] = Field(default_factory=lambda: dict(UNIT_COSTS))
