"""Stand-ins for third-party modules, so that a module can be imported where its packages aren't installed.

A placeholder answers to nearly anything that code at module level does: attributes, calls, decorators, base
classes, arithmetic, iteration, ``with``. It never decides anything for the user: an option that turns out to be
one is refused with its name.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import sysconfig
from types import ModuleType
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

_STDLIB = tuple(
    os.path.realpath(path) + os.sep
    for path in {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    if path is not None
)


#: Files whose frames lie between an import and the code that asked for it.
_IMPORTERS = (__file__, importlib.__file__)
_sealed = False


def seal() -> None:
    """From here on using a placeholder raises ``ModuleNotFoundError``: what follows is meant to run for real."""
    global _sealed
    _sealed = True


def _check_use(path: str) -> None:
    if _sealed:
        name = path.partition(".")[0]
        raise ModuleNotFoundError(
            "No module named '%s' in this Python, which runs the local entrypoint; install it here, or use it only "
            "in functions that run remotely." % name,
            name=name,
        )


class Stub:
    """What a class that derives from a placeholder really derives from."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Placeholder("%s.%s" % (type(self).__name__, name))


class Placeholder:
    """Stands for something of a missing module; ``path`` says what."""

    def __init__(self, path: str) -> None:
        self.__dict__["_path"] = path

    @staticmethod
    def __velar_placeholder__(value: Any) -> str:
        return str(value.__dict__["_path"])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name not in ("__version__", "__name__", "__qualname__"):
            raise AttributeError(name)
        _check_use(self._path)
        return Placeholder("%s.%s" % (self._path, name))

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        _check_use(self._path)
        if len(args) == 1 and not kwargs and (isinstance(args[0], type) or hasattr(args[0], "__code__")):
            # A decorator gives back what it decorates, so that the function stays what the app declares.
            return args[0]
        if len(args) == 1 and not kwargs and type(args[0]).__module__.startswith("velar."):
            return args[0]
        if len(args) == 3 and isinstance(args[0], str) and isinstance(args[1], tuple) and isinstance(args[2], dict):
            bases = tuple(base for base in args[1] if isinstance(base, type)) or (Stub,)
            return type(args[0], bases, args[2])
        return Placeholder("%s()" % self._path)

    def __mro_entries__(self, bases: Tuple[Any, ...]) -> Tuple[type, ...]:
        first = next(base for base in bases if isinstance(base, Placeholder))
        others = any(isinstance(base, type) and issubclass(base, Stub) for base in bases)
        return (Stub,) if self is first and not others else ()

    def __instancecheck__(self, instance: Any) -> bool:
        return False

    def __subclasscheck__(self, subclass: Any) -> bool:
        return False

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __contains__(self, item: Any) -> bool:
        return False

    def __getitem__(self, key: Any) -> Any:
        return Placeholder("%s[...]" % self._path)

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __delitem__(self, key: Any) -> None:
        pass

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: Any) -> None:
        return None

    def __int__(self) -> int:
        return 0

    def __index__(self) -> int:
        return 0

    def __float__(self) -> float:
        return 0.0

    def __str__(self) -> str:
        return "<%s>" % self._path

    def __repr__(self) -> str:
        return "<placeholder of %s>" % self._path

    def __format__(self, spec: str) -> str:
        return str(self)

    def __fspath__(self) -> str:
        return str(self)

    def __hash__(self) -> int:
        return id(self)


def _operator(name: str) -> Any:
    def operate(self: Placeholder, *others: Any) -> Any:
        return Placeholder("(%s %s)" % (self._path, name.strip("_")))

    operate.__name__ = name
    return operate


for _name in "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split():
    setattr(Placeholder, "__%s__" % _name, _operator("__%s__" % _name))
    setattr(Placeholder, "__r%s__" % _name, _operator("__r%s__" % _name))
for _name in "neg pos abs invert".split():
    setattr(Placeholder, "__%s__" % _name, _operator("__%s__" % _name))
for _name in "lt le gt ge".split():
    setattr(Placeholder, "__%s__" % _name, lambda self, other: True)


class PlaceholderModule(ModuleType):
    """A module that has every attribute."""

    __all__: List[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name != "__version__":
            raise AttributeError(name)
        _check_use(self.__name__)
        return Placeholder("%s.%s" % (self.__name__, name))


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a placeholder for a module that a file of the bundle imports and that is neither in the bundle, nor of
    the standard library, nor velar. What other code imports is left alone: it may cope with a missing module.
    """

    def __init__(self, root: str, search: Sequence[str]) -> None:
        self._root = root + os.sep
        self._search = list(search)
        self._real: Dict[str, bool] = {}

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        top = fullname.partition(".")[0]
        if top not in self._real:
            self._real[top] = self._is_real(top)
        if self._real[top] or not self._asked_by_bundle():
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return PlaceholderModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run."""

    def _asked_by_bundle(self) -> bool:
        frame = sys._getframe(2)
        while frame is not None:
            file = frame.f_code.co_filename
            if not file.startswith("<frozen importlib") and file not in _IMPORTERS:
                return file.startswith(self._root)
            frame = frame.f_back  # type: ignore[assignment]
        return False

    def _is_real(self, top: str) -> bool:
        if top in ("velar", "velar_worker") or top in sys.builtin_module_names:
            return True
        names = getattr(sys, "stdlib_module_names", None)
        if names is not None and top in names:
            return True
        if importlib.machinery.PathFinder.find_spec(top, self._search) is not None:
            return True
        if names is not None:
            return False
        spec = importlib.machinery.PathFinder.find_spec(top)
        origin = os.path.realpath(spec.origin) if spec is not None and spec.origin else ""
        return origin.startswith(_STDLIB) and "site-packages" not in origin and "dist-packages" not in origin
