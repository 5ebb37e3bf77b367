"""`python -m scripts.provisioning`: everything that can be checked of terraform/ without a cloud.

Exits with 1 for complaints. What cannot be checked on this machine is said; it counts as a complaint only with
`PROVISIONING_MUST_BE_CHECKED=1`.
"""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from scripts.local import catalog
from scripts.provisioning import firestore, plans, policies, static_analysis
from scripts.provisioning.grants import Names
from scripts.provisioning.outsiders import Environment
from scripts.provisioning.plans import MAJORS, ROOT, NotChecked, Outcome

# As terraform/tests/environments.tftest.hcl has them.
NAMES = Names(project="briefly-test", number="123456789012", region="europe-west1")
LARGE = Environment(
    gateway_subject="owner:team:project:briefly:environment:production",
    state_bucket="briefly-test-terraform",
    repository="owner/briefly",
    warm=True,
    max_instances=100,
)
PLANS = {"large": LARGE, "small": replace(LARGE, repository=None, warm=False, max_instances=5)}
# Where everything is there to be checked with, set to 1, so that nothing can be left out in silence.
ALL_VARIABLE = "PROVISIONING_MUST_BE_CHECKED"

Check = Callable[[], list[str]]


def main(root: Path = ROOT) -> int:
    """Run every check; the exit status."""
    return run(
        lambda: firestore.differences(root),
        lambda: static_analysis.complaints(root),
        *(partial(with_provider, major, root) for major in MAJORS),
    )


def run(*checks: Check) -> int:
    """Run checks side by side, print what each has to say and what could not be checked; the exit status."""
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(_told, checks))
    missing = sorted({message for _, message in results if message})
    for message in missing:
        print(f"NOT CHECKED: {message}")
    complaints = list(dict.fromkeys(complaint for found, _ in results for complaint in found))
    for complaint in complaints:
        print(complaint)
    return 1 if complaints or (missing and os.environ.get(ALL_VARIABLE) == "1") else 0


def with_provider(major: int, root: Path = ROOT) -> list[str]:
    """What terraform and the policies complain about with a major of Google's provider. Raises `NotChecked`."""
    plans.require_terraform()
    badly = plans.badly_formatted(root)
    outcome = plans.checked(plans.source(major, root), root)
    return [*badly, *of_outcome(outcome, root)]


def of_outcome(outcome: Outcome, root: Path) -> list[str]:
    """Terraform's own complaints; if there are none, those of the policies about each plan."""
    if outcome.complaints:
        return list(outcome.complaints)
    rows, indexes = catalog.load(root / "functions" / "catalog.yaml"), policies.load_indexes(root)
    found = list(policies.keys_are_never_destroyed(root / "terraform"))
    for name, environment in PLANS.items():
        if name not in outcome.plans:
            return [f"terraform/tests: there is no plan called {name} to check the policies on"]
        plan = policies.Plan(outcome.plans[name], rows, indexes, NAMES, environment)
        found += [f"{breach} (in the plan {name})" for breach in policies.breaches(plan)]
    return found


def _told(check: Check) -> tuple[list[str], str]:
    try:
        return check(), ""
    except NotChecked as missing:
        return [], str(missing)


if __name__ == "__main__":
    sys.exit(main())
