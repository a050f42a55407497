"""Measure the leak scanner: python scripts/bench/leaks.py [--leaks 1000] [--clean 300] [--seed 1] [--large].

Figures, as Markdown:

- **recall**: leaks of every kind are planted under every layer of encoding in every type of file, one in each file;
  half of them are searched for without any table, by how they are written, half with the table that holds them. Persons
  and their numbers are made up.
- **false alarms**: finished maps and files without a leak - pages, images, GeoJSON, CSV, notebooks, GeoPackage, xlsx of
  towns made up, pages of folium - scanned with all tables.
- **columns**: columns of events without anything of persons (kinds, places, codes, dates) that would stay back.
- **speed** (--large): a page of 60 MB, with 600,000 known persons and without.
"""

from __future__ import annotations

import argparse
import base64
import csv
import gzip
import html
import io
import json
import random
import sqlite3
import struct
import tempfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import folium
import geopandas as gpd
import pandas as pd
import shapely

import gridgis as gg
from gridgis.leaks import find_leaks
from gridgis.persons import found_not_out

SURNAMES, GIVEN = "王李张刘陈杨赵黄周吴徐孙", "芳伟娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平"
PINYIN = (("Wang", "Li", "Zhang", "Liu", "Chen"), ("Fang", "Wei", "Na", "Min", "Jing", "Qiang", "Lei", "Xiaoming"))
CODE = "990101001001001"


class Secret(NamedTuple):
    """What is planted: its kind, how it is written in the file, and what must be told of it."""

    kind: str
    written: str
    column: str
    value: str


def id_number(rng: random.Random) -> str:
    digits = f"{rng.randint(110000, 659999)}{rng.randint(1940, 2015)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
    digits += f"{rng.randint(1, 999):03}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return digits + "10X98765432"[sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11]


def chinese_name(rng: random.Random) -> str:
    return rng.choice(SURNAMES) + "".join(rng.sample(GIVEN, rng.randint(1, 2)))


def plant_name(rng: random.Random, known: bool) -> Secret:
    name = chinese_name(rng) if rng.random() < 0.7 else f"{rng.choice(PINYIN[0])} {rng.choice(PINYIN[1])}"
    forms = [
        f"姓名: {name}", f"户主：{name}，共3人", f'{{"name": "{name}", "age": 41}}', f"resident_name={name}; status=ok",
        f'{{"full_name": "{name}"}}', f"<tr><th>姓名</th><td>{name}</td></tr>", f'[{{"姓名": "{name}", "n": 2}}]',
    ]  # fmt: skip
    loose = [
        f"住户{name}已登记" if name[0] > "z" else f"visited {name} today",
        f'["{name}", 3]',
        f"<b>{name}</b>",
        name,
    ]
    return Secret("name", rng.choice(loose if known else forms), "姓名", name)


def plant_id(rng: random.Random, known: bool) -> Secret:
    number = id_number(rng)
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in number)
    cut = f"{number[:6]} {number[6:14]} {number[14:]}"
    forms = [number, wide, cut, cut.replace(" ", "-"), number.lower(), f"身份证{number}。", f'"id": "{number}"']
    return Secret("id number", rng.choice(forms), "id_card", number)


def plant_phone(rng: random.Random, known: bool) -> Secret:
    number = f"1{rng.choice('3456789')}{rng.randint(0, 10**9 - 1):09}"
    cut = f"{number[:3]} {number[3:7]} {number[7:]}"
    forms = [number, cut, cut.replace(" ", "-"), f"+86{number}", f"+86 {cut}", f"电话{number}", f'{{"n":{number}}}']
    return Secret("phone", rng.choice(forms), "phone", number)


def plant_email(rng: random.Random, known: bool) -> Secret:
    mail = f"{rng.choice(PINYIN[0]).lower()}.{rng.choice(PINYIN[1]).lower()}{rng.randint(1, 99)}@example.com"
    return Secret("e-mail", rng.choice([mail, f"mailto:{mail}", f"<{mail}>", f"写信到{mail}谢谢"]), "email", mail)


def plant_address(rng: random.Random, known: bool) -> Secret:
    n, m, k = rng.randint(1, 120), rng.randint(1, 6), rng.randint(101, 1902)
    forms = [
        f"幸福路{n}号", f"和平小区{m}号楼{m}单元{k}室", f"光明街{n}号院{m}栋{k}室", f"{m}号楼{m}单元{k}", f"{m}栋{k}室",
        f"{n} Heping Road", f"No. {n}, Guangming Street", f"Room {k}, Building {m}, 12 Xingfu Road",
        f"Apt {k}, Park Lane",
    ]  # fmt: skip
    text = rng.choice(forms)
    return Secret("address", text, "address", text)


def plant_point(rng: random.Random, known: bool) -> Secret:
    lon, lat = 113 + rng.randint(10**6, 9 * 10**6) / 10**7, 36 + rng.randint(10**6, 9 * 10**6) / 10**7
    lon, lat = lon + 1e-7 * (round(lon * 1e7) % 10 == 0), lat + 1e-7 * (round(lat * 1e7) % 10 == 0)
    x, y = f"{lon:.7f}", f"{lat:.7f}"
    forms = [
        f'{{"type":"Feature","properties":{{}},"geometry":{{"type":"Point","coordinates":[{x},{y}]}}}}',
        f'{{"coordinates": [{x}, {y}], "type": "Point"}}', f"L.marker([{y}, {x}]).addTo(map);", f"POINT ({x} {y})",
        f"L.circleMarker([{y}, {x}], {{radius: 3}})", f"L.heatLayer([[{y}, {x}, 1.0]], {{radius: 9}})",
        f"[[{y}, {x}, 1], [{y}, {x}, 2]]", f'[{{"lat": {y}, "lng": {x}}}]', f"{{lon: {x}, lat: {y}}}",
        f'{{"lon": [{x}, {x}], "lat": [{y}, {y}]}}',
    ]  # fmt: skip
    loose = [f"{y} {x}", f"at {x};{y}", f"x={x} y={y}", f"({y}, {x})"]
    return Secret("raw point", rng.choice(loose if known else forms), "point", f"{x},{y}")


def plant_column(rng: random.Random, known: bool) -> Secret:
    value = "家" + rng.choice("甲乙丙丁") + str(rng.randint(1000, 99999))
    forms = [
        f'[{{"contact": "{value}", "n": 1}}]', f'[{{"phone": "{value}"}}, {{"phone": "{value}"}}]',
        f'{{"fields": [{{"name": "id"}}, {{"name": "address"}}], "rows": [["1", "{value}"], ["2", "{value}"]]}}',
        f"<table><tr><th>编号</th><th>住址</th></tr><tr><td>1</td><td>{value}</td></tr></table>",
        f'{{"wechat": ["{value}", "{value}"], "n": [1, 2]}}',
    ]  # fmt: skip
    return Secret("personal column", rng.choice(forms[1:]), "wechat", value)


def plant_number(rng: random.Random, known: bool) -> Secret:
    forms = [
        '{"grid_code":"%s","count":3}', '{"codes":["%s","990101001001002"],"rows":[["3"],["1"]],"fields":["Events"]}',
        '[{"grid_code":"%s","households":24,"count":3.0}]', '{"%s":{"count":3}}', "<b>%s</b><br>Events: <i>3</i>",
        '{"type":"Feature","properties":{"grid_code":"%s","count":"3"},"geometry":null}', "%s: 事件数 3",
        '{"columns":["grid_code","count"],"data":[["%s",3],["990101001001002",1]]}', '[["%s",3],["990101001001002",1]]',
        '{"%s":3,"990101001001002":1}',
        "<table><tr><th>code</th><th>Events</th></tr><tr><td>%s</td><td>3</td></tr></table>",
    ]  # fmt: skip
    return Secret("hidden number", rng.choice(forms) % CODE, "count", "3")


def plant_plate(rng: random.Random, known: bool) -> Secret:
    plate = f"{rng.choice('晋冀蒙京')}{rng.choice('ABDEK')}{rng.choice(['', 'D'])}{rng.randint(10_000, 99_999)}"
    return Secret("number plate", rng.choice([plate, f"车牌{plate}停放", f'{{"car": "{plate}"}}']), "车牌号", plate)


def plant_account(rng: random.Random, known: bool) -> Secret:
    number = str(rng.randint(10**6, 10**9))
    return Secret("account", rng.choice([f"QQ:{number}", f"QQ号 {number}", f"微信号：wx_{number}"]), "QQ", number)


KINDS = (
    *(plant_name, plant_id, plant_phone, plant_email, plant_address, plant_point, plant_column, plant_number),
    *(plant_plate, plant_account),
)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def _padded(text: str) -> bytes:
    return f"cells of the map: {text} (end of the cells of the map)".encode()


LAYERS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "entities": lambda text: "".join(f"&#{ord(sign)};" for sign in text),
    "hex entities": lambda text: "".join(f"&#x{ord(sign):x};" for sign in text),
    "percent": lambda text: quote(text, safe=""),
    "\\u escapes": lambda text: "".join(f"\\u{ord(sign):04x}" for sign in text),
    "\\x escapes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "JSON in a string": lambda text: json.dumps(json.dumps({"note": text})),
    "joined strings": lambda text: "'" + "' + '".join(text[i : i + 3] for i in range(0, len(text), 3)) + "'",
    "full width": lambda text: "".join(chr(ord(s) + 0xFEE0) if s.isascii() and s.isalnum() else s for s in text),
    "base64": lambda text: _b64(f"cells: {text}".encode()),
    "base64url": lambda text: base64.urlsafe_b64encode(f"cells?>: {text}".encode()).decode().rstrip("="),
    "base64, wrapped": lambda text: base64.encodebytes((f"cells of the map {'.' * 80} " + text).encode()).decode(),
    "base64 twice": lambda text: _b64(_b64(f"cells: {text}".encode()).encode()),
    "hex": lambda text: f"cells: {text}".encode().hex(),
    "gzip": lambda text: _b64(gzip.compress(_padded(text))),
    "zlib": lambda text: _b64(zlib.compress(_padded(text))),
    "deflate": lambda text: _b64(_deflated(_padded(text))),
    "gzip in gzip": lambda text: _b64(gzip.compress(gzip.compress(_padded(text)))),
    "zlib as hex": lambda text: zlib.compress(_padded(text)).hex(),
    "UTF-16 in base64": lambda text: _b64(f"cells of the map: {text}".encode("utf-16")),
    "GB18030 in base64": lambda text: _b64(f"网格地图的数据: {text}".encode("gb18030")),
    "data: address": lambda text: "data:text/plain;charset=utf-8," + quote(text),
    "data: base64": lambda text: "data:text/html;base64," + _b64(text.encode()),
    "srcdoc frame": lambda text: f'<iframe srcdoc="{html.escape(f"<p>{html.escape(text)}</p>")}"></iframe>',
}


def _page(rng: random.Random, text: str) -> bytes:
    places = [
        f"<script>var a = 1; {text}</script>", f"<!-- {text} -->", f"<div>{text}</div>", f"<style>/* {text} */</style>",
        f"<script type='application/json'>{text}</script>",
    ]  # fmt: skip
    return f"<!DOCTYPE html><html><head><title>Map</title></head><body>{rng.choice(places)}</body></html>".encode()


def _attribute(rng: random.Random, text: str) -> bytes:
    return f'<html><body><p data-note="{html.escape(text)}" title="Cells">Map</p></body></html>'.encode()


def _geojson(rng: random.Random, text: str) -> bytes:
    ring = [[113.1, 36.1], [113.2, 36.1], [113.2, 36.2], [113.1, 36.1]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    made = {"type": "Feature", "properties": {"grid_code": "990101001009009", "note": text}, "geometry": shape}
    return json.dumps({"type": "FeatureCollection", "features": [made]}, ensure_ascii=rng.random() < 0.5).encode()


def _csv(rng: random.Random, text: str) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows([["grid_code", "note"], ["990101001009009", text], ["990101001009010", ""]])
    return file.getvalue().encode(rng.choice(["utf-8", "utf-8-sig", "gb18030", "utf-16"]))


def _svg(rng: random.Random, text: str) -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg"><desc>{html.escape(text)}</desc><rect width="9"/></svg>'.encode()


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _png(rng: random.Random, text: str) -> bytes:
    data, after = text.encode(), b""
    kind = rng.choice(["tEXt", "zTXt", "iTXt", "iTXt packed", "eXIf", "after"])
    middle = {
        "tEXt": _chunk(b"tEXt", b"Comment\0" + data),
        "zTXt": _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(data)),
        "iTXt": _chunk(b"iTXt", b"Comment\0\0\0zh\0note\0" + data),
        "iTXt packed": _chunk(b"iTXt", b"Comment\0\1\0zh\0note\0" + zlib.compress(data)),
        "eXIf": _chunk(b"eXIf", b"II*\0\x08\0\0\0\0\0\0\0\0\0" + data),
    }.get(kind, b"")
    if kind == "after":
        after = data
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    image = _chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + head + middle + image + _chunk(b"IEND", b"") + after


def _pdf(rng: random.Random, text: str) -> bytes:
    wide = text.encode("utf-16-be")
    kind = rng.choice(["title", "hex title", "file", "page"])
    if kind == "page":
        signs = sorted(set(text))
        letters = "\n".join(f"<{i + 1:04x}> <{sign.encode('utf-16-be').hex()}>" for i, sign in enumerate(signs))
        cmap = f"begincmap {len(signs)} beginbfchar\n{letters}\nendbfchar endcmap".encode()
        shown = "".join(f"<{signs.index(sign) + 1:04x}> {rng.randint(-20, 20)} " for sign in text)
        streams, title = [cmap, f"BT /F1 9 Tf [{shown}] TJ ET".encode()], b"(Map)"
    else:
        streams, title = [text.encode()] if kind == "file" else [], b"(Map)"
        escaped = b"".join(b"\\%03o" % byte for byte in b"\xfe\xff" + wide)
        title = {"title": b"(" + escaped + b")", "hex title": b"<feff" + wide.hex().encode() + b">"}.get(kind, title)
    body = b"%PDF-1.4\n1 0 obj\n<< /Title " + title + b" >>\nendobj\n"
    for i, stream in enumerate(streams, 2):
        packed = zlib.compress(stream)
        body += b"%d 0 obj\n<< /Length %d /Filter /FlateDecode >>\nstream\n" % (i, len(packed)) + packed
        body += b"\nendstream\nendobj\n"
    return body + b"%%EOF\n"


def _notebook(rng: random.Random, text: str) -> bytes:
    image = _b64(_png(rng, text))
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": [text + "\n"]},
        {"output_type": "display_data", "data": {"text/html": ["<div>\n", text, "\n</div>"]}, "metadata": {}},
        {"output_type": "display_data", "data": {"image/png": image}, "metadata": {}},
    ]
    cells = [{"cell_type": "code", "metadata": {}, "source": ["gg.publish(table)"], "outputs": [rng.choice(outputs)]}]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1).encode()


def _sqlite(rng: random.Random, text: str) -> bytes:
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute("CREATE TABLE cells (fid INTEGER PRIMARY KEY, grid_code TEXT, note)")
        base.execute("INSERT INTO cells VALUES (1, '990101001009009', ?)", (rng.choice([text, text.encode()]),))
        return base.serialize()


def _xlsx(rng: random.Random, text: str) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["grid_code", "note"])
    book.active.append(["990101001009009", text])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _zip(rng: random.Random, text: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cells/readme.txt", "cells")
        archive.writestr("cells/map.html", rng.choice([_page, _svg, _png])(rng, text))
    return file.getvalue()


def _text(rng: random.Random, text: str) -> bytes:
    return f"网格地图说明文件\n{text}\n".encode(rng.choice(["utf-8", "utf-8-sig", "utf-16", "gb18030"]))


FILES: dict[str, tuple[str, Callable[[random.Random, str], bytes]]] = {
    "HTML": ("map.html", _page),
    "HTML attribute": ("map.html", _attribute),
    "GeoJSON": ("map.geojson", _geojson),
    "CSV": ("map.csv", _csv),
    "SVG": ("map.svg", _svg),
    "PNG": ("map.png", _png),
    "PDF": ("map.pdf", _pdf),
    "notebook": ("map.ipynb", _notebook),
    "SQLite": ("map.gpkg", _sqlite),
    "xlsx": ("map.xlsx", _xlsx),
    "zip": ("map.zip", _zip),
    "text": ("map.txt", _text),
    "gzip": ("map.html.gz", lambda rng, text: gzip.compress(_page(rng, text))),
}


class Plant(NamedTuple):
    """A file with one leak."""

    kind: str
    layer: str
    file: str
    known: bool
    name: str
    content: bytes
    secret: Secret


def plants(count: int, seed: int) -> Iterator[Plant]:
    """Make files with one leak each: kinds, layers and files in turn, so that all meet."""
    rng = random.Random(seed)
    layers, file_types = list(LAYERS), list(FILES)
    for number in range(count):
        plant = KINDS[number % len(KINDS)]
        turn = number // len(KINDS)
        layer = layers[turn % len(layers)]
        file_type = file_types[(turn + turn // len(layers) + number) % len(file_types)]
        known = rng.random() < 0.5 and plant is not plant_column
        secret = plant(rng, known)
        name, write = FILES[file_type]
        yield Plant(secret.kind, layer, file_type, known, name, write(rng, LAYERS[layer](secret.written)), secret)


def release() -> tuple[gg.Published, gpd.GeoDataFrame]:
    """Publish the small example, whose counts of 3, 1 and 1 are hidden."""
    from gridgis.sample import small_example

    example = small_example()
    table = gg.summarise(example.grid, gg.locate(example.events, example.grid))
    return gg.publish(table, hide_below=4), table


def is_found(plant: Plant, folder: Path, published: gg.Published, table: gpd.GeoDataFrame) -> bool:
    """Scan a file with a leak, with the table that holds it or without any."""
    path = folder / plant.name
    path.write_bytes(plant.content)
    if plant.kind == "hidden number":
        found = find_leaks(path, published=published, table=table)
    elif not plant.known:
        found = find_leaks(path)
    elif plant.kind == "raw point":
        x, y = map(float, plant.secret.value.split(","))
        found = find_leaks(path, located=gpd.GeoDataFrame(geometry=[shapely.Point(x, y)], crs=4326))
    else:
        found = find_leaks(path, persons=pd.DataFrame({plant.secret.column: [plant.secret.value]}))
    wanted = {
        "name": {"name of a person"}, "id number": {"identity number"}, "phone": {"phone number"},
        "e-mail": {"e-mail address"}, "address": {"postal address"}, "raw point": {"raw point"},
        "personal column": {"personal column"}, "hidden number": {"hidden number"},
        "number plate": {"number plate"}, "account": {"account of a person", "phone number"},
    }  # fmt: skip
    assert all(plant.secret.value not in leak.excerpt.partition(": ")[2] for leak in found)
    return bool(
        {leak.kind for leak in found} & (wanted[plant.kind] | ({"personal column"} if plant.kind == "name" else set()))
    )


def persons(count: int, seed: int) -> pd.DataFrame:
    """Make up persons."""
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        address = f"{rng.choice(['幸福路', '光明街', '和平巷'])}{rng.randint(1, 400)}号{rng.randint(101, 2804)}室"
        phone = f"1{rng.choice('3456789')}{rng.randint(0, 10**9 - 1):09}"
        rows.append((chinese_name(rng), id_number(rng), phone, address))
    return pd.DataFrame(rows, columns=["姓名", "身份证号", "手机", "住址"])


class Town(NamedTuple):
    """A town made up, divided, with events located and its counts published."""

    published: gg.Published
    table: gpd.GeoDataFrame
    located: gpd.GeoDataFrame


def town(seed: int) -> Town:
    """Make up a town with events."""
    rng = random.Random(seed)
    made = gg.generate_town(rng.randint(80, 220), parents=2, seed=seed)
    grid = gg.assign_codes(gg.divide(made.areas, made.buildings, made.barriers), gg.CodeScheme.unit_grid())
    places = made.buildings.geometry.representative_point().sample(rng.randint(20, 90), random_state=seed, replace=True)
    events = gpd.GeoDataFrame(
        {"event_id": [f"e{i}" for i in range(len(places))], "category": [rng.choice("ab") for _ in range(len(places))]},
        geometry=places.to_numpy(),
        crs=places.crs,
    )
    located = gg.locate(events, grid)
    table = gg.summarise(grid, located, by="category")
    return Town(gg.publish(table, hide_below=rng.choice([3, 5, 10])), table, events)


def clean_files(made: Town, seed: int, folder: Path) -> Iterator[Path]:
    """Write finished files of a town that hold no leak."""
    rng = random.Random(seed)
    shown, lang = made.published, rng.choice(["en", "zh"])
    gg.coverage_map(shown, lang=lang).save(folder / "coverage.html")
    gg.hotspot_map(shown, lang=lang).save(folder / "hotspots.html")
    yield from (folder / "coverage.html", folder / "hotspots.html")
    for ending in ("png", "svg", "pdf"):
        yield gg.hotspot_image(shown, folder / f"hotspots.{ending}", lang="en")
    cells = shown.table.to_crs(4326)
    cells.to_file(folder / "cells.geojson", driver="GeoJSON")
    cells.to_file(folder / "cells.gpkg", driver="GPKG")
    plain = pd.DataFrame(cells.drop(columns="geometry"))
    plain.to_csv(folder / "cells.csv", index=False)
    plain.to_excel(folder / "cells.xlsx", index=False)
    yield from (folder / f"cells.{ending}" for ending in ("geojson", "gpkg", "csv", "xlsx"))
    page = folium.Map([36.2, 113.1])
    fields = ["grid_code", *shown.measures[:2]]
    folium.GeoJson(cells.to_json(), name="网格", tooltip=folium.GeoJsonTooltip(fields)).add_to(page)
    folium.LayerControl().add_to(page)
    page.save(folder / "folium.html")
    outputs = [
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": [page._repr_html_()]}},
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": [plain.to_html()]}},
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"image/png": base64.encodebytes((folder / "hotspots.png").read_bytes()).decode()},
        },
    ]
    cell = {"cell_type": "code", "metadata": {}, "source": ["gg.hotspot_map(shown)"], "outputs": outputs}
    book = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "map.ipynb").write_text(json.dumps(book, ensure_ascii=False), encoding="utf-8")
    yield from (folder / "folium.html", folder / "map.ipynb")
    counties = rng.sample(["130102", "130203", "140402", "141002", "150102", "150203"], 2)
    codes = [f"{county}{street:03}{number:02}" for county in counties for street in (1, 2) for number in range(1, 20)]
    divisions = pd.DataFrame({"grid_code": codes, "count": [rng.randint(10, 99) for _ in codes]})
    divisions.to_csv(folder / "divisions.csv", index=False)
    divisions.to_html(folder / "divisions.html", index=False)
    (folder / "divisions.txt").write_text(" ".join(codes), encoding="utf-8")
    yield from (folder / f"divisions.{ending}" for ending in ("csv", "html", "txt"))


def recall(count: int, seed: int) -> None:
    """Print what was found of what was planted."""
    published, table = release()
    missed: list[Plant] = []
    total: dict[str, Counter[str]] = {name: Counter() for name in ("kind", "layer", "file")}
    lost: dict[str, Counter[str]] = {name: Counter() for name in total}
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for plant in plants(count, seed):
            found = is_found(plant, Path(folder), published, table)
            for name, counter in total.items():
                counter[getattr(plant, name)] += 1
                lost[name][getattr(plant, name)] += not found
            if not found:
                missed.append(plant)
    took = time.perf_counter() - started
    print(f"\n## Recall: {count - len(missed)} of {count} planted leaks found (seed {seed}, {took:.0f} s)\n")
    print("| by | | planted | found |\n|---|---|---:|---:|")
    for name, counter in total.items():
        for key, planted in counter.items():
            print(f"| {name} | {key} | {planted} | {planted - lost[name][key]} |")
    for plant in missed[:40]:
        print(f"\nmissed: {plant.kind}, {plant.layer}, {plant.file}, known {plant.known}: {plant.secret.written}")


def false_alarms(count: int, seed: int) -> None:
    """Print how many clean files are said to have a leak."""
    people, scanned, alarms = persons(2_000, seed), Counter[str](), Counter[str]()
    started, number = time.perf_counter(), 0
    while scanned.total() < count:
        made, number = town(seed + number), number + 1
        with tempfile.TemporaryDirectory() as folder:
            for path in clean_files(made, seed + number, Path(folder)):
                given = {"published": made.published, "table": made.table, "located": made.located, "persons": people}
                leaks = find_leaks(path, **given)
                scanned[path.name] += 1
                alarms[path.name] += bool(leaks)
                for leak in leaks[:3]:
                    print(f"false alarm: {leak}")
    took = time.perf_counter() - started
    print(f"\n## False alarms: {alarms.total()} of {scanned.total()} clean files ({number} towns, {took:.0f} s)\n")
    print("| file | scanned | alarms |\n|---|---:|---:|")
    for name, files in scanned.items():
        print(f"| {name} | {files} | {alarms[name]} |")


CLEAN_VALUES: dict[str, str] = {
    "kind": "噪音扰民 垃圾堆放 占道经营 违章停车 路灯损坏 井盖缺失 消防隐患 高空抛物 绿化破坏 邻里纠纷 施工扬尘",
    "类别": "安全 噪音 垃圾 停车 照明 道路 绿化 消防 治安 环境 水电 施工 物业 文明 管道 马路 路灯 高空 金属 方便 常规",
    "级别": "高 中 低 一般 严重 紧急 已办结 处理中 待处理 重复件",
    "社区名称": "幸福社区 和平社区 阳光花园 东方明珠 万科城 江南苑 石桥村 张家庄 李村 王庄 高家堡 马家沟 安康苑",
    "area": "幸福社区 和平社区 阳光花园 金色家园 石桥村 张家庄 李村 王庄 高家堡 方正小区 文昌社区 白云社区 向阳社区",
    "道路": "幸福路 和平街 光明街 建设路 解放路 中山大街 迎宾大道 长治路 英雄路 府后街 石子河巷 马路巷 黄河路",
    "category": "Illegal_Parking Street_Light_Out Blocked_Drain Graffiti Noise Pothole Water_Leak Fallen_Tree",
    "neighbourhood": "Victoria_Park Charlotte_Street Jordan_Hill Queen_Anne Green_Lake Park_Slope Hyde_Park Oak_Lawn",
    "agency": "Police_Department Public_Works Sanitation 城管局 住建局 公安分局 市场监管局 民政局 街道办事处",
    "树种": "杨树 柳树 槐树 银杏 松柏 梅花 桂花 牡丹", "材质": "金属 木质 石材 塑料 混凝土 砖混",
    "城市": "长治 晋城 太原 石家庄 唐山 包头 成都 江苏", "reporter_type": "居民 企业 网格员",
    "租户": "是 否", "method": "Phone Online In_Person Mobile_App",
}  # fmt: skip


def clean_columns(rng: random.Random, rows: int) -> pd.DataFrame:
    """Make up a table of events without anything of persons."""
    table = {}
    for name, values in CLEAN_VALUES.items():
        pool = values.replace("_", "\0").split()
        pool = [value.replace("\0", " ") for value in rng.sample(pool, rng.randint(2, len(pool)))]
        table[name] = [rng.choice(pool) for _ in range(rows)]
    county = rng.choice(["130102", "140402", "150102"])
    table |= {
        "building_name": [f"{rng.choice(['幸福小区', '阳光花园'])}{rng.randint(1, 30)}号楼" for _ in range(rows)],
        "网格": [f"{rng.choice(['幸福社区', '王庄'])}{rng.randint(1, 30)}号网格" for _ in range(rows)],
        "division": [f"{county}{rng.randint(1, 9):03}{rng.randint(1, 99):02}" for _ in range(rows)],
        "cell": [f"{county}001001{rng.randint(1, 999):03}" for _ in range(rows)],
        "case_id": [f"E{20260000 + number}" for number in range(rows)],
        "时间": [f"2026年{rng.randint(1, 12)}月{rng.randint(1, 28)}日 {rng.randint(0, 23)}时" for _ in range(rows)],
        "residents": [rng.randint(0, 900) for _ in range(rows)],
        "居民数": [rng.randint(0, 900) for _ in range(rows)],
        "temperature": [round(36 + rng.random(), 1) for _ in range(rows)],
        "timestamp": [int(1.7e12 + rng.random() * 1e10) for _ in range(rows)],
    }
    return pd.DataFrame(table)


def columns(count: int, seed: int) -> None:
    """Print how many clean columns are taken for persons, free text or coordinates."""
    rng, asked, alarms = random.Random(seed), 0, Counter[str]()
    for number in range(count):
        table = clean_columns(rng, rng.choice([5, 10, 30, 200]))
        table = table.astype(str) if number % 2 else table
        asked += table.shape[1]
        alarms.update(found_not_out(table))
    print(f"\n## Columns: {alarms.total()} of {asked} clean columns taken for persons, free text or coordinates")
    print(f"\n{dict(alarms)}")


def speed(seed: int) -> None:
    """Print how long a page of 60 MB takes."""
    rng = random.Random(seed)
    features = []
    for number in range(170_000):
        x, y = 113 + rng.random() / 10, 36 + rng.random() / 10
        ring = [[x, y], [x + 0.001, y], [x + 0.001, y + 0.001], [x, y + 0.001], [x, y]]
        properties = {"grid_code": f"9901{number:011}", "count": rng.randint(10, 99), "parent_name": "幸福社区"}
        shape = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": properties, "geometry": shape})
    page = (
        f"<html><script>var data = {json.dumps({'type': 'FeatureCollection', 'features': features})};</script></html>"
    )
    people = persons(600_000, seed)
    people["lon"] = [113 + rng.random() / 10 for _ in range(len(people))]
    people["lat"] = [36 + rng.random() / 10 for _ in range(len(people))]
    print("\n## Speed\n\n| page | known persons | seconds | leaks |\n|---:|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.html"
        path.write_text(page, encoding="utf-8")
        for known in (None, people):
            started = time.perf_counter()
            leaks = find_leaks(path, persons=known)
            took = time.perf_counter() - started
            print(
                f"| {len(page) / 1e6:.0f} MB | {0 if known is None else len(known)} | {took:.1f} | {len(leaks)} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leaks", type=int, default=1000)
    parser.add_argument("--clean", type=int, default=300)
    parser.add_argument("--columns", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--large", action="store_true")
    asked = parser.parse_args()
    if asked.leaks:
        recall(asked.leaks, asked.seed)
    if asked.clean:
        false_alarms(asked.clean, asked.seed)
    if asked.columns:
        columns(asked.columns, asked.seed)
    if asked.large:
        speed(asked.seed)


if __name__ == "__main__":
    main()
