"""Made-up towns keep what they promise; the bundled one is there."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import gridgis as gg
from gridgis.sample import MADE_UP_STREET, generate_town, small_example, town_files

TOWNS = {
    "houses": {"buildings": 300, "parents": 3, "seed": 0},
    "towers": {"buildings": 200, "parents": 2, "seed": 4, "towers": True},
    "least": {"buildings": 10, "parents": 1, "seed": 2},
    "many parents": {"buildings": 150, "parents": 7, "seed": 3},
}


@pytest.fixture(scope="module", params=TOWNS)
def asked(request):
    return TOWNS[request.param]


@pytest.fixture(scope="module")
def town(asked):
    return generate_town(**asked)


def test_parents_cover_without_overlap(town, asked):
    shapes = town.areas.geometry.to_numpy()
    assert len(shapes) == asked["parents"]
    assert shapely.is_valid(shapes).all()
    whole = shapely.union_all(shapes)
    assert whole.area == pytest.approx(shapely.area(shapes).sum(), rel=1e-9)
    assert shapely.convex_hull(whole).area == pytest.approx(whole.area, rel=1e-9)  # no gap
    assert town.areas["code"].is_unique
    assert town.areas["code"].str.fullmatch(MADE_UP_STREET + r"\d{3}").all()


def test_about_as_many_buildings_as_asked_for(town, asked):
    assert abs(len(town.buildings) - asked["buildings"]) <= 0.1 * asked["buildings"]


def test_buildings_are_valid_apart_and_inside(town):
    shapes = town.buildings.geometry.to_numpy()
    assert shapely.is_valid(shapes).all()
    assert set(shapely.get_type_id(shapes)) == {3}
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    assert (first == second).all()
    areas = town.areas.geometry.to_numpy()
    building, _ = shapely.STRtree(areas).query(shapes, predicate="within")
    assert sorted(building) == list(range(len(shapes)))
    assert town.buildings["building_id"].is_unique


def test_loads_are_those_described(town, asked):
    loads = town.buildings["households"]
    assert (loads == loads.round()).all()
    assert loads.min() >= 0
    if asked.get("towers"):
        assert loads.max() <= 208
        assert loads.max() >= 64
        assert 0.1 < loads.between(24, 72).mean() < 0.45
    else:
        assert loads.max() <= 6


def test_streets_of_three_classes(town):
    assert set(town.barriers["barrier"]) <= {"major", "middle", "minor"}
    assert set(town.barriers.geom_type) <= {"LineString", "MultiLineString"}
    assert not shapely.intersects(
        shapely.union_all(town.barriers.geometry.to_numpy()), town.buildings.geometry.to_numpy()
    ).any()


def test_one_seed_one_town(town, asked):
    again = generate_town(**asked)
    for one, other in zip(town, again, strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(one.to_wkb()), pd.DataFrame(other.to_wkb()))
    other = generate_town(**{**asked, "seed": 99})
    assert not np.array_equal(other.areas.total_bounds, town.areas.total_bounds) or not other.buildings.geometry.equals(
        town.buildings.geometry
    )


@pytest.mark.parametrize(("buildings", "parents"), [(9, 1), (30, 4), (100, 0)])
def test_a_town_that_cannot_be_is_refused(buildings, parents):
    with pytest.raises(gg.GridError, match="ten buildings a parent or more"):
        generate_town(buildings, parents=parents)


def test_the_small_example_is_a_grid_that_holds():
    example = small_example()
    band = (20, 30)
    report = gg.check_grid(
        example.grid,
        areas=example.areas,
        buildings=example.buildings,
        scheme=gg.CodeScheme.unit_grid(),
        households=band,
    )
    assert report == []
    assert set(report.skipped) == {"code_reused"}
    assert example.buildings["households"].sum() == example.grid["households"].sum() == 96


def test_the_bundled_town_is_there_and_readable():
    files = town_files()
    assert all(path.is_file() for path in files.values())
    areas = gg.read_areas(files["areas"])
    assert len(areas) == 8
    assert areas["code"].str.startswith("99").all()
    barriers = gg.read_barriers(files["barriers"], crs=areas.crs)
    assert set(barriers["barrier"]) >= {"hard", "major", "middle", "minor"}
    events = gg.read_points(files["events"], x="lon", y="lat", crs=4326)
    assert len(events) == 1600
    assert events.geometry.isna().sum() == 14  # 8 without coordinates, 6 with impossible ones


def test_the_bundled_households_are_modelled_as_described():
    buildings = gpd.read_file(town_files()["buildings"])
    assert len(buildings) == 2215
    assert {"building_id", "building", "households", "persons"} <= set(buildings.columns)
    loads = buildings["households"]
    assert loads.between(0, 72).all()
    assert (buildings["persons"] >= loads).all()
    metres = shapely.area(buildings.geometry.to_crs(buildings.estimate_utm_crs()).to_numpy())
    assert (loads[metres < 59] == 0).all()
    housed = (loads > 0) & (loads < 72)
    assert 25 < (metres[housed] / loads[housed]).median() < 75  # 60 m2 over 0.8 to 1.8, and rounding


def test_the_notice_lies_beside_the_files():
    notice = (town_files()["areas"].parent / "README.md").read_text(encoding="utf-8")
    assert "OpenStreetMap contributors" in notice
    assert "ODbL" in notice
    assert "modelled" in notice


def test_a_lost_file_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("gridgis.sample.files", lambda _: tmp_path)
    with pytest.raises(gg.GridError, match=r"town_events\.csv.* missing; install gridgis again"):
        town_files()
