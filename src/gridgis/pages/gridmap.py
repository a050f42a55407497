"""A folium map that is one file: no network, no foreign script, the same bytes each time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from os import PathLike, fsdecode
from pathlib import Path
from typing import Any, BinaryIO

import folium
from branca.element import Element, Figure

from gridgis import write
from gridgis.contract import GridError
from gridgis.leaks import require_public
from gridgis.maps import labels
from gridgis.maps.spec import MapSpec
from gridgis.pages.basemaps import base_map
from gridgis.pages.layer import GridFrame, GridLayer
from gridgis.pages.literal import walk
from gridgis.pages.page import Page, one_file
from gridgis.pages.picture import picture
from gridgis.pages.sites import write_site
from gridgis.privacy import going_out


class OfflinePage(Page):
    """A page that writes itself, as one file or as a folder."""

    def save(self, outfile: str | bytes | Path | BinaryIO, close_file: bool = True, **kwargs: Any) -> None:
        """Write the page to a file, whole or not at all; or into an open binary file.

        Raises
        ------
        GridError
            If a child needs an outside address.
        """
        text = self.render(**kwargs)
        with _noted(self):
            _write(text, outfile, close_file)

    def save_site(self, folder: str | PathLike[str]) -> Path:
        """Write the page as a folder of files; see `GridMap.save_site`.

        Raises
        ------
        GridError
            As for `GridMap.save_site`.
        """
        made = self.document()
        with _noted(self):
            return write_site(made, Path(folder))


def offline(made: Any, *, lang: str = "en", title: str | None = None) -> OfflinePage:
    """Move a folium map, or a `folium.plugins.DualMap`, into a page that needs no network.

    Parameters
    ----------
    made : folium.Map or folium.plugins.DualMap
        The map; it stands in the new page afterwards.
    lang : {"en", "zh"}
        The language of the page.
    title : str, optional
        The title of the page.

    Returns
    -------
    OfflinePage
        With ``save``, ``save_site``, and a frame for notebooks.

    Raises
    ------
    GridError
        If it is no map of folium, or ``lang`` is unknown.

    Examples
    --------
    >>> import folium
    >>> page = offline(folium.Map([36.195, 113.116], tiles=None), title="Streets")
    >>> "https://cdn" in page.render()
    False
    """
    figure = made.get_root() if isinstance(made, Element) else None
    if not isinstance(figure, Figure):
        raise GridError(f"offline: expected a map of folium, got {type(made).__name__}.")
    page = OfflinePage(labels.require_lang(lang), title or "")
    for name, child in list(figure._children.items()):
        page.add_child(child, name=name)
    return page


class GridMap(folium.Map):
    """A `folium.Map` that opens without a network: what its children need is in the page, scripts run by hash.

    Children of folium and the common plugins work as in any map; the text of their tooltips, popups, icons and layer
    names is shown as text, never read as HTML (`gridgis.SafeHtml` marks the exceptions). A child that needs an
    outside address is an error on saving.

    Parameters
    ----------
    location : (latitude, longitude), optional
        The middle of the map, in degrees.
    lang : {"en", "zh"}
        The language of the page.
    title : str, optional
        The title of the page.
    tiles : str, optional
        The address of background tiles, such as ``"https://tiles.example/{z}/{x}/{y}.png"``; none by default. The
        page may then fetch pictures from this host, and from no other.
    attribution : str, optional
        Who made the tiles; needed with ``tiles``, and shown on the map.
    frame : {"wgs84", "gcj02"}
        The coordinates of the tiles. Tiles in GCJ-02 are shifted to where they belong; the data never are.
    notebook_height : int
        The height of the frame in a notebook, in pixels.
    **options
        As for `folium.Map`.

    Raises
    ------
    GridError
        If ``lang`` or ``frame`` is unknown, or tiles come without their maker.

    Examples
    --------
    >>> import folium
    >>> page = GridMap([36.195, 113.116], title="Streets").get_root().render()
    >>> "https://cdn" in page, "<title>Streets</title>" in page
    (False, True)
    """

    def __init__(
        self,
        location: Sequence[float] | None = None,
        *,
        lang: str = "en",
        title: str | None = None,
        tiles: str | None = None,
        attribution: str | None = None,
        frame: str = "wgs84",
        notebook_height: int = 480,
        **options: Any,
    ):
        settings = {"attribution_control": tiles is not None, "zoom_snap": 0.25, **options}
        super().__init__(location, tiles=None, **settings)
        self.options.setdefault("maxZoom", options.get("max_zoom", 21))  # folium gives it to the tiles only
        self.default_js, self.default_css = [], []
        self.lang = labels.require_lang(lang)
        self.title = title or ""
        self.spec: MapSpec | None = None
        page = OfflinePage(lang, self.title)
        page.height = f"{notebook_height:d}px"
        page.add_child(self)
        if tiles is not None:
            self.add_child(base_map(tiles, attribution, frame))

    @property
    def picture(self) -> str:
        """What readers see where no script runs; empty where the map has no cells of ours."""
        return "" if self.spec is None else picture(self.spec)

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

    def save(
        self,
        outfile: str | bytes | Path | BinaryIO,
        close_file: bool = True,
        *,
        scan: bool = True,
        allow: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        """Write the page to a file, whole or not at all; or into an open binary file.

        Parameters
        ----------
        outfile : path or binary file
        close_file : bool
            Whether an open file is closed afterwards.
        scan : bool
            A map of published numbers that is not internal is read as an attacker would (`gridgis.find_leaks`) before
            it is written. False leaves that out.
        allow : sequence of str
            Texts that may stand in it, as for `gridgis.find_leaks`: names of places that look like addresses, say.

        Raises
        ------
        GridError
            If a child needs an outside address, or the page holds what must not be shown.
        """
        page: Any = self.get_root()
        text = page.render(**kwargs)
        if scan and self._is_public:
            name = Path(fsdecode(outfile)).name if isinstance(outfile, str | bytes | PathLike) else "the page"
            require_public(text.encode("utf-8"), name, allow=allow, codes=self._codes)
        with _noted(page):
            _write(text, outfile, close_file)

    @property
    def _is_public(self) -> bool:
        return self.spec is not None and not self.spec.internal

    @property
    def _codes(self) -> set[str]:
        return set() if self.spec is None else {*self.spec.codes, *self.spec.parents}

    def save_site(self, folder: str | PathLike[str], *, scan: bool = True, allow: Sequence[str] = ()) -> Path:
        """Write the page as a folder of files, for hosts that allow no script or style within a page.

        Parameters
        ----------
        folder : path
            Where to write ``index.html`` and what it needs; a new folder, or one that this wrote before.
        scan, allow
            As for `save`.

        Returns
        -------
        Path
            The page, ``index.html``.

        Raises
        ------
        GridError
            If a child needs an outside address, the page holds what must not be shown, or the folder holds other
            files.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = GridMap([36.195, 113.116]).save_site(f"{folder}/map")
        ...     sorted(file.name for file in page.parent.iterdir() if not file.name.startswith("part-"))
        ['index.html', 'library.js', 'map.css', 'map.js']
        """
        page: Any = self.get_root()
        made = page.document()
        if scan and self._is_public:
            require_public(one_file(made).encode("utf-8"), Path(folder).name, allow=allow, codes=self._codes)
        with _noted(page):
            return write_site(made, Path(folder))


@contextmanager
def _noted(page: Any) -> Iterator[None]:
    """Note the releases that a page shows while it is written in the block."""
    with ExitStack() as stack:
        for element in walk(page):
            if isinstance(element, GridLayer):
                stack.enter_context(going_out(element.spec.outgoing))
        yield


def _write(text: str, outfile: str | bytes | Path | BinaryIO, close_file: bool) -> None:
    """Write a page to a file, whole or not at all; or into an open binary file."""
    if isinstance(outfile, str | bytes | PathLike):
        write.write_text(text, Path(fsdecode(outfile)))
        return
    outfile.write(text.encode("utf-8"))
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
