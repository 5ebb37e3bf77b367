"""Issuing the certificates of those whose keysets nothing opens any more."""

import math
from base64 import b64encode
from datetime import timedelta

from lib.accounts.certificates import BUCKET, CONTENT_TYPE, Certificate, Statement
from lib.accounts.vault.epochs import store
from lib.accounts.vault.epochs.store import Epoch, Erasure
from lib.accounts.vault.settings import BackupSettings
from lib.core import clock, signatures, storage
from lib.core.errors import NotFound
from lib.core.key_versions import vault_key
from lib.core.object_names import shared
from lib.core.settings import load
from lib.core.storage import ChangedMeanwhile

MOST_AT_ONCE = 50


def certify(epoch: Epoch) -> bool:
    """Issue some of the certificates that the epoch's end allows; whether there may be more.

    May be done again, and by two at once: what is there is replaced by what says the same of the same receipt.
    """
    waiting = list(store.waiting_for_less_than(epoch.floor, MOST_AT_ONCE))
    for receipt, erasure, snapshot in waiting:
        _keep(receipt, _certificate(_statement(receipt, erasure, epoch)))
        store.certified(snapshot, clock.now())
    return bool(waiting)


def _statement(receipt: str, erasure: Erasure, epoch: Epoch) -> Statement:
    destroyed_at, final_at = epoch.destroyed_at, epoch.final_at
    if destroyed_at is None or final_at is None or erasure.kek_version >= epoch.floor:
        raise ValueError("nothing of this was destroyed yet")
    return Statement(
        receipt=receipt,
        erased_at=erasure.erased_at,
        key=vault_key(),
        destroyed_up_to_version=epoch.floor - 1,
        destroyed_at=destroyed_at,
        final_at=final_at,
        backups_kept_days=math.ceil(load(BackupSettings).backups_kept / timedelta(days=1)),
        issued_at=clock.now(),
    )


def _certificate(statement: Statement) -> Certificate:
    text = statement.model_dump_json()
    signature = signatures.sign(text.encode())
    return Certificate(
        statement=text,
        signature=b64encode(signature.value).decode(),
        algorithm=signature.algorithm,
        key_version=signature.key_version,
        public_key=signatures.public_key(signature.key_version).pem,
    )


def _keep(receipt: str, certificate: Certificate) -> None:
    name, content = shared(receipt), certificate.model_dump_json().encode()
    while True:
        try:
            there = storage.describe(BUCKET, name)
        except NotFound:
            there = None
        try:
            if there is None:
                storage.create(BUCKET, name, content, CONTENT_TYPE)
            else:
                storage.replace(BUCKET, name, content, CONTENT_TYPE, generation=there.generation)
        except ChangedMeanwhile:
            continue
        return
