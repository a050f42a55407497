"""Polygons on plain arrays: which part of each lies in which cell."""

from __future__ import annotations

import numpy as np
import shapely

from gridgis.answers import OUTSIDE
from gridgis.cover import unrounded
from gridgis.locate.points import CLASH
from gridgis.locate.shapes import (
    Cells,
    Flags,
    Parts,
    Pieces,
    Shapes,
    Winners,
    largest,
    measures,
    of_dimension,
    pieces_from,
    undecided,
    winners_from,
)

LOST = 1e-9
"""From so large a share on it is asked what of a polygon lies outside."""


def area_pieces(things: Shapes, cells: Cells) -> Pieces:
    """Cut polygons along the cells, so that nothing is lost and nothing is there twice.

    Parameters
    ----------
    things : array of polygons
        Valid, 2-D, with an area.
    cells : Cells

    Returns
    -------
    Pieces

    Examples
    --------
    >>> import shapely
    >>> cells = Cells(np.array([shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)]), np.array(["b", "a"]))
    >>> pieces = area_pieces(np.array([shapely.box(8, 0, 18, 12)]), cells)
    >>> pieces.cell.tolist(), pieces.share.round(3).tolist()
    ([0, 1, -1], [0.667, 0.167, 0.167])
    """
    thing, cell, clear = cells.meetings(things)
    clash, overlap = cells.clashes(things, thing, cell)
    clashing = _flags(clash.thing, len(things))
    held = clear.copy()
    held[~clear] = shapely.covers(cells[cell[~clear]], things[thing[~clear]])
    held &= ~clashing[thing]
    keep = held | ~_flags(thing[held], len(things))[thing]
    thing, cell, cut = thing[keep], cell[keep], np.flatnonzero(~held[keep])
    rows = np.flatnonzero(_flags(thing[cut], len(things)))
    whole = things.copy()
    whole[rows] = unrounded(whole[rows])
    whole[clashing] = of_dimension(shapely.difference(whole[clashing], overlap), 2)
    shape = things[thing]
    shape[cut] = of_dimension(shapely.intersection(whole[thing[cut]], cells[cell[cut]]), 2)
    inside = Parts(thing, cell, shape)
    return pieces_from([inside, _outside(whole, inside, cells), clash], things, np.zeros(len(things), bool))


def _flags(rows: np.ndarray, count: int) -> Flags:
    flags = np.zeros(count, bool)
    flags[rows] = True
    return flags


def _outside(whole: Shapes, inside: Parts, cells: Cells) -> Parts:
    """Give what of polygons lies in no cell; only those that are more than their parts are asked."""
    total, found = measures(whole), np.bincount(inside.thing, measures(inside.shape), len(whole))
    rows = np.flatnonzero(np.abs(total - found) > LOST * total)
    first = np.searchsorted(inside.thing, np.arange(len(whole) + 1))
    rest = whole[rows]
    for place, row in enumerate(rows.tolist()):
        holders = cells[inside.cell[first[row] : first[row + 1]]]
        if len(holders):
            rest[place] = shapely.difference(rest[place], shapely.union_all(holders))
    return Parts(rows, np.full(len(rows), OUTSIDE, np.int64), of_dimension(rest, 2))


def area_winners(things: Shapes, cells: Cells) -> Winners:
    """Find the cell with the largest share of each polygon; of equal shares, up to `EQUAL`, that of the lowest code.

    Parameters
    ----------
    things, cells
        As in `area_pieces`.

    Returns
    -------
    Winners

    Examples
    --------
    >>> import shapely
    >>> cells = Cells(np.array([shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)]), np.array(["b", "a"]))
    >>> winners = area_winners(np.array([shapely.box(8, 0, 12, 9), shapely.box(8, 0, 11, 8)]), cells)
    >>> winners.cell.tolist(), winners.share.round(3).tolist()
    ([0, 1], [0.5, 0.667])
    """
    pieces, count = area_pieces(things, cells), len(things)
    has = pieces.cell >= 0
    alone = pieces.thing[has], pieces.cell[has], pieces.share[has]
    found, clash = largest(*alone, count), pieces.how == CLASH
    contested = np.zeros(count)
    contested[pieces.thing[clash]] = pieces.share[clash]
    clashing = undecided(*alone, found, contested)
    whole = _flags(pieces.thing[has & pieces.whole], count)
    return winners_from(found, whole, np.zeros(count, bool), clashing)
