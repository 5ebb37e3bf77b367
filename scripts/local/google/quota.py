"""Quota per person and per project: units spent in the minute that slides along with the clock.

Costs: https://developers.google.com/workspace/gmail/api/reference/quota (projects since May 2026); Calendar counts
requests: https://developers.google.com/workspace/calendar/api/guides/quota
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scripts.local import clock
from scripts.local.google.errors import ApiError
from scripts.local.google.settings import GoogleConfig

_WINDOW = timedelta(minutes=1)
_PROJECT = "project"

GMAIL_UNITS: Mapping[str, int] = {
    "gmail.users.getProfile": 1,
    "gmail.users.messages.list": 5,
    "gmail.users.messages.get": 20,
    "gmail.users.messages.attachments.get": 20,
    "gmail.users.threads.list": 10,
    "gmail.users.threads.get": 40,
    "gmail.users.labels.list": 1,
    "gmail.users.labels.get": 1,
    "gmail.users.history.list": 2,
}


@dataclass(slots=True)
class Limits:
    """Units a minute, and how a refusal is worded: 403 or 429."""

    gmail_user: int
    gmail_project: int
    calendar_user: int
    calendar_project: int
    status: int = 403

    @classmethod
    def of(cls, config: GoogleConfig) -> "Limits":
        """The limits that the configuration begins with."""
        return cls(
            gmail_user=config.gmail_units_per_minute,
            gmail_project=config.gmail_project_units_per_minute,
            calendar_user=config.calendar_requests_per_minute,
            calendar_project=config.calendar_project_requests_per_minute,
        )


@dataclass(slots=True)
class Quota:
    """What was spent lately, by API and spender."""

    limits: Limits
    _spent: dict[tuple[str, str], deque[tuple[datetime, int]]] = field(default_factory=dict)

    def spend(self, method_id: str, user: str) -> None:
        """Charge a call; an ApiError, and no charge, if the person or the project has no units left."""
        api = method_id.partition(".")[0]
        if api not in ("gmail", "calendar"):
            return
        units = GMAIL_UNITS[method_id] if api == "gmail" else 1
        for spender, limit in ((user, self._limit(api, "user")), (_PROJECT, self._limit(api, "project"))):
            if self.used(api, spender) + units > limit:
                raise self._refusal(api, spender)
        for spender in (user, _PROJECT):
            self._spent.setdefault((api, spender), deque()).append((clock.now(), units))

    def used(self, api: str, spender: str) -> int:
        """Units spent in the last minute."""
        entries = self._spent.setdefault((api, spender), deque())
        while entries and entries[0][0] <= clock.now() - _WINDOW:
            entries.popleft()
        return sum(units for _, units in entries)

    def reset(self) -> None:
        """Forget what was spent."""
        self._spent.clear()

    def _limit(self, api: str, whose: str) -> int:
        limit: int = getattr(self.limits, f"{api}_{whose}")
        return limit

    def _refusal(self, api: str, spender: str) -> ApiError:
        per = "Queries per minute" if spender == _PROJECT else "Queries per minute per user"
        message = (
            f"Quota exceeded for quota metric 'Queries' and limit '{per}' of service '{api}.googleapis.com' "
            "for consumer 'project_number:100000000001'."
        )
        details = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "RATE_LIMIT_EXCEEDED",
            "domain": "googleapis.com",
            "metadata": {"service": f"{api}.googleapis.com", "consumer": "projects/100000000001"},
        }
        return ApiError(self.limits.status, "rateLimitExceeded", message, details=(details,))
