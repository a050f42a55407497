"""Maps as PNG, SVG and PDF, with the classes and colours of the pages, and atlases."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from gridgis.images.book import atlas

if TYPE_CHECKING:
    from gridgis.privacy import Published

__all__ = ["atlas", "coverage_image", "hotspot_image"]


def coverage_image(
    published: Published,
    path: str | PathLike[str],
    *,
    lang: str = "en",
    title: str | None = None,
    scan: bool = True,
    allow: Sequence[str] = (),
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
    scan : bool
        A map that is not internal is read as an attacker would (`gridgis.find_leaks`) before it is written. False
        leaves that out.
    allow : sequence of str
        Texts that may stand in it, as for `gridgis.find_leaks`: names of places that look like addresses, say.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    GridError
        As for `coverage_map`, and if the ending is unknown, Chinese is to be written and no font for it is found, or
        the image holds what must not be shown.

    Examples
    --------
    >>> import tempfile
    >>> shown = publish(summarise(example.grid, locate(example.events, example.grid)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     coverage_image(shown, f"{folder}/coverage.png").name
    'coverage.png'
    """
    from gridgis.images.static import write_image
    from gridgis.maps.spec import coverage_spec

    return write_image(coverage_spec(published, lang=lang, title=title), path, scan=scan, allow=allow)


def hotspot_image(
    published: Published,
    path: str | PathLike[str],
    *,
    value: str | None = None,
    lang: str = "en",
    title: str | None = None,
    scan: bool = True,
    allow: Sequence[str] = (),
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
    scan : bool
        A map that is not internal is read as an attacker would (`gridgis.find_leaks`) before it is written. False
        leaves that out.
    allow : sequence of str
        Texts that may stand in it, as for `gridgis.find_leaks`: names of places that look like addresses, say.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    GridError
        As for `hotspot_map`, and if the ending is unknown, Chinese is to be written and no font for it is found, or
        the image holds what must not be shown.

    Examples
    --------
    >>> import tempfile
    >>> shown = publish(summarise(example.grid, locate(example.events, example.grid)), hide_below=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hotspot_image(shown, f"{folder}/hotspots.svg").suffix
    '.svg'
    """
    from gridgis.images.static import write_image
    from gridgis.maps.spec import hotspot_spec

    return write_image(hotspot_spec(published, value=value, lang=lang, title=title), path, scan=scan, allow=allow)
