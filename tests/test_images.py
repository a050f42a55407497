"""Images and atlases: equal to the page, letters that can be read and selected, nothing over anything else."""

import base64
import dataclasses
import hashlib
import io
import itertools
import os
import re
import subprocess
import sys
import types
import zlib
from xml.etree import ElementTree

import geopandas as gpd
import numpy as np
import pytest
import shapely

from gridgis.contract import GridError, GridWarning
from gridgis.images import coverage_image, drawing, fonts, hotspot_image, outline, placing, static, tables
from gridgis.images import sheet as sheets
from gridgis.images.book import atlas, atlas_bytes
from gridgis.maps import classes
from gridgis.maps.spec import coverage_spec, hotspot_spec
from gridgis.pages import coverage_map, hotspot_map
from gridgis.privacy import publish

LANGS = ["en", pytest.param("zh", marks=pytest.mark.chinese)]
SVG = "{http://www.w3.org/2000/svg}"
MEASURES = ("households", "count", "count_per_100_households")


def town(across=3, up=4, parents=(3, 1), *, step=100.0, seed=0, name=""):
    """Cells with crooked corners in rows and columns; the last has no households."""
    rng = np.random.default_rng(seed)
    corners = np.stack(np.meshgrid(np.arange(across + 1.0), np.arange(up + 1.0), indexing="ij"), axis=-1)
    corners = (corners + rng.uniform(-0.25, 0.25, corners.shape)) * step + (420000, 4007000)
    rows = []
    for i in range(across):
        for j in range(up):
            ring = corners[[i, i + 1, i + 1, i], [j, j, j + 1, j + 1]]
            rows.append((f"9901{i * parents[0] // across:02d}{j * parents[1] // up:02d}", shapely.Polygon(ring)))
    frame = gpd.GeoDataFrame({"parent_code": [row[0] for row in rows]}, geometry=[row[1] for row in rows], crs=4547)
    frame["grid_code"] = frame["parent_code"] + (frame.groupby("parent_code").cumcount() + 1).map("{:03d}".format)
    if name:
        frame["parent_name"] = [name.format(code[-4:]) for code in frame["parent_code"]]
    frame["households"] = rng.integers(60, 300, len(frame)).astype(float)
    frame.loc[len(frame) - 1, "households"] = np.nan
    frame["count"] = rng.integers(0, 60, len(frame)).astype(float)
    frame["count_per_100_households"] = frame["count"] / frame["households"] * 100
    return frame


def shown(frame=None, *, measures=MEASURES, notes=("Households are modelled.",), internal=False):
    return publish(town() if frame is None else frame, measures=measures, notes=notes, internal=internal)


TOWNS = {
    "small": {},
    "one cell": {"across": 1, "up": 1, "parents": (1, 1), "name": "城东社区"},
    "long": {"across": 40, "up": 2, "parents": (8, 1), "name": "很长的名字社区居民委员会 {}"},
    "tall": {"across": 2, "up": 40, "parents": (1, 6), "name": "Community of the northern gate {}"},
    "many parents": {"across": 20, "up": 20, "parents": (9, 9), "name": "社区 {}"},
    "many cells": {"across": 45, "up": 40, "parents": (5, 5), "name": "新和平社区 {}"},
}


def painted(spec, theme=None):
    """The paper of an image, and the boxes of its texts in pixels, by what matplotlib itself measures."""
    letters = static.letters_of(spec)
    with static.prepared(letters):
        paper = static.drawn(spec, static._theme(spec, theme), letters)
        renderer = paper.figure.canvas.get_renderer()
        texts = [text for text in paper.figure.texts if text.get_gid() != "halo"]
        return paper, texts, [text.get_window_extent(renderer) for text in texts]


def classes_drawn(paper):
    return [part for part in paper.axes.collections if (part.get_gid() or "").startswith("class-")]


# --- the same as the page -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(("page", "say"), [(coverage_map, coverage_spec), (hotspot_map, hotspot_spec)])
def test_page_and_image_follow_the_same_spec(page, say, lang):
    from matplotlib.colors import to_hex

    spec = say(shown(), lang=lang)
    assert page(shown(), lang=lang).spec == spec
    paper, texts, _ = painted(spec)
    drawn = classes_drawn(paper)
    assert len(drawn) == len(spec.classes)
    for part, look in zip(drawn, spec.classes, strict=True):
        assert len(part.get_paths()) == look.cells
        assert to_hex(part.get_facecolor()[0]) == ("#ffffff" if look.hatched else look.fill)
        assert bool(part.get_hatch()) == look.hatched
    words = [text.get_text() for text in texts]
    for look in spec.classes:
        assert f"{look.cells:,}" in words
        assert any(look.label.startswith(word) for word in words)
    assert {"hidden", "已隐藏"} & {
        look.label[: 6 if lang == "en" else 3] for look in spec.classes
    } or say is coverage_spec


def test_any_theme_of_a_spec_can_be_drawn(tmp_path):
    spec = coverage_spec(shown())
    for theme in spec.themes:
        paper, _, _ = painted(spec, theme.key)
        assert [len(part.get_paths()) for part in classes_drawn(paper)] == [look.cells for look in theme.classes]
    assert static.image_bytes(spec, "svg", theme="count") != static.image_bytes(spec, "svg")
    with pytest.raises(GridError, match=r"expected one of coverage, households.*'crime'"):
        static.write_image(spec, tmp_path / "map.png", theme="crime")


def test_each_theme_is_first_somewhere():
    """What the switch of a page offers can be had as an image: the parents, or a measure by ``value``."""
    published = shown()
    first, *rest = coverage_spec(published).themes
    assert first.key == "coverage"
    assert [hotspot_spec(published, value=theme.key).themes[0] for theme in rest] == rest


@pytest.mark.chinese
def test_every_class_is_in_the_legend():
    spec = coverage_spec(shown(town(**TOWNS["many parents"])))
    assert len(spec.classes) == 81
    _, texts, _ = painted(spec)
    words = {text.get_text() for text in texts}
    assert {look.label for look in spec.classes} <= words
    assert "N" in words
    assert any(re.fullmatch(r"1:[\d,]+ \(A4\)", word) for word in words)
    assert any(re.fullmatch(r"[125]0* k?m", word) for word in words)


@pytest.mark.chinese
def test_more_classes_than_a_sheet_holds_are_counted():
    spec = coverage_spec(shown(town(20, 20, (20, 20), name="社 {}"), measures=["households"]))
    _, texts, _ = painted(spec)
    words = [text.get_text() for text in texts]
    (more,) = [word for word in words if re.fullmatch(r"\d+ more", word)]
    held = [look for look in spec.classes if look.label in words]
    assert len(held) + int(more.split()[0]) == len(spec.classes)
    assert len(held) > 80


# --- nothing over anything ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    "kind",
    [
        kind if given.get("name", "").isascii() else pytest.param(kind, marks=pytest.mark.chinese)
        for kind, given in TOWNS.items()
    ],
)
def test_no_text_lies_over_another_or_leaves_the_sheet(kind, lang):
    published = shown(
        town(**TOWNS[kind]),
        internal=kind == "tall",
        notes=["Source and date. " * 20, "审图号" * (lang == "zh") + " 0000"],
    )
    for spec in (coverage_spec(published, lang=lang), hotspot_spec(published, lang=lang, title="A title " * 30)):
        paper, texts, boxes = painted(spec)
        edges = np.array([box.extents for box in boxes])
        west, south, east, north = edges.T
        over = (west[:, None] < east) & (west < east[:, None]) & (south[:, None] < north) & (south < north[:, None])
        np.fill_diagonal(over, False)
        assert [(texts[i].get_text(), texts[j].get_text()) for i, j in np.argwhere(over) if i < j] == []
        width, height = paper.figure.bbox.size
        assert west.min() > 0 and south.min() > 0 and east.max() < width and north.max() < height


def test_names_of_cells_stand_in_their_cells():
    frame = town(6, 5, (2, 1))
    spec = coverage_spec(shown(frame))
    paper, texts, boxes = painted(spec)
    to_mm = paper.axes.transData.inverted()
    cells = [path for part in classes_drawn(paper) for path in part.get_paths()]
    shapes = [shapely.Polygon(path.vertices) for path in cells]
    named = [(text, box) for text, box in zip(texts, boxes, strict=True) if re.fullmatch(r"0\d\d", text.get_text())]
    assert len(named) >= 0.85 * len(frame)
    for _, box in named:
        corners = to_mm.transform([(box.x0, box.y0), (box.x1, box.y1)])
        middle = shapely.Point(corners.mean(axis=0))
        (at,) = [shape for shape in shapes if shape.contains(middle)]
        assert at.buffer(0.35).contains(shapely.box(*corners[0], *corners[1]))


@pytest.mark.chinese
def test_no_note_is_left_out():
    notes = [f"Line {i} of what the publisher must say, with a review number: 审图号 {i:04d}" for i in range(25)]
    _, texts, _ = painted(hotspot_spec(shown(notes=notes, internal=True)))
    words = [text.get_text() for text in texts]
    assert words.count("internal") == 1
    assert [word for word in words if word.startswith("Line")] == notes
    assert "Internal use only." in words


def test_few_cells_with_room_are_not_named():
    cells = np.array([shapely.box(0, 0, 30, 30), *(shapely.box(40 + i, 0, 41 + i, 1) for i in range(9))], object)
    letters = fonts.typeface(["01"], "en")
    assert placing.cell_labels(cells, ["01"] * 10, letters, []) == []
    assert [label.of for label in placing.cell_labels(cells[:1], ["01"], letters, [])] == [0]
    taken = [sheets.Box(0, 0, 30, 30)]
    assert placing.cell_labels(cells[:1], ["01"], letters, taken) == []


@pytest.mark.parametrize(("roomy", "named"), [(10, 10), (9, 9), (5, 5), (4, 0), (0, 0)])
def test_cells_are_named_where_half_of_them_have_room(roomy, named):
    cells = [shapely.box(40 * i, 0, 40 * i + 30, 30) for i in range(roomy)]
    cells += [shapely.box(40 * i, 100, 40 * i + 1, 101) for i in range(10 - roomy)]
    letters = fonts.typeface(["01"], "en")
    labels = placing.cell_labels(np.array(cells, object), ["01"] * 10, letters, [])
    assert [label.of for label in labels] == list(range(named))


def test_no_more_cells_are_named_than_a_sheet_can_hold(monkeypatch):
    cells = np.array([shapely.box(40 * i, 0, 40 * i + 30, 30) for i in range(5)], object)
    letters = fonts.typeface(["01"], "en")
    for most, named in ((5, 5), (4, 0)):
        monkeypatch.setattr(placing, "MOST_CELLS", most)
        assert len(placing.cell_labels(cells, ["01"] * 5, letters, [])) == named


def test_boxes_that_share_an_edge_do_not_overlap():
    box = sheets.Box(0, 0, 10, 5)
    beside = [(10, 0), (-10, 0), (0, 5), (0, -5), (10, 5)]
    assert not any(box.overlaps(sheets.Box(x, y, 10, 5)) for x, y in beside)
    assert all(box.overlaps(sheets.Box(0.99 * x, 0.99 * y, 10, 5)) for x, y in beside)


@pytest.mark.parametrize(
    ("most", "length"),
    [(0.99, 0.5), (1, 1), (1.99, 1), (2, 2), (4.99, 2), (5, 5), (9.99, 5), (10, 10), (1000, 1000), (1e5, 1e5)],
)
def test_scale_bars_are_1_2_or_5_times_a_power_of_ten(most, length):
    assert drawing.nice_length(most) == length


@pytest.mark.parametrize(
    ("sides", "widths"),
    [((0, 0), (0.08, 0.2)), ((0.8, 2.5), (0.08, 0.2)), ((4.5, 18.75), (0.45, 1.5)), ((99, 99), (0.45, 1.5))],
)
def test_lines_are_as_wide_as_cells_have_room_for(sides, widths):
    assert drawing.line_widths(*sides) == pytest.approx(widths)


@pytest.mark.parametrize(("width", "height"), [(1000, 800), (173, 950), (61000, 40000)])
def test_the_scale_is_that_of_the_drawing(width, height):
    cell = shapely.box(4e5, 4e6, 4e5 + width, 4e6 + height)
    frame = gpd.GeoDataFrame(
        {"grid_code": ["A-1"], "parent_code": ["A"], "households": [40.0]}, geometry=[cell], crs=4547
    )
    paper, texts, _ = painted(coverage_spec(shown(frame, measures=["households"])))
    (path,) = [path for part in classes_drawn(paper) for path in part.get_paths()]
    per_mm = width / np.ptp(path.vertices[:, 0])
    (said,) = [text.get_text() for text in texts if text.get_text().startswith("1:")]
    assert int(re.sub(r"\D", "", said.split(" (")[0])[1:]) == pytest.approx(1000 * per_mm, rel=0.006)
    (length,) = [text.get_text() for text in texts if re.fullmatch(r"[125]0* k?m", text.get_text())]
    metres = int(length.split()[0]) * (1000 if length.endswith("km") else 1)
    bars = [line for part in paper.axes.collections if hasattr(part, "get_segments") for line in part.get_segments()]
    assert max(np.ptp(line[:, 0]) for line in bars) == pytest.approx(metres / per_mm, rel=1e-3)


@pytest.mark.parametrize("many", [29, 30])
def test_thirty_lines_of_notes_have_room(many):
    """The line about coordinates is one of them; where there are more, the last one ends with an ellipsis."""
    notes = [f"Line {i}" for i in range(many)]
    _, texts, _ = painted(coverage_spec(shown(notes=notes, measures=["households"])))
    words = [text.get_text() for text in texts if text.get_text().startswith(("Line", "Coordinates"))]
    assert len(words) == 30
    assert [word for word in words if word.endswith("…")] == (["Line 29…"] if many == 30 else [])


@pytest.mark.parametrize(("extent", "lies"), [((4000, 1000), True), ((1000, 4000), False)])
def test_the_sheet_suits_the_town(extent, lies):
    frame = gpd.GeoDataFrame(
        {"grid_code": ["A-1"], "parent_code": ["A"], "households": [40.0]},
        geometry=[shapely.box(4e5, 4e6, 4e5 + extent[0], 4e6 + extent[1])],
        crs=4547,
    )
    paper, _, _ = painted(coverage_spec(shown(frame, measures=["households"])))
    width, height = paper.figure.get_size_inches()
    assert (width > height) == lies
    assert max(width, height) <= 297 / 25.4 + 1e-9


def test_corners_that_cells_share_are_drawn_at_the_same_place():
    frame = town(8, 8, (2, 2))
    view = placing.View(3.7, 1.1, 420000.0, 4007000.0, 0.0613)
    paths = drawing.outlines_of(frame.geometry.to_numpy(), view)
    corners = {tuple(vertex) for path in paths for vertex in path.vertices}
    assert len(corners) == 81


def test_holes_and_parts_are_one_path_and_holes_turn_the_other_way():
    inner = shapely.box(4, 4, 6, 6).exterior.coords
    for hole in (inner, inner[::-1]):
        ring = shapely.Polygon(shapely.box(0, 0, 10, 10).exterior.coords, [hole])
        both = shapely.MultiPolygon([ring, shapely.box(20, 0, 30, 10)])
        (path,) = drawing.outlines_of(np.array([both], object), placing.View(0, 0, 0, 0, 1.0))
        assert (path.codes == 1).sum() == (path.codes == 79).sum() == 3
        starts = np.flatnonzero(path.codes == 1)
        turns = [shapely.LinearRing(part).is_ccw for part in np.split(path.vertices, starts[1:])]
        assert turns[0] == turns[2] != turns[1]


# --- files --------------------------------------------------------------------------------------------------------


@pytest.mark.chinese
@pytest.mark.parametrize(("kind", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_images_are_written_whole_and_without_dates(kind, begins, tmp_path):
    path = hotspot_image(shown(), tmp_path / f"map.{kind}", lang="zh")
    assert path.read_bytes().startswith(begins)
    assert [found.name for found in tmp_path.iterdir()] == [f"map.{kind}"]
    assert not re.search(rb"dc:date|CreationDate|Matplotlib v|/tmp/", path.read_bytes())
    coverage_image(shown(), path, lang="zh")


@pytest.mark.parametrize("name", ["map.svg", "map.pdf", "atlas.pdf"])
def test_an_image_is_read_before_it_is_written(name, tmp_path):
    """What looks like an address is refused, unless somebody has looked, or the image is internal."""
    draw = atlas if name == "atlas.pdf" else coverage_image
    frame = town(name="Test Road 12, Apt {}, tel 13912340001")
    with pytest.raises(GridError, match=f"{name}: it must not be shown, for it holds"):
        draw(shown(frame), tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    assert draw(shown(frame), tmp_path / name, scan=False).stat().st_size > 1000
    internal = shown(frame, internal=True)
    assert draw(internal, tmp_path / name).read_bytes() == draw(internal, tmp_path / name, scan=False).read_bytes()
    published = shown()
    assert draw(published, tmp_path / name).read_bytes() == draw(published, tmp_path / name, scan=False).read_bytes()


def test_unknown_ending_is_named(tmp_path):
    with pytest.raises(GridError, match=r"\.png, \.svg, \.pdf.*map\.jpg"):
        coverage_image(shown(), tmp_path / "map.jpg")
    with pytest.raises(GridError, match=r"\.pdf file, got 'atlas\.png'"):
        atlas(shown(), tmp_path / "atlas.png")


@pytest.mark.chinese
def test_images_leave_matplotlib_as_it_was():
    import matplotlib
    from matplotlib import font_manager

    before, known = dict(matplotlib.rcParams), list(font_manager.fontManager.ttflist)
    static.image_bytes(coverage_spec(shown(), lang="zh"), "png")
    assert dict(matplotlib.rcParams) == before
    assert font_manager.fontManager.ttflist == known


SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from test_images import coverage_spec, hotspot_spec, shown, static, town, atlas_bytes
published = shown(town(4, 4, (2, 2), name="和平社区 {}"))
for spec in (coverage_spec(published), hotspot_spec(published, lang="zh")):
    for kind in ("png", "svg", "pdf"):
        print(hashlib.sha256(static.image_bytes(spec, kind)).hexdigest())
    print(hashlib.sha256(atlas_bytes(spec)).hexdigest())
"""


@pytest.mark.chinese
@pytest.mark.slow
def test_two_processes_write_the_same_bytes():
    here = os.path.dirname(__file__)
    lines = []
    for seed in ("1", "2"):
        settings = {**os.environ, "PYTHONHASHSEED": seed, "TZ": f"UTC+{seed}"}
        command = [sys.executable, "-c", SCRIPT, here]
        lines.append(subprocess.run(command, capture_output=True, text=True, check=True, env=settings).stdout)
    assert lines[0] == lines[1]
    assert len(set(lines[0].split())) == 8


# --- letters ------------------------------------------------------------------------------------------------------


def svg_of(spec):
    return ElementTree.fromstring(static.image_bytes(spec, "svg"))


@pytest.mark.chinese
def test_text_of_an_svg_is_text_in_a_font_that_it_carries():
    from fontTools.ttLib import TTFont

    spec = hotspot_spec(shown(town(name="和平社区 {}")), lang="zh", title="网格 A<b>&amp;")
    tree = svg_of(spec)
    words = ["".join(node.itertext()) for node in tree.iter(f"{SVG}text")]
    assert {"网格 A<b>&amp;", "网格数", "北", *(look.label for look in spec.classes[:2])} <= set(words)
    rules = "".join(node.text or "" for node in tree.iter(f"{SVG}style"))
    faces = re.findall(r"font-family:'(gridgis-\w+)';font-weight:(\d+);src:url\(data:font/woff;base64,([^)]+)\)", rules)
    assert [face[1] for face in faces] == ["400", "700"]
    held = set()
    for _, _, data in faces:
        with TTFont(io.BytesIO(base64.b64decode(data))) as font:
            held |= set(font.getBestCmap())
            assert font["name"].getDebugName(1) == faces[0][0]
    assert {ord(letter) for word in words for letter in word} <= held
    for node in tree.iter(f"{SVG}text"):
        assert faces[0][0] in node.get("style", "")
    outside = [value for node in tree.iter() for key, value in node.attrib.items() if key.endswith("href")]
    assert all(value.startswith("#") for value in outside)
    assert rules.count("url(") == 2 and not re.search(r"url\((?!data:)", rules)


def mapped(data):
    """The letters that the fonts of a PDF map their glyphs to, and whether any font draws by procedures."""
    letters = set()
    for found in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL):
        try:
            text = zlib.decompress(found[1])
        except zlib.error:
            text = found[1]
        if b"begincmap" in text:
            for block in re.findall(rb"beginbf(?:range|char)(.*?)endbf", text, re.DOTALL):
                for entry in re.findall(rb"<([0-9a-fA-F]+)>", block):
                    letters.add(int(entry[-4:], 16))
    return letters


@pytest.mark.chinese
def test_text_of_a_pdf_can_be_selected():
    data = static.image_bytes(hotspot_spec(shown(), lang="zh"), "pdf")
    assert {ord(letter) for letter in "网格热点图每百户事件数已隐藏北"} <= mapped(data)
    assert b"/Subtype /Type3" not in data
    assert data.count(b"/FontFile2") >= 2
    assert len(data) < 150_000


def test_chinese_without_a_font_is_an_error(no_font, tmp_path):
    for given, lang in ((shown(), "zh"), (shown(town(name="甲 {}")), "en")):
        for draw, name in ((coverage_image, "a.png"), (hotspot_image, "a.svg"), (atlas, "a.pdf")):
            with pytest.raises(GridError, match=r'pip install "gridgis\[zh\]".*fonts-noto-cjk'):
                draw(given, tmp_path / name, lang=lang)
    assert list(tmp_path.iterdir()) == []
    coverage_image(shown(), tmp_path / "a.png")


def chinese_font():
    """Some font file with Chinese letters, and which font in it."""
    for faces in fonts._faces(fonts.FONTS).values():
        return faces[0].path, faces[0].number
    raise AssertionError("the marker 'chinese' asks for one")


@pytest.fixture
def font_file(tmp_path):
    """A small font of two Chinese letters, called as the first of those that are looked for."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    path, number = chinese_font()
    with TTFont(path, fontNumber=number) as font:
        options = Options(name_IDs=["*"], notdef_outline=True)
        small = Subsetter(options)
        small.populate(text="网格")
        small.subset(font)
        for record in font["name"].names:
            if record.nameID in (1, 16):
                record.string = fonts.FONTS[0]
        font.save(tmp_path / "new.otf")
    return str(tmp_path / "new.otf")


@pytest.mark.chinese
def test_a_font_that_came_after_matplotlib_looked_is_found(font_file, no_font, monkeypatch):
    from matplotlib import font_manager

    with pytest.raises(fonts.NoFontError):
        fonts.typeface(["网"], "zh")
    before = font_manager.findSystemFonts()
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda *_, **__: [*before, font_file])
    assert fonts.typeface(["网格"], "zh").written("网格") == "网格"


@pytest.mark.chinese
def test_a_font_that_is_gone_or_broken_is_passed_over(font_file, no_font, monkeypatch, tmp_path):
    from matplotlib import font_manager

    entry = font_manager.FontEntry(
        fname=str(tmp_path / "gone.otf"), name="Noto Sans CJK SC", style="normal", weight=400
    )
    font_manager.fontManager.ttflist.insert(0, entry)
    font_manager.fontManager.ttflist.insert(0, dataclasses.replace(entry, fname=str(tmp_path / "gone.ttc")))
    broken = [tmp_path / name for name in ("a.ttf", "b.ttc", "c.otf")]
    for path, content in zip(broken, (b"", b"ttcf\0\0", b"\xff" * 200), strict=True):
        path.write_bytes(content)
    before = font_manager.findSystemFonts()
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda *_, **__: [*before, *map(str, broken), font_file])
    assert fonts.typeface(["网格"], "zh").written("网格") == "网格"


@pytest.mark.chinese
def test_fonts_of_the_system_come_before_the_packaged_one(font_file, no_font, monkeypatch):
    from matplotlib import font_manager

    package = types.ModuleType("pylopdf_fonts_zh_cn")
    package.sans_path = lambda: font_file
    monkeypatch.setitem(sys.modules, "pylopdf_fonts_zh_cn", package)
    assert fonts.typeface(["网"], "zh").written("网") == "网"
    assert list(fonts._faces(fonts.FONTS)) == [fonts._PACKAGED]
    before = font_manager.findSystemFonts()
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda *_, **__: [*before, font_file])
    assert list(fonts._faces(fonts.FONTS)) == [fonts.FONTS[0], fonts._PACKAGED]


def test_a_letter_without_a_glyph_is_written_as_its_code_point():
    spec = coverage_spec(shown(), title="a\U0001fae0b\ue123\u200dc")
    with pytest.warns(GridWarning, match=r"no font has a glyph for U\+E123, U\+1FAE0"):
        tree = svg_of(spec)
    assert "aU+1FAE0bU+E123c" in ["".join(node.itertext()) for node in tree.iter(f"{SVG}text")]


@pytest.mark.chinese
def test_rare_letters_come_from_the_next_font():
    letters = fonts.typeface(["网格 é Ω ع ა"], "zh")
    assert letters.written("网é Ωعა") == "网é Ωعა"


def test_text_in_images_is_no_formula():
    spec = coverage_spec(shown(notes=["$x_1$ ${a} \\frac", "<b>"]), title="$unbalanced")
    words = ["".join(node.itertext()) for node in svg_of(spec).iter(f"{SVG}text")]
    assert {"$unbalanced", "$x_1$ ${a} \\frac", "<b>"} <= set(words)


@pytest.mark.chinese
def test_fonts_that_forbid_it_are_not_embedded(monkeypatch):
    monkeypatch.setattr(fonts, "_may_be_embedded", lambda face: False)
    with pytest.raises(fonts.NoFontError):
        fonts.typeface(["网"], "en")


@pytest.mark.chinese
def test_every_face_of_a_collection_is_found(font_file, no_font, monkeypatch, tmp_path):
    """Also where matplotlib lists only the first, as older versions do; and where it came later."""
    from fontTools.ttLib import TTCollection, TTFont
    from matplotlib import font_manager

    pair = TTCollection()
    pair.fonts = [TTFont(font_file), TTFont(font_file)]
    for record in pair.fonts[0]["name"].names:
        if record.nameID in (1, 16):
            record.string = "Some Other"
    path = str(tmp_path / "pair.ttc")
    pair.save(path)

    class Entry:
        name, fname, style, weight = "Some Other", path, "normal", 400

    wanted = [("Some Other", 0), (fonts.FONTS[0], 1)]
    assert fonts._in_collection(Entry()) == wanted
    before = font_manager.findSystemFonts()
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda *_, **__: [*before, path])
    assert [(face.name, face.number) for face in fonts._faces(fonts.FONTS)[fonts.FONTS[0]]] == wanted[1:]
    assert fonts.typeface(["网格"], "zh").written("网格") == "网格"


@pytest.mark.chinese
def test_lines_are_broken_where_readers_expect_it():
    letters = fonts.typeface(["网格。", "abc"], "zh")
    em = 10 * fonts.MM_PER_POINT
    assert letters.wrapped("网格网格网格", 2.1 * em, 10) == ["网格"] * 3
    assert letters.wrapped("网格。网", 2.1 * em, 10) == ["网", "格。", "网"]
    assert letters.wrapped("abc abc", letters.width("abc a", 10), 10) == ["abc", "abc"]
    assert "".join(letters.wrapped("x" * 30, 20.0, 10)) == "x" * 30
    assert all(letters.width(line, 10) <= 20.0 for line in letters.wrapped("x" * 30, 20.0, 10))
    assert letters.wrapped("", 10.0, 10) == [""]
    assert letters.shortened(["a", "b", "c"], 2) == ["a", "b…"]


# --- the least that can be drawn ----------------------------------------------------------------------------------


def squares(places, parents, count):
    """Cells of 200 m whose lower left corners lie so many metres from a place."""
    boxes = [shapely.box(420000 + x, 4007000 + y, 420200 + x, 4007200 + y) for x, y in places]
    codes = [f"{parent}{i:03d}" for i, parent in enumerate(parents, 1)]
    return gpd.GeoDataFrame({"grid_code": codes, "parent_code": parents, "count": count}, geometry=boxes, crs=4547)


BLOCK = [(0, 0), (200, 0), (0, 200), (200, 200)]
LEAST = {
    "one parent": (squares(BLOCK, ["9901"] * 4, [12, 13, 14, 15]), ["12", "13", "14", "15"]),
    "one cell": (squares([(0, 0)], ["9901"], [12]), ["12"]),
    "one hidden cell": (squares([(0, 0)], ["9901"], [1]), ["hidden"]),
    "all hidden": (squares(BLOCK, ["9901"] * 4, [1, 2, 3, 1]), ["hidden"]),
    "no data": (squares(BLOCK, ["9901"] * 4, [np.nan] * 4), ["no data"]),
    "nothing happened": (squares(BLOCK, ["9901"] * 4, [0] * 4), ["0"]),
    "one value": (squares(BLOCK, ["9901"] * 4, [31] * 4), ["31"]),
    "far parents": (squares([(0, 0), (200, 0), (90000, 90000)], ["9901", "9901", "9902"], [12, 12, 40]), ["12", "40"]),
    "a parent in far parts": (squares([(0, 0), (90000, 0)], ["9901"] * 2, [12, 40]), ["12", "40"]),
}


@pytest.mark.parametrize("kind", LEAST)
def test_the_least_tables_give_right_pictures(kind, tmp_path):
    frame, wanted = LEAST[kind]
    published = shown(frame, measures=["count"], notes=[])
    spec = hotspot_spec(published, value="count")
    assert [re.sub(r" \(.*", "", look.label) for look in spec.classes] == wanted
    assert sum(look.cells for look in spec.classes) == len(frame)
    pages = texts_by_page(spec)
    assert len(pages) == 1 + frame["parent_code"].nunique()
    numbers = sorted(text for _, page in pages[1:] for text, _ in page if text in spec.codes)
    assert numbers == sorted(frame["grid_code"])
    for paper, page in pages:
        assert sum(len(part.get_paths()) for part in classes_drawn(paper)) > 0
        assert any(re.fullmatch(r"1:[1-9][\d,]* \(A4\)", text) for text, _ in page)
    assert coverage_image(published, tmp_path / "map.svg").stat().st_size > 1000
    assert hotspot_image(published, tmp_path / "map.png", value="count").stat().st_size > 1000
    assert (
        atlas(published, tmp_path / "a.pdf").read_bytes()
        != atlas(published, tmp_path / "a.pdf", value="count").read_bytes()
    )
    for page in (coverage_map(published), hotspot_map(published)):
        page.save(tmp_path / "map.html")
        assert all(code in (tmp_path / "map.html").read_text(encoding="utf-8") for code in frame["parent_code"])


def test_a_parent_too_small_to_be_seen_is_ringed_in_the_locator():
    near = squares([(0, 0), (200, 0)], ["9901", "9902"], [12, 40])
    rings = []
    for frame in (near, LEAST["far parents"][0]):
        pages = texts_by_page(hotspot_spec(shown(frame, measures=["count"])))
        rings.append(
            [
                sum(box.get_width() == box.get_height() == 3 for box in paper.axes.patches if hasattr(box, "get_width"))
                for paper, _ in pages
            ]
        )
    assert rings == [[0, 0, 0], [0, 1, 1]]


@pytest.mark.parametrize("draw", [coverage_image, hotspot_image, atlas])
def test_no_cells_give_no_picture(draw, tmp_path):
    frame = squares([(0, 0)], ["9901"], [12]).iloc[:0]
    with pytest.raises(GridError, match="at least one cell, got none"):
        draw(shown(frame, measures=["count"]), tmp_path / "a.pdf")
    assert list(tmp_path.iterdir()) == []


# --- the atlas ----------------------------------------------------------------------------------------------------


@pytest.mark.chinese
def test_an_atlas_has_a_page_for_each_parent_and_bookmarks(tmp_path):
    frame = town(12, 8, (3, 2), name="和平社区 {}")
    path = atlas(shown(frame), tmp_path / "atlas.pdf", value="count", lang="zh")
    data = path.read_bytes()
    assert len(re.findall(rb"/Type /Page\b", data)) == 1 + 6
    titles = [bytes.fromhex(text.decode()).decode("utf-16") for text in re.findall(rb"/Title <(feff\w+)>", data)]
    assert titles == [
        "网格热点图：事件数",
        *(f"9901{i:02d}{j:02d} 和平社区 {i:02d}{j:02d}" for i in range(3) for j in range(2)),
    ]
    assert not re.search(rb"CreationDate|/tmp/", data)
    assert {ord(letter) for letter in "和平社区已隐藏无数据页码"} <= mapped(data)


def test_the_cross_references_of_an_atlas_are_right():
    data = atlas_bytes(coverage_spec(shown()))
    for start in re.findall(rb"startxref\n(\d+)", data):
        assert data[int(start) :].startswith(b"xref")
    table = data[int(re.findall(rb"startxref\n(\d+)", data)[-1]) :]
    entries = re.findall(rb"(\d+) 1\n(\d{10}) 00000 n ", table)
    assert entries
    for number, at in entries:
        assert data[int(at) :].startswith(number + b" 0 obj")


def test_bookmarks_of_something_else_are_refused():
    with pytest.raises(GridError, match="bookmarks"):
        outline.with_outline(b"%PDF-1.7 nothing", [("a", 0)], "en")


def texts_by_page(spec):
    from gridgis.images.book import _Book

    letters = static.letters_of(spec)
    with static.prepared(letters):
        pages = []
        for paper in _Book.of(spec, letters).pages():
            renderer = paper.figure.canvas.get_renderer()
            texts = [text for text in paper.figure.texts if text.get_gid() != "halo"]
            pages.append((paper, [(text.get_text(), text.get_window_extent(renderer)) for text in texts]))
        return pages


@pytest.mark.parametrize("value", [None, "count"])
def test_pages_hold_the_numbers_of_their_cells_and_nothing_over_anything(value):
    frame = town(24, 20, (2, 2), name="A very long name of a community in the north {}")
    published = shown(frame, notes=["A source. " * 40])
    spec = coverage_spec(published) if value is None else hotspot_spec(published, value=value)
    pages = texts_by_page(spec)
    numbers = [text for _, page in pages for text, _ in page if re.fullmatch(r"\d+ / \d+", text)]
    assert numbers == [f"{i + 1} / {len(pages)}" for i in range(len(pages))]
    index = {text: i for i, (_, page) in enumerate(pages) for text, _ in page if text in spec.codes}
    assert sorted(index) == sorted(spec.codes)
    wanted = sum(row.count("hidden") for row in spec.rows)
    assert sum(text == "hidden" for _, page in pages for text, _ in page) == wanted > 0
    for paper, page in pages:
        edges = np.array([box.extents for _, box in page])
        west, south, east, north = edges.T
        over = (west[:, None] < east) & (west < east[:, None]) & (south[:, None] < north) & (south < north[:, None])
        np.fill_diagonal(over, False)
        assert [(page[i][0], page[j][0]) for i, j in np.argwhere(over) if i < j] == []
        width, height = paper.figure.bbox.size
        assert west.min() > 0 and south.min() > 0 and east.max() < width and north.max() < height


def test_an_internal_atlas_says_so_on_every_page():
    for _, page in texts_by_page(coverage_spec(shown(town(14, 14, (1, 2)), internal=True))):
        assert "internal" in [text for text, _ in page]


def test_a_wide_table_is_parted_and_goes_on():
    letters = fonts.typeface(["x"], "en")
    heads = ["Cell", *(f"number {i}" for i in range(30))]
    rows = [[f"c{i}", *map(str, range(30))] for i in range(100)]
    parts = tables.columns_that_fit(tables.table_of(letters, heads, rows, 1), 120.0)
    assert len(parts) > 1
    assert all(part.width <= 120.0 for part in parts)
    assert [head[0] for part in parts for head in part.heads].count("Cell") == len(parts)
    flowed = tables.flowed(parts, sheets.Box(0, 0, 120, 40), sheets.Box(0, 0, 120, 200))
    for part in parts:
        pieces = [piece for page in flowed for piece in page if piece.table == part]
        assert [pieces[0].start, *(piece.stop for piece in pieces)][-1] == 100
        assert all(one.stop == two.start for one, two in itertools.pairwise(pieces))
    for number, page in enumerate(flowed):
        for piece in page:
            assert piece.top - piece.table.head - 3.9 * (piece.stop - piece.start) >= -1e-6, number


def test_importing_maps_imports_no_matplotlib():
    code = (
        "import sys, gridgis.pages, gridgis.images.static, gridgis.images.book; "
        "print(sorted({'matplotlib', 'fontTools'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_hash_of_the_letters_names_the_font():
    one, two = fonts.typeface(["abc"], "en"), fonts.typeface(["abcé"], "en")
    assert one.family != two.family
    assert hashlib.sha256(one.font("abc")).digest() == hashlib.sha256(one.font("cba")).digest()


@pytest.mark.parametrize("fill", [*classes.RAMP, *classes.QUALITATIVE, classes.NO_DATA, classes.HIDDEN, "#ffffff"])
def test_letters_stand_out_on_every_fill(fill):
    assert drawing.contrast(drawing.readable(fill), fill) >= 4.5
