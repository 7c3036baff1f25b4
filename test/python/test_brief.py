"""The arguments of a failed input in a few words."""

import pickle
import unittest
from typing import Any

from velar_worker import brief


class Loud:
    """Its repr must not run."""

    def __repr__(self) -> str:
        raise AssertionError("repr was called")


def told(*args: Any, **kwargs: Any) -> Any:
    return brief.of_input("pickle", memoryview(pickle.dumps((args, kwargs), 4)), False)


class BriefTest(unittest.TestCase):
    def test_plain_arguments_read_as_python(self) -> None:
        self.assertEqual(told(7, "seven", scale=1.5, flag=True), "(7, 'seven', scale=1.5, flag=True)")
        self.assertEqual(told([1, (2, None)], {"a": {3}}), "([1, (2, None)], {'a': {3}})")

    def test_it_is_bounded(self) -> None:
        self.assertLessEqual(len(told(list(range(10**5)), "x" * 10**5, *range(50))), brief.MAX_TEXT)
        deep: Any = 0
        for _ in range(50):
            deep = [deep]
        self.assertEqual(told(deep), "([[[\u2026]]])")
        self.assertEqual(told(b"x" * 5_000_000)[:12], "an input of ")

    def test_no_code_of_a_class_runs_and_secrets_stay_hidden(self) -> None:
        self.assertEqual(told(Loud()), "(<Loud>)")
        text = told({"api_key": "k-123"}, password="hunter2")
        self.assertNotIn("k-123", text)
        self.assertNotIn("hunter2", text)

    def test_what_cannot_be_read_is_unknown(self) -> None:
        self.assertIsNone(brief.of_input("pickle", memoryview(b"broken"), False))

    def test_a_method_shows_its_object(self) -> None:
        data = pickle.dumps((((40,), {}), (2,), {}), 4)
        self.assertEqual(brief.of_input("pickle", memoryview(data), True), "(40).(2)")


if __name__ == "__main__":
    unittest.main()
