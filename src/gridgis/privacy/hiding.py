"""Which counts to hide: the small ones, and as few others as keep them from being worked out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from gridgis.privacy.network import FREE, Bools, Floats, Network, Steps

MOST_TRIED = 60
"""Up to so many counts that are hidden for others, each is tried to be done without."""


@dataclass(frozen=True)
class Witness:
    """Two tables that both agree with all that is shown; in them a hidden count differs by the width wanted.

    Attributes
    ----------
    high, low : dict
        What is to be added to the true counts to get the one and the other.
    """

    high: Steps
    low: Steps

    def width(self, edge: int) -> float:
        """Say by how much a count differs."""
        return abs(self.high.get(edge, 0.0) - self.low.get(edge, 0.0))

    def counts(self) -> set[int]:
        """Give all counts that change."""
        return {*self.high, *self.low}


@dataclass
class Hiding:
    """Counts of a network that are being hidden.

    Attributes
    ----------
    network : Network
    small : list of int
        The counts that must not be worked out, ascending.
    width : float
        So wide must be what a reader can find out about each of them.
    price : list of float
        What hiding each count costs: 0 where it is hidden.
    witness : dict
        For each small count that is safe, the proof.
    """

    network: Network
    small: list[int]
    width: float
    cost: Floats
    price: list[float] = field(default_factory=list)
    witness: dict[int, Witness] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.price = self.cost.tolist()
        for edge in self.small:
            self.price[edge] = 0.0

    @property
    def hidden(self) -> list[bool]:
        """Tell which counts are hidden."""
        return [price < FREE for price in self.price]

    def protect(self) -> None:
        """Hide what is needed until each small count is safe."""
        amounts, hidden = self.network.amounts, self.hidden
        waiting = []
        for edge in sorted(self.small, key=lambda edge: (-amounts[edge], edge)):
            if edge not in self.witness and not self._is_safe(edge, hidden):
                waiting.append(edge)
        for edge in waiting:
            if not self._made_safe(edge, hidden):
                raise AssertionError("every count can rise together with all that it is a part of")

    def _made_safe(self, edge: int, hidden: list[bool]) -> bool:
        """Hide what a count needs to be safe, if that is possible."""
        if edge in self.witness or self._is_safe(edge, hidden):
            return True
        found = self._cheapest(edge)
        if found is None:
            return False
        for other in found.counts():
            self.price[other] = 0.0
            hidden[other] = True
        self._keep(edge, found)
        return True

    def _is_safe(self, edge: int, hidden: list[bool]) -> bool:
        """Look for a proof among what is hidden; keep it for all counts that it speaks of."""
        proof = self.safe(edge, hidden)
        if proof is not None:
            self._keep(edge, proof)
        return proof is not None

    def _keep(self, edge: int, proof: Witness) -> None:
        for other in proof.counts():
            if other in self._is_small and proof.width(other) >= self.width - FREE:
                self.witness.setdefault(other, proof)
        self.witness[edge] = proof

    @property
    def _is_small(self) -> set[int]:
        known = self.__dict__.get("_small_set")
        if known is None:
            known = self.__dict__["_small_set"] = set(self.small)
        return known

    def _cheapest(self, edge: int) -> Witness | None:
        """The cheapest of the cycles that give a count room, by how much of the room lies below it."""
        own, best, limit = self.network.amounts[edge], None, np.inf
        for fall in dict.fromkeys((own, 0.0, own // 2)):
            found = self.network.cheapest_cycle(edge, self.price, rise=self.width - fall, fall=fall, limit=limit)
            if found is not None:
                limit, steps = found
                rise = self.width - fall
                best = Witness({k: s * rise for k, s in steps.items()}, {k: -s * fall for k, s in steps.items()})
                if limit < FREE:
                    break
        return best

    def safe(self, edge: int, hidden: list[bool]) -> Witness | None:
        """Prove with the hidden counts alone that a count has the width, if it has."""
        high = self.network.most(edge, hidden, self.width, rises=True)
        left = self.width - high.get(edge, 0.0)
        low = self.network.most(edge, hidden, left, rises=False) if left > FREE else {}
        witness = Witness(high, low)
        return witness if witness.width(edge) >= self.width - FREE else None

    @property
    def extra(self) -> list[int]:
        """Give the counts hidden for the sake of others, the dearest first."""
        amounts, small = self.network.amounts, self._is_small
        costly = np.flatnonzero(self.cost > FREE).tolist()
        extra = [edge for edge in costly if self.price[edge] < FREE and edge not in small]
        return sorted(extra, key=lambda edge: (-self.cost[edge], -amounts[edge], edge))

    def prune(self) -> None:
        """Show again what turns out not to be needed, the dearest first."""
        users = self._users()
        hidden = self.hidden
        for other in self.extra:
            hidden[other] = False
            proofs = {}
            for edge in sorted(users[other]):
                proof = self.safe(edge, hidden)
                if proof is None:
                    break
                proofs[edge] = proof
            if len(proofs) < len(users[other]):
                hidden[other] = True
                continue
            self.price[other] = float(self.cost[other])
            for edge, proof in proofs.items():
                for member in self.witness[edge].counts():
                    users[member].discard(edge)
                self.witness[edge] = proof
                for member in proof.counts():
                    users[member].add(edge)

    def _users(self) -> dict[int, set[int]]:
        """The small counts whose proof needs each hidden one."""
        users: dict[int, set[int]] = defaultdict(set)
        for edge, witness in self.witness.items():
            for other in witness.counts():
                users[other].add(edge)
        return users

    def improve(self) -> None:
        """Try to do without each count hidden for others: its users find another way, and the rest is pruned."""
        tried: set[int] = set()
        while left := [edge for edge in self.extra if edge not in tried]:
            tried.add(left[0])
            before = list(self.price), dict(self.witness)
            total = sum(self.cost[edge] for edge in self.extra)
            done = self._do_without(left[0])
            if not done or sum(self.cost[edge] for edge in self.extra) > total - FREE:
                self.price, self.witness = before
            else:
                tried.clear()

    def _do_without(self, other: int) -> bool:
        """Show a count, and protect those anew that needed it, if that is possible."""
        self.price[other] = np.inf
        hidden, users = self.hidden, sorted(self._users()[other])
        for edge in users:
            del self.witness[edge]
        if not all(self._made_safe(edge, hidden) for edge in users):
            return False
        self.price[other] = float(self.cost[other])
        self.prune()
        return True


def hide(network: Network, small: Bools, width: float, cost: Floats) -> Hiding:
    """Hide counts so that none of the small ones can be worked out.

    Parameters
    ----------
    network : Network
    small : array of bool
        The counts that are hidden in any case, and protected.
    width : float
        The interval in which a reader can place each of them is to be at least so wide.
    cost : array of float
        What hiding each other count costs; 0 for what is not shown anyway.

    Returns
    -------
    Hiding
        With a witness for each small count.
    """
    hiding = Hiding(network, np.flatnonzero(small).tolist(), width, cost)
    hiding.protect()
    hiding.prune()
    if len(hiding.extra) <= MOST_TRIED:
        hiding.improve()
    return hiding
