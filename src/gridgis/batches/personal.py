"""Which columns of a stream hold persons: what `gridgis.persons.personal_columns` says, found out batch by batch."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gridgis.persons import NOT_PERSONS, PERSONAL_NAMES, has_personal_text

_IN_ASCII = r"@|1[3-9][0-9][- ]?[0-9]{4}[- ]?[0-9]{4}|[0-9]{17}[0-9Xx]"
_IN_OTHERS = r"(?s)[@\x{FF20}\x{FE6B}]|\pN.*\pN.*\pN.*\pN"
"""What every text must hold in which a number or address of a person stands; most texts need no closer look.

Of other letters than ASCII the compatible form counts: one sign may stand for two digits, no more.
"""

_LEAST_NUMBER = 1.3e10
"""The least number whose digits can be the number of a person."""


class PersonColumns:
    """The columns that hold persons, by their name or by what stands in them anywhere.

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
        self._asked = [name for name in names if name not in NOT_PERSONS]
        self._found = {name for name in self._asked if PERSONAL_NAMES.search(name)}

    @property
    def names(self) -> list[str]:
        """Those found so far, in the order of the table."""
        return [name for name in self._asked if name in self._found]

    @property
    def open(self) -> list[str]:
        """Those of which it is not known yet."""
        return [name for name in self._asked if name not in self._found]

    def look(self, batch: pa.RecordBatch) -> None:
        """Look at the open columns of the next batch, those that are in it."""
        for name in self.open:
            place = batch.schema.get_field_index(name)
            if place >= 0 and holds_persons(batch.column(place)):
                self._found.add(name)


def holds_persons(column: pa.Array) -> bool:
    """Tell whether the number or address of a person stands anywhere in a column.

    Examples
    --------
    >>> holds_persons(pa.array([13812345678])), holds_persons(pa.array(["１３８１２３４５６７８", None]))
    (True, True)
    """
    kind = column.type
    if pa.types.is_boolean(kind) or pa.types.is_temporal(kind) or pa.types.is_null(kind):
        return False
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _in_text(pc.drop_null(column))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers = column.drop_null().to_pandas()
        far = np.abs(numbers.to_numpy(np.float64))
        near = numbers[np.isfinite(far) & (far >= _LEAST_NUMBER)]
        return bool(len(near)) and has_personal_text(near)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        texts = [value.decode("utf-8", "replace") for value in pc.drop_null(column).to_pylist()]
        return _in_text(pa.array(texts, pa.string()))
    return has_personal_text(column.to_pandas())


def _in_text(values: pa.Array) -> bool:
    plain = pc.string_is_ascii(values)
    for some, pattern in ((values.filter(plain), _IN_ASCII), (values.filter(pc.invert(plain)), _IN_OTHERS)):
        near = pc.unique(some.filter(pc.match_substring_regex(some, pattern)))
        if len(near) and has_personal_text(pd.Series(near.to_pylist(), dtype=object)):
            return True
    return False
