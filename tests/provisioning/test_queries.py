import ast
from pathlib import Path
from textwrap import dedent

import pytest

from scripts.provisioning.queries import Underivable, needs, queries
from scripts.provisioning.store_modules import StoreModule

HELPERS = """
    def _messages(user):
        return person(user).collection("messages")
"""


def asked(text: str) -> list[str]:
    """The indexes that the queries of a module need."""
    tree = ast.parse(dedent(HELPERS) + dedent(text))
    module = StoreModule(Path("lib/room/store.py"), tree, {"BREAKERS": "breakers"})
    return sorted({str(need) for _, query in queries(module) for need in needs(query)})


def test_one_compared_field_needs_its_own_index_only() -> None:
    assert asked("""
        def first(user):
            return person(user).collection("runs").where(filter=FieldFilter("state", "==", 1)).stream()
    """) == ["default/runs [state asc]"]


def test_several_equalities_are_answered_from_the_indexes_of_their_fields() -> None:
    assert asked("""
        def first(user):
            runs = person(user).collection("runs").where(filter=FieldFilter("state", "==", 1))
            return runs.where(filter=FieldFilter("kind", "in", [1])).get()
    """) == ["default/runs [kind asc]", "default/runs [state asc]"]


def test_an_order_needs_its_direction() -> None:
    assert asked("""
        def first(user):
            return _messages(user).order_by("at", direction=firestore.Query.DESCENDING).limit(1).stream()
    """) == ["default/messages [at desc]"]


def test_the_end_of_an_order_is_read_backwards() -> None:
    assert asked("""
        def last(user):
            return _messages(user).order_by("at").order_by("id").limit_to_last(1).get()
    """) == ["default/messages [at desc, id desc]"]


def test_equality_comes_before_inequality_and_order() -> None:
    assert asked("""
        def first(user):
            return (
                _messages(user)
                .order_by("at", direction=firestore.Query.DESCENDING)
                .where(filter=FieldFilter("at", "<", 1))
                .where(filter=FieldFilter("kind", "==", 1))
                .where(filter=FieldFilter("tags", "array_contains", 1))
                .stream()
            )
    """) == ["default/messages [kind asc, tags contains, at desc]"]


def test_an_inequality_orders_by_its_field_also_where_nothing_says_so() -> None:
    assert asked("""
        def due(user):
            query = _messages(user).where(filter=FieldFilter("kind", "==", 1))
            return query.where(filter=FieldFilter("due", "<=", 1)).count().get()
    """) == ["default/messages [kind asc, due asc]"]


def test_a_filter_that_is_not_always_there_makes_two_queries() -> None:
    assert asked("""
        def some(user, kind):
            query = _messages(user).order_by("at")
            if kind:
                query = query.where(filter=FieldFilter("kind", "==", kind))
            return query.stream()
    """) == ["default/messages [at asc]", "default/messages [kind asc, at asc]"]


def test_a_collection_in_a_variable_or_another_database_is_found() -> None:
    assert asked("""
        def entries(user):
            events = person(user, Database.AUDIT).collection("entries")
            query = events.where(filter=FieldFilter("kind", "==", 1)).order_by("at")
            return query.stream()
    """) == ["audit/entries [kind asc, at asc]"]


def test_a_query_over_all_collections_of_a_name_needs_an_index_of_that_scope() -> None:
    assert asked("""
        def due():
            return client().collection_group("watches").where(filter=FieldFilter("due", "<=", 1)).stream()
    """) == ["default/watches (group) [due asc]"]


def test_nearest_neighbours_need_a_vector_index() -> None:
    assert asked("""
        def like(user, vector):
            passages = _messages(user).where(filter=FieldFilter("kind", "==", 1))
            return passages.find_nearest(vector_field="embedding", query_vector=vector, limit=5).get()
    """) == ["default/messages [kind asc, embedding vector]"]


@pytest.mark.parametrize("aggregation", ["sum", "avg"])
def test_what_is_summed_or_averaged_is_read_from_the_index(aggregation: str) -> None:
    assert asked(f"""
        def cost(user):
            return _messages(user).where(filter=FieldFilter("kind", "==", 1)).{aggregation}("cost").get()
    """) == ["default/messages [kind asc, cost asc]"]
    assert asked(f"""
        def cost(user):
            return _messages(user).{aggregation}("cost", alias="cost").get()
    """) == ["default/messages [cost asc]"]


@pytest.mark.parametrize(
    "rest",
    [
        'return _of_kind(user).order_by("at").stream()',
        'query = _of_kind(user)\n            return query.order_by("at").stream()',
        'return self.of_kind(user).order_by("at").stream()',
        'return _held(user).limit(3).order_by("at").stream()',
    ],
)
def test_a_query_that_begins_in_another_function_is_refused(rest: str) -> None:
    with pytest.raises(Underivable, match="returns a query already"):
        asked(f"""
        def _of_kind(user):
            return _messages(user).where(filter=FieldFilter("kind", "==", 1))
        def _held(user):
            query = _messages(user).where(filter=FieldFilter("kind", "==", 1))
            return query
        class Store:
            def of_kind(self, user):
                return _messages(user).where(filter=FieldFilter("kind", "==", 1)).limit(5)
            def latest(self, user):
                {rest.replace("            ", "                ")}
        """)


def test_documents_that_are_read_by_their_names_need_none() -> None:
    assert (
        asked("""
        def one(user):
            return _messages(user).document("m").get()
        def all(user):
            return _messages(user).stream()
    """)
        == []
    )


@pytest.mark.parametrize(
    "chain",
    [
        '_messages(user).where("kind", "==", 1)',
        '_messages(user).where(filter=FieldFilter(field, "==", 1))',
        "_messages(user).where(filter=wanted)",
        "_messages(user).order_by(field)",
        "_messages(user).find_nearest(vector_field=field)",
        'somewhere.where(filter=FieldFilter("kind", "==", 1))',
        '_messages(user).where(filter=FieldFilter("kind", "==", 1)).sum(field)',
    ],
)
def test_a_query_whose_fields_the_text_does_not_tell_is_refused(chain: str) -> None:
    with pytest.raises(Underivable, match=r"lib/room/store\.py"):
        asked(f"""
        def some(user, field, wanted, somewhere):
            return {chain}.stream()
        """)
