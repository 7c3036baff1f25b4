"""Debugging in a runner: brings debugpy up, starts its adapter, and waits for a client."""

from __future__ import annotations

import os
import platform
import re
import sys
import threading
from importlib import import_module
from typing import Any, Callable, Dict, Optional, Tuple

import velar

from . import debug_values, errors

#: Older ones than this are not used, even where the image has one.
OLDEST = (1, 6, 3)

#: Told behind everything of a call, so that nothing of it is cut off at its end. The runtime looks for it.
ALL_TOLD = "velar: all told"

_OURS = tuple(os.path.dirname(os.path.abspath(str(path))) + os.sep for path in (velar.__file__, __file__))


def own_version() -> Optional[str]:
    """Version of the debugpy that the image has, if it has one that will do. Imports nothing of it."""
    from importlib import metadata, util

    try:
        if util.find_spec("debugpy") is None:
            return None
        version = metadata.version("debugpy")
    except (ImportError, ValueError, metadata.PackageNotFoundError):
        return None
    return version if _parsed(version) >= OLDEST else None


def probe(load: int) -> Dict[str, Any]:
    """The message that tells the runtime what the container has for debugging."""
    return {"type": "debug-probe", "load": load, "own": own_version()}


class Debugger:
    """One for each runner. ``send`` sends a message to the runtime."""

    def __init__(self, load: int, root: str, send: Callable[[Dict[str, Any]], None]) -> None:
        self._load = load
        self._root = root
        self._send = send
        #: Where the adapter listens, once it does.
        self._port: Optional[int] = None
        self._version = ""
        #: A client may be listening to the code that executes now.
        self._heard = False
        #: Ends the wait that is going on.
        self._go_on: Optional[threading.Event] = None

    def wait(self, asked: Dict[str, Any], call: Optional[int] = None) -> Optional[errors.Wire]:
        """Waits for a client, before the import or before ``call``. Returns why it can't be debugged, or None.

        ``asked["packages"]`` is a folder with debugpy for an image without one, else None.
        """
        try:
            if self._port is None:
                self._port, self._version = _listen(asked.get("packages"))
        except Exception as cause:
            return errors.make(
                "infrastructure",
                "DebuggerFailed",
                "debugpy can't be started in the container: %s" % (cause or type(cause).__name__),
                "Run it without Debug, or try an image with another debugpy.",
            )
        self._go_on = threading.Event()
        self._heard = True
        self._tell("debug-waiting", call, port=self._port, pid=os.getpid(), root=self._root)
        import_module("pydevd")._wait_for_attach(cancel=self._go_on)
        self._go_on = None
        self._tell("debug-going", call)
        return None

    def before(self, header: Dict[str, Any]) -> None:
        """Waits before the call of this message; one that can't be debugged executes all the same."""
        call = int(header["call"] if "call" in header else header["items"][0]["call"])
        error = self.wait(header["debug"], call)
        if error is not None:
            sys.stderr.write("velar: %s\n" % error["message"])
            self._tell("debug-going", call)

    def all_told(self) -> None:
        """Marks the end of a call, or of a failed import, in what debugpy tells. Does nothing where nobody listens."""
        if not self._heard:
            return
        self._heard = False
        # An event, since answers overtake events in debugpy's adapter. No client shows telemetry.
        body = {"category": "telemetry", "output": ALL_TOLD}
        event = {"type": "event", "event": "output", "body": body}
        try:
            commands = import_module("_pydevd_bundle.pydevd_net_command")
            number = import_module("_pydevd_bundle.pydevd_comm_constants").CMD_WRITE_TO_CONSOLE
            writer = import_module("pydevd").get_global_debugger().writer
            writer.add_command(commands.NetCommand(number, 0, event, is_json=True))
        except (AttributeError, ImportError, TypeError):
            # Another debugpy than those known: the runtime waits a moment in its place.
            return

    def go_on(self) -> None:
        """Nobody is waited for any more. Does nothing while nobody is."""
        if self._go_on is not None:
            self._go_on.set()

    def _tell(self, kind: str, call: Optional[int], **more: Any) -> None:
        versions = {"debugpy": self._version, "python": platform.python_version()}
        about = {**versions, **more} if more else {}
        self._send({"type": kind, "load": self._load, "call": call, **about})


def _listen(packages: Optional[str]) -> Tuple[int, str]:
    """Starts the adapter. Returns its port on the loopback and the version of debugpy."""
    if packages is not None:
        sys.path.insert(0, packages)
    # Else it warns on the run's log that modules frozen into Python can't be stopped in.
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    try:
        debugpy = import_module("debugpy")
        import_module("debugpy.server.api")
    finally:
        if packages is not None:
            sys.path.remove(packages)
    _, port = debugpy.listen(("127.0.0.1", 0))
    debug_values.install()
    own = os.path.dirname(os.path.abspath(str(debugpy.__file__))) + os.sep
    # The worker's frames are not the user's: no step ends in them and no stack shows them.
    api = import_module("_pydevd_bundle.pydevd_api").PyDevdAPI()
    api.set_dont_trace_start_end_patterns(
        import_module("pydevd").get_global_debugger(), (own, *_OURS), ("debugpy_launcher.py",)
    )
    return int(port), str(debugpy.__version__)


def _parsed(version: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])
