"""The report of a division: how good the cells are, with every exception by name; an internal document."""

from __future__ import annotations

import os
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np

from gridgis import write
from gridgis.contract import GridError, GridWarning, listed
from gridgis.crs import crs_name
from gridgis.divide import PROVEN, Profile
from gridgis.divide.bands import Bands
from gridgis.divide.doors import checked_profile
from gridgis.report import figures
from gridgis.report.figures import KINDS, Cells, ExceptionGroup, Histogram, ParentFigures, Spread

__all__ = ["DivideReport", "divide_report"]


@dataclass(frozen=True)
class DivideReport:
    """How good a division is; what `divide_report` returns.

    It states exact counts of households, cell by cell, so it is an internal document: save and share it as such.
    What may be shown outside is made by `gridgis.publish`.

    Attributes
    ----------
    bands : dict of str to (low, high)
        The bands, both ends in; the first measure is that of the histogram.
    either : bool
        Whether a cell is right if any one of the bands holds, rather than all.
    crs : str
        The CRS of the places of cells.
    cells : int
        All cells.
    kinds : dict of str to int
        Of these: regular, dedicated, fixed, empty.
    in_band, feasible, feasible_in_band : int
        Cells in the band, of any kind; regular cells but for those with a proven exception; these in the band.
    load : Spread or None
        The load of regular cells, of the first measure; None without regular cells, here and below.
    histogram : Histogram
        Regular cells by their load of the first measure.
    polsby_popper, reock : Spread or None
        The compactness of regular cells; see `divide_report`.
    barrier_share : float or None
        The share of the outlines of regular cells that runs along barriers, of all their metres; None where the
        table does not say. A border between two cells counts for each.
    barrier_shares : Spread or None
        The same, cell by cell.
    crossed_cells : int or None
        Cells of any kind with buildings on both sides of a hard barrier; None where the table does not say.
    crossed_m : float or None
        The length of hard barrier in these, metres.
    exceptions : tuple of ExceptionGroup
        The cells with an exception by reason; each reason is ``proven``, ``not_proven`` or ``asked``.
    parents : tuple of ParentFigures
        Each area, by code.
    """

    bands: dict[str, tuple[int, int]]
    either: bool
    crs: str
    cells: int
    kinds: dict[str, int]
    in_band: int
    feasible: int
    feasible_in_band: int
    load: Spread | None
    histogram: Histogram
    polsby_popper: Spread | None
    reock: Spread | None
    barrier_share: float | None
    barrier_shares: Spread | None
    crossed_cells: int | None
    crossed_m: float | None
    exceptions: tuple[ExceptionGroup, ...]
    parents: tuple[ParentFigures, ...]
    table: Cells = field(repr=False, compare=False)

    @property
    def share_in_band(self) -> float:
        """The share of all cells that is in the band."""
        return self.in_band / self.cells

    @property
    def share_feasible_in_band(self) -> float | None:
        """The share of feasible cells that is in the band; None where no cell is feasible."""
        return self.feasible_in_band / self.feasible if self.feasible else None

    def count(self, status: str) -> int:
        """Count the cells with an exception of one status.

        Examples
        --------
        >>> divide_report(example.grid, households=(20, 30)).count("proven")
        0
        """
        return sum(len(group.cells) for group in self.exceptions if group.status == status)

    def __str__(self) -> str:
        """Write the report in a dozen lines."""
        from gridgis.report.lines import lines

        return "\n".join(lines(self))

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain values, ready for JSON, rounded.

        Examples
        --------
        >>> report = divide_report(example.grid, households=(20, 30)).to_dict()
        >>> report["in_band"]
        {'cells': 4, 'share': 1.0, 'feasible': 4, 'feasible_in_band': 4, 'share_of_feasible': 1.0}
        """
        return {
            "what": "report of a division",
            "internal": True,
            "bands": {name: list(band) for name, band in self.bands.items()},
            "either": self.either,
            "crs": self.crs,
            "cells": {"all": self.cells, **self.kinds},
            "in_band": {
                "cells": self.in_band,
                "share": _share(self.in_band, self.cells),
                "feasible": self.feasible,
                "feasible_in_band": self.feasible_in_band,
                "share_of_feasible": _share(self.feasible_in_band, self.feasible),
            },
            "load": _spread(self.load, 2),
            "histogram": {name: _plain(value) for name, value in asdict(self.histogram).items()},
            "polsby_popper": _spread(self.polsby_popper, 4),
            "reock": _spread(self.reock, 4),
            "barrier_share": _rounded(self.barrier_share, 4),
            "barrier_shares": _spread(self.barrier_shares, 4),
            "crossed": {"cells": self.crossed_cells, "metres": _rounded(self.crossed_m, 1)},
            "exceptions": [self._group(group) for group in self.exceptions],
            "parents": [self._parent(parent) for parent in self.parents],
        }

    def _group(self, group: ExceptionGroup) -> dict[str, Any]:
        cells = [
            {
                "cell": cell.cell if self.table.coded else cell.row,
                "parent_code": cell.parent_code,
                "loads": dict(zip(self.bands, cell.loads, strict=True)),
                "x": cell.x,
                "y": cell.y,
            }
            for cell in group.cells
        ]
        return {
            "reason": group.reason,
            "meaning": group.meaning,
            "status": group.status,
            "proven": group.proven,
            "number": len(cells),
            "cells": cells,
        }

    def _parent(self, parent: ParentFigures) -> dict[str, Any]:
        return {
            "code": parent.code,
            "name": parent.name,
            "cells": parent.cells,
            "loads": dict(zip(self.bands, parent.loads, strict=True)),
            "in_band": parent.in_band,
            "exceptions": parent.exceptions,
            "proven": parent.proven,
            "not_proven": parent.not_proven,
            "asked": parent.asked,
        }

    def save(self, path: str | os.PathLike[str], *, lang: str = "en", title: str | None = None) -> Path:
        """Write the report, whole or not at all; the same report gives the same bytes.

        Parameters
        ----------
        path : path
            ``.json`` (what `to_dict` gives) or ``.html`` (one page with a histogram, tables and a map, which opens
            without a network; figures need no script).
        lang : {"en", "zh"}
            The language of the page.
        title : str, optional
            The title of the page; one is made if it is left out.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        GridError
            If the ending or the language is unknown, or the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = divide_report(example.grid, households=(20, 30)).save(f"{folder}/report.html", lang="zh")
        ...     "<title>网格划分报告</title>" in file.read_text(encoding="utf-8")
        True
        """
        from gridgis.maps.labels import require_lang

        target, ending = Path(path), Path(path).suffix.lower()
        require_lang(lang)
        if ending == ".json":
            return write.write_json(self.to_dict(), target)
        if ending != ".html":
            raise GridError(f"{target.name}: expected .html or .json, got {ending or 'no extension'}.")
        from gridgis.report.page import html_page

        return write.write_text(html_page(self, lang, title), target)


def divide_report(
    cells: gpd.GeoDataFrame,
    *,
    profile: Profile | str | None = None,
    households: tuple[int, int] | None = None,
    persons: tuple[int, int] | None = None,
) -> DivideReport:
    """Measure a division: loads and bands, compactness, borders, and every exception with its reason.

    The report states exact counts of households, so it is an internal document, not one to publish.

    Parameters
    ----------
    cells : GeoDataFrame
        What `divide` returned, with ``grid_code`` or without, or such a grid read back from a file. Each measure of
        the bands is a column; ``kind``, ``exception``, ``barrier_share``, ``crossed_m`` and ``parent_name`` are used
        where they are there.
    profile, households, persons
        The bands, as `divide` was given them; 100 to 150 households without any. Of a profile with ``either``,
        measures that no column holds are left out, as `divide` does.

    Returns
    -------
    DivideReport
        ``print`` it, ``save`` it as a page or as JSON, or read its attributes.

    Raises
    ------
    GridError
        If the table is no division: no parents, no polygons in a metre CRS, or a load that is missing; or if the
        bands are none.

    Notes
    -----
    Compactness is that of Polsby and Popper (1991), ``4 pi A / P**2`` with area A and perimeter P, borders of holes
    included, and that of Reock (1961), ``A`` over the area of the smallest circle around the cell. Both are 1 for a
    circle; a square has 0.785 and 0.637.

    Whether a reason is proven is what `gridgis.divide.PROVEN` says and nothing else: "no division found" says that a
    search ended, not that there is none. A cell that misses the bands asked for here without a reason is listed too.

    References
    ----------
    D. D. Polsby, R. D. Popper (1991): The third criterion: compactness as a procedural safeguard against partisan
    gerrymandering. Yale Law & Policy Review 9(2), 301-353.

    E. C. Reock (1961): A note: measuring compactness as a requirement of legislative apportionment. Midwest Journal
    of Political Science 5(1), 70-74.

    Examples
    --------
    >>> cells = divide(example.areas, example.buildings, example.barriers, households=(20, 30))
    >>> report = divide_report(cells, households=(20, 30))
    >>> report.in_band, report.share_in_band, report.load.median, round(report.reock.median, 2)
    (4, 1.0, 24.0, 0.51)
    """
    bands = _bands(cells, profile, households, persons)
    table = figures.examine(cells, bands)
    regular = table.regular
    feasible = regular & ~np.isin(table.exceptions, PROVEN)
    polsby_popper, reock = figures.compactness(table.shapes[regular])
    by_length, by_cell = figures.along_barriers(table)
    groups = figures.exception_groups(table)
    crossed = None if table.crossed is None else np.nan_to_num(table.crossed)
    return DivideReport(
        bands={name: (band.low, band.high) for name, band in zip(bands.names, bands.bands, strict=True)},
        either=bands.either and len(bands.names) > 1,
        crs=crs_name(table.crs),
        cells=len(table.names),
        kinds={kind: int((table.kinds == kind).sum()) for kind in KINDS},
        in_band=int(table.inside.sum()),
        feasible=int(feasible.sum()),
        feasible_in_band=int((feasible & table.inside).sum()),
        load=Spread.of(table.loads[regular, 0]),
        histogram=figures.histogram(table, bands),
        polsby_popper=Spread.of(polsby_popper),
        reock=Spread.of(reock),
        barrier_share=by_length,
        barrier_shares=by_cell,
        crossed_cells=None if crossed is None else int((crossed > 0).sum()),
        crossed_m=None if crossed is None else float(crossed.sum()),
        exceptions=groups,
        parents=figures.parent_figures(table, groups),
        table=table,
    )


def _bands(
    cells: gpd.GeoDataFrame,
    profile: Profile | str | None,
    households: tuple[int, int] | None,
    persons: tuple[int, int] | None,
) -> Bands:
    """The bands as `divide` understands them; what no column holds is left out where another band is enough."""
    columns = getattr(cells, "columns", None)
    if columns is None:
        raise GridError(f"cells: expected a GeoDataFrame, got {type(cells).__name__}; give what divide returned.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GridWarning)  # it speaks of buildings; the report names its bands
        bands = checked_profile(households, persons, profile, cells).as_bands()
    lost = sorted(set(bands.names) - set(columns))
    if lost:
        raise GridError(f"cells: the bands are of {listed(bands.names)}, but there is no column {listed(lost)}.")
    return bands


def _share(part: int, whole: int) -> float | None:
    """A share of cells, to four decimals; 1 only where it is all of them."""
    return None if not whole else 1.0 if part == whole else min(round(part / whole, 4), 0.9999)


def _rounded(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals) + 0.0


def _spread(spread: Spread | None, decimals: int) -> dict[str, float | None] | None:
    return None if spread is None else {name: _rounded(value, decimals) for name, value in asdict(spread).items()}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
