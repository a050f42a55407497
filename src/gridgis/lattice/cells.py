"""The lattice: cells that are there without being drawn, and points put into them by arithmetic."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from gridgis.answers import BAD_COORDINATES, OUTSIDE, Counts
from gridgis.contract import CODE, PARENT, Grid, GridError, text_column
from gridgis.lattice.borders import Bools, Floats, Ints
from gridgis.lattice.chains import cells_of, places_of
from gridgis.lattice.clip import Polygons
from gridgis.lattice.frames import Exchanged, Upright
from gridgis.lattice.ground import Ground
from gridgis.lattice.laying import Plan, lay
from gridgis.lattice.names import Texts
from gridgis.lattice.shares import largest_share

BLOCK = 1 << 14
"""So many points are located at once: their arrays stay in the cache of the processor."""


class Lattice:
    """Regular cells over areas, made by `square_grid`, `hex_grid`, `european_grid` or `beidou_grid`.

    The cells are implicit: codes, counts and the place of a point come from two arrays of borders. A polygon is made
    when `cells` is asked for it. Cells are numbered 0 to n - 1 in the order of their codes as text.

    A lattice answers `locate`, `examine` and `count` as an index of its cells would: a point on a border belongs to
    the cell with the lower code, and a point in a clipped cell but outside the areas is outside.

    Attributes
    ----------
    crs : pyproj.CRS
        Of the areas, projected, in metres; coordinates that are asked about are in it.

    Examples
    --------
    >>> from gridgis.lattice import square_grid
    >>> lattice = square_grid(example.areas, size_m=100)
    >>> lattice
    <Lattice: 8 cells, squares of 100 m, EPSG:4547>
    >>> grid = lattice.cells()
    >>> bool(abs(grid["area_m2"].sum() - example.areas.area.sum()) < 1e-6)
    True
    """

    def __init__(self, ground: Ground, plan: Plan, whole: bool) -> None:
        self.crs: pyproj.CRS = ground.crs
        self.whole = whole
        self._ground, self._plan = ground, plan
        laid = lay(plan, ground.outline)
        row, col = np.nonzero(laid.part | laid.full)
        order = plan.names.order(row, col)
        self._row, self._col = row[order], col[order]
        self._cut = laid.part[self._row, self._col]
        kept = slice(0, 0 if whole else None)
        self._special_polygons = laid.polygons[kept]
        shapely.prepare(self._special_polygons)
        self._table = self._numbered(laid.special[kept])

    def _numbered(self, special: Ints) -> npt.NDArray[np.int32]:
        """What stands where in the mesh, with a rim around: position of a cell; -2 - n for special cell n; or -1."""
        rows, cols = self._plan.mesh.shape
        table = np.full((rows + 2, cols + 2), -1, np.int32)
        table[self._row + 1, self._col + 1] = np.arange(len(self._row))
        _, row, col = places_of(self._plan.mesh, special)
        self._special_position = table[row + 1, col + 1]
        table[row + 1, col + 1] = -2 - np.arange(len(row))
        return table

    def __len__(self) -> int:
        return len(self._row)

    def __repr__(self) -> str:
        authority = self.crs.to_authority()
        name = ":".join(authority) if authority else self.crs.name
        return f"<Lattice: {len(self):,} cells, {self._plan.what}, {name}>"

    @cached_property
    def codes(self) -> Texts:
        """The codes of all cells, ascending: array of str."""
        return self._plan.names.codes(self._row, self._col)

    @cached_property
    def parents(self) -> Texts:
        """For each cell, the code of the area that has the largest share of it (of equal ones, the lowest code).

        Array of str; "area" where the areas have no codes.
        """
        ground, shapes = self._ground, self._ground.shapes
        if len(set(ground.codes)) == 1:
            return np.full(len(self), ground.codes[0], object)
        return ground.codes[largest_share(self._plan.cut(shapes), self._row, self._col)]

    @cached_property
    def clipped(self) -> Bools:
        """Tell which cells are not whole: the border of the areas runs through them. Array of bool."""
        return self._cut & (not self.whole)

    @cached_property
    def area_m2(self) -> Floats:
        """The area of each cell, square metres; of a clipped one, of what is left. Array of float."""
        if not isinstance(self._plan.frame, Upright | Exchanged):
            return np.asarray(shapely.area(self._polygons(np.arange(len(self)))))
        area = self._plan.mesh.area(self._row, self._col)
        area[self._special_position] = shapely.area(self._special_polygons)
        return area

    def cells(self, positions: Any = None) -> Grid:
        """Draw cells as a grid.

        Parameters
        ----------
        positions : array of int or bool, optional
            The cells wanted, by number, or one bool for each cell; without it all.

        Returns
        -------
        GeoDataFrame
            ``grid_code``, ``parent_code`` (str), ``area_m2`` (float), ``geometry`` (Polygon; MultiPolygon where the
            border of the areas cuts a cell into pieces), in the order asked for, in the CRS of the areas, index 0, 1,
            2, ... Neighbours share their border vertex by vertex. Where a cell lies is what its code says, so one
            in pieces stays one cell; `check_grid` names it (``cell_in_pieces``).

        Raises
        ------
        GridError
            If a position is no number of a cell.

        Examples
        --------
        >>> from gridgis.lattice import square_grid
        >>> square_grid(example.areas, size_m=100).cells([0])["grid_code"].tolist()
        ['100mN040070E004200']
        """
        where = self._checked_positions(positions)
        shapes = self._polygons(where)
        grid = gpd.GeoDataFrame(
            {
                CODE: text_column(self.codes[where]),
                PARENT: text_column(self.parents[where]),
                "area_m2": shapely.area(shapes),
            },
            geometry=shapes,
            crs=self.crs,
        )
        return grid

    def _checked_positions(self, positions: Any) -> Ints:
        """The cells asked for, by number."""
        if positions is None:
            return np.arange(len(self))
        asked = np.asarray(positions)
        if asked.dtype == bool and asked.shape == (len(self),):
            return np.flatnonzero(asked)
        if asked.size == 0:
            return np.zeros(0, np.int64)
        if asked.ndim != 1 or not np.issubdtype(asked.dtype, np.integer):
            raise GridError(
                f"positions: expected whole numbers, or one bool for each of the {len(self):,} cells, got "
                f"{asked.dtype} of shape {asked.shape}."
            )
        wrong = asked[(asked < 0) | (asked >= len(self))]
        if len(wrong):
            raise GridError(f"positions: expected numbers of cells, 0 to {len(self) - 1:,}, got {wrong[0]}.")
        return asked.astype(np.int64)

    def _polygons(self, where: Ints) -> Polygons:
        """The polygons of cells, on the map."""
        row, col = self._row[where], self._col[where]
        mark = self._table[row + 1, col + 1]
        shapes = np.empty(len(where), object)
        plain = np.flatnonzero(mark >= 0)
        corners = self._plan.mesh.corners(row[plain], col[plain])
        closed = np.concatenate([corners, corners[:, :1]], axis=1)
        ends = np.arange(len(plain) + 1)
        shapes[plain] = shapely.from_ragged_array(
            shapely.GeometryType.POLYGON, closed.reshape(-1, 2), (ends * closed.shape[1], ends)
        )
        special = np.flatnonzero(mark < 0)
        if len(special):
            shapes[special] = self._special_polygons[-2 - mark[special]]
        return self._plan.frame.shapes_out(shapes)

    def locate(self, x: Any, y: Any) -> npt.NDArray[np.int32]:
        """Give the cell of each point.

        Parameters
        ----------
        x, y : array of float
            Coordinates in ``crs``, metres.

        Returns
        -------
        array of int32
            Number of the cell; -1 outside, -3 where a coordinate is NaN or infinite.

        Examples
        --------
        >>> from gridgis.lattice import square_grid
        >>> square_grid(example.areas, size_m=100).locate([420150.0, 0.0], [4007050.0, float("nan")])
        array([ 1, -3], dtype=int32)
        """
        return self.examine(x, y)[0]

    def examine(self, x: Any, y: Any) -> tuple[npt.NDArray[np.int32], Bools]:
        """Give the cell of each point, and tell which points lie on a border.

        A point on a border that cells share belongs to the one with the lowest code; the outer border belongs to the
        cell inside.

        Parameters
        ----------
        x, y : array of float
            Coordinates in ``crs``, metres.

        Returns
        -------
        position : array of int32
            As `locate` gives it.
        on_border : array of bool
            The point has a cell and lies inside none.

        Raises
        ------
        GridError
            If ``x`` and ``y`` are no two arrays of one length.
        """
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        if x.ndim != 1 or x.shape != y.shape:
            raise GridError(f"x, y: expected two arrays of one length, got shapes {x.shape} and {y.shape}.")
        position, border = np.empty(len(x), np.int32), np.zeros(len(x), bool)
        p, q = self._plan.frame.into(x, y)
        with np.errstate(invalid="ignore", over="ignore"):
            for start in range(0, len(x), BLOCK):
                block = slice(start, start + BLOCK)
                self._examine_block(p[block], q[block], position[block], border[block])
        position[~(np.isfinite(x) & np.isfinite(y))] = BAD_COORDINATES
        return position, border

    def _examine_block(self, p: Floats, q: Floats, position: npt.NDArray[np.int32], border: Bools) -> None:
        """Write the answers for some points: by arithmetic, then exactly where that is not enough."""
        guess = self._plan.mesh.guess(p, q)
        place = guess.row
        place += 1
        place *= self._table.shape[1]
        place += guess.col
        place += 1
        np.take(self._table.ravel(), place, out=position, mode="clip")
        again = np.flatnonzero(guess.doubt | (position < OUTSIDE))
        if len(again):
            position[again], border[again] = self._exactly(p[again], q[again])

    def _exactly(self, p: Floats, q: Floats) -> tuple[npt.NDArray[np.int32], Bools]:
        """The answers by comparison with the borders themselves, and with the polygons of special cells."""
        held = self._plan.mesh.holders(p, q)
        asked = held.row >= 0
        mark = np.where(asked, self._table[held.row + 1, held.col + 1], -1)
        number = cells_of(self._plan.mesh, np.zeros_like(held.row), held.row, held.col)
        one = np.where(held.holds & asked, number, -1).max(axis=1, keepdims=True)
        alone = (np.where(held.holds & asked, number, one) == one).all(axis=1)
        best = np.full(len(p), len(self), np.int64)
        inside = np.zeros(len(p), bool)
        for candidate in range(mark.shape[1]):
            plain = np.flatnonzero(held.holds[:, candidate] & (mark[:, candidate] >= 0))
            best[plain] = np.minimum(best[plain], mark[plain, candidate])
            inside[plain] |= alone[plain]
            at = np.flatnonzero(mark[:, candidate] < OUTSIDE)
            if len(at):
                special = -2 - mark[at, candidate]
                shapes = self._special_polygons[special]
                hit = shapely.intersects_xy(shapes, p[at], q[at])
                best[at[hit]] = np.minimum(best[at[hit]], self._special_position[special[hit]])
                inside[at] |= shapely.contains_xy(shapes, p[at], q[at])
        found = best < len(self)
        return np.where(found, best, OUTSIDE).astype(np.int32), found & ~inside

    def count(self, x: Any, y: Any, weights: Any = None) -> Counts:
        """Count points, or sum their weights, in each cell; what lies in none is told apart.

        Parameters
        ----------
        x, y : array of float
            Coordinates in ``crs``, metres.
        weights : array of float, optional
            What each point counts; without it one.

        Returns
        -------
        Counts
            ``cells`` (one number a cell, in the order of the lattice: int64, or float64 with weights), ``outside``,
            ``conflict`` (always 0), ``bad_coordinates``. Together they are all that was given.

        Raises
        ------
        GridError
            If the arrays are not of one length.

        Examples
        --------
        >>> from gridgis.lattice import square_grid
        >>> square_grid(example.areas, size_m=100).count([420150.0, 0.0], [4007050.0, 0.0]).outside
        1
        """
        position = self.locate(x, y)
        w = None if weights is None else np.asarray(weights, np.float64)
        if w is not None and w.shape != position.shape:
            raise GridError(f"weights: expected one for each of the {len(position):,} points, got {w.shape}.")
        sums = np.bincount(position + 3, weights=w, minlength=len(self) + 3)
        return Counts(sums[3:], sums[2].item(), sums[1].item(), sums[0].item())
