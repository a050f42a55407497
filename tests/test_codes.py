"""Code schemes as data, and the order of the serial numbers."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gridgis.codes import CHARSETS, CodeField, CodeScheme, assign_codes, parent_code, reading_order
from gridgis.contract import GridError

UNIT = CodeScheme.unit_grid()


def cells(boxes, parent="140402001002"):
    shapes = [shapely.box(*box) for box in boxes]
    return gpd.GeoDataFrame({"parent_code": [parent] * len(boxes)}, geometry=shapes, crs=4547)


@st.composite
def schemes(draw):
    count = draw(st.integers(1, 4))
    fields = [
        CodeField(f"f{i}", draw(st.integers(1, 6)), charset=draw(st.sampled_from(sorted(CHARSETS))))
        for i in range(count)
    ]
    return CodeScheme("drawn", (*fields, CodeField("serial", draw(st.integers(1, 5)), 1)))


@given(schemes(), st.data())
def test_a_code_goes_out_and_comes_back(scheme, data):
    parts = [
        data.draw(st.text(CHARSETS[field.charset], min_size=field.width, max_size=field.width))
        for field in scheme.fields[:-1]
    ]
    serial = data.draw(st.integers(1, scheme.serial.highest))
    code = scheme.code("".join(parts), serial)
    assert len(code) == scheme.width
    assert list(scheme.parse(code).values()) == [*parts, f"{serial:0{scheme.serial.width}d}"]
    assert parent_code(code, scheme) == "".join(parts)
    assert CodeScheme.from_dict(scheme.to_dict()) == scheme


@given(st.text(max_size=20))
def test_any_text_is_either_a_code_or_has_a_problem(text):
    problem = UNIT.problem(text)
    if problem is None:
        assert "".join(UNIT.parse(text).values()) == text
    else:
        with pytest.raises(GridError):
            UNIT.parse(text)


def test_known_unit_grid_codes():
    # The worked example of the coding rules: community 002 (a residents' committee) of street 001 in county 140402.
    assert UNIT.code("140402001002", 1) == "140402001002001"
    assert UNIT.parse("140402001002999")["serial"] == "999"
    assert UNIT.problem("140402001002000") == "serial 000 should lie in 001 to 999"
    assert UNIT.problem("040402001002001") == "county 040402 should lie in 100000 to 999999"
    assert UNIT.problem("140402001002٣٣٣").endswith("should be digits")
    assert UNIT.problem(140402001002001) == "text expected, got int"
    assert UNIT.problem(None) == "text expected, got NoneType"


def test_serials_read_like_a_page():
    # Two rows of three; the order of the table does not matter.
    boxes = [(x, y, x + 100, y + 100) for y in (0, 100) for x in (0, 100, 200)]
    grid = assign_codes(cells(boxes[::-1]), UNIT)
    corners = [shape.bounds[:2] for shape in grid.geometry]
    assert corners == [(0, 100), (100, 100), (200, 100), (0, 0), (100, 0), (200, 0)]
    assert grid["grid_code"].tolist() == [f"140402001002{i:03d}" for i in range(1, 7)]
    assert grid.index.tolist() == list(range(6))


def test_a_row_height_can_be_given():
    boxes = [(0, 0, 10, 10), (20, 6, 30, 16)]
    assert reading_order(np.array([shapely.box(*box) for box in boxes]), 100.0).tolist() == [0, 1]
    assert reading_order(np.array([shapely.box(*box) for box in boxes]), 2.0).tolist() == [1, 0]


def test_cells_of_one_easting_in_a_row_go_from_north_to_south_and_then_by_outline():
    boxes = [(0, 0, 10, 10), (0, 30, 10, 40), (0, 15, 10, 25), (-20, 0, -10, 10)]
    assert reading_order(np.array([shapely.box(*box) for box in boxes]), 100.0).tolist() == [3, 1, 2, 0]
    # Half a millimetre is no difference of eastings, two are.
    for metres, order in ((0.0004, [1, 0]), (0.002, [0, 1])):
        pair = np.array([shapely.box(0, 0, 10, 10), shapely.box(metres, 30, 10 + metres, 40)])
        assert reading_order(pair, 100.0).tolist() == order
    same = np.array([shapely.box(2, 2, 8, 8), shapely.box(0, 0, 10, 10)])
    both = [reading_order(pair, 100.0).tolist() for pair in (same, same[::-1])]
    assert both[0] == both[1][::-1]


def test_a_row_is_as_high_as_the_mean_cell_is_wide_and_holds_its_upper_edge():
    # Anchors at heights 100, 60 and 0: with rows of 40 m a drop of 40 m begins the next row, one of 39.9 does not.
    boxes = [(0, 95, 10, 105), (-50, 55, -40, 65), (50, -5, 60, 5)]
    cells_ = np.array([shapely.box(*box) for box in boxes])
    assert reading_order(cells_, 40.0).tolist() == [0, 1, 2]
    assert reading_order(cells_, 40.1).tolist() == [1, 0, 2]
    mean = np.array([shapely.box(0, 0, 40, 40), shapely.box(-40, 30, 0, 70)])
    assert reading_order(mean).tolist() == [1, 0]
    lower = np.array([shapely.box(0, 41, 40, 81), shapely.box(-40, 0, 0, 40)])
    assert reading_order(lower).tolist() == [0, 1]


def test_the_ends_of_the_ranges_of_fields():
    assert UNIT.problem("100000001001001") is None and UNIT.problem("999999599599999") is None
    assert UNIT.problem("099999001001001") == "county 099999 should lie in 100000 to 999999"
    assert UNIT.problem("140402000001001") == "street 000 should lie in 001 to 599"
    assert UNIT.problem("140402600001001") == "street 600 should lie in 001 to 599"
    assert UNIT.problem("140402001600001") == "community 600 should lie in 001 to 599"
    assert UNIT.code("140402001002", 999) == "140402001002999"
    for serial in (0, 1000):
        with pytest.raises(GridError, match=f"serial {serial} is out of 1 to 999"):
            UNIT.code("140402001002", serial)
    assert CodeField("a", 2, 0, 99).highest == 99
    for low, high in ((0, 100), (-1, 9), (5, 4)):
        with pytest.raises(GridError, match="does not fit 2 digits"):
            CodeField("a", 2, low, high)
    with pytest.raises(GridError, match="width of 1 or more"):
        CodeField("a", 0)
    grid = assign_codes(cells([(i, 0, i + 1, 1) for i in range(999)]), UNIT)
    assert grid["grid_code"].iloc[-1] == "140402001002999"


@given(st.permutations(range(12)))
def test_codes_do_not_hang_on_the_order_of_rows(order):
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 1000, (12, 2)).round()
    frame = cells([(x, y, x + 50, y + 50) for x, y in corners])
    straight, shuffled = assign_codes(frame, UNIT), assign_codes(frame.iloc[list(order)], UNIT)
    assert straight.equals(shuffled)


@given(st.data())
def test_no_code_comes_back_and_kept_ones_stay(data):
    """New cells get serials that were never issued, whatever was kept or retired."""
    count = data.draw(st.integers(1, 12))
    parents = data.draw(st.lists(st.sampled_from(["140402001001", "140402001002"]), min_size=count, max_size=count))
    issued = data.draw(st.lists(st.sampled_from(["140402001001", "140402001002", "140402001003"]), max_size=30))
    serials = data.draw(st.lists(st.integers(1, 900), min_size=len(issued), max_size=len(issued)))
    used = [UNIT.code(parent, serial) for parent, serial in zip(issued, serials, strict=True)]
    pool = {parent: sorted({code for code in used if UNIT.parent_of(code) == parent}) for parent in set(parents)}
    kept = [
        pool[parent].pop() if pool[parent] and keep else data.draw(st.sampled_from(["", None]))
        for parent, keep in zip(
            parents, data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), strict=True
        )
    ]
    frame = cells([(i, 0, i + 1, 1) for i in range(count)]).assign(
        parent_code=parents, previous_code=kept, n=range(count)
    )
    grid = assign_codes(frame, UNIT, used=used)
    assert grid["grid_code"].is_unique
    assert [UNIT.parent_of(code) for code in grid["grid_code"]] == grid["parent_code"].tolist()
    by_row = grid.sort_values("n")["grid_code"].tolist()
    for code, before in zip(by_row, kept, strict=True):
        assert code == before if before else code not in used
    for parent in set(parents):  # the new ones follow each other, in reading order
        new = [int(code[-3:]) for code, p, k in zip(by_row, parents, kept, strict=True) if p == parent and not k]
        last = max([int(code[-3:]) for code in used if UNIT.parent_of(code) == parent], default=0)
        assert new == list(range(last + 1, last + 1 + len(new)))


def test_codes_used_before_count_without_kept_ones_too():
    grid = assign_codes(cells([(0, 0, 1, 1), (1, 0, 2, 1)]), UNIT, used=["140402001002007", "another scheme's", "007"])
    assert grid["grid_code"].str[-3:].tolist() == ["008", "009"]


def test_kept_codes_stay_in_the_table_and_rows_in_order():
    frame = cells([(0, 0, 1, 1), (1, 0, 2, 1), (2, 0, 3, 1)])
    frame["previous_code"] = ["", "140402001002009", ""]
    for old in (frame, frame.assign(previous_code=[None, "140402001002009", float("nan")])):
        grid = assign_codes(old, UNIT)
        assert grid["grid_code"].str[-3:].tolist() == ["009", "010", "011"]
        assert grid["previous_code"][0] == "140402001002009"
        assert [shape.bounds[0] for shape in grid.geometry] == [1, 0, 2]
    grid = assign_codes(frame.assign(previous_code=np.nan), UNIT)  # a column without any, as a file may give it
    assert grid["grid_code"].str[-3:].tolist() == ["001", "002", "003"]


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (["140402001002001", "140402001002001"], r"each previous_code once; more than once: 140402001002001"),
        (["140402001002000", ""], r"1 codes in previous_code do not fit the scheme unit grid \(serial 000 should"),
        (["140402001003001", ""], r"of another parent than their cell: 140402001003001 in 140402001002"),
        ([140402001002001, ""], r"expected text in previous_code, got 140402001002001 \(int\)"),
    ],
)
def test_codes_that_cannot_be_kept(before, said):
    frame = cells([(0, 0, 1, 1), (1, 0, 2, 1)])
    frame["previous_code"] = np.array(before, object)
    with pytest.raises(GridError, match=said):
        assign_codes(frame, UNIT)


def test_used_is_a_list_of_texts():
    for used in ("140402001002007", [140402001002007], [None]):
        with pytest.raises(GridError, match="used: expected a list of codes, all of them text"):
            assign_codes(cells([(0, 0, 1, 1)]), UNIT, used=used)
    with pytest.raises(GridError, match="serial 1000 is out of 1 to 999; make larger cells"):
        assign_codes(cells([(0, 0, 1, 1)]), UNIT, used=["140402001002999"])


def test_each_parent_is_numbered_for_itself_and_columns_stay():
    frame = cells([(0, 0, 1, 1), (1, 0, 2, 1), (2, 0, 3, 1)])
    frame["parent_code"] = ["140402001002", "140402001001", "140402001002"]
    frame["households"] = [1, 2, 3]
    before = frame.copy()
    grid = assign_codes(frame, UNIT)
    assert grid["grid_code"].tolist() == ["140402001001001", "140402001002001", "140402001002002"]
    assert grid["households"].tolist() == [2, 1, 3]
    assert frame.equals(before)


def test_errors_say_what_to_do():
    with pytest.raises(GridError, match="serial 1000 is out of 1 to 999; make larger cells"):
        assign_codes(cells([(i, 0, i + 1, 1) for i in range(1000)]), UNIT)
    with pytest.raises(GridError, match="2 parent codes do not fit the scheme unit grid"):
        frame = cells([(0, 0, 1, 1), (1, 0, 2, 1)])
        assign_codes(frame.assign(parent_code=["A1", "A2"]), UNIT)
    with pytest.raises(GridError, match="issued once"):
        assign_codes(assign_codes(cells([(0, 0, 1, 1)]), UNIT), UNIT)
    with pytest.raises(GridError, match="metres above 0"):
        assign_codes(cells([(0, 0, 1, 1)]), UNIT, row_height_m=0)
    with pytest.raises(GridError, match="last field is the serial"):
        CodeScheme("x", (CodeField("a", 2), CodeField("b", 2, charset="letters")))
    with pytest.raises(GridError, match="does not fit 2 digits"):
        CodeField("a", 2, 1, 100)
    with pytest.raises(GridError, match="two or more fields"):
        CodeScheme("x", (CodeField("a", 2),))
    with pytest.raises(GridError, match="expected name, fields"):
        CodeScheme.from_dict({"name": "x", "fields": [{"title": "a"}]})
