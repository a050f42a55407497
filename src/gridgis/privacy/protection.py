"""What is hidden in the counts of a table, on which terms, and the attack on it."""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gridgis.contract import GridError, listed
from gridgis.privacy.audit import attack
from gridgis.privacy.hiding import hide
from gridgis.privacy.network import Bools, Floats, Network, Tree
from gridgis.privacy.tables import REST, Block

ZEROS = ("shown", "protected")
"""What may be done with true zeros."""

CONTRIBUTORS = frozenset({"households", "persons"})
"""Columns that count those who know of themselves."""

LEAST_SECRET = 16
"""Bytes of a secret."""

SPREAD = 1.0
"""With a secret, hiding one number costs up to so much more than hiding another like it, and a sum so much more still:
a cell that is hidden with nothing but sums is seen to be the small one."""


@dataclass(frozen=True)
class Terms:
    """On which terms counts are hidden.

    Attributes
    ----------
    hide_below : int
        Counts from 1 to ``hide_below - 1`` are small.
    zeros : str
        "shown": a true zero is shown, so that a reader knows that what is hidden is 1 or more. "protected": a true
        zero is small, too.
    singletons : bool or None
        Whether a small count is as safe from a lone contributor, who knows the counts of 1 that are this contributor,
        as from all others; None: where households or persons are counted.
    secret : bytes or None
        Chooses between sets of numbers to hide that cost nearly the same.

    Raises
    ------
    GridError
        If one of them cannot be.
    """

    hide_below: int = 10
    zeros: str = "shown"
    singletons: bool | None = None
    secret: bytes | None = None

    def __post_init__(self) -> None:
        require_width(self.hide_below)
        if self.zeros not in ZEROS:
            raise GridError(f"zeros: expected 'shown' or 'protected', got {self.zeros!r}.")
        if self.secret is not None and (not isinstance(self.secret, bytes) or len(self.secret) < LEAST_SECRET):
            raise GridError(f"secret: expected at least {LEAST_SECRET} random bytes.")

    def __repr__(self) -> str:
        """Say the terms without the secret."""
        return f"Terms(hide_below={self.hide_below}, zeros={self.zeros!r}, singletons={self.singletons})"


def read_secret(path: str | os.PathLike[str]) -> bytes:
    """Read a secret: all bytes of a file but blanks and line ends around them.

    Raises
    ------
    GridError
        If the file cannot be read, or holds fewer than 16 bytes.
    """
    file = Path(path)
    try:
        secret = file.read_bytes().strip()
    except OSError as error:
        raise GridError(f"{file.name}: expected a file with a secret; {error.strerror}.") from None
    if len(secret) < LEAST_SECRET:
        raise GridError(f"{file.name}: expected a secret of at least {LEAST_SECRET} random bytes, got {len(secret)}.")
    return secret


def require_width(hide_below: int) -> None:
    """Ask that counts below it can be protected at all.

    Raises
    ------
    GridError
        If it is no whole number, or below 2.
    """
    if not isinstance(hide_below, int | np.integer) or isinstance(hide_below, bool) or hide_below < 2:
        raise GridError(f"hide_below: expected a whole number of 2 or more, got {hide_below!r}.")


def small_in(block: Block, terms: Terms) -> Bools:
    """Tell which numbers of a block are small: hidden in any case, and protected."""
    value = block.tree.value
    small: Bools = (value > 0) & (value < terms.hide_below)
    return small | ((value == 0) & block.shown) if terms.zeros == "protected" else small


def known_of(block: Block, terms: Terms) -> Network:
    """Give the network of a block with what a reader knows of each hidden number alone.

    Where true zeros are shown, what is hidden is 1 or more; but what is never let out may be 0, and what need not be a
    whole number may be next to 0.
    """
    value = block.tree.value
    whole = (np.isnan(value) | (value == np.round(value))).all(axis=0)
    one = whole & np.array([name != REST for name in block.names]) & (terms.zeros == "shown")
    return block.tree.network(np.broadcast_to(np.where(one, 1.0, 0.0), value.shape))


def known_to_one(block: Block, terms: Terms) -> list[list[int]]:
    """Give for each lone contributor the numbers that this one knows: each 1 that is nobody else, and each 0 within it.

    Returns
    -------
    list of list of int
        Empty where the rule is not asked for, or nobody is alone.
    """
    of_people = bool(CONTRIBUTORS & set(block.names))
    if not (of_people if terms.singletons is None else terms.singletons):
        return []
    tree = block.tree
    last = tree.value.shape[1] - 1
    finest = np.arange(last + 1) < max(last, 1)
    within = _within(tree) if terms.zeros == "protected" else {}
    known = []
    for place, column in zip(*np.nonzero(tree.cells[:, None] & (tree.value == 1) & finest), strict=True):
        numbers: set[int] = set()
        for number in {int(column), last}:
            here = int(place)
            while here >= 0 and tree.value[here, number] == 1:
                numbers.add(here * (last + 1) + number)
                inside = within.get(here, [])
                columns = range(last + 1) if number == last else (number,)
                numbers |= {one * (last + 1) + at for one in inside for at in columns if tree.value[one, at] == 0}
                here = int(tree.above[here])
        known.append(sorted(numbers))
    return known


def _within(tree: Tree) -> dict[int, list[int]]:
    """For each place itself and all places within it."""
    within: dict[int, list[int]] = {place: [place] for place in range(len(tree.above))}
    for place, above in enumerate(tree.above.tolist()):
        if above >= 0:
            within[above] += within[place]
    return within


def hiding_costs(block: Block, terms: Terms | None = None) -> Floats:
    """Say what it costs to hide each number of a block: 1, a little more for a larger one.

    With a secret it is up to `SPREAD` more, by a keyed hash of the place and the column. What is not shown costs
    nothing; a zero that is shown stays, whatever happens.
    """
    value, shown = block.tree.value, block.shown
    known = np.log1p(np.nan_to_num(value))
    cost = 1 + 0.01 * known / max(known.max(initial=0.0), 1.0)
    if terms is not None and terms.secret is not None:
        sums = ~block.tree.cells[:, None] | (np.arange(value.shape[1]) == max(value.shape[1] - 1, 1))
        cost += SPREAD * (_chances(block, terms.secret) + sums)
    return np.where(shown & (value > 0), cost, np.where(shown, np.inf, 0.0))


def _chances(block: Block, secret: bytes) -> Floats:
    """A number from 0 to 1 for each place and column that nobody knows without the secret."""
    codes = block.codes or tuple(str(place) for place in range(len(block.tree.above)))
    chance = np.empty(block.tree.value.shape)
    for place, code in enumerate(codes):
        for column, name in enumerate(block.names):
            digest = hmac.digest(secret, f"{name}\0{code}".encode(), hashlib.sha256)
            chance[place, column] = int.from_bytes(digest[:6], "big") / 2**48
    return chance


def protected(block: Block, terms: Terms) -> Bools:
    """Choose what to hide in a block, and attack the choice.

    Returns
    -------
    array of bool, places x columns

    Raises
    ------
    GridError
        If the attack succeeds.
    """
    network, value, width = known_of(block, terms), block.tree.value, float(terms.hide_below)
    known = known_to_one(block, terms)
    hiding = hide(network, small_in(block, terms).ravel(), width, hiding_costs(block, terms).ravel(), known)
    hidden = hiding.hidden.reshape(value.shape) & ~np.isnan(value)
    rest = ~block.shown.ravel()
    found = attack(network, hidden.ravel(), hiding.small, width, hiding.proof, known=known, harmless=rest)
    if not found.passed:
        raise GridError(
            f"publish: of {found.protected} small numbers in {listed(block.names)} {len(found.exact)} could be worked "
            f"out and {len(found.narrow)} placed too narrowly; nothing is published. Merge small cells, or let out "
            "fewer categories."
        )
    return hidden
