"""The ledger of releases: what was let out earlier, so that a new release can be attacked together with it.

Two releases that each are safe may not be safe together: a border moves, and the difference of two large counts is one
household. The ledger holds what the public has seen anyway - codes, sums, the numbers as they were shown, the outlines
of the cells - and a hash of each release; nothing of what was hidden. It changes under a lock, so that two writers do
not lose each other's release.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from gridgis.contract import GridError
from gridgis.locks import WAIT_S, locked
from gridgis.whole import require_plain_file, whole_file

FORMAT, KNOWN = 2, (1, 2)
"""The format that is written, and those that are read."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_date(text: object) -> bool:
    """Tell whether a text is a date of the calendar, spelt YYYY-MM-DD and in no other way.

    Examples
    --------
    >>> is_date("2026-06-30"), is_date("2026-6-30"), is_date("2026-06-31"), is_date("2026-06-30 ")
    (True, False, False, False)
    """
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Release:
    """What a release has shown.

    Attributes
    ----------
    as_of : str
        The date of the numbers: only releases of one date are about the same things.
    crs : str
        Of the outlines, as WKT.
    hide_below : int
        The width that the release promises to each small number.
    codes : tuple of str
        The cells.
    above : tuple of int
        For each place (cells first) the place that it is a part of; -1 for the whole.
    ranges : dict
        For each measure the least and the most that each place can have by what was shown: [n, n] for a true number,
        wider for a rounded one, None for one that was hidden or not known.
    hidden : dict
        For each measure the places whose number was hidden.
    cells : array of polygons
    zeros : {"shown", "protected"}
        Whether true zeros were shown, so that everybody knows that what is hidden is 1 or more.
    parts : dict
        For each count whose parts are known from the table, also those that were not let out: whether they add up to
        it in every cell ("all"), or some things are in none of them ("some"), and the names of the parts.
    """

    as_of: str
    crs: str
    hide_below: int
    codes: tuple[str, ...]
    above: tuple[int, ...]
    ranges: dict[str, list[list[float] | None]]
    hidden: dict[str, list[int]]
    cells: npt.NDArray[np.object_]
    zeros: str = "shown"
    parts: dict[str, list[str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Give the release as plain values, with its hash."""
        data = b"".join(len(cell).to_bytes(4, "big") + cell for cell in shapely.to_wkb(self.cells).tolist())
        values = {
            **{"as_of": self.as_of, "crs": self.crs, "hide_below": self.hide_below, "codes": list(self.codes)},
            **{"above": list(self.above), "ranges": self.ranges, "hidden": self.hidden},
            **{"zeros": self.zeros, "parts": self.parts},
            "cells": base64.b64encode(zlib.compress(data, 9)).decode("ascii"),
        }
        return {"sha256": _hash(values), **values}

    @classmethod
    def of_json(cls, values: dict[str, Any]) -> Release:
        """Read a release again.

        Raises
        ------
        GridError
            If it was changed since it was written.
        """
        if values["sha256"] != _hash({key: value for key, value in values.items() if key != "sha256"}):
            raise GridError("ledger: a release in it was changed since it was written; take the ledger from a backup.")
        data, cells, at = zlib.decompress(base64.b64decode(values["cells"])), [], 0
        while at < len(data):
            size = int.from_bytes(data[at : at + 4], "big")
            cells.append(shapely.from_wkb(data[at + 4 : at + 4 + size]))
            at += 4 + size
        return cls(
            *(values["as_of"], values["crs"], values["hide_below"], tuple(values["codes"]), tuple(values["above"])),
            *(values["ranges"], values["hidden"], np.array(cells, object)),
            *(values.get("zeros", "shown"), values.get("parts", {})),
        )

    @property
    def sha256(self) -> str:
        """The hash of what was shown: that of the very same release is the same."""
        return str(self.as_json()["sha256"])

    def same_cells(self, other: Release) -> bool:
        """Tell whether two releases are about the same cells."""
        return self.codes == other.codes and bool(shapely.equals_exact(self.cells, other.cells, 0).all())


def _hash(values: dict[str, Any]) -> str:
    plain = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(plain.encode("utf-8")).hexdigest()


def read_ledger(path: str | os.PathLike[str]) -> list[Release]:
    """Read the releases of a ledger, the oldest first; none where the file is not there yet.

    Raises
    ------
    GridError
        If the file is no ledger, or of another version, or was changed.

    Examples
    --------
    >>> read_ledger("no-such-file.json")
    []
    """
    file = Path(path)
    try:
        return [Release.of_json(values) for values in _entries(file)]
    except GridError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zlib.error, shapely.GEOSException) as error:
        raise GridError(f"{file.name}: expected a ledger of releases, got something else or a damaged one.") from error


def _entries(file: Path) -> list[dict[str, Any]]:
    """The releases of a ledger as they stand in the file."""
    require_plain_file(file)
    if not file.exists():
        return []
    content = json.loads(file.read_text(encoding="utf-8"))
    known, releases = content["ledger"], content["releases"]
    if known not in KNOWN:
        raise GridError(f"{file.name}: expected a ledger of format {FORMAT}, got {known!r}.")
    return list(releases)


@dataclass(frozen=True)
class Outgoing:
    """A release that is about to go out, and the ledger in which it is to be noted.

    Attributes
    ----------
    ledger : Path
    release : Release
    attack : callable
        Takes releases, the newest last; raises `GridError` if they give something away together.
    attacked : tuple of str
        The hashes of the releases in the ledger beside which it was attacked already.
    """

    ledger: Path
    release: Release
    attack: Callable[[Sequence[Release]], None]
    attacked: tuple[str, ...]

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note the release while its first file takes its place, which happens in the block.

        The ledger is locked; what another writer has noted meanwhile is attacked, too. The entry is written before the
        file takes its place, and taken back if that fails: a kill between the two never leaves a release that nobody
        knows of.

        Raises
        ------
        GridError
            If the release gives something away beside another, the ledger cannot be written, or it is locked for long.
        """
        folder = self.ledger.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GridError(f"{self.ledger.name}: the ledger cannot be written ({error.strerror}).") from None
        with locked(folder / f".{self.ledger.name}.lock", self.ledger.name, wait_s=WAIT_S):
            earlier = read_ledger(self.ledger)
            hashes = _hashes(self.ledger)
            if self.release.sha256 in hashes:
                yield
                return
            if hashes != self.attacked:
                self.attack([*earlier, self.release])
            before = self.ledger.read_bytes() if self.ledger.exists() else None
            _write(self.ledger, [*_entries(self.ledger), self.release.as_json()])
            try:
                yield
            except BaseException:
                self._take_back(before)
                raise

    def _take_back(self, before: bytes | None) -> None:
        """Put the ledger back as it was."""
        if before is None:
            self.ledger.unlink(missing_ok=True)
        else:
            with whole_file(self.ledger) as temporary:
                temporary.write_bytes(before)


def going_out(outgoing: Outgoing | None) -> AbstractContextManager[None]:
    """Note a release, where there is one to be noted, while its file takes its place in the block."""
    return nullcontext() if outgoing is None else outgoing.noted()


def prepared(ledger: str | os.PathLike[str], release: Release, attack: Callable[[Sequence[Release]], None]) -> Outgoing:
    """Attack a release together with those in a ledger, and make it ready to be noted there.

    Raises
    ------
    GridError
        If they give something away together, or the file is no ledger.
    """
    file = Path(os.path.realpath(ledger))  # one lock for all spellings
    earlier, hashes = read_ledger(file), _hashes(file)
    if release.sha256 not in hashes:
        attack([*earlier, release])
    return Outgoing(file, release, attack, hashes)


def _hashes(file: Path) -> tuple[str, ...]:
    return tuple(str(values["sha256"]) for values in _entries(file))


def _write(file: Path, entries: Sequence[dict[str, Any]]) -> None:
    text = json.dumps({"ledger": FORMAT, "releases": list(entries)}, ensure_ascii=False, separators=(",", ":"))
    with whole_file(file) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
