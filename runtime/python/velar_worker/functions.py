"""Finding what a call names, decoding its inputs, and making the objects of classes."""

from __future__ import annotations

import ast
import asyncio
import functools
import inspect
import json
import os
import pickle
import threading
from contextlib import nullcontext
from types import ModuleType
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from velar import cls as _cls
from velar.app import App
from velar.cls import Cls, Object
from velar.options import Options

from .importing import apps_of
from .phases import ModelLoads

Input = Tuple[Tuple[Any, ...], Dict[str, Any]]


class CallError(Exception):
    """A call that can't be made: no such function, or inputs that can't be read. ``type_name`` crosses the wire."""

    def __init__(self, type_name: str, message: str) -> None:
        super().__init__(message)
        self.type_name = type_name


class Functions:
    """The functions of a loaded module by qualified name, and the objects of its classes."""

    def __init__(self, module: ModuleType, loads: ModelLoads) -> None:
        self._apps: List[App] = apps_of(module)
        self._loads = loads
        self._prepared: Dict[str, Tuple[Callable[..., Any], bool]] = {}
        self._objects: Dict[bytes, Any] = {}
        self._making = threading.RLock()

    def get(self, qualname: str, constructor: Optional[Input]) -> Callable[..., Any]:
        """The function to call. For a method, of the object made from ``constructor``; made once, entered once.

        Without a name it is one that does nothing: that the file was imported is all that is asked.
        """
        if not qualname:
            return _nothing
        found = self._prepared.get(qualname)
        if found is not None:
            function, self._loads.scope.cache = found
            return function
        for app in self._apps:
            declared = app.functions.get(qualname)
            if declared is not None:
                _apply_environment(declared.options)
                self._prepared[qualname] = (declared.raw_function, declared.options.cache_models)
                return self.get(qualname, constructor)
            owner, _, name = qualname.rpartition(".")
            made = app.classes.get(owner)
            if made is not None and name in made.methods:
                self._loads.scope.cache = made.options.cache_models
                instance = self._instance(made, constructor or ((), {}))
                bound: Callable[..., Any] = made.methods[name].function.__get__(instance)
                return bound
        known = [name for app in self._apps for name in _names(app)]
        raise CallError(
            "FunctionNotFound",
            "The file declares no function %s; it has %s." % (qualname, ", ".join(known) or "none"),
        )

    def is_async(self, qualname: str) -> bool:
        """True for a function or method that runs on an event loop."""
        for app in self._apps:
            owner, _, name = qualname.rpartition(".")
            if qualname in app.functions:
                return app.functions[qualname].is_async
            made = app.classes.get(owner)
            if made is not None and name in made.methods:
                function = made.methods[name].function
                return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
        return False

    def _instance(self, made: Cls, constructor: Input) -> Any:
        key = made.qualname.encode() + pickle.dumps(constructor, 4)
        instance = self._objects.get(key)
        if instance is None:
            hooks = _cls.hooks(made.user_class, "__velar_enter__")
            # A call that waits for another one's object waits for its model.
            with self._loads.span("%s.%s" % (made.qualname, hooks[0])) if hooks else nullcontext(), self._making:
                instance = self._objects.get(key)
                if instance is None:
                    instance = self._objects[key] = _make(made, constructor)
        return instance

    def exit_hooks(self) -> List[Callable[[], None]]:
        """What has to run before the runner ends, one entry an object."""
        return [functools.partial(_cls.run_exit, instance) for instance in self._objects.values()]


def _make(made: Cls, constructor: Input) -> Any:
    """An object of a class, entered."""
    _apply_environment(made.options)
    args, kwargs = constructor
    proxy = made(*args, **kwargs)
    instance = made.user_class(*args, **kwargs)
    _cls.adopt(instance, proxy)
    _cls.run_enter(instance)
    return instance


def _nothing() -> None:
    return None


def _names(app: App) -> List[str]:
    methods = ["%s.%s" % (name, method) for name, made in app.classes.items() for method in made.methods]
    return list(app.functions) + methods


def _apply_environment(options: Options) -> None:
    """``env`` and ``Secret.from_dict`` of a function; what the runtime set for a secret stays."""
    os.environ.update(options.env)
    for secret in options.secrets:
        for name, value in (secret.values or {}).items():
            os.environ.setdefault(name, value)


def decode(kind: str, data: memoryview, instance: bool) -> Tuple[Optional[Input], Tuple[Any, ...], Dict[str, Any]]:
    """Constructor arguments (for a method), arguments, keyword arguments. Raises :class:`CallError`."""
    if kind == "pickle":
        try:
            value = pickle.loads(data)
            if instance:
                constructor, args, kwargs = value
                return constructor, args, kwargs
            args, kwargs = value
            return None, args, kwargs
        except Exception as cause:
            raise CallError(
                "InputNotReadable",
                "The arguments can't be read here (%s: %s). The class of an argument must be importable from the "
                "bundle or the image." % (type(cause).__name__, cause),
            ) from cause
    try:
        value = json.loads(bytes(data).decode("utf-8"))
        given = value.get("instance")
        made = None if given is None else (_arguments(given), _keywords(given))
        return made, _arguments(value), _keywords(value)
    except (ValueError, KeyError, TypeError, AttributeError) as cause:
        raise CallError("InputNotReadable", "The arguments can't be read (%s)." % cause) from cause


def _arguments(value: Dict[str, Any]) -> Tuple[Any, ...]:
    return tuple(_value("argument %d" % (at + 1), item) for at, item in enumerate(value.get("args") or ()))


def _keywords(value: Dict[str, Any]) -> Dict[str, Any]:
    return {name: _value('argument "%s"' % name, item) for name, item in (value.get("kwargs") or {}).items()}


def _value(what: str, item: Dict[str, Any]) -> Any:
    """One argument: ``{"json": …}`` or ``{"literal": source}``."""
    if "literal" not in item:
        return item["json"]
    try:
        return ast.literal_eval(item["literal"].strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError) as cause:
        raise CallError(
            "InputNotReadable", "%s is no Python literal: %s (%s)." % (what, item["literal"][:200], cause)
        ) from cause


def settle(value: Any) -> Any:
    """What a function returned: a coroutine is run to its end, an async generator becomes a plain iterator."""
    if inspect.iscoroutine(value):
        return asyncio.run(value)
    if inspect.isasyncgen(value):
        return _iterate(value)
    return value


def _iterate(source: Any) -> Iterator[Any]:
    loop = asyncio.new_event_loop()
    try:
        while True:
            try:
                yield loop.run_until_complete(source.__anext__())
            except StopAsyncIteration:
                return
    finally:
        loop.run_until_complete(source.aclose())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
