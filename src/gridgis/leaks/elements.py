"""Elements of markup, found in one pass, whatever is left open."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

COMMENT = "!--"
"""What stands for the name of a comment."""


class Element(NamedTuple):
    """The name of an element, and where its content starts and ends."""

    name: str
    start: int
    end: int


def elements(text: str, names: Sequence[str], *, closed: bool = True) -> Iterator[Element]:
    """Find elements that do not hold one another, in the order of the text; also of XML with a prefix.

    Parameters
    ----------
    text : str
        Markup.
    names : sequence of str
        Names in lower case, or `COMMENT`.
    closed : bool
        Whether one that is not closed is none; else it ends where the next of them begins, or with the text.

    Yields
    ------
    Element

    Examples
    --------
    >>> [found[0] for found in elements("<!-- a --><script>b</script><!-- c", ("script", COMMENT))]
    ['!--', 'script']
    >>> [found[1:] for found in elements("<tr>a<tr>b</tr>", ("tr",), closed=False)]
    [(4, 5), (9, 10)]
    """
    opening, closing = _patterns(tuple(names), closed)
    never: set[str] = set()
    place = 0
    while (found := opening.search(text, place)) is not None:
        name = found[1].lower()
        start = found.end() if name == COMMENT else text.find(">", found.end()) + 1
        if start == 0:
            return  # no tag ends from here on
        place = found.end()
        if name in never:
            continue
        end = closing[name].search(text, start)
        if end is None and closed:
            never.add(name)
            continue
        yield Element(name, start, len(text) if end is None else end.start())
        place = len(text) if end is None else end.end()


_WORD = r"(?![\w:.\-])"


@cache
def _patterns(names: tuple[str, ...], closed: bool) -> tuple[re.Pattern[str], dict[str, re.Pattern[str]]]:
    """How the elements begin, and how each of them ends."""
    tags = [re.escape(name) for name in names if name != COMMENT]
    starts = [f"(?:{'|'.join(tags)}){_WORD}" if tags else "", re.escape(COMMENT) if COMMENT in names else ""]
    opening = re.compile(f"<({'|'.join(start for start in starts if start)})", re.IGNORECASE)
    ends = {}
    for name in names:
        end = "-->" if name == COMMENT else f"</{re.escape(name)}{_WORD}[^<>]{{0,200}}>"
        if not closed:
            end = f"</(?:{'|'.join(tags)}){_WORD}[^<>]{{0,200}}>|(?=<(?:{'|'.join(tags)}|tr){_WORD})"
        ends[name] = re.compile(end, re.IGNORECASE)
    return opening, ends
