"""How much later than the model's own the first token comes, without context and with it."""

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from lib.core.store import UserId
from scripts.benchmarks import questions
from scripts.benchmarks.figures import Figure, Part, Table, Target
from scripts.benchmarks.first_requests import Cast
from scripts.benchmarks.instances import Instance, Program, Refused, running
from scripts.benchmarks.load import MARK
from scripts.benchmarks.progress import say
from scripts.benchmarks.provider_proxy import ProviderProxy, provider_proxy
from scripts.benchmarks.relay import RELAYS
from scripts.benchmarks.rig import Rig, rig
from scripts.benchmarks.samples import interleaved, percentile
from scripts.benchmarks.surroundings import Ask, Person, Surroundings

ANSWERS = 40
QUICK_ANSWERS = 3
WARMING = 3
TOKENS = 5
SLOWED_SECONDS = 0.1
PATIENCE_SECONDS = 30.0
MOST_MILLISECONDS = 10.0
TIMES_SLOWEST, BESIDES_MILLISECONDS = 1.2, 60.0
ITSELF, WORD = "the model itself", "the model itself, its first word whole"
ADAPTER, PLAIN = "the adapter alone", "the function, no accounts"
CONNECTED, SLOWED = "the function, a Google account", "the same, Google slower by 100 ms a call"
MICROSOFT, MICROSOFT_SLOWED = "the function, a Microsoft account", "the same, Microsoft slower by 100 ms a call"
PROVIDERS = {CONNECTED: "Google", SLOWED: "Google", MICROSOFT: "Microsoft", MICROSOFT_SLOWED: "Microsoft"}
"""Whose account the person has, by what is asked."""
_ON_PURPOSE = re.compile(r"only the (first|newest) \d+ were read|\d+ more did not fit")
"""Why a context leaves out what there is too much of (lib/chat/context.py)."""

_METHOD = """\
From the sending of the GET until the first token of the text has come, on the same machine, one answer at a time, in
turns with the model itself, which is asked directly by the same client; what a relay takes longer than the model's
median is what it adds. The guard shows no word before it has ended, since a name may turn out to be a link: at fifty
tokens a second that is 20 ms later than its first letters, and what is added to a whole word is without this wait.
Without context the person has no connected accounts, so that what is added is identity, limits,
the claim of the run, the reading of the conversation, the budget and the first write to the log. With context the
person has a mailbox and calendars at the local Google or Microsoft, and each call to it is timed by a proxy between;
once as fast as it answers, and once with 100 ms more for each call, which is what the real one takes. The mailbox and
the calendars are read at the same time, but each takes several calls, one after the other: a list, then what it names.
Quotas are set so high that so many answers a minute stay within them. An answer that had to do without some of the
person's mail or events is counted, but not timed. {answers} answers each."""


@dataclass
class _Asked:
    """Milliseconds until the first token, and with context also what the provider took.

    `incomplete` answers had not all that the provider has; they are in none of the lists.
    """

    times: list[float] = field(default_factory=list)
    slowest: list[float] = field(default_factory=list)
    under_way: list[float] = field(default_factory=list)
    incomplete: int = 0

    @property
    def median(self) -> float:
        return percentile(self.times, 0.5)


async def measure(around: Surroundings, cast: Cast, answers: int) -> Part:
    """Ask all in turns."""
    await around.rest("tokens")
    say(f"first tokens, {answers} answers each")
    asked = {name: _Asked() for name in (ITSELF, WORD, ADAPTER, PLAIN, *PROVIDERS)}
    state = around.cloud.state
    async with (
        rig(around) as on,
        provider_proxy(state.endpoints.google, state.certificates) as google,
        provider_proxy(state.endpoints.microsoft, state.certificates) as microsoft,
    ):
        addresses = {"GOOGLE_API_ENDPOINT": google.url, "MICROSOFT_GRAPH_ENDPOINT": microsoft.url}
        environment = on.environment(TOKENS) | addresses
        async with (
            running(around, Program("stream", environment=environment), [on.core]) as stream,
            running(around, Program("stream", RELAYS / "adapter", environment=environment), [on.core]) as adapter,
        ):
            await stream.ready()
            await adapter.ready()
            asking = _Asking(around, cast, on, {"Google": google, "Microsoft": microsoft}, stream, adapter)
            for number, name in enumerate(interleaved(list(asked), WARMING + answers)):
                if number == WARMING * len(asked):
                    asked.update({each: _Asked() for each in asked})
                await asking.ask(name, asked[name])
    return _part(asked)


@dataclass
class _Asking:
    around: Surroundings
    cast: Cast
    on: Rig
    proxies: Mapping[str, ProviderProxy]
    stream: Instance
    adapter: Instance

    async def ask(self, name: str, into: _Asked) -> None:
        """One answer, up to its first token."""
        if name in (ITSELF, WORD):
            body = b'{"model": "measured", "stream": true}'
            own = Ask("POST", f"/{TOKENS}/v1/chat/completions", {"Content-Length": str(len(body))}, body)
            # A word has ended when the next one begins.
            into.times.append((await _first_token(self.on.model, own, b'"content":" ', 1 if name == ITSELF else 2))[0])
        elif name == ADAPTER:
            asked = await self.around.asked_by(self.cast.plain, "stream", "/relay")
            milliseconds, _ = await _first_token(self.adapter.port, asked, MARK)
            into.times.append(milliseconds)
        elif name == PLAIN:
            milliseconds, _ = await self._answer(self.cast.plain)
            into.times.append(milliseconds)
        else:
            await self._ask_with_context(name, into)

    async def _ask_with_context(self, name: str, into: _Asked) -> None:
        proxy = self.proxies[PROVIDERS[name]]
        proxy.calls.clear()
        proxy.delay = SLOWED_SECONDS if name in (SLOWED, MICROSOFT_SLOWED) else 0.0
        milliseconds, answer = await self._answer(
            self.cast.connected if PROVIDERS[name] == "Google" else self.cast.microsoft
        )
        if not has_all(answer):
            into.incomplete += 1
            return
        into.times.append(milliseconds)
        into.slowest.append(proxy.slowest * 1000)
        into.under_way.append(proxy.under_way * 1000)

    async def _answer(self, person: Person) -> tuple[float, str]:
        run_id = await asyncio.to_thread(questions.waiting, UserId(person.user))
        asked = await self.around.asked_by(person, "stream", f"/runs/{run_id}")
        return await _first_token(self.stream.port, asked, MARK)


def has_all(answer: str) -> bool:
    """Whether an answer of `stream` had mail and events, and lacked none of them but what there was too much of."""
    events = [json.loads(line[6:]) for line in answer.splitlines() if line.startswith('data: {"type":"data-context"')]
    if not events:
        return False
    told = events[-1]["data"]
    is_whole = all(_ON_PURPOSE.fullmatch(lacking["reason"]) for lacking in told["left_out"])
    return is_whole and told["events"] > 0 and told["mails"] > 0


async def _first_token(port: int, ask: Ask, mark: bytes, marks: int = 1) -> tuple[float, str]:
    """Milliseconds from the request until so many marks came, and the answer, which is read to its end.

    Raises `Refused`.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    headers = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "localhost", **ask.headers}.items())
    began = time.perf_counter()
    writer.write(f"{ask.method} {ask.target} HTTP/1.1\r\n{headers}\r\n".encode() + ask.body)
    received, milliseconds = b"", 0.0
    async with asyncio.timeout(PATIENCE_SECONDS):
        while chunk := await reader.read(65536):
            received += chunk
            if not milliseconds and received.count(mark) >= marks:
                milliseconds = (time.perf_counter() - began) * 1000
            if b"[DONE]" in received:
                break
    writer.close()
    if not milliseconds:
        raise Refused(f"{ask.target}: no token came: {received[-1000:].decode(errors='replace')}")
    return milliseconds, received.decode(errors="replace")


def _part(asked: dict[str, _Asked]) -> Part:
    own = asked[ITSELF].median
    figures = [
        Figure("added without context, p50", asked[PLAIN].median - own, "ms", Target(MOST_MILLISECONDS)),
        Figure("the same, added to the model's first whole word, p50", asked[PLAIN].median - asked[WORD].median, "ms"),
        Figure("added by the adapter and the streaming layer alone, p50", asked[ADAPTER].median - own, "ms"),
    ]
    for name, provider in PROVIDERS.items():
        one, added = asked[name], asked[name].median - own
        allowed = percentile(one.slowest, 0.5) * TIMES_SLOWEST + BESIDES_MILLISECONDS
        ours = added - percentile(one.under_way, 0.5)
        figures += [
            Figure(f"added with context, of slowest call × 1.2 + 60 ms; {name}", added / allowed, "×", Target(1.0)),
            Figure(f"added beside the time in which {provider} is waited for; {name}", ours, "ms"),
        ]
    rows = [[name, *_row(name, one)] for name, one in asked.items()]
    columns = (
        *("asked", "p50", "p95", "the provider's slowest call, p50", "some call to the provider under way, p50"),
        "answers without all of it",
    )
    lacking = {name: one.incomplete for name, one in asked.items() if one.incomplete}
    return Part(
        title="The first token",
        question="How much longer than for the model itself does a person wait for the first word?",
        method=_METHOD.format(answers=len(asked[PLAIN].times)),
        figures=figures,
        tables=[Table("Milliseconds to the first token", columns, rows)],
        conclusions=[
            f"Of what an account adds at the median, {_waited_for(asked, own)} some call to the provider is under way.",
            *(f"{number} answers had to do without mail or events: {name}." for name, number in lacking.items()),
        ],
    )


def _waited_for(asked: Mapping[str, _Asked], own: float) -> str:
    return ", ".join(
        f"{percentile(asked[name].under_way, 0.5):.0f} of {asked[name].median - own:.0f} ms ({name})"
        for name in PROVIDERS
    )


def _row(name: str, asked: _Asked) -> list[str]:
    known = [f"{percentile(values, 0.5):.1f}" if values else "–" for values in (asked.slowest, asked.under_way)]
    incomplete = str(asked.incomplete) if name in PROVIDERS else "–"
    return [f"{asked.median:.1f}", f"{percentile(asked.times, 0.95):.1f}", *known, incomplete]
