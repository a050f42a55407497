"""Tables in trees, and what their columns say of persons."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from gridgis.leaks.geodata import Table
from gridgis.leaks.patterns import COLUMN, NAME, PERSON_COLUMN, is_column_of_roles, is_personal_column
from gridgis.persons.words import is_place_name
from gridgis.persons.written import is_likely_name, is_name, is_name_form, may_be_division

_PLAIN_NUMBER = re.compile(r"\s*-?\d{1,10}(?:\.\d*)?\s*")
_SAYS = re.compile(r"[A-Za-z0-9\u4e00-\u9fff]")
_NOTHING = re.compile(
    r"hidden|no data|none|nan|null|n/?a|-+|\*+|true|false|已?隐藏|无数据|无|string|object", re.IGNORECASE
)
_CODES = re.compile(r"code|编码|代码|区划|网格|division|^key$", re.IGNORECASE)
_BARE_NAME = re.compile(r"^(?:name|名字|名称)$", re.IGNORECASE)


def tables_of(value: Any) -> Iterator[Table]:
    """Read a tree as tables: lists of records, records of lists, features, values by key.

    Examples
    --------
    >>> list(tables_of([{"a": 1}, {"a": 2, "b": 3}]))
    [Table(columns=['a', 'b'], rows=[[1, None], [2, 3]])]
    >>> list(tables_of({"codes": ["p", "q"], "count": [4, 5]}))[0].rows
    [['p', 4], ['q', 5]]
    """
    if isinstance(value, dict):
        yield from _of_record(value)
        for part in value.values():
            if isinstance(part, dict) or (isinstance(part, list) and _may_hold(part)):
                yield from tables_of(part)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        records = [part for part in value if isinstance(part, dict)]
        yield _of_records(records)
        for part in records:
            yield from _inside(part)
    elif isinstance(value, list) and value and isinstance(value[0], list):
        yield from _of_rows([part for part in value if isinstance(part, list)])


def _of_rows(rows: list[list[Any]]) -> Iterator[Table]:
    if rows[0] and not isinstance(rows[0][0], list | dict):
        yield Table([], rows)
    else:
        for part in rows:
            if _may_hold(part):
                yield from tables_of(part)


def _inside(record: dict[str, Any]) -> Iterator[Table]:
    for name, part in record.items():
        if name not in ("geometry", "properties") and isinstance(part, dict | list) and part:
            yield from tables_of(part) if isinstance(part, dict) or _may_hold(part) else ()


def _may_hold(values: list[Any]) -> bool:
    """Whether a list holds more than numbers."""
    inner: Any = values
    while isinstance(inner, list) and inner:
        if any(isinstance(part, dict | str) for part in inner[:3]):
            return True
        inner = inner[0]
    return False


def _of_records(records: list[dict[str, Any]]) -> Table:
    """Records, or features, under the names of all their values."""
    flat = [_flat(record) for record in records]
    columns = list(dict.fromkeys(name for record in flat for name in record))
    return Table(columns, [[record.get(name) for name in columns] for record in flat])


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    properties = record.get("properties")
    whole = {**record, **properties} if isinstance(properties, dict) else record
    return {str(name): part for name, part in whole.items() if not isinstance(part, dict | list)}


def _of_record(record: dict[str, Any]) -> Iterator[Table]:
    flat = _flat(record)
    if flat:
        yield Table(list(flat), [list(flat.values())])
    yield from _of_lists({str(name): part for name, part in record.items() if isinstance(part, list) and part})
    keyed = [(name, part) for name, part in record.items() if isinstance(part, dict)]
    if keyed and sum(len(part) for _, part in keyed) and len(keyed) == len(record):
        inner = _of_records([part for _, part in keyed])
        rows = zip(keyed, inner.rows, strict=True)
        yield Table(["key", *inner.columns], [[name, *row] for (name, _), row in rows])
    if len(flat) == len(record):
        yield Table([], [[name, part] for name, part in flat.items()])
    listed = [[name, *part] for name, part in record.items() if isinstance(part, list) and len(part) < 50]
    if listed and len(listed) == len(record):
        yield Table([], listed)


def _of_lists(lists: dict[str, list[Any]]) -> Iterator[Table]:
    """Lists of one length side by side; rows under a list of their names."""
    headers = [names for part in lists.values() if len(part) < 200 and (names := _names(part))]
    lengths = {len(part) for part in lists.values()} | {
        len(part[0]) for part in lists.values() if isinstance(part[0], list)
    }
    for length in lengths:
        columns: dict[str, list[Any]] = {}
        for name, part in lists.items():
            if len(part) == length and not isinstance(part[0], dict | list):
                columns[name] = part
            elif isinstance(part[0], list):
                columns |= _matrix(name, part, length, headers)
        if columns:
            yield Table(list(columns), [list(row) for row in zip(*columns.values(), strict=False)])


def _matrix(name: str, part: list[Any], length: int, headers: list[list[str]]) -> dict[str, list[Any]]:
    """Columns of a list of rows, or of a list of columns, of the length that is asked for."""
    widths = {len(row) if isinstance(row, list) else -1 for row in islice(part, 1000)}
    if len(widths) != 1 or -1 in widths or isinstance(part[0][0] if part[0] else [], list | dict):
        return {}
    width = widths.pop()
    if len(part) == length and width < 200:
        columns = [list(column) for column in zip(*part, strict=False)]
    elif width == length and len(part) < 200:
        columns = part
    else:
        return {}
    named = next((names for names in headers if len(names) == len(columns)), None)
    return {named[i] if named else f"{name}\0{i}": column for i, column in enumerate(columns)}


def _names(part: list[Any]) -> list[str] | None:
    """The names of columns that a list gives."""
    if all(isinstance(value, str) for value in part):
        return list(part)
    if all(isinstance(value, dict) for value in part):
        found = [next((value[key] for key in ("name", "id", "key", "field") if key in value), None) for value in part]
        return [str(name) for name in found] if None not in found else None
    return None


def find_persons(table: Table) -> Iterator[tuple[str, str, str]]:
    """Find columns of a table that hold persons: kind, column and value, once for each value.

    Examples
    --------
    >>> list(find_persons(Table(["phone", "name"], [["home 1", "Li Na"]])))
    [('personal column', 'phone', 'home 1'), ('name of a person', 'name', 'Li Na')]
    """
    personal = [i for i, name in enumerate(table.columns) if is_personal_column(name)]
    for i in personal:
        for row in table.rows:
            if i < len(row) and _speaks(row[i]):
                yield COLUMN, table.columns[i], str(row[i])
    about = bool(personal) or any(PERSON_COLUMN.match(name) for name in table.columns)
    for i, name in enumerate(table.columns):
        if i in personal:
            continue
        if is_column_of_roles(name):
            values = [str(row[i]).strip() for row in table.rows if i < len(row) and _speaks(row[i])]
            yield from ((NAME, name, value) for value in values if is_name_form(value))
        elif not _BARE_NAME.match(name) and not is_place_name(name):
            yield from ((NAME, name, value) for value in _mostly_names(table, i))
        elif _BARE_NAME.match(name):
            values = [str(row[i]) for row in table.rows if i < len(row) and _speaks(row[i])]
            hanzi = [value for value in values if "\u4e00" <= value[0] <= "\u9fff"]
            like = [value for value in values if is_name(value)]
            if like and (about or (len(hanzi) >= 3 and len([v for v in like if v in hanzi]) >= 0.8 * len(values))):
                yield from ((NAME, name, value) for value in like)


def codes_in(table: Table) -> Iterator[str]:
    """Give the numbers of 11 digits in columns of codes that may be codes of divisions.

    Examples
    --------
    >>> list(codes_in(Table(["grid_code", "phone"], [["13010200101", "13010200102"]])))
    ['13010200101']
    """
    for i, name in enumerate(table.columns):
        if _CODES.search(name):
            said = (str(row[i]).strip() for row in table.rows if i < len(row))
            yield from (value for value in said if may_be_division(value))


def _mostly_names(table: Table, column: int) -> list[str]:
    """The values of a column that is not named, if by far the most of them are names of persons."""
    values = [row[column] for row in table.rows if column < len(row)]
    if not any(isinstance(value, str) for value in values[:20]):
        return []
    said = [value.strip() for value in values if isinstance(value, str) and _speaks(value)]
    names = [value for value in said if is_likely_name(value)]
    return names if len(set(names)) >= 3 and len(names) >= 0.8 * len(said) else []


def _speaks(value: object) -> bool:
    """Whether a value says something of a person: no small number, no word for what is missing."""
    if value is None or isinstance(value, bool | bytes | float):
        return False
    text = str(value).strip()
    if len(text) < 2 or _PLAIN_NUMBER.fullmatch(text) or _NOTHING.fullmatch(text):
        return False
    return _SAYS.search(text) is not None
