"""Files in: areas, zones, buildings, barriers, points (people, events), grids and tables.

Whatever a reader mends or leaves out is told in one `GridWarning`; whatever it cannot mend is a `GridError`.
"""

from gridgis.read.features import read_areas, read_barriers, read_buildings, read_zones
from gridgis.read.kinds import BARRIER_OF_KIND
from gridgis.read.points import read_points
from gridgis.read.tables import read_grid, read_table

__all__ = [
    "BARRIER_OF_KIND",
    "read_areas",
    "read_barriers",
    "read_buildings",
    "read_grid",
    "read_points",
    "read_table",
    "read_zones",
]
