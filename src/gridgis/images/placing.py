"""Where names stand in a map: inside what they name, and never over each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from gridgis.images.fonts import MM_PER_POINT, Typeface, pieces
from gridgis.images.sheet import Box, Words, capital, line_height

Shapes = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float64]

_PARENT_SIZES = (9.5, 8.0, 7.0, 6.0)
_CELL_SIZES = (7.5, 6.5, 5.5, 5.0)
MOST_CELLS = 6000
_ENOUGH, _FEWEST = 0.85, 0.5
_WIDEST = 34.0
_AROUND = ((0, 0), (0, 0.5), (0, -0.5), (0.35, 0), (-0.35, 0), (0, 0.9), (0, -0.9), (0.7, 0), (-0.7, 0))


class View(NamedTuple):
    """How metres become millimetres of the sheet: what lies at (``west``, ``south``) is drawn at (``x``, ``y``)."""

    x: float
    y: float
    west: float
    south: float
    scale: float

    @classmethod
    def of(cls, box: Box, bounds: Sequence[float]) -> View:
        """Show ``bounds`` as large as a box allows, in its middle."""
        west, south, east, north = bounds
        scale = min(box.width / max(east - west, 1e-6), box.height / max(north - south, 1e-6))
        x = box.x + (box.width - (east - west) * scale) / 2
        return cls(x, box.y + (box.height - (north - south) * scale) / 2, west, south, scale)

    def places(self, metres: Floats) -> Floats:
        """Give the places of points on the sheet."""
        return (metres - (self.west, self.south)) * self.scale + (self.x, self.y)

    def drawn(self, shapes: Shapes) -> Shapes:
        """Give shapes in millimetres of the sheet."""
        return np.asarray(shapely.transform(shapes, self.places), object)

    def seen(self, box: Box) -> tuple[float, float, float, float]:
        """Give the ground, in metres, that lies under a box of the sheet."""
        west, south = self.west + (box.x - self.x) / self.scale, self.south + (box.y - self.y) / self.scale
        return west, south, west + box.width / self.scale, south + box.height / self.scale


class Label(NamedTuple):
    """A name on the map: its lines around a middle, and which of the named things it belongs to."""

    of: int
    x: float
    y: float
    lines: tuple[str, ...]
    size: float
    bold: bool
    width: float

    @property
    def box(self) -> Box:
        """The room it takes."""
        high = extent(len(self.lines), self.size)
        return Box(self.x - self.width / 2, self.y - high / 2, self.width, high)

    def words(self) -> Iterator[Words]:
        """Give its lines, each at its place."""
        y = self.y + (len(self.lines) - 1) * line_height(self.size) / 2 - capital(self.size) / 2
        for number, line in enumerate(self.lines):
            yield Words(self.x, y - number * line_height(self.size), line, self.size, self.bold, "center")


def extent(lines: int, size: float) -> float:
    """Give the height of lines of text in millimetres."""
    return (lines - 1) * line_height(size) + 1.22 * size * MM_PER_POINT


def parent_labels(
    outlines: Shapes, names: Sequence[str], letters: Typeface, room: Box, *, strict: bool = False
) -> list[Label]:
    """Place the names of parents, the largest parent first; a name without room is left out.

    Parameters
    ----------
    outlines : array of polygons
        In millimetres of the sheet.
    names : sequence of str
        One for each.
    letters : Typeface
        Holds the glyphs.
    room : Box
        Names stay in it.
    strict : bool
        Names stay within their parents, too, and no word is broken.
    """
    plain = np.asarray(shapely.simplify(outlines, 0.1), object)
    middles, reaches = _middle(plain)
    placed: list[Label] = []
    for i in np.argsort(-shapely.area(plain), kind="stable").tolist():
        (x, y), reach = middles[i], max(float(reaches[i]), 1.0)
        shapely.prepare(plain[i])
        options = [
            Label(i, x + dx * reach, y + dy * reach, lines, size, True, width)
            for size, lines, width in _settings(names[i], letters, 2 * reach, strict)
            for dx, dy in _AROUND
        ]
        taken = [label.box for label in placed]
        inside = (label for label in options if _stands(label.box, plain[i], taken, room, 1.0))
        across = (label for label in options if _stands(label.box, plain[i], taken, room, 0.6))
        found = next(inside, None) or (None if strict else next(across, None))
        placed += [found] if found else []
    return placed


def _middle(shapes: Shapes) -> tuple[Floats, Floats]:
    """Give a point well inside each shape, its centroid where that is one, and how far the border is from there."""
    circles = shapely.get_coordinates(shapely.maximum_inscribed_circle(shapes, 0.1)).reshape(-1, 2, 2)
    middles, reaches = circles[:, 0].copy(), np.hypot(*(circles[:, 1] - circles[:, 0]).T)
    centroids = shapely.centroid(shapes)
    near = shapely.distance(centroids, shapely.boundary(shapes))
    well = shapely.contains(shapes, centroids) & (near >= 0.7 * reaches)
    middles[well] = shapely.get_coordinates(centroids)[well]
    return middles, np.where(well, near, reaches)


def _settings(
    name: str, letters: Typeface, across: float, strict: bool
) -> Iterator[tuple[float, tuple[str, ...], float]]:
    """Sizes and breaks of a name, the best first: words are broken only when no size has room for them whole."""
    parts = pieces(name)
    for whole in (True,) if strict or all(len(part) <= 2 for part in parts) else (True, False):
        for size in _PARENT_SIZES:
            em, long = size * MM_PER_POINT, letters.width(name, size, bold=True)
            least = max(letters.width(part, size, bold=True) for part in parts) if whole else 0.0
            for number in (1, 2, 3):
                tries = (max(long / number + step * 0.25 * em, least) for step in range(10))
                broken = (
                    letters.wrapped(name, most, size, bold=True) for most in tries if most <= max(across, _WIDEST)
                )
                lines = next((made for made in broken if len(made) == number), None)
                if lines:
                    yield size, tuple(lines), max(letters.width(line, size, bold=True) for line in lines) + 0.8


def _stands(box: Box, outline: shapely.Geometry, taken: Sequence[Box], room: Box, share: float) -> bool:
    """Ask whether a name may stand here: in the room, over no other name, with a share of it within its parent."""
    inside = room.x <= box.x and room.y <= box.y and box.right <= room.right and box.top <= room.top
    if not inside or any(box.overlaps(other) for other in taken):
        return False
    area = shapely.box(box.x, box.y, box.right, box.top)
    if share == 1.0:
        return bool(shapely.contains(outline, area))
    return bool(outline.intersection(area).area >= share * area.area)


def cell_names(codes: Sequence[str], parents: Sequence[str]) -> list[str]:
    """Shorten codes that begin with the code of their parent to what follows.

    Examples
    --------
    >>> cell_names(["0101-07", "X9"], ["0101", "0101"])
    ['07', 'X9']
    """
    rest = (code.removeprefix(parent).lstrip("-_/. ") for code, parent in zip(codes, parents, strict=True))
    return [short or code for short, code in zip(rest, codes, strict=True)]


def cell_labels(cells: Shapes, names: Sequence[str], letters: Typeface, taken: Sequence[Box]) -> list[Label]:
    """Place names wholly inside their cells and beside what is ``taken``, in the largest type that most have room for.

    Where less than half of the cells have room for the smallest type, none is named: a few would look like a mistake.
    """
    if not len(cells) or len(cells) > MOST_CELLS:
        return []
    widest = np.array([letters.width(name, 1.0) for name in names])
    fair = shapely.area(cells) >= widest * _CELL_SIZES[-1] * extent(1, _CELL_SIZES[-1])
    if fair.mean() < _FEWEST:
        return []
    points = _middles(cells)
    blocked = shapely.STRtree([shapely.box(box.x, box.y, box.right, box.top) for box in taken])
    best: list[Label] = []
    for size in _CELL_SIZES:
        found = _placed(cells, points, names, (widest * size + 0.6, size), blocked)
        best = found if len(found) > len(best) else best
        if len(best) >= _ENOUGH * len(cells):
            return best
    return best if len(best) >= _FEWEST * len(cells) else []


def _middles(cells: Shapes) -> Floats:
    """Candidate places, nine a cell: the middle, and around it."""
    middle, reach = _middle(cells)
    steps = np.array(_AROUND)
    return middle[:, None, :] + reach[:, None, None] * steps[None, :, :]


def _placed(
    cells: Shapes, points: Floats, names: Sequence[str], look: tuple[Floats, float], blocked: shapely.STRtree
) -> list[Label]:
    """Try the candidate places of all cells, one after the other."""
    widths, size = look
    high = extent(1, size)
    chosen = np.full(len(cells), -1)
    for k in range(points.shape[1]):
        left = np.flatnonzero(chosen < 0)
        x, y, half = points[left, k, 0], points[left, k, 1], widths[left] / 2
        boxes = shapely.box(x - half, y - high / 2, x + half, y + high / 2)
        free = shapely.contains(cells[left], boxes)
        free[np.unique(blocked.query(boxes, predicate="intersects")[0])] = False
        chosen[left[free]] = k
    return [
        Label(
            i,
            float(points[i, chosen[i], 0]),
            float(points[i, chosen[i], 1]),
            (names[i],),
            size,
            False,
            float(widths[i]),
        )
        for i in np.flatnonzero(chosen >= 0).tolist()
    ]
