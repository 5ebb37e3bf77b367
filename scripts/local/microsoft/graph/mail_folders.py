"""Mail folders: the top ones, those in a folder, and one by its id or well-known name.

Sources: https://learn.microsoft.com/graph/api/user-list-mailfolders, https://learn.microsoft.com/graph/api/mailfolder-get
and https://learn.microsoft.com/graph/api/mailfolder-list-childfolders
"""

from collections.abc import Iterable

from scripts.local.microsoft.graph.errors import item_not_found, malformed_id
from scripts.local.microsoft.graph.identifiers import is_container_id
from scripts.local.microsoft.graph.listing import listed
from scripts.local.microsoft.graph.mailbox import ROOT, WELL_KNOWN, Folder, Mailbox
from scripts.local.microsoft.graph.properties import FOLDER
from scripts.local.microsoft.graph.query_options import LIST, ONE, read_options
from scripts.local.microsoft.graph.request import GraphRequest, Json
from scripts.local.provider.wire import Answer

_LIST_OPTIONS = (*LIST, "includeHiddenFolders")


def folder_of(request: GraphRequest, named: str) -> Folder:
    """The folder that a path names. Raises GraphError."""
    if named.casefold() not in (ROOT, *WELL_KNOWN) and not is_container_id(named):
        raise malformed_id()
    folder = request.account.mailbox.find_folder(named)
    if folder is None:
        raise item_not_found()
    return folder


def list_folders(request: GraphRequest) -> Answer:
    """GET /me/mailFolders"""
    return _listed(request, request.account.mailbox.children(ROOT), "mailFolders")


def list_child_folders(request: GraphRequest) -> Answer:
    """GET /me/mailFolders/{folder}/childFolders"""
    named = request.parameters["folder"]
    children = request.account.mailbox.children(folder_of(request, named).key)
    return _listed(request, children, f"mailFolders('{named}')/childFolders")


def get_folder(request: GraphRequest) -> Answer:
    """GET /me/mailFolders/{folder}"""
    options = read_options(request.call, FOLDER, ONE)
    resource = _resource(request.account.mailbox, folder_of(request, request.parameters["folder"]))
    context = request.context("mailFolders/$entity")
    return request.answer({"@odata.context": context, **options.selected(resource, FOLDER)})


def _listed(request: GraphRequest, folders: Iterable[Folder], where: str) -> Answer:
    options = read_options(request.call, FOLDER, _LIST_OPTIONS)
    found = [_resource(request.account.mailbox, folder) for folder in folders]
    return listed(request, options, found, where, lambda one: options.selected(one, FOLDER))


def _resource(mailbox: Mailbox, folder: Folder) -> Json:
    held = mailbox.newest_first(folder.key)
    return {
        "id": mailbox.folder_id(folder.key),
        "displayName": folder.name,
        "parentFolderId": mailbox.folder_id(folder.parent or ROOT),
        "childFolderCount": len(mailbox.children(folder.key)),
        "unreadItemCount": sum(not stored.is_read for stored in held),
        "totalItemCount": len(held),
        "sizeInBytes": sum(stored.size for stored in held),
        "isHidden": False,
    }
