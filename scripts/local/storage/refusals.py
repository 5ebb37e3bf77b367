"""Refusals of Cloud Storage, in the words of either API.

JSON: https://cloud.google.com/storage/docs/json_api/v1/status-codes
XML: https://cloud.google.com/storage/docs/xml-api/reference-status
"""

from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from aiohttp import web

# What the XML API calls a reason of the JSON API.
XML_CODES = {
    "authError": "AuthenticationRequired",
    "conditionNotMet": "PreconditionFailed",
    "forbidden": "AccessDenied",
    "invalid": "InvalidArgument",
    "notFound": "NoSuchKey",
    "notImplemented": "NotImplemented",
    "required": "AccessDenied",
    "retentionPolicyNotMet": "AccessDenied",
}
XML_MESSAGES = {
    "AccessDenied": "Access denied.",
    "AuthenticationRequired": "Authentication required.",
    "InvalidArgument": "Invalid argument.",
    "NoSuchBucket": "The specified bucket does not exist.",
    "NoSuchKey": "The specified key does not exist.",
    "PreconditionFailed": "At least one of the pre-conditions you specified did not hold.",
}
NOT_MODIFIED = 304


@dataclass
class Refused(Exception):
    """An answer other than success. `xml` is the XML API's code where it is not that of the reason."""

    status: int
    reason: str
    message: str
    xml: str = ""
    location: tuple[str, str] | None = None
    members: dict[str, str] = field(default_factory=dict)

    def in_json(self) -> web.Response:
        """`{error: {code, message, errors: [{message, domain, reason}]}}`"""
        if self.status == NOT_MODIFIED:
            return web.Response(status=self.status)
        entry: dict[str, Any] = {"message": self.message, "domain": "global", "reason": self.reason}
        if self.location:
            entry["locationType"], entry["location"] = self.location
        body = {"error": {"code": self.status, "message": self.message, "errors": [entry]}}
        return web.json_response(body, status=self.status, headers=self._headers())

    def in_xml(self) -> web.Response:
        """`<Error><Code/><Message/><Details/></Error>`"""
        if self.status == NOT_MODIFIED:
            return web.Response(status=self.status)
        code = self.xml or XML_CODES.get(self.reason, "InvalidArgument")
        message = XML_MESSAGES.get(code, self.message)
        members = {"Code": code, "Message": message}
        if message != self.message:
            members["Details"] = self.message
        inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in (members | self.members).items())
        text = f"<?xml version='1.0' encoding='UTF-8'?><Error>{inner}</Error>"
        # Without credentials the JSON API says 401, and this one 403.
        status = 403 if self.reason == "required" else self.status
        return web.Response(
            text=text, status=status, content_type="application/xml", charset="UTF-8", headers=self._headers()
        )

    def _headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'} if self.status == 401 else {}


def no_such_bucket() -> Refused:
    """404 for a bucket that there is not."""
    return Refused(404, "notFound", "The specified bucket does not exist.", "NoSuchBucket")


def no_such_object(bucket: str, name: str) -> Refused:
    """404 for an object that there is not."""
    return Refused(404, "notFound", f"No such object: {bucket}/{name}")


def condition_not_met(*, reading: bool = False) -> Refused:
    """412; 304 when somebody only reads unless it is the same."""
    if reading:
        return Refused(NOT_MODIFIED, "notModified", "Not Modified")
    message = "At least one of the pre-conditions you specified did not hold."
    return Refused(412, "conditionNotMet", message, location=("header", "If-Match"))


def invalid(message: str, xml: str = "InvalidArgument") -> Refused:
    """400"""
    return Refused(400, "invalid", message, xml)


def not_imitated(what: str) -> Refused:
    """501, so that nobody takes what is missing here for an answer of Google's."""
    return Refused(501, "notImplemented", f"The local Cloud Storage does not imitate {what}.")
