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
            yield "not_polygon", i, f"expected Polygon, got {cell.geom_type}", cell.centroid
        elif shapely.has_z(cell):
            yield "not_polygon", i, "the polygon has heights (Z)", cell.representative_point()
        elif not shapely.is_valid(cell):
            yield "invalid_geometry", i, shapely.is_valid_reason(cell), cell.centroid


def cover_faults(cells: Polygons) -> Iterator[tuple[str, tuple[int, ...], str, shapely.Point | None]]:
    """Find overlaps, and borders that neighbours do not share vertex by vertex.

    Yields
    ------
    tuple
        rule, positions of the cells, detail, place.
    """
    cells = unrounded(cells)
    edges = shapely.coverage_invalid_edges(cells)
    suspects = np.flatnonzero(~shapely.is_empty(edges))
    explained: set[int] = set()
    tree = shapely.STRtree(cells[suspects])
    left, right = tree.query(cells[suspects], predicate="intersects")
    for a, b in sorted(zip(suspects[left].tolist(), suspects[right].tolist(), strict=True)):
        if a >= b or shapely.touches(cells[a], cells[b]):
            continue
        parts = wide_parts(shapely.intersection(cells[a], cells[b]))
        if parts:
            explained |= {a, b}
            area = sum(part.area for part in parts)
            yield "overlap", (a, b), f"two cells overlap on {area:.3f} m2", parts[0].representative_point()
    faulty = shapely.union_all(cells[sorted(explained)])
    for i in suspects.tolist():
        edge = shapely.difference(edges[i], faulty) if explained else edges[i]
        if i not in explained and edge.length > WIDTH_M:
            place = shapely.line_interpolate_point(shapely.get_parts(edge)[0], 0.5, normalized=True)
            detail = f"{edge.length:.3f} m of border are not matched vertex by vertex"
            yield "edge_unmatched", (i,), detail, place


def parent_faults(outline: shapely.Geometry, cells: Polygons) -> Iterator[tuple[str, int | None, str, shapely.Point]]:
    """Find cells that leave their parent, and parts of the parent in no cell.

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
    for part in wide_parts(shapely.difference(outline, union(cells))):
        yield "gap", None, f"{part.area:.3f} m2 are in no cell", part.representative_point()


def cut_buildings(cells: Polygons, buildings: Polygons) -> Iterator[tuple[int, Sequence[int], str, shapely.Point]]:
    """Find buildings of which more than one cell holds a part wider than rounding.

    Yields
    ------
    tuple
        position of the building, positions of the cells, detail, place.
    """
    cells, buildings = unrounded(cells), unrounded(buildings)
    tree = shapely.STRtree(cells)
    whole = np.zeros(len(buildings), bool)
    whole[tree.query(buildings, predicate="covered_by")[0]] = True
    rest = np.flatnonzero(~whole)
    first, cell = tree.query(buildings[rest], predicate="intersects")
    order = np.lexsort((cell, first))
    first, cell = first[order], cell[order]
    for position in np.unique(first).tolist():
        b, here = int(rest[position]), cell[first == position].tolist()
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
