"""Google's EventDateTime: `{dateTime, timeZone}` or `{date}`.

Source: https://developers.google.com/workspace/calendar/api/v3/reference/events#start
"""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from scripts.local.provider.wire import Json


def rfc3339(moment: datetime) -> str:
    """The instant as Google writes it: whole seconds, `Z` for UTC."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def rfc3339_milliseconds(moment: datetime) -> str:
    """The instant in UTC with milliseconds, as `created` and `updated` have it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(value: Json, calendar_zone: ZoneInfo) -> datetime | date:
    """The time as an aware datetime in its own zone, or as a date."""
    if "date" in value:
        return date.fromisoformat(value["date"])
    zone = ZoneInfo(value["timeZone"]) if "timeZone" in value else calendar_zone
    return datetime.fromisoformat(value["dateTime"].upper()).astimezone(zone)


def write(value: datetime | date, zone_name: str) -> Json:
    """The time in Google's form."""
    if isinstance(value, datetime):
        return {"dateTime": rfc3339(value), "timeZone": zone_name}
    return {"date": value.isoformat()}


def instant(value: datetime | date, calendar_zone: ZoneInfo) -> datetime:
    """The instant of a time in UTC; a day begins at midnight in the calendar's zone."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time(), calendar_zone)
    return value.astimezone(UTC)


def shown(value: Json, zone: ZoneInfo) -> Json:
    """The time with its offset as seen in the zone of the answer; its own zone's name stays."""
    if "dateTime" not in value:
        return value
    moment = datetime.fromisoformat(value["dateTime"].upper()).astimezone(zone)
    return value | {"dateTime": rfc3339(moment)}
