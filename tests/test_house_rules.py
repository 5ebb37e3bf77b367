"""Each rule of the house catches its breach, in a small house that keeps all of them."""

import ast
import importlib.util
from pathlib import Path
from typing import Any

import pytest

from scripts import house_rules
from scripts.house_rules import ROOM_ORDER, calls_on_one_side, compared_secrets, rooms_without_place

KEPT = {
    "functions/catalog.yaml": "functions: {tokens: {kms: true, databases: [vault]}, mail: {callers: [gateway]}}\n",
    "functions/tokens/main.py": "from lib.accounts.vault import vault\n\n\ndef act(body):\n    return vault.do(body)\n",
    "functions/mail/main.py": "from lib.office import mail\n\n\ndef act(body):\n    return mail.act(body)\n",
    "lib/core/keys.py": "import tink\nfrom lib.core.store import person\n",
    "lib/core/tasks.py": "from google.api_core.exceptions import NotFound\n",
    "lib/core/http.py": "import flask\n",
    "lib/core/stream.py": "import starlette\n\n\nasync def events():\n    return\n",
    "lib/usage/store.py": "from google.cloud import firestore\nfrom lib.core.store import client, person\n",
    "lib/usage/rate.py": "from lib.core.store import NotFound, UserId\nfrom lib.usage import store\n",
    "lib/accounts/vault/vault.py": "from lib.accounts.vault import store\n",
    "lib/office/mail.py": "from lib.accounts import access\n",
    "lib/office/google/client.py": "import googleapiclient\n",
    "tests/test_mail.py": "from lib.office import mail\n",
}
BREACHES = {
    "a framework in a room": ("lib/office/mail.py", "import flask", "only lib/core/http.py"),
    "core that knows a room": ("lib/core/keys.py", "from lib.usage import rate", "core knows no capability"),
    "a room that knows one above": ("lib/usage/rate.py", "from lib.chat import store", "usage stands below chat"),
    "scripts in a room": ("lib/usage/rate.py", "import scripts.local", "lib does not know the scripts"),
    "Firestore beside the store": ("lib/usage/rate.py", "from google.cloud import firestore", "only store modules"),
    "Firestore's errors beside the store": (
        *(
            "lib/usage/rate.py",
            "from google.api_core.exceptions import RetryError",
            "only store modules touch Firestore",
        ),
    ),
    "a vendor's SDK in a room": ("lib/office/mail.py", "import googleapiclient", "only vendor folders"),
    "Google's identity in a room": ("lib/office/mail.py", "from google.oauth2 import id_token", "only vendor folders"),
    "a document beside the store": ("lib/usage/rate.py", "from lib.core.store import person", "reach documents"),
    "a client beside the store": ("lib/usage/rate.py", "from lib.core.store import client as c", "reach documents"),
    "the store as a module": ("lib/usage/rate.py", "from lib.core import store", "reach documents"),
    "all of the store": ("lib/usage/rate.py", "from lib.core.store import *", "reach documents"),
    "a document in a function": (
        *("functions/mail/main.py", "from lib.core.store import global_document", "only store modules reach documents"),
    ),
    "a coroutine in a room": ("lib/office/mail.py", "async def read(): ...", "lib is synchronous"),
    "a relative import": ("lib/office/mail.py", "from . import merge", "imports are absolute"),
    "a relative import of a module": ("lib/office/google/client.py", "from ..mail import read", "imports are absolute"),
    "an SDK in a function": ("functions/mail/main.py", "import googleapiclient", "a function imports no SDK"),
    "the vault in another function": ("functions/mail/main.py", "import lib.accounts.vault.vault", "opens the vault"),
    "the vault in a room": ("lib/office/mail.py", "from lib.accounts.vault import vault", "opens the vault"),
    "a second file of a function": ("functions/mail/more.py", "", "holds main.py and nothing else"),
    "a function that is not in the catalogue": ("functions/extra/main.py", "", "extra is either in the catalogue"),
    "a key for another function": (
        *("functions/catalog.yaml", "functions: {tokens: {}, mail: {kms: true}}", "only tokens has the key"),
    ),
    "a secret that is compared step by step": (
        *("lib/usage/rate.py", "def is_right(given, known):\n    return given.token == known", "hmac.compare_digest"),
    ),
    "a name that says nothing": ("lib/usage/utils.py", "", "the name says nothing"),
    "a file with several subjects": (
        "lib/usage/rate.py",
        "\n" * (house_rules.LONGEST_FILE + 1),
        "more than one subject",
    ),
}
LOGIC = [
    *("if body: return 1", "return 1 if body else 2", "return body or 1", "match body:\n        case 1: return 2"),
    *("for part in body: print(part)", "while body: body.pop()", "try: return 1\n    finally: print()"),
    *("return [part for part in body]", "return {part for part in body}", "return {part: 1 for part in body}"),
    *("return any(part for part in body)", "return sorted(body, key=lambda part: part)"),
]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A house with the rules' own module in it, so that they are checked there."""
    rules = Path(house_rules.__file__).read_text(encoding="utf-8")
    for place, text in (KEPT | {"scripts/house_rules.py": rules}).items():
        write(tmp_path / place, text)
    return tmp_path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def breaches(house: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the rules say of the house."""
    spec = importlib.util.spec_from_file_location("rules_of_this_house", house / "scripts" / "house_rules.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    status = module.main()
    found = capsys.readouterr().out.splitlines()
    assert status == (1 if found else 0)
    return found


def test_a_house_that_keeps_the_rules_has_no_breach(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert breaches(house, capsys) == []


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_named_with_its_place(house: Path, capsys: pytest.CaptureFixture[str], breach: str) -> None:
    place, text, complaint = BREACHES[breach]
    is_module = place.endswith(".py")
    write(house / place, f"{KEPT.get(place, '') if is_module else ''}{text}\n")
    found = breaches(house, capsys)
    assert [line for line in found if complaint in line], found
    assert all(line.startswith(place if is_module and "extra" not in place else "functions") for line in found), found


@pytest.mark.parametrize("logic", LOGIC)
def test_logic_in_a_function_is_a_breach(house: Path, capsys: pytest.CaptureFixture[str], logic: str) -> None:
    write(house / "functions/mail/main.py", f"def act(body):\n    {logic}\n")
    found = breaches(house, capsys)
    assert found
    assert all("act has logic, which belongs in a room" in line for line in found)


@pytest.mark.parametrize(
    "compared",
    [
        *("secret == given", "given != the.signature", "sent['csrf'] == kept", "headers.get('X-Csrf-Token') != kept"),
        *("mac.hexdigest() == given", "read(name).reveal() == given", "token in known", "1 < code_verifier == given"),
    ],
)
def test_secrets_are_not_compared_by_what_stops_at_the_first_difference(compared: str) -> None:
    assert [text for _, text in compared_secrets(ast.parse(compared))] == [compared]


@pytest.mark.parametrize(
    "compared", ["hmac.compare_digest(token, given)", "token is None", "token_type == 'jwt'", "'x' in token", "a < mac"]
)
def test_what_tells_nothing_of_a_secret_may_be_compared(compared: str) -> None:
    assert not list(compared_secrets(ast.parse(compared)))


def test_a_function_admits_only_functions_that_call_it() -> None:
    (breach,) = calls_on_one_side({"one": {"callers": ["gateway", "two"]}, "two": {}})
    assert breach == "functions: one admits two, which does not call it"


def test_a_function_calls_only_functions_that_admit_it() -> None:
    (breach,) = calls_on_one_side({"one": {"callers": ["gateway"]}, "two": {"calls": ["one"]}})
    assert breach == "functions: two calls one, which does not admit it"


def test_a_call_that_stands_with_both_is_in_order_by_name_and_by_task() -> None:
    by_name = {"one": {"callers": ["two"]}, "two": {"calls": ["one"]}}
    by_task = {"one": {"callers": ["tasks-invoker"]}, "two": {"calls": ["one"], "queues": ["later"]}}
    assert not [*calls_on_one_side(by_name), *calls_on_one_side(by_task)]


def test_a_room_without_a_place_in_the_order_is_a_breach() -> None:
    assert not list(rooms_without_place(set(ROOM_ORDER)))
    (breach,) = rooms_without_place({*ROOM_ORDER, "attic"})
    assert breach.startswith("lib/attic: ")
