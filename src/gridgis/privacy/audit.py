"""The attack on a release before it goes out: whatever a reader can work out of it must stay wide enough.

Three attacks that owe nothing to how the numbers were hidden. *Rank*: a hidden number that all sums together determine.
*Witness*: for each protected number two tables are shown that both agree with everything shown, and in which no number
is below what a reader knows it to be at least; they are checked sum by sum. *Intervals*: where no witness is at hand,
the smallest and the largest value that the number can have are computed as linear programs (HiGHS).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csc_array, csr_array
from scipy.sparse.csgraph import connected_components

from gridgis.contract import GridError
from gridgis.privacy.hiding import Proof, Witness
from gridgis.privacy.network import Bools, Floats, Network

NEAR = 1e-6
"""Numbers that differ by less are the same to an attack."""


@dataclass(frozen=True)
class Attack:
    """What an attack found; positions are those of the numbers.

    Attributes
    ----------
    protected : int
        How many numbers were to be protected.
    exact : tuple of int
        Hidden numbers that can be worked out exactly.
    narrow : tuple of int
        Protected numbers that can be placed in an interval narrower than asked for.
    narrowest : float
        The narrowest interval that is proven for a protected number; infinite where there is none.
    """

    protected: int
    exact: tuple[int, ...]
    narrow: tuple[int, ...]
    narrowest: float

    @property
    def passed(self) -> bool:
        """Tell whether nothing was found."""
        return not self.exact and not self.narrow


def attack(
    network: Network,
    hidden: Bools,
    protected: Sequence[int],
    width: float,
    proofs: Mapping[int, Proof],
    *,
    known: Sequence[Sequence[int]] = (),
    harmless: Bools | None = None,
) -> Attack:
    """Attack hidden counts.

    Parameters
    ----------
    network : Network
        The counts, their sums, and the least that each can be.
    hidden : array of bool
        The counts that are not shown.
    protected : sequence of int
        Those that must not be placed in an interval narrower than ``width``.
    width : float
    proofs : mapping of int to tuple of Witness
        For protected counts, the pairs of tables that prove it.
    known : sequence of sequence of int
        For each lone contributor the counts that this one knows: each of them attacks, too.
    harmless : array of bool, optional
        Counts that are not let out and may be worked out all the same, if they are not protected.

    Examples
    --------
    >>> from gridgis.privacy.network import Tree
    >>> network = Tree(np.array([3, 3, 3, -1]), np.array([[3.0], [40.0], [25.0], [68.0]])).network()
    >>> attack(network, np.array([True, False, False, False]), [0], 10.0, {}).exact
    (0,)
    >>> attack(network, np.array([True, False, True, False]), [0], 10.0, {}).narrowest
    28.0
    """
    sums = network.sums
    good = _agreeing(sums, network, hidden, proofs)
    knowers: dict[int, set[int]] = {}
    for who, edges in enumerate(known):
        for edge in edges:
            knowers.setdefault(edge, set()).add(who)
    widths: dict[int, float] = {}
    for edge in protected:
        proven = [witness for witness in proofs.get(edge, ()) if id(witness) in good]
        asking = set(range(len(known))) - knowers.get(edge, set())
        for witness in proven:
            asking &= _doubters(witness, knowers)
        widths[edge] = min((witness.width(edge) for witness in proven), default=0.0)
        if asking or widths[edge] < width - NEAR:
            with_what = [(), *(known[who] for who in sorted(asking))]
            widths[edge] = min(_width(sums, network, hidden, edge, known_to) for known_to in with_what)
    narrow = tuple(edge for edge in protected if widths[edge] < width - NEAR)
    exact = [edge for edge in determined(network, hidden) if harmless is None or not harmless[edge] or edge in widths]
    return Attack(len(protected), tuple(exact), narrow, min(widths.values(), default=np.inf))


def _doubters(witness: Witness, knowers: Mapping[int, set[int]]) -> set[int]:
    """The contributors who know that one of the two tables of a witness is not so."""
    return set().union(*(knowers[edge] for edge in witness.counts() if edge in knowers))


def _agreeing(sums: csr_array, network: Network, hidden: Bools, proofs: Mapping[int, Proof]) -> set[int]:
    """Check both tables of each witness against everything shown and known; give those that hold, by identity."""
    witnesses = list({id(witness): witness for proof in proofs.values() for witness in proof}.values())
    tables = [table for witness in witnesses for table in (witness.high, witness.low)]
    sizes = [len(table) for table in tables]
    column = np.repeat(np.arange(len(tables)), sizes)
    edge = np.fromiter((edge for table in tables for edge in table), np.int64, sum(sizes))
    moved = np.fromiter((change for table in tables for change in table.values()), float, sum(sizes))
    wrong = ~hidden[edge] | ~(network.value[edge] + moved >= network.lowest[edge] - NEAR)
    bad = np.bincount(column, wrong, minlength=len(tables)) > 0
    if len(tables):
        balance = abs(csc_array(sums @ csc_array((moved, (edge, column)), shape=(len(network.value), len(tables)))))
        bad |= balance.max(axis=0).toarray().ravel() > NEAR
    return {id(w) for number, w in enumerate(witnesses) if not bad[2 * number] and not bad[2 * number + 1]}


def _width(sums: csr_array, network: Network, hidden: Bools, edge: int, known: Sequence[int]) -> float:
    """The width of the interval in which a count can be placed by somebody who knows some others."""
    unknown = hidden.copy()
    unknown[list(known)] = False
    low, high = interval(sums, network.value, unknown, edge, network.lowest)
    return high - low


def determined(network: Network, hidden: Bools) -> tuple[int, ...]:
    """Find the hidden counts that the sums determine: no other table has another number there.

    In a network these are the edges that lie on no circle of hidden edges (bridges), found in one walk.
    """
    edges = np.flatnonzero(hidden & ~np.isnan(network.value))
    beside: dict[int, list[tuple[int, int]]] = {}
    for edge in edges.tolist():
        tail, head = int(network.tail[edge]), int(network.head[edge])
        beside.setdefault(tail, []).append((edge, head))
        beside.setdefault(head, []).append((edge, tail))
    seen: dict[int, int] = {}
    lowest: dict[int, int] = {}
    bridges: list[int] = []
    for root in beside:
        if root in seen:
            continue
        seen[root] = lowest[root] = len(seen)
        walk = [(root, -1, iter(beside[root]))]
        while walk:
            node, came, ahead = walk[-1]
            for edge, other in ahead:
                if edge == came:
                    continue
                if other in seen:
                    lowest[node] = min(lowest[node], seen[other])
                    continue
                seen[other] = lowest[other] = len(seen)
                walk.append((other, edge, iter(beside[other])))
                break
            else:
                walk.pop()
                if walk:
                    above = walk[-1][0]
                    lowest[above] = min(lowest[above], lowest[node])
                    if lowest[node] > seen[above]:
                        bridges.append(came)
    return tuple(sorted(bridges))


def interval(
    sums: csr_array, value: Floats, unknown: Bools, wanted: int, lowest: Floats | None = None
) -> tuple[float, float]:
    """Give the smallest and the largest value that an unknown number can have, for all that is shown.

    Parameters
    ----------
    sums : sparse array, sums x numbers
        ``sums @ value == 0``.
    value : array of float
        The true numbers; only those that are shown are used, and the place of the others.
    unknown : array of bool
        The numbers that are not shown.
    wanted : int
        The number asked for.
    lowest : array of float, optional
        The least that each can be for all that a reader knows of it alone; 0 if left out.

    Raises
    ------
    GridError
        If the solver fails.
    """
    here = np.flatnonzero(unknown & ~np.isnan(value))
    free = sums[:, here]
    rows, columns = free.nonzero()
    links = csr_array((np.ones(len(rows)), (rows, free.shape[0] + columns)), shape=(sum(free.shape),) * 2)
    part = connected_components(links, directed=False)[1]
    at = int(np.searchsorted(here, wanted))
    mine = np.flatnonzero(part[free.shape[0] :] == part[free.shape[0] + at])
    equations = np.flatnonzero(part[: free.shape[0]] == part[free.shape[0] + at])
    matrix, truth = free[equations][:, mine], value[here[mine]]
    aim = np.zeros(len(mine))
    aim[int(np.searchsorted(mine, at))] = 1.0
    least = np.zeros(len(mine)) if lowest is None else lowest[here[mine]]
    return extreme(matrix, truth, aim, least, 1.0), extreme(matrix, truth, aim, least, -1.0)


def extreme(matrix: csr_array, truth: Floats, aim: Floats, least: Floats, sign: float) -> float:
    """Give the least (sign 1) or the most (sign -1) that a sum of unknown numbers can be, each of its least or more.

    Raises
    ------
    GridError
        If the solver fails.
    """
    wanted = {"A_eq": matrix, "b_eq": matrix @ truth} if matrix.shape[0] else {}
    found = linprog(sign * aim, **wanted, bounds=np.column_stack([least, np.full(len(least), np.inf)]), method="highs")
    if found.status == 3:  # without limit
        return -sign * np.inf
    if found.status != 0:
        raise GridError(f"the audit of a release failed ({found.message}); nothing is published.")
    return float(sign * found.fun)
