"""What usage keeps of a person."""

from lib.core.personal_data import PersonalData
from lib.usage import store

PERSONAL_DATA = PersonalData(
    room="usage",
    exported=("usage_days", "usage_events", "spend_days", "spend_reservations"),
    retain={"usage_events": store.forget_events_before},
    withheld={"rate_windows": "How many requests came in a minute; forgotten within two hours."},
)
