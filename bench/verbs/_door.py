"""Stands around every verb: what it raises becomes one sentence and an exit code, never a trace.

The one exception is a bug of ours; then the sentence says so, where to report it, and in which
file the trace is.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, metadata

from bench.errors import BAD_INPUT, Sentence, sentence
from bench.files import printable
from bench.sweep import output
from bench.sweep.interrupt import Terminated

PACKAGE = "causalmixft-bench"
FAILED, BUG, STOPPED, PIPE_CLOSED, TERMINATED = 1, 3, 130, 141, 143  # exit codes

# Their errors tell that a job died or was cancelled; what goes wrong within a cell is a record.
LAUNCHERS = ("submitit", "joblib", "ray")
HYDRA = ("hydra", "omegaconf")  # not all that they raise at odd words is of their classes
SHORT = 300  # characters that are shown of an error that is not made for people

ROOM, PLACE = "when there is room", "with a folder that can be written to"
AWAY = "once what stands there is moved away"
REMEDIES = {
    errno.ENOSPC: ROOM, errno.EDQUOT: ROOM, errno.EFBIG: ROOM,
    errno.EROFS: PLACE, errno.EACCES: PLACE, errno.EPERM: PLACE,
    errno.EEXIST: AWAY, errno.EISDIR: AWAY, errno.ENOTDIR: AWAY, errno.ENOTEMPTY: AWAY,
    errno.ENAMETOOLONG: "with a shorter name",
    errno.EMFILE: "where a process may open more files (ulimit -n)",
}  # fmt: skip


def guarded(work: Callable[[], int], only_prints: bool) -> int:
    """Do a verb's work; give its exit code, whatever happens.

    ``only_prints``: where nobody listens any more there is nothing left to do. Other verbs go on
    with what they write.
    """
    output.steady(raises=only_prints)
    broken = output.fault()
    if broken is None:
        code = _ended(work)
        broken = output.fault()
        if broken is None or (isinstance(broken, BrokenPipeError) and not only_prints):
            return code
    else:
        code = FAILED  # it is closed: said before anything is done
    if isinstance(broken, BrokenPipeError):
        return PIPE_CLOSED
    print(f"bench: standard output cannot be written: {broken.strerror}.", file=sys.stderr)
    return code or FAILED


def _ended(work: Callable[[], int]) -> int:
    try:
        return work()
    except SystemExit as end:  # Hydra's and argparse's, who have said why
        return end.code if isinstance(end.code, int) else FAILED if end.code else 0
    except BaseException as error:
        return say_why(error)


def say_why(error: BaseException) -> int:
    """Print one sentence on what was raised, to standard error; give the exit code."""
    code, words = judged(error)
    if words:
        print(f"bench: {printable(words)}", file=sys.stderr, flush=True)
    return code


def judged(error: BaseException) -> tuple[int, str]:
    """The exit code and the sentence for what was raised."""
    from hydra.errors import HydraException  # the help goes without Hydra
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, Terminated):
        return TERMINATED, "ended by SIGTERM; run the same command again to go on."
    if isinstance(error, KeyboardInterrupt):
        return STOPPED, "stopped; run the same command again to go on."
    if isinstance(error, Sentence):
        return BAD_INPUT, str(error)
    if isinstance(error, (HydraException, OmegaConfBaseException)):
        return BAD_INPUT, _hydra_s(error)
    if isinstance(error, RecursionError):
        return BAD_INPUT, "Something that was given is nested too deeply to be read."
    if _is_a_launchers(error):
        lost = f"the launcher lost a job ({sentence(error)[:SHORT]})"
        again = "nothing that was done is lost, run the same command again to go on."
        return FAILED, f"{lost}; {again}"
    if _is_raised_by(HYDRA, error):
        return BAD_INPUT, f"the settings cannot be composed ({sentence(error)[:SHORT]})."
    if _is_raised_by(LAUNCHERS, error):
        return BAD_INPUT, f"the launcher cannot work as it is set ({sentence(error)[:SHORT]})."
    if isinstance(error, OSError) and error is output.fault():
        return FAILED, ""  # it is said where all verbs end
    if isinstance(error, OSError):
        return FAILED, of_the_system(error)
    if isinstance(error, MemoryError):
        return FAILED, "the memory did not suffice; nothing that was done is lost."
    return BUG, _bug(error)


def _hydra_s(error: BaseException) -> str:
    """What Hydra says, but where it tells a list from a text in its own grammar."""
    told = sentence(error)
    several = re.match(r"Ambiguous value for argument '([^=]*=[^']*)'", told)
    return f"{several[1]} lists several values; with -m each is run." if several else told


def _is_a_launchers(error: BaseException) -> bool:
    """Launchers share no base class; theirs are told by their module."""
    return type(error).__module__.partition(".")[0] in LAUNCHERS


def _is_raised_by(libraries: tuple[str, ...], error: BaseException) -> bool:
    """Whether their code raised it, not a job, whose error comes with its process's trace."""
    known = (ValueError, TypeError, AssertionError)
    if not isinstance(error, known) or error.__cause__ is not None:
        return False
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    module = str(frames[-1].f_globals.get("__name__", "")) if frames else ""
    return module.partition(".")[0] in libraries


def of_the_system(error: OSError) -> str:
    """The sentence for what the operating system refused: which file, why, and what helps."""
    given = (error.filename, error.filename2)
    named = [_short(os.fsdecode(name)) for name in given if isinstance(name, str | bytes)]
    names = list(dict.fromkeys(named))  # a file that is written whole has a temporary name before
    reason = error.strerror or sentence(error)
    what = f"{' → '.join(names)}: {reason}" if names else reason
    when = REMEDIES.get(error.errno or 0)
    return f"{what}; nothing that was done is lost, run it again{f' {when}' if when else ''}."


def _short(name: str) -> str:
    return printable(name if len(name) <= SHORT else f"{name[:SHORT]} …")


def _bug(error: BaseException) -> str:
    gist = f"{type(error).__name__}: {sentence(error)[:SHORT]}"
    trace = "".join(traceback.format_exception(error))
    return f"this is a bug of ours ({gist}); please report it to {tracker()} {_kept(trace)}."


def _kept(trace: str) -> str:
    """Write the trace down; give the clause that says where."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="bench-trace-", suffix=".txt", delete=False,
            encoding="utf-8", errors="backslashreplace",
        ) as file:  # fmt: skip
            file.write(trace)
        return f"with the trace in {file.name}"
    except OSError as error:
        frames = [line.strip() for line in trace.splitlines() if line.startswith("  File ")]
        last = frames[-1] if frames else "no frame"
        reason = error.strerror or str(error)
        return f"(its trace could not be written: {reason}; the end of it is {last})"


def tracker() -> str:
    """Where bugs are reported: the package's own words, if it names a place."""
    try:
        named = metadata(PACKAGE).get_all("Project-URL") or []
    except PackageNotFoundError:
        named = []
    for label, _, url in (str(name).partition(", ") for name in named):
        if label.casefold() in ("issues", "bug tracker", "tracker"):
            return url
    return "the project's issue tracker"
