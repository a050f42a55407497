"""The scanner finds what is planted, whatever it is wrapped in, and is silent on what may be shown."""

import base64
import bz2
import gzip
import importlib.util
import io
import json
import lzma
import re
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gridgis.contract import GridError
from gridgis.leaks import find_leaks, require_no_leaks
from gridgis.leaks.scanning import masked
from gridgis.pages import coverage_map
from gridgis.privacy import publish

_SPEC = importlib.util.spec_from_file_location(
    "bench_leaks", Path(__file__).parents[1] / "scripts" / "bench" / "leaks.py"
)
bench = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(bench)

ID = "11010519491231002X"
VISIBLE = {
    "identity number": [ID, ID.lower(), "110105 19491231 002X", "110105-1949-1231-002X", "身份证号１１０１０５１９４９１２３１００２Ｘ", f"id={ID};"],
    "phone number": ["13812345678", "电话13812345678", "+86 138 1234 5678", "41,13812345678,2", "[1,13812345678]", "0355-1234567", "(010) 12345678", "138-1234-5678。"],
    "e-mail address": ["wang.fang@example.com", "写信到wang@example.com谢谢", "mailto:a_b%2Bc@example.org"],
    "postal address": ["幸福路12号", "和平小区3号楼2单元501室", "5栋302室", "光明街十二号", "12 Heping Road", "Room 501, Building 3", "No. 7, Guangming Street"],
    "name of a person": ["姓名: 王芳", "户主：欧阳娜娜", "<th>姓名</th><td>李静</td>", '{"name": "王芳", "age": 40}', "resident_name=Wang Fang", "{name: '王芳', phone: null}"],
    "raw point": ['{"type":"Point","coordinates":[113.11635,36.19541]}', "L.marker([36.19541, 113.11635])", "L.circleMarker(\n [36.195412, 113.116354],\n {})", "POINT Z (113.11635 36.19541 3)", "[[36.1954123, 113.1163541, 2], [36.1954999, 113.1163001, 1]]", "{lat: 36.1954123, lng: 113.1163541}", '{"lon": [113.1163541, 113.1163777], "lat": [36.1954123, 36.1954777]}', "L.heatLayer([[36.1954, 113.1163]])"],
    "personal column": ['[{"phone": "see file"}]', "<table><tr><th>no</th><th>住址</th></tr><tr><td>1</td><td>东头第三家</td></tr></table>", '{"fields":[{"name":"id"},{"name":"wechat"}],"rows":[["1","fang-88"],["2","li-99"]]}'],
}  # fmt: skip
INNOCENT = [
    "990101001001001", "990101001001", "14040200100200714", "990101001001001123", "110105194912310021", "110105199913310021",
    "cells 13812345678901", "0.13812345678", "113.13812345678", "1.9.4", "2026-01-01 12:30", "#77aadd #ee8866", "M 138 1234 5678 L 139 1234 5678",
    "'sha256-3HH4pogLw8ob2fqNxfGvSMcC3FELCngkCgfF/u186TU='", "d41d8cd98f00b204e9800998ecf8427e", "123e4567-e89b-12d3-a456-426614174000",
    '{"type":"Polygon","coordinates":[[[113.1163541,36.1954123],[113.1163999,36.1954123],[113.1163999,36.1954999],[113.1163541,36.1954123]]]}',
    "L.polygon([[36.1954123, 113.1163541], [36.1954999, 113.1163001], [36.1954, 113.1164]])", "map.fitBounds([[36.1954123, 113.1163541], [36.2054123, 113.1263541]])",
    "center: [36.19099090010664, 113.11280965152446]", '{"bounds": [13400000000,52500000000,13410000000,52510000000]}', '{"name": "Heping community", "count": 12}',
    '{"name": "幸福社区", "households": 230}', "幸福社区3号网格", "共12栋，230户", "和平路", '<meta name="viewport" content="width=device-width">', "icon@2x.png leaflet@1.9.4 @media",
    '{"出生": 12, "phone": null, "count_电话": 14}', '{"phone": "hidden"}', "姓名: 已隐藏", "联系人：", "2 of 7 cells, 12 St", "Unit: households", '<input name="phone" type="text">',
    "https://www.openstreetmap.org/#map=18/36.19541/113.11635", '{"p": [[0.5342523, 0.2342342, 1], [0.1342523, 0.9342342, 2]]}', "地图第3号文件 审图号：GS(2026)1234号",
]  # fmt: skip


def scanned(tmp_path, content, name="map.html", **tables):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return find_leaks(path, **tables)


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in VISIBLE.items() for text in texts])
def test_what_is_written_as_personal_is_found(tmp_path, kind, text):
    assert kind in {leak.kind for leak in scanned(tmp_path, f"<p>{text}</p>")}


@pytest.mark.parametrize("text", INNOCENT)
def test_what_may_be_shown_is_left_alone(tmp_path, text):
    assert scanned(tmp_path, f"<p>{text}</p>") == []
    assert scanned(tmp_path, json.dumps({"note": text})) == []


def test_every_planted_leak_is_found(tmp_path):
    published, table = bench.release()
    missed = [plant for plant in bench.plants(400, seed=11) if not bench.is_found(plant, tmp_path, published, table)]
    assert missed == []


def test_finished_maps_and_files_raise_no_alarm(tmp_path):
    town, people = bench.town(3), bench.persons(500, seed=3)
    for path in bench.clean_files(town, 3, tmp_path):
        require_no_leaks(path, published=town.published, table=town.table, located=town.located, persons=people)


def test_hidden_numbers_of_totals_are_found(tmp_path):
    published, table = bench.release()
    row = published.totals[published.totals["count_status"] == "hidden"].iloc[0]
    true = int(table.loc[table["parent_code"] == row["parent_code"], "count"].sum())
    found = scanned(
        tmp_path, json.dumps({"street": row["parent_code"], "count": true}), published=published, table=table
    )
    assert [leak.kind for leak in found] == ["hidden number"]
    wrong = json.dumps({"street": row["parent_code"], "count": true + 1})
    assert scanned(tmp_path, wrong, published=published, table=table) == []


def test_an_internal_page_gives_its_numbers_away(tmp_path):
    published, table = bench.release()
    page = tmp_path / "map.html"
    coverage_map(publish(table, internal=True)).save(page)
    assert {leak.kind for leak in find_leaks(page, published=published, table=table)} == {"hidden number"}
    coverage_map(published).save(page)
    assert find_leaks(page, published=published, table=table) == []


def test_places_of_rows_are_found_as_often_as_they_are_no_chance(tmp_path):
    rng = np.random.default_rng(5)
    places = rng.uniform([113, 36], [113.1, 36.1], (50_000, 2))
    located = gpd.GeoDataFrame(geometry=shapely.points(places), crs=4326)
    x, y = places[7]
    assert [leak.kind for leak in scanned(tmp_path, f"near {y:.7f} and {x:.7f}", located=located)] == ["raw point"]
    corners = rng.uniform([113, 36], [113.1, 36.1], (20_000, 2)).round(6).tolist()
    shape = {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}
    assert scanned(tmp_path, json.dumps(shape), "map.json", located=located) == []


def test_places_in_metres_are_found_in_degrees(tmp_path):
    located = gpd.GeoDataFrame(geometry=[shapely.Point(420518.408, 4007586.397)], crs=4547)
    x, y = located.to_crs(4326).geometry.iloc[0].coords[0]
    assert [leak.kind for leak in scanned(tmp_path, f"at {y:.7f} {x:.7f}", located=located)] == ["raw point"]
    assert [leak.kind for leak in scanned(tmp_path, "at 420518.408 4007586.397", located=located)] == ["raw point"]


def test_names_of_persons_are_not_the_names_of_places(tmp_path):
    persons = pd.DataFrame({"姓名": ["和平", "王芳", "张小明"]})
    assert scanned(tmp_path, "<p>和平社区，和平路</p>", persons=persons) == []
    assert len(scanned(tmp_path, "<p>走访张小明家</p><p>王 芳</p>", persons=persons)) == 1
    assert scanned(tmp_path, "<p>走访张小明家</p><p>王 芳</p>", persons=persons)[0].count == 2


def test_an_excerpt_never_repeats_the_value(tmp_path):
    content = " ".join(text for texts in VISIBLE.values() for text in texts)
    for leak in scanned(tmp_path, content):
        assert "*" in leak.excerpt
        assert not any(value in leak.excerpt for value in (ID, "13812345678", "王芳", "wang.fang", "36.1954", "Heping"))
    assert all(masked(text) != text and len(masked(text).strip("*")) <= 2 for text in ("a", "王芳", ID, "x" * 300))


def test_where_a_leak_is_says_the_way_to_it(tmp_path):
    inner = gzip.compress(json.dumps([{"phone": "13812345678"}]).encode())
    page = f"<script>var a;</script><script>var b = '{bench._b64(inner)}';</script>"
    places = {leak.where for leak in scanned(tmp_path, page)}
    assert "map.html > script block 2 > base64 > gzip" in places
    assert "map.html > script block 2 > base64 > gzip > json" in places


def test_what_cannot_be_read_to_its_end_is_an_error(tmp_path):
    with pytest.raises(GridError, match="cannot be read"):
        find_leaks(tmp_path / "none.html")
    with pytest.raises(GridError, match="unpacks to more"):
        scanned(tmp_path, gzip.compress(bytes(3_000_000)), most=1_000_000)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.txt", bytes(3_000_000))
    with pytest.raises(GridError, match="unpacks to more"):
        scanned(tmp_path, file.getvalue(), most=1_000_000)
    nested = b"cells of the map"
    for _ in range(20):
        nested = gzip.compress(nested)
    with pytest.raises(GridError, match="layers in one another"):
        scanned(tmp_path, nested)
    rows = pd.DataFrame({"姓名": ["王芳"], "geometry": [shapely.to_wkb(shapely.Point(113.1, 36.2))]})
    rows.to_parquet(tmp_path / "persons.parquet")
    assert {leak.kind for leak in find_leaks(tmp_path / "persons.parquet")} == {"personal column", "raw point"}
    whole = (tmp_path / "persons.parquet").read_bytes()
    (tmp_path / "broken.parquet").write_bytes(whole[:200] + bytes(60) + whole[260:])
    with pytest.raises(GridError, match="a Parquet file is damaged or encrypted"):
        find_leaks(tmp_path / "broken.parquet")
    with pytest.raises(GridError, match="encrypted"):
        scanned(tmp_path, b"%PDF-1.4\ntrailer << /Encrypt 5 0 R >>", "map.pdf")
    with pytest.raises(GridError, match="together"):
        scanned(tmp_path, "x", table=pd.DataFrame())


@pytest.mark.parametrize("change", [lambda data: data[:-30], lambda data: data[:60] + b"####" + data[64:]])
def test_a_damaged_archive_is_an_error_and_not_nothing_found(tmp_path, change):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.csv", "name,phone\n" + "Wang Fang,13812345678\n" * 50)
    with pytest.raises(GridError, match="an archive is damaged; it cannot be read"):
        scanned(tmp_path, change(file.getvalue()))


@pytest.mark.parametrize("squeeze", [bz2.compress, lzma.compress, gzip.compress])
def test_squeezed_files_are_read(tmp_path, squeeze):
    assert [leak.kind for leak in scanned(tmp_path, squeeze(ID.encode()))] == ["identity number"]


def test_the_error_is_one_sentence_without_the_value(tmp_path):
    path = tmp_path / "map.html"
    path.write_text(f"<p>{ID}</p><p>13812345678</p>", encoding="utf-8")
    with pytest.raises(GridError) as caught:
        require_no_leaks(path)
    assert re.fullmatch(r"map\.html: it must not be shown, for it holds [^\n]+\.", str(caught.value))
    assert ID not in str(caught.value)


# Codes of divisions, texts that are allowed, files of points, work that grows with the file and no faster


def test_codes_of_divisions_of_11_digits_are_no_phones_and_phones_stay_phones(tmp_path):
    codes = [
        f"{county}{number:03}{cell:02}"
        for county in ("130102", "140402", "150102")
        for number in (1, 2)
        for cell in (1, 2, 3)
    ]
    assert scanned(tmp_path, "grid_code,count\n" + "\n".join(f"{code},12" for code in codes), "cells.csv") == []
    assert scanned(tmp_path, f"<p>{' '.join(codes)}</p>") == []
    assert scanned(tmp_path, json.dumps([{"parent_code": "13010200101", "count": 12}])) == []
    for child, kinds in (("13010212345001", []), ("1301021234501", []), ("13010212346001", ["phone number"])):
        assert [leak.kind for leak in scanned(tmp_path, f"<p>13010212345 {child}</p>")] == kinds
    found = scanned(tmp_path, f"<p>{' '.join(codes)} 电话 13010212345 和 13812345678</p>")
    assert sum(leak.count for leak in found if leak.kind == "phone number") == 2
    assert [leak.kind for leak in scanned(tmp_path, "<p>13010212345</p>")] == ["phone number"]


def test_one_text_is_allowed_exactly_and_nothing_else(tmp_path):
    page = "<p>Service centre 0356-2345678</p>"
    assert [leak.kind for leak in scanned(tmp_path, page)] == ["phone number"]
    assert scanned(tmp_path, page, allow=["Service centre 0356-2345678"]) == []
    assert scanned(tmp_path, page, allow=["0356-2345678"]) == []
    for other in ("Service centre 0356-234567", "service centre 0356-2345678", "Service centre"):
        assert len(scanned(tmp_path, page, allow=[other])) == 1
    more = scanned(tmp_path, page + "<p>0356-2345678 13812345678</p>", allow=["Service centre 0356-2345678"])
    assert sum(leak.count for leak in more) == 2
    require_no_leaks(tmp_path / "map.html", allow=["0356-2345678", "13812345678"])
    with pytest.raises(GridError, match="allow: expected a list of texts"):
        scanned(tmp_path, page, allow="0356-2345678")


def test_a_map_is_saved_with_a_text_that_is_allowed(tmp_path):
    published, _ = bench.release()
    page = coverage_map(published, title="Service centre 0356-2345678")
    with pytest.raises(GridError, match=r"phone number.*allow="):
        page.save(tmp_path / "map.html")
    page.save(tmp_path / "map.html", allow=["Service centre 0356-2345678"])
    page.save_site(tmp_path / "site", allow=["Service centre 0356-2345678"])
    assert (tmp_path / "map.html").exists() and (tmp_path / "site" / "index.html").exists()


PLACES = gpd.GeoDataFrame({"note": ["a", "b"]}, geometry=gpd.points_from_xy([113.1163541, 113.1163999], [36.1954123, 36.1954999]), crs=4326)  # fmt: skip


@pytest.mark.parametrize(
    "ending", [".shp", ".fgb", ".gml", ".gpx", ".kml", ".arrow", ".feather", ".mif", ".geojsonl", ".tab"]
)
def test_files_of_points_are_read_or_refused(tmp_path, ending):
    path = tmp_path / f"points{ending}"
    x, y = 113.1163541, 36.1954123
    if ending in (".arrow", ".feather"):
        import pyarrow as pa

        table = pa.table({"note": ["a"], "geometry": [shapely.Point(x, y).wkb]})
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table)
    elif ending == ".gpx":
        path.write_text(f'<gpx><wpt lat="{y}" lon="{x}"><name>a</name></wpt></gpx>')
    elif ending == ".kml":
        path.write_text(f"<kml><Placemark><Point><coordinates>{x},{y},0</coordinates></Point></Placemark></kml>")
    elif ending == ".mif":
        path.write_text(f"Version 300\nColumns 1\n  note Char(9)\nData\n\nPoint {x} {y}\n")
    elif ending == ".tab":
        path.write_text("!table\n!version 300\nDefinition Table\n")
    else:
        PLACES.to_file(
            path, driver={".shp": None, ".fgb": "FlatGeobuf", ".gml": "GML", ".geojsonl": "GeoJSONSeq"}[ending]
        )
    try:
        assert "raw point" in {leak.kind for leak in find_leaks(path)}
    except GridError as error:
        assert ending == ".tab" and "in a form that cannot be read (MapInfo)" in str(error)


def test_the_table_of_a_shapefile_is_read_with_it(tmp_path):
    shapes = [shapely.box(113.1, 36.1, 113.2, 36.2), shapely.box(113.2, 36.1, 113.3, 36.2)]
    people = gpd.GeoDataFrame({"联系人": ["王芳", "李娜"]}, geometry=shapes, crs=4326)
    people.to_file(tmp_path / "a.shp", encoding="gb18030")
    assert "name of a person" in {leak.kind for leak in find_leaks(tmp_path / "a.shp")}


def test_what_is_in_no_known_form_is_refused_and_pictures_are_not(tmp_path):
    noise = np.random.default_rng(1).integers(0, 256, 4000, np.uint8).tobytes()
    with pytest.raises(GridError, match="in a form that cannot be read"):
        scanned(tmp_path, b"\x8f\xff" + noise, "what.bin")
    assert scanned(tmp_path, b"GIF89a" + noise, "a.gif") == []


@pytest.mark.parametrize(
    "piece",
    ["<!--", "<", "{", "[", "<script>", "<script ", "<table>", "<tr>", "<td ", '{"a":', "[[1,2],", "1", "138 ", " ", "a", "@", "王", "号", "姓名",
     "姓名\t\t\t", '"', "\\", "ff:", "marker(", "<Point>", "%41", "&#65;", "13010200101 ", "QQ", "路1", "%PDF-1.4\n>>stream\n"],
)  # fmt: skip
def test_hostile_texts_end_well(tmp_path, piece):
    people = pd.DataFrame({"姓名": ["王芳"], "phone": ["13812345678"], "full_name": ["Wang Fang"]})
    assert isinstance(scanned(tmp_path, piece * (60_000 // len(piece)), persons=people), list)


def test_layers_within_layers_are_bounded(tmp_path):
    data, wrapped = b"x" * 100, b"cells and households " * 400
    for _ in range(20):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a.zip", data)
        data = file.getvalue()
    with pytest.raises(GridError, match="more than 12 layers"):
        scanned(tmp_path, data, "a.zip")
    for _ in range(8):
        wrapped = base64.encodebytes(wrapped)
    assert scanned(tmp_path, wrapped, "a.txt") == []
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"\0" * 90_000_000)
    with pytest.raises(GridError, match="unpacks to more than"):
        scanned(tmp_path, bomb.getvalue(), "bomb.zip")


@pytest.mark.parametrize("ending", [".gpkg", ".fgb", ".shp", ".parquet"])
def test_coordinates_are_no_addresses(tmp_path, ending):
    chance = np.random.default_rng(1)
    turns = np.sort(chance.uniform(0, 2 * np.pi, (30, 10_000)), axis=1)
    far = 0.004 + chance.uniform(0, 0.0005, turns.shape)
    x, y = 113.05 + np.arange(30)[:, None] * 0.01 + far * np.cos(turns), 36.15 + far * np.sin(turns)
    cells = shapely.polygons(np.stack([x, y], axis=-1))
    grid = gpd.GeoDataFrame({"grid_code": [f"9901010010010{i:02}" for i in range(30)]}, geometry=cells, crs=4326)
    path = tmp_path / f"cells{ending}"
    grid.to_parquet(path) if ending == ".parquet" else grid.to_file(path)
    assert any(re.search(rb"B@[A-Za-z0-9]+\.[A-Za-z]{2}", part.read_bytes()) for part in tmp_path.iterdir())
    assert find_leaks(path) == []


@pytest.mark.parametrize(
    "written", ["wang.fang@example.com", "zhang3@qq.com", "LI_NA@163.COM", "Wang.Fang@Example.com"]
)
def test_an_address_between_bytes_is_found(tmp_path, written):
    path = tmp_path / "cells.gpkg"
    gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4326).to_file(path)
    path.write_bytes(path.read_bytes() + b"\0\1\xff" + written.encode() + b"\xff\0")
    assert [leak.kind for leak in find_leaks(path)] == ["e-mail address"]
