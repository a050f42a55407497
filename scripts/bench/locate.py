"""Measure locate: python scripts/bench/locate.py [--cells 2532] [--points 1000000] [--runs 5] [--quick].

Irregular cells (see covers.py); points uniform, clustered, and clustered with 6 % adversarial ones. Figures, as
Markdown:

- **join**: points to cells by `CellIndex` and by what one would take instead. The contenders work one after the other
  in one process, again and again; medians. CPU seconds are of the process, all of its threads. For the contenders
  everything is made before: point objects, tables, the loaded database. For us the row "query" has its index, "build +
  query" has not. Slow contenders get a share of the points; figures are per million points. "rows" is the number of
  rows of the answer per million points: a partition has as many as there are points in cells. "differ" is the number of
  points on no border, in no overlap, that got another cell than ours.
- **small jobs**: `gridgis.locate` beside `sjoin` of the same few points, from tables to table, indexes included.
- **counts**: from arrays of coordinates to counts a cell, end to end, each in a process of its own; memory over input.
- **threads**: two threads on one index; points in the order of the map.
- **index**: seconds to build, a half-edge (each vertex of each ring has one); bytes; seconds to save and to load.

To have all contenders: python -m pip install duckdb==1.5.5 duckdb-extension-spatial==1.5.5 sedonadb geoarrow-pyarrow
rtree. One that is not installed is left out, and said to be.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import covers
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

import gridgis as gg
from gridgis import compiled
from gridgis.answers import CONFLICT
from gridgis.locate.index import CellIndex

KINDS = ("uniform", "clustered", "adversarial")
PARTS = ("join", "small", "counts", "threads", "index")
Run = Callable[[], Any]


class Job(NamedTuple):
    """What a contender gets, made before the clock runs; only points with finite coordinates."""

    grid: gpd.GeoDataFrame
    x: np.ndarray
    y: np.ndarray


class Contender(NamedTuple):
    """A way to put points into cells."""

    name: str
    needs: tuple[str, ...]
    share: float
    """Of the points; less for the slow."""
    make: Callable[[Job], Run]
    """Makes everything ready; what it returns is what is measured."""


class Cost(NamedTuple):
    """Seconds; of the CPU those of all threads."""

    wall: float
    cpu: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, nargs="+", default=[2532])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--many", type=int, default=10_000_000, help="points to count, and for threads")
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the points for geopandas where they are counted"
    )
    parser.add_argument("--only", nargs="+", help="contenders with one of these words in their names, and ours")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(*counted(*options.one))
        return
    heading()
    for cells in options.cells:
        grid = covers.cover(cells)
        vertices = len(covers.edges(grid.geometry.to_numpy())[0])
        print(f"\n## {len(grid):,} cells, {vertices:,} vertices\n", flush=True)
        if "index" in options.parts:
            print_index(grid, vertices, options.runs)
        if "join" in options.parts:
            for kind in options.kinds:
                print_joins(grid, kind, options)
        if "threads" in options.parts:
            print_threads(grid, options.many, options.runs)
        if "small" in options.parts:
            print_small(grid, options.runs)
        if "counts" in options.parts:
            print_counts(grid, options)
    print(f"\n{load()} at the end")


def heading() -> None:
    names = ("numpy", "pandas", "shapely", "geopandas", "duckdb", "sedonadb", "rtree")
    have = [f"{name} {version(name)}" for name in names if installed(name)]
    core = "with its compiled core" if compiled.core is not None else "WITHOUT a compiled core"
    print(f"Python {platform.python_version()}, {', '.join(have)}; GEOS {shapely.geos_version_string}; gridgis {core}")
    print(f"{load()}, {os.cpu_count()} cores")
    missing = sorted({name for each in CONTENDERS for name in each.needs if not installed(name)})
    if missing:
        print(f"not installed, left out: {', '.join(missing)}")


def load() -> str:
    return f"load average {os.getloadavg()[0]:.1f}"


def installed(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def table(*head: str) -> None:
    print(f"\n| {' | '.join(head)} |\n{'|---' * len(head)}|", flush=True)


def row(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


# --- the clock


def clocked(run: Run) -> tuple[Any, Cost]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = run()
    return found, Cost(time.perf_counter() - wall, time.process_time() - cpu)


def rounds(runs: dict[str, Run], times: int) -> dict[str, Cost]:
    """Let everyone work once a round, after one that is not counted; medians."""
    costs: dict[str, list[Cost]] = {name: [] for name in runs}
    for turn in range(times + 1):
        for name, run in runs.items():
            cost = clocked(run)[1]
            if turn:
                costs[name].append(cost)
    return {name: Cost(*map(statistics.median, zip(*each, strict=True))) for name, each in costs.items()}


@contextmanager
def without_core() -> Iterator[None]:
    had, compiled.core = compiled.core, None
    try:
        yield
    finally:
        compiled.core = had


# --- the contenders


def build(grid: gpd.GeoDataFrame) -> Run:
    return lambda: CellIndex(grid)


def query(job: Job) -> Run:
    index = CellIndex(job.grid)
    return lambda: index.locate(job.x, job.y)


def build_and_query(job: Job) -> Run:
    return lambda: CellIndex(job.grid).locate(job.x, job.y)


def without(make: Callable[[], Run]) -> Run:
    """Make, and run, without the compiled core."""
    with without_core():
        run = make()

    def alone() -> Any:
        with without_core():
            return run()

    return alone


def sjoin(job: Job, **how: str) -> Run:
    things = gpd.GeoDataFrame(geometry=gpd.points_from_xy(job.x, job.y), crs=job.grid.crs)

    def run() -> tuple[np.ndarray, np.ndarray]:
        found = gpd.sjoin(things, job.grid, **how)
        return found.index.to_numpy(), found["index_right"].to_numpy()

    return run


def prepared(job: Job) -> Run:
    """The best recipe of GEOS alone: boxes from a tree, then prepared cells, one after the other."""
    shapes, things = job.grid.geometry.to_numpy(), shapely.points(job.x, job.y)
    tree = shapely.STRtree(shapes)

    def run() -> tuple[np.ndarray, np.ndarray]:
        point, cell = tree.query(things)
        order = np.argsort(cell, kind="stable")
        point, cell = point[order], cell[order]
        shapely.prepare(shapes)
        kept = shapely.intersects_xy(shapes[cell], job.x[point], job.y[point])
        return point[kept], cell[kept]

    return run


def rtree_loop(job: Job) -> Run:
    from rtree.index import Index

    shapes = job.grid.geometry.to_numpy()
    tree = Index((i, tuple(box), None) for i, box in enumerate(shapely.bounds(shapes)))
    shapely.prepare(shapes)

    def run() -> tuple[np.ndarray, np.ndarray]:
        found = [
            (i, cell)
            for i, (x, y) in enumerate(zip(job.x.tolist(), job.y.tolist(), strict=True))
            for cell in tree.intersection((x, y, x, y))
            if shapely.intersects_xy(shapes[cell], x, y)
        ]
        return tuple(np.array(found, np.int64).reshape(-1, 2).T)

    return run


def duckdb(job: Job) -> Run:
    import duckdb
    import duckdb_extension_spatial

    folder = Path(duckdb_extension_spatial.__file__).parent / "extensions"
    session = duckdb.connect()
    session.load_extension(str(next(folder.rglob("spatial.duckdb_extension"))))
    cells, things = plain_tables(job)
    session.register("cell_table", cells.assign(wkb=shapely.to_wkb(job.grid.geometry.to_numpy())))
    session.register("thing_table", things)
    session.execute("CREATE TABLE cells AS SELECT cell, ST_GeomFromWKB(wkb) AS shape FROM cell_table")
    session.execute("CREATE TABLE things AS SELECT point, ST_Point(x, y) AS place FROM thing_table")

    def run() -> tuple[np.ndarray, np.ndarray]:
        found = session.execute(
            "SELECT point, cell FROM things JOIN cells ON ST_Intersects(cells.shape, things.place)"
        ).fetchnumpy()
        return found["point"], found["cell"]

    return run


def sedona(job: Job) -> Run:
    import sedonadb

    session = sedonadb.connect()
    cells, things = plain_tables(job)
    shapes = gpd.GeoDataFrame(cells, geometry=job.grid.geometry.to_numpy())
    session.create_data_frame(shapes).to_memtable().to_view("cells")
    session.create_data_frame(things).to_view("xy")
    session.sql("SELECT point, ST_Point(x, y) AS place FROM xy").to_memtable().to_view("things")

    def run() -> tuple[np.ndarray, np.ndarray]:
        found = session.sql(
            "SELECT things.point, cells.cell FROM things JOIN cells ON ST_Intersects(cells.geometry, things.place)"
        ).to_arrow_table()
        return found["point"].to_numpy(), found["cell"].to_numpy()

    return run


def plain_tables(job: Job) -> tuple[pd.DataFrame, pd.DataFrame]:
    cells = pd.DataFrame({"cell": np.arange(len(job.grid))})
    return cells, pd.DataFrame({"point": np.arange(len(job.x)), "x": job.x, "y": job.y})


CONTENDERS = (
    Contender("CellIndex: query", (), 1, query),
    Contender("CellIndex: build + query", (), 1, build_and_query),
    Contender("without core: query", (), 1, lambda job: without(lambda: query(job))),
    Contender("without core: build + query", (), 1, lambda job: without(lambda: build_and_query(job))),
    Contender("STRtree + prepared cells", (), 1, prepared),
    Contender('geopandas.sjoin "within"', (), 1, partial(sjoin, predicate="within")),
    Contender("geopandas.sjoin, default", (), 1, sjoin),
    Contender("SedonaDB ST_Intersects", ("sedonadb", "geoarrow.pyarrow"), 0.5, sedona),
    Contender("DuckDB ST_Intersects", ("duckdb", "duckdb_extension_spatial"), 0.2, duckdb),
    Contender("rtree loop, prepared cells", ("rtree",), 0.02, rtree_loop),
)


# --- the parts


def print_joins(grid: gpd.GeoDataFrame, kind: str, options: argparse.Namespace) -> None:
    """All contenders on one kind of points."""
    x, y = covers.points(grid, options.points, kind)
    usable = np.isfinite(x) & np.isfinite(y)
    job = Job(grid, x[usable], y[usable])
    truth = CellIndex(grid).examine(job.x, job.y)
    runs, sizes = {}, {}
    for each in CONTENDERS:
        wanted = "core" in each.name or "CellIndex" in each.name or not options.only
        if all(map(installed, each.needs)) and (wanted or any(word in each.name for word in options.only)):
            size = max(1, round(each.share * len(job.x)))
            runs[each.name], sizes[each.name] = each.make(Job(grid, job.x[:size], job.y[:size])), size
    notes = {name: verdict(run(), truth, sizes[name]) for name, run in runs.items()}
    costs = rounds(runs, options.runs)
    ours = costs["CellIndex: query"]
    print(f"\n### {kind}: {len(job.x):,} points, {load()}, median of {options.runs} runs")
    table(
        "contender",
        "points",
        "wall s / M",
        "CPU s / M",
        "M points / CPU s",
        "wall / ours",
        "CPU / ours",
        "rows / M",
        "differ",
    )
    for name, cost in costs.items():
        wall, cpu = (value / sizes[name] * 1e6 for value in cost)
        ratios = [f"{value / own * len(job.x) / 1e6:.1f}" for value, own in zip((wall, cpu), ours, strict=True)]
        row(name, f"{sizes[name]:,}", f"{wall:.3f}", f"{cpu:.3f}", f"{1 / cpu:.2f}", *ratios, *notes[name])
    for peer in ("STRtree + prepared cells", 'geopandas.sjoin "within"'):
        if peer in costs:
            saved = (costs[peer].cpu - ours.cpu) / len(job.x)
            built = costs["CellIndex: build + query"].cpu - ours.cpu
            print(f"\nA new index pays from {built / saved:,.0f} points on, beside {peer}.")


def verdict(found: Any, truth: tuple[np.ndarray, np.ndarray], size: int) -> tuple[str, str]:
    """How many rows came, and how many points that are no matter of taste got another cell than ours."""
    position, border = (part[:size] for part in truth)
    if isinstance(found, tuple):
        point, cell = found
        rows, got = len(point), np.full(size, -1)
        got[point] = cell
    else:
        rows, got = int((found >= 0).sum()), found
    plain = ~border & (position != CONFLICT)
    return f"{rows / size * 1e6:,.0f}", f"{int((got[plain] != position[plain]).sum()):,}"


def print_threads(grid: gpd.GeoDataFrame, number: int, runs: int) -> None:
    """One thread and two; random order and the order of the map."""
    x, y = covers.points(grid, number, "clustered")
    west, south, east, north = grid.total_bounds
    tile = ((y - south) / (north - south) * 200).astype(int) * 256 + ((x - west) / (east - west) * 200).astype(int)
    order = np.argsort(tile, kind="stable")
    near_x, near_y = x[order], y[order]
    index = CellIndex(grid)
    half = number // 2
    parts = [(x[:half], y[:half]), (x[half:], y[half:])]
    with ThreadPoolExecutor(2) as pool:
        found = rounds(
            {
                "one thread": lambda: index.locate(x, y),
                "two threads of the caller": lambda: list(pool.map(lambda part: index.locate(*part), parts)),
                "jobs=2": lambda: index.locate(x, y, jobs=2),
                "one thread, points in the order of 200 x 200 tiles": lambda: index.locate(near_x, near_y),
                "one thread, and which lie on a border (examine)": lambda: index.examine(x, y),
                "one thread, counts": lambda: index.count(x, y),
            },
            runs,
        )
    one = found["one thread"]
    print(f"\n### query, {number:,} clustered points, {load()}, median of {runs} runs")
    table("how", "wall s", "CPU s", "M points / s", "M points / CPU s", "one thread / this, wall")
    for name, (wall, cpu) in found.items():
        row(
            name,
            f"{wall:.3f}",
            f"{cpu:.3f}",
            f"{number / wall / 1e6:.1f}",
            f"{number / cpu / 1e6:.1f}",
            f"{one.wall / wall:.2f}",
        )


def print_small(grid: gpd.GeoDataFrame, runs: int) -> None:
    """Few points, from tables to table."""
    print(f"\n### small jobs, all from tables, indexes included, {load()}, median of {max(runs, 5)} runs")
    table(
        "points",
        "gridgis.locate: wall s",
        "CPU s",
        'sjoin "within": wall s',
        "CPU s",
        "sjoin, default: wall s",
        "within / ours, wall",
    )
    for number in (100, 1_000, 10_000, 100_000):
        x, y = covers.points(grid, number, "clustered")

        def fresh(x: np.ndarray = x, y: np.ndarray = y) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
            """New tables, so that no index is left from before."""
            things = gpd.GeoDataFrame({"n": np.arange(len(x))}, geometry=gpd.points_from_xy(x, y), crs=grid.crs)
            cells = gpd.GeoDataFrame(
                grid.drop(columns="geometry"), geometry=grid.geometry.to_numpy().copy(), crs=grid.crs
            )
            return things, cells

        works: dict[str, Callable[..., Any]] = {
            "ours": gg.locate,
            "within": partial(gpd.sjoin, predicate="within", how="left"),
            "default": partial(gpd.sjoin, how="left"),
        }
        costs: dict[str, list[Cost]] = {name: [] for name in works}
        for turn in range(max(runs, 5) + 1):
            for name, work in works.items():
                cost = clocked(partial(work, *fresh()))[1]
                if turn:
                    costs[name].append(cost)
        ours, within, default = (Cost(*map(statistics.median, zip(*costs[name], strict=True))) for name in works)
        ratio = f"{within.wall / ours.wall:.2f}"
        row(f"{number:,}", *(f"{value:.4f}" for value in (*ours, *within, default.wall)), ratio)


def print_index(grid: gpd.GeoDataFrame, vertices: int, runs: int) -> None:
    """What an index costs."""
    table(
        "index",
        "build wall s",
        "build CPU s",
        "ns a half-edge (CPU)",
        "MB",
        "bytes a vertex",
        "save s",
        "load s",
        "file MB",
    )
    builds = {"compiled": build(grid), "without core": without(lambda: build(grid))}
    for name, cost in rounds(builds, runs).items():
        index = builds[name]()
        size = getattr(index, "nbytes", None)
        sizes = ("", "") if size is None else (f"{size / 1e6:.1f}", f"{size / vertices:.1f}")
        row(name, f"{cost.wall:.3f}", f"{cost.cpu:.3f}", f"{cost.cpu / vertices * 1e9:.0f}", *sizes, *kept(index))


def kept(index: CellIndex) -> tuple[str, str, str]:
    """Seconds to save and to load an index, and the size of the file, where that can be done."""
    if not hasattr(index, "save"):
        return "", "", ""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cells.index"
        saved = clocked(lambda: index.save(file))[1]
        loaded = clocked(lambda: CellIndex.load(file))[1]
        size = sum(part.stat().st_size for part in Path(folder).rglob("*") if part.is_file())
    return f"{saved.wall:.3f}", f"{loaded.wall:.4f}", f"{size / 1e6:.1f}"


# --- counts, each in a process of its own


def print_counts(grid: gpd.GeoDataFrame, options: argparse.Namespace) -> None:
    """From arrays to counts, end to end."""
    sizes = {"CellIndex.count": options.many, "geopandas": options.many // 10 if options.quick else options.many}
    print(f"\n### arrays to counts, clustered points, index included, {load()}, median of 3 processes")
    per = ("wall s / M", "CPU s / M", "wall / ours", "CPU / ours")
    table("contender", "points", "wall s", "CPU s", *per, "peak MB over the input", "counted")
    with tempfile.TemporaryDirectory() as folder:
        grid.to_pickle(Path(folder) / "grid.pickle")
        x, y = covers.points(grid, options.many, "clustered")
        np.save(Path(folder) / "x.npy", x)
        np.save(Path(folder) / "y.npy", y)
        del x, y
        found: dict[str, list[list[float]]] = {name: [] for name in sizes}
        for _ in range(3):
            for name, size in sizes.items():
                command = [sys.executable, __file__, "--one", f"{name}:{size}", folder]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                found[name].append([float(value) for value in done.stdout.split()])
    medians = {name: list(map(statistics.median, zip(*each, strict=True))) for name, each in found.items()}
    own = [value / sizes["CellIndex.count"] for value in medians["CellIndex.count"][:2]]
    for name, (wall, cpu, memory, total) in medians.items():
        each = [value / sizes[name] for value in (wall, cpu)]
        ratios = [f"{value / ours:.1f}" for value, ours in zip(each, own, strict=True)]
        seconds = [f"{wall:.2f}", f"{cpu:.2f}", *(f"{value * 1e6:.3f}" for value in each)]
        row(name, f"{sizes[name]:,}", *seconds, *ratios, f"{memory:.0f}", f"{total:,.0f}")


def counted(task: str, folder: str) -> tuple[float, float, float, float]:
    """Count once: wall, CPU, megabytes over the input, and how many were counted."""
    name, size = task.split(":")
    grid = pd.read_pickle(Path(folder) / "grid.pickle")
    x, y = (np.load(Path(folder) / f"{axis}.npy")[: int(size)] for axis in "xy")
    work = count_ours if name == "CellIndex.count" else count_geopandas
    work(grid.iloc[:5], x[:100], y[:100])
    before = peak()
    total, cost = clocked(lambda: work(grid, x, y))
    return *cost, peak() - before, float(total.sum())


def count_ours(grid: gpd.GeoDataFrame, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return CellIndex(grid).count(x, y).cells


def count_geopandas(grid: gpd.GeoDataFrame, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    things = gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y), crs=grid.crs)
    return gpd.sjoin(things, grid, predicate="within").groupby("grid_code").size().to_numpy()


def peak() -> float:
    """Peak memory of this process so far, in megabytes."""
    status = Path("/proc/self/status")
    if status.exists():  # what the parent held before it started us counts in ru_maxrss
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


if __name__ == "__main__":
    warnings.simplefilter("ignore", gg.GridWarning)
    main()
