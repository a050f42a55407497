"""`CellIndex`: a grid made ready for the question in which cell a point lies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from gridgis import compiled
from gridgis.answers import Counts
from gridgis.contract import CODE, Grid, GridError, listed, require_grid, require_metre_crs
from gridgis.locate import stored
from gridgis.locate.arcs import arcs_of, rings_of
from gridgis.locate.boxes import boxes_with_points
from gridgis.locate.lookup import OPEN, Index, find
from gridgis.locate.signs import SAFE
from gridgis.locate.tree import MOST_CELLS, frame_of, tree_of

__all__ = ["CellIndex", "index_around"]

MOST_EDGES, MOST_EDGES_ONCE = 6, 16
"""How many edges may touch a pixel: more make an index that is built faster and asked more slowly."""
SPARSE = 16
"""With fewer points a cell, looking at all edges of a cell costs less than an index."""
BATCH = 1 << 20

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


class CellIndex:
    """A grid made ready for the question in which cell a point lies.

    Every covered point has exactly one cell: a point on a border, or on a vertex, goes to the cell with the lowest
    code among those that touch it. Every decision is exact, on the doubles as they are: no tolerance, no rounding, the
    same answer on every platform, with and without the compiled kernels, in any order and any number of threads.
    Where a faulty grid overlaps or gapes, that is told, not guessed. `docs/locate.md` explains how it works.

    Parameters
    ----------
    grid : GeoDataFrame
        Cells with ``grid_code``: valid polygons or multipolygons, in a projected CRS in metres.

    Attributes
    ----------
    codes : array of str, shape (cells,)
        The codes of the cells, in the order of the grid.
    crs : pyproj.CRS
        The CRS of the grid, and so of the points.

    Raises
    ------
    GridError
        If the grid breaks its contract, holds anything but polygons, or has coordinates that are infinite or, though
        not 0, smaller than 1e-120.

    Examples
    --------
    >>> index = CellIndex(example.grid)
    >>> west, south, east, north = example.grid.total_bounds
    >>> index.locate([west, west - 1, float("nan")], [south, south, south]).tolist()
    [1, -1, -3]
    """

    codes: npt.NDArray[np.object_]
    crs: pyproj.CRS
    _index: Index

    def __init__(self, grid: Grid) -> None:
        grid = require_grid(grid)
        everything = np.ones(len(grid), bool)
        self.codes = grid[CODE].to_numpy(object)
        self.crs = require_metre_crs(grid.crs, "grid")
        self._index = _index_of(grid, everything, MOST_EDGES)

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        return f"CellIndex({len(self):,} cells, {self.nbytes / 1e6:.1f} MB)"

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays of the index, without the codes."""
        return sum(array.nbytes for array in _arrays(self._index).values())

    def locate(self, x: Any, y: Any, *, jobs: int = 1) -> Rows:
        """Give the cell of each point.

        Parameters
        ----------
        x, y : array of float, or column of pandas or Arrow
            Coordinates in the CRS of the grid, metres; a missing value is no place.
        jobs : int
            Threads that share the work; the answer does not depend on them.

        Returns
        -------
        array of int32
            The row of the cell in the grid; `OUTSIDE` (-1) where there is none, `CONFLICT` (-2) where the point lies
            inside one cell and in or on another, `BAD_COORDINATES` (-3) where a coordinate is NaN or infinite.

        Raises
        ------
        GridError
            If the coordinates are no numbers, or not as many x as y.

        Examples
        --------
        >>> x, y = example.events.geometry.x, example.events.geometry.y
        >>> CellIndex(example.grid).locate(x, y).tolist()
        [0, 0, 1, 2, 0, -1]
        """
        return self._find(x, y, jobs, border=False)[0]

    def examine(self, x: Any, y: Any, *, jobs: int = 1) -> tuple[Rows, Bools]:
        """Give the cell of each point, as `locate` does, and which points lie on a border.

        Parameters
        ----------
        x, y, jobs
            As for `locate`.

        Returns
        -------
        position : array of int32
            What `locate` gives.
        on_border : array of bool
            Whether the point has a cell and lies on the border of it, not inside.

        Raises
        ------
        GridError
            If the coordinates are no numbers, or not as many x as y.

        Examples
        --------
        >>> x, y = example.events.geometry.x, example.events.geometry.y
        >>> CellIndex(example.grid).examine(x, y)[1].tolist()
        [False, False, False, False, True, False]
        """
        return self._find(x, y, jobs, border=True)

    def count(self, x: Any, y: Any, weights: Any = None, *, jobs: int = 1) -> Counts:
        """Count points, or sum up their weights, in each cell.

        Parameters
        ----------
        x, y : array of float, or column of pandas or Arrow
            Coordinates in the CRS of the grid, metres.
        weights : array of float, optional
            What each point counts; summed up in the order of the points.
        jobs : int
            Threads that share the work of locating; the answer does not depend on them.

        Returns
        -------
        Counts
            What lies in each cell, and what does not; nothing is lost.

        Raises
        ------
        GridError
            If the columns are no numbers, or not of one length.

        Examples
        --------
        >>> x, y = example.events.geometry.x, example.events.geometry.y
        >>> counts = CellIndex(example.grid).count(x, y)
        >>> counts.cells.tolist(), counts.outside
        ([3, 1, 1, 0], 1)
        """
        x, y = _coordinates(x, y)
        sums = np.zeros(len(self) + 3, np.int64 if weights is None else np.float64)
        loads = None if weights is None else _floats(weights, "weights")
        if loads is not None and len(loads) != len(x):
            raise GridError(f"weights: expected one a point, {len(x):,}, got {len(loads):,}.")
        for part in _parts(len(x)):
            place = self._find(x[part], y[part], jobs, border=False)[0] + 3
            if loads is None:
                sums += np.bincount(place, minlength=len(sums))
            else:
                np.add.at(sums, place, loads[part])
        bad, conflict, outside = sums[:3].tolist()
        return Counts(sums[3:], outside, conflict, bad)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the index to a file that `load` opens without building anything.

        Parameters
        ----------
        path : path
            The file; an old one is replaced when the new one is complete.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        GridError
            If it cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = CellIndex(example.grid).save(Path(folder) / "cells.index")
        ...     file.name, stored.read(file)[0]["frame"]["columns"] > 0
        ('cells.index', True)
        """
        note = {"crs": self.crs.to_wkt(), "codes": self.codes.tolist(), "frame": self._index.frame._asdict()}
        return stored.write(path, note, _arrays(self._index))

    @classmethod
    def load(cls, path: str | os.PathLike[str], grid: Grid | None = None) -> CellIndex:
        """Open an index that `save` wrote; its arrays stay in the file and are read as they are needed.

        Parameters
        ----------
        path : path
            The file.
        grid : GeoDataFrame, optional
            The grid of today: if the index was made from another one, that is an error.

        Returns
        -------
        CellIndex
            The index.

        Raises
        ------
        GridError
            If the file is damaged, of another version, no index, or stale.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ...     file = CellIndex(example.grid).save(Path(folder) / "cells.index")
        ...     len(CellIndex.load(file, example.grid))
        4
        """
        note, arrays = stored.read(path)
        index = cls.__new__(cls)
        index.codes = np.array(note["codes"], object)
        index.crs = pyproj.CRS.from_wkt(note["crs"])
        index._index = stored.index_of(note, arrays)
        if grid is not None and not index._is_of(require_grid(grid)):
            raise GridError(
                f"{Path(path).name}: the index was made from another grid (cells, codes, order or CRS differ); make it "
                "again with CellIndex(grid).save."
            )
        return index

    def _is_of(self, grid: Grid) -> bool:
        if grid[CODE].tolist() != self.codes.tolist() or not pyproj.CRS(grid.crs).equals(self.crs):
            return False
        cells, _ = _ordered(grid, np.ones(len(grid), bool))
        new, old = arcs_of(rings_of(cells)), self._index.arcs
        return (
            np.array_equal(new.vertices, old.vertices)
            and np.array_equal(new.start, old.start)
            and np.array_equal(new.left, old.left)
            and np.array_equal(new.right, old.right)
        )

    def _find(self, x: Any, y: Any, jobs: int, *, border: bool) -> tuple[Rows, Bools]:
        x, y = _coordinates(x, y)
        if jobs < 2 or len(x) < 2 * jobs:
            return find(self._index, x, y, border=border)
        edges = np.linspace(0, len(x), jobs + 1).astype(int)
        with ThreadPoolExecutor(jobs) as pool:
            parts = pool.map(
                lambda begin, end: find(self._index, x[begin:end], y[begin:end], border=border), edges[:-1], edges[1:]
            )
            found, on_border = zip(*parts, strict=True)
        return np.concatenate(found), np.concatenate(on_border)


class Scan:
    """Cells that are asked once, for few points: each cell looks at the points in its box, and nothing is built.

    It has ``codes``, ``crs`` and ``examine`` like a `CellIndex`, and the same answers.
    """

    def __init__(self, grid: Grid, wanted: Bools) -> None:
        self.codes: npt.NDArray[np.object_] = grid[CODE].to_numpy(object)
        self.crs = require_metre_crs(grid.crs, "grid")
        self._grid, self._wanted = grid, wanted

    def examine(self, x: Any, y: Any) -> tuple[Rows, Bools]:
        """Give the cell of each point, and which points lie on a border, as `CellIndex.examine` does."""
        x, y = _coordinates(x, y)
        cells, rows = _ordered(self._grid, self._wanted)
        found, on_border = np.empty(len(x), np.int32), np.zeros(len(x), bool)
        plain, open_ = compiled.core.scan_cells(*rings_of(cells), rows, x, y, found, on_border)
        if not plain:
            raise _strange(self._grid, cells, rows)
        if open_:
            rest = np.flatnonzero(found == OPEN)
            index = _index_of(self._grid, self._wanted, MOST_EDGES_ONCE)
            found[rest], on_border[rest] = find(index, x[rest], y[rest], border=True)
        return found, on_border


def index_around(grid: Grid, x: Floats, y: Floats) -> CellIndex | Scan:
    """Make ready what answers for these points alone, as fast as it can be done once.

    It takes a grid that keeps its contract: that is not asked again. It knows the cells whose box holds one of the
    points. It gives for these points what ``CellIndex(grid)`` gives, and must not be asked for others.

    Parameters
    ----------
    grid : GeoDataFrame
        As for `CellIndex`.
    x, y : array of float
        Coordinates in the CRS of the grid, metres.

    Returns
    -------
    CellIndex or Scan
        Its ``codes`` are those of the whole grid.

    Raises
    ------
    GridError
        As for `CellIndex`.

    Examples
    --------
    >>> x, y = np.array([example.events.geometry.x[0]]), np.array([example.events.geometry.y[0]])
    >>> index_around(example.grid, x, y).examine(x, y)[0].tolist()
    [0]
    """
    wanted = boxes_with_points(shapely.bounds(grid.geometry.to_numpy()), x, y)
    if compiled.core is not None and len(x) < SPARSE * int(wanted.sum()):
        return Scan(grid, wanted)
    index = CellIndex.__new__(CellIndex)
    index.codes = grid[CODE].to_numpy(object)
    index.crs = require_metre_crs(grid.crs, "grid")
    index._index = _index_of(grid, wanted, MOST_EDGES_ONCE)
    return index


def _ordered(grid: Grid, wanted: Bools) -> tuple[npt.NDArray[np.object_], Rows]:
    """Give the cells that are wanted in the order of their codes, and their rows."""
    rows = np.flatnonzero(wanted).astype(np.int32)
    rows = rows[np.argsort(grid[CODE].array.take(rows).to_numpy(object).astype(str), kind="stable")]
    cells = np.asarray(grid.geometry.to_numpy(), object)[rows]
    other = np.flatnonzero(~np.isin(shapely.get_type_id(cells), (-1, 3, 6)))
    if len(other):
        raise GridError(
            f"grid: expected polygons, got {cells[other[0]].geom_type} in rows {listed(grid.index[rows[other]])}."
        )
    return cells, rows


def _strange(grid: Grid, cells: npt.NDArray[np.object_], rows: Rows) -> GridError:
    """Name the cells whose coordinates exact signs cannot be had of."""
    xy, cell = shapely.get_coordinates(cells, return_index=True)
    size = np.abs(xy)
    plain = ((size == 0) | ((size > SAFE[0]) & (size < SAFE[1]))).all(axis=1)
    return GridError(
        "grid: expected coordinates in metres, got some that are infinite, or not 0 but below 1e-120, in rows "
        f"{listed(grid.index[np.sort(rows[np.unique(cell[~plain])])])}; mend these cells."
    )


def _index_of(grid: Grid, wanted: Bools, most: int) -> Index:
    if len(grid) > MOST_CELLS:
        raise GridError(f"grid: expected at most {MOST_CELLS:,} cells, got {len(grid):,}; divide the grid in parts.")
    cells, rows = _ordered(grid, wanted)
    arcs = arcs_of(rings_of(cells))
    if not arcs.plain:
        raise _strange(grid, cells, rows)
    frame = frame_of(arcs)
    return Index(arcs, tree_of(arcs, frame, len(cells), most), frame, rows)


def _arrays(index: Index) -> dict[str, npt.NDArray[Any]]:
    arcs, tree = index.arcs, index.tree
    return {
        **{"vertices": arcs.vertices, "arc_start": arcs.start, "arc_left": arcs.left, "arc_right": arcs.right},
        **{"table": tree.table, "leaves": tree.leaves, "leaf_edges": tree.leaf_edges, "rows": index.rows},
    }


def _parts(many: int) -> Iterator[slice]:
    return (slice(begin, begin + BATCH) for begin in range(0, many, BATCH))


def _coordinates(x: Any, y: Any) -> tuple[Floats, Floats]:
    x, y = _floats(x, "x"), _floats(y, "y")
    if len(x) != len(y):
        raise GridError(f"points: expected as many x as y, got {len(x):,} and {len(y):,}.")
    return x, y


def _floats(values: Any, what: str) -> Floats:
    """Give a column as plain doubles, a missing value as NaN."""
    try:
        if hasattr(values, "isna"):
            values = values.to_numpy(dtype=float, na_value=np.nan)
        array = np.ascontiguousarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise GridError(f"{what}: expected numbers, one a point, got other values ({error}).") from error
    if array.ndim != 1:
        raise GridError(f"{what}: expected one number a point, got an array of {array.ndim} dimensions.")
    return array
