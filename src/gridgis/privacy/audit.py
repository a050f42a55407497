"""The attack on a release before it goes out: whatever a reader can work out of it must stay wide enough.

Three attacks that owe nothing to how the numbers were hidden. *Rank*: a hidden number that all sums together determine.
*Witness*: for each protected number two tables are shown that both agree with everything shown; they are checked sum by
sum. *Intervals*: where no witness is at hand, the smallest and the largest value that the number can have are computed
as linear programs (HiGHS).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from gridgis.contract import GridError
from gridgis.privacy.hiding import Witness
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
    witnesses: Mapping[int, Witness],
    *,
    harmless: Bools | None = None,
) -> Attack:
    """Attack hidden counts.

    Parameters
    ----------
    network : Network
        The counts and their sums.
    hidden : array of bool
        The counts that are not shown.
    protected : sequence of int
        Those that must not be placed in an interval narrower than ``width``.
    width : float
    witnesses : mapping of int to Witness
        For protected counts, the two tables that prove it.
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
    widths = {edge: _proven(sums, network, hidden, edge, witnesses[edge]) for edge in protected if edge in witnesses}
    for edge in protected:
        if widths.get(edge, 0.0) < width - NEAR:
            low, high = interval(sums, network.value, hidden, edge)
            widths[edge] = high - low
    narrow = tuple(edge for edge in protected if widths[edge] < width - NEAR)
    exact = [edge for edge in determined(network, hidden) if harmless is None or not harmless[edge] or edge in widths]
    return Attack(len(protected), tuple(exact), narrow, min(widths.values(), default=np.inf))


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


def _proven(sums: csr_array, network: Network, hidden: Bools, edge: int, witness: Witness) -> float:
    """Check both tables of a witness against everything shown; give the width that they prove, 0 if they do not."""
    values = []
    for change in (witness.high, witness.low):
        edges = np.fromiter(change, np.int64, len(change))
        moved = np.fromiter(change.values(), float, len(change))
        table = network.value[edges] + moved
        balance = sums[:, edges] @ moved if len(edges) else np.zeros(1)
        if not hidden[edges].all() or (table < -NEAR).any() or np.abs(balance).max(initial=0.0) > NEAR:
            return 0.0
        values.append(change.get(edge, 0.0))
    return float(values[0] - values[1])


def interval(sums: csr_array, value: Floats, unknown: Bools, wanted: int) -> tuple[float, float]:
    """Give the smallest and the largest value that an unknown number can have, for all that is shown.

    Parameters
    ----------
    sums : sparse array, sums x numbers
        ``sums @ value == 0``.
    value : array of float
        The true numbers; only those that are shown are used, and the place of the others.
    unknown : array of bool
        The numbers that are not shown; a reader knows that they are 0 or more.
    wanted : int
        The number asked for.

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
    return extreme(matrix, truth, aim, 1.0), extreme(matrix, truth, aim, -1.0)


def extreme(matrix: csr_array, truth: Floats, aim: npt.NDArray[np.float64], sign: float) -> float:
    """Give the least (sign 1) or the most (sign -1) that a sum of unknown numbers of 0 or more can be.

    Raises
    ------
    GridError
        If the solver fails.
    """
    wanted = {"A_eq": matrix, "b_eq": matrix @ truth} if matrix.shape[0] else {}
    found = linprog(sign * aim, **wanted, bounds=(0, None), method="highs")
    if found.status == 3:  # without limit
        return -sign * np.inf
    if found.status != 0:
        raise GridError(f"the audit of a release failed ({found.message}); nothing is published.")
    return float(sign * found.fun)
