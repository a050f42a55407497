"""Files that are located and counted batch by batch: the same as in memory, whole, restartable, nothing of persons."""

import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import warnings
from fractions import Fraction
from inspect import signature
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from gridgis.batches import files, writing
from gridgis.batches.counts import ELSEWHERE, ExactSums
from gridgis.batches.files import count_file, locate_file
from gridgis.batches.streams import open_stream
from gridgis.contract import GridError, GridWarning
from gridgis.lattice import square_grid
from gridgis.locate import account, locate
from gridgis.locate.coordinates import places_of, places_of_points
from gridgis.locate.index import CellIndex
from gridgis.persons import PersonColumns, has_personal_text, holds_persons, personal_columns
from gridgis.read import read_points, read_table
from gridgis.read.opening import Report, open_table
from gridgis.sample import ORIGIN, small_example
from gridgis.steps import write_located
from gridgis.write import read_provenance, write_table

X, Y = ORIGIN
XY = {"x": "x", "y": "y", "crs": 4547}
MANY_EXAMPLES = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
PHONE = "13812345678"
OLD_PANDAS = int(pd.__version__.split(".")[0]) < 3


@pytest.fixture(scope="module")
def grid():
    return small_example().grid


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Parts and row groups of a few rows, so that small tables have several."""
    monkeypatch.setattr(files, "PART_ROWS", 7)
    monkeypatch.setattr(writing, "GROUP_ROWS", 3)


@pytest.fixture
def calm():
    """Warnings of ours are told by other tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GridWarning)
        yield


def rows(count, seed=0):
    """Places in and around the example, some of them nowhere."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "id": [f"{number:04d}" for number in range(count)],
            "kind": rng.choice(["noise", "waste", "道路"], count),
            "x": X + rng.uniform(-20, 420, count).round(2),
            "y": Y + rng.choice([50.0, 100.0, 150.0, 250.0], count),
            "number": rng.integers(0, 2**40, count),
            "share": rng.random(count),
        }
    )
    table.loc[table.index % 11 == 5, "x"] = np.nan
    table.loc[table.index % 13 == 7, "y"] = np.inf
    return table


def as_points(table, crs=4547):
    shapes = np.where(table["x"].notna(), shapely.points(table["x"], table["y"]), None)
    return gpd.GeoDataFrame(table.drop(columns=["x", "y"]), geometry=shapes, crs=crs)


def write(table, path):
    """Write a table in the format of its name; geodata as points."""
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        table.to_parquet(path, index=False, row_group_size=5)
    else:
        as_points(table[np.isfinite(table["y"])]).to_file(path, layer="points")
    return path


def options(path):
    return {} if path.suffix == ".gpkg" else XY


def in_memory(source, grid, target, keep=False, **named):
    """The way of small files."""
    coordinates = (named.get("x"), named.get("y"))
    write_located(locate(read_points(source, **named), grid), target, coordinates=coordinates, keep=keep)
    return target


def plain(table):
    """Values as they can be compared whatever types hold them."""
    text = table.astype(object).where(table.notna(), None)
    return [[float(v) if isinstance(v, int | float | np.number) else v for v in row] for row in text.values.tolist()]


# The same as in memory


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("end", [".csv", ".parquet", ".gpkg"])
@pytest.mark.parametrize("start", [".csv", ".parquet", ".gpkg"])
def test_a_file_is_located_as_its_rows_are_in_memory(tmp_path, grid, calm, start, end, keep):
    source = write(rows(40), tmp_path / f"events{start}")
    keep = keep and start != ".gpkg"
    told = locate_file(source, grid, tmp_path / f"a{end}", keep_coordinates=keep, batch_rows=4, **options(source))
    in_memory(source, grid, tmp_path / f"b{end}", keep, **options(source))
    got, wanted = read_table(tmp_path / f"a{end}"), read_table(tmp_path / f"b{end}")
    assert got.columns.tolist() == wanted.columns.tolist()
    assert plain(got) == plain(wanted)
    assert got["id"].tolist()[:2] == ["0000", "0001"]
    assert told.values.tolist() == account(wanted).values.tolist()


texts = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=6),
    st.sampled_from(
        ["=1+1", 'say "hi"', "a,b", "line\nbreak", "007", "", "NA", "nan", PHONE, "１３８１２３４５６７８", "a@b.cn"]
    ),
)
numbers = st.one_of(
    st.integers(-1, 9).map(lambda step: repr(X + step * 50.0)),
    st.sampled_from(
        ["", " ", "nan", "inf", "-Infinity", "abc", "1e999", "1_0", "+3", " 4 ", "５", "1e5", PHONE, "0x1", "nan(1)"]
    ),
)


@MANY_EXAMPLES
@given(
    st.lists(st.tuples(texts, numbers, numbers, texts), max_size=25),
    st.integers(1, 30),
    st.booleans(),
)
@example([("a", "1", "2", "b")] * 9 + [("a", "1", "2", PHONE)], 3, False)
def test_csv_to_csv_gives_the_bytes_of_the_way_in_memory(tmp_path, grid, calm, table, batch_rows, keep):
    source = tmp_path / "events.csv"
    pd.DataFrame(table, columns=["id", "x", "y", "note"]).to_csv(source, index=False)
    try:
        wanted = in_memory(source, grid, tmp_path / "b.csv", keep, **XY).read_bytes()
    except GridError as error:
        with pytest.raises(GridError) as raised:
            locate_file(source, grid, tmp_path / "a.csv", keep_coordinates=keep, batch_rows=batch_rows, **XY)
        assert str(raised.value) == str(error)
        return
    locate_file(source, grid, tmp_path / "a.csv", keep_coordinates=keep, batch_rows=batch_rows, **XY)
    assert (tmp_path / "a.csv").read_bytes() == wanted


def strange_columns():
    """One column of each sort that Parquet knows, with gaps."""
    return {
        "id": pa.array([f"{i:03d}" for i in range(20)]),
        "wide": pa.array([f"{i}" for i in range(20)], pa.large_string()),
        "kind": pa.array(["a", None, "b", "a"] * 5).dictionary_encode(),
        "whole": pa.array([1, None, 3, 2**53 + 1] * 5),
        "byte": pa.array(range(20), pa.uint8()),
        "flag": pa.array([True, None] * 10),
        "day": pa.array([0, None] * 10, pa.date32()),
        "instant": pa.array([10**15, None] * 10, pa.timestamp("us")),
        "money": pa.array([None, 1] * 10, pa.decimal128(9, 2)),
        "half": pa.array([0.5, None] * 10, pa.float32()),
        "nothing": pa.nulls(20),
        "list": pa.array([[1], None] * 10),
        "raw": pa.array([b"\x00\xff", None] * 10),
    }


@pytest.mark.parametrize("end", [".parquet", ".csv"])
def test_columns_keep_their_types_and_gaps(tmp_path, grid, end):
    columns = strange_columns()
    x = pa.array([X + 10 * i for i in range(20)], pa.float32())
    table = pa.table({**columns, "x": x, "y": pa.array([int(Y) + 50] * 20, pa.int32())})
    pq.write_table(table, tmp_path / "events.parquet", row_group_size=6)
    locate_file(tmp_path / "events.parquet", grid, tmp_path / f"a{end}", batch_rows=4, **XY)
    if end == ".csv":
        back = pd.read_csv(tmp_path / "a.csv", dtype=str, keep_default_na=False)
        assert back["whole"].tolist()[:4] == ["1", "", "3", str(2**53 + 1)]
        assert back["flag"].tolist()[:2] == ["True", ""]
        assert back["instant"].tolist()[:2] == ["2001-09-09 01:46:40.000000", ""]
        assert back["half"].tolist()[:2] == ["0.5", ""]
        return
    back = pq.read_table(tmp_path / "a.parquet")
    for name, column in columns.items():
        assert back[name].to_pylist() == column.to_pylist(), name
    assert back.schema.field("byte").type == pa.uint8()
    assert back.schema.field("wide").type == pa.large_string()


@pytest.mark.parametrize("encoding", ["WKB", "geoarrow"])
def test_points_of_geoparquet_in_either_encoding(tmp_path, grid, calm, encoding):
    points = as_points(rows(30).query("y < inf"))
    points["geometry"] = np.where(np.arange(len(points)) % 7 == 3, None, points.geometry)
    points.rename_geometry("shape").to_parquet(
        tmp_path / "p.parquet", geometry_encoding=encoding, row_group_size=8, write_covering_bbox=True
    )
    locate_file(tmp_path / "p.parquet", grid, tmp_path / "a.parquet", batch_rows=5)
    in_memory(tmp_path / "p.parquet", grid, tmp_path / "b.parquet")
    assert plain(pd.read_parquet(tmp_path / "a.parquet")) == plain(pd.read_parquet(tmp_path / "b.parquet"))
    named = points.assign(x=X + 10, y=Y + 10)
    named.to_parquet(tmp_path / "n.parquet", geometry_encoding=encoding)
    told = locate_file(tmp_path / "n.parquet", grid, tmp_path / "c.parquet", **XY)
    assert told["located_by"].tolist() == ["inside"]
    assert "geometry" not in pq.read_schema(tmp_path / "c.parquet").names


def test_unusual_points(tmp_path, grid, calm):
    shapes = [
        shapely.Point(X + 10, Y + 10, 5),
        shapely.MultiPoint([(X + 10, Y + 10)]),
        shapely.Point(),
        None,
        shapely.Point(math.inf, Y),
    ]
    gpd.GeoDataFrame({"a": range(5)}, geometry=shapes, crs=4547).to_parquet(tmp_path / "p.parquet")
    locate_file(tmp_path / "p.parquet", grid, tmp_path / "a.csv")
    in_memory(tmp_path / "p.parquet", grid, tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert read_table(tmp_path / "a.csv")["located_by"].tolist()[1:] == [
        "inside",
        "no_coordinates",
        "no_coordinates",
        "bad_coordinates",
    ]
    for turned in (False, True):
        order = slice(None, None, -1 if turned else 1)
        wrong = [shapely.Point(X, Y), shapely.LineString([(X, Y), (X + 1, Y)])][order]
        gpd.GeoDataFrame(geometry=wrong, crs=4547).to_parquet(tmp_path / "w.parquet")
        with pytest.raises(GridError, match=f"expected Point, got LineString in row {0 if turned else 1}"):
            locate_file(tmp_path / "w.parquet", grid, tmp_path / "c.csv", batch_rows=1)


def test_another_crs_and_a_geometry_that_is_kept(tmp_path, grid, calm):
    points = as_points(rows(20).query("y < inf")).to_crs(4326)
    points.to_file(tmp_path / "p.gpkg", layer="points")
    for end in (".parquet", ".gpkg"):
        target = tmp_path / f"a{end}"
        locate_file(tmp_path / "p.gpkg", grid, target, keep_coordinates=True, batch_rows=3)
        back = gpd.read_parquet(target) if end == ".parquet" else gpd.read_file(target)
        assert back.crs == 4326
        assert (
            back.geometry.geom_equals(points.geometry.reset_index(drop=True)).tolist()
            == points.geometry.notna().tolist()
        )
        assert back["located_by"].tolist() == locate(read_points(tmp_path / "p.gpkg"), grid)["located_by"].tolist()
    with pytest.raises(GridError, match=r"a \.csv file holds no geometry"):
        locate_file(tmp_path / "p.gpkg", grid, tmp_path / "a.csv", keep_coordinates=True)


def test_an_old_column_of_problems_is_written_anew_in_its_place(tmp_path, grid, calm):
    table = rows(9).assign(coordinate_problem="old")[["id", "coordinate_problem", "x", "y"]]
    source = write(table, tmp_path / "events.csv")
    locate_file(source, grid, tmp_path / "a.csv", **XY)
    assert (tmp_path / "a.csv").read_bytes() == in_memory(source, grid, tmp_path / "b.csv", **XY).read_bytes()


def test_an_index_of_pandas_is_treated_as_in_memory(tmp_path, grid, calm):
    for index in (
        pd.RangeIndex(10, 28, 2, name="row"),
        pd.RangeIndex(10, 28, 2),
        pd.Index([3, 1, 2] * 3, name="row"),
        pd.Index([3, 1, 2] * 3),
    ):
        rows(9).set_index(index).to_parquet(tmp_path / "events.parquet", row_group_size=2)
        locate_file(tmp_path / "events.parquet", grid, tmp_path / "a.csv", batch_rows=2, **XY)
        in_memory(tmp_path / "events.parquet", grid, tmp_path / "b.csv", **XY)
        assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
        assert ("row" in read_table(tmp_path / "a.csv").columns) == (index.name == "row")


@pytest.mark.parametrize("end", [".csv", ".parquet", ".gpkg"])
@pytest.mark.parametrize("start", [".csv", ".parquet", ".gpkg"])
def test_the_same_bytes_for_any_batch(tmp_path, grid, calm, start, end):
    source = write(rows(40), tmp_path / f"events{start}")
    found = set()
    for number, batch_rows in enumerate([1, 2, 3, 5, 7, 8, 39, 40, 41, 10**6]):
        target = tmp_path / f"{number}{end}"
        locate_file(source, CellIndex(grid), target, batch_rows=batch_rows, **options(source))
        found.add(target.read_bytes())
    assert len(found) == 1


def test_the_grid_may_be_a_table_an_index_or_a_file(tmp_path, grid, calm):
    source = write(rows(20), tmp_path / "events.csv")
    grid.to_parquet(tmp_path / "grid.parquet")
    index = CellIndex(grid)
    index.save(tmp_path / "cells.index")
    ways = [grid, index, tmp_path / "grid.parquet", str(tmp_path / "cells.index")]
    found = []
    for way in ways:
        locate_file(source, way, tmp_path / "a.csv", **XY)
        found.append((tmp_path / "a.csv").read_bytes())
        assert count_file(source, way, **XY)["count"].sum() == 20
    assert len(set(found)) == 1


# Cut short


KILLED = """
    import os, signal, sys, warnings
    from gridgis.batches import files, writing
    from gridgis.locate.index import CellIndex
    from gridgis.sample import small_example
    files.PART_ROWS, writing.GROUP_ROWS = 7, 3
    warnings.simplefilter("ignore")
    index, at = CellIndex(small_example().grid), int(sys.argv[3])
    def half(rest, schema, rows):
        yield from rest.take(rows)
        os.kill(os.getpid(), signal.SIGKILL)
    def look(self, batch, near=(), looks=[]):
        looks.append(1)
        if len(looks) == 9:
            os.kill(os.getpid(), signal.SIGKILL)
    if at == 0:
        files.PersonColumns.look = look
    if at == 99:
        writing._even = half
    class Deadly:
        codes, crs, asked = index.codes, index.crs, 0
        def examine(self, x, y):
            Deadly.asked += 1
            if Deadly.asked == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return index.examine(x, y)
        def __reduce__(self):
            return (CellIndex, (small_example().grid,))
    files.locate_file(sys.argv[1], Deadly(), sys.argv[2], x="x", y="y", crs=4547, batch_rows=2)
"""


class Watched:
    """An index that counts the rows it is asked for, and may stop the run; it is the same grid as that of `Deadly`."""

    def __init__(self, index, stop=10**9, error=KeyboardInterrupt):
        self.index, self.codes, self.crs = index, index.codes, index.crs
        self.asked, self.stop, self.error = 0, stop, error

    def examine(self, x, y):
        if self.asked + len(x) > self.stop:
            raise self.error
        self.asked += len(x)
        return self.index.examine(x, y)

    def __reduce__(self):
        return (CellIndex, (small_example().grid,))


@pytest.mark.parametrize(("at", "asked"), [(0, 40), (1, 40), (13, 19), (99, 0)])
@pytest.mark.parametrize("end", [".csv", ".parquet", ".gpkg"])
def test_a_run_that_is_killed_at_any_time_goes_on_where_it_stopped(tmp_path, grid, calm, end, at, asked):
    """Killed while it examines, in the first and in the fourth part of seven rows, and while it joins all parts."""
    source = write(rows(40).assign(phone=PHONE), tmp_path / "events.csv")
    target, whole = tmp_path / f"located{end}", tmp_path / f"whole{end}"
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), source, target, str(at)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not target.exists()
    left = list(tmp_path.glob(".located*.parts"))
    assert len(left) == 1
    assert not any(PHONE.encode() in file.read_bytes() for file in left[0].iterdir())
    watched = Watched(CellIndex(grid))
    told = locate_file(source, watched, target, batch_rows=5, **XY)
    assert watched.asked == asked
    locate_file(source, grid, whole, **XY)
    assert target.read_bytes() == whole.read_bytes()
    assert told["rows"].sum() == 40
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["events.csv", target.name, whole.name])


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("start", [".csv", ".parquet", ".gpkg"])
def test_an_interrupted_run_leaves_no_half_file_and_the_old_one_as_it_was(tmp_path, grid, calm, start, error):
    source, target = write(rows(40), tmp_path / f"events{start}"), tmp_path / "located.csv"
    target.write_text("old")
    with pytest.raises(error):
        locate_file(source, Watched(CellIndex(grid), 30, error), target, batch_rows=2, **options(source))
    assert target.read_text() == "old"
    assert not [file for folder in tmp_path.glob(".located*.parts") for file in folder.glob("*.tmp*")]
    watched = Watched(CellIndex(grid))
    told = locate_file(source, watched, target, **options(source))
    assert watched.asked == told["rows"].sum() - 28
    in_memory(source, grid, tmp_path / "b.csv", **options(source))
    assert target.read_bytes() == (tmp_path / "b.csv").read_bytes()


def interrupted(*_):
    raise KeyboardInterrupt


def test_a_run_that_fails_before_anything_is_done_leaves_nothing(tmp_path, grid, calm):
    source = write(pd.DataFrame({"x": [113.1] * 9, "y": [36.2] * 9}), tmp_path / "events.csv")
    for error in (GridError, KeyboardInterrupt):
        with pytest.raises(error), pytest.MonkeyPatch.context() as patch:
            if error is KeyboardInterrupt:
                patch.setattr(files, "_examined", interrupted)
            locate_file(source, grid, tmp_path / "a.csv", **XY)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["events.csv"]


def test_the_note_of_an_older_file_goes_with_it(tmp_path, grid, calm):
    source, target = write(rows(9), tmp_path / "events.csv"), tmp_path / "a.csv"
    write_table(rows(9), target, provenance={"seed": 1})
    locate_file(source, grid, target, **XY)
    assert read_provenance(target) == {}


@pytest.mark.slow
def test_wide_rows_are_written_in_smaller_groups_the_same_for_any_batch(tmp_path, grid, calm, monkeypatch):
    monkeypatch.setattr(writing, "GROUP_ROWS", 1 << 17)
    table = pd.concat([rows(1000, seed) for seed in range(3)]).assign(note="n" * 50_000)
    source = write(table.query("y < inf"), tmp_path / "events.parquet")
    for number, batch_rows in enumerate((100, 1700)):
        locate_file(source, grid, tmp_path / f"{number}.parquet", batch_rows=batch_rows, **XY)
    metadata = pq.read_metadata(tmp_path / "0.parquet")
    assert metadata.row_group(0).num_rows == 1024
    assert (tmp_path / "0.parquet").read_bytes() == (tmp_path / "1.parquet").read_bytes()


def test_the_size_of_rows_is_a_sum_over_them():
    batch = pa.RecordBatch.from_pydict(strange_columns())
    whole = writing.size_of(batch)
    assert whole == sum(writing.size_of(batch.slice(start, 3)) for start in range(0, 20, 3)) > 20 * 30


def test_parts_of_other_inputs_are_never_used(tmp_path, grid, calm):
    source, target = write(rows(40), tmp_path / "events.csv"), tmp_path / "located.csv"

    def cut_short(**more):
        with pytest.raises(KeyboardInterrupt):
            locate_file(source, Watched(CellIndex(grid), 30), target, **{**XY, **more})

    def asked(index=None, **more):
        watched = Watched(index or CellIndex(grid))
        locate_file(source, watched, target, **{**XY, **more})
        return watched.asked

    cut_short()
    assert asked(keep_coordinates=True) == 40
    assert not list(tmp_path.glob(".*"))
    cut_short()
    assert asked(crs="EPSG:4546") == 40
    cut_short()
    moved = grid.set_geometry(grid.translate(1))
    locate_file(source, moved, target, **XY)
    assert target.read_bytes() == in_memory(source, moved, tmp_path / "b.csv", **XY).read_bytes()
    cut_short()
    state = source.stat()
    source.write_bytes(source.read_bytes().replace(b"noise", b"NOISE"))
    os.utime(source, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert asked() == 40
    assert target.read_bytes() == in_memory(source, grid, tmp_path / "b.csv", **XY).read_bytes()
    cut_short()
    assert asked(batch_rows=3) == 12  # how many rows are in memory changes nothing


def test_a_part_without_its_note_counts_for_nothing(tmp_path, grid, calm):
    source, target = write(rows(40), tmp_path / "events.csv"), tmp_path / "located.csv"
    with pytest.raises(KeyboardInterrupt):
        locate_file(source, Watched(CellIndex(grid), 30), target, **XY)
    (folder,) = tmp_path.glob(".*.parts")
    notes = sorted(folder.glob("0*.json"))
    assert len(notes) == 4
    notes[1].write_text("{ half")
    watched = Watched(CellIndex(grid))
    locate_file(source, watched, target, **XY)
    assert watched.asked == 33
    assert target.read_bytes() == in_memory(source, grid, tmp_path / "b.csv", **XY).read_bytes()


def test_a_lattice_is_a_grid_too(tmp_path, grid, calm):
    lattice = square_grid(small_example().areas, size_m=60)
    source = write(rows(40), tmp_path / "events.csv")
    locate_file(source, lattice, tmp_path / "a.csv", batch_rows=9, **XY)
    in_memory(source, lattice, tmp_path / "b.csv", **XY)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    counted = count_file(source, lattice, **XY)
    assert counted["count"].sum() == 40
    assert len(counted) == len(lattice) + len(ELSEWHERE)


def test_two_runs_do_not_make_one_file(tmp_path, grid, calm):
    source, target = write(rows(40), tmp_path / "events.csv"), tmp_path / "located.csv"
    index = CellIndex(grid)

    class Twice(Watched):
        def examine(self, x, y):
            for other in (XY, {**XY, "crs": 4546}):
                with pytest.raises(GridError, match="another run is making this file"):
                    locate_file(source, Watched(index), target, **other)
            return super().examine(x, y)

    pytest.importorskip("fcntl")
    locate_file(source, Twice(index), target, **XY)
    assert len(read_table(target)) == 40


def test_a_source_that_changes_while_it_is_read_is_refused(tmp_path, grid, calm):
    source, target = write(rows(40), tmp_path / "events.csv"), tmp_path / "located.csv"

    class Meddling(Watched):
        def examine(self, x, y):
            with source.open("a") as file:
                file.write("9999,noise,1,1,1,1\n")
            return super().examine(x, y)

    with pytest.raises(GridError, match=r"events.csv: the file was changed while it was read"):
        locate_file(source, Meddling(CellIndex(grid)), target, **XY)
    assert not target.exists()


FULL = """
    import resource, sys
    from gridgis.contract import GridError
    from gridgis.batches import files
    from gridgis.sample import small_example
    files.PART_ROWS = 1000
    grid = small_example().grid
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
    try:
        files.locate_file(sys.argv[1], grid, sys.argv[2], x="x", y="y", crs=4547)
    except GridError as error:
        sys.exit(str(error))
"""


@pytest.mark.parametrize("most", [2_000, 60_000])
@pytest.mark.parametrize("end", [".csv", ".parquet", ".gpkg"])
def test_a_full_disk_is_one_sentence_and_the_work_goes_on_later(tmp_path, grid, calm, monkeypatch, end, most):
    pytest.importorskip("resource")
    monkeypatch.setattr(files, "PART_ROWS", 1000)
    monkeypatch.setattr(writing, "GROUP_ROWS", 1 << 17)
    table = pd.concat([rows(400, seed) for seed in range(10)]).query("y < inf")
    table["note"] = [f"{number:032x}" for number in np.random.default_rng(0).integers(0, 2**62, len(table))]
    source, target = write(table, tmp_path / "events.csv"), tmp_path / f"located{end}"
    target.write_text("old")
    run = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(FULL), source, target, str(most)]
    full = subprocess.run(run, capture_output=True, text=True, check=False)
    assert full.returncode == 1
    assert f"located{end}" in full.stderr and "cannot be written" in full.stderr and "Traceback" not in full.stderr
    assert target.read_text() == "old"
    assert not [path for path in tmp_path.rglob("*.tmp*")]
    locate_file(source, grid, target, **XY)
    locate_file(source, grid, tmp_path / f"whole{end}", **XY)
    assert target.read_bytes() == (tmp_path / f"whole{end}").read_bytes()


# Persons


@pytest.mark.parametrize("end", [".csv", ".parquet", ".gpkg"])
@pytest.mark.parametrize("batch_rows", [1, 6, 100])
def test_columns_of_persons_are_told_from_the_whole_file(tmp_path, grid, end, batch_rows):
    table = rows(30).query("y < inf").reset_index(drop=True)
    last = table.index == len(table) - 1
    table["姓名"] = "王"
    table["note"] = np.where(last, "call 138-1234-5678", "none")
    table["code"] = np.where(last, int(PHONE), 7)
    table["wide"] = np.where(last, "１３８１２３４５６７８", "道路12号")
    table["fine"] = "113.13812345678"
    source = write(table, tmp_path / "events.parquet")
    with pytest.warns(GridWarning, match="columns of persons are left out: 姓名, note, code, wide"):
        locate_file(source, grid, tmp_path / f"a{end}", batch_rows=batch_rows, **XY)
    back = read_table(tmp_path / f"a{end}")
    assert not {"姓名", "note", "code", "wide", "x", "y"} & set(back.columns)
    assert {"id", "kind", "fine"} <= set(back.columns)
    assert "138" not in (tmp_path / f"a{end}").read_bytes().decode("latin-1").replace("113.138", "")


digits = st.one_of(
    st.text("0123456789 -", max_size=24),
    st.text("1234５６７８９③٣-@＠.aX道", max_size=24),
    st.from_regex(r"\A[a道 .]?(\+86)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}[0x道]?\Z"),
    st.from_regex(r"\A\d{6}(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dXx]\Z"),
    st.just("a.b@c.d"),
)


@MANY_EXAMPLES
@given(
    st.lists(st.one_of(st.none(), digits, st.sampled_from(["王芳", "Wang Fang", "noise", "3"])), max_size=8),
    st.integers(0, 8),
)
def test_texts_hold_persons_in_whatever_batches_they_come(values, cut):
    found = PersonColumns(["what"])
    for part in (values[:cut], values[cut:]):
        found.look(pa.RecordBatch.from_pydict({"what": pa.array(part, pa.string())}))
    whole = personal_columns(pd.DataFrame({"what": pd.Series(values, dtype=object)}))
    assert found.names == whole
    if has_personal_text(pd.Series(values, dtype=object)):
        assert whole == ["what"]


@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_a_phone_is_found_among_numbers(kind):
    numbers = np.array([7, int(PHONE), 12], kind)
    assert holds_persons(pa.array(numbers)) and personal_columns(pd.DataFrame({"n": numbers})) == ["n"]
    assert not holds_persons(pa.array(np.array([7, 14040200100, 13010200101], kind)))  # codes of divisions


@pytest.mark.parametrize("end", [".csv", ".parquet"])
def test_columns_of_persons_free_text_and_places_stay_in_the_input(tmp_path, grid, end):
    table = rows(40).query("y < inf").dropna(subset=["x", "y"]).reset_index(drop=True)
    names = np.resize(["王芳", "李娜", "张伟", "刘洋"], len(table))
    table["投诉人"], table["who"] = names, names
    table["备注"] = [f"第{number}次反映楼下夜间施工噪音扰民" for number in range(len(table))]
    table["easting2"], table["about"] = table["x"] + 0.25, table["y"] + 100.5
    table["wkt"] = [f"POINT({x} {y})" for x, y in zip(table["x"], table["y"], strict=True)]
    table["residents"] = 3
    source = write(table, tmp_path / "events.parquet")
    told = "persons are left out: 投诉人, who; of free text: 备注 .*; of coordinates: easting2, about, wkt"
    with pytest.warns(GridWarning, match=told):
        locate_file(source, grid, tmp_path / f"a{end}", **XY)
    assert not {"投诉人", "who", "备注", "easting2", "about", "wkt"} & set(read_table(tmp_path / f"a{end}").columns)
    with pytest.warns(GridWarning, match="persons are left out: 投诉人, who"):
        locate_file(source, grid, tmp_path / f"b{end}", keep_coordinates=True, keep=["备注"], **XY)
    assert {"residents", "备注", "easting2", "about", "wkt", "x"} <= set(read_table(tmp_path / f"b{end}").columns)
    with pytest.raises(GridError, match="keep: who holds persons"):
        locate_file(source, grid, tmp_path / f"c{end}", keep=["who"], **XY)
    for by in ("投诉人", "who"):
        with pytest.raises(GridError, match=f"{by}: this column holds persons"):
            count_file(source, grid, by=by, batch_rows=7, **XY)


# Coordinates and texts as they are read in memory


cells = st.one_of(
    numbers,
    st.none(),
    st.floats(-200, 200).map(repr),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=5),
)


@MANY_EXAMPLES
@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=12), st.sampled_from([4326, 4547]))
def test_problems_are_worded_as_in_memory(tmp_path, table, crs):
    frame = pd.DataFrame(table, columns=["x", "y"], dtype=object)
    frame.to_csv(tmp_path / "p.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GridWarning)
        try:
            wanted = read_points(tmp_path / "p.csv", x="x", y="y", crs=crs)
        except GridError:
            return  # degrees where metres are declared: tested elsewhere
    stream = open_stream(tmp_path / "p.csv", Report("p.csv"))
    places = [places_of(batch.column("x"), batch.column("y"), wanted.crs) for batch in stream.batches(["x", "y"], 5)]
    words = [word for place in places for word in place.problem_column().to_pylist()]
    assert words == [None if pd.isna(word) else word for word in wanted["coordinate_problem"]]
    fine = wanted.geometry.notna().to_numpy()
    x = np.concatenate([place.x for place in places])
    assert np.isnan(x).tolist() == (~fine).tolist()
    assert x[fine].tolist() == wanted.geometry[fine].x.tolist()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([True, None, False]),
        pa.array([1, None, 3], pa.uint8()),
        pa.nulls(3),
        pa.array([10**15, None, 0], pa.timestamp("us")),
        pa.array([None, 1, 2], pa.decimal128(20, 3)),
        pa.array(["1", None, "x"]).dictionary_encode(),
        pa.array(["1.5", "", "nan"], pa.large_string()),
        pa.array([1.5, math.nan, math.inf], pa.float32()),
        pa.array(np.array([1.5, math.nan, -math.inf], np.float16)),
        pa.array([2**60 + 1, -(2**60), None]),
    ],
    ids=lambda column: str(column.type),
)
def test_coordinates_of_any_type_are_read_as_in_memory(tmp_path, column):
    pq.write_table(pa.table({"x": column, "y": pa.array([1e6] * 3)}), tmp_path / "p.parquet")
    wanted = read_points(tmp_path / "p.parquet", x="x", y="y", crs=4547)
    (batch,) = open_stream(tmp_path / "p.parquet", Report("p")).batches(["x", "y"], 5)
    places = places_of(batch.column("x"), batch.column("y"), wanted.crs)
    assert places.problem_column().to_pylist() == [None if pd.isna(w) else w for w in wanted["coordinate_problem"]]
    assert places.x[~np.isnan(places.x)].tolist() == wanted.geometry.dropna().x.tolist()


def test_wkb_of_either_byte_order_and_any_slice():
    shapes = [shapely.Point(1, 2), shapely.Point(3, 4), None, shapely.Point(5, 6)]
    for order in (0, 1):
        column = pa.array(
            [None if shape is None else shapely.to_wkb(shape, byte_order=order) for shape in shapes], pa.binary()
        )
        for kind in (pa.binary(), pa.large_binary()):
            for start in range(4):
                places = places_of_points(column.cast(kind).slice(start), small_example().grid.crs, "points")
                wanted = [shapely.get_x(shape) for shape in shapes[start:]]
                np.testing.assert_array_equal(places.x, wanted)


pieces = st.lists(
    st.sampled_from(
        ['"a"', ",", "\n", "b", "", '""', "\r\n", "\r", " ", '"', "\t", "1", "\u2028", "é", '"x\ny"', '"",']
    ),
    max_size=24,
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["x,y\n", "x,y,z\r\n", '"x",y\n', "x,y,\n", "x,x\n", "x, y\n", ""]),
    pieces,
    st.booleans(),
    st.sampled_from([",", "\t"]),
    st.integers(1, 5),
    st.integers(0, 5),
)
def test_delimited_text_is_read_as_in_memory(tmp_path, header, pieces, mark, delimiter, most, skip):
    path = tmp_path / ("t.csv" if delimiter == "," else "t.tsv")
    text = (header + "".join(pieces)).replace(",", delimiter)
    assume(not OLD_PANDAS or text.count("\r") == text.count("\r\n"))  # of these it makes rows that are not there
    path.write_bytes(("\ufeff" * mark + text).encode())
    try:
        wanted = open_table(path, Report(path))
        raised = None
    except GridError as error:
        raised = str(error)
    try:
        stream = open_stream(path, Report(path))
        batches = list(stream.batches(stream.schema.names, most, skip)) if stream.schema.names else []
        got = [list(row.values()) for batch in batches for row in batch.to_pylist()]
    except GridError as error:
        assert raised is not None or ("\r" in "".join(pieces) and "bare carriage return" in str(error))
        return
    if raised is not None:  # only fields too many that are all empty are let pass, and with an old pandas only
        assert OLD_PANDAS and "Expected" in raised
        return
    assert stream.schema.names == wanted.columns.tolist()
    assert got == wanted.astype(object).where(wanted.notna(), None).values.tolist()[skip:]
    assert all(0 < batch.num_rows <= most for batch in batches)


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "utf-8-sig"])
def test_chinese_text_in_other_encodings(tmp_path, grid, encoding):
    source, target = tmp_path / "事件.csv", tmp_path / "a.csv"
    source.write_text(f'id,kind,x,y\n01,道路,{X + 9},{Y + 9}\n02,"噪声\n夜",{X + 9},{Y + 9}\n', encoding=encoding)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", GridWarning)
        locate_file(source, grid, target, batch_rows=1, **XY)
    assert [str(warning.message) for warning in heard] == (
        ["事件.csv: the text is not UTF-8, it was read as gb18030."] if encoding == "gb18030" else []
    )
    assert read_table(target)["kind"].tolist() == ["道路", "噪声\n夜"]


def test_a_large_block_of_text_crosses_the_blocks_that_are_read(tmp_path, grid, calm):
    quoted = ['"a,\n""b"""', "plain", '""'] * 60_000
    lines = "".join(f"{number},{text},{X + 9},{Y + 9}\n" for number, text in enumerate(quoted))
    (tmp_path / "t.csv").write_text(f"id,text,x,y\n{lines}", encoding="utf-8", newline="")
    stream = open_stream(tmp_path / "t.csv", Report("t.csv"))
    assert stream.strict
    assert count_file(tmp_path / "t.csv", grid, **XY)["count"].sum() == 180_000
    (tmp_path / "u.csv").write_text(f'id,text,x,y\n{lines}1,"open,1,1\n', encoding="utf-8", newline="")
    assert not open_stream(tmp_path / "u.csv", Report("u.csv")).strict
    with pytest.raises(GridError, match=r"u.csv: the file cannot be read: .*EOF inside string"):
        count_file(tmp_path / "u.csv", grid, **XY)


# What is told


def test_most_rows_outside_are_told_once_and_for_the_whole(tmp_path, grid):
    table = pd.DataFrame({"x": [X + 5] * 10 + [X - 500] * 40, "y": [Y + 5] * 50})
    source = write(table, tmp_path / "events.csv")
    with pytest.warns(GridWarning, match=r"events.csv: 40 of 50 lie outside the grid") as heard:
        locate_file(source, grid, tmp_path / "a.csv", batch_rows=3, **XY)
        count_file(source, grid, batch_rows=3, **XY)
    assert len(heard) == 2


def test_no_coordinate_in_range_is_told(tmp_path, grid):
    source = write(pd.DataFrame({"x": [36.2] * 9, "y": [113.1] * 9}), tmp_path / "events.csv")
    for run in (
        lambda: locate_file(source, grid, tmp_path / "a.csv", x="x", y="y", crs=4326, batch_rows=2),
        lambda: count_file(source, grid, x="x", y="y", crs=4326, batch_rows=2),
    ):
        with pytest.warns(
            GridWarning, match=r"no coordinate is in range \(9 rows: longitude and latitude look swapped\)"
        ):
            run()


def test_degrees_where_metres_are_declared_are_refused_only_when_all_are(tmp_path, grid, calm):
    table = pd.DataFrame({"x": [113.1] * 9 + [X + 5], "y": [36.2] * 9 + [Y + 5]})
    source = write(table, tmp_path / "events.csv")
    assert locate_file(source, grid, tmp_path / "a.csv", batch_rows=2, **XY)["rows"].sum() == 10
    write(table[:9], source)
    for run in (
        lambda: locate_file(source, grid, tmp_path / "b.csv", batch_rows=2, **XY),
        lambda: count_file(source, grid, **XY),
    ):
        with pytest.raises(GridError, match=r"coordinates such as 113.1, 36.2 look like degrees"):
            run()
    assert not (tmp_path / "b.csv").exists()


# Counting


def check_counts(table, located, grid):
    """Compare with the rows located one by one."""
    cells = located["grid_code"].value_counts()
    assert table["grid_code"].tolist()[: len(grid)] == grid["grid_code"].tolist()
    assert table["elsewhere"].tolist()[len(grid) :] == list(ELSEWHERE)
    assert table["count"].tolist()[: len(grid)] == [int(cells.get(code, 0)) for code in grid["grid_code"]]
    reasons = located["located_by"].value_counts()
    assert table["count"].tolist()[len(grid) :] == [int(reasons.get(reason, 0)) for reason in ELSEWHERE]
    assert table["count"].sum() == len(located)


@pytest.mark.parametrize("batch_rows", [1, 7, 1000])
@pytest.mark.parametrize("start", [".csv", ".parquet", ".gpkg"])
def test_counts_are_those_of_the_located_rows_and_nothing_is_lost(tmp_path, grid, calm, start, batch_rows):
    source = write(rows(60), tmp_path / f"events{start}")
    located = locate(read_points(source, **options(source)), grid)
    table = count_file(source, grid, batch_rows=batch_rows, **options(source))
    check_counts(table, located, grid)
    table = count_file(source, grid, weights="share", by="kind", batch_rows=batch_rows, **options(source))
    check_counts(table, located, grid)
    kinds = ["noise", "waste", "道路"]
    assert table[[f"count_{kind}" for kind in kinds]].sum(axis=1).tolist() == table["count"].tolist()
    place = located["grid_code"].fillna(located["located_by"])
    for row, name in enumerate([*grid["grid_code"], *ELSEWHERE]):
        shares = located["share"][place == name].map(float)
        assert table["sum"][row] == float(sum(map(Fraction, shares.tolist()), Fraction(0)))
        for kind in kinds:
            part = shares[located["kind"] == kind]
            assert table[f"sum_{kind}"][row] == float(sum(map(Fraction, part.tolist()), Fraction(0)))


@MANY_EXAMPLES
@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(0, 1e300) | st.integers(0, 2**33).map(float)), max_size=30),
    st.randoms(),
)
def test_sums_are_exact_in_any_order(pairs, random):
    sums, halves = ExactSums(3), [ExactSums(3), ExactSums(3)]
    places, values = np.array([p for p, _ in pairs], int), np.array([v for _, v in pairs], float)
    sums.add(places, values)
    wanted = [float(sum((Fraction(v) for p, v in pairs if p == place), Fraction(0))) for place in range(3)]
    assert sums.totals().tolist() == wanted
    random.shuffle(pairs)
    for number, (place, value) in enumerate(pairs):
        halves[number % 2].add(np.array([place]), np.array([value]))
    halves[1].join(halves[0])
    assert halves[1].totals().tolist() == wanted


def test_categories_as_in_summarise(tmp_path, grid, calm):
    table = rows(20).assign(kind=["a", "", None, "b"] * 5)
    source = write(table, tmp_path / "events.parquet")
    counted = count_file(source, grid, by="kind", batch_rows=3, **XY)
    assert [name for name in counted.columns if name.startswith("count_")] == ["count_(none)", "count_a", "count_b"]
    assert counted["count_(none)"].sum() == 10
    for column, named in (("note", PHONE), ("phone", "none")):
        write(table.assign(**{column: ["x"] * 19 + [named]}), source)
        with pytest.raises(GridError, match=f"{column}: this column holds persons"):
            count_file(source, grid, by=column, batch_rows=3, **XY)
    write(pd.concat([rows(60)] * 2).assign(kind=[f"k{i}" for i in range(120)]), source)
    for batch_rows in (1, 20, 1000):
        with pytest.raises(GridError, match="kind: expected up to 50 categories, got more"):
            count_file(source, grid, by="kind", batch_rows=batch_rows, **XY)


def test_rows_without_a_weight_are_told_and_wrong_ones_are_named(tmp_path, grid):
    table = pd.DataFrame({"x": [X + 9.0] * 6, "y": [Y + 9.0] * 6, "load": ["1", "", "2.5", "nan", "0", " 3 "]})
    source = write(table, tmp_path / "events.csv")
    with pytest.warns(GridWarning, match="2 rows have no load; they are counted and add nothing"):
        counted = count_file(source, grid, weights="load", batch_rows=4, **XY)
    assert (counted["sum"].sum(), counted["count"].sum()) == (6.5, 6)
    for wrong in ("-1", "many", "inf"):
        write(table.assign(load=["1"] * 4 + [wrong, "1"]), source)
        for batch_rows in (1, 100):
            with pytest.raises(GridError, match=f"expected load to be numbers from 0 up, got '{wrong}' in row 4"):
                count_file(source, grid, weights="load", batch_rows=batch_rows, **XY)


def test_the_columns_of_the_coordinates_may_also_be_weights(tmp_path, grid, calm):
    source = write(rows(9).query("y < inf"), tmp_path / "events.parquet")
    assert count_file(source, grid, weights="y", **XY)["sum"].sum() > 0


# What is refused


def test_wrong_use_is_one_sentence(tmp_path, grid):
    source = write(rows(9), tmp_path / "events.csv")
    target = tmp_path / "a.csv"
    for message, change in {
        "expected both x= and y=": {"y": None},
        "a table needs x= and y=": {"x": None, "y": None},
        "a table needs crs=": {"crs": None},
        r"no column 'lon' \(x=\); there are 'id', 'kind'": {"x": "lon"},
        "has no layers": {"layer": "points"},
        "batch_rows: expected a whole number from 1 up, got 0": {"batch_rows": 0},
    }.items():
        with pytest.raises(GridError, match=message):
            locate_file(source, grid, target, **{**XY, **change})
        with pytest.raises(GridError, match=message):
            count_file(source, grid, **{**XY, **change})
    for message, place in {
        "expected another file than those that are read": source,
        "expected one of .parquet, .geoparquet, .csv, .gpkg": tmp_path / "a.xlsx",
        "no extension": tmp_path / "a",
        "there is a folder of this name": tmp_path / "folder.csv",
    }.items():
        (tmp_path / "folder.csv").mkdir(exist_ok=True)
        with warnings.catch_warnings(), pytest.raises(GridError, match=message):
            warnings.simplefilter("ignore", GridWarning)
            locate_file(source, grid, place, **XY)
    with pytest.raises(GridError, match=r"weights=.*there are"):
        count_file(source, grid, weights="load", **XY)
    with pytest.raises(GridError, match=r"by=.*there are"):
        count_file(source, grid, by="load", **XY)
    assert not target.exists()


def test_a_link_to_the_source_is_the_source(tmp_path, grid):
    source = write(rows(9), tmp_path / "events.csv")
    (tmp_path / "link.csv").symlink_to(source)
    before = source.read_bytes()
    with pytest.raises(GridError, match="expected another file"):
        locate_file(source, grid, tmp_path / "link.csv", **XY)
    with pytest.raises(GridError, match="expected another file"):
        locate_file(source, tmp_path / "grid.parquet", tmp_path / "grid.parquet", **XY)
    assert source.read_bytes() == before


def test_files_that_cannot_be_read_are_one_sentence(tmp_path, grid):
    for name, content, message in (
        ("none.csv", None, "expected a file; there is nothing there"),
        ("empty.csv", b"", "the file cannot be read: No columns to parse"),
        ("bytes.csv", b"x,y\n\xff\xff\x81,1\n", "expected text in UTF-8 or GB18030, got neither"),
        ("long.csv", b"x,y\n1,2\n1,2,3\n", "expected as many fields|Expected 2 fields"),
        ("broken.parquet", b"PAR1 not", "the file cannot be read"),
        ("broken.gpkg", b"SQLite", "the file cannot be read"),
        ("places.xlsx", b"x", "expected one of the formats .parquet, .geoparquet, .csv, .tsv, .txt, .gpkg, .fgb"),
    ):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(GridError, match=f"{name}: .*({message})"):
            count_file(tmp_path / name, grid, **XY)
    with pytest.raises(GridError, match="there is a folder there"):
        count_file(tmp_path, grid, **XY)


def test_a_parquet_file_that_is_cut_off_in_the_middle_is_one_sentence(tmp_path, grid, calm):
    source = write(pd.concat([rows(500)] * 4), tmp_path / "events.parquet")
    content = bytearray(source.read_bytes())
    content[200:4000] = b"\x00" * 3800
    source.write_bytes(content)
    for run in (lambda: count_file(source, grid, **XY), lambda: locate_file(source, grid, tmp_path / "a.csv", **XY)):
        with pytest.raises(GridError, match=r"events.parquet: the file cannot be read"):
            run()


def test_columns_that_are_taken_or_differ_in_case_only(tmp_path, grid):
    for column, message in {
        "grid_code": "there is a column grid_code already",
        "located_by": "there is a column located_by already",
        "KIND": r"expected each column once; more than once \(upper or lower case\): kind",
        "geometry": "the table has a column geometry that is no geometry",
    }.items():
        source = write(rows(9).assign(**{column: "a"}), tmp_path / "events.parquet")
        with pytest.raises(GridError, match=message):
            locate_file(source, grid, tmp_path / "a.csv", **XY)
    pq.write_table(pa.table([pa.array([1.0])] * 3, names=["x", "y", "x"]), tmp_path / "events.parquet")
    with pytest.raises(GridError, match="expected each column once; more than once: x"):
        count_file(tmp_path / "events.parquet", grid, **XY)


def test_tables_without_rows(tmp_path, grid):
    for name, end in (("events.csv", ".parquet"), ("events.parquet", ".csv"), ("events.gpkg", ".gpkg")):
        source = write(rows(9)[:0], tmp_path / name)
        told = locate_file(source, grid, tmp_path / f"a{end}", **options(source))
        assert told.values.tolist() == []
        assert len(read_table(tmp_path / f"a{end}")) == 0
        assert read_table(tmp_path / f"a{end}").columns.tolist()[-2:] == ["grid_code", "located_by"]
        assert count_file(source, grid, **options(source))["count"].tolist() == [0] * 8
    source = write(rows(9), tmp_path / "full.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GridWarning)
        assert locate_file(source, grid.iloc[:0], tmp_path / "b.csv", **XY)["rows"].sum() == 9


def test_names_with_dots_and_layers(tmp_path, grid, calm):
    table = rows(9).rename(columns={"x": "at.x", "y": "at.y"})
    table.to_parquet(tmp_path / "events.parquet")
    assert count_file(tmp_path / "events.parquet", grid, x="at.x", y="at.y", crs=4547)["count"].sum() == 9
    points = as_points(rows(9).query("y < inf"))
    for layer in ("a", "b"):
        points.to_file(tmp_path / "p.gpkg", layer=layer)
    with pytest.raises(GridError, match="expected one layer, got a, b; name one with layer="):
        count_file(tmp_path / "p.gpkg", grid)
    assert count_file(tmp_path / "p.gpkg", grid, layer="b")["count"].sum() == len(points)
    with pytest.raises(GridError, match="the file declares"):
        count_file(tmp_path / "p.gpkg", grid, layer="b", crs=4326)


def test_the_record_of_a_run_names_no_folder(tmp_path, grid, calm):
    source, target = write(rows(40), tmp_path / "events.csv"), tmp_path / "located.csv"
    with pytest.raises(KeyboardInterrupt):
        locate_file(source, Watched(CellIndex(grid), 30), target, **XY)
    (record,) = tmp_path.glob(".*.parts/record.json")
    assert str(tmp_path) not in record.read_text()
    assert set(json.loads(record.read_text())) >= {"source", "grid", "version", "crs", "part_rows"}


def test_a_geopackage_is_an_ordinary_one(tmp_path, grid, calm):
    source = write(rows(20).assign(fid=3), tmp_path / "events.csv")
    locate_file(source, grid, tmp_path / "a.gpkg", **XY)
    assert [name for name, _ in pyogrio.list_layers(tmp_path / "a.gpkg")] == ["table"]
    assert pyogrio.read_dataframe(tmp_path / "a.gpkg")["fid"].tolist() == ["3"] * 20


MEMORY = """
    import sys, warnings
    from pathlib import Path
    from gridgis.batches.files import count_file, locate_file
    from gridgis.sample import small_example
    warnings.simplefilter("ignore")
    grid = small_example().grid
    def peak():  # resource would begin with that of the parent
        return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
    before = peak()
    if sys.argv[2] == "count":
        count_file(sys.argv[1], grid, x="x", y="y", crs=4547)
    else:
        locate_file(sys.argv[1], grid, sys.argv[2], x="x", y="y", crs=4547, batch_rows=20_000)
    print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("end", ["count", ".parquet", ".csv"])
@pytest.mark.parametrize("start", [".parquet", ".csv"])
def test_memory_does_not_grow_with_the_table(tmp_path, start, end):
    """Ten times the rows, in one row group, take about the same memory."""
    if not Path("/proc/self/status").is_file():
        pytest.skip("no /proc on this machine, so that the memory of a process cannot be read")
    peaks = []
    for size in (400_000, 4_000_000):
        rng = np.random.default_rng(0)
        table = pa.table(
            {
                "id": pa.array(np.arange(size)).cast(pa.string()),
                "x": X + 400 * rng.random(size),
                "y": Y + 200 * rng.random(size),
            }
        )
        source = tmp_path / f"{size}{start}"
        pq.write_table(table, source, row_group_size=size) if start == ".parquet" else pa.csv.write_csv(table, source)
        target = end if end == "count" else tmp_path / f"{size}-located{end}"
        run = [sys.executable, "-c", textwrap.dedent(MEMORY), source, target]
        peaks.append(int(subprocess.run(run, capture_output=True, text=True, check=True).stdout))

    assert peaks[1] - peaks[0] < 80_000, peaks  # kB


def test_text_of_any_kind_is_located_as_in_memory(tmp_path, grid):
    """Encodings, separators, decimal commas, rows of names, words for nothing, apostrophes: as `read_points` reads them."""
    place = grid.geometry.iloc[0].representative_point()
    east, north = f"{place.x:.3f}".replace(".", ","), f"{place.y:.3f}".replace(".", ",")
    text = f"Meldungen\n\nid;kind;x;y\n1;Lärm;{east};{north}\n2;'=1+1;N/A;NULL\n3;Müll;;\n"
    (tmp_path / "e.csv").write_bytes(text.encode("cp1252"))
    with pytest.raises(GridError, match="encoding="):
        locate_file(tmp_path / "e.csv", grid, tmp_path / "a.csv", **XY)
    for header in (None, 3):
        named = {**XY, "encoding": "cp1252", "header": header}
        with pytest.warns(GridWarning, match="separated by semicolons.*decimal comma"):
            locate_file(tmp_path / "e.csv", grid, tmp_path / "a.csv", batch_rows=2, **named)
        with pytest.warns(GridWarning, match="separated by semicolons.*decimal comma"):
            in_memory(tmp_path / "e.csv", grid, tmp_path / "b.csv", **named)
        assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
        with pytest.warns(GridWarning):
            counted = count_file(tmp_path / "e.csv", grid, **named)
        assert counted["count"].sum() == 3
    back = read_table(tmp_path / "a.csv")
    assert back["kind"].tolist() == ["Lärm", "=1+1", "Müll"]
    assert back["located_by"].tolist() == ["inside", "no_coordinates", "no_coordinates"]
    (tmp_path / "q.csv").write_text('id,x,y\n1,"1,2\n2,3,4\n')
    with pytest.raises(GridError, match="quotation mark in line 2 is not closed"):
        locate_file(tmp_path / "q.csv", grid, tmp_path / "a.csv", **XY)


@pytest.mark.parametrize("end", [".csv", ".parquet", ".gpkg"])
@pytest.mark.parametrize("start", [".gpkg", ".fgb", ".parquet"])
def test_times_and_whole_numbers_come_through_batches(tmp_path, grid, calm, start, end):
    time = pd.to_datetime(["2026-01-01T08:00:00", None])
    table = gpd.GeoDataFrame(
        {"local": time, "zoned": time.tz_localize("Asia/Shanghai"), "id": pd.array([2**53 + 1, None], dtype="Int64")},
        geometry=[grid.geometry.iloc[0].representative_point()] * 2,
        crs=grid.crs,
    )
    write_table(table, tmp_path / f"p{start}")
    if start != ".parquet" and "datetime_as_string" not in signature(pyogrio.open_arrow).parameters:
        with pytest.raises(GridError, match=r"times .* cannot be read in batches with this version of pyogrio"):
            locate_file(tmp_path / f"p{start}", grid, tmp_path / f"a{end}")
        return
    locate_file(tmp_path / f"p{start}", grid, tmp_path / f"a{end}")
    back = read_table(tmp_path / f"a{end}")
    assert pd.Timestamp(back["local"][0]) == pd.Timestamp("2026-01-01T08:00:00")
    assert pd.Timestamp(back["zoned"][0]) == pd.Timestamp("2026-01-01T08:00:00+08:00")
    assert int(back["id"][0]) == 2**53 + 1 and back.loc[1, ["local", "zoned", "id"]].isna().all()
