"""The scripts of a page in a third of their size: text is packed, unpacked by a short plain script, and run by hash.

The page's content policy names each script by the hash of what it says, not of how it is stored. So a script that was
unpacked runs if, and only if, it is letter for letter the one that the policy names; nothing is evaluated.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from gridgis.maps.texts import BLOCK, pack_text, stored

_NOTICE = re.compile(r"\s*/\*.*?\*/", re.DOTALL)


def packed_scripts(scripts: Sequence[str], reader: str) -> tuple[str, str]:
    r"""Give the block that holds scripts, a line each, and the plain script that unpacks and runs them.

    Parameters
    ----------
    scripts : sequence of str
        In the order in which they run. The page's policy must name them, and the plain script, by their hashes.
    reader : str
        Our script ``coding.js``.

    Returns
    -------
    block, loader : str
        The block is the content of an element that does not run, with the id ``BLOCK``. The notices at the
        beginning of scripts stand in the loader, to be read by people.

    Examples
    --------
    >>> block, loader = packed_scripts(["/* Ours, 2024. */ var map = 1;", "map = 2;"], "")
    >>> from gridgis.maps.texts import unpack_text
    >>> [unpack_text(line) for line in block.split()]
    ['/* Ours, 2024. */ var map = 1;', 'map = 2;']
    >>> loader
    '/* Ours, 2024. */\ngridgis.run("gridgis-packed");'
    """
    notices = [found[0].strip() for found in map(_NOTICE.match, scripts) if found]
    loader = [*notices, *filter(None, [reader]), f'gridgis.run("{BLOCK}");']
    return "\n".join(stored().get(_hash(text)) or pack_text(text) for text in scripts), "\n".join(loader)


def stored_text(texts: Sequence[str]) -> str:
    """Give the content of ``maps/packed.txt`` for some texts (`scripts/pack_library.py` writes it)."""
    return "".join(f"{_hash(text)}\n{pack_text(text)}\n" for text in texts)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
