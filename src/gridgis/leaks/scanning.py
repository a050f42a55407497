"""The scanner: reads a finished file as an attacker would, and says what should not be in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import pandas as pd

from gridgis.contract import GridError, listed
from gridgis.leaks.hidden import NUMBER, HiddenNumbers
from gridgis.leaks.known import KnownValues
from gridgis.leaks.layers import Budget, Piece, Rows, Text, pieces
from gridgis.leaks.patterns import find_patterns
from gridgis.leaks.points import POINT, find_points, find_rows, places_of_columns
from gridgis.leaks.records import find_persons, tables_of
from gridgis.privacy import Published

MOST_BYTES = 2_000_000_000
"""Bytes in all layers of a file together that are read unless more are asked for."""


@dataclass(frozen=True)
class Leak:
    """Something in a file that must not be there.

    Attributes
    ----------
    kind : str
        ``"identity number"``, ``"phone number"``, ``"e-mail address"``, ``"postal address"``, ``"name of a person"``,
        ``"personal column"``, ``"personal value"``, ``"raw point"`` or ``"hidden number"``.
    where : str
        The way to it through the layers of the file, such as ``map.html > script block 2 > base64 > gzip > json``.
    excerpt : str
        The first of them, masked: never the whole value.
    count : int
        How many different ones were found there.
    """

    kind: str
    where: str
    excerpt: str
    count: int


class _Leaks:
    """Gathers what is found, each value once in each layer that carries it."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str, str]] = set()
        self.found: dict[tuple[str, str], list[str | int]] = {}

    def add(self, kind: str, where: str, carrier: str, value: str, label: str = "") -> None:
        mark = (kind, carrier, f"{label}\0{value}" if kind == NUMBER else value)
        if mark not in self.seen:
            self.seen.add(mark)
            first = self.found.setdefault((kind, where), [f"{label}: {masked(value)}" if label else masked(value), 0])
            first[1] = int(first[1]) + 1

    def all(self) -> list[Leak]:
        return [Leak(kind, where, str(first), int(count)) for (kind, where), (first, count) in self.found.items()]


def masked(value: str) -> str:
    """Write a value so that it can be told where it stands but not what it is.

    Examples
    --------
    >>> masked("13812345678"), masked("王芳"), masked("3")
    ('13*********', '**', '*')
    """
    shown = 0 if len(value) < 5 else min(2, len(value) // 4)
    return value[:shown] + "*" * min(len(value) - shown, 20)


def find_leaks(
    path: str | PathLike[str],
    *,
    published: Published | None = None,
    table: pd.DataFrame | None = None,
    located: pd.DataFrame | None = None,
    persons: pd.DataFrame | None = None,
    most: int = MOST_BYTES,
) -> list[Leak]:
    """Read a finished file as an attacker would, and find what must not be in it.

    All layers are read: scripts, comments, escapes, base64, hex, compressed data, parts of images, documents,
    notebooks, archives and databases, and the packed cells of our own maps. Without any table, what is written
    as the number, address or name of a person and points of single things are found; with tables, also their values.

    Parameters
    ----------
    path : path
        HTML, GeoJSON, JSON, CSV, SVG, PNG, JPEG, PDF, a notebook, GeoPackage, xlsx, zip or any other file.
    published, table : Published and DataFrame, optional
        What `gridgis.publish` returned and the table that it was given: its hidden numbers must not stand with their
        code.
    located : DataFrame, optional
        Rows of events: neither their personal values nor their places may stand anywhere.
    persons : DataFrame, optional
        Rows of persons, in the same way.
    most : int
        Bytes in all layers together; a file that unpacks to more is an error, for it could not be read.

    Returns
    -------
    list of Leak
        Empty if nothing was found.

    Raises
    ------
    GridError
        If the file cannot be read to its end: it is missing, encrypted, or unpacks to too much; or if one of
        ``published`` and ``table`` is given without the other.

    Examples
    --------
    >>> import tempfile
    >>> from gridgis.leaks import find_leaks
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "map.html"
    ...     _ = path.write_text("<script>var cells = atob('5aeT5ZCNOiDnjovoirM=')</script>", encoding="utf-8")
    ...     find_leaks(path)
    [Leak(kind='name of a person', where='map.html > script block 1 > base64', excerpt='**', count=1)]
    """
    if (published is None) != (table is None):
        raise GridError("find_leaks: expected published= and table= together, got one of them.")
    hidden = HiddenNumbers(published, table) if published is not None and table is not None else None
    tables = [rows for rows in (located, persons) if rows is not None]
    known = KnownValues(tables) if tables else None
    file = Path(path)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise GridError(f"find_leaks: {file.name} cannot be read ({error.strerror}).") from None
    return _leaks_in(data, file.name, known, hidden, most)


def require_public(data: bytes, name: str) -> bytes:
    """Ask, before a public map is written, that `find_leaks` would find nothing in it by pattern.

    Parameters
    ----------
    data : bytes
        The file as it will be.
    name : str
        Its name.

    Returns
    -------
    bytes
        The same.

    Raises
    ------
    GridError
        If something is found.

    Examples
    --------
    >>> require_public(b"<p>12 households</p>", "map.html")
    b'<p>12 households</p>'
    """
    _refuse(_leaks_in(data, name, None, None, MOST_BYTES), name, "; if it is none of these, write it with scan=False")
    return data


def _leaks_in(data: bytes, name: str, known: KnownValues | None, hidden: HiddenNumbers | None, most: int) -> list[Leak]:
    leaks = _Leaks()
    for piece in pieces(data, name, Budget(most)):
        for kind, where, value, label in _found(piece, known, hidden):
            leaks.add(kind, where, piece.carrier, value, label)
    return leaks.all()


def _refuse(leaks: list[Leak], name: str, advice: str = "") -> None:
    if leaks:
        said = [f"{leak.kind} ({leak.count}) in {leak.where}: {leak.excerpt}" for leak in leaks]
        raise GridError(f"{name}: it must not be shown, for it holds {listed(said, 3)}{advice}.")


_Finding = tuple[str, str, str, str]


def _found(piece: Piece, known: KnownValues | None, hidden: HiddenNumbers | None) -> Iterator[_Finding]:
    """Kind, place, value and label of all that is found in a piece."""
    if isinstance(piece, Text):
        yield from _in_text(piece, known, hidden)
    elif isinstance(piece, Rows):
        yield from _in_table(piece, hidden)
        columns, rows = piece.table
        yield from ((POINT, piece.where, value, "") for value in places_of_columns(columns, rows))
    else:
        yield from ((POINT, piece.where, value, "") for value in find_rows(piece.value, piece.before))
        for table in tables_of(piece.value):
            yield from _in_table(Rows(piece.where, table, piece.carrier), hidden)


def _in_text(piece: Text, known: KnownValues | None, hidden: HiddenNumbers | None) -> Iterator[_Finding]:
    for hit in (*find_patterns(piece.text), *find_points(piece.text), *(known.find(piece.text) if known else ())):
        yield hit.kind, piece.place(hit.position), hit.value, ""
    if hidden is not None:
        for position, code, measure, value in hidden.in_text(piece.text):
            yield NUMBER, piece.place(position), value, f"{code} {measure}"


def _in_table(piece: Rows, hidden: HiddenNumbers | None) -> Iterator[_Finding]:
    for kind, column, value in find_persons(piece.table):
        yield kind, piece.where, value, column
    if hidden is not None:
        for code, measure, value in hidden.in_table(piece.table):
            yield NUMBER, piece.where, value, f"{code} {measure}"


def require_no_leaks(
    path: str | PathLike[str],
    *,
    published: Published | None = None,
    table: pd.DataFrame | None = None,
    located: pd.DataFrame | None = None,
    persons: pd.DataFrame | None = None,
    most: int = MOST_BYTES,
) -> Path:
    r"""Ask that `find_leaks` finds nothing in a file.

    Parameters
    ----------
    path, published, table, located, persons, most
        As for `find_leaks`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    GridError
        If something is found: what, where, and how many.

    Examples
    --------
    >>> import tempfile
    >>> from gridgis.leaks import require_no_leaks
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "cells.csv"
    ...     _ = path.write_text("grid_code,count\n990101001001001,12\n", encoding="utf-8")
    ...     require_no_leaks(path).name
    'cells.csv'
    """
    leaks = find_leaks(path, published=published, table=table, located=located, persons=persons, most=most)
    _refuse(leaks, Path(path).name)
    return Path(path)
