"""Which counts to hide: the small ones, and as few others as keep them from being worked out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from gridgis.privacy.flows import Flows
from gridgis.privacy.network import FREE, Bools, Floats, Network, Steps
from gridgis.progress import progress

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


Proof = tuple[Witness, ...]
"""Witnesses of one count; whatever a lone contributor knows, one of them does without changing it."""


class Hiding:
    """Counts of a network that are being hidden.

    Parameters
    ----------
    network : Network
    small : sequence of int
        The counts that must not be worked out, ascending.
    width : float or array of float
        So wide must be what a reader can find out about each of them.
    cost : array of float
        What hiding each other count costs.
    known : sequence of sequence of int
        For each lone contributor the counts that this one knows.

    Attributes
    ----------
    proof : dict
        For each small count that is safe, the witnesses.
    """

    def __init__(
        self,
        network: Network,
        small: Sequence[int],
        width: float | Floats,
        cost: Floats,
        known: Sequence[Sequence[int]] = (),
    ) -> None:
        self.network, self.small, self.cost = network, list(small), cost
        self.width: list[float] = np.broadcast_to(np.asarray(width, float), cost.shape).tolist()
        self.proof: dict[int, Proof] = {}
        price = np.array(cost, float)
        price[self.small] = 0.0
        self.flows = Flows(network, price)
        self._rises, self._falls = (room.tolist() for room in network.rooms)
        self._is_small = set(self.small)
        self._known = known
        self._knowers: dict[int, set[int]] = defaultdict(set)
        for who, edges in enumerate(known):
            for edge in edges:
                self._knowers[edge].add(who)
        price[list(self._knowers)] = np.inf
        self._strict = Flows(network, price) if self._knowers else None

    @property
    def hidden(self) -> Bools:
        """Tell which counts are hidden."""
        return np.asarray(self.flows.prices < FREE)

    def _set_price(self, edge: int, price: float) -> None:
        """Hide a count, or show it."""
        self.flows.set_price(edge, price)
        if self._strict is not None and edge not in self._knowers:
            self._strict.set_price(edge, price)

    def protect(self) -> None:
        """Hide what is needed until each small count is safe."""
        value = self.network.value
        order = sorted(self.small, key=lambda edge: (-value[edge], edge))
        waiting = [edge for edge in progress(order, "looking") if edge not in self.proof and not self._is_safe(edge)]
        for edge in progress(waiting, "hiding"):
            if not self._made_safe(edge):
                raise AssertionError("every count can rise together with all that it is a part of")

    def _made_safe(self, edge: int) -> bool:
        """Hide what a count needs to be safe, if that is possible."""
        while edge not in self.proof and not self._is_safe(edge):
            known = self._open_to(edge)
            with self._fixed(known):
                found = self._cheapest(edge)
            if found is None:
                return False
            for other in found.counts():
                self._set_price(other, 0.0)
            if not self._knowers:
                self._keep(edge, (found,))
        return True

    def _is_safe(self, edge: int) -> bool:
        """Look for a proof among what is hidden; keep it for all counts that it speaks of."""
        proof = self.safe(edge)
        if proof is not None:
            self._keep(edge, proof)
        return proof is not None

    def _keep(self, edge: int, proof: Proof) -> None:
        if not self._knowers:
            for other in proof[0].counts():
                if other in self._is_small and proof[0].width(other) >= self.width[other] - FREE:
                    self.proof.setdefault(other, proof)
        self.proof[edge] = proof

    def _cheapest(self, edge: int) -> Witness | None:
        """The cheapest of the cycles that give a count room, by how much of the room lies below it."""
        width = self.width[edge]
        own, best, limit = min(self._falls[edge], width), None, np.inf
        for fall in dict.fromkeys((own, 0.0, own // 2)):
            rise = width - fall
            found = self.flows.cheapest(edge, rise, fall, limit)
            if found is not None:
                limit, steps = found
                best = Witness({k: s * rise for k, s in steps.items()}, {k: -s * fall for k, s in steps.items()})
                if limit < FREE:
                    break
        return best

    def safe(self, edge: int) -> Proof | None:
        """Prove with the hidden counts alone that a count has the width for everybody, if it has."""
        strict = self._for_all(edge)
        if strict is not None:
            return (strict,)
        first = self._witness(edge)
        if first is None:
            return None
        proof, left = [first], self._touched(edge, first)
        while left:
            for known in (left, {min(left)}):
                with self._fixed(known):
                    other = self._witness(edge)
                if other is not None:
                    break
            else:
                return None
            proof.append(other)
            left &= self._touched(edge, other)
        return tuple(proof)

    def _for_all(self, edge: int) -> Witness | None:
        """A witness that changes nothing that any lone contributor knows who does not know the count itself."""
        if self._strict is None:
            return None
        own = sorted({other for who in self._knowers.get(edge, ()) for other in self._known[who]})
        for other in own:
            self._strict.set_price(other, self.flows.price(other))
        witness = self._witness(edge, self._strict)
        for other in own:
            self._strict.set_price(other, np.inf)
        return witness

    def _open_to(self, edge: int) -> set[int]:
        """A contributor to whom a count is not safe; none if it is safe to nobody."""
        first = self._witness(edge)
        if first is None:
            return set()
        left = self._touched(edge, first)
        while left:
            known = {min(left)}
            with self._fixed(known):
                other = self._witness(edge)
            if other is None:
                return known
            left &= self._touched(edge, other)
        return set()

    def _touched(self, edge: int, witness: Witness) -> set[int]:
        """The lone contributors who know of a witness that it is not so, and do not know the count itself."""
        if not self._knowers:
            return set()
        know = [self._knowers[other] for other in witness.counts() if other in self._knowers]
        return set().union(*know) - self._knowers.get(edge, set())

    @contextmanager
    def _fixed(self, known: Collection[int]) -> Iterator[None]:
        """Leave what some contributors know as it is."""
        edges = sorted({edge for who in known for edge in self._known[who]})
        before = [self.flows.price(edge) for edge in edges]
        for edge in edges:
            self.flows.set_price(edge, np.inf)
        yield
        for edge, price in zip(edges, before, strict=True):
            self.flows.set_price(edge, price)

    def _witness(self, edge: int, flows: Flows | None = None) -> Witness | None:
        flows = self.flows if flows is None else flows
        high = flows.most(edge, self.width[edge], rises=True)
        left = self.width[edge] - high.get(edge, 0.0)
        low = flows.most(edge, left, rises=False) if left > FREE else {}
        witness = Witness(high, low)
        return witness if witness.width(edge) >= self.width[edge] - FREE else None

    @property
    def extra(self) -> list[int]:
        """Give the counts hidden for the sake of others, the dearest first."""
        value = self.network.value
        extra = np.flatnonzero((self.cost > FREE) & self.hidden).tolist()
        left = [edge for edge in extra if edge not in self._is_small]
        return sorted(left, key=lambda edge: (-self.cost[edge], -value[edge], edge))

    def prune(self, quiet: bool = False) -> None:
        """Show again what turns out not to be needed, the dearest first."""
        users = self._users()
        extra: Iterable[int] = self.extra
        for other in extra if quiet else progress(list(extra), "thinning out"):
            self._set_price(other, float(self.cost[other]))
            proofs = {}
            for edge in sorted(users[other]):
                proof = self.safe(edge)
                if proof is None:
                    break
                proofs[edge] = proof
            if len(proofs) < len(users[other]):
                self._set_price(other, 0.0)
                continue
            for edge, proof in proofs.items():
                for member in _members(self.proof[edge]):
                    users[member].discard(edge)
                self.proof[edge] = proof
                for member in _members(proof):
                    users[member].add(edge)

    def _users(self) -> dict[int, set[int]]:
        """The small counts whose proof needs each hidden one."""
        users: dict[int, set[int]] = defaultdict(set)
        for edge, proof in self.proof.items():
            for other in _members(proof):
                users[other].add(edge)
        return users

    def improve(self) -> None:
        """Try to do without each count hidden for others: its users find another way, and the rest is pruned."""
        tried: set[int] = set()
        while left := [edge for edge in self.extra if edge not in tried]:
            tried.add(left[0])
            before, proofs = self.flows.prices, dict(self.proof)
            total = sum(self.cost[edge] for edge in self.extra)
            done = self._do_without(left[0])
            if not done or sum(self.cost[edge] for edge in self.extra) > total - FREE:
                for edge in np.flatnonzero(self.flows.prices != before).tolist():
                    self._set_price(edge, float(before[edge]))
                self.proof = proofs
            else:
                tried.clear()

    def _do_without(self, other: int) -> bool:
        """Show a count, and protect those anew that needed it, if that is possible."""
        self._set_price(other, np.inf)
        users = sorted(self._users()[other])
        for edge in users:
            del self.proof[edge]
        if not all(self._made_safe(edge) for edge in users):
            return False
        self._set_price(other, float(self.cost[other]))
        self.prune(quiet=True)
        return True


def _members(proof: Proof) -> set[int]:
    """All counts that change in a proof."""
    return set().union(*(witness.counts() for witness in proof))


def hide(
    network: Network, small: Bools, width: float | Floats, cost: Floats, known: Sequence[Sequence[int]] = ()
) -> Hiding:
    """Hide counts so that none of the small ones can be worked out.

    Parameters
    ----------
    network : Network
        With what a reader knows of each count alone.
    small : array of bool
        The counts that are hidden in any case, and protected.
    width : float or array of float
        The interval in which a reader can place each of them is to be at least so wide.
    cost : array of float
        What hiding each other count costs; 0 for what is not shown anyway.
    known : sequence of sequence of int
        For each lone contributor the counts that this one knows; to each of them all other small counts are as wide
        as to everybody.

    Returns
    -------
    Hiding
        With a proof for each small count.
    """
    hiding = Hiding(network, np.flatnonzero(small).tolist(), width, cost, known)
    hiding.protect()
    hiding.prune()
    if len(hiding.extra) <= MOST_TRIED:
        hiding.improve()
    return hiding
