"""Look at any table with shapes: an offline, harmless stand-in for ``GeoDataFrame.explore``."""

from __future__ import annotations

import json
import warnings
from collections.abc import Hashable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridgis.antimeridian import unwrapped_shapes
from gridgis.contract import GridError, GridWarning, listed, require_columns_once
from gridgis.crs import WGS84, transform
from gridgis.maps import classes, labels
from gridgis.pages.gridmap import GridMap
from gridgis.pages.legends import ClassLegend, InternalMark
from gridgis.persons import personal_columns

_RAW = (bytes, bytearray, memoryview)
_DEFAULTS: Mapping[str, Any] = {
    "scheme": "quantiles", "k": 5, "highlight": True, "style_kwds": {}, "m": None, "name": None, "lang": "en",
    "title": None, "tiles": None, "attribution": None, "frame": "wgs84",
}  # fmt: skip
_SCHEMES = ("quantiles", "equal_interval", "natural_breaks")
_POINTS = (0, 4)
_MANY = 2000
_MOST_VALUES = 1000
_PLAIN = "#3186cc"
_BORDER = "#5b6470"


def explore(
    table: gpd.GeoDataFrame | gpd.GeoSeries,
    column: str | Sequence[Any] | None = None,
    *,
    cmap: str | Sequence[str] | None = None,
    categorical: bool = False,
    legend: bool = True,
    tooltip: bool | int | str | Sequence[str] = True,
    popup: bool | int | str | Sequence[str] = False,
    **options: Any,
) -> GridMap:
    """Draw any table with shapes on a map that needs no network and runs nothing that stands in the table.

    What it draws went through no `publish`, so the map is marked "internal". Columns that hold persons never reach the
    page, and rows that have such columns are not drawn as points.

    Parameters
    ----------
    table : GeoDataFrame or GeoSeries
        Points, lines, polygons, also mixed; in any CRS.
    column : str or sequence, optional
        What to colour by: the name of a column, or a value for each row; a Series goes by its index, as in
        ``GeoDataFrame.explore``. One colour if left out.
    cmap : str or sequence of str, optional
        Colours: a name that matplotlib knows, or a list.
    categorical : bool
        Whether to take numbers as names.
    legend : bool
        Whether to show a legend, where there is a ``column``.
    tooltip, popup : bool, int, str or sequence of str
        What to show on pointing, and on clicking: all columns, none, the first so many, or those named.
    **options
        ``scheme`` ("quantiles", "equal_interval" or "natural_breaks") and ``k``, the number of classes; ``highlight``;
        ``style_kwds`` (``color``, ``weight``, ``fillOpacity``, ``opacity``, ``fillColor``, ``radius``); ``m``, a map to
        add to; ``name`` of the layer; ``lang``, ``title``, ``tiles``, ``attribution``, ``frame`` as for `GridMap`.

    Returns
    -------
    GridMap
        A `folium.Map`; ``save`` it, or show it in a notebook.

    Raises
    ------
    GridError
        If the table has no shapes or no CRS, or two columns of one name; a column or option is not known; there is not
        a value for each row, or no label of the Series is one of the table; or persons would come on the map.

    Warns
    -----
    GridWarning
        If rows without a shape, or columns that hold persons, were left out, or the Series has no value for some rows.

    Examples
    --------
    >>> shown = explore(example.grid, "parent_code", tooltip=["grid_code"])
    >>> [child for child in shown._children if child.startswith("class_legend")] != []
    True
    """
    chosen = _chosen(options)
    whole = _checked(table)
    values = _values(whole, column)
    drawn = _drawn(whole)
    table, values = whole[drawn], values if values is None else values[drawn]
    allowed = _without_persons(table, column, values)
    look = _look(values, cmap, categorical, chosen) if values is not None else None
    made = chosen["m"] if chosen["m"] is not None else _new_map(table, chosen)
    layer = _layer(table, look, (_fields(tooltip, allowed, "tooltip"), _fields(popup, allowed, "popup")), chosen)
    made.add_child(layer)
    if look is not None and legend:
        made.add_child(ClassLegend(_heading(column), look.lines))
    internal = made.spec is not None and made.spec.internal
    if not internal and not any(isinstance(child, InternalMark) for child in made._children.values()):
        made.add_child(InternalMark(labels.word("internal", made.lang)))
    return made


def _heading(column: object) -> str:
    """Name what is coloured: a column, or a Series that has a name."""
    name = getattr(column, "name", None) if isinstance(column, pd.Series | pd.Index) else column
    return str(name) if name is not None and _is_name(name) else ""


@dataclass(frozen=True)
class _Look:
    """The colour of each row, and the lines of the legend: colour, text, rows."""

    fills: list[str]
    lines: list[tuple[str, str, int]]


def _chosen(options: Mapping[str, Any]) -> dict[str, Any]:
    unknown = [name for name in options if name not in _DEFAULTS]
    if unknown:
        raise GridError(f"explore: unknown option {listed(unknown)}; known are {listed(list(_DEFAULTS), 20)}.")
    chosen = {**_DEFAULTS, **{name: value for name, value in options.items() if value is not None}}
    if str(chosen["scheme"]).lower() not in _SCHEMES:
        raise GridError(f"scheme: expected one of {listed(_SCHEMES)}, got {chosen['scheme']!r}.")
    if not isinstance(chosen["k"], int | np.integer) or not 1 <= chosen["k"] <= 12:
        raise GridError(f"k: expected a number of classes from 1 to 12, got {chosen['k']!r}.")
    if chosen["m"] is not None and not isinstance(chosen["m"], GridMap):
        raise GridError(f"m: expected a GridMap to add to, got {type(chosen['m']).__name__}.")
    return chosen


def _checked(table: object) -> gpd.GeoDataFrame:
    """Take only tables whose shapes have a place, and whose columns can be told apart; bytes are written as text."""
    if isinstance(table, gpd.GeoSeries):
        table = gpd.GeoDataFrame(geometry=table)
    if not isinstance(table, gpd.GeoDataFrame):
        raise GridError(f"explore: expected a GeoDataFrame or GeoSeries, got {type(table).__name__}.")
    require_columns_once(table, "explore")
    if table.active_geometry_name is None:
        raise GridError("explore: the table has no column of shapes; name it with set_geometry().")
    if table.crs is None:
        raise GridError("explore: the table has no CRS, so its place is not known; set it with set_crs().")
    raw = [name for name in _plain_columns(table) if _holds_bytes(table[name])]
    return table.assign(**{name: table[name].map(_text_of_bytes) for name in raw}) if raw else table


def _holds_bytes(values: pd.Series) -> bool:
    """Say whether some value is no text that can be written: bytes, or half of a pair of code units."""
    able = values.dtype == object or "binary" in str(values.dtype)
    return able and any(value is not _text_of_bytes(value) for value in values)


def _text_of_bytes(value: Any) -> Any:
    """Read bytes as the text that they are; of others only say how many."""
    if isinstance(value, str):
        text = value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
        return value if text == value else text
    if not isinstance(value, _RAW):
        return value
    try:
        text = bytes(value).decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    return text if text.isprintable() else f"{len(value)} bytes"


def _drawn(table: gpd.GeoDataFrame) -> npt.NDArray[np.bool_]:
    """Find the rows that have a shape."""
    shapes = np.asarray(table.geometry.to_numpy(), dtype=object)
    absent = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    if absent.all():
        raise GridError("explore: expected at least one row with a shape, got none.")
    if absent.any():
        warnings.warn(f"explore: {int(absent.sum())} rows have no shape and are not drawn.", GridWarning, stacklevel=3)
    return np.asarray(~absent, bool)


def _values(table: gpd.GeoDataFrame, column: Hashable | Sequence[Any] | None) -> pd.Series | None:
    """Give what to colour by, row by row."""
    if column is None:
        return None
    if _is_name(column):
        if column not in table.columns or table[column].dtype.name == "geometry":
            raise GridError(f"column: expected one of {listed(_plain_columns(table), 12)}, got {column!r}.")
        return pd.Series(table[column])
    given = column if isinstance(column, pd.Series) else _series(column)
    if given.dtype.name == "geometry":
        raise GridError("column: shapes have no colour; expected the name of a column, or a value for each row.")
    if len(given) != len(table):
        raise GridError(f"column: expected a value for each of the {len(table)} rows, got {len(given)}.")
    given = _aligned(given, table.index) if isinstance(column, pd.Series) else given
    return given.map(_text_of_bytes) if _holds_bytes(given) else given


def _is_name(column: object) -> bool:
    return isinstance(column, str | bytes) or not hasattr(column, "__iter__")


def _series(values: Any) -> pd.Series:
    """Make a Series of a list, an array or an index: one value for each row."""
    if isinstance(values, pd.DataFrame | Mapping | Set) or getattr(values, "ndim", 1) != 1:
        raise GridError(f"column: expected one value for each row, in order, got {type(values).__name__}.")
    return pd.Series(values if isinstance(values, pd.api.extensions.ExtensionArray | pd.Index) else list(values))


def _aligned(given: pd.Series, index: pd.Index) -> pd.Series:
    """Bring a Series into the order of the table."""
    if given.index.equals(index):
        return given
    twice = given.index[given.index.duplicated()].unique()
    if len(twice):
        raise GridError(f"column: a Series goes by its index, and labels stand in it more than once: {listed(twice)}.")
    absent = ~index.isin(given.index)
    if absent.all():
        raise GridError(
            "column: a Series goes by its index, and none of its labels is one of the table "
            f"({listed(given.index, 3)}; the table has {listed(index, 3)}); give .to_numpy() to go by position."
        )
    if absent.any():
        warnings.warn(
            f"explore: the Series has no value for {int(absent.sum())} rows: {listed(index[absent])}.", GridWarning, 3
        )
    return given.reindex(index)


def _plain_columns(table: gpd.GeoDataFrame) -> list[Any]:
    return [name for name in table.columns if table[name].dtype.name != "geometry"]


def _without_persons(
    table: gpd.GeoDataFrame, column: Hashable | Sequence[Any] | None, values: pd.Series | None
) -> list[Any]:
    """Name the columns that may be shown; refuse persons as points, and as names of colours."""
    names = _plain_columns(table)
    if values is not None and personal_columns(pd.DataFrame({_heading(column) or "values": values})):
        raise GridError(f"column: {_heading(column) or 'the values'} holds persons and is not shown on a map.")
    persons = personal_columns(pd.DataFrame(table[names]))
    if not persons:
        return names
    if np.isin(shapely.get_type_id(table.geometry.to_numpy()), _POINTS).any():
        raise GridError(
            f"explore: these points have columns that hold persons ({listed(persons)}), and a map has no layer of "
            "persons; count them by cell (locate, summarise, publish), or drop the columns."
        )
    warnings.warn(f"explore: columns that hold persons are left out: {listed(persons)}.", GridWarning, stacklevel=3)
    return [name for name in names if str(name) not in persons]


def _fields(asked: bool | int | str | Sequence[str], allowed: list[Any], what: str) -> list[Any]:
    """Name the columns of a tooltip or popup."""
    if isinstance(asked, bool):
        return allowed if asked else []
    if isinstance(asked, int):
        return allowed[:asked]
    names = [asked] if isinstance(asked, str) else list(asked)
    unknown = [str(name) for name in names if name not in allowed]
    if unknown:
        raise GridError(f"{what}: expected columns among {listed(allowed, 12)}, got {listed(unknown)}.")
    return names


def _look(values: pd.Series, cmap: str | Sequence[str] | None, categorical: bool, chosen: Mapping[str, Any]) -> _Look:
    """Colour rows by class or by name; rows without a value stand apart."""
    kind = pd.api.types
    numbers = kind.is_numeric_dtype(values) and not (kind.is_bool_dtype(values) or kind.is_complex_dtype(values))
    absent = np.asarray(pd.isna(values))
    if numbers and not categorical:
        real = pd.to_numeric(values).to_numpy(dtype=float, na_value=np.nan)
        absent = ~np.isfinite(real)
        starts = _starts(real[~absent], str(chosen["scheme"]).lower(), int(chosen["k"]))
        number = np.searchsorted(starts, np.where(absent, -np.inf, real), side="right") - 1
        texts = [_range(real[number == i]) for i in range(len(starts))]
        colours = _colours(cmap, len(texts), classes.RAMP)
    else:
        names = values.astype(str).where(~absent, "")
        texts = sorted(set(names[~absent]))
        if len(texts) > _MOST_VALUES:
            raise GridError(
                f"column: {len(texts)} different names cannot be told apart by colour; take another column."
            )
        number = np.searchsorted(np.array(texts, dtype=object), names.to_numpy(object))
        colours = _colours(cmap, len(texts), classes.QUALITATIVE, spread=False)
    number = np.where(absent, len(texts), number).astype(int)
    if absent.any():
        texts, colours = [*texts, labels.word("no_data", chosen["lang"])], [*colours, classes.NO_DATA]
    counts = np.bincount(number, minlength=len(texts)).tolist()
    return _Look([colours[i] for i in number.tolist()], list(zip(colours, texts, counts, strict=True)))


def _starts(values: npt.NDArray[np.float64], scheme: str, k: int) -> npt.NDArray[np.float64]:
    """Give the lowest value of each class; no class is empty."""
    if not len(values):
        return values
    if scheme == "quantiles":
        return classes.class_starts(values, k)
    unique = np.unique(values)
    if len(unique) <= k:
        return unique
    cuts = np.linspace(unique[0], unique[-1], k + 1)[:-1] if scheme == "equal_interval" else _natural(unique, k)
    return unique[np.unique(np.searchsorted(unique, cuts))]


def _natural(unique: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.float64]:
    """Cut where values lie far apart: class means are moved until they settle (one-dimensional k-means)."""
    means = np.quantile(unique, (np.arange(k) + 0.5) / k)
    for _ in range(100):
        edges = np.searchsorted(unique, (means[1:] + means[:-1]) / 2)
        parts = [part for part in np.split(unique, edges) if len(part)]
        moved = np.array([part.mean() for part in parts])
        if len(moved) == len(means) and np.allclose(moved, means):
            break
        means = moved
    return np.array([part[0] for part in parts])


def _range(members: npt.NDArray[np.float64]) -> str:
    low, high = map(_written, (members.min(), members.max()))
    return low if low == high else f"{low} – {high}"


def _written(number: float) -> str:
    """Write a number with five figures, or all that it has before the point.

    Examples
    --------
    >>> _written(1234567.8), _written(12.3456789), _written(0.00012)
    ('1,234,568', '12.346', '0.00012')
    """
    return f"{number:,.0f}" if 1e5 <= abs(number) < 1e15 else f"{number:,.5g}"


def _colours(cmap: str | Sequence[str] | None, count: int, stock: Sequence[str], spread: bool = True) -> list[str]:
    """Give a colour to each class: from a list in its order, or spread over a ramp."""
    if count == 0:
        return []
    if isinstance(cmap, str):
        import matplotlib
        from matplotlib.colors import to_hex

        if cmap not in matplotlib.colormaps:
            raise GridError(f"cmap: matplotlib knows no colours named {cmap!r}; name others, or give a list.")
        ramp = matplotlib.colormaps[cmap]
        if not spread and ramp.N <= 20:
            return [to_hex(ramp(i % ramp.N)) for i in range(count)]
        return [to_hex(ramp(float(place))) for place in (np.linspace(0, 1, count) if count > 1 else [0.5])]
    colours = list(stock if cmap is None else cmap)
    if not colours or not all(isinstance(colour, str) for colour in colours):
        raise GridError("cmap: expected a name or a list of colours such as '#3186cc'.")
    if not spread or cmap is not None:
        return [colours[i % len(colours)] for i in range(count)]
    return _between(colours, count)


def _between(colours: Sequence[str], count: int) -> list[str]:
    """Give so many colours, spread over a ramp of some."""
    known = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours], dtype=float)
    places = np.linspace(0, len(colours) - 1, count) if count > 1 else np.array([(len(colours) - 1) / 2])
    mixed = [np.interp(places, np.arange(len(colours)), known[:, i]) for i in range(3)]
    return ["#" + "".join(f"{round(part):02x}" for part in one) for one in zip(*mixed, strict=True)]


def _in_degrees(table: gpd.GeoDataFrame) -> Any:
    """Give the shapes in WGS 84, all on one side of 180 degrees."""
    shapes = transform(np.asarray(table.geometry.to_numpy(), object), table.crs, WGS84, "explore")
    return unwrapped_shapes(shapes, together=True)


def _new_map(table: gpd.GeoDataFrame, chosen: Mapping[str, Any]) -> GridMap:
    shapes = _in_degrees(table)
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    named = {name: chosen[name] for name in ("lang", "title", "tiles", "attribution", "frame")}
    made = GridMap([(south + north) / 2, (west + east) / 2], zoom_start=15, prefer_canvas=len(table) > _MANY, **named)
    made.fit_bounds([[south, west], [north, east]], max_zoom=18)
    return made


def _layer(
    table: gpd.GeoDataFrame, look: _Look | None, fields: tuple[list[str], list[str]], chosen: Mapping[str, Any]
) -> folium.GeoJson:
    """Make the layer; its properties are numbered, so that no name of a column stands in a script."""
    names = list(dict.fromkeys([*fields[0], *fields[1]]))
    keys = {name: f"p{i}" for i, name in enumerate(names)}
    kinds = (folium.GeoJsonTooltip, folium.GeoJsonPopup)
    details = [
        kind([keys[name] for name in part], aliases=[str(name) for name in part]) if part else None
        for kind, part in zip(kinds, fields, strict=True)
    ]
    style = {"weight": 1.0, "fillOpacity": 0.7, "radius": 5, **chosen["style_kwds"]}
    fills = look.fills if look is not None else [style.get("color", _PLAIN)] * len(table)

    def styled(feature: Any) -> dict[str, Any]:
        fill = fills[int(feature["id"])]
        line = _BORDER if look is not None and "Polygon" in feature["geometry"]["type"] else fill
        return {"color": line, "fillColor": fill, **{name: style[name] for name in style if name != "radius"}}

    return folium.GeoJson(
        _collection(table, keys),
        name=chosen["name"] or "table",
        tooltip=details[0],
        popup=details[1],
        style_function=styled,
        highlight_function=(lambda feature: {"weight": 3.5, "fillOpacity": 0.9}) if chosen["highlight"] else None,
        marker=folium.CircleMarker(radius=style["radius"], fill=True),
    )


def _collection(table: gpd.GeoDataFrame, keys: Mapping[str, str]) -> dict[str, Any]:
    """Write the rows as GeoJSON in WGS 84, to a centimetre, with the named columns as text."""
    shapes = _in_degrees(table)
    shapes = shapely.transform(shapely.force_2d(shapes), lambda places: np.round(places, 7))
    columns = {key: [_text(value) for value in table[name].tolist()] for name, key in keys.items()}
    features = [
        {
            "type": "Feature",
            "id": str(i),
            "properties": {key: column[i] for key, column in columns.items()},
            "geometry": json.loads(shape),
        }
        for i, shape in enumerate(shapely.to_geojson(shapes).tolist())
    ]
    return {"type": "FeatureCollection", "features": features}


def _text(value: Any) -> str:
    """Write a value as readers see it: six figures of a number, nothing for what is not known."""
    if isinstance(value, list | dict | tuple | set | np.ndarray):
        return str(value)
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return ""
    return f"{value:.6g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)
