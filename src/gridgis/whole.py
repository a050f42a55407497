"""A file is written whole or not at all, and without the date of writing."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow
import pyogrio

from gridgis.contract import GridError

_JOURNALS = ("-journal", "-wal", "-shm")
INSTANT = "2000-01-01T00:00:00Z"
"""The date that stands in files of ours, whenever they are written."""
SIDECAR = ".provenance.json"
"""What the name of a note on a file that cannot carry one ends with."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary file beside ``path``; it takes the place of ``path`` when the block ends well, else it goes.

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
    temporary = target.with_name(f".{target.stem}.{uuid.uuid4().hex[:8]}.tmp{target.suffix}")
    try:
        if target.is_dir():
            raise GridError(f"{path.name}: expected a file to write; there is a folder of this name.")
        _require_closed(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _to_disk(temporary, os.O_RDWR)
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        os.replace(temporary, target)
        with suppress(OSError):
            _to_disk(target.parent, os.O_RDONLY)
    except GridError:
        raise
    except (OSError, RuntimeError, ValueError, TypeError, pyarrow.ArrowException) as error:
        raise GridError(f"{path.name}: the file cannot be written: {first_line(error, temporary)}.") from error
    finally:
        for leftover in (temporary, *(Path(f"{temporary}{end}") for end in _JOURNALS)):
            with suppress(OSError):
                leftover.unlink(missing_ok=True)


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
