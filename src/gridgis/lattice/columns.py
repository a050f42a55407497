"""A code for every point of a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridgis import crs
from gridgis.contract import GridError, listed, require_frame, text_column
from gridgis.lattice.beidou import beidou_code
from gridgis.lattice.european import EPSG, european_code
from gridgis.lattice.references import NATIONAL_EPSG, mgrs_reference, national_grid_reference

SYSTEMS: dict[str, tuple[int, int, Callable[[Any, Any, int], npt.NDArray[np.object_]]]] = {
    "beidou": (4490, 10, beidou_code),
    "european": (EPSG, 1000, european_code),
    "national_grid": (NATIONAL_EPSG, 10, national_grid_reference),
    "mgrs": (4326, 10, mgrs_reference),
}
"""The systems by name: EPSG code of the coordinates, the precision by default, and the function."""


def point_codes(things: gpd.GeoDataFrame, system: str, precision: int | None = None) -> pd.Series:
    """Give every point of a table its code in a public system.

    Points are brought from their declared CRS into that of the system, as `locate` does; metres that come out are
    rounded to the micrometre, which undoes the rounding of the transformation. A fine code is a coordinate
    in other words: do not give one to records of persons that leave the house.

    Parameters
    ----------
    things : GeoDataFrame
        Points in any declared CRS; rows without coordinates are welcome.
    system : str
        ``beidou``, ``european``, ``national_grid`` or ``mgrs``.
    precision : int, optional
        The level of `beidou_code` (by default 10), ``size_m`` of `european_code` (1000), or ``digits`` of
        `national_grid_reference` and `mgrs_reference` (10).

    Returns
    -------
    Series
        Text, with the index of ``things``; missing where a row has no finite coordinates.

    Raises
    ------
    GridError
        If the system is unknown, ``things`` has no CRS or other shapes than points, PROJ knows no true transformation,
        or a point lies beyond what the system covers.

    Examples
    --------
    >>> point_codes(example.events, "beidou", 4).tolist()[:2]
    ['N49JA0261', 'N49JA0261']
    """
    if system not in SYSTEMS:
        raise GridError(f"system: expected one of {listed(SYSTEMS)}, got {system!r}.")
    epsg, usual, function = SYSTEMS[system]
    frame = require_frame(things, "things")
    if frame.crs is None:
        raise GridError("things: the CRS is missing; name it with set_crs or in read_points(crs=).")
    points = frame.geometry.to_numpy()
    other = np.flatnonzero(~np.isin(shapely.get_type_id(points), (-1, 0)))
    if len(other):
        raise GridError(
            f"things: expected points, got {points[other[0]].geom_type} in rows {listed(frame.index[other])}; for "
            "buildings take frame.set_geometry(frame.representative_point())."
        )
    x, y = shapely.get_x(points), shapely.get_y(points)
    finite = np.isfinite(x) & np.isfinite(y)
    x[finite], y[finite] = crs.transform_xy(x[finite], y[finite], frame.crs, epsg, "things")
    target = crs.known_crs(epsg, system)
    if target.is_projected and not crs.same_crs(crs.known_crs(frame.crs, "things"), target):
        x, y = x.round(6), y.round(6)
    return text_column(function(x, y, usual if precision is None else precision), frame.index)
