"""Numbers, addresses and names of persons where they stand in a text.

How they are written is known to `gridgis.persons`; here is what keeps them apart from the drawings, codes and scripts
that stand beside them in finished files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from gridgis.leaks.runs import SHORT, Ints, chains, near, number_starts
from gridgis.persons.words import ALWAYS, PERHAPS, said_by_name
from gridgis.persons.written import (
    ACCOUNT,
    ADDRESS_EN,
    HANZI_NAME,
    LATIN_NAME,
    PLACE_END,
    PLATE,
    STREET_EN,
    is_id_number,
    is_name,
    is_old_id_number,
    may_be_division,
)

ID_NUMBER, PHONE, EMAIL, ADDRESS, NAME, COLUMN, NUMBER_PLATE, OF_ACCOUNT = (
    "identity number",
    "phone number",
    "e-mail address",
    "postal address",
    "name of a person",
    "personal column",
    "number plate",
    "account of a person",
)
CODE_OF_DIVISION, PHONE_OR_CODE = "code", "phone number or code"
"""11 digits that are said to be a code; and such that are a phone number unless others around tell they are codes."""

_SAYS_PHONE = re.compile(
    r"(?:电话|手机|联系方式|\b(?:tel|phone|mobile|call|cell|contact)\w*)[^\d\n]{0,12}$", re.IGNORECASE
)
_SAYS_CODE = re.compile(
    r"(?:code|编码|代码|编号|网格|社区|区划|单元|\b(?:cell|grid|parent|division)\w*)[\"'”]?\s{0,4}[:：=>]?\s{0,4}"
    r"[\"'“]?$",
    re.IGNORECASE,
)
_PLATE, _ACCOUNT = re.compile(PLATE, re.ASCII), re.compile(rf"(?<![A-Za-z0-9_.$]){ACCOUNT}", re.ASCII)
_PLATE_WORDS = tuple("京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼")
_ACCOUNT_WORDS = ("QQ", "qq", "微信", "WeChat", "wechat", "Wechat", "wxid_")
_OLD_ID = re.compile(r"身份证[^\d\n]{0,8}(\d{15})(?!\d)")

_ID = re.compile(
    r"(?<![0-9A-Za-z_.])(?:\d{17}[\dXx]|(?<![0-9][ \-])(?:\d{6}[ \-]\d{8}[ \-]\d{3}[\dXx]"
    r"|\d{6}[ \-]\d{4}[ \-]\d{4}[ \-]\d{3}[\dXx]"
    r"|\d{3}[ \-]\d{3}[ \-]\d{4}[ \-]\d{4}[ \-]\d{3}[\dXx]|\d{6}[ \-]\d{4}[ \-]\d{2}[ \-]\d{2}[ \-]\d{3}[\dXx]"
    r"|\d{4}[ \-]\d{4}[ \-]\d{4}[ \-]\d{4}[ \-]\d[\dXx]))(?![0-9A-Za-z_])(?!\.\d)"
)
_PHONE = re.compile(
    r"(?<![0-9A-Za-z_.])(?<![,\[:(]-)(?:(?:\+|00)?86[ \-]?|\(\+?86\) ?)?"
    r"(1[3-9]\d{9}|(?<![0-9][ .\-])(?<!\b[MLHVCSQTAmlhvcsqta] )1[3-9]\d([ \-.])\d{4}\2\d{4}(?![ .\-]\d{3})"
    r"|(?<![0-9][ .\-])1[3-9]\d([ \-])\d{3}\3\d{5}(?![ \-]\d{3})"
    r"|(?<=86[ \-])1[3-9]\d([ \-])\d{4}\4\d{4})(?:\.0{1,2})?(?![0-9A-Za-z_])(?!\.\d)"
)
_MAY_HOLD_NUMBER = re.compile(r"\d{7}|\d{3}[ .\-()]{1,2}\d")
_STEPS = re.compile(r"\"(?:bounds|raster|bbox|extent|transform)\\?\"\s*:\s*\[[-\d.,\s]*$")
_LANDLINE = re.compile(r"(?<![0-9A-Za-z_.\-])(?:0\d{2,3}-\d{7,8}|\(0\d{2,3}\) ?\d{7,8})(?![0-9A-Za-z_\-])(?!\.\d)")
EMAIL_ADDRESS = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._%+\-]{0,63}@[A-Za-z0-9][A-Za-z0-9\-]*(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,10}(?![A-Za-z0-9])"
)
_WRITTEN_MAIL = re.compile(
    r"[A-Za-z0-9._%+\-]{3,}@(?:(?:[a-z0-9\-]{2,}\.)+[a-z]{2,}|(?:[A-Z0-9\-]{2,}\.)+[A-Z]{2,}|(?:[A-Z][a-z0-9\-]+\.)+[A-Za-z]{2,3})"
)
"""What is an address also between bytes: the numbers of coordinates from 2 to 131,072 end in the byte of an at sign."""
_FILES = re.compile(r"@\d+x\.|\.(?:png|jpe?g|svg|gif|webp|js|mjs|css|map|json|html?)$", re.IGNORECASE)

_DIGITS = r"[0-9一二三四五六七八九十百零〇○]"
_ADDRESS_ZH = re.compile(
    r"[\u4e00-\u9fff]{1,12}(?:路|街|巷|弄|胡同|大道|大街|道|条|里|村|庄|园|苑|花园|小区|新村|公寓|社区|组|坊|湾|城)\s?(?:第\s?)?"
    rf"{_DIGITS}{{1,5}}\s?(?:[\-之]\s?{_DIGITS}{{1,4}}\s?)?"
    r"(?:(?<=[0-9一二三四五六七八九十百零〇○])\s?(?:号楼|幢|栋|单元|室)|(?:号|弄)(?!网格|单元格|格|线|地块|地铁|片区|小区域|站|区|台风|文件))"
    rf"|{_DIGITS}{{1,4}}\s?(?:号楼|号院|栋|幢|座|单元|号)\s?(?:{_DIGITS}{{1,3}}\s?(?:单元|层|楼|门)\s?)?[\-]?{_DIGITS}{{1,5}}\s?(?:室|号房|户室)"
    rf"|{_DIGITS}{{1,4}}\s?(?:号楼|号院|栋|幢|座)\s?{_DIGITS}{{1,3}}\s?(?:单元|号)(?!格)(?:\s?{_DIGITS}{{1,5}})?"
    rf"|(?:号楼|栋|幢|单元)\s?{_DIGITS}{{3,4}}(?![0-9.])"
)
_ADDRESS_WORDS_ZH = ("号", "室", "栋", "幢", "座", "单元", "弄")
_ADDRESS_WORDS_EN = (
    *(f" {word}" for word in re.findall(r"\w+", STREET_EN[3:]) if word != "St"),
    *(
        " St ",
        " St.",
        " St,",
        " St<",
        ' St"',
        " St'",
        " St\n",
        "Room",
        "Rm",
        "Flat",
        "Apt",
        "Apartment",
        "Bldg",
        "Unit",
    ),
    *("Building", "Block"),
)
_NAME_WORDS_ZH = (
    "姓名",
    "户主",
    "联系人",
    "业主",
    "房东",
    "租户",
    "承租人",
    "申请人",
    "当事人",
    "报案人",
    "投诉人",
    "反映人",
    "来访人",
)
_NAME_WORDS_EN = ("name", "Name", "NAME", "ouseholder", "enant", "esident", "wner", "omplainant")

_LABEL = (
    r"(?:居民|业主|户主|申请人|投诉人|报案人|联系人|当事人|负责人|租户|承租人)?姓名|户主|联系人|业主|房东|租户"
    r"|承租人|申请人|当事人|报案人|投诉人|反映人|来访人"
)
_BETWEEN = r"(?P<between>(?:[\s\"'“”:：=＝]|</?(?:th|td|b|strong|span|dt|dd|i|label|div)\b[^<>]{0,200}>){1,60})"
_SEPARATES = re.compile(r"[:：=＝\t<]")
_FAR = 2_000
"""Signs from a label to the end of the name that it labels, at most."""
_LABEL_ZH = re.compile(_LABEL)
_NAMED_ZH = re.compile(rf"(?:{_LABEL}){_BETWEEN}(?P<name>[\u4e00-\u9fff][\u4e00-\u9fff·]{{1,14}}|{LATIN_NAME.pattern})")
_LABEL_EN = re.compile(
    r"\b(?:(?:[Rr]esident|[Oo]wner|[Pp]erson|[Cc]ontact|[Ff]ull|[Ff]irst|[Ll]ast|[Uu]ser|[Hh]ouseholder|[Tt]enant)"
    r"[ _\-]?[Nn]ame|[Ss]urname|[Hh]ouseholder|[Tt]enant|[Rr]esident|[Oo]wner|[Cc]omplainant)"
)
_VALUE = rf"{_BETWEEN}(?P<name>{HANZI_NAME.pattern}|{LATIN_NAME.pattern})(?![A-Za-z\u4e00-\u9fff])"
_NAMED_EN = re.compile(_LABEL_EN.pattern + _VALUE)
_LABEL_BARE = re.compile(r"\b(?:[Nn]ame|NAME)")
_NAMED = re.compile(_LABEL_BARE.pattern + _VALUE)
_PERSON_LABEL = re.compile(
    r"(?:\b(?:phone|mobile|tel|telephone|id_?card|id_?number|id_?no|address|birth\w*|gender|sex|age|email|e-mail|household_?id)"
    r"|电话|手机|身份证|证件号|住址|地址|出生|性别|年龄|民族|婚姻)[\"'”]?\s*(?:[:：=]|</?t[hd]\b)",
    re.IGNORECASE,
)
PERSON_COLUMN = re.compile(
    r"^(?:age|gender|sex|ethnicity|marital.*|性别|年龄|民族|婚姻.*|政治面貌|文化程度)$", re.IGNORECASE
)
"""Columns that persons have and places have not, besides those of `gridgis.persons`."""

_NO_NAMES = re.compile(
    rf"^(?:{_LABEL}|电话|手机|住址|地址|性别|年龄|身份证.*|出生.*|联系.*|已?隐藏|不公开|保密|未知|不详|合计|总计|总数|户数|人数|数量|无)$"
)


class Hit(NamedTuple):
    """What was found in a text, and where in it."""

    kind: str
    position: int
    value: str


def find_patterns(text: str, *, of_bytes: bool = False) -> Iterator[Hit]:
    """Find what is written as a person's number, address or name.

    Parameters
    ----------
    text : str
        What is searched.
    of_bytes : bool
        It was read out of bytes that are no text, where a few letters around an at sign are there by chance.

    Examples
    --------
    >>> [(hit.kind, hit.value) for hit in find_patterns("姓名: 王芳, 138-1234-5678, grid 990101001001001")]
    [('phone number', '138-1234-5678'), ('name of a person', '王芳')]
    """
    yield from _numbers(text, of_bytes)
    yield from _marks(text)
    yield from _addresses(text)
    yield from _names(text)


def _numbers(text: str, of_bytes: bool) -> Iterator[Hit]:
    if len(text) > SHORT or _MAY_HOLD_NUMBER.search(text):
        runs = number_starts(text)
        yield from _ids(text, *runs)
        yield from _phones(text, *runs)
    for place in re.finditer("@", text):
        for hit in _mail_at(text, place.start()):
            if not of_bytes or _WRITTEN_MAIL.fullmatch(hit.value):
                yield hit


def _ids(text: str, start: Ints, length: Ints, gap: Ints) -> Iterator[Hit]:
    whole = np.flatnonzero((length == 17) | (length == 18))
    for i in (*whole.tolist(), *chains(length, gap, (17, 18), (3, 4, 6)).tolist()):
        found = _ID.match(text, start[i])
        if found and is_id_number(found[0]):
            yield Hit(ID_NUMBER, found.start(), found[0])


def _phones(text: str, start: Ints, length: Ints, gap: Ints) -> Iterator[Hit]:
    longer: set[str] | None = None
    whole = np.flatnonzero((length == 11) | (length == 13) | (length == 15)).tolist()
    for i in (*whole, *chains(length, gap, (11,), (3,)).tolist(), *chains(length, gap, (13, 15), (2, 4)).tolist()):
        found = _PHONE.match(text, start[i])
        if found and not _STEPS.search(text[max(found.start() - 120, 0) : found.start()]):
            kind = _phone_or_code(text, found)
            if kind == PHONE_OR_CODE:  # codes of cells begin with that of their parent
                if longer is None:
                    longer = {text[at : at + 11] for at in start[(length >= 13) & (length <= 17)].tolist()}
                kind = CODE_OF_DIVISION if found[1] in longer else kind
            yield Hit(kind, found.start(1), found[1])
    lines = (length[:-1] >= 3) & (length[:-1] <= 4) & (gap[:-1] <= 2) & (length[1:] >= 7) & (length[1:] <= 8)
    for i in np.flatnonzero(lines).tolist():
        if text[start[i]] == "0" and (
            found := _LANDLINE.match(text, start[i]) or _LANDLINE.match(text, max(start[i] - 1, 0))
        ):
            yield Hit(PHONE, found.start(), found[0])


def _phone_or_code(text: str, found: re.Match[str]) -> str:
    """Tell a phone number from what may be a code of 11 digits, which says nothing of itself."""
    if found[0] != found[1] or not may_be_division(found[1]):
        return PHONE
    before = text[max(found.start() - 40, 0) : found.start()]
    if _SAYS_CODE.search(before):
        return CODE_OF_DIVISION
    return PHONE if _SAYS_PHONE.search(before) else PHONE_OR_CODE


def _marks(text: str) -> Iterator[Hit]:
    """Number plates, accounts, identity numbers of the old form."""
    if not text.isascii():
        for start, end in near(text, _PLATE_WORDS, 0, 12):
            yield from (Hit(NUMBER_PLATE, found.start(), found[0]) for found in _PLATE.finditer(text, start, end))
        for found in _OLD_ID.finditer(text):
            if is_old_id_number(found[1]):
                yield Hit(ID_NUMBER, found.start(1), found[1])
    for start, end in near(text, _ACCOUNT_WORDS, 2, 40):
        yield from (Hit(OF_ACCOUNT, found.start(), found[0]) for found in _ACCOUNT.finditer(text, start, end))


def _mail_at(text: str, place: int) -> Iterator[Hit]:
    """The e-mail address around an at sign; not those of the authors of our scripts, nor ``icon@2x.png``."""
    for found in EMAIL_ADDRESS.finditer(text, max(place - 64, 0), min(place + 200, len(text))):
        if found.start() < place < found.end():
            if not _FILES.search(found[0]) and found[0] not in _our_own():
                yield Hit(EMAIL, found.start(), found[0])
            return


def _addresses(text: str) -> Iterator[Hit]:
    for start, end in near(text, _ADDRESS_WORDS_ZH, 60, 40):
        for found in _ADDRESS_ZH.finditer(text, start, end):
            yield Hit(ADDRESS, found.start(), found[0])
    for start, end in near(text, _ADDRESS_WORDS_EN, 80, 60):
        for found in ADDRESS_EN.finditer(text, start, end):
            if not re.match(r"51 Franklin|59 Temple", found[0]):  # in the text of old licences
                yield Hit(ADDRESS, found.start(), found[0])


def _names(text: str) -> Iterator[Hit]:
    for found in _labelled(text, _NAME_WORDS_ZH, _LABEL_ZH, _NAMED_ZH):
        if not _NO_NAMES.match(found["name"]) and found["name"][-1] not in PLACE_END:
            yield Hit(NAME, found.start("name"), found["name"])
    for found in _labelled(text, _NAME_WORDS_EN, _LABEL_EN, _NAMED_EN):
        yield Hit(NAME, found.start("name"), found["name"])
    for found in _labelled(text, ("name", "Name", "NAME"), _LABEL_BARE, _NAMED):
        around = text[max(found.start() - 160, 0) : found.start()] + "\n" + text[found.end() : found.end() + 160]
        if is_name(found["name"]) and _PERSON_LABEL.search(around):
            yield Hit(NAME, found.start("name"), found["name"])


def _labelled(
    text: str, words: tuple[str, ...], label: re.Pattern[str], whole: re.Pattern[str]
) -> Iterator[re.Match[str]]:
    """Names after labels: words are looked for first, labels around them, then the whole of a label and a name."""
    for start, end in near(text, words, 16, 24):
        for found in label.finditer(text, start, end):
            named = whole.match(text, found.start(), min(found.start() + _FAR, len(text)))
            if named and _SEPARATES.search(named["between"]):
                yield named


def is_personal_column(name: str) -> bool:
    """Tell whether a column is named as those of persons are; a bare "name" may be that of a place.

    Examples
    --------
    >>> [is_personal_column(name) for name in ("phone", "姓名", "name", "count_电话")]
    [True, True, False, False]
    """
    plain = name.strip()
    return len(plain) <= 40 and plain.lower() != "name" and said_by_name(plain) == ALWAYS


def is_column_of_roles(name: str) -> bool:
    """Tell whether a column is named by what persons are or do, so that names in it are theirs.

    Examples
    --------
    >>> [is_column_of_roles(name) for name in ("tenant", "投诉人", "reporter_type")]
    [True, True, False]
    """
    return len(name) <= 40 and said_by_name(name.strip()) == PERHAPS


@cache
def _our_own() -> frozenset[str]:
    """Addresses of authors in the scripts and licences that come with the package."""
    known: set[str] = set()
    for asset in (files("gridgis.pages") / "assets").iterdir():
        if asset.name.endswith((".js", ".css", ".txt", ".svg")):
            known.update(EMAIL_ADDRESS.findall(asset.read_bytes().decode("utf-8", "replace")))
    return frozenset(known)
