"""What a piece of HTML would fetch or run: addresses outside the page, and scripts in attributes."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from gridgis.contract import GridError, listed

_CSS_ADDRESS = re.compile(r"""(?:url\(\s*|@import\s+)["']?\s*([^"')\s;]+)""", re.IGNORECASE)
_LOADING = {"src", "srcset", "poster", "background", "xlink:href"}


class _Loads(HTMLParser):
    """Gathers the addresses that a piece of HTML would fetch, and the handlers that would not run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in _LOADING or (tag == "link" and name == "href") or (tag == "object" and name == "data"):
                self.found.append(value or "")
            if name == "style":
                self.found += _CSS_ADDRESS.findall(value or "")
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_data(self, data: str) -> None:
        self.found += _CSS_ADDRESS.findall(data) if self.lasttag == "style" else []


def refuse_loads(text: str, name: str) -> None:
    """Refuse HTML that would fetch something from outside, or has a script in an attribute.

    Raises
    ------
    GridError
        If it does.

    Examples
    --------
    >>> refuse_loads("<p style='color:red'>one</p>", "a child")
    """
    loads = _Loads()
    loads.feed(text)
    loads.close()
    outside = [found for found in loads.found if found and not found.startswith(("data:", "#"))]
    if outside:
        raise GridError(f"the page needs an outside address, {listed(outside)} (for {name}); put its content in.")
    if loads.handlers:
        raise GridError(f"{name}: a script in an attribute ({listed(loads.handlers)}) would not run; use a listener.")
