"""Read one layer of a file of GDAL: texts decoded, whole numbers whole, nothing lost without a word."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio

from gridgis.contract import GridError, listed
from gridgis.read.drivers import SEQUENCES, require_driver, require_own_format, shut_in
from gridgis.read.notes import Report
from gridgis.read.texts import (
    CHINESE,
    MOST_DAMAGED,
    UTF8,
    decodes,
    encoding_named,
    encoding_of_language,
    is_chinese_beyond_doubt,
    is_utf8_beyond_doubt,
    is_western,
    require_encoding,
    share_that_decodes,
    undeclared,
)

_BYTES = "ISO-8859-1"
"""Read in this encoding, each letter stands for a byte of the file."""

_OF_NO_WEIGHT = ("Non-conformant content for record", "Could not decode error message", "Organize")
_WESTERN = ("cp1252", "cp437", "cp850")
_NAME_BYTES = 10
_EMPTY_LAYERS = (".kml", ".gpx", ".gdb", ".gml")
"""Formats in which layers stand that hold nothing."""


def open_layer(
    file: Path, report: Report, layer: str | None, prefer: Sequence[str], encoding: str | None, options: dict[str, Any]
) -> pd.DataFrame:
    """Read one layer of a file.

    Parameters
    ----------
    file : path
    report : Report
        Takes notes.
    layer : str or None
    prefer : sequence of str
        As in `gridgis.read.opening.open_table`.
    encoding : str or None
        As the user says; it counts where the format leaves it open.
    options : dict
        For pyogrio, as ``where``.

    Raises
    ------
    GridError
        If the file is not what its ending says, has no such layer, or its text is in a doubtful encoding.
    """
    path = file.absolute()
    require_own_format(path)
    with warnings.catch_warnings(record=True) as heard, shut_in():
        warnings.simplefilter("always")
        asked = {"layer": layer_of(path, layer, prefer), **options}
        if path.suffix.lower() == ".shp":
            frame, told = _as_bytes(path, asked), True
            frame = _decoded(frame, path, report, encoding)
        else:
            try:
                frame, told = pyogrio.read_dataframe(path, on_invalid="warn", **asked), False
            except UnicodeDecodeError:
                frame, told = _as_bytes(path, asked), True
                frame = _decoded(frame, path, report, encoding)
        _require_all(frame, path, asked, report, told)
        frame = _whole(frame, path, asked, told)
    said = [str(warning.message).split(". ")[0].strip().rstrip(".") for warning in heard]
    said = [text for text in dict.fromkeys(said) if not any(idle in text for idle in _OF_NO_WEIGHT)]
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
    if len(choice) > 1 and file.suffix.lower() in _EMPTY_LAYERS:
        full = [name for name in choice if pyogrio.read_info(file, layer=name, force_feature_count=True)["features"]]
        choice = full or choice
    if len(choice) != 1:
        raise GridError(f"{file.name}: expected one layer, got {listed(choice, 12) or 'none'}; name one with layer=.")
    return choice[0]


def _as_bytes(file: Path, asked: dict[str, Any]) -> pd.DataFrame:
    return pyogrio.read_dataframe(file, encoding=_BYTES, on_invalid="warn", **asked)


def _info(file: Path, asked: dict[str, Any], as_bytes: bool) -> dict[str, Any]:
    encoding = _BYTES if as_bytes else None
    return dict(pyogrio.read_info(file, layer=asked["layer"], encoding=encoding))


def _require_all(frame: pd.DataFrame, file: Path, asked: dict[str, Any], report: Report, as_bytes: bool) -> None:
    """Look whether a fitting driver has read as many features as the file says there are."""
    info = _info(file, asked, as_bytes)
    require_driver(file, info.get("driver"))
    if len(frame) == 0 and frame.shape[1] <= int(file.suffix.lower() == ".gdb"):
        raise GridError(f"{file.name}: the file cannot be read: it holds neither columns nor rows, or is damaged.")
    said = max(int(info["features"]), _rows_in_text(file))
    if said > len(frame) and "where" not in asked:
        report.note(f"the file says that it has {said:,} features, {len(frame):,} could be read; it is damaged")


def _rows_in_text(file: Path) -> int:
    """Count the rows of a format that is text with one in each line; 0 for others."""
    mids = _beside(file).get(".mid") if file.suffix.lower() == ".mif" else None
    text = file if file.suffix.lower() in SEQUENCES else mids
    if text is None:
        return 0
    with text.open("rb") as raw:
        if raw.read(1) == b"\x1e":
            return 1 + sum(line.count(b"\x1e") for line in raw)
        raw.seek(0)
        return sum(bool(line.strip()) for line in raw)


def _whole(frame: pd.DataFrame, file: Path, asked: dict[str, Any], as_bytes: bool) -> pd.DataFrame:
    """Keep whole numbers whole where one is missing beside them."""
    info = _info(file, asked, as_bytes)
    kinds = [np.dtype(kind) for kind in info["dtypes"]]
    at = {
        place: kind for place, kind in enumerate(kinds) if kind.kind in "iub" and frame.dtypes.iloc[place].kind == "f"
    }
    if not at:
        return frame
    names = [str(info["fields"][place]) for place in at]

    def read() -> pa.Table:
        options = {**asked, "columns": names, "read_geometry": False}
        return pyogrio.read_arrow(file, **options, **({"encoding": _BYTES} if as_bytes else {}))[1]

    return with_whole_numbers(frame, {frame.columns[place]: name for place, name in zip(at, names, strict=True)}, read)


def with_whole_numbers(frame: pd.DataFrame, names: dict[str, str], read: Callable[[], pa.Table]) -> pd.DataFrame:
    """Give columns of whole numbers and truth values with gaps a type that knows of gaps.

    Parameters
    ----------
    frame : DataFrame
    names : dict of str to str
        Their names in ``frame``, and in the table that ``read`` gives.
    read : callable
        Reads these columns.
    """
    if not names:
        return frame
    table = read()
    kinds = {kind: str(kind).replace("int", "Int").replace("uInt", "UInt") for kind in _INTEGERS}
    mapper = {**{kind: pd.api.types.pandas_dtype(name) for kind, name in kinds.items()}, pa.bool_(): pd.BooleanDtype()}
    whole = table.select(list(names.values())).to_pandas(types_mapper=mapper.get, ignore_metadata=True)
    if len(whole) != len(frame):
        raise GridError("the columns of whole numbers cannot be read again; the file is damaged.")
    return frame.assign(**{ours: whole[theirs].set_axis(frame.index) for ours, theirs in names.items()})


_INTEGERS = (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())


def _decoded(frame: pd.DataFrame, file: Path, report: Report, given: str | None) -> pd.DataFrame:
    """Decode names and texts, of which each letter stands for a byte."""
    texts = [place for place in range(frame.shape[1]) if _is_text(frame.iloc[:, place])]
    names = [str(name).encode(_BYTES, "replace") for name in frame.columns]
    values = {
        place: {
            value: value.encode(_BYTES, "replace") for value in frame.iloc[:, place].unique() if isinstance(value, str)
        }
        for place in texts
    }
    widths = _widths(file)
    pieces = [
        _without_cut(raw, widths[place] if place < len(widths) else 0)
        for place in texts
        for raw in values[place].values()
    ]
    pieces += [_without_cut(name, _NAME_BYTES) for name in names]
    encoding = _encoding(file, report, given, pieces)
    bad: list[object] = []
    cut: list[object] = []
    for place in texts:
        known = {value: _text(raw, encoding, widths[place : place + 1]) for value, raw in values[place].items()}
        odd = {value for value, (_, state) in known.items() if state}
        bad += [row for row, value in enumerate(frame.iloc[:, place]) if value in odd and known[value][1] == "bad"]
        cut += [row for row, value in enumerate(frame.iloc[:, place]) if value in odd and known[value][1] == "cut"]
        plain = {value: text for value, (text, _) in known.items()}
        column = frame.iloc[:, place].map(plain, na_action="ignore")
        frame = frame.assign(**{frame.columns[place]: column})
    report.add(sorted(set(bad), key=str), f"rows with bytes that are not {encoding}, of which � stands in their place")
    report.add(sorted(set(cut), key=str), "rows with texts of which the format has cut the last character")
    return _renamed(frame, names, encoding, report)


def _renamed(frame: pd.DataFrame, names: list[bytes], encoding: str, report: Report) -> pd.DataFrame:
    fresh, taken = [], set()
    shortened = []
    for name in names:
        text, state = _text(name, encoding, [len(name)])
        plain, number = text or "column", 2
        while plain in taken:
            plain, number = f"{text}_{number}", number + 1
        taken.add(plain)
        fresh.append(plain)
        if state:
            shortened.append(repr(plain))
    report.add(shortened, "names of columns cut by the format, given as far as they go")
    return frame.set_axis(fresh, axis=1)


def _is_text(values: pd.Series) -> bool:
    return values.dtype == object or isinstance(values.dtype, pd.StringDtype)


def _text(raw: bytes, encoding: str, width: Sequence[int]) -> tuple[str, str]:
    """Decode one text; say whether bytes were bad, or the last character cut."""
    raw = raw.rstrip(b"\0")
    if decodes(raw, encoding):
        return raw.decode(encoding), ""
    whole = _without_cut(raw, width[0] if width else 0)
    if whole != raw and decodes(whole, encoding):
        return whole.decode(encoding), "cut"
    for end in (1, 2, 3):
        if width and len(raw) >= width[0] and decodes(raw[:-end], encoding):
            return raw[:-end].decode(encoding), "cut"
    return raw.decode(encoding, "replace"), "bad"


def _without_cut(raw: bytes, width: int) -> bytes:
    """Give text without a character of UTF-8 of which the format has kept a part only."""
    if width and len(raw) >= width and not decodes(raw, UTF8) and decodes(raw, UTF8, cut=True):
        return raw.decode(UTF8, "ignore").encode(UTF8)
    return raw


def _widths(file: Path) -> list[int]:
    """Give the widths of the fields of a .dbf; none for other formats."""
    table = _beside(file).get(".dbf") if file.suffix.lower() == ".shp" else None
    if table is None:
        return []
    content = table.read_bytes()[: 32 * 2050]
    end = int.from_bytes(content[8:10], "little")
    return [content[start + 16] for start in range(32, min(end - 31, len(content) - 31), 32)]


def _beside(file: Path) -> dict[str, Path]:
    """Give the files of the same name with other endings."""
    stem = "".join(f"[{letter}]" if letter in "[]*?" else letter for letter in file.stem)
    return {path.suffix.lower(): path for path in file.parent.glob(f"{stem}.*")}


def _declared(file: Path) -> tuple[str, str | None]:
    """Give what a Shapefile says of its encoding, in words, and the encoding that is meant."""
    beside = _beside(file) if file.suffix.lower() == ".shp" else {}
    if ".cpg" in beside:
        said = beside[".cpg"].read_bytes()[:64].decode("ascii", "replace").strip().strip("\0")
        if said:
            return f"the .cpg says {said.lower()}", encoding_named(said)
    if ".dbf" in beside:
        with beside[".dbf"].open("rb") as table:
            byte = table.read(30)[29:30]
        known = encoding_of_language(byte[0]) if byte else None
        if known:
            return f"the .dbf says {known}", known
    return "there is no .cpg" if beside else "nothing declares it", None


def _encoding(file: Path, report: Report, given: str | None, pieces: list[bytes]) -> str:
    """Choose the encoding: what is given, else what is declared and not contradicted, else what is beyond doubt.

    Raises
    ------
    GridError
        If it is doubtful.
    """
    if all(piece.isascii() for piece in pieces):
        return UTF8
    if given is not None:
        encoding = require_encoding(given, file.name)
        if share_that_decodes(pieces, encoding) < 1 - MOST_DAMAGED:
            raise GridError(f"{file.name}: the texts are not in {encoding}, as encoding= says; try another.")
        return encoding
    said, declared = _declared(file)
    if declared not in (None, UTF8) and is_utf8_beyond_doubt(pieces, str(declared)):
        report.note(f"{said}, the texts are UTF-8 and were read as such")
        return UTF8
    if declared is not None and share_that_decodes(pieces, declared) >= 1 - MOST_DAMAGED:
        western = declared in _WESTERN
        if not western or (is_western(pieces, declared) and not is_chinese_beyond_doubt(pieces)):
            return declared
    elif (found := undeclared(pieces)) is not None:
        if found == CHINESE or " says " in said:
            report.note(f"{said}, the texts were read as {found}")
        return found
    raise GridError(
        f"{file.name}: it is doubtful in which encoding the texts are: {said}, and they are not surely that, UTF-8 or "
        f"Chinese ({CHINESE}); say which with encoding=, such as 'gbk', 'big5', 'cp1252', 'cp1251', 'shift_jis'."
    )
