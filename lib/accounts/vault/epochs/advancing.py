"""From one version of the vault's key to the next, so that what only older ones can open dies, also in every backup.

A state machine whose state is one document. Each step can be done again, by anybody, after whoever began it died, and
by two at once; only its end is written, by compare-and-set:

creating     There is a version that is newer than all that there were.
promoting    The key encrypts with it. From here on no keyset is kept that an older version wrapped.
rewrapping   Every living keyset is wrapped by it, or by a later one: a query for others finds none. None can come
             back, since what is written is compared with the floor in the same transaction.
destroying   Asked once more, the query finds none, and the destruction of all older versions is ordered.
certifying   Those whose keysets were deleted before get their certificates.
resting      Until the next one begins.
"""

from collections.abc import Callable, Mapping

from lib.accounts.vault.epochs import certifying, rewrapping, store
from lib.accounts.vault.epochs.store import Epoch, Phase
from lib.accounts.vault.settings import RotationSettings
from lib.core import clock, key_versions, telemetry
from lib.core.settings import load

_Step = Callable[[Epoch], Epoch | None]


def advance() -> bool:
    """Do the next step that is due; whether there is more to do now. Raises Google's API errors, and `Problem`."""
    found = store.epoch()
    if found is None:
        store.begin(Epoch(begins_at=clock.now() + load(RotationSettings).epoch_length))
        return False
    epoch, snapshot = found
    if epoch.phase is Phase.RESTING and clock.now() < epoch.begins_at:
        return False
    following = _STEPS[epoch.phase](epoch)
    if following is None:
        return False
    if following != epoch:
        store.advance(snapshot, following)
        telemetry.info("the vault's key changes", phase=following.phase, target=following.target)
    return True


def _begin(epoch: Epoch) -> Epoch:
    known = max((version.number for version in key_versions.all_versions()), default=0)
    return epoch.model_copy(update={"phase": Phase.CREATING, "known": known})


def _create(epoch: Epoch) -> Epoch:
    """What somebody has made who died, or who does the same at this moment, serves as well."""
    made = [one.number for one in key_versions.all_versions() if one.usable and one.number > epoch.known]
    target = max(made) if made else key_versions.create()
    return epoch.model_copy(update={"phase": Phase.PROMOTING, "target": target})


def _promote(epoch: Epoch) -> Epoch:
    key_versions.make_primary(epoch.target)
    return epoch.model_copy(update={"phase": Phase.REWRAPPING, "floor": epoch.target})


def _rewrap(epoch: Epoch) -> Epoch | None:
    """None while there are keysets that cannot be wrapped anew: then nothing is destroyed, and somebody has to look."""
    outcome = rewrapping.rewrap(epoch.floor)
    if outcome.done:
        return epoch
    return None if outcome.failed else epoch.model_copy(update={"phase": Phase.DESTROYING})


def _destroy(epoch: Epoch) -> Epoch | None:
    """None while the version that all keysets are wrapped by is not usable: then somebody has to look."""
    if not rewrapping.is_proved(epoch.floor):
        return epoch.model_copy(update={"phase": Phase.REWRAPPING})
    versions = key_versions.all_versions()
    if not any(version.usable for version in versions if version.number == epoch.target):
        telemetry.error("the newest version of the vault's key is not usable", target=epoch.target)
        return None
    for version in versions:
        if version.number < epoch.floor and version.gone_at is None:
            key_versions.order_destruction(version.number)
    destroyed_at = clock.now()
    gone = [version.gone_at for version in key_versions.all_versions() if version.number < epoch.floor]
    final_at = max((at for at in gone if at is not None), default=destroyed_at)
    ended = {"phase": Phase.CERTIFYING, "destroyed_at": destroyed_at, "final_at": final_at}
    return epoch if None in gone else epoch.model_copy(update=ended)


def _certify(epoch: Epoch) -> Epoch:
    if certifying.certify(epoch):
        return epoch
    begins_at = clock.now() + load(RotationSettings).epoch_length
    return epoch.model_copy(update={"phase": Phase.RESTING, "begins_at": begins_at})


_STEPS: Mapping[Phase, _Step] = {
    Phase.RESTING: _begin,
    Phase.CREATING: _create,
    Phase.PROMOTING: _promote,
    Phase.REWRAPPING: _rewrap,
    Phase.DESTROYING: _destroy,
    Phase.CERTIFYING: _certify,
}
