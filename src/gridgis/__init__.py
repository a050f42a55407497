"""Grid management: divide a jurisdiction into service cells, code them, locate events, draw maps that may be shown."""

from typing import TYPE_CHECKING, Any

from gridgis._version import VERSION as __version__  # noqa: N811
from gridgis.batches.files import count_file, locate_file
from gridgis.check import CheckReport, Finding, check_grid
from gridgis.codes import CodeField, CodeScheme, assign_codes, parent_code
from gridgis.contract import Grid, GridError, GridWarning
from gridgis.divide import PROFILES, Profile, divide
from gridgis.images import atlas, coverage_image, hotspot_image
from gridgis.lattice import (
    Lattice,
    beidou_cell,
    beidou_code,
    beidou_grid,
    european_cell,
    european_code,
    european_grid,
    hex_grid,
    mgrs_cell,
    mgrs_reference,
    national_grid_cell,
    national_grid_reference,
    point_codes,
    square_grid,
)
from gridgis.leaks import Leak, find_leaks, require_no_leaks
from gridgis.locate import account, locate, split
from gridgis.locate.index import CellIndex
from gridgis.pages import coverage_map, hotspot_map
from gridgis.privacy import CellKeys, Published, cell_keys, merge_small, protection_costs, publish
from gridgis.read import read_areas, read_barriers, read_buildings, read_grid, read_points, read_table, read_zones
from gridgis.report import DivideReport, divide_report
from gridgis.sample import edit_town, generate_district, generate_street, generate_town, town_files
from gridgis.summarise import summarise
from gridgis.versions import show_versions
from gridgis.write import read_provenance, write_grid, write_table

if TYPE_CHECKING:
    from gridgis.pages.exploring import explore
    from gridgis.pages.gridmap import GridMap, offline
    from gridgis.pages.layer import GridLayer
    from gridgis.pages.literal import SafeHtml

_LAZY = ("GridLayer", "GridMap", "SafeHtml", "explore", "offline")
__all__ = [
    "PROFILES",
    "CellIndex",
    "CellKeys",
    "CheckReport",
    "CodeField",
    "CodeScheme",
    "DivideReport",
    "Finding",
    "Grid",
    "GridError",
    "GridLayer",
    "GridMap",
    "GridWarning",
    "Lattice",
    "Leak",
    "Profile",
    "Published",
    "SafeHtml",
    "__version__",
    "account",
    "assign_codes",
    "atlas",
    "beidou_cell",
    "beidou_code",
    "beidou_grid",
    "cell_keys",
    "check_grid",
    "count_file",
    "coverage_image",
    "coverage_map",
    "divide",
    "divide_report",
    "edit_town",
    "european_cell",
    "european_code",
    "european_grid",
    "explore",
    "find_leaks",
    "generate_district",
    "generate_street",
    "generate_town",
    "hex_grid",
    "hotspot_image",
    "hotspot_map",
    "locate",
    "locate_file",
    "merge_small",
    "mgrs_cell",
    "mgrs_reference",
    "national_grid_cell",
    "national_grid_reference",
    "offline",
    "parent_code",
    "point_codes",
    "protection_costs",
    "publish",
    "read_areas",
    "read_barriers",
    "read_buildings",
    "read_grid",
    "read_points",
    "read_provenance",
    "read_table",
    "read_zones",
    "require_no_leaks",
    "show_versions",
    "split",
    "square_grid",
    "summarise",
    "town_files",
    "write_grid",
    "write_table",
]


def __getattr__(name: str) -> Any:
    """Give what needs folium when it is asked for, so that importing gridgis does not import folium."""
    if name in _LAZY:
        from gridgis import pages

        return getattr(pages, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
