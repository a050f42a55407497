"""The commands around what may be shown: what protection costs, the map, the atlas, a look at finished files."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridgis.arguments import PAGES
from gridgis.console import BAD_INPUT, DONE, RULE_FAILED, output_file, output_folder, say, say_lines, tell
from gridgis.contract import GridError

if TYPE_CHECKING:
    from gridgis.contract import Grid
    from gridgis.leaks import Leak
    from gridgis.privacy import Published


def costs(options: argparse.Namespace) -> int:
    """Say what each way of protecting a table costs."""
    from gridgis.describe import describe_costs
    from gridgis.privacy import protection_costs
    from gridgis.write import write_table

    out = None if options.out is None else output_file(options, options.table)
    table = protection_costs(_table(options.table), **_protection(options))
    say_lines(describe_costs(table))
    if out is not None:
        write_table(table, out)
        say(f"Wrote {options.out}")
    return DONE


def draw_map(options: argparse.Namespace) -> int:
    """Publish a table and draw it: a page, a folder with a page, or an image."""
    from gridgis.images import coverage_image, hotspot_image
    from gridgis.pages import coverage_map, hotspot_map

    out = output_folder(options) if options.site else output_file(options, options.table, options.ledger)
    words = _words(options)
    if options.kind == "hotspots":
        words["value"] = options.value
    elif options.value:
        raise GridError("--value: it is the measure of a map of hot spots; say --kind hotspots, too.")
    shown, scan = _published(options), not options.no_scan
    page_of: Any = {"coverage": coverage_map, "hotspots": hotspot_map}[options.kind]
    image_of: Any = {"coverage": coverage_image, "hotspots": hotspot_image}[options.kind]
    if options.site:
        page_of(shown, **words).save_site(out, scan=scan)
    elif out.suffix.lower() in PAGES:
        page_of(shown, **words).save(out, scan=scan)
    else:
        image_of(shown, out, scan=scan, **words)
    return _wrote(options, shown, out / "index.html" if options.site else options.out)


def draw_atlas(options: argparse.Namespace) -> int:
    """Publish a table and draw it as an atlas."""
    from gridgis.images import atlas

    out = output_file(options, options.table, options.ledger)
    shown = _published(options)
    atlas(shown, out, value=options.value, scan=not options.no_scan, **_words(options))
    return _wrote(options, shown, options.out)


def _protection(options: argparse.Namespace) -> dict[str, Any]:
    """What is let out and what is protected, as `publish` and `protection_costs` take it."""
    if options.hide_below < 2:
        raise GridError(f"--hide-below: expected a whole number of 2 or more, got {options.hide_below}.")
    from gridgis.privacy import read_secret

    levels = [int(level) if level.isdecimal() else level for level in options.level]
    parts = None if options.parts is None else {names[0]: names[1:] for names in options.parts}
    secret = None if options.secret_file is None else read_secret(options.secret_file)
    what = {"measures": options.measure, "hide_below": options.hide_below, "levels": levels, "parts": parts}
    return {**what, "zeros": options.zeros, "singletons": options.singletons, "secret": secret}


def _table(path: str) -> Grid:
    """Read a table that is to be published: there is something in it, and what was noted of its parts."""
    from gridgis.read import read_grid
    from gridgis.summarise import PARTS
    from gridgis.write import read_provenance

    table = read_grid(path)
    noted = read_provenance(path).get(PARTS)
    if isinstance(noted, dict):
        table.attrs[PARTS] = noted
    if not len(table):
        raise GridError(f"{Path(path).name}: expected at least one cell, got a table without rows.")
    return table


def _words(options: argparse.Namespace) -> dict[str, Any]:
    return {"lang": options.lang, "title": options.title}


def _published(options: argparse.Namespace) -> Published:
    """Read the table of a command, and make it fit to be shown."""
    from gridgis.privacy import publish

    return publish(
        _table(options.table),
        round_to=options.round_to,
        ledger=options.ledger,
        as_of=options.as_of,
        notes=options.note,
        internal=options.internal,
        **_protection(options),
    )


def _wrote(options: argparse.Namespace, shown: Published, out: str | Path) -> int:
    from gridgis.describe import describe_published

    say(describe_published(shown))
    say(f"Wrote {out}")
    return DONE


def leaks(options: argparse.Namespace) -> int:
    """Read finished files, and say what is in them that must not be."""
    from gridgis.describe import many

    files, known = _all_files(options.files), _known(options)
    found: list[tuple[Path, Leak]] = []
    unread: list[tuple[Path, str]] = []
    for file in files:
        try:
            found += [(file, leak) for leak in _leaks_of(file, known)]
        except GridError as error:
            unread.append((file, str(error).removeprefix("find_leaks: ")))
    if options.json:
        say(json.dumps(_as_json(files, found, unread), ensure_ascii=False, indent=1))
    else:
        say_lines(f"{leak.kind} in {_way(file, leak)}: {leak.excerpt} ({leak.count:,})" for file, leak in found)
        read = len(files) - len(unread)
        if read:
            say(f"{many(len(found), 'finding') if found else 'nothing found'} in {many(read, 'file')}")
    for file, why in unread:
        tell(f"error: {file}: it was not read to its end, so that nothing can be said of it: {why}")
    return BAD_INPUT if unread else RULE_FAILED if found else DONE


def _all_files(named: Sequence[str]) -> list[Path]:
    """The files that are named, and those in folders that are named."""
    files: list[Path] = []
    for path in map(Path, named):
        inside = sorted(part for part in path.rglob("*") if part.is_file()) if path.is_dir() else [path]
        if not inside:
            raise GridError(f"{path.name}: expected files to read; there is none in this folder.")
        files += inside
    missing = [str(file) for file in files if not file.exists()]
    if missing:
        raise GridError(f"{missing[0]}: expected a file; there is nothing there.")
    return list(dict.fromkeys(files))


def _known(options: argparse.Namespace) -> dict[str, Any]:
    """The tables whose values must not be in the files, as `find_leaks` takes them."""
    from gridgis.privacy import publish
    from gridgis.read import read_table

    tables = {name: getattr(options, name) for name in ("persons", "located")}
    known: dict[str, Any] = {name: read_table(path) for name, path in tables.items() if path is not None}
    if options.published_from is not None:
        table = _table(options.published_from)
        known |= {"table": table, "published": publish(table, **_protection(options))}
    elif options.measure or options.level:
        raise GridError("--measure, --level: they say how a table was published; name it with --published-from, too.")
    return known


def _leaks_of(file: Path, known: dict[str, Any]) -> list[Leak]:
    """What is in a file; it comes from anywhere, so that whatever cannot be read is told as such.

    Raises
    ------
    GridError
        If it cannot be read to its end.
    """
    from gridgis.leaks import find_leaks

    try:
        return find_leaks(file, **known)
    except (GridError, MemoryError):
        raise
    except Exception as error:
        said = next(iter(str(error).splitlines()), "").rstrip(".")
        raise GridError(f"something in it is damaged ({said or type(error).__name__}).") from error


def _way(file: Path, leak: Leak) -> str:
    """The way to a leak, from the file as it was named."""
    return f"{file}{leak.where.removeprefix(file.name)}"


def _as_json(
    files: Sequence[Path], found: Sequence[tuple[Path, Leak]], unread: Sequence[tuple[Path, str]]
) -> dict[str, Any]:
    findings: Iterator[dict[str, Any]] = (
        {"file": str(file), "kind": leak.kind, "where": leak.where, "excerpt": leak.excerpt, "count": leak.count}
        for file, leak in found
    )
    return {
        "ok": not found and not unread,
        "files": [str(file) for file in files],
        "findings": list(findings),
        "unreadable": [{"file": str(file), "why": why} for file, why in unread],
    }
