"""The best cut of a group of atoms in two, along an edge of a random spanning tree.

`best_cut` is the kernel of the whole search. Where the compiled core is there, it does the work; its twin in NumPy
gives the same answers, more slowly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridgis import compiled
from gridgis.divide.bands import Price
from gridgis.divide.graph import Graph
from gridgis.divide.trees import Forest, random_forest

VISIBLE = 0.7
"""How much a spanning tree avoids crossing a barrier (0 = not at all); chance weighs 1."""
CHANCE_BITS = 30
"""Chance comes as whole numbers below two to this power."""
LOPSIDED = 1000.0
"""Energy of a cut that leaves less than a quarter of many cells on one side; else cells are peeled off one by one."""

MASK = (1 << 64) - 1
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Before = tuple[Bools, int, int]
"""A division in two: which atoms are in the second part, and how many cells the first and the second stand for."""


@dataclass(frozen=True)
class Cut:
    """A group of atoms cut in two.

    Attributes
    ----------
    side : array of bool
        The atoms of the first part.
    cells : int
        How many cells the first part shall become.
    energy, before : int
        Of both parts and the border between them; ``before`` that of the division that was given, else 0.
    """

    side: Bools
    cells: int
    energy: int
    before: int


class Chance:
    """Whole numbers below 2^64 in a fixed order (splitmix64)."""

    def __init__(self, *seed: int) -> None:
        self.state = 0
        for part in seed:
            self.state = (self.state ^ (part & MASK)) & MASK
            self.state = self.next()

    def next(self) -> int:
        """Give the next number."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)


def tree_weights(seed: int, trees: int, bias: Ints) -> npt.NDArray[np.float64]:
    """Give each edge of each tree its weight: chance and bias, and its number so that no two are equal."""
    tree = np.arange(trees, dtype=np.uint64)[:, None]
    edge = np.arange(len(bias), dtype=np.uint64)[None, :]
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * (tree * np.uint64(0x100000001B3) + edge + np.uint64(1))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    weight = (z >> np.uint64(34)).astype(np.int64) + bias
    return ((weight << 22) | np.arange(len(bias))).astype(float) + 1.0


def best_cut(
    graph: Graph,
    atoms: Ints,
    allowed: Ints,
    quota: int,
    price: Price,
    tries: tuple[int, int],
    before: Before | None = None,
) -> Cut | None:
    """Find the cheapest cut in two that some random spanning trees offer.

    Parameters
    ----------
    graph : Graph
    atoms : array of int
        Ascending, two or more.
    allowed : array of int
        The numbers of cells that one part may become, ascending.
    quota : int
        The cells that both parts together shall become.
    price : Price
    tries : (seed, trees)
    before : Before, optional
        A division whose energy is wanted as well.

    Returns
    -------
    Cut or None
        None where the atoms do not hang together.
    """
    if compiled.core is None:
        return _best_cut(graph, atoms, allowed, quota, price, tries, before)
    seed, trees = tries
    side = np.zeros(len(atoms), np.bool_)
    found = compiled.core.best_cut(
        *(graph.start, graph.other, graph.edge, graph.cost, graph.bias),
        *(graph.load, graph.giants, graph.size, graph.place, atoms, allowed),
        *price.limits,
        *price.numbers,
        *(quota, trees, seed, round(LOPSIDED * price.unit_mm)),
        *((b"", 1, 1) if before is None else before),
        side,
    )
    return None if found is None else Cut(side, *found)


def _best_cut(
    graph: Graph, atoms: Ints, allowed: Ints, quota: int, price: Price, tries: tuple[int, int], before: Before | None
) -> Cut | None:
    """The twin of the compiled kernel."""
    seed, trees = tries
    edges, left, right = graph.within(atoms)
    cost, load, giants = graph.cost[edges], graph.load[atoms], graph.giants[atoms]
    best: tuple[int, int, int, int] | None = None
    side = np.zeros(len(atoms), np.bool_)
    at_once = max(1, 3_000_000 // max(len(edges), 1))
    for first in range(0, trees, at_once):
        weights = tree_weights(seed, trees, graph.bias[edges])[first : first + at_once]
        forest = random_forest(len(atoms), left, right, weights)
        if forest is None:
            return None
        energy, cells = _weigh(forest, (left, right, cost), (load, giants, graph.size[atoms]), allowed, quota, price)
        place = int(np.argmin(energy))
        if best is None or energy.flat[place] < best[0]:
            tree, node, _ = np.unravel_index(place, energy.shape)
            best = int(energy.flat[place]), int(cells.flat[place]), int(tree), int(node)
            side = forest.side(best[2], best[3] + 1)
    if best is None:
        return None
    held = 0
    if before is not None:
        second, *quotas = before
        held = int(cost[second[left] != second[right]].sum())
        parts = np.stack([load[~second].sum(axis=0), load[second].sum(axis=0)])
        heavy = np.array([giants[~second].sum(), giants[second].sum()])
        held += int(price.energy(parts, heavy, np.array(quotas, np.int64)).sum())
    return Cut(side, best[1], best[0], held)


def _weigh(
    forest: Forest,
    edges: tuple[Ints, Ints, Ints],
    nodes: tuple[Ints, Ints, Ints],
    allowed: Ints,
    quota: int,
    price: Price,
) -> tuple[Ints, Ints]:
    """Energy of the cut above each node but the root of each tree, for the two likeliest numbers of cells below."""
    load, giants, size = nodes
    below = np.stack([forest.below(load[:, i]) for i in range(load.shape[1])], axis=-1)
    heavy, sizes = forest.below(giants), forest.below(size)
    opened = forest.below_edges(*edges)
    whole, all_giants, all_size = load.sum(axis=0), int(giants.sum()), int(size.sum())
    room = max(quota - all_giants, 0)
    share = heavy + (sizes * room // all_size if all_size else room // 2)
    above = np.searchsorted(allowed, share, side="right")
    energies, numbers = [], []
    for pick in (above - 1, above):
        cells = allowed[pick.clip(0, len(allowed) - 1)]
        energy = (
            opened + price.energy(below, heavy, cells) + price.energy(whole - below, all_giants - heavy, quota - cells)
        )
        lopsided = (quota > 3) & ((4 * cells < quota) | (4 * cells > 3 * quota))
        energy = energy + np.where(lopsided, round(LOPSIDED * price.unit_mm), 0)
        energies.append(np.where((pick >= 0) & (pick < len(allowed)), energy, np.iinfo(np.int64).max))
        numbers.append(cells)
    return np.stack(energies, axis=2)[:, 1:], np.stack(numbers, axis=2)[:, 1:]
