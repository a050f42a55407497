"""Tables on sheets: columns as wide as they need, in blocks side by side, going on where the page ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gridgis.images.drawing import SOFT, Paper
from gridgis.images.fonts import Typeface
from gridgis.images.sheet import Box, Words, capital, line_height

SIZE = 7.0
GUTTER = 7.0
"""Between blocks that stand side by side."""

_PAD = 3.0
_ROW = 3.9
_HEAD_WIDTH = 17.0
_MOST_TEXT = 70.0
_FEWEST = 3


@dataclass(frozen=True)
class Table:
    """A table made ready: lines of each heading, rows of text, widths of the columns, how many of them are words."""

    heads: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    named: int

    @property
    def width(self) -> float:
        """The width of a block."""
        return sum(self.widths)

    @property
    def head(self) -> float:
        """The height of the headings."""
        return max(map(len, self.heads)) * line_height(SIZE) + 1.6


class Part(NamedTuple):
    """Some rows of a table, from an upper left corner downwards."""

    table: Table
    start: int
    stop: int
    x: float
    top: float


def table_of(letters: Typeface, heads: Sequence[str], rows: Sequence[Sequence[str]], named: int) -> Table:
    """Measure a table; the first ``named`` columns hold words, the others numbers."""
    columns = list(zip(*rows, strict=True))
    wrapped, widths = [], []
    for number, head in enumerate(heads):
        cells = max((letters.width(text, SIZE) for text in columns[number]), default=0.0) if columns else 0.0
        lines = letters.wrapped(head, max(cells, _HEAD_WIDTH), SIZE, bold=True)
        wrapped.append(tuple(lines))
        widest = max(letters.width(line, SIZE, bold=True) for line in lines)
        widths.append(max(min(cells, _MOST_TEXT) if number < named else cells, widest) + _PAD)
    texts = (tuple(_short(letters, text) for text in row) for row in rows)
    return Table(tuple(wrapped), tuple(texts), tuple(widths), named)


def _short(letters: Typeface, text: str) -> str:
    """Cut a text that is wider than columns get."""
    if letters.width(text, SIZE) <= _MOST_TEXT:
        return text
    return letters.wrapped(text, _MOST_TEXT - letters.width("…", SIZE), SIZE)[0] + "…"


def columns_that_fit(table: Table, width: float) -> list[Table]:
    """Part a table that is too wide; each part begins with the columns of words."""
    groups: list[list[int]] = []
    base = sum(table.widths[: table.named])
    room = 0.0
    for number in range(table.named, len(table.widths)):
        if not groups or room < table.widths[number]:
            groups.append(list(range(table.named)))
            room = width - base
        groups[-1].append(number)
        room -= table.widths[number]
    return [_chosen(table, group) for group in groups or [list(range(table.named))]]


def _chosen(table: Table, columns: Sequence[int]) -> Table:
    rows = tuple(tuple(row[i] for i in columns) for row in table.rows)
    return Table(tuple(table.heads[i] for i in columns), rows, tuple(table.widths[i] for i in columns), table.named)


def needed_height(tables: Sequence[Table], width: float) -> float:
    """Give the height of tables that stand under each other, on a page without end."""
    heights = (table.head + -(-len(table.rows) // _blocks(table, width)) * _ROW for table in tables)
    return sum(heights) + GUTTER * (len(tables) - 1)


def flowed(tables: Sequence[Table], first: Box, rest: Box) -> list[list[Part]]:
    """Lay tables out, page by page: into ``first`` on the first page, into ``rest`` on those that follow."""
    pages: list[list[Part]] = [[]]
    box, top = first, first.top
    for table in tables:
        start, blocks = 0, _blocks(table, first.width)
        while start < len(table.rows):
            left = len(table.rows) - start
            most = int((top - box.y - table.head) / _ROW + 1e-9)
            if most < min(_FEWEST, -(-left // blocks)) and (pages[-1] or box is first):
                pages.append([])
                box, top = rest, rest.top
                continue
            each = min(max(most, 1), -(-left // blocks))
            stops = [min(start + each * (k + 1), len(table.rows)) for k in range(blocks)]
            starts = [start, *stops[:-1]]
            for k, (one, two) in enumerate(zip(starts, stops, strict=True)):
                if two > one:
                    pages[-1].append(Part(table, one, two, box.x + k * (table.width + GUTTER), top))
            top -= table.head + each * _ROW + GUTTER
            start = stops[-1]
    return pages


def _blocks(table: Table, width: float) -> int:
    return max(1, int((width + GUTTER) // (table.width + GUTTER)))


def put_part(paper: Paper, part: Part) -> None:
    """Write a part of a table, with its headings and a line under them."""
    table = part.table
    for words in _lines(part):
        paper.write(words)
    right = part.x + table.width
    y = part.top - table.head + 0.6
    paper.line([part.x, right], [y, y], 0.7)
    below = part.top - table.head - _ROW * np.arange(1, part.stop - part.start + 1)
    paper.lines([np.array([(part.x, y), (right, y)]) for y in below.tolist()], 0.25, "#c5ccd3")


def _lines(part: Part) -> Iterator[Words]:
    """Every text of a part: words from the left, numbers to the right of their columns."""
    table = part.table
    left = [part.x + sum(table.widths[:i]) for i in range(len(table.widths))]
    low = part.top - table.head + 1.6 + (line_height(SIZE) - capital(SIZE)) / 2
    for i, lines in enumerate(table.heads):
        for number, line in enumerate(reversed(lines)):
            yield _cell(table, i, left[i], low + number * line_height(SIZE), line, bold=True)
    for number, row in enumerate(table.rows[part.start : part.stop], 1):
        y = part.top - table.head - number * _ROW + (_ROW - capital(SIZE)) / 2
        for i, text in enumerate(row):
            yield _cell(table, i, left[i], y, text)


def _cell(table: Table, column: int, left: float, y: float, text: str, *, bold: bool = False) -> Words:
    color = SOFT if bold else "#1f2933"
    if column < table.named:
        return Words(left, y, text, SIZE, bold, "left", color)
    return Words(left + table.widths[column] - 0.5, y, text, SIZE, bold, "right", color)
