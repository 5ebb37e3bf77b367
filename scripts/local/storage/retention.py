"""Retention policies and holds: until when an object may be neither deleted nor overwritten.

https://cloud.google.com/storage/docs/bucket-lock and https://cloud.google.com/storage/docs/object-holds
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from scripts.local import clock
from scripts.local.storage.refusals import Refused


@dataclass(frozen=True)
class BucketSettings:
    """A bucket of the catalogue. `users` are the service accounts that may use its objects, `readers` read them."""

    users: frozenset[str] = frozenset()
    retention: timedelta | None = None
    event_based_hold: bool = False
    readers: frozenset[str] = frozenset()


@dataclass
class Protection:
    """What keeps one object. An event-based hold puts off the beginning of the retention to its release."""

    counted_from: datetime
    temporary_hold: bool = False
    event_based_hold: bool = False

    def expires(self, settings: BucketSettings) -> datetime | None:
        """When the retention policy lets go; None if nobody knows yet, or there is no policy."""
        if settings.retention is None or self.event_based_hold:
            return None
        return self.counted_from + settings.retention

    def hold(self, *, temporary: bool | None, event_based: bool | None) -> None:
        """Place or release holds; None leaves one as it is."""
        if temporary is not None:
            self.temporary_hold = temporary
        if event_based is not None:
            if self.event_based_hold and not event_based:
                self.counted_from = clock.now()
            self.event_based_hold = event_based

    def check(self, settings: BucketSettings, path: str) -> None:
        """Refuse with 403 that the object is deleted or overwritten. `path` is `bucket/object`."""
        for held, kind in ((self.temporary_hold, "Temporary"), (self.event_based_hold, "Event-Based")):
            if held:
                message = f"Object '{path}' is under active {kind} hold and cannot be deleted, overwritten or archived"
                raise Refused(403, "forbidden", f"{message} until hold is removed.")
        expires = self.expires(settings)
        if expires is not None and clock.now() < expires:
            message = f"Object '{path}' is subject to bucket's retention policy or object retention"
            until = f"and cannot be deleted or overwritten until {expires.isoformat()}"
            raise Refused(403, "retentionPolicyNotMet", f"{message} {until}")
