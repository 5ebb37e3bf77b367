"""Clerk's webhooks: whatever comes with whatever headers, only what Clerk signed, and lately, is taken."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from lib.core import clock
from lib.core.errors import InvalidSignature
from lib.users.clerk import webhooks as clerk
from tests.core.proofs import mounted
from tests.fuzz.verifiers.altered import EXAMPLES, blobs, texts

KEY = "whsec_a2V5cy1vZi10ZXN0cy1rZXlzLW9mLXRlc3Rz"
NAME = "msg_2a"
# Of a kind that is verified, and then not needed.
BODY = json.dumps({"type": "email.created", "data": {"id": "sess_1"}}).encode()
PARTS = ("id", "timestamp", "signature")


@pytest.fixture(scope="module", autouse=True)
def _mounted_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with mounted(tmp_path_factory.mktemp("secrets"), clerk.SECRET, KEY):
        yield


def headers(age: int = 0, body: bytes = BODY) -> dict[str, str]:
    """What Clerk sends beside a body."""
    stamp = int(clock.timestamp()) - age
    signature = Webhook(KEY).sign(NAME, datetime.fromtimestamp(stamp, UTC), body.decode())
    return {"svix-id": NAME, "svix-timestamp": str(stamp), "svix-signature": signature}


@pytest.mark.parametrize("part", PARTS)
@settings(max_examples=EXAMPLES)
@given(st.data())
def test_an_altered_header_is_refused(part: str, data: st.DataObject) -> None:
    right = headers()
    altered = data.draw(texts(right[f"svix-{part}"]))
    # Several signatures may come, of which one has to be right: https://docs.svix.com/receiving/verifying-payloads/how-manual
    if part == "signature" and right["svix-signature"] in altered.split(" "):
        assert clerk.hand_on(BODY, right | {"svix-signature": altered}) is False
        return
    with pytest.raises(InvalidSignature):
        clerk.hand_on(BODY, right | {f"svix-{part}": altered})


@pytest.mark.parametrize("spelling", ["+{}", "0{}", " {}", "{}\n", "{}.0", "{:_}"])
def test_a_time_is_spelled_in_one_way(spelling: str) -> None:
    right = headers()
    with pytest.raises(InvalidSignature):
        clerk.hand_on(BODY, right | {"svix-timestamp": spelling.format(int(right["svix-timestamp"]))})


@settings(max_examples=EXAMPLES)
@given(st.dictionaries(st.sampled_from([f"svix-{part}" for part in PARTS]), st.text(max_size=30)))
@example({"svix-id": NAME, "svix-timestamp": "9" * 5000, "svix-signature": "v1,"})
@example({"svix-id": NAME, "svix-timestamp": "1e9", "svix-signature": "v1,====="})
def test_headers_that_nobody_signed_are_refused(made_up: dict[str, str]) -> None:
    with pytest.raises(InvalidSignature):
        clerk.hand_on(BODY, made_up)


@settings(max_examples=EXAMPLES)
@given(blobs(BODY) | st.binary())
def test_another_body_than_the_signed_one_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidSignature):
        clerk.hand_on(body, headers())


@settings(max_examples=EXAMPLES)
@given(st.integers(-10_000, 10_000))
def test_it_has_to_be_of_about_now(age: int) -> None:
    # Within a second of the limit, the clock decides.
    if abs(age) <= clerk.TOLERANCE_SECONDS - 1:
        assert clerk.hand_on(BODY, headers(age)) is False
    elif abs(age) > clerk.TOLERANCE_SECONDS + 1:
        with pytest.raises(InvalidSignature):
            clerk.hand_on(BODY, headers(age))


@settings(max_examples=EXAMPLES)
@given(st.lists(st.sampled_from(["v1,AAAA", "v1a,é", "nonsense", "", "v2,"]), max_size=5), st.data())
def test_a_right_signature_counts_among_others(others: list[str], data: st.DataObject) -> None:
    right = headers()
    place = data.draw(st.integers(0, len(others)))
    together = " ".join([*others[:place], right["svix-signature"], *others[place:]])
    assert clerk.hand_on(BODY, right | {"svix-signature": together}) is False
