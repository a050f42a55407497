"""The report of a division: figures by hand, proven never taken for not found, pages that are text and nothing else."""

import contextlib
import dataclasses
import json
import math
import re
import string
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from test_maps import PAYLOADS, Read, outside
from test_maps_browser import WATCH

from gridgis import PROFILES, Profile, assign_codes, divide, divide_report, write_table
from gridgis.codes import CodeScheme
from gridgis.contract import GridError
from gridgis.divide import EXCEPTIONS, PROVEN
from gridgis.pages.page import asset, content_hash
from gridgis.report import drawing, figures, words
from gridgis.sample import generate_town, small_example

X, Y = 420000, 4007000


def cells(loads, sizes=None, parents=None, **columns):
    """Cells side by side, 100 m high, as `divide` would give them."""
    sizes = sizes or [100] * len(loads)
    starts = np.cumsum([0, *sizes])
    shapes = [shapely.box(X + starts[i], Y, X + starts[i + 1], Y + 100) for i in range(len(loads))]
    table = {
        "parent_code": parents or ["P1"] * len(loads),
        "households": loads,
        "kind": ["regular"] * len(loads),
        "exception": [""] * len(loads),
        "barrier_share": [0.5] * len(loads),
        "crossed_m": [0.0] * len(loads),
    }
    return gpd.GeoDataFrame({**table, **columns}, geometry=shapes, crs=4547)


MIXED = cells(
    [100, 120, 150, 99, 160, 900, 0],
    sizes=[100, 100, 100, 100, 300, 100, 100],
    parents=["P1", "P1", "P1", "P2", "P2", "P2", "P2"],
    parent_name=["West", "West", "West", "East", "East", "East", "East"],
    kind=["regular"] * 5 + ["dedicated", "empty"],
    exception=["", "", "", "no division found", "giant building", "dedicated cell", "empty land"],
    barrier_share=[1.0, 0.5, 0.5, 0.5, 0.0, 1.0, 1.0],
    crossed_m=[0.0, 12.5, 0.0, 0.0, 30.0, 0.0, 0.0],
)


# --- figures by hand ----------------------------------------------------------------------------------------------


def test_cells_are_counted_by_kind_and_band():
    report = divide_report(MIXED)
    assert report.cells == 7
    assert report.kinds == {"regular": 5, "dedicated": 1, "fixed": 0, "empty": 1}
    assert (report.in_band, report.share_in_band) == (3, 3 / 7)
    assert (report.feasible, report.feasible_in_band, report.share_feasible_in_band) == (4, 3, 0.75)
    assert (report.count("proven"), report.count("not_proven"), report.count("asked")) == (1, 1, 2)


def test_loads_are_those_of_regular_cells():
    load = divide_report(MIXED).load
    assert (load.min, load.p25, load.median, load.p75, load.max) == (99, 100, 120, 150, 160)
    assert load.p05 == pytest.approx(99.2) and load.p95 == pytest.approx(158)
    assert load.mean == pytest.approx((100 + 120 + 150 + 99 + 160) / 5)


def test_compactness_by_hand():
    report = divide_report(MIXED)
    square = (math.pi / 4, 2 / math.pi)
    assert report.polsby_popper.max == pytest.approx(square[0])
    strip_pp = 4 * math.pi * 30000 / 800**2
    assert report.polsby_popper.min == pytest.approx(strip_pp)
    assert report.polsby_popper.p05 == pytest.approx(strip_pp + 0.2 * (square[0] - strip_pp))
    assert report.reock.median == pytest.approx(square[1])
    strip_reock = 30000 / (math.pi * (150**2 + 50**2))
    assert report.reock.min == pytest.approx(strip_reock)


def test_holes_count_as_border():
    ring = shapely.difference(shapely.box(0, 0, 30, 30), shapely.box(10, 10, 20, 20))
    polsby_popper, reock = figures.compactness(np.array([ring]))
    assert polsby_popper[0] == pytest.approx(4 * math.pi * 800 / 160**2)
    assert reock[0] == pytest.approx(800 / (math.pi * 450))


def test_borders_are_weighted_by_length():
    report = divide_report(MIXED)
    assert report.barrier_share == pytest.approx((400 * (1 + 0.5 + 0.5 + 0.5) + 800 * 0) / 2400)
    assert report.barrier_shares.median == 0.5
    assert (report.crossed_cells, report.crossed_m) == (2, 42.5)


def test_the_histogram_stacks_states():
    bars = divide_report(MIXED).histogram
    assert bars.edges == (70, 80, 90, 100, 110, 120, 130, 140, 151, 161, 171, 181)
    assert bars.cells == (0, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0)
    assert bars.in_band == (0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0)
    assert bars.proven == (0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0)
    assert bars.not_proven == (0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)


def test_exceptions_name_their_cells():
    groups = divide_report(MIXED).exceptions
    assert [(group.reason, group.status, group.proven, len(group.cells)) for group in groups] == [
        ("giant building", "proven", True, 1),
        ("no division found", "not_proven", False, 1),
        ("dedicated cell", "asked", False, 1),
        ("empty land", "asked", False, 1),
    ]
    assert all(group.meaning == EXCEPTIONS[group.reason] for group in groups)
    (giant,) = groups[0].cells
    assert (giant.cell, giant.row, giant.parent_code, giant.loads) == ("4", 4, "P2", (160,))
    assert (giant.x, giant.y) == (X + 550, Y + 50)
    coded = divide_report(MIXED.assign(grid_code=[f"c{i}" for i in range(7)]))
    assert coded.exceptions[0].cells[0].cell == "c4"


def test_parents_add_up():
    west, east = sorted(divide_report(MIXED).parents, key=lambda parent: parent.code)
    assert (west.code, west.name, west.cells, west.loads, west.in_band, west.exceptions) == (
        "P1",
        "West",
        3,
        (370,),
        3,
        0,
    )
    assert (east.name, east.cells, east.loads, east.in_band) == ("East", 4, (1159,), 0)
    assert (east.proven, east.not_proven, east.asked, east.exceptions) == (1, 1, 2, 4)


@pytest.mark.parametrize("reason", sorted(EXCEPTIONS))
def test_proven_is_what_divide_says_and_nothing_else(reason):
    kind = figures.ASKED.get(reason, "regular")
    report = divide_report(cells([90, 120], exception=[reason, ""], kind=[kind, "regular"]))
    (group,) = report.exceptions
    assert group.proven == (reason in PROVEN)
    assert report.feasible == (1 if reason in PROVEN or kind != "regular" else 2)
    state = {"regular": "proven" if reason in PROVEN else "not_proven", "empty": "empty"}.get(kind, "given")
    assert report.table.states.tolist() == [state, "in_band"]


def test_reasons_that_divide_does_not_know_are_never_proven():
    report = divide_report(cells([90, 91, 120], exception=["because", "", "total not divisible"]))
    assert [(group.reason, group.status, group.meaning) for group in report.exceptions] == [
        ("total not divisible", "proven", EXCEPTIONS["total not divisible"]),
        ("", "not_proven", ""),
        ("because", "not_proven", ""),
    ]
    assert report.table.states.tolist() == ["not_proven", "not_proven", "in_band"]
    assert "1 no reason stated (not proven): row 1" in str(report)


def test_the_kind_follows_from_the_exception_and_the_other_way_round():
    bare = MIXED.drop(columns="kind")
    assert divide_report(bare).kinds == divide_report(MIXED).kinds
    silent = divide_report(cells([900], kind=["fixed"]))
    assert [(group.reason, group.status) for group in silent.exceptions] == [("fixed cell", "asked")]


def test_only_given_cells_have_no_spread(tmp_path):
    report = divide_report(cells([900, 0], kind=["fixed", "empty"], exception=["fixed cell", "empty land"]))
    assert (report.load, report.reock, report.polsby_popper, report.barrier_share) == (None,) * 4
    assert (report.feasible, report.share_feasible_in_band) == (0, None)
    assert "there is no regular cell" in str(report)
    assert report.to_dict()["in_band"]["share_of_feasible"] is None
    assert "–" in report.save(tmp_path / "r.html").read_text(encoding="utf-8")


def test_columns_that_are_not_there_are_not_made_up(tmp_path):
    report = divide_report(MIXED[["parent_code", "households", "geometry"]])
    assert (report.barrier_share, report.barrier_shares, report.crossed_cells, report.crossed_m) == (None,) * 4
    assert "Borders along barriers: not known" in str(report)
    page = report.save(tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Hard barriers crossed" not in page and "NaN" not in page and "None" not in page.replace("None:", "")


# --- bands --------------------------------------------------------------------------------------------------------


def test_bands_are_those_of_divide():
    table = MIXED.assign(persons=[200.0, 300, 400, 200, 300, 2000, 0])
    assert divide_report(table, households=(90, 120)).bands == {"households": (90, 120)}
    assert divide_report(table, profile="micro").bands == {"households": (30, 50)}
    both = divide_report(table, households=(90, 120), persons=(250, 400))
    assert both.in_band == 1 and not both.either
    urban = divide_report(table, profile="urban")
    assert urban.either and urban.in_band == 6
    assert "Households 300 to 500 or Persons 0 to 1,000" in str(urban)
    own = divide_report(table, profile=Profile({"persons": (250, 400)}))
    assert own.histogram.measure == "persons" and own.in_band == 3
    assert own.exceptions[-1].cells[0].loads == (200,)


def test_a_profile_whose_measure_is_not_there_is_narrowed_as_in_divide():
    assert divide_report(MIXED, profile="urban").bands == {"households": (300, 500)}
    with pytest.raises(GridError, match="no column persons"):
        divide_report(MIXED, profile="output_area")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: pd.DataFrame(t.drop(columns="geometry")), "expected a GeoDataFrame, got DataFrame"),
        (lambda t: 3, "expected a GeoDataFrame, got int"),
        (lambda t: t.iloc[:0], "at least one cell"),
        (lambda t: t.drop(columns="parent_code"), "parent_code missing"),
        (lambda t: t.drop(columns="households"), "no column households"),
        (lambda t: t.assign(households=[None, *range(6)]), "rows 0"),
        (lambda t: t.assign(households=[-1, *range(6)]), "rows 0"),
        (lambda t: t.to_crs(4326), "projected CRS"),
        (lambda t: t.assign(grid_code="a"), "more than once: a"),
        (lambda t: t.assign(kind="school"), "got school"),
        (lambda t: t.assign(geometry=t.geometry.centroid), "valid polygons"),
        (lambda t: t.assign(geometry=shapely.from_wkt("POLYGON((0 0,9 9,9 0,0 9,0 0))")), "valid polygons"),
    ],
)
def test_what_is_no_division_is_refused(change, message):
    with pytest.raises(GridError, match=message):
        divide_report(change(MIXED))


@pytest.mark.parametrize(
    "wrong", [{"profile": "tiny"}, {"households": (5, 1)}, {"profile": "micro", "households": (1, 5)}, {"profile": 3}]
)
def test_what_is_no_band_is_refused(wrong):
    with pytest.raises(GridError):
        divide_report(MIXED, **wrong)


# --- always -------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 5000), st.integers(0, 5000))
def test_bins_hold_every_load_and_end_at_the_band(low, span, one, two):
    low = max(low, 1)
    edges = figures.bin_edges(low, low + span, min(one, two), max(one, two))
    assert edges == sorted(set(edges))
    assert low in edges and low + span + 1 in edges
    assert edges[0] <= min(one, two, low) and edges[-1] > max(one, two)
    assert 4 <= len(edges) - 1 <= 14
    inside = np.diff(edges[edges.index(low) : edges.index(low + span + 1) + 1])
    assert inside.max() - inside.min() <= 1


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_percentage_is_all_or_nothing_only_where_it_is(part, whole):
    part = min(part, whole)
    text = words.percent(part, whole, "en")
    assert (text == "100 %") == (part == whole)
    assert (text == "0 %") == (part == 0)
    assert abs(float(text.split()[0]) - 100 * part / whole) <= 0.1


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_sums_agree(data):
    n = data.draw(st.integers(1, 12))
    table = cells(
        data.draw(st.lists(st.integers(0, 400), min_size=n, max_size=n)),
        parents=data.draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=n, max_size=n)),
        exception=data.draw(st.lists(st.sampled_from(["", "odd", *EXCEPTIONS]), min_size=n, max_size=n)),
    )
    report = divide_report(table.drop(columns="kind"))
    assert sum(report.kinds.values()) == report.cells == n == sum(parent.cells for parent in report.parents)
    assert sum(report.histogram.cells) == report.kinds["regular"]
    for i, total in enumerate(report.histogram.cells):
        parts = (report.histogram.in_band, report.histogram.proven, report.histogram.not_proven)
        assert total == sum(part[i] for part in parts)
    assert sum(parent.loads[0] for parent in report.parents) == table["households"].sum()
    assert sum(parent.exceptions for parent in report.parents) == sum(len(group.cells) for group in report.exceptions)
    listed = {cell.row for group in report.exceptions for cell in group.cells}
    assert listed >= set(np.flatnonzero(~table["households"].between(100, 150)))
    assert report.feasible_in_band <= report.in_band
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False)) == report.to_dict()


# --- text and files -----------------------------------------------------------------------------------------------


def test_the_report_of_a_real_division_reads_well():
    example = small_example()
    made = divide(example.areas, example.buildings, example.barriers, households=(20, 30))
    report = divide_report(assign_codes(made, CodeScheme.unit_grid()), households=(20, 30))
    lines = str(report).splitlines()
    assert lines[0] == "Report of a division, internal: it states exact counts"
    assert lines[3] == "In the band: 4 of 4 cells (100 %); of feasible cells 4 of 4 (100 %)"
    assert lines[-1] == "Exceptions: none"
    assert len(lines) <= 12
    assert report.parents[0].name == "West"


def test_a_grid_read_back_gives_the_same_report(tmp_path):
    made = MIXED.assign(grid_code=[f"c{i}" for i in range(7)])
    for ending in ("gpkg", "parquet", "fgb"):
        write_table(made, tmp_path / f"grid.{ending}")
        read = gpd.read_parquet if ending == "parquet" else gpd.read_file
        assert divide_report(read(tmp_path / f"grid.{ending}")) == divide_report(made)


def test_json_round_trip(tmp_path):
    report = divide_report(MIXED)
    file = report.save(tmp_path / "new" / "report.json")
    assert json.loads(file.read_text(encoding="utf-8")) == report.to_dict()
    stored = report.to_dict()
    assert stored["internal"] is True
    assert stored["in_band"] == {
        "cells": 3,
        "share": 0.4286,
        "feasible": 4,
        "feasible_in_band": 3,
        "share_of_feasible": 0.75,
    }
    assert stored["exceptions"][0]["cells"][0]["cell"] == 4  # a row is a number, a code is text
    assert stored["exceptions"][1] | {"cells": []} == {
        "reason": "no division found",
        "meaning": EXCEPTIONS["no division found"],
        "status": "not_proven",
        "proven": False,
        "number": 1,
        "cells": [],
    }


@pytest.mark.parametrize("ending", ["json", "html"])
def test_same_report_same_bytes(tmp_path, ending):
    one = divide_report(MIXED).save(tmp_path / f"one.{ending}").read_bytes()
    two = divide_report(MIXED.copy()).save(tmp_path / f"two.{ending}").read_bytes()
    assert one == two


def test_unknown_endings_and_languages_are_refused(tmp_path):
    report = divide_report(MIXED)
    with pytest.raises(GridError, match=r"expected \.html or \.json, got \.pdf"):
        report.save(tmp_path / "report.pdf")
    with pytest.raises(GridError, match="'fr'"):
        report.save(tmp_path / "report.html", lang="fr")
    assert list(tmp_path.iterdir()) == []


def test_every_word_is_there_in_both_languages_with_the_same_blanks():
    assert set(words.REASONS_ZH) == set(EXCEPTIONS)
    for english, chinese in words._WORDS.values():
        blanks = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (english, chinese)]
        assert blanks[0] == blanks[1] and chinese


# --- the page -----------------------------------------------------------------------------------------------------


def page(report, folder, **options):
    return report.save(folder / "report.html", **options).read_text(encoding="utf-8")


def seen(text):
    """The text of a page as a reader without scripts and pictures meets it."""
    body = re.sub(r"<(script|style)>.*?</\1>", "", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


@pytest.mark.parametrize(("lang", "attribute"), [("en", "en"), ("zh", "zh-CN")])
def test_the_page_is_complete_and_needs_nothing_from_outside(tmp_path, lang, attribute):
    text = page(divide_report(MIXED), tmp_path, lang=lang)
    read = Read(text)
    assert read.tags[0] == ("html", {"lang": attribute})
    assert outside(text) == [] and not re.search(r"https?://", text)
    assert [attrs for tag, attrs in read.tags if tag in ("a",)] == [{"href": f"#c{row}"} for row in (4, 3, 5, 6)]
    assert not re.search(r"\beval\s*\(|new Function|fetch\(|XMLHttpRequest|innerHTML", text)
    assert not [attrs for _, attrs in read.tags if any(name.startswith("on") or name == "style" for name in attrs)]


def test_the_policy_allows_the_script_and_the_style_of_the_page_and_nothing_else(tmp_path):
    text = page(divide_report(MIXED), tmp_path)
    (policy,) = [a["content"] for _, a in Read(text).tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert dict(rule.split(" ", 1) for rule in policy.split("; ")) == {
        "default-src": "'none'",
        "script-src": content_hash(asset("report.js")),
        "style-src": content_hash(asset("report.css")),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert re.findall(r"<style>(.*?)</style>", text, re.DOTALL) == [asset("report.css")]
    assert Read(text).scripts == [asset("report.js")]


def test_figures_are_read_without_a_script(tmp_path):
    text = seen(page(divide_report(MIXED), tmp_path))
    for said in (
        "Internal Exact counts of households",
        "42.9 % 3 of 7 cells",
        "75.0 % 3 of 4 feasible cells",
        "1 proven, 1 not proven, 2 asked for",
        "giant building 1 proven: no division can help",
        "no division found 1 not proven: a division may exist",
        "P2 East 4 1,159 0 0 % 4 1 1 2",
        "below 80: 0; 80 to 89: 0; 90 to 99: 1; 100 to 109: 1",
        "171 and more: 0",
        "row 4 P2 East Households: 160 Exception: giant building (proven: no division can help)",
    ):
        assert said in text, said
    read = Read(page(divide_report(MIXED), tmp_path))
    pictures = [attrs for tag, attrs in read.tags if tag == "svg" and "aria-hidden" not in attrs]
    assert [attrs["role"] for attrs in pictures] == ["img", "img"]
    assert all({"aria-label", "aria-labelledby"} & set(attrs) for attrs in pictures)


def test_the_page_speaks_chinese(tmp_path):
    text = seen(page(divide_report(MIXED), tmp_path, lang="zh"))
    for said in (
        "内部",
        "网格划分报告",
        "区间：户数 100–150",
        "超大建筑",
        "未找到划分方案",
        "未证明",
        "42.9%",
        "第 4 行",
        "空地",
    ):
        assert said in text, said
    assert not re.search("|".join(EXCEPTIONS), text)


def hostile():
    names = [*PAYLOADS, "a\0b\r\nc", "\u202eabc"]
    table = cells(
        [99, 160, *[120] * 7],
        parents=[f"{name}{i}" for i, name in enumerate(names)],
        exception=[PAYLOADS[0], PAYLOADS[1], *[""] * 7],
    )
    return divide_report(table.assign(grid_code=[f"{name}.{i}" for i, name in enumerate(names)], parent_name=names))


def test_hostile_names_do_not_become_markup(tmp_path):
    plain = cells([99, 160, *[120] * 7], parents=[f"p{i}" for i in range(9)], exception=["odd", "even", *[""] * 7])
    plain = divide_report(plain.assign(grid_code=[f"c{i}" for i in range(9)], parent_name="n"))
    expected = Read(page(plain, tmp_path, title="t"))
    read = Read(page(hostile(), tmp_path, title=PAYLOADS[1] + "\0\ud800"))
    assert [tag for tag, _ in read.tags] == [tag for tag, _ in expected.tags]
    assert [set(attrs) for _, attrs in read.tags] == [set(attrs) for _, attrs in expected.tags]
    assert read.scripts == expected.scripts
    assert hostile().to_dict()["exceptions"][0]["reason"] in PAYLOADS


def test_five_hundred_cells_are_a_small_page(tmp_path):
    chance = np.random.default_rng(3)
    area = shapely.box(X, Y, X + 5000, Y + 4000)
    seeds = shapely.MultiPoint(chance.uniform(area.bounds[:2], area.bounds[2:], (500, 2)))
    shapes = shapely.intersection(shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=area)), area)
    shapes = shapely.segmentize(shapely.set_precision(shapes, 0.001), 15)
    table = gpd.GeoDataFrame({"parent_code": ["P"] * 500, "households": 90}, geometry=shapes, crs=4547)
    assert shapely.get_num_coordinates(shapes).mean() > 50
    assert divide_report(table).save(tmp_path / "r.html").stat().st_size < 1_000_000


def test_neighbours_share_their_corners_on_the_map():
    frame = drawing._Frame(MIXED.geometry.to_numpy())
    assert frame.path(shapely.box(X, Y, X + 900, Y + 100)) == "M16000 1778l0-1778-16000 0 0 1778z"
    corner = np.array([[X + 333.3, Y + 66.6]])
    assert frame.steps(corner).tolist() == frame.steps(corner.copy()).tolist()


def test_reports_are_equal_where_their_figures_are():
    one, two = divide_report(MIXED), divide_report(MIXED.assign(households=[101, 120, 150, 99, 160, 900, 0]))
    assert one == divide_report(MIXED) and one != two
    assert dataclasses.replace(one, cells=8) != one
    assert set(PROFILES) >= {"urban"}


# --- in a browser -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def shown(browser, path, size=(1280, 900), **options):
    """Open a page; nothing else was asked for, nothing complained, no payload ran."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    opened, asked, said = context.new_page(), [], []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.add_init_script(WATCH)
    try:
        opened.goto(path.as_uri())
        yield opened
        assert asked[0] == path.as_uri() and {url.split("#")[0] for url in asked} == {path.as_uri()}
        assert len(asked) == 1 and said == []
        if options.get("java_script_enabled", True):
            assert opened.evaluate("[violations, window.pwned === undefined]") == [[], True]
    finally:
        context.close()


@pytest.fixture(scope="module")
def town():
    made = generate_town(200, parents=2, seed=1)
    return divide_report(divide(made.areas, made.buildings, made.barriers), households=(100, 125))


@pytest.mark.browser
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_opens_from_a_file_and_fits(browser, tmp_path, town, lang, width):
    path = town.save(tmp_path / "report.html", lang=lang)
    with shown(browser, path, (width, 844)) as opened:
        assert opened.title() == opened.inner_text("h1") == words.word("title", lang)
        assert opened.locator(".cells path[id]").count() == town.cells
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.locator(".internal").is_visible()
        boxes = opened.locator("section, header").evaluate_all(
            "all => all.map(e => e.getBoundingClientRect().toJSON())"
        )
        assert all(one["bottom"] <= two["top"] + 1 for one, two in pairwise(boxes))
        inside = opened.locator(".map").bounding_box()
        assert inside["width"] > 0.8 * min(width, 1160)


@pytest.mark.browser
def test_cells_tell_their_figures_and_tables_lead_to_them(browser, tmp_path, town):
    with shown(browser, town.save(tmp_path / "report.html")) as opened:
        link = opened.locator(".exceptions a").first
        name = link.inner_text()
        link.click()
        opened.wait_for_selector(".tip:not([hidden])")
        assert opened.inner_text(".tip").startswith(f"{name}\n9901010010")
        assert opened.locator(".chosen").count() == 1
        before = opened.locator("#c0").bounding_box()["width"]
        opened.click("[data-zoom=zoom_in]")
        assert opened.locator("#c0").bounding_box()["width"] > 1.5 * before
        opened.locator(".exceptions a").last.click()
        opened.wait_for_selector(".tip:not([hidden])")
        opened.click("[data-zoom=whole]")
        assert opened.locator("#c0").bounding_box()["width"] == pytest.approx(before, abs=1)


@pytest.mark.browser
def test_payloads_are_shown_as_text(browser, tmp_path):
    with shown(browser, hostile().save(tmp_path / "report.html", title=PAYLOADS[0])) as opened:
        assert opened.inner_text("h1") == PAYLOADS[0]
        opened.locator(".exceptions a").first.click()
        opened.wait_for_selector(".tip:not([hidden])")
        assert opened.inner_text(".tip").startswith(PAYLOADS[1])
        assert opened.locator("img").count() == 0
        assert PAYLOADS[1] in opened.inner_text(".exceptions")


@pytest.mark.browser
def test_without_scripts_everything_is_there(browser, tmp_path, town):
    path = town.save(tmp_path / "report.html")
    with shown(browser, path, java_script_enabled=False) as opened:
        assert opened.locator(".cells path[id] title").count() == town.cells
        assert not opened.locator(".zoom").is_visible()
        opened.locator(".exceptions a").first.click()
        assert opened.url.startswith(path.as_uri() + "#c")
