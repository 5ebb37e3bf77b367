"""Several people's schedules at once on one running copy, which they share as strangers do: clock, instances, queues.

Time moves only between their parts, when nobody is in the midst of anything: by an hour, so that access tokens expire,
and at last by as much as every lease, pause and delay of what is left over.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lib.core import clock
from tests.briefly import Briefly, eventually
from tests.faults import evidence, invariants
from tests.faults.evidence import Kept, Logs, Surroundings, hash_of
from tests.faults.invariants import Case
from tests.faults.life import Life, begin
from tests.faults.schedule import Schedule

TOKENS_PER_SECOND = 80
AN_HOUR = 3700.0
LONGER_THAN_EVERY_LEASE = 40.0
INSTANCES = {"stream": 2, "tokens": 2}
CLIENTS_OF_FAULTS = ("google", "models", "google_cloud_control")


@dataclass(frozen=True)
class Failed:
    """A schedule after which something did not hold."""

    schedule: Schedule
    breaches: list[str]

    def __str__(self) -> str:
        repeated = f"to repeat: --fault-seed {self.schedule.seed}"
        return "\n".join([str(self.schedule), *(f"  BREACH {breach}" for breach in self.breaches), f"  {repeated}"])


@dataclass
class Tally:
    """How often what was armed at which step, and how often it struck."""

    schedules: int = 0
    armed: Counter[tuple[str, str]] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    secrets: dict[str, list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        rows = [f"{self.schedules} schedules"]
        rows += [
            f"  {count:5} armed while one would {step}: {name}" for (step, name), count in sorted(self.armed.items())
        ]
        rows += [f"  {count:5} struck: {what}" for what, count in sorted(self.struck.items())]
        return "\n".join(rows)


@dataclass
class Sea:
    """The running copy over which waves go. Use `on` to have it as they need it."""

    briefly: Briefly
    logs: Logs
    tally: Tally = field(default_factory=Tally)

    @classmethod
    @contextmanager
    def on(cls, briefly: Briefly) -> Iterator["Sea"]:
        """Two instances of what has to agree with itself, and models that take their time."""
        sea = cls(briefly, Logs(briefly.state.folder / "logs"))
        sea._disarm()
        for name, instances in INSTANCES.items():
            briefly.control("runner", "PUT", f"functions/{name}", {"instances": instances})
        try:
            with briefly.models_that(tokens_per_second=TOKENS_PER_SECOND):
                yield sea
        finally:
            sea._disarm()
            for name in INSTANCES:
                briefly.control("runner", "PUT", f"functions/{name}", {"instances": 1})

    def wave(self, schedules: Sequence[Schedule]) -> list[Failed]:
        """Play the schedules side by side and judge what came of them."""
        self._forget()
        people = self._people(schedules)
        around = Surroundings()
        with ThreadPoolExecutor(len(schedules)) as pool:
            lives = list(pool.map(lambda schedule, one: begin(self.briefly, schedule, one["email"]), schedules, people))
            list(pool.map(lambda life: life.play(life.schedule.before), lives))
            self._let_pass(AN_HOUR, lives, around)
            list(pool.map(lambda life: life.play(life.schedule.after), lives))
            around.befallen += self._befallen()
            self._disarm()
            self._let_pass(LONGER_THAN_EVERY_LEASE, lives, around)
            list(pool.map(Life.settle, lives))
            self._repeat_pushes(lives)
            self._wait_until_counted(lives, around)
            kept = list(pool.map(lambda life: Kept.of(life.client.user), lives))
        around.befallen += self._befallen()
        around.pushes = evidence.pushes(self.briefly)
        around.prompts = repr(self.briefly.control("models", "GET", "requests"))
        return self._judged(lives, kept, people, around)

    def _people(self, schedules: Sequence[Schedule]) -> list[dict[str, Any]]:
        """A mailbox and calendar for each, with a word in it that nobody else has."""
        wish = {"known": ["demo", "second"], "unseen": [schedule.seed for schedule in schedules]}
        loaded: list[dict[str, Any]] = self.briefly.control("google", "POST", "people", wish)["people"]
        return loaded[2:]

    def _let_pass(self, seconds: float, lives: list[Life], around: Surroundings) -> None:
        """Move the clock, once nobody is in the midst of refreshing: a lease would run out under its holder."""
        eventually(lambda: not self._is_at_work("tokens"))
        around.tasks += evidence.waiting_tasks(self.briefly)
        for life in lives:
            life.expiries.append(clock.now())
        self.briefly.move_clock(seconds)

    def _repeat_pushes(self, lives: list[Life]) -> None:
        """Deliver once more some of what told of each person's usage."""
        pushed = [push for push in evidence.pushes(self.briefly) if push["function"] == "on-usage"]
        for life in lives:
            names = (life.client.user, hash_of(life.client.user))
            theirs = [push for push in pushed if any(name in push["data"] for name in names)]
            for push in theirs[-life.schedule.repeated_pushes :] if life.schedule.repeated_pushes else []:
                self.briefly.control("push", "POST", f"pushes/{push['message_id']}/repeat")

    def _wait_until_counted(self, lives: list[Life], around: Surroundings) -> None:
        """Until every log line of theirs has been pushed, and nothing is on its way any more."""

        def is_quiet() -> bool:
            around.logs += self.logs.more()
            return all(push["outcome"] != "pending" for push in evidence.pushes(self.briefly))

        def is_counted() -> bool:
            if not is_quiet():
                return False
            logged = around.api_calls()
            return all(
                evidence.calls_counted(life.client.user) >= logged.get(hash_of(life.client.user), 0) for life in lives
            )

        eventually(is_counted, 30)

    def _judged(
        self, lives: list[Life], kept: list[Kept], people: list[dict[str, Any]], around: Surroundings
    ) -> list[Failed]:
        canaries = [str(one["canary"]) for one in people]
        cases = [
            Case(
                life,
                documents,
                around,
                self._asked_of_provider(life),
                canary,
                [other for other in canaries if other != canary],
            )
            for life, documents, canary in zip(lives, kept, canaries, strict=True)
        ]
        secrets = self._secrets(lives)
        self._count(cases, secrets)
        leaks = invariants.leaked(secrets, cases, around)
        found = [Failed(case.life.schedule, [*leaks, *invariants.breaches(case)]) for case in cases]
        return [failed for failed in found if failed.breaches]

    def _asked_of_provider(self, life: Life) -> list[dict[str, Any]]:
        path = f"requests?user={life.email}"
        asked: list[dict[str, Any]] = self.briefly.control(life.schedule.provider, "GET", path)["requests"]
        return asked

    def _secrets(self, lives: list[Life]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for life in lives:
            issued = self.briefly.control(life.schedule.provider, "GET", f"tokens?user={life.email}")
            for kind, values in issued.items():
                found.setdefault(f"{kind} tokens", []).extend(values)
        return found

    def _count(self, cases: list[Case], secrets: dict[str, list[str]]) -> None:
        self.tally.schedules += len(cases)
        for kind, values in secrets.items():
            self.tally.secrets.setdefault(kind, []).extend(values)
        for case in cases:
            self.tally.armed.update(case.life.met)
            faulty = [call for call in case.asked_of_provider if call["fault"]]
            self.tally.struck.update(f"{call['operation']}: {call['fault']}" for call in faulty)
        befallen = cases[0].around.befallen
        self.tally.struck.update(f"{one['function']}: {one['kind']}" for one in befallen)

    def _is_at_work(self, function: str) -> bool:
        instances = self.briefly.control("runner", "GET", "functions")[function]["instances"]
        return any(instance["in_flight"] for instance in instances)

    def _befallen(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.briefly.control("runner", "GET", "mishaps")["befallen"]
        return found

    def _disarm(self) -> None:
        for service in CLIENTS_OF_FAULTS:
            self.briefly.control(service, "DELETE", "faults")
        self.briefly.control("runner", "DELETE", "mishaps")

    def _forget(self) -> None:
        """What earlier waves left in the records."""
        self.logs.more()
        for service in ("google", "models"):
            self.briefly.control(service, "DELETE", "requests")
