"""Each rule of the contract, proven by a grid that breaks just that rule."""

import itertools
import json
from dataclasses import FrozenInstanceError

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import translate

import gridgis as gg
from gridgis.check import RULES, Finding, check_grid
from gridgis.cli import main
from gridgis.codes import CodeScheme
from gridgis.contract import GridError, require_grid, require_metre_crs, require_same_crs, require_unique, text_column
from gridgis.sample import MADE_UP_STREET, ORIGIN, small_example

SCHEME = CodeScheme.unit_grid()
BAND = (20, 30)
X, Y = ORIGIN


def report_of(grid, **changes):
    town = small_example()
    given = {"areas": town.areas, "buildings": town.buildings, "scheme": SCHEME, "households": BAND} | changes
    return check_grid(grid, **given)


def with_cell(number, shape):
    grid = small_example().grid.copy()
    shapes = grid.geometry.to_numpy().copy()
    shapes[number] = shape
    return grid.set_geometry(gpd.GeoSeries(shapes, grid.index, crs=grid.crs))


def cell(number):
    return small_example().grid.geometry.iloc[number]


def box(x0, y0, x1, y1):
    return shapely.box(X + x0, Y + y0, X + x1, Y + y1)


def changed(column, number, value):
    grid = small_example().grid.copy()
    grid[column] = grid[column].astype(object)
    grid.loc[number, column] = value
    return grid


def without(column):
    return small_example().grid.drop(columns=column)


def in_degrees():
    return small_example().grid.to_crs(4326)


def duplicate_code():
    return changed("grid_code", 1, small_example().grid["grid_code"][0])


def pieces():
    west, south, east, north = cell(1).bounds
    middle = (west + east) / 2
    left = shapely.box(west, south, middle - 10, north)
    right = shapely.box(middle + 10, south, east, north)
    return with_cell(1, shapely.MultiPolygon([left, right]))


def bow_tie():
    west, south, east, north = cell(0).bounds
    return with_cell(0, shapely.Polygon([(west, south), (east, north), (east, south), (west, north)]))


def overlapping():
    # Grows over its neighbour in the same parent.
    west, south, east, north = cell(0).bounds
    return with_cell(0, shapely.box(west, south - 10, east, north))


def unmatched():
    # One more vertex on the border, known to one side only.
    west, south, east, north = cell(0).bounds
    ring = [(west, south), (west + 50, south), (east, south), (east, north), (west, north)]
    return with_cell(0, shapely.Polygon(ring))


def gap():
    # One corner of a cell is cut off: where no house stands, and no neighbour shares it.
    west, south, east, north = outer_cell().bounds
    ring = [(west + 10, south), (east, south), (east, north), (west, north), (west, south + 10)]
    return with_cell(outer_number(), shapely.Polygon(ring))


def outer_number():
    bounds = [shape.bounds for shape in small_example().grid.geometry]
    return bounds.index(min(bounds))


def outer_cell():
    return cell(outer_number())


def outside():
    west, south, east, north = outer_cell().bounds
    bump = [(west, south + 60), (west - 10, south + 50), (west, south + 40)]
    ring = [(west, south), (east, south), (east, north), (west, north), *bump]
    return with_cell(outer_number(), shapely.Polygon(ring))


BROKEN = {
    "columns": (lambda: without("grid_code"), {}),
    "crs": (in_degrees, {}),
    "not_polygon": (lambda: with_cell(0, cell(0).centroid), {}),
    "cell_in_pieces": (pieces, {"areas": None}),
    "invalid_geometry": (bow_tie, {}),
    "code_missing": (lambda: changed("grid_code", 2, None), {}),
    "code_duplicate": (duplicate_code, {}),
    "code_malformed": (lambda: changed("grid_code", 2, "99010100100200"), {}),
    "code_not_of_parent": (lambda: changed("grid_code", 2, f"{MADE_UP_STREET}009001"), {}),
    "code_reused": (lambda: small_example().grid, {"retired": [small_example().grid["grid_code"][3]]}),
    "overlap": (overlapping, {"buildings": None}),
    "edge_unmatched": (unmatched, {}),
    "parent_unknown": (
        lambda: small_example().grid.replace(f"{MADE_UP_STREET}002", f"{MADE_UP_STREET}007"),
        {"areas": small_example().areas.iloc[:1], "scheme": None},
    ),
    "outside_parent": (outside, {}),
    "gap": (gap, {}),
    "building_cut": (
        lambda: small_example().grid,
        {"buildings": gpd.GeoDataFrame({"building_id": ["x"]}, geometry=[box(50, 95, 60, 105)], crs=4547)},
    ),
    "building_across_parents": (
        lambda: small_example().grid,
        {"buildings": gpd.GeoDataFrame({"building_id": ["x"]}, geometry=[box(195, 40, 205, 50)], crs=4547)},
    ),
    "load_out_of_band": (lambda: changed("households", 0, 31), {}),
}


def test_a_proven_grid_has_no_findings_and_every_rule_is_accounted_for():
    report = report_of(small_example().grid, retired=["x"])
    assert report == []
    assert set(report.ran) == set(RULES)
    assert report.skipped == {}
    bare = check_grid(small_example().grid)
    assert bare == []
    assert set(bare.ran) | set(bare.skipped) == set(RULES)
    assert not set(bare.ran) & set(bare.skipped)


def test_every_rule_has_a_grid_that_breaks_it():
    assert set(BROKEN) == set(RULES)


@pytest.mark.parametrize("rule", sorted(BROKEN))
def test_a_grid_that_breaks_one_rule_gets_just_that_finding(rule):
    make, changes = BROKEN[rule]
    report = report_of(make(), **changes)
    assert {finding.rule for finding in report} == {rule}
    assert all(finding.detail for finding in report)


@pytest.mark.parametrize("rule", sorted(set(BROKEN) - {"columns", "crs"}))
def test_a_finding_names_rows_and_a_place_to_zoom_to(rule):
    make, changes = BROKEN[rule]
    for finding in report_of(make(), **changes):
        assert finding.rows
        assert X - 50 <= finding.x <= X + 450
        assert Y - 50 <= finding.y <= Y + 250
        assert 113 < finding.lon < 114
        assert 36 < finding.lat < 37
        assert finding.rule in str(finding)


def test_the_place_of_a_gap_lies_in_the_gap():
    (finding,) = report_of(gap())
    assert not any(shape.covers(shapely.Point(finding.x, finding.y)) for shape in gap().geometry)


def test_rounding_is_no_finding():
    moved = [translate(shape, 0.0004, -0.0004) for shape in small_example().grid.geometry]
    grid = small_example().grid.set_geometry(gpd.GeoSeries(moved, crs=4547))
    assert report_of(grid) == []


def test_a_stated_exception_excuses_a_load_and_an_empty_one_does_not():
    grid = changed("households", 0, 31)
    grid["exception"] = ["giant building", "", "", ""]
    assert report_of(grid) == []
    grid["exception"] = ["", None, np.nan, ""]
    assert [finding.rule for finding in report_of(grid)] == ["load_out_of_band"]


def test_a_code_that_is_a_number_is_found():
    grid = small_example().grid.copy()
    grid["grid_code"] = grid["grid_code"].astype("int64")
    assert "columns" in {finding.rule for finding in check_grid(grid)}


def test_an_enclave_of_another_parent_is_fine():
    inner = box(40, 40, 60, 60)
    outer = box(0, 0, 100, 100).difference(inner)
    codes = [f"{MADE_UP_STREET}00{i}" for i in (1, 2)]
    areas = gpd.GeoDataFrame({"code": codes}, geometry=[outer, inner], crs=4547)
    grid = gpd.GeoDataFrame(
        {"grid_code": [code + "001" for code in codes], "parent_code": codes}, geometry=[outer, inner], crs=4547
    )
    assert check_grid(grid, areas=areas, scheme=SCHEME) == []


def test_the_order_of_rows_does_not_change_the_findings():
    grid = overlapping()
    assert report_of(grid) == report_of(grid.iloc[::-1])


def test_a_report_is_plain_values():
    report = report_of(overlapping(), buildings=None)
    values = report.to_dict()
    assert values["ok"] is False
    assert values["findings"][0]["rule"] == "overlap"
    assert set(values["ran"]) | set(values["skipped"]) == set(RULES)


def test_a_finding_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Finding("gap", (), "").rule = "overlap"


def test_areas_in_another_crs_are_an_error():
    with pytest.raises(GridError, match="expected one CRS"):
        check_grid(small_example().grid, areas=small_example().areas.to_crs(32649))


def test_doors_say_what_came_and_what_to_do():
    grid = small_example().grid
    with pytest.raises(GridError, match="expected a GeoDataFrame, got str"):
        require_grid("grid.gpkg")
    with pytest.raises(GridError, match="CRS is missing"):
        require_grid(grid.set_crs(None, allow_override=True))
    with pytest.raises(GridError, match="projected CRS in metres, got WGS 84"):
        require_grid(grid.to_crs(4326))
    with pytest.raises(GridError, match="Web Mercator"):
        require_metre_crs(3857, "areas")
    with pytest.raises(GridError, match="in US survey foot"):
        require_metre_crs(2225, "areas")
    with pytest.raises(GridError, match="each grid_code once"):
        require_grid(duplicate_code())
    with pytest.raises(GridError, match="expected text in grid_code, got 7"):
        require_grid(changed("grid_code", 0, 7))
    with pytest.raises(GridError, match="WGS 84 / UTM zone 49N"):
        require_same_crs(4547, 32649, "both")


@pytest.mark.parametrize("codes", [["a", "a"], ["b", "a", "b"], ["a", None, "a"], ["1", "2", "10", "2"]])
def test_a_code_that_stands_twice_is_found_whatever_stands_between(codes):
    with pytest.raises(GridError, match="expected each grid_code once; more than once: "):
        require_unique(pd.DataFrame({"grid_code": text_column(codes)}), "grid_code", "grid")
    require_unique(pd.DataFrame({"grid_code": text_column(["a", "b", "c"])}), "grid_code", "grid")


# Every overlap, every gap


def layer(shapes, crs=4547, **columns):
    """Polygons by their metres from the origin of the small town, codes ``00``, ``01`` and so on, one parent."""
    moved = list(shapely.transform(np.array([*shapes, None], object)[:-1], lambda xy: xy + ORIGIN))
    codes = {"grid_code": [f"{i:02d}" for i in range(len(moved))], "parent_code": ["p"] * len(moved)}
    return gpd.GeoDataFrame(columns or codes, geometry=moved, crs=crs)


def squares(columns, rows):
    return [
        shapely.box(x, y, x + 100, y + 100)
        for x, y in itertools.product(range(0, 100 * columns, 100), range(0, 100 * rows, 100))
    ]


def found(report):
    return [(finding.rule, finding.rows) for finding in report]


BOW_TIE = shapely.Polygon([(300, 0), (400, 100), (400, 0), (300, 100)])
TWO_PARTS = shapely.MultiPolygon([shapely.box(300, 0, 340, 100), shapely.box(360, 0, 400, 100)])


def test_a_cell_inside_another_is_an_overlap_and_nothing_else():
    inside = layer([shapely.box(0, 0, 100, 100), shapely.box(30, 30, 60, 60)])
    assert found(gg.check_grid(inside)) == [("overlap", ("00", "01"))]
    twice = layer([shapely.box(0, 0, 100, 100)] * 3)
    assert found(gg.check_grid(twice)) == [("overlap", pair) for pair in itertools.combinations(("00", "01", "02"), 2)]


@pytest.mark.parametrize("edge", [0, 1, -1])
def test_cells_and_their_community_as_one_more_cell(edge):
    cells = squares(5, 5)
    report = gg.check_grid(layer([*cells, shapely.box(-edge, -edge, 500 + edge, 500 + edge)]))
    assert found(report) == [("overlap", (f"{i:02d}", "25")) for i in range(25)]
    stacked = gg.check_grid(layer([*cells, *(translate(cell, 50, 0) for cell in cells)]))
    assert len(stacked) == 5 * 9 and {finding.rule for finding in stacked} == {"overlap"}


def test_an_overlap_is_found_where_only_one_of_the_two_has_an_edge_that_geos_calls_invalid():
    shapes = [
        shapely.Polygon([(626, 696), (636, 678), (-1190, -294)]),
        shapely.Polygon([(615, 696), (1362, 960), (812, 536)]),
        shapely.Polygon([(615, 696), (812, 536), (1006, -1309)]),
    ]
    assert found(gg.check_grid(layer(shapes))) == [("overlap", ("00", "01")), ("overlap", ("00", "02"))]


def wide(shape):
    """The oracle for what is no rounding: a part of a mean width of more than 2 mm."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    return [part for part in parts if part.area > 0 and 2 * part.area / part.length > 0.002]


@st.composite
def disturbed_covers(draw):
    cells = squares(draw(st.integers(1, 4)), draw(st.integers(1, 3)))
    if draw(st.booleans()):
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        voronoi = shapely.voronoi_polygons(shapely.MultiPoint(rng.uniform(0, 400, (draw(st.integers(3, 12)), 2))))
        clipped = shapely.intersection(shapely.get_parts(voronoi), shapely.box(0, 0, 400, 300))
        cells = [cell for cell in shapely.set_precision(clipped, 0.001) if cell.area > 1]
    for _ in range(draw(st.integers(0, 4))):
        i, way = draw(st.integers(0, len(cells) - 1)), draw(st.integers(0, 7))
        metres = draw(st.sampled_from([0.0005, 0.003, 0.01, 1.0, 30.0]))
        whole = shapely.union_all(cells)
        disturbed = {
            0: lambda cell, by: translate(cell, by, by / 3),
            1: lambda cell, by: cell.buffer(by, join_style="mitre"),
            2: lambda cell, by: cell.buffer(-by, join_style="mitre"),
            3: lambda cell, _: translate(cell, 0, 0),
            4: lambda cell, _: cell.centroid.buffer(9, quad_segs=2),
            5: lambda _, by, whole=whole: whole.buffer(by, join_style="mitre"),
            6: lambda *_, whole=whole: whole,
            7: lambda *_: shapely.box(100, 100, 150, 150),
        }[way](cells[i], metres)
        if disturbed.geom_type == "Polygon" and not disturbed.is_empty:
            cells = [*cells[:i], *cells[i + (way < 3) :], disturbed]
    return cells


@settings(max_examples=40, deadline=None)
@given(disturbed_covers())
def test_overlaps_and_gaps_are_those_of_brute_force(cells):
    grid = layer(cells)
    outline = box(-10, -10, 410, 310)
    report = gg.check_grid(grid, areas=gpd.GeoDataFrame({"code": ["p"]}, geometry=[outline], crs=4547))
    named = list(zip(grid["grid_code"], grid.geometry, strict=True))
    pairs = [
        ((a, b), wide(shapely.intersection(one, other))) for (a, one), (b, other) in itertools.combinations(named, 2)
    ]
    assert {finding.rows for finding in report if finding.rule == "overlap"} == {pair for pair, parts in pairs if parts}
    said = [float(finding.detail.split()[4]) for finding in report if finding.rule == "overlap"]
    assert sum(said) == pytest.approx(sum(part.area for _, parts in pairs for part in parts), abs=0.001 * len(pairs))
    gaps = sorted(round(part.area, 3) for part in wide(outline.difference(shapely.union_all(grid.geometry))))
    told = sorted(float(finding.detail.split()[0]) for finding in report if finding.rule == "gap")
    assert told == pytest.approx(gaps, abs=0.01)


@pytest.mark.parametrize("place", [0.0, 1 / 3])
@pytest.mark.parametrize(("metres", "rule"), [(0.0019, None), (0.0021, "overlap"), (-0.0019, None), (-0.0021, "gap")])
def test_two_millimetres_are_rounding_and_more_is_not(metres, rule, place):
    grid = layer([shapely.box(0, 0, 100, 1000), shapely.box(100 - metres, 0, 200, 1000)])
    grid = grid.set_geometry(grid.geometry.translate(place, place))
    areas = gpd.GeoDataFrame({"code": ["p"]}, geometry=[translate(box(0, 0, 200, 1000), place, place)], crs=4547)
    rules = {finding.rule for finding in gg.check_grid(grid, areas=areas)} - {"edge_unmatched"}
    assert rules == ({rule} if rule else set())
    over = gg.check_grid(layer([shapely.box(0, 0, 100, 1000), shapely.box(100, 0, 200 + metres, 1000)]), areas=areas)
    if not place:
        expected = {"overlap": ["outside_parent"], "gap": ["gap"], None: []}[rule]
        assert [finding.rule for finding in over] == expected


@pytest.mark.parametrize(("metres", "rule"), [(0.0019, []), (0.0021, ["building_cut"])])
def test_a_building_may_reach_two_millimetres_over_a_border(metres, rule):
    grid, house = layer(squares(2, 1)), [translate(shapely.box(50, 10, 100 + metres, 40), X, Y)]
    buildings = gpd.GeoDataFrame({"building_id": ["h"]}, geometry=house, crs=4547)
    assert [finding.rule for finding in gg.check_grid(grid, buildings=buildings)] == rule


@pytest.mark.parametrize(("metres", "count"), [(0.0018, 0), (0.0022, 2), (0.05, 2), (0.1, 2)])
def test_a_short_edge_that_is_not_matched_is_found_from_two_millimetres_on(metres, count):
    west = shapely.Polygon([(0, 0), (100, 0), (100, 50), (100, 50 + metres), (100, 100), (0, 100)])
    corners = [(100, 100), (100, 50 + metres), (100, 50 + metres / 2), (100, 50), (100, 0), (200, 0), (200, 100)]
    report = gg.check_grid(layer([west, shapely.Polygon(corners)]))
    assert found(report) == [("edge_unmatched", ("00",)), ("edge_unmatched", ("01",))][:count]
    for finding in report:
        assert finding.detail.startswith(f"{metres:.3f} m of border")
        assert (finding.x, finding.y) == pytest.approx((X + 100, Y + 50 + metres / 2), abs=metres / 2 + 0.001)


def test_an_unmatched_edge_elsewhere_on_a_cell_that_overlaps_is_still_told():
    first = shapely.Polygon([(0, 0), (100, 0), (100, 40), (100, 100), (0, 100)])
    report = gg.check_grid(layer([first, shapely.box(100, 0, 200, 100), shapely.box(-100, 20, 10, 60)]))
    assert found(report) == [
        ("overlap", ("00", "02")), ("edge_unmatched", ("00",)), ("edge_unmatched", ("01",)),
    ]  # fmt: skip
    assert report[1].detail == "100.000 m of border are not matched vertex by vertex"


# Bad cells are left out, and everything is asked of the rest


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        (BOW_TIE, "invalid_geometry"), (TWO_PARTS, "cell_in_pieces"), (None, "not_polygon"),
        (shapely.Polygon(), "not_polygon"), (shapely.Point(350, 50), "not_polygon"),
        (shapely.LineString([(310, 50), (350, 50)]), "not_polygon"),
        (shapely.Polygon([(300, 0), (400, 0), (400, np.inf)]), "invalid_geometry"),
    ],
)  # fmt: skip
def test_a_bad_cell_hides_nothing(bad, rule):
    shapes = [shapely.box(0, 0, 100, 100), shapely.box(90, 0, 200, 100), shapely.box(210, 0, 300, 100), bad]
    house = gpd.GeoDataFrame({"building_id": ["h"]}, geometry=[box(80, 30, 95, 45)], crs=4547)
    house = pd.concat([house, gpd.GeoDataFrame({"building_id": ["i"]}, geometry=[box(85, 50, 110, 60)], crs=4547)])
    areas = gpd.GeoDataFrame({"code": ["p"]}, geometry=[box(0, 0, 290, 100)], crs=4547)
    report = gg.check_grid(layer(shapes), areas=areas, buildings=house)
    assert {*found(report)} >= {
        (rule, ("03",)), ("overlap", ("00", "01")), ("outside_parent", ("02",)), ("gap", ("p",)), ("building_cut", ("i",)),
    }  # fmt: skip
    assert sum(finding.rule == "gap" for finding in report) == 1
    assert not {"overlap", "gap", "edge_unmatched", "building_cut"} & set(report.skipped)


def test_the_ground_of_an_invalid_cell_is_no_gap_and_other_ground_is():
    areas = gpd.GeoDataFrame({"code": ["p"]}, geometry=[box(0, 0, 400, 100)], crs=4547)
    shapes = [*squares(2, 1), BOW_TIE]
    (bow, gap) = gg.check_grid(layer(shapes), areas=areas)
    assert (bow.rule, gap.rule, gap.detail) == ("invalid_geometry", "gap", "10000.000 m2 are in no cell (area p)")
    assert X + 200 < gap.x < X + 300
    shapes = [*squares(3, 1), shapely.Point(350, 50)]
    assert [finding.rule for finding in gg.check_grid(layer(shapes), areas=areas)] == ["not_polygon"]
    shapes = [*squares(3, 1), None]
    assert [finding.rule for finding in gg.check_grid(layer(shapes), areas=areas)] == ["not_polygon", "gap"]


def test_a_cell_in_pieces_is_measured_like_the_others():
    shapes = [*squares(3, 1), TWO_PARTS, shapely.box(390, 0, 500, 100)]
    areas = gpd.GeoDataFrame({"code": ["p"]}, geometry=[box(0, 0, 500, 100)], crs=4547)
    assert found(gg.check_grid(layer(shapes), areas=areas)) == [
        ("cell_in_pieces", ("03",)), ("overlap", ("03", "04")), ("gap", ("p",)),
    ]  # fmt: skip


@pytest.mark.parametrize("wrap", [shapely.MultiPolygon, shapely.GeometryCollection])
def test_a_multipolygon_of_one_part_is_that_part(wrap, tmp_path):
    town = small_example()
    grid = town.grid.set_geometry(gpd.GeoSeries([wrap([shape]) for shape in town.grid.geometry], crs=town.grid.crs))
    assert report_of(grid) == []
    broken = layer([wrap([shapely.box(0, 0, 100, 100)]), wrap([shapely.box(90, 0, 200, 100)])])
    (finding,) = gg.check_grid(broken)
    assert (finding.rule, finding.detail) == ("overlap", "two cells overlap on 1000.000 m2")
    grid.to_file(tmp_path / "grid.gpkg")
    assert gg.read_grid(tmp_path / "grid.gpkg").geometry.equals(town.grid.geometry)


def test_heights_are_named_and_the_rest_is_asked_all_the_same():
    grid = layer([shapely.box(0, 0, 100, 100), shapely.box(90, 0, 200, 100)])
    grid.loc[0, "geometry"] = shapely.force_3d(grid.geometry[0], 7)
    assert found(gg.check_grid(grid)) == [("not_polygon", ("00",)), ("overlap", ("00", "01"))]


def test_a_table_of_no_cells_or_only_bad_ones_is_examined():
    areas = gpd.GeoDataFrame({"code": ["p"]}, geometry=[box(0, 0, 290, 100)], crs=4547)
    for shapes in ([], [None], [BOW_TIE]):
        report = gg.check_grid(layer(shapes), areas=areas, buildings=areas)
        assert [finding.rule for finding in report if finding.rule != "gap"] == {
            0: [], 1: ["not_polygon" if shapes == [None] else "invalid_geometry"]
        }[len(shapes)]  # fmt: skip


def test_without_a_code_the_cells_go_by_their_rows():
    grid = layer([shapely.box(0, 0, 100, 100), shapely.box(90, 0, 200, 100)], name=["a", "b"])
    report = gg.check_grid(grid)
    assert found(report) == [("columns", ("grid_code", "parent_code")), ("overlap", ("0", "1"))]
    assert report.skipped["code_duplicate"] == "there is no column grid_code"


def test_areas_that_are_no_polygons_are_refused_and_buildings_are_measured_as_mended():
    grid = layer(squares(2, 1))
    areas = gpd.GeoDataFrame({"code": ["p"]}, geometry=[translate(BOW_TIE, X, Y)], crs=4547)
    with pytest.raises(GridError, match=r"areas: expected valid polygons, got others in 1 areas \(p\)"):
        gg.check_grid(grid, areas=areas)
    bow = translate(shapely.Polygon([(80, 10), (120, 40), (120, 10), (80, 40)]), X, Y)
    buildings = gpd.GeoDataFrame({"building_id": ["h", "none"]}, geometry=[bow, None], crs=4547)
    assert found(gg.check_grid(grid, buildings=buildings)) == [("building_cut", ("h",))]


# Any layer of polygons


def test_a_layer_with_names_of_its_own():
    shapes = [shapely.box(0, 0, 100, 100), shapely.box(90, 0, 200, 100), shapely.box(200, 0, 300, 100)]
    villages = layer(shapes, id=[1, 2, 2], community=[7.0, 7.0, 7.0], name=["a", "b", "c"], area_km2=[1.0, np.nan, 2.0])
    report = gg.check_grid(villages, code="id")
    assert found(report) == [("code_duplicate", ("2",)), ("overlap", ("1", "2"))]
    assert report.skipped["parent_unknown"] == "no areas were given"
    areas = gpd.GeoDataFrame({"code": [7]}, geometry=[box(0, 0, 290, 100)], crs=4547)
    report = gg.check_grid(villages, code="name", parent="community", areas=areas)
    assert found(report) == [("overlap", ("a", "b")), ("outside_parent", ("c",))]
    assert gg.check_grid(villages, code="name", areas=areas).skipped["gap"] == "the layer has no parents"
    assert found(gg.check_grid(villages.rename(columns={"name": "grid_code"}), parent=None)) == [
        ("overlap", ("a", "b"))
    ]
    missing = villages.assign(id=pd.array(["x", None, ""], dtype="object"))
    assert found(gg.check_grid(missing, code="id"))[0] == ("code_missing", ("1", "2"))
    for wrong in ({"code": "nr"}, {"parent": "nr"}):
        (argument,) = wrong
        with pytest.raises(GridError, match=rf"grid: no column 'nr' \({argument}=\); there are id, community, name"):
            gg.check_grid(villages, **wrong)


def test_codes_of_ones_own_keep_to_a_scheme_with_and_without_parents():
    villages = layer(squares(2, 1), id=[140402001002001, 14], parent=["140402001001", "x"])
    report = gg.check_grid(villages, code="id", scheme=SCHEME)
    assert found(report) == [("code_malformed", ("14",))]
    assert report.skipped["code_not_of_parent"] == "the layer has no parents"
    report = gg.check_grid(villages, code="id", parent="parent", scheme=SCHEME, retired=["14"])
    assert found(report) == [
        ("code_malformed", ("14",)), ("code_not_of_parent", ("140402001002001",)), ("code_reused", ("14",)),
    ]  # fmt: skip


@pytest.mark.parametrize("crs", [4490, 4326, 3857, 32649])
def test_a_layer_that_is_not_in_metres_is_measured_in_metres_and_says_so(crs):
    villages = layer([shapely.box(0, 0, 100, 100), shapely.box(90, 0, 200, 100)], id=[1, 2]).to_crs(crs)
    if crs == 32649:
        (finding,) = gg.check_grid(villages, code="id")
    else:
        with pytest.warns(
            gg.GridWarning, match=r"grid: it comes in .* and is measured in CGCS2000 .*CM 114E \(EPSG:4547\)"
        ):
            (finding,) = gg.check_grid(villages, code="id")
    area = float(finding.detail.split()[4])
    assert area == pytest.approx(1000, rel=0.003 if crs == 32649 else 1e-6)
    assert 113 < finding.lon < 114 and 36 < finding.lat < 37


def test_a_layer_in_degrees_is_measured_in_the_crs_of_its_areas():
    villages = layer([shapely.box(0, 0, 100, 100), shapely.box(100, 0, 200, 100)], id=[1, 2], place=["p", "p"]).to_crs(
        4490
    )
    areas = gpd.GeoDataFrame({"code": ["p"]}, geometry=[box(0, 0, 210, 100)], crs=4547).to_crs(32649)
    with pytest.warns(gg.GridWarning, match="measured in WGS 84 / UTM zone 49N"):
        report = gg.check_grid(villages, code="id", parent="place", areas=areas)
    assert [finding.rule for finding in report] == ["gap"]


def test_a_grid_in_degrees_is_a_fault_and_is_measured_all_the_same():
    grid = layer([shapely.box(0, 0, 100, 100), shapely.box(90, 0, 200, 100)]).to_crs(4326)
    assert found(gg.check_grid(grid)) == [("crs", ()), ("overlap", ("00", "01"))]
    assert found(gg.check_grid(grid.set_crs(None, allow_override=True))) == [("crs", ())]


def test_places_are_found_by_one_transformation(monkeypatch):
    made, make = [], pyproj.Transformer.from_crs
    monkeypatch.setattr(
        pyproj.Transformer, "from_crs", lambda *args, **named: made.append(args) or make(*args, **named)
    )
    report = gg.check_grid(layer([shapely.box(x, 0, x + 15, 10) for x in range(0, 100, 10)]))
    assert len(report) == 9 and len(made) <= 1
    for finding, x in zip(report, range(10, 100, 10), strict=True):
        assert X + x < finding.x < X + x + 5
        lon, lat = make(4547, 4326, always_xy=True).transform(finding.x, finding.y)
        assert (finding.lon, finding.lat) == pytest.approx((lon, lat), abs=1e-7)


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        status = main([str(word) for word in words])
        return (status, *capsys.readouterr())

    return run


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "shp", "parquet"])
def test_the_command_checks_plain_boundaries(command, tmp_path, ending):
    villages = layer(
        [shapely.box(0, 0, 100, 100), shapely.box(90, 0, 200, 100)], id=[1, 2], town=[7, 7], name=["甲", "乙"]
    )
    villages = villages.to_crs(4490) if ending in ("geojson", "gpkg") else villages
    file = tmp_path / f"villages.{ending}"
    villages.to_parquet(file) if ending == "parquet" else villages.to_file(file)
    status, out, err = command("check", file.name, "--code", "id")
    assert status == 1
    assert out.startswith("overlap [1, 2] at lon ")
    assert "; 1 finding (overlap 1)\n" in out
    assert ("measured in CGCS2000" in err) == (ending == "gpkg")
    status, out, _ = command("check", file.name, "--code", "name", "--parent", "town", "--json")
    report = json.loads(out)
    assert (status, report["ok"], report["counts"]) == (1, False, {"overlap": 1})
    assert [finding["rows"] for finding in report["findings"]] == [["乙", "甲"]]
    assert command("check", file.name, "--code", "id", "--allow", "overlap")[0] == 0
    status, _, err = command("check", file.name, "--code", "nr")
    assert status == 2 and "no column 'nr' (--code); there are" in err and len(err.splitlines()) <= 2


def test_the_command_checks_a_layer_against_areas_with_names_of_their_own(command, tmp_path):
    villages = layer([shapely.box(0, 0, 100, 100), shapely.box(100, 0, 200, 100)], id=[1, 2], town=["007", "007"])
    villages.to_crs(4490).to_file(tmp_path / "villages.gpkg")
    areas = gpd.GeoDataFrame({"nr": ["007"]}, geometry=[box(0, 0, 230, 100)], crs=4547)
    areas.to_crs(4490).to_file(tmp_path / "towns.gpkg")
    words = ("--code", "id", "--parent", "town", "--areas", "towns.gpkg", "--areas-code", "nr")
    status, out, _ = command("check", "villages.gpkg", *words)
    assert status == 1
    assert out.startswith("gap [007]") and "3000.0" in out
