"""A copy of everything that is a person's: asked for, looked at, and fetched by a link that expires."""

from datetime import timedelta

from lib.audit import recording
from lib.audit.models import Action
from lib.core import clock, ids, signed_urls, storage
from lib.core.errors import Conflict, NotFound, TooManyRequests
from lib.core.events import publish
from lib.core.identity import Identity
from lib.core.object_names import ObjectName, personal
from lib.core.settings import load
from lib.core.store import UserId
from lib.lifecycle import store
from lib.lifecycle.models import TOPIC, Export, ExportLink, ExportList, ExportState, UserEvent
from lib.lifecycle.settings import LifecycleSettings

BUCKET = "exports"
ZIP = "briefly-export.zip"
A_DAY = timedelta(days=1)
MOST_A_DAY = 5
LINK_VALID = timedelta(minutes=15)
STUCK_AFTER = timedelta(minutes=30)


class ExportNotReady(Conflict):
    title = "The export is not ready"


def ask(identity: Identity) -> Export:
    """Begin to make an export; the one that is being made, if there is one.

    Raises `TooManyRequests` for more than a few a day.
    """
    person, now = identity.person, clock.now()
    earlier = store.exports(person)
    running = next((one for one in earlier if one.state is ExportState.RUNNING), None)
    if running is not None:
        return running
    if sum(one.requested_at > now - A_DAY for one in earlier) >= MOST_A_DAY:
        raise TooManyRequests(f"At most {MOST_A_DAY} exports a day", headers={"Retry-After": "3600"})
    export = Export(id=ids.new("exp"), requested_at=now, expires_at=now + load(LifecycleSettings).exports_kept)
    recording.record(person, Action.EXPORT, identity.caller, "the person's wish", "asked for")
    store.create_export(person, export, now + STUCK_AFTER)
    publish(TOPIC, UserEvent(type="user.exporting", person=person, subject=export.id))
    return export


def list_all(person: UserId) -> ExportList:
    """The person's exports."""
    now = clock.now()
    return ExportList(exports=[one for one in store.exports(person) if one.expires_at > now])


def read(person: UserId, export_id: str) -> Export:
    """The person's export. Raises `NotFound`, also when it has expired."""
    found = store.export(person, export_id)
    if found is None or found.expires_at <= clock.now():
        raise NotFound("There is no such export")
    return found


def link(identity: Identity, export_id: str) -> ExportLink:
    """A link to the ZIP file. Raises `NotFound`, `ExportNotReady`, `Unavailable`."""
    export = read(identity.person, export_id)
    if export.state is not ExportState.READY:
        raise ExportNotReady()
    name = zip_name(identity.person, export_id)
    recording.record(identity.person, Action.EXPORT, identity.caller, "the person's wish", "link handed out")
    stored = storage.describe(BUCKET, name)
    file_name = f"briefly-{export.requested_at:%Y-%m-%d}.zip"
    url = signed_urls.signed_download(BUCKET, name, generation=stored.generation, file_name=file_name, valid=LINK_VALID)
    return ExportLink(url=url, expires_at=clock.now() + LINK_VALID)


def zip_name(person: UserId, export_id: str) -> ObjectName:
    """What the ZIP file is called in its bucket."""
    return personal(person, export_id, ZIP)
