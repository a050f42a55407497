"""The kernels of the search: the compiled core and its twin agree; what is proven is true."""

import importlib
import itertools
import os
import re

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import gridgis as gg
from gridgis import compiled
from gridgis.divide import divide
from gridgis.divide.bands import Band, Bands, Price
from gridgis.divide.graph import Graph
from gridgis.divide.moves import Stay, move_atoms, stays_connected
from gridgis.divide.proof import impossible
from gridgis.divide.search import Task, balance
from gridgis.divide.shifts import shift
from gridgis.divide.solve import _leaves, _tree, apportion
from gridgis.sample import generate_town

cuts = importlib.import_module("gridgis.divide.cuts")
needs_core = pytest.mark.skipif(compiled.core is None, reason="the compiled core is not installed here")


def random_graph(seed, n, measures=1, most=40):
    """A connected graph with loads, giants, costs also below 0."""
    rng = np.random.default_rng(seed)
    left = [int(rng.integers(0, node)) for node in range(1, n)]
    pairs = {(a, b) for a, b in zip(left, range(1, n), strict=True)}
    pairs |= {tuple(sorted(rng.choice(n, 2, replace=False).tolist())) for _ in range(n)} if n > 2 else set()
    ends = np.array(sorted(pairs), np.int64)
    load = rng.integers(0, most, (n, measures)) * (rng.random((n, 1)) < 0.8)
    giants = (rng.random(n) < 0.05).astype(np.int64)
    load[giants > 0] = 0
    cost = rng.integers(-2_000, 90_000, len(ends))
    bias = rng.integers(0, 1 << 30, len(ends))
    return Graph(load, giants, ends[:, 0].copy(), ends[:, 1].copy(), cost, bias)


def bands_of(measures=1, low=60, high=100, either=False):
    band = Band.around(low, high)
    return Bands(tuple("abcd"[:measures]), (band,) * measures, either)


# --- the core and its twin


@needs_core
@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(2, 60), st.integers(1, 3), st.booleans(), st.integers(2, 9))
def test_both_kernels_make_the_same_cut(seed, n, measures, either, quota):
    graph = random_graph(seed, n, measures)
    price = Price(bands_of(measures, either=either), 50_000)
    rng = np.random.default_rng(seed)
    atoms = np.sort(rng.choice(n, rng.integers(2, n + 1), replace=False)).astype(np.int64)
    allowed = np.unique(rng.integers(1, quota, 3)).astype(np.int64)
    before = (rng.random(len(atoms)) < 0.5, 1, quota - 1)
    one = cuts.best_cut(graph, atoms, allowed, quota, price, (seed, 5), before)
    two = cuts._best_cut(graph, atoms, allowed, quota, price, (seed, 5), before)
    assert (one is None) == (two is None)
    assert one is None or (one.cells, one.energy, one.before) == (two.cells, two.energy, two.before)
    assert one is None or (one.side == two.side).all()
    assert (graph.place == -1).all()
    assert (one is None) == (not nx.is_connected(as_networkx(graph).subgraph(atoms.tolist())))


@needs_core
@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(2, 60), st.integers(1, 3), st.booleans(), st.booleans())
def test_both_kernels_make_the_same_moves(seed, n, measures, either, kept):
    graph = random_graph(seed, n, measures)
    price = Price(bands_of(measures, either=either), 50_000)
    start = balance(Task(graph, price, [1] * max(1, n // 4), (seed,)))
    quota = np.ones(int(start.max()) + 1, np.int64)
    rng = np.random.default_rng(seed)
    stay = Stay(rng.integers(-1, len(quota), n), rng.integers(0, 90_000, n)) if kept else Stay.free(n)
    results = []
    for core in (compiled.core, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compiled, "core", core)
            results.append(move_atoms(graph, start, quota, price, stay, np.arange(n), 6))
    assert (results[0][0] == results[1][0]).all()
    assert results[0][1] == results[1][1]
    for cell in range(len(quota)):
        members = np.flatnonzero(results[0][0] == cell).tolist()
        assert not members or nx.is_connected(as_networkx(graph).subgraph(members))


@needs_core
@pytest.mark.parametrize("towers", [False, True])
def test_a_town_is_the_same_with_and_without_the_core(towers, monkeypatch):
    town = generate_town(400, towers=towers, parents=2, seed=3)
    one = divide(*town)
    monkeypatch.setattr(compiled, "core", None)
    two = divide(*town)
    assert one.to_wkb().equals(two.to_wkb())


@needs_core
def test_the_core_refuses_arrays_that_do_not_fit():
    graph, price = random_graph(1, 9), Price(bands_of(), 50_000)
    atoms, allowed = np.arange(9), np.array([1])
    graph.giants = graph.giants[:-1]
    with pytest.raises(ValueError, match="do not fit together"):
        cuts.best_cut(graph, atoms, allowed, 2, price, (0, 3))
    graph = random_graph(1, 9)
    with pytest.raises(ValueError, match="do not fit together"):
        move_atoms(graph, np.zeros(9, np.int64), np.ones(1, np.int64), price, Stay.free(9), np.array([9]), 2)


@pytest.mark.skipif("GRIDGIS_CORE" not in os.environ, reason="only where the environment says what is expected")
def test_the_core_is_there_or_not_as_the_environment_expects():
    assert (compiled.core is None) == (os.environ["GRIDGIS_CORE"] == "off")


def test_versions_say_what_this_stands_on(capsys):
    found = gg.show_versions(as_dict=True)
    assert found["gridgis"] == gg.__version__
    assert found["GEOS"] == shapely.geos_version_string
    assert found["geopandas"] == gpd.__version__
    assert re.match(r"3\.\d+\.\d+ ", found["python"]) and re.match(r"\d+\.\d+", found["GDAL"] + found["PROJ"])
    assert gg.show_versions() is None
    printed = dict(re.split(r" +: ", line) for line in capsys.readouterr().out.splitlines())
    assert printed == {name: str(value) for name, value in found.items()}


@pytest.mark.parametrize(
    ("core", "setting", "said"),
    [(object(), "", "built"), (None, "", "not built: slower, the same answers"), (None, "off", "switched off")],
)
def test_a_missing_core_is_told_once_where_it_is_felt(core, setting, said, monkeypatch, caplog):
    """By the logging module, so that scripts that take warnings for errors go on; not where it was switched off."""
    monkeypatch.setattr(compiled, "core", core)
    monkeypatch.setattr(compiled, "_told", False)
    monkeypatch.setenv("GRIDGIS_CORE", setting)
    assert gg.show_versions(as_dict=True)["core"].startswith(said)
    compiled.note_absence(999, 1000)
    assert not caplog.messages
    compiled.note_absence(1000, 1000)
    compiled.note_absence(1000, 1000)
    assert len(caplog.messages) == (said.startswith("not built"))
    assert all("compiled core is missing" in text and "answers are the same" in text for text in caplog.messages)


@pytest.mark.parametrize("many", [1, 1000])
def test_dividing_and_locating_tell_that_the_core_is_missing(many, monkeypatch, caplog):
    monkeypatch.setattr(compiled, "core", None)
    monkeypatch.delenv("GRIDGIS_CORE", raising=False)
    for module in ("gridgis.divide.solve", "gridgis.locate.lookup"):
        monkeypatch.setattr(importlib.import_module(module), "_LARGE", 1000 // many)
    town = generate_town(20, parents=1, seed=1)
    for work in (lambda: divide(*town), lambda: gg.CellIndex(town_grid()).locate(np.zeros(3), np.zeros(3))):
        monkeypatch.setattr(compiled, "_told", False)
        caplog.clear()
        work()
        assert len(caplog.messages) == (many > 1)


def town_grid():
    codes = {"grid_code": ["1"], "parent_code": ["1"]}
    return gpd.GeoDataFrame(codes, geometry=[shapely.box(0, 0, 9, 9)], crs=4547)


def as_networkx(graph):
    whole = nx.Graph()
    whole.add_nodes_from(range(len(graph.giants)))
    whole.add_edges_from(zip(graph.left.tolist(), graph.right.tolist(), strict=True))
    return whole


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(2, 14))
def test_a_cell_stays_connected_as_networkx_says(seed, n):
    graph = random_graph(seed, n)
    labels = np.random.default_rng(seed).integers(0, 2, n)
    whole = as_networkx(graph)
    for atom in range(n):
        members = set(np.flatnonzero(labels == labels[atom]).tolist())
        near = set(graph.near(atom)) & members
        expected = bool(near) and any(
            near <= part for part in nx.connected_components(whole.subgraph(members - {atom}))
        )
        assert stays_connected(graph, labels, atom) == expected


# --- energies and numbers of cells


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(0, 40), st.integers(0, 1))
def test_shares_add_up_and_follow_the_weights(weights, more, least):
    total = len(weights) * least + more
    shares = apportion(total, weights, least)
    assert sum(shares) == total
    assert min(shares) >= least
    if least == 0 and sum(weights):
        assert all(abs(share - total * w / sum(weights)) < 1 for share, w in zip(shares, weights, strict=True))


@pytest.mark.parametrize("counts", [(7, 25, 68), (1, 12, 343), (3,), (2, 3, 4), (5, 5 * 4, 5 * 4 * 3)])
def test_levels_are_nested_trees(counts):
    level, sizes = _tree(counts), []
    while any(level):
        sizes.append(len(level))
        level = [child for part in level for child in part]
    assert (*sizes, len(level)) == counts
    assert sum(map(_leaves, _tree(counts))) == counts[-1]


def test_a_target_of_its_own_is_aimed_at():
    wide = Bands(("h",), (Band.aimed(40, 250, 125),))
    loads = np.array([[125], [139], [160], [240]])
    energy = Price(wide, 1000).energy(loads, np.zeros(4, np.int64), np.ones(4, np.int64))
    assert energy[0] == 0 < energy[1] < energy[2] <= energy[3]


# --- proofs


def brute_force(graph, bands):
    """Every division into connected cells inside the bands, by trying all set partitions."""
    whole = as_networkx(graph)
    fine = {
        frozenset(group)
        for size in range(1, len(graph.giants) + 1)
        for group in itertools.combinations(range(len(graph.giants)), size)
        if bands.inside(graph.load[list(group)].sum(axis=0)) and nx.is_connected(whole.subgraph(group))
    }

    def cover(left):
        if not left:
            return True
        first = min(left)
        return any(first in group and group <= left and cover(left - group) for group in fine)

    return fine, cover(frozenset(range(len(graph.giants))))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(2, 8), st.integers(1, 2), st.booleans())
def test_what_is_proven_impossible_is_impossible(seed, n, measures, either):
    graph = random_graph(seed, n, measures)
    graph = Graph(graph.load, np.zeros(n, np.int64), graph.left, graph.right, graph.cost, graph.bias)
    bands = bands_of(measures, 25, 45, either)
    labels = balance(Task(graph, Price(bands, 50_000), [1] * max(1, n // 2), (seed,)))
    proven = impossible(graph, labels, bands)
    fine, possible = brute_force(graph, bands)
    for cell in np.flatnonzero(proven).tolist():
        members = np.flatnonzero(labels == cell).tolist()
        alone = any(not any(atom in group for group in fine) for atom in members)
        assert alone or not possible


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(2, 7))
def test_what_is_impossible_is_proven_where_every_atom_has_a_load(seed, n):
    graph = random_graph(seed, n)
    load = np.maximum(graph.load, 1)
    graph = Graph(load, np.zeros(n, np.int64), graph.left, graph.right, graph.cost, graph.bias)
    bands = bands_of(1, 25, 45)
    labels = balance(Task(graph, Price(bands, 50_000), [1] * max(1, n // 2), (seed,)))
    sums = np.bincount(labels, load[:, 0])
    divisible = bands.divisible(load.sum(axis=0), 0, load)
    possible = brute_force(graph, bands)[1]
    assert divisible or not possible
    if divisible and not possible:
        assert impossible(graph, labels, bands)[~bands.inside(sums[:, None].astype(np.int64))].all()


def test_a_search_that_grows_too_large_proves_nothing(monkeypatch):
    proof = importlib.import_module("gridgis.divide.proof")
    monkeypatch.setattr(proof, "STEPS", 3)
    line = np.arange(9)
    graph = Graph(np.full((10, 1), 7), np.zeros(10, np.int64), line, line + 1, line * 0, line * 0)
    assert not impossible(graph, np.zeros(10, np.int64), bands_of(1, 68, 69)).any()


# --- shifts


def test_a_shift_along_a_line_brings_two_far_cells_into_the_band():
    """Buildings in a row, cells of two: one too many at one end, one too few at the other."""
    n = 12
    line = np.arange(n - 1)
    graph = Graph(np.full((n, 1), 10), np.zeros(n, np.int64), line, line + 1, line * 0, line * 0)
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5])
    bands = bands_of(1, 20, 20)
    for cell in (0, 5):
        after = labels.copy()
        for atom, taker in shift(graph, labels, bands, cell):
            after[atom] = taker
        assert np.bincount(after).tolist() == [2] * 6
