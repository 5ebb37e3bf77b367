"""From seals that wait to heads: numbered, linked and signed, and each kept for good before a proof leads to it.

A head is created together with the plan of what is to be done for it, which whoever comes by may finish: to keep it in
the bucket, to give each of its seals a proof, and to end the plan. The next head begins when the plan has ended. All of
these may be done twice, and by two sealers at once.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from lib.audit import kept_heads, store
from lib.audit.merkle import tree
from lib.audit.models import PersonHash, Pointer, written
from lib.audit.verify import VERSION, hash_of, signed_bytes, skipped_to
from lib.core import clock, signatures
from lib.core.errors import Conflict, InternalError

SEALS_PER_HEAD = 1000
PROOFS_AT_ONCE = 100
MOST_OVERTAKINGS = 5


def attest_waiting(has_time: Callable[[], bool]) -> bool:
    """Sign heads over all seals that wait; False if there was not enough time.

    Raises Google's API errors, `Unavailable`, `Conflict` if others are always first, and `InternalError` if another
    head is kept under a number.
    """
    overtaken = 0
    while overtaken < MOST_OVERTAKINGS:
        # Read before the plans and the seals: whoever creates the next head in between takes its number.
        newest = store.newest_head()
        for head, seals in store.plans():
            _finish(head, seals)
        seals = store.unproved(SEALS_PER_HEAD)
        if not seals:
            return True
        if not has_time():
            return False
        head = following(newest, _hash_of_head(skipped_to(newest[0] + 1)), seals, clock.now())
        overtaken += not store.create_head(_signed(head), seals)
    raise Conflict("Other sealers, or a head that is not where it should be, came first each time")


def following(newest: tuple[int, str], skipped: str, seals: Sequence[Pointer], at: datetime) -> dict[str, Any]:
    """The head over these seals that follows the newest one, given by its number and hash; still without a signature.

    `skipped` is the hash of the head that it skips to, or "".
    """
    head = {
        "version": VERSION,
        "number": newest[0] + 1,
        "previous": newest[1],
        "skip": skipped,
        "at": written(at),
        "tree_size": len(seals),
        "root": tree([each.hash for each in seals]).root,
    }
    return head | {"hash": hash_of("head", head)}


def proofs(number: int, seals: Sequence[Pointer]) -> list[tuple[PersonHash, dict[str, Any]]]:
    """The proofs that lead from the seals to the head with this number, and whose they are."""
    paths = tree([each.hash for each in seals]).paths
    leaves = enumerate(zip(seals, paths, strict=True))
    return [
        (seal.person, {"version": VERSION, "seal": int(seal.id), "head": number, "index": index, "path": list(path)})
        for index, (seal, path) in leaves
    ]


def _signed(head: dict[str, Any]) -> dict[str, Any]:
    signature = signatures.sign(signed_bytes("head", head))
    return head | {
        "signature": {
            "key_version": signature.key_version,
            "algorithm": signature.algorithm,
            "value": b64encode(signature.value).decode(),
        }
    }


def _hash_of_head(number: int) -> str:
    if number == 0:
        return ""
    for head in store.heads([number]):
        return str(head["hash"])
    raise InternalError(f"Head {number} is not there, to which a later one is linked")


def _finish(head: dict[str, Any], seals: Sequence[Pointer]) -> None:
    kept_heads.keep(head, seals)
    made = proofs(head["number"], seals)
    for start in range(0, len(made), PROOFS_AT_ONCE):
        store.create_proofs(made[start : start + PROOFS_AT_ONCE])
    store.finish(head)
