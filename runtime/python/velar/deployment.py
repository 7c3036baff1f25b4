"""What ``app.deploy()`` gives: a version on its way into an environment."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional, cast

from . import _caller
from ._caller import Invocation, Output
from ._remote import Pending


class Deployment:
    """A deploy of an app. :meth:`velar.App.deploy` starts one.

    ``app`` and ``environment``: names of what is deployed and where.
    """

    def __init__(self, invocation: Invocation, app: str, environment: str) -> None:
        self.app: str = app
        self.environment: str = environment
        self._pending = Pending(invocation, _read)

    def wait(self, timeout: Optional[float] = None) -> "Deployment":
        """Waits until the environment serves the version; returns the same object. May be called again.

        Raises what kept it from serving, see :meth:`velar.App.deploy`, and :class:`velar.exception.OutputTimeout`
        when ``timeout`` seconds are over; the deploy then goes on.
        """
        self._answer(timeout)
        return self

    @property
    def version(self) -> int:
        """Number of the version, counted up for each app; waits until it is served."""
        return cast(int, self._answer()["version"])

    @property
    def addresses(self) -> Dict[str, str]:
        """HTTP addresses of the functions, by name, on the runtime as it is reached now; waits until it serves them."""
        return cast("Dict[str, str]", self._answer()["addresses"])

    @property
    def run(self) -> str:
        """The run that told of the deploy, for `velar logs`; waits until it has ended."""
        return cast(str, self._answer()["run"])

    def cancel(self) -> None:
        """Cancels it; :meth:`wait` then raises :class:`velar.exception.Cancelled`, unless it had ended."""
        self._pending.cancel()

    def _answer(self, timeout: Optional[float] = None) -> Dict[str, Any]:
        what = "%s does not serve the new version of %s" % (self.environment, self.app)
        return cast("Dict[str, Any]", self._pending.get(timeout, what))

    def __repr__(self) -> str:
        return "<velar deployment of app %s to %s>" % (self.app, self.environment)


def start(app: str, environment: str) -> Deployment:
    """Asks for a deploy. Raises ``NotConnected``, ``Refused``."""
    caller = _caller.deploying(app)
    invocation, announce = caller.open({"type": "deploy", "app": app, "environment": environment})
    caller.channel.send(announce)
    return Deployment(invocation, app, environment)


def _read(output: Output) -> Any:
    return json.loads(bytes(output.data).decode("utf-8"))
