"""Measure tables larger than memory: python scripts/bench/locate_files.py [--rows 100000000] [--cells 2532] [--runs 3].

A Parquet file of points (clustered as people are, see covers.py; a million different ones, repeated in row groups of a
million), and a hundredth of the rows as CSV and as GeoPackage, are made in a temporary folder: about 16 bytes a row for
the first, so 1.7 GB for a hundred million. Figures, as Markdown, each from fresh processes, medians of the runs:

- **CPU s** of the call alone, all threads; **wall s** of the same.
- **process s**: CPU seconds of the whole process, with imports and with the reading of the grid.
- **peak MB**: the most memory resident in that process, and **before** how much of it was there before the first row.

"read" only passes the batches by, so that the cost of reading can be told from that of locating. "in memory" is the way
of small files, `read_points` and `locate`. The load average is printed, so that a reader can judge the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import covers
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pyogrio
import shapely

import gridgis as gg
from gridgis.batches.files import BATCH_ROWS, count_file, locate_file
from gridgis.batches.streams import open_stream
from gridgis.locate.index import CellIndex
from gridgis.read.opening import Report

XY = {"x": "x", "y": "y", "crs": covers.CRS}
DIFFERENT = 1_000_000
SMALLER = 100
"""How many times fewer rows the other formats get."""


def read(source: Path, grid: Path, _: Path) -> int:
    stream = open_stream(source, Report(source))
    columns = ["x", "y"] if stream.geometry is None else ["geometry"]
    return sum(batch.num_rows for batch in stream.batches(columns, BATCH_ROWS))


def count(source: Path, grid: Path, _: Path) -> int:
    return int(count_file(source, grid, **options(source))["count"].sum())


def count_with_index(source: Path, grid: Path, _: Path) -> int:
    return int(count_file(source, grid.with_suffix(".index"), **options(source))["count"].sum())


def count_weights(source: Path, grid: Path, _: Path) -> int:
    return int(count_file(source, grid, weights="x", **options(source))["count"].sum())


def count_degrees(source: Path, grid: Path, _: Path) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gg.GridWarning)
        return int(count_file(source, grid, x="x", y="y", crs=4546)["count"].sum())


def locate(source: Path, grid: Path, target: Path) -> int:
    return int(locate_file(source, grid, target, **options(source))["rows"].sum())


def in_memory(source: Path, grid: Path, target: Path) -> int:
    located = gg.locate(gg.read_points(source, **options(source)), gg.read_grid(grid))
    gg.write_table(located.drop(columns=["geometry"]), target)
    return len(located)


def options(source: Path) -> dict[str, Any]:
    return {} if source.suffix == ".gpkg" else XY


Work = Callable[[Path, Path, Path], int]
ALL: list[tuple[str, str, str, Work]] = [
    ("read", ".parquet", "", read),
    ("count_file", ".parquet", "", count),
    ("count_file, saved index", ".parquet", "", count_with_index),
    ("count_file, weights", ".parquet", "", count_weights),
    ("count_file, another CRS", ".parquet", "", count_degrees),
    ("locate_file", ".parquet", ".parquet", locate),
    ("read", ".csv", "", read),
    ("count_file", ".csv", "", count),
    ("locate_file", ".csv", ".csv", locate),
    ("in memory", ".csv", ".csv", in_memory),
    ("read", ".gpkg", "", read),
    ("count_file", ".gpkg", "", count),
    ("locate_file", ".gpkg", ".gpkg", locate),
    ("in memory", ".gpkg", ".gpkg", in_memory),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--cells", type=int, default=2532)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="", help="only the lines whose name holds this")
    parser.add_argument("--child", nargs=2, metavar=("LINE", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        run(int(asked.child[0]), Path(asked.child[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), asked.rows, asked.cells)
        print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, median of {asked.runs} runs\n")
        print("| what | from | to | rows | CPU s | M rows / CPU s | wall s | process s | peak MB | before MB |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for number, (name, start, end, _) in enumerate(ALL):
            if asked.only in name:
                print(line(number, folder, asked.runs, (name, start, end)), flush=True)


def make(folder: Path, rows: int, cells: int) -> None:
    """Write the grid, its index, and the points in all formats."""
    grid = covers.cover(cells, 1)
    gg.write_grid(grid, folder / "grid.parquet")
    CellIndex(grid).save(folder / "grid.index")
    x, y = covers.points(grid, DIFFERENT, "clustered", 1)
    table = pa.table({"x": x, "y": y})
    with pa.parquet.ParquetWriter(folder / "points.parquet", table.schema, use_dictionary=False) as writer:
        for start in range(0, rows, DIFFERENT):
            writer.write_table(table.slice(0, min(DIFFERENT, rows - start)))
    few = np.arange(rows // SMALLER) % DIFFERENT
    names = pa.array(few).cast(pa.string())
    pa.csv.write_csv(pa.table({"id": names, "x": x[few], "y": y[few]}), folder / "points.csv")
    columns = {"id": names, "geometry": pa.array(shapely.to_wkb(shapely.points(x[few], y[few])), pa.binary())}
    pyogrio.write_arrow(
        pa.table(columns),
        folder / "points.gpkg",
        driver="GPKG",
        layer="points",
        geometry_name="geometry",
        geometry_type="Point",
        crs=grid.crs.to_wkt(),
    )


def run(number: int, folder: Path) -> None:
    """Do one line in this process, and print what it took."""
    _, start, end, work = ALL[number]
    before = peak_memory()
    cpu, wall = time.process_time(), time.perf_counter()
    rows = work(folder / f"points{start}", folder / "grid.parquet", folder / f"located{end}")
    took = {"rows": rows, "cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "before": before}
    print(json.dumps({**took, "process": time.process_time(), "peak": peak_memory()}))


def peak_memory() -> int:
    """The most memory that was resident in this process, kB; Linux only, as other measures begin with the parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(text.split()[1]) for text in lines if text.startswith("VmHWM"))


def line(number: int, folder: str, runs: int, names: tuple[str, str, str]) -> str:
    """Measure one line in processes of their own; give it as Markdown."""
    command = [sys.executable, __file__, "--child", str(number), folder]
    took = [json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(runs)]
    middle = {key: statistics.median(one[key] for one in took) for key in took[0]}
    rate = middle["rows"] / middle["cpu"] / 1e6
    figures = [f"{int(middle['rows']):,}", f"{middle['cpu']:.2f}", f"{rate:.2f}"]
    figures += [f"{middle['wall']:.2f}", f"{middle['process']:.2f}"]
    figures += [f"{middle['peak'] / 1024:.0f}", f"{middle['before'] / 1024:.0f}"]
    return f"| {' | '.join([*names, *figures])} |"


if __name__ == "__main__":
    main()
