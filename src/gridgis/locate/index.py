"""A grid made ready for the question in which cell a point lies."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from gridgis.contract import CODE, Grid, require_grid, require_metre_crs

OUTSIDE, CONFLICT, BAD_COORDINATES = -1, -2, -3
"""What stands in the place of a cell: the point lies in none, in two that overlap, or nowhere."""

Floats = npt.NDArray[np.float64]


class Counts(NamedTuple):
    """Points, or their weights, counted by where they lie; together they are all that was given."""

    cells: npt.NDArray[Any]
    """One number a cell, in the order of the grid: int64, or float64 where weights were given."""
    outside: float
    conflict: float
    bad_coordinates: float


class CellIndex:
    """A grid made ready for the question in which cell a point lies."""

    def __init__(self, grid: Grid) -> None:
        grid = require_grid(grid)
        self.codes: npt.NDArray[np.object_] = grid[CODE].to_numpy(object)
        self.crs: pyproj.CRS = require_metre_crs(grid.crs, "grid")
        self._by_code = np.argsort(self.codes.astype(str), kind="stable")
        self._cells = grid.geometry.to_numpy()[self._by_code]
        self._tree = shapely.STRtree(self._cells)

    def __len__(self) -> int:
        return len(self.codes)

    def locate(self, x: Any, y: Any) -> npt.NDArray[np.int32]:
        """Give the row of the cell of each point, or OUTSIDE, CONFLICT, BAD_COORDINATES."""
        return self.examine(x, y)[0]

    def examine(self, x: Any, y: Any) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
        """Give what `locate` gives, and which points lie on a border."""
        x, y = np.asarray(x, float), np.asarray(y, float)
        position = np.full(len(x), BAD_COORDINATES, np.int32)
        border = np.zeros(len(x), bool)
        usable = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        position[usable] = OUTSIDE
        points = shapely.points(x[usable], y[usable])
        point, cell = self._tree.query(points, predicate="intersects")
        if not len(point):
            return position, border
        inner = shapely.contains_properly(self._cells[cell], points[point])
        lowest = np.full(len(points), len(self._cells), np.int64)
        np.minimum.at(lowest, point, cell)
        hit = np.flatnonzero(lowest < len(self._cells))
        holders = np.bincount(point[inner], minlength=len(points))
        touched = np.bincount(point, minlength=len(points))
        position[usable[hit]] = self._by_code[lowest[hit]]
        clash = (holders > 1) | ((holders == 1) & (touched > 1))
        border[usable[hit]] = holders[hit] == 0
        position[usable[clash]] = CONFLICT
        return position, border

    def count(self, x: Any, y: Any, weights: Any = None) -> Counts:
        """Count points, or sum their weights, in each cell; what lies in none is told apart."""
        position = self.locate(x, y)
        w = None if weights is None else np.asarray(weights, float)
        sums = np.bincount(position + 3, weights=w, minlength=len(self) + 3)
        return Counts(sums[3:], sums[2], sums[1], sums[0])
