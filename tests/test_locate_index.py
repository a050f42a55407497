"""The index of cells: kernel and twin make the same arrays, files are refused when they are not whole or not of today."""

import json
import pickle
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
import shapely
from drawn_covers import FAMILIES, as_grid, hard_points
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis import compiled
from gridgis.contract import GridError
from gridgis.locate import boxes, signs, stored
from gridgis.locate.arcs import arcs_of, rings_of
from gridgis.locate.index import CellIndex, index_around
from gridgis.locate.tree import frame_of, tree_of
from gridgis.sample import generate_town, small_example

needs_core = pytest.mark.skipif(compiled.core is None, reason="the compiled core is not installed here")


def without_core(monkeypatch):
    monkeypatch.setattr(compiled, "core", None)


def drawn(family, seed):
    """Cells of a family, sound ones only: where edges lie on each other, pairs may be made in more than one way."""
    rng = np.random.default_rng(seed)
    shapes = [shape for shape in family(rng) if shape.is_valid and shape.area > 0][:60]
    return as_grid(shapes, rng), rng


# --- the kernels and their twins


@needs_core
@settings(max_examples=60, derandomize=True)
@given(st.sampled_from(FAMILIES[:8]), st.integers(0, 10**6), st.sampled_from([1, 4, 6, 16]))
def test_the_core_and_its_twin_make_the_same_index(family, seed, most):
    cells = drawn(family, seed)[0].geometry.to_numpy()
    rings = rings_of(cells)
    made = []
    for core in (compiled.core, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compiled, "core", core)
            arcs = arcs_of(rings)
            made.append((*arcs[:4], *tree_of(arcs, frame_of(arcs), len(cells), most), arcs.bounds, arcs.plain))
    for one, two in zip(*made, strict=True):
        assert np.asarray(one).dtype == np.asarray(two).dtype
        assert np.array_equal(one, two)


def test_every_border_is_there_once_with_its_two_cells():
    outer, hole = shapely.box(0, 0, 10, 10), shapely.box(3, 3, 5, 5)
    cells = np.array([outer - hole, shapely.MultiPolygon([hole, shapely.box(10, 0, 12, 10)]), None, shapely.Polygon()])
    arcs = arcs_of(rings_of(cells))
    sides = {}
    for arc in range(len(arcs.left)):
        for edge in range(arcs.start[arc], arcs.start[arc + 1] - 1):
            ends = tuple(map(tuple, arcs.vertices[edge : edge + 2].tolist()))
            forward = ends[0] < ends[1]
            beside = int(arcs.left[arc]), int(arcs.right[arc])
            assert sides.setdefault(tuple(sorted(ends)), beside[:: 1 if forward else -1]) is not None
    assert len(sides) == 4 + 4 + 3
    assert sides[(10.0, 0.0), (10.0, 10.0)] == (1, 2)
    assert sides[(0.0, 0.0), (10.0, 0.0)] == (1, 0)
    assert sides[(3.0, 3.0), (5.0, 3.0)] == (2, 1)


def test_piles_and_fans_do_not_grow_the_index():
    pile = as_grid([shapely.box(0, 0, 10, 10 + number / 1e9) for number in range(60)], np.random.default_rng(0))
    assert CellIndex(pile).nbytes < 2e6
    with pytest.raises(GridError, match="more than 100 cells lie on each other"):
        CellIndex(as_grid([shapely.box(0, 0, 10, 10)] * 120, np.random.default_rng(0)))


@settings(max_examples=80, derandomize=True)
@given(st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6), st.integers(-1060, 300))
def test_signs_are_exact_at_any_size(ends, power):
    ends = [float(np.ldexp(round(end, 2), power)) for end in ends]
    ends[4:] = [(ends[0] + ends[2]) / 2, (ends[1] + ends[3]) / 2]
    ax, ay, bx, by, cx, cy = map(Fraction, ends)
    det = (ax - cx) * (by - cy) - (ay - cy) * (bx - cx)
    assert signs.orientation(*(np.array([end]) for end in ends))[0] == (det > 0) - (det < 0)


# --- an index for some points


@settings(max_examples=60, derandomize=True)
@given(st.sampled_from(FAMILIES), st.integers(0, 10**6), st.integers(1, 40))
def test_an_index_around_points_answers_them_as_the_whole_does(family, seed, many):
    grid, rng = drawn(family, seed)
    x, y = hard_points(grid, rng, many)
    for one, two in zip(CellIndex(grid).examine(x, y), index_around(grid, x, y).examine(x, y), strict=True):
        assert np.array_equal(one, two)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["FEW", "MOST_MEETINGS", ""]), st.sampled_from([1.0, 1e6, 1e307]))
def test_the_boxes_with_a_point_are_found(seed, none_of, size):
    rng = np.random.default_rng(seed)
    corner, width = rng.integers(-9, 9, (40, 2)) * size, rng.integers(0, 5, (40, 2)) * size
    sides = np.hstack([corner, corner + width])
    sides[rng.random(40) < 0.1] = np.nan
    x, y = rng.integers(-30, 30, (2, rng.integers(0, 30))) * (size / 2)
    x[rng.random(len(x)) < 0.1] = rng.choice([np.nan, np.inf, -1e308])
    west, south, east, north = sides.T[:, :, None]
    expected = ((west <= x) & (x <= east) & (south <= y) & (y <= north)).any(axis=1)
    with pytest.MonkeyPatch.context() as patch:
        if none_of:
            patch.setattr(boxes, "FEW", 0)
            patch.setattr(boxes, none_of, 0)
        found = boxes.boxes_with_points(sides, x, y)
    assert (found >= expected).all()
    assert none_of == "MOST_MEETINGS" or found.tolist() == expected.tolist()


def test_an_index_around_no_points():
    grid = small_example().grid
    nothing = np.zeros(0)
    assert len(index_around(grid, nothing, nothing).locate(nothing, nothing)) == 0
    far = np.array([np.nan, np.inf, 1e300])
    assert index_around(grid, far, far).locate(far, far).tolist() == [-3, -3, -1]


# --- files


@pytest.fixture
def saved(tmp_path):
    grid = small_example().grid
    return grid, CellIndex(grid), CellIndex(grid).save(tmp_path / "格.index")


def test_an_index_comes_back_from_its_file(saved):
    grid, index, file = saved
    again = CellIndex.load(file, grid)
    x, y = np.random.default_rng(0).uniform(*grid.total_bounds.reshape(2, 2), (5000, 2)).T.copy()
    for other in (again, pickle.loads(pickle.dumps(index)), pickle.loads(pickle.dumps(again))):
        assert np.array_equal(other.locate(x, y), index.locate(x, y))
        assert other.codes.tolist() == index.codes.tolist()
        assert other.crs.equals(index.crs)
    assert not stored.read(file)[1]["table"].flags.owndata  # in the file, not in memory
    assert CellIndex(grid).save(file.with_name("2")).read_bytes() == file.read_bytes()
    assert repr(again).startswith("CellIndex(4 cells, ")


@needs_core
def test_the_file_is_the_same_without_the_core(saved, monkeypatch):
    grid, _, file = saved
    without_core(monkeypatch)
    assert CellIndex(grid).save(file.with_name("2")).read_bytes() == file.read_bytes()


def test_a_stale_file_is_refused(saved):
    grid, _, file = saved
    moved = grid.copy()
    moved.geometry = moved.geometry.translate(0.001)
    recoded = grid.assign(grid_code=grid["grid_code"].iloc[::-1].to_numpy())
    elsewhere = grid.set_crs(4548, allow_override=True)
    for other in (moved, recoded, elsewhere, grid.iloc[1:], grid.iloc[::-1]):
        with pytest.raises(GridError, match="made from another grid"):
            CellIndex.load(file, other)


def test_a_damaged_file_is_refused_wherever_it_is_damaged(saved):
    _, _, file = saved
    whole = file.read_bytes()
    for at in [*range(0, 64), *range(64, len(whole), 97)]:
        wrong = bytearray(whole)
        wrong[at] ^= 0x10
        file.write_bytes(wrong)
        try:
            note, arrays = stored.read(file)
        except GridError:
            continue
        assert (note, {name: array.tobytes() for name, array in arrays.items()}) == parts_of(whole, file)  # padding
    for size in (0, 5, 20, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:size])
        with pytest.raises(GridError, match=r"格\.index: .*(damaged|no index|cannot be read)"):
            CellIndex.load(file)
    with pytest.raises(GridError, match="cannot be read: FileNotFoundError"):
        CellIndex.load(file.with_name("none"))


def parts_of(whole, file):
    file.write_bytes(whole)
    note, arrays = stored.read(file)
    return note, {name: array.tobytes() for name, array in arrays.items()}


def test_another_format_is_refused(saved, monkeypatch):
    _, _, file = saved
    monkeypatch.setattr(stored, "FORMAT", 2)
    with pytest.raises(GridError, match=r"expected an index of format 2 .*, got 1"):
        CellIndex.load(file)
    with pytest.raises(GridError, match="no index of cells"):
        file.write_text(json.dumps({"format": 1}) + " " * 99)
        CellIndex.load(file)


@needs_core
def test_an_index_with_wrong_numbers_is_refused_not_followed(saved):
    grid, index, _ = saved
    x, y = np.random.default_rng(0).uniform(*grid.total_bounds.reshape(2, 2), (3000, 2)).T.copy()
    tree = index._index.tree
    for name in ("table", "leaves", "leaf_edges"):
        for wrong in (0xFFFFFFFF, 0x7FFFFFFF, 0xBFFFFFFF, 0x44000001):
            broken = {**tree._asdict(), name: np.full_like(getattr(tree, name), wrong)}
            index._index = index._index._replace(tree=type(tree)(**broken))
            try:
                found = index.locate(x, y)
            except ValueError as error:
                assert "damaged" in str(error)
            else:
                assert found.min() >= -3
                assert found.max() < len(grid)


# --- what comes in


def test_columns_of_any_kind():
    town = generate_town(60, parents=2, seed=1)
    grid = town.areas.rename(columns={"code": "grid_code"}).assign(parent_code="1")
    index = CellIndex(grid)
    x, y = np.random.default_rng(0).uniform(*grid.total_bounds.reshape(2, 2), (999, 2)).T.copy()
    want = index.locate(x, y)
    chunked = [pa.chunked_array([values[:400], values[400:]]) for values in (x, y)]
    for columns in (chunked, [pa.array(x), pa.array(y)], [x.tolist(), y.tolist()], [x[::-1][::-1], y]):
        assert np.array_equal(index.locate(*columns), want)
    missing = pa.array([None, x[0]]), pa.array([y[0], None])
    assert index.locate(*missing).tolist() == [-3, -3]
    for bad, sentence in (
        ((["a"], [1.0]), "x: expected numbers"),
        (([1.0], [1.0, 2.0]), "as many x as y, got 1 and 2"),
        (([[1.0]], [[1.0]]), "2 dimensions"),
    ):
        with pytest.raises(GridError, match=sentence):
            index.locate(*bad)


def test_counts_sum_up_in_the_order_of_the_points():
    grid = small_example().grid
    index = CellIndex(grid)
    x, y = np.random.default_rng(0).uniform(*grid.total_bounds.reshape(2, 2), (4000, 2)).T.copy()
    loads = np.random.default_rng(1).random(4000) * 10.0 ** np.random.default_rng(2).integers(-8, 9, 4000)
    counts = index.count(x, y, loads)
    want = np.zeros(len(grid))
    for cell, load in zip(index.locate(x, y).tolist(), loads.tolist(), strict=True):
        if cell >= 0:
            want[cell] += load
    assert np.array_equal(counts.cells, want)
    assert np.array_equal(index.count(x, y, loads, jobs=3).cells, want)
    with pytest.raises(GridError, match=r"weights: expected one a point, 4,000, got 1\."):
        index.count(x, y, [1.0])


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        (shapely.LineString([(0, 0), (1, 1)]), "expected polygons, got LineString in rows 1"),
        (shapely.Polygon([(0, 0), (1e-200, 0), (1, 1)]), "below 1e-120, in rows 1"),
        (shapely.Polygon([(0, 0), (np.inf, 0), (1, 1)]), "infinite"),
    ],
)
def test_a_grid_that_cannot_be_indexed_is_refused(shape, sentence, monkeypatch):
    grid = as_grid([shapely.box(0, 0, 1, 1), shapely.box(5, 5, 6, 6)], np.random.default_rng(0)).reset_index(drop=True)
    shapes = grid.geometry.to_numpy().copy()
    shapes[1] = shape
    grid = grid.set_geometry(list(shapes), crs=grid.crs)
    for core in {compiled.core, None}:
        monkeypatch.setattr(compiled, "core", core)
        with pytest.raises(GridError, match=sentence):
            CellIndex(grid)
