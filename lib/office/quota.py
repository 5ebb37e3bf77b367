"""The quota ledger: what an account has spent at its provider lately, so that we stop before the provider does."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from threading import Lock

from lib.core import clock
from lib.office.errors import ProviderThrottled

MOST_ACCOUNTS = 20_000


class Lane(Enum):
    """On whose behalf units are spent; the value is the share of the budget that must be left for others."""

    PEOPLE = 0.0
    BACKGROUND = 0.5


@dataclass
class _Balance:
    units: float
    at: datetime
    closed_until: datetime | None = None


class QuotaLedger:
    """A bucket per account that fills evenly; background work never takes the half that is kept for people.

    It lives in this process's memory: what other instances spend shows by the provider's refusals, which close it.
    """

    def __init__(self, units_per_minute: int) -> None:
        self._capacity = float(units_per_minute)
        self._lock = Lock()
        self._balances: dict[str, _Balance] = {}

    def spend(self, account_id: str, units: int, lane: Lane = Lane.PEOPLE) -> None:
        """Take the units. Raises `ProviderThrottled` with the time until they are there."""
        with self._lock:
            balance = self._filled(account_id)
            if balance.closed_until is not None and balance.closed_until > balance.at:
                raise ProviderThrottled(retry_after=balance.closed_until - balance.at)
            lacking = min(units, self._capacity) + lane.value * self._capacity - balance.units
            if lacking > 0:
                raise ProviderThrottled(retry_after=timedelta(minutes=lacking / self._capacity))
            balance.units -= units

    def close(self, account_id: str, pause: timedelta) -> None:
        """The provider refused: spend nothing for so long."""
        with self._lock:
            balance = self._filled(account_id)
            balance.closed_until = max(balance.closed_until or balance.at, balance.at + pause)

    def _filled(self, account_id: str) -> _Balance:
        now = clock.now()
        balance = self._balances.get(account_id)
        if balance is None:
            if len(self._balances) >= MOST_ACCOUNTS:
                self._balances.clear()
            balance = self._balances[account_id] = _Balance(self._capacity, now)
        minutes = max(0.0, (now - balance.at) / timedelta(minutes=1))
        balance.units = min(self._capacity, balance.units + minutes * self._capacity)
        balance.at = now
        return balance


@cache
def ledger(provider: str, units_per_minute: int) -> QuotaLedger:
    """This process's ledger for a provider's API."""
    return QuotaLedger(units_per_minute)
