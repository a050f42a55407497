"""Coordinate reference systems: the metre CRS of a place, transformations that do not lie, and guards.

PROJ answers some requests with a "ballpark" transformation: no shift at all where the true shift is tens of metres.
Here that is an error, except between WGS 84 and CGCS2000, whose difference (centimetres to decimetres) does not
matter to cells. A CRS may carry transformation parameters of its own; no sentence written here repeats them.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pyproj
import shapely
from pyproj.exceptions import CRSError, ProjError

from gridgis.antimeridian import across_180
from gridgis.contract import GridError, listed

WGS84 = pyproj.CRS.from_epsg(4326)
"""Longitude and latitude in degrees, the CRS of GeoJSON, of OpenStreetMap and of receivers."""

_CGCS2000_BOX = (73.62, 16.7, 134.77, 53.56)
_OWN_PARAMETERS = ("Beijing 1954", "New Beijing", "Xian 1980")
_MOST_DEGREES = (180.0, 90.0)


def metre_crs(lon: float, lat: float) -> pyproj.CRS:
    """Give the natural metre CRS of a place.

    Parameters
    ----------
    lon, lat : float
        Longitude and latitude in degrees (WGS 84 or CGCS2000).

    Returns
    -------
    pyproj.CRS
        Within the area of use of CGCS2000 (73.62 to 134.77 E, 16.7 to 53.56 N) the CGCS2000 3-degree Gauss-Kruger
        zone without zone prefix (EPSG:4534 to 4554); elsewhere the UTM zone on WGS 84, every zone six degrees wide.

    Raises
    ------
    GridError
        If the place is no place on the Earth, or beyond 84 degrees north or south, where UTM ends.

    Examples
    --------
    >>> metre_crs(113.12, 36.19).to_epsg(), metre_crs(24.9, 60.2).to_epsg(), metre_crs(151.2, -33.9).to_epsg()
    (4547, 32635, 32756)
    """
    if not (
        math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= _MOST_DEGREES[0] and abs(lat) <= _MOST_DEGREES[1]
    ):
        raise GridError(f"metre_crs: expected degrees within -180..180 and -90..90, got lon {lon:g}, lat {lat:g}.")
    west, south, east, north = _CGCS2000_BOX
    if west <= lon <= east and south <= lat <= north:
        zone = min(max(math.floor((lon + 1.5) / 3), 25), 45)
        return pyproj.CRS.from_epsg(4534 + zone - 25)
    if abs(lat) > 84:
        raise GridError(f"metre_crs: no UTM zone at latitude {lat:g}; name a polar CRS yourself (crs=).")
    zone = min(math.floor((lon + 180) / 6) + 1, 60)
    return pyproj.CRS.from_epsg((32600 if lat >= 0 else 32700) + zone)


def known_crs(value: object, what: str) -> pyproj.CRS:
    """Understand a CRS given as an EPSG number, text or `pyproj.CRS`.

    Parameters
    ----------
    value : int, str or pyproj.CRS
        What the user gave.
    what : str
        Where it was given; begins the sentence of an error.

    Raises
    ------
    GridError
        If it is no CRS, or one that is tied to no place on the Earth (a local drawing).

    Examples
    --------
    >>> known_crs(4547, "crs=").name
    'CGCS2000 / 3-degree Gauss-Kruger CM 114E'
    """
    try:
        crs = pyproj.CRS.from_user_input(value)
    except CRSError:
        raise GridError(
            f"{what}: expected a CRS such as 4490 or 'EPSG:4547'; what came is not known to PROJ."
        ) from None
    if crs.geodetic_crs is None:
        raise GridError(f"{what}: {crs_name(crs)} is a local drawing system; pass source_crs= the CRS it really is in.")
    return crs


def crs_name(crs: pyproj.CRS) -> str:
    """Write the name of a CRS with its EPSG number, never its parameters.

    Examples
    --------
    >>> crs_name(pyproj.CRS(4490))
    'China Geodetic Coordinate System 2000 (EPSG:4490)'
    """
    authority = crs.to_authority(min_confidence=90)
    name = crs.name if crs.name and "=" not in crs.name else "a CRS without name"
    return f"{name} ({':'.join(authority)})" if authority else name


def declares(crs: pyproj.CRS | None) -> bool:
    """Tell whether the CRS that a file declares says where on the Earth its coordinates are.

    A local drawing system does not, nor does what a GeoPackage writes down for "undefined".

    Examples
    --------
    >>> declares(pyproj.CRS(4490)), declares(None)
    (True, False)
    """
    return crs is not None and crs.geodetic_crs is not None and not crs.name.casefold().startswith("undefined")


def same_crs(one: pyproj.CRS, other: pyproj.CRS) -> bool:
    """Tell whether two CRSs are one, whatever the order of their axes in the registry.

    Examples
    --------
    >>> same_crs(pyproj.CRS("OGC:CRS84"), WGS84)
    True
    """
    return bool(one.equals(other, ignore_axis_order=True))


def transform(geometry: np.ndarray, source: object, target: object, what: str, *, finite: bool = True) -> np.ndarray:
    """Reproject an array of geometries; Z is dropped.

    Parameters
    ----------
    geometry : array of shapely geometries
        Coordinates in the order x (or longitude), y (or latitude); None stays None.
    source, target : int, str or pyproj.CRS
        The CRS they are in, and the CRS wanted.
    what : str
        Begins the sentence of an error, a file name as a rule.
    finite : bool
        Refuse coordinates that are not finite, before or after; otherwise they come back as they turn out.

    Returns
    -------
    array of shapely geometries, 2-D, in the same order.

    Raises
    ------
    GridError
        If PROJ has no more than a ballpark transformation, or (``finite``) a row has no finite coordinates.

    Examples
    --------
    >>> import shapely
    >>> transform(np.array([shapely.Point(114, 0)]), 4490, 4547, "example")[0].x
    500000.0
    """
    shapes = np.asarray(geometry, dtype=object)
    steps = _steps(known_crs(source, what), known_crs(target, what), what)
    moved = shapely.force_2d(shapes)
    if steps:
        moved = shapely.transform(moved, lambda x, y: _apply(steps, x, y), interleaved=False)
    if finite:
        coordinates, rows = shapely.get_coordinates(moved, return_index=True)
        _require_finite(np.isfinite(coordinates).all(axis=1), rows, what)
    return moved


def coordinates_of(x: np.ndarray, y: np.ndarray, source: object) -> list[np.ndarray]:
    """Give coordinates as they are, and in degrees as well.

    Examples
    --------
    >>> [float(part[0].round(2)) for part in coordinates_of(np.array([420518.4]), np.array([4007586.4]), 4547)]
    [420518.4, 4007586.4, 113.12, 36.2]
    """
    if known_crs(source, "crs=").is_geographic:
        return [x, y]
    return [x, y, *transform_xy(x, y, source, WGS84, "places", finite=False)]


def transform_xy(
    x: np.ndarray, y: np.ndarray, source: object, target: object, what: str, *, finite: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Reproject two arrays of coordinates.

    Parameters
    ----------
    x, y : array of float
        Easting (or longitude) and northing (or latitude) in ``source``.
    source, target, what, finite
        As in `transform`.

    Returns
    -------
    x, y : array of float64
        In ``target``, in the same order; where nothing finite comes out and ``finite`` is False, infinite or NaN.

    Raises
    ------
    GridError
        As in `transform`.

    Examples
    --------
    >>> x, y = transform_xy(np.array([113.1163]), np.array([36.1954]), 4326, 4547, "example")
    >>> float(x[0].round(3)), float(y[0].round(3))
    (420518.408, 4007586.397)
    """
    moved_x, moved_y = np.array(x, dtype=float), np.array(y, dtype=float)
    steps = _steps(known_crs(source, what), known_crs(target, what), what)
    if steps:
        moved_x, moved_y = _apply(steps, moved_x, moved_y)
    if finite:
        _require_finite(np.isfinite(moved_x) & np.isfinite(moved_y), np.arange(len(moved_x)), what)
    return moved_x, moved_y


def require_plausible(x: np.ndarray, y: np.ndarray, crs: pyproj.CRS, what: str) -> None:
    """Ask that coordinates can be in the CRS that is declared for them.

    Parameters
    ----------
    x, y : array of float
        Coordinates, or the corners of their bounds; those that are not finite are passed over.
    crs : pyproj.CRS
        The CRS declared.
    what : str
        Begins the sentence of an error.

    Raises
    ------
    GridError
        If degrees are declared and a coordinate lies out of -180..180 and -90..90, or if a projected CRS is declared
        and every coordinate lies within them.

    Examples
    --------
    >>> require_plausible(np.array([420518.0]), np.array([4007586.0]), WGS84, "shops.geojson")
    Traceback (most recent call last):
        ...
    gridgis.contract.GridError: shops.geojson: WGS 84 (EPSG:4326) is declared, but coordinates such as 420518, 4007586
    look like metres; ...
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if not len(x):
        return
    degrees = (np.abs(x) <= _MOST_DEGREES[0]) & (np.abs(y) <= _MOST_DEGREES[1])
    if crs.is_geographic and (across_180(x) or across_180(-x)):
        degrees = np.abs(y) <= _MOST_DEGREES[1]
    if crs.is_geographic and not degrees.all():
        first = int(np.flatnonzero(~degrees)[0])
        likely = "have longitude and latitude swapped" if _swapped(x[first], y[first]) else "look like metres"
        raise GridError(
            f"{what}: {crs_name(crs)} is declared, but coordinates such as {x[first]:.9g}, {y[first]:.9g} {likely}; "
            "declare the CRS that they are in."
        )
    if crs.is_projected and degrees.all():
        raise GridError(
            f"{what}: {crs_name(crs)} is declared, but coordinates such as {x[0]:.9g}, {y[0]:.9g} look like degrees; "
            "declare the CRS that they are in, such as 4490 or 4326."
        )


def require_near(lon: float, lat: float, crs: pyproj.CRS, what: str) -> None:
    """Ask that a place lies in the area of use of a CRS, or no more than six degrees of longitude beside it.

    Parameters
    ----------
    lon, lat : float
        The place in degrees.
    crs : pyproj.CRS
        The CRS that it is, or shall be, expressed in.
    what : str
        Begins the sentence of an error.

    Raises
    ------
    GridError
        If it lies farther off: a wrong zone, a zone prefix too many or too few, or easting and northing swapped.

    Examples
    --------
    >>> require_near(144.0, 3.0, pyproj.CRS(4547), "areas.shp")
    Traceback (most recent call last):
        ...
    gridgis.contract.GridError: areas.shp: the centre comes to lie at lon 144.00 lat 3.00, far from the area
    of CGCS2000 / ...
    """
    if not _degrees_beside(lon, crs) <= 6:
        raise GridError(
            f"{what}: the centre comes to lie at lon {lon:.2f} lat {lat:.2f}, far from the area of {crs_name(crs)}; "
            "the zone or its prefix is wrong, or easting and northing are swapped."
        )


def _degrees_beside(lon: float, crs: pyproj.CRS) -> float:
    """Degrees of longitude between a place and the area of use of a CRS, the short way round; 0 or less within it."""
    area = crs.area_of_use
    if area is None or not math.isfinite(lon):
        return 0.0 if area is None else math.inf
    east = area.east + (360 if area.west > area.east else 0)
    return min(max(area.west - place, place - east) for place in (lon - 360, lon, lon + 360))


def require_shareable(crs: pyproj.CRS, what: str) -> None:
    """Ask that a CRS carries no transformation parameters, which must not leave with a file.

    Raises
    ------
    GridError
        If it does.

    Examples
    --------
    >>> require_shareable(pyproj.CRS(4547), "grid.gpkg")
    """
    if crs.is_bound:
        raise GridError(
            f"{what}: the CRS carries transformation parameters, which would go out with the file; use to_crs with a "
            "published CRS (CGCS2000, UTM) first."
        )


def is_metre(crs: pyproj.CRS) -> bool:
    """Tell whether a CRS is projected, in metres, not Web Mercator, and free of parameters of its own.

    Examples
    --------
    >>> is_metre(pyproj.CRS(4547)), is_metre(pyproj.CRS(3857)), is_metre(WGS84)
    (True, False, False)
    """
    if crs.is_bound or not crs.is_projected or {axis.unit_name for axis in crs.axis_info[:2]} != {"metre"}:
        return False
    operation = crs.coordinate_operation
    return operation is None or "Pseudo Mercator" not in operation.method_name


def _swapped(x: float, y: float) -> bool:
    """Degrees that would be in range the other way round."""
    return abs(y) <= _MOST_DEGREES[0] and abs(x) <= _MOST_DEGREES[1]


def _datum(crs: pyproj.CRS) -> str:
    geodetic = crs.geodetic_crs
    return geodetic.datum.name if geodetic is not None and geodetic.datum is not None else ""


def _interchangeable(crs: pyproj.CRS) -> bool:
    """WGS 84 or CGCS2000 under whatever projection: between these a shift of nothing is good enough for cells."""
    return not crs.is_bound and (_datum(crs) == "China 2000" or _datum(crs).startswith("World Geodetic System 1984"))


def _steps(source: pyproj.CRS, target: pyproj.CRS, what: str) -> list[pyproj.Transformer]:
    """Choose the transformers to run one after the other; none where the CRS is the same."""
    if same_crs(source, target):
        return []
    if _interchangeable(source) and _interchangeable(target):
        return [_harmless(source, target)]
    if source.is_bound and _interchangeable(target) and not same_crs(target, WGS84):
        return [*_steps(source, WGS84, what), *_steps(WGS84, target, what)]
    if target.is_bound and _interchangeable(source) and not same_crs(source, WGS84):
        return [*_steps(source, WGS84, what), *_steps(WGS84, target, what)]
    old = [crs for crs in (source, target) if _datum(crs) in _OWN_PARAMETERS and not crs.is_bound]
    if old and _datum(source) != _datum(target):
        raise GridError(
            f"{what}: expected a transformation from {crs_name(source)} to {crs_name(target)}; for {_datum(old[0])} "
            "the published ones are off by tens of metres outside their own small areas. Convert the file with your "
            "own parameters first, or pass source_crs= a CRS that carries them (+towgs84)."
        )
    try:
        return [pyproj.Transformer.from_crs(source, target, always_xy=True, allow_ballpark=False)]
    except ProjError:
        raise GridError(
            f"{what}: PROJ knows no true transformation from {crs_name(source)} to {crs_name(target)}, only a "
            "ballpark one that may be off by hundreds of metres; pass crs= a metre CRS of the same datum, or "
            "source_crs= a CRS that carries your own parameters."
        ) from None


@lru_cache(maxsize=64)
def _harmless(source: pyproj.CRS, target: pyproj.CRS) -> pyproj.Transformer:
    """Give the transformer between two CRSs of which neither carries parameters of its own; making one takes long."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def _apply(steps: list[pyproj.Transformer], x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    for step in steps:
        x, y = step.transform(x, y)
    return x, y


def _require_finite(finite: np.ndarray, rows: np.ndarray, what: str) -> None:
    if not finite.all():
        bad = np.unique(rows[~finite])
        raise GridError(
            f"{what}: expected finite coordinates, got none for {len(bad)} rows ({listed(bad)}); the coordinates are "
            "not in the CRS that is declared, or lie far outside the CRS wanted."
        )
