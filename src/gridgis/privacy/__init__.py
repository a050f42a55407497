"""The only door to what is shown: small counts protected so that they cannot be worked out, nothing else let out.

`tables` lays out the counts with all sums that a reader knows, `network` sees them as flows, `hiding` chooses what to
hide, `audit` attacks the choice, `publishing` puts it together; `ledger` keeps what was let out, `together` attacks a
release with it.
"""

from gridgis.privacy.costs import protection_costs
from gridgis.privacy.ledger import Outgoing, going_out, is_date
from gridgis.privacy.merging import merge_small
from gridgis.privacy.noise import CellKeys, cell_keys
from gridgis.privacy.published import HIDDEN, NO_DATA, SHOWN, TOTAL, Published
from gridgis.privacy.publishing import publish

__all__ = [
    "HIDDEN",
    "NO_DATA",
    "SHOWN",
    "TOTAL",
    "CellKeys",
    "Outgoing",
    "Published",
    "cell_keys",
    "going_out",
    "is_date",
    "merge_small",
    "protection_costs",
    "publish",
]
