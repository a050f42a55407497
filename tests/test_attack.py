"""An attacker that shares no code with the package, and reads only what `publish` lets out, finds nothing.

The whole of it is ``scripts/bench/attack.py``; here are small parts of it with fixed seeds.
"""

import dataclasses
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

import gridgis as gg

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts" / "bench"))

from attacker import hostile, reader, releases, rounded, tables


def every_table(piece, most):
    """All tables of whole numbers that agree with the sums, by trying all of them."""
    ranges = [range(int(low), most + 1) for low in piece.low]
    tried = np.array(list(itertools.product(*ranges)), float)
    return tried[(np.abs(tried @ piece.equations.toarray().T - piece.right) < 0.5).all(axis=1)]


@pytest.mark.parametrize("seed", range(60))
def test_the_attacker_finds_what_trying_every_table_finds(seed):
    rng = np.random.default_rng(seed)
    unknown, sums, width = int(rng.integers(2, 5)), int(rng.integers(1, 5)), int(rng.integers(2, 5))
    truth = rng.integers(1, 4, unknown).astype(float)
    matrix = rng.choice([0, 0, 1, 1, -1, 2], (sums, unknown)).astype(float)
    matrix = np.vstack([matrix, np.ones(unknown)])  # so that every number has an upper end
    low = rng.integers(0, 2, unknown).astype(float)
    piece = reader.Problem(csr_array(matrix), matrix @ truth, low, np.full(unknown, float(width)), truth)
    found = reader.attack(piece)
    agree = every_table(piece, int(truth.sum()))
    broken = (np.ptp(agree, axis=0) < width) | (agree.max(axis=0) < width)
    assert found.broken.tolist() == broken.tolist()
    assert (found.low[broken] == agree.min(axis=0)[broken]).all()
    assert (found.high[broken] == agree.max(axis=0)[broken]).all()
    listed = reader.tables_that_agree(piece, 10_000)
    assert sorted(map(tuple, listed)) == sorted(map(tuple, agree))


def case_of(counts, zeros="shown", hide_below=10, **parts):
    """Cells in a row with one parent."""
    table = hostile.cells(np.random.default_rng(0), len(counts), 1)
    table["count"] = counts
    for name, numbers in parts.items():
        table[f"count_{name}"] = numbers
    names = tuple(f"count_{name}" for name in parts)
    complete = not parts or (table[list(names)].sum(axis=1) == table["count"]).all()
    known = {"count": names} if names else {}
    return tables.Case(table, ["count", *names], (), known, complete, hide_below, zeros, 1.0, len(names))


def check(case, name=""):
    """Nothing is broken, nothing refused, and the output is in order."""
    result = tables.try_case(case, name)
    assert not result.refused, result.refused
    assert not result.faults, result.faults
    assert not (result.broken or result.rests_broken), result.examples


@pytest.mark.parametrize("zeros", ["shown", "protected"])
@pytest.mark.parametrize(
    ("counts", "limit", "parts"),
    [
        ([1] * 12, 10, {}),
        ([1] * 10, 10, {}),
        ([9, 1, 30], 10, {}),
        ([3] * 4, 3, {"a": [1] * 4, "b": [1] * 4, "c": [1] * 4}),
        ([1, 2, 1, 0], 2, {}),
        ([1, 0, 0], 2, {}),
        ([0, 0, 0], 10, {}),
        ([1], 2, {}),
        ([9], 10, {}),
        ([10], 10, {}),
        ([9, 0], 10, {}),
        ([5, 5, 200], 10, {"a": [5, 0, 199]}),
        ([12, 33, 40], 10, {"a": [11, 30, 40]}),
    ],
)
def test_known_tables_are_safe(counts, limit, parts, zeros):
    check(case_of(counts, zeros, limit, **parts))


@pytest.mark.filterwarnings("ignore:publish:gridgis.GridWarning")  # parts that were not named
@pytest.mark.parametrize("part", range(4))
def test_no_small_number_of_a_random_table_is_broken(part):
    refused = 0
    for number in range(10 * part, 10 * part + 10):
        case = tables.random_case([2, number], 40)
        result = tables.try_case(case, f"random_case([2, {number}], 40)")
        refused += bool(result.refused)  # columns of few cells are tied by chance
        assert not result.faults, (result.case, result.faults)
        assert not (result.broken or result.rests_broken), (result.case, result.examples)
    assert refused <= 1


@pytest.mark.filterwarnings("ignore:publish:gridgis.GridWarning")
@pytest.mark.parametrize("number", range(10))
def test_the_order_of_rows_changes_nothing(number):
    case = tables.random_case([3, number], 40)
    order = np.random.default_rng(number).permutation(len(case.table))
    other = dataclasses.replace(case, table=case.table.iloc[order].reset_index(drop=True))
    one, two = (gg.publish(c.table, **c.options()) for c in (case, other))
    assert one.table.equals(two.table)
    assert one.totals.equals(two.totals)


@pytest.mark.parametrize("kind", releases.KINDS)
@pytest.mark.parametrize("number", range(2))
def test_releases_of_one_date_are_safe_together_or_refused(kind, number):
    outcome = releases.try_releases(kind, [1, number])
    assert not outcome.broken, outcome.examples


@pytest.mark.parametrize("kind", hostile.KINDS, ids=lambda kind: kind.__name__)
def test_a_table_that_is_not_what_it_seems_is_safe_or_an_error(kind):
    for number in range(4):
        made = kind(np.random.default_rng([1, number]))
        try:
            published = gg.publish(
                made.table, **({"measures": made.measures, "hide_below": hostile.LIMIT} | made.options)
            )
        except gg.GridError:
            continue
        _, broken, example = hostile.judge(made, published)
        assert not broken, example
        assert not hostile.rates(made, published)


@pytest.mark.parametrize("base", [3, 5, 10])
def test_rounded_numbers_below_the_base_stay_open(base):
    for number in range(6):
        case = tables.random_case([1, number], 40)
        published = gg.publish(case.table, **(case.options() | {"round_to": base}))
        whole, faults = rounded.bounded(case, published, base - 1, base - 1)
        assert not faults
        assert not reader.attack(whole).broken.any()
