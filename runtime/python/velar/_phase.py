"""``velar.phase``: naming what a function spends its start on."""

from __future__ import annotations

from typing import Any, Callable, ContextManager, Optional

from . import _check


class _Here:
    """A phase outside of a runner: nothing listens."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: Any) -> None:
        return None


#: Set by a runner: gives the context manager that times a phase by name.
recorder: Optional[Callable[[str], ContextManager[None]]] = None


def phase(name: str) -> ContextManager[None]:
    """Counts a block to the phase ``model-load`` and shows ``name`` while it runs.

    >>> with velar.phase("load tokenizer"):
    ...     tokenizer = load()

    Loads that velar recognises by itself (``torch.load``, ``from_pretrained``, …) need no phase. Outside of a
    runtime it does nothing.
    """
    _check.text("phase name", name)
    return _Here() if recorder is None else recorder(name)
