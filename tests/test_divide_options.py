"""What can be asked of `divide` beyond a band of households."""

import warnings
from itertools import product

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridgis.check import check_grid
from gridgis.codes import CodeScheme, assign_codes
from gridgis.contract import GridError, GridWarning
from gridgis.divide import EXCEPTIONS, PROFILES, Profile, divide
from gridgis.sample import CRS, ORIGIN, edit_town, generate_street, generate_town, small_example

EXAMPLE = small_example()
UNIT = CodeScheme.unit_grid()
PARENTS = ["990101001001", "990101001002", "990101001003"]


def frame(shapes, crs=CRS, **columns):
    placed = [shapely.transform(shape, lambda xy: xy + np.array(ORIGIN)) for shape in shapes]
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(placed, crs=crs))


def areas_of(*shapes):
    return frame(shapes, code=PARENTS[: len(shapes)])


def houses_of(shapes, households=3, **more):
    loads = households if isinstance(households, list) else [households] * len(shapes)
    return frame(shapes, households=loads, **more)


def lines_of(*ends, kind="minor"):
    return frame([shapely.LineString(pair) for pair in ends], barrier=[kind] * len(ends))


def lattice(width, height, step=40, size=20):
    return [
        shapely.box(x, y, x + size, y + size)
        for x, y in product(range(10, width - size, step), range(10, height - size, step))
    ]


def proven(cells, areas, buildings, across=False):
    """The promises, asked again from outside."""
    coded = cells.assign(grid_code=[f"c{number}" for number in range(len(cells))])
    rules = {finding.rule for finding in check_grid(coded, areas=areas, buildings=buildings)}
    assert rules <= ({"building_across_parents"} if across else set())
    assert cells["buildings"].sum() <= len(buildings)
    assert set(cells["exception"]) <= {"", *EXCEPTIONS}
    assert set(cells["kind"]) <= {"regular", "dedicated", "fixed", "empty"}
    assert cells["barrier_share"].between(0, 1).all()
    return cells


SQUARE = areas_of(shapely.box(0, 0, 1000, 800))
HOUSES = houses_of(lattice(1000, 800), persons=[8.0] * len(lattice(1000, 800)))
HALVES = lines_of([(-10, 403), (1010, 403)], kind="hard")


# --- hard barriers


def sides_of(cells, buildings, line_y):
    """For each cell: does it hold buildings on both sides of a line?"""
    points = shapely.point_on_surface(buildings.geometry.to_numpy())
    building, cell = shapely.STRtree(cells.geometry.to_numpy()).query(points, predicate="intersects")
    above = shapely.get_y(points) - ORIGIN[1] > line_y
    counts = pd.Series(above[building]).groupby(cell).nunique()
    return counts.reindex(range(len(cells))).to_numpy() > 1


def test_no_cell_lies_on_both_sides_of_a_hard_barrier():
    cells = proven(divide(SQUARE, HOUSES, HALVES), SQUARE, HOUSES)
    assert not sides_of(cells, HOUSES, 403).any()
    assert (cells["crossed_m"] == 0).all()
    assert (cells["exception"] == "").all()


def test_a_soft_barrier_may_be_crossed_where_households_ask_for_it():
    few = HOUSES[shapely.get_y(HOUSES.centroid) - ORIGIN[1] < 440]
    soft = lines_of([(-10, 403), (1010, 403)], kind="minor")
    assert sides_of(divide(SQUARE, few, soft), few, 403).any()


def test_a_hard_barrier_is_crossed_only_where_the_area_cannot_be_divided_otherwise_and_says_so():
    """23 houses of 3 north of the barrier have too few households for a cell."""
    y = shapely.get_y(HOUSES.centroid) - ORIGIN[1]
    few = HOUSES[(y < 403) | (y > 760)]
    cells = proven(divide(SQUARE, few, HALVES), SQUARE, few)
    crossing = sides_of(cells, few, 403)
    assert crossing.sum() == 1
    assert (cells["crossed_m"] > 0).tolist() == crossing.tolist()
    assert (cells["exception"] == "").all()
    assert cells["crossed_m"].sum() <= 100  # of a kilometre: where it is crossed it still pulls


def test_ground_across_a_barrier_that_does_not_help_is_left():
    """10 + 40 houses of 3 make 150 together; 10 and 60 make 210, so the ten are joined; 10 and 41 make 153: no."""
    south = lattice(1000, 400)
    for many, crossed in ((40, True), (60, True), (41, False)):
        houses = houses_of([*south[:many], *(shapely.box(x, 700, x + 20, 720) for x in range(10, 410, 40))])
        cells = proven(divide(SQUARE, houses, HALVES), SQUARE, houses)
        assert (cells["crossed_m"] > 0).any() == crossed
        assert ("cut off by barrier" in set(cells["exception"])) == (not crossed)


def test_a_river_with_banks_joins_one_of_them_and_lets_no_cell_across():
    banks = lines_of([(-10, 390), (1010, 390)], [(-10, 416), (1010, 416)], kind="hard")
    bridge = lines_of([(500, -10), (500, 900)], kind="major")
    dry = HOUSES[
        ~HOUSES.intersects(shapely.transform(shapely.box(0, 389, 1000, 417), lambda xy: xy + np.array(ORIGIN)))
    ]
    cells = proven(divide(SQUARE, dry, pd.concat([banks, bridge], ignore_index=True)), SQUARE, dry)
    assert not sides_of(cells, dry, 403).any()
    assert (cells["buildings"] > 0).all()


@pytest.mark.slow
def test_a_winding_river_through_a_town():
    town = generate_town(2000, river=True, seed=2)
    cells = proven(divide(*town), town.areas, town.buildings)
    assert (cells["crossed_m"] > 0).sum() <= 3


# --- given cells


def test_a_dedicated_cell_is_as_it_was_given():
    campus = frame([shapely.box(405, 205, 645, 405)], name=["campus"])
    cells = proven(divide(SQUARE, HOUSES, dedicated=campus), SQUARE, HOUSES)
    own = cells[cells["kind"] == "dedicated"]
    assert len(own) == 1
    assert own.geometry.iloc[0].equals(campus.geometry.iloc[0])
    assert (cells["exception"][cells["kind"] == "regular"] == "").all()


def test_the_border_of_a_given_cell_goes_round_buildings():
    """x = 420 runs through a row of houses from 410 to 430: their inner points decide."""
    market = frame([shapely.box(423, 205, 645, 405)])
    cells = proven(divide(SQUARE, HOUSES, fixed=market), SQUARE, HOUSES)
    own = cells[cells["kind"] == "fixed"].geometry.iloc[0]
    houses = HOUSES[HOUSES.intersects(own.buffer(-0.01))]
    assert shapely.covers(own.buffer(0.01), houses.geometry.to_numpy()).all()
    assert 0 < own.symmetric_difference(market.geometry.iloc[0]).area < 5 * 20 * 20


def test_a_given_cell_across_areas_makes_one_in_each():
    areas = areas_of(shapely.box(0, 0, 500, 800), shapely.box(500, 0, 1000, 800))
    given_one = frame([shapely.box(405, 205, 645, 405)])
    with pytest.warns(GridWarning, match="20 lie across a border of areas"):
        cells = divide(areas, HOUSES, dedicated=given_one)
    proven(cells, areas, HOUSES, across=True)
    assert cells[cells["kind"] == "dedicated"].groupby("parent_code").size().to_dict() == dict.fromkeys(PARENTS[:2], 1)


def test_ground_cut_off_by_given_cells():
    """A band of campus across the whole area; the small rest north of it has too few households."""
    campus = frame([shapely.box(0, 600, 1000, 725)])
    houses = HOUSES[shapely.get_y(HOUSES.centroid) - ORIGIN[1] < 600]
    extra = houses_of([shapely.box(500, 750, 520, 770)], 5, persons=[1.0])
    buildings = pd.concat([houses, extra], ignore_index=True)
    cells = proven(divide(SQUARE, buildings, dedicated=campus), SQUARE, buildings)
    assert "cut off by barrier" in set(cells["exception"])
    with_gap = frame([shapely.box(0, 600, 1000, 799.5)])
    cells = proven(divide(SQUARE, houses, dedicated=with_gap), SQUARE, houses)
    assert cells[cells["kind"] == "dedicated"].area.iloc[0] == pytest.approx(200 * 1000)


def test_given_cells_that_overlap_or_lie_outside():
    with pytest.raises(GridError, match="dedicated 0 and fixed 0 overlap"):
        divide(
            SQUARE, HOUSES, dedicated=frame([shapely.box(0, 0, 100, 100)]), fixed=frame([shapely.box(50, 50, 200, 200)])
        )
    with pytest.warns(GridWarning, match="fixed 0 lie outside all areas"):
        divide(SQUARE, HOUSES, fixed=frame([shapely.box(2000, 0, 2100, 100)]))
    with pytest.raises(GridError, match="dedicated: expected valid polygons"):
        divide(SQUARE, HOUSES, dedicated=frame([shapely.Point(1, 1)]))
    assert len(divide(SQUARE, HOUSES, dedicated=frame([]))) == len(divide(SQUARE, HOUSES))


# --- empty land


def test_empty_land_joins_a_neighbour_or_is_a_cell_of_its_own():
    lake = shapely.transform(shapely.box(300, 200, 560, 460), lambda xy: xy + np.array(ORIGIN))
    houses = HOUSES[~HOUSES.intersects(lake)]
    shore = gpd.GeoDataFrame({"barrier": ["minor"]}, geometry=[lake.exterior], crs=CRS)
    joined = proven(divide(SQUARE, houses, shore), SQUARE, houses)
    assert set(joined["kind"]) == {"regular"}
    own = proven(divide(SQUARE, houses, shore, empty="own_cell"), SQUARE, houses)
    alone = own[own["kind"] == "empty"]
    assert alone["exception"].tolist() == ["empty land"]
    assert alone.geometry.iloc[0].symmetric_difference(lake).area < 0.01
    assert (own["exception"][own["kind"] == "regular"] == "").all()
    with pytest.raises(GridError, match="empty: expected"):
        divide(SQUARE, houses, empty="drop")


# --- numbers of cells, levels, loads


@pytest.mark.slow
def test_the_wanted_number_of_cells_comes_out():
    town = generate_town(600, parents=3, seed=1)
    for wanted in (3, 10, 16):
        cells = proven(divide(*town, cells=wanted), town.areas, town.buildings)
        assert len(cells) == wanted
    each = dict(zip(town.areas["code"], (2, 7, 4), strict=True))
    assert divide(*town, cells=each).groupby("parent_code").size().to_dict() == each
    mean = town.buildings["households"].sum() / 16
    assert divide(*town, cells=16)["households"].between(0.7 * mean, 1.3 * mean).all()


def test_the_wanted_number_comes_out_beside_a_band():
    street = generate_street()
    assert len(divide(*street, households=(100, 150), cells=98)) == 98


def test_levels_are_nested_and_whole():
    town = generate_town(600, parents=1, seed=1)
    cells = proven(divide(*town, cells=(3, 8, 17)), town.areas, town.buildings)
    assert len(cells) == 17
    assert cells["level_1"].nunique() == 3
    assert cells.groupby("level_2")["level_1"].nunique().eq(1).all()
    assert cells["level_2"].nunique() == 8
    for level in ("level_1", "level_2"):
        for _, part in cells.groupby(level):
            assert shapely.union_all(part.geometry.to_numpy()).geom_type == "Polygon"
    assert sorted(cells["level_1"].unique()) == [1, 2, 3]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (0, "whole numbers of 1 or more"),
        (2.5, "expected a number"),
        ((5, 3), "more parts than the one above"),
        ((3, 3), "more parts than the one above"),
        ("7", "expected a number"),
        ({PARENTS[0]: 3, "x": 2}, "by its code; not so: x"),
        ({}, "by its code"),
        (True, "whole numbers of 1 or more"),
    ],
)
def test_numbers_of_cells_that_are_none(cells, message):
    with pytest.raises(GridError, match=f"cells: .*{message}"):
        divide(SQUARE, HOUSES, cells=cells)


def test_more_areas_or_parts_than_cells():
    areas = areas_of(shapely.box(0, 0, 500, 800), shapely.box(500, 0, 1000, 800))
    with pytest.raises(GridError, match="1 cells cannot cover 2 areas"):
        divide(areas, HOUSES, cells=1)
    with pytest.raises(GridError, match="in 2 parts that do not hang together"):
        divide(SQUARE, HOUSES, HALVES, cells=1)


def test_persons_and_households_are_both_kept():
    buildings = HOUSES.assign(persons=np.resize([1.0, 4.0, 12.0, 15.0], len(HOUSES)))
    cells = proven(divide(SQUARE, buildings, households=(100, 150), persons=(250, 400)), SQUARE, buildings)
    assert cells["households"].between(100, 150).all()
    assert cells["persons"].between(250, 400).all()
    only = divide(SQUARE, buildings, persons=(250, 400))
    assert only["persons"].between(250, 400).all()
    assert only["households"].sum() == buildings["households"].sum()


def test_either_band_is_enough():
    buildings = HOUSES.assign(persons=np.where(shapely.get_x(HOUSES.centroid) - ORIGIN[0] < 500, 30.0, 1.0))
    profile = Profile({"households": (100, 150), "persons": (900, 1000)}, either=True)
    cells = proven(divide(SQUARE, buildings, profile=profile), SQUARE, buildings)
    inside = cells["households"].between(100, 150) | cells["persons"].between(900, 1000)
    assert (inside == (cells["exception"] == "")).all()
    assert inside.all()


def test_a_load_of_their_own():
    buildings = HOUSES.drop(columns=["households", "persons"]).assign(pupils=2)
    cells = proven(divide(SQUARE, buildings, profile=Profile({"pupils": (60, 90)})), SQUARE, buildings)
    assert cells["pupils"].between(60, 90).all()
    assert "households" not in cells.columns


@pytest.mark.slow
def test_profiles_by_name():
    town = generate_town(900, parents=1, seed=1, persons=True)
    for name, profile in PROFILES.items():
        cells = divide(*town, profile=name)
        inside = [cells[load].between(*band) for load, band in profile.bands.items()]
        kept = np.any(inside, axis=0) if profile.either else np.all(inside, axis=0)
        assert kept.all(), name
    with pytest.warns(GridWarning, match="no column persons; cells are made by households alone"):
        divide(town.areas, town.buildings.drop(columns="persons"), profile="urban")
    with pytest.raises(GridError, match="persons"):
        divide(town.areas, town.buildings.drop(columns="persons"), profile="output_area")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"profile": "city"}, "profile: expected one of"),
        ({"profile": 3}, "profile: expected a name or a Profile"),
        ({"profile": "dense", "households": (1, 2)}, "give either"),
        ({"households": (5, 4)}, "households: expected"),
        ({"persons": (5, 4)}, "persons: expected"),
        ({"persons": (1, 2, 3)}, "persons: expected"),
        ({"jobs": 0}, "jobs: expected"),
        ({"jobs": True}, "jobs: expected"),
        ({"profile": Profile({"cats": (1, 2)})}, "cats"),
    ],
)
def test_what_is_asked_wrongly(arguments, message):
    with pytest.raises(GridError, match=message):
        divide(SQUARE, HOUSES, **arguments)


@pytest.mark.parametrize(
    ("bands", "more", "message"),
    [
        ({}, {}, "expected bands"),
        ({"households": (3, 2)}, {}, "households: expected"),
        ({"households": (0, 2)}, {}, "households: expected"),
        ({"households": (1, 2)}, {"targets": {"households": 9}}, "target of households"),
        ({"households": (1, 2)}, {"targets": {"persons": 2}}, "a target without a band"),
        ({"households": (1, 2)}, {"empty": "x"}, "empty: expected"),
        ({"households": (1, 2)}, {"together_m": -1}, "together_m"),
    ],
)
def test_profiles_that_are_none(bands, more, message):
    with pytest.raises(GridError, match=message):
        Profile(bands, **more)


def test_hamlets_stay_whole():
    """Twelve hamlets in wide fields: no cell border runs through one."""
    spots = [(x, y) for x in range(500, 8000, 2200) for y in range(700, 8000, 2600)]
    houses = [
        shapely.box(x + i * 30, y + j * 30, x + i * 30 + 12, y + j * 30 + 12)
        for x, y in spots
        for i, j in product(range(5), range(4))
    ]
    hamlet = np.repeat(np.arange(len(spots)), 20)
    parent, buildings = areas_of(shapely.box(0, 0, 8000, 8000)), houses_of(houses, 2)
    cells = proven(divide(parent, buildings, profile="rural"), parent, buildings)
    points = shapely.point_on_surface(buildings.geometry.to_numpy())
    building, cell = shapely.STRtree(cells.geometry.to_numpy()).query(points, predicate="intersects")
    assert pd.Series(cell).groupby(hamlet[building]).nunique().eq(1).all()
    assert (cells["exception"] == "").all()


# --- the grid in force


def town_and_grid(**more):
    town = generate_town(900, parents=3, seed=4, **more)
    return town, assign_codes(divide(*town), UNIT)


def kept_share(town, grid, changed, cells):
    """Share of the buildings in both towns that are in the same cell as before."""
    ids = sorted(set(town.buildings["building_id"]) & set(changed.buildings["building_id"]))
    homes = []
    for buildings, frame_, column in ((town.buildings, grid, "grid_code"), (changed.buildings, cells, "previous_code")):
        points = shapely.point_on_surface(buildings.set_index("building_id").loc[ids].geometry.to_numpy())
        building, cell = shapely.STRtree(frame_.geometry.to_numpy()).query(points, predicate="intersects")
        home = np.full(len(ids), "?", object)
        home[building] = frame_[column].to_numpy(object)[cell]
        homes.append(home)
    return float((homes[0] == homes[1]).mean())


def test_nothing_changed_nothing_changes():
    town, grid = town_and_grid()
    again = divide(*town, previous=grid)
    assert (again["previous_code"] != "").all()
    same = again.set_index("previous_code").geometry.loc[grid["grid_code"]]
    assert (same.to_wkb().to_numpy() == grid.geometry.to_wkb().to_numpy()).all()
    rows = np.random.default_rng(0).permutation(len(grid))
    assert divide(*town, previous=grid.iloc[rows]).to_wkb().equals(again.to_wkb())


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_changes_move_little_and_restore_the_bands(share):
    town, grid = town_and_grid()
    for seed in range(2):
        changed = edit_town(town, share=share, seed=seed)
        cells = proven(divide(*changed, previous=grid), changed.areas, changed.buildings)
        assert (cells["exception"] == "").mean() > 0.98
        assert kept_share(town, grid, changed, cells) >= (0.99 if share <= 0.05 else 0.9)
        codes = cells["previous_code"]
        assert not codes[codes != ""].duplicated().any()


@pytest.mark.slow
def test_a_new_estate_makes_new_cells_and_leaves_the_rest():
    town, grid = town_and_grid()
    tall = town.buildings.copy()
    chosen = grid.geometry.iloc[5]
    here = shapely.covers(chosen, town.buildings.geometry.to_numpy())
    tall.loc[here, "households"] = 40.0
    changed = town._replace(buildings=tall)
    cells = proven(divide(*changed, previous=grid), changed.areas, changed.buildings)
    assert (cells["exception"] == "").all()
    assert (cells["previous_code"] == "").sum() >= 5
    far = grid.geometry.distance(chosen) > 600
    codes = cells["previous_code"]
    assert not codes[codes != ""].duplicated().any()
    assert set(grid["grid_code"][far]) <= set(codes)


def test_a_new_building_across_a_border_is_not_cut():
    town, grid = town_and_grid()
    border = grid.geometry.iloc[0].intersection(grid.geometry.iloc[1:].union_all())
    line = max(shapely.get_parts(shapely.line_merge(border)), key=lambda part: part.length)
    inside = town.areas.union_all().buffer(-30)
    spots = [line.interpolate(d, normalized=True).buffer(6, quad_segs=2) for d in np.linspace(0.05, 0.95, 60)]
    free = [
        s
        for s in spots
        if s.within(inside) and not town.buildings.intersects(s).any() and not town.areas.boundary.intersects(s).any()
    ]
    new = (
        town.buildings.iloc[:1]
        .assign(building_id="new", households=2.0)
        .set_geometry(gpd.GeoSeries(free[:1], index=[0], crs=CRS))
    )
    changed = town._replace(buildings=pd.concat([town.buildings, new], ignore_index=True))
    cells = proven(divide(*changed, previous=grid), changed.areas, changed.buildings)
    assert kept_share(town, grid, changed, cells) >= 0.99


@pytest.mark.slow
def test_cells_that_no_longer_fit_their_area_are_made_anew():
    town, grid = town_and_grid()
    areas = town.areas.copy()
    wider = shapely.box(*areas.total_bounds).buffer(20, join_style="mitre")
    grown = (
        areas.geometry.iloc[0].buffer(20, join_style="mitre").difference(areas.geometry.iloc[1:].union_all()) & wider
    )
    areas = areas.set_geometry(gpd.GeoSeries([grown, *areas.geometry.iloc[1:]], crs=CRS))
    changed = town._replace(areas=areas)
    cells = proven(divide(*changed, previous=grid), areas, town.buildings)
    assert kept_share(town, grid, changed, cells) >= 0.97
    assert divide(*changed, previous=grid[grid["parent_code"] != areas["code"].iloc[0]]).shape[0] >= len(grid) - 2


def test_a_hand_edited_cell_stays_while_the_rest_is_divided_again():
    town, grid = town_and_grid()
    hand = grid.geometry.iloc[[4]].buffer(-15, join_style="mitre")
    fixed = gpd.GeoDataFrame(geometry=hand, crs=CRS)
    cells = proven(divide(*town, previous=grid, fixed=fixed), town.areas, town.buildings)
    own = cells[cells["kind"] == "fixed"]
    assert len(own) == 1
    assert own.geometry.iloc[0].symmetric_difference(hand.iloc[0]).area < 0.2 * hand.area.iloc[0]
    far = set(grid["grid_code"][grid.geometry.distance(hand.iloc[0]) > 500])
    assert far <= set(cells["previous_code"])
    codes = cells["previous_code"]
    assert not codes[codes != ""].duplicated().any()
    coded = cells.assign(grid_code=np.where(codes != "", codes, [f"{p}999" for p in cells["parent_code"]]))
    again = divide(*town, previous=coded.drop(columns="previous_code"), fixed=fixed)
    assert set(again["previous_code"]) == set(coded["grid_code"])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda grid: grid.drop(columns="grid_code"), "previous"),
        (lambda grid: grid.to_crs(4326), "areas and previous"),
        (lambda grid: grid.iloc[:0], "no cell lies in these areas"),
        (lambda grid: grid.assign(grid_code="x"), "previous"),
        (lambda grid: grid.set_geometry(grid.boundary), "previous: expected a grid of these areas"),
    ],
)
def test_previous_grids_that_are_none(spoil, message):
    with pytest.raises(GridError, match=message):
        divide(EXAMPLE.areas, EXAMPLE.buildings, households=(20, 30), previous=spoil(EXAMPLE.grid))


def test_a_number_of_cells_and_a_previous_grid_exclude_each_other():
    with pytest.raises(GridError, match="give only one"):
        divide(EXAMPLE.areas, EXAMPLE.buildings, previous=EXAMPLE.grid, cells=4)


# --- same bytes


def test_the_order_of_the_rows_does_not_matter():
    town = generate_town(500, parents=2, seed=5, river=True, persons=True)
    chance = np.random.default_rng(1)
    west, south, _, _ = town.areas.total_bounds
    campus = gpd.GeoDataFrame(
        geometry=[
            shapely.box(west + 50, south + 50, west + 130, south + 120),
            shapely.box(west + 200, south + 150, west + 260, south + 220),
        ],
        crs=CRS,
    )
    more = {"households": (60, 100), "persons": (120, 300), "empty": "own_cell"}
    one = divide(*town, dedicated=campus, **more)
    mixed = [table.iloc[chance.permutation(len(table))] for table in (*town, campus)]
    two = divide(*mixed[:3], dedicated=mixed[3], **more)
    assert one.to_wkb().equals(two.to_wkb())


@pytest.mark.slow
def test_another_number_of_jobs_gives_the_same_bytes():
    town = generate_town(600, parents=3, seed=6)
    assert divide(*town).to_wkb().equals(divide(*town, jobs=2).to_wkb())


# --- anything


boxes = st.builds(
    lambda x, y, w, h: shapely.box(x, y, x + w, y + h),
    st.integers(-10, 190), st.integers(-10, 190), st.integers(1, 60), st.integers(1, 60),
)  # fmt: skip
points = st.tuples(st.integers(-20, 220), st.integers(-20, 220))


@pytest.mark.slow
@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(boxes, st.integers(0, 40)), max_size=12),
    st.lists(st.tuples(points, points).filter(lambda pair: pair[0] != pair[1]), max_size=4),
    st.lists(boxes, max_size=2),
    st.sampled_from(["attach", "own_cell"]),
    st.integers(0, 10**6),
)
def test_any_small_town_with_given_cells_and_hard_lines_twice(houses, lines, zones, empty, seed):
    """Divided; changed; divided again from the first division: always a valid cover."""
    areas = areas_of(shapely.box(0, 0, 120, 200), shapely.box(120, 0, 200, 200))
    buildings = houses_of([shape for shape, _ in houses], [load for _, load in houses])
    fences = lines_of(*lines, kind="hard")
    apart = frame(zones[:1] if len(zones) < 2 or zones[0].intersects(zones[1]) else zones)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GridWarning)
        cells = divide(areas, buildings, fences, households=(20, 30), dedicated=apart, empty=empty)
        proven(cells, areas, buildings, across=True)
        grid = assign_codes(cells, UNIT)
        kept = np.random.default_rng(seed).random(len(buildings)) < 0.8
        fewer = buildings[kept]
        proven(divide(areas, fewer, fences, households=(20, 30), previous=grid), areas, fewer, across=True)


# --- the number that is asked for


HOMES = [shapely.box(10 + i % 20 * 19, 10 + i // 20 * 90, 20 + i % 20 * 19, 22 + i // 20 * 90) for i in range(40)]
HALF_EACH = areas_of(shapely.box(0, 0, 200, 200), shapely.box(200, 0, 400, 200))


def test_a_number_of_cells_that_cannot_be_made_is_told():
    with pytest.warns(GridWarning, match="^cells: 41 asked for, 40 made; a building is not divided"):
        assert len(divide(areas_of(shapely.box(0, 0, 400, 200)), houses_of(HOMES, 10), cells=41)) == 40
    with pytest.warns(GridWarning, match=f"^cells: area {PARENTS[0]}: 25 asked for, 20 made; a building"):
        assert (
            len(divide(HALF_EACH, houses_of(HOMES, 10), cells={HALF_EACH["code"][0]: 25, HALF_EACH["code"][1]: 2}))
            == 22
        )
    with pytest.warns(GridWarning, match=r"^cells: parts of level 2: 50 asked for, \d+ made, 60 asked for, 40 made;"):
        divide(HALF_EACH, houses_of(HOMES, 10), cells=(2, 50, 60))


@pytest.mark.parametrize("counts", [(2, 4), (3, 4), (2, 3, 4), (3, 8), (5, 6, 8)])
def test_levels_leave_the_finest_cells_shared_out_by_load(counts):
    cells = divide(HALF_EACH, houses_of(HOMES, 10), cells=counts)
    assert cells["households"].tolist() == [400 // counts[-1]] * counts[-1]
    for level, count in enumerate(counts[:-1], 1):
        assert len(cells[["parent_code", f"level_{level}"]].drop_duplicates()) == count
