"""Divide areas into cells: balanced, nested, along visible lines, and never through a building."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import QhullError

from gridgis.check import Finding, check_grid
from gridgis.contract import PARENT, GridError, GridWarning, listed
from gridgis.cover import cut_buildings
from gridgis.divide.atoms import Atoms, build_atoms
from gridgis.divide.cells import EXCEPTIONS, PROVEN, table
from gridgis.divide.doors import (
    DISCOUNTS,
    checked_areas,
    checked_counts,
    checked_jobs,
    checked_lines,
    checked_loads,
    checked_profile,
    checked_seed,
    checked_zones,
    name_across,
)
from gridgis.divide.ground import Ground, lay_ground
from gridgis.divide.plots import EMPTY_M2
from gridgis.divide.previous import OLD_BORDER, Previous, checked_previous
from gridgis.divide.profiles import PROFILES, Profile
from gridgis.divide.work import Order, divide_atoms

Ints = npt.NDArray[np.int64]

__all__ = ["DISCOUNTS", "EXCEPTIONS", "PROFILES", "PROVEN", "Profile", "divide"]


def divide(  # noqa: PLR0913 - what users ask for by name
    areas: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    barriers: gpd.GeoDataFrame | None = None,
    *,
    households: tuple[int, int] | None = None,
    persons: tuple[int, int] | None = None,
    profile: Profile | str | None = None,
    cells: int | Mapping[str, int] | Sequence[int] | None = None,
    dedicated: gpd.GeoDataFrame | None = None,
    fixed: gpd.GeoDataFrame | None = None,
    previous: gpd.GeoDataFrame | None = None,
    empty: str | None = None,
    seed: int = 0,
    jobs: int = 1,
) -> gpd.GeoDataFrame:
    """Divide areas into cells whose households, or other loads, lie in a band.

    Parameters
    ----------
    areas : GeoDataFrame
        The parents: ``code`` (text) and polygons that do not overlap, in a metre CRS.
    buildings : GeoDataFrame
        Footprints with a column for each load that is balanced, such as ``households`` (a missing value counts as
        none, with a warning); ``households`` and ``persons`` are added up where there are such columns.
    barriers : GeoDataFrame, optional
        Lines that borders shall follow, with their class in ``barrier`` (hard, major, middle, minor). No cell has
        buildings on both sides of a hard one, unless the area cannot be divided otherwise: see ``crossed_m``.
    households, persons : (low, high), optional
        The bands, both ends in; where both are given, both hold. 100 to 150 households without either.
    profile : Profile or str, optional
        Instead: any loads, targets, one band or another, a policy; or the name of one of `PROFILES`.
    cells : int, sequence of int, or mapping of str to int, optional
        The wanted number of cells: in all (shared out by load), or for each area by its code; or of nested levels,
        the finest last, such as ``(7, 25, 68)``. Without a band, a cell may have a fifth less or more than the mean.
    dedicated : GeoDataFrame, optional
        Polygons (a campus, a hospital, a market) that become cells of their own, whatever they hold.
    fixed : GeoDataFrame, optional
        Cells drawn by hand that stay. A border that would cut a building, here and of dedicated cells, goes round it.
    previous : GeoDataFrame, optional
        The grid in force (``grid_code``, ``parent_code``); the new one departs from it as little as the bands allow.
    empty : str, optional
        ``attach`` (the default): empty land joins a neighbouring cell. ``own_cell``: see `Profile`.
    seed : int
        Start of the chance in the search; one seed, one result.
    jobs : int
        Processes that may work side by side; the result is the same. With more than one, a script must guard its
        start with ``if __name__ == "__main__":``.

    Returns
    -------
    GeoDataFrame
        One row a cell, in the CRS of ``areas``, by parent: ``parent_code`` (text), ``parent_name`` (text, where the
        areas have a ``name``), ``level_1``, ... (int, with nested levels: the parts of each level within an area,
        from 1), ``households`` (int) and other loads (int), ``persons`` (float, where known), ``buildings`` (int),
        ``area_m2`` (float), ``kind`` (text: regular, dedicated, fixed, empty), ``exception`` (text, empty or a key of
        `EXCEPTIONS`), ``barrier_share`` (float, share of the outline along a barrier), ``crossed_m`` (float, hard
        barrier inside a cell with buildings on both sides of it), ``previous_code`` (text, with ``previous``: the
        cell that it goes on from, or empty) and ``geometry`` (Polygon). The cells are an edge-matched cover of the
        areas, and were checked to be one. A building across the border of two parents counts where its inner point
        lies.

    Raises
    ------
    GridError
        If an input breaks its contract, or areas overlap; all faults of the areas are told at once.

    Warns
    -----
    GridWarning
        If buildings lie across the border of two areas, or outside all; if loads are missing; if there are narrow gaps
        between areas; if another number of cells was made than was asked for.

    Examples
    --------
    >>> cells = divide(example.areas, example.buildings, example.barriers, households=(20, 30))
    >>> cells["parent_name"].tolist(), cells["households"].tolist()
    (['West', 'West', 'East', 'East'], [24, 24, 24, 24])
    """
    wanted = checked_profile(households, persons, profile, buildings)
    if empty is not None:
        wanted = Profile(wanted.bands, wanted.targets, wanted.either, empty, wanted.together_m)
    workers, bands = checked_jobs(jobs), wanted.as_bands()
    areas = checked_areas(areas)
    counts = checked_counts(cells, areas)
    open_band = bool(counts) and households is None and persons is None and profile is None
    loads = checked_loads(buildings, areas, bands.names)
    name_across(areas, buildings)
    lines = checked_lines(areas, barriers)
    zones, kinds = checked_zones(dedicated, fixed, areas)
    if previous is not None and counts:
        raise GridError("cells: with a previous grid the number of cells follows from it; give only one of them.")
    before = checked_previous(previous, areas, buildings, loads, bands, zones)
    if before is not None:
        still = ~before.active
        zones, kinds = np.r_[zones, before.shapes[still]], [*kinds, *[""] * int(still.sum())]
        lines = lines.with_more(shapely.boundary(before.shapes[before.active]), OLD_BORDER)
    ground = lay_ground(before.areas if before else areas, buildings, loads, lines, zones)
    order = Order(areas["code"].tolist(), wanted, counts, open_band, checked_seed(seed), workers)
    made = _divided(ground, (areas, buildings), order, before, kinds)
    _name_missed(made, counts)
    return made


def _divided(
    ground: Ground,
    tables: tuple[gpd.GeoDataFrame, gpd.GeoDataFrame],
    order: Order,
    before: Previous | None,
    kinds: Sequence[str],
) -> gpd.GeoDataFrame:
    """Divide and check; where a building came out cut, once more, what lies around it held together."""
    areas, buildings = tables
    whole, faults = np.zeros(0, np.int64), list[Finding]()
    for _ in range(2):
        atoms = _atoms(ground, areas, order.profile, whole)
        division, plots, found = divide_atoms(atoms, ground, order, before, kinds)
        names = (order.profile.as_bands(), found, kinds, before)
        made = table(atoms, division, plots, ground, areas, buildings, names)
        faults = _own_faults(made, areas, buildings)
        if not faults:
            return made
        cells = shapely.transform(made.geometry.to_numpy(), lambda xy: xy - ground.origin)
        whole = np.array([found[0] for found in cut_buildings(cells, ground.buildings)], np.int64)
    raise GridError(
        f"divide: the cells found are no valid cover, so none are returned; {len(faults)} faults, the first: "
        f"{faults[0]} Please report this with the data."
    )


def _atoms(ground: Ground, areas: gpd.GeoDataFrame, wanted: Profile, whole: Ints) -> Atoms:
    """Lay out the ground; a fault of the geometry becomes a sentence."""
    try:
        atoms = build_atoms(ground, EMPTY_M2 if wanted.empty == "own_cell" else np.inf, whole)
    except (shapely.errors.GEOSException, QhullError) as error:
        raise GridError(
            f"divide: the ground could not be laid out ({error}); please report this with the data."
        ) from error
    lost = np.setdiff1d(np.arange(len(areas)), atoms.parent)
    if len(lost):
        raise GridError(
            f"areas: {listed(areas['code'].iloc[lost])}: narrower than a millimetre, so no cell can be made; leave "
            "them out."
        )
    return atoms


def _name_missed(cells: gpd.GeoDataFrame, counts: tuple[int, ...] | dict[str, int]) -> None:
    """Warn where another number of cells was made than was asked for: no cell is made without buildings."""
    regular = cells[cells["kind"] == "regular"]
    if isinstance(counts, dict):
        numbers = regular["parent_code"].value_counts()
        asked = {f"area {code}: ": (int(count), int(numbers.get(code, 0))) for code, count in sorted(counts.items())}
    else:
        levels = [f"level_{level}" for level in range(1, len(counts))]
        numbers = [len(regular[[PARENT, name]].drop_duplicates()) for name in levels]
        words = [*(f"parts of level {level}: " for level in range(1, len(counts))), ""]
        asked = dict(zip(words, zip(counts, [*numbers, len(regular)], strict=True), strict=False)) if counts else {}
    missed = [f"{what}{want} asked for, {got} made" for what, (want, got) in asked.items() if want != got]
    if missed:
        text = f"cells: {listed(missed, 20)}; a building is not divided, and no cell is made without one."
        warnings.warn(GridWarning(text), stacklevel=3)


def _own_faults(cells: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> list[Finding]:
    """Check what is about to be returned; a fault here is a fault of this module."""
    proof = cells.assign(grid_code=[f"cell {i}" for i in range(len(cells))])
    report = check_grid(proof, areas=areas, buildings=buildings)
    return [finding for finding in report if finding.rule != "building_across_parents"]
