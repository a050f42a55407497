"""Ink on paper: shapes, words, legend, scale bar and north arrow, in millimetres of the sheet, by matplotlib."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import shapely

from gridgis.images.fonts import Typeface
from gridgis.images.placing import Label, View
from gridgis.images.sheet import Box, Sheet, Swatch, Words, capital
from gridgis.maps import labels
from gridgis.maps.spec import LegendClass, Theme

if TYPE_CHECKING:
    from matplotlib.path import Path as Outline

INK, SOFT, MARK = "#1f2933", "#5b6470", "#a61b1b"
ENOUGH = 4.5
"""The contrast that letters need (WCAG 2.1, level AA)."""
HATCH = "////"
SNAP = 0.02
"""Corners are drawn at multiples of this, in millimetres: the same corner at the same place, whichever cell has it."""

_MOVE, _LINE, _CLOSE = 1, 2, 79


class Paper:
    """A sheet to draw on.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
        The drawing so far.
    letters : Typeface
        What words are written with.
    used : dict
        The letters written so far, by bold or not.
    """

    def __init__(self, width: float, height: float, letters: Typeface) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(width / 25.4, height / 25.4))
        FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(0, height)
        self.axes.set_axis_off()
        self.letters = letters
        self.used: dict[bool, set[str]] = {False: set(), True: set()}

    def write(self, words: Words, *, halo: float = 0.0, layer: float = 5.0) -> None:
        """Write a line; with a white halo of so many points around it."""
        from matplotlib.patheffects import Stroke

        text = self.letters.written(words.text)
        weight = "bold" if words.bold else "normal"
        look: dict[str, Any] = {"fontsize": words.size, "fontweight": weight, "ha": words.align, "va": "baseline"}
        look |= {"fontfamily": [self.letters.family], "color": words.color, "transform": self.axes.transData}
        if halo:  # a shape beneath: real text cannot be outlined in every format
            under = self.figure.text(words.x, words.y, text, **look, zorder=layer - 0.5, gid="halo")
            under.set_path_effects([Stroke(linewidth=halo, foreground="white", joinstyle="round")])
        self.figure.text(words.x, words.y, text, **look, zorder=layer)
        self.used[words.bold] |= set(text)

    def box(self, box: Box, *, fill: str = "none", edge: str = "none", width: float = 0.0, hatch: str = "") -> None:
        """Draw a rectangle."""
        from matplotlib.patches import Rectangle

        drawn = Rectangle((box.x, box.y), box.width, box.height, facecolor=fill, edgecolor=edge, linewidth=width)
        drawn.set_hatch(hatch)
        drawn.set_zorder(4)
        self.axes.add_patch(drawn)

    def line(self, x: Sequence[float], y: Sequence[float], width: float, color: str = INK) -> None:
        """Draw a line of some points' width."""
        self.lines([np.column_stack([x, y])], width, color)

    def lines(self, lines: Sequence[npt.NDArray[np.float64]], width: float, color: str) -> None:
        """Draw many lines at once."""
        from matplotlib.collections import LineCollection

        drawn = LineCollection(lines, colors=color, linewidths=width, capstyle="butt", joinstyle="miter", zorder=4)
        self.axes.add_collection(drawn, autolim=False)

    def fill(
        self, paths: Sequence[Outline], look: LegendClass, *, gid: str | None = None, clip: Box | None = None
    ) -> None:
        """Fill outlines as their class says, with no line around them."""
        face = "#ffffff" if look.hatched else look.fill
        self._add(paths, {"facecolors": face, "edgecolors": look.fill, "linewidths": 0}, 1, (gid, clip, look.hatched))

    def stroke(
        self, paths: Sequence[Outline], width: float, color: str, *, clip: Box | None = None, layer: float = 2.0
    ) -> None:
        """Draw the lines around outlines."""
        look = {"facecolors": "none", "edgecolors": color, "linewidths": width, "joinstyle": "round"}
        self._add(paths, look, layer, (None, clip, False))

    def _add(
        self, paths: Sequence[Outline], look: dict[str, Any], layer: float, more: tuple[str | None, Box | None, bool]
    ) -> None:
        from matplotlib.collections import PathCollection
        from matplotlib.patches import Rectangle

        gid, clip, hatched = more
        drawn = PathCollection(paths, transform=self.axes.transData, zorder=layer, **look)
        drawn.set_hatch(HATCH if hatched else "")
        drawn.set_gid(gid)
        self.axes.add_collection(drawn, autolim=False)
        if clip:
            drawn.set_clip_path(Rectangle((clip.x, clip.y), clip.width, clip.height, transform=self.axes.transData))


def outlines_of(shapes: npt.NDArray[np.object_], view: View) -> list[Outline]:
    """Write polygons, with their holes and parts, as one path each, in millimetres of the sheet."""
    from matplotlib.path import Path as Outline

    parts, of_part = shapely.get_parts(shapes, return_index=True)
    rings, of_ring = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)  # a hole turns the other way
    points, of_point = shapely.get_coordinates(rings, return_index=True)
    places = np.round(view.places(points) / SNAP) * SNAP
    new = np.ones(len(places), bool)
    new[1:] = of_point[1:] != of_point[:-1]
    keep = new.copy()
    keep[1:] |= (places[1:] != places[:-1]).any(axis=1)
    places, ring, new = places[keep], of_point[keep], new[keep]
    codes = np.full(len(places), _LINE, np.uint8)
    codes[np.append(new, True)[1:]] = _CLOSE
    codes[new] = _MOVE
    starts = np.searchsorted(of_part[of_ring][ring], np.arange(len(shapes) + 1))
    bounds = zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
    return [Outline(places[start:end], codes[start:end]) for start, end in bounds]


def paint(
    paper: Paper, theme: Theme, paths: Sequence[Outline], which: npt.NDArray[np.int64], clip: Box | None = None
) -> None:
    """Fill cells, one collection for each class, in the order of the legend; ``which`` names the cell of each path."""
    class_of = np.array(theme.class_of)[which]
    for i, look in enumerate(theme.classes):
        paper.fill([paths[k] for k in np.flatnonzero(class_of == i).tolist()], look, gid=f"class-{i}", clip=clip)


def line_widths(side: float, parent_side: float) -> tuple[float, float]:
    """Choose the widths of lines, in points, by the sides of a usual cell and parent, in millimetres.

    Examples
    --------
    >>> line_widths(12.0, 50.0), line_widths(0.5, 8.0)
    ((0.45, 1.5), (0.08, 0.64))
    """
    return float(np.clip(0.1 * side, 0.08, 0.45)), float(np.clip(0.08 * parent_side, 0.2, 1.5))


def put_sheet(paper: Paper, sheet: Sheet, mark: str) -> None:
    """Write what stands around the map: title, legend, notes, and the mark "internal"."""
    for words in sheet.words:
        paper.write(words)
    put_swatches(paper, sheet.swatches)
    if sheet.mark:
        paper.box(sheet.mark, fill=MARK)
        x, y = sheet.mark.x + sheet.mark.width / 2, sheet.mark.y + (sheet.mark.height - capital(9.0)) / 2
        paper.write(Words(x, y, mark, 9.0, True, "center", "#ffffff"))


def put_swatches(paper: Paper, swatches: Iterable[Swatch]) -> None:
    """Draw the pictures of a legend, in the looks of the map."""
    for box, look in swatches:
        paper.box(
            box, fill="#ffffff" if look.hatched else look.fill, edge=look.fill, hatch=HATCH if look.hatched else ""
        )
        paper.box(box, edge=SOFT, width=0.5)


def put_labels(paper: Paper, named: Iterable[Label], *, halo: float, colors: Sequence[str] | None = None) -> None:
    """Write names on the map."""
    for label in named:
        for words in label.words():
            paper.write(
                words._replace(color=colors[label.of] if colors else INK), halo=halo, layer=7 if label.bold else 6
            )


def put_key(paper: Paper, box: Box, scale: float, lang: str) -> None:
    """Draw a bar of 1, 2 or 5 times a power of ten metres with the scale, and an arrow to grid north, into a box."""
    length = nice_length(min(box.width - 14.0, 42.0) / scale)
    width = length * scale
    y = box.y + 4.6
    paper.line([box.x, box.x, box.x + width, box.x + width], [y + 1.4, y, y, y + 1.4], 1.1)
    paper.line([box.x + width / 2] * 2, [y, y + 0.9], 0.8)
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    paper.write(Words(box.x + width, y + 2.2, text, 8.0, align="right"))
    paper.write(Words(box.x, y + 2.2, "0", 8.0))
    paper.write(Words(box.x, box.y + 0.8, f"1:{_rounded(1000.0 / scale):,} (A4)", 7.0, color="#52606d"))
    x, foot, head = box.right - 3.0, box.y + 1.0, box.top - 4.0
    from matplotlib.patches import Polygon

    left = [(x, head), (x - 2.1, foot), (x, foot + 2.6)]
    right = [(x, head), (x + 2.1, foot), (x, foot + 2.6)]
    for corners, fill in ((left, INK), (right, "#ffffff")):
        paper.axes.add_patch(
            Polygon(corners, facecolor=fill, edgecolor=INK, linewidth=0.7, joinstyle="miter", zorder=4)
        )
    paper.write(Words(x, head + 1.2, labels.word("north", lang), 9.0, True, "center"))


def nice_length(most: float) -> float:
    """Give the longest 1, 2 or 5 times a power of ten that is not above ``most``.

    Examples
    --------
    >>> nice_length(340.0), nice_length(99.0)
    (200.0, 50.0)
    """
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(step * power for step in (1, 2, 5) if step * power <= most))


def _rounded(number: float) -> int:
    """Round the denominator of a scale to three figures."""
    step = 10 ** max(0, int(np.floor(np.log10(max(number, 1.0)))) - 2)
    return max(int(round(number / step) * step), 1)


def readable(fill: str) -> str:
    """Choose letters for a fill: our dark ink or white, black where neither stands out enough.

    Examples
    --------
    >>> readable("#ffffb2"), readable("#bd0026"), readable("#f03b20")
    ('#1f2933', '#ffffff', '#000000')
    """
    best = max((INK, "#ffffff"), key=lambda letters: contrast(letters, fill))
    return best if contrast(best, fill) >= ENOUGH else "#000000"


def contrast(one: str, other: str) -> float:
    """Give the contrast of two colours, from 1 to 21 (WCAG 2.1).

    Examples
    --------
    >>> contrast("#ffffff", "#000000")
    21.0
    """
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
