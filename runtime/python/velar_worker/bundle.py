"""Putting a bundle's files into the working directory, only those that changed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from typing import Any, Dict, List, NamedTuple, Tuple

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_CHUNK = 1024 * 1024


class BundleError(Exception):
    """A bundle that is incomplete, damaged, or names a path outside of its root."""


class Entry(NamedTuple):
    """One file of a manifest. ``mode`` holds Unix permission bits."""

    path: str
    sha256: str
    size: int
    mode: int


class Change(NamedTuple):
    """What :meth:`Workspace.materialise` did."""

    total: int
    written: int
    removed: int
    bytes: int


def blob_path(blobs: str, digest: str) -> str:
    """Where the content with this SHA-256 lies. Raises :class:`BundleError` for anything else."""
    if not _SHA256.match(digest):
        raise BundleError("%r is no SHA-256." % digest)
    return os.path.join(blobs, digest[:2], digest)


def check_path(path: Any) -> str:
    """A path inside a bundle: relative, ``/`` between parts, no part empty, ``.`` or ``..``."""
    if not isinstance(path, str) or not path or "\0" in path or "\\" in path or path[1:2] == ":":
        raise BundleError("%r is no path inside a bundle." % (path,))
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise BundleError("%r is no path inside a bundle." % (path,))
    return path


def read_manifest(blobs: str, digest: str) -> List[Entry]:
    """The files of a bundle. Raises :class:`BundleError`."""
    try:
        with open(blob_path(blobs, digest), "rb") as file:
            data = file.read()
    except OSError as cause:
        raise BundleError("The bundle's manifest is missing (%s)." % cause) from cause
    if hashlib.sha256(data).hexdigest() != digest:
        raise BundleError("The bundle's manifest is damaged.")
    try:
        files = json.loads(data.decode("utf-8"))["files"]
        return [Entry(check_path(f["path"]), str(f["sha256"]), int(f["size"]), int(f["mode"])) for f in files]
    except (ValueError, KeyError, TypeError) as cause:
        raise BundleError("The bundle's manifest has another shape (%r)." % cause) from cause


class Workspace:
    """The directory that holds a bundle's files. Files that user code made there stay."""

    def __init__(self, root: str, blobs: str) -> None:
        self.root = root
        self._blobs = blobs
        self._there: Dict[str, Tuple[str, int, int, int]] = {}

    def materialise(self, digest: str) -> Change:
        """Makes the directory hold exactly the bundle's files, beside what user code made. Raises :class:`BundleError`."""
        entries = read_manifest(self._blobs, digest)
        wanted = {entry.path for entry in entries}
        os.makedirs(self.root, exist_ok=True)
        gone = [path for path in self._there if path not in wanted]
        for path in gone:
            self._remove(path)
        written = size = 0
        for entry in entries:
            if self._there.get(entry.path) != self._look(entry):
                self._write(entry)
                written += 1
                size += entry.size
        return Change(len(entries), written, len(gone), size)

    def _look(self, entry: Entry) -> Tuple[str, int, int, int]:
        """What the record of this file says if nobody touched it since it was written."""
        try:
            status = os.lstat(os.path.join(self.root, entry.path))
        except OSError:
            return ("", 0, 0, 0)
        if not stat.S_ISREG(status.st_mode):
            return ("", 0, 0, 0)
        return (entry.sha256, status.st_mtime_ns, status.st_size, entry.mode)

    def _remove(self, path: str) -> None:
        del self._there[path]
        target = os.path.join(self.root, path)
        try:
            os.unlink(target)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return
        _forget_bytecode(target)
        parent = os.path.dirname(target)
        while parent != self.root:
            try:
                os.rmdir(parent)
            except OSError:
                return
            parent = os.path.dirname(parent)

    def _write(self, entry: Entry) -> None:
        target = os.path.join(self.root, entry.path)
        self._parents(entry.path)
        temporary = target + ".velar-part"
        digest = hashlib.sha256()
        size = 0
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
            with open(blob_path(self._blobs, entry.sha256), "rb") as source, os.fdopen(
                os.open(temporary, flags, 0o600), "wb"
            ) as out:
                while True:
                    chunk = source.read(_CHUNK)
                    if not chunk:
                        break
                    digest.update(chunk)
                    size += len(chunk)
                    out.write(chunk)
            if size != entry.size or digest.hexdigest() != entry.sha256:
                os.unlink(temporary)
                raise BundleError("%s of the bundle is damaged." % entry.path)
            os.chmod(temporary, entry.mode & 0o777)
            os.replace(temporary, target)
        except OSError as cause:
            raise BundleError("%s of the bundle can't be written (%s)." % (entry.path, cause)) from cause
        _forget_bytecode(target)
        status = os.lstat(target)
        self._there[entry.path] = (entry.sha256, status.st_mtime_ns, status.st_size, entry.mode)

    def _parents(self, path: str) -> None:
        """Makes the directories above a file. A link or file in their place is replaced, never followed."""
        current = self.root
        for part in path.split("/")[:-1]:
            current = os.path.join(current, part)
            try:
                if stat.S_ISDIR(os.lstat(current).st_mode):
                    continue
                os.unlink(current)
            except FileNotFoundError:
                pass
            os.mkdir(current)


def _forget_bytecode(target: str) -> None:
    """Removes cached bytecode: Python trusts it by second and size, which two quick edits can share."""
    if not target.endswith(".py"):
        return
    folder, name = os.path.split(target)
    cache = os.path.join(folder, "__pycache__")
    try:
        cached = os.listdir(cache)
    except OSError:
        return
    for item in cached:
        if item.startswith(name[:-2]) and item.endswith(".pyc"):
            os.unlink(os.path.join(cache, item))
