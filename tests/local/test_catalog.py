"""The catalogue is read strictly, and what it says of a function becomes that function's environment."""

from pathlib import Path

import pytest
import yaml

from scripts.local import catalog
from scripts.local.catalog import InvalidCatalog
from scripts.local.endpoints import Endpoints
from scripts.local.environment import FunctionEnvironment, Keys

ROW = {"trigger": "http", "callers": ["gateway"]}


def load(tmp_path: Path, **parts: object) -> catalog.Catalog:
    file = tmp_path / "catalog.yaml"
    file.write_text(yaml.safe_dump(parts))
    return catalog.load(file)


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ({"functions": {"a": {**ROW, "concurency": 3}}}, "functions.a.concurency: Extra inputs"),
        ({"functions": {"a": {"trigger": "cron"}}}, "functions.a.trigger"),
        ({"functions": {"a": {"trigger": "pubsub"}}}, "a topic belongs to the trigger pubsub"),
        ({"functions": {"a": {**ROW, "speaks_for": ["chat"]}}}, "speaks_for names who may not call: chat"),
        ({"functions": {"a": {**ROW, "public": True}}}, "a public function has no list of callers"),
        ({"functions": {"a": {**ROW, "publishes": ["t"]}}}, "a refers to t, which is not among the topics"),
        ({"functions": {"a": {**ROW, "secrets": ["s"]}}}, "a refers to s, which is not among the secrets"),
        ({"functions": {"a": {**ROW, "buckets": ["b"]}}}, "a refers to b, which is not among the buckets"),
        ({"functions": {"a": ROW}, "buckets": {"Big_One": {}}}, r"buckets\.Big_One"),
        ({"functions": {"a": ROW}, "buckets": {"b": {"retention": 0}}}, r"buckets\.b\.retention"),
        ({"functions": {"a": {**ROW, "calls": ["b"]}, "b": ROW}}, "b is called by a but does not admit it"),
        ({"functions": {"a": ROW}, "topics": ["t", "t"]}, "t is twice among the topics"),
        ({"functions": {"a": ROW}, "sinks": {"s": {"event": "e", "topic": "t"}}}, "sink s has no topic t"),
        (
            {"functions": {"a": ROW}, "schedules": {"s": {"cron": "* * * * *", "topic": "t"}}},
            "schedule s has no topic t",
        ),
        ({"functions": {"a": ROW}, "topics": ["t"], "schedules": {"s": {"cron": "hourly", "topic": "t"}}}, "s.cron"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(tmp_path: Path, parts: dict[str, object], complaint: str) -> None:
    with pytest.raises(InvalidCatalog, match=complaint):
        load(tmp_path, **parts)


def test_a_function_that_enqueues_calls_by_the_tasks_account(tmp_path: Path) -> None:
    caller = {**ROW, "calls": ["b"], "queues": ["q"]}
    rows = load(
        tmp_path, functions={"a": caller, "b": {"trigger": "tasks", "callers": ["tasks-invoker"]}}, queues={"q": {}}
    )
    assert rows.functions["a"].calls == ("b",)


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "catalog.yaml").write_text("{")
    with pytest.raises(InvalidCatalog):
        catalog.load(tmp_path / "catalog.yaml")


def test_a_number_that_terraform_would_read_as_a_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "catalog.yaml").write_text("functions: {}\nbuckets:\n  b: {retention: 86_400}\n")
    with pytest.raises(InvalidCatalog, match="86_400 is a number here, and a text for terraform"):
        catalog.load(tmp_path / "catalog.yaml")


def environment(monkeypatch: pytest.MonkeyPatch, **outside: str) -> FunctionEnvironment:
    for name, value in outside.items():
        monkeypatch.setenv(name, value)
    rows = catalog.load()
    endpoints = Endpoints(
        **dict.fromkeys(
            ("kms", "secrets", "tasks", "scheduler", "google_cloud_control", "storage", "iam_credentials"),
            "http://127.0.0.1:1",
        ),
        **dict.fromkeys(
            ("google", "microsoft", "microsoft_control", "clerk", "origin", "firestore", "pubsub"), "http://127.0.0.1:1"
        ),
        models="http://127.0.0.1:2",
        metadata=dict.fromkeys(rows.functions, "127.0.0.1:3"),
    )
    bundle = Path("/state/certificates.pem")
    return FunctionEnvironment(
        rows, endpoints, Keys({}, {}), Path("/state"), bundle, "client", "other client", {}, {"EXTRA": "1"}
    )


def test_what_the_options_set_reaches_every_function(monkeypatch: pytest.MonkeyPatch) -> None:
    made = environment(monkeypatch)
    assert {made.of(name, 1)["EXTRA"] for name in made.catalog.functions} == {"1"}


def test_every_function_trusts_the_authority_of_its_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    made = environment(monkeypatch, SSL_CERT_FILE="/etc/ours.pem", REQUESTS_CA_BUNDLE="/etc/ours.pem")
    for name in made.catalog.functions:
        told = made.of(name, 1)
        assert {told["SSL_CERT_FILE"], told["REQUESTS_CA_BUNDLE"]} == {"/state/certificates.pem"}


def test_only_the_functions_that_speak_to_microsoft_know_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    made = environment(monkeypatch)

    def knowing(setting: str) -> set[str]:
        return {name for name in made.catalog.functions if setting in made.of(name, 1)}

    assert knowing("MICROSOFT_CLIENT_ID") == knowing("MICROSOFT_AUTHORITY") == {"accounts", "tokens"}
    assert knowing("MICROSOFT_GRAPH_ENDPOINT") == {"mail", "events", "stream"}


def test_credentials_of_whoever_runs_it_reach_no_function(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = {"GOOGLE_APPLICATION_CREDENTIALS": "/key.json", "OPENAI_API_KEY": "sk", "AWS_SECRET_ACCESS_KEY": "x"}
    made = environment(monkeypatch, **secret).of("stream", 1)
    assert not set(secret) & set(made)
    assert made["HOME"].startswith("/state/")


def test_of_our_functions_only_the_vaults_door_is_given_the_key_and_the_clients_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = environment(monkeypatch)
    rows = made.catalog.functions
    with_key = {name for name in rows if "VAULT_KEY" in made.of(name, 1) or rows[name].kms}
    with_secrets = {name for name, row in rows.items() if any("oauth" in secret for secret in row.secrets)}
    assert with_key == with_secrets == {"tokens"}
