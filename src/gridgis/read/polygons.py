"""Polygons on their way into metres: mended as they were drawn, before anything else touches them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from gridgis.antimeridian import joined_at_180
from gridgis.read.borders import with_corners
from gridgis.read.opening import Report
from gridgis.read.tidying import in_metres, require_finite


def polygons_in_metres(
    features: gpd.GeoDataFrame, source: pyproj.CRS, crs: object, report: Report, *, corners: bool = False
) -> gpd.GeoDataFrame:
    """Give valid polygons in metres; those without area are left out.

    Parameters
    ----------
    features : GeoDataFrame
        Polygons.
    source : pyproj.CRS
        The CRS of their coordinates.
    crs : int, str or pyproj.CRS, optional
        The metre CRS wanted; as in `gridgis.read.tidying.in_metres`.
    report : Report
        Takes notes: which rows were repaired, with their area before and after; which have no area.
    corners : bool
        Give long edges in degrees corners in between.

    Returns
    -------
    GeoDataFrame
        The same rows; a polygon of one part is a Polygon.
    """
    require_finite(features, report.name)
    drawn = features.geometry.to_numpy()
    drawn = joined_at_180(drawn) if source.is_geographic else drawn
    sound = valid_polygons(drawn)
    left = shapely.area(sound) > 0
    sound = with_corners(sound[left]) if corners and source.is_geographic else sound[left]
    moved = in_metres(_of(features[left], sound), source, crs, report.name)
    shapes = valid_polygons(moved.geometry.to_numpy())
    bad = ~shapely.is_valid(drawn[left]) | ~shapely.is_valid(moved.geometry.to_numpy())
    wide = shapely.area(shapes) > 0
    _tell_repairs(_of(features[left], drawn[left])[bad & wide], shapes[bad & wide], (source, moved.crs), report)
    left[left] = wide
    report.add(list(features.index[~left]), "polygons without area left out")
    return _of(moved, shapes)[wide]


def _of(features: gpd.GeoDataFrame, shapes: np.ndarray) -> gpd.GeoDataFrame:
    """Give the same rows with other shapes."""
    return features.set_geometry(gpd.GeoSeries(shapes, features.index, crs=features.crs))


def _tell_repairs(
    drawn: gpd.GeoDataFrame, shapes: np.ndarray, systems: tuple[pyproj.CRS, pyproj.CRS], report: Report
) -> None:
    """Note which polygons were repaired, and their area before and after."""
    if drawn.empty:
        return
    source, metres = systems
    before, after = in_metres(drawn, source, metres, report.name).area.sum(), shapely.area(shapes).sum()
    report.note(f"repaired polygons have {after:,.0f} m2, by their outlines as drawn {before:,.0f} m2")
    report.add(list(drawn.index), "invalid polygons repaired")


def valid_polygons(shapes: np.ndarray) -> np.ndarray:
    """Make polygons valid, keep the polygon parts; one part is a Polygon, what has no area becomes empty."""
    shapes = shapes.copy()
    bad = ~shapely.is_valid(shapes)
    valid = shapely.make_valid(shapes[bad], method="structure", keep_collapsed=False)
    shapes[bad] = [_polygons_of(shape) for shape in valid]
    single = shapely.get_num_geometries(shapes) == 1
    shapes[single] = shapely.get_geometry(shapes[single], 0)
    return shapes


def _polygons_of(shape: shapely.Geometry) -> shapely.Geometry:
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area > 0]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
