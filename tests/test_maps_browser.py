"""Maps in a real browser without a network: drawn, quiet, harmless, usable by keyboard and on small screens."""

import contextlib
import io

import folium
import geopandas as gpd
import numpy as np
import pytest
import shapely
from test_maps import PAYLOADS, published, table

from gridgis.maps import coverage_map, hotspot_map
from gridgis.privacy import publish

pytestmark = pytest.mark.browser

CELLS = ".leaflet-interactive"
WATCH = (
    "window.violations = []; document.addEventListener('securitypolicyviolation', e => violations.push(e.blockedURI))"
)


@contextlib.contextmanager
def opened(browser, path, size=(1200, 800), expect_quiet=True, **options):
    """Open a file; at the end nothing else was asked for, nothing complained, no payload ran."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    page = context.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.add_init_script(WATCH)
    try:
        page.goto(path.as_uri())
        page.wait_for_selector(".folium-map, iframe")
        yield page
        assert [url for url in asked if not url.startswith(("data:", "about:"))] == [path.as_uri()]
        if expect_quiet:
            assert said == []
            assert page.evaluate("violations") == []
        assert page.evaluate("window.pwned === undefined")
    finally:
        context.close()


def saved(made, folder, name="map.html"):
    made.save(folder / name)
    return folder / name


def box(page, selector):
    return page.locator(selector).first.bounding_box()


@pytest.mark.parametrize("draw", [coverage_map, hotspot_map])
def test_page_opens_from_a_file_and_draws_every_cell(browser, tmp_path, draw):
    with opened(browser, saved(draw(published()), tmp_path)) as page:
        assert page.locator(CELLS).count() == 12
        whole, first = box(page, ".folium-map"), box(page, CELLS)
        assert first["width"] > 50 and first["height"] > 50
        assert whole["width"] > 800
        assert page.title() == page.inner_text("h1")
        assert page.locator(".gridgis-legend tbody tr").count() >= 3
        assert page.locator(".leaflet-control-scale-line").inner_text().endswith("m")
        assert page.locator(".leaflet-control-attribution").count() == 0


def hostile():
    names = [f"{PAYLOADS[i % len(PAYLOADS)]}{i:02d}" for i in range(12)]
    source = table(names=names, parents=PAYLOADS[:3])
    for payload in PAYLOADS:
        source[f"count_{payload}"] = source["count"] + 30
    measures = ["count", *(f"count_{payload}" for payload in PAYLOADS)]
    return publish(source, measures=measures, notes=PAYLOADS)


def test_payloads_are_shown_as_text_and_do_not_run(browser, tmp_path):
    made = coverage_map(hostile(), title=PAYLOADS[1])
    with opened(browser, saved(made, tmp_path)) as page:
        assert page.inner_text("h1") == PAYLOADS[1]
        for i in range(12):
            page.locator(CELLS).nth(i).hover()
            assert PAYLOADS[0] in page.inner_text(".gridgis-tip")
            page.locator(CELLS).nth(i).click()
        page.fill("input[type=search]", "<")
        page.keyboard.press("Enter")
        assert page.locator(".gridgis-list tbody tr").count() > 0
        page.locator(".gridgis-list tbody button").first.click()
        assert PAYLOADS[0] in page.inner_text(".gridgis-chosen")
        assert PAYLOADS[0] in page.inner_text(".gridgis-legend")
        assert PAYLOADS[1] in page.inner_text(".gridgis-notes")
        assert page.locator(".gridgis-page img").count() == 0


def test_payloads_in_folium_children_do_not_run(browser, tmp_path):
    text = PAYLOADS[0] + PAYLOADS[1] + PAYLOADS[2] + PAYLOADS[3]
    made = coverage_map(published())
    middle = made.location
    group = folium.FeatureGroup(name=text).add_to(made)
    folium.CircleMarker(middle, radius=30, fill=True, tooltip=text, popup=text).add_to(group)
    shape = {"type": "Polygon", "coordinates": [[[113.11, 36.2], [113.12, 36.2], [113.12, 36.21], [113.11, 36.2]]]}
    feature = {"type": "Feature", "properties": {"kind": text}, "geometry": shape}
    folium.GeoJson(
        {"type": "FeatureCollection", "features": [feature]},
        tooltip=folium.GeoJsonTooltip(["kind"], aliases=[text]),
        style_function=lambda feature: {"className": "kinds"},
    ).add_to(made)
    folium.Marker(middle).add_to(made)
    folium.LayerControl(collapsed=False).add_to(made)
    with opened(browser, saved(made, tmp_path)) as page:
        page.evaluate(f"{made_name(page)}.setView([36.2, 113.11], 13)")
        page.locator("path.kinds").dispatch_event("mouseover")
        assert page.locator(".foliumtooltip td").inner_text() == text
        round_mark = page.locator("path[d*='a30,30']")
        round_mark.dispatch_event("mouseover")
        round_mark.dispatch_event("click")
        page.wait_for_selector(".leaflet-popup")
        assert page.locator(".leaflet-popup-content").inner_text().strip() == text
        assert text in page.inner_text(".leaflet-control-layers")
        assert page.locator(".leaflet-marker-icon").evaluate("image => image.naturalWidth") == 25
        assert page.locator("img[src='x']").count() == 0


def made_name(page):
    """The name of the map in the script of the page."""
    return page.locator(".folium-map").get_attribute("id")


def test_a_sandboxed_frame_works(browser, tmp_path):
    host = tmp_path / "host.html"
    host.write_text(f"<!DOCTYPE html><title>host</title>{hotspot_map(published())._repr_html_()}", encoding="utf-8")
    with opened(browser, host) as page:
        frame = page.frame_locator("iframe")
        frame.locator(CELLS).first.wait_for()
        assert frame.locator(CELLS).count() == 12
        frame.locator(CELLS).nth(3).click()
        assert "P1-04" in frame.locator(".gridgis-chosen").inner_text()


def test_cells_are_reached_by_keyboard(browser, tmp_path):
    with opened(browser, saved(hotspot_map(published()), tmp_path)) as page:
        before = box(page, CELLS)["width"]
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.type") == "search":
                break
        page.keyboard.type("p2-03")
        assert page.inner_text("[role=status]") == "1 of 12 cells"
        page.keyboard.press("Enter")
        assert "P2-03" in page.inner_text(".gridgis-chosen")
        assert page.inner_text("[role=status]").startswith("P2-03, P2, Households 126")
        assert box(page, CELLS)["width"] > 1.1 * before
        page.fill("input[type=search]", "nowhere")
        assert page.inner_text("[role=status]") == "No cell found"
        page.fill("input[type=search]", "")
        page.locator(".gridgis-list tbody button").nth(11).focus()
        page.keyboard.press("Enter")
        assert "P3-04" in page.inner_text(".gridgis-chosen")
        page.locator(".gridgis-whole").click()
        assert abs(box(page, CELLS)["width"] - before) < 2


def test_a_small_frame_is_all_map(browser, tmp_path):
    with opened(browser, saved(hotspot_map(published(internal=True)), tmp_path), (300, 150)) as page:
        whole = box(page, ".folium-map")
        assert (whole["width"], whole["height"]) == (300, 150)
        assert box(page, CELLS)["width"] > 15
        assert page.locator(".gridgis-internal").is_visible()
        assert not page.locator(".gridgis-panel").is_visible()
        page.click(".gridgis-toggle")
        assert page.locator(".gridgis-legend").is_visible()
        page.keyboard.press("Escape")
        assert not page.locator(".gridgis-panel").is_visible()


def test_a_tap_on_a_phone_shows_the_cell(browser, tmp_path):
    path = saved(hotspot_map(published(), lang="zh"), tmp_path)
    with opened(browser, path, (390, 844), has_touch=True, is_mobile=True) as page:
        assert box(page, ".folium-map")["height"] > 350
        assert box(page, ".gridgis-legend")["y"] < 844
        place = box(page, CELLS)
        page.touchscreen.tap(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
        page.wait_for_selector(".gridgis-tip")
        assert "户数" in page.inner_text(".gridgis-tip")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_paper_has_map_legend_and_notes_only(browser, tmp_path):
    with opened(browser, saved(hotspot_map(published()), tmp_path)) as page:
        page.emulate_media(media="print")
        page.wait_for_selector(".gridgis-print")
        assert box(page, ".folium-map")["width"] == 680
        assert page.locator(".gridgis-legend").is_visible()
        assert page.locator(".gridgis-notes").is_visible()
        for gone in (".gridgis-search", ".gridgis-list", ".leaflet-control-zoom", ".gridgis-whole"):
            assert not page.locator(gone).is_visible()
        cells = [page.locator(CELLS).nth(i).bounding_box() for i in range(12)]
        assert max(cell["x"] + cell["width"] for cell in cells) <= 680
        page.emulate_media(media="screen")
        page.wait_for_selector(".gridgis-page:not(.gridgis-print)")


def test_a_cover_without_gaps_is_drawn_without_gaps(browser, tmp_path):
    from PIL import Image

    chance = np.random.default_rng(5)
    area = shapely.box(420000, 4007000, 421500, 4008500)
    seeds = shapely.MultiPoint(chance.uniform(area.bounds[:2], area.bounds[2:], (150, 2)))
    cells = shapely.intersection(shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=area)), area)
    names = [f"{i:03d}" for i in range(len(cells))]
    grid = gpd.GeoDataFrame({"grid_code": names, "parent_code": "P", "count": 50}, geometry=cells, crs=4547)
    with opened(browser, saved(coverage_map(publish(grid, measures=["count"])), tmp_path)) as page:
        page.evaluate(
            "document.querySelectorAll('path').forEach(p => { p.setAttribute('stroke', 'none');"
            " p.setAttribute('shape-rendering', 'crispEdges');"
            " p.setAttribute('fill', p.classList.contains('leaflet-interactive') ? '#000' : 'none'); })"
        )
        place = page.locator("path[stroke=none]:not(.leaflet-interactive)").first.bounding_box()
        clip = {"x": place["x"] + 30, "y": place["y"] + 30}
        clip |= {"width": place["width"] - 60, "height": place["height"] - 60}
        shot = np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("L"))
        assert shot.size > 100_000
        assert int((shot > 60).sum()) == 0
