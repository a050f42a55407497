"""A small town on disk, with its settings file and the outputs of one run; a browser; a Chinese font."""

import functools
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from gridgis.images import fonts
from gridgis.pipeline import run
from gridgis.sample import generate_town
from gridgis.settings import load_settings

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND"]
SETTINGS = """\
[inputs]
areas = "areas.gpkg"
buildings = "buildings.gpkg"
barriers = "streets.gpkg"
events = "events.csv"
events_x = "x"
events_y = "y"
events_crs = "EPSG:4547"
[summarise]
by = "category"
[output]
folder = "out"
"""


def pytest_collection_modifyitems(items):
    """Mark what drives a browser, so that `-m browser` names all of it."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@functools.cache
def _no_chinese():
    try:
        fonts.typeface(["网"], "zh")
    except fonts.NoFontError as error:
        return str(error)
    return ""


def pytest_runtest_setup(item):
    """Skip, by name, what writes Chinese on a machine that has no font for it."""
    if item.get_closest_marker("chinese") and _no_chinese():
        pytest.skip(f"no Chinese font on this machine: {_no_chinese()}")


@pytest.fixture
def no_font(monkeypatch):
    """A machine with no Chinese font: none known to matplotlib, none in a folder of fonts, no package with one."""
    from matplotlib import font_manager

    latin = [font for font in font_manager.fontManager.ttflist if font.name.startswith("DejaVu")]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", latin)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda *_, **__: [font.fname for font in latin])
    monkeypatch.setitem(sys.modules, "pylopdf_fonts_zh_cn", None)


@pytest.fixture(scope="session")
def made_town(tmp_path_factory):
    """Two communities of 160 houses in all and 120 events, and what `gridgis run` makes of them in ``out``."""
    folder = tmp_path_factory.mktemp("made")
    town = generate_town(160, parents=2, seed=1)
    for table, name in zip(town, ("areas", "buildings", "streets"), strict=True):
        table.to_file(folder / f"{name}.gpkg")
    rng = np.random.default_rng(0)
    west, south, east, north = town.areas.total_bounds
    events = {
        "event_id": [f"e{number:03d}" for number in range(120)],
        "category": rng.choice(["noise", "waste"], 120),
        "x": rng.uniform(west, east, 120).round(2),
        "y": rng.uniform(south, north, 120).round(2),
    }
    pd.DataFrame(events).to_csv(folder / "events.csv", index=False)
    (folder / "run.toml").write_text(SETTINGS, encoding="utf-8")
    assert [done.action for done in run(load_settings(folder / "run.toml"))] == ["made"] * 4
    return folder


@pytest.fixture
def town(made_town, tmp_path):
    """A copy of it to work on, in a folder with Chinese letters and a space in its name."""
    return shutil.copytree(made_town, tmp_path / "城 镇")


@pytest.fixture(scope="module")  # a notebook of another module could not run beside it
def browser():
    """A real Chromium that reaches no host; a machine without one skips the tests, by name."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"no browser on this machine (looked for {', '.join(BROWSERS)})")
    with api.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=program, args=FLAGS)
        yield opened
        opened.close()
