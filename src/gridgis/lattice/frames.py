"""From the map to the coordinates of a mesh and back: as they are, with x and y exchanged, or in degrees."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from gridgis import crs
from gridgis.lattice.borders import Floats

EDGE_M = 50.0
"""Longer edges of areas get corners in between on the way to degrees, where a straight edge is a curve: within
0.1 mm up to 60 degrees of latitude."""

Polygons = npt.NDArray[np.object_]


class Frame(Protocol):
    """A map, and the plane in which a mesh stands."""

    def into(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Give the coordinates in the mesh."""
        ...

    def shapes_into(self, shapes: Polygons) -> Polygons:
        """Give polygons of the map in the coordinates of the mesh."""
        ...

    def shapes_out(self, shapes: Polygons) -> Polygons:
        """Give polygons of the mesh in the coordinates of the map."""
        ...


class Upright:
    """The map itself."""

    def into(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Give the coordinates as they are."""
        return x, y

    def shapes_into(self, shapes: Polygons) -> Polygons:
        """Give the polygons as they are."""
        return shapes

    def shapes_out(self, shapes: Polygons) -> Polygons:
        """Give the polygons as they are."""
        return shapes


class Exchanged:
    """The map with x and y exchanged, so that columns of hexagons become rows."""

    def into(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Give y, x."""
        return y, x

    def shapes_into(self, shapes: Polygons) -> Polygons:
        """Exchange x and y."""
        return shapely.reverse(shapely.transform(shapes, lambda xy: xy[:, ::-1]))

    def shapes_out(self, shapes: Polygons) -> Polygons:
        """Exchange x and y again."""
        return self.shapes_into(shapes)


class Degrees:
    """Longitude and latitude.

    Parameters
    ----------
    metres : pyproj.CRS
        The CRS of the map.
    degrees : pyproj.CRS
        The geographic CRS of the mesh.
    what : str
        Begins the sentence of an error.
    """

    def __init__(self, metres: pyproj.CRS, degrees: pyproj.CRS, what: str) -> None:
        self.metres, self.degrees, self.what = metres, degrees, what

    def into(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Give longitude and latitude; infinite where there are none."""
        finite = np.isfinite(x) & np.isfinite(y)
        lon, lat = np.full((2, len(x)), np.nan)
        lon[finite], lat[finite] = crs.transform_xy(
            x[finite], y[finite], self.metres, self.degrees, self.what, finite=False
        )
        return lon, lat

    def shapes_into(self, shapes: Polygons) -> Polygons:
        """Give polygons in degrees, with more corners on long edges."""
        return crs.transform(shapely.segmentize(shapes, EDGE_M), self.metres, self.degrees, self.what)

    def shapes_out(self, shapes: Polygons) -> Polygons:
        """Give polygons in metres; their corners are those in degrees."""
        return crs.transform(shapes, self.degrees, self.metres, self.what)
