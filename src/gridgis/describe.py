"""Results in a sentence, for the command line and for whoever reads the log of the night."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

import pandas as pd

from gridgis.check import CheckReport
from gridgis.contract import Grid, listed
from gridgis.locate import account
from gridgis.privacy import HIDDEN, Published


def describe_grid(grid: Grid) -> str:
    """Say how many cells there are, and how even they are.

    Examples
    --------
    >>> from gridgis.sample import small_example
    >>> describe_grid(small_example().grid)
    '4 cells in 2 areas, 24 to 24 households each (median 24)'
    """
    sentence = f"{many(len(grid), 'cell')} in {many(grid['parent_code'].nunique(), 'area')}"
    for load in ("households", "persons"):
        if load in grid.columns and grid[load].notna().any():
            loads = pd.to_numeric(grid[load])
            return f"{sentence}, {loads.min():,.0f} to {loads.max():,.0f} {load} each (median {loads.median():,.0f})"
    return sentence


def describe_exceptions(grid: Grid) -> list[str]:
    """Say how many cells state which exception, a sentence for each.

    Examples
    --------
    >>> from gridgis.sample import small_example
    >>> describe_exceptions(small_example().grid.assign(exception=["", "", "giant building", ""]))
    ['1 cell with the exception: giant building']
    """
    if "exception" not in grid.columns:
        return []
    stated = Counter(reason for reason in grid["exception"].dropna() if reason)
    return [f"{many(count, 'cell')} with the exception: {reason}" for reason, count in sorted(stated.items())]


def describe_borders(grid: Grid) -> str:
    """Say what part of the outlines runs along barriers, and how many cells cross a hard one; empty without barriers.

    Examples
    --------
    >>> from gridgis.sample import small_example
    >>> grid = small_example().grid.assign(barrier_share=[0.5, 0.5, 0.75, 0.25], crossed_m=[0, 0, 40.0, 0])
    >>> describe_borders(grid)
    '50 % of the outlines of cells run along barriers; 1 cell with buildings on both sides of a hard barrier'
    """
    if not {"barrier_share", "crossed_m"} <= set(grid.columns):
        return ""
    metres = grid.length
    share = float((pd.to_numeric(grid["barrier_share"]) * metres).sum() / metres.sum()) if len(grid) else 0.0
    crossing = int((pd.to_numeric(grid["crossed_m"]) > 0).sum())
    if not share and not crossing:
        return ""
    sentence = f"{100 * share:.0f} % of the outlines of cells run along barriers"
    return (
        f"{sentence}; {many(crossing, 'cell')} with buildings on both sides of a hard barrier" if crossing else sentence
    )


def describe_report(report: CheckReport, allowed: Collection[str] = (), known: Collection[str] = ()) -> str:
    """Say which rules hold, which are broken but may be (``allowed``, ``known``), and which were not run."""
    broken = Counter(finding.rule for finding in report)
    sentence = f"{len(report.ran) - len(broken)} of {len(report.ran)} rules hold"
    let_pass = [f"{rule} ({many(count, 'finding')})" for rule, count in broken.items() if rule in allowed]
    if let_pass:
        sentence += f", allowed: {listed(let_pass, 20)}"
    goes_on = [f"{rule} ({many(n, 'finding')})" for rule, n in broken.items() if rule in known and rule not in allowed]
    if goes_on:
        sentence += f", listed: {listed(goes_on, 20)}"
    if report.skipped:
        sentence += f", {len(report.skipped)} not run ({listed(report.skipped, 4)})"
    return sentence


def describe_findings(report: CheckReport) -> str:
    """Say how many findings there are of which rule, to go on a sentence; empty where there are none.

    Examples
    --------
    >>> from gridgis.check import Finding
    >>> describe_findings(CheckReport([Finding("gap", ("1",), "12 m2 are in no cell")], ["gap"], {}))
    '; 1 finding (gap 1)'
    """
    counts = [f"{rule} {count:,}" for rule, count in Counter(finding.rule for finding in report).items()]
    return f"; {many(len(report), 'finding')} ({listed(counts, 20)})" if report else ""


def describe_located(located: pd.DataFrame) -> str:
    """Say how the rows were located."""
    parts = [f"{row.rows:,} {row.located_by}" for row in account(located).itertuples()]
    return f"{many(len(located), 'row')}: {', '.join(parts)}" if parts else "0 rows"


def describe_left_out(names: Collection[str]) -> str:
    """Say which columns of persons were left out; empty where none was."""
    return f"; columns of persons left out: {listed(names, 12)}" if names else ""


def describe_published(published: Published) -> str:
    """Say how many numbers are shown and hidden."""
    status = published.table[[f"{name}_status" for name in published.measures]]
    if published.internal:
        return f"{many(status.size, 'number')}, none hidden: internal"
    if published.round_to is not None:
        return f"{many(status.size, 'number')}, rounded to multiples of {published.round_to}"
    if published.noisy:
        return f"{many(status.size, 'number')}, changed by noise"
    hidden = int((status == HIDDEN).to_numpy().sum())
    small = f"from 1 to {published.hide_below - 1}" if published.zeros == "shown" else f"below {published.hide_below}"
    return f"{many(status.size, 'number')}, {hidden:,} hidden (counts {small}, and what gives them away)"


def describe_costs(costs: pd.DataFrame) -> list[str]:
    r"""Give the table of `protection_costs` as lines, the columns one below the other.

    Examples
    --------
    >>> row = {"way": "hide", "cells": 4, "numbers": 9, "small": 2, "hidden": 5, "hidden_percent": 55.56}
    >>> print(*describe_costs(pd.DataFrame([{**row, "mean_error": 0.0, "largest_error": float("nan")}])), sep="\n")
    way   cells  numbers  small  hidden  hidden percent  mean error  largest error
    hide      4        9      2       5           55.56           0              -
    """
    heads = [str(name).replace("_", " ") for name in costs.columns]
    rows = [[_cell_text(value) for value in row] for row in costs.itertuples(index=False)]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return [
        "  ".join(text.rjust(width) if place else text.ljust(width) for place, (text, width) in enumerate(pairs))
        for pairs in (list(zip(line, widths, strict=True)) for line in (heads, *rows))
    ]


def _cell_text(value: Any) -> str:
    """A number as short as it can be said; a dash where there is none."""
    if isinstance(value, str):
        return value
    return "-" if pd.isna(value) else f"{value:,.10g}"


def many(count: int, what: str) -> str:
    """Say how many there are.

    Examples
    --------
    >>> many(1, "cell"), many(2000, "cell")
    ('1 cell', '2,000 cells')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"
