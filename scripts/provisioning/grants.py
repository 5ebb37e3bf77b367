"""Who is granted what: as the catalogue means it, and as a plan has it.

Derived here a second time and by other means than in terraform/, so that a grant that is missing there is seen, and
one too many.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scripts.local.catalog import PUSH_INVOKER, TASKS_INVOKER, Catalog, account_id
from scripts.provisioning.plans import Resource

EVERYBODY = ("allUsers", "allAuthenticatedUsers")
DATABASE_IDS = {"default": "(default)", "vault": "vault", "audit": "audit"}
# What rows call the databases besides, by what the function may do there.
DATABASE_OF = {"audit-reader": "audit", "audit-sealer": "audit"}
OWN_ROLES = {"audit": "auditWriter", "audit-sealer": "auditSealer"}
# By type of resource, the attribute that says what is granted on.
GRANTED_ON = {
    "google_cloud_run_v2_service_iam_member": "name",
    "google_pubsub_topic_iam_member": "topic",
    "google_pubsub_subscription_iam_member": "subscription",
    "google_cloud_tasks_queue_iam_member": "name",
    "google_secret_manager_secret_iam_member": "secret_id",
    "google_kms_crypto_key_iam_member": "crypto_key_id",
    "google_storage_bucket_iam_member": "bucket",
    "google_service_account_iam_member": "service_account_id",
    "google_artifact_registry_repository_iam_member": "repository",
    "google_project_iam_member": "project",
}


@dataclass(frozen=True, order=True)
class Grant:
    """A role on something for a member; `only` is the condition that it is bound to."""

    on: str
    name: str
    role: str
    member: str
    only: str = ""

    def __str__(self) -> str:
        condition = f" if {self.only}" if self.only else ""
        return f"{self.role} on {self.on} {self.name} for {self.member}{condition}"


@dataclass(frozen=True)
class Names:
    """How things are called in a project."""

    project: str
    number: str
    region: str

    def account(self, name: str) -> str:
        """A service account's address."""
        return f"{account_id(name)}@{self.project}.iam.gserviceaccount.com"

    def member(self, name: str) -> str:
        """A service account, as somebody to grant to."""
        return f"serviceAccount:{self.account(name)}"

    def account_id(self, name: str) -> str:
        """A service account, as something to grant on."""
        return f"projects/{self.project}/serviceAccounts/{self.account(name)}"

    @property
    def pubsub_agent(self) -> str:
        """The account by which Pub/Sub itself acts."""
        return f"serviceAccount:service-{self.number}@gcp-sa-pubsub.iam.gserviceaccount.com"

    @property
    def logging_agent(self) -> str:
        """The account by which sinks write: https://cloud.google.com/logging/docs/export/configure_export_v2"""
        return f"serviceAccount:service-{self.number}@gcp-sa-logging.iam.gserviceaccount.com"

    @property
    def vault_key(self) -> str:
        """The key that wraps people's keysets."""
        return f"projects/{self.project}/locations/{self.region}/keyRings/vault/cryptoKeys/tokens"

    @property
    def attestation_key(self) -> str:
        """The key that signs."""
        return f"projects/{self.project}/locations/{self.region}/keyRings/vault/cryptoKeys/attestations"

    def url(self, function: str) -> str:
        """Where a function is."""
        return f"https://{function}-{self.number}.{self.region}.run.app"


def meant(catalog: Catalog, names: Names) -> set[Grant]:
    """What the catalogue's rows name, for functions, for those who call them, and for Pub/Sub's own agent."""
    return {*_of_functions(catalog, names), *_of_invokers(catalog, names), *_of_pubsub(catalog, names)}


def planned(resources: Iterable[Resource]) -> Iterator[Grant]:
    """What a plan grants."""
    for resource in resources:
        attribute = GRANTED_ON.get(resource.type)
        if attribute is not None:
            known = resource.known
            condition = (known.get("condition") or [{}])[0].get("expression", "")
            yield Grant(
                resource.type.removeprefix("google_").removesuffix("_iam_member"),
                str(known.get(attribute)),
                str(known.get("role")),
                str(known.get("member")),
                condition,
            )


def _of_functions(catalog: Catalog, names: Names) -> Iterator[Grant]:
    for name, row in catalog.functions.items():
        member = names.member(name)
        for topic in row.publishes:
            yield Grant("pubsub_topic", topic, "roles/pubsub.publisher", member)
        for queue in row.queues:
            yield Grant("cloud_tasks_queue", queue, "roles/cloudtasks.enqueuer", member)
        for secret in row.secrets:
            yield Grant("secret_manager_secret", secret, "roles/secretmanager.secretAccessor", member)
        for bucket in row.buckets:
            yield Grant("storage_bucket", f"{names.project}-{bucket}", "roles/storage.objectUser", member)
        for bucket in row.reads:
            yield Grant("storage_bucket", f"{names.project}-{bucket}", "roles/storage.objectViewer", member)
        for database in row.databases:
            yield _database(names, database, member)
        if row.kms:
            yield Grant("kms_crypto_key", names.vault_key, "roles/cloudkms.cryptoKeyEncrypterDecrypter", member)
            yield Grant("kms_crypto_key", names.vault_key, f"projects/{names.project}/roles/keyRenewer", member)
        if row.signs:
            yield Grant("kms_crypto_key", names.attestation_key, "roles/cloudkms.signerVerifier", member)
        if row.verifies:
            yield Grant("kms_crypto_key", names.attestation_key, "roles/cloudkms.publicKeyViewer", member)
        if row.queues:
            yield Grant("service_account", names.account_id(TASKS_INVOKER), "roles/iam.serviceAccountUser", member)
        if row.buckets:
            yield Grant("service_account", names.account_id(name), f"projects/{names.project}/roles/urlSigner", member)


def _database(names: Names, database: str, member: str) -> Grant:
    role = "roles/datastore.viewer" if database == "audit-reader" else "roles/datastore.user"
    if database in OWN_ROLES:
        role = f"projects/{names.project}/roles/{OWN_ROLES[database]}"
    resource = f"projects/{names.project}/databases/{DATABASE_IDS[DATABASE_OF.get(database, database)]}"
    only = f"resource.type == 'firestore.googleapis.com/Database' && resource.name == '{resource}'"
    return Grant("project", names.project, role, member, only)


def _of_invokers(catalog: Catalog, names: Names) -> Iterator[Grant]:
    for name, row in catalog.functions.items():
        members = ["allUsers"] if row.public else [names.member(caller) for caller in row.callers]
        for member in members:
            yield Grant("cloud_run_v2_service", name, "roles/run.invoker", member)


def _of_pubsub(catalog: Catalog, names: Names) -> Iterator[Grant]:
    agent = names.pubsub_agent
    role = "roles/iam.serviceAccountOpenIdTokenCreator"
    yield Grant("service_account", names.account_id(PUSH_INVOKER), role, agent)
    for topic in catalog.topics:
        yield Grant("pubsub_topic", f"{topic}-dead-letter", "roles/pubsub.publisher", agent)
    for name, row in catalog.functions.items():
        if row.topic is not None:
            yield Grant("pubsub_subscription", name, "roles/pubsub.subscriber", agent)
