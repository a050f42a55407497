"""The scanner: reads a finished file as an attacker would, and says what should not be in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from gridgis.contract import CODE, PARENT, GridError, listed
from gridgis.leaks.decoding import plain
from gridgis.leaks.hidden import NUMBER, HiddenNumbers
from gridgis.leaks.known import KnownValues
from gridgis.leaks.layers import Budget, Rows, Text, Tree, Unread, pieces
from gridgis.leaks.patterns import CODE_OF_DIVISION, PHONE, PHONE_OR_CODE, find_patterns
from gridgis.leaks.points import POINT, find_points, find_rows, places_of_columns
from gridgis.leaks.records import codes_in, find_persons, tables_of
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
        ``"personal column"``, ``"personal value"``, ``"number plate"``,
        ``"account of a person"``, ``"raw point"`` or ``"hidden number"``.
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
        self.found: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self.codes: set[str] = set()
        self.unread: list[Unread] = []

    def add(self, kind: str, where: str, carrier: str, value: str, label: str = "") -> None:
        if kind == CODE_OF_DIVISION:
            self.codes.add(value)
            return
        mark = (kind, carrier, f"{label}\0{value}" if kind == NUMBER else value)
        if mark not in self.seen:
            self.seen.add(mark)
            self.found.setdefault((kind, where), []).append((value, label))

    def all(self) -> list[Leak]:
        """What was found; numbers of 11 digits that others around tell to be codes are left out."""
        doubtful = {value for (kind, _), pairs in self.found.items() if kind == PHONE_OR_CODE for value, _ in pairs}
        alike = Counter(value[:6] for value in doubtful | self.codes)
        leaks: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for (kind, where), pairs in self.found.items():
            if kind == PHONE_OR_CODE:
                kept = [
                    (value, label) for value, label in pairs if value not in self.codes and alike[value[:6]] < _ALIKE
                ]
                leaks.setdefault((PHONE, where), []).extend(kept)
            else:
                leaks.setdefault((kind, where), []).extend(pairs)
        return [
            Leak(
                kind, where, f"{pairs[0][1]}: {masked(pairs[0][0])}" if pairs[0][1] else masked(pairs[0][0]), len(pairs)
            )
            for (kind, where), pairs in leaks.items()
            if pairs
        ]


_ADVICE = "; if it is none of these, name the text that may stand in it (allow=), or write it with scan=False"
_ALIKE = 3
"""So many numbers that begin with the same county and may be codes of it are codes."""


class Allowed:
    """Texts that may stand in a file though they look like a leak: each of them exactly, and nothing else.

    Examples
    --------
    >>> allowed = Allowed(["Service centre 0356-2345678"])
    >>> allowed.without("Service centre 0356-2345678, 0356-2345678").count("2345678")
    1
    """

    def __init__(self, texts: Sequence[str] = ()):
        if isinstance(texts, str) or not all(isinstance(text, str) and len(text.strip()) > 1 for text in texts):
            raise GridError(f"allow: expected a list of texts of two signs or more, got {texts!r}.")
        written = sorted(
            {form for text in texts for form in (text.strip(), plain(text.strip())[0])}, key=len, reverse=True
        )
        patterns = [r"\s+".join(map(re.escape, text.split())) for text in written]
        whole = "|".join(
            rf"{_edge(text[0], '(?<![0-9A-Za-z])')}{p}{_edge(text[-1], '(?![0-9A-Za-z])')}"
            for text, p in zip(written, patterns, strict=True)
        )
        self._pattern = re.compile(whole) if whole else None

    def without(self, text: str) -> str:
        """Give a text of the same length in which they are blotted out."""
        return text if self._pattern is None else self._pattern.sub(lambda found: "\0" * len(found[0]), text)

    def tree(self, value: Any) -> Any:
        """Do the same in all texts of a tree, or a row."""
        if self._pattern is None:
            return value
        if isinstance(value, dict):
            return {self.tree(key): self.tree(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.tree(part) for part in value]
        return self.without(value) if isinstance(value, str) else value


def _edge(sign: str, pattern: str) -> str:
    return pattern if sign.isascii() and sign.isalnum() else ""


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
    allow: Sequence[str] = (),
    most: int | None = None,
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
    allow : sequence of str
        Texts that may stand in the file though they look like a leak, such as ``"Service centre 0356-2345678"``: each
        of them exactly as it is written, and nothing else.
    most : int, optional
        Bytes in all layers together; a file that unpacks to more is an error, for it could not be read. By default 64
        MB and a hundred times the file, but no more than 2 GB.

    Returns
    -------
    list of Leak
        Empty if nothing was found.

    Raises
    ------
    GridError
        If the file cannot be read to its end: it is missing, encrypted, damaged, in a form that is not known, or
        unpacks to too much; or if one of ``published`` and ``table`` is given without the other.

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
    codes = [] if published is None else [*published.table[CODE], *published.table[PARENT]]
    search = _Search(known, hidden, Allowed(allow), codes)
    leaks = search.of(data, file.name, most)
    for beside in _parts_beside(file):
        leaks += search.of(beside.read_bytes(), beside.name, most)
    return leaks


def _parts_beside(file: Path) -> list[Path]:
    """The table of a Shapefile, which is a file of its own."""
    if file.suffix.lower() != ".shp":
        return []
    return sorted(part for part in file.parent.glob("*.[dD][bB][fF]") if part.stem == file.stem and part.is_file())


def require_public(data: bytes, name: str, *, allow: Sequence[str] = (), codes: Collection[str] = ()) -> bytes:
    """Ask, before a public map is written, that `find_leaks` would find nothing in it by pattern.

    Parameters
    ----------
    data : bytes
        The file as it will be.
    name : str
        Its name.
    allow : sequence of str
        As for `find_leaks`.
    codes : collection of str
        Codes of its cells and parents: they are no numbers of persons.

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
    leaks = _Search(None, None, Allowed(allow), codes).of(data, name, None)
    _refuse(leaks, name, _ADVICE)
    return data


@dataclass(frozen=True)
class _Search:
    """What is searched for."""

    known: KnownValues | None
    hidden: HiddenNumbers | None
    allowed: Allowed
    codes: Collection[str] = ()

    def of(self, data: bytes, name: str, most: int | None) -> list[Leak]:
        """Find all there is in a file.

        Raises
        ------
        GridError
            If it cannot be read to its end.
        """
        leaks = _Leaks()
        leaks.codes.update(str(code) for code in self.codes)
        budget = Budget(min(MOST_BYTES, 64_000_000 + 100 * len(data)) if most is None else most)
        try:
            for piece in pieces(data, name, budget):
                if isinstance(piece, Unread):
                    leaks.unread.append(piece)
                    continue
                for kind, where, value, label in _found(self._without_allowed(piece), self.known, self.hidden):
                    leaks.add(kind, where, piece.carrier, value, label)
        except RecursionError:
            raise GridError(f"find_leaks: {name} holds values nested too deep; it cannot be read.") from None
        found = leaks.all()
        if leaks.unread and not found:
            raise GridError(
                f"find_leaks: {leaks.unread[0].where} is in a form that cannot be read ({leaks.unread[0].form}); "
                "convert it, to GeoPackage or GeoJSON say, and give that."
            )
        return found

    def _without_allowed(self, piece: Text | Rows | Tree) -> Text | Rows | Tree:
        if isinstance(piece, Text):
            return piece._replace(text=self.allowed.without(piece.text))
        if isinstance(piece, Rows):
            rows = [self.allowed.tree(row) for row in piece.table.rows]
            return piece._replace(table=piece.table._replace(rows=rows))
        return piece._replace(value=self.allowed.tree(piece.value))


def _refuse(leaks: list[Leak], name: str, advice: str = "") -> None:
    if leaks:
        said = [f"{leak.kind} ({leak.count}) in {leak.where}: {leak.excerpt}" for leak in leaks]
        raise GridError(f"{name}: it must not be shown, for it holds {listed(said, 3)}{advice}.")


_Finding = tuple[str, str, str, str]


def _found(piece: Text | Rows | Tree, known: KnownValues | None, hidden: HiddenNumbers | None) -> Iterator[_Finding]:
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
    patterns = find_patterns(piece.text, of_bytes=" > bytes" in piece.where)
    for hit in (*patterns, *find_points(piece.text), *(known.find(piece.text) if known else ())):
        yield hit.kind, piece.place(hit.position), hit.value, ""
    if hidden is not None:
        for position, code, measure, value in hidden.in_text(piece.text):
            yield NUMBER, piece.place(position), value, f"{code} {measure}"


def _in_table(piece: Rows, hidden: HiddenNumbers | None) -> Iterator[_Finding]:
    for kind, column, value in find_persons(piece.table):
        yield kind, piece.where, value, column
    for code in codes_in(piece.table):
        yield CODE_OF_DIVISION, piece.where, code, ""
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
    allow: Sequence[str] = (),
    most: int | None = None,
) -> Path:
    r"""Ask that `find_leaks` finds nothing in a file.

    Parameters
    ----------
    path, published, table, located, persons, allow, most
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
    tables: dict[str, Any] = {"published": published, "table": table, "located": located, "persons": persons}
    leaks = find_leaks(path, **tables, allow=allow, most=most)
    _refuse(leaks, Path(path).name)
    return Path(path)
