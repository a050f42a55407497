"""`publish`: from a table of counts to what may be shown."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj

from gridgis.contract import CODE, PARENT, Grid, GridError, GridWarning, listed, require_grid, text_column
from gridgis.persons import HOME_ZH, has_personal_text, person_names, personal_columns
from gridgis.privacy.ledger import Outgoing, Release, is_date, prepared
from gridgis.privacy.network import Bools
from gridgis.privacy.noise import CellKeys
from gridgis.privacy.parts import Parts, sums_of
from gridgis.privacy.protection import Terms, protected
from gridgis.privacy.published import HIDDEN, NO_DATA, SHOWN, Published
from gridgis.privacy.rounding import rounded
from gridgis.privacy.tables import REST, Block, Places, blocks_of, places_of, single_blocks
from gridgis.privacy.together import ALL, SOME, require_safe_together
from gridgis.summarise import COUNT, PARTS, RATE, rate

MOST = 2.0**53
"""From here on not every whole number is one of floating point, and sums are no longer exact."""
_Columns = dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.object_]]]


def publish(  # noqa: PLR0913 - what users ask for by name
    table: Grid,
    *,
    measures: Sequence[str] | None = None,
    hide_below: int = 10,
    zeros: str = "shown",
    parts: Parts | None = None,
    singletons: bool | None = None,
    secret: bytes | None = None,
    levels: Sequence[str | int] = (),
    round_to: int | None = None,
    noise: CellKeys | None = None,
    ledger: str | os.PathLike[str] | None = None,
    as_of: str | None = None,
    notes: Sequence[str] = (),
    internal: bool = False,
) -> Published:
    """Make a table fit to be shown: only the measures asked for, small counts hidden beyond recovery.

    A count from 1 to ``hide_below - 1`` is hidden, wherever it stands: in a cell, a parent, a level above, the whole.
    With it are hidden as few others as are needed so that a reader who knows all the sums (cells add up to parents,
    these to the whole, categories to the count), and that what is hidden is no zero, can place none of the small ones
    in an interval narrower than ``hide_below``, nor tell that it is small. At the end the release is attacked; if an
    attack succeeds, nothing is published.

    Parameters
    ----------
    table : GeoDataFrame
        What `summarise` returned, or a grid.
    measures : sequence of str, optional
        Columns to let out: any that hold whole numbers of 0 or more, such as ``households``, ``count`` and
        ``count_<category>``, and ``count_per_100_households``. By default households and all that `summarise` counted.
    hide_below : int
        Counts from 1 to ``hide_below - 1`` are protected.
    zeros : str
        "shown": a true zero is shown, and a reader knows of all that is hidden that it is 1 or more. "protected": a
        true zero is a small count like others.
    parts : mapping of str to sequence of str, optional
        Which columns are the parts of which count, such as ``{"count": ["count_a", "count_b"]}``; an empty list where
        a count has none. By default what `summarise` noted; sums that hold in every cell are found in any case.
    singletons : bool, optional
        True: a small count is as safe from whoever is alone in a cell, and so knows the 1 that stands there, as from
        all others. By default where households or persons are counted.
    secret : bytes, optional
        At least 16 random bytes, the same for all releases: of the sets of numbers that could be hidden at nearly the
        same cost they choose one, so that who knows the method cannot tell why it was this one. Kept nowhere.
    levels : sequence of str or int
        Levels above the parents for which totals are let out, from small to large: columns with the code of the place
        in which a cell lies, or how many leading characters of ``parent_code`` are that code.
    round_to : int, optional
        Instead of hiding, round every count to one of the two multiples next to it, so that all sums hold; of those
        below the base none can be told within less than ``round_to - 1``.
    noise : CellKeys, optional
        Instead of hiding, change every count by what the keys of its records say (`cell_keys`); parts then do not add
        up to their totals.
    ledger : path, optional
        The file of what was let out earlier. The release is attacked together with those of the same date, on the
        same cells or others, all measures with the sums between them. It is noted there (the file is made where it is
        not there) when its first file is written: by `write_table`, ``save``, ``save_site``, an image or an atlas.
    as_of : str, optional
        The date of the numbers in the form YYYY-MM-DD; releases of one date are about the same things. Needed with
        ``ledger``; shown at the foot of the map.
    notes : sequence of str
        Lines for the foot of the map.
    internal : bool
        True protects nothing, for use inside the office; every map made of it says so.

    Returns
    -------
    Published

    Raises
    ------
    GridError
        If a measure is missing, personal, negative or not a whole number, ``hide_below`` is below 2, parts are more
        than their count, columns are tied in a way that cannot be protected, levels are not nested, ``as_of`` is no
        date, or ``ledger`` is no ledger; or if an attack on the release, or on it and earlier ones, succeeds.

    Examples
    --------
    >>> table = summarise(example.grid, locate(example.events, example.grid))
    >>> shown = publish(table, hide_below=3)  # counts of 3, 1, 1 and 0
    >>> shown.table["count_status"].tolist()
    ['shown', 'hidden', 'hidden', 'shown']
    """
    grid = require_grid(table, "table").sort_values(CODE, kind="stable").reset_index(drop=True)
    terms = Terms(hide_below, zeros, singletons, secret)
    _require_one_way(round_to, noise, internal)
    _require_date(as_of, ledger, internal)
    asked = _asked(grid, measures)
    places = places_of(grid, levels)
    columns: _Columns = {}
    counts, each_alone = measures_of(grid, asked), internal or noise is not None
    blocks = single_blocks(grid, counts, places) if each_alone else blocks_of(grid, counts, places, parts)
    for block in blocks:
        value, hidden = block.tree.value, np.zeros(block.tree.value.shape, bool)
        if round_to is not None:
            value = rounded(block, round_to)
        elif noise is not None:
            value = noise.changed(block, grid[CODE])
        elif not internal:
            hidden = protected(block, terms)
        columns |= _columns(block, value, hidden)
    outgoing: Outgoing | None = None
    if ledger is not None:
        slack = round_to - 1 if round_to is not None else noise.most if noise is not None else 0
        said = (str(as_of), slack or int(hide_below), slack, zeros)
        release = _release(grid, places, columns, said, _parts(grid, counts, parts))
        outgoing = prepared(ledger, release, require_safe_together)
    return Published(
        _cells(grid, asked, columns),
        tuple(asked),
        hide_below,
        _totals(places, [name for name in asked if name != RATE], columns),
        tuple(notes),
        internal,
        _names(grid, PARENT, "parent_name"),
        round_to,
        noise is not None,
        as_of,
        _names(grid, CODE, "grid_name"),
        zeros,
        outgoing,
        _made_by_publish=True,
    )


def _release(
    grid: Grid, places: Places, columns: _Columns, terms: tuple[str, int, int, str], parts: dict[str, list[str]]
) -> Release:
    """What the ledger keeps: numbers as they are shown, and how far the truth may be from them."""
    as_of, hide_below, slack, zeros = terms
    ranges: dict[str, list[list[float] | None]] = {}
    hidden: dict[str, list[int]] = {}
    for name, (value, status) in columns.items():
        ranges[name] = [
            [max(number - slack, 0.0), number + slack] if known == SHOWN else None
            for number, known in zip(value.tolist(), status, strict=True)
        ]
        hidden[name] = np.flatnonzero(status == HIDDEN).tolist()
    cells = np.asarray(grid.geometry.to_numpy(), object)
    codes, above = places.code[: len(grid)], tuple(places.above.tolist())
    crs = pyproj.CRS(grid.crs).to_wkt()
    return Release(as_of, crs, hide_below, codes, above, ranges, hidden, cells, zeros, parts)


def _parts(grid: Grid, counts: Sequence[str], parts: Parts | None) -> dict[str, list[str]]:
    """For each count of the table its parts, also those that are not let out, and how they add up to it."""
    told = parts if parts is not None else grid.attrs.get(PARTS) or {}
    noted = [name for total in told for name in (total, *told[total])]
    named = [str(name) for name in grid.columns if str(name).startswith(f"{COUNT}_") and name != RATE]
    asked = [name for name in dict.fromkeys([COUNT, *noted, *counts, *named]) if _is_count(grid, name)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GridWarning)  # `blocks_of` has told what is only guessed
        try:
            known = sums_of(grid, asked, parts)
        except GridError:  # columns that are not let out fit no sum
            known = sums_of(grid, list(counts), parts)
    value = {name: pd.to_numeric(grid[name], errors="coerce").fillna(0) for name in asked}
    exact = [bool((sum(value[part] for part in one.parts) == value[one.total]).all()) for one in known]
    return {one.total: [ALL if whole else SOME, *sorted(one.parts)] for one, whole in zip(known, exact, strict=True)}


def _is_count(grid: Grid, name: str) -> bool:
    """Tell whether the table has a column of whole numbers of 0 or more by this name."""
    if name not in grid.columns or not pd.api.types.is_numeric_dtype(grid[name]):
        return False
    given = grid[name].dropna().astype(float)
    return bool(len(given) and ((given >= 0) & (given == np.floor(given))).all())


def _require_date(as_of: object, ledger: object, internal: bool) -> None:
    """Ask for a date of the numbers where one is needed, and for a real one wherever one is given."""
    if ledger is not None and (internal or not as_of):
        raise GridError("ledger: a release needs as_of=, the date of its numbers, and cannot be internal.")
    if as_of is not None and not is_date(as_of):
        raise GridError(f"as_of: expected a date in the form YYYY-MM-DD, such as 2026-06-30, got {as_of!r}.")


def _require_one_way(round_to: int | None, noise: CellKeys | None, internal: bool) -> None:
    """Ask for one way of protection at most."""
    if (round_to is not None) + (noise is not None) + internal > 1:
        raise GridError("publish: expected one of round_to=, noise= and internal=, got more.")
    if round_to is not None and (not isinstance(round_to, int) or round_to < 3):
        raise GridError(f"round_to: expected a whole number of 3 or more, such as 3 or 5, got {round_to!r}.")
    if noise is not None and not isinstance(noise, CellKeys):
        raise GridError(f"noise: expected what gridgis.cell_keys() returned, got {type(noise).__name__}.")


def measures_of(grid: Grid, measures: Sequence[str] | None) -> list[str]:
    """Give the counts behind the measures that are asked for: for a rate those that it is made of.

    Raises
    ------
    GridError
        If a measure may not be let out.
    """
    asked = _asked(grid, measures)
    counts = [name for name in asked if name != RATE]
    return counts + [name for name in (COUNT, "households") if RATE in asked and name not in counts]


def _columns(block: Block, value: npt.NDArray[np.float64], hidden: Bools) -> _Columns:
    """Value and status of each measure of a block, a row a place."""
    status = np.where(hidden, HIDDEN, np.where(np.isnan(value), NO_DATA, SHOWN)).astype(object)
    value = np.where(hidden, np.nan, value)
    return {name: (value[:, i], status[:, i]) for i, name in enumerate(block.names) if name != REST}


def _cells(grid: Grid, asked: Sequence[str], columns: _Columns) -> gpd.GeoDataFrame:
    """The table of the cells; rates are those of shown counts over shown households only."""
    size, public = len(grid), grid[[CODE, PARENT]].copy()
    for name in asked:
        if name == RATE:
            (count, of_count), (base, of_base) = columns[COUNT], columns["households"]
            value = rate(pd.Series(count[:size]), pd.Series(base[:size])).to_numpy()
            either = (of_count[:size] == HIDDEN) | (of_base[:size] == HIDDEN)
            status = np.where(either, HIDDEN, np.where(np.isnan(value), NO_DATA, SHOWN)).astype(object)
        else:
            value, status = (column[:size] for column in columns[name])
        public[name], public[f"{name}_status"] = value, text_column(status)
    return gpd.GeoDataFrame(public, geometry=grid.geometry.to_numpy(), crs=grid.crs)


def _totals(places: Places, asked: Sequence[str], columns: _Columns) -> pd.DataFrame:
    """The sums by place above the cells."""
    start = places.level.count(CODE)
    totals = pd.DataFrame({"level": text_column(places.level[start:]), PARENT: text_column(places.code[start:])})
    for name in asked:
        value, status = columns[name]
        totals[name], totals[f"{name}_status"] = value[start:], text_column(status[start:])
    return totals


def _names(grid: Grid, code: str, name: str) -> dict[str, str]:
    """The names of places by their code, where the grid has them; none where some are names of persons."""
    if name not in grid.columns:
        return {}
    known = grid[[code, name]].dropna()
    known = known[known[name].astype(str).ne("")].drop_duplicates(code)
    names = known[name].astype(str)
    persons = person_names(names.unique().tolist())
    if persons:
        said = f"publish: {len(persons)} of the names in {name} are like those of persons; {name} is left out."
        warnings.warn(GridWarning(said), stacklevel=3)
        return {}
    return dict(zip(known[code], names, strict=True))


def _asked(grid: Grid, measures: Sequence[str] | None) -> list[str]:
    """The measures to let out, each asked whether it may."""
    if measures is None:
        counted = [name for name in grid.columns if name == COUNT or str(name).startswith(f"{COUNT}_")]
        measures = [*(["households"] if "households" in grid.columns else []), *counted]
    if not measures:
        raise GridError("measures: the table holds none; summarise it first, or name the columns to publish.")
    for name in measures:
        if name not in grid.columns:
            raise GridError(f"measures: expected columns of the table, {name!r} is none ({listed(grid.columns, 12)}).")
        _require_count(grid, str(name))
        if f"{name}_status" in measures:
            raise GridError(f"measures: '{name}_status' is what the status of {name!r} is called; rename the column.")
    _require_no_names(grid, [str(name) for name in measures])
    return list(dict.fromkeys(str(name) for name in measures))


def _require_no_names(grid: Grid, measures: Sequence[str]) -> None:
    """Ask that no measure is called like a person: somebody counted by persons, then."""
    categories = {str(name): str(name).removeprefix(f"{COUNT}_") for name in grid.columns if str(name) != RATE}
    counted = [text for name, text in categories.items() if (name in measures or name != text) and name != COUNT]
    persons = person_names(counted)
    found = [name for name in measures if categories.get(name) in persons]
    if found:
        raise GridError(
            f"measures: {len(found)} of {len(measures)} columns are called like persons; count by a category instead, "
            "or rename the column."
        )


def _require_count(grid: Grid, name: str) -> None:
    """Ask that a column counts things (or is the rate of them), and says nothing of a person."""
    values = grid[name]
    category = name.removeprefix(f"{COUNT}_")
    if has_personal_text(pd.Series([category])) or HOME_ZH.search(category):
        raise GridError("measures: the name of a column holds the number of a person; count by a category instead.")
    counted = name == COUNT or name.startswith(f"{COUNT}_")
    if has_personal_text(values) if counted else personal_columns(pd.DataFrame({name: values})):
        raise GridError(f"measures: {name!r} holds persons; count them in each cell instead.")
    given = values.dropna()
    number = pd.to_numeric(given, errors="coerce").astype(float)
    text = given.map(lambda value: isinstance(value, str | bytes | bool | np.bool_)) if len(given) else given.notna()
    wrong = given[number.isna() | text.astype(bool) | (number < 0) | np.isinf(number)]
    if name != RATE and not len(wrong):
        wrong = given[number != np.floor(number)]
    if name != RATE and not len(wrong) and number.sum() >= MOST:
        raise GridError(f"measures: {name!r} adds up to 2**53 or more, beyond what can be added exactly; correct it.")
    if name in (CODE, PARENT) or len(wrong):
        got = f", got {listed(wrong.astype(str).unique(), 3)}" if len(wrong) else ""
        raise GridError(f"measures: {name!r} counts no things: expected whole numbers of 0 or more in {name!r}{got}.")
