"""Which cells an outline covers: wholly, in part, or not at all.

A cell that no edge of the outline enters is inside or outside as a whole. Which of them, a line through the middle of
each row tells, from west to east: each edge that it meets leads into the outline or out of it. No cell is tested by
itself, so the time grows with the edges, not with the cells.
"""

from __future__ import annotations

import numpy as np

from gridgis.lattice.borders import Bools, Ints
from gridgis.lattice.mesh import Mesh, Pieces


def entered(mesh: Mesh, pieces: Pieces) -> Bools:
    """Tell which cells (rows x columns) an edge of the outline enters: these are covered in part."""
    found = np.zeros(mesh.shape, bool)
    inner = ~pieces.along
    found[pieces.row[inner], pieces.col[inner]] = True
    return found


def surrounded(mesh: Mesh, pieces: Pieces, weight: Ints) -> Ints:
    """Add up, at the middle of each cell, the weights of the rings that surround it.

    Right for cells that no edge enters. ``weight`` is that of each ring; where all are 1 and the areas do not overlap,
    1 is inside and 0 is outside.
    """
    loops = pieces.loops
    middle, following = mesh.middle[np.clip(pieces.row, 0, mesh.shape[0] - 1)], loops.after()
    below, below_after = loops.q <= middle, loops.q[following] <= middle
    crossing = np.flatnonzero(below != below_after)
    into = np.where(below[crossing], -1, 1)  # the outline is left of an edge, so one that goes up leads out of it
    first = pieces.col[crossing] + ~pieces.along[crossing]
    turns = np.zeros((mesh.shape[0], mesh.shape[1] + 1), np.int64)
    np.add.at(turns, (pieces.row[crossing], first), into * weight[loops.ring[crossing]])
    return np.cumsum(turns[:, :-1], axis=1)
