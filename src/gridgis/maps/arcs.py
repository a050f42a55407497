"""Cells as shared lines: each border is stored once, so that neighbours cannot drift apart.

A *ring* is the outline of a polygon or of a hole, without its last corner. Where the neighbours of a corner are not the
same in every ring that has it, lines meet: it is a *node*. An *arc* is the part of a ring from node to node. Rings are
walked in the order of the cells; an arc is written when it is first walked, later only its number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from gridgis.antimeridian import unwrapped_shapes
from gridgis.crs import WGS84, transform
from gridgis.maps.coding import Ints, unzigzag, zigzag

Bools = npt.NDArray[np.bool_]

UNIT = 1_000_000_000
"""Steps of a raster are whole billionths of a degree."""
_METRES = 111_320
STREAMS = ("pieces", "holes", "arcs", "kinds", "first", "next", "inner", "x", "y")


@dataclass(frozen=True)
class Raster:
    """What corners are rounded to: steps in billionths of a degree, east and north, and the corner they count from."""

    step_x: int
    step_y: int
    west: int
    south: int


@dataclass(frozen=True)
class Rings:
    """Rings of whole steps, without their last corner, in the order of the cells; shells before their holes.

    Attributes
    ----------
    x, y : array of int
        The corners, ring after ring.
    start : array of int
        Where each ring starts, and where the last one ends.
    cell : array of int
        The cell of each ring.
    hole : array of bool
        Whether it is a hole.
    """

    x: Ints
    y: Ints
    start: Ints
    cell: Ints
    hole: Bools


def raster_of(degrees: npt.NDArray[np.object_]) -> Raster:
    """Choose steps of about 0.1 m, finer where cells are small, coarser where numbers would grow beyond 30 bits.

    Parameters
    ----------
    degrees : array of polygons
        In longitude and latitude.
    """
    west, south, east, north = shapely.total_bounds(degrees)
    shrink = max(float(np.cos(np.radians((south + north) / 2))), 0.01)
    boxes = shapely.bounds(degrees)
    sides = np.minimum((boxes[:, 2] - boxes[:, 0]) * shrink, boxes[:, 3] - boxes[:, 1]) * _METRES
    size = float(np.quantile(sides, 0.01))
    metres = min(0.1, max(size / 100, 0.001))
    metres = max(metres, max((east - west) * shrink, north - south) * _METRES / 2**29)
    step_y = max(round(metres / _METRES * UNIT), 1)
    step_x = max(round(metres / _METRES / shrink * UNIT), 1)
    return Raster(step_x, step_y, _steps(west, step_x), _steps(south, step_y))


def _steps(degree: float, step: int) -> int:
    return round(degree * UNIT / step)


def in_degrees(cells: npt.NDArray[np.object_], crs: Any) -> npt.NDArray[np.object_]:
    """Bring cells to longitude and latitude, all on one side of 180 degrees."""
    return unwrapped_shapes(transform(cells, crs, WGS84, "map"), together=True)


def rings_of(degrees: npt.NDArray[np.object_], raster: Raster) -> Rings:
    """Round polygons to a raster: no corner twice in a row, shells counter-clockwise, holes clockwise.

    A hole that shrinks to less than three corners is dropped, and so is a piece, unless it is the last of its cell:
    then a square of one step stands for it.
    """
    parts, owner = shapely.get_parts(degrees, return_index=True)
    whole = shapely.multipolygons(parts, indices=owner)
    _, points, (ring_at, piece_at, cell_at) = shapely.to_ragged_array(whole)
    x = np.rint(points[:, 0] * (UNIT / raster.step_x)).astype(np.int64) - raster.west
    y = np.rint(points[:, 1] * (UNIT / raster.step_y)).astype(np.int64) - raster.south
    piece_of = np.repeat(np.arange(len(piece_at) - 1), np.diff(piece_at))
    cell_of = np.repeat(np.arange(len(cell_at) - 1), np.diff(cell_at))[piece_of]
    hole = np.ones(len(piece_of), bool)
    hole[piece_at[:-1]] = False
    keep, start = _distinct(x, y, ring_at.astype(np.int64))
    good = np.diff(start) >= 3
    good &= good[piece_at[:-1]][piece_of]
    lost = np.setdiff1d(np.arange(len(degrees)), cell_of[good])
    at = ring_at[piece_at[cell_at[lost]]]
    index = keep[np.repeat(good, np.diff(start))]
    made = Rings(x[index], y[index], _starts(np.diff(start)[good]), cell_of[good], hole[good])
    return _turned(_with_squares(made, lost, x[at], y[at]))


def _starts(counts: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _distinct(x: Ints, y: Ints, ring_at: Ints) -> tuple[Ints, Ints]:
    """Which corners differ from the one before them, round the ring; and where rings start among these."""
    before = np.arange(len(x)) - 1
    before[ring_at[:-1]] = ring_at[1:] - 1
    differs = (x != x[before]) | (y != y[before])
    counts = np.concatenate([[0], np.cumsum(differs)])[ring_at]
    return np.flatnonzero(differs), counts.astype(np.int64)


def _with_squares(rings: Rings, lost: Ints, x: Ints, y: Ints) -> Rings:
    """Let a square of one step stand for each lost cell."""
    if not len(lost):
        return rings
    counts = np.concatenate([np.diff(rings.start), np.full(len(lost), 4)])
    cell = np.concatenate([rings.cell, lost])
    xs = np.concatenate([rings.x, (x[:, None] + [0, 1, 1, 0]).ravel()])
    ys = np.concatenate([rings.y, (y[:, None] + [0, 0, 1, 1]).ravel()])
    order = np.argsort(cell, kind="stable")
    index = _spread(_starts(counts)[:-1][order], counts[order])
    hole = np.concatenate([rings.hole, np.zeros(len(lost), bool)])[order]
    return Rings(xs[index], ys[index], _starts(counts[order]), cell[order], hole)


def _spread(start: Ints, counts: Ints) -> Ints:
    """The places start, start + 1, ... of each of many runs, one run after the other."""
    offset = _starts(counts)
    return np.arange(offset[-1]) + np.repeat(start - offset[:-1], counts)


def _turned(rings: Rings) -> Rings:
    """Give shells a positive area and holes a negative one."""
    start, counts = rings.start, np.diff(rings.start)
    first, later = np.repeat(start[:-1], counts), np.arange(len(rings.x)) + 1
    later[start[1:] - 1] = start[:-1]
    x, y = rings.x - rings.x[first], rings.y - rings.y[first]
    area = np.add.reduceat(x * y[later] - x[later] * y, start[:-1])
    wrong = np.repeat((area < 0) != rings.hole, counts) & np.repeat(area != 0, counts)
    here = np.arange(len(rings.x))
    index = np.where(wrong, np.repeat(start[:-1] + start[1:] - 1, counts) - here, here)
    return Rings(rings.x[index], rings.y[index], start, rings.cell, rings.hole)


@dataclass(frozen=True)
class _Walk:
    """Rings as arcs: corners, arcs walked (place of the start, corners, identity, direction, ring)."""

    corner: Ints
    ring_at: Ints
    arc_at: Ints
    length: Ints
    identity: Ints
    reverse: Bools
    ring: Ints


def to_streams(rings: Rings, cells: int) -> dict[str, Ints]:
    """Write rings as columns of whole numbers from 0: each arc once.

    Returns
    -------
    dict
        ``pieces``: rings of each cell; ``holes``: 1 for a hole; ``arcs``: arcs of each ring; ``kinds``: 0 for an arc
        not walked before, 1 for one walked the other way before, 2 the same way; ``first``, ``next``: the number of an
        arc walked before, counted back, or from the arc before it in the ring; ``inner``: corners of a new arc
        between its ends; ``x``, ``y``: steps from corner to corner.
    """
    walk = _rotated(_walked(rings))
    first_of, new = _first_walks(walk.identity)
    number_of = np.cumsum(new) - 1
    number = number_of[first_of]
    old, lead = ~new, _leads(walk)
    after_old = np.concatenate([[False], old[:-1]]) & ~lead
    before = np.concatenate([[0], number[:-1]])
    same_way = walk.reverse == walk.reverse[first_of]
    same_arc = old & ~lead & (number == before) & ~after_old  # where it starts is known from no other place
    stored, change_x, change_y = _steps_of(rings, walk, new, same_arc)
    return {
        "pieces": np.bincount(rings.cell, minlength=cells),
        "holes": rings.hole.astype(np.int64),
        "arcs": np.bincount(walk.ring, minlength=len(rings.cell)),
        "kinds": np.where(new, 0, np.where(same_way, 2, 1)),
        "first": (number_of - number)[old & ~after_old],
        "next": zigzag((number - before)[old & after_old]),
        "inner": walk.length[new] - 1,
        "x": zigzag(change_x[stored]),
        "y": zigzag(change_y[stored]),
    }


def _leads(walk: _Walk) -> Bools:
    """Which arcs are the first of their ring."""
    return np.concatenate([[True], walk.ring[1:] != walk.ring[:-1]])


def _first_walks(identity: Ints) -> tuple[Ints, Bools]:
    """For each walk of an arc the place of its first walk, and whether it is that."""
    _, first, place = np.unique(identity, return_index=True, return_inverse=True)
    first_of = first[place.reshape(-1)]
    return first_of, first_of == np.arange(len(identity))


def _steps_of(rings: Rings, walk: _Walk, new: Bools, same_arc: Bools) -> tuple[Bools, Ints, Ints]:
    """Which corners must be written, and the step to each corner from the one before."""
    arc_of = np.repeat(np.arange(len(new)), walk.length)
    stored = new[arc_of]
    lead = _leads(walk)
    after_new = np.concatenate([[False], new[:-1]])
    stored[walk.arc_at] = np.where(lead, new, after_new & (new | same_arc))
    x, y = rings.x[walk.corner], rings.y[walk.corner]
    changes = []
    for values in (x, y):
        change = np.diff(values, prepend=0)
        change[walk.ring_at] = np.diff(values[walk.ring_at], prepend=0)
        changes.append(change)
    return stored, changes[0], changes[1]


def _walked(rings: Rings) -> _Walk:
    """Start rings at nodes and cut them into arcs."""
    start, counts = rings.start[:-1], np.diff(rings.start)
    _, names = np.unique(rings.x * (int(rings.y.max()) + 1) + rings.y, return_inverse=True)
    names = names.reshape(-1)
    node = _nodes(names, rings.start)
    places = np.concatenate([np.flatnonzero(node), [len(names)]])
    first = places[np.searchsorted(places, start)]
    least = np.flatnonzero(names == np.repeat(np.minimum.reduceat(names, start), counts))
    least = least[np.searchsorted(least, start)]
    shift = np.where(first < rings.start[1:], first, least) - start
    corner = _round(rings.start, shift)
    name, node = names[corner], node[corner]
    node[start] = True
    arc_at = np.flatnonzero(node)
    length = np.diff(np.concatenate([arc_at, [len(name)]]))
    ring = np.searchsorted(rings.start, arc_at, side="right") - 1
    later = np.arange(len(name)) + 1
    later[rings.start[1:] - 1] = start
    end = arc_at + length - 1
    count = int(names.max()) + 1
    forth = name[arc_at] * count + name[later[arc_at]]
    back = name[later[end]] * count + name[end]
    _, identity = np.unique(np.minimum(forth, back), return_inverse=True)
    return _Walk(corner, start, arc_at, length, identity.reshape(-1), forth > back, ring)


def _round(start: Ints, shift: Ints) -> Ints:
    """Places of the members of groups, each group turned round by its shift."""
    counts = np.repeat(np.diff(start), np.diff(start))
    first = np.repeat(start[:-1], np.diff(start))
    return first + (np.arange(start[-1]) - first + np.repeat(shift, np.diff(start))) % counts


def _nodes(names: Ints, ring_at: Ints) -> Bools:
    """Where lines meet: corners whose two neighbours are not the same in each ring that has them."""
    before, later = np.arange(len(names)) - 1, np.arange(len(names)) + 1
    before[ring_at[:-1]] = ring_at[1:] - 1
    later[ring_at[1:] - 1] = ring_at[:-1]
    low, high = np.minimum(names[before], names[later]), np.maximum(names[before], names[later])
    order = np.argsort(names, kind="stable")
    name, low, high = names[order], low[order], high[order]
    other = (name[1:] == name[:-1]) & ((low[1:] != low[:-1]) | (high[1:] != high[:-1]))
    node = np.zeros(int(names.max()) + 1, bool)
    node[name[1:][other]] = True
    return node[names]


def _rotated(walk: _Walk) -> _Walk:
    """Let each ring start with an arc walked before, after one that was not: its start is then known."""
    rings = len(walk.ring_at)
    arcs = np.bincount(walk.ring, minlength=rings)
    lead = _starts(arcs)
    first_of, _ = _first_walks(walk.identity)
    old = walk.ring[first_of] < walk.ring
    before = np.arange(len(old)) - 1
    before[lead[:-1]] = lead[1:] - 1
    good = np.concatenate([np.flatnonzero(old & ~old[before]), [len(old)]])
    place = good[np.searchsorted(good, lead[:-1])]
    place = np.where(place < lead[1:], place, lead[:-1])
    index = _round(lead, place - lead[:-1])
    ends = np.concatenate([walk.ring_at, [len(walk.corner)]])
    corner = walk.corner[_round(ends, walk.arc_at[place] - walk.ring_at)]
    length = walk.length[index]
    arc_at = _starts(length)[:-1]
    return _Walk(corner, walk.ring_at, arc_at, length, walk.identity[index], walk.reverse[index], walk.ring)


def from_streams(streams: dict[str, Ints]) -> Rings:
    """Undo `to_streams`; rings may start at another corner."""
    lists = {name: streams[name].tolist() for name in ("arcs", "kinds", "first", "next", "inner")}
    steps = np.stack([unzigzag(streams["x"]), unzigzag(streams["y"])], axis=1).tolist()
    reader = _Reader(lists, steps)
    made = [reader.ring(count) for count in lists["arcs"]]
    points = np.array([point for ring in made for point in ring], np.int64).reshape(-1, 2)
    start = _starts(np.array([len(ring) for ring in made], np.int64))
    cell = np.repeat(np.arange(len(streams["pieces"])), streams["pieces"])
    return Rings(points[:, 0], points[:, 1], start, cell, streams["holes"].astype(bool))


class _Reader:
    """Reads rings from streams, one after the other."""

    def __init__(self, lists: dict[str, list[int]], steps: list[list[int]]):
        self.kinds, self.first, self.next = iter(lists["kinds"]), iter(lists["first"]), iter(lists["next"])
        self.inner, self.steps = iter(lists["inner"]), iter(steps)
        self.arcs: list[list[tuple[int, int]]] = []
        self.lead = (0, 0)

    def ring(self, count: int) -> list[tuple[int, int]]:
        """Give the corners of the next ring."""
        plan, made, last = [], len(self.arcs), -1
        for kind in [next(self.kinds) for _ in range(count)]:
            if not kind:
                number, last = made, -1
                made += 1
            else:
                number = last = made - 1 - next(self.first) if last < 0 else last + unzigzag(next(self.next)).item()
            plan.append((kind, number))
        here = self._lead(plan[0])
        points: list[tuple[int, int]] = []
        for place, (kind, number) in enumerate(plan):
            if not kind:
                self.arcs.append(self._new(here, plan, place))
            line = self.arcs[number][::-1] if kind == 1 else self.arcs[number]
            points += line[:-1]
            here = line[-1]
        return points

    def _step(self, here: tuple[int, int]) -> tuple[int, int]:
        x, y = next(self.steps)
        return here[0] + x, here[1] + y

    def _lead(self, arc: tuple[int, int]) -> tuple[int, int]:
        self.lead = self._start(arc) if arc[0] else self._step(self.lead)
        return self.lead

    def _start(self, arc: tuple[int, int]) -> tuple[int, int]:
        return self.arcs[arc[1]][-1 if arc[0] == 1 else 0]

    def _new(self, here: tuple[int, int], plan: list[tuple[int, int]], place: int) -> list[tuple[int, int]]:
        line = [here]
        for _ in range(next(self.inner)):
            line.append(self._step(line[-1]))
        after = plan[place + 1] if place + 1 < len(plan) else None
        if after is None:
            line.append(self.lead)
        elif after[0] and after[1] != plan[place][1]:
            line.append(self._start(after))
        else:
            line.append(self._step(line[-1]))
        return line
