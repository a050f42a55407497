"""One plot, from its atoms to labelled cells: the graph, the levels, the search. Plots can be solved side by side."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt

from gridgis import compiled
from gridgis.divide.atoms import Atoms
from gridgis.divide.bands import Bands, Price
from gridgis.divide.cuts import CHANCE_BITS, VISIBLE
from gridgis.divide.graph import Graph
from gridgis.divide.moves import Stay
from gridgis.divide.plots import Plot
from gridgis.divide.proof import impossible
from gridgis.divide.search import Task, balance
from gridgis.progress import progress

HARD_PULL = 3
"""A border along a hard barrier is worth so much its length, where a plot lies on both sides of it."""

PLAIN = 0.1
"""So much a metre of border costs even along the best barrier, so that cells do not grow long for its sake."""
_LARGE = 1000
"""Dividing so many units without the compiled core takes long enough to say so."""

KEPT_MISS, KEPT_OUT = 40.0, 400.0
"""Where a division is kept, a load outside the band costs so much more than else."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Job:
    """One plot to be divided.

    Attributes
    ----------
    graph : Graph
        Of the units of the plot.
    unit_of_atom : array of int
    bands : Bands
    counts : tuple of int
        The number of parts of each level, the finest last; empty where it follows from the bands.
    seed : tuple of int
    start : array of int, optional
        A division of the units to begin with.
    stay : Stay, optional
    area_m2 : float
    names : array of int
        The earlier cell that each part of the start goes on from.
    """

    graph: Graph
    unit_of_atom: Ints
    bands: Bands
    counts: tuple[int, ...]
    seed: tuple[int, ...]
    area_m2: float
    start: Ints | None = None
    stay: Stay | None = None
    names: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def price(self, cells: int) -> Price:
        """What misses and borders cost in this plot."""
        return Price(self.bands, max(round(1000 * float(np.sqrt(self.area_m2 / max(cells, 1)))), 1))


def make_graph(atoms: Atoms, plot: Plot, bands: Bands, unit: Ints) -> tuple[Graph, Ints]:
    """Make the graph of a plot.

    Returns
    -------
    Graph
    array of int
        The node of each atom of the plot.
    """
    here = plot.atoms
    _, node = np.unique(unit[here], return_inverse=True)
    local = np.full(len(atoms.parent), -1, np.int64)
    local[here] = node
    a, b = local[atoms.left], local[atoms.right]
    inner = np.flatnonzero((a >= 0) & (b >= 0) & (a != b))
    low, high = np.minimum(a[inner], b[inner]), np.maximum(a[inner], b[inner])
    n = int(node.max()) + 1
    keys, which = np.unique(low * n + high, return_inverse=True)
    cost, length, hard = (
        np.rint(np.bincount(which, of[inner], len(keys))).astype(np.int64)
        for of in (atoms.cost, atoms.length, atoms.hard)
    )
    visible = 1 - cost / np.maximum(length, 1)
    cost = np.rint(cost * (1 - PLAIN) + length * PLAIN).astype(np.int64)
    bias = np.rint(VISIBLE * visible * (1 << CHANCE_BITS)).astype(np.int64)
    parted = np.bincount(which, ~atoms.parted[inner], len(keys)) == 0
    bias[parted] = 1 << CHANCE_BITS
    if plot.crossing:
        cost = np.where(parted, -HARD_PULL * hard, cost)
    load, largest = np.zeros((2, n, atoms.load.shape[1]), np.int64)
    np.add.at(load, node, atoms.load[here])
    np.maximum.at(largest, node, atoms.largest[here])
    giants = bands.giant(largest)
    load[giants] = 0
    return Graph(load, giants.astype(np.int64), keys // n, keys % n, cost, bias), node.astype(np.int64)


@dataclass(frozen=True)
class Solution:
    """A plot divided.

    Attributes
    ----------
    labels : array of int, levels x units
        The part of each unit on each level, the finest last; the parts of each level are whole parts of the next.
    proven : array of bool
        The cells, in the order of their labels, of which it is proven that their miss of the bands cannot be helped.
    """

    labels: Ints
    proven: npt.NDArray[np.bool_]


def solve(job: Job) -> Solution:
    """Divide a plot, and try to prove that what misses the bands cannot be helped."""
    labels = _divide(job)
    dense = np.unique(labels[-1], return_inverse=True)[1].astype(np.int64)
    return Solution(labels, impossible(job.graph, dense, job.bands))


def _divide(job: Job) -> Ints:
    """Divide a plot, level by level."""
    load, giants = job.graph.load.sum(axis=0), int(job.graph.giants.sum())
    if job.start is not None:
        cells = len(np.unique(job.start))
        price = replace(job.price(cells), off_centre=0.0, miss=KEPT_MISS, out_of_band=KEPT_OUT)
        return balance(Task(job.graph, price, [1] * cells, job.seed, job.start, job.stay))[None, :]
    counts = job.counts or (job.bands.count(load, giants),)
    labels = np.zeros((len(counts), len(job.graph.giants)), np.int64)
    parts = [(np.arange(len(job.graph.giants)), _tree(counts))]
    price = job.price(counts[-1])
    for level in range(len(counts)):
        finer: list[tuple[Ints, list]] = []
        for number, (units, shares) in enumerate(parts):
            graph = _part(job.graph, units)
            quotas = [_leaves(share) for share in shares]
            found = balance(Task(graph, price, quotas, (*job.seed, level, number), exact=bool(job.counts)))
            for part in range(int(found.max()) + 1):
                members = units[found == part]
                labels[level, members] = len(finer)
                finer.append((members, shares[part] if part < len(shares) else []))
        parts = finer
    return labels


def _tree(counts: Sequence[int]) -> list:
    """Spread the parts of each level over those of the level above: nested lists, a leaf is an empty list."""
    if not counts:
        return []
    return _spread(counts[0], counts[1:])


def _spread(parts: int, finer: Sequence[int]) -> list:
    """Make so many parts, each with its share of the finer ones."""
    if not finer:
        return [[] for _ in range(parts)]
    shares = [(finer[0] + i) // parts for i in reversed(range(parts))]
    rest = [apportion(count, shares) for count in finer[1:]]
    return [_spread(share, [of[i] for of in rest]) for i, share in enumerate(shares)]


def _leaves(share: list) -> int:
    """How many cells a part of an upper level shall become."""
    return sum(map(_leaves, share)) if share else 1


def apportion(total: int, weights: Sequence[float], least: int = 1) -> list[int]:
    """Share out whole things by weight, at least some for each; the largest remainders get what is left over.

    Examples
    --------
    >>> apportion(10, [1, 1, 2])
    [3, 2, 5]
    """
    spare = total - least * len(weights)
    whole = sum(weights)
    exact = [total * w / whole if whole else total / len(weights) for w in weights]
    shares = [max(least, int(e)) for e in exact]
    while sum(shares) > total and spare >= 0:
        worst = max(range(len(shares)), key=lambda i: (shares[i] > least, shares[i] - exact[i], -i))
        shares[worst] -= 1
    for i in sorted(range(len(shares)), key=lambda i: (shares[i] - exact[i], i))[: max(total - sum(shares), 0)]:
        shares[i] += 1
    return shares


def _part(graph: Graph, units: Ints) -> Graph:
    """The graph of some nodes."""
    if len(units) == len(graph.giants):
        return graph
    edges, left, right = graph.within(units)
    return Graph(graph.load[units], graph.giants[units], left, right, graph.cost[edges], graph.bias[edges])


def solve_all(jobs: Sequence[Job], workers: int) -> list[Solution]:
    """Solve plots one by one, or some at a time in other processes; the answers are the same."""
    compiled.note_absence(sum(len(job.graph.giants) for job in jobs), _LARGE)
    if workers == 1 or len(jobs) < 2:
        return [solve(job) for job in progress(jobs, "dividing")]
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn")) as pool:
        largest = sorted(range(len(jobs)), key=lambda i: -len(jobs[i].graph.giants))
        running = {i: pool.submit(solve, jobs[i]) for i in largest}
        try:
            return [running[i].result() for i in progress(range(len(jobs)), "dividing")]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
