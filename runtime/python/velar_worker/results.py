"""Results as MIME bundles: ``{"value": …}`` for plain JSON, else ``{"mime": {type: data}}``."""

from __future__ import annotations

import base64
import io
import json
from typing import Any, Callable, Dict, List, Optional, Tuple

from velar._framing import MAX_FRAME_BYTES, dumps

Mime = Dict[str, Any]

#: Longest ``text/plain``, in characters.
MAX_REPR = 100_000
#: Most rows of a table that travel.
MAX_ROWS = 1000
#: Whole numbers beyond this lose digits in JavaScript.
MAX_WHOLE = 2**53
#: Largest body of a result: one frame, less room for its header.
MAX_BYTES = MAX_FRAME_BYTES - 64 * 1024
_MAX_DEPTH = 100
TABLE = "application/vnd.velar.table+json"
_IMAGES: Tuple[Tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


class _Inexact(Exception):
    """The value is no plain JSON."""


def encode(value: Any) -> bytes:
    """The body of a result. Never raises for a value: what can't be shown otherwise is shown by its repr."""
    if value is None:
        return b'{"value":null}'
    if type(value) is int and -MAX_WHOLE <= value <= MAX_WHOLE:
        return b'{"value":%d}' % value
    try:
        return dumps({"value": _exact(value, _MAX_DEPTH)})
    except (_Inexact, RecursionError):
        return dumps({"mime": bundle(value)})


def _exact(value: Any, depth: int) -> Any:
    """The value itself if JSON holds it without loss (tuples count as lists), else raises."""
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        if -MAX_WHOLE <= value <= MAX_WHOLE:
            return value
        raise _Inexact
    if kind is float:
        if value - value == 0:
            return value
        raise _Inexact
    if depth == 0:
        raise _Inexact
    if kind is list or kind is tuple:
        return [_exact(item, depth - 1) for item in value]
    if kind is dict:
        for key in value:
            if type(key) is not str:
                raise _Inexact
        return {key: _exact(item, depth - 1) for key, item in value.items()}
    scalar = _scalar(value)
    if scalar is not value:
        return _exact(scalar, depth - 1)
    raise _Inexact


def _scalar(value: Any) -> Any:
    """A numpy scalar as the Python number it holds; anything else as it is."""
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    return value


def _loose(value: Any, depth: int = 12) -> Any:
    """Some JSON for a value that has none exactly: NaN and large numbers as text, other objects by their repr."""
    value = _scalar(value)
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value) if -MAX_WHOLE <= value <= MAX_WHOLE else str(value)
    if isinstance(value, float):
        return float(value) if value - value == 0 else _not_finite(value)
    if depth and isinstance(value, (list, tuple)):
        return [_loose(item, depth - 1) for item in value]
    if depth and isinstance(value, dict):
        return {key if isinstance(key, str) else safe_repr(key, 200): _loose(item, depth - 1) for key, item in value.items()}
    return safe_repr(value, 200)


def _not_finite(value: float) -> str:
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def safe_repr(value: Any, most: int = MAX_REPR) -> str:
    """The repr, cut after ``most`` characters; says so if it raises."""
    try:
        text = repr(value)
    except Exception as error:
        text = "<%s object; its repr raised %s>" % (type(value).__name__, type(error).__name__)
    return text if len(text) <= most else "%s... (%d more characters)" % (text[:most], len(text) - most)


def bundle(value: Any) -> Mime:
    """The MIME bundle of a value, richest forms included."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _binary(bytes(value))
    if isinstance(value, (dict, list, tuple, int, float)):
        return {"text/plain": safe_repr(value), "application/json": _loose(value)}
    for maker in (_own, _figure, _frame, _array, _representations):
        made = _attempt(maker, value)
        if made:
            made.setdefault("text/plain", safe_repr(value))
            return made
    return {"text/plain": safe_repr(value)}


def _attempt(maker: Callable[[Any], Optional[Mime]], value: Any) -> Optional[Mime]:
    """What a maker makes; None when the object's own code fails, so that the next form is tried."""
    try:
        made = maker(value)
        if made:
            json.dumps(made, allow_nan=False)
        return made
    except Exception:
        return None


def _binary(data: bytes) -> Mime:
    encoded = base64.b64encode(data).decode("ascii")
    for magic, kind in _IMAGES:
        if data.startswith(magic):
            return {kind: encoded, "text/plain": "<%s of %d bytes>" % (kind, len(data))}
    text = safe_repr(data[:64])[:-1] + ("..." if len(data) > 64 else "") + "'" if data else "b''"
    return {"application/octet-stream": encoded, "text/plain": "<%d bytes> %s" % (len(data), text)}


def _own(value: Any) -> Optional[Mime]:
    """``_repr_mimebundle_``, as IPython defines it."""
    method = _method(value, "_repr_mimebundle_")
    made = method() if method else None
    if isinstance(made, tuple):
        made = made[0]
    if not isinstance(made, dict):
        return None
    return {str(kind): _data(kind, data) for kind, data in made.items() if data is not None} or None


def _data(kind: str, data: Any) -> Any:
    return base64.b64encode(data).decode("ascii") if isinstance(data, bytes) else data


def _method(value: Any, name: str) -> Any:
    """A representation method that the class defines; an object that answers to any name has none."""
    return getattr(value, name) if callable(getattr(type(value), name, None)) else None


def _figure(value: Any) -> Optional[Mime]:
    """A matplotlib figure, or what lies on one."""
    if type(value).__module__.split(".")[0] not in ("matplotlib", "seaborn"):
        return None
    figure = value if hasattr(value, "savefig") else getattr(value, "figure", None)
    if figure is None or not hasattr(figure, "savefig"):
        return None
    out = io.BytesIO()
    figure.savefig(out, format="png", bbox_inches="tight")
    return {"image/png": base64.b64encode(out.getvalue()).decode("ascii")}


def _frame(value: Any) -> Optional[Mime]:
    """A pandas table, at most :data:`MAX_ROWS` rows of it."""
    if type(value).__module__.split(".")[0] != "pandas":
        return None
    if type(value).__name__ == "Series":
        value = value.to_frame()
    if type(value).__name__ != "DataFrame":
        return None
    total = len(value)
    head = value.head(MAX_ROWS)
    plain_index = type(head.index).__name__ == "RangeIndex"
    if not plain_index:
        head = head.reset_index()
    rows: List[List[Any]] = [[_cell(item) for item in row] for row in head.itertuples(index=False, name=None)]
    table = {
        "columns": [str(column) for column in head.columns],
        "dtypes": [str(dtype) for dtype in head.dtypes],
        "rows": rows,
        "totalRows": total,
    }
    return {TABLE: table, "text/plain": value.head(60).to_string(max_cols=20)}


def _cell(value: Any) -> Any:
    value = _scalar(value)
    if value is None or isinstance(value, (bool, str)) or (type(value) is int and abs(value) <= MAX_WHOLE):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None if value != value else _not_finite(value)
    name = type(value).__name__
    return None if name in ("NaTType", "NAType") else str(value)[:1000]


def _array(value: Any) -> Optional[Mime]:
    """numpy and torch arrays: a summary, never the picture unless asked for with ``velar.picture``."""
    if type(value).__module__.split(".")[0] not in ("numpy", "torch", "jax", "jaxlib", "cupy"):
        return None
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        return None
    summary = {"shape": [int(size) for size in value.shape], "dtype": str(value.dtype)}
    device = getattr(value, "device", None)
    words = "%s %s of %s" % (type(value).__name__, "x".join(map(str, summary["shape"])) or "scalar", summary["dtype"])
    if device is not None and not callable(device):
        summary["device"] = str(device)
        words += " on %s" % device
    return {"text/plain": "%s\n%s" % (words, safe_repr(value, 4000)), "application/json": summary}


def _representations(value: Any) -> Optional[Mime]:
    """``_repr_png_`` and its kin, as IPython defines them."""
    made: Mime = {}
    for name, kind in (
        ("_repr_png_", "image/png"),
        ("_repr_jpeg_", "image/jpeg"),
        ("_repr_svg_", "image/svg+xml"),
        ("_repr_html_", "text/html"),
        ("_repr_markdown_", "text/markdown"),
        ("_repr_json_", "application/json"),
    ):
        method = _method(value, name)
        data = _attempt_data(method) if method else None
        if data is not None:
            made[kind] = _data(kind, data)
            if kind in ("image/png", "image/jpeg"):
                break
    return made or None


def _attempt_data(method: Callable[[], Any]) -> Any:
    try:
        data = method()
    except Exception:
        return None
    return data[0] if isinstance(data, tuple) else data
