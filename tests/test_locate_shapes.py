"""Lines and polygons: the largest share, the representative point, and pieces that add up."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiLineString, MultiPolygon, Point, Polygon, box

from gridgis.contract import GridError, GridWarning
from gridgis.cover import WIDTH_M
from gridgis.locate import REASONS, account, locate, split
from gridgis.locate.index import CellIndex
from gridgis.sample import ORIGIN, generate_town, small_example
from gridgis.summarise import summarise

X, Y = ORIGIN
CRS = 4547
BY_SHARE, BY_POINT = "largest_share", "representative_point"


def table(shapes, crs=CRS, **columns):
    moved = shapely.transform(np.array(list(shapes), object), lambda xy: xy + ORIGIN)
    return gpd.GeoDataFrame(columns, geometry=list(moved), crs=crs)


def grid_of(**cells):
    return table(cells.values(), grid_code=list(cells), parent_code="p")


def squares(codes="dbca"):
    """Two by two cells of 100 m: d south-west, b north-west, c south-east, a north-east."""
    places = [(0, 0), (0, 100), (100, 0), (100, 100)]
    return grid_of(**{code: box(x, y, x + 100, y + 100) for code, (x, y) in zip(codes, places, strict=True)})


def answers(shapes, grid=None, **asked):
    located = locate(table(shapes), squares() if grid is None else grid, **asked)
    return rows_of(located, "grid_code", "located_by", *located.columns.intersection(["share", "distance_m"]))


def rows_of(frame, *names):
    """Rows as tuples, missing values as None, numbers to the sixth digit."""
    rows = zip(*(frame[name].tolist() for name in names), strict=True)
    return [
        tuple(None if pd.isna(value) else value if isinstance(value, str) else round(value, 6) for value in row)
        for row in rows
    ]


# Known answers


def test_the_largest_share_has_it_and_of_equal_ones_the_lower_code():
    shapes = [
        box(10, 10, 20, 20),
        box(90, 10, 120, 20),
        box(90, 10, 110, 20),
        box(90, 90, 110, 110),
        box(0, 0, 200, 200),
    ]
    assert answers(shapes, by=BY_SHARE) == [
        ("d", "inside", 1.0), ("c", "share", 0.666667), ("c", "tie", 0.5), ("a", "tie", 0.25), ("a", "tie", 0.25),
    ]  # fmt: skip


def test_what_lies_outside_lowers_the_share():
    shapes = [box(-30, 0, 10, 10), box(-30, -30, -10, -10), box(-10, 95, 10, 105), box(-300, -300, 500, 500)]
    assert answers(shapes, by=BY_SHARE) == [
        ("d", "share", 0.25), (None, "outside", None), ("b", "tie", 0.25), ("a", "tie", 0.015625),
    ]  # fmt: skip
    pieces = split(table(shapes), squares())
    assert rows_of(pieces.loc[:2], "grid_code", "located_by", "share") == [
        ("d", "share", 0.25), (None, "outside", 0.75), (None, "outside", 1.0), ("b", "share", 0.25),
        ("d", "share", 0.25), (None, "outside", 0.5),
    ]  # fmt: skip


def test_a_small_share_of_a_large_thing_is_no_tie():
    cells = grid_of(a=box(0, 0, 1, 1), b=box(1, 0, 3, 1), c=box(3, 0, 5, 1))
    wide = [box(-2000, -2000, 2000, 2000), LineString([(-1e7, 0.5), (1e7, 0.5)])]
    located = locate(table(wide), cells, by=BY_SHARE)
    assert rows_of(located, "grid_code", "located_by") == [("b", "tie")] * 2
    assert located["share"].tolist() == pytest.approx([2 / 16e6, 2 / 2e7], rel=1e-6)


def test_a_line_along_a_border_lies_in_both_cells():
    lines = [
        LineString([(100, 10), (100, 90)]),  # wholly on the border of d and c
        LineString([(100, 10), (100, 60), (150, 60)]),  # half of it; all of it in c
        LineString([(100, 60), (100, 140)]),  # between d and c, then between b and a
        LineString([(0, 10), (0, 90)]),  # on the outline of the grid
        LineString([(10, 10), (10, 90)]),
        LineString([(50, 50), (100, 50)]),  # touches the border
        LineString([(50, 50), (180, 50)]),
    ]
    assert answers(lines, by=BY_SHARE) == [
        ("c", "boundary", 1.0), ("c", "boundary", 1.0), ("a", "tie", 0.5), ("d", "boundary", 1.0), ("d", "inside", 1.0),
        ("d", "inside", 1.0), ("c", "share", 0.615385),
    ]  # fmt: skip


def test_a_line_along_a_border_is_cut_without_being_there_twice():
    line = LineString([(100, 10), (100, 60), (50, 60)])  # half on the border of d and c, half in d
    pieces = split(table([line]), squares())
    assert pieces[["grid_code", "located_by", "share"]].values.tolist() == [["c", "share", 0.5], ["d", "share", 0.5]]
    assert answers([line], by=BY_SHARE) == [("d", "boundary", 1.0)]


def test_multi_shapes_rings_and_heights():
    ring = shapely.LinearRing([(90, 10), (120, 10), (120, 40), (90, 40)])
    shapes = [
        MultiPolygon([box(10, 10, 20, 20), box(110, 10, 130, 20)]),
        MultiLineString([[(10, 10), (20, 10)], [(110, 10), (140, 10)]]),
        ring,
        box(10, 10, 90, 90).difference(box(20, 20, 80, 80)),
    ]
    assert answers(shapes, by=BY_SHARE) == [
        ("c", "share", 0.666667), ("c", "share", 0.75), ("c", "share", 0.583333), ("d", "inside", 1.0),
    ]  # fmt: skip
    things = table(shapes)
    assert split(things, squares()).loc[3].geometry.equals_exact(things.geometry[3])
    high = things.set_geometry(shapely.force_3d(things.geometry.to_numpy(), 7.0))
    assert rows_of(locate(high, squares(), by=BY_SHARE), "grid_code", "share") == [
        ("c", 0.666667), ("c", 0.75), ("c", 0.583333), ("d", 1.0)
    ]  # fmt: skip
    pieces = split(high, squares())
    assert shapely.has_z(pieces.geometry.to_numpy()).tolist() == [False] * 6 + [True]


def test_rounding_is_no_share():
    shapes = [box(90, 10, 100.0005, 20), box(90, 10, 100.5, 20), LineString([(50, 50), (100.0015, 50)])]
    assert [answer[:2] for answer in answers(shapes, by=BY_SHARE)] == [("d", "inside"), ("d", "share"), ("d", "inside")]
    pieces = split(table(shapes), squares())
    assert pieces.index.tolist() == [0, 1, 1, 2]
    assert pieces["share"].tolist() == pytest.approx([1, 0.5 / 10.5, 10 / 10.5, 1])
    thin = box(50, 10, 150, 10.001)  # thinner than rounding, but all there is
    assert answers([thin], by=BY_SHARE) == [("c", "tie", 0.5)]


def test_the_representative_point_decides():
    hook = Polygon([(10, 10), (190, 10), (190, 20), (20, 20), (20, 190), (10, 190)])
    lines = [LineString([(90, 10), (130, 10)]), LineString([(60, 10), (140, 10)])]
    (code, how), *rest = answers([hook, *lines], by=BY_POINT)
    spot = hook.representative_point()
    assert (code, how) == answers([spot])[0]
    assert rest == [("c", "inside"), ("c", "boundary")]


def test_points_among_shapes_are_as_ever():
    shapes = [Point(10, 10), Point(100, 10), box(10, 10, 20, 20), Point(-5, 0), None, Polygon()]
    wanted = [
        ("d", "inside", 1.0), ("c", "boundary", 1.0), ("d", "inside", 1.0), (None, "outside", None),
        (None, "no_coordinates", None), (None, "no_coordinates", None),
    ]  # fmt: skip
    assert answers(shapes, by=BY_SHARE) == wanted
    assert answers(shapes, by=BY_POINT) == [answer[:2] for answer in wanted]
    assert rows_of(split(table(shapes), squares()), "grid_code", "located_by", "share") == [
        *wanted[:3], (None, "outside", 1.0), *wanted[4:],
    ]  # fmt: skip


def test_what_is_near():
    shapes = [box(-9, 10, -4, 20), box(-9, 10, -6, 20), LineString([(-4, 0), (-4, 50)]), box(-4, 0, 1, 5)]
    assert answers(shapes, by=BY_SHARE, near_m=5) == [
        ("d", "near", 0.0, 4.0), (None, "outside", None, None), ("d", "near", 0.0, 4.0), ("d", "share", 0.2, None),
    ]  # fmt: skip
    assert answers(shapes[:2], by=BY_POINT, near_m=6.5) == [("d", "near", 6.5), (None, "outside", None)]
    equally_near = [LineString([(-1, 0), (-1, 200)]), box(205, 90, 210, 110), box(-9, 99, -4, 110)]
    assert [answer[0] for answer in answers(equally_near, by=BY_SHARE, near_m=5)] == ["b", "a", "b"]


@pytest.mark.parametrize(("gap", "code"), [(9e-7, "a"), (3e-6, "b")])
def test_distances_are_equal_to_a_micrometre(gap, code):
    grid = grid_of(b=box(0, 0, 100, 100), a=box(110 + gap, 0, 200, 100))
    for thing in (Point(105, 50), LineString([(105, 20), (105, 60)]), box(104, 20, 106, 60)):
        assert answers([thing], grid, by=BY_SHARE, near_m=6)[0][:2] == (code, "near")


def test_the_distance_itself_is_near():
    shapes = [Point(-5, 50), LineString([(-5, 0), (-5, 50)]), box(-9, 10, -5, 20)]
    assert [answer[1] for answer in answers(shapes, by=BY_SHARE, near_m=5)] == ["near"] * 3
    assert [answer[1] for answer in answers(shapes, by=BY_SHARE, near_m=4.999)] == ["outside"] * 3
    assert answers([Point(-5, 50)], near_m=1_000_000)[0][1] == "near"
    with pytest.raises(GridError, match="near_m: expected a number of metres above 0, up to 1,000,000"):
        answers([Point(-5, 50)], near_m=1_000_000.5)


def test_a_micrometre_from_a_border_is_on_it():
    for metres, wanted in ((5e-7, ("c", "boundary")), (1e-4, ("d", "inside"))):
        assert answers([LineString([(100 - metres, 10), (100 - metres, 90)])], by=BY_SHARE)[0][:2] == wanted


def test_a_small_part_outside_is_a_part():
    thing = box(-0.01, 0, 99.99, 100)  # a ten-thousandth of it
    line = LineString([(-0.01, 50), (99.99, 50)])
    pieces = split(table([thing, line]), squares())
    assert rows_of(pieces, "grid_code", "located_by", "share") == [
        ("d", "share", 0.9999), (None, "outside", 0.0001)
    ] * 2  # fmt: skip


# Whatever comes


SPAN = st.integers(-4, 24).map(lambda step: step * 10.0)
FREE = st.floats(-40, 240, allow_subnormal=False).map(lambda value: round(value, 3))
SPOT = st.one_of(st.tuples(SPAN, SPAN), st.tuples(FREE, FREE))


@st.composite
def polygons(draw):
    west, south = draw(SPOT)
    kind = draw(st.sampled_from(["box", "hull", "ring"]))
    if kind == "hull":
        hull = shapely.convex_hull(shapely.MultiPoint(draw(st.lists(SPOT, min_size=3, max_size=8))))
        return hull if hull.area > 1 else box(west, south, west + 7, south + 7)
    width, height = draw(st.integers(1, 12)) * 5.0, draw(st.integers(1, 12)) * 5.0
    outer = box(west, south, west + width, south + height)
    return outer if kind == "box" else outer.difference(outer.buffer(-width / 8, join_style="mitre"))


@st.composite
def lines(draw):
    spots = draw(st.lists(SPOT, min_size=2, max_size=6))
    line = LineString(spots)
    return line if line.length > 1 else LineString([spots[0], (spots[0][0] + 30, spots[0][1])])


@st.composite
def grids(draw):
    """Cells without overlap, of which some may be missing: squares, or the surroundings of random spots."""
    if draw(st.booleans()):
        cells = squares().geometry.to_numpy()
    else:
        spots = draw(st.lists(st.tuples(FREE, FREE), min_size=3, max_size=9, unique=True))
        around = shapely.voronoi_polygons(shapely.MultiPoint(spots), extend_to=box(0, 0, 200, 200))
        cells = shapely.intersection(shapely.get_parts(around), box(0, 0, 200, 200))
        cells = shapely.transform(cells[shapely.area(cells) > 1], lambda xy: xy.round(3) + ORIGIN)
        cells = cells[shapely.is_valid(cells)]
    codes = draw(st.permutations([f"{number:03d}" for number in range(len(cells))]))
    gone = draw(st.integers(0, 2))
    return gpd.GeoDataFrame({"grid_code": codes, "parent_code": "p"}, geometry=cells, crs=CRS).iloc[gone:]


def overlaid(things, grid):
    """What another library says: the measure of each thing in each cell."""
    numbered = things[["geometry"]].assign(thing=range(len(things)))
    found = gpd.overlay(numbered, grid[["grid_code", "geometry"]], keep_geom_type=True)
    areal = found.geom_type.str.contains("Polygon")
    return found.assign(measure=np.where(areal, found.area, found.length))


@settings(max_examples=80)
@given(st.lists(polygons(), min_size=1, max_size=6), grids())
def test_shares_of_polygons_are_those_of_an_overlay(shapes, grid):
    things = table(shapes)
    total = things.area.to_numpy()
    pieces, located = split(things, grid), locate(things, grid, by=BY_SHARE)
    assert pieces.groupby(level=0)["share"].sum().to_numpy() == pytest.approx(1)
    other = overlaid(things, grid).groupby(["thing", "grid_code"])["measure"].sum()
    here = pieces[pieces["grid_code"].notna()].set_index("grid_code", append=True)["share"]
    both = pd.concat([other / total[other.index.get_level_values(0)], here], axis=1).fillna(0)
    assert both.iloc[:, 0].to_numpy() == pytest.approx(both.iloc[:, 1].to_numpy(), abs=WIDTH_M * 300 / total.min())
    for row in range(len(things)):
        mine = here.loc[[row]].droplevel(0) if row in here.index.get_level_values(0) else pd.Series(dtype=float)
        if mine.empty:
            assert rows_of(located.iloc[[row]], "grid_code", "located_by", "share") == [(None, "outside", None)]
            continue
        equal = mine[mine >= mine.max() * (1 - 1e-6)]
        assert located["grid_code"].iloc[row] == equal.index.min()
        assert located["share"].iloc[row] == pytest.approx(mine.max(), abs=1e-6)
        assert (located["located_by"].iloc[row] == "tie") == (len(equal) > 1)
        assert (located["located_by"].iloc[row] == "inside") == (pieces["located_by"].loc[[row]].eq("inside").all())


@settings(max_examples=80)
@given(st.lists(st.one_of(lines(), polygons()), min_size=1, max_size=6), grids())
def test_pieces_are_the_thing_and_nothing_is_twice(shapes, grid):
    things = table(shapes)
    pieces = split(things, grid)
    cells = grid.set_index("grid_code").geometry
    assert pieces.index.tolist() == sorted(pieces.index)
    assert pieces["grid_code"].notna().eq(pieces["located_by"].isin(["inside", "boundary", "share"])).all()
    assert account(pieces)["rows"].sum() == len(pieces)
    for row, thing in enumerate(things.geometry):
        mine = pieces.loc[[row]]
        codes = mine["grid_code"].dropna().tolist()
        assert codes == sorted(set(codes))
        assert mine["located_by"].eq("outside").sum() <= 1
        measure = shapely.length if thing.geom_type == "LineString" else shapely.area
        whole = shapely.union_all(mine.geometry)
        assert mine["share"].sum() == pytest.approx(1)
        assert measure(whole) == pytest.approx(measure(shapely.union_all([thing])), abs=0.5)
        if len(mine) > 1:
            assert measure(mine.geometry.to_numpy()).sum() == pytest.approx(measure(whole), abs=0.5)
        for piece, code in zip(mine.geometry, mine["grid_code"], strict=True):
            assert thing.buffer(WIDTH_M).covers(piece)
            if isinstance(code, str):
                assert cells[code].buffer(WIDTH_M).covers(piece)


@settings(max_examples=50)
@given(st.lists(st.one_of(lines(), polygons(), SPOT.map(Point)), min_size=1, max_size=7), grids(), st.randoms())
def test_the_order_of_rows_changes_nothing(shapes, grid, chance):
    things = table(shapes)
    order, cells = list(range(len(shapes))), list(range(len(grid)))
    chance.shuffle(order)
    chance.shuffle(cells)
    for asked in ({"by": BY_SHARE, "near_m": 15.0}, {"by": BY_POINT, "near_m": 15.0}):
        straight, shuffled = locate(things, grid, **asked), locate(things.iloc[order], grid.iloc[cells], **asked)
        assert straight.iloc[order].equals(shuffled)
    straight, shuffled = split(things, grid), split(things.iloc[order], grid.iloc[cells])
    assert straight.loc[order].equals(shuffled)


@settings(max_examples=80)
@given(st.lists(st.one_of(lines(), polygons()), min_size=1, max_size=7), grids(), st.sampled_from([0.5, 10.0, 35.0]))
def test_what_is_near_is_what_another_library_finds(shapes, grid, near_m):
    things = table(shapes)
    located = locate(things, grid, by=BY_SHARE, near_m=near_m)
    joined = gpd.sjoin_nearest(things, grid[["grid_code", "geometry"]], distance_col="metres", max_distance=near_m)
    for row, how, code, metres in located[["located_by", "grid_code", "distance_m"]].itertuples():
        peers = joined.loc[[row]] if row in joined.index else joined.iloc[:0]
        assert (how == "outside") == peers.empty
        if how == "near":
            assert metres == pytest.approx(peers["metres"].min(), abs=1e-9)
            assert code <= peers["grid_code"].min()
            assert grid.loc[grid["grid_code"] == code].distance(things.geometry[row]).item() <= metres + 2e-6
        else:
            assert np.isnan(metres)


# Faulty grids, faulty things


def test_what_lies_where_cells_overlap_is_reported():
    grid = grid_of(b=box(0, 0, 110, 100), a=box(90, 0, 200, 100))
    shapes = [
        box(10, 10, 20, 20), box(80, 10, 120, 20), box(95, 10, 105, 20), LineString([(80, 10), (120, 10)]),
        box(180, 10, 220, 20), LineString([(100, 10), (100, 20)]), Point(100, 10), box(110, 10, 120, 20),
    ]  # fmt: skip
    assert answers(shapes, grid, by=BY_SHARE) == [
        ("b", "inside", 1.0), (None, "conflict", None), (None, "conflict", None), (None, "conflict", None),
        ("a", "share", 0.5), (None, "conflict", None), (None, "conflict", None), ("a", "inside", 1.0),
    ]  # fmt: skip
    pieces = split(table(shapes), grid)
    assert rows_of(pieces.loc[[1, 3]], "grid_code", "located_by", "share") == [
        ("a", "share", 0.25), ("b", "share", 0.25), (None, "conflict", 0.5)
    ] * 2  # fmt: skip
    assert rows_of(pieces.loc[[2]], "grid_code", "located_by", "share") == [(None, "conflict", 1.0)]
    assert pieces.groupby(level=0)["share"].sum().tolist() == pytest.approx([1] * 8)


@pytest.mark.parametrize(
    "cells",
    [
        {"a": box(0, 0, 100, 100), "b": box(0, 0, 100, 100)},
        {"a": box(0, 0, 100, 100), "b": box(40, 40, 60, 60)},
        {"a": box(40, 40, 60, 60), "b": box(0, 0, 100, 100), "c": box(100, 0, 200, 100)},
        {"a": box(0, 0, 100, 100), "b": box(40, 0, 60, 50)},
    ],
)
def test_every_kind_of_overlap_is_found(cells):
    answer = answers(
        [box(45, 45, 50, 50), LineString([(45, 45), (50, 49)]), Point(47, 47)], grid_of(**cells), by=BY_SHARE
    )
    assert answer == [(None, "conflict", None)] * 3


def test_a_hair_of_an_overlap_takes_no_cell_away():
    grid = grid_of(a=box(0, 0, 100, 100), b=box(99.99, 0, 200, 100))
    shapes = [
        box(50, 0, 100, 50), LineString([(50, 5), (100, 5)]), box(99.99, 0, 150, 50), box(40, 0, 150, 50),
        LineString([(40, 5), (150, 5)]), box(0, 0, 80, 50), box(99.991, 0, 99.999, 50), Point(99.995, 5),
        MultiPolygon([box(0, 0, 30, 30), box(99.99, 0, 100, 30)]),
    ]  # fmt: skip
    assert answers(shapes, grid, by=BY_SHARE) == [
        ("a", "share", 0.9998), ("a", "share", 0.9998), ("b", "share", 0.9998), ("a", "share", 0.545364),
        ("a", "share", 0.545364), ("a", "inside", 1.0), (None, "conflict", None), (None, "conflict", None),
        ("a", "share", 0.999667),
    ]  # fmt: skip
    assert answers([box(50, 0, 150, 50), LineString([(50, 5), (150, 5)])], grid, by=BY_SHARE) == [
        (None, "conflict", None)  # 49.99 m and 50 m: a hair decides between them
    ] * 2  # fmt: skip
    pieces = split(table(shapes[:1]), grid)
    assert rows_of(pieces, "grid_code", "located_by", "share") == [("a", "share", 0.9998), (None, "conflict", 0.0002)]


@pytest.mark.parametrize(
    ("reach", "code", "share"),
    [
        (60, "a", 50 / 60), (99.99, "a", 50 / 99.99), (100, None, None), (101, None, None), (150, None, None),
        (199, None, None), (200, None, None), (200.01, "b", 100.01 / 200.01), (300, "b", 200 / 300),
    ],
)  # fmt: skip
def test_a_winner_has_more_than_any_other_could_have_with_the_overlap(reach, code, share):
    """Cells to x = 100 and from x = 50: of a thing from 0 on, 50 m are in the first alone and up to 50 m in both."""
    grid = grid_of(a=box(0, 0, 100, 100), b=box(50, 0, 1000, 100))
    wanted = (None, "conflict", None) if code is None else (code, "share", round(share, 6))
    assert answers([box(0, 0, reach, 10), LineString([(0, 5), (reach, 5)])], grid, by=BY_SHARE) == [wanted] * 2


def test_cells_within_their_community_give_no_ground_twice():
    cells = {f"c{x}{y}": box(100 * x, 100 * y, 100 * x + 100, 100 * y + 100) for x in range(3) for y in range(3)}
    grid = grid_of(**cells, whole=box(-1, -1, 301, 301))
    things = table(
        [box(50, 50, 250, 250), LineString([(50, 150), (250, 150)]), box(120, 120, 180, 180), Point(150, 150)]
    )
    pieces = split(things, grid)
    assert rows_of(pieces, "grid_code", "located_by", "share") == [(None, "conflict", 1.0)] * 4
    assert pieces.area.sum() == pytest.approx(40_000 + 3600)
    assert locate(things, grid, by=BY_SHARE)["located_by"].tolist() == ["conflict"] * 4
    outer = split(table([box(-1, -1, 301, 301), box(-0.9, 50, -0.1, 60)]), grid)
    assert rows_of(outer, "grid_code", "located_by") == [("whole", "share"), (None, "conflict"), ("whole", "inside")]
    assert outer.area.sum() == pytest.approx(302**2 + 8)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(polygons(), min_size=2, max_size=6), st.lists(st.one_of(lines(), polygons()), min_size=1, max_size=4)
)  # fmt: skip
def test_parts_add_up_to_the_thing_whatever_the_cells_overlap(cells, shapes):
    grid, things = grid_of(**{f"c{i}": cell for i, cell in enumerate(cells)}), table(shapes)
    pieces = split(things, grid)
    twice = [
        shapely.intersection(one, other)
        for i, one in enumerate(grid.geometry)
        for other in grid.geometry[i + 1 :]
    ]  # fmt: skip
    overlap = shapely.union_all(twice) if twice else shapely.Polygon()
    for row, thing in enumerate(things.geometry):
        mine, measure = pieces.loc[[row]], (shapely.length if shapely.get_dimensions(thing) == 1 else shapely.area)
        whole = measure(shapely.union_all([thing]))  # a line that goes back on itself has more length than ground
        assert mine["share"].sum() == pytest.approx(1)
        assert whole - 0.5 <= measure(mine.geometry.to_numpy()).sum() <= measure(thing) + 0.5
        contested = mine.loc[mine["located_by"] == "conflict", "share"].sum()
        if measure is shapely.area:
            assert contested * whole == pytest.approx(thing.intersection(overlap).area, abs=0.5)
        winner = locate(things.iloc[[row]], grid, by=BY_SHARE).iloc[0]
        if isinstance(winner["grid_code"], str):
            own = grid.set_index("grid_code").geometry.intersection(thing)
            assert measure(own.loc[winner["grid_code"]]) >= measure(own.to_numpy()).max() - 0.5


@pytest.mark.parametrize(("metres", "how"), [(0.0019, "inside"), (0.0021, "conflict")])
def test_two_millimetres_of_overlap_are_rounding(metres, how):
    grid = grid_of(a=box(0, 0, 100, 100), b=box(100 - metres, 0, 200, 100))
    thing = box(100 - 0.00205, 10, 100, 60) if how == "conflict" else box(50, 10, 100, 60)
    assert split(table([thing]), grid)["located_by"].tolist() == [how]
    whole = split(table([box(50, 10, 100, 60)]), grid_of(a=box(0, 0, 100, 100), b=box(100 - metres, 0, 200, 100)))
    assert ("conflict" in whole["located_by"].tolist()) == (how == "conflict")
    line = LineString([(100 - 0.9 * metres, 10), (100 - 0.1 * metres, 60)])
    assert split(table([line]), grid)["located_by"].isin(["conflict"]).tolist() == [how == "conflict"]


@pytest.mark.parametrize(("metres", "how"), [(0.0019, "inside"), (0.0021, "share")])
def test_two_millimetres_over_a_border_are_rounding(metres, how):
    shapes = [box(50, 10, 100 + metres, 60), LineString([(50, 10), (100 + metres, 10)]), box(-metres, 10, 50, 60)]
    for answer in answers(shapes, by=BY_SHARE):
        assert answer[:2] == ("d", how)
    assert split(table(shapes), squares())["located_by"].value_counts().to_dict() == (
        {"inside": 3} if how == "inside" else {"share": 5, "outside": 1}
    )


def test_a_thin_thing_is_where_it_is_wider_than_rounding():
    thin = box(99.997, 10, 100.0015, 60)
    assert answers([thin], by=BY_SHARE) == [("d", "inside", 1.0)]
    assert len(split(table([thin]), squares())) == 1


def test_a_few_centimetres_along_a_border_are_not_lost():
    line = LineString([(0, 50), (100, 50), (100, 50.05), (150, 50.05)])
    pieces = split(table([line]), squares())
    assert pieces.length.tolist() == pytest.approx([50.05, 100], abs=1e-6)
    assert pieces["grid_code"].tolist() == ["c", "d"]


@pytest.mark.parametrize(("part", "code"), [(1e-7, "a"), (1e-5, "b")])
def test_shares_are_equal_to_a_millionth(part, code):
    grid = grid_of(b=box(0, 0, 100, 100), a=box(100, 0, 200, 100))
    by = 100 * part
    assert answers([box(50 - by, 0, 150, 50), LineString([(50 - by, 5), (150, 5)])], grid, by=BY_SHARE) == [
        (code, "tie" if code == "a" else "share", pytest.approx(0.5, abs=1e-4))
    ] * 2  # fmt: skip


def test_a_gap_in_a_grid_is_outside():
    grid = grid_of(a=box(0, 0, 100, 100).difference(box(40, 40, 60, 60)))
    assert answers([box(45, 45, 55, 55), box(30, 45, 55, 55)], grid, by=BY_SHARE) == [
        (None, "outside", None), ("a", "share", 0.4)
    ]  # fmt: skip
    assert answers([box(45, 45, 55, 55)], grid, by=BY_SHARE, near_m=6) == [("a", "near", 0.0, 5.0)]


def test_faulty_shapes_are_repaired_or_reported():
    bowtie = Polygon([(0, 0), (20, 20), (20, 0), (0, 20)])
    shapes = [
        bowtie,
        Polygon([(0, 0), (20, 20), (0, 0)]),
        LineString([(5, 5), (5, 5)]),
        LineString([(100, 5), (100, 5)]),
    ]
    shapes.append(MultiLineString([[(-5, 5), (-5, 5)]]))
    with pytest.warns(GridWarning, match=r"1 invalid polygons .* \(rows 0\)"):
        assert answers(shapes, by=BY_SHARE) == [
            ("d", "inside", 1.0), (None, "bad_shape", None), ("d", "inside", 1.0), ("c", "boundary", 1.0),
            (None, "outside", None),
        ]  # fmt: skip
    with pytest.warns(GridWarning, match="invalid polygons"):
        pieces = split(table(shapes), squares())
    assert pieces.geometry[0].equals_exact(table(shapes).geometry[0])
    assert rows_of(pieces, "located_by", "share")[1:] == [
        ("bad_shape", None), ("inside", 1.0), ("boundary", 1.0), ("outside", 1.0)
    ]  # fmt: skip
    across = Polygon([(90, 0), (110, 20), (110, 0), (90, 20)])
    with pytest.warns(GridWarning, match="invalid polygons"):
        assert split(table([across]), squares())["share"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, 1e10])
def test_coordinates_that_are_none(value):
    shapes = np.array([Polygon([(0, 0), (5, 0), (4, 4)]), LineString([(0, 0), (5, 5)]), box(0, 0, 4, 6)])
    shapes[:2] = shapely.transform(shapes[:2], lambda xy: np.where(xy == 5, value, xy))
    located = locate(table(shapes), squares(), by=BY_SHARE, near_m=9)
    assert located["located_by"].tolist() == ["bad_coordinates", "bad_coordinates", "inside"]
    assert split(table(shapes), squares())["located_by"].tolist() == located["located_by"].tolist()


def test_things_in_another_crs_are_brought_into_that_of_the_grid():
    things = table([box(90, 10, 120, 20), LineString([(10, 10), (130, 10)]), Point(10, 10), Point(10, 10)])
    degrees = things.to_crs(4326)
    located = locate(degrees, squares(), by=BY_SHARE)
    assert located.crs == 4326 and located.geometry.equals(degrees.geometry)
    assert located["grid_code"].tolist() == ["c", "d", "d", "d"]
    pieces = split(degrees, squares())
    assert pieces.crs == 4326
    here = split(things, squares())
    assert pieces["share"].to_numpy() == pytest.approx(here["share"].to_numpy(), abs=1e-6)
    assert pieces.to_crs(CRS).geometry.distance(here.geometry, align=False).max() < 1e-3
    assert pieces.to_crs(CRS).area.to_numpy() == pytest.approx(here.area.to_numpy(), abs=1e-3)


def test_rows_index_and_columns_are_kept():
    things = table([box(90, 10, 120, 20), box(10, 10, 20, 20)], name=["x", "y"]).rename_geometry("shape")
    things.index = pd.Index([7, 7], name="row")
    before = things.copy()
    located, pieces = locate(things, squares(), by=BY_SHARE), split(things, squares())
    assert things.equals(before)
    assert located.columns.tolist() == ["name", "shape", "grid_code", "located_by", "share"] == pieces.columns.tolist()
    assert located.index.equals(things.index)
    assert pieces.index.equals(pd.Index([7, 7, 7], name="row"))
    assert pieces["name"].tolist() == ["x", "x", "y"]
    assert summarise(squares(), pieces)["count"].sum() == 3


@pytest.mark.parametrize("which", ["things", "cells", "both"])
def test_empty_tables_work(which):
    things, grid = table([box(0, 0, 5, 5), LineString([(0, 0), (5, 5)]), Point(1, 1)]), squares()
    things = things if which == "cells" else things.iloc[:0]
    grid = grid if which == "things" else grid.iloc[:0]
    for made in (locate(things, grid, by=BY_SHARE, near_m=5), locate(things, grid, by=BY_POINT), split(things, grid)):
        assert made["located_by"].tolist() == ["outside"] * len(things)
        assert set(account(made)["rows"]) <= {3}


def test_an_index_made_before_gives_the_same():
    town = generate_town(120, parents=2, seed=3)
    grid = town.areas.rename(columns={"code": "parent_code"}).assign(
        grid_code=lambda areas: areas["parent_code"] + "001"
    )
    index = CellIndex(grid)
    assert locate(town.buildings, index, by=BY_POINT).equals(locate(town.buildings, grid, by=BY_POINT))
    whole = locate(town.buildings, grid, by=BY_SHARE)
    assert whole["located_by"].eq("inside").all() and whole["share"].eq(1).all()
    assert split(town.buildings, grid).drop(columns="share").equals(whole.drop(columns="share"))


def test_errors_say_what_to_do():
    things, grid = table([box(0, 0, 5, 5)]), squares()
    with pytest.raises(GridError, match=r"expected points, got Polygon in rows 0; .*by="):
        locate(things, grid)
    with pytest.raises(GridError, match=r"expected one of largest_share, .* got 'split'; .*use split"):
        locate(things, grid, by="split")
    for odd in (shapely.GeometryCollection([Point(0, 0)]), shapely.MultiPoint([(0, 0)])):
        for verb in (lambda frame: locate(frame, grid, by=BY_SHARE), lambda frame: split(frame, grid)):
            with pytest.raises(GridError, match=rf"got {odd.geom_type} in rows 1; take them apart with explode"):
                verb(table([box(0, 0, 1, 1), odd]))
    with pytest.raises(GridError, match="CRS is missing"):
        split(things.set_crs(None, allow_override=True), grid)
    for name in ("grid_code", "located_by", "share"):
        with pytest.raises(GridError, match=f"column {name} already"):
            split(things.assign(**{name: 1}), grid)
    with pytest.raises(GridError, match="column share already"):
        locate(things.assign(share=1), grid, by=BY_SHARE)
    with pytest.raises(GridError, match="column distance_m already"):
        locate(things.assign(distance_m=1), grid, by=BY_POINT, near_m=1)
    assert "share" in locate(things.assign(share=1), grid, by=BY_POINT).columns
    bowtie = grid_of(a=Polygon([(0, 0), (20, 20), (20, 0), (0, 20)]), b=box(100, 100, 110, 110))
    with pytest.raises(GridError, match=r"grid: expected valid polygons, got others in 1 cells \(a\); check_grid"):
        split(things, bowtie)


@pytest.mark.parametrize("near_m", [0, -1, 2e6, 10**400, np.nan, np.inf, "5", True, None, [5]])
def test_near_m_is_a_number_of_metres(near_m):
    points = table([Point(-3, 5)])
    if near_m is None:
        assert "distance_m" not in locate(points, squares(), near_m=near_m).columns
        return
    with pytest.raises(
        GridError, match=r"near_m: expected a number of metres above 0, up to 1,000,000, got .*; leave it out"
    ):
        locate(points, squares(), near_m=near_m)


def test_every_reason_has_a_meaning_and_occurs():
    grid = grid_of(b=box(0, 0, 110, 100), a=box(90, 0, 200, 100))
    shapes = [
        Point(1, 1), Point(0, 0), Point(-3, 0), box(-10, 0, 10, 10), box(190, -5, 210, 5), Point(900, 900), None,
        LineString([(0, 0), (np.inf, 0)]), Polygon([(0, 0), (9, 9), (0, 0)]), Point(100, 5),
    ]  # fmt: skip
    located = locate(table(shapes), grid, by=BY_SHARE, near_m=5)
    tied = locate(table([box(90, 10, 110, 20)]), squares(), by=BY_SHARE)
    assert {*located["located_by"], *tied["located_by"]} == set(REASONS)
    assert all(text and text[0].islower() for text in REASONS.values())


def test_the_small_example_as_a_whole():
    example = small_example()
    located = locate(example.buildings, example.grid, by=BY_SHARE)
    assert account(located)[["located_by", "rows"]].values.tolist() == [["inside", 32]]
    streets = split(example.barriers, example.grid)
    assert streets.length.sum() == pytest.approx(example.barriers.length.sum())
