"""`run`: only what changed is made, nothing is half written, nothing of persons and no path of this machine goes out."""

import base64
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
import zlib
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

import gridgis as gg
from gridgis import record as record_module
from gridgis.pipeline import run
from gridgis.record import RECORD
from gridgis.sample import small_example
from gridgis.settings import load_settings
from gridgis.steps import CheckFailed, Work

OUTPUTS = [
    "gridgis-run.json", "internal/check.json", "internal/events_located.csv", "internal/grid.gpkg", "internal/table.gpkg",
    "public/cells.csv", "public/coverage.html", "public/coverage.png", "public/hotspots.html",
]  # fmt: skip


def go(town, **options):
    return {done.step: done for done in run(load_settings(town / "run.toml"), **options)}


def actions(town, **options):
    return {step: done.action for step, done in go(town, **options).items()}


def made(town, **options):
    return [step for step, action in actions(town, **options).items() if action == "made"]


def content(folder):
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def change(town, old, new):
    file = town / "run.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def section(town, text):
    change(town, "[output]", f"{text}\n[output]")


def wanted_site(town, folder):
    """The folder of the page that the settings ask for."""
    work = Work(load_settings(town / "run.toml"))
    return content(gg.coverage_map(work.published).save_site(folder / "wanted").parent)


# what is due


def test_all_outputs_are_there_and_nothing_else(town):
    assert sorted(content(town / "out")) == OUTPUTS
    assert sorted(file.name for file in (town / "out").iterdir()) == ["gridgis-run.json", "internal", "public"]


def test_nothing_is_due_even_in_another_place(town):
    before = {file.name: file.stat().st_mtime_ns for file in (town / "out").iterdir()}
    done = go(town)
    assert {one.action for one in done.values()} == {"up to date"}
    assert done["maps"].reason == "nothing it depends on has changed"
    assert {file.name: file.stat().st_mtime_ns for file in (town / "out").iterdir()} == before


def test_a_touch_is_no_change(town):
    for name in ("areas.gpkg", "buildings.gpkg", "events.csv", "run.toml"):
        os.utime(town / name)
    assert made(town) == []


def test_another_language_makes_maps_only(town):
    section(town, '[maps]\nlang = "en"')
    assert made(town) == []  # the default, said aloud
    change(town, 'lang = "en"', 'lang = "en"\ncoverage_title = "Cells"')
    done = go(town)
    assert [step for step, one in done.items() if one.action == "made"] == ["maps"]
    assert done["maps"].reason == "changed: maps.coverage_title"


def test_another_limit_makes_the_table_and_the_maps(town):
    section(town, "[publish]\nhide_below = 5")
    done = go(town)
    assert [step for step, one in done.items() if one.action == "made"] == ["publish", "maps"]
    assert done["publish"].reason == "changed: publish.hide_below"


def test_another_secret_makes_the_table_and_the_maps(town):
    (town / "secret").write_bytes(b"sixteen bytes at least")
    section(town, '[publish]\nsecret_file = "secret"')
    assert made(town) == ["publish", "maps"]
    (town / "secret").write_bytes(b"sixteen bytes at least\n")  # the same secret
    assert made(town) == []
    (town / "secret").write_bytes(b"sixteen other bytes at least")
    done = go(town)
    assert [step for step, one in done.items() if one.action == "made"] == ["publish", "maps"]
    assert done["publish"].reason == "changed: secret_file"
    assert all(b"sixteen" not in data for data in content(town / "out").values())
    (town / "secret").unlink()
    with pytest.raises(gg.GridError, match="expected a file with a secret"):
        go(town)


def test_another_band_makes_the_grid_and_what_hangs_on_it(town):
    section(town, "[divide]\nhouseholds = [60, 100]")
    done = go(town)
    assert done["divide"].reason == "changed: divide.households"
    assert done["locate"].reason == "changed: internal/grid.gpkg"
    assert [one.action for one in done.values()] == ["made"] * 4


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('profile = "micro"', "divide.households, divide.profile"),
        ("cells = [2, 4, 8]", "divide.cells, divide.households"),
        ("households = [100, 150]\ncells = 6", "divide.cells"),
        ('empty = "own_cell"', "divide.empty"),
        ("households = [60, 100]\npersons = [0, 300]", "divide.households, divide.persons"),
    ],
)
def test_other_wishes_make_another_grid(town, line, reason):
    buildings = gpd.read_file(town / "buildings.gpkg")
    buildings.assign(persons=2 * buildings["households"]).to_file(town / "buildings.gpkg")
    go(town)
    section(town, f"[divide]\n{line}")
    assert go(town)["divide"].reason == f"changed: {reason}"
    settings = gg.read_provenance(town / "out" / "internal" / "grid.gpkg")["settings"]["divide"]
    assert settings == {"seed": 0, **tomllib.loads(line)} | ({"households": [100, 150]} if "empty" in line else {})
    assert made(town) == []


def test_work_side_by_side_changes_nothing(town):
    before = content(town / "out")
    section(town, "[divide]\njobs = 2")
    assert made(town) == []
    assert made(town, force=True) == ["divide", "locate", "publish", "maps"]
    assert content(town / "out") == before


def test_cells_that_are_given(town):
    areas = gpd.read_file(town / "areas.gpkg")
    spots = areas.geometry.representative_point()
    for name, spot in zip(("campus", "drawn"), spots, strict=True):
        zone = gpd.GeoDataFrame(geometry=[spot.buffer(40, quad_segs=2)], crs=areas.crs)
        zone.to_crs(4326).to_file(town / f"{name}.geojson")
    change(town, 'events = "', 'dedicated = "campus.geojson"\nfixed = "drawn.geojson"\nevents = "')
    done = go(town)
    assert set(done["divide"].reason.removeprefix("changed: ").split(", ")) == {"dedicated", "fixed"}
    assert (
        "; 1 cell with the exception: dedicated cell; 1 cell with the exception: fixed cell; " in done["divide"].detail
    )
    grid = gg.read_grid(town / "out" / "internal" / "grid.gpkg")
    for kind, spot in zip(("dedicated", "fixed"), spots, strict=True):
        assert grid[grid["kind"] == kind].contains(spot).sum() == 1
    assert set(gg.read_provenance(town / "out" / "internal" / "grid.gpkg")["inputs"]) >= {"dedicated", "fixed"}
    assert made(town) == []
    shutil.copy(town / "campus.geojson", town / "drawn.geojson")
    with pytest.raises(gg.GridError, match="overlap; a place has one cell"):
        go(town)


def test_a_grid_in_force_goes_on(town):
    """A year later: the same places, other households; most cells go on, and no retired code comes back."""
    old = gg.read_grid(town / "out" / "internal" / "grid.gpkg")
    shutil.copy(town / "out" / "internal" / "grid.gpkg", town / "last_year.gpkg")
    change(town, 'events = "', 'previous = "last_year.gpkg"\ncrs = "EPSG:4547"\nevents = "')
    done = go(town)
    assert done["divide"].reason.startswith("changed: previous")
    new = gg.read_grid(town / "out" / "internal" / "grid.gpkg")
    assert new["grid_code"].tolist() == new["previous_code"].tolist() == old["grid_code"].tolist()
    note = {"retired": [f"{old['parent_code'][0]}900", 7]}
    gg.write_grid(old, town / "last_year.gpkg", provenance=note)
    section(town, "[divide]\nhouseholds = [30, 50]")
    assert "18 of 18 rules hold" in go(town)["divide"].detail
    new = gg.read_grid(town / "out" / "internal" / "grid.gpkg")
    added = new.loc[(new["previous_code"] == "") & (new["parent_code"] == old["parent_code"][0]), "grid_code"]
    assert len(added) and (added.str[-3:].astype(int) > 900).all()
    assert made(town) == []


def test_a_grid_in_force_in_other_codes(town):
    old = gg.read_grid(town / "out" / "internal" / "grid.gpkg")
    old.assign(grid_code=[f"A{number}" for number in range(len(old))]).to_file(town / "last_year.gpkg")
    change(town, 'events = "', 'previous = "last_year.gpkg"\nevents = "')
    with pytest.raises(gg.GridError, match="previous: 4 codes do not fit the scheme unit grid"):
        go(town)


def test_later_steps_are_made_only_if_bytes_changed(town):
    events = pd.read_csv(town / "events.csv")
    grid = gg.read_grid(town / "out" / "internal" / "grid.gpkg")
    centre = grid.geometry[0].representative_point()
    code = pd.read_csv(town / "out" / "internal" / "events_located.csv", dtype=str)["grid_code"]
    row = code[code == grid["grid_code"][0]].index[0]
    events.loc[row, ["x", "y"]] = centre.x, centre.y
    events.to_csv(town / "events.csv", index=False)
    done = go(town)
    assert done["locate"].reason == "changed: events"
    assert made(town) == []
    assert [step for step, one in done.items() if one.action == "made"] == ["locate"]


def test_near_m_is_noted_only_where_it_is_said(town):
    record = json.loads((town / "out" / "gridgis-run.json").read_text(encoding="utf-8"))
    assert record["locate"]["settings"]["locate"] == {"keep_coordinates": False}
    events = pd.read_csv(town / "events.csv")
    west, south, _, _ = gg.read_grid(town / "out" / "internal" / "grid.gpkg").total_bounds
    events.loc[:1, ["x", "y"]] = [[west - 3.5, south], [west - 30.0, south]]
    events.to_csv(town / "events.csv", index=False)
    assert go(town)["locate"].detail == "120 rows: 118 inside, 2 outside"
    section(town, "[locate]\nnear_m = 5")
    done = go(town)
    assert (done["locate"].reason, done["divide"].action) == ("changed: locate.near_m", "up to date")
    assert done["locate"].detail == "120 rows: 118 inside, 1 near, 1 outside"
    assert pd.read_csv(town / "out" / "internal" / "events_located.csv")[
        "distance_m"
    ].dropna().tolist() == pytest.approx([3.5])
    assert pd.read_csv(town / "out" / "public" / "cells.csv")["count_status"].notna().all()
    assert made(town) == []
    change(town, "near_m = 5", "near_m = 5.0")
    assert made(town) == []


def test_force_makes_all_and_gives_the_same_bytes(town):
    before = content(town / "out")
    assert made(town, force=True) == ["divide", "locate", "publish", "maps"]
    assert content(town / "out") == before


def test_a_deleted_output_is_made_again(town):
    before = content(town / "out")
    (town / "out" / "public" / "cells.csv").unlink()
    done = go(town)
    assert done["publish"].reason == "missing: public/cells.csv"
    assert content(town / "out") == before


def test_a_dry_run_writes_nothing_at_all(town):
    section(town, "[divide]\nhouseholds = [60, 100]")
    change(town, 'folder = "out"', 'folder = "new"')
    assert set(actions(town, dry_run=True).values()) == {"would be made"}
    assert not (town / "new").exists()
    change(town, 'folder = "new"', 'folder = "out"')
    before = {path: path.stat().st_mtime_ns for path in [town, *town.rglob("*")]}
    done = go(town, dry_run=True)
    assert set(one.action for one in done.values()) == {"would be made"}
    assert done["maps"].reason == "an earlier step would be made"
    assert {path: path.stat().st_mtime_ns for path in [town, *town.rglob("*")]} == before


# whose file it is


@pytest.mark.parametrize("name", ["internal/grid.gpkg", "public/cells.csv", "public/coverage.html"])
def test_work_by_hand_is_not_overwritten(town, name):
    with (town / "out" / name).open("ab") as file:
        file.write(b" ")
    before = content(town / "out")
    with pytest.raises(gg.GridError, match=rf"{name}: not as gridgis wrote it.*--force"):
        go(town)
    assert content(town / "out") == before
    go(town, force=True)
    assert not content(town / "out")[name].endswith(b"\n ")
    assert made(town) == []


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"divide": 5, "maps": {"outputs": 3}}', b"\xff\xfe", None])
def test_a_damaged_record_is_made_anew(town, damage):
    before = content(town / "out")
    (town / "out" / RECORD).unlink() if damage is None else (town / "out" / RECORD).write_bytes(damage)
    assert made(town) == ["divide", "locate", "publish", "maps"]
    assert content(town / "out") == before


def test_a_file_that_no_record_knows_is_not_overwritten(town):
    (town / "out" / RECORD).unlink()
    (town / "out" / "internal" / "check.json").write_text("mine", encoding="utf-8")
    with pytest.raises(gg.GridError, match=r"check\.json: not as gridgis wrote it"):
        go(town)
    assert (town / "out" / "internal" / "check.json").read_text(encoding="utf-8") == "mine"
    assert not (town / "out" / ".gridgis-new").exists()


def test_an_input_is_no_output(town):
    shutil.copy(town / "out" / "internal" / "grid.gpkg", town / "kept.gpkg")
    change(town, 'events = "events.csv"', 'grid = "out/internal/grid.gpkg"\nevents = "events.csv"')
    with pytest.raises(gg.GridError, match=r"grid\.gpkg: the input grid would be replaced"):
        go(town)
    assert (town / "out" / "internal" / "grid.gpkg").read_bytes() == (town / "kept.gpkg").read_bytes()


def test_a_folder_in_the_way(town):
    (town / "out" / "public" / "cells.csv").unlink()
    (town / "out" / "public" / "cells.csv").mkdir()
    with pytest.raises(gg.GridError, match=r"cells\.csv: expected a file to write.*folder"):
        go(town)


def test_all_missing_inputs_are_named_before_anything_is_done(town):
    (town / "streets.gpkg").unlink()
    (town / "events.csv").unlink()
    change(town, 'folder = "out"', 'folder = "new"')
    with pytest.raises(gg.GridError, match=r"none for barriers \(streets\.gpkg\), events \(events\.csv\)"):
        go(town)
    assert not (town / "new").exists()


# rules


def test_a_grid_that_breaks_a_rule_replaces_nothing(town):
    before = content(town / "out")
    grid = gpd.read_file(town / "out" / "internal" / "grid.gpkg")
    grid.iloc[1:].to_file(town / "mine.gpkg")
    change(town, 'events = "events.csv"', 'grid = "mine.gpkg"\nevents = "events.csv"')
    with pytest.raises(CheckFailed) as caught:
        go(town)
    assert {finding.rule for finding in caught.value.failed} == {"gap"}
    after = content(town / "out")
    findings = json.loads(after.pop("internal/check_failed.json"))["findings"]
    assert len(findings) == len(caught.value.failed)
    assert after == before
    section(town, '[check]\nallow = ["gap"]')
    done = go(town)
    assert "allowed: gap (1 finding)" in done["divide"].detail
    assert not (town / "out" / "internal" / "check_failed.json").exists()
    assert json.loads((town / "out" / "internal" / "check.json").read_text(encoding="utf-8"))["findings"] == findings


def test_buildings_across_parents_of_a_grid_that_is_there_are_listed_and_the_run_goes_on(town):
    grid = gpd.read_file(town / "out" / "internal" / "grid.gpkg")
    grid.to_file(town / "mine.gpkg")
    first = grid.geometry[grid["parent_code"] == grid["parent_code"].min()].union_all()
    rest = grid.geometry[grid["parent_code"] != grid["parent_code"].min()].union_all()
    across = shapely.intersection(first, rest).interpolate(0.5, normalized=True).buffer(4, quad_segs=1)
    extra = gpd.GeoDataFrame({"building_id": ["across"], "households": [0]}, geometry=[across], crs=grid.crs)
    extra.to_file(town / "buildings.gpkg")
    change(town, 'events = "events.csv"', 'grid = "mine.gpkg"\nevents = "events.csv"')
    with pytest.warns(gg.GridWarning, match=r"the work goes on, with building_across_parents \[across\]"):
        done = go(town)
    assert "listed: building_across_parents (1 finding)" in done["divide"].detail
    assert not (town / "out" / "internal" / "check_failed.json").exists()


def test_a_grid_that_is_there_is_taken_in_its_own_crs(town):
    grid = gpd.read_file(town / "out" / "internal" / "grid.gpkg").assign(网格员电话="13812345678")
    grid.to_file(town / "mine.gpkg")
    change(
        town, 'buildings = "buildings.gpkg"\nbarriers = "streets.gpkg"\n', 'grid = "mine.gpkg"\ncrs = "EPSG:32649"\n'
    )
    done = go(town)
    assert "columns of persons left out: 网格员电话" in done["divide"].detail
    new = gpd.read_file(town / "out" / "internal" / "grid.gpkg")
    assert new.equals(gpd.read_file(town / "mine.gpkg").drop(columns="网格员电话"))


def test_without_events_there_are_no_hot_spots_and_later_there_are(town):
    before = content(town / "out")
    text = (town / "run.toml").read_text(encoding="utf-8")
    (town / "run.toml").write_text(re.sub(r'(events.*|by) = .*"\n', "", text), encoding="utf-8")
    assert actions(town, dry_run=True)["locate"] == "would be removed"
    assert content(town / "out") == before
    done = go(town)
    assert done["locate"].detail == "internal/events_located.csv"
    assert [one.action for one in done.values()] == ["removed", "up to date", "made", "made"]
    assert sorted(content(town / "out")) == sorted(
        set(OUTPUTS) - {"internal/events_located.csv", "public/hotspots.html"}
    )
    (town / "run.toml").write_text(text, encoding="utf-8")
    assert made(town) == ["locate", "publish", "maps"]
    assert content(town / "out") == before


# the same bytes


def test_an_atlas_and_a_folder_of_the_page_where_they_are_asked_for(town, tmp_path):
    before = content(town / "out")
    section(town, "[maps]\natlas = false\nsite = false")
    assert made(town) == ["maps"]  # said aloud, which is noted, and nothing else is made
    assert {**content(town / "out"), RECORD: b""} == {**before, RECORD: b""}
    change(town, "atlas = false\nsite = false", "atlas = true\nsite = true")
    done = go(town)
    assert [step for step, one in done.items() if one.action == "made"] == ["maps"]
    assert done["maps"].reason == "changed: maps.atlas, maps.site"
    assert done["maps"].detail == ", ".join(
        f"public/{name}" for name in ("atlas.pdf", "coverage.html", "coverage.png", "hotspots.html", "site/index.html")
    )
    files = {name for name in content(town / "out") if not name.startswith("public/site/")}
    assert files == {*OUTPUTS, "public/atlas.pdf", "internal/site.json"}
    work = Work(load_settings(town / "run.toml"))
    assert (town / "out" / "public" / "atlas.pdf").read_bytes() == gg.atlas(
        work.published, tmp_path / "a.pdf"
    ).read_bytes()
    assert content(town / "out" / "public" / "site") == wanted_site(town, tmp_path)
    assert made(town) == []
    section(town, "[publish]\nhide_below = 5")
    assert made(town) == ["publish", "maps"]
    assert content(town / "out" / "public" / "site") == wanted_site(town, tmp_path)
    assert made(town) == []


def test_an_atlas_and_a_folder_that_are_asked_for_no_more_are_removed(town):
    section(town, "[maps]\natlas = true\nsite = true")
    go(town)
    (town / "out" / "public" / "site" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(gg.GridError, match=r"site: the folder holds other files \(mine.txt\)"):
        go(town)
    change(town, "[maps]\natlas = true\nsite = true", "")
    assert made(town) == ["maps"]
    assert sorted(content(town / "out")) == sorted([*OUTPUTS, "public/site/mine.txt"])
    assert sorted(content(town / "out" / "public" / "site")) == ["mine.txt"]  # what is not ours stays
    (town / "out" / "public" / "site" / "mine.txt").unlink()
    section(town, "[maps]\nsite = true")
    go(town)
    change(town, "[maps]\nsite = true", "")
    go(town)
    assert sorted(file.name for file in (town / "out").iterdir()) == ["gridgis-run.json", "internal", "public"]


def test_names_like_addresses_need_a_word(town):
    areas = gpd.read_file(town / "areas.gpkg")
    areas.assign(name="Test Road 12, tel 13912340001").to_file(town / "areas.gpkg")
    change(town, "[summarise]", 'areas_name = "name"\n[summarise]')
    section(town, "[maps]\natlas = true\nsite = true")
    before = content(town / "out")
    with pytest.raises(gg.GridError, match=r"cells\.csv: it must not be shown"):
        go(town)
    assert content(town / "out")["public/coverage.html"] == before["public/coverage.html"]
    assert not (town / "out" / "public" / "site").exists()
    change(town, "site = true", "site = true\nscan = false")
    assert made(town) == ["publish", "maps"]
    assert (town / "out" / "public" / "site" / "index.html").exists()
    assert made(town) == []


def test_a_folder_that_somebody_else_made_is_left_alone(town):
    (town / "out" / "public" / "site").mkdir()
    section(town, '[maps]\ncoverage_title = "Cells"')
    assert made(town) == ["maps"]
    assert (town / "out" / "public" / "site").is_dir()


@pytest.mark.parametrize("spoil", ["folder", "file", "note", "change"])
def test_a_spoiled_folder_of_the_page_is_made_again_once_each_time(town, spoil):
    section(town, "[maps]\nsite = true")
    go(town)
    site = town / "out" / "public" / "site"
    before = content(site)
    for _ in range(2):
        if spoil == "folder":
            shutil.rmtree(site)
        elif spoil == "change":
            (site / "map.css").write_text("* {}", encoding="utf-8")
        else:
            (site / "map.css" if spoil == "file" else town / "out" / "internal" / "site.json").unlink()
        assert go(town, dry_run=True)["maps"].reason == (
            "missing: internal/site.json" if spoil == "note" else "changed: site"
        )
        assert made(town) == ["maps"]
        assert content(site) == before
        assert made(town) == []


def test_killed_before_the_folder_of_the_page_is_noted(town, monkeypatch):
    section(town, "[maps]\nsite = true")

    def broken(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("gridgis.steps.write_json", broken)
        with pytest.raises(KeyboardInterrupt):
            go(town)
    assert made(town) == ["maps"]
    assert made(town) == []
    assert "internal/site.json" in content(town / "out")


def test_two_folders_give_the_same_bytes(town):
    change(town, 'folder = "out"', 'folder = "elsewhere/again"')
    go(town)
    assert content(town / "elsewhere" / "again") == content(town / "out")


def test_the_order_of_rows_does_not_matter(town):
    for name in ("areas", "buildings", "streets"):
        gpd.read_file(town / f"{name}.gpkg").sample(frac=1, random_state=7).to_file(town / f"{name}.gpkg")
    pd.read_csv(town / "events.csv").sample(frac=1, random_state=7).to_csv(town / "events.csv", index=False)
    before, grid = content(town / "out"), gg.read_grid(town / "out" / "internal" / "grid.gpkg")
    go(town)
    after, again = content(town / "out"), gg.read_grid(town / "out" / "internal" / "grid.gpkg")
    assert shapely.to_wkb(again.geometry.to_numpy()).tolist() == shapely.to_wkb(grid.geometry.to_numpy()).tolist()
    assert again.equals(grid)
    same = {name for name in before if before[name] == after[name]}
    assert same >= set(OUTPUTS) - {"internal/grid.gpkg", "internal/events_located.csv", "internal/table.gpkg", RECORD}
    rows = [sorted(part["internal/events_located.csv"].splitlines()) for part in (before, after)]
    assert rows[0] == rows[1]


# cut short


KILL = """
import os, signal, sys
from gridgis import record
from gridgis.pipeline import run
from gridgis.settings import load_settings

kind, left = sys.argv[1], int(sys.argv[2])
real = getattr(record, kind)

def deadly(*arguments):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return real(*arguments)

setattr(record, kind, deadly)
for done in run(load_settings("run.toml")):
    pass
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize(("kind", "after"), [("write_bytes", 1), ("write_json", 3)])
def test_killed_in_the_middle(town, kind, after):
    """Between two outputs of a step, and before a step is noted as done: files are whole, and the next run mends."""
    shutil.copytree(town, town.with_name("undisturbed"))
    for folder in (town, town.with_name("undisturbed")):
        section(folder, "[divide]\nhouseholds = [60, 100]")
    old = content(town / "out")
    go(town.with_name("undisturbed"))
    new = content(town.with_name("undisturbed") / "out")
    done = subprocess.run([sys.executable, "-c", KILL, kind, str(after)], cwd=town, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    now = content(town / "out")
    assert {name: now[name] in (old[name], new[name]) for name in OUTPUTS if name != RECORD} == dict.fromkeys(
        sorted(set(OUTPUTS) - {RECORD}), True
    )
    go(town)
    assert content(town / "out") == new
    assert sorted(file.name for file in (town / "out").iterdir()) == ["gridgis-run.json", "internal", "public"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_interrupted_while_making(town, monkeypatch, error):
    section(town, "[publish]\nhide_below = 5")
    before = content(town / "out")

    def broken(*_, **__):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("gridgis.steps.coverage_image", broken)
        with pytest.raises((KeyboardInterrupt, OSError)):
            go(town)
    after = content(town / "out")
    assert sorted(file.name for file in (town / "out").iterdir()) == ["gridgis-run.json", "internal", "public"]
    assert {name for name in OUTPUTS if after[name] != before[name]} <= {"public/cells.csv", RECORD}
    assert made(town) == ["maps"]


def test_what_a_kill_leaves_is_tidied_up(town):
    (town / "out" / "internal" / ".grid.0123abcd.tmp.gpkg").write_bytes(b"half")
    (town / "out" / record_module.NEW).mkdir()
    (town / "out" / record_module.NEW / "grid.gpkg").write_bytes(b"half")
    go(town, force=True)
    assert sorted(content(town / "out")) == OUTPUTS
    assert sorted(file.name for file in (town / "out").iterdir()) == ["gridgis-run.json", "internal", "public"]


# fonts


def test_without_a_font_for_chinese_the_picture_is_left_out(town, no_font):
    section(town, '[maps]\nlang = "zh"')
    change(town, 'lang = "zh"', 'lang = "zh"\natlas = true')
    with pytest.warns(gg.GridWarning, match=r"\.(png|pdf) is left out: .*no font") as told:
        done = go(town)
    assert [str(one.message).split()[0] for one in told] == ["coverage.png", "atlas.pdf"]
    assert done["maps"].detail == "public/coverage.html, public/hotspots.html"
    assert not (town / "out" / "public" / "coverage.png").exists()  # the old one, in English, would not fit
    assert "网格" in (town / "out" / "public" / "coverage.html").read_text(encoding="utf-8")
    assert made(town) == []


# people


PEOPLE = {
    "姓名": ["欧阳小测", "司马测试"],
    "phone": ["13912340001", "13912340002"],
    "身份证号": ["110105194912310021", "11010519491231003X"],
    "address": ["测试路一弄九九号", "测试路二弄八八号"],
    "remark": ["请回电 138-1111-2222", "无"],
}


def everything_in(file):
    """The bytes of a file, and what they may hide: packed text, tables of a database, escaped letters."""
    raw = file.read_bytes()
    yield raw
    if file.suffix == ".gpkg":
        with closing(sqlite3.connect(file)) as base:
            yield "\n".join(base.iterdump()).encode("utf-8", "replace")
    if file.suffix in (".html", ".json"):
        yield re.sub(rb"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)).encode("utf-8", "replace"), raw)
        for packed in re.findall(rb"[A-Za-z0-9+/]{40,}={0,2}", raw):
            part = base64.b64decode(packed + b"=" * (-len(packed) % 4))
            yield part
            for window in (15, 31, -15):
                try:
                    yield zlib.decompress(part, window)
                except zlib.error:
                    continue


@pytest.mark.parametrize("keep", [False, True])
def test_nothing_of_persons_and_no_path_goes_out(town, tmp_path, keep):
    events = pd.read_csv(town / "events.csv", dtype=str)
    for name, values in PEOPLE.items():
        events[name] = [values[row % 2] for row in range(len(events))]
    events.loc[5, "x"] = "13912340003"  # numbers that slipped into coordinates
    events.loc[6, "x"] = "tel 13912340004"
    events.to_csv(town / "events.csv", index=False)
    section(town, f"[locate]\nkeep_coordinates = {str(keep).lower()}")
    left_out = ", ".join(
        [*(["x"] if keep else []), *PEOPLE, "coordinate_problem"]
    )  # the last quotes what was no number
    with pytest.warns(gg.GridWarning, match=f"columns of persons are left out: {left_out}"):
        go(town)
    secrets = [value for name in PEOPLE for value in PEOPLE[name] if value != "无"]
    secrets += ["13811112222", "13912340003", "13912340004", str(tmp_path), str(town), town.name, "/tmp/"]
    forms = [secret.encode(form) for secret in secrets for form in ("utf-8", "utf-16-le", "gb18030")]
    for file in filter(Path.is_file, (town / "out").rglob("*")):
        for part in everything_in(file):
            found = [form for form in forms if form in part]
            assert found == [], file.name
    header = (town / "out" / "internal" / "events_located.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    assert ("y" in header.split(",")) is keep


@pytest.mark.filterwarnings("ignore:.*columns of persons are left out:gridgis.GridWarning")
@pytest.mark.parametrize("by", ["phone", "姓名", "remark"])
def test_counting_by_persons_is_refused(town, by):
    events = pd.read_csv(town / "events.csv")
    for name, values in PEOPLE.items():
        events[name] = [values[row % 2] for row in range(len(events))]
    events.to_csv(town / "events.csv", index=False)
    change(town, 'by = "category"', f'by = "{by}"')
    with pytest.raises(gg.GridError, match=rf"by in \[summarise\]: .*{by}.*holds persons"):
        go(town)


def test_the_verbs_refuse_persons_too():
    located = pd.DataFrame({"grid_code": [None], "located_by": ["outside"], "who": ["+86 139 1234 0001"]})
    grid = small_example().grid
    with pytest.raises(gg.GridError, match="who: this column holds persons"):
        gg.summarise(grid, located, by="who")
    many = pd.DataFrame({"grid_code": grid["grid_code"].iloc[0], "located_by": "inside", "who": range(51)})
    with pytest.raises(gg.GridError, match="up to 50 categories, got 51"):
        gg.summarise(grid, many, by="who")
    with pytest.raises(gg.GridError, match="number of a person"):
        gg.publish(grid.assign(count_13912340001=20))


# apart: what may be shown, and what is for use inside


def test_nothing_exact_lies_beside_what_may_be_shown(town):
    from gridgis import cli

    assert cli.main(["leaks", str(town / "out" / "public"), "--published-from", str(town / "out" / "internal" / "table.gpkg"),
                     "--located", str(town / "events.csv")]) == 0  # fmt: skip
    table = gg.read_grid(town / "out" / "internal" / "table.gpkg")
    assert table["count"].sum() == 120
    assert set(gg.read_table(town / "out" / "public" / "cells.csv").columns) >= {"grid_code", "parent_name", "count"}


def test_what_is_not_protected_is_for_use_inside(town):
    section(town, "[publish]\ninternal = true\n[maps]\natlas = true\nsite = true")
    assert made(town) == ["publish", "maps"]
    assert sorted(file.name for file in (town / "out").iterdir()) == ["gridgis-run.json", "internal"]
    assert (town / "out" / "internal" / "site" / "index.html").is_file()
    change(town, "internal = true", "internal = false")
    assert made(town) == ["publish", "maps"]
    inside = {name for name in content(town / "out") if name.startswith("internal/")}
    assert inside == {name for name in OUTPUTS if name.startswith("internal/")} | {"internal/site.json"}
    assert made(town) == []


def test_files_of_an_older_version_move_to_their_places(town):
    before, out = content(town / "out"), town / "out"
    record = json.loads((out / RECORD).read_text(encoding="utf-8"))
    for entry in record.values():
        for name in list(entry["outputs"]):
            (out / name).rename(out / Path(name).name)
            entry["outputs"][Path(name).name] = entry["outputs"].pop(name)
    (out / RECORD).write_text(json.dumps(record), encoding="utf-8")
    done = go(town)
    assert done["divide"].reason == "its files have other places now"
    assert content(out) == before


def test_a_record_leads_nowhere_else(town):
    (town / "mine.txt").write_text("mine", encoding="utf-8")
    sha = hashlib.sha256(b"mine").hexdigest()
    record = {"old": {"outputs": {"../mine.txt": sha, str(town / "mine.txt"): sha}}}
    (town / "out" / RECORD).write_text(json.dumps(record), encoding="utf-8")
    go(town)
    assert (town / "mine.txt").read_text(encoding="utf-8") == "mine"


# releases


def releases(town):
    return json.loads((town / "releases.json").read_text(encoding="utf-8"))["releases"]


def test_a_run_notes_its_release_when_its_files_take_their_places(town):
    section(town, '[publish]\nas_of = "2026-06-30"\nledger = "releases.json"')
    assert made(town, dry_run=True) == []
    assert not (town / "releases.json").exists()
    assert made(town) == ["publish", "maps"]
    assert len(releases(town)) == 1
    assert made(town, force=True) == ["divide", "locate", "publish", "maps"]
    assert len(releases(town)) == 1


def test_what_is_not_put_into_place_is_not_noted(town):
    section(town, '[publish]\nas_of = "2026-06-30"\nledger = "releases.json"')
    (town / "out" / "public" / "cells.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(gg.GridError, match="not as gridgis wrote it"):
        go(town)
    assert not (town / "releases.json").exists()
    change(town, "2026-06-30", "2026-6-30")
    with pytest.raises(gg.GridError, match=r"as_of in \[publish\]: expected a date in the form YYYY-MM-DD"):
        go(town)


# one run at a time


RUN = [sys.executable, "-m", "gridgis", "run", "run.toml"]


def test_two_runs_at_once(town):
    """Both begin; at least one goes through; one that is refused names the other; afterwards everything is right."""
    before = content(town / "out")
    shutil.rmtree(town / "out")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(RUN, cwd=town, **pipes) for _ in range(3)]
    said = [process.communicate() for process in running]
    assert 0 in [process.returncode for process in running]
    for process, (_, err) in zip(running, said, strict=True):
        if process.returncode:
            found = re.search(r"error: out: another run of gridgis \(process (\d+)\) is writing there; try again", err)
            assert int(found[1]) in {other.pid for other in running if other is not process}, err
    assert made(town) == []
    assert content(town / "out") == before
    (town / "out" / "internal" / "grid.gpkg").unlink()
    assert made(town) == ["divide"]
    assert content(town / "out") == before


def test_the_lock_of_a_killed_run_does_not_block(town):
    lock = town / "out" / record_module.LOCK
    lock.write_text("999999999", encoding="ascii")
    assert made(town) == []
    assert not lock.exists()


def test_a_run_at_work_is_named(town):
    steps = run(load_settings(town / "run.toml"), force=True)
    next(steps)
    done = subprocess.run(RUN, cwd=town, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"out: another run of gridgis (process {os.getpid()}) is writing there" in done.stderr
    assert subprocess.run([*RUN, "--dry-run"], cwd=town, capture_output=True).returncode == 0
    assert [one.step for one in steps] == ["locate", "publish", "maps"]
    assert made(town) == []


KILLED = """
import os, random, signal, sys, time, warnings
from gridgis.pipeline import run
from gridgis.settings import load_settings

warnings.simplefilter("ignore")
chance, start = random.Random(int(sys.argv[1])), time.monotonic()
list(run(load_settings("run.toml"), force=True))
once = time.monotonic() - start
for turn in range(12):
    child = os.fork()
    if not child:
        list(run(load_settings("run.toml"), force=True))
        os._exit(0)
    time.sleep(chance.uniform(0, once))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_killed_at_any_moment(town):
    before = content(town / "out")
    done = subprocess.run([sys.executable, "-c", KILLED, "3"], cwd=town, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    go(town, force=True)
    assert content(town / "out") == before
    assert made(town) == []
