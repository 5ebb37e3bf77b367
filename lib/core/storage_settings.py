"""Where Cloud Storage is reached, and what buckets are called there."""

from lib.core.environment import project
from lib.core.settings import Settings, WebAddress


class StorageSettings(Settings):
    """`storage_endpoint` is where Cloud Storage is reached, by this process and by browsers."""

    storage_endpoint: WebAddress = "https://storage.googleapis.com"


def bucket_name(bucket: str) -> str:
    """The full name of a bucket of the catalogue: all projects of the world share one space of names."""
    return f"{project()}-{bucket}"
