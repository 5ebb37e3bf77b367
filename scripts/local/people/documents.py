"""Small files that mails carry: a PDF, a CSV table, a PNG picture and a calendar invitation."""

import struct
import zlib
from datetime import datetime

from scripts.local.people.models import Attachment, Event
from scripts.local.people.recurrence import basic_utc


def pdf(filename: str, line: str) -> Attachment:
    """A one-page PDF 1.4 that shows one line of text."""
    escaped = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    content = f"BT /F1 14 Tf 60 760 Td ({escaped}) Tj ET".encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body = b"%PDF-1.4\n"
    offsets = []
    for number, item in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, item)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    body += trailer % (len(objects) + 1, table, len(objects) + 1, len(body))
    return Attachment(filename, "application/pdf", body)


def csv(filename: str, rows: list[tuple[str, ...]]) -> Attachment:
    """A table in UTF-8 with CRLF line ends. Source: RFC 4180."""
    return Attachment(filename, "text/csv", "".join(",".join(row) + "\r\n" for row in rows).encode())


def png(filename: str, colour: tuple[int, int, int], size: int = 12) -> Attachment:
    """A small square of one colour. Source: https://www.w3.org/TR/png-3/"""
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    rows = (b"\x00" + bytes(colour) * size) * size
    data = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 9))
    return Attachment(filename, "image/png", data + _chunk(b"IEND", b""))


def invitation(event: Event) -> Attachment:
    """The text/calendar part of an invitation. Source: RFC 5546, METHOD:REQUEST."""
    lines = [
        "BEGIN:VCALENDAR",
        "PRODID:-//Example//Calendar//EN",
        "VERSION:2.0",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
    ]
    lines += [
        f"UID:{event.id}@calendar.example",
        f"SUMMARY:{_escape(event.summary)}",
        f"DTSTAMP:{basic_utc(event.created)}",
    ]
    if isinstance(event.start, datetime) and isinstance(event.end, datetime):
        lines += [f"DTSTART:{basic_utc(event.start)}", f"DTEND:{basic_utc(event.end)}"]
    else:
        lines += [f"DTSTART;VALUE=DATE:{event.start:%Y%m%d}", f"DTEND;VALUE=DATE:{event.end:%Y%m%d}"]
    lines += [*event.recurrence, f"ORGANIZER:mailto:{event.organizer_email}"]
    lines += [f"ATTENDEE;PARTSTAT={_partstat(one.response)}:mailto:{one.email}" for one in event.attendees]
    if event.location:
        lines.append(f"LOCATION:{_escape(event.location)}")
    lines += ["STATUS:CONFIRMED", "SEQUENCE:0", "END:VEVENT", "END:VCALENDAR", ""]
    return Attachment("invite.ics", "text/calendar", "\r\n".join(lines).encode())


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _partstat(response: str) -> str:
    return "NEEDS-ACTION" if response == "needsAction" else response.upper()


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")
