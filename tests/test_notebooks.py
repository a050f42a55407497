"""The notebooks run from top to bottom, and are stored without outputs; the README's lines are run too."""

import re
import shutil
from pathlib import Path

import pytest

import gridgis as gg

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


@pytest.mark.filterwarnings("ignore::gridgis.GridWarning")
def test_the_lines_of_the_readme_run(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    names = {
        "areas": "communities.gpkg",
        "buildings": "buildings.gpkg",
        "barriers": "streets.gpkg",
        "events": "events.csv",
    }
    for key, path in gg.town_files().items():
        shutil.copy(path, tmp_path / names[key])
    monkeypatch.chdir(tmp_path)
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
