"""Single atoms change sides while that makes a division cheaper and leaves every cell in one piece.

`move_atoms` is a kernel: the compiled core does it where it is there; the twin here gives the same answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridgis import compiled
from gridgis.divide.bands import Price
from gridgis.divide.graph import Graph

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Stay:
    """Where atoms were before, and what it costs to move them.

    Attributes
    ----------
    cell : array of int
        The cell of each atom before, -1 where it had none.
    cost : array of int
        Millimetres.
    """

    cell: Ints
    cost: Ints

    @classmethod
    def free(cls, n: int) -> Stay:
        """Nothing was anywhere."""
        return cls(np.full(n, -1, np.int64), np.zeros(n, np.int64))


def move_atoms(
    graph: Graph, labels: Ints, quota: Ints, price: Price, stay: Stay, active: Ints, rounds: int
) -> tuple[Ints, int]:
    """Move atoms to neighbouring cells, the best move of each atom in turn.

    Parameters
    ----------
    graph : Graph
    labels : array of int
        The cell of each atom, 0 to cells - 1.
    quota : array of int
        How many cells each cell stands for: 1, but for the upper levels.
    price : Price
    stay : Stay
    active : array of int
        The atoms that are looked at first.
    rounds : int
        At most.

    Returns
    -------
    array of int
        The new labels.
    int
        How many moves were made.
    """
    labels = labels.copy()
    count = np.bincount(labels, minlength=len(quota)).astype(np.int64)
    loads = np.zeros((len(quota), graph.load.shape[1]), np.int64)
    np.add.at(loads, labels, graph.load)
    giants = np.zeros(len(quota), np.int64)
    np.add.at(giants, labels, graph.giants)
    if compiled.core is None:
        return labels, _move(graph, price, stay, (labels, quota, loads, giants, count), active, rounds)
    moved = compiled.core.move_atoms(
        *(graph.start, graph.other, graph.edge, graph.cost, graph.load, graph.giants),
        *(stay.cell, stay.cost, labels, quota, loads, giants, count, active.astype(np.int64)),
        *price.limits,
        *price.numbers,
        rounds,
    )
    return labels, moved


def _move(
    graph: Graph, price: Price, stay: Stay, state: tuple[Ints, Ints, Ints, Ints, Ints], active: Ints, rounds: int
) -> int:
    """The twin of the compiled kernel."""
    labels, _, loads, giants, count = state
    moved, now = 0, sorted(set(active.tolist()))
    for _ in range(rounds):
        later: set[int] = set()
        here = 0
        for atom in now:
            home = int(labels[atom])
            if count[home] == 1:
                continue
            target = _best_target(graph, price, stay, state, atom)
            if target < 0 or not stays_connected(graph, labels, atom):
                continue
            labels[atom] = target
            for sums, of in ((loads, graph.load), (giants, graph.giants), (count, np.ones_like(labels))):
                sums[home] -= of[atom]
                sums[target] += of[atom]
            here += 1
            later |= {atom, *graph.near(atom)}
        moved += here
        if not here:
            break
        now = sorted(later)
    return moved


def _best_target(graph: Graph, price: Price, stay: Stay, state: tuple[Ints, Ints, Ints, Ints, Ints], atom: int) -> int:
    """The cell to which an atom had best go, the lowest of equals, -1 if it is best where it is."""
    labels, quota, loads, giants, _ = state
    around = slice(graph.start[atom], graph.start[atom + 1])
    near, cost = labels[graph.other[around]], graph.cost[graph.edge[around]]
    home = labels[atom]
    cells = np.unique(near[near != home])
    if not len(cells):
        return -1
    gain = np.array([cost[near == cell].sum() for cell in cells]) - cost[near == home].sum()
    load, giant = graph.load[atom], graph.giants[atom]
    both = np.append(cells, home)
    before = price.energy(loads[both], giants[both], quota[both])
    sign = np.append(np.ones(len(cells), np.int64), -1)
    after = price.energy(loads[both] + sign[:, None] * load, giants[both] + sign * giant, quota[both])
    saved = before - after
    gain = gain + saved[:-1] + saved[-1]
    gain = gain + np.where(stay.cell[atom] == cells, stay.cost[atom], 0)
    gain = gain - (stay.cost[atom] if stay.cell[atom] == home else 0)
    best = int(np.argmax(gain))
    return int(cells[best]) if gain[best] > 0 else -1


def stays_connected(graph: Graph, labels: Ints, atom: int) -> bool:
    """Say whether the cell of an atom hangs together without it."""
    home = labels[atom]
    inside = [other for other in graph.near(atom) if labels[other] == home]
    if not inside:
        return False
    seen, stack, wanted = {atom, inside[0]}, [inside[0]], set(inside)
    while stack:
        v = stack.pop()
        wanted.discard(v)
        if not wanted:
            return True
        for w in graph.near(v):
            if w not in seen and labels[w] == home:
                seen.add(w)
                stack.append(w)
    return False
