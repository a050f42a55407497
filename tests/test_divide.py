"""Whatever comes into `divide`, a valid cover or one clear error comes out."""

import math
import warnings
from itertools import pairwise, product

import geopandas as gpd
import geopandas.testing
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridgis.check import check_grid
from gridgis.contract import GridError, GridWarning
from gridgis.divide import EXCEPTIONS, divide
from gridgis.divide.bands import Band, Bands
from gridgis.divide.trees import random_forest
from gridgis.sample import CRS, ORIGIN, generate_town, small_example

EXAMPLE = small_example()
BAND = (20, 30)
LATTICE = [shapely.box(x, y, x + 20, y + 20) for x, y in product(range(10, 1000, 44), range(10, 1000, 45))]


def frame(shapes, crs=CRS, **columns):
    placed = [shapely.transform(shape, lambda xy: xy + np.array(ORIGIN)) for shape in shapes]
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(placed, crs=crs))


def areas_of(*shapes):
    return frame(shapes, code=[f"{number:03d}" for number in range(len(shapes))])


def houses_of(shapes, households=3):
    loads = households if isinstance(households, list) else [households] * len(shapes)
    return frame(shapes, households=loads)


def lines_of(*ends, kind="minor"):
    return frame([shapely.LineString(pair) for pair in ends], barrier=[kind] * len(ends))


SQUARE = areas_of(shapely.box(0, 0, 1000, 1000))
TWO = areas_of(shapely.box(0, 0, 200, 200), shapely.box(200, 0, 400, 200))


def prove(cells, areas, buildings, band, across=False):
    """The promises of `divide`, asked again from outside."""
    coded = cells.assign(grid_code=[f"c{number}" for number in range(len(cells))])
    rules = {finding.rule for finding in check_grid(coded, areas=areas, buildings=buildings, households=band)}
    assert rules <= ({"building_across_parents"} if across else set())
    points = shapely.point_on_surface(shapely.normalize(buildings.geometry.to_numpy()))
    here = np.unique(shapely.STRtree(areas.geometry.to_numpy()).query(points, predicate="intersects")[0])
    assert cells["households"].sum() == buildings["households"].iloc[here].sum()
    assert cells["buildings"].sum() == len(here)
    outside = ~cells["households"].between(*band)
    assert cells["exception"][outside].isin(list(EXCEPTIONS)).all()
    assert (cells["exception"][~outside] == "").all()
    assert cells.area.sum() == pytest.approx(areas.area.sum(), rel=1e-4)
    assert set(cells["parent_code"]) == set(areas["code"])


def divided(areas, buildings, barriers=None, band=(100, 150), across=False):
    with warnings.catch_warnings():
        if across:
            warnings.filterwarnings("ignore", "buildings: .* lie across a border of areas", GridWarning)
        cells = divide(areas, buildings, barriers, households=band)
    prove(cells, areas, buildings, band, across=across)
    return cells


def compactness(cells):
    return float(np.median(4 * math.pi * cells.area / cells.length**2))


# --- known answers


def test_the_small_example_makes_four_equal_cells():
    cells = divided(EXAMPLE.areas, EXAMPLE.buildings, EXAMPLE.barriers, BAND)
    assert cells["households"].tolist() == [24, 24, 24, 24]
    assert cells["area_m2"].tolist() == [20000.0] * 4
    assert all(EXAMPLE.grid.geometry.geom_equals(cell).sum() == 1 for cell in cells.geometry)


@pytest.mark.slow
def test_every_cell_of_a_town_of_houses_is_in_the_band():
    town = generate_town(2000)
    cells = divided(*town)
    assert cells["households"].between(100, 150).all()
    assert compactness(cells) > 0.62


@pytest.mark.slow
def test_in_a_town_of_towers_nearly_all_that_misses_is_giant():
    town = generate_town(2000, towers=True)
    cells = divided(*town)
    giants = int((town.buildings["households"] > 150).sum())
    assert (cells["exception"] == "giant building").sum() <= giants
    rest = cells[cells["exception"] != "giant building"]
    assert (rest["exception"] == "").mean() >= 0.99
    assert compactness(cells) > 0.62


@pytest.mark.slow
def test_towers_on_a_lattice():
    cells = divided(SQUARE, houses_of(LATTICE, 40))
    assert (cells["exception"] == "").mean() >= 0.9
    assert len(divided(SQUARE, houses_of(LATTICE, 100), band=(100, 100))) == len(LATTICE)


@pytest.mark.parametrize(
    ("loads", "expected"),
    [
        ([900], {900: "giant building"}),
        ([900, 60], {900: "giant building", 60: "too few households"}),
        ([900, 30], {930: "giant building"}),
        ([900, 120], {900: "giant building", 120: ""}),
        ([900] + [2] * 80, {900: "giant building", 160: "total not divisible"}),
        ([2] * 80, {160: "total not divisible"}),
        ([1] * 151, {151: "total not divisible"}),
        ([1] * 199, {99: "total not divisible", 100: ""}),
        ([2] * 49, {98: "too few households"}),
        ([0] * 9, {0: "too few households"}),
        ([80, 80, 80], {80: "total not divisible", 160: "total not divisible"}),
        ([], {0: "too few households"}),
        ([150], {150: ""}),
        ([151], {151: "giant building"}),
    ],
)
def test_exceptions_are_told_truly(loads, expected):
    cells = divided(SQUARE, houses_of(LATTICE[: len(loads)], loads))
    assert dict(zip(cells["households"], cells["exception"], strict=True)) == expected


@pytest.mark.parametrize("total", [200, 250, 300])
def test_what_is_divisible_is_divided(total):
    assert (divided(SQUARE, houses_of(LATTICE[:total], 1))["exception"] == "").all()


def test_overlapping_buildings_make_one_giant():
    pair = [shapely.box(10, 10, 30, 30), shapely.box(20, 20, 40, 40)]
    assert divided(SQUARE, houses_of(pair, 80))["exception"].tolist() == ["giant building"]


def test_a_cut_off_part_has_too_few():
    island = shapely.MultiPolygon([shapely.box(0, 0, 1000, 1000), shapely.box(1100, 0, 1200, 100)])
    far = shapely.box(1110, 10, 1120, 20)
    cells = divided(areas_of(island), houses_of([*LATTICE[:60], far], 2))
    assert sorted(zip(cells["households"], cells["exception"], strict=True)) == [(2, "too few households"), (120, "")]


@pytest.mark.parametrize("band", [(1, 1), (100, 100), (1, 10**9), (300, 500), (20, 30.0), np.array([20, 30])])
def test_bands(band):
    divided(EXAMPLE.areas, EXAMPLE.buildings, EXAMPLE.barriers, band)


@pytest.mark.parametrize("band", [(5, 4), (0, 3), 3, "ab", (1, 2, 3), (1.5, 3), (1, math.inf), (math.nan, 3)])
def test_bands_that_are_none(band):
    with pytest.raises(GridError, match="households: expected"):
        divide(EXAMPLE.areas, EXAMPLE.buildings, households=band)


@pytest.mark.parametrize("seed", [-1, 1.5, None, True, "1"])
def test_seeds_that_are_none(seed):
    with pytest.raises(GridError, match="seed: expected"):
        divide(EXAMPLE.areas, EXAMPLE.buildings, seed=seed)


# --- areas


def test_hole_and_enclave():
    enclave, hole = shapely.box(200, 200, 500, 500), shapely.box(600, 600, 700, 800)
    areas = areas_of(shapely.box(0, 0, 1000, 1000) - enclave - hole, enclave)
    houses = [house for house in LATTICE if not house.intersects(hole)]
    divided(areas, houses_of(houses), lines_of([(0, 505), (1000, 505)]), across=True)


@pytest.mark.parametrize("offset", [0.0001, 0.0005, 0.0009, 0.0015, -0.0005, -0.0015])
def test_borders_that_differ_by_rounding_leave_no_gap(offset):
    houses = [shapely.box(x, y, x + 10, y + 10) for x in range(5, 400, 30) for y in range(5, 190, 30)]
    west = shapely.box(0, 0, 200, 200)
    east = [shapely.box(200 + offset, 0, 400, 77.3), shapely.box(200 + offset, 77.3, 400, 200)]
    cells = divided(areas_of(west, *east), houses_of(houses, 1), band=BAND, across=True)
    assert shapely.coverage_is_valid(cells.geometry.to_numpy())
    assert not shapely.get_rings(shapely.union_all(cells.geometry.to_numpy()))[1:].size


@pytest.mark.parametrize("width", [0.003, 0.01, 0.05])
def test_a_gap_between_areas_is_named(width):
    areas = areas_of(shapely.box(0, 0, 200, 200), shapely.box(200 + width, 0, 400, 200))
    with pytest.warns(GridWarning, match=r"gaps narrower than .* between 000, 001 near"):
        divide(areas, EXAMPLE.buildings, EXAMPLE.barriers, households=BAND)


@pytest.mark.parametrize("width", [0.003, 0.01, 0.05])
def test_an_overlap_of_areas_is_refused(width):
    areas = areas_of(shapely.box(0, 0, 200, 200), shapely.box(200 - width, 0, 400, 200))
    with pytest.raises(GridError, match="000 and 001 overlap on"):
        divide(areas, EXAMPLE.buildings, EXAMPLE.barriers, households=BAND)


def test_all_faults_of_the_areas_are_told_at_once():
    columns = [shapely.box(40 * i, 0, 40 * i + 41, 200) for i in range(10)]
    bow = shapely.Polygon([(500, 0), (600, 100), (600, 0), (500, 100)])
    areas = areas_of(*columns, bow, shapely.box(700, 0, 800, 100))
    areas.loc[11, "code"] = "009"
    with pytest.raises(GridError) as error:
        divide(areas, EXAMPLE.buildings, EXAMPLE.barriers, households=BAND)
    said = str(error.value)
    for one, two in pairwise(range(10)):
        assert f"00{one} and 00{two} overlap on 200.00 m2 near" in said
    assert "9 pairs overlap" in said and "more than once: 009" in said and "not so: 010" in said


def test_many_overlaps_are_counted():
    areas = areas_of(*(shapely.box(i, 0, i + 50, 200) for i in range(12)))
    with pytest.raises(GridError, match=r"66 pairs overlap: 000 and 001 .* and 16 more; a place has one parent"):
        divide(areas, EXAMPLE.buildings, EXAMPLE.barriers, households=BAND)


def test_an_area_too_thin_for_a_cell_is_refused():
    areas = areas_of(shapely.box(0, 0, 400, 200), shapely.box(400, 0, 400.0004, 200))
    with pytest.raises(GridError, match="001: narrower than a millimetre"):
        divide(areas, EXAMPLE.buildings)


def test_a_large_empty_area_with_hamlets():
    chance = np.random.default_rng(0)
    corners = chance.uniform(300, 7000, (12, 1, 2)) + chance.uniform(0, 400, (12, 60, 2))
    houses = [shapely.box(x, y, x + 12, y + 12) for x, y in corners.reshape(-1, 2).round(2)]
    cells = divided(areas_of(shapely.box(0, 0, 8000, 7500)), houses_of(houses, 2))
    assert (cells["exception"] == "").all()


def test_far_from_the_origin():
    origin = np.array([38_512_345.678, 3_456_789.123])
    moved = [
        table.assign(geometry=table.geometry.transform(lambda xy: xy - np.array(ORIGIN) + origin)).set_crs(
            4513, allow_override=True
        )
        for table in (EXAMPLE.areas, EXAMPLE.buildings, EXAMPLE.barriers)
    ]
    assert divided(*moved, BAND)["households"].tolist() == [24, 24, 24, 24]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.iloc[:0], "at least one"),
        (lambda a: a.assign(code=[1, 2]), "expected text in code"),
        (lambda a: a.assign(code="x"), "each code once"),
        (lambda a: a.drop(columns="code"), "code missing"),
        (lambda a: a.to_crs(4490), "projected CRS"),
        (lambda a: pd.DataFrame(a), "GeoDataFrame"),
        (lambda a: a.assign(geometry=a.boundary), "valid polygons"),
        (lambda a: a.assign(geometry=[None, a.geometry.iloc[0]]), "valid polygons"),
    ],
)
def test_areas_that_are_none(change, message):
    with pytest.raises(GridError, match=message):
        divide(change(EXAMPLE.areas), EXAMPLE.buildings)


# --- buildings


def test_buildings_outside_do_not_count_and_are_named():
    houses = [shapely.box(50, 50, 60, 60), shapely.box(195, 50, 203, 60), shapely.box(197, 90, 209, 99)]
    houses.append(shapely.box(500, 0, 510, 9))
    buildings = houses_of(houses, [20, 5, 7, 9])
    with pytest.warns(
        GridWarning, match="2 of 4 have their inner point outside all areas .* 16 households .* rows 2, 3"
    ):
        cells = divide(TWO.iloc[:1], buildings, households=BAND)
    prove(cells, TWO.iloc[:1], buildings, BAND)
    assert cells["households"].tolist() == [25]


def test_a_building_across_two_parents_counts_where_its_inner_point_lies():
    houses = [shapely.box(50, 50, 60, 60), shapely.box(195, 50, 220, 60), shapely.box(300, 90, 309, 99)]
    cells = divided(TWO, houses_of(houses, [20, 5, 20]), band=BAND, across=True)
    assert cells["households"].tolist() == [20, 25]


def test_buildings_across_two_parents_are_listed_and_the_division_goes_on():
    houses = [shapely.box(50, 50, 60, 60), shapely.box(195, 50, 220, 60), shapely.box(190, 90, 202, 99)]
    named = houses_of(houses, [20, 5, 20]).assign(building_id=["a", "b", "c"])
    said = r"2 lie across a border of areas, .*: b \(80% in 001\), c \(83% in 000\)\."
    with pytest.warns(GridWarning, match=said) as heard:
        cells = divide(TWO, named, households=BAND)
    assert heard[0].filename == __file__
    assert cells["households"].sum() == 45


def test_a_building_on_two_pieces_of_its_area_is_refused():
    area = areas_of(shapely.MultiPolygon([shapely.box(0, 0, 100, 100), shapely.box(103, 0, 200, 100)]))
    with pytest.raises(GridError, match=r"near x 4201\d\d\.\d .* two pieces of its area"):
        divide(area, houses_of([shapely.box(90, 40, 120, 60)]))


def test_a_building_over_a_notch_of_its_area_is_held_by_one_cell():
    area = areas_of(shapely.Polygon([(0, 0), (99, 0), (99, 80), (101, 80), (101, 0), (200, 0), (200, 100), (0, 100)]))
    over = shapely.box(70, 10, 120, 20)
    others = [shapely.box(x, y, x + 8, y + 8) for x in (10, 40, 110, 150) for y in (30, 60)]
    divided(area, houses_of([over, *others], 10), band=(10, 10))


@pytest.mark.parametrize(
    "shapes",
    [
        [shapely.box(10, 10, 30, 30), shapely.box(30, 10, 50, 30)],
        [shapely.box(10, 10, 30, 30), shapely.box(29.999, 10, 50, 30)],
        [shapely.box(10, 10, 60, 60), shapely.box(20, 20, 30, 30)],
        [shapely.box(10, 10, 60, 60) - shapely.box(20, 20, 50, 50), shapely.box(30, 30, 40, 40)],
        [shapely.box(10, 10, 60, 60)] * 3,
        [shapely.box(10, 10, 10.7, 10.7), shapely.box(11, 10, 11.7, 10.7)],
        [shapely.box(10, 10, 10.0004, 60), shapely.box(20, 10, 20.003, 60), shapely.box(80, 80, 90, 90)],
        [shapely.Polygon([(30, 10), (90, 10.001), (90, 10.004)]), shapely.box(40, 10.5, 60, 20)],
        [shapely.Polygon([(10, 10), (10.0003, 10), (50, 10), (50, 50), (50, 50.0002), (10, 50)])],
    ],
    ids=["touch", "hair", "inside", "yard", "twins", "tiny", "needles", "splinter", "vertices"],
)
def test_odd_buildings(shapes):
    streets = lines_of([(35, -5), (35, 205)], [(20.0015, 0), (20.0015, 200)], [(0, 30), (200, 30)])
    for band in ((3, 3), (5, 8)):
        divided(areas_of(shapely.box(0, 0, 200, 200)), houses_of(shapes), streets, band)


def test_missing_households_count_as_none_and_are_named():
    loads = pd.array([None] + [3] * 31, dtype="Int64")
    with pytest.warns(GridWarning, match="missing in 1 rows and count as none; rows 0"):
        cells = divide(EXAMPLE.areas, EXAMPLE.buildings.assign(households=loads), EXAMPLE.barriers, households=BAND)
    assert sorted(cells["households"]) == [21, 24, 24, 24]


@pytest.mark.parametrize("load", [-1, 1.5, math.inf, 1e300, "x"])
def test_households_that_are_none(load):
    odd = EXAMPLE.buildings.assign(households=pd.Series([load] + [3] * 31, dtype=object))
    with pytest.raises(GridError, match=r"expected whole households, .* not so in rows 0 "):
        divide(EXAMPLE.areas, odd)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b.assign(geometry=[shapely.MultiPolygon([shape]) for shape in b.geometry]), "valid polygons"),
        (lambda b: b.assign(geometry=b.centroid), "valid polygons"),
        (lambda b: b.drop(columns="households"), "households missing"),
        (lambda b: b.to_crs(4548), "one CRS"),
        (lambda b: None, "GeoDataFrame"),
    ],
)
def test_buildings_that_are_none(change, message):
    with pytest.raises(GridError, match=message):
        divide(EXAMPLE.areas, change(EXAMPLE.buildings))


def test_persons_are_added_up_where_known():
    persons = [np.nan] * 8 + [2.0] * 24
    cells = divide(EXAMPLE.areas, EXAMPLE.buildings.assign(persons=persons), EXAMPLE.barriers, households=BAND)
    assert cells["persons"].sum() == 48


def test_no_building_at_all():
    cells = divided(EXAMPLE.areas, EXAMPLE.buildings.iloc[:0], EXAMPLE.barriers)
    assert cells["exception"].tolist() == ["too few households"] * 2


# --- barriers


@pytest.mark.parametrize(
    "ends",
    [
        [(100, -50), (100, 60)],
        [(100, 100), (100, 101)],
        [(-50, -50), (-20, -90)],
        [(15, 0), (15, 200)],
        [(15.0004, 0), (15.0004, 200)],
        [(199.9995, -5), (199.9995, 205)],
        [(0, 0.0005), (400, 0.0005)],
        [(0, 99.97), (400, 100.03)],
        [(-10, -10), (410, 210)],
        [(5, 5), (5, 5)],
    ],
)
def test_odd_streets(ends):
    streets = pd.concat([EXAMPLE.barriers, lines_of(ends, ends)], ignore_index=True)
    cells = divided(EXAMPLE.areas, EXAMPLE.buildings, streets, BAND, across=True)
    assert (cells["exception"] == "").all()


def test_a_doubled_street_makes_no_splinters():
    twice = lines_of([(0, 100), (400, 100)], [(0, 100.0015), (400, 100.0025)])
    cells = divided(EXAMPLE.areas, EXAMPLE.buildings, twice, BAND)
    assert (4 * math.pi * cells.area / cells.length**2).min() > 0.5


@pytest.mark.parametrize(
    "shape",
    [
        shapely.Point(0, 0),
        shapely.box(0, 0, 9, 9),
        shapely.GeometryCollection([shapely.LineString([(0, 0), (1, 1)])]),
        shapely.LineString([(0, 0), (math.inf, 1)]),
        None,
    ],
)
def test_barriers_that_are_none(shape):
    odd = gpd.GeoDataFrame({"barrier": ["minor"]}, geometry=gpd.GeoSeries([shape], crs=CRS))
    with pytest.raises(GridError, match="barriers: expected lines; not so: rows 0"):
        divide(EXAMPLE.areas, EXAMPLE.buildings, odd)


def test_barriers_of_no_class():
    with pytest.raises(GridError, match=r"expected the classes hard, .* got dirt"):
        divide(EXAMPLE.areas, EXAMPLE.buildings, EXAMPLE.barriers.assign(barrier="dirt"))


# --- the same, however it is written down


def variants():
    a, b, s = EXAMPLE.areas, EXAMPLE.buildings, EXAMPLE.barriers
    order = np.random.default_rng(3)
    shuffled = [table.iloc[order.permutation(len(table))] for table in (a, b, s)]
    reversed_ = [table.assign(geometry=table.geometry.reverse()) for table in (a, b, s)]
    turned = b.geometry.map(lambda g: shapely.Polygon([*g.exterior.coords[2:], *g.exterior.coords[1:3]]))
    tall = [table.assign(geometry=shapely.force_3d(table.geometry.to_numpy(), 7)) for table in (a, b, s)]
    coarse = [table.assign(geometry=shapely.set_precision(table.geometry.to_numpy(), 5)) for table in (a, b, s)]
    renamed = [table.rename_geometry("shape").assign(extra=1) for table in (a, b, s)]
    labels = [table.set_axis(["x"] * len(table)) for table in (a, b, s)]
    classes = a.assign(code=a["code"].astype("category")), b, s.assign(barrier=s["barrier"].astype("category"))
    numbers = a, b.assign(households=b["households"].astype("Int64")), s
    multi = a, b, s.dissolve("barrier", as_index=False)
    named = [shuffled, reversed_, (a, b.assign(geometry=turned), s), tall, coarse, renamed, labels, classes, numbers]
    return [*named, multi]


@pytest.mark.parametrize("number", range(10))
def test_same_ground_same_bytes(number):
    expected = divide(EXAMPLE.areas, EXAMPLE.buildings, EXAMPLE.barriers, households=BAND)
    inputs = variants()[number]
    before = [table.copy() for table in inputs]
    found = divide(*inputs, households=BAND)
    pd.testing.assert_frame_equal(found.to_wkb(), expected.to_wkb())
    for table, old in zip(inputs, before, strict=True):
        gpd.testing.assert_geodataframe_equal(table, old)


@pytest.mark.slow
def test_a_shuffled_town_gives_the_same_bytes():
    town = generate_town(400, parents=2)
    order = np.random.default_rng(5)
    shuffled = [table.assign(geometry=table.reverse()).iloc[order.permutation(len(table))] for table in town]
    pd.testing.assert_frame_equal(divide(*town).to_wkb(), divide(*shuffled).to_wkb())


def test_seeds_may_differ():
    town = generate_town(300, parents=1)
    for seed in (0, 1):
        prove(divide(*town, seed=seed), town.areas, town.buildings, (100, 150))


# --- anything at all

METRES = st.integers(0, 200)
SIDES = st.sampled_from([0.5, 1, 5, 12, 40])
RECTANGLES = st.builds(lambda x, y, w, h: shapely.box(x, y, x + w, y + h), METRES, METRES, SIDES, SIDES)
LOADS = st.sampled_from([0, 1, 3, 10, 12, 40])
STREETS = st.tuples(st.tuples(METRES, METRES), st.tuples(METRES, METRES))
PARENTS = st.lists(st.integers(20, 180), max_size=2, unique=True)


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(RECTANGLES, LOADS), max_size=14), st.lists(STREETS, max_size=5), PARENTS)
def test_any_small_town(houses, streets, cuts):
    edges = [0, *sorted(cuts), 200]
    areas = areas_of(*(shapely.box(x, 0, end, 200) for x, end in pairwise(edges)))
    buildings = houses_of([shape for shape, _ in houses], [load for _, load in houses])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GridWarning)
        cells = divide(areas, buildings, lines_of(*streets), households=BAND)
    prove(cells, areas, buildings, BAND, across=True)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 400), st.integers(0, 3), st.integers(1, 40), st.integers(0, 30))
def test_the_number_of_cells_is_the_best(load, giants, low, width):
    bands = Bands(("households",), (Band.around(low, low + width),))
    total = np.array([load])

    def miss(cells):
        return int(bands.misses(total, np.array(giants), np.array(cells)))

    best = min(miss(giants + room) for room in range(0 if giants else 1, load + 2))
    assert miss(bands.count(total, giants)) == best


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 25), st.integers(0, 10**6))
def test_forests(n, seed):
    chance = np.random.default_rng(seed)
    left = np.array([chance.integers(0, node) for node in range(1, n)] + [0] * (n > 2), np.int64)
    right = np.array([*range(1, n), *([n - 1] * (n > 2))], np.int64)
    forest = random_forest(n, left, right, 1 + chance.random((3, len(left))))
    values = chance.integers(0, 9, n)
    for tree in range(3):
        assert sorted(forest.first[tree]) == list(range(n))
        for node in range(n):
            assert forest.below(values)[tree, node] == values[forest.side(tree, node)].sum()
            assert forest.side(tree, node)[node]
    assert random_forest(n + 1, left, right, 1 + chance.random((2, len(left)))) is None


def test_the_names_of_the_areas_go_with_the_cells():
    town = small_example()
    cells = divide(town.areas, town.buildings, town.barriers, households=(20, 30))
    assert dict(zip(cells["parent_code"], cells["parent_name"], strict=True)) == dict(
        zip(town.areas["code"], town.areas["name"], strict=True)
    )
    assert "parent_name" not in divide(town.areas[["code", "geometry"]], town.buildings, households=(20, 30)).columns


WEST_HOUSE = (
    "35.18 55.763, 43.757 60.746, 44.524 59.425, 46.205 56.532, 48.801 52.063, 50 50, 41.423 45.017, 35.18 55.763"
)
EAST_HOUSE = (
    "42.102 63.595, 56.207 71.79, 67.631 52.127, 53.07 44.716, 50 50, 48.801 52.063, 46.205 56.532, 44.524 59.425, "
    "42.102 63.595"
)


@pytest.mark.parametrize("turn", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_a_common_wall_bent_by_the_grid_leaves_both_houses_whole(turn):
    houses = [shapely.from_wkt(f"POLYGON (({ring}))") for ring in (WEST_HOUSE, EAST_HOUSE)]
    turned = [shapely.transform(house, lambda xy: (xy - 50) * turn + 50) for house in houses]
    area = areas_of(shapely.box(0, 0, 100, 100))
    cells = divided(area, houses_of(turned, 120))
    assert cells["households"].tolist() == [120, 120]


def test_a_neck_that_rounding_closes_loses_no_ground():
    neck = [(0, 0), (100, 0), (100, 99.9997), (200, 100), (200, 200), (100, 200), (100, 100.0001), (0, 100)]
    houses = [shapely.box(x, x, x + 10, x + 10) for x in (20, 60, 120, 160)]
    cells = divided(areas_of(shapely.Polygon(neck)), houses_of(houses, 12), band=BAND)
    assert cells.area.sum() == pytest.approx(20000, rel=1e-4)
