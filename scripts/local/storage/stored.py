"""An object as Cloud Storage describes it: https://cloud.google.com/storage/docs/json_api/v1/objects#resource"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from scripts.local import clock
from scripts.local.storage.refusals import invalid
from scripts.local.storage.retention import BucketSettings, Protection

Resource = dict[str, Any]

TEXTS = ("contentType", "cacheControl", "contentDisposition", "contentEncoding", "contentLanguage")
HOLDS = ("temporaryHold", "eventBasedHold")
NAME_BYTES = 1024
# https://cloud.google.com/storage/quotas#objects
CUSTOM_METADATA_BYTES = 8 * 1024
DEFAULT_TYPE = "application/octet-stream"


@dataclass
class Metadata:
    """What a user may say of an object: its standard texts by JSON name, and whatever it likes."""

    texts: dict[str, str] = field(default_factory=dict)
    custom: dict[str, str] = field(default_factory=dict)
    temporary_hold: bool | None = None
    event_based_hold: bool | None = None

    @classmethod
    def of_resource(cls, resource: Mapping[str, Any]) -> "Metadata":
        """What is in an object's resource, of an upload or a change. Refuses what is not of its kind."""
        made = cls(
            {name: str(resource[name]) for name in TEXTS if resource.get(name) is not None},
            {key: str(value) for key, value in (resource.get("metadata") or {}).items() if value is not None},
            *(resource.get(name) for name in HOLDS),
        )
        made.check()
        return made

    @classmethod
    def of_headers(cls, headers: Mapping[str, str]) -> "Metadata":
        """What the headers of the XML API say: https://cloud.google.com/storage/docs/xml-api/reference-headers"""
        named = {"-".join(_words(name)): name for name in TEXTS}
        custom = "x-goog-meta-"
        made = cls(
            {named[key.lower()]: value for key, value in headers.items() if key.lower() in named},
            {
                key.lower().removeprefix(custom): value
                for key, value in headers.items()
                if key.lower().startswith(custom)
            },
        )
        made.check()
        return made

    def check(self) -> None:
        """Refuse custom metadata beyond its limit."""
        size = sum(len(key.encode()) + len(value.encode()) for key, value in self.custom.items())
        if size > CUSTOM_METADATA_BYTES:
            raise invalid("The total size of custom metadata may be at most 8 KiB.")


@dataclass
class Stored:
    """A live object. `facts` are what the backend knows of its bytes: size, hashes, generation."""

    bucket: str
    name: str
    facts: Resource
    metadata: Metadata
    protection: Protection
    components: int | None = None
    metageneration: int = 1
    created: datetime = field(default_factory=clock.now)
    updated: datetime = field(default_factory=clock.now)

    @property
    def generation(self) -> int:
        return int(self.facts["generation"])

    @property
    def path(self) -> str:
        return f"{self.bucket}/{self.name}"

    @property
    def content_type(self) -> str:
        return self.metadata.texts.get("contentType", DEFAULT_TYPE)

    def patch(self, change: Mapping[str, Any]) -> None:
        """Change the metadata: null removes (https://cloud.google.com/storage/docs/json_api#patch)."""
        new = Metadata(dict(self.metadata.texts), dict(self.metadata.custom))
        for name in set(TEXTS) & set(change):
            new.texts = _changed(new.texts, {name: change[name]})
        if "metadata" in change:
            new.custom = _changed(new.custom, change["metadata"]) if change["metadata"] else {}
        new.check()
        self.metadata = new
        self.protection.hold(temporary=change.get(HOLDS[0]), event_based=change.get(HOLDS[1]))
        self.metageneration += 1
        self.updated = clock.now()

    def resource(self, settings: BucketSettings, base: str) -> Resource:
        """The JSON API's resource; `base` is where the API is reached."""
        link = f"b/{self.bucket}/o/{quote(self.name, safe='')}"
        expires = self.protection.expires(settings)
        hashes = ("crc32c",) if self.components else ("crc32c", "md5Hash")
        return {
            "kind": "storage#object",
            "id": f"{self.path}/{self.generation}",
            "selfLink": f"{base}/storage/v1/{link}",
            "mediaLink": f"{base}/download/storage/v1/{link}?generation={self.generation}&alt=media",
            "bucket": self.bucket,
            "name": self.name,
            "generation": str(self.generation),
            "metageneration": str(self.metageneration),
            "contentType": self.content_type,
            **self.metadata.texts,
            "storageClass": "STANDARD",
            "size": str(self.facts.get("size", "0")),
            **{name: self.facts[name] for name in hashes if name in self.facts},
            "etag": self.facts["etag"],
            "timeCreated": _instant(self.created),
            "updated": _instant(self.updated),
            **({"metadata": self.metadata.custom} if self.metadata.custom else {}),
            **({"componentCount": self.components} if self.components else {}),
            **({"temporaryHold": True} if self.protection.temporary_hold else {}),
            **({"eventBasedHold": True} if self.protection.event_based_hold else {}),
            **({"retentionExpirationTime": _instant(expires)} if expires else {}),
        }

    def headers(self) -> dict[str, str]:
        """What both APIs say of an object in headers."""
        hashes = {"crc32c": self.facts.get("crc32c"), "md5": None if self.components else self.facts.get("md5Hash")}
        return {
            "ETag": f'"{self.facts["etag"]}"',
            "x-goog-generation": str(self.generation),
            "x-goog-metageneration": str(self.metageneration),
            "x-goog-hash": ",".join(f"{name}={value}" for name, value in hashes.items() if value),
            "x-goog-stored-content-length": str(self.facts.get("size", "0")),
            "x-goog-stored-content-encoding": "identity",
        }

    def described(self) -> dict[str, str]:
        """What a download says of its content."""
        standard = {"-".join(_words(name)): text for name, text in self.metadata.texts.items()}
        custom = {f"x-goog-meta-{key}": value for key, value in self.metadata.custom.items()}
        return {"content-type": self.content_type} | standard | custom


def check_name(name: str) -> None:
    """Refuse a name that no object may have: https://cloud.google.com/storage/docs/objects#naming"""
    if not 1 <= len(name.encode()) <= NAME_BYTES:
        raise invalid("Invalid object name: it has to be of 1 to 1024 bytes.")
    if name in (".", "..") or name.startswith(".well-known/acme-challenge/") or {"\r", "\n"} & set(name):
        raise invalid("Invalid object name.")


def _changed(texts: Mapping[str, str], changes: Mapping[str, Any]) -> dict[str, str]:
    merged = {**texts, **changes}
    return {key: str(value) for key, value in merged.items() if value is not None}


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _words(name: str) -> list[str]:
    """`cacheControl` is `cache`, `control`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).split()
