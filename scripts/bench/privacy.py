"""Measure publishing: python scripts/bench/privacy.py [--hierarchies 10000] [--optimum 200] [--parts size attack].

- **attack**: random hierarchies of three and four levels, with and without categories, sparse to dense. Each is
  published; then three attacks that owe nothing to the way of hiding: numbers that all sums together determine; two
  tables that agree with all that is shown, for each small number; and, for a sample of small numbers, the smallest and
  the largest value that they can have (HiGHS). Beside it the first attack on what a threshold alone leaves.
- **optimum**: small hierarchies on which the least number of further counts to hide can be computed (a mixed-integer
  program with two flows for each small count), and ours.
- **size**: 2,532 cells by 10 categories with totals in four levels.
- **ledger**: 153 cells of households, then 82 that are made of them, then two lattices that are shifted against each
  other, all of one date, released one after the other: what is accepted, what is refused, and how long it takes; and
  borders that move by a few households, which must all be refused.

- **zeros**: what is left to be seen when true zeros are shown, and when they are protected, sparse to dense.
- **method**: on tables small enough to try every one, what a reader learns who keeps only those of which `publish`
  would show the same, without and with a secret.

Ends with 1 if a number could be worked out.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_array, csr_array, diags_array, eye_array

from gridgis.contract import GridError
from gridgis.lattice import square_grid
from gridgis.locate.index import CellIndex
from gridgis.privacy import publish
from gridgis.privacy.audit import attack, interval
from gridgis.privacy.hiding import hide
from gridgis.privacy.network import Network, Tree
from gridgis.privacy.protection import LEAST_SECRET, ZEROS, Terms, hiding_costs, known_of, protected, small_in
from gridgis.privacy.tables import Block

WIDTH = 10.0
TERMS = Terms(int(WIDTH))
PARTS = ("size", "ledger", "attack", "optimum", "zeros", "method")


def hierarchy(rng: np.random.Generator, cells: int, levels: int, categories: int, mean: float) -> Block:
    """Random counts of cells in a tree with so many levels (the whole is the last), and their sums."""
    sizes = np.unique(np.round(np.geomspace(cells, 1, levels)).astype(int))[::-1]
    start = np.cumsum([0, *sizes])
    above = [start[i + 1] + np.sort(rng.integers(0, sizes[i + 1], sizes[i])) for i in range(len(sizes) - 1)]
    tree = np.concatenate([*above, [-1]]).astype(np.int64)
    shares = rng.dirichlet(np.full(max(categories, 1), 0.7)) * max(categories, 1)
    counts = rng.poisson(rng.gamma(0.8, mean / 0.8, (cells, 1)) * shares).astype(float)
    if categories:
        counts = np.hstack([counts, counts.sum(axis=1, keepdims=True)])
    return Block(tuple(f"count_{i}" for i in range(counts.shape[1])), Tree(tree, summed(tree, counts)))


def district(rng: np.random.Generator, cells: int, categories: int, mean: float) -> Block:
    """So many events in a cell on average, in categories of different shares; 50 cells a parent, then the whole."""
    parents = -(-cells // 50)
    tree = np.concatenate([cells + np.arange(cells) // 50, np.full(parents, cells + parents), [-1]])
    shares = rng.dirichlet(np.full(categories, 0.7))
    counts = rng.poisson(mean * shares, (cells, categories)).astype(float)
    counts = np.hstack([counts, counts.sum(axis=1, keepdims=True)])
    return Block(tuple(f"count_{i}" for i in range(categories + 1)), Tree(tree, summed(tree, counts)))


def summed(tree: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The counts of the cells, and those of all places above them."""
    value = np.zeros((len(tree), counts.shape[1]))
    value[: len(counts)] = counts
    for place in range(len(tree) - 1):
        value[tree[place]] += value[place]
    return value


def drawn(rng: np.random.Generator, most_cells: int, most_categories: int) -> Block:
    """A hierarchy of three or four levels."""
    cells, categories = int(rng.integers(4, most_cells)), int(rng.integers(0, most_categories + 1))
    return hierarchy(rng, cells, int(rng.choice([3, 4])), categories, float(rng.choice([1, 3, 10, 30, 100])))


def measure_attack(hierarchies: int, seed: int) -> bool:
    """Print how many numbers an attack works out; tell whether it was none."""
    rng = np.random.default_rng(seed)
    shape = ("numbers", "small", "hidden", "exact", "narrow", "computed", "narrow by HiGHS", "threshold alone: exact")
    total = dict.fromkeys(shape, 0)
    began = time.process_time()
    for _ in range(hierarchies):
        block = drawn(rng, 40, 5)
        network, small = known_of(block, TERMS), small_in(block, TERMS).ravel()
        hiding = hide(network, small, WIDTH, hiding_costs(block).ravel())
        hidden = hiding.hidden
        found = attack(network, hidden, hiding.small, WIDTH, hiding.proof)
        alone = attack(network, small, [], WIDTH, {})
        chosen = rng.permutation(hiding.small)[:1]
        ends = [interval(network.sums, network.value, hidden, int(edge), network.lowest) for edge in chosen]
        narrow = sum(high - low < WIDTH - 1e-6 for low, high in ends)
        more = (
            small.size,
            small.sum(),
            hidden.sum(),
            len(found.exact),
            len(found.narrow),
            len(ends),
            narrow,
            len(alone.exact),
        )
        for name, count in zip(shape, more, strict=True):
            total[name] += int(count)
    print(f"| hierarchies | {' | '.join(total)} | CPU s |\n|{'---|' * (len(total) + 2)}")
    print(f"| {hierarchies:,} | {' | '.join(f'{n:,}' for n in total.values())} | {time.process_time() - began:.0f} |\n")
    return not (total["exact"] or total["narrow"] or total["narrow by HiGHS"])


def least(network: Network, small: np.ndarray, cost: np.ndarray, seconds: float) -> float | None:
    """The least cost of further counts to hide, or None where it was not found in time.

    For each small count two tables agree with all that is shown and differ by the width there; a count that changes in
    any of them is hidden.
    """
    value, sums = network.value, network.sums
    size, protected = len(value), np.flatnonzero(small)
    one = eye_array(size, format="csr")
    rows, low, high = [], [], []
    tables = 2 * len(protected)

    def add(blocks: dict[int, csr_array], least_: float, most: float) -> None:
        height = next(iter(blocks.values())).shape[0]
        parts = [blocks.get(i, csr_array((height, size))) for i in range(tables + 1)]
        rows.append(block_array([parts], format="csr"))
        low.append(np.full(height, least_))
        high.append(np.full(height, most))

    for table in range(1, tables + 1):
        add({table: sums}, 0, 0)
        add({0: -WIDTH * one, table: one}, -np.inf, 0)
        add({0: diags_array(np.minimum(network.rooms[1], WIDTH)).tocsr(), table: one}, 0, np.inf)
    for i, edge in enumerate(protected.tolist()):
        add({2 * i + 1: one[[edge]], 2 * i + 2: -one[[edge]]}, WIDTH, np.inf)
    lower, upper = np.full((tables + 1) * size, -WIDTH), np.full((tables + 1) * size, WIDTH)
    lower[:size], upper[:size] = small, np.isfinite(cost)
    aim = np.zeros(len(lower))
    aim[:size] = np.where(small | ~np.isfinite(cost), 0, cost)
    found = milp(
        aim,
        integrality=np.arange(len(aim)) < size,
        constraints=LinearConstraint(
            block_array([[row] for row in rows], format="csr"), np.concatenate(low), np.concatenate(high)
        ),
        bounds=Bounds(lower, upper),
        options={"time_limit": seconds},
    )
    return float(found.fun) if found.status == 0 else None


def measure_optimum(wanted: int, seed: int, seconds: float) -> None:
    """Print how many more counts are hidden than the least that would do."""
    rng = np.random.default_rng(seed)
    ours, best, ratios, late = 0, 0, [], 0
    while len(ratios) < wanted:
        block = drawn(rng, 16, 3)
        network, small, cost = (
            known_of(block, TERMS),
            small_in(block, TERMS).ravel(),
            np.where(block.tree.value > 0, 1.0, np.inf).ravel(),
        )
        if not small.any() or small.sum() > 14:
            continue
        hiding = hide(network, small, WIDTH, hiding_costs(block).ravel())
        mine, optimum = int(hiding.hidden.sum()) - int(small.sum()), least(network, small, cost, seconds)
        if optimum is None:
            late += 1
            continue
        ours, best = ours + mine, best + round(optimum)
        ratios.append(mine / optimum if optimum > 0.5 else 1.0 + mine)
    worst, over = max(ratios), np.mean(np.array(ratios) > 1.25)
    print("| hierarchies | not solved in time | complementary, ours | least | ratio | worst | share above 1.25 |")
    print("|---|---|---|---|---|---|---|")
    print(f"| {len(ratios)} | {late} | {ours} | {best} | {ours / max(best, 1):.3f} | {worst:.2f} | {over:.3f} |\n")


def measure_size(seed: int) -> bool:
    """Print how long a district takes; tell whether the attack found nothing."""
    head = "cells", "categories", "mean", "numbers", "small", "hidden with them", "hide, CPU s", "attack, CPU s"
    print(f"| {' | '.join(head)} | exact | narrow |\n|{'---|' * (len(head) + 2)}")
    good = True
    for mean in (0.5, 5.0, 50.0, 500.0):
        block = district(np.random.default_rng(seed), 2532, 10, mean)
        network, small = known_of(block, TERMS), small_in(block, TERMS).ravel()
        began = time.process_time()
        hiding = hide(network, small, WIDTH, hiding_costs(block).ravel())
        middle = time.process_time()
        found = attack(network, hiding.hidden, hiding.small, WIDTH, hiding.proof)
        times = f"{middle - began:.1f} | {time.process_time() - middle:.1f}"
        extra = int(hiding.hidden.sum()) - int(small.sum())
        start = f"| 2,532 | 10 | {mean:g} | {small.size:,} | {small.sum():,} | {extra:,}"
        print(f"{start} | {times} | {len(found.exact)} | {len(found.narrow)} |", flush=True)
        good &= found.passed
    return good


def measure_zeros(seed: int) -> None:
    """Print what is left to be seen when true zeros are shown, and when they are protected."""
    print("| cells | categories | mean | true zeros | shown, zeros shown | of those above 0 | shown, zeros protected |")
    print("|---|---|---|---|---|---|---|")
    for categories in (0, 5):
        for mean in (0.3, 1.0, 3.0, 10.0, 50.0):
            block = district(np.random.default_rng(seed), 400, max(categories, 1), mean)
            if not categories:
                block = Block(block.names[-1:], Tree(block.tree.above, block.tree.value[:, -1:]))
            value = block.tree.value
            shown = [~protected(block, Terms(int(WIDTH), zeros)) for zeros in ZEROS]
            above = shown[0][value > 0].mean()
            start = f"| 400 | {categories} | {mean:g} | {(value == 0).mean():.0%} | {shown[0].mean():.0%} | {above:.0%}"
            print(f"{start} | {shown[1].mean():.0%} |", flush=True)


class Release(NamedTuple):
    """A table of a universe, the key it was published with, and what is seen of it."""

    table: tuple[int, ...]
    seen: tuple[float, ...]


def universe(cells: int, categories: int, most: int) -> dict[tuple[int, ...], Block]:
    """All tables of a parent with so many cells, no number above a limit."""
    tables = {}
    for table in itertools.product(range(most + 1), repeat=cells * max(categories, 1)):
        counts = np.array(table, float).reshape(cells, -1)
        counts = np.hstack([counts, counts.sum(axis=1, keepdims=True)]) if categories else counts
        tree = np.array([cells] * cells + [-1])
        tables[table] = Block(tuple(f"count_{i}" for i in range(counts.shape[1])), Tree(tree, summed(tree, counts)))
    return tables


def measure_method(keys: int) -> None:
    """Print what a reader learns who keeps only the tables of which `publish` shows the same.

    Asked are the small numbers that are wide enough for who does not know the method. A reader without the secret
    keeps a table if any of the secrets tried shows it so.
    """
    print("| cells | categories | numbers up to | hide below | secret | known | in less than the width | hidden |")
    print("|---|---|---|---|---|---|---|---|")
    for cells, categories, most, below in ((3, 0, 9, 3), (4, 0, 5, 2), (2, 2, 3, 2)):
        tables = universe(cells, categories, most)
        flat = {table: block.tree.value.ravel() for table, block in tables.items()}
        for secrets in ([None], [bytes([i]) * LEAST_SECRET for i in range(keys)]):
            releases = [
                Release(table, tuple(np.where(protected(block, Terms(below, secret=secret)).ravel(), -1, flat[table])))
                for table, block in tables.items()
                for secret in secrets
            ]
            known, narrow, hidden = learned(releases, flat, below)
            start = f"| {cells} | {categories} | {most} | {below} | {'yes' if secrets[0] else 'none'}"
            print(f"{start} | {known:.1%} | {narrow:.1%} | {hidden:.2f} |", flush=True)


def learned(releases: Sequence[Release], flat: dict[tuple[int, ...], np.ndarray], below: int) -> tuple[float, ...]:
    """Shares of small numbers that are known, and that are placed too narrowly; hidden numbers a table."""
    same: dict[tuple[float, ...], set[tuple[int, ...]]] = defaultdict(set)
    for release in releases:
        same[release.seen].add(release.table)
    every = np.array(list(flat.values()))
    ends = {}
    for seen, tables in same.items():
        shown = np.array(seen)
        agreeing = every[((every == shown) | ((shown < 0) & (every > 0))).all(axis=1)]
        ends[seen] = np.ptp(np.array([flat[table] for table in tables]), axis=0), np.ptp(agreeing, axis=0)
    small = known = narrow = hidden = 0
    for release in releases:
        value = flat[release.table]
        method, without = ends[release.seen]
        asked = (value > 0) & (value < below) & (without >= below)
        small, known, narrow = (
            small + asked.sum(),
            known + (method[asked] == 0).sum(),
            narrow + (method[asked] < below).sum(),
        )
        hidden += (np.array(release.seen) < 0).sum()
    return known / small, narrow / small, hidden / len(releases)


def town(rng: np.random.Generator, cells: int) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """Irregular cells on 3 x 3 km, and where the households live: 60 to a cell on average."""
    seeds = rng.uniform(0, 3000, (cells, 2))
    square = shapely.box(0, 0, 3000, 3000)
    parts = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(seeds), extend_to=square))
    shapes = shapely.intersection(parts, square)
    shapes = shapes[np.lexsort((shapely.get_y(shapely.centroid(shapes)), shapely.get_x(shapely.centroid(shapes))))]
    codes = [f"{i:05d}" for i in range(len(shapes))]
    parents = [f"P{i // 20:02d}" for i in range(len(shapes))]
    grid = gpd.GeoDataFrame({"grid_code": codes, "parent_code": parents}, geometry=shapes, crs=4547)
    return grid, rng.uniform(0, 3000, (60 * cells, 2))


def lived_in(grid: gpd.GeoDataFrame, homes: np.ndarray) -> gpd.GeoDataFrame:
    """The grid with the number of households in each cell."""
    cell = CellIndex(grid).locate(homes[:, 0], homes[:, 1])
    return grid.assign(households=np.bincount(cell[cell >= 0], minlength=len(grid)))


def merged(grid: gpd.GeoDataFrame, cells: int) -> gpd.GeoDataFrame:
    """Neighbours put together until so many cells are left."""
    while len(grid) > cells:
        share = grid.geometry.intersection(grid.geometry.iloc[0].buffer(0.01)).length.to_numpy().copy()
        share[0] = 0
        other = int(share.argmax())
        union = shapely.union_all(grid.geometry.iloc[[0, other]].to_numpy())
        rest = grid.drop(index=grid.index[[0, other]])
        row = gpd.GeoDataFrame(
            {"grid_code": [f"M{len(grid):04d}"], "parent_code": ["P00"]}, geometry=[union], crs=grid.crs
        )
        grid = gpd.GeoDataFrame(pd.concat([rest, row], ignore_index=True), crs=row.crs)
    return grid.assign(parent_code="P00").sort_values("grid_code", ignore_index=True)


def released(table: gpd.GeoDataFrame, ledger: Path, **options: object) -> tuple[bool, float]:
    """Publish; tell whether it was accepted, and the CPU seconds."""
    began = time.process_time()
    try:
        publish(table, measures=["households"], ledger=ledger, as_of="2026-06-30", **options)
        accepted = True
    except GridError:
        accepted = False
    return accepted, time.process_time() - began


def measure_ledger(seed: int, moves: int) -> bool:
    """Print what is accepted beside earlier releases; tell whether every moved border was refused."""
    rng = np.random.default_rng(seed)
    grid, homes = town(rng, 153)
    square = grid.dissolve().assign(code="P00").reset_index(drop=True)[["code", "geometry"]]
    lattices = [square_grid(square, size_m=300, origin=(shift, shift)).cells() for shift in (0, 137)]
    print("| release | cells | accepted | CPU s |\n|---|---|---|---|")
    with TemporaryDirectory() as folder:
        ledger = Path(folder) / "releases.json"
        steps = [("153 cells", grid), ("82 made of them", merged(grid, 82))]
        steps += [(f"squares, shift {shift}", cells) for shift, cells in zip((0, 137), lattices, strict=True)]
        for name, cells in steps:
            accepted, seconds = released(lived_in(cells, homes), ledger)
            print(f"| {name} | {len(cells)} | {accepted} | {seconds:.1f} |", flush=True)
    refused = sum(not move_is_accepted(rng, grid, homes) for _ in range(moves))
    print(f"\nBorders moved by 1 to 9 households: {moves}, refused: {refused}\n")
    return refused == moves


def move_is_accepted(rng: np.random.Generator, grid: gpd.GeoDataFrame, homes: np.ndarray) -> bool:
    """Release a grid, then one with a strip of few households given to a neighbour."""
    shapes = grid.geometry.to_numpy()
    while True:
        one = int(rng.integers(len(grid)))
        width = float(rng.uniform(2, 40))
        for two in np.flatnonzero(shapely.touches(shapes[one], shapes)):
            strip = shapely.intersection(shapes[two], shapely.buffer(shapes[one], width))
            count = int(shapely.contains_xy(strip, homes[:, 0], homes[:, 1]).sum())
            if 0 < count < WIDTH and grid["parent_code"][one] == grid["parent_code"][two]:
                changed = shapes.copy()
                changed[one] = shapely.union(shapes[one], strip)
                changed[two] = shapely.difference(shapes[two], strip)
                with TemporaryDirectory() as folder:
                    released(lived_in(grid, homes), Path(folder) / "releases.json")
                    return released(
                        lived_in(grid.set_geometry(changed, crs=grid.crs), homes), Path(folder) / "releases.json"
                    )[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hierarchies", type=int, default=10_000)
    parser.add_argument("--optimum", type=int, default=200)
    parser.add_argument("--moves", type=int, default=100, help="of borders")
    parser.add_argument("--seconds", type=float, default=60.0, help="for one optimum")
    parser.add_argument("--keys", type=int, default=20, help="secrets that a reader who knows the method tries")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    asked = parser.parse_args(arguments)
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores\n", flush=True)
    good = True
    if "size" in asked.parts:
        good &= measure_size(asked.seed)
    if "ledger" in asked.parts:
        good &= measure_ledger(asked.seed, asked.moves)
    if "attack" in asked.parts:
        good &= measure_attack(asked.hierarchies, asked.seed)
    if "optimum" in asked.parts:
        measure_optimum(asked.optimum, asked.seed, asked.seconds)
    if "zeros" in asked.parts:
        measure_zeros(asked.seed)
    if "method" in asked.parts:
        measure_method(asked.keys)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
