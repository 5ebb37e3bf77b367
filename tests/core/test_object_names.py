"""Only a person's id makes the name of what belongs to that person, and no name leads anywhere else."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.object_names import ObjectName, parsed, personal, prefix, shared
from lib.core.store import UserId

ADA, ADAM = UserId("user_ada"), UserId("user_adam")
ODD = ["", ".", "..", "../user_adam", "a/b", "/a", "a/", "a\\b", "a b", "a\n", "%2e%2e", "a\0", "ä", "-a", "a" * 129]


def test_what_belongs_to_a_person_is_named_so() -> None:
    assert str(personal(ADA, "uploads", "upl_1.txt")) == "users/user_ada/uploads/upl_1.txt"


@pytest.mark.parametrize("segment", ODD)
def test_odd_segments_make_no_name(segment: str) -> None:
    with pytest.raises(ValueError, match="not the name of an object"):
        personal(ADA, "uploads", segment)


@pytest.mark.parametrize("user", ODD)
def test_what_is_no_user_id_makes_no_name(user: str) -> None:
    for make in (lambda: personal(UserId(user), "a"), lambda: prefix(UserId(user))):
        with pytest.raises(ValueError, match="not a user id"):
            make()


def test_what_is_nobodys_has_no_name_of_somebodys() -> None:
    assert str(shared("heads", "0000000001")) == "heads/0000000001"
    for segments in [("users", "user_ada", "a"), ("users",), ("..", "users", "user_ada"), ()]:
        with pytest.raises(ValueError, match="name of"):
            shared(*segments)


@pytest.mark.parametrize("count", [0, 7])
def test_a_name_has_one_to_six_segments(count: int) -> None:
    with pytest.raises(ValueError, match="not the name of an object"):
        personal(ADA, *["a"] * count)


@given(st.lists(st.text("ab._-/\\%. \n\0ä0", max_size=5), max_size=8))
def test_a_name_stays_where_its_person_is(segments: list[str]) -> None:
    try:
        name = str(personal(ADA, *segments))
    except ValueError:
        return
    assert name.startswith(prefix(ADA))
    assert posixpath.normpath(name) == name
    assert parsed(ADA, name) == ObjectName(ADA, tuple(segments))


def test_nobody_elses_object_is_taken_for_ones_own() -> None:
    with pytest.raises(ValueError, match="not an object of this person"):
        parsed(ADA, str(personal(ADAM, "a")))
