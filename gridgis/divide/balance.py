"""From atoms to cells: connected groups of atoms with a load inside the band and short, visible borders.

A region that needs k cells is cut in two along an edge of a random spanning tree, again and again. Then two or
three neighbouring cells at a time are united and cut anew wherever that lowers the energy, and last single atoms
change sides. The energy of a division is the sum over its cells of what their load costs, plus the discounted
length of the borders between them. Loads and lengths are whole numbers of households and millimetres, so that the
sums do not hang on the order or the machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gridgis.divide.trees import Forest, random_forest
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
OFFERS = 40
"""Cuts weighed of each tree at most."""
WEIGHED = 400_000
"""Borders weighed for each tree at most: the more there are, the fewer cuts are tried."""
ROUNDS = 8
"""Rounds of recutting at most."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """The loads that a cell may have; a giant building fills a cell alone, whatever its load.

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

    def miss(self, load: int, giants: int, cells: int) -> int:
        """How far a load beside giants is from being divisible into so many cells, those of the giants included."""
        room = cells - giants
        return max(room * self.low - load, load - room * self.high, 0)

    def count(self, load: int, giants: int = 0) -> int:
        """Give the number of cells into which a load beside giants goes best."""
        least = 0 if giants else 1
        most = max(1, -(-load // self.low))
        likely = round(load / self.middle)
        tried = {least, 1, most} | {max(least, min(most, likely + step)) for step in range(-2, 3)}
        best = min(sorted(tried), key=lambda k: (self.miss(load, 0, k), abs(load - k * self.middle) / max(k, 1)))
        return giants + best

    def energy(self, load: Ints, giants: Ints, cells: Ints) -> Floats:
        """What groups of atoms cost that shall become so many cells each."""
        room = cells - giants
        miss = np.maximum(np.maximum(room * self.low - load, load - room * self.high), 0)
        half = max((self.high - self.low) / 2, 1.0)
        centre = np.minimum(np.abs(load - self.middle) / half, 1.0)
        alone = (cells == 1) & (giants == 0)
        return OFF_CENTRE * alone * centre * centre + (miss > 0) * (MISS + OUT_OF_BAND * miss / self.middle)


@dataclass
class Region:
    """Atoms 0 to n - 1 of one connected piece of one parent, with their borders.

    Attributes
    ----------
    load : array of int
        Households; 0 where the atom is a giant.
    giants : array of int
        1 where the atom alone has more households than the upper bound, else 0.
    left, right : arrays of int
        Neighbouring atoms.
    cost : array of int
        Discounted border, millimetres.
    visible : array of float
        Share of the border that is discounted, 0 to 1.
    unit_mm : float
        Border that costs one unit of energy: the side of a square of mean cell size.
    """

    load: Ints
    giants: Ints
    left: Ints
    right: Ints
    cost: Ints
    visible: Floats
    unit_mm: float = 1.0
    start: Ints = field(init=False)
    edge: Ints = field(init=False)
    place: Ints = field(init=False)

    def __post_init__(self) -> None:
        """Lay out the borders of each atom."""
        ends = np.concatenate([self.left, self.right])
        order = np.argsort(ends, kind="stable")
        self.edge = order % max(len(self.left), 1)
        self.start = np.searchsorted(ends[order], np.arange(len(self.load) + 1))
        self.place = np.full(len(self.load), -1, np.int64)

    def borders_of(self, atoms: Ints) -> Ints:
        """Give the borders of some atoms, each once, in order."""
        if len(atoms) * 4 > len(self.load):
            return np.arange(len(self.left))
        runs = [self.edge[self.start[a] : self.start[a + 1]] for a in atoms.tolist()]
        return np.unique(np.concatenate(runs)) if runs else np.zeros(0, np.int64)

    def within(self, atoms: Ints) -> tuple[Ints, Ints, Ints]:
        """Give the borders among some atoms: the border, and the places of both its atoms in ``atoms``."""
        edges = self.borders_of(atoms)
        self.place[atoms] = np.arange(len(atoms))
        left, right = self.place[self.left[edges]], self.place[self.right[edges]]
        self.place[atoms] = -1
        inside = (left >= 0) & (right >= 0)
        return edges[inside], left[inside], right[inside]

    def near(self, atom: int) -> list[int]:
        """Give the neighbours of an atom."""
        edges = self.edge[self.start[atom] : self.start[atom + 1]]
        return (self.left[edges] + self.right[edges] - atom).tolist()


def balance(region: Region, band: Band, rng: np.random.Generator) -> Ints:
    """Divide a region into cells.

    Returns
    -------
    array of int
        The cell of each atom; every cell is connected.
    """
    cells = band.count(int(region.load.sum()), int(region.giants.sum()))
    search = _Search(region, band, rng)
    parts = search.split(np.arange(len(region.load)), cells)
    for number, atoms in enumerate(parts):
        search.labels[atoms] = number
    search.members = dict(enumerate(parts))
    if len(parts) > 1:
        search.recut_pairs(set(search.members))
        search.recut_faulty()
        _move_atoms(region, search.labels, band)
    return search.labels


@dataclass
class _Search:
    """A division of a region, being bettered."""

    region: Region
    band: Band
    rng: np.random.Generator
    labels: Ints = field(init=False)
    members: dict[int, Ints] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start with one cell."""
        self.labels = np.zeros(len(self.region.load), np.int64)

    def split(self, atoms: Ints, cells: int) -> list[Ints]:
        """Cut atoms into so many connected groups."""
        done: list[Ints] = []
        todo = [(atoms, cells)]
        while todo:
            here, k = todo.pop()
            cut = _best_cut(self.region, here, k, self.band, self.rng) if k > 1 and len(here) > 1 else None
            if cut is None:
                done.append(here)
                continue
            side, k_one = cut
            todo += [(here[~side], k - k_one), (here[side], k_one)]
        return done

    def neighbours(self) -> dict[int, list[int]]:
        """List the neighbours of every cell."""
        a, b = self.labels[self.region.left], self.labels[self.region.right]
        apart = a != b
        pairs = np.unique(np.stack([np.r_[a[apart], b[apart]], np.r_[b[apart], a[apart]]]), axis=1)
        near: dict[int, list[int]] = {}
        for one, two in pairs.T.tolist():
            near.setdefault(one, []).append(two)
        return near

    def recut_pairs(self, dirty: set[int]) -> None:
        """Unite two neighbouring cells and cut them anew where that is cheaper; go on where something changed."""
        for _ in range(ROUNDS):
            changed: set[int] = set()
            for a, others in self.neighbours().items():
                for b in others:
                    if a < b and (a in dirty or b in dirty) and self.recut((a, b), 2):
                        changed |= {a, b}
            if not changed:
                return
            dirty = changed

    def recut(self, cells: tuple[int, ...], into: int) -> set[int]:
        """Unite cells and cut them into as many as asked; give the cells made, none if it is no better."""
        atoms = np.sort(np.concatenate([self.members[cell] for cell in cells]))
        if into == 2:
            cut = _best_cut(self.region, atoms, 2, self.band, self.rng, RECUT_TREES)
            parts = [atoms[cut[0]], atoms[~cut[0]]] if cut else []
        else:
            parts = self.split(atoms, into)
        before = [self.members[cell] for cell in cells]
        if len(parts) != into or self.energy(atoms, parts) >= self.energy(atoms, before) - 1e-9:
            return set()
        fresh = max(self.members) + 1
        numbers = [*cells, *range(fresh, fresh + into)][:into]
        for cell in cells:
            del self.members[cell]
        for number, part in zip(numbers, parts, strict=True):
            self.members[number] = part
            self.labels[part] = number
        return set(numbers)

    def energy(self, atoms: Ints, parts: list[Ints]) -> float:
        """Energy of a division of some atoms: of the cells, and of the borders among them."""
        region = self.region
        edges, left, right = region.within(atoms)
        part = np.empty(len(atoms), np.int64)
        for number, members in enumerate(parts):
            part[np.searchsorted(atoms, members)] = number
        border = int(region.cost[edges[part[left] != part[right]]].sum()) / region.unit_mm
        load, giants = (np.array([int(of[members].sum()) for members in parts]) for of in (region.load, region.giants))
        return border + float(self.band.energy(load, giants, np.ones(len(parts), np.int64)).sum())

    def faulty(self, cell: int) -> bool:
        """Say whether a cell misses the band."""
        atoms = self.members[cell]
        return self.band.miss(int(self.region.load[atoms].sum()), int(self.region.giants[atoms].sum()), 1) > 0

    def recut_faulty(self) -> None:
        """Where a load still misses the band, cut it anew with its neighbours: one cell more, one less, or as many."""
        for _ in range(ROUNDS):
            changed: set[int] = set()
            for cell in sorted(self.members):
                if cell in self.members and self.faulty(cell):
                    changed |= self.recut_around(cell)
            if not changed:
                return
            self.recut_pairs(changed)

    def recut_around(self, cell: int) -> set[int]:
        """Try the cell with one and with two neighbours."""
        near = self.neighbours()
        groups: list[tuple[int, ...]] = [(cell, a) for a in near.get(cell, [])]
        groups += sorted({tuple(sorted((cell, a, b))) for a in near.get(cell, []) for b in near[a] if b != cell})
        for group in groups:
            for into in (len(group), len(group) - 1, len(group) + 1):
                made = self.recut(group, into)
                if made:
                    return made
        return set()


def _best_cut(
    region: Region, atoms: Ints, cells: int, band: Band, rng: np.random.Generator, trees: int = SPLIT_TREES
) -> tuple[npt.NDArray[np.bool_], int] | None:
    """Find the cheapest cut in two that some spanning trees offer: the atoms of one side, and its cells."""
    edges, left, right = region.within(atoms)
    weights = 1 + rng.random((trees, len(edges))) + VISIBLE * region.visible[edges]
    forest = random_forest(len(atoms), left, right, weights)
    if forest is None:
        return None
    load, giants = region.load[atoms], region.giants[atoms]
    below, giants_below = forest.below(load), forest.below(giants)
    tree, node, k = _offers(below, giants_below, cells, band, max(4, min(OFFERS, WEIGHED // len(edges))))
    one, one_giants = below[tree, node], giants_below[tree, node]
    energy = band.energy(one, one_giants, k)
    energy += band.energy(load.sum() - one, giants.sum() - one_giants, cells - k)
    energy += _cut_lengths(forest, (tree, node), (left, right), region.cost[edges]) / region.unit_mm
    best = int(np.argmin(energy))
    return forest.side(int(tree[best]), int(node[best])), int(k[best])


def _offers(below: Ints, giants: Ints, cells: int, band: Band, most: int) -> tuple[Ints, Ints, Ints]:
    """Choose the edges of the trees that are worth a look: tree, lower node, and cells of the side below.

    Of each tree these are the cuts that miss the band least; for many cells, the less lopsided if they are as good.
    """
    load, all_giants = int(below[0, 0]), int(giants[0, 0])
    room = max(cells - all_giants, 0)
    share = giants + (below * room // load if load else room // 2)
    share = np.stack([share, share + 1], axis=2)[:, 1:].clip(1, cells - 1).reshape(len(below), -1)
    one, one_giants = (np.repeat(of[:, 1:], 2, axis=1) for of in (below, giants))
    miss = _misses(one, one_giants, share, band) + _misses(load - one, all_giants - one_giants, cells - share, band)
    least = miss == miss.min(axis=1, keepdims=True)
    if cells > 3:
        level = least & (share * 4 >= cells) & (share * 4 <= cells * 3)
        least = np.where(level.any(axis=1, keepdims=True), level, least)
    least &= np.cumsum(least, axis=1) <= most
    tree, place = np.nonzero(least)
    return tree, place // 2 + 1, share[tree, place]


def _misses(load: Ints, giants: Ints, cells: Ints, band: Band) -> Ints:
    """`Band.miss` for arrays."""
    room = cells - giants
    return np.maximum(np.maximum(room * band.low - load, load - room * band.high), 0)


def _cut_lengths(forest: Forest, cuts: tuple[Ints, Ints], ends: tuple[Ints, Ints], cost: Ints) -> Floats:
    """Sum up the borders that each cut opens."""
    tree, node = cuts
    first, last = forest.first[tree, node][:, None], forest.last[tree, node][:, None]
    lengths = np.empty(len(tree))
    at_once = max(1, 2_000_000 // max(len(cost), 1))
    for start in range(0, len(tree), at_once):
        here = slice(start, start + at_once)
        inside = []
        for end in ends:
            rank = forest.first[tree[here]][:, end]
            inside.append((rank >= first[here]) & (rank < last[here]))
        lengths[here] = np.where(inside[0] != inside[1], cost, 0).sum(axis=1)
    return lengths


def _move_atoms(region: Region, labels: Ints, band: Band) -> None:
    """Move single atoms to a neighbouring cell while that lowers the energy and leaves both cells connected."""
    loads, giants = (np.bincount(labels, of).astype(np.int64) for of in (region.load, region.giants))
    count = np.bincount(labels)
    active = np.unique(np.r_[region.left, region.right][np.tile(labels[region.left] != labels[region.right], 2)])
    for _ in range(ROUNDS):
        moved: set[int] = set()
        for atom in active.tolist():
            home = int(labels[atom])
            if count[home] == 1:
                continue
            target = _best_target(region, labels, atom, (loads, giants), band)
            if target is None or not _stays_connected(region, labels, atom):
                continue
            labels[atom] = target
            for sums, of in ((loads, region.load), (giants, region.giants), (count, np.ones_like(labels))):
                sums[home] -= of[atom]
                sums[target] += of[atom]
            moved |= {atom, *region.near(atom)}
        if not moved:
            return
        active = np.array(sorted(moved), np.int64)


def _best_target(region: Region, labels: Ints, atom: int, sums: tuple[Ints, Ints], band: Band) -> int | None:
    """Give the cell to which the atom had best go, or None."""
    edges = region.edge[region.start[atom] : region.start[atom + 1]]
    around = labels[region.left[edges] + region.right[edges] - atom]
    home = labels[atom]
    cells = np.unique(around[around != home])
    if not len(cells):
        return None
    border = np.array([region.cost[edges[around == cell]].sum() for cell in cells])
    border = border - region.cost[edges[around == home]].sum()
    loads, giants = sums
    load, giant, one = region.load[atom], region.giants[atom], np.ones(1, np.int64)
    before = band.energy(loads[cells], giants[cells], one) + band.energy(loads[[home]], giants[[home]], one)
    after = band.energy(loads[cells] + load, giants[cells] + giant, one)
    after = after + band.energy(loads[[home]] - load, giants[[home]] - giant, one)
    gain = before - after + border / region.unit_mm
    best = int(np.argmax(gain))
    return int(cells[best]) if gain[best] > 1e-9 else None


def _stays_connected(region: Region, labels: Ints, atom: int) -> bool:
    """Say whether the cell of an atom hangs together without it."""
    home = labels[atom]
    inside = [other for other in region.near(atom) if labels[other] == home]
    if not inside:
        return False
    seen, stack, wanted = {atom, inside[0]}, [inside[0]], set(inside)
    while stack:
        v = stack.pop()
        wanted.discard(v)
        if not wanted:
            return True
        for w in region.near(v):
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
