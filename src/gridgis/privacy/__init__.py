"""The only door to what is shown: small counts protected so that they cannot be worked out, nothing else let out.

`parts` says which columns are sums of which, `tables` lays out the counts with all sums that a reader knows, `network`
and `flows` see them as flows, `hiding` chooses what to hide, `audit` attacks the choice, `protection` does both on the
terms asked for, `publishing` puts it together.
"""

from gridgis.privacy.costs import protection_costs
from gridgis.privacy.merging import merge_small
from gridgis.privacy.noise import CellKeys, cell_keys
from gridgis.privacy.protection import read_secret
from gridgis.privacy.published import HIDDEN, NO_DATA, SHOWN, TOTAL, Published
from gridgis.privacy.publishing import publish

__all__ = [
    "HIDDEN",
    "NO_DATA",
    "SHOWN",
    "TOTAL",
    "CellKeys",
    "Published",
    "cell_keys",
    "merge_small",
    "protection_costs",
    "publish",
    "read_secret",
]
