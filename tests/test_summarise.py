"""Totals that add up, rates with a denominator."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis.contract import GridError, GridWarning
from gridgis.locate import account, locate
from gridgis.sample import small_example
from gridgis.summarise import summarise

GRID = small_example().grid
CODES = [*GRID["grid_code"], None]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(["a", "b", "<b>x</b>", "", None])), max_size=60))
def test_counted_and_not_counted_are_all_rows(rows):
    located = pd.DataFrame(rows, columns=["grid_code", "category"])
    located["located_by"] = located["grid_code"].map(lambda code: "inside" if isinstance(code, str) else "outside")
    table = summarise(GRID, located, by="category")
    assert table["count"].sum() + int(located["grid_code"].isna().sum()) == len(rows)
    parts = [name for name in table.columns if name.startswith("count_") and name != "count_per_100_households"]
    assert (table[parts].sum(axis=1) == table["count"]).all()
    assert table["grid_code"].equals(GRID["grid_code"])


def test_known_counts():
    located = locate(small_example().events, GRID)
    table = summarise(GRID, located, by="category")
    assert table["count"].sum() == 5 == len(located) - int(account(located).set_index("located_by")["rows"]["outside"])
    assert table["count_noise"].sum() == 3
    assert (table["count_per_100_households"] == (100 * table["count"] / 24).round(4)).all()


def test_a_rate_without_households_is_missing_not_zero():
    grid = GRID.assign(households=[0, 24, 24, 24])
    table = summarise(grid, locate(small_example().events, grid))
    assert table["count_per_100_households"].isna().tolist() == [True, False, False, False]


def test_what_came_from_a_csv_counts_the_same():
    located = pd.DataFrame(locate(small_example().events, GRID)[["grid_code", "located_by", "category"]])
    from_file = located.astype(object).where(located.notna(), "")
    assert summarise(GRID, located, by="category").equals(summarise(GRID, from_file, by="category"))


def test_errors_say_what_to_do():
    located = locate(small_example().events, GRID)
    with pytest.raises(GridError, match="located in another grid"):
        summarise(GRID.iloc[:1], located)
    with pytest.raises(GridError, match="kind missing"):
        summarise(GRID, located, by="kind")
    with pytest.raises(GridError, match="would overwrite"):
        summarise(GRID, located.assign(category="per_100_households"), by="category")


def located(kinds, codes=None):
    codes = [GRID["grid_code"].iloc[0]] * len(kinds) if codes is None else codes
    return pd.DataFrame({"grid_code": codes, "located_by": "inside", "kind": kinds})


@pytest.mark.parametrize("other", ["Noise", "noise ", " noise", "ｎｏｉｓｅ"])
def test_categories_that_hardly_differ_are_told_and_counted_apart(other):
    with pytest.warns(GridWarning, match=r"kind: '.*' and '.*' are counted apart"):
        table = summarise(GRID, located(["noise", other]), by="kind")
    assert table[["count_noise", f"count_{other}"]].sum().tolist() == [1, 1]


@pytest.mark.parametrize("kinds", [pd.array([3, None, 5], dtype="Int64"), [3.0, None, 5.0]])
def test_categories_of_whole_numbers_have_no_point(kinds):
    table = summarise(GRID, located(kinds), by="kind")
    assert [name for name in table if name.startswith("count_") and name != "count_per_100_households"] == [
        *("count_(none)", "count_3", "count_5")
    ]


def test_a_lost_leading_zero_is_named():
    code = GRID["grid_code"].iloc[0]
    grid = GRID.assign(grid_code="0" + GRID["grid_code"].str[1:])
    with pytest.raises(
        GridError, match=rf"lost their leading zero \(Excel\?\): {code[1:]} with {len(code) - 1} digits"
    ):
        summarise(grid, located(["a"], [code[1:]]))


@pytest.mark.parametrize(
    ("by", "value"), [("about", "POINT (113.123456 36.123456)"), ("gcj_lat", 36.12345), ("经度", "113.12345")]
)
def test_coordinates_are_no_categories(by, value):
    located = pd.DataFrame({"grid_code": list(GRID["grid_code"])[:2] * 3, "located_by": "inside", by: value})
    with pytest.raises(GridError, match=f"{by}: this column holds coordinates"):
        summarise(GRID, located, by=by)
