"""A small picture of a map for readers without scripts: the classes of the first theme, coarse shapes, the legend."""

from __future__ import annotations

from html import escape

import numpy as np
import numpy.typing as npt
import shapely

from gridgis.maps import labels
from gridgis.maps.spec import MapSpec

Objects = npt.NDArray[np.object_]
Ints = npt.NDArray[np.int64]

_WIDTH = 480
_MOST_CELLS = 1500
_MOST_BYTES = 8_000
_COLUMNS = (60, 40, 30, 24)
_LINES = 24
_HATCH = (
    '<pattern id="gridgis-picture-hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><path fill="#fff" d="M0 0h6v6h-6z"/><path fill="#b8bfc7" d="M0 0h2.5v6h-2.5z"/>'
    "</pattern>"
)


def picture(spec: MapSpec) -> str:
    """Draw a spec as a figure of plain HTML and SVG, without script, style or address.

    Up to 1,500 cells have their own, simplified shapes, where these take less than 8 kB; more cells are drawn as
    squares of a coarse grid, with the simplified outlines of the parents.

    Parameters
    ----------
    spec : MapSpec
        What the map shows.

    Returns
    -------
    str
        The figure, of some kB; its text is escaped.
    """
    frame = _Frame(shapely.total_bounds(spec.shapes.cells))
    class_of = np.asarray(spec.class_of)
    paths = _cells(spec, frame, class_of) if len(class_of) <= _MOST_CELLS else None
    lines = paths is not None
    if paths is None:
        paths = _squares(spec, frame, class_of)
    fills = ["url(#gridgis-picture-hatch)" if look.hatched else escape(look.fill) for look in spec.classes]
    drawn = [
        f'<path fill="{fill}" stroke="{"#5b6470" if lines else fill}" stroke-width=".4" d="{path}"/>'
        for fill, path in zip(fills, paths, strict=False)
        if path
    ]
    outlines = _outlines(spec, frame)
    if outlines:
        drawn.append(f'<path fill="none" stroke="#1f2933" stroke-width="1.4" d="{outlines}"/>')
    title = escape(spec.title)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{title}" width="{_WIDTH}" '
        f'height="{frame.height}" viewBox="0 0 {_WIDTH} {frame.height}"><defs>{_HATCH}</defs>{"".join(drawn)}</svg>'
    )
    heading = f'<p role="heading" aria-level="1"><strong>{title}</strong></p>'
    caption = f"<figcaption>{heading}</figcaption>"
    return f'<figure class="gridgis-picture">{caption}{svg}{_legend(spec, fills)}</figure>\n'


class _Frame:
    """From metres to the units of the picture."""

    def __init__(self, bounds: npt.NDArray[np.float64]):
        west, south, east, north = bounds.tolist()
        self.scale = (_WIDTH - 8) / max(east - west, (north - south) / 1.5, 1e-9)
        self.west, self.north = west, north
        self.width = max(round((east - west) * self.scale), 1)
        self.height = max(round((north - south) * self.scale), 1) + 8

    def path(self, shapes: Objects) -> str:
        """Give the rings of shapes as whole steps."""
        return "".join(self._ring(ring) for ring in shapely.get_rings(shapes))

    def _ring(self, ring: shapely.LinearRing) -> str:
        corners = shapely.get_coordinates(ring)[:-1]
        places = np.column_stack([corners[:, 0] - self.west, self.north - corners[:, 1]]) * self.scale + 4
        whole = np.rint(places).astype(np.int64)
        steps = np.diff(whole, axis=0)
        steps = steps[np.any(steps != 0, axis=1)]
        if len(steps) < 2:
            return ""
        return f"M{whole[0, 0]} {whole[0, 1]}l{_joined(steps)}z"


def _joined(steps: Ints) -> str:
    """Write numbers with a space only where no sign parts them."""
    text = " ".join(map(str, steps.ravel().tolist()))
    return text.replace(" -", "-")


def _cells(spec: MapSpec, frame: _Frame, class_of: Ints) -> list[str] | None:
    """Draw each cell in a simplified shape; None where that takes too much."""
    for units in (1.0, 2.5, 5.0):
        shapes = _simplified(spec.shapes.cells, units / frame.scale)
        paths = [frame.path(shapes[class_of == number]) for number in range(len(spec.classes))]
        if sum(map(len, paths)) <= _MOST_BYTES:
            return paths
    return None


def _simplified(shapes: Objects, tolerance: float) -> Objects:
    """Simplify shapes that share their borders, borders together."""
    polygons = shapely.get_type_id(shapes)
    if not np.isin(polygons, (3, 6)).all():
        return shapes
    return np.asarray(shapely.coverage_simplify(shapes, tolerance), dtype=object)


def _squares(spec: MapSpec, frame: _Frame, class_of: Ints) -> list[str]:
    """Draw the cells as squares of a coarse grid, as fine as the size allows."""
    tree = shapely.STRtree(spec.shapes.cells)
    most = _MOST_BYTES if len(class_of) <= _MOST_CELLS else 3 * _MOST_BYTES
    paths: list[str] = []
    for columns in _COLUMNS:
        paths = _rows(tree, frame, class_of, columns)
        if sum(map(len, paths)) <= most:
            break
    return paths


def _rows(tree: shapely.STRtree, frame: _Frame, class_of: Ints, columns: int) -> list[str]:
    """Give each square the class at its middle; runs of a row are joined."""
    side = _WIDTH // columns
    across, down = -(-frame.width // side), -(-(frame.height - 8) // side)
    x, y = np.meshgrid(np.arange(across), np.arange(down))
    step = side / frame.scale
    middles = shapely.points(frame.west + (x.ravel() + 0.5) * step, frame.north - (y.ravel() + 0.5) * step)
    here, cell = tree.query(middles, predicate="intersects")
    look = np.full(across * down, -1)
    look[here] = class_of[cell]
    paths = [""] * (int(class_of.max()) + 1)
    for j, row in enumerate(look.reshape(down, across)):
        starts = np.flatnonzero(np.diff(row, prepend=-2))
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), across], strict=True):
            if row[start] >= 0:
                paths[row[start]] += (
                    f"M{4 + start * side} {4 + j * side}h{(end - start) * side}v{side}H{4 + start * side}z"
                )
    return paths


def _outlines(spec: MapSpec, frame: _Frame) -> str:
    """Draw the simplified outlines of the parents, where they take little."""
    shapes = spec.shapes.outlines
    if len(shapes) > _MOST_CELLS:
        return ""
    for units in (2.0, 5.0):
        path = frame.path(_simplified(shapes, units / frame.scale))
        if len(path) <= _MOST_BYTES / 3:
            return path
    return ""


def _legend(spec: MapSpec, fills: list[str]) -> str:
    """Write the legend of the first theme, in the words of the page, and the notes."""
    theme = spec.themes[0]
    head = f"<strong>{escape(theme.legend_title)}</strong>"
    if theme.unit and theme.unit.lower() != theme.legend_title.lower():
        head += f"<br>{escape(labels.word('unit', spec.lang) + labels.word('colon', spec.lang) + theme.unit)}"
    lines = [
        f'<li><svg width="14" height="12"><path fill="{fill}" stroke="#5b6470" d="M0 0h14v12h-14z"/></svg> '
        f"{escape(look.label)}: {look.cells:,}</li>"
        for fill, look in list(zip(fills, spec.classes, strict=True))[:_LINES]
    ]
    more = len(spec.classes) - len(lines)
    if more > 0:
        left = sum(look.cells for look in spec.classes[-more:])
        lines.append(f"<li>{escape(labels.word('others', spec.lang, n=more))}: {left:,}</li>")
    cells = escape(labels.word("cells", spec.lang))
    notes = "".join(f"<p>{escape(note)}</p>" for note in spec.notes)
    return f"<p>{head} ({cells})</p><ul>{''.join(lines)}</ul>{notes}"
