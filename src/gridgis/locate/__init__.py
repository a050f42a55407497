"""Put every thing into exactly one cell, or say why not."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridgis import crs
from gridgis.contract import CODE, Grid, GridError, listed, require_grid, text_column
from gridgis.locate.areas import area_pieces, area_winners
from gridgis.locate.coordinates import FEW, elsewhere_warning
from gridgis.locate.lines import line_pieces, line_winners
from gridgis.locate.near import NearCells
from gridgis.locate.points import (
    BAD,
    BOUNDARY,
    CLASH,
    HOW,
    INSIDE,
    NEAR,
    NOWHERE,
    OUT,
    REASONS,
    SHAPELESS,
    Answers,
    Locator,
    examine_points,
    is_locator,
    locator_of,
    near_cells,
    outlines_of,
)
from gridgis.locate.shapes import Cells, middle_of
from gridgis.locate.things import OPEN, WHAT, Things, require_things, things_of

__all__ = ["REASONS", "WAYS", "account", "locate", "split"]

WAYS = {
    "largest_share": "the cell with the largest share of the area of a polygon, of the length of a line",
    "representative_point": "the cell of a point inside the polygon, of the middle of the line",
}
"""How the one cell of a line or polygon is chosen: what `locate` takes as ``by``, with its meaning."""


def locate(
    things: gpd.GeoDataFrame, grid: Grid | Locator, *, by: str | None = None, near_m: float | None = None
) -> gpd.GeoDataFrame:
    """Give each thing the code of its cell.

    Things in any declared CRS are brought into that of the grid. A point on a border that cells share goes to the
    lowest code among them, so that none is counted twice and none is lost.

    Parameters
    ----------
    things : GeoDataFrame
        Points, as `read_points` gives them; with ``by`` also lines and polygons, mixed as they come. Rows without
        coordinates are welcome.
    grid : GeoDataFrame or CellIndex
        Cells with ``grid_code``, or their index, made once for many calls.
    by : str, optional
        How the cell of a line or polygon is chosen, a key of `WAYS`; points need none. ``largest_share``: of equal
        shares (to a millionth) the lowest code has it; what is no wider than 2 mm is rounding. Where cells overlap, a
        thing is no cell's: the cell with the largest share of the rest has it, if no other could have more with all
        that lies in the overlap; else it is a ``conflict``.
        ``representative_point``: as if that point had come.
    near_m : float, optional
        What lies in no cell goes to the nearest one that is no more than so many metres away; of equally near ones (to
        a micrometre) to the lowest code. Without it, it has no cell.

    Returns
    -------
    GeoDataFrame
        The same rows, order, index and columns, with ``grid_code`` (text, missing where the thing has no cell) and
        ``located_by`` (text, a key of `REASONS`); by largest share with ``share`` (float64, 0 to 1, of the thing in its
        cell; missing where it has none); with ``near_m`` also with ``distance_m`` (float64, metres to the cell, of what
        is ``near``; missing elsewhere). Located and not located together are all rows.

    Raises
    ------
    GridError
        If ``things`` has no CRS or holds anything but points (with ``by``: points, lines and polygons), ``by`` or
        ``near_m`` is none of the values above, or ``grid`` breaks its contract.

    Warns
    -----
    GridWarning
        If most things lie outside the grid, or polygons were invalid and are measured as repaired.

    Examples
    --------
    >>> locate(example.events, example.grid)["located_by"].tolist()
    ['inside', 'inside', 'inside', 'inside', 'boundary', 'outside']
    >>> located = locate(example.buildings, example.grid, by="largest_share")
    >>> located.groupby("grid_code")["share"].agg(["count", "min"]).values.tolist()
    [[8.0, 1.0], [8.0, 1.0], [8.0, 1.0], [8.0, 1.0]]
    """
    if by is not None and by not in WAYS:
        raise GridError(f"by: expected one of {listed(WAYS)}, got {by!r}; to cut things along the cells use split.")
    _require_cells(grid)
    extra = [*(["share"] if by == "largest_share" else []), *([] if near_m is None else ["distance_m"])]
    frame = require_things(things, [CODE, "located_by", *extra], shapes=by is not None)
    near = None if near_m is None else near_cells(grid, near_m)
    ready = things_of(frame, grid.crs)
    rows = np.flatnonzero(ready.kind)
    if by == "representative_point":
        ready.x[rows], ready.y[rows] = middle_of(ready.shapes[rows])
    index = locator_of(grid, ready.x, ready.y)
    answers = examine_points(ready.x, ready.y, index, near)
    share = np.where(answers.how <= BOUNDARY, 1.0, np.nan)
    if by == "largest_share" and len(rows):
        _fill_by_share(answers, share, ready, Cells(outlines_of(grid), index.codes), near)
    _warn_if_elsewhere(answers.how, frame, grid)
    known = ready.known != OPEN
    answers.how[known] = ready.known[known]
    located = frame.copy()
    located[CODE] = _texts(index.codes, answers.position, frame.index)
    located["located_by"] = _texts(HOW, answers.how, frame.index)
    more = {"share": share, "distance_m": answers.distance_m}
    return located.assign(**{name: more[name] for name in extra})


def split(things: gpd.GeoDataFrame, grid: Grid | Locator) -> gpd.GeoDataFrame:
    """Cut lines and polygons along the cells, a row a piece.

    It is a verb of its own, because it gives other rows than it takes. Nothing is lost and nothing is there twice:
    the shares of a thing add up to 1. What of a line runs along a border goes to the lower code. What lies where cells
    overlap goes to none of them: it is one piece of its own, a ``conflict``.

    Parameters
    ----------
    things : GeoDataFrame
        Points, lines and polygons, mixed as they come; a point is one piece.
    grid : GeoDataFrame or CellIndex
        As in `locate`.

    Returns
    -------
    GeoDataFrame
        The columns of ``things`` and its CRS; ``geometry`` is the piece. Ordered as ``things``, the index repeated,
        then by code, what lies in no cell last. With ``grid_code`` (text, missing where the piece has no cell),
        ``located_by`` (text, a key of `REASONS`: ``inside`` or ``boundary`` for a whole thing, ``share`` for a part
        of one, ``outside`` or ``conflict`` for what has no cell) and ``share`` (float64, 0 to 1, of the thing in this
        piece; missing for a row that is nowhere). A piece no wider than 2 mm is rounding and left out, unless the
        thing has no wider one; a thing of one piece keeps its geometry as it was.

    Raises
    ------
    GridError
        If ``things`` has no CRS or holds anything but points, lines and polygons, or ``grid`` breaks its contract.

    Warns
    -----
    GridWarning
        If most pieces lie outside the grid, or polygons were invalid and are cut as repaired.

    Examples
    --------
    >>> pieces = split(example.barriers, example.grid)
    >>> pieces.index.tolist(), pieces["share"].tolist()
    ([0, 0, 1, 1], [0.5, 0.5, 0.5, 0.5])
    """
    frame = require_things(things, [CODE, "located_by", "share"], shapes=True)
    _require_cells(grid)
    ready = things_of(frame, grid.crs)
    index = locator_of(grid, ready.x, ready.y)
    row, position, shape, share, how = _pieces(ready, index, grid)
    _warn_if_elsewhere(how, frame, grid)
    pieces = frame.iloc[row].copy()
    geometry, cut = pieces.geometry.to_numpy().copy(), ~shapely.is_missing(shape)
    geometry[cut] = crs.transform(shape[cut], index.crs, frame.crs, WHAT)
    pieces[frame.geometry.name] = gpd.GeoSeries(geometry, pieces.index, crs=frame.crs)
    pieces[CODE] = _texts(index.codes, position, pieces.index)
    pieces["located_by"] = _texts(HOW, how, pieces.index)
    return pieces.assign(share=share)


def _pieces(ready: Things, index: Locator, grid: Grid | Locator) -> tuple[npt.NDArray[Any], ...]:
    """Give row, position, shape (None for a whole thing), share and reason of all pieces, ordered by row."""
    rows = np.flatnonzero(ready.kind == 0)
    position, how, _ = examine_points(ready.x[rows], ready.y[rows], index)
    known = ready.known[rows] != OPEN
    how[known] = ready.known[rows[known]]
    share = np.where(np.isin(how, (INSIDE, BOUNDARY, OUT, CLASH)), 1.0, np.nan)
    tables: list[tuple[npt.NDArray[Any], ...]] = [(rows, position, np.full(len(rows), None, object), share, how)]
    if ready.kind.any():
        cells = Cells(outlines_of(grid), index.codes)
        for kind, pieces_of in ((1, line_pieces), (2, area_pieces)):
            rows = np.flatnonzero(ready.kind == kind)
            cut = pieces_of(ready.shapes[rows], cells)
            cut.shape[cut.whole] = None
            tables.append((rows[cut.thing], cells.rows_of(cut.cell), cut.shape, cut.share, cut.how))
    columns = [np.concatenate(column) for column in zip(*tables, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return tuple(column[order] for column in columns)


def _require_cells(grid: Grid | Locator) -> None:
    """Ask, before the long work, for a grid or what can stand for one."""
    if not is_locator(grid):
        require_grid(grid)


def _fill_by_share(
    answers: Answers, share: npt.NDArray[np.float64], ready: Things, cells: Cells, near: NearCells | None
) -> None:
    """Fill in the answers for lines and polygons by their largest share."""
    for kind, winners_of in ((1, line_winners), (2, area_winners)):
        rows = np.flatnonzero(ready.kind == kind)
        winners = winners_of(ready.shapes[rows], cells)
        share[rows] = winners.share
        _fill(answers, rows, Answers(cells.rows_of(winners.cell), winners.how, None))
        outside = rows[winners.how == OUT]
        if near is not None and len(outside):
            position, metres = near.nearest_shapes(ready.shapes[outside])
            found = position >= 0
            _fill(answers, outside, Answers(position, np.where(found, NEAR, OUT).astype(np.uint8), metres))
    share[answers.how == NEAR] = 0.0


def _fill(answers: Answers, rows: npt.NDArray[np.int64], found: Answers) -> None:
    """Put the answers for some rows in their places."""
    answers.position[rows], answers.how[rows] = found.position, found.how
    if answers.distance_m is not None and found.distance_m is not None:
        answers.distance_m[rows] = found.distance_m


def _texts(values: Sequence[str] | npt.NDArray[np.object_], places: npt.NDArray[Any], index: pd.Index) -> pd.Series:
    """Give text by its place among the values, missing for place -1."""
    places = places.astype(np.intp)
    if len(places) < len(values):
        known = np.asarray(values, object)[places]
        return text_column(np.where(places < 0, None, known), index)
    return pd.Series(text_column([*values, None]).array.take(places), index)


def _warn_if_elsewhere(how: npt.NDArray[np.uint8], frame: gpd.GeoDataFrame, grid: Grid | Locator) -> None:
    """Say so when most things lie outside: then the coordinates are likely not what they are taken for."""
    outside, nowhere = int(np.isin(how, (OUT, BAD)).sum()), int(np.isin(how, (NOWHERE, SHAPELESS)).sum())
    few = 0 < len(how) - nowhere < FEW and outside > (len(how) - nowhere) / 2
    turned = few and _would_lie_inside(frame, grid) >= outside / 2
    warning = elsewhere_warning(outside, len(how) - nowhere, WHAT, turned=turned)
    if warning is not None:
        warnings.warn(warning, stacklevel=3)


def _would_lie_inside(frame: gpd.GeoDataFrame, grid: Grid | Locator) -> int:
    """Count the points that would lie in a cell if x and y were exchanged."""
    points = frame.geometry[frame.geom_type == "Point"].to_numpy()
    points = points[~shapely.is_empty(points)]
    if not len(points) or frame.crs is None:
        return 0
    x, y = crs.transform_xy(shapely.get_y(points), shapely.get_x(points), frame.crs, grid.crs, WHAT, finite=False)
    return int((locator_of(grid, x, y).examine(x, y)[0] >= 0).sum())


def account(located: pd.DataFrame) -> pd.DataFrame:
    """Count the rows by how they were located.

    Parameters
    ----------
    located : DataFrame
        What `locate` or `split` returned, or that file read again.

    Returns
    -------
    DataFrame
        One row a reason that occurs, in the order of `REASONS`: ``located_by`` (text), ``rows`` (int),
        ``meaning`` (text). The rows add up to ``len(located)``.

    Raises
    ------
    GridError
        If the column ``located_by`` is missing or holds an unknown reason.

    Examples
    --------
    >>> account(locate(example.events, example.grid))[["located_by", "rows"]].values.tolist()
    [['inside', 4], ['boundary', 1], ['outside', 1]]
    """
    if "located_by" not in located.columns:
        raise GridError("located: expected a column located_by; locate the things first.")
    counts = located["located_by"].value_counts(dropna=False)
    unknown = [reason for reason in counts.index if reason not in REASONS]
    if unknown:
        raise GridError(f"located: unknown reasons in located_by: {', '.join(map(str, unknown))}.")
    rows = [(reason, int(counts[reason]), meaning) for reason, meaning in REASONS.items() if reason in counts.index]
    return pd.DataFrame(rows, columns=["located_by", "rows", "meaning"])
