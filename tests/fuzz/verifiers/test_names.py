"""What names things in requests – pushes, identifiers, event ids: whatever comes is read, or refused as what it is."""

import json
from base64 import b64encode
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from lib.chat.reader import Resumption
from lib.core import events
from lib.core.errors import MalformedWebhook, NotFound
from lib.office import identifiers
from tests.fuzz.verifiers.altered import EXAMPLES, JSON, texts

ACCOUNT = "acc_" + "0v" * 12
RUN = "run_" + "0v" * 12
EVENT_ID = f"{RUN}:12:345"
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "messageId": st.just("1") | JSON,
        "message_id": st.just("1") | JSON,
        "data": st.binary(max_size=9).map(lambda data: b64encode(data).decode()) | st.text(max_size=9) | JSON,
        "attributes": st.dictionaries(st.text(max_size=5), st.text(max_size=5)) | JSON,
    },
)
PUSHES = st.fixed_dictionaries(
    {"message": MESSAGES | JSON}, optional={"deliveryAttempt": st.integers(1, 9) | JSON, "subscription": JSON}
)


@settings(max_examples=EXAMPLES)
@given((PUSHES | JSON).map(lambda value: json.dumps(value).encode()) | st.binary())
@example(b"[" * 100_000)
@example(b'{"message": {"messageId": "1"}, "deliveryAttempt": 1e999}')
@example(b'{"message": {"messageId": "1"}, "deliveryAttempt": ' + b"9" * 5000 + b"}")
def test_a_push_is_a_delivery_or_no_push(body: bytes) -> None:
    try:
        delivery = events.received(body)
    except MalformedWebhook:
        return
    assert delivery.message_id
    assert isinstance(delivery.data, bytes)
    assert all(isinstance(text, str) for text in [*delivery.attributes, *delivery.attributes.values()])
    assert delivery.attempt >= 1


@settings(max_examples=EXAMPLES)
@given(st.binary(max_size=40), st.dictionaries(st.text(max_size=5), st.text(max_size=5)), st.integers(1, 9))
def test_a_right_push_is_read_as_it_is(data: bytes, attributes: dict[str, str], attempt: int) -> None:
    message: dict[str, Any] = {"messageId": "7", "data": b64encode(data).decode(), "attributes": attributes}
    push = json.dumps({"message": message, "deliveryAttempt": attempt}).encode()
    assert events.received(push) == events.Delivery("7", data, attributes, attempt)


@settings(max_examples=EXAMPLES)
@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=3), st.data())
def test_an_identifier_is_one_that_was_made_or_names_nothing(provider_ids: list[str], data: st.DataObject) -> None:
    made, parts = identifiers.encode(ACCOUNT, *provider_ids), len(provider_ids)
    assert identifiers.decode(made, parts) == identifiers.Named(ACCOUNT, tuple(provider_ids))
    came = data.draw(texts(made) | st.text())
    try:
        named = identifiers.decode(came, parts)
    except NotFound:
        return
    assert identifiers.encode(named.account_id, *named.provider_ids) == came
    assert len(named.provider_ids) == parts


@settings(max_examples=EXAMPLES)
@given(st.none() | st.text() | texts(EVENT_ID))
@example(EVENT_ID)
@example(f"{RUN}:\u0661:1")
@example(f"{EVENT_ID}\n")
@example(f"{RUN}:{'9' * 5000}:1")
def test_an_event_id_says_where_or_nothing(event_id: str | None) -> None:
    resumption = Resumption.parse(event_id)
    if resumption is not None:
        place = [resumption.run_id, resumption.position.epoch, resumption.position.line]
        run, epoch, line = str(event_id).split(":")
        assert place == [run, int(epoch), int(line)]
        assert f"{run}{epoch}{line}".isascii()
