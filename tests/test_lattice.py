"""A lattice is a cover of its areas, and arithmetic on its borders says what its polygons say."""

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gridgis import check_grid
from gridgis.answers import BAD_COORDINATES, OUTSIDE
from gridgis.contract import GridError, require_grid
from gridgis.lattice import (
    beidou_cell,
    beidou_code,
    beidou_grid,
    european_cell,
    european_code,
    european_grid,
    hex_grid,
    mgrs_cell,
    mgrs_reference,
    national_grid_cell,
    national_grid_reference,
    square_grid,
)
from gridgis.locate.index import CellIndex
from gridgis.sample import small_example

EAST, NORTH = 420_000.0, 4_007_000.0


def flat_grid(areas, **options):
    return hex_grid(areas, orientation="flat", **options)


MAKERS = [square_grid, hex_grid, flat_grid]


def table(*shapes, crs=4547, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


@st.composite
def outlines(draw, clearance=1e-5):
    """Polygons with holes and islands, on whole halves of 10 m or anywhere, near the origin or far from it."""
    number = draw(
        st.sampled_from([st.integers(-10, 10).map(lambda n: n * 5.0), st.floats(-50, 50).map(lambda v: round(v, 3))])
    )
    boxes = st.tuples(number, number, number, number).map(lambda c: shapely.box(c[0], c[1], c[2], c[3]))
    triangles = st.lists(st.tuples(number, number), min_size=3, max_size=3).map(shapely.Polygon)
    shapes = st.lists(st.one_of(boxes, triangles).filter(lambda shape: shape.area > 1), min_size=1, max_size=5)
    outline = shapely.union_all(draw(shapes)).difference(shapely.union_all(draw(shapes | st.just([]))))
    east, north = draw(st.sampled_from([(0.0, 0.0), (EAST, NORTH), (-3000.0, -75.0)]))
    moved = shapely.make_valid(shapely.transform(outline, lambda corners: np.add(corners, (east, north))))
    parts = [part for part in shapely.get_parts(shapely.get_parts(moved)) if part.geom_type == "Polygon"]
    parts = [part for part in parts if part.area > 1e-3]
    assume(parts)
    outline = shapely.MultiPolygon(parts)
    assume(outline.is_valid and shapely.minimum_clearance(outline) > clearance)
    return outline


def unmatched(polygons):
    """Edges that only one polygon has, in one array."""
    rings = shapely.get_rings(shapely.get_parts(polygons))
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    edges = np.concatenate([corners[:-1], corners[1:]], axis=1)[ring[1:] == ring[:-1]]
    back = (edges[:, 0] > edges[:, 2]) | ((edges[:, 0] == edges[:, 2]) & (edges[:, 1] > edges[:, 3]))
    edges[back] = edges[back][:, [2, 3, 0, 1]]
    edges, count = np.unique(edges, axis=0, return_counts=True)
    assert count.max() <= 2
    return edges[count == 1]


def assert_cover(polygons, outline, width=1e-5):
    """Valid polygons that add up to the outline and match each other edge by edge: what is left over is its border."""
    assert shapely.is_valid(polygons).all()
    assert abs(shapely.area(polygons).sum() - outline.area) <= 1e-11 * outline.area + width * outline.length
    alone = unmatched(polygons)
    middle = shapely.points((alone[:, :2] + alone[:, 2:]) / 2)
    assert shapely.distance(outline.boundary, middle).max() < width
    assert shapely.length(shapely.linestrings(alone.reshape(-1, 2, 2))).sum() == pytest.approx(
        outline.length, abs=1e-3, rel=1e-9
    )


def oracle(polygons, x, y):
    """The first polygon that holds each point, -1 without one; and whether it lies inside none."""
    points = shapely.points(x, y)
    point, cell = shapely.STRtree(polygons).query(points, predicate="intersects")
    first = np.full(len(x), len(polygons))
    np.minimum.at(first, point, cell)
    inner = np.zeros(len(x), bool)
    inner[point[shapely.contains_properly(polygons[cell], points[point])]] = True
    found = first < len(polygons)
    return np.where(found, first, -1), found & ~inner


def hard_points(polygons, outline, seed):
    """Corners, middles of edges, neighbours of corners in floating point, corners of the outline, points anywhere."""
    rng = np.random.default_rng(seed)
    corners = shapely.get_coordinates(polygons)
    corners = corners[rng.permutation(len(corners))[:400]]
    of_outline = shapely.get_coordinates(outline)[:200]
    west, south, east, north = outline.bounds
    anywhere = rng.uniform((west - 9, south - 9), (east + 9, north + 9), (400, 2))
    beside = np.where(corners == 0, 1e-9, np.nextafter(corners, rng.choice([-np.inf, np.inf], corners.shape)))
    half = np.column_stack([corners[:, 0], np.roll(corners[:, 1], 1)])
    found = np.concatenate([corners, (corners[1:] + corners[:-1]) / 2, of_outline, anywhere, beside, half])
    return found[:, 0], found[:, 1]


@settings(max_examples=60)
@given(outlines(), st.sampled_from(MAKERS), st.sampled_from([10.0, 7.3, 100.0]), st.integers(0, 99))
def test_clipped_cells_are_a_cover_and_points_agree_with_them(outline, make, size, seed):
    lattice = make(table(outline), size_m=size)
    grid = lattice.cells()
    polygons = grid.geometry.to_numpy()
    assert grid["grid_code"].tolist() == sorted(set(grid["grid_code"]))
    assert_cover(polygons, outline)
    assert np.allclose(lattice.area_m2, shapely.area(polygons), rtol=1e-9, atol=1e-9)
    x, y = hard_points(polygons, outline, seed)
    position, on_border = lattice.examine(x, y)
    expected, border = oracle(polygons, x, y)
    assert position.dtype == np.int32
    assert position.tolist() == expected.tolist()
    assert on_border.tolist() == border.tolist()


@pytest.mark.slow
@settings(max_examples=80)
@given(outlines(clearance=0), st.sampled_from(MAKERS), st.sampled_from([10.0, 7.3, 3.0]), st.integers(0, 99))
def test_outlines_with_spikes_are_covered_but_for_dust(outline, make, size, seed):
    polygons = make(table(outline), size_m=size).cells().geometry.to_numpy()
    assert not shapely.is_empty(polygons).any()
    assert shapely.is_valid(polygons).all()
    assert abs(shapely.area(polygons).sum() - outline.area) <= 1e-11 * outline.area + 1e-5 * outline.length
    x, y = hard_points(polygons, outline, seed)
    position, on_border = make(table(outline), size_m=size).examine(x, y)
    expected, border = oracle(polygons, x, y)
    assert position.tolist() == expected.tolist()
    assert on_border.tolist() == border.tolist()


@settings(max_examples=25)
@given(outlines(), st.sampled_from(MAKERS), st.sampled_from([10.0, 7.3]), st.integers(0, 99))
def test_whole_cells_are_those_with_a_part_inside(outline, make, size, seed):
    clipped, lattice = (make(table(outline), size_m=size, whole=whole) for whole in (False, True))
    assert lattice.codes.tolist() == clipped.codes.tolist()
    polygons = lattice.cells().geometry.to_numpy()
    assert (shapely.area(shapely.intersection(polygons, outline)) > 0).all()
    assert shapely.union_all(polygons).buffer(1e-5).covers(outline)
    assert shapely.coverage_is_valid(polygons)
    x, y = hard_points(polygons, outline, seed)
    position, on_border = lattice.examine(x, y)
    expected, border = oracle(polygons, x, y)
    assert position.tolist() == expected.tolist()
    assert on_border.tolist() == border.tolist()


@pytest.mark.parametrize("make", MAKERS)
def test_a_ragged_outline_with_holes(make):
    rng = np.random.default_rng(3)
    angle = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    ragged = shapely.Polygon(
        np.stack([np.cos(angle), np.sin(angle)], axis=1) * rng.uniform(360, 400, (240, 1)) + (EAST, NORTH)
    )
    holes = shapely.union_all(
        [shapely.Point(EAST + a, NORTH + b).buffer(r) for a, b, r in [(0, 0, 90), (150, 9, 3), (-200, 50, 30)]]
    )
    island = shapely.Point(EAST, NORTH).buffer(20)
    outline = ragged.difference(holes).union(island)
    for size in (7.0, 40.0, 200.0, 5000.0):
        lattice = make(table(outline), size_m=size)
        polygons = lattice.cells().geometry.to_numpy()
        assert shapely.coverage_is_valid(polygons)
        assert abs(lattice.area_m2.sum() / outline.area - 1) < 1e-11
        assert_cover(polygons, outline)
        assert lattice.clipped.any()


def test_cells_keep_the_contract_and_pieces_stay_one_cell():
    comb = shapely.box(0, 0, 100, 10).union(shapely.union_all([shapely.box(x, 0, x + 4, 60) for x in range(0, 100, 8)]))
    lattice = square_grid(table(comb), size_m=50)
    grid = require_grid(lattice.cells())
    assert list(grid.columns) == ["grid_code", "parent_code", "area_m2", "geometry"]
    assert grid.geom_type.tolist() == ["Polygon", "Polygon", "MultiPolygon", "MultiPolygon"]
    assert {finding.rule for finding in check_grid(grid)} == {"cell_in_pieces"}
    solid = hex_grid(small_example().areas, size_m=60).cells()
    assert check_grid(solid) == []


def test_only_the_cells_asked_for_are_drawn():
    lattice = hex_grid(small_example().areas, size_m=60)
    everything = lattice.cells()
    some = lattice.cells([5, 2, 5])
    assert some["grid_code"].tolist() == lattice.codes[[5, 2, 5]].tolist()
    assert some.geometry.to_numpy().tolist() == everything.geometry.to_numpy()[[5, 2, 5]].tolist()
    assert len(lattice.cells(lattice.clipped)) == lattice.clipped.sum()
    assert len(lattice.cells([])) == 0
    require_grid(lattice.cells([]))
    for wrong in ([-1], [len(lattice)], [0.5], [[0]], np.ones(3, bool)):
        with pytest.raises(GridError, match="positions: expected"):
            lattice.cells(wrong)


@pytest.mark.parametrize("make", MAKERS)
def test_points_that_are_none_and_points_far_away(make):
    lattice = make(table(shapely.box(0, 0, 30, 30)), size_m=10)
    x = [np.nan, 5, np.inf, -np.inf, 1e300, -1e300, 5, -0.0, 1e17]
    y = [5, np.nan, 5, 5, 1e300, 5, -1e300, 15, 5]
    position, on_border = lattice.examine(x, y)
    assert position[:4].tolist() == [BAD_COORDINATES] * 4
    assert position[[4, 5, 6, 8]].tolist() == [OUTSIDE] * 4
    assert position[7] >= 0
    assert on_border.tolist() == [False] * 7 + [True, False]
    assert lattice.locate([], []).tolist() == []
    with pytest.raises(GridError, match="two arrays of one length"):
        lattice.locate([1.0], [1.0, 2.0])
    with pytest.raises(GridError, match="two arrays of one length"):
        lattice.locate(1.0, 2.0)


def test_a_shared_border_belongs_to_the_lower_code():
    lattice = square_grid(table(shapely.box(-20, -20, 20, 20)), size_m=10)
    # N before S and E before W in the order of text, though S and W are lower on the map
    at = lambda x, y: lattice.codes[lattice.locate([x], [y])[0]]  # noqa: E731
    assert at(5.0, 5.0) == "10mN0000000E0000000"
    assert at(-5.0, -5.0) == "10mS0000001W0000001"
    assert at(0.0, 0.0) == "10mN0000000E0000000"
    assert at(0.0, -20.0) == "10mS0000002E0000000"
    assert at(10.0, 10.0) == "10mN0000000E0000000"
    assert at(-10.0, -10.0) == "10mS0000001W0000001"
    assert lattice.examine([10.0, 20.0, 5.0], [5.0, 20.0, 5.0])[1].tolist() == [True, True, False]


def test_counts_are_all_that_was_given():
    lattice = square_grid(table(shapely.box(0, 0, 30, 30)), size_m=10)
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-5, 35, (2, 40_000))
    x[:7] = np.nan
    counted = lattice.count(x, y)
    assert counted.cells.sum() + counted.outside + counted.conflict + counted.bad_coordinates == len(x)
    assert counted.bad_coordinates == 7
    assert counted.cells.dtype == np.int64
    weighed = lattice.count(x, y, np.full(len(x), 0.5))
    assert np.allclose(weighed.cells * 2, counted.cells)
    assert weighed.outside * 2 == counted.outside
    with pytest.raises(GridError, match="weights: expected one for each"):
        lattice.count(x, y, [1.0])


def test_answers_mean_what_those_of_an_irregular_grid_mean():
    lattice = hex_grid(small_example().areas, size_m=60)
    x, y = hard_points(lattice.cells().geometry.to_numpy(), shapely.union_all(small_example().areas.geometry), 1)
    expected = CellIndex(lattice.cells()).examine(x, y)
    for ours, theirs in zip(lattice.examine(x, y), expected, strict=True):
        assert ours.tolist() == theirs.tolist()


def test_neighbouring_districts_share_one_lattice():
    left = shapely.Polygon([(0, 0), (47, 3), (33.3, 51), (58, 88), (0, 90)])
    right = shapely.Polygon([(47, 3), (120, 0), (120, 80), (58, 88), (33.3, 51)])
    for make in MAKERS:
        one, two, both = (make(table(*shapes), size_m=11.7) for shapes in ((left,), (right,), (left, right)))
        assert sorted({*one.codes, *two.codes}) == both.codes.tolist()
        pieces = np.concatenate([one.cells().geometry.to_numpy(), two.cells().geometry.to_numpy()])
        assert_cover(pieces, left.union(right))
        shared = sorted(set(one.codes) & set(two.codes))
        area = dict.fromkeys(both.codes, 0.0)
        for lattice in (one, two):
            for code, size in zip(lattice.codes, lattice.area_m2, strict=True):
                area[code] += size
        assert shared
        assert np.allclose(list(area.values()), both.area_m2)


def test_the_origin_moves_the_borders():
    lattice = square_grid(table(shapely.box(3, 4, 33, 34)), size_m=10, origin=(3, 4))
    assert len(lattice) == 9
    assert not lattice.clipped.any()
    hexagons = hex_grid(table(shapely.box(2, 3, 4, 5)), size_m=10, origin=(3, 4), whole=True)
    assert len(hexagons) == 1
    centre = hexagons.cells().geometry[0].centroid
    assert (centre.x, centre.y) == pytest.approx((3, 4))
    assert hexagons.codes[0] == "HP10mN0000000E0000000"


@pytest.mark.parametrize("make", [hex_grid, flat_grid])
def test_hexagons_are_regular(make):
    hexagons = make(table(shapely.box(0, 0, 500, 500)), size_m=40, whole=True).cells()
    corners = shapely.get_coordinates(hexagons.geometry.to_numpy()).reshape(-1, 7, 2)
    edges = np.hypot(*np.moveaxis(np.diff(corners, axis=1), 2, 0))
    assert np.allclose(edges, 40 / 3**0.5)
    assert np.allclose(hexagons["area_m2"], 40**2 * 3**0.5 / 2)
    assert shapely.is_ccw(shapely.get_exterior_ring(hexagons.geometry.to_numpy())).all()


def test_the_parent_has_the_largest_share_and_the_lowest_code_of_equal_ones():
    areas = table(
        shapely.box(0, 0, 14, 30), shapely.box(14, 0, 25, 30), shapely.box(25, 0, 30, 30), code=["c", "b", "a"]
    )
    lattice = square_grid(areas, size_m=10)
    assert lattice.cells()["parent_code"].tolist() == ["c", "b", "a"] * 3
    assert square_grid(table(shapely.box(0, 0, 9, 9)), size_m=5).cells()["parent_code"].unique().tolist() == ["area"]


@settings(max_examples=15)
@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=3, max_size=8, unique=True),
    st.sampled_from(MAKERS),
)
def test_parents_agree_with_the_overlaps(seeds, make):
    square = shapely.box(0, 0, 100, 100)
    shapes = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(seeds), extend_to=square))
    shapes = shapely.intersection(shapes, square)
    shapes = shapes[shapely.area(shapes) > 1]
    assume(len(shapes) > 1 and shapely.is_valid(shapes).all())
    areas = table(*shapes, code=[f"area {i}" for i in range(len(shapes))])
    grid = make(areas, size_m=17.0).cells()
    parts = np.array([shapely.area(shapely.intersection(shapes, cell)) for cell in grid.geometry])
    chosen = parts[np.arange(len(grid)), [int(code[5:]) for code in grid["parent_code"]]]
    assert np.allclose(chosen, parts.max(axis=1), atol=1e-6)


def test_overlaps_and_gaps_between_areas_do_not_stop_it():
    areas = table(shapely.box(0, 0, 60, 60), shapely.box(20, 20, 90, 90), code=["b", "a"])
    lattice = square_grid(areas, size_m=10)
    grid = lattice.cells().set_index("grid_code")
    assert lattice.area_m2.sum() == pytest.approx(3600 + 4900 - 1600)
    assert grid["parent_code"]["10mN0000003E0000003"] == "a"
    assert grid["parent_code"]["10mN0000001E0000003"] == "b"


@pytest.mark.parametrize("make", MAKERS)
def test_the_order_of_rows_and_of_corners_does_not_matter(make):
    left, right = shapely.Polygon([(0, 0), (47, 3), (33, 51), (58, 88), (0, 90)]), shapely.box(60, 5, 99, 66)
    turned = shapely.reverse(shapely.Polygon(np.roll(shapely.get_coordinates(left)[:-1], 2, axis=0)))
    for columns in ({}, {"code": ["x", "y"]}):
        one = make(table(left, right, **columns), size_m=7).cells()
        back = {name: values[::-1] for name, values in columns.items()}
        two = make(table(right, turned, **back), size_m=7).cells()
        assert one.to_wkb().equals(two.to_wkb())


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("cells", [7, 40, 333, 5000])
def test_a_number_of_cells_is_not_passed(make, cells):
    areas = table(shapely.Point(EAST, NORTH).buffer(432).difference(shapely.Point(EAST, NORTH + 50).buffer(99)))
    lattice = make(areas, cells=cells)
    size = float(lattice.codes[0].split("m")[0].lstrip("HPF"))
    assert 0.7 * cells <= len(lattice) <= cells
    digits = 10 ** (np.floor(np.log10(size)) - 2)
    assert round(size / digits) == pytest.approx(size / digits)
    assert len(make(areas, size_m=round(size - digits, 6))) > cells


def test_a_number_of_cells_that_cannot_be():
    across_the_origin = table(shapely.box(-10, -10, 10, 10))
    with pytest.raises(GridError, match="fewer than any size gives"):
        square_grid(across_the_origin, cells=3)
    assert len(square_grid(across_the_origin, cells=4)) == 4
    assert len(square_grid(across_the_origin, cells=3, origin=(-10, -10))) == 1
    thin = table(shapely.Polygon([(0, 0), (9000, 9000), (9000, 9000.01)]))
    assert 500 < len(square_grid(thin, cells=1000)) <= 1000


def test_dust_at_a_border_is_no_cell():
    for off in (1e-7, -1e-7, 3e-10):
        lattice = square_grid(table(shapely.box(EAST + off, NORTH - off, EAST + 30 - off, NORTH + 30 + off)), size_m=10)
        assert len(lattice) == 9
        assert not lattice.clipped.any()
    hexagons = hex_grid(table(shapely.box(EAST, NORTH, EAST + 99, NORTH + 99)), size_m=10, whole=True).cells()
    for grid, make in ((hexagons, hex_grid),):
        again = make(table(shapely.union_all(grid.geometry.to_numpy())), size_m=10)
        assert again.codes.tolist() == grid["grid_code"].tolist()
        assert not again.clipped.any()
    slit = shapely.box(0, 0, 50, 50).difference(shapely.box(20 - 2e-7, 10, 20 + 2e-7, 40))
    lattice = square_grid(table(slit), size_m=10)
    assert len(lattice) == 25
    assert lattice.area_m2.sum() == pytest.approx(2500)


def test_outlines_that_touch_themselves():
    square = shapely.box(0, 0, 40, 40)
    in_corner = square.difference(shapely.Polygon([(0, 0), (25, 13), (13, 25)]))  # the hole touches the shell
    on_border = square.difference(shapely.Polygon([(20, 20), (31, 22), (31, 38)]))  # a corner of the hole on a corner
    on_side = square.difference(shapely.Polygon([(10, 5), (18, 2), (18, 8)]))  # ... and on a side, from one side
    for outline in (in_corner, on_border, on_side):
        for make in MAKERS:
            assert_cover(make(table(outline), size_m=10).cells().geometry.to_numpy(), outline)


def test_errors_say_what_to_do():
    areas = small_example().areas
    box = shapely.box(EAST, NORTH, EAST + 30, NORTH + 30)
    for make in MAKERS:
        with pytest.raises(GridError, match="exactly one of them"):
            make(areas)
        with pytest.raises(GridError, match="exactly one of them"):
            make(areas, size_m=10, cells=10)
        for size in (0, -1, np.nan, np.inf, "10", True, 1e300):
            with pytest.raises(GridError, match="size_m: expected metres above 0"):
                make(areas, size_m=size)
        for cells in (0, -5, 1.5, True, 10**9):
            with pytest.raises(GridError, match="cells: expected a whole number"):
                make(areas, cells=cells)
        with pytest.raises(
            GridError, match=r"would be [89]\d\d,\d\d\d,\d\d\d in their bounds, expected at most 10,000,000"
        ):
            make(areas, size_m=0.01)
        for size in (1e-100, 1e-300):
            with pytest.raises(GridError, match=r"would be (inf|\d\.\de\+\d+) in their bounds"):
                make(areas, size_m=size)
        with pytest.raises(GridError, match="origin: expected x and y in metres"):
            make(areas, size_m=10, origin=(0, np.nan))
        with pytest.raises(GridError, match="origin: expected x and y in metres"):
            make(areas, size_m=10, origin=3)
        with pytest.raises(GridError, match="at least one polygon, got an empty table"):
            make(areas.iloc[:0], size_m=10)
        with pytest.raises(GridError, match="projected CRS in metres"):
            make(areas.to_crs(4326), size_m=10)
        with pytest.raises(GridError, match="CRS is missing"):
            make(table(box, crs=None), size_m=10)
        with pytest.raises(GridError, match="valid polygons; not so: rows 1, 2, 3, 4;"):
            make(
                table(
                    box, None, shapely.Polygon(), shapely.Polygon([(0, 0), (1, 1), (0, 1), (1, 0)]), shapely.Point(0, 0)
                ),
                size_m=10,
            )
        with pytest.raises(GridError, match="too small for coordinates such as"):
            make(table(shapely.box(1e15, 1e15, 1e15 + 8, 1e15 + 8)), size_m=0.3)
        with pytest.raises(GridError, match=r"in their bounds|too small"):
            make(table(shapely.box(-1e300, -1e300, 1e300, 1e300)), size_m=10)
        with pytest.raises(GridError, match="each code once"):
            make(table(box, box, code=["a", "a"]), size_m=10)
        with pytest.raises(GridError, match="expected text in code"):
            make(table(box, code=[7]), size_m=10)
    with pytest.raises(GridError, match="orientation: expected 'pointy' or 'flat'"):
        hex_grid(areas, size_m=10, orientation="round")


def test_the_european_grid():
    west, south = european_cell("CRS3035RES1000mN2889000E3760000")[:2]
    outline = shapely.Point(west, south).buffer(1700)
    lattice = european_grid(table(outline, crs=3035))
    assert lattice.codes.tolist() == sorted(lattice.codes)
    x, y = np.random.default_rng(0).uniform((west - 1900, south - 1900), (west + 1900, south + 1900), (3000, 2)).T
    position = lattice.locate(x, y)
    assert (lattice.codes[position] == european_code(x, y))[position >= 0].all()
    assert ((position >= 0) == shapely.contains_xy(outline, x, y)).all()
    whole = european_grid(table(outline, crs=3035), whole=True).cells()
    assert [shape.bounds for shape in whole.geometry] == [tuple(european_cell(code)) for code in whole["grid_code"]]
    million = european_grid(table(shapely.box(3e6, 999_500, 3_000_500, 1_000_500), crs=3035), size_m=500)
    assert million.codes.tolist() == [
        "CRS3035RES500mN1000000E3000000",
        "CRS3035RES500mN999500E3000000",
    ]  # order of text
    with pytest.raises(
        GridError, match=r"expected the CRS of the European grid, EPSG:3035, got CGCS2000.*to_crs\(3035\)"
    ):
        european_grid(small_example().areas)
    with pytest.raises(GridError, match="the extent of the European grid"):
        european_grid(table(shapely.box(0, 0, 1, 1), crs=3035))
    for size in (0, 1.5, -1000, np.nan, "1000", True):
        with pytest.raises(GridError, match="size_m: expected whole metres"):
            european_grid(table(outline, crs=3035), size)


@pytest.mark.parametrize("level", [4, 5, 6])
def test_the_beidou_grid(level):
    outline = shapely.Point(EAST, NORTH).buffer(900, quad_segs=40).difference(shapely.Point(EAST, NORTH).buffer(111))
    lattice = beidou_grid(table(outline), level)
    grid = lattice.cells()
    polygons = grid.geometry.to_numpy()
    assert grid["grid_code"].tolist() == sorted(set(grid["grid_code"]))
    assert shapely.is_valid(polygons).all()
    assert shapely.coverage_is_valid(polygons)
    assert lattice.area_m2.sum() == pytest.approx(outline.area, rel=1e-7)
    x, y = np.random.default_rng(level).uniform((EAST - 950, NORTH - 950), (EAST + 950, NORTH + 950), (4000, 2)).T
    position, on_border = lattice.examine(x, y)
    degrees = gpd.GeoSeries(gpd.points_from_xy(x, y), crs=4547).to_crs(4490)
    codes = beidou_code(degrees.x.to_numpy(), degrees.y.to_numpy(), level)
    inside = position >= 0
    assert (inside == shapely.contains_xy(outline, x, y)).mean() > 0.999
    assert (lattice.codes[position[inside]] == codes[inside]).all()
    assert not on_border.any()
    assert lattice.locate([np.nan, 1e300, EAST], [0.0, 1e300, NORTH + 500])[:2].tolist() == [-3, -1]


def test_the_beidou_grid_where_hemispheres_meet():
    outline = shapely.Point(166_021.4, 0).buffer(300)
    lattice = beidou_grid(table(outline, crs=32631))
    assert {code[:4] for code in lattice.codes} == {"N30A", "N31A", "S30A", "S31A"}
    assert shapely.coverage_is_valid(lattice.cells().geometry.to_numpy())
    whole = beidou_grid(table(outline, crs=32631), whole=True).cells().to_crs(4490)
    for code, shape in zip(whole["grid_code"], whole.geometry, strict=True):
        assert tuple(beidou_cell(code)) == pytest.approx(shape.bounds, abs=1e-8)


def test_where_the_beidou_grid_ends():
    with pytest.raises(GridError, match="latitudes within 88 degrees"):
        beidou_grid(table(shapely.box(490_000, 9_800_000, 510_000, 9_810_000), crs=32631), 1)
    with pytest.raises(GridError, match="on one side of the meridian of 180"):
        beidou_grid(table(shapely.box(830_000, 0, 840_000, 9000), crs=32660), 2)
    with pytest.raises(GridError, match="level: expected a whole number, 1 to 10"):
        beidou_grid(small_example().areas, 11)
    with pytest.raises(GridError, match="in their bounds, expected at most"):
        beidou_grid(small_example().areas, 10)


def test_the_edges_of_the_european_and_the_beidou_grid():
    west, south, east, north = 900_000, 900_000, 7_400_000, 5_500_000
    for corner in ((west, south), (east - 50, north - 50)):
        inside = shapely.box(*corner, corner[0] + 50, corner[1] + 50)
        assert len(european_grid(table(inside, crs=3035), 100).codes) == 1
        beside = shapely.box(*corner, corner[0] + 50.5, corner[1] + 50)
        beside = shapely.transform(beside, lambda xy, low=corner[0] == west: xy - ([0.5, 0] if low else [0, 0]))
        with pytest.raises(GridError, match="the extent of the European grid"):
            european_grid(table(beside, crs=3035), 100)
    last = np.nextafter(88, 0)
    assert [code[0] + code[3] for code in beidou_code([0, 0], [last, -last], 1)] == ["NV", "SV"]
    for lon, lat in ((0, 88), (0, -88), (180.0001, 0), (-180.0001, 0)):
        with pytest.raises(GridError, match="within 88, got"):
            beidou_code([lon], [lat])
    assert [code[:3] for code in beidou_code([180, -180, 0, -1e-9], [0, 0, 0, 0], 1)] == ["N60", "N01", "N31", "N30"]
    assert beidou_cell(beidou_code([180.0], [0.0])[0]).east == 180


# Codes of places


@pytest.mark.parametrize(
    ("code", "bounds"),
    [
        ("1kmN2889E3760", (3_760_000, 2_889_000, 3_761_000, 2_890_000)),
        ("10kmE438N335", (4_380_000, 3_350_000, 4_390_000, 3_360_000)),
        ("100kmE43N33", (4_300_000, 3_300_000, 4_400_000, 3_400_000)),
        ("50kmE435N335", (4_350_000, 3_350_000, 4_400_000, 3_400_000)),
        ("5kmN3350E4380", (4_380_000, 3_350_000, 4_385_000, 3_355_000)),
        ("2kmN3350E4380", (4_380_000, 3_350_000, 4_382_000, 3_352_000)),
        ("500mN33505E43800", (4_380_000, 3_350_500, 4_380_500, 3_351_000)),
        ("250mE438025N335075", (4_380_250, 3_350_750, 4_380_500, 3_351_000)),
        ("100mE43801N33502", (4_380_100, 3_350_200, 4_380_200, 3_350_300)),
        ("25mE4380025N3350075", (4_380_025, 3_350_075, 4_380_050, 3_350_100)),
        ("1mE4380003N3350002", (4_380_003, 3_350_002, 4_380_004, 3_350_003)),
        ("CRS3035RES250mN3350750E4380250", (4_380_250, 3_350_750, 4_380_500, 3_351_000)),
        ("CRS3035RES10kmN3350000E4380000", (4_380_000, 3_350_000, 4_390_000, 3_360_000)),
        ("CRS3035RES1000mE4380000N3350000", (4_380_000, 3_350_000, 4_381_000, 3_351_000)),
        ("1kmN-1E0", (0, -1000, 1000, 0)),
    ],
)
def test_codes_of_the_european_grid_in_all_sizes_and_spellings(code, bounds):
    assert tuple(european_cell(code)) == bounds
    for other in (code.lower(), code.upper(), f"FR_{code}", f" fr_{code.lower()} ", " ".join(code)):
        assert tuple(european_cell(other)) == bounds


@given(
    st.sampled_from([1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000, 10_000, 50_000, 100_000]),
    st.integers(900_000, 7_399_999),
    st.integers(900_000, 5_499_999),
)
def test_a_short_code_is_the_long_one_without_the_zeros_of_its_size(size, x, y):
    (code,) = european_code([x], [y], size)
    west, south, east, north = european_cell(code)
    assert west <= x < east and south <= y < north and east - west == north - south == size
    zeros = len(str(size)) - len(str(size).rstrip("0"))
    cut = [str(value)[: len(str(value)) - zeros] for value in (west, south)]
    unit = f"{size // 1000}km" if size % 1000 == 0 else f"{size}m"
    for short in (f"{unit}E{cut[0]}N{cut[1]}", f"{unit}N{cut[1]}E{cut[0]}", f"{size}mE{cut[0]}N{cut[1]}"):
        assert european_cell(short) == (west, south, east, north)


@pytest.mark.parametrize(
    "code",
    [
        "50kmE433N335", "2kmE4381N3350", "250mE438001N335075", "CRS3035RES1000mN3350500E4380000", "0kmE1N1", "kmE1N1",
        "10kmE438", "10kmE438E335", "DE1kmN1E1", "CRS3034RES1000mN1000E1000", "2000kmE0N0", "1001kmE0N0", "10kmE４N3", 7, None, "",
        "10kmE438N3350", "10kmE4380N335", "1kmE4380000N3350000",
    ],
)  # fmt: skip
def test_what_is_no_code_of_the_european_grid(code):
    with pytest.raises(GridError, match="European grid code: "):
        european_cell(code)


def test_codes_are_read_in_small_letters_and_with_blanks():
    assert beidou_cell("n49ja0261ea") == beidou_cell(" N49J A0261\tEA ") == beidou_cell("N49JA0261EA")
    assert national_grid_cell("tq3080") == national_grid_cell("tq 30\u00a080") == (530_000, 180_000, 531_000, 181_000)
    assert mgrs_cell("49sfa9007") == mgrs_cell("49s fa\u300090 07") == (32649, 690_000, 4_007_000, 691_000, 4_008_000)
    for read, strange in ((beidou_cell, "N49JA0261É"), (national_grid_cell, "TQ３０80"), (mgrs_cell, "49SFA９007")):
        for wrong in (strange, 7, None, ""):
            with pytest.raises(GridError, match="expected"):
                read(wrong)


@pytest.mark.parametrize(
    ("lon", "lat", "reference"),
    [
        (113.1163, 36.1954, "49SFA9027807697"), (-157.916082, 21.409716, "04QFJ123678"), (0, 0, "31NAA6602100000"),
        (0, -1e-13, "31MAV6602199999"), (-0.1246, 51.5007, "30UXC"), (151.2153, -33.8568, "56HLH"), (5.3, 60.4, "32VKN"),
        (15.6, 78.2, "33XWG"), (20.999, 72, "33XYV"), (179.9999, 10, "60PZS"),
    ],
)  # fmt: skip
def test_known_references_of_mgrs(lon, lat, reference):
    assert mgrs_reference([lon], [lat], len(reference) - 5).tolist() == [reference]
    epsg, west, south, east, north = mgrs_cell(reference)
    x, y = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    assert west - 1e-6 <= x <= east and south - 1e-6 <= y <= north + 1e-6


def squares_by_band(zone):
    """The oracle: which squares of 100 km in a zone have a point in which band, walked along their borders."""
    columns, rows = ("STUVWXYZ", "ABCDEFGH", "JKLMNPQR")[zone % 3], "ABCDEFGHJKLMNPQRSTUV"
    step = np.linspace(1e-3, 1e5 - 1e-3, 21)
    low, high = np.full(21, 1e-3), np.full(21, 1e5 - 1e-3)
    across, up = np.concatenate([step, step, low, high]), np.concatenate([low, high, step, step])
    for hemisphere, bands in ((32700, "CDEFGHJKLM"), (32600, "NPQRSTUVWX")):
        west, south = (corner.ravel() for corner in np.meshgrid(np.arange(1, 9) * 1e5, np.arange(0, 100) * 1e5))
        transformer = pyproj.Transformer.from_crs(hemisphere + zone, 4326, always_xy=True)
        _, lat = transformer.transform(west[:, None] + across, south[:, None] + up)
        for number, band in enumerate(bands):
            begins = -80 + 8 * number if hemisphere == 32700 else 8 * number
            ends = 84 if band == "X" else begins + 8
            for i in np.flatnonzero((lat.max(axis=1) >= begins) & (lat.min(axis=1) < ends)):
                row = rows[int(south[i] // 1e5 + (5 if zone % 2 == 0 else 0)) % 20]
                yield f"{zone:02d}{band}{columns[int(west[i] // 1e5) - 1]}{row}", (hemisphere + zone, west[i], south[i])


@pytest.mark.parametrize("zone", [49, 32])
def test_mgrs_reads_the_squares_that_touch_their_band_and_no_others(zone):
    expected = {code: corner for code, corner in squares_by_band(zone) if not (zone == 32 and "X" in code[2])}
    columns = ("STUVWXYZ", "ABCDEFGH", "JKLMNPQR")[zone % 3]
    rng, read = np.random.default_rng(zone), {}
    candidates = [
        f"{zone:02d}{b}{c}{r}" for b in "CDEFGHJKLMNPQRSTUVWX" for c in columns for r in "ABCDEFGHJKLMNPQRSTUV"
    ]
    for code in rng.choice(candidates, 700, replace=False).tolist():
        try:
            read[code] = mgrs_cell(code)[:3]
        except GridError as error:
            assert code not in expected, error
            assert "does not touch it" in str(error) or code[2] == "X"
    assert read and all(expected.get(code) == corner for code, corner in read.items())


def test_a_band_that_a_square_does_not_touch_is_refused_at_every_size():
    with pytest.raises(
        GridError, match=r"'49RFA9007' names no place; band R reaches from 24 to 32 degrees of latitude"
    ):
        mgrs_cell("49RFA9007")
    lat = np.array([31.9999999, 32.0000001, 71.9999999, 83.9999999, -8.0000001, -7.9999999, -1e-9, 1e-9, -80.0])
    lon = np.full(len(lat), 10.5)
    for digits in (0, 4, 10):
        for code, band in zip(mgrs_reference(lon, lat, digits), "RSWXLMMNC", strict=True):
            assert code[2] == band
            mgrs_cell(code)
    for south, north in ((31.9999, 32.0001), (-8.0001, -7.9999), (-0.0001, 0.0001)):
        below, above = mgrs_reference([10.5, 10.5], [south, north])
        for code, other in ((below, above[2]), (above, below[2])):
            with pytest.raises(GridError, match="does not touch"):
                mgrs_cell(code[:2] + other + code[3:])


def test_a_millimetre_beside_a_border_is_beside_it_and_a_nanometre_is_on_it():
    assert mgrs_reference([3.0, 3 - 1e-15, 3 - 1e-8], [0.0, 0.0, 0.0]).tolist() == [
        "31NEA0000000000", "31NEA0000000000", "31NDA9999900000"
    ]  # fmt: skip


@given(st.floats(-180, 180), st.floats(-80, 84), st.sampled_from([0, 2, 4, 6, 8, 10]))
def test_an_mgrs_reference_goes_out_and_comes_back(lon, lat, digits):
    (code,) = mgrs_reference([lon], [lat], digits)
    epsg, west, south, east, north = mgrs_cell(code)
    assert east - west == north - south == 10 ** (5 - digits // 2)
    x, y = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    assert west - 1e-5 <= x <= east + 1e-5 and south - 1e-5 <= y <= north + 1e-5


@pytest.mark.parametrize(
    "reference", ["61NAA", "00NAA", "49SIA", "49SJA", "49SFW", "49SFA900", "32XNG", "34XDG", "36XVG", "AB", "49YFA"]
)
def test_what_is_no_reference_of_mgrs(reference):
    with pytest.raises(GridError, match="MGRS: expected zone, band"):
        mgrs_cell(reference)


@pytest.mark.parametrize(
    ("lon", "lat", "zone"),
    [
        (2.9999, 60, 31), (3, 60, 32), (11.9999, 60, 32), (12, 60, 33), (3, 55.9999, 31), (3, 56, 32), (3, 63.9999, 32),
        (3, 64, 31), (3, 72, 31), (8.9999, 72, 31), (9, 72, 33), (9, 71.9999, 32), (20.9999, 84, 33), (21, 84, 35), (32.9999, 75, 35),
        (33, 75, 37), (41.9999, 75, 37), (42, 75, 38), (-1e-9, 75, 30), (180, 0, 1), (-180, 0, 1), (179.9999, 0, 60), (5.9999, 0, 31), (6, 0, 32),
    ],
)  # fmt: skip
def test_zones_are_wider_in_norway_and_around_svalbard(lon, lat, zone):
    (code,) = mgrs_reference([lon], [lat], 0)
    assert int(code[:2]) == zone
    assert mgrs_cell(code).epsg % 100 == zone


def test_the_british_national_grid():
    assert national_grid_reference([0, 651409.9, 699_999.9], [0, 313177, 1_299_999], 6).tolist() == [
        "SV000000",
        "TG514131",
        "JM999999",
    ]
    for code in ("SV", "TG51", "HP4020", "JM99"):
        west, south, _, _ = national_grid_cell(code)
        assert national_grid_reference([west], [south], len(code) - 2).tolist() == [code]
    for x, y in ((-0.001, 0), (700_000, 0), (0, -0.001), (0, 1_300_000)):
        with pytest.raises(GridError, match="expected easting 0 to 700000"):
            national_grid_reference([x], [y])
    for code in ("AA", "HG", "JN", "RV", "TI", "TQ308", "T", "TQ30801122334"):
        with pytest.raises(GridError, match="British National Grid"):
            national_grid_cell(code)


def test_a_lattice_says_what_it_is():
    assert repr(square_grid(small_example().areas, size_m=50)) == "<Lattice: 32 cells, squares of 50 m, EPSG:4547>"
    unnamed = "+proj=tmerc +lat_0=0 +lon_0=113.3 +k=1 +x_0=500000 +y_0=0 +ellps=GRS80 +units=m"
    assert "squares of 0.5 m" in repr(square_grid(table(shapely.box(0, 0, 2, 2), crs=unnamed), size_m=0.5))
