"""The queries in the store modules, and the indexes that each of them needs.

https://firebase.google.com/docs/firestore/query-data/index-overview: an index over several fields has first those that
are compared for equality, then those that the answer is ordered by, beginning with those of inequalities. What sums or
averages a field reads it from the index too: https://firebase.google.com/docs/firestore/query-data/aggregation-queries
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, combinations

from scripts.provisioning.store_modules import Collection, Function, StoreModule, assigned

EQUAL = ("==", "in")
CONTAINS = ("array_contains", "array_contains_any", "array-contains", "array-contains-any")
UNEQUAL = ("<", "<=", ">", ">=", "!=", "not-in")
AGGREGATING = ("sum", "avg")
INDEXED = frozenset(("where", "order_by", "limit_to_last", "find_nearest", *AGGREGATING))
# What gives a query that can be asked for still more.
STILL_QUERY = frozenset(
    (
        *("where", "order_by", "limit", "limit_to_last", "offset", "select"),
        *("start_at", "start_after", "end_at", "end_before"),
    )
)
INVERSE = {"asc": "desc", "desc": "asc"}
NEAREST_FIELD = "vector_field"


class Underivable(Exception):
    """A query whose fields the text does not tell. The message says where, and how to write it instead."""


@dataclass(frozen=True)
class Query:
    """What of a query matters for indexes."""

    collection: Collection
    group: bool = False
    filters: tuple[tuple[str, str], ...] = ()
    orders: tuple[tuple[str, str], ...] = ()
    from_end: bool = False
    vector: str | None = None
    aggregated: tuple[str, ...] = ()

    def then(self, other: "Query") -> "Query":
        """The query with what another adds to it."""
        return replace(
            self,
            filters=self.filters + other.filters,
            orders=self.orders + other.orders,
            from_end=self.from_end or other.from_end,
            vector=self.vector or other.vector,
            aggregated=self.aggregated + other.aggregated,
        )


@dataclass(frozen=True)
class Need:
    """An index that a query needs: fields compared for equality in any order, then the others as they are here."""

    collection: Collection
    group: bool
    equal: frozenset[str]
    then: tuple[tuple[str, str], ...]

    @property
    def is_single(self) -> bool:
        """Whether Firestore keeps it for one field, without its being asked for as a composite one."""
        return len(self.equal) + len(self.then) == 1 and all(mode != "vector" for _, mode in self.then)

    def is_met_by(self, fields: tuple[tuple[str, str], ...]) -> bool:
        """Whether an index over these fields is the one."""
        first = fields[: len(self.equal)]
        same = {name for name, mode in first if mode in INVERSE} == self.equal
        return same and len(first) == len(self.equal) and fields[len(self.equal) :] == self.then

    def __str__(self) -> str:
        fields = [*(f"{name} asc" for name in sorted(self.equal)), *(f"{name} {mode}" for name, mode in self.then)]
        return f"{self.collection}{' (group)' if self.group else ''} [{', '.join(fields)}]"


def needs(query: Query) -> list[Need]:
    """The indexes that the query needs."""
    equal = [name for name, operator in query.filters if operator in EQUAL]
    contained = [name for name, operator in query.filters if operator in CONTAINS]
    orders = [(name, direction) for name, direction in query.orders if name not in equal]
    unequal = sorted({name for name, operator in query.filters if operator in UNEQUAL} - {name for name, _ in orders})
    last = orders[-1][1] if orders else "asc"
    orders += [(name, last) for name in unequal]
    if query.from_end:
        orders = [(name, INVERSE[direction]) for name, direction in orders]
    orders += [(name, "asc") for name in sorted({*query.aggregated} - {*equal, *(name for name, _ in orders)})]

    def need(same: list[str], then: list[tuple[str, str]]) -> Need:
        return Need(query.collection, query.group, frozenset(same), tuple(then))

    containing = [(name, "contains") for name in sorted(set(contained))]
    if query.vector is not None:
        return [need(equal, [*containing, *orders, (query.vector, "vector")])]
    if not orders:
        # Firestore merges the indexes of single fields.
        return [*(need([name], []) for name in sorted(set(equal))), *(need([], [one]) for one in containing)]
    return [need(equal, [*containing, *orders])]


def queries(module: StoreModule) -> Iterator[tuple[str, Query]]:
    """Every query in the module that needs an index, and where it is. Raises `Underivable`."""
    for function in module.functions.values():
        variables = {name for name, _ in _chains_by_name(function)}
        for name in sorted(variables & _asked_by_themselves(function)):
            for query in _of_variable(module, function, name):
                yield module.place(function), query
        for call in _outermost(function):
            if _assigned_name(function, call) is None:
                yield module.place(call), _extended(module, function, call)


def _of_variable(module: StoreModule, function: Function, name: str) -> Iterator[Query]:
    """The queries that a variable can hold: as it was first assigned, with or without what it is extended by."""
    values = [value for value in assigned(function, name) if _is_chain(value)]
    bases = [value for value in values if _root_name(value) != name]
    further = [_own(module, function, value) for value in values if _root_name(value) == name]
    plain = [value for value in assigned(function, name) if not _is_chain(value)]
    if not bases and plain:
        bases = plain[:1]
    subsets = chain.from_iterable(combinations(further, count) for count in range(len(further) + 1))
    extensions = list(subsets)
    for base in bases:
        start = _extended(module, function, base)
        for extension in extensions:
            query = start
            for one in extension:
                query = query.then(one)
            yield query


def _extended(module: StoreModule, function: Function, value: ast.expr) -> Query:
    """The query of a chain, with what the variable at its root holds already."""
    own = _own(module, function, value)
    root = _root_name(value)
    if root is not None:
        for earlier in assigned(function, root):
            if _is_chain(earlier) and _root_name(earlier) != root:
                return _extended(module, function, earlier).then(own)
            _refuse_query_of_function(module, earlier)
    return own


def _refuse_query_of_function(module: StoreModule, value: ast.expr) -> None:
    """Raises `Underivable` for a chain that begins with a query which another function returns."""
    for call in _calls_and_root(value):
        called = module.functions.get(_own_function(call) or "")
        if called is not None and _returns_query(called):
            raise Underivable(
                f"{module.place(value)}: {called.name} returns a query already: ask for all of it in one function"
            )


def _returns_query(function: Function) -> bool:
    """Whether a function returns what is filtered or ordered already, and can be so further."""
    values = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None]
    values += [held for value in values if isinstance(value, ast.Name) for held in assigned(function, value.id)]
    return any(_is_chain(value) and _last_step(value) in STILL_QUERY for value in values)


def _own(module: StoreModule, function: Function, value: ast.expr) -> Query:
    """What the chain itself says."""
    _refuse_query_of_function(module, value)
    collection = module.collection_of(value, function)
    if collection is None:
        raise Underivable(f"{module.place(value)}: the text does not tell which collection is asked")
    query = Query(collection, module.is_group(value, function))
    for call in reversed(list(_calls(value))):
        query = query.then(_step(module, query, call))
    return query


def _step(module: StoreModule, query: Query, call: ast.Call) -> Query:
    empty = Query(query.collection)
    match call:
        case ast.Call(
            func=ast.Attribute(attr="where"),
            keywords=[
                ast.keyword(
                    arg="filter",
                    value=ast.Call(
                        func=ast.Attribute(attr="FieldFilter") | ast.Name(id="FieldFilter"),
                        args=[ast.Constant(value=str(name)), ast.Constant(value=str(operator)), _],
                    ),
                )
            ],
        ) if operator in (*EQUAL, *CONTAINS, *UNEQUAL):
            return replace(empty, filters=((name, operator),))
        case ast.Call(func=ast.Attribute(attr="where")):
            raise Underivable(f"{module.place(call)}: write where(filter=FieldFilter('field', 'operator', value))")
        case ast.Call(func=ast.Attribute(attr="order_by"), args=[ast.Constant(value=str(name))], keywords=keywords):
            descending = any("DESCENDING" in ast.unparse(keyword.value) for keyword in keywords)
            return replace(empty, orders=((name, "desc" if descending else "asc"),))
        case ast.Call(func=ast.Attribute(attr="order_by")):
            raise Underivable(f"{module.place(call)}: write order_by('field', direction=…)")
        case ast.Call(func=ast.Attribute(attr="limit_to_last")):
            return replace(empty, from_end=True)
        case ast.Call(func=ast.Attribute(attr="find_nearest"), args=args, keywords=keywords):
            named = [keyword.value for keyword in keywords if keyword.arg == NEAREST_FIELD]
            match [*named, *args][:1]:
                case [ast.Constant(value=str(name))]:
                    return replace(empty, vector=name)
            raise Underivable(f"{module.place(call)}: write find_nearest(vector_field='field', …)")
        case ast.Call(func=ast.Attribute(attr=attribute), args=args) if attribute in AGGREGATING:
            match args:
                case [ast.Constant(value=str(name)), *_]:
                    return replace(empty, aggregated=(name,))
            raise Underivable(f"{module.place(call)}: write {attribute}('field')")
    return empty


def _calls(value: ast.expr) -> Iterator[ast.Call]:
    """The calls of a chain, the last first."""
    while True:
        match value:
            case ast.Call(func=ast.Attribute(value=inner)):
                yield value
                value = inner
            case ast.Await(value=inner) | ast.Attribute(value=inner):
                value = inner
            case _:
                return


def _is_chain(value: ast.expr) -> bool:
    return any(isinstance(call.func, ast.Attribute) and call.func.attr in INDEXED for call in _calls(value))


def _calls_and_root(value: ast.expr) -> list[ast.expr]:
    return [*_calls(value), _root(value)]


def _own_function(call: ast.expr) -> str | None:
    """The function of the module, or the method of the class, that is called."""
    match call:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name)):
            return name
    return None


def _last_step(value: ast.expr) -> str | None:
    match value:
        case ast.Call(func=ast.Attribute(attr=attribute)):
            return attribute
    return None


def _root_name(value: ast.expr) -> str | None:
    """The variable that a chain begins with."""
    root = _root(value)
    return root.id if isinstance(root, ast.Name) else None


def _root(value: ast.expr) -> ast.expr:
    """What a chain begins with."""
    inner = value
    for call in _calls(value):
        inner = call.func.value if isinstance(call.func, ast.Attribute) else call
    return inner


def _outermost(function: Function) -> Iterator[ast.Call]:
    """The chains that are no part of a longer one."""
    inner: set[ast.AST] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and node not in inner and _is_chain(node):
            inner.update(_calls(node))
            yield node


def _chains_by_name(function: Function) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_chain(value):
                yield name, value


def _asked_by_themselves(function: Function) -> set[str]:
    """The variables that are used for more than to begin a longer chain."""
    roots: set[ast.AST] = set()
    names: list[ast.Name] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and _is_chain(node):
            roots.add(_root(node))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            names.append(node)
    return {name.id for name in names if name not in roots}


def _assigned_name(function: Function, call: ast.Call) -> str | None:
    return next((name for name, value in _chains_by_name(function) if value is call), None)
