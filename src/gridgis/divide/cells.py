"""From labelled atoms to the table of cells: outlines, loads, what their borders follow, and why a load misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridgis.contract import PARENT, text_column
from gridgis.divide.atoms import ALONG_M, Atoms
from gridgis.divide.bands import Bands
from gridgis.divide.faces import components
from gridgis.divide.ground import Ground
from gridgis.divide.plots import EMPTY_LAND, GIVEN, Plot
from gridgis.divide.previous import Previous

EXCEPTIONS = {
    "giant building": "one building, or several that overlap, has more households than the upper bound",
    "too few households": "the area, or a part of it that does not hang together with the rest, has fewer than the "
    "lower bound, giant buildings not counted",
    "cut off by barrier": "the part of the area in which the cell lies is cut off by a hard barrier, or by cells that "
    "were given, and has too few households; more ground across it would not help",
    "total not divisible": "no number of cells brings the households of the area, or of a part of it cut off from the "
    "rest, into the band, as its buildings are not divided; giant buildings not counted",
    "awkward buildings": "it is proven that no connected cell in the band can hold one of its buildings, or that its "
    "part of the area cannot be divided into such cells",
    "no division found": "the search ended without one; this does not say that there is none",
    "dedicated cell": "the cell was asked for as it is, whatever it holds",
    "fixed cell": "the cell was asked to stay as it is, whatever it holds",
    "empty land": "the cell is wide empty land, which was asked to be a cell of its own",
}
"""Why the load of a cell misses the band: the text in the column ``exception``, with its meaning."""

PROVEN = ("giant building", "too few households", "total not divisible", "awkward buildings")
"""Exceptions that no division can help."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Division:
    """The atoms of the ground with their cells, numbered from 0.

    Attributes
    ----------
    label : array of int
        The cell of each atom.
    levels : array of int, upper levels x cells
        The part of each upper level in which a cell lies, numbered over all areas.
    plot : array of int
        The plot of each cell.
    earlier : array of int
        The earlier cell that a cell goes on from, -1 where it is new.
    proven : array of bool
        Cells that miss the band, and it is proven that no division can help.
    """

    label: Ints
    levels: Ints
    plot: Ints
    earlier: Ints
    proven: npt.NDArray[np.bool_]


def reasons(
    atoms: Atoms, division: Division, plots: Sequence[Plot], bands: Sequence[Bands], kinds: Sequence[str]
) -> list[str]:
    """Say why each cell misses its bands; empty where it does not.

    Parameters
    ----------
    atoms : Atoms
    division : Division
    plots : sequence of Plot
    bands : sequence of Bands
        Of each plot.
    kinds : sequence of str
        The exception of each zone, ``dedicated cell`` or ``fixed cell``; empty for a cell that is kept.
    """
    n = len(division.plot)
    load = np.zeros((n, atoms.load.shape[1]), np.int64)
    np.add.at(load, division.label, atoms.load)
    giant = np.zeros(len(atoms.parent), bool)
    for plot, of in zip(plots, bands, strict=True):
        giant[plot.atoms] = of.giant(atoms.largest[plot.atoms])
    with_giant = np.bincount(division.label, giant, minlength=n) > 0
    shared = [_shared_reason(atoms, plot, of, giant) for plot, of in zip(plots, bands, strict=True)]
    found = []
    for cell in range(n):
        number = int(division.plot[cell])
        plot = plots[number]
        if bands[number].inside(load[cell]):
            found.append("")
        elif plot.kind == EMPTY_LAND or (plot.kind == GIVEN and kinds[plot.zone]):
            found.append(EMPTY_LAND if plot.kind == EMPTY_LAND else kinds[plot.zone])
        elif with_giant[cell]:
            found.append("giant building")
        elif shared[number] == "no division found" and division.proven[cell]:
            found.append("awkward buildings")
        else:
            found.append(shared[number])
    return found


def _shared_reason(atoms: Atoms, plot: Plot, bands: Bands, giant: npt.NDArray[np.bool_]) -> str:
    """Why the cells of a plot that hold no giant may miss the bands."""
    here = plot.atoms[~giant[plot.atoms]]
    rest = atoms.load[here].sum(axis=0)
    few = rest < bands.low
    if few.all() if bands.either else few.any():
        return "cut off by barrier" if plot.cut_off else "too few households"
    if not bands.divisible(rest, 0, atoms.load[here]):
        return "total not divisible"
    return "no division found"


def outlines(atoms: Atoms, label: Ints, ground: Ground) -> npt.NDArray[np.object_]:
    """Unite the faces of each cell, and lay the cells back where they belong."""
    cell_of_face = label[atoms.atom_of_face]
    order = np.argsort(cell_of_face, kind="stable")
    faces = np.split(atoms.faces[order], np.cumsum(np.bincount(cell_of_face))[:-1])
    merged = [shapely.get_parts(shapely.coverage_union_all(part)) for part in faces]
    whole = np.array([part[0] if len(part) == 1 else shapely.multipolygons(part) for part in merged], object)
    return ground.back(whole)


def border_shares(shapes: npt.NDArray[np.object_], ground: Ground) -> Floats:
    """Give the share of the outline of each cell that runs along a barrier."""
    along: Floats = np.zeros(len(shapes))
    if len(ground.barriers.shapes):
        rings, cell = shapely.get_rings(shapely.transform(shapes, lambda xy: xy - ground.origin), return_index=True)
        points, ring = shapely.get_coordinates(rings, return_index=True)
        follows = ring[1:] == ring[:-1]
        start, end, cell = points[:-1][follows], points[1:][follows], cell[ring[:-1][follows]]
        tree = shapely.STRtree(ground.barriers.shapes)
        middle = shapely.points((start + end) / 2)
        on = np.unique(tree.query(middle, predicate="dwithin", distance=ALONG_M)[0])
        along += np.bincount(cell[on], np.hypot(*(end - start)[on].T), len(shapes))
    return (along / np.maximum(shapely.length(shapes), 1e-9)).clip(0, 1).round(3)


def crossed(atoms: Atoms, label: Ints) -> Floats:
    """Give the length of hard barrier inside each cell that has buildings on both sides of it, metres."""
    inside = label[atoms.left] == label[atoms.right]
    hard = inside & atoms.parted
    metres = np.zeros(int(label.max()) + 1)
    if not hard.any():
        return metres
    open_ = inside & ~hard
    side = components(atoms.left[open_], atoms.right[open_], len(label))
    built = np.unique(np.stack([label, side], axis=1)[atoms.buildings > 0], axis=0)
    both = np.bincount(built[:, 0], minlength=len(metres)) > 1
    metres += np.bincount(label[atoms.left[hard]], atoms.hard[hard], len(metres)) / 1000
    return np.where(both, metres, 0.0).round(1)


def table(
    atoms: Atoms,
    division: Division,
    plots: Sequence[Plot],
    ground: Ground,
    areas: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    names: tuple[Bands, Sequence[str], Sequence[str], Previous | None],
) -> gpd.GeoDataFrame:
    """Make the table of cells, by area and outline."""
    bands, found, kinds, before = names
    n = len(found)
    shapes = outlines(atoms, division.label, ground)
    parent = np.zeros(n, np.int64)
    parent[division.label] = atoms.parent
    home = np.where(atoms.home < 0, -1, division.label[atoms.home])
    parents = areas["code"].to_numpy(object)[parent]
    keys = shapely.to_wkb(shapes)
    by = np.array(sorted(range(n), key=lambda i: (parents[i], keys[i])), np.int64)
    columns: dict[str, Any] = {PARENT: text_column(parents)}
    if "name" in areas.columns:
        columns["parent_name"] = text_column(areas["name"].to_numpy(object)[parent])
    for i, level in enumerate(division.levels, 1):
        columns[f"level_{i}"] = _level_numbers(level, parents, by)
    columns |= _sums(bands, buildings, ground, home, n)
    columns["buildings"] = np.bincount(division.label, atoms.buildings, minlength=n).astype(np.int64)
    columns["area_m2"] = shapely.area(shapes).round(2)
    columns["kind"] = text_column([_kind(plots[number], kinds) for number in division.plot.tolist()])
    columns["exception"] = text_column(found)
    columns["barrier_share"] = border_shares(shapes, ground)
    columns["crossed_m"] = crossed(atoms, division.label)
    if before is not None:
        known = division.earlier >= 0
        kept = known & np.array([plots[number].kind == GIVEN for number in division.plot.tolist()])
        columns["crossed_m"] = np.where(kept, before.crossed_m[division.earlier], columns["crossed_m"])
        columns["previous_code"] = text_column(np.where(known, before.codes[division.earlier], ""))
    cells = gpd.GeoDataFrame(columns, geometry=shapes, crs=areas.crs)
    return cells.iloc[by].reset_index(drop=True)


def _kind(plot: Plot, kinds: Sequence[str]) -> str:
    """What sort of cell a plot makes."""
    if plot.kind == EMPTY_LAND:
        return "empty"
    return (kinds[plot.zone].removesuffix(" cell") if plot.kind == GIVEN else "") or "regular"


def _level_numbers(level: Ints, parents: npt.NDArray[np.object_], by: Ints) -> Ints:
    """Number the parts of a level within their area, in the order of their first cell."""
    numbers = np.zeros(len(level), np.int64)
    seen: dict[int, int] = {}
    count: dict[str, int] = {}
    for i in by.tolist():
        part = int(level[i])
        if part not in seen:
            count[parents[i]] = seen[part] = count.get(parents[i], 0) + 1
        numbers[i] = seen[part]
    return numbers


def _sums(bands: Bands, buildings: gpd.GeoDataFrame, ground: Ground, home: Ints, n: int) -> dict[str, object]:
    """Add up what the buildings of each cell hold: what is balanced, and households and persons where known."""
    sums: dict[str, object] = {}
    counted = home >= 0
    for name in dict.fromkeys(["households", "persons", *bands.names]):
        if name not in buildings.columns:
            continue
        values = pd.to_numeric(pd.Series(buildings[name].to_numpy(object)[ground.row]), errors="coerce").to_numpy(float)
        stated = counted & np.isfinite(values)
        total = np.bincount(home[stated], values[stated], minlength=n)
        if name in bands.names or name == "households":
            sums[name] = np.rint(total).astype(np.int64)
        else:
            sums[name] = np.where(np.bincount(home[stated], minlength=n) > 0, total, np.nan)
    return sums
