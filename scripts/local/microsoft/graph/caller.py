"""Who calls Graph: what the login found in the access token."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """A person's address, the granted scopes without the resource before them, and the application (its client id)."""

    email: str
    scopes: frozenset[str]
    application: str
