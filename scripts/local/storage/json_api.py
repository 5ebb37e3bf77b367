"""The JSON API of objects: https://cloud.google.com/storage/docs/json_api/v1/objects"""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import BodyPartReader, MultipartReader, web

from scripts.local.storage import downloads, uploads
from scripts.local.storage.admission import Admission
from scripts.local.storage.headers import joined
from scripts.local.storage.objects import Copying, Objects
from scripts.local.storage.preconditions import Preconditions
from scripts.local.storage.refusals import Refused, invalid, not_imitated
from scripts.local.storage.routes import Route
from scripts.local.storage.sessions import Bounds, Session
from scripts.local.storage.stored import Metadata, Resource, Stored, check_name
from scripts.local.storage.uploads import Hashes, ResumableUploads


@dataclass(frozen=True)
class JsonApi:
    """The answers of the JSON API. Everybody comes with an access token."""

    objects: Objects
    admission: Admission
    resumable: ResumableUploads

    async def insert(self, request: web.Request) -> web.StreamResponse:
        """An upload in one request, plain or with its metadata, or the beginning of a resumable one."""
        bucket = self._admit(request, "storage.objects.create")
        kind = request.query.get("uploadType")
        if kind == "resumable":
            return await self._begin(request, bucket)
        if kind not in ("media", "multipart"):
            raise invalid("Invalid upload type.")
        resource, body = await _multipart(request) if kind == "multipart" else ({}, request.content.iter_any())
        resource = {"contentType": request.headers.get("Content-Type")} | resource if kind == "media" else resource
        name = _name(request, resource)
        given = Hashes.of_headers(joined(request.headers))
        hashes = Hashes(resource.get("crc32c") or given.crc32c, resource.get("md5Hash") or given.md5)
        with uploads.incoming() as file:
            await uploads.receive(body, file, Bounds(), hashes)
            preconditions = Preconditions.of_query(request.query)
            stored = await self.objects.insert(bucket, name, file, Metadata.of_resource(resource), preconditions)
        return self._told(request, stored)

    async def _begin(self, request: web.Request, bucket: str) -> web.Response:
        resource = await _body(request)
        name = _name(request, resource)
        resource.setdefault("contentType", request.headers.get("X-Upload-Content-Type"))
        session = self.resumable.begin(
            Session(
                bucket,
                name,
                Metadata.of_resource(resource),
                Preconditions.of_query(request.query),
                Bounds.of(None, request.headers.get("X-Upload-Content-Length")),
            )
        )
        query = f"uploadType=resumable&name={quote(name, safe='')}&upload_id={session.id}"
        return web.Response(headers={"Location": f"{_base(request)}/upload/storage/v1/b/{bucket}/o?{query}"})

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """A chunk of a resumable upload. The session's URI is all that is needed."""
        session = self._session(request)
        stored = await self.resumable.put(session, request)
        return uploads.resume(session) if stored is None else self._told(request, stored)

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """Give a resumable upload up."""
        return self.resumable.cancel(self._session(request))

    async def get(self, request: web.Request) -> web.StreamResponse:
        """An object's resource, or its content for `alt=media`."""
        bucket = self._admit(request, "storage.objects.get")
        preconditions = Preconditions.of_query(request.query)
        stored = self.objects.read(bucket, request.match_info["object"], preconditions, _generation(request))
        if request.query.get("alt") == "media":
            return await downloads.send(request, self.objects.backend, stored)
        return self._told(request, stored)

    async def list(self, request: web.Request) -> web.StreamResponse:
        """A page of objects; the names, prefixes and pages are the backend's."""
        bucket = self._admit(request, "storage.objects.list")
        if request.query.get("versions") == "true":
            raise not_imitated("object versions")
        query = {name: value for name, value in request.query.items() if name not in ("alt", "fields", "prettyPrint")}
        found, page = await self.objects.list(bucket, query)
        settings, base = self.objects.settings(bucket), _base(request)
        return web.json_response({**page, "items": [stored.resource(settings, base) for stored in found]})

    async def patch(self, request: web.Request) -> web.StreamResponse:
        """Change some of an object's metadata."""
        bucket = self._admit(request, "storage.objects.update")
        change, preconditions = await _body(request), Preconditions.of_query(request.query)
        return self._told(
            request, await self.objects.patch(bucket, request.match_info["object"], change, preconditions)
        )

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Delete an object: 204."""
        bucket = self._admit(request, "storage.objects.delete")
        preconditions = Preconditions.of_query(request.query)
        await self.objects.delete(bucket, request.match_info["object"], preconditions, _generation(request))
        return web.Response(status=204)

    async def copy(self, request: web.Request) -> web.StreamResponse:
        """Copy an object."""
        return self._told(request, await self._copied(request))

    async def rewrite(self, request: web.Request) -> web.StreamResponse:
        """Copy an object, whatever its size at once."""
        stored = await self._copied(request)
        resource = stored.resource(self.objects.settings(stored.bucket), _base(request))
        size = resource["size"]
        told = {"kind": "storage#rewriteResponse", "totalBytesRewritten": size, "objectSize": size, "done": True}
        return web.json_response(told | {"resource": resource})

    async def _copied(self, request: web.Request) -> Stored:
        bucket = self._admit(request, "storage.objects.get")
        target = request.match_info["target_bucket"], request.match_info["target"]
        self.admission.require(self.admission.by_token(request), "storage.objects.create", target[0])
        copying = Copying(
            (bucket, request.match_info["object"]),
            Preconditions.of_query(request.query, "ifSource"),
            _generation(request, "sourceGeneration"),
        )
        changed, preconditions = await _body(request), Preconditions.of_query(request.query)
        return await self.objects.copy(copying, target, changed, preconditions)

    async def compose(self, request: web.Request) -> web.StreamResponse:
        """Put objects together."""
        bucket = self._admit(request, "storage.objects.create")
        body = await _body(request)
        sources = [
            (str(source.get("name")), Preconditions.of_query(_demanded(source)))
            for source in body.get("sourceObjects", [])
        ]
        target = bucket, request.match_info["object"]
        metadata = Metadata.of_resource(body.get("destination") or {})
        stored = await self.objects.compose(target, sources, metadata, Preconditions.of_query(request.query))
        return self._told(request, stored)

    async def bucket(self, request: web.Request) -> web.StreamResponse:
        """Buckets are not for who uses their objects: 403."""
        method = {"GET": "get", "DELETE": "delete"}.get(request.method, "update")
        self._admit(request, f"storage.buckets.{method}")
        raise not_imitated("changes of buckets")

    def routes(self) -> Iterator[Route]:
        """All of them."""
        one = "/storage/v1/b/{bucket}/o/{object}"
        target = "b/{target_bucket}/o/{target}"
        yield Route("POST", "/upload/storage/v1/b/{bucket}/o", "objects.insert", self.insert)
        yield Route("PUT", "/upload/storage/v1/b/{bucket}/o", "objects.upload", self.upload)
        yield Route("DELETE", "/upload/storage/v1/b/{bucket}/o", "objects.cancel", self.cancel)
        yield Route("GET", "/storage/v1/b/{bucket}/o", "objects.list", self.list)
        yield Route("GET", "/download/storage/v1/b/{bucket}/o/{object}", "objects.get", self.get)
        yield Route("GET", one, "objects.get", self.get)
        yield Route("PATCH", one, "objects.patch", self.patch)
        yield Route("DELETE", one, "objects.delete", self.delete)
        yield Route("POST", f"{one}/copyTo/{target}", "objects.copy", self.copy)
        yield Route("POST", f"{one}/rewriteTo/{target}", "objects.rewrite", self.rewrite)
        yield Route("POST", f"{one}/compose", "objects.compose", self.compose)
        yield Route("*", "/storage/v1/b/{bucket}", "buckets", self.bucket)

    def _admit(self, request: web.Request, permission: str) -> str:
        bucket = request.match_info["bucket"]
        self.admission.require(self.admission.by_token(request), permission, bucket)
        return bucket

    def _session(self, request: web.Request) -> Session:
        upload_id, name = request.query.get("upload_id", ""), request.query.get("name")
        return self.resumable.sessions.find(upload_id, request.match_info["bucket"], name)

    def _told(self, request: web.Request, stored: Stored) -> web.Response:
        return web.json_response(stored.resource(self.objects.settings(stored.bucket), _base(request)))


def _base(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"


def _generation(request: web.Request, name: str = "generation") -> int | None:
    return (
        Preconditions.of_query({"ifGenerationMatch": request.query[name]}).generation if name in request.query else None
    )


def _name(request: web.Request, resource: Resource) -> str:
    name = request.query.get("name") or resource.get("name")
    if not isinstance(name, str):
        raise Refused(400, "required", "Required")
    check_name(name)
    return name


def _demanded(source: Any) -> dict[str, str]:
    demanded = (source.get("objectPreconditions") or {}).get("ifGenerationMatch") or source.get("generation")
    return {} if demanded is None else {"ifGenerationMatch": str(demanded)}


async def _body(request: web.Request) -> Resource:
    text = await request.read()
    return _resource(text) if text else {}


def _resource(text: bytes) -> Resource:
    try:
        resource: Any = json.loads(text)
    except ValueError:
        resource = None
    if not isinstance(resource, dict):
        raise Refused(400, "parseError", "Parse Error")
    return resource


async def _multipart(request: web.Request) -> tuple[Resource, AsyncIterator[bytes]]:
    """The metadata and the content of a `multipart/related` upload; the content's own type if no other is named."""
    try:
        parts = MultipartReader(request.headers, request.content)
        metadata, content = await parts.next(), None
        if isinstance(metadata, BodyPartReader):
            resource = _resource(bytes(await metadata.read()))
            content = await parts.next()
    except (AssertionError, ValueError, KeyError):
        raise invalid("Malformed multipart body.") from None
    if not isinstance(content, BodyPartReader):
        raise invalid("Malformed multipart body.")
    resource.setdefault("contentType", content.headers.get("Content-Type"))
    return resource, _chunks(content)


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk(256 * 1024):
        yield chunk
