"""Cells to borders: each border once, with the cell on either side.

A border is a chain of vertices, an *arc*; its edges go from vertex to vertex. No topology is asked for: an edge that
only one cell has, as on the outline of the grid or in a faulty one, has no cell on its other side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from gridgis import compiled
from gridgis.locate.signs import SAFE, orientation

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int32]


class Rings(NamedTuple):
    """The rings of all cells, as plain arrays.

    Attributes
    ----------
    xy : array of float64, shape (n, 2)
        Vertices, ring after ring; the last of a ring is its first again.
    start : array of int64, shape (rings + 1,)
        Where each ring begins in ``xy``.
    hole : array of bool, shape (rings,)
        Whether the ring is a hole of its cell.
    cell : array of int32, shape (rings,)
        Number of the cell, from 1.
    """

    xy: Floats
    start: Ints
    hole: Bools
    cell: Numbers


class Arcs(NamedTuple):
    """The borders of all cells, each once.

    Attributes
    ----------
    vertices : array of float64, shape (n, 2)
        Edge ``e`` goes from vertex ``e`` to ``e + 1``; at the last vertex of an arc there is none.
    start : array of int32, shape (arcs + 1,)
        Where each arc begins in ``vertices``.
    left, right : array of int32, shape (arcs,)
        Number of the cell on the left and on the right, 0 where there is none.
    bounds : tuple of float
        West, south, east, north of all vertices.
    plain : bool
        Whether all coordinates are 0 or of a size within `SAFE`; if not, the rest is not to be used.
    """

    vertices: Floats
    start: Numbers
    left: Numbers
    right: Numbers
    bounds: tuple[float, float, float, float]
    plain: bool


def rings_of(cells: npt.NDArray[np.object_]) -> Rings:
    """Take polygons and multipolygons apart; missing and empty ones have no rings.

    Examples
    --------
    >>> import shapely
    >>> rings = rings_of(np.array([shapely.box(0, 0, 2, 1), None]))
    >>> rings.xy.shape, rings.start.tolist(), rings.cell.tolist()
    ((5, 2), [0, 5], [1])
    """
    numbers = np.arange(1, len(cells) + 1, dtype=np.int32)
    counts = shapely.get_num_coordinates(cells).astype(np.int64)
    plain = (shapely.get_type_id(cells) == 3) & (shapely.get_num_interior_rings(cells) == 0) & (counts > 0)
    odd = np.flatnonzero(~plain & (counts > 0))
    xy = shapely.get_coordinates(cells)
    if not len(odd):
        return Rings(xy, _starts(counts[plain]), np.zeros(int(plain.sum()), bool), numbers[plain])
    parts, part_of = shapely.get_parts(cells[odd], return_index=True)
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    cell = np.concatenate([numbers[plain], numbers[odd[part_of[ring_of]]]])
    hole = np.concatenate([np.zeros(int(plain.sum()), bool), np.r_[False, ring_of[1:] == ring_of[:-1]]])
    sizes = np.concatenate([counts[plain], shapely.get_num_coordinates(rings).astype(np.int64)])
    order = np.argsort(cell, kind="stable")
    return Rings(xy, _starts(sizes[order]), hole[order], cell[order])


def _starts(counts: Ints) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def arcs_of(rings: Rings) -> Arcs:
    """Find the borders that two cells share, edge by edge, and put them together to arcs.

    Two edges are one where their ends are the same doubles and their cells lie on different sides.
    """
    if compiled.core is None:
        return _arcs_of(rings)
    many = len(rings.xy)
    vertices, start = np.empty((2 * many, 2)), np.zeros(many + 1, np.int32)
    left, right = np.empty(many, np.int32), np.empty(many, np.int32)
    used, arcs, plain, *bounds = compiled.core.make_arcs(*rings, vertices, start, left, right)
    west, south, east, north = bounds
    return Arcs(vertices[:used], start[: arcs + 1], left[:arcs], right[:arcs], (west, south, east, north), bool(plain))


def _arcs_of(rings: Rings) -> Arcs:
    """Do what the compiled kernel does."""
    x, y = rings.xy[:, 0], rings.xy[:, 1]
    size = np.abs(rings.xy)
    plain = bool(((size == 0) | ((size > SAFE[0]) & (size < SAFE[1]))).all())
    if not plain:
        none = np.zeros(0, np.int32)
        return Arcs(rings.xy[:0], np.zeros(1, np.int32), none, none, (0.0, 0.0, 0.0, 0.0), plain)
    ring_of = np.repeat(np.arange(len(rings.cell)), np.diff(rings.start))
    is_edge = np.ones(len(x), bool)
    is_edge[rings.start[1:] - 1] = False
    edge = np.flatnonzero(is_edge)
    edge = edge[(x[edge] != x[edge + 1]) | (y[edge] != y[edge + 1])]
    turned = _turned(rings)
    twin = _twins(x, y, edge, turned[ring_of[edge]])
    kept = (twin < 0) | (edge < twin)
    edge, twin = edge[kept], twin[kept]
    own = rings.cell[ring_of[edge]]
    other = np.where(twin < 0, 0, rings.cell[ring_of[twin]])
    begins = np.r_[True, (edge[1:] != edge[:-1] + 1) | (other[1:] != other[:-1])][: len(edge)]
    last = np.cumsum(1 + begins) - 1
    vertex = np.empty(len(edge) + int(begins.sum()), np.int64)
    vertex[last] = edge + 1
    vertex[last[begins] - 1] = edge[begins]
    start = np.r_[last[begins] - 1, len(vertex)].astype(np.int32)
    own, other, away = own[begins], other[begins], turned[ring_of[edge[begins]]]
    bounds = (x.min(), y.min(), x.max(), y.max()) if len(x) else (np.inf, np.inf, -np.inf, -np.inf)
    left, right = np.where(away, other, own), np.where(away, own, other)
    return Arcs(rings.xy[vertex], start, left.astype(np.int32), right.astype(np.int32), bounds, plain)


def _turned(rings: Rings) -> Bools:
    """Tell the rings that have their cell on the right: a ring turns at its lowest point as it turns as a whole."""
    x, y, first = rings.xy[:, 0], rings.xy[:, 1], rings.start[:-1]
    size = np.diff(rings.start) - 1
    if not len(first):
        return np.zeros(0, bool)
    ring_of = np.repeat(np.arange(len(first)), size + 1)
    lowest = np.flatnonzero(y == np.minimum.reduceat(y, first)[ring_of])
    lowest = lowest[np.lexsort((lowest, x[lowest], ring_of[lowest]))]
    low = lowest[np.r_[True, np.diff(ring_of[lowest]) > 0]] - first
    ends = []
    for step in (-1, 1):
        at = first + (low + step) % size
        for _ in range(int(size.max())):
            stuck = np.flatnonzero((x[at] == x[first + low]) & (y[at] == y[first + low]))
            if not len(stuck):
                break
            at[stuck] = first[stuck] + (at[stuck] - first[stuck] + step) % size[stuck]
        ends.append(at)
    before, here, after = ends[0], first + low, ends[1]
    clockwise = orientation(x[before], y[before], x[here], y[here], x[after], y[after]) < 0
    return np.where(size < 3, rings.hole, clockwise != rings.hole)


def _twins(x: Floats, y: Floats, edge: Ints, turned: Bools) -> Ints:
    """Give the other edge with the same ends and its cell on the other side, -1 where there is none."""
    one, two = np.where(turned, edge + 1, edge), np.where(turned, edge, edge + 1)
    down = (y[two] < y[one]) | ((y[two] == y[one]) & (x[two] < x[one]))
    low, high = np.where(down, two, one), np.where(down, one, two)
    order = np.lexsort((down, x[high] + 0.0, y[high] + 0.0, x[low] + 0.0, y[low] + 0.0))
    ends = np.stack([x[low], y[low], x[high], y[high]])[:, order]
    group = np.cumsum(np.r_[True, (ends[:, 1:] != ends[:, :-1]).any(axis=0)][: len(order)])
    down = down[order]
    block = np.cumsum(np.r_[True, (group[1:] != group[:-1]) | (down[1:] != down[:-1])][: len(order)])
    rank = np.arange(len(order)) - np.searchsorted(block, block)
    key = group * (int(rank.max(initial=0)) + 1) + rank
    twin = np.full(len(order), -1, np.int64)
    up, back = np.flatnonzero(~down), np.flatnonzero(down)
    _, of_up, of_back = np.intersect1d(key[up], key[back], assume_unique=True, return_indices=True)
    twin[order[up[of_up]]] = edge[order[back[of_back]]]
    twin[order[back[of_back]]] = edge[order[up[of_up]]]
    return twin
