"""The pictures of a report: SVG that stands in the page, drawn here, so that nothing must run to see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import shapely

from gridgis import cover
from gridgis.maps.labels import measure_label
from gridgis.pages.page import clean
from gridgis.report.figures import STATES
from gridgis.report.words import band_text, cell_name, percent, reason_name, said, word

if TYPE_CHECKING:
    from gridgis.report import DivideReport

FILLS = {
    "in_band": "#a8cbe6",
    "proven": "#f2b338",
    "not_proven": "#b3261e",
    "given": "#bdb0d6",
    "empty": "#eceeea",
}
"""The colour of each state: light, middle and dark, so that grey paper and colour-blind readers tell them apart."""
_STACK = ("in_band", "proven", "not_proven")
_STEPS, _MARGIN, _FOOT, _LETTER = 16_000, 150, 420, 180
_LEFT, _RIGHT, _TOP, _BASE, _HEIGHT = 34, 436, 34, 190, 212

Texts = Sequence[str]
Shapes = npt.NDArray[np.object_]


def text(value: object) -> str:
    """Write anything as text that HTML shows as it is."""
    return escape(clean(str(value)))


def swatch(state: str) -> str:
    """Draw the colour of a state."""
    return (
        f'<svg class="swatch" width="22" height="14" aria-hidden="true"><rect width="22" height="14" '
        f'fill="{FILLS[state]}"/></svg>'
    )


def bin_texts(report: DivideReport, lang: str) -> list[str]:
    """Write what loads each bin of the histogram holds, the last bins open."""
    edges = report.histogram.edges
    texts = []
    for i, (low, after) in enumerate(pairwise(edges)):
        if i == len(edges) - 2:
            texts.append(word("bin_last", lang, low=f"{low:,}"))
        elif i == 0 and low < next(iter(report.bands.values()))[0]:
            texts.append(word("bin_first", lang, next=f"{after:,}"))
        elif after - 1 == low:
            texts.append(f"{low:,}")
        else:
            texts.append(word("to", lang, low=f"{low:,}", high=f"{after - 1:,}"))
    return texts


def histogram_svg(report: DivideReport, lang: str) -> str:
    """Draw the histogram, bars stacked by state, the band marked; what it says stands in its text too."""
    bars = report.histogram
    most = max([*bars.cells, 1])
    width = (_RIGHT - _LEFT) / len(bars.cells)
    title = word("distribution", lang, measure=measure_label(bars.measure, lang))
    texts = bin_texts(report, lang)
    told = "; ".join(word("bin_cells", lang, bin=name, n=f"{n:,}") for name, n in zip(texts, bars.cells, strict=True))
    parts = [
        f'<svg class="hist" viewBox="0 0 440 {_HEIGHT}" role="img" aria-labelledby="hist-title hist-text">',
        f'<title id="hist-title">{text(title)}</title><desc id="hist-text">{text(told)}</desc>',
        *_band_mark(report, width, lang),
        *_count_axis(most),
    ]
    for i, n in enumerate(bars.cells):
        left, top = _LEFT + i * width, float(_BASE)
        parts.append(f"<g><title>{text(word('bin_cells', lang, bin=texts[i], n=f'{n:,}'))}</title>")
        for state in _STACK:
            tall = getattr(bars, state)[i] / most * (_BASE - _TOP - 16)
            top -= tall
            if tall:
                parts.append(_rect(left + 1.5, top, width - 3, tall, f'fill="{FILLS[state]}"'))
        if n:
            parts.append(f'<text x="{left + width / 2:.1f}" y="{top - 4:.1f}" class="number">{n:,}</text>')
        parts.append("</g>")
    parts += _load_axis(bars.edges, width)
    return "".join([*parts, "</svg>"])


def _rect(x: float, y: float, width: float, height: float, more: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" {more}/>'


def _band_mark(report: DivideReport, width: float, lang: str) -> list[str]:
    """The band of the first measure as a pale field, with its name."""
    name, (low, high) = next(iter(report.bands.items()))
    edges = report.histogram.edges
    left, right = (_LEFT + edges.index(end) * width for end in (low, high + 1))
    limits = word("to", lang, low=f"{low:,}", high=f"{high:,}")
    told = f"{word('band', lang) if len(report.bands) == 1 else measure_label(name, lang)} {limits}"
    return [
        _rect(left, _TOP - 20, right - left, _BASE - _TOP + 20, 'class="band"'),
        f'<text x="{(left + right) / 2:.1f}" y="{_TOP - 7}" class="middle">{text(told)}</text>',
    ]


def _count_axis(most: int) -> list[str]:
    """The base line and one or two lines above it, with their numbers of cells."""
    step = next(k * 10**e for e in range(12) for k in (1, 2, 5) if k * 10**e * 4 >= most)
    parts = []
    for n in range(0, most + 1, step):
        y = _BASE - n / most * (_BASE - _TOP - 16)
        parts.append(f'<path class="{"line" if n else "base"}" d="M{_LEFT} {y:.1f}H{_RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 5}" y="{y + 3.5:.1f}" class="end">{n:,}</text>')
    return parts


def _load_axis(edges: Sequence[int], width: float) -> list[str]:
    """The loads at which bars start; every second one where they would touch."""
    widest = max(len(f"{edge:,}") for edge in edges[1:-1]) if len(edges) > 2 else 1
    every = 1 if widest * 7.4 + 4 <= width else 2 if widest * 7.4 + 4 <= 2 * width else 3
    parts = []
    for i in range(1, len(edges) - 1):
        x = _LEFT + i * width
        parts.append(f'<path class="tick" d="M{x:.1f} {_BASE}v4"/>')
        if (i - 1) % every == 0:
            parts.append(f'<text x="{x:.1f}" y="{_BASE + 17}" class="middle">{edges[i]:,}</text>')
    return parts


class _Frame:
    """From metres to the whole steps of the drawing, y downwards."""

    def __init__(self, shapes: Shapes):
        self.west, south, east, self.north = shapely.total_bounds(shapes).tolist()
        self.metres = max(east - self.west, self.north - south) / _STEPS
        self.width, self.height = self.steps(np.array([[east, south]]))[0].tolist()

    def steps(self, xy: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Give whole steps; the same place gives the same steps everywhere."""
        return np.rint((xy - (self.west, self.north)) * (1, -1) / self.metres).astype(np.int64)

    def path(self, shape: shapely.Geometry) -> str:
        """Write polygons as a path."""
        return "".join(_ring(self.steps(shapely.get_coordinates(ring))) for ring in shapely.get_rings(shape))


def _ring(corners: npt.NDArray[np.int64]) -> str:
    moves = np.diff(corners, axis=0)[:-1]
    moves = moves[moves.any(axis=1)]
    drawn = " ".join(f"{x} {y}" for x, y in moves.tolist()).replace(" -", "-")
    return f"M{corners[0, 0]} {corners[0, 1]}{f'l{drawn}' if drawn else ''}z"


def map_svg(report: DivideReport, lang: str) -> str:
    """Draw every cell in the colour of its state, with its figures as a tooltip, and the outlines of the areas."""
    table, frame = report.table, _Frame(report.table.shapes)
    told = "; ".join(
        said(word(state, lang), f"{int((table.states == state).sum()):,}", lang)
        for state in STATES
        if (table.states == state).any()
    )
    box = f"{-_MARGIN} {-_MARGIN} {frame.width + 2 * _MARGIN} {frame.height + 2 * _MARGIN + _FOOT}"
    parts = [
        f'<svg class="cells" fill-rule="evenodd" font-size="{_LETTER}" viewBox="{box}" role="img" '
        f'aria-label="{text(word("map_text", lang, states=told))}">'
    ]
    for state in STATES:
        here = np.flatnonzero(table.states == state).tolist()
        if here:
            parts.append(f'<g fill="{FILLS[state]}">')
            parts += [_cell(frame.path(table.shapes[i]), i, tip_lines(report, i, lang)) for i in here]
            parts.append("</g>")
    for parent in report.parents:
        outline = cover.union(table.shapes[table.parents == parent.code])
        parts.append(f'<path class="area" d="{frame.path(outline)}"/>')
    return "\n".join([*parts, *_numbers(report, frame), _scale(frame), "</svg>"])


def _cell(path: str, i: int, tip: Texts) -> str:
    lines = "\n".join(text(line) for line in tip)
    return f'<path id="c{i}" d="{path}"><title>{lines}</title></path>'


def _numbers(report: DivideReport, frame: _Frame) -> Iterator[str]:
    """The load of each cell, where there is room for it."""
    table = report.table
    circles = shapely.maximum_inscribed_circle(table.shapes, np.sqrt(shapely.area(table.shapes)) / 50)
    room = 2 * shapely.length(circles) / frame.metres
    middle = frame.steps(shapely.get_coordinates(circles)[::2])
    yield '<g class="numbers" aria-hidden="true">'
    for i, (load, (x, y)) in enumerate(zip(table.loads[:, 0].tolist(), middle.tolist(), strict=True)):
        if room[i] > 0.7 * _LETTER * len(f"{load:,}"):
            dark = ' class="light"' if table.states[i] == "not_proven" else ""
            yield f'<text x="{x}" y="{y + _LETTER // 3}"{dark}>{load:,}</text>'
    yield "</g>"


def _scale(frame: _Frame) -> str:
    """A bar of a round length, below the map."""
    most = frame.width * frame.metres / 5
    length = max((k * 10.0**e for e in range(-2, 7) for k in (1, 2, 5) if k * 10.0**e <= most), default=most)
    wide, y = round(length / frame.metres), frame.height + _MARGIN + _FOOT // 2
    told = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    bar = f'<path d="M0 {y - 60}v120M{wide} {y - 60}v120M0 {y}h{wide}"/>'
    return f'<g class="scale">{bar}<text x="{wide + _MARGIN}" y="{y}">{told}</text></g>'


def tip_lines(report: DivideReport, i: int, lang: str) -> list[str]:
    """Say what there is to know about a cell, line by line."""
    table = report.table
    name = table.parent_names[i]
    lines = [cell_name(report, i, lang), f"{table.parents[i]} {name}".rstrip()]
    for measure, load in zip(report.bands, table.loads[i].tolist(), strict=True):
        lines.append(said(measure_label(measure, lang), f"{load:,}", lang))
    if table.kinds[i] != "regular":
        kind = "kind_empty" if table.kinds[i] == "empty" else table.kinds[i]
        lines.append(said(word("kind", lang), word(kind, lang), lang))
    if table.exceptions[i] or not table.inside[i]:
        status = next(group.status for group in report.exceptions if group.reason == table.exceptions[i])
        reason = reason_name(table.exceptions[i], lang)
        lines.append(said(word("exception", lang), f"{reason} ({word(f'status_{status}', lang)})", lang))
    else:
        lines.append(said(word("band", lang), band_text(report, lang), lang))
    if table.barrier is not None and np.isfinite(table.barrier[i]):
        lines.append(said(word("along_name", lang), percent(float(table.barrier[i]), 1, lang), lang))
    if table.crossed is not None and table.crossed[i] > 0:
        lines.append(said(word("crossed_name", lang), f"{table.crossed[i]:,.0f} m", lang))
    return lines
