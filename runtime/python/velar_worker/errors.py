"""Exceptions as they cross the wire: kind, type, message, a traceback of the user's own lines, a next step."""

from __future__ import annotations

import os
import sys
import traceback
from types import TracebackType
from typing import Any, Dict, List, Optional

import velar
from velar.exception import Interrupted, RemoteError

from . import gpu_memory

Wire = Dict[str, Any]

_OURS = tuple(
    os.path.dirname(os.path.abspath(path)) + os.sep for path in (str(velar.__file__), __file__)
) + ("<frozen ",)
#: Longest message and traceback text, in characters.
MAX_TEXT = 256 * 1024

#: Packages whose name differs from the module they bring.
_PACKAGES = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "jwt": "pyjwt",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def make(kind: str, type_name: str, message: str, hint: Optional[str] = None, **more: Any) -> Wire:
    """An error without a Python exception behind it."""
    error: Wire = {"kind": kind, "type": type_name, "message": message, "traceback": [], **more}
    if hint is not None:
        error["hint"] = hint
    return error


def relative(file: str, root: str) -> str:
    """Workspace-relative with ``/`` for a file of the bundle, else as it is."""
    prefix = root + os.sep
    return file[len(prefix) :].replace(os.sep, "/") if file.startswith(prefix) else file


def is_ours(file: str) -> bool:
    """True for a file of the SDK, the worker, or the import machinery."""
    return file.startswith(_OURS)


def _trim(part: traceback.TracebackException, root: str, seen: Dict[int, None]) -> None:
    """Leaves the user's frames in a traceback and in the ones it was raised from, with relative names."""
    if id(part) in seen:
        return
    seen[id(part)] = None
    frames = [frame for frame in part.stack if not is_ours(frame.filename)]
    own = [frame for frame in frames if frame.filename.startswith(root + os.sep)]
    kept = own or frames
    for frame in kept:
        frame.line  # noqa: B018 - reads the source line while the file name is still the one on disk
        frame.filename = relative(frame.filename, root)
    part.stack[:] = kept
    for name in ("__cause__", "__context__"):
        other = getattr(part, name, None)
        if other is not None:
            _trim(other, root, seen)
    for other in getattr(part, "exceptions", None) or ():
        _trim(other, root, seen)
    if getattr(part, "filename", None):
        part.filename = relative(str(part.filename), root)


def frames_of(trace: Optional[TracebackType], root: str) -> List[Dict[str, Any]]:
    """The user's frames, outermost first, and the innermost library frame if the error came from one."""
    summaries = [frame for frame in traceback.extract_tb(trace) if not is_ours(frame.filename)]
    result: List[Dict[str, Any]] = []
    for index, frame in enumerate(summaries):
        own = frame.filename.startswith(root + os.sep)
        if own or index == len(summaries) - 1:
            result.append(
                {
                    "file": relative(frame.filename, root),
                    "line": frame.lineno or 0,
                    "function": frame.name,
                    "text": frame.line or "",
                }
            )
    return result


def from_exception(error: BaseException, root: str, kind: Optional[str] = None) -> Wire:
    """The wire form of an exception that user code raised. ``root`` is the real path of the bundle."""
    type_name = type(error).__name__
    message = _message(error)
    frames = frames_of(error.__traceback__, root)
    if isinstance(error, SyntaxError) and error.filename:
        file = relative(error.filename, root)
        frames = [frame for frame in frames if frame["file"] != file]
        frames.append(
            {"file": file, "line": error.lineno or 0, "function": "<module>", "text": (error.text or "").strip()}
        )
        message = error.msg or message
    wire: Wire = {
        "kind": kind or _kind(error),
        "type": type_name,
        "message": message[:MAX_TEXT],
        "traceback": frames,
        "text": _text(error, root),
    }
    hint = _hint(error, root)
    if hint is not None:
        wire["hint"] = hint
    missing = _missing_module(error, root)
    if missing is not None:
        wire["details"] = missing
    if isinstance(error, SystemExit):
        wire["message"] = "The code called sys.exit(%s) instead of returning." % (
            "" if error.code is None else repr(error.code)
        )
    if isinstance(error, RemoteError):
        # One that was made here, such as a refusal of the SDK, is what its class says.
        made_here = error.remote_type == "Exception"
        wire["details"] = {"remoteType": type_name if made_here else error.remote_type}
    capture = _capture_behind(error)
    if capture is not None:
        wire["capture"] = capture
    return wire


def _capture_behind(error: BaseException) -> Optional[int]:
    """The kept frames of the call whose failure this is, or was raised from."""
    seen: List[BaseException] = []
    behind: Optional[BaseException] = error
    while behind is not None and behind not in seen:
        if isinstance(behind, RemoteError) and behind._capture is not None:
            return behind._capture
        seen.append(behind)
        behind = behind.__cause__ or (None if behind.__suppress_context__ else behind.__context__)
    return None


def _message(error: BaseException) -> str:
    if isinstance(error, RemoteError):
        return error.message
    try:
        return str(error)
    except Exception as broken:
        return "<its str() raised %s>" % type(broken).__name__


def _text(error: BaseException, root: str) -> str:
    part = traceback.TracebackException.from_exception(error)
    _trim(part, root, {})
    text = "".join(part.format())
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT // 2] + "\n...\n" + text[-MAX_TEXT // 2 :]


def _kind(error: BaseException) -> str:
    if isinstance(error, Interrupted):
        return error.reason
    if gpu_memory.exhausted(error):
        return "gpu-oom"
    return "oom" if isinstance(error, MemoryError) and not isinstance(error, RemoteError) else "user"


def _missing_module(error: BaseException, root: str) -> Optional[Wire]:
    """The module that was not found and, where the bundle has nothing of its name, the package that brings it."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    top = error.name.split(".")[0]
    missing: Wire = {"module": error.name}
    if not _in_bundle(top, root):
        missing["package"] = _PACKAGES.get(top, top)
    return missing


def _in_bundle(top: str, root: str) -> bool:
    for folder in [root] + [entry for entry in sys.path if entry.startswith(root)]:
        if os.path.exists(os.path.join(folder, top)) or os.path.exists(os.path.join(folder, top + ".py")):
            return True
    return False


def _hint(error: BaseException, root: str) -> Optional[str]:
    if isinstance(error, RemoteError):
        return error.hint
    if gpu_memory.exhausted(error):
        return "Use a GPU with more memory, a smaller batch or model, or half precision."
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    top = error.name.split(".")[0]
    if _in_bundle(top, root):
        return "%s is in the bundle, but it has no %s; check the spelling and the ignore rules." % (top, error.name)
    return 'Add .pip_install("%s") to the image of the function, or add the file %s.py to the workspace.' % (
        _PACKAGES.get(top, top),
        top,
    )
