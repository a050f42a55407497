"""Every point in exactly one cell, or with a reason."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis.contract import GridError
from gridgis.locate import REASONS, account, locate, locate_xy
from gridgis.sample import ORIGIN, generate_town, small_example

X, Y = ORIGIN


def points(*xy, crs=4547, **columns):
    return gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(*np.array(xy, float).T), crs=crs)


def code_at(x, y):
    grid = small_example().grid
    return grid["grid_code"][[shape.contains(shapely.Point(X + x, Y + y)) for shape in grid.geometry]].item()


def test_a_shared_border_goes_to_the_lower_code_and_says_so():
    located = locate(points((X + 200, Y + 150), (X + 200, Y + 100), (X + 100, Y + 100)), small_example().grid)
    assert located["located_by"].tolist() == ["boundary"] * 3
    west_north, west_south, east_north = code_at(50, 150), code_at(50, 50), code_at(250, 150)
    assert located["grid_code"].tolist() == [min(west_north, east_north), west_north, min(west_north, west_south)]


def test_the_outer_border_counts_as_covered():
    located = locate(points((X, Y), (X - 0.001, Y)), small_example().grid)
    assert located["located_by"].tolist() == ["boundary", "outside"]
    assert located["grid_code"].notna().tolist() == [True, False]


coordinates = st.one_of(
    st.integers(-1, 9).map(lambda step: step * 50.0),
    st.floats(-60, 460),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e300, -1e300, 5e-324, -0.0]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=40))
def test_located_is_a_partition_and_agrees_with_geos(xy):
    grid = small_example().grid
    x, y = (np.array(values) + origin for values, origin in zip(zip(*xy, strict=True), ORIGIN, strict=True))
    position, how = locate_xy(x, y, grid)
    for i in range(len(x)):
        assert how[i] in REASONS
        assert (position[i] >= 0) == (how[i] in ("inside", "boundary"))
        if not (np.isfinite(x[i]) and np.isfinite(y[i])):
            assert how[i] == "bad_coordinates"
            continue
        holders = grid["grid_code"][grid.intersects(shapely.Point(x[i], y[i]))]
        if how[i] == "outside":
            assert holders.empty
        else:
            assert grid["grid_code"].iloc[position[i]] == holders.min()


def test_same_as_geopandas_where_no_point_lies_on_a_border():
    town = generate_town(300, parents=3, seed=5)
    grid = town.areas.rename(columns={"code": "parent_code"}).assign(
        grid_code=[f"{code}001" for code in town.areas["code"]]
    )
    rng = np.random.default_rng(1)
    west, south, east, north = grid.total_bounds
    things = points(
        *zip(rng.uniform(west - 20, east + 20, 3000), rng.uniform(south - 20, north + 20, 3000), strict=True)
    )
    located = locate(things, grid)
    joined = gpd.sjoin(things, grid[["grid_code", "geometry"]], predicate="within", how="left")
    assert located["grid_code"].fillna("").tolist() == joined["grid_code"].fillna("").tolist()


def test_rows_order_index_and_columns_are_kept_and_nothing_is_lost():
    frame = points((X + 10, Y + 10), (X + 900, Y), (X + 10, Y + 10), name=["a", "b", "c"])
    frame.index = pd.Index([7, 7, 3], name="row")
    frame.loc[3, "geometry"] = None
    before = frame.copy()
    located = locate(frame, small_example().grid)
    assert located.index.equals(frame.index)
    assert located["name"].tolist() == ["a", "b", "c"]
    assert located["located_by"].tolist() == ["inside", "outside", "no_coordinates"]
    assert frame.equals(before)
    assert account(located)["rows"].sum() == 3


def test_shuffled_rows_get_the_same_answers():
    events = small_example().events
    order = [3, 0, 5, 1, 4, 2]
    straight = locate(events, small_example().grid).iloc[order]
    shuffled = locate(events.iloc[order], small_example().grid.iloc[::-1])
    assert straight["grid_code"].equals(shuffled["grid_code"])
    assert straight["located_by"].equals(shuffled["located_by"])


def test_points_in_degrees_are_brought_into_the_crs_of_the_grid():
    located = locate(small_example().events.to_crs(4326), small_example().grid)
    assert located.crs == 4326
    assert located["located_by"].isin(["inside", "boundary", "outside"]).all()
    assert located["grid_code"].notna().sum() == 5


def test_bad_coordinates_are_told_from_missing_ones():
    frame = points((X + 10, Y + 10), (np.nan, np.nan), (0.0, 0.0), (np.inf, 1.0))
    frame.loc[2, "geometry"] = None
    frame["coordinate_problem"] = [None, "missing", "not a number: 'abc'", None]
    located = locate(frame, small_example().grid)
    assert located["located_by"].tolist() == ["inside", "no_coordinates", "bad_coordinates", "bad_coordinates"]


def test_an_overlap_in_a_faulty_grid_is_reported_not_guessed():
    grid = small_example().grid.copy()
    shapes = grid.geometry.to_numpy().copy()
    shapes[0] = shapely.box(X, Y, X + 400, Y + 200)
    located = locate(small_example().events, grid.set_geometry(gpd.GeoSeries(shapes, crs=grid.crs)))
    assert set(located["located_by"]) == {"inside", "conflict", "outside"}
    assert located["grid_code"][located["located_by"].eq("conflict")].isna().all()


def test_empty_tables_work():
    empty = small_example().events.iloc[:0]
    assert len(locate(empty, small_example().grid)) == 0
    assert len(account(locate(empty, small_example().grid))) == 0
    nobody = locate(small_example().events, small_example().grid.iloc[:0])
    assert set(nobody["located_by"]) == {"outside"}


def test_errors_say_what_to_do():
    grid, events = small_example().grid, small_example().events
    with pytest.raises(GridError, match="expected points, got Polygon"):
        locate(small_example().buildings, grid)
    with pytest.raises(GridError, match="CRS is missing"):
        locate(events.set_crs(None, allow_override=True), grid)
    with pytest.raises(GridError, match="column grid_code already"):
        locate(events.assign(grid_code="x"), grid)
    with pytest.raises(GridError, match="unknown reasons"):
        account(pd.DataFrame({"located_by": ["by hand"]}))
    with pytest.raises(GridError, match="locate the things first"):
        account(pd.DataFrame({"x": [1]}))
