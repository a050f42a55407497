"""From atoms to cells: connected groups of atoms with loads inside the bands and short, visible borders.

A graph that needs k cells is cut in two along an edge of a random spanning tree, again and again. Then neighbouring
cells are united and cut anew wherever that lowers the energy, single atoms change sides, and a cell that still misses
its band is cut anew together with the cells on the way to the next one that misses it. The energy of a division is
the sum over its cells of what their loads cost, plus the discounted length of the borders between them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from gridgis.divide.bands import Price
from gridgis.divide.cuts import Chance, best_cut
from gridgis.divide.graph import Graph
from gridgis.divide.moves import Stay, move_atoms
from gridgis.divide.shifts import shift

SPLIT_TREES = 24
"""Trees tried for each cut of a graph of usual size."""
SPLIT_WORK = 400_000
"""Borders times trees for each cut: the more borders, the fewer trees, but at least four."""
RECUT_TREES = 16
"""Trees tried for each pair of neighbouring cells and round."""
ROUNDS = 8
"""Rounds of recutting at most."""
CYCLES = 2
"""Times that all of this is done."""
MOVE_ROUNDS = 12
"""Rounds of moves at most."""
REPAIRS = 3
"""Times that cells which miss their bands are looked at again."""
CHAIN = 6
"""Cells on the way from one that misses its band to another, at most."""
CHAINS = 12
"""Ways tried for each cell that misses its band."""

Ints = npt.NDArray[np.int64]
Part = tuple[Ints, list[int]]
"""Atoms, and the quotas that they shall fill."""


@dataclass
class Task:
    """What is asked of one connected graph.

    Attributes
    ----------
    graph : Graph
    price : Price
    quotas : list of int
        How many cells each part stands for: ones, but for the upper levels.
    seed : tuple of int
    start : array of int, optional
        A division to begin with, parts numbered from 0.
    stay : Stay, optional
        What moving an atom costs.
    exact : bool
        The number of parts is asked for, and stays.
    """

    graph: Graph
    price: Price
    quotas: list[int]
    seed: tuple[int, ...]
    start: Ints | None = None
    stay: Stay | None = None
    exact: bool = False


def balance(task: Task) -> Ints:
    """Divide a graph.

    Returns
    -------
    array of int
        The part of each atom, numbered from 0; every part is connected. With quotas other than one, part i is
        that of quota i.
    """
    search = _Search(task)
    search.begin()
    if len(search.members) > 1 or task.start is not None:
        search.better()
    return search.numbered()


@dataclass
class _Search:
    """A division of a graph, being bettered."""

    task: Task
    chance: Chance = field(init=False)
    labels: Ints = field(init=False)
    members: dict[int, Ints] = field(default_factory=dict)
    quota: dict[int, int] = field(default_factory=dict)
    fresh: int = 0

    def __post_init__(self) -> None:
        """Start with one part."""
        self.chance = Chance(*self.task.seed)
        self.labels = np.zeros(len(self.task.graph.giants), np.int64)

    def begin(self) -> None:
        """Take the division to begin with, or cut one."""
        quotas = self.task.quotas
        if self.task.start is not None:
            self.gather(self.task.start)
            return
        parts = self.split(np.arange(len(self.labels)), quotas)
        for number, (atoms, share) in zip(_places(parts, quotas), parts, strict=True):
            self.members[number], self.quota[number] = atoms, sum(share)
            self.labels[atoms] = number
        self.fresh = len(parts)

    def gather(self, labels: Ints) -> None:
        """Take labels as they are."""
        self.labels = labels.astype(np.int64)
        order = np.argsort(self.labels, kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(self.labels))[:-1])
        self.members = {number: part for number, part in enumerate(parts) if len(part)}
        self.quota = {number: self.quota.get(number, 1) for number in self.members}
        self.fresh = max(self.fresh, int(self.labels.max()) + 1)

    def better(self) -> None:
        """Recut and move until nothing gets cheaper."""
        if self.task.stay is None:
            for _ in range(CYCLES):
                self.recut_pairs(set(self.members))
                self.recut_faulty()
                self.move()
        else:
            self.shift()
            self.move()
        for _ in range(REPAIRS):
            if not any(self.faulty(cell) for cell in self.members):
                break
            self.recut_faulty()
            self.recut_chains()
            self.shift()
            self.move()

    def numbered(self) -> Ints:
        """Give the labels: those of the start where there was one, else numbered from 0."""
        if self.task.start is not None or any(quota != 1 for quota in self.quota.values()):
            return self.labels
        return np.unique(self.labels, return_inverse=True)[1].astype(np.int64)

    def split(self, atoms: Ints, quotas: Sequence[int]) -> list[Part]:
        """Cut atoms into connected groups of these quotas; a group that cannot be cut keeps several."""
        done: list[Part] = []
        todo = [(atoms, list(quotas))]
        while todo:
            here, share = todo.pop()
            if len(share) < 2 or len(here) < 2:
                done.append((here, share))
                continue
            whole, sums = sum(share), list(accumulate(share))[:-1]
            allowed = np.array(sorted({*sums, *(whole - s for s in sums)}), np.int64)
            trees = max(4, min(SPLIT_TREES, SPLIT_WORK // (3 * len(here))))
            cut = best_cut(self.task.graph, here, allowed, whole, self.task.price, (self.chance.next(), trees))
            if cut is None:
                done.append((here, share))
                continue
            side = cut.side if cut.cells in sums else ~cut.side
            first = sums.index(cut.cells if cut.cells in sums else whole - cut.cells) + 1
            todo += [(here[~side], share[first:]), (here[side], share[:first])]
        return done

    def neighbours(self) -> dict[int, list[int]]:
        """List the neighbours of every part."""
        a, b = self.labels[self.task.graph.left], self.labels[self.task.graph.right]
        apart = a != b
        pairs = np.unique(np.stack([np.r_[a[apart], b[apart]], np.r_[b[apart], a[apart]]]), axis=1)
        near: dict[int, list[int]] = {}
        for one, two in pairs.T.tolist():
            near.setdefault(one, []).append(two)
        return near

    def beside(self, cell: int) -> list[int]:
        """List the neighbours of one part."""
        graph = self.task.graph
        atoms = self.members[cell]
        runs = [graph.other[graph.start[a] : graph.start[a + 1]] for a in atoms.tolist()]
        cells = np.unique(self.labels[np.concatenate(runs)])
        return cells[cells != cell].tolist()

    def recut_pairs(self, dirty: set[int]) -> None:
        """Unite two neighbouring parts and cut them anew where that is cheaper; go on where something changed."""
        for _ in range(ROUNDS):
            changed: set[int] = set()
            for a, others in self.neighbours().items():
                for b in others:
                    if a < b and (a in dirty or b in dirty) and self.recut_pair(a, b):
                        changed |= {a, b}
            if not changed:
                return
            dirty = changed

    def recut_pair(self, a: int, b: int) -> bool:
        """Cut two neighbouring parts anew, if that is cheaper."""
        atoms = np.sort(np.concatenate([self.members[a], self.members[b]]))
        if len(atoms) < 2:
            return False
        one, two = self.quota[a], self.quota[b]
        allowed = np.array(sorted({one, two}), np.int64)
        before = self.labels[atoms] == a
        tries = (self.chance.next(), RECUT_TREES)
        cut = best_cut(self.task.graph, atoms, allowed, one + two, self.task.price, tries, (before, two, one))
        if cut is None or cut.energy >= cut.before:
            return False
        side = cut.side if cut.cells == one else ~cut.side
        self.members[a], self.members[b] = atoms[side], atoms[~side]
        self.labels[atoms] = np.where(side, a, b)
        return True

    def recut(self, cells: Sequence[int], more: int) -> set[int]:
        """Unite parts and cut them into as many, or some more or fewer; give those made, none if it is no better."""
        quotas = [self.quota[cell] for cell in cells]
        if more and (self.task.exact or set(quotas) != {1}):
            return set()
        atoms = np.sort(np.concatenate([self.members[cell] for cell in cells]))
        wanted = quotas if not more else [1] * (len(cells) + more)
        parts = self.split(atoms, wanted)
        before = [(self.members[cell], [self.quota[cell]]) for cell in cells]
        if len(parts) != len(wanted) or self.energy(atoms, parts) >= self.energy(atoms, before):
            return set()
        numbers = self.names(cells, parts)
        for cell in cells:
            del self.members[cell], self.quota[cell]
        for number, (part, share) in zip(numbers, parts, strict=True):
            self.members[number], self.quota[number] = part, sum(share)
            self.labels[part] = number
        return set(numbers)

    def names(self, cells: Sequence[int], parts: Sequence[Part]) -> list[int]:
        """Give each part the number of the cell that it goes on from; a new one if none is left."""
        quotas = [self.quota[cell] for cell in cells]
        if len(set(quotas)) > 1:
            return [cells[i] for i in _places(parts, quotas)]
        stay = self.task.stay
        weights = []
        for i, (members, _) in enumerate(parts):
            for j, cell in enumerate(cells):
                shared = int(stay.cost[members[stay.cell[members] == cell]].sum()) if stay else 0
                weights.append((-shared, i, j))
        names: dict[int, int] = {}
        for _, i, j in sorted(weights):
            if i not in names and cells[j] not in names.values():
                names[i] = cells[j]
        for i in range(len(parts)):
            if i not in names:
                names[i] = self.fresh
                self.fresh += 1
        return [names[i] for i in range(len(parts))]

    def energy(self, atoms: Ints, parts: Sequence[Part]) -> int:
        """Energy of a division of some atoms: of the parts, and of the borders among them."""
        graph = self.task.graph
        edges, left, right = graph.within(atoms)
        part = np.empty(len(atoms), np.int64)
        for number, (members, _) in enumerate(parts):
            part[np.searchsorted(atoms, members)] = number
        border = int(graph.cost[edges[part[left] != part[right]]].sum())
        load = np.array([graph.load[members].sum(axis=0) for members, _ in parts])
        giants = np.array([graph.giants[members].sum() for members, _ in parts])
        quota = np.array([sum(share) for _, share in parts], np.int64)
        return border + int(self.task.price.energy(load, giants, quota).sum()) - self.stayed(parts)

    def stayed(self, parts: Sequence[Part]) -> int:
        """What is saved by atoms that stay with most of those that were in their cell before."""
        stay = self.task.stay
        if stay is None:
            return 0
        shared = []
        for i, (members, _) in enumerate(parts):
            known = members[stay.cell[members] >= 0]
            cells, which = np.unique(stay.cell[known], return_inverse=True)
            saved = np.bincount(which, stay.cost[known], len(cells)).astype(np.int64)
            shared += [(-weight, i, cell) for weight, cell in zip(saved.tolist(), cells.tolist(), strict=True)]
        total, parts_done, cells_done = 0, set(), set()
        for weight, i, cell in sorted(shared):
            if i not in parts_done and cell not in cells_done:
                total -= weight
                parts_done.add(i)
                cells_done.add(cell)
        return total

    def faulty(self, cell: int) -> bool:
        """Say whether a part misses its band."""
        graph, atoms = self.task.graph, self.members[cell]
        load, giants = graph.load[atoms].sum(axis=0), graph.giants[atoms].sum()
        return bool(self.task.price.bands.misses(load, giants, np.array(self.quota[cell], np.int64)) > 0)

    def recut_faulty(self) -> None:
        """Cut each part that misses its band anew with its neighbours: one part more, one less, or as many."""
        for _ in range(ROUNDS):
            changed: set[int] = set()
            for cell in sorted(self.members):
                if cell in self.members and self.faulty(cell):
                    changed |= self.recut_around(cell)
            if not changed:
                return
            if self.task.stay is None:
                self.recut_pairs(changed & set(self.members))

    def recut_around(self, cell: int) -> set[int]:
        """Try the part alone, then with one and with two neighbours."""
        graph, atoms = self.task.graph, self.members[cell]
        alone = self.task.price.bands.count(graph.load[atoms].sum(axis=0), int(graph.giants[atoms].sum())) - 1
        made = self.recut((cell,), alone) if alone > 0 and self.quota[cell] == 1 else set()
        if made:
            return made
        near = self.beside(cell)
        groups: list[tuple[int, ...]] = [(cell, a) for a in near]
        groups += sorted({tuple(sorted((cell, a, b))) for a in near for b in self.beside(a) if b != cell})
        return self.recut_any(groups)

    def recut_any(self, groups: Sequence[tuple[int, ...]]) -> set[int]:
        """Take the first group that can be cut better."""
        for group in groups:
            for more in (0, -1, 1):
                made = self.recut(group, more)
                if made:
                    return made
        return set()

    def recut_chains(self) -> None:
        """Cut each part that misses its band anew together with those on the way to others that miss it."""
        for cell in sorted(self.members):
            if cell in self.members and self.faulty(cell):
                self.recut_any(self.chains(cell))

    def shift(self) -> None:
        """Hand atoms on from cell to cell, where that brings a cell that misses its bands inside."""
        if self.task.exact:
            return  # a cell could vanish on the way
        for cell in sorted(self.members):
            if cell in self.members and self.quota[cell] == 1 and self.faulty(cell):
                gives = shift(self.task.graph, self.labels, self.task.price.bands, cell)
                if gives:
                    for atom, taker in gives:
                        self.labels[atom] = taker
                    self.gather(self.labels)

    def chains(self, cell: int) -> list[tuple[int, ...]]:
        """The shortest ways to the nearest other parts that miss their band, and balls around the part."""
        came, queue = {cell: cell}, deque([(cell, 1)])
        ways: list[tuple[int, ...]] = []
        ball = [cell]
        while queue and len(ways) < CHAINS:
            here, length = queue.popleft()
            if here != cell and length > 2 and self.faulty(here):
                way = [here]
                while way[-1] != cell:
                    way.append(came[way[-1]])
                ways.append(tuple(way))
            for other in self.beside(here) if length < CHAIN else []:
                if other not in came:
                    came[other] = here
                    queue.append((other, length + 1))
                    ball.append(other)
        return [*ways, *(tuple(ball[:size]) for size in (4, 5, 6, 8) if len(ball) >= size)]

    def move(self) -> None:
        """Move single atoms."""
        task = self.task
        numbers = sorted(self.members)
        dense = np.searchsorted(np.array(numbers, np.int64), self.labels)
        quota = np.array([self.quota[number] for number in numbers], np.int64)
        graph, stay = task.graph, task.stay or Stay.free(len(self.labels))
        before = np.searchsorted(numbers, stay.cell).clip(0, len(numbers) - 1)
        stay = Stay(np.where(np.array(numbers)[before] == stay.cell, before, -1), stay.cost)
        at_border = dense[graph.left] != dense[graph.right]
        active = np.unique(np.r_[graph.left[at_border], graph.right[at_border]])
        dense, moved = move_atoms(graph, dense, quota, task.price, stay, active, MOVE_ROUNDS)
        if moved:
            self.gather(np.array(numbers, np.int64)[dense])


def _places(parts: Sequence[Part], quotas: Sequence[int]) -> list[int]:
    """Give each part the first free place of its quota; in order, where quotas do not tell them apart."""
    if len(parts) != len(quotas) or len(set(quotas)) == 1:
        return list(range(len(parts)))
    free: dict[int, list[int]] = {}
    for place, quota in enumerate(quotas):
        free.setdefault(quota, []).append(place)
    return [free[sum(share)].pop(0) for _, share in parts]
