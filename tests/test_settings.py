"""One settings file, checked whole before anything is done."""

import re
import tomllib

import pytest

from gridgis.contract import GridError
from gridgis.settings import DEFAULTS, FILES, KINDS, example_settings, load_settings, make_settings, scheme_of

LEAST = {"inputs": {"areas": "a.gpkg", "buildings": "b.gpkg"}}


def with_section(section, **keys):
    return {**LEAST, section: {**LEAST.get(section, {}), **keys}}


def test_the_example_is_good_and_says_the_defaults(tmp_path):
    (tmp_path / "gridgis.toml").write_text(example_settings(), encoding="utf-8")
    settings = load_settings(tmp_path / "gridgis.toml")
    for section, keys in DEFAULTS.items():
        for key, value in keys.items():
            assert settings.get(section, key) == value, (section, key)


def test_the_example_names_every_key_and_what_is_commented_out_is_right_too():
    uncommented = re.sub(r"(?m)^# (?=\w+ = |\[|fields|    \{|\])", "", example_settings())
    before, after = uncommented.split('scheme = "unit grid"')
    values = tomllib.loads(before + after.split("\n", 1)[1])
    for section, keys in KINDS.items():
        named = set(values[section])
        wanted = set(keys) - {
            f"{name}_{key}" for name in FILES if name != "areas" for key in ("layer", "encoding", "header")
        }
        assert named >= wanted, section
    # Some keys exclude each other; with all that may stand together, each of the others is right.
    inputs, divide = dict(values["inputs"]), dict(values["divide"])
    given = {name: inputs.pop(name) for name in ("grid", "previous", "dedicated", "fixed")}
    bands = {name: divide.pop(name) for name in ("households", "persons")}
    profile, cells = divide.pop("profile"), divide.pop("cells")
    zones = {name: given[name] for name in ("dedicated", "fixed")}
    for more_inputs, more in (
        ({"grid": given["grid"]}, bands),
        ({"previous": given["previous"], **zones}, {"profile": profile}),
        (zones, {**bands, "cells": cells}),
        ({}, {"profile": profile, "cells": cells}),
    ):
        whole = {**values, "inputs": {**inputs, **more_inputs}, "divide": {**divide, **more}}
        assert make_settings(whole, None).scheme.name == "beats"


def test_defaults_are_filled_in_and_files_count_from_the_folder(tmp_path):
    settings = make_settings(LEAST, tmp_path)
    assert settings.file("areas") == tmp_path / "a.gpkg"
    assert settings.file("events") is None
    assert settings.folder == tmp_path / "gridgis-out"
    assert [settings.get("maps", key) for key in ("value", "atlas", "site", "scan")] == [None] * 4
    assert settings.scheme.width == 15
    assert make_settings(with_section("inputs", areas="/x/a.gpkg"), tmp_path).file("areas").as_posix() == "/x/a.gpkg"


def test_a_band_is_filled_in_where_nothing_else_is_asked_for():
    def filled(**keys):
        return make_settings(with_section("divide", **keys), None).sections["divide"]

    assert filled() == {"households": [100, 150], "seed": 0, "jobs": 1}
    assert filled(seed=2, empty="own_cell")["households"] == [100, 150]
    for keys in ({"persons": [200, 400]}, {"profile": "urban"}, {"cells": 68}, {"cells": [7, 25, 68]}):
        assert filled(**keys) == {"seed": 0, "jobs": 1, **keys}
    both = {"households": [80, 120], "persons": [0, 400], "cells": [9]}
    assert filled(**both) == {"seed": 0, "jobs": 1, **both}


def test_the_column_of_households_is_needed_unless_persons_are_all():
    def column(**keys):
        return make_settings(with_section("divide", **keys), None).get("inputs", "buildings_households")

    assert column() == column(persons=[1, 2], households=[1, 2]) == column(profile="micro") == "households"
    assert column(cells=3) == "households"
    assert column(persons=[200, 400]) is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, r"needs areas.*needs buildings"),
        ({**LEAST, "publsh": {}}, r"unknown section \[publsh\] \(there are: inputs, divide"),
        ({**LEAST, "publish": 3}, r"publish should be a section"),
        (with_section("publish", hide=3), r"unknown key hide in \[publish\]"),
        (with_section("publish", hide_below="10"), r"hide_below in \[publish\]: expected a whole number, got '10'"),
        (with_section("publish", hide_below=True), "expected a whole number, got True"),
        (with_section("publish", hide_below=1), "2 or more, got 1"),
        (with_section("publish", notes=[1]), "a list of texts"),
        (with_section("publish", measures="count"), "expected a list"),
        (
            with_section("divide", households=[150, 100]),
            r"households in \[divide\]: .* 0 < low <= high, got \[150, 100\]",
        ),
        (with_section("divide", households=[0, 0]), "0 < low"),
        (with_section("divide", households=[100]), "two whole numbers"),
        (with_section("divide", households=[100.5, 150]), "two whole numbers"),
        (with_section("divide", persons=[0, 400]), r"persons in \[divide\]: .* 0 < low <= high, got \[0, 400\]"),
        (with_section("divide", persons=[0, 0], households=[1, 2]), r"0 <= low <= high, got \[0, 0\]"),
        (with_section("divide", persons=[1, 10**12]), "persons in .*two whole numbers"),
        (with_section("divide", persons=9), "persons in .*expected a list, got 9"),
        (with_section("divide", profile="city"), "expected one of urban, dense, rural, micro, output_area, got 'city'"),
        (with_section("divide", profile="urban", persons=[1, 2]), r"profile in \[divide\]: it holds the bands already"),
        (with_section("divide", cells=0), "cells in .*1 or more, .*got 0"),
        (with_section("divide", cells=[]), r"cells in .*got \[\]"),
        (with_section("divide", cells=[5, 3]), r"each more than the one before, got \[5, 3\]"),
        (with_section("divide", cells=[1.5]), r"cells in .*got \[1.5\]"),
        (with_section("divide", cells="7"), "cells in .*a whole number or a list, got '7'"),
        (
            {**with_section("inputs", previous="g.gpkg"), "divide": {"cells": 5}},
            r"cells in \[divide\]: with a previous grid their number follows from it",
        ),
        (with_section("divide", empty="drop"), r"empty in \[divide\]: expected attach or own_cell, got 'drop'"),
        (with_section("divide", jobs=0), "jobs in .*1 to 1024, got 0"),
        (with_section("divide", jobs=True), "jobs in .*a whole number, got True"),
        (with_section("inputs", fixed=""), "fixed in .*the name of a file, got ''"),
        (with_section("inputs", grid="g.gpkg", previous="g.gpkg"), "nothing is divided; leave out previous"),
        (with_section("locate", near_m="5"), r"near_m in \[locate\]: expected a number, got '5'"),
        (with_section("locate", near_m=True), "near_m in .*expected a number, got True"),
        *(
            (with_section("locate", near_m=metres), "near_m in .*a number of metres above 0, up to 1,000,000, got")
            for metres in (0, -1.5, 1e6 + 1, float("nan"), float("inf"), 10**400)
        ),
        (with_section("divide", seed=-1), "seed in .*0 or more, got -1"),
        (with_section("maps", lang="fr"), "'en' or 'zh', got 'fr'"),
        (with_section("maps", atlas="a.pdf"), r"atlas in \[maps\]: expected true or false, got 'a.pdf'"),
        (with_section("maps", site=1), r"site in \[maps\]: expected true or false, got 1"),
        (with_section("check", allow=["gaps"]), r"unknown rules gaps \(there are: .*gap"),
        (with_section("inputs", events="e.csv"), "events_x, events_y and events_crs"),
        (with_section("inputs", areas=""), "areas in .*the name of a file, got ''"),
        (with_section("output", folder=""), "the name of a folder"),
        (with_section("codes", scheme="units"), "expected the scheme 'unit grid'"),
        (with_section("codes", scheme={"name": "x"}), "'fields' does not fit"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(values, said, tmp_path):
    with pytest.raises(GridError, match=said) as caught:
        make_settings(values, tmp_path, what="run.toml")
    assert str(caught.value).startswith("run.toml: ")
    assert "\n" not in str(caught.value)


def test_all_faults_are_told_at_once(tmp_path):
    with pytest.raises(GridError) as caught:
        make_settings({"maps": {"lang": 3, "colour": "red"}, "nix": {}}, tmp_path)
    assert all(word in str(caught.value) for word in ("lang", "colour", "nix"))
    with pytest.raises(GridError) as caught:
        make_settings(with_section("divide", cells=0, jobs=0, empty="x", profile="y", persons=[2, 1]), tmp_path)
    assert all(f"{word} in [divide]" in str(caught.value) for word in ("cells", "jobs", "empty", "profile", "persons"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00junk", "text in UTF-8"),
        ("[inputs]\nareas = '社区.gpkg'".encode("gbk"), "save it as UTF-8"),
        (b"[inputs]\nareas = x.gpkg", "in TOML; .*line 2"),
        (b'[inputs]\nareas = "C:\\data\\areas.gpkg"', "write paths with /"),
    ],
)
def test_a_file_that_is_no_toml(content, said, tmp_path):
    file = tmp_path / "run.toml"
    file.write_bytes(content)
    with pytest.raises(GridError, match=said):
        load_settings(file)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(GridError, match=r"nix.toml: settings cannot be read"):
        load_settings(tmp_path / "nix.toml")
    with pytest.raises(GridError, match="cannot be read"):
        load_settings(tmp_path)


def test_the_byte_order_mark_of_a_windows_editor_is_no_fault(tmp_path):
    (tmp_path / "run.toml").write_bytes(b"\xef\xbb\xbf[inputs]\r\nareas = 'a.gpkg'\r\nbuildings = 'b.gpkg'\r\n")
    assert load_settings(tmp_path / "run.toml").file("areas").name == "a.gpkg"


def test_a_scheme_of_ones_own():
    fields = [{"name": "district", "width": 2, "charset": "letters"}, {"name": "serial", "width": 3, "low": 1}]
    assert scheme_of({"name": "beats", "fields": fields}).problem("AB001") is None
