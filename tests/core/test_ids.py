"""Identifiers: unique, sorted by age, or the same for the same parts."""

from hypothesis import given
from hypothesis import strategies as st

from lib.core import ids


def test_new_ids_differ_and_keep_their_prefix() -> None:
    made = {ids.new("run") for _ in range(1000)}
    assert len(made) == 1000
    assert all(identifier.startswith("run_") and len(identifier) == 30 for identifier in made)


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_a_stable_id_depends_on_its_parts_alone(parts: list[str]) -> None:
    clean = [part.replace("\x1f", "").encode("utf-8", "ignore").decode() for part in parts]
    assert ids.stable("acc", *clean) == ids.stable("acc", *clean)
    assert ids.stable("acc", *clean) != ids.stable("acc", *clean, "more")
    assert len(ids.stable("acc", *clean)) == 28
