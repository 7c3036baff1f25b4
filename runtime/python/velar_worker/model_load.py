"""Recognising model loads without the user's help: the usual loaders are wrapped as their modules are imported.

Nothing is imported here that the user's code doesn't import. A loader is wrapped right after its module ran, so
``from torch import load`` gets the wrapped one. A load with the arguments of an earlier one is answered with what
that one gave, where its function allows it.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from types import ModuleType
from typing import Any, Callable, ContextManager, Dict, NamedTuple, Optional, Sequence, Tuple

from .cache_keys import file_bytes, key_of
from .load_names import Label, cuda_target, is_on, label_of, name_of, pipeline_label, to_target
from .model_cache import ModelCache, ambient
from .phases import ModelLoads

#: Packages whose classes load with ``from_pretrained``; every module of them is looked at once.
_PRETRAINED = ("transformers", "diffusers", "peft", "sentence_transformers", "huggingface_hub", "optimum")
_MARK = "__velar_wrapped__"
#: Files of plain weights or data below this size are read anew each time: that takes no time, and they are often no
#: models but data that the function changes.
MIN_PLAIN_BYTES = 1024 * 1024


class Kind(NamedTuple):
    """What a loader gives: ``whole``, a model made of many files, or ``plain``, the content of one file."""

    whole: bool
    plain: bool


_MODEL = Kind(True, False)
_WEIGHTS = Kind(False, True)


#: What :func:`prepare` made, for the runners that are forked from its process.
prepared: Optional[Tuple[ModelLoads, ModelCache]] = None


def prepare() -> None:
    """Wraps loaders for a runner that is not there yet."""
    global prepared
    loads = ModelLoads()
    prepared = (loads, install(loads))


def install(loads: ModelLoads) -> ModelCache:
    """Wraps loaders from now on, and those of modules that are imported already. Returns what holds the models."""
    cache = ModelCache(loads.in_use)
    finder = _Finder(loads, cache)
    for name in list(sys.modules):
        if finder.wants(name):
            finder.patch(sys.modules[name])
    sys.meta_path.insert(0, finder)
    return cache


class _Finder(importlib.abc.MetaPathFinder):
    """Lets the other finders find a module, and patches it after it ran."""

    def __init__(self, loads: ModelLoads, cache: ModelCache) -> None:
        self._loads = loads
        self._cache = cache
        self._looking: Dict[str, None] = {}
        self._patches: Dict[str, Callable[[ModuleType], None]] = {
            "torch": self._torch,
            "torch.serialization": self._torch,
            "torch.jit._serialization": lambda module: self._file(module, "load", "torch.jit.load"),
            "torch.hub": lambda module: self._named(module, "load", "torch.hub.load"),
            "torch.nn.modules.module": self._torch_module,
            "safetensors": self._safetensors,
            "safetensors.torch": self._safetensors,
            "safetensors.numpy": self._safetensors,
            "transformers.pipelines": self._pipelines,
            "whisper": lambda module: self._named(module, "load_model", "whisper"),
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

    def _load(
        self, kind: Kind, label: Tuple[str, str], what: Any, args: Any, kwargs: Any, load: Callable[[], Any]
    ) -> Any:
        """The model that is held for these arguments, else the one that ``load`` gives, timed and held from now on."""
        loads, cache = self._loads, self._cache
        name, text = label[0], "%s (%s)" % label
        scope = loads.scope
        key = None
        if scope.cache and not loads.nested and not (kind.plain and loads.composing):
            key = key_of(args, kwargs, cache.known)
        if key is None:
            with loads.loader(text, kind.whole):
                return load()
        key = (what, key, ambient())
        entry = cache.find(key)
        scope.models.add(key)
        if entry is not None:
            scope.hit(str(entry.held))
            return entry.value
        with loads.loader(text, kind.whole):
            return cache.load(key, name, kind.plain, load)

    def _wrap(self, owner: Any, name: str, label: Label, kind: Kind) -> None:
        """Replaces ``owner.name`` by a function that counts as a load when ``label`` of its arguments is a name."""
        original = vars(owner).get(name)
        if original is None or getattr(original, _MARK, False):
            return
        what = "%s.%s" % (owner.__name__, name)

        @functools.wraps(original)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            told = label_of(label, args, kwargs)
            if told is None:
                return original(*args, **kwargs)
            file = args[0] if args else kwargs.get("f", kwargs.get("filename"))
            if kind.plain and (file_bytes(file) or 0) < MIN_PLAIN_BYTES:
                with self._loads.loader("%s (%s)" % told):
                    return original(*args, **kwargs)
            return self._load(kind, told, what, args, kwargs, lambda: original(*args, **kwargs))

        setattr(wrapped, _MARK, True)
        setattr(owner, name, wrapped)

    def _file(self, module: ModuleType, name: str, how: str) -> None:
        """A loader of one file, its first argument."""
        self._wrap(module, name, lambda f, *_, **__: (name_of(f), how), _WEIGHTS)

    def _named(self, module: ModuleType, name: str, how: str) -> None:
        """A loader of a model by name: its first argument, and of a hub also the second."""
        self._wrap(module, name, lambda *names, **__: (" ".join(map(name_of, names[:2])) or how, how), _MODEL)

    def _torch(self, module: ModuleType) -> None:
        self._file(module, "load", "torch.load")
        nn = getattr(module, "nn", None)
        if nn is not None and hasattr(nn, "Module"):
            self._move(nn.Module)

    def _torch_module(self, module: ModuleType) -> None:
        if hasattr(module, "Module"):
            self._move(module.Module)

    def _move(self, cls: type) -> None:
        """Moves to a GPU count as loading; the module that they return is the one that was given."""
        for name, target in (("to", to_target), ("cuda", cuda_target)):
            original = vars(cls).get(name)
            if original is not None and not getattr(original, _MARK, False):
                setattr(cls, name, self._mover(original, target))

    def _mover(self, original: Callable[..., Any], target: Callable[..., Optional[str]]) -> Callable[..., Any]:
        @functools.wraps(original)
        def wrapped(module: Any, *args: Any, **kwargs: Any) -> Any:
            device = target(*args, **kwargs)
            if device is None or is_on(module, device):
                return original(module, *args, **kwargs)
            with self._loads.loader("%s (to %s)" % (type(module).__name__, device)):
                return self._cache.moved(module, lambda: original(module, *args, **kwargs))

        setattr(wrapped, _MARK, True)
        return wrapped

    def _safetensors(self, module: ModuleType) -> None:
        self._file(module, "load_file", "safetensors")
        opener = vars(module).get("safe_open")
        if opener is not None and not getattr(opener, _MARK, False):
            setattr(module, "safe_open", _opener(opener, self._loads))

    def _pipelines(self, module: ModuleType) -> None:
        self._wrap(module, "pipeline", pipeline_label, _MODEL)

    def _pretrained(self, cls: type) -> None:
        original = vars(cls).get("from_pretrained")
        if not isinstance(original, classmethod) or getattr(original.__func__, _MARK, False):
            return
        function = original.__func__

        @functools.wraps(function)
        def wrapped(owner: Any, *args: Any, **kwargs: Any) -> Any:
            what = args[0] if args else kwargs.get("pretrained_model_name_or_path", cls.__name__)
            label = (name_of(what), "%s.from_pretrained" % getattr(owner, "__name__", cls.__name__))
            # Configurations are small, and made to be changed.
            if label[1].endswith("Config.from_pretrained"):
                with self._loads.loader("%s (%s)" % label):
                    return function(owner, *args, **kwargs)
            return self._load(_MODEL, label, owner, args, kwargs, lambda: function(owner, *args, **kwargs))

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
        return _OpenFile(original(*args, **kwargs), loads, "%s (safetensors)" % name_of(what))

    setattr(safe_open, _MARK, True)
    return safe_open
