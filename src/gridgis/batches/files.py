"""Locate and count tables that are larger than memory: files in, files out, a batch of rows at a time."""

from __future__ import annotations

import hashlib
import math
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj

from gridgis._version import VERSION
from gridgis.batches.counts import Tally
from gridgis.batches.parts import Parts
from gridgis.batches.sources import PointTable, cells_of, fingerprint, locate_places, open_points, require_column
from gridgis.batches.streams import GEOMETRY
from gridgis.batches.writing import Rest, group_rows, require_writable, size_of, write_batches
from gridgis.contract import CODE, Grid, GridError, GridWarning, listed
from gridgis.crs import coordinates_of, require_shareable
from gridgis.locate.coordinates import Plausible, elsewhere_warning, points_as_wkb, weights_of
from gridgis.locate.points import HOW, REASONS, Locator, locator_of
from gridgis.persons import PersonColumns, describe_not_out, not_going_out
from gridgis.progress import progress
from gridgis.read.opening import Report
from gridgis.read.points import PROBLEM

BATCH_ROWS = 1 << 16
"""Rows that are in memory at a time, unless another number is asked for."""

PART_ROWS = 1 << 20
"""Rows of a part: as many may have to be done again after a run that was cut short."""

Path_: TypeAlias = "str | os.PathLike[str]"

_EXAMINED = "examined.json"


def locate_file(  # noqa: PLR0913 - what users ask for by name
    source: Path_,
    grid: Grid | Locator | Path_,
    target: Path_,
    *,
    x: str | None = None,
    y: str | None = None,
    crs: object = None,
    layer: str | None = None,
    encoding: str | None = None,
    header: int | None = None,
    keep_coordinates: bool = False,
    keep: Sequence[str] = (),
    batch_rows: int = BATCH_ROWS,
) -> pd.DataFrame:
    r"""Give each row of a file the code of its cell, in another file; the table may be larger than memory.

    It says of each row what `locate` says after `read_points`, and leaves out what `write_table` leaves out of located
    rows. The file is read twice: first all of it is examined, so that a column of persons never reaches the disk, then
    it is located. A run that is cut short goes on where it stopped when it is started again: finished parts wait in
    the folder ``.<target>.<...>.parts`` beside the target, which may also be removed. Parts that were made from another
    source, grid, setting or version are never used. The same rows give the same bytes, whatever ``batch_rows`` is.

    Parameters
    ----------
    source : path
        CSV, TSV or Parquet with two columns of coordinates, or points in GeoParquet, GeoPackage or FlatGeobuf.
    grid : GeoDataFrame, CellIndex, Lattice or path
        Cells with ``grid_code``, their index, a lattice, or a file of cells or of an index (`CellIndex.save`).
    target : path
        ``.parquet``, ``.csv`` (UTF-8 with byte-order mark) or ``.gpkg``. An old file is replaced when the new one is
        complete.
    x, y, crs, layer, encoding, header
        As in `read_points`.
    keep_coordinates : bool
        Keep the columns ``x`` and ``y``, and others that hold coordinates; of a file of points, keep the geometry (not
        in a CSV).
    keep : sequence of str
        Columns that go out because they are asked for by name: free text, or what is wrongly taken for coordinates. A
        column of persons never does.
    batch_rows : int
        Rows in memory at a time: fewer need less of it, more are a little faster.

    Returns
    -------
    DataFrame
        What `account` gives: ``located_by`` (text), ``rows`` (int), ``meaning`` (text). The rows add up to those of
        the file, which are all in the target, in their order: the columns of the source, but for persons, free text
        and coordinates, with ``coordinate_problem`` (text, as in `read_points`), ``grid_code`` (text, missing where the
        row has no cell) and ``located_by`` (text). Types are those of the file; text stays text.

    Raises
    ------
    GridError
        If a file cannot be read or written, the target is the source, the coordinates cannot be in their CRS, the
        source changes while it is read, or another run is making the same target.

    Warns
    -----
    GridWarning
        If columns of persons, free text or coordinates were left out, the text was not UTF-8, or most rows lie
        outside the grid.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "events.csv"
    ...     place = example.grid.geometry.iloc[0].representative_point()
    ...     _ = file.write_text(f"id,x,y\n007,{place.x},{place.y}\n008,,\n", encoding="utf-8")
    ...     told = locate_file(file, example.grid, file.with_name("located.csv"), x="x", y="y", crs=4547)
    ...     file.with_name("located.csv").read_text(encoding="utf-8-sig").splitlines()[2]
    '008,missing,,no_coordinates'
    >>> told[["located_by", "rows"]].values.tolist()
    [['inside', 1], ['no_coordinates', 1]]
    """
    report, goal = Report(source), Path(target)
    require_writable(goal)
    _require_apart(goal, source, grid)
    text = {"encoding": encoding, "header": header}
    points = open_points(source, report, x=x, y=y, crs=crs, layer=layer, **text)
    cells = cells_of(grid)
    job = _Job(points, locator_of(cells), goal, keep_coordinates, _positive(batch_rows), tuple(keep))
    state = _state(points.stream.path)
    parts = Parts(goal, {**job.options, "source": _hash(points.stream.path), "grid": fingerprint(cells)})
    with parts.mine():
        found = _examined(job, parts)
        _write_parts(job, found, parts)
        notes = parts.done()
        if _state(points.stream.path) != state or sum(note["rows"] for note in notes) != found.rows:
            raise GridError(f"{report.name}: the file was changed while it was read; run again when it is at rest.")
        rows = progress(parts.read(len(notes)), "writing")
        at_a_time = group_rows(found.rows, sum(note["bytes"] for note in notes))
        write_batches(goal, job.schema(found), rows, job.geometry_crs, at_a_time=at_a_time)
        parts.remove()
    how = sum((Counter(note["how"]) for note in notes), Counter[str]())
    _tell(report, found, how, goal.name)
    told = [(reason, how[reason], meaning) for reason, meaning in REASONS.items() if reason in how]
    return pd.DataFrame(told, columns=["located_by", "rows", "meaning"])


def count_file(  # noqa: PLR0913 - what users ask for by name
    source: Path_,
    grid: Grid | Locator | Path_,
    *,
    x: str | None = None,
    y: str | None = None,
    crs: object = None,
    layer: str | None = None,
    encoding: str | None = None,
    header: int | None = None,
    weights: str | None = None,
    by: str | None = None,
    batch_rows: int = BATCH_ROWS,
) -> pd.DataFrame:
    """Count the rows of a file in each cell; the table may be larger than memory.

    Only the columns that are needed are read, once; nothing is written.

    Parameters
    ----------
    source, grid, x, y, crs, layer, encoding, header
        As in `locate_file`.
    weights : str, optional
        A column of numbers from 0 up, to be added up in each cell. The sums are exact and rounded once, so that they
        hang neither on the order of the rows nor on the batches. A row without a weight adds nothing, and is told.
    by : str, optional
        A column of categories, as in `summarise`: each of its values becomes a part of the count.
    batch_rows
        As in `locate_file`.

    Returns
    -------
    DataFrame
        One row a cell, in the order of the grid, then one row for each of ``outside``, ``conflict``,
        ``bad_coordinates`` and ``no_coordinates``: ``grid_code`` (text, missing in the latter), ``elsewhere`` (text,
        missing in the former), ``count`` (int64), with ``weights`` ``sum`` (float64), with ``by``
        ``count_<category>`` (int64) and ``sum_<category>`` (float64) for each category in the order of their names.
        The counts add up to the rows of the file: nothing is lost.

    Raises
    ------
    GridError
        If the file cannot be read, the coordinates cannot be in their CRS, a weight is no number from 0 up, or ``by``
        is a column of persons or no category.

    Warns
    -----
    GridWarning
        If rows have no weight, the text was not UTF-8, or most rows lie outside the grid.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "people.parquet"
    ...     place = example.grid.geometry.iloc[1].representative_point()
    ...     pd.DataFrame({"x": [place.x, 0.0], "y": [place.y, 0.0], "persons": [3, 2]}).to_parquet(file)
    ...     table = count_file(file, example.grid, x="x", y="y", crs=4547, weights="persons")
    >>> table[["elsewhere", "count", "sum"]].dropna().values.tolist()[0], table["sum"].tolist()[:3]
    (['outside', 1, 2.0], [0.0, 3.0, 0.0])
    """
    report = Report(source)
    text = {"encoding": encoding, "header": header}
    points = open_points(source, report, x=x, y=y, crs=crs, layer=layer, **text)
    for name, option in ((weights, "weights="), (by, "by=")):
        if name is not None:
            require_column(points.stream, name, option)
    index = locator_of(cells_of(grid))
    tally = Tally(len(index.codes), by, weights)
    asked = [name for name in (weights, by) if name is not None]
    rows = 0
    for batch in _batches(points, [*points.coordinates, *asked], _positive(batch_rows), "counting"):
        category = None if by is None else batch.column(by)
        weight = None if weights is None else weights_of(batch.column(weights), weights, points.name, rows)
        tally.add_places(points.places(batch, rows), points.crs, index, category, weight)
        rows += batch.num_rows
    tally.plausible.require(points.crs, points.name)
    report.tell()
    for warning in tally.warnings(points.name):
        warnings.warn(warning, stacklevel=2)
    return tally.table(index.codes)


@dataclass
class _Found:
    """What is found out about a file when all of it is examined."""

    rows: int = 0
    not_out: dict[str, str] = field(default_factory=dict)
    plausible: Plausible = field(default_factory=Plausible)

    @classmethod
    def of_note(cls, note: Mapping[str, Any]) -> _Found:
        plausible = dict(note["plausible"])
        first = plausible.pop("first_fine")
        return cls(note["rows"], note["not_out"], Plausible(**plausible, first_fine=tuple(first) if first else None))


@dataclass(frozen=True)
class _Job:
    """What is to be located, and how."""

    points: PointTable
    index: Locator
    goal: Path
    keep: bool
    batch_rows: int
    asked: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = self.points.stream.schema.names
        taken = [name for name in (CODE, "located_by") if name in names]
        if taken:
            raise GridError(
                f"{self.points.name}: there is a column {' and '.join(taken)} already; rename or drop it first."
            )
        if self.geometry_crs is not None:
            if self.goal.suffix.lower() == ".csv":
                raise GridError(
                    f"{self.goal.name}: a .csv file holds no geometry; write .parquet or .gpkg, or leave "
                    "keep_coordinates out."
                )
            require_shareable(self.geometry_crs, self.goal.name)

    @property
    def geometry_crs(self) -> pyproj.CRS | None:
        """The CRS of the geometry that is written, None where none is."""
        return self.points.crs if self.keep and self.points.x is None else None

    @property
    def options(self) -> dict[str, Any]:
        """What the parts hang on, besides the source and the grid."""
        points = self.points
        return {
            "version": VERSION,
            "coordinates": points.coordinates,
            "crs": points.crs.to_wkt(),
            "layer": getattr(points.stream, "layer", None),
            "form": str(getattr(points.stream, "form", None)),
            "keep_coordinates": self.keep,
            "keep": list(self.asked),
            "part_rows": PART_ROWS,
        }

    @cached_property
    def columns(self) -> list[str]:
        """The columns that go out unless they hold persons or places; that of problems in the place of an old one."""
        left_out = () if self.keep else self.points.coordinates
        names = [name for name in self.points.stream.schema.names if name not in left_out]
        return names if PROBLEM in names else [*names, PROBLEM]

    def schema(self, found: _Found) -> pa.Schema:
        """The columns of the target.

        Raises
        ------
        GridError
            If two names differ in nothing but upper and lower case.
        """
        known = self.points.stream.schema
        kept = [name for name in self.columns if name not in found.not_out]
        fields = [pa.field(name, pa.string() if name == PROBLEM else known.field(name).type) for name in kept]
        fields += [pa.field(name, pa.string()) for name in (CODE, "located_by")]
        fields += [pa.field(GEOMETRY, pa.binary())] if self.geometry_crs is not None else []
        names = Counter(field.name.lower() for field in fields)
        twice = sorted(name for name, count in names.items() if count > 1)
        if twice:
            raise GridError(
                f"{self.goal.name}: expected each column once; more than once (upper or lower case): {listed(twice)}."
            )
        return pa.schema(fields)

    def locate(self, batch: pa.RecordBatch, first: int, schema: pa.Schema, how: Counter[str]) -> pa.RecordBatch:
        """Locate the rows of a batch, and count them by how they were located."""
        places = self.points.places(batch, first)
        answers = locate_places(places, self.points.crs, self.index, self.points.name)
        new = {
            PROBLEM: places.problem_column(),
            CODE: self._codes.take(pa.array(answers.position, mask=answers.position < 0)),
            "located_by": pa.array(HOW, pa.string()).take(pa.array(answers.how)),
        }
        if self.geometry_crs is not None:
            new[GEOMETRY] = points_as_wkb(places)
        counts = np.bincount(answers.how, minlength=len(HOW)).tolist()
        how.update({reason: count for reason, count in zip(HOW, counts, strict=True) if count})
        return pa.RecordBatch.from_arrays(
            [new[name] if name in new else batch.column(name) for name in schema.names], schema=schema
        )

    @cached_property
    def _codes(self) -> pa.Array:
        return pa.array(self.index.codes, pa.string())


def _examined(job: _Job, parts: Parts) -> _Found:
    """Examine all rows, unless that is done: which columns hold persons, and whether the coordinates can be meant.

    A column of problems holds what stood in place of a number, so that it is examined too.
    """
    noted = parts.note(_EXAMINED)
    if noted is not None:
        return _Found.of_note(noted)
    found, persons = _Found(), PersonColumns(job.columns)
    job.schema(found)
    columns = [name for name in persons.open if name != PROBLEM]
    for batch in _batches(job.points, [*job.points.coordinates, *columns], job.batch_rows, "examining"):
        places = job.points.places(batch, found.rows)
        found.plausible.look(places)
        persons.look(batch.select(columns), coordinates_of(places.x, places.y, job.points.crs))
        if places.problem is not None:
            persons.look(pa.RecordBatch.from_arrays([places.problem_column()], names=[PROBLEM]))
        found.rows += batch.num_rows
    found.plausible.require(job.points.crs, job.points.name)
    found.not_out = not_going_out(persons.not_out, keep=job.asked, coordinates=job.keep, names=job.columns)
    parts.keep(_EXAMINED, asdict(found))
    return found


def _write_parts(job: _Job, found: _Found, parts: Parts) -> None:
    """Locate the rows of all parts that are not done yet."""
    schema, first = job.schema(found), PART_ROWS * len(parts.done())
    columns = [name for name in schema.names if name in job.points.stream.schema.names and name != PROBLEM]
    if first >= found.rows:
        return
    wanted = [*job.points.coordinates, *columns]
    rest = Rest(_batches(job.points, wanted, job.batch_rows, "locating", skip=first, rows=found.rows))
    for number in range(first // PART_ROWS, math.ceil(found.rows / PART_ROWS)):
        note: dict[str, Any] = {"rows": 0, "bytes": 0, "how": Counter[str]()}
        parts.write(number, schema, _located(job, rest, schema, number * PART_ROWS, note), note)


def _located(job: _Job, rest: Rest, schema: pa.Schema, first: int, note: dict[str, Any]) -> Iterator[pa.RecordBatch]:
    """Locate the rows of one part, whose first is row ``first`` of the file."""
    for batch in rest.take(PART_ROWS):
        located = job.locate(batch, first + note["rows"], schema, note["how"])
        note["rows"] += located.num_rows
        note["bytes"] += size_of(located)
        yield located


def _batches(
    points: PointTable, columns: list[str], batch_rows: int, what: str, *, skip: int = 0, rows: int | None = None
) -> Iterator[pa.RecordBatch]:
    """Read batches and show how far they are."""
    rows = points.stream.rows if rows is None else rows
    total = None if rows is None else math.ceil((rows - skip) / batch_rows)
    yield from progress(points.stream.batches(list(dict.fromkeys(columns)), batch_rows, skip), what, total=total)
    pa.default_memory_pool().release_unused()


def _tell(report: Report, found: _Found, how: Counter[str], target: str) -> None:
    """Warn of all that is to be warned of, pointing at the line that called."""
    told = [f"{describe_not_out(found.not_out)}."] if found.not_out else []
    told_of = [GridWarning(f"{target}: {text}") for text in told]
    if note := found.plausible.note():
        report.note(note)
    if report.notes:
        told_of.insert(0, GridWarning(f"{report.name}: {'; '.join(report.notes)}."))
    fine = found.plausible.fine
    outside = fine - sum(how[reason] for reason in ("inside", "boundary", "conflict"))
    elsewhere = elsewhere_warning(outside, fine, report.name)
    for warning in [*told_of, *([elsewhere] if elsewhere else [])]:
        warnings.warn(warning, stacklevel=3)


def _positive(rows: int) -> int:
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 1:
        raise GridError(f"batch_rows: expected a whole number from 1 up, got {rows!r}.")
    return rows


def _require_apart(target: Path, *others: object) -> None:
    """Refuse to write over what is read."""
    for other in others:
        if isinstance(other, str | os.PathLike) and os.path.realpath(other) == os.path.realpath(target):
            raise GridError(f"{target.name}: expected another file than those that are read; choose another name.")


def _state(path: Path) -> tuple[int, int]:
    """What changes when a file is written to."""
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def _hash(path: Path) -> list[str]:
    """The content of a file, and of the journal of a database that is open elsewhere."""
    hashes = [path.suffix.lower()]
    for part in (path, path.with_name(f"{path.name}-wal")):
        if part.is_file():
            with part.open("rb") as file:
                hashes.append(hashlib.file_digest(file, "blake2b").hexdigest())
    return hashes
