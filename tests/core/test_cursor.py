"""Cursors open only for the person and the list that they were made for."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.core import cursor
from lib.core.errors import InvalidCursor
from lib.core.store import UserId
from tests.core.proofs import mounted
from tests.fuzz.verifiers.altered import EXAMPLES, texts

ADA, BRAM = UserId("user_ada"), UserId("user_bram")


@pytest.fixture(scope="module", autouse=True)
def _mounted_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with mounted(tmp_path_factory.mktemp("secrets"), cursor.SECRET, "a key of tests"):
        yield


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.none())))
def test_a_cursor_gives_back_its_position(position: dict[str, object]) -> None:
    assert cursor.decode(ADA, "mail", cursor.encode(ADA, "mail", position)) == position


def test_a_cursor_is_of_no_use_to_another_person_or_for_another_list() -> None:
    made = cursor.encode(ADA, "mail", {"page": "2"})
    for person, listing in ((BRAM, "mail"), (ADA, "events")):
        with pytest.raises(InvalidCursor):
            cursor.decode(person, listing, made)


@given(st.text(max_size=200))
def test_any_text_that_is_no_cursor_is_refused_as_such(text: str) -> None:
    with pytest.raises(InvalidCursor):
        cursor.decode(ADA, "mail", text)


@settings(max_examples=EXAMPLES)
@given(st.data())
def test_a_changed_cursor_is_refused(data: st.DataObject) -> None:
    made = cursor.encode(ADA, "mail", {"page": "2"})
    with pytest.raises(InvalidCursor):
        cursor.decode(ADA, "mail", data.draw(texts(made)))


def test_nothing_can_be_put_into_a_cursor() -> None:
    made = cursor.encode(ADA, "mail", {"page": "2"})
    for place in range(len(made) + 1):
        with pytest.raises(InvalidCursor):
            cursor.decode(ADA, "mail", made[:place] + "!!!!" + made[place:])
