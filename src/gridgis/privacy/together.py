"""Several releases attacked together: what their differences say about pieces of ground and about hidden numbers.

All releases of one measure and one date are laid over each other. Every number that was shown is then a sum of pieces
of ground, known exactly or within a range. A number is disclosed when all that was shown leaves it a range that is
narrower than the limit, and does not lie at 0, or at or above the limit: be it a hidden number of one release, what two
cells have in common, or what one has more than the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_array, csc_array, csr_array, eye_array

from gridgis.contract import GridError
from gridgis.crs import transform
from gridgis.privacy.ledger import Release

SMALL_M2 = 1.0
"""A piece with less ground is rounding, not a difference of borders."""
FEW_PIECES = 64
"""Sums of more pieces say nothing about what lies near to what."""
NEAR, CLOSE = 1e-6, 1e-3
"""What sums may be off; and how near to each other two counts are the same."""
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Asked = dict[tuple[int, ...], tuple[str, int]]
"""For each sum of pieces that is asked for, what it is, and the width that it must be left."""


@dataclass(frozen=True)
class Disclosure:
    """A number that releases give away together.

    Attributes
    ----------
    what : str
        The number, in words.
    low, high : float
        The range that is left to it.
    """

    what: str
    low: float
    high: float


def disclosed(releases: Sequence[Release], measure: str, most: int = 20) -> list[Disclosure]:
    """Attack releases together.

    Parameters
    ----------
    releases : sequence of Release
        The newest last. Those of its date that know the measure are taken.
    measure : str
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
    here = [release for release in releases if release.as_of == newest.as_of and measure in release.ranges]
    grids: list[Release] = []
    for release in here:
        if not any(release.same_cells(grid) for grid in grids):
            grids.append(release)
    pieces = _pieces([transform(grid.cells, grid.crs, newest.crs, "ledger") for grid in grids])
    shown, ranges, asked = _equations(here, grids, pieces, measure)
    return _narrow(shown, ranges, asked, most)


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


def _equations(
    releases: Sequence[Release], grids: Sequence[Release], pieces: Ints, measure: str
) -> tuple[csr_array, Floats, Asked]:
    """Sums of pieces that are known (rows x pieces), their ranges, and the sums asked for, each with its words."""
    rows: list[Ints] = []
    ranges: list[list[float]] = []
    asked: Asked = {}
    for release in releases:
        number = next(i for i, grid in enumerate(grids) if grid.same_cells(release))
        members = _members(release, pieces[:, number])
        for place, known in enumerate(release.ranges[measure]):
            if known is not None and len(members[place]):
                rows.append(members[place])
                ranges.append(known)
        for place in release.hidden[measure]:
            name = release.codes[place] if place < len(release.codes) else "a total"
            key, words = tuple(members[place].tolist()), (f"the hidden number of {name}", release.hide_below)
            asked[key] = max(asked.get(key, words), words, key=lambda known: known[1])
    for one in range(pieces.shape[1]):
        for two in range(one + 1, pieces.shape[1]):
            asked = (
                _differences(grids[one], grids[two], pieces[:, one], pieces[:, two], releases[-1].hide_below) | asked
            )
    row = np.repeat(np.arange(len(rows)), [len(members) for members in rows])
    column = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    matrix = csr_array((np.ones(len(column)), (row, column)), shape=(len(rows), len(pieces)))
    return matrix, np.array(ranges, float).reshape(-1, 2), asked


def _members(release: Release, cell: Ints) -> list[Ints]:
    """The pieces of each place."""
    inside: list[list[int]] = [[] for _ in release.above]
    for piece, place in enumerate(cell.tolist()):
        while place >= 0:
            inside[place].append(piece)
            place = release.above[place]
    return [np.array(members, np.int64) for members in inside]


def _differences(one: Release, two: Release, in_one: Ints, in_two: Ints, limit: int) -> Asked:
    """What two cells of two grids have in common, and what each has more, where that is not a whole cell."""
    asked: Asked = {}
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
                asked.setdefault(tuple(members.tolist()), (words.format(*names), limit))
    return asked


def _narrow(shown: csr_array, ranges: Floats, asked: Asked, most: int) -> list[Disclosure]:
    """The sums asked for that can be placed too narrowly.

    First only the pieces around a sum may change, the others stay as in one table that fits all that is shown: a width
    found so is there all the more when all may change. Only where it is too narrow, all pieces may.
    """
    example = _example(shown, ranges)
    few = shown[np.flatnonzero(np.diff(shown.indptr) <= FEW_PIECES)]
    beside = csr_array(few.T @ few)
    found: list[Disclosure] = []
    for members, (words, limit) in asked.items():
        if len(found) >= most:
            break
        aim = np.zeros(shown.shape[1])
        aim[list(members)] = 1.0
        low, high = 0.0, 0.0
        for steps in (2, 4, 0):
            near = aim if steps else np.ones(shown.shape[1])
            for _ in range(steps):
                near = near + beside @ near
            low, high = _range(shown, ranges, aim, np.flatnonzero(near), example)
            if high - low >= limit - CLOSE:
                break
        else:
            if low < limit - CLOSE and high > CLOSE:
                found.append(Disclosure(words, round(low, 2), round(high, 2)))
    return found


def _example(shown: csr_array, ranges: Floats) -> Floats:
    """A table of pieces that fits all that is shown, as near as can be to each number spread evenly over its pieces."""
    rows, count = shown.shape
    pieces = np.maximum(np.diff(shown.indptr), 1)
    few = pieces <= FEW_PIECES
    even = shown[few].T @ (ranges[few].mean(axis=1) / pieces[few])
    aim = even / np.maximum(shown[few].sum(axis=0), 1)
    one = eye_array(count)
    matrix = block_array([[shown, csr_array((rows, count))], [one, one], [-one, one]], format="csr")
    lower = np.concatenate([ranges[:, 0], aim, -aim])
    upper = np.append(ranges[:, 1], np.full(2 * count, np.inf))
    wanted = LinearConstraint(_narrowed(matrix), lower, upper)
    found = milp(np.repeat([0.0, 1.0], count), constraints=wanted, bounds=Bounds(0, np.inf))
    if found.status != 0:
        raise GridError("ledger: releases of one date contradict each other; check as_of= and the measures.")
    return np.maximum(found.x[:count], 0.0)


def _narrowed(matrix: csr_array) -> csc_array:
    """Give a matrix by columns with places of 32 bits, which older solvers ask for."""
    made = csc_array(matrix)
    return csc_array((made.data, made.indices.astype(np.int32), made.indptr.astype(np.int32)), shape=made.shape)


def _range(shown: csr_array, ranges: Floats, aim: Floats, free: Ints, example: Floats) -> tuple[float, float]:
    """The least and the most that a sum can be when only some pieces may differ from an example."""
    fixed = example.copy()
    fixed[free] = 0.0
    part = shown[:, free]
    rows = np.flatnonzero(np.diff(part.indptr))
    known = ranges[rows] - (shown @ fixed)[rows, None]
    own, part = float(aim @ fixed), part[rows]
    known[:, 0] -= NEAR
    known[:, 1] += NEAR
    ends = []
    for sign in (1.0, -1.0):
        wanted = [LinearConstraint(_narrowed(part), known[:, 0], known[:, 1])] if len(rows) else []
        found = milp(sign * aim[free], constraints=wanted, bounds=Bounds(0, np.inf))
        if found.status not in (0, 3):
            raise GridError(f"ledger: the attack on releases failed ({found.message}); nothing is published.")
        ends.append(own + (sign * found.fun if found.status == 0 else -sign * np.inf))
    return ends[0], ends[1]
