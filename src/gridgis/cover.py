"""The geometry of a cover: arrays of polygons in, faults out.

A difference narrower than `WIDTH_M` is rounding: coordinates are kept to the millimetre, so two honest borders
may stand half a millimetre apart on each side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import shapely

WIDTH_M = 0.002
"""Mean width (2 x area / perimeter, metres) up to which a piece counts as rounding."""

_AREAL, _COLLECTIONS = (3, 6), (6, 7)

Polygons = npt.NDArray[np.object_]
Fault = tuple[str, int, str, shapely.Point | None]


def wide_parts(geometry: shapely.Geometry) -> list[shapely.Polygon]:
    """Give the polygon parts that are wider than rounding, largest first.

    Examples
    --------
    >>> import shapely
    >>> len(wide_parts(shapely.box(0, 0, 100, 0.001))), len(wide_parts(shapely.box(0, 0, 100, 0.01)))
    (0, 1)
    """
    parts = [part for part in shapely.get_parts(shapely.get_parts(geometry)) if part.geom_type == "Polygon"]
    wide = [part for part in parts if part.length > 0 and 2 * part.area / part.length > WIDTH_M]
    return sorted(wide, key=lambda part: (-part.area, part.bounds))


def unrounded(shapes: Polygons) -> Polygons:
    """Take off the precision that `shapely.set_precision` leaves on a shape: it would round every later result."""
    return shapely.set_precision(shapes, 0)


def unwrapped(shapes: Polygons) -> Polygons:
    """Take the one part out of collections of one: many programs store every polygon as a MultiPolygon.

    Examples
    --------
    >>> import shapely
    >>> unwrapped(np.array([shapely.MultiPolygon([shapely.box(0, 0, 1, 1)]), None])).tolist()
    [<POLYGON ((1 0, 1 1, 0 1, 0 0, 1 0))>, None]
    """
    shapes = np.array(shapes, object)
    single = np.isin(shapely.get_type_id(shapes), _COLLECTIONS) & (shapely.get_num_geometries(shapes) == 1)
    shapes[single] = shapely.get_geometry(shapes[single], 0)
    return shapes


def has_ground(cells: Polygons) -> npt.NDArray[np.bool_]:
    """Tell which cells are valid and have an area, in one piece or in several: all of them can be measured."""
    return np.asarray(np.isin(shapely.get_type_id(cells), _AREAL) & ~shapely.is_empty(cells) & shapely.is_valid(cells))


def _middle(cell: shapely.Geometry) -> shapely.Point:
    with np.errstate(invalid="ignore"):  # old GEOS warns where a coordinate is infinite
        return shapely.centroid(cell)


def polygon_faults(cells: Polygons) -> Iterator[Fault]:
    """Find cells that are no single valid 2-D polygon.

    Yields
    ------
    tuple
        rule, position of the cell, detail, place.
    """
    for i, cell in enumerate(cells):
        if cell is None or cell.is_empty:
            yield "not_polygon", i, "the geometry is missing or empty", None
        elif cell.geom_type == "MultiPolygon" and len(cell.geoms) > 1:
            yield "cell_in_pieces", i, f"the cell is in {len(cell.geoms)} pieces", cell.geoms[-1].representative_point()
        elif cell.geom_type != "Polygon":
            yield "not_polygon", i, f"expected Polygon, got {cell.geom_type}", _middle(cell)
        elif shapely.has_z(cell):
            yield "not_polygon", i, "the polygon has heights (Z)", cell.representative_point()
        elif not shapely.is_valid(cell):
            yield "invalid_geometry", i, shapely.is_valid_reason(cell), _middle(cell)


def overlaps(cells: Polygons) -> Iterator[tuple[int, int, list[shapely.Polygon]]]:
    """Find all pairs of valid cells that overlap wider than rounding.

    Every pair that can meet is asked, not only cells with an edge that GEOS calls invalid: of a cell inside another
    all edges may be matched with its neighbours.

    Yields
    ------
    tuple
        positions of the two cells, the lower first, and the parts that they share, the largest first.

    Examples
    --------
    >>> import shapely
    >>> [(a, b) for a, b, _ in overlaps(np.array([shapely.box(0, 0, 9, 9), shapely.box(3, 3, 6, 6)]))]
    [(0, 1)]
    """
    cells = unrounded(cells)
    left, right = shapely.STRtree(cells).query(cells)
    left, right = left[left < right], right[left < right]
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    inner = shapely.relate_pattern(cells[left], cells[right], "T********")
    left, right = left[inner], right[inner]
    common = shapely.intersection(cells[left], cells[right])
    for a, b, shape in zip(left.tolist(), right.tolist(), common, strict=True):
        parts = wide_parts(shape)
        if parts:
            yield a, b, parts


def cover_faults(cells: Polygons) -> Iterator[tuple[str, tuple[int, ...], str, shapely.Point | None]]:
    """Find overlaps, and borders that neighbours do not share vertex by vertex.

    Parameters
    ----------
    cells : array of polygons
        Valid; those in several pieces are asked for overlaps only.

    Yields
    ------
    tuple
        rule, positions of the cells, detail, place.
    """
    single = np.flatnonzero(shapely.get_type_id(cells) == _AREAL[0])
    edges = shapely.coverage_invalid_edges(unrounded(cells[single]))
    if len(single) == len(cells) and shapely.is_empty(edges).all():
        return
    shared: list[shapely.Polygon] = []
    for a, b, parts in overlaps(cells):
        shared += parts
        detail = f"two cells overlap on {sum(part.area for part in parts):.3f} m2"
        yield "overlap", (a, b), detail, parts[0].representative_point()
    for i, metres, place in _unmatched(edges, shared):
        yield "edge_unmatched", (int(single[i]),), f"{metres:.3f} m of border are not matched vertex by vertex", place


def _unmatched(edges: Polygons, shared: list[shapely.Polygon]) -> Iterator[tuple[int, float, shapely.Point]]:
    """Give how long the invalid edges of each cell are that no overlap explains, and the middle of the longest."""
    lines, owner = shapely.get_parts(edges, return_index=True)
    corners, line = shapely.get_coordinates(lines, return_index=True)
    within = np.flatnonzero(line[1:] == line[:-1])
    ends = np.stack([corners[within], corners[within + 1]], axis=1)
    cell, segments = owner[line[within]], shapely.linestrings(ends)
    explained = np.zeros(len(segments), bool)
    explained[shapely.STRtree(shared).query(segments, predicate="dwithin", distance=WIDTH_M)[0]] = True
    metres = np.where(explained, 0.0, shapely.length(segments))
    total = np.bincount(cell, metres, len(edges))
    order = np.lexsort((-metres, cell))
    longest = dict(zip(cell[order][::-1].tolist(), order[::-1].tolist(), strict=True))
    for i in np.flatnonzero(total > WIDTH_M).tolist():
        yield i, float(total[i]), shapely.line_interpolate_point(segments[longest[i]], 0.5, normalized=True)


def parent_faults(
    outline: shapely.Geometry, cells: Polygons, left_out: Sequence[shapely.Geometry] = ()
) -> Iterator[tuple[str, int | None, str, shapely.Point]]:
    """Find cells that leave their parent, and parts of the parent in no cell.

    Parameters
    ----------
    outline : Polygon or MultiPolygon
        The parent.
    cells : array of polygons
        Its valid cells.
    left_out : sequence of shapely geometries
        Its cells that are no valid polygon. What lies within the convex hull of one, or is touched by one without an
        area, is no gap: that such a cell is faulty has been said.

    Yields
    ------
    tuple
        rule, position of the cell (None for a gap), detail, place.
    """
    outline, cells = unrounded(outline), unrounded(cells)
    shapely.prepare(outline)
    for i in np.flatnonzero(~shapely.covers(outline, cells)).tolist():
        parts = wide_parts(shapely.difference(cells[i], outline))
        if parts:
            area = sum(part.area for part in parts)
            yield "outside_parent", i, f"{area:.3f} m2 lie outside", parts[0].representative_point()
    finite = [shape for shape in left_out if np.isfinite(shapely.bounds(shape)).all()]
    hulls = shapely.convex_hull(np.array(finite, object))
    missing = shapely.difference(outline, union(cells))
    if len(hulls):
        missing = shapely.difference(missing, shapely.union_all(hulls[shapely.get_dimensions(hulls) == 2]))
    for part in wide_parts(missing):
        if not shapely.intersects(part, hulls[shapely.get_dimensions(hulls) < 2]).any():
            yield "gap", None, f"{part.area:.3f} m2 are in no cell", part.representative_point()


def cut_buildings(cells: Polygons, buildings: Polygons) -> Iterator[tuple[int, Sequence[int], str, shapely.Point]]:
    """Find buildings of which more than one cell holds a part wider than rounding.

    Yields
    ------
    tuple
        position of the building, positions of the cells, detail, place.
    """
    cells, buildings = unrounded(cells), unrounded(buildings).copy()
    faulty = ~(shapely.is_missing(buildings) | shapely.is_valid(buildings))
    buildings[faulty] = shapely.make_valid(buildings[faulty], method="structure", keep_collapsed=False)
    tree = shapely.STRtree(cells)
    whole = np.zeros(len(buildings), bool)
    whole[tree.query(buildings, predicate="covered_by")[0]] = True
    rest = np.flatnonzero(~whole)
    first, cell = tree.query(buildings[rest], predicate="intersects")
    order = np.lexsort((cell, first))
    first, cell = first[order], cell[order]
    begins = np.flatnonzero(np.diff(first, prepend=-1))
    for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(first)][: len(begins)], strict=True):
        b, here = int(rest[first[begin]]), cell[begin:end].tolist()
        parts = {i: wide_parts(shapely.intersection(buildings[b], cells[i])) for i in here}
        pieces = [i for i in here if parts[i]]
        if len(pieces) > 1:
            areas = {i: sum(part.area for part in parts[i]) for i in pieces}
            smaller = min(pieces, key=lambda i: (areas[i], i))
            detail = f"{areas[smaller]:.3f} m2 of {buildings[b].area:.3f} m2 are cut off, cells"
            yield b, pieces, detail, parts[smaller][0].representative_point()


def union(cells: Polygons) -> shapely.Geometry:
    """Unite polygons, the fast way where they are a valid cover."""
    if len(cells) and shapely.coverage_is_valid(cells):
        return shapely.coverage_union_all(cells)
    return shapely.union_all(cells)
