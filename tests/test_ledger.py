"""Releases together: differences of borders and of tables give nothing away, and the ledger tells nothing new."""

import io
import json
import os
import subprocess
import sys
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

import gridgis as gg
from gridgis.contract import GridError
from gridgis.privacy.ledger import Outgoing, Release, read_ledger
from gridgis.privacy.together import disclosed, require_safe_together

JUNE = "2026-06-30"
pytestmark = pytest.mark.filterwarnings("ignore:.*do not add up:gridgis.GridWarning")


def strip(edges, loads, **columns):
    """Cells side by side, with their numbers of households."""
    cells = [shapely.box(a, 0, b, 100) for a, b in pairwise(edges)]
    codes = [f"{int(edges[i]):04d}{i:02d}" for i in range(len(cells))]
    data = {"grid_code": codes, "parent_code": "P", "households": loads, **columns}
    return gpd.GeoDataFrame(data, geometry=cells, crs=4547)


def publish(table, *, ledger, **options):
    """Publish, and let a file of it out, which notes the release."""
    shown = gg.publish(table, ledger=ledger, **options)
    gg.write_table(shown, ledger.with_name("out.csv"))
    return shown


def released(cells, ranges, *, limit=10, hidden=(), as_of=JUNE):
    """A release of single cells without sums."""
    shapes = np.array([shapely.box(*box) for box in cells], object)
    codes = tuple(f"{as_of}-{i}" for i in range(len(cells)))
    above = (-1,) * len(cells)
    return Release(
        as_of, "EPSG:4547", limit, codes, above, {"households": ranges}, {"households": list(hidden)}, shapes
    )


def test_a_moved_border_is_refused(tmp_path):
    ledger = tmp_path / "releases.json"
    publish(strip([0, 100, 200, 300], [120, 130, 140]), ledger=ledger, as_of=JUNE)
    before = ledger.read_bytes()
    with pytest.raises(GridError, match=r"together with what was published before, .* is placed between 3 and 3"):
        publish(strip([0, 110, 200, 300], [123, 127, 140]), ledger=ledger, as_of=JUNE)
    assert ledger.read_bytes() == before
    publish(strip([0, 110, 200, 300], [140, 110, 140]), ledger=ledger, as_of=JUNE)  # a difference of 20
    publish(strip([0, 115, 200, 300], [123, 127, 140]), ledger=ledger, as_of="2026-07-31")  # other numbers


@pytest.mark.parametrize("options", [{"hide_below": 2}, {"hide_below": 3}, {"round_to": 3}])
def test_a_difference_of_borders_is_as_wide_as_the_stricter_release_asks(tmp_path, options):
    ledger = tmp_path / "releases.json"
    publish(strip([0, 100, 200, 300], [120, 130, 140]), ledger=ledger, as_of=JUNE)
    with pytest.raises(GridError, match="together with what was published before"):
        publish(strip([0, 110, 200, 300], [123, 127, 140]), ledger=ledger, as_of=JUNE, **options)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_to_a_ledger_is_the_ledger_and_has_its_lock(tmp_path):
    ledger, link = tmp_path / "releases.json", tmp_path / "other" / "link.json"
    link.parent.mkdir()
    link.symlink_to(ledger)
    publish(strip([0, 100, 200, 300], [120, 130, 140]), ledger=link, as_of=JUNE)
    assert link.is_symlink()
    assert len(read_ledger(ledger)) == 1
    shown = gg.publish(strip([0, 100, 200], [120, 130]), ledger=link, as_of=JUNE)
    assert shown.outgoing.ledger == ledger
    with pytest.raises(GridError, match="together with what was published before"):
        publish(strip([0, 110, 200, 300], [123, 127, 140]), ledger=ledger, as_of=JUNE)


def test_the_same_release_again_is_no_news(tmp_path):
    ledger = tmp_path / "releases.json"
    table = strip([0, 100, 200, 300], [7, 130, 140])
    one = publish(table, ledger=ledger, as_of=JUNE)
    two = publish(table, ledger=ledger, as_of=JUNE)
    assert one.table.equals(two.table)
    assert len(read_ledger(ledger)) == 1


def test_what_was_hidden_once_cannot_be_shown_by_a_merger(tmp_path):
    ledger = tmp_path / "releases.json"
    publish(strip([0, 100, 200, 300, 400], [7, 130, 140, 150]), ledger=ledger, as_of=JUNE)
    with pytest.raises(GridError, match="the hidden number of 000000"):
        publish(strip([0, 100, 300, 400], [7, 270, 150]), ledger=ledger, as_of=JUNE, hide_below=5)


def test_a_lower_limit_later_gives_nothing_away(tmp_path):
    ledger = tmp_path / "releases.json"
    publish(strip([0, 100, 200, 300], [7, 130, 140]), ledger=ledger, as_of=JUNE)
    with pytest.raises(GridError, match="nothing is published"):
        publish(strip([0, 100, 200, 300], [7, 130, 140]), ledger=ledger, as_of=JUNE, hide_below=2)


def test_the_ledger_holds_what_was_shown_and_nothing_else(tmp_path):
    ledger = tmp_path / "releases.json"
    table = strip([0, 100, 200, 300], [7, 77777, 140], persons=[31, 230, 240], note=["somebody"] * 3)
    publish(table, measures=["households"], ledger=ledger, as_of=JUNE)
    release = read_ledger(ledger)[0]
    assert release.ranges["households"] == [None, [77777.0, 77777.0], None, [77924.0, 77924.0], [77924.0, 77924.0]]
    assert release.hidden == {"households": [0, 2]}
    assert list(release.ranges) == ["households"]
    assert shapely.equals_exact(release.cells, table.geometry.to_numpy(), 0).all()
    assert "somebody" not in ledger.read_text(encoding="utf-8")


def test_a_changed_or_foreign_ledger_is_refused(tmp_path):
    ledger = tmp_path / "releases.json"
    publish(strip([0, 100, 200], [120, 130]), ledger=ledger, as_of=JUNE)
    content = json.loads(ledger.read_text(encoding="utf-8"))
    content["releases"][0]["hide_below"] = 2
    ledger.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(GridError, match="changed since it was written"):
        read_ledger(ledger)
    for text in ("", "[]", "{}", '{"ledger": 1, "releases": [{}]}', '{"ledger": 9, "releases": []}'):
        ledger.write_text(text, encoding="utf-8")
        with pytest.raises(GridError, match=r"releases.json: expected a ledger"):
            publish(strip([0, 100, 200], [120, 130]), ledger=ledger, as_of=JUNE)
        assert ledger.read_text(encoding="utf-8") == text


def test_a_ledger_needs_a_date(tmp_path):
    for options in ({}, {"as_of": JUNE, "internal": True}):
        with pytest.raises(GridError, match="a release needs as_of="):
            publish(strip([0, 100, 200], [120, 130]), ledger=tmp_path / "releases.json", **options)
    assert not (tmp_path / "releases.json").exists()


def test_rounded_releases_bound_a_difference_and_do_not_show_it(tmp_path):
    ledger = tmp_path / "releases.json"
    publish(strip([0, 100, 200, 300], [121, 131, 141]), ledger=ledger, as_of=JUNE, round_to=5)
    publish(strip([0, 110, 200, 300], [124, 128, 141]), ledger=ledger, as_of=JUNE, round_to=5)
    assert len(read_ledger(ledger)) == 2


def test_other_dates_and_measures_say_nothing():
    one = released([(0, 0, 100, 100)], [[100, 100]])
    two = released([(0, 0, 90, 100)], [[97, 97]], as_of="2026-07-31")
    assert disclosed([one, two]) == []
    two = released([(0, 0, 90, 100)], [[97, 97]])
    assert [(found.low, found.high) for found in disclosed([one, two])] == [(3, 3)]
    assert disclosed([two]) == []


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_every_planted_difference_is_found_and_no_large_one(seed):
    rng = np.random.default_rng(seed)
    pieces = rng.choice([0, 3, 60], 5) + rng.integers(0, 3, 5) * 100
    pieces[[0, 4]] = rng.choice([0, 60, 200], 2)  # shown by themselves
    # A: pieces 0+1, 2+3+4; B: pieces 0, 1+2+3, 4
    places = np.cumsum([0, 20, 20, 20, 20, 20])
    one = released(
        [(places[0], 0, places[2], 100), (places[2], 0, places[5], 100)],
        [[float(pieces[:2].sum())] * 2, [float(pieces[2:].sum())] * 2],
    )
    two = released(
        [(places[0], 0, places[1], 100), (places[1], 0, places[4], 100), (places[4], 0, places[5], 100)],
        [[float(pieces[0])] * 2, [float(pieces[1:4].sum())] * 2, [float(pieces[4])] * 2],
    )
    found = disclosed([one, two])
    # everything is known: piece 1 = A0 - B0, pieces 2+3 = A1 - B2
    small = [value for value in (pieces[1], pieces[2] + pieces[3]) if 0 < value < 10]
    assert sorted({round(one.low) for one in found if one.low == one.high} - {0}) == sorted({int(v) for v in small})
    assert bool(found) == bool(small)


def test_an_unreadable_ledger_is_one_sentence(tmp_path):
    outgoing = Outgoing(tmp_path, released([(0, 0, 1, 1)], [[100, 100]]), require_safe_together, ())
    with pytest.raises(GridError), outgoing.noted():
        raise AssertionError


# parts of a count over releases


PARTS = {"a": [3, 15, 22, 18], "b": [20, 30, 25, 41], "c": [17, 12, 33, 16]}


def parted(*names, parts=PARTS, **columns):
    """Cells of one parent with a count of three parts, of which some stand in the table."""
    count = np.sum(list(parts.values()), axis=0)
    known = {f"count_{name}": parts[name] for name in names if name in parts}
    return strip(
        range(0, 100 * len(count) + 1, 100),
        count,
        **({"count": count} if "count" in names else {}),
        **known,
        **columns,
    )


WHOLE, ONE, REST = ("count", "a", "b", "c"), ("count", "a"), ("b", "c")
TABLES = [(WHOLE, WHOLE), (ONE, REST), (WHOLE, REST), (ONE, WHOLE)]


@pytest.mark.parametrize("tables", TABLES, ids=str)
@pytest.mark.parametrize("turned", [False, True])
def test_parts_are_joined_over_releases(tmp_path, tables, turned):
    """A count and one part first, then the other parts: the hidden part would be what is left."""
    ledger = tmp_path / "releases.json"
    pairs = [(parted(*tables[0]), ["count", "count_a"]), (parted(*tables[1]), ["count_b", "count_c"])]
    first, second = pairs[::-1] if turned else pairs
    publish(first[0], measures=first[1], ledger=ledger, as_of=JUNE)
    with pytest.raises(GridError, match=r"the hidden number of 000000 \(count_a\) is placed between 3 and 3"):
        gg.publish(second[0], measures=second[1], ledger=ledger, as_of=JUNE)
    assert len(read_ledger(ledger)) == 1
    gg.publish(second[0], measures=second[1], ledger=ledger, as_of="2026-07-31")


@pytest.mark.parametrize(
    "releases", [[["count"], ["count_b", "count_c"]], [["count", "count_c"], ["count_b"]]], ids=str
)
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("apart", [False, True])
def test_what_no_release_shows_does_not_follow_either(tmp_path, releases, turned, apart):
    """A count, and all its parts but one, over releases: the one that nobody has shown would be what is left."""
    ledger = tmp_path / "releases.json"
    tables = [parted(*([name.removeprefix("count_") for name in one] if apart else WHOLE)) for one in releases]
    first, second = list(zip(tables, releases, strict=True))[:: -1 if turned else 1]
    publish(first[0], measures=first[1], ledger=ledger, as_of=JUNE)
    with pytest.raises(GridError, match=r"what 000000 has beside count_b, count_c \(count\) is placed between 3 and 3"):
        gg.publish(second[0], measures=second[1], ledger=ledger, as_of=JUNE)
    assert len(read_ledger(ledger)) == 1


def test_a_rest_that_is_large_or_none_may_follow(tmp_path):
    ledger, parts = tmp_path / "releases.json", {"a": [0, 10, 22, 18], "b": [20, 30, 25, 41]}
    publish(parted("count", parts=parts), measures=["count"], ledger=ledger, as_of=JUNE)
    publish(parted("b", parts=parts), measures=["count_b"], ledger=ledger, as_of=JUNE)
    assert len(read_ledger(ledger)) == 2


def test_parts_are_joined_on_other_cells_and_levels_too(tmp_path):
    ledger = tmp_path / "releases.json"
    publish(parted(*WHOLE), measures=["count", "count_a"], ledger=ledger, as_of=JUNE)
    finer = strip(
        [0, 40, 100, 200, 300, 400], [15, 25, 57, 80, 75], count_b=[10, 10, 30, 25, 41], count_c=[5, 12, 12, 33, 16]
    )
    with pytest.raises(GridError, match="placed between"):
        gg.publish(finer, measures=["count_b", "count_c"], ledger=ledger, as_of=JUNE, hide_below=2)
    with pytest.raises(GridError, match="placed between"):
        gg.publish(
            parted(*WHOLE).assign(city="C"), measures=["count_b", "count_c"], levels=["city"], ledger=ledger, as_of=JUNE
        )


def test_measures_that_no_sum_ties_are_apart(tmp_path):
    ledger = tmp_path / "releases.json"
    table = parted(*WHOLE, trees=[3, 14, 25, 36])
    publish(table, measures=["count", "count_a"], ledger=ledger, as_of=JUNE)
    publish(table, measures=["trees", "households"], ledger=ledger, as_of=JUNE)
    assert len(read_ledger(ledger)) == 2


def ranges_of(releases, cells, parts):
    """What integer programs leave to each hidden number: (release, measure, place) to least and most."""
    index = {(name, cell): i for i, (name, cell) in enumerate((n, c) for n in parts for c in range(cells))}

    def row(measure, members):
        names = parts if measure == "count" else [measure.removeprefix("count_")]
        made = np.zeros(len(index))
        made[[index[name, cell] for name in names for cell in members]] = 1
        return made

    rows, low, high, asked = [], [], [], {}
    for number, shown in enumerate(releases):
        for measure in shown.measures:
            places = [(shown.table.loc[i, measure], shown.table.loc[i, f"{measure}_status"], [i]) for i in range(cells)]
            places += [(one[measure], one[f"{measure}_status"], range(cells)) for _, one in shown.totals.iterrows()]
            for place, (value, status, members) in enumerate(places):
                rows.append(row(measure, members))
                low.append(1 if status == "hidden" else value)
                high.append(np.inf if status == "hidden" else value)
                if status == "hidden":
                    asked[number, measure, place] = rows[-1]
    system, bounds, whole = LinearConstraint(np.array(rows), low, high), Bounds(0, 1000), np.ones(len(index))
    ends = {}
    for key, aim in asked.items():
        found = [milp(sign * aim, constraints=system, bounds=bounds, integrality=whole) for sign in (1, -1)]
        ends[key] = round(found[0].fun), round(-found[1].fun)
    return ends


@pytest.mark.parametrize("seed", range(12))
def test_what_is_let_out_together_says_no_more_than_apart(tmp_path, seed):
    """An attacker of integer programs, on two releases of parts and counts that were accepted."""
    rng = np.random.default_rng(seed)
    ledger = tmp_path / "releases.json"
    parts = {name: rng.poisson(rng.choice([2, 12, 40]), 4).tolist() for name in "abc"}
    table, names = parted(*WHOLE, parts=parts), np.array(["count", "count_a", "count_b", "count_c"])
    chosen = [names[rng.random(4) < 0.6].tolist() or ["count"] for _ in range(2)]
    releases = []
    for measures in chosen:
        try:
            releases.append(publish(table, measures=measures, hide_below=5, ledger=ledger, as_of=JUNE))
        except GridError:
            break
    if len(releases) < 2:
        return
    apart = {}
    for number, shown in enumerate(releases):
        apart |= {(number, *key[1:]): ends for key, ends in ranges_of([shown], 4, parts).items()}
    for key, (least, most) in ranges_of(releases, 4, parts).items():
        alone = [apart.get((number, *key[1:])) for number in (0, 1)]
        assert (most - least >= 5 and most >= 5) or least >= 5 or (least, most) in alone, (chosen, key)


# the date


@pytest.mark.parametrize(
    "date",
    ["2026-6-30", "20260630", "2026-06-30 ", " 2026-06-30", "2026-06-31", "2026/06/30", "30.06.2026", "2026-W26-2", "2026-06",
     "2026-06-30T00:00", "\uff12026-06-30", "2026-06-30\n", "June", "", 20260630, "0000-01-01"],
)  # fmt: skip
def test_a_date_has_one_form(tmp_path, date):
    ledger, table = tmp_path / "releases.json", strip([0, 100, 200], [120, 130])
    for options in ({}, {"ledger": ledger}):
        said = "a release needs as_of=" if date == "" and options else r"as_of: expected a date in the form YYYY-MM-DD"
        with pytest.raises(GridError, match=said):
            gg.publish(table, as_of=date, **options)
    assert not list(tmp_path.iterdir())
    assert gg.publish(table, as_of="2028-02-29").as_of == "2028-02-29"


# when a release is noted


BOTH = {"parent_code": ["P", "P", "Q", "Q"]}
WRITERS = {
    "table": lambda shown, folder: gg.write_table(shown, folder / "new.csv"),
    "data": lambda shown, folder: gg.write_table(shown, folder / "new.gpkg"),
    "page": lambda shown, folder: gg.coverage_map(shown).save(folder / "new.html"),
    "stream": lambda shown, folder: gg.coverage_map(shown).save(io.BytesIO()),
    "site": lambda shown, folder: gg.hotspot_map(shown, value="count").save_site(folder / "site"),
    "image": lambda shown, folder: gg.coverage_image(shown, folder / "new.svg"),
    "hot spots": lambda shown, folder: gg.hotspot_image(shown, folder / "new.png", value="count"),
    "atlas": lambda shown, folder: gg.atlas(shown, folder / "new.pdf"),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_release_is_noted_with_its_first_file(tmp_path, writer):
    ledger, out = tmp_path / "releases.json", tmp_path / "out"
    shown = gg.publish(parted(*ONE, **BOTH), measures=["count"], ledger=ledger, as_of=JUNE)
    assert not list(tmp_path.iterdir())
    WRITERS[writer](shown, out)
    assert len(read_ledger(ledger)) == 1
    before = ledger.read_bytes()
    WRITERS[writer](shown, out)
    gg.write_table(gg.publish(parted(*ONE, **BOTH), measures=["count"], ledger=ledger, as_of=JUNE), out / "again.xlsx")
    assert ledger.read_bytes() == before
    assert {file.name for file in tmp_path.iterdir()} <= {"releases.json", "out"}


@pytest.mark.parametrize("writer", ["table", "data", "page", "site", "image", "atlas"])
def test_a_file_that_is_refused_leaves_no_entry(tmp_path, writer):
    ledger, out = tmp_path / "releases.json", tmp_path / "out"
    named = parted(*ONE, **BOTH).assign(parent_name="tel 13912340001")
    shown = gg.publish(named, measures=["count"], ledger=ledger, as_of=JUNE)
    with pytest.raises(GridError, match="must not be shown"):
        WRITERS[writer](shown, out)
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]
    shown = gg.publish(parted(*ONE, **BOTH), measures=["count"], ledger=ledger, as_of=JUNE)
    for name in ("new.csv", "new.gpkg", "new.html", "new.svg", "new.pdf", "site/mine.txt"):
        (out / name).mkdir(parents=True)
    with pytest.raises(GridError, match="folder"):
        WRITERS[writer](shown, out)
    assert not ledger.exists()
    other = publish(parted(*ONE, **BOTH), measures=["households"], ledger=ledger, as_of=JUNE)
    before = ledger.read_bytes()
    with pytest.raises(GridError, match="folder"):
        WRITERS[writer](shown, out)
    assert ledger.read_bytes() == before
    assert other.measures == ("households",)


@pytest.mark.parametrize("writer", ["table", "data", "page", "site", "image", "atlas"])
def test_another_writer_may_come_between(tmp_path, writer):
    ledger = tmp_path / "releases.json"
    first = gg.publish(parted(*WHOLE, **BOTH), measures=["count", "count_a"], ledger=ledger, as_of=JUNE)
    options = {"measures": ["count", "count_b", "count_c"], "hide_below": 2}
    second = gg.publish(parted(*WHOLE, **BOTH), ledger=ledger, as_of=JUNE, **options)
    gg.write_table(first, tmp_path / "first.csv")
    before = ledger.read_bytes()
    with pytest.raises(GridError, match="together with what was published before, the hidden number of 000000"):
        WRITERS[writer](second, tmp_path / "out")
    assert ledger.read_bytes() == before
    assert {file.name for file in tmp_path.rglob("*") if file.is_file()} == {"releases.json", "first.csv"}


AT_ONCE = """
import sys
import geopandas as gpd, shapely
import gridgis as gg

cells = [shapely.box(100 * i, 0, 100 * i + 100, 100) for i in range(3)]
number = int(sys.argv[1])
table = gpd.GeoDataFrame({"grid_code": list("abc"), "parent_code": "P", "count": [20, 30, 40]}, geometry=cells, crs=4547)
for day in range(1, 6):
    date = f"2026-{number:02d}-{day:02d}"
    gg.write_table(gg.publish(table, ledger="releases.json", as_of=date), f"{date}.csv")
"""


def test_writers_at_once_lose_nothing(tmp_path):
    running = [subprocess.Popen([sys.executable, "-c", AT_ONCE, str(number)], cwd=tmp_path) for number in range(1, 4)]
    assert [process.wait() for process in running] == [0, 0, 0]
    wanted = {f"2026-{number:02d}-{day:02d}" for number in range(1, 4) for day in range(1, 6)}
    dates = [release.as_of for release in read_ledger(tmp_path / "releases.json")]
    assert (len(dates), set(dates)) == (15, wanted)
    assert {file.name for file in tmp_path.iterdir()} == {"releases.json", *(f"{date}.csv" for date in wanted)}


KILLED = """
import os, random, signal, sys, time
import geopandas as gpd, shapely
import gridgis as gg

cells = [shapely.box(100 * i, 0, 100 * i + 100, 100) for i in range(3)]
table = gpd.GeoDataFrame({"grid_code": list("abc"), "parent_code": "P", "count": [20, 30, 40]}, geometry=cells, crs=4547)
chance = random.Random(int(sys.argv[1]))
start = time.monotonic()
gg.write_table(gg.publish(table, ledger="releases.json", as_of="2026-01-01"), "table.csv")
once = time.monotonic() - start
for turn in range(40):
    child = os.fork()
    if not child:
        for day in range(1, 29):
            date = f"{2026 + turn}-06-{day:02d}"
            gg.write_table(gg.publish(table, ledger="releases.json", as_of=date), "table.csv")
        os._exit(0)
    before = os.path.getsize("releases.json")
    while turn % 4 == 0 and os.path.getsize("releases.json") == before:
        if os.waitpid(child, os.WNOHANG)[0]:
            raise SystemExit("the child ended before it wrote")
        time.sleep(0.01)
    time.sleep(chance.uniform(0, 3 * once))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_killed_at_any_moment_nothing_is_left_and_nothing_is_lost(tmp_path):
    """Forty kills: the ledger can be read, holds each release once, and the next write tidies up."""
    done = subprocess.run([sys.executable, "-c", KILLED, "7"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ledger = tmp_path / "releases.json"
    dates = [release.as_of for release in read_ledger(ledger)]
    assert len(dates) == len(set(dates)) > 1
    shown = gg.publish(strip([0, 100, 200], [120, 130]), ledger=ledger, as_of="2099-01-01")
    gg.write_table(shown, tmp_path / "table.csv")
    assert [release.as_of for release in read_ledger(ledger)] == [*dates, "2099-01-01"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["releases.json", "table.csv"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_ledger_is_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for name in ("pipe", "link", "."):
        with pytest.raises(GridError, match="expected a file to write"):
            gg.publish(strip([0, 100, 200], [120, 130]), ledger=tmp_path / name, as_of=JUNE)
