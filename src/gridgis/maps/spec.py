"""What a map says, before anybody draws it: one value that the page and the image both follow."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from shapely.errors import GEOSException

from gridgis.contract import CODE, PARENT, GridError, listed, require_grid
from gridgis.crs import crs_name
from gridgis.maps import classes, labels
from gridgis.privacy import Outgoing, Published

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_SAME_AREA = 1e-9


@dataclass(frozen=True)
class LegendClass:
    """One line of the legend: what it means, how it looks, how many cells it holds."""

    label: str
    fill: str
    hatched: bool
    cells: int


@dataclass(frozen=True)
class Measure:
    """A published measure, cell by cell.

    Attributes
    ----------
    name, label, unit : str
        The column, and how readers know it; ``unit`` may be empty.
    value : array of float
        Rounded as it is shown; NaN where it is hidden or not known. Compared by `MapSpec.rows`.
    hidden : array of bool
        Where the number is hidden.
    decimals : int
        With how many it is written.
    """

    name: str
    label: str
    unit: str
    value: Floats = field(compare=False, repr=False)
    hidden: Bools = field(compare=False, repr=False)
    decimals: int

    def texts(self, lang: str) -> list[str]:
        """Write what readers see, cell by cell."""
        words = labels.word("hidden", lang), labels.word("no_data", lang)
        return [
            (words[0] if out else words[1]) if np.isnan(number) else f"{number:,.{self.decimals}f}"
            for number, out in zip(self.value, self.hidden, strict=True)
        ]


@dataclass(frozen=True)
class Theme:
    """One way to colour the cells.

    Attributes
    ----------
    key : str
        "coverage", or the name of a measure.
    label, legend_title, unit : str
        Its name in the switch; the words above its legend; ``unit`` may be empty.
    classes : tuple of LegendClass
        The legend, in order.
    class_of : tuple of int
        For each cell the position of its class.
    measure : int
        The position of the measure that lists show; -1 for none.
    """

    key: str
    label: str
    legend_title: str
    unit: str
    classes: tuple[LegendClass, ...]
    class_of: tuple[int, ...]
    measure: int


@dataclass(frozen=True)
class Shapes:
    """The geometry of a map, in the metre CRS of the cells: cells by code, outlines of parents by code."""

    cells: npt.NDArray[np.object_]
    parent_of: Ints
    crs: Any

    @cached_property
    def outlines(self) -> npt.NDArray[np.object_]:
        """The outline of each parent."""
        order = np.argsort(self.parent_of, kind="stable")
        groups = np.split(self.cells[order], np.flatnonzero(np.diff(self.parent_of[order])) + 1)
        return np.array([_union(group) for group in groups], dtype=object)


def _union(cells: npt.NDArray[np.object_]) -> shapely.Geometry:
    """Put cells together: fast where they match edge by edge, else with care.

    Where they do not match, edges are left inside, which makes the fast union invalid, or its area another.
    """
    with suppress(GEOSException):
        whole = shapely.coverage_union_all(cells)
        area = shapely.area(cells).sum()
        if shapely.is_valid(whole) and abs(shapely.area(whole) - area) <= _SAME_AREA * area:
            return whole
    return shapely.union_all(cells)


@dataclass(frozen=True)
class MapSpec:
    """Everything a map shows, as text and colours; equal specs look equal, in a page and in an image.

    Attributes
    ----------
    lang : str
        "en" or "zh".
    title : str
        The words above the map.
    themes : tuple of Theme
        The ways to colour the cells; a map opens with the first, an image shows it.
    codes, parents : tuple of str
        The code of each cell, and of its parent.
    parent_names : tuple of str
        The name of each parent, once each, in the order of their codes and of ``shapes.outlines``; the code where
        it has none.
    measures : tuple of Measure
        The numbers of the cells.
    notes : tuple of str
        The lines of the footer.
    internal : bool
        Whether the map is marked "internal".
    shapes : Shapes
        The geometry; left out of comparison.
    outgoing : Outgoing or None
        Where the release is to be noted when it is written; left out of comparison.
    """

    lang: str
    title: str
    themes: tuple[Theme, ...]
    codes: tuple[str, ...]
    parents: tuple[str, ...]
    parent_names: tuple[str, ...]
    measures: tuple[Measure, ...]
    notes: tuple[str, ...]
    internal: bool
    shapes: Shapes = field(compare=False, repr=False)
    outgoing: Outgoing | None = field(default=None, compare=False, repr=False)

    @property
    def classes(self) -> tuple[LegendClass, ...]:
        """The legend of the first theme."""
        return self.themes[0].classes

    @property
    def class_of(self) -> tuple[int, ...]:
        """The class of each cell in the first theme."""
        return self.themes[0].class_of

    @cached_property
    def parent_codes(self) -> tuple[str, ...]:
        """The codes of the parents, once each, in their order."""
        return tuple(sorted(set(self.parents)))

    @property
    def parent_texts(self) -> tuple[str, ...]:
        """Code and name of each parent, as lists and legends show them."""
        pairs = zip(self.parent_codes, self.parent_names, strict=True)
        return tuple(code if name == code else f"{code} {name}" for code, name in pairs)

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """For each cell the text of each measure."""
        columns = [measure.texts(self.lang) for measure in self.measures]
        return tuple(zip(*columns, strict=True)) if columns else ((),) * len(self.codes)


def coverage_spec(published: Published, *, lang: str = "en", title: str | None = None) -> MapSpec:
    """Say what a coverage map shows: each cell in the colour of its parent; then a theme a measure.

    Raises
    ------
    GridError
        If ``published`` did not come from `gridgis.publish`, or holds no cell that can be drawn.
    """
    return _spec(published, lang, title or labels.word("coverage_title", labels.require_lang(lang)), "coverage")


def hotspot_spec(
    published: Published, *, value: str | None = None, lang: str = "en", title: str | None = None
) -> MapSpec:
    """Say what a hotspot map shows: each cell in the class of its value; then the other themes.

    Raises
    ------
    GridError
        As for `coverage_spec`, and if ``value`` is not one of the published measures.
    """
    labels.require_lang(lang)
    _require_published(published)
    value = _default_value(published.measures) if value is None else value
    if value not in published.measures:
        raise GridError(f"value: expected one of {listed(published.measures, 12)}, got {value!r}.")
    heading = labels.word("hotspot_title", lang, measure=labels.measure_label(value, lang))
    return _spec(published, lang, title or heading, value)


def _spec(published: Published, lang: str, title: str, first: str) -> MapSpec:
    """Put a spec together, with the theme ``first`` before the others."""
    table = _checked(published)
    codes = table[PARENT].to_numpy(object)
    names = sorted(set(codes))
    parent_of = np.searchsorted(np.array(names, object), codes)
    shapes = Shapes(np.asarray(table.geometry.to_numpy(), object), parent_of, table.crs)
    measures = tuple(_measure(table, name, lang) for name in published.measures)
    themes = [_coverage(published, shapes, names, lang)]
    themes += [_classed(measure, number, lang, published.hide_below) for number, measure in enumerate(measures)]
    themes.sort(key=lambda theme: theme.key != first)
    return MapSpec(
        lang=lang,
        title=title,
        themes=tuple(themes),
        codes=tuple(table[CODE]),
        parents=tuple(codes),
        parent_names=tuple(published.parent_names.get(code, code) for code in names),
        measures=measures,
        notes=_notes(published, measures, lang, shapes.crs),
        internal=bool(published.internal),
        shapes=shapes,
        outgoing=published.outgoing,
    )


def _require_published(published: object) -> None:
    if not isinstance(published, Published):
        raise GridError(f"maps draw what gridgis.publish() returned; got {type(published).__name__}.")


def _checked(published: Published) -> gpd.GeoDataFrame:
    """Ask at the door: only what `gridgis.publish` returned; its cells by code."""
    _require_published(published)
    table = require_grid(published.table, "published").sort_values(CODE, kind="stable")
    if not len(table):
        raise GridError("published: expected at least one cell, got none; nothing can be drawn.")
    cells = table.geometry.to_numpy()
    absent = shapely.is_missing(cells) | shapely.is_empty(cells)
    if absent.any():
        raise GridError(f"published: cells without a shape cannot be drawn: {listed(table[CODE][absent])}.")
    return table


def _default_value(measures: Sequence[str]) -> str:
    """Take a rate before a count before whatever comes first."""
    if not measures:
        raise GridError("published: expected at least one measure for a hotspot map, got none.")
    rates = [name for name in measures if name.endswith("_per_100_households")]
    return rates[0] if rates else "count" if "count" in measures else measures[0]


def _measure(table: gpd.GeoDataFrame, name: str, lang: str) -> Measure:
    """Round values as they are shown; NaN where they are not."""
    status = table[f"{name}_status"].to_numpy(object)
    numbers = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    numbers = np.where((status == "shown") & np.isfinite(numbers), numbers, np.nan)
    decimals = classes.decimals_of(numbers[~np.isnan(numbers)])
    rounded: Floats = np.asarray(np.round(numbers, decimals) + 0.0, float)
    words = labels.measure_label(name, lang), labels.measure_unit(name, lang)
    return Measure(name, *words, rounded, status == "hidden", decimals)


def _coverage(published: Published, shapes: Shapes, names: Sequence[str], lang: str) -> Theme:
    """Each cell in the colour of its parent."""
    counts = np.bincount(shapes.parent_of, minlength=len(names))
    fills = classes.parent_colours(shapes.cells, shapes.parent_of)
    texts = [f"{code} {published.parent_names.get(code, '')}".rstrip() for code in names]
    legend = tuple(LegendClass(texts[i], fills[i], False, int(counts[i])) for i in range(len(names)))
    title = labels.word("coverage_legend", lang)
    return Theme(
        "coverage", title, title, "", legend, tuple(shapes.parent_of.tolist()), 0 if published.measures else -1
    )


def _classed(measure: Measure, number: int, lang: str, hide_below: int) -> Theme:
    """Classes of the shown values, then "hidden" and "no data" where they occur; and the class of each cell."""
    shown = ~np.isnan(measure.value)
    starts = classes.class_starts(measure.value[shown])
    class_of = np.searchsorted(starts, np.nan_to_num(measure.value), side="right") - 1
    class_of[~shown] = np.where(measure.hidden, -2, -1)[~shown]
    legend: list[LegendClass] = []
    for i, fill in enumerate(classes.ramp_colours(len(starts)) if len(starts) else []):
        members = measure.value[class_of == i]
        low, high = f"{members.min():,.{measure.decimals}f}", f"{members.max():,.{measure.decimals}f}"
        legend.append(LegendClass(low if low == high else f"{low} – {high}", fill, False, len(members)))
    for mark, key, fill in ((-2, "hidden_class", classes.HIDDEN), (-1, "no_data", classes.NO_DATA)):
        cells = int((class_of == mark).sum())
        if cells:
            class_of[class_of == mark] = len(legend)
            legend.append(LegendClass(labels.word(key, lang, n=hide_below), fill, mark == -2, cells))
    words = measure.label, measure.label, measure.unit
    return Theme(measure.name, *words, tuple(legend), tuple(class_of.tolist()), number)


def _notes(published: Published, measures: Sequence[Measure], lang: str, crs: Any) -> tuple[str, ...]:
    """Write the footer: what the caller says, then suppression, coordinates and the internal mark."""
    lines = [str(note) for note in published.notes]
    if published.as_of:
        lines.append(labels.word("as_of_note", lang, date=published.as_of))
    if published.round_to is not None:
        lines.append(labels.word("round_note", lang, n=published.round_to))
    if published.noisy:
        lines.append(labels.word("noise_note", lang))
    if any(measure.hidden.any() for measure in measures):
        shown = published.zeros == "shown"
        key, most = ("hide_small_note", published.hide_below - 1) if shown else ("hide_note", published.hide_below)
        lines.append(labels.word(key, lang, n=most))
    lines.append(labels.word("crs_note", lang, crs=crs_name(crs)))
    if published.internal:
        lines.append(labels.word("internal_note", lang))
    return tuple(lines)
