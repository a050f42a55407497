"""The coordinates of a batch of rows as plain arrays, and what is wrong with them, in the words of `read_points`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyproj
import shapely

from gridgis.contract import GridError, GridWarning
from gridgis.crs import require_plausible
from gridgis.read.points import coordinate_numbers, is_missing
from gridgis.read.tidying import number_or_nan

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]

OUT_OF_RANGE, SWAPPED, MISSING = "out of range", "longitude and latitude look swapped", "missing"
"""What `read_points` writes into ``coordinate_problem``, besides ``not a number: ...``."""

_PLAIN_NUMBER = r"^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$"
_DEGREES = (180.0, 90.0)
_WKB_POINTS = {21: b"\x01\x01\x00\x00\x00", 29: b"\x01\xe9\x03\x00\x00"}
"""How little-endian points of two and three dimensions begin, by their length."""


@dataclass(frozen=True)
class Places:
    """Where the rows of a batch are.

    Attributes
    ----------
    x, y : array of float64
        As they stand in the file; NaN in a row with a problem.
    missing : array of bool or None
        Rows without coordinates; None where no row has a problem of any kind.
    problem : array of object or None
        The problem of each row in words, None in a row without; None where no row has one.
    """

    x: Floats
    y: Floats
    missing: Bools | None = None
    problem: npt.NDArray[np.object_] | None = None

    def problem_column(self) -> pa.Array:
        """The problems as a column of text."""
        return pa.nulls(len(self.x), pa.string()) if self.problem is None else pa.array(self.problem, pa.string())


class _Axis(NamedTuple):
    """One coordinate: its numbers, the rows where there is none, and those whose content is no number."""

    numbers: Floats
    absent: Bools
    bad: Bools


def places_of(x: pa.Array, y: pa.Array, crs: pyproj.CRS, *, comma: bool = False) -> Places:
    """Read two columns of coordinates.

    Parameters
    ----------
    x, y : pyarrow.Array
        Numbers, or text that may be numbers.
    crs : pyproj.CRS
        The CRS that they are in: degrees have a range.
    comma : bool
        Whether text has decimal commas.

    Examples
    --------
    >>> places = places_of(pa.array(["113.1", "", "abc"]), pa.array([36.2, 36.2, 36.2]), pyproj.CRS(4326))
    >>> places.x.tolist(), places.problem.tolist()
    ([113.1, nan, nan], [None, 'missing', "not a number: 'abc'"])
    """
    if all(pa.types.is_floating(column.type) or pa.types.is_integer(column.type) for column in (x, y)):
        numbers = _numbers(x), _numbers(y)
        if _all_fine(*numbers, crs):
            return Places(*numbers)
    axes = _axis(x, comma=comma), _axis(y, comma=comma)
    problem = np.full(len(x), None, object)
    problem[axes[0].absent | axes[1].absent] = MISSING
    for column, axis in ((y, axes[1]), (x, axes[0])):
        rows = np.flatnonzero(axis.bad)
        cells = _cells(column.take(pa.array(rows)))
        problem[rows] = [f"not a number: {str(cell)!r}" for cell in cells]
    return _with_ranges(axes[0].numbers, axes[1].numbers, problem, crs)


def places_of_points(column: pa.Array, crs: pyproj.CRS, what: str, first: int = 0) -> Places:
    """Read a column of points, as WKB or as a structure of x and y.

    Parameters
    ----------
    column : pyarrow.Array
        Binary, or struct with the fields x and y.
    crs : pyproj.CRS
        The CRS that they are in.
    what : str
        Begins the sentence of an error.
    first : int
        Number of the first row in the file.

    Raises
    ------
    GridError
        If there is anything but points.

    Examples
    --------
    >>> wkb = pa.array([shapely.Point(1, 2).wkb, None])
    >>> places_of_points(wkb, pyproj.CRS(4326), "example").problem.tolist()
    [None, 'missing']
    """
    x, y = _of_struct(column) if pa.types.is_struct(column.type) else _of_wkb(column, what, first)
    if _all_fine(x, y, crs):
        return Places(x, y)
    problem = np.full(len(x), None, object)
    problem[np.isnan(x) | np.isnan(y)] = MISSING
    return _with_ranges(x, y, problem, crs)


def points_as_wkb(places: Places) -> pa.Array:
    """Write places as WKB, missing where there is a problem.

    Examples
    --------
    >>> shapely.from_wkb(points_as_wkb(Places(np.array([1.0]), np.array([2.0])))[0].as_py()).wkt
    'POINT (1 2)'
    """
    records = np.zeros(len(places.x), np.dtype([("head", "S5"), ("x", "<f8"), ("y", "<f8")]))
    records["head"], records["x"], records["y"] = _WKB_POINTS[21], places.x, places.y
    offsets = pa.py_buffer(np.arange(len(records) + 1, dtype=np.int32) * np.int32(records.itemsize))
    column = pa.Array.from_buffers(pa.binary(), len(records), [None, offsets, pa.py_buffer(records.tobytes())])
    return column if places.problem is None else pc.if_else(pa.array(~np.isnan(places.x)), column, None)


def weights_of(column: pa.Array, name: str, what: str, first: int = 0) -> Floats:
    """Read a column of weights; NaN where a row has none.

    Raises
    ------
    GridError
        If a weight is no number, infinite or negative; the sentence names the first such row, counted from ``first``.

    Examples
    --------
    >>> weights_of(pa.array(["3", None, "0.5"]), "persons", "people.csv").tolist()
    [3.0, nan, 0.5]
    """
    numbers, _, bad = _axis(column)
    wrong = bad | np.isinf(numbers) | (numbers < 0)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        cell = _cells(column.slice(row, 1))[0]
        raise GridError(f"{what}: expected {name} to be numbers from 0 up, got {cell!r} in row {first + row:,}.")
    return numbers


@dataclass
class Plausible:
    """What is found out about all coordinates of a file, batch by batch; tells at the end what `read_points` tells.

    Attributes
    ----------
    fine, off : int
        Rows with coordinates that can be meant, and with such that are out of range.
    first_off : str
        The first problem of these.
    first_fine : tuple of float or None
        The first coordinates that can be meant.
    degrees : bool
        All of them could be degrees.
    """

    fine: int = 0
    off: int = 0
    first_off: str = ""
    first_fine: tuple[float, float] | None = None
    degrees: bool = True

    def look(self, places: Places) -> None:
        """Look at the next batch."""
        x, y = places.x, places.y
        if places.problem is not None:
            words = [word for word in places.problem if word in (OUT_OF_RANGE, SWAPPED)]
            self.off, self.first_off = self.off + len(words), self.first_off or next(iter(words), "")
            rows = np.flatnonzero(np.isfinite(x))
            x, y = x[rows], y[rows]
        self.fine += len(x)
        if len(x) and self.first_fine is None:
            self.first_fine = (float(x[0]), float(y[0]))
        if len(x) and self.degrees:
            self.degrees = bool(np.abs(x).max() <= _DEGREES[0] and np.abs(y).max() <= _DEGREES[1])

    def join(self, later: Plausible) -> Plausible:
        """Give what is found out about both: first the rows seen here, then those of ``later``."""
        return Plausible(
            self.fine + later.fine,
            self.off + later.off,
            self.first_off or later.first_off,
            self.first_fine or later.first_fine,
            self.degrees and later.degrees,
        )

    def note(self) -> str:
        """What to warn of; empty where there is nothing."""
        if not self.off or self.fine:
            return ""
        return (
            f"no coordinate is in range ({self.off} rows: {self.first_off}); is crs= right, and the order of x= and y=?"
        )

    def require(self, crs: pyproj.CRS, what: str) -> None:
        """Ask that the coordinates can be in their CRS.

        Raises
        ------
        GridError
            If a projected CRS is declared, and every coordinate could be degrees.
        """
        if self.first_fine is not None and self.degrees:
            require_plausible(np.array(self.first_fine[:1]), np.array(self.first_fine[1:]), crs, what)


FEW = 20
"""Of fewer things than this the hint is given only where the axes turned round would bring them into the grid."""


def elsewhere_warning(outside: int, placed: int, what: str, *, turned: bool = False) -> GridWarning | None:
    """Give the warning that is due when most things lie outside: then the coordinates are likely not what they seem.

    Parameters
    ----------
    outside, placed : int
        Things outside the grid, and things with coordinates.
    what : str
        Begins the sentence.
    turned : bool
        Most of what lies outside would lie in the grid if x and y were exchanged.
    """
    if outside <= placed / 2 or (placed < FEW and not turned):
        return None
    return GridWarning(
        f"{what}: {outside:,} of {placed:,} lie outside the grid; are x and y swapped, or is the CRS another one "
        "(GCJ-02 and BD-09 are in no CRS)?"
    )


def _with_ranges(x: Floats, y: Floats, problem: npt.NDArray[np.object_], crs: pyproj.CRS) -> Places:
    """Add the problems of range to those known already."""
    open_rows = np.asarray(pd.isna(problem))
    off = open_rows & (np.isinf(x) | np.isinf(y))
    if crs.is_geographic:
        with np.errstate(invalid="ignore"):
            wide = open_rows & ~off & ~((np.abs(x) <= _DEGREES[0]) & (np.abs(y) <= _DEGREES[1]))
            swapped = wide & (np.abs(x) <= _DEGREES[1]) & (np.abs(y) <= _DEGREES[0])
        problem[swapped] = SWAPPED
        off |= wide & ~swapped
    problem[off] = OUT_OF_RANGE
    troubled = ~np.asarray(pd.isna(problem))
    if not troubled.any():
        return Places(x, y)
    return Places(
        np.where(troubled, np.nan, x), np.where(troubled, np.nan, y), np.asarray(problem == MISSING, bool), problem
    )


def _all_fine(x: Floats, y: Floats, crs: pyproj.CRS) -> bool:
    """Tell whether no row has a problem; a NaN anywhere makes the least and the greatest NaN."""
    if not len(x):
        return True
    most_x, most_y = _DEGREES if crs.is_geographic else (np.finfo(float).max, np.finfo(float).max)
    return bool(x.min() >= -most_x and x.max() <= most_x and y.min() >= -most_y and y.max() <= most_y)


def _numbers(column: pa.Array) -> Floats:
    """Numbers as they are, without a copy where that goes; missing is NaN."""
    if pa.types.is_integer(column.type):
        column = pc.cast(column, pa.float64(), safe=False)
    return np.asarray(column.to_numpy(zero_copy_only=False)).astype(np.float64, copy=False)


def _axis(column: pa.Array, *, comma: bool = False) -> _Axis:
    kind = column.type
    if pa.types.is_null(kind):
        return _Axis(np.full(len(column), np.nan), np.ones(len(column), bool), np.zeros(len(column), bool))
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        numbers = _numbers(column)
        return _Axis(numbers, np.isnan(numbers), np.zeros(len(column), bool))
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    numbers = _numbers_in_text(column) if text else number_or_nan(_cells(column))
    absent = column.is_null().to_numpy(zero_copy_only=False).astype(bool)
    unread = np.flatnonzero(np.isnan(numbers) & ~absent)
    cells = _cells(column.take(pa.array(unread)))
    if comma:
        numbers[unread] = coordinate_numbers(cells, comma=comma)
    absent[unread] = [is_missing(cell) for cell in cells]
    return _Axis(numbers, absent, np.isnan(numbers) & ~absent)


def _numbers_in_text(column: pa.Array) -> Floats:
    """Read text as numbers, as Python does; what is none is NaN."""
    try:
        return np.array(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        pass
    plain = pc.fill_null(pc.match_substring_regex(column, _PLAIN_NUMBER), False).to_numpy(zero_copy_only=False)
    numbers = np.full(len(column), np.nan)
    for rows, read in ((np.flatnonzero(plain), _cast), (np.flatnonzero(~plain), number_or_nan)):
        cells = column.take(pa.array(rows))
        numbers[rows] = read(cells if read is _cast else cells.to_pylist())
    return numbers


def _cast(column: pa.Array) -> Floats:
    try:
        return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:  # too large for a float64
        return number_or_nan(column.to_pylist())


def _cells(column: pa.Array) -> list[Any]:
    """The values of a column as pandas gives them, text as text."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return list(column.to_pylist())
    return list(column.to_pandas().tolist())


def _of_struct(column: pa.Array) -> tuple[Floats, Floats]:
    """The fields x and y, NaN where the point itself is missing."""
    x, y = (np.array(_numbers(pc.struct_field(column, name))) for name in ("x", "y"))
    return x, y


def _of_wkb(column: pa.Array, what: str, first: int) -> tuple[Floats, Floats]:
    """Decode WKB: at once where all are little-endian points, else with GEOS."""
    x, y = np.full(len(column), np.nan), np.full(len(column), np.nan)
    there = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    present = column.drop_null() if column.null_count else column
    if not len(there):
        return x, y
    wide = np.dtype("<i8") if pa.types.is_large_binary(present.type) else np.dtype("<i4")
    _, offsets, data = present.buffers()
    ends = np.frombuffer(offsets, wide, len(present) + 1, present.offset * wide.itemsize)
    size = int(ends[1] - ends[0])
    if size in _WKB_POINTS and (np.diff(ends) == size).all():
        head, names = _WKB_POINTS[size], ["head", "x", "y"]
        layout: Any = {"names": names, "formats": ["S5", "<f8", "<f8"], "offsets": [0, 5, 13], "itemsize": size}
        records = np.frombuffer(data, np.dtype(layout), len(present), int(ends[0]))
        if (records["head"] == head).all():  # NumPy drops the zeros at the end of bytes, on both sides
            x[there], y[there] = records["x"], records["y"]
            return x, y
    shapes = shapely.from_wkb(present.to_numpy(zero_copy_only=False), on_invalid="ignore")
    x[there], y[there] = _of_shapes(shapes, what, first, there)
    return x, y


def _of_shapes(shapes: npt.NDArray[np.object_], what: str, first: int, rows: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    usable = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    single = usable & (shapely.get_type_id(shapes) == 4) & (shapely.get_num_geometries(shapes) == 1)
    shapes[single] = shapely.get_geometry(shapes[single], 0)
    wrong = np.flatnonzero(usable & (shapely.get_type_id(shapes) != 0))
    if len(wrong):
        raise GridError(
            f"{what}: expected Point, got {shapes[wrong[0]].geom_type} in row {first + int(rows[wrong[0]]):,}; for "
            "lines and polygons read the file with read_areas or the like, and say in locate how (by=)."
        )
    x, y = np.full(len(shapes), np.nan), np.full(len(shapes), np.nan)
    x[usable], y[usable] = shapely.get_x(shapes[usable]), shapely.get_y(shapes[usable])
    return x, y
