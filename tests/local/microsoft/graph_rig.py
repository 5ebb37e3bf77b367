"""A Graph in this process, asked without a connection between, as somebody who is signed in."""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from multidict import CIMultiDict

from scripts.local.microsoft.graph.accounts import GraphAccounts
from scripts.local.microsoft.graph.api import Graph, fault_answer
from scripts.local.microsoft.graph.caller import Caller
from scripts.local.people.models import Person
from scripts.local.provider.faults import Observer
from scripts.local.provider.wire import Answer, Call

ORIGIN = "https://graph.example"
READING = frozenset(("User.Read", "Mail.Read", "Calendars.Read"))
WRITING = READING | {"Calendars.ReadWrite"}
IMMUTABLE = 'IdType="ImmutableId"'
BERLIN = 'outlook.timezone="Europe/Berlin"'
_BARE = ("startDateTime", "endDateTime", "colour")


@dataclass(frozen=True)
class Asked:
    """An answer, decoded."""

    answer: Answer

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def body(self) -> Any:
        return orjson.loads(self.answer.body)

    @property
    def value(self) -> list[Any]:
        """What a list holds."""
        assert self.status == 200, self.answer.body
        found: list[Any] = self.body["value"]
        return found

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, code and message."""
        return self.status, self.body["error"]["code"], self.body["error"]["message"]


@dataclass(frozen=True)
class Client:
    """Somebody with granted scopes in front of one Graph."""

    graph: Graph
    email: str
    scopes: frozenset[str] = READING
    application: str = "app"

    def call(self, method: str, path: str, query: dict[str, Any], prefer: str | None = None, body: Any = None) -> Call:
        """A request; a path may be a link as Graph gave it."""
        target = path.removeprefix(ORIGIN)
        if query:
            target = f"{target}?{urlencode(query, quote_via=quote)}"
        if not target.startswith("/v1.0"):
            target = f"/v1.0{target}"
        headers: CIMultiDict[str] = CIMultiDict({"Prefer": prefer} if prefer else {})
        return Call.of_target(method, target, headers, orjson.dumps(body) if body is not None else b"")

    async def asking(self, call: Call) -> Answer:
        return await self.graph.answer(call, Caller(self.email, self.scopes, self.application), ORIGIN)

    def ask(self, path: str, prefer: str | None = None, **query: Any) -> Asked:
        """GET; the dollar sign of an option is left out of its name here."""
        named = {name if name in _BARE else f"${name}": value for name, value in query.items()}
        return Asked(asyncio.run(self.asking(self.call("GET", path, named, prefer))))

    def send(self, method: str, path: str, body: Any = None, prefer: str | None = None) -> Asked:
        """Another method."""
        return Asked(asyncio.run(self.asking(self.call(method, path, {}, prefer, body))))

    def at_once(self, *calls: Call) -> list[Asked]:
        """Several requests at the same time."""

        async def everything() -> list[Answer]:
            return await asyncio.gather(*(self.asking(call) for call in calls))

        return [Asked(answer) for answer in asyncio.run(everything())]

    def subjects(self, path: str = "/me/messages", **query: Any) -> list[str]:
        """The subjects of what a list holds."""
        return [one["subject"] for one in self.ask(path, **query).value]

    def named(self, subject: str, prefer: str | None = None, path: str = "/me/messages") -> Any:
        """The message or event with that subject."""
        return next(one for one in self.ask(path, prefer, top=100).value if one["subject"] == subject)


def graph_of(*people: Person) -> Graph:
    """A Graph where these people have accounts."""
    graph = Graph(GraphAccounts(), Observer(fault_answer))
    graph.accounts.load(people)
    return graph
