"""Text stays text: what folium's own children would otherwise read as HTML or script."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape, unescape
from threading import RLock
from typing import Any

import branca.element
from branca.element import Element, Html
from jinja2 import Environment

from gridgis.contract import GridError
from gridgis.pages.legends import COLOUR_BAR
from gridgis.pages.loads import refuse_loads

_MORE = str.maketrans({"`": "&#96;", "$": "&#36;", "\\": "&#92;", "{": "&#123;", "}": "&#125;", "%": "&#37;"})
_ABSENT = object()
_ONE_AT_A_TIME = RLock()
_PARTS = ("header", "html", "script", "color_scale", "tile_layer", "marker", "icon")


class SafeHtml(str, Element):
    """Markup of your own that a child of a `GridMap` shows as markup, where other text is shown as it is.

    Mark only what you wrote yourself. Text put together with it (``+``, ``format``) is plain text again, so that no
    value of a table slips through. Scripts in it do not run.

    Parameters
    ----------
    markup : str
        The HTML.

    Raises
    ------
    GridError
        If it would fetch something from outside, or has a script in an attribute.

    Examples
    --------
    >>> literal(SafeHtml("<b>office</b>")), literal(SafeHtml("<b>") + "<i>")
    ('<b>office</b>', '&lt;b&gt;&lt;i&gt;')
    """

    def __new__(cls, markup: str) -> SafeHtml:  # noqa: D102
        return str.__new__(cls, markup)

    def __init__(self, markup: str):
        Element.__init__(self)
        self._name = "SafeHtml"
        refuse_loads(markup, "SafeHtml")

    __hash__ = str.__hash__
    __eq__ = str.__eq__

    def __str__(self) -> str:
        return self

    def render(self, **kwargs: Any) -> str:
        """Give the markup."""
        return self


def literal(text: object) -> str:
    """Write text so that HTML, a script's template string and a Jinja template all show it as it is.

    Examples
    --------
    >>> literal("<b>${x}`")
    '&lt;b&gt;&#36;&#123;x&#125;&#96;'
    """
    if isinstance(text, SafeHtml):
        return str.__add__(text, "")
    return escape(str(text)).translate(_MORE)


def walk(element: Any) -> Iterator[Any]:
    """Give an element of a page and everything below or beside it, once each."""
    seen: set[int] = set()
    waiting = [element]
    while waiting:
        here = waiting.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        yield here
        beside = [getattr(here, name, None) for name in _PARTS]
        found = [one for one in beside if hasattr(one, "_children")] + list(here._children.values())
        waiting.extend(reversed(found))


@contextmanager
def text_only(root: Any) -> Iterator[None]:
    """Write out the text of all folium children as text while the page is rendered; leave them as they were."""
    kept: list[tuple[Any, str, Any]] = []
    _ONE_AT_A_TIME.acquire()
    template = branca.element.Template
    vars(branca.element)["Template"] = _Finished  # text that folium has written is no template to be read again
    try:
        for element in list(walk(root)):
            kept.append((element, "_children", element._children))
            element._children = element._children.copy()  # rendering adds to them, and would add more each time
            for name, safe in _safe_values(element):
                kept.append((element, name, vars(element).get(name, _ABSENT)))
                setattr(element, name, safe)
        yield
    finally:
        vars(branca.element)["Template"] = template
        for owner, name, value in reversed(kept):
            if value is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, value)
        _ONE_AT_A_TIME.release()


class _Finished:
    """A text where branca expects a template."""

    def __init__(self, text: str):
        self.text = text

    def render(self, **kwargs: Any) -> str:
        """Give the text."""
        return self.text


def _filters() -> Environment:
    """Give the templates of ours folium's way to write options; older versions of folium wrote plain JSON."""
    environment = Environment()
    try:
        from folium.template import tojavascript
    except ImportError:
        environment.filters["tojavascript"] = environment.filters["tojson"]
    else:
        environment.filters["tojavascript"] = tojavascript
    return environment


_OURS = _filters()
_TOOLTIP = _OURS.from_string(
    """{% macro script(this, kwargs) %}
    {{ this._parent.get_name() }}.bindTooltip((function () {
        var box = L.DomUtil.create("div");
        {% if this.style %}box.style.cssText = {{ this.style|tojson }};{% endif %}
        box.innerHTML = {{ this.text|tojson }};
        return box;
    })(), {{ this.options|tojavascript }});
    {% endmacro %}"""
)
_DETAIL = _OURS.from_string(
    """{% macro script(this, kwargs) %}
    {%- set tip = this.tooltip_options is defined %}
    {{ this._parent.get_name() }}.{{ "bindTooltip" if tip else "bindPopup" }}(
        gridgisDetail({{ this.fields|list|tojson }}, {{ this.gridgis_names|tojson }}, {{ this.labels|tojson }},
            {{ this.localize|tojson }}),
        {{ (this.tooltip_options if tip else this.popup_options)|tojavascript }}
    );
    {% endmacro %}"""
)
_POPUP = _OURS.from_string(
    """
    var {{ this.get_name() }} = L.popup({{ this.options|tojavascript }});
    {{ this.get_name() }}.setContent({{ this.gridgis_content|tojson }});
    {{ this._parent.get_name() }}.bindPopup({{ this.get_name() }}){% if this.show %}.openPopup(){% endif %};
    """
)


def _safe_values(element: Any) -> Iterator[tuple[str, Any]]:
    """Which attributes of an element must be written otherwise: (attribute, value)."""
    import folium

    yield from _by_kind(element)
    if isinstance(element, folium.map.Layer):
        yield "layer_name", literal(element.layer_name)
    if isinstance(element, folium.Tooltip) and hasattr(element, "text"):
        yield "text", literal(element.text)
        yield "_template", _TOOLTIP
    if isinstance(element, folium.Popup):
        yield "gridgis_content", "".join(map(_popup_part, element.html._children.values()))
        yield "_template", _POPUP


def _by_kind(element: Any) -> Iterator[tuple[str, Any]]:
    """Go on with data, legends, options and the plugins."""
    import folium
    from branca.colormap import ColorMap
    from folium.features import GeoJsonDetail

    if isinstance(element, GeoJsonDetail):
        yield (
            "gridgis_names",
            [
                {"html": literal(alias)} if isinstance(alias, SafeHtml) else str(alias)
                for alias in element.aliases or element.fields
            ],
        )
        yield "_template", _DETAIL
    if isinstance(element, folium.GeoJson):
        yield from _geojson(element)
    if isinstance(element, ColorMap):
        yield "_template", COLOUR_BAR
    if isinstance(getattr(element, "options", None), dict):
        options = _safe_options(element)
        if any(options[key] is not element.options[key] for key in options):
            yield "options", options
    rule = _RULES.get(type(element).__name__)
    if rule and type(element).__module__.startswith("folium."):
        yield from rule(element)


def _geojson(element: Any) -> Iterator[tuple[str, Any]]:
    """Let no property name or colour of GeoJSON stand in a script as script."""
    if element.style or element.highlight:
        if element.feature_identifier != "feature.id":  # folium would write the name of a column into the script
            features = [{**one, "id": str(i)} for i, one in enumerate(element.data["features"])]
            yield "data", {**element.data, "features": features}
            yield "feature_identifier", "feature.id"
        for name in ("style_function", "highlight_function"):
            if hasattr(element, name):
                yield name, _plain_style(getattr(element, name))
    if element.smooth_factor is None:
        yield "smooth_factor", 0  # Leaflet's own default draws gaps between cells that have none


def _plain_style(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Take the braces out of a style: folium reads a value in them as script."""

    def plain(feature: Any) -> Any:
        return {key: _without_braces(value) for key, value in function(feature).items()}

    return plain


def _without_braces(value: Any) -> Any:
    return re.sub(r"[{}]", "", value) if isinstance(value, str) else value


def _popup_part(part: Any) -> str:
    """Give what a popup holds: text as text, `SafeHtml` as it is."""
    if isinstance(part, SafeHtml):
        return literal(part)
    if isinstance(part, Html):
        text = part.data
        return literal(text if isinstance(text, SafeHtml) else text.replace("\\`", "`"))  # folium put it there
    raise GridError(
        f"a popup holds a {type(part).__name__}, which a page without foreign scripts cannot show; "
        "give it text, or markup of your own as SafeHtml."
    )


def _safe_options(element: Any) -> dict[str, Any]:
    """Write options that Leaflet and the stock plugins put into the page as HTML."""
    name = type(element).__name__
    options = dict(element.options)
    for key in _HTML_OPTIONS.get(name, ()):
        if isinstance(options.get(key), str):
            options[key] = literal(options[key])
    attribution = options.get("attribution")
    if isinstance(attribution, str) and not isinstance(attribution, SafeHtml):
        options["attribution"] = literal(unescape(re.sub(r"<[^>]*>", "", attribution)))
    return options


_ICON = ("icon", "prefix", "icon_color", "iconColor", "marker_color", "markerColor", "extra_classes", "extraClasses")
_HTML_OPTIONS = {
    "DivIcon": ("html",),
    "Icon": _ICON,
    "BeautifyIcon": (
        *_ICON, "text", "number", "html", "text_color", "textColor", "inner_icon_style", "innerIconStyle",
    ),
    "MousePosition": ("prefix", "separator", "empty_string", "emptyString"),
    "TagFilterButton": ("icon", "clear_text", "clearText"),
    "TreeLayerControl": ("collapse_all", "collapseAll", "expand_all", "expandAll"),
    "Fullscreen": ("content",),
    "LocateControl": ("icon", "icon_loading", "iconLoading"),
}  # fmt: skip


def _float_image(element: Any) -> Iterator[tuple[str, Any]]:
    yield "image", escape(str(element.image))


def _click_for_marker(element: Any) -> Iterator[tuple[str, Any]]:
    text = element.popup
    if text.startswith("`"):  # what the user gave; the rest is folium's own
        safe = literal(text[1:-1].replace("\\`", "`"))
        for name in ("lat", "lng"):
            safe = safe.replace(literal(f"${{{name}}}"), f"${{{name}}}")
        yield "popup", f"`{safe}`"


def _search(element: Any) -> Iterator[tuple[str, Any]]:
    for name in ("search_label", "placeholder", "position"):
        value = getattr(element, name, None)
        if isinstance(value, str):
            yield name, "".join(f"\\u{ord(one):04x}" if one in "'\"\\<>&\r\n\u2028\u2029" else one for one in value)


def _grouped(element: Any) -> Iterator[tuple[str, Any]]:
    groups = element.grouped_overlays.items()
    yield "grouped_overlays", {literal(k): {literal(name): one for name, one in v.items()} for k, v in groups}
    for key in ("exclusive_groups", "exclusiveGroups"):
        if key in element.options:
            yield "options", {**element.options, key: [literal(name) for name in element.options[key]]}


def _tree(element: Any) -> Iterator[tuple[str, Any]]:
    yield "base_tree", _labels(element.base_tree)
    yield "overlay_tree", _labels(element.overlay_tree)


def _labels(tree: Any) -> Any:
    """Write every text of a tree of layers as text; layers in it stay."""
    if isinstance(tree, dict):
        return {key: _labels(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_labels(value) for value in tree]
    return literal(tree) if isinstance(tree, str) else tree


_RULES: dict[str, Callable[[Any], Iterator[tuple[str, Any]]]] = {
    "FloatImage": _float_image,
    "ClickForMarker": _click_for_marker,
    "Search": _search,
    "GroupedLayerControl": _grouped,
    "TreeLayerControl": _tree,
}
