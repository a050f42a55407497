"""Tables that are not what they seem: each must be safe or a sentence; and contributors who are alone in a cell.

A kind of table says what a reader may know of its columns beside the sums of places: relations that hold in every
place, whatever the columns are called.
"""

from __future__ import annotations

import math
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.sparse import csr_array, vstack

import gridgis as gg
from attacker.reader import Key, Layout, Problem, attack, from_sums, layout_of, read, sums, truth_of
from attacker.tables import KNOWS_ZEROS, random_case, squares

LIMIT = 5
Relation = tuple[tuple[str, ...], str]  # parts (one may stand twice), total


@dataclass
class Hostile:
    """A table, how it is published, and what is known of its columns."""

    table: gpd.GeoDataFrame
    measures: list[str]
    relations: list[Relation] = field(default_factory=list)
    options: dict = field(default_factory=dict)


def cells(rng: np.random.Generator, n: int | None = None, parents: int | None = None) -> gpd.GeoDataFrame:
    """Cells in a few parents."""
    n = int(rng.integers(4, 16)) if n is None else n
    parents = int(rng.integers(1, 4)) if parents is None else parents
    parent = np.sort(rng.integers(0, parents, n))
    names = [f"110101001{p + 1:03d}" for p in parent]
    number = pd.Series(names).groupby(names).cumcount() + 1
    data = {"grid_code": [f"{p}{i:03d}" for p, i in zip(names, number, strict=True)], "parent_code": names}
    return gpd.GeoDataFrame(data, geometry=squares(n), crs=4547)


def mixed(rng: np.random.Generator, n: int) -> np.ndarray:
    """Small and large numbers."""
    return rng.poisson(rng.choice([1, 4, 12, 40], n))


def unrelated(rng: np.random.Generator) -> Hostile:
    """A column count_trees that is no part of the count."""
    table = cells(rng)
    n = len(table)
    table["count_a"], table["count_b"], table["count_trees"] = mixed(rng, n), mixed(rng, n), mixed(rng, n)
    table["count"] = table["count_a"] + table["count_b"]
    return Hostile(table, ["count", "count_a", "count_b", "count_trees"], [(("count_a", "count_b"), "count")])


def unrelated_by_default(rng: np.random.Generator) -> Hostile:
    """The same, measures not named."""
    made = unrelated(rng)
    made.options["measures"] = None
    return made


def unrelated_small(rng: np.random.Generator) -> Hostile:
    """A column count_trees that happens to fit into the count, beside parts that are all of it."""
    made = unrelated(rng)
    made.table["count_trees"] = np.minimum(made.table["count_trees"], 0)
    return made


def one_too_much(rng: np.random.Generator) -> Hostile:
    """In one cell the parts are more than the count."""
    table = cells(rng)
    n = len(table)
    table["count_a"], table["count_b"] = mixed(rng, n), mixed(rng, n)
    table["count"] = table["count_a"] + table["count_b"]
    table.loc[rng.integers(n), "count"] -= 1
    return Hostile(table[table["count"] >= 0].reset_index(drop=True), ["count", "count_a", "count_b"])


def nested_parts(rng: np.random.Generator) -> Hostile:
    """A part of a part stands beside it: count_waste and count_waste_big."""
    table = cells(rng)
    n = len(table)
    table["count_waste_big"], small, table["count_noise"] = mixed(rng, n), mixed(rng, n), mixed(rng, n)
    table["count_waste"] = table["count_waste_big"] + small
    table["count"] = table["count_waste"] + table["count_noise"]
    known = [(("count_waste", "count_noise"), "count")]
    return Hostile(table, ["count", "count_noise", "count_waste", "count_waste_big"], known)


def other_names(rng: np.random.Generator) -> Hostile:
    """Two columns of any name that add up to a third."""
    table = cells(rng)
    table["owners"], table["tenants"] = mixed(rng, len(table)), mixed(rng, len(table))
    table["homes"] = table["owners"] + table["tenants"]
    return Hostile(table, ["homes", "owners", "tenants"], [(("owners", "tenants"), "homes")])


def parts_of_households(rng: np.random.Generator) -> Hostile:
    """Parts of the households under names of their own."""
    made = other_names(rng)
    made.table = made.table.rename(columns={"homes": "households"})
    return Hostile(made.table, ["households", "owners", "tenants"], [(("owners", "tenants"), "households")])


def difference(rng: np.random.Generator) -> Hostile:
    """A number with a part taken off, under any name, and the part."""
    made = other_names(rng)
    return Hostile(made.table, ["homes", "tenants"], [])


def rest_under_another_name(rng: np.random.Generator) -> Hostile:
    """What is in no category stands in a column of another name."""
    table = cells(rng)
    n = len(table)
    table["count_a"], table["count_b"], table["other"] = mixed(rng, n), mixed(rng, n), mixed(rng, n)
    table["count"] = table["count_a"] + table["count_b"] + table["other"]
    return Hostile(table, ["count", "count_a", "count_b", "other"], [(("count_a", "count_b", "other"), "count")])


def sum_of_parts(rng: np.random.Generator) -> Hostile:
    """Two of three categories stand together in a further column."""
    table = cells(rng)
    n = len(table)
    for name in ("count_a", "count_b", "count_c"):
        table[name] = mixed(rng, n)
    table["count"] = table["count_a"] + table["count_b"] + table["count_c"]
    table["urgent"] = table["count_a"] + table["count_b"]
    known = [(("count_a", "count_b", "count_c"), "count"), (("count_a", "count_b"), "urgent")]
    return Hostile(table, ["count", "count_a", "count_b", "count_c", "urgent"], known)


def three_way(rng: np.random.Generator) -> Hostile:
    """Two ways of cutting one number: by sex and by age."""
    table = cells(rng)
    n = len(table)
    four = [mixed(rng, n) for _ in range(4)]
    table["men"], table["women"] = four[0] + four[1], four[2] + four[3]
    table["young"], table["old"] = four[0] + four[2], four[1] + four[3]
    table["persons"] = sum(four)
    known = [(("men", "women"), "persons"), (("young", "old"), "persons")]
    return Hostile(table, ["persons", "men", "women", "young", "old"], known)


def two_ways_of_count(rng: np.random.Generator) -> Hostile:
    """The same as categories of the count."""
    made = three_way(rng)
    names = {"persons": "count", "men": "count_men", "women": "count_women", "young": "count_young", "old": "count_old"}
    known = [(("count_men", "count_women"), "count"), (("count_young", "count_old"), "count")]
    return Hostile(made.table.rename(columns=names), list(names.values()), known)


def twice(rng: np.random.Generator) -> Hostile:
    """A column that is another under a second name."""
    table = cells(rng)
    table["count"] = mixed(rng, len(table))
    table["events"] = table["count"]
    return Hostile(table, ["count", "events"], [(("count",), "events")])


def doubled(rng: np.random.Generator) -> Hostile:
    """A column that is another times two."""
    table = cells(rng)
    table["count"] = mixed(rng, len(table))
    table["shoes"] = 2 * table["count"]
    return Hostile(table, ["count", "shoes"], [(("count", "count"), "shoes")])


def sum_of_unrelated(rng: np.random.Generator) -> Hostile:
    """A total over measures that have nothing to do with each other."""
    table = cells(rng)
    n = len(table)
    table["count"], table["households"] = mixed(rng, n), mixed(rng, n)
    table["load"] = table["count"] + table["households"]
    return Hostile(table, ["count", "households", "load"], [(("count", "households"), "load")])


def rate_alone(rng: np.random.Generator) -> Hostile:
    """Households and the rate without the count, and parents of one cell."""
    table = cells(rng)
    table["households"] = mixed(rng, len(table)) * 3
    table["count"] = mixed(rng, len(table))
    table["count_per_100_households"] = 100 * table["count"] / table["households"].where(table["households"] > 0)
    return Hostile(table, ["households", "count_per_100_households"])


def lonely(rng: np.random.Generator) -> Hostile:
    """One cell alone under each of some parents."""
    table = cells(rng, n=6, parents=6)
    table["count_a"], table["count_b"] = mixed(rng, 6), mixed(rng, 6)
    table["count"] = table["count_a"] + table["count_b"]
    return Hostile(table, ["count", "count_a", "count_b"], [(("count_a", "count_b"), "count")])


def zeros(rng: np.random.Generator) -> Hostile:
    """A parent without any."""
    table = cells(rng, n=10, parents=2)
    table["count"] = np.where(table["parent_code"] == table["parent_code"][0], 0, mixed(rng, 10))
    return Hostile(table, ["count"])


def nothing(rng: np.random.Generator) -> Hostile:
    """No event at all, or very few."""
    table = cells(rng)
    table["count"] = 0
    table.loc[rng.integers(0, len(table), int(rng.integers(0, 3))), "count"] = 1
    return Hostile(table, ["count"])


def repeated(rng: np.random.Generator) -> Hostile:
    """A cell that stands there twice."""
    table = cells(rng)
    table["count"] = mixed(rng, len(table))
    return Hostile(pd.concat([table, table.iloc[[0]]], ignore_index=True), ["count"])


def measure_twice(rng: np.random.Generator) -> Hostile:
    """A measure that is asked for twice."""
    table = cells(rng)
    table["count"] = mixed(rng, len(table))
    return Hostile(table, ["count", "count"])


def place_of_its_own(rng: np.random.Generator) -> Hostile:
    """Parents that are called as the whole, or as a cell."""
    table = cells(rng, parents=2)
    table["count"] = mixed(rng, len(table))
    name = str(rng.choice(["(all)", "110101001001001"]))
    table.loc[table["parent_code"] == table["parent_code"].iloc[0], "parent_code"] = name
    return Hostile(table, ["count"])


def crossing_levels(rng: np.random.Generator) -> Hostile:
    """A level above the parents that cuts them."""
    table = cells(rng, n=12, parents=3)
    table["count"], table["district"] = mixed(rng, 12), rng.choice(["a", "b"], 12)
    return Hostile(table, ["count"], options={"levels": ["district"]})


def levels_alike(rng: np.random.Generator) -> Hostile:
    """A level whose places are the parents, some of them joined."""
    table = cells(rng, n=12, parents=4)
    table["count"] = mixed(rng, 12)
    table["district"] = table["parent_code"].str[-3:].replace({"002": "001"})
    return Hostile(table, ["count"], options={"levels": ["district"]})


def no_number(rng: np.random.Generator) -> Hostile:
    """Half numbers, negative ones, infinite ones, huge ones, words."""
    table = cells(rng)
    bad = [2.5, -1, math.inf, 2.0**53 + 2, 1e300, "3", None][int(rng.integers(7))]
    table["count"] = mixed(rng, len(table)).astype(object)
    table.loc[rng.integers(len(table)), "count"] = bad
    return Hostile(table, ["count"])


def gaps(rng: np.random.Generator) -> Hostile:
    """Cells of which one column is not known."""
    table = cells(rng)
    n = len(table)
    table["count_a"], table["count_b"] = mixed(rng, n).astype(float), mixed(rng, n)
    table["count"] = table["count_a"] + table["count_b"]
    table.loc[rng.integers(n), "count_a"] = np.nan
    return Hostile(table, ["count", "count_a", "count_b"], [(("count_a", "count_b"), "count")])


KINDS: tuple[Callable[[np.random.Generator], Hostile], ...] = (
    unrelated,
    unrelated_by_default,
    unrelated_small,
    one_too_much,
    nested_parts,
    other_names,
    parts_of_households,
    difference,
    rest_under_another_name,
    sum_of_parts,
    three_way,
    two_ways_of_count,
    twice,
    doubled,
    sum_of_unrelated,
    rate_alone,
    lonely,
    zeros,
    nothing,
    repeated,
    measure_twice,
    place_of_its_own,
    crossing_levels,
    levels_alike,
    no_number,
    gaps,
)


def judge(made: Hostile, published: gg.Published) -> tuple[int, int, str]:
    """How many small numbers there are, how many are broken, and one of them."""
    measures = [name for name in published.measures if not name.endswith("_per_100_households")]
    layout: Layout = layout_of(made.table, made.options.get("levels", ()), {}, True)
    seen = {key: value for key, value in read(published).items() if key[2] in measures}
    numbers = made.table.assign(**{name: pd.to_numeric(made.table[name]) for name in set(measures)})
    truth = truth_of(numbers, layout, measures)
    width = {key: LIMIT for key in seen if 1 <= truth.get(key, -1) < LIMIT}
    equations = list(sums(layout, {key for key, (_, status) in seen.items() if status != "no data"}))
    for parts, total in made.relations:
        for level, code, name in seen:
            keys = [(level, code, part) for part in parts]
            known = all(seen.get(key, (0, "no data"))[1] != "no data" for key in [*keys, (level, code, name)])
            if name == total and known and _holds(keys, (level, code, name), truth):
                equations.append((keys, (level, code, name)))
    if any(number != number // 1 or number > 2**50 for number in truth.values() if not math.isnan(number)):
        return 0, 0, "no whole numbers"
    whole = from_sums(equations, seen, truth, width, 1.0)
    verdict = attack(whole)
    shown = [key for key in width if seen[key][1] == "shown"]
    examples = [f"{key} is shown" for key in shown[:1]]
    for i in np.flatnonzero(verdict.broken)[:1]:
        range_ = f"{verdict.low[i]:g} to {verdict.high[i]:g}"
        examples.append(f"{whole.names[i]} is {whole.truth[i]:g}, a reader knows {range_}")
    return len(width), int(verdict.broken.sum()) + len(shown), " ".join(examples[:1])


def _holds(parts: list[Key], total: Key, truth: dict[Key, float]) -> bool:
    return sum(truth[key] for key in parts) == truth[total]


def rates(made: Hostile, published: gg.Published) -> list[str]:
    """Small counts that follow from a rate and the households."""
    table, name = published.table, "count_per_100_households"
    if name not in table or "households" not in table:
        return []
    follows = table[name] * table["households"] / 100
    true = made.table.set_index("grid_code")["count"].reindex(table["grid_code"]).to_numpy()
    small = follows.notna() & (true > 0) & (true < LIMIT) & table[f"{name}_status"].eq("shown")
    return [f"{code}: the rate says {f:g}" for code, f in zip(table["grid_code"][small], follows[small], strict=True)]


def measure_hostile(tables: int, seed: int) -> int:
    """Print what comes of each kind; tell how many numbers are broken or ended in another error."""
    warnings.simplefilter("ignore")
    print("\n| kind | tables | refused | small numbers | broken | other errors | CPU s |")
    print("|---|---|---|---|---|---|---|")
    notes: dict[str, list[str]] = defaultdict(list)
    bad = 0
    for kind in KINDS:
        began, total = time.process_time(), Counter[str]()
        for number in range(tables):
            made = kind(np.random.default_rng([seed, number]))
            name = kind.__name__
            try:
                options = {"measures": made.measures, "hide_below": LIMIT} | made.options
                published = gg.publish(made.table, **options)
                small, broken, example = judge(made, published)
                follows = rates(made, published)
                total.update(small=small + len(follows), broken=broken + len(follows))
                if broken or follows or example:
                    notes[name].append(f"{name}, [{seed}, {number}]: {example or follows[0]}")
            except gg.GridError as error:
                total["refused"] += 1
                notes[name + " refused"].append(f"{name}, [{seed}, {number}], refused: {str(error)[:200]}")
            except Exception as error:
                total["errors"] += 1
                notes[name + " error"].append(f"{name}, [{seed}, {number}]: {type(error).__name__} {str(error)[:150]}")
        took = time.process_time() - began
        print(
            f"| {kind.__name__}: {(kind.__doc__ or '').strip()} | {tables} | {total['refused']} | "
            f"{total['small']} | {total['broken']} | {total['errors']} | {took:.0f} |"
        )
        bad += total["broken"] + total["errors"]
    for lines in notes.values():
        print(lines[0])
    return bad


def alone(whole: Problem) -> list[int]:
    """Cells with one contributor: it knows its cell's number."""
    return [i for i, key in enumerate(whole.names) if key[0] == "cell" and whole.truth[i] == 1 and "(" not in key[2]]


def above_of(layout: Layout, code: str) -> set[tuple[str, str]]:
    """All places in which a cell lies."""
    place, found = ("cell", code), set()
    while place in layout.above:
        place = layout.above[place]
        found.add(place)
    return found


def places_of(layout: Layout, code: str) -> set[tuple[str, str]]:
    """A cell, and the places that hold no other cell."""
    inside: Counter[tuple[str, str]] = Counter()
    own = [("cell", code)]
    while own[-1] in layout.above:
        own.append(layout.above[own[-1]])
    for place in layout.above:
        if place[0] == "cell":
            while place in layout.above:
                place = layout.above[place]
                inside[place] += 1
    return {place for place in own if inside[place] <= 1}


def knowing(whole: Problem, i: int, layout: Layout) -> Problem:
    """The same problem for someone who knows one of the hidden numbers."""
    row = csr_array(([1.0], ([0], [i])), shape=(1, len(whole.low)))
    width = whole.width.copy()
    places = places_of(layout, whole.names[i][1])
    own = [j for j, key in enumerate(whole.names) if key[:2] in places]
    width[own] = 0  # what lies in its own cell it may know
    if whole.low[i] > 0:  # and that it is the only one in places where all other cells show a 0, in all its columns
        value, of_cell = whole.truth[i], whole.names[i][:2]
        mine = {key[2] for j, key in enumerate(whole.names) if key[:2] == of_cell and whole.truth[j] == value}
        width[
            [
                j
                for j, key in enumerate(whole.names)
                if key[2] in mine
                and whole.truth[j] == value
                and j != i
                and key[:2] in above_of(layout, whole.names[i][1])
            ]
        ] = 0
    right = np.append(whole.right, whole.truth[i])
    return Problem(csr_array(vstack([whole.equations, row])), right, whole.low, width, whole.truth, whole.names)


def measure_alone(tables: int, seed: int, most: int = 12) -> None:
    """Print what contributors who are alone in their cells learn of others, with the singleton rule."""
    warnings.simplefilter("ignore")
    from attacker.reader import problem
    from attacker.tables import promised

    print("\n| zeros | contributors alone | small numbers of others | broken for one of them | exactly known |")
    print("|---|---|---|---|---|")
    notes: list[str] = []
    for how in ("shown", "protected") if KNOWS_ZEROS else ("shown",):
        total: Counter[str] = Counter()
        for number in range(tables):
            case = random_case([seed, number], 40)
            case.zeros, case.singletons = how, True
            try:
                published = gg.publish(case.table, **case.options())
            except gg.GridError:
                continue
            layout = layout_of(case.table, case.levels, case.parts, case.complete)
            counted = [name for name in case.measures if "_per_" not in name]
            seen = {key: value for key, value in read(published).items() if key[2] in counted}
            truth = truth_of(case.table, layout, counted)
            width = promised(case, seen, truth)
            whole = problem(layout, seen, truth, width, 0.0 if how == "protected" else 1.0)
            for i in alone(whole)[:most]:
                insider = knowing(whole, i, layout)
                verdict = attack(insider)
                for j in np.flatnonzero(verdict.broken)[:1]:
                    left = f"{verdict.low[j]:g} to {verdict.high[j]:g}"
                    knows = f"{whole.names[i]} knows {whole.names[j]}, {whole.truth[j]:g}, to be {left}"
                    notes.append(f"zeros {how}, random_case([{seed}, {number}], 40), limit {case.hide_below}: {knows}")
                total["alone"] += 1
                total["small"] += int((insider.width > 0).sum())
                total["broken"] += int(verdict.broken.sum())
                total["exact"] += int((verdict.broken & (verdict.low == verdict.high)).sum())
        print(f"| {how} | {total['alone']:,} | {total['small']:,} | {total['broken']:,} | {total['exact']:,} |")
    print("\n".join(notes[:5]))
