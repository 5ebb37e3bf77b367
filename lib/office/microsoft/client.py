"""The one client of Microsoft Graph: ids that last, four requests at once, batches, and pages.

Every request prefers immutable ids, or a message would be another one after it was moved:
https://learn.microsoft.com/graph/outlook-immutable-id
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote, urlencode, urlsplit

from lib.core.errors import Problem, ProviderFailed
from lib.core.settings import load
from lib.core.transport import send
from lib.office.calling import Api, Caller, Calling, Json, Tariff, content, judged
from lib.office.microsoft import batch
from lib.office.microsoft.errors import refusal
from lib.office.microsoft.settings import GraphSettings
from lib.office.microsoft.turns import turns

VENDOR = "Microsoft"
VERSION = "/v1.0"
NEXT = "@odata.nextLink"
MAIL = Api(VENDOR, "mail", ("Mail.Read", "Mail.ReadWrite"), "read mail")
CALENDAR = Api(VENDOR, "calendar", ("Calendars.Read", "Calendars.ReadWrite"), "read calendars")

ID = re.compile(r"[A-Za-z0-9+/=_\-]{1,512}")
"""What any of Graph's ids looks like."""

_PREFERENCES = {"prefer": 'IdType="ImmutableId"'}


def target(*path: str, **options: str | int | None) -> str:
    """A path under the version, made of names and ids, with OData's options by their names without the dollar."""
    given = {f"${name}": str(value) for name, value in options.items() if value is not None}
    return _join(path, given)


def view(*path: str, plain: Mapping[str, str], **options: str | int) -> str:
    """A `target` that takes parameters without a dollar as well."""
    return _join(path, {**plain, **{f"${name}": str(value) for name, value in options.items()}})


class GraphClient:
    """Reads for one account, as `Calling` does; a call is a path with its query. Safe for threads."""

    def __init__(self, api: Api, caller: Caller) -> None:
        settings = load(GraphSettings)
        self._mailbox = caller.account.email.casefold()
        self._turns = turns(settings.microsoft_requests_at_once)
        self._endpoint = settings.microsoft_graph_endpoint.rstrip("/")
        self._calling: Calling[str] = Calling(api, caller, _tariff(settings))

    @property
    def endpoint(self) -> str:
        """Graph's root."""
        return self._endpoint

    def get(self, call: str) -> Json:
        """The answer to one call."""
        return self._calling.one(call, self._get)

    def batch(self, calls: Sequence[str]) -> list[Json | Problem]:
        """The answers to many calls in order, twenty in each request; a part that fails is a problem in its place."""
        if len(calls) == 1:
            return [self._calling.judged(calls[0], self._get)]
        return self._calling.many(calls, batch.MOST_PARTS, self._post_batch)

    def pages(self, first: Json) -> Iterator[Json]:
        """A page and those after it, each asked for when it is wanted."""
        page = first
        while True:
            yield page
            following = self.following(page)
            if following is None:
                return
            page = self.get(following)

    def following(self, page: Json) -> str | None:
        """The call for the next page; None after the last one. Raises `ProviderFailed` if it leads elsewhere."""
        link = page.get(NEXT)
        if link is None:
            return None
        prefix = self._endpoint + VERSION
        if urlsplit(str(link))[:2] != urlsplit(self._endpoint)[:2] or not str(link).startswith(f"{prefix}/"):
            raise ProviderFailed("Microsoft's next page is not at Microsoft's address")
        return str(link).removeprefix(prefix)

    def _get(self, call: str, token: str) -> Json:
        with self._turns.taken(self._mailbox, 1):
            reply = send(VENDOR, "GET", f"{self._endpoint}{VERSION}{call}", _headers(token))
        return content(VENDOR, reply, refusal)

    def _post_batch(self, calls: Sequence[str], token: str) -> list[Json | Problem]:
        """Graph itself has up to four parts of a batch under way at once, so that each of them takes a turn."""
        headers = _headers(token) | {"content-type": "application/json"}
        body = batch.pack(calls, {"Accept": "application/json", "Prefer": _PREFERENCES["prefer"]})
        with self._turns.taken(self._mailbox, len(calls)):
            reply = send(VENDOR, "POST", f"{self._endpoint}{VERSION}/$batch", headers, body)
        parts = batch.unpack(content(VENDOR, reply, refusal), len(calls))
        return [judged(VENDOR, part, refusal) for part in parts]


def _tariff(settings: GraphSettings) -> Tariff[str]:
    """A bucket that fills evenly lets through eleven minutes' worth in ten minutes, if it was full before."""
    return Tariff("microsoft-outlook", settings.microsoft_requests_per_ten_minutes // 11, len)


def _headers(token: str) -> dict[str, str]:
    return {
        "authorization": f"Bearer {token}",
        "accept": "application/json",
        "accept-encoding": "gzip",
        "user-agent": "briefly",
        **_PREFERENCES,
    }


def _join(path: Sequence[str], parameters: Mapping[str, str]) -> str:
    joined = "".join(f"/{quote(part, safe='')}" for part in path)
    return f"{joined}?{urlencode(parameters, quote_via=quote, safe='$')}" if parameters else joined
