"""Maps of many cells, beside folium: python scripts/bench/maps.py [--cells 236 2532] [--folium] [--runs 3].

One gap-free cover of irregular cells (about 20 corners each) with seven measures is written as a page and opened in
Chromium, which reaches no host. Reported are the size of the page, the seconds of writing it (spec, packing, page), and
of the first picture: from opening the file to the first moment when all tiles, or all paths, stand; medians of the
runs. With ``--folium`` the same table is also written by folium (GeoJson with a tooltip, on canvas), both in turn; what
folium fetches is served from the package, or empty where nothing is drawn with it, so that folium can run at all.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import shapely
from playwright.sync_api import Page, sync_playwright

from gridgis.pages import coverage_map
from gridgis.pages.vendored import asset
from gridgis.privacy import Published, publish

MEASURES = ["households", "persons", "buildings", "count_noise", "count_waste", "count", "count_per_100_households"]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND"]
TILES = (
    "(tiles => tiles.length > 0 && tiles.every(tile => tile.classList.contains('leaflet-tile-loaded')))"
    "([...document.querySelectorAll('canvas.leaflet-tile')])"
)
FOLIUM = "document.querySelectorAll('canvas.leaflet-zoom-animated').length > 0"


def cover(cells: int, size_m: float = 60.0) -> tuple[np.ndarray, np.ndarray]:
    """Bricks with crooked sides: polygons, and the block of twelve by twelve in which each lies."""
    chance = np.random.default_rng(5)
    side = round(cells**0.5)
    rows = max(round(cells / side), 1)
    nodes = np.stack(np.meshgrid(np.arange(rows + 1), np.arange(2 * side + 2) / 2, indexing="ij")[::-1], axis=-1)
    nodes = (nodes + chance.uniform(-0.12, 0.12, nodes.shape)) * size_m + [420_000, 4_007_000]
    level = crooked(nodes[:, :-1], nodes[:, 1:], 2, chance, size_m)
    j, i = np.divmod(np.arange(rows * side), side)
    left = 2 * i + j % 2
    upright = crooked(nodes[:-1], nodes[1:], 3, chance, size_m)
    down = [nodes[j + 1, left + 2][:, None], level[j + 1, left + 1][:, ::-1], nodes[j + 1, left + 1][:, None]]
    down += [level[j + 1, left][:, ::-1], nodes[j + 1, left][:, None], upright[j, left][:, ::-1]]
    up = [nodes[j, left][:, None], level[j, left], nodes[j, left + 1][:, None], level[j, left + 1]]
    up += [nodes[j, left + 2][:, None], upright[j, left + 2]]
    return shapely.polygons(np.concatenate(up + down, axis=1)), j // 12 * (side // 12 + 1) + i // 12


def crooked(one: np.ndarray, two: np.ndarray, corners: int, chance: np.random.Generator, size_m: float) -> np.ndarray:
    """Corners between two nodes, a little off the straight line."""
    share = (np.arange(corners) + 1)[:, None] / (corners + 1)
    line = one[..., None, :] + (two - one)[..., None, :] * share
    return line + chance.uniform(-0.02, 0.02, line.shape) * size_m


def table(cells: int) -> gpd.GeoDataFrame:
    """The cover with codes and seven measures, none of them small enough to be hidden."""
    shapes, block = cover(cells)
    chance = np.random.default_rng(7)
    order = np.argsort(block, kind="stable")
    shapes, block = shapes[order], block[order]
    number = np.arange(len(block)) - np.searchsorted(block, block) + 1
    frame = gpd.GeoDataFrame(geometry=shapes, crs=4547)
    frame["parent_code"] = [f"140424{one:06d}" for one in block]
    frame["grid_code"] = frame["parent_code"] + [f"{one:04d}" for one in number]
    frame["households"] = chance.integers(100, 151, len(frame))
    frame["persons"] = (frame["households"] * chance.normal(2.6, 0.15, len(frame))).round()
    frame["buildings"] = chance.integers(10, 45, len(frame))
    for name, mean in (("count_noise", 14), ("count_waste", 9)):
        frame[name] = chance.poisson(mean, len(frame)) + 10
    frame["count"] = frame["count_noise"] + frame["count_waste"]
    frame["count_per_100_households"] = frame["count"] / frame["households"] * 100
    return frame


def ours(shown: Published, path: Path) -> None:
    """Write the page of this package."""
    coverage_map(shown).save(path)


def theirs(shown: Published, path: Path) -> None:
    """Write the page of folium, on canvas."""
    frame = shown.table[["grid_code", "parent_code", *MEASURES, "geometry"]].to_crs(4326)
    west, south, east, north = frame.total_bounds
    made = folium.Map([(south + north) / 2, (west + east) / 2], tiles=None, prefer_canvas=True, zoom_start=13)
    fields = ["grid_code", "parent_code", *MEASURES]
    folium.GeoJson(frame, tooltip=folium.GeoJsonTooltip(fields), style_function=lambda _: {"weight": 1}).add_to(made)
    made.fit_bounds([[south, west], [north, east]])
    made.save(path)


def serve(page: Page) -> None:
    """Give folium its Leaflet; nothing else of what it fetches is drawn with."""

    def answer(route: Any) -> None:
        name = route.request.url.rsplit("/", 1)[-1]
        found = name if name in ("leaflet.js", "leaflet.css") else None
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        jquery = "window.$ = window.jQuery = function () { return { ready: function (f) { f(); } }; };"
        route.fulfill(body=asset(found) if found else jquery if "jquery" in name else "", content_type=kind)

    page.route("https://**/*", answer)


def first_picture(browser: Any, path: Path, drawn: str) -> float:
    """Open a page, and say after how many seconds its picture stands."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    serve(page)
    start = time.perf_counter()
    page.goto(path.as_uri(), timeout=280_000, wait_until="load")
    while not page.evaluate(drawn):
        time.sleep(0.02)
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    taken = time.perf_counter() - start
    page.close()
    return taken


def measured(browser: Any, shown: Published, runs: int, also_folium: bool) -> list[str]:
    """Lines of the report for one table, the contenders in turn."""
    who: list[tuple[str, Callable[[Published, Path], None], str]] = [("gridgis", ours, TILES)]
    who += [("folium", theirs, FOLIUM)] if also_folium else []
    write: dict[str, list[float]] = {name: [] for name, _, _ in who}
    first: dict[str, list[float]] = {name: [] for name, _, _ in who}
    size: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            for name, writer, drawn in who:
                path = Path(folder) / f"{name}.html"
                start = time.perf_counter()
                writer(shown, path)
                write[name].append(time.perf_counter() - start)
                size[name] = path.stat().st_size / 1e6
                first[name].append(first_picture(browser, path, drawn))
    return [
        f"| {len(shown.table):,} | {name} | {size[name]:.2f} | {median(write[name]):.2f} | {median(first[name]):.2f} |"
        for name, _, _ in who
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, nargs="+", default=[236, 2532])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folium", action="store_true")
    given = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("google-chrome")
    print("| cells | page of | MB | seconds to write | seconds to the first picture |\n| --- | --- | --- | --- | --- |")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=FLAGS)
        for cells in given.cells:
            shown = publish(table(cells), measures=MEASURES, notes=["Households are modelled."])
            print("\n".join(measured(browser, shown, given.runs, given.folium)), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
