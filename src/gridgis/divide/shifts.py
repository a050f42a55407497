"""Hand atoms on from cell to cell, along a way, until a cell that misses its bands holds them and no other misses more.

Where cells are a few large buildings each, two cells that miss their bands may lie far apart with rigid cells between;
no recut of some neighbours helps, a shift by one building in every cell between does.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from gridgis.divide.bands import Bands
from gridgis.divide.graph import Graph

STATES = 4_000
"""Hand-overs looked at for one cell at most."""
FEW = 12
"""Cells with more atoms than this are not rigid; they are left to the recuts."""

Ints = npt.NDArray[np.int64]
Give = tuple[int, int]
"""An atom, and the cell that gets it."""


def shift(graph: Graph, labels: Ints, bands: Bands, cell: int) -> list[Give] | None:
    """Find hand-overs that bring a cell inside its bands and leave every other cell that was inside there.

    Parameters
    ----------
    graph : Graph
    labels : array of int
        The cell of each atom.
    bands : Bands
    cell : int
        One that misses its bands.

    Returns
    -------
    list of (atom, cell), or None
        Which atoms go to which cells, all at once.
    """
    state = _State(graph, labels, bands)
    under = bool((state.load(state.atoms(cell)) < bands.high).all())
    return _search(state, cell, under)


class _State:
    """A division, and what its cells hold."""

    def __init__(self, graph: Graph, labels: Ints, bands: Bands) -> None:
        self.graph, self.labels, self.bands = graph, labels, bands
        self.known: dict[int, frozenset[int]] = {}

    def atoms(self, cell: int) -> frozenset[int]:
        """The atoms of a cell."""
        if cell not in self.known:
            self.known[cell] = frozenset(np.flatnonzero(self.labels == cell).tolist())
        return self.known[cell]

    def load(self, atoms: frozenset[int]) -> Ints:
        """What some atoms hold."""
        return self.graph.load[list(atoms)].sum(axis=0)

    def fine(self, atoms: frozenset[int]) -> bool:
        """Say whether atoms would make a cell inside the bands."""
        if not atoms or self.graph.giants[list(atoms)].any():
            return False
        return bool(self.bands.inside(self.load(atoms))) and self.hangs_together(atoms)

    def divides(self, atoms: frozenset[int]) -> bool:
        """Say whether atoms could be cut into several cells inside the bands, by their number."""
        if not atoms or self.graph.giants[list(atoms)].any():
            return False
        load = self.load(atoms)
        cells = self.bands.count(load, 0)
        return cells > 1 and not self.bands.misses(load, np.array(0), np.array(cells)) and self.hangs_together(atoms)

    def hangs_together(self, atoms: frozenset[int]) -> bool:
        """Say whether atoms are connected."""
        stack = [next(iter(atoms))]
        seen = set(stack)
        while stack:
            for other in self.graph.near(stack.pop()):
                if other in atoms and other not in seen:
                    seen.add(other)
                    stack.append(other)
        return len(seen) == len(atoms)

    def steps(self, cell: int, taking: bool) -> list[tuple[int, int]]:
        """List the hand-overs between a cell and its neighbours: the atom, and the other cell."""
        found = set()
        for atom in self.atoms(cell):
            for other in self.graph.near(atom):
                beside = int(self.labels[other])
                if beside != cell and (self.graph.load[other if taking else atom] > 0).any():
                    found.add((other, beside) if taking else (atom, beside))
        return sorted(found)


def _search(state: _State, start: int, under: bool) -> list[Give] | None:
    """Look for the shortest way. ``under``: every cell on the way takes an atom from the next; else it gives one."""
    came: dict[tuple[int, int], tuple[int, int] | None] = {}
    queue: deque[tuple[int, int]] = deque()
    for atom, beside in state.steps(start, under):
        after = state.atoms(start) | {atom} if under else state.atoms(start) - {atom}
        if state.fine(after) and len(state.atoms(beside)) <= FEW:
            came[beside, atom] = None
            queue.append((beside, atom))
    while queue and len(came) < STATES:
        cell, moved = queue.popleft()
        rest = state.atoms(cell) - {moved} if under else state.atoms(cell) | {moved}
        on_way = _cells(came, (cell, moved)) | {start}
        if state.fine(rest) or (under and not rest) or state.divides(rest):
            return _unwind(came, (cell, moved), start, under)
        for atom, beside in state.steps(cell, under):
            if beside in on_way or (beside, atom) in came or atom == moved or len(state.atoms(beside)) > FEW:
                continue
            if state.fine(rest | {atom} if under else rest - {atom}):
                came[beside, atom] = (cell, moved)
                queue.append((beside, atom))
    return None


def _cells(came: dict[tuple[int, int], tuple[int, int] | None], last: tuple[int, int] | None) -> set[int]:
    """The cells on the way to a state."""
    cells = set()
    while last is not None:
        cells.add(last[0])
        last = came[last]
    return cells


def _unwind(
    came: dict[tuple[int, int], tuple[int, int] | None], last: tuple[int, int], start: int, under: bool
) -> list[Give]:
    """Write down the hand-overs of a way."""
    gives: list[Give] = []
    here: tuple[int, int] | None = last
    while here is not None:
        before = came[here]
        taker = before[0] if before is not None else start
        gives.append((here[1], taker if under else here[0]))
        here = before
    return gives
