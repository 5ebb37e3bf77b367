"""Domains and addresses that are spelled out, such as `x at y dot z` or `y [dot] z`, known or not."""

import re

from lib.chat.known_links import without_ending
from lib.chat.link_shapes import Kind, Word, is_top_level
from lib.chat.signs import shape
from lib.chat.words import Piece, Pieces, Stretch, Undecided

_MOST_LABELS = 8
_AT = re.compile(r"at|@|[\[({](?:at|@)[\])}]", re.IGNORECASE)
_DOT = re.compile(r"dot|[\[({](?:dot|\.|punkt)[\])}]|\.", re.IGNORECASE)
_DOT_AFTER_AT = re.compile(rf"{_DOT.pattern}|punkt|point|punto", re.IGNORECASE)
_MARKERS = ("at", "@", "dot", ".", "punkt", "point", "punto")
_FIRST_SIGNS = frozenset("adp@.[({])}")
_BEGINNINGS = frozenset(marker[:2] for marker in _MARKERS if marker.isalpha())
_ENDS_IN_LABEL = re.compile(r"\w\Z")
_LABEL = re.compile(r"\w[\w-]*")


def spelled_out(pieces: Pieces) -> tuple[Kind, Stretch] | Undecided | None:
    """Such a name if it begins with the first word."""
    if _is_followed_by_no_marker(pieces):
        return None
    words = [(number, piece) for number, piece in enumerate(pieces.all) if not piece.is_space]
    has_at = marked = False
    labels: list[int] = [0]
    if not _ENDS_IN_LABEL.search(Word(words[0][1].signs).text):
        return None
    for place in range(1, 2 * _MOST_LABELS, 2):
        marker = _marker(words, place, pieces.final)
        if marker is None:
            return Undecided.YET
        if place == 1 and _AT.fullmatch(marker):
            has_at = True
        elif (_DOT_AFTER_AT if has_at else _DOT).fullmatch(marker):
            marked = marked or marker.lower() != "dot"
        else:
            break
        if place + 1 >= len(words) or not words[place + 1][1].ended:
            if pieces.final:
                break
            return Undecided.YET
        label = Word(words[place + 1][1].signs).text
        if not _LABEL.match(label):
            break
        labels.append(place + 1)
        if not _ENDS_IN_LABEL.search(label):
            break
    return _name(words, labels[2 if has_at else 1 :], "address" if has_at else "link", 2 if has_at or marked else 3)


def _is_followed_by_no_marker(pieces: Pieces) -> bool:
    """The quick answer for nearly all words: the next one begins in another way."""
    following = next((piece for piece in pieces.all[1:3] if not piece.is_space), None)
    if following is None:
        return False
    first = shape(following.signs[0].seen)
    if first == "":
        return False
    if first[0].lower() not in _FIRST_SIGNS:
        return True
    if len(following.signs) < 2 or not first.isalpha():
        return False
    second = shape(following.signs[1].seen)
    return second.isalpha() and (first + second)[:2].lower() not in _BEGINNINGS


def _marker(words: list[tuple[int, Piece]], place: int, final: bool) -> str | None:
    """The word at this place; "" if it is no marker, None while it may become one."""
    if place >= len(words):
        return "" if final else None
    piece = words[place][1]
    text = Word(piece.signs).text
    if piece.ended:
        return text
    begun = text.lower().strip("[({])}")
    return None if any(marker.startswith(begun) for marker in _MARKERS) else ""


def _name(words: list[tuple[int, Piece]], candidates: list[int], kind: Kind, least: int) -> tuple[Kind, Stretch] | None:
    """The longest beginning that ends in a top-level domain. A two-letter one is too often a word: `dot in`."""
    for place in reversed(candidates):
        number, piece = words[place]
        label = _LABEL.match(Word(piece.signs).text)
        if label and is_top_level(label[0], least):
            return kind, Stretch(0, number, max(1, without_ending(piece.signs)))
    return None
