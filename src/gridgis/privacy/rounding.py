"""Rounding all counts to multiples of a base so that every sum still holds (controlled rounding)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog

from gridgis.contract import GridError, listed
from gridgis.privacy.flows import Flows
from gridgis.privacy.network import FREE, Floats, Network
from gridgis.privacy.tables import Block
from gridgis.progress import progress


def rounded(block: Block, base: int) -> Floats:
    """Round every count to one of the two multiples next to it; what is a multiple stays, and all sums hold.

    Of all such tables the one with the least change is taken. That there is one, and that a linear program finds it in
    whole numbers, follows from the sums being a network (Cox, L. H., 1987, *A constructive procedure for unbiased
    controlled rounding*).

    Parameters
    ----------
    block : Block
        Whole numbers.
    base : int

    Returns
    -------
    array of float, places x columns

    Raises
    ------
    GridError
        If counts are not whole numbers, or a small one could be told within less than ``base - 1``.

    Examples
    --------
    >>> from gridgis.privacy.tables import blocks_of, places_of
    >>> grid = example.grid.assign(count=[3, 4, 12, 0])
    >>> rounded(blocks_of(grid, ["count"], places_of(grid))[0], 5).ravel().tolist()
    [5.0, 5.0, 10.0, 0.0, 10.0, 10.0, 20.0]
    """
    network, value = block.tree.network(), block.tree.value.ravel()
    known = ~np.isnan(value)
    if (value[known] != np.round(value[known])).any():
        raise GridError(f"round_to: expected whole numbers in {listed(block.names)}.")
    low, rest = np.divmod(value, base)
    if not known.any():
        return np.full(block.tree.value.shape, np.nan)
    sums = network.sums[:, known]
    found = linprog(
        (base - 2 * rest[known]) / base,
        A_eq=sums,
        b_eq=-(sums @ low[known]),
        bounds=np.stack([np.zeros(int(known.sum())), rest[known] > 0], axis=1),
        method="highs-ds",
    )
    result = np.full(len(value), np.nan)
    if found.status == 0:
        result[known] = base * (low[known] + np.round(found.x))
    if found.status != 0 or np.abs(sums @ result[known]).max(initial=0.0) > FREE:
        raise GridError(
            f"round_to: no consistent rounding to {base} was found ({found.message}); nothing is published."
        )
    _require_wide(network, result, base)
    return result.reshape(block.tree.value.shape)


def _require_wide(network: Network, result: Floats, base: int) -> None:
    """Ask that no number below the base can be told within less than ``base - 1`` from all that is shown.

    What a reader knows of each number is that it is less than the base away from what is shown, and 0 or more: a 0 that
    is shown may be a true 0.
    """
    value = network.value
    lowest = np.maximum(result - (base - 1), 0)
    bounded = Network(network.tail, network.head, value, result + (base - 1) - value, value - lowest)
    flows, narrow = Flows(bounded, np.zeros(len(value))), 0
    small = np.flatnonzero((value > 0) & (value < base)).tolist()
    for edge in progress(small, "attacking"):
        rise = flows.most(edge, base - 1.0, rises=True).get(edge, 0.0)
        fall = flows.most(edge, base - 1.0 - rise, rises=False).get(edge, 0.0) if rise < base - 1 else 0.0
        narrow += rise - fall < base - 1 - FREE
    if narrow:
        raise GridError(
            f"round_to: {narrow} numbers below {base} could be told within less than {base - 1}; nothing is published. "
            "Take a larger base, or hide small numbers."
        )


def rounding_error(value: npt.NDArray[np.float64], result: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Give the mean and the largest difference that rounding makes."""
    change = np.abs(result - value)[~np.isnan(value)]
    return float(change.mean()) if len(change) else 0.0, float(change.max(initial=0.0))
