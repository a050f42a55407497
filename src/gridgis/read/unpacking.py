"""A file in an archive: taken out into a folder of its own, and read from there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

from gridgis.contract import GridError, listed
from gridgis.read.delimited import DELIMITED
from gridgis.read.drivers import DRIVERS

ARCHIVES = (".zip", ".kmz")

_MOST_BYTES = 16 << 30
_MOST_RATIO = 500
_BLOCK = 1 << 20
_ALONE = (*DRIVERS, ".parquet", ".geoparquet", *DELIMITED, ".xlsx", ".xlsm")
_BESIDE = {
    ".shp": (".shp", ".shx", ".dbf", ".prj", ".cpg"),
    ".tab": (".tab", ".dat", ".map", ".id", ".ind"),
    ".mif": (".mif", ".mid"),
    ".gml": (".gml", ".xsd", ".gfs"),
}


@contextmanager
def unpacked(file: Path, layer: str | None) -> Iterator[tuple[Path, str | None]]:
    """Take the one table out of an archive.

    Parameters
    ----------
    file : path
        A .zip or .kmz.
    layer : str or None
        The layer that is asked for: the name of a file in the archive, or a layer of the only one.

    Yields
    ------
    path
        The file, in a folder that is gone afterwards.
    str or None
        The layer to read in it.

    Raises
    ------
    GridError
        If there is none, or several and none is named, or they cannot be taken out.
    """
    with ZipFile(file) as archive, tempfile.TemporaryDirectory(prefix="gridgis-") as folder:
        entries = {_name_of(entry): entry for entry in archive.infolist() if not entry.is_dir()}
        chosen, rest = _choose(file, entries, layer)
        wanted = {name: entry for name, entry in entries.items() if _belongs(PurePosixPath(name), chosen)}
        _require_harmless(file, list(wanted.values()))
        inside = Path(folder) / "data"
        for name, entry in wanted.items():
            _take_out(archive, entry, inside / PurePosixPath(name).relative_to(chosen.parent))
        yield inside / chosen.name, rest


@contextmanager
def apart(file: Path) -> Iterator[Path]:
    """Give a copy of a file in a folder of its own: beside it, GDAL reads what it finds and writes notes.

    Yields
    ------
    path
        The copy, with a schema of the same name where there is one.
    """
    with tempfile.TemporaryDirectory(prefix="gridgis-") as folder:
        for each in (file.with_suffix(".xsd"), file):
            if each.is_file():
                shutil.copyfile(each, Path(folder) / each.name)
        yield Path(folder) / file.name


def _name_of(entry: ZipInfo) -> str:
    """Give the name of an entry; Chinese ones of old Windows programs are not marked as such."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return entry.filename


def _choose(file: Path, entries: dict[str, ZipInfo], layer: str | None) -> tuple[PurePosixPath, str | None]:
    """Choose the file to read; what is left is its layer."""
    found: dict[PurePosixPath, None] = {}
    for name in entries:
        path = PurePosixPath(name)
        if "__MACOSX" in path.parts or path.name.startswith(".") or ".." in path.parts or path.is_absolute():
            continue
        base = next((parent for parent in path.parents if parent.suffix.lower() == ".gdb"), path)
        if base.suffix.lower() in _ALONE:
            found[base] = None
    if file.suffix.lower() == ".kmz":
        found = dict.fromkeys([path for path in found if path.suffix.lower() == ".kml"])
        found = {
            path: None for path in found if path.name.lower() == "doc.kml" and path.parent == PurePosixPath()
        } or found
    texts = [path for path in found if path.suffix.lower() in DELIMITED]
    if len(found) > len(texts) > 0:
        found = {path: None for path in found if path not in texts}  # notes that come with the data
    named = [path for path in found if layer in (path.stem, path.name)]
    if len(named) == 1:
        return named[0], None
    if len(found) != 1:
        there = listed(sorted(path.name for path in found), 12) or "none that is known"
        raise GridError(f"{file.name}: expected one file in the archive, got {there}; name one with layer=.")
    return next(iter(found)), layer


def _belongs(path: PurePosixPath, chosen: PurePosixPath) -> bool:
    """Tell whether a file is part of the one that was chosen."""
    if ".." in path.parts or path.is_absolute():
        return False
    if chosen in path.parents or path == chosen:
        return True
    same = path.parent == chosen.parent and path.stem.lower() == chosen.stem.lower()
    return same and path.suffix.lower() in _BESIDE.get(chosen.suffix.lower(), ())


def _require_harmless(file: Path, entries: list[ZipInfo]) -> None:
    size, packed = sum(entry.file_size for entry in entries), sum(entry.compress_size for entry in entries)
    if any(entry.flag_bits & 1 for entry in entries):
        raise GridError(f"{file.name}: the archive has a password; unpack it first.")
    if size > _MOST_BYTES or (size > 1 << 28 and size > _MOST_RATIO * packed):
        raise GridError(f"{file.name}: unpacked it would have {size:,} bytes; unpack it yourself, if that is right.")


def _take_out(archive: ZipFile, entry: ZipInfo, target: Path) -> None:
    """Write one entry; what it is longer than it says is an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as packed, target.open("wb") as plain:
        left = entry.file_size
        while block := packed.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise GridError(f"{entry.filename}: the archive is damaged; it holds more than it says.")
            plain.write(block)
