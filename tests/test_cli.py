"""The command line as a stranger, a careless analyst and a nightly batch use it."""

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import gridgis as gg
from gridgis import cli
from gridgis.write import file_sha256

PROGRAM = [sys.executable, "-m", "gridgis"]


@pytest.fixture
def gridgis(town, monkeypatch, capsys):
    """Say words on the command line, in the folder of the town; get the exit status and both streams."""
    monkeypatch.chdir(town)

    def call(*words):
        try:
            status = cli.main([str(word) for word in words])
        except SystemExit as end:
            status = end.code
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return call


def refused(answer):
    """The one sentence of an error."""
    status, out, err = answer
    assert status == 2, err
    assert out == ""
    last = err.strip().splitlines()[-1]
    assert last.startswith("gridgis: error: ")
    assert last.endswith((".", "?"))
    return last.removeprefix("gridgis: error: ")


# help


def test_alone_it_says_how_it_is_used(gridgis):
    status, out, err = gridgis()
    assert (status, out) == (2, "")
    assert err.startswith("usage: gridgis")


@pytest.mark.parametrize("command", ["", *cli.COMMANDS])
def test_help_names_every_option_and_the_exit_status(gridgis, command):
    status, out, _ = gridgis(*command.split(), "-h")
    assert status == 0
    assert ("exit status: 0 nothing found; 1 " if command == "leaks" else "exit status: 0 done; 1 a rule failed") in out
    assert "?." not in out
    assert "None" not in out
    assert all(name in out for name in cli.COMMANDS) or command


def test_version(gridgis):
    status, out, err = gridgis("--version")
    first, *rest = out.splitlines()
    assert (status, first, err) == (0, f"gridgis {gg.__version__}", "")
    names = ["core", "python", "GEOS", "PROJ", "GDAL", "numpy", "pandas", "geopandas", "shapely", "pyogrio", "pyproj"]
    assert [line.split()[0] for line in rest] == names
    known = gg.show_versions(as_dict=True)
    assert [line.split(maxsplit=1)[1] for line in rest] == [known[name] for name in names]


# the whole way by hand


def test_step_by_step_gives_what_run_gives(gridgis, town):
    status, out, err = gridgis(
        "divide", "areas.gpkg", "buildings.gpkg", "--barriers", "streets.gpkg", "--out", "新 格.gpkg"
    )
    assert status == 0, err
    assert "of 17 rules hold" in out
    assert out.endswith("Wrote 新 格.gpkg\n")
    assert gg.read_grid(town / "新 格.gpkg").equals(gg.read_grid(town / "out" / "internal" / "grid.gpkg"))
    note = gg.read_provenance(town / "新 格.gpkg")
    assert note["inputs"]["areas"]["file"] == "areas.gpkg"
    assert str(town) not in json.dumps(note)
    band = ("--households", 100, 150)
    status, out, err = gridgis("check", "新 格.gpkg", "--areas", "areas.gpkg", "--buildings", "buildings.gpkg", *band)
    assert (status, err) == (0, "")
    assert out.startswith("17 of 17 rules hold")
    point = ("--x", "x", "--y", "y", "--crs", "EPSG:4547")
    assert gridgis("locate", "events.csv", "新 格.gpkg", *point, "--out", "located.csv")[0] == 0
    assert (town / "located.csv").read_bytes() == (town / "out" / "internal" / "events_located.csv").read_bytes()
    status, out, err = gridgis("summarise", "新 格.gpkg", "located.csv", "--by", "category", "--out", "table.gpkg")
    assert out.startswith("120 of 120 rows counted")
    for kind, page in (("coverage", "m.html"), ("hotspots", "h.html"), ("coverage", "m.png"), ("hotspots", "h.svg")):
        status, out, err = gridgis("map", "table.gpkg", "--kind", kind, "--out", f"maps/{page}")
        assert status == 0, err
        assert out.endswith(f"Wrote maps/{page}\n")
    assert (town / "maps" / "m.html").read_bytes() == (town / "out" / "public" / "coverage.html").read_bytes()


def test_a_grid_in_geojson_goes_the_whole_way(gridgis):
    assert gridgis("divide", "areas.gpkg", "buildings.gpkg", "--out", "grid.geojson")[0] == 0
    assert gridgis("check", "grid.geojson", "--areas", "areas.gpkg", "--buildings", "buildings.gpkg")[0] == 0
    point = ("--x", "x", "--y", "y", "--crs", 4547)
    assert gridgis("locate", "events.csv", "grid.geojson", *point, "--out", "l.xlsx")[0] == 0
    assert gridgis("summarise", "grid.geojson", "l.xlsx", "--out", "t.geojson")[0] == 0
    assert gridgis("map", "t.geojson", "--out", "t.html")[0] == 0


# what can be asked of locating


def test_an_event_beside_the_grid_goes_to_the_nearest_cell(gridgis, town):
    events = pd.read_csv(town / "events.csv", dtype=str)
    grid = gg.read_grid(town / "out" / "internal" / "grid.gpkg")
    west, south, _, _ = grid.total_bounds
    events.loc[:1, ["x", "y"]] = [[str(west - 3), str(south)], [str(west - 30), str(south)]]
    events.to_csv(town / "moved.csv", index=False)
    words = ("locate", "moved.csv", "out/internal/grid.gpkg", "--x", "x", "--y", "y", "--crs", 4547, "--out", "l.csv")
    assert gridgis(*words)[1].startswith("120 rows: 118 inside, 2 outside")
    assert "distance_m" not in gg.read_table(town / "l.csv").columns
    assert gridgis(*words, "--near-m", 5)[1].startswith("120 rows: 118 inside, 1 near, 1 outside")
    located = gg.read_table(town / "l.csv")
    assert float(located["distance_m"][0]) == pytest.approx(3)
    assert located["distance_m"][1:].isna().all()
    assert gridgis("summarise", "out/internal/grid.gpkg", "l.csv", "--out", "t.gpkg")[1].startswith(
        "119 of 120 rows counted"
    )


@pytest.mark.filterwarnings("ignore:.crs. was not provided:UserWarning")
@pytest.mark.parametrize("crs", [4547, None])
def test_lines_and_polygons_get_their_cell(gridgis, town, crs):
    gg.read_table(town / "streets.gpkg").set_crs(crs, allow_override=True).to_file(town / "s.gpkg")
    words = ("--crs", "EPSG:4547") if crs is None else ()
    for by in ("largest_share", "representative_point"):
        status, _, err = gridgis("locate", "s.gpkg", "out/internal/grid.gpkg", *words, "--by", by, "--out", f"{by}.csv")
        assert (status, err) == (0, "")
        wanted = gg.locate(
            gg.read_table(town / "streets.gpkg"), gg.read_grid(town / "out" / "internal" / "grid.gpkg"), by=by
        )
        assert gg.read_table(town / f"{by}.csv")["grid_code"].equals(wanted["grid_code"])
    assert gridgis("locate", "s.gpkg", "out/internal/grid.gpkg", *words, "--by", "split", "--out", "pieces.csv")[
        ::2
    ] == (0, "")
    pieces = gg.read_table(town / "pieces.csv")
    assert pieces["share"].astype(float).sum() == pytest.approx(len(gg.read_table(town / "streets.gpkg")))
    assert "geometry" not in pieces.columns


def test_buildings_of_a_town_that_was_divided_lie_inside(gridgis):
    status, out, _ = gridgis(
        "locate", "buildings.gpkg", "out/internal/grid.gpkg", "--by", "largest_share", "--out", "b.csv"
    )
    assert (status, out) == (0, "160 rows: 160 inside\nWrote b.csv\n")


# what can be asked of a division


@pytest.fixture
def counted(town):
    """The town with persons, too."""
    buildings = gpd.read_file(town / "buildings.gpkg")
    buildings.assign(persons=2.0 * buildings["households"] + 1).to_file(town / "persons.gpkg")
    return town


def noted(file):
    return gg.read_provenance(file)["settings"]


@pytest.mark.parametrize(
    ("words", "loads", "settings", "band"),
    [
        ("", {"households": (100, 150)}, {"households": [100, 150]}, True),
        ("--households 60 100", {"households": (60, 100)}, {"households": [60, 100]}, True),
        ("--persons 200 400", {"persons": (200, 400)}, {"persons": [200, 400]}, False),
        (
            "--households 80 150 --persons 0 400",
            {"households": (80, 150), "persons": (0, 400)},
            {"households": [80, 150], "persons": [0, 400]},
            True,
        ),
        ("--profile micro", {"households": (30, 50)}, {"profile": "micro"}, True),
        ("--profile urban", {"persons": (0, 1000)}, {"profile": "urban"}, False),
        ("--profile output_area", {"households": (40, 250), "persons": (100, 625)}, {"profile": "output_area"}, True),
        ("--cells 6", {}, {"cells": 6}, False),
        ("--cells 6 --households 60 100", {}, {"cells": 6, "households": [60, 100]}, True),
        (
            "--empty own_cell --seed 3",
            {"households": (100, 150)},
            {"households": [100, 150], "empty": "own_cell"},
            True,
        ),
    ],
)
def test_what_a_good_cell_is(gridgis, counted, words, loads, settings, band):
    status, out, err = gridgis("divide", "areas.gpkg", "persons.gpkg", *words.split(), "--out", "new.gpkg")
    assert (status, err) == (0, "")
    grid = gg.read_grid(counted / "new.gpkg")
    for load, (low, high) in loads.items():
        assert (grid[load].between(low, high) | (grid["exception"] != "")).all()
    note = noted(counted / "new.gpkg")
    assert {name: value for name, value in note.items() if name not in ("scheme", "seed")} == settings
    assert note["seed"] == (3 if "--seed" in words else 0)
    assert ("of 17 rules hold" in out) is band
    assert ("load_out_of_band" in out) is not band


def test_nested_levels_side_by_side(gridgis, town):
    words = ("divide", "areas.gpkg", "buildings.gpkg", "--barriers", "streets.gpkg", "--cells", 2, 4, 8, "--out")
    assert gridgis(*words, "one.gpkg")[0] == 0
    assert gridgis(*words, "two.gpkg", "--jobs", 2)[0] == 0
    assert (town / "one.gpkg").read_bytes() == (town / "two.gpkg").read_bytes()
    grid = gg.read_grid(town / "one.gpkg")
    assert len(grid) == 8
    assert noted(town / "one.gpkg")["cells"] == [2, 4, 8]
    assert len(grid.groupby(["parent_code", "level_1", "level_2"])) == 4


def test_persons_alone_need_no_households(gridgis, counted):
    gpd.read_file(counted / "persons.gpkg").drop(columns="households").to_file(counted / "bare.gpkg")
    words = ("--persons", 200, 400, "--out", "new.gpkg")
    status, out, err = gridgis("divide", "areas.gpkg", "bare.gpkg", *words)
    assert (status, err) == (0, "")
    assert " persons each" in out
    assert "no column 'nix' (--households-column)" in refused(
        gridgis("divide", "areas.gpkg", "bare.gpkg", *words, "--households-column", "nix")
    )
    gridgis("divide", "areas.gpkg", "persons.gpkg", *words, "--households-column", "households")
    assert {"households", "persons"} <= set(gg.read_grid(counted / "new.gpkg").columns)


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
@pytest.mark.parametrize("kind", ["dedicated", "fixed"])
def test_cells_that_are_given(gridgis, town, kind, suffix):
    areas = gpd.read_file(town / "areas.gpkg")
    middle = areas.geometry[0].representative_point()
    zone = gpd.GeoDataFrame(geometry=[middle.buffer(40, quad_segs=2)], crs=areas.crs)
    file = f"zone{suffix}"
    (zone.to_crs(4326) if suffix == ".geojson" else zone).to_file(town / file)
    status, out, err = gridgis("divide", "areas.gpkg", "buildings.gpkg", f"--{kind}", file, "--out", "new.gpkg")
    assert (status, err) == (0, "")
    grid = gg.read_grid(town / "new.gpkg")
    given = grid[grid["kind"] == kind]
    assert given.geometry.contains(middle).sum() == 1
    assert out.splitlines()[1:-1] == [f"1 cell with the exception: {kind} cell"]
    note = gg.read_provenance(town / "new.gpkg")
    assert note["inputs"][kind] == {"file": file, "sha256": file_sha256(town / file)}


def test_a_report_beside_the_grid(gridgis, town):
    files = ("divide", "areas.gpkg", "buildings.gpkg", "--barriers", "streets.gpkg", "--out", "new.gpkg")
    status, out, _ = gridgis(*files, "--report", "report.html", "--lang", "zh")
    assert status == 0
    assert out.splitlines()[-1] == "Wrote new.gpkg and report.html"
    assert '<html lang="zh' in (town / "report.html").read_text(encoding="utf-8")
    assert gridgis(*files, "--cells", 5, "--report", "report.json")[0] == 0
    told = json.loads((town / "report.json").read_text(encoding="utf-8"))
    low, high = told["bands"]["households"]
    assert low < gg.read_grid(town / "new.gpkg")["households"].mean() < high
    for wrong, what in (("r.txt", "ending in"), ("no/r.html", "a folder that is there"), ("new.gpkg", "ending in")):
        status, _, error = gridgis(*files, "--report", wrong)
        assert status == 2
        assert what in error


def test_the_lines_after_the_summary(gridgis, town):
    status, out, _ = gridgis(
        *("divide", "areas.gpkg", "buildings.gpkg", "--barriers", "streets.gpkg"),
        *("--households", 500, 600, "--out", "new.gpkg"),
    )
    assert status == 0
    grid = gg.read_grid(town / "new.gpkg")
    counts = grid["exception"].value_counts().to_dict()
    assert counts
    lines = out.splitlines()
    said = [f"{n} cell{'s' if n > 1 else ''} with the exception: {reason}" for reason, n in sorted(counts.items())]
    assert lines[1:-2] == said
    assert re.fullmatch(r"\d+ % of the outlines of cells run along barriers(; .*)?", lines[-2])


# a grid in force


def test_a_grid_goes_on(gridgis, town):
    words = ("divide", "areas.gpkg", "buildings.gpkg", "--barriers", "streets.gpkg")
    status, out, err = gridgis(*words, "--previous", "out/internal/grid.gpkg", "--out", "new.gpkg")
    assert (status, err) == (0, "")
    assert "17 of 17 rules hold" in out  # nothing was retired
    old, new = gg.read_grid(town / "out" / "internal" / "grid.gpkg"), gg.read_grid(town / "new.gpkg")
    assert new["grid_code"].tolist() == new["previous_code"].tolist() == old["grid_code"].tolist()
    note = gg.read_provenance(town / "new.gpkg")
    assert note["inputs"]["previous"]["file"] == "grid.gpkg"
    assert "retired" not in note


def test_a_code_is_never_issued_again(gridgis, town):
    """Cells come and go over four years: no code comes back, not even one that the last grid no longer has."""
    issued, now = set(), set()
    for year, band in enumerate([(30, 50), (100, 160), (30, 50), (20, 30)]):
        words = ["--previous", f"{year - 1}.gpkg"] if year else []
        out = f"{year}.gpkg"
        status, said, err = gridgis(
            "divide", "areas.gpkg", "buildings.gpkg", "--households", *band, *words, "--out", out
        )
        assert status == 0, (said, err)
        grid = gg.read_grid(town / out)
        codes = set(grid["grid_code"])
        assert codes & issued <= now
        if year:
            assert set(grid["previous_code"]) - {""} == codes & issued
        issued, now = issued | codes, codes
        assert set(gg.read_provenance(town / out).get("retired", [])) == issued - now
    assert "18 of 18 rules hold" in said


def test_a_grid_in_degrees_goes_on_and_gives_its_crs(gridgis, town):
    gg.read_grid(town / "out" / "internal" / "grid.gpkg").to_crs(4326).to_file(town / "old.geojson")
    gpd.read_file(town / "areas.gpkg").to_crs(4326).to_file(town / "degrees.gpkg")
    words = ("divide", "degrees.gpkg", "buildings.gpkg", "--previous", "old.geojson", "--out", "new.gpkg")
    status, _, err = gridgis(*words)
    assert status == 0, err
    old, new = gg.read_grid(town / "out" / "internal" / "grid.gpkg"), gg.read_grid(town / "new.gpkg")
    assert new.crs == old.crs
    assert new["grid_code"].tolist() == old["grid_code"].tolist()


# wrong usage


def damaged_zip():
    """An archive in which a member is not what it says."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("name 名.txt", "nothing of persons in it")
    return target.getvalue().replace(b"nothing", b"NOTHING")


@pytest.fixture
def spoiled(town):
    """Files that are no good, each in its way."""
    junk = np.random.default_rng(0).bytes(3000)
    for name in ("junk.gpkg", "junk.csv", "junk.toml", "junk.parquet", "junk.xlsx"):
        (town / name).write_bytes(junk)
    for name in ("empty.gpkg", "empty.csv", "empty.toml"):
        (town / name).write_bytes(b"")
    (town / "folder.gpkg").mkdir()
    (town / "folder.pdf").mkdir()
    (town / "damaged.zip").write_bytes(damaged_zip())
    (town / "headers.csv").write_text("x,y\n", encoding="utf-8")
    (town / "broken.json").write_text('{"name": ', encoding="utf-8")
    (town / "odd.toml").write_text('name = "x"\nfields = 3\n', encoding="utf-8")
    areas, grid = gpd.read_file(town / "areas.gpkg"), gpd.read_file(town / "out" / "internal" / "grid.gpkg")
    gpd.GeoDataFrame(geometry=[shapely.MultiPoint([(420000, 4007000)])], crs=4547).to_file(town / "dots.gpkg")
    degrees = areas.to_crs(4326)
    swapped = shapely.transform(degrees.geometry.to_numpy(), lambda xy: xy[:, ::-1])
    areas.assign(code=["AB", "CD"]).to_file(town / "fit.gpkg")
    areas.assign(code=areas["code"].astype(float)).to_file(town / "float.gpkg")
    areas.iloc[:0].to_file(town / "none.gpkg")
    degrees.set_geometry(gpd.GeoSeries(swapped, crs=4326)).to_file(town / "swapped.gpkg")
    grid.drop(columns=["households", "buildings", "area_m2"]).to_file(town / "bare.gpkg")
    gpd.GeoDataFrame(geometry=[areas.geometry[0].buffer(-50)], crs=areas.crs).to_file(town / "zone.gpkg")
    grid.iloc[:0].to_file(town / "cellless.gpkg")
    grid.drop(columns="grid_code").to_file(town / "nocode.gpkg")
    grid.assign(grid_code=[f"AB{number:03d}" for number in range(1, 5)]).to_file(town / "beats.gpkg")
    other = {name: "1" + grid[name].str[1:] for name in ("grid_code", "parent_code")}
    grid.assign(**other).to_file(town / "elsewhere.gpkg")
    parents = [code[:-3] for code in grid["grid_code"]]
    grid.assign(parent_code=[parents[0], parents[-1], *parents[2:]]).to_file(town / "moved.gpkg")
    located = pd.read_csv(town / "out" / "internal" / "events_located.csv", dtype=str)
    located.assign(grid_code="1" + located["grid_code"].str[1:]).to_csv(town / "other.csv", index=False)
    located.assign(phone="13812345678").to_csv(town / "phones.csv", index=False)
    return town


DIVIDE = "divide {} buildings.gpkg --out new.gpkg"
AREAS = DIVIDE.format("areas.gpkg") + " "
NEAR = "locate events.csv out/internal/grid.gpkg --x x --y y --crs 4547 --out new.csv --near-m "
WRONG = [
    (DIVIDE.format("nix.gpkg"), r"nix.gpkg: expected a file; there is nothing there"),
    (DIVIDE.format("folder.gpkg"), r"folder.gpkg: expected a file; there is a folder"),
    (DIVIDE.format("junk.gpkg"), r"junk.gpkg: the file cannot be read"),
    (DIVIDE.format("empty.gpkg"), r"empty.gpkg: the file cannot be read"),
    (DIVIDE.format("junk.csv"), r"junk.csv: expected text"),
    (DIVIDE.format("junk.parquet"), r"junk.parquet: the file cannot be read"),
    (DIVIDE.format("junk.xlsx"), r"junk.xlsx: the file cannot be read"),
    (DIVIDE.format("run.toml"), r"run.toml: expected one of the formats .*gpkg"),
    (DIVIDE.format("events.csv"), r"events.csv: expected geometry, got a plain table"),
    (DIVIDE.format("none.gpkg"), r"none.gpkg: expected polygons, got no rows"),
    (DIVIDE.format("streets.gpkg"), r"no column 'code' \(--code\); there are 'kind'"),
    (DIVIDE.format("float.gpkg"), r"float.gpkg: expected text in code, got floating-point .* rows 0, 1"),
    (DIVIDE.format("swapped.gpkg"), r"swapped.gpkg: .*longitude and latitude swapped"),
    (DIVIDE.format("fit.gpkg"), r"2 codes do not fit the scheme unit grid .* AB, CD; .*--scheme"),
    ("divide areas.gpkg streets.gpkg --out new.gpkg", r"no column 'households' \(--households-column\)"),
    ("divide areas.gpkg areas.gpkg --households-column name --out new.gpkg", r"expected name to be numbers"),
    (DIVIDE.format("areas.gpkg") + " --code nix", r"no column 'nix' \(--code\); there are 'code', 'name'"),
    (DIVIDE.format("areas.gpkg") + " --crs abc", r"--crs: expected a CRS such as"),
    (DIVIDE.format("areas.gpkg") + " --crs EPSG:3857", r"--crs: Web Mercator"),
    (DIVIDE.format("areas.gpkg") + " --crs EPSG:4326", r"--crs: expected a projected CRS in metres.*EPSG:4547\.$"),
    (DIVIDE.format("areas.gpkg") + " --crs EPSG:32633", r"far from the area of WGS 84 / UTM zone 33N"),
    (DIVIDE.format("areas.gpkg") + " --source-crs 4326", r"--source-crs says WGS 84 .*the file declares"),
    (DIVIDE.format("areas.gpkg") + " --households 150 100", r"--households: expected two .*, got \[150, 100\]\.$"),
    (DIVIDE.format("areas.gpkg") + " --households 0 0", r"0 < low <= high, got"),
    (DIVIDE.format("areas.gpkg") + " --seed -1", r"--seed: .* 0 or more, got -1"),
    (AREAS + "--persons 400 200", r"--persons: expected two whole numbers, 0 < low <= high, got \[400, 200\]\.$"),
    (AREAS + "--persons 0 200", r"--persons: expected two whole numbers, 0 < low"),
    (AREAS + "--persons 200 400", r"buildings: expected the columns persons; persons missing"),
    (AREAS + "--persons 200 400 --households 9 3 --jobs 0", r"^--households: .* got \[9, 3\]; --jobs: .*1 to 1024, got 0"),
    (AREAS + "--profile urban --households 100 150", r"--profile: it holds the bands already"),
    (AREAS + "--profile urban --persons 200 400", r"--profile: it holds the bands already"),
    (AREAS + "--profile output_area", r"buildings: expected the columns households, persons; persons missing"),
    (AREAS + "--cells 0", r"--cells: expected a whole number of 1 or more, .* got 0"),
    (AREAS + "--cells 5 3", r"--cells: .*each more than the one before, got \[5, 3\]"),
    (AREAS + "--cells 3 3", r"--cells: .*each more than the one before, got \[3, 3\]"),
    (AREAS + "--cells 1", r"1 cells cannot cover 2 areas"),
    (AREAS + "--cells 4 --previous out/internal/grid.gpkg", r"--cells: with a previous grid their number follows from it"),
    (AREAS + "--jobs 0", r"--jobs: expected a whole number, 1 to 1024, got 0"),
    (AREAS + "--jobs 5000", r"--jobs: expected a whole number, 1 to 1024, got 5000"),
    (AREAS + "--dedicated nix.gpkg", r"nix.gpkg: expected a file; there is nothing there"),
    (AREAS + "--dedicated none.gpkg", r"none.gpkg: expected polygons, got no rows"),
    (AREAS + "--dedicated streets.gpkg", r"streets.gpkg: expected Polygon or MultiPolygon, got LineString"),
    (AREAS + "--fixed events.csv", r"events.csv: expected geometry, got a plain table"),
    (AREAS + "--fixed junk.gpkg", r"junk.gpkg: the file cannot be read"),
    (AREAS + "--fixed zone.gpkg --dedicated zone.gpkg", r"dedicated 0 and fixed 0 overlap; a place has one cell"),
    (AREAS + "--previous nix.gpkg", r"nix.gpkg: expected a file; there is nothing there"),
    (AREAS + "--previous zone.gpkg", r"zone.gpkg: expected the columns grid_code, parent_code; .* missing"),
    (AREAS + "--previous nocode.gpkg", r"nocode.gpkg: expected the columns .*; grid_code missing"),
    (AREAS + "--previous out/public/cells.csv", r"cells.csv: expected geometry, got a plain table"),
    (AREAS + "--previous elsewhere.gpkg", r"--previous: expected a grid of these areas.* no cell lies in these areas"),
    (AREAS + "--previous beats.gpkg", r"--previous: 4 codes do not fit the scheme unit grid, .*; a grid goes on in its own"),
    (AREAS + "--previous moved.gpkg", r"--previous: 1 codes do not fit .*its cell is in 990101001002\): 990101001001002"),
    (AREAS + "--previous out/internal/grid.gpkg --crs EPSG:4548", r"areas and previous: expected one CRS.*; name no CRS, then that"),
    ("divide areas.gpkg buildings.gpkg --previous out/internal/grid.gpkg --out out/internal/grid.gpkg", r"this is an input"),
    ("divide areas.gpkg buildings.gpkg --fixed zone.gpkg --out zone.gpkg", r"this is an input"),
    (DIVIDE.format("areas.gpkg") + " --scheme nix.toml", r"nix.toml: .* cannot be read"),
    (DIVIDE.format("areas.gpkg") + " --scheme junk.toml", r"junk.toml: .*UTF-8"),
    (DIVIDE.format("areas.gpkg") + " --scheme empty.toml", r"'fields' does not fit"),
    (DIVIDE.format("areas.gpkg") + " --scheme odd.toml", r"code scheme: expected name, fields"),
    (DIVIDE.format("areas.gpkg") + " --scheme broken.json", r"broken.json: expected a scheme of codes in JSON"),
    (DIVIDE.format("areas.gpkg") + " --barriers nix.gpkg", r"nix.gpkg: expected a file"),
    ("divide areas.gpkg buildings.gpkg --out new.xyz", r"--out new.xyz: expected a file ending in .gpkg.*; got .xyz"),
    ("divide areas.gpkg buildings.gpkg --out new", r"got no ending"),
    ("divide areas.gpkg buildings.gpkg --out folder.gpkg", r"there is a folder of this name"),
    ("divide areas.gpkg buildings.gpkg --out ./buildings.gpkg", r"this is an input"),
    ("divide areas.gpkg buildings.gpkg --out areas.gpkg/new.gpkg", r"areas.gpkg is a file"),
    ("check events.csv", r"expected cells with their polygons, got a table without geometry"),
    ("check junk.gpkg", r"junk.gpkg: the file cannot be read"),
    ("check out/internal/grid.gpkg --households 9 3", r"--households"),
    ("check out/internal/grid.gpkg --areas nix.gpkg", r"nix.gpkg: expected a file"),
    ("locate events.csv out/internal/grid.gpkg --out new.csv", r"a table needs --x and --y, .* event_id, category, x, y"),
    ("locate events.csv out/internal/grid.gpkg --x x --out new.csv", r"expected both --x and --y"),
    ("locate events.csv out/internal/grid.gpkg --x x --y y --out new.csv", r"a table needs --crs"),
    ("locate events.csv out/internal/grid.gpkg --x lon --y y --crs 4547 --out new.csv", r"no column 'lon' \(--x\)"),
    ("locate events.csv out/internal/grid.gpkg --x x --y y --crs abc --out new.csv", r"--crs: expected a CRS"),
    ("locate empty.csv out/internal/grid.gpkg --x x --y y --crs 4547 --out new.csv", r"empty.csv: the file cannot be read"),
    ("locate buildings.gpkg out/internal/grid.gpkg --out new.csv", r"expected Point, got Polygon in 160 rows \(0, 1, 2"),
    ("locate events.csv areas.gpkg --x x --y y --crs 4547 --out new.csv", r"grid_code"),
    ("locate events.csv out/internal/grid.gpkg --x x --y y --crs 4547 --out events.csv", r"this is an input"),
    ("locate out/internal/events_located.csv out/internal/grid.gpkg --x x --y y --crs 4547 --out new.csv", r"no column 'x'"),
    ("locate buildings.gpkg out/internal/grid.gpkg --by split --near-m 5 --out new.csv", r"--near-m: .* with --by split\.$"),
    ("locate events.csv out/internal/grid.gpkg --by split --out new.csv", r"events.csv: expected geometry, got a table; name --x"),
    (NEAR + "0", r"^--near-m: expected a number of metres above 0, .*, got 0.0; leave it out"),
    (NEAR + "nan", r"^--near-m: expected .*, got nan"),
    ("locate dots.gpkg out/internal/grid.gpkg --by largest_share --out new.csv", r"expected points, lines or polygons, got MultiPoint in rows 0\.$"),
    ("summarise out/internal/grid.gpkg events.csv --out new.gpkg", r"expected the columns grid_code, located_by"),
    ("summarise out/internal/grid.gpkg other.csv --out new.gpkg", r"codes are in no cell of this grid .*locate them again"),
    ("summarise out/internal/grid.gpkg out/internal/events_located.csv --by nix --out new.gpkg", r"nix missing"),
    ("summarise out/internal/grid.gpkg phones.csv --by phone --out new.gpkg", r"phone: this column holds persons"),
    ("summarise out/internal/grid.gpkg out/internal/events_located.csv --by event_id --out new.gpkg", r"up to 50 categories, got 120"),
    ("map bare.gpkg --out new.html", r"the table holds none; summarise it first"),
    ("map out/public/cells.csv --out new.html", r"cells.csv: expected geometry, got a plain table"),
    ("map out/internal/grid.gpkg --out new.html --hide-below 0", r"--hide-below: expected a whole number of 2 or more, got 0"),
    ("map out/internal/grid.gpkg --out new.html --kind hotspots --value nonsense", r"expected one of households, got 'nonsense'"),
    ("map out/internal/grid.gpkg --out new.html --value households", r"say --kind hotspots"),
    ("map out/internal/grid.gpkg --out new.docx", r"expected a file ending in .html.*; got .docx"),
    ("map out/internal/grid.gpkg --out out/internal/grid.gpkg", r"expected a file ending in"),
    ("map out/internal/grid.gpkg --out new", r"ending in .html.*, or --site; got no ending"),
    ("map cellless.gpkg --out new.html", r"cellless.gpkg: expected at least one cell, got a table without rows"),
    ("map cellless.gpkg --round-to 5 --out new.html", r"cellless.gpkg: expected at least one cell"),
    ("map out/internal/grid.gpkg --out out --site", r"--out out: the folder holds other files; name a new one"),
    ("map out/internal/grid.gpkg --out new.html --site", r"with --site expected the name of a folder, got a file .html"),
    ("map out/internal/grid.gpkg --out run.toml --site", r"--out run.toml: expected a folder to write; there is a file"),
    ("map out/internal/grid.gpkg --out run.toml/new --site", r"expected a file in a folder; run.toml is a file"),
    ("map out/internal/grid.gpkg --out new.html --ledger l.json", r"^--ledger: a release needs --as-of, the date"),
    ("map out/internal/grid.gpkg --out s --site --ledger s/l.json --as-of 2026-06-30", r"it would lie in the folder of the page"),
    ("map out/internal/grid.gpkg --out new.html --ledger ./new.html --as-of 2026-06-30", r"this is an input"),
    ("map out/internal/grid.gpkg --out new.html --round-to 5 --internal", r"expected one of --round-to,"),
    ("atlas nix.gpkg --out new.pdf", r"nix.gpkg: expected a file; there is nothing there"),
    ("atlas cellless.gpkg --out new.pdf", r"cellless.gpkg: expected at least one cell"),
    ("atlas out/internal/grid.gpkg --out new.html", r"--out new.html: expected a file ending in .pdf; got .html"),
    ("atlas out/internal/grid.gpkg --out folder.pdf", r"there is a folder of this name"),
    ("atlas out/internal/grid.gpkg --out new.pdf --value count", r"^--value: expected one of households, got 'count'"),
    ("atlas out/internal/grid.gpkg --out new.pdf --measure nix", r"^--measure: expected columns of the table, 'nix' is none"),
    ("atlas out/internal/grid.gpkg --out new.pdf --measure kind", r"^--measure: 'kind' counts no things"),
    ("atlas out/internal/grid.gpkg --out new.pdf --round-to 2", r"^--round-to: expected a whole number of 3 or more"),
    ("atlas out/internal/grid.gpkg --out new.pdf --level nix", r"^--level: expected a column with a code"),
    ("costs nix.gpkg", r"nix.gpkg: expected a file; there is nothing there"),
    ("costs empty.gpkg", r"empty.gpkg: the file cannot be read"),
    ("costs cellless.gpkg", r"cellless.gpkg: expected at least one cell"),
    ("costs out/internal/grid.gpkg --hide-below 1", r"^--hide-below: expected a whole number of 2 or more, got 1"),
    ("costs out/internal/grid.gpkg --measure nix", r"^--measure: expected columns of the table, 'nix' is none"),
    ("costs out/internal/grid.gpkg --out new.html", r"--out new.html: expected a file ending in .csv, .xlsx; got .html"),
    ("costs out/internal/grid.gpkg --out folder.gpkg", r"expected a file ending in .csv"),
    ("leaks nix.html", r"nix.html: expected a file; there is nothing there"),
    ("leaks folder.gpkg", r"folder.gpkg: expected files to read; there is none in this folder"),
    ("leaks damaged.zip", r"^damaged.zip: .*nothing can be said of it: an archive is damaged; it cannot be read \(Bad CRC-32"),
    ("leaks run.toml junk.parquet --persons nix.csv", r"nix.csv: expected a file; there is nothing there"),
    ("leaks run.toml --published-from events.csv", r"events.csv: expected geometry, got a plain table"),
    ("leaks run.toml --published-from cellless.gpkg", r"cellless.gpkg: expected at least one cell"),
    ("leaks run.toml --measure count", r"name it with --published-from, too"),
    ("run nix.toml", r"nix.toml: settings cannot be read"),
    ("run out", r"out: settings cannot be read"),
    ("run junk.toml", r"junk.toml: expected settings as text in UTF-8"),
    ("run empty.toml", r"needs areas.*needs buildings"),
    ("run run.toml --new", r"there is such a file already"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[words for words, _ in WRONG])
def test_wrong_usage_gets_one_sentence_and_writes_nothing(gridgis, spoiled, words, said):
    before = {path: path.stat().st_mtime_ns for path in spoiled.rglob("*")}
    sentence = refused(gridgis(*words.split()))
    assert re.search(said, sentence), sentence
    assert not re.search(r"\b(GeoDataFrame|to_crs|read_\w+|write_\w+|layer=|crs=|set_crs)\b", sentence), sentence
    assert {path: path.stat().st_mtime_ns for path in spoiled.rglob("*")} == before


@pytest.mark.parametrize(
    "words",
    [
        "nonsense", "divide", "costs", "leaks", "atlas x.gpkg", "map x.gpkg --no-scan", "costs x.gpkg --round-to 5",
        "map x.gpkg --out y.html --lang fr", "check g --allow nix", "run", AREAS + "--profile nix",
        AREAS + "--cells", AREAS + "--cells 2.5", AREAS + "--empty nix", AREAS + "--persons 9", AREAS + "--jobs many",
    ],
)  # fmt: skip
def test_what_the_parser_refuses(gridgis, words):
    status, out, err = gridgis(*words.split())
    assert (status, out) == (2, "")
    assert "usage: gridgis" in err


def test_coordinates_from_elsewhere_are_told(gridgis, town):
    for words in (("--x", "y", "--y", "x"), ("--x", "x", "--y", "y", "--crs", 4548)):
        status, out, err = gridgis(
            "locate", "events.csv", "out/internal/grid.gpkg", "--crs", 4547, *words, "--out", "l.csv"
        )
        assert status == 0
        assert out.startswith("120 rows: 120 outside")
        assert err.startswith("note: things to locate: 120 of 120 lie outside the grid; are x and y swapped")


def test_a_table_without_rows_is_no_fault(gridgis, spoiled):
    point = ("--x", "x", "--y", "y", "--crs", 4547)
    status, out, _ = gridgis("locate", "headers.csv", "out/internal/grid.gpkg", *point, "--out", "l.csv")
    assert (status, out) == (0, "0 rows\nWrote l.csv\n")
    status, out, err = gridgis("summarise", "out/internal/grid.gpkg", "l.csv", "--out", "t.gpkg")
    assert status == 0, err
    assert out.startswith("0 of 0 rows counted")


def test_a_disk_that_is_full(gridgis, town, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    before = (town / "out" / "internal" / "grid.gpkg").read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        sentence = refused(gridgis("divide", "areas.gpkg", "buildings.gpkg", "--out", "out/internal/grid.gpkg"))
        assert "No space left on device" in sentence
        assert (town / "out" / "internal" / "grid.gpkg").read_bytes() == before
        status, _, err = gridgis("run", "run.toml", "--force")
        assert (status, "No space left" in err) == (2, True)
    assert not [file for file in (town / "out").iterdir() if file.name.startswith(".")]
    assert gridgis("run", "run.toml")[0] == 0


def test_a_folder_that_may_not_be_written(gridgis, town, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "nothing may be written" in refused(gridgis("map", "out/internal/grid.gpkg", "--out", "locked/new.html"))


def test_a_folder_in_which_a_run_may_not_write(gridgis, town, monkeypatch):
    def locked(*_, **__):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.mkdir", locked)
        assert "out: nothing can be written to this folder (Permission denied)" in refused(
            gridgis("run", "run.toml", "--force")
        )


def test_an_interruption_says_so(gridgis, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("gridgis.steps.divide", stop)
    status, out, err = gridgis("divide", "areas.gpkg", "buildings.gpkg", "--out", "new.gpkg")
    assert (status, out) == (130, "")
    assert err.startswith("gridgis: interrupted")
    assert not os.path.exists("new.gpkg")


def test_too_little_memory(gridgis, monkeypatch):
    def small(*_, **__):
        raise MemoryError

    monkeypatch.setattr("gridgis.steps.divide", small)
    assert (
        refused(gridgis("divide", "areas.gpkg", "buildings.gpkg", "--out", "new.gpkg")) == "there is not enough memory."
    )


# rules


@pytest.fixture
def torn(town):
    """A grid with an overlap, and others that are hardly grids."""
    grid = gpd.read_file(town / "out" / "internal" / "grid.gpkg")
    wider = grid.geometry.copy()
    wider[0] = wider[0].buffer(5)
    grid.set_geometry(wider).to_file(town / "overlap.gpkg")
    bow = grid.geometry.copy()
    bow[0] = shapely.Polygon([(420000, 4007000), (420100, 4007100), (420100, 4007000), (420000, 4007100)])
    grid.set_geometry(bow).to_file(town / "bow.gpkg")
    bow[0] = None
    grid.set_geometry(bow).to_file(town / "null.gpkg")
    grid.drop(columns="grid_code").to_file(town / "nocode.gpkg")
    grid.to_crs(4326).to_file(town / "degrees.gpkg")
    grid.set_geometry(grid.translate(50_000)).to_file(town / "elsewhere.gpkg")
    return town


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("overlap", "overlap ["), ("bow", "invalid_geometry ["), ("null", "not_polygon ["), ("nocode", "columns ["),
        ("degrees", "crs ["), ("elsewhere", "outside_parent ["),
    ],
)  # fmt: skip
def test_check_finds_what_is_broken(gridgis, torn, name, rule):
    status, out, err = gridgis("check", f"{name}.gpkg", "--areas", "areas.gpkg", "--buildings", "buildings.gpkg")
    assert (status, err) == (1, "")
    assert out.startswith(rule)
    assert "not run: " in out


def test_check_in_json_is_pure_json(gridgis, torn):
    grid = gpd.read_file(torn / "overlap.gpkg")
    grid.assign(grid_code=" " + grid["grid_code"]).to_file(torn / "noted.gpkg")
    status, out, err = gridgis("check", "noted.gpkg", "--json")
    assert status == 1
    report = json.loads(out)
    assert report["ok"] is False
    assert {finding["rule"] for finding in report["findings"]} >= {"overlap"}
    assert err.startswith("note: noted.gpkg: ")


def test_a_rule_that_is_allowed_is_printed_and_does_not_fail(gridgis, torn):
    words = ("--allow", "overlap", "--allow", "edge_unmatched")
    status, out, _ = gridgis("check", "overlap.gpkg", *words)
    assert status == 0
    assert out.startswith("overlap [")
    assert "allowed: overlap (" in out
    assert gridgis("check", "overlap.gpkg")[0] == 1


def test_divide_prints_findings_and_what_was_allowed(gridgis, town):
    buildings = gpd.read_file(town / "buildings.gpkg")
    areas = gpd.read_file(town / "areas.gpkg")
    border = shapely.intersection(*areas.geometry.to_numpy())
    across = border.interpolate(0.5, normalized=True).buffer(4, quad_segs=1)
    rest = buildings[~buildings.intersects(across)]
    extra = gpd.GeoDataFrame({"building_id": ["across"], "households": [1.0]}, geometry=[across], crs=buildings.crs)
    pd.concat([rest, extra]).to_file(town / "buildings.gpkg")
    words = ("divide", "areas.gpkg", "buildings.gpkg", "--out", "new.gpkg")
    status, out, err = gridgis(*words)
    assert status == 0
    assert out.startswith("building_across_parents [across]")
    assert "listed: building_across_parents (1 finding)" in out
    assert "note: buildings: 1 lie across a border of areas" in err
    assert len(gg.read_grid(town / "new.gpkg"))
    assert gridgis("check", "new.gpkg", "--areas", "areas.gpkg", "--buildings", "buildings.gpkg")[0] == 1
    status, out, _ = gridgis(*words, "--allow", "building_across_parents")
    assert status == 0
    assert "allowed: building_across_parents (1 finding)" in out
    status, out, err = gridgis("run", "run.toml")
    assert status == 0
    assert "listed: building_across_parents (1 finding)" in out
    assert "note: buildings: 1 lie across a border of areas" in err
    report = json.loads((town / "out" / "internal" / "check.json").read_text(encoding="utf-8"))
    assert [(finding["rule"], finding["rows"]) for finding in report["findings"]] == [
        ("building_across_parents", ["across"])
    ]


def test_codes_of_ones_own(gridgis, town):
    areas = gpd.read_file(town / "areas.gpkg")
    areas.assign(code=["AB", "CD"]).to_file(town / "beats.gpkg")
    scheme = '{name = "%s", width = %d, %s}'
    fields = [scheme % ("district", 2, 'charset = "letters"'), scheme % ("serial", 3, "low = 1")]
    (town / "beats.toml").write_text(f'name = "beats"\nfields = [{", ".join(fields)}]\n', encoding="utf-8")
    words = ("--scheme", "beats.toml")
    assert gridgis("divide", "beats.gpkg", "buildings.gpkg", "--out", "b.gpkg", *words)[0] == 0
    assert set(gg.read_grid(town / "b.gpkg")["grid_code"].str[:3]) == {"AB0", "CD0"}
    assert gridgis("check", "b.gpkg", *words)[0] == 0
    status, out, _ = gridgis("check", "b.gpkg")
    assert status == 1
    assert "code_malformed [AB001]" in out


# what may be shown


@pytest.fixture
def counted_table(gridgis, town):
    """What `gridgis summarise` writes, under a name with Chinese letters and a space."""
    words = (
        "summarise",
        "out/internal/grid.gpkg",
        "out/internal/events_located.csv",
        "--by",
        "category",
        "--out",
        "表 一.gpkg",
    )
    assert gridgis(*words)[0] == 0
    return town / "表 一.gpkg"


LIMITS = [(), ("--hide-below", 40), ("--measure", "count", "--measure", "households"), ("--level", 9, "--level", 6)]


@pytest.mark.parametrize("words", LIMITS, ids=str)
def test_costs_say_what_the_library_says(gridgis, counted_table, words):
    status, out, err = gridgis("costs", counted_table.name, *words, "--out", "what it costs.csv")
    assert (status, err) == (0, "")
    *lines, last = out.splitlines()
    assert last == "Wrote what it costs.csv"
    assert len({len(line) for line in lines}) == 1
    named = {
        name: [value for key, value in zip(words[::2], words[1::2], strict=True) if key == name] for name in words[::2]
    }
    options = {"measures": named.get("--measure"), "levels": named.get("--level", ())}
    costs = gg.protection_costs(gg.read_grid(counted_table), hide_below=named.get("--hide-below", [10])[0], **options)
    assert [re.split(r"  +", line)[0] for line in lines[1:]] == costs["way"].tolist()
    said = [
        [float(number.replace(",", "")) for number in re.split(r"  +", line)[1:] if number != "-"] for line in lines[1:]
    ]
    assert said == [row.dropna().tolist() for _, row in costs.drop(columns="way").iterrows()]
    written = pd.read_csv(counted_table.parent / "what it costs.csv")
    pd.testing.assert_frame_equal(written, costs, check_dtype=False)
    assert gridgis("costs", counted_table.name, *words)[1].splitlines() == lines


def test_an_atlas_is_that_of_the_library(gridgis, counted_table, tmp_path):
    for words, options, kind in (((), {}, {}), (("--value", "count"), {"value": "count"}, {"hide_below": 2})):
        hide = ("--hide-below", kind["hide_below"]) if kind else ()
        status, out, err = gridgis("atlas", counted_table.name, *words, *hide, "--title", "Two", "--out", "新 册/a.pdf")
        assert (status, err) == (0, "")
        assert out.endswith("Wrote 新 册/a.pdf\n")
        wanted = gg.atlas(gg.publish(gg.read_grid(counted_table), **kind), tmp_path / "a.pdf", title="Two", **options)
        assert (counted_table.parent / "新 册" / "a.pdf").read_bytes() == wanted.read_bytes()


def test_an_atlas_stands_in_the_ledger(gridgis, counted_table):
    words = ("--measure", "households", "--as-of", "2026-06-30", "--ledger", "l.json", "--note", "A note")
    assert gridgis("atlas", counted_table.name, *words, "--out", "a.pdf")[0] == 0
    (release,) = json.loads(Path("l.json").read_text(encoding="utf-8"))["releases"]
    assert release["as_of"] == "2026-06-30"
    status, out, _ = gridgis("atlas", counted_table.name, "--round-to", 5, "--out", "b.pdf")
    assert (status, "rounded to multiples of 5" in out) == (0, True)
    status, out, _ = gridgis("atlas", counted_table.name, "--internal", "--out", "c.pdf")
    assert (status, "none hidden: internal" in out) == (0, True)


def test_a_map_as_a_folder(gridgis, counted_table, tmp_path):
    words = ("map", counted_table.name, "--site", "--kind", "hotspots", "--value", "count", "--out", "站 点/")
    status, out, err = gridgis(*words)
    assert (status, err) == (0, "")
    assert out.endswith(f"Wrote {Path('站 点') / 'index.html'}\n")
    page = gg.hotspot_map(gg.publish(gg.read_grid(counted_table)), value="count").save_site(tmp_path / "wanted")
    here = {file.name: file.read_bytes() for file in Path("站 点").iterdir()}
    assert here == {file.name: file.read_bytes() for file in page.parent.iterdir()}
    assert gridgis(*words)[0] == 0  # over its own files
    (Path("站 点") / "mine.txt").write_text("mine", encoding="utf-8")
    assert "other files (mine.txt)" in refused(gridgis(*words))


SHOWN = [("map", out) for out in ("new.html", "new.svg", "new.png", "new.pdf", "site")] + [("atlas", "new.pdf")]


@pytest.mark.parametrize(("command", "out"), SHOWN)
def test_what_looks_like_an_address_needs_a_word(gridgis, counted_table, command, out):
    """What is found is refused, unless somebody has looked."""
    gg.write_table(
        gg.read_grid(counted_table).assign(parent_name="Test Road 12, Apt 4, tel 13912340001"), "addresses.gpkg"
    )
    words = (command, "addresses.gpkg", *(("--site",) if out == "site" else ()), "--out", out)
    if out != "new.png":  # letters that are drawn are no text
        sentence = refused(gridgis(*words))
        assert "it must not be shown" in sentence
        assert "scan=" not in sentence and "13912340001" not in sentence
        assert not Path(out).exists()
    assert gridgis(*words, "--no-scan")[0] == 0
    assert Path(out).exists()
    assert gridgis("leaks", out)[0] == (out != "new.png")


@pytest.mark.parametrize("name", ["new.html", "new.pdf", "new.svg", "new.png"])
def test_finished_maps_hold_nothing_and_tables_do(gridgis, counted_table, name):
    assert gridgis("map", counted_table.name, "--out", name)[0] == 0
    words = ("--published-from", counted_table.name, "--located", "events.csv")
    assert gridgis("leaks", name, *words) == (0, "nothing found in 1 file\n", "")
    status, out, err = gridgis("leaks", name, counted_table.name, *words)
    assert (status, err) == (1, "")
    finding, last = out.splitlines()
    assert finding.startswith(f"hidden number in {counted_table.name} > table ")
    assert last == "1 finding in 2 files"


def test_leaks_reads_folders_and_tells_each_file_apart(gridgis, town):
    for folder in ("甲", "乙 b"):
        (town / "shown" / folder).mkdir(parents=True)
        (town / "shown" / folder / "人 员.html").write_text("<p>tel 13812345678, 13912345679</p>", encoding="utf-8")
    (town / "shown" / "nothing.html").write_bytes(b"")
    wanted = [f"phone number in {Path('shown') / folder / '人 员.html'}: 13********* (2)" for folder in ("乙 b", "甲")]
    status, out, err = gridgis("leaks", "shown", "shown/nothing.html")
    assert (status, err) == (1, "")
    assert out.splitlines() == [*wanted, "2 findings in 3 files"]
    assert gridgis("leaks", "shown/nothing.html")[:2] == (0, "nothing found in 1 file\n")


def test_leaks_searches_for_the_values_of_tables(gridgis, town):
    (town / "人员.csv").write_text("姓名,phone\n欧阳小测,13912340001\n", encoding="utf-8")
    (town / "page.html").write_text("<p>see 欧阳小测 at 3912340 0001</p>", encoding="utf-8")
    assert gridgis("leaks", "page.html")[0] == 0
    status, out, _ = gridgis("leaks", "page.html", "--persons", "人员.csv")
    assert status == 1
    assert "欧阳" not in out


def test_a_file_that_cannot_be_read_hides_no_finding(gridgis, spoiled):
    (spoiled / "tel.html").write_text("<p>tel 13812345678</p>", encoding="utf-8")
    status, out, err = gridgis("leaks", "damaged.zip", "tel.html")
    assert status == 2
    assert out.splitlines() == ["phone number in tel.html: 13********* (1)", "1 finding in 1 file"]
    assert err.startswith("gridgis: error: damaged.zip: it was not read to its end")
    assert err.count("\n") == 1


def test_leaks_in_json_is_pure_json(gridgis, spoiled):
    (spoiled / "tel.html").write_text("<p>tel 13812345678</p>", encoding="utf-8")
    status, out, _ = gridgis("leaks", "damaged.zip", "tel.html", "--json")
    said = json.loads(out)
    assert (status, said["ok"], said["files"]) == (2, False, ["damaged.zip", "tel.html"])
    wanted = {"file": "tel.html", "kind": "phone number", "where": "tel.html", "excerpt": "13*********", "count": 1}
    assert said["findings"] == [wanted]
    assert [one["file"] for one in said["unreadable"]] == ["damaged.zip"]
    status, out, err = gridgis("leaks", "run.toml", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == {"ok": True, "files": ["run.toml"], "findings": [], "unreadable": []}


@pytest.mark.parametrize("seed", range(8))
def test_leaks_never_ends_in_a_traceback(gridgis, town, seed):
    """Files cut short and with spoiled bytes are read, or told as unreadable."""
    rng = np.random.default_rng(seed)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "tel 13812345678 " * 40)
    sources = {
        "zip": target.getvalue(),
        **{name: (town / "out" / name).read_bytes() for name in ("public/coverage.png", "internal/grid.gpkg")},
    }
    for name, data in sources.items():
        spoiled = bytearray(data[: rng.integers(1, len(data))])
        for place in rng.integers(0, len(spoiled), 20):
            spoiled[place] = rng.integers(0, 256)
        (town / "spoiled").write_bytes(bytes(spoiled))
        status, out, err = gridgis("leaks", "spoiled")
        assert status in (0, 1, 2), name
        assert (status == 2) == err.startswith("gridgis: error: spoiled: ")
        assert (status == 2) == (out == "")


# run


def test_run_says_what_it_did_and_why(gridgis, town, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # names of files count from the folder of the settings, not from here
    status, out, err = gridgis("run", f"{town.name}/run.toml")
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "divide   up to date (nothing it depends on has changed)"
    (town / "out" / "public" / "cells.csv").unlink()
    out = gridgis("run", town / "run.toml", "--dry-run")[1]
    assert out.splitlines()[2] == "publish  would be made (missing: public/cells.csv)"
    assert not (town / "out" / "public" / "cells.csv").exists()
    assert (
        gridgis("run", town / "run.toml")[1].splitlines()[2].startswith("publish  made (missing: public/cells.csv): ")
    )


def test_run_refuses_work_by_hand_and_force_goes_on(gridgis, town):
    (town / "out" / "public" / "cells.csv").write_text("mine", encoding="utf-8")
    status, _, err = gridgis("run", "run.toml")
    assert status == 2
    assert "cells.csv: not as gridgis wrote it" in err
    assert "--force" in err
    assert (town / "out" / "public" / "cells.csv").read_text(encoding="utf-8") == "mine"
    assert gridgis("run", "run.toml", "--force")[0] == 0


def test_a_settings_file_to_start_from(gridgis, town):
    assert gridgis("run", "new/mine.toml", "--new")[0] == 0
    sentence = refused(gridgis("run", "new/mine.toml"))
    assert "expected files, there are none for areas (communities.gpkg)" in sentence


def test_words_of_the_settings_are_used_in_errors(gridgis, town):
    text = (town / "run.toml").read_text(encoding="utf-8")
    (town / "a.toml").write_text(text.replace('events_x = "x"', 'events_x = "lon"'), encoding="utf-8")
    (town / "b.toml").write_text(text.replace("[summarise]", 'areas_code = "id"\n[summarise]'), encoding="utf-8")
    for name, said in (("a", r"no column 'lon' (events_x)"), ("b", "no column 'id' (areas_code)")):
        status, _, err = gridgis("run", f"{name}.toml")
        assert (status, said in err) == (2, True), err


# the demo, and processes


def test_the_demo_without_a_font_for_chinese(gridgis, no_font):
    status, out, err = gridgis("demo", "--lang", "zh", "--out", "结果 一")
    assert status == 0
    assert "coverage.png is left out" in err
    assert "coverage.png" not in out
    assert sorted(os.listdir("结果 一")) == ["gridgis-run.json", "internal", "public"]
    assert sorted(os.listdir("结果 一/public")) == ["cells.csv", "coverage.html", "hotspots.html"]
    assert sorted(os.listdir("结果 一/internal")) == ["check.json", "events_located.csv", "grid.gpkg", "table.gpkg"]
    status, out, err = gridgis("demo", "--lang", "zh", "--out", "结果 一")
    assert (status, err) == (0, "")
    assert out.count("up to date") == 4
    here = os.getcwd().encode()
    assert not [file.name for file in Path("结果 一").rglob("*") if file.is_file() and here in file.read_bytes()]


def test_a_reader_that_goes_away_stops_nothing(town):
    """`| head -1`: the pipe is closed after the first line, and the run ends well."""
    (town / "out" / "public" / "cells.csv").unlink()
    (town / "out" / "public" / "coverage.html").unlink()
    process = subprocess.Popen([*PROGRAM, "run", "run.toml"], cwd=town, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline().startswith(b"divide   up to date")
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 0
    assert b"Traceback" not in err and b"pipe" not in err.lower()
    assert (town / "out" / "public" / "coverage.html").exists()


def test_a_pipe_gets_no_progress_bar_and_any_encoding_will_do(town):
    """The log of a nightly batch, in a locale of letters without accents."""
    surroundings = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONWARNINGS": "error,ignore::DeprecationWarning"}
    words = ["divide", "areas.gpkg", "buildings.gpkg", "--out", "格.gpkg"]
    done = subprocess.run([*PROGRAM, *words], cwd=town, capture_output=True, env=surroundings)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\r" not in done.stdout.replace(b"\r\n", b"\n")
    assert b"\\u683c.gpkg" in done.stdout


# the numbers as data


DATA = ["n.gpkg", "n.geojson", "n.parquet", "n.csv", "n.xlsx", "n.fgb", "n.pmtiles"]


@pytest.mark.parametrize("name", DATA)
def test_the_safe_numbers_leave_as_data(gridgis, counted_table, tmp_path, name):
    measures = [f"--measure={column}" for column in ("count", "households")]
    words = ("--hide-below", 40, "--level", 9, "--as-of", "2026-06-30", "--ledger", "l.json")
    status, out, err = gridgis("publish", counted_table.name, *measures, *words, "--out", f"数 据/{name}")
    assert (status, err) == (0, "")
    assert out.endswith(f"Wrote 数 据/{name}\n")
    assert "hidden (counts from 1 to 39," in out
    options = {"measures": ["count", "households"], "hide_below": 40, "levels": [9]}
    wanted = gg.write_table(gg.publish(gg.read_grid(counted_table), **options), tmp_path / name, layer="cells")
    assert Path(f"数 据/{name}").read_bytes() == wanted.read_bytes()
    assert len(json.loads(Path("l.json").read_text(encoding="utf-8"))["releases"]) == 1
    assert gridgis("leaks", f"数 据/{name}")[0] == 0
    assert os.listdir("数 据") == [name]


def test_numbers_with_something_of_persons_need_a_word(gridgis, counted_table):
    gg.write_table(gg.read_grid(counted_table).assign(parent_name="tel 13912340001"), "named.gpkg")
    for name in ("n.csv", "n.pmtiles", "n.parquet"):
        words = ("publish", "named.gpkg", "--as-of", "2026-06-30", "--ledger", "l.json", "--out", name)
        assert "it must not be shown" in refused(gridgis(*words))
        assert not Path(name).exists() and not Path("l.json").exists()
    assert gridgis(*words, "--no-scan")[0] == 0


@pytest.mark.parametrize("words", ["map", "atlas", "publish"])
def test_as_of_is_a_date(gridgis, counted_table, words):
    out = {"map": "n.html", "atlas": "n.pdf", "publish": "n.csv"}[words]
    sentence = refused(gridgis(words, counted_table.name, "--out", out, "--as-of", "2026-6-30"))
    assert sentence == "--as-of: expected a date in the form YYYY-MM-DD, such as 2026-06-30, got '2026-6-30'."


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
@pytest.mark.parametrize("kind", ["device", "link", "pipe", "link to a link"])
def test_an_output_is_a_file(gridgis, counted_table, kind):
    commands = {
        "n.csv": "publish {} --out", "n.html": "map {} --out", "n.pdf": "atlas {} --out", "n.xlsx": "costs {} --out",
        "n.gpkg": "divide areas.gpkg buildings.gpkg --out", "m.csv": "locate events.csv out/internal/grid.gpkg --x x --y y --crs 4547 --out",
    }  # fmt: skip
    for name, words in commands.items():
        if kind == "pipe":
            os.mkfifo(name)
        elif kind == "device":
            name = "/dev/null"
        else:
            Path(f"{kind} {name}").symlink_to("/dev/null")
            Path(name).symlink_to(f"{kind} {name}" if kind == "link to a link" else "/dev/null")
        answer = gridgis(*(word.format(counted_table.name) for word in words.split()), name)
        sentence = refused(answer)
        assert sentence.startswith(f"--out {Path(name).name}: expected a file"), sentence
        assert os.path.lexists(name) and not Path(name).is_file()
    assert not os.path.isfile("/dev/null")


# what lies beside


@pytest.fixture
def shown(gridgis, counted_table):
    """A folder with a page and a table of numbers, some hidden."""
    assert gridgis("map", counted_table.name, "--out", "shown/m.html")[0] == 0
    assert gridgis("publish", counted_table.name, "--out", "shown/n.csv")[0] == 0
    assert gridgis("leaks", "shown") == (0, "nothing found in 2 files\n", "")
    return Path("shown")


@pytest.mark.parametrize("public", ["m.html", "n.csv"])
@pytest.mark.parametrize(
    "exact", ["t.gpkg", "t.csv", "t.xlsx", "t.parquet", "t.geojson", "renamed.csv", "rows.csv", "counted.csv"]
)
def test_exact_numbers_and_rows_beside_are_found(gridgis, shown, town, counted_table, public, exact):
    for file in shown.iterdir():
        if file.name != public:
            file.unlink()
    table = gg.read_grid(counted_table)
    located = gg.read_table(town / "out" / "internal" / "events_located.csv")
    if exact == "rows.csv":
        gg.write_table(located, shown / exact)
    elif exact == "counted.csv":
        located[["grid_code", "category"]].to_csv(shown / exact, index=False)
    elif exact == "renamed.csv":
        other = table[["grid_code", "count_noise"]].rename(columns={"grid_code": "格", "count_noise": "噪声"})
        pd.DataFrame(other).to_csv(shown / exact, index=False)
    else:
        gg.write_table(table, shown / exact)
    status, out, err = gridgis("leaks", "shown")
    assert (status, err) == (1, ""), out
    kind = "located row" if exact in ("rows.csv", "counted.csv") else "hidden number"
    assert out.startswith(f"{kind} in {shown / exact} > ")
    assert gridgis("leaks", f"shown/{public}")[0] == 0
    assert gridgis("leaks", f"shown/{exact}")[0] == 0


def test_cells_without_numbers_may_lie_beside(gridgis, shown, counted_table):
    bare = gg.read_grid(counted_table)[["grid_code", "parent_code", "geometry"]]
    gg.write_table(bare.assign(area_m2=bare.area.round(), storeys=2), shown / "cells.gpkg")
    assert gridgis("leaks", "shown")[0] == 0


def test_text_options_and_words_for_them(tmp_path, capsys, monkeypatch):
    """`--encoding` and `--header`; a column named as an option stays a column in an error."""
    monkeypatch.chdir(tmp_path)
    cell = gpd.GeoDataFrame(
        {"grid_code": ["010402001001001"], "parent_code": "010402001001"},
        geometry=[shapely.box(420000, 4007000, 420200, 4007200)],
        crs=4547,
    )
    gg.write_grid(cell, "g.gpkg")
    Path("e.csv").write_bytes("事件\n".encode("gbk") + "id,kind,x,y\n1,Müll,420100,4007100\n".encode("cp1252"))
    words = ["locate", "e.csv", "g.gpkg", "--x", "x", "--y", "y", "--crs", "EPSG:4547", "--out", "o.csv"]
    assert cli.main(words) == 2
    assert "say in which it is with --encoding" in capsys.readouterr().err
    assert cli.main([*words, "--encoding", "cp1252", "--header", "2"]) == 0
    assert "Müll" in Path("o.csv").read_text(encoding="utf-8-sig")
    for kind, said in {
        "per_100_households": "error: kind: the category 'per_100_households' would overwrite",
        "13812345678": "error: kind: this column holds persons",
    }.items():
        Path("l.csv").write_text(f"kind,grid_code,located_by\n{kind},010402001001001,inside\n")
        cell.assign(households=9).pipe(gg.write_grid, "h.gpkg")
        capsys.readouterr()
        assert cli.main(["summarise", "h.gpkg", "l.csv", "--by", "kind", "--out", "s.csv"]) == 2
        assert said in capsys.readouterr().err
