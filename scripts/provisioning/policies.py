"""What every plan has to keep to, whatever the catalogue names: each policy yields sentences about what breaks it."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.local.catalog import PUSH_INVOKER, Catalog
from scripts.local.push import ATTEMPTS, Backoff
from scripts.provisioning import grants, outsiders, served
from scripts.provisioning.firestore import FILE, Given, Indexes
from scripts.provisioning.grants import DATABASE_IDS, EVERYBODY, GRANTED_ON, Names
from scripts.provisioning.outsiders import Environment
from scripts.provisioning.plans import Resource

BASIC_ROLES = ("roles/owner", "roles/editor", "roles/viewer")
RECOVERY = "-recovery"
LONGEST_ROTATION_SECONDS = 90 * 86400
# What would be a back door around the single grants, were it given on the whole project without a condition.
NEVER_ON_PROJECT = re.compile(
    r"roles/(secretmanager\.(admin|secretAccessor|secretVersionManager)|datastore\.(owner|user|viewer)"
    r"|cloudkms\.\w*(Decrypter|Encrypter|Operator|[sS]igner)\w*|run\.invoker|iam\.serviceAccount(User|TokenCreator|OpenIdTokenCreator)"
    r"|storage\.(admin|object\w+)|pubsub\.(publisher|subscriber|editor)|cloudtasks\.(enqueuer|admin)|iam\.workloadIdentityUser)"
)
OWN_METRICS = "logging.googleapis.com/user/"
# Custom roles that open something, and all that they may.
PERMISSIONS = {
    "auditWriter": {"datastore.entities.create"},
    "auditSealer": {f"datastore.entities.{verb}" for verb in ("create", "delete", "get", "list")},
    "urlSigner": {"iam.serviceAccounts.signBlob"},
    "keyRenewer": {
        *(f"cloudkms.cryptoKeyVersions.{verb}" for verb in ("create", "destroy", "list")),
        "cloudkms.cryptoKeys.update",
    },
}
OPENING = re.compile(
    r"datastore\.entities\.|secretmanager\.versions\.|storage\.objects\.|iam\.serviceAccounts\.(get\w+Token|sign)"
)


@dataclass(frozen=True)
class Plan:
    """What is planned, and for which catalogue, indexes and environment."""

    resources: Sequence[Resource]
    catalog: Catalog
    indexes: Indexes
    names: Names
    environment: Environment

    def of(self, *types: str) -> Iterator[Resource]:
        """The resources of these types, without the provider's name in front."""
        wanted = {f"google_{one}" for one in types}
        return (resource for resource in self.resources if resource.type in wanted)


Policy = Callable[[Plan], Iterator[str]]


def breaches(plan: Plan) -> list[str]:
    """All that the plan breaks."""
    return sorted({breach for policy in POLICIES for breach in policy(plan)})


def no_basic_roles(plan: Plan) -> Iterator[str]:
    """Basic roles open everything; and what replaces all of a resource's grants at once takes others' away."""
    for resource in plan.resources:
        if resource.known.get("role") in BASIC_ROLES:
            yield f"{resource.address}: {resource.known['role']} is a basic role"
        if resource.type.endswith(("_iam_binding", "_iam_policy")):
            yield f"{resource.address}: grant to single members, by {resource.type.rpartition('_')[0]}_member"
        if resource.type.endswith("_iam_member") and resource.type not in GRANTED_ON:
            yield f"{resource.address}: scripts/provisioning/grants.py does not know what {resource.type} is granted on"


def nobody_is_everybody(plan: Plan) -> Iterator[str]:
    """Only functions that the catalogue calls public admit everybody."""
    public = {name for name, row in plan.catalog.functions.items() if row.public}
    for grant, address in _granted(plan):
        if grant.member in EVERYBODY and (grant.on != "cloud_run_v2_service" or grant.name not in public):
            yield f"{address}: {grant.member} may not have {grant}"


def nothing_on_the_whole_project(plan: Plan) -> Iterator[str]:
    """What single grants are for is not granted on all of the project."""
    for grant, address in _granted(plan):
        if grant.on == "project" and not grant.only and NEVER_ON_PROJECT.fullmatch(grant.role):
            yield f"{address}: {grant.role} on the whole project, without a condition"


def exactly_what_is_meant(plan: Plan) -> Iterator[str]:
    """Everybody has what the catalogue names; who builds, deploys and comes from outside what that takes; no more."""
    meant = grants.meant(plan.catalog, plan.names) | outsiders.meant(plan.catalog, plan.names, plan.environment)
    planned = {grant for grant, _ in _granted(plan)}
    yield from (f"missing: {grant}" for grant in sorted(meant - planned))
    yield from (f"too much: {grant}" for grant in sorted(planned - meant))


def custom_roles_are_narrow(plan: Plan) -> Iterator[str]:
    """The audit trail is only added to, signing makes no tokens, and who deploys opens no documents and no secrets."""
    for role in plan.of("project_iam_custom_role"):
        name, permissions = role.known["role_id"], set(role.known["permissions"])
        if name in PERMISSIONS and permissions != PERMISSIONS[name]:
            yield f"{role.address}: more or else than {', '.join(sorted(PERMISSIONS[name]))}"
        for permission in sorted(permissions):
            if name not in PERMISSIONS and OPENING.match(permission):
                yield f"{role.address}: {permission} opens what is in them"


def sinks_carry(plan: Plan) -> Iterator[str]:
    """Every sink of the catalogue carries the lines of its event to its topic, in a name that is its own.

    That this name may publish there is among the grants.
    """
    sinks = {sink.known["name"]: sink for sink in plan.of("logging_project_sink")}
    yield from _named_alike("sink", plan.catalog.sinks, sinks)
    for name, given in plan.catalog.sinks.items():
        known = sinks[name].known if name in sinks else {}
        wanted = {
            "destination": f"pubsub.googleapis.com/projects/{plan.names.project}/topics/{given.topic}",
            "filter": f'resource.type="cloud_run_revision" AND jsonPayload.event="{given.event}"',
            "writer_identity": plan.names.logging_agent,
        }
        for attribute, value in wanted.items():
            if known and known.get(attribute) != value:
                yield f"{sinks[name].address}: its {attribute} is {known.get(attribute)}, not {value}"


def secrets_are_their_readers(plan: Plan) -> Iterator[str]:
    """A secret is granted to those that read it and to nobody else, and its value is in no plan."""
    readers = {
        (secret, plan.names.member(name)) for name, row in plan.catalog.functions.items() for secret in row.secrets
    }
    for grant, address in _granted(plan):
        if grant.on == "secret_manager_secret" and (grant.name, grant.member) not in readers:
            yield f"{address}: {grant.member} reads no secret {grant.name}"
    for resource in plan.of("secret_manager_secret_version"):
        yield f"{resource.address}: values of secrets are added by hand, or they would be in terraform's state"
    yield from _named_alike(
        "secret", plan.catalog.secrets, (one.known["secret_id"] for one in plan.of("secret_manager_secret"))
    )


def queues_have_limits(plan: Plan) -> Iterator[str]:
    """A poisoned task ends, and does not come back at once."""
    queues = list(plan.of("cloud_tasks_queue"))
    for queue in queues:
        retry = (queue.known.get("retry_config") or [{}])[0]
        rate = (queue.known.get("rate_limits") or [{}])[0]
        if not (retry.get("max_attempts") or 0) > 0:
            yield f"{queue.address}: no limit of attempts"
        if not retry.get("min_backoff") or not retry.get("max_backoff"):
            yield f"{queue.address}: no pauses between attempts"
        if not rate.get("max_dispatches_per_second") or not rate.get("max_concurrent_dispatches"):
            yield f"{queue.address}: no limit of its rate"
    yield from _named_alike("queue", plan.catalog.queues, (queue.known["name"] for queue in queues))


def subscriptions_have_dead_letters(plan: Plan) -> Iterator[str]:
    """A message that is refused again and again is kept aside, and nothing is forgotten because nobody came."""
    subscriptions = list(plan.of("pubsub_subscription"))
    names = {subscription.known["name"] for subscription in subscriptions}
    for subscription in subscriptions:
        known = subscription.known
        if (known.get("expiration_policy") or [{}])[0].get("ttl") != "":
            yield f"{subscription.address}: it would be deleted after a month without a reader"
        if known["name"].endswith(RECOVERY):
            continue
        dead = (known.get("dead_letter_policy") or [{}])[0]
        topic = str(dead.get("dead_letter_topic") or "").rpartition("/")[2]
        if not topic or not dead.get("max_delivery_attempts"):
            yield f"{subscription.address}: no dead letter"
        elif f"{topic.removesuffix('-dead-letter')}{RECOVERY}" not in names:
            yield f"{subscription.address}: nobody keeps the dead letters in {topic}"
        yield from _push(plan, subscription)
        yield from _patience(subscription)
    pushed = {name for name, row in plan.catalog.functions.items() if row.topic is not None}
    kept = {f"{topic}{RECOVERY}" for topic in plan.catalog.topics}
    yield from _named_alike("subscription", pushed | kept, names)


def _push(plan: Plan, subscription: Resource) -> Iterator[str]:
    """A push goes to its function, with the token of the account that the function admits."""
    push = (subscription.known.get("push_config") or [{}])[0]
    token = (push.get("oidc_token") or [{}])[0]
    url = plan.names.url(subscription.known["name"])
    wanted = (f"{url}/", url, plan.names.account(PUSH_INVOKER))
    if (push.get("push_endpoint"), token.get("audience"), token.get("service_account_email")) != wanted:
        yield f"{subscription.address}: it does not push to {url} with a token of {PUSH_INVOKER}"


def _patience(subscription: Resource) -> Iterator[str]:
    """A push is tried as often, and with such pauses, as the local cloud does."""
    dead = (subscription.known.get("dead_letter_policy") or [{}])[0]
    retry = (subscription.known.get("retry_policy") or [{}])[0]
    planned = (dead.get("max_delivery_attempts"), retry.get("minimum_backoff"), retry.get("maximum_backoff"))
    pauses = Backoff()
    wanted = (ATTEMPTS, f"{pauses.first.total_seconds():.0f}s", f"{pauses.longest.total_seconds():.0f}s")
    if planned != wanted:
        yield f"{subscription.address}: attempts and pauses {planned} are not {wanted} (scripts/local/push.py)"


def symmetric_keys_rotate(plan: Plan) -> Iterator[str]:
    """Cloud KMS rotates only keys that encrypt and decrypt; signing keys are rotated by hand."""
    for key in plan.of("kms_crypto_key"):
        if key.known.get("purpose") in (None, "ENCRYPT_DECRYPT"):
            seconds = float(str(key.known.get("rotation_period") or "inf").removesuffix("s"))
            if seconds > LONGEST_ROTATION_SECONDS:
                yield f"{key.address}: it does not rotate within 90 days"


def functions_are_as_their_rows(plan: Plan) -> Iterator[str]:
    """Each function runs as its own account, with its row's limits and settings, and with its secrets mounted.

    A setting that terraform gives to nobody is left to the defaults in the code.
    """
    deployed = {one.known["name"]: one for one in plan.of("cloudfunctions2_function", "cloud_run_v2_service")}
    yield from _named_alike("function", plan.catalog.functions, deployed)
    settings = frozenset[str]().union(*map(served.settings_of, deployed.values()))
    for name, resource in deployed.items():
        row = plan.catalog.functions.get(name)
        if row is None:
            continue
        planned = served.planned(resource)
        wanted = served.meant(name, row, plan.names, plan.environment, settings)
        if planned != wanted:
            yield f"{resource.address}: {planned.unlike(wanted)}"
        if row.concurrency > 1 and row.cpu < 1:
            yield f"{resource.address}: more than one request at once takes a whole CPU"
        if row.asgi != (resource.type == "google_cloud_run_v2_service"):
            yield f"{resource.address}: what streams runs on Cloud Run, and all else on Cloud Functions"


def indexes_are_planned(plan: Plan) -> Iterator[str]:
    """What firestore.yaml asks for is planned: composite indexes, single fields, and when documents expire."""
    given = plan.indexes.collections()
    databases = {identifier: name for name, identifier in DATABASE_IDS.items()}

    def collection(resource: Resource) -> str:
        return f"{databases[resource.known['database']]}/{resource.known['collection']}"

    composite = {
        f"{collection(one)} {one.known['query_scope']} {_fields(one.known['fields'])}"
        for one in plan.of("firestore_index")
    }
    fields = {f"{collection(one)} {one.known['field']} {_modes(one.known)}" for one in plan.of("firestore_field")}
    expiring = {collection(one) for one in plan.of("firestore_field") if one.known.get("ttl_config")}
    wanted = {
        f"{at} {scope} {', '.join(index)}"
        for at, one in given.items()
        for scope, indexes in (("COLLECTION", one.composite), ("COLLECTION_GROUP", one.group_composite))
        for index in indexes
    }
    yield from _named_alike("composite index", wanted, composite)
    wanted_fields = {f"{at} {name} {modes}" for at, one in given.items() for name, modes in _wanted_fields(one)}
    yield from _named_alike("field", wanted_fields, fields)
    yield from _named_alike("expiry", {str(at) for at, one in given.items() if one.expiry}, expiring)


def _wanted_fields(given: Given) -> Iterator[tuple[str, list[str]]]:
    names = {"*", *given.fields, *given.group_fields, *([given.expiry] if given.expiry else [])}
    for name in names:
        single = [f"COLLECTION {mode}" for mode in given.fields.get(name, ())]
        yield name, sorted([*single, *(f"COLLECTION_GROUP {mode}" for mode in given.group_fields.get(name, ()))])


def _modes(field: Any) -> list[str]:
    indexes = (field.get("index_config") or [{}])[0].get("indexes", [])
    return sorted(f"{index['query_scope']} {_mode(index)}" for index in indexes)


def _fields(fields: Iterable[dict[str, Any]]) -> str:
    return ", ".join(f"{field['field_path']} {_mode(field)}" for field in fields)


def _mode(field: dict[str, Any]) -> str:
    if field.get("vector_config"):
        return f"vector {field['vector_config'][0]['dimension']}"
    return {"ASCENDING": "asc", "DESCENDING": "desc"}.get(str(field.get("order")), "contains")


def buckets_are_closed(plan: Plan) -> Iterator[str]:
    """No object is granted on its own, or to the public."""
    buckets = list(plan.of("storage_bucket"))
    for bucket in buckets:
        if (
            not bucket.known.get("uniform_bucket_level_access")
            or bucket.known.get("public_access_prevention") != "enforced"
        ):
            yield f"{bucket.address}: it could be opened to the public"
    retained = {f"{plan.names.project}-{name}" for name, one in plan.catalog.buckets.items() if one.retention}
    kept = {bucket.known["name"] for bucket in buckets if bucket.known.get("retention_policy")}
    yield from _named_alike("bucket with a retention", retained, kept)


def alerts_can_be_made(plan: Plan) -> Iterator[str]:
    """No alert stands on a metric that is made beside it, which is unknown for up to ten minutes.

    https://github.com/hashicorp/terraform-provider-google/issues/11102
    """
    for alert in plan.of("monitoring_alert_policy"):
        for condition in alert.known["conditions"]:
            for threshold in condition.get("condition_threshold") or ():
                if OWN_METRICS in f"{threshold['filter']} {threshold.get('denominator_filter')}":
                    yield f"{alert.address}: it stands on a metric of ours, which the first apply does not find"


def databases_are_kept(plan: Plan) -> Iterator[str]:
    """Every database can be had back: as it was, and from a backup."""
    databases = list(plan.of("firestore_database"))
    backed_up = {schedule.known["database"] for schedule in plan.of("firestore_backup_schedule")}
    for database in databases:
        if database.known.get("point_in_time_recovery_enablement") != "POINT_IN_TIME_RECOVERY_ENABLED":
            yield f"{database.address}: it cannot be read as it was"
        if database.known["name"] not in backed_up:
            yield f"{database.address}: it has no backups"
    yield from _named_alike("database", DATABASE_IDS.values(), (database.known["name"] for database in databases))


POLICIES: tuple[Policy, ...] = (
    no_basic_roles,
    nobody_is_everybody,
    nothing_on_the_whole_project,
    exactly_what_is_meant,
    custom_roles_are_narrow,
    sinks_carry,
    secrets_are_their_readers,
    queues_have_limits,
    subscriptions_have_dead_letters,
    symmetric_keys_rotate,
    functions_are_as_their_rows,
    indexes_are_planned,
    buckets_are_closed,
    databases_are_kept,
    alerts_can_be_made,
)


def keys_are_never_destroyed(folder: Path) -> Iterator[str]:
    """Terraform itself refuses to destroy a key; that is no part of a plan."""
    for file in sorted(folder.rglob("*.tf")):
        text = file.read_text(encoding="utf-8")
        for block in re.finditer(
            r'^resource "google_kms_crypto_key" "(\w+)" \{\n(.*?)^\}', text, re.DOTALL | re.MULTILINE
        ):
            if not re.search(r"^\s*prevent_destroy\s*=\s*true$", block[2], re.MULTILINE):
                yield f"{file.relative_to(folder.parent)}: google_kms_crypto_key.{block[1]} lacks prevent_destroy"


def load_indexes(root: Path) -> Indexes:
    """What terraform reads of Firestore's indexes."""
    return Indexes.model_validate(yaml.safe_load((root / FILE).read_text(encoding="utf-8")))


def _granted(plan: Plan) -> Iterator[tuple[grants.Grant, str]]:
    for resource in plan.resources:
        for grant in grants.planned([resource]):
            yield grant, resource.address


def _named_alike(kind: str, wanted: Iterable[str], planned: Iterable[str]) -> Iterator[str]:
    wanted, planned = set(wanted), set(planned)
    yield from (f"missing: the {kind} {name}" for name in sorted(wanted - planned))
    yield from (f"too much: the {kind} {name}" for name in sorted(planned - wanted))
