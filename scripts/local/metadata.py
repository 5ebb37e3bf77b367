"""The metadata server that a Cloud Run instance sees, one port for each service account.

Imitates https://cloud.google.com/run/docs/container-contract#metadata-server and the rules of
https://cloud.google.com/compute/docs/metadata/querying-metadata: a request without `Metadata-Flavor: Google`, or
with `X-Forwarded-For`, is refused with 403, and every answer carries the header. Point both `GCE_METADATA_HOST`
and `GCE_METADATA_IP` (which google-auth pings first) at it. Access tokens are opaque; Cloud Storage and the IAM
Credentials API know whose they are, and the other services admit everybody. Fails on command by the fault service name
`metadata` and the last segment of the path.
"""

from dataclasses import dataclass, field

import grpc
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from scripts.local.access_tokens import AccessTokens
from scripts.local.faults import METADATA, Faults
from scripts.local.http_endpoint import HttpEndpoint, serve_application
from scripts.local.identity_tokens import LIFETIME, IdentityTokens

FLAVOR = {"Metadata-Flavor": "Google"}
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
ROOT = "/computeMetadata/v1"
# How the codes of faults look over HTTP: https://cloud.google.com/apis/design/errors#handling_errors
HTTP_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}


@dataclass(frozen=True)
class MetadataConfig:
    """Whose instance this is, where to listen and which faults to obey."""

    project: str
    project_number: int
    region: str
    service_account: str
    tokens: IdentityTokens
    faults: Faults = field(default_factory=Faults)
    access_tokens: AccessTokens = field(default_factory=AccessTokens)
    port: int = 0


def _text(value: str) -> web.Response:
    return web.Response(text=value, content_type="application/text")


def _only_for_us(config: MetadataConfig) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        asked = request.headers.get("Metadata-Flavor") == "Google" or request.path == "/"
        if not asked or "X-Forwarded-For" in request.headers:
            return web.Response(status=403, text="Missing Metadata-Flavor:Google header.", headers=FLAVOR)
        fault = config.faults.take(METADATA, request.path.rstrip("/").rpartition("/")[2])
        if fault is not None:
            await fault.hold()
            if fault.code is not None:
                return web.Response(status=HTTP_STATUS.get(fault.code, 500), headers=FLAVOR)
        try:
            response = await handler(request)
        except web.HTTPException as error:
            error.headers.update(FLAVOR)
            raise
        response.headers.update(FLAVOR)
        return response

    return middleware


class Metadata:
    """The answers of one instance's metadata server."""

    def __init__(self, config: MetadataConfig) -> None:
        self._config = config

    async def root(self, _: web.Request) -> web.Response:
        return _text("computeMetadata/\n")

    async def project_id(self, _: web.Request) -> web.Response:
        return _text(self._config.project)

    async def project_number(self, _: web.Request) -> web.Response:
        return _text(str(self._config.project_number))

    async def region(self, _: web.Request) -> web.Response:
        return _text(f"projects/{self._config.project_number}/regions/{self._config.region}")

    async def universe(self, _: web.Request) -> web.Response:
        return _text("googleapis.com")

    async def account(self, request: web.Request) -> web.Response:
        self._require_own(request)
        if request.query.get("recursive", "").lower() != "true":
            return _text("aliases\nemail\nidentity\nscopes\ntoken\n")
        return web.json_response({"aliases": ["default"], "email": self._config.service_account, "scopes": SCOPES})

    async def email(self, request: web.Request) -> web.Response:
        self._require_own(request)
        return _text(self._config.service_account)

    async def scopes(self, request: web.Request) -> web.Response:
        self._require_own(request)
        return _text("\n".join(SCOPES) + "\n")

    async def token(self, request: web.Request) -> web.Response:
        """An access token: https://cloud.google.com/run/docs/securing/service-identity#access_tokens"""
        self._require_own(request)
        token = self._config.access_tokens.issue(self._config.service_account)
        lifetime = int(LIFETIME.total_seconds())
        return web.json_response({"access_token": token, "expires_in": lifetime, "token_type": "Bearer"})

    async def identity(self, request: web.Request) -> web.Response:
        """An ID token: https://cloud.google.com/run/docs/securing/service-identity#identity_tokens"""
        self._require_own(request)
        audience = request.query.get("audience")
        if not audience:
            return web.Response(status=400, text="non-empty audience parameter required")
        return web.Response(text=self._config.tokens.mint(self._config.service_account, audience))

    def _require_own(self, request: web.Request) -> None:
        if request.match_info["account"] not in ("default", self._config.service_account):
            raise web.HTTPNotFound

    def application(self) -> web.Application:
        """The routes, behind the rules that hold for all of them."""
        account = f"{ROOT}/instance/service-accounts/{{account}}"
        application = web.Application(middlewares=[_only_for_us(self._config)])
        application.add_routes(
            [
                web.get("/", self.root),
                web.get(f"{ROOT}/project/project-id", self.project_id),
                web.get(f"{ROOT}/project/numeric-project-id", self.project_number),
                web.get(f"{ROOT}/instance/region", self.region),
                web.get(f"{ROOT}/universe/universe-domain", self.universe),
                web.get(f"{account}/", self.account),
                web.get(f"{account}/email", self.email),
                web.get(f"{account}/scopes", self.scopes),
                web.get(f"{account}/token", self.token),
                web.get(f"{account}/identity", self.identity),
            ]
        )
        return application


async def serve(config: MetadataConfig) -> HttpEndpoint:
    """Serve one service account's metadata on 127.0.0.1."""
    return await serve_application(Metadata(config).application(), config.port)
