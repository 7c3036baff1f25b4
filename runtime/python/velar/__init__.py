"""Velar: Python functions that run on your GPU.

>>> import velar
>>> app = velar.App("hello")
>>> @app.function(gpu="L4")
... def square(x: int) -> int:
...     return x * x

``square(3)`` runs here, ``square.remote(3)`` on the runtime. See :class:`App`, :class:`Image`, :mod:`velar.gpu`,
:mod:`velar.exception`.
"""

from __future__ import annotations

from . import exception, gpu
from .app import App
from .cls import Cls, enter, exit, method
from ._handle import FunctionCall
from .deployed import DeployedClass, DeployedFunction, DeployedObject
from .deployment import Deployment
from .function import Function
from .gpu import Gpu
from .image import Image
from ._phase import phase
from ._picture import Picture, picture
from .prices import GpuPrice, VelarClient
from .resources import Secret, Volume

__version__ = "0.1.0"

__all__ = [
    "App",
    "Cls",
    "DeployedClass",
    "DeployedFunction",
    "DeployedObject",
    "Deployment",
    "Function",
    "FunctionCall",
    "Gpu",
    "GpuPrice",
    "Image",
    "Picture",
    "Secret",
    "VelarClient",
    "Volume",
    "enter",
    "exception",
    "exit",
    "gpu",
    "method",
    "phase",
    "picture",
]
