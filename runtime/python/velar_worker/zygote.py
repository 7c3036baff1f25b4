"""The zygote: a process with the packages of the last runner imported, from which the next ones are forked.

One is forked ahead, so that new code has to wait for neither imports nor fork. Only packages of the environment are imported here, nothing of the workspace, and nothing that has begun to use a
GPU may be forked. Everything about it may fail; then a runner imports what it needs by itself.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import struct
import sys
import threading
import time
from typing import Any, Dict, List, Sequence

from velar.exception import ConnectionLost

from . import model_load, packages
from .child import Ends, become_runner, die_with_parent
from .runner import Setup
from .tally import Tally

_LENGTH = struct.Struct(">I")
#: File descriptors that come with a request: those of :class:`Ends`, the tally's page, maybe a line of its own.
MAX_FDS = 7
_NICE = 19
#: What the process is called once it has imported what it was asked to.
NAME = "velar-zygote"
#: The kernel's adjustment for a process of the worker that is needed.
_usual = "0"
#: What a process is called that was forked from it and waits for what to run.
SPARE = "velar-spare"


def send(sock: socket.socket, value: Any, fds: Sequence[int] = ()) -> None:
    """One message, with file descriptors. Raises ``OSError``."""
    data = json.dumps(value).encode("utf-8")
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("%di" % len(fds), *fds))] if fds else []
    framed = _LENGTH.pack(len(data)) + data
    sock.sendall(framed[sock.sendmsg([framed], rights) :])


def receive(sock: socket.socket) -> "tuple[Any, List[int]]":
    """The next message and its file descriptors. Raises ``OSError``, ``EOFError`` where the peer is gone."""
    room = socket.CMSG_SPACE(MAX_FDS * 4)
    head, rights, _, _ = sock.recvmsg(_LENGTH.size, room)
    fds = [fd for level, kind, data in rights for (fd,) in struct.iter_unpack("i", data[: len(data) // 4 * 4])]
    data = bytearray()
    while len(head) < _LENGTH.size or len(data) < _LENGTH.unpack(head)[0]:
        missing = _LENGTH.size - len(head) if len(head) < _LENGTH.size else _LENGTH.unpack(head)[0] - len(data)
        chunk = sock.recv(missing)
        if not chunk:
            raise EOFError
        if len(head) < _LENGTH.size:
            head += chunk
        else:
            data += chunk
    return json.loads(data.decode("utf-8")), fds


def serve(sock: socket.socket, env: Dict[str, str]) -> None:
    """What the forked zygote does until its supervisor is gone; never returns."""
    supervisor = os.getppid()
    own = packages.modules()
    try:
        _settle(sock, env)
        while True:
            request, fds = receive(sock)
            if "modules" in request:
                thread = threading.Thread(target=_import, args=(request["modules"],))
                thread.start()
                thread.join()
                gc.collect()
                gc.freeze()
                _call_it(NAME)
                send(sock, {"fit": _fit()})
            else:
                imported = [name for name in packages.modules() if name not in own]
                send(sock, {"pid": _fork(fds[0], supervisor, imported), "spare": request["spare"]})
                os.close(fds[0])
    except BaseException:
        # Its supervisor sees the end of it, and does without.
        os._exit(1)


def _settle(sock: socket.socket, env: Dict[str, str]) -> None:
    os.setsid()
    die_with_parent()
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.closerange(3, sock.fileno())
    os.closerange(sock.fileno() + 1, 4096)
    os.environ.update(env)
    _give_up_first(True)
    model_load.prepare()


def _import(names: List[str]) -> None:
    """In a thread of its own: the nice value of a thread is not inherited by what another one forks."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
    for name in names:
        if name in sys.modules:
            continue
        try:
            importlib.import_module(name)
        except BaseException:
            # A module that needs more than its import; the runner imports it where that is there.
            continue


def _fit() -> bool:
    """False where a fork would not be what a fresh process is: a GPU in use, or other threads."""
    if threading.active_count() > 1:
        return False
    for fd in os.listdir("/proc/self/fd"):
        try:
            if os.readlink("/proc/self/fd/" + fd).startswith("/dev/nvidia"):
                return False
        except OSError:
            continue
    return True


def _fork(line: int, supervisor: int, imported: List[str]) -> int:
    """Forks twice, so that what comes of it is the supervisor's child; returns its pid."""
    told, tell = os.pipe()
    middle = os.fork()
    if middle == 0:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            os.write(tell, b"%d" % pid)
            os._exit(0)
        while os.getppid() == parent:
            time.sleep(0.0002)
        die_with_parent()
        if os.getppid() != supervisor:
            raise ConnectionLost("The supervisor is gone.")
        _wait(line, imported)
    os.close(tell)
    pid = int(os.read(told, 32))
    os.close(told)
    os.waitpid(middle, 0)
    return pid


def _wait(line: int, imported: List[str]) -> None:
    """Waits for what to run, and becomes that runner."""
    os.closerange(3, line)
    os.closerange(line + 1, 4096)
    _reseed()
    gc.collect()
    gc.freeze()
    sock = socket.socket(fileno=line)
    # The supervisor knows of it.
    receive(sock)
    _call_it(SPARE)
    request, fds = receive(sock)
    _call_it(os.path.basename(sys.executable))
    _give_up_first(False)
    load, root, file, hooks, key, debug = request["setup"]
    setup = Setup(load, root, file, hooks, key.encode("ascii"), imported, debug)
    *ends, page = fds[:6]
    become_runner(setup, Ends(*ends, fds[6] if len(fds) > 6 else None), Tally(page), request["env"])


def _call_it(name: str) -> None:
    """What tools such as top show for this process."""
    with open("/proc/self/comm", "w", encoding="utf-8") as file:
        file.write(name)


def _give_up_first(first: bool) -> None:
    """Lets the kernel kill this process before any other when the container runs out of memory, or as others again."""
    global _usual
    with open("/proc/self/oom_score_adj", "r+", encoding="ascii") as file:
        if first:
            _usual = file.read().strip()
            file.seek(0)
        file.write("1000" if first else _usual)


def _reseed() -> None:
    """Random numbers must differ from those of the next runner; Python's own see to it by themselves."""
    random = sys.modules.get("numpy.random")
    if random is not None:
        random.seed()
