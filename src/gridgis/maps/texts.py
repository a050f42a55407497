"""Long texts in a third of their size, as printable text: what was said before is said by pointing at it."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from importlib.resources import files

import numpy as np

from gridgis.maps import coding

BLOCK = "gridgis-packed"
"""The id of the element that holds the packed scripts of a page, a line each."""
_LEAST = 4
_TRIES = 40


@cache
def pack_text(text: str) -> str:
    """Write a long text as short printable text: what was said before is said by pointing at it.

    Examples
    --------
    >>> long = "var map = 1; " * 200
    >>> len(pack_text(long)) < 200, unpack_text(pack_text(long)) == long
    (True, True)
    """
    units = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), "<u2")  # scripts count letters so
    runs, letters, lengths, distances = _parse("".join(map(chr, units.tolist())))
    ranks = [letter for letter, _ in sorted(Counter(letters).items(), key=lambda item: (-item[1], item[0]))]
    place = {letter: rank for rank, letter in enumerate(ranks)}
    columns = [list(map(ord, ranks)), [place[letter] for letter in letters], runs, lengths, distances]
    return "".join(coding.encode(np.array(column, np.int64)) for column in columns)


def unpack_text(packed: str) -> str:
    """Read what `pack_text` wrote."""
    columns, place = [], 0
    for _ in range(5):
        column, place = coding.decode(packed, place)
        columns.append(column.tolist())
    ranks, letters, runs, lengths, distances = columns
    said = "".join(chr(ranks[rank]) for rank in letters)
    text, at = "", 0
    for run, length, distance in zip(runs, [*lengths, 0], [*distances, 0], strict=True):
        text += said[at : at + run]
        at += run
        start = len(text) - distance - 1
        while length:  # what is pointed at may reach into what is being written
            part = text[start : start + length]
            text, start, length = text + part, start + len(part), length - len(part)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


@cache
def stored() -> dict[str, str]:
    """Give what lies packed beside this module, by the SHA-256 of what it says: packing Leaflet takes half a second."""
    lines = (files("gridgis.maps") / "packed.txt").read_text("ascii").split()
    return dict(zip(lines[::2], lines[1::2], strict=True))


def _parse(text: str) -> tuple[list[int], list[str], list[int], list[int]]:
    """Cut a text into runs of letters and repeats: lengths of runs, the letters, lengths and distances of repeats."""
    seen: dict[str, list[int]] = defaultdict(list)
    runs: list[int] = []
    letters: list[str] = []
    lengths: list[int] = []
    distances: list[int] = []
    at, begun = 0, 0
    while at < len(text):
        length, start = _repeat(text, at, seen)
        if length and _repeat(text, at + 1, seen)[0] > length:
            length = 0  # one letter more, and a longer repeat begins
        if not length:
            seen[text[at : at + _LEAST]].append(at)
            at += 1
            continue
        runs.append(at - begun)
        letters += text[begun:at]
        lengths.append(length)
        distances.append(at - start - 1)
        for place in range(at, at + length):
            seen[text[place : place + _LEAST]].append(place)
        at = begun = at + length
    runs.append(len(text) - begun)
    letters += text[begun:]
    return runs, letters, lengths, distances


def _repeat(text: str, at: int, seen: dict[str, list[int]]) -> tuple[int, int]:
    """Find the longest repeat at a place, the nearest of equal ones: its length and where it was."""
    key = text[at : at + _LEAST]
    best, where = 0, 0
    if len(key) < _LEAST or key not in seen:
        return best, where
    for start in seen[key][: -_TRIES - 1 : -1]:
        if text[start : start + best + 1] != text[at : at + best + 1]:
            continue
        length = max(best, _LEAST)
        while at + length < len(text) and text[start + length] == text[at + length]:
            length += 1
        if length > best:
            best, where = length, start
    return best, where
