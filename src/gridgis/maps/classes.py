"""Classes and colours: which value, or which parent, is drawn in which colour."""

from __future__ import annotations

from math import floor, log10

import numpy as np
import numpy.typing as npt
import shapely

RAMP = ("#ffffb2", "#fecc5c", "#fd8d3c", "#f03b20", "#bd0026")
"""Light to dark, safe for colour-blind readers (ColorBrewer YlOrRd, five classes)."""
_OF_RAMP = {1: (2,), 2: (1, 3), 3: (0, 2, 4), 4: (0, 1, 3, 4), 5: (0, 1, 2, 3, 4)}

QUALITATIVE = ("#77aadd", "#ee8866", "#eedd88", "#ffaabb", "#44bb99", "#bbcc33", "#99ddff", "#aaaa00")
"""Fills that colour-blind readers can tell apart, and black text can be read on (Paul Tol, "light")."""

HIDDEN = "#b8bfc7"
NO_DATA = "#eceff2"


def decimals_of(values: np.ndarray) -> int:
    """Say with how many decimals to write values: none for whole numbers, else three figures for the largest.

    Examples
    --------
    >>> decimals_of(np.array([3.0, 12.0])), decimals_of(np.array([0.5, 3.25]))
    (0, 2)
    """
    if not len(values) or np.all(values == np.round(values)):
        return 0
    largest = float(np.max(np.abs(values)))
    return min(6, max(1, 2 - floor(log10(largest))))


def class_starts(values: np.ndarray, most: int = 5) -> np.ndarray:
    """Cut values into at most ``most`` classes of about equal size; equal values are never parted.

    Parameters
    ----------
    values : array of float
        What is shown; finite.
    most : int
        The number of classes, where there are enough different values.

    Returns
    -------
    array of float
        The lowest value of each class, rising; a class reaches to just below the next start.

    Examples
    --------
    >>> class_starts(np.array([0, 0, 0, 0, 1, 2, 3, 4, 5, 6.0]))
    array([0., 1., 2., 4., 5.])
    """
    unique, below = np.unique(np.sort(values), return_index=True)
    if len(unique) <= most:
        return unique
    cuts, here = [0], 0
    for left in range(most, 1, -1):
        later = below[below > here]
        if not len(later):
            break
        aim = here + (len(values) - here) / left
        here = int(later[np.argmin(np.abs(later - aim))])
        cuts.append(here)
    return unique[np.isin(below, cuts)]


def ramp_colours(classes: int) -> list[str]:
    """Give one to five colours of the ramp, spread over its length."""
    return [RAMP[i] for i in _OF_RAMP[classes]]


def parent_colours(
    cells: npt.NDArray[np.object_], parent_of: npt.NDArray[np.int64], touch_m: float = 0.01
) -> list[str]:
    """Colour parents so that neighbours differ; up to eight parents all differ.

    Parents are taken smallest degree last, so that a flat map never needs more than six colours; of those that
    no neighbour has, the least used is given, and the first of these.

    Parameters
    ----------
    cells : array of polygons
        In metres.
    parent_of : array of int
        The number of the parent of each cell; parents are numbered from 0 in the order of their codes.
    touch_m : float
        How near two cells must be to count as neighbours.
    """
    near: list[set[int]] = [set() for _ in range(int(parent_of.max(initial=-1)) + 1)]
    for here, there in _neighbours(cells, parent_of, touch_m):
        near[here].add(there)
        near[there].add(here)
    chosen: dict[int, int] = {}
    used = [0] * len(QUALITATIVE)
    for i in _smallest_last(near):
        taken = {chosen[j] for j in near[i] if j in chosen}
        free = [c for c in range(len(QUALITATIVE)) if c not in taken] or list(range(len(QUALITATIVE)))
        chosen[i] = min(free, key=lambda c: (used[c], c))
        used[chosen[i]] += 1
    return [QUALITATIVE[chosen[i]] for i in range(len(near))]


def _neighbours(cells: npt.NDArray[np.object_], parent_of: npt.NDArray[np.int64], touch_m: float) -> list[list[int]]:
    """Give pairs of parents that have cells so near to each other; only cells of two parents are measured."""
    west, south, east, north = shapely.bounds(cells).T
    boxes = shapely.box(west - touch_m, south - touch_m, east + touch_m, north + touch_m)
    one, two = shapely.STRtree(cells).query(boxes)
    apart = parent_of[one] < parent_of[two]
    one, two = one[apart], two[apart]
    shapely.prepare(cells)
    touch = shapely.dwithin(cells[one], cells[two], touch_m)
    pairs = np.stack([parent_of[one[touch]], parent_of[two[touch]]], axis=1)
    return [[int(here), int(there)] for here, there in np.unique(pairs, axis=0).tolist()]


def _smallest_last(near: list[set[int]]) -> list[int]:
    """Order nodes so that each has few neighbours before it."""
    left = {i: set(others) for i, others in enumerate(near)}
    order: list[int] = []
    while left:
        i = min(left, key=lambda node: (len(left[node]), -node))
        for j in left.pop(i):
            left[j].discard(i)
        order.append(i)
    return order[::-1]
