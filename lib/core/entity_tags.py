"""Entity tags (RFC 9110, section 8.8.3): by which of its versions a caller knows something.

They are made of the content, so that two versions with the same content are the same one.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel

from lib.core.errors import PreconditionFailed
from lib.core.http_models import Answer

_DIGEST_BYTES = 15
_TAG = re.compile(r'(?P<weak>W/)?(?P<opaque>"[\x21\x23-\x7e\x80-\xff]*")')

_B = TypeVar("_B", bound=BaseModel)


def tag(body: BaseModel) -> str:
    """The strong tag of what is answered."""
    digest = hashlib.sha256(body.model_dump_json(by_alias=True).encode()).digest()[:_DIGEST_BYTES]
    return f'"{urlsafe_b64encode(digest).decode()}"'


def tagged(body: _B) -> Answer[_B]:
    """The answer with its tag."""
    return Answer(body, headers={"ETag": tag(body)})


def unless_known(body: _B, headers: Mapping[str, str]) -> Answer[_B]:
    """The answer with its tag, or 304 if the caller has it: `If-None-Match` (section 13.1.2), compared weakly."""
    current, asked = tag(body), headers.get("If-None-Match")
    if asked is not None and (asked.strip() == "*" or current in (each["opaque"] for each in _TAG.finditer(asked))):
        return Answer(None, 304, {"ETag": current})
    return tagged(body)


def require_match(body: BaseModel, asked: str | None) -> None:
    """Let a change pass if its `If-Match` (section 13.1.1) names the present version, or it came without one.

    Compared strongly, so that a weak tag never matches. Raises `PreconditionFailed`.
    """
    if asked is None or asked.strip() == "*":
        return
    if tag(body) not in (each["opaque"] for each in _TAG.finditer(asked) if not each["weak"]):
        raise PreconditionFailed(headers={"ETag": tag(body)})
