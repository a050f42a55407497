"""Measure divide: python scripts/bench/divide.py [--towns houses:2000:4 ...] [--runs 3] [--seeds 3].

Every town is divided in a process of its own, so that its peak memory is its own. Figures, as Markdown:

- **divide**: cells; share of cells in the band of 100 to 150 households, of feasible ones (proven exceptions and given
  cells left out), and within 110 to 139; Polsby-Popper and Reock; share of the outlines along a barrier;
  findings of `check_grid`, cells in pieces, buildings of which more than 1 mm x perimeter is cut off, difference of the
  areas; CPU seconds of `divide` on tables in memory (median of the runs), peak memory.
- **stability**: 1 % of the buildings removed, new, or with another load; the town is divided again with the grid in
  force: share of the untouched buildings that keep their cell, cells outside the band before and after.
- **same bytes**: shuffled rows, two jobs, and no compiled core give the same table.

A town is kind:buildings:parents, or `bundled`, `street` (98 cells asked for) or `district`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import shapely

import gridgis as gg
from gridgis.divide import PROVEN
from gridgis.sample import Town, edit_town, generate_district, generate_street

BAND = (100, 150)
KINDS, SIZES = ("houses", "slabs", "towers"), ("2000:4", "20000:37")
TOWNS = ("bundled", "street", *(f"{kind}:{size}" for size in SIZES for kind in KINDS))
HEAD = (
    "| town | buildings | households | cells | in band % | of feasible % | 110-139 % | PP median / 5th | Reock "
    "| border along barrier % | findings / pieces / cut | area off | exceptions | CPU s | MB |"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--towns", nargs="+", default=TOWNS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3, help="edits of each town, for stability")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(options.one, options.runs, options.seeds)))
        return
    rows = [found for town in options.towns if (found := apart(town, options))]
    print(f"\nload average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, median of {options.runs} runs\n")
    print(f"{HEAD}\n{'|---' * HEAD.count(' |')}|")
    for row in rows:
        print(row["divide"])
    print("\n| town | edit | untouched buildings in their cell % | outside the band: kept as it was / now | CPU s |")
    print("|---|---|---|---|---|")
    print("\n".join(line for row in rows for line in row["stability"]))
    print("\n| town | shuffled rows | two jobs | no compiled core |\n|---|---|---|---|")
    print("\n".join(row["same"] for row in rows))


def apart(town: str, options: argparse.Namespace) -> dict | None:
    """Measure a town in a process of its own."""
    command = [sys.executable, __file__, "--one", town, "--runs", str(options.runs), "--seeds", str(options.seeds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{town}: failed\n{done.stderr[-2000:]}", file=sys.stderr)
        return None
    print(f"{town} done", file=sys.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def town_of(name: str) -> tuple[Town, dict]:
    """Make a town, and what is asked of it beyond the band."""
    if name == "bundled":
        files = gg.town_files()
        areas = gg.read_areas(files["areas"])
        buildings = gg.read_buildings(files["buildings"], crs=areas.crs)
        return Town(areas, buildings, gg.read_barriers(files["barriers"], crs=areas.crs)), {}
    if name == "street":
        return generate_street(), {"cells": 98, "households": BAND}
    if name == "district":
        return generate_district(), {}
    kind, size, parents = name.split(":")
    return gg.generate_town(int(size), kind=kind, parents=int(parents), seed=1), {}


def measured(name: str, runs: int, seeds: int) -> dict:
    warnings.simplefilter("ignore", gg.GridWarning)
    town, asked = town_of(name)
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        cells = gg.divide(*town, **asked)
        seconds.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    grid = gg.assign_codes(cells, gg.CodeScheme.unit_grid())
    return {
        "divide": f"| {name} | {figures(town, grid)} | {statistics.median(seconds):.1f} | {peak:.0f} |",
        "stability": list(stability(name, town, grid, seeds)),
        "same": f"| {name} | {' | '.join(same_bytes(town, asked, cells))} |",
    }


def figures(town: Town, grid: gpd.GeoDataFrame) -> str:
    households, shapes = grid["households"], grid.geometry.to_numpy()
    inside = households.between(*BAND)
    feasible = ~grid["exception"].isin(PROVEN) & (grid["kind"] == "regular")
    compact = 4 * np.pi * shapely.area(shapes) / shapely.length(shapes) ** 2
    reock = shapely.area(shapes) / (np.pi * shapely.minimum_bounding_radius(shapes) ** 2)
    along = np.average(grid["barrier_share"], weights=shapely.length(shapes))
    report = gg.check_grid(grid, areas=town.areas, buildings=town.buildings)
    findings = [finding for finding in report if finding.rule != "building_across_parents"]
    pieces = int((shapely.get_num_geometries(shapes) != 1).sum())
    off = abs(shapely.area(shapes).sum() - town.areas.area.sum()) / town.areas.area.sum()
    reasons = grid["exception"][grid["exception"] != ""].value_counts().sort_index()
    return " | ".join(
        [
            f"{len(town.buildings):,}",
            f"{int(households.sum()):,}",
            f"{len(grid):,}",
            f"{100 * inside.mean():.2f}",
            f"{100 * inside[feasible].mean():.2f}",
            f"{100 * households.between(110, 139).mean():.1f}",
            f"{np.median(compact):.3f} / {np.percentile(compact, 5):.3f}",
            f"{np.median(reock):.3f}",
            f"{100 * along:.1f}",
            f"{len(findings)} / {pieces} / {cut(town, grid)}",
            f"{off:.0e}",
            ", ".join(f"{count} {reason}" for reason, count in reasons.items()) or "none",
        ]
    )


def cut(town: Town, grid: gpd.GeoDataFrame) -> int:
    """Count buildings inside one area of which a border cuts off more than 1 mm x perimeter."""
    shapes, buildings = grid.geometry.to_numpy(), town.buildings.geometry.to_numpy()
    inside = np.unique(shapely.STRtree(buildings).query(town.areas.geometry.to_numpy(), predicate="contains")[1])
    building, cell = shapely.STRtree(shapes).query(buildings[inside], predicate="overlaps")
    outside = shapely.area(shapely.difference(buildings[inside][building], shapes[cell]))
    most = shapely.length(buildings[inside][building]) * 0.001
    largest = np.zeros(len(inside))
    np.maximum.at(largest, building, shapely.area(buildings[inside][building]) - outside)
    lost = shapely.area(buildings[inside]) - largest
    met = np.unique(building)
    return int((lost[met] > most[np.searchsorted(np.sort(building), met)]).sum())


def stability(name: str, town: Town, grid: gpd.GeoDataFrame, seeds: int) -> Iterator[str]:
    """Edit the town and divide it again."""
    for seed in range(seeds):
        changed = edit_town(town, share=0.01, seed=seed)
        before, untouched = homes(town, grid, "grid_code"), unchanged(town, changed)
        start = time.process_time()
        cells = gg.divide(*changed, households=BAND, previous=grid)
        seconds = time.process_time() - start
        after = homes(changed, cells, "previous_code")
        kept = np.mean([before[i] == after[i] for i in untouched])
        loads = loads_in(changed, grid)
        was = int(((loads < BAND[0]) | (loads > BAND[1])).sum())
        now = int((~cells["households"].between(*BAND)).sum())
        yield f"| {name} | {seed} | {100 * kept:.2f} | {was} / {now} | {seconds:.1f} |"


def homes(town: Town, grid: gpd.GeoDataFrame, column: str) -> dict[str, str]:
    """The cell of each building, by its id."""
    points = shapely.point_on_surface(shapely.normalize(town.buildings.geometry.to_numpy()))
    building, cell = shapely.STRtree(grid.geometry.to_numpy()).query(points, predicate="intersects")
    codes = grid[column].to_numpy(object)
    return dict(zip(town.buildings["building_id"].to_numpy(object)[building], codes[cell], strict=True))


def loads_in(town: Town, grid: gpd.GeoDataFrame) -> np.ndarray:
    """What the cells of a grid would hold of another town."""
    home = homes(town, grid, "grid_code")
    loads = dict(zip(town.buildings["building_id"], town.buildings["households"], strict=True))
    place = {code: i for i, code in enumerate(grid["grid_code"])}
    held = np.zeros(len(grid))
    for building, code in home.items():
        held[place[code]] += loads[building]
    return held


def unchanged(town: Town, changed: Town) -> list[str]:
    """Buildings that are in both towns with the same load."""
    before = dict(zip(town.buildings["building_id"], town.buildings["households"], strict=True))
    after = dict(zip(changed.buildings["building_id"], changed.buildings["households"], strict=True))
    return [i for i in after if i in before and before[i] == after[i]]


def same_bytes(town: Town, asked: dict, cells: gpd.GeoDataFrame) -> Iterator[str]:
    """Divide in other ways, and compare."""
    chance, first = np.random.default_rng(0), digest(cells)
    mixed = [table.iloc[chance.permutation(len(table))] for table in town]
    yield verdict(digest(gg.divide(*mixed, **asked)) == first)
    yield verdict(digest(gg.divide(*town, **asked, jobs=2)) == first)
    if len(town.buildings) > 30_000:
        yield "not tried"
        return

    from gridgis import compiled

    had, compiled.core = compiled.core, None
    start = time.process_time()
    same = digest(gg.divide(*town, **asked)) == first
    compiled.core = had
    yield f"{verdict(same)} ({time.process_time() - start:.1f} CPU s)" if had is not None else "no core here"


def digest(cells: gpd.GeoDataFrame) -> str:
    return hashlib.sha256(cells.to_wkb().to_csv().encode()).hexdigest()


def verdict(same: bool) -> str:
    return "same" if same else "DIFFERENT"


if __name__ == "__main__":
    main()
