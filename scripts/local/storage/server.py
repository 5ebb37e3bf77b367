"""Cloud Storage on one port: the JSON API, then the XML API, and faults on command before either."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from scripts.local.access_tokens import AccessTokens
from scripts.local.faults import Faults
from scripts.local.http_endpoint import HttpEndpoint, serve_application
from scripts.local.service_account_keys import ServiceAccountKeys
from scripts.local.storage.admission import Admission
from scripts.local.storage.backend import Backend
from scripts.local.storage.json_api import JsonApi
from scripts.local.storage.objects import Objects
from scripts.local.storage.refusals import Refused
from scripts.local.storage.retention import BucketSettings
from scripts.local.storage.uploads import ResumableUploads
from scripts.local.storage.xml_api import XmlApi

MOST_IN_MEMORY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class StorageConfig:
    """Where fake-gcs-server is, which buckets there are, whom to believe, and which faults to obey."""

    backend: str
    buckets: Mapping[str, BucketSettings]
    tokens: AccessTokens
    keys: ServiceAccountKeys
    faults: Faults = field(default_factory=Faults)


async def serve(config: StorageConfig) -> HttpEndpoint:
    """Serve both APIs on 127.0.0.1; what is stored lives as long as fake-gcs-server does."""
    backend = Backend(config.backend)
    objects = Objects(backend, config.buckets)
    admission = Admission(objects, config.tokens, config.keys)
    resumable = ResumableUploads(objects)
    application = web.Application(client_max_size=MOST_IN_MEMORY_BYTES)
    for route in JsonApi(objects, admission, resumable).routes():
        application.router.add_route(route.method, route.path, route.guarded(config.faults, Refused.in_json))
    for route in XmlApi(objects, admission, resumable).routes():
        application.router.add_route(route.method, route.path, route.guarded(config.faults, Refused.in_xml))

    async def close(_: web.Application) -> None:
        await backend.close()

    application.on_cleanup.append(close)
    return await serve_application(application)
