"""In which encoding text is written: what is declared is honoured, what is doubtful is refused."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from gridgis.contract import GridError

UTF8 = "utf-8"
CHINESE = "gb18030"
"""What GB2312, GBK and code page 936 are read as: it holds all of them."""

MOST_DAMAGED = 0.1
"""A larger share of texts that do not decode means that the encoding is another one."""

_SAMPLE = 1 << 23
_BLOCK = 1 << 20

_SPELLINGS = {
    **dict.fromkeys(("gbk", "gb2312", "gb18030", "euccn", "936", "54936", "20936", "hzgb2312"), CHINESE),
    **dict.fromkeys(("utf8", "65001", "utf8sig"), UTF8),
    **dict.fromkeys(("big5", "950", "bigfive", "csbig5"), "cp950"),
    **dict.fromkeys(("shiftjis", "sjis", "ms932", "mskanji", "932"), "cp932"),
    **dict.fromkeys(("euckr", "ksc56011987", "uhc", "949"), "cp949"),
    **dict.fromkeys(("latin1", "iso88591", "88591", "28591", "l1", "westerneuropean"), "cp1252"),
    **dict.fromkeys(("big5hkscs", "951"), "big5hkscs"),
    **{
        f"{prefix}{number}": f"iso8859-{number}"
        for number in range(2, 17)
        if number != 12
        for prefix in ("8859", "2859")
    },
    **{"20866": "koi8-r", "21866": "koi8-u", "10000": "mac-roman", "10007": "mac-cyrillic", "51932": "euc_jp"},
}

_LANGUAGES = {
    **dict.fromkeys((1, 9, 11, 13, 15, 17, 21, 24, 25, 27), "cp437"),
    **dict.fromkeys((2, 10, 14, 16, 18, 20, 22, 26, 29, 37, 55), "cp850"),
    **dict.fromkeys((3, 87, 88, 89), "cp1252"),
    **dict.fromkeys((8, 23, 102), "cp865"),
    **dict.fromkeys((31, 34, 35, 64, 100, 135), "cp852"),
    **dict.fromkeys((19, 123), "cp932"),
    **dict.fromkeys((77, 122), CHINESE),
    **dict.fromkeys((78, 121), "cp949"),
    **dict.fromkeys((79, 120), "cp950"),
    **dict.fromkeys((80, 124), "cp874"),
    **dict.fromkeys((38, 101), "cp866"),
    **dict.fromkeys((106, 134), "cp737"),
    **dict.fromkeys((107, 136), "cp857"),
    **{4: "mac-roman", 28: "cp863", 36: "cp860", 103: "cp861", 108: "cp863", 150: "mac-cyrillic", 151: "mac-latin2"},
    **{152: "mac-greek", 200: "cp1250", 201: "cp1251", 202: "cp1254", 203: "cp1253", 204: "cp1257"},
}
"""Encodings by the byte of a .dbf that names its language ("LDID")."""

_COMMON = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去"
    "法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关"
    "点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教"
    "儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直"
    "德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该"
    "交规万取拉格望觉术领共确传师观清今切院让识候带导争运笔育联步医六局流村镇乡县省街巷号楼栋室户网格巡查人口房屋建筑垃圾噪音噪声占道"
    "经营停车违章投诉举报案件事件类别名称编码编号序号经纬度坐标地址居委会小区社区单元园苑家庄店铺商业市场广场公园学校小学中学幼儿园医院"
    "卫生服务中心派出所消防环境污染绿化照明路灯井盖破损积水设施施工扰民油烟乱堆乱放乱贴广告共享单车电动自行树木河道湖桥江海州城京津沪渝"
    "辽吉黑苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云藏陕甘青宁港澳东南西北上下左右前后春夏秋冬红黄蓝绿白黑花草石田土林阳阴福寿康宁和平安顺兴旺昌盛"
    "永新华光明辉煌文化体育娱乐超市饭店宾馆酒店银行邮政电信移动联通厂仓库办事处街道村民委员组队长安李王张刘陈杨赵黄周吴徐孙胡朱高林何郭马"
    "罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟"
    "龙万段雷钱汤尹黎易常武乔贺赖龚日期状态说明备注上报处理办结时间来源内容描述联系电话年龄性别男女住宅商铺是否有无未已"
)
"""Characters of which most of a Chinese text consists; characters at random hit one in six times."""

_CYRILLIC_WORD = re.compile(r"[А-ЯЁ]?[а-яё]+|[А-ЯЁ]+")


def encoding_named(text: str) -> str | None:
    """Give the encoding that is meant by a spelling; None where none is known.

    Examples
    --------
    >>> encoding_named("ANSI 1252"), encoding_named("LDID/77"), encoding_named("ISO 88591"), encoding_named("OEM")
    ('cp1252', 'gb18030', 'cp1252', None)
    """
    said = text.strip().strip("\ufeff\0").lower()
    language = re.fullmatch(r"ldid/(\d+)", said)
    if language:
        return _LANGUAGES.get(int(language[1]))
    core = re.sub(r"^(ansi|oem|ibm|cp|ms|windows|win|codepage|code page|x)(?=[\s_/-]*\d)", "", said)
    core = re.sub(r"[^a-z0-9]", "", core)
    core = re.sub(r"^iso(?=\d)", "", core)
    if core in _SPELLINGS:
        return _SPELLINGS[core]
    for name in (f"cp{core}" if core.isdigit() else core, said):
        try:
            known = codecs.lookup(name)
        except (LookupError, ValueError):
            continue
        if getattr(known, "_is_text_encoding", True):
            return _SPELLINGS.get(re.sub(r"[^a-z0-9]", "", known.name), known.name)
    return None


def encoding_of_language(byte: int) -> str | None:
    """Give the encoding that the language byte of a .dbf names; None where it names none."""
    return _LANGUAGES.get(byte)


def require_encoding(text: str, what: str) -> str:
    """Give the encoding that the user named.

    Raises
    ------
    GridError
        If there is none of that name.
    """
    known = encoding_named(text) if isinstance(text, str) else None
    if known is None:
        raise GridError(f"{what}: encoding= {text!r} is no encoding; such as 'utf-8', 'gbk', 'big5', 'cp1252'.")
    return known


def decodes(piece: bytes, encoding: str, *, cut: bool = False) -> bool:
    """Tell whether bytes are text in an encoding; ``cut``: the last character may be cut off.

    Examples
    --------
    >>> decodes("区".encode()[:2], "utf-8"), decodes("区".encode()[:2], "utf-8", cut=True)
    (False, True)
    """
    try:
        codecs.getincrementaldecoder(encoding)().decode(piece, not cut)
    except UnicodeDecodeError:
        return False
    return True


def share_that_decodes(pieces: Iterable[bytes], encoding: str) -> float:
    """Give the share of the pieces with other than ASCII that are text in an encoding; 1 where there are none."""
    foreign = [piece for piece in pieces if not piece.isascii()]
    return sum(decodes(piece, encoding) for piece in foreign) / len(foreign) if foreign else 1.0


def undeclared(pieces: Iterable[bytes]) -> str | None:
    """Tell the encoding of texts of which nothing is said: UTF-8, or Chinese where nothing else can be meant.

    Parameters
    ----------
    pieces : iterable of bytes
        Texts.

    Returns
    -------
    str or None
        None where it is doubtful.

    Examples
    --------
    >>> undeclared(["东城社区".encode("gbk")]), undeclared(["Lärm".encode("cp1252")]), undeclared([b"ascii"])
    ('gb18030', None, 'utf-8')
    """
    foreign = [piece for piece in set(pieces) if not piece.isascii()]
    good = share_that_decodes(foreign, UTF8)
    if good == 1 or (good >= 1 - MOST_DAMAGED and len(foreign) >= 10):
        return UTF8
    return CHINESE if _chinese(foreign) else None


def is_utf8_beyond_doubt(pieces: Iterable[bytes], declared: str) -> bool:
    """Tell whether texts that are declared as something else are UTF-8: what is, is so hardly ever by chance."""
    foreign = [piece for piece in pieces if not piece.isascii()]
    if not foreign or share_that_decodes(foreign, UTF8) < 1:
        return False
    wide = any(letter > "\u07ff" for piece in foreign for letter in piece.decode(UTF8))
    return wide or declared not in (CHINESE, "cp950", "big5hkscs", "cp932", "cp949", "euc_jp")


def is_chinese_beyond_doubt(pieces: Iterable[bytes]) -> bool:
    """Tell whether texts that are declared as Western are Chinese: no Western text has its letters in such pairs."""
    foreign = [piece for piece in set(pieces) if not piece.isascii()]
    return bool(foreign) and share_that_decodes(foreign, "gb2312") == 1 and _chinese(foreign)


def is_western(pieces: Iterable[bytes], encoding: str) -> bool:
    """Tell whether texts that are declared as Western look so: most letters are plain, and signs stand for no letters.

    Examples
    --------
    >>> is_western(["Größe".encode("cp1252")], "cp1252"), is_western(["Центр".encode("cp1251")], "cp1252")
    (True, False)
    """
    text = "".join(piece.decode(encoding, "replace") for piece in set(pieces) if not piece.isascii())
    letters = [letter for letter in text if letter.isalpha() or not letter.isascii()]
    foreign = [letter for letter in letters if not letter.isascii()]
    signs = sum(
        not letter.isalpha() and letter not in "\u2013\u2014\u2018\u2019\u201c\u201d\u00a0\u00b0\u00ba\u00aa"
        for letter in foreign
    )
    return len(foreign) - signs <= 0.7 * len(letters) and signs <= 0.25 * len(letters)


def _chinese(pieces: list[bytes]) -> bool:
    """Tell whether texts are GB18030, and hardly anything else."""
    if share_that_decodes(pieces, CHINESE) < 1 - MOST_DAMAGED / 2:
        return False
    letters = Counter(
        letter
        for piece in pieces
        for letter in piece.decode(CHINESE, "ignore")
        if not letter.isascii() and letter != "\ufffd"
    )
    total = sum(letters.values())
    if not total:
        return False
    odd = sum(count for letter, count in letters.items() if _is_odd(letter))
    common = sum(count for letter, count in letters.items() if letter in _COMMON)
    rest = total - common
    if (common - rest >= 3 and odd <= total / 4) or (rest == 0 and total > 1):
        return True  # by chance in one of two hundred texts of a few letters, and far less often in longer ones
    return odd <= total / 8 and not _rivals(pieces) and common > 0


def _is_odd(letter: str) -> bool:
    """Tell whether a letter is rare in Chinese: of the second level of GB2312, or not in it, or no Chinese at all."""
    try:
        lead = letter.encode("gb2312")[0]
    except UnicodeEncodeError:
        return letter not in "€"
    return not (0xB0 <= lead <= 0xD7 or lead in (0xA1, 0xA3))


def _rivals(pieces: list[bytes]) -> bool:
    """Tell whether texts could as well be Big5, Korean or Russian."""

    def fits(encoding: str, usual: re.Pattern[str] | None, leads: range | None) -> bool:
        for piece in pieces:
            if not decodes(piece, encoding):
                return False
            text = piece.decode(encoding)
            foreign = [letter for letter in text if not letter.isascii()]
            if leads and any(letter.encode(encoding)[0] not in leads for letter in foreign):
                return False
            if usual and not all(
                usual.fullmatch(word) for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()
            ):
                return False
            if usual and not all(letter.isalpha() for letter in foreign):
                return False
        return True

    return (
        fits("big5", None, range(0xA1, 0xC7))
        or fits("euc_kr", None, range(0xA1, 0xC9))
        or fits("cp1251", _CYRILLIC_WORD, None)
    )


def text_encoding(file: Path, given: str | None = None) -> tuple[str, str | None]:
    """Tell how a file of text is written.

    Parameters
    ----------
    file : path
    given : str, optional
        What the user says.

    Returns
    -------
    encoding : str
    note : str or None
        What the user should hear of it.

    Raises
    ------
    GridError
        If it is not in the encoding given, or none is given and it is doubtful.
    """
    with file.open("rb") as start:
        head = start.read(4096)
    mark = _byte_order_mark(head)
    if given is not None:
        encoding = require_encoding(given, file.name)
        encoding = mark if mark and encoding.startswith(("utf-8", "utf-16", "utf-32", "utf_")) else encoding
        fault = None if encoding == mark else _fault(file, encoding)
        if fault is not None:
            raise GridError(f"{file.name}: expected text in {encoding}, as encoding= says; {fault}.")
        return encoding, None
    if mark:
        return mark, None
    if b"\0" in head and _looks_wide(head):
        raise GridError(
            f"{file.name}: the text looks like UTF-16 without a byte-order mark; say so with encoding='utf-16-le' (or "
            "'utf-16-be'), or save it as UTF-8."
        )
    if _fault(file, UTF8) is None:
        return "utf-8-sig", None
    return _without_word(file)


def _without_word(file: Path) -> tuple[str, str | None]:
    """Tell the encoding of a file that says nothing of it and is not UTF-8.

    Raises
    ------
    GridError
        If it is doubtful.
    """
    with file.open("rb") as raw:
        sample = raw.read(_SAMPLE)
    pieces = re.split(rb'[,;\t\r\n"]+', sample)
    if len(sample) == _SAMPLE:
        pieces = pieces[:-1]
    damaged = 1 - share_that_decodes(set(pieces), UTF8)
    if undeclared(pieces) == CHINESE and _fault(file, CHINESE) is None:
        return CHINESE, f"the text is not UTF-8, it was read as {CHINESE}"
    hint = f" (nearly all of it is UTF-8, but {_fault(file, UTF8)})" if damaged < MOST_DAMAGED else ""
    raise GridError(
        f"{file.name}: expected text in UTF-8 or GB18030, got neither for sure{hint}; say in which it is with "
        "encoding=, such as 'gbk', 'big5', 'cp1252' or 'shift_jis', or save it as UTF-8."
    )


def _byte_order_mark(head: bytes) -> str | None:
    marks = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
    marks |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    return next((name for mark, name in marks.items() if head.startswith(mark)), None)


def _looks_wide(head: bytes) -> bool:
    """Tell whether every other byte is zero, or nearly so."""
    return any(head[start::2].count(0) > len(head) / 8 and not head[1 - start :: 2].count(0) for start in (0, 1))


def _fault(file: Path, encoding: str) -> str | None:
    """Say in which line a file is not in an encoding; None where all of it is."""
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with file.open("rb") as raw:
        while True:
            block = raw.read(_BLOCK)
            try:
                line += decoder.decode(block, not block).count("\n")
            except UnicodeDecodeError as error:
                return f"line {line + error.object[: error.start].count(10):,} is not"
            if not block:
                return None
