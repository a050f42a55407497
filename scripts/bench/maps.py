"""Maps of many cells, beside folium: python scripts/bench/maps.py [--cells 236 2532] [--folium] [--runs 3].

One gap-free cover of irregular cells (about 20 corners each) with seven measures is written as a page and opened in
Chromium, which reaches no host. Reported are the size of the page, the seconds of writing it (spec, packing, page, and
reading it as an attacker would, which is also shown without), and of the first picture: from opening the file until all
tiles, or all paths, stand on a screenshot, on this machine and on one that Chromium makes some times slower; medians of
the runs. With ``--folium`` the same table is also written by folium (GeoJson with a tooltip, on canvas), both in turn;
what folium fetches lies in a folder beside, which is filled from its addresses once, so that no network is waited for.
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

import folium
import geopandas as gpd
import numpy as np
import shapely
from playwright.sync_api import sync_playwright

from gridgis.pages import coverage_map
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


def ours(shown: Published, path: Path, *, scan: bool = True) -> None:
    """Write the page of this package, read as an attacker would before, or not."""
    coverage_map(shown).save(path, scan=scan)


def theirs(shown: Published, path: Path) -> None:
    """Write the page of folium, on canvas."""
    frame = shown.table[["grid_code", "parent_code", *MEASURES, "geometry"]].to_crs(4326)
    west, south, east, north = frame.total_bounds
    made = folium.Map([(south + north) / 2, (west + east) / 2], tiles=None, prefer_canvas=True, zoom_start=13)
    fields = ["grid_code", "parent_code", *MEASURES]
    folium.GeoJson(frame, tooltip=folium.GeoJsonTooltip(fields), style_function=lambda _: {"weight": 1}).add_to(made)
    made.fit_bounds([[south, west], [north, east]])
    made.save(path)


def brought_near(path: Path, folder: Path) -> None:
    """Let a page of folium find what it fetches in a folder, where missing files are fetched to once."""
    page = path.read_text(encoding="utf-8")
    for address in sorted(set(re.findall(r'(?:src|href)="(https://[^"]+)"', page))):
        file = folder / address.rsplit("/", 1)[-1]
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            with urlopen(address, timeout=30) as answer:
                file.write_bytes(answer.read())
        page = page.replace(f'"{address}"', f'"{file.absolute().as_uri()}"')
    path.write_text(page, encoding="utf-8")


def first_picture(browser: Any, path: Path, drawn: str, slow: float) -> float:
    """Open a page, and say after how many seconds its picture stands."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    if slow > 1:
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slow})
    start = time.perf_counter()
    page.goto(path.as_uri(), timeout=580_000, wait_until="load")
    while not page.evaluate(drawn):
        time.sleep(0.01)
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.screenshot(timeout=580_000)  # the picture is on the screen
    taken = time.perf_counter() - start
    page.close()
    return taken


def empty_page(browser: Any, given: argparse.Namespace) -> str:
    """The line of a page with one word: what opening and showing anything takes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.html"
        path.write_text("<!doctype html><title>empty</title><p>empty", encoding="utf-8")
        first, slow = (
            median(first_picture(browser, path, "true", rate) for _ in range(given.runs)) for rate in (1, given.slow)
        )
    return f"| 0 | an empty page | 0.00 | | {first:.2f} | {slow:.2f} |"


def measured(browser: Any, shown: Published, given: argparse.Namespace) -> list[str]:
    """Lines of the report for one table, the contenders in turn."""
    who = [("gridgis", ours, TILES), ("gridgis, not scanned", partial(ours, scan=False), TILES)]
    who += [("folium", theirs, FOLIUM)] if given.folium else []
    seconds: dict[str, list[list[float]]] = {name: [[], [], []] for name, _, _ in who}
    size: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(given.runs):
            for name, writer, drawn in who:
                path, kept = Path(folder) / f"{name}.html", seconds[name]
                time.sleep(0.5)  # the browser puts the page before away
                start = time.perf_counter()
                writer(shown, path)
                kept[0].append(time.perf_counter() - start)
                size[name] = path.stat().st_size / 1e6
                if writer is theirs:
                    brought_near(path, given.served)
                if name in ("gridgis", "folium") and len(shown.table) <= given.open_up_to:
                    kept[1].append(first_picture(browser, path, drawn, 1))
                    kept[2].append(first_picture(browser, path, drawn, given.slow))
    return [
        f"| {len(shown.table):,} | {name} | {size[name]:.2f} | "
        + " | ".join(f"{median(each):.2f}" if each else "" for each in seconds[name])
        + " |"
        for name, _, _ in who
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, nargs="+", default=[236, 2532])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folium", action="store_true")
    parser.add_argument("--served", type=Path, default=Path("bench-served"), help="folder of what folium fetches")
    parser.add_argument("--slow", type=float, default=6, help="the second figure: a machine so many times slower")
    parser.add_argument("--open-up-to", type=int, default=10**9, metavar="CELLS", help="larger pages are only written")
    given = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("google-chrome")
    print(
        f"| cells | page of | MB | seconds to write | to the first picture | on a machine {given.slow:g} times slower |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=FLAGS)
        print(empty_page(browser, given))
        for cells in given.cells:
            shown = publish(table(cells), measures=MEASURES, notes=["Households are modelled."])
            print("\n".join(measured(browser, shown, given)), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
