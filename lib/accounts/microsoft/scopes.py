"""What Microsoft's scopes allow, by capability, and how the scopes that an answer names are kept.

By capability the first is asked for, each suffices, narrowest first.
https://learn.microsoft.com/en-us/entra/identity-platform/scopes-oidc and
https://learn.microsoft.com/en-us/graph/permissions-reference
"""

from collections.abc import Mapping

from lib.accounts.models import Capability

GRAPH = "https://graph.microsoft.com/"
IDENTITY = ("openid", "email", "profile", "offline_access", "User.Read")
# msal asks for these by itself, and refuses to be told so.
ASKED_BY_MSAL = frozenset(("openid", "profile", "offline_access"))

SCOPES: Mapping[Capability, tuple[str, ...]] = {
    Capability.MAIL_READ: ("Mail.Read", "Mail.ReadWrite"),
    Capability.MAIL_CHANGE: ("Mail.ReadWrite",),
    Capability.MAIL_SEND: ("Mail.Send",),
    Capability.CALENDAR_READ: ("Calendars.Read", "Calendars.ReadWrite"),
    Capability.CALENDAR_CHANGE: ("Calendars.ReadWrite",),
    Capability.FILES_CHANGE: ("Files.ReadWrite",),
    Capability.CONTACTS_CHANGE: ("Contacts.ReadWrite",),
}

_KNOWN = {scope.lower(): scope for scopes in (IDENTITY, *SCOPES.values()) for scope in scopes}


def granted(answered: str) -> frozenset[str]:
    """The scopes of an answer, without the resource's prefix and as they are written here, whatever their case."""
    bare = (scope[len(GRAPH) :] if scope.lower().startswith(GRAPH) else scope for scope in answered.split())
    return frozenset(_KNOWN.get(scope.lower(), scope) for scope in bare)
