from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
import time
import zipfile

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import gridgis as gg
from gridgis.contract import GridError, GridWarning
from gridgis.read import read_grid, read_table
from gridgis.write import (
    file_sha256,
    read_provenance,
    write_bytes,
    write_grid,
    write_json,
    write_table,
    write_text,
)

FORMATS = [".gpkg", ".parquet", ".fgb", ".geojson", ".csv", ".xlsx"]
NOTE = {"inputs": {"areas.gpkg": "ab" * 32}, "parameters": {"households": [100, 150]}, "version": "0.1 网格"}


def make_grid():
    x0, y0, side = 420518.123456789, 4007586.987654321, 50.3
    cells = [
        shapely.box(x0 + i * side, y0 + j * side, x0 + (i + 1) * side, y0 + (j + 1) * side)
        for i in range(3)
        for j in range(2)
    ]
    columns = {
        "grid_code": [f"0130105001002{k:02d}" for k in range(6)],
        "parent_code": ["013010500100"] * 6,
        "households": [100.0, 120.5, np.nan, 0.1 + 0.2, 1e-7, 3.0],
        "buildings": [1, 2, 3, 4, 5, 2**40],
        "name": ["东街", None, "a,b", '"', "=1+1", "b"],
        "core": [True, False] * 3,
    }
    return gpd.GeoDataFrame(columns, geometry=cells, crs=4547)


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet", ".fgb"])
def test_a_grid_comes_back_exactly(tmp_path, suffix):
    grid = make_grid()
    before = grid.copy()
    path = write_grid(grid, tmp_path / f"grid{suffix}")
    back = read_grid(path)
    assert_geodataframe_equal(back, grid, check_like=False)
    assert (shapely.to_wkb(back.geometry.array) == shapely.to_wkb(grid.geometry.array)).all()
    assert_geodataframe_equal(grid, before)


def test_geojson_is_wgs84_and_stays_matched(tmp_path):
    grid = make_grid()
    path = write_grid(grid, tmp_path / "grid.geojson")
    content = json.loads(path.read_text(encoding="utf-8"))
    assert "crs" not in content
    ring = content["features"][0]["geometry"]["coordinates"][0]
    assert 113 < ring[0][0] < 114 and 36 < ring[0][1] < 37
    corners = [tuple(place) for f in content["features"] for place in f["geometry"]["coordinates"][0][:-1]]
    assert len(corners) == 24 and len(set(corners)) == 12  # a lattice of 3 by 2 cells has 12 vertices
    back = read_grid(path)
    assert back.crs.to_epsg() == 4547
    assert_frame_equal(back.drop(columns="geometry"), grid.drop(columns="geometry"))
    assert shapely.hausdorff_distance(back.geometry.array, grid.geometry.array).max() < 0.001
    matched = {tuple(place) for place in shapely.get_coordinates(back.geometry.array)}
    assert len(matched) == 12


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("provenance", [None, NOTE])
def test_same_content_same_bytes(tmp_path, monkeypatch, suffix, provenance):
    monkeypatch.delenv("OGR_CURRENT_DATE", raising=False)
    table = make_grid()
    one = write_table(table, tmp_path / f"one{suffix}", provenance=provenance)
    first = one.read_bytes()
    time.sleep(1.05 if suffix in (".gpkg", ".xlsx") and provenance is None else 0)
    two = write_table(table, tmp_path / f"two{suffix}", provenance=provenance)
    write_table(table, one, provenance=provenance)
    assert first == two.read_bytes() == one.read_bytes()
    assert file_sha256(one) == hashlib.sha256(first).hexdigest()


@pytest.mark.parametrize("suffix", FORMATS)
def test_provenance_goes_with_the_file(tmp_path, suffix):
    path = write_table(make_grid(), tmp_path / f"t{suffix}", provenance=NOTE)
    assert read_provenance(path) == NOTE
    beside = tmp_path / f"t{suffix}.provenance.json"
    assert beside.exists() == (suffix not in (".gpkg", ".parquet"))
    write_table(make_grid(), path)
    assert read_provenance(path) == {} and not beside.exists()


def test_provenance_must_be_plain(tmp_path):
    with pytest.raises(GridError, match=r"plain values"):
        write_grid(make_grid(), tmp_path / "grid.gpkg", provenance={"when": object()})
    assert list(tmp_path.iterdir()) == []
    write_grid(make_grid(), tmp_path / "grid.gpkg", provenance={"low": np.int64(3), "ids": np.array([1, 2])})
    assert read_provenance(tmp_path / "grid.gpkg") == {"low": 3, "ids": [1, 2]}


def test_the_date_of_gdal_is_put_back(tmp_path):
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2011-11-11T00:00:00Z"})
    try:
        write_grid(make_grid(), tmp_path / "grid.gpkg")
        assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") == "2011-11-11T00:00:00Z"
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    write_grid(make_grid(), tmp_path / "grid.gpkg")
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


@pytest.mark.parametrize("blow", [KeyboardInterrupt(), OSError(28, "No space left on device"), RuntimeError("driver")])
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_write_that_breaks_off_leaves_the_old_file(tmp_path, monkeypatch, suffix, blow):
    path = write_table(make_grid(), tmp_path / f"grid{suffix}", provenance=NOTE)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def half(temporary, flags):
        temporary.with_name(temporary.name + "-journal").write_bytes(b"half")
        raise blow

    monkeypatch.setattr("gridgis.whole._to_disk", half)
    with pytest.raises(KeyboardInterrupt if isinstance(blow, KeyboardInterrupt) else GridError):
        write_table(make_grid().head(2), path, provenance={"other": 1})
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".geojson"])
def test_a_driver_that_breaks_off_leaves_nothing(tmp_path, monkeypatch, suffix):
    real = pyogrio.write_dataframe

    def half(table, path, **options):
        real(table.head(1), path, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(pyogrio, "write_dataframe", half)
    with pytest.raises(KeyboardInterrupt):
        write_grid(make_grid(), tmp_path / f"grid{suffix}", provenance=NOTE)
    assert list(tmp_path.iterdir()) == []
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


def test_the_new_folder_and_the_mode_of_the_old_file(tmp_path):
    path = write_text("网格\n", tmp_path / "a" / "b" / "note.txt")
    assert path.read_bytes() == "网格\n".encode()
    path.chmod(0o640)
    write_bytes(b"new", path)
    assert path.read_bytes() == b"new"
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_link_stays_a_link(tmp_path):
    real = write_bytes(b"old", tmp_path / "real.txt")
    link = tmp_path / "link.txt"
    link.symlink_to(real)
    write_bytes(b"new", link)
    assert link.is_symlink() and real.read_bytes() == b"new"


def test_a_geopackage_open_elsewhere_is_left_alone(tmp_path):
    path = write_grid(make_grid(), tmp_path / "grid.gpkg")
    before = path.read_bytes()
    journal = tmp_path / "grid.gpkg-wal"
    journal.write_bytes(b"pages")
    with pytest.raises(GridError, match=r"another program"):
        write_grid(make_grid().head(1), path)
    assert path.read_bytes() == before and journal.read_bytes() == b"pages"


def test_wrong_places(tmp_path):
    with pytest.raises(GridError, match=r"folder of this name"):
        write_bytes(b"", tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(GridError, match=r"cannot be written"):
        write_bytes(b"", tmp_path / "file" / "below.txt")
    with pytest.raises(GridError, match=r"several files"):
        write_grid(make_grid(), tmp_path / "grid.shp")
    with pytest.raises(GridError, match=r"no extension is not known"):
        write_table(make_grid(), tmp_path / "grid")
    with pytest.raises(GridError, match=r"no geometry"):
        write_grid(make_grid(), tmp_path / "grid.csv")
    with pytest.raises(GridError, match=r"expected geometry"):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "t.geojson")
    with pytest.raises(GridError, match=r"with a CRS"):
        write_table(make_grid().set_crs(None, allow_override=True), tmp_path / "t.gpkg")
    with pytest.raises(GridError, match=r"each column once"):
        write_table(pd.DataFrame({"Code": ["1"], "code": ["2"]}), tmp_path / "t.gpkg")
    with pytest.raises(GridError, match=r"grid_code"):
        write_grid(make_grid().drop(columns="grid_code"), tmp_path / "grid.gpkg")
    with pytest.raises(GridError, match=r"DataFrame"):
        write_table([1, 2], tmp_path / "t.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_own_parameters_do_not_leave(tmp_path):
    own = "+proj=tmerc +lat_0=0 +lon_0=114 +x_0=500000 +ellps=krass +towgs84=15.5,-120.5,-60.5 +units=m"
    table = make_grid().set_crs(own, allow_override=True)
    for suffix in (".gpkg", ".parquet", ".fgb"):
        with pytest.raises(GridError, match=r"parameters") as error:
            write_table(table, tmp_path / f"t{suffix}")
        assert "15.5" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
    assert b"15.5," not in write_table(table, tmp_path / "t.geojson").read_bytes()


def test_csv_is_for_excel_and_stable(tmp_path):
    path = write_table(make_grid(), tmp_path / "grid.csv")
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbfgrid_code,") and b"\r" not in content
    lines = content.decode("utf-8-sig").splitlines()
    assert lines[0] == "grid_code,parent_code,households,buildings,name,core"
    assert lines[4] == '013010500100203,013010500100,0.30000000000000004,4,"""",False'
    back = read_table(path)
    assert back["grid_code"].tolist() == make_grid()["grid_code"].tolist()
    assert back["name"].tolist()[0] == "东街" and pd.isna(back["name"][1])


def test_xlsx_keeps_texts_texts(tmp_path):
    path = write_table(make_grid(), tmp_path / "grid.xlsx", layer="cells")
    back = read_table(path, layer="cells")
    assert back["grid_code"].tolist() == make_grid()["grid_code"].tolist()
    assert back["name"].tolist()[4] == "=1+1"
    with zipfile.ZipFile(path) as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet"])
def test_a_plain_table_comes_back(tmp_path, suffix):
    table = pd.DataFrame({"grid_code": ["01", "02"], "rate": [0.5, np.nan], "n": [1, 2], "fid": ["x", "y"]})
    back = read_table(write_table(table, tmp_path / f"t{suffix}"))
    assert not isinstance(back, gpd.GeoDataFrame)
    assert_frame_equal(back, table)


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet", ".fgb", ".geojson"])
def test_located_points_keep_rows_without_geometry(tmp_path, suffix):
    points = gpd.GeoDataFrame(
        {"grid_code": ["01", None, "02"], "located_by": pd.Categorical(["inside", "no_coordinates", "inside"])},
        geometry=[shapely.Point(420518, 4007586), None, shapely.Point(420519, 4007586)],
        crs=4547,
        index=[7, 3, 5],
    ).rename_geometry("place")
    back = read_table(write_table(points, tmp_path / f"t{suffix}"))
    assert back["located_by"].tolist() == ["inside", "no_coordinates", "inside"]
    assert back.geometry.isna().tolist() == [False, True, False]
    assert back["grid_code"].fillna("-").tolist() == ["01", "-", "02"]


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet", ".fgb", ".geojson"])
def test_instants_stay_instants(tmp_path, suffix):
    instants = [pd.Timestamp("2024-01-01 08:00", tz="Asia/Shanghai"), pd.NaT]
    table = make_grid().head(2).assign(when=pd.Series(instants))
    back = read_table(write_table(table, tmp_path / f"t{suffix}"))
    assert back["when"][0] == instants[0] and pd.isna(back["when"][1])


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet"])  # old GDAL does not know an empty FlatGeobuf again
def test_a_grid_without_cells_comes_back(tmp_path, suffix):
    back = read_grid(write_grid(make_grid().head(0), tmp_path / f"t{suffix}"))
    assert len(back) == 0 and back.crs.to_epsg() == 4547 and list(back.columns) == list(make_grid().columns)


@given(
    x=st.floats(4e5, 6e5),
    y=st.floats(3e6, 5e6),
    side=st.floats(0.01, 5000),
    name=st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_cell_comes_back_exactly(tmp_path, x, y, side, name):
    columns = {"grid_code": ["01"], "parent_code": ["0"], "name": [name]}
    grid = gpd.GeoDataFrame(columns, geometry=[shapely.box(x, y, x + side, y + side)], crs=4547)
    for suffix in (".gpkg", ".parquet", ".fgb"):
        back = read_grid(write_grid(grid, tmp_path / f"cell{suffix}"))
        assert shapely.equals_identical(back.geometry[0], grid.geometry[0])
        assert back["name"][0] == name


def test_json(tmp_path):
    path = write_json({"b": np.float64(0.5), "a": ["格"]}, tmp_path / "r.json")
    assert path.read_bytes() == '{\n "b": 0.5,\n "a": [\n  "格"\n ]\n}\n'.encode()
    for bad in (float("nan"), {1, 2}):
        with pytest.raises(GridError, match=r"plain values"):
            write_json(bad, tmp_path / "bad.json")
    assert not (tmp_path / "bad.json").exists()


def test_provenance_and_hash_of_no_file(tmp_path):
    with pytest.raises(GridError, match=r"there is none"):
        read_provenance(tmp_path / "none.gpkg")
    with pytest.raises(GridError, match=r"none.gpkg: expected a file to read"):
        file_sha256(tmp_path / "none.gpkg")
    (tmp_path / "bad.gpkg").write_bytes(b"no database")
    with pytest.raises(GridError, match=r"cannot be read"):
        read_provenance(tmp_path / "bad.gpkg")


def test_located_rows_are_written_without_persons(tmp_path):
    located = pd.DataFrame({"姓名": ["x"], "remark": ["13812345678"], "category": ["noise"], "located_by": ["inside"]})
    with pytest.warns(GridWarning, match=r"columns of persons are left out: 姓名, remark"):
        file = write_table(located, tmp_path / "located.csv")
    assert file.read_text(encoding="utf-8-sig") == "category,located_by\nnoise,inside\n"


# what was published


def published(**options):
    """Three cells of two parents: one with a small number, one without a number, a name with blanks."""
    grid = make_grid()
    cells = [shapely.box(500_000 + 100 * i, 4_000_000, 500_100 + 100 * i, 4_000_100) for i in range(4)]
    table = gpd.GeoDataFrame(
        {
            "grid_code": [f"99010100100100{i}" for i in range(1, 5)],
            "parent_code": ["990101001001"] * 2 + ["990101001002"] * 2,
            "parent_name": ["东街", "东街", None, None],
            "grid_name": ["Hill", None, None, None],
            "street lamps": [3, 119, 40, 0],
            "households": [None, 240, 230, 260],
        },
        geometry=cells,
        crs=grid.crs,
    )
    return gg.publish(table, measures=["street lamps", "households"], **options)


COLUMNS = [
    *("grid_code", "grid_name", "parent_code", "parent_name"),
    *("street_lamps", "street_lamps_status", "households", "households_status"),
]


def plain(value):
    return None if pd.isna(value) else value


@pytest.mark.parametrize("name", ["n.gpkg", "n.geojson", "n.parquet", "n.csv", "n.xlsx", "n.fgb"])
def test_what_was_published_is_written_as_it_is_meant(tmp_path, name):
    path = write_table(published(), tmp_path / "new" / name)
    if name == "n.csv":
        read = pd.read_csv(path, dtype=object)
        assert "40,shown,230,shown" in path.read_text(encoding="utf-8-sig")
        read = read.assign(**{column: pd.to_numeric(read[column]) for column in ("street_lamps", "households")})
    elif name == "n.xlsx":
        read = pd.read_excel(path, dtype=object)
        read["grid_code"], read["parent_code"] = read["grid_code"].astype(str), read["parent_code"].astype(str)
    elif name == "n.parquet":
        read = gpd.read_parquet(path)
    else:
        read = gpd.read_file(path)
    assert [column for column in read.columns if column != "geometry"] == COLUMNS
    rows = [[plain(value) for value in row] for row in read[COLUMNS].itertuples(index=False)]
    assert rows == [
        ["990101001001001", "Hill", "990101001001", "东街", None, "hidden", None, "no data"],
        ["990101001001002", None, "990101001001", "东街", None, "hidden", 240, "shown"],
        ["990101001001003", None, "990101001002", None, 40, "shown", 230, "shown"],
        ["990101001001004", None, "990101001002", None, 0, "shown", 260, "shown"],
    ]


def test_what_was_published_as_geojson_is_as_the_standard_says(tmp_path):
    path = write_table(published(), tmp_path / "n.geojson")
    held = json.loads(path.read_text(encoding="utf-8"))
    assert "crs" not in held
    for feature in held["features"]:
        (ring,) = feature["geometry"]["coordinates"]
        assert shapely.LinearRing(ring).is_ccw
        assert all(113 < x < 115 and 36 < y < 37 for x, y in ring)
    first, second = (held["features"][i]["properties"] for i in (0, 2))
    assert (first["street_lamps"], second["street_lamps"]) == (None, 40)
    assert '"households": 240,' in path.read_text(encoding="utf-8")


def test_tiles_hold_the_same_as_the_table(tmp_path):
    path = write_table(published(), tmp_path / "n.pmtiles")
    again = write_table(published(), tmp_path / "again.pmtiles")
    assert path.read_bytes() == again.read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["again.pmtiles", "n.pmtiles"]
    tiles = gpd.read_file(path)
    table = pd.DataFrame(write_read(published(), tmp_path))
    tiles = tiles.drop_duplicates("grid_code").sort_values("grid_code").reset_index(drop=True)
    for column in COLUMNS:
        wanted = [plain(value) for value in table[column]]
        assert [plain(value) for value in tiles.get(column, pd.Series([None] * 4))] == wanted, column
    with pytest.raises(GridError, match="tiles are for everybody; publish the table first"):
        write_table(make_grid(), tmp_path / "grid.pmtiles")
    assert not (tmp_path / "grid.pmtiles").exists()


def write_read(shown, folder):
    return gpd.read_parquet(write_table(shown, folder / "read.parquet"))


def test_two_measures_of_one_name_are_told(tmp_path):
    grid = make_grid().assign(**{"a b": 20, "a_b": 30})
    with pytest.raises(GridError, match="two columns would be called 'a_b'; rename one"):
        write_table(gg.publish(grid, measures=["a b", "a_b"]), tmp_path / "n.csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    code = (
        "import os, signal; from pathlib import Path; from gridgis.whole import whole_file\n"
        "with whole_file(Path('n.csv')) as temporary:\n"
        "    temporary.write_text('half'); Path(f'{temporary}-journal').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2  # the second has removed those of the first
    others = [".n.mine.tmp.csv", ".n.tmp.csv", "n.csv.tmp", ".m.0000ff-0000.tmp.csv"]
    for name in others:
        (tmp_path / name).write_text("mine", encoding="utf-8")
    write_table(published(), tmp_path / "n.csv")
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(["n.csv", *others])


# --- values that a format does not know


def strange():
    """Values of every kind that some format, or a spreadsheet, does not know."""
    return gpd.GeoDataFrame(
        {
            "id": pd.array([9007199254740993, None, 3], dtype="Int64"),
            "huge": np.array([2**63 + 5, 1, 2], "uint64"),
            "flag": pd.array([True, None, False], dtype="boolean"),
            "local": pd.to_datetime(["2026-01-01T08:00:00", None, "2026-07-01T08:00:00"]),
            "zoned": pd.to_datetime(["2026-01-01T08:00:00", None, "2026-07-01T08:00:00"]).tz_localize("Asia/Shanghai"),
            "raw": [b"\x01\xff", None, b"\x00"],
            "text": ["=1+1", "a\x0bb", "_x000B_"],
            5: ["-a", "\tq", "'=1"],
            "@name": ["＝1", "-1.5", "'s"],
        },
        geometry=[shapely.Point(420000 + i, 4007000) for i in range(3)],
        crs=4547,
    )


@pytest.mark.parametrize("end", FORMATS)
def test_strange_values_come_back_as_they_were(tmp_path, end):
    table = strange()
    if end == ".parquet":
        write_table(table, tmp_path / "t.parquet")
    else:
        with pytest.warns(GridWarning, match=r"bytes are written as hexadecimal text in raw"):
            write_table(table, tmp_path / f"t{end}")
    back = read_table(tmp_path / f"t{end}")
    assert [int(back["id"][0]), int(back["id"][2]), int(back["huge"][0])] == [9007199254740993, 3, 2**63 + 5]
    assert pd.isna(back["id"][1]) and pd.isna(back["flag"][1]) and str(back["flag"][0]) == "True"
    assert back["text"].tolist() == table["text"].tolist()
    assert back["5"].tolist() == table[5].tolist() and back["@name"].tolist() == table["@name"].tolist()
    assert pd.Timestamp(back["local"][0]) == pd.Timestamp("2026-01-01T08:00:00")
    assert pd.Timestamp(back["zoned"][0]) == pd.Timestamp("2026-01-01T08:00:00+08:00")
    assert back["raw"][0] in ("01ff", b"\x01\xff")


RISKY = st.text(st.sampled_from("=+-@\t\r\n'＝＋－＠1a .,\"&;|"), min_size=1, max_size=6)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(RISKY, min_size=1, max_size=6), RISKY)
def test_no_cell_of_a_csv_is_a_formula_and_all_come_back(tmp_path, texts, name):
    table = pd.DataFrame({f"{name}x": texts, "z": "1"})
    path = write_table(table, tmp_path / "t.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    for cell in cells:
        assert cell[:1] not in tuple("=+-@\t\r\n＝＋－＠") or cell == "" or is_plain_number(cell)
    back = read_table(path)
    assert back.columns[0] == f"{name}x"
    assert back.iloc[:, 0].tolist() == texts
    for row in path.read_text(encoding="utf-8-sig").splitlines():  # cells as a semicolon parts them, quotes or none
        for cell in row.split(";")[1:]:
            assert not re.match(r" *[=@＝＠]", cell)


@pytest.mark.parametrize(
    "text",
    ["  =1+1", "\u00a0=1", "\ufeff=1", "\u3000@A(1)", "﹦1+1", "x;=1+1", "x\n=1", "x\t+cmd|' /C calc'!A0", "x; -a;'=1"],
)
def test_a_formula_behind_blanks_or_a_separator_is_none_and_comes_back(tmp_path, text):
    path = write_table(pd.DataFrame({"v": [text, "b"]}), tmp_path / "t.csv")
    content = path.read_text(encoding="utf-8-sig")
    assert all("'" in line for line in content.split("\n") if re.search(r"[=@﹦+]", line))
    assert read_table(path)["v"].tolist() == [text, "b"]


@pytest.mark.parametrize("text", ["a; -3", "a;b", "x\n-5", "see 1; 2", "-3.5"])
def test_numbers_and_plain_texts_get_no_apostrophe(tmp_path, text):
    path = write_table(pd.DataFrame({"v": [text]}), tmp_path / "t.csv")
    assert "'" not in path.read_text(encoding="utf-8-sig")


def test_what_a_workbook_would_cut_off_is_refused(tmp_path):
    write_table(pd.DataFrame({"v": ["x" * 32_767]}), tmp_path / "t.xlsx")
    with pytest.raises(GridError, match=r"u\.xlsx: v holds texts of more than 32,767 characters"):
        write_table(pd.DataFrame({"v": ["x" * 32_768]}), tmp_path / "u.xlsx")
    assert not (tmp_path / "u.xlsx").exists()


def test_whole_numbers_beyond_64_bits_are_text_in_parquet(tmp_path):
    table = pd.DataFrame({"v": pd.Series([10**30, 1, None], dtype=object)})
    with pytest.warns(GridWarning, match="beyond 64 bits with a sign are written as text in v"):
        path = write_table(table, tmp_path / "t.parquet")
    assert read_table(path)["v"].tolist()[:2] == [str(10**30), "1"]


def is_plain_number(cell):
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", cell) is not None


def test_columns_of_one_name_are_refused_in_every_format(tmp_path):
    table = pd.concat([strange(), strange()[["text"]]], axis=1)
    for end in FORMATS:
        with pytest.raises(GridError, match=r"expected each column once; more than once: text"):
            write_table(gpd.GeoDataFrame(table, geometry="geometry", crs=4547), tmp_path / f"t{end}")
    case = pd.DataFrame({"count_noise": [1], "count_Noise": [2]})
    assert read_table(write_table(case, tmp_path / "t.csv")).columns.tolist() == ["count_noise", "count_Noise"]
    with pytest.raises(GridError, match=r"more than once \(upper or lower case\): count_noise"):
        write_table(case, tmp_path / "t.gpkg")
