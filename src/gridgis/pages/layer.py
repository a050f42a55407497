"""The layer of cells: what goes into the page, and the folium children that put it there."""

from __future__ import annotations

import re
from functools import cache, cached_property
from typing import Any

import shapely
from branca.element import Figure, MacroElement
from folium.map import Layer
from jinja2 import Template

from gridgis.maps import labels
from gridgis.maps.arcs import in_degrees
from gridgis.maps.packing import pack
from gridgis.maps.spec import MapSpec
from gridgis.pages.page import Data, Raw, asset

SCRIPTS = ("coding.js", "unpack.js", "shapes.js", "draw.js")
"""The scripts of a layer, in their order."""


def encode(spec: MapSpec, degrees: Any = None) -> dict[str, Any]:
    """Write a spec as plain values for the page: only what readers are shown, coordinates in WGS 84.

    Returns
    -------
    dict
        What `gridgis.maps.packing.pack` gives, the texts of both languages, and the one the page opens with.
    """
    return {
        **pack(spec, degrees),
        "lang": spec.lang,
        "internal": spec.internal,
        "parents": list(spec.parent_texts),
        "texts": {lang: _texts(spec, lang) for lang in labels.HTML_LANG},
    }


def _texts(spec: MapSpec, lang: str) -> dict[str, Any]:
    """What the page says, in one language; what the caller wrote stays as it is."""
    measures = [(measure.label, measure.unit) for measure in spec.measures]
    if lang != spec.lang:
        names = [measure.name for measure in spec.measures]
        measures = [(labels.measure_label(name, lang), labels.measure_unit(name, lang)) for name in names]
    known = {measure.label: label for measure, (label, _) in zip(spec.measures, measures, strict=True)}

    def say(text: str, *keys: str) -> str:
        return text if lang == spec.lang else labels.translated(text, keys, spec.lang, lang, known)

    themes = []
    for theme in spec.themes:
        own = (theme.label, theme.legend_title, theme.unit)
        if lang != spec.lang and theme.key != "coverage":
            own = (*(measures[theme.measure][0],) * 2, measures[theme.measure][1])
        looks = [say(look.label, "hidden_class", "no_data") for look in theme.classes]
        same = tuple(looks) == spec.parent_texts
        themes.append([*(say(text, "coverage_legend") for text in own), None if same else looks])
    return {
        "html": labels.HTML_LANG[lang],
        "title": say(spec.title, "coverage_title", "hotspot_title"),
        "words": {key: labels.word(key, lang) for key in labels.PAGE_WORDS},
        "notes": [say(note, "hide_small_note", "hide_note", "crs_note", "internal_note") for note in spec.notes],
        "measures": measures,
        "themes": themes,
    }


@cache
def script(name: str) -> str:
    """Read one of our scripts, without its comments and indents.

    Lines are left out or cut at the left, never joined: a comment is whole lines, or the end of a line.
    """
    text = re.sub(r"^[ \t]*/\*.*?\*/[ \t]*\n", "", asset(name), flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"  /\* [^*]* \*/$", "", text, flags=re.MULTILINE)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


class GridLayer(Layer):
    """The cells of a map as a folium layer: drawn without false gaps, with a tooltip that holds text only.

    Parameters
    ----------
    spec : MapSpec
        What to draw.
    name : str, optional
        The name in a layer control; the title of the spec if left out.
    """

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            var {{ this.get_name() }} = gridgis.layer("data_{{ this.get_name() }}");
        {% endmacro %}
        """
    )

    def __init__(self, spec: MapSpec, *, name: str | None = None):
        super().__init__(name=spec.title if name is None else name, overlay=True)
        self._name = "GridCells"
        self.spec = spec

    @cached_property
    def _degrees(self) -> Any:
        return in_degrees(self.spec.shapes.cells, self.spec.shapes.crs)

    def _get_self_bounds(self) -> Any:
        west, south, east, north = shapely.total_bounds(self._degrees)
        return [[float(south), float(west)], [float(north), float(east)]]

    def render(self, **kwargs: Any) -> Any:
        """Put the script, the style and the data into the page."""
        figure = self.get_root()
        if isinstance(figure, Figure):
            figure.header.add_child(Raw(f"<style>\n{asset('grid.css')}</style>"), name="gridgis_style")
            scripts = "\n".join(map(script, SCRIPTS))
            figure.header.add_child(Raw(f"<script>\n{scripts}\n</script>"), name="gridgis_draw")
            name = f"data_{self.get_name()}"
            figure.html.add_child(Data(name, encode(self.spec, self._degrees)), name=name)
        super().render(**kwargs)


class GridFrame(MacroElement):
    """What stands around a map of cells: title, themes, legend, search, list of cells, scale, notes."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            gridgis.frame({{ this._parent.get_name() }}, {{ this.layer.get_name() }});
        {% endmacro %}
        """
    )

    def __init__(self, layer: GridLayer):
        super().__init__()
        self._name = "GridFrame"
        self.layer = layer

    def render(self, **kwargs: Any) -> Any:
        """Put the script into the page."""
        figure = self.get_root()
        if isinstance(figure, Figure):
            figure.header.add_child(Raw(f"<script>\n{script('frame.js')}\n</script>"), name="gridgis_frame")
        super().render(**kwargs)
