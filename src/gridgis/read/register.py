"""A register of buildings may have a row for each entrance, unit or visit: one row a building, no household lost."""

from __future__ import annotations

import re
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gridgis.contract import listed
from gridgis.read.opening import Report

LOADS = ("households", "persons")

SAME_M = 0.05
"""Footprints whose outlines lie no farther apart than this are one."""

_LATER = re.compile(r"#([2-9]|\d\d+)$")

Ints = npt.NDArray[np.int64]


def one_row_an_id(features: gpd.GeoDataFrame, report: Report) -> gpd.GeoDataFrame:
    """Leave out rows that repeat an id: the one with the largest loads stays, whatever the order of the rows.

    Parameters
    ----------
    features : GeoDataFrame
        Buildings, with ``building_id`` as index and column.
    report : Report
        Takes notes: the rows, their loads, and where loads or footprints differ.
    """
    ids = features["building_id"].to_numpy(object)
    twice = np.flatnonzero(features["building_id"].duplicated(keep=False).to_numpy())
    if not len(twice):
        return features
    loads = [load_of(features, name) for name in LOADS]
    shapes = shapely.to_wkb(shapely.normalize(features.geometry.to_numpy()[twice]))
    key = dict(zip(twice.tolist(), shapes.tolist(), strict=True))
    weight = [-np.nan_to_num(load, nan=-1.0) for load in loads]
    order = sorted(twice.tolist(), key=lambda i: (ids[i], weight[0][i], weight[1][i], key[i]))
    first: dict[str, int] = {}
    for i in order:
        first.setdefault(ids[i], i)
    out = np.array(sorted(set(order) - set(first.values())), np.int64)
    kept = np.array([first[ids[i]] for i in out.tolist()], np.int64)
    _tell_repeats(features, out, report)
    differ = [any(not _equal(load[i], load[k]) for load in loads) for i, k in zip(out, kept, strict=True)]
    report.add(list(dict.fromkeys(ids[out[np.array(differ, bool)]])), "of their loads differed, the largest is kept")
    elsewhere = [key[i] != key[k] for i, k in zip(out.tolist(), kept.tolist(), strict=True)]
    report.add(list(dict.fromkeys(ids[out[np.array(elsewhere, bool)]])), "of them have another footprint, too")
    return features.iloc[np.setdiff1d(np.arange(len(features)), out)]


def one_row_a_footprint(
    features: gpd.GeoDataFrame, values: Sequence[tuple[str, ...]] | None, report: Report
) -> gpd.GeoDataFrame:
    """Add up the loads of rows on one footprint; the first id of them stays.

    Parameters
    ----------
    features : GeoDataFrame
        Buildings, with ``building_id`` as index and column, each id once.
    values : sequence of tuple, optional
        What the file says in each row, where it gives no ids: then rows that say the same are repeats.
    report : Report
        Takes notes: what was added up, what was left out.
    """
    group = same_footprints(features.geometry.to_numpy())
    several = np.flatnonzero(np.bincount(group)[group] > 1)
    if not len(several):
        return features
    ids = features["building_id"].tolist()
    order = np.array(sorted(several.tolist(), key=lambda i: (group[i], _LATER.search(ids[i]) is not None, ids[i])))
    seen: set[tuple[int, tuple[str, ...]]] = set()
    again = np.zeros(len(features), bool)
    for i in order.tolist() if values is not None else []:
        said = (int(group[i]), values[i]) if values is not None else (0, ())
        again[i] = said in seen
        seen.add(said)
    _tell_repeats(features, np.flatnonzero(again), report)
    order = order[~again[order]]
    kept = order[np.unique(group[order], return_index=True)[1]]
    added = _added_up(features, order, group, kept)
    joined = kept[np.bincount(group[order], minlength=int(group.max()) + 1)[group[kept]] > 1]
    if len(joined):
        rows = int(np.isin(group[order], group[joined]).sum())
        what = f"{rows} rows share a footprint and were added up to {len(joined)} buildings{_holding(added, joined)}"
        report.note(f"{what} ({listed(features.index[joined])})")
    return added.iloc[np.setdiff1d(np.arange(len(features)), np.setdiff1d(several, kept))]


def same_footprints(shapes: npt.NDArray[np.object_]) -> Ints:
    """Number the footprints, equal ones alike: whatever the order of their corners, and up to `SAME_M`."""
    keys = shapely.to_wkb(shapely.normalize(shapes))
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    bounds = shapely.bounds(shapes[first])
    pairs = cKDTree(bounds).query_pairs(SAME_M, p=np.inf, output_type="ndarray")
    lines = shapely.boundary(shapes[first])
    near = shapely.hausdorff_distance(lines[pairs[:, 0]], lines[pairs[:, 1]]) <= SAME_M
    one, two = pairs[near].T
    links = coo_array((np.ones(len(one)), (one, two)), shape=(len(first), len(first)))
    return connected_components(links, directed=False)[1][inverse.ravel()].astype(np.int64)


def load_of(features: gpd.GeoDataFrame, name: str) -> npt.NDArray[np.float64]:
    """Give a load as numbers; not known where there is no such column."""
    return features[name].to_numpy(float) if name in features.columns else np.full(len(features), np.nan)


def holding(features: gpd.GeoDataFrame) -> str:
    """Say what buildings hold: ``with 12 households and 30 persons``; empty where nothing is known.

    Examples
    --------
    >>> holding(gpd.GeoDataFrame({"households": [10.0, 2.0], "persons": [30.0, None]}))
    ' with 12 households and 30 persons'
    """
    sums = {name: float(np.nansum(load_of(features, name))) for name in LOADS if name in features.columns}
    said = [f"{total:.12g} {name}" for name, total in sums.items() if total]
    return f" with {' and '.join(said)}" if said else ""


def _holding(features: gpd.GeoDataFrame, rows: Ints) -> str:
    return holding(features.iloc[rows])


def _tell_repeats(features: gpd.GeoDataFrame, rows: Ints, report: Report) -> None:
    report.add(list(features.index[rows]), f"duplicates left out{_holding(features, rows)}")


def _equal(one: float, other: float) -> bool:
    return bool(one == other or (np.isnan(one) and np.isnan(other)))


def _added_up(features: gpd.GeoDataFrame, rows: Ints, group: Ints, kept: Ints) -> gpd.GeoDataFrame:
    """Give the rows that are kept the loads of their groups; not known where no row knows."""
    columns = {}
    for name in LOADS:
        if name in features.columns:
            load = features[name].to_numpy(float).copy()
            known = rows[np.isfinite(load[rows])]
            size = int(group.max()) + 1
            total = np.bincount(group[known], load[known], size)
            load[kept] = np.where(np.bincount(group[known], minlength=size) > 0, total, np.nan)[group[kept]]
            columns[name] = load
    return features.assign(**columns)
