"""The supervisor: dials out to the runtime, starts runners, relays their frames and output. One thread, one loop."""

from __future__ import annotations

import os
import platform
import signal
import sys
import time
from typing import Any, Callable, Dict, List, Optional

from velar._framing import MESSAGE, FrameError, frame, message, parse_message

from . import debug_pump, debugging, errors, faults, importing, loads
from .bundle import BundleError, Workspace
from .interests import Interests
from .lease import Lease, Settings
from .link import HIGH_WATER, LOW_WATER, Link, dial, dial_again
from .logs import PATIENCE
from .nursery import Nursery
from .process_tree import descendants, kill_all
from .relay import follow, relay
from .runner_process import RunnerProcess, Stream, Way, start
from .sampling import Sampling

#: A runner that is replaced may run its exit hooks for this long, in seconds.
_REPLACE_GRACE = 5.0
#: How long a runtime that reads nothing may delay the end of the worker, in seconds.
_FAREWELL = 5.0
_FORWARDED = (b'{"type":"outputs"', b'{"type":"credit"', b'{"type":"invocation-end"')


class Supervisor:
    """Serves one runtime until the connection ends or it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._root = os.path.join(os.path.realpath(settings.workdir), "app")
        self._workspace = Workspace(self._root, settings.blobs)
        self._interests = Interests()
        self._sampling = Sampling()
        self._nursery = Nursery(self._let_go, self._interests)
        #: What the last load added to the environment.
        self._env: Dict[str, str] = {}
        self._link = Link(dial(settings.socket))
        self._runner: Optional[RunnerProcess] = None
        self._next_load: Optional[Dict[str, Any]] = None
        self._ending = False
        self._done = False
        self._paused = False
        self._arranged: Optional[RunnerProcess] = None
        self._terminated = False
        self._lease = Lease(settings.socket, settings.lease)
        #: Number and key of the last load.
        self._loaded = (0, "")
        self._wake_read, self._wake_write = os.pipe()
        self._handlers: Dict[str, Callable[[Dict[str, Any], bytes], None]] = {
            "welcome": lambda header, payload: self._lease.renew(),
            "load": self._on_load,
            "call": self._on_call,
            "calls": self._on_call,
            "cancel": self._on_cancel,
            "lasting": self._on_lasting,
            "stop": self._on_stop,
            "unload": self._on_unload,
            "debug-probe": lambda header, _: self._link.queue(message(debugging.probe(header["load"]))),
            "debug-channel": self._on_debug_channel,
            "debug-go": self._on_debug_go,
            "outputs": self._forward,
            "credit": self._forward,
            "invocation-end": self._forward,
        }

    def run(self) -> int:
        """Returns the exit code: 0 when stopped or left by the runtime, 3 when the runtime broke the protocol."""
        for fd in (self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_terminate)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._interests.set(self._wake_read, True, False, self._on_wake)
        self._interests.set(self._link.sock, True, False, self._on_runtime)
        self._link.queue(message(self._hello()))
        try:
            while not (self._done and not self._link.queued):
                self._turn()
        except FrameError as error:
            sys.stderr.write("velar worker: the runtime sent a broken frame (%s); ending.\n" % error)
            return 3
        finally:
            if self._runner is not None:
                self._runner.kill("stopped")
            self._nursery.discard()
            kill_all(descendants(os.getpid()))
        return 0

    def _hello(self) -> Dict[str, Any]:
        return {
            "type": "hello",
            "protocol": 1,
            "token": self._settings.token,
            "container": self._settings.container,
            "pid": os.getpid(),
            "python": platform.python_version(),
        }

    def _turn(self) -> None:
        if not self._link.flush():
            self._lost()
            return
        if self._done and not self._link.queued:
            return
        runner = self._runner
        if runner is not None:
            runner.link.flush()
        self._arrange()
        handlers = self._interests.wait(_FAREWELL if self._done else self._timeout())
        if self._done and not handlers:
            self._lost()
        for handle in handlers:
            handle()
        self._timers(time.monotonic())

    def _lost(self) -> None:
        """The runtime is gone: nobody waits for the answers any more. It may be started again."""
        self._link.abandon()
        self._done = self._done or self._ending or not self._dial_again()

    def _dial_again(self) -> bool:
        """Waits for the runtime with what the runner has loaded. False when the lease is over."""
        self._interests.forget([self._link.sock])
        self._link.sock.close()
        runner = self._runner
        if runner is not None and (runner.executing is not None or not runner.loaded):
            runner.kill("stopped")
        link = self._lease.dial_again(lambda: self._terminated)
        if link is None:
            return False
        self._link, self._arranged = link, None
        self._interests.set(link.sock, True, False, self._on_runtime)
        keeps = runner is not None and runner.killed_for is None
        load, key = self._loaded
        link.queue(message({**self._hello(), "loaded": {"load": load, "key": key if keeps else ""}}))
        return True

    # What is listened to, and for how long.

    def _arrange(self) -> None:
        queued = self._link.queued
        runner = self._runner
        if runner is self._arranged and not queued and not self._paused and runner is not None:
            if not runner.link.queued and not runner.gate.held:
                return
        self._paused = queued > (LOW_WATER if self._paused else HIGH_WATER)
        # Nothing waits to be written and nothing is held back: stays as it is until that changes.
        self._arranged = None if queued or self._paused or (runner and runner.busy_pipes()) else runner
        self._interests.set(self._link.sock, True, queued > 0, self._on_runtime)
        if runner is None:
            return
        self._interests.set(runner.link.sock, not self._paused, runner.link.queued > 0, self._on_runner)
        free = not self._paused and runner.gate.wait(time.monotonic()) == 0
        for stream in runner.streams:
            self._interests.set(stream.fd, free and stream.open, False, stream.handler or self._handler(runner, stream))

    def _handler(self, runner: RunnerProcess, stream: Stream) -> Callable[[], None]:
        def read() -> None:
            if runner is self._runner:
                runner.pump(self._link, stream, time.monotonic())
                if not stream.open or runner.gate.held:
                    self._arranged = None

        stream.handler = read
        return read

    def _timeout(self) -> Optional[float]:
        runner, now = self._runner, time.monotonic()
        due = [] if self._nursery.due is None else [self._nursery.due]
        if runner is not None:
            due += runner.cancels.due
            if self._sampling.due is not None:
                due.append(self._sampling.due)
            for stream in runner.streams:
                if stream.cutter.waiting_since:
                    due.append(stream.cutter.waiting_since + PATIENCE)
            if runner.gate.held:
                due.append(now + runner.gate.wait(now))
        return max(0.0, min(due) - now) if due else None

    def _timers(self, now: float) -> None:
        runner = self._runner
        if self._nursery.due is not None and now >= self._nursery.due:
            self._nursery.take_turn(runner is None or (runner.loaded and runner.executing is None), now)
        if runner is None:
            return
        for stream in runner.streams:
            if stream.cutter.waiting_since and now >= stream.cutter.waiting_since + PATIENCE:
                runner.emit(self._link, stream, stream.cutter.flush())
        reason = runner.cancels.over(now, runner.head, runner.beside)
        if reason is not None:
            runner.kill("stopped" if runner.stopping else reason)
        if self._sampling.due is not None and now >= self._sampling.due:
            self._sampling.take(runner, self._link, now)

    # Messages of the runtime.

    def _on_runtime(self) -> None:
        frames = self._link.receive()
        if frames is None:
            self._lost()
            return
        for kind, payload in frames:
            if kind != MESSAGE:
                raise FrameError("type %d" % kind)
            if payload.startswith(_FORWARDED, 4):
                self._forward({}, payload)
                continue
            header, _ = parse_message(payload)
            handler = self._handlers.get(header["type"])
            if handler is None:
                raise FrameError('unknown message "%s"' % header["type"])
            try:
                handler(header, payload)
            except (KeyError, TypeError, ValueError) as cause:
                raise FrameError('"%s" without its fields (%r)' % (header["type"], cause)) from cause

    def _forward(self, _header: Dict[str, Any], payload: bytes) -> None:
        if self._runner is not None:
            self._runner.link.queue(frame(MESSAGE, payload))

    def _on_call(self, header: Dict[str, Any], payload: bytes) -> None:
        batch = header["type"] == "calls"
        way = Way.TOGETHER if header.get("concurrent", 1) > 1 else Way.BATCH if batch else Way.ALONE
        items: List[Dict[str, Any]] = header["items"] if batch else [header]
        runner = self._runner
        if runner is None or runner.load_failed or runner.stopping:
            error = errors.make("infrastructure", "NoRunner", "The container has no runner for this call.")
            for item in items:
                answer = {"type": "error", "call": item["call"], "attempt": item.get("attempt", 1), "ms": 0}
                self._link.queue(message({**answer, "error": error}))
            return
        for item in items:
            runner.calls[item["call"]] = way
        runner.link.queue(frame(MESSAGE, payload))
        # The runner works while the bookkeeping is done here.
        runner.link.flush()
        now = time.monotonic()
        follow(runner, self._link, now)
        self._sampling.begin(now, header.get("watched") is True)

    def _on_cancel(self, header: Dict[str, Any], _payload: bytes) -> None:
        reason = "timeout" if header.get("reason") == "timeout" else "cancelled"
        grace = float(header.get("graceMs", 2000)) / 1000.0
        if self._runner is not None:
            self._runner.cancel(header["call"], reason, grace, header.get("direct") is True)

    def _on_lasting(self, header: Dict[str, Any], _payload: bytes) -> None:
        if self._runner is not None and self._runner.direct == header["call"]:
            self._sampling.lasting(time.monotonic())

    def _on_load(self, header: Dict[str, Any], _payload: bytes) -> None:
        self._next_load = header
        if self._runner is None:
            self._start()
        else:
            self._retire(self._runner, _REPLACE_GRACE)

    def _on_stop(self, header: Dict[str, Any], _payload: bytes) -> None:
        self._ending = True
        self._next_load = None
        if self._runner is None:
            self._done = True
        else:
            self._retire(self._runner, float(header.get("graceMs", 2000)) / 1000.0)

    def _on_unload(self, header: Dict[str, Any], _payload: bytes) -> None:
        if self._runner is not None and self._runner.load == header["load"]:
            self._retire(self._runner, _REPLACE_GRACE)

    def _on_debug_channel(self, header: Dict[str, Any], _payload: bytes) -> None:
        hello = message({**self._hello(), "channel": header["channel"]})
        debug_pump.start(self._settings.socket, hello, int(header["port"]), self._let_go)

    def _on_debug_go(self, header: Dict[str, Any], _payload: bytes) -> None:
        if self._runner is not None and self._runner.load == header["load"]:
            self._runner.interrupt(0, "cancelled")

    def _retire(self, runner: RunnerProcess, grace: float) -> None:
        """Interrupts what runs, then lets the runner end by itself for as long as the grace."""
        runner.cancels.kill_at = time.monotonic() + grace
        runner.stop()
        runner.link.queue(message({"type": "stop"}))

    def _start(self) -> None:
        header, self._next_load = self._next_load, None
        if header is None:
            return
        load = header["load"]
        self._loaded = (load, str(header.get("key", "")))
        before = time.perf_counter()
        try:
            change = self._workspace.materialise(header["bundle"])
        except BundleError as error:
            wire = errors.make("infrastructure", "BundleDamaged", str(error), "Run it again; the files are sent anew.")
            self._link.queue(message({"type": "load-failed", "load": load, "error": wire}))
            return
        env = loads.environment(header)
        direct = dial_again(self._settings.socket, message({**self._hello(), "runner": load}))
        hooks, file = header.get("hooks", True), header["file"]
        search = importing.place(self._root, file).search
        nursery = self._nursery if self._nursery.serves(env, hooks, search) else None
        runner = start(load, self._root, file, hooks, env, self._let_go, direct, nursery, header.get("debug"))
        self._runner, self._env = runner, env
        if nursery is None:
            runner.memory.beside = lambda: self._nursery.resident_bytes
        self._link.queue(message(loads.written(load, change, (time.perf_counter() - before) * 1000.0)))
        self._link.queue(message({"type": "loading", "load": load, "pid": runner.pid}))
        self._sampling.begin(time.monotonic(), watched=True)

    def _let_go(self) -> None:
        """In a forked child: what belongs to the supervisor is no longer this process's."""
        signal.set_wakeup_fd(-1)
        self._link.sock.detach()
        self._interests.close()

    # A runner's frames and its end.

    def _on_runner(self) -> None:
        runner = self._runner
        if runner is None:
            return
        now = time.monotonic()
        try:
            frames = runner.link.receive() or []
            if self._sampling.worth_a_last(now) and runner.closes_work(frames):
                self._sampling.take(runner, self._link, now)
            relay(runner, frames, self._link, now)
        except FrameError as error:
            sys.stderr.write("velar worker: the runner's channel is broken (%s); killing it.\n" % error)
            runner.kill(None)
        if runner.modules is not None:
            self._nursery.want(runner.modules, self._env, now)
            runner.modules = None
        if runner.loaded and runner.executing is None:
            self._sampling.end(runner)

    def _on_terminate(self, *_: Any) -> None:
        self._terminated = True

    def _on_wake(self) -> None:
        try:
            while os.read(self._wake_read, 512):
                pass
        except BlockingIOError:
            pass
        if self._terminated and not self._ending:
            self._on_stop({}, b"")
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if not self._nursery.ended(pid) and self._runner is not None and pid == self._runner.pid:
                self._finish(self._runner, status)

    def _finish(self, runner: RunnerProcess, status: int) -> None:
        """A runner is dead: everything it sent and printed goes first, then how it ended."""
        self._runner = None
        self._sampling.end(runner)
        kill_all([pid for pid in descendants(os.getpid()) if pid not in self._nursery.pids])
        self._interests.forget([runner.link.sock] + [stream.fd for stream in runner.streams])
        runner.last_words(self._link, relay)
        if runner.stopping and runner.killed_for is None:
            runner.killed_for = "stopped"
        end = faults.ending(status, runner.oom_killed(), runner.killed_for, runner.fault_report())
        error = faults.explain(end, self._root)
        if not runner.loaded and not runner.load_failed:
            self._link.queue(message({"type": "load-failed", "load": runner.load, "error": error}))
        self._link.queue(
            message(
                {
                    "type": "runner-exit",
                    "load": runner.load,
                    "code": end.code,
                    "signal": end.signal,
                    "oom": end.oom,
                    "calls": list(runner.calls) + [call for call in (runner.direct,) if call],
                    "error": error,
                }
            )
        )
        runner.close()
        if self._ending:
            self._done = True
        else:
            self._start()
