"""The runner's own ends of its output pipes, which user code that redirects standard output leaves as they are."""

from __future__ import annotations

import fcntl
import termios

_NOTHING = b"\0\0\0\0"


class OutputPipes:
    """Write ends of stdout's and stderr's pipe."""

    def __init__(self, stdout: int, stderr: int) -> None:
        self._fds = (stdout, stderr)

    def empty(self) -> bool:
        """True when the supervisor has taken everything that was printed. False also when that can't be told."""
        try:
            for fd in self._fds:
                if fcntl.ioctl(fd, termios.FIONREAD, _NOTHING) != _NOTHING:
                    return False
        except OSError:
            return False
        return True
