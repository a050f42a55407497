"""Pages that open without a network and run no foreign script: maps of published tables, and of any table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gridgis.pages.gridmap import GridMap
    from gridgis.privacy import Published

__all__ = ["GridLayer", "GridMap", "SafeHtml", "coverage_map", "explore", "hotspot_map", "offline"]


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
    from gridgis.maps.spec import coverage_spec
    from gridgis.pages.gridmap import framed

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
    from gridgis.maps.spec import hotspot_spec
    from gridgis.pages.gridmap import framed

    return framed(hotspot_spec(published, value=value, lang=lang, title=title))


def __getattr__(name: str) -> Any:
    """Give what needs folium when it is asked for, so that importing gridgis does not import folium."""
    if name in ("GridMap", "offline"):
        from gridgis.pages import gridmap

        return getattr(gridmap, name)
    if name == "GridLayer":
        from gridgis.pages.layer import GridLayer

        return GridLayer
    if name == "explore":
        from gridgis.pages.exploring import explore

        return explore
    if name == "SafeHtml":
        from gridgis.pages.literal import SafeHtml

        return SafeHtml
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
