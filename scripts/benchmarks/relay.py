"""How many answers one core relays, and what a thousand tokens cost, beside a minimal relay on OpenAI's client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from statistics import median

from lib.chat import store
from lib.core import clock
from lib.core.store import UserId
from scripts.benchmarks import questions
from scripts.benchmarks.figures import Figure, Part, Table, Target
from scripts.benchmarks.first_requests import Cast
from scripts.benchmarks.instances import Instance, Program, running
from scripts.benchmarks.progress import say
from scripts.benchmarks.rig import ENDLESS, Broken, Rig, rig
from scripts.benchmarks.samples import interleaved, ratio
from scripts.benchmarks.surroundings import Ask, Surroundings
from scripts.benchmarks.upstream import TOKENS_PER_SECOND
from scripts.local.catalog import REPOSITORY

RELAYS = REPOSITORY / "scripts" / "benchmarks" / "relays"
PEER = "AsyncOpenAI relay"
ADAPTER = "without the run log"
LOGGED = "with the run log"
TAILED = "with the run log, tailed"
MOST_DELAY_MILLISECONDS = 50.0
LEAST = {ADAPTER: 4.0, LOGGED: 2.0}
TAILING_TOLD_EVERY_SECONDS = 2.0

_METHOD = """\
A server of one relay runs on a core of its own; the model, the readers, Firestore and all else on the others. The model
is a server of ours that speaks OpenAI's dialect and sends fifty tokens a second to each stream; the readers note when
each token comes. CPU is that of the relay's processes, first at {streams} streams and then at the limit: the most
streams that all last and of whose tokens no more than one in a hundred comes later than 50 ms after the one before,
found by adding a tenth at a time to a load that was kept. Few streams leave the core idle between two tokens, and
waking up costs every relay the same. The peer is the least that relays: OpenAI's own asynchronous client, a generator
and a streaming response, under the same functions-framework. Ours without the run log is the adapter behind the
streaming layer, no Firestore; with it, it is the function `stream` as it is deployed, from claim to guard and log, for
a person without connected accounts; tailed, it was told that somebody reads along on another instance, so that it
writes four times a second instead of once. {rounds} rounds, in turns; medians."""


@dataclass(frozen=True)
class Effort:
    """How thoroughly: streams of the equal load, seconds to settle and to listen, and whether the limit is sought."""

    rounds: int = 2
    streams: int = 40
    settling: float = 1.0
    listening: float = 4.0
    probing: float = 2.0
    seeks_limit: bool = True


THOROUGH = Effort()
QUICK = Effort(rounds=1, streams=5, settling=0.2, listening=0.5, seeks_limit=False)


@dataclass
class _Relay:
    """What relays, and what came of it each time; CPU in milliseconds per thousand tokens, delay in milliseconds."""

    program: Program
    is_logged: bool = False
    is_tailed: bool = False
    cpu: list[float] = field(default_factory=list)
    delay: list[float] = field(default_factory=list)
    most: list[float] = field(default_factory=list)
    cpu_at_most: list[float] = field(default_factory=list)


async def measure(around: Surroundings, cast: Cast, effort: Effort = THOROUGH) -> Part:
    """Load the relays in turns."""
    await around.rest()
    async with rig(around) as on:
        environment = on.environment(ENDLESS)
        relays = {
            PEER: _Relay(Program("stream", RELAYS / "async_openai", environment=environment)),
            ADAPTER: _Relay(Program("stream", RELAYS / "adapter", environment=environment)),
            LOGGED: _Relay(Program("stream", environment=environment), is_logged=True),
            TAILED: _Relay(Program("stream", environment=environment), is_logged=True, is_tailed=True),
        }
        for name in interleaved(list(relays), effort.rounds):
            say(f"relays on one core: {name}, up to its limit" if effort.seeks_limit else f"relays on one core: {name}")
            await _Loading(around, cast, on, relays[name], effort).load()
    return _part(relays, effort)


async def most_in_time(first: int, cost_in_time: Callable[[int], Awaitable[float | None]]) -> tuple[int, float]:
    """The greatest load that was seen to be kept, to a tenth, and its cost; `cost_in_time` is None for one too great.

    Looks at `first`, at half of it as long as that is too much, and then a tenth higher each time. Raises `Broken` when
    not even one stream was kept.
    """
    most, cost, streams = 0, 0.0, first
    while True:
        found = await cost_in_time(streams)
        if found is not None:
            most, cost = streams, found
            streams += max(2, round(streams / 10))
        elif most:
            return most, cost
        elif streams > 1:
            streams //= 2
        else:
            raise Broken("not even one stream came in time")


@dataclass
class _Loading:
    """An instance of a relay under growing load; for less, a new one, since answers go on without readers."""

    around: Surroundings
    cast: Cast
    on: Rig
    relay: _Relay
    effort: Effort
    open: int = 0
    runs: list[str] = field(default_factory=list)
    _started: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def load(self) -> None:
        """The equal load, and then the limit."""
        try:
            instance = await self._start()
            await self._grow(instance, self.effort.streams)
            cpu, delay = await self._listen(instance, self.effort.listening)
            self.relay.cpu.append(cpu)
            self.relay.delay.append(delay)
            if self.effort.seeks_limit:
                await self._seek_limit(instance, cpu)
        finally:
            await self._started.aclose()

    async def _start(self) -> Instance:
        """A new instance without load, in the place of the one before."""
        await self._started.aclose()
        self.open, self.runs = 0, []
        instance = await self._started.enter_async_context(running(self.around, self.relay.program, [self.on.core]))
        await instance.ready()
        self._started.push_async_callback(self.on.close)
        await self._started.enter_async_context(self._tailed())
        return instance

    async def _listen(self, instance: Instance, seconds: float) -> tuple[float, float]:
        """CPU per thousand tokens, and the delay that one in a hundred exceeds. Raises `Broken`."""
        before = instance.used.cpu_seconds
        heard = await self.on.hear(seconds)
        spent = instance.used.cpu_seconds - before
        if not heard.tokens:
            raise Broken(f"no token came within {seconds} s")
        return spent * 1000 / (heard.tokens / 1000), heard.p99

    async def _seek_limit(self, instance: Instance, cpu: float) -> None:
        """The most streams whose tokens come in time, and what their tokens cost."""

        async def cpu_in_time(streams: int) -> float | None:
            nonlocal instance
            if streams < self.open:
                instance = await self._start()
            try:
                await self._grow(instance, streams - self.open)
                return await self._cpu_if_in_time(instance)
            except Broken:
                return None

        full = 1_000_000 / TOKENS_PER_SECOND / cpu
        most, cpu_at_most = await most_in_time(max(self.open, round(full * 0.6)), cpu_in_time)
        self.relay.most.append(most)
        self.relay.cpu_at_most.append(cpu_at_most)

    async def _cpu_if_in_time(self, instance: Instance) -> float | None:
        """A second look, if the first one finds delays, tells chance from a limit. Raises `Broken`."""
        for _ in range(2):
            cpu, delay = await self._listen(instance, self.effort.probing)
            if delay < MOST_DELAY_MILLISECONDS:
                return cpu
        return None

    async def _grow(self, instance: Instance, streams: int) -> None:
        """Raises `Broken`; the load counts as grown even so."""
        if not streams:
            return
        self.open += streams
        await self.on.open(instance, [await self._ask() for _ in range(streams)])
        await asyncio.sleep(self.effort.settling)

    async def _ask(self) -> Ask:
        if not self.relay.is_logged:
            return await self.around.asked_by(self.cast.plain, "stream", "/relay")
        run_id = await asyncio.to_thread(questions.waiting, UserId(self.cast.plain.user))
        self.runs.append(run_id)
        return await self.around.asked_by(self.cast.plain, "stream", f"/runs/{run_id}")

    @asynccontextmanager
    async def _tailed(self) -> AsyncIterator[None]:
        """Say for as long as the block what readers on another instance would say."""
        if not self.relay.is_tailed:
            yield
            return
        telling = asyncio.create_task(self._tell())
        try:
            yield
        finally:
            telling.cancel()

    async def _tell(self) -> None:
        user, instances = UserId(self.cast.plain.user), dict[str, str]()
        while True:
            for run_id in list(self.runs):
                if run_id not in instances:
                    run = await asyncio.to_thread(store.run, user, run_id)
                    if run is None or run.instance is None:
                        continue
                    instances[run_id] = run.instance
                await asyncio.to_thread(store.signal, instances[run_id], run_id, tailed=clock.now())
            await asyncio.sleep(TAILING_TOLD_EVERY_SECONDS)


def _part(relays: Mapping[str, _Relay], effort: Effort) -> Part:
    peer = relays[PEER]
    figures: list[Figure] = []
    for name in (ADAPTER, LOGGED, TAILED):
        target, relay = Target(LEAST[name], "at least") if name in LEAST else None, relays[name]
        multiples = {f"tokens per CPU second at {effort.streams} streams": ratio(peer.cpu, relay.cpu)}
        if effort.seeks_limit:
            at_most = ratio(peer.cpu_at_most, relay.cpu_at_most)
            multiples = {
                "streams on one core": ratio(relay.most, peer.most),
                "tokens per CPU second at the limit": at_most,
            } | multiples
        figures += [Figure(f"{what}, {name}", multiple, "×", target) for what, multiple in multiples.items()]
    columns = ("relay", "CPU ms per 1,000 tokens", "p99 delay, ms", "most streams", "CPU ms per 1,000 tokens then")
    rows = [[name, *_medians(one)] for name, one in relays.items()]
    log = median(relays[LOGGED].cpu) - median(relays[ADAPTER].cpu)
    return Part(
        title="Relaying",
        question="How many answers does one core stream at once, and what does a token cost?",
        method=_METHOD.format(streams=effort.streams, rounds=effort.rounds),
        figures=figures,
        tables=[Table("One core, fifty tokens a second to each stream", columns, rows)],
        conclusions=[
            f"Of the {median(relays[LOGGED].cpu):.0f} ms that the deployed function takes for a thousand tokens, "
            f"{log:.0f} go into what makes an answer survive: the run, its log, the guard before the reader."
        ],
    )


def _medians(relay: _Relay) -> list[str]:
    found = (relay.cpu, relay.delay, relay.most, relay.cpu_at_most)
    return [f"{median(values):.0f}" if values else "–" for values in found]
