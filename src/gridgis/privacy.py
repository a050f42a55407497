"""The only door to a shown map: small counts hidden so that they cannot be computed back, nothing else let out.

Every published number is part of sums that a reader may know: the cells of a parent add up to the parent, the
parents to the whole, and the categories of a cell to its count. A number below the limit is hidden; then others
are hidden with it until no sum gives a hidden number away (complementary hiding), which is proven at the end by
linear algebra over all sums together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from gridgis.contract import CODE, PARENT, Grid, GridError, listed, require_grid, text_column
from gridgis.persons import PERSONAL_TEXT
from gridgis.summarise import COUNT, RATE, rate

SHOWN, HIDDEN, NO_DATA = "shown", "hidden", "no data"
"""The values of the columns ``<measure>_status``."""

TOTAL = "(all)"
"""Stands for the whole in the table of totals."""


@dataclass(frozen=True)
class Published:
    """A table that may be shown; made by `publish` only.

    Attributes
    ----------
    table : GeoDataFrame
        One row a cell, by code: ``grid_code``, ``parent_code``, each measure (float, NaN where it is hidden or
        not known), its ``<measure>_status`` (shown, hidden, no data), and the polygon. No other column.
    measures : tuple of str
        The measures, in order.
    hide_below : int
        Counts from 1 up to this, itself not included, are hidden.
    totals : DataFrame
        ``parent_code`` (the last row is the whole) and the same columns for each measure that is a count.
    notes : tuple of str
        Lines for the foot of a map: sources, what is modelled.
    internal : bool
        True: nothing is hidden, and the map says on its face that it is internal.
    parent_names : dict of str to str
        The name of each parent that has one, from the column ``parent_name``: names of places, for legends.
    """

    table: gpd.GeoDataFrame
    measures: tuple[str, ...]
    hide_below: int
    totals: pd.DataFrame
    notes: tuple[str, ...] = ()
    internal: bool = False
    parent_names: dict[str, str] = field(default_factory=dict)
    _made_by_publish: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse a table that did not go through `publish`."""
        if not self._made_by_publish:
            raise GridError("Published: it is made by gridgis.publish(), which protects the counts, and not by hand.")


def publish(
    table: Grid,
    *,
    measures: Sequence[str] | None = None,
    hide_below: int = 10,
    notes: Sequence[str] = (),
    internal: bool = False,
) -> Published:
    """Make a table fit to be shown: only the measures asked for, small counts hidden beyond recovery.

    Parameters
    ----------
    table : GeoDataFrame
        What `summarise` returned, or a grid.
    measures : sequence of str, optional
        Columns to let out: ``households``, ``persons``, ``buildings``, ``count``, ``count_<category>``,
        ``count_per_100_households``. By default households and all that `summarise` counted.
    hide_below : int
        Counts from 1 to ``hide_below - 1`` are hidden. A true zero is shown.
    notes : sequence of str
        Lines for the foot of the map.
    internal : bool
        True hides nothing, for use inside the office; every map made of it says so.

    Returns
    -------
    Published

    Raises
    ------
    GridError
        If a measure is missing, personal, negative or not a number, or ``hide_below`` is below 2.

    Examples
    --------
    >>> table = summarise(example.grid, locate(example.events, example.grid))
    >>> shown = publish(table, hide_below=3)  # counts of 3, 1, 1 and 0
    >>> shown.table["count_status"].tolist()
    ['hidden', 'hidden', 'hidden', 'shown']
    """
    grid = require_grid(table, "table").sort_values(CODE, kind="stable").reset_index(drop=True)
    if not isinstance(hide_below, int) or hide_below < 2:
        raise GridError(f"hide_below: expected a whole number of 2 or more, got {hide_below!r}.")
    asked = _asked(grid, measures)
    counts = [name for name in asked if name != RATE]
    if RATE in asked:
        counts += [name for name in (COUNT, "households") if name not in counts]
    block = _Block.of(grid, counts)
    hidden = np.zeros(block.value.shape, bool) if internal else hide(block.value, block.sums, hide_below)
    public = grid[[CODE, PARENT]].copy()
    totals = pd.DataFrame({PARENT: [*block.parents, TOTAL]})
    for position, name in enumerate(counts):
        value, status = block.column(position, hidden)
        if name in asked:
            public[name], public[f"{name}_status"] = value[: len(grid)], status[: len(grid)]
            totals[name], totals[f"{name}_status"] = value[len(grid) :], status[len(grid) :].to_numpy()
    if RATE in asked:
        _add_rate(public, block, counts, hidden)
    columns = [CODE, PARENT, *(part for name in asked for part in (name, f"{name}_status"))]
    frame = gpd.GeoDataFrame(public[columns], geometry=grid.geometry.to_numpy(), crs=grid.crs)
    names = _parent_names(grid)
    return Published(frame, tuple(asked), hide_below, totals, tuple(notes), internal, names, _made_by_publish=True)


def _parent_names(grid: Grid) -> dict[str, str]:
    """The names of the parents, where the grid has them."""
    if "parent_name" not in grid.columns:
        return {}
    known = grid[[PARENT, "parent_name"]].dropna()
    known = known[known["parent_name"].astype(str).ne("")].drop_duplicates(PARENT)
    return dict(zip(known[PARENT], known["parent_name"].astype(str), strict=True))


def _asked(grid: Grid, measures: Sequence[str] | None) -> list[str]:
    """The measures to let out, each asked whether it may."""
    if measures is None:
        counted = [name for name in grid.columns if name == COUNT or str(name).startswith(f"{COUNT}_")]
        measures = [*(["households"] if "households" in grid.columns else []), *counted]
    if not measures:
        raise GridError("measures: the table holds none; summarise it first, or name the columns to publish.")
    allowed = {"households", "persons", "buildings", COUNT}
    for name in measures:
        if name not in grid.columns:
            raise GridError(f"measures: expected columns of the table, {name!r} is none ({listed(grid.columns, 12)}).")
        if name not in allowed and not str(name).startswith(f"{COUNT}_"):
            raise GridError(f"measures: {name!r} counts no things; only {listed(sorted(allowed))} and count_* do.")
        if PERSONAL_TEXT.search(str(name)):
            raise GridError("measures: the name of a column holds the number of a person; count by a category instead.")
        value = pd.to_numeric(grid[name], errors="coerce")
        if (value < 0).any() or np.isinf(value).any() or (value.isna() & grid[name].notna()).any():
            raise GridError(f"measures: expected numbers of 0 or more in {name!r}.")
    return list(dict.fromkeys(str(name) for name in measures))


@dataclass(frozen=True)
class _Block:
    """All published counts as one vector, and the sums that tie them.

    The vector holds, measure by measure, the cells, then the parents, then the whole.
    """

    value: npt.NDArray[np.float64]
    sums: list[tuple[int, npt.NDArray[np.int64]]]
    parents: list[str]
    height: int

    @classmethod
    def of(cls, grid: Grid, counts: list[str]) -> _Block:
        """Lay out the counts of a table."""
        parents = sorted(set(grid[PARENT]))
        n, p = len(grid), len(parents)
        height = n + p + 1
        row_parent = np.searchsorted(np.array(parents, object).astype(str), grid[PARENT].astype(str))
        value = np.full(height * len(counts), np.nan)
        sums: list[tuple[int, npt.NDArray[np.int64]]] = []
        for position, name in enumerate(counts):
            start = position * height
            cells = pd.to_numeric(grid[name], errors="coerce").to_numpy(float)
            value[start : start + n] = cells
            known = np.nan_to_num(cells)
            value[start + n : start + n + p] = np.bincount(row_parent, known, minlength=p)
            value[start + n + p] = known.sum()
            sums += [(start + n + i, start + np.flatnonzero((row_parent == i) & ~np.isnan(cells))) for i in range(p)]
            sums.append((start + n + p, start + n + np.arange(p)))
        parts = [i for i, name in enumerate(counts) if name.startswith(f"{COUNT}_")]
        if COUNT in counts and parts:
            whole = counts.index(COUNT) * height
            added = sum(np.nan_to_num(value[i * height : (i + 1) * height]) for i in parts)
            if np.array_equal(added, np.nan_to_num(value[whole : whole + height])):
                sums += [(whole + row, np.array([i * height + row for i in parts])) for row in range(height)]
        return cls(value, sums, parents, height)

    def column(self, position: int, hidden: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.float64], pd.Series]:
        """Values and status of one measure: cells, parents, whole."""
        here = slice(position * self.height, (position + 1) * self.height)
        value = np.where(hidden[here], np.nan, self.value[here])
        status = np.where(hidden[here], HIDDEN, np.where(np.isnan(self.value[here]), NO_DATA, SHOWN))
        return value, text_column(status)


def hide(
    value: npt.NDArray[np.float64], sums: Sequence[tuple[int, npt.NDArray[np.int64]]], hide_below: int
) -> npt.NDArray[np.bool_]:
    """Choose what to hide so that no sum gives a small count away.

    Parameters
    ----------
    value : array of float
        All counts, totals included; NaN where there is none.
    sums : sequence of (total, parts)
        Positions: ``value[total] == value[parts].sum()``.
    hide_below : int
        Counts from 1 to ``hide_below - 1`` are hidden first.

    Returns
    -------
    array of bool
        True where hidden. In each sum the hidden numbers are two or more, and leave each other room of at least
        ``hide_below``; no hidden number follows from all sums together (null space test).

    Examples
    --------
    >>> import numpy as np
    >>> hide(np.array([3.0, 40.0, 25.0, 68.0]), [(3, np.array([0, 1, 2]))], 10)
    array([ True, False,  True, False])
    """
    hidden = (value > 0) & (value < hide_below)
    waiting = True
    while waiting:
        waiting = False
        for total, parts in sums:
            for extra in _complement(value, hidden, total, parts, hide_below):
                hidden[extra] = True
                waiting = True
        if not waiting:
            for given_away in _recoverable(hidden, sums):
                waiting |= _hide_beside(value, hidden, sums, given_away)
    return hidden


def _complement(
    value: npt.NDArray[np.float64],
    hidden: npt.NDArray[np.bool_],
    total: int,
    parts: npt.NDArray[np.int64],
    hide_below: int,
) -> list[int]:
    """What else to hide in one sum: the smallest shown parts above zero, then the total."""
    chosen: list[int] = []
    while True:
        out = [int(i) for i in parts if hidden[i] or i in chosen]
        total_out = bool(hidden[total]) or total in chosen
        if not out and not total_out:
            return chosen
        room = value[out].sum() >= hide_below + len(out) if not total_out else True
        if len(out) + total_out >= 2 and room:
            return chosen
        shown = [int(i) for i in parts if not hidden[i] and i not in chosen and value[i] > 0]
        if shown:
            chosen.append(min(shown, key=lambda i: (value[i], i)))
        elif not total_out and value[total] > 0:
            chosen.append(total)
        else:
            return chosen


def _recoverable(hidden: npt.NDArray[np.bool_], sums: Sequence[tuple[int, npt.NDArray[np.int64]]]) -> list[int]:
    """Find hidden numbers that all sums together determine.

    What the sums leave open is the null space of their matrix over the hidden numbers. A number is determined when
    every vector of that space is zero there, so that a random vector, projected onto the space, is zero there.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import lsqr

    unknown = np.flatnonzero(hidden)
    place = np.full(len(hidden), -1, np.int64)
    place[unknown] = np.arange(len(unknown))
    rows, columns, signs = [], [], []
    for number, (total, parts) in enumerate(sums):
        for i, sign in ((parts, 1.0), (np.array([total]), -1.0)):
            here = place[i][place[i] >= 0]
            rows += [number] * len(here)
            columns += here.tolist()
            signs += [sign] * len(here)
    matrix = csr_array((signs, (rows, columns)), shape=(len(sums), len(unknown)))
    matrix = matrix[np.flatnonzero(np.diff(matrix.indptr))]
    if not matrix.shape[0]:
        return []
    chance = np.random.default_rng(0).uniform(0.5, 1.5, len(unknown))
    settled = lsqr(matrix, matrix @ chance, atol=1e-13, btol=1e-13, iter_lim=20 * len(unknown) + 100)[0]
    return unknown[np.abs(chance - settled) < 1e-6].tolist()


def _hide_beside(
    value: npt.NDArray[np.float64],
    hidden: npt.NDArray[np.bool_],
    sums: Sequence[tuple[int, npt.NDArray[np.int64]]],
    given_away: int,
) -> bool:
    """Hide one more number in a sum that a recoverable number is part of; say whether one was found."""
    for total, parts in sums:
        if given_away == total or given_away in parts:
            shown = [int(i) for i in (*parts, total) if not hidden[i] and value[i] > 0]
            if shown:
                hidden[min(shown, key=lambda i: (value[i], i))] = True
                return True
    return False


def _add_rate(public: pd.DataFrame, block: _Block, counts: list[str], hidden: npt.NDArray[np.bool_]) -> None:
    """The rate of shown counts over shown households only."""
    n = len(public)
    count, count_status = block.column(counts.index(COUNT), hidden)
    base, base_status = block.column(counts.index("households"), hidden)
    public[RATE] = rate(pd.Series(count[:n]), pd.Series(base[:n])).to_numpy()
    either = ((count_status == HIDDEN) | (base_status == HIDDEN))[:n]
    public[f"{RATE}_status"] = text_column(np.where(either, HIDDEN, np.where(public[RATE].isna(), NO_DATA, SHOWN)))
