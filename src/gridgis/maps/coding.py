"""Whole numbers as short printable text: what is frequent costs little, and every machine writes the same letters.

A number is split into a token (small numbers are their own token, larger ones give their length and leading bits) and
the bits below. Tokens go through an asymmetric numeral system (Duda 2013, range variant) with the frequencies of their
own column; several states take turns, so that NumPy can carry all of them in one step. States shed digits in base
7569, and each digit is written as two of 87 printable characters: none that HTML, JSON or a script would read as its
own. All of it is arithmetic of whole numbers, so no library version can change a byte. The turns are a kernel
(``_pack.c``); the twins here write and read the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gridgis import compiled

Ints = npt.NDArray[np.int64]

ALPHABET = "".join(chr(code) for code in range(33, 127) if chr(code) not in "<>&\"'\\`")
"""The characters of packed text."""
BASE = len(ALPHABET) ** 2
_BITS = 12
_SHARE = 1 << _BITS
_LOW = 1 << 17
_SMALL = 16
_MOST = 1 << 52
_MOST_NUMBERS = 1 << 27
_ROW = 1024
_LANES = 2048
_FEW = 16


def zigzag(values: Any) -> Ints:
    """Map numbers of either sign to numbers from 0, small ones first.

    Examples
    --------
    >>> zigzag([0, -1, 1, -2]).tolist()
    [0, 1, 2, 3]
    """
    values = np.asarray(values, np.int64)
    return (values << 1) ^ (values >> 63)


def unzigzag(values: Any) -> Ints:
    """Undo `zigzag`."""
    values = np.asarray(values, np.int64)
    return (values >> 1) ^ -(values & 1)


def encode(values: Any) -> str:
    """Write whole numbers from 0 to below 2**52 as printable text.

    Parameters
    ----------
    values : array of int
        The numbers.

    Returns
    -------
    str
        The text; it says itself where it ends.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> numbers = np.array([3, 1, 4, 1, 5, 926])
    >>> decode(encode(numbers), 0)[0].tolist()
    [3, 1, 4, 1, 5, 926]
    """
    values = np.asarray(values, np.int64).ravel()
    if len(values) and (values.min() < 0 or values.max() >= _MOST):
        raise ValueError("numbers from 0 to below 2**52 can be packed.")
    if not len(values):
        return _letters(_digits(0, 3))
    token, extra = _tokens(values)
    share = _shares(np.bincount(token))
    used = np.flatnonzero(share)
    table = np.stack([used, share[used]], axis=1).ravel()
    start = np.cumsum(share) - share
    parts = [*_digits(len(values), 3), *_digits(len(used), 1), *table, *_turns(start[token], share[token])]
    for rest, bits in _pieces(values, extra):
        parts += _turns(rest << (_BITS - bits), _SHARE >> bits).tolist()
    return _letters(parts)


def decode(text: str, place: int) -> tuple[Ints, int]:
    """Read what `encode` wrote at a place of a text; give the numbers and the place after them."""
    digits = _Digits(text, place)
    count = digits.number(3)
    if not count:
        return np.zeros(0, np.int64), digits.place
    if count > _MOST_NUMBERS:
        raise ValueError(f"{_MOST_NUMBERS:,} numbers can be read, not {count:,}.")
    table = digits.take(2 * digits.number(1)).reshape(-1, 2)
    share = np.zeros(256, np.int64)
    share[table[:, 0]] = table[:, 1]
    if share.sum() != _SHARE:
        raise ValueError(f"the shares of a column add up to {_SHARE}.")
    start = np.cumsum(share) - share
    symbol = np.repeat(np.arange(256), share)
    token = symbol[_returns(digits, count, (start[symbol], share[symbol]), None)]
    bits = np.maximum((token - _SMALL) // 4 + 2, 0) * (token >= _SMALL)
    values = np.where(token < _SMALL, token, (4 + token % 4) << bits)
    left = bits.copy()
    while left.any():
        where = np.flatnonzero(left)
        some = np.minimum(left[where], _BITS)
        slots = _returns(digits, len(where), None, some)
        values[where] += (slots >> (_BITS - some)) << (bits - left)[where]
        left[where] -= some
    return values, digits.place


def _tokens(values: Ints) -> tuple[Ints, Ints]:
    """The token of each number, and how many bits below it are left over."""
    length = np.frexp(values.astype(float))[1].astype(np.int64)
    extra = np.where(values < _SMALL, 0, length - 3)
    token = np.where(values < _SMALL, values, _SMALL + 4 * (length - 5) + ((values >> extra) & 3))
    return token, extra


def _pieces(values: Ints, extra: Ints) -> list[tuple[Ints, Ints]]:
    """The left-over bits, lowest first, in pieces of up to twelve."""
    pieces, done = [], np.zeros_like(extra)
    while (extra > done).any():
        where = np.flatnonzero(extra > done)
        bits = np.minimum(extra[where] - done[where], _BITS)
        pieces.append(((values[where] >> done[where]) & ((1 << bits) - 1), bits))
        done[where] += bits
    return pieces


def _shares(counts: Ints) -> Ints:
    """Scale counts to a sum of 4096; what occurs at all keeps at least one."""
    share = np.where(counts > 0, np.maximum(counts * _SHARE // counts.sum(), 1), 0)
    while share.sum() != _SHARE:
        largest = int(share.argmax())
        share[largest] += max(_SHARE - int(share.sum()), -(int(share[largest]) // 2))
    return share


def _lanes(count: int) -> int:
    return min(max(count // _ROW, 1), _LANES)


def _turns(start: Ints, share: Ints) -> Ints:
    """Push symbols, last first, into states that take turns; give the states and the digits they shed."""
    state = np.full(_lanes(len(start)), _LOW, np.int64)
    if compiled.core is not None:
        room = np.empty(len(start), np.int64)
        many = compiled.core.push_symbols(np.ascontiguousarray(start), np.ascontiguousarray(share), state, room)
        shed = room[len(room) - many :]
    elif len(state) <= _FEW:
        shed = _shed_by_few(start.tolist(), share.tolist(), state)
    else:
        shed = _shed_by_rows(start, share, state)
    heads = np.stack([state // BASE // BASE, state // BASE % BASE, state % BASE], axis=1).ravel()
    return np.concatenate([heads, shed])


def _shed_by_rows(start: Ints, share: Ints, state: Ints) -> Ints:
    """Push the symbols of all states in one step; the states are changed."""
    count, lanes = len(start), len(state)
    shed: list[Ints] = []
    for row in range((count - 1) // lanes, -1, -1):
        first, last = row * lanes, min((row + 1) * lanes, count)
        some, now = share[first:last], state[: last - first]
        full = now >= some * (_LOW // _SHARE * BASE)
        shed.append(now[full] % BASE)
        now[full] //= BASE
        now[:] = now // some * _SHARE + now % some + start[first:last]
    return np.concatenate(shed[::-1])


def _shed_by_few(start: list[int], share: list[int], state: Ints) -> Ints:
    """Do the same symbol by symbol, which is faster for few states."""
    states, shed = state.tolist(), []
    for i in range(len(start) - 1, -1, -1):
        lane, some = i % len(states), share[i]
        now = states[lane]
        if now >= some * (_LOW // _SHARE * BASE):
            now, digit = divmod(now, BASE)
            shed.append(digit)
        states[lane] = now // some * _SHARE + now % some + start[i]
    state[:] = states
    return np.array(shed[::-1], np.int64)


def _returns(digits: _Digits, count: int, table: tuple[Ints, Ints] | None, bits: Ints | None) -> Ints:
    """Undo `_turns`: give the slot of each symbol, of a table (start and share of each slot), or of plain bits."""
    lanes = _lanes(count)
    heads = digits.take(3 * lanes).reshape(-1, 3)
    state = (heads[:, 0] * BASE + heads[:, 1]) * BASE + heads[:, 2]
    slots = np.empty(count, np.int64)
    if compiled.core is not None:
        none = np.zeros(0, np.int64)
        read = compiled.core.pull_symbols(
            digits.rest, _VALUE, state, *(table or (none, none)), none if bits is None else bits, slots
        )
        digits.skip(read)
        return slots
    for first in range(0, count, lanes):
        now = state[: min(lanes, count - first)]
        slot = now & (_SHARE - 1)
        slots[first : first + len(now)] = slot
        if bits is not None:
            left = _BITS - bits[first : first + len(now)]
            start, share = slot >> left << left, 1 << left
        elif table is not None:
            start, share = table[0][slot], table[1][slot]
        now[:] = share * (now >> _BITS) + slot - start
        empty = np.flatnonzero(now < _LOW)
        now[empty] = now[empty] * BASE + digits.take(len(empty))
    return slots


def _digits(number: int, count: int) -> list[int]:
    return [number // BASE**place % BASE for place in range(count - 1, -1, -1)]


def _letters(digits: Any) -> str:
    pairs = np.asarray(digits, np.int64)
    alphabet = np.frombuffer(ALPHABET.encode("ascii"), np.uint8)
    both = np.stack([pairs // len(ALPHABET), pairs % len(ALPHABET)], axis=1).ravel()
    return alphabet[both].tobytes().decode("ascii")


_VALUE = np.zeros(256, np.int64)
_VALUE[np.frombuffer(ALPHABET.encode("ascii"), np.uint8)] = np.arange(len(ALPHABET))


class _Digits:
    """Reads digits from a text, from a place on."""

    def __init__(self, text: str, place: int):
        self._text = np.frombuffer(text.encode("latin-1", "replace"), np.uint8)
        self.place = place

    @property
    def rest(self) -> npt.NDArray[np.uint8]:
        """What was not read yet."""
        return self._text[self.place :]

    def skip(self, read: int) -> None:
        """Go on after so many letters; -1 says that there were too few."""
        if read < 0 or self.place + read > len(self._text):
            raise ValueError("the packed text ends too early.")
        self.place += read

    def take(self, count: int) -> Ints:
        """Give the next digits."""
        part = self._text[self.place : self.place + 2 * count]
        self.skip(2 * count)
        pair = _VALUE[part].reshape(-1, 2)
        return pair[:, 0] * len(ALPHABET) + pair[:, 1]

    def number(self, count: int) -> int:
        """Give the next digits as one number."""
        whole = 0
        for digit in self.take(count).tolist():
            whole = whole * BASE + digit
        return whole
