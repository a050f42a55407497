"""How much `publish` hides beside what is small: as little as trying everything would."""

import itertools

import geopandas as gpd
import numpy as np
import pytest
import shapely

import gridgis as gg

WIDTH = 10


def table_of(parents, counts):
    codes = [f"99{parent}{i:03d}" for i, parent in enumerate(parents)]
    boxes = [shapely.box(i, 0, i + 1, 1) for i in range(len(counts))]
    return gpd.GeoDataFrame(
        {"grid_code": codes, "parent_code": [f"99{parent}" for parent in parents], "count": counts},
        geometry=boxes,
        crs=4547,
    )


def numbers_of(parents, counts):
    """Cells, parents and the whole in one line, and for each its place in the sums: (whole, its parts)."""
    names = sorted(set(parents))
    sums = [np.sum([c for p, c in zip(parents, counts, strict=True) if p == name]) for name in names]
    value = np.array([*counts, *sums, sum(counts)])
    n = len(counts)
    rows = [(n + i, [j for j, p in enumerate(parents) if p == name]) for i, name in enumerate(names)]
    return value, [*rows, (len(value) - 1, [n + i for i in range(len(names))])]


def reach(value, rows, hidden):
    """The least and the most that each hidden number can be, hidden ones being at least 1: bounds, tightened until they
    settle. In a tree of sums that is exact: each number stands in at most two sums.
    """
    low = np.where(hidden, 1, value).astype(float)
    high = np.where(hidden, np.inf, value)
    for _ in range(20):
        for whole, parts in rows:
            low[whole] = max(low[whole], low[parts].sum())
            high[whole] = min(high[whole], high[parts].sum())
            for part in parts:
                others = [other for other in parts if other != part]
                low[part] = (
                    max(low[part], low[whole] - high[others].sum()) if np.isfinite(high[others]).all() else low[part]
                )
                high[part] = min(high[part], high[whole] - low[others].sum())
    return low, high


def safe(value, rows, hidden):
    small = (value > 0) & (value < WIDTH)
    low, high = reach(value, rows, hidden)
    return bool((hidden[small]).all() and (high[small] - low[small] >= WIDTH).all() and (high[small] >= WIDTH).all())


def fewest(value, rows):
    """The least number of others that have to be hidden, by trying all."""
    small = (value > 0) & (value < WIDTH)
    others = np.flatnonzero(~small & (value > 0))
    for count in range(len(others) + 1):
        for chosen in itertools.combinations(others.tolist(), count):
            hidden = small.copy()
            hidden[list(chosen)] = True
            if safe(value, rows, hidden):
                return count
    raise AssertionError("not even with all of them")


def hidden_by_publish(parents, counts):
    shown = gg.publish(table_of(parents, counts), measures=["count"], hide_below=WIDTH)
    cells = shown.table.sort_values("grid_code")["count_status"]
    return np.array([*(cells == "hidden"), *(shown.totals["count_status"] == "hidden")])


def extra(parents, counts):
    """How many publish hides beside what is small, all of it safe; and how few would do."""
    value, rows = numbers_of(parents, counts)
    hidden = hidden_by_publish(parents, counts)
    assert safe(value, rows, hidden), hidden
    return int((hidden & ~((value > 0) & (value < WIDTH))).sum()), fewest(value, rows)


@pytest.mark.parametrize(
    ("parents", "counts", "least"),
    [
        ("1222444", [2, 11, 12, 2, 2, 8, 0], 2),
        ("12223334", [11, 12, 10, 8, 5, 9, 10, 8], 1),
        ("112222233", [12, 9, 2, 0, 10, 14, 10, 0, 2], 2),
        ("111223344", [25, 9, 11, 5, 0, 14, 9, 9, 9], 2),
        ("122333444", [5, 8, 25, 2, 8, 14, 9, 2, 2], 2),
        ("1111222234", [10, 11, 9, 0, 5, 10, 8, 0, 9, 14], 1),
    ],
)
def test_what_was_hidden_first_is_shown_again_where_another_way_is_cheaper(parents, counts, least):
    """Hiding one small number after the other ends with one more hidden; only trying to do without it finds the best."""
    assert extra(list(parents), counts) == (least, least)


@pytest.mark.parametrize("seed", range(20))
def test_as_few_are_hidden_as_trying_everything_hides(seed):
    rng = np.random.default_rng(seed)
    parents = sorted(rng.choice(["1", "2", "3"], 6).tolist())
    counts = rng.choice([0, 2, 5, 9, 10, 14, 25, 60], 6).tolist()
    ours, least = extra(parents, counts)
    assert ours == least


def test_the_attack_of_these_tests_has_teeth():
    value, rows = numbers_of(["1", "1", "2"], [3, 40, 25])
    hidden = np.array([True, False, False, False, False, False])
    assert not safe(value, rows, hidden)
    low, high = reach(value, rows, hidden)
    assert (low[0], high[0]) == (3, 3)
    value, rows = numbers_of(["1"] * 3, [1, 1, 1])
    assert not safe(value, rows, np.array([True] * 3 + [False] * 2)), "three hidden numbers of at least 1 that make 3"
