"""``python -m velar_worker.describe --serve``: answers what apps a file declares, by importing it in a throwaway child.

Frames on standard input and output. A request forks; the child imports the module with third-party packages
replaced by placeholders and writes its answer into a pipe. Several requests may be in progress.
"""

from __future__ import annotations

import os
import resource
import selectors
import signal
import sys
import time
from typing import Any, Dict, Optional, Set

from velar._framing import MESSAGE, FrameBuffer, FrameError, FrameTooLarge, message, parse_message

from . import errors, importing
from .description import Describer, MissingFile
from .placeholders import Finder
from .process_tree import kill_tree

#: How long one description may take, in seconds.
LIMIT = 10.0
_CPU_LIMIT = 20
_MEMORY_LIMIT = 4 * 1024 * 1024 * 1024


def describe(root: str, file: str) -> Dict[str, Any]:
    """The answer for one file, without ``id``. Changes the interpreter: to be called in a throwaway process."""
    root = os.path.realpath(root)
    try:
        where = importing.place(root, file)
        sys.meta_path.insert(0, Finder(root, where.search))
        module = importing.load(root, file)
        describer = Describer(root)
        return {"type": "described", "apps": [describer.app(app) for app in importing.apps_of(module)]}
    except MissingFile as error:
        frame = {
            "file": errors.relative(error.origin.file, root),
            "line": error.origin.line,
            "function": "<module>",
            "text": "",
        }
        wire = errors.make("user", "FileNotFoundError", str(error), traceback=[frame])
        return {"type": "describe-failed", "error": wire}
    except BaseException as error:
        return {"type": "describe-failed", "error": errors.from_exception(error, root)}


class _Child:
    """A description in progress."""

    def __init__(self, request: Any, pid: int, fd: int) -> None:
        self.request = request
        self.pid = pid
        self.fd = fd
        self.deadline = time.monotonic() + LIMIT
        self.data = bytearray()


class Server:
    """Serves requests until standard input ends."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._buffer = FrameBuffer()
        self._selector = selectors.DefaultSelector()
        self._children: Set[_Child] = set()

    def serve(self) -> int:
        """Returns the exit code: 0, or 3 after a broken frame."""
        self._selector.register(self._read_fd, selectors.EVENT_READ, None)
        try:
            while self._turn():
                continue
        except FrameError as error:
            sys.stderr.write("velar describe: a broken frame (%s); ending.\n" % error)
            return 3
        finally:
            for child in list(self._children):
                self._end(child, None)
        return 0

    def _turn(self) -> bool:
        now = time.monotonic()
        deadline = min((child.deadline for child in self._children), default=None)
        for key, _ in self._selector.select(None if deadline is None else max(0.0, deadline - now)):
            if key.data is not None:
                self._read_child(key.data)
                continue
            chunk = os.read(self._read_fd, self._buffer.wanted())
            if not chunk:
                return False
            for kind, payload in self._buffer.feed(chunk):
                if kind != MESSAGE:
                    raise FrameError("type %d" % kind)
                self._begin(parse_message(payload)[0])
        for child in [child for child in self._children if time.monotonic() >= child.deadline]:
            self._end(
                child,
                errors.make(
                    "user",
                    "DescribeTimeout",
                    "Importing the file took longer than %d seconds." % LIMIT,
                    "Move slow work from the top of the module into a function or an enter method.",
                ),
            )
        return True

    def _begin(self, header: Dict[str, Any]) -> None:
        if header["type"] != "describe":
            raise FrameError('unknown message "%s"' % header["type"])
        try:
            root, file = str(header["root"]), str(header["file"])
        except KeyError as cause:
            raise FrameError('"describe" without %s' % cause) from cause
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            _answer(root, file, write)
        os.close(write)
        child = _Child(header.get("id"), pid, read)
        self._children.add(child)
        self._selector.register(read, selectors.EVENT_READ, child)

    def _read_child(self, child: _Child) -> None:
        chunk = os.read(child.fd, 65536)
        if chunk:
            child.data += chunk
            return
        error = errors.make("user", "DescribeCrashed", "The process that imports the file ended without an answer.")
        self._end(child, error)

    def _end(self, child: _Child, failure: Optional[errors.Wire]) -> None:
        """Stops the child and sends its answer, or the failure when it has none. Without a failure: sends nothing."""
        kill_tree(child.pid)
        os.waitpid(child.pid, 0)
        self._selector.unregister(child.fd)
        os.close(child.fd)
        self._children.discard(child)
        if failure is None:
            return
        header: Dict[str, Any] = {"type": "describe-failed", "error": failure}
        frames = FrameBuffer().feed(bytes(child.data))
        if frames:
            header = parse_message(frames[0][1])[0]
        header["id"] = child.request
        data = memoryview(message(header))
        while data:
            data = data[os.write(self._write_fd, data) :]


def _answer(root: str, file: str, out: int) -> None:
    """In the child: describes, writes the answer, ends the process."""
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        for low, high in ((3, out), (out + 1, 4096)):
            os.closerange(low, high)
        for name in [name for name in os.environ if name.startswith("VELAR_")]:
            del os.environ[name]
        # The server ends it sooner, unless something has ended the server.
        signal.alarm(int(LIMIT) + 5)
        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_LIMIT, _CPU_LIMIT))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT, _MEMORY_LIMIT))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.chdir(root)
        if sys.path and sys.path[0] == "":
            del sys.path[0]
        try:
            data = memoryview(message(describe(root, file)))
        except (ValueError, FrameTooLarge) as error:
            wire = errors.make("user", "DescribeFailed", "The description can't be sent (%s)." % error)
            data = memoryview(message({"type": "describe-failed", "error": wire}))
        while data:
            data = data[os.write(out, data) :]
    finally:
        os._exit(0)


def main() -> int:
    """``--serve`` serves; with ROOT and FILE it prints one answer as JSON."""
    if sys.argv[1:] == ["--serve"]:
        # Frames own the real standard output; whatever prints here must not mix with them.
        out = os.dup(1)
        os.dup2(2, 1)
        return Server(0, out).serve()
    if len(sys.argv) == 3:
        import json

        print(json.dumps(describe(sys.argv[1], sys.argv[2])))
        return 0
    sys.stderr.write("usage: python -m velar_worker.describe --serve | ROOT FILE\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
