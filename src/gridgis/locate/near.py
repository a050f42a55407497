"""The nearest cell of what lies in none, up to a distance."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from gridgis.contract import GridError

TIE_M = 1e-6
"""Cells whose distances differ by up to so many metres are equally near: coordinates are no finer than that."""


MOST_M = 1_000_000.0
"""Nothing is near that is farther away."""


def require_near_m(near_m: Any) -> float:
    """Ask for a distance in metres: a number above 0, up to `MOST_M`.

    Raises
    ------
    GridError
        If it is anything else.

    Examples
    --------
    >>> require_near_m(5)
    5.0
    """
    number = isinstance(near_m, int | float | np.integer | np.floating) and not isinstance(near_m, bool)
    if not number or not 0 < near_m <= MOST_M:
        raise GridError(
            f"near_m: expected a number of metres above 0, up to {MOST_M:,.0f}, got {near_m!r}; leave it out, and what "
            "lies outside has no cell."
        )
    return float(near_m)


class NearCells:
    """Cells made ready for the question which of them is the nearest, up to a distance.

    Parameters
    ----------
    cells : array of shapely geometries
        Their outlines, in metres; a missing one is never near.
    codes : array of str
        Their codes: of cells equally near, up to `TIE_M`, the one with the lowest code is taken.
    near_m : float
        Up to how many metres a cell is near; that distance itself is.

    Raises
    ------
    GridError
        If ``near_m`` is no number above 0, or above `MOST_M`.

    Examples
    --------
    >>> near = NearCells(example.grid.geometry.to_numpy(), example.grid["grid_code"].to_numpy(object), 5)
    >>> west, south, east, north = example.grid.total_bounds
    >>> position, distance_m = near.nearest(np.array([west - 3, west - 30]), np.array([south + 20, south + 20]))
    >>> position.tolist(), distance_m.tolist()
    ([1, -1], [3.0, nan])
    """

    def __init__(self, cells: npt.NDArray[np.object_], codes: npt.NDArray[np.object_], near_m: float) -> None:
        self.near_m = require_near_m(near_m)
        self._by_code = np.argsort(np.asarray(codes, object).astype(str), kind="stable")
        self._tree = shapely.STRtree(np.asarray(cells, object)[self._by_code])
        there = self._tree.geometries[~shapely.is_empty(self._tree.geometries)]
        self._bounds = shapely.total_bounds(there) if len(there) else np.full(4, np.nan)

    def nearest(
        self, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
        """Find the nearest cell of points.

        Parameters
        ----------
        x, y : array of float
            Coordinates in the CRS of the cells, metres.

        Returns
        -------
        position : array of int32
            Row of the cell, -1 where none is near.
        distance_m : array of float64
            Metres to the cell, to its border as well as to its inside; NaN where none is near.
        """
        position, distance_m = np.full(len(x), -1, np.int32), np.full(len(x), np.nan)
        west, south, east, north = self._bounds
        around = (x >= west - self.near_m) & (x <= east + self.near_m)
        around &= (y >= south - self.near_m) & (y <= north + self.near_m)
        rows = np.flatnonzero(around)
        position[rows], distance_m[rows] = self.nearest_shapes(shapely.points(x[rows], y[rows]))
        return position, distance_m

    def nearest_shapes(self, shapes: npt.NDArray[np.object_]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
        """Find the nearest cell of lines and polygons; see `nearest`."""
        position, distance_m = np.full(len(shapes), -1, np.int32), np.full(len(shapes), np.nan)
        found, metres = self._tree.query_nearest(
            shapes, max_distance=self.near_m, return_distance=True, all_matches=False
        )
        close = np.isfinite(metres) & (metres <= self.near_m)
        (shape, cell), metres = found[:, close], metres[close]
        lowest = np.full(len(shapes), len(self._by_code), np.int64)
        lowest[shape] = cell
        tied, other = self._tree.query(shapes[shape], predicate="dwithin", distance=metres + TIE_M)
        np.minimum.at(lowest, shape[tied], other)
        position[shape] = self._by_code[lowest[shape]]
        distance_m[shape] = metres
        return position, distance_m
