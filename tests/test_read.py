from __future__ import annotations

import json
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import warnings
import zipfile
from contextlib import closing, suppress

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.affinity import translate

from gridgis import crs
from gridgis.contract import GridError, GridWarning
from gridgis.cover import wide_parts
from gridgis.read import (
    BARRIER_OF_KIND,
    read_areas,
    read_barriers,
    read_buildings,
    read_grid,
    read_points,
    read_table,
    read_zones,
)
from gridgis.read.opening import Report
from gridgis.read.tidying import clean_codes

X, Y = 420000.0, 4007000.0
OWN = "+proj=tmerc +lat_0=0 +lon_0=114 +k=1 +x_0=500000 +ellps=krass +towgs84=15.5,-120.5,-60.5,0,0,0,0 +units=m"


def square(i=0, j=0, side=10.0):
    return shapely.box(X + i * side, Y + j * side, X + (i + 1) * side, Y + (j + 1) * side)


def frame(geometry, crs=4547, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(geometry), crs=crs)


def write(table, path, **options):
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        pyogrio.write_dataframe(table, path, **options)
    return path


def bow_tie():
    return shapely.Polygon([(X, Y), (X + 10, Y + 10), (X + 10, Y), (X, Y + 10)])


# --- areas


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".geojson", ".parquet", ".fgb"])
def test_areas_from_every_format(tmp_path, suffix):
    table = frame([square(), square(1)], code=["013010500100201", "013010500100202"], name=["东街", None], n=[1, 2])
    table = table.to_crs(4326) if suffix == ".geojson" else table
    options = {"SPATIAL_INDEX": "NO"} if suffix == ".fgb" else {}
    areas = read_areas(write(table, tmp_path / f"areas{suffix}", **options))
    assert list(areas.columns) == ["code", "name", "geometry"]
    assert areas["code"].tolist() == ["013010500100201", "013010500100202"]
    assert areas["name"][0] == "东街" and pd.isna(areas["name"][1])
    assert areas.crs.to_epsg() == 4547 and list(areas.index) == [0, 1]
    assert areas.geometry.area.tolist() == pytest.approx([100, 100], rel=1e-4)


def test_the_crs_of_the_result(tmp_path):
    degrees = write(frame([square()], code=["1"]).to_crs(4490), tmp_path / "degrees.gpkg")
    assert read_areas(degrees).crs.to_epsg() == 4547
    assert read_areas(degrees, crs=4548).crs.to_epsg() == 4548
    assert read_areas(degrees, crs="EPSG:32649").crs.to_epsg() == 32649
    mercator = write(frame([square()], code=["1"]).to_crs(3857), tmp_path / "mercator.gpkg")
    assert read_areas(mercator).crs.to_epsg() == 4547
    prefixed = write(frame([square()], code=["1"]).to_crs(4526), tmp_path / "prefixed.gpkg")
    assert read_areas(prefixed).crs.to_epsg() == 4526
    with pytest.raises(GridError, match=r"crs=: expected a projected CRS in metres"):
        read_areas(degrees, crs=4490)
    with pytest.raises(GridError, match=r"not known to PROJ"):
        read_areas(degrees, crs="EPSG:1")


def test_a_projected_crs_in_the_words_of_another_program(tmp_path):
    path = write(frame([square()], code=["1"]), tmp_path / "areas.shp")
    (tmp_path / "areas.prj").write_text(frame([square()], code=["1"]).crs.to_wkt("WKT1_ESRI"))
    assert read_areas(path).crs.equals(frame([], code=[]).crs)
    assert len(read_areas(path, source_crs=4547)) == 1


def test_a_missing_crs_must_be_named(tmp_path):
    path = write(frame([square()], code=["1"]), tmp_path / "areas.shp")
    (tmp_path / "areas.prj").unlink()
    with pytest.raises(GridError, match=r"areas.shp: the file declares no CRS; pass source_crs="):
        read_areas(path)
    assert read_areas(path, source_crs=4547).geometry[0].equals(square())
    with pytest.raises(GridError, match=r"look like metres"):
        read_areas(path, source_crs=4326)


def test_an_undefined_crs_is_none(tmp_path):
    undefined = pyproj.CRS(
        'GEOGCS["Undefined geographic SRS",DATUM["unknown",SPHEROID["unknown",6378137,298.257223563]],'
        'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]'
    )
    assert not crs.declares(undefined)
    path = write(frame([square()], code=["1"]).set_crs(undefined, allow_override=True), tmp_path / "areas.gpkg")
    with pytest.raises(GridError, match=r"areas.gpkg: the file declares no CRS; pass source_crs="):
        read_areas(path)
    assert read_areas(path, source_crs=4547).geometry[0].equals(square())


def test_a_crs_that_contradicts_the_file(tmp_path):
    path = write(frame([square()], code=["1"]), tmp_path / "areas.gpkg")
    with pytest.raises(GridError, match=r"source_crs= says .*4548.* the file declares .*4547"):
        read_areas(path, source_crs=4548)
    degrees = frame([square()], code=["1"]).to_crs(4326).set_crs(4547, allow_override=True)
    with pytest.raises(GridError, match=r"look like degrees"):
        read_areas(write(degrees, tmp_path / "degrees.gpkg"))
    swapped = frame([shapely.box(Y, X, Y + 10, X + 10)], code=["1"])
    with pytest.raises(GridError, match=r"swapped"):
        read_areas(write(swapped, tmp_path / "swapped.gpkg"))
    wide = frame([translate(square(), 38_000_000)], code=["1"])
    with pytest.raises(GridError, match=r"prefix|finite"):
        read_areas(write(wide, tmp_path / "wide.gpkg"))


def test_geojson_in_metres_that_declares_nothing(tmp_path):
    path = tmp_path / "areas.geojson"
    path.write_text(frame([square()], code=["1"]).to_json(drop_id=True))
    if '"crs"' in path.read_text():
        path.write_text(re.sub(r'"crs": \{[^}]*\{[^}]*\}\},? ?', "", path.read_text()))
    with pytest.raises(GridError, match=r"look like metres"):
        read_areas(path)
    assert read_areas(path, source_crs=4547).crs.to_epsg() == 4547


def test_an_old_datum_needs_own_parameters_which_stay_secret(tmp_path):
    path = write(frame([square()], code=["1"], crs=2437), tmp_path / "old.gpkg")  # Beijing 1954, CM 120E
    with pytest.raises(GridError, match=r"Beijing 1954"):
        read_areas(path, crs=4547)
    own = OWN.replace("lon_0=114", "lon_0=120")
    areas = read_areas(path, source_crs=own)
    assert areas.crs.to_epsg() == 4549 and not areas.crs.is_bound
    moved = areas.geometry[0].centroid.distance(square().centroid)
    assert 1 < moved < 200
    with pytest.raises(GridError) as error:
        read_areas(write(frame([square()], code=["1"]), tmp_path / "new.gpkg"), source_crs=OWN)
    assert "15.5" not in str(error.value)


def test_codes_are_text_or_refused(tmp_path):
    shapes = [square(), square(1)]
    whole = write(frame(shapes, code=[130105001002001, 130105001002002]), tmp_path / "whole.gpkg")
    with pytest.warns(GridWarning, match=r"whole numbers in code became text"):
        assert read_areas(whole)["code"].tolist() == ["130105001002001", "130105001002002"]
    for suffix in (".gpkg", ".shp", ".parquet", ".geojson"):
        numbers = frame(shapes, code=[130105.0, 130106.5])
        numbers = numbers.to_crs(4326) if suffix == ".geojson" else numbers
        with pytest.raises(GridError, match=r"floating-point numbers such as .* in rows 0, 1; leading zeros"):
            read_areas(write(numbers, tmp_path / f"floats{suffix}"))
    excel = write(frame(shapes, code=["1.30105E+14", "130105001.0"]), tmp_path / "excel.gpkg")
    with pytest.raises(GridError, match=r"floating-point"):
        read_areas(excel)
    for gap in (frame(shapes, code=["1", None]), frame(shapes, code=["1", " "]), frame(shapes, code=[1.0, np.nan])):
        with pytest.raises(GridError, match=r"expected a code in every row of code; none in rows 1"):
            read_areas(write(gap, tmp_path / "gap.gpkg"))
    twice = write(frame(shapes, code=["7", "７ "]), tmp_path / "twice.gpkg")
    with pytest.raises(GridError, match=r"expected each code once; more than once: 7"):
        read_areas(twice)
    spaces = write(frame(shapes, code=[" 01", "０２"]), tmp_path / "spaces.gpkg")
    with pytest.warns(GridWarning, match=r"2 texts in code freed of spaces or full-width digits \(' 01', '０２'\)"):
        assert read_areas(spaces)["code"].tolist() == ["01", "02"]
    with pytest.raises(GridError, match=r"no column 'kode' \(code=\); there are 'code'"):
        read_areas(spaces, code="kode")


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=8), max_size=6))
def test_clean_codes_is_done_once(values):
    def clean(codes):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return clean_codes(pd.Series(codes, dtype=object, name="code"), Report("x"), missing=True)

    try:
        once = clean(values)
    except GridError:
        return
    assert all(pd.isna(code) or (code and code == code.strip()) for code in once)
    assert clean(once.tolist()).equals(once)


def test_areas_are_repaired_in_one_warning(tmp_path):
    high = shapely.force_3d(square(3), 7.0)
    several = shapely.MultiPolygon([square(5), square(7)])
    flat = shapely.Polygon([(X, Y), (X + 5, Y), (X + 10, Y), (X, Y)])
    table = frame([bow_tie(), None, high, several, flat], code=["a", "b", "c", "d", "e"])
    path = write(table, tmp_path / "areas.gpkg")
    with pytest.warns(GridWarning) as heard:
        areas = read_areas(path)
    told = [warning for warning in heard if warning.category is GridWarning]
    assert len(told) == 1 and told[0].filename == __file__
    text = str(told[0].message)
    assert text.startswith("areas.gpkg: ")
    assert "1 rows without a usable geometry left out (b)" in text
    assert "1 invalid polygons repaired (a)" in text and "1 polygons without area left out (e)" in text
    assert areas["code"].tolist() == ["a", "c", "d"]
    assert areas.is_valid.all() and not areas.has_z.any()
    assert areas.area.tolist() == pytest.approx([50, 100, 200])
    assert areas.geom_type.tolist() == ["MultiPolygon", "Polygon", "MultiPolygon"]


def test_areas_that_are_none(tmp_path):
    with pytest.raises(GridError, match=r"no rows"):
        read_areas(write(frame([], code=pd.Series([], dtype=str)), tmp_path / "empty.gpkg", geometry_type="Polygon"))
    with pytest.raises(GridError, match=r"no rows.*without a usable geometry"):
        read_areas(write(frame([None], code=["1"]), tmp_path / "null.gpkg", geometry_type="Polygon"))
    line = frame([square(), square().boundary], code=["1", "2"])
    with pytest.raises(GridError, match=r"expected Polygon or MultiPolygon, got LineString in 1 rows \(2\)"):
        read_areas(write(line, tmp_path / "line.gpkg"))
    with pytest.raises(GridError, match=r"expected geometry, got a plain table with the columns code"):
        read_areas(write(pd.DataFrame({"code": ["1"]}), tmp_path / "plain.gpkg"))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(GridError, match=r"none.gpkg: expected a file; there is nothing there"):
        read_areas(tmp_path / "none.gpkg")
    with pytest.raises(GridError, match=r"a folder there"):
        read_areas(tmp_path)
    for suffix in (".gpkg", ".shp", ".geojson", ".fgb", ".parquet", ".pbf"):
        (tmp_path / f"bad{suffix}").write_bytes(b"this is not what it says")
        with pytest.raises(GridError, match=f"bad{suffix}: the file cannot be read") as error:
            read_areas(tmp_path / f"bad{suffix}")
        assert str(tmp_path) not in str(error.value)
    (tmp_path / "bad.xlsx").write_bytes(b"this is not what it says")
    with pytest.raises(GridError, match=r"the file cannot be read"):
        read_table(tmp_path / "bad.xlsx")
    (tmp_path / "notes.md").write_text("# no")
    with pytest.raises(GridError, match=r"expected one of the formats .*got \.md"):
        read_table(tmp_path / "notes.md")


def test_layers(tmp_path):
    path = write(frame([square()], code=["1"]), tmp_path / "two.gpkg", layer="north")
    pyogrio.write_dataframe(pd.DataFrame({"style": ["x"]}), path, layer="layer_styles", append=True)
    assert read_areas(path)["code"].tolist() == ["1"]
    pyogrio.write_dataframe(frame([square(1)], code=["2"]), path, layer="south", append=True)
    with pytest.raises(GridError, match=r"expected one layer, got north, south; name one with layer="):
        read_areas(path)
    assert read_areas(path, layer="south")["code"].tolist() == ["2"]
    with pytest.raises(GridError, match=r"no layer 'west'; there are north, "):
        read_areas(path, layer="west")
    with pytest.raises(GridError, match=r"has no layers"):
        read_areas(write(frame([square()], code=["1"]), tmp_path / "a.parquet"), layer="north")


# --- the encoding of shapefiles


@pytest.mark.parametrize("declared", ["GBK", "936", "ANSI 936", "gb2312", "GB18030"])
def test_shapefile_whose_cpg_says_gbk(tmp_path, declared):
    table = frame([square(), square(1)], code=["01", "02"], 名称=["河北省新华区东街", "革新街街道"])
    path = write(table, tmp_path / "gbk.shp", encoding="GBK")
    (tmp_path / "gbk.cpg").write_text(declared)
    assert read_areas(path, name="名称")["name"].tolist() == ["河北省新华区东街", "革新街街道"]


@pytest.mark.parametrize("encoding", ["GBK", "UTF-8"])
def test_shapefile_without_cpg(tmp_path, encoding):
    table = frame([square(), square(1)], code=["01", "02"], 名称=["河北省新华区东街", "革新街街道"])
    path = write(table, tmp_path / "a[1].shp", encoding=encoding)
    (tmp_path / "a[1].cpg").unlink()
    if encoding == "GBK":
        with pytest.warns(GridWarning, match=r"there is no .cpg, the texts were read as gb18030"):
            areas = read_areas(path, name="名称")
    else:
        areas = read_areas(path, name="名称")
    assert areas["name"].tolist() == ["河北省新华区东街", "革新街街道"]


def test_shapefile_whose_cpg_is_wrong(tmp_path):
    path = write(frame([square()], code=["01"], name=["东街"]), tmp_path / "a.shp", encoding="GBK")
    for declared in ("UTF-8", "no such thing"):
        (tmp_path / "a.cpg").write_text(declared)
        with pytest.warns(GridWarning, match=f"the .cpg says {declared.lower()}, the texts were read as gb18030"):
            assert read_areas(path)["name"].tolist() == ["东街"]


# --- text, formats, and files that are not what they are called

SPELLINGS = {
    "cp1252": (
        ["1252", "ANSI 1252", "ISO-8859-1", "ISO 88591", "88591", "LDID/87", "OEM 1252", "cp1252"],
        "Müllerstraße",
    ),
    "cp1251": (["1251", "ANSI 1251", "windows-1251"], "Центр"),
    "big5": (["950", "ANSI 950", "Big5"], "東城社區"),
    "cp932": (["932", "Shift_JIS"], "東京都"),
    "gbk": (["936", "CP936", "GBK", "LDID/77", "gb2312"], "东城社区"),
    "utf-8": (["UTF8", "UTF-8", "65001", "utf-8"], "东城社区"),
}


@pytest.mark.parametrize(
    ("encoding", "said"), [(encoding, said) for encoding, (spellings, _) in SPELLINGS.items() for said in spellings]
)
def test_the_encoding_that_a_cpg_declares_is_honoured_in_every_spelling(tmp_path, encoding, said):
    path = write(frame([square()], code=["1"], name=[SPELLINGS[encoding][1]]), tmp_path / "a.shp", encoding=encoding)
    (tmp_path / "a.cpg").write_text(said)
    assert read_areas(path)["name"].tolist() == [SPELLINGS[encoding][1]]


@pytest.mark.parametrize(
    ("byte", "encoding"), [(3, "cp1252"), (201, "cp1251"), (79, "big5"), (19, "cp932"), (77, "gbk")]
)
def test_the_language_byte_of_a_dbf_counts_where_there_is_no_cpg(tmp_path, byte, encoding):
    path = write(frame([square()], code=["1"], name=[SPELLINGS[encoding][1]]), tmp_path / "a.shp", encoding=encoding)
    (tmp_path / "a.cpg").unlink()
    content = bytearray((tmp_path / "a.dbf").read_bytes())
    content[29] = byte
    (tmp_path / "a.dbf").write_bytes(content)
    assert read_areas(path)["name"].tolist() == [SPELLINGS[encoding][1]]


@pytest.mark.parametrize("said", ["LDID/87", "1252", "ISO-8859-1", "850", None])
@pytest.mark.parametrize("encoding", ["cp1251", "big5", "KOI8-R", "cp949"])
def test_letters_that_are_not_western_are_not_read_as_such(tmp_path, said, encoding):
    names = {"cp1251": "Центр", "big5": "臺北縣", "KOI8-R": "Шумная", "cp949": "서울시"}
    path = write(frame([square()], code=["1"], name=[names[encoding]]), tmp_path / "a.shp", encoding=encoding)
    (tmp_path / "a.cpg").unlink()
    content = bytearray((tmp_path / "a.dbf").read_bytes())
    content[29] = 87
    (tmp_path / "a.dbf").write_bytes(content)
    if said is not None:
        (tmp_path / "a.cpg").write_text(said)
    with pytest.raises(GridError, match=r"a\.shp: it is doubtful in which encoding"):
        read_areas(path)
    assert read_areas(path, encoding=encoding)["name"].tolist() == [names[encoding]]


@pytest.mark.parametrize("name", ["Öl", "ÅRE", "Ærø", "Île d\u2019Yeu", "São João", "ÄÖÜ Straße"])
def test_western_names_of_few_letters_are_read_as_declared(tmp_path, name):
    path = write(frame([square()], code=["1"], name=[name]), tmp_path / "a.shp", encoding="cp1252")
    (tmp_path / "a.cpg").write_text("1252")
    assert read_areas(path)["name"].tolist() == [name]


@pytest.mark.parametrize("encoding", ["cp1252", "cp1251", "big5", "cp932"])
def test_an_encoding_that_nothing_declares_is_asked_for(tmp_path, encoding):
    name = SPELLINGS[encoding][1]
    path = write(frame([square()], code=["1"], name=[name]), tmp_path / "a.shp", encoding=encoding)
    (tmp_path / "a.cpg").unlink()
    with pytest.raises(GridError, match=r"a\.shp: it is doubtful in which encoding .*; say which with encoding="):
        read_areas(path)
    assert read_areas(path, encoding=encoding)["name"].tolist() == [name]
    with pytest.raises(GridError, match=r"encoding= 'klingon' is no encoding"):
        read_areas(path, encoding="klingon")


def test_utf8_with_a_stale_cpg_and_a_column_name_that_the_format_cuts(tmp_path):
    path = write(frame([square()], code=["1"], ten_letter=["东城社区"]), tmp_path / "a.shp", encoding="utf-8")
    table = (tmp_path / "a.dbf").read_bytes()
    (tmp_path / "a.dbf").write_bytes(table.replace(b"ten_letter", "社区名称".encode()[:10]))
    (tmp_path / "a.cpg").write_text("GBK")
    with pytest.warns(
        GridWarning, match=r"the \.cpg says gbk, the texts are UTF-8 .*; 1 names of columns cut .*'社区名'"
    ):
        areas = read_areas(path, name="社区名")
    assert areas["name"].tolist() == ["东城社区"]


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1252", ["Müll", "Lärm", "Grün"]),
        ("big5", ["噪音"]),
        ("shift_jis", ["騒音", "ゴミ"]),
        ("euc_kr", ["서울", "소음"]),
    ],
)
def test_tables_in_a_doubtful_encoding_are_refused_until_it_is_named(tmp_path, encoding, words):
    path = tmp_path / "t.csv"
    path.write_bytes(("kind,lon,lat\n" + "".join(f"{word},113.1,36.2\n" for word in words)).encode(encoding))
    with pytest.raises(GridError, match=r"expected text in UTF-8 or GB18030, got neither for sure.*encoding="):
        read_points(path, x="lon", y="lat", crs=4326)
    assert read_points(path, x="lon", y="lat", crs=4326, encoding=encoding)["kind"].tolist() == words
    with pytest.raises(GridError, match=r"expected text in utf-8, as encoding= says; line 2 is not"):
        read_table(path, encoding="utf-8")


@pytest.mark.parametrize("words", [["噪音", "占道经营"], ["东城社区", "西城社区"], ["垃圾"], ["违章停车", "李镕基"]])
def test_chinese_without_a_word_is_read_and_told(tmp_path, words):
    path = tmp_path / "t.csv"
    path.write_bytes(("kind\n" + "\n".join(words)).encode("gbk"))
    with pytest.warns(GridWarning, match=r"the text is not UTF-8, it was read as gb18030"):
        assert read_table(path)["kind"].tolist() == words


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id;lon;lat\n1;113,11;36,19\n", "separated by semicolons; .*decimal comma"),
        ("id|lon|lat\n1|113.11|36.19\n", "separated by bars"),
        ("id\tlon\tlat\n1\t113.11\t36.19\n", "separated by tabs"),
        ('id,lon,lat\n1,"113,11","36,19"\n', "decimal comma"),
        ("sep=;\nid;lon;lat\n1;113.11;36.19\n", None),
        ("事件表\n\nid,lon,lat\n1,113.11,36.19\n", "names of the columns stand in line 3"),
    ],
)
def test_tables_however_they_are_separated(tmp_path, text, told):
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        points = read_points(path, x="lon", y="lat", crs=4326)
    assert points["id"].tolist() == ["1"] and (points.geometry[0].x, points.geometry[0].y) == (113.11, 36.19)
    assert re.search(told, str(heard[0].message)) if told else not heard


def test_a_header_row_can_be_said_and_is_found_in_a_workbook(tmp_path):
    book = openpyxl.Workbook()
    for row in (["事件表"], [], ["id", "lon", "lat"], [7, 113.11, 36.19]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    with pytest.warns(GridWarning, match=r"names of the columns stand in row 3"):
        found = read_points(tmp_path / "t.xlsx", x="lon", y="lat", crs=4326)
    said = read_points(tmp_path / "t.xlsx", x="lon", y="lat", crs=4326, header=3)
    assert found["id"].tolist() == said["id"].tolist() == ["7"]
    for wrong in (0, True, "3"):
        with pytest.raises(GridError, match="header= should be the number of the row"):
            read_table(tmp_path / "t.xlsx", header=wrong)
    with pytest.raises(GridError, match=r"header= 9: there are only 4 rows"):
        read_table(tmp_path / "t.xlsx", header=9)


def test_a_quotation_mark_that_swallows_rows_is_refused_with_its_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('id,kind,lon\n0,a,1\n1,"noise,1\n2,waste,1\n3,wa"ste,1\n4,noise,1\n')
    with pytest.raises(GridError, match=r"quotation mark in line 3 is not closed"):
        read_table(path)
    path.write_text('id,kind\n1,"noise\n2,waste\n')
    with pytest.raises(GridError, match=r"quotation mark in line 2 is not closed"):
        read_table(path)
    path.write_text('id,kind,lon\n1,"noise,1\n2,waste,1\n3,waste",1\n')
    with pytest.warns(GridWarning, match=r"looks like rows of the table"):
        read_table(path)
    path.write_text('id,place\n1,"Room 1\nSecond floor"\n2,"a ""b"" c"\n')
    assert read_table(path)["place"].tolist() == ["Room 1\nSecond floor", 'a "b" c']


@pytest.mark.parametrize("word", ["NULL", "N/A", "NA", "-", "--", "无", "空", " ", "　", "nan", "None", "#N/A"])
def test_words_for_nothing_are_no_coordinates(tmp_path, word):
    path = tmp_path / "t.csv"
    path.write_text(f"id,lon,lat\n1,{word},{word}\n2,113.1,36.2\n", encoding="utf-8")
    assert problems(read_points(path, x="lon", y="lat", crs=4326)) == ["missing", None]


@pytest.mark.parametrize("end", [".gpkg", ".fgb", ".geojson", ".shp", ".parquet"])
def test_whole_numbers_beside_a_gap_stay_whole(tmp_path, end):
    number = pd.array([9007199254740993, None, 12345678901234567], dtype="Int64")
    table = frame([shapely.Point(113, 36)] * 3, crs=4326, sensor=number, floor=pd.array([3, None, 5], dtype="Int64"))
    if end == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = tmp_path / "p.parquet"
        pq.write_table(pa.table({"sensor": pa.array([9007199254740993, None, 12345678901234567])}), path)
    else:
        path = write(table, tmp_path / f"p{end}")
    back = read_table(path)["sensor"]
    assert str(back.dtype) == "Int64" and back.isna().tolist() == [False, True, False]
    assert [back[0], back[2]] == [9007199254740993, 12345678901234567]


def wgs():
    return frame([square(side=300), square(1, side=300)], code=["0101", "0102"], name=["东城社区", "西城社区"]).to_crs(
        4326
    )


def zipped(folder, name, files):
    with zipfile.ZipFile(folder / name, "w") as archive:
        for file in files:
            archive.write(file, f"数据/{file.name}")
    return folder / name


def kml(table):
    places = "".join(
        f"<Placemark><name>{code}</name><Polygon><outerBoundaryIs><LinearRing><coordinates>"
        + " ".join(f"{x!r},{y!r}" for x, y in shape.exterior.coords)
        + "</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
        for code, shape in zip(table["code"], table.geometry, strict=True)
    )
    return f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{places}</Document></kml>'


def make_format(folder, end):
    table = wgs()
    drivers = {".gml": "GML", ".geojsonl": "GeoJSONSeq", ".ndjson": "GeoJSONSeq", ".tab": "MapInfo File"}
    drivers |= {".mif": "MapInfo File", ".gdb": "OpenFileGDB"}
    path = folder / f"a{end}"
    if end == ".zip":
        write(table, folder / "a.shp", encoding="utf-8")
        return zipped(folder, "a.zip", [folder / f"a{part}" for part in (".shp", ".shx", ".dbf", ".prj", ".cpg")])
    if end in (".kml", ".kmz"):
        text = kml(table)
        path.write_text(text)
        if end == ".kmz":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("doc.kml", text)
    elif end == ".csv":
        pd.DataFrame({"code": table["code"], "WKT": table.geometry.to_wkt()}).to_csv(path, index=False)
    elif end == ".parquet":
        shapes = shapely.to_wkb(shapely.set_srid(table.geometry.to_numpy(), 4326), include_srid=True)
        pd.DataFrame({"code": table["code"], "shape": shapes}).to_parquet(path)
    elif end == ".xlsx":
        shapes = shapely.to_wkb(table.geometry.to_numpy(), hex=True)
        pd.DataFrame({"code": table["code"], "geom": shapes}).to_excel(path, index=False)
    elif end in (".geojsonl", ".ndjson"):
        write(table, folder / "made.geojsonl", driver=drivers[end])
        (folder / "made.geojsonl").rename(path)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            write(table, path, driver=drivers[end])
    return path


FURTHER = [".zip", ".gdb", ".kml", ".kmz", ".gml", ".tab", ".mif", ".geojsonl", ".ndjson", ".csv", ".parquet", ".xlsx"]


@pytest.mark.parametrize("end", FURTHER)
def test_further_formats_give_the_same_areas(tmp_path, end):
    path = make_format(tmp_path, end)
    before = sorted(tmp_path.rglob("*"))
    code = "Name" if end in (".kml", ".kmz") else "code"
    areas = read_areas(path, code=code, source_crs=4326 if end in (".csv", ".xlsx", ".tab", ".mif") else None)
    wanted = read_areas(wgs())
    assert areas["code"].tolist() == ["0101", "0102"]
    assert areas.geometry.hausdorff_distance(wanted.geometry).max() < 0.05
    assert sorted(tmp_path.rglob("*")) == before  # nothing is written beside the input


def test_an_archive_with_several_tables_asks_which(tmp_path):
    write(wgs(), tmp_path / "a.gpkg"), write(wgs(), tmp_path / "b.geojson")
    path = zipped(tmp_path, "two.zip", [tmp_path / "a.gpkg", tmp_path / "b.geojson"])
    with pytest.raises(
        GridError, match=r"two\.zip: expected one file in the archive, got a\.gpkg, b\.geojson; .*layer="
    ):
        read_areas(path)
    assert read_areas(path, layer="b")["code"].tolist() == ["0101", "0102"]


def test_gpx_and_drawings(tmp_path):
    (tmp_path / "p.gpx").write_text(
        '<?xml version="1.0"?><gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1">'
        '<wpt lat="36.2" lon="113.1"><name>a</name></wpt></gpx>'
    )
    points = read_points(tmp_path / "p.gpx")
    assert points["name"].tolist() == ["a"] and points.geometry[0].equals(shapely.Point(113.1, 36.2))
    write(frame([square().exterior]), tmp_path / "a.dxf", driver="DXF")
    with pytest.warns(GridWarning, match="1 closed lines of the drawing were taken for outlines"):
        assert read_zones(tmp_path / "a.dxf", source_crs=4547).area.tolist() == pytest.approx([100])


def test_collections_give_their_polygons():
    mixed = shapely.GeometryCollection([square(), shapely.Point(X, Y), shapely.GeometryCollection([square(2)])])
    with pytest.warns(GridWarning, match=r"1 rows with collections, of which the polygons were taken"):
        areas = read_areas(frame([mixed, square(5)], code=["1", "2"]))
    assert areas.area.tolist() == pytest.approx([200, 100])


def test_a_table_that_is_there_already_is_read_as_a_file(tmp_path):
    table = wgs()
    write(table, tmp_path / "a.gpkg")
    of_file, of_table = read_areas(tmp_path / "a.gpkg"), read_areas(table.rename_geometry("shape").set_index("code"))
    assert of_table.equals(of_file) and table.geometry.name == "geometry"
    with pytest.warns(GridWarning, match=r"table: whole numbers in code became text"):
        assert read_areas(table.assign(code=[1, 2]))["code"].tolist() == ["1", "2"]
    places = pd.DataFrame({"lon": [113.1, None], "lat": ["36.2", "NULL"], "kind": pd.Categorical(["a", "b"])})
    assert problems(read_points(places, x="lon", y="lat", crs=4326)) == [None, "missing"]
    twice = pd.concat([places, places[["kind"]]], axis=1)
    with pytest.raises(GridError, match="table: expected each column once; more than once: kind"):
        read_table(twice)


def test_buildings_may_be_points():
    points = frame([shapely.Point(X, Y), shapely.Point(X + 9, Y)], id=["a", "b"], households=[3, 4]).to_crs(4326)
    with pytest.warns(GridWarning, match=r"2 points stand as footprints of 1 m by 1 m"):
        buildings = read_buildings(points, building_id="id", crs=4547)
    assert buildings["households"].tolist() == [3, 4] and buildings.area.tolist() == pytest.approx([1, 1])
    assert buildings.centroid.distance(shapely.Point(X, Y)).round(3).tolist() == [0, 9]


@pytest.mark.parametrize("crs_member", [{"crs": None}, {}])
def test_geojson_without_a_crs_of_its_own_takes_the_one_that_is_said(tmp_path, crs_member):
    features = json.loads(frame([square()], code=["1"], crs_=["CGCS2000"]).rename(columns={"crs_": "crs"}).to_json())
    features.pop("crs", None)
    (tmp_path / "a.geojson").write_text(json.dumps({**features, **crs_member}))
    assert read_areas(tmp_path / "a.geojson", source_crs=4547).area.tolist() == pytest.approx([100])


VRT = (
    '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>{}</SrcDataSource><SrcLayer>secret</SrcLayer>'
    "<GeometryType>wkbPoint</GeometryType><LayerSRS>EPSG:4326</LayerSRS></OGRVRTLayer></OGRVRTDataSource>"
)
POINT = {"type": "Point", "coordinates": [26, 63]}
FEATURES = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": POINT}]}
GML = (
    '<?xml version="1.0"?><ogr:FeatureCollection xmlns:ogr="http://ogr.maptools.org/" '
    'xmlns:gml="http://www.opengis.net/gml" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://ogr.maptools.org/ {0}.xsd"><gml:featureMember><ogr:a><ogr:geometryProperty>'
    '<gml:Point srsName="EPSG:4326"><gml:coordinates>26,63</gml:coordinates></gml:Point></ogr:geometryProperty>'
    "<ogr:code>1</ogr:code></ogr:a></gml:featureMember></ogr:FeatureCollection>"
)
READ_ALL = """
import sys, warnings
from pathlib import Path
import gridgis as gg
warnings.simplefilter("ignore")
for path in [*sorted(Path(sys.argv[1]).iterdir()), *sys.argv[2:]]:
    try:
        table = gg.read_table(path)
    except gg.GridError as error:
        assert str(error).count("\\n") == 0
        continue
    print(Path(path).name, "SECRET" in table.to_string())
"""


def hostile_files(folder, url, secret):
    """Files that name another file or an address, each under an ending of data."""
    for end in (
        "gpkg",
        "geojson",
        "json",
        "shp",
        "fgb",
        "kml",
        "gml",
        "gpx",
        "dxf",
        "tab",
        "mif",
        "osm",
        "geojsonl",
        "zip",
    ):
        (folder / f"file.{end}").write_text(VRT.format(secret))
        (folder / f"net.{end}").write_text(VRT.format(f"/vsicurl/{url}.csv"))
        (folder / f"wfs.{end}").write_text(f"<OGRWFSDataSource><URL>{url}</URL></OGRWFSDataSource>")
        (folder / f"alg.{end}").write_text(json.dumps({"type": "gdal_streamed_alg", "command_line": f"read {url}"}))
    (folder / "both.geojson").write_text('{"a": "' + VRT.format(f"/vsicurl/{url}.csv").replace('"', "'") + '"}')
    for number, member in enumerate(("link", "url", "LINK")):
        crs_link = {"type": member, "properties": {"href": url, "url": url, "type": "proj4"}}
        (folder / f"crs{number}.geojson").write_text(json.dumps({**FEATURES, "CRS" if number else "crs": crs_link}))
        inner = json.loads(json.dumps(FEATURES))
        inner["features"][0]["geometry"]["crs"] = crs_link
        (folder / f"inner{number}.geojson").write_text(json.dumps(inner))
    (folder / "schema.gml").write_text(GML.format(url))
    (folder / "entity.kml").write_text(f'<!DOCTYPE kml SYSTEM "{url}"><kml xmlns="http://www.opengis.net/kml/2.2"/>')
    link = f"<NetworkLink><Link><href>{url}</href></Link></NetworkLink>"
    (folder / "link.kml").write_text(f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{link}</Document></kml>')
    with zipfile.ZipFile(folder / "inner.zip", "w") as archive:
        archive.writestr("a.geojson", VRT.format(f"/vsicurl/{url}.csv"))
    (folder / "view.tab").write_text('!table\n!version 100\nOpen Table "secret.tab" Hide\nCreate View x As Select a\n')
    for name, change in {
        "virtual": f"CREATE VIRTUAL TABLE v USING VirtualOGR('/vsicurl/{url}.csv')",
        "calls": "CREATE VIEW v AS SELECT ogr_geocode('x')",
    }.items():
        write(frame([shapely.Point(26, 63)], crs=4326, a=["1"]), folder / f"{name}.gpkg")
        with closing(sqlite3.connect(folder / f"{name}.gpkg")) as base, base:
            kind = "table" if name == "virtual" else "view"
            base.execute("pragma writable_schema=1")
            base.execute("insert into sqlite_master values(?, 'v', 'v', 0, ?)", (kind, change))


def test_no_input_reads_another_file_or_asks_the_network(tmp_path):
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        done = threading.Event()

        def listen():
            while not done.is_set():
                with suppress(OSError):
                    seen.append(server.accept())

        listener = threading.Thread(target=listen)
        listener.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        secret = tmp_path / "secret.csv"
        secret.write_text('WKT,kind\n"POINT(26.1 63.0)",SECRET\n')
        (tmp_path / "in").mkdir()
        hostile_files(tmp_path / "in", url, secret)
        addresses = [url, f"/vsicurl/{url}.gpkg", f"WFS:{url}", "PG:dbname=x", f"{url}.geojson"]
        words = [sys.executable, "-c", READ_ALL, str(tmp_path / "in"), *addresses]
        out = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        done.set()
        listener.join()
    assert "schema.gml" in out and set(out.split()) <= {"link.kml", "schema.gml", "False"}  # data; no link is followed
    assert seen == []


@pytest.mark.parametrize(
    "path", ["http://127.0.0.1/a.gpkg", "/vsicurl/http://127.0.0.1/a.gpkg", "WFS:a", "PG:dbname=x"]
)
def test_addresses_are_no_files(path):
    with pytest.raises(GridError, match="expected a file on this machine; addresses are not opened"):
        read_table(path)


DAMAGED = [
    ".gpkg",
    ".shp",
    ".dbf",
    ".fgb",
    ".geojson",
    ".geojsonl",
    ".kml",
    ".csv",
    ".xlsx",
    ".parquet",
    ".zip",
    ".prj",
]


@pytest.mark.parametrize("end", DAMAGED)
def test_damaged_files_are_one_sentence_or_told(tmp_path, end):
    table = frame([square(i) for i in range(8)], code=[f"01{i}" for i in range(8)], name=["东城社区"] * 8)
    plain = pd.DataFrame(table.drop(columns="geometry"))
    path = tmp_path / f"a{'.shp' if end in ('.dbf', '.prj') else end}"
    if end in (".csv", ".xlsx", ".parquet"):
        {".csv": plain.to_csv, ".xlsx": plain.to_excel, ".parquet": plain.to_parquet}[end](path, index=False)
    elif end == ".zip":
        write(table, tmp_path / "b.gpkg")
        zipped(tmp_path, "a.zip", [tmp_path / "b.gpkg"])
    else:
        write(table.to_crs(4326), path, **({"driver": "KML"} if end == ".kml" else {}))
    good = path.with_suffix(end).read_bytes()
    rng = np.random.default_rng(len(good))
    for turn in range(12):
        content = bytearray(good[: rng.integers(1, len(good))] if turn % 4 == 3 else good)
        for place in rng.integers(0, len(content), 1 + turn % 5 if turn % 4 != 3 else 0):
            content[place] = rng.integers(0, 256)
        path.with_suffix(end).write_bytes(content)
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            try:
                rows = len(read_table(path))
            except GridError as error:
                assert "\n" not in str(error) and str(tmp_path) not in str(error)
                continue
        assert {warning.category for warning in heard} <= {GridWarning}
        assert rows == len(table) or heard or end == ".csv"  # a CSV does not say how many rows it has


# --- buildings


def test_buildings_get_ids_and_loads(tmp_path):
    table = frame([square(0), square(2), square(4)], households=[12, None, 0], persons=["30", " ", "1.5"])
    path = write(table, tmp_path / "buildings.gpkg")
    buildings = read_buildings(path)
    assert list(buildings.columns) == ["building_id", "households", "persons", "geometry"]
    assert buildings["building_id"].tolist() == ["b000001", "b000002", "b000003"]
    assert buildings["households"].fillna(-1).tolist() == [12, -1, 0] and buildings["households"].dtype == float
    assert buildings["persons"].fillna(-1).tolist() == [30, -1, 1.5]
    assert list(read_buildings(path, households=None, persons=None).columns) == ["building_id", "geometry"]
    with pytest.raises(GridError, match=r"no column 'homes' \(households=; households=None where there are none\)"):
        read_buildings(path, households="homes")
    with pytest.raises(GridError, match=r"no column 'people'"):
        read_buildings(path, persons="people")
    no_loads = write(frame([square()], id=["x"]), tmp_path / "no_loads.gpkg")
    with pytest.raises(GridError, match=r"no column 'households'"):
        read_buildings(no_loads)
    assert read_buildings(no_loads, households=None, building_id="id")["building_id"].tolist() == ["x"]


def test_bad_loads_are_named_all_at_once(tmp_path):
    table = frame([square(2 * i) for i in range(5)], households=["1", "-2", "inf", "many", "1_0"])
    with pytest.raises(GridError) as error:
        read_buildings(write(table, tmp_path / "buildings.gpkg"))
    assert "no number in b000004, b000005, infinite in b000003, negative in b000002" in str(error.value)


def test_multipart_buildings_keep_their_load(tmp_path):
    several = shapely.MultiPolygon([square(0), square(2, side=20.0), square(9)])
    table = frame([several, shapely.MultiPolygon([square(30)])], id=["a", "b"], households=[12, 5], persons=[30, None])
    path = write(table, tmp_path / "b.gpkg")
    with pytest.warns(GridWarning, match=r"1 buildings in several parts split, .* \(a\)\."):
        buildings = read_buildings(path, building_id="id")
    assert buildings["building_id"].tolist() == ["a#1", "a#2", "a#3", "b"]
    assert buildings["households"].tolist() == [12, 0, 0, 5]
    assert buildings["persons"].fillna(-1).tolist() == [30, 0, 0, -1]
    assert buildings.area.tolist() == pytest.approx([400, 100, 100, 100])
    assert set(buildings.geom_type) == {"Polygon"}


def test_a_bow_tie_becomes_two_buildings(tmp_path):
    path = write(frame([bow_tie(), square(5)], households=[4, 1]), tmp_path / "b.gpkg")
    with pytest.warns(GridWarning, match=r"1 invalid polygons repaired .b000001.; 1 buildings in several parts"):
        buildings = read_buildings(path)
    assert buildings["building_id"].tolist() == ["b000001#1", "b000001#2", "b000002"]
    assert buildings["households"].sum() == 5 and buildings.is_valid.all()


def test_no_buildings_is_an_error(tmp_path):
    empty = frame([], households=pd.Series([], dtype=float))
    with pytest.raises(GridError, match=r"no rows"):
        read_buildings(write(empty, tmp_path / "b.gpkg", geometry_type="Polygon"))


def test_zones_are_polygons_in_the_crs_of_the_areas(tmp_path):
    tall = shapely.force_3d(square(3), 5.0)
    shapes = [None, square(), bow_tie(), shapely.MultiPolygon([square(5), square(7)]), tall]
    path = write(frame(shapes, name=list("abcde")), tmp_path / "zones.gpkg")
    with pytest.warns(GridWarning, match=r"^zones\.gpkg: .*without a usable geometry left out.*repaired"):
        zones = read_zones(path, crs=32649)
    assert zones.columns.tolist() == ["geometry"]
    assert zones.index.tolist() == [1, 2, 3, 4]  # rows of the file
    assert zones.crs.to_epsg() == 32649
    assert zones.is_valid.all() and not zones.has_z.any()
    assert zones.area.round(-1).tolist() == [100, 50, 200, 100]


def test_zones_in_degrees_keep_the_borders_of_areas(tmp_path):
    shapes = frame([square(side=3000)], code=["1"]).to_crs(4326)
    write(shapes, tmp_path / "areas.gpkg"), write(shapes, tmp_path / "zones.gpkg")
    areas = read_areas(tmp_path / "areas.gpkg")
    zones = read_zones(tmp_path / "zones.gpkg", crs=areas.crs)
    assert zones.geometry[0].equals_exact(areas.geometry[0])


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([], "expected polygons, got no rows"),
        ([None], r"got no rows \(1 rows without a usable geometry left out"),
        ([shapely.LineString([(X, Y), (X + 9, Y)])], "expected Polygon or MultiPolygon, got LineString in 1 rows"),
    ],
)
def test_zones_that_are_none(tmp_path, shapes, said):
    path = write(frame(shapes, name=["a"] * len(shapes)), tmp_path / "zones.gpkg")
    with pytest.raises(GridError, match=said):
        read_zones(path)


def test_rings_of_two_points_are_survived(tmp_path):
    # Little-endian WKB of a polygon whose ring has two points, as OpenStreetMap has them.
    ring = np.array([X, Y, X + 5, Y], dtype="<f8").tobytes()
    broken = b"\x01\x03\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00" + ring
    path = write(frame([square(), square(2)], households=[1, 2]), tmp_path / "b.gpkg")
    with sqlite3.connect(path) as database:
        for (trigger,) in database.execute("select name from sqlite_master where type='trigger'").fetchall():
            database.execute(f'drop trigger "{trigger}"')
        (blob,) = database.execute("select geom from b where fid=1").fetchone()
        database.execute("update b set geom=? where fid=1", (blob[:40] + broken,))
    database.close()
    with pytest.warns(GridWarning, match=r"1 rows without a usable geometry left out \(b000001\)"):
        assert read_buildings(path)["building_id"].tolist() == ["b000002"]


OSM = """<osm version="0.6">
<node id="1" lat="60.100" lon="24.900" version="1"/><node id="2" lat="60.100" lon="24.901" version="1"/>
<node id="3" lat="60.101" lon="24.901" version="1"/><node id="4" lat="60.101" lon="24.900" version="1"/>
<node id="5" lat="60.102" lon="24.902" version="1"><tag k="amenity" v="school"/></node>
<way id="11" version="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="primary"/></way>
<way id="12" version="1"><nd ref="2"/><nd ref="5"/><tag k="power" v="line"/></way>
<way id="13" version="1"><nd ref="1"/><nd ref="5"/><tag k="waterway" v="river"/></way>
<way id="21" version="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/><tag k="building" v="yes"/></way>
<way id="22" version="1"><nd ref="1"/><nd ref="3"/><nd ref="4"/><nd ref="1"/><tag k="landuse" v="farm"/></way>
<way id="23" version="1"><nd ref="1"/><nd ref="3"/><nd ref="4"/><nd ref="1"/></way>
<relation id="31" version="1"><member type="way" ref="23" role="outer"/><tag k="type" v="multipolygon"/>
<tag k="building" v="yes"/></relation>
</osm>"""


def test_osm_extract(tmp_path):
    path = tmp_path / "town.osm"
    path.write_text(OSM)
    buildings = read_buildings(path, households=None)
    assert sorted(buildings["building_id"]) == ["r31", "w21"]
    assert buildings.crs.to_epsg() == 32635 and set(buildings.geom_type) == {"Polygon"}
    with pytest.warns(GridWarning, match=r"1 lines without highway, railway, waterway, barrier left out"):
        barriers = read_barriers(path)
    assert barriers[["kind", "barrier"]].to_numpy().tolist() == [["primary", "major"], ["river", "hard"]]
    points = read_points(path)
    assert len(points) == 1 and points.geometry[0].x == 24.902 and problems(points) == [None]


# --- barriers


def line(i=0):
    return shapely.LineString([(X, Y + i), (X + 100, Y + i)])


def test_barriers_by_kind(tmp_path):
    kinds = ["motorway", "Primary", "residential", "steps", "hard", "minor", "towpath", None]
    table = frame([line(i) for i in range(8)], kind=kinds, highway=["x"] * 8)
    with pytest.warns(GridWarning, match=r"kinds not known and taken as middle: towpath; 1 rows without a kind"):
        barriers = read_barriers(write(table, tmp_path / "b.gpkg"))
    assert list(barriers.columns) == ["kind", "barrier", "geometry"]
    expected = ["hard", "major", "middle", "minor", "hard", "minor", "middle", "middle"]
    assert barriers["barrier"].tolist() == expected
    assert barriers["kind"].tolist()[:2] == ["motorway", "Primary"] and pd.isna(barriers["kind"][7])
    assert set(BARRIER_OF_KIND.values()) == {"hard", "major", "middle", "minor"}


def test_the_column_of_the_kind(tmp_path):
    table = frame([line()], highway=["primary"], fclass=["river"])
    path = write(table, tmp_path / "a.gpkg")
    assert read_barriers(path)["barrier"].tolist() == ["major"]
    assert read_barriers(path, kind="fclass")["barrier"].tolist() == ["hard"]
    assert read_barriers(write(frame([line()], **{"class": ["wall"]}), tmp_path / "c.gpkg"))["kind"].tolist() == [
        "wall"
    ]
    with pytest.raises(
        GridError, match=r"no column 'kind' \(kind=; or one of highway, railway, waterway, barrier, class"
    ):
        read_barriers(write(frame([line()], road=["x"]), tmp_path / "r.gpkg"))


def test_osm_lines_take_the_first_value_and_leave_power_lines_out(tmp_path):
    columns = {
        "highway": ["primary", None, None, None],
        "waterway": ["canal", "stream", None, None],
        "barrier": [None, None, "wall", None],
    }
    path = write(frame([line(i) for i in range(4)], **columns), tmp_path / "lines.gpkg")
    with pytest.warns(GridWarning, match=r"1 lines without highway, railway, waterway, barrier left out \(3\)"):
        barriers = read_barriers(path)
    assert barriers["kind"].tolist() == ["primary", "stream", "wall"]
    assert barriers["barrier"].tolist() == ["major", "middle", "hard"]


def test_barriers_become_single_lines(tmp_path):
    pond = square(50).difference(shapely.box(X + 502, Y + 2, X + 504, Y + 4))
    double = shapely.MultiLineString([line(1), line(2)])
    point = shapely.LineString([(X, Y), (X, Y)])
    table = frame([pond, double, shapely.force_3d(line(3), 9.0), point], kind=["river", "wall", "fence", "wall"])
    with pytest.warns(GridWarning, match=r"1 rows with lines without length, left out \(3\)"):
        barriers = read_barriers(write(table, tmp_path / "b.gpkg"))
    assert barriers["kind"].tolist() == ["river", "river", "wall", "wall", "fence"]
    assert set(barriers.geom_type) == {"LineString"} and not barriers.has_z.any()
    assert barriers.length.tolist() == pytest.approx([40, 8, 100, 100, 100])


def test_no_barriers_and_wrong_ones(tmp_path):
    empty = write(frame([], kind=pd.Series([], dtype=str)), tmp_path / "e.gpkg", geometry_type="LineString")
    barriers = read_barriers(empty)
    assert len(barriers) == 0 and list(barriers.columns) == ["kind", "barrier", "geometry"]
    assert read_barriers(empty, crs=4548).crs.to_epsg() == 4548
    with pytest.raises(GridError, match=r"got Point in 1 rows"):
        read_barriers(write(frame([shapely.Point(X, Y)], kind=["wall"]), tmp_path / "p.gpkg"))


# --- points

ROWS = (
    "id,lon,lat,地址\n"
    "007,113.12,36.19,东街1号\n"
    "008,,36.2,\n"
    '009,"116,3",36.2,NA\n'
    "010,36.19,113.12,x\n"
    "011,420518,4007586,x\n"
    "012,inf,36,x\n"
    "013,abc,,x\n"
    "014, 113.13 ,+36.2e0,x\n"
    "015,1_0,36,x\n"
)
PROBLEMS = [
    None,
    "missing",
    "not a number: '116,3'",
    "longitude and latitude look swapped",
    "out of range",
    "out of range",
    "not a number: 'abc'",
    None,
    "not a number: '1_0'",
]


def problems(points):
    return [None if pd.isna(word) else word for word in points["coordinate_problem"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_points_lose_no_row(tmp_path, encoding):
    path = tmp_path / "events.csv"
    path.write_bytes(ROWS.replace("\n", "\r\n").encode(encoding))
    if encoding == "gb18030":
        with pytest.warns(GridWarning, match=r"the text is not UTF-8, it was read as gb18030"):
            points = read_points(path, x="lon", y="lat", crs=4326)
    else:
        points = read_points(path, x="lon", y="lat", crs=4326)
    assert list(points.columns) == ["id", "lon", "lat", "地址", "coordinate_problem", "geometry"]
    assert points["id"].tolist() == [f"{i:03d}" for i in range(7, 16)]
    assert problems(points) == PROBLEMS
    assert points.geometry.isna().tolist() == [word is not None for word in PROBLEMS]
    assert (points.geometry[0].x, points.geometry[7].y) == (113.12, 36.2)
    assert points["地址"].tolist()[0] == "东街1号" and pd.isna(points["地址"][1]) and points["地址"][2] == "NA"
    assert points["lon"][2] == "116,3" and points.crs.to_epsg() == 4326


def test_tsv_and_projected_points(tmp_path):
    path = tmp_path / "events.tsv"
    path.write_text("x\ty\n420518.4\t4007586.3\n\t\n420518.4\t-inf\n")
    points = read_points(path, x="x", y="y", crs=4547)
    assert problems(points) == [None, "missing", "out of range"] and points.crs.to_epsg() == 4547
    with pytest.raises(GridError, match=r"look like degrees"):
        read_points(_csv(tmp_path, "lon,lat\n113.1,36.2\n"), x="lon", y="lat", crs=4547)


def _csv(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_text(text)
    return path


def test_what_a_table_of_points_needs(tmp_path):
    path = _csv(tmp_path, "id,lon,lat\n1,113.1,36.2\n")
    with pytest.raises(GridError, match=r"a table needs crs=, the CRS of lon and lat: 4326 or 4490"):
        read_points(path, x="lon", y="lat")
    with pytest.raises(GridError, match=r"a table needs x= and y=.*there are id, lon, lat"):
        read_points(path, crs=4326)
    with pytest.raises(GridError, match=r"both x= and y="):
        read_points(path, x="lon", crs=4326)
    with pytest.raises(GridError, match=r"no column 'y' \(y=\); there are 'id', 'lon', 'lat'"):
        read_points(path, x="lon", y="y", crs=4326)
    with pytest.raises(GridError, match=r"column geometry that is no geometry"):
        read_points(_csv(tmp_path, "x,y,geometry\n1,2,a\n"), x="x", y="y", crs=4326)
    with pytest.raises(GridError, match=r"as many fields in each row"):
        read_points(_csv(tmp_path, "x,y\n1,2,3\n"), x="x", y="y", crs=4326)
    with pytest.raises(GridError, match=r"cannot be read"):
        read_points(_csv(tmp_path, ""), x="x", y="y", crs=4326)
    assert len(read_points(_csv(tmp_path, "x,y\n"), x="x", y="y", crs=4326)) == 0


def test_a_wrong_crs_for_the_whole_table_is_told(tmp_path):
    path = _csv(tmp_path, "x,y\n420518,4007586\n420519,4007587\n,\n")
    with pytest.warns(GridWarning, match=r"no coordinate is in range \(2 rows: out of range\); is crs= right"):
        points = read_points(path, x="x", y="y", crs=4326)
    assert problems(points) == ["out of range", "out of range", "missing"]


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"x,y\n\xff\xff\xff,1\n")
    with pytest.raises(GridError, match=r"expected text in UTF-8 or GB18030"):
        read_table(path)


def test_xlsx_points(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "人口"
    sheet.append(["code", "number", "x", "y", "day"])
    sheet.append(["013010500100201", 130105001002001, 113.12, 36.19, pd.Timestamp("2024-05-01").to_pydatetime()])
    sheet.append(["007", 1.5, "113.12", None, None])
    sheet.append([8, 2.0, 113.1234567890123, 36, "NULL"])
    book.create_sheet("other").append(["a"])
    book.save(tmp_path / "people.xlsx")
    points = read_points(tmp_path / "people.xlsx", x="x", y="y", crs=4490)
    assert points["code"].tolist() == ["013010500100201", "007", "8"]
    assert points["number"].tolist() == ["130105001002001", "1.5", "2"]
    assert points["day"].tolist()[0] == "2024-05-01T00:00:00" and points["day"].tolist()[2] == "NULL"
    assert problems(points) == [None, "missing", None] and points.geometry[2].x == 113.1234567890123
    assert list(read_table(tmp_path / "people.xlsx", layer="other").columns) == ["a"]
    with pytest.raises(GridError, match=r"no sheet 'third'; there are 人口, other"):
        read_table(tmp_path / "people.xlsx", layer="third")


def test_xlsx_that_has_lost_digits(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["card"])
    book.active.append([110101199001011234])
    book.save(tmp_path / "people.xlsx")
    with pytest.warns(GridWarning, match=r"1 numbers of more than 15 digits.*\(card row 0\)"):
        read_table(tmp_path / "people.xlsx")


def test_parquet_points(tmp_path):
    table = pd.DataFrame({"id": ["01", "02"], "x": [113.1, np.nan], "y": [36.2, 36.3]})
    table.to_parquet(tmp_path / "t.parquet")
    points = read_points(tmp_path / "t.parquet", x="x", y="y", crs=4326)
    assert points["id"].tolist() == ["01", "02"] and points["x"].dtype == float
    assert problems(points) == [None, "missing"]


def test_point_files(tmp_path):
    shapes = [
        shapely.Point(113.1, 36.2, 5),
        None,
        shapely.Point(),
        shapely.MultiPoint([(113.2, 36.3)]),
        shapely.Point(36, 113),
    ]
    table = frame(shapes, crs=4326, id=["01", "02", "03", "04", "05"])
    points = read_points(write(table, tmp_path / "p.gpkg"))
    swapped = "longitude and latitude look swapped"
    assert problems(points) == [None, "missing", "missing", None, swapped]
    assert points["id"].tolist() == ["01", "02", "03", "04", "05"] and not points.has_z.any()
    assert points.geometry[3].equals(shapely.Point(113.2, 36.3)) and points.geometry[4] is None
    assert list(points.columns) == ["id", "coordinate_problem", "geometry"]
    with pytest.raises(GridError, match=r"crs= says .*4547.*the file declares"):
        read_points(tmp_path / "p.gpkg", crs=4547)
    with pytest.raises(GridError, match=r"expected Point, got MultiPoint, Polygon"):
        many = shapely.MultiPoint([(X, Y), (X, Y + 1)])
        read_points(write(frame([square(), many], id=["1", "2"]), tmp_path / "q.gpkg"))


def test_columns_of_a_point_file_count_when_named(tmp_path):
    table = frame([shapely.Point(X, Y)], lon=["113.1"], lat=["36.2"])
    points = read_points(write(table, tmp_path / "p.gpkg"), x="lon", y="lat", crs=4326)
    assert points.geometry[0].x == 113.1 and points.crs.to_epsg() == 4326


# --- grids and tables


def grid_frame(**more):
    columns = {"grid_code": ["0101", "0102"], "parent_code": ["01", "01"], **more}
    return frame([square(), square(1)], **columns)


def test_grid_of_another_program(tmp_path):
    path = write(grid_frame(grid_code=[101, 102]), tmp_path / "grid.gpkg")
    with pytest.warns(GridWarning, match=r"whole numbers in grid_code"):
        assert read_grid(path)["grid_code"].tolist() == ["101", "102"]
    with pytest.raises(GridError, match=r"floating-point"):
        read_grid(write(grid_frame(grid_code=[101.5, 102]), tmp_path / "floats.gpkg"))
    with pytest.raises(GridError, match=r"expected each grid_code once"):
        read_grid(write(grid_frame(grid_code=["1", "1"]), tmp_path / "twice.gpkg"))
    with pytest.raises(GridError, match=r"parent_code"):
        read_grid(write(grid_frame().drop(columns="parent_code"), tmp_path / "lone.gpkg"))
    degrees = read_grid(write(grid_frame().to_crs(4326), tmp_path / "degrees.gpkg"))
    assert degrees.crs.to_epsg() == 4547


def test_grid_among_other_layers(tmp_path):
    path = write(grid_frame(), tmp_path / "all.gpkg", layer="grid")
    pyogrio.write_dataframe(frame([square()], code=["01"]), path, layer="areas", append=True)
    assert len(read_grid(path)) == 2
    with pytest.raises(GridError, match=r"expected the columns"):
        read_grid(path, layer="areas")


def test_tables_as_they_stand(tmp_path):
    table = frame([None, square()], grid_code=[None, "01"], n=[1, 2], crs=4326)
    back = read_table(write(table, tmp_path / "t.gpkg"))
    assert pd.isna(back["grid_code"][0]) and back["grid_code"][1] == "01" and back["n"].tolist() == [1, 2]
    text = read_table(_csv(tmp_path, "grid_code,n\n0101,3\n,NaN\n"))
    assert text["grid_code"][0] == "0101" and text["n"].tolist() == ["3", "NaN"]
    with pytest.raises(GridError, match=r"floating-point"):
        read_table(_csv(tmp_path, "grid_code\n1.30105E+11\n"))


def test_the_warning_names_the_line_of_the_caller(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("地址\n东街\n".encode("gb18030"))
    with pytest.warns(GridWarning) as heard:
        read_table(path)
    assert [warning.filename for warning in heard] == [__file__]


def test_neighbours_that_share_a_part_of_an_edge_stay_together(tmp_path):
    # Two areas of a kilometre under one long one: the middle corner lies on the edge of the long one in degrees only.
    west, middle, east, south, level, north = 113.1, 113.111, 113.122, 36.1, 36.11, 36.12
    shapes = [
        shapely.box(west, level, east, north),
        shapely.box(west, south, middle, level),
        shapely.box(middle, south, east, level),
    ]
    areas = read_areas(
        write(frame(shapes, code=["1", "2", "3"]).set_crs(4490, allow_override=True), tmp_path / "a.gpkg")
    )
    plain = gpd.GeoSeries(shapes, crs=4490).to_crs(areas.crs)
    corner = gpd.GeoSeries([shapely.Point(middle, level)], crs=4490).to_crs(areas.crs)[0]
    assert plain[0].exterior.distance(corner) > 0.01
    assert areas.geometry[0].exterior.distance(corner) < 0.001
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not wide_parts(areas.geometry[one].intersection(areas.geometry[other]))
    assert areas.area.sum() == pytest.approx(areas.union_all().area, abs=0.5)


def test_a_hair_of_overlap_goes_to_the_lower_code_and_a_wide_one_stays(tmp_path):
    shapes = [shapely.box(0, 0, 100, 100), shapely.box(99.95, 0, 200, 100), shapely.box(190, 0, 300, 100)]
    shapes = [shapely.transform(shape, lambda xy: xy + np.array([420000, 4007000])) for shape in shapes]
    table = frame(shapes, code=["2", "1", "3"]).set_crs(4547, allow_override=True)
    with pytest.warns(GridWarning, match=r"1 areas freed of overlaps narrower than 0.2 m \(2\)"):
        areas = read_areas(write(table, tmp_path / "a.gpkg")).set_index("code").geometry
    assert areas["2"].area == pytest.approx(9995)
    assert areas["2"].intersection(areas["1"]).area == 0
    assert areas["1"].intersection(areas["3"]).area == pytest.approx(1000)
