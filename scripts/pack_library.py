"""Pack Leaflet anew, after another version was put into the package: writes ``maps/packed.txt``."""

from importlib.resources import files
from pathlib import Path

from gridgis.pages.page import clean, leaflet
from gridgis.pages.scripts import stored_text


def main():
    with Path(str(files("gridgis.maps") / "packed.txt")).open("w", encoding="ascii", newline="\n") as target:
        target.write(stored_text([clean(leaflet()[0])]))


if __name__ == "__main__":
    main()
