"""Regular cells over areas, and the public codes of places."""

from gridgis.lattice.beidou import Bounds, beidou_cell, beidou_code
from gridgis.lattice.cells import Lattice
from gridgis.lattice.columns import point_codes
from gridgis.lattice.european import european_cell, european_code
from gridgis.lattice.making import beidou_grid, european_grid, hex_grid, square_grid
from gridgis.lattice.references import (
    MgrsCell,
    mgrs_cell,
    mgrs_reference,
    national_grid_cell,
    national_grid_reference,
)

__all__ = [
    "Bounds",
    "Lattice",
    "MgrsCell",
    "beidou_cell",
    "beidou_code",
    "beidou_grid",
    "european_cell",
    "european_code",
    "european_grid",
    "hex_grid",
    "mgrs_cell",
    "mgrs_reference",
    "national_grid_cell",
    "national_grid_reference",
    "point_codes",
    "square_grid",
]
