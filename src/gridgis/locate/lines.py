"""Lines on plain arrays: which part of each lies in which cell.

A line is cut wherever it crosses or joins a border, and each stretch is asked once, in its middle, which cells hold it.
So whatever the last digits of a line along a border say, nothing of it is lost and nothing is there twice.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import shapely

from gridgis.answers import OUTSIDE
from gridgis.cover import WIDTH_M, unrounded
from gridgis.locate.shapes import (
    Cells,
    Flags,
    Floats,
    Ints,
    Parts,
    Pieces,
    Shapes,
    Winners,
    largest,
    of_dimension,
    pieces_from,
    undecided,
    winners_from,
)

LOST = 1e-9
"""From so large a share on it is asked what of a line runs along a border."""

ON_BORDER_M = 1e-6
"""A stretch that is no farther than this from a border runs along it: coordinates are no finer than that."""


class Laid(NamedTuple):
    """Lines laid over cells.

    Attributes
    ----------
    sure : Parts
        The lines that are clear of all borders, in the cell that holds them, or in none.
    thing, shape, length, middle : arrays, one value a stretch
        The stretches of all other lines, ordered by thing; ``middle`` is a point.
    stretch, cell : arrays, one value a pair of a stretch and a cell that holds it
        Along a border there are several.
    clash : Parts
        What of the lines lies where cells overlap; that is in no stretch.
    """

    sure: Parts
    thing: Ints
    shape: Shapes
    length: Floats
    middle: Shapes
    stretch: Ints
    cell: Ints
    clash: Parts


def _laid(things: Shapes, cells: Cells) -> Laid:
    """Cut lines at the borders of the cells that they meet."""
    thing, cell, clear = cells.meetings(things, ON_BORDER_M)
    clash, overlap = cells.clashes(things, thing, cell)
    sure = np.full(len(things), OUTSIDE, np.int64)
    sure[thing[clear]] = cell[clear]
    thing, cell = thing[~clear], cell[~clear]
    cut, number = np.unique(thing, return_inverse=True)
    rest = np.setdiff1d(np.arange(len(things)), cut)
    whole = unrounded(things[cut])
    clashing = np.searchsorted(cut, clash.thing)
    whole[clashing] = shapely.difference(whole[clashing], overlap)
    shape, row = _cut(whole, _borders(number, cell, cells))
    row = cut[row]
    middle = shapely.line_interpolate_point(shape, 0.5, normalized=True)
    near = np.unique(cell)
    holder, stretch = shapely.STRtree(middle).query(cells[near], predicate="dwithin", distance=ON_BORDER_M)
    holder = near[holder]
    met = np.isin(row[stretch] * len(cells.codes) + holder, thing * len(cells.codes) + cell)
    sure_parts = Parts(rest, sure[rest], things[rest])
    return Laid(sure_parts, row, shape, shapely.length(shape), middle, stretch[met], holder[met], clash)


def _borders(thing: Ints, cell: Ints, cells: Cells) -> Shapes:
    """Give for each thing the borders of its cells, as one shape."""
    some, number = np.unique(cell, return_inverse=True)
    border, owner = shapely.get_parts(shapely.boundary(cells[some]), return_index=True)
    first, count = np.searchsorted(owner, number), np.bincount(owner, minlength=len(some))[number]
    pair = np.repeat(np.arange(len(cell)), count)
    place = first[pair] + np.arange(len(pair)) - (np.cumsum(count) - count)[pair]
    return np.asarray(shapely.multilinestrings(border[place], indices=thing[pair]))


def _cut(lines: Shapes, borders: Shapes) -> tuple[Shapes, Ints]:
    """Give the stretches between and along borders, and the row of each in the lines, ascending."""
    beside = of_dimension(shapely.difference(lines, borders), 1)
    rows = np.flatnonzero(shapely.length(beside) < (1 - LOST) * shapely.length(lines))
    along = of_dimension(shapely.intersection(lines[rows], borders[rows]), 1)
    stretch, place = shapely.get_parts(np.concatenate([beside, along]), return_index=True)
    row = np.append(np.arange(len(lines)), rows)[place]
    order = np.argsort(row, kind="stable")
    return stretch[order], row[order]


def line_pieces(things: Shapes, cells: Cells) -> Pieces:
    """Cut lines along the cells, so that nothing is lost and nothing is there twice.

    What runs along a border goes to the lower code. What a line passes twice, it passes once.

    Parameters
    ----------
    things : array of lines
        2-D, with a length.
    cells : Cells

    Returns
    -------
    Pieces

    Examples
    --------
    >>> import shapely
    >>> cells = Cells(np.array([shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)]), np.array(["b", "a"]))
    >>> pieces = line_pieces(np.array([shapely.LineString([(10, 0), (10, 6), (8, 6)])]), cells)
    >>> pieces.cell.tolist(), pieces.share.tolist(), pieces.shape.tolist()
    ([0, 1], [0.75, 0.25], [<LINESTRING (10 0, 10 6)>, <LINESTRING (10 6, 8 6)>])
    """
    laid = _laid(things, cells)
    own = np.full(len(laid.thing), len(cells.codes), np.int64)
    np.minimum.at(own, laid.stretch, laid.cell)
    own[own == len(cells.codes)] = OUTSIDE
    order = np.lexsort((own, laid.thing))
    pairs = np.column_stack([laid.thing, own])[order]
    pairs, piece = np.unique(pairs, axis=0, return_inverse=True)
    shape = shapely.line_merge(shapely.multilinestrings(laid.shape[order], indices=piece.ravel()), directed=True)
    parts = Parts(pairs[:, 0], pairs[:, 1], shape)
    longest = np.full(len(things), OUTSIDE, np.int64)
    upwards = np.argsort(shapely.length(shape), kind="stable")
    longest[parts.thing[upwards]] = parts.cell[upwards]
    return pieces_from([laid.sure, parts, laid.clash], things, _along_border(laid, longest, cells))


def _along_border(laid: Laid, cell: Ints, cells: Cells) -> Flags:
    """Tell which things, given the cell of each, run along its border for more than rounding."""
    asked = np.flatnonzero(cell[laid.thing] >= 0)
    some, number = np.unique(cell[laid.thing[asked]], return_inverse=True)
    border = shapely.boundary(cells[some])[number]
    along = asked[shapely.distance(border, laid.middle[asked]) <= ON_BORDER_M]
    return np.asarray(np.bincount(laid.thing[along], laid.length[along], len(cell)) > WIDTH_M)


def line_winners(things: Shapes, cells: Cells) -> Winners:
    """Find the cell with the largest share of each line; of equal shares, up to `EQUAL`, that of the lowest code.

    The shares are of the closed cells: what runs along a border lies in the cells on both sides.

    Parameters
    ----------
    things, cells
        As in `line_pieces`.

    Returns
    -------
    Winners

    Examples
    --------
    >>> import shapely
    >>> cells = Cells(np.array([shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)]), np.array(["b", "a"]))
    >>> winners = line_winners(np.array([shapely.LineString([(10, 0), (10, 6), (8, 6)])]), cells)
    >>> winners.cell.tolist(), winners.share.tolist()
    ([1], [1.0])
    """
    laid, count = _laid(things, cells), len(things)
    clash = np.bincount(laid.clash.thing, shapely.length(laid.clash.shape), count)
    total = np.bincount(laid.thing, laid.length, count) + clash
    pairs, place = np.unique(np.column_stack([laid.thing[laid.stretch], laid.cell]), axis=0, return_inverse=True)
    held = np.bincount(place.ravel(), laid.length[laid.stretch], len(pairs))
    thing, cell = np.concatenate([pairs, np.column_stack(laid.sure[:2])[laid.sure.cell >= 0]]).T
    share = np.append(held / total[pairs[:, 0]], np.ones(len(thing) - len(pairs)))
    share[(1 - share) * total[thing] <= WIDTH_M] = 1.0
    found = largest(thing, cell, share, count)
    whole = found[1] == 1
    border = _along_border(laid, np.where(whole, found[0], OUTSIDE), cells)
    contested = clash / np.where(total > 0, total, 1.0)
    return winners_from(found, whole, border, undecided(thing, cell, share, found, contested))
