"""Nobody sees what is another's: every operation of every function, with the real ids of somebody else."""

from itertools import chain, combinations
from typing import Any

import pytest
import requests

from lib.accounts.vault import store as vault
from lib.core.store import UserId
from tests.briefly import ADA, ADA_MICROSOFT, BRAM, BRAM_MICROSOFT, Briefly
from tests.e2e.belongings import Belongings, somebody, tell_apart
from tests.e2e.operations import Operation, functions, operations
from tests.e2e.recipes import IDS, NAMES, OWN, PLAIN, PROOFS, RECIPES, Recipe, path_of
from tests.kept import content

NAMING_SOMETHING = [
    pytest.param(operation, recipe, id=f"{operation} {number}")
    for operation in operations()
    for number, recipe in enumerate(RECIPES.get(str(operation), []))
    if operation.in_path and recipe.asker_path is None
]
CASES = [
    pytest.param(operation, recipe, direction, id=f"{operation} {number} {direction}")
    # What is deleted is not given back, so that comes last.
    for operation in sorted(operations(), key=lambda operation: operation.method == "DELETE")
    for number, recipe in enumerate(RECIPES.get(str(operation), []))
    for direction in ("forth", "back")
]


@pytest.fixture(scope="module")
def people(briefly: Briefly) -> tuple[Belongings, Belongings]:
    ada = somebody(briefly, google=ADA, microsoft=ADA_MICROSOFT)
    bram = somebody(briefly, google=BRAM, microsoft=BRAM_MICROSOFT)
    tell_apart(ada, bram)
    return ada, bram


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_every_operation_is_exercised_with_every_id_that_it_takes(operation: Operation) -> None:
    recipes = RECIPES.get(str(operation))
    assert recipes, f"no recipe for {operation}"
    taken = {*operation.in_query, *operation.in_body}
    assert taken <= IDS | PLAIN | PROOFS, f"of which kind are {taken - IDS - PLAIN - PROOFS}?"
    assert set(operation.in_path) <= IDS
    covered = set(chain.from_iterable(recipe.covers for recipe in recipes))
    assert taken & IDS == covered
    assert not operation.in_path or any(recipe.asker_path is None for recipe in recipes)
    assert not taken & PROOFS or all(recipe.body for recipe in recipes)


def test_every_recipe_has_its_operation() -> None:
    assert set(RECIPES) == {str(operation) for operation in operations()}


@pytest.mark.parametrize(("operation", "recipe"), NAMING_SOMETHING)
def test_what_is_anothers_is_like_what_never_was(
    people: tuple[Belongings, Belongings], operation: Operation, recipe: Recipe
) -> None:
    owner, other = people
    real = {name: _id(operation, recipe, owner, name) for name in operation.in_path}
    absent = {name: owner.absent_id(_name(operation, name), recipe.provider) for name in operation.in_path}
    body = recipe.body(owner, other) if recipe.body else None
    answers = [recipe.ask(operation, other, operation.filled(values), body) for values in (real, absent)]
    first, second = (_without_request(answer) for answer in answers)
    assert first == second


@pytest.mark.parametrize(("operation", "recipe", "direction"), CASES)
def test_nobody_sees_what_is_anothers(
    people: tuple[Belongings, Belongings], operation: Operation, recipe: Recipe, direction: str
) -> None:
    owner, other = people if direction == "forth" else people[::-1]
    recipe.prepare(owner)
    before = _guarded(recipe, owner)
    for foreign in _foreign(operation, recipe):
        values = {name: _id(operation, recipe, owner if name in foreign else other, name) for name in operation.in_path}
        _ask_as_other(operation, recipe, owner, other, values)
    assert _stays(_guarded(recipe, owner), before, operation)
    own = {name: _id(operation, recipe, owner, name) for name in operation.in_path}
    try:
        _ask_as_owner(operation, recipe, owner, own)
    finally:
        recipe.restore(owner)


@pytest.mark.parametrize("name", [name for name, row in functions().items() if row["trigger"] != "http"])
def test_what_only_machines_may_call_admits_no_person(people: tuple[Belongings, Belongings], name: str) -> None:
    assert people[0].client.call("POST", f"/{name}/", {}).status_code == 403


def _ask_as_other(
    operation: Operation, recipe: Recipe, owner: Belongings, other: Belongings, values: dict[str, str]
) -> None:
    path = path_of(operation, recipe, owner, values)
    body = recipe.body(owner, other) if recipe.body else None
    answer = recipe.ask(operation, other, path, body)
    if recipe.others == OWN:
        assert answer.ok, answer.text
        assert owner.seen_in(answer.text, f"{path} {body}") == []
        assert not recipe.proof or recipe.proof not in answer.text
        return
    status, problem = recipe.others
    assert answer.status_code == status, answer.text
    assert answer.json()["type"] == f"urn:briefly:problem:{problem}"
    assert owner.seen_in(answer.text) == []


def _ask_as_owner(operation: Operation, recipe: Recipe, owner: Belongings, values: dict[str, str]) -> None:
    body = recipe.body(owner, owner) if recipe.body else None
    answer = recipe.ask(operation, owner, path_of(operation, recipe, owner, values), body)
    assert answer.ok, answer.text
    assert not recipe.shows or owner.seen_in(answer.text), answer.text
    assert recipe.proof in answer.text


def _foreign(operation: Operation, recipe: Recipe) -> list[tuple[str, ...]]:
    """Which of the path's ids are the owner's: every choice with at least one of them."""
    if recipe.asker_path is not None or not operation.in_path:
        return [()]
    sizes = range(1, len(operation.in_path) + 1)
    return list(chain.from_iterable(combinations(operation.in_path, size) for size in sizes))


def _name(operation: Operation, parameter: str) -> str:
    return NAMES.get((operation.function, parameter), parameter)


def _id(operation: Operation, recipe: Recipe, whose: Belongings, parameter: str) -> str:
    name = (recipe.asker_path or {}).get(parameter) or _name(operation, parameter)
    return whose.id(name, recipe.provider)


def _guarded(recipe: Recipe, owner: Belongings) -> dict[str, Any]:
    """What of the owner's must not change: where both get their own, both may be at work, but not at their tokens."""
    return dict(vault.all_of(UserId(owner.user))) if recipe.others == OWN else content(owner.user)


def _stays(after: dict[str, Any], before: dict[str, Any], operation: Operation) -> bool:
    """Nothing of the owner's was changed, but by runs that the owner began: they go on and are paid meanwhile."""
    going_on = ("/runs/", "/spend_days/", "/spend_reservations/")
    changed = {
        path for path in before if after.get(path) != before[path] and not any(part in path for part in going_on)
    }
    assert not changed, f"{operation} changed {changed}"
    return True


def _without_request(answer: requests.Response) -> tuple[int, dict[str, Any]]:
    document: dict[str, Any] = answer.json()
    return answer.status_code, {name: value for name, value in document.items() if name != "request_id"}
