"""Text stays text: what folium's own tooltips, popups and layer names would otherwise read as HTML or script."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

_MORE = str.maketrans({"`": "&#96;", "$": "&#36;", "\\": "&#92;", "{": "&#123;", "}": "&#125;", "%": "&#37;"})


def literal(text: object) -> str:
    """Write text so that HTML, a script's template string and a Jinja template all show it as it is.

    Examples
    --------
    >>> literal("<b>${x}`")
    '&lt;b&gt;&#36;&#123;x&#125;&#96;'
    """
    return escape(str(text)).translate(_MORE)


def walk(element: Any) -> Iterator[Any]:
    """Give an element of a page and everything below it, the parts of a page or a popup too."""
    yield element
    for name in ("header", "html", "script"):
        if hasattr(getattr(element, name, None), "_children"):
            yield from walk(getattr(element, name))
    for child in list(element._children.values()):
        yield from walk(child)


@contextmanager
def text_only(root: Any) -> Iterator[None]:
    """Write out the text of all folium children as text while the page is rendered; leave them as they were."""
    kept: list[tuple[Any, str, Any]] = []
    try:
        for element in list(walk(root)):
            for owner, name, safe in _safe_values(element):
                kept.append((owner, name, getattr(owner, name)))
                setattr(owner, name, safe)
        yield
    finally:
        for owner, name, value in reversed(kept):
            setattr(owner, name, value)


def _safe_values(element: Any) -> Iterator[tuple[Any, str, Any]]:
    """Which attributes of an element must be written otherwise: (owner, attribute, value)."""
    import folium
    from branca.element import Html
    from folium.features import GeoJsonDetail

    if isinstance(element, folium.map.Layer):
        yield element, "layer_name", literal(element.layer_name)
    if isinstance(element, folium.Tooltip) and hasattr(element, "text"):
        yield element, "text", literal(element.text)
    if isinstance(element, folium.Popup):
        for part in element.html._children.values():
            if isinstance(part, Html):
                yield part, "data", literal(part.data.replace("\\`", "`"))  # folium has put the backslash there
                yield part, "script", True
    if isinstance(element, GeoJsonDetail):
        yield element, "aliases", [literal(alias) for alias in element.aliases or element.fields]
    if isinstance(element, folium.GeoJson):
        details = [child for child in element._children.values() if isinstance(child, GeoJsonDetail)]
        fields = {str(name) for detail in details for name in detail.fields}
        if fields and isinstance(element.data, dict):
            yield element, "data", _with_text(element.data, fields)
        if element.smooth_factor is None:
            yield element, "smooth_factor", 0  # Leaflet's own default draws gaps between cells that have none


def _with_text(data: dict[str, Any], fields: set[str]) -> dict[str, Any]:
    """Copy GeoJSON with the named properties written as text."""
    features = data.get("features", [data])
    written = [
        {**feature, "properties": {**old, **{name: _deep(old[name]) for name in fields & set(old)}}}
        for feature, old in ((feature, feature.get("properties") or {}) for feature in features)
    ]
    return {**data, "features": written} if "features" in data else written[0]


def _deep(value: Any) -> Any:
    """Write every text within a value as text."""
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, dict):
        return {literal(key): _deep(item) for key, item in value.items()}
    return [_deep(item) for item in value] if isinstance(value, list | tuple) else value
