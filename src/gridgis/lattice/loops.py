"""Outlines as rings of corners in arrays, cut where they cross the borders of a lattice.

Each crossing becomes a corner of the outline, once. Both cells at that border use this one corner, so clipped
neighbours match vertex by vertex; no cell computes a crossing of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from gridgis.contract import GridError
from gridgis.lattice.borders import Bools, Borders, Floats, Ints

MOST_CROSSINGS = 20_000_000
"""An outline that crosses more borders than this, in one direction, is refused."""


@dataclass(frozen=True)
class Loops:
    """Closed rings, the ground on the left of each edge.

    Attributes
    ----------
    p, q : array of float
        The corners of all rings one after the other, none repeated; p along the columns, q along the rows.
    ring : array of int
        The ring of each corner, ascending.
    owner : array of int
        The area that each ring belongs to, by ring.
    drawn : array of bool
        A corner of the outline itself; the others are crossings.
    """

    p: Floats
    q: Floats
    ring: Ints
    owner: Ints
    drawn: Bools

    def __len__(self) -> int:
        return len(self.p)

    def after(self) -> Ints:
        """Give the number of the corner that follows each corner in its ring."""
        if not len(self):
            return np.zeros(0, np.int64)
        following = np.arange(1, len(self) + 1)
        first = np.flatnonzero(np.diff(self.ring, prepend=-1))
        following[np.append(first[1:], len(self)) - 1] = first
        return following

    def only(self, kept: Bools) -> Loops:
        """Give the rings with some of their corners."""
        return Loops(self.p[kept], self.q[kept], self.ring[kept], self.owner, self.drawn[kept])

    def without_repeats(self) -> Loops:
        """Leave out corners that stand where the next one does."""
        following = self.after()
        return self.only((self.p != self.p[following]) | (self.q != self.q[following]))

    def with_cuts(self, count: Ints, p: Floats, q: Floats) -> Loops:
        """Put ``count`` crossings into the edge after each corner; ``p`` and ``q`` are in the order of the rings."""
        place = np.arange(len(self)) + np.cumsum(count) - count
        total = len(self) + int(count.sum())
        cut = np.ones(total, bool)
        cut[place] = False
        new = [np.empty(total), np.empty(total)]
        for values, old, crossing in zip(new, (self.p, self.q), (p, q), strict=True):
            values[place], values[cut] = old, crossing
        drawn = np.zeros(total, bool)
        drawn[place] = self.drawn
        return Loops(new[0], new[1], np.repeat(self.ring, count + 1), self.owner, drawn)


def loops_of(shapes: npt.NDArray[np.object_]) -> Loops:
    """Take polygons apart into rings; the owner of a ring is the position of its polygon."""
    parts, owner = shapely.get_parts(shapely.orient_polygons(shapes), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    last = np.diff(ring, append=-1) != 0
    p, q = coordinates[~last].T.copy()
    return Loops(p, q, ring[~last], owner[part], np.ones(len(p), bool))


def cut_at_borders(loops: Loops, across: Borders, along: Borders, reach: float) -> Loops:
    """Cut the edges where they cross the borders of p, then where they cross the borders of q.

    After the first cut each edge lies between two borders of p, and the second cut leaves it there: the crossing is
    kept between the ends of its edge. So each edge comes to lie in one rectangle, whatever rounding does. A crossing
    within ``reach`` of a corner of the lattice is put into that corner: nearer than that it is dust.
    """
    p, q, count = _crossings(loops.p, loops.q, loops.after(), across)
    loops = loops.with_cuts(count, p, along.snapped(q, reach)).without_repeats()
    q, p, count = _crossings(loops.q, loops.p, loops.after(), along)
    return loops.with_cuts(count, across.snapped(p, reach), q).without_repeats()


def _crossings(u: Floats, v: Floats, following: Ints, borders: Borders) -> tuple[Floats, Floats, Ints]:
    """Where each edge crosses the borders of u: u and v of the crossings in the order of the edge, and how many."""
    u_end, v_end = u[following], v[following]
    first = np.searchsorted(borders.values, np.minimum(u, u_end), side="right")
    end = np.searchsorted(borders.values, np.maximum(u, u_end), side="left")
    count = np.maximum(end - first, 0)
    if count.sum() > MOST_CROSSINGS:
        raise GridError(
            f"areas: their outline crosses the borders of the cells {count.sum():,} times, at most "
            f"{MOST_CROSSINGS:,} are possible; take a larger size."
        )
    edge = np.repeat(np.arange(len(u)), count)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    up = u_end[edge] > u[edge]
    crossed = borders.values[np.where(up, first[edge] + step, end[edge] - 1 - step)]
    return crossed, interpolated(u[edge], v[edge], u_end[edge], v_end[edge], crossed), count


def interpolated(u0: Floats, v0: Floats, u1: Floats, v1: Floats, u: Floats) -> Floats:
    """Where the edge from (u0, v0) to (u1, v1) has the given u; the same from whichever end it is drawn."""
    up = u1 > u0
    ua, va = np.where(up, u0, u1), np.where(up, v0, v1)
    ub, vb = np.where(up, u1, u0), np.where(up, v1, v0)
    v = va + (u - ua) * (vb - va) / (ub - ua)
    return np.clip(v, np.minimum(va, vb), np.maximum(va, vb))
