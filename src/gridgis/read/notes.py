"""What one read mended or left out, and one sentence in place of whatever a driver raises."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

import pandas as pd
from shapely.errors import ShapelyError

from gridgis.contract import GridError, GridWarning, listed

TABLE = "table"
"""What a table that is there already is called in sentences."""


_LONGEST = 200


class Report:
    """What one read mended or left out; told to the user in one warning.

    Parameters
    ----------
    source : path or DataFrame
        What is read; the name of the file begins the sentence.
    """

    def __init__(self, source: str | os.PathLike[str] | pd.DataFrame):
        self.path = Path(TABLE if isinstance(source, pd.DataFrame) else source)
        self.name = self.path.name
        self.notes: list[str] = []

    def add(self, rows: Sequence[object], what: str) -> None:
        """Note rows, if there are any, with the first five names."""
        if len(rows):
            self.notes.append(f"{len(rows)} {what} ({listed(rows)})")

    def note(self, text: str) -> None:
        """Note something about the file as a whole."""
        if text not in self.notes:
            self.notes.append(text)

    def tell(self) -> None:
        """Warn, pointing at the line that called the reader."""
        if self.notes:
            warnings.warn(GridWarning(f"{self.name}: {'; '.join(self.notes)}."), stacklevel=3)


@contextmanager
def one_sentence(file: Path) -> Iterator[None]:
    """Turn whatever a driver raises into a `GridError`.

    A damaged file can make a driver raise anything at all, so that nothing is let through but what the user or the
    machine asked for.

    Raises
    ------
    GridError
        In place of anything that a driver or the system raises.
    """
    try:
        yield
    except (GridError, MemoryError):
        raise
    except pd.errors.ParserWarning as error:
        raise GridError(f"{file.name}: expected as many fields in each row as the first row has; got more.") from error
    except Exception as error:
        said = _in_short(str(error), file) or type(error).__name__
        if isinstance(error, UnboundLocalError) and "wkt" in said:  # so pyogrio, where GDAL makes nothing of a CRS
            said = "its CRS (.prj) is damaged; mend it, or remove it and name the CRS with source_crs= (of points crs=)"
        elif not isinstance(error, RuntimeError | ValueError | OSError | KeyError | BadZipFile | ShapelyError):
            said = f"it is damaged ({said})"
        raise GridError(f"{file.name}: the file cannot be read: {said}.") from error


def _in_short(text: str, file: Path) -> str:
    """Give the first sentence of what a driver says, without folders and control characters."""
    line = next((line for line in text.splitlines() if line.strip()), "").split("; It might help")[0]
    line = re.sub(r"[^\s'\":(]*/" + re.escape(file.name), file.name, line)
    plain = "".join(letter if letter.isprintable() else "?" for letter in line).strip().rstrip(".;, ")
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}..."
