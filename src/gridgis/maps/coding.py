"""Whole numbers as short printable text: what is frequent costs little, and every machine writes the same letters.

A number is split into a token (small numbers are their own token, larger ones give their length and leading bits) and
the bits below. Tokens go through an asymmetric numeral system (Duda 2013, range variant) with the frequencies of their
own column; several states take turns, so that NumPy can carry all of them in one step. States shed digits in base
7569, and each digit is written as two of 87 printable characters: none that HTML, JSON or a script would read as its
own. All of it is arithmetic of whole numbers, so no library version can change a byte.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

ALPHABET = "".join(chr(code) for code in range(33, 127) if chr(code) not in "<>&\"'\\`")
"""The characters of packed text."""
BASE = len(ALPHABET) ** 2
_BITS = 12
_SHARE = 1 << _BITS
_LOW = 1 << 17
_SMALL = 16
_MOST = 1 << 52
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
    table = digits.take(2 * digits.number(1)).reshape(-1, 2)
    share = np.zeros(256, np.int64)
    share[table[:, 0]] = table[:, 1]
    start = np.cumsum(share) - share
    symbol = np.repeat(np.arange(256), share)
    slots = _returns(digits, count, lambda slot, _: (start[symbol[slot]], share[symbol[slot]]))
    token = symbol[slots]
    bits = np.maximum((token - _SMALL) // 4 + 2, 0) * (token >= _SMALL)
    values = np.where(token < _SMALL, token, (4 + token % 4) << bits)
    left = bits.copy()
    while left.any():
        where = np.flatnonzero(left)
        some = np.minimum(left[where], _BITS)
        slots = _returns(digits, len(where), lambda slot, at, some=some: _range(slot, some[at]))
        values[where] += (slots >> (_BITS - some)) << (bits - left)[where]
        left[where] -= some
    return values, digits.place


def _range(slot: Ints, bits: Ints) -> tuple[Ints, Ints]:
    """Where the range of plain bits starts, and its share."""
    return slot >> (_BITS - bits) << (_BITS - bits), _SHARE >> bits


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
    count = len(start)
    lanes = _lanes(count)
    state = np.full(lanes, _LOW, np.int64)
    shed: list[Ints] = []
    if lanes <= _FEW:
        one_by_one = _turns_of_few(start.tolist(), share.tolist(), state)
        shed.append(np.array(one_by_one, np.int64))
    for row in range((count - 1) // lanes if lanes > _FEW else -1, -1, -1):
        first, last = row * lanes, min((row + 1) * lanes, count)
        some, now = share[first:last], state[: last - first]
        full = now >= some * (_LOW // _SHARE * BASE)
        shed.append(now[full] % BASE)
        now[full] //= BASE
        now[:] = now // some * _SHARE + now % some + start[first:last]
    heads = np.stack([state // BASE // BASE, state // BASE % BASE, state % BASE], axis=1).ravel()
    return np.concatenate([heads, *shed[::-1]])


def _turns_of_few(start: list[int], share: list[int], state: Ints) -> list[int]:
    """Do the same number by number, which is faster for few states; leave the states in ``state``."""
    states, shed = state.tolist(), []
    for i in range(len(start) - 1, -1, -1):
        lane, some = i % len(states), share[i]
        now = states[lane]
        if now >= some * (_LOW // _SHARE * BASE):
            now, digit = divmod(now, BASE)
            shed.append(digit)
        states[lane] = now // some * _SHARE + now % some + start[i]
    state[:] = states
    return shed[::-1]


def _returns(digits: _Digits, count: int, rule: Any) -> Ints:
    """Undo `_turns`: give the slot of each symbol; ``rule`` tells the range of a slot."""
    lanes = _lanes(count)
    heads = digits.take(3 * lanes).reshape(-1, 3)
    state = (heads[:, 0] * BASE + heads[:, 1]) * BASE + heads[:, 2]
    slots = np.empty(count, np.int64)
    for first in range(0, count, lanes):
        now = state[: min(lanes, count - first)]
        slot = now & (_SHARE - 1)
        slots[first : first + len(now)] = slot
        start, share = rule(slot, slice(first, first + len(now)))
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


class _Digits:
    """Reads digits from a text, from a place on."""

    def __init__(self, text: str, place: int):
        self.text, self.place = text, place
        self._value = np.zeros(128, np.int64)
        self._value[np.frombuffer(ALPHABET.encode("ascii"), np.uint8)] = np.arange(len(ALPHABET))

    def take(self, count: int) -> Ints:
        """Give the next digits."""
        part = self.text[self.place : self.place + 2 * count].encode("ascii")
        if len(part) < 2 * count:
            raise ValueError("the packed text ends too early.")
        self.place += 2 * count
        pair = self._value[np.frombuffer(part, np.uint8)].reshape(-1, 2)
        return pair[:, 0] * len(ALPHABET) + pair[:, 1]

    def number(self, count: int) -> int:
        """Give the next digits as one number."""
        whole = 0
        for digit in self.take(count).tolist():
            whole = whole * BASE + digit
        return whole
