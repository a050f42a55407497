"""Files that hold files: archives, images, documents, databases, taken apart into named parts."""

from __future__ import annotations

import base64
import bz2
import io
import lzma
import re
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa
from pyarrow import parquet

from gridgis.contract import GridError
from gridgis.leaks.decoding import inflated, printable_runs
from gridgis.leaks.elements import elements
from gridgis.leaks.geodata import Table, arrow_table, geodata_of

_LEAST_PLACE, _MOST_PLACE = 1e-7, 1e9
"""Coordinates of places, in degrees or metres: bytes that mean something else are far smaller, or far larger."""

Part = tuple[str, "bytes | str | Table"]

_STREAM, _END_STREAM = re.compile(rb">>\s{0,20}stream\r?\n"), re.compile(rb"\r?\n?endstream")
_HEAD = 20_000
"""Bytes before a stream in which its dictionary is looked for."""
_MOST_LETTERS = 200_000
"""Letters of a font that are read; ranges of more are beyond any font."""
_SHOWN = re.compile(
    r"\[((?:[^\[\]\\]|\\.)*?)\]\s*TJ|((?:\((?:[^()\\]|\\.)*\)|<[0-9A-Fa-f\s]+>))\s*(?:Tj|'|\")", re.DOTALL
)
_STRING = re.compile(r"\(((?:[^()\\]|\\.)*)\)|<([0-9A-Fa-f\s]+)>", re.DOTALL)
_LINE = re.compile(r"\b(?:ET|T\*|Td|TD|Tm)\b")
_BACKSLASH = re.compile(r"\\([0-7]{1,3}|.)", re.DOTALL)
_BFCHAR = re.compile(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>")
_BFRANGE = re.compile(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*(?:<([0-9A-Fa-f]+)>|\[([^\]]*)\])")


def parts_of(data: bytes, most: int) -> list[Part] | None:
    """Take a file apart; None where it is no archive, image, document or database.

    Raises
    ------
    GridError
        If more than ``most`` bytes come out.

    Examples
    --------
    >>> import zlib
    >>> parts_of(zlib.compress(b"Wang Fang"), 100)
    [('zlib', b'Wang Fang')]
    """
    if data[:4] == b"PK\x03\x04":
        return list(_zip_parts(data, most))
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return list(_png_parts(data, most))
    if data[:3] == b"\xff\xd8\xff":
        return list(_jpeg_parts(data))
    if data[:1024].lstrip().startswith(b"%PDF"):
        return list(_pdf_parts(data, most))
    if data[:16] == b"SQLite format 3\0":
        return [*_sqlite_parts(data), ("bytes", printable_runs(data))]
    if data[:4] == data[-4:] == b"PAR1":
        return list(_parquet_parts(data, most))
    _require_readable(data)
    if (tables := geodata_of(data)) is not None:
        return [*tables, ("bytes", printable_runs(data))]
    if data[:3] == b"BZh" or data[:6] == b"\xfd7zXZ\0":
        return _squeezed(data, most)
    packed = inflated(data, most) if data[:2] == b"\x1f\x8b" or data[:1] in (b"\x78", b"\x58", b"\x68") else None
    if packed is None:
        return None
    name, out, after = packed
    parts: list[Part] = [(name, out)]
    return [*parts, (f"after {name}", after)] if after.strip(b"\0") else parts


def _require_readable(data: bytes) -> None:
    """Refuse what is compressed in a way that is not undone here, for nothing could be said of it."""
    for name, start in (("7z", b"7z\xbc\xaf"), ("rar", b"Rar!\x1a"), ("zstd", b"\x28\xb5\x2f\xfd")):
        if data.startswith(start):
            raise GridError(
                f"find_leaks: something in the form {name} cannot be read; give the files in it one by one."
            )


def _squeezed(data: bytes, most: int) -> list[Part] | None:
    """What is in bzip2 or xz."""
    reader = bz2.BZ2Decompressor() if data[:3] == b"BZh" else lzma.LZMADecompressor()
    try:
        out = reader.decompress(data, most + 1)
    except (OSError, lzma.LZMAError):
        return None
    if len(out) > most:
        raise GridError(f"find_leaks: something compressed unpacks to more than {most} bytes; it cannot be read.")
    return [("bzip2" if data[:3] == b"BZh" else "xz", out)]


def _parquet_parts(data: bytes, most: int) -> Iterator[Part]:
    """The table of a Parquet file, and what is written about it."""
    try:
        file = parquet.ParquetFile(pa.BufferReader(data))
        size = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
        if size > most:
            raise GridError(f"find_leaks: a Parquet file unpacks to more than {most} bytes; it cannot be read.")
        table = file.read()
    except (pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0]
        raise GridError(f"find_leaks: a Parquet file is damaged or encrypted; it cannot be read ({said}).") from None
    yield "metadata", b"\n".join(b"%s %s" % pair for pair in (table.schema.metadata or {}).items())
    yield "table", arrow_table(table)


_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, OSError, struct.error)


def _zip_parts(data: bytes, most: int) -> Iterator[Part]:
    try:
        yield from _members(zipfile.ZipFile(io.BytesIO(data)), most)
    except _DAMAGED as error:
        raise GridError(f"find_leaks: an archive is damaged; it cannot be read ({error}).") from None


def _members(archive: zipfile.ZipFile, most: int) -> Iterator[Part]:
    with archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > most:
            raise GridError(f"find_leaks: an archive unpacks to more than {most} bytes; it cannot be read.")
        yield "names", "\n".join(member.filename for member in members)
        yield "comments", b"\n".join([archive.comment, *(member.comment for member in members)])
        for member in members:
            if member.flag_bits & 1:
                raise GridError(f"find_leaks: {member.filename} in an archive is encrypted; it cannot be read.")
            with archive.open(member) as stream:
                content = stream.read(most + 1)
            if len(content) > most:
                raise GridError(f"find_leaks: an archive unpacks to more than {most} bytes; it cannot be read.")
            yield member.filename, content
        yield from _sheets(archive)


def _sheets(archive: zipfile.ZipFile) -> Iterator[Part]:
    """The sheets of an xlsx as tables."""
    names = set(archive.namelist())
    if "xl/workbook.xml" not in names:
        return
    shared: list[str] = []
    if "xl/sharedStrings.xml" in names:
        text = archive.read("xl/sharedStrings.xml").decode("utf-8", "replace")
        shared = ["".join(_contents(item, "t")) for item in _contents(text, "si")]
    for name in sorted(names):
        if name.startswith("xl/worksheets/") and name.endswith(".xml"):
            text = archive.read(name).decode("utf-8", "replace")
            rows = [_sheet_row(row, shared) for row in _contents(text, "row")]
            if rows:
                yield f"{name} table", Table([str(value) for value in rows[0]], rows[1:])


def _contents(text: str, name: str) -> list[str]:
    return [text[part.start : part.end] for part in elements(text, (name,))]


def _sheet_cells(row: str) -> Iterator[tuple[str, str]]:
    """Attributes and content of the cells of a row; many have no content."""
    for cell in row.split("<c ")[1:]:
        attributes, _, content = cell.partition(">")
        yield attributes.rstrip("/"), "" if attributes.endswith("/") else content.partition("</c>")[0]


def _sheet_row(row: str, shared: list[str]) -> list[object]:
    values: list[object] = []
    for attributes, content in _sheet_cells(row):
        place = re.search(r'\br="([A-Z]+)', attributes)
        if place:
            column = 0
            for letter in place[1]:
                column = column * 26 + ord(letter) - 64
            values += [""] * (min(column, 16_384) - 1 - len(values))
        inner = "".join(content[part.start : part.end] for part in elements(content, ("v", "t")))
        known = 't="s"' in attributes and inner.isdigit() and int(inner) < len(shared)
        values.append(shared[int(inner)] if known else inner)
    return values


def _png_parts(data: bytes, most: int) -> Iterator[Part]:
    place = 8
    while place + 12 <= len(data):
        size, name = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + size]
        place += size + 12
        if name in (b"tEXt", b"zTXt", b"iTXt"):
            yield name.decode("ascii"), _png_text(name, body, most)
        elif name == b"eXIf":
            yield "eXIf", body
            yield from _position("eXIf", body)
        elif name == b"IEND":
            break
        elif name not in (b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"pHYs", b"gAMA", b"cHRM", b"sRGB", b"bKGD", b"tIME"):
            yield name.decode("latin-1"), body
    if data[place:]:
        yield "after IEND", data[place:]


def _png_text(name: bytes, body: bytes, most: int) -> bytes:
    key, _, rest = body.partition(b"\0")
    if name == b"zTXt":
        rest = _inflate(rest[1:], most)
    elif name == b"iTXt":
        text = rest[2:].split(b"\0", 2)[-1]
        rest = _inflate(text, most) if rest[:1] == b"\1" else text
    return key + b": " + rest


def _inflate(data: bytes, most: int) -> bytes:
    found = inflated(data, most)
    return found[1] if found else data


def _jpeg_parts(data: bytes) -> Iterator[Part]:
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != 0xDA:
        size = int.from_bytes(data[place + 2 : place + 4], "big")
        if data[place + 1] >= 0xE0:
            body = data[place + 4 : place + 2 + size]
            yield f"segment {data[place + 1]:x}", body
            if body[:6] == b"Exif\0\0":
                yield from _position("Exif", body[6:])
        place += 2 + size
    yield "after the image", data[data.rfind(b"\xff\xd9") + 2 :]


def _position(name: str, tiff: bytes) -> Iterator[Part]:
    """The place where a picture was taken, as text, if its tags have one."""
    order = "<" if tiff[:2] == b"II" else ">"
    try:
        tags = _tags(tiff, order, struct.unpack(order + "I", tiff[4:8])[0])
        place = _tags(tiff, order, tags[0x8825]) if 0x8825 in tags else {}
        pair = []
        for tag in (2, 4):
            parts = struct.unpack(order + "6I", tiff[place[tag] : place[tag] + 24])
            pair.append(sum(parts[2 * i] / max(parts[2 * i + 1], 1) / 60**i for i in range(3)))
    except (struct.error, KeyError):
        return
    yield f"{name} position", f"POINT({pair[1]:.7f} {pair[0]:.7f})"


def _tags(tiff: bytes, order: str, place: int) -> dict[int, int]:
    (count,) = struct.unpack(order + "H", tiff[place : place + 2])
    entries = (tiff[place + 2 + 12 * i : place + 14 + 12 * i] for i in range(min(count, 500)))
    return {tag: value for tag, _, _, value in (struct.unpack(order + "HHII", entry) for entry in entries)}


def _pdf_parts(data: bytes, most: int) -> Iterator[Part]:
    if re.search(rb"/Encrypt\s+\d", data):
        raise GridError("find_leaks: a PDF is encrypted; it cannot be read.")
    streams = []
    outline: list[bytes] = []
    place = 0
    for number, (begin, start, end, after) in enumerate(_streams(data), 1):
        outline.append(data[place:begin] + b">> ")
        place = after
        head, body = data[max(data.rfind(b"obj", max(begin - _HEAD, 0), begin), 0) : begin], data[start:end]
        if b"/Image" in head or b"/FontFile" in head or b"/Length1" in head:
            continue
        if b"ASCII85Decode" in head or b"/A85" in head:
            body = _ascii85(body)
        if b"FlateDecode" in head or b"/Fl" in head:
            body = _inflate(body, most)
        streams.append((number, body))
    outside = b"".join([*outline, data[place:]])
    yield "objects", outside
    yield "strings", _pdf_strings(outside.decode("latin-1"), [{}])
    texts = [(number, body, body.decode("latin-1")) for number, body in streams]
    maps = [_letters(text) for _, _, text in texts if "begincmap" in text]
    for number, body, text in texts:
        if "begincmap" in text:
            continue
        if "BT" in text and re.search(r"\bT[jJ]\b", text):
            yield f"stream {number} text", _pdf_text(text, [{}, *maps])
        else:
            yield f"stream {number}", body
            yield f"stream {number} strings", _pdf_strings(text, [{}]) if "/Type" in text else ""


def _streams(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Where streams begin, where their bytes start and end, and where what comes after them begins."""
    place = 0
    while (found := _STREAM.search(data, place)) and (end := _END_STREAM.search(data, found.end())):
        yield found.start(), found.end(), end.start(), end.end()
        place = end.end()


def _between(text: str, first: str, last: str) -> Iterator[str]:
    """What stands between two words, each time."""
    place = text.find(first)
    while place >= 0 and (end := text.find(last, place)) >= 0:
        yield text[place + len(first) : end]
        place = text.find(first, end)


def _ascii85(body: bytes) -> bytes:
    try:
        return base64.a85decode(body.strip().removesuffix(b"~>"))
    except ValueError:
        return body


def _letters(text: str) -> dict[int, str]:
    """Which letters the codes of a font stand for; under -1 how many bytes a code has."""
    known: dict[int, str] = {}
    left = _MOST_LETTERS
    for block in _between(text, "beginbfrange", "endbfrange"):
        for first, last, start, each in _BFRANGE.findall(block):
            low, high = int(first, 16), min(int(last, 16), int(first, 16) + 65_535)
            targets = re.findall(r"<([0-9A-Fa-f]+)>", each)
            high = min(high, low + left - 1)
            left -= max(high - low + 1, 0)
            for i in range(high - low + 1):
                known[low + i] = (
                    _utf16(targets[i]) if i < len(targets) else chr((int(start or "20", 16) + i) % 0x110000)
                )
    for block in _between(text, "beginbfchar", "endbfchar"):
        known |= {int(code, 16): _utf16(target) for code, target in _BFCHAR.findall(block)}
    first = re.search(r"beginbf(?:char|range)\s*<([0-9A-Fa-f]+)>", text)
    return {**known, -1: "." * (len(first[1]) // 2 if first else 1)}


def _utf16(digits: str) -> str:
    return bytes.fromhex(digits.zfill(-(-len(digits) // 4) * 4)).decode("utf-16-be", "replace")


def _pdf_text(text: str, maps: list[dict[int, str]]) -> str:
    """What a page shows, once for each font that it could be written in."""
    found = []
    for letters in maps:
        shown = []
        for piece in re.split(_LINE, text):
            line = [_pdf_strings(array or single, [letters], "") for array, single in _SHOWN.findall(piece)]
            shown.append("".join(line))
        found.append("\n".join(line for line in shown if line))
        found.append("".join(shown))
    return "\n\n".join(dict.fromkeys(found))


def _pdf_strings(text: str, maps: list[dict[int, str]], between: str = "\n") -> str:
    parts = []
    for letters in maps:
        for written, digits in _STRING.findall(text):
            if digits:
                digits = re.sub(r"\s", "", digits)
                data = bytes.fromhex(digits + "0" * (len(digits) % 2))
            else:
                data = _BACKSLASH.sub(_pdf_escape, written).encode("latin-1", "replace")
            parts.append(_pdf_string(data, letters))
    return between.join(parts)


def _pdf_escape(found: re.Match[str]) -> str:
    sign = found[1]
    if sign[0] in "01234567":
        return chr(int(sign, 8) & 255)
    return {"n": "\n", "r": "\r", "t": "\t", "\n": ""}.get(sign, sign)


def _pdf_string(data: bytes, letters: dict[int, str]) -> str:
    if data.startswith(b"\xfe\xff"):
        return data[2:].decode("utf-16-be", "replace")
    if not letters:
        return data.decode("latin-1")
    width = max(len(letters[-1]), 1)
    codes = [int.from_bytes(data[i : i + width], "big") for i in range(0, len(data), width)]
    return "".join(letters.get(code, "") for code in codes)


def _sqlite_parts(data: bytes) -> Iterator[Part]:
    with closing(sqlite3.connect(":memory:")) as base:
        base.text_factory = lambda raw: raw.decode("utf-8", "replace")
        try:
            base.deserialize(data[:18] + b"\1\1" + data[20:])  # one written with a journal opens as well
            tables = base.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        except sqlite3.Error:
            return
        for (name,) in tables:
            if name.startswith(("rtree_", "sqlite_", "gpkg_")) and name != "gpkg_metadata":
                continue
            try:
                asked = base.execute('SELECT * FROM "' + name.replace('"', '""') + '"')
                columns = [str(column[0]) for column in asked.description]
                rows = [[_cell(value) for value in row] for row in asked]
            except sqlite3.Error:  # a virtual table of an extension; its own tables are read
                continue
            yield f"table {name}", Table(columns, rows)


def _cell(value: object) -> object:
    """A geometry that is a point as well-known text; other bytes as they are."""
    if not isinstance(value, bytes):
        return value
    body = value
    if value[:2] == b"GP" and len(value) > 8:
        body = value[8 + (0, 32, 48, 48, 64, 0, 0, 0)[value[3] >> 1 & 7] :]
    return point_text(body) or (None if value[:2] == b"GP" else value)


def point_text(data: bytes) -> str | None:
    """Give well-known binary of a point as text; None for all else.

    Examples
    --------
    >>> import shapely
    >>> point_text(shapely.Point(113.5, 36.25).wkb)
    'POINT(113.5000000 36.2500000)'
    """
    if len(data) < 21 or data[0] > 1:
        return None
    order = "<" if data[0] else ">"
    kind = struct.unpack(order + "I", data[1:5])[0]
    start = 9 if kind & 0x20000000 else 5
    plain = kind & 0x1FFFFFFF  # without the flags for Z, M and a CRS
    if plain in (4, 1004, 2004, 3004):
        return point_text(data[9:])
    if plain not in (1, 1001, 2001, 3001) or len(data) < start + 16:
        return None
    x, y = struct.unpack(order + "2d", data[start : start + 16])
    meant = all(value == 0 or _LEAST_PLACE <= abs(value) <= _MOST_PLACE for value in (x, y))  # also not NaN
    return f"POINT({x:.7f} {y:.7f})" if meant and (x or y) else None
