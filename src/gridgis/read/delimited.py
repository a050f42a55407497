"""Tables as text: what separates the fields, where the names of the columns stand, which quotes do not close."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pandas as pd

from gridgis.contract import GridError, listed
from gridgis.read.notes import Report
from gridgis.read.texts import text_encoding

DELIMITED = {".csv": ",", ".tsv": "\t", ".txt": "\t"}

_SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫"
FORMULA_STARTS = f"{_SIGNS}\t\r\n"
"""A spreadsheet takes a cell that begins with one of these for a formula."""
_BLANKS = "[ \u00a0\u3000\u200b-\u200f\u2060\ufeff]*"
_NEXT = ";\t\r\n"
"""Where another cell begins for a spreadsheet whose separator is the semicolon, or that knows no quotes there."""
FORMULA = f"(^|[{_NEXT}])'*{_BLANKS}[{re.escape(FORMULA_STARTS)}]"
"""Text that may hold a formula; which does, `guarded` tells."""

_START = f"{_BLANKS}[{re.escape(FORMULA_STARTS)}]"
_WITHIN = f"{_BLANKS}[{re.escape(_SIGNS)}]"
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_GUARDED = re.compile(f"'+{_START}")
_TO_GUARD = re.compile(f"([{_NEXT}])(?='+{_WITHIN}|(?!{_BLANKS}{_NUMBER}(?:[{_NEXT}]|$)){_WITHIN})", re.ASCII)
_GUARDED_WITHIN = re.compile(f"([{_NEXT}])'(?='*{_WITHIN})")
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SAID = re.compile(r'^"?sep=(.)"?$')
_HEAD_LINES = 60
_HEADER_ROWS = 30
_LONGEST_FIELD = 1 << 30
_TAIL = 1 << 16


@dataclass(frozen=True)
class TextForm:
    """How a table is written as text.

    Attributes
    ----------
    encoding, delimiter : str
    skip : int
        Lines before the one with the names of the columns.
    """

    encoding: str
    delimiter: str
    skip: int = 0

    def options(self) -> dict[str, Any]:
        """What pandas reads such a table with, from the line of the names on."""
        text = {"dtype": str, "keep_default_na": False, "na_values": [""], "index_col": False}
        return {"sep": self.delimiter, **text}

    @contextmanager
    def opened(self, file: Path) -> Iterator[IO[str]]:
        """Open a file at the line of the names.

        Yields
        ------
        file
            Its text, line ends as they are.
        """
        with file.open(encoding=self.encoding, newline="") as text:
            for _ in range(self.skip):
                text.readline()
            yield text


def text_form(
    file: Path,
    report: Report,
    *,
    encoding: str | None = None,
    header: int | None = None,
    wanted: Collection[str] = (),
) -> TextForm:
    """Find out how a table is written.

    Parameters
    ----------
    file : path
    report : Report
        Takes notes.
    encoding : str, optional
        As the user says.
    header : int, optional
        The line of the names, from 1, as the user says.
    wanted : collection of str
        Columns that are asked for, by which the line of the names is known.

    Raises
    ------
    GridError
        If it cannot be told.
    """
    known, note = text_encoding(file, encoding)
    if note:
        report.note(note)
    with file.open(encoding=known, newline="") as text:
        lines = list(islice(text, max(_HEAD_LINES, header or 0)))
    usual = DELIMITED[file.suffix.lower()]
    said = _SAID.match(lines[0].rstrip("\r\n")) if lines else None
    first = 1 if said else 0
    if header is not None:
        first = require_header(header, file.name) - 1
        if first >= len(lines):
            raise GridError(f"{file.name}: header= {header}: there are only {len(lines)} lines.")
    delimiter = said[1] if said else _delimiter(lines[first:], usual, set(wanted))
    if delimiter != usual and not said:
        report.note(f"the fields are separated by {_SEPARATORS[delimiter]}")
    if header is None:
        first = _line_of_names(lines, first, delimiter, set(wanted), report)
    return TextForm(known, delimiter, first)


def require_header(header: object, what: str) -> int:
    """Ask for the number of a row, from 1.

    Raises
    ------
    GridError
        If it is anything else.
    """
    if not isinstance(header, int) or isinstance(header, bool) or header < 1:
        raise GridError(f"{what}: header= should be the number of the row with the names, from 1; got {header!r}.")
    return header


def _delimiter(lines: Sequence[str], usual: str, wanted: set[str]) -> str:
    """Tell what separates the fields: what is usual, unless another character does it better."""
    for other in dict.fromkeys((usual, *_SEPARATORS)) if len(wanted) > 1 else ():
        if any(wanted <= {cell.strip() for cell in row} for row in islice(_rows(lines, other), _HEADER_ROWS)):
            return other
    for other in dict.fromkeys((usual, *_SEPARATORS)):
        rows = [row for row in _rows(lines, other) if any(row)]
        widths = [len(row) for row in rows]
        if other == usual and widths[:1] != [1] and widths:
            return usual
        if widths and widths[0] > 1 and sum(width == widths[0] for width in widths) >= 0.9 * len(widths):
            return other
    return usual


def _rows(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    with _long_fields():
        try:
            yield from csv.reader(lines, delimiter=delimiter)
        except csv.Error:
            return


def _line_of_names(lines: Sequence[str], first: int, delimiter: str, wanted: set[str], report: Report) -> int:
    """Give the line of the names: the first one, unless another within the first rows holds all that is asked for."""
    if not wanted:
        return first
    with _long_fields():
        reader = csv.reader(lines[first:], delimiter=delimiter)
        before = first
        try:
            for number, row in enumerate(islice((row for row in reader), _HEADER_ROWS)):
                if any(row) and wanted <= set(row):
                    if number:
                        report.note(f"the names of the columns stand in line {before + 1}; what is above was left out")
                    return before if number else first
                before = first + reader.line_num
        except csv.Error:
            pass
    return first


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let a field be as long as an outline in words may be."""
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def read_delimited(file: Path, report: Report, form: TextForm) -> pd.DataFrame:
    """Read a table, every field as text.

    Raises
    ------
    GridError
        If a quotation mark is not closed.
    """
    require_closed_quotes(file, report, form)
    with warnings.catch_warnings(), form.opened(file) as text:
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame = pd.read_csv(text, low_memory=False, **form.options())  # in pieces, a long row may pass unseen
    _note_twice(file, report, form)
    _note_cut(file, report, form, frame.shape[1])
    return frame.rename(columns=unguarded).apply(_unguarded_column) if _has_guards(frame) else frame


def _note_twice(file: Path, report: Report, form: TextForm) -> None:
    with form.opened(file) as text:
        names = next(_rows(text, form.delimiter), [])
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        report.note(f"columns of one name, of which the later ones got a number: {listed(twice)}")


def _note_cut(file: Path, report: Report, form: TextForm, width: int) -> None:
    """Tell where a file ends within a row."""
    with file.open("rb") as raw:
        raw.seek(max(0, file.stat().st_size - _TAIL))
        tail = raw.read()
    last = tail.decode(form.encoding.removesuffix("-sig"), "ignore").split("\n")[-1]
    if last.strip() and '"' not in last and last.count(form.delimiter) < width - 1:
        report.note("the last row ends before its last column; the file may be cut off")


def require_closed_quotes(file: Path, report: Report, form: TextForm) -> None:
    """Ask that no quotation mark is opened and left open, as that swallows the rows that follow.

    Raises
    ------
    GridError
        If one is; the sentence names the line.
    """
    if not holds(file, '"'):
        return
    with form.opened(file) as text, _long_fields():
        reader, width, odd, long = csv.reader(text, delimiter=form.delimiter, strict=True), 0, [], []
        while True:
            start = reader.line_num + 1
            try:
                row = next(reader, None)
            except csv.Error as error:
                end = "end of data" in str(error)
                if reader.line_num > start or end:
                    inside = " (EOF inside string)" if end else ""
                    raise GridError(
                        f"{file.name}: the file cannot be read: a quotation mark in line {form.skip + start:,} is not "
                        f"closed there, so that it swallows what follows{inside}; take it out, or double it within a "
                        "field in quotes."
                    ) from error
                odd.append(form.skip + start)
                continue
            if row is None:
                break
            width = width or len(row)
            if reader.line_num > start and _swallows(row, form.delimiter, width):
                long.append(form.skip + start)
    report.add(odd, "lines with quotation marks within a field that are not doubled")
    report.add(long, "lines begin a field in quotes that looks like rows of the table; is a quotation mark missing")


def holds(file: Path, letter: str) -> bool:
    """Tell whether the bytes of a file hold an ASCII letter."""
    with file.open("rb") as raw:
        return any(letter.encode() in block for block in iter(lambda: raw.read(1 << 22), b""))


def _swallows(row: Sequence[str], delimiter: str, width: int) -> bool:
    """Tell whether a field of several lines looks as if it held rows of a table."""
    for cell in row if width > 2 else ():
        counts = [line.count(delimiter) for line in re.split(r"\r\n|\n|\r", cell)]
        ends = len(counts) > 1 and counts[0] >= 1 and counts[-1] >= width - 2
        if ends or any(count >= width - 1 for count in counts[1:-1]):
            return True
    return len(row) < width


def guarded(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula; `unguarded` takes it away.

    Also within a text, after what begins another cell where the semicolon separates them.

    Examples
    --------
    >>> guarded("=1+1"), guarded("-3.5"), guarded("'=1"), guarded("noise")
    ("'=1+1", '-3.5', "''=1", 'noise')
    >>> guarded("a;=1+1"), guarded("a; -3"), guarded("  =1")
    ("a;'=1+1", 'a; -3', "'  =1")
    """
    text = _TO_GUARD.sub(r"\1'", text)
    if text[:1] == "'":
        return f"'{text}" if _GUARDED.match(text) else text
    return f"'{text}" if re.match(_START, text) and not is_number(text.strip(" ")) else text


def is_number(text: str) -> bool:
    """Tell whether text is a plain number, which a spreadsheet takes for nothing else."""
    return re.fullmatch(_NUMBER, text, re.ASCII) is not None


def unguarded(text: Any) -> Any:
    """Take away the apostrophe of `guarded`.

    Examples
    --------
    >>> unguarded("'=1+1"), unguarded("'s-Hertogenbosch")
    ('=1+1', "'s-Hertogenbosch")
    """
    if not isinstance(text, str) or "'" not in text:
        return text
    return _GUARDED_WITHIN.sub(r"\1", text[1:] if _GUARDED.match(text) else text)


def _unguarded_column(values: pd.Series) -> pd.Series:
    return values.map(unguarded, na_action="ignore") if _is_guarded(values) else values


def _is_guarded(values: pd.Series) -> bool:
    return bool(values.str.contains("'", regex=False).any())


def _has_guards(frame: pd.DataFrame) -> bool:
    return any(name != unguarded(name) for name in frame.columns) or any(_is_guarded(frame[name]) for name in frame)
