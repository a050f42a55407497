"""What every module asks of a table before it works on it, and the one kind of error it raises.

These are the cheap rules of the contract of a grid - columns, text, uniqueness, CRS - asked at every door. The whole
contract is proven in `gridgis.check`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import geopandas as gpd
import pandas as pd
import pyproj

Grid: TypeAlias = gpd.GeoDataFrame
"""A GeoDataFrame that keeps the contract of this module; an alias, so that signatures can say so."""

CODE = "grid_code"
PARENT = "parent_code"


class GridError(ValueError):
    """Bad input or a broken contract, in one sentence that says what was expected, what came and what to do.

    Parameters
    ----------
    sentence : str
    column : str, optional
        The column with whose name the sentence begins, so that nobody takes it for an argument of the same name.
    """

    def __init__(self, sentence: str = "", *, column: str | None = None):
        super().__init__(sentence)
        self.column = column


class GridWarning(UserWarning):
    """Something was repaired or left out, and the work went on; the sentence says what and where."""


def listed(names: Iterable[object], most: int = 5) -> str:
    """Write the first few names, and how many more there are.

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    all_names = [str(name) for name in names]
    shown = ", ".join(all_names[:most])
    return shown if len(all_names) <= most else f"{shown} and {len(all_names) - most} more"


def text_column(values: Iterable[Any], index: pd.Index | None = None) -> pd.Series:
    """Make a column of text, missing values allowed, of the dtype that this pandas has for text.

    Examples
    --------
    >>> text_column(["a", None]).isna().tolist()
    [False, True]
    """
    return pd.Series(list(values), index=index, dtype=pd.Series(["text"]).dtype)


def require_frame(frame: object, what: str, columns: Sequence[str] = ()) -> gpd.GeoDataFrame:
    """Ask that ``frame`` is a GeoDataFrame with ``columns``; return it.

    Raises
    ------
    GridError
        If it is anything else, a column is missing, or two have one name.
    """
    if not isinstance(frame, gpd.GeoDataFrame):
        raise GridError(f"{what}: expected a GeoDataFrame, got {type(frame).__name__}; read it with gridgis.read_*.")
    require_columns_once(frame, what)
    try:
        _ = frame.geometry
    except AttributeError:
        raise GridError(f"{what}: the table has no active geometry column; use set_geometry.") from None
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise GridError(
            f"{what}: expected the columns {listed(columns, 9)}; {listed(missing)} missing (there are: "
            f"{listed(frame.columns, 12)})."
        )
    return frame


def require_metre_crs(crs: object, what: str) -> pyproj.CRS:
    """Ask for a projected CRS in metres; return it as `pyproj.CRS`.

    Raises
    ------
    GridError
        If the CRS is missing, geographic, in another unit, or Web Mercator (whose metres are not metres).

    Examples
    --------
    >>> require_metre_crs(4547, "areas").name
    'CGCS2000 / 3-degree Gauss-Kruger CM 114E'
    """
    if crs is None:
        raise GridError(f"{what}: the CRS is missing; read the file with gridgis.read_*, or name it with set_crs.")
    known = pyproj.CRS.from_user_input(crs)
    if not known.is_projected:
        raise GridError(f"{what}: expected a projected CRS in metres, got {known.name}; reproject with to_crs.")
    units = {axis.unit_name for axis in known.axis_info[:2]}
    if units != {"metre"}:
        raise GridError(f"{what}: expected a CRS in metres, got {known.name} in {listed(sorted(units))}.")
    if _is_web_mercator(known):
        raise GridError(f"{what}: Web Mercator (EPSG:3857) inflates areas; use a CGCS2000 or UTM zone.")
    return known


@lru_cache(64)
def _is_web_mercator(crs: pyproj.CRS) -> bool:
    return crs.to_epsg() == 3857


def require_same_crs(first: object, second: object, what: str) -> None:
    """Ask that two tables have one CRS.

    Raises
    ------
    GridError
        If they differ; the sentence names both.
    """
    one, two = (None if crs is None else pyproj.CRS.from_user_input(crs) for crs in (first, second))
    if one is None or two is None or not one.equals(two, ignore_axis_order=True):
        names = [("no CRS" if crs is None else f"{crs.name}") for crs in (one, two)]
        raise GridError(f"{what}: expected one CRS, got {names[0]} and {names[1]}; read both with the same crs=.")


def require_columns_once(frame: pd.DataFrame, what: str) -> None:
    """Ask that no two columns have one name.

    Raises
    ------
    GridError
        If two do; the sentence names the first five.
    """
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()].unique()
        raise GridError(f"{what}: expected each column once; more than once: {listed(twice)}; rename or drop one.")


def require_text(frame: pd.DataFrame, column: str, what: str) -> None:
    """Ask that a column of codes is text without missing values.

    Raises
    ------
    GridError
        If a value is a number or missing; the sentence names the first five rows.
    """
    known_text = isinstance(frame[column].dtype, pd.StringDtype) and frame[column].notna().all()
    if known_text and frame[column].ne("").all():
        return
    bad = [(index, value) for index, value in frame[column].items() if not isinstance(value, str) or not value]
    if bad:
        value = bad[0][1]
        raise GridError(
            f"{what}: expected text in {column}, got {value!r} ({type(value).__name__}) in rows "
            f"{listed(index for index, _ in bad)}; "
            "a code is text, never a number, else leading zeros and long digits are lost."
        )


def require_unique(frame: pd.DataFrame, column: str, what: str) -> None:
    """Ask that no value of a column stands twice.

    Raises
    ------
    GridError
        If one does; the sentence names the first five values.
    """
    values = frame[column].array
    text = isinstance(frame[column].dtype, pd.StringDtype) and not values.isna().any()
    if text and (values[1:] > values[:-1]).all():
        return  # in order, as a grid is: several times faster to see
    twice = frame[column][frame[column].duplicated()].unique()
    if len(twice):
        raise GridError(f"{what}: expected each {column} once; more than once: {listed(twice)}.")


def require_grid(grid: object, what: str = "grid") -> Grid:
    """Ask for the cheap part of the contract: columns, text codes, unique codes, a metre CRS; return the grid.

    Raises
    ------
    GridError
        If a rule is broken.
    """
    frame = require_frame(grid, what, [CODE, PARENT])
    require_metre_crs(frame.crs, what)
    require_text(frame, CODE, what)
    require_text(frame, PARENT, what)
    require_unique(frame, CODE, what)
    return frame
