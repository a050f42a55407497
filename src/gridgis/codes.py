"""Codes: a scheme is data, a code is text, and the order of the serial numbers is written down."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from gridgis.contract import (
    CODE,
    PARENT,
    Grid,
    GridError,
    listed,
    require_frame,
    require_metre_crs,
    require_text,
    require_unique,
    text_column,
)

CHARSETS = {
    "digits": "0123456789",
    "letters": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "alphanumeric": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}
"""The characters that a field may hold, by name."""

ORDER = "rows from north to south, west to east within a row"
"""The one order of serial numbers: see `assign_codes`."""

PREVIOUS = "previous_code"
"""The column with the code of the cell that a cell goes on from."""


@dataclass(frozen=True)
class CodeField:
    """One part of a code.

    Attributes
    ----------
    name : str
        What it names: county, street, community, serial.
    width : int
        Number of characters, always filled.
    low, high : int or None
        The range of a field of digits, both ends in; None = no limit.
    charset : str
        A key of `CHARSETS`.
    """

    name: str
    width: int
    low: int | None = None
    high: int | None = None
    charset: str = "digits"

    def __post_init__(self) -> None:
        """Refuse a field that no code could fit."""
        if self.width < 1:
            raise GridError(f"field {self.name}: expected a width of 1 or more, got {self.width}.")
        if self.charset not in CHARSETS:
            raise GridError(f"field {self.name}: expected a charset of {listed(CHARSETS)}, got {self.charset!r}.")
        if self.charset != "digits" and (self.low is not None or self.high is not None):
            raise GridError(f"field {self.name}: only a field of digits has a range; leave out low and high.")
        if self.charset == "digits" and not 0 <= self.lowest <= self.highest < 10**self.width:
            raise GridError(f"field {self.name}: {self.lowest} to {self.highest} does not fit {self.width} digits.")

    @property
    def lowest(self) -> int:
        """The lowest number that the field may hold."""
        return 0 if self.low is None else self.low

    @property
    def highest(self) -> int:
        """The highest number that the field may hold."""
        return 10**self.width - 1 if self.high is None else self.high

    def problem(self, text: str) -> str | None:
        """Say what is wrong with the text of this field, or None."""
        strange = sorted(set(text) - set(CHARSETS[self.charset]))
        if strange:
            return f"{self.name} {text!r} should be {self.charset}"
        if self.charset == "digits" and not self.lowest <= int(text) <= self.highest:
            return f"{self.name} {text} should lie in {self.lowest:0{self.width}d} to {self.highest:0{self.width}d}"
        return None


@dataclass(frozen=True)
class CodeScheme:
    """The layout of a grid code: fields from left to right, the last one the serial number within the parent.

    Attributes
    ----------
    name : str
        Kept beside the codes: two schemes may have codes of one length.
    fields : tuple of CodeField
        At least two; the last is the serial, of digits, and all before it are the code of the parent.
    source : str
        The document that the layout comes from.

    Examples
    --------
    >>> scheme = CodeScheme("beats", (CodeField("district", 2, charset="letters"), CodeField("serial", 3, 1)))
    >>> scheme.code("NE", 7), scheme.parent_of("NE007"), scheme.problem("NE000")
    ('NE007', 'NE', 'serial 000 should lie in 001 to 999')
    """

    name: str
    fields: tuple[CodeField, ...]
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse a scheme that could not give codes."""
        object.__setattr__(self, "fields", tuple(self.fields))
        names = [field.name for field in self.fields]
        if len(self.fields) < 2 or len(set(names)) < len(names):
            raise GridError(f"scheme {self.name}: expected two or more fields of different names, got {listed(names)}.")
        if self.serial.charset != "digits":
            raise GridError(f"scheme {self.name}: the last field is the serial and must be digits.")

    @classmethod
    def unit_grid(cls) -> CodeScheme:
        """Give the unit grid of 15 digits: county 6, street or town 3, community or village 3, serial 3.

        Ranges: GB/T 2260 for the county, GB/T 10114 for the street (001-599), the statistical coding rules of
        2009 for the community (001-599); the serial runs from 001 to 999 within the community.

        Examples
        --------
        >>> CodeScheme.unit_grid().parse("140402001002007")
        {'county': '140402', 'street': '001', 'community': '002', 'serial': '007'}
        """
        return cls(
            "unit grid",
            (
                CodeField("county", 6, 100000, 999999),
                CodeField("street", 3, 1, 599),
                CodeField("community", 3, 1, 599),
                CodeField("serial", 3, 1, 999),
            ),
            "unit grid of digital city management: GB/T 30428.1-2013, CJ/T 213-2005; layout as in DB11/T 2157-2023",
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CodeScheme:
        """Make a scheme from plain values, the inverse of `to_dict`.

        Raises
        ------
        GridError
            If a key is missing or unknown.

        Examples
        --------
        >>> CodeScheme.from_dict(CodeScheme.unit_grid().to_dict()) == CodeScheme.unit_grid()
        True
        """
        try:
            fields = tuple(CodeField(**field) for field in values["fields"])
            return cls(str(values["name"]), fields, str(values.get("source", "")))
        except (KeyError, TypeError) as error:
            raise GridError(
                "code scheme: expected name, fields (each with name, width, and low, high or charset) and source; "
                f"{error} does not fit."
            ) from None

    def to_dict(self) -> dict[str, Any]:
        """Give the scheme as plain values, ready for JSON or TOML."""
        fields = [{key: value for key, value in asdict(field).items() if value is not None} for field in self.fields]
        return {"name": self.name, "source": self.source, "order": ORDER, "fields": fields}

    @property
    def serial(self) -> CodeField:
        """The last field."""
        return self.fields[-1]

    @property
    def width(self) -> int:
        """Number of characters of a code."""
        return sum(field.width for field in self.fields)

    def parse(self, code: str) -> dict[str, str]:
        """Take a code apart.

        Raises
        ------
        GridError
            If the code does not fit; the sentence says which field.
        """
        problem = self.problem(code)
        if problem:
            raise GridError(f"code {code!r} does not fit the scheme {self.name}: {problem}.")
        return dict(self._parts(code, self.fields))

    def problem(self, code: object) -> str | None:
        """Say what is wrong with a code, or None.

        Examples
        --------
        >>> CodeScheme.unit_grid().problem("14040200100200")
        '15 characters expected, got 14'
        """
        return self._problem(code, self.fields)

    def parent_problem(self, code: object) -> str | None:
        """Say what is wrong with the code of a parent, or None."""
        return self._problem(code, self.fields[:-1])

    def parent_of(self, code: str) -> str:
        """Give the code of the parent: all but the serial."""
        return code[: -self.serial.width]

    def code(self, parent: str, serial: int) -> str:
        """Write a code.

        Raises
        ------
        GridError
            If the parent does not fit, or the serial is out of its range.
        """
        problem = self.parent_problem(parent)
        if problem:
            raise GridError(f"parent {parent!r} does not fit the scheme {self.name}: {problem}.")
        if not self.serial.lowest <= serial <= self.serial.highest:
            raise GridError(
                f"parent {parent}: serial {serial} is out of {self.serial.lowest} to {self.serial.highest}; "
                "make larger cells, divide the parent, or take a scheme with a wider serial."
            )
        return f"{parent}{serial:0{self.serial.width}d}"

    def _parts(self, code: str, fields: tuple[CodeField, ...]) -> list[tuple[str, str]]:
        ends = np.cumsum([field.width for field in fields]).tolist()
        return [(field.name, code[end - field.width : end]) for field, end in zip(fields, ends, strict=True)]

    def _problem(self, code: object, fields: tuple[CodeField, ...]) -> str | None:
        width = sum(field.width for field in fields)
        if not isinstance(code, str):
            return f"text expected, got {type(code).__name__}"
        if len(code) != width:
            return f"{width} characters expected, got {len(code)}"
        problems = (field.problem(text) for field, (_, text) in zip(fields, self._parts(code, fields), strict=True))
        return next((problem for problem in problems if problem), None)


def assign_codes(
    cells: gpd.GeoDataFrame, scheme: CodeScheme, *, row_height_m: float | None = None, used: Iterable[str] = ()
) -> Grid:
    """Give each cell its code: the code of the parent and a serial number within it.

    The order is that of reading a page: rows from north to south, west to east within a row. The anchor of a cell
    is its representative point. Rows are counted down from the northernmost anchor of the parent; a row is
    ``row_height_m`` high, by default the square root of the mean cell area of the parent. Cells of a row with
    one easting go by northing, then by outline.

    Codes are issued once. A cell with a ``previous_code`` keeps it; the others of its parent get serials above all
    that are kept, and above all in ``used``.

    Parameters
    ----------
    cells : GeoDataFrame
        ``parent_code`` and polygons in a metre CRS, as `divide` makes them; ``previous_code`` (text, empty or missing
        for a new cell), where there was a grid before.
    scheme : CodeScheme
        The layout.
    row_height_m : float, optional
        Height of a row, metres.
    used : iterable of str
        Codes that were ever issued, retired ones too, such as all of the grid before. None of them is given to a new
        cell. Those of another scheme do no harm.

    Returns
    -------
    GeoDataFrame
        The same cells and columns with ``grid_code`` (text) first, sorted by it, index 0, 1, 2, ...

    Raises
    ------
    GridError
        If a parent does not fit the scheme, has more cells than serials, or cells have codes already; if a
        ``previous_code`` stands twice, or does not fit the scheme or the parent of its cell.

    Examples
    --------
    >>> cells = example.grid.drop(columns="grid_code")
    >>> assign_codes(cells, CodeScheme.unit_grid())["grid_code"].tolist()[:2]
    ['990101001001001', '990101001001002']
    >>> cells["previous_code"] = ["990101001001001", "", "", "990101001002002"]  # the second and third cell are new
    >>> assign_codes(cells, CodeScheme.unit_grid(), used=example.grid["grid_code"])["grid_code"].tolist()
    ['990101001001001', '990101001001003', '990101001002002', '990101001002003']
    """
    frame = require_frame(cells, "cells", [PARENT])
    require_metre_crs(frame.crs, "cells")
    require_text(frame, PARENT, "cells")
    if CODE in frame.columns:
        raise GridError("cells: they have codes already, and a code is issued once; drop grid_code to start anew.")
    if row_height_m is not None and not (math.isfinite(row_height_m) and row_height_m > 0):
        raise GridError(f"row_height_m: expected metres above 0, got {row_height_m}.")
    parents = frame[PARENT].to_numpy(object)
    _require_parents(parents, scheme)
    codes = _kept_codes(frame, scheme)
    last = _last_serials([*codes, *_used_codes(used)], scheme)
    for parent in sorted(set(parents)):
        here = np.flatnonzero(parents == parent)
        order = here[reading_order(frame.geometry.to_numpy()[here], row_height_m)]
        new, first = order[codes[order] == ""], last.get(parent, scheme.serial.lowest - 1) + 1
        codes[new] = [scheme.code(parent, first + i) for i in range(len(new))]
    grid = frame.copy()
    grid.insert(0, CODE, text_column(codes, frame.index))
    return grid.sort_values(CODE, kind="stable").reset_index(drop=True)


def _kept_codes(frame: gpd.GeoDataFrame, scheme: CodeScheme) -> npt.NDArray[np.object_]:
    """The codes that cells have from the grid before; empty for the others."""
    if PREVIOUS not in frame.columns:
        return np.full(len(frame), "", object)
    missing = (frame[PREVIOUS].isna() | (frame[PREVIOUS] == "")).to_numpy(bool)
    kept = frame[~missing]
    require_text(kept, PREVIOUS, "cells")
    require_unique(kept, PREVIOUS, "cells")
    problems = {code: problem for code in kept[PREVIOUS] if (problem := scheme.problem(code))}
    if problems:
        raise GridError(
            f"cells: {len(problems)} codes in {PREVIOUS} do not fit the scheme {scheme.name} "
            f"({next(iter(problems.values()))}): {listed(problems)}."
        )
    pairs = zip(kept[PREVIOUS], kept[PARENT], strict=True)
    strange = [f"{code} in {parent}" for code, parent in pairs if scheme.parent_of(code) != parent]
    if strange:
        raise GridError(
            f"cells: {len(strange)} codes in {PREVIOUS} are of another parent than their cell: {listed(strange)}; "
            "such a cell is a new one, so leave its code out."
        )
    codes = frame[PREVIOUS].to_numpy(object, copy=True)
    codes[missing] = ""
    return codes


def _used_codes(used: Iterable[str]) -> list[str]:
    """Codes that may not come back; numbers among them could not be compared."""
    codes = [used] if isinstance(used, str) else list(used)
    wrong = [repr(code) for code in codes if not isinstance(code, str)]
    if isinstance(used, str) or wrong:
        came = f"a text, {used!r}" if isinstance(used, str) else f"other values among them: {listed(wrong)}"
        raise GridError(f"used: expected a list of codes, all of them text, got {came}.")
    return codes


def _last_serials(codes: Iterable[str], scheme: CodeScheme) -> dict[str, int]:
    """The highest serial of each parent; codes of another scheme are passed over."""
    last: dict[str, int] = {}
    for code in codes:
        if code and scheme.problem(code) is None:
            parent = scheme.parent_of(code)
            last[parent] = max(last.get(parent, 0), int(code[len(parent) :]))
    return last


def _require_parents(parents: npt.NDArray[np.object_], scheme: CodeScheme) -> None:
    """All parents that do not fit, in one sentence."""
    problems = {parent: scheme.parent_problem(parent) for parent in sorted(set(parents))}
    bad = [parent for parent, problem in problems.items() if problem]
    if bad:
        raise GridError(
            f"cells: {len(bad)} parent codes do not fit the scheme {scheme.name} ({problems[bad[0]]}): {listed(bad)}."
        )


def reading_order(cells: npt.NDArray[np.object_], row_height_m: float | None = None) -> npt.NDArray[np.intp]:
    """Order polygons as words on a page; see `assign_codes`.

    Parameters
    ----------
    cells : array of Polygon
    row_height_m : float, optional
        Height of a row, metres; by default the square root of the mean area.

    Returns
    -------
    array of int
        Positions of the cells in reading order.

    Examples
    --------
    >>> import numpy as np, shapely
    >>> reading_order(np.array([shapely.box(x, y, x + 10, y + 10) for x, y in [(10, 0), (0, 0), (10, 10), (0, 10)]]))
    array([3, 2, 1, 0])
    """
    anchors = shapely.point_on_surface(cells)
    x, y = shapely.get_x(anchors).round(3), shapely.get_y(anchors).round(3)
    height = row_height_m or float(np.sqrt(shapely.area(cells).mean()))
    rows = np.floor((y.max() - y) / height).astype(int)
    outlines = shapely.to_wkb(shapely.normalize(cells))
    return np.array(sorted(range(len(cells)), key=lambda i: (rows[i], x[i], -y[i], outlines[i])), np.intp)


def parent_code(code: str, scheme: CodeScheme) -> str:
    """Give the code of the parent of a cell.

    Parameters
    ----------
    code : str
    scheme : CodeScheme

    Returns
    -------
    str
        All of the code but the serial.

    Raises
    ------
    GridError
        If the code does not fit the scheme.

    Examples
    --------
    >>> parent_code("140402001002007", CodeScheme.unit_grid())
    '140402001002'
    """
    scheme.parse(code)
    return scheme.parent_of(code)
