"""A folium map that is one file: no network, no foreign script, the same bytes each time."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fsdecode
from pathlib import Path
from typing import Any, BinaryIO

import folium

from gridgis import write
from gridgis.contract import GridError
from gridgis.maps import labels
from gridgis.maps.layer import GridFrame, GridLayer
from gridgis.maps.page import Page
from gridgis.maps.spec import MapSpec


class GridMap(folium.Map):
    """A `folium.Map` that opens without a network: Leaflet is in the page, no background tiles, scripts by hash.

    Children of folium that need no outside address work as in any map; the text of their tooltips, popups and
    layer names is shown as text, never read as HTML. A child that needs an outside address is an error on saving.

    Parameters
    ----------
    location : (latitude, longitude), optional
        The middle of the map, in degrees.
    lang : {"en", "zh"}
        The language of the page.
    title : str, optional
        The title of the page.
    **options
        As for `folium.Map`; ``tiles`` is None.

    Raises
    ------
    GridError
        If ``lang`` is unknown.

    Examples
    --------
    >>> import folium
    >>> page = GridMap([36.195, 113.116], title="Streets").get_root().render()
    >>> "https://cdn" in page, "<title>Streets</title>" in page
    (False, True)
    """

    def __init__(
        self, location: Sequence[float] | None = None, *, lang: str = "en", title: str | None = None, **options: Any
    ):
        settings = {"tiles": None, "attribution_control": False, "zoom_snap": 0.25, "max_zoom": 21, **options}
        tiles = settings.pop("tiles")
        super().__init__(location, tiles=tiles, **settings)
        self.default_js, self.default_css = [], []
        self.lang = labels.require_lang(lang)
        self.title = title or ""
        self.spec: MapSpec | None = None
        Page(lang, self.title).add_child(self)

    def render(self, **kwargs: Any) -> Any:
        """Render into the page of this map.

        Raises
        ------
        GridError
            If the map was put into another figure, which would fetch what it needs from outside.
        """
        if not isinstance(self.get_root(), Page):
            raise GridError("a GridMap has a page of its own and cannot stand in another figure; save it by itself.")
        super().render(**kwargs)

    def save(self, outfile: str | bytes | Path | BinaryIO, close_file: bool = True, **kwargs: Any) -> None:
        """Write the page to a file, whole or not at all; or into an open binary file.

        Raises
        ------
        GridError
            If a child needs an outside address.
        """
        page = self.get_root().render(**kwargs)
        if isinstance(outfile, str | bytes | PathLike):
            write.write_text(page, Path(fsdecode(outfile)))
            return
        outfile.write(page.encode("utf-8"))
        if close_file:
            outfile.close()


def framed(spec: MapSpec) -> GridMap:
    """Make the map of a spec, with its legend, search and notes."""
    layer = GridLayer(spec)
    (south, west), (north, east) = layer._get_self_bounds()
    made = GridMap([(south + north) / 2, (west + east) / 2], lang=spec.lang, title=spec.title, zoom_start=15)
    made.spec = spec
    made.add_child(layer)
    made.add_child(GridFrame(layer))
    return made
