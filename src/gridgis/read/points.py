"""Read people, buildings as points, and events: every row stays, in its order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from gridgis.contract import GridError, listed, text_column
from gridgis.crs import known_crs, require_plausible
from gridgis.read.opening import Report, Source, has_geometry, open_table
from gridgis.read.shapes_in_text import with_shapes
from gridgis.read.tidying import column, declared_crs, number_or_nan, require_types

PROBLEM = "coordinate_problem"

NOTHING = frozenset(
    (
        *("", "nan", "null", "<null>", "(null)", "nil", "none", "n/a", "#n/a", "na", "n.a.", "<na>", "nat"),
        *("-", "--", "---", "—", "——", "–", "−", "/", "\\", "\\n", "?", "？"),
        *("无", "無", "空", "未知", "暂无", "不详", "缺失", "缺"),
    )
)
"""What stands in a column of coordinates, in small letters, where there are none."""

DECIMAL_COMMAS = "coordinates with a decimal comma were read with it"

_THOUSANDS = re.compile(r"[+-]?\d{1,3},\d{3}", re.ASCII)
_LOOKED_AT = 1 << 18
_DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)


def read_points(
    path: Source,
    *,
    x: str | None = None,
    y: str | None = None,
    crs: object = None,
    layer: str | None = None,
    encoding: str | None = None,
    header: int | None = None,
) -> gpd.GeoDataFrame:
    r"""Read a table of places - people, buildings, events - without losing a row.

    Parameters
    ----------
    path : path, DataFrame or GeoDataFrame
        CSV, TSV, XLSX or Parquet with two columns of coordinates or a column of points in WKT or WKB; a file of points
        in any format of `read_areas`, or GPX; or a table that is there already.
    x, y : str, optional
        Columns of the coordinates: longitude (or easting) and latitude (or northing). Needed for a table; where they
        are named for a file of points, they count and not its geometry.
    crs : int, str or pyproj.CRS, optional
        The CRS of the coordinates. Needed for a table, and for a file that declares none. Coordinates of Chinese web
        maps (GCJ-02, BD-09) are in no CRS and must be converted first.
    layer : str, optional
        Layer of the file (sheet of a workbook, else the first).
    encoding, header
        As in `read_areas`.

    Returns
    -------
    GeoDataFrame
        The rows and columns of the file, CSV, TSV and XLSX as text (str; empty is missing), and
        ``coordinate_problem`` (str, missing where all is well: ``missing``, ``not a number: 'abc'``,
        ``out of range`` or ``longitude and latitude look swapped``) and ``geometry`` (Point, 2-D, None where there is
        a problem), in the CRS declared; index 0, 1, 2, ...

    Raises
    ------
    GridError
        If the file cannot be read, a column is not there, the CRS is not named, the CRS contradicts the file, or the
        geometry is other than points.

    Warns
    -----
    GridWarning
        If the text was not UTF-8, no coordinate at all is in range, or many rows lie on one spot.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "events.csv"
    ...     _ = file.write_text("id,lon,lat\n007,113.12,36.19\n008,,36.2\n", encoding="utf-8")
    ...     events = read_points(file, x="lon", y="lat", crs=4326)
    >>> events["id"].tolist(), events.geometry.notna().tolist(), events["coordinate_problem"].tolist()[1]
    (['007', '008'], [True, False], 'missing')
    """
    report = Report(path)
    text: dict[str, Any] = {"encoding": encoding, "header": header, "wanted": (x, y)}
    frame = open_table(path, report, layer=layer, prefer=["points", "waypoints"], **text)
    if x is None and y is None and not has_geometry(frame):
        frame = with_shapes(frame, report.name)
    if (x is None) != (y is None):
        raise GridError(f"{report.name}: expected both x= and y=, got one of them.")
    if x is not None and y is not None:
        points = _from_columns(frame, x, y, crs, report)
    elif has_geometry(frame):
        points = _from_geometry(gpd.GeoDataFrame(frame), crs, report)
    else:
        raise GridError(
            f"{report.name}: a table needs x= and y=, its columns of coordinates; there are "
            f"{listed(frame.columns, 20)}."
        )
    report.tell()
    return points


def _from_columns(frame: pd.DataFrame, x: str, y: str, crs: object, report: Report) -> gpd.GeoDataFrame:
    if crs is None:
        raise GridError(
            f"{report.name}: a table needs crs=, the CRS of {x} and {y}: 4326 or 4490 for degrees (GCJ-02 and BD-09 "
            "must be converted first), the EPSG number of the zone for metres."
        )
    known = known_crs(crs, "crs=")
    if has_geometry(frame):
        frame = pd.DataFrame(frame.drop(columns=frame.columns[frame.columns == "geometry"]))
    elif "geometry" in frame.columns:
        raise GridError(f"{report.name}: the table has a column geometry that is no geometry; rename it.")
    columns = [column(frame, name, report.name, option) for name, option in ((x, "x="), (y, "y="))]
    raw = [values.tolist() for values in columns]
    comma = has_decimal_commas((cell for pair in zip(*raw, strict=True) for cell in pair), degrees=known.is_geographic)
    read = [coordinate_numbers(values, comma=comma) for values in raw]
    if comma:
        report.note(DECIMAL_COMMAS)
    words = _words(raw[0], raw[1], read[0], read[1], known)
    return _attach(frame, read[0], read[1], words, known, report)


def _from_geometry(frame: gpd.GeoDataFrame, crs: object, report: Report) -> gpd.GeoDataFrame:
    known = declared_crs(frame, report.path, crs, option="crs=")
    shapes = frame.geometry.to_numpy().copy()
    there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    single = there & (shapely.get_type_id(shapes) == 4) & (shapely.get_num_geometries(shapes) == 1)
    shapes[single] = shapely.get_geometry(shapes[single], 0)
    frame = frame.set_geometry(gpd.GeoSeries(shapes, frame.index, crs=frame.crs))
    require_types(frame[there], ("Point",), report.name)
    x, y = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    x[there], y[there] = shapely.get_x(shapes[there]), shapely.get_y(shapes[there])
    words = _words(x.tolist(), y.tolist(), x, y, known)
    return _attach(frame.drop(columns="geometry"), x, y, words, known, report)


def _words(x_cells: list[Any], y_cells: list[Any], x: np.ndarray, y: np.ndarray, crs: pyproj.CRS) -> list[str | None]:
    """Say of each row what is wrong with its place."""
    good = np.isfinite(x) & np.isfinite(y)
    if crs.is_geographic:
        good &= (abs(x) <= 180) & (abs(y) <= 90)
    words: list[str | None] = [None] * len(x)
    for row in np.flatnonzero(~good).tolist():
        words[row] = _word(x_cells[row], y_cells[row], float(x[row]), float(y[row]), crs)
    return words


def _word(x_cell: Any, y_cell: Any, x: float, y: float, crs: pyproj.CRS) -> str | None:
    """Say what is wrong with a place; None where nothing is."""
    empty = [is_missing(cell) for cell in (x_cell, y_cell)]
    for cell, value, absent in ((x_cell, x, empty[0]), (y_cell, y, empty[1])):
        if not absent and np.isnan(value):
            return f"not a number: {str(cell)!r}"
    if any(empty):
        return "missing"
    if np.isinf(x) or np.isinf(y):
        return "out of range"
    if crs.is_geographic and not (abs(x) <= 180 and abs(y) <= 90):
        return "longitude and latitude look swapped" if abs(x) <= 90 and abs(y) <= 180 else "out of range"
    return None


def is_missing(cell: Any) -> bool:
    """Tell whether a field of coordinates holds nothing, or one of the words that stand for it.

    Examples
    --------
    >>> is_missing(" nan"), is_missing(None), is_missing("N/A"), is_missing("0")
    (True, True, True, False)
    """
    if isinstance(cell, str):
        return cell.strip().strip("'\u3000\ufeff\u200b").lower() in NOTHING
    return bool(pd.isna(cell))


STACK, STACK_SHARE, STACKED_SHARE = 20, 0.05, 0.5
"""So many rows on one spot are told where they are such a share of all, or such a share of all rows is stacked."""


def stacks_note(x: np.ndarray, y: np.ndarray) -> str:
    """Say that many rows share a coordinate, as where a geocoder knew no better; empty where they do not.

    Examples
    --------
    >>> stacks_note(np.r_[np.zeros(30), np.arange(70)], np.zeros(100))
    '31 % of the rows share a coordinate; the largest stack has 31'
    """
    if len(x) < STACK:
        return ""
    order = np.lexsort((y, x))
    first = np.flatnonzero(np.r_[True, (np.diff(x[order]) != 0) | (np.diff(y[order]) != 0)])
    counts = np.diff(np.r_[first, len(x)])
    largest, stacked = int(counts.max()), int(counts[counts > 1].sum())
    if largest < STACK or not (largest >= STACK_SHARE * len(x) or stacked > STACKED_SHARE * len(x)):
        return ""
    return f"{stacked / len(x):.0%} of the rows share a coordinate; the largest stack has {largest:,}".replace(
        "%", " %"
    )


def has_decimal_commas(cells: Iterable[Any], *, degrees: bool) -> bool:
    """Tell whether coordinates are written with a decimal comma: some have one, and none has a decimal point.

    In metres ``420,050`` may as well be four hundred and twenty thousand, and is no proof.

    Examples
    --------
    >>> has_decimal_commas(["113,11", "-"], degrees=True), has_decimal_commas(["113,11", "113.12"], degrees=True)
    (True, False)
    """
    found = False
    for place, cell in enumerate(cells):
        if place == _LOOKED_AT and not found:
            return False
        if isinstance(cell, str):
            if _DECIMAL_POINT.fullmatch(cell.strip()):
                return False
            if _DECIMAL_COMMA.fullmatch(cell.strip()):
                found = found or degrees or not _THOUSANDS.fullmatch(cell.strip())
        elif isinstance(cell, float) and not np.isnan(cell):
            return False
    return found


def coordinate_numbers(cells: Iterable[Any], *, comma: bool) -> np.ndarray:
    """Read fields as float64, with a decimal comma where they have one; NaN where they are no numbers."""
    if not comma:
        return number_or_nan(cells)
    return number_or_nan(
        [
            cell.replace(",", ".") if isinstance(cell, str) and _DECIMAL_COMMA.fullmatch(cell.strip()) else cell
            for cell in cells
        ]
    )


def _attach(
    frame: pd.DataFrame, x: np.ndarray, y: np.ndarray, words: list[str | None], crs: pyproj.CRS, report: Report
) -> gpd.GeoDataFrame:
    fine = np.array([word is None for word in words], dtype=bool)
    off = [word for word in words if word == "out of range" or (word or "").startswith("longitude")]
    if off and not fine.any():
        report.note(
            f"no coordinate is in range ({len(off)} rows: {off[0]}); is crs= right, and the order of x= and y=?"
        )
    require_plausible(x[fine], y[fine], crs, report.name)
    stacked = stacks_note(x[fine], y[fine])
    if stacked:
        report.note(stacked)
    shapes = np.full(len(frame), None, dtype=object)
    shapes[fine] = shapely.points(x[fine], y[fine])
    table = frame.assign(**{PROBLEM: text_column(words)})
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, table.index, crs=crs))
