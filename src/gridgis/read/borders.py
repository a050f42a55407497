"""Borders that areas share: kept together on the way into metres, and cleared of hair-thin overlaps."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from gridgis.cover import wide_parts
from gridgis.read.opening import Report

EDGE_DEGREES = 0.001
"""Longer edges get corners in between: a straight edge in degrees is a curve in metres."""

OVERLAP_M = 0.2
"""Overlaps of a smaller mean width are slips of drawing or rounding; wider ones are somebody's decision."""


def with_corners(shapes: np.ndarray) -> np.ndarray:
    """Give long edges in degrees more corners, so that neighbours that share a part of an edge stay together.

    Without them a corner on a neighbour's edge of one kilometre would stand some centimetres beside it in metres.
    Where `shapely.segmentize` would mend what it takes for a fault, and lose ground, each ring is done by itself.
    """
    made = shapely.segmentize(shapes, EDGE_DEGREES)
    area = shapely.area(shapes)
    for i in np.flatnonzero(np.abs(shapely.area(made) - area) > 1e-9 * area):
        parts = [shapely.segmentize(shapely.get_rings(part), EDGE_DEGREES) for part in shapely.get_parts(shapes[i])]
        polygons = [shapely.Polygon(rings[0], rings[1:].tolist()) for rings in parts]
        made[i] = polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
    return made


def trimmed(features: gpd.GeoDataFrame, report: Report) -> gpd.GeoDataFrame:
    """Give hair-thin overlaps of areas to the lower code; wider ones stay, for `divide` to refuse."""
    codes = features.index.to_numpy(object)
    shapes = features.geometry.to_numpy().copy()
    first, second = shapely.STRtree(shapes).query(shapes, predicate="overlaps")
    pairs = [(a, b) for a, b in zip(first.tolist(), second.tolist(), strict=True) if codes[a] < codes[b]]
    mended = []
    for a, b in sorted(pairs, key=lambda pair: (codes[pair[0]], codes[pair[1]])):
        parts = wide_parts(shapely.intersection(shapes[a], shapes[b]))
        if parts and max(2 * part.area / part.length for part in parts) < OVERLAP_M:
            kept = wide_parts(shapely.difference(shapes[b], shapes[a]))
            if kept:
                shapes[b] = kept[0] if len(kept) == 1 else shapely.MultiPolygon(kept)
                mended.append(codes[b])
    report.add(list(np.unique(np.array(mended, object))), f"areas freed of overlaps narrower than {OVERLAP_M} m")
    return features.set_geometry(gpd.GeoSeries(shapes, features.index, crs=features.crs))
