"""Clipped cells from the edges in them and their rim, without a general overlay.

The edges of an outline in a cell form chains. As a rule each chain comes in over the rim and goes out over it; the
clipped cell is then the chain, and the rim from its end to where the next chain begins, against the clock. All such
cells are put together at once, in arrays. Cells where the rule does not hold - closed rings inside, corners of the
outline on the rim - are put together one by one, from the same corners. So neighbours match vertex by vertex.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from gridgis.lattice.borders import Bools, Floats, Ints
from gridgis.lattice.chains import Joints, cells_of, chains_of, joints_of, places_of, rim_nodes
from gridgis.lattice.mesh import Mesh, Pieces

ROUNDING = 1e-9
"""Areas that differ by no more than this share of them are the same."""

Polygons = npt.NDArray[np.object_]


class Clipper:
    """The clipped cells of outlines.

    Parameters
    ----------
    mesh : Mesh
    pieces : Pieces
        The outlines, cut by the mesh.
    outlines : array of Polygon or MultiPolygon
        The outlines themselves, by owner.
    reach : float
        What is nearer than this is dust, in the unit of the mesh.
    """

    def __init__(self, mesh: Mesh, pieces: Pieces, outlines: Polygons, reach: float) -> None:
        self.mesh, self.pieces, self.outlines, self.reach = mesh, pieces, outlines, reach
        loops = pieces.loops
        self.cell = cells_of(mesh, loops.owner[loops.ring], pieces.row, pieces.col)
        self.node_cell, self.node = rim_nodes(mesh, pieces)

    def clipped(self, cells: Ints, overlay: bool = False) -> Polygons:
        """Give the clipped polygons of cells.

        Parameters
        ----------
        cells : array of int
            Numbers, ascending, each once.
        overlay : bool
            Put the cells that are put together one by one through a general overlay. It is slower; an outline that
            touches itself within rounding needs it.

        Returns
        -------
        array of Polygon or MultiPolygon
            In the coordinates of the mesh; a cell in pieces is one MultiPolygon.
        """
        done, shapes = self._by_rule()
        asked = np.isin(done, cells)
        done, shapes = done[asked], shapes[asked]
        sound = _mended(shapes)
        done, shapes = done[sound], shapes[sound]
        rest = np.setdiff1d(cells, done, assume_unique=True)
        result = np.empty(len(cells), object)
        result[np.searchsorted(cells, done)] = shapes
        result[np.searchsorted(cells, rest)] = self._overlaid(rest) if overlay else self._one_by_one(rest)
        return result

    def _by_rule(self) -> tuple[Ints, Polygons]:
        """The cells in which chains go from rim to rim: numbers, ascending, and polygons."""
        chains, odd = chains_of(self.pieces, self.cell)
        chains = chains.only(~np.isin(chains.cell, odd))
        joints, _ = joints_of(self.mesh, self.pieces, chains, self.node_cell, self.reach)
        order, ring = _rings(joints)
        coordinates, ends = self._coordinates(joints, order, ring)
        offsets = np.append(0, ends)
        polygons = shapely.from_ragged_array(
            shapely.GeometryType.POLYGON, coordinates, (offsets, np.arange(len(offsets)))
        )
        leaders = order[np.flatnonzero(np.diff(ring, prepend=-1))]
        return _together(joints.chains.cell[leaders], np.asarray(polygons, object))

    def _coordinates(self, joints: Joints, order: Ints, ring: Ints) -> tuple[Floats, Ints]:
        """All corners of all rings, closed, and where each ring ends."""
        chains, loops, sides = joints.chains.only(order), self.pieces.loops, self.mesh.sides
        _, row, col = places_of(self.mesh, chains.cell)
        corners = self.mesh.corners(row, col)
        closes = np.diff(ring, append=-1) != 0
        sizes = chains.edges + 1 + joints.corners[order] + closes
        begin = np.cumsum(sizes) - sizes
        result = np.empty((int(sizes.sum()), 2))
        step = _steps(chains.edges)
        corner = chains.order[np.repeat(chains.first, chains.edges) + step]
        place = np.repeat(begin, chains.edges) + step
        result[place, 0], result[place, 1] = loops.p[corner], loops.q[corner]
        place = begin + chains.edges
        result[place, 0], result[place, 1] = loops.p[chains.end], loops.q[chains.end]
        count = joints.corners[order]
        step = _steps(count)
        side = (np.repeat(joints.side[order] + 1, count) + step) % sides
        result[np.repeat(place + 1, count) + step] = corners[np.repeat(np.arange(len(count)), count), side]
        last = begin[closes] + sizes[closes] - 1
        first = begin[np.flatnonzero(np.diff(ring, prepend=-1))]
        result[last] = result[first]
        return result, last + 1

    def _one_by_one(self, cells: Ints) -> list[shapely.Geometry]:
        """Clipped cells from the faces between all lines in them."""
        owner, _, _ = places_of(self.mesh, cells)
        inner = np.flatnonzero(~self.pieces.along & np.isin(self.cell, cells))
        inner = inner[np.argsort(self.cell[inner], kind="stable")]
        loops, following = self.pieces.loops, self.pieces.loops.after()
        edges = np.stack([loops.p[inner], loops.q[inner], loops.p[following[inner]], loops.q[following[inner]]], axis=1)
        low, high = (np.searchsorted(self.cell[inner], cells, side=side) for side in ("left", "right"))
        rims = self._rims(cells)
        shapely.prepare(self.outlines)
        shapes = []
        for i in range(len(cells)):
            lines = np.concatenate([edges[low[i] : high[i]], rims[i]]).reshape(-1, 2, 2)
            faces = shapely.get_parts(shapely.polygonize(shapely.linestrings(lines)))
            inside = shapely.point_on_surface(faces)
            outline = self.outlines[owner[i]]
            kept = faces[shapely.contains_xy(outline, shapely.get_x(inside), shapely.get_y(inside))]
            shapes.append(kept[0] if len(kept) == 1 else shapely.multipolygons(kept))
        return shapes

    def _overlaid(self, cells: Ints) -> list[shapely.Geometry]:
        """Clipped cells by intersection; corners of the outline on the rim stand on it before."""
        owner, _, _ = places_of(self.mesh, cells)
        wholes = [shapely.polygons(rim[:, :2]) for rim in self._rims(cells)]
        return [_polygonal(shapely.intersection(*pair)) for pair in zip(wholes, self.outlines[owner], strict=True)]

    def _rims(self, cells: Ints) -> list[Floats]:
        """The rim of each cell as lines from corner to corner, corners of the outline among them."""
        _, row, col = places_of(self.mesh, cells)
        asked = np.isin(self.node_cell, cells)
        node, node_cell = self.node[asked], self.node_cell[asked]
        corners = self.mesh.corners(row, col).reshape(-1, 2)
        cell = np.append(np.repeat(cells, self.mesh.sides), node_cell)
        p = np.append(corners[:, 0], self.pieces.loops.p[node])
        q = np.append(corners[:, 1], self.pieces.loops.q[node])
        _, row, col = places_of(self.mesh, cell)
        rim = self.mesh.rim(row, col, p, q)
        around = np.lexsort((rim.way, rim.side, cell))
        around = around[rim.side[around] >= 0]
        rims = []
        for here in np.split(around, np.flatnonzero(np.diff(cell[around])) + 1):
            points = np.stack([p[here], q[here]], axis=1)
            points = points[(points != np.roll(points, 1, axis=0)).any(axis=1)]
            rims.append(np.concatenate([points, np.roll(points, -1, axis=0)], axis=1))
        return rims


def _rings(joints: Joints) -> tuple[Ints, Ints]:
    """Chains in the order of cells and of the rings they join to; and the number of the ring of each."""
    count = len(joints.next)
    leader, jump = np.arange(count), joints.next.copy()
    for _ in range(max(count, 1).bit_length()):
        leader = np.minimum(leader, leader[jump])
        jump = jump[jump]
    step = np.zeros(count, np.int64)
    at, n = np.flatnonzero(leader == np.arange(count)), 0
    while len(at):
        step[at], n = n, n + 1
        at = joints.next[at]
        at = at[leader[at] != at]
    order = np.lexsort((step, leader, joints.chains.cell))
    return order, leader[order]


def _together(cells: Ints, polygons: Polygons) -> tuple[Ints, Polygons]:
    """One shape to a cell: the polygon, or a MultiPolygon of several."""
    numbers, first, count = np.unique(cells, return_index=True, return_counts=True)
    shapes = polygons[first]
    many = np.flatnonzero(np.repeat(count, count) > 1)
    if len(many):
        group = np.repeat(np.arange(len(numbers)), count)[many]
        several, index = np.unique(group, return_inverse=True)
        shapes[several] = shapely.multipolygons(polygons[many], indices=index)
    return numbers, shapes


def _mended(shapes: Polygons) -> Bools:
    """Tell which shapes are valid, or have become so in place by no more than the loss of a spike without width."""
    sound = shapely.is_valid(shapes)
    faulty = np.flatnonzero(~sound)
    mended = shapely.make_valid(shapes[faulty], method="structure", keep_collapsed=False)
    same = np.abs(shapely.area(mended) - shapely.area(shapes[faulty])) <= ROUNDING * shapely.area(shapes[faulty])
    shapes[faulty[same]] = mended[same]
    sound[faulty[same]] = True
    return sound


def _steps(counts: Ints) -> Ints:
    """0, 1, 2, ... up to each count, one after the other."""
    return np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)


def _polygonal(shape: shapely.Geometry) -> shapely.Geometry:
    """The polygons of a shape, without lines and points."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    kept = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    return kept[0] if len(kept) == 1 else shapely.multipolygons(kept)
