"""Put every point into exactly one cell, or say why not."""

from __future__ import annotations

import warnings

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridgis import crs
from gridgis.contract import CODE, Grid, GridError, GridWarning, listed, require_frame, require_grid, text_column

REASONS = {
    "inside": "the point lies inside one cell",
    "boundary": "the point lies on a border; of the cells that share it, the one with the lowest code has it",
    "outside": "the point lies in no cell",
    "no_coordinates": "the row has no coordinates",
    "bad_coordinates": "the coordinates are no numbers, infinite, or out of range",
    "conflict": "the point lies inside two cells that overlap: the grid is faulty there",
}
"""Every value of the column ``located_by``, with its meaning; only the first two come with a code."""

MANY = 20
"""From so many points on, a majority outside is worth a warning."""


def locate(things: gpd.GeoDataFrame, grid: Grid) -> gpd.GeoDataFrame:
    """Give each point the code of its cell.

    A point in any declared CRS is brought into that of the grid. A point on a border that cells share goes to the
    lowest code among them, so that none is counted twice and none is lost.

    Parameters
    ----------
    things : GeoDataFrame
        Points, as `read_points` gives them; rows without coordinates are welcome.
    grid : GeoDataFrame
        Cells with ``grid_code``.

    Returns
    -------
    GeoDataFrame
        The same rows, order, index and columns, with ``grid_code`` (text, missing where the point has no cell) and
        ``located_by`` (text, a key of `REASONS`). Located and not located together are all rows.

    Raises
    ------
    GridError
        If ``things`` has no CRS or holds anything but points, or ``grid`` breaks its contract.

    Warns
    -----
    GridWarning
        If most points lie outside the grid.

    Examples
    --------
    >>> locate(example.events, example.grid)["located_by"].tolist()
    ['inside', 'inside', 'inside', 'inside', 'boundary', 'outside']
    """
    grid = require_grid(grid)
    frame = require_frame(things, "things to locate")
    taken = [name for name in (CODE, "located_by") if name in frame.columns]
    if taken:
        raise GridError(f"things to locate: there is a column {' and '.join(taken)} already; rename or drop it first.")
    points = frame.geometry.to_numpy()
    kinds = shapely.get_type_id(points)
    other = np.flatnonzero(~np.isin(kinds, (-1, 0)))
    if len(other):
        raise GridError(
            f"things to locate: expected points, got {points[other[0]].geom_type} in rows "
            f"{listed(frame.index[other])}; for buildings take frame.set_geometry(frame.representative_point())."
        )
    if frame.crs is None:
        raise GridError("things to locate: the CRS is missing; name it with set_crs or in read_points(crs=).")
    x, y = shapely.get_x(points), shapely.get_y(points)
    finite = np.isfinite(x) & np.isfinite(y)
    x[finite], y[finite] = crs.transform_xy(x[finite], y[finite], frame.crs, grid.crs, "things to locate")
    position, how = locate_xy(x, y, grid)
    _name_bad_coordinates(how, frame, points)
    _warn_if_elsewhere(how)
    codes = grid[CODE].to_numpy(object)
    found = np.where(position >= 0, codes[position] if len(codes) else None, None)
    located = frame.copy()
    located[CODE] = text_column(found, frame.index)
    located["located_by"] = text_column(how, frame.index)
    return located


def _warn_if_elsewhere(how: npt.NDArray[np.object_]) -> None:
    """Say so when most points lie outside: then the coordinates are likely not what they are taken for."""
    outside, placed = int((how == "outside").sum()), int(np.isin(how, ("inside", "boundary", "outside")).sum())
    if placed >= MANY and outside > placed / 2:
        warnings.warn(
            GridWarning(
                f"things to locate: {outside:,} of {placed:,} points lie outside the grid; are x and y swapped, or is "
                "the CRS another one (GCJ-02 and BD-09 are in no CRS)?"
            ),
            stacklevel=3,
        )


def _name_bad_coordinates(how: npt.NDArray[np.object_], frame: gpd.GeoDataFrame, points: np.ndarray) -> None:
    """Tell coordinates that were never there from those that are no good."""
    nowhere = np.isnan(shapely.get_x(points)) & np.isnan(shapely.get_y(points))
    empty = shapely.is_missing(points) | shapely.is_empty(points) | nowhere
    how[empty] = "no_coordinates"
    if "coordinate_problem" in frame.columns:
        problem = frame["coordinate_problem"]
        how[empty & problem.notna().to_numpy() & problem.ne("missing").to_numpy()] = "bad_coordinates"


def locate_xy(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], grid: Grid
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.object_]]:
    """Find the cell of each point, on plain arrays.

    Parameters
    ----------
    x, y : array of float
        Coordinates in the CRS of the grid, metres.
    grid : GeoDataFrame
        Cells with ``grid_code``.

    Returns
    -------
    position : array of int
        Row of the cell in ``grid``, -1 where there is none.
    how : array of str
        A key of `REASONS` for each point.
    """
    position = np.full(len(x), -1, np.int64)
    how = np.full(len(x), "bad_coordinates", object)
    usable = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    how[usable] = "outside"
    by_code = np.argsort(grid[CODE].to_numpy(object).astype(str), kind="stable")
    cells = grid.geometry.to_numpy()[by_code]
    points = shapely.points(x[usable], y[usable])
    point, cell = shapely.STRtree(cells).query(points, predicate="intersects")
    if not len(point):
        return position, how
    inner = shapely.contains_properly(cells[cell], points[point])
    lowest = np.full(len(points), len(cells), np.int64)
    np.minimum.at(lowest, point, cell)
    hit = np.flatnonzero(lowest < len(cells))
    holders = np.bincount(point[inner], minlength=len(points))
    touched = np.bincount(point, minlength=len(points))
    position[usable[hit]] = by_code[lowest[hit]]
    how[usable[hit]] = np.where((holders[hit] == 1) & (touched[hit] == 1), "inside", "boundary")
    clash = (holders > 1) | ((holders == 1) & (touched > 1))
    how[usable[clash]] = "conflict"
    position[usable[clash]] = -1
    return position, how


def account(located: pd.DataFrame) -> pd.DataFrame:
    """Count the rows by how they were located.

    Parameters
    ----------
    located : DataFrame
        What `locate` returned, or that file read again.

    Returns
    -------
    DataFrame
        One row a reason that occurs, in the order of `REASONS`: ``located_by`` (text), ``rows`` (int),
        ``meaning`` (text). The rows add up to ``len(located)``.

    Raises
    ------
    GridError
        If the column ``located_by`` is missing or holds an unknown reason.

    Examples
    --------
    >>> account(locate(example.events, example.grid))[["located_by", "rows"]].values.tolist()
    [['inside', 4], ['boundary', 1], ['outside', 1]]
    """
    if "located_by" not in located.columns:
        raise GridError("located: expected a column located_by; locate the things first.")
    counts = located["located_by"].value_counts(dropna=False)
    unknown = [reason for reason in counts.index if reason not in REASONS]
    if unknown:
        raise GridError(f"located: unknown reasons in located_by: {', '.join(map(str, unknown))}.")
    rows = [(reason, int(counts[reason]), meaning) for reason, meaning in REASONS.items() if reason in counts.index]
    return pd.DataFrame(rows, columns=["located_by", "rows", "meaning"])
