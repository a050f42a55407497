"""References of maps: British National Grid and MGRS. Digits are cut off, never rounded.

A reference names a square by its south-western corner; the more digits, the smaller the square.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyproj

from gridgis import crs
from gridgis.contract import GridError, listed
from gridgis.lattice.beidou import Bounds, packed
from gridgis.lattice.borders import Floats, Ints
from gridgis.lattice.european import whole_metres

NATIONAL_EPSG = 27700
"""OSGB36 / British National Grid."""

_SQUARES = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
_BANDS = "CDEFGHJKLMNPQRSTUVWX"
_COLUMNS = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")
_ROWS = "ABCDEFGHJKLMNPQRSTUV"
_NATIONAL = re.compile(r"([A-HJ-Z]{2})((?:\d\d){0,5})", re.ASCII)
_MGRS = re.compile(r"(\d{1,2})([C-HJ-NP-X])([A-HJ-NP-Z])([A-HJ-NP-V])((?:\d\d){0,5})", re.ASCII)
_NO_X = (32, 34, 36)
"""Zones without a band X: around Svalbard their neighbours are wider."""
_SQUARE_M = 100_000
_CYCLE_M = 2_000_000
"""The letters of rows begin anew after so many metres."""
_ZONES = (pyproj.CRS.from_epsg(32731), pyproj.CRS.from_epsg(32631))
"""A southern and a northern zone: northings are the same in all of them."""
_EQUATOR_M = 10_000_000
"""The northing of the equator in a southern zone."""
_DEGREE_M = 111_000
"""Of latitude, about."""
_SLACK_DEGREES = 1e-9
"""A tenth of a millimetre: latitudes are projected to and fro with less than that lost."""


class MgrsCell(NamedTuple):
    """The square that an MGRS reference names: bounds in metres in a UTM zone on WGS 84."""

    epsg: int
    west: float
    south: float
    east: float
    north: float


def checked_digits(digits: object) -> int:
    """Ask for an even number of digits, 0 to 10; give the side of the square in metres."""
    if isinstance(digits, bool) or not isinstance(digits, int | np.integer) or digits not in range(0, 11, 2):
        raise GridError(f"digits: expected an even number, 0 to 10 (10 is 1 m, 4 is 1 km), got {digits!r}.")
    return 10 ** (5 - int(digits) // 2)


def national_grid_reference(easting: Any, northing: Any, digits: int = 10) -> npt.NDArray[np.object_]:
    """Give the references of points on the British National Grid.

    Parameters
    ----------
    easting, northing : array of float
        Metres in OSGB36 / British National Grid (EPSG:27700).
    digits : int
        Even, 0 to 10; 10 is 1 m, 6 is 100 m, 4 is 1 km.

    Returns
    -------
    array of str
        Two letters and the digits, without spaces; None where a coordinate is NaN or infinite.

    Raises
    ------
    GridError
        If a point lies beside the grid (easting 0 to 700 km, northing 0 to 1,300 km), or ``digits`` is odd.

    Examples
    --------
    >>> national_grid_reference([651409.0], [313177.0]).tolist()
    ['TG5140913177']
    >>> national_grid_reference([651409.9], [313177.0], digits=4).tolist()
    ['TG5113']
    """
    side = checked_digits(digits)
    finite, east, north = whole_metres(easting, northing, "easting, northing")
    beside = np.flatnonzero((east < 0) | (east >= 7 * _SQUARE_M) | (north < 0) | (north >= 13 * _SQUARE_M))
    if len(beside):
        raise GridError(
            f"British National Grid: expected easting 0 to 700000 and northing 0 to 1300000, got {east[beside[0]]}, "
            f"{north[beside[0]]} in rows {listed(np.flatnonzero(finite)[beside])}."
        )
    letters = np.array(list(_SQUARES), object)
    col, row = east // _SQUARE_M, north // _SQUARE_M
    large = letters[(3 - row // 5) * 5 + col // 5 + 2]
    small = letters[(4 - row % 5) * 5 + col % 5]
    codes = np.full(len(finite), None, object)
    codes[finite] = large + small + _digits(east, north, side, int(digits) // 2)
    return codes


def _digits(east: Ints, north: Ints, side: int, width: int) -> npt.NDArray[np.object_]:
    """Digits within the square of 100 km, the rest cut off."""
    if not width:
        return np.full(len(east), "", object)
    pairs = zip((east % _SQUARE_M // side).tolist(), (north % _SQUARE_M // side).tolist(), strict=True)
    return np.array([f"{e:0{width}d}{n:0{width}d}" for e, n in pairs], object)


def national_grid_cell(reference: str) -> Bounds:
    """Give the bounds of the square that a reference on the British National Grid names.

    Parameters
    ----------
    reference : str
        Two letters and 0 to 10 digits. Small letters and blanks do no harm.

    Returns
    -------
    Bounds
        west, south, east, north, metres in EPSG:27700.

    Raises
    ------
    GridError
        If it is no such reference, or of a square beside the grid.

    Examples
    --------
    >>> national_grid_cell("TQ 30 80")
    Bounds(west=530000, south=180000, east=531000, north=181000)
    """
    form = _NATIONAL.fullmatch(packed(reference))
    if form is None:
        raise GridError(
            f"British National Grid: expected two letters and up to 10 digits, such as TQ3080, got {reference!r}."
        )
    large, small = (_SQUARES.index(letter) for letter in form.group(1))
    col, row = (large % 5 - 2) * 5 + small % 5, (3 - large // 5) * 5 + 4 - small // 5
    if not (0 <= col < 7 and 0 <= row < 13):
        raise GridError(f"British National Grid: {reference!r} is a square beside the grid.")
    return _square(col * _SQUARE_M, row * _SQUARE_M, form.group(2))


def _square(west: int, south: int, digits: str) -> Bounds:
    """The square that digits name within one of 100 km."""
    width = len(digits) // 2
    side = 10 ** (5 - width)
    west += int(digits[:width] or 0) * side
    south += int(digits[width:] or 0) * side
    return Bounds(west, south, west + side, south + side)


def utm_zone(lon: Floats, lat: Floats) -> Ints:
    """Give the UTM zones of places: six degrees each, but for south-western Norway and Svalbard.

    Parameters
    ----------
    lon, lat : array of float
        Degrees, longitude -180 to 180 (180 is -180), latitude -80 to 84.

    Returns
    -------
    array of int

    Examples
    --------
    >>> import numpy as np
    >>> utm_zone(np.array([5.3, 5.3, 10.4, 180.0]), np.array([60.4, 55.0, 78.2, 0.0])).tolist()
    [32, 31, 33, 1]
    """
    zone = np.floor(lon / 6).astype(np.int64) % 60
    zone = (zone + 30) % 60 + 1
    zone = np.where((lat >= 56) & (lat < 64) & (lon >= 3) & (lon < 12), 32, zone)
    for number, west, east in ((31, 0, 9), (33, 9, 21), (35, 21, 33), (37, 33, 42)):
        zone = np.where((lat >= 72) & (lon >= west) & (lon < east), number, zone)
    return zone


def mgrs_reference(lon: Any, lat: Any, digits: int = 10) -> npt.NDArray[np.object_]:
    """Give the MGRS references of points.

    Coordinates in the zone are rounded to the micrometre before digits are cut off, so that a point on a meridian or
    parallel that is a border does not fall beside it by the rounding of the projection.

    Parameters
    ----------
    lon, lat : array of float
        Longitude and latitude, degrees, WGS 84 (EPSG:4326).
    digits : int
        Even, 0 to 10; 10 is 1 m, 4 is 1 km.

    Returns
    -------
    array of str
        Zone, band, square and digits, without spaces; None where a coordinate is NaN or infinite.

    Raises
    ------
    GridError
        If a latitude is beyond -80 to 84 degrees (the polar squares of UPS are not here), a longitude beyond 180.

    Examples
    --------
    >>> mgrs_reference([113.1163], [36.1954]).tolist()
    ['49SFA9027807697']
    >>> mgrs_reference([113.1163], [36.1954], digits=4).tolist()
    ['49SFA9007']
    """
    side = checked_digits(digits)
    lon, lat = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    if lon.ndim != 1 or lon.shape != lat.shape:
        raise GridError(f"lon, lat: expected two arrays of one length, got shapes {lon.shape} and {lat.shape}.")
    finite = np.isfinite(lon) & np.isfinite(lat)
    wrong = np.flatnonzero(finite & ((np.abs(lon) > 180) | (lat < -80) | (lat > 84)))
    if len(wrong):
        raise GridError(
            f"MGRS: expected degrees, longitude -180 to 180 and latitude -80 to 84, got lon {lon[wrong[0]]:g} lat "
            f"{lat[wrong[0]]:g} in rows {listed(wrong)}; the polar squares (UPS) are not made here."
        )
    codes = np.full(len(lon), None, object)
    zones = np.zeros(len(lon), np.int64)
    zones[finite] = utm_zone(lon[finite], lat[finite])
    for zone in np.unique(zones[finite]).tolist():
        for south in (False, True):
            here = np.flatnonzero((zones == zone) & ((lat < 0) == south))
            if len(here):
                codes[here] = _in_zone(lon[here], lat[here], zone, side)
    return codes


def _in_zone(lon: Floats, lat: Floats, zone: int, side: int) -> npt.NDArray[np.object_]:
    """References of points in one zone and hemisphere."""
    epsg = (32700 if lat[0] < 0 else 32600) + zone
    x, y = (values.round(6) for values in crs.transform_xy(lon, lat, crs.WGS84, epsg, "MGRS"))
    east, north = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    if lat[0] < 0:
        north = np.minimum(north, _EQUATOR_M - 1)  # a hair south of the equator is south of it
    columns, rows = np.array(list(_COLUMNS[(zone - 1) % 3]), object), np.array(list(_ROWS), object)
    bands = np.array(list(_BANDS), object)[np.minimum(np.floor(lat / 8).astype(np.int64) + 10, 19)]
    square = columns[east // _SQUARE_M - 1] + rows[(north // _SQUARE_M + (0 if zone % 2 else 5)) % 20]
    return f"{zone:02d}" + bands + square + _digits(east, north, side, 5 - len(str(side)) + 1)


def mgrs_cell(reference: str) -> MgrsCell:
    """Give the bounds of the square that an MGRS reference names.

    Parameters
    ----------
    reference : str
        Zone, band, square and 0 to 10 digits. Small letters and blanks do no harm.

    Returns
    -------
    MgrsCell
        The EPSG code of the UTM zone; west, south, east, north in it, metres. At the edge of a zone or a band only a
        part of the square belongs to the reference; a square beyond the edge of its zone is read as it is written.

    Raises
    ------
    GridError
        If it is no such reference (those of the polar caps, UPS, are not read), or no part of the square lies in the
        band.

    Examples
    --------
    >>> mgrs_cell("49S FA 90 07")
    MgrsCell(epsg=32649, west=690000, south=4007000, east=691000, north=4008000)
    """
    form = _MGRS.fullmatch(packed(reference))
    zone = int(form.group(1)) if form else 0
    known = form is not None and 1 <= zone <= 60 and not (zone in _NO_X and form.group(2) == "X")
    if form is None or not known or form.group(3) not in _COLUMNS[(zone - 1) % 3]:
        raise GridError(
            f"MGRS: expected zone, band, the two letters of a square in that zone and up to 10 digits, such as "
            f"49SFA9007, got {reference!r}."
        )
    band = _BANDS.index(form.group(2))
    west = (_COLUMNS[(zone - 1) % 3].index(form.group(3)) + 1) * _SQUARE_M
    south = (_ROWS.index(form.group(4)) - (0 if zone % 2 else 5)) % 20 * _SQUARE_M
    square = _square(west, south + _cycles(south, band) * _CYCLE_M, form.group(5))
    if _touches(square, band):
        return MgrsCell((32600 if band >= 10 else 32700) + zone, *square)
    south_lat, north_lat = _latitudes(band)
    raise GridError(
        f"MGRS: {reference!r} names no place; band {form.group(2)} reaches from {south_lat} to {north_lat} degrees of "
        "latitude, and the square does not touch it."
    )


def _latitudes(band: int) -> tuple[int, int]:
    """Where a band begins and ends, degrees; the last one is wider."""
    return band * 8 - 80, 84 if band == len(_BANDS) - 1 else band * 8 - 72


def _cycles(south: int, band: int) -> int:
    """How often the letters of rows began anew before a band: only one row of a letter can touch it."""
    middle_m = sum(_latitudes(band)) / 2 * _DEGREE_M + (0 if band >= 10 else _EQUATOR_M)
    return max(round((middle_m - south - _SQUARE_M / 2) / _CYCLE_M), 0)


def _touches(square: Bounds, band: int) -> bool:
    """Tell whether a part of a square, in any zone of the hemisphere of the band, lies in the band."""
    if square.south >= _EQUATOR_M:
        return False
    x = np.repeat([float(square.west), float(square.east)], 2)
    y = np.tile([float(square.south), float(square.north)], 2)
    _, lat = crs.transform_xy(x, y, _ZONES[band >= 10], crs.WGS84, "MGRS")
    begins, ends = _latitudes(band)
    return bool(lat.max() > begins - _SLACK_DEGREES and lat.min() < ends + _SLACK_DEGREES)
