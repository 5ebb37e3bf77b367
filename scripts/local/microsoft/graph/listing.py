"""What every list has in common: filter, order, count, one page of it, and the link to the next.

Source: https://learn.microsoft.com/graph/query-parameters
"""

from collections.abc import Callable

from scripts.local.microsoft.graph.paging import page_of
from scripts.local.microsoft.graph.query_options import Options
from scripts.local.microsoft.graph.request import GraphRequest, Json
from scripts.local.provider.wire import Answer


def listed(
    request: GraphRequest, options: Options, found: list[Json], where: str, shape: Callable[[Json], Json]
) -> Answer:
    """The answer to a list of whole resources, each of them shaped as the options want it."""
    if options.filter is not None:
        found = [one for one in found if options.filter.matches(one)]
    for order in reversed(options.orderby):
        found.sort(key=order.key, reverse=order.descending)
    page = page_of(found, request.call, options, request.origin, request.short_pages)
    body: Json = {"@odata.context": request.context(where)}
    if options.count:
        body["@odata.count"] = len(found)
    body["value"] = [shape(one) for one in page.items]
    if page.next_link:
        body["@odata.nextLink"] = page.next_link
    return request.answer(body)
