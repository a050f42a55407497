"""The wording of a report, English and Chinese, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridgis.divide import EXCEPTIONS
from gridgis.maps.labels import measure_label

if TYPE_CHECKING:
    from gridgis.report import DivideReport
    from gridgis.report.figures import ExceptionGroup

REASONS_ZH: dict[str, tuple[str, str]] = {
    "giant building": ("超大建筑", "单栋（或相互重叠的数栋）建筑的户数已超过上限"),
    "too few households": ("户数不足", "该区域（或其中与其余部分隔断的一块）的户数低于下限，超大建筑不计"),
    "cut off by barrier": (
        "被屏障隔断",
        "网格所在的一块因区域形状、硬屏障或既定网格而与其余部分隔断，该块户数不足，而整个区域户数足够",
    ),
    "total not divisible": (
        "总数无法划分",
        "无论划分为多少个网格，该区域（或被隔断的一块）的户数都无法落入区间，超大建筑不计",
    ),
    "awkward buildings": (
        "建筑组合无解",
        "已证明：没有任何连通且在区间内的网格能容纳其中某栋建筑，或该部分区域无法全部划分成这样的网格",
    ),
    "no division found": ("未找到划分方案", "搜索结束时未找到方案；这并不表示方案不存在"),
    "dedicated cell": ("专属网格", "按要求单独成格，不论户数多少"),
    "fixed cell": ("固定网格", "按要求保持原样，不论户数多少"),
    "empty land": ("空地", "大片空地，按要求单独成格"),
}
"""Name and meaning of each of `gridgis.divide.EXCEPTIONS` in Chinese."""

_WORDS: dict[str, tuple[str, str]] = {
    "title": ("Report of the division", "网格划分报告"),
    "internal": ("Internal", "内部"),
    "internal_note": (
        "Exact counts of households: for internal use, not for publication.",
        "本报告含精确户数，仅供内部使用，不得对外公开。",
    ),
    "of_cells": ("{n} of {all} cells", "{all} 个网格中的 {n} 个"),
    "of_feasible": ("{n} of {all} feasible cells", "{all} 个可行网格中的 {n} 个"),
    "feasible_note": (
        "Feasible: regular cells, but for those whose exception is proven.",
        "可行网格：常规网格中除去已证明无解的网格。",
    ),
    "regular_note": (
        "Loads, shapes and borders are those of the regular cells, {n} in number.",
        "户数分布、形状与边界均按 {n} 个常规网格计算。",
    ),
    "figures": ("Key figures", "主要指标"),
    "cells": ("Cells", "网格"),
    "in_areas": ("in {n} areas", "分布于 {n} 个区域"),
    "in_area": ("in one area", "属于 1 个区域"),
    "share_in_band": ("In the band", "在区间内"),
    "share_feasible": ("In the band, where feasible", "可行网格在区间内"),
    "median_load": ("{measure}, median", "{measure}中位数"),
    "middle_load": ("{low} to {high} in nine cells of ten", "九成网格为 {low} 至 {high}"),
    "compactness": ("Compactness (Polsby-Popper)", "紧凑度（Polsby-Popper）"),
    "reock": ("median; Reock {reock}", "中位数；Reock 为 {reock}"),
    "along": ("Borders along barriers", "沿屏障的边界"),
    "along_note": ("of all outlines; median of cells {median}", "占边界总长；各网格中位数 {median}"),
    "crossed": ("Hard barriers crossed", "跨越硬屏障"),
    "crossed_note": ("{n} cells", "{n} 个网格"),
    "crossed_note_one": ("1 cell", "1 个网格"),
    "exceptions": ("Exceptions", "例外"),
    "exceptions_note": (
        "{proven} proven, {open} not proven, {asked} asked for",
        "已证明 {proven}，未证明 {open}，按要求 {asked}",
    ),
    "distribution": ("{measure} per cell", "各网格{measure}"),
    "band": ("Band", "区间"),
    "or": (" or ", " 或 "),
    "and": (" and ", " 且 "),
    "to": ("{low} to {high}", "{low}–{high}"),
    "bin_first": ("below {next}", "低于 {next}"),
    "bin_last": ("{low} and more", "{low} 及以上"),
    "bin_cells": ("{bin}: {n}", "{bin}：{n} 个"),
    "said": ("{name}: {value}", "{name}：{value}"),
    "bins_note": (
        "Each bar starts at the number at its left edge; the first and the last take all that lies beyond.",
        "每根柱的起点为其左缘的数字；首尾两柱包含其外的全部网格。",
    ),
    "statistic": ("Figure", "统计量"),
    "value": ("Value", "数值"),
    "min": ("Least", "最小"),
    "p05": ("5 %", "5% 分位"),
    "p25": ("25 %", "25% 分位"),
    "median": ("Median", "中位数"),
    "p75": ("75 %", "75% 分位"),
    "p95": ("95 %", "95% 分位"),
    "max": ("Most", "最大"),
    "mean": ("Mean", "平均"),
    "polsby_popper": ("Polsby-Popper", "Polsby-Popper"),
    "reock_name": ("Reock", "Reock"),
    "along_name": ("Along barriers", "沿屏障"),
    "map": ("Map", "地图"),
    "map_text": (
        "Map of the cells by whether their load is in the band: {states}",
        "按是否在区间内着色的网格地图：{states}",
    ),
    "map_hint": (
        "Point at a cell, or tap it, for its figures; the codes in the table of exceptions lead here.",
        "指向或轻触网格可查看其数据；例外表中的编码可跳转至此。",
    ),
    "in_band": ("in the band", "在区间内"),
    "proven": ("proven exception", "例外（已证明）"),
    "not_proven": ("exception, not proven", "例外（未证明）"),
    "given": ("given: dedicated or fixed", "既定网格：专属或固定"),
    "empty": ("empty land", "空地"),
    "status_proven": ("proven: no division can help", "已证明：任何划分都无法避免"),
    "status_not_proven": ("not proven: a division may exist", "未证明：可能存在符合区间的划分"),
    "status_asked": ("asked for", "按要求"),
    "in_percent": (", %", "（%）"),
    "short_proven": ("proven", "已证明"),
    "short_not_proven": ("not proven", "未证明"),
    "short_asked": ("asked for", "按要求"),
    "no_exceptions": ("None: the load of every cell is in the band.", "无：所有网格均在区间内。"),
    "unstated": ("no reason stated", "未说明原因"),
    "unstated_meaning": (
        "the load misses the band of this report, and the cell does not say why; perhaps another band was divided by",
        "不在本报告的区间内，且网格未说明原因；划分时可能采用了另一区间",
    ),
    "unknown_meaning": ("a reason that gridgis.divide does not give", "并非 gridgis.divide 给出的原因"),
    "cell": ("Cell", "网格"),
    "row": ("row {n}", "第 {n} 行"),
    "rows_note": ("The cells have no codes; rows count from 0.", "网格尚无编码；行号从 0 起。"),
    "parent": ("Area", "所属区域"),
    "parents": ("By area", "分区域统计"),
    "place": ("Place: x, y in metres", "位置：x，y（米）"),
    "exception": ("Exception", "例外"),
    "kind": ("Kind", "类型"),
    "regular": ("regular", "常规"),
    "dedicated": ("dedicated", "专属"),
    "fixed": ("fixed", "固定"),
    "kind_empty": ("empty", "空地"),
    "crossed_name": ("Hard barrier crossed", "跨越硬屏障"),
    "total": ("All", "合计"),
    "zoom_in": ("Zoom in", "放大"),
    "zoom_out": ("Zoom out", "缩小"),
    "whole": ("Whole map", "全图"),
    "notes": ("Notes", "说明"),
    "crs_note": ("Coordinates: {crs}.", "坐标系：{crs}。"),
    "formula_note": (
        "Polsby-Popper: 4 pi x area / perimeter squared (1991). Reock: area / area of the smallest circle around the "
        "cell (1961). Both are 1 for a circle.",
        "Polsby-Popper（1991）：4π×面积/周长²；Reock（1961）：面积/最小外接圆面积。圆形为 1。",
    ),
}


def word(key: str, lang: str, **values: object) -> str:
    """Give the wording for ``key``, with its blanks filled in; what is filled in is not read again.

    Examples
    --------
    >>> word("of_cells", "zh", n="{all}", all=3)
    '3 个网格中的 {all} 个'
    """
    return _WORDS[key][lang == "zh"].format(**values)


def reason_name(reason: str, lang: str) -> str:
    """Name a reason for readers.

    Examples
    --------
    >>> reason_name("giant building", "zh"), reason_name("", "en")
    ('超大建筑', 'no reason stated')
    """
    if not reason:
        return word("unstated", lang)
    return REASONS_ZH[reason][0] if lang == "zh" and reason in REASONS_ZH else reason


def meaning(group: ExceptionGroup, lang: str) -> str:
    """Say what a reason means."""
    if group.reason not in EXCEPTIONS:
        return word("unknown_meaning" if group.reason else "unstated_meaning", lang)
    return REASONS_ZH[group.reason][1] if lang == "zh" and group.reason in REASONS_ZH else group.meaning


def said(name: str, value: object, lang: str) -> str:
    """Write a name and its value.

    Examples
    --------
    >>> said("户数", 7, "zh"), said("Households", 7, "en")
    ('户数：7', 'Households: 7')
    """
    return word("said", lang, name=name, value=value)


def cell_name(report: DivideReport, i: int, lang: str) -> str:
    """Name a cell: by its code, or by its row."""
    name = str(report.table.names[i])
    return name if report.table.coded else word("row", lang, n=name)


def band_text(report: DivideReport, lang: str) -> str:
    """Write the bands.

    Examples
    --------
    >>> band_text(divide_report(example.grid, households=(20, 1300)), "en")
    'Households 20 to 1,300'
    """
    parts = [
        f"{measure_label(name, lang)} {word('to', lang, low=f'{low:,}', high=f'{high:,}')}"
        for name, (low, high) in report.bands.items()
    ]
    return word("or" if report.either else "and", lang).join(parts)


def percent(part: float, whole: float, lang: str) -> str:
    """Write a share; 100 % only where it is all, 0 % only where it is nothing.

    Examples
    --------
    >>> percent(9_999, 10_000, "en"), percent(3, 3, "en"), percent(0.7184, 1, "zh"), percent(1, 10_000, "zh")
    ('99.9 %', '100 %', '71.8%', '0.1%')
    """
    sign = "%" if lang == "zh" else " %"
    if part in (0, whole):
        return f"{100 if part else 0}{sign}"
    return f"{min(max(round(100 * part / whole, 1), 0.1), 99.9):.1f}{sign}"


def count(number: float) -> str:
    """Write a number of households and the like; one decimal where it is not whole.

    Examples
    --------
    >>> count(1234.0), count(120.55)
    ('1,234', '120.5')
    """
    return f"{number:,.0f}" if number == round(number) else f"{number:,.1f}"
