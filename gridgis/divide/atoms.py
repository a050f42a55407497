"""From maps to atoms: the smallest pieces of ground that are never divided.

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

from gridgis.cover import Polygons, wide_parts

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
SCRAP_M2 = 60.0
"""An empty piece of ground smaller than this joins its neighbour in the block."""
NEAR_M = 6.0
"""A border this near a street that ends inside a block still counts as a border along it."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ground:
    """What is to be divided, as arrays in one metre CRS, in canonical order.

    Attributes
    ----------
    parents : array of Polygon or MultiPolygon
        The areas, no two overlapping.
    buildings : array of Polygon
        Footprints.
    loads : array of int
        Households of each building.
    lines : array of LineString
        Barriers.
    discounts : array of float
        Cost of a metre of border along each line, between 0 (a border likes to be here) and 1 (open ground).
    """

    parents: Polygons
    buildings: Polygons
    loads: Ints
    lines: npt.NDArray[np.object_]
    discounts: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Atoms:
    """Faces of the ground, gathered into atoms, and who borders on whom.

    Attributes
    ----------
    faces : array of Polygon
        An edge-matched cover of the parents.
    atom_of_face : array of int
    parent, load, buildings : arrays of int
        For each atom: position of its parent, households, number of buildings.
    area_m2 : array of float
    left, right : arrays of int
        Pairs of neighbouring atoms of one parent, ``left < right``.
    cost, length : arrays of int
        For each pair: discounted and plain length of the common border, millimetres.
    """

    faces: Polygons
    atom_of_face: Ints
    parent: Ints
    load: Ints
    buildings: Ints
    area_m2: npt.NDArray[np.float64]
    left: Ints
    right: Ints
    cost: Ints
    length: Ints


def build_atoms(ground: Ground) -> Atoms:
    """Make the atoms of a piece of ground.

    Raises
    ------
    shapely.errors.GEOSException
        If the lines cannot be noded; no input is known that does this.
    """
    sites, site_loads, site_sizes = _sites(ground.buildings, ground.loads)
    borders = shapely.get_parts(shapely.boundary(ground.parents))
    streets, crossed = _whole_buildings(ground.lines, sites)
    outlines = shapely.boundary(sites[crossed])
    blocks, parent_of_block = _inside(_faces([borders, streets, outlines]), ground.parents)
    block_of_site = _containing(shapely.point_on_surface(sites), blocks)
    ridges, samples = _ridges(blocks, sites, block_of_site)
    split = _crossed_by(ridges, sites)
    lines = [borders, streets, shapely.boundary(sites[crossed | split]), ridges]
    faces, parent_of_face = _inside(_faces(lines), ground.parents)
    owner = _owners(faces, blocks, sites, samples)
    return _gather(faces, parent_of_face, owner, (sites, site_loads, site_sizes), ground)


def _sites(buildings: Polygons, loads: Ints) -> tuple[Polygons, Ints, Ints]:
    """Unite buildings that overlap by more than rounding: together they are one thing that may not be cut."""
    n = len(buildings)
    if n == 0:
        return buildings, loads, np.zeros(0, np.int64)
    tree = shapely.STRtree(buildings)
    first, second = tree.query(buildings, predicate="intersects")
    first, second = first[first < second], second[first < second]
    apart = shapely.touches(buildings[first], buildings[second])
    first, second = first[~apart], second[~apart]
    common = shapely.intersection(buildings[first], buildings[second])
    deep = np.array([bool(wide_parts(part)) for part in common], bool)
    links = coo_array((np.ones(int(deep.sum())), (first[deep], second[deep])), shape=(n, n))
    count, group = connected_components(links, directed=False)
    group = _first_come(group)
    sites = np.empty(count, object)
    sizes = np.bincount(group, minlength=count)
    alone = np.flatnonzero(sizes[group] == 1)
    sites[group[alone]] = buildings[alone]
    for i in np.flatnonzero(sizes > 1):
        sites[i] = shapely.union_all(buildings[group == i])
    site_loads = np.zeros(count, np.int64)
    np.add.at(site_loads, group, loads)
    return sites, site_loads, sizes.astype(np.int64)


def _first_come(labels: npt.NDArray[np.integer]) -> Ints:
    """Number groups by their first member, so that the numbers do not hang on the library that made them."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _whole_buildings(lines: npt.NDArray[np.object_], sites: Polygons) -> tuple[npt.NDArray[np.object_], np.ndarray]:
    """Cut the lines at the walls of buildings that they run through; say which buildings these are."""
    crossed = np.zeros(len(sites), bool)
    if not len(lines) or not len(sites):
        return lines, crossed
    line, site = shapely.STRtree(sites).query(lines, predicate="intersects")
    inside = ~shapely.touches(lines[line], sites[site])
    line, site = line[inside], site[inside]
    crossed[site] = True
    streets = lines.copy()
    for i in np.unique(line):
        streets[i] = shapely.difference(lines[i], shapely.union_all(sites[np.sort(site[line == i])]))
    return streets, crossed


def _faces(lines: list[npt.NDArray[np.object_]]) -> Polygons:
    """Node all lines together on the millimetre grid, and give the faces between them."""
    parts = shapely.get_parts(np.concatenate([np.asarray(part, object) for part in lines]))
    noded = shapely.union_all(parts[~shapely.is_empty(parts)], grid_size=PRECISION_M)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    x, y = shapely.get_x(shapely.point_on_surface(faces)), shapely.get_y(shapely.point_on_surface(faces))
    return faces[np.lexsort((x, y))]


def _inside(faces: Polygons, parents: Polygons) -> tuple[Polygons, Ints]:
    """Keep the faces that lie in a parent; say in which."""
    parent = _containing(shapely.point_on_surface(faces), parents)
    return faces[parent >= 0], parent[parent >= 0]


def _containing(points: npt.NDArray[np.object_], polygons: Polygons) -> Ints:
    """Give the lowest polygon that holds each point, -1 where none does."""
    found = np.full(len(points), len(polygons), np.int64)
    if len(points) and len(polygons):
        point, polygon = shapely.STRtree(polygons).query(points, predicate="intersects")
        np.minimum.at(found, point, polygon)
    found[found == len(polygons)] = -1
    return found


@dataclass(frozen=True)
class _Samples:
    """Points on the outlines of the sites of each block, to find the nearest site of a face."""

    tree_of_block: dict[int, tuple[cKDTree, Ints]]
    only_site: dict[int, int]


def _ridges(blocks: Polygons, sites: Polygons, block_of_site: Ints) -> tuple[npt.NDArray[np.object_], _Samples]:
    """Draw, in every block of two or more sites, the lines of equal distance between them."""
    samples = _Samples({}, {})
    ridges: list[npt.NDArray[np.object_]] = [np.zeros(0, object)]
    order = np.argsort(block_of_site, kind="stable")
    order = order[block_of_site[order] >= 0]
    for here in np.split(order, np.flatnonzero(np.diff(block_of_site[order])) + 1):
        if not len(here):
            continue
        block = int(block_of_site[here[0]])
        if len(here) == 1:
            samples.only_site[block] = int(here[0])
            continue
        points, owner = _outline_points(sites[here])
        samples.tree_of_block[block] = (cKDTree(points), here[owner])
        lines = _lines_between(points, owner)
        reach = shapely.buffer(blocks[block], OVERSHOOT_M, join_style="mitre")
        ridges.append(shapely.get_parts(shapely.intersection(lines, reach)))
    return np.concatenate(ridges), samples


def _outline_points(sites: Polygons) -> tuple[npt.NDArray[np.float64], Ints]:
    """Sample outlines a little inside the walls; a site too thin for that is sampled on them."""
    inner = shapely.buffer(sites, -SHRINK_M, join_style="mitre")
    inner = np.where(shapely.is_empty(inner), sites, inner)
    points, owner = shapely.get_coordinates(shapely.segmentize(inner, SAMPLING_M), return_index=True)
    points = points.round(3)
    points, first = np.unique(points, axis=0, return_index=True)
    return points, owner[first].astype(np.int64)


def _lines_between(points: npt.NDArray[np.float64], owner: Ints) -> shapely.Geometry:
    """Voronoi ridges between points of different owners, joined and smoothed."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, far = (low + high) / 2, 20 * (np.ptp(points, axis=0).max() + 1000.0)
    corners = middle + far * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    diagram = Voronoi(np.vstack([points - middle, corners - middle]))
    owners = np.concatenate([owner, np.full(4, -1, np.int64)])
    pairs = owners[diagram.ridge_points]
    ends = np.asarray(diagram.ridge_vertices)
    wanted = (pairs[:, 0] != pairs[:, 1]) & (pairs >= 0).all(axis=1) & (ends >= 0).all(axis=1)
    segments = shapely.linestrings(diagram.vertices[ends[wanted]] + middle)
    chains = shapely.line_merge(shapely.multilinestrings(segments))
    return shapely.simplify(chains, SMOOTHING_M)


def _crossed_by(lines: npt.NDArray[np.object_], sites: Polygons) -> npt.NDArray[np.bool_]:
    """Which sites do the lines run into?"""
    crossed = np.zeros(len(sites), bool)
    if len(lines) and len(sites):
        crossed[shapely.STRtree(sites).query(lines, predicate="intersects")[1]] = True
    return crossed


def _owners(faces: Polygons, blocks: Polygons, sites: Polygons, samples: _Samples) -> Ints:
    """Give each face its site: the one it is part of, else the nearest of its block, else the empty block itself.

    An empty block counts as the owner ``len(sites) + its position``.
    """
    points = shapely.point_on_surface(faces)
    owner = _containing(points, sites)
    block = _containing(points, blocks)
    lost = np.flatnonzero(block < 0)
    if len(lost):
        block[lost] = shapely.STRtree(blocks).query_nearest(points[lost], all_matches=False)[1]
    ground = np.flatnonzero(owner < 0)
    ground = ground[np.argsort(block[ground], kind="stable")]
    for here in np.split(ground, np.flatnonzero(np.diff(block[ground])) + 1):
        if not len(here):
            continue
        b = int(block[here[0]])
        if b in samples.tree_of_block:
            tree, site = samples.tree_of_block[b]
            owner[here] = site[tree.query(shapely.get_coordinates(points[here]))[1]]
        else:
            owner[here] = samples.only_site.get(b, len(sites) + b)
    return owner


def _gather(
    faces: Polygons, parent_of_face: Ints, owner: Ints, sites: tuple[Polygons, Ints, Ints], ground: Ground
) -> Atoms:
    """Join the faces of one owner that hang together, give them their load, and list who borders on whom."""
    one, two, start, end = _shared_edges(faces)
    inner = parent_of_face[one] == parent_of_face[two]
    one, two, start, end = one[inner], two[inner], start[inner], end[inner]
    length = np.rint(np.hypot(*(end - start).T)).astype(np.int64)
    same = owner[one] == owner[two]
    atom = _components(one[same], two[same], len(faces))
    polygons, loads, sizes = sites
    home = atom[_faces_of_sites(faces, polygons)] if len(polygons) else np.zeros(0, np.int64)
    size = np.zeros(atom.max(initial=-1) + 1, np.int64)
    np.add.at(size, home, sizes)
    atom, home = _absorb_scraps(atom, home, size, (one, two, length), shapely.area(faces))
    n = atom.max(initial=-1) + 1
    cost = _border_cost(start, end, length, ground)
    left, right = np.minimum(atom[one], atom[two]), np.maximum(atom[one], atom[two])
    between = left != right
    pairs, inverse = np.unique(np.stack([left[between], right[between]]), axis=1, return_inverse=True)
    totals = np.zeros((2, pairs.shape[1]), np.int64)
    np.add.at(totals[0], inverse.ravel(), cost[between])
    np.add.at(totals[1], inverse.ravel(), length[between])
    load, count, parent = (np.zeros(n, np.int64) for _ in range(3))
    np.add.at(load, home, loads)
    np.add.at(count, home, sizes)
    parent[atom] = parent_of_face
    area = np.bincount(atom, shapely.area(faces), minlength=n)
    return Atoms(faces, atom, parent, load, count, area, pairs[0], pairs[1], totals[0], totals[1])


def _shared_edges(faces: Polygons) -> tuple[Ints, Ints, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """List the edges that two faces share: both faces, and both ends in millimetres."""
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
    return face[first], face[first + 1], a[first].astype(float), b[first].astype(float)


def _components(one: Ints, two: Ints, n: int) -> Ints:
    """Number the connected groups of ``n`` things linked in pairs."""
    links = coo_array((np.ones(len(one)), (one, two)), shape=(n, n))
    return _first_come(connected_components(links, directed=False)[1])


def _faces_of_sites(faces: Polygons, sites: Polygons) -> Ints:
    """Give the face that holds the inner point of each site; the nearest where rounding has moved it."""
    points = shapely.point_on_surface(sites)
    face = _containing(points, faces)
    lost = np.flatnonzero(face < 0)
    if len(lost):
        face[lost] = shapely.STRtree(faces).query_nearest(points[lost], all_matches=False)[1]
    return face


def _absorb_scraps(
    atom: Ints, home: Ints, size: Ints, edges: tuple[Ints, Ints, Ints], areas: npt.NDArray[np.float64]
) -> tuple[Ints, Ints]:
    """Join each small empty atom to the neighbour with which it shares the longest border."""
    one, two, length = edges
    n = len(size)
    scrap = (size == 0) & (np.bincount(atom, areas, minlength=n) < SCRAP_M2)
    a, b = np.concatenate([atom[one], atom[two]]), np.concatenate([atom[two], atom[one]])
    both = np.concatenate([length, length])
    wanted = scrap[a] & (a != b)
    if not wanted.any():
        return atom, home
    pairs, inverse = np.unique(np.stack([a[wanted], b[wanted]]), axis=1, return_inverse=True)
    shared = np.bincount(inverse.ravel(), both[wanted].astype(float))
    order = np.lexsort((pairs[1], -shared, pairs[0]))
    best = order[np.r_[True, np.diff(pairs[0][order]) != 0]]
    joined = _components(pairs[0][best], pairs[1][best], n)
    return joined[atom], joined[home]


def _border_cost(
    start: npt.NDArray[np.float64], end: npt.NDArray[np.float64], length: Ints, ground: Ground
) -> Ints:
    """Length of each edge in millimetres, discounted where it runs along a barrier, less where it runs near one."""
    factor = np.ones(len(length))
    if len(ground.lines) and len(length):
        middle = shapely.points((start + end) / 2 * PRECISION_M)
        tree = shapely.STRtree(ground.lines)
        for distance, share in ((NEAR_M, 0.5), (10 * PRECISION_M, 1.0)):
            edge, line = tree.query(middle, predicate="dwithin", distance=distance)
            np.minimum.at(factor, edge, 1 - share * (1 - ground.discounts[line]))
    return np.rint(length * factor).astype(np.int64)
