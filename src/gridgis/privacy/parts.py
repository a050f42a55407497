"""Which columns are the parts of which count: told, noted by `summarise`, or found because they add up in every cell.

A name alone proves nothing: a column ``count_trees`` may be no part of ``count``, and ``households`` may be the sum of
``owner`` and ``tenant``. Whoever reads the table knows such sums, so each that holds in every cell must be known here.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.linalg import qr

from gridgis.contract import CODE, Grid, GridError, GridWarning, listed
from gridgis.privacy.network import Floats
from gridgis.summarise import COUNT, PARTS, RATE

Parts = Mapping[str, Sequence[str]]
"""For each count the columns that are its parts; what is in none of them is the rest."""

MOST_TRIED = 20_000
"""So many choices of columns are tried for the parts of one count."""
MOST_SETS = 3
SPARE = 3
"""A sum that nobody told is believed, against what is known already, if so many more cells than columns show it."""
MULTIPLES = 12


@dataclass(frozen=True)
class Sum:
    """A count and its parts.

    Attributes
    ----------
    total : str
    parts : tuple of str
        Columns of the table; not all need be let out.
    """

    total: str
    parts: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        """The columns."""
        return frozenset({self.total, *self.parts})

    def __str__(self) -> str:
        """Say the sum."""
        return f"{self.total} = {' + '.join(self.parts)}"


def sums_of(grid: Grid, counts: Sequence[str], parts: Parts | None = None) -> list[Sum]:
    """Find the sums that tie counts to each other.

    Parameters
    ----------
    grid : GeoDataFrame
        The whole table, by code.
    counts : sequence of str
        The columns that are to be let out.
    parts : mapping of str to sequence of str, optional
        What is known of the parts; by default what `summarise` has noted.

    Returns
    -------
    list of Sum
        No column is in two of them.

    Raises
    ------
    GridError
        If parts are more than their count in a cell, a column is in two sums, or columns are tied in another way.
    """
    columns = _whole_columns(grid, counts)
    sums = _told(grid, counts, columns, parts)
    namesakes = _namesakes(columns, counts, sums) if parts is None or COUNT not in parts else ()
    unsaid = _unsaid(columns, sums) if parts is None else None
    sums += _found(columns, counts, sums, (namesakes, unsaid))
    sums += _by_name(grid, counts, columns, sums) if namesakes else []
    kept = [known for known in sums if known.total in counts and set(known.parts) & set(counts)]
    _require_no_multiples(columns, counts, unsaid or ())
    _require_no_more(columns, counts, kept)
    return kept


def _whole_columns(grid: Grid, counts: Sequence[str]) -> dict[str, Floats]:
    """All columns of whole numbers of 0 or more, and all that are to be let out."""
    columns = {}
    for name in map(str, grid.columns):
        if name == grid.geometry.name or name == RATE:
            continue
        if name not in counts and (not pd.api.types.is_numeric_dtype(grid[name]) or _is_bool(grid[name])):
            continue
        value = pd.to_numeric(grid[name], errors="coerce").to_numpy(float, na_value=np.nan)
        known = value[~np.isnan(value)]
        if name in counts or (len(known) and np.isfinite(known).all() and (known >= 0).all() and _are_whole(known)):
            columns[name] = value
    return columns


def _is_bool(column: pd.Series) -> bool:
    return bool(pd.api.types.is_bool_dtype(column))


def _are_whole(value: Floats) -> bool:
    return bool((value == np.round(value)).all())


def _told(grid: Grid, counts: Sequence[str], columns: Mapping[str, Floats], parts: Parts | None) -> list[Sum]:
    """What was said of the parts, or noted by `summarise`."""
    noted = grid.attrs.get(PARTS) if parts is None else parts
    if not isinstance(noted, Mapping):
        if noted is not None:
            raise GridError(
                f"parts: expected a count and its columns, such as {{'count': ['count_a']}}, got {noted!r}."
            )
        return []
    sums = []
    for total, names in noted.items():
        if isinstance(names, str) or not all(isinstance(name, str) for name in (total, *names)):
            raise GridError(f"parts: expected a list of columns for {total!r}, got {names!r}.")
        missing = [name for name in (total, *names) if name not in columns]
        if missing and parts is not None:
            raise GridError(f"parts: {listed(missing)} are no columns of whole numbers of this table.")
        there = tuple(dict.fromkeys(name for name in names if name in columns and name != total))
        if there and total in counts and total in columns:
            sums.append(Sum(str(total), there))
    for one, two in combinations(sums, 2):
        if one.names & two.names:
            raise GridError(
                f"parts: expected each column in one sum, {listed(sorted(one.names & two.names))} is in two."
            )
    for known in sums:
        _require_within(grid, columns, known, "take out what is no part (parts=)")
    return sums


def _require_within(grid: Grid, columns: Mapping[str, Floats], known: Sum, what_to_do: str) -> None:
    """Ask that parts are known where their count is, and are not more."""
    values = np.array([columns[name] for name in (*known.parts, known.total)])
    nan = np.isnan(values)
    odd = nan.any(axis=0) & ~nan.all(axis=0)
    if odd.any():
        raise GridError(
            f"measures: expected {known.total} and all its categories to have a number, or none of them, in a cell; "
            f"{listed(grid[CODE][odd])} lack some."
        )
    over = values[:-1].sum(axis=0) > values[-1] + 1e-9
    if over.any():
        raise GridError(
            f"parts: {listed(known.parts)} are more than {known.total} in {int(over.sum())} cells "
            f"({listed(grid[CODE][over])}), so that they cannot be its parts; correct the numbers, or {what_to_do}."
        )


def _namesakes(columns: Mapping[str, Floats], counts: Sequence[str], told: Sequence[Sum]) -> tuple[str, ...]:
    """The columns that are let out and named as parts of ``count``, where it is let out and its parts were not told."""
    if COUNT not in counts or any(COUNT in one.names for one in told):
        return ()
    return tuple(name for name in columns if name.startswith(f"{COUNT}_") and name in counts)


def _found(
    columns: Mapping[str, Floats],
    counts: Sequence[str],
    told: Sequence[Sum],
    names: tuple[Collection[str], Collection[str] | None],
) -> list[Sum]:
    """The sums that nobody told and that hold in every cell.

    Two categories that are alike in the few cells of a table say nothing; that they are parts of the count, their
    names do. A column of which neither a name nor anybody says what it counts (``unsaid``) may be any sum.
    """
    namesakes, unsaid = names
    totals = sorted(
        (name for name in counts if name in columns and np.nansum(columns[name]) > 0),
        key=lambda name: (-float(np.nansum(columns[name])), name),
    )
    sums: list[Sum] = []
    for total in totals:
        for parts in _exact(columns, total, counts):
            new = Sum(total, parts)
            if not set(parts) & set(counts) or _is_said(new, [*told, *sums], columns):
                continue
            is_chance = not _may_be_meant(new, unsaid) and not _is_shown_by(columns, new.names)
            if is_chance and _unties(new, namesakes):
                continue
            tied = [known for known in (*told, *sums) if known.names & new.names]
            if not tied:
                sums.append(new)
            elif new.names <= set(counts) and not is_chance:
                raise GridError(
                    f"measures: {tied[0]} and {new} in every cell, which is more than can be protected at once; leave "
                    f"out {_what_to_leave(tied[0], new)}. Where one of them is chance, say the parts (parts=)."
                )
    return sums


def _unsaid(columns: Mapping[str, Floats], told: Sequence[Sum]) -> set[str]:
    """The columns of which nothing says what they count: neither their name nor a sum that was told."""
    said = {COUNT, "households", *(name for one in told for name in one.names)}
    return {name for name, value in columns.items() if name not in said and name.split("_")[0] != COUNT and value.any()}


def _may_be_meant(new: Sum, unsaid: Collection[str] | None) -> bool:
    """Tell whether a sum in a few cells may be more than chance, where nobody said what the parts are.

    If parts are all of a count, its other namesakes are none: that these are all of it as well is another way of
    dividing it.
    """
    if unsaid is None:
        return False
    return bool(new.names & set(unsaid)) or (new.total == COUNT and all(map(_is_namesake, new.parts)))


def _is_namesake(name: str) -> bool:
    return name.startswith(f"{COUNT}_")


def _unties(new: Sum, namesakes: Collection[str]) -> bool:
    """Tell whether a sum takes ``count`` or a namesake out of the sum that their names say."""
    if not namesakes or not new.names & {COUNT, *namesakes}:
        return False
    return not _are_the_parts(new, namesakes)


def _are_the_parts(known: Sum, namesakes: Collection[str]) -> bool:
    """Tell whether a sum says what the parts of ``count`` are: all namesakes let out, or nothing but namesakes."""
    named = all(name.startswith(f"{COUNT}_") for name in known.parts)
    return known.total == COUNT and (named or set(namesakes) <= set(known.parts))


def _what_to_leave(one: Sum, two: Sum) -> str:
    """Which columns to leave out so that one of two sums is left."""
    if one.total != two.total:
        return listed(sorted(one.names & two.names))
    return " or ".join(listed(sorted(a.names - b.names)) for a, b in ((one, two), (two, one)))


def _is_said(new: Sum, known: Sequence[Sum], columns: Mapping[str, Floats]) -> bool:
    """Tell whether a sum is one that is known, turned round, or with columns of zeros."""
    empty = {name for name, value in columns.items() if not np.nansum(value)}
    return any(new.names - empty == one.names - empty for one in known)


def _is_shown_by(columns: Mapping[str, Floats], names: Collection[str]) -> bool:
    """Tell whether so many different cells show a relation between columns that it is no chance."""
    value = np.array([columns[name] for name in sorted(names)])
    known = value[:, ~np.isnan(value).any(axis=0) & (value > 0).any(axis=0)]
    return np.unique(known, axis=1).shape[1] >= len(names) + SPARE


def _exact(columns: Mapping[str, Floats], total: str, counts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Sets of columns that add up to a count in every cell: all its namesakes first, then up to `MOST_SETS` others."""
    nan, whole = np.isnan(columns[total]), np.nan_to_num(columns[total])
    usable = {
        name: np.nan_to_num(value)
        for name, value in columns.items()
        if name != total and (np.isnan(value) == nan).all() and (np.nan_to_num(value) <= whole).all()
    }
    named = [name for name in usable if name.startswith(f"{total}_")]
    done: set[tuple[str, ...]] = set()
    if named and (np.sum([usable[name] for name in named], axis=0) == whole).all():
        done.add(tuple(named))
        yield tuple(named)
    few = len(np.unique(whole)) < len(usable) + SPARE
    pool = [name for name in usable if usable[name].any() and (name in counts or name in named or not few)]
    pool.sort(key=lambda name: (name not in named, -float(usable[name].sum()), name))
    for parts in _adding_up([usable[name] for name in pool], whole):
        names = {pool[at] for at in parts}
        names |= {name for name in named if names & set(named) and not usable[name].any()}
        chosen = tuple(name for name in columns if name in names)
        if chosen not in done:
            done.add(chosen)
            yield chosen
        if len(done) >= MOST_SETS:
            return


def _adding_up(values: Sequence[Floats], whole: Floats) -> Iterator[tuple[int, ...]]:
    """Search the sets of columns that add up, leaving aside what is too much, or too little with all that follow."""
    after = [np.zeros_like(whole)]
    for value in reversed(values):
        after.append(after[-1] + value)
    after.reverse()
    tried = 0
    waiting: list[tuple[int, tuple[int, ...], Floats]] = [(0, (), whole)]
    while waiting and tried < MOST_TRIED:
        tried += 1
        at, chosen, left = waiting.pop()
        if not left.any():
            yield chosen
        elif at < len(values) and (left <= after[at]).all():
            waiting.append((at + 1, chosen, left))
            if (values[at] <= left).all():
                waiting.append((at + 1, (*chosen, at), left - values[at]))


def _by_name(grid: Grid, counts: Sequence[str], columns: Mapping[str, Floats], known: Sequence[Sum]) -> list[Sum]:
    """``count`` and its namesakes, where nothing else says what its parts are: taken for such, and told.

    Raises
    ------
    GridError
        If they are tied in another way, too.
    """
    parts = tuple(name for name in columns if name.startswith(f"{COUNT}_"))
    let_out = {name for name in parts if name in counts}
    if any(_are_the_parts(one, let_out) for one in known):
        return []
    _require_untied(columns, let_out, known)
    free = tuple(name for name in parts if not any(name in one.names for one in known))
    guess = Sum(COUNT, tuple(name for name in free if name in counts))
    if not guess.parts or any(COUNT in one.names for one in known):
        return []
    what_to_do = f"say which columns are its parts: parts={{{COUNT!r}: [...]}}"
    _require_within(grid, columns, guess, what_to_do)
    if not (np.nansum([columns[name] for name in free], axis=0) < np.nan_to_num(columns[COUNT])).any():
        return [Sum(COUNT, free)]
    warnings.warn(
        GridWarning(
            f"publish: {listed(guess.parts)} do not add up to {COUNT} and are taken for some of its parts, by their "
            f"names; if they are not, {what_to_do}."
        ),
        stacklevel=2,
    )
    return [guess]


def _require_untied(columns: Mapping[str, Floats], let_out: Collection[str], known: Sequence[Sum]) -> None:
    """Ask that neither ``count`` nor a namesake is in a sum beside the one that their names say."""
    if (np.nansum([columns[name] for name in let_out], axis=0) > np.nan_to_num(columns[COUNT])).any():
        return  # they are no parts, whatever they are called
    for one in known:
        if tied := sorted(one.names & {COUNT, *let_out}):
            raise GridError(
                f"measures: {one} in every cell, and by their names {listed(sorted(let_out))} are parts of {COUNT}, "
                f"which is more than can be protected at once; leave out {listed(tied)}, or say which columns are its "
                f"parts: parts={{{COUNT!r}: [...]}}."
            )


def _require_no_multiples(columns: Mapping[str, Floats], counts: Sequence[str], unsaid: Collection[str]) -> None:
    """Ask that no column of which nothing says what it counts is a multiple of another, also in two cells."""
    for one, two in combinations(counts, 2):
        if one not in unsaid and two not in unsaid:
            continue
        pair = np.array([columns[one], columns[two]])
        pair = np.unique(pair[:, ~np.isnan(pair).any(axis=0) & (pair > 0).any(axis=0)], axis=1)
        if pair.shape[1] < 2 or not pair.all():
            continue
        least = pair[:, 0] / np.gcd(*pair[:, 0].astype(np.int64))
        if 1 < least.max() <= MULTIPLES and (pair[0] * least[1] == pair[1] * least[0]).all():
            sides = [_side([(name, int(times))]) for name, times in zip((one, two), least[::-1], strict=True)]
            raise GridError(
                f"measures: {sides[0]} = {sides[1]} in every cell, so that numbers of one follow from the other; "
                f"leave one of {one}, {two} out. Where it is chance, say the parts of a count (parts=)."
            )


def _require_no_more(columns: Mapping[str, Floats], counts: Sequence[str], known: Sequence[Sum]) -> None:
    """Ask that no other linear relation holds in every cell between the columns that are to be let out."""
    let_out = {one.total: [columns[name] for name in one.parts if name in counts] for one in known}
    whole = {total for total, parts in let_out.items() if not (np.sum(parts, axis=0) < columns[total] - 1e-9).any()}
    varied = [name for name in counts if len(np.unique(columns[name][~np.isnan(columns[name])])) > 1]
    names = [name for name in varied if name not in whole]
    if len(names) < 2:
        return
    table = np.array([columns[name] for name in names])
    cells = np.unique(table[:, ~np.isnan(table).any(axis=0)], axis=1).T
    if len(cells) < len(names) + SPARE:
        return
    _, triangle, order = qr(cells, mode="economic", pivoting=True)
    size = np.abs(np.diag(triangle))
    rank = int((size > size[0] * 1e-9).sum())
    basis = cells[:, order[:rank]]
    for other in order[rank:]:
        share = np.linalg.lstsq(basis, cells[:, other], rcond=None)[0]
        for times in range(1, MULTIPLES + 1):
            whole_share = np.round(share * times)
            if (
                np.abs(share * times - whole_share).max() < 1e-6
                and (basis @ whole_share == times * cells[:, other]).all()
            ):
                terms = [(names[order[at]], int(factor)) for at, factor in enumerate(whole_share) if factor]
                if not _is_shown_by(columns, {names[other], *(name for name, _ in terms)}):
                    break
                raise GridError(
                    f"measures: {_side([(names[other], times)])} = {_side(terms)} in every cell, so that hidden "
                    "numbers of one follow from the others; leave one of "
                    f"{listed([names[other], *(name for name, _ in terms)])} out."
                )


def _side(terms: Sequence[tuple[str, int]]) -> str:
    """One side of an equation in words."""
    words = [
        f"{'-' if factor < 0 else '+'} {'' if abs(factor) == 1 else f'{abs(factor)} '}{name}" for name, factor in terms
    ]
    return " ".join(words).removeprefix("+ ")
