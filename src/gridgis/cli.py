"""The command line: parse, call, report.

Exit status: 0 done, 1 a rule failed (or a file holds what it must not), 2 wrong usage or unreadable input,
130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gridgis import publishing_commands
from gridgis._version import VERSION
from gridgis.arguments import GEODATA, REPORTS, SPLIT, parser
from gridgis.console import BAD_INPUT, DONE, INTERRUPTED, RULE_FAILED, output_file, say, say_lines, tell
from gridgis.contract import GridError, GridWarning, listed

MOST_FINDINGS = 20
"""So many findings are printed where the rest can be read in a file."""

DEMO_NOTES = {
    "en": [
        "Buildings and streets: © OpenStreetMap contributors, ODbL 1.0",
        "Households, communities and events are modelled, not real",
    ],
    "zh": ["建筑与道路：© OpenStreetMap 贡献者，ODbL 1.0", "户数、社区与事件均为模拟数据，并非真实"],
}

DIVISION_FILES = ("areas", "buildings", "barriers", "dedicated", "fixed", "previous")
"""The arguments of a division that name files."""

OPTION_OF = {
    **{"code": "--code", "households": "--households-column", "kind": "--kind", "crs": "--crs", "x": "--x", "y": "--y"},
    **{"source_crs": "--source-crs", "by": "--by", "hide_below": "--hide-below", "value": "--value"},
    **{"near_m": "--near-m", "round_to": "--round-to", "as_of": "--as-of", "levels": "--level", "ledger": "--ledger"},
    **{
        "measures": "--measure",
        "scan": "--no-scan",
        "parent": "--parent",
        "keep": "--keep",
        "allow": "--allow",
        "keep_coordinates": "--keep-coordinates",
        "zeros": "--zeros",
        "parts": "--parts",
        "secret": "--secret-file",
        "encoding": "--encoding",
        "header": "--header",
    },
    **{name: f"--{name}" for name in ("persons", "profile", "dedicated", "fixed", "previous", "jobs")},
    "layer": "its name (areas_layer = ... in a settings file; gridgis run)",
}
SETTING_OF = {
    **{"code": "areas_code", "name": "areas_name", "building_id": "buildings_id", "kind": "barriers_kind"},
    **{"households": "buildings_households", "x": "events_x", "y": "events_y", "crs": "crs (of events: events_crs)"},
    **{"source_crs": "source_crs", "layer": "areas_layer, buildings_layer, ...", "scan": "scan = false in [maps]"},
    **{"encoding": "areas_encoding, events_encoding, ...", "header": "areas_header, events_header, ..."},
}
"""What an argument of the library is called on the command line, and in a settings file."""

OTHER_WORDS = {
    r"; \w+=None where there are none": "",
    r"; reproject with to_crs": "; name a zone in metres, such as EPSG:4547",
    r"; read it with gridgis\.read_\*": "",
    r"; take them apart with explode": "",
    r", or cut them with split": "",
    r"; read both with the same crs=": "; name no CRS, then that of the grid before is taken",
    r"; use write_table for the columns": "",
    r"; tables of coordinates are read with read_points": "",
    r"\bfind_leaks: ": "",
}
"""Advice that only a Python program can follow."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after the program's name; those of the process if left out.

    Returns
    -------
    int
        The exit status.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    options = parser().parse_args(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("always", GridWarning)
        warnings.showwarning = _note
        try:
            return COMMANDS[options.command](options)
        except KeyboardInterrupt:
            tell("interrupted; every file is whole: either as it was, or as it should be.")
            return INTERRUPTED
        except (GridError, OSError, MemoryError) as error:
            return _report_error(error, SETTING_OF if options.command == "run" else OPTION_OF)


def _note(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Show our warnings as notes, and nobody else's."""
    if issubclass(category, GridWarning):
        print(f"note: {message}", file=sys.stderr)


def _report_error(error: Exception, words: dict[str, str]) -> int:
    """One sentence to the error stream; findings have a status of their own."""
    from gridgis.describe import many
    from gridgis.steps import CHECK_FAILED, CheckFailed

    if isinstance(error, CheckFailed):
        say_lines(error.failed[:MOST_FINDINGS])
        more = len(error.failed) - MOST_FINDINGS
        rest = f" (and {more:,} more)" if more > 0 else ""
        where = f"; all of them are in {CHECK_FAILED}" if words is SETTING_OF else ""
        tell(f"{many(len(error.failed), 'finding')}{rest}; the grid was not written{where}.")
        return RULE_FAILED
    if isinstance(error, OSError):
        error = GridError(f"{Path(str(error.filename or 'file')).name}: {error.strerror or error}.")
    column = getattr(error, "column", None)
    tell(f"error: {_in_words_of(str(error), words, column) or 'there is not enough memory.'}")
    return BAD_INPUT


def _in_words_of(sentence: str, words: dict[str, str], column: str | None = None) -> str:
    """Call an argument of the library by the name that the user knows; ``column`` stands first and is none.

    Examples
    --------
    >>> _in_words_of("areas.gpkg: no column 'x' (code=); there are 'id'.", OPTION_OF)
    "areas.gpkg: no column 'x' (--code); there are 'id'."
    >>> _in_words_of("if these are names of places, say scan=False.", OPTION_OF)
    'if these are names of places, say --no-scan.'
    """
    for pattern, other in OTHER_WORDS.items():
        sentence = re.sub(pattern, other, sentence)
    sentence = re.sub(r"\bscan=False\b", words["scan"], sentence)
    sentence = re.sub(r"\b([a-z_]+)=(?![=\w])", lambda match: words.get(match[1], match[0]), sentence)
    if column is not None:
        return sentence
    return re.sub(r"^([a-z_]+)(?=: )", lambda match: words.get(match[1], match[0]), sentence)


def _wishes(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """What is asked of a division, as the section ``[divide]`` of a settings file has it."""
    from gridgis.settings import division_faults

    said = {name: value for name in names if (value := getattr(options, name)) is not None}
    if len(said.get("cells", ())) == 1:
        said["cells"] = said["cells"][0]
    faults = division_faults(said, previous=bool(getattr(options, "previous", None)))
    if faults:
        raise GridError("; ".join(f"--{name}: {fault}" for name, fault in faults.items()) + ".")
    return said


def _scheme(options: argparse.Namespace) -> Any:
    """The scheme named on the command line, else the unit grid."""
    from gridgis.settings import read_toml, scheme_of

    if options.scheme is None:
        return scheme_of("unit grid")
    file = Path(options.scheme)
    if file.suffix.lower() != ".json":
        return scheme_of(read_toml(file, "a scheme of codes"))
    try:
        return scheme_of(json.loads(file.read_text(encoding="utf-8-sig")))
    except ValueError as error:
        if isinstance(error, GridError):
            raise
        raise GridError(f"{file.name}: expected a scheme of codes in JSON; {error}.") from None


def _demo(options: argparse.Namespace) -> int:
    """The bundled town, through the same pipeline as everybody's."""
    from gridgis.sample import town_files
    from gridgis.settings import make_settings

    inputs: dict[str, Any] = {name: str(path) for name, path in town_files().items()}
    inputs |= {"events_x": "lon", "events_y": "lat", "events_crs": "EPSG:4326", "buildings_id": "building_id"}
    inputs["areas_name"] = {"en": "name", "zh": "name_zh"}[options.lang]
    sections = {
        "inputs": inputs,
        "summarise": {"by": "category"},
        "publish": {"notes": DEMO_NOTES[options.lang]},
        "maps": {"lang": options.lang},
        "output": {"folder": str(Path(options.out).absolute())},
    }
    say("The bundled town: real buildings and streets (© OpenStreetMap contributors, ODbL 1.0);")
    say("its households, communities and events are modelled.")
    _go(make_settings(sections, Path()), dry_run=False, force=False)
    for folder, what in (("public", "what may be shown"), ("internal", "exact numbers and rows, for use inside")):
        there = sorted(file.name for file in (Path(options.out) / folder).iterdir() if file.is_file())
        say(f"{Path(options.out) / folder}: {what}: {', '.join(there)}.")
    public = Path(options.out) / "public"
    say(f"Open {public / 'coverage.html'} and {public / 'hotspots.html'} in a browser.")
    return DONE


def _run(options: argparse.Namespace) -> int:
    from gridgis.settings import example_settings, load_settings
    from gridgis.write import write_text

    if options.new:
        if Path(options.settings).exists():
            raise GridError(f"{Path(options.settings).name}: there is such a file already; it is left as it is.")
        write_text(example_settings(), options.settings)
        say(f"Wrote {options.settings}; name your files in it, then: gridgis run {options.settings}")
        return DONE
    _go(load_settings(options.settings), dry_run=options.dry_run, force=options.force)
    return DONE


def _go(settings: Any, *, dry_run: bool, force: bool) -> None:
    """Run, a line a step: what was made and why, and what came out."""
    from gridgis.pipeline import run

    for done in run(settings, dry_run=dry_run, force=force):
        say(f"{done.step:<8} {done.action} ({done.reason}){': ' if done.detail else ''}{done.detail}")


def _divide(options: argparse.Namespace) -> int:
    import gridgis as gg
    from gridgis import describe, steps
    from gridgis.settings import with_band

    named = {name: getattr(options, name) for name in DIVISION_FILES}
    files = {name: Path(file) for name, file in named.items() if file}
    out, scheme, page = output_file(options, *named.values()), _scheme(options), _page(options)
    wishes = with_band(_wishes(options, "households", "persons", "profile", "cells", "empty", "seed", "jobs"))
    tables = _division_tables(options, files, scheme, wishes)
    issued = steps.issued_codes(tables["previous"], files.get("previous"), scheme)
    grid = steps.coded_cells(tables, wishes, scheme, issued)
    report = steps.proof_of(grid, tables, wishes, scheme, issued)
    steps.require_rules(report, options.allow)
    noted = {name: value for name, value in wishes.items() if name != steps.SIDE_BY_SIDE}
    provenance = {
        "gridgis": VERSION,
        "inputs": {name: {"file": file.name, "sha256": steps.input_hash(file)} for name, file in files.items()},
        "settings": {**noted, "scheme": scheme.to_dict()},
        **steps.provenance_of(grid, issued),
    }
    gg.write_grid(grid, out, provenance=provenance)
    if page is not None:
        gg.divide_report(grid, **_asked_bands(wishes, grid)).save(page, lang=options.lang)
    say_lines(report)
    say(f"{describe.describe_grid(grid)}; {describe.describe_report(report, options.allow, steps.LISTED)}")
    for line in (*describe.describe_exceptions(grid), describe.describe_borders(grid)):
        if line:
            say(line)
    say(f"Wrote {options.out}{f' and {options.report}' if page else ''}")
    return DONE


def _asked_bands(wishes: dict[str, Any], grid: Any) -> dict[str, Any]:
    """The bands to report on; around the mean where only a number of cells was asked for."""
    from gridgis.divide.bands import about

    bands = {name: wishes[name] for name in ("households", "persons", "profile") if wishes.get(name) is not None}
    if not bands and wishes.get("cells"):
        low, high = about(grid["households"][grid["kind"] == "regular"].mean())
        bands["households"] = (max(low, 1), high)
    return bands


def _page(options: argparse.Namespace) -> Path | None:
    """Ask, before the long work, that the report can be written."""
    if options.report is None:
        return None
    page = Path(options.report)
    if page.suffix.lower() not in REPORTS:
        raise GridError(f"--report {page.name}: expected a file ending in {listed(REPORTS)}.")
    if (page.exists() and not page.is_file()) or not page.absolute().parent.is_dir():
        raise GridError(f"--report {options.report}: expected a file in a folder that is there.")
    if page.absolute() == Path(options.out).absolute():
        raise GridError("--report: expected another file than --out.")
    return page


def _division_tables(options: argparse.Namespace, files: dict[str, Path], scheme: Any, wishes: Any) -> dict[str, Any]:
    """Read all that a division is made from, in the CRS that is named, else of the grid before, else of the areas."""
    import gridgis as gg
    from gridgis.settings import HOUSEHOLDS, needs_households
    from gridgis.steps import require_parents

    tables: dict[str, Any] = dict.fromkeys(DIVISION_FILES)
    crs, column, text = options.crs, options.households_column, _text(options)
    if "previous" in files:
        tables["previous"] = gg.read_grid(files["previous"], **text)
        crs = crs or tables["previous"].crs
    place = {"source_crs": options.source_crs, **text}
    areas = tables["areas"] = gg.read_areas(files["areas"], code=options.code, crs=crs, **place)
    require_parents(areas, scheme)
    if column is None and needs_households(wishes):
        column = HOUSEHOLDS
    place["crs"] = areas.crs
    tables["buildings"] = gg.read_buildings(files["buildings"], households=column, **place)
    if "barriers" in files:
        tables["barriers"] = gg.read_barriers(files["barriers"], kind=options.kind, **place)
    for name in ("dedicated", "fixed"):
        if name in files:
            tables[name] = gg.read_zones(files[name], **place)
    return tables


def _text(options: argparse.Namespace) -> dict[str, Any]:
    """How text is read, for any reader."""
    return {"encoding": options.encoding, "header": options.header}


def _check(options: argparse.Namespace) -> int:
    import gridgis as gg
    from gridgis.describe import describe_findings, describe_report

    named = _named_columns(options)
    scheme = None if named and options.scheme is None else _scheme(options)
    band = _wishes(options, "households").get("households")
    grid = _cells(options.grid, _text(options))
    if options.areas and options.code not in (None, *grid.columns):
        raise GridError(
            f"--code {options.code}: the cells have no such column; that of the areas is named with --areas-code."
        )
    if named:
        named.setdefault("parent", "parent_code" if "parent_code" in grid.columns else None)
    areas, buildings = _proof_tables(options, grid)
    report = gg.check_grid(grid, **named, areas=areas, buildings=buildings, scheme=scheme, households=band)
    if options.json:
        say(json.dumps(report.to_dict(), ensure_ascii=False, indent=1))
    else:
        say_lines(report)
        say(describe_report(report, options.allow) + describe_findings(report))
        for rule, why in report.skipped.items():
            say(f"not run: {rule} ({why})")
    return RULE_FAILED if any(finding.rule not in options.allow for finding in report) else DONE


def _named_columns(options: argparse.Namespace) -> dict[str, Any]:
    """The columns that are named: then the layer is not asked to be a grid of the contract."""
    return {name: value for name in ("code", "parent") if (value := getattr(options, name)) is not None}


def _proof_tables(options: argparse.Namespace, grid: Any) -> tuple[Any, Any]:
    """The areas and buildings to prove a grid with, in its CRS; of a grid that has no metres, in that of the areas."""
    import gridgis as gg
    from gridgis.crs import is_metre

    if grid.crs is None:  # that is the finding, and nothing can be measured
        return None, None
    areas = buildings = None
    place = {"crs": grid.crs if is_metre(grid.crs) else None, "source_crs": options.source_crs, **_text(options)}
    if options.areas:
        areas = gg.read_areas(options.areas, code=options.areas_code, **place)
        place["crs"] = areas.crs
    if options.buildings:
        buildings = gg.read_buildings(options.buildings, households=None, **place)
    return areas, buildings


def _cells(path: str, text: dict[str, Any]) -> Any:
    """A grid as it stands, whatever is wrong with it; GeoJSON, which is always in degrees, in metres again."""
    import geopandas as gpd

    import gridgis as gg
    from gridgis.read.tidying import in_metres

    grid = gg.read_table(path, **text)
    if not isinstance(grid, gpd.GeoDataFrame):
        raise GridError(f"{Path(path).name}: expected cells with their polygons, got a table without geometry.")
    if Path(path).suffix.lower() in (".geojson", ".json") and grid.crs is not None and grid.crs.is_geographic:
        return in_metres(grid, grid.crs, None, Path(path).name)
    return grid


def _locate(options: argparse.Namespace) -> int:
    import gridgis as gg
    from gridgis.locate import split
    from gridgis.steps import write_located

    out = output_file(options, options.points, options.grid)
    if options.by == SPLIT and options.near_m is not None:
        raise GridError("--near-m: a part that lies outside stays there; leave it out with --by split.")
    grid, things = gg.read_grid(options.grid, **_text(options)), _things(options)
    if options.by == SPLIT:
        located = split(things, grid)
    else:
        located = gg.locate(things, grid, by=options.by, near_m=options.near_m)
    coordinates = (options.x, options.y)
    kept = {"keep": options.keep_coordinates, "columns": options.keep}
    say(write_located(located, out, coordinates=coordinates, **kept))
    say(f"Wrote {options.out}")
    return DONE


def _things(options: argparse.Namespace) -> Any:
    """Points; with ``--by`` whatever a file of geometry holds."""
    import geopandas as gpd

    import gridgis as gg
    from gridgis.read.tidying import declared_crs

    if options.by is None or options.x or options.y:
        return gg.read_points(options.points, x=options.x, y=options.y, crs=options.crs, **_text(options))
    things = gg.read_table(options.points, **_text(options))
    if not isinstance(things, gpd.GeoDataFrame):
        raise GridError(f"{Path(options.points).name}: expected geometry, got a table; name --x, --y and --crs.")
    return things.set_crs(declared_crs(things, options.points, options.crs, option="crs="), allow_override=True)


def _summarise(options: argparse.Namespace) -> int:
    import geopandas as gpd

    import gridgis as gg
    from gridgis.describe import describe_left_out
    from gridgis.persons import without_persons
    from gridgis.summarise import PARTS

    out = output_file(options, options.grid, options.located)
    located = gg.read_table(options.located, **_text(options))
    grid, persons = without_persons(gg.read_grid(options.grid, **_text(options)))
    table = gg.summarise(gpd.GeoDataFrame(grid), located, by=options.by)
    noted = {name: table.attrs[name] for name in (PARTS,) if name in table.attrs and out.suffix in GEODATA[:3]}
    gg.write_table(table, out, provenance=noted or None)
    counted = int(table["count"].sum())
    rest = f"{len(located) - counted:,} have no cell{describe_left_out(persons)}"
    say(f"{counted:,} of {len(located):,} rows counted in {len(table):,} cells; {rest}")
    say(f"Wrote {options.out}: exact counts, for use inside; gridgis map hides the small ones")
    return DONE


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "demo": _demo,
    "run": _run,
    "divide": _divide,
    "check": _check,
    "locate": _locate,
    "summarise": _summarise,
    "costs": publishing_commands.costs,
    "publish": publishing_commands.publish_table,
    "map": publishing_commands.draw_map,
    "atlas": publishing_commands.draw_atlas,
    "leaks": publishing_commands.leaks,
}
