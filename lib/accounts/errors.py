"""What goes wrong with accounts, as callers of the vault and of `accounts` are told."""

from lib.core.errors import Conflict, InvalidRequest, ProviderFailed


class StateInvalid(Conflict):
    """The state is unknown, used, expired, or of another session: the connecting has to begin anew."""

    title = "This connecting is over; start again"


class CodeRefused(InvalidRequest):
    """The provider does not take the code: it is wrong, used, too old, or for another redirect."""

    title = "The provider did not accept the consent; connect again"


class ProviderBusy(ProviderFailed):
    """The provider cannot answer now; the credentials are not in doubt."""
