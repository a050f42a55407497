"""Maps: offline, escaped, equal in page and image, nothing in the file that readers may not see."""

import base64
import dataclasses
import hashlib
import io
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.resources import files

import folium
import geopandas as gpd
import numpy as np
import pytest
import shapely
from branca.element import Figure
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis.contract import GridError, GridWarning
from gridgis.maps import classes, coverage_image, coverage_map, hotspot_image, hotspot_map, labels, layer, page, static
from gridgis.maps.gridmap import GridMap
from gridgis.maps.spec import coverage_spec, hotspot_spec
from gridgis.privacy import publish

PAYLOADS = [
    "<img src=x onerror=window.pwned=1>",
    "</script><script>window.pwned=1</script>",
    "`;window.pwned=1;`",
    "${window.pwned=1}",
    "{{ 7*7 }}{% raw %}",
    "a\u2028b\u2029c",
    "\"'\\'\"&amp;<!--<script>",
]


def table(names=None, parents=None, counts=None):
    """Twelve squares of 100 m in three columns of parents; the last cell has no households."""
    x, y = 420000, 4007000
    squares = [
        shapely.box(x + 100 * i, y + 100 * j, x + 100 * i + 100, y + 100 * j + 100) for i in range(3) for j in range(4)
    ]
    parents = parents or ["P1", "P2", "P3"]
    names = names or [f"{parents[i // 4]}-{i % 4 + 1:02d}" for i in range(12)]
    frame = gpd.GeoDataFrame(
        {"grid_code": names, "parent_code": [parents[i // 4] for i in range(12)]}, geometry=squares, crs=4547
    )
    frame["households"] = [120.0 + i for i in range(11)] + [np.nan]
    frame["count"] = counts or [0, 4, 12, 30, 31, 32, 45, 0, 3, 28, 60, 70]
    frame["count_per_100_households"] = frame["count"] / frame["households"] * 100
    return frame


def published(internal=False, notes=("Households are modelled.",), **values):
    measures = ["households", "count", "count_per_100_households"]
    return publish(table(**values), measures=measures, notes=notes, internal=internal)


class Read(HTMLParser):
    """What a browser would see: tags, the text of scripts, the title."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self.blocks, self.title = [], [], {}, ""
        self._now = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        self._now = (tag, attrs)
        if tag == "script" and "type" not in attrs:
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._now = None

    def handle_data(self, data):
        tag, attrs = self._now or (None, {})
        if tag == "title":
            self.title += data
        elif tag == "script" and attrs.get("type") == "application/json":
            self.blocks[attrs["id"]] = self.blocks.get(attrs["id"], "") + data
        elif tag == "script":
            self.scripts[-1] += data

    def data(self):
        (block,) = self.blocks.values()
        return json.loads(block)


def render(made):
    return made.get_root().render()


def outside(text):
    """Addresses that the page would fetch."""
    found = []
    for tag, attrs in Read(text).tags:
        for name in ("src", "srcset", "poster", "background", "data", "action"):
            found += [attrs[name]] if name in attrs else []
        found += [attrs["href"]] if tag in ("link", "base") else []
    styles = re.findall(r"<style[^>]*>(.*?)</style>", text, re.DOTALL)
    for style in styles:
        found += re.findall(r"(?:url\(|@import)\s*[\"']?([^\"')]+)", style)
    return [address for address in found if not address.startswith("data:image/png;base64,")]


# --- what goes in -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [table(), None, "grid.gpkg"])
def test_only_published_tables_are_drawn(wrong, tmp_path):
    for draw in (coverage_map, hotspot_map):
        with pytest.raises(GridError, match=r"maps draw what gridgis\.publish"):
            draw(wrong)
    with pytest.raises(GridError, match=r"maps draw what gridgis\.publish"):
        hotspot_image(wrong, tmp_path / "map.png")


def test_unknown_measure_and_language_are_named():
    with pytest.raises(GridError, match=r"expected one of households, count.*'crime'"):
        hotspot_map(published(), value="crime")
    with pytest.raises(GridError, match="'fr'"):
        coverage_map(published(), lang="fr")


def test_empty_and_shapeless_tables_are_refused():
    good = published()
    with pytest.raises(GridError, match="at least one cell"):
        coverage_map(dataclasses.replace(good, table=good.table.iloc[:0]))
    bare = good.table.copy()
    bare.loc[3, "geometry"] = None
    with pytest.raises(GridError, match="P1-04"):
        coverage_map(dataclasses.replace(good, table=bare))


def test_default_measure_of_hotspots():
    assert hotspot_spec(published()).legend_title == "Events per 100 households"
    counts = publish(table(), measures=["households", "count"])
    assert hotspot_spec(counts).legend_title == "Events"
    assert hotspot_spec(publish(table(), measures=["households"])).legend_title == "Households"


def test_importing_maps_does_not_import_folium_or_matplotlib():
    code = "import sys, gridgis.maps as m; print('folium' in sys.modules, 'matplotlib' in sys.modules); m.GridMap"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


# --- what comes out -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lang", "attribute"), [("en", "en"), ("zh", "zh-CN")])
@pytest.mark.parametrize("draw", [coverage_map, hotspot_map])
def test_page_is_complete_and_needs_nothing_from_outside(draw, lang, attribute):
    made = draw(published(), lang=lang)
    assert isinstance(made, folium.Map)
    text = render(made)
    read = Read(text)
    assert read.tags[0] == ("html", {"lang": attribute})
    assert read.title == made.spec.title
    assert "noscript" in [tag for tag, _ in read.tags]
    assert outside(text) == []
    own = text.replace(page.leaflet()[0], "").replace(page.leaflet()[1], "")
    assert set(re.findall(r"https?://[^\s\"'<>)]+", own)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\beval\s*\(|new Function|fetch\(|XMLHttpRequest|innerHTML", own)
    assert "sourceMappingURL" not in text


def test_policy_allows_exactly_the_scripts_of_the_page():
    read = Read(render(hotspot_map(published())))
    (policy,) = [a["content"] for tag, a in read.tags if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in read.scripts]
    assert rules.pop("script-src").split() == [f"'sha256-{value}'" for value in hashes]
    assert rules == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_data_holds_what_readers_see_and_the_shapes():
    made = hotspot_map(published())
    data = Read(render(made)).data()
    assert data["codes"] == [f"P{p}-{i:02d}" for p in (1, 2, 3) for i in (1, 2, 3, 4)]
    assert [data["parents"][i] for i in data["parentOf"]] == ["P1"] * 4 + ["P2"] * 4 + ["P3"] * 4
    assert data["fields"] == ["Households", "Events", "Events per 100 households"]
    assert data["rows"][3] == ["123", "30", "24.4"]
    assert data["rows"][1][1:] == ["hidden", "hidden"]
    assert data["rows"][11][0] == "no data"
    corners = np.array(data["cells"][0][0][0]).reshape(-1, 2).cumsum(axis=0) / 1e7
    expected = published().table.geometry.iloc[[0]].to_crs(4326).get_coordinates().to_numpy()[:-1]
    assert np.abs(corners - expected).max() <= 0.5000001e-7


def test_shared_corners_have_the_same_numbers():
    shapes = coverage_spec(published()).shapes
    used = {}
    for cell, shape in zip(layer._polygons(shapes.cells, shapes.crs), shapes.cells, strict=True):
        steps = np.array(cell[0][0]).reshape(-1, 2).cumsum(axis=0)
        for metres, number in zip(shapely.get_coordinates(shape)[:-1], steps, strict=True):
            used.setdefault(tuple(metres), set()).add(tuple(number.tolist()))
    assert len(used) == 20
    assert all(len(numbers) == 1 for numbers in used.values())


def test_holes_and_pieces_are_kept():
    good = published()
    two = good.table.copy()
    ring = shapely.box(420000, 4007000, 420100, 4007100).difference(shapely.box(420040, 4007040, 420060, 4007060))
    two.loc[0, "geometry"] = shapely.MultiPolygon([ring, shapely.box(419000, 4007000, 419100, 4007100)])
    cell = Read(render(coverage_map(dataclasses.replace(good, table=two)))).data()["cells"][0]
    assert [len(polygon) for polygon in cell] == [2, 1]
    static.image_bytes(coverage_spec(dataclasses.replace(good, table=two)), "svg")


def test_hidden_values_and_other_columns_are_not_in_the_file(tmp_path):
    good = published()
    planted = good.table.copy()
    hidden = planted["count_status"] == "hidden"
    assert hidden.any()
    planted.loc[hidden, "count"] = 98765.0
    planted["phone"] = "13800001111"
    leaky = dataclasses.replace(good, table=planted)
    for draw in (coverage_map, hotspot_map):
        text = render(draw(leaky))
        assert "98765" not in text.replace(",", "")
        assert "13800001111" not in text
    svg = static.image_bytes(hotspot_spec(leaky, value="count"), "svg").decode()
    assert "98765" not in svg
    assert "13800001111" not in svg


def test_internal_maps_say_so():
    inside, public = coverage_map(published(internal=True), lang="zh"), coverage_map(published(), lang="zh")
    assert Read(render(inside)).data()["internal"] is True
    assert inside.spec.notes[-1] == "仅供内部使用。"
    assert not any("隐藏" in line for line in inside.spec.notes)
    assert Read(render(public)).data()["internal"] is False
    assert any("隐藏" in line for line in public.spec.notes)


# --- text stays text ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", PAYLOADS)
def test_payloads_come_back_as_text(payload):
    names = [f"{payload}{i:02d}" for i in range(12)]
    source = table(names=names, parents=[payload + "A", payload + "B", payload + "C"])
    source[f"count_{payload}"] = source["count"]
    shown = publish(source, measures=["count", f"count_{payload}"], notes=[payload])
    text = render(hotspot_map(shown, title=payload))
    read = Read(text)
    data = read.data()
    assert sorted(data["codes"]) == sorted(names)
    assert data["parents"] == [payload + letter for letter in "ABC"]
    assert data["fields"][1] == payload
    assert data["notes"][0] == payload
    assert data["title"] == payload
    assert read.title.strip() == payload
    clean = Read(render(hotspot_map(published())))
    assert read.scripts == clean.scripts, "data must not change a script"
    assert [tag for tag, _ in read.tags] == [tag for tag, _ in clean.tags]


@given(st.text(st.characters(codec=None), max_size=60))
@settings(max_examples=400, deadline=None)
def test_any_text_survives_its_block(text):
    block = page.json_block({"text": text})
    assert json.loads(block)["text"] == text
    assert not re.search("[<>&\u2028\u2029]", block)
    block.encode("utf-8")


@given(st.text(max_size=40), st.text(st.characters(codec=None), max_size=40))
@settings(max_examples=12, deadline=None)
def test_any_text_survives_the_page(code, note):
    names = [f"{i:02d}{code}" for i in range(12)]
    text = render(coverage_map(published(names=names, notes=(note,)), title=note))
    data = Read(text.encode("utf-8").decode("utf-8")).data()
    assert sorted(data["codes"]) == sorted(names)
    assert data["notes"][0] == note
    assert data["title"] == (note or "Service cells by parent")


@pytest.mark.parametrize("payload", PAYLOADS[:4] + PAYLOADS[5:])
def test_text_of_folium_children_is_written_as_text(payload):
    made = GridMap([36.2, 113.1])
    group = folium.FeatureGroup(name=payload).add_to(made)
    mark = folium.CircleMarker([36.2, 113.1], tooltip=payload, popup=payload).add_to(group)
    shape = {
        "type": "Feature",
        "properties": {"kind": payload},
        "geometry": {"type": "Point", "coordinates": [113, 36]},
    }
    detail = folium.GeoJsonTooltip(["kind"], aliases=[payload])
    features = {"type": "FeatureCollection", "features": [shape]}
    child = folium.GeoJson(features, name="kinds", tooltip=detail, marker=folium.CircleMarker()).add_to(made)
    folium.LayerControl().add_to(made)
    text = render(made)
    read = Read(text)
    assert outside(text) == []
    own = "".join(read.scripts[1:])
    assert payload not in own or payload == PAYLOADS[5]
    assert "<img src=x" not in own
    assert "${window" not in own
    assert len(read.scripts) == 3, "Leaflet, the switches of folium, the page"
    assert group.layer_name == payload
    assert detail.aliases == [payload]
    assert child.data["features"][0]["properties"]["kind"] == payload
    assert next(iter(mark._children.values())) is not None
    assert render(made) == text


def test_text_in_braces_is_never_run_as_a_template():
    made = GridMap([36.2, 113.1])
    shape = {
        "type": "Feature",
        "properties": {"kind": "{{ 7*7 }}"},
        "geometry": {"type": "Point", "coordinates": [113, 36]},
    }
    folium.GeoJson(shape).add_to(made)
    assert "{{ 7*7 }}" in render(made)
    folium.GeoJson({**shape, "properties": {"kind": "{% x"}}).add_to(made)
    with pytest.raises(GridError, match="template"):
        render(made)


def test_layer_works_in_a_group_and_in_a_plain_map():
    from gridgis.maps import GridLayer

    for made in (GridMap([36.2, 113.1]), folium.Map([36.2, 113.1], tiles=None)):
        group = folium.FeatureGroup("cells").add_to(made)
        GridLayer(coverage_spec(published()), name="by parent").add_to(group)
        read = Read(render(made))
        assert len(read.data()["cells"]) == 12
        assert "gridgis.layer(" in read.scripts[-1]
        (south, west), (north, east) = made.get_bounds()
        assert 36 < south < north < 36.4
        assert 113 < west < east < 113.3


# --- offline ------------------------------------------------------------------------------------------------------


def test_folium_children_without_outside_assets_work():
    made = coverage_map(published())
    folium.Marker([36.2, 113.1], tooltip="office").add_to(made)
    folium.GeoJson(shapely.box(113, 36, 113.1, 36.1).__geo_interface__, name="box").add_to(made)
    made.fit_bounds([[36, 113], [36.1, 113.1]])
    made.keep_in_front(folium.FeatureGroup("front").add_to(made))
    text = render(made)
    assert outside(text) == []
    assert "smoothFactor: 0" in text
    assert "data:image/png;base64" in text
    assert "window.$" in text


def add_script_link(made):
    made.get_root().header.add_child(folium.JavascriptLink("https://cdn.example/x.js"))


def add_plugin(made):
    from folium.plugins import Fullscreen

    Fullscreen().add_to(made)


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda made: folium.TileLayer("OpenStreetMap").add_to(made), "https://tile.openstreetmap.org"),
        (add_plugin, "https://cdn"),
        (add_script_link, "https://cdn.example/x.js"),
        (
            lambda made: made.get_root().header.add_child(folium.Element("<style>@import '//a.example/b.css'</style>")),
            "a.e",
        ),
        (lambda made: made.get_root().html.add_child(folium.Element("<img src='https://a.example/b.png'>")), "b.png"),
        (lambda made: made.get_root().html.add_child(folium.Element("<p style='background:url(c.png)'>")), "c.png"),
        (lambda made: folium.Marker([36, 113], icon=folium.Icon()).add_to(made), "folium.Icon"),
    ],
)
def test_outside_addresses_are_named(spoil, named, tmp_path):
    made = coverage_map(published())
    spoil(made)
    target = tmp_path / "map.html"
    with pytest.raises(GridError, match="outside") as caught:
        made.save(target)
    assert named in str(caught.value)
    assert not target.exists()


def test_a_script_among_the_html_is_refused():
    made = coverage_map(published())
    made.get_root().html.add_child(folium.Element("<script>1</script>"))
    with pytest.raises(GridError, match="would not run"):
        render(made)


def test_a_map_in_another_figure_is_refused():
    made = GridMap([36.2, 113.1])
    figure = Figure()
    figure.add_child(made)
    with pytest.raises(GridError, match="page of its own"):
        figure.render()


def test_vendored_files_are_what_the_manifest_says():
    folder = files("gridgis.maps") / "assets"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for name, expected in manifest["sha256"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected, name
    assert manifest["version"] == "1.9.4"
    assert f'version="{manifest["version"]}"' in page.asset("leaflet.js")
    assert "Redistribution and use" in page.asset("leaflet-LICENSE.txt")


def test_notebooks_get_a_sandboxed_frame():
    shown = hotspot_map(published(), title='a"b')._repr_html_()
    (tag,) = Read(shown).tags
    assert tag[0] == "iframe"
    assert tag[1]["sandbox"] == "allow-scripts"
    assert tag[1]["width"] and tag[1]["height"]
    assert outside(tag[1]["srcdoc"]) == []
    assert Read(tag[1]["srcdoc"]).title == 'a"b'


# --- the same bytes -----------------------------------------------------------------------------------------------


def test_two_renderings_are_equal_and_ids_are_plain(tmp_path):
    made = hotspot_map(published())
    text = render(made)
    assert render(made) == text
    assert render(hotspot_map(published())) == text
    assert made.get_name().rsplit("_", 1)[1] not in text
    made.save(tmp_path / "map.html")
    assert (tmp_path / "map.html").read_bytes() == text.encode()
    assert [path.name for path in tmp_path.iterdir()] == ["map.html"]
    stream = io.BytesIO()
    made.save(stream, close_file=False)
    assert stream.getvalue() == text.encode()


def test_a_code_that_looks_like_an_id_is_kept():
    code = "0123456789abcdef0123456789abcdef"
    data = Read(render(coverage_map(published(names=[f"{i:02d}-{code}" for i in range(12)])))).data()
    assert data["codes"][0] == f"00-{code}"


def test_two_processes_write_the_same_bytes(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_maps as t; from pathlib import Path\n"
        "from gridgis.maps import hotspot_map, static\n"
        "p = t.published(); hotspot_map(p).save(Path(sys.argv[2]) / 'a.html')\n"
        "for kind in ('png', 'svg', 'pdf'):\n"
        "    (Path(sys.argv[2]) / kind).write_bytes(static.image_bytes(t.hotspot_spec(p), kind))\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    arguments = [sys.executable, "-c", code, os.path.dirname(__file__), str(tmp_path)]
    subprocess.run(arguments, check=True, env=environment)
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == render(hotspot_map(published()))
    for kind in ("png", "svg", "pdf"):
        assert (tmp_path / kind).read_bytes() == static.image_bytes(hotspot_spec(published()), kind), kind


# --- classes and colours ------------------------------------------------------------------------------------------


@given(st.lists(st.integers(-5, 40) | st.floats(-1e6, 1e6), min_size=1, max_size=80))
@settings(max_examples=200, deadline=None)
def test_classes_are_disjoint_and_hold_every_value(values):
    values = np.array(values, dtype=float)
    starts = classes.class_starts(values)
    assert 1 <= len(starts) <= 5
    assert starts[0] == values.min()
    assert np.all(np.diff(starts) > 0)
    assert set(starts) <= set(values)
    assert len(starts) == min(5, len(set(values))) or len(set(values)) > 5
    members = np.bincount(np.searchsorted(starts, values, side="right") - 1, minlength=len(starts))
    assert np.all(members > 0)
    assert members.sum() == len(values)


def test_classes_are_about_equal_where_values_differ():
    starts = classes.class_starts(np.arange(100.0))
    assert starts.tolist() == [0, 20, 40, 60, 80]
    heavy = np.array([0.0] * 60 + list(range(1, 41)))
    assert classes.class_starts(heavy).tolist() == [0, 1, 11, 21, 31]


@pytest.mark.parametrize("draw", [coverage_spec, hotspot_spec])
@pytest.mark.parametrize(
    "counts", [None, [20] * 12, [5] * 12, [0] * 12, [5] * 11 + [40], [10.5 + i / 7 for i in range(12)]]
)
def test_legend_counts_add_up_to_the_cells(draw, counts):
    spec = draw(published(counts=counts))
    assert sum(look.cells for look in spec.classes) == 12
    assert [spec.class_of.count(i) for i in range(len(spec.classes))] == [look.cells for look in spec.classes]
    assert all(look.cells for look in spec.classes)
    assert len({look.label for look in spec.classes}) == len(spec.classes)
    static.image_bytes(spec, "png")


def test_legend_of_hidden_and_missing():
    spec = hotspot_spec(published())
    assert [look.hatched for look in spec.classes].count(True) == 1
    assert spec.classes[-2].label == "hidden (protects numbers below 10)"
    assert spec.classes[-1].label == "no data"
    assert not any(look.hatched for look in hotspot_spec(published(internal=True)).classes)
    whole = hotspot_spec(published(counts=[5] * 12), value="count")
    assert [look.label for look in whole.classes] == ["hidden (protects numbers below 10)"]


def test_every_value_lies_in_the_class_its_legend_names():
    spec = hotspot_spec(published(), value="count")
    for place, row in zip(spec.class_of, spec.rows, strict=True):
        if row[1] not in ("hidden", "no data"):
            low, high = (spec.classes[place].label.split(" – ") * 2)[:2]
            assert float(low) <= float(row[1]) <= float(high)


@given(st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_neighbours_have_different_colours(width, height):
    squares = [shapely.box(i, j, i + 1, j + 1) for i in range(width) for j in range(height)]
    colours = classes.parent_colours(squares)
    for one, two in shapely.STRtree(squares).query(squares, predicate="intersects").T:
        assert one == two or colours[one] != colours[two]
    assert len(squares) > 8 or len(set(colours)) == len(squares)


def test_wording():
    assert labels.measure_label("persons", "zh") == "人口"
    assert labels.measure_label("count_噪音", "en") == "噪音"
    assert labels.measure_label("count_(none)", "zh") == "未分类"
    assert labels.measure_label("something", "zh") == "something"
    assert labels.measure_label("count_", "en") == "count_"
    for pair in labels._WORDS.values():
        assert re.findall(r"\{\w+\}", pair[0]) == re.findall(r"\{\w+\}", pair[1])


# --- images -------------------------------------------------------------------------------------------------------


def test_page_and_image_follow_the_same_spec():
    from matplotlib.colors import to_hex

    for draw, say in ((coverage_map, coverage_spec), (hotspot_map, hotspot_spec)):
        made, spec = draw(published()), say(published())
        assert made.spec == spec
        data = Read(render(made)).data()
        drawn = [part for part in static.draw(spec).axes[0].collections if (part.get_gid() or "").startswith("class-")]
        assert len(drawn) == len(data["legend"]["classes"])
        for part, look in zip(drawn, data["legend"]["classes"], strict=True):
            assert len(part.get_paths()) == look["cells"]
            assert to_hex(part.get_facecolor()[0]) == ("#ffffff" if look["hatched"] else look["fill"])
            assert bool(part.get_hatch()) == look["hatched"]
        words = [text.get_text() for text in static.draw(spec).texts]
        assert all(any(look["label"].startswith(word) for word in words) for look in data["legend"]["classes"])


@pytest.mark.parametrize(("kind", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_images_are_written_whole_and_without_dates(kind, begins, tmp_path):
    path = hotspot_image(published(), tmp_path / f"map.{kind}", lang="zh")
    assert path.read_bytes().startswith(begins)
    assert [found.name for found in tmp_path.iterdir()] == [f"map.{kind}"]
    assert not re.search(rb"dc:date|CreationDate|Matplotlib v", path.read_bytes())
    coverage_image(published(), path, lang="zh")


def test_unknown_ending_is_named(tmp_path):
    with pytest.raises(GridError, match=r"\.png, \.svg, \.pdf.*map\.jpg"):
        coverage_image(published(), tmp_path / "map.jpg")


def test_images_leave_matplotlib_as_it_was():
    import matplotlib

    before = dict(matplotlib.rcParams)
    static.image_bytes(coverage_spec(published(), lang="zh"), "png")
    assert dict(matplotlib.rcParams) == before


def test_chinese_without_a_font_is_an_error(monkeypatch):
    from matplotlib import font_manager

    latin = [font for font in font_manager.fontManager.ttflist if font.name.startswith("DejaVu")]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", latin)
    for spec in (coverage_spec(published(), lang="zh"), coverage_spec(published(parents=["甲", "乙", "丙"]))):
        with pytest.raises(GridError, match=r"looked for Noto Sans CJK SC, .*Microsoft YaHei"):
            static.image_bytes(spec, "png")
    static.image_bytes(coverage_spec(published()), "png")


def test_text_in_images_is_no_formula_and_boxes_are_announced():
    spec = coverage_spec(published(notes=["$x_1$ ${a} \\frac", "<b>"]), title="$unbalanced")
    static.image_bytes(spec, "svg")
    with pytest.warns(GridWarning, match="without a glyph"):
        static.image_bytes(coverage_spec(published(), title="\U0001fae0\ue123"), "png")


def test_names_of_parents_do_not_lie_over_each_other():
    spec = coverage_spec(published(parents=[f"140424001{i:03d} community" for i in (1, 2, 3)]))
    figure = static.draw(spec)
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts if text.get_text()]
    assert len(boxes) >= 1
    assert not any(one.overlaps(two) for i, one in enumerate(boxes) for two in boxes[:i])


def test_long_words_are_broken():
    assert static._wrapped("abc def", 4) == ["abc", "def"]
    assert static._wrapped("网格网格网格", 4) == ["网格", "网格", "网格"]
    assert static._wrapped("x" * 10, 4) == ["xxxx", "xxxx", "xx"]
    assert static._wrapped("", 4) == [""]
