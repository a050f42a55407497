"""Places of single things, told by how points are written: features, markers, rows with coordinates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gridgis.leaks.patterns import Hit
from gridgis.leaks.runs import near

POINT = "raw point"
PRECISE = 6
"""Decimals from which a coordinate in a row is that of a single thing."""

_NUMBER = r"(-?\d{1,8}(?:\.\d+)?)"
_PAIR = rf"{_NUMBER}\s*,\s*{_NUMBER}"
_MORE = r"(?:,\s*-?[\d.]+\s*)?\]\s*(?:,\s*\[[^\[\]]{0,80}\]\s*)*"
_FEATURE = re.compile(
    rf"[\"']?type[\"']?\s*:\s*[\"'](?:Multi)?Point[\"']\s*,\s*[\"']?coordinates[\"']?\s*:\s*\[\s*\[?\s*{_PAIR}"
    rf"|[\"']?coordinates[\"']?\s*:\s*\[\s*\[?\s*{_PAIR}\s*{_MORE}\]?"
    rf"\s*,\s*[\"']?type[\"']?\s*:\s*[\"'](?:Multi)?Point[\"']"
)
_WKT = re.compile(r"\b(?:MULTI)?POINT\s?Z?M?\s?\(\s*\(?\s*(-?\d{1,8}(?:\.\d+)?)\s+(-?\d{1,8}(?:\.\d+)?)", re.IGNORECASE)
_MARKER = re.compile(
    r"\b(?:L\.|new\s+(?:L|AMap|BMap|BMapGL|T|google\.maps|mapboxgl|maplibregl)\.|\.)?"
    r"(?:marker|circleMarker|Marker|CircleMarker|circle|Circle|setLatLng|setLngLat|addMarker)"
    rf"\(\s*(?:\{{\s*(?:position|center)\s*:\s*)?"
    rf"(?:(?:new\s+)?[\w.]*(?:[lL]at[lL]ng|[lL]ng[lL]at|Point)\(\s*)?\[?\s*{_PAIR}"
)
_KEYS = re.compile(
    r"[\"']?\b(?:lat|latitude|纬度|lng|lon|long|longitude|经度)[\"']?\s*[:=]\s*[\"']?(-?\d{1,3}\.\d{6,})[\"']?"
    r"[^\d\[\]{}]{1,40}?"
    r"[\"']?\b(?:lat|latitude|纬度|lng|lon|long|longitude|经度)[\"']?\s*[:=]\s*[\"']?(-?\d{1,3}\.\d{6,})",
    re.IGNORECASE,
)
_ROW = re.compile(r"\[\s*(-?\d{1,3}\.\d{6,})\s*,\s*(-?\d{1,3}\.\d{6,})\s*,\s*[\"'{]")
_HEAT = re.compile(rf"\b(?:heatLayer|HeatMap|heatmap)\(\s*\[\s*\[?\s*{_PAIR}", re.IGNORECASE)
_XML = re.compile(
    r"<(?:\w{1,20}:)?Point\b[^<>]{0,300}>\s{0,200}(?:<(?:\w{1,20}:)?(?:extrude|altitudeMode|tessellate|name|description)\b"
    r"[^<>]{0,100}>[^<>]{0,200}</[^<>]{1,40}>\s{0,200}){0,4}<(?:\w{1,20}:)?(?:coordinates|pos)\b[^<>]{0,300}>\s{0,200}"
    r"(-?\d{1,8}(?:\.\d+)?)\s{0,9}[,\s]\s{0,9}(-?\d{1,8}(?:\.\d+)?)"
)
_GPX = re.compile(
    r"<(?:wpt|trkpt|rtept)\b[^<>]{0,80}?\b(?:lat|lon)\s?=\s?[\"'](-?\d{1,3}\.\d+)[\"'][^<>]{0,80}?"
    r"\b(?:lat|lon)\s?=\s?[\"'](-?\d{1,3}\.\d+)"
)
_TRACK = re.compile(r"<gx:coord>\s{0,9}(-?\d{1,3}\.\d+)\s{1,9}(-?\d{1,3}\.\d+)")
_MIF = re.compile(
    r"^[ \t]{0,9}(?:POINT|Point|point)[ \t]{1,9}(-?\d{1,8}(?:\.\d+)?)[ \t]{1,9}(-?\d{1,8}(?:\.\d+)?)[ \t]*$",
    re.MULTILINE,
)
_SEARCHES: tuple[tuple[tuple[re.Pattern[str], ...], tuple[str, ...], int, int], ...] = (
    ((_FEATURE, _WKT, _XML, _MIF), ("Point", "POINT", "point"), 600, 1200),
    ((_GPX,), ("<wpt", "<trkpt", "<rtept"), 4, 300),
    ((_TRACK,), ("<gx:coord>",), 4, 80),
    ((_MARKER,), ("arker(", "ircle(", "setLatLng(", "setLngLat("), 60, 200),
    ((_KEYS,), ("lat", "Lat", "LAT", "lng", "Lng", "LNG", "lon", "Lon", "LON", "纬度", "经度"), 100, 200),
    ((_HEAT,), ("eatLayer(", "eatMap(", "eatmap("), 20, 200),
)
"""Patterns, words of which one stands in each match, and how far the match may reach before and after the word."""
_SHAPES = re.compile(
    r"(?:poly(?:gon|line)s?|rectangle|[bB]ounds|imageOverlay|antPath|corridor)\(?\s*[:=]?\s*\(?\s*$", re.IGNORECASE
)
_SHAPE_KEYS = frozenset(
    re.findall(
        r"\w+",
        "coordinates arcs cells outlines rings ring bounds bbox extent path paths polygon polygons boundary "
        "border outline shape geometry center centre maxbounds transform d range domain raster "
        "class_of parent_of values marks",
    )
)
_LON = re.compile(r"^(?:.*[_ ])?(?:lon|lng|long|longitude|经度|gps_?x|point_?x|pos_?x|x_?coord)$|^x$", re.IGNORECASE)
_LAT = re.compile(r"^(?:.*[_ ])?(?:lat|latitude|纬度|gps_?y|point_?y|pos_?y|y_?coord)$|^y$", re.IGNORECASE)


def find_points(text: str) -> Iterator[Hit]:
    """Find points in a text: GeoJSON, well-known text, markers and heat layers of scripts, pairs under their names.

    Examples
    --------
    >>> [hit.value for hit in find_points("L.marker([36.195412, 113.116354]); L.polygon([[36.195412, 113.116354]])")]
    ['36.195412, 113.116354']
    """
    for patterns, words, before, after in _SEARCHES:
        for start, end in near(text, words, before, after):
            for pattern in patterns:
                yield from _points_between(text, pattern, start, end)
    yield from _points_between(text, _ROW, 0, len(text))


def _points_between(text: str, pattern: re.Pattern[str], start: int, end: int) -> Iterator[Hit]:
    for found in pattern.finditer(text, start, end):
        one, two = [group for group in found.groups() if group is not None][:2]
        if _is_fine(one, two):
            yield Hit(POINT, found.start(), f"{one}, {two}")


def _is_fine(one: str, two: str) -> bool:
    """Whether a pair tells a place: degrees to ten metres or better, or metres."""
    metres = max(abs(float(one)), abs(float(two))) > 180
    most = max(len(number.partition(".")[2]) for number in (one, two))
    return (metres and min(abs(float(one)), abs(float(two))) > 1000) or (not metres and most >= 4)


def find_rows(value: Any, before: str = "", key: str = "") -> Iterator[str]:
    """Find lists of rows that hold coordinates in a tree; rings of polygons are none.

    Examples
    --------
    >>> list(find_rows([[36.1954123, 113.1163541, 1], [36.1954999, 113.1163001, 2]]))
    ['36.1954123, 113.1163541', '36.1954999, 113.1163001']
    >>> list(find_rows({"type": "Polygon", "coordinates": [[[113.1163541, 36.1954123]]]}))
    []
    """
    if isinstance(value, dict):
        yield from _columns(value)
        for name, part in value.items():
            if isinstance(part, dict | list) and str(name).lower() not in _SHAPE_KEYS:
                yield from find_rows(part, "", str(name))
    elif (
        isinstance(value, list) and value and not isinstance(value[0], int | float | str) and not _SHAPES.search(before)
    ):
        if isinstance(value[0], list) and value[0] and not isinstance(value[0][0], list | dict):
            yield from _pairs(value)
        else:
            for part in value:
                if isinstance(part, dict) or (isinstance(part, list) and _holds_rows(part)):
                    yield from find_rows(part, "", key)


def _holds_rows(value: list[Any]) -> bool:
    """Whether a list in a list may hold rows: bare rings of a polygon are pairs of numbers only."""
    inner = value[0] if value else None
    while isinstance(inner, list) and inner and isinstance(inner[0], list):
        inner = inner[0]
    return not (isinstance(inner, list) and all(isinstance(part, int | float) for part in inner) and len(inner) == 2)


def _columns(record: dict[str, Any]) -> Iterator[str]:
    """Coordinates in two lists of one length."""
    lists = {
        name: part for name, part in record.items() if isinstance(part, list) and part and isinstance(part[0], float)
    }
    lon = next((part for name, part in lists.items() if _LON.match(str(name))), None)
    lat = next((part for name, part in lists.items() if _LAT.match(str(name))), None)
    if lon and lat and len(lon) == len(lat):
        yield from _pairs([[one, two, ""] for one, two in zip(lat, lon, strict=True)])


def _pairs(rows: list[Any]) -> Iterator[str]:
    """Pairs of fine coordinates that stand side by side in the same place of each row."""
    sample = [row for row in rows[:50] if isinstance(row, list)]
    width = min(map(len, sample), default=0)
    if len(sample) > 2 and sample[0] == rows[-1] and width <= 3:
        return  # a ring
    for column in range(width - 1):
        seen = [(row[column], row[column + 1]) for row in sample]
        numbers = [pair for pair in seen if isinstance(pair[0], float) and isinstance(pair[1], float)]
        if len(numbers) >= 0.6 * len(seen) and _are_places(numbers):
            for row in rows:
                if isinstance(row, list) and len(row) > column + 1:
                    yield f"{row[column]}, {row[column + 1]}"
            return


def _are_places(pairs: list[tuple[float, float]]) -> bool:
    """Whether pairs can be degrees of one region, written finely."""
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    near = max(first) - min(first) <= 10 and max(second) - min(second) <= 10
    low, high = sorted((max(map(abs, first)), max(map(abs, second))))
    fine = any(len(repr(number).partition(".")[2]) >= PRECISE for number in (*first[:5], *second[:5]))
    return near and fine and low <= 90 and 10 <= high <= 180


def coordinate_columns(columns: list[str]) -> tuple[int, int] | None:
    """Tell which columns hold longitude (or easting) and latitude (or northing).

    Examples
    --------
    >>> coordinate_columns(["id", "lat", "lon"])
    (2, 1)
    """
    lon = next((i for i, name in enumerate(columns) if _LON.match(name)), None)
    lat = next((i for i, name in enumerate(columns) if _LAT.match(name)), None)
    return None if lon is None or lat is None else (lon, lat)


def places_of_columns(columns: list[str], rows: list[list[Any]]) -> Iterator[str]:
    """Give the coordinates in the columns of a table, where they are fine.

    Examples
    --------
    >>> list(places_of_columns(["id", "lon", "lat"], [["1", "113.1163541", "36.1954123"]]))
    ['36.1954123, 113.1163541']
    """
    found = coordinate_columns(columns)
    if found is None:
        return
    lon, lat = found
    for row in rows:
        one, two = str(row[lat]), str(row[lon])
        fine = all(re.fullmatch(r"\s*-?\d{1,3}\.\d{6,}\s*", number) for number in (one, two))
        metres = all(re.fullmatch(r"\s*\d{5,8}(?:\.\d+)?\s*", number) for number in (one, two))
        if fine or metres:
            yield f"{one.strip()}, {two.strip()}"
