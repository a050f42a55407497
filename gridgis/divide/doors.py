"""The doors of `divide`: what comes in is examined here, and refused in one clear sentence."""

from __future__ import annotations

import warnings

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridgis import cover
from gridgis.contract import (
    GridError,
    GridWarning,
    listed,
    require_frame,
    require_metre_crs,
    require_same_crs,
    require_text,
    require_unique,
)
from gridgis.divide.balance import Band

DISCOUNTS = {"hard": 0.05, "major": 0.15, "middle": 0.35, "minor": 0.6}
"""What a metre of border costs along each class of barrier, where open ground costs 1."""
MOST = 10**9
"""More households than this in one building are a mistake."""
GAP_M = 0.2
"""A gap between two areas narrower than this is taken for a mistake, and named in a warning."""

Ints = npt.NDArray[np.int64]
Shapes = npt.NDArray[np.object_]


def checked_band(households: tuple[int, int]) -> Band:
    """The band, as whole numbers."""
    try:
        low, high = (int(value) for value in households)
    except (TypeError, ValueError, OverflowError):
        raise GridError(f"households: expected (low, high), got {households!r}.") from None
    if not 0 < low <= high <= MOST or (low, high) != tuple(households):
        raise GridError(
            f"households: expected two whole numbers with 0 < low <= high <= {MOST}, got {tuple(households)}."
        )
    return Band(low, high)


def checked_seed(seed: int) -> int:
    """The seed, a whole number of 0 or more."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise GridError(f"seed: expected a whole number of 0 or more, got {seed!r}.")
    return int(seed)


def checked_areas(areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The door for areas; they come out sorted by code."""
    frame = require_frame(areas, "areas", ["code"])
    require_metre_crs(frame.crs, "areas")
    if not len(frame):
        raise GridError("areas: expected at least one, got an empty table.")
    require_text(frame, "code", "areas")
    require_unique(frame, "code", "areas")
    frame = frame.iloc[np.argsort(frame["code"].to_numpy(object), kind="stable")].reset_index(drop=True)
    shapes, codes = frame.geometry.to_numpy(), frame["code"]
    faulty = ~np.isin(shapely.get_type_id(shapes), (3, 6)) | shapely.is_empty(shapes) | ~shapely.is_valid(shapes)
    if faulty.any():
        names = listed(codes[faulty])
        raise GridError(f"areas: expected valid polygons; not so: {names}; read the file with gridgis.read_areas.")
    shapes = cover.unrounded(shapes)
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    for a, b in sorted(zip(first[first < second].tolist(), second[first < second].tolist(), strict=True)):
        parts = cover.wide_parts(shapely.intersection(shapes[a], shapes[b]))
        if parts:
            place = parts[0].representative_point()
            raise GridError(
                f"areas: {codes[a]} and {codes[b]} overlap on {sum(p.area for p in parts):.2f} m2 near "
                f"x {place.x:.1f} y {place.y:.1f}; a place has one parent, so mend the areas first."
            )
    _name_gaps(shapes, codes)
    return frame


def _name_gaps(shapes: Shapes, codes: pd.Series) -> None:
    """Warn of narrow gaps between areas: they lie in no area, so they come into no cell."""
    if len(shapes) < 2:
        return
    whole = shapely.union_all(shapes)
    closed = shapely.buffer(shapely.buffer(whole, GAP_M / 2, join_style="mitre"), -GAP_M / 2, join_style="mitre")
    parts = cover.wide_parts(shapely.difference(closed, whole))
    found = []
    for part in parts:
        near = np.unique(shapely.STRtree(shapes).query(part, predicate="dwithin", distance=0.001))
        if len(near) > 1:
            found.append((part, listed(codes.iloc[near], 3)))
    if found:
        place, names = found[0][0].representative_point(), found[0][1]
        area = sum(part.area for part, _ in found)
        warnings.warn(
            GridWarning(
                f"areas: gaps narrower than {GAP_M} m between areas come into no cell: {len(found)}, {area:.2f} m2 in "
                f"all; the largest lies between {names} near x {place.x:.1f} y {place.y:.1f}."
            ),
            stacklevel=4,
        )


def checked_loads(buildings: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> Ints:
    """The door for buildings; their households as whole numbers."""
    frame = require_frame(buildings, "buildings", ["households"])
    require_same_crs(areas.crs, frame.crs, "areas and buildings")
    shapes = frame.geometry.to_numpy()
    faulty = (shapely.get_type_id(shapes) != 3) | shapely.is_empty(shapes) | ~shapely.is_valid(shapes)
    if faulty.any():
        rows = listed(frame.index[faulty])
        raise GridError(f"buildings: expected valid polygons; not so: rows {rows}; read them with read_buildings.")
    given = frame["households"].notna().to_numpy(bool)
    loads = numbers(frame["households"])
    bad = given & ~((loads >= 0) & (loads <= MOST) & (loads == np.floor(loads)))
    if bad.any():
        raise GridError(
            f"buildings: expected whole households, 0 to {MOST}; not so in rows {listed(frame.index[bad])} "
            f"({listed(frame['households'][bad].tolist())})."
        )
    if (~given).any():
        warnings.warn(
            GridWarning(
                f"buildings: households are missing in {int((~given).sum())} rows and count as none; rows "
                f"{listed(frame.index[~given])}."
            ),
            stacklevel=3,
        )
    return np.where(given, loads, 0).astype(np.int64)


def numbers(column: pd.Series) -> npt.NDArray[np.float64]:
    """Read a column as numbers; NaN where there is none."""
    values = pd.to_numeric(pd.Series(column.to_numpy(object)), errors="coerce")
    return values.to_numpy(float, na_value=np.nan)


def checked_lines(areas: gpd.GeoDataFrame, barriers: gpd.GeoDataFrame | None) -> tuple[Shapes, npt.NDArray[np.float64]]:
    """The door for barriers; those that meet the areas, with the discount of their class."""
    if barriers is None:
        return np.zeros(0, object), np.zeros(0)
    frame = require_frame(barriers, "barriers", ["barrier"])
    if not len(frame):
        return np.zeros(0, object), np.zeros(0)
    require_same_crs(areas.crs, frame.crs, "areas and barriers")
    classes = [str(value) for value in frame["barrier"]]
    unknown = sorted(set(classes) - set(DISCOUNTS))
    if unknown:
        raise GridError(f"barriers: expected the classes {listed(DISCOUNTS)}, got {listed(unknown)}.")
    shapes = frame.geometry.to_numpy()
    points, line = shapely.get_coordinates(shapes, return_index=True)
    faulty = ~np.isin(shapely.get_type_id(shapes), (1, 5))
    faulty[line[~np.isfinite(points).all(axis=1)]] = True
    if faulty.any():
        raise GridError(
            f"barriers: expected lines; not so: rows {listed(frame.index[faulty])}; read them with "
            "gridgis.read_barriers, which outlines polygons."
        )
    shapes = cover.unrounded(shapes)
    meet = np.unique(shapely.STRtree(shapes).query(areas.geometry.to_numpy(), predicate="intersects")[1])
    parts, part_of = shapely.get_parts(shapes[meet], return_index=True)
    return parts, np.array([DISCOUNTS[name] for name in classes])[meet][part_of]
