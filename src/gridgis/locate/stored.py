"""An index in a file: a header that says what is where, and the arrays as they lie in memory, each with a checksum."""

from __future__ import annotations

import json
import mmap
import os
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gridgis.contract import GridError
from gridgis.locate.arcs import Arcs
from gridgis.locate.lookup import Index
from gridgis.locate.tree import Frame, Tree
from gridgis.whole import whole_file

MAGIC = b"gridgis cells\n\x00\x01"
FORMAT = 1
ALIGNED = 64
DTYPES = {
    "vertices": "<f8",
    "arc_start": "<i4",
    "arc_left": "<i4",
    "arc_right": "<i4",
    "table": "<u4",
    "leaves": "<u8",
    "leaf_edges": "<u4",
    "rows": "<i4",
}

Arrays = Mapping[str, npt.NDArray[Any]]


def write(path: str | os.PathLike[str], note: Mapping[str, Any], arrays: Arrays) -> Path:
    """Write the arrays of an index and a note, whole or not at all.

    Raises
    ------
    GridError
        If the file cannot be written.
    """
    target = Path(path)
    sections, at = {}, 0
    for name, array in arrays.items():
        sections[name] = {"at": at, "shape": list(array.shape), "crc32": zlib.crc32(np.ascontiguousarray(array).data)}
        at += -(-array.nbytes // ALIGNED) * ALIGNED
    content = {"format": FORMAT, "byte_order": sys.byteorder, "sections": sections, "size": at, "note": dict(note)}
    header = json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
    start = len(MAGIC) + 16
    header += b" " * (-(start + len(header)) % ALIGNED)
    with whole_file(target) as temporary, temporary.open("wb") as file:
        file.write(MAGIC + len(header).to_bytes(8, "little") + zlib.crc32(header).to_bytes(8, "little") + header)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array).data)
            file.write(b"\0" * (-array.nbytes % ALIGNED))
    return target


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Open what `write` wrote; the arrays are views of the file, and every byte has been checked.

    Raises
    ------
    GridError
        If the file cannot be read, is no index, of another version, or damaged.
    """
    file = Path(path)
    try:
        with file.open("rb") as handle:
            data = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise GridError(f"{file.name}: the index cannot be read: {error.__class__.__name__}.") from error
    start = len(MAGIC) + 16
    if data[: len(MAGIC) - 1] != MAGIC[:-1] or len(data) < start:
        raise GridError(f"{file.name}: this is no index of cells; write one with CellIndex(grid).save.")
    length, crc = (int.from_bytes(data[at : at + 8], "little") for at in (len(MAGIC), len(MAGIC) + 8))
    header = data[start : start + length]
    if len(header) != length or zlib.crc32(header) != crc:
        raise _damaged(file)
    content = json.loads(header)
    if content["format"] != FORMAT or content["byte_order"] != sys.byteorder:
        raise GridError(
            f"{file.name}: expected an index of format {FORMAT} ({sys.byteorder} endian), got "
            f"{content['format']} ({content['byte_order']}); make it again with CellIndex(grid).save."
        )
    if len(data) != start + length + content["size"]:
        raise _damaged(file)
    arrays = {}
    for name, section in content["sections"].items():
        dtype, count = np.dtype(DTYPES[name]), int(np.prod(section["shape"]))
        array = np.frombuffer(data, dtype, count, start + length + section["at"])
        if zlib.crc32(array.data) != section["crc32"]:
            raise _damaged(file)
        arrays[name] = array.reshape(section["shape"])
    return content["note"], arrays


def index_of(note: Mapping[str, Any], arrays: Arrays) -> Index:
    """Put an index together from what was read."""
    left, right = arrays["arc_left"], arrays["arc_right"]
    arcs = Arcs(arrays["vertices"], arrays["arc_start"], left, right, (0.0, 0.0, 0.0, 0.0), True)
    tree = Tree(arrays["table"], arrays["leaves"], arrays["leaf_edges"])
    return Index(arcs, tree, Frame(**note["frame"]), arrays["rows"])


def _damaged(file: Path) -> GridError:
    return GridError(f"{file.name}: the index is damaged or not whole; make it again with CellIndex(grid).save.")
