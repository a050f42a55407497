"""Noise from cell keys: each count is changed by a little, always the same for the same records.

Each record gets a key from a secret; the keys of the records in a cell add up to the key of the cell, which looks up
the change in a table (Thompson, G., Broadfoot, S., Elazar, D., 2013, *Methodology for the automatic confidentialisation
of statistical outputs from remote servers at the Australian Bureau of Statistics*). The same records give the same
number in every table and in every release, so that it cannot be averaged away. Totals are changed for themselves:
parts do not add up to them. The secret is used here and kept nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq

from gridgis.contract import CODE, GridError, listed
from gridgis.privacy.network import Floats
from gridgis.privacy.tables import REST, Block
from gridgis.summarise import COUNT, NO_CATEGORY

BITS = 32
LEAST_SECRET = 16
NARROW = 1e-6
"""Nearer to the least or the largest variance that there is, it is that."""


@dataclass(frozen=True)
class CellKeys:
    """The keys of the cells of a table; they say nothing about the secret.

    Attributes
    ----------
    keys : DataFrame
        By ``grid_code``: ``count`` and ``count_<category>`` (uint64), the sums of the keys of the records.
    most : int
        No count changes by more.
    variance : float
        Of the changes.
    least : int
        No count from 1 to ``least - 1`` comes out.
    """

    keys: pd.DataFrame
    most: int = 5
    variance: float = 2.0
    least: int = 3

    def changed(self, block: Block, codes: pd.Series) -> Floats:
        """Change the counts of a block, each number by its own key; the key of a total is the sum of those below.

        Parameters
        ----------
        block : Block
        codes : Series of text
            The cells, in the order of the places.

        Raises
        ------
        GridError
            If there are no keys for a column, or counts are not whole numbers.
        """
        value, above = block.tree.value, block.tree.above
        result = np.full(value.shape, np.nan)
        for column, name in enumerate(block.names):
            if name == REST:
                continue
            if name not in self.keys.columns:
                raise GridError(f"noise: no keys for {name!r}; only counts of records have any: {listed(self.keys)}.")
            if (value[:, column] != np.round(value[:, column])).any():
                raise GridError(f"noise: expected whole numbers in {name!r}.")
            key = np.zeros(len(value), np.uint64)
            key[: len(codes)] = self.keys[name].reindex(codes, fill_value=0).to_numpy(np.uint64)
            for place in np.flatnonzero(above >= 0).tolist():
                key[above[place]] += key[place]
            result[:, column] = noisy(value[:, column], key, most=self.most, variance=self.variance, least=self.least)
        return result


def cell_keys(
    located: pd.DataFrame,
    *,
    secret: bytes,
    record: str,
    by: str | None = None,
    most: int = 5,
    variance: float = 2.0,
    least: int = 3,
) -> CellKeys:
    """Add up the keys of the records in each cell.

    Parameters
    ----------
    located : DataFrame
        What `locate` returned.
    secret : bytes
        At least 16 random bytes, the same for all releases; keep it where nobody reads it.
    record : str
        A column that names each record, the same in all releases.
    by : str, optional
        The column of categories, as for `summarise`.
    most : int
        No count changes by more.
    variance : float
        Of the changes of every count from 1 on, exactly.
    least : int
        No count from 1 to ``least - 1`` comes out.

    Returns
    -------
    CellKeys
        For ``publish(noise=)``.

    Raises
    ------
    GridError
        If a column is missing, the secret is short, records are named twice, or no changes of a count have mean 0 and
        this variance.

    Examples
    --------
    >>> located = locate(example.events, example.grid).assign(number=[str(i) for i in range(6)])
    >>> keys = cell_keys(located, secret=b"sixteen bytes or more", record="number").keys
    >>> keys.index.tolist() == example.grid["grid_code"].tolist()[:3]
    True
    """
    if not isinstance(secret, bytes) or len(secret) < LEAST_SECRET:
        raise GridError(f"secret: expected at least {LEAST_SECRET} random bytes.")
    _require_changes(most, variance, least)
    missing = [name for name in (CODE, record, by) if name is not None and name not in located.columns]
    if missing:
        raise GridError(f"cell_keys: the column {missing[0]!r} is missing; pass what locate() returned.")
    inside = located[located[CODE].notna()]
    names = inside[record].astype(str)
    if inside[record].isna().any() or names.duplicated().any():
        raise GridError(f"record: expected a name in {record!r} for each record, each once.")
    digests = (hmac.digest(secret, name.encode("utf-8"), hashlib.sha256) for name in names)
    key = np.array([int.from_bytes(digest[:4], "big") for digest in digests], np.uint64)
    keys = pd.Series(key, inside[CODE].to_numpy(object)).groupby(level=0).sum().to_frame(COUNT)
    if by is not None:
        category = inside[by].map(str, na_action="ignore").fillna(NO_CATEGORY).to_numpy(object)
        parts = pd.DataFrame({"code": inside[CODE].to_numpy(object), "category": category, "key": key})
        wide = parts.pivot_table(index="code", columns="category", values="key", aggfunc="sum", fill_value=0)
        keys = keys.join(wide.add_prefix(f"{COUNT}_").astype(np.uint64))
    return CellKeys(keys, most, variance, least)


def _require_changes(most: int, variance: float, least: int) -> None:
    """Ask that every count can be changed as wanted."""
    whole = all(isinstance(number, int) and not isinstance(number, bool) for number in (most, least))
    if not whole or most < 1 or least < 1 or not np.isfinite(variance) or variance <= 0:
        raise GridError(
            f"cell_keys: expected most= and least= of 1 or more and a variance= above 0, got {most!r}, {least!r} and "
            f"{variance!r}."
        )
    for count in range(1, most + least + 1):
        changes(count, most, float(variance), least)


@lru_cache(512)
def changes(count: int, most: int, variance: float, least: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Give the changes that a count may have, and how likely each is or a smaller one.

    Of all distributions with mean 0 and this variance the one with the most entropy.

    Parameters
    ----------
    count : int
        1 or more.
    most : int
        No count changes by more.
    variance : float
    least : int
        No count from 1 to ``least - 1`` comes out.

    Raises
    ------
    GridError
        If there is no such distribution.

    Examples
    --------
    >>> changes(100, 1, 0.5, 1)
    ((-1, 0, 1), (0.25, 0.75, 1.0))
    >>> changes(2, 5, 2.0, 3)  # as 0 or as 3
    ((-2, 1, 2, 3, 4, 5), (0.333333333, 1.0, 1.0, 1.0, 1.0, 1.0))
    """
    steps = np.array([d for d in range(-most, most + 1) if count + d == 0 or count + d >= max(least, 1)])
    if not len(steps) or steps.min() > 0 or steps.max() < 0:
        raise GridError(f"noise: {count} cannot come out as itself on average; let counts change by {least} or more.")
    low, high = int(steps[steps <= 0].max()), int(steps[steps >= 0].min())
    smallest, largest = -low * high, -int(steps.min()) * int(steps.max())
    if not smallest <= variance <= largest:
        raise GridError(
            f"noise: the changes of a count of {count} can have a variance from {smallest} to {largest}, not "
            f"{variance:g}, when they are up to {most} and nothing from 1 to {least - 1} comes out; change variance=, "
            "most= or least=."
        )
    if variance - smallest < NARROW:
        weight = _of_two(steps, low, high)
    elif largest - variance < NARROW:
        weight = _of_two(steps, int(steps.min()), int(steps.max()))
    else:
        weight = _most_even(steps, variance)
    return tuple(steps.tolist()), tuple(np.round(np.cumsum(weight), 9).tolist())


def _of_two(steps: npt.NDArray[np.int64], low: int, high: int) -> Floats:
    """The only distribution on two changes with mean 0."""
    if low == high:
        return np.asarray(steps == 0, float)
    return np.where(steps == low, high, np.where(steps == high, -low, 0)) / (high - low)


def _most_even(steps: npt.NDArray[np.int64], variance: float) -> Floats:
    """The distribution of most entropy with mean 0 and a variance: exp(a d + b d^2) over all changes d."""

    def weights(a: float, b: float) -> Floats:
        power = a * steps + b * steps**2
        weight = np.exp(power - power.max())
        return np.asarray(weight / weight.sum())

    def centred(b: float) -> Floats:
        reach = 2.0 * (1 + abs(b)) * (np.abs(steps).max() + 1) + 100
        return weights(brentq(lambda a: weights(a, b) @ steps, -reach, reach, xtol=1e-14, maxiter=500), b)

    return centred(brentq(lambda b: centred(b) @ steps**2 - variance, -60.0, 60.0, xtol=1e-13, maxiter=500))


def noisy(
    count: npt.NDArray[np.float64], key: npt.NDArray[np.uint64], *, most: int, variance: float, least: int
) -> npt.NDArray[np.float64]:
    """Change counts by what their keys say; 0 stays 0, and what is not known stays so.

    Examples
    --------
    >>> noisy(np.array([0.0, 50.0]), np.array([7, 2**31], np.uint64), most=2, variance=1.0, least=1)
    array([ 0., 50.])
    """
    result = count.copy()
    chance = (key % np.uint64(1 << BITS)).astype(float) / (1 << BITS)
    limit = most + least  # from there on, the distribution is the same for all counts
    for value in np.unique(np.minimum(count[count > 0], limit)).tolist():
        here = np.flatnonzero(np.minimum(count, limit) == value)
        steps, below = changes(int(value), most, variance, least)
        result[here] += np.array(steps, float)[
            np.minimum(np.searchsorted(below, chance[here], side="right"), len(steps) - 1)
        ]
    return result
