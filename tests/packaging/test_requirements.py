"""A package asks for the pinned packages that its function reaches, with all that these need where it is deployed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.local.catalog import REPOSITORY
from scripts.packaging.distributions import Distributions
from scripts.packaging.errors import NotPackaged
from scripts.packaging.package import Package
from scripts.packaging.pins import Pins
from tests.packaging.contents import requirements

OWN_WAYS = {
    "google-api-python-client": {"mail", "events", "stream"},
    "google-cloud-kms": {"maintain", "on-person", "seal-audit", "tokens", "users"},
    "google-cloud-pubsub": {
        *("accounts", "maintain", "on-person", "on-usage", "on-user", "seal-audit", "stream", "users", "webhooks")
    },
    "google-cloud-tasks": {"chat", "maintain", "tokens"},
    "google-cloud-storage": {"maintain", "on-person", "seal-audit", "tokens", "users"},
    "msal": {"tokens"},
    "tink": {"tokens"},
    "nh3": {"mail", "events", "stream", "users"},
    "aiohttp": {"stream"},
    "orjson": {"stream"},
    "standardwebhooks": {"webhooks"},
    "flask-openapi3": {
        *("accounts", "chat", "events", "mail", "maintain", "on-person", "on-usage", "on-user", "seal-audit", "tokens"),
        *("usage", "users", "webhooks"),
    },
}
"""Who has what, of that which not everybody has."""


def pinned(*names: str) -> dict[str, str]:
    """Lines of the repository's requirement files."""
    found = {}
    for name in names:
        for line in (REPOSITORY / name).read_text().splitlines():
            if "==" in line:
                project, _, version = line.partition("==")
                found[project.partition("[")[0]] = version
    return found


@pytest.mark.parametrize("name", OWN_WAYS)
def test_a_package_is_asked_for_by_those_that_reach_it(packages: dict[str, Package], name: str) -> None:
    assert {function for function, package in packages.items() if name in requirements(package)} == OWN_WAYS[name]


def test_every_version_is_the_pinned_one(packages: dict[str, Package]) -> None:
    versions = pinned("requirements.txt", "constraints.txt", "requirements-dev.txt")
    for package in packages.values():
        asked = requirements(package)
        assert asked
        assert asked == {name: versions[name] for name in asked}


def test_everybody_has_the_framework_and_nobody_what_only_tests_and_commands_need(
    packages: dict[str, Package],
) -> None:
    for package in packages.values():
        assert "functions-framework" in requirements(package)
        assert not {"pytest", "openai", "anthropic", "pyyaml", "mypy", "ruff"} & set(requirements(package))


@pytest.fixture
def deployed(tmp_path: Path) -> Callable[..., list[str]]:
    """What some modules need where these lines say what is deployed, and what else is pinned."""

    def needed(*modules: str, lines: str, others: str = "") -> list[str]:
        (tmp_path / "requirements.txt").write_text(lines.replace(" ", "\n"))
        (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\n")
        every = (f"{name}=={version}" for name, version in pinned("constraints.txt", "requirements-dev.txt").items())
        (tmp_path / "constraints.txt").write_text("\n".join([*every, *others.split()]))
        return [str(name) for name in Distributions(Pins.of(tmp_path)).needed_for(modules)]

    return needed


def line(name: str, extra: str = "") -> str:
    """The repository's own line for a package, with another extra."""
    return f"{name}{extra}=={pinned('requirements.txt')[name]}"


FRAMEWORK = f"{line('functions-framework')} {line('flask')} {line('starlette')}"


def test_the_framework_comes_though_nothing_imports_it(deployed: Callable[..., list[str]]) -> None:
    assert {"functions-framework", "flask", "gunicorn", "uvicorn-worker"} <= set(deployed("json", lines=FRAMEWORK))


def test_a_namespace_belongs_to_whoever_brings_the_module(deployed: Callable[..., list[str]]) -> None:
    clients = ("google-cloud-kms", "google-cloud-firestore", "google-auth", "requests", "urllib3", "cryptography")
    lines = " ".join([FRAMEWORK, *map(line, clients)])
    kms = deployed("google.cloud.kms_v1.types.resources.CryptoKey", lines=lines)
    assert "google-cloud-kms" in kms
    assert "google-cloud-firestore" not in kms
    assert "google-cloud-firestore" in deployed("google.cloud.firestore", lines=lines)


def test_an_extra_brings_what_it_stands_for(deployed: Callable[..., list[str]]) -> None:
    plain = f"{FRAMEWORK} {line('pyjwt')} {line('cryptography')}"
    assert "cryptography" not in deployed("jwt", lines=plain)
    assert "cryptography" in deployed("jwt", lines=plain.replace("pyjwt", "pyjwt[crypto]"))


def test_markers_are_those_of_the_deployment_not_of_this_machine(
    deployed: Callable[..., list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = [
        *('six; python_version == "3.13"', 'sniffio; sys_platform == "linux"', 'idna; platform_machine == "x86_64"'),
        *('rich; python_version < "3.13"', 'pygments; python_version > "3.13"', 'attrs; platform_system != "Linux"'),
        *('h2; extra == "fast"', 'mdurl; python_version == "3.13" and extra == "fast"'),
    ]
    metadata = tmp_path / "invented-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Name: invented\nVersion: 1.0\n" + "".join(f"Requires-Dist: {n}\n" for n in needs)
    )
    (metadata / "RECORD").write_text("invented.py,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    common = {"invented", "six", "sniffio", "idna"}
    others = {"rich", "pygments", "attrs", "h2", "mdurl"}
    plain = set(deployed("invented", lines=f"{FRAMEWORK} invented==1.0"))
    assert common <= plain
    assert not others & plain
    assert {"h2", "mdurl"} == others & set(deployed("invented", lines=f"{FRAMEWORK} invented[fast]==1.0"))


def test_whoever_asks_for_time_zones_brings_them(deployed: Callable[..., list[str]]) -> None:
    lines = f"{FRAMEWORK} {line('tzdata')}"
    assert "tzdata" in deployed("zoneinfo.ZoneInfo", lines=lines)
    assert "tzdata" not in deployed("datetime.datetime", lines=lines)


@pytest.mark.parametrize(
    ("module", "lines", "others", "complaint"),
    [
        ("yaml", FRAMEWORK, "", "nothing that requirements.txt deploys brings yaml"),
        ("google.cloud.absent", FRAMEWORK, "", "nothing that requirements.txt deploys brings google.cloud.absent"),
        ("jwt", f"{FRAMEWORK} pyjwt==1.0", "", "pyjwt 1.0 is pinned, but"),
        ("jwt", f"{FRAMEWORK} absent==1.0", "", "absent 1.0 is pinned but not installed"),
        ("jwt", f"{FRAMEWORK} pyjwt>=1.0", "", "pyjwt is not pinned to one version"),
        ("jwt", f"{FRAMEWORK} pyjwt==2.*", "", "pyjwt is not pinned to one version"),
        ("flask", line("functions-framework"), "", "functions-framework needs flask<4.0,>=2.0, of which no version is"),
        ("flask", FRAMEWORK, "gunicorn==1.0", "functions-framework needs gunicorn>=22.0.0; .* but pinned is 1.0"),
    ],
)
def test_what_cannot_be_told_is_refused(
    deployed: Callable[..., list[str]], module: str, lines: str, others: str, complaint: str
) -> None:
    with pytest.raises(NotPackaged, match=complaint):
        deployed(module, lines=lines, others=others)
