"""How lattices are laid over areas: squares, hexagons, the European grid, the BeiDou grid."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from gridgis.contract import GridError
from gridgis.lattice import beidou
from gridgis.lattice.borders import Borders, Ints
from gridgis.lattice.cells import Lattice
from gridgis.lattice.european import EPSG, EXTENT, checked_size
from gridgis.lattice.frames import Degrees, Exchanged, Frame, Upright
from gridgis.lattice.ground import Ground, ground_of
from gridgis.lattice.hexagons import Hexagons
from gridgis.lattice.laying import Plan, found
from gridgis.lattice.mesh import Mesh
from gridgis.lattice.names import Labels, counted
from gridgis.lattice.squares import Squares

MOST_CELLS = 10_000_000
"""More cells than this in the bounds of the areas are refused."""
DUST_M = 1e-6
"""What is nearer to a border than this, lies on it; less where cells are smaller than 10 m."""
DUST_SHARE = 1e-7
"""... and never more than this share of the size."""
FARTHEST_M = 1e8
"""Codes have digits enough for coordinates up to this."""
HEIGHT = math.sqrt(3) / 2
"""Height of a row of hexagons, for cells one wide."""

Origin = tuple[float, float]


def square_grid(
    areas: gpd.GeoDataFrame,
    *,
    size_m: float | None = None,
    cells: int | None = None,
    whole: bool = False,
    origin: Origin = (0.0, 0.0),
) -> Lattice:
    """Lay squares over areas.

    The borders stand at ``origin`` plus multiples of the size, so that lattices of one size and origin are parts of
    one lattice, wherever the areas lie: neighbouring districts get the same cells and codes along their border.

    A code is the size, the row and the column, counted from the origin: ``100mN040070E004202`` is the square from
    4,007,000 to 4,007,100 m north and 420,200 to 420,300 m east of it. Rows south and columns west of the origin are
    counted by S and W, from 1.

    Parameters
    ----------
    areas : GeoDataFrame
        Valid polygons in a projected metre CRS; ``code`` (str) where they have codes.
    size_m : float
        Side of a square, metres.
    cells : int
        Instead of the size: at most so many cells. Sizes of three significant digits are tried by halving; the one
        taken has at most ``cells``, the next smaller one more.
    whole : bool
        Keep squares at the border of the areas whole. Without it they are clipped.
    origin : (float, float)
        x and y of a corner of squares, metres.

    Returns
    -------
    Lattice
        Of the squares that have a part of the areas inside.

    Raises
    ------
    GridError
        If the areas are empty, invalid or not in metres, not exactly one of ``size_m`` and ``cells`` is given, or there
        would be more than 10,000,000 cells in the bounds of the areas.

    Examples
    --------
    >>> lattice = square_grid(example.areas, size_m=150)
    >>> len(lattice), lattice.codes[0]
    (6, '150mN026713E002800')
    >>> square_grid(example.areas, cells=20)
    <Lattice: 18 cells, squares of 77.2 m, EPSG:4547>
    """
    ground, origin = ground_of(areas), _checked_origin(origin)
    size = _size(ground, size_m, cells, lambda size: _squares(ground, size, origin), 1.0)
    return Lattice(ground, _squares(ground, size, origin), whole)


def hex_grid(
    areas: gpd.GeoDataFrame,
    *,
    size_m: float | None = None,
    cells: int | None = None,
    orientation: str = "pointy",
    whole: bool = False,
    origin: Origin = (0.0, 0.0),
) -> Lattice:
    """Lay regular hexagons over areas.

    A code is the orientation, the size, the row and the column: ``HP100mN046268E004202``. Pointy hexagons (HP) stand in
    rows (N, S); every odd row is half a size farther east. Flat ones (HF) stand in columns (E, W); every odd column is
    half a size farther north.

    Parameters
    ----------
    areas : GeoDataFrame
        Valid polygons in a projected metre CRS; ``code`` (str) where they have codes.
    size_m : float
        Distance between opposite sides, metres; also that between the centres of neighbours. The area is 0.866 times
        the square of it.
    cells : int
        Instead of the size: at most so many cells; see `square_grid`.
    orientation : str
        ``pointy``: a corner at the top; ``flat``: a side at the top.
    whole : bool
        Keep hexagons at the border of the areas whole. Without it they are clipped.
    origin : (float, float)
        x and y of the centre of a hexagon, metres.

    Returns
    -------
    Lattice
        Of the hexagons that have a part of the areas inside.

    Raises
    ------
    GridError
        As in `square_grid`, and if the orientation is another word.

    Examples
    --------
    >>> hex_grid(example.areas, size_m=100)
    <Lattice: 13 cells, pointy hexagons of 100 m, EPSG:4547>
    >>> hex_grid(example.areas, cells=20, orientation="flat").cells()["grid_code"][0]
    'HF91.3mN0043888E0005312'
    """
    if orientation not in ("pointy", "flat"):
        raise GridError(f"orientation: expected 'pointy' or 'flat', got {orientation!r}.")
    ground, origin = ground_of(areas), _checked_origin(origin)
    flat = orientation == "flat"
    size = _size(ground, size_m, cells, lambda size: _hexagons(ground, size, origin, flat), HEIGHT)
    return Lattice(ground, _hexagons(ground, size, origin, flat), whole)


def european_grid(areas: gpd.GeoDataFrame, size_m: int = 1000, *, whole: bool = False) -> Lattice:
    """Lay the European reference grid over areas: squares with the codes of `european_code`.

    Parameters
    ----------
    areas : GeoDataFrame
        Valid polygons in EPSG:3035; ``code`` (str) where they have codes.
    size_m : int
        Side of a square, whole metres.
    whole : bool
        Keep squares at the border of the areas whole. Without it they are clipped.

    Returns
    -------
    Lattice
        Codes are of the form ``CRS3035RES1000mN2889000E3760000``.

    Raises
    ------
    GridError
        As in `square_grid`; if the areas are in another CRS, or beyond the extent of the grid (E 900,000 to 7,400,000,
        N 900,000 to 5,500,000).

    Examples
    --------
    >>> paris = gpd.GeoDataFrame(geometry=[shapely.box(3760500, 2889200, 3761500, 2889900)], crs=3035)
    >>> european_grid(paris).codes.tolist()
    ['CRS3035RES1000mN2889000E3760000', 'CRS3035RES1000mN2889000E3761000']
    """
    ground, size = ground_of(areas), checked_size(size_m)
    if not ground.crs.equals(pyproj.CRS.from_epsg(EPSG), ignore_axis_order=True):
        raise GridError(
            f"areas: expected the CRS of the European grid, EPSG:{EPSG}, got {ground.crs.name}; use to_crs({EPSG})."
        )
    west, south, east, north = shapely.bounds(ground.outline).tolist()
    if west < EXTENT[0] or south < EXTENT[1] or east > EXTENT[2] or north > EXTENT[3]:
        raise GridError(
            f"areas: expected E {EXTENT[0]} to {EXTENT[2]} and N {EXTENT[1]} to {EXTENT[3]}, the extent of the "
            f"European grid, got E {west:.0f} to {east:.0f} and N {south:.0f} to {north:.0f}."
        )
    cols, rows = _windows(ground.outline, (0.0, 0.0), (float(size), float(size)), 1)
    mesh = Squares(cols.borders(0.0, float(size)), rows.borders(0.0, float(size)))
    north_text, east_text = (
        np.array([f"{letter}{n * size}" for n in range(w.first, w.first + w.count)], object)
        for letter, w in (("N", rows), ("E", cols))
    )
    names = Labels(f"CRS3035RES{size}m", north_text, east_text)
    plan = Plan(f"European grid of {size} m", mesh, Upright(), names, _dust(float(size)))
    return Lattice(ground, plan, whole)


def beidou_grid(areas: gpd.GeoDataFrame, level: int = 5, *, whole: bool = False) -> Lattice:
    """Lay the BeiDou grid over areas: cells in degrees with the codes of `beidou_code`, drawn in the metre CRS.

    Points are brought to degrees and located there, where the cells are rectangles. In metres a cell is drawn through
    its corners; its northern and southern sides are curves in truth, which at level 5 (100 m) leave the drawn line by
    0.2 mm and at level 4 (1.5 km) by 5 cm at most below 60 degrees of latitude. Neighbours match vertex by vertex.

    Parameters
    ----------
    areas : GeoDataFrame
        Valid polygons in a projected metre CRS on CGCS2000 or WGS 84; ``code`` (str) where they have codes. Edges of
        more than 50 m get corners in between.
    level : int
        1 to 10; level 5 is about 100 m.
    whole : bool
        Keep cells at the border of the areas whole. Without it they are clipped.

    Returns
    -------
    Lattice

    Raises
    ------
    GridError
        As in `square_grid`; if the level is unknown, the areas reach 88 degrees of latitude or cross the meridian of
        180 degrees, or PROJ knows no true transformation to CGCS2000.

    Examples
    --------
    >>> lattice = beidou_grid(example.areas)
    >>> lattice.codes.tolist()[:2]
    ['N49JA026196', 'N49JA026197']
    >>> lattice.locate([420150.0], [4007050.0]).tolist()
    [4]
    """
    level, ground = beidou.checked_level(level), ground_of(areas)
    frame = Degrees(ground.crs, pyproj.CRS.from_epsg(4490), "areas")
    outline = frame.shapes_into(np.array([ground.outline], object))[0]
    west, south, east, north = shapely.bounds(outline).tolist()
    if max(-south, north) >= beidou.POLAR or east - west > 180:
        raise GridError(
            f"areas: expected latitudes within {beidou.POLAR} degrees and areas on one side of the meridian of 180, "
            f"got lon {west:.3f} to {east:.3f} and lat {south:.3f} to {north:.3f}."
        )
    width, height = beidou.SIZES[level - 1]
    periods = width / beidou.UNITS, height / beidou.UNITS
    cols, rows = _windows(outline, (0.0, 0.0), periods, 1)
    across, along = (
        Borders(np.arange(w.first, w.first + w.count + 1) * size / beidou.UNITS, size / beidou.UNITS)
        for w, size in ((cols, width), (rows, height))
    )
    names = _BeidouNames(level, rows.first, cols.first)
    dust = min(DUST_M / 111_000, DUST_SHARE * periods[1])
    return Lattice(ground, Plan(f"BeiDou grid of level {level}", Squares(across, along), frame, names, dust), whole)


@dataclass(frozen=True)
class _BeidouNames:
    """BeiDou codes from rows and columns; the mesh begins at the given row and column of the Earth."""

    level: int
    row: int
    col: int

    def codes(self, row: Ints, col: Ints) -> npt.NDArray[np.object_]:
        """Write the codes of cells."""
        return self._written(row, col).astype(str).astype(object)

    def order(self, row: Ints, col: Ints) -> Ints:
        """Sort by the codes themselves."""
        return np.argsort(self._written(row, col), kind="stable")

    def _written(self, row: Ints, col: Ints) -> npt.NDArray[np.bytes_]:
        places = beidou.places_at(col + self.col, row + self.row, self.level)
        return beidou.written(places, self.level)


@dataclass(frozen=True)
class _Window:
    """The periods of a lattice that are looked at: number of the first, and how many."""

    first: int
    count: int

    def borders(self, origin: float, period: float) -> Borders:
        """Borders at whole periods."""
        steps = np.arange(self.first, self.first + self.count + 1, dtype=np.float64)
        return Borders(origin + steps * period, period)


def _windows(
    outline: shapely.Geometry, origin: Origin, periods: tuple[float, float], margin: int, even: bool = False
) -> tuple[_Window, _Window]:
    """Columns and rows that hold an outline, with so many more on each side; ``even``: the first row is even."""
    west, south, east, north = shapely.bounds(outline).tolist()
    spans = [
        ((low - start) / period, (high - start) / period)
        for low, high, start, period in zip((west, south), (east, north), origin, periods, strict=True)
    ]
    count = math.prod(high - low + 1 for low, high in spans)
    if not count <= MOST_CELLS:
        raise GridError(
            f"areas: cells of {periods[0]:.6g} would be {_number(count)} in their bounds, expected at most "
            f"{MOST_CELLS:,}; take a larger size, or fewer areas at a time."
        )
    windows = []
    for low, high in spans:
        if max(abs(low), abs(high)) > 2**53:
            raise GridError(f"areas: cells of {periods[0]:.6g} are too small for coordinates such as {east:.9g}.")
        first = math.floor(low) - margin
        windows.append((first, math.floor(high) + margin - first + 1))
    (first_col, cols), (first_row, rows) = windows
    odd = first_row % 2 if even else 0
    return _Window(first_col, cols), _Window(first_row - odd, rows + odd)


def _squares(ground: Ground, size: float, origin: Origin) -> Plan:
    """Squares over areas."""
    cols, rows = _windows(ground.outline, origin, (size, size), 1)
    mesh = Squares(cols.borders(origin[0], size), rows.borders(origin[1], size))
    digits = _digits(size)
    names = Labels(
        f"{_text(size)}m", counted(rows.first, rows.count, "NS", digits), counted(cols.first, cols.count, "EW", digits)
    )
    return Plan(f"squares of {_text(size)} m", mesh, Upright(), names, _dust(size))


def _hexagons(ground: Ground, size: float, origin: Origin, flat: bool) -> Plan:
    """Hexagons over areas; flat ones are pointy ones with x and y exchanged."""
    frame: Frame = Exchanged() if flat else Upright()
    outline = frame.shapes_into(np.array([ground.outline], object))[0]
    start = origin[::-1] if flat else origin
    height = size * HEIGHT
    cols, rows = _windows(outline, start, (size, height), 2, even=True)
    mesh = _hexagon_mesh(cols, rows, start, size)
    digits = _digits(size)
    north, east = (cols, rows) if flat else (rows, cols)
    names = Labels(
        f"H{'F' if flat else 'P'}{_text(size)}m",
        counted(north.first, north.count, "NS", digits),
        counted(east.first, east.count, "EW", digits),
        exchanged=flat,
    )
    return Plan(f"{'flat' if flat else 'pointy'} hexagons of {_text(size)} m", mesh, frame, names, _dust(size))


def _hexagon_mesh(cols: _Window, rows: _Window, origin: Origin, size: float) -> Mesh:
    """The borders of hexagons whose even rows have a centre at the origin."""
    half, height, radius = size / 2, size * HEIGHT, size / math.sqrt(3)
    across = origin[0] + (np.arange(2 * cols.count + 2, dtype=np.float64) + (2 * cols.first - 1)) * half
    centres = origin[1] + np.arange(rows.first, rows.first + rows.count + 1, dtype=np.float64) * height
    along = np.stack([centres - radius, centres - radius / 2], axis=1).ravel()
    return Hexagons(Borders(across, half), Borders(along, height, inner=1 / 3))


def _dust(size: float) -> float:
    return min(DUST_M, DUST_SHARE * size)


def _number(count: float) -> str:
    return f"{count:,.0f}" if count < 1e15 else f"{count:.1e}"


def _text(size: float) -> str:
    return format(size, ".15g")


def _digits(size: float) -> int:
    """Digits of row and column, enough for all coordinates up to 100,000 km."""
    return len(str(max(math.ceil(FARTHEST_M / size) - 1, 0)))


def _checked_origin(origin: Any) -> Origin:
    """Ask for two finite numbers."""
    try:
        x, y = (float(value) for value in origin)
    except (TypeError, ValueError):
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)):
        raise GridError(f"origin: expected x and y in metres, such as (0, 0), got {origin!r}.")
    return x, y


def _size(
    ground: Ground, size_m: float | None, cells: int | None, plan_of: Callable[[float], Plan], area_of_one: float
) -> float:
    """The size that is asked for, or the one for a number of cells."""
    if (size_m is None) == (cells is None):
        raise GridError("size_m, cells: expected exactly one of them, the size of a cell or the number of cells.")
    if cells is not None:
        return _size_for(ground, _checked_count(cells), plan_of, area_of_one)
    size = float(size_m) if isinstance(size_m, int | float | np.number) and not isinstance(size_m, bool) else 0.0
    if not 0 < size <= FARTHEST_M:
        raise GridError(f"size_m: expected metres above 0, at most {FARTHEST_M:,.0f}, got {size_m!r}.")
    return size


def _checked_count(cells: Any) -> int:
    """Ask for a number of cells."""
    if isinstance(cells, bool) or not isinstance(cells, int | np.integer) or not 1 <= cells <= MOST_CELLS:
        raise GridError(f"cells: expected a whole number, 1 to {MOST_CELLS:,}, got {cells!r}.")
    return int(cells)


def _size_for(ground: Ground, cells: int, plan_of: Callable[[float], Plan], area_of_one: float) -> float:
    """The size that gives at most so many cells, while the next smaller one of three digits gives more."""

    def too_many(step: int) -> bool:
        try:
            part, full = found(plan_of(_rounded(step)).cut(np.array([ground.outline], object)))
        except GridError:
            return True  # more than can be looked at
        return int(np.count_nonzero(part | full)) > cells

    west, south, east, north = shapely.bounds(ground.outline).tolist()
    low = _step(math.sqrt(ground.outline.area / cells / area_of_one)) - 1  # fewer than the area needs
    high = _step(4 * max(east - west, north - south))
    if too_many(high):
        raise GridError(
            f"cells: {cells} is fewer than any size gives, because a corner of the lattice lies in the areas; ask for "
            "more cells, or move the corner with origin=."
        )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if too_many(middle) else (low, middle)
    return _rounded(high)


def _step(size: float) -> int:
    """Number of the smallest size of three digits that is not smaller."""
    power = math.floor(math.log10(size))
    step = power * 900 + math.ceil(size / 10.0 ** (power - 2)) - 100
    while _rounded(step - 1) >= size:
        step -= 1
    while _rounded(step) < size:
        step += 1
    return step


def _rounded(step: int) -> float:
    """Sizes of three significant digits, ascending: 900 to a power of ten.

    Examples
    --------
    >>> [_rounded(step) for step in (-1, 0, 1, 899, 900)]
    [0.999, 1.0, 1.01, 9.99, 10.0]
    """
    power, digits = divmod(step, 900)
    return float(f"{digits + 100}e{power - 2}")
