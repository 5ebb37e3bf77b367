"""OData's query options, as strict as Graph is or stricter: what an operation does not take is refused.

Graph passes over a parameter without a dollar sign that it does not know; here it is refused, since it is a slip.
Sources: https://learn.microsoft.com/graph/query-parameters and https://learn.microsoft.com/graph/api/user-list-messages
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from scripts.local.microsoft.graph.errors import GraphError, bad_request
from scripts.local.microsoft.graph.filter_language import Filter, parse_filter, value_at
from scripts.local.microsoft.graph.properties import PRIMITIVES, ResourceType
from scripts.local.provider.wire import Call, Json

DEFAULT_PAGE = 10
MAXIMUM_PAGE = 1_000
ONE = ("$select", "$expand")
LIST = (*ONE, "$top", "$skip", "$skiptoken", "$orderby", "$filter", "$count")
_EXPANSION = re.compile(r"(\w+)(?:\(\$select=([^)]*)\))?")


@dataclass(frozen=True, slots=True)
class Order:
    """A property to sort by."""

    path: str
    descending: bool

    def key(self, resource: Json) -> tuple[bool, Any]:
        """What sorts a resource; what is missing comes first."""
        value = value_at(resource, self.path)
        return (value is not None, value.casefold() if isinstance(value, str) else value)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one request; `expand` has the selected properties of what is expanded, None for all."""

    given: dict[str, str]
    select: tuple[str, ...] | None
    top: int
    skip: int
    orderby: tuple[Order, ...]
    filter: Filter | None
    count: bool
    search: str | None
    expand: dict[str, tuple[str, ...] | None]

    def selected(self, resource: Json, kind: ResourceType) -> Json:
        """The resource with its selected properties only; its id and its annotations always stay."""
        names = kind.properties.keys() - kind.on_request if self.select is None else {"id", *self.select}
        return {name: value for name, value in resource.items() if name in names or name.startswith("@")}


def read_options(
    call: Call, kind: ResourceType, allowed: Collection[str], expandable: dict[str, ResourceType] | None = None
) -> Options:
    """The options of a call that may have the allowed ones. Raises GraphError."""
    given = _single(call, allowed)
    filter_text, search = given.get("$filter"), given.get("$search")
    if search is not None and "$orderby" in given:
        raise bad_request("The query parameter '$orderBy' is not supported with '$search'.", "SearchWithOrderBy")
    if search is not None and filter_text is not None:
        raise bad_request("The query parameter '$filter' is not supported with '$search'.", "SearchWithFilter")
    top = _number(given, "$top", DEFAULT_PAGE)
    if not 1 <= top <= MAXIMUM_PAGE:
        limit = f"The limit of '{MAXIMUM_PAGE}' for Top query has been exceeded"
        message = f"{limit}. The value from the incoming request is '{top}'." if top else "$top must be positive."
        raise bad_request(message)
    return Options(
        given=given,
        select=_selection(given.get("$select"), kind),
        top=top,
        skip=_number(given, "$skip", 0),
        orderby=_order(given.get("$orderby"), kind),
        filter=parse_filter(filter_text, kind) if filter_text is not None else None,
        count=_flag(given.get("$count")),
        search=search,
        expand=_expansions(given.get("$expand"), kind, expandable or {}),
    )


def _single(call: Call, allowed: Collection[str]) -> dict[str, str]:
    names = {name.casefold(): name for name in allowed}
    found: dict[str, str] = {}
    for name, value in call.query:
        known = names.get(name.casefold())
        if known is None:
            raise bad_request(f"The query parameter '{name}' is not supported.")
        if known in found:
            message = f"Query option '{known}' was specified more than once, but it must be specified at most once."
            raise bad_request(message)
        found[known] = value
    return found


def _number(given: dict[str, str], name: str, default: int) -> int:
    value = given.get(name)
    if value is None:
        return default
    if not value.isascii() or not value.isdigit():
        message = (
            f"Invalid value '{value}' for {name} query option found. "
            f"The {name} query option requires a non-negative integer value."
        )
        raise bad_request(message)
    return int(value)


def _flag(value: str | None) -> bool:
    if value in (None, "false"):
        return False
    if value != "true":
        raise bad_request(
            f"Invalid value '{value}' for $count query option found. Valid values are 'true' and 'false'."
        )
    return True


def _selection(value: str | None, kind: ResourceType) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = tuple(name.strip() for name in value.split(","))
    for name in names:
        if name.partition("/")[0] not in kind.properties:
            raise _not_selectable(name, kind)
    return tuple(name.partition("/")[0] for name in names)


def _not_selectable(name: str, kind: ResourceType) -> GraphError:
    what = f"Could not find a property named '{name}' on type '{kind.name}'."
    return bad_request(f"Parsing OData Select and Expand failed: {what}")


def _order(value: str | None, kind: ResourceType) -> tuple[Order, ...]:
    orders = []
    for item in (value or "").split(",") if value is not None else ():
        path, _, direction = item.strip().partition(" ")
        if direction.strip() not in ("", "asc", "desc"):
            raise bad_request(f"Syntax error at position {len(path)} in '{item.strip()}'.")
        if kind.kind_of(path) not in PRIMITIVES:
            raise bad_request("The $orderby expression must evaluate to a single value of primitive type.")
        orders.append(Order(path, direction.strip() == "desc"))
    return tuple(orders)


def _expansions(
    value: str | None, kind: ResourceType, expandable: dict[str, ResourceType]
) -> dict[str, tuple[str, ...] | None]:
    if value is None:
        return {}
    match = _EXPANSION.fullmatch(value.strip())
    if match is None or match[1] not in expandable:
        raise _not_selectable(match[1] if match else value, kind)
    return {match[1]: _selection(match[2], expandable[match[1]])}
