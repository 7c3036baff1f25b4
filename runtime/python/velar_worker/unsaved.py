"""Unsaved editor text in the place of files on disk, for code that runs on the user's own machine."""

from __future__ import annotations

import importlib.machinery
import json
import linecache
from typing import Any, Dict, Mapping

_texts: Dict[str, bytes] = {}


def install(file: str) -> None:
    """Takes the texts of a JSON file, from absolute path to text, for every import from now on."""
    with open(file, encoding="utf-8") as source:
        texts: Dict[str, str] = json.load(source)
    for path, text in texts.items():
        _texts[path] = text.encode("utf-8")
        # Tracebacks show the lines that ran. Without a time the cache takes no notice of the file.
        linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    loader = importlib.machinery.SourceFileLoader
    read, stat = loader.get_data, loader.path_stats

    def get_data(self: importlib.machinery.SourceFileLoader, path: str) -> bytes:
        return _texts[path] if path in _texts else read(self, path)

    def path_stats(self: importlib.machinery.SourceFileLoader, path: str) -> Mapping[str, Any]:
        if path in _texts:
            # What importlib takes for "no compiled file can stand for this one".
            raise OSError("%s is unsaved" % path)
        return stat(self, path)

    setattr(loader, "get_data", get_data)
    setattr(loader, "path_stats", path_stats)


def has(path: str) -> bool:
    """True when there is unsaved text for the file."""
    return path in _texts
