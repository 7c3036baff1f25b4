"""Plays the runtime on a Unix socket towards a real worker process: real frames, real runners, no TypeScript."""

import hashlib
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import time

from . import PACKAGES

from velar._framing import LOG, MESSAGE, FrameBuffer, message, parse_message

#: A test waits at most this long for a message, in seconds. Only a hang reaches it.
PATIENCE = 10


class Message:
    """A header, reachable by key, with its body."""

    def __init__(self, header, body):
        self.header = header
        self.body = bytes(body)

    def __getitem__(self, key):
        return self.header[key]

    def __contains__(self, key):
        return key in self.header

    def json(self):
        return json.loads(self.body.decode("utf-8"))

    def pickle(self):
        return pickle.loads(self.body)

    def __repr__(self):
        return "%r + %d bytes" % (self.header, len(self.body))


class Blobs:
    """A content-addressed store of bundles on disk."""

    def __init__(self, root):
        self.root = root

    def put(self, data):
        digest = hashlib.sha256(data).hexdigest()
        folder = os.path.join(self.root, digest[:2])
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, digest), "wb") as file:
            file.write(data)
        return digest

    def manifest(self, entries):
        return self.put(json.dumps({"version": 1, "files": entries}, separators=(",", ":")).encode())

    def bundle(self, files):
        """Stores files (path to text) and their manifest; returns its hash."""
        entries = []
        for path in sorted(files):
            data = textwrap.dedent(files[path]).encode("utf-8")
            entries.append({"path": path, "sha256": self.put(data), "size": len(data), "mode": 0o644})
        return self.manifest(entries)


class Runtime:
    """One worker and the runtime's end of its link. Use it in a ``with`` block: it leaves no process behind."""

    def __init__(self, env=None, packages=()):
        self.folder = tempfile.mkdtemp(prefix="velar-test-")
        self.blobs = Blobs(os.path.join(self.folder, "blobs"))
        self.workdir = os.path.join(self.folder, "work")
        os.makedirs(self.workdir)
        self.frames = []
        self.logs = []
        self.phases = []
        self.memory = []
        self.received = []
        self._buffer = FrameBuffer()
        self._calls = 0
        self._loads = 0
        self._lease = "VELAR_LEASE_MS" in (env or {})
        self.path = path = os.path.join(self.folder, "runtime.sock")
        listener = self._listen()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "velar_worker"],
            env={
                **os.environ,
                **(env or {}),
                "PYTHONPATH": os.pathsep.join([PACKAGES, *packages]),
                "VELAR_SOCKET": path,
                "VELAR_TOKEN": "token-of-the-test",
                "VELAR_CONTAINER": "container-1",
                "VELAR_BLOBS": self.blobs.root,
                "VELAR_WORKDIR": self.workdir,
            },
            cwd=self.folder,
            stderr=subprocess.PIPE,
        )
        self.sock, _ = listener.accept()
        listener.close()
        self.sock.settimeout(PATIENCE)

    def __enter__(self):
        self.hello = self.expect("hello")
        self.send({"type": "welcome", "leaseMs": 15000})
        return self

    def __exit__(self, *_):
        self.sock.close()
        if self._lease:
            # It would wait for the runtime to come back.
            self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stderr.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _listen(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen(1)
        listener.settimeout(PATIENCE)
        return listener

    def crash(self):
        """The runtime is gone, and its socket with it."""
        self.sock.close()
        os.unlink(self.path)
        self.frames = []
        self._buffer = FrameBuffer()

    def start_again(self):
        """Listens where it did before; returns the hello of the worker that dials in again."""
        listener = self._listen()
        self.sock, _ = listener.accept()
        listener.close()
        self.sock.settimeout(PATIENCE)
        hello = self.expect("hello")
        self.send({"type": "welcome", "leaseMs": 15000})
        return hello

    def send(self, header, body=b""):
        self.sock.sendall(message(header, body))

    def next(self):
        """The next message. Log frames are collected in ``logs``, phases and memory in their lists besides."""
        while True:
            while not self.frames:
                chunk = self.sock.recv(self._buffer.wanted())
                if not chunk:
                    raise EOFError("the worker closed the link")
                self.frames = self._buffer.feed(chunk)
            kind, payload = self.frames.pop(0)
            if kind == LOG:
                self.logs.append((payload[0], int.from_bytes(payload[1:5], "big"), payload[5:]))
                continue
            assert kind == MESSAGE, kind
            received = Message(*parse_message(payload))
            self.received.append(received)
            if received["type"] == "phase":
                self.phases.append(received.header)
            elif received["type"] == "memory":
                self.memory.append(received.header)
            return received

    def expect(self, *kinds):
        """The next message of these types; others are collected on the way, failures of a load fail the test."""
        while True:
            received = self.next()
            if received["type"] in kinds:
                return received
            if received["type"] == "load-failed":
                raise AssertionError("the load failed: %s" % received["error"]["text"])

    def wait_for_log(self, text):
        """Reads until the output holds ``text``."""
        self.sock.settimeout(PATIENCE)
        while text not in self.output():
            while not self.frames:
                self.frames = self._buffer.feed(self.sock.recv(self._buffer.wanted()))
            kind, payload = self.frames[0]
            if kind == LOG:
                self.frames.pop(0)
                self.logs.append((payload[0], int.from_bytes(payload[1:5], "big"), payload[5:]))
            else:
                self.next()

    def output(self, call=None, fd=None):
        """Everything printed so far, by call and stream if given."""
        return b"".join(
            data for number, owner, data in self.logs if call in (None, owner) and fd in (None, number)
        ).decode("utf-8", "replace")

    def start_load(self, files, file="app.py", **more):
        self._loads += 1
        bundle = files if isinstance(files, str) else self.blobs.bundle(files)
        self.send({"type": "load", "load": self._loads, "bundle": bundle, "file": file, "env": {}, "cpu": True, "hooks": True, **more})
        return self._loads

    def load(self, files, file="app.py", **more):
        """Loads a bundle and waits until it is there."""
        self.start_load(files, file, **more)
        return self.expect("loaded")

    def start_call(self, function, *args, **more):
        """Sends a call with JSON arguments; returns its number."""
        self._calls += 1
        values = {"args": [{"json": value} for value in args], "kwargs": more.pop("kwargs", {})}
        if "constructor" in more:
            values["instance"] = {"args": [{"json": value} for value in more.pop("constructor")], "kwargs": {}}
        header = {
            "type": "call",
            "call": self._calls,
            "function": function,
            "attempt": 1,
            "input": "json",
            "output": "mime",
            "stream": False,
            "timeoutMs": 60000,
            "runId": "run-test",
        }
        header.update(more)
        self.send(header, json.dumps(values).encode())
        return self._calls

    def start_pickle(self, function, value, **more):
        """Sends a call with a pickled input."""
        self._calls += 1
        header = {"type": "call", "call": self._calls, "function": function, "attempt": 1, "input": "pickle"}
        header.update({"output": "pickle", "stream": False, "timeoutMs": 60000, "runId": "run-test"})
        header.update(more)
        self.send(header, pickle.dumps(value, 4))
        return self._calls

    def start_batch(self, function, inputs, **more):
        """Sends one "calls" message; returns the first call's number."""
        first = self._calls + 1
        self._calls += len(inputs)
        bodies = [pickle.dumps(value, 4) for value in inputs]
        items = [{"call": first + at, "size": len(body), "attempt": 1} for at, body in enumerate(bodies)]
        header = {"type": "calls", "function": function, "input": "pickle", "output": "pickle", "items": items}
        header.update({"timeoutMs": 60000, "runId": "run-test", **more})
        self.send(header, b"".join(bodies))
        return first

    def call(self, function, *args, **more):
        """One call and its answer: a result, an error, or the runner's exit."""
        self.start_call(function, *args, **more)
        return self.expect("result", "error", "runner-exit")

    def value(self, function, *args, **more):
        """The JSON value that a call returns."""
        answer = self.call(function, *args, **more)
        assert answer["type"] == "result", answer
        return answer.json()["value"]

    def cancel(self, call, grace_ms=2000, reason="cancelled"):
        self.send({"type": "cancel", "call": call, "graceMs": grace_ms, "reason": reason})

    def batch_items(self, count):
        """Answers of a batch: call to (its item, value or error)."""
        found = {}
        while len(found) < count:
            answer = self.expect("results")
            at = 0
            for item in answer["items"]:
                data = answer.body[at : at + item["size"]]
                at += item["size"]
                found[item["call"]] = (item, pickle.loads(data) if item["ok"] else item["error"])
        return found

    def batch_results(self, count):
        """Answers of a batch: call to (ok, value or error)."""
        return {call: (item["ok"], value) for call, (item, value) in self.batch_items(count).items()}


def alive(pid):
    """True while a process with this id runs (a zombie doesn't)."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(pid):
    """Waits until a process is gone; False when it stays."""
    end = time.monotonic() + PATIENCE
    while alive(pid):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
