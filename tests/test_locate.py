"""Every point in exactly one cell, or with a reason."""

import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis.contract import GridError, GridWarning
from gridgis.lattice import square_grid
from gridgis.locate import WAYS, account, locate, split
from gridgis.locate.index import CellIndex
from gridgis.locate.points import HOW, examine_points
from gridgis.read import read_table
from gridgis.sample import ORIGIN, generate_town, small_example
from gridgis.summarise import summarise
from gridgis.write import write_table

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
    position, numbers, _ = examine_points(x, y, CellIndex(grid))
    how = [HOW[number] for number in numbers]
    for i in range(len(x)):
        assert (position[i] >= 0) == (how[i] in ("inside", "boundary"))
        if not (np.isfinite(x[i]) and np.isfinite(y[i])):
            assert how[i] == ("no_coordinates" if np.isnan(x[i]) and np.isnan(y[i]) else "bad_coordinates")
            continue
        holders = grid["grid_code"][grid.intersects(shapely.Point(x[i], y[i]))]
        if how[i] == "outside":
            assert holders.empty
        else:
            assert grid["grid_code"].iloc[position[i]] == holders.min()


@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=30), st.sampled_from([1e-9, 5.0, 50.0, 1e6]))
def test_near_points_go_to_the_nearest_cell(xy, near_m):
    grid = small_example().grid
    things = points(*[(x + X, y + Y) for x, y in xy])
    before, located = locate_quietly(things, grid), locate_quietly(things, grid, near_m=near_m)
    moved = located["located_by"].eq("near")
    assert located[~moved].drop(columns="distance_m").equals(before[~moved])
    assert before["located_by"][moved].eq("outside").all()
    assert located["distance_m"].notna().eq(moved).all()
    for row in np.flatnonzero(before["located_by"].eq("outside")):
        x, y = things.geometry[row].x, things.geometry[row].y
        if max(abs(x), abs(y)) > 1e9:  # there a distance is no number
            assert not moved[row]
            continue
        distances = grid.set_index("grid_code").distance(things.geometry[row])
        assert moved[row] == (distances.min() <= near_m)
        if moved[row]:
            assert located["distance_m"][row] == distances.min()
            assert located["grid_code"][row] == distances.index[distances <= distances.min() + 1e-6].min()


def locate_quietly(*asked, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GridWarning)
        return locate(*asked, **more)


def test_a_point_as_near_to_several_cells_goes_to_the_lower_code():
    grid = small_example().grid
    cells = {code_at(50, 50), code_at(50, 150)}
    located = locate(points((X - 3, Y + 100), (X - 3, Y + 100 + 1e-7), (X - 3, Y + 100.1)), grid, near_m=3)
    assert located["grid_code"].tolist()[:2] == [min(cells)] * 2
    assert located["grid_code"][2] == code_at(50, 150)
    assert located["distance_m"].tolist() == [3, 3, 3]


def test_a_gap_is_near_too():
    grid = small_example().grid.iloc[1:]
    gone = small_example().grid.iloc[0]
    centre = gone.geometry.centroid
    located = locate(points((centre.x, centre.y), (centre.x, centre.y), (centre.x, centre.y - 49)), grid, near_m=50)
    assert located["located_by"].tolist() == ["near", "near", "near" if located["grid_code"][2] else "outside"]
    assert gone["grid_code"] not in set(located["grid_code"])


def test_coordinates_beyond_the_crs_are_bad_and_a_majority_of_them_is_told():
    things = points((113.1, 1e300), (113.1, 36.19), (1e9, 36.19), crs=4326)
    located = locate(things, small_example().grid)
    assert located["located_by"].tolist() == ["bad_coordinates", "outside", "bad_coordinates"]
    with pytest.warns(GridWarning, match="30 of 30 lie outside the grid; are x and y swapped"):
        assert set(locate(points(*[(1e8, 1e8)] * 30, crs=4326), small_example().grid)["located_by"]) == {
            "bad_coordinates"
        }


def test_an_index_made_before_does_as_well():
    grid, events = small_example().grid, small_example().events
    index = CellIndex(grid)
    assert locate(events, index).equals(locate(events, grid))
    for asked in ({"near_m": 5}, {"by": "largest_share"}):
        things = small_example().buildings if "by" in asked else events
        with pytest.raises(GridError, match="got CellIndex, which has none; give the table"):
            locate(things, index, **asked)
    with pytest.raises(GridError, match="expected a GeoDataFrame, got str"):
        locate(events, "grid.gpkg")


def test_a_lattice_does_as_well():
    example = small_example()
    lattice = square_grid(example.areas, size_m=70)
    cells = lattice.cells()
    assert locate(example.events, lattice, near_m=30).equals(locate(example.events, cells, near_m=30))
    for by in WAYS:
        assert locate(example.buildings, lattice, by=by).equals(locate(example.buildings, cells, by=by))
    assert split(example.buildings, lattice).equals(split(example.buildings, cells))


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


def test_an_empty_geometry_of_whatever_kind_has_no_coordinates():
    empty = [shapely.Point(), shapely.Polygon(), shapely.MultiPoint(), shapely.GeometryCollection(), None]
    things = gpd.GeoDataFrame(geometry=empty, crs=4547)
    for asked in ({}, {"near_m": 5}, *({"by": by} for by in WAYS)):
        assert set(locate(things, small_example().grid, **asked)["located_by"]) == {"no_coordinates"}
    assert set(split(things, small_example().grid)["located_by"]) == {"no_coordinates"}


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


# Persons: nothing of them leaves the input

NAMED = [
    *["投诉人", "当事人", "报案人", "业主", "联系人", "申请人", "租户", "房东", "居民", "来访人", "举报人", "受害人", "户主", "经办人", "投诉人姓名", "来电人电话", "车牌", "车牌号", "QQ", "微信号", "座机", "固话", "护照"],
    *["caller", "complainant", "reporter", "reported_by", "applicant", "tenant", "landlord", "victim", "witness", "plaintiff", "callerName", "tenant_id", "CALLER"],
    *("Caller Name", "REPORTED_BY", "Complainant's phone", "licence_plate", "reported-by", "callername", "Owner Name"),
]  # fmt: skip
INNOCENT = {
    "residents": [3, 4, 5], "resident_count": [1, 2, 3], "居民数": [3, 4, 5], "户数": [7, 8, 9], "租户": ["是", "否", "是"],
    "community_name": ["幸福社区", "和平社区", "王庄"], "社区名称": ["金地", "万和", "高新"], "street_name": ["Victoria Park", "Ann Street", "Rose Hill"],
    "居民委员会": ["第一", "第二", "第三"], "kind": ["噪音", "马路", "安全"], "category": ["Illegal Parking", "Street Light", "Noise"],
    "reporter_type": ["市民", "企业", "市民"], "event_id": ["E1", "E2", "E3"], "division": ["14040200101", "14040200102", "14040200103"],
    "cell": [13010200101, 13010200102, 13010200103], "时间": ["2026年6月30日 12时", "2026年6月29日 1时", "2026年6月28日 2时"],
    "case_no": ["E20260001", "E20260002", "E20260003"], "temperature": [36.1, 36.2, 36.3], "unit": ["140402001001001"] * 3,
}  # fmt: skip
PERSONAL_VALUES = [
    ["王芳", "李娜", "张伟"], ["欧阳娜娜", "司马相如", "诸葛亮"], ["Wang Fang", "Li Na", "John Smith"], ["Smith, John", "Brown, Mary", "Lee, Ann"],
    [13812345678.0, None, 13912345678.0], ["13812345678.0"] * 3, ["138 1234 5678"] * 3, ["138\u00a01234\u00a05678"] * 3, ["138\u20131234\u20135678"] * 3,
    ["138.1234.5678"] * 3, ["１３８１２３４５６７８"] * 3, ["+86 13812345678"] * 3, ["008613812345678"] * 3, ["0356-2345678"] * 3, ["(0356)2345678"] * 3,
    ["11010519491231002X"] * 3, ["110105651231002", "140402720505001", "110105501231003"], ["晋E12345"] * 3, ["晋ED12345"] * 3,
    ["E83512746", "G20918374", "E57730192"], ["QQ:12345678", "", ""], ["a@example.com"] * 3, ["幸福路12号院3单元"] * 3, ["12 Heping Road"] * 3,
    ["none", "none", "王芳，幸福路1号院3单元"],
]  # fmt: skip


def table_of(**columns):
    return located_rows().assign(**columns)


def located_rows():
    return pd.DataFrame({"grid_code": ["0101"] * 3, "located_by": ["inside"] * 3})


@pytest.mark.parametrize("name", NAMED)
def test_a_column_named_like_persons_is_not_written(tmp_path, name):
    with pytest.warns(GridWarning, match="columns of persons are left out"):
        write_table(table_of(**{name: ["甲", "乙", "丙"]}), tmp_path / "out.csv")
    assert name not in read_table(tmp_path / "out.csv").columns


@pytest.mark.parametrize("values", PERSONAL_VALUES, ids=str)
def test_a_column_whose_values_are_persons_is_not_written(tmp_path, values):
    with pytest.warns(GridWarning, match="columns of persons are left out: what"):
        write_table(table_of(what=values), tmp_path / "out.csv")
    with pytest.raises(GridError, match="what: this column holds persons"):
        grid = small_example().grid
        summarise(grid, table_of(what=values).assign(grid_code=grid["grid_code"].iloc[0]), by="what")


@pytest.mark.parametrize("name", INNOCENT)
def test_names_of_places_counts_kinds_and_codes_are_no_persons(tmp_path, name):
    write_table(table_of(**{name: INNOCENT[name]}), tmp_path / "out.csv")  # a warning would be an error
    assert name in read_table(tmp_path / "out.csv").columns


def test_free_text_goes_out_only_when_it_is_asked_for(tmp_path):
    notes = [f"第{number}次反映楼下夜间施工噪音扰民" for number in range(12)]
    table = pd.DataFrame(
        {"grid_code": "0101", "located_by": "inside", "备注": notes, "kind": ["噪音扰民问题", "垃圾"] * 6}
    )
    with pytest.warns(GridWarning, match="columns of free text are left out: 备注"):
        write_table(table, tmp_path / "out.csv")
    assert list(read_table(tmp_path / "out.csv").columns) == ["grid_code", "located_by", "kind"]
    write_table(table, tmp_path / "out.csv", keep=["备注"])
    assert "备注" in read_table(tmp_path / "out.csv").columns
    with pytest.raises(GridError, match="keep: phone holds persons"):
        write_table(table.assign(phone="1"), tmp_path / "out.csv", keep=["phone"])
    with pytest.raises(GridError, match="keep: expected columns of the table, nix is none"):
        write_table(table, tmp_path / "out.csv", keep=["nix"])


@pytest.mark.parametrize("end", [".csv", ".xlsx"])
def test_where_shapes_do_not_go_out_other_coordinates_do_not_either(tmp_path, end):
    points = gpd.GeoDataFrame(
        {"kind": ["noise"] * 4, "gcj_lat": [36.1234567] * 4, "wkt": ["POINT (113.123456 36.123456)"] * 4},
        geometry=gpd.points_from_xy([10, 20, 30, 40], [10] * 4),
        crs=4547,
    ).assign(grid_code="a", located_by="inside")
    with pytest.warns(GridWarning, match="of coordinates are left out: gcj_lat, wkt"):
        write_table(points, tmp_path / f"out{end}")
    back = pd.read_csv(tmp_path / "out.csv") if end == ".csv" else pd.read_excel(tmp_path / "out.xlsx")
    assert list(back.columns) == ["kind", "grid_code", "located_by"]


@pytest.mark.parametrize(
    "values",
    [
        ["王 芳", "李　伟", "张 敏", "刘 洋"],
        ["1. 王芳", "2. 李伟", "3、张敏", "4. 刘洋"],
        ["王芳（户主）", "李伟（租户）", "张敏", "刘洋"],
        ["王芳、李伟", "张敏、刘洋", "陈静", "赵磊、杨勇"],
        ["阿依古丽", "扎西多吉", "其其格", "买买提"],
        ["J. Smith", "M. K. Jones", "Brown, P.", "A. White"],
        ["noise", "noise", "noise", "+852 9123 4567"],
        ["noise", "noise", "noise", "(212) 555-1234"],
        ["noise", "noise", "noise", "138(1234)5678"],
    ],
)
def test_other_ways_to_write_persons(tmp_path, values):
    table = pd.DataFrame({"who": values, "kind": "noise", "located_by": "inside"})
    with pytest.warns(GridWarning, match="persons are left out: who"):
        write_table(table, tmp_path / "out.csv")
    assert list(pd.read_csv(tmp_path / "out.csv").columns) == ["kind", "located_by"]
