"""One ascending array of border coordinates, and the exact question between which two of them a number lies.

A lattice has two such arrays, and everything reads from them: the place of a point, the cut of an outline, the corners
of a polygon. No border is ever computed a second time, so no two answers can differ in the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gridgis.contract import GridError

MARGIN = 1e-6
"""A number this near to a border, in units of the period, is compared with the border itself."""
SLACK = 1e-7
"""So far, in the same units, a border may stand off its even spacing through rounding; well within `MARGIN`."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Near:
    """Where numbers lie among borders, by arithmetic; to be compared exactly where in doubt.

    Attributes
    ----------
    band : array of float
        Number of the band, whole; -1 below all borders, the number of bands above them all.
    part : array of float
        How far into the period of its band a number lies, 0 to 1.
    doubt : array of bool
        So near to a border that only `Borders.band` can tell.
    """

    band: Floats
    part: Floats
    doubt: Bools


class Borders:
    """Borders at even spacing, one or two to a period.

    Parameters
    ----------
    values : array of float
        The borders, ascending, from the beginning of a period; any unit.
    period : float
        From one period to the next.
    inner : float, optional
        Where in a period, 0 to 1, the second border stands; without it there is one border to a period.

    Raises
    ------
    GridError
        If rounding moves the borders by more than `SLACK` periods: the spacing is too fine for such coordinates.

    Examples
    --------
    >>> import numpy as np
    >>> Borders(np.array([0.0, 10.0, 20.0]), 10.0).band(np.array([-1.0, 0.0, 9.9, 10.0, 20.0]))
    array([-1,  0,  0,  1,  2])
    """

    def __init__(self, values: Floats, period: float, inner: float | None = None) -> None:
        self.values = values
        self.period = period
        self.inner = inner
        self.bands = len(values) - 1
        self._start, self._per_unit = float(values[0]), 1.0 / period
        even = np.arange(len(values), dtype=float)
        if inner is not None:
            even = np.floor(even / 2) + np.where(even % 2, inner, 0.0)
        off = np.abs((values - self._start) * self._per_unit - even)
        if not (off.max() <= SLACK and (np.diff(values) > 0).all()):
            raise GridError(
                f"lattice: cells of {period:g} are too small for coordinates such as {values[-1]:.9g}, which floating "
                "point holds to some digits only; take a larger size."
            )

    def near(self, numbers: Floats) -> Near:
        """Give the bands of numbers by arithmetic alone, and say which are in doubt.

        Rounding keeps order: a number at or above a border comes out no lower than the border itself does, and that
        one comes out within `SLACK` of its even place. So what is farther than `MARGIN` from a border is certain.
        NaN comes out as below all borders.
        """
        part = numbers - self._start
        part *= self._per_unit
        band = np.floor(part)
        part -= band
        doubt = np.abs(part - 0.5) > 0.5 - MARGIN
        if self.inner is not None:
            doubt |= np.abs(part - self.inner) < MARGIN
            band *= 2
            band += part >= self.inner
        np.fmax(band, -1, out=band)
        np.fmin(band, self.bands, out=band)
        return Near(band, part, doubt)

    def band(self, numbers: Any) -> Ints:
        """Give the bands exactly: a number on a border lies in the band above it; -1 is below all borders."""
        return np.searchsorted(self.values, numbers, side="right") - 1

    def snapped(self, numbers: Floats, reach: float) -> Floats:
        """Give numbers within ``reach`` of a border the value of that border."""
        above = np.clip(np.searchsorted(self.values, numbers), 1, self.bands)
        nearest = np.where(
            numbers - self.values[above - 1] <= self.values[above] - numbers,
            self.values[above - 1],
            self.values[above],
        )
        return np.where(np.abs(nearest - numbers) <= reach, nearest, numbers)
