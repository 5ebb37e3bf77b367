"""Gmail: messages and their attachments.

Sources: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/list, …/get and
https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages.attachments/get
"""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from scripts.local.google import mime, pages
from scripts.local.google.api_request import ApiRequest, Handler
from scripts.local.google.errors import ApiError, entity_not_found, invalid_argument
from scripts.local.google.gmail_search import compile_search, visible
from scripts.local.google.mailbox import SYSTEM_LABELS, Mailbox, StoredMessage
from scripts.local.provider.wire import Json

Item = TypeVar("Item")

MAXIMUM_PAGE = 500
_ESTIMATE_CEILING = 201
_HEXADECIMAL = re.compile(r"[0-9a-f]{1,16}")
_READING_SCOPES = frozenset(
    {
        "https://mail.google.com/",
        "https://www.googleapis.com/auth/gmail.modify",
        "https://www.googleapis.com/auth/gmail.readonly",
    }
)


def own_mailbox(request: ApiRequest) -> Mailbox:
    """The mailbox of `userId`: `me` or the caller's own address; 403 for any other."""
    user = request.parameters.required("userId")
    if user != "me" and user.lower() != request.account.email.lower():
        raise ApiError(403, "forbidden", f"Delegation denied for {request.account.email}")
    return request.account.mailbox


def reads_bodies(request: ApiRequest) -> bool:
    """Whether a granted scope reaches beyond metadata."""
    return bool(_READING_SCOPES & set(request.token.scopes))


def checked_id(value: str) -> str:
    """A message or thread id; 400 if it cannot be one."""
    if not _HEXADECIMAL.fullmatch(value):
        raise invalid_argument("Invalid id value")
    return value


def page_of(
    request: ApiRequest, query: str, items: Sequence[Item], key: Callable[[Item], list[int | str]]
) -> tuple[list[Item], str | None]:
    """One page of items that are sorted by `key`, and the token of the next; 400 if the token is wrong."""
    start = 0
    if token := request.parameters.text("pageToken"):
        try:
            position = pages.read(query, token)
        except pages.InvalidToken:
            raise invalid_argument("Invalid pageToken") from None
        start = sum(key(item) <= position.after for item in items)
    size = min(request.parameters.number("maxResults", 100), MAXIMUM_PAGE)
    chosen = list(items[start : start + size])
    if not chosen or start + size >= len(items):
        return chosen, None
    return chosen, pages.write(query, pages.Position(key(chosen[-1]), 0, 0))


def place_in_list(stored: StoredMessage) -> list[int | str]:
    """What sorts a message among others: newest first."""
    return [-stored.internal_date, stored.id]


def found_messages(request: ApiRequest, mailbox: Mailbox) -> list[StoredMessage]:
    """What `q`, `labelIds` and `includeSpamTrash` select, newest first."""
    query = request.parameters.text("q") or ""
    if query and not reads_bodies(request):
        raise ApiError(403, "forbidden", "Metadata scope does not support 'q' parameter")
    search = compile_search(query, mailbox)
    labels = set(request.parameters.many("labelIds"))
    unknown = sorted(label for label in labels if not _is_label(mailbox, label))
    if unknown:
        raise invalid_argument(f"Invalid label: {unknown[0]}")
    hidden = request.parameters.flag("includeSpamTrash") or search.includes_hidden or labels & {"SPAM", "TRASH"}
    return [
        stored
        for stored in mailbox.newest_first()
        if labels <= stored.labels and (hidden or visible(stored)) and search.matches(stored)
    ]


def _is_label(mailbox: Mailbox, label: str) -> bool:
    return label in SYSTEM_LABELS or label in mailbox.label_names


def query_name(kind: str, request: ApiRequest) -> str:
    """Names the list that a page token belongs to."""
    parameters = request.parameters
    return pages.fingerprint(
        kind,
        request.account.email,
        parameters.text("q"),
        sorted(parameters.many("labelIds")),
        parameters.flag("includeSpamTrash"),
    )


def estimate(count: int) -> int:
    """Gmail stops counting early."""
    return min(count, _ESTIMATE_CEILING)


def list_messages(request: ApiRequest) -> Json:
    """gmail.users.messages.list"""
    found = found_messages(request, own_mailbox(request))
    chosen, token = page_of(request, query_name("messages", request), found, place_in_list)
    answer: Json = {"resultSizeEstimate": estimate(len(found))}
    if chosen:
        answer["messages"] = [{"id": stored.id, "threadId": stored.thread_id} for stored in chosen]
    if token:
        answer["nextPageToken"] = token
    return answer


def message_resource(request: ApiRequest, stored: StoredMessage) -> Json:
    """A message in the asked `format`; 403 if the scope allows no more than metadata."""
    form = request.parameters.required("format")
    if form in ("full", "raw") and not reads_bodies(request):
        raise ApiError(403, "forbidden", f"Metadata scope doesn't allow format {form.upper()}")
    resource: Json = {
        "id": stored.id,
        "threadId": stored.thread_id,
        "snippet": stored.snippet,
        "historyId": str(stored.history_id),
        "internalDate": str(stored.internal_date),
        "sizeEstimate": len(stored.raw),
    }
    if stored.labels:
        resource["labelIds"] = sorted(stored.labels)
    if form == "full":
        resource["payload"] = mime.to_payload(stored.document, stored.id)
    elif form == "metadata":
        resource["payload"] = mime.to_metadata(stored.document, request.parameters.many("metadataHeaders"))
    elif form == "raw":
        resource["raw"] = mime.to_base64url(stored.raw)
    return resource


def get_message(request: ApiRequest) -> Json:
    """gmail.users.messages.get"""
    stored = own_mailbox(request).messages.get(checked_id(request.parameters.required("id")))
    if stored is None:
        raise entity_not_found()
    return message_resource(request, stored)


def get_attachment(request: ApiRequest) -> Json:
    """gmail.users.messages.attachments.get"""
    message_id = checked_id(request.parameters.required("messageId"))
    stored = own_mailbox(request).messages.get(message_id)
    if stored is None:
        raise entity_not_found()
    data = mime.attachment_data(stored.document, message_id, request.parameters.required("id"))
    if data is None:
        raise invalid_argument("Invalid attachment token")
    return {"size": len(data), "data": mime.to_base64url(data)}


HANDLERS: dict[str, Handler] = {
    "gmail.users.messages.list": list_messages,
    "gmail.users.messages.get": get_message,
    "gmail.users.messages.attachments.get": get_attachment,
}
