"""What this installation consists of: the first thing that a report of a fault should say."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import pyogrio
import pyproj
import shapely

from gridgis import compiled
from gridgis._version import VERSION

_PACKAGES = (
    *("numpy", "pandas", "geopandas", "shapely", "pyogrio", "pyproj", "scipy", "pyarrow", "openpyxl", "matplotlib"),
    *("fonttools", "folium", "tqdm", "dask", "distributed", "pylopdf-fonts-zh-cn"),
)


def show_versions(as_dict: bool = False) -> dict[str, str | None] | None:
    """Print the versions of gridgis and of what it stands on, and whether the compiled core is at work.

    Parameters
    ----------
    as_dict : bool
        Give a dict instead of printing.

    Returns
    -------
    dict or None
        By name the version, None for a package that is not installed; "core" is "built", or says what is instead.
        None if it was printed.

    Examples
    --------
    >>> found = show_versions(as_dict=True)
    >>> list(found)[:6]
    ['gridgis', 'core', 'python', 'GEOS', 'PROJ', 'GDAL']
    """
    found = {**libraries(), **{name: _installed(name) for name in _PACKAGES}}
    if as_dict:
        return found
    wide = max(map(len, found))
    print("\n".join(f"{name:{wide}} : {value}" for name, value in found.items()))
    return None


def libraries() -> dict[str, str | None]:
    """Give the versions of gridgis, Python, GEOS, PROJ and GDAL, and the state of the core."""
    return {
        "gridgis": VERSION,
        "core": compiled.state(),
        "python": f"{platform.python_version()} ({platform.system()} {platform.machine()})",
        "GEOS": shapely.geos_version_string,
        "PROJ": pyproj.proj_version_str,
        "GDAL": pyogrio.__gdal_version_string__,
    }


def version_lines() -> str:
    """Write them as ``gridgis --version`` shows them: the first line is the name and the version.

    Examples
    --------
    >>> version_lines().splitlines()[0].split()[0]
    'gridgis'
    """
    shown = {**libraries(), **{name: _installed(name) for name in _PACKAGES[:6]}}
    first, *rest = shown.items()
    return "\n".join([" ".join(map(str, first)), *(f"  {name:9} {value}" for name, value in rest)])


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
