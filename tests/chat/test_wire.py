"""Chunks as front ends read them, and sources at their first mark."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.chat import wire
from lib.chat.citations import Citations, Source


@pytest.mark.parametrize(
    ("chunk", "document"),
    [
        (wire.Start("msg_1"), {"type": "start", "messageId": "msg_1"}),
        (wire.Start("m", {"a": 1}), {"type": "start", "messageId": "m", "messageMetadata": {"a": 1}}),
        (wire.TextStart("t"), {"type": "text-start", "id": "t"}),
        (wire.TextDelta("t", "é\n"), {"type": "text-delta", "id": "t", "delta": "é\n"}),
        (wire.TextEnd("t"), {"type": "text-end", "id": "t"}),
        (
            wire.SourceDocument("s", "message/rfc822", "Hi", {"ref": "m1"}),
            {
                "type": "source-document",
                "sourceId": "s",
                "mediaType": "message/rfc822",
                "title": "Hi",
                "providerMetadata": {"briefly": {"ref": "m1"}},
            },
        ),
        (
            wire.SourceUrl("s", "https://a.example", "Hi"),
            {"type": "source-url", "sourceId": "s", "url": "https://a.example", "title": "Hi"},
        ),
        (wire.Data("left-out", [1]), {"type": "data-left-out", "data": [1]}),
        (wire.Data("x", 1, "i", True), {"type": "data-x", "data": 1, "id": "i", "transient": True}),
        (wire.MessageMetadata({"a": 1}), {"type": "message-metadata", "messageMetadata": {"a": 1}}),
        (wire.Finish("stop"), {"type": "finish", "finishReason": "stop"}),
        (wire.Abort(), {"type": "abort"}),
        (wire.Abort("stopped"), {"type": "abort", "reason": "stopped"}),
        (wire.Error("Sorry"), {"type": "error", "errorText": "Sorry"}),
    ],
)
def test_a_chunk_is_written_as_the_protocol_has_it(chunk: wire.Chunk, document: dict[str, Any]) -> None:
    assert json.loads(wire.encode(chunk)) == document


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_chunk_is_one_line_whatever_it_holds(text: str) -> None:
    line = wire.encode(wire.TextDelta("t", text))
    assert "\n" not in line
    assert "\r" not in line
    assert json.loads(line)["delta"] == text


SOURCES = [
    Source("e1", "event", "acc.1", "Review", "acc", "https://calendar.example/1"),
    Source("m1", "mail", "acc.2", "Contract", "acc"),
    Source("m12", "mail", "acc.3", "Crane", "acc"),
]


@given(st.lists(st.integers(0, 100), max_size=20))
def test_sources_come_once_each_in_the_order_of_their_marks(cuts: list[int]) -> None:
    text = "At ten [m12]. Then [E1, m1] and [e1][m9] [m1x] [draft"
    citations = Citations(SOURCES)
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    found = [chunk for start, end in pairwise(places) for chunk in citations.feed(text[start:end])]
    assert [chunk.source_id for chunk in found] == ["acc.3", "acc.1", "acc.2"]
    assert [source.ref for source in citations.cited] == ["m12", "e1", "m1"]


def test_a_source_with_a_page_is_a_link_and_one_without_is_a_document() -> None:
    event, mail = Citations(SOURCES).feed("[e1] [m1]")
    assert event.document() == {
        "type": "source-url",
        "sourceId": "acc.1",
        "url": "https://calendar.example/1",
        "title": "Review",
        "providerMetadata": {"briefly": {"kind": "event", "ref": "e1", "account_id": "acc"}},
    }
    assert (mail.document()["type"], mail.document()["mediaType"]) == ("source-document", "message/rfc822")


def test_a_mark_is_found_as_soon_as_it_is_complete() -> None:
    citations = Citations(SOURCES)
    assert [len(citations.feed(piece)) for piece in ("see [", "m", "1", "]", " [m1]")] == [0, 0, 0, 1, 0]
