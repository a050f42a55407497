"""`Published`: what may be shown, made by `gridgis.publish` only."""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd
import pandas as pd

from gridgis.contract import GridError
from gridgis.privacy.ledger import Outgoing

SHOWN, HIDDEN, NO_DATA = "shown", "hidden", "no data"
"""The values of the columns ``<measure>_status``."""

TOTAL = "(all)"
"""Stands for the whole in the table of totals."""


@dataclass(frozen=True)
class Published:
    """A table that may be shown; made by `publish` only.

    Attributes
    ----------
    table : GeoDataFrame
        One row a cell, by code: ``grid_code``, ``parent_code``, each measure (float, NaN where it is hidden or
        not known), its ``<measure>_status`` (shown, hidden, no data), and the polygon. No other column.
    measures : tuple of str
        The measures, in order.
    hide_below : int
        Counts from 1 up to this, itself not included, are protected: a reader can place none of them in an interval
        narrower than this.
    totals : DataFrame
        Sums by place, from the parents up to the whole: ``level`` (the column whose codes they are; for the whole
        "(all)"), ``parent_code`` (the code; for the whole "(all)"), and for each measure that is a count its column
        and its status as in ``table``.
    notes : tuple of str
        Lines for the foot of a map: sources, dates, what is modelled.
    internal : bool
        True: nothing is protected, and the map says on its face that it is internal.
    parent_names : dict of str to str
        The name of each parent that has one, from the column ``parent_name``: names of places, for legends.
    cell_names : dict of str to str
        The name of each cell that has one, from the column ``grid_name``.
    round_to : int or None
        The base to which every count is rounded; None where it is not.
    noisy : bool
        Whether every count is changed by noise.
    as_of : str or None
        The date of the numbers.
    zeros : str
        Whether true zeros are "shown" or "protected".
    outgoing : Outgoing or None
        Where the release is to be noted as soon as its first file is written; None without a ledger.
    """

    table: gpd.GeoDataFrame
    measures: tuple[str, ...]
    hide_below: int
    totals: pd.DataFrame
    notes: tuple[str, ...] = ()
    internal: bool = False
    parent_names: dict[str, str] = field(default_factory=dict)
    round_to: int | None = None
    noisy: bool = False
    as_of: str | None = None
    cell_names: dict[str, str] = field(default_factory=dict)
    zeros: str = "shown"
    outgoing: Outgoing | None = field(default=None, repr=False, compare=False)
    _made_by_publish: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse a table that did not go through `publish`."""
        if not self._made_by_publish:
            raise GridError("Published: it is made by gridgis.publish(), which protects the counts, and not by hand.")
