"""The European reference grid: cells of whole metres in ETRS89-LAEA (EPSG:3035), named by their lower left corner."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from gridgis.contract import GridError, listed
from gridgis.lattice.beidou import Bounds, packed
from gridgis.lattice.borders import Floats, Ints

EPSG = 3035
"""ETRS89-extended / LAEA Europe."""
_MIDDLE, _FARTHEST = (4_321_000, 3_210_000), 13_000_000
"""The false origin, and how far from it the whole Earth reaches, metres."""
EXTENT = (900_000, 900_000, 7_400_000, 5_500_000)
"""West, south, east, north of the grid, metres (Regulation (EU) 2018/1799, article 3)."""

_CODE = re.compile(
    r"(?:[A-Z]{2}_)?(?P<long>CRS3035RES)?(?P<size>[1-9]\d{0,6})(?P<unit>K?M)"
    r"(?:N(?P<n>-?\d{1,8})E(?P<e>-?\d{1,8})|E(?P<east>-?\d{1,8})N(?P<north>-?\d{1,8}))",
    re.ASCII,
)
_FAR = 1e8
LARGEST = 1_000_000
"""Of the sizes of cells, metres."""


def checked_size(size_m: object) -> int:
    """Ask for a size in whole metres."""
    number = float(size_m) if isinstance(size_m, int | float | np.number) and not isinstance(size_m, bool) else 0.0
    if not (number.is_integer() and 1 <= number <= LARGEST):
        raise GridError(f"size_m: expected whole metres, 1 to 1,000,000, got {size_m!r}.")
    return int(number)


def whole_metres(x: Any, y: Any, what: str) -> tuple[npt.NDArray[np.bool_], Ints, Ints]:
    """Which points have coordinates, and these rounded down to whole metres.

    Raises
    ------
    GridError
        If the arrays are not of one length, or a coordinate is beyond 100,000 km.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise GridError(f"{what}: expected two arrays of one length, got shapes {x.shape} and {y.shape}.")
    finite = np.isfinite(x) & np.isfinite(y)
    far = np.flatnonzero(finite & ((np.abs(x) > _FAR) | (np.abs(y) > _FAR)))
    if len(far):
        raise GridError(f"{what}: expected metres, got {x[far[0]]:g}, {y[far[0]]:g} in rows {listed(far)}.")
    return finite, _down(x[finite]), _down(y[finite])


def _down(values: Floats) -> Ints:
    return np.floor(values).astype(np.int64)


def european_code(x: Any, y: Any, size_m: int = 1000) -> npt.NDArray[np.object_]:
    """Give the codes of the cells of the European reference grid that points lie in.

    A cell includes its western and southern border.

    Parameters
    ----------
    x, y : array of float
        Easting and northing in EPSG:3035, metres.
    size_m : int
        Size of the cells, whole metres: a power of ten, 2000 or 5000 as a rule.

    Returns
    -------
    array of str
        ``CRS3035RES1000mN2889000E3760000``: northing and easting of the lower left corner; None where a coordinate is
        NaN or infinite.

    Raises
    ------
    GridError
        If the size is no whole number of metres, or the coordinates are no metres on the Earth.

    Examples
    --------
    >>> european_code([3760771.9], [2889484.8]).tolist()
    ['CRS3035RES1000mN2889000E3760000']
    """
    size = checked_size(size_m)
    finite, east, north = whole_metres(x, y, "x, y")
    codes = np.full(len(finite), None, object)
    corners = zip((north // size * size).tolist(), (east // size * size).tolist(), strict=True)
    codes[finite] = [f"CRS3035RES{size}mN{n}E{e}" for n, e in corners]
    return codes


def european_cell(code: str) -> Bounds:
    """Give the bounds of the cell that a code of the European reference grid names.

    Parameters
    ----------
    code : str
        The long form (``CRS3035RES1000mN2889000E3760000``: corner in metres) or the short one (``1kmN2889E3760``,
        ``250mN288925E376025``: corner without as many zeros as the size has), northing or easting first, with or
        without a country in front (``FR_``). Small letters and blanks do no harm.

    Returns
    -------
    Bounds
        west, south, east, north, metres in EPSG:3035.

    Raises
    ------
    GridError
        If it is no such code, or its corner is no multiple of its size.

    Examples
    --------
    >>> european_cell("FR_CRS3035RES1000mN2889000E3760000")
    Bounds(west=3760000, south=2889000, east=3761000, north=2890000)
    >>> european_cell("1kmN2889E3760") == european_cell("CRS3035RES1000mN2889000E3760000")
    True
    >>> european_cell("10kmE438N335")
    Bounds(west=4380000, south=3350000, east=4390000, north=3360000)
    """
    form = _CODE.fullmatch(packed(code))
    if form is None:
        raise GridError(
            "European grid code: expected a code such as CRS3035RES1000mN2889000E3760000 or 1kmN2889E3760, got "
            f"{code!r}."
        )
    size = int(form["size"]) * (1000 if form["unit"] == "KM" else 1)
    unit = 1 if form["long"] else 10 ** (len(str(size)) - len(str(size).rstrip("0")))
    north, east = (int(form[one] or form[other]) * unit for one, other in (("n", "north"), ("e", "east")))
    if size > LARGEST or north % size or east % size:
        raise GridError(f"European grid code: {code} names no cell; its corner should be a multiple of {size} m.")
    if max(abs(east - _MIDDLE[0]), abs(north - _MIDDLE[1])) > _FARTHEST:
        raise GridError(
            f"European grid code: {code} names no place on the Earth; the corner stands without as many zeros as the "
            f"size of {size} m has."
        )
    return Bounds(east, north, east + size, north + size)
