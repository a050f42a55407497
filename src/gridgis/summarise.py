"""Count located things per cell: totals that add up, rates that name their denominator."""

from __future__ import annotations

import unicodedata
import warnings

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from gridgis.contract import CODE, Grid, GridError, GridWarning, listed, require_grid
from gridgis.persons import COORDINATES, PERSONS, found_not_out

COUNT = "count"
"""The column of all things; ``count_<category>`` are its parts and add up to it."""

PARTS = "parts"
"""Under this name the table notes in ``attrs`` which columns are the parts of which count."""

RATE = "count_per_100_households"
"""The rate, named after its denominator."""

NO_CATEGORY = "(none)"
"""The part that holds the things without a category."""

MOST_CATEGORIES = 50
"""A column with more values is no category: their names would become columns, and stand on maps."""


def summarise(grid: Grid, located: pd.DataFrame, *, by: str | None = None) -> gpd.GeoDataFrame:
    """Count located things in each cell.

    Parameters
    ----------
    grid : GeoDataFrame
        Cells with ``grid_code``.
    located : DataFrame
        What `locate` returned: ``grid_code`` and ``located_by``. Rows without a cell are not counted here;
        `account` counts them, and both together are all rows.
    by : str, optional
        A column of ``located``; each of its values becomes a part of the count. There may be `MOST_CATEGORIES` of
        them, and none may be the number of a person, as their names become columns.

    Returns
    -------
    GeoDataFrame
        The grid, row by row, with ``count`` (int), ``count_<category>`` (int) for each category in the order of
        their names (``attrs["parts"]`` notes that they are the parts of ``count``), and, where the grid knows
        households, ``count_per_100_households`` (float, NaN where there are none: a rate without a denominator is
        missing, not zero).

    Raises
    ------
    GridError
        If a code of ``located`` is in no cell of ``grid``, a column is missing, or ``by`` is a column of persons or
        no category.

    Warns
    -----
    GridWarning
        If categories differ in nothing but upper or lower case or blanks; they are counted apart.

    Examples
    --------
    >>> table = summarise(example.grid, locate(example.events, example.grid), by="category")
    >>> table[["count", "count_noise", "count_waste"]].sum().tolist()
    [5, 3, 2]
    """
    grid = require_grid(grid)
    asked = [CODE, "located_by", *([by] if by else [])]
    missing = [name for name in asked if name not in located.columns]
    if missing:
        raise GridError(f"located: expected the columns {listed(asked)}; {listed(missing)} missing.")
    has_cell = located[CODE].notna() & located[CODE].ne("")
    codes = located[CODE][has_cell].astype(str)
    row = pd.Index(grid[CODE]).get_indexer(codes)
    if (row < 0).any():
        raise GridError(_elsewhere(sorted(set(codes[row < 0])), grid[CODE]))
    table = grid.copy()
    table[COUNT] = np.bincount(row, minlength=len(grid)).astype(np.int64)
    if by:
        category = located[by][has_cell]
        words = _as_words(category)
        names = np.where(words.isna() | words.eq(""), NO_CATEGORY, words.astype(object))
        categories = _categories(names, located, by)
        table.attrs[PARTS] = {COUNT: [f"{COUNT}_{name}" for name in categories]}
        for name in categories:
            column = f"{COUNT}_{name}"
            if column in table.columns or column == RATE:
                said = f"{by}: the category {name!r} would overwrite the column {column}; rename it."
                raise GridError(said, column=by)
            table[column] = np.bincount(row[names == name], minlength=len(grid)).astype(np.int64)
    if "households" in table.columns:
        table[RATE] = rate(table[COUNT], table["households"])
    return table


def _categories(names: npt.NDArray[np.object_], located: pd.DataFrame, by: str) -> list[str]:
    """The categories in order; they become names of columns, so that a column of persons is refused."""
    held = found_not_out(located[[by]]).get(by)
    if held == PERSONS:
        said = f"{by}: this column holds persons, by its name or its values; count by a category instead."
        raise GridError(said, column=by)
    if held == COORDINATES:
        raise GridError(f"{by}: this column holds coordinates; count by a category instead.", column=by)
    found = sorted(set(names))
    if len(found) > MOST_CATEGORIES:
        raise GridError(
            f"{by}: expected up to {MOST_CATEGORIES} categories, got {len(found):,}; count by a column of kinds, not "
            "of names or free text.",
            column=by,
        )
    _tell_alike(found, by)
    return found


def _tell_alike(names: list[str], by: str) -> None:
    """Warn of categories that differ in nothing but case, blanks or the width of letters: they are counted apart."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(" ".join(unicodedata.normalize("NFKC", name).casefold().split()), []).append(name)
    several = [" and ".join(map(repr, group)) for group in alike.values() if len(group) > 1]
    if several:
        said = f"{by}: {listed(several)} are counted apart; if they are meant to be one, make them alike."
        warnings.warn(GridWarning(said), stacklevel=4)


def _as_words(category: pd.Series) -> pd.Series:
    """Give categories as text; whole numbers, also those with gaps, without '.0'."""
    if category.dtype.kind == "f":
        there = category.dropna()
        if (there == there.round()).all() and (there.abs() < 2**53).all():
            category = category.astype("Int64")
    return category.astype(object).map(str, na_action="ignore")


def _elsewhere(strange: list[str], known: pd.Series) -> str:
    """Say why codes are in no cell: leading zeros are lost, or the grid is another one."""
    grid = set(known)
    width = max(map(len, grid), default=0)
    zeros = [code for code in strange if len(code) < width and code.zfill(width) in grid]
    if zeros:
        return (
            f"located: {len(zeros)} codes have lost their leading zero (Excel?): {listed(zeros)} with {len(zeros[0])} "
            f"digits, the grid has {width} digits such as {zeros[0].zfill(width)}; take the codes from the source as "
            "text."
        )
    return (
        f"located: {len(strange)} codes are in no cell of this grid ({listed(strange)}); the things were located "
        "in another grid, so locate them again."
    )


def rate(count: pd.Series, households: pd.Series) -> pd.Series:
    """Give the count per 100 households; NaN where there are none.

    Examples
    --------
    >>> import pandas as pd
    >>> rate(pd.Series([5, 5]), pd.Series([125, 0])).tolist()
    [4.0, nan]
    """
    base = pd.to_numeric(households, errors="coerce").astype(float)
    return (100 * count.astype(float) / base.where(base > 0)).round(4)
