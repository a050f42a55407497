"""Boxes that hold points, where both are too many to be compared one by one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FEW = 1 << 21
"""So many pairs of a point and a box are compared one by one."""
MOST_MEETINGS = 1 << 21
"""So many pairs that squares leave over are compared."""
MOST_SQUARES = 512
"""So many squares to a side are worth counting."""


def boxes_with_points(boxes: Floats, x: Floats, y: Floats) -> Bools:
    """Tell the boxes that hold a point, borders included.

    Parameters
    ----------
    boxes : array of float, n x 4
        West, south, east and north of each; NaN where there is none.
    x, y : array of float
        NaN and infinite ones are in no box.

    Returns
    -------
    array of bool
        Never misses a box; where points and boxes meet too often to be compared, boxes with a point close by are told
        to have one, too.

    Examples
    --------
    >>> boxes = np.array([[0.0, 0, 1, 1], [1, 0, 2, 1], [2, 0, 3, 1]])
    >>> boxes_with_points(boxes, np.array([1.0]), np.array([0.5])).tolist()
    [True, True, False]
    """
    if not len(boxes):
        return np.zeros(0, bool)
    west, south, east, north = sides = np.ascontiguousarray(boxes.T)
    inside = (x >= np.fmin.reduce(west)) & (x <= np.fmax.reduce(east))
    inside &= (y >= np.fmin.reduce(south)) & (y <= np.fmax.reduce(north))
    x, y = x[inside], y[inside]
    if not len(x):
        return np.zeros(len(boxes), bool)
    found: Bools = (west <= x.max()) & (east >= x.min()) & (south <= y.max()) & (north >= y.min())
    here = np.flatnonzero(found)
    if len(x) * len(here) > FEW:
        found[here] = _in_full_squares(sides[:, here], x, y)
    else:
        found[here] = _inside(sides[:, here, None], x, y).any(axis=1)
    return found


def _inside(sides: Floats, x: Floats, y: Floats) -> Bools:
    west, south, east, north = sides
    return np.asarray((west <= x) & (x <= east) & (south <= y) & (y <= north))


def _in_full_squares(sides: Floats, x: Floats, y: Floats) -> Bools:
    """Sort the points into squares; of the boxes that touch a full one, compare those with the points there."""
    count = int(np.clip(2 * np.sqrt(min(sides.shape[1], 16 * len(x))), 16, MOST_SQUARES))
    at = _square(y, y, count) * count + _square(x, x, count)
    order = np.argsort(at, kind="stable")
    held = np.bincount(at, minlength=count * count)
    west, south, east, north = (_square(side, (x, y)[number % 2], count) for number, side in enumerate(sides))
    sums = np.pad(held.reshape(count, count).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0))).ravel()
    low, high = south * (count + 1), (north + 1) * (count + 1)
    meetings = sums[high + east + 1] - sums[low + east + 1] - sums[high + west] + sums[low + west]
    full = np.flatnonzero(meetings)
    if max(meetings.sum(), (north - south)[full].sum()) > MOST_MEETINGS:
        return np.asarray(meetings > 0)
    rows = north[full] - south[full] + 1
    box = np.repeat(full, rows)
    row = (np.repeat(south[full], rows) + _steps(rows)) * count
    begin = np.append(0, np.cumsum(held))
    first, end = begin[row + west[box]], begin[row + east[box] + 1]
    box, point = np.repeat(box, end - first), order[np.repeat(first, end - first) + _steps(end - first)]
    return np.bincount(box[_inside(sides[:, box], x[point], y[point])], minlength=sides.shape[1]) > 0


def _square(values: Floats, like: Floats, count: int) -> Ints:
    """Number of the square from low to high of ``like`` in which a value is; what lies beyond is in the last one."""
    low, high = like.min(), like.max()
    values = np.clip(values, low, high) / 2 - low / 2  # halves: what is as large as numbers go does not overflow
    return np.minimum(values / max(high / 2 - low / 2, np.finfo(float).tiny) * count, count - 1).astype(np.int64)


def _steps(counts: Ints) -> Ints:
    """0, 1, .. up to each count, one after the other."""
    return np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
