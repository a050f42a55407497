"""A reader who knows how `publish` works.

Every table that agrees with what is shown is published in the same way; those that would leave other holes or other
numbers are not the truth. What is left tells more than the sums alone. Only tables small enough to try everything.
If the choice depends on a secret, the reader tries some: a table is possible if one of them gives the same.
"""

from __future__ import annotations

import inspect
import os
import time
import warnings
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

import gridgis as gg
from attacker.reader import Problem, layout_of, problem, read, tables_that_agree, truth_of
from attacker.tables import Case, promised, random_case

KNOWS_SECRETS = "secret" in inspect.signature(gg.publish).parameters
GUESSES = 6  # secrets that the reader tries for each table


@dataclass
class Left:
    """What the sums leave of one small number, and what the method leaves."""

    mean: float
    hide_below: int
    zeros: str
    by_sums: np.ndarray
    by_method: np.ndarray

    def span(self, values: np.ndarray) -> float:
        """From the least to the most."""
        return float(np.ptp(values))

    def broken(self, values: np.ndarray) -> bool:
        """Whether these values break the promise."""
        return self.span(values) < self.hide_below or values.max() < self.hide_below


def small_case(seed: list[int]) -> Case:
    """A table of a few cells."""
    case = random_case(seed, most_cells=8)
    keep = case.measures[: 1 + ("households" in case.measures) + 3]
    names = tuple(name for name in keep if name.startswith("count_") and "100" not in name)
    table = case.table
    measures = ["count", *names]
    complete = case.complete and len(names) == case.categories
    parts = {"count": names} if names else {}
    case = replace(case, table=table, measures=measures, parts=parts, complete=complete or not names)
    limit = int(np.random.default_rng(seed).choice([2, 3, 4, 5]))
    return replace(case, hide_below=limit)


def holes(published: gg.Published) -> tuple:
    """All that a release says."""
    return tuple(
        sorted(
            (key, number if status == "shown" else None, status) for key, (number, status) in read(published).items()
        )
    )


def published(case: Case, table: pd.DataFrame, secret: bytes | None) -> tuple | None:
    """What a table would say; None where it is refused."""
    try:
        options = case.options() | ({"secret": secret} if secret else {})
        return holes(gg.publish(table, **options))
    except gg.GridError:
        return None


def with_values(case: Case, whole: Problem, values: np.ndarray) -> pd.DataFrame:
    """The table of cells that a reader tries."""
    table = case.table.copy()
    row = {code: i for i, code in enumerate(table["grid_code"])}
    for (level, code, name), value in zip(whole.names, values, strict=True):
        if level == "cell" and name in table:
            table.loc[table.index[row[code]], name] = int(value)
    return table


def learn(case: Case, most: int, keyed: bool) -> list[Left] | None:
    """What is left of each small number; None if there are too many tables, or none that is small."""
    try:
        options = case.options() | ({"secret": os.urandom(32)} if keyed else {})
        release = gg.publish(case.table, **options)
    except gg.GridError:
        return None
    layout = layout_of(case.table, case.levels, case.parts, case.complete)
    seen, truth = read(release), truth_of(case.table, layout, case.measures)
    width = promised(case, seen, truth)
    whole = problem(layout, seen, truth, width, 0.0 if case.zeros == "protected" else 1.0)
    if not (whole.width > 0).any():
        return None
    agree = tables_that_agree(whole, most)
    if agree is None:
        return None
    said, kept = holes(release), []
    for values in agree:
        table = with_values(case, whole, values)
        secrets = [os.urandom(32) for _ in range(GUESSES)] if keyed else [None]
        if (values == whole.truth).all() or any(published(case, table, guess) == said for guess in secrets):
            kept.append(values)
    return [
        Left(case.mean, case.hide_below, case.zeros, np.array(agree)[:, i], np.array(kept)[:, i])
        for i in np.flatnonzero(whole.width > 0)
    ]


def measure_method(tables: int, seed: int, most: int = 200, keyed: bool = False) -> None:
    """Print how much more a reader learns who knows the method."""
    warnings.simplefilter("ignore")
    began = time.process_time()
    found, tried, too_many = [], 0, 0
    for number in range(tables):
        left = learn(small_case([seed, number]), most, keyed)
        tried, too_many = tried + bool(left), too_many + (left is None)
        found += left or []
    print(
        f"\n{'With a secret' if keyed else 'Without a secret'}: {tried} tables with {len(found):,} small numbers; "
        f"{too_many} left out: nothing small, refused, or "
        f"more than {most} tables agree. {time.process_time() - began:.0f} CPU s"
    )
    if found:
        report(found)


def report(found: list[Left]) -> None:
    """By limit and by zeros: what the sums leave, and what the method leaves."""
    print(
        "| | small numbers | broken by sums | broken by method % | exactly known % | known to be small % | "
        "values left: sums / method, median | share of tables kept |"
    )
    print("|---|---|---|---|---|---|---|---|")
    groups = {"all": found}
    for left in found:
        groups.setdefault(f"hide_below {left.hide_below}", []).append(left)
        groups.setdefault(f"zeros {left.zeros}", []).append(left)
    for name in sorted(groups):
        some = groups[name]
        sums = sum(left.broken(left.by_sums) for left in some)
        method = np.mean([left.broken(left.by_method) for left in some])
        exact = np.mean([left.span(left.by_method) == 0 for left in some])
        small = np.mean([left.by_method.max() < left.hide_below for left in some])
        values = [
            np.median([len(np.unique(v)) for v in some_values])
            for some_values in ([left.by_sums for left in some], [left.by_method for left in some])
        ]
        share = np.mean([len(left.by_method) / len(left.by_sums) for left in some])
        print(
            f"| {name} | {len(some):,} | {sums} | {100 * method:.1f} | {100 * exact:.1f} | {100 * small:.1f} | "
            f"{values[0]:g} / {values[1]:g} | {share:.2f} |"
        )
