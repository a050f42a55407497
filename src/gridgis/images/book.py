"""An atlas: one PDF with an overview, an index, and a page for each parent."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import shapely

from gridgis import write
from gridgis.contract import GridError
from gridgis.images import drawing, outline, placing, sheet, static, tables
from gridgis.images.fonts import Typeface
from gridgis.images.placing import View
from gridgis.images.sheet import COLUMN, GAP, KEY_HEIGHT, Box, Sheet
from gridgis.leaks import require_public
from gridgis.maps import labels
from gridgis.maps.spec import LegendClass, MapSpec, Theme, coverage_spec, hotspot_spec
from gridgis.privacy import going_out

if TYPE_CHECKING:
    from gridgis.privacy import Published

_SIZE = sheet.A4[::-1]
_LOCATOR, _RING = 44.0, 3.0
_LEAST_MAP, _LEGEND = 125.0, 60.0
_NEIGHBOUR = LegendClass("", "#f3f4f6", False, 0)
_PALE, _HERE = "#c5ccd3", "#2f5d8a"


def atlas(
    published: Published,
    path: str | PathLike[str],
    *,
    value: str | None = None,
    lang: str = "en",
    title: str | None = None,
    scan: bool = True,
    allow: Sequence[str] = (),
) -> Path:
    """Draw an atlas: an overview with an index, then for each parent its cells, their numbers and its neighbours.

    Parameters
    ----------
    published : Published
        What `gridgis.publish` returned.
    path : path
        The PDF to write; it is written whole or not at all.
    value : str, optional
        The measure that colours the cells; if it is left out, they have the colour of their parent.
    lang : {"en", "zh"}
        The language of the words.
    title : str, optional
        The title; one is made if it is left out.
    scan : bool
        An atlas that is not internal is read as an attacker would (`gridgis.find_leaks`) before it is written. False
        leaves that out.
    allow : sequence of str
        Texts that may stand in it, as for `gridgis.find_leaks`: names of places that look like addresses, say.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    GridError
        If ``published`` is anything else, ``value`` is not one of its measures, the ending is not ``.pdf``, Chinese is
        to be written and no font for it is found, or the atlas holds what must not be shown.

    Examples
    --------
    >>> import tempfile
    >>> shown = publish(summarise(example.grid, locate(example.events, example.grid)), hide_below=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     atlas(shown, f"{folder}/atlas.pdf").name
    'atlas.pdf'
    """
    path = Path(path)
    if path.suffix.lower() != ".pdf":
        raise GridError(f"path: an atlas is a .pdf file, got {path.name!r}.")
    if value is None:
        spec = coverage_spec(published, lang=lang, title=title)
    else:
        spec = hotspot_spec(published, value=value, lang=lang, title=title)
    data = atlas_bytes(spec)
    if scan and not spec.internal:
        require_public(data, path.name, allow=allow, codes={*spec.codes, *spec.parents})
    with going_out(spec.outgoing):
        write.write_bytes(data, path)
    return path


def atlas_bytes(spec: MapSpec) -> bytes:
    """Draw the atlas of a spec, in the colours of its first theme, and give the PDF as bytes."""
    from matplotlib.backends.backend_pdf import PdfPages

    letters = static.letters_of(spec)
    book = _Book.of(spec, letters)
    target = io.BytesIO()
    metadata: dict[str, Any] = {**static.METADATA["pdf"], "Title": letters.written(spec.title)}
    with static.prepared(letters), PdfPages(target, metadata=metadata) as pages:
        for paper in book.pages():
            pages.savefig(paper.figure)
    return outline.with_outline(static.steady(target.getvalue()), book.bookmarks(), labels.HTML_LANG[spec.lang])


@dataclass(frozen=True)
class _Chapter:
    """The pages of a parent (or of the overview): the first with a map in ``room``, then the rest of its table."""

    title: str
    room: Box
    parts: list[list[tables.Part]]


@dataclass(frozen=True)
class _Book:
    """What the atlas holds, before it is drawn.

    Attributes
    ----------
    spec, letters : MapSpec, Typeface
        What it says, and with which letters.
    chapters : list of _Chapter
        The overview, then the parents in the order of their codes.
    first : list of int
        The page on which each begins, from 0.
    tree : STRtree
        Of the cells.
    """

    spec: MapSpec
    letters: Typeface
    chapters: list[_Chapter]
    first: list[int]
    tree: shapely.STRtree

    @classmethod
    def of(cls, spec: MapSpec, letters: Typeface) -> _Book:
        """Lay everything out; the index needs the pages, so it is made once with none."""
        chapters = [_chapter(spec, letters, number) for number in range(len(spec.parent_names))]
        overview = _overview(spec, letters, [0] * len(chapters))
        first = np.cumsum([0, len(overview.parts), *(len(chapter.parts) for chapter in chapters[:-1])]).tolist()
        overview = _overview(spec, letters, first[1:])
        return cls(spec, letters, [overview, *chapters], first, shapely.STRtree(spec.shapes.cells))

    def bookmarks(self) -> list[tuple[str, int]]:
        """Give title and page of each chapter."""
        titles = [self.spec.title, *self.spec.parent_texts]
        return list(zip(titles, self.first, strict=True))

    def pages(self) -> Iterator[drawing.Paper]:
        """Draw page after page."""
        total = sum(len(chapter.parts) for chapter in self.chapters)
        here = 0
        for number, chapter in enumerate(self.chapters):
            for which, parts in enumerate(chapter.parts):
                here += 1
                bare = _bare(self.spec, self.letters, chapter.title, f"{here} / {total}")
                paper = drawing.Paper(*_SIZE, self.letters)
                if which:
                    drawing.put_sheet(paper, bare, static.mark_of(self.spec))
                elif number:
                    self._parent(paper, replace(bare, map=chapter.room), number - 1)
                else:
                    static.put_map(paper, self.spec, self.spec.themes[0], replace(bare, map=chapter.room))
                for part in parts:
                    tables.put_part(paper, part)
                yield paper

    def _parent(self, paper: drawing.Paper, bare: Sheet, number: int) -> None:
        """Draw the map of a parent, and beside it legend, locator and scale."""
        spec, room = self.spec, bare.map
        own = np.flatnonzero(spec.shapes.parent_of == number)
        theme = _of_parent(spec.themes[0], own)
        side = Box(room.right - COLUMN, room.y, COLUMN, room.height)
        high = room.height - KEY_HEIGHT - _LOCATOR - 2 * GAP
        *_, smallest = made = list(sheet.legends(theme, spec.lang, self.letters, COLUMN, high))
        legend = next((one for one in made if one.complete), smallest).at(side.x, room.top)
        full = replace(bare, words=bare.words + legend.words, swatches=legend.swatches)
        drawing.put_sheet(paper, full, static.mark_of(spec))
        box = Box(room.x, room.y, room.width - COLUMN - GAP, room.height)
        view = View.of(box, static.extent_of(shapely.bounds(spec.shapes.outlines[number]), 0.06))
        self._ground(paper, view, box, own)
        self._cells(paper, view, theme, own)
        thick = drawing.outlines_of(spec.shapes.outlines[[number]], view)
        paper.stroke(thick, 1.5, drawing.INK, clip=box, layer=3)
        paper.box(box, edge=drawing.SOFT, width=0.6)
        drawing.put_key(paper, Box(side.x, side.y, COLUMN, KEY_HEIGHT), view.scale, spec.lang)
        self._locator(paper, Box(side.x, side.y + KEY_HEIGHT + GAP, COLUMN, _LOCATOR), number)

    def _ground(self, paper: drawing.Paper, view: View, box: Box, own: npt.NDArray[np.int64]) -> None:
        """Draw what lies around, in grey, with the names of neighbours that have room."""
        spec = self.spec
        seen = shapely.box(*view.seen(box))
        near = np.setdiff1d(self.tree.query(seen, predicate="intersects"), own)
        paths = drawing.outlines_of(spec.shapes.cells[near], view)
        paper.fill(paths, _NEIGHBOUR, gid="neighbours", clip=box)
        paper.stroke(paths, 0.3, _PALE, clip=box)
        others = np.unique(spec.shapes.parent_of[near])
        outlines = spec.shapes.outlines[others]
        paper.stroke(drawing.outlines_of(outlines, view), 0.8, "#8d97a3", clip=box, layer=2.5)
        parts = np.asarray(shapely.intersection(outlines, seen), object)
        areal = shapely.area(parts) * view.scale**2 > 60.0
        names = [spec.parent_names[i] for i in others[areal]]
        drawn = view.drawn(parts[areal])
        named = placing.parent_labels(drawn, names, self.letters, box, strict=True) if len(drawn) else []
        named = [label._replace(bold=False) for label in named]
        drawing.put_labels(paper, named, halo=0.0, colors=["#66707c"] * len(names))

    def _cells(self, paper: drawing.Paper, view: View, theme: Theme, own: npt.NDArray[np.int64]) -> None:
        """Draw the cells of the parent, with their names."""
        spec = self.spec
        paths = drawing.outlines_of(spec.shapes.cells[own], view)
        drawing.paint(paper, theme, paths, np.arange(len(own)))
        paper.stroke(paths, 0.5, drawing.SOFT)
        static.put_cell_names(paper, spec, theme, view, own)

    def _locator(self, paper: drawing.Paper, box: Box, number: int) -> None:
        """Draw all parents small, and this one dark."""
        spec = self.spec
        inner = Box(box.x + 1.5, box.y + 1.5, box.width - 3.0, box.height - 3.0)
        view = View.of(inner, shapely.total_bounds(spec.shapes.cells).tolist())
        plain = np.asarray(shapely.simplify(spec.shapes.outlines, 0.1 / view.scale), object)
        paths = drawing.outlines_of(plain, view)
        paper.fill(paths, LegendClass("", "#e4e7eb", False, 0))
        paper.fill([paths[number]], LegendClass("", _HERE, False, 0))
        paper.stroke(paths, 0.35, "#8d97a3")
        paper.stroke([paths[number]], 0.8, _HERE, layer=3)
        west, south, east, north = shapely.bounds(view.drawn(spec.shapes.outlines[[number]]))[0].tolist()
        if max(east - west, north - south) < _RING:  # too small to be found
            middle = (west + east - _RING) / 2, (south + north - _RING) / 2
            paper.box(Box(*middle, _RING, _RING), edge=_HERE, width=0.8)
        paper.box(box, edge=_PALE, width=0.5)


def _bare(spec: MapSpec, letters: Typeface, title: str, corner: str) -> Sheet:
    return sheet.frame(letters, _SIZE, title, spec.notes, static.mark_of(spec), corner)


def _of_parent(theme: Theme, own: npt.NDArray[np.int64]) -> Theme:
    """Keep the same classes, counted in one parent; of a legend of parents only the one that is there."""
    class_of = np.array(theme.class_of)[own]
    counts = np.bincount(class_of, minlength=len(theme.classes)).tolist()
    looks = [replace(look, cells=cells) for look, cells in zip(theme.classes, counts, strict=True)]
    if theme.key == "coverage":
        there = sorted(set(class_of.tolist()))
        looks, class_of = [looks[i] for i in there], np.searchsorted(there, class_of)
    return replace(theme, classes=tuple(looks), class_of=tuple(class_of.tolist()))


def _chapter(spec: MapSpec, letters: Typeface, number: int) -> _Chapter:
    """Lay out the pages of a parent: the map gets the room that the table leaves, but never less than half."""
    title = f"{spec.parent_texts[number]} – {spec.title}"
    own = np.flatnonzero(spec.shapes.parent_of == number)
    heads = [labels.word("code", spec.lang), *(measure.label for measure in spec.measures)]
    texts = [_part_of(measure, own).texts(spec.lang) for measure in spec.measures]
    rows = list(zip([spec.codes[i] for i in own], *texts, strict=True))
    room = _bare(spec, letters, title, "000 / 000").map
    made = tables.columns_that_fit(tables.table_of(letters, heads, rows, 1), room.width)
    wide = room.width - COLUMN - GAP
    wished = max(1.2 * _height(shapely.bounds(spec.shapes.outlines[number]), wide), _LEAST_MAP)
    return _split(title, room, made, 0.5, wished)


def _part_of(measure: Any, own: npt.NDArray[np.int64]) -> Any:
    return replace(measure, value=measure.value[own], hidden=measure.hidden[own])


def _overview(spec: MapSpec, letters: Typeface, first: list[int]) -> _Chapter:
    """Lay out the overview: the map, and below it on which page each parent is."""
    words = [labels.word(key, spec.lang) for key in ("parent", "cells", "page")]
    counts = np.bincount(spec.shapes.parent_of, minlength=len(first))
    rows = [
        (text, f"{cells:,}", str(page + 1)) for text, cells, page in zip(spec.parent_texts, counts, first, strict=True)
    ]
    room = _bare(spec, letters, spec.title, "000 / 000").map
    wished = _height(shapely.total_bounds(spec.shapes.cells), room.width) + _LEGEND
    return _split(spec.title, room, [tables.table_of(letters, words, rows, 1)], 0.6, wished)


def _split(title: str, room: Box, made: list[tables.Table], least: float, wished: float) -> _Chapter:
    """Give the upper part of the room to the map, as much as it wishes, and at least a share; the tables the rest.

    What the tables do not get there goes to more pages.
    """
    needed = min(tables.needed_height(made, room.width) + 0.5, (1 - least) * room.height)
    below = Box(room.x, room.y, room.width, max(needed, room.height - wished - GAP))
    above = Box(room.x, below.top + GAP, room.width, room.height - below.height - GAP)
    return _Chapter(title, above, tables.flowed(made, below, room))


def _height(bounds: npt.NDArray[np.float64], width: float) -> float:
    """Give the height of ground that is drawn as wide as ``width``."""
    west, south, east, north = bounds.tolist()
    return width * (north - south) / max(east - west, 1e-6)
