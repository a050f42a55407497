"""The record of a run: what each output was made from, whose file it is, and outputs put into place.

A step makes its outputs in a folder of its own. Then their hashes are noted, then they replace the old ones, then the
step is noted as done. Whenever that is cut short - power, a kill - the next run knows every file as its own and makes
the step again; a reader finds each file whole at any time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from gridgis.contract import GridError, listed
from gridgis.write import file_sha256, write_bytes, write_json

RECORD = "gridgis-run.json"
"""The file in the output folder that remembers what each step was made from."""

NEW, LOCK = ".gridgis-new", ".gridgis-run.lock"
"""The folder beside it in which a step makes its outputs, and the file that says that a run is at work."""


class Record:
    """What is known of the files in an output folder.

    Parameters
    ----------
    folder : Path
        The output folder; it need not be there yet. A record that cannot be read counts as none.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.entries: dict[str, dict[str, Any]] = {}
        with suppress(OSError, ValueError):
            found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            entries = found.items() if isinstance(found, dict) else ()
            self.entries = {name: entry for name, entry in entries if _is_entry(entry)}

    def why(self, step: str, made_from: Mapping[str, Any], outputs: Collection[str]) -> str:
        """Say why a step is due, of which these may be the outputs; empty where it is not.

        Raises
        ------
        GridError
            If one of its outputs was changed since it was written: that may be somebody's work by hand.
        """
        entry = self.entries.get(step)
        if entry is None:
            return "it was not made yet"
        self._refuse(name for name in _files(entry) if self._hash(name) not in {None, *_hashes(entry, name)})
        if "incoming" in entry:
            return "the last run was cut short"
        if not entry["outputs"] or not set(entry["outputs"]) <= set(outputs):
            return "its files have other places now"
        missing = [name for name in entry["outputs"] if not (self.folder / name).is_file()]
        if missing:
            return f"missing: {listed(missing)}"
        changed = list(_differences(made_from, {key: entry.get(key) for key in made_from}))
        return f"changed: {listed(list(dict.fromkeys(changed)))}" if changed else ""

    @contextmanager
    def replaced(
        self,
        step: str,
        made_from: Mapping[str, Any],
        *,
        force: bool = False,
        placing: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Iterator[Path]:
        """Give an empty folder for the outputs of a step; at a good end they take their places.

        What ``placing`` gives is entered while they do; if it refuses, they do not.

        Raises
        ------
        GridError
            If a file that this record does not know is in the way, and not by chance the same.
        """
        new = self.folder / NEW
        try:
            self._tidy()
            new.mkdir(parents=True)
        except OSError as error:
            raise GridError(f"{self.folder.name}: nothing can be written to this folder ({error.strerror}).") from None
        try:
            yield new
            files = sorted(file for file in new.rglob("*") if file.is_file())
            made = {file.relative_to(new).as_posix(): file_sha256(file) for file in files}
            before = self.entries.get(step, {"outputs": {}})
            if not force:
                known = {name: {None, made[name], *_hashes(before, name)} for name in made}
                self._refuse(name for name in made if self._hash(name) not in known[name])
            with placing():
                self.entries[step] = {**before, "incoming": made}
                self._write()
                for name in made:
                    write_bytes((new / name).read_bytes(), self.folder / name)
                self._remove(before, keep=made)
                self.entries[step] = {**made_from, "outputs": made}
                self._write()
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def drop(self, step: str) -> list[str]:
        """Forget a step that is asked for no more, and remove its outputs; give their names."""
        entry = self.entries.pop(step)
        removed = self._remove(entry)
        self._write()
        return removed

    def _remove(self, entry: Mapping[str, Any], keep: Collection[str] = ()) -> list[str]:
        """Remove the outputs of a step that are as it left them."""
        mine = [name for name in _files(entry) if name not in keep and self._hash(name) in _hashes(entry, name)]
        for name in mine:
            file = self.folder / name
            file.unlink()
            if file.parent != self.folder:
                with suppress(OSError):
                    file.parent.rmdir()  # where nothing else is in it
        return mine

    def _refuse(self, names: Iterator[str]) -> None:
        foreign = sorted(names)
        if foreign:
            raise GridError(
                f"{listed(foreign)}: not as gridgis wrote it, changed perhaps by hand; to go on with a changed grid "
                "move it elsewhere and name it under [inputs] (grid = ...); else move it away, or run again with "
                "--force to make it anew."
            )

    def _hash(self, name: str) -> str | None:
        file = self.folder / name
        return file_sha256(file) if file.is_file() else None

    def _write(self) -> None:
        write_json(dict(sorted(self.entries.items())), self.folder / RECORD)

    def _tidy(self) -> None:
        """Remove what a killed run has left."""
        shutil.rmtree(self.folder / NEW, ignore_errors=True)
        names = {RECORD, *(name for entry in self.entries.values() for name in _files(entry))}
        for name in names:
            file = self.folder / name
            for leftover in file.parent.glob(f".{file.stem}.*.tmp{file.suffix}"):
                leftover.unlink(missing_ok=True)


def _is_entry(entry: Any) -> bool:
    """Tell whether a value of the record is whole."""
    if not isinstance(entry, dict) or not isinstance(entry.get("outputs"), dict):
        return False
    names = [*entry["outputs"], *(entry.get("incoming") or {})]
    plain = (not name.startswith("/") and ":" not in name and ".." not in name.split("/") for name in names)
    return isinstance(entry.get("incoming", {}), dict) and all(plain)


def _files(entry: Mapping[str, Any]) -> list[str]:
    """The outputs of a step, those on their way too."""
    return sorted({*entry["outputs"], *entry.get("incoming", {})})


def _hashes(entry: Mapping[str, Any], name: str) -> set[str]:
    """What an output may be: as it was, or as it was about to be."""
    return {part[name] for part in (entry["outputs"], entry.get("incoming", {})) if name in part}


def _differences(new: Any, old: Any, name: str = "version") -> Iterator[str]:
    """Name the settings and files that differ, as ``maps.lang`` or ``areas``."""
    if not isinstance(new, Mapping) or not isinstance(old, Mapping):
        if new != old:
            yield name
        return
    for key in sorted({*new, *old}):
        inner = key if name in ("version", "settings", "inputs", "earlier") else f"{name}.{key}"
        yield from _differences(new.get(key), old.get(key), inner)
