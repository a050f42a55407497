"""What a division is measured by: loads, bands, shapes, borders and exceptions, as plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridgis.contract import (
    CODE,
    PARENT,
    GridError,
    listed,
    require_frame,
    require_metre_crs,
    require_text,
    require_unique,
)
from gridgis.divide import EXCEPTIONS, PROVEN
from gridgis.divide.bands import Bands

KINDS = ("regular", "dedicated", "fixed", "empty")
"""The sorts of cell, as in the column ``kind``."""
ASKED = {"dedicated cell": "dedicated", "fixed cell": "fixed", "empty land": "empty"}
"""Exceptions of cells that were asked for as they are, with the kind of cell."""
STATES = ("in_band", "proven", "not_proven", "given", "empty")
"""What a cell is on the map: three states of regular cells, then those that were given, then empty land."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a report, examined, one entry a cell in the order of the rows.

    Attributes
    ----------
    names : array of str
        The code of each cell; the number of its row, from 0, where there are no codes.
    coded : bool
        Whether they are codes.
    parents, parent_names : array of str
        The code and the name of the parent; the name may be empty.
    loads : array of int, cells x measures
    kinds, exceptions, states : array of str
        A value of `KINDS`, what the cell states, and a value of `STATES`.
    inside : array of bool
        Whether the load holds the bands.
    barrier, crossed : array of float or None
        The columns ``barrier_share`` and ``crossed_m``, where there are such.
    places : array of float, cells x 2
        A point in each cell, in the CRS.
    shapes, crs
        The polygons and what they are in.
    """

    names: Texts
    coded: bool
    parents: Texts
    parent_names: Texts
    loads: Ints
    kinds: Texts
    exceptions: Texts
    states: Texts
    inside: Bools
    barrier: Floats | None
    crossed: Floats | None
    places: Floats
    shapes: Texts
    crs: Any

    @property
    def regular(self) -> Bools:
        """Which cells the division made; the others were given, or are empty land."""
        return np.asarray(self.kinds == "regular", bool)


@dataclass(frozen=True)
class Spread:
    """How a figure is spread over the cells that the division made.

    Attributes
    ----------
    min, p05, p25, median, p75, p95, max, mean : float
        Percentiles are interpolated linearly.
    """

    min: float
    p05: float
    p25: float
    median: float
    p75: float
    p95: float
    max: float
    mean: float

    @classmethod
    def of(cls, values: npt.NDArray[Any]) -> Spread | None:
        """Measure values; None where there are none.

        Examples
        --------
        >>> Spread.of(np.array([1, 2, 3, 4, 10])).median
        3.0
        """
        known = values[np.isfinite(values)].astype(float)
        if not len(known):
            return None
        least, p05, p25, median, p75, p95, most = np.quantile(known, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]).tolist()
        return cls(least, p05, p25, median, p75, p95, most, float(known.mean()))


@dataclass(frozen=True)
class Histogram:
    """How many regular cells have which load.

    Attributes
    ----------
    measure : str
        The first measure of the bands.
    edges : tuple of int
        Bin ``i`` holds ``edges[i] <= load < edges[i + 1]``; both bounds of the band are ends of bins, so one edge is
        the lower bound, and one is the upper bound and one more. The first and the last bin reach as far as loads do.
    cells : tuple of int
        The cells of each bin.
    in_band, proven, not_proven : tuple of int
        Of these: in the band, with a proven exception, with an exception that is not proven.
    """

    measure: str
    edges: tuple[int, ...]
    cells: tuple[int, ...]
    in_band: tuple[int, ...]
    proven: tuple[int, ...]
    not_proven: tuple[int, ...]


@dataclass(frozen=True)
class ExceptionCell:
    """One cell with an exception: its code (or row), its parent, its load of each measure, a point in it (metres)."""

    cell: str
    row: int
    parent_code: str
    loads: tuple[int, ...]
    x: float
    y: float


@dataclass(frozen=True)
class ExceptionGroup:
    """The cells with one reason.

    Attributes
    ----------
    reason : str
        As the cells state it; empty where a cell misses the band and states none.
    meaning : str
        Of `gridgis.divide.EXCEPTIONS`; empty where the reason is none of these.
    status : str
        ``proven``: no division can help (`gridgis.divide.PROVEN`). ``not_proven``: none was found, or none was looked
        for; it does not say that there is none. ``asked``: the cell was asked for as it is.
    cells : tuple of ExceptionCell
    """

    reason: str
    meaning: str
    status: str
    cells: tuple[ExceptionCell, ...]

    @property
    def proven(self) -> bool:
        """Whether it is proven that no division can help."""
        return self.status == "proven"


@dataclass(frozen=True)
class ParentFigures:
    """One area: its cells, their loads in all, how many are in the band, and exceptions by status."""

    code: str
    name: str
    cells: int
    loads: tuple[int, ...]
    in_band: int
    proven: int
    not_proven: int
    asked: int

    @property
    def exceptions(self) -> int:
        """Cells with an exception, of any status."""
        return self.proven + self.not_proven + self.asked


def examine(cells: gpd.GeoDataFrame, bands: Bands) -> Cells:
    """Ask at the door for what the figures need, and give it as arrays.

    Raises
    ------
    GridError
        If a column, the CRS, a shape or a number is missing or wrong.
    """
    frame = require_frame(cells, "cells", [PARENT, *bands.names])
    crs = require_metre_crs(frame.crs, "cells")
    if not len(frame):
        raise GridError("cells: expected at least one cell, got none; there is nothing to report.")
    require_text(frame, PARENT, "cells")
    coded = CODE in frame.columns
    if coded:
        require_text(frame, CODE, "cells")
        require_unique(frame, CODE, "cells")
    shapes = frame.geometry.to_numpy()
    wrong = ~np.isin(shapely.get_type_id(shapes), (3, 6)) | shapely.is_empty(shapes) | ~shapely.is_valid(shapes)
    if wrong.any():
        raise GridError(f"cells: expected valid polygons; not so: rows {listed(frame.index[wrong])}.")
    loads = np.stack([_loads(frame, name) for name in bands.names], axis=1)
    exceptions, inside = _texts(frame, "exception"), bands.inside(loads)
    kinds = _kinds(frame, exceptions)
    for reason, kind in ASKED.items():
        exceptions[(exceptions == "") & ~inside & (kinds == kind)] = reason
    points = shapely.get_coordinates(shapely.point_on_surface(shapely.normalize(shapes)))
    return Cells(
        names=_texts(frame, CODE) if coded else np.array([str(i) for i in range(len(frame))], object),
        coded=coded,
        parents=_texts(frame, PARENT),
        parent_names=_texts(frame, "parent_name"),
        loads=loads,
        kinds=kinds,
        exceptions=exceptions,
        states=_states(kinds, exceptions, inside),
        inside=inside,
        barrier=_optional(frame, "barrier_share"),
        crossed=_optional(frame, "crossed_m"),
        places=points.round(2) + 0.0,
        shapes=shapes,
        crs=crs,
    )


def _loads(frame: gpd.GeoDataFrame, name: str) -> Ints:
    """A measure as whole numbers, which `divide` gives; rounded where a file has made them fractions."""
    values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    wrong = ~(np.isfinite(values) & (values >= 0) & (values < 2**53))
    if wrong.any():
        raise GridError(
            f"cells: expected a number of 0 or more in {name}; not so: rows {listed(frame.index[wrong])}; a report "
            "states exact loads, so give every cell its own."
        )
    return np.rint(values).astype(np.int64)


def _optional(frame: gpd.GeoDataFrame, name: str) -> Floats | None:
    """A column of numbers that may be missing, as a whole or in places."""
    if name not in frame.columns:
        return None
    values: Floats = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return values if np.isfinite(values).any() else None


def _texts(frame: gpd.GeoDataFrame, name: str) -> Texts:
    """A column as text; empty where it is missing, as a whole or in places."""
    if name not in frame.columns:
        return np.array([""] * len(frame), object)
    return np.array(["" if pd.isna(value) else str(value) for value in frame[name]], object)


def _kinds(frame: gpd.GeoDataFrame, exceptions: Texts) -> Texts:
    """The sort of each cell; where the table does not say, from its exception."""
    kinds = _texts(frame, "kind")
    wrong = ~np.isin(kinds, ["", *KINDS])
    if wrong.any():
        raise GridError(f"cells: expected one of {', '.join(KINDS)} in kind, got {listed(sorted(set(kinds[wrong])))}.")
    implied = np.array([ASKED.get(reason, "regular") for reason in exceptions], object)
    return np.where(kinds == "", implied, kinds)


def _states(kinds: Texts, exceptions: Texts, inside: Bools) -> Texts:
    """What each cell is on the map; only a reason of `PROVEN` makes it proven."""
    states = np.where(np.isin(exceptions, PROVEN), "proven", "not_proven").astype(object)
    states[inside] = "in_band"
    states[np.isin(kinds, ["dedicated", "fixed"])] = "given"
    states[kinds == "empty"] = "empty"
    return states


def compactness(shapes: Texts) -> tuple[Floats, Floats]:
    """Give the Polsby-Popper and the Reock score of each polygon, 0 to 1, 1 for a circle.

    Examples
    --------
    >>> [float(score[0].round(3)) for score in compactness(np.array([shapely.box(0, 0, 9, 9)]))]
    [0.785, 0.637]
    """
    area = shapely.area(shapes)
    polsby_popper = 4 * np.pi * area / shapely.length(shapes) ** 2
    reock = area / (np.pi * shapely.minimum_bounding_radius(shapes) ** 2)
    return polsby_popper.clip(0, 1), reock.clip(0, 1)


def along_barriers(cells: Cells) -> tuple[float | None, Spread | None]:
    """Give the share of the outlines of regular cells along barriers: of all their metres, and cell by cell."""
    if cells.barrier is None:
        return None, None
    known = cells.regular & np.isfinite(cells.barrier)
    if not known.any():
        return None, None
    shares, metres = cells.barrier[known], shapely.length(cells.shapes[known])
    return float((shares * metres).sum() / metres.sum()), Spread.of(shares)


def histogram(cells: Cells, bands: Bands) -> Histogram:
    """Count the regular cells by their load of the first measure."""
    loads, states = cells.loads[cells.regular, 0], cells.states[cells.regular]
    least, most = (int(loads.min()), int(loads.max())) if len(loads) else (bands.bands[0].low, bands.bands[0].high)
    edges = bin_edges(bands.bands[0].low, bands.bands[0].high, least, most)
    counts = [
        tuple(np.histogram(loads[here], np.array(edges))[0].tolist())
        for here in (np.ones(len(loads), bool), *(states == state for state in STATES[:3]))
    ]
    return Histogram(bands.names[0], tuple(edges), *counts)


def bin_edges(low: int, high: int, least: int, most: int) -> list[int]:
    """Cut the whole numbers into about twelve bins: the band in four to eight of equal width, three on either side.

    Parameters
    ----------
    low, high : int
        The band, both ends in.
    least, most : int
        The loads that must find a bin.

    Examples
    --------
    >>> bin_edges(100, 150, 60, 320)
    [60, 80, 90, 100, 110, 120, 130, 140, 151, 161, 171, 321]
    """
    span = high - low
    parts = [k for k in (5, 6, 7, 8, 4) if k <= span + 1] or [span + 1]
    k = min(parts, key=lambda k: (span % k != 0, span // k % 10 != 0, span // k % 5 != 0, abs(k - 6)))
    width = max(span // k, 1)
    inside = [low + (span + 1) * i // k for i in range(k)]
    below = sorted({max(low - i * width, 0) for i in (1, 2, 3)} - {low})
    if below:
        below[0] = min(below[0], least)
    above = [high + 1 + i * width for i in range(4)]
    above[-1] = max(above[-1], most + 1)
    return [*below, *inside, *above]


def exception_groups(cells: Cells) -> tuple[ExceptionGroup, ...]:
    """Gather the cells that state a reason, or miss the band without one; reasons in the order of `EXCEPTIONS`."""
    rows = np.flatnonzero((cells.exceptions != "") | ~cells.inside)
    order = {reason: i for i, reason in enumerate(EXCEPTIONS)}
    reasons = sorted(set(cells.exceptions[rows]), key=lambda reason: (order.get(reason, len(order)), reason))
    return tuple(
        ExceptionGroup(
            reason,
            EXCEPTIONS.get(reason, ""),
            status_of(reason),
            tuple(_exception_cell(cells, i) for i in rows[cells.exceptions[rows] == reason].tolist()),
        )
        for reason in reasons
    )


def status_of(reason: str) -> str:
    """Say whether a reason is proven, not proven, or of a cell that was asked for.

    Examples
    --------
    >>> status_of("giant building"), status_of("no division found"), status_of("fixed cell")
    ('proven', 'not_proven', 'asked')
    """
    return "proven" if reason in PROVEN else "asked" if reason in ASKED else "not_proven"


def _exception_cell(cells: Cells, i: int) -> ExceptionCell:
    x, y = cells.places[i].tolist()
    return ExceptionCell(cells.names[i], i, cells.parents[i], tuple(cells.loads[i].tolist()), x, y)


def parent_figures(cells: Cells, groups: Sequence[ExceptionGroup]) -> tuple[ParentFigures, ...]:
    """Sum up each area, in the order of their codes."""
    status = np.array([""] * len(cells.names), object)
    for group in groups:
        status[[cell.row for cell in group.cells]] = group.status
    made = []
    for code in sorted(set(cells.parents)):
        here = cells.parents == code
        names = [name for name in cells.parent_names[here] if name]
        made.append(
            ParentFigures(
                code,
                names[0] if names else "",
                int(here.sum()),
                tuple(cells.loads[here].sum(axis=0).tolist()),
                int(cells.inside[here].sum()),
                *(int((status[here] == name).sum()) for name in ("proven", "not_proven", "asked")),
            )
        )
    return tuple(made)
