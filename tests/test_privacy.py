"""What is hidden stays hidden, and nothing else gets out."""

import dataclasses
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis.cli import main
from gridgis.contract import GridError, GridWarning
from gridgis.locate import locate
from gridgis.persons import personal_columns, without_persons
from gridgis.privacy import HIDDEN, SHOWN, Published, cell_keys, merge_small, protection_costs, publish, publishing
from gridgis.privacy.noise import changes, noisy
from gridgis.privacy.tables import REST, blocks_of, places_of
from gridgis.sample import small_example
from gridgis.settings import make_settings
from gridgis.summarise import summarise
from gridgis.write import write_table


def table_of(rows, **columns):
    """A table of cells: (parent, count of a, count of b)."""
    number = range(len(rows))
    frame = pd.DataFrame(rows, columns=["parent_code", "count_a", "count_b"])
    frame.insert(0, "grid_code", [f"{i:04d}" for i in number])
    frame["count"] = frame["count_a"] + frame["count_b"]
    frame = frame.assign(**columns)
    return gpd.GeoDataFrame(frame, geometry=[shapely.box(i, 0, i + 1, 1) for i in number], crs=4547)


def attack(published, measures):
    """Solve all that a reader knows for all that is hidden; give what comes out for certain.

    The reader knows the layout, every shown number, and that cells add up to parents, parents to the whole, and
    categories to the count.
    """
    cells, totals = published.table, published.totals
    names = [(name, place) for name in measures for place in (*cells["grid_code"], *totals["parent_code"])]
    position = {key: i for i, key in enumerate(names)}
    known = {}
    for name in measures:
        for frame, key in ((cells, "grid_code"), (totals, "parent_code")):
            for place, value, status in zip(frame[key], frame[name], frame[f"{name}_status"], strict=True):
                if status == SHOWN:
                    known[position[name, place]] = value
    rows = []
    parents = [code for code in totals["parent_code"] if code != "(all)"]
    for name in measures:
        for parent in parents:
            members = cells["grid_code"][cells["parent_code"] == parent]
            rows.append(([position[name, code] for code in members], position[name, parent]))
        rows.append(([position[name, parent] for parent in parents], position[name, "(all)"]))
    if "count" in measures:
        for place in (*cells["grid_code"], *totals["parent_code"]):
            rows.append(([position[name, place] for name in measures if name != "count"], position["count", place]))
    matrix = np.zeros((len(rows), len(names)))
    for i, (parts, total) in enumerate(rows):
        matrix[i, parts] += 1
        matrix[i, total] -= 1
    unknown = [i for i in range(len(names)) if i not in known]
    free = matrix[:, unknown]
    rank = np.linalg.matrix_rank(free) if unknown else 0
    return [
        names[unknown[i]]
        for i in range(len(unknown))
        if np.linalg.matrix_rank(np.vstack([free, np.eye(len(unknown))[i]])) == rank
    ]


counts = st.one_of(st.just(0), st.integers(0, 12), st.integers(0, 60))


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.sampled_from("PQR"), counts, counts), min_size=1, max_size=14), st.integers(2, 10))
def test_no_hidden_number_follows_from_what_is_shown(rows, hide_below):
    measures = ["count", "count_a", "count_b"]
    assert attack(publish(table_of(rows), measures=measures, hide_below=hide_below), measures) == []


def test_the_attack_would_find_what_a_threshold_alone_gives_away(monkeypatch):
    measures = ["count", "count_a", "count_b"]
    table = table_of([("P", 3, 0), ("P", 40, 0), ("P", 25, 0), ("Q", 50, 0), ("Q", 60, 4)])
    assert attack(publish(table, measures=measures), measures) == []
    monkeypatch.setattr(
        publishing, "protected", lambda block, terms: (block.tree.value > 0) & (block.tree.value < terms.hide_below)
    )
    assert ("count_a", "0000") in attack(publish(table, measures=measures), measures)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.sampled_from("PQ"), counts, counts), min_size=1, max_size=12), st.integers(2, 10))
def test_small_counts_are_hidden_and_shown_ones_are_true(rows, hide_below):
    table = table_of(rows)
    published = publish(table, measures=["count", "count_a", "count_b"], hide_below=hide_below)
    for name in published.measures:
        status, value = published.table[f"{name}_status"], published.table[name]
        small = table[name].between(1, hide_below - 1).to_numpy()
        assert (status[small] == HIDDEN).all()
        assert value[status == HIDDEN].isna().all()
        assert (value[status == SHOWN].to_numpy() == table[name][(status == SHOWN).to_numpy()].to_numpy()).all()
        assert (status[(table[name] == 0).to_numpy()] == SHOWN).all()


def test_the_only_small_cell_of_a_parent_takes_another_with_it():
    table = table_of([("P", 3, 0), ("P", 40, 0), ("P", 25, 0), ("Q", 50, 0), ("Q", 60, 0)])
    published = publish(table, measures=["count_a"])
    assert published.table["count_a_status"].tolist() == [HIDDEN, SHOWN, HIDDEN, SHOWN, SHOWN]


def test_two_ones_alone_would_be_given_away_by_their_sum():
    table = table_of([("P", 1, 0), ("P", 1, 0), ("P", 40, 0), ("P", 50, 0)])
    published = publish(table, measures=["count_a"])
    assert published.table["count_a_status"].tolist() == [HIDDEN, HIDDEN, HIDDEN, SHOWN]


def test_a_parent_with_one_small_cell_hides_its_total_too():
    table = table_of([("P", 3, 0), ("Q", 40, 0), ("R", 25, 0)])
    published = publish(table, measures=["count_a"])
    shown = published.totals.set_index("parent_code")["count_a_status"]
    assert shown["P"] == HIDDEN
    assert (shown == HIDDEN).sum() >= 2


def test_nothing_to_show_is_fine():
    published = publish(table_of([("P", 0, 0), ("Q", 0, 0)]))
    assert (published.table["count_status"] == SHOWN).all()


def test_rates_come_from_shown_numbers_only():
    grid = small_example().grid
    table = summarise(grid, locate(small_example().events, grid)).assign(count=[3, 30, 12, 0])
    published = publish(table)
    shown = published.table["count_per_100_households_status"] == SHOWN
    assert shown.equals(published.table["count_status"] == SHOWN)
    assert published.table["count_per_100_households"][shown].equals(
        (100 * published.table["count"] / 24).round(4)[shown].rename("count_per_100_households")
    )


def test_columns_not_asked_for_stay_inside():
    grid = small_example().grid.assign(name="somebody", phone="13812345678", exception="x")
    table = summarise(grid, locate(small_example().events, grid), by="category")
    published = publish(table, measures=["count"])
    assert list(published.table.columns) == ["grid_code", "parent_code", "count", "count_status", "geometry"]
    assert "somebody" not in published.table.to_csv()


def test_hidden_values_are_nowhere_in_the_result():
    table = table_of([("P", 7, 0), ("P", 31, 0), ("P", 77, 0)], households=[7, 131, 177])
    published = publish(table, measures=["count_a", "households"])
    assert 7.0 not in published.table[["count_a", "households"]].to_numpy()
    assert 7.0 not in published.totals.select_dtypes("number").to_numpy()


def test_missing_is_not_zero():
    published = publish(table_of([("P", 40, 0), ("P", 50, 0)], persons=[np.nan, 300.0]), measures=["persons"])
    assert published.table["persons_status"].tolist() == ["no data", SHOWN]


def test_internal_hides_nothing_and_says_so():
    published = publish(table_of([("P", 3, 0), ("P", 40, 0)]), internal=True)
    assert published.internal
    assert (published.table["count_status"] == SHOWN).all()


def test_rows_come_out_by_code_whatever_their_order():
    table = table_of([("P", 3, 1), ("P", 40, 2), ("Q", 25, 3), ("Q", 12, 9)])
    assert publish(table.iloc[::-1]).table.equals(publish(table).table)


def test_a_published_table_cannot_be_made_by_hand():
    with pytest.raises(GridError, match=r"made by gridgis\.publish"):
        Published(small_example().grid, ("count",), 10, pd.DataFrame())
    published = publish(table_of([("P", 30, 0)]))
    with pytest.raises(dataclasses.FrozenInstanceError):
        published.hide_below = 2


def test_errors_say_what_to_do():
    table = table_of([("P", 3, 0)])
    with pytest.raises(GridError, match="2 or more, got 1"):
        publish(table, hide_below=1)
    with pytest.raises(GridError, match="'x' is none"):
        publish(table, measures=["x"])
    with pytest.raises(GridError, match="counts no things"):
        publish(table, measures=["parent_code"])
    with pytest.raises(GridError, match="numbers of 0 or more in 'count_a'"):
        publish(table.assign(count_a=-1), measures=["count_a"])
    with pytest.raises(GridError, match="holds none"):
        publish(table[["grid_code", "parent_code", "geometry"]])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "x"), ("姓名", "x"), ("户主姓名", "x"), ("phone", "x"), ("联系电话", "x"), ("id_number", "x"),
        ("address", "x"), ("住址", "x"), ("e_mail", "x"), ("remark", "13812345678"), ("remark", "11010519491231002X"), ("tel", "1"),
    ],
)  # fmt: skip
def test_columns_of_persons_are_known_by_name_or_value(name, value):
    assert personal_columns(pd.DataFrame({name: [value], "kind": ["noise"]})) == [name]


@pytest.mark.parametrize("name", ["category", "reported_on", "households", "grid_code", "event_id", "street", "kind"])
def test_other_columns_stay(name):
    table = pd.DataFrame({name: ["noise", "2026-01-01"]})
    assert without_persons(table)[0].equals(table)


# --- levels, rounding, noise, merging, what each costs


def test_levels_above_the_parents_have_totals():
    table = table_of([("P1", 30, 40), ("P1", 50, 60), ("Q1", 20, 80)], street=["x", "x", "y"])
    published = publish(table, measures=["count"], levels=["street"])
    assert published.totals[["level", "parent_code", "count"]].values.tolist() == [
        ["parent_code", "P1", 180],
        ["parent_code", "Q1", 100],
        ["street", "x", 180],
        ["street", "y", 100],
        ["(all)", "(all)", 280],
    ]
    assert publish(table, measures=["count"], levels=[1]).totals["parent_code"].tolist() == [
        "P1",
        "Q1",
        "P",
        "Q",
        "(all)",
    ]


def test_levels_that_are_not_nested_are_refused():
    table = table_of([("P", 30, 40), ("P", 50, 60)], street=["x", "y"])
    with pytest.raises(GridError, match="expected each parent_code in one street, got P in several"):
        publish(table, levels=["street"])
    with pytest.raises(GridError, match="'district'"):
        publish(table, levels=["district"])
    with pytest.raises(GridError, match="leading characters, got 1"):
        publish(table, levels=[1])


def test_a_cell_with_some_numbers_of_a_sum_is_refused():
    table = table_of([("P", 30, 40), ("P", 50, 60)])
    table.loc[0, "count_a"] = np.nan
    with pytest.raises(GridError, match="0000 lack some"):
        publish(table, measures=["count", "count_a"])


def test_parts_that_are_more_than_their_count_are_an_error():
    table = table_of([("P", 30, 40), ("P", 50, 60)]).assign(count=[70, 109])
    with pytest.raises(GridError, match=r"count_a, count_b are more than count in 1 cells \(0001\).*parts="):
        publish(table)
    with pytest.raises(GridError, match=r"count_a, count_b are more than count in 1 cells"):
        publish(table, parts={"count": ["count_a", "count_b"]})
    shown = publish(table, parts={"count": []})  # each for itself
    assert (shown.table[["count", "count_a", "count_b"]] > 0).all(axis=None)


def twelve(**columns):
    """Twelve cells with noise and waste, and what else."""
    rng = np.random.default_rng(1)
    a, b = rng.poisson(6, 12), rng.poisson(25, 12)
    table = table_of(list(zip("PPPPPPQQQQQQ", a, b, strict=True)))
    return table.assign(**{name: value(table) for name, value in columns.items()})


def follows(shown, total, parts):
    """Hidden numbers that follow from a sum in one cell."""
    hidden = shown.table[[f"{name}_status" for name in (total, *parts)]].eq(HIDDEN).sum(axis=1)
    return int((hidden == 1).sum())


@pytest.mark.parametrize("trees", [3, 0, np.arange(12), 999])
def test_a_column_that_is_no_part_does_not_end_protection(trees):
    table = twelve().assign(count_trees=trees)
    for measures in (None, ["count", "count_a", "count_b"]):
        assert follows(publish(table, measures=measures), "count", ["count_a", "count_b"]) == 0
    shown = publish(table, measures=["count", "count_trees", "count_a"])
    assert not (shown.table[["count_status", "count_a_status"]] == SHOWN)[(table["count_b"] < 10)].all(axis=1).any()


def test_one_cell_with_too_many_is_named():
    table = twelve()
    table.loc[4, "count"] -= 1
    assert publish(table, internal=True).internal  # nothing is protected: nothing hangs on it
    with pytest.raises(GridError, match=r"more than count in 1 cells \(0004\)"):
        publish(table)


def test_a_sum_is_known_whatever_the_columns_are_called():
    table = twelve().rename(columns={"count": "households", "count_a": "owner", "count_b": "tenant"})
    grid = gpd.GeoDataFrame(table.assign(parent_code=table["parent_code"]), crs=table.crs)
    sums = blocks_of(grid, ["owner", "households", "tenant"], places_of(grid))
    assert [block.names for block in sums] == [("owner", "tenant", "households")]
    rest = blocks_of(grid, ["households", "owner"], places_of(grid))  # the tenants are the rest
    assert [block.names for block in rest] == [("owner", REST, "households")]


def test_summarise_notes_the_parts_and_publish_heeds_them():
    grid = small_example().grid.assign(count_trees=[1, 0, 1, 0])
    table = summarise(grid, locate(small_example().events, grid), by="category")
    assert table.attrs["parts"] == {"count": ["count_noise", "count_waste"]}
    whole = blocks_of(table, ["count", "count_noise", "count_waste", "count_trees"], places_of(table))
    assert [block.names for block in whole] == [("count_noise", "count_waste", "count"), ("count_trees",)]
    lost = table.drop(columns="count_waste")  # what is in no category is one more, never shown
    assert [block.names for block in blocks_of(lost, ["count", "count_noise"], places_of(lost))] == [
        ("count_noise", REST, "count")
    ]


def test_parts_by_their_names_alone_are_told():
    table = twelve().drop(columns="count_b")
    with pytest.warns(GridWarning, match=r"count_a do not add up to count and are taken.*parts="):
        publish(table)
    publish(table, parts={"count": ["count_a"]})
    publish(table, parts={"count": []})


@pytest.mark.parametrize(
    ("columns", "measures", "match"),
    [
        # a part that is a sum itself; two sets of parts; the same things twice; one that is a multiple
        (
            {"count_a1": lambda t: t["count_a"] // 2, "count_a2": lambda t: t["count_a"] - t["count_a"] // 2},
            ["count", "count_a", "count_b", "count_a1", "count_a2"],
            r"more than can be protected at once; leave out count_a or count_a1, count_a2\.",
        ),
        (
            {"day": lambda t: t["count"] // 3, "night": lambda t: t["count"] - t["count"] // 3},
            ["count", "count_a", "count_b", "day", "night"],
            "more than can be protected at once",
        ),
        (
            {"day": lambda t: t["count"] // 3, "night": lambda t: t["count"] - t["count"] // 3},
            ["count_a", "count_b", "day", "night"],
            "in every cell, so that hidden numbers of one follow from the others",
        ),
        ({"persons": lambda t: 3 * t["count_a"]}, ["persons", "count_a"], r"persons = 3 count_a|3 count_a = persons"),
    ],
)
def test_what_cannot_be_protected_together_is_refused(columns, measures, match, monkeypatch):
    table = twelve(**columns)
    with pytest.raises(GridError, match=match):
        blocks_of(table, measures, places_of(table))


def test_parts_that_are_said_wrongly_are_refused():
    table = twelve()
    for parts, match in (
        ({"count": "count_a"}, "expected a list of columns for 'count'"),
        ({"count": ["nothing"]}, "nothing are no columns"),
        (["count"], "expected a count and its columns"),
        ({"count": ["count_a"], "count_b": ["count_a"]}, "in one sum, count_a is in two"),
    ):
        with pytest.raises(GridError, match=match):
            publish(table, parts=parts)


def test_zeros_can_be_protected():
    table = table_of([("P", 0, 40), ("P", 12, 50), ("P", 30, 60), ("Q", 50, 70), ("Q", 60, 80)])
    assert publish(table, measures=["count_a"]).table["count_a_status"].tolist() == [SHOWN] * 5
    shown = publish(table, measures=["count_a"], zeros="protected")
    assert shown.table["count_a_status"].tolist() == [HIDDEN, HIDDEN, SHOWN, SHOWN, SHOWN]
    with pytest.raises(GridError, match="'shown' or 'protected', got 'no'"):
        publish(table, zeros="no")


def test_who_is_alone_does_not_learn_of_another():
    def hidden(name, cells, **terms):
        table = table_of([("P", n, 0) for n in cells]).rename(columns={"count_a": name})
        shown = publish(table, measures=[name], hide_below=2, parts={}, **terms)
        return [
            status == HIDDEN for status in [*shown.table[f"{name}_status"], shown.totals[f"{name}_status"].iloc[-1]]
        ]

    ones = [1, 1, 3, 4]
    assert hidden("count_x", ones, zeros="protected") == [True, True, False, False, False]
    assert sum(hidden("households", ones, zeros="protected")) == 3
    assert hidden("households", ones, zeros="protected", singletons=False) == [True, True, False, False, False]
    assert sum(hidden("count_x", ones, zeros="protected", singletons=True)) == 3
    assert hidden("count_x", [1, 2, 1, 0]) == [True, False, True, False, True]  # each of the two is 1 or more


def test_a_secret_chooses_what_is_hidden():
    table = table_of([("P", 3, 0), *[("P", n, 0) for n in range(40, 60)]])
    chosen = set()
    for number in range(12):
        secret = bytes([number]) * 16
        shown = publish(table, measures=["count_a"], secret=secret)
        assert publish(table.iloc[::-1], measures=["count_a"], secret=secret).table.equals(shown.table)
        hidden = tuple(np.flatnonzero(shown.table["count_a_status"] == HIDDEN))
        assert len(hidden) == 2
        chosen.add(hidden)
        assert repr(secret) not in repr(shown)
    assert len(chosen) > 4
    with pytest.raises(GridError, match="at least 16 random bytes"):
        publish(table, secret=b"short")


def test_rounded_tables_add_up_and_say_so():
    rows = [("P", 3, 1), ("P", 40, 0), ("Q", 25, 7), ("Q", 11, 12)]
    published = publish(table_of(rows), round_to=5)
    cells, totals = published.table, published.totals
    assert published.round_to == 5
    assert (cells["count"] == cells["count_a"] + cells["count_b"]).all()
    assert totals["count"].iloc[-1] == totals["count"].iloc[:-1].sum() == cells["count"].sum()
    assert (cells[["count", "count_a", "count_b"]] % 5 == 0).all(axis=None)
    with pytest.raises(GridError, match="3 or more, such as 3 or 5, got 2"):
        publish(table_of(rows), round_to=2)
    with pytest.raises(GridError, match="one of round_to=, noise= and internal="):
        publish(table_of(rows), round_to=5, internal=True)


SECRET = b"0123456789abcdef"


def located(count=400, seed=0):
    rng = np.random.default_rng(seed)
    codes = [f"{i:04d}" for i in rng.integers(0, 4, count)]
    kinds = rng.choice(["a", "b"], count)
    return pd.DataFrame({"grid_code": codes, "kind": kinds, "number": [f"n{i}" for i in range(count)]})


def table_of_records(records):
    rows = [
        ("PQ"[i // 2], *(((records["grid_code"] == f"{i:04d}") & (records["kind"] == kind)).sum() for kind in "ab"))
        for i in range(4)
    ]
    return table_of(rows)


def test_the_same_records_get_the_same_noise():
    records = located()
    table = table_of_records(records)
    whole = publish(table, noise=cell_keys(records, secret=SECRET, record="number", by="kind"))
    again = publish(
        table, noise=cell_keys(records.sample(frac=1, random_state=1), secret=SECRET, record="number", by="kind")
    )
    assert whole.table.equals(again.table)
    assert whole.noisy
    alone = publish(table, measures=["count"], noise=cell_keys(records, secret=SECRET, record="number"))
    assert alone.table["count"].equals(whole.table["count"])
    other = publish(table, noise=cell_keys(records, secret=SECRET[::-1], record="number", by="kind"))
    assert not other.table["count_a"].equals(whole.table["count_a"]) or not other.table["count"].equals(
        whole.table["count"]
    )
    assert (whole.table["count"] - table["count"]).abs().max() <= 5


def test_noise_is_zero_on_average_and_as_wide_as_said():
    rng = np.random.default_rng(1)
    count = rng.integers(0, 30, 400_000).astype(float)
    key = rng.integers(0, 2**32, len(count)).astype(np.uint64)
    change = noisy(count, key, most=5, variance=2.0, least=3) - count
    assert abs(change[count > 0].mean()) < 0.01
    assert (change[count == 0] == 0).all()
    assert change[count > 8].var() == pytest.approx(2.0, abs=0.03)
    assert not np.isin(count + change, [1, 2]).any()
    assert np.abs(change).max() <= 5


@given(st.integers(1, 40), st.integers(3, 8), st.floats(0.01, 12), st.integers(1, 3))
def test_tables_of_noise_are_fair_and_as_wide_as_asked_or_refused(count, most, variance, least):
    try:
        steps, below = changes(count, most, variance, least)
    except GridError as error:
        assert "can have a variance from" in str(error)
        return
    chance = np.diff([0.0, *below])
    assert below[-1] == pytest.approx(1)
    assert chance @ np.array(steps) == pytest.approx(0, abs=1e-6)
    assert chance @ np.array(steps) ** 2 == pytest.approx(variance, abs=1e-5)
    assert all(count + step == 0 or count + step >= least for step in steps)


@pytest.mark.parametrize("count", [1, 2])
def test_the_least_variance_of_a_small_count_is_given_or_refused(count):
    steps, below = changes(count, 5, 2.0, 3)  # -1 or 2; -2 or 1
    chance = np.diff([0.0, *below])
    assert chance @ np.array(steps) ** 2 == pytest.approx(2.0, abs=1e-8)
    with pytest.raises(GridError, match=rf"a count of {count} can have a variance from 2 to \d+, not 1.99"):
        changes(count, 5, 1.99, 3)


def test_keys_ask_first_whether_the_noise_is_possible():
    records = located()
    assert cell_keys(records, secret=SECRET, record="number", variance=3.0, most=6, least=2).variance == 3.0
    with pytest.raises(GridError, match="a count of 1 can have a variance from 2 to 5, not 1"):
        cell_keys(records, secret=SECRET, record="number", variance=1.0)
    with pytest.raises(GridError, match="variance= above 0"):
        cell_keys(records, secret=SECRET, record="number", variance=-1.0)


def test_the_secret_is_kept_nowhere():
    records = located()
    keys = cell_keys(records, secret=SECRET, record="number", by="kind")
    published = publish(table_of_records(records), noise=keys)
    assert SECRET.decode() not in repr(keys) + repr(published) + str(vars(keys))
    for broken in ({"secret": b"short"}, {"record": "nothing"}, {"record": "kind"}, {"by": "nothing"}):
        with pytest.raises(GridError):
            cell_keys(records, **{"secret": SECRET, "record": "number", "by": "kind", **broken})
    with pytest.raises(GridError, match="no keys for 'households'"):
        publish(table_of_records(records).assign(households=50), noise=keys)


@given(st.lists(st.tuples(st.sampled_from("PQ"), counts, counts), min_size=1, max_size=12), st.integers(2, 30))
def test_merged_cells_are_large_enough_or_alone_in_their_parent(rows, at_least):
    table = table_of(rows)
    merged = merge_small(table, ["count"], at_least)
    assert merged["count"].sum() == table["count"].sum()
    assert sorted(" ".join(merged["members"]).split()) == table["grid_code"].tolist()
    assert merged.geometry.area.sum() == pytest.approx(len(table))
    assert merged["grid_code"].is_monotonic_increasing
    for row in merged.itertuples():
        if 0 < row.count < at_least:
            near = merged[(merged["parent_code"] == row.parent_code) & (merged["grid_code"] != row.grid_code)]
            shared = near.geometry.boundary.intersection(row.geometry.boundary).length
            assert (shared == 0).all()


def test_merging_takes_the_longest_border_and_needs_numbers():
    table = table_of([("P", 1, 1), ("P", 40, 0), ("P", 50, 0)])
    table = table.set_geometry([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1), shapely.box(0, 1, 3, 2)], crs=4547)
    assert merge_small(table, ["count"])["members"].tolist() == ["0000 0001", "0002"]
    with pytest.raises(GridError, match="expected columns of numbers"):
        merge_small(table, ["parent_code"])


def test_what_each_way_costs():
    table = table_of([("P", 3, 1), ("P", 40, 0), ("Q", 25, 7), ("Q", 11, 12)], households=[30, 40, 50, 60])
    costs = protection_costs(table)
    assert costs["way"].tolist() == ["hide", "round to 3", "round to 5", "merge, then hide"]
    assert costs["hidden"].iloc[0] > costs["small"].iloc[0] > 0
    assert costs["largest_error"].iloc[1] <= 2
    assert costs["cells"].iloc[3] < 4


# which columns may be let out


@pytest.mark.parametrize("name", ["trees", "street lamps", "路灯", "x", "count_", "Households", "n per km2"])
def test_any_count_may_be_published_whatever_its_name(name):
    table = table_of([("P", 3, 0), ("P", 20, 0), ("P", 30, 0)])
    table = table[["grid_code", "parent_code", "geometry"]].assign(**{name: [3, 20, 30]})
    shown = publish(table, measures=[name])
    assert shown.measures == (name,)
    assert shown.table[f"{name}_status"].tolist()[0] == "hidden"


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("phone", [1, 2, 3], "holds persons"),
        ("业主电话", [20, 30, 40], "holds persons"),
        ("x", [13812345678, 20, 30], "holds persons"),
        ("x", [13812345678.0, 20, 30], "holds persons"),
        ("x", [1.5, 20, 30], "'x' counts no things: expected whole numbers of 0 or more in 'x', got 1.5"),
        ("x", [-1, 20, 30], "counts no things"),
        ("x", [float("inf"), 20, 30], "counts no things"),
        ("x", ["1", "2", "3"], "counts no things"),
        ("x", [True, False, True], "counts no things"),
        ("x", ["a", None, "b"], "counts no things"),
        ("parent_code", None, "counts no things"),
        ("grid_code", None, "counts no things"),
    ],
)
def test_what_is_no_count_or_of_persons_is_refused(name, values, said):
    table = table_of([("P", 3, 0), ("P", 20, 0), ("P", 30, 0)])
    with pytest.raises(GridError, match=said):
        publish(table if values is None else table.assign(**{name: values}), measures=[name])


def test_cells_called_like_persons_go_out_without_names(tmp_path):
    table = table_of([("P", 30, 0), ("P", 20, 0), ("P", 30, 0)])
    for places in (["东街网格", "王家岭", "刘家湖"], ["Hill", "River", "East"]):
        shown = publish(table.assign(grid_name=places), measures=["count_a"])
        assert set(shown.cell_names.values()) == set(places)
    with pytest.warns(
        GridWarning, match="1 of the names in grid_name are like those of persons; grid_name is left out"
    ):
        shown = publish(table.assign(grid_name=["东街网格", "王芳", None]), measures=["count_a"])
    assert shown.cell_names == {}
    assert "王芳" not in write_table(shown, tmp_path / "n.csv").read_text(encoding="utf-8-sig")


def test_whole_numbers_of_any_type_with_some_missing():
    table = table_of([("P", 3, 0), ("P", 20, 0), ("P", 30, 0)])
    for values in ([30, None, 40], [30.0, float("nan"), 40.0], pd.array([30, None, 40], dtype="Int64")):
        shown = publish(table.assign(x=values), measures=["x"]).table
        assert shown["x_status"].tolist() == ["shown", "no data", "shown"]


def test_numbers_beyond_what_can_be_added_exactly_are_refused():
    table = table_of([("P", 3, 0), ("P", 20, 0), ("P", 30, 0)])
    for large in (2**53, 2**53 - 52, 2.0**53 + 2, 2**62, 1e300):
        with pytest.raises(GridError, match="adds up to 2\\*\\*53 or more"):
            publish(table.assign(x=pd.Series([30, large, 22], dtype=object)), measures=["x"])
    shown = publish(table.assign(x=[30, 2**53 - 53, 22]), measures=["x"])
    assert shown.totals["x"].tolist() == [2**53 - 1] * len(shown.totals)


@pytest.mark.filterwarnings("ignore:publish")  # parts that do not add up
def test_categories_that_are_alike_by_chance_are_still_parts_of_the_count():
    table = table_of([("P", 3, 0), ("P", 0, 0)]).assign(count=[6, 1], count_b=[3, 0])
    shown = publish(table, measures=["count", "count_a", "count_b"], hide_below=3)
    assert (shown.totals["count_status"] == HIDDEN).all()  # with 3 and 3 shown, 7 less 6 would be 1
    homes = table.assign(households=table["count"])  # a column of two cells that is the count by chance
    shown = publish(homes, measures=["count", "count_a", "count_b", "households"], hide_below=3)
    assert (shown.totals["count_status"] == HIDDEN).all()


def test_a_second_sum_in_a_few_cells_is_refused_unless_the_parts_are_said():
    table = table_of([("P", 12, 0), ("P", 1, 0)])[["grid_code", "parent_code", "geometry"]]
    table = table.assign(men=[12, 1], women=[11, 15], young=[3, 15], old=[20, 1], persons=[23, 16])
    names = ["persons", "men", "women", "young", "old"]
    with pytest.raises(GridError, match="say the parts"):
        publish(table, measures=names)
    publish(table, measures=names, parts={"persons": ["men", "women"]})
    publish(table, measures=names[:3])
    table = table.rename(columns=lambda name: f"count_{name}" if name in names else name)
    table = table.rename(columns={"count_persons": "count"})
    with pytest.raises(GridError, match="say the parts"):
        publish(table, measures=["count", *(f"count_{name}" for name in names[1:])])


def test_a_count_that_is_tied_beside_its_parts_is_refused():
    cells = [("P", count, 0) for count in (3, 1, 4, 2, 9, 7, 12, 30)]
    table = table_of(cells).assign(count_b=[1, 5, 0, 2, 8, 3, 1, 4], rest=[2, 0, 1, 0, 3, 1, 0, 6])
    table["count"] = table[["count_a", "count_b", "rest"]].sum(axis=1)
    table["load"] = table["count"] + np.arange(8)
    table["other"] = range(8)
    measures = ["count", "count_a", "count_b"]
    with pytest.raises(GridError, match=r"load = .* and by their names"):
        publish(table.drop(columns="rest"), measures=[*measures, "load", "other"])
    alike = table.assign(count_c=table["count_b"]).drop(columns=["rest", "load", "other"])
    alike["count"] += alike["count_c"]
    with pytest.raises(GridError, match="count_b = count_c in every cell, and by their names"):
        publish(alike, measures=[*measures, "count_c"])


def test_a_column_that_is_a_multiple_is_refused_in_a_few_cells_too():
    table = table_of([("P", 3, 0), ("P", 0, 0), ("P", 5, 0)])[["grid_code", "parent_code", "geometry"]]
    table = table.assign(count=[3, 0, 5], shoes=[6, 0, 10], trees=[4, 0, 9])
    with pytest.raises(GridError, match="2 count = shoes in every cell"):
        publish(table, measures=["count", "shoes"])
    publish(table, measures=["count", "shoes"], parts={"count": []})  # somebody knows that it is chance
    publish(table, measures=["count", "trees"])


def test_small_tables_of_many_categories_can_be_published():
    for seed in range(40):
        chance = np.random.default_rng(seed)
        table = table_of([("P", int(number), 0) for number in chance.poisson(3, 6)])
        names = ["count_a", "count_b", "count_c", "count_d"]
        for name in names[1:]:
            table[name] = chance.poisson(chance.choice([0.3, 1, 8]), 6)
        table["count"] = table[names].sum(axis=1)
        for parts in (None, {"count": names}):
            publish(table, measures=["count", *names], parts=parts)


def test_ones_are_not_known_by_their_sum():
    ones = publish(table_of([("P", 1, 0)] * 12), measures=["count_a"])
    assert (ones.totals["count_a_status"] == HIDDEN).all()  # a sum of 12 would say that each is 1
    table = table_of([("P", 1, 1)] * 4).assign(count_c=1, count=3)
    three = publish(table, measures=["count", "count_a", "count_b", "count_c"], hide_below=3)
    assert (three.table["count_status"] == HIDDEN).all()


def test_the_terms_can_be_said_on_the_command_line(tmp_path, capsys):
    table = twelve(count_trees=lambda table: 500)
    write_table(table, tmp_path / "t.gpkg")
    (tmp_path / "secret").write_bytes(b"sixteen bytes at least\n")
    words = ["costs", f"{tmp_path}/t.gpkg", "--out", f"{tmp_path}/c.csv", "--hide-below", "8"]
    measures = ["--measure", "count", "--measure", "count_a", "--measure", "count_b"]
    for more, terms in (
        (["--zeros", "protected"], {"zeros": "protected"}),
        (["--parts", "count", "count_a", "count_b"], {"parts": {"count": ["count_a", "count_b"]}}),
        (["--singletons"], {"singletons": True}),
        (["--secret-file", f"{tmp_path}/secret"], {"secret": b"sixteen bytes at least"}),
    ):
        assert main([*words, *measures, *more]) == 0
        wanted = protection_costs(table, measures=measures[1::2], hide_below=8, **terms)
        assert pd.read_csv(tmp_path / "c.csv")["hidden"].iloc[0] == wanted["hidden"].iloc[0]
        (tmp_path / "c.csv").unlink()
    (tmp_path / "secret").write_bytes(b"short")
    for broken in (["--secret-file", f"{tmp_path}/secret"], ["--secret-file", f"{tmp_path}/none"], ["--parts", "no"]):
        capsys.readouterr()
        assert main([*words, *measures, *broken]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_the_terms_can_be_set():
    inputs = {"inputs": {"areas": "a.gpkg", "buildings": "b.gpkg"}}
    known = make_settings(
        {**inputs, "publish": {"zeros": "protected", "parts": {"count": []}, "singletons": False}}, Path()
    )
    assert known.get("publish", "zeros") == "protected"
    for wrong in ({"zeros": "no"}, {"parts": {"count": "count_a"}}, {"secret_file": ""}):
        with pytest.raises(GridError, match=rf"{next(iter(wrong))} in \[publish\]: expected"):
            make_settings({**inputs, "publish": wrong}, Path())


@pytest.mark.parametrize(
    "name",
    ["王芳", "张三", "王 芳", "王女士", "欧阳娜娜", "Wang Fang", "John Smith", "晋E12345", "11010519491231002X"],
)
@pytest.mark.parametrize("prefix", ["count_", ""])
def test_a_category_that_is_a_person_is_refused(name, prefix):
    table = table_of([("P", 20, 9), ("P", 30, 12)]).assign(**{f"{prefix}{name}": [11, 12]})
    with pytest.raises(GridError, match=r"measures: .*(called like persons|number of a person|holds persons)") as error:
        publish(table, measures=["count", "count_a", f"{prefix}{name}"])
    assert name not in str(error.value) or not prefix
    publish(table, measures=["count", "count_a", "count_b"])


@pytest.mark.parametrize(
    "names",
    [
        ["杨浦", "黄浦", "徐汇", "静安"],
        ["高平", "泽州", "阳城", "陵川"],
        ["包头", "乌海", "赤峰"],
        ["安全", "白色污染", "高空抛物"],
        ["王家庄", "李家坡"],
        ["Noise", "Street Light", "Illegal Parking"],
    ],
)
def test_categories_that_are_kinds_or_places_are_no_persons(names):
    table = table_of([("P", 20, 0), ("P", 30, 0)])[["grid_code", "parent_code", "geometry"]]
    table = table.assign(count=[20 * len(names), 30 * len(names)], **{f"count_{name}": [20, 30] for name in names})
    assert (publish(table, parts={"count": [f"count_{name}" for name in names]}).table["count_status"] == "shown").all()
