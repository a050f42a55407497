"""Two and three releases of one date, with a ledger, attacked together.

The ground is a row of strips; the cells of every release are made of strips. A reader knows that each cell holds what
its strips hold, that categories of a strip add up to its count, and all that a single release tells. Each further
release must be refused, or leave all small numbers of all releases safe. Apart from these it is counted what is known
of small pieces of ground: what two cells of different releases have in common, or one has more than the other.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

import gridgis as gg
from attacker.reader import REST, Key, Layout, attack, from_sums, layout_of, read, sums, truth_of
from attacker.tables import KNOWS_ZEROS, OPTIONS

JUNE = "2026-06-30"
KINDS = (
    "other categories",
    "other levels",
    "other limit",
    "other zeros",
    "anything on the same cells",
    "merged cells",
    "moved borders",
    "any cells, anything",
    "a rate, then counts",
)


@dataclass
class Asked:
    """One release that is asked for."""

    edges: np.ndarray
    code: str
    measures: list[str]
    levels: tuple[int, ...]
    hide_below: int
    zeros: str


@dataclass
class Outcome:
    """What came of some releases."""

    kind: str
    seed: list[int]
    refused: int = 0
    accepted: int = 0
    small: int = 0
    broken: int = 0
    alone: int = 0
    ground: int = 0
    ground_broken: int = 0
    examples: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def ground(rng: np.random.Generator, strips: int) -> dict[str, np.ndarray]:
    """What each strip holds."""
    mean = float(rng.choice([0.5, 1, 3, 6, 12, 25]))
    held = {f"count_{name}": rng.poisson(mean * rng.choice([0.5, 1, 2]), strips) for name in "abc"}
    held["count" + REST] = rng.poisson(mean, strips) if rng.random() < 0.4 else np.zeros(strips, int)
    held["count"] = sum(held.values())
    held["households"] = rng.poisson(rng.choice([3, 15, 40]), strips)
    return held


def table_of(asked: Asked, held: dict[str, np.ndarray]) -> gpd.GeoDataFrame:
    """The cells of a release, with all they hold."""
    edges = asked.edges
    cells = range(len(edges) - 1)
    middle = (edges[1:] + edges[:-1]) / 2
    parents = [f"{asked.code}{1 + int(m // 8):06d}{1 + int(m // 4):03d}" for m in middle]
    number = pd.Series(parents).groupby(parents).cumcount() + 1
    data = {"grid_code": [f"{p}{n:03d}" for p, n in zip(parents, number, strict=True)], "parent_code": parents}
    for name in ("households", "count", "count_a", "count_b", "count_c"):
        data[name] = [int(held[name][edges[i] : edges[i + 1]].sum()) for i in cells]
    data["count_per_100_households"] = [
        100 * n / h if h else np.nan for n, h in zip(data["count"], data["households"], strict=True)
    ]
    shapes = [shapely.box(5e5 + 100 * edges[i], 4e6, 5e5 + 100 * edges[i + 1], 4e6 + 100) for i in cells]
    return gpd.GeoDataFrame(data, geometry=shapes, crs=4547)


def some_edges(rng: np.random.Generator, strips: int, share: float) -> np.ndarray:
    """Borders of cells at some of the strips' borders."""
    inner = np.flatnonzero(rng.random(strips - 1) < share) + 1
    return np.concatenate([[0], inner, [strips]])


def some_measures(rng: np.random.Generator) -> list[str]:
    """Some of the columns."""
    columns = [name for name in ("count", "count_a", "count_b", "count_c") if rng.random() < 0.55]
    return columns or ["count"]


def asked_for(kind: str, rng: np.random.Generator, strips: int) -> list[Asked]:
    """Releases of one kind."""
    edges = some_edges(rng, strips, 0.7)
    limit = int(rng.choice([3, 5, 10]))
    releases = [Asked(edges, "110101", ["count"], (), limit, "shown")]
    if rng.random() < 0.5:
        releases[0].measures = some_measures(rng)
    for number in range(int(rng.integers(1, 3))):
        last = releases[-1]
        new = Asked(edges, "110101", last.measures, last.levels, limit, last.zeros)
        everything = "anything" in kind
        if kind.startswith("a rate"):
            rate = ["households", "count_per_100_households"]
            releases[0].measures, new.measures = (["count"], rate) if rng.random() < 0.5 else (rate, ["count"])
            new.hide_below = int(rng.choice([2, limit]))
        if kind == "other categories" or everything:
            new.measures = some_measures(rng)
        if kind == "other levels" or everything:
            new.levels = ((), (9,), (6,), (9, 6))[rng.integers(4)]
        if kind == "other limit" or everything:
            new.hide_below = int(rng.choice([2, 3, 5, 10]))
        if kind == "other zeros" or everything:
            new.zeros = str(rng.choice(["shown", "protected"]))
        if kind == "merged cells":
            new.edges, new.code = (
                edges[np.sort(np.unique([0, len(edges) - 1, *rng.integers(0, len(edges), 4)]))],
                "220101",
            )
        if kind == "moved borders" or kind.startswith("any cells"):
            new.edges, new.code = some_edges(rng, strips, float(rng.choice([0.3, 0.6]))), f"3{number}0101"
        releases.append(new)
    return releases


def let_out(asked: Asked, table: gpd.GeoDataFrame, folder: Path) -> gg.Published:
    """Publish with the ledger, and write it where that is what notes a release."""
    ledger = folder / "ledger.json"
    before = ledger.read_bytes() if ledger.exists() else b""
    options = {"measures": asked.measures, "hide_below": asked.hide_below, "levels": asked.levels}
    if KNOWS_ZEROS:
        options["zeros"] = asked.zeros
    names = [name for name in asked.measures if name.startswith("count_") and "_per_" not in name]
    if "parts" in OPTIONS and names and "count" in asked.measures:
        options["parts"] = {"count": names}
    published = gg.publish(table, **options, ledger=ledger, as_of=JUNE)
    if (ledger.read_bytes() if ledger.exists() else b"") == before:
        with contextlib.suppress(AttributeError, TypeError):  # the same release again is no news
            gg.write_table(published, folder / f"{len(list(folder.iterdir()))}.csv")
    return published


class Joined:
    """All that a reader of several releases knows."""

    def __init__(self, held: dict[str, np.ndarray]) -> None:
        self.held = held
        self.equations: list[tuple[list[Key], Key]] = []
        self.seen: dict[Key, tuple[float, str]] = {}
        self.truth: dict[Key, float] = {}
        self.width: dict[Key, float] = {}
        self.least: dict[Key, float] = {}
        self.columns: set[str] = set()
        self.releases: list[list[tuple[list[Key], Key]]] = []
        self.numbers: list[int] = []
        self.cells: list[tuple[int, int, int, int]] = []  # release, from, to, limit
        for name, numbers in held.items():
            self.truth.update({("ground", str(i), name): float(n) for i, n in enumerate(numbers)})

    def add(self, release: int, asked: Asked, table: gpd.GeoDataFrame, published: gg.Published) -> None:
        """What one release tells."""
        names = tuple(name for name in asked.measures if name.startswith("count_"))
        complete = len(names) == 3 and not self.held["count" + REST].any()
        parts = {"count": names} if names and "count" in asked.measures else {}
        layout: Layout = layout_of(table, asked.levels, parts, complete)
        seen = read(published)
        counted = [name for name in asked.measures if "_per_" not in name]
        rates = {key: value for key, value in seen.items() if key[2] not in counted}
        seen = {key: value for key, value in seen.items() if key[2] in counted}
        for (level, code, _), (rate, status) in rates.items():
            houses = seen.get((level, code, "households"), (0, "hidden"))
            if status == houses[1] == "shown" and "count" not in counted:
                seen[level, code, "count"] = (round(rate * houses[0] / 100), "shown")
        truth = truth_of(table, layout, sorted({key[2] for key in seen}))

        def own(key: Key) -> Key:
            return (f"{release}:{key[0]}", key[1], key[2])

        self.seen.update({own(key): value for key, value in seen.items()})
        self.truth.update({own(key): value for key, value in truth.items()})
        known = [([own(key) for key in some], own(total)) for some, total in sums(layout, set(seen))]
        self.equations += known
        self.releases.append(known)
        self.numbers.append(release)
        least = 0 if asked.zeros == "protected" else 1
        self.least.update({own(key): least for key, (_, status) in seen.items() if status == "hidden"})
        for key, number in truth.items():
            if (1 if key[2].endswith(REST) else least) <= number < asked.hide_below:
                self.width[own(key)] = asked.hide_below
        for i, code in enumerate(table["grid_code"]):
            strips = range(asked.edges[i], asked.edges[i + 1])
            self.cells.append((release, strips.start, strips.stop, asked.hide_below))
            for name in {key[2] for key in seen}:
                if ("cell", code, name) in seen:
                    self.equations.append(([("ground", str(s), name) for s in strips], own(("cell", code, name))))
        self.columns |= {key[2] for key in seen}

    def strips_add_up(self) -> None:
        """Categories of a strip are its count, with what is in none."""
        parts = ["count_a", "count_b", "count_c"] + (["count" + REST] if self.held["count" + REST].any() else [])
        for i in range(len(self.held["count"])):
            if "count" in self.columns:
                self.equations.append(([("ground", str(i), name) for name in parts], ("ground", str(i), "count")))

    def broken_alone(self) -> set[Key]:
        """Small numbers that are broken by what their own release tells."""
        found = set()
        for number, known in enumerate(self.releases):
            prefix = f"{self.numbers[number]}:"
            seen = {key: value for key, value in self.seen.items() if key[0].startswith(prefix)}
            whole = from_sums(known, seen, self.truth, self.width, self.least)
            verdict = attack(whole)
            found |= {whole.names[i] for i in np.flatnonzero(verdict.broken)}
        return found

    def differences(self) -> set[Key]:
        """Pieces of ground that two cells of different releases have in common, or one has more."""
        found = set()
        for one in self.cells:
            for two in self.cells:
                if one[0] == two[0] or one[1:3] == two[1:3] or one[1] >= two[2] or two[1] >= one[2]:
                    continue
                mine, theirs = set(range(*one[1:3])), set(range(*two[1:3]))
                for piece in (mine & theirs, mine - theirs):
                    for name in self.columns & {"count", "households"}:
                        found |= self._piece(piece, name, max(one[3], two[3]))
        return found

    def _piece(self, strips: set[int], name: str, limit: int) -> set[Key]:
        number = float(self.held[name][sorted(strips)].sum())
        if not strips or not 0 < number < limit:
            return set()
        key = ("piece", " ".join(map(str, sorted(strips))), name)
        self.seen[key], self.truth[key], self.least[key] = (np.nan, "hidden"), number, 0
        self.width[key] = max(self.width.get(key, 0), limit)
        self.equations.append(([("ground", str(s), name) for s in sorted(strips)], key))
        return {key}


def try_releases(kind: str, seed: list[int]) -> Outcome:
    """Some releases of one kind."""
    rng = np.random.default_rng([*seed, KINDS.index(kind)])
    strips = int(rng.integers(6, 25))
    held = ground(rng, strips)
    outcome, joined = Outcome(kind, seed), Joined(held)
    with TemporaryDirectory() as folder:
        for number, asked in enumerate(asked_for(kind, rng, strips)):
            table = table_of(asked, held)
            try:
                published = let_out(asked, table, Path(folder))
            except gg.GridError as error:
                outcome.refused += 1
                outcome.reasons.append(str(error))
                continue
            outcome.accepted += 1
            joined.add(number, asked, table, published)
    if outcome.accepted > 1:
        judge(outcome, joined)
    return outcome


def judge(outcome: Outcome, joined: Joined) -> None:
    """Attack what was let out."""
    joined.strips_add_up()
    pieces = joined.differences()
    whole = from_sums(joined.equations, joined.seen, joined.truth, joined.width, joined.least)
    verdict, alone = attack(whole), joined.broken_alone()
    outcome.alone = len(alone)
    shown = [k for k in joined.width if joined.seen.get(k, (0, "hidden"))[1] == "shown"]
    outcome.small, outcome.broken = len(shown), len(shown)
    for i, key in enumerate(whole.names):
        on_ground = key in pieces
        outcome.small += whole.width[i] > 0 and not on_ground
        outcome.broken += verdict.broken[i] and not on_ground
        outcome.ground += on_ground
        outcome.ground_broken += verdict.broken[i] and on_ground
        if verdict.broken[i] and key not in alone and len(outcome.examples) < 3:
            low, high = verdict.low[i], verdict.high[i]
            outcome.examples.append(f"{key} is {whole.truth[i]:g}, a reader of all knows {low:g} to {high:g}")


def measure_releases(sets: int, seed: int) -> int:
    """Print what is learned from several releases; tell how many small numbers are broken."""
    warnings.simplefilter("ignore")
    print(
        "\n| releases | sets | let out / refused | sets with two let out | small numbers | broken | by one alone | "
        "small pieces of ground | broken | CPU s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    worst: dict[str, list[str]] = defaultdict(list)
    reasons: Counter[str] = Counter()
    broken = 0
    for kind in KINDS:
        if kind == "other zeros" and not KNOWS_ZEROS:
            continue
        began = time.process_time()
        some = [try_releases(kind, [seed, number]) for number in range(sets)]
        total = {
            name: sum(getattr(o, name) for o in some)
            for name in ("accepted", "refused", "small", "broken", "alone", "ground", "ground_broken")
        }
        both = sum(o.accepted > 1 for o in some)
        print(
            f"| {kind} | {sets} | {total['accepted']} / {total['refused']} | {both} | {total['small']:,} | "
            f"{total['broken']:,} | {total['alone']:,} | {total['ground']:,} | {total['ground_broken']:,} | "
            f"{time.process_time() - began:.0f} |"
        )
        broken += total["broken"] + total["ground_broken"]
        for outcome in some:
            reasons.update(reason[:100] for reason in outcome.reasons)
            if outcome.broken or outcome.ground_broken:
                worst[kind].append(
                    f"try_releases({kind!r}, {outcome.seed}): {outcome.examples[0] if outcome.examples else 'shown'}"
                )
    for lines in worst.values():
        for line in lines[:2]:
            print(f"broken: {line}")
    for reason, times in reasons.most_common(5):
        print(f"refused {times} times: {reason}")
    return broken
