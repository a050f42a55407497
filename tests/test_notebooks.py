"""The notebooks run from top to bottom, and are stored without outputs; the README's lines are run too."""

import re
import shlex
import shutil
from pathlib import Path

import geopandas as gpd
import pytest

import gridgis as gg
from gridgis.cli import main

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SAID = {
    "03_publish_a_map": [
        *("merge, then hide", "hotspots.html []", "atlas.pdf []", "coverage.png []"),
        *("kind='hidden number', where='exact.gpkg > ", "nothing is published"),
    ]
}
"""What the outputs of a notebook say, for its sentences lean on it."""


def test_there_are_notebooks():
    assert NOTEBOOKS


def outputs_of(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # else no picture is shown in a notebook
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert [output for output in outputs_of(notebook) if output.output_type == "error"] == []
    shown = [output for output in outputs_of(notebook) if "data" in output]
    assert any("image/png" in output["data"] for output in shown)
    said = "\n".join(
        str(output.get("text") or output.get("data", {}).get("text/plain")) for output in outputs_of(notebook)
    )
    assert [part for part in SAID.get(path.stem, []) if part not in said] == []
    mapped = any("srcdoc" in str(output["data"].get("text/html", "")) for output in shown)
    assert mapped == any("_map(" in cell.source for cell in notebook.cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path):
    nbformat = pytest.importorskip("nbformat")
    cells = nbformat.read(path, as_version=4).cells
    assert all(
        not cell.get("outputs") and not cell.get("execution_count") for cell in cells if cell.cell_type == "code"
    )


README = (ROOT / "README.md").read_text(encoding="utf-8")
NAMES = {"areas": "communities.gpkg", "buildings": "buildings.gpkg", "barriers": "streets.gpkg", "events": "events.csv"}


@pytest.fixture
def files_of_the_readme(tmp_path, monkeypatch):
    """A folder with the files that the README names, made of the bundled town."""
    for key, path in gg.town_files().items():
        shutil.copy(path, tmp_path / NAMES[key])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore::gridgis.GridWarning")
def test_the_lines_of_the_readme_run(files_of_the_readme):
    tmp_path, blocks = files_of_the_readme, re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    space = {}
    exec(compile(blocks[0], "README.md", "exec"), space)
    assert space["findings"] == []
    assert (tmp_path / "coverage.html").stat().st_size > 100_000
    events = gg.read_points("events.csv", x="lon", y="lat", crs=4326)
    places = events.geometry.to_crs(space["grid"].crs)
    space.update(x=places.x, y=places.y)
    events[["lon", "lat", "category"]].to_parquet("people.parquet")
    exec(compile(blocks[1], "README.md", "exec"), space)
    assert space["counts"].sum() == space["events"]["grid_code"].notna().sum() == (space["rows"] >= 0).sum()
    assert len(gg.read_table("located.parquet")) == len(events)
    assert len(space["squares"]) > 100
    exec(compile(blocks[2].replace('"atlas.pdf", lang="zh"', '"atlas.pdf"'), "README.md", "exec"), space)
    assert gg.find_leaks("atlas.pdf", published=space["shown"], table=space["table"]) == []
    assert (tmp_path / "hotspots" / "index.html").exists() and "Service centre" in Path("hotspots.html").read_text(
        encoding="utf-8"
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::gridgis.GridWarning")
def test_the_commands_of_the_readme_run(files_of_the_readme, capsys):
    areas = gpd.read_file("communities.gpkg")
    areas.rename(columns={"code": "ID"}).assign(TOWN="1")[["ID", "TOWN", "geometry"]].to_file("villages.shp")
    lines = [line.partition("#")[0] for line in re.findall(r"^gridgis .*$", README, re.MULTILINE)]
    assert len(lines) > 20
    for line in lines:
        if "shown/" in line:
            Path("shown").mkdir()
            shutil.copy("cells.geojson", "shown")
            shutil.copy("hotspots.html", "shown")
        if "--dedicated" in line:
            cells = gpd.read_file("grid_2025.gpkg")
            cells.geometry[10:11].centroid.buffer(60).to_frame("geometry").to_file("campuses.gpkg")
            cells[["geometry"]][30:31].to_file("drawn.gpkg")
        assert main(shlex.split(line)[1:]) == 0, (line, capsys.readouterr().err)
        if "division.html" in line:
            shutil.copy("grid.gpkg", "grid_2025.gpkg")
    assert Path("grid_2026.gpkg").exists() and Path("gridgis-out/public/coverage.html").exists()
