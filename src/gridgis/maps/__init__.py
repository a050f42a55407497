"""Maps that may be shown: pages that open without a network, and images, of what `gridgis.publish` returned."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gridgis.maps.gridmap import GridMap
    from gridgis.maps.layer import GridLayer
    from gridgis.privacy import Published

__all__ = ["GridLayer", "GridMap", "coverage_image", "coverage_map", "hotspot_image", "hotspot_map"]


def coverage_map(published: Published, *, lang: str = "en", title: str | None = None) -> GridMap:
    """Map who is covered by which cell: each cell in the colour of its parent, with every published measure.

    Parameters
    ----------
    published : Published
        What `gridgis.publish` returned.
    lang : {"en", "zh"}
        The language of the page.
    title : str, optional
        The title; one is made if it is left out.

    Returns
    -------
    GridMap
        A `folium.Map` that needs no network; ``save`` it, or show it in a notebook.

    Raises
    ------
    GridError
        If ``published`` is anything else, or holds no cell that can be drawn.

    Examples
    --------
    >>> shown = publish(summarise(example.grid, locate(example.events, example.grid)))
    >>> coverage_map(shown, title="Two communities").spec.title
    'Two communities'
    """
    from gridgis.maps.gridmap import framed
    from gridgis.maps.spec import coverage_spec

    return framed(coverage_spec(published, lang=lang, title=title))


def hotspot_map(
    published: Published, *, value: str | None = None, lang: str = "en", title: str | None = None
) -> GridMap:
    """Map a measure in up to five classes of about equal size; hidden cells and cells without data stand apart.

    Parameters
    ----------
    published : Published
        What `gridgis.publish` returned.
    value : str, optional
        The measure; the first rate per 100 households if left out, else "count", else the first.
    lang : {"en", "zh"}
        The language of the page.
    title : str, optional
        The title; one is made if it is left out.

    Returns
    -------
    GridMap
        A `folium.Map` that needs no network; ``save`` it, or show it in a notebook.

    Raises
    ------
    GridError
        If ``published`` is anything else, or ``value`` is not one of its measures.

    Examples
    --------
    >>> shown = publish(summarise(example.grid, locate(example.events, example.grid)), hide_below=2)
    >>> [(look.label, look.cells) for look in hotspot_map(shown, value="households").spec.classes]
    [('24', 4)]
    """
    from gridgis.maps.gridmap import framed
    from gridgis.maps.spec import hotspot_spec

    return framed(hotspot_spec(published, value=value, lang=lang, title=title))


def coverage_image(
    published: Published, path: str | PathLike[str], *, lang: str = "en", title: str | None = None
) -> Path:
    """Draw the coverage map as PNG, SVG or PDF, by the ending of ``path``; colours and legend as on the page.

    Parameters
    ----------
    published : Published
        What `gridgis.publish` returned.
    path : path
        Where to write; the file is written whole or not at all.
    lang : {"en", "zh"}
        The language of the words.
    title : str, optional
        The title; one is made if it is left out.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    GridError
        As for `coverage_map`, and if the ending is unknown, or Chinese is to be written and no font for it is found.

    Examples
    --------
    >>> import tempfile
    >>> shown = publish(summarise(example.grid, locate(example.events, example.grid)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     coverage_image(shown, f"{folder}/coverage.png").name
    'coverage.png'
    """
    from gridgis.maps.spec import coverage_spec
    from gridgis.maps.static import write_image

    return write_image(coverage_spec(published, lang=lang, title=title), path)


def hotspot_image(
    published: Published,
    path: str | PathLike[str],
    *,
    value: str | None = None,
    lang: str = "en",
    title: str | None = None,
) -> Path:
    """Draw the hotspot map as PNG, SVG or PDF, by the ending of ``path``; classes and counts as on the page.

    Parameters
    ----------
    published : Published
        What `gridgis.publish` returned.
    path : path
        Where to write; the file is written whole or not at all.
    value : str, optional
        The measure, as for `hotspot_map`.
    lang : {"en", "zh"}
        The language of the words.
    title : str, optional
        The title; one is made if it is left out.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    GridError
        As for `hotspot_map`, and if the ending is unknown, or Chinese is to be written and no font for it is found.

    Examples
    --------
    >>> import tempfile
    >>> shown = publish(summarise(example.grid, locate(example.events, example.grid)), hide_below=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hotspot_image(shown, f"{folder}/hotspots.svg").suffix
    '.svg'
    """
    from gridgis.maps.spec import hotspot_spec
    from gridgis.maps.static import write_image

    return write_image(hotspot_spec(published, value=value, lang=lang, title=title), path)


def __getattr__(name: str) -> Any:
    """Give the folium classes when they are asked for, so that importing gridgis does not import folium."""
    if name == "GridMap":
        from gridgis.maps.gridmap import GridMap

        return GridMap
    if name == "GridLayer":
        from gridgis.maps.layer import GridLayer

        return GridLayer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
