"""Where people meet by video, as events tell it."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

_LINK = re.compile(r"https://[^\s<>\"']+")
_HOSTS = ("meet.google.com", "zoom.us", "teams.microsoft.com", "teams.live.com", "webex.com", "whereby.com")


def secure(link: str | None) -> str | None:
    """The link, if it is an https one."""
    return link if link and link.startswith("https://") else None


def links_in(text: str) -> Iterator[str]:
    """The links of known services in a text, such as an event's location."""
    for candidate in _LINK.findall(text):
        host = urlsplit(candidate).hostname or ""
        if any(host == known or host.endswith(f".{known}") for known in _HOSTS):
            yield candidate
