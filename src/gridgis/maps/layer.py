"""The layer of cells: what goes into the page, and the folium children that put it there."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from branca.element import Figure, MacroElement
from folium.map import Layer
from jinja2 import Template

from gridgis.crs import WGS84, transform
from gridgis.maps import labels
from gridgis.maps.page import Data, Raw, asset
from gridgis.maps.spec import MapSpec

_STEP = 10_000_000  # whole steps to a degree: seven decimals, about a centimetre


def encode(spec: MapSpec) -> dict[str, Any]:
    """Write a spec as plain values for the page: only what readers are shown, coordinates in WGS 84.

    Returns
    -------
    dict
        ``cells`` and ``outlines`` hold polygons of rings; a ring is a flat list of whole 1e-7 degrees, first lon
        and lat, then the steps to the next corner.
    """
    position = {code: i for i, code in enumerate(spec.parent_codes)}
    return {
        "title": spec.title,
        "words": {key: labels.word(key, spec.lang) for key in labels.PAGE_WORDS},
        "internal": spec.internal,
        "legend": {
            "title": spec.legend_title,
            "unit": spec.unit,
            "classes": [
                {"label": look.label, "fill": look.fill, "hatched": look.hatched, "cells": look.cells}
                for look in spec.classes
            ],
        },
        "notes": list(spec.notes),
        "fields": list(spec.fields),
        "listed": spec.listed,
        "codes": list(spec.codes),
        "parents": list(spec.parent_texts),
        "parentOf": [position[code] for code in spec.parents],
        "classOf": list(spec.class_of),
        "rows": [list(row) for row in spec.rows],
        "cells": _polygons(spec.shapes.cells, spec.shapes.crs),
        "outlines": _polygons(spec.shapes.outlines, spec.shapes.crs),
    }


def _polygons(shapes: np.ndarray, crs: Any) -> list[list[list[list[int]]]]:
    """Shapes as polygons of rings of whole steps; a shared corner gives the same numbers everywhere."""
    degrees = transform(shapes, crs, WGS84, "map")
    return [
        [[_steps(ring) for ring in (part.exterior, *part.interiors)] for part in shapely.get_parts(shape)]
        for shape in degrees
    ]


def _steps(ring: shapely.LinearRing) -> list[int]:
    corners = np.rint(shapely.get_coordinates(ring)[:-1] * _STEP).astype(np.int64)
    return np.diff(corners, axis=0, prepend=np.zeros((1, 2), np.int64)).ravel().tolist()


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

    def _get_self_bounds(self) -> Any:
        degrees = transform(self.spec.shapes.cells, self.spec.shapes.crs, WGS84, "map")
        west, south, east, north = shapely.total_bounds(degrees).tolist()
        return [[south, west], [north, east]]

    def render(self, **kwargs: Any) -> Any:
        """Put the script, the style and the data into the page."""
        figure = self.get_root()
        if isinstance(figure, Figure):
            figure.header.add_child(Raw(f"<style>\n{asset('grid.css')}</style>"), name="gridgis_style")
            figure.header.add_child(Raw(f"<script>\n{asset('draw.js')}</script>"), name="gridgis_draw")
            name = f"data_{self.get_name()}"
            figure.html.add_child(Data(name, encode(self.spec)), name=name)
        super().render(**kwargs)


class GridFrame(MacroElement):
    """What stands around a map of cells: title, legend, search, list of cells, scale, notes."""

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
            figure.header.add_child(Raw(f"<script>\n{asset('frame.js')}</script>"), name="gridgis_frame")
        super().render(**kwargs)
