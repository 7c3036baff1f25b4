"""App: a named set of functions, classes and entry points that are deployed and run together."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Callable, Dict, List, TypeVar, Union, overload

from . import _check
from . import deployment as deployments
from .cls import Cls, check_class
from .deployment import Deployment
from .function import Function
from .image import Origin, caller_origin
from .options import Options, check
from .resources import check_name

if TYPE_CHECKING:
    from typing_extensions import ParamSpec, Unpack

    from .options import OptionArguments

    P = ParamSpec("P")
else:
    P = TypeVar("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)

#: Every App that this process made, in order; the worker and the describe step read it.
apps: "List[App]" = []

Entry = Union["Function[Any, Any]", Cls]


class App:
    """An app. Its decorators say how a function runs; the function itself stays callable.

    ``name`` identifies the app on a runtime. Raises ``ValueError`` for a name that is none.
    """

    def __init__(self, name: str) -> None:
        self.name: str = check_name("App name", name)
        self.origin: Origin = caller_origin()
        self.functions: "Dict[str, Function[Any, Any]]" = {}
        self.classes: Dict[str, Cls] = {}
        self.entrypoints: Dict[str, Callable[..., Any]] = {}
        apps.append(self)

    @overload
    def function(self, function: "Callable[P, R]") -> "Function[P, R]": ...
    @overload
    def function(self, **options: "Unpack[OptionArguments]") -> "Callable[[Callable[P, R]], Function[P, R]]": ...
    def function(self, function: Any = None, **options: Any) -> Any:
        """Makes a function of the app.

        ``gpu``: a name such as ``"L4"`` or ``"A100:2"``, ``velar.gpu.A100``, or an ordered list of fall-backs;
        None runs on CPU. ``image``: what the container is made of. ``timeout``, ``startup_timeout``,
        ``scaledown_window``: seconds. ``retries``: how often a call, or an input of ``.map``, that raised is tried
        again, 0 to 10: after 0.25 s, then after twice as long each time, 30 s at most. Each attempt is billed, the
        wait is not. An input of ``.map`` whose worker died is tried twice more in any case. ``min_containers``,
        ``max_containers``, ``buffer_containers``: how many are kept warm, at most, and in reserve.
        ``max_concurrent_inputs``: calls that one container takes at a time, in threads or, of an ``async def``, on
        one event loop. ``cpu``: cores; ``memory``: MiB.
        ``env``: environment variables; ``secrets``: :class:`Secret` s; ``volumes``: mount path to :class:`Volume`.
        ``cache_models``: whether a model that was loaded before is given again.

        With ``cache_models`` (the default) a model loads once a container, also where the function's own body loads
        it: ``from_pretrained``, ``transformers.pipeline``, ``torch.load``, ``safetensors`` ``load_file`` and their
        kin give the object of the first call to later calls with the same arguments and unchanged files. That object
        is shared: what a call changes of it (train mode, adapters, a tokenizer's settings, weights) is there in the
        next. Of ``torch.load`` and ``load_file`` only the tensors are shared, and they are read anew once one was
        changed in place; files under 1 MiB always are. Where calls must not see each other's changes, set it to
        False.

        Raises ``TypeError`` for an unknown option or a wrong type, ``ValueError`` for a bad value.
        """
        return self._decorate("function", function, check(options))

    @overload
    def endpoint(self, function: "Callable[P, R]") -> "Function[P, R]": ...
    @overload
    def endpoint(self, **options: "Unpack[OptionArguments]") -> "Callable[[Callable[P, R]], Function[P, R]]": ...
    def endpoint(self, function: Any = None, **options: Any) -> Any:
        """A function that has an address when deployed: :meth:`function` with ``min_containers=1``."""
        options.setdefault("min_containers", 1)
        return self._decorate("endpoint", function, check(options))

    @overload
    def cls(self, user_class: C) -> C: ...
    @overload
    def cls(self, **options: "Unpack[OptionArguments]") -> Callable[[C], C]: ...
    def cls(self, user_class: Any = None, **options: Any) -> Any:
        """Makes a class of the app. Its :func:`velar.method` s are callable remotely; its :func:`velar.enter`
        methods run once a container. Options as for :meth:`function`."""
        checked = check(options)

        def decorate(target: Any) -> Cls:
            made = Cls(check_class(target), self.name, checked)
            self._claim(made.qualname, made.user_class)
            self.classes[made.qualname] = made
            return made

        return decorate if user_class is None else decorate(user_class)

    @overload
    def local_entrypoint(self, function: "Callable[P, R]") -> "Callable[P, R]": ...
    @overload
    def local_entrypoint(self) -> "Callable[[Callable[P, R]], Callable[P, R]]": ...
    def local_entrypoint(self, function: Any = None) -> Any:
        """Marks the function that ``velar run file.py`` runs on the caller's own machine."""

        def decorate(target: Any) -> Any:
            _check_function("local_entrypoint", target)
            self._claim(target.__qualname__, target)
            self.entrypoints[target.__qualname__] = target
            return target

        return decorate if function is None else decorate(function)

    def deploy(self, wait: bool = True, environment: str = "staging") -> Deployment:
        """Deploys the app into ``"staging"`` or ``"production"``, from the file that is running and what it needs.

        For a local entrypoint that `velar run` or the editor started. It does what `velar deploy` does: the version
        has the bundle of the entrypoint's own run, and the git commit is recorded with it; the environment serves it
        once a first container of each function has come up. What goes on is printed into the run's log.

        ``wait``: returns once the environment serves the version. Without it returns at once; the deploy goes on, and
        the run with it, after the entrypoint has ended well. ``.wait()`` and ``.version`` of what is returned wait.
        What goes wrong with one that nobody waits for is said in the run's log.

        Raises ``ValueError`` for another environment, :class:`velar.exception.NotConnected` without a runtime,
        :class:`velar.exception.Refused` where production takes promoted versions only and inside of a container,
        :class:`velar.exception.InfrastructureError` where the image can't be built or a budget is used up,
        :class:`velar.exception.Cancelled`, and :class:`velar.exception.RemoteError` for what the file raised.
        """
        deployment = deployments.start(self.name, _check.environment(environment))
        if wait:
            try:
                deployment.wait()
            except KeyboardInterrupt:
                deployment.cancel()
                raise
        return deployment

    def _decorate(self, kind: str, function: Any, options: Options) -> Any:
        def decorate(target: Any) -> "Function[Any, Any]":
            _check_function(kind, target)
            self._claim(target.__qualname__, target)
            made: "Function[Any, Any]" = Function(target, self.name, target.__qualname__, options, kind)
            self.functions[made.qualname] = made
            return made

        return decorate if function is None else decorate(function)

    def _claim(self, qualname: str, target: Any) -> None:
        if qualname in self.functions or qualname in self.classes or qualname in self.entrypoints:
            raise ValueError(
                'App "%s" has two things named "%s"; rename one of them (%s).' % (self.name, qualname, target.__module__)
            )

    def __repr__(self) -> str:
        return "<velar app %s>" % self.name


def _check_function(kind: str, target: Any) -> None:
    if not inspect.isfunction(target):
        raise TypeError("@app.%s() belongs above a function, not above %s." % (kind, _check.show(target)))
