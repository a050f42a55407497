"""What a finished file gives away: every layer of it is read, and what must not be there is named.

`decoding` and `containers` turn bytes into text and parts, `layers` walks through them, `patterns`, `points` and
`records` tell persons and points by how they are written, `known` and `hidden` search for the values of tables,
`scanning` puts it together; `beside` compares finished files with each other.
"""

from gridgis.leaks.beside import find_beside
from gridgis.leaks.scanning import Leak, find_leaks, require_no_leaks, require_public

__all__ = ["Leak", "find_beside", "find_leaks", "require_no_leaks", "require_public"]
