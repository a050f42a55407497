"""The command line: parse, call, report. Exit status: 0 done, 1 a rule failed, 2 wrong usage or unreadable input."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gridgis._version import VERSION
from gridgis.check import RULES, GridError, GridWarning

DONE, RULE_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

DEMO_NOTES = {
    "en": [
        "Buildings and streets: © OpenStreetMap contributors, ODbL 1.0",
        "Households, communities and events are modelled, not real",
    ],
    "zh": ["建筑与道路：© OpenStreetMap 贡献者，ODbL 1.0", "户数、社区与事件均为模拟数据，并非真实"],
}


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
    options = _parser().parse_args(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("always", GridWarning)
        warnings.showwarning = _note
        try:
            command: Callable[[argparse.Namespace], int] = options.command
            return command(options)
        except KeyboardInterrupt:
            print("gridgis: interrupted; files that were not complete were not written.", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            sys.stderr.close()
            return DONE
        except (GridError, OSError, MemoryError) as error:
            return _report_error(error)


def _report_error(error: Exception) -> int:
    """One sentence to the error stream; findings have a status of their own."""
    from gridgis.pipeline import CheckFailed

    if isinstance(error, CheckFailed):
        for finding in error.failed:
            print(finding)
        print(f"gridgis: {len(error.failed)} findings; the grid was not written.", file=sys.stderr)
        return RULE_FAILED
    if isinstance(error, OSError):
        error = GridError(f"{Path(str(error.filename or 'file')).name}: {error.strerror or error}.")
    print(f"gridgis: error: {error or 'not enough memory'}", file=sys.stderr)
    return BAD_INPUT


def _note(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Show our warnings as notes, and nobody else's."""
    if issubclass(category, GridWarning):
        print(f"note: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    """Lay out the commands."""
    parser = argparse.ArgumentParser(
        prog="gridgis", description="Divide a jurisdiction into service cells, code them, locate events, draw maps."
    )
    parser.add_argument("--version", action="version", version=f"gridgis {VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (_add_demo, _add_run, _add_divide, _add_check, _add_locate, _add_summarise, _add_map):
        add(commands)
    return parser


def _add(commands: Any, name: str, command: Callable[[argparse.Namespace], int], summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary)
    parser.set_defaults(command=command)
    return parser


def _add_demo(commands: Any) -> None:
    parser = _add(commands, "demo", _demo, "Do the whole job on the bundled town: real buildings, modelled households.")
    parser.add_argument("--out", default="gridgis-demo", help="folder for the results (default: gridgis-demo)")
    parser.add_argument("--lang", choices=["en", "zh"], default="en", help="language of the maps")


def _add_run(commands: Any) -> None:
    parser = _add(commands, "run", _run, "Run the whole pipeline from one settings file; only what changed is made anew.")
    parser.add_argument("settings", help="the TOML file")
    parser.add_argument("--dry-run", action="store_true", help="say what would be made, and make nothing")
    parser.add_argument("--force", action="store_true", help="make every step, also over files changed by hand")
    parser.add_argument("--new", action="store_true", help="write a commented settings file to start from, and stop")


def _add_divide(commands: Any) -> None:
    parser = _add(commands, "divide", _divide, "Divide areas into cells with whole buildings and balanced households.")
    parser.add_argument("areas", help="polygons of the parents, with a text code")
    parser.add_argument("buildings", help="footprints with households")
    parser.add_argument("--barriers", help="streets, rivers, railways that borders shall follow")
    parser.add_argument("--households", nargs=2, type=int, default=[100, 150], metavar=("LOW", "HIGH"), help="the band")
    parser.add_argument("--out", required=True, help="the grid: .gpkg, .parquet, .fgb or .geojson")
    parser.add_argument("--seed", type=int, default=0, help="start of the chance in the search")
    parser.add_argument("--crs", help="metre CRS to work in (default: the zone of the areas)")
    parser.add_argument("--code", default="code", help="column of the areas' code (default: code)")
    parser.add_argument("--households-column", default="households", help="column of the buildings' households")
    parser.add_argument("--kind", help="column of the barriers' class")
    _add_scheme(parser)
    _add_allow(parser)


def _add_check(commands: Any) -> None:
    parser = _add(commands, "check", _check, "Prove a grid: cover, nesting, whole buildings, codes, loads.")
    parser.add_argument("grid")
    parser.add_argument("--areas", help="the parents, for nesting and gaps")
    parser.add_argument("--buildings", help="footprints, for cut buildings")
    parser.add_argument("--households", nargs=2, type=int, metavar=("LOW", "HIGH"), help="the band that loads must keep")
    parser.add_argument("--code", default="code", help="column of the areas' code (default: code)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    _add_scheme(parser)
    _add_allow(parser)


def _add_locate(commands: Any) -> None:
    parser = _add(commands, "locate", _locate, "Give every point its one cell, or the reason why it has none.")
    parser.add_argument("points", help="a table with coordinates, or a file of points")
    parser.add_argument("grid")
    parser.add_argument("--out", required=True, help="the located rows: .csv, .xlsx or .parquet")
    parser.add_argument("--x", help="column of longitude or easting")
    parser.add_argument("--y", help="column of latitude or northing")
    parser.add_argument("--crs", help="CRS of these columns, such as EPSG:4326")
    parser.add_argument("--keep-coordinates", action="store_true", help="keep the columns of the coordinates")


def _add_summarise(commands: Any) -> None:
    parser = _add(commands, "summarise", _summarise, "Count located rows per cell: an internal table of exact counts.")
    parser.add_argument("grid")
    parser.add_argument("located")
    parser.add_argument("--out", required=True, help="the table: .gpkg, .parquet, .fgb or .geojson")
    parser.add_argument("--by", help="a column of the rows; each value becomes a part of the count")


def _add_map(commands: Any) -> None:
    parser = _add(commands, "map", _map, "Draw a table as a map that may be shown: small counts are hidden.")
    parser.add_argument("table", help="what summarise wrote, or a grid")
    parser.add_argument("--out", required=True, help=".html, .png, .svg or .pdf")
    parser.add_argument("--kind", choices=["coverage", "hotspots"], default="coverage")
    parser.add_argument("--value", help="the measure of a map of hot spots")
    parser.add_argument("--hide-below", type=int, default=10, help="counts from 1 up to this are hidden (default: 10)")
    parser.add_argument("--note", action="append", default=[], help="a line for the foot of the map; may be repeated")
    parser.add_argument("--title")
    parser.add_argument("--lang", choices=["en", "zh"], default="en")
    parser.add_argument("--internal", action="store_true", help="hide nothing, and say so on the map")


def _add_scheme(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scheme", help="a .toml or .json file with the layout of the codes (default: unit grid)")


def _add_allow(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow", action="append", default=[], choices=list(RULES), metavar="RULE", help="a rule that may be broken"
    )


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
        "output": {"folder": str(Path(options.out).resolve())},
    }
    print("The bundled town: real buildings and streets (© OpenStreetMap contributors, ODbL 1.0);")
    print("its households, communities and events are modelled.")
    settings = make_settings(sections, Path())
    status = _go(settings, dry_run=False, force=False)
    if status == DONE:
        print(f"Results in {options.out}: grid.gpkg (layer grid), check.json, events_located.csv, cells.csv, coverage.png.")
        print(f"Open {Path(options.out) / 'coverage.html'} and {Path(options.out) / 'hotspots.html'} in a browser.")
    return status


def _run(options: argparse.Namespace) -> int:
    from gridgis.settings import example_settings, load_settings
    from gridgis.write import write_text

    if options.new:
        if Path(options.settings).exists():
            raise GridError(f"{Path(options.settings).name}: there is such a file already; it is left as it is.")
        write_text(example_settings(), options.settings)
        print(f"Wrote {options.settings}; name your files in it, then: gridgis run {options.settings}")
        return DONE
    return _go(load_settings(options.settings), dry_run=options.dry_run, force=options.force)


def _go(settings: Any, *, dry_run: bool, force: bool) -> int:
    """Run, a line a step."""
    from gridgis.pipeline import run

    for done in run(settings, dry_run=dry_run, force=force):
        tail = done.detail if done.action == "made" else done.reason
        print(f"{done.step:<8} {done.action}: {tail}", flush=True)
    return DONE


def _scheme(options: argparse.Namespace) -> Any:
    """The scheme named on the command line, else the unit grid."""
    import tomllib

    from gridgis.settings import scheme_of

    if options.scheme is None:
        return scheme_of("unit grid")
    file = Path(options.scheme)
    try:
        text = file.read_text(encoding="utf-8")
        values = json.loads(text) if file.suffix.lower() == ".json" else tomllib.loads(text)
    except (ValueError, OSError) as error:
        raise GridError(f"{file.name}: no code scheme can be read from it ({error}).") from None
    return scheme_of(values)


def _divide(options: argparse.Namespace) -> int:
    import gridgis as gg
    from gridgis.pipeline import describe_grid, describe_report, require_rules
    from gridgis.write import file_sha256

    scheme, band = _scheme(options), tuple(options.households)
    areas = gg.read_areas(options.areas, code=options.code, crs=options.crs)
    buildings = gg.read_buildings(options.buildings, households=options.households_column, crs=areas.crs)
    barriers = gg.read_barriers(options.barriers, kind=options.kind, crs=areas.crs) if options.barriers else None
    cells = gg.divide(areas, buildings, barriers, households=band, seed=options.seed)
    grid = gg.assign_codes(cells, scheme)
    report = gg.check_grid(grid, areas=areas, buildings=buildings, scheme=scheme, households=band)
    require_rules(report, options.allow)
    named = [("areas", options.areas), ("buildings", options.buildings), ("barriers", options.barriers)]
    provenance = {
        "gridgis": VERSION,
        "inputs": {name: {"file": Path(file).name, "sha256": file_sha256(file)} for name, file in named if file},
        "settings": {"households": list(band), "seed": options.seed, "scheme": scheme.to_dict()},
    }
    gg.write_grid(grid, options.out, provenance=provenance)
    print(f"{describe_grid(grid)}; {describe_report(report)}")
    print(f"Wrote {options.out}")
    return DONE


def _check(options: argparse.Namespace) -> int:
    import gridgis as gg
    from gridgis.pipeline import describe_report

    scheme = _scheme(options)
    grid = gg.read_table(options.grid)
    areas = gg.read_areas(options.areas, code=options.code, crs=grid.crs) if options.areas else None
    buildings = None
    if options.buildings:
        buildings = gg.read_buildings(options.buildings, households=None, crs=grid.crs)
    band = tuple(options.households) if options.households else None
    report = gg.check_grid(grid, areas=areas, buildings=buildings, scheme=scheme, households=band)
    if options.json:
        print(json.dumps(report.to_dict(), ensure_ascii=False, indent=1))
    else:
        for finding in report:
            print(finding)
        print(describe_report(report))
        for rule, why in report.skipped.items():
            print(f"not run: {rule} ({why})")
    return RULE_FAILED if any(finding.rule not in options.allow for finding in report) else DONE


def _locate(options: argparse.Namespace) -> int:
    import gridgis as gg
    from gridgis.pipeline import write_located

    grid = gg.read_grid(options.grid)
    located = gg.locate(gg.read_points(options.points, x=options.x, y=options.y, crs=options.crs), grid)
    coordinates = (options.x, options.y)
    print(write_located(located, Path(options.out), coordinates=coordinates, keep=options.keep_coordinates))
    print(f"Wrote {options.out}")
    return DONE


def _summarise(options: argparse.Namespace) -> int:
    import gridgis as gg

    located = gg.read_table(options.located)
    table = gg.summarise(gg.read_grid(options.grid), located, by=options.by)
    gg.write_table(table, options.out)
    counted = int(table["count"].sum())
    print(f"{counted:,} of {len(located):,} rows counted in {len(table):,} cells; {len(located) - counted:,} have no cell")
    print(f"Wrote {options.out}: exact counts, for use inside; gridgis map hides the small ones")
    return DONE


def _map(options: argparse.Namespace) -> int:
    import gridgis as gg
    from gridgis.pipeline import describe_published

    table = gg.read_table(options.table)
    shown = gg.publish(table, hide_below=options.hide_below, notes=options.note, internal=options.internal)
    page = Path(options.out).suffix.lower() in (".html", ".htm")
    words = {"lang": options.lang, "title": options.title}
    if options.kind == "coverage":
        _ = gg.coverage_map(shown, **words).save(options.out) if page else gg.coverage_image(shown, options.out, **words)
    else:
        words["value"] = options.value
        _ = gg.hotspot_map(shown, **words).save(options.out) if page else gg.hotspot_image(shown, options.out, **words)
    print(describe_published(shown))
    print(f"Wrote {options.out}")
    return DONE
