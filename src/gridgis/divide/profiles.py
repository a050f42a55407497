"""What a good cell is, as data: bands of loads by kind of place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gridgis.contract import GridError
from gridgis.divide.bands import Band, Bands

MOST = 10**9
"""More than this in one building, or in a band, is a mistake."""
EMPTY = ("attach", "own_cell")
"""What becomes of wide empty land: it joins a neighbouring cell, or becomes a cell of its own."""

Limits = tuple[int, int]


@dataclass(frozen=True)
class Profile:
    """What a good cell is.

    Attributes
    ----------
    bands : mapping of str to (low, high)
        For each load, a column of the buildings, the least and the most that a cell may hold, both ends in. The
        first one says how many cells there are.
    targets : mapping of str to int
        The load that is best, where it is not the middle of the band.
    either : bool
        True: a cell is right if any one of the bands holds. False: if all of them hold.
    empty : str
        ``attach``: empty land joins a neighbouring cell. ``own_cell``: connected empty land of a hectare and more
        becomes a cell of its own, without a test of its load.
    together_m : float
        Buildings nearer to each other than this stay in one cell, as long as such a group fits into one; 0: no.

    Examples
    --------
    >>> Profile({"households": (300, 500), "persons": (0, 1000)}, either=True).either
    True
    """

    bands: Mapping[str, Limits]
    targets: Mapping[str, int] = field(default_factory=dict)
    either: bool = False
    empty: str = "attach"
    together_m: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no band.

        Raises
        ------
        GridError
            If a band, a target, the policy or the distance is none.
        """
        if not isinstance(self.bands, Mapping) or not self.bands:
            raise GridError(f"profile: expected bands such as {{'households': (100, 150)}}, got {self.bands!r}.")
        for name, limits in self.bands.items():
            low, high = checked_limits(limits, name, 1 if len(self.bands) == 1 else 0)
            target = self.targets.get(name, (low + high) // 2)
            if not isinstance(target, int) or not max(low, 1) <= target <= max(high, 1):
                raise GridError(
                    f"profile: the target of {name} should lie in its band {low} to {high}, got {target!r}."
                )
        unknown = sorted(set(self.targets) - set(self.bands))
        if unknown:
            raise GridError(f"profile: a target without a band: {', '.join(unknown)}.")
        if self.empty not in EMPTY:
            raise GridError(f"empty: expected {' or '.join(map(repr, EMPTY))}, got {self.empty!r}.")
        if not 0 <= self.together_m < 10_000:
            raise GridError(f"profile: together_m should be metres, 0 to 10000, got {self.together_m!r}.")

    def as_bands(self) -> Bands:
        """Give the bands as the search takes them."""
        bands = []
        for name, limits in self.bands.items():
            low, high = checked_limits(limits, name, 0)
            aim = self.targets.get(name)
            bands.append(Band.around(low, high) if aim is None else Band.aimed(low, high, int(aim)))
        return Bands(tuple(self.bands), tuple(bands), self.either)


def checked_limits(limits: object, name: str, least: int = 1) -> Limits:
    """Give a band as two whole numbers.

    Raises
    ------
    GridError
        If it is none.
    """
    try:
        low, high = (int(value) for value in limits)  # type: ignore[attr-defined]
    except (TypeError, ValueError, OverflowError):
        raise GridError(f"{name}: expected (low, high), got {limits!r}.") from None
    if not least <= low <= high <= MOST or high < 1 or (low, high) != tuple(limits):  # type: ignore[arg-type]
        raise GridError(
            f"{name}: expected two whole numbers with {least} <= low <= high <= {MOST}, got {tuple(limits)}."  # type: ignore[arg-type]
        )
    return low, high


PROFILES: dict[str, Profile] = {
    "urban": Profile({"households": (300, 500), "persons": (0, 1000)}, {"persons": 1000}, either=True),
    "dense": Profile({"households": (100, 300)}),
    "rural": Profile({"households": (30, 300)}, together_m=60.0),
    "micro": Profile({"households": (30, 50)}),
    "output_area": Profile({"households": (40, 250), "persons": (100, 625)}, {"households": 125, "persons": 300}),
}
"""Profiles by name: urban cells (300 to 500 households, or up to 1,000 persons); dense or old quarters (100 to 300);
rural cells (whole hamlets, at most 300); micro-grids (30 to 50); and the rules of the census output areas of England
and Wales (40 to 250 households and 100 to 625 persons, best 125 households)."""
