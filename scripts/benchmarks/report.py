"""BENCHMARKS.md, from what the parts found."""

from collections.abc import Iterable, Iterator, Sequence
from textwrap import fill

from scripts.benchmarks.figures import Part, Table

WIDTH = 120

_PREFACE = """\
# Benchmarks

What Briefly costs beside the least that could do the same, written by `scripts/bench`; nothing here is edited by hand.
Every comparison is made within one run, in turns, so that what slows the machine down hits both sides: ratios may be
compared with those of another machine, milliseconds may not. Everything runs against the local cloud, whose Firestore
is Google's emulator: its reads take about a millisecond, those of the real one several. Targets are those that were set
before anything was measured; what misses its target stands here with the rest."""


def written(machine: Iterable[tuple[str, str]], parts: Sequence[Part]) -> str:
    """The whole document."""
    return "\n\n".join(_sections(machine, parts)) + "\n"


def _sections(machine: Iterable[tuple[str, str]], parts: Sequence[Part]) -> Iterator[str]:
    yield _PREFACE
    yield _table(("machine", ""), machine)
    yield "## At a glance"
    aimed = [(part, figure) for part in parts for figure in part.figures if figure.target is not None]
    yield _table(
        ("part", "figure", "result", "target"),
        [(part.title, figure.name, figure.shown(figure.value), figure.verdict) for part, figure in aimed],
    )
    missed = sum(figure.is_missed for _, figure in aimed)
    yield f"{len(aimed) - missed} of {len(aimed)} targets are met."
    for part in parts:
        yield from _part(part)


def _part(part: Part) -> Iterator[str]:
    yield f"## {part.title}"
    yield part.question
    yield _wrapped(f"**How.** {part.method}")
    yield _table(
        ("figure", "result", "target"),
        [(figure.name, figure.shown(figure.value), figure.verdict) for figure in part.figures],
    )
    for table in part.tables:
        yield from _titled(table)
    yield _wrapped(f"**What we conclude.** {' '.join(part.conclusions)}")


def _wrapped(text: str) -> str:
    return fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)


def _titled(table: Table) -> Iterator[str]:
    yield f"{table.title}:"
    yield _table(table.columns, table.rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
