"""What a page knows, as packed columns: shapes, codes, parents, measures, classes. And everything back, for readers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from gridgis.maps import arcs, coding
from gridgis.maps.arcs import Raster
from gridgis.maps.coding import Ints, unzigzag, zigzag
from gridgis.maps.spec import MapSpec, Measure, Theme

FORM = "gridgis-cells-1"
"""The name of this way of packing, as it stands in the block."""
_MOST = 1 << 50
_DIGITS = 15
_TAIL = re.compile(rf"[0-9]{{1,{_DIGITS}}}\Z")


def pack(spec: MapSpec, degrees: npt.NDArray[np.object_] | None = None) -> dict[str, Any]:
    """Pack the cells of a map: only what readers are shown.

    Parameters
    ----------
    spec : MapSpec
        What the map shows.
    degrees : array of polygons, optional
        Its cells in longitude and latitude, if they are at hand.

    Returns
    -------
    dict
        Plain values for JSON: ``form``, ``cells`` (how many), ``raster``, ``bounds``, ``measures``, ``themes`` and
        ``packed``, the columns as printable text in the order in which `unpack` reads them.
    """
    degrees = arcs.in_degrees(spec.shapes.cells, spec.shapes.crs) if degrees is None else degrees
    raster = arcs.raster_of(degrees)
    rings = arcs.rings_of(degrees, raster)
    streams = arcs.to_streams(rings, len(spec.codes))
    west, south = raster.west + int(rings.x.min()), raster.south + int(rings.y.min())
    east, north = raster.west + int(rings.x.max()), raster.south + int(rings.y.max())
    columns = [streams[name] for name in arcs.STREAMS]
    columns += [*_codes(spec.codes), zigzag(np.diff(spec.shapes.parent_of, prepend=0))]
    measures = []
    for measure in spec.measures:
        described, packed = _measure(measure)
        measures.append(described)
        columns += packed
    themes = []
    for theme in spec.themes:
        described, packed = _theme(theme, spec)
        themes.append(described)
        columns += packed
    return {
        "form": FORM,
        "cells": len(spec.codes),
        "raster": [raster.step_x, raster.step_y, raster.west, raster.south],
        "bounds": [west * raster.step_x, south * raster.step_y, east * raster.step_x, north * raster.step_y],
        "measures": measures,
        "themes": themes,
        "packed": "".join(map(coding.encode, columns)),
    }


def _codes(codes: Sequence[str]) -> list[Ints]:
    """Codes against the one before: its successor, or how many letters are kept and which follow."""
    kept, tails = [], []
    for before, code in pairwise(["", *codes]):
        if _follows(before, code):
            kept.append(0)
            continue
        same = next((i for i, (one, two) in enumerate(zip(before, code, strict=False)) if one != two), None)
        same = min(len(before), len(code)) if same is None else same
        kept.append(same + 1)
        tails.append([ord(letter) for letter in code[same:]])
    lengths = [len(tail) for tail in tails]
    return [np.array(column, np.int64) for column in (kept, lengths, [letter for tail in tails for letter in tail])]


def _follows(before: str, code: str) -> bool:
    """Tell whether a code is the `_successor` of another."""
    head, tail, last = before[:-_DIGITS], before[-_DIGITS:], code[-_DIGITS:]
    if len(code) == len(before) and tail.isdecimal() and tail.isascii() and last.isdecimal() and last.isascii():
        return code[:-_DIGITS] == head and int(last) == int(tail) + 1
    return code == _successor(before)


def _successor(code: str) -> str | None:
    """The code with its last number one higher, of the same length; None where there is none."""
    tail = _TAIL.search(code)
    if not tail:
        return None
    after = str(int(tail[0]) + 1).zfill(len(tail[0]))
    return code[: tail.start()] + after if len(after) == len(tail[0]) else None


def _measure(measure: Measure) -> tuple[dict[str, Any], list[Ints]]:
    """One mark a cell (0 shown, 1 hidden, 2 not known), and the shown numbers as whole numbers above the least."""
    shown = ~np.isnan(measure.value)
    marks = np.where(shown, 0, np.where(measure.hidden, 1, 2)).astype(np.int64)
    scaled = np.rint(measure.value[shown] * 10.0**measure.decimals)
    described = {"name": measure.name, "decimals": measure.decimals, "least": 0}
    if len(scaled) and np.abs(scaled).max() >= _MOST:  # too long for a number of a script
        texts = measure.texts("en")
        return {**described, "texts": [texts[i] for i in np.flatnonzero(shown)]}, [marks]
    whole = scaled.astype(np.int64)
    least = int(whole.min()) if len(whole) else 0
    return {**described, "least": least}, [marks, whole - least]


def _theme(theme: Theme, spec: MapSpec) -> tuple[dict[str, Any], list[Ints]]:
    """Classes by parent, by where each class of a measure starts, or cell by cell where neither gives them."""
    looks = [[look.fill, int(look.hatched), look.cells] for look in theme.classes]
    described: dict[str, Any] = {"key": theme.key, "measure": theme.measure, "looks": looks}
    class_of = np.array(theme.class_of, np.int64)
    if np.array_equal(class_of, spec.shapes.parent_of):
        return {**described, "by": "parent"}, []
    if theme.measure >= 0:
        measure = spec.measures[theme.measure]
        starts, marks = _starts(class_of, measure)
        if starts is not None and np.array_equal(classes_by(starts, marks, measure), class_of):
            whole = [round(start * 10**measure.decimals) for start in starts]
            return {**described, "by": "value", "starts": whole, "marks": marks}, []
    return {**described, "by": "cell"}, [class_of]


def _starts(class_of: Ints, measure: Measure) -> tuple[list[float] | None, list[int]]:
    """The least value of each class, and the classes of hidden and unknown cells."""
    shown = ~np.isnan(measure.value)
    used = np.unique(class_of[shown])
    if not np.array_equal(used, np.arange(len(used))) or np.abs(measure.value[shown]).max(initial=0) >= 2**40:
        return None, []
    starts = [float(measure.value[shown & (class_of == i)].min()) for i in used.tolist()]
    rest = [np.unique(class_of[~shown & (measure.hidden == out)]) for out in (True, False)]
    if any(len(found) > 1 for found in rest):
        return None, []
    return starts, [int(found[0]) if len(found) else -1 for found in rest]


def classes_by(starts: Sequence[float], marks: Sequence[int], measure: Measure) -> Ints:
    """Give the class of each cell from where classes start, and the classes of hidden and unknown cells."""
    found = np.searchsorted(np.array(starts), np.nan_to_num(measure.value), side="right") - 1
    return np.where(np.isnan(measure.value), np.where(measure.hidden, marks[0], marks[1]), found).astype(np.int64)


def find_blocks(page: str) -> list[str]:
    """Find the blocks of packed cells in a page.

    Examples
    --------
    >>> find_blocks("<p>no map</p>")
    []
    """
    found = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, flags=re.DOTALL)
    return [block for block in found if FORM in block]


def unpack(block: str, *, rings: bool = True) -> dict[str, Any]:
    """Read everything that a reader could get out of a block of packed cells.

    Parameters
    ----------
    block : str
        The JSON of the block, as `find_blocks` gives it.
    rings : bool
        False leaves the shapes out, which take the most time.

    Returns
    -------
    dict
        What the block holds as plain JSON, and ``codes``, ``parent_of``; ``values`` and ``marks`` (one list for each
        measure; None where nothing is shown; 0 shown, 1 hidden, 2 not known); ``class_of`` (one list for each theme);
        ``rings``: for each cell its polygons, each a list of rings of (longitude, latitude) in whole steps.

    Raises
    ------
    ValueError
        If it is no such block.

    Examples
    --------
    >>> shown = publish(summarise(example.grid, locate(example.events, example.grid)))
    >>> page = coverage_map(shown).get_root().render()
    >>> unpack(find_blocks(page)[0])["codes"][:1] == list(shown.table["grid_code"][:1])
    True
    """
    data: dict[str, Any] = json.loads(block)
    if data.get("form") != FORM:
        raise ValueError(f"a block of form {FORM} is expected, got {data.get('form')!r}.")
    reader = _Columns(data["packed"])
    streams = {name: reader.next() for name in arcs.STREAMS}
    codes = _codes_back(*(reader.next().tolist() for _ in range(3)))
    parent_of = np.cumsum(unzigzag(reader.next()))
    measures = [_measure_back(described, reader) for described in data["measures"]]
    class_of = [_theme_back(theme, measures, parent_of, data["measures"], reader) for theme in data["themes"]]
    if reader.place != len(data["packed"]):
        raise ValueError("the packed text does not end where its columns end.")
    return {
        **{name: value for name, value in data.items() if name != "packed"},
        "codes": codes,
        "parent_of": parent_of.tolist(),
        "values": [values for values, _ in measures],
        "marks": [marks.tolist() for _, marks in measures],
        "class_of": class_of,
        **({"rings": _rings_back(streams, Raster(*data["raster"]), data["cells"])} if rings else {}),
    }


class _Columns:
    """Reads one column of a packed text after the other."""

    def __init__(self, text: str):
        self.text, self.place = text, 0

    def next(self) -> Ints:
        """Give the next column."""
        values, self.place = coding.decode(self.text, self.place)
        return values


def _codes_back(kept: Iterable[int], lengths: Iterable[int], letters: Sequence[int]) -> list[str]:
    codes: list[str] = []
    place, left = 0, iter(lengths)
    for same in kept:
        before = codes[-1] if codes else ""
        if same:
            length = next(left)
            codes.append(before[: same - 1] + "".join(map(chr, letters[place : place + length])))
            place += length
        else:
            codes.append(_successor(before) or "")
    return codes


def _measure_back(described: dict[str, Any], reader: _Columns) -> tuple[list[Any], Ints]:
    marks = reader.next()
    if "texts" in described:
        shown: Iterable[Any] = described["texts"]
    else:
        shown = ((reader.next() + described["least"]) / 10 ** described["decimals"]).tolist()
    left = iter(shown)
    return [None if mark else next(left) for mark in marks.tolist()], marks


def _theme_back(
    theme: dict[str, Any], measures: list[Any], parent_of: Ints, described: list[Any], reader: _Columns
) -> list[int]:
    if theme["by"] == "parent":
        return parent_of.tolist()
    if theme["by"] == "cell":
        return reader.next().tolist()
    values, marks = measures[theme["measure"]]
    decimals = described[theme["measure"]]["decimals"]
    numbers = np.array([np.nan if value is None else value for value in values])
    measure = Measure("", "", "", numbers, marks == 1, decimals)
    return classes_by([start / 10**decimals for start in theme["starts"]], theme["marks"], measure).tolist()


def _rings_back(streams: dict[str, Ints], raster: Raster, cells: int) -> list[list[list[list[tuple[int, int]]]]]:
    rings = arcs.from_streams(streams)
    found: list[list[list[list[tuple[int, int]]]]] = [[] for _ in range(cells)]
    x, y = (rings.x + raster.west).tolist(), (rings.y + raster.south).tolist()
    for number, (cell, hole) in enumerate(zip(rings.cell.tolist(), rings.hole.tolist(), strict=True)):
        first, last = rings.start[number], rings.start[number + 1]
        ring = list(zip(x[first:last], y[first:last], strict=True))
        if hole:
            found[cell][-1].append(ring)
        else:
            found[cell].append([ring])
    return found
