"""Each package is all that its function needs: unpacked into an empty folder, it is served there.

No process has the repository on its path, or any package but those that the requirements file lists.
"""

import base64
import json
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from lib.core import clock
from lib.maintenance.export_steps import ASSEMBLE
from lib.maintenance.parts import PARTS
from scripts.local.background import BackgroundCloud
from scripts.packaging.package import Package
from tests import clerk
from tests.asking import ask
from tests.briefly import Briefly, Client
from tests.fuzz.callers import Sibling
from tests.model_use import used
from tests.packaging.contents import unpacked
from tests.packaging.environments import installed, linked
from tests.packaging.packaged_copy import Environment, serving
from tests.sse import events

PAGES = {
    "users": "/users/me",
    "accounts": "/accounts/",
    "mail": "/mail/?limit=100",
    "events": "/events/calendars",
    "chat": "/chat/conversations",
    "usage": "/usage/limits",
}
"""What a person reads of a function that only people call."""
OTHERS = {"tokens", "webhooks", "on-user", "on-usage", "on-person", "maintain", "seal-audit", "stream"}


@pytest.fixture(scope="module", params=[linked, pytest.param(installed, marks=pytest.mark.long)])
def environment(request: pytest.FixtureRequest) -> Environment:
    made: Environment = request.param
    return made


@pytest.fixture(scope="module")
def packaged(
    running_copy: BackgroundCloud,
    briefly: Briefly,
    packages: dict[str, Package],
    environment: Environment,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Briefly]:
    """The running copy, with every function served from its package."""
    with serving(running_copy, packages, tmp_path_factory.mktemp("packaged"), environment) as copy:
        yield copy


@pytest.fixture(scope="module")
def resident(briefly: Briefly) -> Client:
    """Somebody who has connected an account of each provider."""
    person = briefly.sign_up()
    person.connect_google()
    person.connect_microsoft()
    return person


@pytest.fixture(scope="module")
def person(resident: Client, packaged: Briefly) -> Client:
    """The same, who calls the packaged functions."""
    return Client(resident.user, resident.email, packaged)


def pushed(packaged: Briefly, function: str, event: str, **attributes: str) -> requests.Response:
    """What a function answers to a push of Pub/Sub."""
    message = {"messageId": secrets.token_hex(8), "data": base64.b64encode(event.encode()).decode()}
    return requests.post(
        f"{packaged.state.origin}/{function}/",
        json={"message": message | {"attributes": attributes}},
        auth=Sibling(packaged, "push-invoker", function),
        timeout=30,
    )


def test_here_every_function_is_served(packages: dict[str, Package]) -> None:
    assert {*PAGES, *OTHERS} == set(packages)


@pytest.mark.parametrize("function", PAGES)
def test_a_person_reads_what_is_theirs(person: Client, resident: Client, function: str) -> None:
    assert person.get(PAGES[function]) == resident.get(PAGES[function])


def test_mail_comes_from_both_providers(person: Client) -> None:
    page = person.get("/mail/?limit=100")
    accounts = {account["id"] for account in person.get("/accounts/")["accounts"]}
    assert {message["account_id"] for message in page["messages"]} == accounts
    assert page["errors"] == []


@pytest.mark.parametrize("provider", ["google", "microsoft"])
def test_the_vault_takes_tokens_and_hands_one_out(packaged: Briefly, resident: Client, provider: str) -> None:
    code, verifier = resident.code_at(provider, resident.briefly.unseen_mailbox(secrets.randbelow(10**6), provider))
    redirect = resident.briefly.state.endpoints.redirect_url(provider)
    wish: dict[str, Any] = {"provider": provider, "code": code, "code_verifier": verifier, "redirect_url": redirect}
    taken = packaged.as_function("accounts", "tokens", "/exchanges", resident.user, wish)
    assert taken.status_code == 200, taken.text
    wish = {"account_id": taken.json()["account_id"], "purpose": "a test", "scopes": []}
    handed_out = packaged.as_function("mail", "tokens", "/access-tokens", resident.user, wish)
    assert handed_out.status_code == 200, handed_out.text
    assert handed_out.json()["token"]


def test_a_webhook_is_taken_and_a_forged_one_refused(packaged: Briefly, person: Client) -> None:
    body = clerk.user_event("user.updated", person.user, 1)
    assert clerk.deliver(packaged, body, clerk.signed(packaged, body)).status_code == 204
    forged = clerk.deliver(packaged, body, clerk.signed(packaged, body, key="whsec_Zm9yZ2VkLWZvcmdlZC1mb3JnZWQ="))
    assert forged.status_code == 401


def test_a_push_about_a_person_is_applied(packaged: Briefly, briefly: Briefly) -> None:
    person = briefly.sign_up()
    changed = clerk.user_event("user.updated", person.user, int(clock.timestamp() * 1000) + 1000, first_name="Zoë")
    assert pushed(packaged, "on-user", changed).status_code == 204
    assert "Zoë" in json.dumps(person.get("/users/me"), ensure_ascii=False)


def test_a_push_about_usage_is_counted(packaged: Briefly, briefly: Briefly) -> None:
    person = briefly.sign_up()
    assert pushed(packaged, "on-usage", used(person.user).model_dump_json(), kind="model").status_code == 204
    assert [event["cost"] for event in person.get("/usage/models")["events"]] == [500]


def test_a_push_about_a_duty_is_done(packaged: Briefly) -> None:
    assert pushed(packaged, "maintain", "", duty="release-reservations").status_code == 204


def test_the_audit_log_is_sealed(packaged: Briefly, resident: Client) -> None:
    assert pushed(packaged, "seal-audit", "").status_code == 204
    assert resident.get("/users/me/audit/verification")["waiting_entries"] == 0


def test_an_export_is_made_step_by_step_and_can_be_fetched(packaged: Briefly, briefly: Briefly, person: Client) -> None:
    # The copy that is no package gets the pushes of Pub/Sub.
    elsewhere = {"function": "on-person", "kind": "refuse", "text": person.user, "times": 20}
    briefly.control("runner", "POST", "mishaps", elsewhere)
    export = person.post("/users/me/exports", None, 202, sensitive=True)["id"]
    for step in (*(part.room for part in PARTS), ASSEMBLE):
        event = {"type": "user.exporting", "person": person.user, "subject": export, "step": step}
        assert pushed(packaged, "on-person", json.dumps(event)).status_code == 204
    url = person.post(f"/users/me/exports/{export}/links", None, 201, sensitive=True)["url"]
    assert requests.get(url, timeout=30).status_code == 200


def test_an_answer_streams(person: Client, resident: Client) -> None:
    _, posted = ask(resident, "What is on tomorrow?")
    streamed = list(events(person.call("GET", f"/stream/runs/{posted['run']['id']}", stream=True)))
    assert streamed[0].type == "start"
    assert streamed[-1].data == "[DONE]"
    assert any(event.type == "text-delta" for event in streamed)


def test_lib_is_found_in_the_package_and_nowhere_else(packages: dict[str, Package], tmp_path: Path) -> None:
    place = unpacked(packages["on-usage"], tmp_path / "function")
    python = linked(place / "requirements.txt", tmp_path / "environment")
    found = [python, "-c", "import lib; print(lib.__file__)"]
    assert subprocess.run(found, cwd=tmp_path, env={}, capture_output=True).returncode == 1
    within = subprocess.run(found, cwd=place, env={}, capture_output=True, text=True, check=True)
    assert within.stdout.strip() == str(place / "lib" / "__init__.py")
