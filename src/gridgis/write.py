"""Files out: written whole or not at all, the same bytes for the same content, with their provenance."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TextIO

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow
import pyarrow.compute as pc
import pyarrow.parquet
import pyogrio
import pyproj
import shapely

from gridgis.antimeridian import cut_at_180
from gridgis.contract import (
    CODE,
    PARENT,
    GridError,
    GridWarning,
    listed,
    require_columns_once,
    require_frame,
    require_grid,
    text_column,
)
from gridgis.crs import WGS84, coordinates_of, require_shareable, transform
from gridgis.leaks import require_public
from gridgis.persons import describe_not_out, found_not_out, not_going_out
from gridgis.privacy import Published, going_out
from gridgis.read.delimited import FORMULA, FORMULA_STARTS, guarded
from gridgis.summarise import RATE
from gridgis.whole import INSTANT, SIDECAR, first_line, fixed_date, whole_file

_DRIVERS = {".gpkg": "GPKG", ".fgb": "FlatGeobuf", ".geojson": "GeoJSON"}
_PARQUET = (".parquet", ".geoparquet")
_PLAIN = (".csv", ".xlsx")
_TILES = ".pmtiles"
_TILE_LEVELS = (12, 14)  # the least detailed level is never finer than the first; the finest is the second: 0.6 m
_EXCEL_DIGITS, _EXCEL_TEXT = 15, 32_767
"""The most digits of a number and characters of a text that a cell of a workbook keeps."""
_KEY = "gridgis"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]|_(?=x[0-9A-Fa-f]{4}_)")
_ZIP_DATE = (2000, 1, 1, 0, 0, 0)
_DEGREE_DECIMALS = 9  # 0.1 mm: vertices of neighbours stay the same, near ones stay apart


def write_grid(
    grid: gpd.GeoDataFrame,
    path: str | os.PathLike[str],
    *,
    provenance: Mapping[str, Any] | None = None,
    layer: str = "grid",
) -> Path:
    """Write a grid, so that `read_grid` gives it back.

    Parameters
    ----------
    grid : GeoDataFrame
        The cells; the index is not written.
    path : path
        ``.gpkg``, ``.parquet``, ``.fgb`` (geometry exactly as it is) or ``.geojson`` (WGS 84 degrees, 9 decimals). The
        folder is made where it is not there; an old file is replaced when the new one is complete.
    provenance : dict, optional
        What the grid was made from: names and SHA-256 of the inputs, parameters, version. Plain JSON values. It goes
        into the file (GeoPackage, Parquet) or beside it (``<path>.provenance.json``) as it is, so give file names, not
        the paths of a machine.
    layer : str
        Name of the layer (GeoPackage, GeoJSON, FlatGeobuf).

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    GridError
        If it is no grid, the format is not one of these, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from gridgis.read import read_grid
    >>> columns = {"grid_code": ["01010101"], "parent_code": ["010101"]}
    >>> cell = gpd.GeoDataFrame(columns, geometry=[shapely.box(5e5, 4e6, 5e5 + 9, 4e6 + 9)], crs=4547)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = write_grid(cell, f"{folder}/grid.gpkg", provenance={"seed": 1})
    ...     read_grid(file).equals(cell), read_provenance(file)
    (True, {'seed': 1})
    """
    target = Path(path)
    if target.suffix.lower() in _PLAIN:
        raise GridError(f"{target.name}: a {target.suffix} file holds no geometry; use write_table for the columns.")
    return _write(require_grid(grid), target, provenance, layer)


def write_table(
    table: pd.DataFrame | Published,
    path: str | os.PathLike[str],
    *,
    provenance: Mapping[str, Any] | None = None,
    layer: str = "table",
    keep: Sequence[str] = (),
    scan: bool = True,
    allow: Sequence[str] = (),
) -> Path:
    r"""Write a table, with or without geometry, or the numbers that may be shown.

    Located rows (those with a column ``located_by``) are written without the columns that hold persons, without free
    text, and, where their geometry is not written, without other coordinates.

    Parameters
    ----------
    table : DataFrame, GeoDataFrame or Published
        The rows; the index is not written. Of what `publish` returned: ``grid_code``, ``grid_name`` where cells have
        names, ``parent_code``, ``parent_name`` where parents have them, and each measure, ``_`` for blanks in its name:
        whole numbers, empty where they are hidden or not known, and which of these in ``<measure>_status``.
    path : path
        As in `write_grid`, or ``.csv`` (UTF-8 with byte-order mark, for Excel) or ``.xlsx``, both without geometry;
        ``.fgb`` and ``.geojson`` need one. What `publish` returned also as ``.pmtiles``: one file of vector tiles, for
        maps on the web.
    provenance, layer
        As in `write_grid`; ``layer`` is the sheet of a workbook.
    keep : sequence of str
        Columns of located rows that go out because they are asked for by name: free text, coordinates. A column of
        persons never does.
    scan : bool
        What `publish` returned and is not internal is read as an attacker would (`gridgis.find_leaks`) before it is
        written. False leaves that out, for names of places that look like addresses, say.
    allow : sequence of str
        Texts that may stand in what was published, though they look like a leak.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    GridError
        If the format is not one of these, the file cannot be written, ``keep`` names a column of persons, or it holds
        what must not be shown; or if what was published gives something away beside what its ledger has from others
        meanwhile.

    Warns
    -----
    GridWarning
        If columns of located rows were left out.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = write_table(pd.DataFrame({"grid_code": ["0101"], "persons": [3]}), f"{folder}/counts.csv")
    ...     file.read_text(encoding="utf-8-sig")
    'grid_code,persons\n0101,3\n'
    """
    if isinstance(table, Published):
        return _write_published(table, Path(path), (provenance, layer), scan=scan, allow=allow)
    if not isinstance(table, pd.DataFrame):
        raise GridError(f"{Path(path).name}: expected a DataFrame, got {type(table).__name__}.")
    if Path(path).suffix.lower() == _TILES:
        raise GridError(f"{Path(path).name}: tiles are for everybody; publish the table first (gridgis.publish).")
    require_columns_once(table, Path(path).name)
    if "located_by" in table.columns:
        table = _going_out(table, Path(path), keep)
    return _write(table, Path(path), provenance, layer)


def _going_out(table: pd.DataFrame, file: Path, keep: Sequence[str]) -> pd.DataFrame:
    """Leave out of located rows what does not go out, and say so."""
    names = [str(column) for column in table.columns]
    has_shapes = any(kind.name == "geometry" for kind in table.dtypes)
    goes_with_shapes = has_shapes and file.suffix.lower() not in _PLAIN
    texts = [column for column in table.columns if table[column].dtype == object]
    legible = table.assign(**{column: table[column].map(_hexadecimal, na_action="ignore") for column in texts})
    found = found_not_out(legible, _middles(table))
    found = not_going_out(found, keep=keep, coordinates=goes_with_shapes, names=names)
    if found:
        warnings.warn(GridWarning(f"{file.name}: {describe_not_out(found)}."), stacklevel=3)
    return table.loc[:, [column not in found for column in names]]


def _middles(table: pd.DataFrame) -> list[np.ndarray]:
    """Where the rows lie, so that columns that say so are found under any name."""
    if not isinstance(table, gpd.GeoDataFrame) or table.active_geometry_name is None or table.crs is None:
        return []
    middles = shapely.centroid(table.geometry.to_numpy())
    return coordinates_of(shapely.get_x(middles), shapely.get_y(middles), table.crs)


def write_json(value: Any, path: str | os.PathLike[str]) -> Path:
    r"""Write a value as JSON: UTF-8, keys in the order given, one space of indent, a line end at the end.

    Parameters
    ----------
    value : object
        Plain values, also NumPy numbers and arrays; no NaN, which JSON does not know.
    path : path
        The file.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    GridError
        If the value is not plain, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json({"格": [1]}, f"{folder}/report.json").read_text(encoding="utf-8")
    '{\n "格": [\n  1\n ]\n}\n'
    """
    return write_text(_json(value, Path(path).name, indent=1) + "\n", path)


def write_text(text: str, path: str | os.PathLike[str]) -> Path:
    """Write text as UTF-8, its line ends as they are.

    Parameters
    ----------
    text : str
        The content.
    path : path
        The file; its folder is made where it is not there.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    GridError
        If the file cannot be written; an old one is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_text("网格", f"{folder}/note.txt").read_text(encoding="utf-8")
    '网格'
    """
    return write_bytes(text.encode("utf-8"), path)


def write_bytes(data: bytes, path: str | os.PathLike[str]) -> Path:
    """Write bytes to a file, whole or not at all.

    Parameters
    ----------
    data : bytes
        The content.
    path : path
        The file; its folder is made where it is not there.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    GridError
        If the file cannot be written; an old one is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_bytes(b"map", f"{folder}/new/map.bin").read_bytes()
    b'map'
    """
    target = Path(path)
    with whole_file(target) as temporary:
        temporary.write_bytes(data)
    return target


def read_provenance(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what `write_grid` or `write_table` noted about the origin of a file.

    Parameters
    ----------
    path : path
        The file, not the note beside it.

    Returns
    -------
    dict
        What was given as ``provenance``; empty where nothing was.

    Raises
    ------
    GridError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = write_table(pd.DataFrame({"grid_code": ["0101"]}), f"{folder}/t.csv", provenance={"version": "1"})
    ...     read_provenance(file)
    {'version': '1'}
    """
    target = Path(path)
    if not target.is_file():
        raise GridError(f"{target.name}: expected a file; there is none.")
    try:
        if target.suffix.lower() == ".gpkg":
            layers = [str(name) for name, _ in pyogrio.list_layers(target)]
            notes = [(pyogrio.read_info(target, layer=name)["layer_metadata"] or {}).get(_KEY) for name in layers]
            note = next((note for note in notes if note), None)
        elif target.suffix.lower() in _PARQUET:
            metadata = pyarrow.parquet.read_schema(target).metadata or {}
            note = metadata.get(_KEY.encode())
        else:
            beside = Path(f"{target}{SIDECAR}")
            note = beside.read_text(encoding="utf-8") if beside.is_file() else None
        return dict(json.loads(note)) if note else {}
    except (RuntimeError, ValueError, OSError) as error:
        raise GridError(f"{target.name}: the provenance cannot be read: {first_line(error, target)}.") from error


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Give the SHA-256 of the bytes of a file, in hexadecimal (of a Shapefile: of the one file named).

    Raises
    ------
    GridError
        If there is no such file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file_sha256(write_bytes(b"", f"{folder}/empty"))[:16]
    'e3b0c44298fc1c14'
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise GridError(f"{Path(path).name}: expected a file to read; {error.strerror}.") from error


def _write_published(
    published: Published,
    target: Path,
    said: tuple[Mapping[str, Any] | None, str],
    *,
    scan: bool,
    allow: Sequence[str],
) -> Path:
    """Write what may be shown, read it as an attacker would, and note the release as the file takes its place."""
    table = published_columns(published)
    codes = {*published.table[CODE], *published.table[PARENT]}

    def look(written: Path) -> None:
        if scan and not published.internal:
            require_public(written.read_bytes(), target.name, allow=allow, codes=codes)

    return _write(table, target, *said, look=look, placing=going_out(published.outgoing))


def published_columns(published: Published) -> gpd.GeoDataFrame:
    """Give what may be shown with plain names of columns, and whole numbers as such.

    Raises
    ------
    GridError
        If the names of two measures differ in blanks only.

    Examples
    --------
    >>> grid = example.grid.assign(**{"count": [30, 20, 40, 0]})
    >>> published_columns(publish(grid, measures=["count"])).columns.tolist()
    ['grid_code', 'parent_code', 'count', 'count_status', 'geometry']
    """
    table, columns = published.table, dict[str, Any]()
    for code, name, names in (
        (CODE, "grid_name", published.cell_names),
        (PARENT, "parent_name", published.parent_names),
    ):
        columns[code] = table[code].to_numpy(object)
        if names:
            columns[name] = text_column([names.get(key) for key in table[code]])
    for measure in published.measures:
        column = "_".join(measure.split())
        if column in columns or not column:
            raise GridError(f"measures: two columns would be called {column!r}; rename one of them in the table.")
        value = table[measure].astype(float)
        columns[column] = value if measure == RATE else value.round().astype("Int64")
        columns[f"{column}_status"] = text_column(table[f"{measure}_status"])
    return gpd.GeoDataFrame(columns, geometry=table.geometry.to_numpy(), crs=table.crs)


def _write(
    table: pd.DataFrame,
    target: Path,
    provenance: Mapping[str, Any] | None,
    layer: str,
    *,
    look: Callable[[Path], None] | None = None,
    placing: AbstractContextManager[None] | None = None,
) -> Path:
    """Choose the format, and write the file and the note beside it together."""
    suffix = target.suffix.lower()
    if suffix not in (*_DRIVERS, *_PARQUET, *_PLAIN, *((_TILES,) if look else ())):
        reason = "is several files, which cannot be replaced as one" if suffix == ".shp" else "is not known"
        known = ", ".join((*_DRIVERS, *_PARQUET, *_PLAIN))
        raise GridError(f"{target.name}: expected one of {known}; {suffix or 'no extension'} {reason}.")
    table = _plain_columns(table, target.name)
    note = None if provenance is None else _json(dict(provenance), target.name)
    inside = suffix == ".gpkg" or suffix in _PARQUET
    beside = Path(f"{target}{SIDECAR}")
    with whole_file(beside) if note is not None and not inside else nullcontext() as sidecar:
        if sidecar is not None and note is not None:
            sidecar.write_text(_json(json.loads(note), target.name, indent=1) + "\n", encoding="utf-8", newline="\n")
        with whole_file(target, placing=placing) as temporary:
            if suffix in _DRIVERS:
                _write_geodata(table, temporary, target.name, layer, note if inside else None)
            elif suffix == _TILES:
                _write_tiles(table, temporary, target.name, layer)
            elif suffix in _PARQUET:
                _write_parquet(table, temporary, note)
            elif suffix == ".csv":
                _write_csv(safe_for_spreadsheets(table), temporary)
            else:
                _write_excel(table, temporary, layer)
            if look is not None:
                look(temporary)
    if sidecar is None:
        beside.unlink(missing_ok=True)  # what an older file of this name was made from
    return target


def _plain_columns(table: pd.DataFrame, what: str) -> pd.DataFrame:
    """Make ready for every format: index gone, no categories, the active geometry called geometry, or none."""
    suffix = Path(what).suffix.lower()
    if isinstance(table, gpd.GeoDataFrame):
        table = _plain_geometry(require_frame(table, what), what, suffix)
    elif suffix in (".fgb", ".geojson"):
        raise GridError(f"{what}: expected geometry, got a plain table; write .csv, .xlsx, .parquet or .gpkg.")
    names = [str(name).lower() if suffix == ".gpkg" else str(name) for name in table.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        case = " (upper or lower case)" if suffix == ".gpkg" else ""
        raise GridError(f"{what}: expected each column once; more than once{case}: {', '.join(twice)}.")
    categories = table.select_dtypes("category").columns
    table = table.reset_index(drop=True).astype(dict.fromkeys(categories, object))
    table.columns = pd.Index([str(name) for name in table.columns])
    return _with_long_numbers_as_text(table, what) if suffix in _PARQUET else _with_plain_values(table, what, suffix)


def _with_long_numbers_as_text(table: pd.DataFrame, what: str) -> pd.DataFrame:
    """Write whole numbers that no column of numbers holds as text, and say so."""
    longest = {
        name: max((abs(value) for value in table[name] if isinstance(value, int)), default=0)
        for name in table.columns
        if table[name].dtype == object
    }
    beyond = [name for name, value in longest.items() if value >= 2**63]
    if beyond:
        said = f"{what}: whole numbers beyond 64 bits with a sign are written as text in {listed(beyond)}."
        warnings.warn(GridWarning(said), stacklevel=5)
    texts = {name: table[name].map(lambda value: str(value) if isinstance(value, int) else value) for name in beyond}
    return table.assign(**texts)


def _with_plain_values(table: pd.DataFrame, what: str, suffix: str) -> pd.DataFrame:
    """Make values that a format does not know into those that it knows, and say so; nothing is lost."""
    fresh: dict[str, pd.Series] = {}
    told: dict[str, list[str]] = {}
    for name in table.columns:
        values = table[name]
        if str(values.dtype) == "geometry":
            continue
        fresh[name], done = _plain_values(values, suffix)
        if (
            suffix == ".xlsx"
            and fresh[name].map(lambda value: isinstance(value, str) and len(value) > _EXCEL_TEXT).any()
        ):
            raise GridError(
                f"{what}: {name} holds texts of more than {_EXCEL_TEXT:,} characters, which a workbook cuts off; write "
                "another format, such as .csv."
            )
        if done:
            told.setdefault(done, []).append(name)
    if told:
        said = "; ".join(f"{done} in {listed(names)}" for done, names in told.items())
        warnings.warn(GridWarning(f"{what}: {said}."), stacklevel=5)
    return table.assign(**fresh)


def _plain_values(values: pd.Series, suffix: str) -> tuple[pd.Series, str]:
    """Give a column as a format can hold it, and what was done to it."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        if suffix == ".xlsx":
            return values.map(lambda time: time.isoformat(), na_action="ignore").astype(object), ""
        return (values if suffix == ".csv" else values.dt.tz_convert("UTC")), ""
    if values.dtype.kind in "iu":
        return _plain_integers(values, suffix)
    if values.dtype != object and not isinstance(values.dtype, pd.StringDtype):
        return values, ""
    there = values.dropna()
    if pd.api.types.infer_dtype(there) == "string":
        return _without_zero_bytes(values) if any("\0" in text for text in there.tolist()) else (values, "")
    if there.map(lambda value: isinstance(value, bytes | bytearray | memoryview)).any():
        return values.map(_hexadecimal, na_action="ignore"), "bytes are written as hexadecimal text"
    if len(there) and there.map(lambda value: isinstance(value, int | np.integer)).all():
        if there.map(lambda value: isinstance(value, bool)).any():
            return values, ""
        return _plain_integers(values, suffix)
    if there.map(lambda value: isinstance(value, str) and "\0" in value).any():
        return _without_zero_bytes(values)
    return values, ""


def _without_zero_bytes(values: pd.Series) -> tuple[pd.Series, str]:
    freed = values.map(lambda text: text.replace("\0", "") if isinstance(text, str) else text, na_action="ignore")
    return freed, "zero bytes are left out"


def _plain_integers(values: pd.Series, suffix: str) -> tuple[pd.Series, str]:
    """Keep whole numbers exact: as text where the format or a spreadsheet would round them."""
    there = values.dropna()
    least, greatest = (int(there.min()), int(there.max())) if len(there) else (0, 0)
    digits = max(len(str(abs(least))), len(str(abs(greatest))))
    if suffix == ".xlsx" and digits > _EXCEL_DIGITS:
        return _as_text(values), f"whole numbers of more than {_EXCEL_DIGITS} digits are written as text"
    if suffix != ".csv" and suffix != ".xlsx" and not -(2**63) <= least <= greatest < 2**63:
        return _as_text(values), "whole numbers beyond 64 bits with a sign are written as text"
    if values.dtype.kind == "u" and suffix in _DRIVERS:
        return values.astype("Int64" if values.isna().any() else np.int64), ""
    return values, ""


def _as_text(values: pd.Series) -> pd.Series:
    return text_column([None if pd.isna(value) else str(int(value)) for value in values.tolist()], values.index)


def _hexadecimal(value: Any) -> Any:
    return bytes(value).hex() if isinstance(value, bytes | bytearray | memoryview) else value


def safe_for_spreadsheets(table: pd.DataFrame) -> pd.DataFrame:
    """Put an apostrophe before texts that a spreadsheet would take for formulas; `read_table` takes it away."""
    fresh = {}
    for name in table.columns:
        values = table[name]
        if values.dtype == object or isinstance(values.dtype, pd.StringDtype):
            cells = values.tolist()
            doubtful = _may_be_formulas(cells)
            if doubtful:
                for row in doubtful:
                    cells[row] = guarded(cells[row])
                fresh[name] = pd.Series(cells, values.index, dtype=values.dtype)
    return table.assign(**fresh).rename(columns=guarded)


def _may_be_formulas(cells: list[Any]) -> list[int]:
    """Give the rows of texts that may hold a formula; most tables have few, and these alone are looked at closely."""
    texts = [value if isinstance(value, str) else None for value in cells]
    try:
        found = pc.match_substring_regex(pyarrow.array(texts, pyarrow.large_string()), FORMULA)
    except UnicodeEncodeError:  # halves of letters, which Arrow does not take
        return [row for row, text in enumerate(texts) if text is not None]
    return np.flatnonzero(found.fill_null(False).to_numpy(zero_copy_only=False)).tolist()


def _plain_geometry(table: gpd.GeoDataFrame, what: str, suffix: str) -> pd.DataFrame:
    if suffix in _PLAIN:
        shapes = [name for name, dtype in table.dtypes.items() if str(dtype) == "geometry"]
        return pd.DataFrame(table.drop(columns=shapes))
    crs: pyproj.CRS | None = table.crs
    if crs is None:
        raise GridError(f"{what}: expected a table with a CRS, got none; name it with set_crs.")
    if suffix != ".geojson":
        require_shareable(crs, what)
    return table if table.geometry.name == "geometry" else gpd.GeoDataFrame(table.rename_geometry("geometry"))


def _write_geodata(table: pd.DataFrame, temporary: Path, what: str, layer: str, note: str | None) -> None:
    driver = _DRIVERS[Path(what).suffix.lower()]
    options: dict[str, Any] = {}
    if driver == "GPKG":
        taken = {str(name).lower() for name in table.columns}
        fid = next(name for name in ("fid", "ogc_fid", "gpkg_fid", "row_fid") if name not in taken)
        options = {"layer_options": {"FID": fid}, "dataset_options": {"DATETIME_FORMAT": "WITH_TZ"}}
        if isinstance(table, gpd.GeoDataFrame):
            options["layer_options"]["GEOMETRY_NAME"] = "geometry"
        options["layer_metadata"] = {_KEY: note} if note else None
    elif driver == "FlatGeobuf":
        options = {"layer_options": {"SPATIAL_INDEX": "NO"}}  # an index would change the order of the rows
    else:
        options = {"layer_options": {"RFC7946": "YES", "COORDINATE_PRECISION": str(_DEGREE_DECIMALS)}}
        table = _in_degrees(gpd.GeoDataFrame(table), what)
    with fixed_date():
        pyogrio.write_dataframe(table, temporary, driver=driver, layer=layer, **options)


def _write_tiles(table: pd.DataFrame, temporary: Path, what: str, layer: str) -> None:
    """Write vector tiles, from the level on which all cells are in about one tile."""
    if "PMTiles" not in pyogrio.list_drivers(write=True):
        raise GridError(
            f"{what}: the GDAL of this machine writes no .pmtiles; pip install pyogrio brings one that does."
        )
    places = _in_degrees(gpd.GeoDataFrame(table), what)
    west, south, east, north = places.total_bounds if len(places) else (0.0, 0.0, 360.0, 180.0)
    least = int(np.floor(np.log2(360 / max(east - west, north - south, 1e-9))))
    levels = {"MINZOOM": str(min(max(least, 0), _TILE_LEVELS[0])), "MAXZOOM": str(_TILE_LEVELS[1])}
    with fixed_date():
        options = {"NAME": layer, **levels}
        pyogrio.write_dataframe(places, temporary, driver="PMTiles", layer=layer, dataset_options=options)


def _in_degrees(table: gpd.GeoDataFrame, what: str) -> gpd.GeoDataFrame:
    """Give WGS 84, rounded the same way at every vertex, so that what was matched stays matched; cut at 180 degrees."""
    moved = transform(table.geometry.to_numpy(), table.crs, WGS84, what)
    moved = shapely.transform(moved, lambda places: np.round(places, _DEGREE_DECIMALS))
    whole = moved
    moved = cut_at_180(moved)
    if moved is not whole:
        moved = shapely.transform(moved, lambda places: np.round(places, _DEGREE_DECIMALS))
    moved = shapely.orient_polygons(moved)
    return table.set_geometry(gpd.GeoSeries(moved, table.index, crs=WGS84))


def _write_parquet(table: pd.DataFrame, temporary: Path, note: str | None) -> None:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    if note is None:
        temporary.write_bytes(buffer.getvalue())
        return
    content = pyarrow.parquet.read_table(pyarrow.BufferReader(buffer.getvalue()))
    metadata = {**(content.schema.metadata or {}), _KEY.encode(): note.encode("utf-8")}
    pyarrow.parquet.write_table(content.replace_schema_metadata(metadata), temporary, compression="snappy")


class _Rows(io.TextIOBase):
    """Take rows that end in CR LF, so that fields with either are in quotes, and end them with LF."""

    def __init__(self, file: TextIO):
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, row: str) -> int:
        return self._file.write(row.removesuffix("\r\n") + "\n" if row.endswith("\r\n") else row)


def _write_csv(table: pd.DataFrame, temporary: Path) -> None:
    with temporary.open("w", encoding="utf-8-sig", newline="") as file:
        table.to_csv(_Rows(file), index=False, lineterminator="\r\n")


def _write_excel(table: pd.DataFrame, temporary: Path, sheet: str) -> None:
    """Write a workbook whose texts stay text (also '=1+1'), without the date of writing."""
    buffer = io.BytesIO()
    table = _without_control_characters(table)
    with pd.ExcelWriter(buffer, engine="openpyxl") as book:
        table.to_excel(book, sheet_name=sheet, index=False)
        for row in book.sheets[sheet].iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    cell.data_type = "s"
                if isinstance(cell.value, str) and cell.value[:1] and cell.value[0] in FORMULA_STARTS:
                    cell.quotePrefix = True  # stays text also when somebody edits the cell
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", INSTANT.encode(), content)
            new.writestr(zipfile.ZipInfo(name, _ZIP_DATE), content, zipfile.ZIP_DEFLATED)


def _without_control_characters(table: pd.DataFrame) -> pd.DataFrame:
    """Write control characters by their number, as spreadsheets do (``_x000B_``)."""
    texts = [
        name for name in table.columns if table[name].dtype == object or isinstance(table[name].dtype, pd.StringDtype)
    ]
    fresh = {name: table[name].map(_escaped, na_action="ignore") for name in texts}
    return table.assign(**fresh).rename(columns=_escaped)


def _escaped(value: Any) -> Any:
    return (
        _CONTROL.sub(lambda found: f"_x{ord(found[0][0]):04X}_{found[0][1:]}", value)
        if isinstance(value, str)
        else value
    )


def _json(value: Any, what: str, *, indent: int | None = None) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise GridError(f"{what}: expected plain values for JSON; {first_line(error, Path(what))}.") from error


def _plain(value: object) -> object:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"got {type(value).__name__}")
