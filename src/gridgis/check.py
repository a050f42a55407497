"""The proof of a grid: cover, nesting, whole buildings, codes, loads.

`check_grid` runs every rule that its arguments allow, and returns what is wrong instead of raising.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj

from gridgis import cover
from gridgis.codes import CodeScheme
from gridgis.contract import (
    CODE,
    PARENT,
    Grid,
    GridError,
    listed,
    require_frame,
    require_metre_crs,
    require_same_crs,
    require_text,
    require_unique,
)

RULES: dict[str, str] = {
    "columns": "grid_code, parent_code and geometry are there, codes are text",
    "crs": "the CRS is projected and counts in metres",
    "not_polygon": "each cell is one Polygon, present, not empty, 2-D",
    "cell_in_pieces": "no cell is in two pieces",
    "invalid_geometry": "each cell is a valid polygon",
    "code_missing": "each cell has a code",
    "code_duplicate": "no code is used twice",
    "code_malformed": "each code fits the scheme",
    "code_not_of_parent": "the code of a cell begins with the code of its parent",
    "code_reused": "no retired code is in use again",
    "overlap": "no two cells overlap",
    "edge_unmatched": "neighbours share their border vertex by vertex",
    "parent_unknown": "each parent_code names an area",
    "outside_parent": "each cell lies wholly in its parent",
    "gap": "the cells of a parent leave no part of it out",
    "building_cut": "no building is cut by a border between cells of one parent",
    "building_across_parents": "no building lies across the border of two parents",
    "load_out_of_band": "households lie in the band, or the cell states its exception",
}
"""Every rule that `check_grid` knows, with its meaning; the key is the kind of the finding."""


@dataclass(frozen=True)
class Finding:
    """One broken rule at one place.

    Attributes
    ----------
    rule : str
        A key of `RULES`.
    rows : tuple of str
        Codes of the cells (or ids of the buildings) concerned.
    detail : str
        One sentence with the figures.
    x, y : float or None
        A point to zoom to, in the CRS of the grid (metres).
    lon, lat : float or None
        The same point in WGS 84 degrees.
    """

    rule: str
    rows: tuple[str, ...]
    detail: str
    x: float | None = None
    y: float | None = None
    lon: float | None = None
    lat: float | None = None

    def __str__(self) -> str:
        """Write the finding as a line: rule, rows, detail, place."""
        place = "" if self.lon is None else f" at lon {self.lon:.6f} lat {self.lat:.6f}"
        return f"{self.rule} [{listed(self.rows)}]{place}: {self.detail}"


class CheckReport(list[Finding]):
    """The findings of `check_grid`: a list, empty where every rule that was run holds.

    Attributes
    ----------
    ran : tuple of str
        The rules that were run.
    skipped : dict of str to str
        The rules that were not, each with the reason.
    """

    def __init__(self, findings: Iterable[Finding], ran: Sequence[str], skipped: dict[str, str]):
        super().__init__(findings)
        self.ran = tuple(ran)
        self.skipped = dict(skipped)

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain values, ready for JSON."""
        return {
            "ok": not self,
            "ran": list(self.ran),
            "skipped": self.skipped,
            "findings": [asdict(finding) for finding in self],
        }


def check_grid(
    grid: Grid,
    *,
    areas: gpd.GeoDataFrame | None = None,
    buildings: gpd.GeoDataFrame | None = None,
    scheme: CodeScheme | None = None,
    households: tuple[float, float] | None = None,
    retired: Iterable[str] = (),
) -> CheckReport:
    """Prove a grid: run every rule of the contract that the arguments allow.

    Parameters
    ----------
    grid : GeoDataFrame
        The cells, with ``grid_code``, ``parent_code`` and polygons in a metre CRS.
    areas : GeoDataFrame, optional
        The parents, with ``code``; without them nesting and gaps cannot be seen.
    buildings : GeoDataFrame, optional
        Footprints, with ``building_id``; without them cut buildings cannot be seen.
    scheme : CodeScheme, optional
        The layout that the codes must fit.
    households : (low, high), optional
        The band that ``households`` must keep; a cell with text in its ``exception`` column is excused.
    retired : iterable of str
        Codes that were issued before and may not come back.

    Returns
    -------
    CheckReport
        A list of `Finding`, empty where all is well, with ``ran`` and ``skipped``. Differences narrower than
        2 mm are rounding and not reported.

    Raises
    ------
    GridError
        If an argument cannot be examined at all (no GeoDataFrame, ``areas`` in another CRS).

    Examples
    --------
    >>> areas, cells = example.areas, example.grid
    >>> report = check_grid(cells, areas=areas)
    >>> report
    []
    >>> report.skipped["building_cut"]
    'no buildings were given'
    """
    frame = require_frame(grid, "grid")
    run = _Run(frame)
    if run.columns() and run.crs():
        retired = frozenset(retired)
        run.codes(scheme, retired)
        run.load(households)
        if run.geometry():
            run.cover()
            run.parents(areas)
            run.whole_buildings(buildings, areas)
    return run.report()


class _Run:
    """One run of `check_grid`: gathers findings, and which rules were run."""

    def __init__(self, grid: Grid):
        self.grid = grid
        self.findings: list[Finding] = []
        self.ran: list[str] = []
        self.skipped: dict[str, str] = {}
        self.names: np.ndarray = np.array([])

    def add(self, rule: str, rows: Iterable[object], detail: str, place: object = None) -> None:
        """Keep a finding; ``place`` is a shapely point, or None."""
        self.findings.append(Finding(rule, tuple(str(row) for row in rows), detail, *_place(place, self.grid.crs)))

    def skip(self, rules: Sequence[str], why: str) -> None:
        """Note rules that cannot be run."""
        self.skipped.update({rule: why for rule in rules})

    def columns(self) -> bool:
        """Columns there, codes text; without them nothing else can be asked."""
        self.ran.append("columns")
        missing = [name for name in (CODE, PARENT) if name not in self.grid.columns]
        if missing:
            self.add("columns", missing, f"missing columns: {listed(missing)}")
            return False
        for name in (CODE, PARENT):
            values = self.grid[name]
            numbers = [i for i, value in values.items() if not isinstance(value, str) and not pd.isna(value)]
            if numbers:
                self.add("columns", numbers, f"{name} holds numbers where text is expected")
        self.names = self.grid[CODE].map(lambda value: "(none)" if pd.isna(value) else str(value)).to_numpy(object)
        return True

    def crs(self) -> bool:
        """Metres, or nothing can be measured."""
        self.ran.append("crs")
        try:
            require_metre_crs(self.grid.crs, "grid")
        except GridError as error:
            self.add("crs", [], str(error))
            return False
        return True

    def codes(self, scheme: CodeScheme | None, retired: frozenset[str]) -> None:
        """Codes present, unique, well formed, of their parent, not reused."""
        self.ran += ["code_missing", "code_duplicate"]
        codes, points = self.grid[CODE], self.grid.geometry.representative_point().to_numpy()
        absent = [i for i, code in enumerate(codes) if pd.isna(code) or code == ""]
        if absent:
            self.add("code_missing", [self.grid.index[i] for i in absent], "cells without a code", points[absent[0]])
        present = [(i, str(code)) for i, code in enumerate(codes) if not pd.isna(code) and code != ""]
        places: dict[str, list[int]] = {}
        for i, code in present:
            places.setdefault(code, []).append(i)
        for code, here in sorted(places.items()):
            if len(here) > 1:
                self.add("code_duplicate", [code], f"{len(here)} cells have this code", points[here[1]])
        self._scheme(scheme, present, points)
        if not retired:
            self.skip(["code_reused"], "no retired codes were given")
            return
        self.ran.append("code_reused")
        for position, code in enumerate(codes):
            if code in retired:
                self.add("code_reused", [code], "this code was retired and may not be used again", points[position])

    def _scheme(self, scheme: CodeScheme | None, present: list[tuple[int, str]], points: np.ndarray) -> None:
        if scheme is None:
            self.skip(["code_malformed", "code_not_of_parent"], "no code scheme was given")
            return
        self.ran += ["code_malformed", "code_not_of_parent"]
        parents = self.grid[PARENT].to_numpy(object)
        for position, code in present:
            problem = scheme.problem(code)
            if problem:
                self.add("code_malformed", [code], problem, points[position])
            elif scheme.parent_of(code) != parents[position]:
                detail = f"the code says parent {scheme.parent_of(code)}, the cell says {parents[position]}"
                self.add("code_not_of_parent", [code], detail, points[position])

    def load(self, households: tuple[float, float] | None) -> None:
        """Loads in the band, or an exception stated."""
        if households is None or "households" not in self.grid.columns:
            why = "no band was given" if households is None else "the grid has no households column"
            self.skip(["load_out_of_band"], why)
            return
        self.ran.append("load_out_of_band")
        low, high = households
        loads = pd.to_numeric(self.grid["households"], errors="coerce").to_numpy(float)
        excused = np.zeros(len(loads), bool)
        if "exception" in self.grid.columns:
            excused = self.grid["exception"].fillna("").astype(str).ne("").to_numpy()
        points = self.grid.geometry.representative_point().to_numpy()
        for i in np.flatnonzero(~((loads >= low) & (loads <= high)) & ~excused):
            detail = f"{loads[i]:g} households, outside {low:g} to {high:g}, and no exception is stated"
            self.add("load_out_of_band", [self.names[i]], detail, points[i])

    def geometry(self) -> bool:
        """One valid polygon a cell; what follows needs that."""
        self.ran += ["not_polygon", "cell_in_pieces", "invalid_geometry"]
        before = len(self.findings)
        for rule, i, detail, place in cover.polygon_faults(self.grid.geometry.to_numpy()):
            self.add(rule, [self.names[i]], detail, place)
        sound = len(self.findings) == before
        if not sound:
            self.skip(
                ["overlap", "edge_unmatched", *_PARENT_RULES, *_BUILDING_RULES],
                "cells that are no valid polygons come first",
            )
        return sound

    def cover(self) -> None:
        """No overlap, matched edges."""
        self.ran += ["overlap", "edge_unmatched"]
        cells = self.grid.geometry.to_numpy()
        for rule, pair, detail, place in cover.cover_faults(cells):
            self.add(rule, sorted(self.names[list(pair)]), detail, place)

    def parents(self, areas: gpd.GeoDataFrame | None) -> None:
        """Nested in the areas, and adding up to them."""
        if areas is None:
            self.skip(_PARENT_RULES, "no areas were given")
            return
        self.ran += _PARENT_RULES
        self.require_areas(areas)
        outlines = dict(zip(areas["code"], areas.geometry, strict=True))
        cells = self.grid.geometry.to_numpy()
        parents = self.grid[PARENT].to_numpy(object)
        for code in sorted({str(parent) for parent in parents if parent not in outlines}):
            here = np.flatnonzero(parents == code)
            place = cells[here[0]].representative_point() if len(here) else None
            self.add("parent_unknown", self.names[here], f"no area has the code {code}", place)
        for code in sorted(outlines):
            here = np.flatnonzero(parents == code)
            for rule, i, detail, place in cover.parent_faults(outlines[code], cells[here]):
                rows = [code] if i is None else [self.names[here[i]]]
                self.add(rule, rows, f"{detail} (area {code})", place)

    def require_areas(self, areas: gpd.GeoDataFrame) -> None:
        """The door for areas: codes and the CRS of the grid."""
        require_frame(areas, "areas", ["code"])
        require_same_crs(self.grid.crs, areas.crs, "grid and areas")
        require_text(areas, "code", "areas")
        require_unique(areas, "code", "areas")

    def whole_buildings(self, buildings: gpd.GeoDataFrame | None, areas: gpd.GeoDataFrame | None) -> None:
        """Each building in one cell; one across two parents is a fault of the areas, and named so."""
        if buildings is None:
            self.skip(_BUILDING_RULES, "no buildings were given")
            return
        self.ran += _BUILDING_RULES
        require_frame(buildings, "buildings")
        require_same_crs(self.grid.crs, buildings.crs, "grid and buildings")
        ids = buildings["building_id"] if "building_id" in buildings.columns else buildings.index
        ids = np.asarray(ids, dtype=object)
        cells, parents = self.grid.geometry.to_numpy(), self.grid[PARENT].to_numpy(object)
        for b, pieces, detail, place in cover.cut_buildings(cells, buildings.geometry.to_numpy()):
            rule = "building_cut" if len({parents[i] for i in pieces}) == 1 else "building_across_parents"
            self.add(rule, [ids[b]], f"{detail} {listed(self.names[list(pieces)])}", place)

    def report(self) -> CheckReport:
        """All rules not reached are named as skipped."""
        reason = "an earlier rule is broken"
        for rule in RULES:
            if rule not in self.ran and rule not in self.skipped:
                self.skipped[rule] = reason
        order = {rule: i for i, rule in enumerate(RULES)}
        self.findings.sort(key=lambda finding: (order[finding.rule], finding.rows, finding.detail))
        return CheckReport(self.findings, [rule for rule in RULES if rule in self.ran], self.skipped)


_PARENT_RULES = ["parent_unknown", "outside_parent", "gap"]
_BUILDING_RULES = ["building_cut", "building_across_parents"]


def _place(point: Any, crs: object) -> tuple[float | None, float | None, float | None, float | None]:
    """Coordinates of a point in the grid's CRS (to the millimetre) and in WGS 84."""
    if point is None or point.is_empty:
        return None, None, None, None
    x, y = round(float(point.x), 3), round(float(point.y), 3)
    if crs is None:
        return x, y, None, None
    to_degrees = pyproj.Transformer.from_crs(pyproj.CRS.from_user_input(crs), 4326, always_xy=True)
    lon, lat = to_degrees.transform(x, y)
    return x, y, round(float(lon), 7), round(float(lat), 7)
