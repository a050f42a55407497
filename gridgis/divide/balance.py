"""From atoms to cells: connected groups of atoms with a load inside the band and short, visible borders.

A region that needs k cells is cut in two along an edge of a random spanning tree, again and again. Then two or
three neighbouring cells at a time are united and cut anew wherever that lowers the energy, and last single atoms
change sides. The energy of a division is the sum over its cells of what their load costs, plus the discounted
length of the borders between them. Everything is counted in whole numbers of households and millimetres, so that
the sums do not hang on the order or the machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gridgis.progress import progress

OUT_OF_BAND = 50.0
"""Energy of a load that misses the band by the middle of the band."""
MISS = 5.0
"""Energy of any miss, however small."""
OFF_CENTRE = 0.3
"""Energy of a load at the edge of the band."""
VISIBLE = 0.7
"""How much a spanning tree avoids crossing a barrier (0 = not at all)."""
SPLIT_TREES = 24
"""Trees tried for each cut of a region."""
RECUT_TREES = 12
"""Trees tried for each pair of neighbouring cells and round."""
ROUNDS = 8
"""Rounds of recutting at most."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Band:
    """The loads that a cell may have.

    Attributes
    ----------
    low, high : int
        Both ends in.
    """

    low: int
    high: int

    @property
    def middle(self) -> float:
        """The load that a cell would best have."""
        return (self.low + self.high) / 2

    def energy(self, load: int) -> float:
        """What a cell of this load costs."""
        half = max((self.high - self.low) / 2, 1.0)
        miss = max(self.low - load, load - self.high, 0)
        centre = min(abs(load - self.middle) / half, 1.0)
        return OFF_CENTRE * centre * centre + (MISS + OUT_OF_BAND * miss / max(self.middle, 1.0) if miss else 0.0)

    def miss(self, load: int, cells: int) -> int:
        """How far a load is from being divisible into so many cells."""
        return max(cells * self.low - load, load - cells * self.high, 0)

    def count(self, load: int) -> int:
        """Give the number of cells into which a load goes best."""
        most = max(1, -(-load // max(self.low, 1)))
        likely = round(load / max(self.middle, 1.0))
        tried = {1, most} | {max(1, min(most, likely + step)) for step in range(-2, 3)}
        return min(sorted(tried), key=lambda k: (self.miss(load, k), abs(load / k - self.middle)))


@dataclass
class Region:
    """Atoms 0 to n - 1 of one connected piece of one parent, with their borders.

    Attributes
    ----------
    load : list of int
        Households, cut at the upper bound (a giant building fills its cell and no more).
    left, right : arrays of int
        Neighbouring atoms.
    cost : array of int
        Discounted border, millimetres.
    visible : array of float
        Share of the border that is discounted, 0 to 1.
    unit_mm : float
        Border that costs one unit of energy: the side of a square of mean cell size.
    """

    load: list[int]
    left: Ints
    right: Ints
    cost: Ints
    visible: npt.NDArray[np.float64]
    unit_mm: float = 1.0
    near: list[list[tuple[int, int]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Lay out the neighbours of each atom."""
        self.near = [[] for _ in self.load]
        for a, b, cost in zip(self.left.tolist(), self.right.tolist(), self.cost.tolist(), strict=True):
            self.near[a].append((b, cost))
            self.near[b].append((a, cost))


def balance(region: Region, band: Band, rng: np.random.Generator) -> Ints:
    """Divide a region into cells.

    Returns
    -------
    array of int
        The cell of each atom, numbered from 0; every cell is connected.
    """
    cells = _split(region, list(range(len(region.load))), band.count(sum(region.load)), band, rng)
    labels = np.zeros(len(region.load), np.int64)
    for number, atoms in enumerate(cells):
        labels[atoms] = number
    if len(cells) > 1:
        _recut_pairs(region, labels, band, rng)
        _recut_faulty(region, labels, band, rng)
        _move_atoms(region, labels, band)
    return labels


def _split(region: Region, atoms: list[int], cells: int, band: Band, rng: np.random.Generator) -> list[list[int]]:
    """Cut atoms into so many connected groups."""
    done: list[list[int]] = []
    todo = [(atoms, cells)]
    while todo:
        here, k = todo.pop()
        cut = _best_cut(region, here, k, band, rng, SPLIT_TREES) if k > 1 and len(here) > 1 else None
        if cut is None:
            done.append(here)
            continue
        _, one, k_one, two, k_two = cut
        todo += [(two, k_two), (one, k_one)]
    return done


Cut = tuple[float, list[int], int, list[int], int]


def _best_cut(
    region: Region, atoms: list[int], cells: int, band: Band, rng: np.random.Generator, trees: int
) -> Cut | None:
    """Find the cheapest cut in two that some spanning trees offer, and how many cells each side shall have."""
    local = np.full(len(region.load), -1, np.int64)
    local[atoms] = np.arange(len(atoms))
    inside = np.flatnonzero((local[region.left] >= 0) & (local[region.right] >= 0))
    left, right, cost = local[region.left[inside]], local[region.right[inside]], region.cost[inside]
    ends = left.tolist(), right.tolist()
    bias = VISIBLE * region.visible[inside]
    load = [region.load[a] for a in atoms]
    best: tuple[float, npt.NDArray[np.bool_], int] | None = None
    for _ in range(trees):
        order = np.argsort(rng.random(len(inside)) + bias, kind="stable").tolist()
        tree = _tree(len(atoms), ends, order, load)
        if tree is None:
            return None
        first, last, below = tree
        for node, k in _offers(below, cells, band):
            side = (first >= first[node]) & (first < last[node])
            energy = int(cost[side[left] != side[right]].sum()) / region.unit_mm
            energy += _sides_energy(below[node], sum(load), k, cells, band)
            if best is None or energy < best[0] - 1e-9:
                best = energy, side, k
    if best is None:
        return None
    energy, side, k = best
    one = [a for a, in_one in zip(atoms, side.tolist(), strict=True) if in_one]
    two = [a for a, in_one in zip(atoms, side.tolist(), strict=True) if not in_one]
    return energy, one, k, two, cells - k


def _sides_energy(one: int, total: int, k: int, cells: int, band: Band) -> float:
    """What the loads of the two sides cost: exactly for single cells, by what is missing for larger sides."""
    energy = 0.0
    for load, count in ((one, k), (total - one, cells - k)):
        if count == 1:
            energy += band.energy(load)
        else:
            miss = band.miss(load, count)
            energy += MISS + OUT_OF_BAND * miss / max(band.middle, 1.0) if miss else 0.0
    return energy


def _offers(below: list[int], cells: int, band: Band) -> Iterator[tuple[int, int]]:
    """Give the edges of a tree worth a look (named by their lower node), with the cells of the side below.

    These are the cuts that miss the band least; for many cells, those that are not too lopsided come first.
    """
    total = below[0]
    found: list[tuple[int, int, int]] = []
    for node in range(1, len(below)):
        share = below[node] * cells / total if total else cells / 2
        for k in {max(1, min(cells - 1, int(share))), max(1, min(cells - 1, int(share) + 1))}:
            miss = band.miss(below[node], k) + band.miss(total - below[node], cells - k)
            found.append((miss, node, k))
    if not found:
        return
    level = [item for item in found if cells <= 3 or cells / 4 <= item[2] <= cells * 3 / 4]
    if level and min(level)[0] <= min(found)[0]:
        found = level
    least = min(found)[0]
    yield from ((node, k) for _, node, k in sorted(item for item in found if item[0] == least)[:40])


def _tree(
    n: int, ends: tuple[list[int], list[int]], order: list[int], load: list[int]
) -> tuple[Ints, Ints, list[int]] | None:
    """Grow the spanning tree that takes edges in the given order; None where the atoms do not hang together.

    Returns
    -------
    first, last : arrays of int
        The atoms below atom v are those with ``first[v] <= first < last[v]``.
    below : list of int
        The load below each atom, itself included.
    """
    left, right = ends
    root = list(range(n))
    near: list[list[int]] = [[] for _ in range(n)]
    missing = n - 1
    for edge in order:
        a, b = left[edge], right[edge]
        x, y = a, b
        while root[x] != x:
            root[x] = root[root[x]]
            x = root[x]
        while root[y] != y:
            root[y] = root[root[y]]
            y = root[y]
        if x != y:
            root[x] = y
            near[a].append(b)
            near[b].append(a)
            missing -= 1
            if not missing:
                break
    if missing:
        return None
    first, size, below = [-1] * n, [1] * n, list(load)
    visited, above, stack = [], [-1] * n, [0]
    while stack:
        v = stack.pop()
        first[v] = len(visited)
        visited.append(v)
        for w in near[v]:
            if w != above[v]:
                above[w] = v
                stack.append(w)
    for v in reversed(visited[1:]):
        size[above[v]] += size[v]
        below[above[v]] += below[v]
    starts = np.asarray(first, np.int64)
    return starts, starts + np.asarray(size, np.int64), below


def _cells(labels: Ints) -> list[list[int]]:
    """List the atoms of each cell."""
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels))
    return [part.tolist() for part in np.split(order, ends[:-1])]


def _between(region: Region, labels: Ints) -> dict[tuple[int, int], int]:
    """Give the border between every two neighbouring cells, discounted millimetres."""
    a, b = labels[region.left], labels[region.right]
    apart = a != b
    low, high = np.minimum(a, b)[apart], np.maximum(a, b)[apart]
    pairs, inverse = np.unique(np.stack([low, high]), axis=1, return_inverse=True)
    totals = np.zeros(pairs.shape[1], np.int64)
    np.add.at(totals, inverse.ravel(), region.cost[apart])
    return {(int(p), int(q)): int(total) for p, q, total in zip(*pairs, totals, strict=True)}


def _recut_pairs(region: Region, labels: Ints, band: Band, rng: np.random.Generator) -> None:
    """Unite two neighbouring cells and cut them anew where that is cheaper; go on where something changed."""
    dirty = set(range(int(labels.max()) + 1))
    for _ in range(ROUNDS):
        changed: set[int] = set()
        for a, b in sorted(_between(region, labels)):
            if (a in dirty or b in dirty) and _recut(region, labels, (a, b), 2, band, rng):
                changed |= {a, b}
        if not changed:
            return
        dirty = changed


def _recut(
    region: Region, labels: Ints, cells: tuple[int, ...], into: int, band: Band, rng: np.random.Generator
) -> bool:
    """Unite cells and cut them into as many as asked; keep the better of before and after."""
    here = np.isin(labels, cells)
    atoms = np.flatnonzero(here).tolist()
    if into == 2:
        cut = _best_cut(region, atoms, 2, band, rng, RECUT_TREES)
        parts = [cut[1], cut[3]] if cut else []
    else:
        parts = _split(region, atoms, into, band, rng)
    if len(parts) != into:
        return False
    new = labels.copy()
    numbers = [*cells, *range(int(labels.max()) + 1, int(labels.max()) + 1 + into)][:into]
    for number, part in zip(numbers, parts, strict=True):
        new[part] = number
    edges = np.flatnonzero(here[region.left] & here[region.right])
    if _energy(region, new, edges, atoms, band) >= _energy(region, labels, edges, atoms, band) - 1e-9:
        return False
    labels[:] = np.unique(new, return_inverse=True)[1] if into < len(cells) else new
    return True


def _energy(region: Region, labels: Ints, edges: Ints, atoms: list[int], band: Band) -> float:
    """Energy of the cells of some atoms and of the borders among them."""
    border = int(region.cost[edges][labels[region.left[edges]] != labels[region.right[edges]]].sum())
    loads: dict[int, int] = {}
    for atom in atoms:
        loads[int(labels[atom])] = loads.get(int(labels[atom]), 0) + region.load[atom]
    return border / region.unit_mm + sum(band.energy(loads[cell]) for cell in sorted(loads))


def _recut_faulty(region: Region, labels: Ints, band: Band, rng: np.random.Generator) -> None:
    """Where a load still misses the band, cut it anew with its neighbours: one cell more, one less, or as many."""
    for _ in range(ROUNDS):
        changed = False
        for cell in range(int(labels.max()) + 1):
            atoms = np.flatnonzero(labels == cell).tolist()
            if atoms and band.miss(sum(region.load[a] for a in atoms), 1):
                changed |= _recut_around(region, labels, cell, band, rng)
        if not changed:
            return
        _recut_pairs(region, labels, band, rng)


def _recut_around(region: Region, labels: Ints, cell: int, band: Band, rng: np.random.Generator) -> bool:
    """Try the cell with one, two and three neighbours."""
    pairs = sorted(_between(region, labels))
    near = {c: sorted({b for a, b in pairs if a == c} | {a for a, b in pairs if b == c}) for c in range(labels.max() + 1)}
    groups = [(cell, a) for a in near[cell]]
    groups += sorted({tuple(sorted((cell, a, b))) for a in near[cell] for b in near[a] if b != cell})
    for group in groups:
        for into in (len(group), len(group) - 1, len(group) + 1):
            if into >= 1 and _recut(region, labels, group, into, band, rng):
                return True
    return False


def _move_atoms(region: Region, labels: Ints, band: Band) -> None:
    """Move single atoms to a neighbouring cell while that lowers the energy and leaves both cells connected."""
    loads = np.bincount(labels, region.load).astype(np.int64).tolist()
    count = np.bincount(labels).tolist()
    for _ in range(ROUNDS):
        moved = False
        for atom in range(len(region.load)):
            home = int(labels[atom])
            borders: dict[int, int] = {}
            for other, cost in region.near[atom]:
                borders[int(labels[other])] = borders.get(int(labels[other]), 0) + cost
            target = _best_target(region.load[atom], home, borders, loads, band, region.unit_mm)
            if target is None or count[home] == 1 or not _stays_connected(region, labels, atom):
                continue
            labels[atom] = target
            loads[home] -= region.load[atom]
            loads[target] += region.load[atom]
            count[home] -= 1
            count[target] += 1
            moved = True
        if not moved:
            return


def _best_target(
    load: int, home: int, borders: dict[int, int], loads: list[int], band: Band, unit_mm: float
) -> int | None:
    """Give the cell to which the atom had best go, or None."""
    best, gain = None, 1e-9
    for cell in sorted(borders):
        if cell == home:
            continue
        before = band.energy(loads[home]) + band.energy(loads[cell])
        after = band.energy(loads[home] - load) + band.energy(loads[cell] + load)
        better = before - after + (borders[cell] - borders.get(home, 0)) / unit_mm
        if better > gain:
            best, gain = cell, better
    return best


def _stays_connected(region: Region, labels: Ints, atom: int) -> bool:
    """Does the cell of an atom hang together without it?"""
    home = labels[atom]
    inside = [other for other, _ in region.near[atom] if labels[other] == home]
    if not inside:
        return False
    seen, stack, wanted = {atom, inside[0]}, [inside[0]], set(inside)
    while stack:
        v = stack.pop()
        wanted.discard(v)
        if not wanted:
            return True
        for w, _ in region.near[v]:
            if w not in seen and labels[w] == home:
                seen.add(w)
                stack.append(w)
    return False


def balance_all(regions: list[Region], band: Band, seed: int) -> list[Ints]:
    """Divide regions one by one, each with chance of its own, so that one does not hang on another."""
    return [
        balance(region, band, np.random.default_rng([seed, number]))
        for number, region in enumerate(progress(regions, "dividing"))
    ]
