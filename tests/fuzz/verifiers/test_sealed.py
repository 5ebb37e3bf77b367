"""What a keyset sealed opens as it was and where it was, or not at all."""

import pytest
import tink
from hypothesis import given, settings
from hypothesis import strategies as st
from tink import aead

from lib.core.keys import SEALED_VERSION, Keyset, Unreadable
from tests.fuzz.verifiers.altered import EXAMPLES, blobs, texts

PLACE = "users/user_ada/tokens/acc_1"


@pytest.fixture(scope="module")
def keyset() -> Keyset:
    aead.register()
    return Keyset(tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM))


@settings(max_examples=EXAMPLES)
@given(st.binary(max_size=300), st.text(max_size=40))
def test_what_is_sealed_opens_again(keyset: Keyset, plain: bytes, place: str) -> None:
    assert keyset.open(keyset.seal(plain, place), place) == plain


@settings(max_examples=EXAMPLES)
@given(st.data())
def test_what_was_altered_does_not_open(keyset: Keyset, data: st.DataObject) -> None:
    sealed = keyset.seal(b"a token", PLACE)
    with pytest.raises(Unreadable):
        keyset.open(data.draw(blobs(sealed)), PLACE)


@settings(max_examples=EXAMPLES)
@given(st.binary(max_size=80) | st.binary(max_size=80).map(lambda data: SEALED_VERSION + data))
def test_what_was_never_sealed_does_not_open(keyset: Keyset, data: bytes) -> None:
    with pytest.raises(Unreadable):
        keyset.open(data, PLACE)


@settings(max_examples=EXAMPLES)
@given(texts(PLACE) | st.text())
def test_it_opens_at_no_other_place(keyset: Keyset, place: str) -> None:
    if place != PLACE:
        with pytest.raises(Unreadable):
            keyset.open(keyset.seal(b"a token", PLACE), place)
