"""The scopes that the consent screen knows: those of OpenID Connect, and Graph's delegated permissions.

Sources: https://learn.microsoft.com/en-us/entra/identity-platform/scopes-oidc (also that a scope without a resource is
Graph's), https://learn.microsoft.com/en-us/graph/permissions-reference. Names are compared without regard to case.
"""

RESOURCE = "https://graph.microsoft.com/"
OFFLINE = "offline_access"
SIGN_IN = ("openid", "profile", "email", OFFLINE)
DESCRIPTIONS: dict[str, str] = {
    "User.Read": "Sign you in and read your profile",
    "User.ReadBasic.All": "Read all users' basic profiles",
    "Mail.Read": "Read your mail",
    "Mail.ReadBasic": "Read your basic mail",
    "Mail.ReadWrite": "Read and write access to your mail",
    "Mail.Send": "Send mail as you",
    "MailboxSettings.Read": "Read your mailbox settings",
    "Calendars.Read": "Read your calendars",
    "Calendars.ReadBasic": "Read basic details of your calendars",
    "Calendars.ReadWrite": "Have full access to your calendars",
    "Contacts.Read": "Read your contacts",
    "Contacts.ReadWrite": "Have full access of your contacts",
    "Files.Read": "Read your files",
    "Files.ReadWrite": "Have full access to your files",
    "People.Read": "Read your relevant people lists",
}
_CANONICAL = {name.lower(): name for name in (*SIGN_IN, *DESCRIPTIONS)}


class UnknownScope(Exception):
    """A scope that there is not. The message names it as it came."""


class UnknownResource(Exception):
    """A scope of an application that nobody has. The message names the application."""


def canonical(text: str) -> tuple[str, ...]:
    """The scopes of a spaced list, without resource. Raises `UnknownScope`, `UnknownResource`."""
    return tuple(dict.fromkeys(_one(scope) for scope in text.split()))


def _one(scope: str) -> str:
    name = scope[len(RESOURCE) :] if scope.lower().startswith(RESOURCE) else scope
    if "://" in name:
        raise UnknownResource(name.rpartition("/")[0])
    if name.lower() not in _CANONICAL:
        raise UnknownScope(scope)
    return _CANONICAL[name.lower()]


def answered(scopes: tuple[str, ...], *, with_resource: bool) -> str:
    """The list as the token endpoint answers it: `offline_access` is not in it, and Graph's may have their resource."""
    prefix = RESOURCE if with_resource else ""
    return " ".join(scope if scope in SIGN_IN else prefix + scope for scope in scopes if scope != OFFLINE)
