"""The scopes that the consent screen knows, and their canonical names.

Source: https://developers.google.com/identity/protocols/oauth2/scopes
"""

from scripts.local.google.discovery import DOCUMENTS

SIGN_IN = (
    "openid",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/userinfo.profile",
)
_SHORT = {"email": SIGN_IN[1], "profile": SIGN_IN[2]}
_OTHER = (
    "https://www.googleapis.com/auth/contacts",
    "https://www.googleapis.com/auth/contacts.readonly",
    "https://www.googleapis.com/auth/contacts.other.readonly",
    "https://www.googleapis.com/auth/drive",
    "https://www.googleapis.com/auth/drive.file",
    "https://www.googleapis.com/auth/drive.readonly",
)
DESCRIPTIONS: dict[str, str] = {
    **{scope: scope.rsplit("/", 1)[-1] for scope in (*SIGN_IN, *_OTHER)},
    **{scope: text for document in DOCUMENTS.values() for scope, text in document.scopes.items()},
}


def canonical(text: str) -> tuple[str, ...]:
    """The scopes of a spaced list, `email` and `profile` by their full names; ValueError names unknown ones."""
    scopes = tuple(dict.fromkeys(_SHORT.get(scope, scope) for scope in text.split()))
    unknown = [scope for scope in scopes if scope not in DESCRIPTIONS]
    if unknown:
        raise ValueError(" ".join(unknown))
    return scopes
