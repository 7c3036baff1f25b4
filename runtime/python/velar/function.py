"""Handles: what a decorated function or method becomes."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar

from ._handle import Handle
from ._remote import Input, Target
from .deployed import DeployedFunction
from .options import Options

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    P = ParamSpec("P")
else:
    P = TypeVar("P")
R = TypeVar("R")


def is_generator(function: Callable[..., Any]) -> bool:
    """True for generator functions, async ones included."""
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


class Function(Handle[P, R]):
    """A function of an app. Calling it runs it here, as if it weren't decorated; ``remote`` runs it on the runtime."""

    def __init__(
        self,
        function: Callable[P, R],
        app: str,
        qualname: str,
        options: Options,
        kind: str = "function",
        local: Optional[Callable[..., Any]] = None,
        constructor: Optional[Input] = None,
    ) -> None:
        functools.update_wrapper(self, function)
        super().__init__(Target(app, qualname, constructor))
        self.raw_function = function
        self.options = options
        self.kind = kind
        self._local: Callable[..., Any] = function if local is None else local

    @staticmethod
    def from_name(app: str, name: str, environment: Optional[str] = None) -> DeployedFunction:
        """A function as it is deployed, see :class:`velar.DeployedFunction`. Asks nothing of the runtime yet.

        ``app``: name of the app; ``name``: name of the function, or ``"Class.method"``. ``environment``:
        ``"staging"`` or ``"production"``; None is the environment that the calling code is itself deployed to, and
        staging for any other code.

        Raises ``TypeError`` and ``ValueError`` for what is no name or environment.
        """
        return DeployedFunction(app, name, environment)

    @property
    def is_generator(self) -> bool:
        """True when it yields items; then ``remote_gen`` is the way to call it."""
        return is_generator(self.raw_function)

    def _yields(self) -> bool:
        return self.is_generator

    @property
    def is_async(self) -> bool:
        """True for ``async def``."""
        return inspect.iscoroutinefunction(self.raw_function) or inspect.isasyncgenfunction(self.raw_function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs it in this process."""
        result: R = self._local(*args, **kwargs)
        return result

    def local(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs it in this process."""
        result: R = self._local(*args, **kwargs)
        return result

    def __reduce__(self) -> str:
        return self.raw_function.__qualname__

    def __repr__(self) -> str:
        return "<velar function %s of app %s>" % (self.qualname, self.app_name)
