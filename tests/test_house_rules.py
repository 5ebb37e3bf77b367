"""The rules of the house, where they could let something through."""

from scripts.house_rules import ROOM_ORDER, calls_on_one_side, rooms_without_place


def test_a_function_admits_only_functions_that_call_it() -> None:
    (breach,) = calls_on_one_side({"one": {"callers": ["gateway", "two"]}, "two": {}})
    assert breach == "functions: one admits two, which does not call it"


def test_a_function_calls_only_functions_that_admit_it() -> None:
    (breach,) = calls_on_one_side({"one": {"callers": ["gateway"]}, "two": {"calls": ["one"]}})
    assert breach == "functions: two calls one, which does not admit it"


def test_a_call_that_stands_with_both_is_in_order_by_name_and_by_task() -> None:
    by_name = {"one": {"callers": ["two"]}, "two": {"calls": ["one"]}}
    by_task = {"one": {"callers": ["tasks-invoker"]}, "two": {"calls": ["one"], "queues": ["later"]}}
    assert not [*calls_on_one_side(by_name), *calls_on_one_side(by_task)]


def test_a_room_without_a_place_in_the_order_is_a_breach() -> None:
    assert not list(rooms_without_place(set(ROOM_ORDER)))
    (breach,) = rooms_without_place({*ROOM_ORDER, "attic"})
    assert breach.startswith("lib/attic: ")
