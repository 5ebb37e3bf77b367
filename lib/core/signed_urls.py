"""URLs with which a browser reaches one object of Cloud Storage by itself, once signed, for a short time.

https://cloud.google.com/storage/docs/access-control/signed-urls: whoever holds such a URL may do what it says. What is
bound into the signature cannot be changed by the holder: method, object, type, size, and that nothing is overwritten.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from lib.core import clock
from lib.core.object_names import ObjectName
from lib.core.own_account import own_account
from lib.core.settings import load
from lib.core.storage_settings import StorageSettings, bucket_name

DOWNLOAD_VALID = timedelta(minutes=5)
UPLOAD_VALID = timedelta(minutes=15)
LONGEST_VALID = timedelta(hours=1)
_CONTENT_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class SignedUpload:
    """Where to POST, with exactly these headers, to begin a resumable upload; the answer's `Location` takes the bytes.

    https://cloud.google.com/storage/docs/access-control/signed-urls#signing-resumable
    """

    url: str
    headers: dict[str, str]


def signed_download(
    bucket: str, name: ObjectName, *, generation: int, file_name: str, valid: timedelta = DOWNLOAD_VALID
) -> str:
    """A URL that downloads this generation of the object as a file, whatever its type: nothing of it runs as a page.

    Raises `Unavailable` and `InternalError` when nothing can be signed.
    """
    return _signed(
        "GET",
        bucket,
        name,
        valid,
        generation=generation,
        response_type=_CONTENT_TYPE,
        # https://www.rfc-editor.org/rfc/rfc6266#section-4.3
        response_disposition=f"attachment; filename*=UTF-8''{quote(file_name, safe='')}",
    )


def signed_resumable_upload(
    bucket: str,
    name: ObjectName,
    *,
    content_type: str,
    most_bytes: int,
    least_bytes: int = 1,
    valid: timedelta = UPLOAD_VALID,
) -> SignedUpload:
    """Lets a browser create the object, of this type and within these sizes; never overwrite one.

    The time is for the beginning of the upload; the session then lasts a week. Raises `Unavailable` and
    `InternalError` when nothing can be signed, and ValueError for sizes that no object can have.
    """
    if not 0 <= least_bytes <= most_bytes or most_bytes < 1:
        raise ValueError("the sizes allow no object")
    headers = {
        "Content-Type": content_type,
        "x-goog-content-length-range": f"{least_bytes},{most_bytes}",
        "x-goog-if-generation-match": "0",
        "x-goog-resumable": "start",
    }
    return SignedUpload(_signed("POST", bucket, name, valid, headers=dict(headers)), headers)


def _signed(method: str, bucket: str, name: ObjectName, valid: timedelta, **bound: Any) -> str:
    if not timedelta() < valid <= LONGEST_VALID:
        raise ValueError("a signed URL is valid for a short time only")
    # The public way to it takes the system's time for now, which is not the clock's where that was moved.
    from google.cloud.storage._signing import generate_signed_url_v4

    return str(
        generate_signed_url_v4(
            own_account(),
            resource=f"/{bucket_name(bucket)}/{quote(str(name), safe='/~')}",
            expiration=valid,
            api_access_endpoint=load(StorageSettings).storage_endpoint,
            method=method,
            _request_timestamp=clock.now().strftime("%Y%m%dT%H%M%SZ"),
            **bound,
        )
    )
