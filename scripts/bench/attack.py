"""Attack what `publish` lets out, from outside: python scripts/bench/attack.py [--tables 400] [--seed 1] [--quick].

It shares no code with the package. It calls ``gridgis.publish`` and reads what a stranger could read: the shown numbers
and their statuses. From these it writes down all that a reader knows - sums over parents, levels and the whole,
categories that add up to the count or to less, whole numbers, at least 1 where zeros are shown - and computes what
values each small number can have. A small number is *broken* if the values that are left to it span less than
``hide_below``, or do not reach up to ``hide_below``.

- **tables**: random tables, table by table; broken, exactly known, hidden, refused, and whether the output is in order.
- **method**: a reader who knows how `publish` works: every table that agrees with what is shown is published, and
  those that would have left the same holes are kept (`scripts/bench/attack_method.py`).
- **releases**: two and three releases of one date with a ledger, attacked together (`attack_releases.py`).
- **hostile**: tables that are not what they seem, and contributors who are alone (`attack_hostile.py`).

How a number is attacked: hidden numbers that hang together by sums are one problem. The bounds of all its numbers are
narrowed by each sum in turn until nothing moves; where no two sums are linked in a ring, that is exact. Else linear
programs (HiGHS) look for tables of whole numbers that agree with all that is shown; each that is found speaks for all
numbers in it at once. What is in doubt then gets a linear program each way, and a program in whole numbers if its end
is none. So "safe" always means that two tables were found, and "broken" that there cannot be any.

Ends with 1 if a number is broken.
"""

from __future__ import annotations

import argparse
import inspect
import math
import sys
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

import gridgis as gg

MEANS = (0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0, 50.0)
REST = "(rest)"
WHOLE = "(all)"
KNOWS_ZEROS = "zeros" in inspect.signature(gg.publish).parameters
Key = tuple[str, str, str]  # level, code of the place, column


# What a reader knows ----------------------------------------------------------------------------------------------


@dataclass
class Problem:
    """Unknown whole numbers, sums among them, and which of them are to be protected."""

    equations: csr_array
    right: np.ndarray
    low: np.ndarray
    width: np.ndarray  # the span that is promised for each unknown; 0 where nothing is
    truth: np.ndarray  # used as one more table that agrees, and to test the sums themselves
    names: list[Key] = field(default_factory=list)


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
        above.update(zip(path[:-1], path[1:], strict=True))
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
    layout: Layout, seen: dict[Key, tuple[float, str]], truth: dict[Key, float], width: dict[Key, float], least: float
) -> Problem:
    """All sums with a hidden number in them; ``least`` is the smallest value of a number that is marked as hidden."""
    keys = {key for key, (_, status) in seen.items() if status != "no data"}
    equations = list(sums(layout, keys))
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
    low = np.array([least] * len(hidden) + [0.0] * len(rests))
    return Problem(
        csr_array((values, (rows, columns)), shape=(len(right), len(names))),
        np.array(right),
        low,
        np.array([width.get(key, 0.0) for key in names]),
        np.array([truth[key] for key in names]),
        names,
    )


# The attack -------------------------------------------------------------------------------------------------------


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
    )


def narrowed(piece: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Bounds that every table keeps: each sum narrows each of its numbers until nothing moves."""
    low, high = piece.low.copy(), np.full(len(piece.low), np.inf)
    matrix = piece.equations
    moved, rounds = True, 0
    terms = [slice(matrix.indptr[i], matrix.indptr[i + 1]) for i in range(matrix.shape[0])]
    while moved and rounds < 200:
        moved, rounds = False, rounds + 1
        for row, term in enumerate(terms):
            unknown, sign = matrix.indices[term], matrix.data[term]
            least = np.where(sign > 0, low[unknown], -high[unknown])
            most = np.where(sign > 0, high[unknown], -low[unknown])
            # what the others leave; infinities are counted, not subtracted
            down = _without(least, -np.inf)
            up = _without(most, np.inf)
            new_most, new_least = piece.right[row] - down, piece.right[row] - up
            below = np.where(sign > 0, new_least, -new_most)
            over = np.where(sign > 0, new_most, -new_least)
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
    return piece.equations.nnz == sum(piece.equations.shape) - 1


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

    def one_by_one(self) -> None:
        """Give each open number its ends."""
        for i in np.flatnonzero(self.open()):
            for sign in (1.0, -1.0):
                if not self.open()[i]:
                    break
                aim = np.zeros(len(self.low))
                aim[i] = sign
                table = self.toward(aim)
                table = self.whole(aim) if table is None else table
                if sign > 0:
                    self.exact_high[i], self.outer_high[i] = True, table[i]
                else:
                    self.exact_low[i], self.outer_low[i] = True, table[i]


MEMO: dict[tuple, tuple] = {}


def attack_piece(piece: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Range and verdict of each unknown of one piece."""
    key = None
    if len(piece.low) <= 24:
        matrix = piece.equations
        key = (matrix.indptr.tobytes(), matrix.indices.tobytes(), matrix.data.tobytes(), piece.right.tobytes())
        key += (piece.low.tobytes(), piece.width.tobytes())
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


# Random tables ----------------------------------------------------------------------------------------------------


@dataclass
class Case:
    """A random table and how it is to be published."""

    table: gpd.GeoDataFrame
    measures: list[str]
    levels: tuple[int, ...]
    parts: dict[str, tuple[str, ...]]
    complete: bool
    hide_below: int
    zeros: str
    mean: float
    categories: int

    @property
    def depth(self) -> int:
        """How many levels there are above the cells."""
        return 1 + len(self.levels) if self.levels or self.table["parent_code"].nunique() > 1 else 0

    def options(self) -> dict:
        """For `publish`."""
        options = {"measures": self.measures, "hide_below": self.hide_below, "levels": self.levels}
        return options | ({"zeros": self.zeros} if KNOWS_ZEROS else {})


def counts(rng: np.random.Generator, mean: float, parent: np.ndarray) -> np.ndarray:
    """Counts of cells: Poisson, negative binomial, many zeros, alike within parents, or near a few values."""
    n, kind = len(parent), rng.integers(5)
    if kind == 0:
        return rng.poisson(mean, n)
    if kind == 1:
        return rng.negative_binomial(0.7, 0.7 / (0.7 + mean), n)
    if kind == 2:
        return np.where(rng.random(n) < 0.5, 0, rng.poisson(2 * mean, n))
    if kind == 3:
        return rng.poisson(mean * rng.lognormal(-0.5, 1.0, parent.max() + 1)[parent])
    return rng.choice([0, 1, 2, round(mean), round(2 * mean)], n)


def codes(rng: np.random.Generator, cells: int, depth: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """The parent of each cell, as a code of digits, and the levels above."""
    parents = 1 if depth == 0 else int(rng.integers(1, max(2, cells // int(rng.integers(1, 12))) + 1))
    parent = np.sort(rng.integers(0, parents, cells))
    street = np.sort(rng.integers(0, max(1, parents // 3) + 1, parents))
    district = np.sort(rng.integers(0, 1 + street.max() // 3 + 1, street.max() + 1))
    names = np.array([f"1101{district[street[p]] + 1:02d}{street[p] + 1:03d}{p + 1:03d}" for p in range(parents)])
    return names[parent], {0: (), 1: (), 2: (9,), 3: (9, 6)}[depth]


def squares(n: int) -> np.ndarray:
    """Cells of 100 m in rows of 20."""
    east, north = 500000 + 100.0 * (np.arange(n) % 20), 4000000 + 100.0 * (np.arange(n) // 20)
    return shapely.box(east, north, east + 100, north + 100)


def random_case(seed: int | Sequence[int], most_cells: int = 150) -> Case:
    """One table of the kinds that `publish` is meant for."""
    rng = np.random.default_rng(seed)
    mean, depth, categories = float(rng.choice(MEANS)), int(rng.integers(0, 4)), int(rng.integers(0, 8))
    cells = int(np.exp(rng.uniform(np.log(3), np.log(most_cells))))
    parent, levels = codes(rng, cells, depth)
    number = pd.Series(parent).groupby(parent).cumcount() + 1
    frame = pd.DataFrame({"grid_code": [f"{p}{i:03d}" for p, i in zip(parent, number, strict=True)]})
    frame["parent_code"] = parent
    order = pd.factorize(parent)[0]
    complete = categories == 0 or bool(rng.random() < 0.6)
    names = [f"count_{chr(97 + i)}" for i in range(categories)]
    for name in names:
        frame[name] = counts(rng, mean * float(rng.choice([0.3, 1.0, 1.0, 2.0])), order)
    rest = 0 if complete and names else counts(rng, mean * (float(rng.choice([0.1, 1.0])) if names else 1.0), order)
    frame["count"] = frame[names].sum(axis=1) + rest
    measures = ["count", *names]
    frame, measures = extras(rng, frame, measures)
    table = gpd.GeoDataFrame(frame, geometry=squares(cells), crs=4547)
    table = table.iloc[rng.permutation(cells)].reset_index(drop=True)
    hide_below = int(rng.choice([2, 3, 5, 10, 10]))
    zeros = str(rng.choice(["shown", "protected"])) if KNOWS_ZEROS else "shown"
    parts = {"count": tuple(names)} if names else {}
    return Case(table, measures, levels, parts, complete, hide_below, zeros, mean, categories)


def extras(rng: np.random.Generator, frame: pd.DataFrame, measures: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Now and then households with a rate, and cells of which nothing is known."""
    cells = len(frame)
    if rng.random() < 0.3:
        frame["households"] = rng.choice([0, 4, 30, 110, 130], cells) + rng.integers(0, 9, cells)
        measures = ["households", *measures]
        if rng.random() < 0.5:
            frame["count_per_100_households"] = 100 * frame["count"] / frame["households"].where(frame["households"] > 0)
            measures = [*measures, "count_per_100_households"]
    if rng.random() < 0.15 and cells > 3:
        known = frame.columns[2:]
        frame[known] = frame[known].astype(float)
        frame.loc[rng.random(cells) < 0.1, known] = np.nan
    return frame, measures


# One table --------------------------------------------------------------------------------------------------------


@dataclass
class Result:
    """What came of one table."""

    case: str
    strata: dict[str, str]
    small: int = 0
    broken: int = 0
    exact: int = 0
    rests: int = 0
    rests_broken: int = 0
    numbers: int = 0
    hidden: int = 0
    cells: int = 0
    cells_hidden: int = 0
    refused: str = ""
    faults: list[str] = field(default_factory=list)
    seconds: tuple[float, float] = (0.0, 0.0)
    examples: list[str] = field(default_factory=list)


def promised(case: Case, seen: dict, truth: dict[Key, float]) -> dict[Key, float]:
    """The width promised for each number that is to be protected."""
    least = 0 if case.zeros == "protected" else 1
    width = {key: case.hide_below for key in seen if least <= truth.get(key, -1) < case.hide_below}
    rests = {key: case.hide_below for key in truth if key[2].endswith(REST) and 0 < truth[key] < case.hide_below}
    return width | rests


def faults(case: Case, seen: dict, truth: dict[Key, float]) -> list[str]:
    """What is wrong with the output whatever a reader does."""
    found = []
    least = 0 if case.zeros == "protected" else 1
    for key, (number, status) in seen.items():
        level, code, name = key
        true = truth.get(key, math.nan)
        if name == "count_per_100_households":
            if status == "shown" and any(seen[level, code, n][1] != "shown" for n in ("count", "households")):
                found.append(f"rate beside a hidden number: {key}")
            continue
        if status not in ("shown", "hidden", "no data") or (status == "shown") == math.isnan(number):
            found.append(f"status {status} with {number}: {key}")
        elif status == "shown" and number != true:
            found.append(f"shown {number}, true {true}: {key}")
        elif status == "shown" and least <= true < case.hide_below:
            found.append(f"shown though small: {key} {number}")
        elif status == "hidden" and least == 1 and true == 0:
            found.append(f"a zero is hidden: {key}")
        elif status == "no data" and not math.isnan(true):
            found.append(f"no data, true {true}: {key}")
    missing = [key for key in truth if key not in seen and not key[2].endswith(REST)]
    return found + [f"not there: {key}" for key in missing[:3]]


def strata(case: Case) -> dict[str, str]:
    """The groups in which a table is counted."""
    return {
        "mean": f"{case.mean:g}",
        "levels": str(case.depth + 1),
        "categories": str(case.categories) + ("" if case.complete else " of more"),
        "zeros": case.zeros,
        "hide_below": str(case.hide_below),
    }


def try_case(case: Case, name: str) -> Result:
    """Publish a table and attack it."""
    result = Result(name, strata(case))
    began = time.process_time()
    try:
        published = gg.publish(case.table, **case.options())
    except gg.GridError as error:
        result.refused = str(error)
        return result
    middle = time.process_time()
    layout = layout_of(case.table, case.levels, case.parts, case.complete)
    seen = read(published)
    counted = [name for name in case.measures if name != "count_per_100_households"]
    truth = truth_of(case.table, layout, counted)
    result.faults = faults(case, seen, truth)
    seen = {key: value for key, value in seen.items() if key[2] in counted}
    width = promised(case, seen, truth)
    whole = problem(layout, seen, truth, width, 0.0 if case.zeros == "protected" else 1.0)
    try:
        verdict = attack(whole)
    except ValueError as error:
        result.faults.append(str(error))
        return result
    fill(result, whole, verdict, seen)
    result.small += sum(1 for key in width if key in seen and seen[key][1] != "hidden")
    result.broken += sum(1 for key in width if key in seen and seen[key][1] != "hidden")
    result.seconds = (middle - began, time.process_time() - middle)
    return result


def fill(result: Result, whole: Problem, verdict: Verdict, seen: dict) -> None:
    """Count what was found."""
    rest = np.array([key[2].endswith(REST) for key in whole.names], bool)
    small = whole.width > 0
    result.small, result.broken = int((small & ~rest).sum()), int((verdict.broken & ~rest).sum())
    result.exact = int((verdict.broken & (verdict.low == verdict.high) & ~rest).sum())
    result.rests, result.rests_broken = int((small & rest).sum()), int((verdict.broken & rest).sum())
    result.numbers = sum(1 for _, status in seen.values() if status != "no data")
    result.hidden = int((~rest).sum())
    cells = [status for (level, _, _), (_, status) in seen.items() if level == "cell" and status != "no data"]
    result.cells, result.cells_hidden = len(cells), sum(1 for status in cells if status == "hidden")
    for i in np.flatnonzero(verdict.broken)[:3]:
        low, high = verdict.low[i], verdict.high[i]
        result.examples.append(f"{whole.names[i]} is {whole.truth[i]:g}, a reader knows {low:g} to {high:g}")


def try_seed(task: tuple[int, int, int]) -> Result:
    """The same, made from a seed; to be run in a process of its own."""
    seed, number, most_cells = task
    warnings.simplefilter("ignore")
    return try_case(random_case([seed, number], most_cells), f"random_case([{seed}, {number}], {most_cells})")


# Reports ----------------------------------------------------------------------------------------------------------


def report(results: list[Result]) -> None:
    """Print what was found by group."""
    print("| tables | | small numbers | broken | exactly known | rests small / broken | cells hidden % | refused |")
    print("|---|---|---|---|---|---|---|---|")
    groups: dict[tuple[str, str], list[Result]] = {("all", ""): results}
    for result in results:
        for name, value in result.strata.items():
            groups.setdefault((name, value), []).append(result)

    def order(group: tuple[str, str]) -> tuple:
        number = group[1].split()[0] if group[1] else "0"
        place = ("all", "mean", "levels", "categories", "zeros", "hide_below").index(group[0])
        return place, float(number) if number.replace(".", "").isdigit() else 0, group[1]

    for group in sorted(groups, key=order):
        some = groups[group]
        total = {name: sum(getattr(r, name) for r in some) for name in TOTALS}
        share = 100 * total["cells_hidden"] / max(total["cells"], 1)
        print(
            f"| {len(some)} | {group[0]} {group[1]} | {total['small']:,} | {total['broken']:,} | {total['exact']:,} "
            f"| {total['rests']:,} / {total['rests_broken']:,} | {share:.1f} | {sum(bool(r.refused) for r in some)} |"
        )


TOTALS = ("small", "broken", "exact", "rests", "rests_broken", "cells", "cells_hidden")


def report_faults(results: list[Result], most: int = 8) -> None:
    """Print what else is wrong, and the smallest tables that are broken."""
    refused = Counter(r.refused[:150] for r in results if r.refused)
    for text, times in refused.most_common(most):
        first = next(r for r in results if r.refused.startswith(text))
        print(f"refused {times} times, first {first.case}: {text}")
    wrong = [r for r in results if r.faults]
    for result in sorted(wrong, key=lambda r: r.cells)[:most]:
        print(f"not in order: {result.case} {result.strata}: {result.faults[0]} ({len(result.faults)} in all)")
    broken = [r for r in results if r.broken or r.rests_broken]
    for result in sorted(broken, key=lambda r: r.cells)[:most]:
        print(f"broken: {result.case} {result.strata}: {result.examples[:1]}")


def measure_tables(tables: int, seed: int, most_cells: int, jobs: int) -> list[Result]:
    """Publish and attack random tables."""
    tasks = [(seed, number, most_cells) for number in range(tables)]
    results: list[Result] = []
    if jobs == 1:
        source: Iterable[Result] = map(try_seed, tasks)
        results = list(told(source, tables))
    else:
        with get_context("spawn").Pool(jobs) as pool:
            results = list(told(pool.imap_unordered(try_seed, tasks, chunksize=4), tables))
    results.sort(key=lambda r: r.case)
    return results


def told(source: Iterable[Result], tables: int) -> Iterator[Result]:
    """Say on the way how far it has come."""
    began, small, broken = time.monotonic(), 0, 0
    for i, result in enumerate(source, 1):
        small, broken = small + result.small, broken + result.broken + result.rests_broken
        if i % max(1, tables // 10) == 0:
            took = time.monotonic() - began
            print(f"{i} of {tables} tables, {small:,} small numbers, {broken:,} broken, {took:.0f} s", file=sys.stderr)
        yield result


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--tables", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cells", type=int, default=150, help="the most cells of a table")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a few small tables")
    options = parser.parse_args(argv)
    if options.quick:
        options.tables, options.cells = min(options.tables, 60), min(options.cells, 30)
    began = time.monotonic()
    results = measure_tables(options.tables, options.seed, options.cells, options.jobs)
    report(results)
    publishing, attacking = (sum(r.seconds[i] for r in results) for i in (0, 1))
    print(f"\npublish {publishing:.0f} CPU s, attack {attacking:.0f} CPU s, {time.monotonic() - began:.0f} s in all")
    report_faults(results)
    return int(any(r.broken or r.rests_broken or r.faults for r in results))


if __name__ == "__main__":
    sys.exit(main())
