"""How the debugger shows arrays. NumPy and torch are stood in for: the machines of the tests lack them."""

import sys
import types
import unittest
from typing import Any, Tuple
from unittest import mock

from velar_worker import debug_values


class Tensor:
    """Has what torch.Tensor has without touching its elements; any other use is an error."""

    shape: Tuple[int, ...] = (1024, 512)
    device = "cuda:0"
    requires_grad = True
    dtype = "torch.float16"

    def element_size(self) -> int:
        return 2

    def nelement(self) -> int:
        return 1024 * 512

    def __repr__(self) -> str:
        raise AssertionError("the elements were copied")

    __str__ = __repr__


class Parameter(Tensor):
    pass


class DebugValues(unittest.TestCase):
    def setUp(self) -> None:
        torch: Any = types.ModuleType("torch")
        torch.Tensor = Tensor
        patched = mock.patch.dict(sys.modules, {"torch": torch})
        patched.start()
        self.addCleanup(patched.stop)

    def test_a_tensor_is_told_of_without_its_elements(self) -> None:
        self.assertTrue(debug_values.is_array(Parameter))
        self.assertEqual(
            debug_values.describe(Parameter()),
            "Parameter(1024, 512) float16 cuda:0 1.05 MB requires_grad",
        )

    def test_other_types_are_left_to_the_debugger(self) -> None:
        for other in (list, dict, str, debug_values.describe):
            self.assertFalse(debug_values.is_array(other))

    def test_what_is_unknown_is_left_out(self) -> None:
        class Bare(Tensor):
            device = None  # type: ignore
            requires_grad = False

            @property
            def shape(self) -> Any:  # type: ignore
                raise ValueError("not known yet")

            def element_size(self) -> int:
                raise RuntimeError("no storage")

        self.assertEqual(debug_values.describe(Bare()), "Bare float16")

    def test_a_sparse_tensor_has_no_memory_that_torch_could_tell(self) -> None:
        class Sparse(Tensor):
            layout = "torch.sparse_coo"

            @property
            def nbytes(self) -> int:
                raise RuntimeError("nbytes is not defined for sparse tensors.")

        self.assertEqual(debug_values.describe(Sparse()), "Sparse(1024, 512) float16 cuda:0 requires_grad")

    def test_without_a_debugger_nothing_is_installed(self) -> None:
        debug_values.install()


if __name__ == "__main__":
    unittest.main()
