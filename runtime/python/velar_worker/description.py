"""An app as the describe step answers it: functions, options, images, from the real objects."""

from __future__ import annotations

import ast
import inspect
import os
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from velar.app import App
from velar.function import Function, is_generator
from velar.image import Image, Layer, Origin
from velar.options import Options

from . import errors

Json = Dict[str, Any]
_Definition = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef]
_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional_only",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional_or_keyword",
    inspect.Parameter.VAR_POSITIONAL: "var_positional",
    inspect.Parameter.KEYWORD_ONLY: "keyword_only",
    inspect.Parameter.VAR_KEYWORD: "var_keyword",
}
#: Characters of a docstring that are told.
_DOC_LIMIT = 4000
_PATHS = {"requirements": "path", "localFile": "source", "localDir": "source"}


class MissingFile(Exception):
    """A layer or base names a file that the bundle doesn't have; ``origin`` is the line that names it."""

    def __init__(self, origin: Origin, message: str) -> None:
        super().__init__(message)
        self.origin = origin


class Describer:
    """Describes the apps of one bundle. Raises :class:`MissingFile`."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._sources: Dict[str, Tuple[str, Dict[int, _Definition]]] = {}

    def app(self, app: App) -> Json:
        """One app with all that it declares, in the order of its lines."""
        found = [self._function(made, made.raw_function, 0) for made in app.functions.values()]
        for cls in app.classes.values():
            found.append(self._entry("cls", cls.qualname, cls.user_class, cls.options))
            for name, method in cls.methods.items():
                qualname = "%s.%s" % (cls.qualname, name)
                found.append(self._entry("method", qualname, method.function, cls.options, skip=1))
        for qualname, function in app.entrypoints.items():
            found.append(self._entry("local_entrypoint", qualname, function, Options()))
        return {"name": app.name, "functions": sorted(found, key=lambda entry: (entry["file"], entry["line"]))}

    def _function(self, made: "Function[Any, Any]", function: Callable[..., Any], skip: int) -> Json:
        return self._entry(made.kind, made.qualname, function, made.options, skip)

    def _entry(self, kind: str, qualname: str, target: Any, options: Options, skip: int = 0) -> Json:
        code = getattr(inspect.unwrap(target), "__code__", None)
        file = code.co_filename if code is not None else _file_of(target)
        source, definition = self._definition(file, target, code)
        described: Json = {
            "qualname": qualname,
            "kind": kind,
            "file": errors.relative(file, self._root),
            "line": definition.lineno if definition is not None else (code.co_firstlineno if code is not None else 1),
            "generator": inspect.isfunction(target) and is_generator(target),
            "async": inspect.iscoroutinefunction(target) or inspect.isasyncgenfunction(target),
            "parameters": _parameters(target, skip, source, definition),
            "options": self._options(options),
            "image": self._image(options.image),
        }
        doc = _doc_of(target)
        return {**described, "doc": doc} if doc else described

    def _definition(self, file: str, target: Any, code: Any) -> Tuple[str, Optional[_Definition]]:
        """The source of a file and the definition of a function or class in it."""
        if file not in self._sources:
            self._sources[file] = _parse(file)
        source, by_line = self._sources[file]
        if code is not None:
            return source, by_line.get(code.co_firstlineno)
        named = [node for node in by_line.values() if isinstance(node, ast.ClassDef) and node.name == target.__name__]
        return source, named[-1] if named else None

    def _options(self, options: Options) -> Json:
        return {
            "gpu": [{"name": gpu.name, "count": gpu.count} for gpu in options.gpu],
            "timeoutMs": options.timeout * 1000,
            "startupTimeoutMs": None if options.startup_timeout is None else options.startup_timeout * 1000,
            "retries": options.retries,
            "minContainers": options.min_containers,
            "maxContainers": options.max_containers,
            "bufferContainers": options.buffer_containers,
            "scaledownWindowMs": options.scaledown_window * 1000,
            "maxConcurrentInputs": options.max_concurrent_inputs,
            "cpu": options.cpu,
            "memoryMiB": options.memory,
            "env": options.env,
            "secrets": [
                {"name": secret.name} if secret.values is None else {"values": secret.values}
                for secret in options.secrets
            ],
            "volumes": {path: volume.name for path, volume in options.volumes.items()},
            "cacheModels": options.cache_models,
        }

    def _image(self, image: Image) -> Json:
        base = image.base
        if base["kind"] == "dockerfile":
            base["path"] = self._resolve(image.origin, base["path"])
        base.update(self._place(image.origin))
        return {"base": base, "layers": [self._layer(layer) for layer in image.layers]}

    def _layer(self, layer: Layer) -> Json:
        values = dict(layer.values)
        option = _PATHS.get(layer.kind)
        if option is not None:
            values[option] = self._resolve(layer.origin, values[option])
        return {"kind": layer.kind, **values, **self._place(layer.origin)}

    def _place(self, origin: Origin) -> Json:
        return {"file": errors.relative(origin.file, self._root), "line": origin.line}

    def _resolve(self, origin: Origin, path: str) -> str:
        """A path beside the file that wrote it, or from the root, as one from the root."""
        for folder in (os.path.dirname(origin.file), self._root):
            whole = os.path.realpath(os.path.join(folder, path))
            if os.path.exists(whole) and (whole == self._root or whole.startswith(self._root + os.sep)):
                return os.path.relpath(whole, self._root).replace(os.sep, "/")
        raise MissingFile(
            origin,
            'The image names "%s", which is not among the files that are sent. Paths are relative to the file or to '
            "the workspace; check the spelling and the ignore rules." % path,
        )


def _file_of(target: Any) -> str:
    try:
        return inspect.getfile(target)
    except (TypeError, OSError):
        return ""


def _doc_of(target: Any) -> str:
    """The docstring as it was written for this function; empty without one."""
    doc = getattr(inspect.unwrap(target), "__doc__", None)
    return inspect.cleandoc(doc)[:_DOC_LIMIT] if isinstance(doc, str) else ""


def _parse(file: str) -> Tuple[str, Dict[int, _Definition]]:
    """A file's source, and its definitions by the line on which they or their first decorator begin."""
    try:
        with open(file, "rb") as opened:
            data = opened.read()
        tree = ast.parse(data)
        source = data.decode("utf-8", "replace")
    except (OSError, SyntaxError, ValueError):
        return "", {}
    found: Dict[int, _Definition] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            first = min([node.lineno] + [decorator.lineno for decorator in node.decorator_list])
            found[first] = node
    return source, found


def _parameters(target: Any, skip: int, source: str, definition: Optional[_Definition]) -> List[Json]:
    """Name, annotation, default, kind; annotation and default as their source text where there is one."""
    try:
        parameters = list(inspect.signature(target).parameters.values())[skip:]
    except (TypeError, ValueError):
        return []
    if isinstance(definition, ast.ClassDef):
        made = [n for n in definition.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        node: Any = made[-1] if made else None
    else:
        node = definition
    annotations, defaults = _sources(source, node)
    return [
        {
            "name": parameter.name,
            "annotation": annotations.get(parameter.name)
            or (None if parameter.annotation is parameter.empty else _shown(parameter.annotation)),
            "default": defaults.get(parameter.name)
            or (None if parameter.default is parameter.empty else _safe_repr(parameter.default)),
            "kind": _KINDS[parameter.kind],
        }
        for parameter in parameters
    ]


def _sources(source: str, node: Any) -> Tuple[Dict[str, str], Dict[str, str]]:
    annotations: Dict[str, str] = {}
    defaults: Dict[str, str] = {}
    if node is None:
        return annotations, defaults
    arguments: ast.arguments = node.args
    positional = list(arguments.posonlyargs) + list(arguments.args)
    every = positional + arguments.kwonlyargs
    every += [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    for argument in every:
        if argument.annotation is not None:
            annotations[argument.arg] = ast.get_source_segment(source, argument.annotation) or ""
    pairs = list(zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults))
    pairs += [(argument, value) for argument, value in zip(arguments.kwonlyargs, arguments.kw_defaults) if value]
    for argument, value in pairs:
        defaults[argument.arg] = ast.get_source_segment(source, value) or ""
    return annotations, defaults


def _shown(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    return str(annotation.__name__) if isinstance(annotation, type) else str(annotation)


def _safe_repr(value: Any) -> str:
    """The repr of a default, whatever its class does."""
    try:
        return repr(value)
    except Exception:
        return "..."
