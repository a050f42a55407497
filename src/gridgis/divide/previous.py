"""Divide again: the grid in force stays as it is, but for cells that a change concerns and those around them.

Cells that nothing concerns are taken over as they are. The others are laid out anew, their old borders among the
lines; each building begins in its old cell, and moving it costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridgis import cover
from gridgis.contract import (
    CODE,
    PARENT,
    GridError,
    listed,
    require_frame,
    require_same_crs,
    require_text,
    require_unique,
)
from gridgis.divide.atoms import Atoms
from gridgis.divide.bands import Bands
from gridgis.divide.faces import components
from gridgis.divide.graph import Graph
from gridgis.divide.ground import Ground, bring_near, containing, inner_points
from gridgis.divide.moves import Stay

RINGS = 2
"""So many rings of neighbours around a cell that must change may change with it."""
OLD_BORDER = 0.3
"""What a metre of border costs along a border of the grid in force."""
STAY = 1.0
"""What it costs to move a building to another cell; the unit is the side of a square of mean cell size."""

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Previous:
    """The grid in force.

    Attributes
    ----------
    cells : GeoDataFrame
        Sorted by code.
    active : array of bool
        Cells that may change; the others are taken over as they are.
    areas : GeoDataFrame
        The areas, each with the outline of its cells where these cover it: it has a vertex wherever a border ends.
    """

    cells: gpd.GeoDataFrame
    active: Bools
    areas: gpd.GeoDataFrame

    @property
    def codes(self) -> npt.NDArray[np.object_]:
        """The code of each cell."""
        return self.cells[CODE].to_numpy(object)

    @property
    def parents(self) -> npt.NDArray[np.object_]:
        """The area of each cell."""
        return self.cells[PARENT].to_numpy(object)

    @property
    def crossed_m(self) -> npt.NDArray[np.float64]:
        """The hard barrier inside each cell, 0 where that is not known."""
        if "crossed_m" not in self.cells.columns:
            return np.zeros(len(self.cells))
        return np.nan_to_num(pd.to_numeric(self.cells["crossed_m"], errors="coerce").to_numpy(float))

    @property
    def shapes(self) -> npt.NDArray[np.object_]:
        """The outline of each cell."""
        return self.cells.geometry.to_numpy()


def checked_previous(
    previous: gpd.GeoDataFrame | None,
    areas: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    loads: Ints,
    bands: Bands,
    zones: npt.NDArray[np.object_],
) -> Previous | None:
    """The door for the grid in force; say which of its cells may change.

    Raises
    ------
    GridError
        If it is no grid of these areas.
    """
    if previous is None:
        return None
    frame = require_frame(previous, "previous", [CODE, PARENT])
    require_same_crs(areas.crs, frame.crs, "areas and previous")
    for column in (CODE, PARENT):
        require_text(frame, column, "previous")
    require_unique(frame, CODE, "previous")
    cells = frame[frame[PARENT].isin(set(areas["code"]))].sort_values(CODE, kind="stable").reset_index(drop=True)
    shapes = cover.unwrapped(cells.geometry.to_numpy())
    cells = cells.set_geometry(gpd.GeoSeries(shapes, cells.index, crs=cells.crs))
    faulty = (shapely.get_type_id(shapes) != 3) | shapely.is_empty(shapes) | ~shapely.is_valid(shapes)
    if not len(cells) or faulty.any():
        what = listed(cells[CODE][faulty]) if len(cells) else "no cell lies in these areas"
        raise GridError(f"previous: expected a grid of these areas, valid polygons with their codes; not so: {what}.")
    shifted = _shifted(cells, areas)
    must = _concerned(cells, buildings, loads, bands) | shifted
    if len(zones):
        cell, zone = shapely.STRtree(zones).query(shapes, predicate="intersects")
        deep = ~shapely.touches(shapes[cell], zones[zone])
        must[cell[deep]] = True
    return Previous(cells, _with_rings(cells, must), _outlined(areas, cells[~shifted]))


def _outlined(areas: gpd.GeoDataFrame, cells: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give areas the outline of their cells."""
    shapes = areas.geometry.to_numpy().copy()
    parents = cells[PARENT].to_numpy(object)
    for i, code in enumerate(areas["code"]):
        here = cells.geometry.to_numpy()[parents == code]
        if len(here):
            shapes[i] = shapely.union_all(shapely.get_parts(shapely.coverage_union_all(here)))
    return areas.set_geometry(gpd.GeoSeries(shapes, index=areas.index, crs=areas.crs))


def _concerned(cells: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, loads: Ints, bands: Bands) -> Bools:
    """Tell which cells miss their bands, or have a border that now cuts a building."""
    shapes, footprints = cells.geometry.to_numpy(), buildings.geometry.to_numpy()
    home = containing(inner_points(footprints), shapes)
    load = np.zeros((len(cells), loads.shape[1]), np.int64)
    np.add.at(load, home[home >= 0], loads[home >= 0])
    must = ~bands.inside(load)
    first = bands.names[0]
    if "exception" in cells.columns and first in cells.columns:
        known = (cells["exception"].fillna("").astype(str) != "") & (cells[first].to_numpy() == load[:, 0])
        must &= ~known.to_numpy(bool)
    parents = cells[PARENT].to_numpy(object)
    for _, pieces, _, _ in cover.cut_buildings(shapes, footprints):
        if len(set(parents[list(pieces)])) < len(pieces):
            must[list(pieces)] = True
    return must


def _shifted(cells: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> Bools:
    """Tell which cells belong to an area that they do not cover exactly."""
    must = np.zeros(len(cells), bool)
    parents, shapes = cells[PARENT].to_numpy(object), cells.geometry.to_numpy()
    whole = shapely.coverage_is_valid(shapes)
    for code, area in zip(areas["code"], areas.geometry, strict=True):
        here = np.flatnonzero(parents == code)
        faults = list(cover.parent_faults(area, shapes[here])) if len(here) else []
        must[here] = bool(faults) or (not whole and not shapely.coverage_is_valid(shapes[here]))
    return must


def _with_rings(cells: gpd.GeoDataFrame, must: Bools) -> Bools:
    """Add rings of neighbours of the same area."""
    shapes, parents = cells.geometry.to_numpy(), cells[PARENT].to_numpy(object)
    one, two = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    same = (one != two) & (parents[one] == parents[two])
    one, two = one[same], two[same]
    active = must.copy()
    for _ in range(RINGS):
        wider = active.copy()
        wider[two[active[one]]] = True
        active = wider
    return active


def earlier_cells(atoms: Atoms, ground: Ground, previous: Previous) -> Ints:
    """Give the earlier cell of each atom: that of its first building, else of its largest face."""
    shapes = bring_near(previous.shapes, ground.origin)
    earlier = np.full(len(atoms.parent), -1, np.int64)
    areas = shapely.area(atoms.faces)
    order = np.lexsort((np.arange(len(areas)), areas))
    earlier[atoms.atom_of_face[order]] = containing(shapely.point_on_surface(atoms.faces[order]), shapes)
    counted = np.flatnonzero(atoms.home >= 0)[::-1]
    cell = containing(ground.points[counted], shapely.transform(previous.shapes, lambda xy: xy - ground.origin))
    earlier[atoms.home[counted[cell >= 0]]] = cell[cell >= 0]
    return earlier


def start_of(graph: Graph, earlier: Ints, weight: Ints, unit_mm: int) -> tuple[Ints, Stay]:
    """Give the division to begin with, every part in one piece, and what it costs to leave it.

    Parameters
    ----------
    graph : Graph
    earlier : array of int
        The earlier cell of each node, -1 where it had none.
    weight : array of int
        Its buildings.
    unit_mm : int
        Border that costs one unit of energy.

    Returns
    -------
    array of int
        The part of each node, numbered as the earlier cells.
    Stay
    """
    n = len(earlier)
    stay = Stay(earlier.copy(), np.rint(weight * STAY * unit_mm).astype(np.int64))
    start = earlier.copy()
    if (start < 0).all():
        return np.zeros(n, np.int64), stay
    for _ in range(n + 1):
        same = (start[graph.left] == start[graph.right]) & (start[graph.left] >= 0)
        piece = components(graph.left[same], graph.right[same], n)
        size = np.bincount(piece, weight + 1e-6)
        order = np.lexsort((piece, -size[piece], start))
        main = np.zeros(n, bool)
        first = order[np.r_[True, np.diff(start[order]) != 0]]
        main[np.isin(piece, piece[first[start[first] >= 0]])] = True
        if main.all():
            return start, stay
        start[~main] = -1
        _spread(graph, start)
        if (start < 0).any():  # ground that no earlier cell reaches
            lone = start < 0
            same = lone[graph.left] & lone[graph.right]
            start[lone] = start.max() + 1 + components(graph.left[same], graph.right[same], n)[lone]
            return start, stay
    return start, stay


def _spread(graph: Graph, start: Ints) -> None:
    """Give each node without a part that of the neighbour with the longest border, from the parts outward."""
    a, b = np.r_[graph.left, graph.right], np.r_[graph.right, graph.left]
    cost = np.r_[graph.cost, graph.cost]
    while True:
        ready = (start[a] < 0) & (start[b] >= 0)
        if not ready.any():
            return
        order = np.flatnonzero(ready)[np.lexsort((start[b[ready]], -cost[ready], a[ready]))]
        first = order[np.r_[True, np.diff(a[order]) != 0]]
        start[a[first]] = start[b[first]]
