"""The BeiDou grid location code (GB/T 39409-2020), levels 1 to 10, in exact arithmetic.

The cell of level 10 is 1/2048 of an arc second wide and high, and every cell is a whole number of these. Longitude and
latitude are turned into whole units exactly, so a point on a border, or next to it, gets the code of the cell that it
is in; no rounding of degrees or minutes is involved.

Levels: a letter for the hemisphere; 1: 6 x 4 degrees, two digits and a letter; 2: 30 minutes, two digits; 3: 15 x 10
minutes, one digit; 4: 1 minute, two; 5: 4 seconds, two; 6: 2 seconds, one; 7 to 10: 1/4, 1/32, 1/256 and 1/2048 of a
second, two each. South of the equator and west of the zero meridian, rows and columns from level 2 on are counted away
from these two lines. A cell includes its borders on the side of these lines; the meridian of 180 degrees closes the
last cell of its hemisphere. The polar caps have a scheme of their own, which is not here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gridgis.contract import GridError, listed
from gridgis.lattice.borders import Floats, Ints

UNITS = 3600 * 2048
"""Units to a degree: cells of level 10."""
POLAR = 88
"""Degrees of latitude from which on another scheme holds."""
SIZES = (
    (6 * UNITS, 4 * UNITS),
    (UNITS // 2, UNITS // 2),
    (UNITS // 4, UNITS // 6),
    (UNITS // 60, UNITS // 60),
    (4 * 2048, 4 * 2048),
    (2 * 2048, 2 * 2048),
    (512, 512),
    (64, 64),
    (8, 8),
    (1, 1),
)
"""Width and height of the cells of each level, from level 1 on, in units."""
LENGTHS = (4, 6, 7, 9, 11, 12, 14, 16, 18, 20)
"""Characters of the codes of each level."""

_DIGITS = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", np.uint8)
_LETTERS = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUV", np.uint8)
_FORM = re.compile(
    r"([NS])(\d\d)([A-V])"
    r"(?:([0-9A-B])([0-7])(?:([0-5])(?:([0-9A-E])([0-9])(?:([0-9A-E])([0-9A-E])(?:([0-3])"
    r"(?:([0-7])([0-7])(?:([0-7])([0-7])(?:([0-7])([0-7])(?:([0-7])([0-7]))?)?)?)?)?)?)?)?)?"
)


class Bounds(NamedTuple):
    """The bounds of a cell, in degrees or metres as its reference has them."""

    west: float
    south: float
    east: float
    north: float


def checked_level(level: object) -> int:
    """Ask for a level that there is."""
    if isinstance(level, bool) or not isinstance(level, int | np.integer) or not 1 <= level <= len(SIZES):
        raise GridError(f"level: expected a whole number, 1 to {len(SIZES)}, got {level!r}.")
    return int(level)


def packed(code: object) -> str:
    """Give a code without blanks and in capitals; empty if it is no text of ASCII.

    Examples
    --------
    >>> packed("49s fa 90 07"), packed(49)
    ('49SFA9007', '')
    """
    text = "".join(code.split()) if isinstance(code, str) else ""
    return text.upper() if text.isascii() else ""


def beidou_code(lon: Any, lat: Any, level: int = 10) -> npt.NDArray[np.object_]:
    """Give the BeiDou grid codes of points.

    Parameters
    ----------
    lon, lat : array of float
        Longitude and latitude, degrees, CGCS2000 (EPSG:4490).
    level : int
        1 to 10; level 5 is about 100 m, level 7 about 8 m, level 10 about 15 mm.

    Returns
    -------
    array of str
        The codes; None where a coordinate is NaN or infinite.

    Raises
    ------
    GridError
        If a latitude is 88 degrees or more north or south, a longitude beyond 180, or the level unknown.

    Examples
    --------
    >>> beidou_code([113.1163], [36.1954], level=5).tolist()
    ['N49JA0261EA']
    >>> beidou_code([116 + 18 / 60 + 45.37 / 3600], [39 + 59 / 60 + 35.38 / 3600]).tolist()
    ['N50J47539B8255346152']
    """
    level = checked_level(level)
    lon, lat = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    if lon.ndim != 1 or lon.shape != lat.shape:
        raise GridError(f"lon, lat: expected two arrays of one length, got shapes {lon.shape} and {lat.shape}.")
    finite = np.isfinite(lon) & np.isfinite(lat)
    wrong = np.flatnonzero(finite & ((np.abs(lon) > 180) | (np.abs(lat) >= POLAR)))
    if len(wrong):
        raise GridError(
            f"BeiDou codes: expected degrees, longitude -180 to 180 and latitude within {POLAR}, got lon "
            f"{lon[wrong[0]]:g} lat {lat[wrong[0]]:g} in rows {listed(wrong)}; the polar caps have another scheme."
        )
    codes = np.full(len(lon), None, object)
    x, y = lon[finite], lat[finite]
    width, height = SIZES[level - 1]
    units = np.minimum(whole_units(np.abs(x)), 180 * UNITS - 1)
    places = Places(y >= 0, x >= 0, units // width * width, whole_units(np.abs(y)) // height * height)
    codes[finite] = written(places, level).astype(str)
    return codes


def whole_units(degrees: Floats) -> Ints:
    """Give how many whole units degrees (0 or more) are, exactly.

    A unit is 1/(225 x 2**15) degree. The factor 2**15 is exact; the one of 225 is taken in two steps of 26 binary
    digits each, which no product of a double exceeds.

    Examples
    --------
    >>> import numpy as np
    >>> whole_units(np.array([6.0, np.nextafter(6.0, 0)])).tolist()
    [44236800, 44236799]
    """
    scaled = degrees * 2.0**15
    high = np.floor(scaled)
    rest = (scaled - high) * 2.0**26
    low = np.floor(rest)
    carried = low.astype(np.int64) * 225 + np.floor((rest - low) * 225).astype(np.int64)
    return high.astype(np.int64) * 225 + (carried >> 26)


@dataclass(frozen=True)
class Places:
    """Cells: their hemisphere, and how far from the equator and the zero meridian their near corner is, in units."""

    north: npt.NDArray[np.bool_]
    east: npt.NDArray[np.bool_]
    lon: Ints
    lat: Ints


def places_at(lon: Ints, lat: Ints, level: int) -> Places:
    """Cells of a level by column and row, counted from the zero meridian and the equator, -1 the first beyond."""
    width, height = SIZES[level - 1]
    east, north = lon >= 0, lat >= 0
    return Places(north, east, np.where(east, lon, -1 - lon) * width, np.where(north, lat, -1 - lat) * height)


def written(cells: Places, level: int) -> npt.NDArray[np.bytes_]:
    """Write the codes of cells of a level."""
    text = np.empty((len(cells.lon), LENGTHS[level - 1]), np.uint8)
    zone, lon = np.divmod(cells.lon, SIZES[0][0])
    letter, lat = np.divmod(cells.lat, SIZES[0][1])
    zone = np.where(cells.east, 31 + zone, 30 - zone)
    text[:, 0] = np.where(cells.north, ord("N"), ord("S"))
    text[:, 1], text[:, 2], text[:, 3] = _DIGITS[zone // 10], _DIGITS[zone % 10], _LETTERS[letter]
    for number in range(1, level):
        (col, lon), (row, lat) = np.divmod(lon, SIZES[number][0]), np.divmod(lat, SIZES[number][1])
        at = LENGTHS[number - 1]
        if LENGTHS[number] - at == 1:
            text[:, at] = _DIGITS[2 * row + col]
        else:
            text[:, at], text[:, at + 1] = _DIGITS[col], _DIGITS[row]
    return text.view(f"S{text.shape[1]}").ravel()


def beidou_cell(code: str) -> Bounds:
    """Give the bounds of the cell that a BeiDou grid code names.

    Parameters
    ----------
    code : str
        Of any level, 1 to 10. Small letters and blanks do no harm.

    Returns
    -------
    Bounds
        west, south, east, north, degrees (EPSG:4490), each the double nearest to the exact fraction.

    Raises
    ------
    GridError
        If it is no such code.

    Examples
    --------
    >>> beidou_cell("N50J")
    Bounds(west=114.0, south=36.0, east=120.0, north=40.0)
    >>> beidou_cell("N49JA0261")
    Bounds(west=113.1, south=36.18333333333333, east=113.11666666666666, north=36.2)
    """
    form = _FORM.fullmatch(packed(code))
    zone = int(form.group(2)) if form else 0
    if form is None or not 1 <= zone <= 60:
        raise GridError(
            f"BeiDou code: expected N or S, a zone 01 to 60, a letter A to V and the digits of levels up to 10 "
            f"({listed(LENGTHS, 10)} characters), got {code!r}."
        )
    east, north = zone >= 31, form.group(1) == "N"
    lon, lat = (zone - 31 if east else 30 - zone) * SIZES[0][0], (ord(form.group(3)) - ord("A")) * SIZES[0][1]
    level, digits = 1, [int(digit, 16) for digit in form.groups()[3:] if digit is not None]
    while digits:
        width, height = SIZES[level]
        if LENGTHS[level] - LENGTHS[level - 1] == 1:
            row, col = divmod(digits.pop(0), 2)
        else:
            col, row = digits.pop(0), digits.pop(0)
        lon, lat, level = lon + col * width, lat + row * height, level + 1
    width, height = SIZES[level - 1]
    west, far = (lon, lon + width) if east else (-lon - width, -lon)
    south, top = (lat, lat + height) if north else (-lat - height, -lat)
    return Bounds(west / UNITS, south / UNITS, far / UNITS, top / UNITS)
