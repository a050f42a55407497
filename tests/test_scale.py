"""The verbs on Dask: equal to one machine for any partitions and any scheduler, also when a worker dies."""

import os
import signal
import sys
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridgis import scale
from gridgis.batches.files import count_file
from gridgis.contract import GridError, GridWarning
from gridgis.locate import locate
from gridgis.locate.index import CellIndex
from gridgis.read import read_points
from gridgis.sample import ORIGIN, small_example

dask = pytest.importorskip("dask", reason="dask is not installed")
dd = pytest.importorskip("dask.dataframe", reason="dask.dataframe is not installed")

X, Y = ORIGIN
XY = {"x": "x", "y": "y", "crs": 4547}
pytestmark = pytest.mark.filterwarnings("ignore::gridgis.GridWarning")


@pytest.fixture(scope="module")
def grid():
    return small_example().grid


def rows(count, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "id": [f"{number:04d}" for number in range(count)],
            "kind": rng.choice(["noise", "waste"], count),
            "x": X + rng.uniform(-20, 420, count).round(2),
            "y": Y + rng.choice([50.0, 100.0, 150.0, 250.0], count),
            "share": rng.random(count),
        }
    )
    table.loc[table.index % 11 == 5, "x"] = np.nan
    table.loc[table.index % 13 == 7, "y"] = np.inf
    return table


def one_machine(table, grid, folder):
    """What is said of the same rows in one file, in memory."""
    table.to_parquet(folder / "all.parquet")
    return locate(read_points(folder / "all.parquet", **XY), grid)[["grid_code", "located_by"]]


def same(located, wanted):
    assert located["located_by"].tolist() == wanted["located_by"].tolist()
    assert located["grid_code"].fillna("").tolist() == wanted["grid_code"].fillna("").tolist()


def in_parquet(table, folder, parts):
    """Write a table in parts, and open them."""
    folder.mkdir()
    edges = np.linspace(0, len(table), parts + 1).astype(int)
    for number, (low, high) in enumerate(pairwise(edges)):
        table.iloc[low:high].to_parquet(folder / f"part.{number:03d}.parquet")
    return dd.read_parquet(folder)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 60), max_size=5), st.integers(0, 60))
def test_any_partitions_give_what_one_machine_gives(tmp_path, grid, cuts, size):
    table = rows(size)
    edges = [0, *sorted(cut for cut in cuts if cut < size), size]
    parts = [table.iloc[low:high] for low, high in pairwise(edges)]
    ddf = dd.from_delayed([dask.delayed(part) for part in parts], meta=table.iloc[:0])
    located = scale.locate(ddf, grid, **XY)
    with dask.config.set(scheduler="sync"):
        back = located.compute()
        counted = scale.count(ddf, grid, weights="share", by="kind", **XY)
    same(back, one_machine(table, grid, tmp_path))
    assert back["id"].tolist() == table["id"].tolist()
    pd.testing.assert_frame_equal(counted, count_file(tmp_path / "all.parquet", grid, weights="share", by="kind", **XY))


def test_divisions_index_and_meta_are_those_of_the_rows(grid):
    table = rows(40).set_index(pd.Index(range(100, 140), name="row"))
    ddf = dd.from_pandas(table, npartitions=3)
    located = scale.locate(ddf, grid, **XY)
    assert located.divisions == ddf.divisions
    back = located.compute(scheduler="sync")
    assert back.index.equals(table.index)
    assert located.columns.tolist() == [*table.columns, "grid_code", "located_by"]
    assert back.dtypes.astype(str).tolist() == located.dtypes.astype(str).tolist()
    assert back[table.columns].astype(object).equals(ddf.compute(scheduler="sync").astype(object))


@pytest.mark.parametrize("scheduler", ["sync", "threads", "processes"])
def test_any_scheduler_and_parquet_partitions(tmp_path, grid, scheduler):
    table = rows(90)
    wanted = one_machine(table, grid, tmp_path)
    ddf = in_parquet(table, tmp_path / "parts", 5)
    with dask.config.set(scheduler=scheduler, num_workers=2):
        same(scale.locate(ddf, grid, **XY).compute(), wanted)
        counted = scale.count(ddf, CellIndex(grid), weights="share", **XY)
    pd.testing.assert_frame_equal(counted, count_file(tmp_path / "all.parquet", grid, weights="share", **XY))


def test_the_grid_may_be_a_table_an_index_or_a_file(tmp_path, grid):
    table = rows(30)
    wanted = one_machine(table, grid, tmp_path)
    grid.to_parquet(tmp_path / "grid.parquet")
    CellIndex(grid).save(tmp_path / "cells.index")
    ddf = dd.from_pandas(table, npartitions=3)
    for way in (grid, CellIndex(grid), tmp_path / "grid.parquet", str(tmp_path / "cells.index")):
        same(scale.locate(ddf, way, **XY).compute(scheduler="sync"), wanted)
        with dask.config.set(scheduler="sync"):
            assert scale.count(ddf, way, **XY)["count"].sum() == 30


def test_an_index_is_made_once_in_a_process(grid, monkeypatch):
    made = []
    locator_of = scale.locator_of
    monkeypatch.setattr(scale, "locator_of", lambda cells: made.append(1) or locator_of(cells))
    scale._index_of.cache_clear()
    ddf = dd.from_pandas(rows(60), npartitions=12)
    for scheduler in ("threads", "sync"):
        scale.locate(ddf, grid, **XY).compute(scheduler=scheduler)
    assert made == [1]
    node, other = scale._Cells.of(grid).node(), scale._Cells.of(grid.iloc[::-1]).node()
    assert node.key == scale._Cells.of(grid.copy()).node().key != other.key


def test_a_grid_of_another_order_is_another_grid(grid):
    ddf = dd.from_pandas(rows(60), npartitions=2)
    with dask.config.set(scheduler="sync"):
        one, other = scale.count(ddf, grid, **XY), scale.count(ddf, grid.iloc[::-1], **XY)
    assert one["count"].tolist()[:4] == other["count"].tolist()[3::-1]


def test_coordinates_as_text_as_categories_and_mixed(tmp_path, grid):
    table = rows(20).astype({"x": str})
    table.loc[3, "x"] = "abc"
    table.loc[4, "x"] = " "
    table.to_csv(tmp_path / "all.csv", index=False)
    wanted = locate(read_points(tmp_path / "all.csv", **XY), grid)
    mixed = table["x"].astype(object)
    mixed[6], mixed[7], mixed[8] = float(mixed[6]), None, True
    with dask.config.set({"scheduler": "sync", "dataframe.convert-string": False}):
        for column in (table["x"], table["x"].astype("category")):
            ddf = dd.from_pandas(table.assign(x=column), npartitions=3)
            same(scale.locate(ddf, grid, **XY).compute(), wanted)
        ddf = dd.from_delayed([dask.delayed(table.assign(x=mixed))], meta=table.assign(x=mixed).iloc[:0])
        located = scale.locate(ddf, grid, **XY).compute()
    assert located["located_by"].tolist()[3:9] == [
        *["bad_coordinates", "no_coordinates", "no_coordinates"],
        wanted["located_by"][6],
        *["no_coordinates", "bad_coordinates"],
    ]


def test_another_crs_is_brought_into_that_of_the_grid(tmp_path, grid):
    events = small_example().events.to_crs(4326)
    ddf = dd.from_pandas(events.geometry.get_coordinates(), npartitions=2)
    located = scale.locate(ddf, grid, x="x", y="y", crs=4326).compute(scheduler="sync")
    assert located["located_by"].tolist() == locate(events, grid)["located_by"].tolist()


def test_wrong_use_is_one_sentence(grid, monkeypatch):
    ddf = dd.from_pandas(rows(9), npartitions=2)
    for verb in (scale.locate, scale.count):
        with pytest.raises(GridError, match=r"expected a dask.dataframe.DataFrame, got DataFrame; .* gridgis.locate"):
            verb(rows(9), grid, **XY)
        with pytest.raises(GridError, match=r"expected the columns lon, y; lon missing"):
            verb(ddf, grid, **{**XY, "x": "lon"})
        with pytest.raises(GridError, match="not known to PROJ"):
            verb(ddf, grid, **{**XY, "crs": "nowhere"})
        with pytest.raises(GridError, match="expected a file; there is nothing there"):
            verb(ddf, "nowhere.parquet", **XY)
    with pytest.raises(GridError, match="there is a column grid_code already"):
        scale.locate(ddf.assign(grid_code="a"), grid, **XY)
    with dask.config.set(scheduler="sync"):
        with pytest.raises(GridError, match="phone: this column holds persons"):
            scale.count(ddf.assign(phone="1"), grid, by="phone", **XY)
        with pytest.raises(GridError, match="this column holds persons"):
            scale.count(ddf.assign(note="13812345678"), grid, by="note", **XY)
        with pytest.raises(GridError, match="id: expected up to 50 categories"):
            scale.count(dd.from_pandas(rows(90), npartitions=9), grid, by="id", **XY)
        with pytest.raises(GridError, match="look like degrees"):
            scale.count(ddf.assign(x=113.0, y=36.0), grid, **XY)
        with pytest.warns(GridWarning, match="count: 40 of 40 lie outside the grid"):
            scale.count(dd.from_pandas(rows(40).assign(x=1.0, y=1e6), npartitions=3), grid, **XY)
    monkeypatch.setitem(sys.modules, "dask.dataframe", None)
    with pytest.raises(GridError, match=r'gridgis.scale needs Dask.*pip install "gridgis\[scale\]"'):
        scale.locate(ddf, grid, **XY)


def test_importing_it_does_not_import_dask():
    import subprocess

    code = "import sys, gridgis.scale; print(any(name.split('.')[0] == 'dask' for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# A real cluster


def die_once(part, folder, fatal):
    """Kill the worker that is the first to get hold of the fatal partition."""
    if fatal in set(part["id"]):
        try:
            os.close(os.open(os.path.join(folder, "died"), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return part
        os.kill(os.getpid(), signal.SIGKILL)
    return part


@pytest.fixture
def cluster(tmp_path):
    """Two workers in processes of their own, each with a nanny, on the loopback."""
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    settings = {
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.logging": {"distributed": "critical"},
        "temporary-directory": str(tmp_path / "workers"),
    }
    with dask.config.set(settings), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=50
            ) as local,
            distributed.Client(local) as client,
        ):
            yield client


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_whose_worker_is_killed_gives_what_one_machine_gives(tmp_path, grid, cluster):
    table = rows(400)
    wanted = one_machine(table, grid, tmp_path)
    in_parquet(table, tmp_path / "parts", 20)
    before = set(cluster.scheduler_info(n_workers=-1)["workers"])
    for number, verb in enumerate(("locate", "count")):
        folder = tmp_path / verb
        folder.mkdir()
        ddf = dd.read_parquet(tmp_path / "parts")
        ddf = ddf.map_partitions(die_once, str(folder), "0210", meta=ddf._meta)
        if verb == "locate":
            same(scale.locate(ddf, grid, **XY).compute(), wanted)
        else:
            counted = scale.count(ddf, grid, weights="share", by="kind", **XY)
            expected = count_file(tmp_path / "all.parquet", grid, weights="share", by="kind", **XY)
            pd.testing.assert_frame_equal(counted, expected)
        assert (folder / "died").exists(), number
    assert set(cluster.scheduler_info(n_workers=-1)["workers"]) != before
