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

import folium
import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis.contract import GridError
from gridgis.images import hotspot_image, static
from gridgis.maps import classes, labels
from gridgis.maps.packing import unpack
from gridgis.maps.spec import coverage_spec, hotspot_spec
from gridgis.maps.texts import BLOCK, unpack_text
from gridgis.pages import coverage_map, hotspot_map, page
from gridgis.pages.gridmap import GridMap
from gridgis.pages.page import clean
from gridgis.pages.vendored import leaflet
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
        elif tag == "script" and "type" in attrs:
            self.blocks[attrs["id"]] = self.blocks.get(attrs["id"], "") + data
        elif tag == "script":
            self.scripts[-1] += data

    def data(self):
        (block,) = [block for name, block in self.blocks.items() if name != BLOCK]
        return unpack(block)

    def says(self):
        """The texts of the page, in its own language."""
        data = self.data()
        return data["texts"][data["lang"]]


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
    assert hotspot_spec(published()).themes[0].legend_title == "Events per 100 households"
    counts = publish(table(), measures=["households", "count"])
    assert hotspot_spec(counts).themes[0].legend_title == "Events"
    assert hotspot_spec(publish(table(), measures=["households"])).themes[0].legend_title == "Households"


def test_importing_maps_does_not_import_folium_or_matplotlib():
    code = "import sys, gridgis as m; print('folium' in sys.modules, 'matplotlib' in sys.modules); m.GridMap"
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
    assert set(re.findall(r"https?://[^\s\"'<>)]+", own)) <= {"http://www.w3.org/2000/svg", "https://leafletjs.com"}
    assert not re.search(r"\beval\s*\(|new Function|fetch\(|XMLHttpRequest|innerHTML", own)
    assert "sourceMappingURL" not in text


def test_policy_allows_exactly_the_scripts_of_the_page():
    read = Read(render(hotspot_map(published())))
    (policy,) = [a["content"] for tag, a in read.tags if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    scripts = [read.scripts[0], *map(unpack_text, read.blocks[BLOCK].split()), *read.scripts[1:]]
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert rules.pop("script-src").split() == [f"'sha256-{value}'" for value in hashes]
    assert scripts[1] == clean(leaflet()[0])
    assert rules == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "connect-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_data_holds_what_readers_see_and_the_shapes():
    read = Read(render(hotspot_map(published())))
    data = read.data()
    assert data["codes"] == [f"P{p}-{i:02d}" for p in (1, 2, 3) for i in (1, 2, 3, 4)]
    assert [data["parents"][i] for i in data["parent_of"]] == ["P1"] * 4 + ["P2"] * 4 + ["P3"] * 4
    assert [label for label, _ in read.says()["measures"]] == ["Households", "Events", "Events per 100 households"]
    assert [values[3] for values in data["values"]] == [123, 30, 24.4]
    assert [marks[1] for marks in data["marks"]] == [0, 1, 1]
    assert data["marks"][0][11] == 2
    corners = np.array(data["rings"][0][0][0]) * data["raster"][:2] / 1e9
    expected = published().table.geometry.iloc[[0]].to_crs(4326).get_coordinates().to_numpy()[:-1]
    assert sorted(np.abs(expected - corner).max(axis=1).argmin() for corner in corners) == [0, 1, 2, 3]
    assert max(np.abs(expected - corner).max(axis=1).min() for corner in corners) <= 0.6e-6


def test_shared_corners_have_the_same_numbers():
    data = Read(render(coverage_map(published()))).data()
    points = [point for cell in data["rings"] for polygon in cell for ring in polygon for point in ring]
    assert len(points) == 48
    assert len(set(points)) == 20


def test_holes_and_pieces_are_kept():
    good = published()
    two = good.table.copy()
    ring = shapely.box(420000, 4007000, 420100, 4007100).difference(shapely.box(420040, 4007040, 420060, 4007060))
    two.loc[0, "geometry"] = shapely.MultiPolygon([ring, shapely.box(419000, 4007000, 419100, 4007100)])
    cell = Read(render(coverage_map(dataclasses.replace(good, table=two)))).data()["rings"][0]
    assert [len(polygon) for polygon in cell] == [2, 1]


def test_hidden_values_and_other_columns_are_not_in_the_file():
    good = published()
    planted = good.table.copy()
    hidden = planted["count_status"] == "hidden"
    assert hidden.any()
    planted.loc[hidden, "count"] = 98765.0
    planted["phone"] = "13800001111"
    leaky = dataclasses.replace(good, table=planted)
    for draw in (coverage_map, hotspot_map):
        text = render(draw(leaky))
        for said in (text, json.dumps(Read(text).data())):
            assert "98765" not in said.replace(",", "")
            assert "13800001111" not in said


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
    assert read.says()["measures"][1][0] == payload
    for texts in data["texts"].values():
        assert texts["notes"][0] == payload
        assert texts["title"] == payload
    assert read.title.strip() == payload
    clean = Read(render(hotspot_map(published())))
    assert read.scripts == clean.scripts, "data must not change a script"
    assert {tag for tag, _ in read.tags} == {tag for tag, _ in clean.tags}


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
    read = Read(text.encode("utf-8").decode("utf-8"))
    assert sorted(read.data()["codes"]) == sorted(names)
    assert read.says()["notes"][0] == note
    assert read.says()["title"] == (note or "Service cells by parent")


def test_layer_works_in_a_group_and_in_a_plain_map():
    from gridgis.pages import GridLayer

    for made in (GridMap([36.2, 113.1]), folium.Map([36.2, 113.1], tiles=None)):
        group = folium.FeatureGroup("cells").add_to(made)
        GridLayer(coverage_spec(published()), name="by parent").add_to(group)
        read = Read(render(made))
        assert len(read.data()["rings"]) == 12
        assert "gridgis.layer(" in read.scripts[-1]
        (south, west), (north, east) = made.get_bounds()
        assert 36 < south < north < 36.4
        assert 113 < west < east < 113.3


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
        "from gridgis.images import static\nfrom gridgis.pages import hotspot_map\n"
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


def test_as_many_values_as_classes_are_a_class_each_however_often_they_occur():
    for often in range(5):
        values = np.repeat(np.arange(5.0), [100 if i == often else 1 for i in range(5)])
        assert classes.class_starts(values).tolist() == [0, 1, 2, 3, 4]
    assert len(classes.class_starts(np.arange(6.0))) == 5
    assert classes.class_starts(np.array([7.0] * 9)).tolist() == [7]
    assert classes.class_starts(np.array([1, 1, 1, 2, 2, 2.0]), 1).tolist() == [1]


@pytest.mark.parametrize(
    ("values", "decimals"),
    [([], 0), ([-3, 0, 1e9], 0), ([1000.5], 1), ([99.5], 1), ([10.5], 1), ([9.5], 2), ([1.5], 2), ([0.5], 3),
     ([-9.5, 0.5], 2), ([1.5e-4], 6), ([1.5e-9], 6)],
)  # fmt: skip
def test_numbers_have_three_figures(values, decimals):
    assert classes.decimals_of(np.array(values, float)) == decimals


@pytest.mark.parametrize(("gap", "near"), [(0.0, True), (0.0099, True), (0.0101, False), (0.5, False)])
def test_parents_a_centimetre_apart_are_neighbours(gap, near):
    """Of nine parents two must share a colour: not the ninth with the first, where these are neighbours."""
    squares = [shapely.box(10 * i, 0, 10 * i + 1, 1) for i in range(8)] + [shapely.box(0, 1 + gap, 1, 2)]
    colours = classes.parent_colours(np.array(squares, object), np.arange(9))
    assert (colours[8] == colours[0]) != near
    assert len(set(colours)) == 8


def test_colours_are_used_equally_often():
    squares = [shapely.box(10 * i, 0, 10 * i + 1, 1) for i in range(24)]
    colours = classes.parent_colours(np.array(squares, object), np.arange(24))
    assert sorted(map(colours.count, classes.QUALITATIVE)) == [3] * 8
    assert colours[:8] == list(classes.QUALITATIVE)


@pytest.mark.parametrize("draw", [coverage_spec, hotspot_spec])
@pytest.mark.parametrize(
    "counts", [None, [20] * 12, [5] * 12, [0] * 12, [5] * 11 + [40], [1000 + 37 * i for i in range(12)]]
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


@pytest.mark.parametrize(
    ("zeros", "en", "zh"),
    [("shown", "Numbers from 1 to 9 are hidden", "1 至 9 的数字不予显示"), ("protected", "Numbers below 10 are hidden", "少于 10 的数字不予显示")],
)  # fmt: skip
def test_the_note_says_whether_zeros_are_hidden(zeros, en, zh):
    shown = publish(table(counts=[0, 3, 4, 5] * 3), measures=["count"], zeros=zeros)
    for lang, said in (("en", en), ("zh", zh)):
        assert any(note.startswith(said) for note in hotspot_spec(shown, value="count", lang=lang).notes)


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
    colours = classes.parent_colours(np.array(squares, object), np.arange(len(squares)))
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
