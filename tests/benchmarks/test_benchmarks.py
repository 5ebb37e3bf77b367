"""The benchmarks' own arithmetic, instruments and report; what they measure is asserted nowhere."""

import asyncio
import json
import queue
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from google.cloud import firestore
from hypothesis import given
from hypothesis import strategies as st

from lib.chat import wire
from scripts.benchmarks import cold_start, first_token, imported, load, relay, report, upstream
from scripts.benchmarks.__main__ import PARTS
from scripts.benchmarks.figures import Figure, Part, Table, Target
from scripts.benchmarks.firestore_proxy import FirestoreProxy, firestore_proxy
from scripts.benchmarks.rig import Broken
from scripts.benchmarks.samples import interleaved, percentile, ratio
from scripts.local.catalog import REPOSITORY
from scripts.local.preflight import free_port
from tests.briefly import Briefly

samples = st.lists(st.floats(0, 1e6), min_size=1)


@given(samples, st.floats(0.01, 1))
def test_a_percentile_is_a_sample_that_so_many_do_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) > sum(value < found for value in values)


def test_the_median_of_odd_samples_is_the_middle_one_and_of_none_there_is_none() -> None:
    assert percentile([3, 1, 2], 0.5) == 2
    with pytest.raises(ValueError, match="nothing was measured"):
        percentile([], 0.5)


def test_a_ratio_is_of_medians_so_that_one_slow_start_changes_nothing() -> None:
    assert ratio([2, 2, 900], [1, 1, 1]) == 2


@given(st.lists(st.integers(), unique=True, min_size=1), st.integers(1, 9))
def test_rivals_take_turns_and_none_always_goes_first(rivals: list[int], rounds: int) -> None:
    order = list(interleaved(rivals, rounds))
    assert Counter(order) == dict.fromkeys(rivals, rounds)
    assert order[: len(rivals)] == rivals
    assert order[len(rivals) : 2 * len(rivals)] in ([], rivals[::-1])


@pytest.mark.parametrize(
    ("value", "target", "verdict"),
    [
        (1.5, Target(1.5), "at most 1.50×: met"),
        (1.51, Target(1.5), "at most 1.50×: **missed**"),
        (4.0, Target(4, "at least"), "at least 4.00×: met"),
        (3.9, Target(4, "at least"), "at least 4.00×: **missed**"),
        (7.0, None, "recorded"),
    ],
)
def test_a_figure_says_what_it_had_to_keep_to_and_whether_it_did(
    value: float, target: Target | None, verdict: str
) -> None:
    figure = Figure("a figure", value, "×", target)
    assert figure.verdict == verdict
    assert figure.is_missed == verdict.endswith("**missed**")


def test_the_report_has_every_figure_and_whole_tables() -> None:
    figures = [Figure("one", 1.0, "ms", Target(2.0)), Figure("two", 3.0, "ms", Target(2.0)), Figure("three", 4.0, "")]
    part = Part("A part", "Why?", "So.", figures, [Table("Rows", ("a", "b"), [["1", "2|3"]])], ["It is so."])
    text = report.written([("cores", "2")], [part])
    assert "1 of 2 targets are met." in text
    for shown in (
        "| one | 1.00 ms | at most 2.00 ms: met |",
        "**missed**",
        "| three | 4.00 | recorded |",
        "| 1 | 2/3 |",
    ):
        assert shown in text
    tables = [block.split("\n") for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 4
    assert all(len({line.count("|") for line in table}) == 1 for table in tables)


def test_only_figures_that_have_a_target_are_counted_as_kept_or_missed() -> None:
    kept, missed = Figure("kept", 1.0, "ms", Target(2.0)), Figure("missed", 3.0, "ms", Target(2.0))
    recorded = Figure("recorded", 9.0, "ms")
    assert cold_start.outcome([kept, missed, recorded]) == [
        "1 of 2 figures that have a target keep to it.",
        "Missed: missed.",
    ]
    assert cold_start.outcome([kept, recorded]) == ["Every function keeps to its targets."]


def test_imports_are_read_from_what_python_writes_without_those_that_failed() -> None:
    program = "import json, google.auth\ntry:\n  import google.nothing\nexcept ImportError:\n  pass"
    command = [sys.executable, "-X", "importtime", "-c", program]
    log = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    modules = imported.modules(log)
    assert {"json", "json.decoder", "google.auth", "google.auth.version"} <= set(modules)
    clients = imported.google_clients([*modules, "google.nothing"])
    assert "google.auth" in clients
    assert not {"json", "google.nothing", "google.auth._default"} & set(clients)


def test_the_model_speaks_the_dialect_that_relays_read() -> None:
    async def asked() -> list[str]:
        port = free_port()
        serving = asyncio.create_task(upstream.serve(port))
        try:
            while not (said := await _said(port)):  # noqa: ASYNC110 (it listens a turn of the loop later)
                await asyncio.sleep(0)
            return said
        finally:
            serving.cancel()

    said = asyncio.run(asked())
    events = [json.loads(line.removeprefix("data: ")) for line in said[:-1]]
    assert said[-1] == "data: [DONE]"
    assert "".join(event["choices"][0]["delta"].get("content", "") for event in events) == " The morning is"
    assert events[-1]["choices"][0]["finish_reason"] == "stop"


@given(st.lists(st.integers(1, 40), min_size=1))
def test_a_reader_counts_every_token_however_the_stream_is_cut(cuts: list[int]) -> None:
    stream = b"retry: 500\n\n" + b'id: r:1:1\ndata: {"type":"text-delta","id":"answer","delta":" a"}\n\n' * 5

    async def counted() -> int:
        reading, rest = load.Listening(b""), stream
        for cut in cuts:
            reading.data_received(rest[:cut])
            rest = rest[cut:]
        reading.data_received(rest)
        assert reading.begun.done()
        return len(reading.delays)

    assert asyncio.run(counted()) == 5


@pytest.mark.parametrize(
    ("events", "mails", "reason", "whole"),
    [
        (3, 4, None, True),
        (3, 4, "only the newest 40 were read", True),
        (3, 4, "12 more did not fit", True),
        (3, 4, "The provider asks for fewer requests", False),
        (3, 0, None, False),
        (0, 4, None, False),
    ],
)
def test_an_answer_without_all_mail_and_events_does_not_count(
    events: int, mails: int, reason: str | None, whole: bool
) -> None:
    left_out = [{"what": "mail", "account": "", "reason": reason}] if reason else []
    told = wire.Data("context", {"events": events, "mails": mails, "left_out": left_out})
    assert first_token.has_all(f"id: r:1:1\ndata: {wire.encode(told)}\n\ndata: [DONE]\n\n") == whole
    assert not first_token.has_all("data: [DONE]")


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_the_limit_is_a_load_that_was_kept_and_to_a_tenth_the_greatest(first: int, limit: int) -> None:
    async def cost_in_time(streams: int) -> float | None:
        return 1000 / streams if streams <= limit else None

    most, cost = asyncio.run(relay.most_in_time(first, cost_in_time))
    assert 1 <= most <= limit
    assert limit < most + max(2, round(most / 10))
    assert cost == 1000 / most


def test_no_load_is_called_a_limit_that_was_not_kept() -> None:
    async def too_much(_: int) -> None:
        return None

    with pytest.raises(Broken):
        asyncio.run(relay.most_in_time(40, too_much))


@pytest.mark.parametrize("closing", [True, False])
def test_streams_that_end_are_not_measured(closing: bool) -> None:
    """Those that the server closes, and those after which the connection could serve on."""
    token = b'data: {"type":"text-delta"}\n\n'
    chunk = b"%x\r\n%b\r\n" % (len(token), token)

    async def measured() -> load.Heard:
        ending, ended = asyncio.Event(), asyncio.Event()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
            await ending.wait()
            if closing:
                writer.close()
            else:
                writer.write(b"0\r\n\r\n")
                await writer.drain()
            ended.set()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            stream: dict[str, Any] = {"port": server.sockets[0].getsockname()[1], "target": "/", "headers": {}}
            readers = load.Load()
            await readers.obey({"open": [stream]})
            alive = await readers.obey({"measure": 0})
            ending.set()
            await ended.wait()
            with pytest.raises(ConnectionError, match="1 of 1 streams have ended"):
                await readers.obey({"measure": 0.1})
            await readers.obey({"close": True})
            return load.Heard(**alive)

    assert asyncio.run(measured()).tokens == 0


async def _said(port: int) -> list[str]:
    """The lines of an answer of three tokens; none while nobody listens."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return []
    writer.write(b"POST /3/v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    text = (await reader.readuntil(b"[DONE]\n\n")).decode()
    writer.close()
    return [line for line in text.split("\n") if line.startswith("data:")]


def test_documents_are_counted_where_they_are_written(briefly: Briefly) -> None:
    async def counted() -> FirestoreProxy:
        emulator = briefly.state.endpoints.firestore.removeprefix("http://")
        async with firestore_proxy(emulator) as proxy:
            await asyncio.to_thread(_write, proxy.host)
            return proxy

    proxy = asyncio.run(counted())
    assert proxy.writes == {"counted": 2, "others": 2}
    assert proxy.calls == {"Commit": 3, "BatchGetDocuments": 2, "RunQuery": 2, "RunAggregationQuery": 1}
    assert (proxy.reads, proxy.deletes) == (1 + 1 + 2 + 1 + 1, 1)
    proxy.clear()
    assert (proxy.writes.total(), proxy.calls.total(), proxy.reads, proxy.deletes) == (0, 0, 0, 0)


def _write(host: str) -> None:
    """Three documents and a deletion; one read and one that is not there, a list of two, an empty one, a count."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIRESTORE_EMULATOR_HOST", host)
        client = firestore.Client(project="counting")
        first = client.collection("counted").document("first")
        batch = client.batch()
        batch.set(first, {"is": "written"})
        batch.set(client.collection("counted").document("second"), {"is": "written"})
        batch.commit()
        client.document("counted/first/others/third").set({"is": "written"})
        client.document("counted/first/others/third").delete()
        assert first.get().to_dict() == {"is": "written"}
        assert not client.document("counted/never").get().exists
        assert len(client.collection("counted").get()) == 2
        assert client.collection("nothing").get() == []
        assert client.collection("counted").count().get()[0][0].value == 2
        client.close()


def test_what_listeners_are_told_is_counted_as_read(briefly: Briefly) -> None:
    async def counted() -> list[int]:
        emulator = briefly.state.endpoints.firestore.removeprefix("http://")
        async with firestore_proxy(emulator) as proxy:
            return await asyncio.to_thread(_listen, proxy)

    assert asyncio.run(counted()) == [1, 2, 3]


def _listen(proxy: FirestoreProxy) -> list[int]:
    """Reads after a listener learnt of nothing, of a new document, and of its change."""
    reads: list[int] = []
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FIRESTORE_EMULATOR_HOST", proxy.host)
        client = firestore.Client(project="listening")
        told: queue.SimpleQueue[int] = queue.SimpleQueue()
        watched = client.collection("watched")
        listening = watched.on_snapshot(lambda documents, *_: told.put(len(documents)))
        assert told.get(timeout=20) == 0
        reads.append(proxy.reads)
        for number in range(2):
            watched.document("one").set({"number": number})
            assert told.get(timeout=20) == 1
            reads.append(proxy.reads)
        listening.unsubscribe()
        watched.document("one").delete()
        client.close()
    return reads


@pytest.mark.long
@pytest.mark.parametrize("part", PARTS)
def test_every_part_runs(part: str) -> None:
    command = ["scripts/bench", part, "--quick"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# Benchmarks")
    assert done.stdout.count("**What we conclude.**") == 1
