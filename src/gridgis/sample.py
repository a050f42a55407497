"""The bundled town, and made-up ones: a small example for docs and tests, and a generator of towns of any size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from shapely import ops

from gridgis.codes import CodeScheme, assign_codes
from gridgis.contract import PARENT, Grid, GridError

CRS = 4547
"""Generated towns lie in CGCS2000 / 3-degree Gauss-Kruger CM 114E."""

ORIGIN = (420_000.0, 4_007_000.0)
"""South-west corner of generated towns, metres."""

STREET_M = 12.0
"""Width that generated streets keep free of buildings."""

MADE_UP_STREET = "990101001"
"""County and street of made-up codes: 99 is no province, so nobody's code can be meant."""


class Town(NamedTuple):
    """A place to divide.

    Attributes
    ----------
    areas : GeoDataFrame
        ``code``, ``name`` and polygons.
    buildings : GeoDataFrame
        ``building_id``, ``households`` and footprints.
    barriers : GeoDataFrame
        ``kind``, ``barrier`` and lines.
    """

    areas: gpd.GeoDataFrame
    buildings: gpd.GeoDataFrame
    barriers: gpd.GeoDataFrame


@dataclass(frozen=True)
class Example:
    """The smallest town on which every verb works, divided and coded by hand: see `small_example`."""

    areas: gpd.GeoDataFrame
    buildings: gpd.GeoDataFrame
    barriers: gpd.GeoDataFrame
    grid: Grid
    events: gpd.GeoDataFrame


def town_files() -> dict[str, Path]:
    """Give the files of the bundled town: ``areas``, ``buildings``, ``barriers`` and ``events``.

    The buildings and streets are real (OpenStreetMap contributors, ODbL 1.0; see ``README.md`` beside them); the
    households, communities and events are modelled.

    Returns
    -------
    dict of str to pathlib.Path

    Raises
    ------
    GridError
        If the installed package has lost its data.

    Examples
    --------
    >>> sorted(town_files())
    ['areas', 'barriers', 'buildings', 'events']
    """
    folder = Path(str(files("gridgis").joinpath("data")))
    found = {
        "areas": folder / "town_communities.gpkg",
        "buildings": folder / "town_buildings.gpkg",
        "barriers": folder / "town_streets.gpkg",
        "events": folder / "town_events.csv",
    }
    lost = [path.name for path in found.values() if not path.is_file()]
    if lost:
        raise GridError(f"the bundled town is not complete: {', '.join(lost)} missing; install gridgis again.")
    return found


@cache
def small_example() -> Example:
    """Make two communities of 200 x 200 m, sixteen houses each, a street between, four cells and six events.

    Examples
    --------
    >>> len(small_example().grid), int(small_example().buildings["households"].sum())
    (4, 96)
    """
    left, right = shapely.box(0, 0, 200, 200), shapely.box(200, 0, 400, 200)
    codes = [f"{MADE_UP_STREET}{number:03d}" for number in (1, 2)]
    areas = _at_origin([left, right], code=codes, name=["West", "East"])
    corners = [(x, y) for x in range(15, 400, 50) for y in range(15, 200, 50)]
    houses = [shapely.box(x, y, x + 20, y + 20) for x, y in corners]
    names = [f"b{number:02d}" for number in range(len(houses))]
    buildings = _at_origin(houses, building_id=names, households=[3.0] * len(houses))
    streets = [shapely.LineString([(200, 0), (200, 200)]), shapely.LineString([(0, 100), (400, 100)])]
    barriers = _at_origin(streets, kind=["major", "middle"], barrier=["major", "middle"])
    boxes = [shapely.box(x, y, x + 200, y + 100) for x in (0, 200) for y in (0, 100)]
    loads: dict[str, Any] = {
        "households": [24] * 4,
        "buildings": [8] * 4,
        "area_m2": [20000.0] * 4,
        "exception": [""] * 4,
    }
    cells = _at_origin(boxes, **{PARENT: [codes[0], codes[0], codes[1], codes[1]]}, **loads)
    spots = [(10, 150), (30, 150), (30, 20), (250, 150), (200, 150), (900, 900)]
    kinds = ["noise", "waste", "noise", "noise", "waste", "waste"]
    events = _at_origin([shapely.Point(spot) for spot in spots], event_id=list("abcdef"), category=kinds)
    return Example(areas, buildings, barriers, assign_codes(cells, CodeScheme.unit_grid()), events)


def _at_origin(shapes: list, **columns: Any) -> gpd.GeoDataFrame:
    """A table at the origin of generated towns."""
    placed = shapely.transform(np.array(shapes, object), lambda xy: xy + np.array(ORIGIN))
    return gpd.GeoDataFrame(columns, geometry=placed, crs=CRS)


def generate_town(buildings: int = 2000, *, towers: bool = False, parents: int = 4, seed: int = 0) -> Town:
    """Make up a town: irregular blocks, streets of three classes, and houses or slabs and towers.

    Parameters
    ----------
    buildings : int
        About how many; the result has within a tenth of it.
    towers : bool
        False: houses of 1 to 6 households. True: a quarter slabs (24 to 72), one in twelve a tower (64 to 208).
    parents : int
        How many communities; their borders are the main roads.
    seed : int
        One seed, one town.

    Returns
    -------
    Town
        In CGCS2000 / 3-degree Gauss-Kruger CM 114E. All of it is invented.

    Raises
    ------
    GridError
        If fewer than one parent, or fewer than ten buildings a parent are asked for.

    Examples
    --------
    >>> town = generate_town(400, parents=2, seed=1)
    >>> len(town.areas), town.barriers["barrier"].unique().tolist()
    (2, ['major', 'middle', 'minor'])
    """
    if parents < 1 or buildings < 10 * parents:
        raise GridError(f"generate_town: expected ten buildings a parent or more, got {buildings} for {parents}.")
    rng = np.random.default_rng(seed)
    lot_m2 = 2600.0 if towers else 650.0
    side = math.sqrt(buildings * lot_m2 * 1.25)
    streets: list[tuple[shapely.LineString, str]] = []
    outline = shapely.box(0, 0, side * 1.2, side / 1.2)
    areas = _cut([outline], parents, rng, "major", streets)
    quarters = [part for area in areas for part in _cut([area], 4, rng, "middle", streets)]
    per_block = 8 if towers else 25
    wanted = max(len(quarters), round(buildings / per_block))
    blocks = _cut(quarters, wanted, rng, "minor", streets)
    yards = [block.buffer(-STREET_M / 2, join_style="mitre") for block in blocks]
    yards = [yard for yard in yards if yard.geom_type == "Polygon" and yard.area > lot_m2 / 2]
    lots = _cut(yards, buildings, rng, "", [])
    houses = [house for house in (_house(lot, rng) for lot in lots) if house is not None]
    return _town(areas, houses, streets, towers, rng)


def _cut(
    shapes: list[shapely.Polygon],
    wanted: int,
    rng: np.random.Generator,
    kind: str,
    streets: list[tuple[shapely.LineString, str]],
) -> list[shapely.Polygon]:
    """Cut the largest piece across its long side until there are so many; note the cuts as streets."""
    import heapq

    heap = [(-shape.area, number, shape) for number, shape in enumerate(shapes)]
    heapq.heapify(heap)
    number = len(heap)
    while len(heap) < wanted:
        _, _, shape = heapq.heappop(heap)
        line = _across(shape, rng)
        for part in ops.split(shape, line).geoms:
            heapq.heappush(heap, (-part.area, number, part))
            number += 1
        if kind:
            streets.append((shapely.intersection(line, shape), kind))
    return [shape for _, _, shape in sorted(heap, key=lambda item: item[1])]


def _across(shape: shapely.Polygon, rng: np.random.Generator) -> shapely.LineString:
    """A line across the long side of a convex shape, somewhat off the middle and off the right angle."""
    ring = shapely.get_coordinates(shapely.minimum_rotated_rectangle(shape))
    sides = np.diff(ring[:3], axis=0)
    along, over = (0, 1) if np.hypot(*sides[0]) >= np.hypot(*sides[1]) else (1, 0)
    middle = ring[:4].mean(axis=0) + sides[along] * (rng.random() - 0.5) * 0.24
    turn = (rng.random() - 0.5) * 0.3
    direction = sides[over] + sides[along] * turn * np.hypot(*sides[over]) / np.hypot(*sides[along])
    return shapely.LineString([middle - direction * 2, middle + direction * 2])


def _house(lot: shapely.Polygon, rng: np.random.Generator) -> shapely.Polygon | None:
    """A footprint inside a lot."""
    shape = shapely.minimum_rotated_rectangle(lot)
    scale = 0.5 + 0.25 * rng.random()
    middle = shapely.get_coordinates(lot.centroid)[0]
    house = shapely.transform(shape, lambda xy: (middle + (xy - xy[:4].mean(axis=0)) * scale).round(2))
    house = shapely.intersection(house, lot.buffer(-1.5, join_style="mitre"))
    return house if house.geom_type == "Polygon" and house.area > 20 else None


def _town(
    areas: list[shapely.Polygon],
    houses: list[shapely.Polygon],
    streets: list[tuple[shapely.LineString, str]],
    towers: bool,
    rng: np.random.Generator,
) -> Town:
    """Name everything and give the houses their households."""
    kind = rng.random(len(houses))
    if towers:
        small, slab, tower = (rng.integers(*ends, len(houses)) for ends in ((2, 13), (24, 73), (64, 209)))
        loads = np.select([kind < 0.45, kind < 0.7, kind < 0.78], [small, slab, tower], 0)
    else:
        loads = np.where(kind < 0.95, rng.integers(1, 7, len(houses)), 0)
    codes = [f"{MADE_UP_STREET}{number + 1:03d}" for number in range(len(areas))]
    names = [f"Community {number + 1}" for number in range(len(areas))]
    ids = [f"b{number:06d}" for number in range(len(houses))]
    classes = [name for _, name in streets]
    return Town(
        _at_origin(areas, code=codes, name=names),
        _at_origin(houses, building_id=ids, households=loads.astype(float).tolist()),
        _at_origin([line for line, _ in streets], kind=classes, barrier=classes),
    )
