"""Time zones by either of the names that Outlook takes: Windows' own, or the Olson database's.

Source: https://learn.microsoft.com/graph/api/resources/datetimetimezone#additional-time-zones
"""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tzlocal.windows_tz import tz_win, win_tz

from scripts.local.microsoft.graph.errors import GraphError

UTC_NAME = "UTC"


def zone_of(name: str) -> ZoneInfo:
    """The zone that a client names. Raises GraphError for a name that is none."""
    try:
        return ZoneInfo(win_tz.get(name, name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"A valid TimeZone value must be specified. The following TimeZone value is not supported: '{name}'."
        raise GraphError(400, "TimeZoneNotSupportedException", message) from None


def windows_name(zone: str) -> str:
    """What Windows calls an Olson zone; its own name where Windows has none."""
    return tz_win.get(zone, zone)
