"""The proof of a grid: cover, nesting, whole buildings, codes, loads.

`check_grid` runs every rule that its arguments allow, and returns what is wrong instead of raising.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely

from gridgis import cover, crs
from gridgis.codes import CodeScheme
from gridgis.contract import (
    CODE,
    PARENT,
    Grid,
    GridError,
    GridWarning,
    listed,
    require_frame,
    require_metre_crs,
    require_same_crs,
    require_text,
    require_unique,
)

RULES: dict[str, str] = {
    "columns": "the columns of codes and of parents are there, codes are text",
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
    "parent_unknown": "each parent names an area",
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
            "counts": dict(Counter(finding.rule for finding in self)),
            "findings": [asdict(finding) for finding in self],
        }


def check_grid(  # noqa: PLR0913 - what users ask for by name
    grid: Grid,
    *,
    code: str = CODE,
    parent: str | None = PARENT,
    areas: gpd.GeoDataFrame | None = None,
    buildings: gpd.GeoDataFrame | None = None,
    scheme: CodeScheme | None = None,
    households: tuple[float, float] | None = None,
    retired: Iterable[str] = (),
) -> CheckReport:
    """Prove a grid, or any layer of polygons that should not overlap: run every rule that the arguments allow.

    A cell that is no valid polygon is named and left out, and all rules are run on the rest. A MultiPolygon of one
    part counts as that part.

    Parameters
    ----------
    grid : GeoDataFrame
        The cells. With the columns of a grid, ``grid_code`` and ``parent_code``, the whole contract is asked for. With
        names of your own it is a layer as it comes: codes may be whole numbers, and polygons in degrees or feet are
        brought into metres to be measured.
    code : str
        Column of the codes.
    parent : str, optional
        Column of the codes of the parents; None if the layer has none. With a ``code`` of your own, a missing
        ``parent_code`` is as good as None.
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
        A list of `Finding`, empty where all is well, with ``ran`` and ``skipped``. Overlaps, gaps and cut-off parts of
        a mean width (2 x area / perimeter) up to 2 mm are rounding and not reported.

    Raises
    ------
    GridError
        If an argument cannot be examined at all: no GeoDataFrame, no column of the name given, ``areas`` that are no
        valid polygons or in another CRS.

    Warns
    -----
    GridWarning
        If a layer with names of its own is not in metres; it says in which CRS it is measured.

    Examples
    --------
    >>> areas, cells = example.areas, example.grid
    >>> report = check_grid(cells, areas=areas)
    >>> report
    []
    >>> report.skipped["building_cut"]
    'no buildings were given'
    >>> villages = gpd.GeoDataFrame({"id": [1, 2]}, geometry=[box(0, 0, 60, 50), box(50, 0, 90, 50)], crs=4547)
    >>> [str(finding) for finding in check_grid(villages, code="id")]
    ['overlap [1, 2] at lon 109.510936 lat 0.000226: two cells overlap on 500.000 m2']
    """
    run = _Run(require_frame(grid, "grid"), code, parent)
    run.columns()
    if run.crs(areas, buildings):
        run.codes(scheme, frozenset(retired))
        run.load(households)
        run.geometry()
        run.cover()
        run.parents(areas)
        run.whole_buildings(buildings)
    return run.report()


class _Run:
    """One run of `check_grid`: gathers findings, and which rules were run."""

    def __init__(self, grid: Grid, code: str, parent: str | None):
        self.own = code != CODE or parent not in (PARENT, None)
        if code != CODE and parent == PARENT and PARENT not in grid.columns:
            parent = None
        for column, argument in ((code, "code"), (parent, "parent")):
            if column not in (CODE, PARENT, None) and column not in grid.columns:
                raise GridError(f"grid: no column {column!r} ({argument}=); there are {listed(grid.columns, 12)}.")
        self.grid = grid
        self.named = {"code": code, "parent": parent}
        self.code_values, self.parent_values = (_values(grid, column) for column in (code, parent))
        self.names: npt.NDArray[np.object_] = np.array([], object)
        self.shapes = cover.unwrapped(grid.geometry.to_numpy())
        self.points: npt.NDArray[np.object_] = np.array([], object)
        self.metre_crs = grid.crs
        self.sound = np.zeros(len(grid), bool)
        self.findings: list[tuple[str, tuple[str, ...], str, Any]] = []
        self.ran: list[str] = []
        self.skipped: dict[str, str] = {}

    def add(self, rule: str, rows: Iterable[object], detail: str, place: object = None) -> None:
        """Keep a finding; ``place`` is a shapely point, or None."""
        self.findings.append((rule, tuple(str(row) for row in rows), detail, place))

    def skip(self, rules: Sequence[str], why: str) -> None:
        """Note rules that cannot be run."""
        self.skipped.update({rule: why for rule in rules})

    def columns(self) -> None:
        """Columns there, codes text; in a layer with names of its own whole numbers are read as text."""
        self.ran.append("columns")
        missing = [name for name in self.named.values() if name is not None and name not in self.grid.columns]
        if missing:
            advice = "a layer with names of its own is checked with code= and parent= (--code, --parent)"
            self.add("columns", missing, f"missing columns: {listed(missing)}; {advice}")
        for name, values in ((self.named["code"], self.code_values), (self.named["parent"], self.parent_values)):
            if values is None:
                continue
            given = zip(self.grid.index, values, strict=True)
            numbers = [i for i, value in given if not isinstance(value, str) and not pd.isna(value)]
            if self.own:
                values[:] = [value if pd.isna(value) else _text(value) for value in values]
            elif numbers:
                self.add("columns", numbers, f"{name} holds numbers where text is expected")
        codes = self.grid.index if self.code_values is None else self.code_values
        self.names = np.array(["(none)" if pd.isna(value) else str(value) for value in codes], object)

    def crs(self, areas: gpd.GeoDataFrame | None, buildings: gpd.GeoDataFrame | None) -> bool:
        """Metres, or what can be brought into metres: else nothing can be measured."""
        self.ran.append("crs")
        try:
            require_metre_crs(self.grid.crs, "grid")
        except GridError as error:
            wanted = [table.crs for table in (areas, buildings) if table is not None and table.crs is not None]
            moved = self.grid.crs is not None and self._bring_into_metres([known for known in wanted if _metre(known)])
            if not (self.own and moved):
                self.add("crs", [], str(error))
            if not moved:
                return False
        self.shapes = shapely.force_2d(self.shapes)
        self.sound = cover.has_ground(self.shapes)
        self.points = np.full(len(self.shapes), None, object)
        self.points[self.sound] = shapely.point_on_surface(self.shapes[self.sound])
        west, south, east, north = shapely.bounds(self.shapes).T
        here = ~self.sound & np.isfinite(west + south + east + north)
        self.points[here] = shapely.points((west + east)[here] / 2, (south + north)[here] / 2)
        return True

    def _bring_into_metres(self, wanted: list[pyproj.CRS]) -> bool:
        """Reproject the cells into the CRS of the other tables, else into that of their place; tell a layer so."""
        finite = np.isfinite(shapely.bounds(self.shapes)).all(axis=1)
        if not finite.any():
            return False
        try:
            target = wanted[0] if wanted else _metre_crs_of(self.shapes[finite], self.grid.crs)
            self.shapes[finite] = crs.transform(self.shapes[finite], self.grid.crs, target, "grid")
        except GridError:
            return False
        self.metre_crs = target
        if self.own:
            name, measured = crs.crs_name(self.grid.crs), crs.crs_name(target)
            warnings.warn(GridWarning(f"grid: it comes in {name} and is measured in {measured}."), stacklevel=4)
        return True

    def codes(self, scheme: CodeScheme | None, retired: frozenset[str]) -> None:
        """Codes present, unique, well formed, of their parent, not reused."""
        if self.code_values is None:
            self.skip(_CODE_RULES, f"there is no column {self.named['code']}")
            return
        self.ran += ["code_missing", "code_duplicate"]
        codes, points = self.code_values, self.points
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
        self._scheme(scheme, present)
        if not retired:
            self.skip(["code_reused"], "no retired codes were given")
            return
        self.ran.append("code_reused")
        for position, code in present:
            if code in retired:
                self.add("code_reused", [code], "this code was retired and may not be used again", points[position])

    def _scheme(self, scheme: CodeScheme | None, present: list[tuple[int, str]]) -> None:
        if scheme is None:
            self.skip(["code_malformed", "code_not_of_parent"], "no code scheme was given")
            return
        self.ran.append("code_malformed")
        parents = self.parent_values
        if parents is None:
            self.skip(["code_not_of_parent"], self._no_parents())
        else:
            self.ran.append("code_not_of_parent")
        for position, code in present:
            problem, place = scheme.problem(code), self.points[position]
            if problem:
                self.add("code_malformed", [code], problem, place)
            elif parents is not None and scheme.parent_of(code) != parents[position]:
                detail = f"the code says parent {scheme.parent_of(code)}, the cell says {parents[position]}"
                self.add("code_not_of_parent", [code], detail, place)

    def _no_parents(self) -> str:
        name = self.named["parent"]
        return "the layer has no parents" if name is None else f"there is no column {name}"

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
        for i in np.flatnonzero(~((loads >= low) & (loads <= high)) & ~excused):
            detail = f"{loads[i]:g} households, outside {low:g} to {high:g}, and no exception is stated"
            self.add("load_out_of_band", [self.names[i]], detail, self.points[i])

    def geometry(self) -> None:
        """One valid polygon a cell; the others are left out of what follows."""
        self.ran += ["not_polygon", "cell_in_pieces", "invalid_geometry"]
        high = shapely.has_z(self.grid.geometry.to_numpy())
        asked = np.flatnonzero(~self.sound | high | (shapely.get_num_geometries(self.shapes) > 1))
        shapes = self.shapes[asked]
        shapes[high[asked]] = shapely.force_3d(shapes[high[asked]])
        for rule, i, detail, _ in cover.polygon_faults(shapes):
            self.add(rule, [self.names[asked[i]]], detail, self.points[asked[i]])

    def cover(self) -> None:
        """No overlap, matched edges."""
        self.ran += ["overlap", "edge_unmatched"]
        some = np.flatnonzero(self.sound)
        for rule, pair, detail, place in cover.cover_faults(self.shapes[some]):
            self.add(rule, sorted(self.names[some[list(pair)]]), detail, place)

    def parents(self, areas: gpd.GeoDataFrame | None) -> None:
        """Nested in the areas, and adding up to them."""
        parents = self.parent_values
        if areas is None or parents is None:
            self.skip(_PARENT_RULES, "no areas were given" if areas is None else self._no_parents())
            return
        self.ran += _PARENT_RULES
        outlines = self.require_areas(areas)
        for code in sorted({str(parent) for parent in parents if parent not in outlines}):
            here = np.flatnonzero(parents.astype(str) == code)
            self.add("parent_unknown", self.names[here], f"no area has the code {code}", self.points[here[0]])
        for code in sorted(outlines):
            here = np.flatnonzero((parents == code) & self.sound)
            left_out = self.shapes[(parents == code) & ~self.sound]
            for rule, i, detail, place in cover.parent_faults(outlines[code], self.shapes[here], left_out):
                rows = [code] if i is None else [self.names[here[i]]]
                self.add(rule, rows, f"{detail} (area {code})", place)

    def require_areas(self, areas: gpd.GeoDataFrame) -> dict[str, shapely.Geometry]:
        """The door for areas: codes, the CRS of the grid and valid polygons; give the outlines by code."""
        require_frame(areas, "areas", ["code"])
        require_same_crs(self.metre_crs, areas.crs, "grid and areas")
        if self.own:
            areas = areas.assign(code=[value if pd.isna(value) else _text(value) for value in areas["code"]])
        require_text(areas, "code", "areas")
        require_unique(areas, "code", "areas")
        bad = areas["code"][~cover.has_ground(areas.geometry.to_numpy())]
        if len(bad):
            raise GridError(f"areas: expected valid polygons, got others in {len(bad)} areas ({listed(bad)}).")
        return dict(zip(areas["code"], shapely.force_2d(areas.geometry.to_numpy()), strict=True))

    def whole_buildings(self, buildings: gpd.GeoDataFrame | None) -> None:
        """Each building in one cell; one across two parents is a fault of the areas, and named so."""
        if buildings is None:
            self.skip(_BUILDING_RULES, "no buildings were given")
            return
        self.ran += _BUILDING_RULES
        require_frame(buildings, "buildings")
        require_same_crs(self.metre_crs, buildings.crs, "grid and buildings")
        ids = buildings["building_id"] if "building_id" in buildings.columns else buildings.index
        ids = np.asarray(ids, dtype=object)
        some = np.flatnonzero(self.sound)
        for b, pieces, detail, place in cover.cut_buildings(self.shapes[some], buildings.geometry.to_numpy()):
            here = some[list(pieces)]
            across = self.parent_values is not None and len(set(self.parent_values[here])) > 1
            rule = "building_across_parents" if across else "building_cut"
            self.add(rule, [ids[b]], f"{detail} {listed(self.names[here])}", place)

    def report(self) -> CheckReport:
        """All rules not reached are named as skipped."""
        reason = "an earlier rule is broken"
        for rule in RULES:
            if rule not in self.ran and rule not in self.skipped:
                self.skipped[rule] = reason
        order = {rule: i for i, rule in enumerate(RULES)}
        places = _places([place for *_, place in self.findings], self.metre_crs)
        findings = [
            Finding(rule, rows, detail, *place)
            for (rule, rows, detail, _), place in zip(self.findings, places, strict=True)
        ]
        findings.sort(key=lambda finding: (order[finding.rule], finding.rows, finding.detail))
        return CheckReport(findings, [rule for rule in RULES if rule in self.ran], self.skipped)


_CODE_RULES = ["code_missing", "code_duplicate", "code_malformed", "code_not_of_parent", "code_reused"]
_PARENT_RULES = ["parent_unknown", "outside_parent", "gap"]
_BUILDING_RULES = ["building_cut", "building_across_parents"]

_Place = tuple[float | None, float | None, float | None, float | None]


def _values(frame: pd.DataFrame, column: str | None) -> npt.NDArray[np.object_] | None:
    """The values of a column, None where there is none."""
    return frame[column].to_numpy(object, copy=True) if column in frame.columns else None


def _text(value: Any) -> str:
    """A code as text; a whole number without a decimal point."""
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if whole else str(value)


def _metre(known: object) -> bool:
    return crs.is_metre(pyproj.CRS.from_user_input(known))


def _metre_crs_of(shapes: npt.NDArray[np.object_], source: pyproj.CRS) -> pyproj.CRS:
    """The natural metre CRS of the middle of some shapes."""
    west, south, east, north = shapely.total_bounds(shapes)
    crs.require_plausible(np.array([west, east]), np.array([south, north]), source, "grid")
    x, y = np.array([(west + east) / 2]), np.array([(south + north) / 2])
    degrees = source if source.is_geographic else source.geodetic_crs
    lon, lat = crs.transform_xy(x, y, source, degrees, "grid")
    return crs.metre_crs(float(lon[0]), float(lat[0]))


@lru_cache(16)
def _to_degrees(known: pyproj.CRS) -> pyproj.Transformer:
    """The transformer to WGS 84; making one takes long."""
    return pyproj.Transformer.from_crs(known, 4326, always_xy=True)


def _places(points: Sequence[Any], known: object) -> list[_Place]:
    """Coordinates of points in the CRS of the grid (to the millimetre) and in WGS 84, by one transformation."""
    some = [i for i, point in enumerate(points) if point is not None and not point.is_empty]
    xy = shapely.get_coordinates([points[i] for i in some]).round(3)
    places: list[_Place] = [(None, None, None, None)] * len(points)
    degrees = np.full(xy.shape, np.nan)
    if known is not None and len(some):
        to_degrees = _to_degrees(pyproj.CRS.from_user_input(known))
        degrees = np.column_stack(to_degrees.transform(xy[:, 0], xy[:, 1])).round(7)
    for i, (x, y), (lon, lat) in zip(some, xy.tolist(), degrees.tolist(), strict=True):
        places[i] = (x, y, None, None) if np.isnan(lon) else (x, y, lon, lat)
    return places
