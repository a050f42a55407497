"""Rows that come in batches, written as one file: the same bytes however they were batched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pyogrio
import pyproj

from gridgis.batches.streams import GEOMETRY
from gridgis.contract import GridError
from gridgis.read.delimited import FORMULA, guarded
from gridgis.read.opening import PARQUET
from gridgis.whole import SIDECAR, fixed_date, whole_file

TARGETS = (*PARQUET, ".csv", ".gpkg")
"""The formats that can be written batch by batch."""

GROUP_ROWS, GROUP_BYTES = 1 << 17, 1 << 26
"""Rows and bytes that are written at a time at most, and so those of a row group of Parquet."""

_SPECIAL = r'[",\r\n]'


class Rest:
    """Batches to take rows from, so many at a time.

    Examples
    --------
    >>> rest = Rest([pa.RecordBatch.from_pydict({"a": [1, 2, 3]}), pa.RecordBatch.from_pydict({"a": [4]})])
    >>> [[batch.num_rows for batch in rest.take(2)] for _ in range(3)]
    [[2], [1, 1], []]
    """

    def __init__(self, batches: Iterable[pa.RecordBatch]):
        self._batches = iter(batches)
        self._begun: pa.RecordBatch | None = None

    def take(self, rows: int) -> Iterator[pa.RecordBatch]:
        """Give the next rows, fewer where there are no more."""
        while rows:
            batch = next(self._batches, None) if self._begun is None else self._begun
            if batch is None:
                return
            self._begun = batch.slice(rows) if batch.num_rows > rows else None
            rows -= min(rows, batch.num_rows)
            yield batch if self._begun is None else batch.slice(0, batch.num_rows - self._begun.num_rows)


def size_of(batch: pa.RecordBatch) -> int:
    """Give the bytes of the values of a batch: a sum over its rows, however they are batched.

    Examples
    --------
    >>> size_of(pa.RecordBatch.from_pydict({"code": ["0101", None], "share": [0.5, 1.0]}))
    20
    """
    return sum(map(_size_of, batch.columns))


def _size_of(column: pa.Array) -> int:
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _size_of(column.flatten())
    if pa.types.is_struct(kind):
        return sum(map(_size_of, column.flatten()))
    try:
        return len(column) * max(1, kind.bit_width // 8)
    except ValueError:  # of no fixed width
        pass
    known = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    known = known or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return pc.sum(pc.binary_length(column)).as_py() or 0 if known else 64 * len(column)


def group_rows(rows: int, size: int) -> int:
    """Give how many rows to write at a time: fewer of wide ones, so that they fit in memory.

    Examples
    --------
    >>> group_rows(1000, 100_000), group_rows(1000, 10_000_000)
    (131072, 4096)
    """
    at_most = GROUP_BYTES * rows // size if size else GROUP_ROWS
    return min(GROUP_ROWS, max(1 << 10, 1 << max(0, at_most.bit_length() - 1)))


def write_batches(
    target: Path,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    crs: pyproj.CRS | None = None,
    *,
    at_a_time: int | None = None,
) -> None:
    r"""Write rows as one file, whole or not at all.

    Parameters
    ----------
    target : Path
        ``.parquet``, ``.geoparquet``, ``.csv`` (UTF-8 with byte-order mark, for Excel) or ``.gpkg``.
    schema : pyarrow.Schema
        Their columns.
    batches : iterable of pyarrow.RecordBatch
        The rows.
    crs : pyproj.CRS, optional
        The CRS of the column ``geometry``, points as WKB, if there is one.
    at_a_time : int, optional
        Rows that are written at a time; the bytes hang on it.

    Raises
    ------
    GridError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     batch = pa.RecordBatch.from_pydict({"code": ["0101", None], "share": [0.5, 1.0]})
    ...     write_batches(Path(folder) / "t.csv", batch.schema, [batch])
    ...     (Path(folder) / "t.csv").read_text(encoding="utf-8-sig")
    'code,share\n0101,0.5\n,1.0\n'
    """
    suffix = target.suffix.lower()
    write: Callable[[Path, pa.Schema, Iterator[pa.RecordBatch], pyproj.CRS | None], None]
    write = _write_csv if suffix == ".csv" else _write_gpkg if suffix == ".gpkg" else _write_parquet
    with whole_file(target) as temporary:
        write(temporary, schema, _even(Rest(batches), schema, at_a_time or GROUP_ROWS), crs)
    Path(f"{target}{SIDECAR}").unlink(missing_ok=True)  # what an older file of this name was made from


def require_writable(target: Path) -> None:
    """Ask for a format that can be written batch by batch.

    Raises
    ------
    GridError
        If it is another.
    """
    if target.suffix.lower() not in TARGETS:
        raise GridError(
            f"{target.name}: expected one of {', '.join(TARGETS)}; {target.suffix or 'no extension'} cannot be written "
            "in batches."
        )


def _even(rest: Rest, schema: pa.Schema, at_a_time: int) -> Iterator[pa.RecordBatch]:
    """Give batches of equally many rows, each in one piece."""
    while some := list(rest.take(at_a_time)):
        whole = pa.Table.from_batches(some, schema).combine_chunks()
        yield from whole.to_batches()


def _write_parquet(
    temporary: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch], crs: pyproj.CRS | None
) -> None:
    if crs is not None:
        column = {"encoding": "WKB", "geometry_types": ["Point"], "crs": crs.to_json_dict()}
        geo = {"version": "1.0.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
        schema = schema.with_metadata({"geo": json.dumps(geo)})
    with pa.parquet.ParquetWriter(temporary, schema, compression="snappy") as writer:
        for batch in batches:
            table = pa.Table.from_batches([batch.replace_schema_metadata(schema.metadata)])
            writer.write_table(table, row_group_size=max(1, table.num_rows))


def _write_gpkg(temporary: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch], crs: pyproj.CRS | None) -> None:
    taken = {name.lower() for name in schema.names}
    fid = next(name for name in ("fid", "ogc_fid", "gpkg_fid", "row_fid") if name not in taken)
    options: dict[str, Any] = {"layer_options": {"FID": fid}, "dataset_options": {"DATETIME_FORMAT": "WITH_TZ"}}
    if crs is not None:
        options["layer_options"]["GEOMETRY_NAME"] = GEOMETRY
        options |= {"geometry_name": GEOMETRY, "geometry_type": "Point", "crs": crs.to_wkt()}
    zoned = [field.name for field in schema if pa.types.is_timestamp(field.type) and field.type.tz]
    for name in zoned:  # as UTC, else GDAL writes the instant without its zone
        place = schema.get_field_index(name)
        schema = schema.set(place, pa.field(name, pa.timestamp(schema.field(name).type.unit, "UTC")))
    rows = pa.RecordBatchReader.from_batches(schema, _cast(batches, schema) if zoned else batches)
    with fixed_date():
        pyogrio.write_arrow(rows, temporary, layer="table", driver="GPKG", **options)


def _cast(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield from pa.Table.from_batches([batch]).cast(schema).to_batches()


def _write_csv(temporary: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch], _: pyproj.CRS | None) -> None:
    with temporary.open("wb") as file:
        file.write("\ufeff".encode())
        file.write(_lines(pa.RecordBatch.from_arrays([pa.array([name]) for name in schema.names], names=schema.names)))
        for batch in batches:
            file.write(_lines(batch))


def _lines(batch: pa.RecordBatch) -> memoryview:
    """Write rows as lines: fields in quotes where they must be, missing ones empty."""
    fields = [_quoted(_safe(column).cast(pa.large_string())) for column in batch.columns]
    joined = pc.binary_join_element_wise(*fields, _wide(","), null_handling="replace", null_replacement="")
    lines = pc.binary_join_element_wise(joined, _wide("\n"), _wide(""))
    ends = np.frombuffer(lines.buffers()[1], np.int64)[lines.offset : lines.offset + len(lines) + 1]
    return memoryview(lines.buffers()[2])[ends[0] : ends[-1]]


def _quoted(text: pa.Array) -> pa.Array:
    special = pc.match_substring_regex(text, _SPECIAL)
    if not pc.any(special).as_py():
        return text
    doubled = pc.replace_substring(text, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise(_wide('"'), doubled, _wide('"'), _wide("")), text)


def _safe(column: pa.Array) -> pa.Array:
    """Write values as text; what a spreadsheet would take for a formula gets an apostrophe, as in `write_table`."""
    text = _text(column)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return text
    if not pc.any(pc.match_substring_regex(text, FORMULA)).as_py():
        return text
    return pa.array([None if value is None else guarded(value) for value in text.to_pylist()], text.type)


def _wide(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())


def _text(column: pa.Array) -> pa.Array:
    """Write values as Python does; dates and times as ISO 8601."""
    kind = column.type
    if pa.types.is_floating(kind):
        numbers = column.to_numpy(zero_copy_only=False)
        return pa.array(numbers.astype(str), pa.string(), mask=np.isnan(numbers))
    if pa.types.is_boolean(kind):
        return pc.if_else(column, "True", "False")
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array([None if value is None else value.hex() for value in column.to_pylist()], pa.string())
    if pa.types.is_nested(kind):
        return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
    return column.cast(pa.string()) if not pa.types.is_large_string(kind) else column
