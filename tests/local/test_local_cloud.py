"""The local cloud as a whole: what functions are given, what is carried between them, and Clerk beside them."""

import json
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from google.cloud.secretmanager_v1 import SecretPayload

from lib.core.errors import Unauthenticated
from lib.core.signed_tokens import Expectation, verify
from scripts.local import clock
from scripts.local.identity_tokens import IdentityTokens
from scripts.local.project import PROJECT, service_account
from scripts.local.push import ATTEMPTS
from tests.local.conftest import eventually
from tests.local.copy_rig import Copy, open_copy
from tests.local.http_target import HttpTarget


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    with open_copy(tmp_path_factory.mktemp("copy")) as opened:
        opened.background.run(opened.background.cloud.create_person("demo"))
        yield opened


def echo(copy: Copy, path: str = "/echo/", **options: Any) -> dict[str, Any]:
    told: dict[str, Any] = copy.caller.call("GET", path, **options).json()
    return told


def test_a_function_is_given_what_its_row_says_and_no_more(copy: Copy) -> None:
    environment = echo(copy)["environment"]
    endpoints = copy.background.state.endpoints
    assert environment["K_SERVICE"] == "echo"
    assert environment["FUNCTION_URL"] == f"{copy.origin}/{{name}}"
    assert environment["FIRESTORE_EMULATOR_HOST"] == endpoints.firestore.removeprefix("http://")
    assert environment["TASKS_ENDPOINT"] == endpoints.tasks
    assert json.loads(environment["CALLERS"]) == [f"function-chat@{PROJECT}.iam.gserviceaccount.com"]
    assert "GATEWAY_KEYS" in environment
    others = {"CLERK_KEYS", "KMS_ENDPOINT", "STORAGE_ENDPOINT", "GOOGLE_APPLICATION_CREDENTIALS"}
    assert not others & set(environment)


def test_a_function_stores_and_signs_as_itself_in_the_buckets_of_its_row(copy: Copy) -> None:
    stored = requests.post(f"{copy.origin}/shelf/files", data=b"content", timeout=20)
    assert stored.status_code == 200, stored.text
    assert requests.get(stored.json()["url"], timeout=5).content == b"content"
    assert stored.json()["url"].startswith(f"{copy.background.state.endpoints.storage}/{PROJECT}-files/users/")
    assert requests.post(f"{copy.origin}/shelf/kept", data=b"content", timeout=20).status_code == 500


def test_nobody_is_told_where_the_objects_are_behind_cloud_storage(copy: Copy) -> None:
    (child,) = (pid for name, pid in copy.background.state.processes.items() if name == "storage")
    command = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(child)], capture_output=True, text=True, check=True
    ).stdout
    port = command.partition("-port=")[2].split()[0]
    assert f":{port}" not in copy.background.state.model_dump_json()
    assert f":{port}" not in json.dumps(echo(copy)["environment"])


def test_secrets_are_files_that_follow_the_newest_version(copy: Copy) -> None:
    assert set(echo(copy)["secrets"]) == {"greeting"}
    parent = f"projects/{PROJECT}/secrets/greeting"
    copy.secret_manager.add_secret_version(parent=parent, payload=SecretPayload(data=b"hello again"))
    eventually(lambda: echo(copy)["secrets"] == {"greeting": "hello again"})


def test_the_line_of_an_api_call_reaches_its_topic_as_a_log_entry(copy: Copy) -> None:
    name = f"projects/{PROJECT}/subscriptions/reading-calls"
    copy.subscriber.create_subscription(name=name, topic=f"projects/{PROJECT}/topics/api-calls")
    echo(copy, "/echo/log?marker=m1")
    received = eventually(lambda: copy.pull("reading-calls"))
    entry = json.loads(received[0].data)
    assert entry["jsonPayload"]["marker"] == "m1"
    assert entry["severity"] == "INFO"
    assert entry["resource"]["labels"]["service_name"] == "echo"
    assert entry["logName"] == f"projects/{PROJECT}/logs/run.googleapis.com%2Fstdout"
    assert len(received) == 1


def attempts(copy: Copy, text: str) -> list[int]:
    return [line["attempt"] for line in copy.log("hook") if line.get("text") == text]


def test_a_message_is_pushed_with_its_delivery_attempt(copy: Copy) -> None:
    copy.publish("bells", b"ding")
    eventually(lambda: attempts(copy, "ding") == [1])


def test_a_refused_push_is_delivered_again_until_it_is_taken(copy: Copy) -> None:
    copy.publish("bells", b"dong", failures="2")
    eventually(lambda: attempts(copy, "dong") == [1, 2, 3])


def test_a_push_that_fails_at_every_attempt_goes_to_the_dead_letters(copy: Copy) -> None:
    copy.publish("bells", b"doom", failures="99")
    dead = eventually(lambda: copy.pull("bells-dead-letter"))
    assert (dead[0].data, dead[0].attributes["failures"]) == (b"doom", "99")
    assert dead[0].attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == str(ATTEMPTS)
    assert dead[0].attributes["CloudPubSubDeadLetterSourceSubscription"] == "hook"
    assert attempts(copy, "doom") == list(range(1, ATTEMPTS + 1))


def test_a_message_can_be_delivered_twice(copy: Copy) -> None:
    message = copy.publish("bells", b"twice")
    eventually(lambda: attempts(copy, "twice") == [1])
    url = f"{copy.background.state.push_control}/_control/pushes/{message}/repeat"
    assert requests.post(url, timeout=5).status_code == 202
    eventually(lambda: attempts(copy, "twice") == [1, 1])


def test_instances_are_scaled_and_killed_on_command(copy: Copy) -> None:
    scaled = copy.control("PUT", "functions/echo", {"instances": 2}).json()
    first, second = (one["id"] for one in scaled["instances"])
    assert copy.control("POST", "functions/echo/kill", {"instance": first}).json() == {"killed": [first]}
    left = copy.control("GET", "functions").json()["echo"]["instances"]
    assert [one["id"] for one in left] == [second]
    copy.control("PUT", "functions/echo", {"instances": 1})


def moment_at_clerk(copy: Copy) -> float:
    """When Clerk says that it is."""
    session = copy.clerk("POST", "sessions", {"user_id": copy.background.state.people["demo"]})
    return float(session["created_at"]) / 1000


def admitted(copy: Copy, token: str) -> int:
    """What the front door says to a token."""
    return requests.get(f"{copy.origin}/hook/", headers={"Authorization": f"Bearer {token}"}, timeout=20).status_code


def test_the_clock_of_everything_moves_together(copy: Copy, target: HttpTarget) -> None:
    far = 7200
    tokens = IdentityTokens.from_file(copy.background.state.identity_key)
    token = tokens.mint(service_account("push-invoker"), copy.background.state.endpoints.function("hook"))
    copy.schedule_task(target.url, clock.now() + timedelta(seconds=far - 60))
    clerk, function = moment_at_clerk(copy), float(echo(copy)["now"])
    assert admitted(copy, token) not in (401, 403)
    assert not target.received
    copy.control("POST", "clock", {"seconds": far})
    try:
        assert moment_at_clerk(copy) - clerk == pytest.approx(far, abs=10)
        assert float(echo(copy)["now"]) - function == pytest.approx(far, abs=10)
        assert admitted(copy, token) == 401
        eventually(lambda: target.received)
    finally:
        assert copy.control("POST", "clock", {"seconds": -far}).json() == {"offset": 0.0}
    assert admitted(copy, token) not in (401, 403)


def webhooks_of(copy: Copy, user: str) -> list[dict[str, Any]]:
    sent = copy.clerk("GET", "webhooks")["webhooks"]
    return [one for one in sent if user in (one["payload"]["data"]["id"], one["payload"]["data"].get("user_id"))]


def sign_up(copy: Copy, first_name: str) -> str:
    person = {"first_name": first_name, "last_name": "Test", "email": f"{first_name.lower()}@example.com"}
    return str(copy.clerk("POST", "users", person)["id"])


def test_clerk_tells_of_people_and_sessions_by_signed_webhooks(copy: Copy) -> None:
    user = sign_up(copy, "Grace")
    session = copy.clerk("POST", "sessions", {"user_id": user})["id"]
    copy.clerk("PATCH", f"users/{user}", {"first_name": "Hope"})
    copy.clerk("DELETE", f"sessions/{session}")
    copy.clerk("DELETE", f"users/{user}")
    eventually(lambda: all(one["statuses"] == [204] for one in webhooks_of(copy, user)))
    told = webhooks_of(copy, user)
    assert [one["type"] for one in told] == [
        "user.created",
        "session.created",
        "user.updated",
        "session.ended",
        "user.deleted",
    ]


def test_a_refused_webhook_is_sent_again_by_the_clock(copy: Copy) -> None:
    user = sign_up(copy, "Late")
    eventually(lambda: webhooks_of(copy, user)[0]["statuses"] == [500])
    copy.control("POST", "clock", {"seconds": 5})
    eventually(lambda: webhooks_of(copy, user)[0]["statuses"] == [500, 204])


def test_the_same_webhook_can_be_sent_twice(copy: Copy) -> None:
    user = sign_up(copy, "Again")
    sent = eventually(lambda: [one for one in webhooks_of(copy, user) if one["statuses"]])[0]
    assert copy.clerk("POST", f"webhooks/{sent['id']}/repeat") == {"status": 204}
    assert [line["id"] for line in copy.log("webhooks") if line.get("id") == sent["id"]] == [sent["id"]] * 2


def session_token(copy: Copy, **wish: Any) -> dict[str, Any]:
    session = copy.clerk("POST", "sessions", {"user_id": copy.background.state.people["demo"]})["id"]
    token = copy.clerk("POST", f"sessions/{session}/tokens", wish)["jwt"]
    clerk = copy.background.state.endpoints.clerk
    keys = requests.get(f"{clerk}/.well-known/jwks.json", timeout=5).text
    required = ("sub", "iat", "exp", "nbf", "sid")
    return verify(token, Expectation(keys=keys, algorithm="RS256", issuer=clerk, required=required))


def test_a_session_token_is_clerks(copy: Copy) -> None:
    claims = session_token(copy)
    assert claims["sub"] == copy.background.state.people["demo"]
    assert claims["sid"].startswith("sess_")
    assert claims["azp"] == copy.origin
    assert claims["exp"] - claims["iat"] == 60


@pytest.mark.parametrize(
    "wish", [{"lifetime": -60}, {"forged": True}, {"drop": ["sid"]}, {"claims": {"iss": "https://else.example"}}]
)
def test_a_wrong_session_token_can_be_had(copy: Copy, wish: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        session_token(copy, **wish)


def test_a_session_token_can_be_of_another_party_or_pending(copy: Copy) -> None:
    assert session_token(copy, azp="https://evil.example")["azp"] == "https://evil.example"
    assert session_token(copy, sts="pending")["sts"] == "pending"
