"""CellIndex is exact: it equals an oracle of whole numbers on covers and points that are hard."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import geopandas as gpd
import numpy as np
import pytest
import shapely
from drawn_covers import (
    BAD_COORDINATES,
    CONFLICT,
    FAMILIES,
    OUTSIDE,
    as_grid,
    covers,
    exact_side,
    hard_points,
    located_covers,
    oracle,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridgis import compiled
from gridgis.locate.index import CellIndex

pytestmark = pytest.mark.slow
CORE = compiled.core
cores = pytest.mark.parametrize(
    "core",
    [
        pytest.param(
            "compiled", marks=pytest.mark.skipif(CORE is None, reason="the compiled core is not installed here")
        ),
        "twin",
    ],
)
calm = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.too_slow]}
many, some, few = (settings(max_examples=number, **calm) for number in (400, 100, 15))


@contextlib.contextmanager
def using(core):
    with mock.patch.object(compiled, "core", CORE if core == "compiled" else None):
        yield


def same(found, expected, grid, x, y):
    """Ask for equal answers; name the first point that differs."""
    wrong = np.flatnonzero((found[0] != expected[0]) | (found[1] != expected[1]))
    assert not len(wrong), (
        f"{len(wrong)} of {len(x)} differ; at x={x[wrong[0]]!r} y={y[wrong[0]]!r}: "
        f"got {found[0][wrong[0]], found[1][wrong[0]]}, expected {expected[0][wrong[0]], expected[1][wrong[0]]}; "
        f"cells {[shapely.to_wkt(shape, 17) for shape in grid.geometry]}"
    )


# --- the oracle itself


def test_the_oracle_knows_what_can_be_seen():
    square, inner = shapely.box(0, 0, 4, 4), shapely.box(1, 1, 2, 2)
    grid = gpd.GeoDataFrame(
        {"grid_code": ["b", "a", "c"], "parent_code": "0"},
        geometry=[shapely.difference(square, inner), inner, shapely.box(3, 3, 5, 5)],
        crs=4547,
    )
    x = np.array([0.5, 1.5, 1.0, 1.0, 0.0, 3.5, 3.0, 5.0, 9.0, np.nan, 4.0, -0.0])
    y = np.array([0.5, 1.5, 1.5, 1.0, 0.0, 3.5, 3.5, 5.0, 0.0, 0.0, 3.0, 4.0])
    position, border = oracle(grid, x, y)
    expected = [0, 1, 1, 1, 0, CONFLICT, CONFLICT, 2, OUTSIDE, BAD_COORDINATES, 0, 0]
    assert position.tolist() == expected
    assert np.flatnonzero(border).tolist() == [2, 3, 4, 7, 10, 11]


def test_the_side_is_exact_where_doubles_are_not():
    tiny = 2.0**-53
    assert exact_side(0.5, 0.5, 12.0, 12.0, 0.5 + 4 * tiny, 0.5 + 4 * tiny) == 0
    assert exact_side(0.5, 0.5, 12.0, 12.0, 0.5 + 2 * tiny, 0.5 + 4 * tiny) == 1
    assert exact_side(0.0, 0.0, 5e-324, 5e-324, 1e300, 1e300) == 0


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_each_family_draws_valid_cells(family):
    for seed in range(30):
        shapes = np.array(family(np.random.default_rng(seed)), object)
        assert shapely.is_valid(shapes[shapely.area(shapes) > 0]).all()


# --- one cell or one reason for each point


@cores
@many
@given(located_covers())
def test_every_point_is_where_exact_numbers_say(core, drawn):
    grid, x, y = drawn
    with using(core):
        index = CellIndex(grid)
        found = index.examine(x, y)
        assert (index.locate(x, y) == found[0]).all()
    assert found[0].dtype == np.int32 and found[1].dtype == bool
    same(found, oracle(grid, x, y), grid, x, y)


@cores
@some
@given(located_covers(), st.integers(0, 10**6))
def test_neither_rows_nor_rings_nor_where_they_begin_matter(core, drawn, seed):
    grid, x, y = drawn
    order = np.random.default_rng(seed).permutation(len(grid))
    turned = grid.iloc[order].set_geometry(shapely.reverse(grid.geometry.iloc[order]))
    normal = grid.set_geometry(grid.geometry.normalize())
    with using(core):
        one, two, three = (CellIndex(table) for table in (grid, turned, normal))
        position, border = one.examine(x, y)
        again, again_border = two.examine(x, y)
        assert (three.examine(x, y)[0] == position).all()
    assert (np.where(again >= 0, order[np.maximum(again, 0)], again) == position).all()
    assert (again_border == border).all()


@cores
@some
@given(located_covers(), st.sampled_from([-300, -40, -1, 3, 40, 300]))
def test_doubling_and_halving_all_lengths_changes_nothing(core, drawn, power):
    grid, x, y = drawn
    usable = ~(np.abs(np.concatenate([[x], [y]])) > 1e30).any(0)
    x, y = (np.where(np.abs(side[usable]) < 1e-20, 0, side[usable]) for side in (x, y))
    shapes = shapely.transform(grid.geometry.to_numpy(), lambda xy: np.where(np.abs(xy) < 1e-20, 0, xy) * 2.0**power)
    with using(core):
        expected = CellIndex(grid).examine(x, y)
        found = CellIndex(grid.set_geometry(shapes)).examine(x * 2.0**power, y * 2.0**power)
    same(found, expected, grid, x, y)


@cores
@some
@given(located_covers(), st.integers(0, 10**6), st.integers(1, 50))
def test_neither_the_order_of_points_nor_their_chunks_matter(core, drawn, seed, size):
    grid, x, y = drawn
    order = np.random.default_rng(seed).permutation(len(x))
    with using(core):
        index = CellIndex(grid)
        position, border = index.examine(x, y)
        mixed = index.examine(x[order], y[order])
        chunks = [index.examine(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]
    assert (mixed[0] == position[order]).all() and (mixed[1] == border[order]).all()
    assert (np.concatenate([chunk[0] for chunk in chunks]) == position).all()
    assert (np.concatenate([chunk[1] for chunk in chunks]) == border).all()


@pytest.mark.skipif(CORE is None, reason="the compiled core is not installed here")
@some
@given(located_covers())
def test_the_core_and_its_twin_are_the_same_in_any_mixture(drawn):
    grid, x, y = drawn
    answers = []
    for build in ("compiled", "twin"):
        with using(build):
            index = CellIndex(grid)
        for ask in ("compiled", "twin"):
            with using(ask):
                answers.append(index.examine(x, y))
    for answer in answers[1:]:
        same(answer, answers[0], grid, x, y)


@cores
@some
@given(located_covers(), st.integers(0, 10**6))
def test_counts_are_all_that_was_given(core, drawn, seed):
    grid, x, y = drawn
    weights = np.random.default_rng(seed).integers(0, 100, len(x)).astype(float)
    with using(core):
        index = CellIndex(grid)
        position, counts, weighed = index.locate(x, y), index.count(x, y), index.count(x, y, weights)
    for found, w in ((counts, np.ones(len(x))), (weighed, weights)):
        assert found.cells.sum() + found.outside + found.conflict + found.bad_coordinates == w.sum()
        assert (found.cells == [w[position == row].sum() for row in range(len(grid))]).all()
        assert found.outside == w[position == OUTSIDE].sum()
        assert found.conflict == w[position == CONFLICT].sum()
    assert counts.cells.dtype == np.int64 and weighed.cells.dtype == np.float64


@cores
@few
@given(covers(), st.integers(0, 10**6))
def test_threads_on_one_index_get_the_same_answers(core, grid, seed):
    x, y = hard_points(grid, np.random.default_rng(seed), 4000)
    with using(core), ThreadPoolExecutor(4) as pool:
        index = CellIndex(grid)
        position, border = index.examine(x, y)
        parts = np.array_split(np.arange(len(x)), 4) * 3
        for part, found in zip(parts, pool.map(lambda part: index.examine(x[part], y[part]), parts), strict=True):
            assert (found[0] == position[part]).all() and (found[1] == border[part]).all()


@cores
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_crowds_of_points_on_each_family(core, family):
    rng = np.random.default_rng(len(family.__name__))
    for _ in range(3):
        shapes = [shape for shape in family(rng) if shape.is_valid and shape.area > 0]
        grid = as_grid(shapes[:60], rng)
        x, y = hard_points(grid, rng, 1500)
        with using(core):
            found = CellIndex(grid).examine(x, y)
        same(found, oracle(grid, x, y), grid, x, y)


# --- what else may come in


@cores
def test_any_array_like_will_do(core):
    rng = np.random.default_rng(1)
    grid = as_grid([shapely.box(i, 0, i + 1, 3) for i in range(5)], rng)
    x, y = np.arange(-1, 7), np.arange(-1, 7) // 3
    expected = oracle(grid, x, y)
    strided = np.column_stack([x, y]).astype(float)
    frozen = strided.copy()
    frozen.flags.writeable = False
    with using(core):
        index = CellIndex(grid)
        forms = [
            (x.tolist(), y.tolist()),
            (x.astype(np.float32), y.astype(np.int8)),
            (strided[:, 0], strided[:, 1]),
            (strided[::-1, 0][::-1], y),
            (frozen[:, 0], frozen[:, 1]),
            (x.astype(">f8"), y.astype(">f8")),
        ]
        for form in forms:
            same(index.examine(*form), expected, grid, x, y)


@cores
def test_no_points_and_no_cells(core):
    grid = as_grid([shapely.box(0, 0, 1, 1)], np.random.default_rng(1))
    x, y = np.array([0.5, np.nan]), np.array([0.5, 0.5])
    with using(core):
        for table in (grid, grid.iloc[:0]):
            index = CellIndex(table)
            assert len(index) == len(table)
            assert [len(part) for part in index.examine([], [])] == [0, 0]
            assert index.count([], []).cells.tolist() == [0] * len(table)
        assert CellIndex(grid.iloc[:0]).locate(x, y).tolist() == [OUTSIDE, BAD_COORDINATES]
        assert CellIndex(grid).locate(x, y).tolist() == [0, BAD_COORDINATES]


@cores
def test_a_cell_without_extent_of_its_own_pixel_is_found(core):
    """A cell many orders smaller than the grid; a grid far from the origin, at the step of its doubles."""
    rng = np.random.default_rng(2)
    for far in (0.0, 4e6, 2.0**40):
        step = np.spacing(max(far, 1.0))
        ring = [(far, far), (far + 2 * step, far), (far + 2 * step, far + 3 * step), (far, far + 3 * step)]
        tiny = shapely.Polygon(ring)
        around = shapely.Polygon(shapely.box(far - 1e5, far - 1e5, far + 1e5, far + 1e5).exterior, [ring])
        grid = as_grid([tiny, around], rng)
        at = far + np.arange(-3, 6) * step
        x, y = (side.ravel() for side in np.meshgrid(at, at))
        with using(core):
            same(CellIndex(grid).examine(x, y), oracle(grid, x, y), grid, x, y)
