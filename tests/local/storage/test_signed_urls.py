"""Signed URLs (V4), made by the official client and used by anybody: only what was signed may be done, for so long."""

import hashlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
import requests
from google.cloud.storage import Blob
from hypothesis import assume, given
from hypothesis import strategies as st

from scripts.local import clock
from tests.storage_rig import STRANGER, StorageRig

HEADERS = {"Content-Type": "text/plain", "x-goog-meta-colour": "green", "x-goog-if-generation-match": "0"}


def code(answer: requests.Response) -> tuple[int, str]:
    """Status and error code of the XML API."""
    return answer.status_code, answer.text.partition("<Code>")[2].partition("</Code>")[0]


def test_a_signed_download_needs_nothing_else(rig: StorageRig, blob: Blob) -> None:
    blob.upload_from_string(b"0123456789", content_type="text/plain")
    url = rig.signed(blob, response_disposition="attachment; filename=a.txt")
    answer = requests.get(url, timeout=5)
    assert (answer.status_code, answer.content) == (200, b"0123456789")
    assert (answer.headers["Content-Type"], answer.headers["Content-Disposition"]) == (
        "text/plain",
        "attachment; filename=a.txt",
    )
    part = requests.get(url, headers={"Range": "bytes=2-4"}, timeout=5)
    assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    assert requests.head(rig.signed(blob, method="HEAD"), timeout=5).headers["Content-Length"] == "10"


def test_a_signed_upload_stores_what_its_headers_say(rig: StorageRig, blob: Blob) -> None:
    url = rig.signed(blob, method="PUT", headers=dict(HEADERS))
    assert requests.put(url, b"content", headers=HEADERS, timeout=5).status_code == 200
    blob.reload()
    assert (blob.content_type, blob.metadata, blob.size) == ("text/plain", {"colour": "green"}, 7)
    assert code(requests.put(url, b"other", headers=HEADERS, timeout=5)) == (412, "PreconditionFailed")


def test_a_signed_deletion_deletes(rig: StorageRig, blob: Blob) -> None:
    blob.upload_from_string(b"content")
    url = rig.signed(blob, method="DELETE")
    assert requests.delete(url, timeout=5).status_code == 204
    assert code(requests.delete(url, timeout=5)) == (404, "NoSuchKey")


@pytest.mark.usefixtures("move_clock")
def test_a_signed_url_expires_by_the_clock(rig: StorageRig, blob: Blob) -> None:
    blob.upload_from_string(b"content")
    url = rig.signed(blob)
    clock.move(timedelta(minutes=4, seconds=55))
    assert requests.get(url, timeout=5).status_code == 200
    clock.move(timedelta(seconds=6))
    answer = requests.get(url, timeout=5)
    assert code(answer) == (400, "ExpiredToken")
    assert "<Details>Request signature expired at: " in answer.text


@pytest.mark.usefixtures("move_clock")
def test_a_url_signed_far_in_the_future_is_refused(rig: StorageRig, blob: Blob) -> None:
    url = rig.signed(blob)
    clock.move(-timedelta(minutes=16))
    assert code(requests.get(url, timeout=5)) == (403, "RequestTimeTooSkewed")


def test_no_url_is_signed_for_more_than_a_week(rig: StorageRig, blob: Blob) -> None:
    url = rig.signed(blob).replace("X-Goog-Expires=300", "X-Goog-Expires=604801")
    assert code(requests.get(url, timeout=5)) == (400, "MalformedSecurityHeader")


def test_a_signature_gives_no_more_than_its_account_may(rig: StorageRig, blob: Blob) -> None:
    blob.upload_from_string(b"content")
    assert code(requests.get(rig.signed(blob, account=STRANGER), timeout=5)) == (403, "AccessDenied")


def test_without_signature_or_token_nothing_is_read(rig: StorageRig, blob: Blob) -> None:
    blob.upload_from_string(b"content")
    url = urlsplit(rig.signed(blob))
    answer = requests.get(f"{rig.url}{url.path}", timeout=5)
    assert code(answer) == (403, "AccessDenied")
    assert "Anonymous caller does not have storage.objects.get access" in answer.text


def test_a_token_opens_the_xml_api_too(rig: StorageRig, blob: Blob) -> None:
    blob.upload_from_string(b"content")
    headers = {"Authorization": f"Bearer {rig.access_token()}"}
    answer = requests.get(f"{rig.url}{urlsplit(rig.signed(blob)).path}", headers=headers, timeout=5)
    assert answer.content == b"content"


def test_a_signed_header_has_to_be_there(rig: StorageRig, blob: Blob) -> None:
    url = rig.signed(blob, method="PUT", headers=dict(HEADERS))
    fewer = {name: value for name, value in HEADERS.items() if name != "x-goog-meta-colour"}
    assert code(requests.put(url, b"x", headers=fewer, timeout=5)) == (400, "MalformedSecurityHeader")


def test_an_extension_header_has_to_be_signed(rig: StorageRig, blob: Blob) -> None:
    url = rig.signed(blob, method="PUT")
    headers = {"x-goog-meta-colour": "red"}
    assert code(requests.put(url, b"x", headers=headers, timeout=5)) == (400, "MalformedSecurityHeader")


def test_a_signed_hash_is_that_of_the_body(rig: StorageRig, blob: Blob) -> None:
    signed = {"x-goog-content-sha256": hashlib.sha256(b"this").hexdigest()}
    url = rig.signed(blob, method="PUT", headers=dict(signed))
    assert code(requests.put(url, b"that", headers=signed, timeout=5)) == (400, "BadDigest")
    assert requests.put(url, b"this", headers=signed, timeout=5).status_code == 200


@pytest.mark.parametrize(("content", "refused"), [(b"x", "EntityTooSmall"), (b"x" * 6, "EntityTooLarge")])
def test_the_signed_range_of_sizes_holds(rig: StorageRig, blob: Blob, content: bytes, refused: str) -> None:
    signed = {"x-goog-content-length-range": "2,5"}
    url = rig.signed(blob, method="PUT", headers=dict(signed))
    assert code(requests.put(url, content, headers=signed, timeout=5)) == (400, refused)
    assert not blob.exists()
    assert requests.put(url, b"xyz", headers=signed, timeout=5).status_code == 200


def put_raw(rig: StorageRig, url: str, headers: list[tuple[str, str]]) -> int:
    """The status of an upload of seven bytes with just these headers, repeated ones too."""
    where, target = urlsplit(rig.url), urlsplit(url)
    with closing(HTTPConnection(str(where.hostname), where.port, timeout=5)) as connection:
        connection.putrequest("PUT", f"{target.path}?{target.query}", skip_accept_encoding=True)
        for name, value in (*headers, ("Content-Length", "7")):
            connection.putheader(name, value)
        connection.endheaders(b"content")
        return connection.getresponse().status


@pytest.mark.parametrize("ranges", [("1,999999", "1,5"), ("1,5", "1,999999"), ("1,5", "1,5")])
def test_a_signed_header_that_is_repeated_is_another_one(rig: StorageRig, blob: Blob, ranges: tuple[str, str]) -> None:
    name = "x-goog-content-length-range"
    url = rig.signed(blob, method="PUT", headers={name: "1,5"})
    assert put_raw(rig, url, [(name, value) for value in ranges]) == 403
    assert not blob.exists()


@pytest.mark.parametrize(("most", "status"), [("5", 400), ("9", 200)])
def test_the_values_of_a_repeated_header_are_one_list_to_signature_and_effect(
    rig: StorageRig, blob: Blob, most: str, status: int
) -> None:
    length, colour = "x-goog-content-length-range", "x-goog-meta-colour"
    url = rig.signed(blob, method="PUT", headers={length: f"1,{most}", colour: "red,green"})
    assert put_raw(rig, url, [(length, "1"), (length, most), (colour, "red"), (colour.upper(), "green")]) == status
    assert blob.exists() is (status == 200)
    if status == 200:
        blob.reload()
        assert blob.metadata == {"colour": "red,green"}


@pytest.mark.parametrize(
    "missing", ["X-Goog-Algorithm", "X-Goog-Credential", "X-Goog-Date", "X-Goog-Expires", "X-Goog-SignedHeaders"]
)
def test_a_parameter_of_the_signature_is_missing(rig: StorageRig, blob: Blob, missing: str) -> None:
    parts = urlsplit(rig.signed(blob))
    query = urlencode([pair for pair in parse_qsl(parts.query) if pair[0] != missing], quote_via=quote)
    answer = requests.get(f"{rig.url}{parts.path}?{query}", timeout=5)
    assert code(answer) == (400, "MalformedSecurityHeader")


@dataclass(frozen=True)
class Request:
    """A signed request in its parts, each of which can be altered."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]

    def send(self, rig: StorageRig) -> requests.Response:
        url = f"{rig.url}{self.path}?{urlencode(self.query, quote_via=quote, safe='')}"
        return requests.request(self.method, url, headers=dict(self.headers), data=b"content", timeout=5)


TEXT = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=3)


def other(data: st.DataObject, text: str) -> str:
    """The same text but for one character, put in, taken out or changed; never the same signature in other letters."""
    place = data.draw(st.integers(0, len(text)))
    altered = text[:place] + data.draw(st.one_of(st.just(""), TEXT)) + text[place + data.draw(st.integers(0, 1)) :]
    assume(altered.lower() != text.lower() and " ".join(altered.split()) != text)
    return altered


def other_method(data: st.DataObject, signed: Request) -> Request:
    return replace(signed, method=data.draw(st.sampled_from(["GET", "HEAD", "DELETE"])))


def other_path(data: st.DataObject, signed: Request) -> Request:
    bucket, _, name = signed.path[1:].partition("/")
    altered = other(data, name)
    assume("%" not in altered and altered.strip("/") and "//" not in altered)
    return replace(signed, path=f"/{bucket}/{altered}")


def other_query(data: st.DataObject, signed: Request) -> Request:
    place = data.draw(st.integers(0, len(signed.query) - 1))
    name, value = signed.query[place]
    return replace(signed, query=(*signed.query[:place], (name, other(data, value)), *signed.query[place + 1 :]))


def more_query(data: st.DataObject, signed: Request) -> Request:
    return replace(signed, query=(*signed.query, (data.draw(TEXT), data.draw(TEXT))))


def less_query(data: st.DataObject, signed: Request) -> Request:
    place = data.draw(st.integers(0, len(signed.query) - 1))
    return replace(signed, query=signed.query[:place] + signed.query[place + 1 :])


def other_header(data: st.DataObject, signed: Request) -> Request:
    place = data.draw(st.integers(0, len(signed.headers) - 1))
    name, value = signed.headers[place]
    altered = other(data, value)
    return replace(signed, headers=(*signed.headers[:place], (name, altered), *signed.headers[place + 1 :]))


def less_header(data: st.DataObject, signed: Request) -> Request:
    place = data.draw(st.integers(0, len(signed.headers) - 1))
    return replace(signed, headers=signed.headers[:place] + signed.headers[place + 1 :])


def more_header(data: st.DataObject, signed: Request) -> Request:
    return replace(signed, headers=(*signed.headers, (f"x-goog-meta-{data.draw(TEXT)}", data.draw(TEXT))))


Change = Callable[[Any, Request], Request]
CHANGES: list[Change] = [
    *(other_method, other_path, other_query, more_query, less_query),
    *(other_header, less_header, more_header),
]
# With a parameter of the signature or a signed header gone, the request is malformed; so it is with one unreadable.
REFUSED = {(403, "SignatureDoesNotMatch"), (400, "MalformedSecurityHeader"), (400, "ExpiredToken")}
REFUSED |= {(403, "RequestTimeTooSkewed")}


@pytest.fixture(scope="module")
def signed(rig: StorageRig) -> Request:
    """A signed request that would create an object."""
    blob = rig.bucket().blob("a/signed/object")
    url = urlsplit(rig.signed(blob, method="PUT", headers=dict(HEADERS), query_parameters={"userProject": "one"}))
    return Request("PUT", url.path, tuple(parse_qsl(url.query)), tuple(HEADERS.items()))


@given(data=st.data(), change=st.sampled_from(CHANGES))
def test_any_single_change_of_a_signed_request_is_refused(
    rig: StorageRig, signed: Request, data: Any, change: Change
) -> None:
    answer = change(data, signed).send(rig)
    if answer.request.method == "HEAD":
        assert answer.status_code == 403
    else:
        assert code(answer) in REFUSED


def test_the_very_same_request_is_not_refused(rig: StorageRig, signed: Request) -> None:
    assert signed.send(rig).status_code == 200
