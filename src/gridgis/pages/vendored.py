"""What comes with the package: libraries of other people, each with version, checksum and licence, asked by address."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_TYPES = {".png": "image/png", ".gif": "image/gif", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
_VERSION = re.compile(r"@[\w.-]+(?=/)|/\d+(\.\d+)+(?=/)")
_LINKED = re.compile(r"""url\(\s*["']?(?!data:|#)([^"')]+)["']?\s*\)""")
_MODULES = {"side-by-side.js": ("side-by-side-layout.css", "side-by-side-range.css")}


@cache
def asset(name: str) -> str:
    """Read a file that comes with the package, as text; an image or a font as a ``data:`` address."""
    path = files("gridgis.pages") / "assets" / name
    kind = _TYPES.get(name[name.rfind(".") :])
    if kind:
        return f"data:{kind};base64," + base64.b64encode(path.read_bytes()).decode("ascii")
    return path.read_text(encoding="utf-8")


@cache
def script(name: str) -> str:
    """Give a script of a library, ready for a page: it asks for nothing."""
    text = re.sub(r"\n?//[#@] sourceMappingURL=\S+\s*$", "\n", asset(name))
    if name != "leaflet.js":
        text = text.replace("L.Mixin.Events", "L.Evented.prototype")  # the old name, which Leaflet warns of
    if name == "search.js":
        text = text.replace(".innerHTML=a", ".textContent=a").replace(".innerHTML=b", ".textContent=b")  # found text
    if name in _MODULES:
        text = f"(function (require, module, exports) {{\n{text}\n}})(function () {{ return L; }}, {{}}, {{}});\n"
    return text


@cache
def style(name: str) -> str:
    """Give a style of a library, with its images inside and nothing to fetch."""

    def inside(found: re.Match[str]) -> str:
        image = found[1].rsplit("/", 1)[-1]
        return f"url({asset(image if _exists(image) else image.replace('@2x', ''))})"

    text = asset(name).replace("behavior: url(#default#VML);", "")
    return _LINKED.sub(inside, _tight(text))


def _tight(sheet: str) -> str:
    r"""Take comments but licences, and needless space, out of a style sheet.

    Examples
    --------
    >>> _tight("/* a */ .b , .c {\n  color: red;\n}")
    '.b,.c{color:red}'
    """
    text = re.sub(r"/\*(?!!).*?\*/", "", sheet, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r" ?([{};,>]) ?", r"\1", text)
    return re.sub(r"(?<=[\w-]): (?=[^{}]*\})", ":", text).replace(";}", "}").strip()


def _exists(name: str) -> bool:
    return (files("gridgis.pages") / "assets" / name).is_file()


@cache
def leaflet() -> tuple[str, str]:
    """Give Leaflet's script and style; the images that only some controls show are in `layer_images`."""
    return script("leaflet.js"), re.sub(
        r"[^{}]*\{background-image:url\([^)]*\)(;[^}]*)?\}", _without_image, style("leaflet.css")
    )


def _without_image(found: re.Match[str]) -> str:
    rest = (found[1] or "").lstrip(";")
    return f"{found[0].split('{')[0]}{{{rest}}}" if rest else ""


@cache
def layer_images() -> str:
    """Give the rules of Leaflet's style that show the sign of a layer control."""
    rules = re.findall(r"[^{}]*layers-toggle\{background-image:url\([^)]*\)", style("leaflet.css"))
    return "".join(f"{rule}}}" for rule in rules)


@cache
def _by_address() -> Mapping[str, str]:
    libraries = json.loads(asset("manifest.json"))["libraries"]
    return {plain_address(address): name for one in libraries for address, name in one["addresses"].items()}


def plain_address(address: str) -> str:
    """Give an address without its version, so that another version of folium asks for the same file.

    Examples
    --------
    >>> plain_address("https://cdn.jsdelivr.net/npm/leaflet-search@2.9.7/dist/leaflet-search.min.js")
    'https://cdn.jsdelivr.net/npm/leaflet-search/dist/leaflet-search.min.js'
    """
    return _VERSION.sub("", address)


def of_address(address: str) -> tuple[list[str], list[str]] | None:
    """Give the scripts and styles that stand for an outside address; None where nothing of the package does.

    Examples
    --------
    >>> scripts, styles = of_address("https://unpkg.com/leaflet.boatmarker/leaflet.boatmarker.min.js")
    >>> len(scripts), len(styles)
    (1, 0)
    """
    name = _by_address().get(plain_address(address))
    if name is None:
        return None
    if name.endswith(".css"):
        return [], [style(name)]
    return [script(name)], [style(other) for other in _MODULES.get(name, ())]
