"""A partial change makes of a document what RFC 7396 says."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.merge_patch import applied

NAMES = st.sampled_from("abcd")
LEAVES = st.none() | st.booleans() | st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2)
JSON = st.recursive(LEAVES, lambda below: st.dictionaries(NAMES, below, max_size=3), max_leaves=8)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=4)

# https://www.rfc-editor.org/rfc/rfc7396#appendix-A
EXAMPLES: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), EXAMPLES)
def test_the_examples_of_the_standard_come_out(target: Any, patch: Any, result: Any) -> None:
    assert applied(target, patch) == result


@given(OBJECTS, OBJECTS)
def test_a_change_that_is_made_twice_is_the_same_as_once(target: Any, patch: Any) -> None:
    once = applied(target, patch)
    assert applied(once, patch) == once


@given(OBJECTS, OBJECTS, OBJECTS)
def test_changes_of_different_members_come_to_the_same_in_either_order(target: Any, first: Any, second: Any) -> None:
    apart = {name: value for name, value in second.items() if name not in first}
    assert applied(applied(target, first), apart) == applied(applied(target, apart), first)


@given(OBJECTS, OBJECTS)
def test_what_a_change_does_not_name_stays_at_every_depth(target: Any, patch: Any) -> None:
    assert_untouched(target, patch, applied(target, patch))


def assert_untouched(before: Any, patch: Any, after: Any) -> None:
    """Nothing is different but what the patch names."""
    for name in before.keys() - patch.keys():
        assert after[name] == before[name]
    for name in before.keys() & patch.keys():
        if isinstance(before[name], dict) and isinstance(patch[name], dict):
            assert_untouched(before[name], patch[name], after[name])


@given(OBJECTS, OBJECTS)
def test_no_null_of_a_change_is_left_in_what_it_makes(target: Any, patch: Any) -> None:
    assert not nulls(applied({}, patch))
    assert all(name not in applied(target, patch) for name, value in patch.items() if value is None)


def nulls(value: Any) -> bool:
    """Whether an object has a member that is null, at any depth."""
    return isinstance(value, dict) and any(one is None or nulls(one) for one in value.values())


@given(OBJECTS, OBJECTS)
def test_neither_the_document_nor_the_change_is_touched(target: Any, patch: Any) -> None:
    before = deepcopy((target, patch))
    applied(target, patch)
    assert (target, patch) == before
