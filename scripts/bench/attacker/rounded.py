"""The other two ways of `publish`: rounded numbers, and numbers with noise.

A reader of rounded numbers knows that each true number is less than the base away, and that true numbers add up. A
reader of numbers with noise knows the largest change there can be, and that true numbers add up.
"""

from __future__ import annotations

import time
import warnings
from collections import Counter

import numpy as np
import pandas as pd

import gridgis as gg
from attacker.reader import Key, Problem, attack, from_sums, layout_of, read, sums, truth_of
from attacker.tables import Case, random_case


def bounded(case: Case, published: gg.Published, away: float, width: float) -> tuple[Problem, list[str]]:
    """A problem in which every number is known within so much."""
    layout = layout_of(case.table, case.levels, case.parts, case.complete)
    counted = [name for name in case.measures if "_per_" not in name]
    shown = {key: v for key, v in read(published).items() if key[2] in counted}
    truth = truth_of(case.table, layout, counted)
    seen = {key: (np.nan, "hidden") for key, (_, status) in shown.items() if status == "shown"}
    faults = [f"{key} is {status}" for key, (_, status) in shown.items() if status == "hidden"]
    faults += [f"{key}: {shown[key][0]} of {truth[key]}" for key in seen if abs(shown[key][0] - truth[key]) > away]
    wanted: dict[Key, float] = {key: width for key in seen if 0 < truth[key] < width + 1}
    whole = from_sums(list(sums(layout, set(seen))), seen, truth, wanted, 0.0)
    numbers = np.array([shown[key][0] if key in shown else np.nan for key in whole.names])
    whole.low = np.where(np.isnan(numbers), 0.0, np.maximum(0.0, numbers - away))
    whole.high = np.where(np.isnan(numbers), np.inf, numbers + away)
    return whole, faults


def measure_rounded(tables: int, seed: int) -> int:
    """Print what is left of numbers below the base; tell how many are broken."""
    warnings.simplefilter("ignore")
    print("\n| round_to | tables | refused | numbers below the base | narrower than base - 1 | exactly known | CPU s |")
    print("|---|---|---|---|---|---|---|")
    bad, notes = 0, []
    for base in (3, 5, 10):
        began, total = time.process_time(), Counter[str]()
        for number in range(tables):
            case = random_case([seed, number], 40)
            try:
                published = gg.publish(case.table, **(case.options() | {"round_to": base}))
            except gg.GridError as error:
                total["refused"] += 1
                notes.append(f"round_to={base}, [{seed}, {number}] refused: {str(error)[:160]}")
                continue
            whole, faults = bounded(case, published, base - 1, base - 1)
            verdict = attack(whole)
            total["small"] += int((whole.width > 0).sum())
            total["broken"] += int(verdict.broken.sum())
            total["exact"] += int((verdict.broken & (verdict.low == verdict.high)).sum())
            bad += int(verdict.broken.sum()) + len(faults)
            notes += [f"round_to={base}, [{seed}, {number}]: {text}" for text in faults[:1]]
            for i in np.flatnonzero(verdict.broken)[:1]:
                left = f"{whole.names[i]} is {whole.truth[i]:g}, known {verdict.low[i]:g} to {verdict.high[i]:g}"
                notes.append(f"round_to={base}, [{seed}, {number}]: {left}")
        took = time.process_time() - began
        print(
            f"| {base} | {tables} | {total['refused']} | {total['small']:,} | {total['broken']:,} | "
            f"{total['exact']:,} | {took:.0f} |"
        )
    print("\n".join(notes[:6]))
    return bad


def with_noise(case: Case, rng: np.random.Generator) -> gg.Published:
    """A table with changed numbers; every event is a record with a key."""
    rows = []
    for row in case.table.to_dict("records"):
        for name in case.parts.get("count", ()):
            rows += [(row["grid_code"], name.removeprefix("count_"))] * int(row[name])
    located = pd.DataFrame(rows, columns=["grid_code", "kind"])
    located["number"], located["located_by"] = [f"r{i}" for i in range(len(located))], "polygon"
    keys = gg.cell_keys(located, secret=rng.bytes(32), record="number", by="kind")
    names = ["count", *case.parts["count"]]
    return gg.publish(case.table, measures=names, levels=case.levels, noise=keys)


def measure_noise(tables: int, seed: int) -> None:
    """Print what the sums of true numbers leave of small ones where every number is changed."""
    warnings.simplefilter("ignore")
    total: Counter[str] = Counter()
    changes: dict[int, list[float]] = {}
    for number in range(tables):
        case = random_case([seed, number], 40)
        if not case.parts or not case.complete or case.table["count"].isna().any() or case.mean > 12:
            continue
        case.measures = ["count", *case.parts["count"]]
        try:
            published = with_noise(case, np.random.default_rng(number))
        except gg.GridError as error:
            total["refused"] += 1
            total[str(error)[:80]] += 1
            continue
        whole, _ = bounded(case, published, 5, 4)
        verdict = attack(whole)
        total["small"] += int((whole.width > 0).sum())
        total["broken"] += int(verdict.broken.sum())
        total["exact"] += int((verdict.broken & (verdict.low == verdict.high)).sum())
        shown = read(published)
        for key, true in zip(whole.names, whole.truth, strict=True):
            changes.setdefault(int(true), []).append(shown[key][0] - true)
    print(f"\nnoise: {dict(total)}")
    for true in (0, 1, 2, 3, 4, 5, 10):
        if some := changes.get(true):
            print(f"true {true}: {len(some)} numbers, mean change {np.mean(some):.3f}, variance {np.var(some):.3f}")
