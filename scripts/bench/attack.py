"""Attack what `publish` lets out, from outside: python scripts/bench/attack.py [--tables 400] [--seed 1] [--quick].

It shares no code with the package. It calls ``gridgis.publish`` and reads what a stranger could read: the shown numbers
and their statuses. From these it writes down all that a reader knows - sums over parents, levels and the whole,
categories that add up to the count or to less, whole numbers, at least 1 where zeros are shown - and computes what
values each small number can have. A small number is *broken* if the values that are left to it span less than
``hide_below``, or do not reach up to ``hide_below``.

- **tables**: random tables of means 0.3 to 50, one to four levels, 0 to 7 categories; whether the output is in order.
- **method**: a reader who knows how `publish` works: every table that agrees with what is shown is published in the
  same way, and those that leave the same holes are kept. This reader learns more; it is reported, not counted.
- **releases**: two and three releases of one date with a ledger, attacked together.
- **hostile**: tables that are not what they seem; and what contributors who are alone in a cell learn of others.
- **rounded**: what rounded numbers, and numbers with noise, leave of those below the base.

Ends with 1 if a number is broken.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from attacker.hostile import measure_alone, measure_hostile
from attacker.method import KNOWS_SECRETS, measure_method
from attacker.releases import measure_releases
from attacker.rounded import measure_noise, measure_rounded
from attacker.tables import measure_tables, report, report_faults

PARTS = ("tables", "method", "releases", "hostile", "rounded")


def attack_tables(options: argparse.Namespace) -> int:
    """Random tables by group."""
    began = time.monotonic()
    results = measure_tables(options.tables, options.seed, options.cells, options.jobs)
    report(results)
    publishing, attacking = (sum(r.seconds[i] for r in results) for i in (0, 1))
    print(f"\npublish {publishing:.0f} CPU s, attack {attacking:.0f} CPU s, {time.monotonic() - began:.0f} s in all")
    report_faults(results)
    return sum(r.broken + r.rests_broken + len(r.faults) for r in results)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--tables", type=int, default=400, help="random tables; of the other parts a share of it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cells", type=int, default=150, help="the most cells of a table")
    parser.add_argument("--jobs", type=int, default=1, help="processes for the random tables")
    parser.add_argument("--quick", action="store_true", help="a few small tables")
    options = parser.parse_args(argv)
    if options.quick:
        options.tables, options.cells = min(options.tables, 60), min(options.cells, 30)
    some = max(options.tables // 10, 5)
    bad = attack_tables(options) if "tables" in options.parts else 0
    if "method" in options.parts:
        for keyed in (False, True) if KNOWS_SECRETS else (False,):
            measure_method(2 * some, options.seed, keyed=keyed)
    if "releases" in options.parts:
        bad += measure_releases(some, options.seed)
    if "hostile" in options.parts:
        bad += measure_hostile(some, options.seed)
        measure_alone(some, options.seed)
    if "rounded" in options.parts:
        bad += measure_rounded(some, options.seed)
        measure_noise(some, options.seed)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
