"""What the cells of a lattice are called, and in which order they stand: that of their codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gridgis.lattice.borders import Ints

Texts = npt.NDArray[np.object_]


class Names(Protocol):
    """Codes from rows and columns."""

    def codes(self, row: Ints, col: Ints) -> Texts:
        """Write the codes of cells."""
        ...

    def order(self, row: Ints, col: Ints) -> Ints:
        """Say in which order the cells of a mesh (given row by row) stand when sorted by their codes as text."""
        ...


@dataclass(frozen=True)
class Labels:
    """Codes of one text for the row and one for the column, the northern one first.

    Attributes
    ----------
    prefix : str
    north, east : array of str
        The text of each row and of each column; those of columns begin with E or W.
    exchanged : bool
        The mesh has rows to the east and columns to the north.
    """

    prefix: str
    north: Texts
    east: Texts
    exchanged: bool = False

    def codes(self, row: Ints, col: Ints) -> Texts:
        """Write the codes of cells."""
        north, east = (col, row) if self.exchanged else (row, col)
        return (self.prefix + self.north)[north] + self.east[east]

    def order(self, row: Ints, col: Ints) -> Ints:
        """Sort by the text of the row, then by that of the column."""
        north, east = _ranks(self.north + "E"), _ranks(self.east)
        if self.exchanged:
            return np.lexsort((east[row], north[col]))
        if (np.diff(north) > 0).all() and (np.diff(east) > 0).all():
            return np.arange(len(row))
        return np.lexsort((east[col], north[row]))


def _ranks(texts: Texts) -> Ints:
    ranks = np.empty(len(texts), np.int64)
    ranks[np.argsort(texts.astype(str), kind="stable")] = np.arange(len(texts))
    return ranks


def counted(first: int, count: int, letters: str, digits: int) -> Texts:
    """Name whole numbers: ``letters[0]`` from 0 up, ``letters[1]`` below 0, where -1 is the first.

    Examples
    --------
    >>> counted(-2, 4, "NS", 3).tolist()
    ['S002', 'S001', 'N000', 'N001']
    """
    texts = [
        f"{letters[0]}{n:0{digits}d}" if n >= 0 else f"{letters[1]}{-n:0{digits}d}" for n in range(first, first + count)
    ]
    return np.array(texts, object)
