"""An application of msal's, for one call. Imported when Microsoft is first called: importing msal takes its time."""

from typing import Any

from msal import ConfidentialClientApplication, TokenCache

from lib.accounts.microsoft.settings import MicrosoftSettings
from lib.accounts.microsoft.transport import Transport
from lib.core import secrets
from lib.core.settings import load


def fresh(client_secret: str) -> ConfidentialClientApplication:
    """An application that keeps nothing; `client_secret` names the secret. Raises `ProviderBusy`: it asks for the
    authority's endpoints.
    """
    settings = load(MicrosoftSettings)
    return ConfidentialClientApplication(
        settings.microsoft_client_id,
        client_credential=secrets.read(client_secret).reveal(),
        authority=settings.microsoft_authority,
        instance_discovery=False,
        http_client=Transport(),
        token_cache=_Nothing(),
    )


class _Nothing(TokenCache):  # type: ignore[misc]
    """What msal remembers of anybody."""

    def add(self, event: dict[str, Any], now: float | None = None) -> None:
        """Nothing: the vault keeps the tokens."""
