"""What is said of points: the cell, or what stands in its place; and counts of that."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy.typing as npt

OUTSIDE, CONFLICT, BAD_COORDINATES = -1, -2, -3
"""What stands in the place of a cell: the point lies in none, in two that overlap, or nowhere."""


class Counts(NamedTuple):
    """Points, or their weights, counted by where they lie; together they are all that was given.

    Attributes
    ----------
    cells : array of int64, or float64 where weights were given
        One number a cell, in the order of the grid.
    outside, conflict, bad_coordinates : int or float
        What lies in no cell, where two cells overlap (never in a lattice), and nowhere.
    """

    cells: npt.NDArray[Any]
    outside: float
    conflict: float
    bad_coordinates: float
