"""Values that occur nowhere else are sown into tokens, keys and mail, and looked for wherever they must not be."""

import dataclasses
import importlib
import pkgutil
import re
import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from pydantic import BaseModel

import lib.accounts
from lib.accounts.models import AccessToken, ExchangeRequest, Provider
from lib.accounts.ports import Grant
from lib.accounts.token_endpoint import TokenAnswer
from lib.accounts.vault import keysets, store
from lib.accounts.vault.sealing import Tokens
from lib.core import clock, keys
from lib.core.errors import Problem
from lib.core.keys import KeySettings
from lib.core.store import Database, UserId, client
from scripts.local.project import VAULT_KEY
from tests.accounts.answering import configured
from tests.accounts.sealed_person import HOUR, make_due
from tests.briefly import Briefly, Client, eventually
from tests.faults.evidence import Logs
from tests.faults.invariants import PART_OF_TOKEN

READING_MAIL = "https://www.googleapis.com/auth/gmail.readonly"
SEED = 70_711
LONGER_THAN_A_TOKEN = 3700
SECRET_NAMES = re.compile(r"(^|_)(token|code|verifier|secret|access|refresh|key|keyset)$")
# What has such a name and is none.
HARMLESS = {("Statement", "key"), ("Certificate", "public_key")}


@dataclass
class Sown:
    """The canaries by their kind, and what answered while they were in use."""

    briefly: Briefly
    person: Client
    email: str
    account: str
    mail: str
    keys: dict[str, bytes] = field(default_factory=dict)
    tokens: dict[str, list[str]] = field(default_factory=dict)
    answers: list[requests.Response] = field(default_factory=list)

    @property
    def user(self) -> UserId:
        return UserId(self.person.user)

    def hand_out(self, scope: str = READING_MAIL, refused: str | None = None) -> requests.Response:
        wish: dict[str, Any] = {"account_id": self.account, "purpose": "read mail", "scopes": [scope]}
        if refused is not None:
            wish["refused_token_hash"] = refused
        answer = self.briefly.as_function("mail", "tokens", "/access-tokens", self.person.user, wish)
        if not answer.ok:
            self.answers.append(answer)
        return answer

    def note_keys(self, when: str) -> None:
        """The keys themselves, as nobody but the vault may know them."""
        found = store.keyset(self.user)
        assert found
        opened = keys.unwrap(found[0].wrapped, f"briefly/keyset/{self.user}")
        for number, key in enumerate(keys._proto(opened).key):
            # The key's own bytes stand behind two of the form's.
            self.keys[f"key {number} {when}"] = key.key_data.value[-32:]

    def note_tokens(self) -> None:
        """All that Google has given out, while it still knows."""
        for kind, values in self.briefly.control("google", "GET", f"tokens?user={self.email}").items():
            self.tokens.setdefault(kind, []).extend(values)

    def needles(self) -> Iterator[tuple[str, str]]:
        """What to look for: a part of each token, each key in the forms in which it could be written."""
        for kind, values in self.tokens.items():
            yield from ((kind, value[PART_OF_TOKEN]) for value in values)
        for kind, key in self.keys.items():
            for form in (key.hex(), _inner(b64encode(key)), _inner(urlsafe_b64encode(key)), repr(key)[2:-1]):
                yield kind, form
        yield "mail", self.mail


def _inner(encoded: bytes) -> str:
    """Without what depends on what follows."""
    return encoded.decode().rstrip("=")[:-1]


@pytest.fixture(scope="module")
def sown(briefly: Briefly) -> Iterator[Sown]:
    """Somebody to whom everything has happened that can happen to tokens and keys."""
    with configured(KeySettings(vault_key=VAULT_KEY)):
        keysets._kept.clear()
        person = briefly.sign_up()
        email = briefly.unseen_mailbox(SEED)
        mail = f"canary{secrets.token_hex(12)}"
        letter = {"user": email, "sender": "somebody@people.example", "subject": "Hello", "text": f"It is {mail}."}
        briefly.control("google", "POST", "mail", letter)
        sown = Sown(briefly, person, email, person.connect_google(email), mail)
        _live(sown)
        yield sown


def _live(sown: Sown) -> None:
    """Hand-out, reading, refresh, failures, rotation, and the end."""
    briefly, person = sown.briefly, sown.person
    sown.note_keys("at first")
    assert sown.hand_out().ok
    (shown,) = [one for one in person.get("/mail/")["messages"] if one["subject"] == "Hello"]
    assert sown.mail in person.call("GET", f"/mail/{shown['id']}").text
    briefly.move_clock(LONGER_THAN_A_TOKEN)
    assert sown.hand_out().ok
    briefly.move_clock(LONGER_THAN_A_TOKEN)
    fault = {"match": {"path_prefix": "/token"}, "kind": "error", "status": 503, "times": None}
    briefly.control("google", "POST", "faults", fault)
    assert sown.hand_out().status_code in (502, 503)
    briefly.control("google", "DELETE", "faults")
    briefly.move_clock(LONGER_THAN_A_TOKEN)
    assert sown.hand_out().ok
    assert sown.hand_out(scope="https://www.googleapis.com/auth/calendar.readonly").status_code == 403
    _fail_to_connect(sown)
    sown.note_tokens()
    _rotate(sown)
    sown.note_keys("afterwards")
    assert sown.hand_out().ok
    _spoil(sown)
    sown.note_tokens()
    briefly.control("clerk", "DELETE", f"users/{person.user}")
    eventually(lambda: store.keyset(sown.user) is None)


def _fail_to_connect(sown: Sown) -> None:
    code, verifier = sown.person.code_at("google", sown.email)
    sown.tokens["codes of failures"] = [code + code]
    redirect = sown.briefly.state.endpoints.redirect_url("google")
    wish = {"provider": "google", "code": code, "code_verifier": verifier[::-1], "redirect_url": redirect}
    answer = sown.briefly.as_function("accounts", "tokens", "/exchanges", sown.person.user, wish)
    assert answer.status_code == 422
    sown.answers.append(answer)


def _rotate(sown: Sown) -> None:
    make_due(sown.user)
    before = store.keyset(sown.user)
    assert before
    sown.briefly.run_schedule("rotate-keysets")

    def is_rotated() -> bool:
        latest = store.keyset(sown.user)
        return latest is not None and latest[0].primary != before[0].primary and not latest[0].older

    eventually(is_rotated)


def _spoil(sown: Sown) -> None:
    """Tokens that nobody can open: what is said of them is said in a log."""
    found = store.read(sown.user, sown.account)
    assert found
    whole = found[0].sealed
    assert store.change(found[1], sealed=whole[:-1] + bytes([whole[-1] ^ 1]))
    assert sown.hand_out().status_code == 500
    again = store.read(sown.user, sown.account)
    assert again
    assert store.change(again[1], sealed=whole)


def found_in(sown: Sown, text: str) -> list[str]:
    return sorted({kind for kind, needle in sown.needles() if needle in text})


def test_all_kinds_were_sown_and_are_found_where_they_are(sown: Sown) -> None:
    kinds = {kind for kind, _ in sown.needles()}
    assert {"mail", "key 0 at first", "key 0 afterwards", "codes of failures"} < kinds
    assert any("refresh" in kind for kind in kinds)
    assert any("access" in kind for kind in kinds)
    assert sown.keys["key 0 at first"] != sown.keys["key 0 afterwards"]
    for kind, needle in sown.needles():
        assert kind in found_in(sown, f"before {needle} after")


def test_no_log_of_the_local_cloud_holds_one(sown: Sown) -> None:
    lines = Logs(sown.briefly.state.folder / "logs").more()
    assert any('"tokens"' in line for line in lines)
    assert found_in(sown, "\n".join(lines)) == []


def test_no_error_document_holds_one(sown: Sown) -> None:
    assert len(sown.answers) >= 4
    for answer in sown.answers:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert found_in(sown, f"{answer.text} {answer.headers}") == []


@pytest.mark.parametrize("database", [Database.DEFAULT, Database.AUDIT, Database.VAULT])
def test_no_export_of_a_database_holds_one(sown: Sown, database: Database) -> None:
    documents = [
        f"{snapshot.reference.path} {snapshot.to_dict()!r}"
        for root in client(database).collections()
        for snapshot in root.recursive().stream()
    ]
    assert documents
    assert found_in(sown, "\n".join(documents)) == []


def test_nothing_that_holds_one_shows_it(sown: Sown) -> None:
    code, verifier, token = (secrets.token_urlsafe(48) for _ in range(3))
    redirect = "https://briefly.example/back"
    keyset = keys.new_keyset()
    own = keys._proto(keyset).key[0].key_data.value
    things = [
        *(keyset, keyset.rotated(), keyset.without_older(), Tokens(token, token), KeySettings(vault_key="a key")),
        AccessToken(token=token, expires_at=clock.now()),
        ExchangeRequest(provider=Provider.GOOGLE, code=code, code_verifier=verifier, redirect_url=redirect),
        Grant(token, token, HOUR, frozenset(), lasts_unused=HOUR),
        TokenAnswer(access_token=token, refresh_token=token, id_token=token, expires_in=60),
    ]
    shown = "\n".join(f"{thing!r} {thing} {[thing]} {vars(type(thing)).get('__doc__')}" for thing in things)
    assert [value for value in (code, verifier, token, repr(own)[2:-1], own.hex()) if value in shown] == []


def test_what_could_not_be_opened_tells_nothing_of_what_it_is() -> None:
    keyset = keys.new_keyset()
    sealed = keyset.seal(b"a canary", "here")
    with pytest.raises(Problem) as refused:
        keyset.open(sealed, "there")
    said = f"{refused.value!r} {refused.value} {refused.value.document()} {refused.value.__cause__}"
    assert "canary" not in said
    assert sealed.hex() not in said


def test_every_field_for_a_secret_stays_out_of_what_its_model_shows() -> None:
    shown = {(owner, name) for owner, name in _shown_fields() if SECRET_NAMES.search(name)}
    assert shown == HARMLESS


def _shown_fields() -> Iterator[tuple[str, str]]:
    """The fields that their reprs show, of every model and dataclass in the room."""
    for module in pkgutil.walk_packages(lib.accounts.__path__, "lib.accounts."):
        for kind in vars(importlib.import_module(module.name)).values():
            if isinstance(kind, type) and "__repr__" not in vars(kind) and issubclass(kind, BaseModel):
                yield from ((kind.__name__, name) for name, one in kind.model_fields.items() if one.repr)
            elif isinstance(kind, type) and dataclasses.is_dataclass(kind):
                yield from ((kind.__name__, one.name) for one in dataclasses.fields(kind) if one.repr)
