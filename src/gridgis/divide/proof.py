"""Proofs that no division can help: for one building, or for a small piece of ground as a whole.

Ground without load joins whatever it touches, so it is left out, and two atoms count as neighbours where it connects
them. That allows more than is possible on the ground: what is impossible here is impossible there. A search that grows
too large proves nothing, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from gridgis.divide.bands import Bands
from gridgis.divide.faces import components
from gridgis.divide.graph import Graph

STEPS = 20_000
"""Groups of atoms looked at for one building, or for a piece of ground."""
SMALL = 60
"""Atoms with load up to which a piece of ground is tried as a whole."""
NODES = 2_000
"""Nodes of the exact search for a cover."""

FEW = 12
"""Buildings of one cell that are tried."""

Ints = npt.NDArray[np.int64]
Load = tuple[int, ...]


def impossible(graph: Graph, labels: Ints, bands: Bands) -> npt.NDArray[np.bool_]:
    """Tell of which cells it is proven that their miss of the bands cannot be helped.

    Parameters
    ----------
    graph : Graph
    labels : array of int
        The cell of each atom, from 0.
    bands : Bands

    Returns
    -------
    array of bool
        True where a building of the cell fits into no connected cell inside the bands, or where the whole graph has
        no division into such cells; False where that is not so, or is not known.
    """
    count = int(labels.max()) + 1
    load = np.zeros((count, graph.load.shape[1]), np.int64)
    np.add.at(load, labels, graph.load)
    heavy = np.bincount(labels, graph.giants, count) > 0
    faulty: Ints = np.flatnonzero(~bands.inside(load) & ~heavy)
    proven = np.zeros(count, bool)
    if not len(faulty):
        return proven
    rest = graph.load.sum(axis=0)
    if not bands.divisible(rest, 0, graph.load[graph.giants == 0]):
        return proven  # that is a proof by itself, and told as such
    near, loads = _loaded_neighbours(graph), [tuple(load) for load in graph.load.tolist()]
    for cell in faulty.tolist():
        atoms = np.flatnonzero((labels == cell) & graph.load.any(axis=1))
        by_load = atoms[np.lexsort((atoms, -graph.load[atoms, 0]))]
        proven[cell] = any(fits_nowhere(loads, near, atom, bands) for atom in by_load[:FEW].tolist())
    small = 1 < len(near) <= SMALL and not graph.giants.any()
    if small and not proven[faulty].all() and not _cover(loads, near, bands):
        proven[faulty] = True
    return proven


def _loaded_neighbours(graph: Graph) -> dict[int, set[int]]:
    """List the neighbours of every atom with load, over ground without; a giant parts what it lies between."""
    loaded = np.asarray(graph.load.any(axis=1))
    free = ~loaded & (graph.giants == 0)
    among = free[graph.left] & free[graph.right]
    ground = components(graph.left[among], graph.right[among], len(loaded))
    near: dict[int, set[int]] = {atom: set() for atom in np.flatnonzero(loaded).tolist()}
    around: dict[int, set[int]] = {}
    for a, b in zip(graph.left.tolist(), graph.right.tolist(), strict=True):
        if loaded[a] and loaded[b]:
            near[a].add(b)
            near[b].add(a)
        elif loaded[a] != loaded[b]:
            atom, other = (a, b) if loaded[a] else (b, a)
            if free[other]:
                around.setdefault(int(ground[other]), set()).add(atom)
    for atoms in around.values():
        for atom in atoms:
            near[atom] |= atoms - {atom}
    return near


class _Limits:
    """Bands for loads that are tuples: quicker than arrays where they are few."""

    def __init__(self, bands: Bands) -> None:
        self.low, self.high = tuple(bands.low.tolist()), tuple(bands.high.tolist())
        self.join = any if bands.either else all

    def inside(self, load: Load) -> bool:
        """Say whether a load holds the bands."""
        return self.join(low <= of <= high for low, of, high in zip(self.low, load, self.high, strict=True))

    def may_grow(self, load: Load) -> bool:
        """Say whether a load, and more, may still hold the bands."""
        return self.join(of <= high for of, high in zip(load, self.high, strict=True))


def _groups(
    loads: list[Load], near: dict[int, set[int]], start: int, limits: _Limits, barred: set[int]
) -> Iterator[tuple[frozenset[int], Load]]:
    """Yield every connected group with an atom that does not pass the upper bounds, each once, with its load.

    A group grows by one atom of its rim at a time; atoms passed over stay out of all later groups of that branch.
    """
    stack = [(frozenset([start]), tuple(sorted(near[start] - barred)), frozenset(barred | {start}), loads[start])]
    while stack:
        group, rim, passed, total = stack.pop()
        yield group, total
        for i, atom in enumerate(rim):
            grown = tuple(a + b for a, b in zip(total, loads[atom], strict=True))
            if limits.may_grow(grown):
                out = passed | set(rim[:i]) | {atom}
                fresh = tuple(sorted(near[atom] - out - set(rim)))
                stack.append((group | {atom}, rim[i + 1 :] + fresh, out, grown))


def fits_nowhere(loads: list[Load], near: dict[int, set[int]], atom: int, bands: Bands) -> bool:
    """Say whether it is proven that no connected group with an atom lies inside the bands."""
    limits = _Limits(bands)
    for step, (_, load) in enumerate(_groups(loads, near, atom, limits, set())):
        if step >= STEPS or limits.inside(load):
            return False
    return True


def _cover(loads: list[Load], near: dict[int, set[int]], bands: Bands) -> bool:
    """Say whether the atoms can be shared out among connected groups inside the bands, or that is not known."""
    atoms, limits, steps = sorted(near), _Limits(bands), 0
    place = {atom: i for i, atom in enumerate(atoms)}
    columns: list[list[int]] = []
    for atom in atoms:
        lower = {other for other in atoms if other < atom}
        for group, load in _groups(loads, near, atom, limits, lower):
            steps += 1
            if steps > STEPS:
                return True
            if limits.inside(load):
                columns.append(sorted(place[member] for member in group))
    if not columns:
        return False
    rows = np.concatenate([np.array(column) for column in columns])
    starts = np.cumsum([0, *map(len, columns)])
    ends = rows.astype(np.intc), starts.astype(np.intc)  # the index type that older SciPy wants
    matrix = csr_array((np.ones(len(rows)), *ends), shape=(len(columns), len(atoms))).T.tocsc()
    ones = np.ones(len(atoms))
    result = milp(
        np.zeros(len(columns)),
        integrality=np.ones(len(columns)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, ones, ones),
        options={"node_limit": NODES},
    )
    return bool(result.status != 2)
