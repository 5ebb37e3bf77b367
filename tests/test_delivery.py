"""The workflow that checks, plans and applies: without keys, and nothing unchecked."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / ".github" / "workflows" / "delivery.yml").read_text(encoding="utf-8")
WORKFLOW: dict[Any, Any] = yaml.safe_load(TEXT)
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
MAY_ASK_FOR_A_TOKEN = {"contents": "read", "id-token": "write"}


def test_there_is_no_key_in_it_and_only_what_deploys_may_say_who_it_is() -> None:
    assert "secrets." not in TEXT
    assert "credentials_json" not in TEXT
    assert WORKFLOW["permissions"] == {"contents": "read"}
    permitted = {name: job.get("permissions") for name, job in JOBS.items()}
    assert permitted == {"check": None, "plan": MAY_ASK_FOR_A_TOKEN, "apply": MAY_ASK_FOR_A_TOKEN}


def test_nothing_is_planned_or_applied_that_was_not_checked() -> None:
    steps = JOBS["check"]["steps"]
    (run,) = [step for step in steps if "run" in step]
    assert run["run"] == ".ci/run"
    assert run["env"] == {"PROVISIONING_MUST_BE_CHECKED": "1"}
    assert any(step.get("uses", "").startswith("hashicorp/setup-terraform@") for step in steps)
    assert {JOBS[name]["needs"] for name in ("plan", "apply")} == {"check"}


def test_a_pull_request_is_planned_and_only_what_landed_is_applied() -> None:
    assert "terraform apply" not in str(JOBS["plan"])
    assert JOBS["apply"]["if"] == "github.event_name == 'push'"
    assert WORKFLOW[True]["push"] == {"branches": ["main"]}
    assert JOBS["plan"]["if"].startswith("github.event_name == 'pull_request' &&")


def test_every_environment_that_it_deploys_is_there() -> None:
    for job in (JOBS["plan"], JOBS["apply"]):
        for environment in job["strategy"]["matrix"]["environment"]:
            for ending in ("tfvars", "gcs.tfbackend"):
                assert (ROOT / "terraform" / "environments" / f"{environment}.{ending}").is_file()


def test_every_command_that_it_runs_is_there() -> None:
    commands = set(re.findall(r"(?:run: |^\s+)((?:scripts|\.ci)/\w+)", TEXT, re.MULTILINE))
    assert commands == {".ci/run", "scripts/package"}
    assert all((ROOT / command).is_file() for command in commands)
