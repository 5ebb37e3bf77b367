"""Checks a person's audit log by itself, with nothing but Python's standard library (3.11 and later).

    python verify_audit.py audit.json [an earlier audit.json]

`audit.json` is what Briefly's export has of the audit log. The exit status is 0 if nothing is wrong with it, 1 if
something is, and 2 for what cannot be read at all. With an earlier copy it also says what that one had and this one
has not. Briefly itself checks by this file too.

The format, byte by byte. "The canonical form" of an object is JSON in ASCII with keys sorted by code point, no white
space, everything beyond ASCII as \\uXXXX, and no numbers but whole ones. "The hash of a KIND" is SHA-256, in lower-case
hexadecimal, of the ASCII text `briefly-audit-KIND-1`, a line feed, and the canonical form of the object without its
own `hash` and `signature`. Times are UTC with six digits of a second: 2026-11-25T19:04:02.123456Z.

entry  What was done: version, id, person (a hash that stands for somebody), at, action, caller, purpose, account_id,
       outcome. Its hash is taken when it is written.
seal   Follows the seal before it: version, person, number (from 1), previous (the hash of the seal before, "" for the
       first), at, entries (the id and the hash of each), hash.
head   Signed every hour for everybody: version, number (from 1), previous (the hash of the head before, or ""), skip
       (the hash of the head whose number is this one without its lowest 1 bit, or "" if that is 0), at, tree_size,
       root, hash, signature. The root is of a Merkle tree (RFC 6962, section 2.1) whose leaves are hashes of seals, as
       their 64 ASCII characters. The signature is RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2) over the bytes
       of which the hash is taken. Every head is also kept in a bucket where nobody can replace or delete it for years.
proof  Leads from a seal to the root of a head (RFC 9162, section 2.1.3): seal and head by number, index, path.
"""

import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

VERSION = 1
ALGORITHM = "RSA_SIGN_PKCS1_3072_SHA256"
LONGEST_WAIT = timedelta(hours=3)
LIMITS = (
    "This shows that sealed entries are as they were sealed, and that none is missing between them. It does not show "
    "what happened before an entry was first sealed, within about an hour: who could write to the database then could "
    "leave it out or alter it. Nor does one copy show whether the newest seals were removed together with all of their "
    "entries: compare it with an earlier copy. Who controls the signing key, the database and the bucket together "
    "could have made another log from the start, but not one that agrees with an earlier copy. The public keys are "
    "part of the copy: compare their fingerprints with those that you have from elsewhere."
)


def _fields(whole: str, texts: str, **others: type) -> dict[str, type]:
    return {**dict.fromkeys(whole.split(), int), **dict.fromkeys(texts.split(), str), **others}


_ENTRY = _fields("version", "id person at action caller purpose account_id outcome")
_SEAL = _fields("version number", "person previous at hash", entries=list)
_SEALED = _fields("", "id hash")
_PROOF = _fields("version seal head index", "", path=list)
_HEAD = _fields("version number tree_size", "previous skip at root hash", signature=dict)
_SIGNATURE = _fields("", "key_version algorithm value")
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
# DigestInfo of SHA-256 (RFC 8017, section 9.2, note 1), and what an RSA key's algorithm is in DER (RFC 3279, 2.3.1).
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
_RSA_ENCRYPTION = bytes.fromhex("300d06092a864886f70d0101010500")


def signed_bytes(kind: str, value: Mapping[str, Any]) -> bytes:
    """The bytes of which the hash of an entry, a seal or a head is taken, and over which a head's signature is."""
    bare = {name: value[name] for name in value if name not in ("hash", "signature")}
    canonical = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return f"briefly-audit-{kind}-{VERSION}\n{canonical}".encode("ascii")


def hash_of(kind: str, value: Mapping[str, Any]) -> str:
    """The hash of an entry, a seal or a head."""
    return hashlib.sha256(signed_bytes(kind, value)).hexdigest()


def leaf(seal_hash: str) -> bytes:
    """A leaf of a Merkle tree, for the hash of a seal."""
    return hashlib.sha256(b"\x00" + seal_hash.encode()).digest()


def node(left: bytes, right: bytes) -> bytes:
    """A node of a Merkle tree above two others."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(seal_hash: str, index: int, tree_size: int, path: Sequence[str]) -> str | None:
    """The root that a proof leads to, in hexadecimal; None if it is of another shape (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < tree_size:
        return None
    place, last, found = index, tree_size - 1, leaf(seal_hash)
    for sibling in map(bytes.fromhex, path):
        if last == 0:
            return None
        if place & 1 or place == last:
            found = node(sibling, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node(found, sibling)
        place, last = place >> 1, last >> 1
    return found.hex() if last == 0 else None


def skipped_to(number: int) -> int:
    """The head that a head's `skip` is the hash of; 0 for none."""
    return number & (number - 1)


def linking(newest: int, wanted: Iterable[int]) -> list[int]:
    """The numbers of the heads by which one comes from the newest to each of those wanted, these included."""
    found = {newest} if newest else set()
    for each in wanted:
        number = newest
        while number > each > 0:
            number = skipped_to(number) if skipped_to(number) >= each else number - 1
            found.add(number)
    return sorted(found)


class PublicKey:
    """An RSA key as SubjectPublicKeyInfo in PEM. Raises ValueError for another one."""

    def __init__(self, pem: str):
        lines = pem.strip().splitlines()
        if lines[:1] != ["-----BEGIN PUBLIC KEY-----"] or lines[-1:] != ["-----END PUBLIC KEY-----"]:
            raise ValueError("not a public key in PEM")
        self._der = base64.b64decode("".join(lines[1:-1]), validate=True)
        outer, rest = _element(self._der, 0x30)
        if rest or not outer.startswith(_RSA_ENCRYPTION):
            raise ValueError("not an RSA key")
        bits, _ = _element(outer[len(_RSA_ENCRYPTION) :], 0x03)
        numbers, _ = _element(bits[1:], 0x30)
        modulus, numbers = _element(numbers, 0x02)
        exponent, _ = _element(numbers, 0x02)
        self._modulus, self._exponent = int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")
        if self._modulus.bit_length() != 3072 or self._exponent < 65537:
            raise ValueError("not an RSA key of the right size")

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key in DER, in hexadecimal."""
        return hashlib.sha256(self._der).hexdigest()

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether it is the signature over the data (RFC 8017, section 8.2.2)."""
        size = (self._modulus.bit_length() + 7) // 8
        number = int.from_bytes(signature, "big")
        if len(signature) != size or number >= self._modulus:
            return False
        digest_info = _DIGEST_INFO + hashlib.sha256(data).digest()
        padded = b"\x00\x01" + b"\xff" * (size - len(digest_info) - 3) + b"\x00" + digest_info
        return pow(number, self._exponent, self._modulus).to_bytes(size, "big") == padded


class Verifier:
    """Is shown a log piece by piece: its links in order, what is loose, and at last the heads from the first on.

    `now` is when the log was read.
    """

    def __init__(self, person: str, now: str):
        self.findings: list[dict[str, str]] = []
        self.counts = dict.fromkeys(("entries", "seals", "attested_seals", "waiting_entries", "waiting_seals"), 0)
        self.counts["heads"] = 0
        self.attested_at: str | None = None
        self._person, self._now = person, _time(now)
        self._keys: dict[str, PublicKey] = {}
        self._number, self._previous = 0, ""
        self._sealed_in: dict[str, int] = {}
        self._proofs: list[tuple[int, dict[str, Any]]] = []
        self._unproved: list[int] = []

    @property
    def heads_wanted(self) -> set[int]:
        """The numbers of the heads that the proofs shown so far lead to."""
        return {proof["head"] for _, proof in self._proofs}

    def link(self, link: Any) -> None:
        """A seal with its entries and its proof: seal, entries, proof (or None), awaits_proof."""
        seal = link["seal"]
        place = f"seal {seal.get('number', '?') if isinstance(seal, dict) else '?'}"
        if not self._is_shaped(seal, _SEAL, place):
            return
        if not all(self._is_shaped(one, _SEALED, place) for one in seal["entries"]):
            return
        self.counts["seals"] += 1
        if seal["number"] != self._number + 1:
            self._find(place, f"stands where seal {self._number + 1} should")
        if seal["previous"] != self._previous:
            self._find(place, "does not follow the seal before it")
        if seal["person"] != self._person:
            self._find(place, "is of another person")
        computed = hash_of("seal", seal)
        if seal["hash"] != computed:
            self._find(place, "is not what its hash says")
        self._number, self._previous = seal["number"], computed
        self._entries(seal, link["entries"], place)
        self._proof(seal, computed, link, place)

    def loose(self, waiting: Iterable[Any], entries: Iterable[Any]) -> None:
        """The entries that no seal names, and the ids and hashes of those that wait for one. After all links."""
        expected = {one["id"]: one["hash"] for one in waiting if self._is_shaped(one, _SEALED, "what waits")}
        shaped = [one for one in entries if self._is_shaped(one, _ENTRY, f"entry {_name(one)}")]
        for entry in shaped:
            place = f"entry {entry['id']}"
            if entry["id"] in self._sealed_in:
                self._find(place, "is there a second time")
            elif entry["id"] not in expected:
                self._find(place, "is in no seal and does not wait for one")
            else:
                self.counts["waiting_entries"] += 1
                self._entry(entry, expected.pop(entry["id"]), place)
                if self._is_overdue(entry["at"], place):
                    self._find(place, "waits for a seal for too long")
        for one in expected:
            self._find(f"entry {one}", "waits for a seal, but is not there")

    def heads(self, heads: Iterable[Any], newest: int, keys: Mapping[str, str]) -> None:
        """All heads that are at hand, from the first on, the number of the newest one, and the keys.

        These are PEM texts by the names of the keys' versions.
        """
        for name, pem in keys.items():
            try:
                self._keys[name] = PublicKey(pem)
            except (ValueError, AttributeError, IndexError):
                self._find(f"key {name}", "is not an RSA key that can be read")
        known: dict[int, dict[str, Any]] = {}
        for head in heads:
            place = f"head {head.get('number', '?') if isinstance(head, dict) else '?'}"
            if self._is_shaped(head, _HEAD, place) and self._is_shaped(head["signature"], _SIGNATURE, place):
                if head["number"] <= max(known, default=0):
                    self._find(place, "stands after a later one, or is there twice")
                known[head["number"]] = head
                self._head(head, place)
        self.counts["heads"] = len(known)
        if newest and newest not in known:
            self._find(f"head {newest}", "is the newest one, and is not there")
        self._links_of_heads(known)
        self._roots(known)

    def report(self) -> dict[str, Any]:
        """What was found, and how much was looked at."""
        keys = {name: key.fingerprint for name, key in self._keys.items()}
        found = {"person": self._person, "intact": not self.findings, "findings": self.findings, **self.counts}
        return {**found, "attested_at": self.attested_at, "key_fingerprints": keys, "limits": LIMITS}

    def _entries(self, seal: dict[str, Any], entries: list[Any], place: str) -> None:
        sealed = [one["id"] for one in seal["entries"]]
        shaped = [one for one in entries if self._is_shaped(one, _ENTRY, f"entry {_name(one)}")]
        there = {entry["id"]: entry for entry in shaped}
        for one in seal["entries"]:
            name = f"entry {one['id']}"
            if one["id"] in self._sealed_in:
                self._find(name, f"is sealed twice, in seal {self._sealed_in[one['id']]} and in {place}")
            self._sealed_in[one["id"]] = seal["number"]
            if one["id"] in there:
                self.counts["entries"] += 1
                self._entry(there[one["id"]], one["hash"], name)
            else:
                self._find(name, f"is named by {place}, but is not there")
        given = [entry["id"] for entry in shaped]
        for each in sorted(set(given) - set(sealed)):
            self._find(f"entry {each}", f"stands under {place}, which does not name it")
        if len(given) != len(set(given)):
            self._find(place, "has an entry twice")
        elif [one for one in given if one in sealed] != [one for one in sealed if one in there]:
            self._find(place, "has its entries in another order")

    def _entry(self, entry: dict[str, Any], expected: str, place: str) -> None:
        if entry["person"] != self._person:
            self._find(place, "is of another person")
        if hash_of("entry", entry) != expected:
            self._find(place, "is not what was written")

    def _proof(self, seal: dict[str, Any], seal_hash: str, link: dict[str, Any], place: str) -> None:
        proof = link["proof"]
        if proof is None:
            self._unproved.append(seal["number"])
            self.counts["waiting_seals"] += 1
            if link["awaits_proof"] is not True:
                self._find(place, "has no proof and does not wait for one")
            elif self._is_overdue(seal["at"], place):
                self._find(place, "waits for a proof for too long")
            return
        if self._is_shaped(proof, _PROOF, f"proof of {place}"):
            if self._unproved:
                self._find(f"seal {self._unproved.pop()}", "has no proof, though a later one has")
            if proof["seal"] != seal["number"]:
                self._find(f"proof of {place}", "is of another seal")
            if not all(isinstance(each, str) and _HASH.fullmatch(each) for each in proof["path"]):
                self._find(f"proof of {place}", "has a path that is not made of hashes")
            else:
                self._proofs.append((seal["number"], {**proof, "hash": seal_hash}))

    def _head(self, head: dict[str, Any], place: str) -> None:
        if head["hash"] != hash_of("head", head):
            self._find(place, "is not what its hash says")
        signature = head["signature"]
        key = self._keys.get(signature["key_version"])
        if signature["algorithm"] != ALGORITHM:
            self._find(place, "is signed by an unknown algorithm")
        elif key is None:
            self._find(place, "is signed with a key that is not at hand")
        elif not key.verifies(_decoded(signature["value"]), signed_bytes("head", head)):
            self._find(place, "is not signed by its key")

    def _links_of_heads(self, known: dict[int, dict[str, Any]]) -> None:
        reached = {max(known, default=0)}
        for number in sorted(known, reverse=True):
            head, place = known[number], f"head {number}"
            if number not in reached:
                self._find(place, "is not led to by any later head")
            for field, other in (("previous", number - 1), ("skip", skipped_to(number))):
                if other in known:
                    reached.add(other)
                    if head[field] != known[other]["hash"]:
                        self._find(place, f"does not lead to head {other}")
                elif other == 0 and head[field]:
                    self._find(place, "leads to a head that there cannot be")

    def _roots(self, known: dict[int, dict[str, Any]]) -> None:
        for seal, proof in self._proofs:
            place, head = f"proof of seal {seal}", known.get(proof["head"])
            if head is None:
                self._find(place, f"leads to head {proof['head']}, which is not there")
            elif root_of(proof["hash"], proof["index"], head["tree_size"], proof["path"]) != head["root"]:
                self._find(place, f"does not lead to the root of head {proof['head']}")
            else:
                self.counts["attested_seals"] += 1
                self.attested_at = max(self.attested_at or "", head["at"])

    def _is_overdue(self, at: str, place: str) -> bool:
        moment = _time(at)
        if moment is None or self._now is None:
            self._find(place, "has a time that cannot be read")
            return False
        return self._now - moment > LONGEST_WAIT

    def _is_shaped(self, value: Any, shape: dict[str, type], place: str) -> bool:
        """Whether it has exactly these fields, each of its type, and is of the one version that there is."""
        if not isinstance(value, dict) or set(value) != set(shape):
            self._find(place, "does not have the fields that it should")
        elif any(type(value[name]) is not kind for name, kind in shape.items()):
            self._find(place, "has a field of another type")
        elif value.get("version", VERSION) != VERSION:
            self._find(place, "is of an unknown version")
        else:
            return True
        return False

    def _find(self, place: str, problem: str) -> None:
        self.findings.append({"place": place, "problem": problem})


def verified(document: Any) -> dict[str, Any]:
    """The report on a whole `audit.json`. Raises ValueError for what is none."""
    fields = ("format", "person", "read_at", "chain", "waiting", "loose", "newest_head", "heads", "public_keys")
    if not isinstance(document, dict) or set(document) != set(fields) or document["format"] != VERSION:
        raise ValueError("not an audit log of a known format")
    try:
        verifier = Verifier(document["person"], document["read_at"])
        for link in document["chain"]:
            verifier.link(link)
        verifier.loose(document["waiting"], document["loose"])
        verifier.heads(document["heads"], document["newest_head"], document["public_keys"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an audit log of the known form: {error!r}") from None
    return verifier.report()


def lost_since(earlier: dict[str, Any], document: dict[str, Any]) -> list[dict[str, str]]:
    """What an earlier copy has and a later one has not, as findings."""
    hashes = {link["seal"]["number"]: link["seal"]["hash"] for link in document["chain"]}
    there = {one["id"]: one["hash"] for link in document["chain"] for one in link["seal"]["entries"]}
    there.update((one["id"], one["hash"]) for one in document["waiting"])
    findings = []
    if earlier["person"] != document["person"]:
        findings.append({"place": "the log", "problem": "is of another person than the earlier copy"})
    for link in earlier["chain"]:
        number = link["seal"]["number"]
        if hashes.get(number) != link["seal"]["hash"]:
            findings.append({"place": f"seal {number}", "problem": "was another one in the earlier copy"})
    for one in earlier["waiting"]:
        if there.get(one["id"]) != one["hash"]:
            findings.append({"place": f"entry {one['id']}", "problem": "was another one in the earlier copy"})
    return findings


def main(arguments: list[str]) -> int:
    """The command; the exit status."""
    if len(arguments) not in (1, 2):
        sys.stderr.write("usage: python verify_audit.py audit.json [an earlier audit.json]\n")
        return 2
    try:
        documents = [_loaded(path) for path in arguments]
        report = verified(documents[0])
        if len(documents) == 2:
            verified(documents[1])
            report["findings"] += lost_since(documents[1], documents[0])
            report["intact"] = not report["findings"]
    except (OSError, ValueError, RecursionError, LookupError, TypeError) as error:
        sys.stderr.write(f"cannot be read: {error}\n")
        return 2
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 0 if report["intact"] else 1


def _loaded(path: str) -> Any:
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def _element(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of a DER element with this tag, and what follows it (X.690, section 8.1). Raises ValueError."""
    if len(data) < 2 or data[0] != tag:
        raise ValueError("not the element that should be here")
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    if len(data) < start + length:
        raise ValueError("an element that is cut off")
    return data[start : start + length], data[start + length :]


def _decoded(text: str) -> bytes:
    """What base64 stands for; nothing for other texts. Signatures have 384 bytes, for which there is one text only."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except (ValueError, TypeError):
        return None


def _name(entry: Any) -> str:
    return entry.get("id", "?") if isinstance(entry, dict) else "?"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
