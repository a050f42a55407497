"""Legends that folium children ask for: a bar of colours, or lines of classes; their words are text."""

from __future__ import annotations

from typing import Any

from branca.element import MacroElement
from jinja2 import Template

COLOUR_BAR = Template(
    """{% macro script(this, kwargs) %}
    var {{ this.get_name() }} = gridgisLegend.bar({{ this._parent.get_name() }}, {
        caption: {{ this.caption|string|tojson }}, colours: {{ this.color_range[::4]|tojson }},
        low: {{ this.color_domain[0]|tojson }}, high: {{ this.color_domain[-1]|tojson }},
        ticks: {{ this.tick_labels|list|tojson }}, colour: {{ this.text_color|string|tojson }}
    });
    {% endmacro %}"""
)
"""What stands for the colour bar of branca, which needs a library of 150 kB to draw it."""


class ClassLegend(MacroElement):
    """A legend of classes in a corner of a map: a colour, a text and a count in each line."""

    _template = Template(
        """{% macro script(this, kwargs) %}
        var {{ this.get_name() }} = gridgisLegend.classes({{ this._parent.get_name() }}, {{ this.model|tojson }});
        {% endmacro %}"""
    )

    def __init__(self, caption: str, lines: list[tuple[str, str, int]], position: str = "bottomright"):
        super().__init__()
        self._name = "ClassLegend"
        rows = [{"fill": fill, "text": text, "count": count} for fill, text, count in lines]
        self.model: dict[str, Any] = {"caption": caption, "position": position, "rows": rows}


class InternalMark(MacroElement):
    """The word "internal" in a corner: what is drawn went through no `gridgis.publish`."""

    _template = Template(
        """{% macro script(this, kwargs) %}
        gridgisLegend.mark({{ this._parent.get_name() }}, {{ this.text|tojson }});
        {% endmacro %}"""
    )

    def __init__(self, text: str):
        super().__init__()
        self._name = "InternalMark"
        self.text = text


def needs_legends(elements: list[Any]) -> bool:
    """Tell whether a page needs the script of legends."""
    from branca.colormap import ColorMap

    return any(isinstance(element, ClassLegend | InternalMark | ColorMap) for element in elements)
