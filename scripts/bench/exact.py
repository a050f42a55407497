"""Prove that locate is exact: python scripts/bench/exact.py [--points 20000000] [--exact 1000000] [--chunk 200000].

Points - uniform, clustered, and half of them adversarial: on vertices and edges, one unit in the last place beside
them, in line with them - are located by `CellIndex.examine` on covers of all kinds, and located again

- by GEOS: `intersects` and `contains_properly` of prepared cells, and the rule, for all points;
- with whole numbers: the edges that a ray from the point can meet, each by a sign that is certain in doubles or else
  computed in Python's integers; for as many points as are asked for, and for all on which GEOS and we differ;
- without the compiled core: an index built and asked by the twin alone, for all points.

The rule: strictly inside two cells, or inside one and on the border of another, is a conflict; else the lowest code of
the closed cells that hold a point has it. GEOS decides in twice the digits of a double, not exactly: where it differs
from us, the whole numbers say who is right, and the point is listed. Ends with 1 if ours differ from the whole numbers
or from the twin.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import NamedTuple

import covers
import geopandas as gpd
import numpy as np
import shapely

from gridgis import compiled
from gridgis.locate.index import CellIndex

OUTSIDE, CONFLICT, BAD_COORDINATES = -1, -2, -3
COVERS: dict[str, Callable[[], gpd.GeoDataFrame]] = {
    "cover, 2,532 cells": lambda: covers.cover(2532),
    "cover, 30 cells": lambda: covers.cover(30, 3),
    "faulty, 2,532 cells": lambda: covers.faulty(covers.cover(2532)),
    "enclaves": lambda: covers.enclaves(500),
    "multipolygons": lambda: covers.multipolygons(500),
    "slivers": lambda: covers.slivers(300),
    "bricks, straight": lambda: covers.bricks(2500, turn=0),
    "bricks, turned": lambda: covers.bricks(2500),
    "bricks, turned, at the origin": lambda: shifted(covers.bricks(400)),
    "redrawn edges": lambda: covers.redrawn(1000),
}
KINDS = (("uniform", 0.0, 0.2), ("clustered", 0.0, 0.3), ("adversarial", 0.5, 0.5))
"""How points are drawn, the share of them that is adversarial, and the share of all points."""
HEAD = (
    "cover", "cells", "points", "adversarial", "inside", "border", "outside", "conflict", "no place",
    "GEOS differs", "checked exactly", "differ exactly", "twin differs", "s",
)  # fmt: skip
Answer = tuple[np.ndarray, np.ndarray]


class Cells(NamedTuple):
    """A grid as the checks want it."""

    shapes: np.ndarray
    rank: np.ndarray
    """The place of each row's code in the order of text."""
    begin: np.ndarray
    end: np.ndarray
    first: np.ndarray
    """The edges of row i are ``first[i] : first[i + 1]``."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=20_000_000, help="in all covers together")
    parser.add_argument("--exact", type=int, default=1_000_000, help="checked with whole numbers, at least")
    parser.add_argument("--chunk", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--large", action="store_true", help="also 100,000 cells")
    options = parser.parse_args()
    named = {**COVERS, "cover, 100,000 cells": lambda: covers.cover(100_000)} if options.large else COVERS
    print(f"load average {os.getloadavg()[0]:.1f}; the compiled core is {'here' if compiled.core else 'NOT HERE'}\n")
    print(f"| {' | '.join(HEAD)} |\n{'|---' * len(HEAD)}|", flush=True)
    total, listed = np.zeros(len(HEAD) - 1), []
    for name, make in named.items():
        sums = proven(make(), options.points // len(named), options, listed)
        total += sums
        print(f"| {name} | {' | '.join(f'{value:,.0f}' for value in sums)} |", flush=True)
    print(f"| all | {' | '.join(f'{value:,.0f}' for value in total)} |")
    print(f"\npoints on which GEOS and we differ: {len(listed)}")
    print("\n".join(listed[:50]))
    wrong = total[HEAD.index("differ exactly") - 1] + total[HEAD.index("twin differs") - 1]
    sys.exit(int(wrong > 0))


def shifted(grid: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Bring a cover to the origin, where the smallest doubles are places in it."""
    return grid.set_geometry(grid.translate(-covers.ORIGIN[0], -covers.ORIGIN[1]))


def proven(grid: gpd.GeoDataFrame, wanted: int, options: argparse.Namespace, listed: list[str]) -> np.ndarray:
    """Locate points on one cover in every way; give the figures of the row."""
    start = time.perf_counter()
    cells, index = cells_of(grid), CellIndex(grid)
    with without_core():
        twin = CellIndex(grid)
    share = min(1.0, options.exact * 1.02 / options.points)
    sums = np.zeros(len(HEAD) - 1)
    for kind, hard, part in KINDS:
        left, seed = round(wanted * part), options.seed
        while left > 0:
            size, seed = min(left, options.chunk), seed + 1
            x, y = covers.points(grid, size, kind, seed, hard)
            found = checked(cells, x, y, index, twin, share, listed)
            sums += np.array([0, size, round(hard * size), *found, 0])
            left -= size
    sums[0], sums[-1] = len(grid), time.perf_counter() - start
    return sums


def checked(
    cells: Cells, x: np.ndarray, y: np.ndarray, index: CellIndex, twin: CellIndex, share: float, listed: list[str]
) -> tuple[int, ...]:
    """Locate a chunk in every way; count places and differences."""
    ours = index.examine(x, y)
    with without_core():
        other = twin.examine(x, y)
    geos = by_geos(cells, x, y)
    differ = np.flatnonzero(unlike(ours, geos))
    sample = np.union1d(np.arange(round(len(x) * share)), differ)
    exact = by_numbers(cells, x[sample], y[sample])
    wrong = unlike((ours[0][sample], ours[1][sample]), exact)
    for at in np.searchsorted(sample, differ):
        listed.append(f"- {described(x, y, sample[at], ours, geos)}; exact {exact[0][at]} {exact[1][at]}")
    for at in np.flatnonzero(wrong)[:5]:
        said = described(x, y, sample[at], ours, geos)
        print(f"DIFFERS: {said}; exact {exact[0][at]} {exact[1][at]}", file=sys.stderr, flush=True)
    position, border = ours
    places = (position >= 0) & ~border, border, position == OUTSIDE, position == CONFLICT, position == BAD_COORDINATES
    differences = len(differ), len(sample), int(wrong.sum()), int(unlike(ours, other).sum())
    return (*(int(place.sum()) for place in places), *differences)


def described(x: np.ndarray, y: np.ndarray, i: int, ours: Answer, geos: Answer) -> str:
    """A point, and the row and the border that we and GEOS say."""
    return f"x={float(x[i])!r} y={float(y[i])!r}: ours {ours[0][i]} {ours[1][i]}, GEOS {geos[0][i]} {geos[1][i]}"


def unlike(one: Answer, two: Answer) -> np.ndarray:
    return (one[0] != two[0]) | (one[1] != two[1])


@contextmanager
def without_core():
    had, compiled.core = compiled.core, None
    try:
        yield
    finally:
        compiled.core = had


def cells_of(grid: gpd.GeoDataFrame) -> Cells:
    shapes = grid.geometry.to_numpy()
    if not shapely.is_valid(shapes).all():
        raise ValueError("a cell is not valid")
    codes = sorted(range(len(grid)), key=grid["grid_code"].tolist().__getitem__)
    rank = np.empty(len(grid), np.int64)
    rank[codes] = np.arange(len(grid))
    begin, end, owner = covers.edges(shapes)
    return Cells(shapes, rank, begin, end, np.searchsorted(owner, np.arange(len(grid) + 1)))


def ruled(cells: Cells, number: int, point: np.ndarray, cell: np.ndarray, inside: np.ndarray) -> Answer:
    """Decide by the rule; given are the pairs of a point and a closed cell that holds it."""
    lowest = np.full(number, len(cells.rank))
    np.minimum.at(lowest, point, cells.rank[cell])
    holders = np.bincount(point[inside], minlength=number)
    touched = np.bincount(point, minlength=number)
    row = np.append(np.argsort(cells.rank), OUTSIDE)
    clash = (holders >= 2) | ((holders == 1) & (touched >= 2))
    return np.where(clash, CONFLICT, row[lowest]), (touched > 0) & (holders == 0)


def finite_only(locate: Callable[[Cells, np.ndarray, np.ndarray], Answer]) -> Callable[..., Answer]:
    """Leave points that are not finite aside."""

    def located(cells: Cells, x: np.ndarray, y: np.ndarray) -> Answer:
        usable = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        position, border = np.full(len(x), BAD_COORDINATES), np.zeros(len(x), bool)
        position[usable], border[usable] = locate(cells, x[usable], y[usable])
        return position, border

    return located


def boxed(cells: Cells, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the pairs of a point and a cell whose box holds it, by cell."""
    point, cell = shapely.STRtree(cells.shapes).query(shapely.points(x, y))
    order = np.argsort(cell, kind="stable")
    return point[order], cell[order]


@finite_only
def by_geos(cells: Cells, x: np.ndarray, y: np.ndarray) -> Answer:
    """Decide by GEOS."""
    point, cell = boxed(cells, x, y)
    shapely.prepare(cells.shapes)
    held = shapely.intersects_xy(cells.shapes[cell], x[point], y[point])
    point, cell = point[held], cell[held]
    inside = shapely.contains_properly(cells.shapes[cell], shapely.points(x[point], y[point]))
    return ruled(cells, len(x), point, cell, inside)


# --- with whole numbers


@finite_only
def by_numbers(cells: Cells, x: np.ndarray, y: np.ndarray) -> Answer:
    """Decide exactly: count the edges that a ray to the right crosses."""
    point, cell = boxed(cells, x, y)
    pair, edge = spanned(cells, y, point, cell)
    px, py = x[point[pair]], y[point[pair]]
    (ax, ay), (bx, by) = cells.begin[edge].T, cells.end[edge].T
    up = by > ay
    side = np.where(up, 1, -1)
    near = np.flatnonzero((np.minimum(ax, bx) <= px) & (np.maximum(ax, bx) >= px))
    side[near] = sides(*(part[near] for part in (ax, ay, bx, by, px, py)))
    right = np.maximum(ax, bx) >= px
    on = np.zeros(len(point), bool)
    on[pair[near[side[near] == 0]]] = True
    crossed = right & ((ay <= py) != (by <= py)) & ((side > 0) == up) & (side != 0)
    odd = np.bincount(pair[crossed], minlength=len(point)) % 2 == 1
    held = on | odd
    return ruled(cells, len(x), point[held], cell[held], ~on[held])


def spanned(cells: Cells, y: np.ndarray, point: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the pairs, by their number, with each edge of their cell that has the height of the point."""
    low, high = np.minimum(cells.begin[:, 1], cells.end[:, 1]), np.maximum(cells.begin[:, 1], cells.end[:, 1])
    bounds = np.flatnonzero(np.diff(cell, prepend=-1, append=-1))
    pairs, edges = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for start, stop in itertools.pairwise(bounds):
        first, last = cells.first[cell[start]], cells.first[cell[start] + 1]
        height = y[point[start:stop], None]
        found = np.nonzero((low[first:last] <= height) & (high[first:last] >= height))
        pairs.append(found[0] + start)
        edges.append(found[1] + first)
    return np.concatenate(pairs), np.concatenate(edges)


def sides(*coordinates: np.ndarray) -> np.ndarray:
    """On which side of a-b does p lie: 1 left, -1 right, 0 on the line.

    A sign in doubles is taken where the rounding of two products and their difference cannot turn it, with room to
    spare; the others are computed in integers.
    """
    ax, ay, bx, by, px, py = coordinates
    one, two = (ax - px) * (by - py), (ay - py) * (bx - px)
    turn, size = one - two, np.abs(one) + np.abs(two)
    side = np.sign(turn).astype(int)
    for i in np.flatnonzero(~((np.abs(turn) > 1e-14 * size) & (size > 1e-200) & (size < 1e200))):
        side[i] = whole_side([float(values[i]) for values in coordinates])
    return side


def whole_side(coordinates: list[float]) -> int:
    ratios = [value.as_integer_ratio() for value in coordinates]
    whole = max(bottom for _, bottom in ratios)
    ax, ay, bx, by, px, py = (top * (whole // bottom) for top, bottom in ratios)
    turn = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
    return (turn > 0) - (turn < 0)


if __name__ == "__main__":
    main()
