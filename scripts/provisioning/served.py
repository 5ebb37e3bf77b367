"""How a function is served: as its row in the catalogue means it, and as a plan has it."""

from dataclasses import dataclass

from scripts.local.catalog import Function
from scripts.provisioning.grants import Names
from scripts.provisioning.outsiders import Environment
from scripts.provisioning.plans import Resource

# What every function has in its environment, whatever settings its row names.
EVERYBODYS = (
    "GOOGLE_CLOUD_PROJECT",
    "FUNCTION_URL",
    "CALLERS",
    "HANDS_OUT",
    "SECRETS_DIR",
    "THREADS",
    "FUNCTION_USE_ASGI",
)


@dataclass(frozen=True)
class Served:
    """How a function is served.

    Timeout in seconds, memory in Kubernetes' units, the fewest and the most instances, and the secrets with the folder
    and the file where they are mounted.
    """

    account: str
    timeout: float
    memory: str
    cpu: float
    concurrency: int
    threads: str
    instances: tuple[int, int]
    secrets: frozenset[tuple[str, str, str]]
    settings: frozenset[str]

    def unlike(self, other: "Served") -> str:
        """What of it is otherwise, for whoever is to mend it."""
        mine, others = vars(self), vars(other)
        return ", ".join(f"{name} {mine[name]} is not {others[name]}" for name in mine if mine[name] != others[name])


def meant(name: str, row: Function, names: Names, environment: Environment, settings: frozenset[str]) -> Served:
    """As the row says; `settings` are those that terraform knows, all others keep the defaults of the code."""
    return Served(
        names.account(name),
        row.timeout,
        row.memory,
        row.cpu,
        row.concurrency,
        str(row.concurrency),
        (row.min_instances if environment.warm else 0, row.max_instances or environment.max_instances),
        frozenset((secret, f"/secrets/{secret}", "value") for secret in row.secrets),
        settings & {*row.settings},
    )


def environment_of(resource: Resource) -> dict[str, str]:
    """The environment variables of a planned function."""
    if resource.type == "google_cloudfunctions2_function":
        return dict(resource.known["service_config"][0]["environment_variables"])
    (container,) = resource.known["template"][0]["containers"]
    return {one["name"]: one["value"] for one in container["env"]}


def settings_of(resource: Resource) -> frozenset[str]:
    """The settings among them."""
    return frozenset(environment_of(resource)).difference(EVERYBODYS)


def planned(resource: Resource) -> Served:
    """How a planned function is served."""
    threads = environment_of(resource).get("THREADS", "")
    if resource.type == "google_cloudfunctions2_function":
        service = resource.known["service_config"][0]
        return Served(
            service["service_account_email"],
            service["timeout_seconds"],
            service["available_memory"],
            float(service["available_cpu"]),
            service["max_instance_request_concurrency"],
            threads,
            (service["min_instance_count"], service["max_instance_count"]),
            frozenset(
                (volume["secret"], volume["mount_path"], volume["versions"][0]["path"])
                for volume in service["secret_volumes"]
            ),
            settings_of(resource),
        )
    template = resource.known["template"][0]
    container, scaling = template["containers"][0], template["scaling"][0]
    limits = container["resources"][0]["limits"]
    paths = {mount["name"]: mount["mount_path"] for mount in container["volume_mounts"]}
    return Served(
        template["service_account"],
        float(template["timeout"].removesuffix("s")),
        limits["memory"],
        float(limits["cpu"]),
        template["max_instance_request_concurrency"],
        threads,
        (scaling["min_instance_count"], scaling["max_instance_count"]),
        frozenset(
            (volume["secret"][0]["secret"], paths.get(volume["name"], ""), volume["secret"][0]["items"][0]["path"])
            for volume in template["volumes"]
        ),
        settings_of(resource),
    )
