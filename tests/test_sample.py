"""Made-up towns keep what they promise; the bundled one is there."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely import ops

import gridgis as gg
from gridgis.sample import (
    APART_M,
    MADE_UP_STREET,
    RIVER_M,
    STREET_M,
    Town,
    edit_town,
    generate_district,
    generate_street,
    generate_town,
    small_example,
    town_files,
)

TOWNS = {
    "houses": {"buildings": 300, "parents": 3, "seed": 0},
    "towers": {"buildings": 200, "parents": 2, "seed": 4, "towers": True},
    "least": {"buildings": 10, "parents": 1, "seed": 2},
    "many parents": {"buildings": 150, "parents": 7, "seed": 3},
    "slabs": {"buildings": 200, "parents": 2, "seed": 6, "kind": "slabs"},
    "mixed": {"buildings": 600, "parents": 2, "seed": 5, "kind": "mixed"},
    "least mixed": {"buildings": 10, "parents": 1, "seed": 5, "kind": "mixed"},
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
    elif asked.get("kind") == "slabs":
        assert set(loads) <= {0, *range(2, 13), *range(24, 73)}
        assert 0.5 < (loads >= 24).mean() < 0.7
        assert 0.03 < (loads == 0).mean() < 0.2
    elif asked.get("kind") == "mixed":
        assert loads.max() <= 72
        assert (loads >= 24).mean() < 0.1
        assert (loads.between(1, 6)).mean() > 0.8
        assert len(loads) < 100 or (loads >= 24).mean() > 0.02
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


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"parents": 1000, "buildings": 20_000}, "1 to 999 parents"),
        ({"kind": "castles"}, "one of houses, mixed, slabs, towers, got 'castles'"),
        ({"kind": "slabs", "towers": True}, "leave one out"),
        ({"households": 0}, "households: expected a whole number of 1 or more, got 0"),
        ({"households": 99.5}, "households: expected a whole number of 1 or more, got 99.5"),
    ],
)
def test_what_cannot_be_meant_is_refused(asked, told):
    with pytest.raises(gg.GridError, match=told):
        generate_town(**asked)


def same(one, other):
    for first, second in zip(one, other, strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(first.to_wkb()), pd.DataFrame(second.to_wkb()))


def test_a_kind_and_its_short_name_are_one():
    same(generate_town(60, parents=1, towers=True), generate_town(60, parents=1, kind="towers"))
    same(generate_town(60, parents=1), generate_town(60, parents=1, kind="houses"))


RIVERS = [
    {"seed": 0},
    {"seed": 1, "parents": 1},
    {"seed": 2, "kind": "towers"},
    {"seed": 3, "kind": "mixed", "parents": 9},
]


@pytest.mark.parametrize("asked", RIVERS, ids=str)
def test_a_river_winds_through_the_whole_town(asked):
    dry, town = generate_town(500, **asked), generate_town(500, river=True, **asked)
    last = town.barriers.iloc[-1]
    assert (last["kind"], last["barrier"], last.geometry.geom_type) == ("river", "hard", "LineString")
    river, whole = last.geometry, shapely.box(*town.areas.total_bounds)
    banks = shapely.get_parts(ops.split(whole, river))
    assert len(banks) == 2
    assert min(bank.area for bank in banks) > 0.25 * whole.area
    bed = shapely.intersection(river, whole)
    west, _, east, _ = whole.bounds
    assert river.is_simple
    assert bed.length > 1.03 * (east - west)
    crossed = shapely.length(shapely.intersection(town.areas.geometry.to_numpy(), river)) > 50
    assert crossed.sum() >= min(2, len(crossed))
    streets = shapely.union_all(town.barriers.geometry.to_numpy()[:-1])
    assert shapely.intersection(river, shapely.buffer(streets, STREET_M / 2)).length < 0.4 * bed.length
    near = shapely.dwithin(dry.buildings.geometry.to_numpy(), river, RIVER_M)
    assert 0 < near.sum() < 0.15 * len(near)
    same(
        (dry.areas, dry.buildings[~near].reset_index(drop=True), dry.barriers),
        (town.areas, town.buildings, town.barriers.iloc[:-1]),
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_least_town_can_have_a_river(seed):
    town = generate_town(10, parents=1, seed=seed, river=True, persons=True, households=30)
    assert town.buildings["households"].sum() == 30
    assert shapely.distance(town.buildings.geometry.to_numpy(), town.barriers.geometry.iloc[-1]).min() > RIVER_M


@pytest.mark.parametrize("total", [1, 50, 700, 1234, 100_000])
def test_households_are_scaled_to_the_very_sum(total):
    plain, town = generate_town(200, parents=1), generate_town(200, parents=1, households=total)
    old, new = plain.buildings["households"], town.buildings["households"]
    assert new.sum() == total
    assert (new == new.round()).all()
    assert (new - old * total / old.sum()).abs().max() < 1
    assert (new[old == 0] == 0).all()


def test_persons_are_counted_when_asked_for():
    plain, town = generate_town(500, parents=1), generate_town(500, parents=1, persons=True)
    assert "persons" not in plain.buildings
    table = town.buildings
    assert table["persons"].dtype == float
    assert table["persons"].between(table["households"], 5 * table["households"]).all()
    assert table["persons"].sum() / table["households"].sum() == pytest.approx(2.6, abs=0.1)
    same(plain, (town.areas, table.drop(columns="persons"), town.barriers))


def wanted_cells(town):
    areas, shapes = (table.geometry.to_numpy() for table in town[:2])
    building, area = shapely.STRtree(areas).query(shapes, predicate="within")
    assert building.tolist() == list(range(len(shapes)))
    loads = np.bincount(area, town.buildings["households"], len(areas))
    return np.round(loads / 125).astype(int)


def test_the_street_has_its_size():
    town = generate_street()
    assert len(town.areas) == 7
    assert abs(len(town.buildings) - 2100) < 20
    loads = town.buildings["households"]
    assert loads.sum() == 12_250
    assert 72 < loads.max() < 100
    assert wanted_cells(town).sum() == 98


@pytest.mark.slow
def test_the_district_has_its_size():
    town = generate_district()
    assert len(town.areas) == 343
    assert town.areas["code"].tolist() == [f"{MADE_UP_STREET}{number:03d}" for number in range(1, 344)]
    assert abs(len(town.buildings) - 62_000) < 100
    loads = town.buildings["households"]
    assert loads.sum() == 316_500
    assert loads.max() < 100
    cells = wanted_cells(town)
    assert cells.min() >= 3
    assert cells.sum() == 2532


EDITS = {
    "a little": ({"buildings": 400, "parents": 2, "seed": 1}, {"share": 0.03}),
    "a river": ({"buildings": 400, "parents": 2, "river": True, "persons": True}, {"share": 0.2, "seed": 3}),
    "slabs": ({"buildings": 200, "parents": 3, "kind": "slabs"}, {"share": 0.5}),
    "one": ({"buildings": 20, "parents": 1}, {"share": 0.001}),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_changes_so_many_and_nothing_else(name):
    town, (_, asked) = generate_town(**EDITS[name][0]), EDITS[name]
    untouched = generate_town(**EDITS[name][0])
    edited = edit_town(town, **asked)
    same(town, untouched)
    same((town.areas, town.barriers), (edited.areas, edited.barriers))
    old, new = (table.set_index("building_id") for table in (town.buildings, edited.buildings))
    assert new.index.is_unique
    assert new.columns.equals(old.columns)
    assert new.dtypes.equals(old.dtypes)
    assert new.crs == old.crs
    changed = max(1, round(asked["share"] * len(old)))
    kept, added = new[new.index.isin(old.index)], new[~new.index.isin(old.index)]
    assert new.index.tolist() == [*kept.index, *added.index]
    assert kept.index.tolist() == old.index[old.index.isin(kept.index)].tolist()
    before = old.loc[kept.index]
    assert (kept.geometry.to_wkb() == before.geometry.to_wkb()).all()
    other = kept["households"] != before["households"]
    assert (len(old) - len(kept), other.sum(), len(added)) == ((changed + 2) // 3, (changed + 1) // 3, changed // 3)
    assert (kept["households"] <= 2 * before["households"]).all()
    assert (new["households"] == new["households"].round()).all()
    assert new["households"].min() >= 0
    assert (added["households"] >= 1).all()
    if "persons" in new:
        assert (kept["persons"][~other] == before["persons"][~other]).all()
        assert new["persons"].between(new["households"], 5 * new["households"]).all()


@pytest.mark.parametrize("name", EDITS)
def test_new_buildings_stand_on_free_ground(name):
    asked, edit = EDITS[name]
    town = generate_town(**asked)
    edited = edit_town(town, **edit)
    isnew = ~edited.buildings["building_id"].isin(town.buildings["building_id"])
    shapes = edited.buildings.geometry.to_numpy()[isnew]
    assert (name == "one") == (len(shapes) == 0)
    assert shapely.is_valid(shapes).all()
    assert (shapely.area(shapes) >= 20).all()
    areas = town.areas.geometry.to_numpy()
    assert sorted(shapely.STRtree(areas).query(shapes, predicate="within")[0]) == list(range(len(shapes)))
    others = [town.buildings.geometry.to_numpy(), shapely.boundary(areas), town.barriers.geometry.to_numpy()]
    assert shapely.STRtree(np.concatenate(others)).query(shapes, predicate="dwithin", distance=APART_M).size == 0
    first, second = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=APART_M * 0.999)
    assert (first == second).all()
    hard = town.barriers.geometry.to_numpy()[town.barriers["barrier"] == "hard"]
    for line, least in [*((river, RIVER_M) for river in hard), (town.barriers.union_all(), STREET_M / 2)]:
        assert all(shapely.distance(shapes, line) > 0.98 * least)


def test_one_seed_one_edit():
    town = generate_town(400, parents=2, seed=1)
    same(edit_town(town, share=0.1, seed=2), edit_town(town, share=0.1, seed=2))
    assert (
        not edit_town(town, share=0.1, seed=3)
        .buildings["building_id"]
        .equals(edit_town(town, share=0.1, seed=2).buildings["building_id"])
    )


def test_an_edit_of_an_edited_town_has_new_ids():
    once = edit_town(generate_town(400, parents=2, seed=1), share=0.1)
    twice = edit_town(once, share=0.1)
    assert len(twice.buildings) == 398
    assert twice.buildings["building_id"].is_unique


def test_no_share_no_change():
    town = generate_town(100, parents=1)
    same(town, edit_town(town, share=0))


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_from_0_to_1(share):
    with pytest.raises(gg.GridError, match="share: expected a number from 0 to 1"):
        edit_town(generate_town(10, parents=1), share=share)


def test_an_edit_that_finds_no_households_or_no_ground_is_refused():
    areas, buildings, barriers = generate_town(100, parents=1)
    empty = buildings.assign(households=0.0)
    with pytest.raises(gg.GridError, match="expected 10 buildings with households, found 0"):
        edit_town(Town(areas, empty, barriers), share=0.3)
    walls = barriers.assign(geometry=shapely.buffer(barriers.geometry.to_numpy(), 500))
    with pytest.raises(gg.GridError, match="free ground for 0 of 10 new buildings; ask for a smaller share"):
        edit_town(Town(areas, buildings, walls), share=0.3)


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
