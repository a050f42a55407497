"""The doors of `divide`: what comes in is examined here, and refused in one clear sentence."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridgis import cover
from gridgis.contract import (
    GridError,
    GridWarning,
    listed,
    require_frame,
    require_metre_crs,
    require_same_crs,
    require_text,
    require_unique,
)
from gridgis.divide.ground import Lines, containing, inner_points
from gridgis.divide.profiles import MOST, PROFILES, Profile, checked_limits

DISCOUNTS = {"hard": 0.05, "major": 0.15, "middle": 0.35, "minor": 0.6}
"""What a metre of border costs along each class of barrier, where open ground costs 1."""
MOST_NAMED = 50
"""Faults of one kind are named up to this number; the rest are counted."""
GAP_M = 0.2
"""A gap between two areas narrower than this is taken for a mistake, and named in a warning."""

Ints = npt.NDArray[np.int64]
Shapes = npt.NDArray[np.object_]


def checked_profile(
    households: tuple[int, int] | None,
    persons: tuple[int, int] | None,
    profile: Profile | str | None,
    buildings: gpd.GeoDataFrame,
) -> Profile:
    """What a good cell is: of a profile, or of the bands that are given; 100 to 150 households without either."""
    if profile is not None:
        if households is not None or persons is not None:
            raise GridError("profile: it holds the bands already; give either a profile, or households and persons.")
        if isinstance(profile, str):
            if profile not in PROFILES:
                raise GridError(f"profile: expected one of {listed(sorted(PROFILES))}, or a Profile, got {profile!r}.")
            profile = PROFILES[profile]
        if not isinstance(profile, Profile):
            raise GridError(f"profile: expected a name or a Profile, got {profile!r}.")
        return _of_known_loads(profile, buildings)
    bands = {"households": checked_limits(households, "households")} if households is not None else {}
    if persons is not None:
        bands["persons"] = checked_limits(persons, "persons", 1 if not bands else 0)
    return Profile(bands or {"households": (100, 150)})


def _of_known_loads(profile: Profile, buildings: gpd.GeoDataFrame) -> Profile:
    """Leave out a band whose load no building states, where another one is enough."""
    known = {name: band for name, band in profile.bands.items() if name in buildings.columns}
    if len(known) == len(profile.bands) or not profile.either or not known:
        return profile
    lost = listed(sorted(set(profile.bands) - set(known)))
    warnings.warn(
        GridWarning(f"buildings: no column {lost}; cells are made by {listed(list(known))} alone."), stacklevel=4
    )
    return replace(profile, bands=known, targets={name: t for name, t in profile.targets.items() if name in known})


def checked_counts(
    cells: int | Mapping[str, int] | Sequence[int] | None, areas: gpd.GeoDataFrame
) -> tuple[int, ...] | dict[str, int]:
    """The numbers of cells that are wanted: of all areas, a level each; or of each area; empty where none are."""
    if cells is None:
        return ()
    if isinstance(cells, Mapping):
        wrong = sorted(set(cells) ^ set(areas["code"]))
        if wrong:
            raise GridError(f"cells: expected a number for each area, by its code; not so: {listed(wrong)}.")
        counts = {code: _whole(count) for code, count in cells.items()}
    else:
        given = [cells] if isinstance(cells, int | np.integer) else cells
        if isinstance(given, str) or not isinstance(given, Sequence | np.ndarray) or not len(given):
            raise GridError(f"cells: expected a number, one for each level, or one for each area, got {cells!r}.")
        levels = tuple(_whole(count) for count in given)
        if list(levels) != sorted(set(levels)):
            raise GridError(f"cells: each level should have more parts than the one above, got {levels}.")
        if levels[0] < len(areas):
            raise GridError(f"cells: {levels[0]} cells cannot cover {len(areas)} areas; each has one at least.")
        return levels
    return counts


def _whole(count: object) -> int:
    """A number of cells."""
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or not 0 < count <= MOST:
        raise GridError(f"cells: expected whole numbers of 1 or more, got {count!r}.")
    return int(count)


def checked_jobs(jobs: int) -> int:
    """How many processes may work."""
    if isinstance(jobs, bool) or not isinstance(jobs, int | np.integer) or not 1 <= jobs <= 1024:
        raise GridError(f"jobs: expected a whole number, 1 to 1024, got {jobs!r}.")
    return int(jobs)


def checked_zones(
    dedicated: gpd.GeoDataFrame | None, fixed: gpd.GeoDataFrame | None, areas: gpd.GeoDataFrame
) -> tuple[Shapes, list[str]]:
    """The door for cells that are given: their polygons, in order of their outline, and the exception of each."""
    shapes, kinds, names = [], [], []
    for frame, kind in ((dedicated, "dedicated"), (fixed, "fixed")):
        if frame is None:
            continue
        table = require_frame(frame, kind, [])
        if not len(table):
            continue
        require_same_crs(areas.crs, table.crs, f"areas and {kind}")
        given = table.geometry.to_numpy()
        faulty = ~np.isin(shapely.get_type_id(given), (3, 6)) | shapely.is_empty(given) | ~shapely.is_valid(given)
        if faulty.any():
            raise GridError(f"{kind}: expected valid polygons; not so: rows {listed(table.index[faulty])}.")
        parts, row = shapely.get_parts(cover.unrounded(given), return_index=True)
        shapes += parts.tolist()
        kinds += [f"{kind} cell"] * len(parts)
        names += [f"{kind} {table.index[i]}" for i in row.tolist()]
    zones = np.array(shapes, object)
    first, second = shapely.STRtree(zones).query(zones, predicate="intersects")
    for a, b in zip(first[first < second].tolist(), second[first < second].tolist(), strict=True):
        if cover.wide_parts(shapely.intersection(zones[a], zones[b])):
            raise GridError(f"{names[a]} and {names[b]} overlap; a place has one cell, so mend them first.")
    keys = shapely.to_wkb(shapely.normalize(zones)) if len(zones) else []
    order = sorted(range(len(zones)), key=lambda i: (keys[i], kinds[i]))
    met = set(np.unique(shapely.STRtree(zones).query(areas.geometry.to_numpy(), predicate="intersects")[1]).tolist())
    away = [names[i] for i in order if i not in met]
    if away:
        warnings.warn(GridWarning(f"{listed(away)} lie outside all areas, and make no cell."), stacklevel=3)
    order = [i for i in order if i in met]
    return zones[order], [kinds[i] for i in order]


def checked_seed(seed: int) -> int:
    """The seed, a whole number of 0 or more."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise GridError(f"seed: expected a whole number of 0 or more, got {seed!r}.")
    return int(seed)


def checked_areas(areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The door for areas: all their faults are told at once; they come out sorted by code."""
    frame = require_frame(areas, "areas", ["code"])
    require_metre_crs(frame.crs, "areas")
    if not len(frame):
        raise GridError("areas: expected at least one, got an empty table.")
    faults = []
    for ask in (require_text, require_unique):
        try:
            ask(frame, "code", "areas")
        except GridError as error:
            faults.append(str(error).removeprefix("areas: ").rstrip("."))
    order = sorted(range(len(frame)), key=lambda i: str(frame["code"].iloc[i]))
    frame = frame.iloc[order].reset_index(drop=True)
    shapes, codes = frame.geometry.to_numpy(), frame["code"]
    faulty = ~np.isin(shapely.get_type_id(shapes), (3, 6)) | shapely.is_empty(shapes) | ~shapely.is_valid(shapes)
    if faulty.any():
        names = listed(codes[faulty], MOST_NAMED)
        faults.append(f"expected valid polygons; not so: {names}; read the file with gridgis.read_areas")
    shapes = cover.unrounded(shapes[~faulty])
    overlaps = _overlaps(shapes, codes[~faulty].tolist())
    if overlaps:
        count = f"{len(overlaps)} pairs overlap: " if len(overlaps) > 1 else ""
        faults.append(f"{count}{listed(overlaps, MOST_NAMED)}; a place has one parent, so mend the areas first")
    if faults:
        raise GridError(f"areas: {'; '.join(faults)}.")
    _name_gaps(shapes, codes)
    return frame


def _overlaps(shapes: Shapes, codes: Sequence[object]) -> list[str]:
    """Say which areas overlap, on how much, and where."""
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    said = []
    for a, b in sorted(zip(first[first < second].tolist(), second[first < second].tolist(), strict=True)):
        parts = cover.wide_parts(shapely.intersection(shapes[a], shapes[b]))
        if parts:
            place, ground = parts[0].representative_point(), sum(part.area for part in parts)
            said.append(f"{codes[a]} and {codes[b]} overlap on {ground:.2f} m2 near x {place.x:.1f} y {place.y:.1f}")
    return said


def name_across(areas: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> None:
    """Warn of buildings across the border of two areas, which cuts them, with the share that lies where they count."""
    if len(areas) < 2 or not len(buildings):
        return
    shapes, parents = buildings.geometry.to_numpy(), areas.geometry.to_numpy()
    across = np.array(sorted({found[0] for found in cover.cut_buildings(parents, shapes)}), np.int64)
    if not len(across):
        return
    ids = buildings["building_id"] if "building_id" in buildings.columns else buildings.index
    home = containing(inner_points(shapes[across]), cover.unrounded(parents))
    said = []
    for name, shape, parent in zip(np.asarray(ids, object)[across], shapes[across], home.tolist(), strict=True):
        held = shapely.intersection(shape, parents[parent]).area / shape.area if parent >= 0 else 0.0
        where = f"{held:.0%} in {areas['code'].iloc[parent]}" if parent >= 0 else "outside all areas"
        said.append(f"{name} ({where})")
    warnings.warn(
        GridWarning(
            f"buildings: {len(said)} lie across a border of areas, which cuts them; each counts in the area that holds "
            f"its inner point: {listed(said, MOST_NAMED)}."
        ),
        stacklevel=3,
    )


def _name_gaps(shapes: Shapes, codes: pd.Series) -> None:
    """Warn of narrow gaps between areas: they lie in no area, so they come into no cell."""
    if len(shapes) < 2:
        return
    whole = shapely.union_all(shapes)
    closed = shapely.buffer(shapely.buffer(whole, GAP_M / 2, join_style="mitre"), -GAP_M / 2, join_style="mitre")
    parts = cover.wide_parts(shapely.difference(closed, whole))
    found = []
    for part in parts:
        near = np.unique(shapely.STRtree(shapes).query(part, predicate="dwithin", distance=0.001))
        if len(near) > 1:
            found.append((part, listed(codes.iloc[near], 3)))
    if found:
        place, names = found[0][0].representative_point(), found[0][1]
        area = sum(part.area for part, _ in found)
        warnings.warn(
            GridWarning(
                f"areas: gaps narrower than {GAP_M} m between areas come into no cell: {len(found)}, {area:.2f} m2 in "
                f"all; the largest lies between {names} near x {place.x:.1f} y {place.y:.1f}."
            ),
            stacklevel=4,
        )


def checked_loads(buildings: gpd.GeoDataFrame, areas: gpd.GeoDataFrame, names: Sequence[str]) -> Ints:
    """The door for buildings; what they hold as whole numbers, buildings x measures."""
    frame = require_frame(buildings, "buildings", list(names))
    require_same_crs(areas.crs, frame.crs, "areas and buildings")
    shapes = frame.geometry.to_numpy()
    faulty = (shapely.get_type_id(shapes) != 3) | shapely.is_empty(shapes) | ~shapely.is_valid(shapes)
    if faulty.any():
        rows = listed(frame.index[faulty])
        raise GridError(f"buildings: expected valid polygons; not so: rows {rows}; read them with read_buildings.")
    return np.stack([_checked_load(frame, name) for name in names], axis=1)


def _checked_load(frame: gpd.GeoDataFrame, name: str) -> Ints:
    """One load as whole numbers; a missing one counts as none."""
    given = frame[name].notna().to_numpy(bool)
    loads = numbers(frame[name])
    bad = given & ~((loads >= 0) & (loads <= MOST) & (loads == np.floor(loads)))
    if bad.any():
        raise GridError(
            f"buildings: expected whole {name}, 0 to {MOST}; not so in rows {listed(frame.index[bad])} "
            f"({listed(frame[name][bad].tolist())})."
        )
    if (~given).any():
        warnings.warn(
            GridWarning(
                f"buildings: {name} are missing in {int((~given).sum())} rows and count as none; rows "
                f"{listed(frame.index[~given])}."
            ),
            stacklevel=4,
        )
    return np.where(given, loads, 0).astype(np.int64)


def numbers(column: pd.Series) -> npt.NDArray[np.float64]:
    """Read a column as numbers; NaN where there is none."""
    values = pd.to_numeric(pd.Series(column.to_numpy(object)), errors="coerce")
    return values.to_numpy(float, na_value=np.nan)


def checked_lines(areas: gpd.GeoDataFrame, barriers: gpd.GeoDataFrame | None) -> Lines:
    """The door for barriers; those that meet the areas, with the discount of their class."""
    none = Lines(np.zeros(0, object), np.zeros(0), np.zeros(0, bool))
    if barriers is None:
        return none
    frame = require_frame(barriers, "barriers", ["barrier"])
    if not len(frame):
        return none
    require_same_crs(areas.crs, frame.crs, "areas and barriers")
    classes = [str(value) for value in frame["barrier"]]
    unknown = sorted(set(classes) - set(DISCOUNTS))
    if unknown:
        raise GridError(f"barriers: expected the classes {listed(DISCOUNTS)}, got {listed(unknown)}.")
    shapes = frame.geometry.to_numpy()
    points, line = shapely.get_coordinates(shapes, return_index=True)
    faulty = ~np.isin(shapely.get_type_id(shapes), (1, 2, 5))
    faulty[line[~np.isfinite(points).all(axis=1)]] = True
    if faulty.any():
        raise GridError(
            f"barriers: expected lines; not so: rows {listed(frame.index[faulty])}; read them with "
            "gridgis.read_barriers, which outlines polygons."
        )
    shapes = cover.unrounded(shapes)
    meet = np.unique(shapely.STRtree(shapes).query(areas.geometry.to_numpy(), predicate="intersects")[1])
    parts, part_of = shapely.get_parts(shapes[meet], return_index=True)
    discounts = np.array([DISCOUNTS[name] for name in classes])[meet][part_of]
    return Lines(parts, discounts, np.array(classes, object)[meet][part_of] == "hard")
