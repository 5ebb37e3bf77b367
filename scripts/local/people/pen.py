"""What every writer of mails needs: a seeded choice, moments in the person's past, and filled templates."""

import random
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from scripts.local.people.cast import Cast, Role, shared
from scripts.local.people.mailbox import Mailbox


class Pen:
    """One person's mailbox being written, deterministically for (cast, now, seed)."""

    def __init__(self, cast: Cast, now: datetime, seed: int) -> None:
        self.cast = cast
        self.rng = random.Random(f"{cast.account} {seed}")
        self.zone = ZoneInfo(cast.zone)
        self.now = now.astimezone(self.zone).replace(second=0, microsecond=0)
        self.mailbox = Mailbox(cast.address, cast.account, cast.canary)

    def ago(self, days: int, hour: int) -> datetime:
        """About that hour, so many days ago."""
        day = self.now.date() - timedelta(days=days)
        return datetime.combine(day, time(hour, self.rng.randrange(60)), self.zone)

    def lately(self, minutes: int) -> datetime:
        """So many minutes ago."""
        return self.now - timedelta(minutes=minutes)

    def mixed(self, templates: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The templates that this person may draw, in an order of their own."""
        drawn: list[dict[str, Any]] = shared(self.cast.share, templates)
        self.rng.shuffle(drawn)
        return drawn

    def slots(self, sender: Role | None = None, **more: str) -> dict[str, str]:
        """Fresh values for a template; the colleague named in it is never its sender."""
        colleagues = [one for one in self.cast.colleagues if one is not sender]
        topic = self.rng.choice(self.cast.topics)
        return {
            "me": self.cast.given_name,
            "name": self.cast.name,
            "company": self.cast.company,
            "topic": topic,
            "topic_slug": topic.lower().replace(" ", "-").replace("'", ""),
            "colleague": self.rng.choice(colleagues).first,
            "place": self.rng.choice(self.cast.places),
            "weekday": f"{self.now + timedelta(days=self.rng.randrange(2, 6)):%A}",
            "count": str(self.rng.randrange(3, 24)),
            "number": f"{self.now:%Y}-{self.rng.randrange(1000, 9999)}",
            "card": str(self.rng.randrange(1000, 9999)),
            **more,
        }

    def signature(self, role: Role) -> str:
        """How this correspondent ends a mail."""
        if role.organisation is None:
            return f"\n\n{role.first}"
        if role in self.cast.colleagues:
            return f"\n\nBest,\n{role.first}"
        return f"\n\nKind regards\n{role.name}\n{role.organisation}, {role.phone}"

    def mine(self, text: str) -> str:
        """The person's own words, signed."""
        return f"{text}\n\n{self.cast.given_name}"


def fill(template: str, slots: Mapping[str, str]) -> str:
    """The template with its slots filled."""
    return template.format_map(slots)
