"""The house: imports go one way, the public names are written down, nothing heavy or outside is touched."""

import ast
import inspect
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import gridgis

PACKAGE = Path(gridgis.__file__).parent
LAYERS = [
    "_version", "progress", "cover", "answers", "contract", "compiled", "versions", "locks", "whole", "antimeridian", "crs", "codes", "check", "read", "lattice", "divide", "sample", "persons", "locate", "summarise", "batches",
    "privacy", "scale", "maps", "leaks", "write", "images", "pages", "report", "describe", "settings", "record", "steps", "pipeline", "arguments", "console", "publishing_commands", "cli",
    "__main__",
]  # fmt: skip
PUBLIC = [
    "PROFILES", "CellIndex", "CellKeys", "CheckReport", "CodeField", "CodeScheme", "DivideReport", "Finding", "Grid",
    "GridError", "GridLayer", "GridMap", "GridWarning", "Lattice", "Leak", "Profile", "Published", "SafeHtml", "__version__",
    "account", "assign_codes", "atlas", "beidou_cell", "beidou_code", "beidou_grid", "cell_keys", "check_grid", "count_file",
    "coverage_image", "coverage_map", "divide", "divide_report", "edit_town", "european_cell", "european_code",
    "european_grid", "explore", "find_leaks", "generate_district", "generate_street", "generate_town", "hex_grid",
    "hotspot_image", "hotspot_map", "locate", "locate_file", "merge_small", "mgrs_cell", "mgrs_reference",
    "national_grid_cell", "national_grid_reference", "offline", "parent_code", "point_codes", "protection_costs", "publish",
    "read_areas", "read_barriers", "read_buildings", "read_grid", "read_points", "read_provenance", "read_table",
    "read_zones", "require_no_leaks", "show_versions", "split", "square_grid", "summarise", "town_files", "write_grid", "write_table",
]  # fmt: skip
FUNCTIONS = [name for name in PUBLIC if inspect.isfunction(getattr(gridgis, name))]
NEVER_RAISE = ("show_versions",)
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def layer_of(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path):
    """Modules of ours that a file imports, also inside functions, but not for type checking only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.dump(branch.test)
        for part in branch.body
        for node in ast.walk(part)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.level:
            yield from (["relative", name.name] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gridgis."):
            yield node.module.split(".")[1:]
        elif isinstance(node, ast.ImportFrom) and node.module == "gridgis":
            yield from ([name.name] for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name.split(".")[1:] for name in node.names if name.name.startswith("gridgis"))


def test_every_module_has_its_place():
    assert {layer_of(path) for path in MODULES} == set(LAYERS)
    assert not {"utils", "util", "helpers", "common", "misc"} & {path.stem for path in MODULES}
    assert not {path.stem for path in MODULES} & (set(sys.stdlib_module_names) - {"__main__"})


def wrong_way(layer, modules):
    """The imports that a module of a layer may not have; the command line may use the package as its users do."""
    allowed = [[], *([name] for name in PUBLIC)] if layer == "cli" else []
    here = LAYERS.index(layer)
    return [module for module in modules if module not in allowed and (module[:1] or [""])[0] not in LAYERS[: here + 1]]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    assert wrong_way(layer_of(path), imported(path)) == []


@pytest.mark.parametrize(
    ("line", "layer", "wrong"),
    [
        ("from gridgis.cli import main", "cli", []),
        ("import gridgis as gg", "cli", []),
        ("from gridgis import divide", "cli", []),
        ("from gridgis import __main__", "cli", [["__main__"]]),
        ("def f():\n    import gridgis.__main__", "cli", [["__main__"]]),
        ("import gridgis", "read", [[]]),
        ("from gridgis.cli import main", "read", [["cli"]]),
        ("from gridgis.read.opening import x\nfrom gridgis import crs", "read", []),
        ("from . import opening", "read", [["relative", "opening"]]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from gridgis.cli import main", "read", []),
    ],
)
def test_a_wrong_import_is_seen(line, layer, wrong, tmp_path):
    (tmp_path / "module.py").write_text(line, encoding="utf-8")
    assert wrong_way(layer, imported(tmp_path / "module.py")) == wrong


@pytest.mark.parametrize(
    "folder",
    ["read", "lattice", "divide", "locate", "batches", "privacy", "maps", "leaks", "images", "pages", "report"],
)
def test_a_folder_has_no_circles(folder):
    needs = {
        path.stem: {module[1] for module in imported(path) if module[:1] == [folder] and len(module) > 1}
        for path in (PACKAGE / folder).glob("*.py")
        if path.stem != "__init__"
    }
    while needs:
        free = {name for name, wanted in needs.items() if not wanted & set(needs)}
        assert free, f"circle among {sorted(needs)}"
        needs = {name: wanted for name, wanted in needs.items() if name not in free}


def test_the_public_names_are_these():
    assert gridgis.__all__ == PUBLIC
    assert all(hasattr(gridgis, name) for name in PUBLIC)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_is_documented_with_an_example(name):
    text = inspect.getdoc(getattr(gridgis, name))
    for part in ("Returns\n---", "Examples\n---", ">>> "):
        assert part in text, f"{name} lacks {part!r}"
    assert "Raises\n---" in text or name in NEVER_RAISE


def described(text):
    """The parameters that a numpydoc text has a line for, in its order."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-{3,}$|\Z)", text, re.DOTALL | re.MULTILINE)
    heads = re.findall(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: : .+)?$", section[1] if section else "", re.MULTILINE)
    return [name.lstrip("*") for head in heads for name in head.split(", ")]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_parameter_of_a_public_function_is_documented(name):
    function = getattr(gridgis, name)
    assert described(inspect.getdoc(function)) == list(inspect.signature(function).parameters)


def test_a_parameter_that_is_only_spoken_of_is_not_documented():
    text = "Do it with title and path.\n\nParameters\n----------\na, b : int\n    As title.\n**c\n\nReturns\n-------\nint\n    path"
    assert described(text) == ["a", "b", "c"]
    assert described("Nothing.\n\nReturns\n-------\nx : int") == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_functions_are_short_and_take_few_parameters(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            documented = isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)
            start = node.body[0].end_lineno + 1 if documented else node.body[0].lineno
            assert node.end_lineno - start + 1 <= 45, node.name
            if node.name in ("divide", "locate_file", "count_file", "publish", "read_buildings"):
                continue  # they take all that users ask for by name
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            assert len([a for a in arguments if a.arg not in ("self", "cls")]) <= 8, node.name


def test_importing_the_package_stays_cheap():
    heavy = "{'folium', 'matplotlib', 'scipy.spatial', 'mapclassify', 'IPython', 'openpyxl'}"
    code = (
        "import sys, geopandas; before = set(sys.modules); import gridgis; "
        f"print(sorted({heavy} & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(ast.literal_eval(done.stdout)) <= {"scipy.spatial"}


def test_the_outside_world_is_out_of_reach():
    with socket.socket() as line, pytest.raises(OSError, match="no network in tests"):
        line.connect(("192.0.2.1", 80))
