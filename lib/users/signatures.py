"""Signatures under mail: HTML of the person's own, of which only what shows and links stays.

What runs, loads from elsewhere by itself in the background, or covers other content does not. It is sanitised when it
is stored; whoever shows mail sanitises that anew.
"""

_TAGS = frozenset(
    (
        *("a", "b", "blockquote", "br", "code", "del", "div", "em", "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr"),
        *("i", "img", "ins", "li", "ol", "p", "pre", "s", "small", "span", "strong", "sub", "sup", "u", "ul"),
        *("table", "tbody", "td", "th", "thead", "tr"),
    )
)
_CELL = frozenset(("align", "colspan", "rowspan", "style", "valign", "width", "height", "bgcolor"))
_ATTRIBUTES = {
    "*": frozenset(("dir", "lang", "style", "title")),
    "a": frozenset(("href",)),
    "font": frozenset(("color", "face", "size")),
    "img": frozenset(("alt", "height", "src", "width")),
    "table": frozenset(("border", "cellpadding", "cellspacing", "width", "align", "bgcolor")),
    "td": _CELL,
    "th": _CELL,
}
# Nothing that positions, hides or loads.
_STYLES = frozenset(
    (
        *("color", "background-color", "font-family", "font-size", "font-style", "font-weight", "line-height"),
        *("text-align", "text-decoration", "vertical-align", "white-space", "width", "height", "max-width"),
        *("padding", "padding-top", "padding-right", "padding-bottom", "padding-left"),
        *("border", "border-top", "border-right", "border-bottom", "border-left", "border-radius"),
    )
)
# `cid` is a picture that goes along in the mail (RFC 2392).
_SCHEMES = frozenset(("https", "mailto", "tel", "cid"))


def sanitised(html: str) -> str:
    """The signature without all else. Links and pictures are absolute, over https."""
    import nh3

    return nh3.clean(
        html,
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        url_schemes=set(_SCHEMES),
        url_relative="deny",
        filter_style_properties=set(_STYLES),
        link_rel="noopener noreferrer",
    )
