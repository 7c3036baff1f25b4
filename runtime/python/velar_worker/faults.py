"""Why a runner ended, as an error that a person understands."""

from __future__ import annotations

import os
import re
import signal
from typing import Any, Dict, List, NamedTuple, Optional

from . import errors, memory, sizes

_FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')
_CRASHES = {
    signal.SIGSEGV: ("Segfault", "a segmentation fault (SIGSEGV): native code touched memory it must not"),
    signal.SIGBUS: ("Segfault", "a bus error (SIGBUS): native code touched memory it must not"),
    signal.SIGABRT: ("Aborted", "an abort (SIGABRT): native code gave up"),
    signal.SIGFPE: ("FloatingPointFault", "an arithmetic fault in native code (SIGFPE)"),
    signal.SIGILL: ("IllegalInstruction", "an instruction this processor doesn't have (SIGILL)"),
}


class Ending(NamedTuple):
    """How a runner's process ended: one of ``code`` and ``signal`` is set."""

    code: Optional[int]
    signal: Optional[int]
    #: The control group counted an out-of-memory kill since the runner started.
    oom: bool
    #: Why the supervisor killed it, if it did: ``cancelled`` or ``timeout`` or ``stopped``.
    killed_for: Optional[str]
    #: What faulthandler wrote.
    stack: str


def ending(status: int, oom: bool, killed_for: Optional[str], stack: str) -> Ending:
    """From the status that ``waitpid`` gave."""
    if os.WIFSIGNALED(status):
        return Ending(None, os.WTERMSIG(status), oom, killed_for, stack)
    return Ending(os.WEXITSTATUS(status), None, oom, killed_for, stack)


def explain(end: Ending, root: str) -> errors.Wire:
    """The error for the calls that a runner's end took with it."""
    if end.killed_for == "stopped":
        return errors.make("cancelled", "RunnerStopped", "The container was stopped.")
    if end.killed_for is not None:
        words = "ran longer than its timeout" if end.killed_for == "timeout" else "was cancelled"
        return errors.make(
            end.killed_for,
            "FunctionTimeout" if end.killed_for == "timeout" else "Cancelled",
            "The call %s and didn't end when asked, so its process was killed." % words,
        )
    if end.oom and end.signal == signal.SIGKILL:
        return errors.make(
            "oom",
            "OutOfMemory",
            "The function's process was killed because the container ran out of memory.",
            memory_advice(),
        )
    crash = _CRASHES.get(signal.Signals(end.signal)) if end.signal in _signals() else None
    if crash is not None:
        type_name, words = crash
        return errors.make(
            "user",
            type_name,
            "The function's process crashed with %s." % words,
            "The innermost line below called into native code; look at the library it uses there.",
            **_stack(end.stack, root),
        )
    if end.signal is not None:
        name = signal.Signals(end.signal).name if end.signal in _signals() else "signal %d" % end.signal
        return errors.make(
            "infrastructure",
            "RunnerKilled",
            "The function's process was killed from outside with %s." % name,
            "If nobody killed it, the machine may have run out of memory; look at its system log.",
        )
    return errors.make(
        "user",
        "RunnerExited",
        "The function's process exited with code %d without returning a result (os._exit, or a library that ends "
        "the process)." % (end.code or 0),
        **_stack(end.stack, root),
    )


#: What an error is told with when the control group counted a kill for memory that the runner outlived.
CHILD_KILLED = "another process of the container was killed because the container ran out of memory."


def memory_advice() -> str:
    """What to do about a container that ran out of memory, and how much it has."""
    total = memory.total_bytes()
    limit = "" if total is None else "It may use %s. " % sizes.text(total)
    return limit + "Ask for more with memory=..., or use less at a time."


def tells_of_a_dead_child(error: errors.Wire) -> bool:
    """True for what Python raises when a process that it started was killed."""
    return error["type"] in ("BrokenProcessPool", "ProcessExitedException") or "SIGKILL" in error["message"]


def _signals() -> List[int]:
    return [int(number) for number in signal.Signals]


def _stack(text: str, root: str) -> Dict[str, Any]:
    """Traceback and text from faulthandler's report of the thread that crashed, innermost frame last."""
    frames: List[Dict[str, Any]] = []
    in_thread = False
    for line in text.splitlines():
        if line.startswith(("Current thread", "Stack (most recent call first)")):
            in_thread = True
        elif in_thread and not line.startswith("  "):
            break
        elif in_thread:
            match = _FRAME.match(line)
            if match and not errors.is_ours(match.group(1)):
                frames.append(
                    {
                        "file": errors.relative(match.group(1), root),
                        "line": int(match.group(2)),
                        "function": match.group(3),
                        "text": "",
                    }
                )
    frames.reverse()
    own = [at for at, frame in enumerate(frames) if not os.path.isabs(frame["file"])]
    kept = [frame for at, frame in enumerate(frames) if at in own or at == len(frames) - 1]
    shown = "".join('  File "%(file)s", line %(line)d, in %(function)s\n' % frame for frame in kept)
    return {"traceback": kept, "text": text.splitlines()[0] + "\n" + shown} if text.strip() else {}
