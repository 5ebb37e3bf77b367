"""The settings that every function has."""

from lib.core.settings import Settings, WebAddress, load


class Environment(Settings):
    """Where this process runs and how it reaches its siblings.

    `k_service` is the function's cloud name, which Cloud Run sets; `function_url` is a template with `{name}`.
    """

    google_cloud_project: str
    k_service: str
    function_url: WebAddress


def project() -> str:
    """The Google Cloud project's id."""
    return load(Environment).google_cloud_project


def function_name() -> str:
    """This function's name in the cloud, and in the catalogue."""
    return load(Environment).k_service


def function_url(name: str) -> str:
    """The URL of a sibling, which is also the audience of the tokens that admit to it."""
    return load(Environment).function_url.format(name=name)


def service_account(name: str) -> str:
    """The e-mail address of the service account with this short name."""
    return f"{name}@{project()}.iam.gserviceaccount.com"


def own_service_account() -> str:
    """The address of the service account that this function runs as."""
    return service_account(f"function-{function_name()}")
