"""The whole way from files to maps, for a nightly batch: only what has changed is made again.

Each step has a record of what it was made from: the hashes of its inputs, its settings, the version. A step whose
record still holds, and whose outputs are as it left them, is skipped. Outputs are the same bytes for the same
content, so a step that is made again without a change in its result does not drag the later ones along. One run at a
time is at work in a folder; another one is refused, and told which process it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gridgis.contract import GridError, listed
from gridgis.locks import locked
from gridgis.record import LOCK, RECORD, Record
from gridgis.settings import FILES, Settings
from gridgis.steps import CHECK_FAILED, DIVIDE, LOCATE, MAPS, PUBLISH, Work, steps_of

__all__ = ["Done", "run"]


@dataclass(frozen=True)
class Done:
    """What became of one step.

    Attributes
    ----------
    step : str
    action : str
        ``made``, ``up to date``, ``would be made``, ``removed`` or ``would be removed``.
    reason : str
        Why it was made, or is not due.
    detail : str
        What came out, in a sentence; empty where nothing was made.
    """

    step: str
    action: str
    reason: str
    detail: str = ""


def run(settings: Settings, *, dry_run: bool = False, force: bool = False) -> Iterator[Done]:
    """Run the whole pipeline, step by step.

    Parameters
    ----------
    settings : Settings
    dry_run : bool
        True: say what would be made, and make nothing. A step after one that would be made is told as due, though
        it may turn out not to be.
    force : bool
        True: make every step, also over outputs that somebody else has changed.

    Yields
    ------
    Done
        One for each step, as soon as it is through.

    Raises
    ------
    CheckFailed
        If the grid breaks a rule; nothing of the step is replaced.
    GridError
        If an input is bad, an output was changed by somebody else, or another run is at work in the folder.
    """
    _require_files(settings)
    if dry_run:
        yield from _steps(settings, dry_run=True, force=force)
        return
    folder = settings.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GridError(f"{folder.name}: nothing can be written to this folder ({error.strerror}).") from None
    with locked(folder / LOCK, folder.name):
        yield from _steps(settings, dry_run=False, force=force)


def _steps(settings: Settings, *, dry_run: bool, force: bool) -> Iterator[Done]:
    """Go through the steps, while no other run is at work in the folder."""
    work, record = Work(settings), Record(settings.folder)
    steps = steps_of(settings)
    for name in [name for name in record.entries if name not in {step.name for step in steps}]:
        reason = "the settings ask for it no more"
        if dry_run:
            yield Done(name, "would be removed", reason)
        else:
            yield Done(name, "removed", reason, listed(record.drop(name)))
    waiting = False
    for step in steps:
        made_from = step.made_from(settings)
        reason = "asked for" if force else record.why(step.name, made_from, step.outputs)
        if not reason and waiting:
            reason = "an earlier step would be made"
        if not reason:
            yield Done(step.name, "up to date", "nothing it depends on has changed")
        elif dry_run:
            waiting = True
            yield Done(step.name, "would be made", reason)
        else:
            provenance = {"gridgis": made_from["version"], **{key: made_from[key] for key in ("inputs", "settings")}}
            placing = partial(work.letting_out, step)
            with record.replaced(step.name, made_from, force=force, placing=placing) as new:
                detail = step.make(work, new, provenance)
            yield Done(step.name, "made", reason, detail)


def _is_there(file: Path) -> bool:
    """Tell whether there is an input; a File Geodatabase is a folder."""
    return file.is_file() or (file.suffix.lower() == ".gdb" and file.is_dir())


def _require_files(settings: Settings) -> None:
    """Ask, before anything is done, that all inputs are there, and that no output would replace one."""
    inputs = {name: file for name in FILES if (file := settings.file(name)) is not None}
    faults = [f"{name} ({file.name})" for name, file in inputs.items() if not _is_there(file)]
    if faults:
        raise GridError(
            f"[inputs]: expected files, there are none for {listed(faults)}; names count from the folder of the "
            "settings file."
        )
    outputs = [name for step in (DIVIDE, LOCATE, PUBLISH, MAPS) for name in step.outputs]
    targets = {name: settings.folder / name for name in (*outputs, RECORD, CHECK_FAILED)}
    for name, target in targets.items():
        same = [key for key, file in inputs.items() if target.exists() and target.samefile(file)]
        if same:
            raise GridError(f"{name}: the input {same[0]} would be replaced; name another folder under [output].")
        if target.is_dir():
            raise GridError(f"{name}: expected a file to write in the output folder; there is a folder of this name.")
