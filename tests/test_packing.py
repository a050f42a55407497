"""Packed cells: every ring comes back, nothing hidden is in the text, the same cells give the same letters."""

import dataclasses
import json
from importlib.resources import files

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from test_maps import PAYLOADS, published, table

from gridgis import compiled
from gridgis.maps import arcs, coding
from gridgis.maps.packing import find_blocks, pack, unpack
from gridgis.maps.spec import coverage_spec, hotspot_spec
from gridgis.maps.texts import pack_text, unpack_text
from gridgis.pages import coverage_map, hotspot_map, page
from gridgis.pages.scripts import packed_scripts, stored_text

HOUSE = st.integers(0, 6)
needs_core = pytest.mark.skipif(compiled.core is None, reason="the compiled core is not installed here")


def unpacked(made):
    (block,) = find_blocks(made.get_root().render())
    return unpack(block)


def expected(degrees, raster):
    """Rings as they should come back: rounded, no corner twice in a row, at least three."""
    found = []
    for cell in degrees:
        polygons = []
        for part in shapely.get_parts(cell):
            rings = [rounded(ring, raster) for ring in (part.exterior, *part.interiors)]
            if len(rings[0]) >= 3:
                polygons.append([rings[0], *(ring for ring in rings[1:] if len(ring) >= 3)])
        found.append(polygons)
    return found


def rounded(ring, raster):
    points = shapely.get_coordinates(ring)[:-1] * (arcs.UNIT / np.array([raster.step_x, raster.step_y]))
    points = [tuple(point) for point in np.rint(points).astype(int).tolist()]
    return [point for i, point in enumerate(points) if point != points[i - 1]]


def plain(polygons):
    """Polygons whatever corner their rings start at, and whatever way round they go."""
    return sorted([turned(polygon[0]), *sorted(turned(ring) for ring in polygon[1:])] for polygon in polygons)


def turned(ring):
    ways = [way[i:] + way[:i] for way in (ring, ring[::-1]) for i in range(len(ring))]
    return min(ways)


def there_and_back(cells):
    cells = np.array(cells, object)
    raster = arcs.raster_of(cells)
    rings = arcs.rings_of(cells, raster)
    streams = arcs.to_streams(rings, len(cells))
    texts = [coding.encode(streams[name]) for name in arcs.STREAMS]
    place, read, text = 0, {}, "".join(texts)
    for name in arcs.STREAMS:
        read[name], place = coding.decode(text, place)
    assert place == len(text)
    back = arcs.from_streams(read)
    found = [[] for _ in cells]
    for number, (cell, hole) in enumerate(zip(back.cell, back.hole, strict=True)):
        part = slice(back.start[number], back.start[number + 1])
        ring = list(zip((back.x[part] + raster.west).tolist(), (back.y[part] + raster.south).tolist(), strict=True))
        if hole:
            found[cell][-1].append(ring)
        else:
            found[cell].append([ring])
    return found, expected(cells, raster), streams


def check(cells):
    found, wanted, streams = there_and_back(cells)
    for one, two in zip(found, wanted, strict=True):
        if two:
            assert plain(one) == plain(two)
        else:
            assert [len(ring) for polygon in one for ring in polygon] == [4], "a square stands for a lost cell"
    return streams


def degrees(shape, scale=1e-4):
    """Shapes in metres-like numbers, brought to some place on the globe."""
    return shapely.transform(shape, lambda points: points * scale + [113, 36])


def square(x, y, side=1.0):
    return shapely.box(x, y, x + side, y + side)


# --- numbers ------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 2**52 - 1) | st.integers(0, 40), max_size=300), st.text("ab", max_size=4))
@settings(max_examples=300, deadline=None)
def test_any_numbers_come_back(numbers, before):
    text = coding.encode(np.array(numbers, np.int64))
    back, place = coding.decode(before + text + "tail", len(before))
    assert back.tolist() == numbers
    assert place == len(before) + len(text)
    assert set(text) <= set(coding.ALPHABET)


def test_many_numbers_take_turns_and_cost_what_they_must():
    numbers = np.random.default_rng(3).geometric(0.02, 300_000)
    text = coding.encode(numbers)
    assert np.array_equal(coding.decode(text, 0)[0], numbers)
    shares = np.bincount(numbers)[1:] / len(numbers)
    shares = shares[shares > 0]
    least = -(shares * np.log2(shares)).sum() * len(numbers) / np.log2(len(coding.ALPHABET))
    assert len(text) < 1.02 * least + 100


def test_the_letters_are_harmless_and_do_not_change():
    assert not set(coding.ALPHABET) & set("<>&\"'\\` \n")
    assert len(set(coding.ALPHABET)) == 87
    assert coding.encode([1, 2, 3, 500, 2**40]) == PINNED
    assert coding.encode([0] * 100_000) == coding.encode(np.zeros(100_000))
    assert len(coding.encode([0] * 100_000)) < 700


PINNED = "!!!!!)!)!#-K!$-J!%-J!I-J#q-J!+4E32!!*v%[8$!-F?8$!-F?8$!!!m;@"


@pytest.mark.parametrize("wrong", [[-1], [2**52]])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="below 2"):
        coding.encode(wrong)


def test_a_cut_text_is_an_error():
    text = coding.encode(np.arange(500))
    with pytest.raises(ValueError, match="too early"):
        coding.decode(text[:-2], 0)


@given(st.lists(st.integers(-(2**50), 2**50)))
def test_zigzag_goes_back(numbers):
    assert coding.unzigzag(coding.zigzag(numbers)).tolist() == numbers
    assert all(value >= 0 for value in coding.zigzag(numbers))


@given(st.lists(st.text(max_size=9) | st.sampled_from(["abcabc", "var x = ", "😀 "]), max_size=30).map("".join))
@settings(max_examples=300, deadline=None)
def test_any_text_comes_back(text):
    assert unpack_text(pack_text(text)) == text


def test_scripts_take_about_a_third_and_keep_their_notices():
    engine = page.asset("leaflet.js")
    block, loader = packed_scripts([engine, "var map;"], "reader();")
    assert [unpack_text(line) for line in block.split("\n")] == [engine, "var map;"]
    assert len(block) < 0.37 * len(engine)
    assert not set(block) & set("<>&\"'\\`")
    assert "Leaflet 1.9.4" in loader.splitlines()[1]
    assert loader.endswith('reader();\ngridgis.run("gridgis-packed");')


def test_the_stored_library_is_the_one_of_the_package():
    engine = page.clean(page.leaflet()[0])
    assert (files("gridgis.maps") / "packed.txt").read_text("ascii") == stored_text([engine])
    assert unpack_text(pack_text(engine)) == engine


# --- shapes -------------------------------------------------------------------------------------------------------


def test_every_border_of_a_cover_is_stored_once():
    cells = [degrees(square(i, j)) for j in range(5) for i in range(7)]
    streams = check(cells)
    assert (streams["kinds"] == 0).sum() == 5 * 8 + 6 * 7 - 4, "two sides of each outer corner are one line"
    assert (streams["kinds"] == 1).sum() == 4 * 7 + 5 * 6
    assert len(streams["x"]) == 6 * 8, "each corner once"


@given(st.lists(st.tuples(HOUSE, HOUSE, st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=12))
@settings(max_examples=200, deadline=None)
def test_any_boxes_come_back_also_where_they_overlap(boxes):
    check([degrees(shapely.box(x, y, x + width, y + height)) for x, y, width, height in boxes])


@given(st.lists(st.lists(st.tuples(HOUSE, HOUSE), min_size=3, max_size=9), min_size=1, max_size=6))
@settings(max_examples=300, deadline=None)
def test_any_rings_come_back_also_crossed_ones(rings):
    check([degrees(shapely.Polygon(ring)) for ring in rings])


@given(st.integers(2, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_any_cover_comes_back_in_shared_lines(count, seed):
    chance = np.random.default_rng(seed)
    area = shapely.box(0, 0, 100, 100)
    seeds = shapely.MultiPoint(chance.uniform(0, 100, (count, 2)))
    cells = shapely.intersection(shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=area)), area)
    merged = shapely.union_all(cells[:2])
    check([*map(degrees, cells[2:]), degrees(merged)])


@given(st.lists(st.integers(0, 5), min_size=36, max_size=36))
@settings(max_examples=200, deadline=None)
def test_pieces_holes_and_enclaves_come_back(owners):
    cells = []
    for owner in sorted(set(owners)):
        squares = [square(i % 6, i // 6) for i in range(36) if owners[i] == owner]
        cells.append(degrees(shapely.union_all(squares)))
    check(cells)


def test_an_enclave_shares_its_whole_border():
    inner = shapely.Point(5, 5).buffer(2)
    streams = check([degrees(square(0, 0, 10).difference(inner)), degrees(inner)])
    assert streams["kinds"].tolist() == [0, 0, 1]
    assert streams["holes"].tolist() == [0, 1, 0]


def test_cells_that_are_not_matched_edge_by_edge():
    streams = check([degrees(square(0, 0, 4)), degrees(square(4, 0, 2)), degrees(square(4, 2, 2))])
    assert (streams["kinds"] == 0).sum() > 3


def test_the_same_cell_twice_and_one_cell_alone():
    assert check([degrees(square(0, 0))] * 2)["kinds"].tolist() == [0, 2]
    assert check([degrees(square(0, 0))])["kinds"].tolist() == [0]


def test_cells_too_small_to_see_stay_cells():
    tiny = shapely.box(0, 0, 1e-7, 1e-7)
    cells = [degrees(square(5 * i, 0)) for i in range(300)] + [
        degrees(tiny),
        degrees(shapely.MultiPolygon([tiny, square(9, 9)])),
    ]
    streams = check(cells)
    assert streams["pieces"].tolist() == [1] * 302


@pytest.mark.parametrize(("side", "most"), [(1e-3, 0.12), (1e-5, 0.02), (30.0, 2.0)])
def test_corners_move_by_at_most_a_step(side, most):
    cells = np.array([shapely.box(113, 36, 113 + side, 36 + side)], object)
    raster = arcs.raster_of(cells)
    assert max(raster.step_x * np.cos(np.radians(36 + side / 2)), raster.step_y) / arcs.UNIT * 111_320 <= most
    assert (side / raster.step_x * arcs.UNIT) < 2**30


# --- a map --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("say", [coverage_spec, hotspot_spec])
def test_a_block_holds_what_the_spec_says(say):
    spec = say(published())
    found = unpack(json.dumps(pack(spec)))
    assert tuple(found["codes"]) == spec.codes
    assert found["parent_of"] == spec.shapes.parent_of.tolist()
    for measure, values, marks in zip(spec.measures, found["values"], found["marks"], strict=True):
        assert [np.nan if value is None else value for value in values] == pytest.approx(measure.value, nan_ok=True)
        assert [mark == 1 for mark in marks] == measure.hidden.tolist()
    assert [tuple(column) for column in found["class_of"]] == [theme.class_of for theme in spec.themes]
    assert [theme["by"] for theme in found["themes"] if theme["key"] != "coverage"] == ["value"] * 3


def test_a_hidden_value_is_not_in_the_block():
    good = published()
    planted = good.table.copy()
    hidden = planted["count_status"] == "hidden"
    assert hidden.any()
    planted.loc[hidden, "count"] = 98765.0
    leaky = dataclasses.replace(good, table=planted)
    for draw in (coverage_map, hotspot_map):
        found = unpacked(draw(leaky))
        place = [measure["name"] for measure in found["measures"]].index("count")
        assert [value is None for value in found["values"][place]] == hidden.tolist()
        assert "98765" not in json.dumps(found)
        assert pack(draw(leaky).spec)["packed"] == pack(draw(good).spec)["packed"], "not in any bit"


@given(st.lists(st.text(max_size=12) | st.integers(0, 10**16).map(str), min_size=12, max_size=12, unique=True))
@settings(max_examples=100, deadline=None)
def test_any_codes_come_back(names):
    names = [name or "x" * 13 for name in names]
    spec = coverage_spec(published())
    spec = dataclasses.replace(spec, codes=tuple(names))
    assert unpack(json.dumps(pack(spec)))["codes"] == names


@given(st.lists(st.floats(-1e18, 1e18) | st.none(), min_size=12, max_size=12))
@settings(max_examples=100, deadline=None)
def test_any_values_come_back(values):
    spec = coverage_spec(published())
    numbers = np.round([np.nan if value is None else value for value in values], 3)
    first = dataclasses.replace(spec.measures[0], value=numbers, hidden=np.isnan(numbers), decimals=3)
    found = unpack(json.dumps(pack(dataclasses.replace(spec, measures=(first, *spec.measures[1:])))))
    back = found["values"][0]
    if "texts" in found["measures"][0]:
        back = [None if text is None else float(text.replace(",", "")) for text in back]
    assert [np.nan if value is None else value for value in back] == pytest.approx(numbers, rel=1e-12, nan_ok=True)


def test_classes_that_no_bound_gives_are_kept_cell_by_cell():
    spec = hotspot_spec(published())
    odd = dataclasses.replace(spec.themes[0], class_of=tuple(reversed(spec.class_of)))
    found = unpack(json.dumps(pack(dataclasses.replace(spec, themes=(odd, *spec.themes[1:])))))
    assert found["themes"][0]["by"] == "cell"
    assert tuple(found["class_of"][0]) == odd.class_of


def test_both_languages_are_in_the_page():
    for lang, other in (("en", "zh"), ("zh", "en")):
        found = unpacked(hotspot_map(published(), lang=lang))
        assert found["lang"] == lang
        same = unpacked(hotspot_map(published(), lang=other))
        assert found["texts"] == same["texts"]
        assert found["texts"]["zh"]["title"] == "网格热点图：每百户事件数"
        assert found["texts"]["en"]["notes"][0] == "Households are modelled."


def test_own_words_are_never_translated():
    words = ["Parent", "no data", "Enter 3 more", *PAYLOADS]
    shown = published(notes=words)
    found = unpacked(coverage_map(shown, title="Events by service cell for all"))
    assert found["texts"]["zh"]["notes"][: len(words)] == words
    assert found["texts"]["zh"]["title"] == "Events by service cell for all"


def test_a_large_map_is_packed_small():
    chance = np.random.default_rng(1)
    side = 60
    nodes = np.stack(np.meshgrid(np.arange(side + 1.0), np.arange(side + 1.0), indexing="ij"), axis=-1)
    nodes = (nodes + chance.uniform(-0.2, 0.2, nodes.shape)) * 80 + [420000, 4007000]
    corners = [nodes[i : i + 2, j : j + 2].reshape(4, 2)[[0, 2, 3, 1]] for i in range(side) for j in range(side)]
    cells = shapely.polygons(np.array(corners))
    frame = gpd.GeoDataFrame(
        {"grid_code": [f"{i:05d}" for i in range(len(cells))], "parent_code": "P"}, geometry=cells, crs=4547
    )
    frame["count"] = 50.0
    from gridgis.privacy import publish

    packed = pack(coverage_spec(publish(frame, measures=["count"])))
    assert len(packed["packed"]) < 9 * len(cells)


def test_only_own_blocks_are_read():
    with pytest.raises(ValueError, match="gridgis-cells-1"):
        unpack('{"form": "other"}')
    block = pack(coverage_spec(published()))
    with pytest.raises(ValueError, match="end"):
        unpack(json.dumps({**block, "packed": block["packed"] + "!!!!!!"}))
    assert table() is not None


@needs_core
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40_000), st.integers(1, 51))
def test_the_compiled_core_packs_letter_for_letter_what_its_twin_packs(seed, count, most_bits):
    chance = np.random.default_rng(seed)
    values = chance.integers(0, 2 ** chance.integers(1, most_bits + 1, count))
    core, packed = compiled.core, coding.encode(values)
    text = f"before{packed}after"
    read = coding.decode(text, 6)
    compiled.core = None
    try:
        assert coding.encode(values) == packed
        twin = coding.decode(text, 6)
    finally:
        compiled.core = core
    np.testing.assert_array_equal(read[0], values)
    np.testing.assert_array_equal(twin[0], values)
    assert read[1] == twin[1] == 6 + len(packed)


@pytest.mark.parametrize("with_core", [False, pytest.param(True, marks=needs_core)])
def test_a_text_that_was_not_packed_is_refused_and_never_read_beyond_its_end(with_core, monkeypatch):
    if not with_core:
        monkeypatch.setattr(compiled, "core", None)
    chance = np.random.default_rng(3)
    whole = coding.encode(chance.integers(0, 5_000, 3_000))
    for end in (0, 1, 7, 40, 300, len(whole) - 1):
        with pytest.raises(ValueError, match="ends too early"):
            coding.decode(whole[:end], 0)
    for _ in range(300):
        letters = list(whole)
        for place in chance.integers(0, 60, 3).tolist():
            letters[place] = coding.ALPHABET[int(chance.integers(len(coding.ALPHABET)))]
        try:
            coding.decode("".join(letters), 0)
        except (ValueError, IndexError) as error:
            assert not isinstance(error, UnicodeError)


def test_a_few_letters_do_not_stand_for_more_numbers_than_fit_into_memory():
    one = coding.encode(np.zeros(5, np.int64))
    bomb = "~~~~~~" + one[6:]
    with pytest.raises(ValueError, match="134,217,728 numbers can be read"):
        coding.decode(bomb, 0)
