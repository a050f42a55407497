"""What squares and hexagons have in common: rows and columns of cells over two arrays of borders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gridgis.lattice.borders import Bools, Borders, Floats, Ints
from gridgis.lattice.loops import Loops


@dataclass(frozen=True)
class Guess:
    """The cells of points by arithmetic, exact where not in doubt.

    Attributes
    ----------
    row, col : array of int
        -1 or the number of rows or columns for a point beside the mesh.
    doubt : array of bool
        So near to a border that only `Mesh.holders` can tell.
    """

    row: Ints
    col: Ints
    doubt: Bools


@dataclass(frozen=True)
class Holders:
    """The cells whose closed polygon holds a point, by comparison with the borders themselves.

    Attributes
    ----------
    row, col : array of int, points x candidates
        Candidates without a row are beside the mesh: their row is -1.
    holds : array of bool, points x candidates
        The closed cell holds the point. Other candidates are so near that a cut of their border may reach the point.
    """

    row: Ints
    col: Ints
    holds: Bools


@dataclass(frozen=True)
class Pieces:
    """An outline cut by a mesh: each edge lies in one cell, or along the border between two.

    Attributes
    ----------
    loops : Loops
        Edge i runs from corner i to the one that follows it.
    row, col : array of int
        The cell that each edge lies in; for one along a border that stands upright, the cell right of it.
    along : array of bool
        The edge runs along a border.
    node : array of bool
        The corner lies on a border.
    """

    loops: Loops
    row: Ints
    col: Ints
    along: Bools
    node: Bools


@dataclass(frozen=True)
class Rim:
    """Where corners stand on the rim of a cell, going round against the clock.

    Attributes
    ----------
    side : array of int
        Number of the side, 0 first; -1 for a corner that does not stand on the rim.
    way : array of float
        Growing along the side.
    at_corner : array of bool
        At the beginning of the side.
    """

    side: Ints
    way: Floats
    at_corner: Bools


class Mesh(Protocol):
    """Rows and columns of cells, implicit in two arrays of borders. Row and column count up with q and p."""

    across: Borders
    """The borders of p, along the columns."""
    along: Borders
    """The borders of q, along the rows."""
    shape: tuple[int, int]
    """Numbers of rows and of columns."""
    sides: int
    """How many sides a cell has."""
    middle: Floats
    """A q in each row that no slanting border reaches, half way up."""

    def guess(self, p: Floats, q: Floats) -> Guess:
        """Give the cells of points by arithmetic."""
        ...

    def holders(self, p: Floats, q: Floats) -> Holders:
        """Give the cells that hold points, exactly."""
        ...

    def cut(self, loops: Loops, reach: float) -> Pieces:
        """Cut an outline at the borders of the cells; what is within ``reach`` of a border lies on it."""
        ...

    def beside(self, p: Floats, q: Floats) -> tuple[Ints, Ints]:
        """Give rows and columns (corners x 2) of the two cells at corners that stand on a border."""
        ...

    def is_corner(self, p: Floats, q: Floats) -> Bools:
        """Tell which corners stand where three or more cells meet."""
        ...

    def rim(self, row: Ints, col: Ints, p: Floats, q: Floats) -> Rim:
        """Say where on the rim of a cell each corner stands."""
        ...

    def corners(self, row: Ints, col: Ints) -> Floats:
        """Give the corners of cells (cells x sides x 2), against the clock."""
        ...

    def area(self, row: Ints, col: Ints) -> Floats:
        """Give the areas of cells, in the square of the unit of the borders."""
        ...
