"""What a reader of a release knows, and what follows from it.

Hidden numbers that hang together by sums are one problem. The bounds of all its numbers are narrowed by each sum in
turn until nothing moves; where no two sums are linked in a ring, that is exact. Else linear programs (HiGHS) look for
tables of whole numbers that agree with all that is shown; each that is found speaks for all numbers in it at once. What
is in doubt then gets a linear program each way, and a program in whole numbers if its end is none. So "safe" always
means that two tables were found, and "broken" that there cannot be any.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

import gridgis as gg

REST = "(rest)"
WHOLE = "(all)"
Key = tuple[str, str, str]  # level, code of the place, column


@dataclass
class Problem:
    """Unknown whole numbers, sums among them, and which of them are to be protected."""

    equations: csr_array
    right: np.ndarray
    low: np.ndarray
    width: np.ndarray  # the span that is promised for each unknown; 0 where nothing is
    truth: np.ndarray  # used as one more table that agrees, and to test the sums themselves
    names: list[Key] = field(default_factory=list)
    high: np.ndarray | None = None  # where a reader knows an upper end of each


@dataclass
class Layout:
    """What is known of a table apart from its numbers: where places lie, and which columns are parts of which."""

    above: dict[tuple[str, str], tuple[str, str]]  # (level, place) -> the place in which it lies
    parts: dict[str, tuple[str, ...]]  # count -> its categories
    complete: bool  # whether the categories are all there are
    cells: str = "cell"


def layout_of(table: pd.DataFrame, levels: Sequence[str | int], parts: dict[str, tuple[str, ...]], complete: bool):
    """Where cells lie in parents, these in the levels above, and all in the whole."""
    chain = ["parent_code"] + [f"parent_code[:{n}]" if isinstance(n, int) else n for n in levels]
    above = {}
    for row in table.to_dict("records"):
        path = [("cell", row["grid_code"]), ("parent_code", row["parent_code"])]
        for name, level in zip(chain[1:], levels, strict=True):
            path.append((name, row["parent_code"][:level] if isinstance(level, int) else row[level]))
        path.append((WHOLE, WHOLE))
        above.update(pairwise(path))
    return Layout(above, parts, complete)


def read(published: gg.Published) -> dict[Key, tuple[float, str]]:
    """Every number of a release with its status, by level, place and column."""
    found = {}
    for frame, code, levels in (
        (published.table, "grid_code", None),
        (published.totals, "parent_code", published.totals["level"].tolist()),
    ):
        for name in published.measures:
            if f"{name}_status" not in frame:
                continue
            rows = zip(frame[code], frame[name], frame[f"{name}_status"], strict=True)
            for i, (place, number, status) in enumerate(rows):
                found["cell" if levels is None else levels[i], place, name] = (number, status)
    return found


def truth_of(table: pd.DataFrame, layout: Layout, columns: Iterable[str]) -> dict[Key, float]:
    """The true numbers of all places; a cell without data counts in no sum."""
    found: dict[Key, float] = {}
    for name in columns:
        for code, number in zip(table["grid_code"], table[name], strict=True):
            found["cell", code, name] = float(number)
            place, whole = layout.above["cell", code], False
            while not whole and not math.isnan(number):
                found[(*place, name)] = found.get((*place, name), 0.0) + number
                whole = place not in layout.above
                place = layout.above.get(place, place)
    for count, parts in layout.parts.items():
        for level, code, name in list(found):
            if name == count and not layout.complete:
                rest = found[level, code, count] - sum(found.get((level, code, part), 0.0) for part in parts)
                found[level, code, count + REST] = rest
    return found


def sums(layout: Layout, keys: set[Key]) -> Iterator[tuple[list[Key], Key]]:
    """Every sum that a reader knows, as the parts and the total."""
    below = defaultdict(list)
    for place, upper in layout.above.items():
        below[upper].append(place)
    columns = {name for _, _, name in keys}
    for upper, places in below.items():
        for name in columns:
            parts = [(*place, name) for place in places if (*place, name) in keys]
            if parts and (*upper, name) in keys:
                yield parts, (*upper, name)
    for count, parts_of in layout.parts.items():
        if count not in columns:
            continue
        for level, code, name in keys:
            if name == count:
                parts = [(level, code, part) for part in parts_of if (level, code, part) in keys]
                rest = [] if layout.complete else [(level, code, count + REST)]
                if parts:
                    yield parts + rest, (level, code, count)


def problem(
    layout: Layout,
    seen: dict[Key, tuple[float, str]],
    truth: dict[Key, float],
    width: dict[Key, float],
    least: float | dict[Key, float],
) -> Problem:
    """All sums with a hidden number in them; ``least`` is the smallest value of a number that is marked as hidden."""
    keys = {key for key, (_, status) in seen.items() if status != "no data"}
    return from_sums(list(sums(layout, keys)), seen, truth, width, least)


def from_sums(
    equations: list[tuple[list[Key], Key]],
    seen: dict[Key, tuple[float, str]],
    truth: dict[Key, float],
    width: dict[Key, float],
    least: float | dict[Key, float],
) -> Problem:
    """A problem of sums (parts and total); a number in them that is not seen at all may be anything from 0."""
    keys = {key for key, (_, status) in seen.items() if status != "no data"}
    hidden = [key for key in keys if seen[key][1] == "hidden"]
    rests = {part for parts, _ in equations for part in parts if part not in keys}
    names = sorted(hidden) + sorted(rests)
    number = {key: i for i, key in enumerate(names)}
    rows, columns, values, right = [], [], [], []
    for parts, total in equations:
        terms = [(part, 1.0) for part in parts] + [(total, -1.0)]
        unknown = [(number[key], sign) for key, sign in terms if key in number]
        if not unknown:
            continue
        right.append(-sum(sign * seen[key][0] for key, sign in terms if key not in number))
        for column, sign in unknown:
            rows.append(len(right) - 1)
            columns.append(column)
            values.append(sign)
    each = least if isinstance(least, dict) else dict.fromkeys(hidden, least)
    low = np.array([each.get(key, 0.0) for key in names])
    matrix = csr_array((values, (rows, columns)), shape=(len(right), len(names)))
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return Problem(
        matrix,
        np.array(right),
        low,
        np.array([width.get(key, 0.0) for key in names]),
        np.array([truth[key] for key in names]),
        names,
    )


@dataclass
class Verdict:
    """What is left of each unknown: a range, and whether it holds what is promised."""

    low: np.ndarray
    high: np.ndarray
    broken: np.ndarray


def pieces(whole: Problem) -> Iterator[np.ndarray]:
    """Unknowns that hang together by sums."""
    matrix = whole.equations
    both = csr_array(abs(matrix.T) @ abs(matrix))
    count, label = connected_components(both, directed=False)
    order = np.argsort(label, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(label[order])) + 1) if count else []


def part_of(whole: Problem, unknown: np.ndarray, matrix_by_column) -> Problem:
    """The sums of one piece alone."""
    columns = matrix_by_column[:, unknown]
    rows = np.unique(columns.indices)
    return Problem(
        csr_array(columns.tocsr()[rows]),
        whole.right[rows],
        whole.low[unknown],
        whole.width[unknown],
        whole.truth[unknown],
        high=None if whole.high is None else whole.high[unknown],
    )


def narrowed(piece: Problem, low: np.ndarray | None = None, high: np.ndarray | None = None):
    """Bounds that every table keeps: each sum narrows each of its numbers until nothing moves."""
    low = piece.low.copy() if low is None else low.copy()
    known = np.full(len(piece.low), np.inf) if piece.high is None else piece.high
    high = known.copy() if high is None else high.copy()
    matrix = piece.equations
    moved, rounds = True, 0
    terms = [slice(matrix.indptr[i], matrix.indptr[i + 1]) for i in range(matrix.shape[0])]
    while moved and rounds < 200:
        moved, rounds = False, rounds + 1
        for row, term in enumerate(terms):
            unknown, times = matrix.indices[term], matrix.data[term]
            ends = times * low[unknown], times * high[unknown]
            least, most = np.minimum(*ends), np.maximum(*ends)
            # what the others leave; infinities are counted, not subtracted
            left = (
                (piece.right[row] - _without(most, np.inf)) / times,
                (piece.right[row] - _without(least, -np.inf)) / times,
            )
            below, over = np.ceil(np.minimum(*left) - 1e-6), np.floor(np.maximum(*left) + 1e-6)
            if (below > low[unknown] + 0.5).any() or (over < high[unknown] - 0.5).any():
                low[unknown] = np.maximum(low[unknown], below)
                high[unknown] = np.minimum(high[unknown], over)
                moved = True
    return low, high


def _without(ends: np.ndarray, infinite: float) -> np.ndarray:
    """The sum of all ends but each one."""
    endless = np.isinf(ends)
    total, count = ends[~endless].sum(), endless.sum()
    rest = np.where(endless, total, total - np.where(endless, 0.0, ends))
    return np.where(count - endless > 0, infinite, rest)


def is_forest(piece: Problem) -> bool:
    """Whether no two sums are linked in a ring: then bounds narrowed by each sum in turn are exact."""
    ones = (abs(piece.equations.data) == 1).all()
    return bool(ones) and piece.equations.nnz == sum(piece.equations.shape) - 1


class Search:
    """Tables of whole numbers that agree with what is shown, and how far they reach."""

    def __init__(self, piece: Problem, low: np.ndarray, high: np.ndarray, seed: int = 0) -> None:
        self.piece, self.outer_low, self.outer_high = piece, low, high
        self.low, self.high = piece.truth.copy(), piece.truth.copy()
        self.exact_low, self.exact_high = np.zeros(len(low), bool), np.zeros(len(low), bool)
        reach = abs(piece.right).sum() + len(low) * max(piece.low.max(), 1.0) + 20 * max(piece.width.max(), 1.0)
        self.cap = np.minimum(high, max(reach, piece.truth.max() + reach))
        self.random = np.random.default_rng(seed)
        self.programs = 0

    def open(self) -> np.ndarray:
        """Those of which it is not known yet whether the promise holds."""
        width = self.piece.width
        safe = (self.high - self.low >= width) & (self.high >= width)
        ends = self.exact_low & self.exact_high
        out = (self.outer_high - self.outer_low < width) | (self.outer_high < width)
        return (width > 0) & ~safe & ~ends & ~out

    def toward(self, aim: np.ndarray) -> np.ndarray | None:
        """The table that lies furthest along an aim; None if it is not one of whole numbers."""
        self.programs += 1
        found = linprog(
            -aim,
            A_eq=self.piece.equations,
            b_eq=self.piece.right,
            bounds=np.column_stack([self.outer_low, self.cap]),
            method="highs",
        )
        if found.status != 0:
            raise RuntimeError(f"the sums of a reader cannot be solved: {found.message}")
        return self._learn(found.x)

    def _learn(self, values: np.ndarray) -> np.ndarray | None:
        table = np.round(values)
        if abs(values - table).max() > 1e-5 or abs(self.piece.equations @ table - self.piece.right).max() > 0.1:
            return None
        self.low, self.high = np.minimum(self.low, table), np.maximum(self.high, table)
        return table

    def whole(self, aim: np.ndarray) -> np.ndarray:
        """As `toward`, in whole numbers."""
        self.programs += 1
        found = milp(
            -aim,
            constraints=LinearConstraint(self.piece.equations, self.piece.right, self.piece.right),
            bounds=Bounds(self.outer_low, self.cap),
            integrality=np.ones(len(aim)),
        )
        if found.x is None:
            raise RuntimeError(f"the sums of a reader cannot be solved: {found.message}")
        table = self._learn(found.x)
        assert table is not None
        return table

    def together(self) -> None:
        """Move many open numbers at once, up and down, while that helps."""
        for _ in range(12):
            before = self.open()
            if before.sum() < 3:
                return
            weight = before * self.random.uniform(0.2, 1.0, len(before))
            self.toward(weight)
            self.toward(-weight)
            self.toward(weight * self.random.choice([-1.0, 1.0], len(before)))
            if before.sum() - self.open().sum() < 2:
                return

    def end(self, i: int, sign: float) -> None:
        """Find one end of one number."""
        aim = np.zeros(len(self.low))
        aim[i] = sign
        table = self.toward(aim)
        table = self.whole(aim) if table is None else table
        if sign > 0:
            self.exact_high[i], self.outer_high[i] = True, table[i]
        else:
            self.exact_low[i], self.outer_low[i] = True, table[i]

    def one_by_one(self) -> None:
        """Give each open number its ends, and then those that are broken."""
        for i in np.flatnonzero(self.open()):
            for sign in (1.0, -1.0):
                if self.open()[i]:
                    self.end(i, sign)
        width = self.piece.width
        broken = (width > 0) & ((self.outer_high - self.outer_low < width) | (self.outer_high < width))
        for i in np.flatnonzero(broken & ((self.low > self.outer_low) | (self.high < self.outer_high))):
            if self.high[i] < self.outer_high[i]:
                self.end(i, 1.0)
            if self.low[i] > self.outer_low[i]:
                self.end(i, -1.0)


MEMO: dict[tuple, tuple] = {}


def attack_piece(piece: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Range and verdict of each unknown of one piece."""
    key = None
    if len(piece.low) <= 24:
        matrix = piece.equations
        key = (matrix.indptr.tobytes(), matrix.indices.tobytes(), matrix.data.tobytes(), piece.right.tobytes())
        key += (piece.low.tobytes(), piece.width.tobytes(), None if piece.high is None else piece.high.tobytes())
        if key in MEMO:
            return MEMO[key]
    low, high = narrowed(piece)
    if not is_forest(piece) and (piece.width > 0).any():
        search = Search(piece, low, high)
        search.together()
        search.one_by_one()
        safe = (search.high - search.low >= piece.width) & (search.high >= piece.width)
        low, high = np.where(safe, search.low, search.outer_low), np.where(safe, search.high, search.outer_high)
    broken = (piece.width > 0) & ((high - low < piece.width) | (high < piece.width))
    if key is not None and len(MEMO) < 500_000:
        MEMO[key] = (low, high, broken)
    return low, high, broken


def attack(whole: Problem) -> Verdict:
    """Everything that a reader can find out."""
    wrong = abs(whole.equations @ whole.truth - whole.right) > 1e-6
    if wrong.any() or (whole.truth < whole.low).any():
        raise ValueError("the truth itself does not agree with what is shown")
    low, high = whole.low.copy(), np.full(len(whole.low), np.inf)
    broken = np.zeros(len(low), bool)
    by_column = whole.equations.tocsc()
    for unknown in pieces(whole):
        if (whole.width[unknown] > 0).any():
            low[unknown], high[unknown], broken[unknown] = attack_piece(part_of(whole, unknown, by_column))
    return Verdict(low, high, broken)


def tables_that_agree(piece: Problem, most: int) -> list[np.ndarray] | None:
    """Every table of whole numbers that agrees with what is shown; None if they are more than so many."""
    found: list[np.ndarray] = []
    waiting = [narrowed(piece)]
    while waiting:
        low, high = waiting.pop()
        if (low > high).any():
            continue
        free = np.flatnonzero(high > low)
        if not len(free):
            if abs(piece.equations @ low - piece.right).max(initial=0) < 0.5:
                found.append(low)
            if len(found) > most:
                return None
            continue
        first = free[np.argmin((high - low)[free])]
        if high[first] - low[first] > 4 * most:
            return None
        for value in np.arange(low[first], high[first] + 1):
            fixed_low, fixed_high = low.copy(), high.copy()
            fixed_low[first] = fixed_high[first] = value
            waiting.append(narrowed(piece, fixed_low, fixed_high))
    return found
