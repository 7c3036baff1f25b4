"""A generator: each yielded item shows in the panel as it is made."""

import time
from typing import Iterator

import velar

app = velar.App("stream")


@app.function()
def countdown(start: int = 10, seconds: float = 0.2) -> Iterator[str]:
    """Counts down, one item at a time."""
    for number in range(start, 0, -1):
        print(f"{number} left")
        yield f"T-{number}"
        time.sleep(seconds)
    yield "lift-off"
