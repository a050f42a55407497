"""On which side of a line a point lies: the exact sign, whatever the rounding.

Three stages, each for what the one before left open: doubles with an error bound, two products whose rounding is
known, whole numbers of any length. The error bound is that of Shewchuk, *Adaptive Precision Floating-Point
Arithmetic and Fast Robust Geometric Predicates* (1997).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Signs = npt.NDArray[np.int8]

ERROR_BOUND = 3.3306690738754716e-16
"""(3 + 16 e) e with e = 2**-53."""
SPLITTER = 134217729.0
SAFE = 1e-120, 1e120
"""Sizes between which neither products nor what their rounding leaves over- or underflow; 0 is safe, too."""


def orientation(ax: Floats, ay: Floats, bx: Floats, by: Floats, cx: Floats, cy: Floats) -> Signs:
    """Give +1 where c lies to the left of a -> b, -1 to the right, 0 on the line; all finite, of one shape.

    Examples
    --------
    >>> a, b = np.zeros(3), np.ones(3)
    >>> orientation(a, a, b, b, np.array([0.0, 0.5, 1.0]), np.array([1.0, 0.5, 0.0])).tolist()
    [1, 0, -1]
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        left, right = (ax - cx) * (by - cy), (ay - cy) * (bx - cx)
        det = left - right
        bound = ERROR_BOUND * (np.abs(left) + np.abs(right))
        sure = (np.abs(det) > bound) & (np.abs(det) > np.finfo(float).tiny) & np.isfinite(det)
    sign = np.sign(np.where(sure, det, 0.0)).astype(np.int8)
    open_ = np.flatnonzero(~sure)
    if len(open_):
        sign[open_] = _compared(*(each[open_] for each in (ax, ay, bx, by, cx, cy)))
    return sign


def _compared(*ends: Floats) -> Signs:
    """Compare the two products of the determinant, where the differences in them are exact."""
    ax, ay, bx, by, cx, cy = ends
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        factors = [_difference(one, two) for one, two in ((ax, cx), (by, cy), (ay, cy), (bx, cx))]
        left, left_rest = _product(factors[0][0], factors[1][0])
        right, right_rest = _product(factors[2][0], factors[3][0])
    exact = np.ones(len(ax), bool)
    for values in ends:
        exact &= (values == 0) | ((np.abs(values) > SAFE[0]) & (np.abs(values) < SAFE[1]))
    for _, rest in factors:
        exact &= rest == 0
    sign = np.where(left != right, np.sign(left - right), np.sign(left_rest - right_rest))
    sign = np.where(exact, sign, 0).astype(np.int8)
    open_ = np.flatnonzero(~exact)
    if len(open_):
        sign[open_] = _in_whole_numbers(*(each[open_] for each in ends))
    return sign


def _difference(one: Floats, two: Floats) -> tuple[Floats, Floats]:
    """Subtract; the second result is what rounding left over."""
    difference = one - two
    back = difference - one
    return difference, (one - (difference - back)) - (two + back)


def _product(one: Floats, two: Floats) -> tuple[Floats, Floats]:
    """Multiply; the second result is what rounding left over."""
    product = one * two
    (one_high, one_low), (two_high, two_low) = _halves(one), _halves(two)
    rest = one_low * two_low - (((product - one_high * two_high) - one_low * two_high) - one_high * two_low)
    return product, rest


def _halves(values: Floats) -> tuple[Floats, Floats]:
    wide = SPLITTER * values
    high = wide - (wide - values)
    return high, values - high


def _in_whole_numbers(*ends: Floats) -> Signs:
    """Multiply all coordinates by one power of two so that they are whole, and calculate without rounding."""
    mantissas, exponents = np.frexp(np.stack(ends))
    whole = (mantissas * 2.0**53).astype(np.int64).astype(object)
    shift = np.where(mantissas == 0, exponents.max(), exponents)
    places: Any = (shift - shift.min(axis=0)).astype(object)
    ax, ay, bx, by, cx, cy = whole * 2**places
    det = (ax - cx) * (by - cy) - (ay - cy) * (bx - cx)
    return np.array([(value > 0) - (value < 0) for value in det], np.int8)
