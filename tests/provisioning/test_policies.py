"""Each policy on a few resources of a plan; tests/provisioning/test_terraform.py has terraform make whole ones."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.local.catalog import Catalog
from scripts.provisioning import policies
from scripts.provisioning.firestore import Indexes
from scripts.provisioning.grants import Names
from scripts.provisioning.outsiders import Environment
from scripts.provisioning.plans import Resource
from scripts.provisioning.policies import Plan

NAMES = Names("p", "1", "europe-west1")
CATALOG = Catalog.model_validate(
    {
        "functions": {
            "mail": {
                "trigger": "http",
                "callers": ["gateway"],
                "concurrency": 8,
                "secrets": ["key"],
                "queues": ["runs"],
                "timeout": 30,
                "min_instances": 1,
                "settings": ["ISSUER", "OF_THE_CODE"],
            },
            "hooks": {"trigger": "http", "public": True},
            "on-mail": {"trigger": "pubsub", "topic": "mails", "callers": ["push-invoker"]},
        },
        "topics": ["mails"],
        "sinks": {"mails": {"event": "mail", "topic": "mails"}},
        "queues": {"runs": {}},
        "secrets": ["key"],
    }
)
INDEXES = Indexes.model_validate(
    {
        "databases": {
            "default": {"runs": {"composite": [["a asc", "b desc"]], "fields": {"c": ["asc"]}, "expiry": "expires_at"}}
        }
    }
)
ENVIRONMENT = Environment("host", "state", repository="owner/name", warm=True, max_instances=9)
Check = Callable[[Plan], Iterator[str]]


def broken(policy: Check, *resources: Resource) -> list[str]:
    return list(policy(Plan(resources, CATALOG, INDEXES, NAMES, ENVIRONMENT)))


def resource(kind: str, **known: Any) -> Resource:
    return Resource(f"google_{kind}.this", f"google_{kind}", known)


def queue(**retry: Any) -> Resource:
    limits = {"max_dispatches_per_second": 1, "max_concurrent_dispatches": 1}
    pauses = {"max_attempts": 5, "min_backoff": "1s", "max_backoff": "60s"} | retry
    return resource("cloud_tasks_queue", name="runs", rate_limits=[limits], retry_config=[pauses])


def subscription(**changes: Any) -> Resource:
    token = {
        "audience": "https://on-mail-1.europe-west1.run.app",
        "service_account_email": NAMES.account("push-invoker"),
    }
    known = {
        "name": "on-mail",
        "expiration_policy": [{"ttl": ""}],
        "push_config": [{"push_endpoint": "https://on-mail-1.europe-west1.run.app/", "oidc_token": [token]}],
        "dead_letter_policy": [
            {"dead_letter_topic": "projects/p/topics/mails-dead-letter", "max_delivery_attempts": 10}
        ],
        "retry_policy": [{"minimum_backoff": "10s", "maximum_backoff": "600s"}],
    }
    return resource("pubsub_subscription", **known | changes)


RECOVERY = subscription(name="mails-recovery", push_config=[], dead_letter_policy=[])


@pytest.mark.parametrize("role", ["roles/owner", "roles/editor", "roles/viewer"])
def test_basic_roles_are_refused(role: str) -> None:
    assert broken(policies.no_basic_roles, resource("project_iam_member", role=role, member="x"))
    assert not broken(policies.no_basic_roles, resource("project_iam_member", role="roles/run.viewer", member="x"))


def test_what_replaces_all_grants_and_what_nobody_knows_is_refused() -> None:
    assert broken(policies.no_basic_roles, resource("project_iam_binding", role="roles/run.viewer"))
    assert broken(policies.no_basic_roles, resource("bigquery_dataset_iam_member", role="roles/run.viewer"))


def invoker(function: str, member: str) -> Resource:
    return resource("cloud_run_v2_service_iam_member", name=function, role="roles/run.invoker", member=member)


def test_only_public_functions_admit_everybody() -> None:
    assert not broken(policies.nobody_is_everybody, invoker("hooks", "allUsers"))
    assert broken(policies.nobody_is_everybody, invoker("mail", "allUsers"))
    assert broken(policies.nobody_is_everybody, invoker("mail", "allAuthenticatedUsers"))
    assert broken(
        policies.nobody_is_everybody,
        resource("storage_bucket_iam_member", bucket="b", role="roles/storage.objectViewer", member="allUsers"),
    )


def test_single_grants_are_not_given_on_the_whole_project() -> None:
    grant = {"project": "p", "role": "roles/secretmanager.secretAccessor", "member": "serviceAccount:x"}
    assert broken(policies.nothing_on_the_whole_project, resource("project_iam_member", **grant))
    condition = [{"title": "t", "expression": "resource.name == 'x'"}]
    assert not broken(
        policies.nothing_on_the_whole_project, resource("project_iam_member", **grant, condition=condition)
    )


def test_a_missing_grant_and_one_too_many_are_named() -> None:
    found = broken(policies.exactly_what_is_meant, invoker("hooks", NAMES.member("mail")))
    assert "missing: roles/run.invoker on cloud_run_v2_service hooks for allUsers" in found
    assert (
        f"missing: roles/secretmanager.secretAccessor on secret_manager_secret key for {NAMES.member('mail')}" in found
    )
    assert f"missing: roles/pubsub.subscriber on pubsub_subscription on-mail for {NAMES.pubsub_agent}" in found
    assert f"too much: roles/run.invoker on cloud_run_v2_service hooks for {NAMES.member('mail')}" in found


BUILDER = "serviceAccount:builder@p.iam.gserviceaccount.com"
ACCOUNTS = "projects/p/serviceAccounts"
POOLS = "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools"


@pytest.mark.parametrize(
    "grant",
    [
        f"roles/pubsub.publisher on pubsub_topic mails for {NAMES.logging_agent}",
        f"roles/logging.logWriter on project p for {BUILDER}",
        f"roles/artifactregistry.writer on artifact_registry_repository functions for {BUILDER}",
        f"roles/iam.workloadIdentityUser on service_account {ACCOUNTS}/gateway@p.iam.gserviceaccount.com"
        f" for {POOLS}/gateway/subject/host",
        f"roles/iam.workloadIdentityUser on service_account {ACCOUNTS}/deployer@p.iam.gserviceaccount.com"
        f" for {POOLS}/github/subject/repo:owner/name:ref:refs/heads/main",
        "roles/run.admin on project p for serviceAccount:deployer@p.iam.gserviceaccount.com",
        "roles/run.viewer on project p for serviceAccount:planner@p.iam.gserviceaccount.com",
        "roles/storage.objectViewer on storage_bucket state for serviceAccount:planner@p.iam.gserviceaccount.com",
    ],
)
def test_what_builds_deploys_and_comes_from_outside_is_missed_too(grant: str) -> None:
    assert f"missing: {grant}" in broken(policies.exactly_what_is_meant)


def test_whoever_nobody_means_gets_nothing() -> None:
    grant = resource("project_iam_member", project="p", role="roles/run.viewer", member="user:somebody@example.com")
    assert "too much: roles/run.viewer on project p for user:somebody@example.com" in broken(
        policies.exactly_what_is_meant, grant
    )


@pytest.mark.parametrize(
    ("role", "permissions"),
    [
        ("auditWriter", ["datastore.entities.create", "datastore.entities.get"]),
        ("urlSigner", ["iam.serviceAccounts.getAccessToken"]),
        ("keyRenewer", ["cloudkms.cryptoKeyVersions.create", "cloudkms.cryptoKeyVersions.restore"]),
        ("deployerResources", ["secretmanager.versions.access"]),
        ("plannerResources", ["storage.objects.get"]),
    ],
)
def test_a_custom_role_that_opens_more_than_it_should_is_refused(role: str, permissions: list[str]) -> None:
    fine = resource("project_iam_custom_role", role_id="auditWriter", permissions=["datastore.entities.create"])
    assert not broken(policies.custom_roles_are_narrow, fine)
    wrong = resource("project_iam_custom_role", role_id=role, permissions=permissions)
    assert broken(policies.custom_roles_are_narrow, wrong)


def sink(**changes: Any) -> Resource:
    known = {
        "name": "mails",
        "destination": "pubsub.googleapis.com/projects/p/topics/mails",
        "filter": 'resource.type="cloud_run_revision" AND jsonPayload.event="mail"',
        "writer_identity": NAMES.logging_agent,
    }
    return resource("logging_project_sink", **known | changes)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "others"},
        {"destination": "pubsub.googleapis.com/projects/p/topics/others"},
        {"filter": 'jsonPayload.event="mails"'},
        {"writer_identity": "serviceAccount:cloud-logs@system.gserviceaccount.com"},
    ],
)
def test_a_sink_that_does_not_carry_its_event_to_its_topic_is_refused(change: dict[str, str]) -> None:
    assert not broken(policies.sinks_carry, sink())
    assert broken(policies.sinks_carry) == ["missing: the sink mails"]
    assert broken(policies.sinks_carry, sink(**change))


def test_a_secret_is_read_by_those_whose_rows_name_it_only() -> None:
    def read_by(name: str) -> list[str]:
        role = "roles/secretmanager.secretAccessor"
        grant = resource("secret_manager_secret_iam_member", secret_id="key", role=role, member=NAMES.member(name))
        return broken(policies.secrets_are_their_readers, resource("secret_manager_secret", secret_id="key"), grant)

    assert read_by("mail") == []
    assert read_by("hooks")
    assert read_by("deployer")


def test_values_of_secrets_are_refused_and_containers_missed() -> None:
    version = resource("secret_manager_secret_version", secret="key", secret_data="x")
    assert len(broken(policies.secrets_are_their_readers, version)) == 2


@pytest.mark.parametrize(
    "retry", [{"max_attempts": -1}, {"max_attempts": None}, {"min_backoff": None}, {"max_backoff": ""}]
)
def test_a_queue_without_limits_is_refused(retry: dict[str, Any]) -> None:
    assert not broken(policies.queues_have_limits, queue())
    assert broken(policies.queues_have_limits, queue(**retry))
    assert broken(policies.queues_have_limits) == ["missing: the queue runs"]


@pytest.mark.parametrize(
    "change",
    [
        {"dead_letter_policy": []},
        {
            "dead_letter_policy": [
                {"dead_letter_topic": "projects/p/topics/other-dead-letter", "max_delivery_attempts": 10}
            ]
        },
        {"expiration_policy": []},
        {"push_config": []},
        {"retry_policy": [{"minimum_backoff": "1s", "maximum_backoff": "60s"}]},
    ],
)
def test_a_subscription_without_dead_letter_end_token_or_patience_is_refused(change: dict[str, Any]) -> None:
    assert not broken(policies.subscriptions_have_dead_letters, subscription(), RECOVERY)
    assert broken(policies.subscriptions_have_dead_letters, subscription(**change), RECOVERY)


def test_dead_letters_that_nobody_keeps_are_refused() -> None:
    assert broken(policies.subscriptions_have_dead_letters, subscription())


def test_symmetric_keys_rotate_and_others_cannot() -> None:
    assert not broken(policies.symmetric_keys_rotate, resource("kms_crypto_key", rotation_period="7776000s"))
    assert broken(policies.symmetric_keys_rotate, resource("kms_crypto_key", rotation_period="31536000s"))
    assert broken(policies.symmetric_keys_rotate, resource("kms_crypto_key", purpose="ENCRYPT_DECRYPT"))
    assert not broken(policies.symmetric_keys_rotate, resource("kms_crypto_key", purpose="ASYMMETRIC_SIGN"))


def test_a_key_that_terraform_could_destroy_is_refused(tmp_path: Path) -> None:
    key = 'resource "google_kms_crypto_key" "tokens" {\n  lifecycle {\n    prevent_destroy = true\n  }\n}\n'
    (tmp_path / "kms.tf").write_text(key)
    assert not list(policies.keys_are_never_destroyed(tmp_path))
    (tmp_path / "kms.tf").write_text(key.replace("true", "false"))
    assert list(policies.keys_are_never_destroyed(tmp_path))


def function(**wrong: Any) -> Resource:
    given = {"account": "mail", "threads": "8", "mounted": "/secrets/key", "settings": {"ISSUER": "x"}} | wrong
    volume = {"secret": "key", "mount_path": given["mounted"], "versions": [{"path": "value", "version": "latest"}]}
    service = {
        "service_account_email": NAMES.account(given["account"]),
        "timeout_seconds": 30,
        "available_memory": "512Mi",
        "available_cpu": "1",
        "min_instance_count": 1,
        "max_instance_count": 9,
        "max_instance_request_concurrency": 8,
        "environment_variables": {"THREADS": given["threads"], **given["settings"]},
        "secret_volumes": [volume],
    }
    return resource("cloudfunctions2_function", name="mail", service_config=[service | wrong.get("service", {})])


@pytest.mark.parametrize(
    "wrong",
    [
        {"account": "hooks"},
        {"threads": "4"},
        {"mounted": "/secrets"},
        {"settings": {"ISSUER": "x", "OTHER": "y"}},
        {"service": {"timeout_seconds": 60}},
        {"service": {"available_memory": "1Gi"}},
        {"service": {"max_instance_request_concurrency": 80}},
        {"service": {"min_instance_count": 0}},
        {"service": {"max_instance_count": 100}},
    ],
)
def test_a_function_that_is_not_as_its_row_is_refused(wrong: dict[str, Any]) -> None:
    others = {"missing: the function hooks", "missing: the function on-mail"}
    assert set(broken(policies.functions_are_as_their_rows, function())) == others
    assert len(broken(policies.functions_are_as_their_rows, function(**wrong))) == len(others) + 1


def test_a_setting_that_others_get_is_missed_where_the_row_names_it() -> None:
    (service,) = function(settings={"ISSUER": "x"}).known["service_config"]
    other = resource("cloudfunctions2_function", name="hooks", service_config=[service])
    found = broken(policies.functions_are_as_their_rows, function(settings={}), other)
    assert "google_cloudfunctions2_function.this: settings frozenset() is not frozenset({'ISSUER'})" in found


def field(name: str, orders: list[str], *, expires: bool = False) -> Resource:
    indexes = [{"order": order, "array_config": None, "query_scope": "COLLECTION"} for order in orders]
    ttl = [{}] if expires else []
    at = {"database": "(default)", "collection": "runs", "field": name}
    return resource("firestore_field", **at, index_config=[{"indexes": indexes}], ttl_config=ttl)


def composite(*fields: tuple[str, str]) -> Resource:
    given = [{"field_path": name, "order": order} for name, order in fields]
    return resource("firestore_index", database="(default)", collection="runs", query_scope="COLLECTION", fields=given)


def test_indexes_and_expiries_are_planned_as_the_file_has_them() -> None:
    index = composite(("a", "ASCENDING"), ("b", "DESCENDING"))
    fields = [field("*", []), field("c", ["ASCENDING"]), field("expires_at", [], expires=True)]
    assert not broken(policies.indexes_are_planned, index, *fields)
    assert broken(policies.indexes_are_planned, *fields)
    assert broken(policies.indexes_are_planned, composite(("b", "DESCENDING"), ("a", "ASCENDING")), *fields)
    assert broken(policies.indexes_are_planned, index, *fields[:2], field("expires_at", []))
    assert broken(policies.indexes_are_planned, index, fields[0], field("c", []), fields[2])


def test_a_bucket_that_could_be_opened_is_refused() -> None:
    def bucket(**known: Any) -> list[str]:
        return broken(policies.buckets_are_closed, resource("storage_bucket", name="b", **known))

    assert not bucket(uniform_bucket_level_access=True, public_access_prevention="enforced")
    assert bucket(uniform_bucket_level_access=True, public_access_prevention="inherited")
    assert bucket(public_access_prevention="enforced")


@pytest.mark.parametrize("place", ["filter", "denominator_filter"])
def test_an_alert_on_a_metric_that_is_made_beside_it_is_refused(place: str) -> None:
    def alert(**changes: str) -> Resource:
        threshold = {"filter": 'metric.type="run.googleapis.com/request_count"', "denominator_filter": None} | changes
        return resource("monitoring_alert_policy", conditions=[{"condition_threshold": [threshold]}])

    log_match = resource("monitoring_alert_policy", conditions=[{"condition_matched_log": [{"filter": "x"}]}])
    assert not broken(policies.alerts_can_be_made, alert(), log_match)
    assert broken(policies.alerts_can_be_made, alert(**{place: 'metric.type="logging.googleapis.com/user/briefly/x"'}))


def test_a_database_without_backups_or_yesterday_is_refused() -> None:
    kept = [
        resource("firestore_database", name=name, point_in_time_recovery_enablement="POINT_IN_TIME_RECOVERY_ENABLED")
        for name in ("(default)", "vault", "audit")
    ]
    backups = [resource("firestore_backup_schedule", database=one.known["name"]) for one in kept]
    assert not broken(policies.databases_are_kept, *kept, *backups)
    assert broken(policies.databases_are_kept, *kept, *backups[1:])
    assert broken(policies.databases_are_kept, *kept[1:], *backups)
