"""The smallest app: no packages, no GPU. Click "Run on GPU" above a function."""

import platform
import time

import velar

app = velar.App("hello")


@app.function()
def hello(name: str = "world", times: int = 3) -> dict:
    """Greets a few times, then says where it ran."""
    for number in range(1, times + 1):
        print(f"{number}/{times}: hello, {name}!")
        time.sleep(0.1)
    return {"greeted": name, "times": times, "python": platform.python_version()}


@app.function()
def divide(numerator: float, denominator: float = 0.0) -> float:
    """Asks for a numerator, and fails with its default denominator: see the traceback in the editor."""
    print(f"dividing {numerator} by {denominator}")
    return numerator / denominator
