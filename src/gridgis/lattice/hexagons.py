r"""Hexagons with a corner at the top, in rows, between two arrays of borders.

Across, there is a border at each half width: the left and right sides of the hexagons, and the middles. Along, there
are two to a row: the lower and the upper end of the upright sides. Between these two ends the rows are rectangles;
between a row and the next, each rectangle of the two arrays has one slanting side from corner to corner:

         |       |       |        row 1: upright sides
        / \     / \     / \       one slanting side to a rectangle
       |   |   |   |   |   |      row 0: upright sides

So a point is located by two places in two arrays, and at most one question on which side of a line it lies.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from gridgis.lattice.borders import MARGIN, Bools, Borders, Floats, Ints
from gridgis.lattice.loops import Loops, cut_at_borders
from gridgis.lattice.mesh import Guess, Holders, Pieces, Rim

ROUNDING = 4e-16
"""Bound of the relative error of a cross product of differences in floating point: (3 + 16 u) u, u = 2**-53."""
UNDERFLOW = 1e-290
"""Products as small as this have lost digits."""


class Hexagons:
    """A mesh of hexagons.

    Cell (row, col) has its left side at ``across.values[2 * col + row % 2]``, and its lowest corner, the lower and
    the upper end of its sides and its highest corner at ``along.values[2 * row]`` and the three that follow.

    Examples
    --------
    >>> import numpy as np
    >>> across = Borders(np.arange(4) * 5.0, 5.0)
    >>> along = Borders(np.array([0.0, 3.0, 9.0, 12.0]), 9.0, inner=1 / 3)
    >>> Hexagons(across, along).corners(np.array([0]), np.array([0])).tolist()
    [[[5.0, 0.0], [10.0, 3.0], [10.0, 9.0], [5.0, 12.0], [0.0, 9.0], [0.0, 3.0]]]
    """

    sides = 6

    def __init__(self, across: Borders, along: Borders) -> None:
        self.across, self.along = across, along
        self.shape = ((len(along.values) - 2) // 2, (len(across.values) - 2) // 2)
        self.middle = (along.values[1:-1:2] + along.values[2::2]) / 2

    def guess(self, p: Floats, q: Floats) -> Guess:
        """Give the cells of points by arithmetic."""
        x, y = self.across.near(p), self.along.near(q)
        half, band = x.band.astype(np.int64), y.band.astype(np.int64)
        row = (band - 1) >> 1
        between = (band & 1) == 0
        rising = ((half + (row & 1)) & 1) == 0
        height = np.where(rising, y.part * 3 - x.part, y.part * 3 + x.part - 1)
        row += between & (height > 0)
        doubt = x.doubt | y.doubt | (between & (np.abs(height) < MARGIN))
        return Guess(row, (half - (row & 1)) >> 1, doubt)

    def holders(self, p: Floats, q: Floats) -> Holders:
        """Give the cells that hold points, exactly, and those beyond a slanting side that is very near."""
        half, band = self.across.band(p), self.along.band(q)
        on_half, on_band = self.across.values[half] == p, self.along.values[band] == q
        rows, cols, holds = [], [], []
        for left, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
            there = (on_half | (left == 0)) & (on_band | (down == 0))
            for row, col, held, near in self._sides(half - left, band - down, p, q):
                inside = (row >= 0) & (row < self.shape[0]) & (col >= 0) & (col < self.shape[1])
                rows.append(np.where(there & near & inside, row, -1))
                cols.append(col)
                holds.append(there & held & inside)
        return Holders(np.stack(rows, axis=1), np.stack(cols, axis=1), np.stack(holds, axis=1))

    def _sides(self, half: Ints, band: Ints, p: Floats, q: Floats) -> list[tuple[Ints, Ints, Bools, Bools]]:
        """The lower and the upper cell in a rectangle of the two arrays: row, column, holds the point, is near it."""
        flat = (band & 1) == 1
        below = (band - 1) >> 1
        inside = (half >= 0) & (half < self.across.bands) & (band >= 0) & (band < self.along.bands)
        asked = inside & ~flat
        sign, near = self._height(np.where(asked, half, 0), np.where(asked, band, 0), p, q)
        lower, upper = flat | (sign <= 0), ~flat & (sign >= 0)
        return [
            (below, (half - (below & 1)) >> 1, inside & lower, inside & (lower | near)),
            (below + 1, (half - (~below & 1)) >> 1, inside & upper, inside & ~flat & (upper | near)),
        ]

    def _slant(self, half: Ints, band: Ints) -> tuple[Floats, Floats, Floats, Floats]:
        """Both ends of the slanting side in a rectangle between two rows, the left one first."""
        rising = ((half + (band >> 1)) & 1) == 1
        low, high = self.along.values[band], self.along.values[band + 1]
        start, end = np.where(rising, low, high), np.where(rising, high, low)
        return self.across.values[half], start, self.across.values[half + 1], end

    def _height(self, half: Ints, band: Ints, p: Floats, q: Floats) -> tuple[Ints, Bools]:
        """On which side of the slanting side points lie, exactly: 1 above, 0 on it, -1 below; and which are near."""
        p0, q0, p1, q1 = self._slant(half, band)
        one, other = (p1 - p0) * (q - q0), (q1 - q0) * (p - p0)
        height = one - other
        sign = np.sign(height).astype(np.int64)
        near = np.abs(height) <= MARGIN * np.abs((p1 - p0) * (q1 - q0))
        undecided = np.abs(height) <= ROUNDING * (np.abs(one) + np.abs(other)) + UNDERFLOW
        for i in np.flatnonzero(near & undecided & ((p != p0) | (q != q0)) & ((p != p1) | (q != q1))).tolist():
            ap, aq, bp, bq, cp, cq = (Fraction(float(v[i])) for v in (p0, q0, p1, q1, p, q))
            exact = (bp - ap) * (cq - aq) - (bq - aq) * (cp - ap)
            sign[i] = (exact > 0) - (exact < 0)
        return sign, near

    def _off(self, half: Ints, band: Ints, p: Floats, q: Floats, reach: float) -> Floats:
        """How far points lie above (below: negative) the slanting side; zero within ``reach``."""
        p0, q0, p1, q1 = self._slant(half, band)
        off = ((p1 - p0) * (q - q0) - (q1 - q0) * (p - p0)) / np.hypot(p1 - p0, q1 - q0)
        return np.where(np.abs(off) <= reach, 0.0, off)

    def cut(self, loops: Loops, reach: float) -> Pieces:
        """Cut an outline at the sides of the hexagons: at all borders, at the slanting sides, then forget the rest."""
        loops = self._cut_at_slants(cut_at_borders(loops, self.across, self.along, reach), reach)
        row, col, along = self._cells(loops, reach)
        node = self._on_side(loops.p, loops.q, reach)
        before = np.empty(len(loops), np.int64)
        before[loops.after()] = np.arange(len(loops))
        same = (row == row[before]) & (col == col[before])
        kept = loops.drawn | node | along | along[before] | ~same
        return Pieces(loops.only(kept), row[kept], col[kept], along[kept], node[kept])

    def _cut_at_slants(self, loops: Loops, reach: float) -> Loops:
        """Cut edges that cross the slanting side of their rectangle."""
        p, q, following = loops.p, loops.q, loops.after()
        half, band = self._rectangles(loops)
        start, end = (self._off(half, band, p[at], q[at], reach) for at in (np.arange(len(p)), following))
        crossing = np.flatnonzero(((band & 1) == 0) & (np.sign(start) * np.sign(end) < 0))
        p0, q0, p1, q1 = (values[at] for at in (crossing, following[crossing]) for values in (p, q))
        back = (p0 > p1) | ((p0 == p1) & (q0 > q1))  # from the same end, whichever way the edge is drawn
        p0, p1, q0, q1 = np.where(back, (p1, p0, q1, q0), (p0, p1, q0, q1))
        start, end = np.where(back, (end[crossing], start[crossing]), (start[crossing], end[crossing]))
        share = start / (start - end)
        crossed_p = np.clip(p0 + share * (p1 - p0), np.minimum(p0, p1), np.maximum(p0, p1))
        crossed_q = np.clip(q0 + share * (q1 - q0), np.minimum(q0, q1), np.maximum(q0, q1))
        count = np.zeros(len(loops), np.int64)
        count[crossing] = 1
        snapped_p, snapped_q = self.across.snapped(crossed_p, reach), self.along.snapped(crossed_q, reach)
        at_corner = np.isin(snapped_p, self.across.values) & np.isin(snapped_q, self.along.values)
        crossed_p, crossed_q = np.where(at_corner, (snapped_p, snapped_q), (crossed_p, crossed_q))
        return loops.with_cuts(count, crossed_p, crossed_q).without_repeats()

    def _rectangles(self, loops: Loops) -> tuple[Ints, Ints]:
        """The rectangle of the two arrays that each edge lies in."""
        following = loops.after()
        half = self.across.band(np.minimum(loops.p, loops.p[following]))
        return half, self.along.band(np.minimum(loops.q, loops.q[following]))

    def _cells(self, loops: Loops, reach: float) -> tuple[Ints, Ints, Bools]:
        """Row and column of the cell that each edge lies in, and which edges run along a side."""
        p, q, following = loops.p, loops.q, loops.after()
        half, band = self._rectangles(loops)
        flat = (band & 1) == 1
        start, end = (self._off(half, band, p[at], q[at], reach) for at in (np.arange(len(p)), following))
        row = ((band - 1) >> 1) + (~flat & (np.where(start != 0, start, end) > 0))
        slanting = ~flat & (start == 0) & (end == 0)
        upright = flat & (p == p[following]) & (self.across.values[half] == p) & (((half ^ row) & 1) == 0)
        return row, (half - (row & 1)) >> 1, slanting | upright

    def _on_side(self, p: Floats, q: Floats, reach: float) -> Bools:
        """Which corners stand on a side of a hexagon."""
        half, band = self.across.band(p), self.along.band(q)
        flat = (band & 1) == 1
        upright = (self.across.values[half] == p) & (((half ^ (band >> 1)) & 1) == 0)
        return np.where(flat, upright, self._off(half, band, p, q, reach) == 0)

    def beside(self, p: Floats, q: Floats) -> tuple[Ints, Ints]:
        """Give the two cells at corners that stand on a side."""
        half, band = self.across.band(p), self.along.band(q)
        flat, below = (band & 1) == 1, (band - 1) >> 1
        col = (half - (below & 1)) >> 1
        other = np.where(flat, col - 1, (half - (~below & 1)) >> 1)
        return np.stack([below, below + ~flat], axis=1), np.stack([col, other], axis=1)

    def is_corner(self, p: Floats, q: Floats) -> Bools:
        """Tell which of the corners that stand on a side stand where three hexagons meet."""
        return (self.across.values[self.across.band(p)] == p) & (self.along.values[self.along.band(q)] == q)

    def rim(self, row: Ints, col: Ints, p: Floats, q: Floats) -> Rim:
        """Say where on the rim of a hexagon each corner stands; side 0 goes from the lowest corner to the right."""
        left, middle, right = (self.across.values[2 * col + (row & 1) + step] for step in range(3))
        low, high = self.along.values[2 * row + 1], self.along.values[2 * row + 2]
        sides = [
            (q < low) & (p >= middle),
            (p == right) & (q < high),
            (q >= high) & (p > middle),
            (q > high) & (p <= middle),
            (p == left) & (q > low),
            (q <= low) & (p < middle),
        ]
        side = np.select(sides, range(6), -1)
        way = np.choose(side % 6, [p, q, -p, -p, -q, p])
        at_corner = np.choose(side % 6, [p == middle, q == low, p == right, p == middle, q == high, p == left])
        return Rim(side, way, at_corner)

    def corners(self, row: Ints, col: Ints) -> Floats:
        """Give the corners of hexagons, the lowest first."""
        left, middle, right = (self.across.values[2 * col + (row & 1) + step] for step in range(3))
        lowest, low, high, highest = (self.along.values[2 * row + step] for step in range(4))
        around = [middle, lowest, right, low, right, high, middle, highest, left, high, left, low]
        return np.stack(around, axis=1).reshape(-1, 6, 2)

    def area(self, row: Ints, col: Ints) -> Floats:
        """Give the areas of hexagons."""
        width = self.across.values[2 * col + (row & 1) + 2] - self.across.values[2 * col + (row & 1)]
        lowest, low, high, highest = (self.along.values[2 * row + step] for step in range(4))
        return width * ((high - low) + (highest - lowest)) / 2
