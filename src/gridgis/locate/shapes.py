"""What lines and polygons have in common when they are laid over cells: `areas` and `lines` do it.

Cells stand in the order of their codes, so that the lower position is the lower code. What is no wider than `WIDTH_M`
is rounding, as in the proof of a grid: a house that reaches half a millimetre over a border is inside.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from gridgis.answers import CONFLICT, OUTSIDE
from gridgis.contract import GridError, listed
from gridgis.cover import WIDTH_M, overlaps, unrounded
from gridgis.locate.points import BOUNDARY, CLASH, INSIDE, OUT, SHARE, TIE

EQUAL = 1e-6
"""Shares that differ by up to such a part of them are equal: above the noise of coordinates, below all meaning."""

MANY_CORNERS = 200
"""From so many corners on, a thing is worth being prepared itself."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Reasons = npt.NDArray[np.uint8]
Shapes = npt.NDArray[np.object_]


class Parts(NamedTuple):
    """What lies where: parts of things, in any order."""

    thing: Ints
    cell: Ints
    """The position of the cell; `OUTSIDE` or `CONFLICT` for what lies in none, or where cells overlap."""
    shape: Shapes


class Pieces(NamedTuple):
    """Things cut along the cells, ordered by thing, then by code; the shares of a thing add up to 1."""

    thing: Ints
    cell: Ints
    """As in `Parts`."""
    shape: Shapes
    share: Floats
    whole: Flags
    """Whether the piece is the whole thing, up to rounding."""
    how: Reasons
    """The reason, by its place in `HOW`."""


class Winners(NamedTuple):
    """The cell with the largest share of each thing, row by row."""

    cell: Ints
    """The position of the cell, `OUTSIDE` or `CONFLICT`."""
    share: Floats
    """Of the thing in this cell; NaN where there is none."""
    how: Reasons


class Cells:
    """Cells in the order of their codes, copied and prepared as far as they are needed.

    Parameters
    ----------
    polygons : array of shapely geometries
        Missing and empty ones hold nothing.
    codes : array of str
        One a polygon.
    """

    def __init__(self, polygons: Shapes, codes: npt.NDArray[np.object_]) -> None:
        codes = np.asarray(codes, object)
        self.by_code: Ints = np.argsort(codes.astype(str), kind="stable")
        self.codes = codes[self.by_code]
        self._polygons = np.asarray(polygons, object)[self.by_code]

    def __getitem__(self, positions: Ints) -> Shapes:
        """Give polygons by their positions in the order of the codes."""
        return self._polygons[positions]

    def rows_of(self, positions: Ints) -> npt.NDArray[np.int32]:
        """Give the rows that cells had before they were ordered; -1 for what is no cell."""
        rows = np.append(self.by_code, -1)
        return rows[np.where(positions >= 0, positions, -1)].astype(np.int32)

    def meetings(self, things: Shapes, reach_m: float = 0.0) -> tuple[Ints, Ints, Flags]:
        """Give the pairs of thing and cell with a point in common, and where the thing is clear of the border.

        Parameters
        ----------
        things : array of shapely geometries
        reach_m : float
            So many metres between them are none.

        Returns
        -------
        thing, cell : array of int
            Positions, ordered by thing, then by code.
        clear : array of bool
            The thing lies wholly in this cell, does not touch its border, and meets no other cell.

        Raises
        ------
        GridError
            If a cell near a thing is no valid polygon.
        """
        west, south, east, north = shapely.bounds(things).T
        boxes = shapely.box(west - reach_m, south - reach_m, east + reach_m, north + reach_m) if reach_m else things
        cell, thing = shapely.STRtree(boxes).query(self._polygons)
        order = np.lexsort((cell, thing))
        thing, cell = thing[order], cell[order]
        self._prepare(np.flatnonzero(np.bincount(cell, minlength=len(self._polygons))))
        clear = shapely.contains_properly(self[cell], things[thing])
        meets, asked = clear.copy(), np.flatnonzero(~clear)
        one, other = _finer_first(self[cell[asked]], things[thing[asked]])
        meets[asked] = shapely.intersects(one, other)
        if reach_m:
            apart = ~meets[asked]
            meets[asked[apart]] = shapely.dwithin(one[apart], other[apart], reach_m)
        thing, cell, clear = thing[meets], cell[meets], clear[meets]
        return thing, cell, clear & (np.bincount(thing, minlength=len(things))[thing] == 1)

    def _prepare(self, positions: Ints) -> None:
        copies = shapely.force_2d(self[positions])
        bad = ~(shapely.is_valid(copies) & (shapely.get_dimensions(copies) == 2))
        if bad.any():
            raise GridError(
                f"grid: expected valid polygons, got others in {int(bad.sum())} cells "
                f"({listed(self.codes[positions[bad]])}); check_grid says what is wrong with them."
            )
        copies = unrounded(copies)
        shapely.prepare(copies)
        self._polygons[positions] = copies

    def clashes(self, things: Shapes, thing: Ints, cell: Ints) -> tuple[Parts, shapely.Geometry]:
        """Give what of things lies where cells overlap, and all places where cells overlap.

        Parameters
        ----------
        things : array of shapely geometries
        thing, cell : array of int
            What `meetings` gives.
        """
        several = np.bincount(thing, minlength=len(things))[thing] > 1
        overlap = self._overlap(np.unique(cell[several]))
        rows = np.unique(thing[several])
        shapely.prepare(overlap)
        rows = rows[shapely.intersects(overlap, things[rows])]
        shape = of_dimension(shapely.intersection(things[rows], overlap), shapely.get_dimensions(things[rows]))
        wide = widths(shape) > np.minimum(WIDTH_M, widths(things[rows]) / 2)
        return Parts(rows[wide], np.full(int(wide.sum()), CONFLICT, np.int64), shape[wide]), overlap

    def _overlap(self, positions: Ints) -> shapely.Geometry:
        """Give what lies in two of these cells or more, as far as it is wider than rounding."""
        polygons = self[positions]
        if shapely.coverage_is_valid(polygons):
            return shapely.GeometryCollection()
        return shapely.union_all([part for _, _, parts in overlaps(polygons) for part in parts])


def _finer_first(cells: Shapes, things: Shapes) -> tuple[Shapes, Shapes]:
    """Give pairs, first the one that is to be prepared: the cell, or a thing with many more corners, as of a river."""
    corners = shapely.get_num_coordinates(things)
    swap = (corners > MANY_CORNERS) & (corners > shapely.get_num_coordinates(cells))
    shapely.prepare(things[swap])
    return np.where(swap, things, cells), np.where(swap, cells, things)


def pieces_from(parts: list[Parts], things: Shapes, border: Flags) -> Pieces:
    """Put parts into order, and give them their shares.

    Parameters
    ----------
    parts : list of Parts
        Together they are the things, nothing twice.
    things : array of shapely geometries
    border : array of bool
        Whether the thing, if it is one piece, runs along the border of its cell.

    Returns
    -------
    Pieces
        Parts no wider than rounding are left out where a thing has wider ones.
    """
    thing, cell, shape = (np.concatenate(column) for column in zip(*parts, strict=True))
    width = widths(shape)
    some = np.zeros(len(things), bool)
    some[thing[width > WIDTH_M]] = True
    keep = np.flatnonzero((width > WIDTH_M) | (~some[thing] & (width > 0)))
    last = np.where(cell < 0, np.iinfo(np.int64).max + cell, cell)
    order = keep[np.lexsort((last[keep], thing[keep]))]
    thing, cell, shape = thing[order], cell[order], shape[order]
    measure = measures(shape)
    share = measure / np.bincount(thing, measure, len(things))[thing]
    whole = np.bincount(thing, minlength=len(things))[thing] == 1
    shape[whole] = things[thing[whole]]
    how = np.where(whole, np.where(border[thing], BOUNDARY, INSIDE), SHARE).astype(np.uint8)
    how[cell == OUTSIDE] = OUT
    how[cell == CONFLICT] = CLASH
    return Pieces(thing, cell, shape, share, whole, how)


def largest(thing: Ints, cell: Ints, share: Floats, count: int) -> tuple[Ints, Floats, Flags]:
    """Give the cell with the largest share of each thing, that share, and whether the lowest code had to decide.

    Examples
    --------
    >>> cell, share, tied = largest(np.array([0, 0, 1]), np.array([4, 3, 7]), np.array([0.5, 0.5, 0.2]), 3)
    >>> cell.tolist(), share.tolist(), tied.tolist()
    ([3, 7, -1], [0.5, 0.2, nan], [True, False, False])
    """
    best = np.full(count, -1.0)
    np.maximum.at(best, thing, share)
    equal = np.flatnonzero(share >= best[thing] * (1 - EQUAL))
    winner, first = np.full(count, OUTSIDE, np.int64), equal[np.lexsort((-cell[equal], thing[equal]))]
    winner[thing[first]], best[thing[first]] = cell[first], share[first]
    best[winner == OUTSIDE] = np.nan
    return winner, best, np.bincount(thing[equal], minlength=count) > 1


def undecided(thing: Ints, cell: Ints, share: Floats, found: tuple[Ints, Floats, Flags], contested: Floats) -> Ints:
    """Give the things whose winner could be another cell, as they lie in part where cells overlap.

    A winner stands if it has for itself more than any other cell would have with all that is contested.

    Parameters
    ----------
    thing, cell, share
        As for `largest`; the shares are of what lies in one cell alone.
    found : tuple
        What `largest` gives.
    contested : array of float
        The share of each thing that lies where cells overlap.

    Examples
    --------
    >>> thing, cell, share = np.array([0, 0, 1, 1]), np.array([3, 4, 3, 4]), np.array([0.5, 0.3, 0.4, 0.3])
    >>> undecided(thing, cell, share, largest(thing, cell, share, 2), np.array([0.1, 0.3])).tolist()
    [1]
    """
    winner, best, _ = found
    rival, other = np.zeros(len(winner)), cell != winner[thing]
    np.maximum.at(rival, thing[other], share[other])
    return np.flatnonzero((contested > 0) & ~(best * (1 - EQUAL) > rival + contested))


def winners_from(found: tuple[Ints, Floats, Flags], whole: Flags, border: Flags, clashing: Ints) -> Winners:
    """Say how the winners came about.

    Parameters
    ----------
    found : tuple
        What `largest` gives.
    whole, border : array of bool
        Whether the cell has all of the thing; and whether this runs along its border.
    clashing : array of int
        Things that lie where cells overlap, so that they have no cell: those that are `undecided`.
    """
    cell, share, tied = found
    how = np.where(whole, np.where(tied | border, BOUNDARY, INSIDE), np.where(tied, TIE, SHARE)).astype(np.uint8)
    how[cell == OUTSIDE] = OUT
    cell[clashing], share[clashing], how[clashing] = CONFLICT, np.nan, CLASH
    return Winners(cell, share, how)


def middle_of(shapes: Shapes) -> tuple[Floats, Floats]:
    """Give a point in each shape: of a polygon one inside, of a line its middle.

    Examples
    --------
    >>> import shapely
    >>> x, y = middle_of(np.array([shapely.box(0, 0, 2, 4), shapely.LineString([(0, 0), (4, 0)])]))
    >>> x.tolist(), y.tolist()
    ([1.0, 2.0], [2.0, 0.0])
    """
    points, areal = shapes.copy(), shapely.get_dimensions(shapes) == 2
    points[areal] = shapely.point_on_surface(shapes[areal])
    points[~areal] = shapely.line_interpolate_point(shapes[~areal], 0.5, normalized=True)
    return shapely.get_x(points), shapely.get_y(points)


def measures(shapes: Shapes) -> Floats:
    """Give the area (m2) of polygons, the length (m) of lines.

    Examples
    --------
    >>> import shapely
    >>> measures(np.array([shapely.box(0, 0, 2, 3), shapely.LineString([(0, 0), (4, 0)])])).tolist()
    [6.0, 4.0]
    """
    return np.where(shapely.get_dimensions(shapes) == 2, shapely.area(shapes), shapely.length(shapes))


def widths(shapes: Shapes) -> Floats:
    """Give the mean width (m) of polygons, the length (m) of lines: what rounding is measured by.

    Examples
    --------
    >>> import shapely
    >>> widths(np.array([shapely.box(0, 0, 100, 0.001), shapely.LineString([(0, 0), (4, 0)])])).round(4).tolist()
    [0.001, 4.0]
    """
    length = shapely.length(shapes)
    areal = (shapely.get_dimensions(shapes) == 2) & (length > 0)
    return np.where(areal, 2 * shapely.area(shapes) / np.where(areal, length, 1.0), length)


def of_dimension(shapes: Shapes, dimension: npt.ArrayLike) -> Shapes:
    """Keep the lines (1) or the polygons (2) of what was cut; what has none becomes empty.

    Examples
    --------
    >>> import shapely
    >>> mixed = shapely.GeometryCollection([shapely.Point(0, 0), shapely.box(0, 0, 1, 1)])
    >>> of_dimension(np.array([mixed, shapely.Point(0, 0)]), 2).tolist()
    [<POLYGON ((1 0, 1 1, 0 1, 0 0, 1 0))>, <LINESTRING EMPTY>]
    """
    wanted, kept = np.broadcast_to(np.asarray(dimension), shapes.shape), shapes.copy()
    for row in np.flatnonzero(shapely.get_type_id(kept) == 7).tolist():
        parts = shapely.get_parts(shapely.get_parts(kept[row]))
        kept[row] = shapely.union_all(parts[shapely.get_dimensions(parts) == wanted[row]])
    kept[shapely.get_dimensions(kept) != wanted] = shapely.LineString()
    return kept
