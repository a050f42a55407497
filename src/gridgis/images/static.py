"""Maps as images: PNG, SVG and PDF fit for print, of the same spec as the page."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import shapely

from gridgis import write
from gridgis.contract import GridError, listed
from gridgis.images import drawing, fonts, placing, sheet
from gridgis.images.fonts import FONTS, NoFontError, Typeface, typeface
from gridgis.images.placing import View
from gridgis.leaks import require_public
from gridgis.maps import labels
from gridgis.maps.spec import MapSpec, Theme
from gridgis.privacy import going_out

__all__ = ["FONTS", "NoFontError", "drawn", "image_bytes", "write_image"]

DPI = 200
METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_SETTINGS: dict[str, Any] = {
    **{"text.parse_math": False, "text.usetex": False, "axes.unicode_minus": False, "text.hinting": "none"},
    **{"svg.hashsalt": "gridgis", "svg.fonttype": "none", "pdf.fonttype": 42, "hatch.linewidth": 1.2},
    **{"savefig.bbox": None, "savefig.facecolor": "white", "path.simplify": False, "font.size": 9.0},
}
_ALONE = Lock()


def write_image(
    spec: MapSpec, path: str | PathLike[str], *, theme: str | None = None, scan: bool = True, allow: Sequence[str] = ()
) -> Path:
    """Draw a spec into a PNG, SVG or PDF file; the same spec gives the same bytes.

    Parameters
    ----------
    spec : MapSpec
        What the map says.
    path : path
        Where to write; its ending says what.
    theme : str, optional
        The key of one of its themes; the first if left out.
    scan : bool
        Whether the image of a spec that is not internal is read as an attacker would, before it is written.
    allow : sequence of str
        Texts that may stand in it, as for `gridgis.find_leaks`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    GridError
        If the ending of the path or the theme is unknown, Chinese is to be written and no font for it is found, or
        the image holds what must not be shown.
    """
    path = Path(path)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in METADATA:
        raise GridError(f"path: expected an ending of {listed('.' + name for name in METADATA)}, got {path.name!r}.")
    data = image_bytes(spec, kind, theme=theme)
    if scan and not spec.internal:
        require_public(data, path.name, allow=allow, codes={*spec.codes, *spec.parents})
    with going_out(spec.outgoing):
        write.write_bytes(data, path)
    return path


def image_bytes(spec: MapSpec, kind: str, *, theme: str | None = None) -> bytes:
    """Draw a spec and give the file as bytes.

    Parameters
    ----------
    spec : MapSpec
        What the map says.
    kind : {"png", "svg", "pdf"}
        The format.
    theme : str, optional
        The key of one of its themes; the first if left out.

    Raises
    ------
    GridError
        As for `write_image`.
    """
    chosen = _theme(spec, theme)
    letters = letters_of(spec)
    target = io.BytesIO()
    with prepared(letters):
        paper = drawn(spec, chosen, letters)
        metadata: dict[str, Any] = {**METADATA[kind]}
        if kind != "png":
            metadata["Title"] = letters.written(spec.title)
        paper.figure.savefig(target, format=kind, dpi=DPI, metadata=metadata)
    data = target.getvalue()
    return _with_fonts(data, letters, paper.used) if kind == "svg" else steady(data) if kind == "pdf" else data


@contextmanager
def prepared(letters: Typeface) -> Iterator[None]:
    """Set matplotlib up for images, for one thread at a time; afterwards it is as it was."""
    import matplotlib

    with _ALONE, matplotlib.rc_context(), fonts.registered(letters):
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast(Any, _SETTINGS))
        yield


def letters_of(spec: MapSpec) -> Typeface:
    """Collect the letters of an image of a spec.

    Raises
    ------
    NoFontError
        If Chinese is to be written and none of `FONTS` is on this machine.
    """
    return typeface(texts_of(spec), spec.lang, FONTS)


def texts_of(spec: MapSpec) -> Iterator[str]:
    """Give everything that an image of a spec may say."""
    yield from (spec.title, *spec.notes, *spec.parent_texts, *spec.codes)
    for theme in spec.themes:
        yield from (theme.label, theme.legend_title, theme.unit, *(look.label for look in theme.classes))
    for measure in spec.measures:
        yield from (measure.label, measure.unit)
    yield from (labels.word(key, spec.lang) for key in ("cells", "unit", "internal", "north", "others", "hidden"))
    yield from (labels.word(key, spec.lang) for key in ("code", "parent", "no_data", "page"))
    yield "：" if spec.lang == "zh" else ""


def extent_of(bounds: npt.NDArray[np.float64], share: float = 0.01) -> tuple[float, float, float, float]:
    """Widen bounds a little, so that the outermost line is seen whole."""
    west, south, east, north = map(float, bounds)
    edge = share * max(east - west, north - south, 1.0)
    return west - edge, south - edge, east + edge, north + edge


def _theme(spec: MapSpec, key: str | None) -> Theme:
    """Find a theme by its key."""
    found = [theme for theme in spec.themes if key in (None, theme.key)]
    if not found:
        raise GridError(f"theme: expected one of {listed([theme.key for theme in spec.themes], 12)}, got {key!r}.")
    return found[0]


def drawn(spec: MapSpec, theme: Theme, letters: Typeface) -> drawing.Paper:
    """Draw a theme of a spec on a sheet of the size that suits it; one data unit is a millimetre."""
    west, south, east, north = extent_of(shapely.total_bounds(spec.shapes.cells))
    sizes = [sheet.A4, sheet.A4[::-1]]
    for _ in range(2):  # once more, on a sheet without the empty space around the map
        bares = [sheet.frame(letters, size, spec.title, spec.notes, mark_of(spec)) for size in sizes]
        chosen = sheet.arranged(bares, theme, spec.lang, letters, (east - west, north - south))
        sizes = [sheet.without_slack(chosen, (east - west, north - south))]
    paper = drawing.Paper(chosen.width, chosen.height, letters)
    put_map(paper, spec, theme, *bares)
    return paper


def mark_of(spec: MapSpec) -> str:
    """Give the word of the mark "internal", or nothing for a public map."""
    return labels.word("internal", spec.lang) if spec.internal else ""


def put_map(paper: drawing.Paper, spec: MapSpec, theme: Theme, bare: sheet.Sheet) -> None:
    """Draw the whole map with legend, scale bar and arrow into the room that a sheet leaves."""
    bounds = extent_of(shapely.total_bounds(spec.shapes.cells))
    extent = bounds[2] - bounds[0], bounds[3] - bounds[1]
    chosen = sheet.arranged([bare], theme, spec.lang, paper.letters, extent)
    drawing.put_sheet(paper, chosen, mark_of(spec))
    view = View.of(chosen.map, bounds)
    drawing.put_key(paper, chosen.key, view.scale, spec.lang)
    shapes = spec.shapes
    paths = drawing.outlines_of(shapes.cells, view)
    drawing.paint(paper, theme, paths, np.arange(len(paths)))
    area = float(shapely.area(shapes.cells).sum()) * view.scale**2
    thin, thick = drawing.line_widths((area / len(paths)) ** 0.5, (area / len(spec.parent_names)) ** 0.5)
    paper.stroke(paths, thin, drawing.SOFT)
    paper.stroke(drawing.outlines_of(shapes.outlines, view), thick, drawing.INK, layer=3)
    parents = placing.parent_labels(view.drawn(shapes.outlines), spec.parent_names, paper.letters, chosen.map)
    drawing.put_labels(paper, parents, halo=2.2)
    put_cell_names(paper, spec, theme, view, np.arange(len(paths)), [label.box for label in parents])


def put_cell_names(
    paper: drawing.Paper,
    spec: MapSpec,
    theme: Theme,
    view: View,
    which: npt.NDArray[np.int64],
    taken: Sequence[sheet.Box] = (),
) -> None:
    """Write the names of cells where they have room; ``theme`` holds the classes of ``which`` of the cells."""
    if len(which) > placing.MOST_CELLS:
        return
    names = placing.cell_names([spec.codes[i] for i in which], [spec.parents[i] for i in which])
    names = [paper.letters.written(name) for name in names]
    placed = placing.cell_labels(view.drawn(spec.shapes.cells[which]), names, paper.letters, taken)
    looks = [theme.classes[i] for i in theme.class_of]
    colors = [drawing.readable("#ffffff" if look.hatched else look.fill) for look in looks]
    for hatched in (False, True):  # over a hatch, letters need white around them
        some = [label for label in placed if looks[label.of].hatched == hatched]
        drawing.put_labels(paper, some, halo=1.6 * hatched, colors=colors)


def steady(data: bytes) -> bytes:
    """Give the subset fonts of a PDF the same names in every process; the length stays."""
    return re.sub(rb"/[A-Z]{6}\+gridgis", b"/GRIDGI+gridgis", data)


def _with_fonts(data: bytes, letters: Typeface, used: dict[bool, set[str]]) -> bytes:
    """Put the font into an SVG, so that its text looks the same everywhere and nothing is fetched."""
    rules = []
    for bold, weight in ((False, 400), (True, 700)):
        if used[bold]:
            font = base64.b64encode(letters.font(used[bold], bold=bold, flavor="woff")).decode()
            source = f"src:url(data:font/woff;base64,{font}) format('woff')"
            rules.append(f"@font-face{{font-family:'{letters.family}';font-weight:{weight};{source}}}")
    style = f'<style type="text/css">{"".join(rules)}</style>'.encode()
    return data.replace(b"<defs>", b"<defs>" + style, 1)
