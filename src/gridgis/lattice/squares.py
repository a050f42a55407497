"""Squares, or rectangles, between two arrays of borders."""

from __future__ import annotations

import numpy as np

from gridgis.lattice.borders import Bools, Borders, Floats, Ints
from gridgis.lattice.loops import Loops, cut_at_borders
from gridgis.lattice.mesh import Guess, Holders, Pieces, Rim


class Squares:
    """A mesh of rectangles: cell (row, col) lies between ``along.values[row]`` and the next, and so across.

    Examples
    --------
    >>> import numpy as np
    >>> mesh = Squares(Borders(np.array([0.0, 10.0, 20.0]), 10.0), Borders(np.array([0.0, 10.0]), 10.0))
    >>> mesh.corners(np.array([0]), np.array([1])).tolist()
    [[[10.0, 0.0], [20.0, 0.0], [20.0, 10.0], [10.0, 10.0]]]
    """

    sides = 4

    def __init__(self, across: Borders, along: Borders) -> None:
        self.across, self.along = across, along
        self.shape = (along.bands, across.bands)
        self.middle = (along.values[:-1] + along.values[1:]) / 2

    def guess(self, p: Floats, q: Floats) -> Guess:
        """Give the cells of points by arithmetic."""
        x, y = self.across.near(p), self.along.near(q)
        return Guess(y.band.astype(np.int64), x.band.astype(np.int64), x.doubt | y.doubt)

    def holders(self, p: Floats, q: Floats) -> Holders:
        """Give the cells that hold points, exactly: four at a corner, two on a border, one elsewhere."""
        col, row = self.across.band(p), self.along.band(q)
        on_col, on_row = self.across.values[col] == p, self.along.values[row] == q
        rows = np.stack([row, row, row - 1, row - 1], axis=1)
        cols = np.stack([col, col - 1, col, col - 1], axis=1)
        holds = np.stack([np.ones(len(p), bool), on_col, on_row, on_col & on_row], axis=1)
        inside = (rows >= 0) & (rows < self.shape[0]) & (cols >= 0) & (cols < self.shape[1])
        return Holders(np.where(inside & holds, rows, -1), cols, holds)

    def cut(self, loops: Loops, reach: float) -> Pieces:
        """Cut an outline at all borders."""
        loops = cut_at_borders(loops, self.across, self.along, reach)
        p, q, following = loops.p, loops.q, loops.after()
        col = self.across.band(np.minimum(p, p[following]))
        row = self.along.band(np.minimum(q, q[following]))
        on_col, on_row = self.across.values[self.across.band(p)] == p, self.along.values[self.along.band(q)] == q
        along = (on_col & (p == p[following])) | (on_row & (q == q[following]))
        return Pieces(loops, row, col, along, on_col | on_row)

    def beside(self, p: Floats, q: Floats) -> tuple[Ints, Ints]:
        """Give the two cells at corners that stand on a border."""
        col, row = self.across.band(p), self.along.band(q)
        upright = self.across.values[col] == p
        return np.stack([row, row - ~upright], axis=1), np.stack([col, col - upright], axis=1)

    def is_corner(self, p: Floats, q: Floats) -> Bools:
        """Tell which corners stand where four cells meet."""
        return (self.across.values[self.across.band(p)] == p) & (self.along.values[self.along.band(q)] == q)

    def rim(self, row: Ints, col: Ints, p: Floats, q: Floats) -> Rim:
        """Say where on the rim of a cell each corner stands; side 0 is the bottom."""
        left, right = self.across.values[col], self.across.values[col + 1]
        bottom, top = self.along.values[row], self.along.values[row + 1]
        sides = [(q == bottom) & (p < right), (p == right) & (q < top), (q == top) & (p > left), p == left]
        side = np.select(sides, [0, 1, 2, 3], -1)
        way = np.choose(side % 4, [p, q, -p, -q])
        at_corner = np.choose(side % 4, [p == left, q == bottom, p == right, q == top])
        return Rim(side, way, at_corner)

    def corners(self, row: Ints, col: Ints) -> Floats:
        """Give the corners of cells, the lower left one first."""
        left, right = self.across.values[col], self.across.values[col + 1]
        bottom, top = self.along.values[row], self.along.values[row + 1]
        return np.stack([left, bottom, right, bottom, right, top, left, top], axis=1).reshape(-1, 4, 2)

    def area(self, row: Ints, col: Ints) -> Floats:
        """Give the areas of cells."""
        return np.diff(self.across.values)[col] * np.diff(self.along.values)[row]
