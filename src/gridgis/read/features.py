"""Read what a division is made from: areas, zones (polygons), buildings (polygons with loads), barriers (lines)."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.contract import GridError, listed, require_unique, text_column
from gridgis.read.borders import trimmed
from gridgis.read.kinds import (
    BARRIER_OF_KIND,
    NONE,
    STRENGTHS,
    TAGS,
    below_ground,
    column_of_kinds,
    strengths,
    tagged_kinds,
)
from gridgis.read.opening import OSM, Report, Source, open_features
from gridgis.read.polygons import polygons_in_metres
from gridgis.read.register import holding, one_row_a_footprint, one_row_an_id
from gridgis.read.tidying import (
    POLYGONS,
    clean_codes,
    clean_text,
    column,
    declared_crs,
    in_metres,
    numbers,
    present,
    require_types,
)

LINES = ("LineString", "MultiLineString", "LinearRing")
POINT_M = 1.0
"""Side of the square as which a building stands of which only a point is known."""


def read_areas(  # noqa: PLR0913 - what users ask for by name
    path: Source,
    *,
    code: str = "code",
    name: str | None = None,
    crs: object = None,
    layer: str | None = None,
    source_crs: object = None,
    encoding: str | None = None,
    header: int | None = None,
) -> gpd.GeoDataFrame:
    """Read the areas to be divided: communities, villages, streets, each with its code.

    Parameters
    ----------
    path : path, GeoDataFrame or DataFrame
        GeoPackage, Shapefile, GeoJSON (also a sequence), GeoParquet, FlatGeobuf, File Geodatabase, KML, GML, DXF,
        MapInfo (.tab, .mif) or OSM (.pbf, .osm), also in a .zip or .kmz; a CSV, XLSX or Parquet table with a column of
        WKT or WKB; or a table that is there already.
    code : str
        Column of the codes.
    name : str, optional
        Column of the names; without it ``name``, if there is one.
    crs : int, str or pyproj.CRS, optional
        The metre CRS wanted. Without it a projected metre CRS of the file is kept, anything else goes to
        `gridgis.crs.metre_crs` of the centre.
    layer : str, optional
        Layer of the file; needed where there are several.
    source_crs : int, str or pyproj.CRS, optional
        The CRS of the coordinates, where the file declares none; may carry your own parameters (``+towgs84``).
    encoding : str, optional
        Of the texts, such as ``"gbk"`` or ``"cp1252"``, where the format leaves it open (Shapefile, MapInfo, DXF, CSV)
        and what the file declares is wrong or missing.
    header : int, optional
        The row with the names of the columns, from 1, in a CSV or XLSX table. Without it the first row, or the first
        that holds the columns asked for.

    Returns
    -------
    GeoDataFrame
        ``code`` (str, unique), ``name`` (str, where there is one), ``geometry`` (Polygon or MultiPolygon, valid, 2-D,
        metres), in the order of the file. Rows without geometry are left out. Long edges in degrees get more corners,
        and overlaps narrower than 0.2 m go to the lower code.

    Raises
    ------
    GridError
        If the file cannot be read, has no such column, no rows, other than polygons, no CRS or one that its
        coordinates contradict; if a code is missing, stands twice or was a floating-point number.

    Warns
    -----
    GridWarning
        One sentence with all that was repaired or left out.

    Examples
    --------
    >>> import tempfile
    >>> block = gpd.GeoDataFrame({"code": ["010101"]}, geometry=[shapely.box(113.1, 36.1, 113.2, 36.2)], crs=4490)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     block.to_file(f"{folder}/areas.gpkg")
    ...     areas = read_areas(f"{folder}/areas.gpkg")
    >>> areas["code"].tolist(), areas.crs.to_epsg()
    (['010101'], 4547)
    """
    report = Report(path)
    text: dict[str, Any] = {"encoding": encoding, "header": header, "wanted": (code, name)}
    frame = polygon_parts(open_features(path, report, layer=layer, prefer=["multipolygons"], **text), report)
    columns = {"code": clean_codes(column(frame, code, report.name, "code="), report)}
    if name is not None or "name" in frame.columns:
        columns["name"] = clean_text(column(frame, name or "name", report.name, "name="))
    source = declared_crs(frame, report.path, source_crs)
    features = gpd.GeoDataFrame(columns, geometry=frame.geometry, crs=frame.crs).set_index("code", drop=False)
    features = _polygons(features, source, crs, report, corners=True)
    require_unique(features, "code", report.name)
    features = trimmed(features, report)
    report.tell()
    return features.reset_index(drop=True)


def read_zones(
    path: Source,
    *,
    crs: object = None,
    layer: str | None = None,
    source_crs: object = None,
    encoding: str | None = None,
    header: int | None = None,
) -> gpd.GeoDataFrame:
    """Read polygons that are to become cells as they are: a campus, a hospital, cells drawn by hand.

    Parameters
    ----------
    path : path
        As in `read_areas`; no column is needed.
    crs, layer, source_crs, encoding, header
        As in `read_areas`; give the CRS of the areas.

    Returns
    -------
    GeoDataFrame
        ``geometry`` (Polygon or MultiPolygon, valid, 2-D, metres), in the order of the file; the index is the row in
        it, from 0. Rows without geometry are left out. Long edges in degrees get more corners.

    Raises
    ------
    GridError
        If the file cannot be read, has no rows, other than polygons, no CRS or one that its coordinates contradict.

    Warns
    -----
    GridWarning
        One sentence with all that was repaired or left out.

    Examples
    --------
    >>> import tempfile
    >>> campus = gpd.GeoDataFrame(geometry=[shapely.box(5e5, 4e6, 5e5 + 300, 4e6 + 200)], crs=4547)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     campus.to_file(f"{folder}/campus.gpkg")
    ...     zones = read_zones(f"{folder}/campus.gpkg", crs=4547)
    >>> zones.area.tolist(), zones.columns.tolist()
    ([60000.0], ['geometry'])
    """
    report = Report(path)
    text: dict[str, Any] = {"encoding": encoding, "header": header}
    frame = polygon_parts(open_features(path, report, layer=layer, prefer=["multipolygons"], **text), report)
    source = declared_crs(frame, report.path, source_crs)
    shapes = gpd.GeoSeries(frame.geometry.to_numpy(), crs=frame.crs)
    features = _polygons(shapes.to_frame("geometry"), source, crs, report, corners=True)
    report.tell()
    return features


def polygon_parts(frame: gpd.GeoDataFrame, report: Report) -> gpd.GeoDataFrame:
    """Give of each collection its polygons; what else is in it is left out and told."""
    frame = _outlines_of_drawing(frame, report)
    shapes = frame.geometry.to_numpy()
    mixed = np.flatnonzero(shapely.get_type_id(shapes) == 7)
    if not len(mixed):
        return frame
    shapes, told = shapes.copy(), []
    for row in mixed.tolist():
        parts = _flat(shapes[row])
        polygons = [part for part in parts if part.geom_type == "Polygon"]
        if polygons:
            shapes[row] = polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
            told += [row] if len(polygons) < len(parts) else []
    report.add(told, "rows with collections, of which the polygons were taken and the rest left out")
    return frame.set_geometry(gpd.GeoSeries(shapes, frame.index, crs=frame.crs))


def _outlines_of_drawing(frame: gpd.GeoDataFrame, report: Report) -> gpd.GeoDataFrame:
    """Take the closed lines of a drawing for outlines, as drawings have no polygons."""
    shapes = frame.geometry.to_numpy()
    closed = (
        shapely.is_closed(shapes) & np.isin(shapely.get_type_id(shapes), (1, 2)) & (shapely.get_num_points(shapes) > 3)
    )
    if report.path.suffix.lower() != ".dxf" or not closed.any():
        return frame
    shapes = shapes.copy()
    shapes[closed] = [shapely.Polygon(line.coords) for line in shapes[closed]]
    report.note(f"{int(closed.sum()):,} closed lines of the drawing were taken for outlines")
    return frame.set_geometry(gpd.GeoSeries(shapes, frame.index, crs=frame.crs))


def _flat(shape: shapely.Geometry) -> list[shapely.Geometry]:
    """Give the single parts of a shape, also of collections within collections."""
    if not hasattr(shape, "geoms"):
        return [shape]
    return [part for inner in shape.geoms for part in _flat(inner)]


def _polygons(
    features: gpd.GeoDataFrame, source: Any, crs: object, report: Report, *, corners: bool = False
) -> gpd.GeoDataFrame:
    """Give valid polygons in metres; an error where none is left."""
    features = present(features, report)
    require_types(features, POLYGONS, report.name)
    features = polygons_in_metres(features, source, crs, report, corners=corners)
    if features.empty:
        why = f" ({'; '.join(report.notes)})" if report.notes else ""
        raise GridError(f"{report.name}: expected polygons, got no rows{why}.")
    return features


def read_buildings(  # noqa: PLR0913 - what users ask for by name
    path: Source,
    *,
    building_id: str | None = None,
    households: str | None = "households",
    persons: str | None = "persons",
    crs: object = None,
    layer: str | None = None,
    source_crs: object = None,
    encoding: str | None = None,
    header: int | None = None,
) -> gpd.GeoDataFrame:
    """Read building footprints with their households.

    Parameters
    ----------
    path : path
        As in `read_areas`. Of an OSM file the multipolygons with a ``building`` tag are taken. A register with points
        instead of footprints will do: each point stands as a square of one metre. A table with columns of coordinates
        is read with `read_points` first, and what that gives is read here.
    building_id : str, optional
        Column of the ids. Without it ``building_id``, if there is one; else the ids of an OSM file (``w`` way, ``r``
        relation), else ``b000001``, ``b000002``, ... by the rows of the file.
    households : str or None
        Column of the households (counts); None where there are none.
    persons : str or None
        Column of the persons (counts); ``persons`` is taken only where it is there.
    crs, layer, source_crs, encoding, header
        As in `read_areas`.

    Returns
    -------
    GeoDataFrame
        ``building_id`` (str, unique), ``households`` (float64, NaN where not known), ``persons`` (the same),
        ``geometry`` (Polygon, valid, 2-D, metres). A footprint in several parts becomes a row for each, ``#1`` the
        largest, which keeps the loads; the others have 0. Rows on one footprint (entrances, units) become one, with
        the lowest of their ids and all their loads. Repeats are left out, and what they hold is told: rows with an id
        that was there before, or where the file has no ids, rows on one footprint that say the same.

    Raises
    ------
    GridError
        As in `read_areas`, and if a load is negative, infinite or no number.

    Warns
    -----
    GridWarning
        One sentence with all that was repaired or left out.

    Examples
    --------
    >>> import tempfile
    >>> house = gpd.GeoDataFrame({"households": [12]}, geometry=[shapely.box(5e5, 4e6, 5e5 + 9, 4e6 + 9)], crs=4547)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     house.to_file(f"{folder}/buildings.gpkg")
    ...     buildings = read_buildings(f"{folder}/buildings.gpkg")
    >>> buildings[["building_id", "households"]].values.tolist()
    [['b000001', 12.0]]
    """
    report = Report(path)
    of_osm = report.path.suffix.lower() in OSM
    options: dict[str, Any] = {"where": "building IS NOT NULL"} if of_osm and layer in (None, "multipolygons") else {}
    options |= {"encoding": encoding, "header": header, "wanted": (building_id, households)}
    frame = polygon_parts(open_features(path, report, layer=layer, prefer=["multipolygons"], **options), report)
    has_ids = building_id is not None or "building_id" in frame.columns or of_osm
    columns = {"building_id": _building_ids(frame, building_id, report, of_osm=of_osm)}
    names = columns["building_id"].to_numpy()
    for wanted, kind in ((households, "households"), (persons, "persons")):
        if wanted is None or (kind == wanted == "persons" and "persons" not in frame.columns):
            continue
        hint = f"{kind}=; {kind}=None where there are none"
        columns[kind] = pd.Series(numbers(column(frame, wanted, report.name, hint).set_axis(names), report.name))
    source = declared_crs(frame, report.path, source_crs)
    rows = gpd.GeoDataFrame(columns, geometry=frame.geometry, crs=frame.crs).set_index("building_id", drop=False)
    rows["row"] = np.arange(len(rows))
    features, source = _footprints_of_points(rows, source, crs, report)
    features = _polygons(features, source, crs, report)
    _tell_lost(rows, features, report)
    features = one_row_an_id(features, report)
    values = None if has_ids else _values(frame, features["row"].to_numpy())
    features = one_row_a_footprint(features, values, report).drop(columns="row")
    features = one_row_a_footprint(_single_parts(features, report), None, report)
    require_unique(features, "building_id", report.name)
    report.tell()
    return features.reset_index(drop=True)


def _tell_lost(rows: gpd.GeoDataFrame, features: gpd.GeoDataFrame, report: Report) -> None:
    """Say what the rows hold that were left out for want of a footprint."""
    held = holding(rows[~rows["row"].isin(features["row"])])
    if held:
        report.note(f"the rows left out so far came{held}")


def _values(frame: pd.DataFrame, rows: np.ndarray) -> list[tuple[str, ...]]:
    """Give what the file says in some rows, but their geometry."""
    table = frame.drop(columns="geometry").iloc[rows]
    columns = [["" if pd.isna(value) else str(value) for value in table[name].tolist()] for name in table.columns]
    return list(zip(*columns, strict=True)) if columns else [()] * len(rows)


def _footprints_of_points(
    features: gpd.GeoDataFrame, source: Any, crs: object, report: Report
) -> tuple[gpd.GeoDataFrame, Any]:
    """Let points stand as small squares, in metres; give the CRS in which the features are then."""
    kinds = shapely.get_type_id(features.geometry.to_numpy())
    if not np.isin(kinds, (0, 4)).any():
        return features, source
    features = in_metres(present(features, report), source, crs, report.name)
    shapes = features.geometry.to_numpy().copy()
    points = np.isin(shapely.get_type_id(shapes), (0, 4))
    shapes[points] = shapely.buffer(shapely.centroid(shapes[points]), POINT_M / 2, cap_style="square")
    report.note(f"{int(points.sum()):,} points stand as footprints of {POINT_M:g} m by {POINT_M:g} m")
    return features.set_geometry(gpd.GeoSeries(shapes, features.index, crs=features.crs)), features.crs


def _building_ids(frame: gpd.GeoDataFrame, wanted: str | None, report: Report, *, of_osm: bool) -> pd.Series:
    if wanted is None and "building_id" in frame.columns:
        wanted = "building_id"
    if wanted is not None:
        return clean_codes(column(frame, wanted, report.name, "building_id="), report).rename("building_id")
    if of_osm and {"osm_id", "osm_way_id"} <= set(frame.columns):
        ways, relations = frame["osm_way_id"].tolist(), frame["osm_id"].tolist()
        pairs = zip(ways, relations, strict=True)
        return text_column([f"r{relation}" if pd.isna(way) else f"w{way}" for way, relation in pairs])
    return text_column([f"b{row:06d}" for row in range(1, len(frame) + 1)])


def _single_parts(features: gpd.GeoDataFrame, report: Report) -> gpd.GeoDataFrame:
    """One row a part, the largest first; it keeps the loads."""
    parts, owner = shapely.get_parts(features.geometry.to_numpy(), return_index=True)
    west, south, _, _ = shapely.bounds(parts).T
    order = np.lexsort((south, west, -shapely.area(parts), owner))
    parts, owner = parts[order], owner[order]
    count = np.bincount(owner, minlength=len(features))
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner)
    report.add(list(features.index[count > 1]), "buildings in several parts split, the loads with the largest part")
    split = features.iloc[owner].set_geometry(gpd.GeoSeries(parts, features.index[owner], crs=features.crs))
    for load in ("households", "persons"):
        if load in split.columns:
            split[load] = np.where(rank == 0, split[load].to_numpy(float), 0.0)
    several = count[owner] > 1
    ids = split["building_id"].tolist()
    named = [f"{name}#{place + 1}" if multi else name for name, place, multi in zip(ids, rank, several, strict=True)]
    split["building_id"] = text_column(named).to_numpy()
    return split.set_index("building_id", drop=False)


def read_barriers(
    path: Source,
    *,
    kind: str | None = None,
    crs: object = None,
    layer: str | None = None,
    source_crs: object = None,
    encoding: str | None = None,
    header: int | None = None,
) -> gpd.GeoDataFrame:
    """Read the lines that cells should follow: streets, railways, rivers, walls.

    Parameters
    ----------
    path : path
        As in `read_areas`. Of an OSM file the layer ``lines`` is taken.
    kind : str, optional
        Column of the class. Without it ``kind``; else the tags of OpenStreetMap, in this order the first that has a
        value: ``highway``, ``railway``, ``waterway``, ``barrier``, and of ``man_made``, ``natural``, ``landuse``,
        ``water`` the values that are barriers; else ``class``, ``fclass`` (Geofabrik), 类型, 类别, 种类 or ``type``.
    crs, layer, source_crs, encoding, header
        As in `read_areas`.

    Returns
    -------
    GeoDataFrame
        ``kind`` (str, as in the file), ``barrier`` (str: hard, major, middle or minor, by `BARRIER_OF_KIND`),
        ``geometry`` (LineString, 2-D, metres). The border of a polygon (a river as an area) and each part of a multi
        line is a row. In an OSM file, and where two or more of the OSM columns are there, lines without any value
        (power lines) are left out; so are tunnels (kind ``subway`` and the like, or a column ``tunnel``). A line of a
        kind that is not known is ``middle``. May have no rows.

    Raises
    ------
    GridError
        If the file cannot be read, has no such column, points, no CRS or one that its coordinates contradict; if a
        polygon is of a kind that is not known.

    Warns
    -----
    GridWarning
        One sentence with all that was left out, and the kinds that are not known.

    Examples
    --------
    >>> import tempfile
    >>> line = shapely.LineString([(500000, 4000000), (500100, 4000000)])
    >>> street = gpd.GeoDataFrame({"highway": ["primary"]}, geometry=[line], crs=4547)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     street.to_file(f"{folder}/streets.gpkg")
    ...     barriers = read_barriers(f"{folder}/streets.gpkg")
    >>> barriers[["kind", "barrier"]].values.tolist()
    [['primary', 'major']]
    """
    report = Report(path)
    text: dict[str, Any] = {"encoding": encoding, "header": header, "wanted": (kind,)}
    frame = open_features(path, report, layer=layer, prefer=["lines"], **text)
    kinds, of_osm = _kinds(frame, kind, report.name)
    of_osm = of_osm or (kind is None and report.path.suffix.lower() in OSM)
    source = declared_crs(frame, report.path, source_crs)
    features = gpd.GeoDataFrame({"kind": kinds}, geometry=frame.geometry, crs=frame.crs)
    features["below"] = below_ground(frame)
    features = present(features, report)
    if of_osm:
        other = features["kind"].isna()
        report.add(list(features.index[other]), f"lines without {', '.join(TAGS)} left out")
        features = features[~other]
    require_types(features, (*LINES, *POLYGONS), report.name)
    features = _barriers(features, report)
    lines = _lines(features, source, crs, report)
    report.tell()
    return lines


def _kinds(frame: gpd.GeoDataFrame, kind: str | None, what: str) -> tuple[pd.Series, bool]:
    """Give the class of each row, and whether rows without one are no barriers at all (OSM)."""
    if kind is None:
        tags = [clean_text(tag) for tag in tagged_kinds(frame)]
        found = column_of_kinds(frame)
        if tags and (found or "class").lower() != "kind":
            kinds = tags[0]
            for more in tags[1:]:
                kinds = kinds.where(kinds.notna(), more)
            return kinds, len(tags) > 1
        kind = found or "kind"
    hint = f"kind=; or one of {', '.join(TAGS)}, class, fclass, natural"
    return clean_text(column(frame, kind, what, hint)), False


def _barriers(features: gpd.GeoDataFrame, report: Report) -> gpd.GeoDataFrame:
    """Say how strong each barrier is; leave out what is none.

    Raises
    ------
    GridError
        If a polygon is of no known kind: it may be a river, or a park.
    """
    found = np.array([strength or "" for strength in strengths(features["kind"])], object)
    absent = features["kind"].isna().to_numpy()
    below = features["below"].to_numpy(bool) | (found == NONE)
    report.add(list(features.index[below]), "tunnels and the like left out, which are no barrier")
    unknown = (found == "") & ~below
    areal = np.isin(shapely.get_type_id(features.geometry.to_numpy()), (3, 6)) & unknown
    if areal.any():
        words = sorted({"none" if pd.isna(kind) else repr(str(kind)) for kind in features["kind"][areal]})
        known = [word for word in ("water", "river", "lake", "reservoir", "wall") if word in BARRIER_OF_KIND]
        raise GridError(
            f"{report.name}: {int(areal.sum())} polygons are of a kind that is not known: {listed(words, 12)} (rows "
            f"{listed(features.index[areal])}); a polygon may be a river or a park, so write {', '.join(STRENGTHS)} or "
            f"a known kind such as {', '.join(known)} for it, name the column with kind=, or leave these rows out."
        )
    words = sorted({str(kind).lower() for kind in features["kind"][unknown & ~absent]})
    if words:
        report.note(f"kinds not known and taken as middle: {listed(words, 12)}")
    report.add(list(features.index[unknown & absent]), "rows without a kind, taken as middle")
    features = features.assign(barrier=text_column(np.where(unknown, "middle", found)).to_numpy())
    return features[~below]


def _lines(features: gpd.GeoDataFrame, source: Any, crs: object, report: Report) -> gpd.GeoDataFrame:
    """One row a line in metres, polygons by their border; lines without length are left out."""
    areal = np.isin(shapely.get_type_id(features.geometry.to_numpy()), (3, 6))
    if areal.any():
        known = in_metres(features, source, crs, report.name).crs
        banks = polygons_in_metres(features[areal], source, known, report)
        lines = in_metres(features[~areal], source, known, report.name)
        features = pd.concat([lines, banks]).sort_index(kind="stable")
    else:
        features = in_metres(features, source, crs, report.name)
    shapes = features.geometry.to_numpy().copy()
    areal = np.isin(shapely.get_type_id(shapes), (3, 6))
    shapes[areal] = shapely.boundary(shapes[areal])
    parts, owner = shapely.get_parts(shapes, return_index=True)
    short = shapely.length(parts) == 0
    report.add(list(features.index[np.unique(owner[short])]), "rows with lines without length, left out")
    parts, owner = parts[~short], owner[~short]
    rings = shapely.get_type_id(parts) == 2
    parts[rings] = shapely.linestrings([part.coords for part in parts[rings]]) if rings.any() else parts[rings]
    columns = {name: text_column(features[name].iloc[owner].tolist()) for name in ("kind", "barrier")}
    return gpd.GeoDataFrame(columns, geometry=list(parts), crs=features.crs)
