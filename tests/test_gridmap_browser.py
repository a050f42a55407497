"""A GridMap in a real browser without a network: folium's children and plugins work, text stays text, sites hold."""

import contextlib

import folium
import pytest
from branca.colormap import LinearColormap
from folium import plugins

from gridgis.pages.gridmap import GridMap

pytestmark = pytest.mark.browser

MIDDLE = [36.2, 113.1]
BLANK = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPj/HwADBwIAMCbHYQAAAABJRU5ErkJggg=="
WATCH = (
    "window.violations = [];"
    "document.addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective + ' ' + e.blockedURI))"
)
LINE = [[36.19, 113.09], [36.2, 113.1], [36.21, 113.12]]


@contextlib.contextmanager
def opened(browser, address, size=(900, 700), serving=None):
    """Open a page; at the end nothing outside its folder was asked for, nothing complained, nothing was injected."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    if serving:
        serve(context, serving)
    page = context.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.add_init_script(WATCH)
    try:
        page.goto(address)
        page.wait_for_selector(".leaflet-map-pane", state="attached")
        yield page
        home = address.rsplit("/", 1)[0] + "/"
        assert [url for url in asked if not url.startswith(("data:", "about:", home))] == []
        assert said == []
        assert page.evaluate("violations") == []
        assert page.evaluate("window.pwned === undefined")
    finally:
        context.close()


def saved(made, folder):
    made.save(folder / "map.html")
    return (folder / "map.html").as_uri()


def collection(*shapes, **properties):
    features = [
        {"type": "Feature", "properties": {**properties, "number": i}, "geometry": shape}
        for i, shape in enumerate(shapes)
    ]
    return {"type": "FeatureCollection", "features": features}


POINT = {"type": "Point", "coordinates": [113.1, 36.2]}
AREA = {"type": "Polygon", "coordinates": [[[113.09, 36.19], [113.11, 36.19], [113.11, 36.21], [113.09, 36.19]]]}
TOPOLOGY = {
    "type": "Topology",
    "arcs": [[[0, 0], [10, 0], [0, 10], [-10, -10]]],
    "transform": {"scale": [0.002, 0.002], "translate": [113.09, 36.19]},
    "objects": {"areas": {"type": "GeometryCollection", "geometries": [{"type": "Polygon", "arcs": [[0]]}]}},
}


# --- what stands on the map: each gives the selector of what must be seen -----------------------------------------


def marker(m):
    folium.Marker(MIDDLE, popup="office", tooltip="here").add_to(m)
    return "img.leaflet-marker-icon"


def icon(m):
    folium.Marker(MIDDLE, icon=folium.Icon(color="red", icon="cloud", prefix="fa", angle=45)).add_to(m)
    folium.Marker([36.21, 113.1], icon=folium.Icon()).add_to(m)
    return ".awesome-marker-icon-red i.fa-cloud"


def div_icon(m):
    folium.Marker(MIDDLE, icon=folium.DivIcon(html="text", icon_size=(40, 20))).add_to(m)
    return ".leaflet-marker-icon.empty"


def custom_icon(m):
    folium.Marker(MIDDLE, icon=folium.CustomIcon(BLANK, icon_size=(20, 20))).add_to(m)
    return "img.leaflet-marker-icon"


def shapes(m):
    folium.Circle(MIDDLE, radius=200, tooltip="c").add_to(m)
    folium.CircleMarker(MIDDLE, radius=20).add_to(m)
    folium.Polygon(LINE).add_to(m)
    folium.Rectangle([[36.19, 113.09], [36.2, 113.1]]).add_to(m)
    folium.PolyLine(LINE, popup="way").add_to(m)
    return "path.leaflet-interactive >> nth=4"


def geojson(m):
    folium.GeoJson(
        collection(POINT, AREA, kind="school"),
        marker=folium.CircleMarker(radius=9),
        tooltip=folium.GeoJsonTooltip(["kind"]),
        popup=folium.GeoJsonPopup(["kind"]),
        style_function=lambda feature: {"color": "#ff0000", "fillColor": "{{red}}"},
        highlight_function=lambda feature: {"weight": 5},
    ).add_to(m)
    return "path.leaflet-interactive >> nth=1"


def topojson(m):
    folium.TopoJson(TOPOLOGY, "objects.areas").add_to(m)
    return "path.leaflet-interactive"


def choropleth(m):
    import pandas as pd

    values = pd.DataFrame({"number": [0, 1], "count": [1.0, 2.0]})
    folium.Choropleth(
        collection(AREA, AREA), data=values, columns=["number", "count"], key_on="feature.properties.number",
        legend_name="Count",
    ).add_to(m)  # fmt: skip
    return ".gridgis-legendbox rect >> nth=3"


def colour_bar(m):
    LinearColormap(["red", "blue"], vmin=0, vmax=10, caption="Rate").add_to(m)
    return ".gridgis-legendbox text"


def groups(m):
    group = folium.FeatureGroup(name="houses").add_to(m)
    folium.CircleMarker(MIDDLE).add_to(group)
    folium.LayerControl(collapsed=False).add_to(m)
    return ".leaflet-control-layers-overlays input"


def overlay(m):
    folium.raster_layers.ImageOverlay(BLANK, [[36.19, 113.09], [36.2, 113.1]]).add_to(m)
    return "img.leaflet-image-layer"


def regular_polygon(m):
    folium.RegularPolygonMarker(MIDDLE, number_of_sides=5, radius=20).add_to(m)
    return "path.leaflet-interactive"


def clicks(m):
    folium.ClickForMarker("at ${lat}").add_to(m)
    folium.LatLngPopup().add_to(m)
    return ".leaflet-map-pane"


def colour_line(m):
    folium.ColorLine(LINE, colors=[0, 1], colormap=["red", "blue"], weight=5).add_to(m)
    return "path.leaflet-interactive"


def front(m):
    m.keep_in_front(folium.FeatureGroup("front").add_to(m))
    m.fit_bounds([[36, 113], [36.1, 113.1]])
    folium.FitOverlays().add_to(m)
    return ".leaflet-map-pane"


STOCK = [
    marker, icon, div_icon, custom_icon, shapes, geojson, topojson, choropleth, colour_bar, groups, overlay,
    regular_polygon, clicks, colour_line, front,
]  # fmt: skip


def ant_path(m):
    plugins.AntPath(LINE).add_to(m)
    return "path.leaflet-ant-path"


def beautify_icon(m):
    folium.Marker(MIDDLE, icon=plugins.BeautifyIcon(icon="arrow-down", icon_shape="marker")).add_to(m)
    folium.Marker([36.21, 113.1], icon=plugins.BeautifyIcon(number=7, border_color="red")).add_to(m)
    return ".beautify-marker i.fa-arrow-down"


def boat_marker(m):
    plugins.BoatMarker(MIDDLE, heading=45, wind_heading=150, wind_speed=45, color="#8f8").add_to(m)
    plugins.MarkerCluster().add_to(m)  # gives its link the same name
    return "canvas.leaflet-marker-icon, .leaflet-marker-icon"


def draw(m):
    plugins.Draw(export=True).add_to(m)
    return ".leaflet-draw-draw-polygon"


def fast_cluster(m):
    plugins.FastMarkerCluster([MIDDLE, [36.2001, 113.1]]).add_to(m)
    return ".marker-cluster"


def subgroup(m):
    cluster = plugins.MarkerCluster().add_to(m)
    part = plugins.FeatureGroupSubGroup(cluster, "part").add_to(m)
    for i in range(3):
        folium.Marker([36.2, 113.1 + i / 1e5]).add_to(part)
    return ".marker-cluster"


def float_image(m):
    plugins.FloatImage(BLANK, bottom=5, left=5, width="40px").add_to(m)
    return "img[alt=float_image]"


def fullscreen(m):
    plugins.Fullscreen(title="wide").add_to(m)
    return ".leaflet-control-zoom-fullscreen"


def grouped_layers(m):
    first, second = folium.FeatureGroup("one").add_to(m), folium.FeatureGroup("two").add_to(m)
    plugins.GroupedLayerControl({"both": [first, second]}, collapsed=False).add_to(m)
    return ".leaflet-control-layers-group-name"


def heat(m):
    plugins.HeatMap([[*MIDDLE, 1.0], [36.21, 113.11, 0.5]]).add_to(m)
    return "canvas.leaflet-heatmap-layer"


def locate(m):
    plugins.LocateControl().add_to(m)
    return ".leaflet-control-locate .fa-map-marker, .leaflet-control-locate .fa-location-arrow"


def cluster(m):
    plugins.MarkerCluster([MIDDLE, [36.2001, 113.1]], popups=["a", "b"]).add_to(m)
    return ".marker-cluster"


def minimap(m):
    plugins.MiniMap(folium.TileLayer(BLANK, attr="own"), toggle_display=True).add_to(m)
    return ".leaflet-control-minimap .leaflet-control-minimap-toggle-display"


def mouse_position(m):
    plugins.MousePosition(prefix="here", separator=" | ").add_to(m)
    return ".leaflet-control-mouseposition"


def spiderfier(m):
    for _ in range(3):
        folium.Marker(MIDDLE).add_to(m)
    plugins.OverlappingMarkerSpiderfier().add_to(m)
    return "img.leaflet-marker-icon >> nth=2"


def patterns(m):
    stripes = plugins.StripePattern(angle=-45).add_to(m)
    circles = plugins.CirclePattern(width=20, height=20, radius=5, fill_opacity=0.5).add_to(m)
    for pattern in (stripes, circles):
        folium.GeoJson(collection(AREA), style_function=lambda _, pattern=pattern: {"fillPattern": pattern}).add_to(m)
    return "path[fill^='url(']"


def encoded_line(m):
    plugins.PolyLineFromEncoded("_p~iF~cn~U_ulLn{vA_mqNvxq`@").add_to(m)
    plugins.PolygonFromEncoded("w`j~FpxivO}jz@qnnCd}~Bsa{@~f`C`lkH").add_to(m)
    return "path.leaflet-interactive"


def line_offset(m):
    plugins.PolyLineOffset(LINE, offset=5).add_to(m)
    return "path.leaflet-interactive"


def line_text(m):
    line = folium.PolyLine(LINE).add_to(m)
    plugins.PolyLineTextPath(line, "<b>way</b>", offset=5).add_to(m)
    return "textPath"


def search(m):
    layer = folium.GeoJson(collection(POINT, kind="school")).add_to(m)
    plugins.Search(layer, search_label="kind", placeholder="it's").add_to(m)
    return '.leaflet-control-search input[placeholder="it\'s"]'


def semicircle(m):
    plugins.SemiCircle(MIDDLE, radius=900, start_angle=20, stop_angle=170).add_to(m)
    plugins.SemiCircle(MIDDLE, radius=900, direction=90, arc=60).add_to(m)
    return "path.leaflet-interactive"


def side_by_side(m):
    tiles = [folium.TileLayer(BLANK, attr="own", name=name).add_to(m) for name in "ab"]
    plugins.SideBySideLayers(*tiles).add_to(m)
    return ".leaflet-sbs-range"


def tag_filter(m):
    folium.Marker(MIDDLE, tags=["school"]).add_to(m)
    plugins.TagFilterButton(["school", "shop"]).add_to(m)
    return ".easy-button-container .fa-filter"


def terminator(m):
    plugins.Terminator().add_to(m)
    return ".leaflet-overlay-pane path"


def tree_layers(m):
    mark = folium.Marker(MIDDLE).add_to(m)
    tree = {"label": "all", "children": [{"label": "<i>office</i>", "layer": mark}]}
    plugins.TreeLayerControl(overlay_tree=tree, collapsed=False).add_to(m)
    return ".leaflet-layerstree-header"


PLUGINS = [
    ant_path, beautify_icon, boat_marker, draw, fast_cluster, subgroup, float_image, fullscreen, grouped_layers, heat,
    locate, cluster, minimap, mouse_position, spiderfier, patterns, encoded_line, line_offset, line_text, search,
    semicircle, side_by_side, tag_filter, terminator, tree_layers,
]  # fmt: skip


@pytest.mark.parametrize("put", [*STOCK, *PLUGINS], ids=lambda put: put.__name__)
def test_a_child_is_drawn_without_a_network(browser, tmp_path, put):
    made = GridMap(MIDDLE, zoom_start=13)
    seen = put(made)
    with opened(browser, saved(made, tmp_path)) as page:
        page.wait_for_selector(seen, state="attached", timeout=5000)


TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".png": "image/png",
         ".svg": "image/svg+xml", ".gif": "image/gif", ".woff2": "font/woff2"}  # fmt: skip


def serve(context, folder, policy="default-src 'self'"):
    """Answer for a host that is not there: the files of a folder, under a policy that allows only its own files."""

    def answer(route):
        file = folder / route.request.url.rsplit("/", 1)[1]
        headers = {"Content-Type": TYPES.get(file.suffix, "text/plain"), "Content-Security-Policy": policy}
        if file.is_file():
            route.fulfill(status=200, headers=headers, body=file.read_bytes())
        else:
            route.fulfill(status=404, headers=headers, body="")

    context.route("http://site.example/**", answer)


@pytest.mark.parametrize("put", [*STOCK, *PLUGINS], ids=lambda put: put.__name__)
def test_a_site_works_under_a_strict_policy(browser, tmp_path, put):
    made = GridMap(MIDDLE, zoom_start=13)
    seen = put(made)
    made.save_site(tmp_path / "site")
    with opened(browser, "http://site.example/index.html", serving=tmp_path / "site") as page:
        page.wait_for_selector(seen, state="attached", timeout=5000)


def test_two_maps_side_by_side(browser, tmp_path):
    from gridgis.pages.gridmap import offline

    both = plugins.DualMap(MIDDLE, tiles=None, zoom_start=13)
    folium.Marker(MIDDLE, icon=folium.Icon(color="red"), popup="<b>").add_to(both.m1)
    folium.CircleMarker(MIDDLE).add_to(both)
    page = offline(both, title="two")
    page.save(tmp_path / "map.html")
    with opened(browser, (tmp_path / "map.html").as_uri()) as shown:
        assert shown.locator(".folium-map").count() == 2
        assert shown.locator("path.leaflet-interactive").count() == 2
        shown.wait_for_selector(".awesome-marker-icon-red")


# --- text stays text ----------------------------------------------------------------------------------------------

PAYLOADS = [
    "<img src=x onerror=window.pwned=1>",
    "</script><script>window.pwned=1</script>",
    "`;window.pwned=1;`",
    "${window.pwned=1}",
]


def shapes_with(**properties):
    """A table of two cells that have these properties."""
    import geopandas as gpd
    import shapely

    cells = [shapely.box(113.09 + i / 100, 36.19, 113.1 + i / 100, 36.2) for i in range(2)]
    return gpd.GeoDataFrame(properties, geometry=cells, crs=4326)


def first_path(page):
    path = page.locator("path.leaflet-interactive").first
    path.dispatch_event("mouseover")
    path.dispatch_event("click")
    return page.inner_text("body")


def marker_popup(m, text):
    folium.Marker(MIDDLE, popup=folium.Popup(text, show=True)).add_to(m)


def parsed_popup(m, text):
    folium.Marker(MIDDLE, popup=folium.Popup(text, parse_html=True, show=True)).add_to(m)


def lazy_popup(m, text):
    folium.CircleMarker(MIDDLE, popup=folium.Popup(text, lazy=True)).add_to(m)
    return first_path


def marker_tooltip(m, text):
    folium.CircleMarker(MIDDLE, tooltip=folium.Tooltip(text, style="color:red")).add_to(m)
    return first_path


def geojson_tooltip(m, text):
    data = collection(AREA, kind=text)
    folium.GeoJson(data, tooltip=folium.GeoJsonTooltip(["kind"]), style_function=lambda _: {"color": text}).add_to(m)
    return first_path


def geojson_popup(m, text):
    folium.GeoJson(collection(AREA, kind={text: [text]}), popup=folium.GeoJsonPopup(["kind"], localize=True)).add_to(m)
    return first_path


def alias(m, text):
    folium.GeoJson(collection(AREA, kind=1), tooltip=folium.GeoJsonTooltip(["kind"], aliases=[text])).add_to(m)
    return first_path


def field(m, text):
    data = collection(AREA, AREA, **{text: 1})
    for i, feature in enumerate(data["features"]):
        feature["properties"] = {text: f"{text}{i}"}
    folium.GeoJson(
        data, tooltip=folium.GeoJsonTooltip([text]), style_function=lambda feature: {"color": "#f00"}
    ).add_to(m)
    return first_path


def layer_name(m, text):
    folium.CircleMarker(MIDDLE).add_to(folium.FeatureGroup(text).add_to(m))
    folium.LayerControl(collapsed=False).add_to(m)


def div_text(m, text):
    folium.Marker(MIDDLE, icon=folium.DivIcon(html=text, icon_size=(600, 20))).add_to(m)


def bar_caption(m, text):
    LinearColormap(["red", "blue"], vmin=0, vmax=10, caption=text).add_to(m)


def choropleth_legend(m, text):
    import pandas as pd

    values = pd.DataFrame({"number": [0, 1], "count": [1.0, 2.0]})
    folium.Choropleth(
        collection(AREA, AREA), data=values, columns=["number", "count"], key_on="feature.properties.number",
        legend_name=text,
    ).add_to(m)  # fmt: skip


def explored_tooltip(m, text):
    from gridgis.pages.exploring import explore

    explore(shapes_with(**{"kind": [text, "a"], text: ["b", "c"]}), popup=True, m=m, name=text)
    return first_path


def explored_legend(m, text):
    from gridgis.pages.exploring import explore

    explore(shapes_with(**{text: [text, "a"]}), text, m=m)
    return lambda page: page.inner_text(".gridgis-legendbox caption") + page.inner_text(".gridgis-legendbox tbody")


def grouped_names(m, text):
    group = folium.FeatureGroup(text).add_to(m)
    plugins.GroupedLayerControl({text: [group]}, collapsed=False).add_to(m)


def tree_labels(m, text):
    mark = folium.Marker(MIDDLE).add_to(m)
    tree = {"label": "all", "children": [{"label": text, "layer": mark}]}
    plugins.TreeLayerControl(overlay_tree=tree, collapsed=False).add_to(m)


def number_on_marker(m, text):
    folium.Marker(MIDDLE, icon=plugins.BeautifyIcon(number=text, border_color="red")).add_to(m)


def text_on_line(m, text):
    plugins.PolyLineTextPath(folium.PolyLine(LINE).add_to(m), text).add_to(m)
    return lambda page: page.locator("textPath").text_content().replace("\xa0", " ")


def found_in_search(m, text):
    layer = folium.GeoJson(collection(POINT, kind=text)).add_to(m)
    plugins.Search(layer, search_label="kind", placeholder=text).add_to(m)

    def read(page):
        page.locator(".leaflet-control-search input").press_sequentially(
            next(letter for letter in text if letter.isalpha())
        )
        page.wait_for_selector(".search-tip")
        return page.inner_text(".search-tip") + page.get_attribute(".leaflet-control-search input", "placeholder")

    return read


def mouse_words(m, text):
    plugins.MousePosition(prefix=text, empty_string=text).add_to(m)


def click_marker(m, text):
    folium.ClickForMarker(text).add_to(m)

    def read(page):
        page.mouse.click(450, 350)
        page.locator("img.leaflet-marker-icon").dispatch_event("click")
        return page.inner_text(".leaflet-popup-content")

    return read


def page_title(m, text):
    m.get_root().title = text
    return lambda page: page.title()


SURFACES = [
    marker_popup, parsed_popup, lazy_popup, marker_tooltip, geojson_tooltip, geojson_popup, alias, field, layer_name,
    div_text, bar_caption, choropleth_legend, explored_tooltip, explored_legend, grouped_names, tree_labels,
    number_on_marker, text_on_line, found_in_search, mouse_words, click_marker, page_title,
]  # fmt: skip


@pytest.mark.parametrize("put", SURFACES, ids=lambda put: put.__name__)
def test_payloads_are_shown_as_text_and_do_not_run(browser, tmp_path, put):
    for payload in PAYLOADS:
        made = GridMap(MIDDLE, zoom_start=13)
        read = put(made, payload) or (lambda page: page.inner_text("body"))
        with opened(browser, saved(made, tmp_path)) as page:
            shown = read(page).replace('\\"', '"')
            assert payload in shown, (payload, shown)
            assert page.locator("img[src='x']").count() == 0


def test_markup_of_ones_own_is_shown_as_markup(browser, tmp_path):
    from gridgis.pages.literal import SafeHtml

    made = GridMap(MIDDLE, zoom_start=13)
    folium.Marker(MIDDLE, popup=folium.Popup(SafeHtml("<b class='mine'>one</b>"), show=True)).add_to(made)
    folium.Marker([36.21, 113.1], icon=folium.DivIcon(html=SafeHtml("<b class='mine'>two</b>"))).add_to(made)
    folium.CircleMarker(MIDDLE, tooltip=SafeHtml("<b class='mine'>three</b>")).add_to(made)
    with opened(browser, saved(made, tmp_path)) as page:
        page.locator("path.leaflet-interactive").dispatch_event("mouseover")
        assert sorted(page.locator("b.mine").all_inner_texts()) == ["one", "three", "two"]


def fuzzed(count, seed):
    """Strings of letters that mean something to HTML, scripts, templates and JSON, and of any others."""
    import random

    chance = random.Random(seed)
    pieces = [
        *"<>&\"'`${}%\\/#;:=()[]! \n\r\t", "</script>", "<script>", "<img src=x onerror=pwned=1>", "<!--", "-->", "${pwned=1}",
        "{{", "}}", "{%", "%}", "javascript:pwned=1", "&lt;", "&#96;", "\\u003c", "\u2028", "\u2029", "\ufeff", "网格", "a", "Z9",
        "<svg onload=pwned=1>", "'-(pwned=1)-'", "\\`", "\x00", "\ud7ff",
    ]  # fmt: skip
    return ["".join(chance.choices(pieces, k=chance.randint(1, 12))) for _ in range(count)]


@pytest.mark.parametrize(
    ("count", "seed"),
    [(250, 1), pytest.param(5000, 2, marks=pytest.mark.slow), pytest.param(5000, 3, marks=pytest.mark.slow)],
)
def test_fuzzed_text_is_shown_as_text(browser, tmp_path, count, seed):
    texts = fuzzed(count, seed)
    made = GridMap(MIDDLE, zoom_start=13)
    for i, text in enumerate(texts):
        kind = i % 4
        if kind == 0:
            folium.CircleMarker(MIDDLE, popup=text, tooltip=text).add_to(made)
        elif kind == 1:
            folium.FeatureGroup(f"{i}{text}").add_to(made)
        elif kind == 2:
            folium.Marker(MIDDLE, icon=folium.DivIcon(html=text)).add_to(made)
    data = collection(*[AREA] * len(texts[3::4]))
    for feature, text in zip(data["features"], texts[3::4], strict=True):
        feature["properties"] = {"kind": text}
    folium.GeoJson(data, tooltip=folium.GeoJsonTooltip(["kind"], aliases=[texts[3]])).add_to(made)
    folium.LayerControl(collapsed=False).add_to(made)
    with opened(browser, saved(made, tmp_path)) as page:
        shown = page.evaluate(
            "[document.querySelectorAll('.leaflet-control-layers-overlays span span'),"
            " document.querySelectorAll('.leaflet-marker-icon.empty')].map(nodes => [...nodes].map(n => n.textContent))"
        )
        cleaned = [text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "") for text in texts]
        named = [f"{i}{text}".strip() for i, text in enumerate(cleaned)][1::4]
        assert [text.strip() for text in shown[0]][: len(named)] == named
        assert shown[1] == cleaned[2::4]
        page.evaluate(
            "document.querySelectorAll('path.leaflet-interactive').forEach(p => p.dispatchEvent(new MouseEvent('mouseover', {bubbles: true, clientX: 450, clientY: 350})))"
        )
        assert page.locator(".leaflet-map-pane img, .leaflet-control img, .leaflet-map-pane script").count() == 0


# --- sites, pictures, base maps -----------------------------------------------------------------------------------


def published():
    from test_maps import published

    return published()


def test_our_map_works_as_a_site_and_in_a_strict_host(browser, tmp_path):
    from gridgis.pages import hotspot_map

    made = hotspot_map(published())
    made.save_site(tmp_path / "site")
    with opened(browser, "http://site.example/index.html", serving=tmp_path / "site") as page:
        page.wait_for_selector("figure.gridgis-picture", state="detached")
        assert page.locator(".gridgis-legend tbody tr").count() >= 3
        assert page.locator(".folium-map").bounding_box()["width"] > 300


def test_readers_without_scripts_see_a_picture(browser, tmp_path):
    from gridgis.pages import hotspot_map

    made = hotspot_map(published(), title="<b>Streets</b>")
    made.save(tmp_path / "site.html")
    context = browser.new_context(viewport={"width": 700, "height": 900})
    try:
        serve(context, tmp_path)  # one file under a policy that forbids what stands within it
        page = context.new_page()
        page.goto("http://site.example/site.html")
        assert page.locator("figure.gridgis-picture path").count() >= 3
        assert page.locator("figure.gridgis-picture").bounding_box()["height"] > 300
        assert "<b>Streets</b>" in page.inner_text("figcaption")
    finally:
        context.close()
    with opened(browser, (tmp_path / "site.html").as_uri()) as page:
        page.wait_for_selector("figure.gridgis-picture", state="detached")


def test_a_map_of_folium_in_a_sandboxed_frame(browser, tmp_path):
    made = GridMap(MIDDLE, zoom_start=13, notebook_height=300)
    icon(made)
    host = tmp_path / "host.html"
    host.write_text(f"<!DOCTYPE html><title>host</title>{made._repr_html_()}", encoding="utf-8")
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(host.as_uri())
        page.frame_locator("iframe").locator(".awesome-marker-icon-red i.fa-cloud").wait_for()
        assert page.locator("iframe").bounding_box()["height"] == 300
    finally:
        context.close()


def shifted(browser, tmp_path, zoom):
    """Open a map with GCJ-02 tiles; give where the tiles stand, and the formula of the page at some places."""
    made = GridMap(
        [39.9, 116.4],
        zoom_start=zoom,
        tiles="https://tiles.example/{z}/{x}/{y}.png",
        attribution="<i>Maker",
        frame="gcj02",
    )
    context = browser.new_context(viewport={"width": 900, "height": 700})
    context.route("https://tiles.example/**", lambda route: route.fulfill(body=b"", content_type="image/png"))
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(saved(made, tmp_path))
    page.wait_for_selector("img.leaflet-tile", state="attached")
    tiles = page.evaluate(
        """() => { const map = window[document.querySelector(".folium-map").id];
        return [...document.querySelectorAll("img.leaflet-tile")].map(tile => {
            const box = tile.getBoundingClientRect(), home = map.getContainer().getBoundingClientRect();
            const at = (x, y) => { const p = map.containerPointToLatLng([x - home.x, y - home.y]); return [p.lng, p.lat]; };
            return {name: tile.src, first: at(box.left, box.top), last: at(box.right, box.bottom)}; }); }"""
    )
    words = page.inner_text(".leaflet-control-attribution")
    context.close()
    return tiles, words, asked


@pytest.mark.parametrize("zoom", [12, 16, 18])
def test_tiles_in_gcj02_stand_where_they_belong(browser, tmp_path, zoom):
    import numpy as np

    from gridgis.pages.basemaps import gcj02

    tiles, words, asked = shifted(browser, tmp_path, zoom)
    assert "<i>Maker" in words or "Maker" in words
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {"tiles.example"}
    assert len(tiles) >= 6
    count = 2**zoom
    for tile in tiles:
        x, y = (int(part) for part in tile["name"].removesuffix(".png").split("/")[-2:])
        for corner, (i, j) in (("first", (x, y)), ("last", (x + 1, y + 1))):
            lon, lat = (np.array([value]) for value in tile[corner])
            east, north = gcj02(lon, lat)
            expected = i / count * 360 - 180, np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * j / count))))
            off = np.hypot((east[0] - expected[0]) * 85_000, (north[0] - expected[1]) * 111_000)
            pixel = 156_543 * 0.767 / count * 1.0
            assert off <= max(1.0, 1.1 * pixel)


def test_the_formula_in_the_page_is_the_formula_here(browser, tmp_path):
    import numpy as np

    from gridgis.pages.basemaps import gcj02

    made = GridMap([39.9, 116.4], tiles="https://t.example/{z}/{x}/{y}.png", attribution="m", frame="gcj02")
    chance = np.random.default_rng(7)
    lon, lat = chance.uniform(73, 135, 500), chance.uniform(4, 53, 500)
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(saved(made, tmp_path))
        there, back = page.evaluate(
            "places => [places.map(p => gridgisShifted.forward(p[0], p[1])),"
            " places.map(p => gridgisShifted.forward(...gridgisShifted.backward(p[0], p[1])))]",
            np.column_stack([lon, lat]).tolist(),
        )
    finally:
        context.close()
    assert np.abs(np.array(there) - np.column_stack(gcj02(lon, lat))).max() < 1e-9
    inner = (lon > 74) & (lon < 134)
    assert np.abs(np.array(back) - np.column_stack([lon, lat]))[inner].max() < 1e-9
