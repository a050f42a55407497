"""Which driver may open which file: the one that fits its ending, and no file that names another file or an address."""

from __future__ import annotations

import json
import mmap
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pyogrio

from gridgis.contract import GridError

OSM = (".pbf", ".osm")
SEQUENCES = (".geojsonl", ".geojsons", ".ndjson", ".jsonl")
DRIVERS: dict[str, tuple[str, ...]] = {
    ".gpkg": ("GPKG",),
    ".shp": ("ESRI Shapefile",),
    ".geojson": ("GeoJSON",),
    ".json": ("GeoJSON", "TopoJSON", "ESRIJSON"),
    **dict.fromkeys(SEQUENCES, ("GeoJSONSeq", "GeoJSON")),
    ".fgb": ("FlatGeobuf",),
    ".gdb": ("OpenFileGDB",),
    ".kml": ("LIBKML", "KML"),
    ".gml": ("GML",),
    ".gpx": ("GPX",),
    ".dxf": ("DXF",),
    ".tab": ("MapInfo File",),
    ".mif": ("MapInfo File",),
    **dict.fromkeys(OSM, ("OSM",)),
}
"""The drivers of GDAL that may open a file, by its ending."""

_STARTS: dict[str, tuple[bytes, str]] = {
    ".gpkg": (rb"SQLite format 3\x00", "a GeoPackage"),
    ".shp": (rb"\x00\x00\x27\x0a", "a Shapefile"),
    ".fgb": (rb"fgb[\x01-\x09]fgb", "a FlatGeobuf file"),
    ".geojson": (rb"\s*\{", "GeoJSON"),
    ".json": (rb"\s*\{", "GeoJSON"),
    **dict.fromkeys(SEQUENCES, (rb"[\s\x1e]*\{", "a sequence of GeoJSON features")),
    ".kml": (rb"\s*<", "KML"),
    ".gml": (rb"\s*<", "GML"),
    ".gpx": (rb"\s*<", "GPX"),
    ".osm": (rb"\s*<", "OSM XML"),
    ".pbf": (rb"[\s\S]{2,24}OSMHeader", "OSM data"),
    ".dxf": (rb"(\s*(999[^\n]*\n[^\n]*\n\s*)*0\s*\r?\n\s*SECTION|AutoCAD Binary DXF)", "a DXF drawing"),
    ".tab": (rb"\s*!table", "a MapInfo table"),
    ".mif": (rb"\s*(?i:version)", "a MapInfo interchange file"),
}
_ROOTS = {".kml": ("kml",), ".gpx": ("gpx",), ".osm": ("osm", "osmChange")}
_XML = (".kml", ".gml", ".gpx", ".osm")
_JSON = (".geojson", ".json", *SEQUENCES)

_ELSEWHERE = re.compile(
    rb"<\s*(OGRVRT|VRTDataset|OGRWFS|OGRWMTS|GDAL_W|GDALTile|(wfs:)?WFS_Cap|mapml-)|gdal_streamed_alg", re.IGNORECASE
)
_CALLS = re.compile(
    r"\b(ogr_geocode\w*|ogr_datasource_\w+|gdal_get_\w+|load_extension|readfile|writefile|fts3_tokenizer|blobfromfile|"
    r"xb_loadxml|importshp|importdbf|importxls|exportshp|sql\w*_load)\s*\(",
    re.IGNORECASE,
)
_VIRTUAL = re.compile(r"^\s*create\s+virtual\s+table\b.*?\busing\s+[\"'`\[]?(\w+)", re.IGNORECASE | re.DOTALL)
_CRS_KEY = re.compile(rb'"(?:c|\\u0063|\\u0043)(?:r|\\u0072|\\u0052)(?:s|\\u0073|\\u0053)"', re.IGNORECASE)
_CRS = re.compile(_CRS_KEY.pattern + rb"\s*:\s*(?=\{)", re.IGNORECASE)
_JSON_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[{}\[\]]', re.DOTALL)
_OTHER_TABLE = re.compile(
    rb"\bopen\s+table\b|\\IsSeamless|\bcreate\s+view\b|\btype\s+(linked|odbc|wms|wfs|tileserver)", re.I
)
_HEAD = 1 << 16

_SHUT = {
    "GML_DOWNLOAD_SCHEMA": "NO",
    "GML_SKIP_RESOLVE_ELEMS": "ALL",
    "GML_ATTRIBUTES_TO_OGR_FIELDS": None,
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "CPL_VSIL_CURL_USE_HEAD": "NO",
    "GDAL_HTTP_MAX_RETRY": "0",
    "LIBKML_RESOLVE_STYLE": "NO",
    "OGR_SQLITE_LIST_VIRTUAL_OGR": "NO",
    "OGR_SQLITE_ALLOW_EXTERNAL_ACCESS": "NO",
    "OGR_GEOJSON_MAX_OBJ_SIZE": "0",
}
"""Settings of GDAL while a file is read: it opens no connection and nothing that the file names."""


@contextmanager
def shut_in() -> Iterator[None]:
    """Keep GDAL from connections and from files that a file names."""
    before = {name: pyogrio.get_gdal_config_option(name) for name in _SHUT}
    pyogrio.set_gdal_config_options(dict(_SHUT))
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(before)


def require_own_format(file: Path) -> None:
    """Ask, before GDAL opens it, that a file is what its ending says and names nothing elsewhere.

    Raises
    ------
    GridError
        If it is something else, or it names another file, an address, or code to be run.
    """
    suffix = file.suffix.lower()
    if suffix == ".gdb":
        if not (file / "a00000001.gdbtable").is_file():
            raise GridError(f"{file.name}: expected a folder with a File Geodatabase; it holds no a00000001.gdbtable.")
        return
    with file.open("rb") as raw:
        head = raw.read(_HEAD).removeprefix(b"\xef\xbb\xbf")
    start, what = _STARTS[suffix]
    if not re.match(start, head):
        raise GridError(
            f"{file.name}: the file cannot be read: expected {what}, as its ending says; "
            f"{'it is empty' if not head else 'the content is something else, or damaged'}."
        )
    if _ELSEWHERE.search(head):
        raise _names_another(file)
    if suffix == ".gpkg":
        _require_plain_schema(file)
    elif suffix in _JSON:
        _require_plain_crs(file)
    elif suffix in _XML:
        _require_plain_xml(file, head)
    elif suffix == ".tab" and _OTHER_TABLE.search(head):
        raise _names_another(file)


def require_driver(file: Path, driver: str | None) -> None:
    """Ask that a file was opened by a driver that fits its ending.

    Raises
    ------
    GridError
        If it was another.
    """
    if driver is not None and driver not in DRIVERS[file.suffix.lower()]:
        raise GridError(f"{file.name}: expected {DRIVERS[file.suffix.lower()][0]}, as its ending says; it is {driver}.")


def _names_another(file: Path) -> GridError:
    return GridError(
        f"{file.name}: the file is not data itself but names other files or addresses, which are not opened; give the "
        "file with the data."
    )


def _require_plain_schema(file: Path) -> None:
    """Ask that reading a database runs nothing but reading.

    Raises
    ------
    GridError
        If it has virtual tables that are no index, or calls functions that reach out.
    """
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as base:
        texts = [str(text) for (text,) in base.execute("select sql from sqlite_master where sql is not null")]
    for text in texts:
        virtual = _VIRTUAL.match(text)
        if virtual and virtual[1].lower() not in ("rtree", "fts3", "fts4", "fts5"):
            raise _names_another(file)
        if _CALLS.search(text):
            raise GridError(
                f"{file.name}: the file calls a function that reaches other files or addresses; not opened."
            )


def _require_plain_crs(file: Path) -> None:
    """Ask that no CRS in a GeoJSON file is a link.

    Raises
    ------
    GridError
        If one is.
    """
    decoder = json.JSONDecoder()
    with file.open("rb") as raw, closing(mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ)) as content:
        for found in _CRS.finditer(content):
            text = content[found.end() : found.end() + _HEAD].decode("utf-8", "replace")
            try:
                crs, _ = decoder.raw_decode(text)
            except ValueError:
                crs = {}
            names = {str(key).lower(): value for key, value in crs.items()}
            inner = {str(key).lower(): value for key, value in dict(names.get("properties") or {}).items()}
            named = str(inner.get("name", inner.get("code", "")))
            if str(names.get("type", "")).lower() in ("link", "url", "") or re.match(
                r"\s*(https?|ftp):(?!//www\.opengis)", named
            ):
                raise GridError(
                    f"{file.name}: its CRS is a link to another place, which is not followed; write the CRS by its "
                    "name, or leave the member crs out and name it with source_crs= (of points crs=)."
                )


def _require_plain_xml(file: Path, head: bytes) -> None:
    """Ask that XML is of its kind and declares no entities.

    Raises
    ------
    GridError
        If not.
    """
    with file.open("rb") as raw, closing(mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ)) as content:
        if re.search(rb"<!(DOCTYPE|ENTITY)", content, re.IGNORECASE):
            raise GridError(f"{file.name}: the XML declares a document type or entities, which are not read.")
    root = re.search(
        rb"<([A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)", re.sub(rb"<!--.*?-->|<\?.*?\?>", b"", head, flags=re.DOTALL)
    )
    name = root[2].decode("ascii", "replace") if root else ""
    allowed = _ROOTS.get(file.suffix.lower())
    if not name or (allowed and name not in allowed):
        what = _STARTS[file.suffix.lower()][1]
        raise GridError(f"{file.name}: expected {what}, as its ending says; its first element is {name or 'missing'}.")


def declares_crs(file: Path) -> bool:
    """Tell whether a GeoJSON file itself, not a property in it, says in which CRS it is.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.geojson"
    ...     _ = file.write_text('{"type": "Feature", "crs": null, "properties": {"crs": {}}}')
    ...     declares_crs(file)
    False
    """
    depth = 0
    with file.open("rb") as raw, closing(mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ)) as content:
        if not _CRS_KEY.search(content):
            return False
        for token in _JSON_TOKEN.finditer(content):
            if token[0] in (b"{", b"["):
                depth += 1
            elif token[0] in (b"}", b"]"):
                depth -= 1
            elif depth == 1 and _CRS_KEY.match(token[0]):
                after = re.match(rb"\s*:\s*(\w*)", content[token.end() : token.end() + 64])
                if after and after[1] != b"null":
                    return True
    return False
