"""Each rule of the contract, proven by a grid that breaks just that rule."""

from dataclasses import FrozenInstanceError

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.affinity import translate

from gridgis.check import RULES, Finding, check_grid
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
