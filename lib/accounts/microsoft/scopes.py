"""What Briefly asks Microsoft for, and how the scopes that an answer names are kept.

https://learn.microsoft.com/en-us/entra/identity-platform/scopes-oidc
"""

GRAPH = "https://graph.microsoft.com/"
SCOPES = ("openid", "email", "profile", "offline_access", "User.Read", "Mail.Read", "Calendars.Read")
# msal asks for these by itself, and refuses to be told so.
ASKED_BY_MSAL = frozenset(("openid", "profile", "offline_access"))

_KNOWN = {scope.lower(): scope for scope in SCOPES}


def granted(answered: str) -> frozenset[str]:
    """The scopes of an answer, without the resource's prefix and as they are written here, whatever their case."""
    bare = (scope[len(GRAPH) :] if scope.lower().startswith(GRAPH) else scope for scope in answered.split())
    return frozenset(_KNOWN.get(scope.lower(), scope) for scope in bare)
