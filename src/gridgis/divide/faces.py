"""From maps to faces: every face has one parent and one owner, a building or an empty block.

Streets and the borders of the parents make blocks; inside a block every building gets the ground that is nearest
to it. All lines are noded together, once, on a grid of one millimetre, so that every face has exact neighbours;
the outline of a building that a line would cross joins the lines, so that each footprint is a whole number of
faces, and all of these go to the building.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Voronoi, cKDTree

from gridgis.cover import WIDTH_M, Polygons, union, wide_parts
from gridgis.divide.ground import Ground, containing, nearest
from gridgis.progress import progress

PRECISION_M = 0.001
"""All borders are kept to the millimetre."""
SHRINK_M = 0.3
"""Buildings are sampled this far inside their outline, so that touching ones have distinct samples."""
SAMPLING_M = 4.0
"""Distance between samples along an outline."""
SMOOTHING_M = 0.5
"""Lines between buildings are simplified by this much; they never cut a building by it (see the module)."""
OVERSHOOT_M = 0.05
"""Lines between buildings reach this far over the edge of their block, so that rounding leaves no opening."""

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Lines = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Faces:
    """An edge-matched cover of the parents.

    Attributes
    ----------
    shapes : array of Polygon
    parent, zone, owner : arrays of int
        For each face: position of its parent, of its zone (-1 where there is none), number of its owner.
    site : array of int
        The site of whose footprint the face is a part, -1 where it is open ground.
    site_of_building : array of int
        Buildings that overlap are one site.
    edges : Edges
        The borders between faces.
    """

    shapes: Polygons
    parent: Ints
    zone: Ints
    owner: Ints
    site: Ints
    site_of_building: Ints
    edges: Edges


@dataclass(frozen=True)
class Edges:
    """Edges that two faces share: both faces, and both ends in millimetres."""

    one: Ints
    two: Ints
    start: npt.NDArray[np.float64]
    end: npt.NDArray[np.float64]

    def only(self, wanted: Bools) -> Edges:
        """Give some of the edges."""
        return Edges(self.one[wanted], self.two[wanted], self.start[wanted], self.end[wanted])


def build_faces(ground: Ground) -> Faces:
    """Make the faces of a piece of ground.

    Raises
    ------
    shapely.errors.GEOSException
        If the lines cannot be noded; no input is known that does this.
    """
    sites, site_of_building = _sites(ground.buildings)
    borders = shapely.get_parts(shapely.boundary(ground.parents))
    fences = shapely.get_parts(shapely.boundary(ground.zones))
    streets, crossed = _whole_buildings(_outside(ground.barriers.shapes, ground), fences, borders, sites)
    blocks = _faces([borders, streets, shapely.boundary(sites[crossed])])
    blocks = blocks[containing(points_inside(blocks), ground.parents) >= 0]
    inner = shapely.point_on_surface(sites)
    zones = _Zones(containing(inner, ground.zones), containing(inner, ground.parents))
    ridges, samples = _ridges(blocks, sites, _pairs(blocks, sites, crossed, (ground.zones, zones.of_site)))
    split = _crossed_by(ridges, sites)
    shapes = _faces([borders, streets, shapely.boundary(sites[crossed | split]), ridges])
    points = points_inside(shapes)
    parent = containing(points, ground.parents)
    edges = _shared_edges(shapes)
    _fill_slivers(parent, shapes, edges)
    kept = np.flatnonzero(parent >= 0)
    number = np.full(len(shapes), -1, np.int64)
    number[kept] = np.arange(len(kept))
    edges = edges.only((number[edges.one] >= 0) & (number[edges.two] >= 0))
    edges = Edges(number[edges.one], number[edges.two], edges.start, edges.end)
    shapes, parent, points = shapes[kept], parent[kept], points[kept]
    owner, site = _owners(points, blocks, sites, samples)
    zone = zones.of_faces(points, site, parent, ground.zones)
    if len(ground.zones):  # slivers between a fence and a line that ought to be one
        zone = _join_slivers(zone, (site < 0) & _narrow(shapes, 2 * WIDTH_M), parent, edges)
    inside = zone >= 0
    owner[inside] = len(sites) + len(blocks) + len(shapes) + zone[inside]
    foreign = ~inside & (owner < len(sites)) & (site < 0)
    foreign[foreign] = zones.of_site[owner[foreign]] >= 0
    owner[foreign] = len(sites) + len(blocks) + np.flatnonzero(foreign)
    return Faces(shapes, parent, zone, owner, site, site_of_building, edges)


@dataclass(frozen=True)
class _Zones:
    """Zone and parent of each site, where its inner point lies; -1 where there is none."""

    of_site: Ints
    parent: Ints

    def of_faces(self, points: Lines, site: Ints, parent: Ints, zones: Polygons) -> Ints:
        """Give the zone of each face by its inner point: a footprint goes with its own, so that no fence cuts it."""
        if not len(zones):
            return np.full(len(points), -1, np.int64)
        zone = containing(points, zones)
        part = np.flatnonzero(site >= 0)
        part = part[self.parent[site[part]] == parent[part]]
        zone[part] = self.of_site[site[part]]
        return zone


def _outside(lines: Lines, ground: Ground) -> Lines:
    """Cut off what of the lines lies in the zones; a little reaches over the fence, to meet it for certain."""
    if not len(ground.zones) or not len(lines):
        return lines
    free = shapely.difference(union(ground.parents), union(ground.zones))
    parts = np.array([part for part in wide_parts(free)], object)
    reach = shapely.buffer(parts, OVERSHOOT_M, join_style="mitre")
    shapely.prepare(reach)
    part, line = shapely.STRtree(lines).query(reach, predicate="intersects")
    order = np.lexsort((part, line))
    rest = shapely.get_parts(shapely.intersection(lines[line[order]], reach[part[order]]))
    return rest[np.isin(shapely.get_type_id(rest), (1, 5)) & ~shapely.is_empty(rest)]


def _sites(buildings: Polygons) -> tuple[Polygons, Ints]:
    """Unite buildings that overlap by more than rounding: together they are one thing that may not be cut."""
    n = len(buildings)
    if n == 0:
        return buildings, np.zeros(0, np.int64)
    first, second = shapely.STRtree(buildings).query(buildings, predicate="intersects")
    first, second = first[first < second], second[first < second]
    apart = shapely.touches(buildings[first], buildings[second])
    first, second = first[~apart], second[~apart]
    common = shapely.intersection(buildings[first], buildings[second])
    deep = np.array([bool(wide_parts(part)) for part in common], bool)
    group = components(first[deep], second[deep], n)
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    sites = np.empty(len(members), object)
    for i, here in enumerate(members):
        sites[i] = buildings[here[0]] if len(here) == 1 else shapely.union_all(buildings[here])
    return sites, group


def components(one: Ints, two: Ints, n: int) -> Ints:
    """Number the connected groups of n things linked in pairs, in the order of their first members."""
    links = coo_array((np.ones(len(one)), (one, two)), shape=(n, n))
    labels = connected_components(links, directed=False)[1]
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _whole_buildings(lines: Lines, fences: Lines, borders: Lines, sites: Polygons) -> tuple[Lines, Bools]:
    """Cut lines and fences at the walls of buildings that they run through; say through which anything runs.

    A fence may be the border of an earlier cell, along a wall; it runs through a building only if it does so by more
    than rounding. Then the same holds for the borders.
    """
    streets, crossed = np.r_[lines, fences], np.zeros(len(sites), bool)
    if not len(sites):
        return streets, crossed
    tree = shapely.STRtree(sites)
    cores = shapely.buffer(sites, -WIDTH_M, join_style="mitre") if len(fences) else sites
    pairs = []
    for some, walls in ((lines, sites), (fences, cores), (borders, cores)):
        line, site = tree.query(some, predicate="intersects")
        through = ~shapely.touches(some[line], walls[site]) & shapely.intersects(some[line], walls[site])
        crossed[site[through]] = True
        pairs.append((line[through], site[through]))
    line, site = np.r_[pairs[0][0], pairs[1][0] + len(lines)], np.r_[pairs[0][1], pairs[1][1]]
    order = np.lexsort((site, line))
    for here in np.split(order, np.flatnonzero(np.diff(line[order])) + 1):
        if len(here):
            i = line[here[0]]
            streets[i] = shapely.difference(streets[i], shapely.union_all(sites[site[here]]))
    return streets, crossed


def _faces(lines: list[Lines]) -> Polygons:
    """Node all lines together on the millimetre grid, and give the faces between them."""
    parts = shapely.get_parts(np.concatenate([np.asarray(part, object) for part in lines]))
    noded = shapely.union_all(parts[~shapely.is_empty(parts)], grid_size=PRECISION_M)
    faces = shapely.normalize(shapely.get_parts(shapely.polygonize(shapely.get_parts(noded))))
    points = shapely.point_on_surface(faces)
    return faces[np.lexsort((shapely.get_x(points), shapely.get_y(points)))]


def points_inside(faces: Polygons) -> Lines:
    """Give a point inside each face, where there is room not within rounding of its outline.

    A face may have a tail as thin as rounding, along a wall that was bent by the millimetre grid; a point in the tail
    would say that the face belongs to the other side of the wall.
    """
    points = shapely.point_on_surface(faces)
    tail = np.flatnonzero(shapely.dwithin(points, shapely.boundary(faces), WIDTH_M))
    cores = shapely.buffer(faces[tail], -WIDTH_M, join_style="mitre")
    for i, core in zip(tail.tolist(), cores, strict=True):
        if not core.is_empty:
            widest = max(shapely.get_parts(core), key=lambda part: (part.area, part.bounds))
            points[i] = widest.point_on_surface()
    return points


def _narrow(shapes: Polygons, width_m: float) -> Bools:
    """Tell which shapes are no wider than this, on the mean."""
    return 2 * shapely.area(shapes) <= width_m * shapely.length(shapes)


def _fill_slivers(parent: Ints, shapes: Polygons, edges: Edges) -> None:
    """Give slivers between parents that are no wider than rounding to the parent along which they lie."""
    open_ = (parent < 0) & _narrow(shapes, WIDTH_M)
    if open_.any():
        found = _along(open_, parent >= 0, parent, edges)
        parent[open_] = np.where(found >= 0, found, parent)[open_]


def _join_slivers(zone: Ints, sliver: Bools, parent: Ints, edges: Edges) -> Ints:
    """Give slivers the zone along which they lie: two lines that ought to be one made them."""
    inner = edges.only(parent[edges.one] == parent[edges.two])
    zone, sliver = zone.copy(), sliver.copy()
    while True:
        beside = _along(sliver, ~sliver, zone + 1, inner)
        joined = beside >= 0
        if not joined.any():
            return zone
        zone[joined] = beside[joined] - 1
        sliver[joined] = False


def _along(some: Bools, others: Bools, value: Ints, edges: Edges) -> Ints:
    """Give some faces the value of those others along which they have the longest border, the lowest of equals."""
    length = np.hypot(*(edges.end - edges.start).T)
    one, two = np.r_[edges.one, edges.two], np.r_[edges.two, edges.one]
    wanted = some[one] & others[two]
    found = np.full(len(value), -1, np.int64)
    if not wanted.any():
        return found
    pairs, inverse = np.unique(np.stack([one[wanted], value[two[wanted]]]), axis=1, return_inverse=True)
    shared = np.bincount(inverse.ravel(), np.r_[length, length][wanted], minlength=pairs.shape[1])
    order = np.lexsort((-pairs[1], shared))
    found[pairs[0][order]] = pairs[1][order]
    return found


def _pairs(blocks: Polygons, sites: Polygons, crossed: Bools, zones: tuple[Polygons, Ints]) -> tuple[Ints, Ints]:
    """List which sites share in the ground of which blocks: those inside, and those that a line has cut out of it.

    Zones are not divided: their blocks have no shares, and their sites have none in other blocks.
    """
    inner = shapely.point_on_surface(sites)
    block = np.where(crossed, -1, containing(inner, blocks)) if len(sites) else np.zeros(0, np.int64)
    site = np.flatnonzero(block >= 0)
    block = block[site]
    cut_out = np.flatnonzero(crossed)
    if len(cut_out):
        one, beside = shapely.STRtree(blocks).query(sites[cut_out], predicate="intersects")
        own = shapely.intersects(shapely.point_on_surface(blocks[beside]), sites[cut_out[one]])
        site, block = np.r_[site, cut_out[one[~own]]], np.r_[block, beside[~own]]
    shapes, zone_of_site = zones
    if len(shapes):
        open_ = (containing(shapely.point_on_surface(blocks), shapes) < 0)[block] & (zone_of_site[site] < 0)
        block, site = block[open_], site[open_]
    order = np.lexsort((site, block))
    return block[order], site[order]


@dataclass(frozen=True)
class _Samples:
    """Points on the outlines of the sites of each block, to find the nearest site of a face."""

    tree_of_block: dict[int, tuple[cKDTree, Ints]]
    only_site: dict[int, int]


def _ridges(blocks: Polygons, sites: Polygons, pairs: tuple[Ints, Ints]) -> tuple[Lines, _Samples]:
    """Draw, in every block of two or more sites, the lines of equal distance between them."""
    samples = _Samples({}, {})
    ridges: list[Lines] = [np.zeros(0, object)]
    block_of, site_of = pairs
    runs = np.split(np.arange(len(site_of)), np.flatnonzero(np.diff(block_of)) + 1)
    for run in progress(runs, "laying out blocks"):
        if not len(run):
            continue
        block, here = int(block_of[run[0]]), site_of[run]
        if len(here) == 1:
            samples.only_site[block] = int(here[0])
            continue
        points, owner = _outline_points(sites[here])
        samples.tree_of_block[block] = (cKDTree(points), here[owner])
        lines = _lines_between(points, owner)
        reach = shapely.buffer(blocks[block], OVERSHOOT_M, join_style="mitre")
        shapely.prepare(reach)
        within = shapely.contains_properly(reach, lines)
        ridges.append(lines[within])
        lines = lines[~within]
        parts = shapely.get_parts(shapely.intersection(lines, reach))
        ridges.append(parts[np.isin(shapely.get_type_id(parts), (1, 5))])
    return np.concatenate(ridges), samples


def _outline_points(sites: Polygons) -> tuple[npt.NDArray[np.float64], Ints]:
    """Sample outlines a little inside the walls; a site too thin for that is sampled on them."""
    inner = shapely.buffer(sites, -SHRINK_M, join_style="mitre")
    inner = np.where(shapely.is_empty(inner), sites, inner)
    points, owner = shapely.get_coordinates(shapely.segmentize(inner, SAMPLING_M), return_index=True)
    points, first = np.unique(points.round(3), axis=0, return_index=True)
    return points, owner[first].astype(np.int64)


def _lines_between(points: npt.NDArray[np.float64], owner: Ints) -> Lines:
    """Voronoi ridges between points of different owners, joined and smoothed."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, far = (low + high) / 2, 20 * (np.ptp(points, axis=0).max() + 1000.0)
    corners = far * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    diagram = Voronoi(np.vstack([points - middle, corners]))
    owners = np.concatenate([owner, np.full(4, -1, np.int64)])
    pairs = owners[diagram.ridge_points]
    ends = np.asarray(diagram.ridge_vertices)
    wanted = (pairs[:, 0] != pairs[:, 1]) & (pairs >= 0).all(axis=1) & (ends >= 0).all(axis=1)
    segments = shapely.linestrings(diagram.vertices[ends[wanted]] + middle)
    chains = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(segments)))
    return shapely.simplify(chains, SMOOTHING_M)


def _crossed_by(lines: Lines, sites: Polygons) -> Bools:
    """Tell which sites the lines run into."""
    crossed = np.zeros(len(sites), bool)
    if len(lines) and len(sites):
        crossed[shapely.STRtree(sites).query(lines, predicate="intersects")[1]] = True
    return crossed


def _owners(points: Lines, blocks: Polygons, sites: Polygons, samples: _Samples) -> tuple[Ints, Ints]:
    """Give each face its owner by its inner point: the site, else the nearest of its block, else the empty block.

    An empty block counts as the owner ``len(sites) + its position``. A face of an empty block that is a mere sliver,
    between two lines that should be one, is an owner of its own, so that each piece can join its own neighbour.

    Returns
    -------
    array of int
        The owner of each face.
    array of int
        The site of whose footprint it is a part, or -1.
    """
    part_of = containing(points, sites)
    owner = part_of.copy()
    ground = np.flatnonzero(owner < 0)
    block = nearest(points[ground], blocks)
    order = np.argsort(block, kind="stable")
    ground, block = ground[order], block[order]
    narrow = _narrow(blocks, 2 * OVERSHOOT_M)
    for run in np.split(np.arange(len(ground)), np.flatnonzero(np.diff(block)) + 1):
        if not len(run):
            continue
        b, here = int(block[run[0]]), ground[run]
        if b in samples.tree_of_block:
            tree, site = samples.tree_of_block[b]
            owner[here] = site[tree.query(shapely.get_coordinates(points[here]))[1]]
        elif b in samples.only_site:
            owner[here] = samples.only_site[b]
        else:
            owner[here] = len(sites) + (len(blocks) + here if narrow[b] else b)
    return owner, part_of


def _shared_edges(faces: Polygons) -> Edges:
    """List the edges that two faces share."""
    rings, face_of_ring = shapely.get_rings(faces, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    millimetres = np.rint(xy / PRECISION_M).astype(np.int64)
    follows = ring[1:] == ring[:-1]
    a, b = millimetres[:-1][follows], millimetres[1:][follows]
    face = face_of_ring[ring[:-1][follows]].astype(np.int64)
    swap = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    a[swap], b[swap] = b[swap].copy(), a[swap].copy()
    order = np.lexsort((face, b[:, 1], b[:, 0], a[:, 1], a[:, 0]))
    a, b, face = a[order], b[order], face[order]
    twin = (a[1:] == a[:-1]).all(axis=1) & (b[1:] == b[:-1]).all(axis=1) & (face[1:] != face[:-1])
    first = np.flatnonzero(twin)
    return Edges(face[first], face[first + 1], a[first].astype(float), b[first].astype(float))
