"""The geometry of what is read: ground that is not lost, loads that are not lost, barriers by their kind."""

import re
import warnings

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from shapely.affinity import translate

import gridgis as gg
from gridgis.cli import main

X, Y = 420000.0, 4007000.0
OLD = "+proj=longlat +ellps=krass +towgs84=15.5,-120.5,-60.5,0,0,0,0"


def square(i=0, j=0, side=10.0):
    return shapely.box(X + i * side, Y + j * side, X + (i + 1) * side, Y + (j + 1) * side)


def frame(geometry, crs=4547, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(geometry), crs=crs)


def write(table, path, **options):
    pyogrio.write_dataframe(table, path, **options)
    return path


# --- ground

BOX = shapely.box(0, 0, 300, 200)
INVALID = {
    "equal bow tie": shapely.Polygon([(0, 0), (900, 1100), (900, 0), (0, 1100)]),
    "unequal bow tie": shapely.Polygon([(0, 0), (800, 0), (800, 400), (-400, -200), (-400, 0)]),
    "ring that touches itself": shapely.Polygon(
        [(0, 0), (600, 0), (600, 300), (300, 300), (400, 100), (200, 100), (300, 300), (0, 300)]
    ),
    "two rooms that meet in a corner": shapely.Polygon(
        [(0, 0), (300, 0), (300, 200), (600, 200), (600, 400), (300, 400), (300, 200), (0, 200)]
    ),
    "spike": shapely.Polygon([(0, 0), (300, 0), (300, 100), (900, 100), (300, 100), (300, 200), (0, 200)]),
    "nested shells": shapely.MultiPolygon([BOX, shapely.box(100, 50, 200, 150)]),
    "the same ring twice": shapely.MultiPolygon([BOX, BOX]),
    "shells that overlap": shapely.MultiPolygon([BOX, translate(BOX, 150, 100)]),
    "hole outside": shapely.Polygon(BOX.exterior.coords, [shapely.box(400, 0, 500, 100).exterior.coords]),
}


def as_read(shape, crs, tmp_path):
    """A shape as a file in some CRS, and its area as it should come out."""
    placed = translate(shape, X, Y)
    table = frame([placed], code=["010101"], households=[10], kind=["water"])
    if crs == "old":
        moved = table.to_crs(4326).to_crs(OLD)
        written = moved.set_crs(None, allow_override=True)
        options = {"source_crs": OLD, "crs": 4547}
    else:
        written, options = table.to_crs(crs), {"crs": 4547}
    path = tmp_path / "one.gpkg"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # no CRS to write
        write(written, path)
    return path, options, shapely.area(shapely.make_valid(placed, method="structure", keep_collapsed=False))


@pytest.mark.parametrize("crs", [4547, 4326, 4490, "old"])
@pytest.mark.parametrize("name", INVALID)
def test_no_ground_is_lost_where_polygons_are_invalid(tmp_path, name, crs):
    path, options, area = as_read(INVALID[name], crs, tmp_path)
    for read in (gg.read_areas, gg.read_zones):
        with pytest.warns(gg.GridWarning, match=r"repaired polygons have [\d,]+ m2.*1 invalid polygons repaired \("):
            made = read(path, **options)
        assert made.area.sum() == pytest.approx(area, rel=1e-3), read.__name__
        assert made.is_valid.all()
    with pytest.warns(gg.GridWarning, match="1 invalid polygons repaired"):
        buildings = gg.read_buildings(path, **options)
    assert buildings.area.sum() == pytest.approx(area, rel=1e-3)
    assert buildings["households"].sum() == 10
    with pytest.warns(gg.GridWarning, match="1 invalid polygons repaired"):
        banks = gg.read_barriers(path, **options)
    outline = shapely.make_valid(translate(INVALID[name], X, Y), method="structure", keep_collapsed=False).length
    assert banks.length.sum() == pytest.approx(outline, rel=1e-3) and set(banks["barrier"]) == {"hard"}


def test_the_warning_states_the_area_before_and_after(tmp_path):
    path, options, _ = as_read(INVALID["equal bow tie"], 4326, tmp_path)
    with pytest.warns(gg.GridWarning) as heard:
        gg.read_areas(path, **options)
    assert "repaired polygons have 495,0" in str(heard[0].message) and "by their outlines as drawn" in str(
        heard[0].message
    )
    assert "(010101)" in str(heard[0].message)


def test_coordinates_that_are_no_numbers_are_named_by_row(tmp_path):
    shape = shapely.Polygon([(X, Y), (X + 9, Y), (X + 9, np.inf), (X, Y + 9)])
    path = tmp_path / "a.parquet"
    frame([square(), shape], code=["1", "2"]).to_parquet(path)
    with pytest.raises(gg.GridError, match=r"expected finite coordinates, got none for 1 rows \(2\)"):
        gg.read_areas(path)


# --- across 180 degrees

FIJI = shapely.box(179.9, -17, 180.1, -16.9)
ACROSS = {
    "cut at 180": shapely.MultiPolygon([shapely.box(179.9, -17, 180, -16.9), shapely.box(-180, -17, -179.9, -16.9)]),
    "a ring that jumps": shapely.Polygon([(179.9, -17), (-179.9, -17), (-179.9, -16.9), (179.9, -16.9)]),
    "a ring that runs on": FIJI,
    "a ring that runs on to the west": translate(FIJI, -360),
}


@pytest.mark.parametrize("name", ACROSS)
@pytest.mark.parametrize("crs", [None, 32760, 3460])
def test_areas_across_180_degrees(tmp_path, name, crs):
    path = write(gpd.GeoDataFrame({"code": ["1"]}, geometry=[ACROSS[name]], crs=4326), tmp_path / "a.gpkg")
    for areas in (gg.read_areas(path, crs=crs), gg.read_zones(path, crs=crs)):
        assert areas.crs.to_epsg() in ([crs] if crs else [32760, 32701])
        assert areas.area[0] == pytest.approx(2.36e8, rel=3e-3) and areas.geom_type[0] == "Polygon"


@pytest.mark.parametrize(("lon", "lat", "zone"), [(179.4, 66, 32660), (-179.4, 66, 32601), (-179.4, -17, 32701)])
def test_the_zone_is_that_of_the_centre(tmp_path, lon, lat, zone):
    shape = shapely.Polygon([(lon - 1, lat), (lon + 1, lat), (lon + 1, lat + 0.1), (lon - 1, lat + 0.1)])
    wrapped = shapely.transform(shape, lambda xy: np.c_[(xy[:, 0] + 180) % 360 - 180, xy[:, 1]])
    path = write(gpd.GeoDataFrame({"code": ["1"]}, geometry=[wrapped], crs=4326), tmp_path / "a.gpkg")
    areas = gg.read_areas(path)
    assert areas.crs.to_epsg() == zone
    true = pyproj.Geod(ellps="WGS84").geometry_area_perimeter(shape.segmentize(0.01))[0]
    assert areas.area[0] == pytest.approx(true, rel=3e-3)


def test_areas_on_both_sides_are_one_town(tmp_path):
    shapes = [shapely.box(179.98, -17, 180, -16.99), shapely.box(-180, -17, -179.98, -16.99)]
    path = write(gpd.GeoDataFrame({"code": ["1", "2"]}, geometry=shapes, crs=4326), tmp_path / "a.gpkg")
    areas = gg.read_areas(path)
    assert areas.distance(areas.geometry[0]).max() < 0.001 and areas.crs.to_epsg() == 32760


def strip(crs=3460, lat=-16.95):
    """Four cells of 250 m from west to east, 180 degrees within the third."""
    x, y = gpd.GeoSeries([shapely.Point(180, lat)], crs=4326).to_crs(crs).iloc[0].coords[0]
    cells = [shapely.box(x - 600 + 250 * i, y, x - 350 + 250 * i, y + 250) for i in range(4)]
    codes = [f"140402001001{i + 1:03d}" for i in range(4)]
    return frame(cells, crs, grid_code=codes, parent_code="140402001001", count=[20, 30, 40, 50])


@pytest.mark.parametrize(("crs", "lat"), [(3460, -16.95), (32760, -17), (32601, 66.5)])
def test_a_grid_across_180_degrees_is_cut_there_in_geojson_and_comes_back_whole(tmp_path, crs, lat):
    grid = strip(crs, lat)
    gg.write_grid(grid, tmp_path / "grid.geojson")
    written = gpd.read_file(tmp_path / "grid.geojson")
    assert written.geom_type.tolist() == ["Polygon", "Polygon", "MultiPolygon", "Polygon"]
    for part in shapely.get_parts(written.geometry.to_numpy()):
        west, _, east, _ = part.bounds
        assert -180 <= west < east <= 180 and east - west < 0.01 and part.exterior.is_ccw and part.is_valid
    back = gg.read_grid(tmp_path / "grid.geojson")
    assert gg.check_grid(back) == [] and back.geom_type.eq("Polygon").all()
    assert main(["check", str(tmp_path / "grid.geojson")]) == 0
    assert back.to_crs(crs).area.tolist() == pytest.approx(grid.area.tolist(), rel=1e-4)


def test_points_and_things_across_180_degrees_find_their_cells():
    grid = strip()
    here = gpd.GeoSeries(grid.representative_point()).to_crs(4326)
    assert (here.x > 0).tolist() == [True, True, False, False] or (here.x > 0).sum() in (2, 3)
    assert gg.locate(frame(here, 4326, n=range(4)), grid)["grid_code"].tolist() == grid["grid_code"].tolist()
    things = grid.geometry.buffer(-20).to_crs(4326)
    located = gg.locate(frame(things, 4326, n=range(4)), grid, by="largest_share")
    assert located["grid_code"].tolist() == grid["grid_code"].tolist()


def test_a_map_across_180_degrees_lies_on_one_side(tmp_path):
    grid = strip()
    page = gg.hotspot_map(gg.publish(grid, measures=["count"]), value="count")
    page.save(tmp_path / "page.html")
    for made in (page, gg.explore(grid)):
        (south, west), (north, east) = made.get_bounds()
        assert 179.99 < west < 180 < east < 180.01 and -17 < south < north < -16.9
        assert "-179" not in made.get_root().render()


# --- a register of buildings


def told(path, **options):
    """Buildings, and what the reader said."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        buildings = gg.read_buildings(path, **options)
    return buildings, " ".join(str(one.message) for one in heard)


TURNED = shapely.Polygon(np.roll(np.array(square().exterior.coords)[:-1], 2, axis=0))
REVERSED = shapely.reverse(square())
WITH_A_CORNER = shapely.segmentize(square(), 5)
NOISE = np.array([[0.01, -0.02], [0, 0], [0.02, 0], [0, 0.01], [0.01, -0.02]])
NEARLY = shapely.transform(square(), lambda xy: xy + NOISE)


@pytest.mark.parametrize("other", [square(), TURNED, REVERSED, WITH_A_CORNER, NEARLY])
@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]])
def test_rows_on_one_footprint_add_up_whatever_their_order(tmp_path, other, order):
    shapes = [square(), other, square(3), square(3), square(6)]
    table = frame(shapes, id=["d", "c", "b", "a", "e"], households=[30, 30, 2, None, 3], persons=[None, None, 5, 6, 7])
    buildings, said = told(write(table.iloc[order], tmp_path / "b.gpkg"), building_id="id")
    found = buildings.set_index("building_id").sort_index()
    assert found["households"].to_dict() == {"a": 2, "c": 60, "e": 3}
    assert found["persons"].fillna(-1).to_dict() == {"a": 11, "c": -1, "e": 7}
    assert found.loc["c"].geometry.equals(other)
    assert "4 rows share a footprint and were added up to 2 buildings with 62 households and 11 persons" in said


def test_of_rows_without_ids_those_that_say_the_same_are_repeats(tmp_path):
    table = frame([square()] * 4 + [square(3)], households=[30, 30, 30, 12, 5])
    buildings, said = told(write(table, tmp_path / "b.gpkg"))
    assert buildings["building_id"].tolist() == ["b000001", "b000005"]
    assert buildings["households"].tolist() == [42, 5]
    assert "2 duplicates left out with 60 households (b000002, b000003)" in said
    doors = write(table.assign(entrance=["1", "2", "3", "4", "1"]), tmp_path / "doors.gpkg")
    assert told(doors)[0]["households"].tolist() == [102, 5]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0]])
def test_an_id_that_comes_again_is_a_repeat(tmp_path, order):
    shapes = [square(), square(), square(3), square(6)]
    table = frame(shapes, building_id=["a", "a", "b", "b"], households=[30, 30, 7, 9]).iloc[order]
    buildings, said = told(write(table, tmp_path / "b.gpkg"))
    assert buildings.set_index("building_id")["households"].to_dict() == {"a": 30, "b": 9}
    assert "2 duplicates left out with 37 households" in said
    assert "1 of their loads differed, the largest is kept (b)" in said
    assert "1 of them have another footprint, too (b)" in said


def test_households_in_are_households_out_and_told(tmp_path):
    rng = np.random.default_rng(3)
    places = rng.integers(0, 12, 60)
    shapes = [None if place == 11 else square(3 * int(place)) for place in places]
    ids = [f"b{number}" for number in rng.integers(0, 40, 60)]
    loads = rng.integers(0, 50, 60)
    buildings, said = told(write(frame(shapes, building_id=ids, households=loads), tmp_path / "b.gpkg"))
    left_out = [int(n) for n in re.findall(r"(?:came|left out) with (\d+) households", said)]
    assert len(left_out) == 2 and buildings["households"].sum() + sum(left_out) == loads.sum()
    assert buildings["building_id"].is_unique and len(buildings) <= 11


def test_units_of_a_building_in_parts_add_up_part_by_part(tmp_path):
    several = shapely.MultiPolygon([square(0), square(2, side=20.0)])
    table = frame([several, several, square(0)], id=["a-2", "a-1", "z"], households=[12, 5, 4])
    buildings, _ = told(write(table, tmp_path / "b.gpkg"), building_id="id")
    assert buildings.set_index("building_id")["households"].to_dict() == {"a-1#1": 17, "z": 4}


# --- barriers


def line(i=0):
    return shapely.LineString([(X, Y + i), (X + 100, Y + i)])


HARD = "water riverbank lake reservoir dock embankment light_rail rail canal river wall motorway 河流 河 湖泊 水库 渠 铁路 轻轨 高速公路 围墙 堤"
MAJOR = "primary secondary tertiary 主干道 次干路 国道"
MIDDLE = "stream ditch fence residential 支路"
KINDS = [
    (word, strength)
    for words, strength in ((HARD, "hard"), (MAJOR, "major"), (MIDDLE, "middle"))
    for word in words.split()
]


@pytest.mark.parametrize(
    ("word", "strength"),
    [
        *KINDS,
        ("Light Rail", "hard"),
        ("natural=water", "hard"),
        ("城市主干路", "major"),
        ("双线河流（面）", "hard"),
        ("鐵路", "hard"),
        ("圍牆", "hard"),
        ("水庫", "hard"),
        ("港口", "hard"),
        ("河川", "hard"),
        ("主幹道", "major"),
        ("外环路", "major"),
        ("小区道路", "minor"),
        ("track_grade3", "minor"),
        ("street;river", "hard"),
    ],
)
@pytest.mark.parametrize("column", ["kind", "fclass", "class", "类型", "FCLASS"])
def test_kinds_of_many_sources_are_known(tmp_path, column, word, strength):
    path = write(frame([line()], **{column: [word]}), tmp_path / "b.gpkg")
    barriers = gg.read_barriers(path)
    assert barriers["barrier"].tolist() == [strength] and barriers["kind"].tolist() == [word]


@pytest.mark.parametrize(
    ("key", "word", "strength"),
    [
        ("highway", "motorway", "hard"),
        ("waterway", "riverbank", "hard"),
        ("natural", "water", "hard"),
        ("railway", "light_rail", "hard"),
        ("landuse", "reservoir", "hard"),
        ("man_made", "embankment", "hard"),
        ("waterway", "ditch", "middle"),
    ],
)
def test_a_single_tag_of_openstreetmap_is_enough(tmp_path, key, word, strength):
    assert gg.read_barriers(write(frame([square()], **{key: [word]}), tmp_path / "b.gpkg"))["barrier"].tolist() == [
        strength
    ]


def test_of_tags_that_say_other_things_only_barriers_count(tmp_path):
    table = frame(
        [square(i) for i in range(4)],
        natural=["water", "wood", None, None],
        landuse=[None, "residential", "reservoir", "forest"],
    )
    with pytest.warns(gg.GridWarning, match="2 lines without highway, railway, waterway, barrier left out"):
        barriers = gg.read_barriers(write(table, tmp_path / "b.gpkg"))
    assert barriers["kind"].tolist() == ["water", "reservoir"]


@pytest.mark.parametrize(
    "columns",
    [
        {"kind": ["subway", "rail"]},
        {"kind": ["地铁", "铁路"]},
        {"railway": ["rail", "rail"], "tunnel": ["yes", None]},
        {"fclass": ["rail", "rail"], "tunnel": ["T", "F"]},
        {"railway": ["rail", "rail"], "other_tags": ['"layer"=>"-1","tunnel"=>"yes"', None]},
        {"waterway": ["river", "river"], "tunnel": ["culvert", "no"]},
    ],
)
def test_a_tunnel_is_no_barrier(tmp_path, columns):
    path = write(frame([line(), line(1)], **columns), tmp_path / "b.gpkg")
    with pytest.warns(gg.GridWarning, match=r"1 tunnels and the like left out, which are no barrier \(0\)"):
        barriers = gg.read_barriers(path)
    assert barriers["barrier"].tolist() == ["hard"]


def test_nothing_but_tunnels_is_no_barrier(tmp_path):
    with pytest.warns(gg.GridWarning, match="no barrier"):
        assert gg.read_barriers(write(frame([line()], kind=["subway"]), tmp_path / "b.gpkg")).empty


@pytest.mark.parametrize("kind", ["park", None])
def test_a_polygon_of_unknown_kind_is_asked_about(tmp_path, kind):
    table = frame([square(), square(3), line()], kind=["river", kind, "towpath"])
    with pytest.raises(
        gg.GridError, match=r"1 polygons are of a kind that is not known: (.park.|none) \(rows 1\); .* hard, major"
    ):
        gg.read_barriers(write(table, tmp_path / "b.gpkg"))


@pytest.mark.parametrize("kind", ["water", "riverbank", "lake", "河流", "reservoir"])
def test_no_cell_reaches_across_a_wide_river(tmp_path, kind):
    area = frame([shapely.box(X, Y, X + 1000, Y + 300)], code=["140402001001"])
    sides = [*range(20, 281, 65), *range(720, 981, 65)]
    houses = [shapely.box(X + x, Y + y, X + x + 15, Y + y + 12) for x in sides for y in (40, 120, 200)]
    buildings = frame(houses, building_id=[f"b{i}" for i in range(len(houses))], households=10)
    river = shapely.box(X + 300, Y - 100, X + 700, Y + 400)
    for shape in (
        river,
        shapely.MultiPolygon(
            [shapely.box(X + 300, Y - 100, X + 700, Y + 150), shapely.box(X + 300, Y + 150, X + 700, Y + 400)]
        ),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", gg.GridWarning)
            barriers = gg.read_barriers(write(frame([shape], kind=[kind]), tmp_path / "w.gpkg"))
        for how in ({"cells": 3}, {"households": (40, 70)}):
            cells = gg.divide(area, buildings, barriers, **how)
            assert cells["crossed_m"].eq(0).all()
            for cell in cells.geometry:
                inside = buildings.geometry[buildings.representative_point().within(cell)]
                assert len({bool(house.bounds[0] > X + 500) for house in inside}) <= 1


# --- points


@pytest.mark.parametrize(
    ("stack", "others", "said"),
    [
        (515, 91, "85 % of the rows share a coordinate; the largest stack has 515"),
        (20, 380, "the largest stack has 20"),
        (19, 0, None),
        (19, 100, None),
        (20, 381, None),
    ],
)
def test_many_points_on_one_spot_are_told(tmp_path, stack, others, said):
    lons = ["113.1"] * stack + [f"113.{2000 + i}" for i in range(others)]
    path = tmp_path / "events.csv"
    path.write_text("lon,lat\n" + "".join(f"{lon},36.2\n" for lon in lons), encoding="utf-8")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert len(gg.read_points(path, x="lon", y="lat", crs=4326)) == stack + others
    assert [said in str(one.message) for one in heard] == ([True] if said else [])


@pytest.mark.parametrize("count", [1, 2, 19, 20, 50])
def test_few_points_outside_get_the_hint_about_swapped_axes_too(count):
    grid = frame([square()], grid_code=["01010101"], parent_code=["010101"])
    swapped = frame([shapely.Point(Y + 5, X + 5)] * count, n=range(count))
    with pytest.warns(gg.GridWarning, match=f"{count} of {count} lie outside the grid; are x and y swapped"):
        assert gg.locate(swapped, grid)["grid_code"].isna().all()
    degrees = frame(gpd.GeoSeries([shapely.Point(24.9, 60.2)], crs=4326).to_crs(32635).buffer(50), 32635).assign(
        grid_code="01010101", parent_code="010101"
    )
    with pytest.warns(gg.GridWarning, match=f"{count} of {count} lie outside the grid; are x and y swapped"):
        gg.locate(frame([shapely.Point(60.2, 24.9)] * count, 4326, n=range(count)), degrees)
    within = frame([shapely.Point(X + 5, Y + 5)] * count, n=range(count))
    assert gg.locate(within, grid)["grid_code"].notna().all()


def test_few_points_that_lie_outside_by_themselves_get_no_hint():
    grid = frame([square()], grid_code=["01010101"], parent_code=["010101"])
    assert gg.locate(frame([shapely.Point(X - 50, Y)] * 3, n=range(3)), grid)["grid_code"].isna().all()
