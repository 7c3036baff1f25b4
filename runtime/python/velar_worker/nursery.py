"""The supervisor's side of the zygote: when there is one, what it has imported, and the runner forked from it ahead."""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import Callable, Dict, List, Optional, Sequence, Set, Tuple

from . import zygote
from .interests import Interests
from .process_tree import resident_bytes
from .runner import Setup

#: Fewer modules are imported in no time.
MIN_MODULES = 50
#: How long a runner has told of no further modules before they are imported here too, and between looks whether it is
#: idle, in seconds.
PATIENCE = 0.3
#: How long the zygote may take to accept a request, in seconds.
_TELL_WITHIN = 1.0


class Nursery:
    """At most one zygote. ``in_child`` lets go, in a forked child, of what belongs to the supervisor."""

    def __init__(self, in_child: Callable[[], None], interests: Interests) -> None:
        self._in_child = in_child
        self._interests = interests
        self._pid: Optional[int] = None
        self._sock: Optional[socket.socket] = None
        self._env: Dict[str, str] = {}
        self._asked: Set[str] = set()
        #: The process that waits for what to run, and the socket to tell it.
        self._spare: Optional[Tuple[int, socket.socket]] = None
        #: The socket of the one that is being forked.
        self._coming: Optional[socket.socket] = None
        self._spares = 0
        self._importing = False
        self._wanted: Dict[str, None] = {}
        self._wanted_env: Dict[str, str] = {}
        #: When modules are imported next, on the monotonic clock.
        self.due: Optional[float] = None

    @property
    def pids(self) -> Set[int]:
        """The zygote and what was forked ahead."""
        return {pid for pid in (self._pid, self._spare and self._spare[0]) if pid}

    @property
    def resident_bytes(self) -> int:
        """What the zygote takes of the host's memory; 0 without one."""
        return 0 if self._pid is None else resident_bytes(self._pid)

    def want(self, modules: List[str], env: Dict[str, str], now: float) -> None:
        """A runner with this environment has imported these, besides what was imported before it began."""
        if env != self._wanted_env:
            self._wanted, self._wanted_env = {}, env
        self._wanted.update(dict.fromkeys(modules))
        if len(self._wanted) < MIN_MODULES or sys.platform != "linux" or not hasattr(os, "memfd_create"):
            return
        if self._spare is None or not self._asked.issuperset(self._wanted):
            self.due = now + PATIENCE

    def take_turn(self, idle: bool, now: float) -> None:
        """Once it is due: has the zygote import what is wanted and fork ahead, while nothing else runs."""
        if self.due is None or now < self.due:
            return
        if not idle or self._importing:
            self.due = now + PATIENCE
            return
        self.due = None
        if self._pid is None or self._wanted_env != self._env:
            self.discard()
            if not self._start():
                return
        if self._asked.issuperset(self._wanted):
            self._fork_ahead()
            return
        self._asked.update(self._wanted)
        self._drop_spare()
        self._importing = True
        self._tell({"modules": list(self._wanted)})

    def _on_message(self) -> None:
        """The zygote imported what it was asked to, or forked, or it is gone."""
        if self._sock is None:
            return
        try:
            told, _ = zygote.receive(self._sock)
        except (OSError, EOFError, ValueError):
            told = {"fit": False}
        if "pid" in told:
            self._forked(int(told["pid"]), int(told["spare"]))
        elif told.get("fit"):
            self._importing = False
            self._fork_ahead()
        else:
            self.discard()

    def _fork_ahead(self) -> None:
        if self._spare is not None or self._coming is not None:
            return
        try:
            self._coming, theirs = socket.socketpair()
        except OSError:
            return
        self._spares += 1
        self._tell({"spare": self._spares}, [theirs.fileno()])
        theirs.close()

    def _forked(self, pid: int, number: int) -> None:
        """A spare is there; one that is wanted no more ends because its socket was closed."""
        if self._coming is None or number != self._spares:
            return
        self._spare, self._coming = (pid, self._coming), None
        try:
            zygote.send(self._spare[1], {"known": True})
        except OSError:
            self._drop_spare()

    def serves(self, env: Dict[str, str], hooks: bool, search: Sequence[str]) -> bool:
        """True when the spare may become such a runner: no module of the workspace is hidden by an imported one."""
        if self._spare is None or env != self._env or not hooks:
            return False
        names = {name.partition(".")[0] for name in self._asked}
        return not any(
            os.path.isdir(os.path.join(folder, name)) or os.path.isfile(os.path.join(folder, name + ".py"))
            for folder in search
            for name in names
        )

    def use(self, setup: Setup, fds: Sequence[int], env: Dict[str, str]) -> Optional[int]:
        """Makes a runner of the spare; returns its pid, or None where it is gone."""
        if self._spare is None:
            return None
        (pid, sock), self._spare = self._spare, None
        told = [setup.load, setup.root, setup.file, setup.hooks, setup.mark_key.decode("ascii"), setup.debug]
        try:
            zygote.send(sock, {"setup": told, "env": env}, fds)
            return pid
        except OSError:
            return None
        finally:
            sock.close()

    def ended(self, pid: int) -> bool:
        """True when the process that ended was one of these."""
        if self._spare is not None and pid == self._spare[0]:
            self._spare[1].close()
            self._spare = None
            return True
        if pid != self._pid:
            return False
        self._pid = None
        self.discard()
        return True

    def discard(self) -> None:
        """Ends the zygote, and the spare with it."""
        self._drop_spare()
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
        if self._sock is not None:
            self._interests.forget([self._sock])
            self._sock.close()
        self._pid, self._sock, self._asked, self._env, self._importing = None, None, set(), {}, False

    def _drop_spare(self) -> None:
        """It ends by itself when its socket closes."""
        for sock in (self._coming, self._spare and self._spare[1]):
            if sock is not None:
                sock.close()
        self._coming = self._spare = None

    def _start(self) -> bool:
        try:
            ours, theirs = socket.socketpair()
            pid = os.fork()
        except OSError:
            return False
        if pid == 0:
            self._in_child()
            zygote.serve(theirs, self._wanted_env)
        theirs.close()
        ours.settimeout(_TELL_WITHIN)
        self._pid, self._sock, self._env = pid, ours, self._wanted_env
        self._interests.set(ours, True, False, self._on_message)
        return True

    def _tell(self, value: object, fds: Sequence[int] = ()) -> None:
        """Sends a request. A zygote that doesn't take it is of no use."""
        if self._sock is not None:
            try:
                zygote.send(self._sock, value, fds)
            except OSError:
                self.discard()
