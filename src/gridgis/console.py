"""What all commands share: exit statuses, lines for whoever reads, and the file that is to be written."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from gridgis.contract import GridError, listed
from gridgis.whole import require_plain_file

DONE, RULE_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def say(text: str) -> None:
    """Print a line; when nobody reads any more (``| head``), the work goes on in silence."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say_lines(lines: Iterable[object]) -> None:
    """Print something line by line, such as findings."""
    for line in lines:
        say(str(line))


def tell(text: str) -> None:
    """Print a line to the error stream."""
    print(f"gridgis: {text}", file=sys.stderr, flush=True)


def output_file(options: argparse.Namespace, *inputs: str | None) -> Path:
    """Ask, before the long work, that the output can be written and replaces no input.

    Raises
    ------
    GridError
        If it cannot.
    """
    out = Path(options.out)
    if out.suffix.lower() not in options.endings:
        came = out.suffix or "no ending"
        wanted = f"a file ending in {listed(options.endings, 12)}{', or --site' if hasattr(options, 'site') else ''}"
        raise GridError(f"--out {out.name}: expected {wanted}; got {came}.")
    try:
        require_plain_file(out)
    except GridError as error:
        raise GridError(f"--out {error}") from None
    if any(_same(out, Path(name)) for name in inputs if name):
        raise GridError(f"--out {out.name}: this is an input, and it would be replaced; name another file.")
    _require_writable(options.out)
    return out


def _same(out: Path, other: Path) -> bool:
    return out.absolute() == other.absolute() or (out.exists() and other.exists() and out.samefile(other))


def output_folder(options: argparse.Namespace) -> Path:
    """Ask, before the long work, that a page can be written as a folder.

    Raises
    ------
    GridError
        If it cannot.
    """
    out = Path(options.out)
    if out.suffix.lower() in options.endings:
        raise GridError(f"--out {out.name}: with --site expected the name of a folder, got a file {out.suffix}.")
    if out.exists() and not out.is_dir():
        raise GridError(f"--out {out.name}: expected a folder to write; there is a file of this name.")
    if out.is_dir() and any(out.iterdir()) and not (out / "index.html").is_file():
        raise GridError(f"--out {out.name}: the folder holds other files; name a new one.")
    if options.ledger and out.absolute() in Path(options.ledger).absolute().parents:
        raise GridError(f"--ledger {options.ledger}: it would lie in the folder of the page; name another place.")
    _require_writable(options.out)
    return out


def _require_writable(out: str) -> None:
    """Ask that the folder in which the output comes to stand may be written."""
    there = Path(out).absolute().parent
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise GridError(f"--out {out}: expected a file in a folder; {there.name} is a file.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise GridError(f"--out {out}: nothing may be written to the folder {there.name}; name another one.")
