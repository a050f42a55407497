"""What `divide` works on: the inputs as arrays, near the origin, in an order of their own."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from gridgis import cover
from gridgis.contract import GridWarning, listed
from gridgis.cover import Polygons

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Lines:
    """Barriers as arrays.

    Attributes
    ----------
    shapes : array of LineString
    discounts : array of float
        Cost of a metre of border along each line, between 0 (a border likes to be here) and 1 (open ground).
    hard : array of bool
        Lines that a cell shall not lie on both sides of.
    """

    shapes: Shapes
    discounts: Floats
    hard: npt.NDArray[np.bool_]

    def with_more(self, shapes: Shapes, discount: float) -> Lines:
        """Add lines of one discount."""
        return Lines(
            np.r_[self.shapes, shapes],
            np.r_[self.discounts, np.full(len(shapes), discount)],
            np.r_[self.hard, np.zeros(len(shapes), bool)],
        )


@dataclass(frozen=True)
class Ground:
    """What is to be divided, as arrays in one metre CRS, in canonical order.

    Attributes
    ----------
    parents : array of Polygon or MultiPolygon
        The areas, no two overlapping.
    buildings : array of Polygon
        Footprints; empty where one is too thin to be kept to the millimetre.
    points : array of Point
        An inner point of each building, not rounded.
    parent : array of int
        The lowest area that holds the inner point, -1 where none does: such a building counts nowhere, and is kept
        whole all the same.
    loads : array of int, buildings x measures
        Households of each building, or what else is balanced.
    barriers : Lines
    zones : array of Polygon
        Ground that is not divided: dedicated cells, fixed cells, cells that stay as they are; no two overlapping.
    origin : two floats
        Where the origin of these coordinates lies, to name places.
    row : array of int
        The row of each building in the table.
    """

    parents: Polygons
    buildings: Polygons
    points: Shapes
    parent: Ints
    loads: Ints
    barriers: Lines
    zones: Polygons
    origin: Floats
    row: Ints

    def back(self, shapes: Shapes) -> Shapes:
        """Bring shapes from these coordinates to where they belong."""
        origin = self.origin
        return shapely.normalize(shapely.transform(shapes, lambda xy: (xy + origin).round(3)))


def bring_near(shapes: Shapes, origin: Floats) -> Shapes:
    """Bring shapes near the origin, flat and to the millimetre."""
    return shapely.normalize(shapely.transform(_flat(shapes), lambda xy: (xy - origin).round(3)))


def _flat(shapes: Shapes) -> Shapes:
    """Take off heights and precision."""
    return shapely.force_2d(cover.unrounded(shapes))


def lay_ground(
    areas: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, loads: Ints, lines: Lines, zones: Polygons
) -> Ground:
    """Lay everything near the origin and in an order that does not hang on the order of the rows."""
    origin = np.floor(np.asarray(shapely.total_bounds(areas.geometry.to_numpy())[:2]))
    parents, shapes = (bring_near(table.geometry.to_numpy(), origin) for table in (areas, buildings))
    parents = _valid(parents)
    points = inner_points(buildings.geometry.to_numpy())
    parent = containing(points, cover.unrounded(areas.geometry.to_numpy()))
    _name_left_out(buildings, loads[:, 0], parent >= 0)
    footprints = _sound(shapes)
    met = parent >= 0
    met[shapely.STRtree(parents).query(footprints, predicate="intersects")[0]] = True
    row = np.flatnonzero(met)
    row = row[_canonical(shapes[row], loads[row])]
    streets = bring_near(lines.shapes, origin)
    order = _canonical(streets, np.rint(lines.discounts * 100).astype(np.int64)[:, None])
    return Ground(
        parents,
        footprints[row],
        shapely.transform(points[row], lambda xy: xy - origin),
        parent[row],
        loads[row],
        Lines(streets[order], lines.discounts[order], lines.hard[order]),
        _sound(bring_near(zones, origin)) if len(zones) else zones,
        origin,
        row,
    )


def containing(points: npt.NDArray[np.object_], polygons: Polygons) -> Ints:
    """Give the lowest polygon that holds each point, -1 where none does."""
    found = np.full(len(points), len(polygons), np.int64)
    if len(points) and len(polygons):
        point, polygon = shapely.STRtree(polygons).query(points, predicate="intersects")
        np.minimum.at(found, point, polygon)
    found[found == len(polygons)] = -1
    return found


def nearest(points: npt.NDArray[np.object_], polygons: Polygons) -> Ints:
    """Give the lowest polygon that holds each point, else the lowest of the nearest."""
    found = containing(points, polygons)
    lost = np.flatnonzero(found < 0)
    if len(lost):
        point, polygon = shapely.STRtree(polygons).query_nearest(points[lost])
        found[lost] = len(polygons)
        np.minimum.at(found, lost[point], polygon)
    return found


def inner_points(shapes: Shapes) -> Shapes:
    """Give a point in each building: it says where the building counts."""
    return shapely.point_on_surface(shapely.normalize(_flat(shapes)))


def _valid(shapes: Shapes) -> Shapes:
    """Mend what rounding to the millimetre has made invalid, and lose no ground by it: a neck may have closed."""
    bad, mended = ~shapely.is_valid(shapes), shapes.copy()
    for i, shape in zip(
        np.flatnonzero(bad).tolist(),
        shapely.make_valid(shapes[bad], method="structure", keep_collapsed=False),
        strict=True,
    ):
        parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
        mended[i] = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
    return mended


def _sound(shapes: Shapes) -> Shapes:
    """Mend what rounding to the millimetre has made invalid; what is too thin to be left becomes empty."""
    mended = _valid(shapes)
    for i in np.flatnonzero(shapely.get_type_id(mended) != 3):
        mended[i] = max(shapely.get_parts(mended[i]), key=lambda part: part.area, default=shapely.Polygon())
    return shapely.normalize(mended)


def _name_left_out(buildings: gpd.GeoDataFrame, loads: Ints, counted: npt.NDArray[np.bool_]) -> None:
    """Warn of buildings that count for no cell."""
    if counted.all():
        return
    rows = listed(buildings.index[~counted])
    warnings.warn(
        GridWarning(
            f"buildings: {int((~counted).sum())} of {len(counted)} have their inner point outside all areas and count "
            f"for no cell, {int(loads[~counted].sum())} households with them; rows {rows}."
        ),
        stacklevel=4,
    )


def _canonical(shapes: Shapes, loads: Ints) -> Ints:
    """Order shapes by what they are: outline, then loads."""
    keys, loads = shapely.to_wkb(shapes), loads.tolist()
    return np.array(sorted(range(len(shapes)), key=lambda i: (keys[i], loads[i])), np.int64)
