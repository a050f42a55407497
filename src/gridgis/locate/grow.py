"""The index without a compiler: level by level, all pixels of a level at once, with the arrays of the kernel.

The names and the order of every operation are those of `_index.c`, so that the doubles are the same.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gridgis.locate.arcs import Arcs
from gridgis.locate.signs import orientation

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

KIND_BITS, SIDE_BITS = 30, 26
BLOCK, LEAF = 1 << KIND_BITS, 2 << KIND_BITS
CLASH = BLOCK - 1
ONE_CELL = 1 << 24
WRAP = (1 << 32) - 1
CROWD = 100
QUANTA_BITS = 14
FINEST = 18
SLACK = 1.0
LEANS_RIGHT, LAST = 1, 2
ALWAYS, NEVER = 32767, -32768
PIECE = np.dtype(
    [("u0", "i2"), ("v0", "i2"), ("u1", "i2"), ("v1", "i2"), ("crossing", "i2"), ("flags", "u2"), ("delta", "u4")]
)


class Edges(NamedTuple):
    """Edges from their lower end to their upper one; of two ends of one height the left one is the lower."""

    low_x: Floats
    low_y: Floats
    high_x: Floats
    high_y: Floats

    def take(self, which: Any) -> Edges:
        """Give some of them."""
        return Edges(*(each[which] for each in self))


class Nodes(NamedTuple):
    """The nodes of a level: where they lie, their pixels, and the sum of cells at their corner."""

    x: Ints
    y: Ints
    shift: Ints
    columns: Ints
    rows: Ints
    sum: Ints
    offset: Ints

    def take(self, which: Any) -> Nodes:
        """Give some of them."""
        return Nodes(*(each[which] for each in self))


class Growth(NamedTuple):
    """What does not change from level to level, and the parts of the index made so far."""

    frame: Any
    edges: Edges
    delta: Ints
    cells: int
    most: int
    leaves: list[npt.NDArray[np.uint64]]
    leaf_edges: list[Ints]
    used: list[int]


def edges_of(vertices: Floats, which: Ints) -> tuple[Edges, Bools]:
    """Give edges from their lower end to their upper one, and which of them were turned for that."""
    a, b = vertices[which], vertices[which + 1]
    turned = (b[:, 1] < a[:, 1]) | ((b[:, 1] == a[:, 1]) & (b[:, 0] < a[:, 0]))
    low, high = np.where(turned[:, None], b, a), np.where(turned[:, None], a, b)
    return Edges(low[:, 0], low[:, 1], high[:, 0], high[:, 1]), turned


def right_of(edges: Edges, x: Floats, y: Floats) -> Bools:
    """Tell whether (x, y), moved by (e, e^2) for an e that is next to nothing, lies to the right of the edge."""
    sign = orientation(*edges, x, y)
    return (sign < 0) | ((sign == 0) & (edges.low_y < edges.high_y))


def spans_y(edges: Edges, y: Floats) -> Bools:
    """Tell whether the line y, moved up by next to nothing, crosses the edge."""
    return (edges.low_y <= y) & (y < edges.high_y)


def spans_x(edges: Edges, x: Floats) -> Bools:
    """Tell whether the line x, moved to the right by next to nothing, crosses the edge."""
    return (np.minimum(edges.low_x, edges.high_x) <= x) & (x < np.maximum(edges.low_x, edges.high_x))


def cell_of(sums: Ints, cells: int) -> Ints:
    """Tell for which cell a sum of cells stands: 0 for none, `CLASH` where it is not one."""
    number = sums & (ONE_CELL - 1)
    return np.where(sums == 0, 0, np.where((sums >> 24 == 1) & (number >= 1) & (number <= cells), number, CLASH))


def tree_of(arcs: Arcs, frame: Any, cells: int, most: int) -> tuple[Any, Any, Any]:
    """Build table, leaves and edges of the leaves."""
    which = np.delete(np.arange(len(arcs.vertices)), arcs.start[1:] - 1)
    arc = np.repeat(np.arange(len(arcs.left)), np.diff(arcs.start) - 1)
    edges, turned = edges_of(arcs.vertices, which)
    left, right = (np.where(side > 0, ONE_CELL + side.astype(np.int64), 0)[arc] for side in (arcs.left, arcs.right))
    delta = np.where(turned, left - right, right - left) & WRAP
    growth = Growth(frame, edges, delta, cells, most, [], [], [0, 0])
    pixels = frame.columns * frame.rows
    one = np.zeros(1, np.int64)
    nodes = Nodes(one, one, one + frame.shift, one + frame.columns, one + frame.rows, one, one)
    entries, growth.used[0] = [], (pixels + 3) // 4 * 4
    node, edge = np.zeros(len(which), np.int64), np.arange(len(which))
    while len(nodes.x):
        made, nodes, node, edge = _level(growth, nodes, node, edge)
        entries.append(made)
        if len(entries) == 1:
            entries.append(np.zeros(growth.used[1] - pixels, np.int64))
    table = np.concatenate(entries).astype(np.uint32)
    leaves = np.concatenate([np.zeros(0, np.uint64), *growth.leaves])
    return table, leaves, which[np.concatenate([np.zeros(0, np.int64), *growth.leaf_edges])].astype(np.uint32)


def _expanded(count: Ints) -> tuple[Ints, Ints]:
    """Number things 0, 1, ... count - 1 each: which thing, which number."""
    which = np.repeat(np.arange(len(count)), count)
    return which, np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)


def _level(growth: Growth, nodes: Nodes, node: Ints, edge: Ints) -> tuple[Ints, Nodes, Ints, Ints]:
    """Divide all nodes of a level; pairs of a node and an edge that touches it come in the order of the nodes.

    It is in vain to divide a pixel on, where most edges of the node are in it and most are longer than a pixel: they
    lie on each other, or go through one place.
    """
    pixels = nodes.columns * nodes.rows
    first = np.cumsum(pixels) - pixels
    pixel, pair = _touched(growth, nodes, node, edge, first)
    order = np.argsort(pixel, kind="stable")
    pair = pair[order]
    count = np.bincount(pixel, minlength=int(pixels.sum()))
    sums = _sums(growth, nodes, node, edge, first)
    if ((sums >> 24 > CROWD) & (sums >> 24 < 256 - CROWD)).any():
        raise OverflowError("crowded")
    of_node, place = _expanded(pixels)
    shift = nodes.shift[of_node]
    x = nodes.x[of_node] + (place % nodes.columns[of_node] << shift)
    y = nodes.y[of_node] + (place // nodes.columns[of_node] << shift)
    in_node, touched = np.bincount(node, minlength=len(pixels)), np.bincount(node[pair], minlength=len(pixels))
    in_vain = (4 * count >= 3 * in_node[of_node]) & (2 * touched >= in_node * nodes.columns)[of_node]
    empty, leaf = count == 0, (count > 0) & ((count <= growth.most) | (shift <= FINEST) | in_vain)
    entries = np.where(empty, cell_of(sums, growth.cells), 0)
    in_leaf = np.repeat(leaf, count)
    at = np.flatnonzero(leaf)
    corner = Nodes(x[at], y[at], shift[at], count[at], of_node[at], sums[at], at)
    entries[at] = LEAF | _leaves(growth, nodes, corner, edge[pair[in_leaf]])
    below = np.flatnonzero(~empty & ~leaf)
    bits = np.ones(len(below), np.int64)
    for more in range(1, 6):
        bits[(1 << (2 * more)) < count[below]] = more + 1
    bits = np.minimum(bits, shift[below] - FINEST)
    size = 1 << 2 * bits
    offset = growth.used[0] + np.cumsum(size) - size
    entries[below] = BLOCK | bits << SIDE_BITS | offset >> 2
    growth.used[1] = growth.used[0]
    growth.used[0] += int(size.sum())
    if growth.used[0] >> 2 >= 1 << SIDE_BITS:
        raise OverflowError("large")
    side = 1 << bits
    deeper = Nodes(x[below], y[below], shift[below] - bits, side, side, sums[below], offset)
    of_child = np.full(len(count), -1)
    of_child[below] = np.arange(len(below))
    child = np.repeat(of_child, count)
    return entries, deeper, child[child >= 0], edge[pair[child >= 0]]


def _placed(growth: Growth, nodes: Nodes, node: Ints, edge: Ints) -> tuple[Floats, Floats, Floats, Floats]:
    """Give the ends of edges in units from the corner of their node."""
    frame, edges = growth.frame, growth.edges.take(edge)
    x, y = nodes.x[node].astype(float), nodes.y[node].astype(float)
    ax, ay = (edges.low_x - frame.west) * frame.scale - x, (edges.low_y - frame.south) * frame.scale - y
    return ax, ay, (edges.high_x - frame.west) * frame.scale - x, (edges.high_y - frame.south) * frame.scale - y


def _whole(values: Floats) -> Ints:
    return np.floor(np.clip(values, -4e18, 4e18)).astype(np.int64)


def _touched(growth: Growth, nodes: Nodes, node: Ints, edge: Ints, first: Ints) -> tuple[Ints, Ints]:
    """Give the pixels that edges touch, or come so near that rounding may count, with the number of the pair."""
    ax, ay, bx, by = _placed(growth, nodes, node, edge)
    size = np.ldexp(1.0, nodes.shift[node])
    inverse = 1.0 / size
    low, high = _whole((ay - SLACK) * inverse), _whole((by + SLACK) * inverse)
    rows, columns = nodes.rows[node], nodes.columns[node]
    begin, end = np.clip(low, 0, rows - 1), np.clip(high, 0, rows - 1)
    pair, step = _expanded(np.where((high < 0) | (low >= rows), 0, end - begin + 1))
    row = begin[pair] + step
    rise = by - ay
    several = (low < high) & (rise > 1e-3)
    slope = np.divide(bx - ax, rise, out=np.zeros_like(rise), where=several)
    ax, ay, bx, by, slope, size, inverse = (each[pair] for each in (ax, ay, bx, by, slope, size, inverse))
    several = several[pair]
    bottom, top = row * size - SLACK, (row + 1) * size + SLACK
    one = np.where(several & (bottom > ay), ax + (bottom - ay) * slope, ax)
    two = np.where(several & (top < by), ax + (top - ay) * slope, bx)
    west, east = (_whole((np.minimum(one, two) - SLACK) * inverse), _whole((np.maximum(one, two) + SLACK) * inverse))
    most = columns[pair] - 1
    begin, end = np.clip(west, 0, most), np.clip(east, 0, most)
    strip, step = _expanded(np.where((east < 0) | (west > most), 0, end - begin + 1))
    pair, row = pair[strip], row[strip]
    return first[node[pair]] + row * columns[pair] + begin[strip] + step, pair


def _sums(growth: Growth, nodes: Nodes, node: Ints, edge: Ints, first: Ints) -> Ints:
    """Sum the cells up at the lower left corner of every pixel."""
    frame, corners = growth.frame, np.zeros(int((nodes.columns * nodes.rows).sum()), np.int64)
    ax, ay, bx, by = _placed(growth, nodes, node, edge)
    size = np.ldexp(1.0, nodes.shift[node])
    low, high = _whole((ay - SLACK) * (1.0 / size)), _whole((by + SLACK) * (1.0 / size))
    begin = np.maximum(low + 1, 0)
    pair, step = _expanded(np.maximum(np.minimum(high, nodes.rows[node] - 1) - begin + 1, 0))
    row = begin[pair] + step
    y = frame.south + (nodes.y[node[pair]] + (row << nodes.shift[node[pair]])) * frame.unit
    spanned = spans_y(growth.edges.take(edge[pair]), y)
    pair, row, y = pair[spanned], row[spanned], y[spanned]
    at, edges = nodes.take(node[pair]), growth.edges.take(edge[pair])
    part = (y - edges.low_y) / (edges.high_y - edges.low_y)
    x = ax[pair] + part * (bx[pair] - ax[pair])
    near, column = _whole(x * (1.0 / size[pair]) + 0.5), _whole(x * (1.0 / size[pair])) + 1
    close = np.flatnonzero((np.abs(x - near * size[pair]) <= SLACK) & (near >= 0) & (near <= at.columns))
    corner = frame.west + (at.x + (near << at.shift))[close] * frame.unit
    column[close] = near[close] + ~right_of(edges.take(close), corner, y[close])
    good = (column >= 1) & (column < at.columns) & (near >= 0) & (near <= at.columns)
    place = (first[node[pair]] + row * at.columns + column)[good]
    np.add.at(corners, place, growth.delta[edge[pair]][good])
    x = frame.west + nodes.x[node] * frame.unit
    pair = np.flatnonzero(spans_x(growth.edges.take(edge), x))
    at, edges, x, size = nodes.take(node[pair]), growth.edges.take(edge[pair]), x[pair], size[pair]
    part = (x - edges.low_x) / (edges.high_x - edges.low_x)
    y = ay[pair] + part * (by[pair] - ay[pair])
    leans_right = edges.low_x < edges.high_x
    near, row = _whole(y * (1.0 / size) + 0.5), _whole(y * (1.0 / size)) + 1
    close = np.flatnonzero((np.abs(y - near * size) <= SLACK) & (near >= 0) & (near <= at.rows))
    corner = frame.south + (at.y + (near << at.shift))[close] * frame.unit
    row[close] = near[close] + (right_of(edges.take(close), x[close], corner) == leans_right[close])
    good = (row >= 1) & (row < at.rows) & (near >= 0) & (near <= at.rows)
    delta = growth.delta[edge[pair]]
    np.add.at(corners, (first[node[pair]] + row * at.columns)[good], np.where(leans_right, -delta, delta)[good])
    return _summed(corners, nodes, first) & WRAP


def _summed(corners: Ints, nodes: Nodes, first: Ints) -> Ints:
    """Sum up the left side of each node, then along its rows; nodes of one shape together."""
    for columns, rows in sorted(set(zip(nodes.columns.tolist(), nodes.rows.tolist(), strict=True))):
        here = np.flatnonzero((nodes.columns == columns) & (nodes.rows == rows))
        place = first[here][:, None] + np.arange(columns * rows)
        block = corners[place].reshape(-1, rows, columns)
        block[:, 0, 0] += nodes.sum[here]
        block[:, :, 0] = np.cumsum(block[:, :, 0], axis=1)
        corners[place] = np.cumsum(block, axis=2).reshape(len(here), -1)
    return corners


def _quantum(values: Floats) -> npt.NDArray[np.int16]:
    return ((np.clip(values, -32000, 32000) + 32768.5).astype(np.int32) - 32768).astype(np.int16)


def _leaves(growth: Growth, nodes: Nodes, corner: Nodes, edge: Ints) -> Ints:
    """Write leaves and give the place of each; ``corner`` holds corners, counts (``columns``) and nodes (``rows``).

    The base of a leaf is the sum of cells for a point that is on the left of all its edges.
    """
    frame, count = growth.frame, corner.columns
    leaf, number = _expanded(count)
    edges, delta = growth.edges.take(edge), growth.delta[edge]
    x0, y0 = frame.west + corner.x[leaf] * frame.unit, frame.south + corner.y[leaf] * frame.unit
    west, south = corner.x - nodes.x[corner.rows], corner.y - nodes.y[corner.rows]
    ax, ay, bx, by = _placed(growth, nodes, corner.rows[leaf], edge)
    ax, bx, ay, by = ax - west[leaf], bx - west[leaf], ay - south[leaf], by - south[leaf]
    size = np.ldexp(1.0, corner.shift[leaf])
    pieces = _pieces((ax, ay, bx, by), edges, x0, size)
    pieces["delta"] = delta
    pieces["flags"] |= np.where(number == count[leaf] - 1, LAST, 0).astype(np.uint16)
    spans = spans_x(edges, x0)
    right = pieces["crossing"] == ALWAYS
    right[spans] = right_of(edges.take(spans), x0[spans], y0[spans])
    base = corner.sum.copy()
    np.subtract.at(base, leaf[right], delta[right])
    used = sum(len(part) for part in growth.leaf_edges)
    words = 1 + 2 * count
    place = np.cumsum(words) - words
    block = np.empty(int(words.sum()), np.uint64)
    block[place] = (base & WRAP).astype(np.uint64) | (used + np.cumsum(count) - count).astype(np.uint64) << np.uint64(
        32
    )
    at = place[leaf] + 1 + 2 * number
    block[np.stack([at, at + 1], axis=1)] = pieces.view(np.uint64).reshape(-1, 2)
    place += sum(len(part) for part in growth.leaves)
    growth.leaves.append(block)
    growth.leaf_edges.append(edge)
    return place


def _pieces(ends: tuple[Floats, ...], edges: Edges, x0: Floats, size: Floats) -> npt.NDArray[np.void]:
    """Give what a leaf keeps of an edge: the piece in and around its pixel, in quanta."""
    ax, ay, bx, by = ends
    scale, low, high = (1 << QUANTA_BITS) / size, -0.5 * size, 1.5 * size
    dx, dy = bx - ax, by - ay
    begin, end = np.zeros(len(ax)), np.ones(len(ax))
    for start, run in ((ax, dx), (ay, dy)):
        stop = start + run
        for wall, first_out, last_out in ((low, start < low, stop < low), (high, start > high, stop > high)):
            at = np.divide(wall - start, run, out=np.zeros_like(run), where=first_out != last_out)
            begin = np.where(first_out & ~last_out & (at > begin), at, begin)
            end = np.where(last_out & ~first_out & (at < end), at, end)
    end = np.maximum(begin, end)
    pieces = np.zeros(len(ax), PIECE)
    pieces["u0"], pieces["v0"] = _quantum((ax + begin * dx) * scale), _quantum((ay + begin * dy) * scale)
    pieces["u1"] = _quantum(np.where(end == 1.0, bx, ax + end * dx) * scale)
    pieces["v1"] = _quantum(np.where(end == 1.0, by, ay + end * dy) * scale)
    spans = spans_x(edges, x0)
    part = np.divide(x0 - edges.low_x, edges.high_x - edges.low_x, out=np.zeros_like(x0), where=spans)
    beyond = np.where(np.maximum(edges.low_x, edges.high_x) <= x0, ALWAYS, NEVER)
    pieces["crossing"] = np.where(spans, _quantum((ay + part * dy) * scale), beyond)
    pieces["flags"] = np.where(spans & (edges.low_x >= edges.high_x), 0, LEANS_RIGHT)
    return pieces
