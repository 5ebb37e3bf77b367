"""Events are read alike, however the body is cut and whichever line ends it uses."""

import asyncio
from collections.abc import AsyncGenerator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.ai import sse
from lib.ai.errors import ModelUnavailable


def read(body: bytes, cuts: list[int]) -> list[bytes]:
    """The data of the events in a body that comes in pieces."""
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]

    async def chunks() -> AsyncGenerator[bytes, None]:
        for start, end in pairwise(places):
            yield body[start:end]

    async def collect() -> list[bytes]:
        return [data async for data in sse.events(chunks())]

    return asyncio.run(collect())


@given(st.sampled_from([b"\n", b"\r\n", b"\r"]), st.lists(st.integers(0, 200), max_size=30))
def test_events_do_not_depend_on_cuts_or_line_ends(end: bytes, cuts: list[int]) -> None:
    lines = [
        b": comment",
        b"event: x",
        b'data: {"a": 1}',
        b"id: 7",
        b"",
        b"data:two",
        b"data:  lines",
        b"",
        b"",
        b"data",
    ]
    lines += ["data: é東".encode(), b"", b"data: cut off"]
    assert read(end.join(lines), cuts) == [b'{"a": 1}', b"two\n lines", "é東".encode()]


@pytest.mark.parametrize("body", [b"data: x\n\n", b"data: x\r\r", b"data: x\r\n\r\n"])
def test_the_last_event_may_end_with_the_body(body: bytes) -> None:
    assert read(body, list(range(len(body)))) == [b"x"]


def test_an_endless_event_is_refused() -> None:
    with pytest.raises(ModelUnavailable):
        read(b"data: " + b"x" * (sse.MAXIMUM_EVENT_BYTES + 1), [])
