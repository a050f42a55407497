"""What a cell should hold: bands of households, persons or another load, and what missing them costs.

All energies are whole millimetres of border, so that sums do not hang on the order, the machine or the compiler.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
import numpy.typing as npt

MISS = 5.0
"""Energy of any miss, however small; the unit is the side of a square of mean cell size."""
OUT_OF_BAND = 50.0
"""Energy of a load that misses the band by the target."""
OFF_CENTRE = 2.0
"""Energy of a load that is off the target by the reach of the band: mostly, at the edge of the band."""
PLATEAU = 0.4
"""Share of the reach around the target that costs nothing."""
FAR = 1 << 30
"""A miss beyond this costs no more."""

ABOUT = 0.2
"""Without a band, a cell may hold so much less or more than the mean."""

Ints = npt.NDArray[np.int64]


def about(mean: float) -> tuple[int, int]:
    """Give the band around the mean load of the cells, where only their number is asked for.

    Examples
    --------
    >>> about(125.0)
    (100, 150)
    """
    target = max(round(mean), 1)
    return min(int(np.ceil(mean * (1 - ABOUT))), target), max(int(mean * (1 + ABOUT)), target)


@dataclass(frozen=True)
class Band:
    """The loads that a cell may have, both ends in, and the load that it would best have.

    Attributes
    ----------
    low, high, target : int
    reach : int
        So far from the target it costs `OFF_CENTRE`.
    """

    low: int
    high: int
    target: int
    reach: int

    @classmethod
    def around(cls, low: int, high: int) -> Band:
        """Give the band with its target in the middle."""
        return cls(low, high, max((low + high) // 2, 1), max((high - low) // 2, 1))

    @classmethod
    def aimed(cls, low: int, high: int, target: int) -> Band:
        """Give the band with a target of its own: a fifth off it is much, however wide the band."""
        return cls(low, high, max(target, 1), max(min((high - low) // 2, target // 5), 1))


@dataclass(frozen=True)
class Bands:
    """One band for each measure; all of them hold, or with ``either`` any one of them.

    Attributes
    ----------
    names : tuple of str
        The measures, such as ``households``.
    bands : tuple of Band
    either : bool
    """

    names: tuple[str, ...]
    bands: tuple[Band, ...]
    either: bool = False

    @property
    def low(self) -> Ints:
        """The lower bounds."""
        return np.array([band.low for band in self.bands], np.int64)

    @property
    def high(self) -> Ints:
        """The upper bounds."""
        return np.array([band.high for band in self.bands], np.int64)

    @property
    def target(self) -> Ints:
        """The loads that are best."""
        return np.array([band.target for band in self.bands], np.int64)

    @property
    def reach(self) -> Ints:
        """How far off the target is much."""
        return np.array([band.reach for band in self.bands], np.int64)

    def misses(self, load: Ints, giants: Ints, cells: Ints) -> Ints:
        """How far groups are from being divisible into so many cells; 0 where they are.

        Parameters
        ----------
        load : array of int, groups x measures
        giants, cells : array of int
            Of each group: giant buildings, and cells, those of the giants included.
        """
        room = (cells - giants)[..., None]
        miss = np.maximum(np.maximum(room * self.low - load, load - room * self.high), 0)
        return np.asarray(miss.min(axis=-1) if self.either else miss.sum(axis=-1))

    def inside(self, load: Ints) -> npt.NDArray[np.bool_]:
        """Tell which loads (cells x measures) hold the bands."""
        kept = (self.low <= load) & (load <= self.high)
        return np.asarray(kept.any(axis=-1) if self.either else kept.all(axis=-1))

    def giant(self, load: Ints) -> npt.NDArray[np.bool_]:
        """Tell which single buildings no cell can hold, whatever else is in it."""
        over = load > self.high
        return np.asarray(over.all(axis=-1) if self.either else over.any(axis=-1))

    def count(self, load: Ints, giants: int) -> int:
        """Give the number of cells into which a load (one number a measure) divides best."""
        tries: set[int] = set()
        for total, band in zip(load.tolist(), self.bands, strict=True):
            least, most = -(-total // band.high) if band.high else 1, total // band.low if band.low else 0
            ideal = round(total / band.target)
            tries |= {k for k in (ideal - 1, ideal, ideal + 1, least, most) if k >= 1}
        if not giants:
            tries |= {1}
        else:
            tries |= {0}
        cells = np.array(sorted(tries), np.int64)
        misses = self.misses(np.broadcast_to(load, (len(cells), len(load))), np.zeros_like(cells), cells)
        mean = load[0] / np.maximum(cells, 1)
        away = np.where(cells > 0, np.abs(mean - self.bands[0].target), load[0])
        return giants + int(cells[np.lexsort((cells, away, misses))[0]])

    def divisible(self, load: Ints, giants: int, pieces: Ints) -> bool:
        """Say whether arithmetic allows a division at all.

        All loads are whole multiples of the greatest common divisor of the buildings' loads, so that a band has
        room only for such multiples.

        Parameters
        ----------
        load : array of int
            Of the whole, giants left out, one number a measure.
        giants : int
        pieces : array of int, atoms x measures
            The loads that are not divided.
        """
        if not load.any():
            return False
        fits = []
        for i, band in enumerate(self.bands):
            step = gcd(*pieces[:, i].tolist()) or 1
            low, high = -(-band.low // step) * step, band.high // step * step
            fits.append({k for k in _counts(int(load[i]), low, high)} if low <= high else set())
        return bool(set.union(*fits) if self.either else set.intersection(*fits))


def _counts(load: int, low: int, high: int) -> range:
    """The numbers of cells among which a load can lie between two bounds."""
    if high <= 0:
        return range(1, 1) if load else range(1, 10**6)
    least = max(-(-load // high), 1)
    most = load // low if low > 0 else 10**6
    return range(least, most + 1)


@dataclass(frozen=True)
class Price:
    """The energies of one region: `Bands` with what a miss costs there.

    Attributes
    ----------
    bands : Bands
    unit_mm : int
        Border that costs one unit of energy: the side of a square of mean cell size.
    off_centre, miss, out_of_band : float
        See the constants of the same names.
    """

    bands: Bands
    unit_mm: int
    off_centre: float = OFF_CENTRE
    miss: float = MISS
    out_of_band: float = OUT_OF_BAND

    @property
    def numbers(self) -> tuple[int, int, int, int, int]:
        """What the kernels take: either, any miss, a miss by the target, the edge of the band, plateau in 1/1024."""
        unit = self.unit_mm
        return (
            int(self.bands.either),
            round(unit * self.miss),
            round(unit * self.out_of_band),
            round(unit * self.off_centre),
            round(PLATEAU * 1024),
        )

    @property
    def limits(self) -> tuple[Ints, Ints, Ints, Ints]:
        """The arrays that the kernels take: low, high, target, reach."""
        return self.bands.low, self.bands.high, self.bands.target, self.bands.reach

    def energy(self, load: Ints, giants: Ints, cells: Ints) -> Ints:
        """What groups of atoms cost that shall become so many cells each.

        Parameters
        ----------
        load : array of int, ... x measures
        giants, cells : array of int, ...
        """
        either, any_miss, out, off, plateau = self.numbers
        low, high, target, reach = self.limits
        room = (cells - giants)[..., None]
        miss = np.minimum(np.maximum(np.maximum(room * low - load, load - room * high), 0), FAR)
        cost = np.where(miss > 0, any_miss + out * miss // target, 0)
        most = reach * np.maximum(room, 1)
        held = np.minimum(np.maximum(load, room * low), room * high)
        far = np.minimum(np.abs(held - room * target), 4 * most) * 1024 // most
        far = np.maximum(far - plateau, 0)
        cost = cost + np.where(room > 0, (off * room * ((far * far) >> 10)) >> 10, 0)
        return cost.min(axis=-1) if either else cost.sum(axis=-1)
