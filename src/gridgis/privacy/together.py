"""Several releases attacked together: what their differences say about pieces of ground and about hidden numbers.

All releases of one date are laid over each other. Every number that was shown is then a sum of pieces of ground, known
exactly or within a range; the parts of a count add up to it on every piece, also where one release shows some of them
and another one the rest. A number is disclosed when all that was shown leaves it too few values: those that cannot be
excluded must span the limit and reach up to it, or all lie at or above it. Asked for are the hidden numbers of all
releases, what two cells have in common, and what one has more than the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import numpy.typing as npt
import shapely
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_array, csc_array, csr_array, eye_array

from gridgis.contract import GridError
from gridgis.crs import transform
from gridgis.privacy.ledger import Release
from gridgis.progress import progress

SMALL_M2 = 1.0
"""A piece with less ground is rounding, not a difference of borders."""
FEW_PIECES = 64
"""Sums of more pieces say nothing about what lies near to what."""
TABLES, FAR = 16, 4
"""So many tables are tried for all sums at once; and so many limits an unknown may lie from an example in them."""
NEAR, CLOSE = 1e-6, 1e-3
"""What sums may be off; and how near to each other two counts are the same."""
ALL, SOME, GUESSED = "all", "some", "guessed"
"""How the parts of a count add up to it: wholly, not wholly, or to no more as far as their names say."""
TIE, GUESS = -1, -2
"""Stand for a release where the source of a sum is that parts add up."""
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Disclosure:
    """A number that releases give away together.

    Attributes
    ----------
    what : str
        The number, in words.
    measure : str
    low, high : float
        The range that is left to it.
    """

    what: str
    measure: str
    low: float
    high: float


@dataclass
class _Asked:
    """A sum of unknowns that must keep its width.

    Attributes
    ----------
    what, measure : str
        In words.
    limit : int
        The width.
    owners : list of int
        The releases that hide it; none for a difference of borders.
    zero_is_safe : bool
        Whether it may be known to be 0.
    raised : bool
        Whether the last release that hides it asks for more width than those before.
    """

    what: str
    measure: str
    limit: int
    owners: list[int] = field(default_factory=list)
    zero_is_safe: bool = False
    raised: bool = False

    def is_wide(self, low: float, high: float) -> bool:
        """Tell whether a range, or what was found of it so far, is wide enough."""
        low, high = np.ceil(low - CLOSE), np.floor(high + CLOSE)
        return bool(high - low >= self.limit and high >= self.limit)

    def is_safe(self, low: float, high: float) -> bool:
        """Tell whether a whole range gives nothing away."""
        return self.is_wide(low, high) or low >= self.limit - CLOSE or (self.zero_is_safe and high <= CLOSE)


@dataclass
class _System:
    """What is known of the unknowns, a row each: which, with which sign, in what range, and from which release."""

    size: int
    columns: list[Ints] = field(default_factory=list)
    signs: list[Floats] = field(default_factory=list)
    ranges: list[tuple[float, float]] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)

    def add(self, members: Ints, known: Sequence[float], owner: int, signs: Floats | None = None) -> None:
        """Add a row."""
        self.columns.append(members)
        self.signs.append(np.ones(len(members)) if signs is None else signs)
        self.ranges.append((float(known[0]), float(known[1])))
        self.owner.append(owner)

    def is_news(self, owner: int) -> bool:
        """Tell whether a release says more than those before it."""
        before: dict[tuple[int, ...], tuple[float, float]] = {}
        for members, (low, high), of in zip(self.columns, self.ranges, self.owner, strict=True):
            key = tuple(members.tolist())
            least, most = before.get(key, (0.0, np.inf))
            if of == owner and (low > least or high < most):
                return True
            if of != owner and of >= 0:
                before[key] = max(least, low), min(most, high)
        return False

    def known(self, rows: Iterable[int] | None = None) -> _Known:
        """Give the rows, or some of them, as a matrix."""
        chosen = list(range(len(self.columns)) if rows is None else rows)
        columns = [self.columns[row] for row in chosen]
        row = np.repeat(np.arange(len(chosen)), [len(members) for members in columns])
        column = np.concatenate(columns) if columns else np.zeros(0, np.int64)
        signs = np.concatenate([self.signs[at] for at in chosen]) if chosen else np.zeros(0)
        matrix = csr_array((signs, (row, column)), shape=(len(chosen), self.size))
        return _Known(matrix, np.array([self.ranges[at] for at in chosen], float).reshape(-1, 2))


@dataclass(frozen=True)
class _Known:
    """Sums of unknowns (rows x unknowns), and the range of each."""

    sums: csr_array
    ranges: Floats


def require_safe_together(releases: Sequence[Release]) -> None:
    """Refuse a release that gives something away beside the earlier ones.

    Parameters
    ----------
    releases : sequence of Release
        The newest last.

    Raises
    ------
    GridError
        If it does, naming the number and what is left of its range.
    """
    found = disclosed(releases)
    if found:
        worst = found[0]
        more = "" if len(found) == 1 else f", and {len(found) - 1} more"
        raise GridError(
            f"publish: together with what was published before, {worst.what} ({worst.measure}) is placed between "
            f"{worst.low:g} and {worst.high:g}{more}; nothing is published. Publish on the same cells as before, "
            "round the numbers (round_to=), or let out fewer."
        )


def disclosed(releases: Sequence[Release], most: int = 20) -> list[Disclosure]:
    """Attack releases together.

    Parameters
    ----------
    releases : sequence of Release
        The newest last; those of its date are taken.
    most : int
        So many disclosures are looked for.

    Returns
    -------
    list of Disclosure

    Raises
    ------
    GridError
        If outlines cannot be brought into one CRS, or the solver fails.
    """
    newest = releases[-1]
    same_date = [release for release in releases if release.as_of == newest.as_of]
    found: list[Disclosure] = []
    for measures in _linked(same_date):
        here = [release for release in same_date if set(measures) & set(release.ranges)]
        if len(here) > 1 and here[-1] is newest and len(found) < most:
            found += _disclosed_of(here, measures, most - len(found))
    return found


def _linked(releases: Sequence[Release]) -> list[list[str]]:
    """The measures that were let out, in groups that sums tie to each other."""
    out = list(dict.fromkeys(name for release in releases for name in release.ranges))
    group = {name: {name} for name in out}
    for total, _, parts in _sums_of(releases):
        together = set().union(*(group[name] for name in (total, *parts)))
        group |= dict.fromkeys(together, together)
    groups = {id(names): [name for name in out if name in names] for names in group.values()}
    return list(groups.values())


def _sums_of(releases: Sequence[Release]) -> list[tuple[str, str, list[str]]]:
    """The counts of which parts were let out: the count, how they add up to it (see `ALL`), and the parts.

    What no table has shown, between a count of one release and parts of another, comes as ``GUESSED``.
    """
    out = list(dict.fromkeys(name for release in releases for name in release.ranges))
    sums: dict[tuple[str, frozenset[str]], str] = {}
    for release in releases:
        for total, (how, *parts) in release.parts.items():
            if total in out:
                here = [name for name in parts if name in out]
                whole = how == ALL and len(here) == len(parts)
                key = total, frozenset(here)
                sums[key] = ALL if whole or sums.get(key) == ALL else SOME
    for total in out:
        parts = [name for name in out if name.startswith(f"{total}_")]
        if parts and not any(set(parts) <= key[1] for key in sums if key[0] == total):
            sums[total, frozenset(parts)] = GUESSED
    return [(total, how, sorted(parts)) for (total, parts), how in sums.items() if parts]


def _disclosed_of(here: Sequence[Release], measures: Sequence[str], most: int) -> list[Disclosure]:
    """Attack the releases of measures that are tied to each other."""
    newest = here[-1]
    grids = _grids(here)
    pieces = _pieces([transform(grid.cells, grid.crs, newest.crs, "ledger") for grid in grids])
    number_of = [next(i for i, grid in enumerate(grids) if grid.same_cells(release)) for release in here]
    sums = [one for one in _sums_of(here) if one[0] in measures]
    start = {name: place * len(pieces) for place, name in enumerate(measures)}
    rests = {at: (len(start) + at) * len(pieces) for at, one in enumerate(sums) if one[1] != ALL}
    system, asked = _System((len(start) + len(sums)) * len(pieces)), dict[tuple[int, ...], _Asked]()
    members_of = [_members(release, pieces[:, number]) for release, number in zip(here, number_of, strict=True)]
    for owner, (release, members) in enumerate(zip(here, members_of, strict=True)):
        for measure in release.ranges:
            if measure in start:
                _add_numbers(system, asked, (owner, release, measure), [start[measure] + part for part in members])
    for at, (total, how, parts) in enumerate(sums):
        blocks = [start[name] for name in (total, *parts)]
        _add_sum(system, len(pieces), [*blocks, rests[at]] if at in rests else blocks, how)
        if at in rests:
            _add_rests(asked, here, members_of, (total, parts, rests[at]))
    for one, two in combinations(range(len(grids)), 2):
        for measure in measures:
            limits = [release.hide_below for release, at in zip(here, number_of, strict=True) if at in (one, two)]
            given = (measure, start[measure], max(limits))
            for key, ask in _differences(grids[one], grids[two], pieces[:, one], pieces[:, two], given):
                asked.setdefault(key, ask)
    if not system.is_news(len(here) - 1) and _sums_of(here) == _sums_of(here[:-1]):
        asked = {key: ask for key, ask in asked.items() if ask.owners == [len(here) - 1] or ask.raised}
    return _narrow(system, asked, most)


def _grids(releases: Sequence[Release]) -> list[Release]:
    """The first release on each set of cells."""
    grids: list[Release] = []
    for release in releases:
        if not any(release.same_cells(grid) for grid in grids):
            grids.append(release)
    return grids


def _add_numbers(
    system: _System, asked: dict[tuple[int, ...], _Asked], of: tuple[int, Release, str], members: Sequence[Ints]
) -> None:
    """The numbers of a release that were shown or hidden; ``members`` are the unknowns of each place."""
    owner, release, measure = of
    for place, known in enumerate(release.ranges[measure]):
        if known is not None and len(members[place]):
            system.add(members[place], known, owner)
    for place in release.hidden[measure]:
        name = release.codes[place] if place < len(release.codes) else "a total"
        if not len(members[place]):
            continue
        if release.zeros == "shown":
            system.add(members[place], (1.0, np.inf), owner)
        new = _Asked(f"the hidden number of {name}", measure, release.hide_below)
        ask = asked.setdefault(tuple(members[place].tolist()), new)
        ask.raised = ask.limit < release.hide_below
        ask.limit = max(ask.limit, release.hide_below)
        ask.owners.append(owner)


def _add_sum(system: _System, pieces: int, starts: Sequence[int], how: str) -> None:
    """On every piece the parts of a count, with what is in none of them, are all of it."""
    signs = np.array([1.0, *(-1.0 for _ in starts[1:])])
    for piece in range(pieces):
        system.add(np.array(starts) + piece, (0.0, 0.0), GUESS if how == GUESSED else TIE, signs)


def _add_rests(
    asked: dict[tuple[int, ...], _Asked],
    here: Sequence[Release],
    members_of: Sequence[Sequence[Ints]],
    of: tuple[str, Sequence[str], int],
) -> None:
    """What a count has beside the parts that were let out: nobody shows it, and it must not follow either."""
    total, parts, start = of
    owners = [at for at, one in enumerate(here) if total in one.ranges and set(parts) & set(one.ranges)]
    limit, open_zero = max(one.hide_below for one in here), any(one.zeros == "shown" for one in here)
    for release, members in zip(here, members_of, strict=True):
        for place, part in enumerate(members):
            name = release.codes[place] if place < len(release.codes) else "a total"
            if len(part):
                what = f"what {name} has beside {', '.join(parts)}"
                new = _Asked(what, total, limit, list(owners), zero_is_safe=open_zero)
                asked.setdefault(tuple((start + part).tolist()), new)


def _pieces(grids: Sequence[npt.NDArray[np.object_]]) -> Ints:
    """Cut all grids into pieces; for each piece the cell in each grid, -1 for none (pieces x grids)."""
    shapes, cells = grids[0], np.arange(len(grids[0]))[:, None]
    for other in grids[1:]:
        one, two = shapely.STRtree(other).query(shapes, predicate="intersects")
        common = shapely.intersection(shapes[one], other[two])
        kept = shapely.area(common) > SMALL_M2
        one, two, common = one[kept], two[kept], common[kept]
        rest_one, of_one = _rest(shapes, one, common)
        rest_two, of_two = _rest(other, two, common)
        nowhere = np.full((len(of_two), cells.shape[1]), -1)
        cells = np.vstack(
            [
                np.column_stack([cells[one], two]),
                np.column_stack([cells[of_one], np.full(len(of_one), -1)]),
                np.column_stack([nowhere, of_two]),
            ]
        )
        shapes = np.concatenate([common, rest_one, rest_two])
    return np.asarray(cells, np.int64)


def _rest(
    shapes: npt.NDArray[np.object_], at: Ints, common: npt.NDArray[np.object_]
) -> tuple[npt.NDArray[np.object_], Ints]:
    """What is left of shapes beside what they have in common with others, and of which it is."""
    covered = np.bincount(at, shapely.area(common), minlength=len(shapes))
    open_ = np.flatnonzero(shapely.area(shapes) - covered > SMALL_M2)
    parts = {int(i): common[at == i] for i in open_}
    rest = np.array([shapely.difference(shapes[i], shapely.union_all(parts[i])) for i in parts], object)
    return rest, open_


def _members(release: Release, cell: Ints) -> list[Ints]:
    """The pieces of each place."""
    inside: list[list[int]] = [[] for _ in release.above]
    for piece, place in enumerate(cell.tolist()):
        while place >= 0:
            inside[place].append(piece)
            place = release.above[place]
    return [np.array(members, np.int64) for members in inside]


def _differences(
    one: Release, two: Release, in_one: Ints, in_two: Ints, given: tuple[str, int, int]
) -> Iterator[tuple[tuple[int, ...], _Asked]]:
    """What two cells of two grids have in common, and what each has more, where that is not a whole cell."""
    measure, start, limit = given
    open_zero = "shown" in (one.zeros, two.zeros)
    both = np.flatnonzero((in_one >= 0) & (in_two >= 0))
    for a, b in np.unique(np.column_stack([in_one[both], in_two[both]]), axis=0).tolist():
        of_a, of_b = in_one == a, in_two == b
        names = one.codes[a], two.codes[b]
        for here, words in (
            (of_a & of_b, "what {} and {} have in common"),
            (of_a & ~of_b, "what {} has beside {}"),
            (of_b & ~of_a, "what the later {1} has beside {0}"),
        ):
            members = np.flatnonzero(here)
            if len(members) and not (np.array_equal(here, of_a) or np.array_equal(here, of_b)):
                key = tuple((start + members).tolist())
                yield key, _Asked(words.format(*names), measure, limit, zero_is_safe=open_zero)


def _narrow(system: _System, asked: dict[tuple[int, ...], _Asked], most: int) -> list[Disclosure]:
    """The sums asked for that can be placed too narrowly.

    First only the unknowns around a sum may change, the others stay as in one table that fits all that is shown: a
    width found so is there all the more when all may change. Only where it is too narrow, all may. Each table found on
    the way counts for all sums.
    """
    known, example = _all_known(system)
    few = abs(known.sums[np.flatnonzero(np.diff(known.sums.indptr) <= FEW_PIECES)])
    beside = csr_array(few.T @ few)
    aims = _aims(list(asked), system.size)
    low, high = _at_once(known, aims, example, max((ask.limit for ask in asked.values()), default=1))
    found: list[Disclosure] = []
    for place, ask in enumerate(progress(list(asked.values()), "attacking releases together")):
        if len(found) >= most:
            break
        aim = aims[[place]].toarray()[0]
        ends = low[place], high[place]
        for steps in (2, 4, 0):
            if ask.is_wide(low[place], high[place]):
                break
            near = aim if steps else np.ones(system.size)
            for _ in range(steps):
                near = near + beside @ near
            ends, tables = _range(known, aim, np.flatnonzero(near), example)
            seen = [aims @ table for table in tables]
            low, high = np.minimum.reduce([low, *seen]), np.maximum.reduce([high, *seen])
            low[place], high[place] = min(low[place], ends[0]), max(high[place], ends[1])
        else:
            if not ask.is_safe(*ends) and not _was_known(system, ask, aim, ends):
                found.append(Disclosure(ask.what, ask.measure, round(ends[0], 2), round(ends[1], 2)))
    return found


def _at_once(known: _Known, aims: csr_array, example: Floats, limit: int) -> tuple[Floats, Floats]:
    """What a few tables say of all sums at once, each driven up or down by chance: the least and the most seen."""
    chance = np.random.default_rng(0)
    bounds = Bounds(np.maximum(example - FAR * limit, 0), example + FAR * limit)
    wanted = LinearConstraint(_narrowed(known.sums), known.ranges[:, 0] - NEAR, known.ranges[:, 1] + NEAR)
    seen = [aims @ example]
    for _ in range(TABLES if aims.shape[0] > TABLES else 0):
        signs = chance.choice([-1.0, 1.0], aims.shape[0])
        found = milp(aims.T @ signs, constraints=wanted if known.sums.shape[0] else (), bounds=bounds)
        if found.status == 0:
            seen.append(aims @ found.x)
    return np.min(seen, axis=0), np.max(seen, axis=0)


def _aims(sums: Sequence[tuple[int, ...]], size: int) -> csr_array:
    """Sums of unknowns as a matrix, a row each."""
    row = np.repeat(np.arange(len(sums)), [len(members) for members in sums])
    column = np.array([place for members in sums for place in members], np.int64)
    return csr_array((np.ones(len(column)), (row, column)), shape=(len(sums), size))


def _was_known(system: _System, ask: _Asked, aim: Floats, ends: tuple[float, float]) -> bool:
    """Tell whether one of the releases that hide a number has said as much by itself.

    What was hidden for the sake of others is no small number, and may lie within less than the limit.
    """
    for owner in ask.owners:
        known = system.known([row for row, of in enumerate(system.owner) if of in (owner, TIE)])
        alone, _ = _range(known, aim, np.arange(system.size), np.zeros(system.size))
        if alone[0] >= ends[0] - CLOSE and alone[1] <= ends[1] + CLOSE:
            return True
    return False


def _all_known(system: _System) -> tuple[_Known, Floats]:
    """All that is shown, and a table that fits it; what names say of sums is left out where it cannot be."""
    known = system.known()
    example = _example(known)
    if example is None and GUESS in system.owner:
        known = system.known([row for row, owner in enumerate(system.owner) if owner != GUESS])
        example = _example(known)
    if example is None:
        raise GridError("ledger: releases of one date contradict each other; check as_of= and the measures.")
    return known, example


def _example(known: _Known) -> Floats | None:
    """A table that fits all that is shown, as near as can be to each number spread evenly over its pieces, if any."""
    sums, ranges = known.sums, known.ranges
    rows, count = sums.shape
    pieces = np.maximum(np.diff(sums.indptr), 1)
    few = (pieces <= FEW_PIECES) & np.isfinite(ranges).all(axis=1) & (ranges[:, 1] > 0)
    even = sums[few].T @ (ranges[few].mean(axis=1) / pieces[few])
    aim = even / np.maximum(sums[few].sum(axis=0), 1)
    one = eye_array(count)
    matrix = block_array([[sums, csr_array((rows, count))], [one, one], [-one, one]], format="csr")
    lower = np.concatenate([ranges[:, 0], aim, -aim])
    upper = np.concatenate([ranges[:, 1], np.full(2 * count, np.inf)])
    wanted = LinearConstraint(_narrowed(matrix), lower, upper)
    found = milp(np.repeat([0.0, 1.0], count), constraints=wanted, bounds=Bounds(0, np.inf))
    if found.status == 2:
        return None
    if found.status != 0:
        raise GridError(f"ledger: the attack on releases failed ({found.message}); nothing is published.")
    return np.maximum(found.x[:count], 0.0)


def _narrowed(matrix: csr_array) -> csc_array:
    """Give a matrix by columns with places of 32 bits, which older solvers ask for."""
    made = csc_array(matrix)
    return csc_array((made.data, made.indices.astype(np.int32), made.indptr.astype(np.int32)), shape=made.shape)


def _range(known: _Known, aim: Floats, free: Ints, example: Floats) -> tuple[tuple[float, float], list[Floats]]:
    """The least and the most that a sum can be when only some unknowns may differ from an example; and these tables."""
    fixed = example.copy()
    fixed[free] = 0.0
    part = known.sums[:, free]
    rows = np.flatnonzero(np.diff(part.indptr))
    ranges = known.ranges[rows] - (known.sums @ fixed)[rows, None]
    own, part = float(aim @ fixed), part[rows]
    wanted = [LinearConstraint(_narrowed(part), ranges[:, 0] - NEAR, ranges[:, 1] + NEAR)] if len(rows) else []
    ends, tables = [], []
    for sign in (1.0, -1.0):
        found = milp(sign * aim[free], constraints=wanted, bounds=Bounds(0, np.inf))
        if found.status not in (0, 3):
            raise GridError(f"ledger: the attack on releases failed ({found.message}); nothing is published.")
        ends.append(own + (sign * found.fun if found.status == 0 else -sign * np.inf))
        if found.status == 0:
            tables.append(fixed.copy())
            tables[-1][free] = found.x
    return (ends[0], ends[1]), tables
