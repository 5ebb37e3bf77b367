"""Terraform's own word: format, validity, tests, and the plans that the tests make, without any cloud.

Each is had with both majors of Google's provider that versions.tf admits, in a copy of the tree. The provider comes
from an offline mirror where there is one, else from terraform's registry; where neither is to be had, this says so.
"""

import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
MAJORS = (7, 8)
# Since then a test's made-up values are there in plans too.
OLDEST = (1, 11)
UNCHECKED = "formats, arguments, tests and policies of terraform/ were not checked"
NO_CONNECTION = ("could not connect", "Client.Timeout", "connection refused", "no such host", "i/o timeout")
MIRROR_VARIABLE = "TFCHECK"
MIRROR = Path("../shared/tools/tfcheck/tfcheck")
REGISTRY = "https://registry.terraform.io/.well-known/terraform.json"
REGISTRY_SECONDS = 5.0
CACHE = Path(".local") / "terraform-plugins"
LONGEST_RUN_SECONDS = 600
# What a package is called does not matter to a plan.
PACKAGE_DIGEST = "0" * 64


class NotChecked(Exception):
    """Something that the check stands on is not to be had here. The message says what, and what was not checked."""


@dataclass(frozen=True)
class Resource:
    """A resource as it is planned; `known` has what can be told before it is there."""

    address: str
    type: str
    known: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What terraform says with one major of the provider: complaints, and the plans of its tests by their names."""

    complaints: tuple[str, ...]
    plans: Mapping[str, tuple[Resource, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """Where the provider comes from: environment variables for terraform, and what is added to the configuration."""

    variables: Mapping[str, str]
    override: str | None = None


def require_terraform() -> None:
    """Raises `NotChecked` where there is no terraform, or one that is too old."""
    if shutil.which("terraform") is None:
        raise NotChecked(f"terraform is not installed: {UNCHECKED}")
    version = json.loads(_run(["terraform", "version", "-json"], ROOT, {}).stdout)["terraform_version"]
    if tuple(int(part) for part in version.partition("-")[0].split(".")[:2]) < OLDEST:
        raise NotChecked(f"terraform is {version}, older than {'.'.join(map(str, OLDEST))}: {UNCHECKED}")


def source(major: int, root: Path = ROOT) -> Source:
    """Where this major of the provider comes from. Raises `NotChecked`."""
    mirror = Path(os.environ.get(MIRROR_VARIABLE) or root / MIRROR)
    if mirror.exists():
        told = _run([str(mirror), "--env"], root, {"TFCHECK_GOOGLE": str(major)})
        name, _, value = told.stdout.strip().removeprefix("export ").partition("=")
        if told.returncode == 0 and value:
            return Source({name: value})
    try:
        urllib.request.urlopen(REGISTRY, timeout=REGISTRY_SECONDS).close()
    except OSError:
        raise NotChecked(
            f"neither terraform's registry nor an offline mirror of it is to be had: {UNCHECKED}"
        ) from None
    cache = root / CACHE / str(major)
    cache.mkdir(parents=True, exist_ok=True)
    return Source({"TF_PLUGIN_CACHE_DIR": str(cache.resolve())}, override=only(major))


def badly_formatted(root: Path = ROOT) -> list[str]:
    """What `terraform fmt` would change."""
    told = _run(["terraform", "fmt", "-check", "-recursive", "terraform"], root, {})
    found = [f"{name}: terraform fmt would change it" for name in told.stdout.split()]
    return found or ([told.stderr.strip()] if told.returncode else [])


def checked(given: Source, root: Path = ROOT) -> Outcome:
    """Validate and test a copy of the tree. Raises `NotChecked` when the provider cannot be fetched."""
    with _copy(root, given.override) as folder:
        begun = _run(["terraform", "init", "-backend=false", "-input=false", "-no-color"], folder, given.variables)
        if any(sign in begun.stderr for sign in NO_CONNECTION):
            raise NotChecked(f"Google's provider cannot be fetched: {UNCHECKED}")
        if begun.returncode:
            return Outcome((begun.stderr.strip(),))
        valid = _run(["terraform", "validate", "-json"], folder, given.variables)
        complaints = [_complaint(one) for one in json.loads(valid.stdout).get("diagnostics", ()) if _is_error(one)]
        if complaints or valid.returncode:
            return Outcome(tuple(complaints or [valid.stderr.strip()]))
        return _tested(_run(["terraform", "test", "-json", "-verbose"], folder, given.variables))


def _tested(told: subprocess.CompletedProcess[str]) -> Outcome:
    complaints: list[str] = []
    plans: dict[str, tuple[Resource, ...]] = {}
    for line in told.stdout.splitlines():
        message = json.loads(line)
        if message["type"] == "diagnostic" and _is_error(message["diagnostic"]):
            complaints.append(_complaint(message["diagnostic"]))
        elif message["type"] == "test_plan":
            plans[message["@testrun"]] = tuple(_resources(message["test_plan"]))
    if told.returncode and not complaints:
        complaints.append(told.stderr.strip() or "terraform test failed")
    return Outcome(tuple(complaints), plans)


def _resources(plan: dict[str, Any]) -> Iterator[Resource]:
    for planned in plan["resource_changes"]:
        if planned["mode"] == "managed":
            yield Resource(planned["address"], planned["type"], planned["change"]["after"] or {})


def _is_error(diagnostic: dict[str, Any]) -> bool:
    return bool(diagnostic["severity"] == "error")


def _complaint(diagnostic: dict[str, Any]) -> str:
    place = diagnostic.get("range") or {}
    where = f"terraform/{place['filename']}:{place['start']['line']}: " if place else ""
    return " ".join(f"{where}{diagnostic['summary']}: {diagnostic.get('detail', '')}".split())


@contextmanager
def _copy(root: Path, override: str | None) -> Iterator[Path]:
    """The terraform folder of a copy that has what it reads: the catalogue, and a list of packages."""
    with tempfile.TemporaryDirectory(prefix="briefly-terraform-") as name:
        copy = Path(name)
        ignored = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "terraform.tfstate*")
        shutil.copytree(root / "terraform", copy / "terraform", ignore=ignored)
        (copy / "functions").mkdir()
        catalog = shutil.copy(root / "functions" / "catalog.yaml", copy / "functions")
        (copy / "build").mkdir()
        rows = yaml.safe_load(Path(catalog).read_text(encoding="utf-8"))["functions"]
        (copy / "build" / "packages.json").write_text(json.dumps({one: _package(one, rows[one]) for one in rows}))
        if override is not None:
            (copy / "terraform" / "major_override.tf").write_text(override)
        yield copy / "terraform"


def _package(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """A function as scripts/package lists it."""
    return {
        "archive": f"{name}-{PACKAGE_DIGEST[:16]}.zip",
        "sha256": PACKAGE_DIGEST,
        "runtime": "python313",
        "target": row.get("target", name.replace("-", "_")),
        "asgi": row.get("asgi", False),
    }


def only(major: int) -> str:
    """Narrows the configuration to one major: https://developer.hashicorp.com/terraform/language/files/override"""
    return f"""terraform {{
  required_providers {{
    google = {{
      source  = "hashicorp/google"
      version = "~> {major}.0{", >= 7.40" if major == MAJORS[0] else ""}"
    }}
  }}
}}
"""


def _run(command: list[str], folder: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", **variables}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_RUN_SECONDS,
    )
