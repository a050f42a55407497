"""Flows on the hidden counts of a network: how far a count can move, and the cheapest cycle through it.

A count is open (hidden) where its price is 0. The compiled core does the work where it is there; the twins in Python
give the same answers, step by step in the same order.
"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import pairwise

import numpy as np

from gridgis import compiled
from gridgis.privacy.network import FREE, Floats, Network, Steps

_Came = dict[int, int]
"""For each sum the count over which it was reached, as 2 * count + 1 if that rises; -1 for where the search began."""


class Flows:
    """Questions to a network of which some counts are hidden.

    Parameters
    ----------
    network : Network
    price : array of float
        What hiding each count costs: 0 where it is hidden already, infinite where it must be shown. `set_price`
        changes it.
    """

    def __init__(self, network: Network, price: Floats) -> None:
        self.network = network
        first, beside, other = network.beside
        rise, fall = network.rooms
        self._price = np.array(price, float)
        if compiled.core is not None:
            sums, counts = len(first) - 1, len(price)
            ends = [np.ascontiguousarray(end, np.int64) for end in (network.tail, network.head)]
            self._out, self._amount = np.zeros(counts, np.int64), np.zeros(counts)
            work, flow = np.zeros(1 + 8 * sums, np.int64), np.zeros(counts)
            self._arrays = (first, beside, other, *ends, rise, fall, self._price)
            self._arrays += (work, self._out, self._amount, flow)
            return
        pairs = list(zip(beside.tolist(), other.tolist(), strict=True))
        bounds = first.tolist()
        self._beside = [pairs[start:end] for start, end in pairwise(bounds)]
        self._rooms = rise.tolist(), fall.tolist()
        self._prices: list[float] = self._price.tolist()

    def price(self, edge: int) -> float:
        """Give the price of a count."""
        return float(self._price[edge])

    def set_price(self, edge: int, price: float) -> None:
        """Change the price of a count."""
        self._price[edge] = price
        if compiled.core is None:
            self._prices[edge] = price

    @property
    def prices(self) -> Floats:
        """All prices, as they are now."""
        return self._price.copy()

    def most(self, edge: int, enough: float, *, rises: bool) -> Steps:
        """Change the open counts so that one count rises (or falls) as far as it can, or by enough.

        Along one cycle after the other, as long as there is one, each found with the fewest steps; so the end is
        the most that can be. The answer is exact.

        Returns
        -------
        dict
            The change; empty where the count cannot rise (or fall).
        """
        if compiled.core is None:
            return self._most(edge, enough, rises)
        many = compiled.core.flow_most(*self._arrays, edge, enough, rises)
        return dict(zip(self._out[:many].tolist(), self._amount[:many].tolist(), strict=True))

    def cheapest(self, edge: int, rise: float, fall: float, limit: float = np.inf) -> tuple[float, Steps] | None:
        """Find the cheapest cycle along which a count can rise by ``rise`` and fall by ``fall``.

        Parameters
        ----------
        edge : int
            The count.
        rise, fall : float
            What is taken from counts when this one rises must be there, and so what is taken from others when it
            falls.
        limit : float
            A cycle that costs as much or more is none.

        Returns
        -------
        float, dict
            The price, and the counts of the cycle, each with +1 (it goes with this one) or -1 (against it); None where
            there is no such cycle.
        """
        if compiled.core is None:
            return self._cheapest(edge, rise, fall, limit)
        many = compiled.core.flow_cheapest(*self._arrays, edge, rise, fall, limit)
        if many < 0:
            return None
        return float(self._amount[0]), {step >> 1: 1.0 if step & 1 else -1.0 for step in self._out[:many].tolist()}

    def _most(self, edge: int, enough: float, rises: bool) -> Steps:
        """The twin of the compiled kernel."""
        changed: Steps = {}
        ends = int(self.network.head[edge]), int(self.network.tail[edge])
        start, goal = ends if rises else ends[::-1]
        while (left := enough - abs(changed.get(edge, 0.0))) > FREE:
            left = min(left, self._room(edge, changed, rises))
            steps, room = self._augment(edge, start, goal, changed, left)
            if room <= FREE:
                break
            for step in [*steps, 2 * edge + rises]:
                changed[step >> 1] = changed.get(step >> 1, 0.0) + (room if step & 1 else -room)
        return changed

    def _augment(self, edge: int, start: int, goal: int, changed: Steps, most: float) -> tuple[list[int], float]:
        """Find a shortest way from start to goal on open counts, from both ends, and how much fits through it."""
        if most <= FREE:
            return [], 0.0
        came: tuple[_Came, _Came] = ({start: -1}, {goal: -1})
        layers = [[start], [goal]]
        while layers[0] and layers[1]:
            side = 0 if len(layers[0]) <= len(layers[1]) else 1
            ahead: list[int] = []
            for node in layers[side]:
                for code, other in self._beside[node]:
                    step = code if side == 0 else code ^ 1
                    if other in came[side] or self._prices[code >> 1] >= FREE or code >> 1 == edge:
                        continue
                    if self._room(code >> 1, changed, bool(step & 1)) > FREE:
                        came[side][other] = step
                        if other in came[1 - side]:
                            return self._way(came, other, changed, most)
                        ahead.append(other)
            layers[side] = ahead
        return [], 0.0

    def _way(self, came: tuple[_Came, _Came], middle: int, changed: Steps, most: float) -> tuple[list[int], float]:
        """Give the steps that lead through a sum, and how much fits through them."""
        steps: list[int] = []
        for side in (0, 1):
            node = middle
            while (step := came[side][node]) >= 0:
                steps.append(step)
                most = min(most, self._room(step >> 1, changed, bool(step & 1)))
                node = self._other(step >> 1, node)
        return steps, most

    def _other(self, edge: int, node: int) -> int:
        """The sum at the other side of a count."""
        tail, head = int(self.network.tail[edge]), int(self.network.head[edge])
        return head if node == tail else tail

    def _room(self, edge: int, changed: Steps, rises: bool) -> float:
        """Say by how much more a count can rise, or fall, after what is changed already."""
        rise, fall = self._rooms
        return rise[edge] - changed.get(edge, 0.0) if rises else fall[edge] + changed.get(edge, 0.0)

    def _cheapest(self, edge: int, rise: float, fall: float, limit: float) -> tuple[float, Steps] | None:
        """The twin of the compiled kernel."""
        start, goal = int(self.network.head[edge]), int(self.network.tail[edge])
        best, came, waiting = {start: 0.0}, {start: -1}, [(0.0, start)]
        falls = self._rooms[1]
        while waiting:
            cost, node = heappop(waiting)
            if cost > best[node]:
                continue
            if node == goal:
                steps = {edge: 1.0}
                while (step := came[node]) >= 0:
                    steps[step >> 1] = 1.0 if step & 1 else -1.0
                    node = self._other(step >> 1, node)
                return cost, steps
            for code, other in self._beside[node]:
                total = cost + self._prices[code >> 1]
                if total >= limit or code >> 1 == edge or falls[code >> 1] < (fall if code & 1 else rise):
                    continue
                if total < best.get(other, np.inf):
                    best[other], came[other] = total, code
                    heappush(waiting, (total, other))
        return None
