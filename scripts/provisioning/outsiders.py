"""What is granted to those who are no functions: who builds, deploys and plans, and who comes from outside by a token
of its own host's.

As in `grants`, derived a second time: a role more for the deployer has to be written here too.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from scripts.local.catalog import GATEWAY, PUSH_INVOKER, TASKS_INVOKER, Catalog
from scripts.provisioning.grants import Grant, Names

DEPLOYER_ROLES = (
    "artifactregistry.admin",
    "cloudbuild.builds.editor",
    "cloudfunctions.admin",
    "cloudkms.admin",
    "cloudscheduler.admin",
    "cloudtasks.queueAdmin",
    "datastore.indexAdmin",
    "iam.roleAdmin",
    "iam.serviceAccountAdmin",
    "iam.workloadIdentityPoolAdmin",
    "logging.configWriter",
    "monitoring.alertPolicyEditor",
    "monitoring.dashboardEditor",
    "monitoring.notificationChannelEditor",
    "pubsub.admin",
    "resourcemanager.projectIamAdmin",
    "run.admin",
    "serviceusage.serviceUsageAdmin",
)
PLANNER_ROLES = (
    "artifactregistry.reader",
    "cloudfunctions.viewer",
    "cloudkms.viewer",
    "cloudscheduler.viewer",
    "cloudtasks.viewer",
    "iam.roleViewer",
    "iam.securityReviewer",
    "iam.workloadIdentityPoolViewer",
    "monitoring.viewer",
    "pubsub.viewer",
    "run.viewer",
    "serviceusage.serviceUsageViewer",
)


@dataclass(frozen=True)
class Environment:
    """What the variables of an environment say, as far as a plan of it is compared with that.

    `repository` is the one whose workflows deploy, as owner/name; `warm` whether instances are kept that rows ask for.
    """

    gateway_subject: str
    state_bucket: str
    repository: str | None
    warm: bool
    max_instances: int


def meant(catalog: Catalog, names: Names, environment: Environment) -> set[Grant]:
    """What they are granted in this environment."""
    found = {*_of_builder(names), *_of_sinks(catalog, names), _from_outside(names, GATEWAY, "gateway", environment)}
    if environment.repository is not None:
        found |= {*_of_deployers(names, environment), *_acts_as(catalog, names)}
        found |= {_from_outside(names, account, "github", environment) for account in ("deployer", "planner")}
    return found


def _of_builder(names: Names) -> Iterator[Grant]:
    member = f"serviceAccount:{_address(names, 'builder')}"
    buckets = ("gcf-v2-sources-", f"{names.project}-packages/")
    only = " || ".join(f"resource.name.startsWith('projects/_/buckets/{bucket}')" for bucket in buckets)
    yield Grant("project", names.project, "roles/logging.logWriter", member)
    yield Grant("project", names.project, "roles/storage.objectViewer", member, only)
    yield Grant("artifact_registry_repository", "functions", "roles/artifactregistry.writer", member)


def _of_sinks(catalog: Catalog, names: Names) -> Iterator[Grant]:
    for sink in catalog.sinks.values():
        yield Grant("pubsub_topic", sink.topic, "roles/pubsub.publisher", names.logging_agent)


def _from_outside(names: Names, account: str, pool: str, environment: Environment) -> Grant:
    subject = {
        GATEWAY: environment.gateway_subject,
        "deployer": f"repo:{environment.repository}:ref:refs/heads/main",
        "planner": f"repo:{environment.repository}:pull_request",
    }[account]
    pools = f"principal://iam.googleapis.com/projects/{names.number}/locations/global/workloadIdentityPools"
    member = f"{pools}/{pool}/subject/{subject}"
    return Grant("service_account", _id(names, account), "roles/iam.workloadIdentityUser", member)


def _of_deployers(names: Names, environment: Environment) -> Iterator[Grant]:
    for account, roles, objects in (("deployer", DEPLOYER_ROLES, "User"), ("planner", PLANNER_ROLES, "Viewer")):
        member = f"serviceAccount:{_address(names, account)}"
        yield Grant("project", names.project, f"projects/{names.project}/roles/{account}Resources", member)
        for role in roles:
            yield Grant("project", names.project, f"roles/{role}", member)
        for bucket in (f"{names.project}-packages", environment.state_bucket):
            yield Grant("storage_bucket", bucket, f"roles/storage.object{objects}", member)


def _acts_as(catalog: Catalog, names: Names) -> Iterator[Grant]:
    """Whoever deploys a function has it run as its account."""
    member = f"serviceAccount:{_address(names, 'deployer')}"
    accounts = [names.account_id(name) for name in (*catalog.functions, GATEWAY, TASKS_INVOKER, PUSH_INVOKER)]
    for account in (*accounts, _id(names, "builder")):
        yield Grant("service_account", account, "roles/iam.serviceAccountUser", member)


def _address(names: Names, account: str) -> str:
    return f"{account}@{names.project}.iam.gserviceaccount.com"


def _id(names: Names, account: str) -> str:
    return f"projects/{names.project}/serviceAccounts/{_address(names, account)}"
