"""What of CSS decides whether text can be seen: enough to find text that was hidden on purpose.

https://www.w3.org/TR/css-syntax-3/ ; selectors are judged by their last part, which errs towards finding more.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

Declarations = dict[str, str]
Colour = tuple[int, int, int]

_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)")
_COMMENT = re.compile(r"/\*.*?(?:\*/|$)", re.DOTALL)
_BRACE = re.compile(r"[{}]")
_IMPORT = re.compile(r"@[^{};]*;")
_WIDTH = re.compile(r"(min|max)-(?:device-)?width:(\d+)px")
_COMPOUND = re.compile(r"([\w*-]*)((?:[.#][\w-]+)*)$")
_NUMBER = re.compile(r"-?\d*\.?\d+")
_LENGTH = re.compile(r"(-?\d*\.?\d+)(px|pt|em|rem|%|ex|ch|vw|vh)?")
_FONT_SIZE = re.compile(r"(?<![\w.])(\d*\.?\d+(?:px|pt|em|rem|%)?)(?=\s*/|\s)")
_HEX = re.compile(r"#([0-9a-f]{3,8})$")
_RGB = re.compile(r"rgba?\(([^)]*)\)")
_NAMED: Mapping[str, Colour] = {
    "white": (255, 255, 255),
    "snow": (255, 250, 250),
    "ivory": (255, 255, 240),
    "whitesmoke": (245, 245, 245),
    "black": (0, 0, 0),
    "red": (255, 0, 0),
    "green": (0, 128, 0),
    "blue": (0, 0, 255),
    "navy": (0, 0, 128),
    "gray": (128, 128, 128),
    "grey": (128, 128, 128),
    "silver": (192, 192, 192),
    "yellow": (255, 255, 0),
    "orange": (255, 165, 0),
    "purple": (128, 0, 128),
    "teal": (0, 128, 128),
    "maroon": (128, 0, 0),
}
MOST_RULES = 1_000
_LONGEST_SELECTOR = 500
_LONGEST_VALUE = 200
_SCREEN_WIDTH = 800
_CLOSE_CHANNELS = 24
_SMALLEST_FONT = {"px": 2.0, "pt": 1.5, "%": 10.0, "vw": 0.2, "vh": 0.2}
_FAR_AWAY = -500.0


def declarations(text: str) -> Declarations:
    """The declarations of a style attribute or a rule; what is said last counts, `!important` before everything."""
    found: Declarations = {}
    important: set[str] = set()
    for entry in _ESCAPE.sub(_unescaped, _COMMENT.sub("", text)).split(";"):
        name, separator, value = entry.partition(":")
        name, value = name.strip().lower(), " ".join(value[:_LONGEST_VALUE].lower().split())
        weighty = "!important" in value.replace(" ", "")
        if separator and (weighty or name not in important):
            found[name] = value.partition("!")[0].strip()
            important |= {name} if weighty else set()
    return found


@dataclass(frozen=True)
class Rule:
    """Which elements a rule of a style sheet is about, and what it declares."""

    tag: str
    classes: frozenset[str]
    identifier: str | None
    declared: Declarations

    def meets(self, tag: str, classes: frozenset[str], identifier: str | None) -> bool:
        """Whether an element is meant."""
        return (
            self.tag in ("", "*", tag)
            and self.classes <= classes
            and (self.identifier is None or self.identifier == identifier)
        )


def rules(sheet: str) -> list[Rule]:
    """The rules of a style sheet that apply on an ordinary screen of 800 pixels; at most `MOST_RULES`."""
    text = _COMMENT.sub("", sheet).replace("<!--", "").replace("-->", "")
    found: list[Rule] = []
    for selectors, body in _blocks(text):
        if len(found) >= MOST_RULES:
            break
        found += _rules_of(selectors[:_LONGEST_SELECTOR].split(","), declarations(body))
    return found


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Selectors and declarations; those in at-rules too, if the rule's condition holds."""
    conditions: list[bool] = []
    prelude, begin = "", 0
    for brace in _BRACE.finditer(text):
        between, begin = text[begin : brace.start()], brace.end()
        if brace[0] == "{":
            if prelude:
                conditions.append(_holds(prelude))
            prelude = _IMPORT.sub("", between).strip() or "@"
        elif prelude:
            if not prelude.startswith("@") and all(conditions):
                yield prelude, between
            prelude = ""
        elif conditions:
            conditions.pop()


def _holds(at_rule: str) -> bool:
    """Whether an at-rule's condition holds on the screen that we think of."""
    rule = "".join(at_rule.lower().split())
    if not rule.startswith(("@media", "@supports")) or "print" in rule or "dark" in rule:
        return False
    limits = [(kind, int(width)) for kind, width in _WIDTH.findall(rule[:_LONGEST_SELECTOR])]
    return all(width >= _SCREEN_WIDTH if kind == "max" else width <= _SCREEN_WIDTH for kind, width in limits)


def _rules_of(selectors: Iterable[str], declared: Declarations) -> Iterator[Rule]:
    for selector in selectors:
        last = re.split(r"[\s>+~]+", _ESCAPE.sub(_unescaped, selector.strip()))[-1]
        compound = _COMPOUND.match(last)
        if declared and compound and last and ":" not in last and "[" not in last:
            names = re.findall(r"([.#])([\w-]+)", compound[2])
            identifier = next((name for kind, name in names if kind == "#"), None)
            classes = frozenset(name for kind, name in names if kind == ".")
            if compound[1] or names:
                yield Rule(compound[1].lower(), classes, identifier, declared)


def hides(declared: Declarations) -> bool:
    """Whether an element so styled is hidden with everything in it."""
    return (
        declared.get("display") == "none"
        or declared.get("visibility") in ("hidden", "collapse")
        or _is_zero(declared.get("opacity"), 0.05)
        or _is_clipped(declared)
        or _is_away(declared)
    )


def font_size(declared: Declarations) -> bool | None:
    """Whether text so styled is too small to be seen; None if nothing is said of its size."""
    text = declared.get("font-size")
    if text is None and (shorthand := _FONT_SIZE.search(declared.get("font", "") + " ")):
        text = shorthand[1]
    length = _LENGTH.search(text) if text else None
    if length is None:
        return None if text is None else False
    return float(length[1]) < _SMALLEST_FONT.get(length[2] or "px", 0.15)


def colour(text: str | None) -> Colour | None:
    """The colour that a value names; None if it is none that we know."""
    value = (text or "").strip().lower()
    if value in _NAMED:
        return _NAMED[value]
    if match := _HEX.match(value if value.startswith("#") else f"#{value}"):
        digits = match[1] if len(match[1]) >= 6 else "".join(digit * 2 for digit in match[1])
        red, green, blue = (int(digits[place : place + 2], 16) for place in (0, 2, 4))
        return red, green, blue
    if (match := _RGB.match(value)) and len(channels := _NUMBER.findall(match[1])) >= 3:
        red, green, blue = (min(255, max(0, int(float(channel)))) for channel in channels[:3])
        return red, green, blue
    return None


def is_transparent(text: str | None) -> bool:
    """Whether a colour lets everything through."""
    value = (text or "").replace(" ", "").lower()
    if value == "transparent" or (value.startswith("#") and len(value) in (5, 9) and value[-1] == value[-2] == "0"):
        return True
    channels = value.partition("(")[2].rstrip(")").replace("/", ",").split(",")
    return value.startswith(("rgb", "hsl")) and len(channels) == 4 and _is_zero(channels[3], 0.05)


def alike(first: Colour, second: Colour) -> bool:
    """Whether one colour cannot be told from the other."""
    return all(abs(one - other) <= _CLOSE_CHANNELS for one, other in zip(first, second, strict=True))


def _is_zero(text: str | None, below: float = 0.01) -> bool:
    number = _NUMBER.search(text or "")
    return number is not None and abs(float(number[0])) < (below * 100 if text and "%" in text else below)


def _is_clipped(declared: Declarations) -> bool:
    cut = declared.get("overflow", "") in ("hidden", "clip") or declared.get("overflow-y", "") == "hidden"
    flat = any(_is_zero(declared.get(name), 1.5) for name in ("max-height", "height", "max-width", "width"))
    clip = declared.get("clip", "").replace(" ", "")
    path = declared.get("clip-path", "").replace(" ", "")
    scaled = "scale(0" in declared.get("transform", "").replace(" ", "")
    return (
        (cut and flat)
        or (clip.startswith("rect(") and not any(float(number) > 1 for number in _NUMBER.findall(clip)))
        or path.startswith(("inset(100%", "inset(50%", "circle(0"))
        or (scaled and "scale(0." not in declared.get("transform", ""))
    )


def _is_away(declared: Declarations) -> bool:
    """Moved out of sight."""
    names = ["text-indent", "margin-left", "margin-top"]
    if declared.get("position") in ("absolute", "fixed", "relative"):
        names += ["left", "top", "right", "bottom"]
    lengths = (_LENGTH.search(declared.get(name, "")) for name in names)
    return any(length is not None and float(length[1]) <= _FAR_AWAY for length in lengths)


def _unescaped(match: re.Match[str]) -> str:
    if match[1] is None:
        return match[2]
    code = int(match[1], 16)
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
