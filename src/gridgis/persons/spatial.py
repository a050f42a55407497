"""Which columns hold coordinates: told by their names, by how places are written, by the places themselves."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridgis.persons.words import words_of

_NUMBERS = frozenset(
    [
        "lon",
        "lng",
        "long",
        "longitude",
        "lat",
        "latitude",
        "easting",
        "eastings",
        "northing",
        "northings",
        "coord",
        "coords",
        "coordinate",
        "coordinates",
        "x",
        "y",
        "xcoord",
        "ycoord",
        "lonwgs",
        "latwgs",
        "gpsx",
        "gpsy",
        "pointx",
        "pointy",
        "posx",
        "posy",
        "jingdu",
        "weidu",
    ]
)
"""Words of columns of numbers that are coordinates."""

_CODES = frozenset(["geohash", "mgrs", "olc", "pluscode", "what3words", "wkt", "wkb", "geojson", "ewkt", "ewkb"])
_ZH = re.compile(r"经度|纬度|东经|北纬|横坐标|纵坐标|坐标(?!系|类型|参考|精度|问题)")
_SIDES = re.compile(
    r"^(?:.*[_\s.\-])?[xy](?:[_\s.\-].*)?$|^(?:gcj|bd|wgs|gps|cgcs)\d*[_\s]?(?:lon|lng|lat|x|y)$", re.IGNORECASE
)

SPATIAL_TEXT = (
    r"(?i)^\s*(?:srid=\d+;)?\s*(?:multi)?(?:point|linestring|polygon|geometrycollection)\s*(?:z|m|zm)?\s*\("
    r"|\"(?:coordinates|geometries)\"\s*:\s*\["
    r"|^\s*(?:01(?:0[1-7]|e[9a-f]|d[1-7])[0-9a-f]{4}[02468ace0-9]{2}|00[0-9a-f]{2}0000(?:0[1-7]))[0-9a-f]{32,}\s*$"
    r"|^\s*[\[(]?\s*-?\d{1,3}\.\d{3,}\s*[°]?\s*[EW东西]?\s*[,，;/ \t]\s*"
    r"-?\d{1,3}\.\d{3,}\s*[°]?\s*[NS南北]?\s*[\])]?\s*$"
    r"|\d{1,3}\s?°\s?\d{1,2}\s?['′分]"
)
"""Well-known text and binary, GeoJSON, a pair of numbers, degrees with minutes."""

Floats = npt.NDArray[np.float64]


def is_named_spatial(name: str) -> str | None:
    """Tell whether a column is named like coordinates: ``"numbers"`` if numbers are meant, ``"codes"``, or None.

    Examples
    --------
    >>> [is_named_spatial(name) for name in ("gcj_lat", "经度", "POINT_X", "geohash", "coordinate_problem", "lateness")]
    ['numbers', 'numbers', 'numbers', 'codes', None, None]
    """
    words = words_of(name)
    if not _CODES.isdisjoint(words):
        return "codes"
    if words[-1:] in (["problem"], ["system"], ["type"], ["crs"], ["source"]):
        return None
    named = not _NUMBERS.isdisjoint(words) or _ZH.search(name) or _SIDES.match(name)
    return "numbers" if named else None


def near_places(values: Floats, *coordinates: Floats) -> int:
    """Count the values that lie beside a coordinate of their own row, written as finely as places are.

    Examples
    --------
    >>> near_places(np.array([113.1163, 36.0]), np.array([113.1102, 113.1]), np.array([36.19, 36.2]))
    1
    """
    found = np.zeros(len(values), bool)
    with np.errstate(invalid="ignore", over="ignore"):
        coarse = np.abs(np.round(values, 3) - values) <= 1e-9
        for places in coordinates:
            degrees = np.abs(places) <= 360
            reach = np.where(degrees, 0.03, 3000.0)
            far = np.abs(places) > np.where(degrees, 1.0, 10_000.0)
            found |= (np.abs(values - places) <= reach) & ~(degrees & coarse) & far
    return int(found.sum())


def numbers_of(values: pd.Series) -> Floats:
    """Read a column as numbers, NaN where it holds none.

    Examples
    --------
    >>> numbers_of(pd.Series(["1.5", "x", None])).tolist()
    [1.5, nan, nan]
    """
    return pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
