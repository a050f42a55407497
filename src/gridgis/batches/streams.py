"""Tables of places read in batches, so that a file may be larger than memory.

A stream gives what `gridgis.read.opening.open_table` gives, a batch of rows at a time: text stays text, no row is lost,
rows come in the order of the file.
"""

from __future__ import annotations

import codecs
import csv
import json
import os
import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import pyogrio
import pyproj

from gridgis.contract import GridError, listed
from gridgis.read.delimited import DELIMITED, TextForm, holds, require_closed_quotes, text_form, unguarded
from gridgis.read.drivers import require_driver, require_own_format, shut_in
from gridgis.read.layers import layer_of
from gridgis.read.notes import Report, one_sentence
from gridgis.read.opening import PARQUET, require_file

FEATURES = (".gpkg", ".fgb")
_KNOWN = (*PARQUET, *DELIMITED, *FEATURES)

GEOMETRY = "geometry"
"""The name of the column of points in a batch."""

TOO_MANY_FIELDS = "expected as many fields in each row as the first row has; got more."
"""What `open_table` says of a row that is too long."""

_CARELESS = int(pd.__version__.split(".")[0]) < 3
"""Before version 3, pandas drops fields too many in silence, where they stand in the first row of a chunk."""

_TIMES = {"datetime_as_string": True} if "datetime_as_string" in signature(pyogrio.open_arrow).parameters else {}
"""Times as text, where pyogrio can: Arrow has one zone for a column, and GDAL takes local times for UTC."""

_BLOCK = 1 << 20
_BUFFER = 1 << 18
_MOST_ROWS = 1 << 20
_QUOTE, _RETURN, _NEWLINE = b'"\r\n'
_TAKEN_BEFORE, _TAKEN_AFTER = b'"\n', b'"\r\n'


@dataclass(frozen=True)
class Stream:
    """A table in a file, to be read in batches as often as wanted.

    Attributes
    ----------
    path : Path
    schema : pyarrow.Schema
        The columns besides geometry, in the order of the file: no dictionaries, no extension types.
    geometry : str or None
        The column of the geometry in the file, None where there is none.
    crs : object
        The CRS that the file declares for it, None where it declares none.
    rows : int or None
        How many rows there are, where the file says so.
    """

    path: Path
    schema: pa.Schema
    geometry: str | None = None
    crs: object = None
    rows: int | None = None

    def batches(self, columns: Sequence[str], most: int, skip: int = 0) -> Iterator[pa.RecordBatch]:
        """Read some columns.

        Parameters
        ----------
        columns : sequence of str
            Names in `schema`, or `GEOMETRY`.
        most : int
            Rows in a batch at most.
        skip : int
            Rows at the beginning that are passed over.

        Yields
        ------
        pyarrow.RecordBatch
            These columns in this order, with the types of `schema`; never empty.

        Raises
        ------
        GridError
            If the file cannot be read.
        """
        with one_sentence(self.path):
            for batch in self._read([self._in_file(name) for name in columns], most, skip):
                for start in range(0, batch.num_rows, most):
                    yield self._plain(batch.slice(start, most), columns)

    def _read(self, names: list[str], most: int, skip: int) -> Iterator[pa.RecordBatch]:
        """Read columns by their names in the file, after the first ``skip`` rows."""
        raise NotImplementedError

    def _plain(self, batch: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
        """Give the columns in their order, each with its plain type."""
        arrays = []
        for name in columns:
            column = batch.column(batch.schema.get_field_index(self._in_file(name)))
            kind = column.type if name == GEOMETRY and self.geometry else self.schema.field(name).type
            arrays.append(plain_column(column, kind))
        return pa.RecordBatch.from_arrays(arrays, names=list(columns))

    def _in_file(self, name: str) -> str:
        return self.geometry if name == GEOMETRY and self.geometry else name


def open_stream(
    path: str | os.PathLike[str],
    report: Report,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    header: int | None = None,
    wanted: Collection[str | None] = (),
) -> Stream:
    r"""Open a file to be read in batches.

    Parameters
    ----------
    path : path
        Parquet, GeoParquet, CSV, TSV, GeoPackage or FlatGeobuf.
    report : Report
        Takes notes.
    layer : str, optional
        Layer of a GeoPackage; without it ``points``, or the only one.
    encoding, header, wanted
        As in `gridgis.read.opening.open_table`.

    Raises
    ------
    GridError
        If there is no such file or layer, it cannot be read, or two of its columns have one name.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "events.csv"
    ...     _ = file.write_text("id,x\n007,1\n", encoding="utf-8")
    ...     stream = open_stream(file, Report(file))
    ...     [batch.to_pylist() for batch in stream.batches(["id"], 10)]
    [[{'id': '007'}]]
    """
    if Path(path).is_file() and Path(path).suffix.lower() not in _KNOWN:
        raise GridError(
            f"{Path(path).name}: expected one of the formats {listed(_KNOWN, 20)}, which can be read in batches; got "
            f"{Path(path).suffix or 'no extension'}. Smaller files of other formats: read_points, locate, write_table."
        )
    file = require_file(path, _KNOWN)
    suffix = file.suffix.lower()
    if layer is not None and suffix not in FEATURES:
        raise GridError(f"{file.name}: a {suffix} file has no layers; leave layer= out.")
    with one_sentence(file):
        if suffix in PARQUET:
            stream: Stream = _open_parquet(file)
        elif suffix in DELIMITED:
            asked = {name for name in wanted if name is not None}
            stream = _open_text(file, report, text_form(file, report, encoding=encoding, header=header, wanted=asked))
        else:
            stream = _open_features(file.absolute(), layer)
    names = stream.schema.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise GridError(f"{file.name}: expected each column once; more than once: {listed(twice)}.")
    return stream


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Give the type of the values themselves: of a dictionary its values, of an extension its storage.

    Examples
    --------
    >>> plain_type(pa.dictionary(pa.int8(), pa.string())), plain_type(pa.null())
    (DataType(string), DataType(string))
    """
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    return pa.string() if pa.types.is_null(kind) or str(kind) == "string_view" else kind


def plain_column(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Give a column with a plain type; see `plain_type`."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column if column.type == kind else column.cast(kind)


def _after(batches: Iterator[pa.RecordBatch], skip: int) -> Iterator[pa.RecordBatch]:
    """Pass over the first rows."""
    for batch in batches:
        if batch.num_rows > skip:
            yield batch.slice(skip)
        skip = max(0, skip - batch.num_rows)


@dataclass(frozen=True)
class _ParquetStream(Stream):
    """A file of Parquet; ``counted`` are name, start and step of an index that pandas has noted instead of stored."""

    counted: tuple[str, int, int] | None = None

    def _read(self, names: list[str], most: int, skip: int) -> Iterator[pa.RecordBatch]:
        """Read through a small buffer and with one thread: little memory, however large the row groups are."""
        with pa.parquet.ParquetFile(self.path, buffer_size=_BUFFER, pre_buffer=False) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
            ends = np.cumsum([0, *sizes])
            first = int(np.searchsorted(ends, skip, "right")) - 1
            groups = list(range(first, len(sizes)))
            stored = [name for name in names if self.counted is None or name != self.counted[0]]
            options = {"row_groups": groups, "columns": stored or file.schema_arrow.names[:1], "use_threads": False}
            for batch in _after(file.iter_batches(min(most, _MOST_ROWS), **options), skip - int(ends[first])):
                batch.validate(full=True)  # bytes that are no text would come out as they are
                yield batch if len(stored) == len(names) else self._with_count(batch, skip)
                skip += batch.num_rows

    def _with_count(self, batch: pa.RecordBatch, row: int) -> pa.RecordBatch:
        """Add the index to rows that begin with row ``row`` of the file."""
        name, start, step = self.counted or ("", 0, 1)
        numbers = pa.array(start + step * np.arange(row, row + batch.num_rows, dtype=np.int64))
        return pa.RecordBatch.from_arrays([*batch.columns, numbers], names=[*batch.schema.names, name])


def _open_parquet(file: Path) -> Stream:
    with pa.parquet.ParquetFile(file) as opened:
        schema, rows = opened.schema_arrow, opened.metadata.num_rows
    metadata = schema.metadata or {}
    left_out, first, counted = _index_columns(metadata)
    geometry, crs = None, None
    if b"geo" in metadata:
        geo = json.loads(metadata[b"geo"])
        geometry = geo["primary_column"]
        declared = geo["columns"][geometry].get("crs", "OGC:CRS84")
        crs = None if declared is None else pyproj.CRS.from_user_input(declared)
        coverings = [column.get("covering", {}).get("bbox", {}) for column in geo["columns"].values()]
        left_out |= {*geo["columns"], *(corner[0] for covering in coverings for corner in covering.values())}
        if geometry != GEOMETRY and GEOMETRY in schema.names:
            raise GridError(f"{file.name}: the column geometry is not the active geometry; rename one of them.")
    fields = [schema.field(position) for position in range(len(schema))]
    fields.sort(key=lambda field: field.name not in first)
    kept = [pa.field(field.name, plain_type(field.type)) for field in fields if field.name not in left_out]
    if counted is not None and counted[0] not in schema.names:
        kept.insert(0, pa.field(counted[0], pa.int64()))
    return _ParquetStream(file, pa.schema(kept), geometry, crs, rows, counted)


def _index_columns(metadata: dict[bytes, bytes]) -> tuple[set[str], set[str], tuple[str, int, int] | None]:
    """Tell the columns that are an index of pandas.

    Those without a name are left out, a single one with a name is the first, and one may be noted as a range.
    """
    index = json.loads(metadata.get(b"pandas", b"{}")).get("index_columns", [])
    names = {name for name in index if isinstance(name, str)}
    nameless = {name for name in names if re.fullmatch(r"__index_level_\d+__", name)}
    ranges = [one for one in index if isinstance(one, dict) and one.get("kind") == "range" and one.get("name")]
    counted = (ranges[0]["name"], ranges[0]["start"], ranges[0]["step"]) if len(index) == len(ranges) == 1 else None
    return nameless, names - nameless if len(index) == 1 else set(), counted


@dataclass(frozen=True)
class _FeatureStream(Stream):
    layer: str = ""

    def _read(self, names: list[str], most: int, skip: int) -> Iterator[pa.RecordBatch]:
        wanted = {"columns": [name for name in names if name != self.geometry], "read_geometry": self.geometry in names}
        size = min(most, _MOST_ROWS)
        with (
            shut_in(),
            pyogrio.open_arrow(
                self.path, layer=self.layer, batch_size=size, skip_features=skip, use_pyarrow=True, **_TIMES, **wanted
            ) as (_, rows),
        ):
            yield from rows


def _open_features(file: Path, layer: str | None) -> Stream:
    require_own_format(file)
    with shut_in():
        name = layer_of(file, layer, ["points"])
        with pyogrio.open_arrow(file, layer=name, use_pyarrow=True, **_TIMES) as (about, opened):
            schema = opened.schema
        info = pyogrio.read_info(file, layer=name, force_feature_count=True)
    require_driver(file, info.get("driver"))
    times = [field.name for field in schema if pa.types.is_timestamp(field.type)]
    if times:  # as an older pyogrio gives them, their zone is lost or made up
        raise GridError(
            f"{file.name}: times ({listed(times)}) cannot be read in batches with this version of pyogrio; update "
            "it, or use read_points and locate."
        )
    rows = info["features"]
    geometry = (about["geometry_name"] or "wkb_geometry") if about["geometry_type"] else None
    crs = None if about["crs"] is None else pyproj.CRS.from_user_input(about["crs"])
    kept = [pa.field(field.name, plain_type(field.type)) for field in schema if field.name != geometry]
    return _FeatureStream(file, pa.schema(kept), geometry, crs, None if rows < 0 else rows, name)


@dataclass(frozen=True)
class _TextStream(Stream):
    form: TextForm = field(default_factory=lambda: TextForm("utf-8-sig", ","))
    strict: bool = False
    guarded: bool = False

    def _read(self, names: list[str], most: int, skip: int) -> Iterator[pa.RecordBatch]:
        """Read with Arrow, which is fast; from a fault on with pandas, which knows what to make of it."""
        done = 0
        if self.strict:
            try:
                for batch in self._by_arrow(names):
                    yield from _after(iter([self._unguarded(batch)]), max(0, skip - done))
                    done += batch.num_rows
                return
            except (pa.ArrowInvalid, KeyError):
                pass
        yield from _after(self._by_pandas(names, min(most, _MOST_ROWS)), max(done, skip))

    def _by_arrow(self, names: list[str]) -> Iterator[pa.RecordBatch]:
        convert = pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=names,
            strings_can_be_null=True,
            null_values=[""],
        )
        with pa.csv.open_csv(self.path, convert_options=convert, **_arrow_options(self.form)) as rows:
            yield from rows

    def _by_pandas(self, names: list[str], most: int) -> Iterator[pa.RecordBatch]:
        require_closed_quotes(self.path, Report(self.path), self.form)
        if _CARELESS:
            self._require_width()
        with self.form.opened(self.path) as text, pd.read_csv(text, chunksize=most, **self.form.options()) as chunks:
            while (chunk := self._next(chunks)) is not None:
                chunk = chunk.rename(columns=unguarded)
                columns = [pa.array(chunk[name], pa.string(), from_pandas=True) for name in names]
                yield self._unguarded(pa.RecordBatch.from_arrays(columns, names=names))

    def _unguarded(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Take away the apostrophes that keep spreadsheets from formulas."""
        if not self.guarded:
            return batch
        columns = []
        for column in batch.columns:
            if pc.any(pc.match_substring(column, "'")).as_py():
                column = pa.array([unguarded(text) for text in column.to_pylist()], pa.string())
            columns.append(column)
        return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)

    def _next(self, chunks: Iterator[pd.DataFrame]) -> pd.DataFrame | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                return next(chunks, None)
        except pd.errors.ParserError as error:
            if "Buffer overflow caught" in str(error):  # what pandas makes of them, in chunks only
                raise GridError(
                    f"{self.path.name}: lines end with a bare carriage return, and cannot be read in batches; save the "
                    "file with other line ends."
                ) from error
            raise

    def _require_width(self) -> None:
        with self.form.opened(self.path) as text, suppress(csv.Error):
            for row in csv.reader(text, delimiter=self.form.delimiter):
                if any(row[len(self.schema) :]):
                    raise GridError(f"{self.path.name}: {TOO_MANY_FIELDS}")


def _open_text(file: Path, report: Report, form: TextForm) -> Stream:
    strict = form.skip == 0 and _is_strict(file, form.delimiter)
    if strict:  # else when it is read, which then finds the fault
        require_closed_quotes(file, report, form)
    try:
        with form.opened(file) as text:
            header = [str(name) for name in pd.read_csv(text, nrows=0, **form.options()).columns]
    except pd.errors.ParserError:
        require_closed_quotes(file, report, form)
        raise
    if strict:
        try:
            with pa.csv.open_csv(file, **_arrow_options(form)) as opened:
                strict = opened.schema.names == header
        except pa.ArrowInvalid:
            strict = False
    plain = [unguarded(name) for name in header]
    schema = pa.schema([(name, pa.string()) for name in plain])
    strict = strict and plain == header
    return _TextStream(file, schema, form=form, strict=strict, guarded=holds(file, "'"))


def _arrow_options(form: TextForm) -> dict[str, Any]:
    return {
        "read_options": pa.csv.ReadOptions(use_threads=False, block_size=_BLOCK),
        "parse_options": pa.csv.ParseOptions(delimiter=form.delimiter, newlines_in_values=True),
    }


def _is_strict(file: Path, separator: str) -> bool:
    """Tell whether all readers of delimited text agree on a file.

    It is UTF-8, quotes stand around whole fields only and come in pairs, no line ends with a bare carriage return, no
    byte is zero.
    """
    delimiter = separator.encode()
    before = np.frombuffer(_TAKEN_BEFORE + delimiter, np.uint8)
    after = np.frombuffer(_TAKEN_AFTER + delimiter, np.uint8)
    opened, tail, text = False, b"\n", codecs.getincrementaldecoder("utf-8")()
    with file.open("rb") as raw:
        if raw.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            raw.seek(0)
        while True:
            block = raw.read(1 << 20)
            try:
                text.decode(block, final=not block)
            except UnicodeDecodeError:
                return False
            data = np.frombuffer(tail + (block or b"\n"), np.uint8)
            judged = data[1:-1]
            quotes = np.flatnonzero(judged == _QUOTE)
            first, second = (quotes[1::2], quotes[::2]) if opened else (quotes[::2], quotes[1::2])
            fair = np.isin(data[first], before).all() and np.isin(data[second + 2], after).all()
            bare = (judged == _RETURN) & (data[2:] != _NEWLINE)
            if not fair or bare.any() or (judged == 0).any():
                return False
            opened ^= bool(len(quotes) % 2)
            tail = data[-2:].tobytes()
            if not block:
                return not opened
