"""A plan of a lattice laid over an outline: which cells are there, and what is left of those at its border."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from gridgis import cover
from gridgis.lattice.borders import Bools, Floats, Ints
from gridgis.lattice.clip import Clipper, Polygons
from gridgis.lattice.covered import entered, surrounded
from gridgis.lattice.frames import Frame
from gridgis.lattice.loops import loops_of
from gridgis.lattice.mesh import Mesh
from gridgis.lattice.names import Names

SAME = 1e-12
"""Areas that differ by no more than this share of them are the same, up to some dust."""


@dataclass(frozen=True)
class Plan:
    """How a lattice is laid: its mesh, the plane in which that stands, the names of the cells.

    Attributes
    ----------
    what : str
        The kind of lattice and its size, in words.
    mesh : Mesh
    frame : Frame
    names : Names
    reach : float
        What is nearer to a border than this, in the unit of the mesh, lies on it; what is thinner is dust.
    """

    what: str
    mesh: Mesh
    frame: Frame
    names: Names
    reach: float

    def cut(self, shapes: Polygons, cleaned: bool = False) -> Clipper:
        """Bring polygons of the map to the mesh, and cut them by it; ``cleaned``: without what is thinner than dust."""
        shapes = self.frame.shapes_into(shapes)
        if cleaned:
            shapes = cover.unrounded(shapely.set_precision(shapes, self.reach))
        moved = shapely.transform(shapes, self._snapped)
        changed = np.flatnonzero(~shapely.equals_exact(moved, shapes) & ~shapely.is_valid(moved))
        moved[changed] = shapely.make_valid(moved[changed], method="structure", keep_collapsed=False)
        return Clipper(self.mesh, self.mesh.cut(loops_of(moved), self.reach), moved, self.reach)

    def _snapped(self, corners: Floats) -> Floats:
        """Put corners that stand within reach of a border onto it."""
        p, q = (b.snapped(v, self.reach) for b, v in zip((self.mesh.across, self.mesh.along), corners.T, strict=True))
        return np.stack([p, q], axis=1)


def found(clipper: Clipper) -> tuple[Bools, Bools]:
    """Tell which cells (rows x columns) an outline covers in part, and which wholly."""
    part = entered(clipper.mesh, clipper.pieces)
    ones = np.ones(len(clipper.pieces.loops.owner), np.int64)
    return part, (surrounded(clipper.mesh, clipper.pieces, ones) > 0) & ~part


@dataclass(frozen=True)
class Laid:
    """What there is of a lattice.

    Attributes
    ----------
    part, full : array of bool, rows x columns
        Cells at the border of the outline, of which a part is inside, and cells inside.
    special : array of int
        Numbers in the mesh of the cells that are not simply whole: cut, or with more corners on their rim; ascending.
    polygons : array of Polygon or MultiPolygon
        What these look like, in the coordinates of the mesh.
    """

    part: Bools
    full: Bools
    special: Ints
    polygons: Polygons


def lay(plan: Plan, outline: shapely.Geometry) -> Laid:
    """Lay a lattice over an outline, and prove that its cells add up to it.

    They do not where the outline touches itself within rounding: a spike that comes back on its own way, say. Then it
    is freed of what is thinner than dust and the lattice is laid anew; in the last resort, cells that are not put
    together by rule go through a general overlay.
    """
    shapes = np.array([outline], object)
    laid, sound = _laid(plan.cut(shapes), plan.reach)
    if not sound:
        clipper = plan.cut(shapes, cleaned=True)
        laid, sound = _laid(clipper, plan.reach)
        if not sound:
            laid, _ = _laid(clipper, plan.reach, overlay=True)
    return laid


def _laid(clipper: Clipper, reach: float, overlay: bool = False) -> tuple[Laid, bool]:
    """Lay a lattice; and tell whether all cells are valid and add up to the outline."""
    mesh = clipper.mesh
    part, full = found(clipper)
    nodes = np.unique(clipper.node_cell)
    special = np.union1d(np.flatnonzero(part), nodes[full.ravel()[nodes]])
    polygons = clipper.clipped(special, overlay)
    plain = full.copy()
    plain.ravel()[special] = False
    total = mesh.area(*np.nonzero(plain)).sum() + shapely.area(polygons).sum()
    wanted = shapely.area(clipper.outlines).sum()
    dust = reach * (mesh.across.period + mesh.along.period)
    sound = abs(total - wanted) <= SAME * wanted + dust and shapely.is_valid(polygons).all()
    thin = 2 * shapely.area(polygons) <= reach * shapely.length(polygons)
    part.ravel()[special[thin]] = False
    return Laid(part, full, special[~thin], polygons[~thin]), bool(sound)
