"""What `divide` works on: the inputs as arrays, near the origin, in an order of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridgis.cover import Polygons

Ints = npt.NDArray[np.int64]


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
    loads : array of int
        Households of each building.
    lines : array of LineString
        Barriers.
    discounts : array of float
        Cost of a metre of border along each line, between 0 (a border likes to be here) and 1 (open ground).
    origin : two floats
        Where the origin of these coordinates lies, to name places.
    """

    parents: Polygons
    buildings: Polygons
    points: npt.NDArray[np.object_]
    parent: Ints
    loads: Ints
    lines: npt.NDArray[np.object_]
    discounts: npt.NDArray[np.float64]
    origin: npt.NDArray[np.float64]
