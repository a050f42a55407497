"""What can be said on the command line, and its help."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from gridgis.check import RULES
from gridgis.divide.profiles import EMPTY, PROFILES
from gridgis.locate import WAYS

GEODATA, PLAIN = (".gpkg", ".parquet", ".geoparquet", ".fgb", ".geojson"), (".csv", ".xlsx")
SPLIT = "split"
"""What can be said besides `WAYS` about lines and polygons: they are cut along the cells."""

TILES = (".pmtiles",)
PAGES, IMAGES, ATLASES, REPORTS = (".html", ".htm"), (".png", ".svg", ".pdf"), (".pdf",), (".html", ".json")

EXIT_STATUS = "exit status: 0 done; 1 a rule failed (the findings are printed); 2 wrong usage or unreadable input"

START = f"""\
start with:
  gridgis demo                        the whole job on a bundled town, in gridgis-demo/
  gridgis run gridgis.toml --new      a commented settings file for your own data
  gridgis run gridgis.toml            the whole job on them; run it every night, only what changed is made

{EXIT_STATUS}
"""

SCHEME = f"""\
a scheme of your own, in a TOML file, fields from left to right, the last one numbers the cells of a parent:
  name = "beats"
  fields = [
      {{ name = "district", width = 2, charset = "letters" }},
      {{ name = "serial", width = 3, low = 1 }},
  ]

{EXIT_STATUS}
"""

COSTS = f"""\
numbers are those of the cells and of all sums over them; rates are not counted. What gridgis publish and map say
counts the numbers of one file: those of the cells, with rates.

{EXIT_STATUS}
"""

LEAKS = """\
what is found by itself: numbers, addresses and names of persons, and points of single things, in all layers of a file
(scripts, packed data, documents, archives, databases); beside a file that hides numbers, those numbers and the rows
they count, in any other file; with tables also their values. Nothing found is no proof: look at what you let out.

exit status: 0 nothing found; 1 something was found (it is printed, masked); 2 wrong usage or unreadable input
"""


class _Version(argparse.Action):
    """Print the versions; they are looked up only when they are asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from gridgis.versions import version_lines

        print(version_lines())
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """Give the parser of the command line; the name of the command comes as ``command``."""
    whole = argparse.ArgumentParser(
        prog="gridgis",
        description="Divide a jurisdiction into service cells, code them, locate events, draw maps that may be shown.",
        epilog=START,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action=_Version, nargs=0, help="name the versions, also of GEOS, PROJ, GDAL; exit")
    commands = whole.add_subparsers(
        title="commands (gridgis COMMAND -h says more)", dest="command", metavar="COMMAND", required=True
    )
    for add in (
        *(_add_demo, _add_run, _add_divide, _add_check, _add_locate, _add_summarise),
        *(_add_costs, _add_publish, _add_map, _add_atlas, _add_leaks),
    ):
        add(commands)
    return whole


def _add(commands: Any, name: str, summary: str, epilog: str = EXIT_STATUS) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def _add_demo(commands: Any) -> None:
    parser = _add(commands, "demo", "do the whole job on the bundled town")
    parser.add_argument("--out", default="gridgis-demo", metavar="FOLDER", help="of results (default: gridgis-demo)")
    parser.add_argument("--lang", choices=["en", "zh"], default="en", help="language of the maps (default: en)")


def _add_run(commands: Any) -> None:
    parser = _add(commands, "run", "do the whole job from one settings file; only what changed is made")
    parser.add_argument("settings", metavar="SETTINGS", help="a TOML file; names of files in it count from its folder")
    parser.add_argument("--dry-run", action="store_true", help="say what would be made and why, and make nothing")
    parser.add_argument("--force", action="store_true", help="make every step, also over files changed by hand")
    parser.add_argument("--new", action="store_true", help="write a commented settings file to start from, and stop")


def _add_divide(commands: Any) -> None:
    parser = _add(commands, "divide", "divide areas into cells of whole buildings and balanced households", SCHEME)
    parser.add_argument("areas", metavar="AREAS", help="file of the parents: polygons with a code as text")
    parser.add_argument("buildings", metavar="BUILDINGS", help="file of the footprints, with their households")
    parser.add_argument("--barriers", metavar="FILE", help="streets, rivers, railways that borders shall follow")
    _add_band(parser, "households of a cell, both ends in (default: 100 150)")
    _add_wishes(parser)
    _add_out(parser, GEODATA, "for the grid")
    parser.add_argument("--seed", type=int, default=0, help="start of the chance in the search (default: 0)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes side by side (default: 1)")
    place = "such as EPSG:4547 (default: that of the grid before, else the zone of the areas)"
    parser.add_argument("--crs", help=f"metre CRS to work in, {place}")
    _add_area_options(parser)
    _add_text_options(parser)
    column = "of the buildings (default: households, where they are needed)"
    parser.add_argument("--households-column", metavar="COLUMN", help=column)
    parser.add_argument("--kind", metavar="COLUMN", help="of the barriers' class (default: kind, or highway, ...)")


def _add_wishes(parser: argparse.ArgumentParser) -> None:
    """What else can be asked of a division."""
    add = parser.add_argument
    add("--persons", nargs=2, type=int, metavar=("LOW", "HIGH"), help="persons of a cell; with --households both hold")
    add("--profile", choices=list(PROFILES), help="instead of bands: what a good cell is in such a place")
    levels = "number of cells in all; or of each of several nested levels, the finest last, such as 7 25 68"
    add("--cells", nargs="+", type=int, metavar="N", help=levels)
    add("--dedicated", metavar="FILE", help="polygons that become cells of their own: a campus, a hospital")
    add("--fixed", metavar="FILE", help="cells drawn by hand that stay as they are")
    before = "the grid in force: as little as possible changes, and cells that go on keep their code"
    add("--previous", metavar="FILE", help=before)
    add("--report", metavar="FILE", help=f"write how good the division is, internal: {', '.join(REPORTS)}")
    add("--lang", choices=["en", "zh"], default="en", help="language of the report (default: en)")
    land = "wide empty land: joins a neighbouring cell (attach, the default), or is a cell of its own (own_cell)"
    add("--empty", choices=list(EMPTY), help=land)


def _add_check(commands: Any) -> None:
    parser = _add(commands, "check", "prove a grid: cover, nesting, whole buildings, codes, loads", SCHEME)
    parser.add_argument("grid", metavar="LAYER", help="file of the cells, or of any polygons that should not overlap")
    own = "of the codes (default: grid_code); with a name of your own no scheme is asked for, and any CRS will do"
    parser.add_argument("--code", metavar="COLUMN", help=own)
    parser.add_argument("--parent", metavar="COLUMN", help="of the parents' codes (default: parent_code)")
    parser.add_argument("--areas", metavar="FILE", help="the parents; without them nesting and gaps are not checked")
    parser.add_argument("--buildings", metavar="FILE", help="footprints; without them cut buildings are not checked")
    _add_band(parser, "the band that households must keep; without it loads are not checked")
    parser.add_argument("--json", action="store_true", help="print the report as JSON, and nothing else")
    _add_area_options(parser, "--areas-code")
    _add_text_options(parser)


def _add_locate(commands: Any) -> None:
    parser = _add(commands, "locate", "give every point its one cell, or the reason why it has none")
    what = "a table with coordinates, or a file of points; with --by also of lines and polygons"
    parser.add_argument("points", metavar="POINTS", help=what)
    parser.add_argument("grid", metavar="GRID", help="file of the cells")
    _add_out(parser, (*PLAIN, *GEODATA[:3]), "for the located rows, without columns of persons")
    parser.add_argument("--x", metavar="COLUMN", help="of longitude or easting; a table needs it")
    parser.add_argument("--y", metavar="COLUMN", help="of latitude or northing; a table needs it")
    parser.add_argument("--crs", help="CRS of these columns, such as EPSG:4326; a table needs it")
    parser.add_argument("--keep-coordinates", action="store_true", help="keep the columns of the coordinates")
    keep = "a column to let out though it is free text or looks like coordinates, never one of persons; may be repeated"
    parser.add_argument("--keep", action="append", default=[], metavar="COLUMN", help=keep)
    near = "what lies in no cell goes to the nearest one, up to so many metres away; column distance_m"
    parser.add_argument("--near-m", type=float, metavar="METRES", help=near)
    by = "how lines and polygons get their cell; split: a row for each part of one, with its share"
    parser.add_argument("--by", choices=[*WAYS, SPLIT], help=by)
    _add_text_options(parser)


def _add_summarise(commands: Any) -> None:
    parser = _add(commands, "summarise", "count located rows in each cell: an internal table of exact counts")
    parser.add_argument("grid", metavar="GRID", help="file of the cells")
    parser.add_argument("located", metavar="LOCATED", help="what gridgis locate wrote")
    _add_out(parser, (*GEODATA, *PLAIN), "for the table; gridgis map needs one of the first five")
    parser.add_argument("--by", metavar="COLUMN", help="a category of the rows; each value is counted apart, too")
    _add_text_options(parser)


def _add_publish(commands: Any) -> None:
    parser = _add(commands, "publish", "write the numbers of a table that may be shown: small counts are hidden")
    parser.add_argument("table", metavar="TABLE", help="what gridgis summarise wrote, or a grid with households")
    _add_out(parser, (*GEODATA, *PLAIN, *TILES), "for the numbers")
    _add_protection(parser)
    _add_release(parser, "table")


def _add_map(commands: Any) -> None:
    parser = _add(commands, "map", "draw a table as a map that may be shown: small counts are hidden")
    parser.add_argument("table", metavar="TABLE", help="what gridgis summarise wrote, or a grid with households")
    _add_out(parser, (*PAGES, *IMAGES), "for the map")
    site = "write --out as a folder with index.html, for hosts that allow no script within a page"
    parser.add_argument("--site", action="store_true", help=site)
    parser.add_argument("--kind", choices=["coverage", "hotspots"], default="coverage", help="default: coverage")
    parser.add_argument("--value", metavar="COLUMN", help="the measure of a map of hot spots (default: the rate)")
    _add_protection(parser)
    _add_release(parser, "map")
    _add_face(parser, "map")


def _add_atlas(commands: Any) -> None:
    parser = _add(commands, "atlas", "draw a table as one PDF with a page for each parent: small counts are hidden")
    parser.add_argument("table", metavar="TABLE", help="what gridgis summarise wrote, or a grid with households")
    _add_out(parser, ATLASES, "for the atlas")
    colour = "the measure that colours the cells (default: they have the colour of their parent)"
    parser.add_argument("--value", metavar="COLUMN", help=colour)
    _add_protection(parser)
    _add_release(parser, "atlas")
    _add_face(parser, "atlas")


def _add_costs(commands: Any) -> None:
    parser = _add(commands, "costs", "say what each way of protecting a table would cost; nothing is let out", COSTS)
    parser.add_argument("table", metavar="TABLE", help="what gridgis summarise wrote, or a grid with households")
    _add_out(parser, PLAIN, "for the same as a table", required=False)
    _add_protection(parser)


def _add_leaks(commands: Any) -> None:
    parser = _add(commands, "leaks", "read finished files as an attacker would, for what must not be in them", LEAKS)
    parser.add_argument("files", nargs="+", metavar="FILE", help="what shall be shown; of a folder all files in it")
    parser.add_argument("--persons", metavar="FILE", help="a table of persons: none of its values may be in the files")
    located = "a table of events: neither values of persons nor their places may be in the files"
    parser.add_argument("--located", metavar="FILE", help=located)
    table = (
        "the table with all numbers: those that are hidden when it is published with --measure, --hide-below, --level, "
        "--zeros and so on may not be in the files; say the same as to gridgis map (with --round-to it hides none)"
    )
    parser.add_argument("--published-from", metavar="TABLE", help=table)
    _add_protection(parser)
    _add_allow(parser)
    parser.add_argument("--json", action="store_true", help="print the findings as JSON, and nothing else")


def _add_allow(parser: argparse.ArgumentParser) -> None:
    """Texts that may stand in a file though they look like a leak."""
    parser.add_argument(
        *("--allow",),
        action="append",
        default=[],
        dest="allow_text",
        metavar="TEXT",
        help="a text that may stand in it though it looks like a number, address or name, exactly so; may be repeated",
    )


def _add_protection(parser: argparse.ArgumentParser) -> None:
    """What is let out, and what of it is protected; one meaning for every command that publishes."""
    parser.add_argument(
        "--hide-below", type=int, default=10, metavar="N", help="hide counts from 1 to N - 1 (default: 10)"
    )
    parser.add_argument(
        *("--measure",),
        action="append",
        metavar="COLUMN",
        help="a column to let out; may be repeated",
    )
    parser.add_argument(
        *("--level",),
        action="append",
        default=[],
        metavar="COLUMN",
        help="a level above the parents with totals: a column, or so many leading characters; may be repeated",
    )
    add = parser.add_argument
    zeros = "true zeros are shown (the default), or protected like small counts"
    add("--zeros", choices=["shown", "protected"], default="shown", help=zeros)
    parts = "a count and the columns that are its parts, none if it has none (default: what adds up); may be repeated"
    add("--parts", nargs="+", action="append", metavar=("COUNT", "COLUMN"), help=parts)
    alone = (
        "protect small counts also from whoever is alone in a cell (default: where households or persons are counted)"
    )
    add("--singletons", action=argparse.BooleanOptionalAction, help=alone)
    secret = "at least 16 random bytes that choose what is hidden among what costs nearly the same (default: none)"
    add("--secret-file", metavar="FILE", help=secret)


def _add_release(parser: argparse.ArgumentParser, what: str) -> None:
    """What else can be said of a release."""
    add = parser.add_argument
    add("--round-to", type=int, metavar="N", help="round all counts to multiples of N so that sums hold; hide none")
    add("--as-of", metavar="YYYY-MM-DD", help="the date of the numbers, such as 2026-06-30")
    add("--ledger", metavar="FILE", help=f"what was let out earlier: the {what} is checked together with it and added")
    _add_allow(parser)
    unread = "do not read it as an attacker would: for names of places that look like addresses, say, if you looked "
    add("--no-scan", action="store_true", help=f"{unread}at the findings yourself")


def _add_face(parser: argparse.ArgumentParser, what: str) -> None:
    """How the face of a map looks."""
    add = parser.add_argument
    add("--note", action="append", default=[], help=f"a line for the foot of the {what}; may be repeated")
    add("--title", help="the title (default: one is made)")
    add("--lang", choices=["en", "zh"], default="en", help=f"language of the {what} (default: en)")
    add("--internal", action="store_true", help=f"hide nothing, and say so on the {what}")


def _add_area_options(parser: argparse.ArgumentParser, code: str = "--code") -> None:
    """Options of everything that reads areas and knows rules."""
    parser.add_argument(code, default="code", metavar="COLUMN", help="of the areas' code (default: code)")
    parser.add_argument("--source-crs", metavar="CRS", help="of the files with polygons or lines that declare none")
    parser.add_argument("--scheme", metavar="FILE", help="layout of the codes, .toml or .json (default: unit grid)")
    parser.add_argument(
        *("--allow",),
        action="append",
        default=[],
        choices=list(RULES),
        metavar="RULE",
        help=f"a rule that may be broken; may be repeated ({', '.join(RULES)})",
    )


def _add_text_options(parser: argparse.ArgumentParser) -> None:
    """How text is read, where a file leaves it open; one meaning for every command that reads the user's files."""
    encoding = "of the texts where a file leaves it open or says it wrongly, such as gbk, big5, cp1252"
    parser.add_argument("--encoding", metavar="NAME", help=encoding)
    header = "the row with the names of the columns in CSV and XLSX, from 1 (default: found by the columns asked for)"
    parser.add_argument("--header", type=int, metavar="ROW", help=header)


def _add_band(parser: argparse.ArgumentParser, text: str, **default: Any) -> None:
    parser.add_argument("--households", nargs=2, type=int, metavar=("LOW", "HIGH"), help=text, **default)


def _add_out(parser: argparse.ArgumentParser, endings: Sequence[str], text: str, *, required: bool = True) -> None:
    parser.add_argument("--out", required=required, metavar="FILE", help=f"{text}: {', '.join(endings)}")
    parser.set_defaults(endings=endings)
