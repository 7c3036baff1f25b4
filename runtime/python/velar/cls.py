"""Classes whose objects live on the runtime: ``@app.cls``, ``@velar.enter``, ``@velar.exit``, ``@velar.method``."""

from __future__ import annotations

import atexit
import inspect
from typing import TYPE_CHECKING, Any, Callable, Dict, Generic, List, Optional, Tuple, Type, TypeVar, cast, overload

from . import _check
from .deployed import DeployedClass
from .function import Function
from .options import Options

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    P = ParamSpec("P")
else:
    P = TypeVar("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

_ENTER = "__velar_enter__"
_EXIT = "__velar_exit__"


def _marker(what: str, attribute: str, function: Optional[Callable[..., Any]]) -> Any:
    def mark(target: F) -> F:
        if not inspect.isfunction(target):
            raise TypeError("@velar.%s() belongs above a method, not above %s." % (what, _check.show(target)))
        setattr(target, attribute, True)
        return target

    return mark if function is None else mark(function)


@overload
def enter(function: F) -> F: ...
@overload
def enter(function: None = None) -> Callable[[F], F]: ...
def enter(function: Any = None) -> Any:
    """Marks a method that runs once after the object is made, before its first call. Load models here.

    Its time counts as the phase ``model-load``.
    """
    return _marker("enter", _ENTER, function)


@overload
def exit(function: F) -> F: ...
@overload
def exit(function: None = None) -> Callable[[F], F]: ...
def exit(function: Any = None) -> Any:  # noqa: A001 - the name that the contract gives it
    """Marks a method that runs when the container stops."""
    return _marker("exit", _EXIT, function)


class Method(Generic[P, R]):
    """A method that can be called remotely. On an object of its class it is a :class:`velar.Function`."""

    def __init__(self, function: Callable[..., R]) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self.__wrapped__ = function
        self.name: str = function.__name__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: Optional[type] = None) -> "Function[P, R]":
        if instance is None:
            return cast("Function[P, R]", self)
        proxy: Optional[Object] = getattr(instance, "__velar_object__", None)
        if proxy is None:
            return cast("Function[P, R]", self.function.__get__(instance, owner))
        return proxy._handle(self.name, self.function.__get__(instance, owner))


@overload
def method(function: None = None) -> "Callable[[Callable[Concatenate[Any, P], R]], Method[P, R]]": ...
@overload
def method(function: "Callable[Concatenate[Any, P], R]") -> "Method[P, R]": ...
def method(function: Any = None) -> Any:
    """Marks a method that can be called remotely: ``Model("gpt2").generate.remote(prompt)``."""

    def mark(target: Callable[..., R]) -> "Method[Any, R]":
        if not inspect.isfunction(target):
            raise TypeError("@velar.method() belongs above a method, not above %s." % _check.show(target))
        return Method(target)

    return mark if function is None else mark(function)


def hooks(cls: type, attribute: str) -> List[str]:
    """Names of the methods with a marker, base classes first, each once."""
    found: Dict[str, None] = {}
    for base in reversed(cls.__mro__):
        for name, member in vars(base).items():
            if getattr(member, attribute, False) is True:
                found.setdefault(name)
    return list(found)


def run_enter(instance: Any) -> None:
    """Runs the ``enter`` methods of an object."""
    for name in hooks(type(instance), _ENTER):
        _finish(getattr(instance, name)())


def run_exit(instance: Any) -> None:
    """Runs the ``exit`` methods of an object."""
    for name in hooks(type(instance), _EXIT):
        _finish(getattr(instance, name)())


def _finish(result: Any) -> None:
    if inspect.isawaitable(result):
        import asyncio

        async def wait() -> None:
            await result

        asyncio.run(wait())


class Cls:
    """What ``@app.cls`` makes of a class. Calling it gives an :class:`Object`; nothing is constructed here yet."""

    def __init__(self, user_class: type, app: str, options: Options) -> None:
        self.user_class = user_class
        self.app_name = app
        self.options = options
        self.__name__: str = user_class.__name__
        self.__qualname__ = user_class.__qualname__
        self.__module__ = user_class.__module__
        self.__doc__ = user_class.__doc__
        self.__wrapped__ = user_class
        self.methods: Dict[str, Method[Any, Any]] = {}
        for base in reversed(user_class.__mro__):
            for name, member in vars(base).items():
                if isinstance(member, Method):
                    self.methods[name] = member
                else:
                    self.methods.pop(name, None)
        if not self.methods:
            raise TypeError("class %s has no @velar.method(), so nothing of it could be called." % user_class.__name__)

    @staticmethod
    def from_name(app: str, name: str, environment: Optional[str] = None) -> DeployedClass:
        """A class as it is deployed, to make objects with arguments of their own. Asks nothing of the runtime yet.

        >>> Model = velar.Cls.from_name("models", "Model")
        >>> Model("gpt2").generate.remote("Once")

        ``app``: name of the app; ``name``: name of the class; ``environment``: as for
        :meth:`velar.Function.from_name`. Raises ``TypeError`` and ``ValueError`` for what is no name or environment.
        """
        return DeployedClass(app, name, environment)

    @property
    def qualname(self) -> str:
        """Qualified name of the class."""
        return self.user_class.__qualname__

    def __call__(self, *args: Any, **kwargs: Any) -> "Object":
        """An object made from these arguments, wherever its methods are called."""
        try:
            inspect.signature(self.user_class).bind(*args, **kwargs)
        except TypeError as cause:
            raise TypeError("%s: %s" % (self.qualname, cause)) from None
        return Object(self, args, kwargs)

    def __repr__(self) -> str:
        return "<velar class %s of app %s>" % (self.qualname, self.app_name)


class Object:
    """Stands for an object of an ``@app.cls`` class. Its methods are :class:`velar.Function` handles.

    Other attributes, and methods called locally, make a real object in this process on first use.
    """

    def __init__(self, cls: Cls, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> None:
        self._cls = cls
        self._args = args
        self._kwargs = kwargs
        self._instance: Any = None

    def _handle(self, name: str, local: Optional[Callable[..., Any]] = None) -> "Function[Any, Any]":
        cls = self._cls
        return Function(
            cls.methods[name].function,
            cls.app_name,
            "%s.%s" % (cls.qualname, name),
            cls.options,
            "method",
            local or (lambda *args, **kwargs: cls.methods[name].function(self._real(), *args, **kwargs)),
            (self._args, self._kwargs),
        )

    def _real(self) -> Any:
        if self._instance is None:
            instance = self._cls.user_class(*self._args, **self._kwargs)
            adopt(instance, self)
            run_enter(instance)
            atexit.register(run_exit, instance)
            self._instance = instance
        return self._instance

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        if name in self._cls.methods:
            return self._handle(name)
        return getattr(self._real(), name)

    def __reduce__(self) -> Tuple[Any, ...]:
        return (_remake, (self._cls.__module__, self._cls.qualname, self._args, self._kwargs))

    def __repr__(self) -> str:
        return "<velar object of %s>" % self._cls.qualname


def adopt(instance: Any, proxy: Object) -> None:
    """Lets ``self.other_method.remote(...)`` work inside a real object. Objects without a ``__dict__`` go without."""
    if hasattr(instance, "__dict__"):
        instance.__dict__["__velar_object__"] = proxy


def _remake(module: str, qualname: str, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Object:
    import importlib

    target: Any = importlib.import_module(module)
    for part in qualname.split("."):
        target = getattr(target, part)
    made: Object = target(*args, **kwargs)
    return made


def check_class(target: Any) -> Type[Any]:
    """The class that ``@app.cls`` stands above. Raises ``TypeError`` for anything else."""
    if not isinstance(target, type):
        raise TypeError("@app.cls() belongs above a class, not above %s." % _check.show(target))
    return target
