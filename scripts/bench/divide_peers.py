"""Put the search beside its peers: python scripts/bench/divide_peers.py [--towns houses:2000:4] [--runs 3].

Everyone gets the same atoms, the same borders between them, the same parents, the same band (100 to 150 households)
and the same number of cells. The peers are METIS (recursive, and k-way), KaHIP, gerrychain (recursive tree partition)
and spopt (max-p, on one parent). None of them is a dependency of this project; to run all of them:

    python -m pip install pymetis kahip gerrychain spopt

One that is not installed is left out, and the table says so. What is done for the peers, so that none is handicapped:

- Giants (single atoms over 150 households) are set apart before, as cells of their own; ground that they cut off and
  that has too few households for a cell goes with them. Our search gets them as they are.
- METIS and KaHIP minimise the same cost of borders as we do (millimetres, discounted along barriers, at least 1). The
  k-way refinement of METIS copes badly with such large numbers where a cell has few atoms, so it also gets them
  coarsely (1 and a whole number of 15 m); "best of 9" tries three scales by three tolerances on each parent and keeps
  the partition with the fewest wrong cells, then the shortest border. The k-way variants are asked for connected parts.
- gerrychain gets the widest tolerance that the band allows around the mean, and some CPU seconds for each parent; a
  parent on which it fails is not tried again. Where a contender has solved only some parents, its row is about these,
  and the row after it shows us on them.
- Max-p knows a lower bound only. It gets the smallest parent, with its own settings and with fewer iterations.

Each round has a seed of its own, the same for all; in a round everyone works once, one after the other, in one
process (max-p in another, which measures itself). Figures are medians of the rounds. CPU seconds are of the process,
all of its threads, for the solving alone: graphs and formats are made before. Needs POSIX timers.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import platform
import signal
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from statistics import median
from typing import Any

import numpy as np
import shapely

import gridgis as gg
from gridgis.divide.atoms import Atoms, build_atoms
from gridgis.divide.bands import Bands
from gridgis.divide.doors import checked_areas, checked_lines, checked_loads, checked_zones
from gridgis.divide.faces import components
from gridgis.divide.graph import Graph
from gridgis.divide.ground import Ground, lay_ground
from gridgis.divide.plots import lay_out_plots
from gridgis.divide.profiles import Profile
from gridgis.divide.proof import impossible
from gridgis.divide.search import Task, balance
from gridgis.divide.solve import Job, make_graph

LOW, HIGH = 100, 150
TOWNS = ("houses:2000:4", "towers:2000:4", "houses:20000:37", "towers:20000:37")
OURS = "gridgis"
PACKAGES = ("gridgis", "pymetis", "kahip", "gerrychain", "spopt")
COARSE_MM = 15_000
"""Unit of the coarse costs for METIS."""
ALONG_M = 0.01
"""A border this near a barrier runs along it."""
MAXP_ATOMS = 300
"""Max-p gets the smallest parent with so many atoms."""
LESS_EFFORT = {"max_iterations_construction": 20, "max_iterations_sa": 1}
"""Of max-p, instead of 99 and 10."""

HEADS = (
    "contender",
    "parents",
    "cells",
    "in band %",
    "feasible in band % (worst to best round)",
    "right %",
    "surplus pieces",
    "PP median / 5th",
    "Reock",
    "border along barriers %",
    "cost of border, km",
    "CPU s",
)
LEGEND = """Feasible: cells without a giant. Right: cells in one piece that hold the band, or hold one giant and no
other household. Surplus pieces: pieces of cells beyond one each. PP: Polsby-Popper; Reock: median. Border: between two
cells of one parent; its cost is discounted along barriers, it is what all but gerrychain and spopt minimise."""


@dataclass
class Part:
    """Atoms of one parent that hang together, giants set apart: what the peers divide.

    Attributes
    ----------
    nodes : array of int
        Their places in the graph of the parent.
    graph : Graph
    count : int
        How many cells they shall become.
    centres : array of float, nodes x 2
    """

    nodes: np.ndarray
    graph: Graph
    count: int
    centres: np.ndarray

    @property
    def load(self) -> np.ndarray:
        """Households of each node."""
        return self.graph.load[:, 0]

    @cached_property
    def lists(self) -> tuple[list[int], list[int], list[int], list[int]]:
        """What KaHIP takes: weights, starts, costs, neighbours."""
        graph = self.graph
        return self.load.tolist(), graph.start.tolist(), self.costs(1).tolist(), graph.other.tolist()

    @cached_property
    def adjacency(self) -> Any:
        """What METIS takes."""
        return importlib.import_module("pymetis").CSRAdjacency(self.graph.start, self.graph.other)

    @cached_property
    def tree_graph(self) -> Any:
        """What gerrychain takes."""
        import networkx as nx
        from gerrychain import Graph as TreeGraph

        graph = nx.Graph()
        graph.add_nodes_from((i, {"load": load}) for i, load in enumerate(self.load.tolist()))
        graph.add_edges_from(zip(self.graph.left.tolist(), self.graph.right.tolist(), strict=True))
        return TreeGraph.from_networkx(graph)

    @cached_property
    def neighbours(self) -> dict[int, list[int]]:
        """What spopt takes."""
        return {i: self.graph.near(i) for i in range(len(self.nodes))}

    def costs(self, unit_mm: int) -> np.ndarray:
        """Cost of the border to each neighbour, in so many millimetres, at least 1."""
        cost = self.graph.cost[self.graph.edge]
        return np.maximum(cost, 1) if unit_mm == 1 else 1 + np.maximum(cost, 0) // unit_mm


@dataclass
class Parent:
    """One parent to be divided.

    Attributes
    ----------
    atoms : array of int
        Its atoms in the town.
    graph : Graph
    job : Job
    parts : list of Part
    apart : array of int
        The cell of each giant, and of ground that goes with it; -1 elsewhere.
    """

    atoms: np.ndarray
    graph: Graph
    job: Job
    parts: list[Part]
    apart: np.ndarray


@dataclass(frozen=True)
class Borders:
    """Borders between atoms of one parent: both atoms, metres, and whether they run along a barrier."""

    one: np.ndarray
    two: np.ndarray
    length: np.ndarray
    along: np.ndarray


@dataclass
class Case:
    """A town laid out."""

    name: str
    atoms: Atoms
    bands: Bands
    parents: list[Parent]
    borders: Borders
    laying_s: float


@dataclass(frozen=True)
class Answer:
    """What a contender made of a parent: the cell of each node, or why there is none."""

    labels: np.ndarray | None
    seconds: float = 0.0
    why: str = ""


@dataclass
class Contender:
    """Somebody who divides."""

    name: str
    package: str
    solve: Callable[[Part, int], tuple[np.ndarray, float]] | None = None
    only_one: bool = False
    rounds: list[dict[int, Answer]] = field(default_factory=list)

    def solved(self) -> list[int]:
        """The parents that it solved in every round."""
        return [i for i in self.rounds[0] if all(answers[i].labels is not None for answers in self.rounds)]

    def failures(self) -> Counter[str]:
        """Why it solved no others."""
        first = {i: answer.why for answers in reversed(self.rounds) for i, answer in answers.items() if answer.why}
        return Counter(first.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--towns", nargs="+", default=TOWNS, metavar="KIND:BUILDINGS:PARENTS")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cap", type=float, default=20.0, help="CPU seconds of gerrychain for each parent")
    parser.add_argument("--cap-maxp", type=float, default=120.0, help="CPU seconds of max-p")
    options = parser.parse_args()
    found = versions()
    print(f"python {platform.python_version()}, " + ", ".join(f"{name} {number}" for name, number in found.items()))
    print(f"{os.cpu_count()} cores, {options.runs} rounds\n\n{LEGEND}\n")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for town in options.towns:
            everyone = contenders(found, options.cap, partial(max_p, pool=pool, cap=options.cap_maxp))
            report(lay_out(town), everyone, options.runs)
    missing = [name for name, number in found.items() if number == "not installed"]
    if missing:
        print(f"Not installed, so left out: {', '.join(missing)}.")


def versions() -> dict[str, str]:
    """Import all packages, so that no import is measured, and say what they are."""
    found = {}
    for name in PACKAGES:
        try:
            importlib.import_module(name)
            found[name] = gg.__version__ if name == OURS else version(name)
        except (ImportError, PackageNotFoundError):
            found[name] = "not installed"
    return found


def contenders(found: dict[str, str], cap: float, maxp: Callable) -> list[Contender]:
    everyone = [
        Contender(OURS, OURS),
        Contender("METIS recursive", "pymetis", partial(metis, recursive=True)),
        Contender("METIS k-way, ufactor 10", "pymetis", partial(metis, ufactor=10)),
        Contender("METIS k-way, ufactor 200", "pymetis", partial(metis, ufactor=200)),
        Contender("METIS k-way, ufactor 150, coarse", "pymetis", partial(metis, ufactor=150, unit_mm=COARSE_MM)),
        Contender("METIS k-way, best of 9", "pymetis", best_metis),
        Contender("KaHIP eco, imbalance .03", "kahip", partial(kahip, imbalance=0.03)),
        Contender("KaHIP eco, imbalance .1", "kahip", partial(kahip, imbalance=0.1)),
        Contender("gerrychain", "gerrychain", partial(tree_parts, cap=cap)),
        Contender("spopt max-p", "spopt", maxp, only_one=True),
        Contender("spopt max-p, less effort", "spopt", partial(maxp, **LESS_EFFORT), only_one=True),
    ]
    return [contender for contender in everyone if found[contender.package] != "not installed"]


def lay_out(town: str) -> Case:
    kind, buildings, parents = town.split(":")
    made = gg.generate_town(int(buildings), kind=kind, parents=int(parents), seed=1)
    bands = Profile({"households": (LOW, HIGH)}).as_bands()
    start = time.process_time()
    areas = checked_areas(made.areas)
    loads, lines = checked_loads(made.buildings, areas, bands.names), checked_lines(areas, made.barriers)
    ground = lay_ground(areas, made.buildings, loads, lines, checked_zones(None, None, areas)[0])
    atoms = build_atoms(ground)
    seconds = time.process_time() - start
    plots = [plot for plot in lay_out_plots(atoms, bands, own_empty=False) if not plot.kind]
    centres = shapely.get_coordinates(shapely.centroid(outlines(atoms, np.arange(len(atoms.parent)))))
    codes = [zlib.crc32(code.encode()) for code in areas["code"]]
    prepared = []
    for plot in plots:
        graph, node = make_graph(atoms, plot, bands, np.arange(len(atoms.parent)))
        seed = (codes[atoms.parent[plot.atoms[0]]], 0)
        job = Job(graph, node, bands, (), seed, float(atoms.area_m2[plot.atoms].sum()))
        prepared.append(Parent(plot.atoms, graph, job, *set_apart(graph, bands, centres[plot.atoms])))
    return Case(town, atoms, bands, prepared, borders_of(atoms, ground), seconds)


def set_apart(graph: Graph, bands: Bands, centres: np.ndarray) -> tuple[list[Part], np.ndarray]:
    """Take the giants out; ground that they cut off and that is too little for a cell goes with one of them."""
    giant = graph.giants > 0
    apart = np.where(giant, np.cumsum(giant) - 1, -1)
    if not giant.any():
        return [part_of(graph, np.arange(len(giant)), bands, centres)], apart
    free = ~giant[graph.left] & ~giant[graph.right]
    piece = components(graph.left[free], graph.right[free], len(giant))
    parts = []
    for number in np.unique(piece[~giant]):
        nodes = np.flatnonzero((piece == number) & ~giant)
        if graph.load[nodes, 0].sum() >= LOW:
            parts.append(part_of(graph, nodes, bands, centres))
            continue
        beside = [near for node in nodes.tolist() for near in graph.near(node) if giant[near]]
        apart[nodes] = apart[min(beside)]
    return parts, apart


def part_of(graph: Graph, nodes: np.ndarray, bands: Bands, centres: np.ndarray) -> Part:
    edges, left, right = graph.within(nodes)
    own = Graph(graph.load[nodes], graph.giants[nodes], left, right, graph.cost[edges], graph.bias[edges])
    return Part(nodes, own, bands.count(own.load.sum(axis=0), 0), centres[nodes])


def borders_of(atoms: Atoms, ground: Ground) -> Borders:
    """Find the edges that two faces share, and whether a barrier is there."""
    rings, face = shapely.get_rings(atoms.faces, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    kept = ring[1:] == ring[:-1]
    start, end = (np.rint(1000 * of[kept]).astype(np.int64) for of in (points[:-1], points[1:]))
    turned = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    start, end = np.where(turned[:, None], end, start), np.where(turned[:, None], start, end)
    ends = np.hstack([start, end])
    order = np.lexsort(ends.T)
    twin = np.flatnonzero((ends[order[1:]] == ends[order[:-1]]).all(axis=1))
    one, two = (atoms.atom_of_face[face[ring[:-1][kept]]][order[of]] for of in (twin, twin + 1))
    inner = (one != two) & (atoms.parent[one] == atoms.parent[two])
    ends = ends[order[twin]][inner] / 1000
    tree = shapely.STRtree(ground.barriers.shapes)
    middle = shapely.points((ends[:, :2] + ends[:, 2:]) / 2)
    along = np.zeros(len(ends), bool)
    along[tree.query(middle, predicate="dwithin", distance=ALONG_M)[0]] = True
    return Borders(one[inner], two[inner], np.hypot(*(ends[:, 2:] - ends[:, :2]).T), along)


def outlines(atoms: Atoms, label: np.ndarray) -> np.ndarray:
    """Unite the faces of each cell; -1 is no cell."""
    cell = label[atoms.atom_of_face]
    order = np.argsort(cell, kind="stable")[int((cell < 0).sum()) :]
    groups = np.split(atoms.faces[order], np.cumsum(np.bincount(cell[order]))[:-1])
    return np.array([shapely.coverage_union_all(group) for group in groups], object)


def metis(
    part: Part, seed: int, recursive: bool = False, ufactor: int | None = None, unit_mm: int = 1
) -> tuple[np.ndarray, float]:
    import pymetis

    wanted = {"seed": seed} | ({"ufactor": ufactor} if ufactor else {}) | ({} if recursive else {"contig": 1})
    given = {"vweights": part.load, "eweights": part.costs(unit_mm), "adjacency": part.adjacency}
    with clock() as seconds:
        found = pymetis.part_graph(part.count, recursive=recursive, options=pymetis.Options(**wanted), **given)
    return np.asarray(found.vertex_part), seconds[0]


def best_metis(part: Part, seed: int) -> tuple[np.ndarray, float]:
    tries, spent = [], 0.0
    for number, (unit_mm, ufactor) in enumerate(product((1, 10_000, 20_000), (100, 150, 200))):
        labels, seconds = metis(part, 9 * seed + number, ufactor=ufactor, unit_mm=unit_mm)
        with clock() as more:
            tries.append((*faults(part, labels), number, labels))
        spent += seconds + more[0]
    return min(tries, key=lambda found: found[:3])[3], spent


def faults(part: Part, labels: np.ndarray) -> tuple[int, int]:
    """Count cells that miss the band, are missing or are in pieces; and the cost of the border."""
    graph = part.graph
    load = np.bincount(labels, part.load, part.count)
    same = labels[graph.left] == labels[graph.right]
    pieces = int(components(graph.left[same], graph.right[same], len(labels)).max()) + 1
    torn = pieces - len(np.unique(labels))
    return int(((load < LOW) | (load > HIGH)).sum()) + torn, int(graph.cost[~same].sum())


def kahip(part: Part, seed: int, imbalance: float) -> tuple[np.ndarray, float]:
    import kahip

    loads, starts, costs, others = part.lists
    with clock() as seconds:
        found = kahip.kaffpa(loads, starts, costs, others, part.count, imbalance, True, seed, kahip.ECO)
    return np.asarray(found[1]), seconds[0]


def tree_parts(part: Part, seed: int, cap: float) -> tuple[np.ndarray, float]:
    from gerrychain.partition import recursive_tree_part

    mean = part.load.sum() / part.count
    tolerance = min(HIGH / mean - 1, 1 - LOW / mean)
    if tolerance <= 0:
        raise ValueError("the mean misses the band")
    graph = part.tree_graph
    with warnings.catch_warnings(), clock() as seconds, at_most(cap):
        warnings.simplefilter("ignore")
        found = recursive_tree_part(graph, list(range(part.count)), mean, "load", tolerance, rng=seed)
    return np.array([found[i] for i in range(len(part.nodes))]), seconds[0]


def max_p(part: Part, seed: int, pool: ProcessPoolExecutor, cap: float, **effort: int) -> tuple[np.ndarray, float]:
    return pool.submit(max_p_alone, part.neighbours, part.centres, part.load, seed, cap, effort).result()


def max_p_alone(
    neighbours: dict[int, list[int]], centres: np.ndarray, load: np.ndarray, seed: int, cap: float, effort: dict
) -> tuple[np.ndarray, float]:
    """Run max-p in a process of its own: as many connected regions of at least 100 as it finds, and compact ones."""
    import geopandas as gpd
    from libpysal.weights import W
    from spopt.region import MaxPHeuristic

    columns = {"x": centres[:, 0], "y": centres[:, 1], "load": load}
    table = gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(*centres.T))
    np.random.seed(seed)
    with warnings.catch_warnings(), clock() as seconds, at_most(cap):
        warnings.simplefilter("ignore")
        model = MaxPHeuristic(table, W(neighbours), ["x", "y"], "load", LOW, **effort)
        model.solve()
    return np.asarray(model.labels_), seconds[0]


@contextmanager
def clock() -> Iterator[list[float]]:
    """Measure CPU seconds of the process."""
    seconds: list[float] = []
    start = time.process_time()
    yield seconds
    seconds.append(time.process_time() - start)


@contextmanager
def at_most(cap: float) -> Iterator[None]:
    """Stop after so many CPU seconds."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"over {cap:.0f} CPU s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, cap)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def answer(contender: Contender, parent: Parent, seed: int) -> Answer:
    if contender.solve is None:
        return our_answer(parent, seed)
    labels, spent = parent.apart.copy(), 0.0
    for part in parent.parts:
        found, seconds = np.zeros(len(part.nodes), np.int64), 0.0
        if part.count > 1:
            try:
                found, seconds = contender.solve(part, seed)
            except Exception as error:
                return Answer(None, why=str(error).strip().split("\n")[0][:100] or type(error).__name__)
        labels[part.nodes] = found - found.min() + labels.max() + 1
        spent += seconds
    return Answer(labels, spent)


def our_answer(parent: Parent, seed: int) -> Answer:
    graph, job = parent.graph, parent.job
    count = job.bands.count(graph.load.sum(axis=0), int(graph.giants.sum()))
    task = Task(graph, job.price(count), [1] * count, (seed, *job.seed, 0, 0))
    with clock() as seconds:
        labels = balance(task)
    return Answer(labels, seconds[0])


def play(case: Case, everyone: Sequence[Contender], runs: int) -> None:
    """Let everyone work once in each round."""
    enough = [i for i, parent in enumerate(case.parents) if len(parent.atoms) >= MAXP_ATOMS]
    smallest = min(enough or range(len(case.parents)), key=lambda i: len(case.parents[i].atoms))
    for seed in range(1, runs + 1):
        for contender in everyone:
            wanted = [smallest] if contender.only_one else range(len(case.parents))
            given_up = {i for answers in contender.rounds for i in wanted if answers[i].labels is None}
            contender.rounds.append(
                {i: Answer(None) if i in given_up else answer(contender, case.parents[i], seed) for i in wanted}
            )


def score(case: Case, answers: dict[int, Answer], scope: Sequence[int]) -> dict[str, float]:
    """Weigh the division of some parents."""
    label = np.full(len(case.atoms.parent), -1)
    seconds = 0.0
    for i in scope:
        of = answers[i]
        label[case.parents[i].atoms] = np.unique(of.labels, return_inverse=True)[1] + label.max() + 1
        seconds += of.seconds
    shapes = outlines(case.atoms, label)
    return balance_figures(case, label, shapes) | shape_figures(shapes) | border_figures(case, label) | {"cpu": seconds}


def balance_figures(case: Case, label: np.ndarray, shapes: np.ndarray) -> dict[str, float]:
    here = label >= 0
    loads, n = case.atoms.load[here, 0], len(shapes)
    giant = case.bands.giant(case.atoms.largest)[here]
    load, rest = np.bincount(label[here], loads, n), np.bincount(label[here], loads * ~giant, n)
    giants, pieces = np.bincount(label[here], giant, n), shapely.get_num_geometries(shapes)
    inside = (load >= LOW) & (load <= HIGH)
    right = (inside | ((giants == 1) & (rest == 0))) & (pieces == 1)
    return {
        "cells": n,
        "in": 100 * inside.mean(),
        "feasible": 100 * inside[giants == 0].mean(),
        "right": 100 * right.mean(),
        "surplus": pieces.sum() - n,
    }


def shape_figures(shapes: np.ndarray) -> dict[str, float]:
    area = shapely.area(shapes)
    compact = 4 * np.pi * area / shapely.length(shapes) ** 2
    reock = area / (np.pi * shapely.minimum_bounding_radius(shapes) ** 2)
    return {"pp": np.median(compact), "pp5": np.quantile(compact, 0.05), "reock": np.median(reock)}


def border_figures(case: Case, label: np.ndarray) -> dict[str, float]:
    """How much of the border between cells runs along barriers, and what it costs."""
    borders, atoms = case.borders, case.atoms
    parts = label[borders.one] != label[borders.two]
    length = borders.length[parts].sum()
    parted = label[atoms.left] != label[atoms.right]
    return {
        "along": 100 * (borders.length * borders.along)[parts].sum() / max(length, 1e-9),
        "cost": atoms.cost[parted].sum() / 1e6,
    }


def report(case: Case, everyone: Sequence[Contender], runs: int) -> None:
    """Print the table of one town."""
    before = os.getloadavg()[0]
    play(case, everyone, runs)
    households, giants = int(case.atoms.load.sum()), int(case.bands.giant(case.atoms.largest).sum())
    print(f"### {case.name}\n")
    print(
        f"{len(case.atoms.parent):,} atoms, {households:,} households, {giants} giants, {len(case.parents)} parents; "
        f"load average {before:.1f} before, {os.getloadavg()[0]:.1f} after. Making the atoms took "
        f"{case.laying_s:.1f} CPU s, once, for all.\n"
    )
    print(f"| {' | '.join(HEADS)} |\n|{'---|' * len(HEADS)}")
    every = range(len(case.parents))
    medians = {}
    for contender in everyone:
        scope = contender.solved()
        if len(scope) == len(every):
            medians[contender.name] = row(contender.name, case, contender.rounds, scope)
        elif scope:
            row(contender.name, case, contender.rounds, scope)
            row(f"{OURS}, on the same", case, everyone[0].rounds, scope)
        else:
            print(f"| {contender.name} | 0 of {len(contender.rounds[0])} |{' |' * (len(HEADS) - 2)}")
    print()
    print_notes(case, everyone, medians)


def row(name: str, case: Case, rounds: Sequence[dict[int, Answer]], scope: Sequence[int]) -> dict[str, float]:
    """Print a row, and give the medians of the rounds."""
    scores = [score(case, answers, scope) for answers in rounds]
    of = {key: median(float(score[key]) for score in scores) for key in scores[0]}
    worst, best = (choose(score["feasible"] for score in scores) for choose in (min, max))
    figures = [
        name,
        f"{len(scope)} of {len(case.parents)}",
        f"{of['cells']:.0f}",
        f"{of['in']:.1f}",
        f"{of['feasible']:.1f} ({worst:.1f} to {best:.1f})",
        f"{of['right']:.1f}",
        f"{of['surplus']:.0f}",
        f"{of['pp']:.3f} / {of['pp5']:.3f}",
        f"{of['reock']:.3f}",
        f"{of['along']:.1f}",
        f"{of['cost']:.1f}",
        f"{of['cpu']:.2f}",
    ]
    print(f"| {' | '.join(figures)} |", flush=True)
    return of


def print_notes(case: Case, everyone: Sequence[Contender], medians: dict[str, dict[str, float]]) -> None:
    """Print ratios, failures, and what our proofs cost."""
    ours = medians[OURS]
    for name, of in medians.items():
        if name != OURS:
            along, cost, cpu = (ours[key] / max(of[key], 1e-9) for key in ("along", "cost", "cpu"))
            print(f"- {OURS} : {name}: border along barriers {along:.2f}, cost of border {cost:.2f}, CPU {cpu:.1f}")
    for contender in everyone:
        for why, times in contender.failures().most_common():
            print(f"- {contender.name} failed on {times} parent{'s' * (times > 1)}: {why}")
    proven = 0
    with clock() as seconds:
        for i, of in everyone[0].rounds[0].items():
            proven += int(impossible(case.parents[i].graph, of.labels, case.bands).sum())
    print(
        f"- after the search, {OURS} proves of {proven} cells (first round) that their miss cannot be helped: "
        f"{seconds[0]:.2f} CPU s more, in no row\n"
    )


if __name__ == "__main__":
    main()
