"""The sheet of an image, before anything is drawn: where title, map, legend and notes stand, in millimetres."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gridgis.images.fonts import CAPITAL, MM_PER_POINT, Typeface
from gridgis.maps import labels
from gridgis.maps.spec import LegendClass, Theme

MARGIN = 9.0
A4 = (297.0, 210.0)
GAP = 5.0
COLUMN = 60.0
"""Width of a column of a legend."""

KEY_HEIGHT = 15.0
"""Height of scale bar and north arrow."""

TITLE_SIZE, NOTE_SIZE, HEAD_SIZE = 15.0, 7.0, 10.0
LINE = 1.32
"""Height of a line, of the size of its type."""

_SIZES = (8.5, 7.5, 6.5, 5.5)
_MOST_NOTES = 30
_NARROWEST, _LOWEST = 150.0, 100.0


class Box(NamedTuple):
    """A rectangle on the sheet: its lower left corner and its size, in millimetres."""

    x: float
    y: float
    width: float
    height: float

    @property
    def top(self) -> float:
        """The upper edge."""
        return self.y + self.height

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.width

    def overlaps(self, other: Box) -> bool:
        """Say whether two rectangles share more than an edge."""
        apart = self.right <= other.x or other.right <= self.x or self.top <= other.y or other.top <= self.y
        return not apart


class Words(NamedTuple):
    """One line of text: the start of its base line (its end, if it is aligned to the right), and how it looks."""

    x: float
    y: float
    text: str
    size: float
    bold: bool = False
    align: str = "left"
    color: str = "#1f2933"


class Swatch(NamedTuple):
    """The small picture of a class in a legend."""

    box: Box
    look: LegendClass


@dataclass(frozen=True)
class Legend:
    """A legend whose upper left corner is (0, 0): its lines, its swatches, and how much room it takes."""

    words: tuple[Words, ...]
    swatches: tuple[Swatch, ...]
    width: float
    height: float
    size: float
    complete: bool

    def at(self, x: float, top: float) -> Legend:
        """Move it to a place on the sheet."""
        words = tuple(line._replace(x=line.x + x, y=line.y + top) for line in self.words)
        moved = (Swatch(box._replace(x=box.x + x, y=box.y + top), look) for box, look in self.swatches)
        return Legend(words, tuple(moved), self.width, self.height, self.size, self.complete)


@dataclass(frozen=True)
class Sheet:
    """Where everything stands.

    Attributes
    ----------
    width, height : float
        A4, upright or lying.
    words : tuple of Words
        Title, notes, and the lines of the legend.
    swatches : tuple of Swatch
        The pictures of the legend.
    map, key : Box
        Where the map is drawn; where scale bar and north arrow are.
    mark : Box or None
        Where the mark "internal" is.
    least : tuple of float
        The least width and height of the room of the map, for the legend beside or below it.
    """

    width: float
    height: float
    words: tuple[Words, ...]
    swatches: tuple[Swatch, ...]
    map: Box
    key: Box
    mark: Box | None
    least: tuple[float, float] = (0.0, 0.0)


def line_height(size: float) -> float:
    """Give the distance of two lines in millimetres, for a size in points."""
    return size * MM_PER_POINT * LINE


def capital(size: float) -> float:
    """Give the height of a capital in millimetres."""
    return size * MM_PER_POINT * CAPITAL


def legends(theme: Theme, lang: str, letters: Typeface, width: float, height: float) -> Iterator[Legend]:
    """Lay a legend out in a room, at each size of type that takes every class; if there is none, what goes in."""
    columns = max(1, int((width + GAP) // (COLUMN + GAP)))
    for size in _SIZES:
        made = _legend(theme, lang, letters, (columns, height), size)
        if made.complete or size == _SIZES[-1]:
            yield made


def _legend(theme: Theme, lang: str, letters: Typeface, room: tuple[int, float], size: float) -> Legend:
    """Fill columns with the classes from the top; with "... more" where the room ends."""
    columns, height = room
    full = columns * (COLUMN + GAP) - GAP
    words = list(_head(theme, lang, letters, full))
    below = min((line.y for line in words), default=0.0) - 1.5
    step, gap = line_height(size), 0.45 * size * MM_PER_POINT
    count = max(letters.width(f"{look.cells:,}", size) for look in theme.classes)
    entries = [letters.shortened(letters.wrapped(look.label, COLUMN - 11 - count, size), 4) for look in theme.classes]
    swatches: list[Swatch] = []
    column, y, low = 0, below, below
    for number, (lines, look) in enumerate(zip(entries, theme.classes, strict=True)):
        if y == below:
            words.append(_count(column, y - capital(size - 1.5), labels.word("cells", lang), size - 1.5))
            y -= step
        need = len(lines) * step + gap
        last = column == columns - 1
        spare = step + gap if last and number < len(entries) - 1 else 0.0
        if y - need - spare < -height:
            if last:
                words += _rest(theme.classes[number:], lang, column, y - step, size)
                return Legend(tuple(words), tuple(swatches), full, height, size, False)
            column, y = column + 1, below
            words.append(_count(column, y - capital(size - 1.5), labels.word("cells", lang), size - 1.5))
            y -= step
        middle = y - 0.5 * step
        words += _entry(column, middle, lines, size, look)
        box = Box(column * (COLUMN + GAP), middle - 0.5 * step, 7.0, step)
        swatches.append(Swatch(box, look))
        y -= need
        low = min(low, y)
    wide = (column + 1) * (COLUMN + GAP) - GAP
    return Legend(tuple(words), tuple(swatches), wide, -low, size, True)


def _head(theme: Theme, lang: str, letters: Typeface, width: float) -> Iterator[Words]:
    """The title of a legend, and its unit where the title does not say it."""
    y, colon = -capital(HEAD_SIZE), "：" if lang == "zh" else ": "
    for line in letters.shortened(letters.wrapped(theme.legend_title, width, HEAD_SIZE, bold=True), 3):
        yield Words(0.0, y, line, HEAD_SIZE, bold=True)
        y -= line_height(HEAD_SIZE)
    if theme.unit and theme.unit.lower() != theme.legend_title.lower():
        for line in letters.wrapped(f"{labels.word('unit', lang)}{colon}{theme.unit}", width, 7.5)[:2]:
            yield Words(0.0, y + 0.6, line, 7.5, color="#52606d")
            y -= line_height(7.5)


def _entry(column: int, middle: float, lines: Sequence[str], size: float, look: LegendClass) -> Iterator[Words]:
    x, y = column * (COLUMN + GAP), middle - 0.5 * capital(size)
    for number, line in enumerate(lines):
        yield Words(x + 9.0, y - number * line_height(size), line, size)
    yield _count(column, y, f"{look.cells:,}", size)


def _count(column: int, y: float, text: str, size: float) -> Words:
    color = "#1f2933" if text[0].isdigit() else "#52606d"
    return Words(column * (COLUMN + GAP) + COLUMN, y, text, size, align="right", color=color)


def _rest(left: Sequence[LegendClass], lang: str, column: int, y: float, size: float) -> Iterator[Words]:
    text = labels.word("others", lang, n=len(left))
    yield Words(column * (COLUMN + GAP) + 9.0, y, text, size, color="#52606d")
    yield _count(column, y, f"{sum(look.cells for look in left):,}", size)


def frame(
    letters: Typeface, size: tuple[float, float], title: str, notes: Sequence[str], mark: str, corner: str = ""
) -> Sheet:
    """Set title, notes, the mark "internal" (its word, or nothing) and the words in the lower right corner.

    The map has all the room between.
    """
    width, height = size
    inner = width - 2 * MARGIN
    badge = letters.width(mark, 9.0, bold=True) + 5.0 if mark else 0.0
    lines = letters.wrapped(title, inner - badge - GAP * bool(mark), TITLE_SIZE, bold=True)
    words, y = [], height - MARGIN - capital(TITLE_SIZE)
    for line in letters.shortened(lines, 3):
        words.append(Words(MARGIN, y, line, TITLE_SIZE, bold=True))
        y -= line_height(TITLE_SIZE)
    top = y + line_height(TITLE_SIZE) - 5.0
    below = [
        line for note in notes for line in letters.wrapped(note, inner - 2.5 * letters.width(corner, 8.0), NOTE_SIZE)
    ]
    below = letters.shortened(below, _MOST_NOTES)
    bottom = MARGIN - 3.0 + max(len(below), bool(corner)) * line_height(NOTE_SIZE)
    words += [Words(width - MARGIN, MARGIN - 3.0, corner, 8.0, align="right")] if corner else []
    for number, line in enumerate(below, 1):
        words.append(Words(MARGIN, bottom - number * line_height(NOTE_SIZE), line, NOTE_SIZE, color="#52606d"))
    bottom += 1.5
    box = Box(width - MARGIN - badge, height - MARGIN - 5.6, badge, 6.2) if mark else None
    room = Box(MARGIN, bottom, inner, top - bottom)
    return Sheet(width, height, tuple(words), (), room, Box(0, 0, 0, 0), box)


def arranged(bares: Sequence[Sheet], theme: Theme, lang: str, letters: Typeface, extent: tuple[float, float]) -> Sheet:
    """Place the legend beside the map or below it, on the sheet where a map of this extent (metres) gets largest."""
    return max(_arrangements(bares, theme, lang, letters, extent), key=lambda pair: pair[0])[1]


def _arrangements(
    bares: Sequence[Sheet], theme: Theme, lang: str, letters: Typeface, extent: tuple[float, float]
) -> Iterator[tuple[float, Sheet]]:
    """All ways, each with its score: how large the map gets, and how easily the legend is read."""
    for bare in bares:
        room = bare.map
        for columns in (1, 2, 3):
            width = columns * (COLUMN + GAP) - GAP
            if width <= 0.6 * room.width:
                for legend in legends(theme, lang, letters, width, room.height - KEY_HEIGHT - GAP):
                    yield _scored(_beside(bare, legend), legend, theme, extent)
        for share in (0.18, 0.26, 0.34, 0.42):
            width = room.width - COLUMN - GAP
            for legend in legends(theme, lang, letters, width, max(share * room.height, KEY_HEIGHT)):
                yield _scored(_below(bare, legend), legend, theme, extent)


def _scored(made: Sheet, legend: Legend, theme: Theme, extent: tuple[float, float]) -> tuple[float, Sheet]:
    size = min(made.map.width / extent[0], made.map.height / extent[1])
    shown = 1.0 if legend.complete else 0.5 * len(legend.swatches) / len(theme.classes)
    return size * (legend.size / _SIZES[0]) ** 0.7 * shown, made


def _beside(bare: Sheet, legend: Legend) -> Sheet:
    room = bare.map
    placed = legend.at(room.right - legend.width, room.top)
    key = Box(room.right - legend.width, room.y, min(legend.width, COLUMN), KEY_HEIGHT)
    rest = Box(room.x, room.y, room.width - legend.width - GAP, room.height)
    return _with(bare, placed, rest, key, (0.0, legend.height + GAP + KEY_HEIGHT))


def _below(bare: Sheet, legend: Legend) -> Sheet:
    room = bare.map
    height = max(legend.height, KEY_HEIGHT)
    placed = legend.at(room.x, room.y + height)
    key = Box(room.right - COLUMN, room.y + height - KEY_HEIGHT, COLUMN, KEY_HEIGHT)
    rest = Box(room.x, room.y + height + GAP, room.width, room.height - height - GAP)
    return _with(bare, placed, rest, key, (legend.width + GAP + COLUMN, 0.0))


def _with(bare: Sheet, legend: Legend, room: Box, key: Box, least: tuple[float, float]) -> Sheet:
    words, swatches = bare.words + legend.words, bare.swatches + legend.swatches
    return Sheet(bare.width, bare.height, words, swatches, room, key, bare.mark, least)


def without_slack(made: Sheet, extent: tuple[float, float]) -> tuple[float, float]:
    """Give the size of a sheet for the same map with less empty space around it; no page is made very small."""
    scale = min(made.map.width / extent[0], made.map.height / extent[1])
    spare = (
        made.map.width - max(extent[0] * scale, made.least[0]),
        made.map.height - max(extent[1] * scale, made.least[1]),
    )
    return max(made.width - max(spare[0], 0.0), _NARROWEST), max(made.height - max(spare[1], 0.0), _LOWEST)
