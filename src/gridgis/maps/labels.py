"""The wording of maps, English and Chinese, in one place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from gridgis.contract import GridError, listed

HTML_LANG: Mapping[str, str] = {"en": "en", "zh": "zh-CN"}
"""The ``lang`` attribute of a page for each language."""

_MEASURES: dict[str, tuple[str, str]] = {
    "households": ("Households", "户数"),
    "persons": ("Persons", "人口"),
    "buildings": ("Buildings", "楼栋数"),
    "area_m2": ("Area", "面积"),
    "count": ("Events", "事件数"),
}
_UNITS: dict[str, tuple[str, str]] = {
    "households": ("households", "户"),
    "persons": ("persons", "人"),
    "buildings": ("buildings", "栋"),
    "area_m2": ("m²", "平方米"),
    "count": ("events", "件"),
}
_NO_CATEGORY = "count_(none)"
_PER_100 = "_per_100_households"

_WORDS: dict[str, tuple[str, str]] = {
    "code": ("Cell", "网格编码"),
    "parent": ("Parent", "所属区域"),
    "hidden": ("hidden", "已隐藏"),
    "hidden_class": ("hidden (protects numbers below {n})", "已隐藏（保护少于 {n} 的数字）"),
    "no_data": ("no data", "无数据"),
    "coverage_title": ("Service cells by parent", "网格覆盖图"),
    "hotspot_title": ("{measure} by service cell", "网格热点图：{measure}"),
    "coverage_legend": ("Parent", "所属区域"),
    "cells": ("cells", "网格数"),
    "unit": ("Unit", "单位"),
    "colon": (": ", "："),
    "internal": ("internal", "内部"),
    "hide_small_note": (
        "Numbers from 1 to {n} are hidden, and others where they would give such a number away.",
        "1 至 {n} 的数字不予显示；可据以推算出该数字的其他数字也一并隐藏。",
    ),
    "hide_note": (
        "Numbers below {n} are hidden, and others where they would give such a number away.",
        "少于 {n} 的数字不予显示；可据以推算出该数字的其他数字也一并隐藏。",
    ),
    "as_of_note": ("Numbers as of {date}.", "数据截至 {date}。"),
    "round_note": ("All numbers are rounded to multiples of {n}.", "所有数字均已取整为 {n} 的倍数。"),
    "noise_note": (
        "All numbers are changed a little to protect people; parts need not add up to totals.",
        "为保护个人信息，所有数字均略有扰动；各部分之和不一定等于合计。",
    ),
    "internal_note": ("Internal use only.", "仅供内部使用。"),
    "crs_note": ("Coordinates: {crs}.", "坐标系：{crs}。"),
    "legend": ("Legend", "图例"),
    "search": ("Find a cell or parent", "查找网格或所属区域"),
    "search_hint": ("Enter goes to the first match", "按回车键定位第一个结果"),
    "list": ("List of cells", "网格列表"),
    "more": ("Show more", "显示更多"),
    "matches": ("{n} of {all} cells", "{n} / {all} 个网格"),
    "nothing": ("No cell found", "未找到网格"),
    "selected": ("Selected cell", "所选网格"),
    "whole": ("Whole map", "全图"),
    "panel": ("Legend and search", "图例与查找"),
    "map": ("Map of service cells", "网格地图"),
    "untitled": ("Map", "地图"),
    "notes": ("Notes", "说明"),
    "zoom_in": ("Zoom in", "放大"),
    "zoom_out": ("Zoom out", "缩小"),
    "noscript": (
        "This map is drawn by a script inside this page, and scripts are switched off here.",
        "本地图由页面内的脚本绘制，而此处已停用脚本。",
    ),
    "no_category": ("no category", "未分类"),
    "north": ("N", "北"),
    "page": ("Page", "页码"),
    "others": ("{n} more", "另有 {n} 项"),
    "theme": ("Colour the cells by", "着色依据"),
    "language": ("Language", "语言"),
    "map_keys": (
        "Arrow keys move the map, plus and minus zoom, Enter takes the cell in the middle.",
        "方向键移动地图，加减号缩放，回车键选取中央的网格。",
    ),
    "list_keys": ("Up and down move, Enter shows the cell on the map", "上下键移动，回车键在图上显示网格"),
}

PAGE_WORDS = (
    *("code", "parent", "cells", "unit", "internal", "legend", "search", "search_hint", "list", "more", "matches"),
    *("nothing", "selected", "whole", "panel", "map", "notes", "zoom_in", "zoom_out", "hidden", "no_data", "theme"),
    *("language", "map_keys", "list_keys", "colon", "coverage_title", "hotspot_title"),
)
"""The words that the page's own script needs."""


def require_lang(lang: str) -> str:
    """Ask for a language that maps speak; return it.

    Raises
    ------
    GridError
        If it is not one of "en" and "zh".

    Examples
    --------
    >>> require_lang("zh")
    'zh'
    """
    if lang not in HTML_LANG:
        raise GridError(f"lang: expected one of {listed(HTML_LANG)}, got {lang!r}.")
    return lang


def word(key: str, lang: str, **values: object) -> str:
    """Give the wording for ``key``, with its blanks filled in.

    Examples
    --------
    >>> word("no_data", "zh")
    '无数据'
    >>> word("matches", "en", n=2, all=7)
    '2 of 7 cells'
    """
    text = _either(_WORDS[key], lang)
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    return text


def translated(text: str, keys: Sequence[str], lang: str, to: str, names: Mapping[str, str] | None = None) -> str:
    """Give one of some sentences of this module in another language; any other text stays as it is.

    Parameters
    ----------
    text : str
        What stands on a map, with its blanks filled in.
    keys : sequence of str
        The sentences that it may be.
    lang, to : {"en", "zh"}
        The language it is in, and the one that is wanted.
    names : mapping, optional
        Words that may stand in a blank, and what they are in the other language.

    Examples
    --------
    >>> translated("2 of 7 cells", ["nothing", "matches"], "en", "zh")
    '2 / 7 个网格'
    >>> translated("Founded in 1987.", ["crs_note"], "en", "zh")
    'Founded in 1987.'
    """
    for pair in (_WORDS[key] for key in keys):
        shape = re.escape(_either(pair, lang))
        found = re.fullmatch(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", shape), text, flags=re.DOTALL)
        if found:
            made = _either(pair, to)
            for name, value in found.groupdict().items():
                made = made.replace("{" + name + "}", (names or {}).get(value, value))
            return made
    return text


def measure_label(name: str, lang: str) -> str:
    """Name a measure for readers; an unknown name is shown as it is, ``count_<category>`` as the category.

    Examples
    --------
    >>> measure_label("count_per_100_households", "zh")
    '每百户事件数'
    >>> measure_label("count_noise", "en")
    'noise'
    """
    if name in _MEASURES:
        return _either(_MEASURES[name], lang)
    if name.endswith(_PER_100):
        base = measure_label(name.removesuffix(_PER_100), lang)
        return f"每百户{base}" if lang == "zh" else f"{base} per 100 households"
    return word("no_category", lang) if name == _NO_CATEGORY else name.removeprefix("count_") or name


def measure_unit(name: str, lang: str) -> str:
    """Give the unit of a measure, or nothing where it is unknown.

    Examples
    --------
    >>> measure_unit("count_per_100_households", "en")
    'events per 100 households'
    """
    if name in _UNITS:
        return _either(_UNITS[name], lang)
    if name.endswith(_PER_100):
        base = measure_unit(name.removesuffix(_PER_100), lang)
        per = f"{base}/百户" if lang == "zh" else f"{base} per 100 households"
        return per if base else ""
    return _either(_UNITS["count"], lang) if name.startswith("count_") else ""


def _either(pair: tuple[str, str], lang: str) -> str:
    return pair[1] if lang == "zh" else pair[0]
