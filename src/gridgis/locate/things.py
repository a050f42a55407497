"""The things of a table as arrays in the CRS of the grid, ready to be located."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from gridgis.contract import GridError, GridWarning, listed, require_frame
from gridgis.crs import transform, transform_xy
from gridgis.locate.points import BAD, NOWHERE, SHAPELESS

WHAT = "things to locate"

FAR_M = 1e9
"""A line or polygon that reaches farther from the origin of the CRS is nowhere: its area would be no number."""

PROBLEM = "coordinate_problem"
"""The column in which `read_points` says why a row has no coordinates."""

_POINT, _LINES, _POLYGONS = 0, (1, 2, 5), (3, 6)

OPEN = 255
"""In place of a reason: it is yet to be found."""


@dataclass(frozen=True)
class Things:
    """Things to locate, one value a row.

    Attributes
    ----------
    x, y : array of float64
        Of points, metres in the CRS of the grid; NaN for everything else.
    shapes : array of shapely geometries
        Valid lines and polygons, 2-D, in the CRS of the grid; None for everything else.
    kind : array of uint8
        The dimension of these shapes: 1 for lines, 2 for polygons, 0 where there is none.
    known : array of uint8
        The place in `HOW` of a reason that needs no cells, else `OPEN`.
    """

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    shapes: npt.NDArray[np.object_]
    kind: npt.NDArray[np.uint8]
    known: npt.NDArray[np.uint8]


def require_things(things: object, columns: list[str], *, shapes: bool) -> gpd.GeoDataFrame:
    """Ask that things can be located, and that there is room for new columns.

    Raises
    ------
    GridError
        If there is no GeoDataFrame, a column of one of these names, a geometry of another kind (points; with
        ``shapes`` also lines and polygons), or no CRS.
    """
    frame = require_frame(things, WHAT)
    taken = [name for name in columns if name in frame.columns]
    if taken:
        raise GridError(f"{WHAT}: there is a column {' and '.join(taken)} already; rename or drop it first.")
    geometry = frame.geometry.to_numpy()
    wanted = (-1, _POINT, *_LINES, *_POLYGONS) if shapes else (-1, _POINT)
    other = np.flatnonzero(~np.isin(shapely.get_type_id(geometry), wanted) & ~shapely.is_empty(geometry))
    if len(other):
        expected, advice = "points, lines or polygons", "take them apart with explode"
        if not shapes:
            expected, advice = "points", "for lines and polygons say how (by=), or cut them with split"
        raise GridError(
            f"{WHAT}: expected {expected}, got {geometry[other[0]].geom_type} in rows "
            f"{listed(frame.index[other])}; {advice}."
        )
    if frame.crs is None:
        raise GridError(f"{WHAT}: the CRS is missing; name it with set_crs or in read_points(crs=).")
    return frame


def things_of(frame: gpd.GeoDataFrame, crs: pyproj.CRS) -> Things:
    """Bring things into the CRS of a grid, polygons repaired where they are invalid.

    A line without length is a point, its first.

    Warns
    -----
    GridWarning
        If polygons were repaired.
    """
    geometry = frame.geometry.to_numpy()
    kinds = shapely.get_type_id(geometry)
    known = np.full(len(frame), OPEN, np.uint8)
    known[shapely.is_missing(geometry) | shapely.is_empty(geometry)] = NOWHERE
    x, y = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    dots = np.flatnonzero((kinds == _POINT) & (known == OPEN))
    x[dots], y[dots] = shapely.get_x(geometry[dots]), shapely.get_y(geometry[dots])
    finite = np.isfinite(x) & np.isfinite(y)
    x[finite], y[finite] = transform_xy(x[finite], y[finite], frame.crs, crs, WHAT, finite=False)
    _name_problems(known, frame, x, y)
    shapes, kind = np.full(len(frame), None, object), np.zeros(len(frame), np.uint8)
    rows = np.flatnonzero(np.isin(kinds, (*_LINES, *_POLYGONS)) & (known == OPEN))
    if len(rows):
        rows = _within_reach(geometry, rows, known)
        shapes[rows] = transform(geometry[rows], frame.crs, crs, WHAT, finite=False)
        rows = _mended(shapes, _within_reach(shapes, rows, known), known, frame)
        kind[rows] = np.where(np.isin(kinds[rows], _POLYGONS), 2, 1)
        spots = rows[(kind[rows] == 1) & (shapely.length(shapes[rows]) == 0)]
        corners, owner = shapely.get_coordinates(shapes[spots], return_index=True)
        x[spots], y[spots] = corners[np.searchsorted(owner, np.arange(len(spots)))].T
        kind[spots] = 0
    shapes[kind == 0] = None
    return Things(x, y, shapes, kind, known)


def _name_problems(
    known: npt.NDArray[np.uint8], frame: gpd.GeoDataFrame, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> None:
    """Tell coordinates that were never there from those that are no good."""
    if PROBLEM in frame.columns:
        geometry, problem = frame.geometry.to_numpy(), frame[PROBLEM]
        nowhere = shapely.is_missing(geometry) | shapely.is_empty(geometry)
        nowhere |= (shapely.get_type_id(geometry) == _POINT) & np.isnan(x) & np.isnan(y)
        known[nowhere & problem.notna().to_numpy() & problem.ne("missing").to_numpy()] = BAD


def _within_reach(
    shapes: npt.NDArray[np.object_], rows: npt.NDArray[np.int64], known: npt.NDArray[np.uint8]
) -> npt.NDArray[np.int64]:
    """Give the rows whose coordinates are numbers up to `FAR_M`; name the others."""
    coordinates, owner = shapely.get_coordinates(shapes[rows], return_index=True)
    far = ~(np.abs(coordinates) <= FAR_M).all(axis=1)
    known[rows[owner[far]]] = BAD
    return rows[known[rows] == OPEN]


def _mended(
    shapes: npt.NDArray[np.object_], rows: npt.NDArray[np.int64], known: npt.NDArray[np.uint8], frame: gpd.GeoDataFrame
) -> npt.NDArray[np.int64]:
    """Repair polygons; give the rows that have a shape, and name the others."""
    areal = rows[shapely.get_dimensions(shapes[rows]) == 2]
    bad = areal[~shapely.is_valid(shapes[areal])]
    shapes[bad] = shapely.make_valid(shapes[bad], method="structure", keep_collapsed=False)
    known[areal[~(shapely.area(shapes[areal]) > 0)]] = SHAPELESS
    repaired = bad[known[bad] == OPEN]
    if len(repaired):
        warnings.warn(
            GridWarning(
                f"{WHAT}: {len(repaired):,} invalid polygons are measured as they are after a repair (rows "
                f"{listed(frame.index[repaired])})."
            ),
            stacklevel=4,
        )
    return rows[known[rows] == OPEN]
