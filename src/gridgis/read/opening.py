"""Open a file of a known format as a table: the right layer, texts decoded, no row lost."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Collection, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from gridgis.contract import GridError, listed, text_column
from gridgis.read.delimited import DELIMITED, read_delimited, require_header, text_form
from gridgis.read.drivers import DRIVERS, OSM
from gridgis.read.layers import open_layer, with_whole_numbers
from gridgis.read.notes import Report, one_sentence
from gridgis.read.shapes_in_text import with_shapes
from gridgis.read.texts import require_encoding
from gridgis.read.unpacking import ARCHIVES, apart, unpacked

GEODATA = tuple(DRIVERS)
PARQUET = (".parquet", ".geoparquet")
EXCEL = (".xlsx", ".xlsm")
LAYERED = (*GEODATA, *EXCEL, *ARCHIVES)
FORMATS = (*GEODATA, *PARQUET, *DELIMITED, *EXCEL, *ARCHIVES)
"""The endings of files that can be read."""

Source = str | os.PathLike[str] | pd.DataFrame
"""What is read: a file, or a table that is there already."""

__all__ = [
    "FORMATS",
    "OSM",
    "PARQUET",
    "Report",
    "Source",
    "has_geometry",
    "one_sentence",
    "open_features",
    "open_table",
]

_EXCEL_DIGITS = 10**15
_HEADER_ROWS = 30
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:(?!\\)|/vsi[a-z0-9_]+/")
_CONTROL = re.compile(r"_x([0-9A-Fa-f]{4})_")


def open_table(
    path: Source,
    report: Report,
    *,
    layer: str | None = None,
    prefer: Sequence[str] = (),
    encoding: str | None = None,
    header: int | None = None,
    wanted: Collection[str | None] = (),
    **options: Any,
) -> pd.DataFrame:
    """Read a file as it stands, or take a table that is there already in the same way.

    Parameters
    ----------
    path : path, DataFrame or GeoDataFrame
        A file of one of `FORMATS`, or a table.
    report : Report
        Takes notes.
    layer : str, optional
        Layer of the file (sheet of a workbook, file in an archive).
    prefer : sequence of str
        Names of layers to take when ``layer`` is not given and the file has several.
    encoding : str, optional
        Of the text, where the format leaves it open: CSV, Shapefile, MapInfo.
    header : int, optional
        The row of a CSV file or a sheet in which the names of the columns stand, from 1.
    wanted : collection of str
        Columns that are asked for, by which the row of the names is known.
    **options
        For pyogrio, as ``where``.

    Returns
    -------
    GeoDataFrame with an active column ``geometry``, or DataFrame where the file has no geometry; index 0, 1, 2, ...

    Raises
    ------
    GridError
        If there is no such file or layer, or it cannot be read.
    """
    if isinstance(path, pd.DataFrame):
        return _given(path, report)
    if encoding is not None:
        require_encoding(encoding, report.name)
    if header is not None:
        require_header(header, report.name)
    file = require_file(path)
    suffix = file.suffix.lower()
    if layer is not None and suffix not in LAYERED:
        raise GridError(f"{file.name}: a {suffix} file has no layers; leave layer= out.")
    asked = {name for name in wanted if name is not None}
    with one_sentence(file):
        if suffix in ARCHIVES:
            text: dict[str, Any] = {"encoding": encoding, "header": header, "wanted": wanted}
            return _open_archive(file, report, layer, {**text, "prefer": prefer, **options})
        if suffix == ".gml":
            with apart(file) as copy:
                return open_layer(copy, report, layer, prefer, encoding, options)
        if suffix in GEODATA:
            return open_layer(file, report, layer, prefer, encoding, options)
        if suffix in PARQUET:
            return _open_parquet(file)
        if suffix in DELIMITED:
            form = text_form(file, report, encoding=encoding, header=header, wanted=asked)
            return read_delimited(file, report, form)
        return _open_excel(file, report, layer, header, asked)


def _open_archive(file: Path, report: Report, layer: str | None, options: dict[str, Any]) -> pd.DataFrame:
    """Read the one table in an archive.

    Raises
    ------
    GridError
        If there is none, or it cannot be read.
    """
    with unpacked(file, layer) as (inner, rest):
        try:
            return open_table(inner, report, layer=rest, **options)
        except GridError as error:
            raise error if str(error).startswith(f"{file.name}: ") else GridError(f"{file.name}: {error}") from error


def require_file(path: str | os.PathLike[str], known: Sequence[str] = FORMATS) -> Path:
    """Ask for a file on this machine with one of the endings that are known.

    Raises
    ------
    GridError
        If it is an address, is not there, or ends otherwise.
    """
    said, file = os.fspath(path), Path(path)
    suffix = file.suffix.lower()
    folder = suffix == ".gdb" and file.is_dir()
    if not folder and not file.is_file():
        if _ADDRESS.match(str(said)):
            raise GridError(
                f"{file.name}: expected a file on this machine; addresses are not opened, download it first."
            )
        raise GridError(f"{file.name}: expected a file; there is {'a folder' if file.is_dir() else 'nothing'} there.")
    if suffix not in known or (suffix == ".gdb" and not folder):
        hint = "; save it as .xlsx" if suffix == ".xls" else ""
        raise GridError(
            f"{file.name}: expected one of the formats {listed(known, 40)}; got {suffix or 'no extension'}{hint}."
        )
    return file


def has_geometry(frame: pd.DataFrame) -> bool:
    """Tell whether a table came with geometry."""
    return isinstance(frame, gpd.GeoDataFrame)


def open_features(
    path: Source,
    report: Report,
    *,
    layer: str | None = None,
    prefer: Sequence[str] = (),
    encoding: str | None = None,
    header: int | None = None,
    wanted: Collection[str | None] = (),
    **options: Any,
) -> gpd.GeoDataFrame:
    """Read a file that must have geometry, be it in a column of WKT or WKB; else as `open_table`."""
    text: dict[str, Any] = {"encoding": encoding, "header": header, "wanted": wanted}
    frame = open_table(path, report, layer=layer, prefer=prefer, **text, **options)
    if not has_geometry(frame):
        frame = with_shapes(frame, report.name)
    if not has_geometry(frame):
        raise GridError(
            f"{report.name}: expected geometry, got a plain table with the columns {listed(frame.columns, 12)}; "
            "tables of coordinates are read with read_points."
        )
    return gpd.GeoDataFrame(frame)


def _given(table: pd.DataFrame, report: Report) -> pd.DataFrame:
    """Take a table that is there already as if it came from a file.

    Raises
    ------
    GridError
        If two of its columns have one name.
    """
    frame = table.copy()
    active = frame.active_geometry_name if isinstance(frame, gpd.GeoDataFrame) else None
    if active is None:
        frame = pd.DataFrame(frame)
    names = [str(name) for name in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise GridError(f"{report.name}: expected each column once; more than once: {listed(twice)}.")
    frame.columns = pd.Index(names)
    if active is not None:
        frame = gpd.GeoDataFrame(frame, geometry=str(active))
        frame = _with_plain_name(frame, report.name)
    named = frame.index.name is not None and str(frame.index.name) not in frame.columns
    frame = frame.reset_index(drop=not named)
    categories = frame.select_dtypes("category").columns
    return frame.astype(dict.fromkeys(categories, object)) if len(categories) else frame


def _with_plain_name(frame: gpd.GeoDataFrame, what: str) -> gpd.GeoDataFrame:
    if frame.geometry.name == "geometry":
        return frame
    if "geometry" in frame.columns:
        raise GridError(f"{what}: the column geometry is not the active geometry; rename one of them.")
    return frame.rename_geometry("geometry")


def _open_parquet(file: Path) -> pd.DataFrame:
    schema = pyarrow.parquet.read_schema(file)
    if b"geo" not in (schema.metadata or {}):
        frame = pd.read_parquet(file)
    else:
        frame = _with_plain_name(gpd.read_parquet(file), file.name)
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.StringDtype):
            pa.array(frame[name].array).validate(full=True)  # else bytes that are no text come out later
    named = frame.index.name is not None and frame.index.name not in frame.columns
    frame = frame.reset_index(drop=not named)
    gaps = {
        field.name: field.name
        for field in schema
        if (pa.types.is_integer(field.type) or pa.types.is_boolean(field.type))
        and field.name in frame.columns
        and frame[field.name].dtype.kind in "fO"
    }
    return with_whole_numbers(frame, gaps, lambda: pyarrow.parquet.read_table(file, columns=list(gaps)))


def _open_excel(file: Path, report: Report, sheet: str | None, header: int | None, wanted: set[str]) -> pd.DataFrame:
    """Read a sheet, every cell as the text that it stands for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # openpyxl, on styles and validation lists
        with pd.ExcelFile(file, engine="openpyxl") as book:
            if sheet is not None and sheet not in book.sheet_names:
                raise GridError(f"{file.name}: no sheet {sheet!r}; there are {listed(book.sheet_names, 12)}.")
            name = book.sheet_names[0] if sheet is None else sheet
            raw = pd.read_excel(book, sheet_name=name, dtype=object, header=None, keep_default_na=False, na_values=[""])
    if raw.empty:
        return pd.DataFrame()
    row = _row_of_names(raw, file, report, header, wanted)
    names = _distinct([_cell(value) for value in raw.iloc[row]], report)
    body = raw.iloc[row + 1 :].reset_index(drop=True)
    rounded = [
        f"{name} row {place}"
        for name, column in zip(names, body, strict=True)
        for place, value in enumerate(body[column])
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= _EXCEL_DIGITS
    ]
    report.add(rounded, "numbers of more than 15 digits, whose last digits the workbook has lost")
    cells = {name: [_cell(value) for value in body[column]] for name, column in zip(names, body, strict=True)}
    return pd.DataFrame({name: text_column(column) for name, column in cells.items()})


def _row_of_names(raw: pd.DataFrame, file: Path, report: Report, header: int | None, wanted: set[str]) -> int:
    """Give the row of a sheet in which the names stand, from 0."""
    if header is not None:
        if header > len(raw):
            raise GridError(f"{file.name}: header= {header}: there are only {len(raw)} rows.")
        return header - 1
    there = [row for row in range(min(len(raw), _HEADER_ROWS)) if raw.iloc[row].notna().any()]
    first = there[0] if there else 0
    for row in there if wanted else ():
        if wanted <= {_cell(value) for value in raw.iloc[row]}:
            if row != first:
                report.note(f"the names of the columns stand in row {row + 1}; what is above was left out")
            return row
    return first


def _distinct(names: Sequence[str | None], report: Report) -> list[str]:
    """Name the columns as pandas does: those without a name by their place, of equal ones the later by a number."""
    found: list[str] = []
    for place, name in enumerate(names):
        plain, number = f"Unnamed: {place}" if name is None else name, 0
        base = plain
        while plain in found:
            number += 1
            plain = f"{base}.{number}"
        found.append(plain)
    twice = sorted({name for name in names if name and names.count(name) > 1})
    report.add(twice, "names of columns stand more than once; the later got a number")
    return found


def _cell(value: Any) -> str | None:
    """Write a cell as text: whole numbers without '.0', dates in ISO form."""
    if value is None or pd.isna(value):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXCEL_DIGITS:
        return str(int(value))
    if isinstance(value, date | time):
        return value.isoformat()
    return _CONTROL.sub(_control, value) if isinstance(value, str) else str(value)


def _control(found: re.Match[str]) -> str:
    """Give the control character for which a workbook writes its number."""
    number = int(found[1], 16)
    return chr(number) if number < 32 or number == 95 else found[0]
