"""Several people's schedules at once on one running copy, which they share as strangers do: clock, instances, queues.

Time moves only between their parts, when nobody is in the midst of refreshing: by so much that every access token
expires, and at last by as much as every lease, pause and delay of what is left over.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.briefly import Briefly, eventually
from tests.faults import evidence, invariants
from tests.faults.evidence import Kept, Logs, Surroundings, hash_of
from tests.faults.invariants import Case
from tests.faults.life import Life, begin
from tests.faults.schedule import Schedule

TOKENS_PER_SECOND = 80
LONGER_THAN_EVERY_TOKEN = 5500.0
LONGER_THAN_EVERY_LEASE = 40.0
INSTANCES = {"stream": 2, "tokens": 2}
OUTSIDE = ("google", "microsoft", "models")


@dataclass(frozen=True)
class Failed:
    """A schedule after which something did not hold."""

    schedule: Schedule
    breaches: list[str]

    def __str__(self) -> str:
        repeated = f"to repeat: --fault-seed {self.schedule.seed}"
        return "\n".join([str(self.schedule), *(f"  BREACH {breach}" for breach in self.breaches), f"  {repeated}"])


@dataclass(frozen=True)
class Accounts:
    """A person's accounts, by provider, and the words by which their contents are known."""

    emails: dict[str, str] = field(default_factory=dict)
    canaries: list[str] = field(default_factory=list)


@dataclass
class Tally:
    """How often what was armed at which step, and how often it struck."""

    schedules: int = 0
    accounts: Counter[str] = field(default_factory=Counter)
    armed: Counter[tuple[str, str]] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    """How runs ended; one that was ended for a lost instance has a claim of its own as well."""
    secrets: dict[str, list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        rows = [f"{self.schedules} schedules"]
        rows += [f"  {count:5} with accounts at {where}" for where, count in sorted(self.accounts.items())]
        rows += [
            f"  {count:5} armed while one would {step}: {name}" for (step, name), count in sorted(self.armed.items())
        ]
        rows += [f"  {count:5} struck: {what}" for what, count in sorted(self.struck.items())]
        rows += [f"  {count:5} answers {state}" for state, count in sorted(self.ended.items())]
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
            lives = list(pool.map(lambda schedule, one: begin(self.briefly, schedule, one.emails), schedules, people))
            list(pool.map(lambda life: life.play(life.schedule.before), lives))
            self._let_pass(LONGER_THAN_EVERY_TOKEN, lives, around)
            list(pool.map(lambda life: life.play(life.schedule.after), lives))
            around.befallen += self._befallen()
            self._disarm()
            self._let_pass(LONGER_THAN_EVERY_LEASE, lives, around)
            list(pool.map(Life.settle, lives))
            self._repeat_pushes(lives)
            kept = self._kept_once_counted(lives, around, pool)
        around.befallen += self._befallen()
        around.pushes = evidence.pushes(self.briefly)
        around.prompts = repr(self.briefly.control("models", "GET", "requests"))
        return self._judged(lives, kept, people, around)

    def _people(self, schedules: Sequence[Schedule]) -> list[Accounts]:
        """A mailbox and calendar for each at each of their providers, with a word in it that is nowhere else."""
        people = [Accounts() for _ in schedules]
        for provider in {provider for schedule in schedules for provider in schedule.providers}:
            theirs = [number for number, schedule in enumerate(schedules) if provider in schedule.providers]
            wish = {"known": ["demo", "second"], "unseen": [schedules[number].seed for number in theirs]}
            _, _, *loaded = self.briefly.control(provider, "POST", "people", wish)["people"]
            for number, one in zip(theirs, loaded, strict=True):
                people[number].emails[provider] = one["email"]
                people[number].canaries.append(one["canary"])
        return people

    def _let_pass(self, seconds: float, lives: list[Life], around: Surroundings) -> None:
        """Move the clock, once nobody is in the midst of refreshing: a lease would run out under its holder."""
        eventually(lambda: not self._is_at_work("tokens"))
        around.tasks += evidence.waiting_tasks(self.briefly)
        for life in lives:
            around.overtaken.update(evidence.claimed_runs(life.client.user))
            life.note_expiry(life.schedule.providers)
        self.briefly.move_clock(seconds)

    def _repeat_pushes(self, lives: list[Life]) -> None:
        """Deliver once more some of what told of each person's usage."""
        pushed = [push for push in evidence.pushes(self.briefly) if push["function"] == "on-usage"]
        for life in lives:
            names = (life.client.user, hash_of(life.client.user))
            theirs = [push for push in pushed if any(name in push["data"] for name in names)]
            for push in theirs[-life.schedule.repeated_pushes :] if life.schedule.repeated_pushes else []:
                self.briefly.control("push", "POST", f"pushes/{push['message_id']}/repeat")

    def _kept_once_counted(self, lives: list[Life], around: Surroundings, pool: ThreadPoolExecutor) -> list[Kept]:
        """What is kept of each when all that was logged is counted, and nothing more was logged meanwhile.

        A request that its client has left is logged whenever its function notices.
        """

        def kept_at_rest() -> list[Kept] | None:
            self._wait_until_counted(lives, around)
            before = around.api_calls()
            kept = list(pool.map(lambda life: Kept.of(life.client.user), lives))
            around.logs += self.logs.more()
            return kept if around.api_calls() == before else None

        return eventually(kept_at_rest, 60)

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
        self, lives: list[Life], kept: list[Kept], people: list[Accounts], around: Surroundings
    ) -> list[Failed]:
        cases = [
            Case(
                life,
                documents,
                around,
                self._asked_of_providers(life),
                own.canaries,
                [canary for other in people if other is not own for canary in other.canaries],
            )
            for life, documents, own in zip(lives, kept, people, strict=True)
        ]
        places = invariants.readable_places(cases, around)
        failed: list[Failed] = []
        for case in cases:
            secrets = self._given_out(case.life)
            self._count(case, secrets)
            breaches = [*invariants.leaked(secrets, places), *invariants.breaches(case)]
            failed += [Failed(case.life.schedule, breaches)] if breaches else []
        self.tally.struck.update(f"{one['function']}: {one['kind']}" for one in around.befallen)
        return failed

    def _asked_of_providers(self, life: Life) -> dict[str, list[dict[str, Any]]]:
        return {
            provider: self.briefly.control(provider, "GET", f"requests?user={email}")["requests"]
            for provider, email in life.emails.items()
        }

    def _given_out(self, life: Life) -> dict[str, list[str]]:
        """Everything secret that providers have ever given out for the person's accounts, by its kind."""
        found: dict[str, list[str]] = {}
        for provider, email in life.emails.items():
            for kind, values in self.briefly.control(provider, "GET", f"tokens?user={email}").items():
                found[f"{kind} of {provider}"] = values
        return found

    def _count(self, case: Case, secrets: dict[str, list[str]]) -> None:
        self.tally.schedules += 1
        self.tally.accounts.update([" and ".join(case.life.schedule.providers)])
        self.tally.armed.update(case.life.met)
        for kind, values in secrets.items():
            self.tally.secrets.setdefault(kind, []).extend(values)
        calls = [call for asked in case.asked.values() for call in asked]
        self.tally.struck.update(f"{call['operation']}: {call['fault']}" for call in calls if call["fault"])
        runs = case.kept.under("runs")
        self.tally.ended.update(run["state"] + (", claimed anew" if run["epoch"] > 1 else "") for run in runs)

    def _is_at_work(self, function: str) -> bool:
        instances = self.briefly.control("runner", "GET", "functions")[function]["instances"]
        return any(instance["in_flight"] for instance in instances)

    def _befallen(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.briefly.control("runner", "GET", "mishaps")["befallen"]
        return found

    def _disarm(self) -> None:
        for service in (*OUTSIDE, "google_cloud_control"):
            self.briefly.control(service, "DELETE", "faults")
        self.briefly.control("runner", "DELETE", "mishaps")

    def _forget(self) -> None:
        """What earlier waves left in the records."""
        self.logs.more()
        for service in OUTSIDE:
            self.briefly.control(service, "DELETE", "requests")
