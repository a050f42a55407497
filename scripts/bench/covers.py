"""Made covers and points for the benches of locate.

`cover` draws irregular cells without overlap or gap by construction: the Voronoi cells of clustered seeds, each ridge
replaced by one crooked chain that stays inside the diamond of the two seeds and the two ends, and is shared by both
neighbours to the last bit. `faulty` breaks such a cover; `enclaves`, `multipolygons`, `slivers`, `bricks` and
`redrawn` are hard in other ways; `points` draws where things happen.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from scipy.spatial import Voronoi

ORIGIN = (480_000.0, 3_360_000.0)
CRS = 4547
EXTENT = 40_000.0
"""Side of the square in which the seeds lie, metres."""
SHARE = 0.06
"""Part of the adversarial points that is adversarial; the others lie as people do."""
SPECIAL = (np.nan, np.inf, -np.inf, 1e300, -1e300, 1.7e308, -0.0, 0.0, 5e-324, -2.2e-308)


class Ridges(NamedTuple):
    """The straight borders of the Voronoi cells that are kept."""

    ends: np.ndarray
    """(ridges, 2, 2): where each begins and ends."""
    seeds: np.ndarray
    """(ridges, 2): the seeds on its two sides."""


class Chains(NamedTuple):
    """The crooked borders, one after another: chain i is ``xy[first[i] : first[i + 1]]``, both ends with it."""

    xy: np.ndarray
    first: np.ndarray


def cover(cells: int, seed: int = 0) -> gpd.GeoDataFrame:
    """Draw a grid of irregular cells: about 132 vertices a cell at 2,532 cells, 75 at 100,000.

    Parameters
    ----------
    cells : int
        Number of cells, at least 1.
    seed : int
        The same seed gives the same cover.

    Returns
    -------
    GeoDataFrame
        ``grid_code``, ``parent_code``, polygons in EPSG:4547, full doubles; neighbours share each vertex.
    """
    rng = np.random.default_rng((seed, cells))
    seeds = _seeds(cells, rng)
    ridges = _ridges(seeds, cells)
    chains = _chains(ridges, seeds, 132 * (2532 / cells) ** 0.152, rng)
    shapes = _polygons(ridges, chains, seeds, cells)
    block = np.clip((seeds[:cells] - ORIGIN) // (EXTENT / 8), 0, 7).astype(int)
    parent = block[:, 1] * 8 + block[:, 0] + 1
    order = np.argsort(parent, kind="stable")
    names = [f"330106{number:03d}" for number in parent[order]]
    serials = np.arange(cells) - np.searchsorted(parent[order], parent[order])
    codes = [f"{name}{serial + 1:06d}" for name, serial in zip(names, serials, strict=True)]
    return gpd.GeoDataFrame({"grid_code": codes, "parent_code": names}, geometry=shapes[order], crs=CRS)


def _seeds(cells: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the seeds of the cells, most of them in towns, then those of a frame that is cut away again."""
    towns = max(1, cells // 60)
    centre, spread = rng.random((towns, 2)), rng.lognormal(np.log(0.02), 0.7, towns)
    town = rng.integers(0, towns, cells)
    inner = np.where(rng.random((cells, 1)) < 0.7, centre[town] + rng.normal(0, 1, (cells, 2)) * spread[town, None], -1)
    away = ((inner < 0) | (inner > 1)).any(1)
    inner[away] = rng.random((int(away.sum()), 2))
    side = max(6, round(2 * cells**0.5))
    along = (np.arange(side) + rng.uniform(0.2, 0.8, side)) / side * 1.3 - 0.15
    out = rng.uniform(0.02, 0.12, side)
    frame = [(along, -out), (1 + out[::-1], along), (along, 1 + out), (-out[::-1], along)]
    corners = [(-0.3, -0.3), (1.3, -0.3), (1.3, 1.3), (-0.3, 1.3)]
    outer = np.concatenate([np.transpose(part) for part in frame] + [np.array(corners)])
    beyond = ((outer < 0) | (outer > 1)).any(1)
    return np.concatenate([inner, outer[beyond]]) * EXTENT + ORIGIN


def _ridges(seeds: np.ndarray, cells: int) -> Ridges:
    """Find the borders of the first ``cells`` Voronoi cells."""
    near = seeds - ORIGIN
    drawn = Voronoi(near)
    between, ends = drawn.ridge_points, np.array(drawn.ridge_vertices)
    kept = (between < cells).any(1)
    between, ends = between[kept], ends[kept]
    if (ends < 0).any():
        raise ValueError("a cell without end: the frame has a hole")
    return Ridges(drawn.vertices[ends] + ORIGIN, between)


def _chains(ridges: Ridges, seeds: np.ndarray, per_cell: float, rng: np.random.Generator) -> Chains:
    """Replace each ridge by a chain; longer ridges get more vertices.

    The chain is the graph of a function along the ridge that stays below 0.8 of a concave hull over the ridge, which
    lies inside the diamond: it cannot cross itself or another chain.
    """
    begin, run = ridges.ends[:, 0], ridges.ends[:, 1] - ridges.ends[:, 0]
    length = np.hypot(run[:, 0], run[:, 1])
    relative = np.sqrt(length / np.median(length))
    cells = int((np.bincount(ridges.seeds.ravel()) > 0).sum())
    pieces = np.maximum(1, np.rint(relative / relative.mean() * per_cell * cells / 2 / len(length))).astype(int)
    to_seed = seeds[ridges.seeds[:, 0]] - begin
    foot = (to_seed * run).sum(1) / length**2
    height = np.abs(to_seed[:, 0] * run[:, 1] - to_seed[:, 1] * run[:, 0]) / length
    first = np.concatenate([[0], np.cumsum(pieces + 1)])
    xy = np.empty((first[-1], 2))
    for level in range(int(np.ceil(np.log2(pieces.max()))) + 1):
        low = 0 if level == 0 else 1 << (level - 1)
        which = np.flatnonzero((pieces > low) & (pieces <= 1 << level))
        chain, t, noise = _noise(pieces[which], level, rng)
        row = which[chain]
        across = np.column_stack([-run[row, 1], run[row, 0]])
        off = 0.8 * noise * _room(t, foot[row], height[row] / length[row])
        place = np.concatenate([np.arange(first[i], first[i + 1]) for i in which]) if len(which) else which
        xy[place] = begin[row] + t[:, None] * run[row] + off[:, None] * across
    xy[first[1:] - 1], xy[first[:-1]] = ridges.ends[:, 1], begin
    return Chains(xy, first)


def _room(t: np.ndarray, foot: np.ndarray, height: np.ndarray) -> np.ndarray:
    """How far a chain may go aside at ``t`` of its ridge, in lengths of the ridge; 0 at both ends."""
    rising = np.where(foot > 0, t / np.where(foot > 0, foot, 1), np.inf)
    falling = np.where(foot < 1, (1 - t) / np.where(foot < 1, 1 - foot, 1), np.inf)
    return np.minimum(height * np.minimum(rising, falling), 0.5 * np.minimum(t, 1 - t))


def _noise(pieces: np.ndarray, level: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw chains by displaced midpoints: the number of the chain, the place along it, the height in (-1, 1)."""
    steps = 1 << level
    height = np.zeros((len(pieces), steps + 1))
    for depth in range(level):
        step = steps >> depth
        middle = (height[:, :-1:step] + height[:, step::step]) / 2
        height[:, step // 2 :: step] = middle + rng.normal(0, 0.9 * 0.65**depth, middle.shape)
    chain = np.repeat(np.arange(len(pieces)), pieces + 1)
    step = np.arange(len(chain)) - np.repeat(np.cumsum(pieces + 1) - pieces - 1, pieces + 1)
    place = np.rint(step * steps / pieces[chain]).astype(int)
    return chain, place / steps, np.tanh(height[chain, place])


def _polygons(ridges: Ridges, chains: Chains, seeds: np.ndarray, cells: int) -> np.ndarray:
    """Put the chains of each cell into a ring, counter-clockwise."""
    ridge, side = np.nonzero(ridges.seeds < cells)
    cell = ridges.seeds[ridge, side]
    one, two = (ridges.ends[ridge, end] - seeds[cell] for end in (0, 1))
    forward = one[:, 0] * two[:, 1] > one[:, 1] * two[:, 0]
    middle = one + two
    order = np.lexsort((np.arctan2(middle[:, 1], middle[:, 0]), cell))
    ridge, cell, forward = ridge[order], cell[order], forward[order]
    count = chains.first[ridge + 1] - chains.first[ridge] - 1
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    start = np.where(forward, chains.first[ridge], chains.first[ridge + 1] - 1)
    point = np.repeat(start, count) + step * np.repeat(np.where(forward, 1, -1), count)
    size = np.bincount(cell, weights=count, minlength=cells).astype(int)
    ring = np.concatenate([[0], np.cumsum(size + 1)])
    xy = np.empty((ring[-1], 2))
    closing = ring[1:] - 1
    open_ends = np.ones(len(xy), bool)
    open_ends[closing] = False
    xy[open_ends] = chains.xy[point]
    xy[closing] = xy[ring[:-1]]
    return shapely.from_ragged_array(shapely.GeometryType.POLYGON, xy, (ring, np.arange(cells + 1)))


def faulty(grid: gpd.GeoDataFrame, seed: int = 0, share: float = 0.02) -> gpd.GeoDataFrame:
    """Break a cover: a share of the cells widened, shrunk, shifted, drawn twice and removed each."""
    rng = np.random.default_rng((seed, len(grid)))
    shapes, many = grid.geometry.to_numpy().copy(), max(1, round(share * len(grid)))
    wide, narrow, moved, twice, gone = np.resize(rng.permutation(len(grid)), (5, many))
    size = np.sqrt(shapely.area(shapes))
    shapes[wide] = shapely.buffer(shapes[wide], size[wide] * 0.01, quad_segs=2)
    shapes[narrow] = shapely.make_valid(shapely.buffer(shapes[narrow], size[narrow] * -0.002, quad_segs=2))
    steps = rng.normal(0, 0.03, (len(grid), 2)) * size[:, None]
    shapes[moved] = [shapely.transform(shapes[i], lambda xy, step=steps[i]: xy + step) for i in moved]
    broken = grid.set_geometry(gpd.GeoSeries(shapes, index=grid.index, crs=grid.crs))
    again = broken.iloc[twice].assign(grid_code=[f"{code}x" for code in broken["grid_code"].iloc[twice]])
    kept = np.setdiff1d(np.arange(len(grid)), gone)
    both = gpd.GeoDataFrame(
        {name: [*broken[name].iloc[kept], *again[name]] for name in ("grid_code", "parent_code")},
        geometry=np.concatenate([shapes[kept], again.geometry.to_numpy()]),
        crs=grid.crs,
    )
    return both[~both.geometry.is_empty].reset_index(drop=True)


def enclaves(cells: int, seed: int = 0) -> gpd.GeoDataFrame:
    """Draw a cover whose cells hold others in holes, and these others; a hole and what fills it share each vertex."""
    shapes, done = list(cover(cells, seed).geometry), []
    for share in (0.7, 0.5, 0.4):
        holes = shapely.buffer(shapes, np.sqrt(shapely.area(shapes)) * -0.15, quad_segs=3)
        inner = []
        for number, (shape, hole) in enumerate(zip(shapes, holes, strict=True)):
            if number % 10 >= 10 * share or hole.is_empty:
                done.append(shape)
                continue
            parts = [shapely.Polygon(part.exterior) for part in shapely.get_parts(hole)]
            done.append(shapely.Polygon(shape.exterior, [part.exterior for part in parts]))
            inner += parts
        shapes = inner
    return _grid([*done, *shapes], seed)


def multipolygons(cells: int, seed: int = 0) -> gpd.GeoDataFrame:
    """Draw a cover in which most cells are of two or three parts, far from each other or touching in a point."""
    rng = np.random.default_rng((seed, cells))
    shapes = enclaves(cells, seed).geometry.to_numpy()
    order = rng.permutation(len(shapes))
    ends = np.cumsum(rng.integers(1, 4, len(shapes)))
    groups = np.split(order, ends[ends < len(shapes)])
    joined = [shapely.MultiPolygon(shapes[group].tolist()) for group in groups]
    merged = [shape if shape.is_valid else shapely.union_all(shape.geoms) for shape in joined]
    return _grid([shape for shape in merged if shape.is_valid], seed)


def slivers(cells: int, seed: int = 0) -> gpd.GeoDataFrame:
    """Draw strips side by side, a millimicron to ten metres wide, with crooked borders that both sides share."""
    rng = np.random.default_rng((seed, cells))
    wide = 10 ** rng.uniform(-9, 1, cells)
    x = ORIGIN[0] + np.concatenate([[0.0], np.cumsum(wide)])
    y = ORIGIN[1] + np.arange(30) * 37.3
    bend = np.cumsum(rng.normal(0, 3, 30))
    lines = np.stack(np.broadcast_arrays(x[:, None] + bend, y), -1)
    return _grid([shapely.Polygon([*one, *two[::-1]]) for one, two in itertools.pairwise(lines)], seed)


def bricks(cells: int, seed: int = 0, turn: float = 0.3) -> gpd.GeoDataFrame:
    """Draw rows of bricks; walls end in the middle of the edges of the next row, as near to them as doubles go.

    Where ``turn`` is not 0, hair-thin overlaps and gaps come of it.
    """
    rng = np.random.default_rng((seed, cells))
    rows = max(1, round(cells**0.5))
    shapes = []
    for number in range(rows):
        at = np.concatenate([[0.0], np.sort(rng.random(max(0, cells // rows - 1))), [1.0]]) * rows * 100
        low, high = (np.column_stack([at, np.full(len(at), 100.0 * (number + up))]) for up in (0, 1))
        shapes += [shapely.Polygon([low[i], low[i + 1], high[i + 1], high[i]]) for i in range(len(at) - 1)]
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) if turn else np.eye(2)
    return _grid(shapely.transform(np.array(shapes), lambda xy: xy @ spin + ORIGIN), seed)


def redrawn(cells: int, seed: int = 0) -> gpd.GeoDataFrame:
    """Draw a cover whose cells have vertices of their own in the middle of edges that they share."""
    rng = np.random.default_rng((seed, cells))

    def more(xy: np.ndarray) -> np.ndarray:
        t = rng.random((len(xy) - 1, 1))
        both = np.stack([xy[:-1], xy[:-1] + t * (xy[1:] - xy[:-1])], 1).reshape(-1, 2)
        use = np.ones(len(both), bool)
        use[1::2] = rng.random(len(t)) < 0.3
        return np.concatenate([both[use], xy[-1:]])

    shapes = [shapely.Polygon(more(shapely.get_coordinates(shape))) for shape in cover(cells, seed).geometry]
    return _grid([shape for shape in shapes if shape.is_valid], seed)


def _grid(shapes: Sequence[shapely.Geometry] | np.ndarray, seed: int) -> gpd.GeoDataFrame:
    """Give shapes codes whose order is not that of the rows."""
    codes = [f"c{number}" for number in np.random.default_rng(seed).permutation(len(shapes))]
    return gpd.GeoDataFrame({"grid_code": codes, "parent_code": "c"}, geometry=np.array(shapes, object), crs=CRS)


def points(
    grid: gpd.GeoDataFrame, n: int, kind: str, seed: int = 0, share: float = SHARE
) -> tuple[np.ndarray, np.ndarray]:
    """Draw points: ``uniform``, ``clustered`` or ``adversarial``, in random order.

    Uniform ones fill the box of the grid and 2 % around. Of the clustered, each cell has the same number, in a fan of
    triangles over its edges: nearly all lie in the cell. Of the adversarial, ``share`` lie on vertices and edges, one
    unit in the last place beside them, on the line of an edge beyond its end, or are no place at all; the others are
    clustered.
    """
    kinds = ("uniform", "clustered", "adversarial")
    rng = np.random.default_rng((seed, n, kinds.index(kind)))
    if kind == "uniform":
        west, south, east, north = grid.total_bounds
        wide, high = 0.02 * (east - west), 0.02 * (north - south)
        return rng.uniform(west - wide, east + wide, n), rng.uniform(south - high, north + high, n)
    begin, end, owner = edges(grid.geometry.to_numpy())
    hard = round(n * share) if kind == "adversarial" else 0
    xy = np.concatenate([_fans(grid, (begin, end, owner), n - hard, rng), _hard(begin, end, hard, rng)])
    rng.shuffle(xy)
    return xy[:, 0].copy(), xy[:, 1].copy()


def edges(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the edges of all rings: where each begins and ends, and the row of its shape."""
    polygon, owner = shapely.get_parts(shapes, return_index=True)  # of a multipolygon, get_rings gives none
    ring, part = shapely.get_rings(polygon, return_index=True)
    xy, number = shapely.get_coordinates(ring, return_index=True)
    inner = number[1:] == number[:-1]
    return xy[:-1][inner], xy[1:][inner], owner[part[number[1:][inner]]]


def _fans(grid: gpd.GeoDataFrame, drawn: tuple[np.ndarray, ...], n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw points in the triangles between the edges of a cell and its centre, as many in each cell."""
    begin, end, owner = drawn
    centre = shapely.get_coordinates(shapely.centroid(grid.geometry.to_numpy()))[owner]
    one, two = begin - centre, end - centre
    area = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])
    total = np.concatenate([[0.0], np.cumsum(area / np.bincount(owner, area)[owner])])
    bounds = np.searchsorted(owner, [np.arange(len(grid)), np.arange(len(grid)) + 1])
    low, high = total[bounds]
    cell = rng.permutation(len(grid))[np.arange(n) % len(grid)]
    edge = np.searchsorted(total, rng.uniform(low[cell], high[cell]), side="right") - 1
    edge = np.clip(edge, bounds[0][cell], bounds[1][cell] - 1)
    out, along = np.sqrt(rng.random(n))[:, None], rng.random(n)[:, None]
    return centre[edge] + out * (one[edge] + along * (two[edge] - one[edge]))


def _hard(begin: np.ndarray, end: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw points on and beside vertices and edges, and some that are no place."""
    edge, how = rng.integers(0, len(begin), n), rng.integers(0, 4, n)
    a, b = begin[edge], end[edge]
    t = rng.random((n, 1))
    places = [a, a + (b - a) / 2, a + t * (b - a), a + (3 * t - 1) * (b - a)]
    xy = np.choose(how[:, None], places)
    for axis in range(2):
        step = rng.choice([-1, 0, 0, 1], n)
        xy[:, axis] = np.where(step, np.nextafter(xy[:, axis], np.where(step > 0, np.inf, -np.inf)), xy[:, axis])
    odd = rng.random((n, 2)) < min(0.5, max(0.002, 30 / max(n, 1)))
    xy[odd] = rng.choice(SPECIAL, int(odd.sum()))
    return xy
