"""Which columns hold persons: told by their names and by what stands in them. Such a column is input only."""

from __future__ import annotations

import re

import pandas as pd

from gridgis.contract import CODE, PARENT

PERSONAL_NAMES = re.compile(
    r"^name$|(^|_)(resident|owner|person|contact|full|first|last|given|family|user)_?name(_|$)"
    r"|(^|_)(surname|phone|telephone|mobile|tel|id_?card|id_?number|passport|email|e_?mail|address|addr"
    r"|birth|birthday|birthdate|wechat|resident|householder)(_|$)"
    r"|姓名|户主|电话|手机|联系方式|身份证|证件号|住址|地址|出生|邮箱|微信",
    re.IGNORECASE,
)
"""Names of columns that hold persons."""

PERSONAL_TEXT = re.compile(
    r"(?<![\d.])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)"
    r"|(?<![\d.])\d{6}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)"
    r"|[\w.+-]+@[\w-]+\.\w+"
)
"""A mobile number of 11 digits, an identity card number of 18 (with its date of birth), an e-mail address."""

NOT_PERSONS = frozenset({CODE, PARENT, "parent_name", "located_by", "event_id"})
"""Columns of our own, and names of places."""


def has_personal_text(text: pd.Series) -> bool:
    """Tell whether a number or address of a person stands anywhere in a column of text.

    Examples
    --------
    >>> has_personal_text(pd.Series(["noise", "call 138-1234-5678"])), has_personal_text(pd.Series(["113.13812345678"]))
    (True, False)
    """
    plain = text.dropna().astype(str).str.normalize("NFKC")
    return any(PERSONAL_TEXT.search(value) is not None for value in plain.unique())


def personal_columns(table: pd.DataFrame) -> list[str]:
    """Name the columns that hold persons, by their name or by what stands in them.

    One number of a person among the values is enough: the column holds free text then, and what else is in it is not
    known.

    Examples
    --------
    >>> personal_columns(pd.DataFrame({"姓名": ["x"], "kind": ["noise"], "contact": ["13812345678"]}))
    ['姓名', 'contact']
    """
    asked = [name for name in table.columns if name not in NOT_PERSONS and table[name].dtype.name != "geometry"]
    return [str(name) for name in asked if PERSONAL_NAMES.search(str(name)) or has_personal_text(table[name])]


def without_persons(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Give the table without the columns that hold persons, and the names of these columns.

    Examples
    --------
    >>> without_persons(pd.DataFrame({"phone": ["1"], "kind": ["noise"]}))[1]
    ['phone']
    """
    found = personal_columns(table)
    return table.drop(columns=[name for name in table.columns if str(name) in found]), found
