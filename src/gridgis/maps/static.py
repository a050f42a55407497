"""Maps as images: the same spec as the page, drawn by matplotlib without a window and without its global state."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from unicodedata import east_asian_width

import numpy as np
import shapely

from gridgis import write
from gridgis.contract import GridError, GridWarning, listed
from gridgis.maps import labels
from gridgis.maps.spec import MapSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FONTS = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Microsoft YaHei", "PingFang SC"),
    *("Hiragino Sans GB", "SimHei", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Noto Sans CJK TC", "Noto Sans CJK JP"),
    *("Heiti SC", "Heiti TC", "STHeiti", "Arial Unicode MS", "SimSun", "Songti SC", "Droid Sans Fallback"),
)
"""Fonts that hold Chinese, the best first."""


class NoFontError(GridError):
    """Chinese is to be written, and no font for it is on this machine."""


_METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_MOST_LINES = 14
_LEGEND_X = 0.735


def write_image(spec: MapSpec, path: str | PathLike[str]) -> Path:
    """Draw a spec into a PNG, SVG or PDF file; the same spec gives the same bytes.

    Raises
    ------
    GridError
        If the ending of the path is unknown, or Chinese is to be written and no font for it is found.
    """
    path = Path(path)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in _METADATA:
        raise GridError(f"path: expected an ending of {listed('.' + name for name in _METADATA)}, got {path.name!r}.")
    write.write_bytes(image_bytes(spec, kind), path)
    return path


def image_bytes(spec: MapSpec, kind: str) -> bytes:
    """Draw a spec and give the file as bytes; ``kind`` is "png", "svg" or "pdf"."""
    import matplotlib

    families = font_families(spec)
    settings: dict[str, Any] = {
        **{"font.family": families, "text.parse_math": False, "text.usetex": False, "axes.unicode_minus": False},
        **{"svg.hashsalt": "gridgis", "svg.fonttype": "path", "pdf.fonttype": 3, "hatch.linewidth": 1.4},
        **{"savefig.bbox": None, "savefig.facecolor": "white", "path.simplify": False, "font.size": 9.0},
    }
    target = io.BytesIO()
    with warnings.catch_warnings(record=True) as caught, matplotlib.rc_context():
        warnings.simplefilter("always")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast(Any, settings))
        figure = draw(spec)
        figure.savefig(target, format=kind, dpi=160, metadata=_METADATA[kind])
    missing = sorted({str(item.message) for item in caught if "missing from" in str(item.message)})
    if missing:
        warnings.warn(f"characters without a glyph are drawn as boxes: {listed(missing)}.", GridWarning, stacklevel=4)
    return target.getvalue()


def font_families(spec: MapSpec) -> list[str]:
    """Choose the fonts: the first of `FONTS` on this machine where Chinese is to be written, then the default.

    Raises
    ------
    NoFontError
        If Chinese is to be written and none of them is there.
    """
    from matplotlib import font_manager

    texts = [spec.title, spec.legend_title, spec.unit, *spec.notes, *spec.parent_texts]
    texts += [look.label for look in spec.classes]
    if spec.lang != "zh" and not any(_wide(letter) for text in texts for letter in text):
        return ["DejaVu Sans"]
    there = {font.name for font in font_manager.fontManager.ttflist}
    found = [name for name in FONTS if name in there]
    if not found:
        raise NoFontError(
            f"Chinese is to be written and no font for it was found; looked for {listed(FONTS, len(FONTS))}. Install "
            "one (Noto Sans CJK, say) and remove matplotlib's font cache."
        )
    return [found[0], "DejaVu Sans"]


def draw(spec: MapSpec) -> Figure:
    """Draw a spec as a matplotlib figure, in the metre CRS of its cells."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 7.2))
    FigureCanvasAgg(figure)
    title = _wrapped(spec.title, 78)[:2]
    figure.text(0.03, 0.965, "\n".join(title), fontsize=15, fontweight="bold", va="top", color="#1f2933")
    notes = [line for note in spec.notes for line in _wrapped(note, 150)][:8]
    figure.text(0.03, 0.02, "\n".join(notes), fontsize=7.5, va="bottom", color="#52606d", linespacing=1.4)
    bottom, top = 0.04 + 0.022 * len(notes), 0.93 - 0.04 * (len(title) - 1)
    axes = figure.add_axes((0.03, bottom, _LEGEND_X - 0.05, top - bottom))
    axes.set_aspect("equal")
    axes.set_axis_off()
    _cells(axes, spec)
    _legend(figure, spec, top)
    _scale_bar(figure, axes, spec)
    _parent_labels(figure, axes, spec)
    return figure


def _cells(axes: Axes, spec: MapSpec) -> None:
    """One collection for each class, in the order of the legend; then the outlines of the parents."""
    from matplotlib.collections import PathCollection

    west, south, east, north = shapely.total_bounds(spec.shapes.cells)
    edge = 0.02 * max(east - west, north - south, 1.0)
    axes.set_xlim(west - edge, east + edge)
    axes.set_ylim(south - edge, north + edge)
    class_of = np.array(spec.class_of)
    for i, look in enumerate(spec.classes):
        paths = [_path(shape) for shape in spec.shapes.cells[class_of == i]]
        face = "#ffffff" if look.hatched else look.fill
        cells = PathCollection(paths, facecolors=face, edgecolors=look.fill, linewidths=0, zorder=1)
        if look.hatched:
            cells.set_hatch("////")
        cells.set_gid(f"class-{i}")
        axes.add_collection(cells, autolim=False)
    lines = [_path(shape) for shape in spec.shapes.cells]
    axes.add_collection(PathCollection(lines, facecolors="none", edgecolors="#5b6470", linewidths=0.45), autolim=False)
    outlines = [_path(shape) for shape in spec.shapes.outlines]
    thick = PathCollection(outlines, facecolors="none", edgecolors="#1f2933", linewidths=1.5, joinstyle="round")
    axes.add_collection(thick, autolim=False)


def _path(shape: shapely.Geometry) -> Any:
    """Write a polygon, with its holes and parts, as one path."""
    from matplotlib.path import Path as Outline

    rings = [ring for part in shapely.get_parts(shape) for ring in (part.exterior, *part.interiors)]
    return Outline.make_compound_path(*(Outline(shapely.get_coordinates(ring), closed=True) for ring in rings))


def _legend(figure: Figure, spec: MapSpec, top: float) -> None:
    """Draw the legend as on the page: look, meaning, number of cells."""
    from matplotlib.patches import Rectangle

    head = _wrapped(spec.legend_title, 30)
    y = top - 0.01
    figure.text(_LEGEND_X, y, "\n".join(head), fontsize=10.5, fontweight="bold", va="top", color="#1f2933")
    y -= 0.028 * len(head)
    if spec.unit and spec.unit.lower() != spec.legend_title.lower():
        unit = f"{labels.word('unit', spec.lang)}: {spec.unit}"
        figure.text(_LEGEND_X, y, "\n".join(_wrapped(unit, 40)), fontsize=8, va="top", color="#52606d")
        y -= 0.026 * len(_wrapped(unit, 40))
    y -= 0.012
    figure.text(0.975, y, labels.word("cells", spec.lang), fontsize=8, va="center", ha="right", color="#52606d")
    for look in spec.classes[:_MOST_LINES]:
        y -= 0.034
        box = Rectangle((_LEGEND_X, y - 0.011), 0.03, 0.022, transform=figure.transFigure, linewidth=0)
        box.set(facecolor="#ffffff" if look.hatched else look.fill, edgecolor=look.fill)
        box.set_hatch("////" if look.hatched else "")
        frame = Rectangle((_LEGEND_X, y - 0.011), 0.03, 0.022, transform=figure.transFigure, fill=False)
        frame.set(edgecolor="#5b6470", linewidth=0.6)
        figure.add_artist(box)
        figure.add_artist(frame)
        figure.text(0.975, y, str(look.cells), fontsize=9, va="center", ha="right", color="#1f2933")
        for i, line in enumerate(_wrapped(look.label, 26)):
            y -= 0.021 * (i > 0)
            figure.text(_LEGEND_X + 0.038, y, line, fontsize=9, va="center", color="#1f2933")
    rest = spec.classes[_MOST_LINES:]
    if rest:
        more = labels.word("others", spec.lang, n=len(rest))
        figure.text(_LEGEND_X + 0.038, y - 0.034, more, fontsize=9, va="center", color="#52606d")
        figure.text(0.975, y - 0.034, str(sum(look.cells for look in rest)), fontsize=9, va="center", ha="right")
    if spec.internal:
        mark = {"facecolor": "#a61b1b", "edgecolor": "none", "boxstyle": "round,pad=0.35"}
        text = labels.word("internal", spec.lang)
        figure.text(0.975, 0.955, text, fontsize=9, fontweight="bold", ha="right", va="top", color="white", bbox=mark)


def _scale_bar(figure: Figure, axes: Axes, spec: MapSpec) -> None:
    """Draw a bar of 1, 2 or 5 times a power of ten metres, and an arrow to grid north, below the legend."""
    from matplotlib.lines import Line2D

    axes.apply_aspect()
    drawn = axes.get_position()
    metres = axes.get_xlim()[1] - axes.get_xlim()[0]
    length = nice_length(metres * 0.16 / drawn.width)
    width = length / metres * drawn.width
    y = axes.get_position(original=True).y0 + 0.03
    bar = [_LEGEND_X, _LEGEND_X, _LEGEND_X + width, _LEGEND_X + width], [y + 0.012, y, y, y + 0.012]
    figure.add_artist(Line2D(*bar, color="#1f2933", linewidth=1.4, solid_joinstyle="miter"))
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    figure.text(_LEGEND_X + width / 2, y + 0.018, text, fontsize=8.5, ha="center", va="bottom", color="#1f2933")
    arrow = {"arrowstyle": "-|>", "color": "#1f2933", "linewidth": 1.4, "mutation_scale": 14}
    axes.annotate(
        "", (0.955, y + 0.055), (0.955, y - 0.004), "figure fraction", "figure fraction", arrow, annotation_clip=False
    )
    north = labels.word("north", spec.lang)
    figure.text(0.955, y + 0.058, north, fontsize=10, fontweight="bold", ha="center", va="bottom", color="#1f2933")


def nice_length(most: float) -> float:
    """Give the longest 1, 2 or 5 times a power of ten that is not above ``most``.

    Examples
    --------
    >>> nice_length(340.0), nice_length(99.0)
    (200.0, 50.0)
    """
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(step * power for step in (1, 2, 5) if step * power <= most))


def _parent_labels(figure: Figure, axes: Axes, spec: MapSpec) -> None:
    """Names of the parents within them; largest first, moved a little or left out rather than drawn over another."""
    from matplotlib.patheffects import withStroke

    taken: list[Any] = []
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    order = np.argsort(-shapely.area(spec.shapes.outlines), kind="stable").tolist()
    for i in order:
        name = "\n".join(_wrapped(spec.parent_names[i], 24)[:2])
        circle = shapely.maximum_inscribed_circle(spec.shapes.outlines[i], 1.0)
        x, y = shapely.get_coordinates(circle)[0]
        label = axes.text(x, y, name, fontsize=9.5, fontweight="bold", ha="center", va="center", color="#1f2933")
        label.set_path_effects([withStroke(linewidth=2.6, foreground="white")])
        step = shapely.length(circle) / 2
        for dx, dy in ((0, 0), (0, 1), (0, -1), (0.7, 0), (-0.7, 0)):
            label.set_position((x + dx * step, y + dy * step))
            box = label.get_window_extent(renderer)
            if not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
        else:
            label.remove()


def _wide(letter: str) -> bool:
    return east_asian_width(letter) in "WF"


def _wrapped(text: str, most: int) -> list[str]:
    """Break text into lines of about ``most`` columns; Chinese may break anywhere and counts two a letter."""
    lines, line, width = [], "", 0
    for piece in _pieces(" ".join(text.split()), most):
        size = sum(2 if _wide(letter) else 1 for letter in piece)
        if line and width + size > most:
            lines.append(line.rstrip())
            line, width = "", 0
            piece = piece.lstrip()
        line, width = line + piece, width + size
    return [*lines, line]


def _pieces(text: str, most: int) -> Sequence[str]:
    """Part text where a line may be broken: words with their space, Chinese letters, parts of overlong words."""
    pieces, piece = [], ""
    for letter in text:
        if piece and (_wide(letter) or _wide(piece[-1]) or letter == " " or len(piece) >= most):
            pieces.append(piece)
            piece = ""
        piece += letter
    return [*pieces, piece] if piece else pieces
