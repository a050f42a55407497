"""The letters of images: one small font of only the glyphs that are used, the same in PNG, SVG and PDF."""

from __future__ import annotations

import hashlib
import io
import struct
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import category, east_asian_width

from gridgis.contract import GridError, GridWarning, listed

FONTS = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "WenQuanYi Zen Hei"),
    *("WenQuanYi Micro Hei", "Noto Sans CJK TC", "Noto Sans CJK JP", "Droid Sans Fallback", "Microsoft YaHei"),
    *("PingFang SC", "Hiragino Sans GB", "SimHei", "Heiti SC", "Heiti TC", "STHeiti", "Arial Unicode MS", "SimSun"),
    "Songti SC",
)
"""Fonts that hold Chinese: the free ones first, the best of them before the others."""

MM_PER_POINT = 25.4 / 72
ASCENT, DESCENT, CAPITAL = 0.93, 0.23, 0.73
"""Of the size of the type: the highest stroke over the line, the lowest under it, the height of a capital."""

_PACKAGED = "Noto Sans SC, packaged"
_UNITS = 1000
_NO_EMBEDDING = 0x0002 | 0x0100 | 0x0200
_ALWAYS = "".join(map(chr, range(32, 127))) + "–…·²"
_NEVER_FIRST = "，。；：！？、）》」』】〕”’…％"
_DATE = 3029529600  # 2000-01-01: a font must have one
_WEIGHTS = {False: 400, True: 700}


class NoFontError(GridError):
    """Chinese is to be written, and no font for it is on this machine."""


class Face(NamedTuple):
    """A font on this machine: where it lies, which of a collection, how heavy."""

    name: str
    path: str
    number: int
    weight: int


@dataclass(frozen=True)
class Typeface:
    """The glyphs of everything that an image says, plain and bold, and how wide they are.

    Attributes
    ----------
    family : str
        A name made from the content, so that two images never mix their fonts.
    glyphs : dict
        By bold or not, then by letter: the outline and the advance, in thousandths of the size.
    """

    family: str
    glyphs: dict[bool, dict[str, tuple[Any, int]]]

    def written(self, text: str) -> str:
        """Give the text as it can be drawn: a letter without a glyph as its code point, marks of no width left out."""
        known = self.glyphs[False]
        return "".join(letter if letter in known else code_point(letter) for letter in visible(text))

    def width(self, text: str, size: float, *, bold: bool = False) -> float:
        """Measure a line, in millimetres, at a size in points."""
        glyphs = self.glyphs[bold]
        return sum(glyphs[letter][1] for letter in self.written(text)) * size * MM_PER_POINT / _UNITS

    def wrapped(self, text: str, width: float, size: float, *, bold: bool = False) -> list[str]:
        """Break text into lines of at most ``width`` millimetres; a word that is wider is broken, too."""
        lines, line = [], ""
        for piece in pieces(self.written(text)):
            for part in [piece] if self.width(piece, size, bold=bold) <= width else piece:
                if line and self.width((line + part).rstrip(), size, bold=bold) > width:
                    lines.append(line.rstrip())
                    line, part = "", part.lstrip()
                line += part
        return [*lines, line.rstrip()]

    def shortened(self, lines: list[str], most: int) -> list[str]:
        """Keep the first lines; an ellipsis says that there were more."""
        return lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1].rstrip() + "…"]

    def font(self, letters: Iterable[str], *, bold: bool = False, flavor: str | None = None) -> bytes:
        """Make a TrueType font (or, by ``flavor``, a WOFF) that holds these letters and nothing else."""
        from fontTools.fontBuilder import FontBuilder
        from fontTools.pens.ttGlyphPen import TTGlyphPen

        held = {letter: self.glyphs[bold][letter] for letter in sorted(set(letters))}
        names = {letter: f"u{ord(letter):05X}" for letter in held}
        builder = FontBuilder(_UNITS, isTTF=True)
        builder.setupGlyphOrder([".notdef", *names.values()])
        builder.setupCharacterMap({ord(letter): name for letter, name in names.items()})
        builder.setupGlyf({".notdef": TTGlyphPen(None).glyph()} | {names[a]: glyph for a, (glyph, _) in held.items()})
        widths = {names[letter]: (advance, held[letter][0].xMin) for letter, (_, advance) in held.items()}
        builder.setupHorizontalMetrics({".notdef": (500, 0)} | widths)
        high, low = round(ASCENT * _UNITS), round(DESCENT * _UNITS)
        builder.setupHorizontalHeader(ascent=high, descent=-low)
        style = "Bold" if bold else "Regular"
        names_of = {"familyName": self.family, "styleName": style, "psName": f"{self.family}-{style}"}
        builder.setupNameTable(names_of | {"uniqueFontIdentifier": f"{self.family}-{style}", "fullName": self.family})
        heavy = {"usWeightClass": _WEIGHTS[bold], "fsSelection": 0x20 if bold else 0x40}
        height = {"sTypoAscender": high, "sTypoDescender": -low, "usWinAscent": high, "usWinDescent": low}
        builder.setupOS2(**heavy, **height, sTypoLineGap=0, sCapHeight=round(CAPITAL * _UNITS))
        builder.setupPost(keepGlyphNames=False)
        builder.updateHead(created=_DATE, modified=_DATE, macStyle=int(bold))
        builder.font.recalcTimestamp = False
        builder.font.flavor = flavor
        target = io.BytesIO()
        builder.font.save(target)
        return target.getvalue()

    @cached_property
    def letters(self) -> str:
        """All letters that it holds."""
        return "".join(sorted(self.glyphs[False]))


def typeface(texts: Iterable[str], lang: str, names: Sequence[str] = FONTS) -> Typeface:
    """Collect the glyphs of all texts: Chinese from the first font of ``names`` here, what it lacks from the others.

    The font of the extra ``zh`` comes after all of them.

    Raises
    ------
    NoFontError
        If Chinese is to be written, none of ``names`` is on this machine, and the extra ``zh`` is not installed.

    Warns
    -----
    GridWarning
        If no font has a glyph for some letter; its code point is written instead.
    """
    used = {letter for text in texts for letter in visible(text)} | set(_ALWAYS)
    faces = _faces(names) if lang == "zh" or not used <= _latin() else {}
    found = [name for name in names if name in faces] + [name for name in faces if name not in names]
    if not found and (lang == "zh" or any(map(wide, used))):
        raise NoFontError(
            "Chinese is to be written and no font for it is here; install one: the extra 'gridgis[zh]' "
            '(python -m pip install "gridgis[zh]") or a package of the system, such as fonts-noto-cjk of Debian.'
        )
    plain = lang != "zh" and not any(map(wide, used))
    missing: set[str] = set()
    glyphs = {}
    for bold in (False, True):
        chain = [_nearest(faces[name], bold) for name in found]
        chain.insert(0 if plain else 1, _latin_face(bold))
        glyphs[bold], lacking = _collected(used, chain)
        missing |= lacking
    for bold in (False, True):
        glyphs[bold] = {letter: glyph for letter, glyph in glyphs[bold].items() if letter not in missing}
    if missing:
        points = listed([code_point(letter) for letter in sorted(missing)], 12)
        warnings.warn(f"no font has a glyph for {points}; the code points are written instead.", GridWarning, 4)
    mark = hashlib.sha256(repr((sorted(glyphs[False]), found)).encode()).hexdigest()[:8]
    return Typeface(f"gridgis-{mark}", glyphs)


@contextmanager
def registered(made: Typeface) -> Iterator[str]:
    """Lend a typeface to matplotlib: within, its family can be asked for by name; afterwards nothing is left."""
    from matplotlib import font_manager

    manager = font_manager.fontManager
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        before = list(manager.ttflist)
        try:
            for bold in (False, True):
                path = Path(folder, f"{made.family}-{_WEIGHTS[bold]}.ttf")
                path.write_bytes(made.font(made.letters, bold=bold))
                manager.addfont(path)
            yield made.family
        finally:
            manager.ttflist[:] = before


def visible(text: str) -> str:
    """Leave out what has no width (controls, marks of direction, selectors of variants); any space is a space."""
    plain = " ".join(text.split())
    return "".join(a for a in plain if category(a) not in ("Cc", "Cf", "Cs") and not 0xFE00 <= ord(a) <= 0xFE0F)


def code_point(letter: str) -> str:
    """Write a letter as people look it up.

    Examples
    --------
    >>> code_point("网")
    'U+7F51'
    """
    return f"U+{ord(letter):04X}"


def wide(letter: str) -> bool:
    """Say whether a letter is Chinese, or as wide."""
    return east_asian_width(letter) in "WF" and not 0x1F000 <= ord(letter) <= 0x1FFFF


def pieces(text: str) -> list[str]:
    """Part text where a line may be broken: words with the space before them, and Chinese letters.

    A mark that ends a phrase stays with the letter before it.

    Examples
    --------
    >>> pieces("two words"), pieces("网格。")
    (['two', ' words'], ['网', '格。'])
    """
    parts: list[str] = []
    for letter in text:
        joined = parts and letter not in " " and not wide(letter) and not wide(parts[-1][-1])
        if joined or (parts and letter in _NEVER_FIRST):
            parts[-1] += letter
        else:
            parts.append(letter)
    return parts


def _latin() -> set[str]:
    with _opened(_latin_face(False)) as font:
        return set(map(chr, font.getBestCmap()))


def _latin_face(bold: bool) -> Face:
    """The font that comes with matplotlib, so that it is the same everywhere."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return Face("DejaVu Sans", str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), 0, _WEIGHTS[bold])


def _faces(names: Sequence[str]) -> dict[str, list[Face]]:
    """The fonts that are here and allow that a part of them is embedded: those of these names, then the packaged one.

    matplotlib remembers the fonts that it found when it was used first; files that came since are read here, and files
    that went since are left out.
    """
    from matplotlib import font_manager

    found: dict[str, list[Face]] = {}
    known = font_manager.fontManager.ttflist
    since = sorted(set(font_manager.findSystemFonts()) - {entry.fname for entry in known})
    named = [face for entry in known if entry.style == "normal" for face in _named(entry, names)]
    for face in [*named, *(face for path in since for face in _read(path)), *_packaged()]:
        if face.name in names or face.name == _PACKAGED:
            found.setdefault(face.name, []).append(face)
    free = {name: [face for face in sorted(set(faces)) if _may_be_embedded(face)] for name, faces in found.items()}
    return {name: faces for name, faces in free.items() if faces}


def _named(entry: Any, names: Sequence[str]) -> list[Face]:
    """The faces of these names that an entry of matplotlib's list stands for."""
    from matplotlib import font_manager

    weight = entry.weight if isinstance(entry.weight, int) else font_manager.weight_dict.get(entry.weight, 400)
    faces = [Face(name, entry.fname, number, int(weight)) for name, number in _in_collection(entry)]
    return [face for face in faces if face.name in names and Path(face.path).is_file()]


def _read(path: str) -> list[Face]:
    """The upright faces of a font file; none of one that cannot be read."""
    from fontTools.ttLib import TTCollection, TTFont, TTLibError

    try:
        with open(path, "rb") as file:
            opened = TTCollection(file, lazy=True).fonts if _is_collection(path) else [TTFont(file, lazy=True)]
            looks = [(font["name"].getBestFamilyName(), font["OS/2"]) for font in opened]
    except (TTLibError, OSError, KeyError, ValueError, AssertionError, struct.error):
        return []
    return [Face(name, path, i, os2.usWeightClass) for i, (name, os2) in enumerate(looks) if not os2.fsSelection & 1]


def _packaged() -> list[Face]:
    """The font of the extra ``zh``, where that is installed."""
    with suppress(ImportError):
        from pylopdf_fonts_zh_cn import sans_path

        return [Face(_PACKAGED, str(sans_path()), 0, 400)]
    return []


def _in_collection(entry: Any) -> list[tuple[str, int]]:
    """Name and number of what an entry stands for; versions of matplotlib that know no numbers list only the first."""
    if hasattr(entry, "index"):
        return [(entry.name, entry.index & 0xFFFF)]
    if not _is_collection(entry.fname) or not Path(entry.fname).is_file():
        return [(entry.name, 0)]
    from fontTools.ttLib import TTCollection

    with TTCollection(entry.fname, lazy=True) as collection:
        return [(font["name"].getDebugName(1), number) for number, font in enumerate(collection.fonts)]


def _is_collection(path: str) -> bool:
    return Path(path).suffix.lower() in (".ttc", ".otc")


def _may_be_embedded(face: Face) -> bool:
    with _opened(face) as font:
        return not font["OS/2"].fsType & _NO_EMBEDDING


def _opened(face: Face) -> Any:
    from fontTools.ttLib import TTFont

    return TTFont(face.path, fontNumber=face.number, lazy=True)


def _nearest(faces: list[Face], bold: bool) -> Face:
    return min(faces, key=lambda face: (abs(face.weight - _WEIGHTS[bold]), face.path, face.number))


def _collected(letters: set[str], chain: list[Face]) -> tuple[dict[str, tuple[Any, int]], set[str]]:
    """Take each letter from the first font that has it; and what none has."""
    glyphs: dict[str, tuple[Any, int]] = {}
    left = set(letters)
    for face in chain:
        if not left:
            break
        with _opened(face) as font:
            names = font.getBestCmap() or {}
            outlines, scale = font.getGlyphSet(), _UNITS / font["head"].unitsPerEm
            for letter in sorted(left):
                if ord(letter) in names:
                    glyphs[letter] = _glyph(outlines, names[ord(letter)], scale)
        left -= set(glyphs)
    return glyphs, left


def _glyph(outlines: Any, name: str, scale: float) -> tuple[Any, int]:
    """Give the outline of a glyph in quadratic curves, without parts that lie in other glyphs, and its advance."""
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.recordingPen import DecomposingRecordingPen
    from fontTools.pens.transformPen import TransformPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    record = DecomposingRecordingPen(outlines)
    outlines[name].draw(record)
    pen = TTGlyphPen(None)
    record.replay(TransformPen(Cu2QuPen(pen, 1.0), (scale, 0, 0, scale, 0, 0)))
    glyph = pen.glyph()
    glyph.recalcBounds(None)
    return glyph, round(outlines[name].width * scale)
