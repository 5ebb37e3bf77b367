"""The environment of a function's process: what Cloud Run sets, where the cloud is, and the settings it asked for."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.local.catalog import REPOSITORY, TASKS_INVOKER, Catalog, Function, folder
from scripts.local.certificates import BUNDLE_VARIABLES
from scripts.local.endpoints import PROVIDERS, Endpoints
from scripts.local.project import ATTESTATION_KEY, PROJECT, REGION, VAULT_KEY, service_account

# Taken over from the runner's own environment: how programs find each other and speak to the outside.
INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_DIR", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Keys:
    """The public keys that functions verify with, as JSON web key sets."""

    gateway: Mapping[str, Any]
    clerk: Mapping[str, Any]


@dataclass(frozen=True)
class FunctionEnvironment:
    """Computes the environment of each function. `models` are the settings that say which models answer.

    `certificates` is a file with all that functions trust. `overrides` go to all, over what is computed.
    """

    catalog: Catalog
    endpoints: Endpoints
    keys: Keys
    state: Path
    certificates: Path
    google_client_id: str
    microsoft_client_id: str
    models: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str, port: int) -> dict[str, str]:
        """Everything that the process of this function sees."""
        row = self.catalog.functions[name]
        known = {**self._settings(), **self.models, **self.overrides}
        return {
            **{variable: os.environ[variable] for variable in INHERITED if variable in os.environ},
            **self._container(name, row, port),
            **self._cloud(name, row),
            **{setting: known[setting] for setting in row.settings if setting in known},
            **self.overrides,
        }

    def secrets_folder(self, name: str) -> Path:
        """Where the secrets of a function are mounted."""
        return self.state / "secrets" / name

    def _container(self, name: str, row: Function, port: int) -> dict[str, str]:
        """https://cloud.google.com/run/docs/container-contract#env-vars and how the framework is told its work."""
        home = self.state / "home"
        return {
            "PORT": str(port),
            "K_SERVICE": name,
            "K_REVISION": f"{name}-00001-local",
            "K_CONFIGURATION": name,
            "FUNCTION_TARGET": row.target or folder(name),
            "THREADS": str(row.concurrency),
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            # No credentials of whoever runs this may reach a function, and gunicorn keeps a socket in its home.
            "HOME": str(home),
            "CLOUDSDK_CONFIG": str(home / "gcloud"),
        }

    def _cloud(self, name: str, row: Function) -> dict[str, str]:
        metadata = self.endpoints.metadata[name]
        variables = {
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            **dict.fromkeys(BUNDLE_VARIABLES, str(self.certificates)),
            "FUNCTION_URL": f"{self.endpoints.origin}/{{name}}",
            "GCE_METADATA_HOST": metadata,
            "GCE_METADATA_IP": metadata,
            "CLOCK_OFFSET_FILE": str(self.state / "clock-offset"),
            "SECRETS_DIR": str(self.secrets_folder(name)),
            "CALLERS": json.dumps([service_account(caller) for caller in row.speaks_for]),
        }
        if row.databases:
            variables["FIRESTORE_EMULATOR_HOST"] = self.endpoints.firestore.removeprefix("http://")
        if row.publishes:
            variables["PUBSUB_ENDPOINT"] = self.endpoints.pubsub
        if row.queues:
            variables["TASKS_ENDPOINT"] = self.endpoints.tasks
        if row.buckets or row.reads:
            variables["STORAGE_ENDPOINT"] = self.endpoints.storage
            variables["IAM_CREDENTIALS_ENDPOINT"] = self.endpoints.iam_credentials
        if row.kms or row.signs or row.verifies:
            variables["KMS_ENDPOINT"] = self.endpoints.kms
        return variables

    def _settings(self) -> dict[str, str]:
        google, microsoft = self.endpoints.google, self.endpoints.microsoft
        return {
            "GATEWAY_KEYS": json.dumps(self.keys.gateway),
            "CLERK_KEYS": json.dumps(self.keys.clerk),
            "CLERK_API_URL": f"{self.endpoints.clerk}/v1",
            "CLERK_ISSUER": self.endpoints.clerk,
            "CLERK_PARTIES": json.dumps([self.endpoints.origin]),
            "VAULT_KEY": VAULT_KEY,
            "ATTESTATION_KEY": ATTESTATION_KEY,
            "BACKUPS_KEPT": "P7D",
            "TASKS_INVOKER": service_account(TASKS_INVOKER),
            "TASKS_LOCATION": REGION,
            "OAUTH_REDIRECT_URLS": json.dumps([self.endpoints.redirect_url(provider) for provider in PROVIDERS]),
            "GOOGLE_OAUTH_CLIENT_ID": self.google_client_id,
            "GOOGLE_AUTHORIZE_URL": f"{google}/o/oauth2/v2/auth",
            "GOOGLE_TOKEN_URL": f"{google}/token",
            "GOOGLE_REVOKE_URL": f"{google}/revoke",
            "GOOGLE_ISSUER": "https://accounts.google.com",
            "GOOGLE_API_ENDPOINT": google,
            "MICROSOFT_CLIENT_ID": self.microsoft_client_id,
            "MICROSOFT_AUTHORITY": f"{microsoft}/common",
            "MICROSOFT_GRAPH_ENDPOINT": microsoft,
            "OPENAI_BASE_URL": f"{self.endpoints.models}/v1",
            "ANTHROPIC_BASE_URL": self.endpoints.models,
        }
