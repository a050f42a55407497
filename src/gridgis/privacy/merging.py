"""Merging small cells with their neighbours, so that less has to be hidden."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.contract import CODE, PARENT, Grid, GridError, listed, require_grid, text_column
from gridgis.summarise import COUNT, RATE, rate

MEMBERS = "members"
"""The column with the codes of the cells that a merged cell was made of."""


def merge_small(table: Grid, measures: Sequence[str], at_least: int = 10) -> gpd.GeoDataFrame:
    """Merge each cell with too small a number with a neighbour in its parent, until none is left that can be.

    The smallest goes first; it joins the neighbour with the longest shared border, of equal ones the lower code. A
    number of 0 is not small. A parent whose cells are too small all together becomes one cell.

    Parameters
    ----------
    table : GeoDataFrame
        What `summarise` returned.
    measures : sequence of str
        The numbers that are to be 0, or ``at_least`` or more.
    at_least : int
        The number below which a cell is too small.

    Returns
    -------
    GeoDataFrame
        One row a merged cell, by code: ``grid_code`` (the lowest of its members), ``parent_code``, ``members`` (text,
        codes with spaces between), every column of numbers added up (rates computed anew), the union of the polygons.

    Raises
    ------
    GridError
        If a measure is no column of numbers.

    Examples
    --------
    >>> table = summarise(example.grid, locate(example.events, example.grid))  # counts of 3, 1, 1 and 0
    >>> merge_small(table, ["count"], at_least=2)[["count", "members"]].values.tolist()
    [[4, '990101001001001 990101001001002'], [1, '990101001002001 990101001002002']]
    """
    grid = require_grid(table, "table").sort_values(CODE, kind="stable").reset_index(drop=True)
    missing = [name for name in measures if name not in grid or not pd.api.types.is_numeric_dtype(grid[name])]
    if missing or not measures:
        raise GridError(f"measures: expected columns of numbers of the table, got {listed(missing) or 'none'}.")
    value = grid[list(measures)].to_numpy(float)
    group = _grouped(np.nan_to_num(value), _shared(grid), at_least)
    return _merged(grid, group)


def _shared(grid: Grid) -> list[dict[int, float]]:
    """The neighbours of each cell in its parent, and the length of the border shared with each."""
    cells, parent = grid.geometry.to_numpy(), grid[PARENT].to_numpy(object)
    one, two = shapely.STRtree(cells).query(cells, predicate="intersects")
    here = (one < two) & (parent[one] == parent[two])
    one, two = one[here], two[here]
    length = shapely.length(shapely.intersection(shapely.boundary(cells[one]), shapely.boundary(cells[two])))
    beside: list[dict[int, float]] = [{} for _ in cells]
    for a, b, metres in zip(one.tolist(), two.tolist(), length.tolist(), strict=True):
        if metres > 0:
            beside[a][b] = beside[b][a] = round(metres, 6)
    return beside


def _grouped(value: np.ndarray, beside: list[dict[int, float]], at_least: int) -> np.ndarray:
    """The group of each cell: the position of its first member."""
    group = np.arange(len(value))
    value = value.copy()

    def smallest(cell: int) -> float:
        low = value[cell][value[cell] > 0].min(initial=np.inf)
        return float(low) if low < at_least else np.inf

    waiting = [(smallest(cell), cell) for cell in range(len(value))]
    heapify(waiting)
    while waiting:
        low, cell = heappop(waiting)
        if not np.isfinite(low) or group[cell] != cell or low != smallest(cell) or not beside[cell]:
            continue
        other = min(beside[cell], key=lambda near: (-beside[cell][near], near))
        first, last = min(cell, other), max(cell, other)
        value[first] += value[last]
        group[group == last] = first
        for near, metres in beside[last].items():
            beside[near].pop(last)
            if near != first:
                beside[first][near] = beside[near][first] = round(beside[first].get(near, 0.0) + metres, 6)
        beside[last] = {}
        heappush(waiting, (smallest(first), first))
    return group


def _merged(grid: Grid, group: np.ndarray) -> gpd.GeoDataFrame:
    """One row a group."""
    first = np.unique(group)
    code = grid[CODE].to_numpy(object)
    order = np.argsort(group, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    merged = grid.iloc[first][[CODE, PARENT, *(["parent_name"] if "parent_name" in grid else [])]].copy()
    merged[MEMBERS] = text_column([" ".join(code[part]) for part in parts], merged.index)
    for name in grid.columns:
        if pd.api.types.is_numeric_dtype(grid[name]) and name != RATE:
            merged[name] = grid[name].groupby(group).sum(min_count=1).reindex(first).to_numpy()
    if RATE in grid:
        merged[RATE] = rate(merged[COUNT], merged["households"])
    cells = grid.geometry.to_numpy()
    shapes = [cells[part[0]] if len(part) == 1 else shapely.union_all(cells[part]) for part in parts]
    return gpd.GeoDataFrame(merged, geometry=gpd.GeoSeries(shapes, merged.index, crs=grid.crs)).reset_index(drop=True)
