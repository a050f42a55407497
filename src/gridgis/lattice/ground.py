"""The areas that a lattice covers: examined, in an order of their own, and as one outline."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from gridgis import cover
from gridgis.contract import GridError, listed, require_frame, require_metre_crs, require_text, require_unique

CODE = "code"
"""The column of the codes of areas."""
WHOLE = "area"
"""What stands in `parent_code` where the areas have no codes."""

Polygons = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Ground:
    """Areas in the order of their codes (without codes: of their outlines), whatever the order of the rows.

    Attributes
    ----------
    crs : pyproj.CRS
        Projected, in metres.
    shapes : array of Polygon or MultiPolygon
    codes : array of str
    outline : Polygon or MultiPolygon
        All of them together.
    """

    crs: pyproj.CRS
    shapes: Polygons
    codes: npt.NDArray[np.object_]
    outline: shapely.Geometry


def ground_of(areas: gpd.GeoDataFrame) -> Ground:
    """Examine areas.

    Raises
    ------
    GridError
        If there are none, one is no valid polygon, the CRS is not in metres, or codes are no text or not unique.
    """
    frame = require_frame(areas, "areas")
    crs = require_metre_crs(frame.crs, "areas")
    shapes = shapely.force_2d(frame.geometry.to_numpy())
    if not len(shapes):
        raise GridError("areas: expected at least one polygon, got an empty table.")
    faulty = ~np.isin(shapely.get_type_id(shapes), (3, 6)) | shapely.is_empty(shapes) | ~shapely.is_valid(shapes)
    if faulty.any():
        raise GridError(
            f"areas: expected valid polygons; not so: rows {listed(frame.index[faulty])}; gridgis.read_areas mends "
            "what can be mended."
        )
    shapes = shapely.normalize(cover.unrounded(shapes))
    if CODE in frame.columns:
        require_text(frame, CODE, "areas")
        require_unique(frame, CODE, "areas")
        codes = frame[CODE].to_numpy(object)
        order = np.argsort(codes.astype(str), kind="stable")
    else:
        codes = np.full(len(shapes), WHOLE, object)
        order = np.argsort(shapely.to_wkb(shapes), kind="stable")
    shapes = shapes[order]
    outline = shapes[0] if len(shapes) == 1 else shapely.normalize(cover.union(shapes))
    return Ground(crs, shapes, codes[order], outline)
