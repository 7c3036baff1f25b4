"""Errors that the SDK raises.

Mistakes in a declaration (an unknown option, GPU or value) are plain ``TypeError`` or ``ValueError`` at the
line that wrote them. Everything that happens while functions run remotely derives from :class:`Error`.
"""

from __future__ import annotations

import builtins
from typing import Any, Dict, List, Optional, Tuple, Type


class Error(Exception):
    """Base of all errors of velar."""


class NotConnected(Error):
    """A remote call was made in a process that no runtime is connected to, such as plain ``python file.py``."""


class NotSupported(Error):
    """What was asked for exists in the language of velar, but can't be done here."""


class ConnectionLost(Error):
    """The connection to the runtime ended while results were outstanding."""


class InputNotSerializable(Error, TypeError):
    """An argument of a remote call can't be pickled, or is larger than one frame may be."""


class OutputNotReadable(Error):
    """A result arrived that can't be unpickled here, usually because its class lives in a package missing here."""


class OutputTimeout(Error, TimeoutError):
    """``FunctionCall.get(timeout=...)`` ran out of time. The call itself goes on."""


class Interrupted(KeyboardInterrupt):
    """Raised inside a running function when its call is cancelled or its timeout is over.

    It derives from ``KeyboardInterrupt`` so that ``except Exception`` doesn't swallow it and clean-up that
    expects Ctrl-C works. ``reason`` is ``"cancelled"`` or ``"timeout"``.
    """

    def __init__(self, reason: str = "cancelled") -> None:
        super().__init__(reason)
        self.reason = reason


class RemoteError(Error):
    """A function raised where it ran.

    For a built-in exception the raised class derives from it too, so ``except ValueError`` catches a remote
    ``ValueError``. ``remote_type`` is the exception's class name there, ``remote_traceback`` its traceback as
    text, ``frames`` the same as dicts of ``file``, ``line``, ``function``, and ``hint`` the next step, if any.
    """

    remote_type: str
    remote_traceback: str
    frames: List[Dict[str, Any]]
    hint: Optional[str]
    #: Number of the call whose frames the runtime kept; None where it kept none.
    _capture: Optional[int] = None

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remote_type = "Exception"
        self.remote_traceback = ""
        self.frames = []
        self.hint = None

    def __str__(self) -> str:
        parts = [self.message]
        if self.hint:
            parts.append(self.hint)
        if self.remote_traceback:
            parts.append("\nRemote traceback:\n" + self.remote_traceback.rstrip())
        return "\n".join(part for part in parts if part)


class FunctionTimeout(RemoteError, TimeoutError):
    """The function ran longer than its ``timeout``."""


class Cancelled(RemoteError):
    """The call was cancelled before it ended."""


class OutOfMemory(RemoteError, MemoryError):
    """The container ran out of memory and the function was killed."""


class GpuOutOfMemory(OutOfMemory):
    """The GPU ran out of memory."""


class InfrastructureError(RemoteError):
    """The platform failed, not the function: no capacity, a lost container, a killed runner."""


class NotFound(RemoteError, LookupError):
    """Nothing of that name is there: no such app, function or deployment."""


class Refused(RemoteError):
    """A rule of the platform forbids it: production is protected, or staging called production."""


_KINDS: Dict[str, Type[RemoteError]] = {
    "timeout": FunctionTimeout,
    "cancelled": Cancelled,
    "oom": OutOfMemory,
    "gpu-oom": GpuOutOfMemory,
    "capacity": InfrastructureError,
    "image": InfrastructureError,
    "infrastructure": InfrastructureError,
}
#: Conditions that the runtime names, where no function ran.
_CONDITIONS: Dict[str, Type[RemoteError]] = {"FunctionNotFound": NotFound, "NotFound": NotFound, "Refused": Refused}
_OURS: Dict[str, Type[RemoteError]] = {cls.__name__: cls for cls in (*_KINDS.values(), *_CONDITIONS.values())}
_combined: Dict[str, Type[RemoteError]] = {}


def _class_for(type_name: str) -> Type[RemoteError]:
    """RemoteError joined with the built-in exception of that name, where the two can be joined."""
    known = _combined.get(type_name)
    if known is not None:
        return known
    result: Type[RemoteError] = RemoteError
    builtin = getattr(builtins, type_name, None)
    if isinstance(builtin, type) and issubclass(builtin, Exception) and builtin is not Exception:
        bases: Tuple[type, ...] = (RemoteError, builtin)
        try:
            joined = type("Remote" + type_name, bases, {"__module__": __name__, "__doc__": RemoteError.__doc__})
            joined("probe")
            result = joined
        except TypeError:
            result = RemoteError
    _combined[type_name] = result
    return result


def from_wire(error: Dict[str, Any], refusal: bool = False) -> RemoteError:
    """The exception for an error as it crosses the wire (``kind``, ``type``, ``message``, ``traceback``, ``text``).

    ``refusal``: nothing ran, so that ``type`` is the runtime's own word.
    """
    details = error.get("details") or {}
    # A call inside the call failed: what is raised here is what was raised there.
    relayed = details.get("remoteType")
    type_name = str(relayed or error.get("type") or "Exception")
    known = _OURS if relayed else _CONDITIONS if refusal else {}
    cls = known.get(type_name) or _KINDS.get(str(error.get("kind"))) or _class_for(type_name)
    message = str(error.get("message") or "")
    raised = cls(message if relayed or cls is not RemoteError else "%s: %s" % (type_name, message))
    raised.remote_type = type_name
    raised.remote_traceback = str(error.get("text") or "")
    raised.frames = list(error.get("traceback") or [])
    hint = error.get("hint")
    raised.hint = None if hint is None else str(hint)
    raised._capture = error.get("capture")
    return raised
