"""One progress bar for all long work: in a terminal and in Jupyter, silent in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def progress(items: Iterable[Item], what: str, *, total: int | None = None) -> Iterator[Item]:
    """Pass the items on, and show how far they are once that takes more than a second.

    Parameters
    ----------
    items : iterable
    what : str
        What is being done, a word or two.
    total : int, optional
        How many items there are, where ``items`` has no length.

    Yields
    ------
    object
        The items, unchanged.

    Examples
    --------
    >>> list(progress([1, 2], "counting"))
    [1, 2]
    """
    from tqdm.auto import tqdm

    silent = None if "ipykernel" not in sys.modules else False
    yield from tqdm(items, desc=what, total=total, delay=1.0, disable=silent, leave=False)
