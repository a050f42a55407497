"""Attack what `publish` lets out, from outside: python scripts/bench/attack.py [--tables 400] [--seed 1] [--quick].

It shares no code with the package. It calls ``gridgis.publish`` and reads what a stranger could read: the shown numbers
and their statuses. From these it writes down all that a reader knows - sums over parents, levels and the whole,
categories that add up to the count or to less, whole numbers, at least 1 where zeros are shown - and computes what
values each small number can have. A small number is *broken* if the values that are left to it span less than
``hide_below``, or do not reach up to ``hide_below``.

Ends with 1 if a number is broken.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from attacker.tables import measure_tables, report, report_faults


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--tables", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cells", type=int, default=150, help="the most cells of a table")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a few small tables")
    options = parser.parse_args(argv)
    if options.quick:
        options.tables, options.cells = min(options.tables, 60), min(options.cells, 30)
    began = time.monotonic()
    results = measure_tables(options.tables, options.seed, options.cells, options.jobs)
    report(results)
    publishing, attacking = (sum(r.seconds[i] for r in results) for i in (0, 1))
    print(f"\npublish {publishing:.0f} CPU s, attack {attacking:.0f} CPU s, {time.monotonic() - began:.0f} s in all")
    report_faults(results)
    return int(any(r.broken or r.rests_broken or r.faults for r in results))


if __name__ == "__main__":
    sys.exit(main())
