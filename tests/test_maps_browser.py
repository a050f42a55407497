"""Maps in a real browser without a network: drawn, quiet, harmless, usable by keyboard and on small screens."""

import contextlib
import io
import json
import time

import folium
import geopandas as gpd
import numpy as np
import pytest
import shapely
from PIL import Image
from test_maps import PAYLOADS, published, table

from gridgis.maps.packing import find_blocks, unpack
from gridgis.maps.spec import coverage_spec, hotspot_spec
from gridgis.pages import GridLayer, GridMap, coverage_map, hotspot_map
from gridgis.pages.vendored import asset
from gridgis.privacy import publish

pytestmark = pytest.mark.browser

LAYER = "window[Object.keys(window).find(name => name.startsWith('grid_cells_'))]"
TILES = "canvas.leaflet-tile"
WATCH = (
    "window.violations = []; document.addEventListener('securitypolicyviolation', e => violations.push(e.blockedURI))"
)
DRAWN = (
    "(tiles => tiles.length && tiles.every(tile => tile.classList.contains('leaflet-tile-loaded')"
    " && getComputedStyle(tile).opacity === '1'))([...document.querySelectorAll('canvas.leaflet-tile')])"
)
PLACE = """i => {
  const map = LAYER._map, box = map.getContainer().getBoundingClientRect(), at = LAYER.boundsOf(i);
  const one = map.latLngToContainerPoint(at.getNorthWest()), two = map.latLngToContainerPoint(at.getSouthEast());
  return {x: box.left + one.x, y: box.top + one.y, width: two.x - one.x, height: two.y - one.y};
}""".replace("LAYER", LAYER)


def wait_drawn(page):
    """Wait until every tile stands (Playwright's own waiting would need eval, which the page forbids)."""
    for _ in range(200):
        if page.evaluate(DRAWN):
            return
        time.sleep(0.05)
    raise AssertionError("tiles are missing")


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
        if page.locator(".folium-map").count() and page.locator(TILES).count():
            wait_drawn(page)
        yield page
        assert [url for url in asked if not url.startswith(("data:", "about:"))] == [path.as_uri()]
        if expect_quiet:
            assert said == []
            assert page.evaluate("violations") == []
        assert page.evaluate("window.pwned === undefined")
    finally:
        context.close()


def saved(made, folder, name="map.html", **options):
    made.save(folder / name, **options)
    return folder / name


def box(page, selector):
    return page.locator(selector).first.bounding_box()


def place(page, cell):
    """Where a cell is on the screen."""
    return page.evaluate(PLACE, cell)


def middle(page, cell):
    at = place(page, cell)
    return at["x"] + at["width"] / 2, at["y"] + at["height"] / 2


def picture(page, clip=None):
    shot = page.screenshot(clip=clip) if clip else page.screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


def colour(text):
    return [int(text[i : i + 2], 16) for i in (1, 3, 5)]


@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize("draw", [coverage_map, hotspot_map])
def test_page_opens_from_a_file_and_draws_every_cell(browser, tmp_path, draw, ratio):
    made = draw(published())
    with opened(browser, saved(made, tmp_path), device_scale_factor=ratio) as page:
        assert page.title() == page.inner_text("h1")
        assert page.locator(".gridgis-legend tbody tr").count() >= 3
        assert page.locator(".leaflet-control-scale-line").inner_text().endswith("m")
        assert page.locator(".leaflet-control-attribution").count() == 0
        assert page.locator("figure").count() == 0 or not page.locator("figure").first.is_visible()
        shot = picture(page)
        for cell, look in enumerate(made.spec.classes[i] for i in made.spec.class_of):
            x, y = (round(value * ratio) for value in middle(page, cell))
            seen = shot[y - 8 * ratio : y + 8 * ratio, x - 8 * ratio : x + 8 * ratio].reshape(-1, 3)
            wanted = [colour(look.fill)] + [[255, 255, 255]] * look.hatched
            assert all((np.abs(seen - colour).max(axis=1) < 12).sum() > len(seen) / 8 for colour in wanted)
            assert look.hatched or (seen == wanted).all()


def hostile():
    names = [f"{PAYLOADS[i % len(PAYLOADS)]}{i:02d}" for i in range(12)]
    source, rng = table(names=names, parents=PAYLOADS[:3]), np.random.default_rng(1)
    for payload in PAYLOADS:
        source[f"count_{payload}"] = rng.integers(30, 999, len(source))
    measures = ["count", *(f"count_{payload}" for payload in PAYLOADS)]
    return publish(source, measures=measures, notes=PAYLOADS, parts={"count": []})


def test_payloads_are_shown_as_text_and_do_not_run(browser, tmp_path):
    made = coverage_map(hostile(), title=PAYLOADS[1])
    with opened(browser, saved(made, tmp_path)) as page:
        assert page.inner_text("h1") == PAYLOADS[1]
        for cell in range(12):
            page.mouse.move(*middle(page, cell))
            assert PAYLOADS[0] in page.inner_text(".gridgis-tip")
            page.mouse.click(*middle(page, cell))
        page.fill("input[type=search]", "<")
        page.keyboard.press("Enter")
        assert page.locator(".gridgis-list [role=option]").count() > 0
        page.locator(".gridgis-list [role=option]").first.click()
        assert PAYLOADS[0] in page.inner_text(".gridgis-chosen")
        assert PAYLOADS[0] in page.inner_text(".gridgis-legend")
        assert PAYLOADS[1] in page.inner_text(".gridgis-notes")
        assert PAYLOADS[1] in page.inner_text(".gridgis-themes")
        page.click(".gridgis-lang")
        page.locator(".gridgis-themes label").last.click()
        assert page.inner_text("h1") == PAYLOADS[1]
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
    with opened(browser, saved(made, tmp_path, scan=False)) as page:
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
        inner = page.frame_locator("iframe")
        inner.locator(TILES).first.wait_for()
        (frame,) = page.frames[1:]
        wait_drawn(frame)
        at, outer = frame.evaluate(PLACE, 3), box(page, "iframe")
        x, y = outer["x"] + at["x"] + at["width"] / 2, outer["y"] + at["y"] + at["height"] / 2
        page.mouse.click(x, y)
        assert "P1-04" in inner.locator(".gridgis-chosen").inner_text()


def test_hovering_names_the_cell_and_leaving_hides_it(browser, tmp_path):
    with opened(browser, saved(coverage_map(published()), tmp_path)) as page:
        page.mouse.move(*middle(page, 1))
        assert page.locator(".gridgis-tip strong").inner_text() == "P1-02"
        assert page.inner_text(".gridgis-tip").splitlines()[-1] == "hidden"
        page.mouse.move(*middle(page, 11))
        assert page.locator(".gridgis-tip dd").all_inner_texts() == ["P3", "no data", "70", "no data"]
        at = place(page, 0)
        page.mouse.move(at["x"] - 30, at["y"] + at["height"] + 25)
        page.wait_for_selector(".gridgis-tip", state="detached")


def test_cells_are_reached_by_keyboard(browser, tmp_path):
    with opened(browser, saved(hotspot_map(published()), tmp_path)) as page:
        before = place(page, 0)["width"]
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.type") == "search":
                break
        page.keyboard.type("p2-03")
        assert page.inner_text("[role=status]") == "1 of 12 cells"
        page.keyboard.press("Enter")
        assert "P2-03" in page.inner_text(".gridgis-chosen")
        assert page.inner_text("[role=status]").startswith("P2-03, P2, Households 126")
        assert place(page, 0)["width"] > 1.1 * before
        assert page.locator("path.gridgis-mark").count() == 1
        page.fill("input[type=search]", "nowhere")
        assert page.inner_text("[role=status]") == "No cell found"
        page.fill("input[type=search]", "p3")
        assert page.inner_text("[role=status]") == "4 of 12 cells"
        page.fill("input[type=search]", "")
        page.locator(".gridgis-rows").focus()
        for key in ("End", "ArrowUp", "ArrowDown", "Enter"):
            page.keyboard.press(key)
        assert "P3-04" in page.inner_text(".gridgis-chosen")
        assert page.locator("[aria-selected=true]").inner_text().startswith("P3-04")
        page.locator(".gridgis-whole").click()
        assert abs(place(page, 0)["width"] - before) < 2
        page.locator(".folium-map").focus()
        page.keyboard.press("Enter")
        assert "P2-0" in page.inner_text(".gridgis-chosen")


def test_themes_change_fill_legend_and_list(browser, tmp_path):
    made = coverage_map(published())
    with opened(browser, saved(made, tmp_path)) as page:
        assert page.locator("[name^=gridgis-theme]").count() == 4
        assert page.locator(".gridgis-legend caption").inner_text() == "Parent"
        page.locator(".gridgis-list summary").click()
        page.get_by_label("Events", exact=True).check()
        theme = next(theme for theme in made.spec.themes if theme.key == "count")
        rows = page.locator(".gridgis-legend tbody tr")
        assert rows.locator("span").all_inner_texts() == [look.label for look in theme.classes]
        assert rows.locator("td").all_inner_texts() == [str(look.cells) for look in theme.classes]
        assert page.locator(".gridgis-head").inner_text().split()[-1] == "Events"
        shown = page.locator(".gridgis-list [role=option]").nth(2).inner_text().split()
        assert shown == ["P1-03", "P1", made.spec.rows[2][1]]
        x, y = map(round, middle(page, 11))
        assert picture(page)[y, x].tolist() == colour(theme.classes[theme.class_of[11]].fill)
        assert "Events" in page.inner_text("[role=status]")


def test_the_language_is_switched(browser, tmp_path):
    with opened(browser, saved(hotspot_map(published()), tmp_path)) as page:
        page.fill("input[type=search]", "p1")
        page.mouse.click(*middle(page, 1))
        page.click(".gridgis-lang")
        assert page.inner_text("h1") == page.title() == "网格热点图：每百户事件数"
        assert page.evaluate("document.documentElement.lang") == "zh-CN"
        assert "已隐藏（保护少于 10 的数字）" in page.inner_text(".gridgis-legend")
        assert "无数据" in page.inner_text(".gridgis-legend")
        assert "已隐藏" in page.inner_text(".gridgis-chosen")
        assert "坐标系" in page.inner_text(".gridgis-notes")
        assert page.input_value("input[type=search]") == "p1"
        assert page.locator(".gridgis-list [role=option]").count() == 4
        page.mouse.move(*middle(page, 2))
        assert "户数" in page.inner_text(".gridgis-tip")
        page.click(".gridgis-lang")
        assert page.inner_text("h1") == "Events per 100 households by service cell"


def test_a_small_frame_is_all_map(browser, tmp_path):
    with opened(browser, saved(hotspot_map(published(internal=True)), tmp_path), (300, 150)) as page:
        whole = box(page, ".folium-map")
        assert (whole["width"], whole["height"]) == (300, 150)
        assert place(page, 0)["width"] > 15
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
        page.touchscreen.tap(*middle(page, 0))
        page.wait_for_selector(".gridgis-tip")
        assert "户数" in page.inner_text(".gridgis-tip")
        tip = box(page, ".gridgis-tip")
        assert tip["x"] >= 0 and tip["x"] + tip["width"] <= 390
        assert "P1-01" in page.inner_text(".gridgis-chosen")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_paper_has_map_legend_and_notes_only(browser, tmp_path):
    with opened(browser, saved(hotspot_map(published()), tmp_path)) as page:
        page.emulate_media(media="print")
        page.wait_for_selector(".gridgis-print")
        assert box(page, ".folium-map")["width"] == 680
        assert page.locator(".gridgis-legend").is_visible()
        assert page.locator(".gridgis-notes").is_visible()
        gone = (".gridgis-search", ".gridgis-list", ".leaflet-control-zoom", ".gridgis-whole", ".gridgis-themes")
        for one in (*gone, ".gridgis-lang"):
            assert not page.locator(one).is_visible()
        cells = [place(page, i) for i in range(12)]
        assert max(cell["x"] + cell["width"] for cell in cells) <= 680
        page.emulate_media(media="screen")
        page.wait_for_selector(".gridgis-page:not(.gridgis-print)")
    pdf = None
    with opened(browser, tmp_path / "map.html") as page:
        pdf = page.pdf()
    assert pdf.startswith(b"%PDF")


def cover(side_m, count=150):
    """A cover without gaps of a square, in irregular cells."""
    chance = np.random.default_rng(5)
    area = shapely.box(420000, 4007000, 420000 + side_m, 4007000 + side_m)
    seeds = shapely.MultiPoint(chance.uniform(area.bounds[:2], area.bounds[2:], (count, 2)))
    cells = shapely.intersection(shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=area)), area)
    cells = shapely.segmentize(cells, side_m / 150)
    cells = shapely.transform(cells, lambda xy: xy + np.sin(xy * 40 / side_m)[:, ::-1] * side_m / 300)
    names = [f"{i:03d}" for i in range(len(cells))]
    parents = [f"P{i % 9}" for i in range(len(cells))]
    return gpd.GeoDataFrame({"grid_code": names, "parent_code": parents, "count": 50}, geometry=cells, crs=4547)


def light_pixels(page, zoom):
    """How many pixels well inside a black cover are light."""
    page.evaluate(f"zoom => {LAYER}._map.setView({LAYER}.getBounds().getCenter(), zoom, {{animate: false}})", zoom)
    wait_drawn(page)
    frame, area = (
        box(page, ".folium-map"),
        page.evaluate(
            """() => { const map = LAYER._map, at = LAYER.getBounds(), one = map.latLngToContainerPoint(at.getNorthWest()),
        two = map.latLngToContainerPoint(at.getSouthEast()); return [one.x, one.y, two.x, two.y]; }""".replace(
                "LAYER", LAYER
            )
        ),
    )
    rim = 4 + 0.05 * (area[2] - area[0])
    west, north = max(area[0] + rim, 60), max(area[1] + rim, 4)
    east, south = min(area[2] - rim, frame["width"] - 4), min(area[3] - rim, frame["height"] - 40)
    clip = {"x": frame["x"] + west, "y": frame["y"] + north, "width": east - west, "height": south - north}
    shot = picture(page, clip)
    assert shot.size > 5_000
    return int((shot.max(axis=2) > 60).sum())


@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize(
    ("side_m", "zooms"),
    [(150_000, [8, 8.25, 9, 10, 10.5, 11, 12]), (6_000, [12.75, 13, 14, 15, 15.25]), (1_500, [16, 17, 18, 18.5, 19])],
)
def test_a_cover_without_gaps_is_drawn_without_gaps(browser, tmp_path, side_m, zooms, ratio):
    made = coverage_map(publish(cover(side_m), measures=["count"]))
    with opened(browser, saved(made, tmp_path), device_scale_factor=ratio) as page:
        page.evaluate(
            f"{LAYER}.model.themes[0].classes.forEach(look => look.fill = '#000');"
            f"gridgis.look.line = gridgis.look.rim = '#000'; {LAYER}.repaint();"
        )
        assert [light_pixels(page, zoom) for zoom in zooms] == [0] * len(zooms)


def crooked():
    """Pieces, a hole, an enclave, borders that are not matched, and codes in many letters."""
    source = table(names=[f"{name}{i:02d}" for i, name in enumerate(["网", "é", "😀", "a\u2028"] * 3)])
    x, y = 420000, 4007000
    inner = shapely.Point(x + 50, y + 50).buffer(20)
    shapes = source.geometry.tolist()
    shapes[0] = shapely.MultiPolygon([shapes[0].difference(inner), shapely.box(x - 90, y, x - 40, y + 33)])
    shapes[11] = inner
    shapes[5] = shapely.box(x + 100, y + 100, x + 200, y + 150).union(shapely.box(x + 130, y + 150, x + 160, y + 190))
    return source.set_geometry(gpd.GeoSeries(shapes, crs=source.crs))


def test_the_page_reads_what_was_packed(browser, tmp_path):
    made = hotspot_map(publish(crooked(), measures=["households", "count", "count_per_100_households"]))
    path = saved(made, tmp_path)
    (block,) = find_blocks(path.read_text(encoding="utf-8"))
    wanted = unpack(block)
    with opened(browser, path) as page:
        model = json.loads(
            page.evaluate(
                f"(model => JSON.stringify({{codes: model.codes, parents: [...model.parentOf],"
                f" marks: model.measures.map(one => [...one.mark]), values: model.measures.map(one => [...one.value]),"
                f" classes: model.themes.map(one => [...one.classOf]), outlines: model.codes.map((code, i) =>"
                f" {LAYER}._outline(i).map(ring => ring.map(at => [at.lng, at.lat])))}}))({LAYER}.model)"
            )
        )
        assert model["codes"] == wanted["codes"]
        assert model["parents"] == wanted["parent_of"]
        assert model["marks"] == wanted["marks"]
        assert model["classes"] == wanted["class_of"]
        for measure, one, two in zip(wanted["measures"], model["values"], wanted["values"], strict=True):
            assert [None if value is None else value / 10 ** measure["decimals"] for value in one] == two
        for rings, polygons in zip(model["outlines"], wanted["rings"], strict=True):
            flat = [np.array(ring) * wanted["raster"][:2] / 1e9 for polygon in polygons for ring in polygon]
            assert len(rings) == len(flat)
            assert all(np.abs(np.array(one) - two).max() < 4e-7 for one, two in zip(rings, flat, strict=True))
        check_hits(page, wanted)


def check_hits(page, wanted):
    """The cell under a point is the one whose polygon holds it."""
    shapes = [
        shapely.MultiPolygon([shapely.Polygon(part[0], part[1:]) for part in polygons]) for polygons in wanted["rings"]
    ]
    west, south, east, north = shapely.total_bounds(shapes)
    points = np.random.default_rng(2).uniform([west - 99, south - 99], [east + 99, north + 99], (4000, 2))
    degrees = (points * wanted["raster"][:2] / 1e9).tolist()
    found = page.evaluate(f"points => points.map(at => {LAYER}.at(L.latLng(at[1], at[0])))", degrees)
    edges = shapely.STRtree(shapely.boundary(shapes))
    tree = shapely.STRtree(shapes)
    checked = 0
    for point, cell in zip(shapely.points(points), found, strict=True):
        if not len(edges.query(point, predicate="dwithin", distance=1)):
            inside = tree.query(point, predicate="within").tolist()
            assert cell == max(inside, default=-1)
            checked += 1
    assert checked > 3000


def test_layers_are_switched_beside_folium_children(browser, tmp_path):
    made = GridMap([36.1935, 113.1105], zoom_start=16)
    group = folium.FeatureGroup("cells").add_to(made)
    GridLayer(coverage_spec(published()), name="by parent").add_to(group)
    GridLayer(
        hotspot_spec(published()),
        name="by value",
    ).add_to(made)
    folium.LayerControl(collapsed=False).add_to(made)
    folium.FitOverlays().add_to(made)
    with opened(browser, saved(made, tmp_path)) as page:
        wait_drawn(page)
        assert page.locator(".gridgis-tiles").count() == 2
        page.mouse.move(*middle(page, 5))
        assert page.locator(".gridgis-tip").count() == 1
        assert "P2-02" in page.inner_text(".gridgis-tip")
        for label in ("cells", "by value"):
            page.get_by_label(label).uncheck()
        assert page.locator(".gridgis-tiles").count() == 0
        page.get_by_label("cells").check()
        wait_drawn(page)
        assert page.locator(".gridgis-tiles").count() == 1
        page.mouse.click(*middle(page, 5))
        assert page.locator("path.gridgis-mark").count() == 1


def test_a_plain_folium_map_shows_the_layer_too(browser, tmp_path):
    made = folium.Map([36.1935, 113.1105], zoom_start=16, tiles=None)
    GridLayer(hotspot_spec(published())).add_to(made)
    context = browser.new_context(viewport={"width": 900, "height": 700})
    page, said = context.new_page(), []
    page.on("pageerror", lambda error: said.append(str(error)))

    def answer(route):  # what folium fetches from outside: Leaflet from the package, the rest is not needed
        name = route.request.url.rsplit("/", 1)[-1]
        route.fulfill(body=asset(name) if name in ("leaflet.js", "leaflet.css") else "")

    page.route("https://**/*", answer)
    page.goto(saved(made, tmp_path).as_uri())
    wait_drawn(page)
    page.mouse.click(*middle(page, 4))
    assert "P2-01" in page.inner_text(".gridgis-tip")
    assert page.locator("path.gridgis-mark").count() == 1
    assert said == []
    context.close()


def test_a_long_list_stays_light(browser, tmp_path):
    squares = [
        shapely.box(x, y, x + 30, y + 30) for x in range(420000, 421800, 30) for y in range(4007000, 4008500, 30)
    ]
    names = [f"{i:06d}" for i in range(len(squares))]
    frame = gpd.GeoDataFrame({"grid_code": names, "parent_code": "P", "count": 40}, geometry=squares, crs=4547)
    with opened(browser, saved(coverage_map(publish(frame, measures=["count"])), tmp_path)) as page:
        page.locator(".gridgis-list summary").click()
        assert 5 < page.locator("[role=option]").count() < 40
        page.locator(".gridgis-rows").focus()
        page.keyboard.press("End")
        page.keyboard.press("Enter")
        assert "002999" in page.inner_text(".gridgis-chosen")
        assert page.locator("[role=option]").count() < 40
        at = page.locator(".gridgis-rows").get_attribute("aria-activedescendant")
        assert page.locator(f"#{at}").get_attribute("aria-posinset") == "3000"
