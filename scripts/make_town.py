"""Write a made-up place to files: python scripts/make_town.py street FOLDER (or district, or town).

Makes ``areas.gpkg``, ``buildings.gpkg`` and ``streets.gpkg`` for `gridgis divide`: a street of 7 communities and 12,250
households, a district of 343 villages and 316,500, or a town of 2,000 buildings with a river. All of it is invented.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gridgis as gg

PLACES = {
    "street": gg.generate_street,
    "district": gg.generate_district,
    "town": lambda: gg.generate_town(2000, river=True, persons=True),
}


def main() -> None:
    if len(sys.argv) != 3 or sys.argv[1] not in PLACES:
        sys.exit(f"usage: python scripts/make_town.py {{{','.join(PLACES)}}} FOLDER")
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for table, name in zip(PLACES[sys.argv[1]](), ("areas", "buildings", "streets"), strict=True):
        table.to_file(folder / f"{name}.gpkg")
    print(f"Wrote {folder}/areas.gpkg, buildings.gpkg, streets.gpkg")


if __name__ == "__main__":
    main()
