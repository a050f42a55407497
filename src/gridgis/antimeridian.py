"""Shapes in degrees on both sides of 180: brought to one side to be worked on, cut there for GeoJSON."""

from __future__ import annotations

import numpy as np
import shapely


def unwrapped(lon: np.ndarray) -> np.ndarray:
    """Let longitudes on both sides of 180 degrees run on from one side to the other.

    Parameters
    ----------
    lon : array of float
        Degrees.

    Returns
    -------
    array of float
        The same; where they span more than 180 degrees, and less when those west of Greenwich are counted on from
        180, so counted: -179.9 becomes 180.1.

    Examples
    --------
    >>> unwrapped(np.array([179.9, -179.9])).round(1).tolist(), unwrapped(np.array([-10.0, 20.0])).tolist()
    ([179.9, 180.1], [-10.0, 20.0])
    """
    lon = np.asarray(lon, dtype=float)
    if not len(lon) or not np.ptp(lon) > 180:
        return lon
    east = np.where(lon < 0, lon + 360, lon)
    return east if np.ptp(east) <= 180 else lon


def unwrapped_shapes(shapes: np.ndarray, *, together: bool = False) -> np.ndarray:
    """Let the longitudes of each shape, or of all of them, run on across 180 degrees.

    Parameters
    ----------
    shapes : array of shapely geometries
        In degrees; a ring from 179.9 to -179.9 crosses 180 degrees, and does not go round the Earth.
    together : bool
        Bring all shapes to one side, as a picture needs it.

    Returns
    -------
    array of shapely geometries
        The very array where nothing crosses.

    Examples
    --------
    >>> import shapely
    >>> ring = shapely.Polygon([(179, 0), (-179, 0), (-179, 1), (179, 1)])
    >>> shapely.bounds(unwrapped_shapes(np.array([ring]))[0]).tolist()
    [179.0, 0.0, 181.0, 1.0]
    """
    shapes = np.asarray(shapes, dtype=object)
    bounds = shapely.bounds(shapes)
    wide = ~(bounds[:, 2] - bounds[:, 0] <= 180) & np.isfinite(bounds).all(axis=1)
    moved = shapes
    for i in np.flatnonzero(wide):
        lon = shapely.get_coordinates(shapes[i])[:, 0]
        if unwrapped(lon) is not lon:
            moved = moved.copy() if moved is shapes else moved
            moved[i] = shapely.transform(shapes[i], _run_on)
    if together and len(moved):
        bounds = shapely.bounds(moved)
        lon = bounds[:, [0, 2]][np.isfinite(bounds).all(axis=1)].ravel()
        if unwrapped(lon) is not lon:
            moved = shapely.transform(moved, _run_on)
    return moved


def _run_on(xy: np.ndarray) -> np.ndarray:
    """Count longitudes west of Greenwich on from 180."""
    return np.stack([np.where(xy[:, 0] < 0, xy[:, 0] + 360, xy[:, 0]), xy[:, 1]], axis=1)


def within_degrees(lon: np.ndarray) -> np.ndarray:
    """Bring longitudes that run on beyond 180 degrees back to -180..180.

    Examples
    --------
    >>> within_degrees(np.array([180.0, 180.5, -181.0])).tolist()
    [180.0, -179.5, 179.0]
    """
    lon = np.asarray(lon, dtype=float)
    return np.where(lon > 180, lon - 360, np.where(lon < -180, lon + 360, lon))


def cut_at_180(shapes: np.ndarray) -> np.ndarray:
    """Cut polygons and lines that cross 180 degrees in two, as GeoJSON wants it (RFC 7946, 3.1.9).

    Parameters
    ----------
    shapes : array of shapely geometries
        In degrees.

    Returns
    -------
    array of shapely geometries
        Within -180..180; what crosses becomes a multi-part shape. The very array where nothing crosses.

    Examples
    --------
    >>> import shapely
    >>> ring = shapely.Polygon([(179, 0), (-179, 0), (-179, 1), (179, 1)])
    >>> [part.bounds for part in cut_at_180(np.array([ring]))[0].geoms]
    [(179.0, 0.0, 180.0, 1.0), (-180.0, 0.0, -179.0, 1.0)]
    """
    moved = unwrapped_shapes(shapes)
    east = np.asarray(shapely.bounds(moved)[:, 2] > 180) if len(moved) else np.zeros(0, bool)
    if not east.any():
        return moved
    moved = moved.copy() if moved is shapes else moved
    halves = (shapely.box(-180, -90, 180, 90), shapely.box(180, -90, 540, 90))
    for i in np.flatnonzero(east):
        west, beyond = (shapely.get_parts(shapely.intersection(moved[i], half)) for half in halves)
        parts = np.r_[west, shapely.transform(beyond, lambda xy: xy - [360, 0])]
        kept = parts[shapely.get_dimensions(parts) == shapely.get_dimensions(moved[i])]
        moved[i] = _as_one(kept) if len(kept) else moved[i]
    return moved


def joined_at_180(shapes: np.ndarray) -> np.ndarray:
    """Unite the parts of polygons that were cut at 180 degrees; their longitudes run on.

    Examples
    --------
    >>> import shapely
    >>> halves = shapely.MultiPolygon([shapely.box(179, 0, 180, 1), shapely.box(-180, 0, -179, 1)])
    >>> shapely.bounds(joined_at_180(np.array([halves]))[0]).tolist()
    [179.0, 0.0, 181.0, 1.0]
    """
    moved = unwrapped_shapes(shapes)
    if moved is shapes:
        return shapes
    cut = (shapely.get_type_id(moved) == 6) & shapely.is_valid(shapes) & ~shapely.is_valid(moved)
    moved[cut] = [shapely.union_all(shapely.get_parts(shape)) for shape in moved[cut]]
    return moved


def _as_one(parts: np.ndarray) -> shapely.Geometry:
    """Gather parts of one kind."""
    if len(parts) == 1:
        return parts[0]
    kinds = {"Polygon": shapely.multipolygons, "Point": shapely.multipoints}
    return kinds.get(parts[0].geom_type, shapely.multilinestrings)(parts)


def across_180(lon: np.ndarray) -> bool:
    """Tell whether longitudes run on from one side of 180 degrees to the other.

    Examples
    --------
    >>> across_180(np.array([179.9, 180.1])), across_180(np.array([179.9, -179.9]))
    (True, False)
    """
    return bool(lon.min() < 180 < lon.max() and np.ptp(lon) <= 180)
