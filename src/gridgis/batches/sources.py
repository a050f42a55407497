"""A file of places as it is located or counted batch by batch: its columns, its coordinates, its CRS."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import uuid
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyproj
import shapely

from gridgis.batches.streams import GEOMETRY, Stream, open_stream
from gridgis.contract import CODE, Grid, GridError, listed
from gridgis.crs import known_crs, same_crs, transform_xy
from gridgis.locate.coordinates import Floats, Places, places_of, places_of_points
from gridgis.locate.index import CellIndex
from gridgis.locate.points import BAD, NOWHERE, Answers, Locator, examine_points
from gridgis.locate.stored import MAGIC
from gridgis.read.notes import Report
from gridgis.read.points import DECIMAL_COMMAS, has_decimal_commas
from gridgis.read.tables import read_grid
from gridgis.read.tidying import declared_crs


@dataclass(frozen=True)
class PointTable:
    """A file of places.

    Attributes
    ----------
    stream : Stream
        Its columns, in batches.
    x, y : str or None
        The columns of the coordinates; None for a file of points.
    crs : pyproj.CRS
        The CRS of the coordinates.
    comma : bool
        Whether they are written with a decimal comma.
    """

    stream: Stream
    x: str | None
    y: str | None
    crs: pyproj.CRS
    comma: bool = False

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.stream.path.name

    @cached_property
    def coordinates(self) -> list[str]:
        """The columns in which the coordinates are."""
        return [GEOMETRY] if self.x is None or self.y is None else list(dict.fromkeys((self.x, self.y)))

    def places(self, batch: pa.RecordBatch, first: int = 0) -> Places:
        """Give the places of a batch whose first row is row ``first`` of the file."""
        if self.x is None or self.y is None:
            return places_of_points(batch.column(GEOMETRY), self.crs, self.name, first)
        return places_of(batch.column(self.x), batch.column(self.y), self.crs, comma=self.comma)


def open_points(
    path: str | os.PathLike[str], report: Report, *, x: str | None, y: str | None, crs: object, **options: Any
) -> PointTable:
    """Open a file of places to be read in batches; the arguments are those of `read_points`.

    Raises
    ------
    GridError
        If the file cannot be read, a column is not there, or the CRS is not named or contradicts the file.
    """
    stream = open_stream(path, report, wanted=(x, y), **options)
    if (x is None) != (y is None):
        raise GridError(f"{report.name}: expected both x= and y=, got one of them.")
    if x is None or y is None:
        if stream.geometry is None:
            raise GridError(
                f"{report.name}: a table needs x= and y=, its columns of coordinates; there are "
                f"{listed(stream.schema.names, 20)}."
            )
        nothing = gpd.GeoDataFrame(geometry=[], crs=stream.crs)
        return PointTable(stream, None, None, declared_crs(nothing, path, crs, option="crs="))
    if crs is None:
        raise GridError(
            f"{report.name}: a table needs crs=, the CRS of {x} and {y}: 4326 or 4490 for degrees (GCJ-02 and BD-09 "
            "must be converted first), the EPSG number of the zone for metres."
        )
    if stream.geometry is None and GEOMETRY in stream.schema.names:
        raise GridError(f"{report.name}: the table has a column geometry that is no geometry; rename it.")
    require_column(stream, x, "x=")
    require_column(stream, y, "y=")
    known = known_crs(crs, "crs=")
    comma = _has_commas(stream, x, y, degrees=known.is_geographic)
    if comma:
        report.note(DECIMAL_COMMAS)
    return PointTable(stream, x, y, known, comma)


def _has_commas(stream: Stream, x: str, y: str, *, degrees: bool) -> bool:
    """Tell whether coordinates have a decimal comma; the file is read only until one has a decimal point."""
    if not any(pa.types.is_string(stream.schema.field(name).type) for name in (x, y)):
        return False
    batches = stream.batches(list(dict.fromkeys((x, y))), 1 << 16)
    rows = (row for batch in batches for row in zip(*(column.to_pylist() for column in batch.columns), strict=True))
    cells = (cell for row in rows for cell in row)
    return has_decimal_commas(cells, degrees=degrees)


def require_column(stream: Stream, name: str, option: str) -> None:
    """Ask that a column is there.

    Raises
    ------
    GridError
        If it is not; the sentence names those that are.
    """
    if name not in stream.schema.names:
        there = [repr(other) for other in stream.schema.names]
        raise GridError(f"{stream.path.name}: no column {name!r} ({option}); there are {listed(there, 20) or 'none'}.")


def in_crs(places: Places, source: pyproj.CRS, target: pyproj.CRS, what: str) -> tuple[Floats, Floats]:
    """Bring places from their CRS into that of a grid; NaN in a row with a problem, infinite where no place comes out.

    Examples
    --------
    >>> places = places_of(pa.array([114.0, None]), pa.array([0.0, 0.0]), pyproj.CRS(4490))
    >>> in_crs(places, pyproj.CRS(4490), pyproj.CRS(4547), "example")[0].tolist()
    [500000.0, nan]
    """
    if same_crs(source, target):
        return places.x, places.y
    x, y = transform_xy(places.x, places.y, source, target, what, finite=False)
    if places.problem is not None:
        troubled = np.isnan(places.x)
        x[troubled], y[troubled] = np.nan, np.nan
    return x, y


def locate_places(places: Places, source: pyproj.CRS, index: Locator, what: str) -> Answers:
    """Find the cell of each place, or why it has none.

    Examples
    --------
    >>> from gridgis.locate.points import HOW, locator_of
    >>> x, y = example.events.geometry.x[:2], example.events.geometry.y[:2]
    >>> places = places_of(pa.array([*x, None]), pa.array([*y, 4e6]), example.events.crs)
    >>> answers = locate_places(places, example.events.crs, locator_of(example.grid), "example")
    >>> [HOW[number] for number in answers.how]
    ['inside', 'inside', 'no_coordinates']
    """
    answers = examine_points(*in_crs(places, source, index.crs, what), index)
    if places.problem is not None and places.missing is not None:
        answers.how[np.isnan(places.x)] = BAD
        answers.how[places.missing] = NOWHERE
    return answers


def cells_of(grid: Grid | Locator | str | os.PathLike[str]) -> Grid | Locator:
    """Give the cells; those of a file are read: a grid, or an index that `CellIndex.save` wrote.

    Raises
    ------
    GridError
        If the file cannot be read.

    Examples
    --------
    >>> cells_of(example.grid) is example.grid
    True
    """
    if not isinstance(grid, str | os.PathLike):
        return grid
    path = Path(grid)
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(MAGIC)) == MAGIC:
                return CellIndex.load(path)
    return read_grid(path)


def fingerprint(cells: Grid | Locator) -> str:
    """Give a hash that tells one grid from another: codes, outlines and CRS.

    Examples
    --------
    >>> fingerprint(example.grid) == fingerprint(example.grid.iloc[::-1])
    False
    """
    sink = _HashSink()
    if isinstance(cells, gpd.GeoDataFrame):
        outlines = shapely.to_wkb(cells.geometry.to_numpy()).tolist()
        sink.write(json.dumps([cells.crs.to_wkt(), *cells[CODE], *(len(outline) for outline in outlines)]).encode())
        for outline in outlines:
            sink.write(outline)
    else:
        try:
            pickle.dump(cells, sink)
        except (pickle.PicklingError, TypeError, AttributeError):
            return uuid.uuid4().hex  # it cannot be known again
    return sink.hash.hexdigest()


class _HashSink:
    """A file that keeps of what is written to it no more than a hash."""

    def __init__(self) -> None:
        self.hash = hashlib.blake2b(digest_size=20)

    def write(self, data: Any) -> int:
        self.hash.update(data)
        return len(data)
