"""The page around a map: one file, no outside address, a content policy that runs our scripts and no others."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from branca.element import CssLink, Element, Figure, JavascriptLink
from jinja2 import TemplateError

from gridgis.contract import GridError
from gridgis.maps import labels
from gridgis.maps.texts import BLOCK
from gridgis.pages.basemaps import BaseMap, require_one_frame
from gridgis.pages.icons import icon_assets
from gridgis.pages.legends import needs_legends
from gridgis.pages.literal import text_only, walk
from gridgis.pages.loads import refuse_loads
from gridgis.pages.scripts import packed_scripts
from gridgis.pages.vendored import asset, layer_images, leaflet, of_address, script, style

__all__ = ["Data", "Document", "Page", "Raw", "asset", "clean", "content_hash", "json_block", "leaflet", "one_file"]

_RUNS = r"""<script\b(?![^>]*\btype=["']?(?:text/plain|application/(?:geo\+)?json)\b)[^>]*>"""
_SCRIPT = re.compile(_RUNS + r"(.*?)</script\s*>", re.IGNORECASE | re.DOTALL)
_STYLE = re.compile(r"<style\b[^>]*>(.*?)</style\s*>", re.IGNORECASE | re.DOTALL)
_VIEWPORT = re.compile(r'<meta\s+name="viewport"[^>]*>', re.IGNORECASE)
_ID = re.compile(r"[0-9a-f]{32}")
_ADDRESSED = ("tiles", "url", "embed_link", "icon_url", "image")


_STYLE_OF_PAGE = """\
main { display: contents; }
.gridgis-title {
  position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
.leaflet-container { background: #f6f7f9; }
.leaflet-container:focus-visible { outline: 3px solid #1a73e8; outline-offset: -3px; }
.leaflet-popup-content table { font-size: 13px; line-height: 1.35; }
.leaflet-popup-content :is(th, td) { overflow-wrap: anywhere; }
@media (prefers-reduced-motion: reduce) {
  .leaflet-container, .leaflet-container * { transition: none !important; animation: none !important; }
}"""
_CALM = """
L.Popup.mergeOptions({ autoPanPaddingTopLeft: [44, 8] });
if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) {
  L.Map.mergeOptions({ zoomAnimation: false, fadeAnimation: false, markerZoomAnimation: false, inertia: false });
  L.PosAnimation.include({ run: (function (run) {
    return function (node, place) { run.call(this, node, place, 1e-6); };
  })(L.PosAnimation.prototype.run) });
}"""
"""Popups keep clear of the buttons; where readers asked their device for less motion, maps jump and do not glide."""
_DRAWN = """
(window.gridgis && gridgis.drawn || Promise.resolve()).then(function () {
  document.querySelectorAll("figure.gridgis-picture").forEach(function (figure) { figure.remove(); });
});"""


@dataclass(frozen=True)
class Document:
    """What a page consists of, before it becomes one file or several.

    Attributes
    ----------
    lang, title : str
        Of the page.
    styles, scripts : tuple of str
        In order; the last script draws the map.
    head, body : str
        The rest of the HTML, without styles and scripts; blocks of data stand in the body.
    picture : str
        What readers without scripts see; may be empty.
    hosts : tuple of str
        From where pictures may come.
    """

    lang: str
    title: str
    styles: tuple[str, ...]
    scripts: tuple[str, ...]
    head: str
    body: str
    picture: str = ""
    hosts: tuple[str, ...] = ()


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
    """A figure that renders to one offline page; `gridgis.GridMap` makes its own."""

    def __init__(self, lang: str, title: str):
        super().__init__(height="480px", title=title)
        self.lang = lang

    def render(self, **kwargs: Any) -> str:
        """Write the page as one file; the same map gives the same bytes.

        Raises
        ------
        GridError
            As for `document`.
        """
        return one_file(self.document(**kwargs))

    def document(self, **kwargs: Any) -> Document:
        """Put together what the page consists of.

        Raises
        ------
        GridError
            If a child needs an outside address, puts a script where only HTML belongs, or cannot be written.
        """
        elements = list(walk(self))
        hosts = _hosts(elements)
        _refuse_addresses(elements)
        parts = (self.header, self.html, self.script)
        before = [part._children.copy() for part in parts]
        try:
            with text_only(self):
                for child in list(self._children.values()):
                    child.render(**kwargs)
                elements = list(walk(self))
                links = _linked(self, elements)
                text = "\0".join(self._parts(elements))
                head, body, code, picture = _numbered(text, elements).split("\0")
        except TemplateError as error:
            raise GridError(
                f"the text of a folium child reads as a broken template ({error}); take '{{%' out."
            ) from None
        finally:  # rendering adds to the parts, and would add more each time
            for part, children in zip(parts, before, strict=True):
                part._children = children
        made = Document(self.lang, clean(self._heading), (), (), "", body, picture, hosts)
        return _filled(made, head, code, links)

    @property
    def _heading(self) -> str:
        """The title of the page; a plain word where it has none."""
        return str(self.title or labels.word("untitled", self.lang))

    def _parts(self, elements: list[Any]) -> list[str]:
        """Head, body, script and picture as text, each free of the character that parts them."""
        import folium

        head = [_markup(name, child) for name, child in self.header._children.items() if name != "meta_http"]
        body = [_markup(name, child) for name, child in self.html._children.items()]
        script = [_piece(child) for child in self.script._children.values()]
        for piece in body:
            if _SCRIPT.search(piece):
                raise GridError("a script among the HTML of the page would not run; add it to get_root().script.")
        picture = "".join(getattr(element, "picture", "") for element in elements if isinstance(element, folium.Map))
        code = "\n".join([_CALM, *_aids("\n".join(script)), *map(_named, script), _DRAWN if picture else ""])
        return [clean(text) for text in ("\n".join(head), "\n".join(body), code, picture)]

    def _repr_html_(self, **kwargs: Any) -> str:
        """Show the page in a notebook, in a frame that may run its scripts and nothing else."""
        page, title = escape(self.render(**kwargs)), escape(clean(self._heading))
        width, height = escape(str(self.width)), escape(str(self.height or "480px"))
        return (
            f'<iframe srcdoc="{page}" width="{width}" height="{height}" style="border:0" sandbox="allow-scripts" '
            f'title="{title}"></iframe>'
        )


def _filled(made: Document, head: str, code: str, links: tuple[list[str], list[str]]) -> Document:
    """Sort the head into styles, scripts and the rest; Leaflet stands first, then what came with the package."""
    engine, sheet = leaflet()
    sheet += layer_images() if "ayers(" in code or "layers.tree(" in code else ""
    code = code.replace("<!--", r"<\!--")
    scripts = [engine, *links[0], *_SCRIPT.findall(head), f"\n{code}\n"]
    scripts = [re.sub(r"</(?=script)", r"<\\/", clean(text), flags=re.IGNORECASE) for text in scripts]
    styles = [sheet, _STYLE_OF_PAGE, *links[1], *_STYLE.findall(head), *_STYLE.findall(made.body)]
    rest = _VIEWPORT.sub("", _STYLE.sub("", _SCRIPT.sub("", head))).strip()
    body = _landmarks(_STYLE.sub("", made.body), made.title)
    return replace(made, styles=tuple(styles), scripts=tuple(scripts), head=rest, body=body)


def _landmarks(body: str, title: str) -> str:
    """Put the content of a page into its main part, under a heading, where it has none of its own."""
    heading = "" if re.search(r"<h1\b", body, re.IGNORECASE) else f'<h1 class="gridgis-title">{escape(title)}</h1>\n'
    return body if re.search(r"<main\b", body, re.IGNORECASE) else f"<main>\n{heading}{body}\n</main>"


def one_file(made: Document) -> str:
    """Write a document as one file."""
    block, loader = packed_scripts(made.scripts[:-1], script("coding.js"))
    hashes = " ".join(dict.fromkeys(map(content_hash, [loader, *made.scripts])))
    fonts = " font-src data:;" if any("@font-face" in sheet for sheet in made.styles) else ""
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src {_pictures(made, 'data:')};"
        f"{fonts} connect-src 'none'; base-uri 'none'; form-action 'none'"
    )
    styles = "".join(f"<style>\n{sheet.strip()}\n</style>\n" for sheet in made.styles)
    packed = f'<script type="text/plain" id="{BLOCK}">\n{block}\n</script>\n<script>{loader}</script>\n'
    return (
        f"{opening(made, policy)}{styles}{packed}{made.head}\n</head>\n<body>\n"
        f"{without_scripts(made)}{made.body}\n<script>{made.scripts[-1]}</script>\n</body>\n</html>\n"
    )


def opening(made: Document, policy: str) -> str:
    """Write the beginning of a page: its language, policy and title."""
    return (
        f'<!DOCTYPE html>\n<html lang="{labels.HTML_LANG[made.lang]}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(made.title)}</title>\n"
    )


def without_scripts(made: Document) -> str:
    """Write what readers see where no script runs."""
    return f"<noscript>{escape(labels.word('noscript', made.lang))}</noscript>\n{made.picture}"


def _pictures(made: Document, own: str) -> str:
    return " ".join((own, *made.hosts))


def clean(text: str) -> str:
    """Give text as an HTML parser will see it, so that hashes fit."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return text.encode("utf-8", "replace").decode("utf-8")


def _aids(script: str) -> list[str]:
    """Give what stock children need beside Leaflet: images of markers, and the one jQuery call of folium."""
    aids = []
    if re.search(r"L\.[mM]arker\(|L\.geoJson\(|L\.Control\.Draw|L\.marker\(\)", script):
        images = {
            "iconUrl": asset("marker-icon.png"),
            "iconRetinaUrl": asset("marker-icon-2x.png"),
            "shadowUrl": asset("marker-shadow.png"),
        }
        aids.append(f"L.Icon.Default.imagePath = ''; L.Icon.Default.mergeOptions({json.dumps(images)});")
    if "$(document).ready(" in script:
        aids.append("window.$ = window.$ || function () { return { ready: function (act) { setTimeout(act, 0); } }; };")
    return aids


def _named(script: str) -> str:
    """Write the name of an element where folium left it for a second reading as a template."""
    return re.sub(r"\{\{'(\w+_[0-9a-f]{32})'\}\}", r"\1", script)


def _linked(page: Page, elements: list[Any]) -> tuple[list[str], list[str]]:
    """Take the links out of the head and give the scripts and styles that stand for them."""
    from folium.features import GeoJsonDetail

    scripts, styles = icon_assets(elements)
    if needs_legends(elements):
        scripts, styles = [*scripts, script("legends.js")], [*styles, style("legends.css")]
    if any(isinstance(element, GeoJsonDetail) for element in elements):
        scripts.append(script("details.js"))
    links = {name: one.url for name, one in page.header._children.items() if isinstance(one, JavascriptLink | CssLink)}
    for name in links:
        del page.header._children[name]
    addresses = dict.fromkeys(links.values())
    for element in elements:  # two plugins may have given their links one name
        addresses.update(dict.fromkeys(url for _, url in _wanted(element)))
    needless = _needless(elements)
    for address in addresses:
        if address in needless:
            continue
        found = of_address(address)
        if found is None:
            raise GridError(
                f"the page needs an outside address, {address}, and would be blank without a network; "
                "use a child without it, or a plain folium.Map."
            )
        scripts += [text for text in found[0] if text not in scripts]
        styles += [text for text in found[1] if text not in styles]
    return scripts, styles


def _wanted(element: Any) -> list[tuple[str, str]]:
    return [*(getattr(element, "default_js", None) or ()), *(getattr(element, "default_css", None) or ())]


def _needless(elements: list[Any]) -> set[str]:
    """Give the addresses that only a plain folium map or a colour bar asks for: what they need is here another way."""
    import folium

    found = {url for _, url in [*folium.Map.default_js, *folium.Map.default_css]}
    asked = {url for one in elements if not isinstance(one, folium.Map) for _, url in _wanted(one)}
    return (found | {"https://cdnjs.cloudflare.com/ajax/libs/d3/3.5.5/d3.min.js"}) - asked


def _piece(child: Any) -> str:
    """Render one piece; take folium's finished text as it is, not as a template once more."""
    if type(child) is Element and child._template_str is not None and not child._children:
        text = str(child._template_str)
    else:
        text = str(child.render())
    return text


def _markup(name: str, child: Any) -> str:
    """Render one piece of HTML; it must need nothing from outside."""
    text = _piece(child)
    if not isinstance(child, Raw):
        refuse_loads(_SCRIPT.sub("", text), name)
    return text


def _hosts(elements: list[Any]) -> tuple[str, ...]:
    """Name the hosts of the base maps that the user named."""
    return tuple(sorted({host for element in elements if isinstance(element, BaseMap) for host in element.named_hosts}))


def _refuse_addresses(elements: list[Any]) -> None:
    """Tiles, pictures and linked data: what a script, not the HTML, would fetch."""
    require_one_frame(elements)
    for element in elements:
        if isinstance(element, BaseMap):
            continue
        for value in [getattr(element, name, None) for name in _ADDRESSED]:
            if isinstance(value, str) and value and not value.startswith("data:"):
                raise GridError(
                    f"{element._name} needs an outside address, {value}; a GridMap is one file that opens without "
                    "a network. Put the content in, or use a plain folium.Map."
                )


def _numbered(text: str, elements: list[Any]) -> str:
    """Replace the random ids of a page by numbers, in order of appearance; nothing else that looks like one."""
    known = {element._id for element in elements}
    order: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        if found[0] not in known:
            return found[0]
        return order.setdefault(found[0], f"{len(order) + 1:032x}")

    return _ID.sub(number, text)


def content_hash(script: str) -> str:
    """Name a script or style of the page in a content policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode('utf-8')).digest()).decode('ascii')}'"
