"""Gmail: the profile, threads, labels and the history.

Sources: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users/getProfile, …/users.threads/list,
…/users.threads/get, …/users.labels/list, …/users.labels/get, …/users.history/list
"""

from typing import Any

from scripts.local.google import pages
from scripts.local.google.api_request import ApiRequest, Handler
from scripts.local.google.errors import entity_not_found, invalid_argument
from scripts.local.google.gmail_messages import (
    checked_id,
    estimate,
    found_messages,
    message_resource,
    own_mailbox,
    page_of,
    place_in_list,
    query_name,
)
from scripts.local.google.mailbox import SYSTEM_LABELS, Change, Mailbox, StoredMessage
from scripts.local.provider.wire import Json

_HIDDEN_LABELS = ("CHAT", "UNREAD", "STARRED", "SENT", "INBOX", "IMPORTANT", "TRASH", "DRAFT", "SPAM")
_CHANGE_FIELDS = {
    "messageAdded": "messagesAdded",
    "messageDeleted": "messagesDeleted",
    "labelAdded": "labelsAdded",
    "labelRemoved": "labelsRemoved",
}


def get_profile(request: ApiRequest) -> Json:
    """gmail.users.getProfile"""
    mailbox = own_mailbox(request)
    return {
        "emailAddress": mailbox.owner,
        "messagesTotal": len(mailbox.messages),
        "threadsTotal": len({stored.thread_id for stored in mailbox.messages.values()}),
        "historyId": str(mailbox.history_id),
    }


def list_threads(request: ApiRequest) -> Json:
    """gmail.users.threads.list: the threads with a matching message, the latest match first."""
    mailbox = own_mailbox(request)
    latest: dict[str, StoredMessage] = {}
    for stored in found_messages(request, mailbox):
        latest.setdefault(stored.thread_id, stored)
    matches = list(latest.values())
    chosen, token = page_of(request, query_name("threads", request), matches, place_in_list)
    answer: Json = {"resultSizeEstimate": estimate(len(matches))}
    if chosen:
        answer["threads"] = [_thread_summary(mailbox, stored.thread_id) for stored in chosen]
    if token:
        answer["nextPageToken"] = token
    return answer


def _thread_summary(mailbox: Mailbox, thread_id: str) -> Json:
    members = mailbox.thread(thread_id)
    history_id = max(member.history_id for member in members)
    return {"id": thread_id, "snippet": members[-1].snippet, "historyId": str(history_id)}


def get_thread(request: ApiRequest) -> Json:
    """gmail.users.threads.get"""
    thread_id = checked_id(request.parameters.required("id"))
    members = own_mailbox(request).thread(thread_id)
    if not members:
        raise entity_not_found()
    return {
        "id": thread_id,
        "historyId": str(max(member.history_id for member in members)),
        "messages": [message_resource(request, member) for member in members],
    }


def _label(mailbox: Mailbox, label_id: str) -> Json:
    label: Json = {"id": label_id, "name": mailbox.label_name(label_id)}
    if label_id in mailbox.label_names:
        return label | {"type": "user"}
    if label_id in _HIDDEN_LABELS:
        return label | {"type": "system"}
    return label | {"messageListVisibility": "hide", "labelListVisibility": "labelHide", "type": "system"}


def list_labels(request: ApiRequest) -> Json:
    """gmail.users.labels.list"""
    mailbox = own_mailbox(request)
    return {"labels": [_label(mailbox, label_id) for label_id in (*SYSTEM_LABELS, *mailbox.label_names)]}


def get_label(request: ApiRequest) -> Json:
    """gmail.users.labels.get: with the counts, which the list lacks."""
    mailbox, label_id = own_mailbox(request), request.parameters.required("id")
    if label_id not in SYSTEM_LABELS and label_id not in mailbox.label_names:
        raise entity_not_found()
    labelled = [stored for stored in mailbox.messages.values() if label_id in stored.labels]
    unread = [stored for stored in labelled if "UNREAD" in stored.labels]
    return _label(mailbox, label_id) | {
        "messagesTotal": len(labelled),
        "messagesUnread": len(unread),
        "threadsTotal": len({stored.thread_id for stored in labelled}),
        "threadsUnread": len({stored.thread_id for stored in unread}),
    }


def list_history(request: ApiRequest) -> Json:
    """gmail.users.history.list: 404 when the start is too old or never was, and then a full read is due."""
    mailbox, parameters = own_mailbox(request), request.parameters
    if "startHistoryId" not in parameters.given:
        raise invalid_argument("Missing required parameter: startHistoryId")
    start = int(parameters.required("startHistoryId"))
    if not mailbox.oldest_known_history() <= start <= mailbox.history_id:
        raise entity_not_found()
    kinds, label = set(parameters.many("historyTypes")), parameters.text("labelId")
    changes = [change for change in mailbox.history if change.id > start and _wanted(change, kinds, label)]
    query = pages.fingerprint("history", request.account.email, start, sorted(kinds), label)
    chosen, token = page_of(request, query, changes, lambda change: [change.id])
    answer: Json = {"historyId": str(mailbox.history_id)}
    if chosen:
        answer["history"] = [_history_record(change) for change in chosen]
    if token:
        answer["nextPageToken"] = token
    return answer


def _wanted(change: Change, kinds: set[str], label: str | None) -> bool:
    if kinds and change.kind not in kinds:
        return False
    return label is None or label in change.message_labels or label in change.labels


def _history_record(change: Change) -> Json:
    message: dict[str, Any] = {"id": change.message_id, "threadId": change.thread_id}
    described = message | ({"labelIds": list(change.message_labels)} if change.message_labels else {})
    entry: Json = {"message": described}
    if change.labels:
        entry["labelIds"] = list(change.labels)
    return {"id": str(change.id), "messages": [message], _CHANGE_FIELDS[change.kind]: [entry]}


HANDLERS: dict[str, Handler] = {
    "gmail.users.getProfile": get_profile,
    "gmail.users.threads.list": list_threads,
    "gmail.users.threads.get": get_thread,
    "gmail.users.labels.list": list_labels,
    "gmail.users.labels.get": get_label,
    "gmail.users.history.list": list_history,
}
