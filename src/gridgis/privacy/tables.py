"""The counts of a table, with all the sums that a reader knows: cells, parents, levels above, the whole; categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridgis.contract import CODE, PARENT, Grid, GridError, listed
from gridgis.privacy.network import Bools, Floats, Ints, Tree
from gridgis.privacy.parts import Parts, sums_of
from gridgis.privacy.published import TOTAL

REST = "(others)"
"""Stands for what is counted in the total and in none of the categories that are let out."""


@dataclass(frozen=True)
class Places:
    """The places of a table: cells by code, then their parents by code, then each level above, then the whole.

    Attributes
    ----------
    level, code : tuple of str
        For each place the column that its code stands in, and the code; for the whole "(all)" twice.
    above : array of int
        The place that each is a part of; -1 for the whole.
    """

    level: tuple[str, ...]
    code: tuple[str, ...]
    above: Ints


def places_of(grid: Grid, levels: Sequence[str | int] = ()) -> Places:
    """Lay out the places of a grid.

    Parameters
    ----------
    grid : GeoDataFrame
        By code.
    levels : sequence of str or int
        Above the parents, from small to large: columns with the code of the place in which a cell lies, or how many
        leading characters of ``parent_code`` are that code.

    Raises
    ------
    GridError
        If a level is no column, or a place lies in two places of the level above.

    Examples
    --------
    >>> places = places_of(example.grid)
    >>> places.level[-3:], places.code[-3:], places.above.tolist()
    (('parent_code', 'parent_code', '(all)'), ('990101001001', '990101001002', '(all)'), [4, 4, 5, 5, 6, 6, -1])
    """
    columns = [grid[CODE].to_numpy(object), grid[PARENT].to_numpy(object), *(_codes(grid, level) for level in levels)]
    names = [CODE, PARENT, *(level if isinstance(level, str) else f"{PARENT}[:{level}]" for level in levels), TOTAL]
    columns.append(np.full(len(grid), TOTAL, object))
    level: list[str] = []
    code: list[str] = []
    above: list[int] = []
    inside = np.arange(len(grid))
    for number, (name, lower, upper) in enumerate(zip(names, columns, columns[1:], strict=False)):
        known, first = (lower, np.arange(len(grid))) if number == 0 else np.unique(lower.astype(str), return_index=True)
        _, place = np.unique(upper.astype(str), return_inverse=True)
        split = np.flatnonzero(place != place[first][inside])
        if len(split):
            raise GridError(
                f"levels: expected each {name} in one {names[number + 1]}, got {listed(sorted(set(lower[split])))} in "
                "several; check the columns."
            )
        start = len(code) + len(known)
        level += [name] * len(known)
        code += known.tolist()
        above += (start + place[first]).tolist()
        inside = place
    return Places((*level, TOTAL), (*code, TOTAL), np.array([*above, -1], np.int64))


def _codes(grid: Grid, level: str | int) -> npt.NDArray[np.object_]:
    """The codes of a level, a row each."""
    if isinstance(level, int):
        lengths = grid[PARENT].str.len()
        if not 0 < level < lengths.min():
            raise GridError(f"levels: expected from 1 to {lengths.min() - 1} leading characters, got {level}.")
        return grid[PARENT].str[:level].to_numpy(object)
    if level not in grid.columns or grid[level].isna().any():
        raise GridError(f"levels: expected a column with a code in every row, got {level!r}; see {listed(grid, 12)}.")
    return grid[level].astype(str).to_numpy(object)


@dataclass(frozen=True)
class Block:
    """Counts that sums tie to each other, and to no others.

    Attributes
    ----------
    names : tuple of str
        The columns; the last is the total where there are several; `REST` stands for what is in no category.
    tree : Tree
        Places by columns.
    codes : tuple of str
        Names of the places.
    """

    names: tuple[str, ...]
    tree: Tree
    codes: tuple[str, ...] = ()

    @property
    def shown(self) -> Bools:
        """Tell which numbers are let out unless they are hidden, a row a place."""
        return np.broadcast_to([name != REST for name in self.names], self.tree.value.shape) & ~np.isnan(
            self.tree.value
        )


def blocks_of(grid: Grid, counts: Sequence[str], places: Places, parts: Parts | None = None) -> list[Block]:
    """Gather the counts that are to be let out into blocks.

    A count and its parts are one block: the parts of a place add up to it, with `REST` for what is in none of those
    that are let out.

    Parameters
    ----------
    grid : GeoDataFrame
        By code.
    counts : sequence of str
    places : Places
    parts : mapping of str to sequence of str, optional
        Which columns are the parts of which count, as for `publish`.

    Raises
    ------
    GridError
        If it is not clear what the parts of a count are, or a cell has a number for some of the columns of a block and
        not for others.
    """
    columns = _numbers(grid, counts)
    together: list[list[str]] = []
    rests: list[Floats | None] = []
    for known in sums_of(grid, counts, parts):
        shown = [name for name in known.parts if name in columns]
        rest = columns[known.total] - np.sum([columns[name] for name in shown], axis=0)
        rests.append(rest if (rest > 0).any() else None)
        together.append([*shown, *([] if rests[-1] is None else [REST]), known.total])
    tied = {name for names in together for name in names}
    blocks = [
        _block(names, columns if rest is None else {**columns, REST: rest}, places)
        for names, rest in zip(together, rests, strict=True)
    ]
    return blocks + [_block([name], columns, places) for name in counts if name not in tied]


def single_blocks(grid: Grid, counts: Sequence[str], places: Places) -> list[Block]:
    """Give each count a block of its own, where nothing hangs on its parts."""
    columns = _numbers(grid, counts)
    return [_block([name], columns, places) for name in counts]


def _numbers(grid: Grid, counts: Sequence[str]) -> dict[str, Floats]:
    return {name: pd.to_numeric(grid[name], errors="coerce").to_numpy(float, na_value=np.nan) for name in counts}


def _block(names: Sequence[str], columns: dict[str, Floats], places: Places) -> Block:
    cells = np.stack([columns[name] for name in names], axis=1)
    value = np.full((len(places.above), len(names)), np.nan)
    value[: len(cells)] = cells
    for place in range(len(places.above)):
        above = places.above[place]
        if above >= 0 and not np.isnan(value[place]).all():
            value[above] = np.nan_to_num(value[above]) + np.nan_to_num(value[place])
    codes = tuple(f"{level} {code}" for level, code in zip(places.level, places.code, strict=True))
    return Block(tuple(names), Tree(places.above, value), codes)
