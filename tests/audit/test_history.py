"""Any history, sealed and attested in any parts, verifies; trees are those of RFC 6962."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from lib.audit import heads, merkle, seals, verify
from lib.audit.chain import linked_heads
from lib.audit.models import PersonHash, Pointer, written

KEY = rsa.generate_private_key(public_exponent=65537, key_size=3072)
PEM = (
    KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
)
START = datetime(2026, 11, 25, 12, tzinfo=UTC)
PEOPLE = [PersonHash("a" * 24), PersonHash("b" * 24), PersonHash("c" * 24)]

# The inputs and roots of certificate-transparency's own tests: https://github.com/google/certificate-transparency
LEAVES = ["", "\0", "\x10", " !", "01", "@ABC", "PQRSTUVW", "`abcdefghijklmno"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_root_is_that_of_the_rfc(size: int) -> None:
    assert merkle.tree(LEAVES[:size]).root == ROOTS[size - 1]


@pytest.mark.parametrize("size", [*range(1, 18), 31, 32, 33, 100])
def test_each_leaf_leads_to_the_root_by_its_own_index_only(size: int) -> None:
    leaves = [f"{number:064x}" for number in range(size)]
    tree = merkle.tree(leaves)
    for index, leaf in enumerate(leaves):
        path = tree.paths[index]
        assert verify.root_of(leaf, index, size, path) == tree.root
        others = {verify.root_of(leaf, other, size, path) for other in range(-1, size + 1) if other != index}
        assert tree.root not in others
        assert verify.root_of(leaves[index - 1], index, size, path) != tree.root or size == 1
        assert verify.root_of(leaf, index, size, [*path, "0" * 64]) != tree.root


@dataclass
class Log:
    """The log of a few people, kept in memory, and made by the functions that make the real one."""

    now: datetime = START
    waiting: dict[PersonHash, list[dict[str, Any]]] = field(default_factory=lambda: {each: [] for each in PEOPLE})
    links: dict[PersonHash, list[dict[str, Any]]] = field(default_factory=lambda: {each: [] for each in PEOPLE})
    heads: dict[int, dict[str, Any]] = field(default_factory=dict)

    def write(self, person: PersonHash, purpose: str) -> None:
        self.now += timedelta(seconds=1)
        texts = {"action": "hand-out", "caller": "mail", "purpose": purpose, "account_id": "", "outcome": "handed out"}
        entry = {
            "version": 1,
            "id": f"aud_{self.now.timestamp():.0f}",
            "person": person,
            "at": written(self.now),
            **texts,
        }
        self.waiting[person].append(entry)

    def seal(self, person: PersonHash, count: int) -> None:
        entries, self.waiting[person] = self.waiting[person][:count], self.waiting[person][count:]
        if not entries:
            return
        newest = self.links[person][-1]["seal"] if self.links[person] else {"number": 0, "hash": ""}
        pointers = [Pointer(person, each["id"], verify.hash_of("entry", each)) for each in entries]
        seal = seals.following((newest["number"], newest["hash"]), person, pointers, self.now)
        self.links[person].append({"seal": seal, "entries": entries, "proof": None, "awaits_proof": True})

    def attest(self, count: int) -> None:
        unproved = [link for links in self.links.values() for link in links if link["proof"] is None][:count]
        if not unproved:
            return
        newest = self.heads[len(self.heads)] if self.heads else {"number": 0, "hash": ""}
        pointers = [
            Pointer(link["seal"]["person"], f"{link['seal']['number']:010d}", link["seal"]["hash"]) for link in unproved
        ]
        skipped = self.heads.get(verify.skipped_to(newest["number"] + 1), {"hash": ""})["hash"]
        head = heads.following((newest["number"], newest["hash"]), skipped, pointers, self.now)
        signature = KEY.sign(verify.signed_bytes("head", head), padding.PKCS1v15(), hashes.SHA256())
        signed = {"key_version": "1", "algorithm": verify.ALGORITHM, "value": base64.b64encode(signature).decode()}
        self.heads[head["number"]] = head | {"signature": signed}
        for link, (_, proof) in zip(unproved, heads.proofs(head["number"], pointers), strict=True):
            link |= {"proof": proof, "awaits_proof": False}

    def report(self, person: PersonHash) -> dict[str, Any]:
        verifier = verify.Verifier(person, written(self.now))
        for link in self.links[person]:
            verifier.link(link)
        waiting = self.waiting[person]
        verifier.loose([{"id": each["id"], "hash": verify.hash_of("entry", each)} for each in waiting], waiting)
        numbers = verify.linking(len(self.heads), verifier.heads_wanted)
        verifier.heads([self.heads[number] for number in numbers], len(self.heads), {"1": PEM})
        return verifier.report()


PERSON = st.sampled_from(PEOPLE)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), PERSON, st.text()),
        st.tuples(st.just("seal"), PERSON, st.integers(1, 5)),
        st.tuples(st.just("attest"), st.integers(1, 5)),
    ),
    max_size=60,
)


def played(steps: list[tuple[Any, ...]]) -> Log:
    log = Log()
    for step, *arguments in steps:
        getattr(log, step)(*arguments)
    return log


@given(STEPS)
def test_any_history_sealed_in_any_parts_verifies(steps: list[tuple[Any, ...]]) -> None:
    log = played(steps)
    for person in PEOPLE:
        report = log.report(person)
        assert report["findings"] == []
        assert report["entries"] == sum(len(link["entries"]) for link in log.links[person])
        assert report["waiting_entries"] == len(log.waiting[person])
        assert report["attested_seals"] == sum(link["proof"] is not None for link in log.links[person])


def sealed_entries(log: Log) -> Iterator[tuple[PersonHash, list[dict[str, Any]], int]]:
    for person, links in log.links.items():
        for link in links:
            for place in range(len(link["entries"])):
                yield person, link["entries"], place


@given(STEPS, st.randoms(use_true_random=False))
def test_no_history_verifies_without_one_of_its_entries(steps: list[tuple[Any, ...]], drawn: Any) -> None:
    log = played([("write", PEOPLE[0], "x"), ("seal", PEOPLE[0], 1), *steps])
    person, entries, place = drawn.choice(list(sealed_entries(log)))
    dropped = entries.pop(place)
    assert f"entry {dropped['id']}" in {finding["place"] for finding in log.report(person)["findings"]}


@given(st.integers(1, 5000), st.lists(st.integers(1, 5000), max_size=5))
def test_from_the_newest_head_a_short_way_leads_to_every_other(newest: int, wanted: list[int]) -> None:
    older = {number for number in wanted if number <= newest}
    numbers = set(verify.linking(newest, older))
    assert older <= numbers
    reached = {newest}
    for number in sorted(numbers, reverse=True):
        assert number in reached
        reached |= {number - 1, verify.skipped_to(number)}
    assert len(numbers) <= 1 + len(older) * newest.bit_length() ** 2


def test_a_head_that_is_missing_on_the_way_to_another_is_found() -> None:
    log = played(
        [step for _ in range(6) for step in (("write", PEOPLE[0], "x"), ("seal", PEOPLE[0], 1), ("attest", 1))]
    )
    del log.links[PEOPLE[0]][1:5]
    verifier = verify.Verifier(PEOPLE[0], written(log.now))
    for link in log.links[PEOPLE[0]]:
        verifier.link(link)
    way = verify.linking(6, {1, 6})
    assert way == [1, 2, 3, 4, 6]
    verifier.heads([log.heads[number] for number in way if number != 3], 6, {"1": PEM})
    assert {"place": "head 2", "problem": "is not led to by any later head"} in verifier.findings


def test_an_entry_of_somebody_else_is_found_though_everything_fits() -> None:
    log = played([("write", PEOPLE[0], "x")])
    log.waiting[PEOPLE[0]][0]["person"] = PEOPLE[1]
    log.seal(PEOPLE[0], 1)
    log.attest(1)
    (finding,) = log.report(PEOPLE[0])["findings"]
    assert finding["problem"] == "is of another person"


def test_a_key_verifies_its_own_signature_over_the_same_bytes_only() -> None:
    key, other = verify.PublicKey(PEM), rsa.generate_private_key(public_exponent=65537, key_size=3072)
    modulus = KEY.public_key().public_numbers().n
    for number in range(40):
        data = str(number).encode()
        signature = KEY.sign(data, padding.PKCS1v15(), hashes.SHA256())
        assert key.verifies(signature, data)
        altered = [signature[:-1], signature + b"\0", b"\0" + signature, signature[:-1] + bytes([signature[-1] ^ 1])]
        altered += [
            other.sign(data, padding.PKCS1v15(), hashes.SHA256()),
            KEY.sign(data, padding.PKCS1v15(), hashes.SHA512()),
        ]
        shifted = int.from_bytes(signature, "big") + modulus
        altered += [shifted.to_bytes(384, "big")] if shifted.bit_length() <= 3072 else []
        assert not any(key.verifies(each, data) for each in altered)
        assert not key.verifies(signature, data + b"x")


@pytest.mark.parametrize("size", [2048, 4096])
def test_a_key_of_another_size_is_none(size: int) -> None:
    public = rsa.generate_private_key(public_exponent=65537, key_size=size).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(ValueError, match="size"):
        verify.PublicKey(pem)


def test_heads_that_nobody_wants_are_not_read() -> None:
    assert list(linked_heads(0, set())) == []
