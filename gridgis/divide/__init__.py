"""Divide areas into cells: balanced, nested, along visible lines, and never through a building."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridgis import cover
from gridgis.check import (
    PARENT,
    GridError,
    GridWarning,
    check_grid,
    listed,
    require_frame,
    require_metre_crs,
    require_same_crs,
    require_text,
    require_unique,
    text_column,
)
from gridgis.divide.atoms import Atoms, Ground, build_atoms
from gridgis.divide.balance import Band, Region, balance_all

DISCOUNTS = {"hard": 0.05, "major": 0.15, "middle": 0.35, "minor": 0.6}
"""What a metre of border costs along each class of barrier, where open ground costs 1."""

EXCEPTIONS = {
    "giant building": "one building alone has more households than the upper bound",
    "too few households": "the area, or a part of it cut off from the rest, has fewer than the lower bound",
    "total not divisible": "no number of cells brings the households of the area into the band",
    "no division found": "the search ended without one; this does not say that there is none",
}
"""Why the load of a cell misses the band: the text in the column ``exception``, with its meaning."""

Ints = npt.NDArray[np.int64]

__all__ = ["DISCOUNTS", "EXCEPTIONS", "divide"]


def divide(
    areas: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    barriers: gpd.GeoDataFrame | None = None,
    *,
    households: tuple[int, int] = (100, 150),
    seed: int = 0,
) -> gpd.GeoDataFrame:
    """Divide areas into cells whose households lie in a band.

    Parameters
    ----------
    areas : GeoDataFrame
        The parents: ``code`` (text) and polygons that do not overlap, in a metre CRS.
    buildings : GeoDataFrame
        Footprints with ``households`` (a missing value counts as none, with a warning); ``persons`` is added up
        where there is such a column.
    barriers : GeoDataFrame, optional
        Lines that borders shall follow, with their class in ``barrier`` (hard, major, middle, minor).
    households : (low, high)
        The band, both ends in.
    seed : int
        Start of the chance in the search; one seed, one result.

    Returns
    -------
    GeoDataFrame
        One row a cell, in the CRS of ``areas``, by parent: ``parent_code`` (text), ``households`` (int),
        ``persons`` (float, where known), ``buildings`` (int), ``area_m2`` (float), ``exception`` (text, empty or
        a key of `EXCEPTIONS`) and ``geometry`` (Polygon). The cells are an edge-matched cover of the areas, and
        were checked to be one. A building across the border of two parents counts where its inner point lies.

    Raises
    ------
    GridError
        If an input breaks its contract, or areas overlap.

    Examples
    --------
    >>> cells = divide(example.areas, example.buildings, example.barriers, households=(20, 30))
    >>> cells["households"].between(20, 30).all()
    np.True_
    """
    band = _band(households)
    areas = _checked_areas(areas)
    loads = _checked_loads(buildings, areas)
    ground, origin, position = _ground(areas, buildings, loads, barriers)
    atoms = build_atoms(ground)
    labels, reasons = _cells_of(atoms, len(areas), band, seed)
    cells = _frame(atoms, labels, reasons, areas, origin)
    if "persons" in buildings.columns:
        cells.insert(2, "persons", _persons(cells, buildings, ground, origin, position))
    _prove(cells, areas, buildings)
    return cells


def _band(households: tuple[int, int]) -> Band:
    """The band, as whole numbers."""
    try:
        low, high = (int(value) for value in households)
    except (TypeError, ValueError):
        raise GridError(f"households: expected (low, high), got {households!r}.") from None
    if not 0 < low <= high or (low, high) != tuple(households):
        raise GridError(f"households: expected whole numbers with 0 < low <= high, got {tuple(households)}.")
    return Band(low, high)


def _checked_areas(areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The door for areas; they come out sorted by code."""
    frame = require_frame(areas, "areas", ["code"])
    require_metre_crs(frame.crs, "areas")
    require_text(frame, "code", "areas")
    require_unique(frame, "code", "areas")
    if not len(frame):
        raise GridError("areas: expected at least one, got an empty table.")
    frame = frame.sort_values("code", kind="stable").reset_index(drop=True)
    shapes = frame.geometry.to_numpy()
    faulty = ~np.isin(shapely.get_type_id(shapes), (3, 6)) | shapely.is_empty(shapes) | ~shapely.is_valid(shapes)
    if faulty.any():
        names = listed(frame["code"][faulty])
        raise GridError(f"areas: expected valid polygons; not so: {names}; read the file with gridgis.read_areas.")
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    for a, b in sorted(zip(first[first < second].tolist(), second[first < second].tolist(), strict=True)):
        parts = cover.wide_parts(shapely.intersection(shapes[a], shapes[b]))
        if parts:
            place, codes = parts[0].representative_point(), frame["code"]
            raise GridError(
                f"areas: {codes[a]} and {codes[b]} overlap on {sum(p.area for p in parts):.2f} m2 near "
                f"x {place.x:.1f} y {place.y:.1f}; a place has one parent, so mend the areas first."
            )
    return frame


def _checked_loads(buildings: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> Ints:
    """The door for buildings; their households as whole numbers."""
    frame = require_frame(buildings, "buildings", ["households"])
    require_same_crs(areas.crs, frame.crs, "areas and buildings")
    shapes = frame.geometry.to_numpy()
    faulty = (shapely.get_type_id(shapes) != 3) | shapely.is_empty(shapes) | ~shapely.is_valid(shapes)
    if faulty.any():
        rows = listed(frame.index[faulty])
        raise GridError(f"buildings: expected valid polygons; not so: rows {rows}; read them with read_buildings.")
    loads = pd.to_numeric(frame["households"], errors="coerce").to_numpy(float)
    given = frame["households"].notna().to_numpy()
    bad = given & ~(np.isfinite(loads) & (loads >= 0) & (loads == np.floor(loads)))
    if bad.any():
        raise GridError(
            f"buildings: expected whole households, 0 or more; not so in rows {listed(frame.index[bad])} "
            f"({listed(frame['households'][bad].tolist())})."
        )
    if (~given).any():
        warnings.warn(
            GridWarning(f"buildings: households are missing in {int((~given).sum())} rows and count as none."),
            stacklevel=3,
        )
    return np.where(given, np.nan_to_num(loads), 0).astype(np.int64)


def _ground(
    areas: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, loads: Ints, barriers: gpd.GeoDataFrame | None
) -> tuple[Ground, npt.NDArray[np.float64], Ints]:
    """Lay everything near the origin and in an order that does not hang on the order of the rows."""
    parents = areas.geometry.to_numpy()
    origin = np.floor(np.asarray(shapely.total_bounds(parents)[:2]))
    lines, discounts = _lines(areas, barriers)

    def near(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
        flat = shapely.force_2d(cover.unrounded(shapes))
        return shapely.transform(flat, lambda xy: (xy - origin).round(3))

    shapes = near(buildings.geometry.to_numpy())
    shapes = np.where(shapely.is_valid(shapes), shapes, shapely.buffer(shapes, 0))
    inside = np.zeros(len(shapes), bool)
    inside[shapely.STRtree(near(parents)).query(shapes, predicate="intersects")[0]] = True
    inside &= shapely.get_type_id(shapes) == 3
    position = np.flatnonzero(inside)
    position = position[_canonical(shapes[position], loads[position])]
    order = _canonical(near(lines), np.zeros(len(lines), np.int64))
    ground = Ground(near(parents), shapes[position], loads[position], near(lines)[order], discounts[order])
    return ground, origin, position


def _lines(
    areas: gpd.GeoDataFrame, barriers: gpd.GeoDataFrame | None
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float64]]:
    """The door for barriers; those that meet the areas, with the discount of their class."""
    if barriers is None or not len(barriers):
        return np.zeros(0, object), np.zeros(0)
    frame = require_frame(barriers, "barriers", ["barrier"])
    require_same_crs(areas.crs, frame.crs, "areas and barriers")
    unknown = sorted({str(value) for value in frame["barrier"]} - set(DISCOUNTS))
    if unknown:
        raise GridError(f"barriers: expected the classes {listed(DISCOUNTS)}, got {listed(unknown)}.")
    shapes = frame.geometry.to_numpy()
    if (~np.isin(shapely.get_type_id(shapes), (1, 5))).any():
        raise GridError("barriers: expected lines; read them with gridgis.read_barriers, which outlines polygons.")
    meet = np.unique(shapely.STRtree(shapes).query(areas.geometry.to_numpy(), predicate="intersects")[1])
    parts, part_of = shapely.get_parts(shapes[meet], return_index=True)
    return parts, frame["barrier"].map(DISCOUNTS).to_numpy(float)[meet][part_of]


def _canonical(shapes: npt.NDArray[np.object_], loads: Ints) -> Ints:
    """Order shapes by what they are: outline, then load."""
    keys = shapely.to_wkb(shapely.normalize(shapes))
    return np.array(sorted(range(len(shapes)), key=lambda i: (keys[i], loads[i])), np.int64)


def _cells_of(atoms: Atoms, parents: int, band: Band, seed: int) -> tuple[Ints, list[str]]:
    """Divide the atoms of every parent; number the cells, and say of each why it misses the band."""
    piece = _pieces(atoms)
    regions, members = [], []
    for number in range(int(piece.max()) + 1):
        here = np.flatnonzero(piece == number)
        members.append(here)
        regions.append(_region(atoms, here, band))
    labels = np.full(len(atoms.load), -1, np.int64)
    reasons: list[str] = []
    for here, found in zip(members, balance_all(regions, band, seed), strict=True):
        found = np.unique(found, return_inverse=True)[1]
        labels[here] = found + len(reasons)
        reasons += _reasons(atoms.load[here], found, band)
    return labels, reasons


def _pieces(atoms: Atoms) -> Ints:
    """Number the connected pieces of the parents."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(atoms.load)
    links = coo_array((np.ones(len(atoms.left)), (atoms.left, atoms.right)), shape=(n, n))
    piece = connected_components(links, directed=False)[1]
    return np.asarray(np.unique(piece, return_inverse=True)[1], np.int64)


def _region(atoms: Atoms, here: Ints, band: Band) -> Region:
    """The atoms of one piece, numbered from 0."""
    local = np.full(len(atoms.load), -1, np.int64)
    local[here] = np.arange(len(here))
    edges = np.flatnonzero(local[atoms.left] >= 0)
    load = np.minimum(atoms.load[here], band.high)
    cells = band.count(int(load.sum()))
    unit_mm = 1000 * float(np.sqrt(atoms.area_m2[here].sum() / cells))
    cost, length = atoms.cost[edges], atoms.length[edges]
    visible = 1 - cost / np.maximum(length, 1)
    return Region(load.tolist(), local[atoms.left[edges]], local[atoms.right[edges]], cost, visible, unit_mm)


def _reasons(load: Ints, labels: Ints, band: Band) -> list[str]:
    """Why each cell of one piece misses the band; empty where it does not."""
    held = np.minimum(load, band.high)
    total = int(held.sum())
    reasons = []
    for cell in range(int(labels.max()) + 1):
        loads = load[labels == cell]
        if band.low <= loads.sum() <= band.high:
            reasons.append("")
        elif (loads > band.high).any():
            reasons.append("giant building")
        elif total < band.low:
            reasons.append("too few households")
        elif band.miss(total, band.count(total)):
            reasons.append("total not divisible")
        else:
            reasons.append("no division found")
    return reasons


def _frame(
    atoms: Atoms, labels: Ints, reasons: Sequence[str], areas: gpd.GeoDataFrame, origin: npt.NDArray[np.float64]
) -> gpd.GeoDataFrame:
    """Unite the faces of each cell, and lay the cells back where they belong."""
    cell_of_face = labels[atoms.atom_of_face]
    order = np.argsort(cell_of_face, kind="stable")
    ends = np.cumsum(np.bincount(cell_of_face))
    merged = np.empty(len(ends), object)
    for cell, faces in enumerate(np.split(order, ends[:-1])):
        merged[cell] = shapely.coverage_union_all(atoms.faces[faces])
    merged = np.array([part.geoms[0] if part.geom_type != "Polygon" and len(part.geoms) == 1 else part for part in merged])
    shapes = shapely.normalize(shapely.transform(merged, lambda xy: (xy + origin).round(3)))
    parent = np.zeros(len(ends), np.int64)
    parent[labels] = atoms.parent
    columns = {
        PARENT: text_column(areas["code"].to_numpy(object)[parent]),
        "households": np.bincount(labels, atoms.load, minlength=len(ends)).astype(np.int64),
        "buildings": np.bincount(labels, atoms.buildings, minlength=len(ends)).astype(np.int64),
        "area_m2": shapely.area(shapes).round(2),
        "exception": text_column(reasons),
    }
    cells = gpd.GeoDataFrame(columns, geometry=shapes, crs=areas.crs)
    keys = shapely.to_wkb(shapes)
    by = sorted(range(len(cells)), key=lambda i: (columns[PARENT][i], keys[i]))
    return cells.iloc[by].reset_index(drop=True)


def _persons(
    cells: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    ground: Ground,
    origin: npt.NDArray[np.float64],
    position: Ints,
) -> npt.NDArray[np.float64]:
    """Add up the persons of each cell; NaN where no building of the cell states any."""
    persons = pd.to_numeric(buildings["persons"], errors="coerce").to_numpy(float)[position]
    points = shapely.transform(shapely.point_on_surface(ground.buildings), lambda xy: xy + origin)
    building, cell = shapely.STRtree(cells.geometry.to_numpy()).query(points, predicate="intersects")
    first = np.unique(building, return_index=True)[1]
    cell, known = cell[first], persons[building[first]]
    stated = np.isfinite(known)
    total = np.bincount(cell[stated], known[stated], minlength=len(cells))
    return np.where(np.bincount(cell[stated], minlength=len(cells)) > 0, total, np.nan)


def _prove(cells: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> None:
    """Check what is about to be returned; a fault here is a fault of this module."""
    proof = cells.assign(grid_code=[f"cell {i}" for i in range(len(cells))])
    own_fault = [finding for finding in check_grid(proof, areas=areas, buildings=buildings)
                 if finding.rule != "building_across_parents"]
    if own_fault:
        raise GridError(
            f"divide: the cells found are no valid cover, so none are returned; {len(own_fault)} faults, the first: "
            f"{own_fault[0]} Please report this with the data."
        )
