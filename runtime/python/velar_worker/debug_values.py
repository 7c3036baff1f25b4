"""How the debugger shows arrays: shape, dtype, device and memory, never their elements.

debugpy shows a value by its ``repr``. For a tensor on a GPU that copies it to the host and waits for
the card; for a large array it takes long. What is read here are attributes that are at hand.
"""

import sys
from typing import Any, List, Optional, Tuple

# Module and class of what is shown briefly; a subclass counts as its class.
_TYPES: Tuple[Tuple[str, str], ...] = (
    ("torch", "Tensor"),
    ("numpy", "ndarray"),
    ("jax", "Array"),
    ("cupy", "ndarray"),
    ("tensorflow", "Tensor"),
)
# An array of so few elements on the host is shown with them.
_FEW_ELEMENTS = 8
_UNITS = ("B", "KB", "MB", "GB", "TB")


def install() -> None:
    """Has debugpy, which must be loaded, show arrays briefly. Leaves it as it is where it can't be told."""
    try:
        from _pydevd_bundle import pydevd_extension_api, pydevd_extension_utils  # type: ignore
    except ImportError:
        return
    base = pydevd_extension_api.StrPresentationProvider

    class ArrayText(base):  # type: ignore
        def can_provide(self, type_object: Any, type_name: str) -> bool:
            return is_array(type_object)

        def get_str(self, val: Any) -> str:
            return describe(val)

    providers = pydevd_extension_utils.extensions_of_type(base)
    if not any(type(each).__name__ == "ArrayText" for each in providers):
        providers.insert(0, ArrayText())


def is_array(type_object: Any) -> bool:
    """True for a type whose values ``describe`` tells of. Imports nothing."""
    for module_name, name in _TYPES:
        known = getattr(sys.modules.get(module_name), name, None)
        if isinstance(known, type) and isinstance(type_object, type):
            if issubclass(type_object, known):
                return True
    return False


def describe(value: Any) -> str:
    """``Tensor(2, 3) float32 cuda:0 24 B``: what can be said without touching the elements."""
    shape = _shape(value)
    parts = [
        "%s%s" % (type(value).__name__, "" if shape is None else _tuple_text(shape)),
        _dtype(value),
        _device(value),
        _memory(value),
    ]
    if getattr(value, "requires_grad", False) is True:
        parts.append("requires_grad")
    text = " ".join(part for part in parts if part)
    elements = _few_elements(value, shape)
    return text if elements is None else "%s %s" % (text, elements)


def _shape(value: Any) -> Optional[List[Any]]:
    try:
        return list(value.shape)
    except Exception:
        # A shape that is not known yet, such as TensorFlow's.
        return None


def _tuple_text(shape: List[Any]) -> str:
    return "(%s)" % ", ".join(str(size) for size in shape)


def _dtype(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    name = getattr(dtype, "name", None)
    text = name if isinstance(name, str) else str(dtype or "")
    return text[len("torch.") :] if text.startswith("torch.") else text


def _device(value: Any) -> str:
    device = getattr(value, "device", None)
    if device is None or callable(device):
        return ""
    return str(device)


def _memory(value: Any) -> str:
    if str(getattr(value, "layout", "")).startswith("torch.sparse"):
        # What torch tells is what a dense tensor of the shape would take, or an error.
        return ""
    size = getattr(value, "nbytes", None)
    if isinstance(size, int):
        return _bytes_text(size)
    try:
        return _bytes_text(int(value.element_size()) * int(value.nelement()))
    except Exception:
        # Unknown stays unsaid.
        return ""


def _bytes_text(size: float) -> str:
    unit = 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size /= 1000
        unit += 1
    return "%d B" % size if unit == 0 else "%.3g %s" % (size, _UNITS[unit])


def _few_elements(value: Any, shape: Optional[List[Any]]) -> Optional[str]:
    """The elements of a tiny array on the host; None where reading them could wait or copy."""
    if shape is None or type(value).__module__ != "numpy":
        return None
    count = 1
    for size in shape:
        count *= int(size)
    if count > _FEW_ELEMENTS or getattr(value.dtype, "kind", "O") not in "biuf":
        return None
    return str(value.tolist())
