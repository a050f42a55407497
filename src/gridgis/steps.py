"""What each step of a run does: read, call, and write the outputs into a folder."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from gridgis._version import VERSION
from gridgis.check import CheckReport, Finding, check_grid
from gridgis.codes import PREVIOUS, CodeScheme, assign_codes
from gridgis.contract import CODE, PARENT, Grid, GridError, GridWarning, listed
from gridgis.crs import coordinates_of
from gridgis.describe import (
    describe_exceptions,
    describe_grid,
    describe_left_out,
    describe_located,
    describe_published,
    describe_report,
)
from gridgis.divide import PROFILES, divide
from gridgis.images import atlas, coverage_image
from gridgis.images.static import NoFontError
from gridgis.locate import locate
from gridgis.pages import coverage_map, hotspot_map
from gridgis.persons import describe_not_out, found_not_out, not_going_out, without_persons
from gridgis.privacy import Published, going_out, publish, read_secret
from gridgis.read import read_areas, read_barriers, read_buildings, read_grid, read_points, read_table, read_zones
from gridgis.settings import Settings
from gridgis.summarise import summarise
from gridgis.write import file_sha256, read_provenance, write_grid, write_json, write_table

PUBLIC, INTERNAL = "public", "internal"
"""The folders in the output folder: what may be shown, and what is for use inside - exact numbers, single rows."""

GRID, CHECK, CHECK_FAILED = f"{INTERNAL}/grid.gpkg", f"{INTERNAL}/check.json", f"{INTERNAL}/check_failed.json"
LOCATED, TABLE = f"{INTERNAL}/events_located.csv", f"{INTERNAL}/table.gpkg"
"""The grid, its findings, those of a grid that was refused, the located rows, the exact counts."""

SIDE_BY_SIDE = "jobs"
"""The setting of a division that changes no output, so that it is noted nowhere."""

SECRET_ROUNDS = 100_000
"""So many rounds of hashing make a secret slow to find by trying."""

RETIRED = "retired"
"""The key in the provenance of a grid that lists the codes that were issued before and are not in it."""

SITE, SITE_FILES = "site", f"{INTERNAL}/site.json"
"""The folder of the page as files of its own, and where the hashes of what was written there are noted."""

LISTED = frozenset({"building_across_parents"})
"""Rules that the areas break, not the cells: what breaks them is listed, and the work goes on."""

Tables = Mapping[str, gpd.GeoDataFrame | None]
"""What a division is made from: areas, buildings, barriers, dedicated, fixed, previous; None where there is none."""


class CheckFailed(GridError):  # noqa: N818
    """The grid breaks rules that are not allowed to be broken.

    Attributes
    ----------
    report : CheckReport
        All findings.
    failed : list of Finding
        Those that are not allowed.
    """

    def __init__(self, report: CheckReport, failed: list[Finding]):
        super().__init__(f"the grid breaks rules: {listed([str(finding) for finding in failed])}")
        self.report = report
        self.failed = failed


def require_rules(report: CheckReport, allow: Collection[str]) -> None:
    """Stop if the grid breaks a rule that may not be broken; those in ``LISTED`` never stop it.

    Raises
    ------
    CheckFailed
        If it does.
    """
    failed = [finding for finding in report if finding.rule not in LISTED.union(allow)]
    if failed:
        raise CheckFailed(report, failed)


def _name_listed(report: CheckReport, allow: Collection[str]) -> None:
    """Warn of what breaks a rule in ``LISTED``, where no division did so."""
    found = [str(finding) for finding in report if finding.rule in LISTED.difference(allow)]
    if found:
        warnings.warn(GridWarning(f"grid: the work goes on, with {listed(found, 20)}."), stacklevel=3)


def require_parents(areas: gpd.GeoDataFrame, scheme: CodeScheme) -> None:
    """Ask, before the long work, that cells of these areas can be given codes.

    Raises
    ------
    GridError
        If the code of an area does not fit the scheme.
    """
    problems = {code: problem for code in areas["code"] if (problem := scheme.parent_problem(code))}
    if problems:
        raise GridError(
            f"areas: {len(problems)} codes do not fit the scheme {scheme.name} ({next(iter(problems.values()))}): "
            f"{listed(problems)}; if your codes are laid out in another way, say how with --scheme (gridgis divide -h "
            "shows one), or under [codes] in a settings file."
        )


def household_band(values: Mapping[str, Any]) -> tuple[int, int] | None:
    """Give the band of households that each cell must keep; None where a division (``[divide]``) asks for none.

    Examples
    --------
    >>> household_band({"households": [20, 30], "persons": [50, 90]}), household_band({"profile": "urban"})
    ((20, 30), None)
    """
    if "profile" in values:
        profile = PROFILES[values["profile"]]
        return None if profile.either else profile.bands.get("households")
    return tuple(values["households"]) if "households" in values else None


def issued_codes(previous: Grid | None, file: Path | None, scheme: CodeScheme) -> frozenset[str]:
    """Give all codes that were ever issued: those of the grid in force, and the retired ones that its file notes.

    Raises
    ------
    GridError
        If a code of the grid does not fit the scheme or its parent, so that no cell could keep it.
    """
    if previous is None or file is None:
        return frozenset()
    problems = {
        code: problem or f"its cell is in {parent}"
        for code, parent in zip(previous[CODE], previous[PARENT], strict=True)
        if (problem := scheme.problem(code)) or scheme.parent_of(code) != parent
    }
    if problems:
        raise GridError(
            f"previous: {len(problems)} codes do not fit the scheme {scheme.name}, or not their parent "
            f"({next(iter(problems.values()))}): {listed(problems)}; a grid goes on in its own scheme."
        )
    noted = read_provenance(file).get(RETIRED)
    retired = [code for code in noted if isinstance(code, str)] if isinstance(noted, list) else []
    return frozenset([*previous[CODE], *retired])


def coded_cells(tables: Tables, values: Mapping[str, Any], scheme: CodeScheme, issued: Collection[str] = ()) -> Grid:
    """Divide, and give codes: a cell that goes on keeps its own, and none that was ever issued comes back.

    Parameters
    ----------
    tables : mapping of str to GeoDataFrame or None
        See `Tables`.
    values : mapping of str to object
        What is asked for, as in the section ``[divide]``.
    scheme : CodeScheme
    issued : collection of str
        See `issued_codes`.
    """
    asked: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    given: dict[str, Any] = {name: tables.get(name) for name in ("dedicated", "fixed", "previous")}
    cells = divide(tables["areas"], tables["buildings"], tables.get("barriers"), **given, **asked)
    return assign_codes(cells, scheme, used=issued)


def proof_of(
    grid: Grid, tables: Tables, values: Mapping[str, Any], scheme: CodeScheme, issued: Collection[str] = ()
) -> CheckReport:
    """Check a grid against what it was made from; see `coded_cells`."""
    kept = set(grid[PREVIOUS]) if PREVIOUS in grid.columns else set()
    return check_grid(
        grid,
        areas=tables["areas"],
        buildings=tables["buildings"],
        scheme=scheme,
        households=household_band(values),
        retired=set(issued) - kept,
    )


def provenance_of(grid: Grid, issued: Collection[str]) -> dict[str, Any]:
    """Note the codes that were issued and are not in the grid, so that the next division does not give them either."""
    retired = sorted(set(issued) - set(grid[CODE]))
    return {RETIRED: retired} if retired else {}


def input_hash(file: Path) -> str:
    """Give the hash of an input, all parts of a format of several files together."""
    if file.is_dir():
        return " ".join(f"{part.name} {file_sha256(part)}" for part in sorted(file.iterdir()) if part.is_file())
    if file.suffix.lower() not in (".shp", ".tab", ".mif"):
        return file_sha256(file)
    parts = sorted(part for part in file.parent.iterdir() if part.stem == file.stem and part.is_file())
    return " ".join(f"{part.suffix.lower()} {file_sha256(part)}" for part in parts)


def write_located(
    located: gpd.GeoDataFrame,
    path: Path,
    *,
    coordinates: tuple[str | None, str | None],
    keep: bool,
    columns: Sequence[str] = (),
) -> str:
    """Write located things, unless asked for without coordinates (and never with persons); say what came out.

    Of free text and what looks like coordinates only the ``columns`` that are asked for by name go out.
    """
    table = pd.DataFrame(located.drop(columns=located.geometry.name))
    if not keep:
        table = table.drop(columns=[name for name in coordinates if name in table.columns and name not in columns])
    names = [str(name) for name in table.columns]
    middles = shapely.centroid(located.geometry.to_numpy())
    found = found_not_out(table, coordinates_of(shapely.get_x(middles), shapely.get_y(middles), located.crs))
    left = not_going_out(found, keep=columns, coordinates=keep, names=names)
    if left:
        warnings.warn(GridWarning(f"{path.name}: {describe_not_out(left)}."), stacklevel=2)
    table = table.loc[:, [name not in left for name in names]]
    write_table(table, path, keep=[name for name in found if name not in left])
    return describe_located(located)


class Work:
    """Inputs and results of one run, each read once, when it is first needed.

    Parameters
    ----------
    settings : Settings
        What to do. Results of earlier steps are read from its output folder.
    """

    def __init__(self, settings: Settings):
        self.settings = settings

    def options(self, which: str, **keys: str) -> dict[str, Any]:
        """The arguments of a reader, as the settings have them for this input."""
        get = self.settings.get
        keys = {**keys, **{name: f"{which}_{name}" for name in ("layer", "encoding", "header")}}
        return {argument: get("inputs", key) for argument, key in keys.items() if get("inputs", key) is not None}

    def file(self, name: str) -> Path:
        """The path of an input; settings were checked whole, so that it is there."""
        file = self.settings.file(name)
        if file is None:
            raise GridError(f"settings: [inputs] needs {name} for this step.")
        return file

    @cached_property
    def given_grid(self) -> tuple[Grid, list[str]] | None:
        """The grid that is there already, and the columns of persons that were left out of it."""
        if self.settings.file("grid") is None:
            return None
        grid, persons = without_persons(read_grid(self.file("grid"), **self.options("grid")))
        return gpd.GeoDataFrame(grid), persons

    @cached_property
    def previous(self) -> Grid | None:
        """The grid in force, if there is one."""
        if self.settings.file("previous") is None:
            return None
        return read_grid(self.file("previous"), **self.options("previous"))

    @cached_property
    def areas(self) -> gpd.GeoDataFrame:
        """The parents; in the CRS of the grid that is there already, or in force, if there is one."""
        options = self.options("areas", code="areas_code", name="areas_name", crs="crs", source_crs="source_crs")
        if self.given_grid is not None:
            options["crs"] = self.given_grid[0].crs
        elif self.previous is not None:
            options.setdefault("crs", self.previous.crs)
        return read_areas(self.file("areas"), **options)

    @cached_property
    def buildings(self) -> gpd.GeoDataFrame | None:
        """The footprints, if there are any."""
        if self.settings.file("buildings") is None:
            return None
        options = self.options("buildings", building_id="buildings_id", source_crs="source_crs")
        households = self.settings.get("inputs", "buildings_households") if self.given_grid is None else None
        return read_buildings(self.file("buildings"), households=households, crs=self.areas.crs, **options)

    @cached_property
    def barriers(self) -> gpd.GeoDataFrame | None:
        """The streets, rivers, walls, if there are any."""
        if self.settings.file("barriers") is None:
            return None
        options = self.options("barriers", kind="barriers_kind", source_crs="source_crs")
        return read_barriers(self.file("barriers"), crs=self.areas.crs, **options)

    def zones(self, name: str) -> gpd.GeoDataFrame | None:
        """Cells that are given: dedicated ones, or fixed ones, if there are any."""
        if self.settings.file(name) is None:
            return None
        options = self.options(name, source_crs="source_crs")
        return read_zones(self.file(name), crs=self.areas.crs, **options)

    def divided(self, issued: Collection[str]) -> Grid:
        """The areas divided, and the cells coded."""
        require_parents(self.areas, self.settings.scheme)
        if self.buildings is None:
            raise GridError("settings: [inputs] needs buildings for this step.")
        given: Tables = {"barriers": self.barriers, "previous": self.previous}
        tables = {**self.tables, **given, **{name: self.zones(name) for name in ("dedicated", "fixed")}}
        return coded_cells(tables, self.settings.sections["divide"], self.settings.scheme, issued)

    @property
    def tables(self) -> dict[str, gpd.GeoDataFrame | None]:
        """What a grid is checked against."""
        return {"areas": self.areas, "buildings": self.buildings}

    def make_grid(self, new: Path, provenance: dict[str, Any]) -> str:
        """Divide (or take the grid that is there), code, check, write."""
        settings, persons, issued = self.settings, list[str](), frozenset[str]()
        allow, failed = settings.get("check", "allow"), settings.folder / CHECK_FAILED
        given = self.given_grid is not None
        if self.given_grid is not None:
            grid, persons = self.given_grid
        else:
            issued = issued_codes(self.previous, settings.file("previous"), settings.scheme)
            grid = self.divided(issued)
        report = proof_of(grid, self.tables, settings.sections["divide"], settings.scheme, issued)
        try:
            require_rules(report, allow)
        except CheckFailed:
            write_json(report.to_dict(), failed)
            raise
        if given:
            _name_listed(report, allow)
        write_grid(grid, new / GRID, provenance={**provenance, **provenance_of(grid, issued)})
        write_json(report.to_dict(), new / CHECK)
        failed.unlink(missing_ok=True)
        exceptions = "".join(f"; {line}" for line in describe_exceptions(grid))
        return (
            f"{describe_grid(grid)}{exceptions}; {describe_report(report, allow, LISTED)}{describe_left_out(persons)}"
        )

    @cached_property
    def grid(self) -> Grid:
        """The grid as it was written."""
        return read_grid(self.settings.folder / GRID)

    def make_located(self, new: Path, _: dict[str, Any]) -> str:
        """Locate the events; nothing of persons, and no coordinates unless asked for, goes out."""
        options = self.options("events", x="events_x", y="events_y", crs="events_crs")
        get = partial(self.settings.get, "locate")
        located = locate(read_points(self.file("events"), **options), self.grid, near_m=get("near_m"))
        coordinates = (options.get("x"), options.get("y"))
        kept = {"keep": get("keep_coordinates"), "columns": get("keep") or ()}
        return write_located(located, new / LOCATED, coordinates=coordinates, **kept)

    @cached_property
    def table(self) -> Grid:
        """The cells with their exact counts."""
        if self.settings.file("events") is None:
            return self.grid
        located, by = read_table(self.settings.folder / LOCATED), self.settings.get("summarise", "by")
        if by is not None and by not in located.columns:
            raise GridError(
                f"by in [summarise]: the located events have no column {by!r}, or it holds persons and was left "
                f"out; there are {listed(located.columns, 12)}."
            )
        return summarise(self.grid, located, by=by)

    @cached_property
    def _released(self) -> Published:
        terms = ("hide_below", "zeros", "parts", "singletons", "round_to")
        keys = ("measures", "levels", "as_of", "notes", "internal", *terms)
        get = partial(self.settings.get, "publish")
        ledger, secret = get("ledger"), get("secret_file")
        file = None if ledger is None else self.settings.base / ledger
        known = None if secret is None else read_secret(self.settings.base / secret)
        return publish(self.table, ledger=file, secret=known, **{key: get(key) for key in keys})

    @property
    def published(self) -> Published:
        """The protected table; it is noted by `letting_out` when its files take their places, not before."""
        return replace(self._released, outgoing=None)

    def letting_out(self, step: Step) -> AbstractContextManager[None]:
        """Note the release, where there is a ledger, while the outputs of a step take their places in the block."""
        return going_out(self._released.outgoing) if step.lets_out else nullcontext()

    @property
    def face(self) -> str:
        """The folder for what is drawn and published: that for use inside where nothing is protected."""
        return INTERNAL if self.settings.get("publish", "internal") else PUBLIC

    @property
    def _scanned(self) -> dict[str, Any]:
        """How what goes out is read before it is written."""
        get = self.settings.get
        return {"scan": get("maps", "scan") is not False, "allow": get("maps", "allow") or ()}

    def make_table(self, new: Path, _: dict[str, Any]) -> str:
        """Write the protected table, and the exact one for use inside."""
        write_table(self.published, new / self.face / "cells.csv", **self._scanned)
        write_table(self.table, new / TABLE)
        return describe_published(self.published)

    def make_maps(self, new: Path, _: dict[str, Any]) -> str:
        """Draw the maps; what is printed is left out where no font on this machine can write it."""
        get, words = self.settings.get, {"lang": self.settings.get("maps", "lang")}
        scanned = self._scanned
        page = coverage_map(self.published, title=get("maps", "coverage_title"), **words)
        page.save(new / self.face / "coverage.html", **scanned)
        if self.settings.file("events") is not None:
            title, value = get("maps", "hotspot_title"), get("maps", "value")
            hot = hotspot_map(self.published, value=value, title=title, **words)
            hot.save(new / self.face / "hotspots.html", **scanned)
        printed = {"coverage.png": coverage_image, **({"atlas.pdf": atlas} if get("maps", "atlas") else {})}
        for name, draw in printed.items():
            try:
                draw(self.published, new / self.face / name, title=get("maps", "coverage_title"), **scanned, **words)
            except NoFontError as error:
                warnings.warn(GridWarning(f"{name} is left out: {error} Then: --force."), stacklevel=2)
        made = sorted(f"{self.face}/{file.name}" for file in (new / self.face).iterdir())
        site = self.settings.folder / self.face / SITE
        if get("maps", "site"):
            with going_out(self._released.outgoing):
                index = page.save_site(site, **scanned)
            write_json(_hashes_in(self.settings.folder, site), new / SITE_FILES)
            made.append(f"{self.face}/{SITE}/{index.name}")
        _remove_site(self.settings.folder, keep=site if get("maps", "site") else None)
        return ", ".join(made)


def _hashes_in(base: Path, folder: Path) -> dict[str, str]:
    """The hashes of the files in a folder, by their way from another; none where it is not there."""
    files = sorted(file for file in folder.glob("*") if file.is_file())
    return {file.relative_to(base).as_posix(): file_sha256(file) for file in files}


def _noted_site(folder: Path) -> dict[str, str]:
    """The files that a run has written into the folder of the page, with their hashes."""
    try:
        noted = json.loads((folder / SITE_FILES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _remove_site(folder: Path, keep: Path | None) -> None:
    """Remove the folder of a page that is asked for no more, but for what somebody else has put or changed there."""
    noted = _noted_site(folder)
    for site in (folder / PUBLIC / SITE, folder / INTERNAL / SITE):
        there = _hashes_in(folder, site)
        if site == keep or not set(there) & set(noted):
            continue
        for name in [name for name, sha256 in there.items() if noted.get(name) == sha256]:
            (folder / name).unlink()
        with suppress(OSError):
            site.rmdir()


def _site_is_due(settings: Settings) -> dict[str, int]:
    """Where the folder of the page is not as it was written: a value that no earlier run has noted."""
    noted = _noted_site(settings.folder) if settings.get("maps", "site") else {}
    folders = {(settings.folder / name).parent for name in noted}
    if not noted or noted == {
        key: sha for folder in folders for key, sha in _hashes_in(settings.folder, folder).items()
    }:
        return {}
    return {SITE: (settings.folder / SITE_FILES).stat().st_mtime_ns}


@dataclass(frozen=True)
class Step:
    """One step of a run: what it depends on, and what makes it.

    Attributes
    ----------
    name : str
    inputs : tuple of str
        Keys of ``[inputs]`` that name files.
    earlier : tuple of str
        Outputs of earlier steps.
    settings : tuple of str
        Sections.
    outputs : tuple of str
        Files that it may write.
    make : callable
        Writes them into a folder, and says in a sentence what came out.
    lets_out : bool
        Whether they are a release.
    """

    name: str
    inputs: tuple[str, ...]
    earlier: tuple[str, ...]
    settings: tuple[str, ...]
    outputs: tuple[str, ...]
    make: Callable[[Work, Path, dict[str, Any]], str]
    lets_out: bool = False

    def made_from(self, settings: Settings) -> dict[str, Any]:
        """Give everything that the outputs hang on: names and hashes, no paths."""
        files = {name: file for name in self.inputs if (file := settings.file(name)) is not None}
        of_these = {
            key: value
            for key, value in settings.sections["inputs"].items()
            if key.split("_")[0] in files and key not in files
        }
        if self.name == "divide":
            of_these |= {key: value for key in ("crs", "source_crs") if (value := settings.get("inputs", key))}
        of_these |= {name: file.name for name, file in files.items()}
        earlier = {name: settings.folder / name for name in self.earlier}
        return {
            "version": VERSION,
            "settings": {**{name: self._seen(settings, name) for name in self.settings}, "inputs": of_these},
            "inputs": {name: input_hash(file) for name, file in files.items()},
            "earlier": {name: file_sha256(file) for name, file in earlier.items() if file.is_file()},
            **(_secret_of(settings) if "publish" in self.settings else {}),
            **(_site_is_due(settings) if SITE_FILES in self.outputs else {}),
        }

    @staticmethod
    def _seen(settings: Settings, section: str) -> dict[str, Any]:
        """The settings of a section that change an output."""
        return {key: value for key, value in settings.sections[section].items() if key != SIDE_BY_SIDE}


def _secret_of(settings: Settings) -> dict[str, str]:
    """Tell one secret from another without keeping it: what was made of it follows, slow to find by trying."""
    name = settings.get("publish", "secret_file")
    if name is None:
        return {}
    mark = hashlib.pbkdf2_hmac("sha256", read_secret(settings.base / name), b"gridgis secret_file", SECRET_ROUNDS)
    return {"secret_file": mark[:8].hex()}


def _faces(*names: str) -> tuple[str, ...]:
    """Where files may be that are for everybody, or, where nothing is protected, for use inside."""
    return tuple(f"{folder}/{name}" for folder in (PUBLIC, INTERNAL) for name in names)


DIVIDE = Step(
    name="divide",
    inputs=("areas", "buildings", "barriers", "dedicated", "fixed", "previous", "grid"),
    earlier=(),
    settings=("divide", "codes", "check"),
    outputs=(GRID, CHECK),
    make=Work.make_grid,
)
LOCATE = Step(
    name="locate",
    inputs=("events",),
    earlier=(GRID,),
    settings=("locate",),
    outputs=(LOCATED,),
    make=Work.make_located,
)
PUBLISH = Step(
    name="publish",
    inputs=(),
    earlier=(GRID, LOCATED),
    settings=("summarise", "publish"),
    outputs=(*_faces("cells.csv"), TABLE),
    make=Work.make_table,
    lets_out=True,
)
MAPS = Step(
    name="maps",
    inputs=(),
    earlier=(GRID, LOCATED),
    settings=("summarise", "publish", "maps"),
    outputs=(*_faces("coverage.html", "hotspots.html", "coverage.png", "atlas.pdf"), SITE_FILES),
    make=Work.make_maps,
    lets_out=True,
)


def steps_of(settings: Settings) -> tuple[Step, ...]:
    """Give the steps that these settings ask for: without events nothing is located."""
    return (DIVIDE, PUBLISH, MAPS) if settings.file("events") is None else (DIVIDE, LOCATE, PUBLISH, MAPS)
