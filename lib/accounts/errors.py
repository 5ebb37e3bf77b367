"""What goes wrong with accounts, as callers of the vault and of `accounts` are told."""

from datetime import timedelta
from typing import Any

from lib.core.errors import Conflict, Forbidden, InvalidRequest, ProviderFailed


class StateInvalid(Conflict):
    """The state is unknown, used, expired, or of another session: the connecting has to begin anew."""

    title = "This connecting is over; start again"


class CodeRefused(InvalidRequest):
    """The provider does not take the code: it is wrong, used, too old, or for another redirect."""

    title = "The provider did not accept the consent; connect again"


class OtherAccount(Conflict):
    """The person consented with another account than the one that was to be changed; nothing was connected."""

    title = "Another account was chosen at the provider"


class ConsentRequired(Forbidden):
    """The person has not allowed this yet, and can do so at `grant_url`."""

    title = "The person has to allow this first"


class ProviderBusy(ProviderFailed):
    """The provider cannot answer now; the credentials are not in doubt. `asked_pause`: what it asks to wait."""

    def __init__(self, detail: str | None = None, *, asked_pause: timedelta | None = None, **members: Any):
        super().__init__(detail, **members)
        self.asked_pause = asked_pause
