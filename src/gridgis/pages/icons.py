"""Fonts of icons: a page gets the ones its markers name, and the rules of those names only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from gridgis.contract import GridError
from gridgis.pages.literal import SafeHtml
from gridgis.pages.vendored import asset, script, style

_RULE = re.compile(r"((?:\.(?:fa|glyphicon)-[\w-]+::?before\s*,?\s*)+)\{\s*content:[^}]*\}")
_CLASS = re.compile(r"\b(fa|glyphicon)-([\w-]+)")
_MODIFIERS = re.compile(r"fa-(rotate-\d+|spin|pulse|\d+x|lg|sm|xs|fw|solid|regular)$")


def icon_assets(elements: Iterable[Any]) -> tuple[list[str], list[str]]:
    """Give the scripts and styles that the icons of a page need.

    Raises
    ------
    GridError
        If an icon is not in the fonts that come with the package.
    """
    elements = list(elements)
    names = sorted({name for element in elements for name in _names(element)})
    scripts: list[str] = []
    styles: list[str] = []
    if any(_is_awesome(element) for element in elements):
        scripts.append(script("awesome-markers.js"))
        styles.append(re.sub(r"@media[^{]*\{(?:[^{}]*\{[^}]*\})*[^}]*\}", "", style("awesome-markers.css")))
    for font, file in (("fa", "fontawesome.css"), ("glyphicon", "glyphicons.css")):
        asked = [name for name in names if name.startswith(font)]
        if asked:
            styles.append(_subset(file, tuple(asked)))
    if any(name.startswith("fa") for name in names):
        styles.append(_faces(any("far" in _prefixes(element) for element in elements)))
    angles = sorted({int(name.rsplit("-", 1)[1]) for name in names if re.match(r"fa-rotate-[1-9]", name)})
    styles += [f".awesome-marker i.fa-rotate-{angle}{{transform:rotate({angle}deg)}}" for angle in angles]
    return scripts, styles


def _is_awesome(element: Any) -> bool:
    """Tell a marker with a sign in it, or the call-back of a cluster that makes such markers."""
    import folium

    stock = isinstance(element, folium.Icon) and not isinstance(element, folium.CustomIcon)
    return stock or "AwesomeMarkers" in str(getattr(element, "callback", ""))


def _names(element: Any) -> Iterator[str]:
    """Name the icons of an element, as classes."""
    kind, options = type(element).__name__, getattr(element, "options", None)
    options = options if isinstance(options, dict) else {}
    if isinstance(element, SafeHtml):
        yield from (f"{font}-{name}" for font, name in _CLASS.findall(element))
    if "AwesomeMarkers" in str(getattr(element, "callback", "")):
        yield "glyphicon-home"
        yield from (f"{font}-{name}" for font, name in _CLASS.findall(str(element.callback)))
    elif _is_awesome(element):
        font = "glyphicon" if options.get("prefix", "glyphicon") == "glyphicon" else "fa"
        yield _class(font, options.get("icon", "home"))
        extra = options.get("extra_classes", options.get("extraClasses", ""))
        yield from (f"{font}-{name}" for font, name in _CLASS.findall(str(extra)) if name != "rotate-0")
    elif kind == "BeautifyIcon":
        yield _class("fa", options.get("icon") or "leaf")
    elif kind == "TagFilterButton":
        yield _class("fa", options.get("icon") or "filter")
    elif kind == "LocateControl":
        yield from ("fa-map-marker", "fa-location-arrow", "fa-spinner")


def _class(font: str, name: str) -> str:
    return name if name.startswith(f"{font}-") else f"{font}-{name}"


def _prefixes(element: Any) -> str:
    options = getattr(element, "options", None)
    return (
        str(options.get("prefix", ""))
        if isinstance(options, dict)
        else str(element if isinstance(element, str) else "")
    )


@cache
def _subset(file: str, names: tuple[str, ...]) -> str:
    """Give the style of a font with the rules of the named icons only."""
    known: set[str] = set()

    def kept(found: re.Match[str]) -> str:
        classes = {part.strip().lstrip(".").split(":")[0] for part in found[1].split(",")}
        known.update(classes)
        return found[0] if classes & set(names) else ""

    text = _RULE.sub(kept, style(file) if file.startswith("glyph") else asset(file))
    for name in names:
        if name not in known and not _MODIFIERS.match(name):
            raise GridError(
                f"the icon {name!r} is not in the fonts that come with the package (Font Awesome 6 free, solid and "
                "regular; Glyphicons); take another, or a DivIcon."
            )
    return text


@cache
def _faces(regular: bool) -> str:
    kinds = [(900, "fa-solid-900.woff2", "fas"), (400, "fa-regular-400.woff2", "far")]
    return "".join(
        f'@font-face{{font-family:"Font Awesome 6 Free";font-style:normal;font-weight:{weight};'
        f'src:url({asset(file)}) format("woff2")}}.{kind}{{font-weight:{weight}}}'
        for weight, file, kind in kinds[: 2 if regular else 1]
    )
