"""The front door does to requests and answers what Cloud Run does."""

import base64
import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from scripts.local.preflight import free_port
from tests.local.conftest import LoopThread, eventually
from tests.local.front_door_rig import Rig

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def rig(loop_thread: LoopThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    running = loop_thread.run(Rig.open(loop_thread, tmp_path_factory.mktemp("logs")))
    yield running
    running.close()


@pytest.fixture(autouse=True)
def real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOCK_OFFSET_FILE", raising=False)


def test_the_functions_name_is_stripped_and_the_rest_of_the_path_stays_as_it_came(rig: Rig) -> None:
    told = rig.call("GET", "/echo/a%2Fb/c?q=%C3%A9&x=").json()
    assert told["path"] == "/a/b/c?q=%C3%A9&x="
    assert rig.call("GET", "/echo").json()["path"] == "/"


def test_an_unknown_function_is_not_found(rig: Rig) -> None:
    assert rig.call("GET", "/nobody/x").status_code == 404


def test_a_request_without_a_token_is_forbidden(rig: Rig) -> None:
    answer = requests.get(rig.url("/echo/"), timeout=5)
    assert answer.status_code == 403
    assert "does not have permission to get URL" in answer.text


def test_an_account_that_is_no_caller_is_forbidden(rig: Rig) -> None:
    assert rig.call("GET", "/echo/", caller="mail").status_code == 403


@pytest.mark.parametrize("change", ["forged", "expired", "audience", "garbage"])
def test_a_token_that_proves_nothing_is_unauthorized(rig: Rig, change: str) -> None:
    token = {
        "forged": rig.token("gateway", "echo")[:-8] + "AAAAAAAA",
        "expired": rig.token("gateway", "echo", timedelta(hours=-1)),
        "audience": rig.token("gateway", "ticker"),
        "garbage": "not.a.token",
    }[change]
    answer = rig.call("GET", "/echo/", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_the_function_sees_the_claims_of_the_token_but_not_its_signature(rig: Rig) -> None:
    seen = rig.call("GET", "/echo/", caller="chat").json()["headers"]["Authorization"]
    _, claims, signature = seen.removeprefix("Bearer ").split(".")
    assert signature == "SIGNATURE_REMOVED_BY_GOOGLE"
    padded = claims + "=" * (-len(claims) % 4)
    assert json.loads(base64.urlsafe_b64decode(padded))["email"].startswith("chat@")


def test_the_serverless_header_is_checked_instead_and_authorization_passes_untouched(rig: Rig) -> None:
    headers = {
        "X-Serverless-Authorization": f"Bearer {rig.token('gateway', 'echo')}",
        "Authorization": "Bearer a.b.c",
    }
    seen = rig.call("GET", "/echo/", headers=headers).json()["headers"]
    assert seen["Authorization"] == "Bearer a.b.c"
    assert seen["X-Serverless-Authorization"].endswith(".SIGNATURE_REMOVED_BY_GOOGLE")


def test_a_bad_serverless_token_is_not_saved_by_a_good_authorization(rig: Rig) -> None:
    answer = rig.call("GET", "/echo/", headers={"X-Serverless-Authorization": "Bearer a.b.c"})
    assert answer.status_code == 401


def test_a_public_function_admits_everybody(rig: Rig) -> None:
    answer = requests.get(rig.url("/open-echo/x"), headers={"Authorization": "Bearer own"}, timeout=20)
    assert answer.json()["headers"]["Authorization"] == "Bearer own"


def test_every_request_belongs_to_a_trace_and_says_where_it_came_from(rig: Rig) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    sent = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "X-Forwarded-For": "203.0.113.9"}
    seen = rig.call("GET", "/echo/", headers=sent).json()["headers"]
    assert seen["Traceparent"].split("-")[1] == trace
    assert seen["X-Cloud-Trace-Context"].startswith(f"{trace}/")
    assert seen["X-Forwarded-For"] == "203.0.113.9, 127.0.0.1"
    fresh = rig.call("GET", "/echo/").json()["headers"]
    assert fresh["X-Cloud-Trace-Context"].partition("/")[0] == fresh["Traceparent"].split("-")[1] != trace


def test_repeated_headers_of_the_answer_stay_apart(rig: Rig) -> None:
    assert dict(rig.call("GET", "/echo/").cookies) == {"a": "1", "b": "2"}


def test_a_body_of_32_mebibytes_passes_and_one_byte_more_does_not(rig: Rig) -> None:
    assert rig.call("POST", "/echo/", data=b"x" * (32 * MEBIBYTE)).json()["length"] == 32 * MEBIBYTE
    assert rig.call("POST", "/echo/", data=b"x" * (32 * MEBIBYTE + 1)).status_code == 413


def test_a_body_without_a_declared_length_is_counted(rig: Rig) -> None:
    assert rig.call("POST", "/echo/", data=iter([b"x" * MEBIBYTE] * 33)).status_code == 413
    assert rig.call("POST", "/echo/", data=iter([b"one", b"two"])).json()["body"] == "onetwo"


def test_a_request_ends_at_the_functions_timeout(rig: Rig) -> None:
    rig.call("GET", "/echo/")
    answer = rig.call("GET", "/echo/slow?seconds=2.5")
    assert (answer.status_code, answer.text) == (504, "upstream request timeout")


def test_an_answer_streams_while_it_is_made(rig: Rig) -> None:
    with rig.call("GET", "/ticker/", stream=True) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert next(answer.iter_lines()).startswith(b"data: ")
    # The next test counts the readers that have gone.
    eventually(lambda: rig.lines.count({"message": "reader gone"}) == 1)


def test_a_client_that_goes_away_is_noticed_by_the_function(rig: Rig) -> None:
    before = rig.lines.count({"message": "reader gone"})
    with rig.call("GET", "/ticker/", stream=True) as answer:
        next(answer.iter_lines())
    eventually(lambda: rig.lines.count({"message": "reader gone"}) == before + 1)


def test_a_body_streams_up_while_it_is_sent(rig: Rig) -> None:
    def body() -> Iterator[bytes]:
        yield b"first"
        eventually(lambda: {"message": "received", "total": 5} in rig.lines)
        yield b"second!"

    assert rig.call("POST", "/ticker/upload", data=body()).text == "12"


def test_an_instance_takes_only_so_many_requests_at_once(rig: Rig) -> None:
    requests.get(rig.url("/open-echo/"), timeout=20)
    slow = threading.Thread(target=requests.get, args=(rig.url("/open-echo/slow?seconds=2"),), kwargs={"timeout": 20})
    slow.start()
    eventually(lambda: rig.supervisor.services["open-echo"].instances[0].in_flight == 1)
    answer = requests.get(rig.url("/open-echo/"), timeout=20)
    slow.join()
    assert (answer.status_code, answer.text) == (429, "Rate exceeded.")


def test_first_requests_at_the_same_time_share_one_start(rig: Rig) -> None:
    rig.loop.run(rig.supervisor.services["echo"].scale(0))
    pids: list[int] = []
    callers = [threading.Thread(target=lambda: pids.append(_pid(rig))) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(pids) == 4
    assert len(set(pids)) == 1


def test_an_instance_that_loses_its_port_to_another_program_starts_on_another(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = rig.supervisor.services["ticker"]
    rig.loop.run(service.scale(0))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        ports = [other.getsockname()[1], free_port()]
        monkeypatch.setattr("scripts.local.process.free_port", iter(ports).__next__)
        rig.loop.run(service.scale(1))
    assert [instance.port for instance in service.instances if instance.serving] == [ports[1]]


def test_two_instances_take_turns(rig: Rig) -> None:
    rig.loop.run(rig.supervisor.services["echo"].scale(2))
    pids = [_pid(rig) for _ in range(4)]
    assert len(set(pids)) == 2
    assert pids[:2] == pids[2:]
    rig.loop.run(rig.supervisor.services["echo"].scale(1))
    assert len({_pid(rig) for _ in range(3)}) == 1


def test_a_killed_instance_is_replaced_at_the_next_request(rig: Rig) -> None:
    before = _pid(rig)
    os.kill(before, signal.SIGKILL)
    service = rig.supervisor.services["echo"]
    eventually(lambda: not any(instance.serving for instance in service.instances))
    assert _pid(rig) != before


def test_an_answer_that_is_cut_off_by_a_death_does_not_end_as_if_it_were_whole(rig: Rig) -> None:
    with rig.call("GET", "/ticker/", stream=True) as answer:
        lines = answer.iter_lines()
        next(lines)
        rig.loop.run(rig.supervisor.services["ticker"].kill(None))
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            list(lines)


def test_a_function_that_does_not_start_is_unavailable_and_its_log_says_why(rig: Rig) -> None:
    assert requests.get(rig.url("/broken/"), timeout=20).status_code == 503
    assert any("VAULT_KEY is not set" in str(line.get("message")) for line in rig.lines)


def test_a_stopped_function_leaves_no_process(rig: Rig) -> None:
    pid = _pid(rig)
    rig.loop.run(rig.supervisor.services["echo"].scale(0))
    assert not Path(f"/proc/{pid}").exists()


def _pid(rig: Rig) -> int:
    told: dict[str, Any] = rig.call("GET", "/echo/").json()
    return int(told["pid"])
