"""Points to cells: down the table of pixels, and in a leaf past the edges, each by an exact sign.

Arrays in, arrays out. The compiled kernel does the work where it is there; what stands here beside it is its twin, and
answers for the few points whose coordinates are too small for sums of doubles.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gridgis import compiled
from gridgis.answers import BAD_COORDINATES, CONFLICT, OUTSIDE
from gridgis.locate.arcs import Arcs
from gridgis.locate.grow import (
    BLOCK,
    CLASH,
    KIND_BITS,
    LAST,
    LEANS_RIGHT,
    PIECE,
    QUANTA_BITS,
    SIDE_BITS,
    WRAP,
    Edges,
    cell_of,
    edges_of,
    right_of,
    spans_x,
    spans_y,
)
from gridgis.locate.signs import orientation
from gridgis.locate.tree import Frame, Tree

OPEN = -4
"""What a kernel leaves to its twin: coordinates too small for sums of doubles."""
NEAR = 2
"""Quanta within which a leaf is not sure and asks for exact signs."""
BATCH = 1 << 16
_LARGE = 1_000_000
"""Locating so many points without the compiled core takes long enough to say so."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int32]


class Index(NamedTuple):
    """A grid made ready for points.

    Attributes
    ----------
    arcs : Arcs
        The borders of the cells; cells are numbered from 1 in the order of their codes.
    tree : Tree
        The index of the borders.
    frame : Frame
        Where its pixels lie.
    rows : array of int32
        For each cell its row in the grid.
    """

    arcs: Arcs
    tree: Tree
    frame: Frame
    rows: Rows


def find(index: Index, x: Floats, y: Floats, *, border: bool) -> tuple[Rows, Bools]:
    """Give the row of the cell of each point, or why it has none, and (if asked for) whether it lies on a border."""
    found, on_border = np.empty(len(x), np.int32), np.zeros(len(x) if border else 0, bool)
    if compiled.core is None:
        compiled.note_absence(len(x), _LARGE)
        for at in range(0, len(x), BATCH):
            part = slice(at, at + BATCH)
            found[part], edge = _find(index, x[part], y[part])
            if border:
                on_border[part] = edge
        return found, on_border
    arrays = (*index.arcs[:4], *index.tree, index.rows)
    if compiled.core.find_cells(*arrays, x, y, found, on_border, *index.frame):
        rest = np.flatnonzero(found == OPEN)
        found[rest], edge = _find(index, x[rest], y[rest])
        if border:
            on_border[rest] = edge
    return found, on_border


def _find(index: Index, x: Floats, y: Floats) -> tuple[Rows, Bools]:
    """Do what the compiled kernel does."""
    frame, table = index.frame, index.tree.table
    with np.errstate(over="ignore", invalid="ignore"):
        across, up = (x - frame.west) * frame.scale, (y - frame.south) * frame.scale
        size = 1 << frame.shift
        here = np.flatnonzero((across >= 0) & (across < frame.columns * size) & (up >= 0) & (up < frame.rows * size))
    answer = np.where(np.isfinite(x) & np.isfinite(y), 0, BAD_COORDINATES)
    border = np.zeros(len(x), bool)
    column, row = across[here].astype(np.int64), up[here].astype(np.int64)
    shift = np.full(len(here), frame.shift)
    place = (row >> shift) * frame.columns + (column >> shift)
    while len(here):
        entry = table[place].astype(np.int64)
        kind, value = entry >> KIND_BITS, entry & (BLOCK - 1)
        answer[here[kind == 0]] = value[kind == 0]
        leaf = np.flatnonzero(kind == 2)
        if len(leaf):
            at = here[leaf]
            answer[at], border[at] = _in_leaves(index, value[leaf], column[leaf], row[leaf], shift[leaf], x[at], y[at])
        deeper = np.flatnonzero(kind == 1)
        here, column, row, value = (each[deeper] for each in (here, column, row, value))
        bits = value >> SIDE_BITS
        shift, mask = shift[deeper] - bits, (1 << bits) - 1
        place = ((value & ((1 << SIDE_BITS) - 1)) << 2) + ((row >> shift & mask) << bits) + (column >> shift & mask)
    answer = np.where(answer == CLASH, CONFLICT, np.where(answer == 0, OUTSIDE, answer))
    found = np.where(answer > 0, index.rows[np.maximum(answer, 1) - 1] if len(index.rows) else OUTSIDE, answer)
    return found.astype(np.int32), border


def _in_leaves(
    index: Index, leaf: Ints, column: Ints, row: Ints, shift: Ints, x: Floats, y: Floats
) -> tuple[Ints, Bools]:
    """Answer from the pieces of the leaves, where no piece is so near that rounding may count."""
    words = index.tree.leaves
    sums, sure = (words[leaf] & np.uint64(WRAP)).astype(np.int64), np.ones(len(leaf), bool)
    u, v = (each >> (shift - QUANTA_BITS) & ((1 << QUANTA_BITS) - 1) for each in (column, row))
    here, at = np.arange(len(leaf)), leaf + 1
    while len(here):
        piece = np.stack([words[at], words[at + 1]], axis=1).view(PIECE)[:, 0]
        u0, v0, u1, v1, crossing = (piece[name].astype(np.int64) for name in ("u0", "v0", "u1", "v1", "crossing"))
        du, dv, over, height = u1 - u0, v1 - v0, v[here] - v0, v[here]
        cross = du * over - dv * (u[here] - u0)
        spans = (over >= 0) & (height < v1)
        beside = (height < crossing) == (piece["flags"] & LEANS_RIGHT > 0)
        right = np.where(spans, cross < 0, beside)
        close = np.where(spans, np.abs(cross) <= NEAR * (np.abs(du) + dv), np.abs(height - crossing) <= NEAR)
        sure[here] &= ~close & (np.abs(over) > NEAR) & (np.abs(height - v1) > NEAR)
        sums[here[right]] += piece["delta"][right]
        more = np.flatnonzero(piece["flags"] & LAST == 0)
        here, at = here[more], at[more] + 2
    answer, border = cell_of(sums & WRAP, len(index.rows)), np.zeros(len(leaf), bool)
    rest = np.flatnonzero(~sure)
    if len(rest):
        corner = (column[rest] >> shift[rest] << shift[rest]).astype(np.float64)
        x0: Floats = np.asarray(index.frame.west + corner * index.frame.unit, np.float64)
        answer[rest], border[rest] = _exactly(index, leaf[rest], x0, x[rest], y[rest])
    return answer, border


def _exactly(index: Index, leaf: Ints, x0: Floats, x: Floats, y: Floats) -> tuple[Ints, Bools]:
    """Answer by exact signs, the points of all leaves piece by piece."""
    words, vertices = index.tree.leaves, index.arcs.vertices
    sums, first = (words[leaf] & np.uint64(WRAP)).astype(np.int64), (words[leaf] >> np.uint64(32)).astype(np.int64)
    here, step, touched = np.arange(len(leaf)), 0, []
    while len(here):
        flags_delta = words[leaf[here] + 2 + 2 * step]
        edge = index.tree.leaf_edges[first[here] + step].astype(np.int64)
        edges, _ = edges_of(vertices, edge)
        right = _right_on_way(edges, x0[here], x[here], y[here])
        sums[here[right]] += (flags_delta[right] >> np.uint64(32)).astype(np.int64)
        on = _lie_on(edges, x[here], y[here])
        touched.append((here[on], edge[on]))
        here = here[flags_delta >> np.uint64(16) & np.uint64(LAST) == 0]
        step += 1
    answer, border = cell_of(sums & WRAP, len(index.rows)), np.zeros(len(leaf), bool)
    point, edge = (np.concatenate(each) for each in zip(*touched, strict=True))
    on_border = np.unique(point)
    if len(on_border):
        number = np.searchsorted(on_border, point)
        at = x[on_border], y[on_border]
        answer[on_border] = _on_borders(index, number, edge, sums[on_border] & WRAP, *at)
        border[on_border] = answer[on_border] != CLASH
    return answer, border


def _right_on_way(edges: Edges, x0: Floats, x: Floats, y: Floats) -> Bools:
    """Tell whether points are to the right of edges, as seen on a way that goes up along x0 and then along y."""
    level, side = spans_y(edges, y), spans_x(edges, x0)
    right = np.maximum(edges.low_x, edges.high_x) <= x0
    asked = np.flatnonzero(level | side)
    right[asked] = right_of(edges.take(asked), np.where(level, x, x0)[asked], y[asked])
    return right


def _lie_on(edges: Edges, x: Floats, y: Floats) -> Bools:
    west, east = np.minimum(edges.low_x, edges.high_x), np.maximum(edges.low_x, edges.high_x)
    on = (x >= west) & (x <= east) & (y >= edges.low_y) & (y <= edges.high_y)
    asked = np.flatnonzero(on)
    on[asked] = orientation(*edges.take(asked), x[asked], y[asked]) == 0
    return on


def _on_borders(index: Index, point: Ints, edge: Ints, sums: Ints, x: Floats, y: Floats) -> Ints:
    """Answer for points on borders: the lowest cell there, unless the point lies inside another one, too.

    ``point`` and ``edge`` are pairs that touch. The sum of a point is that of the point moved by (e, e^2); cells that
    only border on the point are taken off it.
    """
    edges, turned = edges_of(index.arcs.vertices, edge)
    arc = np.searchsorted(index.arcs.start, edge, side="right") - 1
    left, right = index.arcs.left[arc], index.arcs.right[arc]
    left, right = np.where(turned, right, left), np.where(turned, left, right)
    up = (edges.high_x != x[point]) | (edges.high_y != y[point])
    down = (edges.low_x != x[point]) | (edges.low_y != y[point])
    of = np.concatenate([point[up], point[down]])
    to_x, to_y = np.r_[edges.high_x[up], edges.low_x[down]], np.r_[edges.high_y[up], edges.low_y[down]]
    left, right = np.r_[left[up], right[down]].astype(np.int64), np.r_[right[up], left[down]].astype(np.int64)
    lowest = np.full(len(x), CLASH)
    for side in (left, right):
        np.minimum.at(lowest, of[side > 0], side[side > 0])
    own = np.flatnonzero((left > 0) & (left != right))
    one, two = _pairs(of[own], of)
    one = own[one]
    shared = np.flatnonzero((left[two] == left[one]) | (right[two] == left[one]))
    one, two = one[shared], two[shared]
    later = np.zeros(len(of), bool)
    at_x, at_y = x[of[one]], y[of[one]]
    lower = [(to_y[ray] < at_y) | ((to_y[ray] == at_y) & (to_x[ray] > at_x)) for ray in (one, two)]
    turn = orientation(at_x, at_y, to_x[one], to_y[one], to_x[two], to_y[two]) > 0
    later[one[np.where(lower[0] != lower[1], lower[1], turn)]] = True
    counts = sums >> 24
    holders = np.where(counts > 127, counts - 256, counts)
    np.subtract.at(holders, of[own[~later[own]]], 1)
    return np.where(holders > 0, CLASH, lowest)


def _pairs(one: Ints, two: Ints) -> tuple[Ints, Ints]:
    """Give all pairs of places in two arrays that hold the same number."""
    order = np.argsort(two, kind="stable")
    begin, end = (np.searchsorted(two[order], one, side=side) for side in ("left", "right"))
    first = np.repeat(np.arange(len(one)), end - begin)
    step = np.arange(len(first)) - np.repeat(np.cumsum(end - begin) - (end - begin), end - begin)
    return first, order[begin[first] + step]
