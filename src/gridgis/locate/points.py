"""Points on plain arrays: the cell of each, and how it was found. Batch by batch the answers are the same."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyproj

from gridgis.answers import BAD_COORDINATES, CONFLICT, OUTSIDE
from gridgis.contract import CODE, Grid, GridError
from gridgis.locate.index import CellIndex, index_around
from gridgis.locate.near import NearCells, require_near_m

Floats = npt.NDArray[np.float64]

MANY_POINTS = 10_000_000
"""From so many points on, an index of the whole grid is worth making."""

REASONS = {
    "inside": "it lies inside one cell",
    "boundary": "it lies on a border, or runs along one; of the cells that hold all of it, the lowest code has it",
    "near": "it lies in no cell, but as near to one as was asked for; the nearest cell has it",
    "share": "it lies in several cells, or partly in none; the cell with the largest share has it",
    "tie": "several cells have equally large shares of it; of these, the lowest code has it",
    "outside": "it lies in no cell",
    "no_coordinates": "the row has no coordinates",
    "bad_coordinates": "the coordinates are no numbers, infinite, or out of range",
    "bad_shape": "the polygon has no area",
    "conflict": "it lies where cells overlap: the grid is faulty there",
}
"""Every value of the column ``located_by``, with its meaning; only the first five come with a code."""

HOW = tuple(REASONS)
"""The reasons by number, as `examine_points` gives them."""

INSIDE, BOUNDARY, NEAR, SHARE, TIE, OUT, NOWHERE, BAD, SHAPELESS, CLASH = range(len(HOW))


class Locator(Protocol):
    """What can tell the cell of a point: a `CellIndex`, a lattice, or anything with the same three names."""

    @property
    def codes(self) -> npt.NDArray[np.object_]:
        """The codes of the cells."""

    @property
    def crs(self) -> pyproj.CRS:
        """The metre CRS of the cells."""

    def examine(self, x: Any, y: Any) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
        """Give the position of the cell of each point, or `OUTSIDE` and so on, and which points lie on a border."""


class Answers(NamedTuple):
    """Where points lie, row by row."""

    position: npt.NDArray[np.int32]
    """The position of the cell among the codes, -1 where there is none."""
    how: npt.NDArray[np.uint8]
    """The place of the reason in `HOW`."""
    distance_m: Floats | None
    """Metres to the cell of what is near, NaN elsewhere; None where nothing was asked for."""


def is_locator(grid: object) -> bool:
    """Tell an index from a table of cells."""
    return all(hasattr(grid, name) for name in ("codes", "crs", "examine"))


def locator_of(grid: Grid | Locator, x: Floats | None = None, y: Floats | None = None) -> Locator:
    """Give what tells the cell of a point: ``grid`` itself if it can, else an index of its cells.

    Parameters
    ----------
    grid : GeoDataFrame or Locator
    x, y : array of float, optional
        The only points that will be asked for: where they are few, the index of a table is made for them alone,
        and the table is taken to keep its contract.

    Raises
    ------
    GridError
        If a table breaks the contract of a grid, and the points are many or not given.

    Examples
    --------
    >>> len(locator_of(example.grid).codes)
    4
    """
    able: Any = grid
    if is_locator(grid):
        return able
    if x is None or y is None or len(x) >= MANY_POINTS:
        return CellIndex(able)
    return index_around(able, x, y)


def outlines_of(grid: Grid | Locator) -> npt.NDArray[np.object_]:
    """Give the polygons of the cells, in the order of the codes.

    Raises
    ------
    GridError
        If ``grid`` is an index that does not know them.
    """
    table: Any = grid
    if is_locator(grid):
        if not hasattr(table, "cells"):
            kind = type(grid).__name__
            raise GridError(f"grid: expected cells with their outlines, got {kind}, which has none; give the table.")
        table = table.cells()
    return np.asarray(table.geometry.to_numpy(), object)


def near_cells(grid: Grid | Locator, near_m: float) -> NearCells:
    """Make the cells of a grid ready for `examine_points`, which is worth doing once for many batches.

    Parameters
    ----------
    grid : GeoDataFrame or Locator
        A lattice, too; a `CellIndex` does not know its polygons any more.
    near_m : float
        Up to how many metres a cell is near.

    Raises
    ------
    GridError
        If ``near_m`` is no number of metres above 0, or ``grid`` does not know its polygons.
    """
    require_near_m(near_m)
    table: Any = grid
    codes = table.codes if is_locator(grid) else table[CODE].to_numpy(object)
    return NearCells(outlines_of(grid), codes, near_m)


def examine_points(x: Floats, y: Floats, index: Locator, near: NearCells | None = None) -> Answers:
    """Find the cell of each point.

    Parameters
    ----------
    x, y : array of float
        Coordinates in the CRS of the index, metres. Where both are NaN, there are no coordinates.
    index : Locator
        What `locator_of` gives.
    near : NearCells, optional
        What `near_cells` gives: then a point in no cell goes to the nearest one, if that is near enough.

    Returns
    -------
    Answers
        Positions, reasons and distances, row by row.

    Examples
    --------
    >>> west, south, east, north = example.grid.total_bounds
    >>> x, y = np.array([west + 9, west - 3, np.nan]), np.array([south + 9, south + 9, np.nan])
    >>> answers = examine_points(x, y, locator_of(example.grid), near_cells(example.grid, 5))
    >>> [HOW[number] for number in answers.how], answers.distance_m.tolist()
    (['inside', 'near', 'no_coordinates'], [nan, 3.0, nan])
    """
    found, border = index.examine(x, y)
    how = np.full(len(found), INSIDE, np.uint8)
    how[border] = BOUNDARY
    how[found == OUTSIDE] = OUT
    how[found == CONFLICT] = CLASH
    how[found == BAD_COORDINATES] = BAD
    how[np.isnan(x) & np.isnan(y)] = NOWHERE
    position = np.where(how <= BOUNDARY, found, -1).astype(np.int32, copy=False)
    if near is None:
        return Answers(position, how, None)
    distance_m = np.full(len(found), np.nan)
    outside = np.flatnonzero(how == OUT)
    position[outside], distance_m[outside] = near.nearest(x[outside], y[outside])
    how[outside[position[outside] >= 0]] = NEAR
    return Answers(position, how, distance_m)
