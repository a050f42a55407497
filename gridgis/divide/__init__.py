"""Divide areas into cells: balanced, nested, along visible lines, and never through a building."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import QhullError

from gridgis import cover
from gridgis.check import check_grid
from gridgis.contract import PARENT, GridError, GridWarning, listed, text_column
from gridgis.divide.atoms import Atoms, build_atoms
from gridgis.divide.balance import Band, Region, balance_all
from gridgis.divide.doors import (
    DISCOUNTS,
    checked_areas,
    checked_band,
    checked_lines,
    checked_loads,
    checked_seed,
    numbers,
)
from gridgis.divide.faces import components, containing
from gridgis.divide.ground import Ground

EXCEPTIONS = {
    "giant building": "one building, or several that overlap, has more households than the upper bound",
    "too few households": "the area, or a part of it cut off from the rest, has fewer than the lower bound, "
    "giant buildings not counted",
    "total not divisible": "no number of cells brings the households of the area, or of a part of it cut off from the "
    "rest, into the band, giant buildings not counted",
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
        One row a cell, in the CRS of ``areas``, by parent: ``parent_code`` (text), ``parent_name`` (text, where the
        areas have a ``name``), ``households`` (int), ``persons`` (float, where known), ``buildings`` (int),
        ``area_m2`` (float), ``exception`` (text, empty or a key of `EXCEPTIONS`) and ``geometry`` (Polygon). The cells
        are an edge-matched cover of the areas, and were checked to be one. A building across the border of two parents
        counts where its inner point lies.

    Raises
    ------
    GridError
        If an input breaks its contract, or areas overlap.

    Examples
    --------
    >>> cells = divide(example.areas, example.buildings, example.barriers, households=(20, 30))
    >>> cells["parent_name"].tolist(), cells["households"].tolist()
    (['West', 'West', 'East', 'East'], [24, 24, 24, 24])
    """
    band, seed = checked_band(households), checked_seed(seed)
    areas = checked_areas(areas)
    loads = checked_loads(buildings, areas)
    lines = checked_lines(areas, barriers)
    ground, position = _ground(areas, buildings, loads, lines)
    try:
        atoms = build_atoms(ground)
    except (shapely.errors.GEOSException, QhullError) as error:
        raise GridError(
            f"divide: the ground could not be laid out ({error}); please report this with the data."
        ) from error
    _every_area(atoms, areas)
    labels, reasons = _cells_of(atoms, band, seed)
    persons = numbers(buildings["persons"])[position] if "persons" in buildings.columns else None
    cells = _frame(atoms, labels, reasons, areas, (ground.origin, persons))
    if "name" in areas.columns:
        names = areas.set_index("code")["name"]
        cells.insert(1, "parent_name", text_column(names.loc[cells[PARENT]]))
    _prove(cells, areas, buildings)
    return cells


def _ground(
    areas: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    loads: Ints,
    lines: tuple[npt.NDArray[np.object_], npt.NDArray[np.float64]],
) -> tuple[Ground, Ints]:
    """Lay everything near the origin and in an order that does not hang on the order of the rows.

    Returns
    -------
    Ground
    array of int
        The row of each building of the ground.
    """
    origin = np.floor(np.asarray(shapely.total_bounds(areas.geometry.to_numpy())[:2]))

    def near(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
        flat = shapely.force_2d(cover.unrounded(shapes))
        return shapely.normalize(shapely.transform(flat, lambda xy: (xy - origin).round(3)))

    parents, shapes = near(areas.geometry.to_numpy()), near(buildings.geometry.to_numpy())
    parents = np.where(shapely.is_valid(parents), parents, shapely.buffer(parents, 0))
    points = _inner_points(buildings.geometry.to_numpy())
    parent = containing(points, cover.unrounded(areas.geometry.to_numpy()))
    _name_left_out(buildings, loads, parent >= 0)
    footprints = _sound(shapes)
    met = parent >= 0
    met[shapely.STRtree(parents).query(footprints, predicate="intersects")[0]] = True
    position = np.flatnonzero(met)
    position = position[_canonical(shapes[position], loads[position])]
    streets = near(lines[0])
    order = _canonical(streets, np.rint(lines[1] * 100).astype(np.int64))
    ground = Ground(
        parents,
        footprints[position],
        shapely.transform(points[position], lambda xy: xy - origin),
        parent[position],
        loads[position],
        streets[order],
        lines[1][order],
        origin,
    )
    return ground, position


def _inner_points(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Give a point in each building: it says where the building counts."""
    return shapely.point_on_surface(shapely.normalize(shapely.force_2d(cover.unrounded(shapes))))


def _sound(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Mend what rounding to the millimetre has made invalid; what is too thin to be left becomes empty."""
    mended = np.where(shapely.is_valid(shapes), shapes, shapely.buffer(shapes, 0))
    for i in np.flatnonzero(shapely.get_type_id(mended) != 3):
        mended[i] = max(shapely.get_parts(mended[i]), key=lambda part: part.area, default=shapely.Polygon())
    return shapely.normalize(mended)


def _name_left_out(buildings: gpd.GeoDataFrame, loads: Ints, counted: npt.NDArray[np.bool_]) -> None:
    """Warn of buildings that count for no cell."""
    if counted.all():
        return
    rows = listed(buildings.index[~counted])
    warnings.warn(
        GridWarning(
            f"buildings: {int((~counted).sum())} of {len(counted)} have their inner point outside all areas and count "
            f"for no cell, {int(loads[~counted].sum())} households with them; rows {rows}."
        ),
        stacklevel=4,
    )


def _canonical(shapes: npt.NDArray[np.object_], loads: Ints) -> Ints:
    """Order shapes by what they are: outline, then load."""
    keys = shapely.to_wkb(shapes)
    return np.array(sorted(range(len(shapes)), key=lambda i: (keys[i], loads[i])), np.int64)


def _every_area(atoms: Atoms, areas: gpd.GeoDataFrame) -> None:
    """Ask that each area has ground."""
    lost = np.setdiff1d(np.arange(len(areas)), atoms.parent)
    if len(lost):
        raise GridError(
            f"areas: {listed(areas['code'].iloc[lost])}: narrower than a millimetre, so no cell can be made; leave "
            "them out."
        )


def _cells_of(atoms: Atoms, band: Band, seed: int) -> tuple[Ints, list[str]]:
    """Divide the atoms of every parent; number the cells, and say of each why it misses the band."""
    piece = components(atoms.left, atoms.right, len(atoms.load))
    members = np.split(np.argsort(piece, kind="stable"), np.cumsum(np.bincount(piece))[:-1])
    edges = np.split(
        np.argsort(piece[atoms.left], kind="stable"), np.cumsum(_count(piece[atoms.left], len(members)))[:-1]
    )
    local = np.empty(len(atoms.load), np.int64)
    for here in members:
        local[here] = np.arange(len(here))
    regions = [_region(atoms, *both, local, band) for both in zip(members, edges, strict=True)]
    labels = np.full(len(atoms.load), -1, np.int64)
    reasons: list[str] = []
    for here, found in zip(members, balance_all(regions, band, seed), strict=True):
        found = np.unique(found, return_inverse=True)[1]
        labels[here] = found + len(reasons)
        reasons += _reasons(atoms.load[here], atoms.largest[here] > band.high, found, band)
    return labels, reasons


def _count(labels: Ints, n: int) -> Ints:
    """How often each of n labels stands."""
    return np.bincount(labels, minlength=n)


def _region(atoms: Atoms, here: Ints, edges: Ints, local: Ints, band: Band) -> Region:
    """The atoms of one piece, numbered from 0."""
    giants = atoms.largest[here] > band.high
    load = np.where(giants, 0, atoms.load[here])
    cells = band.count(int(load.sum()), int(giants.sum()))
    unit_mm = 1000 * float(np.sqrt(atoms.area_m2[here].sum() / cells))
    cost, length = atoms.cost[edges], atoms.length[edges]
    visible = 1 - cost / np.maximum(length, 1)
    left, right = local[atoms.left[edges]], local[atoms.right[edges]]
    return Region(load, giants.astype(np.int64), left, right, cost, visible, unit_mm)


def _reasons(load: Ints, giant: npt.NDArray[np.bool_], labels: Ints, band: Band) -> list[str]:
    """Why each cell of one piece misses the band; empty where it does not."""
    rest, giants = int(load[~giant].sum()), int(giant.sum())
    loads, with_giant = np.bincount(labels, load).astype(np.int64), np.bincount(labels, giant) > 0
    if rest < band.low:
        otherwise = "too few households"
    elif band.miss(rest, giants, band.count(rest, giants)):
        otherwise = "total not divisible"
    else:
        otherwise = "no division found"
    return [
        "" if band.low <= total <= band.high else "giant building" if has_giant else otherwise
        for total, has_giant in zip(loads.tolist(), with_giant.tolist(), strict=True)
    ]


def _frame(
    atoms: Atoms,
    labels: Ints,
    reasons: Sequence[str],
    areas: gpd.GeoDataFrame,
    more: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64] | None],
) -> gpd.GeoDataFrame:
    """Unite the faces of each cell, lay the cells back where they belong, and add up what they hold."""
    origin, persons = more
    cell_of_face = labels[atoms.atom_of_face]
    n = len(reasons)
    faces = np.split(atoms.faces[np.argsort(cell_of_face, kind="stable")], np.cumsum(_count(cell_of_face, n))[:-1])
    merged = [shapely.get_parts(shapely.coverage_union_all(part)) for part in faces]
    whole = np.array([part[0] if len(part) == 1 else shapely.multipolygons(part) for part in merged], object)
    shapes = shapely.normalize(shapely.transform(whole, lambda xy: (xy + origin).round(3)))
    parent = np.zeros(n, np.int64)
    parent[labels] = atoms.parent
    columns = {
        PARENT: text_column(areas["code"].to_numpy(object)[parent]),
        "households": np.bincount(labels, atoms.load, minlength=n).astype(np.int64),
        "buildings": np.bincount(labels, atoms.buildings, minlength=n).astype(np.int64),
        "area_m2": shapely.area(shapes).round(2),
        "exception": text_column(reasons),
    }
    cells = gpd.GeoDataFrame(columns, geometry=shapes, crs=areas.crs)
    if persons is not None:
        cells.insert(2, "persons", _persons(persons, np.where(atoms.home < 0, -1, labels[atoms.home]), n))
    keys = shapely.to_wkb(shapes)
    by = sorted(range(n), key=lambda i: (columns[PARENT][i], keys[i]))
    return cells.iloc[by].reset_index(drop=True)


def _persons(persons: npt.NDArray[np.float64], cell: Ints, n: int) -> npt.NDArray[np.float64]:
    """Add up the persons of each cell; NaN where no building of the cell states any."""
    stated = np.isfinite(persons) & (cell >= 0)
    total = np.bincount(cell[stated], persons[stated], minlength=n)
    return np.where(_count(cell[stated], n) > 0, total, np.nan)


def _prove(cells: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> None:
    """Check what is about to be returned; a fault here is a fault of this module."""
    proof = cells.assign(grid_code=[f"cell {i}" for i in range(len(cells))])
    own_fault = [
        finding
        for finding in check_grid(proof, areas=areas, buildings=buildings)
        if finding.rule != "building_across_parents"
    ]
    if own_fault:
        raise GridError(
            f"divide: the cells found are no valid cover, so none are returned; {len(own_fault)} faults, the first: "
            f"{own_fault[0]} Please report this with the data."
        )
