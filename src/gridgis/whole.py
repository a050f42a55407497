"""A file is written whole or not at all, and without the date of writing."""

from __future__ import annotations

import glob
import os
import platform
import re
import shutil
import stat
import uuid
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

import pyarrow
import pyogrio

from gridgis.contract import GridError
from gridgis.locks import is_alive

_JOURNALS = ("-journal", "-wal", "-shm")
INSTANT = "2000-01-01T00:00:00Z"
"""The date that stands in files of ours, whenever they are written."""
_RESERVED = ("CON", "PRN", "AUX", "NUL")
SIDECAR = ".provenance.json"
"""What the name of a note on a file that cannot carry one ends with."""


@contextmanager
def whole_file(path: Path, *, placing: AbstractContextManager[None] | None = None) -> Iterator[Path]:
    """Give a temporary file beside ``path``; it takes the place of ``path`` when the block ends well, else it goes.

    Parameters
    ----------
    path : Path
        The file that is to be there afterwards. What killed processes have left beside it is removed.
    placing : context manager, optional
        Entered when the file is whole, while it takes its place; if it refuses, the file goes.

    Yields
    ------
    pathlib.Path
        The file to write to; its name has the ending of ``path``.

    Raises
    ------
    GridError
        If the file cannot be written; an old one is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder) / "note.txt") as temporary:
    ...         _ = temporary.write_text("done")
    ...     (Path(folder) / "note.txt").read_text()
    'done'
    """
    target = Path(os.path.realpath(path))
    temporary = temporary_beside(target)
    try:
        require_plain_file(path)
        _require_closed(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _to_disk(temporary, os.O_RDWR)
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        with placing or nullcontext():
            os.replace(temporary, target)
        with suppress(OSError):
            _to_disk(target.parent, os.O_RDONLY)
    except GridError:
        raise
    except (OSError, RuntimeError, ValueError, TypeError, pyarrow.ArrowException) as error:
        raise GridError(f"{path.name}: the file cannot be written: {first_line(error, temporary)}.") from error
    finally:
        for leftover in temporary.parent.glob(f"{glob.escape(temporary.name)}*"):
            _remove(leftover)


def require_plain_file(path: Path) -> None:
    """Ask that what is to be written is a file or not there yet: no folder, device or pipe, also behind a link.

    Raises
    ------
    GridError
        If it is anything else.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        mode = stat.S_IFREG
    if stat.S_ISDIR(mode):
        raise GridError(f"{path.name}: expected a file to write; there is a folder of this name.")
    if not stat.S_ISREG(mode) or (os.name == "nt" and path.stem.upper() in _RESERVED):
        raise GridError(f"{path.name}: expected a file to write; this is a device or a pipe, or a link to one.")


def temporary_beside(target: Path) -> Path:
    """Name a temporary file or folder beside another, and remove those that killed processes have left there.

    Its name says which machine and which process it is of; those of another machine stay.

    Examples
    --------
    >>> name = temporary_beside(Path("map.html")).name
    >>> name.startswith(".map.") and name.endswith(".tmp.html")
    True
    """
    host = f"{zlib.crc32(platform.node().encode()) & 0xFFFF:04x}"
    ours = re.compile(
        rf"\.{re.escape(target.stem)}\.{host}([0-9a-f]+)-[0-9a-f]{{4}}\.tmp{re.escape(target.suffix)}[-.\w]*"
    )
    with suppress(OSError):
        for name in os.listdir(target.parent):
            found = ours.fullmatch(name)
            if found is not None and not is_alive(int(found[1], 16)):
                _remove(target.parent / name)
    return target.with_name(f".{target.stem}.{host}{os.getpid():x}-{uuid.uuid4().hex[:4]}.tmp{target.suffix}")


def _remove(leftover: Path) -> None:
    with suppress(OSError):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink()


def _require_closed(target: Path) -> None:
    """Refuse where a journal lies beside: it belongs to the old content and would spoil the new."""
    for end in _JOURNALS[:2]:
        journal = Path(f"{target}{end}")
        if journal.exists() and journal.stat().st_size > 0:
            raise GridError(f"{target.name}: another program has the file open ({journal.name}); close it there first.")


def _to_disk(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def fixed_date() -> Iterator[None]:
    """Fix the date that GDAL writes, else two writes of one content differ.

    Examples
    --------
    >>> with fixed_date():
    ...     pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    '2000-01-01T00:00:00Z'
    """
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": INSTANT})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


def first_line(error: BaseException, path: Path) -> str:
    """Give the first line of what an error says, without the folder of the file."""
    lines = str(error).replace(str(path), path.name).splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")
