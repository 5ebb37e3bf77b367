"""The limits that hold: how many requests a minute, how much money for models a day."""

from lib.core.settings import Settings
from lib.usage.models import Micros


class LimitSettings(Settings):
    """Per person."""

    requests_per_minute: int = 240
    model_spend_per_day: Micros = Micros(2_000_000)
