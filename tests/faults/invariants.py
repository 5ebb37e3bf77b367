"""What must hold of every person once the schedule has settled, whatever went wrong; each breach is told in words."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from lib.usage.store import event_id
from tests.faults.evidence import Kept, Surroundings, hash_of
from tests.faults.life import Life, Question
from tests.faults.reader import Reader

ENDINGS = {"finished": "finish", "stopped": "abort", "interrupted": "error", "failed": "error"}
UNANSWERED = ("timeout_after_commit", "truncate")
PART_OF_TOKEN = slice(8, 48)


@dataclass(frozen=True)
class Case:
    """One person's life, and all that is known of what came of it."""

    life: Life
    kept: Kept
    around: Surroundings
    asked: dict[str, list[dict[str, Any]]]
    """What each provider was asked for the person's account."""
    canaries: list[str]
    canaries_of_others: list[str]

    @property
    def user(self) -> str:
        return self.life.client.user

    def shown(self) -> str:
        """Everything that the person got to see."""
        readers = [reader for question in self.life.questions for reader in question.readers]
        return "\n".join([*self.life.told, *(event.data for reader in readers for event in reader.events)])


def breaches(case: Case) -> list[str]:
    """All that does not hold, for one person."""
    return [breach for invariant in INVARIANTS for breach in invariant(case)]


def no_request_fails_in_an_unforeseen_way(case: Case) -> Iterator[str]:
    """Nothing answers 500, and what a person repeats succeeds in the end."""
    yield from case.life.wrongs


def one_refresh_per_expiry(case: Case) -> Iterator[str]:
    """Between two expiries a provider refreshes once, however many ask.

    Once more for each answer that never arrived (the provider's, or that of a vault that was killed at work for the
    person: whoever comes next cannot know that the provider had acted, and takes the lease anew), and once more for
    each token that the provider refused before its time. No lease makes more than one call.
    """
    for provider, asked in case.asked.items():
        refreshes = [call for call in asked if str(call["operation"]).endswith(" refresh_token")]
        sealed = [tokens for tokens in case.kept.under("sealed_tokens") if tokens["provider"] == provider]
        leases = sum(tokens["generation"] for tokens in sealed)
        if len(refreshes) > leases:
            yield f"{provider} was asked for {len(refreshes)} refreshes under {leases} leases"
        refused = [_time(call) for call in asked if call["status"] == 401 and call["fault"] == "error"]
        excuses = [*case.around.lost_with_an_instance("tokens", case.user), *refused]
        yield from (f"{provider}: {breach}" for breach in _too_many(refreshes, case.life.expiries[provider], excuses))


def _too_many(refreshes: list[dict[str, Any]], expiries: list[datetime], excuses: list[datetime]) -> Iterator[str]:
    for number, (begin, until) in enumerate(pairwise([None, *expiries, None])):

        def is_within(instant: datetime, begin: datetime | None = begin, until: datetime | None = until) -> bool:
            return (begin is None or begin <= instant) and (until is None or instant < until)

        within = [call for call in refreshes if is_within(_time(call))]
        made = [call for call in within if call["status"] == 200 or call["fault"] in UNANSWERED]
        lost = [call for call in made if call["fault"] in UNANSWERED]
        allowed = min(number, 1) + len(lost) + sum(map(is_within, excuses))
        if len(made) > allowed:
            yield f"{len(made)} refreshes after expiry {number}, where {allowed} may be"


def usage_is_counted_once(case: Case) -> Iterator[str]:
    """Each answer once, as the stream said; each API call once, as the log says; and the counters are their sums."""
    events = case.kept.under("usage_events")
    answers = [event for event in events if event["kind"] == "model"]
    calls = [event for event in events if event["kind"] == "api_call"]
    logged = case.around.api_calls().get(hash_of(case.user), 0)
    if len(calls) != logged:
        yield f"{len(calls)} API calls were counted, and {logged} logged"
    days = case.kept.under("usage_days")
    counted = sum(call["count"] for day in days for call in day.get("calls", {}).values())
    if counted != len(calls):
        yield f"the days count {counted} API calls, and {len(calls)} are kept"
    told = sum(model["answers"] for day in days for model in day.get("models", {}).values())
    if told != len(answers):
        yield f"the days count {told} answers, and {len(answers)} are kept"
    cost = sum(event["cost"] for event in answers)
    if sum(day.get("cost", 0) for day in days) != cost:
        yield f"the days do not cost {cost}"
    claims = {event_id("chat", f"{run['id']}/{epoch}") for run in _runs(case) for epoch in range(1, run["epoch"] + 1)}
    if not {event["id"] for event in answers} <= claims:
        yield "an answer was counted that nobody asked for"
    for message in case.kept.messages():
        yield from _counted_as_told(message, answers)


def _counted_as_told(message: dict[str, Any], answers: list[dict[str, Any]]) -> Iterator[str]:
    metadata = message["metadata"]
    if message["role"] != "assistant" or "cost_micros" not in metadata:
        return
    same = [
        event
        for event in answers
        if event["subject"] == message["id"]
        and (event["cost"], event["tokens"], event["model"])
        == (metadata["cost_micros"], metadata["tokens"], metadata["model"])
    ]
    if len(same) != 1:
        yield f"answer {message['id']} was told to cost {metadata}, which is counted {len(same)} times"


def every_claim_with_text_is_paid(case: Case) -> Iterator[str]:
    """A run that got as far as text has its use counted, whoever ended it."""
    events = {event["reservation"] for event in case.kept.under("usage_events") if event["kind"] == "model"}
    for run in _runs(case):
        work = run.get("work")
        if work is not None and work["reservation"] not in events:
            yield f"run {run['id']} wrote text, and was not counted"


def reservations_return_to_zero(case: Case) -> Iterator[str]:
    """Nothing stays set aside, and the budget is down by what was spent."""
    left = case.kept.under("spend_reservations")
    if left:
        yield f"still set aside: {[(one['_path'].rpartition('/')[2], one['amount']) for one in left]}"
    for day in case.kept.under("spend_days"):
        if day["committed"] != day["spent"]:
            yield f"on {day['_path'].rpartition('/')[2]} {day['committed']} are committed, and {day['spent']} spent"
    spent = sum(day["spent"] for day in case.kept.under("spend_days"))
    cost = sum(event["cost"] for event in case.kept.under("usage_events") if event["kind"] == "model")
    if spent != cost:
        yield f"{spent} are spent, and {cost} counted"


def no_answer_is_lost_silently(case: Case) -> Iterator[str]:
    """Every accepted question is kept once, and ends the same way for everybody who reads it."""
    posted = {question.wish["id"]: question for question in case.life.questions}
    asked = [message for message in case.kept.messages() if message["role"] == "user"]
    for message in asked:
        if message["id"] not in posted or posted[message["id"]].wish["text"] != message["text"]:
            yield f"a question is kept that was not asked: {message}"
    for name, question in posted.items():
        kept = [message for message in asked if message["id"] == name]
        if (len(kept), len(question.runs)) != (1, 1):
            yield f"question {name} is kept {len(kept)} times, with runs {question.runs}"
            continue
        (run,) = [run for run in _runs(case) if run["id"] in question.runs]
        answers = [message for message in case.kept.messages() if message["id"] == run["answer_id"]]
        yield from _ended_honestly(case, question, run, answers)
        for number, reader in enumerate(question.readers, 1):
            stored = answers[0]["text"] if answers else ""
            yield from (f"reader {number} of {run['id']} {breach}" for breach in _misread(reader, run, stored))


def _ended_honestly(
    case: Case, question: Question, run: dict[str, Any], answers: list[dict[str, Any]]
) -> Iterator[str]:
    state, met = run["state"], {name for _, name in case.life.met}
    if state not in ENDINGS:
        yield f"run {run['id']} is still {state}"
    if len(answers) != 1 and not (state == "stopped" and run["epoch"] == 0):
        yield f"run {run['id']} ended {state}, and {len(answers)} answers are kept"
    may_fail = any(name.startswith(("model", "firestore", "pubsub")) for name in met)
    reasons = {
        "stopped": question.is_stopped,
        "interrupted": case.around.killed("stream") > 0 or run["id"] in case.around.overtaken,
        "failed": may_fail or case.around.killed("stream") > 0,
    }
    if not reasons.get(state, True):
        yield f"run {run['id']} ended {state} without a reason: {run['error']}"
    if any(answer["state"] != state for answer in answers):
        yield f"run {run['id']} ended {state}, and its answer says {[answer['state'] for answer in answers]}"


def _misread(reader: Reader, run: dict[str, Any], stored: str) -> Iterator[str]:
    if not reader.is_through:
        yield f"never came to the end of a run that is {run['state']}: {reader.told()}"
        return
    if reader.is_out_of_step:
        yield "was told to fetch the answer, although all of it is kept"
    if reader.text != stored:
        yield f"shows {reader.text!r}, while {stored!r} is kept: {reader.told()}"
    if reader.ending != ENDINGS.get(run["state"]):
        yield f"was told {reader.ending} of a run that is {run['state']}: {reader.told()}"


def nobody_sees_anothers_data(case: Case) -> Iterator[str]:
    """What others wrote or received is nowhere in what the person sees or in what is kept for them."""
    everything = case.shown() + repr(case.kept.documents)
    unseen = [canary for canary in case.canaries if canary not in everything]
    if unseen:
        yield f"nothing of an account of the person's own was seen: {unseen}"
    yield from (f"sees what is another's: {canary}" for canary in case.canaries_of_others if canary in everything)


def readable_places(cases: list[Case], around: Surroundings) -> dict[str, str]:
    """Everything that can be read without being `tokens`, by where."""
    places = dict(around.texts())
    for case in cases:
        places[f"what {case.user} saw"] = case.shown()
        places[f"what is kept of {case.user}"] = repr(case.kept.documents)
        places[f"what is audited of {case.user}"] = repr(case.kept.audited)
    return places


def leaked(secrets: dict[str, list[str]], places: dict[str, str]) -> list[str]:
    """Where tokens and codes of providers can be read."""
    return [
        f"one of the {kind} can be read in {place}"
        for kind, values in secrets.items()
        for place, text in places.items()
        if any(value[PART_OF_TOKEN] in text for value in values)
    ]


def _runs(case: Case) -> list[dict[str, Any]]:
    return case.kept.under("runs")


def _time(call: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(call["time"])


INVARIANTS: tuple[Callable[[Case], Iterator[str]], ...] = (
    no_request_fails_in_an_unforeseen_way,
    one_refresh_per_expiry,
    usage_is_counted_once,
    every_claim_with_text_is_paid,
    reservations_return_to_zero,
    no_answer_is_lost_silently,
    nobody_sees_anothers_data,
)
