from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridgis import crs as systems
from gridgis.contract import GridError, require_metre_crs
from gridgis.crs import metre_crs, transform, transform_xy

OWN = "+proj=tmerc +lat_0=0 +lon_0=114 +k=1 +x_0=500000 +ellps=krass +towgs84=15.5,-120.5,-60.5,0,0,0,0 +units=m"


@pytest.mark.parametrize(
    ("lon", "lat", "number"),
    [
        (113.1163, 36.1954, 4547),
        (112.5, 36, 4547),
        (112.4999, 36, 4546),
        (73.62, 39, 4534),
        (134.77, 48, 4554),
        (134.78, 48, 32653),
        (114, 16.69, 32650),
        (114, 16.7, 4547),
        (24.9, 60.2, 32635),
        (-90, 35, 32616),
        (-180, 0, 32601),
        (180, 0, 32660),
        (18.4, -33.9, 32734),
        (73.61, 39, 32643),
        (114, 53.56, 4547),
        (114, 53.57, 32650),
        (134.77, 16.7, 4554),
        (5.9999, 84, 32631),
        (6, -84, 32732),
        (0, 0, 32631),
        (0, -1e-9, 32731),
    ],
)
def test_metre_crs(lon, lat, number):
    assert metre_crs(lon, lat).to_epsg() == number


@given(st.floats(-180, 180), st.floats(-84, 84))
def test_every_place_has_a_metre_crs_whose_zone_contains_it(lon, lat):
    crs = metre_crs(lon, lat)
    require_metre_crs(crs, "any place")
    x, _ = transform_xy(np.array([lon]), np.array([lat]), 4326, crs, "any place")
    assert abs(x[0] - 500_000) < 340_000


@pytest.mark.parametrize(("lon", "lat"), [(0, 85), (0, -84.1), (181, 0), (0, 91), (float("nan"), 0), (0, float("inf"))])
def test_no_metre_crs(lon, lat):
    with pytest.raises(GridError, match=r"metre_crs"):
        metre_crs(lon, lat)


@pytest.mark.parametrize("source", [4326, 4490, 4979, "OGC:CRS84"])
def test_wgs84_and_cgcs2000_are_one(source):
    x, y = transform_xy(np.array([113.1163]), np.array([36.1954]), source, 4547, "example")
    assert (x[0], y[0]) == pytest.approx((420518.408, 4007586.397), abs=0.001)
    lon, lat = transform_xy(x, y, 4547, source, "example")
    assert (lon[0], lat[0]) == pytest.approx((113.1163, 36.1954), abs=1e-9)


def test_projected_children_of_both_are_one():
    x, y = transform_xy(np.array([420518.408]), np.array([4007586.397]), 4547, 32649, "example")
    lon, lat = transform_xy(x, y, 32649, 3857, "example")
    lon, lat = transform_xy(lon, lat, 3857, 4490, "example")
    assert (lon[0], lat[0]) == pytest.approx((113.1163, 36.1954), abs=1e-8)


@pytest.mark.parametrize("source", [4214, 4610, 4555, 2379])
@pytest.mark.parametrize("target", [4490, 4326, 4547, 32649])
def test_old_chinese_datums_need_their_own_parameters(source, target):
    with pytest.raises(GridError, match=r"own parameters"):
        transform_xy(np.array([113.0]), np.array([36.0]), source, target, "old.shp")


def test_within_an_old_datum_all_is_well():
    x, y = transform_xy(np.array([114.0]), np.array([36.0]), 4610, 2383, "old.shp")
    assert x[0] == pytest.approx(500_000) and 3.9e6 < y[0] < 4.1e6


def test_other_ballpark_is_refused_and_other_datums_are_not():
    with pytest.raises(GridError, match=r"ballpark"):
        transform_xy(np.array([139.7]), np.array([35.7]), 6668, 4490, "tokyo.gpkg")
    x, y = transform_xy(np.array([24.9]), np.array([60.2]), 4326, 3067, "helsinki.gpkg")
    assert (x[0], y[0]) == pytest.approx((383_500, 6_675_500), abs=1500)


def test_own_parameters_are_used_and_never_shown():
    x, y = transform_xy(np.array([420518.408]), np.array([4007586.397]), OWN, 4547, "own.shp")
    shift = np.hypot(x[0] - 420518.408, y[0] - 4007586.397)
    assert 1 < shift < 200
    back_x, back_y = transform_xy(x, y, 4547, OWN, "own.shp")
    assert (back_x[0], back_y[0]) == pytest.approx((420518.408, 4007586.397), abs=0.01)
    assert "15.5" not in systems.crs_name(pyproj.CRS(OWN))
    with pytest.raises(GridError) as error:
        transform_xy(np.array([1.0]), np.array([1.0]), OWN, 4610, "own.shp")
    assert "15.5" not in str(error.value)
    with pytest.raises(GridError, match=r"parameters") as error:
        systems.require_shareable(pyproj.CRS(OWN), "own.gpkg")
    assert "120.5" not in str(error.value)


def test_geometry_keeps_order_gaps_and_loses_z():
    shapes = np.array([shapely.Point(114, 0, 7), None, shapely.Point(), shapely.box(113, 36, 114, 37)], dtype=object)
    moved = transform(shapes, 4490, 4547, "example")
    assert moved[0].x == 500_000 and not moved[0].has_z
    assert moved[1] is None and moved[2].is_empty and moved[3].geom_type == "Polygon"
    same = transform(shapes, "OGC:CRS84", 4326, "example")
    assert same[0].coords[0] == (114, 0)


def test_input_arrays_stay_as_they_are():
    x, y = np.array([114.0]), np.array([36.0])
    transform_xy(x, y, 4326, 4547, "example")
    same, _ = transform_xy(x, y, 4326, 4326, "example")
    same[0] = 0
    assert x[0] == 114 and y[0] == 36


def test_rows_without_finite_coordinates_are_named():
    shapes = np.array([shapely.Point(114, 36), shapely.Point(114, 200), shapely.Point(np.nan, 1)], dtype=object)
    with pytest.raises(GridError, match=r"a.gpkg: expected finite.*2 rows \(1, 2\)"):
        transform(shapes, 4490, 4547, "a.gpkg")
    x, _ = transform_xy(np.array([114.0, 114.0]), np.array([36.0, 200.0]), 4490, 4547, "a.gpkg", finite=False)
    assert np.isfinite(x).tolist() == [True, False]


@pytest.mark.parametrize(
    ("x", "y", "crs", "said"),
    [
        (420518.0, 4007586.0, 4326, "look like metres"),
        (36.2, 113.1, 4490, "swapped"),
        (113.1, 36.2, 4547, "look like degrees"),
    ],
)
def test_implausible_coordinates(x, y, crs, said):
    with pytest.raises(GridError, match=said):
        systems.require_plausible(np.array([x, np.nan]), np.array([y, np.nan]), pyproj.CRS(crs), "file")


def test_plausible_coordinates():
    systems.require_plausible(np.array([113.1]), np.array([36.2]), pyproj.CRS(4326), "file")
    systems.require_plausible(np.array([420518.0]), np.array([4007586.0]), pyproj.CRS(4547), "file")
    systems.require_plausible(np.array([]), np.array([]), pyproj.CRS(4547), "file")


def test_unknown_crs():
    with pytest.raises(GridError, match=r"not known to PROJ"):
        systems.known_crs("EPSG:999999", "crs=")
    with pytest.raises(GridError, match=r"local drawing"):
        systems.known_crs('LOCAL_CS["plan",UNIT["metre",1]]', "crs=")


def test_the_edges_of_what_can_be_degrees():
    for crs in (4326, 4490):
        systems.require_plausible(np.array([-180.0, 180.0]), np.array([-90.0, 90.0]), pyproj.CRS(crs), "file")
    for x, y in ((180.001, 0), (-180.001, 0)):
        with pytest.raises(GridError, match="look like metres"):
            systems.require_plausible(np.array([x]), np.array([y]), pyproj.CRS(4326), "file")
        systems.require_plausible(np.array([x]), np.array([y]), pyproj.CRS(4547), "file")
    with pytest.raises(GridError, match="swapped"):
        systems.require_plausible(np.array([0.0]), np.array([90.001]), pyproj.CRS(4326), "file")
    systems.require_plausible(np.array([0.0]), np.array([90.001]), pyproj.CRS(4547), "file")
    with pytest.raises(GridError, match="look like degrees"):
        systems.require_plausible(np.array([180.0]), np.array([90.0]), pyproj.CRS(4547), "file")


@pytest.mark.parametrize(("number", "west", "east"), [(4547, 112.5, 115.5), (32650, 114.0, 120.0)])
def test_six_degrees_beside_the_area_of_use_are_near_and_more_is_not(number, west, east):
    crs = pyproj.CRS(number)
    assert (crs.area_of_use.west, crs.area_of_use.east) == pytest.approx((west, east), abs=0.01)
    west, east = crs.area_of_use.west, crs.area_of_use.east
    for lon in (west, east, west - 6, east + 6):
        systems.require_near(lon, 36.0, crs, "near")
    for lon in (west - 6.001, east + 6.001):
        with pytest.raises(GridError, match="far from the area of"):
            systems.require_near(lon, 36.0, crs, "far")


def test_far_from_the_area_of_use():
    systems.require_near(117.0, 36.0, pyproj.CRS(4547), "near")
    systems.require_near(117.0, 36.0, pyproj.CRS(OWN), "no area known")
    with pytest.raises(GridError, match=r"swapped"):
        systems.require_near(144.0, 3.0, pyproj.CRS(4547), "far")
    with pytest.raises(GridError, match=r"swapped"):
        systems.require_near(float("inf"), 3.0, pyproj.CRS(4547), "far")
