"""The ledger of releases: what was let out earlier, so that a new release can be attacked together with it.

Two releases that each are safe may not be safe together: a border moves, and the difference of two large counts is one
household. The ledger holds what the public has seen anyway - codes, sums, the numbers as they were shown, the outlines
of the cells - and a hash of each release; nothing of what was hidden.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from gridgis.contract import GridError
from gridgis.whole import whole_file

FORMAT = 1


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
    """

    as_of: str
    crs: str
    hide_below: int
    codes: tuple[str, ...]
    above: tuple[int, ...]
    ranges: dict[str, list[list[float] | None]]
    hidden: dict[str, list[int]]
    cells: npt.NDArray[np.object_]

    def as_json(self) -> dict[str, Any]:
        """Give the release as plain values, with its hash."""
        data = b"".join(len(cell).to_bytes(4, "big") + cell for cell in shapely.to_wkb(self.cells).tolist())
        values = {
            **{"as_of": self.as_of, "crs": self.crs, "hide_below": self.hide_below, "codes": list(self.codes)},
            **{"above": list(self.above), "ranges": self.ranges, "hidden": self.hidden},
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
        )

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
    if not file.exists():
        return []
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        known, releases = content["ledger"], content["releases"]
        if known != FORMAT:
            raise GridError(f"{file.name}: expected a ledger of format {FORMAT}, got {known!r}.")
        return [Release.of_json(values) for values in releases]
    except GridError:
        raise
    except (OSError, ValueError, KeyError, TypeError, zlib.error) as error:
        raise GridError(f"{file.name}: expected a ledger of releases, got something else or a damaged one.") from error


def add_to_ledger(path: str | os.PathLike[str], release: Release) -> None:
    """Add a release to a ledger, which is made where it is not there; one that stands in it already is not added.

    Raises
    ------
    GridError
        As for `read_ledger`, or if the file cannot be written; it is then as it was.
    """
    releases = [known.as_json() for known in read_ledger(path)]
    new = release.as_json()
    if new["sha256"] in {known["sha256"] for known in releases}:
        return
    text = json.dumps({"ledger": FORMAT, "releases": [*releases, new]}, ensure_ascii=False, separators=(",", ":"))
    with whole_file(Path(path)) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
