"""Mend what was read: codes to text, geometry to valid 2-D shapes in metres. Rows are named by the index."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from gridgis import antimeridian
from gridgis import crs as systems
from gridgis.contract import GridError, listed, require_metre_crs, text_column
from gridgis.read.drivers import declares_crs
from gridgis.read.notes import Report

POLYGONS = ("Polygon", "MultiPolygon")

_FULL_WIDTH = {
    wide: wide - 0xFEE0 for span in ("０９", "Ａ Ｚ", "ａ ｚ") for wide in range(ord(span[0]), ord(span[-1]) + 1)
}
_UNSEEN = "\ufeff\u200b"
_SPREADSHEET = re.compile(r"[+-]?\d+([.,]\d+)?[eE]\+?\d+|\d{6,}\.0+")


def column(frame: pd.DataFrame, name: str, what: str, option: str) -> pd.Series:
    """Give a column of the file, or say which there are.

    Raises
    ------
    GridError
        If there is none of this name.
    """
    if name not in frame.columns:
        there = [repr(str(other)) for other in frame.columns if other != "geometry"]
        raise GridError(f"{what}: no column {name!r} ({option}); there are {listed(there, 20) or 'none'}.")
    return frame[name]


def clean_codes(values: pd.Series, report: Report, *, missing: bool = False) -> pd.Series:
    """Make a column of codes text, and say what was done.

    Parameters
    ----------
    values : Series
        Text or whole numbers.
    report : Report
        Takes notes.
    missing : bool
        Let missing values pass.

    Returns
    -------
    Series of str, with the index of ``values``.

    Raises
    ------
    GridError
        If a code is missing or has gone through a floating-point number; all such rows are named.
    """
    raw = values.tolist()
    codes = [_code(value) for value in raw]
    rows = list(values.index)
    absent = [row for row, code in zip(rows, codes, strict=True) if code is None]
    # Whole numbers with a gap among them arrive as floats; the gap is then the fault to name.
    floats = [row for row, value in zip(rows, raw, strict=True) if _went_through_float(value)]
    if absent and not missing:
        raise GridError(f"{report.name}: expected a code in every row of {values.name}; none in rows {listed(absent)}.")
    if floats:
        example = raw[rows.index(floats[0])]
        raise GridError(
            f"{report.name}: expected text in {values.name}, got floating-point numbers such as {example!r} in rows "
            f"{listed(floats)}; leading zeros and digits beyond the 15th are lost. Take the codes from the source as "
            "text."
        )
    if any(isinstance(value, int | np.integer) for value in raw):
        report.note(f"whole numbers in {values.name} became text; leading zeros, if there were any, are lost")
    changed = [
        repr(value)
        for value, code in zip(raw, codes, strict=True)
        if isinstance(value, str) and code not in (None, value)
    ]
    report.add(changed, f"texts in {values.name} freed of spaces or full-width digits")
    return text_column(codes).set_axis(values.index)


def _code(value: Any) -> str | None:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    if not isinstance(value, str):
        return str(value)
    return value.translate(_FULL_WIDTH).strip().strip(_UNSEEN).strip() or None


def _went_through_float(value: Any) -> bool:
    if isinstance(value, bool | np.bool_):
        return True
    if isinstance(value, float | np.floating):
        return not np.isnan(value)
    return isinstance(value, str) and _SPREADSHEET.fullmatch(value.strip()) is not None


def clean_text(values: pd.Series) -> pd.Series:
    """Make a column of names text, missing where there is none."""
    whole = [int(v) if isinstance(v, float) and v.is_integer() else v for v in values.tolist()]
    return text_column([_code(value) for value in whole]).set_axis(values.index)


def declared_crs(
    features: gpd.GeoDataFrame, path: object, source_crs: object, *, option: str = "source_crs="
) -> pyproj.CRS:
    """Give the CRS of the coordinates: the one that the file declares, or the user for it.

    Raises
    ------
    GridError
        If there is none, or the two contradict each other.
    """
    what = Path(str(path)).name
    declared = features.crs if systems.declares(features.crs) else None
    if source_crs is None:
        if declared is None:
            raise GridError(
                f"{what}: the file declares no CRS; pass {option} the CRS of its coordinates, such as 4490 (degrees) "
                "or 4547 (metres)."
            )
        return _registered(declared)
    given = systems.known_crs(source_crs, option)
    if declared is None or systems.same_crs(_registered(declared), given) or _declares_nothing(Path(str(path))):
        return _registered(given)
    if given.is_bound and given.ellipsoid == declared.ellipsoid:
        return given
    raise GridError(
        f"{what}: {option} says {systems.crs_name(given)}, the file declares {systems.crs_name(declared)}; leave "
        f"{option} out, or correct the file."
    )


def _registered(crs: pyproj.CRS) -> pyproj.CRS:
    """Give the registered form of a CRS that a file describes in its own words."""
    number = None if crs.is_bound else crs.to_epsg()
    return crs if number is None else pyproj.CRS.from_epsg(number)


def _declares_nothing(path: Path) -> bool:
    """Tell whether a GeoJSON file is silent about its CRS, so that WGS 84 is only what the format assumes."""
    return path.suffix.lower() in (".geojson", ".json") and path.is_file() and not declares_crs(path)


def present(features: gpd.GeoDataFrame, report: Report) -> gpd.GeoDataFrame:
    """Leave out rows without geometry."""
    shapes = features.geometry.to_numpy()
    absent = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    report.add(list(features.index[absent]), "rows without a usable geometry left out")
    return features[~absent]


def require_types(features: gpd.GeoDataFrame, types: Sequence[str], what: str) -> None:
    """Ask for types of geometry.

    Raises
    ------
    GridError
        If another comes; the first rows are named.
    """
    kinds = features.geometry.geom_type.to_numpy(dtype=object)
    wrong = ~np.isin(kinds.astype(str), types)
    if wrong.any():
        raise GridError(
            f"{what}: expected {' or '.join(types)}, got {listed(sorted(set(kinds[wrong])))} in {int(wrong.sum())} "
            f"rows ({listed(features.index[wrong])})."
        )


def in_metres(features: gpd.GeoDataFrame, source: pyproj.CRS, crs: object, what: str) -> gpd.GeoDataFrame:
    """Bring features into a metre CRS, 2-D: the one wanted, else their own, else that of their centre.

    Polygons that were cut at 180 degrees become whole.

    Raises
    ------
    GridError
        If the coordinates cannot be in the CRS declared, or no true transformation is known.
    """
    wanted = None if crs is None else require_metre_crs(systems.known_crs(crs, "crs="), "crs=")
    shapes = features.geometry.to_numpy()
    if len(shapes) == 0:
        return features.set_crs(wanted or source, allow_override=True)
    require_finite(features, what)
    shapes = antimeridian.joined_at_180(shapes) if source.is_geographic else shapes
    bounds = _bounds(shapes, source)
    systems.require_plausible(bounds[[0, 2]], bounds[[1, 3]], source, what)
    lon, lat = _centre(bounds, source, what)
    if wanted is None:
        wanted = source if systems.is_metre(source) else systems.metre_crs(lon, lat)
    systems.require_near(lon, lat, wanted, what)
    if source.is_geographic and np.abs(bounds[[0, 2]]).max() > 180:
        shapes = shapely.transform(shapes, lambda xy: np.c_[antimeridian.within_degrees(xy[:, 0]), xy[:, 1]])
    moved = systems.transform(shapes, source, wanted, what)
    return features.set_crs(wanted, allow_override=True).set_geometry(gpd.GeoSeries(moved, features.index, crs=wanted))


def require_finite(features: gpd.GeoDataFrame, what: str) -> None:
    """Ask for finite coordinates.

    Raises
    ------
    GridError
        If a row has others; the first rows are named.
    """
    coordinates, row = shapely.get_coordinates(features.geometry.to_numpy(), return_index=True)
    lost = np.unique(row[~np.isfinite(coordinates).all(axis=1)])
    if len(lost):
        raise GridError(
            f"{what}: expected finite coordinates, got none for {len(lost)} rows ({listed(features.index[lost])})."
        )


def _bounds(shapes: np.ndarray, source: pyproj.CRS) -> np.ndarray:
    """Give the bounds of all shapes; of degrees on both sides of 180 those that run on across it."""
    west, south, east, north = shapely.bounds(shapes).T
    if source.is_geographic:
        west, east = antimeridian.unwrapped(np.r_[west, east]).reshape(2, -1)
    return np.array([west.min(), south.min(), east.max(), north.max()])


def _centre(bounds: np.ndarray, source: pyproj.CRS, what: str) -> tuple[float, float]:
    """Give the centre of bounds in degrees; of the CRS's own datum, which is near enough to choose a zone."""
    west, south, east, north = bounds
    x, y = np.array([(west + east) / 2]), np.array([(south + north) / 2])
    lon, lat = systems.transform_xy(x, y, source, source if source.is_geographic else source.geodetic_crs, what)
    return float(antimeridian.within_degrees(lon)[0]), float(lat[0])


def numbers(values: pd.Series, what: str) -> np.ndarray:
    """Read a column of loads as float64; missing stays NaN.

    Raises
    ------
    GridError
        If a value is no number, infinite or negative; the first rows are named.
    """
    raw = values.tolist()
    read = np.array([np.nan if _code(value) is None else _number(value) for value in raw], dtype=float)
    absent = np.array([_code(value) is None for value in raw], dtype=bool)
    faults = {
        "no number": np.isnan(read) & ~absent,
        "infinite": np.isinf(read),
        "negative": np.isfinite(read) & (read < 0),
    }
    said = [f"{fault} in {listed(values.index[rows])}" for fault, rows in faults.items() if rows.any()]
    if said:
        raise GridError(f"{what}: expected {values.name} to be numbers from 0 up; {', '.join(said)}.")
    return read


def _number(value: Any) -> float:
    if isinstance(value, bool | np.bool_) or (isinstance(value, str) and "_" in value):
        return np.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return np.nan


def number_or_nan(values: Iterable[Any]) -> np.ndarray:
    """Read values as float64, NaN where they are no numbers."""
    return np.array([_number(value) for value in values], dtype=float)
