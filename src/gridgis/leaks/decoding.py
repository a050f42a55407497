"""Text out of bytes, and bytes out of text: encodings, escapes, and the runs of letters that stand for something."""

from __future__ import annotations

import base64
import binascii
import html
import re
import zlib
from collections.abc import Iterator
from urllib.parse import unquote

import numpy as np

from gridgis.contract import GridError
from gridgis.leaks.runs import IS_BASE64, IS_DIGIT, IS_HEX, Ints, Signs, only_of, runs_of, signs_of

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_ESCAPE = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-7]{3})|([nrt/\"'\\]))"
)
_JOINED = re.compile(r"[\"']\s*\+\s*[\"']")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_WIDE = re.compile("[\uff01-\uff5e\u3000]+")
_LIKE_ASCII = re.compile("[\u00a0\u2007\u202f\u2010-\u2015\u2212]")
_TO_ASCII = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_PRINTABLE = re.compile(
    rb"(?:[\x20-\x7e\t\r\n]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}){6,}"
)
_PRINTABLE_16 = re.compile(rb"(?:[\x20-\x7e]\x00|[\x00-\xff][\x4e-\x9f]){6,}")
_GROUPS = re.compile(r"(?:[0-9a-fA-F]{2}[ :]){7,}[0-9a-fA-F]{2}(?![0-9A-Za-z])")
_BETWEEN = re.compile(r"\r?\n[\"', \t]*|[\"'],?\s*[\"']")
_ODD = re.compile("[^\t\n\r\x20-\x7e\u00a0-\u024f\u2000-\u206f\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]")
_MAGIC = (b"\x1f\x8b", b"PK\x03\x04", b"\x89PNG", b"%PDF", b"SQLite format 3\0", b"\xff\xd8\xff", b"BZh", b"\xfd7zXZ\0")
_MOST_ROUNDS = 6


def text_of(data: bytes) -> str | None:
    """Read bytes as text, in UTF-8, UTF-16 or GB18030; give None where they are no text.

    Examples
    --------
    >>> text_of("王芳".encode("gb18030")), text_of("王芳 13".encode("utf-16")), text_of(bytes(range(256)))
    ('王芳', '王芳 13', None)
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if data[:400].count(0) == 0:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            pass
    head = data[:4000][: len(data[:4000]) // 2 * 2]
    for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if zeros.count(0) > len(zeros) // 4 and looks_written(head.decode(name, "replace")):
            return data.decode(name, "replace")
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        text = "\0"
    if looks_written(text):
        return text
    for name in ("utf-16-le", "utf-16-be"):
        if len(data) % 2 == 0 and looks_written(text := data.decode(name, "replace")):
            return text
    return None


def looks_written(text: str) -> bool:
    r"""Tell whether text could have been written to be read: few signs other than Latin, Chinese and punctuation.

    Examples
    --------
    >>> looks_written("姓名: 王芳"), looks_written("\x01\x02ab")
    (True, False)
    """
    head = text[:20_000]
    return bool(head) and len(_ODD.findall(head)) <= len(head) // 20


def printable_runs(data: bytes) -> str:
    r"""Give what can be read between bytes that are no text, a line a run.

    Examples
    --------
    >>> printable_runs(b"\x00\x01Wang Fang\x00\xff")
    'Wang Fang'
    """
    runs = [found.decode("utf-8", "ignore") for found in _PRINTABLE.findall(data)]
    runs += [found.decode("utf-16-le", "ignore") for found in _PRINTABLE_16.findall(data) if b"\0" in found]
    return "\n".join(runs)


def plain(text: str) -> tuple[str, str]:
    r"""Undo entities, percent signs, escapes, full-width signs, unseen signs and joined strings, until none is left.

    Returns
    -------
    text, how : str
        The same text, and nothing, where there was nothing to undo.

    Examples
    --------
    >>> plain("&#x738b;\\u82b3 %31")
    ('王芳 1', 'entities, percent, escapes')
    """
    done: dict[str, None] = {}
    for _ in range(_MOST_ROUNDS):
        before = text
        if "&" in text and _ENTITY.search(text):
            text, done["entities"] = html.unescape(text), None
        if "%" in text and _PERCENT.search(text):
            text, done["percent"] = _PERCENT.sub(_unquoted, text), None
        if "\\" in text and _ESCAPE.search(text):
            text, done["escapes"] = _without_escapes(text), None
        if not text.isascii():
            text = _UNSEEN.sub("", text)
            text = _WIDE.sub(lambda found: found[0].translate(_TO_ASCII), text)
            text = _LIKE_ASCII.sub(lambda found: "-" if found[0] > "\u200f" and found[0] != "\u202f" else " ", text)
        text = _JOINED.sub("", text)
        if text == before:
            break
        done = done or {"signs": None}
    return text, ", ".join(done)


def _unquoted(found: re.Match[str]) -> str:
    data = bytes.fromhex(found[0].replace("%", ""))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return unquote(found[0], "gb18030", "replace")


def _without_escapes(text: str) -> str:
    text = _ESCAPE.sub(_unescaped, text)
    if re.search("[\ud800-\udfff]", text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if re.search("[\xe0-\xef][\x80-\xbf]{2}", text):  # the bytes of UTF-8, each escaped by itself
        text = re.sub(
            "(?:[\xe0-\xef][\x80-\xbf]{2})+", lambda found: found[0].encode("latin-1").decode("utf-8", "replace"), text
        )
    return text


def _unescaped(found: re.Match[str]) -> str:
    for digits in found.groups()[:4]:
        if digits:
            code = int(digits, 16)
            return chr(code) if code < 0x110000 else found[0]
    if found[5]:
        return chr(int(found[5], 8))
    return {"n": "\n", "r": "\r", "t": "\t"}.get(found[6], found[6])


def encoded_runs(text: str) -> Iterator[tuple[int, str, bytes]]:
    """Find runs of base64 and hex in a text that decode to something: place, name and bytes of each.

    Examples
    --------
    >>> list(encoded_runs('atob("5aeT5ZCNOiDnjovoirM=")'))[0][2].decode()
    '姓名: 王芳'
    """
    known: set[str] = set()
    signs = signs_of(text)
    start, end = runs_of(signs, IS_BASE64)
    reached = -1
    wrapped = _wrapped(text, start, end)
    for first, last in sorted([*wrapped, *_single(text, signs, start, end)], key=lambda run: (run[0], -run[1])):
        if first < reached:
            continue  # a line of what was read as a whole
        run = re.sub(r"[\s\"',]", "", text[first:last])
        if run not in known and not run.isdigit():
            known.add(run)
            if data := _from_base64(run):
                yield first, "base64", data
                reached = last
    known = set()
    start, end = runs_of(signs, IS_HEX)
    length = end - start
    number = only_of(signs, IS_DIGIT, start, end) & (length < 22)
    long = np.flatnonzero((length >= 16) & (length % 2 == 0) & ~number)
    pairs = np.flatnonzero(length == 2)
    pairs = pairs[np.isin(pairs + 7, pairs)] if len(pairs) > 7 else pairs[:0]
    for place, run in (*_hex_runs(text, start[long], end[long]), *_hex_groups(text, start[pairs])):
        if run not in known and not (run.isdigit() and len(run) < 22):
            known.add(run)
            if _is_something(data := bytes.fromhex(run)):
                yield place, "hex", data


def _single(text: str, signs: Signs, start: Ints, end: Ints) -> Iterator[tuple[int, int]]:
    """Runs of 16 letters or more; of 8 between quotes; of 4 that are said to be base64."""
    length = end - start
    wanted = length >= 16
    quote = np.isin(np.append(signs, [0, 0, 0]), np.frombuffer(b"'\"`", np.uint8))
    filled = np.append(signs, [0, 0, 0]) == ord("=")
    after = end + np.where(filled[end], 1 + filled[end + 1], 0)
    wanted |= (length >= 8) & quote[np.maximum(start - 1, 0)] & quote[after]
    if "base64," in text:
        wanted |= (length >= 4) & np.isin(start, [found.end() for found in re.finditer("base64,", text)])
    wanted &= ~only_of(signs, IS_DIGIT, start, end)
    yield from zip(start[wanted].tolist(), end[wanted].tolist(), strict=True)


def _wrapped(text: str, start: Ints, end: Ints) -> Iterator[tuple[int, int]]:
    """Lines of equal length, 60 to 76, one after the other, and the rest after them."""
    length = end - start
    full = (length >= 60) & (length <= 76)
    i, long = 0, np.flatnonzero(full).tolist()
    while i < len(long):
        line = last = long[i]
        while last + 1 < len(length) and full[last] and _BETWEEN.fullmatch(text, end[last], start[last + 1]):
            last += 1
        if last > line:
            yield int(start[line]), int(end[last])
            yield int(start[line]), int(end[last - 1])  # what comes after may be something else
        i += 1
        while i < len(long) and long[i] < last:
            i += 1


def _hex_runs(text: str, start: Ints, end: Ints) -> Iterator[tuple[int, str]]:
    for first, last in zip(start.tolist(), end.tolist(), strict=True):
        before = text[first - 1 : first] if first else ""
        if not (before.isascii() and before.isalnum() and before != "x") and not re.match(
            "[A-Za-z]", text[last : last + 1]
        ):
            yield first, text[first:last].lower()


def _hex_groups(text: str, start: Ints) -> Iterator[tuple[int, str]]:
    reached = 0
    for first in start.tolist():
        if first >= reached and (found := _GROUPS.match(text, first)):
            reached = found.end()
            yield first, re.sub("[ :]", "", found[0]).lower()


def _from_base64(run: str) -> bytes | None:
    letters = run.rstrip("=").replace("-", "+").replace("_", "/")
    letters = letters[:-1] if len(letters) % 4 == 1 else letters
    try:
        data = base64.b64decode(letters + "=" * (-len(letters) % 4))
    except (binascii.Error, ValueError):
        return None
    return data if _is_something(data) else None


def _is_something(data: bytes) -> bool:
    """Tell whether decoded bytes are a known kind of file, compressed, or text."""
    if data.startswith(_MAGIC) or _is_point(data):
        return True
    if data[:400].count(0) == 0:
        try:
            return looks_written(data.decode("utf-8"))
        except UnicodeDecodeError:
            pass
    if len(data) >= 12 and inflated(data[:4096], 1 << 20, whole=False) is not None:
        return True
    text = text_of(data) if len(data) >= 8 else None
    return text is not None and _is_plausible(text)


def _is_point(data: bytes) -> bool:
    """Well-known binary of one point."""
    return len(data) in (21, 25, 29) and data[:2] in (b"\1\1", b"\0\0")


def _is_plausible(text: str) -> bool:
    """Text that is no UTF-8 must say something: plain letters, common signs, or a number."""
    if sum(" " <= sign <= "~" for sign in text) >= 0.9 * len(text):
        return True
    common = re.findall(r"[\u4e00-\u9fff]", text)
    level_1 = sum(sign >= "一" and _in_gb2312(sign) for sign in common)
    return bool(re.search(r"\d{5}", text)) or (len(common) >= 2 and level_1 >= 0.9 * len(common))


def _in_gb2312(sign: str) -> bool:
    data = sign.encode("gb2312", "ignore")
    return len(data) == 2 and 0xB0 <= data[0] <= 0xD7


def inflated(data: bytes, most: int, *, whole: bool = True) -> tuple[str, bytes, bytes] | None:
    """Decompress gzip, zlib or raw deflate: name of the form, what was in it, and the bytes after it.

    Raises
    ------
    GridError
        If more than ``most`` bytes come out.

    Examples
    --------
    >>> inflated(zlib.compress(b"Wang Fang") + b"after", 100)
    ('zlib', b'Wang Fang', b'after')
    """
    forms = [("gzip", 31)] if data[:2] == b"\x1f\x8b" else []
    if len(data) > 2 and data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0:
        forms.append(("zlib", 15))
    forms.append(("deflate", -15))
    for name, bits in forms:
        reader = zlib.decompressobj(bits)
        try:
            out = reader.decompress(data, most + 1)
        except zlib.error:
            continue
        if len(out) > most and whole:
            raise GridError(f"find_leaks: something compressed unpacks to more than {most} bytes; it cannot be read.")
        if bits < 0 and not (_reads(out) and (reader.eof or not whole)):
            continue
        if out or bits > 0:
            return name, out, reader.unused_data
    return None


def _reads(data: bytes) -> bool:
    """Whether what came out of a guess is text or a known kind of file."""
    if data.startswith(_MAGIC):
        return True
    return len(data) >= 6 and (text := text_of(data[:4000])) is not None and looks_written(text) and _is_utf8(data)


def _is_utf8(data: bytes) -> bool:
    try:
        data[:3900].decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        return error.start > len(data[:3900]) - 4
    return True
