"""What the supervisor's loop listens to."""

from __future__ import annotations

import selectors
from typing import Any, Callable, Iterable, List, Optional

Handler = Callable[[], None]


class Interests:
    """A selector whose entries are set to what is wanted, and changed only where that differs."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def set(self, what: Any, read: bool, write: bool, handler: Handler) -> None:
        """Listens to a socket or file descriptor for reading, writing, both or nothing."""
        mask = (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if write else 0)
        key = self._selector.get_map().get(what)
        if key is None:
            if mask:
                self._selector.register(what, mask, handler)
        elif not mask:
            self._selector.unregister(what)
        elif key.events != mask:
            self._selector.modify(what, mask, handler)

    def forget(self, many: Iterable[Any]) -> None:
        """Stops listening to each, before it is closed."""
        for what in many:
            if self._selector.get_map().get(what) is not None:
                self._selector.unregister(what)

    def wait(self, timeout: Optional[float]) -> List[Handler]:
        """Handlers of what is ready; none when the time (in seconds) is over."""
        return [key.data for key, _ in self._selector.select(timeout)]

    def close(self) -> None:
        """Lets go of it; in a forked child this leaves the parent's alone."""
        self._selector.close()
