"""Pages for every reader: axe finds nothing, all works by keyboard and by touch, colours are told apart."""

import contextlib
import itertools
import re

import folium
import numpy as np
import pytest
from test_gridmap_browser import AREA, collection
from test_maps import published, table
from test_maps_browser import LAYER, middle, saved, wait_drawn

from gridgis.maps import classes
from gridgis.maps.spec import coverage_spec
from gridgis.pages import GridMap, coverage_map, explore, hotspot_map, offline
from gridgis.pages.picture import picture
from gridgis.pages.vendored import asset
from gridgis.privacy import publish

DESKTOP, FRAME, PHONE = (1280, 800), (300, 150), (390, 844)
RING = """() => {
  const node = document.activeElement, look = getComputedStyle(node);
  return {name: node.className || node.tagName, style: look.outlineStyle, width: parseFloat(look.outlineWidth),
    offset: parseFloat(look.outlineOffset), map: node.classList.contains('leaflet-container')};
}"""


@contextlib.contextmanager
def opened(browser, address, size=DESKTOP, **options):
    """Open a page until its map is drawn; nothing may complain."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    page = context.new_page()
    said = []
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        page.goto(address)
        page.wait_for_selector(".leaflet-map-pane", state="attached")
        if page.locator("canvas.leaflet-tile").count():
            wait_drawn(page)
        yield page
        assert said == []
    finally:
        context.close()


# --- axe ----------------------------------------------------------------------------------------------------------


def coverage(folder):
    return saved(coverage_map(published()), folder)


def coverage_in_chinese(folder):
    return saved(coverage_map(published(), lang="zh"), folder)


def hotspots(folder):
    made = hotspot_map(published())
    assert any(look.hatched for look in made.spec.classes) and made.spec.classes[-1].label == "no data"
    return saved(made, folder)


def internal(folder):
    return saved(hotspot_map(published(internal=True)), folder)


def explored(folder):
    return saved(explore(table(), "parent_code", title="Cells"), folder)


def explored_without_title(folder):
    return saved(explore(table(), "households", popup=True, lang="zh"), folder)


def site(folder):
    return hotspot_map(published()).save_site(folder / "site")


def with_children(made, folder):
    """The usual children of folium."""
    group = folium.FeatureGroup("offices").add_to(made)
    folium.CircleMarker([36.2, 113.1], radius=20, fill=True, popup="office").add_to(group)
    folium.Marker([36.205, 113.12], tooltip="yard").add_to(group)
    folium.GeoJson(collection(AREA, kind="school"), tooltip=folium.GeoJsonTooltip(["kind"])).add_to(made)
    folium.LayerControl(collapsed=False).add_to(made)
    return saved(made, folder)


def folium_children(folder):
    return with_children(GridMap([36.2, 113.1], zoom_start=13, title="Streets"), folder)


def cells_and_children(folder):
    return with_children(coverage_map(published()), folder)


def plain_folium(folder):
    made = offline(folium.Map([36.2, 113.1], tiles=None, zoom_start=13))
    made.save(folder / "map.html")
    return folder / "map.html"


def as_opened(page):
    pass


def with_list(page):
    if not page.locator(".gridgis-panel").is_visible():
        page.click(".gridgis-toggle")
    page.click(".gridgis-list summary")
    assert page.locator(".gridgis-rows [role=option]").count() == 12


def with_result(page):
    page.fill("input[type=search]", "p2")
    page.keyboard.press("Enter")
    assert page.locator(".gridgis-chosen").is_visible()


def with_no_result(page):
    page.fill("input[type=search]", "nowhere")


def with_cell(page):
    page.mouse.click(*middle(page, 1))
    assert page.locator(".gridgis-tip").is_visible()


def with_panel(page):
    page.click(".gridgis-toggle")
    assert page.locator(".gridgis-legend").is_visible()


def with_popup(page):
    page.locator("path[d*='a20,20']").dispatch_event("click")
    page.wait_for_selector(".leaflet-popup-content")


def with_cell_popup(page):
    page.locator("path.leaflet-interactive").first.dispatch_event("click")
    page.wait_for_selector(".leaflet-popup-content")


SCENES = [
    (coverage, DESKTOP, as_opened), (coverage_in_chinese, DESKTOP, as_opened), (coverage_in_chinese, PHONE, as_opened),
    (coverage, PHONE, with_list), (hotspots, DESKTOP, as_opened), (hotspots, DESKTOP, with_list),
    (hotspots, DESKTOP, with_result), (hotspots, DESKTOP, with_no_result), (hotspots, DESKTOP, with_cell),
    (hotspots, FRAME, as_opened), (hotspots, FRAME, with_panel), (hotspots, FRAME, with_cell),
    (hotspots, PHONE, with_cell), (internal, DESKTOP, as_opened), (internal, FRAME, as_opened),
    (explored, DESKTOP, as_opened), (explored, FRAME, as_opened), (explored_without_title, PHONE, with_cell_popup),
    (site, DESKTOP, as_opened), (site, PHONE, with_result), (folium_children, DESKTOP, as_opened),
    (folium_children, DESKTOP, with_popup), (cells_and_children, DESKTOP, as_opened),
    (plain_folium, DESKTOP, as_opened),
]  # fmt: skip


@pytest.mark.browser
@pytest.mark.parametrize(
    ("make", "size", "act"),
    SCENES,
    ids=lambda part: "x".join(map(str, part)) if isinstance(part, tuple) else part.__name__,
)
def test_axe_finds_nothing(browser, tmp_path, make, size, act):
    axe = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python is not installed")
    with opened(browser, make(tmp_path).as_uri(), size, bypass_csp=True, reduced_motion="reduce") as page:
        act(page)
        wait_still(page)
        page.evaluate(axe.AXE_SCRIPT)
        found = page.evaluate("axe.run(document)")  # its own rules: WCAG 2.0 and 2.1, A and AA, and good practice
        assert len(found["passes"]) > 10
        assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found["violations"]] == []


# --- by keyboard, by ear, by finger -------------------------------------------------------------------------------


def spoken(spec, cell):
    """What a reader who does not see the map is told about a cell."""
    parent = dict(zip(spec.parent_codes, spec.parent_texts, strict=True))[spec.parents[cell]]
    values = [f"{measure.label} {text}" for measure, text in zip(spec.measures, spec.rows[cell], strict=True)]
    return ", ".join([spec.codes[cell], parent, *values])


@pytest.mark.browser
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_cell_is_reached_by_keyboard_and_read_out(browser, tmp_path, lang):
    made = hotspot_map(published(), lang=lang)
    with opened(browser, saved(made, tmp_path).as_uri()) as page:
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.tagName") == "SUMMARY":
                break
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getAttribute('role')") == "listbox"
        page.keyboard.press("Home")
        heard = []
        for _ in made.spec.codes:
            page.keyboard.press("Enter")
            heard.append(page.inner_text("[role=status]"))
            at = page.evaluate("document.activeElement.getAttribute('aria-activedescendant')")
            assert page.get_attribute(f"#{at}", "aria-selected") == "true"
            page.keyboard.press("ArrowDown")
        assert heard == [spoken(made.spec, cell) for cell in range(12)]
        hidden = "hidden" if lang == "en" else "已隐藏"
        anywhere = np.any([measure.hidden for measure in made.spec.measures], axis=0)
        assert [hidden in text for text in heard] == anywhere.tolist()
        assert anywhere.any() and not anywhere.all()


@pytest.mark.browser
def test_the_map_is_walked_by_arrows(browser, tmp_path):
    with opened(browser, saved(hotspot_map(published()), tmp_path).as_uri(), reduced_motion="reduce") as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.classList.contains('folium-map')")
        page.keyboard.press("Enter")
        first = page.inner_text(".gridgis-chosen strong")
        for _ in range(3):
            page.keyboard.press("+")
        wait_still(page)
        for _ in range(7):
            page.keyboard.press("ArrowUp")
            wait_still(page)
        page.keyboard.press("Enter")
        second = page.inner_text(".gridgis-chosen strong")
        assert first != second
        assert page.inner_text("[role=status]").startswith(second)


def wait_still(page):
    """Two frames later the map has moved."""
    page.evaluate("new Promise(keep => requestAnimationFrame(() => requestAnimationFrame(keep)))")


@pytest.mark.browser
@pytest.mark.parametrize("make", [hotspots, folium_children])
def test_every_stop_has_a_visible_ring(browser, tmp_path, make):
    with opened(browser, make(tmp_path).as_uri()) as page:
        if page.locator(".gridgis-list").count():
            page.click(".gridgis-list summary")
            page.locator("body").click(position={"x": 5, "y": 5})
        stops = []
        for _ in range(24):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement === document.body"):
                break
            stops.append(page.evaluate(RING))
        assert len(stops) >= 4
        assert any(stop["map"] for stop in stops)
        for stop in stops:
            assert stop["style"] != "none" and (stop["width"] >= 2 or stop["style"] == "auto"), stop
            assert not stop["map"] or stop["offset"] <= -stop["width"], stop  # outside the map it would be cut off


@pytest.mark.browser
def test_maps_do_not_glide_where_readers_asked_for_less_motion(browser, tmp_path):
    path = saved(hotspot_map(published()), tmp_path)
    zoom = f"{LAYER}._map.getZoom()"
    with opened(browser, path.as_uri()) as page:
        assert page.evaluate(f"{LAYER}._map._zoomAnimated")
    with opened(browser, path.as_uri(), reduced_motion="reduce") as page:
        before, after, moving = page.evaluate(
            f"() => {{ const before = {zoom}; document.querySelector('.leaflet-control-zoom-in').click();"
            f" return [before, {zoom}, document.getAnimations().length]; }}"
        )
        assert after > before
        assert moving == 0
        page.evaluate(f"{LAYER}._map.panBy([60, 0])")
        wait_still(page)
        assert page.evaluate(f"!{LAYER}._map._panAnim._inProgress")


@pytest.mark.browser
@pytest.mark.parametrize("size", [FRAME, (600, 400), PHONE])
def test_a_tap_shows_the_values_within_the_map(browser, tmp_path, size):
    made = hotspot_map(published(internal=True))
    with opened(browser, saved(made, tmp_path).as_uri(), size, has_touch=True, is_mobile=True) as page:
        for cell in (0, 5, 8):
            page.wait_for_timeout(400)  # two taps in a fifth of a second are one double tap, which zooms
            page.touchscreen.tap(*middle(page, cell))
            page.locator(".gridgis-tip strong", has_text=made.spec.codes[cell]).wait_for()
            tip, frame = (page.locator(name).bounding_box() for name in (".gridgis-tip", ".folium-map"))
            assert made.spec.rows[cell][2] in page.locator(".gridgis-tip dd").all_inner_texts()
            assert frame["x"] <= tip["x"] and tip["x"] + tip["width"] <= frame["x"] + frame["width"]
            assert frame["y"] <= tip["y"] and tip["y"] + tip["height"] <= frame["y"] + frame["height"]
            assert page.inner_text("[role=status]") == spoken(made.spec, cell)


@pytest.mark.browser
def test_a_tip_with_little_room_says_what_is_coloured(browser, tmp_path):
    made = hotspot_map(many_measures())
    with opened(browser, saved(made, tmp_path).as_uri(), FRAME) as page:
        page.mouse.click(*middle(page, 4))
        assert page.locator(".gridgis-tip dt").all_inner_texts() == ["Parent", "Events"]
        page.click(".gridgis-toggle")
        page.get_by_label("kind 3", exact=True).check()
        page.keyboard.press("Escape")
        page.mouse.click(*middle(page, 4))
        assert page.locator(".gridgis-tip dt").all_inner_texts() == ["Parent", "kind 3"]
        assert page.locator(".gridgis-chosen dt").count() == 10


def many_measures():
    """The same cells with nine measures."""
    source, rng = table(), np.random.default_rng(1)
    for number in range(8):
        source[f"count_kind {number}"] = rng.integers(30, 999, len(source))
    return publish(source, measures=["count", *(f"count_kind {number}" for number in range(8))], parts={"count": []})


CONTROLS = (
    *(".gridgis-header", ".leaflet-control-zoom", ".gridgis-whole", ".gridgis-toggle", ".gridgis-internal"),
    *(".leaflet-control-layers", ".leaflet-control-scale"),
)


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESKTOP, (600, 400), FRAME, PHONE])
def test_no_control_lies_over_another(browser, tmp_path, size):
    made = coverage_map(published(internal=True))
    folium.FeatureGroup("offices").add_to(made)
    folium.LayerControl().add_to(made)
    with opened(browser, saved(made, tmp_path).as_uri(), size) as page:
        boxes = {name: page.locator(name).bounding_box() for name in CONTROLS if page.locator(name).is_visible()}
        boxes = {name: box for name, box in boxes.items() if box["width"] > 1}
        assert {".leaflet-control-zoom", ".gridgis-internal", ".leaflet-control-layers"} <= set(boxes)
        for (one, a), (two, b) in itertools.combinations(boxes.items(), 2):
            apart = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
            assert apart or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"], (one, two)
        for box in boxes.values():
            assert min(box["x"], box["y"]) >= 0
            assert box["x"] + box["width"] <= size[0] and box["y"] + box["height"] <= size[1]


# --- the words of the legend --------------------------------------------------------------------------------------


def many():
    """Cells in their thousands: 2,532 small squares of two parents, with large numbers."""
    import geopandas as gpd
    import shapely

    i, j = np.divmod(np.arange(2532), 52)
    squares = shapely.box(420000 + 50 * i, 4007000 + 50 * j, 420050 + 50 * i, 4007050 + 50 * j)
    parents = np.where(np.arange(2532) < 2500, "P1", "P2")
    names = [f"{parent}-{number:04d}" for number, parent in enumerate(parents)]
    values = 1000.0 + 7 * np.arange(2532)
    frame = {"grid_code": names, "parent_code": parents, "persons": values}
    return publish(gpd.GeoDataFrame(frame, geometry=squares, crs=4547), measures=["persons"])


@pytest.mark.browser
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_page_and_image_say_the_same_with_commas(browser, tmp_path, lang):
    from gridgis.images import static

    made = coverage_map(many(), lang=lang)
    colon = ": " if lang == "en" else "："
    with opened(browser, saved(made, tmp_path).as_uri()) as page:
        for number, theme in enumerate(made.spec.themes):
            page.locator(".gridgis-themes input").nth(number).check()
            rows = page.locator(".gridgis-legend tbody tr")
            labels, counts = rows.locator("th").all_inner_texts(), rows.locator("td").all_inner_texts()
            assert labels == [look.label for look in theme.classes]
            assert counts == [f"{look.cells:,}" for look in theme.classes]
            caption = page.inner_text(".gridgis-legend caption").splitlines()
            head = page.inner_text(".gridgis-legend thead").strip()
            drawn = texts_of(static, made.spec, theme)
            assert set([*labels, *counts, *caption, head]) <= drawn
            assert len(caption) == 1 or colon in caption[1]
        assert any("," in label for label in labels)
        page.fill("input[type=search]", "p1")
        assert "2,500" in page.inner_text("[role=status]") and "2,532" in page.inner_text("[role=status]")


def texts_of(static, spec, theme):
    """The texts of an image of a theme."""
    letters = static.letters_of(spec)
    with static.prepared(letters):
        paper = static.drawn(spec, static._theme(spec, theme.key), letters)
        return {text.get_text() for text in paper.figure.texts}


def test_the_picture_without_scripts_has_commas_and_a_heading():
    text = picture(coverage_spec(many()))
    assert "P1: 2,500</li>" in text
    assert 'role="heading"' in text.split("<svg")[0]


@pytest.mark.browser
def test_the_heading_names_the_theme_unless_it_is_ones_own(browser, tmp_path):
    with opened(browser, saved(hotspot_map(published()), tmp_path).as_uri()) as page:
        page.get_by_label("Events", exact=True).check()
        assert page.inner_text("h1") == page.title() == "Events by service cell"
        page.get_by_label("Parent", exact=True).check()
        assert page.inner_text("h1") == "Service cells by parent"
        page.click(".gridgis-lang")
        assert page.inner_text("h1") == page.title() == "网格覆盖图"
    with opened(browser, saved(hotspot_map(published(), title="My town"), tmp_path).as_uri()) as page:
        page.get_by_label("Events", exact=True).check()
        assert page.inner_text("h1") == page.title() == "My town"


# --- colours ------------------------------------------------------------------------------------------------------

# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE
# Transactions on Visualization and Computer Graphics 15(6), 2009: the matrices of severity 1.0, for linear RGB.
SEEN = {
    "all": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]


def linear(colour):
    """The light of a colour."""
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def difference(one, two, eyes):
    """How different two colours look (CIE 1976, white of D65); about 2.3 is the least that is seen side by side."""
    return float(np.linalg.norm(lab(one, eyes) - lab(two, eyes)))


def lab(colour, eyes):
    light = np.clip(np.array(SEEN[eyes]) @ linear(colour), 0, 1)
    xyz = np.array(TO_XYZ) @ light / [0.95047, 1.0, 1.08883]
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one, two):
    """The contrast of WCAG 2.1, from 1 to 21."""
    dark, light = sorted(float(np.array(TO_XYZ)[1] @ linear(colour)) for colour in (one, two))
    return (light + 0.05) / (dark + 0.05)


def test_measures_of_colour_give_known_numbers():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert lab("#ff0000", "all") == pytest.approx([53.24, 80.09, 67.20], abs=0.05)
    assert difference("#ff0000", "#00ff00", "deuteranopia") < difference("#ff0000", "#00ff00", "all") / 2


@pytest.mark.parametrize("eyes", SEEN)
def test_classes_are_told_apart_by_all_eyes(eyes):
    for count in range(2, 6):
        for one, two in itertools.combinations(classes.ramp_colours(count), 2):
            assert difference(one, two, eyes) > 12, (one, two)
        lightness = [lab(colour, eyes)[0] for colour in classes.ramp_colours(count)]
        assert lightness == sorted(lightness, reverse=True)
    for one, two in itertools.combinations(classes.QUALITATIVE, 2):  # any two parents may be neighbours
        assert difference(one, two, eyes) > 10, (one, two)
    for colour in classes.RAMP:  # hidden cells have stripes besides
        assert difference(colour, classes.NO_DATA, eyes) > 7.5
        assert difference(colour, classes.HIDDEN, eyes) > 12


def test_text_of_the_page_has_contrast():
    sheet = asset("grid.css") + asset("legends.css")
    inks = set(re.findall(r"(?<![\w-])color: (#[0-9a-f]{6})", sheet))
    papers = {"#ffffff", "#f6f7f9", "#eef1f4", "#dbe9f6"}  # page, map, a row that is pointed at, the row that is chosen
    assert {"#1f2933", "#52606d", "#0b5394"} <= inks
    assert papers - {"#ffffff"} <= set(re.findall(r"background: (#[0-9a-f]{6})", sheet))
    for ink, paper in itertools.product(inks, papers):
        assert contrast(ink, paper) >= 4.5, (ink, paper)
    assert contrast("#ffffff", "#a61b1b") >= 4.5  # the mark "internal"
    assert all(contrast("#000000", fill) >= 4.5 for fill in classes.QUALITATIVE)


def test_lines_and_marks_have_contrast():
    """Borders of swatches and fields, and the ring of focus, stand out by 3 to 1 from the paper beside them."""
    sheet = asset("grid.css")
    assert "outline: 3px solid #1a73e8" in sheet
    for line, paper in itertools.product(("#1a73e8", "#5b6470", "#7b8794"), ("#ffffff", "#f6f7f9")):
        assert contrast(line, paper) >= 3
