"""Read back what was written: a grid, or any table."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd

from gridgis.contract import CODE, PARENT, Grid, require_grid
from gridgis.cover import unwrapped
from gridgis.read.opening import Report, Source, open_features, open_table
from gridgis.read.tidying import clean_codes, in_metres

CODES = (CODE, PARENT, "code", "building_id")


def read_grid(
    path: Source, *, layer: str | None = None, encoding: str | None = None, header: int | None = None
) -> Grid:
    """Read a grid from a file, as it stands; nothing is repaired. MultiPolygons of one part come back as Polygons.

    Parameters
    ----------
    path : path, GeoDataFrame or DataFrame
        Any format of `read_areas`, or a table that is there already.
    layer : str, optional
        Layer of the file; without it ``grid``, or the only one.
    encoding, header
        As in `read_areas`.

    Returns
    -------
    GeoDataFrame
        All columns of the file, ``grid_code`` and ``parent_code`` as str. A grid in degrees (GeoJSON always is) comes
        back in the metre CRS of its centre.

    Raises
    ------
    GridError
        If the file cannot be read, or is no grid: a column, a code or the CRS is missing, or a code stands twice.

    Warns
    -----
    GridWarning
        If codes were whole numbers or had spaces.

    Examples
    --------
    >>> import tempfile
    >>> from shapely import box
    >>> columns = {"grid_code": ["01010101"], "parent_code": ["010101"]}
    >>> cell = gpd.GeoDataFrame(columns, geometry=[box(5e5, 4e6, 5e5 + 9, 4e6 + 9)], crs=4547)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cell.to_file(f"{folder}/grid.gpkg")
    ...     read_grid(f"{folder}/grid.gpkg")["grid_code"].tolist()
    ['01010101']
    """
    report = Report(path)
    text: dict[str, Any] = {"encoding": encoding, "header": header, "wanted": (CODE, PARENT)}
    frame = _with_text_codes(open_features(path, report, layer=layer, prefer=["grid"], **text), (CODE, PARENT), report)
    frame = gpd.GeoDataFrame(frame)
    frame = frame.set_geometry(gpd.GeoSeries(unwrapped(frame.geometry.to_numpy()), frame.index, crs=frame.crs))
    if frame.crs is not None and frame.crs.is_geographic and len(frame):
        frame = in_metres(frame, frame.crs, None, report.name)
    grid = require_grid(frame, report.name)
    report.tell()
    return grid


def read_table(
    path: Source, *, layer: str | None = None, encoding: str | None = None, header: int | None = None
) -> pd.DataFrame:
    r"""Read a table as it stands.

    Parameters
    ----------
    path : path, DataFrame or GeoDataFrame
        Any format of `read_areas` and `read_points`, or a table that is there already.
    layer : str, optional
        Layer of the file (sheet of a workbook, else the first); without it ``table``, or the only one.
    encoding, header
        As in `read_areas`.

    Returns
    -------
    GeoDataFrame or DataFrame
        A GeoDataFrame in the CRS of the file where it has geometry. The columns of CSV, TSV and XLSX are text (str;
        empty is missing); elsewhere they have their types, and ``grid_code``, ``parent_code``, ``code`` and
        ``building_id`` are str.

    Raises
    ------
    GridError
        If the file cannot be read, or a code was a floating-point number.

    Warns
    -----
    GridWarning
        If the text was not UTF-8, or codes were whole numbers or had spaces.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "people.csv"
    ...     _ = file.write_text("grid_code,persons\n0101,3\n", encoding="utf-8")
    ...     read_table(file).values.tolist()
    [['0101', '3']]
    """
    report = Report(path)
    frame = open_table(path, report, layer=layer, prefer=["table"], encoding=encoding, header=header)
    frame = _with_text_codes(frame, CODES, report, missing=True)
    report.tell()
    return frame


def _with_text_codes(
    frame: pd.DataFrame, names: tuple[str, ...], report: Report, *, missing: bool = False
) -> pd.DataFrame:
    there = [name for name in names if name in frame.columns]
    return frame.assign(**{name: clean_codes(frame[name], report, missing=missing) for name in there})
