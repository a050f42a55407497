"""The geometry of what is read: ground that is not lost, loads that are not lost, barriers by their kind."""

import warnings

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from shapely.affinity import translate

import gridgis as gg

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
        assert areas.crs.to_epsg() == (crs or 32760)
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
    west, east = page.layer.get_bounds()[0][1], page.layer.get_bounds()[1][1]
    assert 179.99 < west < 180 < east < 180.01
    page.save(tmp_path / "page.html")
    internal = gg.explore(grid)
    assert "-179" not in internal.get_root().render()
