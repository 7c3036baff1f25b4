"""GPU names: ``velar.gpu.A100``, ``velar.gpu.A100(count=2)``, or the strings ``"A100"`` and ``"A100:2"``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Sequence, Tuple, Union

from . import _check
from .prices import read_prices

#: Most GPUs of one kind that one container may ask for.
MAX_COUNT = 16


@dataclass(frozen=True)
class Gpu:
    """A kind of GPU and how many of it one container needs."""

    name: str
    count: int = 1

    def __call__(self, count: int = 1) -> "Gpu":
        """The same kind in another number, for example ``velar.gpu.A100(count=2)``."""
        return Gpu(self.name, _check.whole("gpu count", count, 1, MAX_COUNT))

    def __str__(self) -> str:
        return self.name if self.count == 1 else "%s:%d" % (self.name, self.count)


GpuRequest = Union[str, Gpu]
GpuOption = Union[None, GpuRequest, Sequence[GpuRequest]]

L4: Gpu = Gpu("L4")
RTX4090: Gpu = Gpu("RTX4090")
L40S: Gpu = Gpu("L40S")
A100: Gpu = Gpu("A100")
H100: Gpu = Gpu("H100")
H100_SXM: Gpu = Gpu("H100-SXM")
H200: Gpu = Gpu("H200")
T4: Gpu = Gpu("T4")
A10: Gpu = Gpu("A10")
L40: Gpu = Gpu("L40")
RTX3090: Gpu = Gpu("RTX3090")
RTX5090: Gpu = Gpu("RTX5090")
RTXA6000: Gpu = Gpu("RTXA6000")
RTX6000Ada: Gpu = Gpu("RTX6000Ada")


def _squeeze(name: str) -> str:
    return "".join(letter for letter in name.upper() if letter.isalnum())


def _known() -> Dict[str, str]:
    shipped = {_squeeze(value.name): value.name for value in globals().values() if isinstance(value, Gpu)}
    shipped.update({_squeeze(name): name for name in read_prices()})
    return shipped


def names() -> Tuple[str, ...]:
    """Every GPU name that a function can ask for."""
    return tuple(_known().values())


def parse(value: GpuRequest) -> Gpu:
    """One request. Case, ``-`` and ``_`` don't matter. Raises ``TypeError`` or ``ValueError`` naming near matches."""
    if isinstance(value, Gpu):
        return Gpu(value.name, _check.whole("gpu count", value.count, 1, MAX_COUNT))
    if not isinstance(value, str):
        raise TypeError('gpu must be a name such as "L4" or "A100:2", or a list of them, not %s.' % _check.show(value))
    name, colon, count = value.strip().partition(":")
    known = _known()
    found = known.get(_squeeze(name))
    if found is None:
        raise ValueError(
            'gpu has no kind "%s".%s Known are %s.' % (name, _check.near(name, known.values()), ", ".join(known.values()))
        )
    if colon and not (count.isdigit() and 1 <= int(count) <= MAX_COUNT):
        raise ValueError('gpu "%s" must end in a number of GPUs from 1 to %d, such as "%s:2".' % (value, MAX_COUNT, found))
    return Gpu(found, int(count) if colon else 1)


def parse_option(value: GpuOption) -> Tuple[Gpu, ...]:
    """The option ``gpu``: nothing, one request, or an ordered list of fall-backs without repeats."""
    if value is None:
        return ()
    if isinstance(value, (str, Gpu)) or not isinstance(value, (list, tuple)):
        request: Any = value
        return (parse(request),)
    if not value:
        raise ValueError("gpu is an empty list; leave it out for a function that runs on CPU.")
    parsed: List[Gpu] = []
    for item in value:
        one = parse(item)
        if one in parsed:
            raise ValueError('gpu names "%s" twice in its list of fall-backs.' % one)
        parsed.append(one)
    return tuple(parsed)
