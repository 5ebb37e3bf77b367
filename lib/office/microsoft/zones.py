"""Windows' names of time zones as IANA's, by the Unicode consortium's table (which tzlocal carries)."""

from collections.abc import Mapping

from tzlocal.windows_tz import win_tz

from lib.office.zones import UTC_NAME, zone

_WINDOWS: Mapping[str, str] = {**win_tz, "tzone://Microsoft/Utc": UTC_NAME}


def iana(name: str | None) -> str:
    """The IANA name of a zone that Outlook names in either way; UTC for a custom zone, or one that nobody knows."""
    return zone(_WINDOWS.get(name or "", name or UTC_NAME)).key
