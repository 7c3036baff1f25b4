"""Builds the wheel and the source archive with the standard library alone, so that installing needs no download.

The hooks are those of PEP 517 and PEP 660; the wheel follows the binary distribution format (PEP 427).
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tarfile
import zipfile
from typing import Any, Dict, List, Optional

NAME = "velar"
VERSION = "0.1.0"
_PACKAGES = ("velar", "velar_worker")
_SUFFIXES = (".py", ".json", ".typed")
_ROOT = os.path.dirname(os.path.abspath(__file__))
_TAG = "py3-none-any"
_METADATA = """Metadata-Version: 2.1
Name: velar
Version: %s
Summary: Declare Python functions that run on a GPU, and the worker that runs them.
License: MIT
Requires-Python: >=3.8
Classifier: Typing :: Typed
""" % VERSION
_WHEEL = "Wheel-Version: 1.0\nGenerator: velar\nRoot-Is-Purelib: true\nTag: %s\n" % _TAG
#: A fixed date makes two builds of the same files the same bytes.
_DATE = (2026, 1, 1, 0, 0, 0)

Settings = Optional[Dict[str, Any]]


def get_requires_for_build_wheel(config_settings: Settings = None) -> List[str]:
    """Nothing is needed."""
    return []


get_requires_for_build_sdist = get_requires_for_build_wheel
get_requires_for_build_editable = get_requires_for_build_wheel


def _files() -> Dict[str, bytes]:
    found: Dict[str, bytes] = {}
    for package in _PACKAGES:
        for name in sorted(os.listdir(os.path.join(_ROOT, package))):
            if name.endswith(_SUFFIXES):
                with open(os.path.join(_ROOT, package, name), "rb") as file:
                    found["%s/%s" % (package, name)] = file.read()
    return found


def _write_wheel(directory: str, files: Dict[str, bytes]) -> str:
    info = "%s-%s.dist-info" % (NAME, VERSION)
    files = {**files, info + "/METADATA": _METADATA.encode(), info + "/WHEEL": _WHEEL.encode()}
    record = ""
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += "%s,sha256=%s,%d\n" % (path, digest, len(data))
    record += "%s/RECORD,,\n" % info
    files[info + "/RECORD"] = record.encode()
    name = "%s-%s-%s.whl" % (NAME, VERSION, _TAG)
    with zipfile.ZipFile(os.path.join(directory, name), "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, _DATE)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)
    return name


def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: Optional[str] = None
) -> str:
    """Writes the wheel; returns its file name."""
    return _write_wheel(wheel_directory, _files())


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: Optional[str] = None
) -> str:
    """A wheel that points at this folder."""
    return _write_wheel(wheel_directory, {"velar-editable.pth": (_ROOT + "\n").encode()})


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Writes the source archive; returns its file name."""
    base = "%s-%s" % (NAME, VERSION)
    files = {**_files(), "PKG-INFO": _METADATA.encode()}
    for name in ("pyproject.toml", "build_backend.py", "README.md"):
        with open(os.path.join(_ROOT, name), "rb") as file:
            files[name] = file.read()
    with tarfile.open(os.path.join(sdist_directory, base + ".tar.gz"), "w:gz") as archive:
        for path, data in files.items():
            entry = tarfile.TarInfo("%s/%s" % (base, path))
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return base + ".tar.gz"
