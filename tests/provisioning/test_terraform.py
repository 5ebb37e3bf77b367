"""What terraform itself says of copies that are broken, and of the one that is not."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lib.core.secrets import mounted_file
from scripts.provisioning import __main__ as checks
from scripts.provisioning import plans, served, static_analysis
from scripts.provisioning.plans import MAJORS, ROOT, NotChecked, Outcome, Resource
from tests.provisioning.copies import Copy, copy_to

MAJOR = MAJORS[-1]


@dataclass(frozen=True)
class Breakage:
    """A text of a file in terraform/, what stands there instead, and a part of what is to be said of it."""

    file: str
    old: str
    new: str
    complaint: str


NOBODY = "for_each = {}"
BREAKAGES = (
    Breakage(
        "modules/topic/main.tf",
        "  dead_letter_policy {\n    dead_letter_topic     = local.dead_letter_topic\n"
        "    max_delivery_attempts = var.max_delivery_attempts\n  }\n",
        "",
        'module.topic["usage"].google_pubsub_subscription.push["on-usage"]: no dead letter',
    ),
    Breakage(
        "modules/queue/main.tf",
        "max_attempts  = var.max_attempts",
        "max_attempts  = -1",
        'module.queue["runs"].google_cloud_tasks_queue.this: no limit of attempts',
    ),
    Breakage(
        "iam.tf",
        "for_each = local.grants.publishes",
        NOBODY,
        "missing: roles/pubsub.publisher on pubsub_topic usage for serviceAccount:function-stream@",
    ),
    Breakage(
        "iam.tf",
        "for name, row in local.functions : merge(",
        'for name, row in local.functions : name == "users" ? {} : merge(',
        "missing: roles/run.invoker on cloud_run_v2_service users for serviceAccount:gateway@",
    ),
    Breakage(
        "iam.tf",
        'row.public ? { "${name}/allUsers"',
        'name == "tokens" || row.public ? { "${name}/allUsers"',
        'invoker["tokens/allUsers"]: allUsers may not have roles/run.invoker',
    ),
    Breakage(
        "iam.tf",
        "for_each = local.grants.secrets",
        'for_each = merge(local.grants.secrets, { more = { function = "chat", resource = "openai-api-key" } })',
        "function-chat@briefly-test.iam.gserviceaccount.com reads no secret openai-api-key",
    ),
    Breakage(
        "firestore.tf",
        "for_each = local.composite_indexes",
        NOBODY,
        "missing: the composite index default/usage_events",
    ),
    Breakage(
        "firestore.tf",
        'for_each = each.value.expires ? ["expires"] : []',
        "for_each = []",
        "missing: the expiry default/usage_events",
    ),
    Breakage(
        "packages.tf",
        'role    = "roles/logging.logWriter"',
        'role    = "roles/editor"',
        "google_project_iam_member.builder_logs: roles/editor is a basic role",
    ),
    Breakage(
        "packages.tf",
        'role       = "roles/artifactregistry.writer"',
        'role       = "roles/artifactregistry.reader"',
        "missing: roles/artifactregistry.writer on artifact_registry_repository functions for serviceAccount:builder@",
    ),
    Breakage(
        "federation.tf",
        "/subject/${var.gateway_federation.subject}",
        "/subject/anybody",
        "too much: roles/iam.workloadIdentityUser on service_account projects/briefly-test/serviceAccounts/gateway@",
    ),
    Breakage(
        "federation.tf",
        '"roles/run.admin"',
        '"roles/run.developer"',
        "missing: roles/run.admin on project briefly-test for serviceAccount:deployer@",
    ),
    Breakage(
        "logging.tf",
        'jsonPayload.event=\\"${each.value.event}\\"',
        'jsonPayload.event=\\"${each.key}\\"',
        'google_logging_project_sink.this["api-calls"]: its filter is ',
    ),
    Breakage(
        "logging.tf",
        '"sink" {\n  for_each = local.sinks',
        f'"sink" {{\n  {NOBODY}',
        "missing: roles/pubsub.publisher on pubsub_topic usage for serviceAccount:service-123456789012@gcp-sa-logging",
    ),
    Breakage(
        "modules/function/main.tf",
        "= var.timeout",
        "= 540",
        "timeout 540 is not 30.0",
    ),
    Breakage(
        "modules/topic/main.tf",
        'minimum_backoff = "10s"',
        'minimum_backoff = "1s"',
        "(scripts/local/push.py)",
    ),
    Breakage(
        "monitoring.tf",
        'metric.type=\\"run.googleapis.com/request_count\\"',
        'metric.type=\\"logging.googleapis.com/user/briefly/requests\\"',
        'google_monitoring_alert_policy.this["error-share"]: it stands on a metric of ours',
    ),
    Breakage(
        "kms.tf",
        "prevent_destroy = true",
        "prevent_destroy = false",
        "google_kms_crypto_key.tokens lacks prevent_destroy",
    ),
)
PARCELS = """
  parcels:
    trigger: http
    callers: [gateway]
    concurrency: 4
    databases: [default, audit]
    publishes: [parcels]
    queues: [parcels]
    buckets: [parcels]
    secrets: [parcel-key]
    settings: [REQUESTS_PER_MINUTE]

  on-parcel:
    trigger: pubsub
    topic: parcels
    callers: [push-invoker]
    databases: [default]

"""


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return copy_to(tmp_path)


def complaints(copy: Copy) -> list[str]:
    """What `scripts/check` would print of the copy; skips where there is no terraform, or no provider for it."""
    try:
        plans.require_terraform()
        return checks.of_outcome(plans.checked(plans.source(MAJOR), copy.root), copy.root)
    except NotChecked as missing:
        pytest.skip(str(missing))


def test_what_cannot_be_checked_without_terraform_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert checks.run(lambda: checks.with_provider(MAJOR)) == 0
    assert "NOT CHECKED: terraform is not installed" in capsys.readouterr().out


def test_what_cannot_be_checked_without_mirror_and_registry_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(plans.MIRROR_VARIABLE, "/nowhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert checks.run(lambda: [str(plans.source(MAJOR))]) == 0
    assert "NOT CHECKED: neither terraform's registry nor an offline mirror" in capsys.readouterr().out


def test_what_cannot_be_checked_fails_where_everything_has_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv(checks.ALL_VARIABLE, "1")
    assert checks.run(lambda: checks.with_provider(MAJOR)) == 1
    assert checks.run(list) == 0


def test_a_bad_format_is_found(copy: Copy) -> None:
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    copy.change("terraform/kms.tf", "  name     = local.key_ring", "  name = local.key_ring")
    assert plans.badly_formatted(copy.root) == ["terraform/kms.tf: terraform fmt would change it"]


def test_what_checkov_knows_better_is_found(tmp_path: Path) -> None:
    (tmp_path / "terraform").mkdir()
    shutil.copy(ROOT / "terraform" / ".checkov.yaml", tmp_path / "terraform")
    bucket = 'resource "google_storage_bucket" "open" {\n  name     = "open"\n  location = "EU"\n}\n'
    (tmp_path / "terraform" / "open.tf").write_text(bucket)
    try:
        found = static_analysis.complaints(tmp_path)
    except NotChecked as missing:
        pytest.skip(str(missing))
    assert any("google_storage_bucket.open" in one and "CKV_GCP_29" in one for one in found)


def test_a_complaint_is_printed_once_and_fails_the_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert checks.run(lambda: ["wrong"], lambda: ["wrong"], list) == 1
    assert capsys.readouterr().out == "wrong\n"


@pytest.mark.parametrize("major", MAJORS)
def test_the_registry_is_asked_for_one_major_of_the_provider(copy: Copy, major: int) -> None:
    try:
        plans.require_terraform()
        mirror = plans.source(major)
    except NotChecked as missing:
        pytest.skip(str(missing))
    copy.change("terraform/kms.tf", "rotation_period", "rotation_time")
    only = replace(mirror, override=plans.only(major))
    (found,) = plans.checked(only, copy.root).complaints
    assert "rotation_time" in found
    other = replace(mirror, override=plans.only(sum(MAJORS) - major))
    assert "rotation_time" not in "".join(plans.checked(other, copy.root).complaints)


def test_a_misspelt_attribute_is_found(copy: Copy) -> None:
    copy.change("terraform/modules/function/main.tf", "max_instance_count  ", "maximum_instance_count")
    (found,) = complaints(copy)
    assert "terraform/modules/function/main.tf" in found
    assert "maximum_instance_count" in found


def test_a_misspelt_block_is_found_at_any_depth(copy: Copy) -> None:
    copy.change("terraform/modules/topic/main.tf", "oidc_token {", "oidc_tokens {")
    assert any("oidc_token" in found for found in complaints(copy))


def test_what_is_missing_or_too_much_in_the_configuration_is_found(copy: Copy) -> None:
    environments = copy.root / "terraform" / "tests" / "environments.tftest.hcl"
    environments.write_text(environments.read_text().partition('run "refuses')[0])
    for breakage in BREAKAGES:
        copy.change(f"terraform/{breakage.file}", breakage.old, breakage.new)
    found = "\n".join(complaints(copy))
    assert [breakage.complaint for breakage in BREAKAGES if breakage.complaint not in found] == []


@pytest.mark.long
def test_what_the_catalogue_gets_needs_no_change_of_terraform(copy: Copy) -> None:
    file = "functions/catalog.yaml"
    copy.change(file, "functions:\n", f"functions:\n{PARCELS}")
    copy.change(file, "topics: [", "topics: [parcels, ")
    copy.change(file, "sinks:\n", "sinks:\n  parcels: {event: parcel, topic: parcels}\n")
    copy.change(file, "queues:\n  runs:", "queues:\n  parcels: {max_attempts: 3}\n  runs:")
    with_buckets = re.sub(r"(?m)^buckets:.*\n", "", (copy.root / file).read_text()).replace("  files: {}\n", "")
    (copy.root / file).write_text(f"{with_buckets}\nbuckets:\n  parcels: {{retention: 86400}}\n")
    copy.change(file, "secrets:\n  - google", "secrets:\n  - parcel-key\n  - google")
    assert complaints(copy) == []


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """What terraform says of the tree as it is."""
    try:
        plans.require_terraform()
        return plans.checked(plans.source(MAJOR))
    except NotChecked as missing:
        pytest.skip(str(missing))


@pytest.mark.long
def test_every_function_starts_with_the_environment_that_it_is_deployed_with(outcome: Outcome, tmp_path: Path) -> None:
    assert outcome.complaints == ()
    deployed = [
        resource
        for resource in outcome.plans["large"]
        if resource.type in ("google_cloudfunctions2_function", "google_cloud_run_v2_service")
    ]
    started = {resource.known["name"]: _start(resource, tmp_path) for resource in deployed}
    failed = {name: process.stderr for name, process in started.items() if process.returncode}
    assert failed == {}
    assert set(started) == {path.parent.name.replace("_", "-") for path in (ROOT / "functions").glob("*/main.py")}


def _start(resource: Resource, folder: Path) -> subprocess.CompletedProcess[str]:
    """Load the function's module, which refuses an environment that lacks something."""
    environment = served.environment_of(resource)
    name = resource.known["name"]
    secrets = folder / name
    for secret, _, _ in served.planned(resource).secrets:
        mounted_file(secrets, secret).parent.mkdir(parents=True)
        mounted_file(secrets, secret).write_text("a secret")
    return subprocess.run(
        [
            sys.executable,
            "-c",
            f"import runpy; runpy.run_path({str(ROOT / 'functions' / name.replace('-', '_') / 'main.py')!r})",
        ],
        env={
            **environment,
            "K_SERVICE": name,
            "SECRETS_DIR": str(secrets),
            "PYTHONPATH": str(ROOT),
            "PATH": os.environ["PATH"],
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
