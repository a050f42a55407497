"""Bookmarks for a PDF that matplotlib wrote: appended as an update, as the format foresees."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gridgis.contract import GridError


def with_outline(data: bytes, entries: Sequence[tuple[str, int]], lang: str) -> bytes:
    """Add bookmarks to a PDF, and show them when it is opened.

    Parameters
    ----------
    data : bytes
        A PDF with a plain cross-reference table, as matplotlib writes it.
    entries : sequence of (str, int)
        Title and page (from 0) of each bookmark; the others stand under the first.
    lang : str
        The language of the document, "zh-CN" say.

    Raises
    ------
    GridError
        If the file is not built like that.
    """
    trailer = re.search(rb"trailer\s*<<(.*?)>>\s*startxref\s*(\d+)", data, re.DOTALL)
    catalog = re.search(rb"\n(\d+) 0 obj\s*<<((?:(?!endobj).)*?/Type /Catalog.*?)>>\s*endobj", data, re.DOTALL)
    kids = re.search(rb"/Kids \[([^\]]*)\]", data)
    if not trailer or not catalog or not kids or not entries:
        raise GridError("the PDF is not built as bookmarks need it; is this version of matplotlib supported?")
    pages = re.findall(rb"(\d+) 0 R", kids[1])
    size = int(_found(rb"/Size (\d+)", trailer[1]))
    objects = _outline(entries, pages, size)
    more = f"/Outlines {size} 0 R /PageMode /UseOutlines /Lang ({lang})".encode()
    objects[int(catalog[1])] = b"<<" + catalog[2] + more + b" >>"
    rest = re.sub(rb"/Size \d+", f"/Size {size + len(objects) - 1}".encode(), trailer[1])
    return data + _update(len(data), objects, rest + b"/Prev " + trailer[2])


def _found(pattern: bytes, text: bytes) -> bytes:
    found = re.search(pattern, text)
    if not found:
        raise GridError("the PDF lacks a part that bookmarks need.")
    return found[1]


def _outline(entries: Sequence[tuple[str, int]], pages: Sequence[bytes], root: int) -> dict[int, bytes]:
    """Write the objects: the root, the first bookmark, and the others as its children."""
    first, last = root + 1, root + len(entries)
    objects = {root: f"<< /Type /Outlines /First {first} 0 R /Last {first} 0 R /Count {len(entries)} >>".encode()}
    for number, (title, page) in enumerate(entries):
        here = first + number
        links = f"/Parent {root if number == 0 else first} 0 R"
        if number == 0 and last > first:
            links += f" /First {first + 1} 0 R /Last {last} 0 R /Count {len(entries) - 1}"
        if number > 1:
            links += f" /Prev {here - 1} 0 R"
        if number > 0 and here < last:
            links += f" /Next {here + 1} 0 R"
        text = (b"\xfe\xff" + title.encode("utf-16-be")).hex()
        where = f"/Dest [{pages[page].decode()} 0 R /Fit]"
        objects[here] = f"<< /Title <{text}> {links} {where} >>".encode()
    return objects


def _update(start: int, objects: dict[int, bytes], trailer: bytes) -> bytes:
    """Write objects, the table of where they lie, and a trailer that names the table before."""
    body, table = b"", b"xref\n"
    for number in sorted(objects):
        table += f"{number} 1\n{start + len(body):010d} 00000 n \n".encode()
        body += f"{number} 0 obj\n".encode() + objects[number] + b"\nendobj\n"
    end = f">>\nstartxref\n{start + len(body)}\n%%EOF\n".encode()
    return body + table + b"trailer\n<<" + trailer + end
