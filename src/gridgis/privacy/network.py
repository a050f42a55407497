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
from heapq import heappop, heappush

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Steps = dict[int, float]
"""A change of counts: number of the count, and by how much."""
_Came = dict[int, tuple[int, int, float]]

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

    def network(self) -> Network:
        """Give the network of the sums; count number ``place * columns + column`` is edge of that number."""
        places, columns = self.value.shape
        place, column = np.divmod(np.arange(places * columns), columns)
        cell, above = self.cells[place], self.above[place]
        ground = places * columns
        own = np.where(cell, ground + 1 + place if columns > 1 else ground, place * columns + column)
        outer = np.where(above < 0, ground, above * columns + column)
        falls = column < max(columns - 1, 1)
        return Network(np.where(falls, outer, own), np.where(falls, own, outer), self.value.ravel())


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
        By how much each can be larger for all that a reader knows; without limit if left out. Downwards it can go to 0.
    below : array of float, optional
        By how much each can be smaller; by all that it is if left out.
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
    def rooms(self) -> tuple[list[float], list[float]]:
        """By how much each count can rise, and fall."""
        rise = np.full(len(self.value), np.inf) if self.above is None else self.above
        return rise.tolist(), (self.value if self.below is None else self.below).tolist()

    @cached_property
    def beside(self) -> list[list[tuple[int, int, bool]]]:
        """For each sum the counts in it: number, the sum at the other side, whether it flows from here."""
        beside: list[list[tuple[int, int, bool]]] = [[] for _ in range(int(max(self.tail.max(), self.head.max())) + 1)]
        for edge in np.flatnonzero(~np.isnan(self.value)).tolist():
            tail, head = int(self.tail[edge]), int(self.head[edge])
            beside[tail].append((edge, head, True))
            beside[head].append((edge, tail, False))
        return beside

    @cached_property
    def amounts(self) -> list[float]:
        """The counts as a list."""
        return self.value.tolist()

    def cheapest_cycle(
        self, edge: int, price: list[float], *, rise: float, fall: float, limit: float = np.inf
    ) -> tuple[float, Steps] | None:
        """Find the cheapest cycle along which a count can rise by ``rise`` and fall by ``fall``.

        Parameters
        ----------
        edge : int
            The count.
        price : list of float
            What it costs to let each count change: 0 for a hidden one; infinite for one that must stay.
        rise, fall : float
            What is taken from counts when this one rises must be there, and so what is taken from others, and from
            it, when it falls.
        limit : float
            A cycle that costs as much or more is none.

        Returns
        -------
        float, dict
            The price, and the counts of the cycle, each with +1 (it goes with this one) or -1 (against it); None where
            there is no such cycle.
        """
        start, goal, beside, amounts = int(self.head[edge]), int(self.tail[edge]), self.beside, self.rooms[1]
        best, waiting = {start: 0.0}, [(0.0, start)]
        came: _Came = {}
        while waiting:
            cost, node = heappop(waiting)
            if cost > best[node]:
                continue
            if node == goal:
                return cost, self._steps(edge, came, goal)
            for other_edge, other, forward in beside[node]:
                total = cost + price[other_edge]
                if total >= limit or other_edge == edge or amounts[other_edge] < (fall if forward else rise):
                    continue
                if total < best.get(other, np.inf):
                    best[other], came[other] = total, (other_edge, node, 1.0 if forward else -1.0)
                    heappush(waiting, (total, other))
        return None

    def _steps(self, edge: int, came: dict[int, tuple[int, int, float]], node: int) -> Steps:
        steps, start = {edge: 1.0}, int(self.head[edge])
        while node != start:
            other_edge, node, sign = came[node]
            steps[other_edge] = sign
        return steps

    def most(self, edge: int, hidden: list[bool], enough: float, *, rises: bool) -> Steps:
        """Change the hidden counts so that one of them rises (or falls) as far as it can, or by enough.

        Along one cycle after the other, as long as there is one, each found with the fewest steps; so the end is
        the most that can be. The answer is exact.

        Returns
        -------
        dict
            The change; empty where the count cannot rise (or fall).
        """
        changed: Steps = {}
        start, goal = (self.head, self.tail) if rises else (self.tail, self.head)
        while (left := enough - abs(changed.get(edge, 0.0))) > FREE:
            left = min(left, self._room(edge, changed, rises))
            steps, room = self._augment(edge, int(start[edge]), int(goal[edge]), hidden, changed, left)
            if room <= FREE:
                break
            for step, sign in [*steps, (edge, 1.0 if rises else -1.0)]:
                changed[step] = changed.get(step, 0.0) + sign * room
        return changed

    def _augment(
        self, edge: int, start: int, goal: int, hidden: list[bool], changed: Steps, most: float
    ) -> tuple[list[tuple[int, float]], float]:
        """Find a shortest way from start to goal on hidden edges, from both ends, and how much fits through it."""
        if most <= FREE:
            return [], 0.0
        came: tuple[_Came, _Came] = ({start: (-1, -1, 0.0)}, {goal: (-1, -1, 0.0)})
        layers, beside = [[start], [goal]], self.beside
        while layers[0] and layers[1]:
            side = 0 if len(layers[0]) <= len(layers[1]) else 1
            here, there, ahead = came[side], came[1 - side], []
            for node in layers[side]:
                for other_edge, other, leaves in beside[node]:
                    if other in here or not hidden[other_edge] or other_edge == edge:
                        continue
                    forward = leaves == (side == 0)
                    if self._room(other_edge, changed, forward) > FREE:
                        here[other] = (other_edge, node, 1.0 if forward else -1.0)
                        if other in there:
                            return self._way(came, other, changed, most)
                        ahead.append(other)
            layers[side] = ahead
        return [], 0.0

    def _way(
        self, came: tuple[_Came, _Came], middle: int, changed: Steps, most: float
    ) -> tuple[list[tuple[int, float]], float]:
        """Give the steps that lead through a node, and how much fits through them."""
        steps, room = [], most
        for side in came:
            other_edge, node, sign = side[middle]
            while other_edge >= 0:
                steps.append((other_edge, sign))
                room = min(room, self._room(other_edge, changed, sign > 0))
                other_edge, node, sign = side[node]
        return steps, room

    def _room(self, edge: int, changed: Steps, rises: bool) -> float:
        """Say by how much more a count can rise, or fall, after what is changed already."""
        rise, fall = self.rooms
        return rise[edge] - changed.get(edge, 0.0) if rises else fall[edge] + changed.get(edge, 0.0)
