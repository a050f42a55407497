"""Everything that stands in a file, layer by layer: texts, tables and trees, each with the way to it."""

from __future__ import annotations

import csv
import io
import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any, NamedTuple

from gridgis.contract import GridError
from gridgis.leaks.containers import parts_of, point_text
from gridgis.leaks.decoding import encoded_runs, inflated, plain, printable_runs, text_of
from gridgis.leaks.elements import COMMENT, elements
from gridgis.leaks.geodata import Table, form_that_is_not_read, may_hold_rows
from gridgis.maps.packing import FORM, unpack
from gridgis.maps.texts import BLOCK, stored, unpack_text

DEEPEST = 12
"""Layers in layers that are read; a file with more is refused."""

_PACKED = re.compile(
    rf'<script type="(?:application/json"[^<>]{{0,2000}}|text/plain" id="{BLOCK}")>(?P<body>[^<]*)</script>'
)
_TAG = re.compile(r"</?[a-zA-Z!][^<>]{0,2000}>")
_INLINE = re.compile(r"</?(?:b|i|u|em|strong|span|font|mark|small|wbr|tspan)\b[^<>]{0,500}>", re.IGNORECASE)
_ISLAND = re.compile(r"\[\s*(?:[\[{\"\d-])|\{\s*\"")


class Text(NamedTuple):
    """A text, and where its blocks start and end."""

    where: str
    text: str
    blocks: list[tuple[int, int, str]]
    carrier: str

    def place(self, position: int) -> str:
        """Say in which block a position lies."""
        number = bisect_right(self.blocks, (position, len(self.text) + 1, "")) - 1
        if number >= 0 and position < self.blocks[number][1]:
            return f"{self.where} > {self.blocks[number][2]}"
        return self.where


class Rows(NamedTuple):
    """A table."""

    where: str
    table: Table
    carrier: str


class Tree(NamedTuple):
    """A value of JSON, and the few signs before it."""

    where: str
    value: Any
    before: str
    carrier: str


class Unread(NamedTuple):
    """A file in a form that is not read, so that nothing can be said of it."""

    where: str
    form: str


Piece = Text | Rows | Tree | Unread


@dataclass
class Budget:
    """How many bytes may still be unpacked, and what was read already."""

    left: int
    seen: set[int] = field(default_factory=set)

    def spend(self, size: int) -> None:
        """Count bytes.

        Raises
        ------
        GridError
            If there are too many.
        """
        self.left -= size
        if self.left < 0:
            raise GridError("find_leaks: the layers of the file hold more bytes than it may unpack; raise most=.")


def pieces(data: bytes, where: str, budget: Budget, depth: int = 0) -> Iterator[Piece]:
    """Give everything that stands in some bytes, and in what they hold.

    Raises
    ------
    GridError
        If there are too many layers, or too many bytes in them.

    Examples
    --------
    >>> import gzip
    >>> [piece.where for piece in pieces(gzip.compress(b"Wang Fang"), "file", Budget(1000))]
    ['file > gzip']
    """
    if depth > DEEPEST:
        raise GridError(f"find_leaks: more than {DEEPEST} layers in one another in {where}; the file cannot be read.")
    budget.spend(len(data))
    mark = hash(data)
    if not data or (depth and mark in budget.seen):
        return
    budget.seen.add(mark)
    form = form_that_is_not_read(where, data)
    if form is not None:
        yield Unread(where, form)
    parts = parts_of(data, budget.left)
    if parts is None:
        if form is None and not depth and text_of(data) is None and may_hold_rows(data):
            yield Unread(where, "that is not known")
        name, text = _read(data, budget, depth)
        parts = [(name, text)] if name else None
        if isinstance(text, str) and not name:
            yield from text_pieces(text, where, budget, depth)
    for name, part in parts or []:
        if isinstance(part, Table):
            yield from _table_pieces(part, f"{where} > {name}", budget, depth)
        elif isinstance(part, bytes):
            yield from pieces(part, f"{where} > {name}", budget, depth + 1)
        else:
            yield from text_pieces(part, f"{where} > {name}", budget, depth + 1)


def _read(data: bytes, budget: Budget, depth: int) -> tuple[str, str | bytes]:
    """Read bytes that are no known kind of file: as text, or, deeper down, as a point or something deflated."""
    text = text_of(data)
    if text is None and depth:
        text = point_text(data)
        if text is None and (packed := inflated(data, budget.left)):
            return packed[0], packed[1]
    return "", printable_runs(data) if text is None else text


def _table_pieces(table: Table, where: str, budget: Budget, depth: int) -> Iterator[Piece]:
    """A table, what its cells say as text, and files in its cells."""
    yield Rows(where, table, where)
    lines = []
    for row in table.rows:
        lines.append("\t".join(str(value) for value in row if value is not None and not isinstance(value, bytes)))
        for value in row:
            if isinstance(value, bytes):
                yield from pieces(value, f"{where} > bytes", budget, depth + 1)
    yield from text_pieces("\n".join(["\t".join(table.columns), *lines]), where, budget, depth + 1, tables=False)


def text_pieces(text: str, where: str, budget: Budget, depth: int, *, tables: bool = True) -> Iterator[Piece]:
    """Give a text, the same without escapes, the trees and tables in it, and what its runs decode to."""
    if depth > DEEPEST:
        raise GridError(f"find_leaks: more than {DEEPEST} layers in one another in {where}; the file cannot be read.")
    text, opened = _opened(text, where)
    for name, said in opened:
        budget.spend(len(said))
        yield from text_pieces(said, name, budget, depth + 1, tables=False)
    written = Text(where, text, _blocks(text), where)
    yield from _readings(written, tables)
    undone, how = plain(text)
    if undone != text:
        budget.spend(len(undone))
        undone, opened = _opened(undone, f"{where} > {how}")
        for name, said in opened:
            yield from text_pieces(said, name, budget, depth + 1, tables=False)
        changed = Text(f"{where} > {how}", undone, _blocks(undone), where)
        yield from _readings(changed, tables)
        yield from _runs(changed, budget, depth)
    yield from _runs(written, budget, depth)


def _readings(written: Text, tables: bool) -> Iterator[Piece]:
    yield written
    if "<" in written.text:
        joined = _INLINE.sub("", written.text)
        if joined != written.text:
            yield Text(f"{written.where} > without tags", joined, [], written.carrier)
    yield from _trees(written)
    if tables:
        yield from _html_tables(written)
        if (table := _separated(written.text)) is not None:
            yield Rows(f"{written.where} > csv", table, written.carrier)
            if '""' in written.text:  # quotes in quotes
                cells = written._replace(
                    where=f"{written.where} > csv", text=written.text.replace('""', '"'), blocks=[]
                )
                yield cells
                yield from _trees(cells, notebooks=False)


def _runs(written: Text, budget: Budget, depth: int) -> Iterator[Piece]:
    for place, name, data in encoded_runs(written.text):
        yield from pieces(data, f"{written.place(place)} > {name}", budget, depth + 1)


def _blocks(text: str) -> list[tuple[int, int, str]]:
    """Scripts, styles and comments of HTML, numbered."""
    if "<" not in text:
        return []
    count: dict[str, int] = {}
    blocks = []
    for element in elements(text, ("script", "style", "noscript", COMMENT)):
        name = "comment" if element.name == COMMENT else f"{element.name} block"
        count[name] = count.get(name, 0) + 1
        blocks.append((element.start, element.end, f"{name} {count[name]}"))
    return blocks


def _trees(written: Text, *, notebooks: bool = True) -> Iterator[Piece]:
    """Find values of JSON in a text; those in one another once, with the outermost."""
    text, place, failed = written.text, 0, 0
    read = json.JSONDecoder().raw_decode
    most = 5 * len(text) + 10_000
    notebook = None
    while (found := _ISLAND.search(text, place)) is not None and failed < most:
        start = found.start()
        try:
            value, place = read(text, start)
        except json.JSONDecodeError as error:
            failed += error.pos - start + 20
            place = start + 1
            continue
        except RecursionError:
            place, failed = start + 1, failed + 1_000
            continue
        notebook = value if start == 0 or not text[:start].strip("\ufeff \r\n\t") else None
        where = f"{written.place(start)} > json"
        yield Tree(where, value, text[max(start - 60, 0) : start], written.carrier)
    if notebooks and isinstance(notebook, dict) and "nbformat" in notebook:
        yield from _notebook(notebook, written)


def _opened(text: str, where: str) -> tuple[str, list[tuple[str, str]]]:
    """Take out of a page what our own maps have packed; give the rest, and what the packed parts say."""
    opened: list[tuple[str, str]] = []

    def blank(found: re.Match[str]) -> str:
        body = found["body"]
        if found[0].startswith('<script type="application') and FORM not in body:
            return found[0]
        try:
            said = _said(body)
        except (ValueError, KeyError, TypeError, IndexError):
            return found[0]
        opened.append((f"{where} > packed block {len(opened) + 1}", said))
        return found[0].replace(body, " ") if body else found[0]

    return _PACKED.sub(blank, text), opened


def _said(block: str) -> str:
    """What a packed block says: the cells as a table, and the rest of its words; or the scripts."""
    if not block.lstrip().startswith("{"):
        ours = set(stored().values())  # Leaflet, letter for letter: it was here before any data
        return "\n".join(unpack_text(line) for line in block.split() if line not in ours)
    held = unpack(block, rings=False)
    names = [str(measure.get("name", "")) for measure in held.get("measures", ())]
    cells = dict(zip(["grid_code", *names], [held["codes"], *held["values"]], strict=True))
    rest = {key: value for key, value in held.items() if key not in ("codes", "values", "packed", "marks")}
    return json.dumps({"rest": rest, "cells": cells}, ensure_ascii=False)


def _notebook(book: dict[str, Any], written: Text) -> Iterator[Piece]:
    """What the cells of a notebook say, lines joined."""
    for number, cell in enumerate(book.get("cells") or [], 1):
        outputs = cell.get("outputs") or [] if isinstance(cell, dict) else []
        named = [("source", cell.get("source", ""))] if isinstance(cell, dict) else []
        for output in outputs:
            named += [("output", output.get("text", "")), *(output.get("data") or {}).items()]
        for name, lines in named:
            text = "".join(map(str, lines)) if isinstance(lines, list) else str(lines)
            if text and not name.startswith("image/"):
                yield from _with_tables(written._replace(where=f"{written.where} > cell {number} > {name}", text=text))


def _with_tables(written: Text) -> Iterator[Piece]:
    for text in dict.fromkeys([written.text, plain(written.text)[0]]):
        reading = written._replace(text=text, blocks=_blocks(text))
        yield reading
        yield from _trees(reading, notebooks=False)
        yield from _html_tables(reading)


def _html_tables(written: Text) -> Iterator[Rows]:
    for number, found in enumerate(elements(written.text, ("table",)), 1):
        table = written.text[found.start : found.end]
        rows = [table[row.start : row.end] for row in elements(table, ("tr",), closed=False)]
        parts = [[row[cell.start : cell.end] for cell in elements(row, ("td", "th"), closed=False)] for row in rows]
        cells: list[list[object]] = [[unescape(_TAG.sub("", content)).strip() for content in row] for row in parts]
        where = f"{written.place(found.start)} > table {number}"
        if rows and all(len(row) == 2 for row in rows):
            yield Rows(where, _turned(cells), written.carrier)
        if len(cells) > 1:
            yield Rows(where, Table([str(name) for name in cells[0]], cells[1:]), written.carrier)


def _turned(cells: list[list[object]]) -> Table:
    """A name and a value in each row: one record."""
    return Table([str(row[0]).rstrip(":： ") for row in cells], [[row[1] for row in cells]])


def _separated(text: str) -> Table | None:
    """Read a text as a table of separated values, if it is one."""
    head = [line for line in text[:20_000].splitlines() if line.strip()][:6]
    if len(head) < 2 or text.lstrip()[:1] in ("<", "{", "["):
        return None
    for delimiter in ("\t", ";", ",", "|"):
        width = head[0].count(delimiter)
        if width and head[1].count(delimiter) >= width:
            try:
                rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
            except csv.Error:
                continue
            columns = [name.strip("\ufeff \t\"'") for name in rows[0]]
            good: list[list[object]] = [list(row) for row in rows[1:] if len(row) == len(columns)]
            if len(good) >= 0.8 * (len(rows) - 1):
                return Table(columns, good)
    return None
