"""The finished parts of a long work, kept beside its target, so that a run that was cut short goes on.

A part is a file of rows, written whole, and a note, written after it: without its note it counts for nothing. The name
of the folder hangs on everything that the parts are made from, so that a part made from anything else is never met.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc

from gridgis.contract import GridError
from gridgis.whole import whole_file

try:
    import fcntl
except ImportError:  # Windows; two runs at a time are not told apart there
    fcntl = None  # type: ignore[assignment]

RECORD = "record.json"
"""What the parts in a folder are made from."""

_LOCK = "lock"


class Parts:
    """The parts of one target.

    Parameters
    ----------
    target : Path
        The file that they will become.
    made_from : mapping
        Plain values that tell everything the parts hang on.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     parts = Parts(Path(folder) / "located.csv", {"seed": 1})
    ...     with parts.mine():
    ...         batch = pa.RecordBatch.from_pydict({"a": [1, 2]})
    ...         parts.write(0, batch.schema, [batch], {"rows": 2})
    ...         parts.done(), [read.num_rows for read in parts.read(1)]
    ([{'rows': 2}], [2])
    """

    def __init__(self, target: Path, made_from: Mapping[str, Any]):
        self.target = target
        self.made_from = dict(made_from)
        digest = hashlib.sha256(json.dumps(self.made_from, sort_keys=True).encode()).hexdigest()
        self.folder = target.with_name(f".{target.name}.{digest[:16]}.parts")

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Hold the folder for this run; parts of other inputs are removed, unless a run is at work on them.

        Raises
        ------
        GridError
            If another run is making the same target, or the folder cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GridError(
                f"{self.target.name}: nothing can be written to its folder ({error.strerror}); choose another one."
            ) from None
        for folder in filter(self._is_another, self.target.parent.glob(".*.parts")):
            with _held(folder, self.target):
                pass
            shutil.rmtree(folder, ignore_errors=True)
        with _held(self.folder, self.target):
            self._tidy()
            if self.note(RECORD) != self.made_from:
                self.keep(RECORD, self.made_from)
            try:
                yield
            except BaseException:
                if {path.name for path in self.folder.iterdir()} <= {RECORD, _LOCK}:
                    self.remove()  # nothing is done that a later run could go on with
                raise

    def _tidy(self) -> None:
        """Remove what a killed run has left beside the target."""
        left = re.compile(rf"\.{re.escape(self.target.stem)}\.[0-9a-f-]{{8,}}\.tmp{re.escape(self.target.suffix)}.*")
        for path in self.target.parent.iterdir():
            if left.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def _is_another(self, folder: Path) -> bool:
        prefix = f".{self.target.name}."
        return (
            folder.is_dir()
            and folder != self.folder
            and folder.name.startswith(prefix)
            and (len(folder.name) == len(self.folder.name))
        )

    def note(self, name: str) -> dict[str, Any] | None:
        """Read a note; None where there is none that can be read."""
        with suppress(OSError, ValueError):
            found = json.loads((self.folder / name).read_text(encoding="utf-8"))
            return found if isinstance(found, dict) else None
        return None

    def keep(self, name: str, note: Mapping[str, Any]) -> None:
        """Write a note, whole.

        Raises
        ------
        GridError
            If it cannot be written.
        """
        with whole_file(self.folder / name) as temporary:
            temporary.write_text(json.dumps(dict(note), ensure_ascii=False) + "\n", encoding="utf-8")

    def done(self) -> list[dict[str, Any]]:
        """Give the notes of the parts that are finished: the first ones, up to the first that is not."""
        notes: list[dict[str, Any]] = []
        while (note := self.note(self._note(len(notes)))) is not None and self._file(len(notes)).is_file():
            notes.append(note)
        return notes

    def write(self, number: int, schema: pa.Schema, batches: Iterable[pa.RecordBatch], note: Mapping[str, Any]) -> None:
        """Write a part, then its note, which may be filled in while the batches are made.

        Raises
        ------
        GridError
            If it cannot be written.
        """
        packed = pa.ipc.IpcWriteOptions(compression="lz4" if pa.Codec.is_available("lz4") else None)
        with (
            whole_file(self._file(number)) as temporary,
            pa.OSFile(str(temporary), "wb") as sink,
            pa.ipc.new_stream(sink, schema, options=packed) as writer,
        ):
            for batch in batches:
                writer.write_batch(batch)
        self.keep(self._note(number), note)

    def read(self, parts: int) -> Iterator[pa.RecordBatch]:
        """Read the rows of the first parts.

        Raises
        ------
        GridError
            If a part cannot be read.
        """
        try:
            for number in range(parts):
                with pa.OSFile(str(self._file(number)), "rb") as source, pa.ipc.open_stream(source) as reader:
                    yield from reader
        except (OSError, pa.ArrowInvalid) as error:
            raise GridError(
                f"{self.target.name}: a finished part cannot be read any more; remove the folder {self.folder.name} "
                "and run again."
            ) from error

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, number: int) -> Path:
        return self.folder / f"{self.target.name}.{number:06d}.arrows"

    def _note(self, number: int) -> str:
        return f"{number:06d}.json"


@contextmanager
def _held(folder: Path, target: Path) -> Iterator[None]:
    """Hold the lock of a folder; the system lets it go when the process ends, in whatever way."""
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _lock(handle, target)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, target: Path) -> None:
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if isinstance(error, BlockingIOError):  # else the file system knows no locks
            raise GridError(f"{target.name}: another run is making this file; wait for it, or end it.") from None
