"""The verbs of `gridgis` on Dask: tables in partitions, on one machine or many, with the same answers.

It needs Dask (``pip install "gridgis[scale]"``), which is imported only when a function of this module is called. Any
scheduler will do. The cells are sent to each worker once; a partition that is lost with its worker is made again, and
gives the same.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import shapely

from gridgis.batches.counts import Tally
from gridgis.batches.sources import cells_of, fingerprint, locate_places
from gridgis.batches.streams import plain_column, plain_type
from gridgis.contract import CODE, PARENT, Grid, GridError, GridWarning, listed, require_grid, text_column
from gridgis.crs import coordinates_of, known_crs
from gridgis.locate.coordinates import Places, places_of, weights_of
from gridgis.locate.points import HOW, Locator, locator_of
from gridgis.persons import PersonColumns, as_arrow, describe_not_out, not_going_out

WHAT = "partition"
"""Begins the sentence of an error about what a partition holds."""

_TOGETHER = 16
_lock = Lock()


def locate(
    ddf: Any,
    grid: Grid | Locator | str | os.PathLike[str],
    *,
    x: str,
    y: str,
    crs: object,
    keep_coordinates: bool = False,
    keep: Sequence[str] = (),
) -> Any:
    """Give each row of a Dask table the code of its cell.

    It says of each row what `gridgis.locate_file` says, and leaves out the same columns, for what comes out is written
    partition by partition (only ``x`` and ``y`` stay: drop them before it leaves). To know them it computes once: it
    looks at the columns of all partitions, but for those whose name says enough. The rows are located when what is
    given back is computed.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
        The rows, in partitions of any size.
    grid : GeoDataFrame, CellIndex, Lattice or path
        Cells with ``grid_code``, their index, or a lattice. Beyond some thousand cells take a path that every worker
        can read - of a grid, or better of what `CellIndex.save` wrote - so that the cells need not travel with the
        work.
    x, y : str
        Columns of the coordinates: longitude (or easting) and latitude (or northing); numbers, or text.
    crs : int, str or pyproj.CRS
        The CRS of the coordinates.
    keep_coordinates, keep
        As in `gridgis.locate_file`.

    Returns
    -------
    dask.dataframe.DataFrame
        The same rows, index and divisions; the columns, but for persons, free text and coordinates other than ``x``
        and ``y``; ``grid_code`` (text, missing where the row has no cell) and ``located_by`` (text, a key of
        `REASONS`).

    Raises
    ------
    GridError
        If it is no Dask table, a column is not there or is there already, ``keep`` names a column of persons, or
        ``grid`` breaks its contract.

    Warns
    -----
    GridWarning
        If columns were left out.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> from gridgis import scale
    >>> places = dd.from_pandas(example.events.geometry.get_coordinates(), npartitions=2)
    >>> located = scale.locate(places, example.grid, x="x", y="y", crs=example.events.crs)
    >>> located["located_by"].compute(scheduler="sync").tolist()
    ['inside', 'inside', 'inside', 'inside', 'boundary', 'outside']
    """
    require_partitions(ddf, [x, y])
    taken = [name for name in (CODE, "located_by") if name in ddf.columns]
    if taken:
        raise GridError(f"locate: there is a column {' and '.join(taken)} already; rename or drop it first.")
    cells, known = _Cells.of(grid), known_crs(crs, "crs=")
    left = _not_going_out(ddf, (x, y), known, keep_coordinates, keep)
    meta = ddf._meta.assign(**{CODE: text_column([]), "located_by": text_column([])}).drop(columns=left)
    node, one = cells.node(), _dask("dask").delayed(_locate)
    parts = [one(part, node, (x, y), known, left) for part in ddf.to_delayed()]
    divisions = ddf.divisions if ddf.known_divisions else None
    return _dask("dask.dataframe").from_delayed(parts, meta=meta, divisions=divisions, verify_meta=False)


def count(
    ddf: Any,
    grid: Grid | Locator | str | os.PathLike[str],
    *,
    x: str,
    y: str,
    crs: object,
    weights: str | None = None,
    by: str | None = None,
) -> pd.DataFrame:
    """Count the rows of a Dask table in each cell; this computes, on the scheduler that is set.

    Parameters
    ----------
    ddf, grid, x, y, crs
        As in `locate`.
    weights, by : str, optional
        As in `count_file`.

    Returns
    -------
    DataFrame
        What `count_file` gives, whatever the partitions are.

    Raises
    ------
    GridError
        As in `locate` and `count_file`.

    Warns
    -----
    GridWarning
        As in `count_file`.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> from gridgis import scale
    >>> places = dd.from_pandas(example.events.geometry.get_coordinates(), npartitions=2)
    >>> table = scale.count(places, example.grid, x="x", y="y", crs=example.events.crs)
    >>> table[["elsewhere", "count"]].tail(4).values.tolist()
    [['outside', 1], ['conflict', 0], ['bad_coordinates', 0], ['no_coordinates', 0]]
    """
    asked = list(dict.fromkeys([x, y, *(name for name in (weights, by) if name is not None)]))
    require_partitions(ddf, asked)
    cells, known = _Cells.of(grid), known_crs(crs, "crs=")
    codes = cells.index.codes
    empty = Tally(len(codes), by, weights)
    delayed = _dask("dask").delayed
    node, one, several = cells.node(), delayed(_tally), delayed(_joined)
    tallies = [one(part, node, (x, y), known, (weights, by)) for part in ddf[asked].to_delayed()]
    while len(tallies) > 1:
        tallies = [several(tallies[first : first + _TOGETHER]) for first in range(0, len(tallies), _TOGETHER)]
    tally = empty.join(tallies[0].compute()) if tallies else empty
    tally.plausible.require(known, "count")
    for warning in tally.warnings("count"):
        warnings.warn(warning, stacklevel=2)
    return tally.table(codes)


def require_partitions(ddf: Any, columns: Sequence[str]) -> None:
    """Ask for a Dask table with these columns.

    Raises
    ------
    GridError
        If it is anything else, or a column is missing.
    """
    if not isinstance(ddf, _dask("dask.dataframe").DataFrame):
        raise GridError(
            f"expected a dask.dataframe.DataFrame, got {type(ddf).__name__}; for tables in memory there is "
            "gridgis.locate, for files gridgis.locate_file."
        )
    missing = [name for name in columns if name not in ddf.columns]
    if missing:
        raise GridError(
            f"expected the columns {listed(columns)}; {listed(missing)} missing (there are: {listed(ddf.columns, 12)})."
        )


def _dask(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise GridError(
            f'gridgis.scale needs Dask, which is not installed ({error.name}): python -m pip install "gridgis[scale]".'
        ) from None


@dataclass(frozen=True)
class _Cells:
    """The cells as they travel; a process makes its index once, whatever number of partitions it works on.

    Attributes
    ----------
    digest : str
        Tells one grid from another.
    content : object
        A path, an index as bytes, or codes, outlines (WKB) and CRS of a grid.
    """

    digest: str
    content: Any = field(compare=False, repr=False)

    @classmethod
    def of(cls, grid: Any) -> _Cells:
        if isinstance(grid, str | os.PathLike):
            path = Path(grid).resolve()
            state = path.stat() if path.is_file() else None
            written = (state.st_size, state.st_mtime_ns) if state else ()
            cells = cls(hashlib.sha256(f"{path} {written}".encode()).hexdigest(), path)
            _ = cells.index
            return cells
        if isinstance(grid, gpd.GeoDataFrame):
            grid = require_grid(grid)
            outlines = shapely.to_wkb(grid.geometry.to_numpy())
            return cls(fingerprint(grid), (grid[CODE].to_numpy(object), outlines, grid.crs.to_wkt()))
        return cls(fingerprint(grid), pickle.dumps(locator_of(grid)))

    @property
    def index(self) -> Locator:
        """The index, made once in this process."""
        with _lock:
            return _index_of(self)

    def node(self) -> Any:
        """A node of a graph of its own, so that it is sent to each worker once and not with every partition."""
        return _dask("dask").delayed(self, name=f"gridgis-cells-{self.digest}", pure=True)


@lru_cache(maxsize=2)
def _index_of(cells: _Cells) -> Locator:
    content = cells.content
    if isinstance(content, bytes):
        found: Locator = pickle.loads(content)
        return found
    if isinstance(content, Path):
        return locator_of(cells_of(content))
    codes, outlines, crs = content
    columns = {CODE: codes, PARENT: codes}
    return locator_of(gpd.GeoDataFrame(columns, geometry=shapely.from_wkb(outlines), crs=crs))


def _not_going_out(
    ddf: Any, coordinates: tuple[str, str], crs: pyproj.CRS, keep_coordinates: bool, keep: Sequence[str]
) -> list[str]:
    """Name the columns that do not go out, having looked at all partitions, and tell them."""
    names = [str(name) for name in ddf.columns]
    others = [name for name in names if name not in coordinates]
    looks = PersonColumns(others)
    look, joined = _dask("dask").delayed(_looks), _dask("dask").delayed(_joined)
    if looks.open:
        found = [look(part, coordinates, crs) for part in ddf[[*dict.fromkeys(coordinates), *looks.open]].to_delayed()]
        while len(found) > 1:
            found = [joined(found[first : first + _TOGETHER]) for first in range(0, len(found), _TOGETHER)]
        for one in found:
            looks.join(one.compute())
    left = not_going_out(looks.not_out, keep=keep, coordinates=keep_coordinates, names=names)
    if left:
        warnings.warn(GridWarning(f"locate: {describe_not_out(left)}."), stacklevel=3)
    return list(left)


def _looks(part: pd.DataFrame, coordinates: tuple[str, str], crs: pyproj.CRS) -> PersonColumns:
    """Look at the columns of one partition."""
    places = _places(part, coordinates, crs)
    looks = PersonColumns([str(name) for name in part.columns if name not in coordinates])
    columns = {name: as_arrow(part[name]) for name in looks.looks}
    batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    looks.look(batch, coordinates_of(places.x, places.y, crs))
    return looks


def _locate(
    part: pd.DataFrame, cells: _Cells, coordinates: tuple[str, str], crs: pyproj.CRS, left: Sequence[str]
) -> pd.DataFrame:
    """Locate the rows of one partition."""
    index = cells.index
    answers = locate_places(_places(part, coordinates, crs), crs, index, WHAT)
    return part.assign(
        **{
            CODE: _texts(index.codes, answers.position, part.index),
            "located_by": _texts(np.array(HOW, object), answers.how, part.index),
        }
    ).drop(columns=list(left))


def _tally(
    part: pd.DataFrame,
    cells: _Cells,
    coordinates: tuple[str, str],
    crs: pyproj.CRS,
    asked: tuple[str | None, str | None],
) -> Tally:
    """Count the rows of one partition."""
    index, (weights, by) = cells.index, asked
    tally = Tally(len(index.codes), by, weights)
    category = None if by is None else _column(part[by])
    weight = None if weights is None else weights_of(_column(part[weights]), weights, WHAT)
    tally.add_places(_places(part, coordinates, crs), crs, index, category, weight)
    return tally


def _joined(tallies: Sequence[Any]) -> Any:
    """Join tallies, or looks at columns, in the order of their partitions, and leave them as they were."""
    whole = pickle.loads(pickle.dumps(tallies[0]))
    for tally in tallies[1:]:
        whole.join(tally)
    return whole


def _places(part: pd.DataFrame, coordinates: tuple[str, str], crs: pyproj.CRS) -> Places:
    x, y = (_column(part[name]) for name in coordinates)
    return places_of(x, y, crs)


def _column(values: pd.Series) -> pa.Array:
    """Give a column to Arrow; one of mixed things as text, which says the same."""
    try:
        column = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        column = pa.array([None if pd.isna(value) else str(value) for value in values.tolist()], pa.string())
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return plain_column(column, plain_type(column.type))


def _texts(values: np.ndarray, places: np.ndarray, index: pd.Index) -> pd.Series:
    """Give text by its place among the values, missing for place -1."""
    known = text_column([*values, None]).array
    return pd.Series(known.take(places.astype(np.intp)), index)
