"""From faces to atoms: the smallest pieces of ground that are never divided, and who borders on whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order

from gridgis.contract import GridError
from gridgis.cover import WIDTH_M, Polygons
from gridgis.divide.faces import PRECISION_M, Edges, Faces, build_faces, components, nearest
from gridgis.divide.ground import Ground

SCRAP_M2 = 60.0
"""An empty piece of ground smaller than this joins its neighbour."""
NEAR_M = 6.0
"""A border this near a street that ends inside a block still counts as a border along it."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Atoms:
    """Faces of the ground, gathered into atoms, and who borders on whom.

    Attributes
    ----------
    faces : array of Polygon
        An edge-matched cover of the parents.
    atom_of_face : array of int
    home : array of int
        The atom where each building counts, -1 where it counts nowhere.
    parent, load, largest, buildings : arrays of int
        For each atom: position of its parent, households, households of its largest building (buildings that
        overlap taken as one), number of buildings.
    area_m2 : array of float
    left, right : arrays of int
        Pairs of neighbouring atoms of one parent, ``left < right``.
    cost, length : arrays of int
        For each pair: discounted and plain length of the common border, millimetres.
    """

    faces: Polygons
    atom_of_face: Ints
    home: Ints
    parent: Ints
    load: Ints
    largest: Ints
    buildings: Ints
    area_m2: npt.NDArray[np.float64]
    left: Ints
    right: Ints
    cost: Ints
    length: Ints


def build_atoms(ground: Ground) -> Atoms:
    """Make the atoms of a piece of ground.

    Raises
    ------
    GridError
        If a building lies on two pieces of one area that do not hang together.
    shapely.errors.GEOSException
        If the lines cannot be noded; no input is known that does this.
    """
    faces = build_faces(ground)
    if not len(faces.shapes):
        raise GridError("areas: all of them are narrower than a millimetre.")
    edges = faces.edges.only(faces.parent[faces.edges.one] == faces.parent[faces.edges.two])
    length = np.rint(np.hypot(*(edges.end - edges.start).T)).astype(np.int64)
    same = faces.owner[edges.one] == faces.owner[edges.two]
    atom = components(edges.one[same], edges.two[same], len(faces.shapes))
    home = _homes(faces, ground)
    atom = _absorb_scraps(atom, atom[home[home >= 0]], (edges.one, edges.two, length), shapely.area(faces.shapes))
    atom = _hold_together(atom, faces, edges, ground)
    return _gather(atom, home, faces, (edges, length), ground)


def _homes(faces: Faces, ground: Ground) -> Ints:
    """Give the face in which each building counts: one of its parent that holds its inner point, or is nearest."""
    home = np.full(len(ground.points), -1, np.int64)
    tree = shapely.STRtree(faces.shapes)
    for reach in (0.0, 10 * PRECISION_M):
        open_ = np.flatnonzero((ground.parent >= 0) & (home < 0))
        building, face = tree.query(ground.points[open_], predicate="dwithin", distance=reach)
        own = faces.parent[face] == ground.parent[open_[building]]
        building, face = open_[building[own]], face[own]
        order = np.lexsort((-face, building))
        home[building[order]] = face[order]
    lost = np.flatnonzero((ground.parent >= 0) & (home < 0))
    home[lost] = nearest(ground.points[lost], faces.shapes)
    return home


def _absorb_scraps(atom: Ints, homes: Ints, edges: tuple[Ints, Ints, Ints], areas: npt.NDArray[np.float64]) -> Ints:
    """Join each small empty atom to the neighbour with which it shares the longest border."""
    one, two, length = edges
    n = int(atom.max()) + 1
    scrap = (np.bincount(homes, minlength=n) == 0) & (np.bincount(atom, areas, minlength=n) < SCRAP_M2)
    a, b = np.concatenate([atom[one], atom[two]]), np.concatenate([atom[two], atom[one]])
    both = np.concatenate([length, length])
    wanted = scrap[a] & (a != b)
    if not wanted.any():
        return atom
    pairs, inverse = np.unique(np.stack([a[wanted], b[wanted]]), axis=1, return_inverse=True)
    shared = np.bincount(inverse.ravel(), both[wanted].astype(float))
    order = np.lexsort((pairs[1], -shared, pairs[0]))
    best = order[np.r_[True, np.diff(pairs[0][order]) != 0]]
    return components(pairs[0][best], pairs[1][best], n)[atom]


def _hold_together(atom: Ints, faces: Faces, edges: Edges, ground: Ground) -> Ints:
    """Join the atoms of a building that its area holds in several pieces, and what lies between, into one.

    A building across two areas is left as it is: there each area has its own part of it.
    """
    wide = 2 * shapely.area(faces.shapes) > WIDTH_M * shapely.length(faces.shapes)
    part = np.flatnonzero((faces.site >= 0) & wide)
    found = np.unique(np.stack([faces.site[part], faces.parent[part], atom[part]]), axis=1)
    _, first, pieces = np.unique(found[0], return_index=True, return_counts=True)
    torn = [found[1:, f : f + k] for f, k in zip(first, pieces, strict=True) if k > 1]
    torn = [pair[1] for pair in torn if len(set(pair[0].tolist())) == 1]
    if not torn:
        return atom
    n = int(atom.max()) + 1
    one, two = np.r_[atom[edges.one], atom[edges.two]], np.r_[atom[edges.two], atom[edges.one]]
    links = coo_array((np.ones(len(one)), (one, two)), shape=(n, n)).tocsr()
    links.sort_indices()
    joined: list[tuple[int, int]] = []
    for atoms in torn:
        above = breadth_first_order(links, atoms[0], return_predecessors=True)[1]
        for last in atoms[1:].tolist():
            while last != atoms[0]:
                if above[last] < 0:
                    _refuse(faces.shapes[np.flatnonzero(atom == last)[0]], ground)
                joined.append((last, int(above[last])))
                last = int(above[last])
    ends = np.array(joined, np.int64)
    return components(ends[:, 0], ends[:, 1], n)[atom]


def _refuse(face: shapely.Polygon, ground: Ground) -> None:
    """Say where a building lies on two pieces of an area."""
    x, y = shapely.get_coordinates(face.representative_point())[0] + ground.origin
    raise GridError(
        f"buildings: one near x {x:.1f} y {y:.1f} lies on two pieces of its area that do not hang together, so no "
        "cell can hold it whole; close the gap in the area, or divide the building."
    )


def _gather(atom: Ints, home: Ints, faces: Faces, borders: tuple[Edges, Ints], ground: Ground) -> Atoms:
    """Give the atoms their load, and list who borders on whom."""
    edges, length = borders
    n = int(atom.max()) + 1
    home = np.where(home >= 0, atom[home], -1)
    cost = _border_cost(edges, length, ground)
    left = np.minimum(atom[edges.one], atom[edges.two])
    right = np.maximum(atom[edges.one], atom[edges.two])
    between = left != right
    pairs, inverse = np.unique(np.stack([left[between], right[between]]), axis=1, return_inverse=True)
    totals = np.zeros((2, pairs.shape[1]), np.int64)
    np.add.at(totals[0], inverse.ravel(), cost[between])
    np.add.at(totals[1], inverse.ravel(), length[between])
    load, largest, count, parent = (np.zeros(n, np.int64) for _ in range(4))
    here = np.flatnonzero(home >= 0)
    np.add.at(load, home[here], ground.loads[here])
    np.add.at(count, home[here], 1)
    spots, which = np.unique(np.stack([home[here], faces.site_of_building[here]]), axis=1, return_inverse=True)
    of_site = np.zeros(spots.shape[1], np.int64)
    np.add.at(of_site, which.ravel(), ground.loads[here])
    np.maximum.at(largest, spots[0], of_site)
    parent[atom] = faces.parent
    area = np.bincount(atom, shapely.area(faces.shapes), minlength=n).astype(float)
    return Atoms(faces.shapes, atom, home, parent, load, largest, count, area, pairs[0], pairs[1], totals[0], totals[1])


def _border_cost(edges: Edges, length: Ints, ground: Ground) -> Ints:
    """Length of each edge in millimetres, discounted where it runs along a barrier, less where it runs near one."""
    factor = np.ones(len(length))
    if len(ground.lines) and len(length):
        middle = shapely.points((edges.start + edges.end) / 2 * PRECISION_M)
        tree = shapely.STRtree(ground.lines)
        for distance, share in ((NEAR_M, 0.5), (10 * PRECISION_M, 1.0)):
            edge, line = tree.query(middle, predicate="dwithin", distance=distance)
            np.minimum.at(factor, edge, 1 - share * (1 - ground.discounts[line]))
    return np.rint(length * factor).astype(np.int64)
