"""Which columns hold persons, or coordinates of single things: they are input only.

`words` knows how such columns are named, `written` how numbers, addresses and names are written, `spatial` what
coordinates look like; `columns` decides of a column by all three. What scans finished files uses the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from gridgis.contract import GridError, listed
from gridgis.persons.columns import (
    COORDINATES,
    PERSONS,
    TEXT,
    ColumnLook,
    PersonColumns,
    as_arrow,
    looks_at,
)
from gridgis.persons.written import HOME_ZH, PERSONAL_TEXT, person_names, personal_number

__all__ = [
    "COORDINATES",
    "HOME_ZH",
    "PERSONAL_TEXT",
    "PERSONS",
    "PersonColumns",
    "as_arrow",
    "describe_not_out",
    "found_not_out",
    "has_personal_text",
    "holds_persons",
    "is_of_persons",
    "not_going_out",
    "person_names",
    "personal_columns",
    "without_persons",
]


def has_personal_text(text: pd.Series) -> bool:
    """Tell whether the number or address of a person stands anywhere in a column of text.

    Examples
    --------
    >>> has_personal_text(pd.Series(["noise", "call 138-1234-5678"])), has_personal_text(pd.Series(["113.13812345678"]))
    (True, False)
    """
    return any(personal_number(value) is not None for value in text.dropna().astype(str).unique())


def holds_persons(column: Any) -> bool:
    """Tell whether a column of Arrow holds persons by what stands in it.

    Examples
    --------
    >>> import pyarrow as pa
    >>> holds_persons(pa.array([13812345678])), holds_persons(pa.array(["１３８１２３４５６７８", None]))
    (True, True)
    """
    look = ColumnLook("")
    look.look(column)
    return look.why is not None


def is_of_persons(name: str) -> bool:
    """Tell whether a column is named like one of persons.

    Examples
    --------
    >>> is_of_persons("投诉人"), is_of_persons("category")
    (True, False)
    """
    return ColumnLook(name).said is not None


def personal_columns(table: pd.DataFrame) -> list[str]:
    """Name the columns that hold persons, by their name or by what stands in them.

    One number of a person among the values is enough: the column holds free text then, and what else is in it is not
    known. Names of persons and addresses are told by the share of the values that are such.

    Examples
    --------
    >>> personal_columns(pd.DataFrame({"姓名": ["x"], "kind": ["noise"], "contact": ["13812345678"]}))
    ['姓名', 'contact']
    >>> personal_columns(pd.DataFrame({"who": ["王芳", "李娜"], "residents": [3, 4], "community": ["幸福", "和平"]}))
    ['who']
    """
    found = [look.name for look in looks_at(table) if look.why is not None]
    return list(dict.fromkeys(found))


def without_persons(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Give the table without the columns that hold persons, and the names of these columns.

    Examples
    --------
    >>> without_persons(pd.DataFrame({"phone": ["1"], "kind": ["noise"]}))[1]
    ['phone']
    """
    found = personal_columns(table)
    return table.drop(columns=[name for name in table.columns if str(name) in found]), found


def found_not_out(table: pd.DataFrame, near: Sequence[Any] = ()) -> dict[str, str]:
    """Find the columns of rows of single things that do not go out by themselves, each with the reason.

    Parameters
    ----------
    table : DataFrame
        Located rows.
    near : sequence of arrays of float64
        Their coordinates, so that columns that repeat them are found under any name.

    Examples
    --------
    >>> found_not_out(pd.DataFrame({"phone": ["1"], "lon": [113.1], "kind": ["noise"]}))
    {'phone': 'persons', 'lon': 'coordinates'}
    """
    return {look.name: why for look in looks_at(table, near) if (why := look.why_not_out) is not None}


def not_going_out(
    found: dict[str, str], *, keep: Sequence[str] = (), coordinates: bool = False, names: Sequence[str] = ()
) -> dict[str, str]:
    """Choose what does not go out of what was found: not what is asked for by name, unless it holds persons.

    Parameters
    ----------
    found : dict
        Columns that do not go out by themselves, each with the reason.
    keep : sequence of str
        Columns that are asked for by name.
    coordinates : bool
        Whether coordinates are asked for.
    names : sequence of str
        All columns.

    Returns
    -------
    dict
        Those of ``found`` that stay back.

    Raises
    ------
    GridError
        If ``keep`` names a column that is not there, or one of persons.

    Examples
    --------
    >>> not_going_out({"phone": "persons", "note": "free text", "lon": "coordinates"}, keep=["note"], names=["note"])
    {'phone': 'persons', 'lon': 'coordinates'}
    """
    missing = [name for name in keep if name not in names]
    if missing:
        raise GridError(f"keep: expected columns of the table, {listed(missing)} is none ({listed(names, 12)}).")
    refused = [name for name in keep if found.get(name) == PERSONS]
    if refused:
        raise GridError(
            f"keep: {listed(refused)} holds persons, by its name or its values; such a column never goes out."
        )
    kept = {COORDINATES} if coordinates else set()
    return {name: why for name, why in found.items() if name not in keep and why not in kept}


def describe_not_out(found: dict[str, str]) -> str:
    """Say which columns are left out, and how to have those that are no persons.

    Examples
    --------
    >>> describe_not_out({"phone": "persons", "note": "free text"})
    'columns of persons are left out: phone; of free text: note (keep lets out what it names)'
    """
    advice = {PERSONS: "", TEXT: " (keep lets out what it names)", COORDINATES: " (unless coordinates are kept)"}
    parts: list[str] = []
    for why, after in advice.items():
        if names := [name for name, reason in found.items() if reason == why]:
            start = "of" if parts else "columns of"
            parts.append(f"{start} {why}{'' if parts else ' are left out'}: {listed(names, 12)}{after}")
    return "; ".join(parts)
