"""What lies beside a file that hides numbers: the exact numbers, or the rows that they count, in another file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridgis.contract import CODE, GridError
from gridgis.leaks.containers import Table
from gridgis.leaks.hidden import NUMBER
from gridgis.leaks.layers import Budget, Rows, Tree, pieces
from gridgis.leaks.records import tables_of
from gridgis.leaks.scanning import MOST_BYTES, Leak, masked
from gridgis.privacy import HIDDEN, SHOWN

ROW = "located row"
_STATUS, _LOCATED_BY = "_status", "located_by"
_FACES = frozenset({".html", ".htm", ".pdf", ".png", ".svg", ".pmtiles"})
"""Files that are made to be shown, whatever is in them."""
_COUNTED = ("households", "persons", "buildings", "count")
_SMALL = 10


@dataclass
class _Face:
    """What a file shows and hides: by measure, the value of each code, and the codes without one."""

    shown: dict[str, dict[str, float]] = field(default_factory=dict)
    hidden: dict[str, set[str]] = field(default_factory=dict)

    def add(self, measure: str, codes: Sequence[str], values: Sequence[Any], hidden: Sequence[bool]) -> None:
        """Take in a column."""
        for code, value, out in zip(codes, values, hidden, strict=True):
            number = _number(value)
            if out:
                self.hidden.setdefault(measure, set()).add(code)
            elif number is not None:
                self.shown.setdefault(measure, {})[code] = number


def find_beside(files: Sequence[Path]) -> list[tuple[Path, Leak]]:
    """Find what files give away of the numbers that others of them hide.

    Parameters
    ----------
    files : sequence of Path
        What is to be shown together, such as all files of a folder.

    Returns
    -------
    list of (Path, Leak)
        ``"located row"``: rows of single things with the code of their cell beside a map or a published table;
        ``"hidden number"``: numbers of cells that are hidden in another file.

    Raises
    ------
    GridError
        If a file cannot be read to its end.

    Examples
    --------
    >>> import tempfile
    >>> from gridgis.write import write_bytes, write_table
    >>> shown = publish(example.grid.assign(count=[3, 40, 50, 60]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     one = write_table(shown, Path(folder) / "cells.csv")
    ...     rows = example.grid.assign(count=[3, 40, 50, 60])[["grid_code", "count"]].to_csv(index=False)
    ...     two = write_bytes(rows.encode(), Path(folder) / "all.csv")
    ...     [(file.name, leak.kind, leak.count) for file, leak in find_beside([one, two])]
    [('all.csv', 'hidden number', 2)]
    """
    tables = {file: list(_tables(file)) for file in files}
    face = _Face()
    for of_file in tables.values():
        for table, packed in of_file:
            _take_in(face, table, packed)
    public = [file for file in files if file.suffix.lower() in _FACES or any(map(_is_published, tables[file]))]
    found: list[tuple[Path, Leak]] = []
    for file in files:
        if any(other != file for other in public):
            for place, (table, packed) in enumerate(tables[file]):
                if not packed and not _is_published((table, packed)):
                    found += [(file, leak) for leak in _leaks_of(table, f"{file.name} > table {place + 1}", face)]
    return _once(found)


def _tables(file: Path) -> Iterator[tuple[Table, bool]]:
    """The tables of a file in which codes of cells may stand, and whether each is the content of a map of ours."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise GridError(f"find_leaks: {file.name} cannot be read ({error.strerror}).") from None
    for piece in pieces(data, file.name, Budget(MOST_BYTES)):
        if isinstance(piece, Rows):
            yield piece.table, False
        elif isinstance(piece, Tree):
            packed = isinstance(piece.value, dict) and set(piece.value) == {"rest", "cells"}
            yield from ((table, packed) for table in tables_of(piece.value["cells"] if packed else piece.value))


def _is_published(given: tuple[Table, bool]) -> bool:
    """Tell whether a table says of its numbers whether they are shown or hidden."""
    table, packed = given
    statuses = [i for i, name in enumerate(table.columns) if name.endswith(_STATUS)]
    return packed or any(i < len(row) and row[i] in (HIDDEN, SHOWN) for i in statuses for row in table.rows[:1000])


def _take_in(face: _Face, table: Table, packed: bool) -> None:
    """Add what a map or a published table shows and hides."""
    if CODE not in table.columns or not _is_published((table, packed)):
        return
    rows = [row for row in table.rows if len(row) == len(table.columns)]
    at = {name: i for i, name in enumerate(table.columns)}
    codes = [str(row[at[CODE]]) for row in rows]
    for name in table.columns:
        values = [row[at[name]] for row in rows]
        if packed and name != CODE:
            face.add(name, codes, values, [value is None for value in values])
        elif f"{name}{_STATUS}" in at:
            face.add(name, codes, values, [row[at[f"{name}{_STATUS}"]] == HIDDEN for row in rows])


def _leaks_of(table: Table, where: str, face: _Face) -> Iterator[Leak]:
    """What a table gives away."""
    at = _codes_at(table, face)
    if at is None:
        return
    rows = [row for row in table.rows if len(row) == len(table.columns)] if table.columns else table.rows
    codes = [str(row[at]).strip() for row in rows if at < len(row)]
    named = {name: i for i, name in enumerate(table.columns)}
    each = Counter(codes)
    if _LOCATED_BY in named or any(_agrees(face.shown[name], each) for name in face.shown if max(each.values()) > 1):
        yield Leak(ROW, where, masked(codes[0]), len(rows))
        return
    for name, i in named.items():
        if i != at and max(each.values()) == 1:
            numbers = {
                code: value for code, row in zip(codes, rows, strict=True) if (value := _number(row[i])) is not None
            }
            bare = _given_away(name, numbers, face)
            if bare:
                yield Leak(NUMBER, f"{where} > {name}", masked(f"{numbers[bare[0]]:g}"), len(bare))


def _codes_at(table: Table, face: _Face) -> int | None:
    """The column of a table in which the codes of the cells stand."""
    if CODE in table.columns:
        return table.columns.index(CODE) if table.rows else None
    known = {code for codes in (*face.shown.values(), *face.hidden.values()) for code in codes}
    for i in range(max(map(len, table.rows[:100]), default=0)):
        values = [str(row[i]).strip() for row in table.rows if i < len(row) and row[i] not in (None, "")]
        if known and values and sum(value in known for value in values) >= len(values) / 2:
            return i
    return None


def _given_away(name: str, numbers: dict[str, float], face: _Face) -> list[str]:
    """The codes whose hidden number a column has: by its name, or as it agrees with all that is shown of a measure."""
    for measure, hidden in face.hidden.items():
        bare = sorted(hidden & set(numbers))
        if bare and (name == measure or _agrees(face.shown.get(measure, {}), numbers)):
            return bare
    if not face.hidden and not face.shown and name.startswith(_COUNTED):
        return sorted(code for code, number in numbers.items() if 0 < number < _SMALL and number == int(number))
    return []


def _agrees(shown: dict[str, float], numbers: dict[str, Any]) -> bool:
    """Tell whether numbers are those of a measure wherever it is shown; zeros alone say nothing."""
    common = [code for code in shown if code in numbers or shown[code]]
    same = all(shown[code] == numbers.get(code, 0) for code in common)
    return same and len({shown[code] for code in common if shown[code]}) > 1


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(str(value).replace(",", ""))
    except ValueError:
        return None
    return number if number == number and abs(number) != float("inf") else None


def _once(found: list[tuple[Path, Leak]]) -> list[tuple[Path, Leak]]:
    """The same numbers, read in several ways, once in each file."""
    first: dict[tuple[Path, str, str], tuple[Path, Leak]] = {}
    for file, leak in found:
        first.setdefault(
            (file, leak.kind, leak.where.rpartition(" > ")[2] if leak.kind == NUMBER else ""), (file, leak)
        )
    return list(first.values())
