"""GridMap without a browser: what it refuses, what is in its files, the assets that come with it."""

import hashlib
import io
import json
import re
import warnings
from importlib.resources import files

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from branca.element import Figure
from folium import plugins
from hypothesis import given
from hypothesis import strategies as st

from gridgis.contract import GridError, GridWarning
from gridgis.pages import coverage_map, hotspot_map, vendored
from gridgis.pages.basemaps import base_map, gcj02
from gridgis.pages.exploring import explore
from gridgis.pages.gridmap import GridMap
from gridgis.pages.literal import SafeHtml, literal, text_only, walk
from gridgis.pages.page import json_block
from gridgis.pages.picture import picture
from gridgis.pages.sites import site_files
from gridgis.privacy import publish

MIDDLE = [36.2, 113.1]
POINT = {"type": "Feature", "properties": {"kind": "{% x"}, "geometry": {"type": "Point", "coordinates": [113, 36]}}


def render(made):
    return made.get_root().render()


def published(**values):
    from test_maps import published

    return published(**values)


# --- assets -------------------------------------------------------------------------------------------------------


def manifest():
    return json.loads((files("gridgis.pages") / "assets" / "manifest.json").read_text(encoding="utf-8"))["libraries"]


@pytest.mark.parametrize("library", manifest(), ids=lambda library: library["name"])
def test_vendored_files_are_what_the_manifest_says(library):
    folder = files("gridgis.pages") / "assets"
    for name, expected in library["sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected, name
    assert library["version"] and library["licence"]
    (licence,) = [name for name in library["sha256"] if name.endswith("-LICENSE.txt")]
    assert re.search(r"Permission (to use|is hereby)|Redistribution and use", vendored.asset(licence))
    assert set(library["addresses"].values()) <= set(library["sha256"])


def test_assets_stay_small_and_ask_for_nothing():
    folder = files("gridgis.pages") / "assets"
    assert sum(len(path.read_bytes()) for path in folder.iterdir()) < 1_500_000
    for library in manifest():
        for name in library["sha256"]:
            if name.endswith(".js"):
                text = vendored.script(name)
                assert "</script" not in text
                assert not re.search(r"//[#@] sourceMappingURL=\S+\s*$", text)
                assert not re.search(r"(?<![\w.])eval\(", text), name
            elif name.endswith(".css") and name != "fontawesome.css":
                assert re.findall(r"url\((?!\"?data:|#)", vendored.style(name)) == [], name


def test_every_address_of_folium_is_known_or_refused_by_name():
    refused = set()
    for name in dir(plugins):
        kind = getattr(plugins, name)
        for _, address in [*getattr(kind, "default_js", ()), *getattr(kind, "default_css", ())]:
            if vendored.of_address(address) is None:
                refused.add(name)
    assert refused == {
        "Geocoder", "HeatMapWithTime", "MeasureControl", "Realtime", "TimeSliderChoropleth", "Timeline", "TimelineSlider",
        "TimestampedGeoJson", "TimestampedWmsTileLayers", "VectorGridProtobuf", "GeoMan",
    } & set(dir(plugins))  # fmt: skip


def test_a_page_holds_only_what_its_children_need():
    bare = render(GridMap(MIDDLE))
    assert len(bare) < 175_000
    for word in ("AwesomeMarkers", "Font Awesome", "Glyphicons", "markercluster", "jQuery", "bootstrap"):
        assert word not in bare
    made = GridMap(MIDDLE)
    folium.Marker(MIDDLE, icon=folium.Icon(icon="cloud", prefix="fa")).add_to(made)
    assert ".fa-cloud:before" in render(made)
    assert ".fa-filter:before" not in render(made)
    folium.Marker(MIDDLE, icon=folium.Icon(icon="no-such-thing")).add_to(made)
    with pytest.raises(GridError, match="glyphicon-no-such-thing"):
        render(made)


# --- what is refused ----------------------------------------------------------------------------------------------


def head_link(made):
    made.get_root().header.add_child(folium.JavascriptLink("https://cdn.example/x.js"))


def own_plugin(made):
    made.default_js = [("own", "https://cdn.example/own.js")]


def in_head(text):
    return lambda made: made.get_root().header.add_child(folium.Element(text))


def in_body(text):
    return lambda made: made.get_root().html.add_child(folium.Element(text))


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda made: folium.TileLayer("OpenStreetMap").add_to(made), "https://tile.openstreetmap.org"),
        (lambda made: plugins.Geocoder().add_to(made), "leaflet-control-geocoder"),
        (lambda made: plugins.MeasureControl().add_to(made), "leaflet-measure"),
        (lambda made: plugins.MiniMap().add_to(made), "https://tile.openstreetmap.org"),
        (lambda made: plugins.FloatImage("https://a.example/b.png").add_to(made), "https://a.example/b.png"),
        (lambda made: plugins.ScrollZoomToggler().add_to(made), "ionicons"),
        (head_link, "https://cdn.example/x.js"),
        (own_plugin, "https://cdn.example/own.js"),
        (in_head("<style>@import '//a.example/b.css'</style>"), "//a.example/b.css"),
        (in_body("<img src='https://a.example/b.png'>"), "b.png"),
        (in_body("<p style='background:url(c.png)'>"), "c.png"),
    ],
)
def test_outside_addresses_are_named(spoil, named, tmp_path):
    made = GridMap(MIDDLE)
    spoil(made)
    with pytest.raises(GridError, match="outside") as caught:
        made.save(tmp_path / "map.html")
    assert named in str(caught.value)
    with pytest.raises(GridError, match="outside"):
        made.save_site(tmp_path / "site")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (in_body("<script>1</script>"), "would not run"),
        (in_body("<p onclick='1'>"), "attribute"),
        (
            lambda made: folium.Marker(MIDDLE, popup=folium.Popup(folium.IFrame("<p>x"))).add_to(made),
            "a popup holds a IFrame",
        ),
    ],
)
def test_what_would_not_run_is_refused(spoil, sentence):
    made = GridMap(MIDDLE)
    spoil(made)
    with pytest.raises(GridError, match=sentence):
        render(made)


def test_a_map_in_another_figure_is_refused():
    made = GridMap(MIDDLE)
    figure = Figure()
    figure.add_child(made)
    with pytest.raises(GridError, match="page of its own"):
        figure.render()


# --- text ---------------------------------------------------------------------------------------------------------


def test_text_in_braces_is_never_run_as_a_template():
    made = GridMap(MIDDLE)
    both = {"type": "FeatureCollection", "features": [POINT]}
    folium.GeoJson(both, tooltip=folium.GeoJsonTooltip(["kind"])).add_to(made)
    folium.GeoJson({**POINT, "properties": {"kind": "{{ 7*7 }}"}}).add_to(made)
    text = render(made)
    assert "{{ 7*7 }}" in text
    assert "{% x" in text


@pytest.mark.parametrize(
    "payload", ["<img src=x onerror=pwned=1>", "</script><script>", "`;pwned=1;`", "${pwned=1}", "'\"\\"]
)
def test_text_of_children_is_written_as_text(payload):
    made = GridMap(MIDDLE)
    group = folium.FeatureGroup(name=payload).add_to(made)
    folium.CircleMarker(MIDDLE, tooltip=payload, popup=payload).add_to(group)
    both = {"type": "FeatureCollection", "features": [{**POINT, "properties": {payload: payload}}]}
    detail = folium.GeoJsonTooltip([payload], aliases=[payload])
    folium.GeoJson(both, name="kinds", tooltip=detail, style_function=lambda _: {"color": "red"}).add_to(made)
    folium.LayerControl().add_to(made)
    code = made.get_root().document().scripts[-1]
    assert "<img" not in code
    assert "</script" not in code
    assert f"feature.properties.{payload}" not in code
    assert "`" not in re.sub(r'"(?:[^"\\]|\\.)*"', "", code), "no template string of a script holds a text"


def test_children_are_left_as_they_were():
    made = GridMap(MIDDLE)
    group = folium.FeatureGroup("<b>").add_to(made)
    mark = folium.CircleMarker(MIDDLE, tooltip="<b>", popup="<b>").add_to(group)
    layer = folium.GeoJson({"type": "FeatureCollection", "features": [POINT]}, style_function=lambda _: {}).add_to(made)
    icon = folium.DivIcon(html="<b>")
    folium.Marker(MIDDLE, icon=icon).add_to(made)
    before = [dict(vars(element)) for element in walk(made.get_root())]
    first = render(made)
    assert render(made) == first
    after = {id(element): vars(element) for element in walk(made.get_root())}
    assert group.layer_name == "<b>"
    assert icon.options["html"] == "<b>"
    assert layer.smooth_factor is None
    assert "_template" not in vars(next(iter(mark._children.values())))
    assert len(before) <= len(after)


@given(st.text(st.characters(codec=None), max_size=60))
def test_literal_text_has_no_meaning(text):
    assert not re.search("[<>\"'`$\\\\{}%]", literal(text))
    assert str(SafeHtml("a") + text) == "a" + text
    assert not isinstance(f"{SafeHtml('a')}{text}", SafeHtml)


def test_markup_must_need_nothing_from_outside():
    assert literal(SafeHtml("<b>x</b>")) == "<b>x</b>"
    assert literal(str(SafeHtml("<b>"))) == "<b>"
    for bad in ("<img src='https://a.example/b.png'>", "<b onclick='x()'>"):
        with pytest.raises(GridError):
            SafeHtml(bad)


def test_an_error_while_rendering_leaves_folium_as_it_was():
    import branca.element

    template = branca.element.Template
    with pytest.raises(ZeroDivisionError), text_only(GridMap(MIDDLE).get_root()):
        raise ZeroDivisionError
    assert branca.element.Template is template
    assert folium.Element("{{ 1 + 1 }}").render() == "2"


# --- notebooks, files, sites --------------------------------------------------------------------------------------


def test_notebooks_get_a_sandboxed_frame_of_fixed_height():
    shown = GridMap(MIDDLE, title='a"b', notebook_height=333)._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert 'sandbox="allow-scripts"' in shown
    assert 'height="333px"' in shown
    assert 'title="a&quot;b"' in shown


def test_the_same_map_gives_the_same_bytes(tmp_path):
    def made():
        one = GridMap(MIDDLE)
        plugins.MarkerCluster([MIDDLE], popups=["a"]).add_to(one)
        folium.Marker(MIDDLE, icon=folium.Icon()).add_to(one)
        return one

    made().save(tmp_path / "a.html")
    stream = io.BytesIO()
    made().save(stream, close_file=False)
    assert (tmp_path / "a.html").read_bytes() == stream.getvalue()
    assert site_files(made().get_root().document()) == site_files(made().get_root().document())


def test_a_site_has_nothing_inline(tmp_path):
    made = hotspot_map(published(), title="</title><script>x</script>")
    plugins.Draw(export=True).add_to(made)
    plugins.FloatImage("data:image/gif;base64,R0lGODlhAQABAAAAACw=").add_to(made)
    page = made.save_site(tmp_path / "site")
    text = page.read_text(encoding="utf-8")
    assert page == tmp_path / "site" / "index.html"
    assert not re.search(r"<[^>]+\sstyle\s*=|<style|data:image|data:font|<[^>]+\son\w+\s*=", text)
    assert re.findall(r"<script(?![^>]* type=)[^>]*>", text) == [
        '<script src="library.js">',
        '<script src="map.js">',
    ]
    names = {path.name for path in page.parent.iterdir()}
    used = set(re.findall(r"part-[0-9a-f]{16}\.\w+", text + (page.parent / "map.css").read_text(encoding="utf-8")))
    assert used <= names
    assert "data:image" not in (page.parent / "map.css").read_text(encoding="utf-8")
    assert made.save_site(tmp_path / "site") == page


def test_a_site_spares_the_files_of_others(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(GridError, match=r"other files \(note.txt\)"):
        GridMap(MIDDLE).save_site(tmp_path)
    with pytest.raises(GridError, match="a file of this name"):
        GridMap(MIDDLE).save_site(tmp_path / "note.txt")
    (tmp_path / "portal").mkdir()
    (tmp_path / "portal" / "index.html").write_text("<p>somebody else's</p>")
    with pytest.raises(GridError, match=r"holds other files \(index.html\)"):
        GridMap(MIDDLE).save_site(tmp_path / "portal")
    assert (tmp_path / "portal" / "index.html").read_text() == "<p>somebody else's</p>"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["note.txt", "portal"]


# --- the picture --------------------------------------------------------------------------------------------------


def test_the_picture_shows_the_first_theme_as_text_and_shapes():
    spec = hotspot_map(published(parents=["<b>", "&", "'"]), title="</figure><script>1</script>").spec
    text = picture(spec)
    assert "<script" not in text
    assert "</figure>" in text
    for look in spec.classes:
        assert f": {look.cells}</li>" in text
    assert text.count("<path") >= len(spec.classes)
    assert picture(spec) == text


@pytest.mark.parametrize(("side", "most"), [(16, 12_000), (60, 40_000)])
def test_the_picture_stays_small(side, most):
    from gridgis.privacy import publish

    cells = [
        shapely.box(4e5 + i * 50, 4e6 + j * 50, 4e5 + i * 50 + 50, 4e6 + j * 50 + 50)
        for i in range(side)
        for j in range(side)
    ]
    names = [f"{i:05d}" for i in range(len(cells))]
    table = gpd.GeoDataFrame(
        {"grid_code": names, "parent_code": [name[:3] for name in names]}, geometry=cells, crs=4547
    )
    table["count"] = np.random.default_rng(1).integers(10, 90, len(table))
    text = picture(hotspot_map(publish(table, measures=["count"]), value="count").spec)
    assert 1_000 < len(text) < most


# --- base maps ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("OpenStreetMap", "x", "wgs84"), "expected an address"),
        (("https://t.example/{z}/{x}/{y}.png", "", "wgs84"), "who made the tiles"),
        (("https://t.example/{z}/{x}/{y}.png", None, "wgs84"), "who made the tiles"),
        (("https://t.example/{z}/{x}/{y}.png", "x", "bd09"), "'bd09'"),
        (("https://t.example;img-src/{z}", "x", "wgs84"), "expected an address"),
        (("https://webrd01.is.autonavi.com/{z}/{x}/{y}", "x", "wgs84"), "GCJ-02"),
    ],
)
def test_base_maps_are_checked(arguments, sentence):
    with pytest.raises(GridError, match=sentence):
        base_map(*arguments)


def test_a_named_host_and_no_other_is_allowed():
    made = GridMap(MIDDLE, tiles="https://tiles.example/{z}/{x}/{y}.png", attribution="<i>Maker</i>")
    text = render(made)
    assert "img-src data: https://tiles.example; connect-src 'none'" in text
    assert "Maker" in text and "<i>Maker" not in text
    made.add_child(base_map("https://b.example/{z}/{x}/{y}.png", "x", "gcj02"))
    with pytest.raises(GridError, match="do not fit"):
        render(made)


def test_gcj02_leaves_places_outside_china_alone():
    lon, lat = np.array([2.35, 116.4]), np.array([48.85, 39.9])
    east, north = gcj02(lon, lat)
    assert (east[0], north[0]) == (2.35, 48.85)
    assert 400 < np.hypot((east[1] - lon[1]) * 85_000, (north[1] - lat[1]) * 111_000) < 700


# --- explore ------------------------------------------------------------------------------------------------------


def cells(**columns):
    shapes = [shapely.box(420000 + 100 * i, 4007000, 420100 + 100 * i, 4007100) for i in range(4)]
    columns = {
        name: value if isinstance(value, list | pd.Series | pd.Index | pd.Categorical) else [value] * 4
        for name, value in columns.items()
    }
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=4547)


def twice(table):
    """A table that has its first column once more."""
    return gpd.GeoDataFrame(pd.concat([table, table.iloc[:, [0]]], axis=1), geometry="geometry", crs=table.crs)


def grid_of_one():
    codes = {"grid_code": ["9901001"], "parent_code": ["9901"]}
    return gpd.GeoDataFrame({"households": [120], **codes}, geometry=[shapely.box(0, 0, 1, 1)], crs=4547)


def model(made):
    (legend,) = [child for child in made._children.values() if child._name == "ClassLegend"]
    return legend.model


def test_what_went_through_no_publish_is_marked_internal():
    marks = [child for child in explore(cells(n=1), lang="zh")._children.values() if child._name == "InternalMark"]
    assert [mark.text for mark in marks] == ["内部"]
    made = explore(cells(n=1), m=explore(cells(n=1)))
    assert sum(child._name == "InternalMark" for child in made._children.values()) == 1


@pytest.mark.parametrize("scheme", ["quantiles", "equal_interval", "natural_breaks"])
@pytest.mark.parametrize("values", [[1.0, 2, 3, np.nan], [5, 5, 5, 5], [np.nan] * 4, [1, 2, 3, np.inf]])
def test_legends_count_every_row(scheme, values):
    rows = model(explore(cells(n=values), "n", scheme=scheme, k=2))["rows"]
    assert sum(row["count"] for row in rows) == 4
    assert all(row["count"] for row in rows)


def test_columns_of_any_kind_are_shown():
    table = cells(
        a=["x", None, "y", "x"], b=[True, False, True, True], c=pd.to_datetime(["2024-01-01"] * 3 + [None]),
        d=pd.Categorical(["u", "v", "u", "v"]), e=[[1], {}, "t", None],
    )  # fmt: skip
    for column in "abcd":
        text = render(explore(table, column, popup=["e"], cmap=["#ff0000", "#00ff00"], name="n"))
        assert "2024-01-01" in text
    assert [row["text"] for row in model(explore(table, "a"))["rows"]] == ["x", "y", "no data"]
    assert [row["count"] for row in model(explore(table, [1, 2, 3, 4]))["rows"]] == [1, 1, 1, 1]
    assert "#440154" in render(explore(cells(n=[1, 2, 3, 4]), "n", cmap="viridis"))


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
def test_a_series_goes_by_its_index(order):
    """As in GeoDataFrame.explore: sorting the values, or the rows of the table, changes no colour."""
    table = cells(kind=["a", "b", "c", "d"]).set_index("kind", drop=False)
    values = pd.Series([10, 20, 30, 40], index=list("abcd"), name="calls")
    made, plain = explore(table, values.iloc[order]), explore(table.assign(calls=values), "calls", tooltip=["kind"])
    assert model(made) == model(plain)
    assert fills(made) == fills(plain)
    assert fills(explore(table.iloc[order], values)) == {row: fills(plain)[i] for row, i in enumerate(order)}
    assert fills(explore(table, values.to_numpy())) == fills(explore(table, values.to_list())) == fills(plain)


def fills(made):
    """The colour of each row."""
    (layer,) = [child for child in made._children.values() if isinstance(child, folium.GeoJson)]
    return {int(one["id"]): layer.style_function(one)["fillColor"] for one in layer.data["features"]}


def test_a_series_without_some_rows_leaves_them_without_a_value():
    table = cells(n=1).set_axis(list("abcd"))
    with pytest.warns(GridWarning, match="no value for 1 rows: d"):
        made = explore(table, pd.Series([1, 2, 3, 4], index=list("abcx")))
    assert [(row["text"], row["count"]) for row in model(made)["rows"]][-1] == ("no data", 1)
    same = cells(n=1).set_axis(list("aabb"))
    assert sum(row["count"] for row in model(explore(same, pd.Series([1, 2, 3, 4], index=list("aabb"))))["rows"]) == 4
    with pytest.warns(GridWarning, match="1 rows have no shape"):
        made = explore(gpd.GeoSeries([None, *table.geometry[1:]], crs=4547), pd.Series([9, 1, 2, 3]))
    assert [row["text"] for row in model(made)["rows"]] == ["1", "2", "3"]


def test_bytes_are_text_or_a_number_of_bytes():
    table = cells(b=[b"caf\xc3\xa9", b"\x01\xff", bytearray(b"\x00"), None])
    for column in ("b", table["b"], list(table["b"])):
        assert [row["text"] for row in model(explore(table, column))["rows"]] == [
            "1 bytes",
            "2 bytes",
            "café",
            "no data",
        ]
    half = cells(b=pd.Series(["\ud800网", "x", "y", "y"], dtype=object))
    assert [row["text"] for row in model(explore(half, "b"))["rows"]] == ["?网", "x", "y"]
    with pytest.warns(GridWarning, match="hold persons are left out: b"):
        explore(cells(b=[b"call 13812345678", None, None, None]))


def row_of(values, **columns):
    """One square a value, in a row."""
    shapes = [shapely.box(420000 + 10 * i, 4007000, 420010 + 10 * i, 4007010) for i in range(len(values))]
    return gpd.GeoDataFrame({"n": values, **columns}, geometry=shapes, crs=4547)


@pytest.mark.parametrize(
    ("scheme", "k", "values", "texts"),
    [
        ("quantiles", 3, [6, 5, 4, 3, 2, 1], ["1 – 2", "3 – 4", "5 – 6"]),
        ("quantiles", 2, [1, 1, 1, 1, 2, 3], ["1", "2 – 3"]),
        ("quantiles", 3, [7, 7, 8], ["7", "8"]),
        ("equal_interval", 2, range(11), ["0 – 4", "5 – 10"]),
        ("equal_interval", 5, range(11), ["0 – 1", "2 – 3", "4 – 5", "6 – 7", "8 – 10"]),
        ("equal_interval", 4, [0, 1, 2, 3, 100], ["0 – 3", "100"]),
        ("natural_breaks", 3, [1, 2, 3, 10, 11, 12, 20, 21], ["1 – 3", "10 – 12", "20 – 21"]),
        ("natural_breaks", 2, [0, 1, 2, 3, 100], ["0 – 3", "100"]),
        ("natural_breaks", 12, [5, 5], ["5"]),
        ("quantiles", 1, [1, 2, 99_999.4, 100_000], ["1 – 100,000"]),
        ("quantiles", 4, [0.5, 99_999.4, 100_000.4, 1e15], ["0.5", "99,999", "100,000", "1e+15"]),
    ],
)
def test_classes_begin_and_end_where_they_are_said_to(scheme, k, values, texts):
    made = explore(row_of(list(values)), "n", scheme=scheme, k=k)
    assert [row["text"] for row in model(made)["rows"]] == texts
    assert sum(row["count"] for row in model(made)["rows"]) == len(values)
    colours = dict(
        zip([row["text"] for row in model(made)["rows"]], [row["fill"] for row in model(made)["rows"]], strict=True)
    )
    low = {float(text.split(" – ")[0].replace(",", "")): colour for text, colour in colours.items()}
    for value, fill in zip(values, fills(made).values(), strict=True):
        assert fill == low[max((start for start in low if start <= value), default=min(low))]


@pytest.mark.parametrize("k", [1, 12])
def test_as_many_classes_as_are_allowed(k):
    assert len(model(explore(row_of(range(40)), "n", k=k))["rows"]) == k
    with pytest.raises(GridError, match="from 1 to 12"):
        explore(row_of(range(40)), "n", k=13 if k == 12 else 0)


def test_names_that_cannot_be_told_apart_are_too_many():
    names = [f"n{i:04d}" for i in range(1001)]
    assert len(model(explore(row_of(names[:1000]), "n"))["rows"]) == 1000
    with pytest.raises(GridError, match="1001 different names"):
        explore(row_of(names), "n")


def test_many_shapes_are_drawn_on_a_canvas():
    def on_canvas(count):
        options = explore(row_of(range(count))).options  # folium writes the name in either way
        return options.get("prefer_canvas", options.get("preferCanvas"))

    assert on_canvas(2000) is False
    assert on_canvas(2001) is True


def test_shapes_are_written_to_a_centimetre_in_their_place():
    (layer,) = [child for child in explore(row_of([1]))._children.values() if isinstance(child, folium.GeoJson)]
    ring = np.array(layer.data["features"][0]["geometry"]["coordinates"][0])
    true = np.array(row_of([1]).to_crs(4326).geometry[0].exterior.coords)
    assert np.abs(ring[:, None] - true[None]).max(axis=2).min(axis=1).max() <= 0.6e-7
    assert (ring == np.round(ring, 7)).all()


@pytest.mark.parametrize("shape", [shapely.Point(0, 0), shapely.MultiPoint([(0, 0), (1, 1)])])
def test_persons_are_no_points_of_any_sort(shape):
    with pytest.raises(GridError, match="no layer of persons"):
        explore(gpd.GeoDataFrame({"phone": ["13812345678"]}, geometry=[shape], crs=4326))


@pytest.mark.parametrize(("cmap", "wanted"), [("tab10", ["#1f77b4", "#ff7f0e"]), ("viridis", ["#440154", "#fde725"])])
def test_names_take_the_first_colours_of_a_list_and_the_ends_of_a_ramp(cmap, wanted):
    assert [row["fill"] for row in model(explore(row_of(["a", "b"]), "n", cmap=cmap))["rows"]] == wanted


def test_columns_may_have_any_name():
    table = cells(n=[1, 2, 3, 4]).rename(columns={"n": 5}).assign(**{"gridgis row": [4, 3, 2, 1]})
    assert model(explore(table, 5))["rows"] == model(explore(table, [1, 2, 3, 4]))["rows"]
    assert "gridgis row" in render(explore(table))


@pytest.mark.parametrize(
    "values",
    [
        pd.array([1, None, 3], dtype="Int64"), pd.array([True, None, False], dtype="boolean"), [1, "a", None],
        pd.arrays.SparseArray([1, 0, 2]), np.array([2**63 + 5, 1, 2], "uint64"), [10**30, 1, None], [1j, 2, 3],
        pd.period_range("2024-01", periods=3, freq="M"), pd.interval_range(0, 3), pd.to_timedelta([1, 2, None], "h"),
        pd.Categorical([3, 1, None], categories=[1, 2, 3]), [[1], {}, None], [None] * 3, ["a\0b", "</script>", ""],
    ],
    ids=lambda values: str(getattr(values, "dtype", type(values).__name__)),
)  # fmt: skip
def test_values_of_any_type_are_counted_once(values):
    shapes = [shapely.box(420000 + 10 * i, 4007000, 420010 + 10 * i, 4007010) for i in range(3)]
    table = gpd.GeoDataFrame({"n": values}, geometry=shapes, crs=4547)
    for column in ("n", values, table["n"]):
        made = explore(table, column, popup=True)
        assert sum(row["count"] for row in model(made)["rows"]) == 3
        assert "gridgis" in render(made)


def test_any_crs_and_mixed_shapes():
    shapes = [shapely.Point(13, 52), shapely.LineString([(13, 52), (13.1, 52.1)]), shapely.box(13, 52, 13.1, 52.1)]
    series = gpd.GeoSeries(shapes, crs=4326)
    assert isinstance(explore(series), folium.Map)
    made = GridMap([52, 13])
    assert explore(series.to_crs(25833), m=made, legend=False) is made
    with pytest.warns(GridWarning, match="1 rows have no shape"):
        explore(gpd.GeoSeries([*shapes, None], crs=4326))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: explore(pd.DataFrame({"a": [1]})), "expected a GeoDataFrame"),
        (lambda: explore(gpd.GeoSeries([shapely.Point(0, 0)])), "no CRS"),
        (lambda: explore(cells(), "n"), "column"),
        (lambda: explore(cells(n=1), tooltip=["x"]), "tooltip"),
        (lambda: explore(cells(n=1), "n", scheme="jenks"), "scheme"),
        (lambda: explore(cells(n=1), "n", k=0), "k: expected"),
        (lambda: explore(cells(n=1), "n", cmap="no such"), "cmap"),
        (lambda: explore(cells(n=1), colour="red"), "unknown option colour"),
        (lambda: explore(cells(n=1), m=folium.Map()), "expected a GridMap"),
        (lambda: explore(cells(phone="13812345678"), "phone"), "holds persons"),
        (lambda: explore(cells(n=1), ["13812345678"] * 4), "holds persons"),
        (lambda: explore(cells(n=1), pd.Series(["a"] * 4, name="phone")), "phone holds persons"),
        (lambda: explore(cells(n=1), [1, 2, 3]), "a value for each of the 4 rows, got 3"),
        (lambda: explore(cells(n=1), [1, 2, 3, 4, 5]), "a value for each of the 4 rows, got 5"),
        (lambda: explore(cells(n=1), pd.Series(range(5))), "a value for each of the 4 rows, got 5"),
        (
            lambda: explore(cells(n=1), pd.Series(range(4), index=list("abcd"))),
            "none of its labels.*a, b, c and 1 more",
        ),
        (lambda: explore(cells(n=1), pd.Series(range(4), index=[0, 1, 1, 2])), "more than once: 1"),
        (lambda: explore(cells(n=1), np.ones((4, 2))), "one value for each row"),
        (lambda: explore(cells(n=1), pd.DataFrame({"n": range(4)})), "one value for each row"),
        (lambda: explore(cells(n=1), {"a": 1}), "one value for each row, in order, got dict"),
        (lambda: explore(cells(n=1), cells(n=1).geometry), "shapes have no colour"),
        (lambda: explore(cells(n=1), 5), "column: expected one of n, got 5"),
        (lambda: explore(twice(cells(n=1))), "each column once; more than once: n; rename or drop"),
        (lambda: publish(twice(grid_of_one()), measures=["households"]), "table: expected each column once"),
        (
            lambda: explore(gpd.GeoDataFrame({"phone": ["13812345678"]}, geometry=[shapely.Point(0, 0)], crs=4326)),
            "no layer of persons",
        ),
    ],
)
def test_what_explore_refuses(call, sentence):
    with pytest.raises(GridError, match=sentence):
        call()


def test_persons_never_reach_the_page():
    with pytest.warns(GridWarning, match="phone"):
        made = explore(cells(phone="13812345678", n=[1, 2, 3, 4]), "n", popup=True)
    assert "13812345678" not in render(made)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explore(cells(n=1))


def test_json_blocks_end_nowhere():
    assert "<" not in json_block({"a": "</script>"})


def test_maps_with_our_layer_hold_a_picture():
    assert "gridgis-picture" in render(coverage_map(published()))
    assert "gridgis-picture" not in render(GridMap(MIDDLE))
