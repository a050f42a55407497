"""Measure the main job: python scripts/bench/main_job.py [--buildings 2000] [--runs 3].

For the bundled town and for generated towns of houses and of towers: how many cells keep the band, how compact they
are, what the check says, and what each step costs (process CPU seconds, median of the runs; the load average is
printed, so that a reader can judge them). A row is a town, as Markdown.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
import warnings

import numpy as np
import shapely

import gridgis as gg
from gridgis.sample import Town

BAND = (100, 150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--buildings", type=int, default=2000)
    parser.add_argument("--parents", type=int, default=4)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    size = options.buildings
    towns = {
        "bundled": bundled(),
        f"houses {size:,}": gg.generate_town(size, parents=options.parents, seed=1),
        f"towers {size:,}": gg.generate_town(size, towers=True, parents=options.parents, seed=1),
    }
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, median of {options.runs} runs\n")
    print(
        "| town | buildings | households | cells | in band % | of feasible % | exceptions | PP median / 5th | "
        "findings | fragments | divide s | check s | locate 100k s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for name, town in towns.items():
        print(row(name, town, options.runs))
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def bundled() -> Town:
    files = gg.town_files()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gg.GridWarning)
        areas = gg.read_areas(files["areas"])
        return Town(
            areas,
            gg.read_buildings(files["buildings"], crs=areas.crs),
            gg.read_barriers(files["barriers"], crs=areas.crs),
        )


def row(name: str, town: Town, runs: int) -> str:
    divide_s, cells = timed(lambda: gg.divide(*town, households=BAND), runs)
    grid = gg.assign_codes(cells, gg.CodeScheme.unit_grid())
    check_s, findings = timed(
        lambda: gg.check_grid(grid, areas=town.areas, buildings=town.buildings, households=BAND), runs
    )
    points = random_points(grid)
    locate_s, _ = timed(lambda: gg.locate(points, grid), runs)
    inside = grid["households"].between(*BAND)
    infeasible = grid["exception"].isin(["giant building", "too few households", "total not divisible"])
    compact = 4 * np.pi * grid.area / grid.length**2
    exceptions = grid["exception"][grid["exception"].ne("")].value_counts()
    listed = ", ".join(f"{count} {reason}" for reason, count in exceptions.items()) or "none"
    fragments = int((shapely.get_num_geometries(grid.geometry.to_numpy()) - 1).sum())
    figures = [
        name,
        f"{len(town.buildings):,}",
        f"{grid['households'].sum():,}",
        len(grid),
        f"{100 * inside.mean():.1f}",
        f"{100 * inside[~infeasible].mean():.1f}",
        listed,
        f"{compact.median():.3f} / {compact.quantile(0.05):.3f}",
        len(findings),
        fragments,
        f"{divide_s:.2f}",
        f"{check_s:.2f}",
        f"{locate_s:.2f}",
    ]
    return f"| {' | '.join(map(str, figures))} |"


def random_points(grid):
    import geopandas as gpd

    rng = np.random.default_rng(0)
    west, south, east, north = grid.total_bounds
    return gpd.GeoDataFrame(
        geometry=gpd.points_from_xy(rng.uniform(west, east, 100_000), rng.uniform(south, north, 100_000)), crs=grid.crs
    )


def timed(work, runs: int):
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        result = work()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds), result


if __name__ == "__main__":
    main()
