"""From faces to atoms: the smallest pieces of ground that are never divided, and who borders on whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order

from gridgis.contract import GridError
from gridgis.cover import WIDTH_M, Polygons, wide_parts
from gridgis.divide.faces import PRECISION_M, Edges, Faces, build_faces, components
from gridgis.divide.ground import Ground, nearest

SCRAP_M2 = 60.0
"""An empty piece of ground smaller than this joins its neighbour."""
NEAR_M = 6.0
"""A border this near a street that ends inside a block still counts as a border along it."""
ALONG_M = 0.01
"""A border this near a barrier runs along it."""
OPENING_M = 1.0
"""Two atoms with less common border than this free of a hard barrier are parted by it."""

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
    parent, zone, buildings : arrays of int
        For each atom: position of its parent, of its zone (-1 where it may be divided), number of its buildings.
    load, largest : arrays of int, atoms x measures
        Loads of each atom, and of its largest building (buildings that overlap taken as one).
    area_m2 : array of float
    left, right : arrays of int
        Pairs of neighbouring atoms of one parent, ``left < right``, ascending.
    cost, length, hard : arrays of int
        For each pair: discounted length of the common border, plain length, and how much of it is a hard barrier,
        millimetres.
    """

    faces: Polygons
    atom_of_face: Ints
    home: Ints
    parent: Ints
    zone: Ints
    buildings: Ints
    load: Ints
    largest: Ints
    area_m2: npt.NDArray[np.float64]
    left: Ints
    right: Ints
    cost: Ints
    length: Ints
    hard: Ints

    @property
    def parted(self) -> npt.NDArray[np.bool_]:
        """Tell which pairs a hard barrier parts: less than `OPENING_M` of their border is free of it."""
        return self.length - self.hard < np.minimum(OPENING_M * 1000, self.length)


def build_atoms(ground: Ground, empty_own_m2: float = np.inf, whole: Ints | None = None) -> Atoms:
    """Make the atoms of a piece of ground.

    Parameters
    ----------
    ground : Ground
    empty_own_m2 : float
        Empty land of this size is left for itself where hard barriers cut it off; smaller joins one bank.
    whole : array of int, optional
        Buildings that a division was found to cut: the atoms that hold parts of one become one.

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
    border = _border(edges, ground)
    own = faces.zone[edges.one] == faces.zone[edges.two]
    same = own & (faces.owner[edges.one] == faces.owner[edges.two])
    atom = components(edges.one[same], edges.two[same], len(faces.shapes))
    home = _homes(faces, ground)
    near = (edges.one[own], edges.two[own], border.length[own])
    atom = _absorb_scraps(atom, atom[home[home >= 0]], near, shapely.area(faces.shapes))
    atom = _hold_together(atom, faces, edges.only(own), ground)
    if whole is not None and len(whole):
        atom = _hold_whole(atom, faces, edges.only(own), ground, whole)
    atom = _join_banks(atom, (faces, edges, border), atom[home[home >= 0]], empty_own_m2)
    return _gather(atom, home, faces, (edges, border), ground)


@dataclass(frozen=True)
class _Border:
    """Lengths of edges in millimetres: plain, discounted, and of the part along a hard barrier."""

    length: Ints
    cost: Ints
    hard: Ints


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
    return _joined(torn, atom, faces, edges, ground)


def _hold_whole(atom: Ints, faces: Faces, edges: Edges, ground: Ground, whole: Ints) -> Ints:
    """Join the atoms that hold parts of a building wider than rounding, in each area and zone."""
    building, face = shapely.STRtree(faces.shapes).query(ground.buildings[whole], predicate="intersects")
    common = shapely.intersection(ground.buildings[whole[building]], faces.shapes[face])
    wide = np.array([bool(wide_parts(part)) for part in common], bool)
    building, face = building[wide], face[wide]
    found = np.unique(np.stack([building, faces.parent[face], faces.zone[face], atom[face]]), axis=1)
    _, first, pieces = np.unique(found[:3], axis=1, return_index=True, return_counts=True)
    torn = [found[3, f : f + k] for f, k in zip(first, pieces, strict=True) if k > 1]
    return _joined(torn, atom, faces, edges, ground)


def _joined(torn: list[Ints], atom: Ints, faces: Faces, edges: Edges, ground: Ground) -> Ints:
    """Join the atoms of each list, and what lies between, into one."""
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


def _join_banks(atom: Ints, drawn: tuple[Faces, Edges, _Border], homes: Ints, empty_own_m2: float) -> Ints:
    """Join each empty atom that hard barriers cut off from all buildings, such as a river, to one of its banks.

    Else a cell could cross the barrier by way of the river.
    """
    faces, edges, border = drawn
    if not border.hard.any():
        return atom
    n = int(atom.max()) + 1
    own = faces.zone[edges.one] == faces.zone[edges.two]
    one, two = atom[edges.one[own]], atom[edges.two[own]]
    between = one != two
    pairs, inverse = np.unique(np.stack([one[between], two[between]]).T, axis=0, return_inverse=True)
    length, hard = (np.bincount(inverse.ravel(), of[own][between], len(pairs)) for of in (border.length, border.hard))
    one, two = pairs[:, 0], pairs[:, 1]
    open_ = length - hard >= np.minimum(OPENING_M * 1000, length)
    piece = components(one[open_], two[open_], n)
    empty = np.ones(n, bool)
    empty[homes] = False
    area = np.bincount(piece[atom], shapely.area(faces.shapes))
    dead = (np.bincount(piece, ~empty) == 0) & (area < empty_own_m2)
    dead[piece[atom[faces.zone >= 0]]] = False
    joins: list[tuple[int, int]] = []
    waiting = dead[piece]
    a, b, shared = np.r_[one, two], np.r_[two, one], np.r_[length, length]
    while True:
        ready = waiting[a] & ~waiting[b]
        if not ready.any():
            break
        order = np.flatnonzero(ready)[np.lexsort((b[ready], -shared[ready], a[ready]))]
        first = order[np.r_[True, np.diff(a[order]) != 0]]
        joins += list(zip(a[first].tolist(), b[first].tolist(), strict=True))
        waiting[a[first]] = False
    if not joins:
        return atom
    ends = np.array(joins, np.int64)
    return components(ends[:, 0], ends[:, 1], n)[atom]


def _gather(atom: Ints, home: Ints, faces: Faces, borders: tuple[Edges, _Border], ground: Ground) -> Atoms:
    """Give the atoms their load, and list who borders on whom."""
    edges, border = borders
    n, measures = int(atom.max()) + 1, ground.loads.shape[1]
    home = np.where(home >= 0, atom[home], -1)
    left = np.minimum(atom[edges.one], atom[edges.two])
    right = np.maximum(atom[edges.one], atom[edges.two])
    between = left != right
    keys, inverse = np.unique(left[between] * n + right[between], return_inverse=True)
    totals = [np.bincount(inverse, of[between], len(keys)) for of in (border.cost, border.length, border.hard)]
    cost, length, hard = (np.rint(of).astype(np.int64) for of in totals)
    load, largest = np.zeros((n, measures), np.int64), np.zeros((n, measures), np.int64)
    here = np.flatnonzero(home >= 0)
    np.add.at(load, home[here], ground.loads[here])
    spots, which = np.unique(np.stack([home[here], faces.site_of_building[here]]), axis=1, return_inverse=True)
    of_site = np.zeros((spots.shape[1], measures), np.int64)
    np.add.at(of_site, which.ravel(), ground.loads[here])
    np.maximum.at(largest, spots[0], of_site)
    parent, zone = np.zeros(n, np.int64), np.zeros(n, np.int64)
    parent[atom], zone[atom] = faces.parent, faces.zone
    return Atoms(
        faces.shapes,
        atom,
        home,
        parent,
        zone,
        np.bincount(home[here], minlength=n),
        load,
        largest,
        np.bincount(atom, shapely.area(faces.shapes), minlength=n).astype(float),
        keys // n,
        keys % n,
        cost,
        length,
        hard,
    )


def _border(edges: Edges, ground: Ground) -> _Border:
    """Measure the edges: less where they run along a barrier, somewhat less where they run near one."""
    length = np.rint(np.hypot(*(edges.end - edges.start).T)).astype(np.int64)
    factor, hard = np.ones(len(length)), np.zeros(len(length), bool)
    if len(ground.barriers.shapes) and len(length):
        middle = shapely.points((edges.start + edges.end) / 2 * PRECISION_M)
        tree = shapely.STRtree(ground.barriers.shapes)
        for distance, share in ((NEAR_M, 0.5), (ALONG_M, 1.0)):
            edge, line = tree.query(middle, predicate="dwithin", distance=distance)
            np.minimum.at(factor, edge, 1 - share * (1 - ground.barriers.discounts[line]))
        hard[edge[ground.barriers.hard[line]]] = True
    return _Border(length, np.rint(length * factor).astype(np.int64), np.where(hard, length, 0))
