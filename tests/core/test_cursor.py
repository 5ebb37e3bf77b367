"""Cursors open only for the person and the list that they were made for."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core import cursor, secrets, settings
from lib.core.errors import InvalidCursor
from lib.core.secrets import SecretSettings
from lib.core.store import UserId

ADA, BRAM = UserId("user_ada"), UserId("user_bram")


@pytest.fixture(scope="module", autouse=True)
def _mounted_key(tmp_path_factory: pytest.TempPathFactory):
    folder: Path = tmp_path_factory.mktemp("secrets")
    (folder / cursor.SECRET).write_text("a key of tests")
    before = settings._loaded.get(SecretSettings)
    settings._loaded[SecretSettings] = SecretSettings(secrets_dir=str(folder))
    secrets._cache.clear()
    yield
    secrets._cache.clear()
    settings._loaded.pop(SecretSettings)
    if before is not None:
        settings._loaded[SecretSettings] = before


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


@given(st.data())
def test_a_changed_cursor_is_refused(data: st.DataObject) -> None:
    made = cursor.encode(ADA, "mail", {"page": "2"})
    place = data.draw(st.integers(0, len(made) - 2))
    other = data.draw(st.characters(codec="ascii").filter(lambda character: character != made[place]))
    with pytest.raises(InvalidCursor):
        cursor.decode(ADA, "mail", made[:place] + other + made[place + 1 :])
