"""Reading mail: messages of the mailbox or a folder, one message, and its attachments.

Sources: https://learn.microsoft.com/graph/api/user-list-messages, https://learn.microsoft.com/graph/api/message-get,
https://learn.microsoft.com/graph/api/message-list-attachments and https://learn.microsoft.com/graph/api/attachment-get
"""

from collections.abc import Iterable
from dataclasses import replace

from scripts.local.microsoft.graph.errors import bad_request, item_not_found, malformed_id
from scripts.local.microsoft.graph.identifiers import is_id
from scripts.local.microsoft.graph.keyword_search import MAXIMUM_RESULTS, parse_search
from scripts.local.microsoft.graph.listing import listed
from scripts.local.microsoft.graph.mail_folders import folder_of
from scripts.local.microsoft.graph.mailbox import StoredMessage
from scripts.local.microsoft.graph.message_resource import (
    BODIES,
    attachment_id,
    attachment_resource,
    message_id,
    message_resource,
)
from scripts.local.microsoft.graph.properties import ATTACHMENT, MESSAGE
from scripts.local.microsoft.graph.query_options import LIST, ONE, Options, read_options
from scripts.local.microsoft.graph.request import GraphRequest, Json
from scripts.local.people.models import Attachment
from scripts.local.provider.wire import Answer

_EXPANDABLE = {"attachments": ATTACHMENT}
_FULL_SCOPES = frozenset(("Mail.Read", "Mail.ReadWrite"))


def list_messages(request: GraphRequest) -> Answer:
    """GET /me/messages, GET /me/mailFolders/{folder}/messages"""
    mailbox, named = request.account.mailbox, request.parameters.get("folder")
    folder = folder_of(request, named) if named is not None else None
    options = read_options(request.call, MESSAGE, (*LIST, "$search"), _EXPANDABLE)
    _refuse_inefficient(options)
    stored = mailbox.newest_first(folder.key if folder else None)
    if options.search is not None:
        matches = parse_search(options.search)
        stored = [one for one in stored if matches(one)][:MAXIMUM_RESULTS]
    by_id = {message_id(one, request.preferences): one for one in stored}
    found = [message_resource(mailbox, one, request.preferences) for one in stored]
    where = f"mailFolders('{named}')/messages" if named is not None else "messages"

    def shape(resource: Json) -> Json:
        return _shown(request, by_id[resource["id"]], resource, options)

    return listed(request, options, found, where + _named(options), shape)


def _refuse_inefficient(options: Options) -> None:
    """What is sorted by must come first in the filter, and in the same order."""
    if options.filter is None or not options.orderby:
        return
    sorted_by = tuple(order.path for order in options.orderby)
    if options.filter.paths[: len(sorted_by)] != sorted_by:
        raise bad_request("The restriction or sort order is too complex for this operation.", "InefficientFilter")


def get_message(request: GraphRequest) -> Answer:
    """GET /me/messages/{message}, GET /me/mailFolders/{folder}/messages/{message}"""
    options = read_options(request.call, MESSAGE, ONE, _EXPANDABLE)
    stored = _message(request)
    resource = message_resource(request.account.mailbox, stored, request.preferences)
    context = request.context(f"messages{_named(options)}/$entity")
    return request.answer({"@odata.context": context, **_shown(request, stored, resource, options)})


def list_attachments(request: GraphRequest) -> Answer:
    """GET /me/messages/{message}/attachments: with their content, unless properties are selected."""
    options = read_options(request.call, ATTACHMENT, LIST)
    stored = _message(request)
    found = [_attachment(request, stored, pair, options) for pair in enumerate(stored.attachments)]
    where = f"messages('{request.parameters['message']}')/attachments"
    return listed(request, options, found, where, lambda one: one)


def get_attachment(request: GraphRequest) -> Answer:
    """GET /me/messages/{message}/attachments/{attachment}"""
    options = read_options(request.call, ATTACHMENT, ONE)
    stored = _message(request)
    place, attachment = _named_attachment(request, stored)
    context = request.context(f"messages('{request.parameters['message']}')/attachments/$entity")
    return request.answer({"@odata.context": context, **_attachment(request, stored, (place, attachment), options)})


def get_attachment_content(request: GraphRequest) -> Answer:
    """GET /me/messages/{message}/attachments/{attachment}/$value: the bytes."""
    read_options(request.call, ATTACHMENT, ())
    _, attachment = _named_attachment(request, _message(request))
    return Answer(200, attachment.data, attachment.mime_type)


def _message(request: GraphRequest) -> StoredMessage:
    named = request.parameters["message"]
    if not is_id(named, request.preferences.immutable):
        raise malformed_id()
    stored = request.account.mailbox.find(named, request.preferences.immutable)
    folder = request.parameters.get("folder")
    if stored is None or (folder is not None and folder_of(request, folder).key != stored.folder):
        raise item_not_found()
    return stored


def _named_attachment(request: GraphRequest, stored: StoredMessage) -> tuple[int, Attachment]:
    named = request.parameters["attachment"]
    if not is_id(named, request.preferences.immutable):
        raise malformed_id()
    for place, attachment in enumerate(stored.attachments):
        if attachment_id(stored, place, request.preferences) == named:
            return place, attachment
    raise item_not_found()


def _attachment(request: GraphRequest, stored: StoredMessage, placed: tuple[int, Attachment], options: Options) -> Json:
    place, attachment = placed
    whole = attachment_resource(stored, place, attachment, request.preferences, content=options.select is None)
    return whole if options.select is None else options.selected(whole, ATTACHMENT)


def _shown(request: GraphRequest, stored: StoredMessage, resource: Json, options: Options) -> Json:
    shown = options.selected(resource, MESSAGE)
    if not request.caller.scopes & _FULL_SCOPES:
        # Mail.ReadBasic: https://learn.microsoft.com/graph/permissions-reference#mailreadbasic
        return {name: value for name, value in shown.items() if name not in BODIES}
    if "attachments" in options.expand:
        inner = replace(options, select=options.expand["attachments"])
        shown["attachments"] = [_attachment(request, stored, pair, inner) for pair in enumerate(stored.attachments)]
    return shown


def _named(options: Options) -> str:
    """What the context says of a selection."""
    names: Iterable[str] = options.select or ()
    listed = [*names, *(f"{name}()" for name in options.expand)]
    return f"({','.join(listed)})" if listed else ""
