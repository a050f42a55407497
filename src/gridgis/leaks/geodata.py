"""Tables out of files of shapes and of columns: Shapefile, dBASE, FlatGeobuf, PMTiles, Arrow."""

from __future__ import annotations

import re
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from gridgis.contract import GridError


class Table(NamedTuple):
    """Rows under the names of their columns; no names where they are not known."""

    columns: list[str]
    rows: list[list[object]]


_SHAPE_POINTS = (1, 11, 21)
_SHAPE_MULTIPOINTS = (8, 18, 28)
_ARROW = (b"ARROW1\0\0", b"\xff\xff\xff\xff")
_NO_READING = {
    ".tab": "MapInfo", ".map": "MapInfo", ".id": "MapInfo", ".gdbtable": "geodatabase",
    ".gdbtablx": "geodatabase",
    ".dxf": "DXF", ".dwg": "DWG", ".dgn": "DGN", ".e00": "E00", ".sbn": "index of shapes", ".mdb": "Access",
    ".mbtiles": "tiles", ".mvt": "tiles", ".pbf": "tiles or OSM", ".xls": "old Excel",
    ".las": "point cloud", ".laz": "point cloud", ".nc": "NetCDF", ".h5": "HDF5", ".orc": "ORC", ".avro": "Avro",
}  # fmt: skip
_READ_AS_THEY_ARE = (b"GIF8", b"RIFF", b"wOF2", b"wOFF", b"\0\1\0\0", b"OTTO", b"\0\0\1\0", b"BM", b"true", b"\0asm")
"""How pictures, fonts and programs begin whose letters are read as they stand: they hold no rows."""


def geodata_of(data: bytes) -> list[tuple[str, Table]] | None:
    """Give the tables of a file of shapes or columns; None where it is none.

    Raises
    ------
    GridError
        If it is damaged.

    Examples
    --------
    >>> geodata_of(b"<html>") is None
    True
    """
    readers = (
        (_is_shapes, _shapes),
        (_is_dbase, _dbase),
        (_is_flatgeobuf, _flatgeobuf),
        (_is_tiles, _tiles),
        (_is_arrow, _arrow),
    )
    for is_one, read in readers:
        if is_one(data):
            try:
                return [("table", table) for table in read(data)]
            except (struct.error, ValueError, IndexError, KeyError, OSError, pa.ArrowException) as error:
                said = next(iter(str(error).splitlines()), type(error).__name__)
                raise GridError(
                    f"find_leaks: a file of {read.__name__[1:]} is damaged; it cannot be read ({said})."
                ) from None
    return None


def form_that_is_not_read(name: str, data: bytes) -> str | None:
    """Say in which form a file is that cannot be read; None for one that can, at least by its letters.

    Examples
    --------
    >>> form_that_is_not_read("a.tab", b"!table"), form_that_is_not_read("a.html", b"<p>")
    ('MapInfo', None)
    """
    ending = re.search(r"\.\w+$", name.lower())
    if ending and ending[0] in _NO_READING:
        return _NO_READING[ending[0]]
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return "old Office"
    if re.match(rb"\s*0\r?\n\s*SECTION\r?\n", data[:200]):
        return "DXF"
    return None


def may_hold_rows(data: bytes) -> bool:
    """Tell whether bytes that are no text may be a file with rows; pictures and fonts are none."""
    return bool(data) and not data.startswith(_READ_AS_THEY_ARE)


def _is_shapes(data: bytes) -> bool:
    return len(data) >= 100 and data[:4] == b"\0\0\x27\x0a" and data[28:32] == b"\xe8\3\0\0"


def _shapes(data: bytes) -> Iterator[Table]:
    """Points of a Shapefile; lines and polygons are no places of single things."""
    kind = struct.unpack("<i", data[32:36])[0]
    rows: list[list[object]] = []
    place = 100
    while kind in _SHAPE_POINTS + _SHAPE_MULTIPOINTS and place + 12 <= len(data):
        size = 2 * struct.unpack(">i", data[place + 4 : place + 8])[0]
        if size < 4 or place + 8 + size > len(data):
            break  # an index of shapes has the same head
        body = data[place + 8 : place + 8 + size]
        this = struct.unpack("<i", body[:4])[0]
        if this in _SHAPE_POINTS:
            rows.append([_point(*struct.unpack("<2d", body[4:20]))])
        elif this in _SHAPE_MULTIPOINTS:
            count = struct.unpack("<i", body[36:40])[0]
            corners = np.frombuffer(body, "<f8", 2 * count, 40).reshape(-1, 2)
            rows += [[_point(x, y)] for x, y in corners.tolist()]
        place += 8 + size
    yield Table(["geometry"], rows)


def _point(x: float, y: float) -> str:
    return f"POINT({x:.7f} {y:.7f})"


def _is_dbase(data: bytes) -> bool:
    if len(data) < 65 or data[0] not in (0x03, 0x30, 0x31, 0x43, 0x83, 0x8B, 0xF5):
        return False
    head, width = struct.unpack("<HH", data[8:12])
    return (
        64 < head <= min(len(data), 32 + 32 * 256 + 300)
        and width > 0
        and 13 in (data[head - 1], data[(head - 33) // 32 * 32 + 32])
    )


def _dbase(data: bytes) -> Iterator[Table]:
    count, head, width = struct.unpack("<IHH", data[4:12])
    fields, place = [], 32
    while place + 32 <= head and data[place] != 13:
        fields.append((data[place : place + 11].split(b"\0")[0], data[place + 16]))
        place += 32
    texts = [name for name, _ in fields]
    rows: list[list[object]] = []
    for start in range(head, min(head + count * width, len(data)), width):
        row, at = [], start + 1
        for _, size in fields:
            row.append(data[at : at + size].strip())
            at += size
        rows.append(list(row))
    sample = b"\n".join([*texts, *(value for row in rows[:2000] for value in row if isinstance(value, bytes))])
    name = _encoding(sample)
    decoded: list[list[object]] = [
        [value.decode(name, "replace") for value in row if isinstance(value, bytes)] for row in rows
    ]
    yield Table([text.decode(name, "replace") for text in texts], decoded)


def _encoding(data: bytes) -> str:
    for name in ("utf-8", "gb18030"):
        try:
            data.decode(name)
        except UnicodeDecodeError:
            continue
        return name
    return "latin-1"


def _is_flatgeobuf(data: bytes) -> bool:
    return data[:3] == b"fgb" and data[4:7] == b"fgb"


def _flatgeobuf(data: bytes) -> Iterator[Table]:
    import pyogrio

    meta, _, shapes, columns = pyogrio.raw.read(data)
    names = [str(name) for name in meta["fields"]]
    values = [column.tolist() for column in (*columns, *([] if shapes is None else [shapes]))]
    names += [] if shapes is None else ["geometry"]
    yield Table(names, [list(row) for row in zip(*values, strict=True)])


def _is_tiles(data: bytes) -> bool:
    return data.startswith(b"PMTiles")


def _tiles(data: bytes) -> Iterator[Table]:
    """The features of a PMTiles archive on its most detailed level, each once."""
    import pyogrio

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.pmtiles"
        path.write_bytes(data)
        for layer, kind in pyogrio.list_layers(path):
            meta, _, shapes, columns = pyogrio.raw.read(path, layer=layer)
            names = [str(name) for name in meta["fields"]]
            values = [column.tolist() for column in columns]
            if "Point" in str(kind) and shapes is not None:
                names, values = [*names, "geometry"], [*values, shapes.tolist()]
            rows = dict.fromkeys(zip(*values, strict=True))
            yield Table(names, [list(row) for row in rows])


def _is_arrow(data: bytes) -> bool:
    return data.startswith(_ARROW) or data[:4] == b"FEA1"


def _arrow(data: bytes) -> Iterator[Table]:
    source = pa.BufferReader(data)
    if data[:4] == b"FEA1":
        from pyarrow import feather

        table = feather.read_table(source)
    elif data.startswith(_ARROW[0]):
        table = pa.ipc.open_file(source).read_all()
    else:
        table = pa.ipc.open_stream(source).read_all()
    yield arrow_table(table)


def arrow_table(table: pa.Table) -> Table:
    """Give a table of Arrow as rows; points in structures or pairs as well-known text.

    Examples
    --------
    >>> arrow_table(pa.table({"geometry": [{"x": 113.5, "y": 36.25}]})).rows
    [['POINT(113.5000000 36.2500000)']]
    """
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        values = column.to_pylist()
        if pa.types.is_struct(field.type) or pa.types.is_fixed_size_list(field.type):
            values = [_as_point(value) for value in values]
        columns.append(values)
    return Table(list(map(str, table.column_names)), [list(row) for row in zip(*columns, strict=True)])


def _as_point(value: Any) -> Any:
    """A structure of x and y, or a pair, as a point; anything else as it is."""
    if isinstance(value, dict) and {"x", "y"} <= set(value):
        value = [value["x"], value["y"]]
    if isinstance(value, list) and 2 <= len(value) <= 4 and all(isinstance(part, float) for part in value):
        return _point(value[0], value[1])
    return value
