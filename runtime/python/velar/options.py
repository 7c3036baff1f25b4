"""The options of ``@app.function``, ``@app.endpoint`` and ``@app.cls``, checked and in one place."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, TypedDict

from . import _check, gpu as gpus
from .gpu import Gpu, GpuOption
from .image import Image
from .resources import Secret, Volume

#: Longest timeout, a week, in seconds.
MAX_TIMEOUT = 7 * 24 * 3600.0


@dataclass(frozen=True)
class Options:
    """Checked options. Times in seconds, memory in MiB, ``gpu`` an ordered list of fall-backs (empty: CPU)."""

    gpu: Tuple[Gpu, ...] = ()
    image: Image = field(default_factory=Image)
    timeout: float = 300.0
    startup_timeout: Optional[float] = None
    retries: int = 0
    min_containers: int = 0
    max_containers: Optional[int] = None
    buffer_containers: int = 0
    scaledown_window: float = 60.0
    max_concurrent_inputs: int = 1
    cpu: Optional[float] = None
    memory: Optional[int] = None
    env: Dict[str, str] = field(default_factory=dict)
    secrets: Tuple[Secret, ...] = ()
    volumes: Dict[str, Volume] = field(default_factory=dict)
    cache_models: bool = True


class OptionArguments(TypedDict, total=False):
    """The options as a person writes them, for type checkers."""

    gpu: GpuOption
    image: Optional[Image]
    timeout: float
    startup_timeout: Optional[float]
    retries: int
    min_containers: int
    max_containers: Optional[int]
    buffer_containers: int
    scaledown_window: float
    max_concurrent_inputs: int
    cpu: Optional[float]
    memory: Optional[int]
    env: Optional[Dict[str, str]]
    secrets: Sequence[Secret]
    volumes: Optional[Dict[str, Volume]]
    cache_models: bool


_NAMES = tuple(option.name for option in fields(Options))


def check(given: Mapping[str, Any]) -> Options:
    """Checks each option and fills in the defaults.

    Raises ``TypeError`` for an unknown option or a wrong type and ``ValueError`` for a bad value, naming the option.
    """
    for name in given:
        if name not in _NAMES:
            raise TypeError(
                'There is no option "%s".%s The options are %s.' % (name, _check.near(name, _NAMES), ", ".join(_NAMES))
            )
    values = {**vars(Options()), **given}
    image, start = given.get("image"), values["startup_timeout"]
    if image is not None and not isinstance(image, Image):
        raise TypeError("image must be a velar.Image, not %s." % _check.show(image))
    least = _check.whole("min_containers", values["min_containers"], 0)
    most = None if values["max_containers"] is None else _check.whole("max_containers", values["max_containers"], 1)
    if most is not None and most < least:
        raise ValueError("max_containers (%d) must not be less than min_containers (%d)." % (most, least))
    return Options(
        gpu=gpus.parse_option(given.get("gpu")),
        image=Image() if image is None else image,
        timeout=_timeout("timeout", values["timeout"]),
        startup_timeout=None if start is None else _timeout("startup_timeout", start),
        retries=_check.whole("retries", values["retries"], 0, 10),
        min_containers=least,
        max_containers=most,
        buffer_containers=_check.whole("buffer_containers", values["buffer_containers"], 0),
        scaledown_window=_check.number("scaledown_window", values["scaledown_window"], "seconds", 0, inclusive=True),
        max_concurrent_inputs=_check.whole("max_concurrent_inputs", values["max_concurrent_inputs"], 1),
        cpu=None if values["cpu"] is None else _check.number("cpu", values["cpu"], "cores", 0),
        memory=None if values["memory"] is None else _check.whole("memory (MiB)", values["memory"], 1),
        env={} if values["env"] is None else _check.variables("env", values["env"]),
        secrets=_secrets(values["secrets"]),
        volumes=_volumes(values["volumes"]),
        cache_models=_check.switch("cache_models", values["cache_models"]),
    )


def _timeout(option: str, value: Any) -> float:
    seconds = _check.number(option, value, "seconds", 0)
    if seconds > MAX_TIMEOUT:
        raise ValueError("%s must be at most %d seconds (a week), not %r." % (option, MAX_TIMEOUT, value))
    return seconds


def _secrets(value: Any) -> Tuple[Secret, ...]:
    if not isinstance(value, (list, tuple)):
        raise TypeError("secrets must be a list of velar.Secret, not %s." % _check.show(value))
    for item in value:
        if not isinstance(item, Secret):
            raise TypeError(
                "secrets must hold velar.Secret only, as in Secret.from_name(...), not %s." % _check.show(item)
            )
    return tuple(value)


def _volumes(value: Any) -> Dict[str, Volume]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError("volumes must map mount paths to velar.Volume, not %s." % _check.show(value))
    for path, volume in value.items():
        if not isinstance(path, str) or not path.startswith("/") or ".." in path.split("/"):
            raise ValueError("volumes: a mount path must be absolute, not %s." % _check.show(path))
        if not isinstance(volume, Volume):
            raise TypeError(
                'volumes: "%s" must be a velar.Volume, as in Volume.from_name(...), not %s.' % (path, _check.show(volume))
            )
    return dict(value)
