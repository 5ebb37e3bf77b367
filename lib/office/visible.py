"""Mail HTML as its reader sees it: as plain text, and as HTML that is safe to show. Hidden text is in neither.

Hidden is what the styles make so (not displayed, transparent, of no size, in the colour of its background, moved or
clipped away), comments, scripts, and characters of no width. Fetching nothing: https://github.com/messense/nh3 cleans
by a list of what is allowed.
"""

import re
from dataclasses import dataclass, replace
from html import escape
from html.parser import HTMLParser

import nh3

from lib.office import styles
from lib.office.invisible import paragraphs, seen
from lib.office.styles import Colour, Declarations, Rule

MOST_CHARACTERS = 400_000
DEEPEST = 1_000
MOST_WORK = 2_000_000

_STYLE_SHEET = re.compile(r"<style\b[^>]*>(.*?)(?:</style\s*>|$)", re.IGNORECASE | re.DOTALL)
_BODY_TAG = re.compile(r"<(/?)body\b", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z][\w:-]*)")
_SPACES = re.compile(r"[ \t\n\f\r\xa0]+")
_VOID = {"br", "hr", "img", "col", "wbr"}
_BLOCKS = {
    *("p", "div", "br", "hr", "table", "tr", "ul", "ol", "dl", "dt", "dd", "blockquote", "pre", "center", "caption"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "article", "section", "header", "footer", "figure"),
}
_LAYOUT = {
    "align",
    "valign",
    "width",
    "height",
    "colspan",
    "rowspan",
    "bgcolor",
    "cellpadding",
    "cellspacing",
    "border",
}
_TAGS = {
    *_BLOCKS,
    *("li", "td", "th", "thead", "tbody", "tfoot", "col", "colgroup", "a", "img", "wbr", "span", "font", "b", "strong"),
    *("i", "em", "u", "s", "strike", "del", "ins", "sub", "sup", "small", "big", "code", "tt", "kbd", "samp", "q"),
    *("cite", "abbr", "address", "figcaption", "mark", "time"),
}
_WITHOUT_CONTENT = {
    *("script", "style", "title", "noscript", "template", "object", "embed", "iframe", "applet", "audio", "video"),
    *("canvas", "svg", "math", "select", "textarea", "button", "datalist"),
}
# No colours: a text whose background is not kept could not be read.
_SHOWN_STYLES = {"font-weight", "font-style", "text-align", "text-decoration"}
_SHOWN_LAYOUT = _LAYOUT - {"bgcolor"}
_NOT_NESTING = {*_VOID, "p", "li", "td", "th", "tr", "dt", "dd", "option", "meta", "link", "input", "base", "area"}


@dataclass(frozen=True)
class Visible:
    """A body as it is seen. `truncated` if it was too long to be read whole."""

    text: str
    html: str
    truncated: bool


@dataclass(frozen=True)
class _State:
    """What an element hands down to what is in it. `behind` is None where a picture may lie behind the text."""

    hidden: bool = False
    tiny: bool = False
    faint: bool = False
    ink: Colour | None = None
    behind: Colour | None = (255, 255, 255)
    preformatted: bool = False

    @property
    def legible(self) -> bool:
        """Whether text here is seen."""
        blends = self.ink is not None and self.behind is not None and styles.alike(self.ink, self.behind)
        return not (self.hidden or self.tiny or self.faint or blends)


def visible(html: str, *, with_html: bool = True) -> Visible:
    """What a reader of the HTML sees; without `with_html`, only as text."""
    cut = _shallow(html[:MOST_CHARACTERS])
    walker = _Walker(styles.rules("\n".join(_STYLE_SHEET.findall(cut))))
    walker.feed(_normalised(_BODY_TAG.sub(r"<\1div", cut)))
    walker.close()
    shown = _safe("".join(walker.html)) if with_html else ""
    return Visible(paragraphs("".join(walker.text)), shown, truncated=walker.gave_up or len(cut) < len(html))


def _shallow(html: str) -> str:
    """The HTML up to where it nests deeper than any mail: a parser's time grows with the square of the depth."""
    depth = 0
    for tag in _TAG.finditer(html):
        if tag[2].lower() not in _NOT_NESTING:
            depth = max(0, depth + (-1 if tag[1] else 1))
            if depth > DEEPEST:
                return html[: tag.start()]
    return html


def _normalised(html: str) -> str:
    """The HTML as a browser's parser reads it: balanced, and only of elements that we know."""
    return nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags=_WITHOUT_CONTENT,
        attributes={
            "*": {"style", "class", "id", "hidden", "dir", *_LAYOUT},
            "a": {"href", "title"},
            "img": {"src", "alt"},
            "font": {"color", "size"},
        },
        url_schemes={"https", "http", "mailto", "cid"},
        link_rel=None,
    )


def _safe(html: str) -> str:
    """Without remote images; links only to absolute https addresses, and without a word of where they came from."""
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes={
            "*": {"style", "dir", *_SHOWN_LAYOUT},
            "a": {"href", "title"},
            "img": {"src", "alt"},
            "font": {"size"},
        },
        attribute_filter=_allowed_attribute,
        url_schemes={"https", "cid"},
        filter_style_properties=_SHOWN_STYLES,
        link_rel="noopener noreferrer nofollow",
    )


def _allowed_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "src":
        return value if value.lower().startswith("cid:") else None
    if name == "href":
        return value if value.lower().startswith("https://") else None
    if name == "style" and re.search(r"url|expression|\\|@", value, re.IGNORECASE):
        return None
    return value


class _Walker(HTMLParser):
    """Goes through balanced HTML and keeps what is legible, as text and as HTML."""

    def __init__(self, sheet: list[Rule]) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.html: list[str] = []
        self._sheet = sheet
        self.gave_up = False
        self._stack = [_State()]
        self._known: dict[tuple[str, str, str], Declarations] = {}
        self._work = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            self._void(tag, attrs)
            return
        state = self._entered(tag, attrs)
        self._stack.append(state)
        if not state.hidden:
            self.html.append(_tag(tag, attrs))
            self._lay_out(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._void(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        state = self._stack.pop() if len(self._stack) > 1 else _State()
        if not state.hidden:
            self.html.append(f"</{tag}>")
            if tag in _BLOCKS:
                self.text.append("\n")

    def handle_data(self, data: str) -> None:
        if self._stack[-1].legible:
            text = seen(data)
            self.html.append(escape(text, quote=False))
            self.text.append(text if self._stack[-1].preformatted else _SPACES.sub(" ", text))

    def _void(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._entered(tag, attrs).hidden:
            self.html.append(_tag(tag, attrs))
            self._lay_out(tag)

    def _lay_out(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.text.append("\n")
        elif tag == "li":
            self.text.append("\n- ")
        elif tag in ("td", "th") and self.text and not self.text[-1].endswith("\n"):
            self.text.append(" ")

    def _entered(self, tag: str, attrs: list[tuple[str, str | None]]) -> _State:
        """The state within an element."""
        outer = self._stack[-1]
        given = {name: value or "" for name, value in attrs}
        declared = self._declared(tag, given) if given or self._sheet else {}
        if not given and not declared and tag != "pre":
            return outer
        tiny = styles.font_size(declared)
        state = replace(
            outer,
            preformatted=outer.preformatted or tag == "pre",
            hidden=outer.hidden or "hidden" in given or styles.hides(declared),
            tiny=outer.tiny if tiny is None else tiny,
        )
        return _coloured(state, given, declared)

    def _declared(self, tag: str, given: dict[str, str]) -> Declarations:
        """What the sheet and the element's own style say together; the element's own comes last."""
        named = (tag, given.get("class", ""), given.get("id", ""))
        if named not in self._known:
            self._known[named] = self._by_sheet(tag, frozenset(named[1].split()), named[2])
        return self._known[named] | styles.declarations(given.get("style", ""))

    def _by_sheet(self, tag: str, classes: frozenset[str], identifier: str) -> Declarations:
        """What the sheet says; when looking that up becomes too much, everything further counts as hidden."""
        self._work += len(self._sheet)
        if self._work > MOST_WORK:
            self.gave_up = True
            return {"display": "none"}
        declared: Declarations = {}
        for rule in self._sheet:
            if rule.meets(tag, classes, identifier):
                declared |= rule.declared
        return declared


def _coloured(state: _State, given: dict[str, str], declared: Declarations) -> _State:
    """The state with the element's ink and what is behind it."""
    ink = declared.get("color") or given.get("color")
    if ink is not None and ink != "inherit":
        state = replace(state, ink=styles.colour(ink), faint=styles.is_transparent(ink))
    shorthand = declared.get("background")
    behind = declared.get("background-color") or shorthand or given.get("bgcolor")
    if "url(" in (shorthand or "") + declared.get("background-image", "") or "gradient" in (shorthand or ""):
        return replace(state, behind=None)
    if behind is None or styles.is_transparent(behind) or behind in ("none", "inherit", "initial"):
        return state
    found = next((known for word in behind.split() if (known := styles.colour(word))), styles.colour(behind))
    return replace(state, behind=found)


def _tag(tag: str, attrs: list[tuple[str, str | None]]) -> str:
    return f"<{tag}{''.join(f' {name}={chr(34)}{escape(value or str())}{chr(34)}' for name, value in attrs)}>"
