"""Borders to an index: a table of pixels, the crowded ones divided again, and leaves of a few edges each.

`docs/locate.md` explains it with a picture. The compiled kernel does the work where it is there; `gridgis.locate.grow`
is its twin and gives the same arrays.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gridgis import compiled
from gridgis.contract import GridError
from gridgis.locate import grow
from gridgis.locate.arcs import Arcs

FIRST_PIXELS = 1 << 18
"""At most so many pixels on the first level: their table shall stay in a fast memory."""
MOST_CELLS = (1 << 24) - 1
UNIT_BITS, PRECISION_BITS = 44, 50

Words = npt.NDArray[np.uint32]


class Frame(NamedTuple):
    """Where the pixels lie.

    Attributes
    ----------
    west, south : float
        Corner of the first pixel, in the units of the CRS; exact.
    scale, unit : float
        A place is a number of units from there, ``(x - west) * scale``; both are powers of two.
    columns, rows : int
        Pixels of the first level.
    shift : int
        They are ``2 ** shift`` units wide.
    """

    west: float
    south: float
    scale: float
    unit: float
    columns: int
    rows: int
    shift: int


class Tree(NamedTuple):
    """The index of all borders.

    Attributes
    ----------
    table : array of uint32
        The pixels: a cell (0 for none), a block of smaller pixels, or a leaf.
    leaves : array of uint64
        Words of the leaves: a head, and two words for each piece of an edge.
    leaf_edges : array of uint32
        For each piece its edge.
    """

    table: Words
    leaves: npt.NDArray[np.uint64]
    leaf_edges: Words


def frame_of(arcs: Arcs) -> Frame:
    """Lay pixels over all borders, so that every corner of one is an exact double.

    Examples
    --------
    >>> import shapely
    >>> from gridgis.locate.arcs import arcs_of, rings_of
    >>> frame = frame_of(arcs_of(rings_of(np.array([shapely.box(0, 0, 3, 2)]))))
    >>> frame.west < 0, frame.columns * 2**frame.shift * frame.unit > 3
    (True, True)
    """
    if not len(arcs.vertices):
        return Frame(0.0, 0.0, 1.0, 1.0, 1, 1, grow.FINEST)
    west, south, east, north = arcs.bounds
    extent, size = max(east - west, north - south), max(map(abs, arcs.bounds))
    unit_bits = max(_bits(extent) - UNIT_BITS, _bits(size) - PRECISION_BITS)
    unit, margin = math.ldexp(1.0, unit_bits), math.ldexp(1.0, unit_bits + grow.FINEST)
    west, south = ((math.floor(low / margin) - 1) * margin for low in (west, south))
    columns, rows = (int((high - low) / unit) + 2 for low, high in ((west, east), (south, north)))
    most, shift = min(FIRST_PIXELS, max(64, 4 * len(arcs.vertices))), grow.FINEST
    while ((columns >> shift) + 1) * ((rows >> shift) + 1) > most:
        shift += 1
    return Frame(west, south, 1.0 / unit, unit, (columns >> shift) + 1, (rows >> shift) + 1, shift)


def _bits(value: float) -> int:
    return math.frexp(value)[1] if value > 0 else -100


def tree_of(arcs: Arcs, frame: Frame, cells: int, most: int) -> Tree:
    """Build the index; a pixel that more than ``most`` edges touch is divided.

    Raises
    ------
    GridError
        If more than a hundred cells lie on each other, or the index would be larger than its numbers.
    """
    try:
        if compiled.core is None:
            return Tree(*grow.tree_of(arcs, frame, cells, most))
        room = len(arcs.vertices)
        while True:
            table = np.empty(frame.columns * frame.rows + 64 + 6 * room, np.uint32)
            leaves, leaf_edges = np.empty(64 + 12 * room, np.uint64), np.empty(64 + 6 * room, np.uint32)
            sizes = compiled.core.build_index(*arcs[:4], table, leaves, leaf_edges, *frame, cells, most)
            if sizes is not None:
                return Tree(table[: sizes[0]], leaves[: sizes[1]], leaf_edges[: sizes[2]])
            room *= 2
    except OverflowError as error:
        if str(error) == "crowded":
            raise GridError(
                "grid: more than 100 cells lie on each other at one place; run gridgis.check_grid for the places."
            ) from error
        raise GridError("grid: the cells have too many vertices for one index; divide the grid in parts.") from error
