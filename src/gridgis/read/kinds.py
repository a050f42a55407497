"""Kinds of barriers: the words of OpenStreetMap and of Chinese maps, and how strong a barrier each is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

STRENGTHS = ("hard", "major", "middle", "minor")

_KINDS = {
    "hard": """
        motorway trunk rail railway light_rail narrow_gauge rack preserved river riverbank canal water lake lagoon oxbow
        reservoir basin pond dock harbour bay strait sea ocean coastline moat fish_pass shipway wall city_wall
        retaining_wall embankment dyke dike levee dam weir breakwater cliff
        高速公路 高速 快速路 铁路 高铁 轻轨 河流 河 河道 江 运河 湖泊 湖 水库 水域 水体 水面 水系 坑塘 池塘
        海 海域 海湾 海岸线 港池 港口 港湾 船坞 码头 河川
        渠 水渠 渠道 围墙 墙 城墙 挡土墙 堤 堤坝 堤防 大堤 坝 大坝 悬崖 陡崖
        """,
    "major": """
        primary secondary tertiary primary_link secondary_link tertiary_link motorway_link trunk_link
        国道 省道 县道 主干道 主干路 次干道 次干路 干道 干路 环路 环线 一级公路 二级公路 三级公路
        """,
    "middle": """
        residential unclassified living_street stream pedestrian fence road street busway bus_guideway raceway tram
        monorail funicular abandoned disused ditch drain brook hedge guard_rail jersey_barrier wetland tidal_channel
        支路 支线 城市道路 公路 马路 大街 四级公路
        街道 街 乡道 村道 有轨电车 溪 溪流 小溪 沟 水沟 沟渠 排水沟 栅栏 围栏 篱笆 绿篱 护栏 湿地
        """,
    "minor": """
        service footway cycleway path track steps alley bridleway corridor platform crossing driveway miniature kerb
        gate lift_gate swing_gate bollard chain handrail
        track_grade1 track_grade2 track_grade3 track_grade4 track_grade5
        小区道路 匝道 辅路 机耕路 小路 小道 步道 人行道 自行车道 巷 小巷 胡同 里弄 弄 台阶 内部道路
        """,
}

BARRIER_OF_KIND: dict[str, str] = {
    kind: strength for strength in STRENGTHS for kind in (strength, *_KINDS[strength].split())
}
"""Strength of a barrier by its kind (words of OpenStreetMap or of Chinese maps, or a strength itself)."""

_NONE = """
    subway metro subway_entrance tunnel culvert underground pipeline proposed planned razed dismantled ferry
    地铁 地下铁 捷运 隧道 地道 地下通道 人行地道 涵洞 暗渠 暗河 暗沟 地下河 规划 航线
    """

NO_BARRIER = frozenset(_NONE.split())
"""Kinds that part nothing on the ground: what runs below it, or is not there."""

NONE = "none"
"""Said of a kind in `NO_BARRIER`."""

_SIMPLE = str.maketrans(
    "鐵幹線環圍牆庫運軌輕電車縣鄉溝懸橋碼頭壩護欄柵籬濕體岸灣塢捷級馬區輔內劃規隧",
    "铁干线环围墙库运轨轻电车县乡沟悬桥码头坝护栏栅篱湿体岸湾坞捷级马区辅内划规隧",
)
"""Traditional characters in names of kinds, and the simple ones."""

TAGS = ("highway", "railway", "waterway", "barrier")
"""Tags of OpenStreetMap whose every value is a barrier, of some strength."""
_MORE_TAGS = ("man_made", "natural", "landuse", "water")
_COLUMNS = ("class", "fclass", "类型", "类别", "种类", "type")
_ABOVE = frozenset(("", "0", "n", "no", "f", "false", "building_passage", "none", "nan"))


def strength_of(kind: str) -> str | None:
    """Tell how strong a barrier is by its kind; `NONE` for what is no barrier, None for a kind that is not known.

    Examples
    --------
    >>> [strength_of(kind) for kind in ("River", "light rail", "natural=water", "城市主干路", "subway", "park")]
    ['hard', 'hard', 'hard', 'major', 'none', None]
    """
    found = {_of_word(word) for word in re.split(r"[;,/、，；|]", kind) if word.strip()}
    known = [strength for strength in (*STRENGTHS, NONE) if strength in found]
    return known[0] if known else None


def _of_word(word: str) -> str | None:
    """Tell the strength of one word; of a Chinese one also by what it ends with."""
    plain = re.sub(r"[(（\[【].*?[)）\]】]", "", word).strip().lower().rsplit("=", 1)[-1]
    plain = re.sub(r"[\s\-]+", "_", plain.strip()).translate(_SIMPLE)
    for start in range(len(plain) if plain and not plain.isascii() else min(len(plain), 1)):
        end = plain[start:]
        if end in NO_BARRIER:
            return NONE
        if end in BARRIER_OF_KIND:
            return BARRIER_OF_KIND[end]
    return None


def strengths(kinds: Iterable[Any]) -> list[str | None]:
    """Tell the strength of many kinds; a missing one is not known."""
    of = {kind: strength_of(str(kind)) for kind in {kind for kind in kinds if not pd.isna(kind)}}
    return [None if pd.isna(kind) else of[kind] for kind in kinds]


def column_of_kinds(frame: pd.DataFrame) -> str | None:
    """Choose the column of the kinds of a table without tags; None where there is none."""
    names = {str(name).lower(): str(name) for name in reversed(frame.columns)}
    return next((names[name] for name in ("kind", *_COLUMNS) if name in names), None)


def tagged_kinds(frame: pd.DataFrame) -> list[pd.Series]:
    """Give the columns of OpenStreetMap's tags in the order in which they count.

    Of the tags that say other things, too (``natural=wood``), only the values count that are barriers, unless the
    table has no other tag.
    """
    main = [tag for name in TAGS if (tag := _tag(frame, name)) is not None]
    more = [tag for name in _MORE_TAGS if (tag := _tag(frame, name)) is not None]
    if len(main) + len(more) > 1:
        more = [tag.where(np.isin([str(strength) for strength in strengths(tag)], ["hard", NONE])) for tag in more]
    return [*main, *more]


def below_ground(frame: pd.DataFrame) -> np.ndarray:
    """Tell which rows are tagged as a tunnel, or as lying below the ground."""
    below = np.zeros(len(frame), bool)
    tunnel, location = _tag(frame, "tunnel"), _tag(frame, "location")
    if tunnel is not None:
        below |= ~np.isin([str(value).strip().lower() for value in tunnel.fillna("no")], list(_ABOVE))
    if location is not None:
        below |= np.array([str(value).strip().lower() == "underground" for value in location], bool)
    return below


def _tag(frame: pd.DataFrame, key: str) -> pd.Series | None:
    """Give the values of a tag: a column, whatever its case, or what ``other_tags`` of an OSM file holds."""
    names = {str(name).lower(): name for name in reversed(frame.columns)}
    if key in names:
        values = frame[names[key]].astype(object)
        return values.where(values.notna() & values.map(lambda value: str(value).strip() != ""), None)
    if "other_tags" in names:
        found = frame[names["other_tags"]].astype("string").str.extract(f'"{key}"=>"([^"]*)"', expand=False)
        if found.notna().any():
            return found.astype(object).where(found.notna(), None)
    return None
