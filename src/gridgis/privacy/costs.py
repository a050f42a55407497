"""What each way of protecting a table costs, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gridgis.contract import CODE, Grid, GridError, require_grid, text_column
from gridgis.privacy.merging import merge_small
from gridgis.privacy.network import Bools
from gridgis.privacy.parts import Parts
from gridgis.privacy.protection import Terms, protected, small_in
from gridgis.privacy.publishing import measures_of
from gridgis.privacy.rounding import rounded
from gridgis.privacy.tables import REST, Block, blocks_of, places_of


def protection_costs(  # noqa: PLR0913 - the terms of publish
    table: Grid,
    *,
    measures: Sequence[str] | None = None,
    hide_below: int = 10,
    zeros: str = "shown",
    parts: Parts | None = None,
    singletons: bool | None = None,
    secret: bytes | None = None,
    levels: Sequence[str | int] = (),
) -> pd.DataFrame:
    """Compare ways of protecting a table by what readers lose.

    Parameters
    ----------
    table, measures, hide_below, zeros, parts, singletons, secret, levels
        As for `publish`.

    Returns
    -------
    DataFrame
        One row a way (``hide``, ``round to 3``, ``round to 5``, ``merge, then hide``): ``way`` (text), ``cells`` and
        ``numbers`` (int, how many there are: of the cells and of all sums over them, without rates), ``small`` (int,
        numbers that have to be protected), ``hidden`` (int, with those hidden for their sake), ``hidden_percent``
        (float), ``mean_error`` and ``largest_error`` (float, of the numbers shown). A way that is not possible has
        missing numbers.

    Raises
    ------
    GridError
        As for `publish`.

    Examples
    --------
    >>> table = summarise(example.grid, locate(example.events, example.grid))
    >>> protection_costs(table, hide_below=3)[["way", "cells", "hidden"]].values.tolist()[0]
    ['hide', 4, 5]
    """
    terms = Terms(hide_below, zeros, singletons, secret)
    grid = require_grid(table, "table").sort_values(CODE, kind="stable").reset_index(drop=True)
    counts = measures_of(grid, measures)
    whole = blocks_of(grid, counts, places_of(grid, levels), parts)
    rows = [_hiding("hide", len(grid), whole, terms)]
    rows += [_rounding(base, len(grid), whole) for base in (3, 5)]
    merged = merge_small(grid, counts, hide_below)
    level_columns = [name for name in levels if isinstance(name, str)]
    merged = merged.assign(**{name: grid.set_index(CODE)[name].loc[merged[CODE]].to_numpy() for name in level_columns})
    fewer = blocks_of(merged, counts, places_of(merged, levels), parts)
    rows.append(_hiding("merge, then hide", len(merged), fewer, terms))
    costs = pd.DataFrame(rows)
    return costs.assign(way=text_column(costs["way"]))


def _numbers(blocks: Sequence[Block]) -> int:
    return sum(int(block.shown.sum()) for block in blocks)


def _hiding(way: str, cells: int, blocks: Sequence[Block], terms: Terms) -> dict[str, object]:
    small = hidden = 0
    for block in blocks:
        out: Bools = protected(block, terms) & block.shown
        hidden += int(out.sum())
        small += int((small_in(block, terms) & block.shown).sum())
    numbers = _numbers(blocks)
    share = round(100 * hidden / max(numbers, 1), 2)
    start: dict[str, object] = {"way": way, "cells": cells, "numbers": numbers, "small": small, "hidden": hidden}
    return {**start, "hidden_percent": share, "mean_error": 0.0, "largest_error": 0.0}


def _rounding(base: int, cells: int, blocks: Sequence[Block]) -> dict[str, object]:
    start: dict[str, object] = {"way": f"round to {base}", "cells": cells, "numbers": _numbers(blocks)}
    try:
        changes = [
            np.abs(rounded(block, base) - block.tree.value)[:, np.array(block.names) != REST].ravel()
            for block in blocks
        ]
    except GridError:
        return start
    change = np.concatenate(changes)
    change = change[~np.isnan(change)]
    small = sum(int(((block.tree.value > 0) & (block.tree.value < base) & block.shown).sum()) for block in blocks)
    return {
        **{**start, "small": small, "hidden": 0, "hidden_percent": 0.0},
        **{"mean_error": round(float(change.mean()), 4), "largest_error": float(change.max(initial=0.0))},
    }
