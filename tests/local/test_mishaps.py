"""What can befall a request between the front door and an instance."""

import base64
import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from scripts.local.mishaps import Mishap
from tests.local.conftest import LoopThread, eventually
from tests.local.front_door_rig import Rig


@pytest.fixture(scope="module")
def running(loop_thread: LoopThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    rig = loop_thread.run(Rig.open(loop_thread, tmp_path_factory.mktemp("logs")))
    yield rig
    rig.close()


@pytest.fixture
def rig(running: Rig, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.delenv("CLOCK_OFFSET_FILE", raising=False)
    running.mishaps.armed.clear()
    running.mishaps.befallen.clear()
    running.lines.clear()
    return running


def arm(rig: Rig, **fields: Any) -> None:
    rig.mishaps.armed.append(Mishap(**({"function": "echo"} | fields)))


def pid(rig: Rig) -> int:
    told: dict[str, Any] = rig.call("GET", "/echo/").json()
    return int(told["pid"])


def calls(rig: Rig) -> int:
    """How many requests for the log reached an instance."""
    return sum(line.get("event") == "api_call" for line in rig.lines)


def test_a_refused_request_reaches_nobody_and_the_next_one_does(rig: Rig) -> None:
    arm(rig, kind="refuse")
    assert rig.call("GET", "/echo/log").status_code == 503
    assert rig.call("GET", "/echo/log").status_code == 200
    eventually(lambda: calls(rig) == 1)


def test_a_lost_answer_has_taken_effect(rig: Rig) -> None:
    arm(rig, kind="lose_answer")
    with pytest.raises(requests.exceptions.ConnectionError):
        rig.call("GET", "/echo/log")
    eventually(lambda: calls(rig) == 1)


def test_a_delayed_request_is_overtaken(rig: Rig) -> None:
    arm(rig, kind="delay", seconds=0.3, path_prefix="/log")
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(rig.call, "GET", "/echo/log")
        eventually(lambda: bool(rig.mishaps.befallen))
        assert rig.call("GET", "/echo/").status_code == 200
        assert calls(rig) == 0
    assert late.result().status_code == 200


def test_a_request_delivered_twice_is_the_same_both_times_and_answered_once(rig: Rig) -> None:
    arm(rig, kind="twice", method="POST")
    answer = rig.call("POST", "/echo/log", data=b"once")
    assert answer.json()["body"] == "once"
    eventually(lambda: calls(rig) == 2)


def test_only_the_request_that_is_meant_is_met(rig: Rig) -> None:
    arm(rig, kind="refuse", path_prefix="/a", person="user_ada", text="needle", skip=1)
    meant = {"caller": "chat", "headers": {"X-Briefly-Person": "user_ada"}, "data": b"a needle"}
    others: list[tuple[str, dict[str, Any]]] = [
        ("/echo/b", meant),
        ("/echo/a", meant | {"headers": {"X-Briefly-Person": "user_bram"}}),
        ("/echo/a", meant | {"data": b"hay"}),
        ("/echo/a", meant),
    ]
    assert [rig.call("POST", path, **options).status_code for path, options in others] == [200] * 4
    assert rig.call("POST", "/echo/a", **meant).status_code == 503
    assert rig.call("POST", "/echo/a", **meant).json()["body"] == "a needle"
    (befallen,) = rig.mishaps.befallen
    assert (befallen.kind, befallen.path, befallen.person) == ("refuse", "/a", "user_ada")


def test_the_gateways_token_says_whom_a_request_speaks_for(rig: Rig) -> None:
    arm(rig, kind="refuse", person="user_ada")
    key = "not-looked-at-and-long-enough-for-this"

    def call(person: str) -> int:
        proof = {
            "Authorization": f"Bearer {jwt.encode({'sub': person}, key)}",
            "X-Serverless-Authorization": f"Bearer {rig.token('gateway', 'echo')}",
        }
        return rig.call("GET", "/echo/", headers=proof).status_code

    assert [call("user_bram"), call("user_ada"), call("user_ada")] == [200, 503, 200]


def test_a_push_is_known_by_its_message(rig: Rig) -> None:
    arm(rig, kind="refuse", text="user_ada")

    def push(message: str) -> int:
        body = json.dumps({"message": {"data": base64.b64encode(message.encode()).decode()}})
        return rig.call("POST", "/echo/", data=body).status_code

    assert [push("user_bram"), push("user_ada"), push("user_ada")] == [200, 503, 200]


def test_an_instance_killed_before_a_request_is_replaced_by_another(rig: Rig) -> None:
    before = pid(rig)
    arm(rig, kind="kill_before")
    assert pid(rig) != before


def test_an_instance_killed_in_the_midst_takes_with_it_whatever_it_worked_on(rig: Rig) -> None:
    before = pid(rig)
    arm(rig, kind="kill", seconds=0.3, person="user_ada")
    slow = "/echo/slow?seconds=1"
    with ThreadPoolExecutor(2) as pool:
        named = {person: {"X-Briefly-Person": person} for person in ("user_bram", "user_ada")}
        asked = [pool.submit(rig.call, "GET", slow, caller="chat", headers=headers) for headers in named.values()]
    assert [one.result().status_code for one in asked] == [503, 503]
    (befallen,) = rig.mishaps.befallen
    assert (befallen.person, sorted(filter(None, befallen.lost))) == ("user_ada", ["user_ada", "user_bram"])
    assert pid(rig) != before


def test_an_instance_killed_after_a_request_has_answered_it(rig: Rig) -> None:
    before = pid(rig)
    arm(rig, kind="kill_after")
    assert pid(rig) == before
    eventually(lambda: not any(one.serving for one in rig.supervisor.services["echo"].instances))
    assert pid(rig) != before


def test_an_instance_killed_once_something_was_said_ends_the_answer_there(rig: Rig) -> None:
    arm(rig, function="ticker", kind="kill", seen="data:")
    with rig.call("GET", "/ticker/", stream=True) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith(b"data:")
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            list(lines)
    assert {"message": "reader gone"} not in rig.lines


def test_a_connection_that_is_cut_leaves_the_instance_alive(rig: Rig) -> None:
    arm(rig, function="ticker", kind="cut", seen="data:")
    with rig.call("GET", "/ticker/", stream=True) as answer:
        lines = answer.iter_lines()
        first = next(lines)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            list(lines)
    eventually(lambda: {"message": "reader gone"} in rig.lines)
    with rig.call("GET", "/ticker/", stream=True) as answer:
        assert next(answer.iter_lines()) == first


def test_mishaps_can_be_armed_and_listed_over_the_control_api(rig: Rig) -> None:
    with rig.control() as control:
        url = f"{control}/mishaps"
        assert requests.post(url, json={"function": "echo", "kind": "explode"}, timeout=5).status_code == 400
        assert requests.post(url, json={"function": "echo", "kind": "refuse"}, timeout=5).status_code == 204
        assert [one["kind"] for one in requests.get(url, timeout=5).json()["armed"]] == ["refuse"]
        rig.call("GET", "/echo/")
        told = requests.get(url, timeout=5).json()
        assert (told["armed"], [one["path"] for one in told["befallen"]]) == ([], ["/"])
        requests.delete(url, timeout=5)
        assert requests.get(url, timeout=5).json() == {"armed": [], "befallen": []}


def test_a_stalled_process_stands_still_and_goes_on(rig: Rig) -> None:
    sleeper = subprocess.Popen(["sleep", "60"])

    def state() -> str:
        return Path(f"/proc/{sleeper.pid}/stat").read_text().rpartition(")")[2].split()[0]

    try:
        with rig.control(firestore=sleeper.pid) as control:
            assert (
                requests.post(f"{control}/stalls", json={"process": "nobody", "seconds": 1}, timeout=5).status_code
                == 404
            )
            requests.post(f"{control}/stalls", json={"process": "firestore", "seconds": 0.3}, timeout=5)
            eventually(lambda: state() == "T")
            eventually(lambda: state() == "S")
    finally:
        sleeper.kill()
        sleeper.wait()
