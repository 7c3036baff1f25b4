"""What a forked child does to become a runner."""

from __future__ import annotations

import atexit
import faulthandler
import gc
import os
import signal
import sys
import weakref
from types import ModuleType
from typing import Dict, List, NamedTuple, Optional

from velar import _interrupts
from velar._channel import Channel
from velar.exception import ConnectionLost

from . import errors
from .output_pipes import OutputPipes
from .printing import RunnerStream
from .runner import Runner, Setup
from .tally import Tally


class Ends(NamedTuple):
    """The child's ends of the pipes to its supervisor."""

    channel: int
    control: int
    stdout: int
    stderr: int
    faults: int
    #: A socket that leads straight to the runtime, where there is one.
    direct: Optional[int]


def become_runner(setup: Setup, ends: Ends, tally: Tally, env: Dict[str, str]) -> None:
    """Runs to the end of the process; never returns, whatever happens."""
    code = 70
    pid = os.getpid()
    try:
        _isolate(ends)
        os.environ.update(env)
        os.chdir(setup.root)
        _fresh_interpreter(setup)
        _interrupts.adopt_main_thread()
        channel = Channel(ends.channel, ends.channel)
        if ends.direct is not None:
            channel.join(ends.direct)
        pipes = OutputPipes(ends.stdout, ends.stderr)
        code = Runner(setup, channel, ends.control, tally, pipes).run()
        _leave_operators()
        atexit._run_exitfuncs()
    except ConnectionLost:
        code = 0
    except BaseException as error:
        if os.getpid() == pid:
            sys.stderr.write(str(errors.from_exception(error, setup.root)["text"]))
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):
                continue
        os._exit(code)


def _leave_operators() -> None:
    """torch unregisters its thousands of operators at exit, which takes over 100 ms and ends with the process anyway."""
    for info in list(getattr(weakref.finalize, "_registry", {}).values()):
        if getattr(info.func, "__module__", None) == "torch.library":
            info.atexit = False


def _isolate(ends: Ends) -> None:
    """A session and process group of its own, output into the pipes, nothing of the supervisor left open."""
    os.setsid()
    die_with_parent()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(ends.stdout, 1)
    os.dup2(ends.stderr, 2)
    kept: List[int] = sorted({0, 1, 2, *(fd for fd in ends if fd is not None)})
    for low, high in zip(kept, kept[1:]):
        os.closerange(low + 1, high)
    os.closerange(kept[-1] + 1, 4096)
    os.set_blocking(ends.control, False)
    faulthandler.enable(file=ends.faults, all_threads=True)


def _fresh_interpreter(setup: Setup) -> None:
    """Standard streams by line, an empty ``__main__``, and the path that a script started here would have."""
    sys.stdin = open(0, encoding="utf-8", errors="replace", closefd=False)
    sys.stdout, sys.stderr = _stream(1), _stream(2)
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, "__%s__" % name, getattr(sys, name))
    sys.argv = [setup.file]
    sys.modules["__main__"] = ModuleType("__main__")
    if sys.path and sys.path[0] in ("", os.path.dirname(os.path.abspath(sys.argv[0]))):
        del sys.path[0]
    gc.collect()


def _stream(fd: int) -> RunnerStream:
    binary = open(fd, "wb", closefd=False)
    return RunnerStream(binary, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def die_with_parent() -> None:
    """Linux: SIGKILL when the supervisor is gone. Elsewhere the closed channel has to do."""
    if sys.platform != "linux":
        return
    import ctypes

    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
