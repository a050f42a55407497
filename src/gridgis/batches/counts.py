"""Counts of places by cell that can be added up in any order: of batches, of partitions, of machines."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyproj

from gridgis.batches.sources import in_crs
from gridgis.contract import CODE, GridError, GridWarning, text_column
from gridgis.locate.coordinates import Places, Plausible, elsewhere_warning
from gridgis.locate.points import Locator
from gridgis.persons import COORDINATES, PersonColumns, is_of_persons
from gridgis.summarise import COUNT, MOST_CATEGORIES, NO_CATEGORY

ELSEWHERE = ("outside", "conflict", "bad_coordinates", "no_coordinates")
"""Where a row can be that is in no cell, in the order of their lines in the table."""

SUM = "sum"
"""The column of the sum of all weights; ``sum_<category>`` are its parts."""

_NOWHERE = len(ELSEWHERE) - 1
_LIMB, _MANTISSA, _HALF = 32, 53, 27
_LOWEST = 1126
"""Binary places behind the point of the smallest float64 but zero, taken as 53 binary digits."""
_MASK = (1 << _LIMB) - 1
_MOST_AT_ONCE = 1 << 20

Integers: TypeAlias = npt.NDArray[np.int64]


class ExactSums:
    """Sums of numbers from 0 up, without any rounding until they are asked for: the order does not matter.

    Each number is a whole one below 2**53 times a power of two. It is cut into pieces of 32 binary digits, and the
    pieces of one worth are added up as whole numbers.

    Parameters
    ----------
    size : int
        How many sums.

    Examples
    --------
    >>> sums = ExactSums(1)
    >>> sums.add(np.zeros(3, int), np.array([1e100, 1.0, 1e-5]))
    >>> sums.add(np.zeros(1, int), np.array([0.1]))
    >>> sums.totals().tolist()
    [1e+100]
    """

    def __init__(self, size: int):
        self.size = size
        self.pieces: dict[int, Integers] = {}

    def add(self, place: npt.NDArray[Any], value: npt.NDArray[np.float64]) -> None:
        """Add each number to the sum at its place."""
        for start in range(0, len(value), _MOST_AT_ONCE):
            some = slice(start, start + _MOST_AT_ONCE)
            if (value[some] < 2.0**_LIMB).all() and (value[some] == np.floor(value[some])).all():
                self._add_whole(np.bincount(place[some], weights=value[some], minlength=self.size))
                continue
            fraction, exponent = np.frexp(value[some])
            whole = (fraction * 2.0**_MANTISSA).astype(np.int64)
            for part, offset in ((whole & ((1 << _HALF) - 1), 0), (whole >> _HALF, _HALF)):
                worth, shift = np.divmod(exponent.astype(np.int64) + (_LOWEST - _MANTISSA + offset), _LIMB)
                moved = part << shift
                self._put(place[some], worth, moved & _MASK)
                self._put(place[some], worth + 1, moved >> _LIMB)

    def _add_whole(self, sums: npt.NDArray[Any]) -> None:
        """Add sums of whole numbers, each below 2**52."""
        worth, shift = divmod(_LOWEST, _LIMB)
        moved = sums.astype(np.int64) << shift
        for one, piece in ((worth, moved & _MASK), (worth + 1, moved >> _LIMB)):
            self.pieces[one] = self.pieces.get(one, 0) + piece

    def _put(self, place: npt.NDArray[Any], worth: Integers, piece: Integers) -> None:
        """Add pieces; a float64 holds the sum of 2**20 of them exactly."""
        for one in np.flatnonzero(np.bincount(worth)).tolist():
            rows = worth == one
            sums = np.bincount(place[rows], weights=piece[rows], minlength=self.size)
            self.pieces[one] = self.pieces.get(one, 0) + sums.astype(np.int64)

    def join(self, other: ExactSums) -> None:
        """Add other sums, place by place."""
        for worth, sums in other.pieces.items():
            self.pieces[worth] = self.pieces.get(worth, 0) + sums

    def totals(self) -> npt.NDArray[np.float64]:
        """Give the sums, each rounded once."""
        totals = [0] * self.size
        for worth, sums in self.pieces.items():
            for place in np.flatnonzero(sums).tolist():
                totals[place] += int(sums[place]) << (_LIMB * worth)
        one = 1 << _LOWEST
        return np.array([total / one for total in totals], np.float64)


class Tally:
    """Rows counted by the cell they are in, or by why they are in none.

    Two tallies of the same cells can be joined; in whatever order rows come, the table is the same.

    Parameters
    ----------
    cells : int
        How many cells there are.
    by : str or None
        The column of categories, None to count without.
    weights : str or None
        The column of weights, None to count without.

    Raises
    ------
    GridError
        If ``by`` is named like a column of persons.
    """

    def __init__(self, cells: int, by: str | None = None, weights: str | None = None):
        if by is not None and is_of_persons(by):
            raise _persons_error(by)
        self._holds = PersonColumns([] if by is None else [by])
        self.cells, self.by, self.weights = cells, by, weights
        self.counts: dict[str, Integers] = {} if by else {"": self._zeros()}
        self.sums: dict[str, ExactSums] = {}
        self.without_weight = 0
        self.plausible = Plausible()

    def _zeros(self) -> Integers:
        return np.zeros(self.cells + len(ELSEWHERE), np.int64)

    def add_places(
        self,
        places: Places,
        source: pyproj.CRS,
        index: Locator,
        category: pa.Array | None = None,
        weight: npt.NDArray[np.float64] | None = None,
    ) -> None:
        """Add rows by their places, which are in the CRS ``source``; else as `add`."""
        self.plausible.look(places)
        x, y = in_crs(places, source, index.crs, "places to count")
        count: Any = getattr(index, "count", None)
        if category is not None or weight is not None or count is None:
            self.add(index.examine(x, y)[0], places.missing, category, weight)
            return
        found = count(x, y)
        missing = 0 if places.missing is None else int(places.missing.sum())
        elsewhere = [found.outside, found.conflict, found.bad_coordinates - missing, missing]
        self.counts[""] += np.concatenate([found.cells, elsewhere]).astype(np.int64)

    def add(
        self,
        position: npt.NDArray[np.int32],
        missing: npt.NDArray[np.bool_] | None,
        category: pa.Array | None,
        weight: npt.NDArray[np.float64] | None,
    ) -> None:
        """Add rows.

        Parameters
        ----------
        position : array of int
            The cell of each row, -1 outside, -2 in a conflict, -3 with bad coordinates.
        missing : array of bool or None
            Rows without coordinates.
        category : pyarrow.Array or None
            The values of ``by``.
        weight : array of float64 or None
            The weights; NaN where a row has none.

        Raises
        ------
        GridError
            If ``category`` holds persons, or too many categories.
        """
        place = np.where(position >= 0, position, self.cells - 1 - position.astype(np.int64))
        if missing is not None:
            place[missing] = self.cells + _NOWHERE
        if weight is not None:
            self.without_weight += int(np.isnan(weight).sum())
            weight = np.nan_to_num(weight, nan=0.0)
        names, code = self._categories(category, len(place))
        size = len(self._zeros())
        counts = np.bincount(code * size + place, minlength=len(names) * size).reshape(len(names), size)
        for number, name in enumerate(names):
            self.counts[name] = self.counts.get(name, self._zeros()) + counts[number]
            if weight is not None:
                rows = code == number
                self.sums.setdefault(name, ExactSums(size)).add(place[rows], weight[rows])
        self._require_few()

    def _categories(self, category: pa.Array | None, rows: int) -> tuple[list[str], Integers]:
        """The names of the categories in some rows, and the number of each row's."""
        if category is None or self.by is None:
            return [""], np.zeros(rows, np.int64)
        self._holds.look(pa.RecordBatch.from_arrays([category], names=[self.by]))
        if not self._holds.open:
            raise _persons_error(self.by)
        encoded = pc.dictionary_encode(category)
        values = encoded.dictionary.to_pandas()
        if len(values) > MOST_CATEGORIES + 2:
            raise _many_error(self.by)
        texts = [NO_CATEGORY if pd.isna(value) or str(value) == "" else str(value) for value in values.tolist()]
        names = sorted({*texts, NO_CATEGORY})
        number = np.array([*map(names.index, texts), names.index(NO_CATEGORY)], np.int64)
        code = pc.fill_null(encoded.indices, len(texts)).to_numpy(zero_copy_only=False)
        return names, number[code]

    def _require_few(self) -> None:
        if self.by is not None and sum(bool(counts.any()) for counts in self.counts.values()) > MOST_CATEGORIES:
            raise _many_error(self.by)

    def join(self, other: Tally) -> Tally:
        """Add the rows of another tally, which come after these; give this one.

        Raises
        ------
        GridError
            If there are too many categories in all.
        """
        for name, counts in other.counts.items():
            self.counts[name] = self.counts.get(name, 0) + counts
        for name, sums in other.sums.items():
            self.sums.setdefault(name, ExactSums(sums.size)).join(sums)
        self.without_weight += other.without_weight
        self.plausible = self.plausible.join(other.plausible)
        self._holds.join(other._holds)
        self._require_few()
        return self

    def warnings(self, what: str) -> list[GridWarning]:
        """What to warn of, once all rows are counted; ``what`` begins the sentences."""
        told = [GridWarning(f"{what}: {note}.") for note in filter(None, [self.plausible.note()])]
        if self.without_weight:
            told.append(
                GridWarning(
                    f"{what}: {self.without_weight:,} rows have no {self.weights}; they are counted and add nothing to "
                    "the sums."
                )
            )
        counts = sum(self.counts.values(), self._zeros())
        fine = self.plausible.fine
        strayed = fine - int(counts[: self.cells + 2].sum())
        elsewhere = elsewhere_warning(int(counts[self.cells]) + strayed, fine, what)
        return [*told, *([elsewhere] if elsewhere else [])]

    def table(self, codes: npt.NDArray[np.object_]) -> pd.DataFrame:
        """Give the counts as a table: first the cells, then the rows elsewhere.

        Raises
        ------
        GridError
            If the values of ``by`` are mostly names of persons.
        """
        if self.by is not None and self._holds.names:
            raise _persons_error(self.by)
        if self.by is not None and self._holds.not_out.get(self.by) == COORDINATES:
            raise GridError(f"{self.by}: this column holds coordinates; count by a category instead.", column=self.by)
        names = sorted(name for name, counts in self.counts.items() if self.by is None or counts.any())
        columns: dict[str, Any] = {
            CODE: text_column([*codes, *(None for _ in ELSEWHERE)]),
            "elsewhere": text_column([*(None for _ in codes), *ELSEWHERE]),
            COUNT: sum((self.counts[name] for name in names), self._zeros()),
        }
        if self.weights is not None:
            whole = ExactSums(self.cells + len(ELSEWHERE))
            for sums in self.sums.values():
                whole.join(sums)
            columns[SUM] = whole.totals()
        if self.by is not None:
            columns |= {f"{COUNT}_{name}": self.counts[name] for name in names}
            columns |= {f"{SUM}_{name}": self.sums[name].totals() for name in names if name in self.sums}
        return pd.DataFrame(columns)


def _persons_error(by: str) -> GridError:
    return GridError(
        f"{by}: this column holds persons, by its name or its values; count by a category instead.", column=by
    )


def _many_error(by: str) -> GridError:
    return GridError(
        f"{by}: expected up to {MOST_CATEGORIES} categories, got more; count by a column of kinds, not of names or "
        "free text.",
        column=by,
    )
