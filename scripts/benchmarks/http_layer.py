"""What the whole HTTP layer costs a warm request, beside a bare function that does the same read from Firestore."""

import time

import aiohttp

from scripts.benchmarks import peers
from scripts.benchmarks.figures import Figure, Part, Table, Target
from scripts.benchmarks.first_requests import Cast
from scripts.benchmarks.instances import Instance, Program, Refused, running
from scripts.benchmarks.progress import say
from scripts.benchmarks.samples import interleaved, percentile
from scripts.benchmarks.surroundings import Ask, Surroundings
from scripts.local.project import PROJECT

REQUESTS = 1000
QUICK_REQUESTS = 20
WARMING = 50
MOST_MILLISECONDS = 3.0
LAYER, BARE = "users, GET /me", "bare function, same read"

_METHOD = """\
Two warm instances, one of `users` and one of a bare functions-framework function that reads the very document which
`GET /me` reads, are asked in turns, {requests} times each, over one kept connection each, one request at a time. Ours
verifies the service token and the session, looks for the mark of a deletion, counts the request against the person's
rate as ever, routes, validates, reads, writes the model out and logs the request; the bare function reads and
answers."""


async def measure(around: Surroundings, cast: Cast, requests: int) -> Part:
    """Ask both in turns."""
    say(f"the HTTP layer, {requests} requests to either side")
    folder, document = around.cloud.state.folder / "peers" / "same-read", f"users/{cast.plain.user}"
    peers.write(folder, imports=(), asgi=False, project=PROJECT, document=document)
    samples: dict[str, list[float]] = {LAYER: [], BARE: []}
    async with (
        running(around, Program("users")) as ours,
        running(around, Program("users", source=folder)) as bare,
        aiohttp.ClientSession() as session,
    ):
        instances = {LAYER: ours, BARE: bare}
        for instance in instances.values():
            await instance.ready()
        for number, name in enumerate(interleaved(list(instances), WARMING + requests)):
            ask = await around.asked_by(cast.plain, "users", "/me")
            milliseconds = await _asked(session, instances[name], ask)
            if number >= 2 * WARMING:
                samples[name].append(milliseconds)
    return _part(samples)


async def _asked(session: aiohttp.ClientSession, instance: Instance, ask: Ask) -> float:
    """How many milliseconds the answer takes. Raises `Refused`."""
    began = time.perf_counter()
    async with session.get(f"http://127.0.0.1:{instance.port}{ask.target}", headers=ask.headers) as answer:
        await answer.read()
    milliseconds = (time.perf_counter() - began) * 1000
    if answer.status != 200:
        raise Refused(f"{ask.target}: {answer.status}; {instance.last_words}")
    return milliseconds


def _part(samples: dict[str, list[float]]) -> Part:
    added = percentile(samples[LAYER], 0.5) - percentile(samples[BARE], 0.5)
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    figures = [
        Figure("the HTTP layer, added to a request at p50", added, "ms", Target(MOST_MILLISECONDS)),
        *(
            Figure(f"the same at {name}", percentile(samples[LAYER], share) - percentile(samples[BARE], share), "ms")
            for name, share in list(shares.items())[1:]
        ),
    ]
    rows = [
        [name, *(f"{percentile(taken, share):.2f}" for share in shares.values())] for name, taken in samples.items()
    ]
    return Part(
        title="The HTTP layer",
        question="What does a request pay for identity, limits, validation, problems and the log?",
        method=_METHOD.format(requests=len(samples[LAYER])),
        figures=figures,
        tables=[Table("Milliseconds", ("asked", *shares), rows)],
        conclusions=[
            f"The layer adds {added:.2f} ms to a request that takes {percentile(samples[BARE], 0.5):.2f} ms without it."
        ],
    )
