"""Frames of the worker link and of the caller protocol.

``u32 length of what follows | u8 type | payload``, big endian. Type 1 (message) holds ``u32 header length |
JSON header | body``; type 2 (log) holds ``u8 fd | u32 call | bytes as printed``. Types from 32 on never leave
a container: they pass between a runner and its supervisor.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Dict, Iterator, List, Sequence, Tuple, Union

Buffer = Union[bytes, bytearray, memoryview]

MESSAGE = 1
LOG = 2
#: Largest frame, counted as its length field counts.
MAX_FRAME_BYTES = 64 * 1024 * 1024

_PREFIX = struct.Struct(">IBI")
_LENGTH = struct.Struct(">I")
_LOG_PREFIX = struct.Struct(">IBBI")
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


class FrameError(ValueError):
    """The peer sent something that is no frame of this protocol."""


class FrameTooLarge(ValueError):
    """A frame over :data:`MAX_FRAME_BYTES` was to be sent."""


def dumps(header: Any) -> bytes:
    """Compact JSON in ASCII. Raises ``ValueError`` for NaN and infinities."""
    return _encode(header).encode("ascii")


def message(header: Dict[str, Any], body: Buffer = b"") -> bytes:
    """A message frame as one piece of bytes. Raises :class:`FrameTooLarge`."""
    return raw_message(dumps(header), body)


def raw_message(header: bytes, body: Buffer = b"") -> bytes:
    """:func:`message` for a header that is JSON bytes already."""
    length = 5 + len(header) + len(body)
    if length > MAX_FRAME_BYTES:
        raise FrameTooLarge("a frame of %d bytes is over the limit of %d" % (length, MAX_FRAME_BYTES))
    return b"".join((_PREFIX.pack(length, MESSAGE, len(header)), header, body))


def log(fd: int, call: int, data: Buffer) -> bytes:
    """A log frame."""
    return b"".join((_LOG_PREFIX.pack(6 + len(data), LOG, fd, call), data))


def frame(kind: int, *parts: Buffer) -> bytes:
    """A frame of any type from the pieces of its payload. Raises :class:`FrameTooLarge`."""
    length = 1 + sum(len(part) for part in parts)
    if length > MAX_FRAME_BYTES:
        raise FrameTooLarge("a frame of %d bytes is over the limit of %d" % (length, MAX_FRAME_BYTES))
    return b"".join((_LENGTH.pack(length), bytes((kind,))) + parts)


def split_message(payload: Buffer) -> Tuple[bytes, memoryview]:
    """Header bytes and body of a message payload. Raises :class:`FrameError`."""
    view = memoryview(payload)
    if len(view) < 4:
        raise FrameError("a message of %d bytes" % len(view))
    size = _LENGTH.unpack_from(view)[0]
    if 4 + size > len(view):
        raise FrameError("a header of %d bytes in a message of %d" % (size, len(view)))
    return bytes(view[4 : 4 + size]), view[4 + size :]


def parse_message(payload: Buffer) -> Tuple[Dict[str, Any], memoryview]:
    """Header and body of a message payload. Raises :class:`FrameError`."""
    raw, body = split_message(payload)
    try:
        header = json.loads(raw.decode("utf-8"))
    except ValueError as cause:
        raise FrameError("a header that is no JSON") from cause
    if not isinstance(header, dict) or not isinstance(header.get("type"), str):
        raise FrameError('a header without "type"')
    return header, body


def cut(body: memoryview, sizes: Sequence[int]) -> Iterator[memoryview]:
    """The pieces of a body that holds several things one after another. Raises :class:`FrameError`."""
    at = 0
    for size in sizes:
        if size < 0 or at + size > len(body):
            raise FrameError("sizes that exceed their body")
        yield body[at : at + size]
        at += size


class FrameBuffer:
    """Cuts a byte stream into ``(type, payload)`` frames."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, chunk: Buffer) -> List[Tuple[int, bytes]]:
        """Adds what was received; returns the frames that are complete now. Raises :class:`FrameError`."""
        data = self._data
        data += chunk
        frames: List[Tuple[int, bytes]] = []
        at, end = 0, len(data)
        with memoryview(data) as view:
            while end - at >= 5:
                length = _LENGTH.unpack_from(view, at)[0]
                if length > MAX_FRAME_BYTES or length < 1:
                    raise FrameError("a frame of %d bytes" % length)
                after = at + 4 + length
                if after > end:
                    break
                frames.append((view[at + 4], bytes(view[at + 5 : after])))
                at = after
        if at:
            del data[:at]
        return frames

    def wanted(self) -> int:
        """How many bytes a good next read asks for."""
        if len(self._data) >= 4:
            missing: int = 4 + _LENGTH.unpack_from(self._data)[0] - len(self._data)
            return max(65536, min(missing, 4 * 1024 * 1024))
        return 65536
