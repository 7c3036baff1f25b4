"""Recognising model loads without the user's help: the usual loaders are wrapped as their modules are imported.

Nothing is imported here that the user's code doesn't import. A loader is wrapped right after its module ran, so
``from torch import load`` gets the wrapped one.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from types import ModuleType
from typing import Any, Callable, ContextManager, Dict, Optional, Sequence

from .phases import ModelLoads

#: Packages whose classes load with ``from_pretrained``; every module of them is looked at once.
_PRETRAINED = ("transformers", "diffusers", "peft", "sentence_transformers", "huggingface_hub", "optimum")
_MARK = "__velar_wrapped__"


def install(loads: ModelLoads) -> None:
    """Wraps loaders from now on, and those of modules that are imported already."""
    finder = _Finder(loads)
    for name in list(sys.modules):
        if finder.wants(name):
            finder.patch(sys.modules[name])
    sys.meta_path.insert(0, finder)


class _Finder(importlib.abc.MetaPathFinder):
    """Lets the other finders find a module, and patches it after it ran."""

    def __init__(self, loads: ModelLoads) -> None:
        self._loads = loads
        self._looking: Dict[str, None] = {}
        self._patches: Dict[str, Callable[[ModuleType], None]] = {
            "torch": self._torch,
            "torch.serialization": self._torch,
            "torch.nn.modules.module": self._torch_module,
            "safetensors": self._safetensors,
            "safetensors.torch": self._safetensors,
            "safetensors.numpy": self._safetensors,
            "transformers.pipelines": self._pipelines,
        }

    def wants(self, name: str) -> bool:
        """True for a module that holds loaders."""
        return name in self._patches or name.partition(".")[0] in _PRETRAINED

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        if fullname in self._looking or not self.wants(fullname):
            return None
        self._looking[fullname] = None
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            del self._looking[fullname]
        if spec is not None and spec.loader is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Loader(spec.loader, self)
        return spec

    def patch(self, module: ModuleType) -> None:
        """Wraps the loaders of one module."""
        special = self._patches.get(module.__name__)
        if special is not None:
            special(module)
        if module.__name__.partition(".")[0] in _PRETRAINED:
            for value in list(vars(module).values()):
                if isinstance(value, type) and value.__module__ == module.__name__:
                    self._pretrained(value)

    def _wrap(self, owner: Any, name: str, label: Callable[..., Optional[str]]) -> None:
        """Replaces ``owner.name`` by a function that counts as a load when ``label`` of its arguments is a name."""
        original = vars(owner).get(name)
        if original is None or getattr(original, _MARK, False):
            return
        loads = self._loads

        @functools.wraps(original)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            text = _label(label, args, kwargs)
            if text is None:
                return original(*args, **kwargs)
            with loads.loader(text):
                return original(*args, **kwargs)

        setattr(wrapped, _MARK, True)
        setattr(owner, name, wrapped)

    def _torch(self, module: ModuleType) -> None:
        self._wrap(module, "load", lambda f, *_, **__: "%s (torch.load)" % _name(f))
        nn = getattr(module, "nn", None)
        if nn is not None and hasattr(nn, "Module"):
            self._move(nn.Module)

    def _torch_module(self, module: ModuleType) -> None:
        if hasattr(module, "Module"):
            self._move(module.Module)

    def _move(self, cls: type) -> None:
        self._wrap(cls, "to", _moves)
        self._wrap(cls, "cuda", lambda self, *_, **__: "%s (to cuda)" % type(self).__name__)

    def _safetensors(self, module: ModuleType) -> None:
        self._wrap(module, "load_file", lambda f, *_, **__: "%s (safetensors)" % _name(f))
        opener = vars(module).get("safe_open")
        if opener is not None and not getattr(opener, _MARK, False):
            setattr(module, "safe_open", _opener(opener, self._loads))

    def _pipelines(self, module: ModuleType) -> None:
        self._wrap(module, "pipeline", _pipeline)

    def _pretrained(self, cls: type) -> None:
        original = vars(cls).get("from_pretrained")
        if not isinstance(original, classmethod) or getattr(original.__func__, _MARK, False):
            return
        function = original.__func__
        loads = self._loads

        @functools.wraps(function)
        def wrapped(owner: Any, *args: Any, **kwargs: Any) -> Any:
            what = args[0] if args else kwargs.get("pretrained_model_name_or_path", cls.__name__)
            with loads.loader("%s (%s.from_pretrained)" % (_name(what), getattr(owner, "__name__", cls.__name__))):
                return function(owner, *args, **kwargs)

        setattr(wrapped, _MARK, True)
        try:
            setattr(cls, "from_pretrained", classmethod(wrapped))
        except (TypeError, AttributeError):
            return


class _Loader(importlib.abc.Loader):
    """A loader that patches the module after it ran. Everything else is the real loader's."""

    def __init__(self, real: Any, finder: _Finder) -> None:
        self._real = real
        self._finder = finder

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Optional[ModuleType]:
        made: Optional[ModuleType] = self._real.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._real
        if module.__spec__ is not None:
            module.__spec__.loader = self._real
        self._real.exec_module(module)
        # A lazy package replaces itself in sys.modules while it runs.
        self._finder.patch(sys.modules.get(module.__name__, module))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _OpenFile:
    """An open safetensors file: what is read inside its ``with`` block counts as loading."""

    def __init__(self, real: Any, loads: ModelLoads, text: str) -> None:
        self._real = real
        self._loads = loads
        self._text = text
        self._span: Optional[ContextManager[None]] = None

    def __enter__(self) -> Any:
        if self._span is None:
            self._span = self._loads.loader(self._text)
            self._span.__enter__()
        return self._real.__enter__()

    def __exit__(self, *error: Any) -> Any:
        # transformers closes a file this way that it never entered.
        span, self._span = self._span, None
        try:
            return self._real.__exit__(*error)
        finally:
            if span is not None:
                span.__exit__(None, None, None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _opener(original: Any, loads: ModelLoads) -> Callable[..., Any]:
    @functools.wraps(original, updated=())
    def safe_open(*args: Any, **kwargs: Any) -> Any:
        what = args[0] if args else kwargs.get("filename", "weights")
        return _OpenFile(original(*args, **kwargs), loads, "%s (safetensors)" % _name(what))

    setattr(safe_open, _MARK, True)
    return safe_open


def _label(label: Callable[..., Optional[str]], args: Any, kwargs: Any) -> Optional[str]:
    """The label, or None for arguments that the loader itself will complain about."""
    try:
        return label(*args, **kwargs)
    except Exception:
        return None


def _moves(_self: Any, *args: Any, **kwargs: Any) -> Optional[str]:
    """``Module.to`` counts when it moves to a GPU, not when it changes the type or goes to the CPU."""
    for value in list(args[:1]) + [kwargs.get("device")]:
        device = str(getattr(value, "device", value))
        if device.startswith("cuda"):
            return "%s (to %s)" % (type(_self).__name__, device)
    return None


def _pipeline(task: Any = None, model: Any = None, *_: Any, **__: Any) -> str:
    return "%s (transformers.pipeline)" % _name(model if model is not None else task or "model")


def _name(what: Any) -> str:
    """A model's name: of a path its last part, of an object its class."""
    if isinstance(what, os.PathLike):
        what = os.fspath(what)
    if isinstance(what, str):
        return os.path.basename(what.rstrip("/")) or what if os.path.isabs(what) or what.startswith(".") else what
    return type(what).__name__ if not hasattr(what, "name") else str(what.name)
