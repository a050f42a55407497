"""The bundled town, and made-up ones: a small example for docs and tests, and a generator of towns of any size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
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

RIVER_M = 15.0
"""Generated buildings keep this far from the middle of a river."""

APART_M = 1.0
"""Buildings that `edit_town` adds keep this far from other buildings and from the borders of areas."""

SLAB_LOTS = 0.08
"""Share of the lots of a mixed town that lie in blocks of slabs."""

HOUSEHOLD_SIZES = (0.20, 0.30, 0.27, 0.16, 0.07)
"""Shares of modelled households of 1, 2, 3, 4 and 5 persons; 2.6 on the mean."""

Ints = npt.NDArray[np.int64]
Shapes = npt.NDArray[np.object_]


class _Kind(NamedTuple):
    """The area of a lot, lots in a block, and loads: up to which share of the buildings, least and most."""

    lot_m2: float
    per_block: int
    loads: tuple[tuple[float, int, int], ...]


_HOUSES = _Kind(650.0, 25, ((0.95, 1, 6),))
_SLABS = _Kind(2600.0, 8, ((0.6, 24, 72), (0.9, 2, 12)))
_TOWERS = _Kind(2600.0, 8, ((0.45, 2, 12), (0.7, 24, 72), (0.78, 64, 208)))
_MIXED = _Kind((1 - SLAB_LOTS) * _HOUSES.lot_m2 + SLAB_LOTS * _SLABS.lot_m2, 25, ())
_KINDS = {"houses": _HOUSES, "mixed": _MIXED, "slabs": _SLABS, "towers": _TOWERS}


class Town(NamedTuple):
    """A place to divide.

    Attributes
    ----------
    areas : GeoDataFrame
        ``code``, ``name`` and polygons.
    buildings : GeoDataFrame
        ``building_id``, ``households``, ``persons`` if asked for, and footprints.
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


def generate_town(  # noqa: PLR0913
    buildings: int = 2000,
    *,
    towers: bool = False,
    parents: int = 4,
    seed: int = 0,
    kind: str | None = None,
    river: bool = False,
    persons: bool = False,
    households: int | None = None,
) -> Town:
    """Make up a town: irregular blocks, streets of three classes, and houses, slabs or towers.

    Parameters
    ----------
    buildings : int
        About how many; the result has within a tenth of it, less those that a river takes.
    towers : bool
        True is short for ``kind="towers"``.
    parents : int
        How many communities, 1 to 999; their borders are the main roads.
    seed : int
        One seed, one town.
    kind : str, optional
        ``"houses"`` (the default): 1 to 6 households. ``"slabs"``: six in ten a slab (24 to 72 households), three small
        (2 to 12), one with none. ``"towers"``: a quarter slabs, one in twelve a tower (64 to 208). ``"mixed"``: blocks
        of houses with some blocks of slabs among them; one building in twenty is a slab.
    river : bool
        A winding river, a hard barrier, from the west side to the east. Buildings within 15 m of it are left out; all
        else is as it is without a river.
    persons : bool
        Add the column ``persons``: households of 1 to 5, 2.6 on the mean.
    households : int, optional
        Scale the loads to whole numbers with exactly this sum; a building with none keeps none.

    Returns
    -------
    Town
        In CGCS2000 / 3-degree Gauss-Kruger CM 114E. All of it is invented.

    Raises
    ------
    GridError
        If no parent or more than 999, fewer than ten buildings a parent, an unknown kind, or a sum of households below
        one (or one for a town where nobody lives) is asked for.

    Examples
    --------
    >>> town = generate_town(400, parents=2, seed=1)
    >>> len(town.areas), town.barriers["barrier"].unique().tolist()
    (2, ['major', 'middle', 'minor'])
    >>> town = generate_town(100, parents=1, kind="slabs", river=True, persons=True, households=2500)
    >>> int(town.buildings["households"].sum()), town.barriers["kind"].iloc[-1]
    (2500, 'river')
    """
    name = _asked_kind(buildings, towers, parents, kind, households)
    rng = np.random.default_rng(seed)
    river_rng, scale_rng, persons_rng = rng.spawn(3)
    side = math.sqrt(buildings * _KINDS[name].lot_m2 * 1.25)
    streets: list[tuple[shapely.LineString, str]] = []
    areas = _cut([shapely.box(0, 0, side * 1.2, side / 1.2)], parents, rng, "major", streets)
    shapes, loads = _built(areas, buildings, name, rng, streets)
    ids = np.array([f"b{number:06d}" for number in range(len(shapes))], object)
    lines, classes = [line for line, _ in streets], [street for _, street in streets]
    barriers = _at_origin(lines, kind=classes, barrier=classes)
    if river:
        water = _river(side * 1.2, side / 1.2, river_rng)
        dry = ~shapely.dwithin(shapes, water, RIVER_M)
        shapes, loads, ids = shapes[dry], loads[dry], ids[dry]
        barriers = _at_origin([*lines, water], kind=[*classes, "river"], barrier=[*classes, "hard"])
    if households is not None:
        loads = _scaled(loads, households, scale_rng)
    columns = {"building_id": ids.tolist(), "households": loads.astype(float).tolist()}
    if persons:
        columns["persons"] = _persons(loads, persons_rng).tolist()
    codes = [f"{MADE_UP_STREET}{number + 1:03d}" for number in range(len(areas))]
    names = [f"Community {number + 1}" for number in range(len(areas))]
    return Town(_at_origin(areas, code=codes, name=names), _at_origin(list(shapes), **columns), barriers)


def generate_street() -> Town:
    """Make up a street of real size: 7 communities, 12,250 households in old houses and slabs, 2,100 buildings.

    At 125 households a cell, that is 98 cells. It is a call of `generate_town`, so it is the same town every time.

    Returns
    -------
    Town
        All of it is invented.

    Raises
    ------
    GridError
        Never; `generate_town` would, for other arguments.

    Examples
    --------
    >>> street = generate_street()
    >>> len(street.areas), int(street.buildings["households"].sum())
    (7, 12250)
    """
    return generate_town(2_100, parents=7, seed=40, kind="mixed", households=12_250)


def generate_district() -> Town:
    """Make up a district of real size: 343 villages and communities, 316,500 households, 62,000 buildings.

    At 125 households a cell, that is 2,532 cells. It is a call of `generate_town`, so it is the same town every time.
    It takes some ten seconds.

    Returns
    -------
    Town
        All of it is invented.

    Raises
    ------
    GridError
        Never; `generate_town` would, for other arguments.

    Examples
    --------
    >>> district = generate_district()  # doctest: +SKIP
    >>> len(district.areas), int(district.buildings["households"].sum())  # doctest: +SKIP
    (343, 316500)
    """
    return generate_town(62_000, parents=343, seed=35, kind="mixed", households=316_500)


def _asked_kind(buildings: int, towers: bool, parents: int, kind: str | None, households: int | None) -> str:
    """The kind of town, if what is asked for can be made."""
    if not 1 <= parents <= 999 or buildings < 10 * parents:
        raise GridError(
            f"generate_town: expected 1 to 999 parents and ten buildings a parent or more, got {buildings} buildings "
            f"for {parents}."
        )
    if kind is not None and kind not in _KINDS:
        raise GridError(f"generate_town: kind: expected one of {', '.join(_KINDS)}, got {kind!r}.")
    if towers and kind not in (None, "towers"):
        raise GridError(f"generate_town: expected towers=True or kind={kind!r}, got both; leave one out.")
    if households is not None and (not isinstance(households, int | np.integer) or households < 1):
        raise GridError(f"generate_town: households: expected a whole number of 1 or more, got {households!r}.")
    return kind or ("towers" if towers else "houses")


def _built(
    areas: list[shapely.Polygon],
    buildings: int,
    kind: str,
    rng: np.random.Generator,
    streets: list[tuple[shapely.LineString, str]],
) -> tuple[Shapes, Ints]:
    """Lay out blocks, note their streets, and build on them: footprints and households."""
    lot_m2, per_block, _ = _KINDS[kind]
    quarters = [part for area in areas for part in _cut([area], 4, rng, "middle", streets)]
    wanted = max(len(quarters), round(buildings / per_block))
    blocks = _cut(quarters, wanted, rng, "minor", streets)
    yards = [block.buffer(-STREET_M / 2, join_style="mitre") for block in blocks]
    yards = [yard for yard in yards if yard.geom_type == "Polygon" and yard.area > lot_m2 / 2]
    shapes: list[shapely.Polygon] = []
    loads = [np.empty(0, np.int64)]
    for name, part, number in _estates(yards, buildings, kind, rng):
        lots = _cut(part, number, rng, "", [])
        houses = [house for house in (_house(lot, rng) for lot in lots) if house is not None]
        shapes += houses
        loads.append(_loads(_KINDS[name], len(houses), rng))
    return np.array(shapes, object), np.concatenate(loads)


def _estates(
    yards: list[shapely.Polygon], buildings: int, kind: str, rng: np.random.Generator
) -> list[tuple[str, list[shapely.Polygon], int]]:
    """Which yards are for houses and which for slabs, and how many buildings come there."""
    if kind != "mixed":
        return [(kind, yards, buildings)]
    part = shapely.area(yards) / shapely.area(yards).sum()
    order = rng.permutation(len(yards))
    slab_part = SLAB_LOTS * _SLABS.lot_m2 / _MIXED.lot_m2
    slabs = np.zeros(len(yards), bool)
    slabs[order[np.cumsum(part[order]) <= slab_part]] = True
    number = round(buildings * part[slabs].sum() * _MIXED.lot_m2 / _SLABS.lot_m2)
    homes = [yard for yard, slab in zip(yards, slabs, strict=True) if not slab]
    estates = [yard for yard, slab in zip(yards, slabs, strict=True) if slab]
    return [("houses", homes, buildings - number), ("slabs", estates, number)]


def _loads(kind: _Kind, number: int, rng: np.random.Generator) -> Ints:
    """Households of so many buildings of a kind."""
    drawn = rng.random(number)
    loads = [rng.integers(least, most + 1, number) for _, least, most in kind.loads]
    return np.select([drawn < share for share, _, _ in kind.loads], loads, 0)


def _scaled(loads: Ints, total: int, rng: np.random.Generator) -> Ints:
    """Loads in proportion, with this sum: the largest remainders are rounded up; among equals, chance decides."""
    if not loads.any():
        raise GridError(f"generate_town: expected somebody to share {total} households; ask for more buildings.")
    whole, rest = np.divmod(loads * total, loads.sum())
    order = rng.permutation(len(loads))
    order = order[np.argsort(-rest[order], kind="stable")]
    whole[order[: total - whole.sum()]] += 1
    return whole


def _persons(loads: Ints, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Persons in so many households."""
    return (rng.multinomial(loads, HOUSEHOLD_SIZES) @ np.arange(1, 6)).astype(float)


def _river(width: float, height: float, rng: np.random.Generator) -> shapely.LineString:
    """A line that leans and winds through the middle of a town, from beyond its west to beyond its east."""
    along = np.linspace(-10, width + 10, max(60, round(width / 15)))
    west, bends, large, small = rng.random(4)
    lean = (along / width - 0.5) * 0.35 * math.copysign(height, west - 0.5)
    waves = np.sin(2 * np.pi * (along / width * (1.5 + bends) + large)) * 0.08 * height
    ripples = np.sin(2 * np.pi * (along / width * max(3.0, width / 350) + small)) * min(35.0, 0.05 * height)
    return shapely.LineString(np.column_stack([along, height / 2 + lean + waves + ripples]).round(2))


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


def edit_town(town: Town, *, share: float = 0.01, seed: int = 0) -> Town:
    """Change a share of the buildings, as a year does: some are torn down, some fill or empty, some are new.

    A third of the changed buildings are removed. A third, of those with households, get another load, from none to
    twice the old one. A third are new: smaller rectangles beside existing buildings, with the load and the other
    columns of their neighbour, on ground that is 1 m or more from every building (also from the removed) and every
    border of an area, and about 6 m from the middle of streets and 15 m from hard barriers. All others keep their id,
    outline and columns, and come in the same order; the new ones come last, with new ids.

    Parameters
    ----------
    town : Town
        A town; its buildings have ``building_id`` and ``households``. It is not changed.
    share : float
        Which share of the buildings is changed, from 0 to 1; above 0, one building at the least.
    seed : int
        One seed, one edit.

    Returns
    -------
    Town
        With the same tables of areas and barriers. Where there is a column ``persons``, those of another load are drawn
        anew.

    Raises
    ------
    GridError
        If the share is not from 0 to 1, or there are too few buildings with households or too little free ground for
        the changes.

    Examples
    --------
    >>> town = generate_town(400, parents=2, seed=1)
    >>> edited = edit_town(town, share=0.03)
    >>> len(set(town.buildings["building_id"]) - set(edited.buildings["building_id"]))
    4
    """
    if not 0 <= share <= 1:
        raise GridError(f"edit_town: share: expected a number from 0 to 1, got {share!r}.")
    rng = np.random.default_rng(seed)
    table = town.buildings
    changed = max(1, round(share * len(table))) if share and len(table) else 0
    order, loads = rng.permutation(len(table)), table["households"].to_numpy(float).copy()
    kept = np.sort(order[(changed + 2) // 3 :])
    housed = order[(changed + 2) // 3 :]
    housed = housed[loads[housed] >= 1]
    other, hosts = housed[: (changed + 1) // 3], np.roll(housed, -((changed + 1) // 3))
    if len(other) < (changed + 1) // 3:
        raise GridError(f"edit_town: expected {(changed + 1) // 3} buildings with households, found {len(other)}.")
    shapes, beside = _additions(town, hosts, changed // 3, rng)
    edited = table.iloc[np.concatenate([kept, beside])].reset_index(drop=True)
    drawn = rng.integers(0, 2 * loads[other].astype(np.int64))
    loads[other] = drawn + (drawn >= loads[other])
    at = np.searchsorted(kept, other)
    edited.loc[at, "households"] = loads[other]
    if "persons" in edited:
        edited.loc[at, "persons"] = _persons(loads[other].astype(np.int64), rng)
    taken = set(table["building_id"])
    fresh = (name for name in (f"n{seed}-{number:04d}" for number in count()) if name not in taken)
    edited["building_id"] = [*edited["building_id"].iloc[: len(kept)], *islice(fresh, len(beside))]
    outlines = np.concatenate([table.geometry.to_numpy()[kept], shapes])
    edited[table.geometry.name] = gpd.GeoSeries(outlines, crs=table.crs)
    return Town(town.areas, edited, town.barriers)


def _additions(town: Town, hosts: Ints, wanted: int, rng: np.random.Generator) -> tuple[Shapes, Ints]:
    """New footprints, each beside one of the hosts on free ground, and the hosts that they stand beside."""
    footprints, areas = town.buildings.geometry.to_numpy(), town.areas.geometry.to_numpy()
    widths = np.where(town.barriers["barrier"] == "hard", RIVER_M, STREET_M / 2) - APART_M
    roads = shapely.buffer(town.barriers.geometry.to_numpy(), widths)
    taken = shapely.STRtree(np.concatenate([footprints, roads, shapely.boundary(areas)]))
    inside = shapely.STRtree(areas)
    shapes: list[shapely.Polygon] = []
    beside: list[int] = []
    for host in hosts:
        if len(shapes) == wanted:
            break
        tried = _annexes(footprints[host], rng)
        free = np.isin(np.arange(len(tried)), inside.query(tried, predicate="within")[0])
        free[taken.query(tried, predicate="dwithin", distance=APART_M)[0]] = False
        for shape in tried[free]:
            if not shapes or shapely.distance(np.array(shapes, object), shape).min() >= APART_M:
                shapes.append(shape)
                beside.append(int(host))
                break
    if len(shapes) < wanted:
        raise GridError(f"edit_town: free ground for {len(shapes)} of {wanted} new buildings; ask for a smaller share.")
    return np.array(shapes, object), np.array(beside, np.int64)


def _annexes(footprint: shapely.Polygon, rng: np.random.Generator) -> Shapes:
    """Rectangles of 20 m2 or more beside each side of a building, the larger ones first."""
    ring = shapely.get_coordinates(shapely.minimum_rotated_rectangle(footprint))[:4]
    middle = ring.mean(axis=0)
    tried = []
    for scale in (0.8, 0.6, 0.45, 0.35, 0.25):
        for side in rng.permutation(4):
            over = (ring[side] + ring[side - 1]) / 2 - middle  # from the middle to the middle of that side
            move = over * (1 + scale) + over / np.hypot(*over) * 1.5 * APART_M
            tried.append(shapely.Polygon(((ring - middle) * scale + middle + move).round(2)))
    return np.array([shape for shape in tried if shape.area >= 20], object)
