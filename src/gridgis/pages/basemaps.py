"""Background tiles that the user named: from that host only, with their maker's name, put where they belong."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import folium
import numpy as np
import numpy.typing as npt
from branca.element import Element, Figure
from jinja2 import Template

from gridgis.contract import GridError
from gridgis.pages.vendored import asset

Floats = npt.NDArray[np.float64]

FRAMES = ("wgs84", "gcj02")
_GCJ_HOSTS = re.compile(r"(^|\.)(autonavi\.com|amap\.com|gaode\.com|gtimg\.com|map\.qq\.com)$")
_AXIS, _SQUARED = 6378245.0, 0.00669342162296594323


class BaseMap(folium.TileLayer):
    """Tiles of a host that the user named.

    Attributes
    ----------
    named_hosts : tuple of str
        From where the page may fetch pictures.
    frame : str
        "wgs84" or "gcj02".
    """

    _template = Template(
        """{% macro script(this, kwargs) %}
        var {{ this.get_name() }} = {{ this.maker }}({{ this.tiles|tojson }}, {{ this.tile_options|tojson }});
        {{ this.get_name() }}.addTo({{ this._parent.get_name() }});
        {% endmacro %}"""
    )

    def __init__(self, tiles: str, attribution: str, frame: str, named_hosts: tuple[str, ...]):
        super().__init__(tiles=tiles, attr=attribution, name="base map", max_zoom=21, control=False)
        self.frame = frame
        self.named_hosts = named_hosts
        self.maker = "gridgisShifted" if frame == "gcj02" else "L.tileLayer"

    @property
    def tile_options(self) -> dict[str, Any]:
        """The options of Leaflet."""
        return {"attribution": self.options["attribution"], "maxZoom": 21, "subdomains": "abc"}

    def render(self, **kwargs: Any) -> Any:
        """Put the script into the page."""
        figure = self.get_root()
        if self.frame == "gcj02" and isinstance(figure, Figure):
            figure.script.add_child(Element(asset("shift.js")), name="gridgis_shift", index=0)
        show, self.show = self.show, False  # the template adds it
        super().render(**kwargs)
        self.show = show


def base_map(tiles: object, attribution: object, frame: str) -> BaseMap:
    """Make the background of a map.

    Raises
    ------
    GridError
        If the address is none of tiles, the maker is not named, or the frame is unknown or not that of the host.

    Examples
    --------
    >>> base_map("https://{s}.tiles.example/{z}/{x}/{y}.png", "Example maps", "wgs84").named_hosts
    ('https://a.tiles.example', 'https://b.tiles.example', 'https://c.tiles.example')
    """
    if not isinstance(tiles, str) or not re.match(r"https?://[^\s'\";,]+$", tiles) or "{z}" not in tiles:
        raise GridError(
            f"tiles: expected an address such as 'https://tiles.example/{{z}}/{{x}}/{{y}}.png', got {tiles!r}."
        )
    if not isinstance(attribution, str) or not attribution.strip():
        raise GridError("attribution: say who made the tiles; a map without it may not be shown.")
    if frame not in FRAMES:
        raise GridError(f"frame: expected 'wgs84' or 'gcj02', got {frame!r}.")
    address = urlsplit(tiles)
    host = address.netloc.replace("{s}", "a")
    if not re.fullmatch(r"[\w.-]+(:\d+)?", host):
        raise GridError(f"tiles: expected a plain host in the address, got {address.netloc!r}.")
    if frame == "wgs84" and _GCJ_HOSTS.search(host.split(":")[0]):
        raise GridError(f"tiles: {host} serves tiles in GCJ-02, hundreds of metres off; say frame='gcj02'.")
    names = [address.netloc.replace("{s}", part) for part in ("abc" if "{s}" in address.netloc else "a")]
    return BaseMap(tiles, attribution, frame, tuple(f"{address.scheme}://{name}" for name in names))


def require_one_frame(elements: list[Any]) -> None:
    """Refuse tiles of two frames on one map.

    Raises
    ------
    GridError
        If they are mixed.
    """
    frames = {element.frame for element in elements if isinstance(element, BaseMap)}
    if len(frames) > 1:
        raise GridError("tiles: one map holds tiles in WGS 84 and in GCJ-02, which do not fit; take one of them.")


def gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Give the GCJ-02 coordinates of places in WGS 84, in degrees, by the published formula; for display only.

    Examples
    --------
    >>> east, north = gcj02(np.array([116.3975]), np.array([39.9087]))
    >>> float(east[0].round(4)), float(north[0].round(4))
    (116.4037, 39.9101)
    """
    x, y = lon - 105.0, lat - 35.0
    wave = (20 * np.sin(6 * x * np.pi) + 20 * np.sin(2 * x * np.pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x)) + wave
    north += (20 * np.sin(y * np.pi) + 40 * np.sin(y / 3 * np.pi)) * 2 / 3
    north += (160 * np.sin(y / 12 * np.pi) + 320 * np.sin(y * np.pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x)) + wave
    east += (20 * np.sin(x * np.pi) + 40 * np.sin(x / 3 * np.pi)) * 2 / 3
    east += (150 * np.sin(x / 12 * np.pi) + 300 * np.sin(x / 30 * np.pi)) * 2 / 3
    sine = np.sin(np.radians(lat))
    root = np.sqrt(1 - _SQUARED * sine * sine)
    north = np.degrees(north / (_AXIS * (1 - _SQUARED) / root**3))
    east = np.degrees(east / (_AXIS / root * np.cos(np.radians(lat))))
    inside = (lon >= 72.004) & (lon <= 137.8347) & (lat >= 0.8293) & (lat <= 55.8271)
    return np.where(inside, lon + east, lon), np.where(inside, lat + north, lat)
