"""The benchmarks' own arithmetic, instruments and report; what they measure is asserted nowhere."""

import asyncio
import json
import subprocess
import sys
from collections import Counter

import pytest
from google.cloud import firestore
from hypothesis import given
from hypothesis import strategies as st

from scripts.benchmarks import imported, load, report, upstream
from scripts.benchmarks.__main__ import PARTS
from scripts.benchmarks.figures import Figure, Part, Table, Target
from scripts.benchmarks.firestore_proxy import FirestoreProxy, firestore_proxy
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
    assert proxy.calls == {"Commit": 3, "BatchGetDocuments": 2, "RunQuery": 2}
    assert (proxy.reads, proxy.deletes) == (1 + 1 + 2 + 1, 1)
    proxy.clear()
    assert (proxy.writes.total(), proxy.calls.total(), proxy.reads, proxy.deletes) == (0, 0, 0, 0)


def _write(host: str) -> None:
    """Three documents and a deletion; a document read and one that is not there, a list of two and an empty one."""
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
        client.close()


@pytest.mark.long
@pytest.mark.parametrize("part", PARTS)
def test_every_part_runs(part: str) -> None:
    command = ["scripts/bench", part, "--quick"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# Benchmarks")
    assert done.stdout.count("**What we conclude.**") == 1
