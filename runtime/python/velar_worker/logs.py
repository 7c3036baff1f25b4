"""What a runner prints, cut into log frames. Pure: no file descriptor, no clock of its own."""

from __future__ import annotations

from typing import List, Tuple

from . import private

#: Largest payload of a log frame.
MAX_PIECE = 64 * 1024
#: How long an unterminated line waits for its rest, in seconds.
PATIENCE = 0.1
#: Output of one call before its rate is held.
FREE_BYTES = 64 * 1024 * 1024
#: Rate beyond that, in bytes a second.
HELD_RATE = 4 * 1024 * 1024

#: A piece of output and the call it belongs to.
Piece = Tuple[int, bytes]


class LineCutter:
    """One stream. Pieces end in a newline, unless a line is long, has waited, or its call ended."""

    def __init__(self, mark_key: bytes) -> None:
        self._mark = private.MARK_HEAD + mark_key
        self._rest = b""
        self.call = 0
        #: When the unterminated rest began to wait; 0 while there is none.
        self.waiting_since = 0.0

    def feed(self, data: bytes, now: float) -> List[Piece]:
        """Pieces that are complete with this data."""
        had_rest = bool(self._rest)
        data = self._rest + data if had_rest else data
        pieces: List[Piece] = []
        at = data.find(self._mark)
        while at >= 0 and at + private.MARK_BYTES <= len(data):
            self._cut(data[:at], pieces, whole=True)
            self.call = int(data[at + private.MARK_BYTES - 8 : at + private.MARK_BYTES], 16)
            data = data[at + private.MARK_BYTES :]
            had_rest = False
            at = data.find(self._mark)
        self._rest = self._cut(data, pieces, whole=False)
        if not self._rest:
            self.waiting_since = 0.0
        elif not self.waiting_since or pieces or not had_rest:
            self.waiting_since = now
        return pieces

    def _cut(self, data: bytes, pieces: List[Piece], whole: bool) -> bytes:
        """Appends the pieces of ``data``; returns what has to wait. With ``whole`` nothing waits."""
        start, end = 0, len(data) if whole else data.rfind(b"\n") + 1
        while start < end:
            stop = end
            if stop - start > MAX_PIECE:
                newline = data.rfind(b"\n", start, start + MAX_PIECE)
                stop = newline + 1 if newline >= 0 else start + _whole_characters(data, start, MAX_PIECE)
            pieces.append((self.call, data[start:stop]))
            start = stop
        while len(data) - start > MAX_PIECE + private.MARK_BYTES:
            stop = start + _whole_characters(data, start, MAX_PIECE)
            pieces.append((self.call, data[start:stop]))
            start = stop
        return data[start:]

    @property
    def holds_rest(self) -> bool:
        """True while an unterminated line waits for its rest."""
        return bool(self._rest)

    def flush(self) -> List[Piece]:
        """The rest, because its line has waited long enough or its call ended."""
        rest, self._rest, self.waiting_since = self._rest, b"", 0.0
        return [(self.call, rest)] if rest else []


def _whole_characters(data: bytes, start: int, size: int) -> int:
    """``size``, or up to three bytes less so that no UTF-8 character is cut."""
    for back in range(4):
        if size > back and data[start + size - back] & 0xC0 != 0x80:
            return size - back
    return size


class FloodGate:
    """Says how much may be read now: all of it up to :data:`FREE_BYTES` a call, then :data:`HELD_RATE`."""

    def __init__(self) -> None:
        self._printed = 0
        self._allowed_at = 0.0
        self.held = False

    def reset(self) -> None:
        """A new call may print freely again."""
        self._printed = 0
        self.held = False

    def read(self, size: int, now: float) -> bool:
        """Counts what was read; True exactly once a call, when the rate begins to be held."""
        self._printed += size
        if self._printed <= FREE_BYTES:
            return False
        self._allowed_at = max(self._allowed_at, now) + size / HELD_RATE
        first, self.held = not self.held, True
        return first

    def wait(self, now: float) -> float:
        """Seconds until the next read; 0 when it may be now."""
        return max(0.0, self._allowed_at - now) if self.held else 0.0
