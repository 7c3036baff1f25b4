"""``velar.picture``: showing an array as an image. A small PNG writer, so that no imaging package is needed."""

from __future__ import annotations

import struct
import zlib
from typing import Any, List, Tuple

#: Most pixels of one picture.
MAX_PIXELS = 64 * 1024 * 1024
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


class Picture:
    """Pixels that a result shows as an image: ``height`` x ``width`` with 1 to 4 ``channels`` of 8 bits."""

    def __init__(self, width: int, height: int, channels: int, pixels: bytes) -> None:
        self.width = width
        self.height = height
        self.channels = channels
        self.pixels = pixels

    def _repr_png_(self) -> bytes:
        """The picture as a PNG file."""
        stride = self.width * self.channels
        rows = b"".join(b"\0" + self.pixels[at : at + stride] for at in range(0, len(self.pixels), stride))
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, _COLOUR_TYPES[self.channels], 0, 0, 0)
        return b"".join(
            (b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(rows, 6)), _chunk(b"IEND", b""))
        )

    def __repr__(self) -> str:
        return "<picture %dx%d, %d channels>" % (self.width, self.height, self.channels)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture(array: Any) -> Picture:
    """An array (numpy, torch, or nested lists) as a picture: height x width, or with 1, 3 or 4 channels last or first.

    Whole numbers are taken as 0 to 255, other numbers as 0 to 1. Raises ``ValueError`` for another shape.
    """
    shape, flat, scale = _numbers(array)
    if len(shape) == 3 and shape[2] not in (1, 3, 4) and shape[0] in (1, 3, 4):
        channels, height, width = shape
        plane = height * width
        flat = [flat[c * plane + at] for at in range(plane) for c in range(channels)]
    elif len(shape) == 3 and shape[2] in (1, 3, 4):
        height, width, channels = shape
    elif len(shape) == 2:
        (height, width), channels = shape, 1
    else:
        raise ValueError("picture takes height x width, with 1, 3 or 4 channels, not the shape %s." % (shape,))
    if not 0 < width * height <= MAX_PIXELS:
        raise ValueError("picture takes 1 to %d pixels, not %d x %d." % (MAX_PIXELS, width, height))
    if isinstance(flat, bytes):
        return Picture(width, height, channels, flat)
    return Picture(width, height, channels, bytes(_byte(value * scale) for value in flat))


def _byte(value: float) -> int:
    return 0 if not value > 0 else 255 if value >= 255 else int(value + 0.5)


def _numbers(array: Any) -> Tuple[Tuple[int, ...], Any, float]:
    """Shape, values one after another (bytes where they are 8-bit already), and what to multiply them with."""
    if hasattr(array, "detach"):
        array = array.detach().cpu()
    if hasattr(array, "__array__"):
        array = array.__array__()
        whole = array.dtype.kind in "biu"
        if len(array.shape) == 3 and array.shape[2] not in (1, 3, 4) and array.shape[0] in (1, 3, 4):
            array = array.transpose(1, 2, 0)
        scaled = array if whole else array * 255.0 + 0.5
        return tuple(array.shape), scaled.clip(0, 255).astype("uint8").tobytes(), 1.0
    shape: List[int] = []
    level = array
    while isinstance(level, (list, tuple)):
        shape.append(len(level))
        level = level[0] if level else None
    flat = array
    for _ in shape[1:]:
        flat = [value for row in flat for value in row]
    total = 1
    for size in shape:
        total *= size
    if not shape or len(flat) != total:
        raise ValueError("picture takes an array or nested lists of numbers of equal length.")
    return tuple(shape), flat, 1.0 if all(isinstance(value, int) for value in flat) else 255.0
