"""Hidden numbers: what they truly are, and where one stands with the code of its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pandas as pd

from gridgis.contract import CODE, PARENT, GridError
from gridgis.leaks.geodata import Table
from gridgis.maps import labels
from gridgis.privacy import HIDDEN, TOTAL, Published

NUMBER = "hidden number"
_WRITTEN = re.compile(r"[^\d+.-]{0,6}(\d+(?:\.\d+)?)(?:\s*[^\d\s.,%/][^\d]{0,20})?\s*")
_WHOLE = frozenset({"all", "total", "whole", "sum", "grand total", "总计", "合计", "全部", "总数"})
_REACH = 240


class HiddenNumbers:
    """The true numbers of a table, and which of them a release hides.

    Parameters
    ----------
    published : Published
        The release.
    table : DataFrame
        The table from which it was made.

    Raises
    ------
    GridError
        If the table is not that of the release.
    """

    def __init__(self, published: Published, table: pd.DataFrame):
        if not isinstance(published, Published):
            raise GridError(f"published: expected what gridgis.publish() returned, got {type(published).__name__}.")
        missing = [name for name in (CODE, PARENT, *published.measures) if name not in table.columns]
        if missing or not set(published.table[CODE]) <= set(table[CODE]):
            raise GridError("table: expected the table from which published was made, with its codes and measures.")
        self.columns = {_key(name) for name in table.columns}
        self.truth: dict[str, dict[str, float]] = {}
        self.hidden: dict[str, set[str]] = {}
        self.label: dict[str, str] = {}
        for name in published.measures:
            for said in (name, *(labels.measure_label(name, lang) for lang in ("en", "zh"))):
                self.label.setdefault(_key(said), name)
        self._add_cells(published, table)
        self._add_totals(published, table)
        lengths = sorted({len(code) for code in self.hidden if code != TOTAL}, reverse=True)
        sign = r"[^\W_]" if all(code.isalnum() for code in self.hidden if code != TOTAL) else r"[^\s\"'<>,;]"
        self._code = re.compile(rf"(?<!{sign})(?:{'|'.join(f'{sign}{{{n}}}' for n in lengths) or '(?!)'})(?!{sign})")

    def _add_cells(self, published: Published, table: pd.DataFrame) -> None:
        truth = table.drop_duplicates(CODE).set_index(CODE)
        for name in published.measures:
            values = pd.to_numeric(truth[name], errors="coerce").to_dict()
            for code, status in zip(published.table[CODE], published.table[f"{name}_status"], strict=True):
                self._add(str(code), name, values[code], status == HIDDEN)

    def _add_totals(self, published: Published, table: pd.DataFrame) -> None:
        totals = published.totals
        for name in published.measures:
            if f"{name}_status" not in totals.columns:
                continue
            value = pd.to_numeric(table[name], errors="coerce")
            for level, rows in totals.groupby("level"):
                sums = value.groupby(_places(table, str(level))).sum().to_dict()
                for code, status in zip(rows[PARENT], rows[f"{name}_status"], strict=True):
                    self._add(str(code), name, sums.get(code, float("nan")), status == HIDDEN)

    def _add(self, code: str, name: str, value: float, hidden: bool) -> None:
        if value == value:
            self.truth.setdefault(code, {})[name] = float(value)
            if hidden:
                self.hidden.setdefault(code, set()).add(name)

    def in_table(self, table: Table) -> Iterator[tuple[str, str, str]]:
        """Find hidden numbers in a table that has codes: code, measure and number.

        Where a column is named as a measure, one number is enough; a column without a known name must be right in most
        of its rows.
        """
        width = max(map(len, table.rows[:100]), default=0)
        for at in range(width):
            rows = [(code, row) for row in table.rows if at < len(row) and (code := self._place(row[at])) in self.truth]
            if not any(code in self.hidden for code, _ in rows):
                continue
            for column in range(width):
                if column != at:
                    name = table.columns[column] if column < len(table.columns) else ""
                    pairs = [(code, row[column]) for code, row in rows if column < len(row)]
                    yield from self._in_column(name, pairs)

    def _place(self, value: object) -> str:
        text = str(value).strip()
        return TOTAL if text.lower() in _WHOLE else text

    def _in_column(self, name: str, pairs: list[tuple[str, Any]]) -> Iterator[tuple[str, str, str]]:
        key = _key(name)
        if key in self.label:
            measure = self.label[key]
            for code, value in pairs:
                if measure in self.hidden.get(code, ()) and self._is(code, measure, value):
                    yield code, measure, str(value)
        elif key not in self.columns:
            named = bool(name) and "\0" not in name
            yield from self._guessed(pairs, 3 if named else 1)

    def _guessed(self, pairs: list[tuple[str, Any]], least: int) -> Iterator[tuple[str, str, str]]:
        """Numbers without a name are those of a measure if four in five are right."""
        for measure in dict.fromkeys(self.label.values()):
            known = [(code, value) for code, value in pairs if measure in self.truth[code] and _number(value)]
            right = [(code, value) for code, value in known if self._is(code, measure, value)]
            if len(known) >= least and len(right) >= 0.8 * len(known):
                yield from (
                    (code, measure, str(value)) for code, value in right if measure in self.hidden.get(code, ())
                )

    def _is(self, code: str, measure: str, value: Any) -> bool:
        """Whether a written number is the true one, as far as it is written."""
        found = _number(value)
        if not found:
            return False
        decimals = len(found.partition(".")[2])
        return abs(float(found) - self.truth[code][measure]) <= (0.5 * 10**-decimals if decimals else 1e-9) + 1e-9

    def in_text(self, text: str) -> Iterator[tuple[int, str, str, str]]:
        """Find hidden numbers in the words after a code: place, code, measure and number."""
        found = [(place, place[0]) for place in self._code.finditer(text)]
        found = [(place, code) for place, code in found if code in self.truth]
        following: list[tuple[str, Any]] = []
        starts: dict[str, int] = {}
        for number, (place, code) in enumerate(found):
            end = found[number + 1][0].start() if number + 1 < len(found) else len(text)
            after = text[place.end() : min(end, place.end() + _REACH)]
            if code in self.hidden:
                for measure, value in self._labelled(code, after):
                    yield place.start(), code, measure, value
            direct = re.match(r"[\"'\s]{0,3}(?:</?[a-z]+[^<>]*>|[:：=,，\s|])[\s\"']*(\d+(?:\.\d+)?)(?![\d.])", after)
            if direct:
                following.append((code, direct[1]))
                starts.setdefault(code, place.start())
        for code, measure, value in self._guessed(following, 2):
            yield starts[code], code, measure, value

    def _labelled(self, code: str, after: str) -> Iterator[tuple[str, str]]:
        for label, measure in self.label.items():
            if measure in self.hidden[code] and len(label) > 1:
                apart = 0 if label > "\u4e00" else 1
                found = re.search(
                    rf"(?<![a-z_\u4e00-\u9fff]){re.escape(label)}(?![a-z_\u4e00-\u9fff])"
                    rf"(?:<[^<>]*>|[^\w.<>]){{{apart},15}}(\d+(?:\.\d+)?)(?![\d.])",
                    after.lower(),
                )
                if found and self._is(code, measure, found[1]):
                    yield measure, found[1]


def _places(table: pd.DataFrame, level: str) -> Any:
    """The place of a level in which each row lies."""
    if level == TOTAL:
        return pd.Series(TOTAL, index=table.index)
    cut = re.fullmatch(rf"{PARENT}\[:(\d+)\]", level)
    return table[PARENT].astype(str).str[: int(cut[1])] if cut else table[level].astype(str)


def _key(name: object) -> str:
    return str(name).strip().rstrip(":：").strip().lower()


def _number(value: Any) -> str:
    """The number that a value says, or nothing."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() else repr(value)
    found = _WRITTEN.fullmatch(str(value))
    return found[1] if found else ""
