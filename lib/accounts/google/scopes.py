"""What Google's scopes allow, by capability: the first is asked for, each suffices, narrowest first.

https://developers.google.com/workspace/gmail/api/auth/scopes, https://developers.google.com/workspace/calendar/api/auth
and https://developers.google.com/identity/protocols/oauth2/scopes
"""

from collections.abc import Mapping

from lib.accounts.models import Capability

IDENTITY = ("openid", "email")

_AUTH = "https://www.googleapis.com/auth/"
_ALL_MAIL = "https://mail.google.com/"

SCOPES: Mapping[Capability, tuple[str, ...]] = {
    Capability.MAIL_READ: (f"{_AUTH}gmail.readonly", f"{_AUTH}gmail.modify", _ALL_MAIL),
    Capability.MAIL_CHANGE: (f"{_AUTH}gmail.modify", _ALL_MAIL),
    Capability.MAIL_SEND: (f"{_AUTH}gmail.send", f"{_AUTH}gmail.compose", f"{_AUTH}gmail.modify", _ALL_MAIL),
    Capability.CALENDAR_READ: (
        f"{_AUTH}calendar.readonly",
        f"{_AUTH}calendar",
        f"{_AUTH}calendar.events.readonly",
        f"{_AUTH}calendar.events",
    ),
    Capability.CALENDAR_CHANGE: (f"{_AUTH}calendar.events", f"{_AUTH}calendar"),
    Capability.FILES_CHANGE: (f"{_AUTH}drive.file", f"{_AUTH}drive"),
    Capability.CONTACTS_CHANGE: (f"{_AUTH}contacts",),
}
