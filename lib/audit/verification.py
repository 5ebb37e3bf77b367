"""Checks a person's log where it is kept, against the bucket and Cloud KMS, by the verifier that exports carry."""

from collections.abc import Iterator
from typing import Any

from lib.audit import models, store
from lib.audit.chain import Chain, linked_heads
from lib.audit.models import AuditVerification, written
from lib.audit.verify import Verifier
from lib.core import clock
from lib.core.store import UserId


def verify(user: UserId) -> AuditVerification:
    """Recompute everything: entries, seals, proofs, heads, links and signatures.

    All heads are linked to the newest one, so that it is enough to compare that with what the bucket keeps.
    Raises `Unavailable` and Google's API errors.
    """
    # With the clients of Cloud KMS and Cloud Storage, which a function that seldom verifies need not load to start.
    from lib.audit import public_keys

    person = models.of(user)
    chain, verifier = Chain(person), Verifier(person, written(clock.now()))
    for link in chain.links():
        verifier.link(link)
    verifier.loose(*chain.loose())
    newest, _ = store.newest_head()
    heads = list(linked_heads(newest, verifier.heads_wanted))
    verifier.heads(heads, newest, public_keys.of(heads))
    report = verifier.report()
    findings = [*report["findings"], *_unlike_the_bucket(newest, heads)]
    return AuditVerification.model_validate(report | {"findings": findings, "intact": not findings})


def _unlike_the_bucket(newest: int, heads: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    """A head is in the database before it is in the bucket, and then has a plan until it is in both."""
    from lib.audit import kept_heads

    if newest:
        kept = kept_heads.kept(newest)
        if kept is None and not store.is_planned(newest):
            kept = kept_heads.kept(newest)
            if kept is None:
                yield {"place": f"head {newest}", "problem": "is not kept in the bucket"}
        if kept is not None and heads[-1:] != [kept]:
            yield {"place": f"head {newest}", "problem": "is not what is kept in the bucket"}
    following = newest + 1
    if kept_heads.kept(following) is not None and not list(store.heads([following])):
        yield {"place": f"head {following}", "problem": "is kept in the bucket, but is not in the database"}
