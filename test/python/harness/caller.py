"""The runtime's end of the caller protocol for tests: answers invocations by running a Python function."""

import os
import pickle
import socket
import threading

from . import PACKAGES  # noqa: F401 - puts the packages on the path

from velar._framing import FrameBuffer, message, parse_message


class CallerPeer(threading.Thread):
    """Answers over a socket. ``handle(args, kwargs)`` gives a value, raises, or returns an iterator for ``gen``.

    ``shuffle`` reverses the outputs of each batch; ``credit`` is what it grants, input for input; ``hold`` keeps
    answers back until the event is set.
    """

    def __init__(self, handle, shuffle=False, hold=None):
        super().__init__(daemon=True)
        self.mine, self.theirs = socket.socketpair()
        self.handle = handle
        self.shuffle = shuffle
        self.hold = hold
        self.invocations = {}
        self.batches = []
        self.cancelled = []
        self.lock = threading.Lock()
        self.start()

    def send(self, header, body=b""):
        with self.lock:
            try:
                self.mine.sendall(message(header, body))
            except BrokenPipeError:
                # The test ended, or cut the connection, before it took every answer.
                return

    def run(self):
        buffer = FrameBuffer()
        while True:
            chunk = self.mine.recv(1 << 20)
            if not chunk:
                return
            for _, payload in buffer.feed(chunk):
                header, body = parse_message(payload)
                if header["type"] == "invoke":
                    self.invocations[header["invocation"]] = header
                elif header["type"] == "cancel-invocation":
                    self.cancelled.append(header["invocation"])
                else:
                    self.inputs(header, body)

    def inputs(self, header, body):
        number = header["invocation"]
        self.batches.append(len(header["sizes"]))
        if self.hold is not None:
            self.hold.wait(20)
        items, bodies, at = [], [], 0
        for offset, size in enumerate(header["sizes"]):
            value = pickle.loads(body[at : at + size])
            at += size
            index = header["first"] + offset
            try:
                if self.invocations[number]["mode"] == "gen":
                    for item, made in enumerate(self.handle(*value)):
                        data = pickle.dumps(made)
                        one = {"index": index, "ok": True, "size": len(data), "yield": item}
                        self.send({"type": "outputs", "invocation": number, "items": [one]}, data)
                    continue
                data = pickle.dumps(self.handle(*value))
                items.append({"index": index, "ok": True, "size": len(data)})
                bodies.append(data)
            except Exception as error:
                wire = {"kind": "user", "type": type(error).__name__, "message": str(error), "traceback": [], "text": "T"}
                items.append({"index": index, "ok": False, "size": 0, "error": wire})
                bodies.append(b"")
        if self.shuffle:
            items.reverse()
            bodies.reverse()
        self.send({"type": "credit", "invocation": number, "inputs": len(header["sizes"])})
        if items:
            self.send({"type": "outputs", "invocation": number, "items": items}, b"".join(bodies))
        if header["last"]:
            self.send({"type": "invocation-end", "invocation": number})

    def close(self):
        self.mine.shutdown(socket.SHUT_RDWR)
        self.join(10)
        self.mine.close()
        self.theirs.close()


def pipes():
    """Two pipes as a local entrypoint gets them: (its read end, its write end, our write end, our read end)."""
    to_child, from_us = os.pipe()
    to_us, from_child = os.pipe()
    return to_child, from_child, from_us, to_us
