"""The answers that Cloud Run's front end gives by itself, without asking the function.

Statuses and texts: https://cloud.google.com/run/docs/troubleshooting
"""

from html import escape

from aiohttp import web

SERVER = "Google Frontend"

_PAGE = """
<html><head>
<meta http-equiv="content-type" content="text/html;charset=utf-8">
<title>{status} {title}</title>
</head>
<body text=#000000 bgcolor=#ffffff>
<h1>Error: {title}</h1>
<h2>{text}</h2>
<h2></h2>
</body></html>
"""


def unauthenticated() -> web.Response:
    """The token is malformed, forged, expired, or meant for another audience."""
    text = "Your client does not have permission to the requested URL."
    challenge = 'Bearer error="invalid_token" error_description="The access token could not be verified"'
    return _page(401, "Unauthorized", text, {"WWW-Authenticate": challenge})


def forbidden(path: str) -> web.Response:
    """There is no token, or its account may not invoke the service."""
    return _page(
        403,
        "Forbidden",
        f"Your client does not have permission to get URL <code>{escape(path)}</code> from this server.",
    )


def no_such_service() -> web.Response:
    """No service has this name."""
    return _page(404, "Page not found", "The requested URL was not found on this server.")


def too_large() -> web.Response:
    """The request is over 32 MiB (https://cloud.google.com/run/quotas#request_limits)."""
    return _page(413, "Request Entity Too Large", "Your client issued a request that was too large.")


def no_instance() -> web.Response:
    """Every instance stayed busy for as long as a request waits."""
    return _text(429, "Rate exceeded.")


def broken() -> web.Response:
    """The instance died, did not start, or did not speak HTTP."""
    return _text(503, "Service Unavailable")


def timed_out() -> web.Response:
    """The function did not answer in its time (https://cloud.google.com/run/docs/configuring/request-timeout)."""
    return _text(504, "upstream request timeout")


def _page(status: int, title: str, text: str, headers: dict[str, str] | None = None) -> web.Response:
    page = _PAGE.format(status=status, title=title, text=text)
    return web.Response(
        status=status, text=page, content_type="text/html", headers={"Server": SERVER} | (headers or {})
    )


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, headers={"Server": SERVER})
