"""A body in the form that a client prefers: HTML as text, and text as the HTML that Exchange makes of it.

Source: https://learn.microsoft.com/graph/api/resources/message#properties
"""

import re
from html import escape
from html.parser import HTMLParser

PREVIEW_LENGTH = 255
_BLOCKS = frozenset(("p", "div", "br", "li", "ul", "ol", "h1", "h2", "h3", "h4", "tr", "table", "blockquote"))
_UNSEEN = frozenset(("script", "style", "head", "title"))
_SPACES = re.compile(r"[ \t\r\f\v]*\n[ \t\r\f\v]*")
_EMPTY_LINES = re.compile(r"\n{3,}")


class _TextOfHtml(HTMLParser):
    """Collects what stands between the tags; blocks begin on lines of their own."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in _BLOCKS:
            self.pieces.append("\n" if tag in ("br", "li", "tr") else "\n\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _BLOCKS and tag != "br":
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.pieces.append(re.sub(r"\s+", " ", data))


def text_of(html: str) -> str:
    """The text of an HTML document, with CRLF at the end of lines."""
    parser = _TextOfHtml()
    parser.feed(html)
    parser.close()
    lines = _SPACES.sub("\n", "".join(parser.pieces))
    return crlf(_EMPTY_LINES.sub("\n\n", lines).strip("\n "))


def crlf(text: str) -> str:
    """The text with the line ends of the internet."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def html_of(text: str) -> str:
    """The HTML document that stands for a plain text."""
    lines = "<br>\r\n".join(escape(line, quote=False) for line in text.splitlines())
    return (
        '<html><head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\r\n'
        "<!-- converted from text --></head>\r\n<body>\r\n"
        f'<font size="2"><span style="font-size:11pt;"><div class="PlainText">{lines}</div></span></font>\r\n'
        "</body>\r\n</html>\r\n"
    )


def preview(text: str) -> str:
    """The beginning of a body, as text."""
    return text.strip()[:PREVIEW_LENGTH]
