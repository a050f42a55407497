"""Open a file of a known format as a table: the right layer, texts decoded, no row lost."""

from __future__ import annotations

import codecs
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, time
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import geopandas as gpd
import pandas as pd
import pyarrow.parquet
import pyogrio
from shapely.errors import ShapelyError

from gridgis.contract import GridError, GridWarning, listed, text_column

OSM = (".pbf", ".osm")
GEODATA = (".gpkg", ".shp", ".geojson", ".json", ".fgb", *OSM)
PARQUET = (".parquet", ".geoparquet")
DELIMITED = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
EXCEL = (".xlsx", ".xlsm")

_CHINESE = {"936", "ansi 936", "oem 936", "cp936", "gbk", "gb2312", "gb18030"}
_EXCEL_DIGITS = 10**15


class Report:
    """What one read mended or left out; told to the user in one warning.

    Parameters
    ----------
    path : path
        The file that is read; its name begins the sentence.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.name = Path(path).name
        self.notes: list[str] = []

    def add(self, rows: Sequence[object], what: str) -> None:
        """Note rows, if there are any, with the first five names."""
        if len(rows):
            self.notes.append(f"{len(rows)} {what} ({listed(rows)})")

    def note(self, text: str) -> None:
        """Note something about the file as a whole."""
        self.notes.append(text)

    def tell(self) -> None:
        """Warn, pointing at the line that called the reader."""
        if self.notes:
            warnings.warn(GridWarning(f"{self.name}: {'; '.join(self.notes)}."), stacklevel=3)


def open_table(
    path: str | os.PathLike[str],
    report: Report,
    *,
    layer: str | None = None,
    prefer: Sequence[str] = (),
    **options: Any,
) -> pd.DataFrame:
    """Read a file as it stands.

    Parameters
    ----------
    path : path
        GeoPackage, Shapefile, GeoJSON, FlatGeobuf, OSM (.pbf, .osm), (Geo)Parquet, CSV, TSV or XLSX.
    report : Report
        Takes notes.
    layer : str, optional
        Layer of the file (sheet of a workbook).
    prefer : sequence of str
        Names of layers to take when ``layer`` is not given and the file has several.
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
    file = Path(path)
    suffix = file.suffix.lower()
    if not file.is_file():
        raise GridError(f"{file.name}: expected a file; there is {'a folder' if file.is_dir() else 'nothing'} there.")
    if layer is not None and suffix not in (*GEODATA, *EXCEL):
        raise GridError(f"{file.name}: a {suffix} file has no layers; leave layer= out.")
    with one_sentence(file):
        if suffix in GEODATA:
            frame = _open_geodata(file, report, layer, prefer, options)
        elif suffix in PARQUET:
            frame = _open_parquet(file)
        elif suffix in DELIMITED:
            frame = _open_delimited(file, report)
        elif suffix in EXCEL:
            frame = _open_excel(file, report, layer)
        else:
            known = listed([*GEODATA, *PARQUET, *DELIMITED, *EXCEL], 20)
            raise GridError(f"{file.name}: expected one of the formats {known}; got {suffix or 'no extension'}.")
    return frame


def has_geometry(frame: pd.DataFrame) -> bool:
    """Tell whether a table came with geometry."""
    return isinstance(frame, gpd.GeoDataFrame)


def open_features(
    path: str | os.PathLike[str],
    report: Report,
    *,
    layer: str | None = None,
    prefer: Sequence[str] = (),
    **options: Any,
) -> gpd.GeoDataFrame:
    """Read a file that must have geometry; else as `open_table`."""
    frame = open_table(path, report, layer=layer, prefer=prefer, **options)
    if not has_geometry(frame):
        raise GridError(
            f"{report.name}: expected geometry, got a plain table with the columns {listed(frame.columns, 12)}; "
            "tables of coordinates are read with read_points."
        )
    return frame


@contextmanager
def one_sentence(file: Path) -> Iterator[None]:
    """Turn whatever a driver raises into a `GridError`.

    Raises
    ------
    GridError
        In place of anything that a driver or the system raises.
    """
    try:
        yield
    except GridError:
        raise
    except pd.errors.ParserWarning as error:
        raise GridError(f"{file.name}: expected as many fields in each row as the first row has; got more.") from error
    except (RuntimeError, ValueError, OSError, KeyError, BadZipFile, ShapelyError) as error:
        lines = str(error).replace(str(file), file.name).splitlines() or [type(error).__name__]
        raise GridError(f"{file.name}: the file cannot be read: {lines[0].rstrip('.')}.") from error


def _open_geodata(
    file: Path, report: Report, layer: str | None, prefer: Sequence[str], options: dict[str, Any]
) -> pd.DataFrame:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        options = {"layer": layer_of(file, layer, prefer), "on_invalid": "ignore", **options}
        if file.suffix.lower() == ".shp":
            frame = _open_shapefile(file, report, options)
        else:
            frame = pyogrio.read_dataframe(file, **options)
    said = list(dict.fromkeys(str(warning.message).split(".")[0].strip() for warning in heard))
    if said:
        report.note(f"GDAL says: {', '.join(said[:3])}")
    return frame


def layer_of(file: Path, layer: str | None, prefer: Sequence[str]) -> str:
    """Choose a layer: the one named, a preferred one, or the only one.

    Raises
    ------
    GridError
        If there is none of that name, or several and none is named.
    """
    layers = [(str(name), kind) for name, kind in pyogrio.list_layers(file)]
    names = [name for name, _ in layers]
    if layer is not None:
        if layer not in names:
            raise GridError(f"{file.name}: no layer {layer!r}; there are {listed(names, 12) or 'none'}.")
        return layer
    for name in prefer:
        if name in names:
            return name
    spatial = [name for name, kind in layers if kind is not None]
    choice = spatial or names
    if len(choice) != 1:
        raise GridError(f"{file.name}: expected one layer, got {listed(choice, 12) or 'none'}; name one with layer=.")
    return choice[0]


def _open_shapefile(file: Path, report: Report, options: dict[str, Any]) -> pd.DataFrame:
    """Honour the .cpg; where there is none, or it is wrong, look at the bytes."""
    companions = {path.suffix.lower(): path for path in file.parent.glob(f"{_escaped(file.stem)}.*")}
    declared = companions[".cpg"].read_text("ascii", "replace").strip().lower() if ".cpg" in companions else ""
    encoding = "gb18030" if declared in _CHINESE else declared
    try:
        codecs.lookup(encoding)
        return pyogrio.read_dataframe(file, encoding=encoding, **options)
    except (LookupError, UnicodeDecodeError):
        encoding = _dbf_encoding(companions[".dbf"]) if ".dbf" in companions else "utf-8"
    if declared or encoding != "utf-8":
        why = f"the .cpg says {declared}" if declared else "there is no .cpg"
        report.note(f"{why}, the texts were read as {encoding}")
    return pyogrio.read_dataframe(file, encoding=encoding, **options)


def _escaped(stem: str) -> str:
    return "".join(f"[{letter}]" if letter in "[]*?" else letter for letter in stem)


def _dbf_encoding(file: Path) -> str:
    """Tell UTF-8 from GB18030: most of the records with other than ASCII decode in one of them only."""
    content = file.read_bytes()
    first, width = int.from_bytes(content[8:10], "little"), int.from_bytes(content[10:12], "little")
    pieces = [content[start : start + 11] for start in range(32, first, 32)]
    pieces += [content[start : start + width] for start in range(first, len(content), max(width, 1))]
    pieces = [piece for piece in pieces if not piece.isascii()]
    good = sum(_decodes(piece) for piece in pieces)
    return "utf-8" if 2 * good >= len(pieces) else "gb18030"


def _decodes(piece: bytes) -> bool:
    try:
        piece.rstrip(b"\0").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _open_parquet(file: Path) -> pd.DataFrame:
    metadata = pyarrow.parquet.read_schema(file).metadata or {}
    if b"geo" not in metadata:
        frame = pd.read_parquet(file)
    else:
        frame = gpd.read_parquet(file)
        if frame.geometry.name != "geometry":
            if "geometry" in frame.columns:
                raise GridError(f"{file.name}: the column geometry is not the active geometry; rename one of them.")
            frame = frame.rename_geometry("geometry")
    named = frame.index.name is not None and frame.index.name not in frame.columns
    return frame.reset_index(drop=not named)


def _open_delimited(file: Path, report: Report) -> pd.DataFrame:
    encoding = text_encoding(file)
    if encoding not in ("utf-8-sig", "utf-16"):
        report.note(f"the text is not UTF-8, it was read as {encoding}")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            file,
            sep=DELIMITED[file.suffix.lower()],
            dtype=str,
            encoding=encoding,
            keep_default_na=False,
            na_values=[""],
            low_memory=False,  # in pieces, a row with too many fields may pass unseen
            index_col=False,
        )


def text_encoding(file: Path) -> str:
    """Tell how a file of text is written: UTF-16, UTF-8 or GB18030.

    Raises
    ------
    GridError
        If it is none of them.
    """
    with file.open("rb") as start:
        if start.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            with file.open(encoding=encoding) as text:
                while text.read(1 << 20):
                    pass
        except UnicodeDecodeError:
            continue
        return encoding
    raise GridError(f"{file.name}: expected text in UTF-8 or GB18030, got neither; save it as UTF-8.")


def _open_excel(file: Path, report: Report, sheet: str | None) -> pd.DataFrame:
    """Read a sheet, every cell as the text that it stands for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # openpyxl, on styles and validation lists
        with pd.ExcelFile(file, engine="openpyxl") as book:
            if sheet is not None and sheet not in book.sheet_names:
                raise GridError(f"{file.name}: no sheet {sheet!r}; there are {listed(book.sheet_names, 12)}.")
            name = book.sheet_names[0] if sheet is None else sheet
            raw = pd.read_excel(book, sheet_name=name, dtype=object, keep_default_na=False, na_values=[""])
    rounded = [
        f"{column} row {row}"
        for column in raw.columns
        for row, value in enumerate(raw[column])
        if isinstance(value, int) and abs(value) >= _EXCEL_DIGITS
    ]
    report.add(rounded, "numbers of more than 15 digits, whose last digits the workbook has lost")
    return pd.DataFrame({str(column): text_column([_cell(value) for value in raw[column]]) for column in raw.columns})


def _cell(value: Any) -> str | None:
    """Write a cell as text: whole numbers without '.0', dates in ISO form."""
    if value is None or pd.isna(value):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXCEL_DIGITS:
        return str(int(value))
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
