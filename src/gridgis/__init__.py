"""Grid management: divide a jurisdiction into service cells, code them, locate events, draw maps that may be shown."""

from gridgis._version import VERSION as __version__  # noqa: N811
from gridgis.check import CheckReport, Finding, check_grid
from gridgis.codes import CodeField, CodeScheme, assign_codes, parent_code
from gridgis.contract import Grid, GridError, GridWarning
from gridgis.divide import PROFILES, Profile, divide
from gridgis.locate import account, locate
from gridgis.maps import coverage_image, coverage_map, hotspot_image, hotspot_map
from gridgis.privacy import Published, publish
from gridgis.read import read_areas, read_barriers, read_buildings, read_grid, read_points, read_table, read_zones
from gridgis.report import DivideReport, divide_report
from gridgis.sample import edit_town, generate_district, generate_street, generate_town, town_files
from gridgis.summarise import summarise
from gridgis.write import read_provenance, write_grid, write_table

__all__ = [
    "PROFILES",
    "CheckReport",
    "CodeField",
    "CodeScheme",
    "DivideReport",
    "Finding",
    "Grid",
    "GridError",
    "GridWarning",
    "Profile",
    "Published",
    "__version__",
    "account",
    "assign_codes",
    "check_grid",
    "coverage_image",
    "coverage_map",
    "divide",
    "divide_report",
    "edit_town",
    "generate_district",
    "generate_street",
    "generate_town",
    "hotspot_image",
    "hotspot_map",
    "locate",
    "parent_code",
    "publish",
    "read_areas",
    "read_barriers",
    "read_buildings",
    "read_grid",
    "read_points",
    "read_provenance",
    "read_table",
    "read_zones",
    "summarise",
    "town_files",
    "write_grid",
    "write_table",
]
