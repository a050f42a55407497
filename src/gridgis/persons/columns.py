"""What a column holds, found out batch by batch: by its name, by single values, by the share of values of a kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gridgis.persons import spatial, words, written

PERSONS, TEXT, COORDINATES = "persons", "free text", "coordinates"
"""Why a column does not go out."""

SHARES_OF = 100_000
"""Rows from the first on of which shares are taken; single numbers of persons are looked for in all rows."""

_MOST_SMALL = 1_000_000
_LEAST_NUMBER, _MANY = 1.3e10, 1e9
_FLAGS = pa.array(
    re.findall(
        r"\S+",
        "是 否 有 无 y n yes no true false t f √ × x 对 错 ",
    )
)
_NOTHING = pa.array(["", "nan", "null", "none", "-", "--", "/", "n/a", "na", "无", "不详", "未知", "unknown"])
_NUMBER = r"^[+\-]?\d{1,20}(?:\.\d*)?(?:[eE][+\-]?\d{1,3})?$"
_MAY_BE_NUMBER = (
    r"@|\+\d|\([2-9]\d\d\)|1[3-9]\d\D{0,4}\d{3,5}\D{0,3}\d{4,5}|1[3-9]\d\d\D\d{3}\D\d{4}|0\d{2,3}[) \-]"
    r"|\d{6}[ \-]?(?:18|19|20)\d\d|[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Za-z]"
    r"|(?i:qq|微信|wechat|weixin|wx|企鹅号)|1\.\d+[eE]|\d{15}"
)
_MAY_BE_NAME = r"^(?:\d{1,4}[.、)] ?)*[一-鿿·*＊×xX 、,;/&]{2,40}(?:\([^()]{1,10}\))?$|" + written.LATIN_FORM
_MAY_BE_HOME = r"[号楼栋幢座弄单元室户#]"
_MAY_BE_STREET = (
    r"号|弄|(?i:road|rd\b|street|\bst\b|avenue|\bave\b|lane|drive|court|square|room|\brm\b|flat|apt|bldg|building|unit"
    r"|block|\blu\b|jie\b|hutong|dadao|xiang)"
)
_NO_WORDS = r"[0-9年月日时分秒点上下午]"
_LETTER = "A-Za-zÀ-ɏЀ-ӿ"
_FREE = (
    rf"(?:[一-鿿][^一-鿿]*){{6}}|(?:[{_LETTER}]{{2,}}[^{_LETTER}]+){{3}}[{_LETTER}]{{2,}}"
    r"|[一-鿿][^一-鿿]*[一-鿿].*[，,。;；]"
)
_FEW = 3000
"""Up to so many texts a pattern is asked in Python, beyond in Arrow, where it takes longer to make ready."""
_PASSPORT = r"^(?:[EeGg]\d{8}|[Ee][A-Ha-hJ-Nj-nP-Zp-z]\d{7}|[DdSsPp][Ee]?\d{7,8}|[Hh][Kk]?\d{8,10}|[MCmc]\d{8,9})$"
_IS_CODE = re.compile(
    r"code|编码|代码|编号|网格|区划|辖区|division|cell|grid|adcode|region|area|district", re.IGNORECASE
)
_IS_ID = re.compile(
    r"(?:^|_)(?:id|no|number|code|ref|key|case|event|ticket|serial|fid|gid|uuid)(?:_|$)|编号|单号|序号|流水|代码|编码",
    re.IGNORECASE,
)


class ColumnLook:
    """What is known of one column after some of its rows.

    Parameters
    ----------
    name : str
        The name of the column.

    Examples
    --------
    >>> look = ColumnLook("note")
    >>> look.look(pa.array(["none", "call 138-1234-5678"]))
    >>> look.why
    'persons'
    """

    def __init__(self, name: str):
        self.name = name
        self.said = words.said_by_name(name)
        self.place = words.is_place_name(name)
        self.number = False
        self.rows = self.shared = 0
        self.count: dict[str, int] = {}
        self.divisions: set[str] = set()
        self.passports: tuple[float, float] = (np.inf, -np.inf)
        self.hashes: npt.NDArray[np.uint64] = np.zeros(0, np.uint64)

    @property
    def is_known(self) -> bool:
        """Whether nothing that comes can change that these are persons."""
        return self.said == words.ALWAYS or self.number

    @property
    def why(self) -> str | None:
        """Say whether the column holds persons."""
        if self.is_known or (self.divisions and not self._are_codes()):
            return PERSONS
        if self.said == words.PERHAPS and not self._are_counts():
            return PERSONS
        return PERSONS if self._are_persons_by_share() else None

    @property
    def why_not_out(self) -> str | None:
        """Say why the column does not go out with rows of single things, None where it may."""
        if self.why is not None:
            return self.why
        return COORDINATES if self._are_coordinates() else TEXT if self._is_free_text() else None

    def look(self, column: pa.Array, near: Sequence[Any] = ()) -> None:
        """Look at the next rows; ``near`` are arrays of the coordinates of these rows, where they are known."""
        if self.is_known:
            return
        kind = column.type
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
            kind = column.type
        first = min(len(column), max(SHARES_OF - self.rows, 0))
        self.rows += len(column)
        if pa.types.is_boolean(kind) or pa.types.is_temporal(kind) or pa.types.is_null(kind):
            known = first - column.slice(0, first).null_count
            self.shared += known
            self._add("small", known)
        elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
            self._look_at_numbers(column, first, near)
        else:
            self._look_at_texts(_as_text(column), first, near)

    def join(self, other: ColumnLook) -> ColumnLook:
        """Add what another look at rows of the same column has found; give this one."""
        self.number |= other.number
        self.rows, self.shared = self.rows + other.rows, self.shared + other.shared
        for what, count in other.count.items():
            self._add(what, count)
        self._add_divisions(other.divisions)
        self.passports = min(self.passports[0], other.passports[0]), max(self.passports[1], other.passports[1])
        self.hashes = np.union1d(self.hashes, other.hashes)
        return self

    def _add(self, what: str, count: int) -> None:
        self.count[what] = self.count.get(what, 0) + int(count)

    def _share(self, *what: str) -> float:
        return sum(self.count.get(name, 0) for name in what) / self.shared if self.shared else 0.0

    def _look_at_numbers(self, column: pa.Array, first: int, near: Sequence[Any]) -> None:
        numbers = column.drop_null().to_pandas()
        far = np.abs(numbers.to_numpy(np.float64))
        large = numbers[np.isfinite(far) & (far >= _LEAST_NUMBER) & (far < 1e19)]
        whole = large[np.mod(large.to_numpy(), 1) == 0]
        phones = whole[whole < 2e10] if len(whole) else whole
        self._add("large", int((np.isfinite(far) & (far >= _MANY)).sum()))
        self._add("phones", sum(written.personal_number(str(int(value))) is not None for value in phones))
        whole = whole[whole >= 2e10] if len(whole) else whole
        self._add_divisions({text for text in {str(int(value)) for value in phones} if written.may_be_division(text)})
        if len(whole):
            self._look_for_numbers(pd.Series([str(int(value)) for value in pd.unique(whole)], dtype=object))
        head = column.slice(0, first).to_pandas().to_numpy(np.float64, na_value=np.nan)
        known = np.isfinite(head)
        self.shared += int(known.sum())
        self._add("small", int((known & (np.abs(head) < _MOST_SMALL)).sum()))
        self._add("numeric", int(known.sum()))
        if len(whole) and pa.types.is_floating(column.type):
            digits = [str(int(value)) for value in head[known & (np.abs(head) >= 1e17) & (np.abs(head) < 1e18)]]
            self._add("id form", sum(_is_id_form(value) for value in digits))
        old = [str(int(value)) for value in head[known & (np.abs(head) >= 1e14) & (np.abs(head) < 1e15)]]
        self._add("old id", sum(written.is_old_id_number(value) for value in old))
        self._look_near(head, first, near)

    def _look_near(self, head: npt.NDArray[np.float64], first: int, near: Sequence[Any]) -> None:
        if len(near) and first:
            self._add("near", spatial.near_places(head, *(np.asarray(places)[:first] for places in near)))

    def _look_at_texts(self, column: pa.Array, first: int, near: Sequence[Any]) -> None:
        values = _plain(pc.unique(column.drop_null()))
        likely = values.filter(pa.array(_matches(values, _MAY_BE_NUMBER)))
        if len(likely):
            self._look_for_numbers(pd.Series(likely.to_pylist(), dtype=object))
        if self.number or not first:
            return
        head = column.slice(0, first)
        counted = pc.value_counts(head.drop_null())
        texts, counts = _plain(counted.field("values")), counted.field("counts").to_numpy()
        lower = pc.utf8_lower(texts)
        some = pc.invert(pc.is_in(lower, value_set=_NOTHING)).to_numpy(zero_copy_only=False)
        texts, lower, counts = texts.filter(pa.array(some)), lower.filter(pa.array(some)), counts[some]
        self.shared += int(counts.sum())
        if not len(texts):
            return
        numeric = _matches(texts, _NUMBER)
        self._add("numeric", counts[numeric].sum())
        size = np.abs(
            pd.to_numeric(pd.Series(texts.filter(pa.array(numeric)).to_pylist(), dtype=object)).to_numpy(float)
        )
        flags = pc.is_in(lower, value_set=_FLAGS).to_numpy(zero_copy_only=False)
        self._add("small", counts[numeric][size < _MOST_SMALL].sum() + counts[flags].sum())
        self._count_texts(texts, counts)
        hashes = pd.util.hash_array(np.asarray(texts.to_pylist(), object), categorize=False)
        self.hashes = np.union1d(self.hashes, hashes)
        if len(near) and numeric.mean() > 0.5:
            self._look_near(spatial.numbers_of(head.to_pandas()), first, near)

    def _count_texts(self, texts: pa.Array, counts: npt.NDArray[np.int64]) -> None:
        """Count the values of each kind; the pattern of Arrow is asked first, for it is fast."""
        asked: list[tuple[str, str, Callable[[str], Any] | None]] = [
            ("name", _MAY_BE_NAME, lambda text: all(map(written.is_likely_name, written.bare_names(text)))),
            ("name form", _MAY_BE_NAME, lambda text: all(map(written.is_name_form, written.bare_names(text)))),
            ("home", _MAY_BE_HOME, written.HOME_ZH.search),
            ("street", _MAY_BE_STREET, lambda text: written.STREET_ZH.search(text) or written.ADDRESS_EN.search(text)),
            ("id form", r"^\d{17}[\dXx]$", _is_id_form),
            ("old id", r"^\d{15}$", written.is_old_id_number),
            ("spatial", spatial.SPATIAL_TEXT, None),
        ]
        for what, pattern, is_it in asked:
            found = _matches(texts, pattern)
            if is_it is not None and found.any():
                found[found] = [bool(is_it(text)) for text in texts.filter(pa.array(found)).to_pylist()]
            self._add(what, counts[found].sum())
        said = pc.replace_substring_regex(texts, _NO_WORDS, "")
        self._add("free", counts[_matches(said, _FREE)].sum())
        passport = _matches(texts, _PASSPORT)
        if passport.any():
            self._add("passport", counts[passport].sum())
            digits = [float(re.sub(r"\D", "", text)) for text in texts.filter(pa.array(passport)).to_pylist()]
            self.passports = min(self.passports[0], *digits), max(self.passports[1], *digits)

    def _look_for_numbers(self, texts: pd.Series) -> None:
        for text in texts:
            if written.personal_number(text) is not None:
                self.number = True
                return
            digits = text.strip().removesuffix(".0")
            if written.may_be_division(digits):
                self._add_divisions({digits})

    def _add_divisions(self, found: set[str]) -> None:
        self.divisions = set(sorted(self.divisions | found)[:2])

    def _are_codes(self) -> bool:
        """Whether numbers of 11 digits that may be codes of divisions are codes: several, or said by the name."""
        return len(self.divisions) > 1 or _IS_CODE.search(self.name) is not None

    def _are_counts(self) -> bool:
        return self.shared > 0 and self._share("small") >= 1.0

    def _are_persons_by_share(self) -> bool:
        phones = self.count.get("phones", 0)
        if phones and phones >= 0.5 * self.count.get("large", 0):  # else measures, one of which looks like a phone
            return True
        if self._share("id form") >= 0.5 or self._share("old id") >= 0.8:
            return True
        if self._share("passport") >= 0.8 and not self._are_serial_numbers():
            return True
        if self.count.get("home", 0) or (self._share("street") >= 0.3 and not self.place):
            return True
        return not self.place and self._share("name form") >= 0.7 and self._share("name") >= 0.5

    def _are_serial_numbers(self) -> bool:
        """Whether numbers like those of passports count up, or begin with a year."""
        low, high = self.passports
        named = _IS_ID.search("_".join(words.words_of(self.name))) is not None
        return named and (high - low < 50 * self.shared or low < 3e7)

    def _are_coordinates(self) -> bool:
        if self.name in words.NOT_PERSONS:
            return False
        named = spatial.is_named_spatial(self.name)
        if named == "codes" or self._share("spatial") >= 0.5 or self.count.get("spatial", 0) >= 3:
            return True
        if named == "numbers" and self._share("numeric") >= 0.5:
            return True
        return self.shared >= 3 and self._share("near") >= 0.9

    def _is_free_text(self) -> bool:
        several = self.shared >= 5 and len(self.hashes) >= 0.8 * self.shared
        return several and not self.place and self._share("free") >= 0.5


def _matches(texts: pa.Array, pattern: str) -> npt.NDArray[np.bool_]:
    """Tell which texts a pattern is found in; it is written so that Python and Arrow read it alike."""
    if len(texts) <= _FEW:
        search = re.compile(pattern, re.ASCII).search
        return np.array([search(text) is not None for text in texts.to_pylist()], bool)
    return np.asarray(pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False))


def _is_id_form(digits: str) -> bool:
    return digits[:2] in written.PROVINCES and re.match(written.IDENTITY, digits) is not None


def _as_text(column: pa.Array) -> pa.Array:
    """Give any column as text."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.array([_of_bytes(value) for value in column.to_pylist()], pa.string())
    return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())


def _of_bytes(value: bytes | None) -> str | None:
    """Bytes as text; those of a shape as they are written in hexadecimal."""
    if value is None:
        return None
    if len(value) >= 21 and value[0] in (0, 1) and 0 in value[1:5]:
        return value.hex()
    return value.decode("utf-8", "replace").replace("\0", " ")


def _plain(values: pa.Array) -> pa.Array:
    """Texts in plain signs, as `gridgis.persons.written.normal` writes them, without blanks around them."""
    if not pc.all(pc.string_is_ascii(values), min_count=0).as_py():
        values = pa.array(
            [text if text.isascii() else written.normal(text) for text in values.to_pylist()], values.type
        )
    return pc.utf8_trim_whitespace(values)


class PersonColumns:
    """The columns of a table that hold persons, and those that do not go out.

    Parameters
    ----------
    names : list of str
        The columns that are asked about.

    Examples
    --------
    >>> found = PersonColumns(["kind", "note", "phone"])
    >>> for note in ("none", "call 138-1234-5678"):
    ...     found.look(pa.RecordBatch.from_pydict({"kind": ["noise"], "note": [note]}))
    >>> found.names
    ['note', 'phone']
    """

    def __init__(self, names: list[str]):
        self.looks = {name: ColumnLook(name) for name in names if name not in words.NOT_PERSONS}

    @property
    def names(self) -> list[str]:
        """Those with persons found so far, in the order of the table."""
        return [name for name, look in self.looks.items() if look.why is not None]

    @property
    def not_out(self) -> dict[str, str]:
        """Those that do not go out with rows of single things, each with the reason."""
        return {name: why for name, look in self.looks.items() if (why := look.why_not_out) is not None}

    @property
    def open(self) -> list[str]:
        """Those of which it is not known yet."""
        return [name for name, look in self.looks.items() if not look.is_known]

    def look(self, batch: pa.RecordBatch, near: Sequence[Any] = ()) -> None:
        """Look at the open columns of the next batch, those that are in it."""
        for name in self.open:
            place = batch.schema.get_field_index(name)
            if place >= 0:
                self.looks[name].look(batch.column(place), near)

    def join(self, other: PersonColumns) -> PersonColumns:
        """Add what was found in other rows of the same columns, those that are in it; give this one."""
        for name, look in other.looks.items():
            self.looks[name].join(look)
        return self


def as_arrow(values: pd.Series) -> pa.Array:
    """Give a column to Arrow; one of mixed things as text."""
    if values.dtype.name == "geometry":
        return pa.nulls(len(values))
    try:
        column = pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        texts = [None if value is None or value is pd.NA else _text(value) for value in values.tolist()]
        column = pa.array(texts, pa.string())
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) and column.num_chunks else column


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return _of_bytes(value)
    if isinstance(value, float):
        return None if np.isnan(value) else str(int(value)) if value.is_integer() else str(value)
    return str(value).encode("utf-8", "replace").decode("utf-8")


def looks_at(table: pd.DataFrame, near: Sequence[Any] = ()) -> list[ColumnLook]:
    """Look at each column of a table, in their order."""
    looks = []
    for place, name in enumerate(table.columns):
        look = ColumnLook(str(name))
        values = table.iloc[:, place]
        if look.name not in words.NOT_PERSONS and values.dtype.name != "geometry":
            column = as_arrow(values)
            look.look(pa.nulls(0) if isinstance(column, pa.ChunkedArray) else column, near)
        looks.append(look)
    return looks
