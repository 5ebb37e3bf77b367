"""How the fake Microsoft is set up."""

from dataclasses import dataclass
from pathlib import Path

from scripts.local.provider.people_source import PeopleSource


@dataclass(frozen=True, slots=True)
class MicrosoftConfig:
    """The one application that is registered, the people who have accounts, and the server's key and chain.

    The application is one for accounts of any organisation and personal ones, with a platform of type "web":
    https://learn.microsoft.com/en-us/entra/identity-platform/quickstart-register-app
    """

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]
    people: PeopleSource
    certificate: Path
    port: int = 0
    auto_approve: bool = False
