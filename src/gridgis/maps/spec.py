"""What a map says, before anybody draws it: one frozen value that the page and the image both follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.contract import CODE, PARENT, GridError, listed, require_grid
from gridgis.crs import crs_name
from gridgis.maps import classes, labels
from gridgis.privacy import Published


@dataclass(frozen=True)
class LegendClass:
    """One line of the legend: what it means, how it looks, how many cells it holds."""

    label: str
    fill: str
    hatched: bool
    cells: int


@dataclass(frozen=True)
class Shapes:
    """The geometry of a map, in the metre CRS of the cells: cells by code, outlines of parents by code."""

    cells: np.ndarray
    outlines: np.ndarray
    crs: Any


@dataclass(frozen=True)
class MapSpec:
    """Everything a map shows, as text and colours; equal specs look equal, in a page and in an image.

    Attributes
    ----------
    kind : str
        "coverage" or "hotspot".
    lang : str
        "en" or "zh".
    title, legend_title, unit : str
        The words above the map and the legend; ``unit`` may be empty.
    classes : tuple of LegendClass
        The legend, in order.
    class_of : tuple of int
        For each cell the position of its class.
    codes, parents : tuple of str
        The code of each cell, and of its parent.
    parent_names : tuple of str
        The name of each parent, once each, in the order of their codes and of ``shapes.outlines``; the code where
        it has none.
    fields : tuple of str
        The names of the measures, worded.
    rows : tuple of tuple of str
        For each cell the text of each measure.
    listed : int
        The position of the field that lists show.
    notes : tuple of str
        The lines of the footer.
    internal : bool
        Whether the map is marked "internal".
    shapes : Shapes
        The geometry; left out of comparison.
    """

    kind: str
    lang: str
    title: str
    legend_title: str
    unit: str
    classes: tuple[LegendClass, ...]
    class_of: tuple[int, ...]
    codes: tuple[str, ...]
    parents: tuple[str, ...]
    parent_names: tuple[str, ...]
    fields: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    listed: int
    notes: tuple[str, ...]
    internal: bool
    shapes: Shapes = field(compare=False, repr=False)

    @property
    def parent_codes(self) -> tuple[str, ...]:
        """The codes of the parents, once each, in their order."""
        return tuple(sorted(set(self.parents)))

    @property
    def parent_texts(self) -> tuple[str, ...]:
        """Code and name of each parent, as lists and legends show them."""
        pairs = zip(self.parent_codes, self.parent_names, strict=True)
        return tuple(code if name == code else f"{code} {name}" for code, name in pairs)


def coverage_spec(published: Published, *, lang: str = "en", title: str | None = None) -> MapSpec:
    """Say what a coverage map shows: each cell in the colour of its parent.

    Raises
    ------
    GridError
        If ``published`` did not come from `gridgis.publish`, or holds no cell that can be drawn.
    """
    table, shapes = _checked(published, lang)
    names = sorted(set(table[PARENT]))
    position = {name: i for i, name in enumerate(names)}
    class_of = [position[name] for name in table[PARENT]]
    counts = np.bincount(class_of, minlength=len(names))
    fills = classes.parent_colours(list(shapes.outlines))
    texts = [f"{code} {published.parent_names.get(code, '')}".rstrip() for code in names]
    legend = [LegendClass(texts[i], fills[i], False, int(counts[i])) for i in range(len(names))]
    return _spec(
        (published, table, shapes),
        ("coverage", lang, title or labels.word("coverage_title", lang)),
        (labels.word("coverage_legend", lang), ""),
        (legend, class_of),
    )


def hotspot_spec(
    published: Published, *, value: str | None = None, lang: str = "en", title: str | None = None
) -> MapSpec:
    """Say what a hotspot map shows: each cell in the class of its value.

    Raises
    ------
    GridError
        As for `coverage_spec`, and if ``value`` is not one of the published measures.
    """
    table, shapes = _checked(published, lang)
    value = _default_value(published.measures) if value is None else value
    if value not in published.measures:
        raise GridError(f"value: expected one of {listed(published.measures, 12)}, got {value!r}.")
    measure = labels.measure_label(value, lang)
    return _spec(
        (published, table, shapes),
        ("hotspot", lang, title or labels.word("hotspot_title", lang, measure=measure)),
        (measure, labels.measure_unit(value, lang)),
        _classed(table, value, lang, published.hide_below),
        published.measures.index(value),
    )


def _spec(
    source: tuple[Published, gpd.GeoDataFrame, Shapes],
    heading: tuple[str, str, str],
    legend_heading: tuple[str, str],
    classed: tuple[Sequence[LegendClass], Sequence[int]],
    listed_field: int = 0,
) -> MapSpec:
    """Put together what both kinds of map have in common."""
    published, table, shapes = source
    kind, lang, title = heading
    columns = [_texts(table, name, lang) for name in published.measures]
    return MapSpec(
        kind=kind,
        lang=lang,
        title=title,
        legend_title=legend_heading[0],
        unit=legend_heading[1],
        classes=tuple(classed[0]),
        class_of=tuple(classed[1]),
        codes=tuple(table[CODE]),
        parents=tuple(table[PARENT]),
        parent_names=tuple(published.parent_names.get(code, code) for code in sorted(set(table[PARENT]))),
        fields=tuple(labels.measure_label(name, lang) for name in published.measures),
        rows=tuple(zip(*columns, strict=True)) if columns else ((),) * len(table),
        listed=listed_field,
        notes=_notes(published, table, lang, shapes.crs),
        internal=bool(published.internal),
        shapes=shapes,
    )


def _checked(published: Published, lang: str) -> tuple[gpd.GeoDataFrame, Shapes]:
    """Ask at the door: only what `gridgis.publish` returned; its cells by code, and their shapes."""
    labels.require_lang(lang)
    if not isinstance(published, Published):
        raise GridError(f"maps draw what gridgis.publish() returned; got {type(published).__name__}.")
    table = require_grid(published.table, "published").sort_values(CODE, kind="stable")
    if not len(table):
        raise GridError("published: expected at least one cell, got none; nothing can be drawn.")
    cells = table.geometry.to_numpy()
    absent = shapely.is_missing(cells) | shapely.is_empty(cells)
    if absent.any():
        raise GridError(f"published: cells without a shape cannot be drawn: {listed(table[CODE][absent])}.")
    parents = table[PARENT].to_numpy(object)
    outlines = [shapely.union_all(cells[parents == name]) for name in sorted(set(parents))]
    return table, Shapes(cells, np.array(outlines, dtype=object), table.crs)


def _default_value(measures: Sequence[str]) -> str:
    """Take a rate before a count before whatever comes first."""
    if not measures:
        raise GridError("published: expected at least one measure for a hotspot map, got none.")
    rates = [name for name in measures if name.endswith("_per_100_households")]
    return rates[0] if rates else "count" if "count" in measures else measures[0]


def _values(table: gpd.GeoDataFrame, name: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Values rounded as they are shown (NaN where not shown), which are hidden, and the decimals."""
    status = table[f"{name}_status"].to_numpy(object)
    numbers = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    numbers = np.where((status == "shown") & np.isfinite(numbers), numbers, np.nan)
    decimals = classes.decimals_of(numbers[~np.isnan(numbers)])
    return np.round(numbers, decimals) + 0.0, status == "hidden", decimals


def _texts(table: gpd.GeoDataFrame, name: str, lang: str) -> list[str]:
    """Write what readers see of a measure, cell by cell."""
    numbers, hidden, decimals = _values(table, name)
    words = labels.word("hidden", lang), labels.word("no_data", lang)
    return [
        (words[0] if out else words[1]) if np.isnan(number) else f"{number:,.{decimals}f}"
        for number, out in zip(numbers, hidden, strict=True)
    ]


def _classed(table: gpd.GeoDataFrame, name: str, lang: str, hide_below: int) -> tuple[list[LegendClass], list[int]]:
    """Classes of the shown values, then "hidden" and "no data" where they occur; and the class of each cell."""
    numbers, hidden, decimals = _values(table, name)
    shown = ~np.isnan(numbers)
    starts = classes.class_starts(numbers[shown])
    class_of = np.searchsorted(starts, np.nan_to_num(numbers), side="right") - 1
    class_of[~shown] = np.where(hidden, -2, -1)[~shown]
    legend: list[LegendClass] = []
    for i, fill in enumerate(classes.ramp_colours(len(starts)) if len(starts) else []):
        members = numbers[class_of == i]
        low, high = f"{members.min():,.{decimals}f}", f"{members.max():,.{decimals}f}"
        legend.append(LegendClass(low if low == high else f"{low} – {high}", fill, False, len(members)))
    for mark, key, fill in ((-2, "hidden_class", classes.HIDDEN), (-1, "no_data", classes.NO_DATA)):
        cells = int((class_of == mark).sum())
        if cells:
            class_of[class_of == mark] = len(legend)
            legend.append(LegendClass(labels.word(key, lang, n=hide_below), fill, mark == -2, cells))
    return legend, class_of.tolist()


def _notes(published: Published, table: gpd.GeoDataFrame, lang: str, crs: Any) -> tuple[str, ...]:
    """Write the footer: what the caller says, then suppression, coordinates and the internal mark."""
    lines = [str(note) for note in published.notes]
    if any((table[f"{name}_status"] == "hidden").any() for name in published.measures):
        lines.append(labels.word("hide_note", lang, n=published.hide_below))
    lines.append(labels.word("crs_note", lang, crs=crs_name(crs)))
    if published.internal:
        lines.append(labels.word("internal_note", lang))
    return tuple(lines)
