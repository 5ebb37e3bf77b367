"""What a client prefers, by the Prefer header of each request.

Sources: https://learn.microsoft.com/graph/outlook-immutable-id, https://learn.microsoft.com/graph/api/message-get
(`outlook.body-content-type`) and https://learn.microsoft.com/graph/api/calendar-list-calendarview (`outlook.timezone`)
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from multidict import MultiMapping

from scripts.local.microsoft.graph.time_zones import UTC_NAME, zone_of

BodyType = Literal["html", "text"]
_PREFERENCE = re.compile(r'([A-Za-z.\-]+)\s*(?:=\s*(?:"([^"]*)"|([^\s,;"]+)))?')


@dataclass(frozen=True, slots=True)
class Preferences:
    """The preferences that Graph heeds; `applied` is what it says of them in Preference-Applied."""

    immutable: bool
    zone: ZoneInfo
    zone_name: str
    body: BodyType
    applied: str

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Preferences":
        """Read the header; what Graph does not know it passes over. Raises GraphError for an unknown time zone."""
        given = _given(headers)
        immutable = given.get("idtype", "").casefold() == "immutableid"
        zone_name = given.get("outlook.timezone", UTC_NAME)
        body: BodyType = "text" if given.get("outlook.body-content-type", "").casefold() == "text" else "html"
        applied = []
        if immutable:
            applied.append('IdType="ImmutableId"')
        if "outlook.timezone" in given:
            applied.append(f'outlook.timezone="{zone_name}"')
        if "outlook.body-content-type" in given:
            applied.append(f'outlook.body-content-type="{body}"')
        return cls(immutable, zone_of(zone_name), zone_name, body, ", ".join(applied))


def _given(headers: Mapping[str, str]) -> dict[str, str]:
    lines = headers.getall("Prefer", []) if isinstance(headers, MultiMapping) else [headers.get("Prefer", "")]
    found = [match for line in lines for match in _PREFERENCE.finditer(line)]
    return {match[1].casefold(): match[2] if match[2] is not None else match[3] or "" for match in found}
