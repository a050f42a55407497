"""The whole way from files to maps, for a nightly batch: only what has changed is made again.

Each step has a record of what it was made from: the hashes of its inputs, its settings, the version. A step whose
record still holds, and whose outputs are as it left them, is skipped. Outputs are the same bytes for the same
content, so a step that is made again without a change in its result does not drag the later ones along.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from gridgis._version import VERSION
from gridgis.check import CheckReport, Grid, GridError, check_grid, listed
from gridgis.codes import assign_codes
from gridgis.divide import divide
from gridgis.locate import account, locate
from gridgis.maps import coverage_image, coverage_map, hotspot_map
from gridgis.privacy import HIDDEN, Published, publish, without_persons
from gridgis.read import read_areas, read_barriers, read_buildings, read_grid, read_points, read_table
from gridgis.settings import FILES, Settings
from gridgis.summarise import summarise
from gridgis.write import file_sha256, write_grid, write_json, write_table

RECORD = "gridgis-run.json"
"""The file in the output folder that remembers what each step was made from."""


class CheckFailed(GridError):
    """The grid breaks rules that are not allowed to be broken; ``report`` holds the findings."""

    def __init__(self, report: CheckReport, failed: list[Any], where: str):
        lines = [str(finding) for finding in failed[:5]]
        more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
        super().__init__(f"the grid breaks {len(failed)} rules, so nothing was replaced{where}: {' | '.join(lines)}{more}")
        self.report = report
        self.failed = failed


@dataclass(frozen=True)
class Step:
    """One step of a run: what it reads, what it writes."""

    name: str
    inputs: tuple[str, ...]
    earlier: tuple[str, ...]
    settings: tuple[str, ...]
    outputs: tuple[str, ...]


STEPS = (
    Step("divide", ("areas", "buildings", "barriers", "grid"), (), ("divide", "codes", "check"), ("grid.gpkg", "check.json")),
    Step("locate", ("events",), ("grid.gpkg",), ("locate",), ("events_located.csv",)),
    Step("publish", (), ("grid.gpkg", "events_located.csv"), ("summarise", "publish"), ("cells.csv",)),
    Step(
        "maps",
        (),
        ("grid.gpkg", "events_located.csv"),
        ("summarise", "publish", "maps"),
        ("coverage.html", "hotspots.html", "coverage.png"),
    ),
)
"""The steps in their order."""


@dataclass(frozen=True)
class Done:
    """What became of one step.

    Attributes
    ----------
    step : str
    action : str
        ``made``, ``up to date`` or ``would be made``.
    reason : str
        Why it was made, or is not due.
    detail : str
        What came out, in a sentence.
    """

    step: str
    action: str
    reason: str
    detail: str = ""


def run(settings: Settings, *, dry_run: bool = False, force: bool = False) -> Iterator[Done]:
    """Run the whole pipeline, step by step.

    Parameters
    ----------
    settings : Settings
    dry_run : bool
        True: say what would be made, and make nothing. A step after one that would be made is told as due, though
        it may turn out not to be.
    force : bool
        True: make every step, also over outputs that somebody else has changed.

    Yields
    ------
    Done
        One for each step, as soon as it is through.

    Raises
    ------
    CheckFailed
        If the grid breaks a rule; nothing of the step is replaced.
    GridError
        If an input is bad, or an output was changed by somebody else.
    """
    work = _Work(settings)
    record = _read_record(settings.folder)
    due_earlier = False
    for step in _steps(settings):
        made_from = work.made_from(step)
        reason = "asked for" if force else _why(step, made_from, record.get(step.name), settings.folder)
        if not reason and due_earlier and dry_run:
            reason = "an earlier step would be made"
        if not reason:
            yield Done(step.name, "up to date", "nothing it depends on has changed")
            continue
        if dry_run:
            due_earlier = True
            yield Done(step.name, "would be made", reason)
            continue
        detail = work.make(step.name)
        outputs = {name: file_sha256(settings.folder / name) for name in step.outputs}
        record[step.name] = {**work.made_from(step), "outputs": outputs}
        write_json(record, settings.folder / RECORD)
        yield Done(step.name, "made", reason, detail)


def _steps(settings: Settings) -> Iterator[Step]:
    """The steps that these settings ask for: without events nothing is located, and there are no hot spots."""
    has_events = settings.file("events") is not None
    for step in STEPS:
        if has_events:
            yield step
        elif step.name != "locate":
            earlier = tuple(name for name in step.earlier if name != "events_located.csv")
            outputs = tuple(name for name in step.outputs if name != "hotspots.html")
            yield Step(step.name, step.inputs, earlier, step.settings, outputs)


def _read_record(folder: Path) -> dict[str, Any]:
    """What was made from what; an unreadable record counts as none."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _why(step: Step, made_from: Mapping[str, Any], before: Mapping[str, Any] | None, folder: Path) -> str:
    """Why a step is due; empty where it is not.

    Raises
    ------
    GridError
        If an output was changed since the step wrote it: that may be somebody's work by hand.
    """
    if not before:
        return "it was not made yet"
    changed = [
        name
        for name in step.outputs
        if (folder / name).is_file() and file_sha256(folder / name) != before["outputs"].get(name)
    ]
    if changed:
        raise GridError(
            f"{listed(changed)}: changed since gridgis wrote it, perhaps by hand; name the changed file under [inputs] "
            "(grid = ...) to go on with it, move it away, or run again with --force to make it anew."
        )
    missing = [name for name in step.outputs if not (folder / name).is_file()]
    if missing:
        return f"{listed(missing)} missing"
    parts = [part for part in made_from if made_from[part] != before.get(part)]
    if not parts:
        return ""
    names = sorted(
        name
        for part in parts
        for name in {*_keys(made_from[part]), *_keys(before.get(part))}
        if _keys(made_from[part]).get(name) != _keys(before.get(part)).get(name)
    )
    return f"changed: {listed(names)}"


def _keys(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {"version": value}


class _Work:
    """Inputs and results of one run, each read or made once, when it is first needed."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.folder = settings.folder

    def made_from(self, step: Step) -> dict[str, Any]:
        """Everything that the outputs of a step hang on."""
        keys = {
            key: Path(value).name if key in FILES else value
            for key, value in self.settings.sections["inputs"].items()
            if key.split("_")[0] in step.inputs or (key == "crs" and step.name == "divide")
        }
        chosen = {name: self.settings.sections[name] for name in step.settings}
        return {
            "version": VERSION,
            "settings": json.loads(json.dumps({**chosen, "inputs": keys})),
            "inputs": {name: hash_ for name in step.inputs if (hash_ := self.input_hash(name))},
            "earlier": {name: _hash_if_there(self.folder / name) for name in step.earlier},
        }

    def input_hash(self, name: str) -> str | None:
        """The hash of an input, all parts of a shapefile together."""
        file = self.settings.file(name)
        if file is None:
            return None
        if not file.is_file():
            raise GridError(f"{file.name}: there is no such file (inputs, {name}).")
        if file.suffix.lower() != ".shp":
            return file_sha256(file)
        parts = sorted(part for part in file.parent.iterdir() if part.stem == file.stem and part.is_file())
        return " ".join(file_sha256(part)[:16] for part in parts)

    def make(self, name: str) -> str:
        """Make the outputs of a step; say what came out."""
        makers: dict[str, Callable[[], str]] = {
            "divide": self.make_grid,
            "locate": self.make_located,
            "publish": self.make_table,
            "maps": self.make_maps,
        }
        return makers[name]()

    def provenance(self, step: Step) -> dict[str, Any]:
        """What goes into the files: names and hashes, no paths."""
        made = self.made_from(step)
        return {"gridgis": VERSION, "inputs": made["inputs"], "settings": made["settings"]}

    @cached_property
    def areas(self) -> gpd.GeoDataFrame:
        """The parents."""
        get = self.settings.get
        return read_areas(
            _given(self.settings.file("areas")),
            code=get("inputs", "areas_code"),
            name=get("inputs", "areas_name"),
            crs=get("inputs", "crs"),
        )

    @cached_property
    def buildings(self) -> gpd.GeoDataFrame | None:
        """The footprints, if there are any."""
        file, get = self.settings.file("buildings"), self.settings.get
        if file is None:
            return None
        return read_buildings(
            file,
            building_id=get("inputs", "buildings_id"),
            households=get("inputs", "buildings_households"),
            crs=self.areas.crs,
        )

    def make_grid(self) -> str:
        """Divide (or take the grid that is there), code, check, write."""
        settings, scheme = self.settings, self.settings.scheme
        band = tuple(settings.get("divide", "households"))
        file = settings.file("grid")
        if file is not None:
            grid = read_grid(file)
        else:
            barriers = settings.file("barriers")
            kind = settings.get("inputs", "barriers_kind")
            lines = None if barriers is None else read_barriers(barriers, kind=kind, crs=self.areas.crs)
            cells = divide(self.areas, _given(self.buildings), lines, households=band, seed=settings.get("divide", "seed"))
            grid = assign_codes(cells, scheme)
        report = check_grid(grid, areas=self.areas, buildings=self.buildings, scheme=scheme, households=band)
        require_rules(report, settings.get("check", "allow"), self.folder)
        write_grid(grid, self.folder / "grid.gpkg", provenance=self.provenance(STEPS[0]))
        write_json(report.to_dict(), self.folder / "check.json")
        return describe_grid(grid) + "; " + describe_report(report)

    @cached_property
    def grid(self) -> Grid:
        """The grid as it was written."""
        return read_grid(self.folder / "grid.gpkg")

    def make_located(self) -> str:
        """Locate the events; nothing of persons, and no coordinates unless asked for, goes out."""
        file, get = _given(self.settings.file("events")), self.settings.get
        x, y = get("inputs", "events_x"), get("inputs", "events_y")
        located = locate(read_points(file, x=x, y=y, crs=get("inputs", "events_crs")), self.grid)
        return write_located(
            located, self.folder / "events_located.csv", coordinates=(x, y), keep=get("locate", "keep_coordinates")
        )

    @cached_property
    def published(self) -> Published:
        """The protected table."""
        get = self.settings.get
        table: Grid = self.grid
        if self.settings.file("events") is not None:
            located = read_table(self.folder / "events_located.csv")
            table = summarise(self.grid, located, by=get("summarise", "by"))
        return publish(
            table,
            measures=get("publish", "measures"),
            hide_below=get("publish", "hide_below"),
            notes=get("publish", "notes"),
            internal=get("publish", "internal"),
        )

    def make_table(self) -> str:
        """Write the protected table."""
        table = self.published.table
        write_table(pd.DataFrame(table.drop(columns="geometry")), self.folder / "cells.csv")
        return describe_published(self.published)

    def make_maps(self) -> str:
        """Draw the maps."""
        get, lang = self.settings.get, self.settings.get("maps", "lang")
        title = get("maps", "coverage_title")
        coverage_map(self.published, lang=lang, title=title).save(self.folder / "coverage.html")
        coverage_image(self.published, self.folder / "coverage.png", lang=lang, title=title)
        if self.settings.file("events") is None:
            return "coverage.html, coverage.png"
        title, value = get("maps", "hotspot_title"), get("maps", "value")
        hotspot_map(self.published, value=value, lang=lang, title=title).save(self.folder / "hotspots.html")
        return "coverage.html, hotspots.html, coverage.png"


def _given(value: Any) -> Any:
    """Settings were checked whole, so that what a step needs is there."""
    if value is None:
        raise GridError("settings: an input that this step needs is not named.")
    return value


def _hash_if_there(path: Path) -> str | None:
    return file_sha256(path) if path.is_file() else None


def require_rules(report: CheckReport, allow: list[str], folder: Path | None = None) -> None:
    """Stop if the grid breaks a rule that may not be broken; the findings go to ``check_failed.json``.

    Raises
    ------
    CheckFailed
        If it does.
    """
    failed = [finding for finding in report if finding.rule not in allow]
    if folder is None:
        if failed:
            raise CheckFailed(report, failed, "")
        return
    if failed:
        write_json(report.to_dict(), folder / "check_failed.json")
        raise CheckFailed(report, failed, " (see check_failed.json)")
    (folder / "check_failed.json").unlink(missing_ok=True)


def write_located(
    located: gpd.GeoDataFrame, path: Path, *, coordinates: tuple[str | None, str | None], keep: bool
) -> str:
    """Write located things without persons and, unless asked for, without coordinates; say what came out."""
    table, personal = without_persons(pd.DataFrame(located.drop(columns=located.geometry.name)))
    if not keep:
        table = table.drop(columns=[name for name in coordinates if name in table.columns])
    write_table(table, path)
    parts = [f"{row.rows:,} {row.located_by}" for row in account(located).itertuples()]
    left_out = f"; columns of persons left out: {listed(personal)}" if personal else ""
    return f"{len(located):,} rows: {', '.join(parts)}{left_out}"


def describe_grid(grid: Grid) -> str:
    """Say how many cells there are, and how even they are."""
    sentence = f"{len(grid):,} cells in {grid['parent_code'].nunique():,} areas"
    if "households" in grid.columns and len(grid):
        loads = grid["households"]
        sentence += f", {loads.min():,.0f} to {loads.max():,.0f} households each (median {loads.median():,.0f})"
    if "exception" in grid.columns:
        stated = grid["exception"][grid["exception"].notna() & grid["exception"].ne("")].value_counts()
        if len(stated):
            sentence += "; exceptions: " + ", ".join(f"{count} {reason}" for reason, count in stated.items())
    return sentence


def describe_report(report: CheckReport) -> str:
    """Say which rules hold and which were not run."""
    broken = {finding.rule for finding in report}
    sentence = f"{len(report.ran) - len(broken)} of {len(report.ran)} rules hold"
    if report.skipped:
        sentence += f", {len(report.skipped)} not run ({listed(report.skipped, 4)})"
    return sentence


def describe_published(published: Published) -> str:
    """Say how many numbers are shown and hidden."""
    status = published.table[[f"{name}_status" for name in published.measures]]
    hidden = int((status == HIDDEN).to_numpy().sum())
    if published.internal:
        return f"{status.size:,} numbers, none hidden: internal"
    return f"{status.size:,} numbers, {hidden:,} hidden (counts below {published.hide_below}, and what gives them away)"
