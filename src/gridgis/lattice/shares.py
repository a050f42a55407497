"""The area that each cell belongs to: the one with the largest share of it."""

from __future__ import annotations

import numpy as np
import shapely

from gridgis.lattice.borders import Bools, Ints
from gridgis.lattice.chains import cells_of
from gridgis.lattice.clip import Clipper, Polygons
from gridgis.lattice.covered import entered, surrounded
from gridgis.lattice.mesh import Mesh


def largest_share(clipper: Clipper, row: Ints, col: Ints) -> Ints:
    """Give the position of the area with the largest share of each cell; of equal ones, the first.

    Parameters
    ----------
    clipper : Clipper
        Of the outlines of all areas, each an owner.
    row, col : array of int
        The cells.
    """
    mesh, pieces = clipper.mesh, clipper.pieces
    ones = np.ones(len(pieces.loops.owner), np.int64)
    holders = surrounded(mesh, pieces, ones)[row, col]
    owner = surrounded(mesh, pieces, pieces.loops.owner)[row, col]
    cut = entered(mesh, pieces)[row, col]
    unclear = np.flatnonzero(~cut & (holders != 1))  # areas that overlap, or a gap between them
    owner[unclear] = _at_middle(mesh, clipper.outlines, row[unclear], col[unclear])
    shared = np.flatnonzero(cut)
    owner[shared] = _of_cut(clipper, row[shared], col[shared])
    return owner


def _at_middle(mesh: Mesh, areas: Polygons, row: Ints, col: Ints) -> Ints:
    """The first area that holds the middle of a cell; without one, the nearest."""
    middle = shapely.points(mesh.corners(row, col).mean(axis=1))
    tree = shapely.STRtree(areas)
    found = np.full(len(middle), len(areas), np.int64)
    cell, area = tree.query(middle, predicate="intersects")
    np.minimum.at(found, cell, area)
    none = np.flatnonzero(found == len(areas))
    cell, area = tree.query_nearest(middle[none])
    np.minimum.at(found, none[cell], area)
    return found


def _of_cut(clipper: Clipper, row: Ints, col: Ints) -> Ints:
    """The area with the largest part in each cell that borders of areas enter."""
    mesh = clipper.mesh
    size = mesh.shape[0] * mesh.shape[1]
    cells = cells_of(mesh, np.zeros(len(row), np.int64), row, col)
    order = np.argsort(cells)
    numbers = np.unique(clipper.cell[~clipper.pieces.along])
    numbers = numbers[np.isin(numbers % size, cells)]
    which = order[np.searchsorted(cells[order], numbers % size)]
    contested = _several(which)
    part = np.ones(len(numbers))
    part[contested] = shapely.area(clipper.clipped(numbers[contested]))
    largest = np.lexsort((numbers, -part, which))
    first = largest[np.flatnonzero(np.diff(which[largest], prepend=-1))]
    owner = np.zeros(len(row), np.int64)
    owner[which[first]] = numbers[first] // size
    return owner


def _several(groups: Ints) -> Bools:
    """Tell which members have others in their group."""
    _, which, count = np.unique(groups, return_inverse=True, return_counts=True)
    return count[which] > 1
