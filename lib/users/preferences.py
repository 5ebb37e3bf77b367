"""What a person prefers: one document, in which everything has a default."""

from enum import StrEnum
from functools import cache
from itertools import pairwise
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from lib.core.http_models import Strict
from lib.users.locales import Locale

MOST_ACCOUNTS = 20
MOST_INTERVALS = 6
LONGEST_SIGNATURE = 10_000
LONGEST_RETENTION_DAYS = 3650


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError(f"{name} is not an IANA time zone")
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""As `09:30`, by the clock in the person's zone."""
EndOfInterval = Annotated[str, StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
"""As a time of day; `24:00` is the end of the day."""
# As lib.accounts makes them; whether it is one of the person's own is for those to say who stand above.
AccountId = Annotated[str, StringConstraints(pattern=r"^acc_[0-9a-v]{24}$")]
CalendarId = Annotated[str, StringConstraints(pattern=r"^acc_[0-9a-v]{24}\.[A-Za-z0-9_-]+$", max_length=2048)]


def _of_their_accounts(calendars: dict[str, str | None]) -> dict[str, str | None]:
    """The calendars, none of them where a change takes one back. Raises `ValueError` for one of another account."""
    for account, calendar in calendars.items():
        if calendar is not None and not calendar.startswith(f"{account}."):
            raise ValueError(f"{calendar} is no calendar of {account}")
    return calendars


Days = Annotated[int, Field(ge=1, le=LONGEST_RETENTION_DAYS)]


class Weekday(StrEnum):
    """The days of the week, as a person may let it begin."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class Interval(Strict):
    """Hours of one day, from `start` until just before `end`."""

    start: TimeOfDay
    end: EndOfInterval

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.start >= self.end:
            raise ValueError(f"{self.start} is not before {self.end}")
        return self


def _apart(intervals: list[Interval]) -> list[Interval]:
    """The intervals by their start. Raises `ValueError` for two that overlap."""
    ordered = sorted(intervals, key=lambda interval: interval.start)
    for first, second in pairwise(ordered):
        if second.start < first.end:
            raise ValueError(f"{first.start}–{first.end} and {second.start}–{second.end} overlap")
    return ordered


Hours = Annotated[list[Interval], Field(max_length=MOST_INTERVALS), AfterValidator(_apart)]


def _office_hours() -> list[Interval]:
    return [Interval(start="09:00", end="17:00")]


class WorkingHours(BaseModel):
    """When the person works, by weekday; none on a day that has no intervals."""

    monday: Hours = Field(default_factory=_office_hours)
    tuesday: Hours = Field(default_factory=_office_hours)
    wednesday: Hours = Field(default_factory=_office_hours)
    thursday: Hours = Field(default_factory=_office_hours)
    friday: Hours = Field(default_factory=_office_hours)
    saturday: Hours = Field(default_factory=list)
    sunday: Hours = Field(default_factory=list)


class ChatPreferences(BaseModel):
    """How the person wants to be answered, and whether to learn from what they say.

    Without a language, it is that of the question.
    """

    model: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    style: Literal["neutral", "friendly", "formal"] = "neutral"
    length: Literal["short", "medium", "long"] = "short"
    language: Locale | None = None
    learn: bool = True


class Channels(BaseModel):
    """Where a kind of notification is shown."""

    in_app: bool = True
    push: bool = False
    email: bool = False


class QuietHours(BaseModel):
    """From when until when nothing but the app itself shows notifications; over midnight if the end comes first."""

    start: TimeOfDay
    end: TimeOfDay

    @model_validator(mode="after")
    def _have_a_length(self) -> Self:
        if self.start == self.end:
            raise ValueError("they end when they begin")
        return self


class NotificationPreferences(BaseModel):
    """What the person wants to be told of, and where: `accounts` is about connections and the person's own data."""

    mail: Channels = Field(default_factory=Channels)
    calendar: Channels = Field(default_factory=lambda: Channels(push=True))
    chat: Channels = Field(default_factory=Channels)
    documents: Channels = Field(default_factory=lambda: Channels(push=True))
    accounts: Channels = Field(default_factory=lambda: Channels(email=True))
    usage: Channels = Field(default_factory=lambda: Channels(email=True))
    quiet_hours: QuietHours | None = None


class RetentionDays(BaseModel):
    """After how many days a kind of thing is deleted; null: as long as Briefly keeps it for anybody."""

    conversations: Days | None = None
    usage_events: Days | None = None


class PrivacyControls(BaseModel):
    """What Briefly may do with what the person has. Each is asked for by `lib.users.privacy`."""

    chat_reads_mail: bool = True
    chat_reads_files: bool = True
    chat_reads_calendars: bool = True
    mail_is_tracked: bool = False
    content_is_indexed: bool = True
    retention_days: RetentionDays = Field(default_factory=RetentionDays)


class Preferences(BaseModel):
    """What a person has chosen, and for all else the defaults, so that a new person has all of them.

    Default calendars and signatures are by account; signatures are HTML that was sanitised.
    """

    theme: Literal["system", "light", "dark"] = "system"
    time_zone: TimeZone = "Etc/UTC"
    locale: Locale = "en"
    week_start: Weekday = Weekday.MONDAY
    working_hours: WorkingHours = Field(default_factory=WorkingHours)
    default_calendars: Annotated[
        dict[AccountId, CalendarId], Field(max_length=MOST_ACCOUNTS), AfterValidator(_of_their_accounts)
    ] = Field(default_factory=dict)
    signatures: Annotated[
        dict[AccountId, Annotated[str, StringConstraints(max_length=LONGEST_SIGNATURE)]],
        Field(max_length=MOST_ACCOUNTS),
    ] = Field(default_factory=dict)
    chat: ChatPreferences = Field(default_factory=ChatPreferences)
    notifications: NotificationPreferences = Field(default_factory=NotificationPreferences)
    privacy: PrivacyControls = Field(default_factory=PrivacyControls)
