"""Covers and points that are hard to locate, and an oracle of exact numbers that locates them.

`covers` and `located_covers` are strategies of hypothesis. The oracle knows nothing of the package: it walks the rings
with whole numbers, by the rule that the package is held to:

- a point that is not finite is BAD_COORDINATES, one in no closed cell is OUTSIDE;
- one strictly inside two cells, or strictly inside one and on the border of another, is CONFLICT;
- else it belongs to the lowest code among the closed cells that hold it, and lies on a border unless inside.
"""

import itertools

import geopandas as gpd
import numpy as np
import shapely
from hypothesis import strategies as st

OUTSIDE, CONFLICT, BAD_COORDINATES = -1, -2, -3
SPECIAL = (np.nan, np.inf, -np.inf, 1e300, -1e300, 1.7e308, -0.0, 0.0, 5e-324, -5e-324, 2.2e-308)
MOST = 40
"""Most cells of a cover."""

# --- families: each draws polygons about ten units wide, before they are put into place


def lattice(rng):
    """Rectangles, squares of one line after another; their inner corners may stand off a little."""
    columns, rows = rng.integers(1, 7, 2)
    lines = [np.sort(rng.choice(40, n + 1, replace=False)) / 4 for n in (columns, rows)]
    corner = np.stack(np.meshgrid(*lines, indexing="ij"), -1)
    if rng.random() < 0.5:
        corner[1:-1, 1:-1] += rng.uniform(-0.1, 0.1, corner[1:-1, 1:-1].shape)
    around = ((0, 0), (1, 0), (1, 1), (0, 1))
    cells = itertools.product(range(columns), range(rows))
    return [shapely.Polygon([corner[i + a, j + b] for a, b in around]) for i, j in cells]


def bricks(rng):
    """Rows of cells whose walls do not meet: each has vertices in the middle of the neighbours' edges."""
    rows, slope = rng.integers(1, 6), rng.choice([0, 0.1, 1 / 3])
    lines = [(9 * row / rows, 9 * row / rows + slope * 9) for row in range(rows + 1)]
    shapes = []
    for (left, right), (left_up, right_up) in itertools.pairwise(lines):
        share = np.concatenate([[0], np.sort(rng.random(rng.integers(0, 7))), [1]])
        if rng.random() < 0.5:
            share = np.unique(np.round(share * 8) / 8)
        low = np.column_stack([share * 9, left + share * (right - left)])
        high = np.column_stack([share * 9, left_up + share * (right_up - left_up)])
        shapes += [
            shapely.Polygon([low[i], low[i + 1], high[i + 1], high[i]])
            for i in range(len(share) - 1)
        ]  # fmt: skip
    return shapes


def fan(rng):
    """Sectors about one vertex that all share."""
    count = rng.integers(3, 33)
    angle = np.sort(rng.random(count)) * 2 * np.pi if rng.random() < 0.5 else np.arange(count) / count * 2 * np.pi
    rim = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(2, 5, (count, 1)) + 5
    return [shapely.Polygon([(5, 5), one, two]) for one, two in zip(rim, np.roll(rim, -1, 0), strict=True)]


def enclaves(rng):
    """Cells in the holes of cells in the holes of cells; a hole may touch its shell or another hole in one point."""
    shapes, shells = [], [shapely.box(0, 0, 10, 10)]
    while shells and len(shapes) < 30:
        shell = shells.pop(0)
        west, south, east, _ = shell.bounds
        side, holes = (east - west) / 4, []
        for x, y in ((0, 0), (2, 0), (2, 2), (0, 2), (1, 1)):
            if rng.random() < 0.4 and side > 0.05:
                corner = west + (x + 0.5) * side, south + (y + 0.5) * side
                kind = rng.integers(3)
                turned = [(side, 0), (2 * side, side), (side, 2 * side), (0, side)]
                square = [(0, 0), (side, 0), (side, side), (0, side)]
                hole = [(corner[0] + a, corner[1] + b) for a, b in (turned if kind == 0 and x != 1 else square)]
                if kind == 1 and (x, y) == (0, 0):
                    hole[0] = (west, south + side)
                holes.append(shapely.Polygon(hole))
        shape = shapely.Polygon(shell.exterior, [hole.exterior for hole in holes])
        if not shape.is_valid:
            shape, holes = shell, []
        shapes.append(shape)
        shells += [hole for hole in holes if rng.random() < 0.8]
    return shapes


def slivers(rng):
    """Strips side by side, some a few units in the last place wide, and needles between them."""
    count = rng.integers(2, 20)
    widths = rng.choice([1.0, 0.3, 1e-6, 1e-9, 2e-15, 4e-15], count)
    tilt = rng.choice([0, 0.37])
    at = np.concatenate([[1], 1 + np.cumsum(widths)])
    shapes = []
    for one, two in itertools.pairwise(at):
        if rng.random() < 0.3:
            shapes.append(shapely.Polygon([(one, 0), (two, 0), (one + tilt, 9)]))
            shapes.append(shapely.Polygon([(two, 0), (two + tilt, 9), (one + tilt, 9)]))
        else:
            shapes.append(shapely.Polygon([(one, 0), (two, 0), (two + tilt, 9), (one + tilt, 9)]))
    return shapes


def voronoi(rng):
    """Voronoi cells of points in towns."""
    count = rng.integers(3, 30)
    xy = 5 + rng.normal(0, 1, (count, 2)) * rng.choice([2, 0.1, 0.001], (count, 1))
    drawn = shapely.voronoi_polygons(shapely.MultiPoint(xy), extend_to=shapely.box(0, 0, 10, 10))
    return list(shapely.get_parts(drawn))


def zoom(rng):
    """Squares cut into nine again and again at one place: cells of all sizes, T-junctions, crowds of edges."""
    shapes, place = [], np.zeros(2)
    side, third = 9.0, rng.choice([3.0, 8.0, 100.0])
    for _ in range(rng.integers(1, 5)):
        cut = side / third
        middle = place + rng.choice([0.0, cut, side - cut], 2)
        xs, ys = (sorted({place[k], middle[k], middle[k] + cut, place[k] + side}) for k in range(2))
        for (west, east), (south, north) in itertools.product(itertools.pairwise(xs), itertools.pairwise(ys)):
            if (west, south) != tuple(middle):
                shapes.append(shapely.box(west, south, east, north))
        place, side = middle, cut
    return [*shapes, shapely.box(*place, *(place + side))]


def combs(rng):
    """Two cells with many teeth between each other, and one around a star of many points."""
    teeth = int(rng.integers(2, 60))
    x = np.linspace(0, 9, 2 * teeth + 1)
    border = np.column_stack([x, np.where(np.arange(len(x)) % 2, 8, rng.choice([1, 7.999]))])
    shapes = [
        shapely.Polygon([*border, (9, 0), (0, 0)]),
        shapely.Polygon([*border, (9, 9), (0, 9)]),
    ]
    angle = np.linspace(0, 2 * np.pi, 2 * teeth, endpoint=False)
    reach = np.where(np.arange(2 * teeth) % 2, 0.01, 2)
    star = shapely.Polygon(np.column_stack([14 + reach * np.cos(angle), 4 + reach * np.sin(angle)]))
    return [*shapes, star, shapely.Polygon(shapely.box(11, 1, 17, 7).exterior, [star.exterior])]


def heap(rng):
    """Triangles, boxes and stars thrown on a heap: overlaps of all kinds."""
    shapes = []
    for _ in range(rng.integers(1, 12)):
        centre, size = rng.integers(0, 9, 2), rng.integers(1, 6)
        corners = rng.integers(3, 9)
        angle = np.sort(rng.random(corners)) * 2 * np.pi
        ring = centre + size * np.column_stack([np.cos(angle), np.sin(angle)])
        shapes.append(shapely.box(*centre, *(centre + size)) if rng.random() < 0.4 else shapely.Polygon(ring))
    return shapes


def piles(rng):
    """Many cells on one another: the same again, smaller inside larger, halves that share edges with the whole."""
    shapes = [shapely.box(2, 2, 8, 8)] * int(rng.integers(1, 30))
    shapes += [shapely.box(5 - size, 5 - size, 5 + size, 5 + size) for size in rng.integers(1, 17, 8) / 4]
    return [*shapes, shapely.box(2, 2, 5, 8), shapely.box(5, 2, 8, 8), shapely.Polygon([(2, 2), (8, 2), (8, 8)])]


FAMILIES = (lattice, bricks, fan, enclaves, slivers, voronoi, zoom, combs, heap, piles)

# --- covers


@st.composite
def covers(draw, families=FAMILIES, broken=True):
    """Draw a grid of 1 to 40 valid cells, in rows and with codes of any order."""
    rng = np.random.default_rng(draw(st.integers(0, 10**9)))
    family = draw(st.sampled_from(families))
    shapes = family(rng)
    if broken and draw(st.integers(0, 9)) == 0:
        shapes = [*shapes, *draw(st.sampled_from(families))(rng)]
    put = draw(
        st.builds(
            dict,
            turn=st.sampled_from([0, 0, 0, np.pi / 4, 0.3]),
            scale=st.sampled_from([1, 4, 16, 100.0, 1 / 3, 1e-3, 5e3]),
            offset=st.sampled_from([(0, 0), (-5, -5), (480_000, 3_360_000), (4e6, 4e6), (-4e6, -1e3), (0.1, 1e9)]),
            step=st.sampled_from([None, None, 1, 0.5]),
        )
    )
    shapes = into_place(np.array(shapes, object), **put)
    keep = rng.permutation(len(shapes))[:MOST]
    changed = changed_cells(list(shapes[keep]), rng, broken and draw(st.booleans()))
    changed = [shape for shape in changed if sound(shape)] or [shapely.box(0, 0, 1, 1)]
    return as_grid(changed[:MOST], rng)


@st.composite
def located_covers(draw, **options):
    """Draw a grid, and points that lie hard for it."""
    grid = draw(covers(**options))
    rng = np.random.default_rng(draw(st.integers(0, 10**9)))
    return (grid, *hard_points(grid, rng, draw(st.integers(1, 120))))


def into_place(shapes, turn, scale, offset, step):
    """Turn, scale and shift shapes; round their coordinates where a step is given."""

    def moved(xy):
        x, y = xy[:, 0], xy[:, 1]
        if turn:
            x, y = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
        x, y = x * scale + offset[0], y * scale + offset[1]
        if step:
            x, y = np.round(x / step) * step, np.round(y / step) * step
        return np.column_stack([x, y])

    return shapely.transform(shapes, moved)


def changed_cells(shapes, rng, broken):
    """Make multipolygons; put vertices into edges of one side; let rings begin anywhere; break the cover if asked."""
    shapes = [shape for shape in shapes if sound(shape)]
    for _ in range(int(rng.integers(0, 4))):
        if len(shapes) > 1:
            one, two = rng.choice(len(shapes), 2, replace=False)
            both = shapely.MultiPolygon([*shapely.get_parts(shapes[one]), *shapely.get_parts(shapes[two])])
            if sound(both):
                shapes = [shape for i, shape in enumerate(shapes) if i not in (one, two)] + [both]
    if broken:
        shapes = [shape for shape in shapes if rng.random() < 0.9]
        shapes += [shape for shape in shapes if rng.random() < 0.1]
    return [redrawn(shape, rng) if rng.random() < 0.6 else shape for shape in shapes]


def redrawn(shape, rng):
    """Draw the same cell again: turned rings, vertices twice, vertices in the middle of edges (as near as doubles go)."""

    def ring(line):
        xy = shapely.get_coordinates(line)[:-1]
        xy = np.roll(xy, int(rng.integers(0, len(xy))), 0)[:: rng.choice([-1, 1])]
        where = rng.random(len(xy)) < 0.15
        t = rng.choice([0, 0.5, 0.3, 0.999], (len(xy), 1))
        more = xy + t * (np.roll(xy, -1, 0) - xy)
        return np.concatenate([[a, b] if use else [a] for a, b, use in zip(xy, more, where, strict=True)])

    parts = [
        shapely.Polygon(ring(part.exterior), [ring(hole) for hole in part.interiors])
        for part in shapely.get_parts(shape)
    ]
    again = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
    return again if sound(again) else shape


def sound(shape):
    return not shape.is_empty and shape.is_valid and shape.area > 0


def as_grid(shapes, rng):
    """Give the cells codes whose order is that of text, and neither that of the rows nor that of numbers."""
    numbers = rng.permutation(200)[: len(shapes)]
    odd = rng.random(len(shapes)) < 0.1
    codes = [f"{number}格" if strange else str(number) for number, strange in zip(numbers, odd, strict=True)]
    return gpd.GeoDataFrame({"grid_code": codes, "parent_code": "0"}, geometry=shapes, crs=4547)


# --- points


def edges(shapes):
    """Give the edges of all rings of shapes: (n, 4), and the row of the shape of each."""
    polygon, owner = shapely.get_parts(shapes, return_index=True)  # of a multipolygon, get_rings gives none
    ring, part = shapely.get_rings(polygon, return_index=True)
    xy, number = shapely.get_coordinates(ring, return_index=True)
    inner = number[1:] == number[:-1]
    return np.column_stack([xy[:-1], xy[1:]])[inner], owner[part[number[1:][inner]]]


def hard_points(grid, rng, n):
    """Draw points on and beside vertices and edges, in line with them, crossing lines of vertices, and anywhere."""
    drawn = edges(grid.geometry.to_numpy())[0]
    one, two = drawn[rng.integers(0, len(drawn), n)], drawn[rng.integers(0, len(drawn), n)]
    a, b, t = one[:, :2], one[:, 2:], rng.choice([0.5, 1 / 3, 0.1, rng.random()], (n, 1))
    west, south, east, north = grid.total_bounds
    room = 0.1 * max(east - west, north - south)
    anywhere = np.column_stack([rng.uniform(west - room, east + room, n), rng.uniform(south - room, north + room, n)])
    places = [
        a,
        a + t * (b - a),
        a + (3 * t - 1) * (b - a),
        np.column_stack([a[:, 0], two[:, 1]]),
        (a + two[:, :2]) / 2,
        anywhere,
        anywhere + rng.choice([-1, 1], (n, 2)) * rng.choice([0, 1e9, 1e160], (n, 1)),
    ]
    xy = np.choose(rng.choice(len(places), n, p=[0.25, 0.25, 0.1, 0.1, 0.1, 0.15, 0.05])[:, None], places)
    for axis in range(2):
        step = rng.choice([-1, 0, 0, 1], n)
        xy[:, axis] = np.where(step, np.nextafter(xy[:, axis], np.where(step > 0, np.inf, -np.inf)), xy[:, axis])
    odd = rng.random((n, 2)) < 0.03
    xy[odd] = rng.choice(SPECIAL, int(odd.sum()))
    return xy[:, 0].copy(), xy[:, 1].copy()


# --- the oracle


def oracle(grid, x, y):
    """Locate points by the rule, with whole numbers: the row or the reason of each, and which lie on a border."""
    drawn, owner = edges(grid.geometry.to_numpy())
    codes = grid["grid_code"].tolist()
    position, border = np.full(len(x), BAD_COORDINATES, np.int32), np.zeros(len(x), bool)
    for i, (px, py) in enumerate(zip(np.asarray(x, float).tolist(), np.asarray(y, float).tolist(), strict=True)):
        if np.isfinite(px) and np.isfinite(py):
            inside, on = _places(drawn, owner, px, py)
            position[i], border[i] = _decided(inside, on, codes)
    return position, border


def _places(drawn, owner, px, py):
    """Give the cells that hold a point strictly inside, and those on whose border it lies."""
    y1, y2 = drawn[:, 1], drawn[:, 3]
    near = np.flatnonzero((np.minimum(y1, y2) <= py) & (np.maximum(y1, y2) >= py))
    inside, on = set(), set()
    for (ax, ay, bx, by), cell in zip(drawn[near].tolist(), owner[near].tolist(), strict=True):
        if max(ax, bx) < px:
            continue
        side = exact_side(ax, ay, bx, by, px, py) if min(ax, bx) <= px else (1 if by > ay else -1)
        if side == 0 and min(ax, bx) <= px:
            on.add(cell)
        elif (ay <= py) != (by <= py) and (side > 0) == (by > ay):
            inside ^= {cell}
    return inside - on, on


def _decided(inside, on, codes):
    touched = sorted(inside | on, key=codes.__getitem__)
    if not touched:
        return OUTSIDE, False
    if inside and len(touched) > 1:
        return CONFLICT, False
    return touched[0], not inside


def exact_side(*coordinates):
    """On which side of a-b does p lie: 1 left, -1 right, 0 on the line; with whole numbers."""
    ratios = [value.as_integer_ratio() for value in coordinates]
    whole = max(bottom for _, bottom in ratios)
    ax, ay, bx, by, px, py = (top * (whole // bottom) for top, bottom in ratios)
    turn = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
    return (turn > 0) - (turn < 0)
