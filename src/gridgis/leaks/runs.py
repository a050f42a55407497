"""Where in a long text something may stand: runs of like signs, and the surroundings of words, found fast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Signs = npt.NDArray[np.uint8]
SHORT = 2_000
"""Signs up to which a text is searched from end to end."""

_DIGITS = b"0123456789"
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _table(signs: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, bool)
    table[np.frombuffer(signs, np.uint8)] = True
    return table


IS_DIGIT, IS_HEX, IS_BASE64 = _table(_DIGITS), _table(_DIGITS + b"abcdefABCDEF"), _table(_DIGITS + _LETTERS + b"+/_-")


def signs_of(text: str) -> Signs:
    """Give the signs of a text as bytes, one a sign; those beyond Latin are question marks."""
    return np.frombuffer(text.encode("latin-1", "replace"), np.uint8)


def runs_of(signs: Signs, wanted: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Find where runs of wanted signs start and end.

    Examples
    --------
    >>> [part.tolist() for part in runs_of(signs_of("a12b345"), IS_DIGIT)]
    [[1, 4], [3, 7]]
    """
    inside = np.zeros(len(signs) + 2, np.int8)
    inside[1:-1] = wanted[signs]
    change = np.diff(inside)
    return np.flatnonzero(change == 1), np.flatnonzero(change == -1)


def only_of(signs: Signs, wanted: npt.NDArray[np.bool_], start: Ints, end: Ints) -> npt.NDArray[np.bool_]:
    """Tell which runs consist of wanted signs only.

    Examples
    --------
    >>> only_of(signs_of("a1 22"), IS_DIGIT, np.array([0, 3]), np.array([2, 5])).tolist()
    [False, True]
    """
    before = np.concatenate([[0], np.cumsum(wanted[signs])])
    return np.asarray(before[end] - before[start] == end - start)


def near(text: str, words: Iterable[str], before: int, after: int) -> Iterator[tuple[int, int]]:
    """Give the surroundings of words in a text, joined where they overlap; a short text whole.

    Examples
    --------
    >>> list(near("a" * 3000 + "Point" + "b" * 3000, ["Point"], 10, 20))
    [(2990, 3020)]
    """
    if len(text) <= SHORT:
        if any(word in text for word in words):
            yield 0, len(text)
        return
    places: list[int] = []
    for word in words:
        place = text.find(word)
        while place >= 0:
            places.append(place)
            place = text.find(word, place + len(word))
    start = end = -1
    for place in sorted(places):
        if place - before > end:
            if end > 0:
                yield start, end
            start = max(place - before, 0)
        end = min(place + after, len(text))
    if end > 0:
        yield start, end


def number_starts(text: str) -> tuple[Ints, Ints, Ints]:
    """Find runs of digits: where they start, how long they are, how many signs are between one and the next."""
    start, end = runs_of(signs_of(text), IS_DIGIT)
    gap = np.append(start[1:], len(text) + 99) - end
    return start, end - start, gap


def chains(length: Ints, gap: Ints, totals: Iterable[int], firsts: Iterable[int]) -> Ints:
    """Tell which runs start a chain, one sign apart, with a wanted number of digits in all and in the first run."""
    found = np.zeros(len(length), bool)
    if not (gap == 1).any():
        return np.flatnonzero(found)
    joined, total = np.ones(len(length), bool), length.copy()
    wanted = np.array(list(totals))
    for step in range(1, 5):
        if step >= len(length):
            break
        joined = joined[:-1] & (gap[step - 1 : len(gap) - 1] == 1)
        total = total[:-1] + length[step:]
        found[: len(total)] |= joined & np.isin(total, wanted)
    return np.flatnonzero(found & np.isin(length, np.array(list(firsts))))
