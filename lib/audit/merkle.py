"""Merkle trees over hashes of seals (RFC 6962, section 2.1): their roots, and the paths that lead there."""

from collections.abc import Sequence
from dataclasses import dataclass

from lib.audit.verify import leaf, node


@dataclass(frozen=True)
class Tree:
    """The root in hexadecimal, and for each leaf the path to it, from the leaf's neighbour upwards."""

    root: str
    paths: tuple[tuple[str, ...], ...]


def tree(seal_hashes: Sequence[str]) -> Tree:
    """The tree over one hash or more."""
    root, paths = _grown([leaf(each) for each in seal_hashes])
    return Tree(root.hex(), tuple(tuple(each.hex() for each in path) for path in paths))


def _grown(leaves: list[bytes]) -> tuple[bytes, list[list[bytes]]]:
    """The root, and the paths. On the left is the largest power of two that leaves something for the right."""
    if len(leaves) == 1:
        return leaves[0], [[]]
    middle = 1 << (len(leaves) - 1).bit_length() - 1
    left, left_paths = _grown(leaves[:middle])
    right, right_paths = _grown(leaves[middle:])
    return node(left, right), [*([*path, right] for path in left_paths), *([*path, left] for path in right_paths)]
