"""``python -m velar_worker.local FILE QUALNAME [ARGUMENTS]``: runs a local entrypoint in the user's own Python.

ARGUMENTS is JSON as a call carries it: ``{"args": [{"json": …} | {"literal": …}], "kwargs": {…}}``. The frames of
the caller protocol go over the file descriptors in ``VELAR_CALLER_FDS`` ("3,4": read from 3, write to 4). The error
of a failed entrypoint is also written as JSON into the file that ``VELAR_ERROR_FILE`` names, and its frames with
their variables into the one that ``VELAR_FRAMES_FILE`` names, if they are set.
``VELAR_CLIENT_FDS`` leads to the program that started this one in the same way, for deploys.
``VELAR_UNSAVED_FILE`` names a JSON file of unsaved editor text, from absolute path to text.

Exit codes: 0 done; 1 it raised; 2 usage; 130 interrupted; what ``sys.exit`` says.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from types import ModuleType
from typing import Any, Callable, List, Optional

from velar import _caller, _interrupts
from velar._channel import Channel
from velar.function import Function

from . import errors, functions, importing, post_mortem, unsaved
from .placeholders import Finder, seal


def main(argv: List[str]) -> int:
    """Runs the entrypoint that ``argv`` names."""
    if not 2 <= len(argv) <= 3:
        sys.stderr.write("usage: python -m velar_worker.local FILE QUALNAME [ARGUMENTS]\n")
        return 2
    path = os.path.realpath(argv[0])
    root = os.path.realpath(os.getcwd())
    if not path.startswith(root + os.sep):
        root = os.path.dirname(path)
    file = os.path.relpath(path, root).replace(os.sep, "/")
    error: Optional[BaseException] = None
    try:
        _connect()
        texts = os.environ.pop("VELAR_UNSAVED_FILE", "")
        if texts:
            unsaved.install(texts)
        _, args, kwargs = functions.decode("json", memoryview((argv[2] if argv[2:] else "{}").encode("utf-8")), False)
        sys.modules["__main__"] = ModuleType("__main__")
        sys.argv = [path]
        if sys.path and sys.path[0] in ("", root):
            del sys.path[0]
        # A laptop without the image's packages can still import the file; the functions run elsewhere.
        sys.meta_path.append(Finder(root, importing.place(root, file).search))
        module = importing.load(root, file)
        seal()
        entry = _find(module, argv[1])
        functions.settle(entry(*args, **kwargs))
        sys.stdout.flush()
        return 0
    except SystemExit as raised:
        if raised.code is None or raised.code == 0:
            return 0
        error = raised
        return raised.code if isinstance(raised.code, int) else _complain(str(raised.code))
    except KeyboardInterrupt as raised:
        error = raised
        return 130
    except functions.CallError as raised:
        error = raised
        return _complain(str(raised), 2)
    except BaseException as raised:
        error = raised
        return _complain(_text(raised, root))
    finally:
        if error is not None:
            _leave(error, root)


def _connect() -> None:
    runtime, client = _caller_over("VELAR_CALLER_FDS"), _caller_over("VELAR_CLIENT_FDS")
    if runtime is None:
        return
    _interrupts.adopt_main_thread()
    signal.signal(signal.SIGINT, lambda *_: _interrupts.interrupt(KeyboardInterrupt()))
    _caller.connect(runtime, client)


def _caller_over(variable: str) -> Optional[_caller.Caller]:
    """Frames over the descriptors that the variable names; None where it is not set."""
    fds = os.environ.pop(variable, "")
    if not fds:
        return None
    read, write = (int(fd) for fd in fds.split(","))
    for fd in (read, write):
        os.set_inheritable(fd, False)
    return _caller.Caller(Channel(read, write))


def _find(module: ModuleType, qualname: str) -> Callable[..., Any]:
    """The entrypoint, or any function of the app, which then runs here."""
    names: List[str] = []
    for app in importing.apps_of(module):
        if qualname in app.entrypoints:
            return app.entrypoints[qualname]
        found = app.functions.get(qualname)
        if isinstance(found, Function):
            return found.local
        names += list(app.entrypoints)
    raise functions.CallError(
        "FunctionNotFound",
        "The file has no local entrypoint %s; it has %s." % (qualname, ", ".join(names) or "none"),
    )


def _text(error: BaseException, root: str) -> str:
    text = str(errors.from_exception(error, root)["text"])
    return text or "".join(traceback.format_exception(type(error), error, error.__traceback__))


def _complain(text: str, code: int = 1) -> int:
    sys.stdout.flush()
    sys.stderr.write(text.rstrip() + "\n")
    sys.stderr.flush()
    return code


def _leave(error: BaseException, root: str) -> None:
    """Writes the error where the process that started this one asked for it."""
    path = os.environ.get("VELAR_ERROR_FILE")
    if not path:
        return
    wire = errors.from_exception(error, root)
    if isinstance(error, functions.CallError):
        wire = errors.make("user", error.type_name, str(error))
    if isinstance(error, ModuleNotFoundError):
        wire["hint"] = "Install %s in this Python: a local entrypoint runs on this machine." % (error.name or "it")
    frames = os.environ.get("VELAR_FRAMES_FILE")
    if frames and wire["traceback"] and isinstance(error, Exception):
        with open(frames, "wb") as captured:
            captured.write(post_mortem.capture(error, root))
        wire["inspectable"] = True
    with open(path, "w", encoding="utf-8") as file:
        json.dump(wire, file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
