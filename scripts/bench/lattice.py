"""Measure lattices clipped to a ragged boundary: python scripts/bench/lattice.py [--cells 1000000] [--runs 5].

Makes a boundary of its own, from a seed: about 17,000 corners, 43 holes, 34 km across. Lays squares and hexagons over
it and times, in CPU seconds of the process (median of the runs):

- laid: which cells are inside, on the border or outside; the lattice can count and be asked for codes;
- cut: the polygons of the cells on the border;
- drawn: all polygons, as a grid with codes and areas (once);
- locate: million points a second, uniform over the bounds.

The peer is `geopandas.clip` on a sample of the same cells, whole ones as polygons, evenly spread. It is measured on the
sample only and extrapolated linearly to all cells: the column says so. The areas of both are compared, cell by cell.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from statistics import median

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from gridgis.lattice import Lattice, hex_grid, square_grid

SEED = 1
RADIUS_M = 17_000.0
CENTRE = (500_000.0, 4_000_000.0)
CRS = 4547
HOLES = 43

Corners = npt.NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=1_000_000, help="about so many cells")
    parser.add_argument("--sample", type=int, default=10_000, help="cells given to geopandas.clip; 0 leaves it out")
    parser.add_argument("--points", type=int, default=4_000_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    outline = boundary()
    areas = gpd.GeoDataFrame(geometry=[outline], crs=CRS)
    corners = shapely.get_num_coordinates(outline) - 1 - len(outline.interiors)
    print(f"boundary: {corners:,} corners, {len(outline.interiors)} holes, {outline.area / 1e6:.1f} km2")
    print(
        f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, median of {options.runs} runs, CPU seconds\n"
    )
    heads = [
        "lattice", "cells", "on the border", "laid", "cut", "laid + cut", "drawn", "relative error of the area",
        "locate, million points a second", f"geopandas.clip, {options.sample:,} cells", "for all cells (extrapolated)",
        "ratio laid + cut", "ratio with all drawn", "most a cell differs, m2",
    ]  # fmt: skip
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name, make, share in (("squares", square_grid, 1.0), ("hexagons", hex_grid, 0.75**0.5)):
        size = round((outline.area / options.cells / share) ** 0.5, 1)
        print(f"| {' | '.join(row(name, make, size, areas, options))} |", flush=True)


def row(
    name: str, make: Callable[..., Lattice], size: float, areas: gpd.GeoDataFrame, options: argparse.Namespace
) -> list[str]:
    """One line of the table."""
    laid, cut, located = [], [], []
    rng = np.random.default_rng(SEED)
    west, south, east, north = areas.total_bounds
    x, y = rng.uniform(west, east, options.points), rng.uniform(south, north, options.points)
    for _ in range(options.runs):
        seconds, lattice = timed(lambda: make(areas, size_m=size))
        laid.append(seconds)
        border = np.flatnonzero(lattice.clipped)
        seconds, _ = timed(lambda: lattice.area_m2)  # noqa: B023
        cut.append(seconds)
        seconds, _ = timed(lambda: lattice.locate(x, y))  # noqa: B023
        located.append(seconds)
    drawn, grid = timed(make(areas, size_m=size).cells)
    error = abs(grid["area_m2"].sum() / areas.area.sum() - 1)
    ours = median(laid) + median(cut)
    texts = [
        f"{name} of {size:g} m", f"{len(lattice):,}", f"{len(border):,}", f"{median(laid):.3f}", f"{median(cut):.3f}",
        f"{ours:.3f}", f"{drawn:.2f}", f"{error:.0e}", f"{options.points / median(located) / 1e6:.0f}",
    ]  # fmt: skip
    if not options.sample:
        return [*texts, "", "", "", "", ""]
    clip, differs = clipped_by_geopandas(make(areas, size_m=size, whole=True), grid, areas, options.sample)
    whole = clip * len(lattice) / min(options.sample, len(lattice))
    return [
        *texts,
        f"{clip:.1f}",
        f"{whole:,.0f}",
        f"{whole / ours:,.0f}",
        f"{whole / (median(laid) + drawn):,.0f}",
        f"{differs:.0e}",
    ]


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """CPU seconds, and what came of the work."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def clipped_by_geopandas(
    whole: Lattice, grid: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, count: int
) -> tuple[float, float]:
    """CPU seconds of geopandas.clip on some whole cells, and by how much an area differs from ours at most."""
    sample = whole.cells(np.unique(np.linspace(0, len(whole) - 1, count).astype(int)))
    seconds, clipped = timed(lambda: gpd.clip(sample, areas))
    theirs = clipped.set_index("grid_code").area
    ours = grid.set_index("grid_code")["area_m2"].reindex(theirs.index)
    assert len(theirs) == len(sample)
    return seconds, float((theirs - ours).abs().max())


def boundary() -> shapely.Polygon:
    """A ragged outline with holes, the same at every run; rougher ones would hardly ever be valid."""
    rng = np.random.default_rng(SEED)
    shell = None
    while shell is None or not shell.is_valid:
        shell = shapely.Polygon(ragged(rng, (0.0, 0.0), RADIUS_M, 12, 0.15))
    holes: list[shapely.Polygon] = []
    while len(holes) < HOLES:
        radius = rng.uniform(0.01, 0.04) * RADIUS_M
        hole = shapely.Polygon(ragged(rng, rng.uniform(-RADIUS_M, RADIUS_M, 2), radius, 3, 0.2))
        room = hole.buffer(0.3 * radius)
        if hole.is_valid and shell.contains(room) and not any(room.intersects(other) for other in holes):
            holes.append(hole)
    outline = shapely.Polygon(shell.exterior, [hole.exterior for hole in holes])
    return shapely.transform(outline, lambda corners: corners + CENTRE)


def ragged(rng: np.random.Generator, centre: object, radius: float, rounds: int, rough: float) -> Corners:
    """A square whose edges are broken in the middle again and again, each time to a random side."""
    angle = np.arange(4) * np.pi / 2
    corners = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius + np.asarray(centre)
    for _ in range(rounds):
        step = np.roll(corners, -1, axis=0) - corners
        aside = np.stack([-step[:, 1], step[:, 0]], axis=1) * rng.uniform(-rough, rough, (len(corners), 1))
        corners = np.stack([corners, corners + step / 2 + aside], axis=1).reshape(-1, 2)
    return corners


if __name__ == "__main__":
    main()
