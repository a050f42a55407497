"""A page as a folder of files, with nothing inline: for hosts whose policy allows only files of their own."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
from html import escape
from html.parser import HTMLParser
from pathlib import Path

from gridgis.contract import GridError, listed
from gridgis.pages.page import Document, asset, opening, without_scripts
from gridgis.whole import first_line, temporary_beside

_DATA = re.compile(r"data:(image|font)/([\w.+-]+);base64,([A-Za-z0-9+/=]+)")
_ENDINGS = {"png": "png", "gif": "gif", "svg+xml": "svg", "woff2": "woff2", "jpeg": "jpg", "webp": "webp"}
_MARK = b'<script src="library.js"></script>'
_OURS = re.compile(r"index\.html|map\.(css|js)|library\.js|part-[0-9a-f]{16}\.\w+")


def site_files(made: Document) -> dict[str, bytes]:
    """Give the files of a page by name; no script, style or picture stands within the page.

    Examples
    --------
    >>> sorted(site_files(Document("en", "Streets", ("p{}",), ("a", "b"), "", "<p style='color:red'>x</p>")))
    ['index.html', 'library.js', 'map.css', 'map.js']
    """
    files: dict[str, bytes] = {}
    styles = _Styles()
    head, body = styles.out_of(made.head), styles.out_of(without_scripts(made) + made.body)
    sheet = "\n".join([*made.styles, *styles.rules])
    texts = {
        "map.css": sheet,
        "library.js": "\n;\n".join([asset("strict.js"), *made.scripts[:-1]]),
        "map.js": made.scripts[-1],
    }
    texts["index.html"] = _page(made, head, body)
    for name, text in texts.items():
        files[name] = _parted(text, files).encode("utf-8")
    return dict(sorted(files.items()))


def _page(made: Document, head: str, body: str) -> str:
    pictures = " ".join(("'self'", *made.hosts))
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {pictures}; font-src 'self'; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'"
    )
    return (
        f'{opening(made, policy)}<link rel="stylesheet" href="map.css">\n{head}\n</head>\n<body>\n{body}\n'
        '<script src="library.js"></script>\n<script src="map.js"></script>\n</body>\n</html>\n'
    )


def _parted(text: str, files: dict[str, bytes]) -> str:
    """Put the pictures and fonts of a text into files of their own, named by their content."""

    def part(found: re.Match[str]) -> str:
        content = base64.b64decode(found[3])
        name = f"part-{hashlib.sha256(content).hexdigest()[:16]}.{_ENDINGS.get(found[2], 'bin')}"
        files[name] = content
        return name

    return _DATA.sub(part, text)


class _Styles(HTMLParser):
    """Moves the styles of elements into rules of a style sheet."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.rules: list[str] = []
        self._out: list[str] = []

    def out_of(self, text: str) -> str:
        """Give the HTML without styles in attributes."""
        self._out = []
        self.feed(text)
        self.close()
        self.reset()
        return "".join(self._out)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        text = self.get_starttag_text() or ""
        style = dict(attrs).get("style")
        if style is not None:
            kept = [(name, value) for name, value in attrs if name != "style"]
            kept.append(("data-look", str(len(self.rules))))
            self.rules.append(f'[data-look="{len(self.rules)}"] {{ {style} }}')
            written = "".join(f' {name}="{escape(value or "")}"' for name, value in kept)
            text = f"<{tag}{written}{' /' if text.endswith('/>') else ''}>"
        self._out.append(text)

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag: str) -> None:
        self._out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._out.append(data)

    def handle_entityref(self, name: str) -> None:
        self._out.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._out.append(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        self._out.append(f"<!--{data}-->")


def write_site(made: Document, folder: Path) -> Path:
    """Write a page as a folder, whole or not at all; an earlier one of ours is replaced.

    Raises
    ------
    GridError
        If the folder holds files of others, or cannot be written.
    """
    target = Path(os.path.realpath(folder))
    if target.exists():
        _require_ours(target, folder.name)
    files = site_files(made)
    temporary, old = temporary_beside(target), temporary_beside(target)
    try:
        temporary.mkdir(parents=True)
        for name, content in files.items():
            (temporary / name).write_bytes(content)
        if target.exists():
            target.rename(old)
        try:
            temporary.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        raise GridError(f"{folder.name}: the folder cannot be written: {first_line(error, temporary)}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return folder / "index.html"


def _require_ours(target: Path, name: str) -> None:
    if not target.is_dir():
        raise GridError(f"{name}: expected a folder to write; there is a file of this name.")
    others = sorted(path.name for path in target.iterdir() if not _OURS.fullmatch(path.name) or path.is_dir())
    index = target / "index.html"
    if not others and index.is_file() and _MARK not in index.read_bytes():
        others = [index.name]
    if others:
        raise GridError(f"{name}: the folder holds other files ({listed(others)}); name a new one.")
