"""The page around a map: one file, no outside address, a content policy that runs our scripts and no others."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from html import escape
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

from branca.element import CssLink, Element, Figure, JavascriptLink
from jinja2 import TemplateError

from gridgis.contract import GridError, listed
from gridgis.maps import labels
from gridgis.maps.literal import text_only, walk

_SCRIPT = re.compile(r"<script\b[^>]*>(.*?)</script\s*>", re.IGNORECASE | re.DOTALL)
_VIEWPORT = re.compile(r'<meta\s+name="viewport"[^>]*>', re.IGNORECASE)
_ID = re.compile(r"[0-9a-f]{32}")
_CSS_ADDRESS = re.compile(r"""(?:url\(\s*|@import\s+)["']?\s*([^"')\s;]+)""", re.IGNORECASE)
_LOADING = {"src", "srcset", "poster", "background", "xlink:href"}


@cache
def asset(name: str) -> str:
    """Read a file that comes with the package, as text; an image as a ``data:`` address."""
    path = files("gridgis.maps") / "assets" / name
    if name.endswith(".png"):
        return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
    return path.read_text(encoding="utf-8")


@cache
def leaflet() -> tuple[str, str]:
    """Give Leaflet's script and style, with its images inside and nothing to fetch."""
    style = re.sub(r"url\(images/([\w.-]+)\)", lambda found: f"url({asset(found[1])})", asset("leaflet.css"))
    style = style.replace("behavior: url(#default#VML);", "")
    return re.sub(r"\n//# sourceMappingURL=\S+\s*$", "\n", asset("leaflet.js")), style


def json_block(value: object) -> str:
    r"""Write a value as JSON that no HTML parser can take for the end of its block.

    Examples
    --------
    >>> json_block("</script>&")
    '"\\u003c/script\\u003e\\u0026"'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029\ud800-\udfff\ufffe\uffff]", lambda found: f"\\u{ord(found[0]):04x}", text)


class Raw(Element):
    """A piece of a page that is written as it is, never read as a template."""

    def __init__(self, text: str):
        super().__init__()
        self._name = "Raw"
        self.text = text

    def render(self, **kwargs: Any) -> str:
        """Give the text."""
        return self.text


class Data(Raw):
    """A block of JSON that a script reads by its id; it cannot run."""

    def __init__(self, name: str, value: object):
        super().__init__(f'<script type="application/json" id="{name}">{json_block(value)}</script>')


class Page(Figure):
    """A figure that renders to one offline page; `gridgis.maps.GridMap` makes its own."""

    def __init__(self, lang: str, title: str):
        super().__init__(height="480px", title=title)
        self.lang = lang

    def render(self, **kwargs: Any) -> str:
        """Write the page; the same map gives the same bytes.

        Raises
        ------
        GridError
            If a child needs an outside address, puts a script where only HTML belongs, or cannot be written.
        """
        _refuse_addresses(self)
        parts = (self.header, self.html, self.script)
        before = [part._children.copy() for part in parts]
        try:
            with text_only(self):
                for child in list(self._children.values()):
                    child.render(**kwargs)
                head, body, code = _numbered("\0".join(self._parts()), self).split("\0")
        except TemplateError as error:
            raise GridError(
                f"the text of a folium child reads as a broken template ({error}); take '{{%' out."
            ) from None
        finally:  # rendering adds to the parts, and would add more each time
            for part, children in zip(parts, before, strict=True):
                part._children = children
        return _page(self, head, body, code)

    def _parts(self) -> list[str]:
        """Head, body and script as text, each free of the character that parts them."""
        head = [_piece(name, child) for name, child in self.header._children.items() if name != "meta_http"]
        body = [_piece(name, child) for name, child in self.html._children.items()]
        script = [_piece(name, child) for name, child in self.script._children.items()]
        for piece, child in zip(body, self.html._children.values(), strict=True):
            if not isinstance(child, Data) and "<script" in piece.lower():
                raise GridError("a script among the HTML of the page would not run; add it to get_root().script.")
        code = "\n".join([*self._aids("\n".join(script)), *script])
        return [clean(text) for text in ("\n".join(head), "\n".join(body), code)]

    def _aids(self, script: str) -> list[str]:
        """Give what stock children need beside Leaflet: images of markers, and the one jQuery call of popups."""
        import folium

        aids = []
        if "L.marker(" in script or "L.Marker(" in script:
            images = {
                "iconUrl": asset("marker-icon.png"),
                "iconRetinaUrl": asset("marker-icon-2x.png"),
                "shadowUrl": asset("marker-shadow.png"),
            }
            aids.append(f"L.Icon.Default.imagePath = ''; L.Icon.Default.mergeOptions({json.dumps(images)});")
        ordered = any(getattr(child, "objects_to_stay_in_front", None) for child in self._children.values())
        if ordered or any(isinstance(child, folium.Popup) for child in walk(self)):
            aids.append(asset("popup.js"))
        return aids

    def _repr_html_(self, **kwargs: Any) -> str:
        """Show the page in a notebook, in a frame that may run its scripts and nothing else."""
        page, title = escape(self.render(**kwargs)), escape(clean(self.title or ""))
        width, height = escape(self.width), escape(self.height or "480px")
        return (
            f'<iframe srcdoc="{page}" width="{width}" height="{height}" style="border:0" sandbox="allow-scripts" '
            f'title="{title}"></iframe>'
        )


def clean(text: str) -> str:
    """Give text as an HTML parser will see it, so that hashes fit."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return text.encode("utf-8", "replace").decode("utf-8")


def _piece(name: str, child: Any) -> str:
    """Render one piece; refuse links, and take folium's finished text as it is, not as a template once more."""
    if isinstance(child, JavascriptLink | CssLink):
        raise GridError(
            f"the page needs an outside address, {child.url} (for {name}), and would be blank without a network; "
            "use a child without it, or a plain folium.Map."
        )
    if type(child) is Element and child._template_str is not None and not child._children:
        text = str(child._template_str)
    else:
        text = str(child.render())
    if not isinstance(child, Raw):
        _refuse_loads(_SCRIPT.sub("", text), name)
    return text


class _Loads(HTMLParser):
    """Gathers the addresses that a piece of HTML would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in _LOADING or (tag == "link" and name == "href") or (tag == "object" and name == "data"):
                self.found.append(value or "")
            if name == "style":
                self.found += _CSS_ADDRESS.findall(value or "")

    def handle_data(self, data: str) -> None:
        self.found += _CSS_ADDRESS.findall(data) if self.lasttag == "style" else []


def _refuse_loads(text: str, name: str) -> None:
    loads = _Loads()
    loads.feed(text)
    loads.close()
    outside = [found for found in loads.found if found and not found.startswith(("data:", "#"))]
    if outside:
        raise GridError(f"the page needs an outside address, {listed(outside)} (for {name}); put its content in.")


def _refuse_addresses(page: Page) -> None:
    """Tiles, pictures and linked data: what a script, not the HTML, would fetch."""
    import folium

    for element in walk(page):
        if isinstance(element, folium.Icon):
            raise GridError("folium.Icon needs outside fonts and styles; use folium.DivIcon or a CircleMarker.")
        linked = [getattr(element, name, None) for name in ("tiles", "url", "embed_link", "icon_url")]
        for value in linked:
            if isinstance(value, str) and value and not value.startswith("data:"):
                raise GridError(
                    f"{element._name} needs an outside address, {value}; a GridMap is one file that opens without "
                    "a network. Put the content in, or use a plain folium.Map."
                )


def _numbered(text: str, page: Page) -> str:
    """Replace the random ids of a page by numbers, in order of appearance; nothing else that looks like one."""
    known = {element._id for element in walk(page)}
    order: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        if found[0] not in known:
            return found[0]
        return order.setdefault(found[0], f"{len(order) + 1:032x}")

    return _ID.sub(number, text)


def _page(page: Page, head: str, body: str, code: str) -> str:
    """Write the document from head, body and script."""
    code = re.sub(r"</(?=script)", r"<\\/", code, flags=re.IGNORECASE).replace("<!--", r"<\!--")
    engine, style = leaflet()
    title, noscript = escape(clean(page.title or "")), escape(labels.word("noscript", page.lang))
    scripts = [clean(engine), *_SCRIPT.findall(head), f"\n{code}\n"]
    hashes = " ".join(dict.fromkeys(map(content_hash, scripts)))
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{labels.HTML_LANG[page.lang]}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n<script>{scripts[0]}</script>\n"
        f"{_VIEWPORT.sub('', head)}\n</head>\n<body>\n"
        f"<noscript>{noscript}</noscript>\n{body}\n"
        f"<script>{scripts[-1]}</script>\n</body>\n</html>\n"
    )


def content_hash(script: str) -> str:
    """Name a script or style of the page in a content policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode('utf-8')).digest()).decode('ascii')}'"
