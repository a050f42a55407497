"""Outlines and points that stand in a column, as well-known text (WKT) or binary (WKB)."""

from __future__ import annotations

import re
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from gridgis.contract import GridError, listed

NAMES = ("geometry", "geom", "wkt", "wkb", "the_geom", "wkb_geometry", "geometry_wkt", "shape", "ewkt", "ewkb", "几何")
"""Columns in which geometry is looked for, in this order, upper or lower case."""

_WORDS = re.compile(
    r"\s*(SRID\s*=\s*(\d+)\s*;)?\s*((MULTI)?(POINT|LINESTRING|POLYGON)|GEOMETRYCOLLECTION|LINEARRING)\b", re.I
)
_HEX = re.compile(r"\s*(00|01)[0-9a-fA-F]{8,}\s*")


def with_shapes(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    """Make a column of WKT or WKB the geometry of a table, where there is one.

    Parameters
    ----------
    frame : DataFrame
    what : str
        The name of the file.

    Returns
    -------
    GeoDataFrame or DataFrame
        With the active column ``geometry`` in the CRS that the texts name (``SRID=``), if they do; ``frame`` itself
        where there is no such column.

    Raises
    ------
    GridError
        If some rows of such a column cannot be read, or they are in several CRS.

    Examples
    --------
    >>> with_shapes(pd.DataFrame({"id": ["7"], "wkt": ["POINT (1 2)"]}), "a.csv").geometry.x.tolist()
    [1.0]
    """
    lower = {str(name).lower(): name for name in reversed(frame.columns.tolist())}
    for name in NAMES:
        column = lower.get(name)
        if column is not None and _holds_shapes(frame[column]):
            return _with_geometry(frame, column, what)
    return frame


def _holds_shapes(values: pd.Series) -> bool:
    """Tell by the first few values whether a column holds geometry."""
    first = values.dropna().head(20).tolist()
    return bool(first) and all(_kind(value) for value in first)


def _kind(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return "binary" if bytes(value)[:1] in (b"\0", b"\1") else ""
    if isinstance(value, str):
        return "words" if _WORDS.match(value) else "hex" if _HEX.fullmatch(value) else ""
    return ""


def _with_geometry(frame: pd.DataFrame, column: Any, what: str) -> gpd.GeoDataFrame:
    shapes: list[Any] = []
    bad, systems = [], set()
    for row, value in enumerate(frame[column].tolist()):
        try:
            shapes.append(None if _is_nothing(value) else _shape(value))
        except (shapely.errors.ShapelyError, ValueError, TypeError):
            bad.append(row)
            continue
        if shapes[-1] is not None:
            systems.add(_system(value, shapes[-1]))
    if bad:
        raise GridError(f"{what}: the geometry in {column} cannot be read in {len(bad)} rows ({listed(bad)}).")
    if len(systems) > 1:
        raise GridError(
            f"{what}: expected the geometry in {column} in one CRS; got the numbers {listed(sorted(systems))}."
        )
    crs = next(iter(systems), 0) or None
    rest = frame.drop(columns=[column])
    plain = gpd.GeoSeries(
        [None if shape is None else shapely.set_srid(shape, 0) for shape in shapes], rest.index, crs=crs
    )
    return gpd.GeoDataFrame(rest, geometry=plain)


def _is_nothing(value: Any) -> bool:
    return (
        value is None
        or (isinstance(value, str) and not value.strip())
        or (pd.api.types.is_scalar(value) and pd.isna(value))
    )


def _shape(value: Any) -> shapely.Geometry:
    kind = _kind(value)
    if kind == "binary":
        return shapely.from_wkb(bytes(value))
    if kind == "hex":
        return shapely.from_wkb(value.strip())
    return shapely.from_wkt(value[value.index(";") + 1 :] if _system(value, None) else value)


def _system(value: Any, shape: shapely.Geometry | None) -> int:
    found = _WORDS.match(value) if isinstance(value, str) else None
    if found and found[2]:
        return int(found[2])
    return 0 if shape is None else int(shapely.get_srid(shape))
