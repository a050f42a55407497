"""Grid management: divide a jurisdiction into service cells, code them, locate events, draw maps that may be shown."""

from gridgis._version import VERSION as __version__  # noqa: N811
from gridgis.batches.files import count_file, locate_file
from gridgis.check import CheckReport, Finding, check_grid
from gridgis.codes import CodeField, CodeScheme, assign_codes, parent_code
from gridgis.contract import Grid, GridError, GridWarning
from gridgis.divide import PROFILES, Profile, divide
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
from gridgis.locate import account, locate, split
from gridgis.locate.index import CellIndex
from gridgis.maps import coverage_image, coverage_map, hotspot_image, hotspot_map
from gridgis.privacy import Published, publish
from gridgis.read import read_areas, read_barriers, read_buildings, read_grid, read_points, read_table, read_zones
from gridgis.report import DivideReport, divide_report
from gridgis.sample import edit_town, generate_district, generate_street, generate_town, town_files
from gridgis.summarise import summarise
from gridgis.write import read_provenance, write_grid, write_table

__all__ = [
    "PROFILES",
    "CellIndex",
    "CheckReport",
    "CodeField",
    "CodeScheme",
    "DivideReport",
    "Finding",
    "Grid",
    "GridError",
    "GridWarning",
    "Lattice",
    "Profile",
    "Published",
    "__version__",
    "account",
    "assign_codes",
    "beidou_cell",
    "beidou_code",
    "beidou_grid",
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
    "generate_district",
    "generate_street",
    "generate_town",
    "hex_grid",
    "hotspot_image",
    "hotspot_map",
    "locate",
    "locate_file",
    "mgrs_cell",
    "mgrs_reference",
    "national_grid_cell",
    "national_grid_reference",
    "parent_code",
    "point_codes",
    "publish",
    "read_areas",
    "read_barriers",
    "read_buildings",
    "read_grid",
    "read_points",
    "read_provenance",
    "read_table",
    "read_zones",
    "split",
    "square_grid",
    "summarise",
    "town_files",
    "write_grid",
    "write_table",
]
