"""The stream on real sockets: resumed, shared, stopped, cut off, and never told twice."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.asking import answer, ask
from tests.briefly import ADA, Briefly, Client, eventually
from tests.sse import Event, events, text

LOREM = "local-lorem"


@pytest.fixture(scope="module")
def person(briefly: Briefly) -> Client:
    return briefly.sign_up()


@pytest.fixture
def slow(briefly: Briefly) -> Any:
    """The models write slowly enough for something to happen meanwhile."""
    with briefly.models_that(tokens_per_second=800):
        yield
    briefly.control("models", "DELETE", "faults")
    briefly.control("runner", "PUT", "functions/stream", {"instances": 1})


def state(person: Client, run: str) -> str:
    return str(person.get(f"/chat/runs/{run}")["state"])


def lines(read: list[Event]) -> list[tuple[str, str]]:
    return [(event.id, event.data) for event in read]


def long_answer(person: Client) -> tuple[str, str]:
    conversation, posted = ask(person, "Go on for a while, über Grüße und 漢字 🌊", model=LOREM)
    return conversation, posted["run"]["id"]


def begun(person: Client, run: str, deltas: int = 5) -> tuple[Any, list[Event]]:
    """A reader that has read some text, and what it has read."""
    reading = events(person.call("GET", f"/stream/runs/{run}", stream=True))
    read: list[Event] = []
    for event in reading:
        read.append(event)
        if sum(one.type == "text-delta" for one in read) >= deltas:
            break
    return reading, read


def test_two_tabs_and_a_resumed_reader_read_the_same(person: Client, slow: None) -> None:
    _, run = long_answer(person)
    reading, read = begun(person, run)
    with ThreadPoolExecutor(2) as pool:
        second_tab = pool.submit(answer, person, run)
        resumed = pool.submit(answer, person, run, Last_Event_ID=read[-1].id)
        first = read + list(reading)
    assert lines(second_tab.result()) == lines(first)
    assert lines(resumed.result()) == lines(first)[len(read) :]
    assert first[-1].type == "done"


def test_a_reader_on_another_instance_reads_the_same(briefly: Briefly, person: Client, slow: None) -> None:
    briefly.control("runner", "PUT", "functions/stream", {"instances": 2})
    _, run = long_answer(person)
    reading, read = begun(person, run)
    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(answer, person, run) for _ in range(3)]
        first = read + list(reading)
    assert [lines(other.result()) for other in others] == [lines(first)] * 3


def test_after_the_end_everything_is_replayed_and_then_nothing(person: Client) -> None:
    conversation, posted = ask(person, "Am I free tomorrow?")
    run = posted["run"]["id"]
    first = answer(person, run)
    assert lines(answer(person, run)) == lines(first)
    assert lines(answer(person, run, Last_Event_ID=first[2].id)) == lines(first)[3:]
    over = person.call("GET", f"/stream/runs/{run}", Last_Event_ID=first[-1].id)
    assert over.status_code == 204
    assert person.call("GET", f"/stream/conversations/{conversation}/stream").status_code == 204


def test_a_posting_repeated_finds_the_same_run(person: Client) -> None:
    conversation = person.post("/chat/conversations", {}, 201)["id"]
    wish = {"id": "client-made-id", "text": "What is next?"}
    path = f"/chat/conversations/{conversation}/messages"
    first = person.post(path, wish, 201)
    answer(person, first["run"]["id"])
    again = person.post(path, wish, 200)
    assert again["run"]["id"] == first["run"]["id"]
    other = person.post(path, wish | {"text": "Something else"}, 409)
    assert other["type"] == "urn:briefly:problem:conflict"
    said = person.get(path)["messages"]
    assert [message["role"] for message in said] == ["user", "assistant"]


def test_stop_from_another_connection_keeps_what_was_said(person: Client, slow: None) -> None:
    conversation, run = long_answer(person)
    reading, read = begun(person, run)
    person.post(f"/chat/runs/{run}/stop", None)
    read += list(reading)
    assert [event.type for event in read[-4:]] == ["text-end", "message-metadata", "abort", "done"]
    assert state(person, run) == "stopped"
    kept = person.get(f"/chat/conversations/{conversation}/messages")["messages"][-1]
    assert kept["text"] == text(read)
    assert kept["text"]


def test_going_away_is_not_stopping(person: Client, slow: None) -> None:
    _, run = long_answer(person)
    reading, _ = begun(person, run)
    reading.close()
    eventually(lambda: state(person, run) == "finished", 60)


def test_a_run_whose_reader_never_came_is_made_all_the_same(briefly: Briefly, person: Client) -> None:
    _, posted = ask(person, "Am I free tomorrow?")
    briefly.move_clock(11)
    eventually(lambda: state(person, posted["run"]["id"]) == "finished", 60)


def test_a_killed_producer_ends_in_an_honest_interruption(briefly: Briefly, person: Client, slow: None) -> None:
    conversation, run = long_answer(person)
    reading, read = begun(person, run, deltas=60)
    briefly.control("runner", "POST", "functions/stream/kill", {"signal": "KILL"})
    read += list(reading)
    assert read[-1].type != "done"
    briefly.move_clock(16)
    whole = answer(person, run)
    assert [event.type for event in whole[-3:]] == ["text-end", "error", "done"]
    kept = person.get(f"/chat/conversations/{conversation}/messages")["messages"][-1]
    assert (kept["state"], kept["text"]) == ("interrupted", text(whole))
    assert kept["text"]
    assert text(read).startswith(kept["text"])
    _, posted = ask(person, "And now?", conversation)
    assert answer(person, posted["run"]["id"])[-2].type == "finish"


def test_a_reader_cut_off_by_the_kill_is_told_of_it_when_it_comes_back(
    briefly: Briefly, person: Client, slow: None
) -> None:
    _, run = long_answer(person)
    reading, read = begun(person, run, deltas=60)
    briefly.control("runner", "POST", "functions/stream/kill", {"signal": "KILL"})
    read += list(reading)
    briefly.move_clock(16)
    rest = answer(person, run, Last_Event_ID=read[-1].id)
    assert [event.type for event in rest] == ["data-interrupted", "text-end", "error", "done"]
    assert lines(answer(person, run))[-len(rest) :] == lines(rest)
    assert person.call("GET", f"/stream/runs/{run}", Last_Event_ID=rest[-1].id).status_code == 204


def test_an_instance_that_is_told_to_end_writes_it_down_though_nobody_reads(
    briefly: Briefly, person: Client, slow: None
) -> None:
    _, run = long_answer(person)
    reading, _ = begun(person, run)
    reading.close()
    briefly.control("runner", "POST", "functions/stream/kill", {"signal": "TERM"})
    eventually(lambda: state(person, run) == "interrupted")


def test_an_instance_that_is_told_to_end_says_so_to_its_readers(briefly: Briefly, person: Client, slow: None) -> None:
    _, run = long_answer(person)
    reading, read = begun(person, run)
    briefly.control("runner", "POST", "functions/stream/kill", {"signal": "TERM"})
    read += list(reading)
    assert [event.type for event in read[-3:]] == ["message-metadata", "error", "done"]
    assert state(person, run) == "interrupted"


def test_the_other_provider_answers_when_the_first_does_not_begin(briefly: Briefly, person: Client) -> None:
    fault = {"kind": "http", "status": 503, "match": {"model": "local-extractive"}, "times": 1}
    briefly.control("models", "POST", "faults", fault)
    _, posted = ask(person, "Am I free tomorrow?")
    read = answer(person, posted["run"]["id"])
    known = [event.document for event in read if event.type == "message-metadata"][-1]["messageMetadata"]
    assert known["model"] == "local-extractive-claude"
    assert read[-2].type == "finish"


def test_an_answer_that_breaks_off_is_an_error_and_not_an_end(briefly: Briefly, person: Client, slow: None) -> None:
    fault = {"kind": "truncate", "after_tokens": 20, "match": {"model": LOREM}, "times": 1}
    briefly.control("models", "POST", "faults", fault)
    _, run = long_answer(person)
    read = answer(person, run)
    assert [event.type for event in read[-4:]] == ["text-end", "message-metadata", "error", "done"]
    assert state(person, run) == "failed"


def test_another_persons_run_is_as_absent_as_none(briefly: Briefly, person: Client) -> None:
    _, posted = ask(person, "Am I free tomorrow?")
    other = briefly.sign_up()
    theirs = other.call("GET", f"/stream/runs/{posted['run']['id']}")
    absent = other.call("GET", "/stream/runs/run_" + "0" * 24)
    assert theirs.status_code == absent.status_code == 404
    assert theirs.json()["detail"] == absent.json()["detail"]


def test_a_provider_that_hangs_costs_no_more_than_its_budget(briefly: Briefly, person: Client) -> None:
    person.connect_google()
    fault = {"match": {"path_prefix": "/calendar"}, "kind": "hang", "times": None, "delay": 20}
    briefly.control("google", "POST", "faults", fault)
    try:
        _, posted = ask(person, "What does my day look like?")
        read = answer(person, posted["run"]["id"])
    finally:
        briefly.control("google", "DELETE", "faults")
    known = next(event.document for event in read if event.type == "data-context")["data"]
    assert [out["account"] for out in known["left_out"] if out["what"] == "events"] == [ADA]
    took = [event.document for event in read if event.type == "message-metadata"][-1]["messageMetadata"]
    assert took["context_ms"] < 3500
    assert read[-2].type == "finish"


def test_a_bad_last_event_id_reads_from_the_beginning(person: Client) -> None:
    _, posted = ask(person, "Am I free tomorrow?")
    first = answer(person, posted["run"]["id"])
    assert lines(answer(person, posted["run"]["id"], Last_Event_ID="no such place")) == lines(first)
