"""What passes between a runner and its supervisor and never leaves the container."""

from __future__ import annotations

import struct

#: A message to relay once everything printed before it has been sent.
AFTER_OUTPUT = 33
#: A call of a batch has ended: :data:`SETTLED_HEAD`, then the result's bytes or the error's JSON.
SETTLED = 34
#: A call that came alone has ended: :data:`CALL`, then the message to relay.
ENDED = 35
#: Module import is over: one byte, 1 for success, then the message to relay.
LOADED = 36

#: A call that the runtime sent again, this time through the supervisor, was answered already: :data:`CALL`.
ANSWERED = 37

#: A phase gave way to another: :data:`PEAK_HEAD`.
PEAK = 38

#: The packaged modules that a runner has imported since it told: JSON.
MODULES = 39

#: Call (0 for none), index in :data:`PHASES` of what is over and of what begins, peak of resident bytes.
PEAK_HEAD = struct.Struct(">IBBQ")
PHASES = ("imports", "model-load", "running")
#: call, attempt, 1 for success, milliseconds running, peak of the runner's resident bytes (0 where it is unknown).
SETTLED_HEAD = struct.Struct(">IIBdQ")
#: The call's number.
CALL = struct.Struct(">I")
#: On the control pipe, before SIGINT: call, reason.
CANCEL = struct.Struct(">IB")
REASONS = ("cancelled", "timeout")

#: Printed between the calls of a batch, so that output is told apart: this, the load's random key in hexadecimal,
#: the call as eight hexadecimal digits. No part of it can be a newline.
MARK_HEAD = b"\0velar-call:"
MARK_KEY_BYTES = 16
MARK_BYTES = len(MARK_HEAD) + MARK_KEY_BYTES + 8


def mark(key: bytes, call: int) -> bytes:
    """What announces on a stream that its next bytes belong to ``call``."""
    return MARK_HEAD + key + b"%08x" % call
