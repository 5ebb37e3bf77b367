"""The XML API of objects, which signed URLs speak: https://cloud.google.com/storage/docs/xml-api/reference-methods"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web

from scripts.local.storage import downloads, uploads
from scripts.local.storage.admission import Admission, Caller
from scripts.local.storage.headers import joined
from scripts.local.storage.objects import Objects
from scripts.local.storage.preconditions import Preconditions
from scripts.local.storage.refusals import invalid, not_imitated
from scripts.local.storage.routes import Route
from scripts.local.storage.sessions import Bounds, Session
from scripts.local.storage.stored import Metadata, check_name
from scripts.local.storage.uploads import Hashes, ResumableUploads

RESUMABLE = "x-goog-resumable"
LENGTH_RANGE = "x-goog-content-length-range"


@dataclass(frozen=True)
class XmlApi:
    """The answers of the XML API, to signed URLs, access tokens, and holders of a session's URI."""

    objects: Objects
    admission: Admission
    resumable: ResumableUploads

    async def get(self, request: web.Request) -> web.StreamResponse:
        """GET and HEAD: https://cloud.google.com/storage/docs/xml-api/get-object-download"""
        self._admit(request, "storage.objects.get")
        given = request.query.get("generation")
        generation = Preconditions.of_query({"ifGenerationMatch": given}).generation if given else None
        stored = self.objects.read(*_key(request), Preconditions.of_headers(joined(request.headers)), generation)
        return await downloads.send(request, self.objects.backend, stored)

    async def put(self, request: web.Request) -> web.StreamResponse:
        """A whole object, or a chunk of a resumable upload.

        https://cloud.google.com/storage/docs/xml-api/put-object-upload
        """
        if "upload_id" in request.query:
            return await self._upload(request)
        caller = self._admit(request, "storage.objects.create")
        headers = joined(request.headers)
        key, metadata = _key(request), Metadata.of_headers(headers)
        bounds = Bounds.of(headers.get(LENGTH_RANGE))
        hashes = Hashes.of_headers(headers, caller.content_hash)
        with uploads.incoming() as file:
            await uploads.receive(request.content.iter_any(), file, bounds, hashes)
            preconditions = Preconditions.of_headers(headers)
            stored = await self.objects.insert(*key, file, metadata, preconditions)
        return web.Response(headers=stored.headers())

    async def post(self, request: web.Request) -> web.StreamResponse:
        """The beginning of a resumable upload: 201, with the session's URI.

        https://cloud.google.com/storage/docs/xml-api/post-object-resumable
        """
        headers = joined(request.headers)
        if headers.get(RESUMABLE) != "start":
            raise not_imitated("POST but with x-goog-resumable: start")
        self._admit(request, "storage.objects.create")
        bucket, name = _key(request)
        check_name(name)
        if await request.read():
            raise invalid("The request that begins a resumable upload has no body.")
        session = self.resumable.begin(
            Session(
                bucket,
                name,
                Metadata.of_headers(headers),
                Preconditions.of_headers(headers),
                Bounds.of(headers.get(LENGTH_RANGE)),
            )
        )
        path = f"/{bucket}/{quote(name, safe='/~')}?upload_id={session.id}"
        return web.Response(status=201, headers={"Location": f"{request.scheme}://{request.host}{path}"})

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """An object, or a resumable upload. https://cloud.google.com/storage/docs/xml-api/delete-object"""
        if "upload_id" in request.query:
            return self.resumable.cancel(self._session(request))
        self._admit(request, "storage.objects.delete")
        await self.objects.delete(*_key(request), Preconditions.of_headers(joined(request.headers)))
        return web.Response(status=204)

    async def _upload(self, request: web.Request) -> web.Response:
        session = self._session(request)
        stored = await self.resumable.put(session, request)
        return uploads.resume(session) if stored is None else web.Response(headers=stored.headers())

    def routes(self) -> Iterator[Route]:
        """All of them."""
        path = "/{bucket}/{object:.+}"
        yield Route("GET", path, "objects.get", self.get)
        yield Route("HEAD", path, "objects.get", self.get)
        yield Route("PUT", path, "objects.insert", self.put)
        yield Route("POST", path, "objects.insert", self.post)
        yield Route("DELETE", path, "objects.delete", self.delete)

    def _admit(self, request: web.Request, permission: str) -> Caller:
        caller = self.admission.by_signature_or_token(request)
        self.admission.require(caller, permission, request.match_info["bucket"])
        return caller

    def _session(self, request: web.Request) -> Session:
        return self.resumable.sessions.find(request.query["upload_id"], *_key(request))


def _key(request: web.Request) -> tuple[str, str]:
    return request.match_info["bucket"], request.match_info["object"]
