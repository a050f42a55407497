"""Releases together: differences of borders and of tables give nothing away, and the ledger tells nothing new."""

import json
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import gridgis as gg
from gridgis.contract import GridError
from gridgis.privacy.ledger import Outgoing, Release, read_ledger
from gridgis.privacy.together import disclosed, require_safe_together

JUNE = "2026-06-30"


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
