"""Every operation of every HTTP function, with whatever its own document allows and with whatever it forbids."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, Response

from lib.office.identifiers import encode
from tests.briefly import ADA, ADA_MICROSOFT, Briefly
from tests.e2e.belongings import Belongings, somebody
from tests.e2e.operations import Operation, operations
from tests.e2e.recipes import NAMES, PROVIDERS, RECIPES, Recipe, as_a_sibling_for_a_while
from tests.fuzz.callers import who_calls
from tests.fuzz.documents import CHECKS, described, document

# What is deleted is not given back, so that comes last.
OPERATIONS = sorted(operations(), key=lambda operation: operation.method == "DELETE")
PROVIDERS_IDS = {"mail_id": 1, "thread_id": 1, "event_id": 2}
"""Identifiers that hold this many ids of a provider's."""
# https://docs.gunicorn.org/en/stable/settings.html#limit-request-line
LONGEST_TARGET = 4000


@pytest.fixture(scope="module")
def person(briefly: Briefly) -> Belongings:
    """Somebody with the mailboxes of the demo person, who has one of everything."""
    return somebody(briefly, google=ADA, microsoft=ADA_MICROSOFT)


def recipes_of(person: Belongings, operation: Operation) -> list[Recipe]:
    """Those that need no account which the person has not."""
    recipes = RECIPES.get(str(operation))
    assert recipes, f"no recipe for {operation}"
    return [recipe for recipe in recipes if recipe.provider in person.emails]


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def ask(person: Belongings, session: requests.Session, operation: Operation, case: Case) -> Response:
    """Send a case for the person, and hold the answer against the document."""
    url = f"{person.briefly.state.origin}/{operation.function}"
    answer = case.call(url, session=session, auth=who_calls(person.briefly, operation, person.user))
    case.validate_response(answer, checks=CHECKS)
    return answer


def own_ids(person: Belongings, operation: Operation) -> list[dict[str, str]]:
    """What the operation's path names, of the person's own: once for each provider if it is kept there."""
    at_each = [
        {name: person.id(_name(operation, name), provider) for name in operation.in_path} for provider in person.emails
    ]
    return [ids for number, ids in enumerate(at_each) if ids and ids not in at_each[:number]]


@pytest.mark.parametrize("function", sorted({operation.function for operation in OPERATIONS}))
def test_a_functions_own_document_is_one(function: str) -> None:
    document(function).validate()


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_every_operation_succeeds_and_answers_as_documented(
    person: Belongings, session: requests.Session, operation: Operation
) -> None:
    for recipe in recipes_of(person, operation):
        recipe.prepare(person)
        try:
            answer = ask(person, session, operation, _case(person, operation, recipe))
            assert 200 <= answer.status_code < 300, answer.text
        finally:
            _restore(person, recipe)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_comes_names_things_at_every_provider(person: Belongings, provider: str) -> None:
    account = person.id("account_id", provider)
    assert find(_of_own_account(person, "mail_id"), lambda identifier: identifier.startswith(account))


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_whatever_comes_is_answered_as_documented(
    person: Belongings, session: requests.Session, operation: Operation
) -> None:
    # The minute's quota of the providers begins anew.
    person.briefly.move_clock(60)

    @settings(
        # Each is a request over the wire.
        max_examples=settings().max_examples // 6,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(_cases(person, operation), st.none() | KEYS)
    def exercise(case: Case, key: str | None) -> None:
        if key is not None:
            case.headers["Idempotency-Key"] = key
        ask(person, session, operation, case)

    try:
        exercise()
    finally:
        for recipe in recipes_of(person, operation):
            _restore(person, recipe)


KEYS = st.text(st.characters(codec="latin-1", exclude_categories=("Cc",)), max_size=300).map(str.strip)


def _cases(person: Belongings, operation: Operation) -> st.SearchStrategy[Case]:
    """What the document allows and what it forbids, of anybody's and of the person's own."""
    api, own = described(operation), own_ids(person, operation)
    ways = [api.as_strategy(GenerationMode.POSITIVE)]
    if operation.in_path or operation.in_query or operation.has_body:
        ways.append(api.as_strategy(GenerationMode.NEGATIVE))
    for ids in own if operation.method != "DELETE" else ():
        ways.append(api.as_strategy(GenerationMode.POSITIVE, path_parameters=ids))
        if operation.has_body:
            ways.append(api.as_strategy(GenerationMode.NEGATIVE, path_parameters=ids))
    foreign = {name for name in operation.in_path if _name(operation, name) in PROVIDERS_IDS}
    if foreign:
        ways.append(
            st.builds(
                _with_path,
                ways[0],
                st.fixed_dictionaries({n: _of_own_account(person, _name(operation, n)) for n in foreign}),
            )
        )
    return st.one_of(ways).filter(_fits)


def _fits(case: Case) -> bool:
    """Whether the request reaches us: servers refuse long lines, functions-framework's router line feeds in a path."""
    target = requests.Request(**case.as_transport_kwargs("http://localhost")).prepare().path_url
    return len(target) <= LONGEST_TARGET and "%0A" not in target.partition("?")[0]


def _of_own_account(person: Belongings, kind: str) -> st.SearchStrategy[str]:
    """Identifiers that nobody handed out, of the person's own account at any provider."""
    accounts = [person.id("account_id", provider) for provider in person.emails]
    provider_ids = st.lists(
        st.text(min_size=1, max_size=20), min_size=PROVIDERS_IDS[kind], max_size=PROVIDERS_IDS[kind]
    )
    return st.builds(lambda account, ids: quote(encode(account, *ids)), st.sampled_from(accounts), provider_ids)


def _with_path(case: Case, path: dict[str, str]) -> Case:
    case.path_parameters = path
    return case


def _restore(person: Belongings, recipe: Recipe) -> None:
    if recipe.ask is as_a_sibling_for_a_while:
        person.connect_all()
    recipe.restore(person)


def _case(person: Belongings, operation: Operation, recipe: Recipe) -> Case:
    names: dict[str, Any] = recipe.asker_path or {}
    path = {name: person.id(names.get(name) or _name(operation, name), recipe.provider) for name in operation.in_path}
    options: dict[str, Any] = {"query": recipe.query(person)} if recipe.query else {}
    if recipe.body:
        options |= {"body": recipe.body(person, person), "media_type": "application/json"}
    return described(operation).Case(path_parameters=path, **options)


def _name(operation: Operation, parameter: str) -> str:
    return NAMES.get((operation.function, parameter), parameter)
