"""Random tables, each published and attacked."""

from __future__ import annotations

import contextlib
import inspect
import math
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

import gridgis as gg
from attacker.reader import REST, Key, Problem, Verdict, attack, layout_of, problem, read, truth_of

MEANS = (0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0, 50.0)
OPTIONS = inspect.signature(gg.publish).parameters
KNOWS_ZEROS = "zeros" in OPTIONS


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
    declared: bool = True  # whether `publish` is told which columns are the parts of which
    singletons: bool | None = None

    @property
    def depth(self) -> int:
        """How many levels there are above the cells."""
        return 1 + len(self.levels) if self.levels or self.table["parent_code"].nunique() > 1 else 0

    def options(self) -> dict:
        """For `publish`."""
        options = {"measures": self.measures, "hide_below": self.hide_below, "levels": self.levels}
        known = {"zeros": self.zeros, "singletons": self.singletons}
        if self.declared and self.parts:
            known["parts"] = {count: list(parts) for count, parts in self.parts.items()}
        return options | {name: value for name, value in known.items() if name in OPTIONS}


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
    declared = bool(rng.random() < 0.8)
    return Case(table, measures, levels, parts, complete, hide_below, zeros, mean, categories, declared)


def extras(rng: np.random.Generator, frame: pd.DataFrame, measures: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Now and then households with a rate, and cells of which nothing is known."""
    cells = len(frame)
    if rng.random() < 0.3:
        frame["households"] = rng.choice([0, 4, 30, 110, 130], cells) + rng.integers(0, 9, cells)
        measures = ["households", *measures]
        if rng.random() < 0.5:
            frame["count_per_100_households"] = (
                100 * frame["count"] / frame["households"].where(frame["households"] > 0)
            )
            measures = [*measures, "count_per_100_households"]
    if rng.random() < 0.15 and cells > 3:
        known = frame.columns[2:]
        frame[known] = frame[known].astype(float)
        frame.loc[rng.random(cells) < 0.1, known] = np.nan
    return frame, measures


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
    with contextlib.suppress(KeyboardInterrupt):  # what there is, is reported
        if jobs == 1:
            results.extend(told(map(try_seed, tasks), tables))
        else:
            with get_context("spawn").Pool(jobs) as pool:
                results.extend(told(pool.imap_unordered(try_seed, tasks, chunksize=4), tables))
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
