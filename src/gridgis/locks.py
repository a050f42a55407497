"""One process at a time: a lock that ends with the process that holds it, and leaves no file behind."""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gridgis.contract import GridError, GridWarning

WAIT_S = 600.0
"""So long a short piece of work of another process is waited for."""
_PAUSE_S = 0.05
_BUSY = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_MINE: dict[str, threading.RLock] = {}
_HELD: set[str] = set()
"""A lock for each file that this process has locked, for the system knows no threads; and the files that are held."""


@contextmanager
def locked(path: Path, what: str, *, wait_s: float = 0.0) -> Iterator[None]:
    """Hold the lock of a file while the block runs; a killed process holds nothing.

    Parameters
    ----------
    path : Path
        The file of the lock: it holds the number of the process, and goes at the end. Its folder is there.
    what : str
        What is locked, for the sentence to whoever comes too late.
    wait_s : float
        So many seconds another process is waited for.

    Raises
    ------
    GridError
        If another process holds it for longer; its number is named.

    Warns
    -----
    GridWarning
        If the file system knows no locks; the block runs all the same.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lock = Path(folder) / "lock"
    ...     with locked(lock, "folder"):
    ...         lock.read_text() == str(os.getpid())
    ...     lock.exists()
    True
    False
    """
    name, until = os.path.realpath(path), time.monotonic() + wait_s
    mine = _MINE.setdefault(name, threading.RLock())
    if not (mine.acquire(timeout=wait_s) if wait_s > 0 else mine.acquire(blocking=False)):
        raise _too_late(what, str(os.getpid()))
    try:
        if name in _HELD:  # by this thread
            yield
            return
        handle = _opened(name, what, until)
        _HELD.add(name)
        try:
            yield
        finally:
            _HELD.discard(name)
            if handle is not None:
                _let_go(name, handle)
    finally:
        mine.release()


def _opened(name: str, what: str, until: float) -> int | None:
    """Lock the file, and write the number of this process into it; None where that is not possible here."""
    while True:
        handle = _handle(name, what)
        if handle is None:
            return None
        try:
            holder = _taken_by(handle)
        except OSError:
            told = f"{what}: this file system knows no locks; see to it that only one process writes there."
            warnings.warn(GridWarning(told), stacklevel=4)
            return None
        if holder is None and _is_there(name, handle):
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode("ascii"))
            return handle
        if holder is None:
            os.close(handle)  # who held it has removed it meanwhile
        elif time.monotonic() >= until:
            raise _too_late(what, holder)
        else:
            time.sleep(_PAUSE_S)


def _handle(name: str, what: str) -> int | None:
    """Open the file of a lock; -1 where it is another's, None where nothing can be written: whoever tries is told."""
    try:
        return os.open(name, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        return -1 if os.path.exists(name) else None
    except OSError as error:
        raise GridError(f"{what}: nothing can be written beside it ({error.strerror}).") from None


def _taken_by(handle: int) -> str | None:
    """Lock an open file; None if that worked, else the number of the process that holds it, if it can be read."""
    if handle < 0:
        return ""
    try:
        _lock(handle)
    except OSError as error:
        holder = _holder(handle)
        os.close(handle)
        if error.errno in _BUSY:
            return holder
        raise
    return None


def _too_late(what: str, holder: str) -> GridError:
    who = f" (process {holder})" if holder.isdecimal() else ""
    return GridError(f"{what}: another run of gridgis{who} is writing there; try again when it is through.")


def _is_there(name: str, handle: int) -> bool:
    """Tell whether an open file is still the one of that name."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(handle), os.stat(name))
    return False


def _holder(handle: int) -> str:
    """The number of the process that holds the lock, as it wrote it."""
    with suppress(OSError):
        os.lseek(handle, 0, os.SEEK_SET)
        return os.read(handle, 20).decode("ascii", "replace")
    return ""


if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 20
    """The byte that is locked: far behind the number, which others may then read."""

    def _lock(handle: int) -> None:
        os.lseek(handle, _FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)

    def _let_go(name: str, handle: int) -> None:
        os.close(handle)
        with suppress(OSError):  # somebody else has opened it
            os.unlink(name)

    def is_alive(process: int) -> bool:
        """Tell whether a process of this machine runs."""
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x100000, False, process)
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)
        return bool(handle)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not shared with processes that are started meanwhile

    def _let_go(name: str, handle: int) -> None:
        with suppress(OSError):
            os.unlink(name)
        os.close(handle)

    def is_alive(process: int) -> bool:
        """Tell whether a process of this machine runs.

        Examples
        --------
        >>> is_alive(os.getpid()), is_alive(2**22 + 1)
        (True, False)
        """
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True
        return True
