"""The names of the local cloud's project: fixed, so that URLs, accounts and keys can be told in advance."""

from scripts.local.catalog import account_id

PROJECT = "briefly-local"
PROJECT_NUMBER = 100000000001
REGION = "europe-west1"
KEY_RING = "vault"
KEY = "tokens"
SIGNING_KEY = "attestations"
_KEYS = f"projects/{PROJECT}/locations/{REGION}/keyRings/{KEY_RING}/cryptoKeys"
VAULT_KEY = f"{_KEYS}/{KEY}"
ATTESTATION_KEY = f"{_KEYS}/{SIGNING_KEY}/cryptoKeyVersions/1"


def bucket(name: str) -> str:
    """What the bucket with this short name is called in Cloud Storage, where all projects share their names."""
    return f"{PROJECT}-{name}"


def service_account(name: str) -> str:
    """The address of the service account with this short name."""
    return f"{account_id(name)}@{PROJECT}.iam.gserviceaccount.com"
