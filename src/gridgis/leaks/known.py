"""Values of known persons and things that must not stand in a file, searched for all at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridgis.crs import WGS84, transform_xy
from gridgis.leaks.patterns import ADDRESS, EMAIL, EMAIL_ADDRESS, ID_NUMBER, NAME, PHONE, Hit, find_patterns
from gridgis.leaks.points import POINT, coordinate_columns
from gridgis.leaks.runs import number_starts
from gridgis.persons import personal_columns

VALUE = "personal value"
_TOKEN = re.compile(r"[\u3400-\u9fff]|[A-Za-z\u00c0-\u024f]+|\d+")
_CHINESE = re.compile(r"[A-Za-z0-9]{0,12}[\u3400-\u9fff][\u3400-\u9fffA-Za-z0-9 ,，。·#\-—()（）:：/、\t]*")
_LATIN = re.compile(
    r"(?<![A-Za-z0-9\u00c0-\u024f'’.#\-@])"
    r"[A-Za-z0-9\u00c0-\u024f#][A-Za-z0-9\u00c0-\u024f'’.#\-@]*+(?:(?: ?, ?| |_|\+)[A-Za-z0-9\u00c0-\u024f'’.#\-]++)+"
    r"|(?<![\w.+\-])[\w.+\-]++@[\w.\-]+"
)
_DIGITS = re.compile(r"(?<![\d.])\d{3,}(?:[ \-]?\d{2,}){1,5}[Xx]?(?!\d)|(?<![\d.])\d{7,}[Xx]?(?!\d)")
_MAY_HOLD_NUMBER = re.compile(r"\d{7}|\d{3}[ \-]\d{3}")
_DATE = re.compile(r"\d{2,4}[-/.年]\d{1,2}[-/.月]\d{1,4}日?(?:[ T][\d:.]+)?|\d{8}")
_DECIMAL = re.compile(r"-?(?<![\d.])\d{1,8}\.\d{2,}")
_PLACE_AFTER = "社村庄街路区镇乡县市省里园苑河桥山湖港湾站院楼"
_WORDS = frozenset(
    re.findall(
        r"\w+",
        "方向 方法 方面 方案 单位 高度 高程 高级 金额 和平 平安 安全 时间 万元 江苏 石油 黄河 "
        "温度 常用 关于 钱数 白色 黄色 金色 程序 任务 任何 文件 文字 石家 段落",
    )
)
Floats = npt.NDArray[np.float64]


class KnownValues:
    """What the personal columns of some tables say, and where their rows lie.

    Parameters
    ----------
    tables : iterable of DataFrame
        Tables of persons or events.

    Examples
    --------
    >>> known = KnownValues([pd.DataFrame({"姓名": ["王芳"], "phone": ["13812345678"]})])
    >>> [(hit.kind, hit.value) for hit in known.find("住户王芳 138 1234 5678")]
    [('phone number', '138 1234 5678'), ('name of a person', '王芳')]
    """

    def __init__(self, tables: Iterable[pd.DataFrame]):
        self.digits: dict[str, str] = {}
        self.texts: dict[tuple[str, ...], str] = {}
        self.trees: list[tuple[Any, float]] = []
        self.mails: set[str] = set()
        for table in tables:
            for column in personal_columns(table):
                self._add_column(column, table[column])
            self._add_places(table)
        self.lengths: dict[tuple[str, ...], set[int]] = {}
        for tokens in self.texts:
            self.lengths.setdefault(tokens[:2], set()).add(len(tokens))
        self._chinese = any(_is_hanzi(token) for tokens in self.texts for token in tokens)
        self._latin = bool(self.mails) or any(not any(map(_is_hanzi, tokens)) for tokens in self.texts)

    def _add_column(self, column: str, values: pd.Series) -> None:
        for value in values.dropna().astype(str).unique():
            text = unicodedata.normalize("NFKC", value).strip()
            if not text or _DATE.fullmatch(text):
                continue
            plain = re.sub(r"[\s\-()+.]", "", text)
            if re.fullmatch(r"\d{7,}[Xx]?", plain):
                self.digits[_bare(plain)] = ID_NUMBER if len(plain) in (15, 18) else PHONE
            elif "@" in text and " " not in text:
                self.mails.add(text.lower())
            else:
                self._add_text(column, text)

    def _add_text(self, column: str, text: str) -> None:
        for hit in find_patterns(text) if _MAY_HOLD_NUMBER.search(text) else ():
            if hit.kind in (ID_NUMBER, PHONE):
                self.digits[_bare(re.sub(r"\D(?!$)|\D$(?<![Xx])", "", hit.value))] = hit.kind
        tokens = tuple(_tokens(text))
        hanzi = sum(map(_is_hanzi, tokens))
        if len(tokens) < 2 or (hanzi < 2 and len("".join(tokens)) < 4) or all(token.isdigit() for token in tokens):
            return
        if re.search("地址|住址|addr", column, re.IGNORECASE):
            kind = ADDRESS
        else:
            kind = NAME if len(text) <= 30 and not any(token.isdigit() for token in tokens) else VALUE
        self.texts[tokens] = kind
        if kind == NAME and len(tokens) == 2 and not hanzi:
            self.texts[tokens[::-1]] = kind

    def _add_places(self, table: pd.DataFrame) -> None:
        sets: list[tuple[Floats, Floats]] = []
        if isinstance(table, gpd.GeoDataFrame) and table._geometry_column_name in table.columns:
            shapes = table.geometry.to_numpy()
            shapes = shapes[(shapely.get_type_id(shapes) == 0) & ~shapely.is_empty(shapes)]
            x, y = shapely.get_x(shapes), shapely.get_y(shapes)
            sets.append((x, y))
            if table.crs is not None and len(x):
                sets.append(transform_xy(x, y, table.crs, WGS84, "located", finite=False))
        if found := coordinate_columns([str(name) for name in table.columns]):
            x, y = (pd.to_numeric(table.iloc[:, i], errors="coerce").to_numpy(float) for i in found)
            sets.append((x, y))
        for x, y in sets:
            self._add_tree(np.column_stack([x, y]))

    def _add_tree(self, places: Floats) -> None:
        from scipy.spatial import cKDTree

        places = places[np.isfinite(places).all(axis=1)]
        if len(places):
            spread = np.maximum(np.ptp(places, axis=0), 0.01)
            self.trees.append((cKDTree(places), len(places) / float(spread.prod())))

    def find(self, text: str) -> Iterator[Hit]:
        """Find known values in a text."""
        if self.digits:
            yield from self._find_digits(text)
        if self.texts or self.mails:
            if self._chinese and not text.isascii():
                yield from self._find_texts(text, _CHINESE)
            if self._latin:
                yield from self._find_texts(text, _LATIN)
        if self.trees:
            yield from self._find_places(text)

    def _find_digits(self, text: str) -> Iterator[Hit]:
        start, length, gap = number_starts(text)
        single = length >= 7
        chained = (length >= 3) & (gap == 1)
        for place in start[single | chained].tolist():
            found = _DIGITS.match(text, place)
            if found is None:
                continue
            groups = re.split(r"[ \-]", found[0])
            for first in range(len(groups)):
                for last in range(len(groups), first, -1):
                    kind = self.digits.get(_bare("".join(groups[first:last])))
                    if kind:
                        yield Hit(kind, found.start(), found[0] if last - first == len(groups) else groups[first])

    def _find_texts(self, text: str, spans: re.Pattern[str]) -> Iterator[Hit]:
        read: set[str] = set()
        for span in spans.finditer(text):
            if span[0] in read:
                continue
            read.add(span[0])
            if self.mails and "@" in span[0]:
                for mail in EMAIL_ADDRESS.findall(span[0].lower()):
                    if mail in self.mails:
                        yield Hit(EMAIL, span.start(), mail)
            found = list(_TOKEN.finditer(span[0]))
            tokens = [token[0].lower() for token in found]
            for i in range(len(tokens) - 1):
                for length in self.lengths.get((tokens[i], tokens[i + 1]), ()):
                    kind = self.texts.get(tuple(tokens[i : i + length]))
                    if kind:
                        start, end = found[i].start(), found[i + length - 1].end()
                        if kind != NAME or _is_said(span[0], start, end):
                            yield Hit(kind, span.start() + start, span[0][start:end])

    def _find_places(self, text: str) -> Iterator[Hit]:
        """Find pairs of numbers that are places of rows, more often than chance would have it."""
        found = list(_DECIMAL.finditer(text))
        if len(found) < 2:
            return
        written = [number[0] for number in found]
        value = np.array(written, float)
        digits = np.array([len(number) - number.index(".") - 1 for number in written])
        fine = np.maximum(digits[:-1], digits[1:])
        for tree, density in self.trees:
            low, high = tree.mins - 0.01, tree.maxes + 0.01
            for pair in (np.column_stack([value[:-1], value[1:]]), np.column_stack([value[1:], value[:-1]])):
                near = np.flatnonzero(((pair >= low) & (pair <= high)).all(axis=1))
                for decimals in np.unique(np.minimum(fine[near], 9)).tolist():
                    some = near[np.minimum(fine[near], 9) == decimals]
                    reach = 0.501 * 10.0**-decimals + 1e-9
                    away, _ = tree.query(pair[some], p=np.inf, distance_upper_bound=reach)
                    hits = some[np.isfinite(away)]
                    chance = len(np.unique(pair[some], axis=0)) * min(density * (2 * reach) ** 2, 1.0)
                    if len(hits) > chance + 4 * chance**0.5 + (0 if chance < 0.02 else 1):
                        yield from (
                            Hit(POINT, found[i].start(), f"{written[i]}, {written[i + 1]}") for i in hits.tolist()
                        )


def _tokens(text: str) -> list[str]:
    return [token.lower() for token in _TOKEN.findall(text)]


def _is_hanzi(token: str) -> bool:
    return "\u3400" <= token[0] <= "\u9fff"


def _bare(digits: str) -> str:
    """A number without the country before it."""
    digits = digits.upper().removeprefix("00") if len(digits) > 13 else digits.upper()
    return digits[2:] if len(digits) == 13 and digits.startswith("86") else digits


def _is_said(text: str, start: int, end: int) -> bool:
    """Whether a name is meant as one: not spread over a list, no part of a word or of the name of a place."""
    name = text[start:end]
    if not _is_hanzi(name):
        return not re.search("[,，。、:：/()（）]", name)
    if re.search(r"[,，。、:：/()（）\t]", name):
        return False
    if len(name) > 2:
        return True
    after = text[end : end + 1]
    inside = (start > 0 and _is_hanzi(text[start - 1])) or bool(after and _is_hanzi(after))
    return not (inside and (name in _WORDS or (after and after in _PLACE_AFTER)))
