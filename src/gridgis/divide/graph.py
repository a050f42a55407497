"""The atoms of one connected piece of ground as a graph: loads in the nodes, borders in the edges."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass
class Graph:
    """Atoms 0 to n - 1, with their borders.

    Attributes
    ----------
    load : array of int, atoms x measures
        0 where the atom is a giant.
    giants : array of int
        1 where the atom alone is too much for any cell, else 0.
    left, right : arrays of int
        Neighbouring atoms, ``left < right``, ascending, no pair twice.
    cost : array of int
        What it costs when the pair is parted, millimetres; below 0 where a border ought to be.
    bias : array of int
        How much a spanning tree avoids the pair, 0 to 2^31.
    size : array of int
        How much of the cells an atom asks for: its first load, or 1 where there are no loads.
    start, other, edge : arrays of int
        The neighbours of atom a are ``other[start[a]:start[a + 1]]``, over the borders ``edge``.
    place : array of int
        Working space of the kernels; -1 everywhere between calls.
    """

    load: Ints
    giants: Ints
    left: Ints
    right: Ints
    cost: Ints
    bias: Ints
    size: Ints = field(init=False)
    start: Ints = field(init=False)
    other: Ints = field(init=False)
    edge: Ints = field(init=False)
    place: Ints = field(init=False)

    def __post_init__(self) -> None:
        """Lay out the borders of each atom."""
        n, m = len(self.giants), len(self.left)
        assert not m or (self.left.min() >= 0 and self.right.max() < n and (self.left < self.right).all())
        ends = np.concatenate([self.left, self.right])
        order = np.argsort(ends, kind="stable")
        self.edge = np.ascontiguousarray(order % max(m, 1)).astype(np.int64)
        self.other = (self.left + self.right)[self.edge] - ends[order]
        self.start = np.searchsorted(ends[order], np.arange(n + 1)).astype(np.int64)
        self.place = np.full(n, -1, np.int64)
        self.load = np.ascontiguousarray(self.load, np.int64)
        self.size = np.ascontiguousarray(self.load[:, 0]) if self.load[:, 0].any() else np.ones(n, np.int64)

    def within(self, atoms: Ints) -> tuple[Ints, Ints, Ints]:
        """Give the borders among some atoms: the border, and the places of both its atoms in ``atoms``."""
        self.place[atoms] = np.arange(len(atoms))
        if len(atoms) * 4 > len(self.giants):
            edges = np.arange(len(self.left))
        else:
            runs = [self.edge[self.start[a] : self.start[a + 1]] for a in atoms.tolist()]
            edges = np.unique(np.concatenate(runs)) if runs else np.zeros(0, np.int64)
        left, right = self.place[self.left[edges]], self.place[self.right[edges]]
        self.place[atoms] = -1
        inside = (left >= 0) & (right >= 0)
        return edges[inside], left[inside], right[inside]

    def near(self, atom: int) -> list[int]:
        """Give the neighbours of an atom."""
        return self.other[self.start[atom] : self.start[atom + 1]].tolist()
