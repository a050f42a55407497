"""The sums between counts as a network: what a reader can work out of the shown ones is a question of flows.

Counts stand in a tree of places (cells, communities, .., the whole) by columns (categories and their total). Each
place but a cell is the sum of the places below it, column by column; in each cell the categories add up to the total.
Then every count is in two sums, once on each side (that a place's categories add up follows from its cells), and the
sums are the nodes of a network whose edges are the counts: a count of a category flows down the tree, a total flows up,
and what flows in flows out. Two tables with the same shown counts differ by a circulation on the hidden edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Steps = dict[int, float]
"""A change of counts: number of the count, and by how much."""

FREE = 1e-9
"""Costs below this are none."""


@dataclass(frozen=True)
class Tree:
    """Places by columns.

    Attributes
    ----------
    above : array of int, places
        The place that each is a part of; -1 for the whole. Parts come before what they are parts of.
    value : array of float, places x columns
        The counts; NaN where there is none. With categories, the last column is their total.
    """

    above: Ints
    value: Floats

    @property
    def cells(self) -> Bools:
        """Tell the places without parts."""
        return ~np.isin(np.arange(len(self.above)), self.above)

    def network(self, lowest: Floats | None = None) -> Network:
        """Give the network of the sums; count number ``place * columns + column`` is edge of that number.

        Parameters
        ----------
        lowest : array of float, places x columns, optional
            The least that each count can be for all that a reader knows of it alone; 0 if left out.
        """
        places, columns = self.value.shape
        place, column = np.divmod(np.arange(places * columns), columns)
        cell, above = self.cells[place], self.above[place]
        ground = places * columns
        own = np.where(cell, ground + 1 + place if columns > 1 else ground, place * columns + column)
        outer = np.where(above < 0, ground, above * columns + column)
        falls = column < max(columns - 1, 1)
        value = self.value.ravel()
        below = None if lowest is None else np.maximum(value - lowest.ravel(), 0.0)
        return Network(np.where(falls, outer, own), np.where(falls, own, outer), value, None, below)


@dataclass(frozen=True)
class Network:
    """Counts as edges between sums.

    Attributes
    ----------
    tail, head : array of int
        The sums between which each count flows.
    value : array of float
        The counts; one that is NaN is no edge.
    above : array of float, optional
        By how much each can be larger for all that a reader knows of it alone; without limit if left out.
    below : array of float, optional
        By how much each can be smaller; by all that it is if left out, down to 0.
    """

    tail: Ints
    head: Ints
    value: Floats
    above: Floats | None = None
    below: Floats | None = None

    @property
    def sums(self) -> csr_array:
        """Give the sums as a matrix, a row each: what flows in less what flows out, which is 0."""
        edges = np.flatnonzero(~np.isnan(self.value))
        places = np.concatenate([self.head[edges], self.tail[edges]]), np.concatenate([edges, edges])
        size = int(max(self.head.max(), self.tail.max())) + 1, len(self.value)
        matrix = csr_array((np.repeat([1.0, -1.0], len(edges)), places), shape=size)
        return matrix[np.flatnonzero(np.diff(matrix.indptr))]

    @cached_property
    def rooms(self) -> tuple[Floats, Floats]:
        """By how much each count can rise, and fall."""
        rise = np.full(len(self.value), np.inf) if self.above is None else np.array(self.above, float)
        fall = np.array(self.value if self.below is None else self.below, float)
        return rise, fall

    @property
    def lowest(self) -> Floats:
        """The least that each count can be for all that a reader knows of it alone."""
        return self.value - self.rooms[1]

    @cached_property
    def beside(self) -> tuple[Ints, Ints, Ints]:
        """For each sum the counts in it, ascending.

        Returns
        -------
        first : array of int, sums + 1
            Where the counts of each sum begin in the other two.
        beside : array of int
            2 * count, and 1 more if it flows from here.
        other : array of int
            The sum at the other side.
        """
        edges = np.flatnonzero(~np.isnan(self.value))
        ends = np.concatenate([self.tail[edges], self.head[edges]])
        others = np.concatenate([self.head[edges], self.tail[edges]])
        codes = np.concatenate([2 * edges + 1, 2 * edges])
        order = np.lexsort((codes, ends))
        many = np.bincount(ends, minlength=int(max(self.tail.max(), self.head.max())) + 1)
        first = np.concatenate([[0], np.cumsum(many)]).astype(np.int64)
        return first, codes[order].astype(np.int64), others[order].astype(np.int64)
