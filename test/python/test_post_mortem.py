"""What a capture of an error's frames holds, and what it never does."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import os
import pathlib
import sys
import time
import unittest
from collections import namedtuple
from typing import Any, Callable, Dict, List
from unittest import mock

from velar_worker import answers, post_mortem

ROOT = os.path.dirname(os.path.abspath(__file__))
Wire = Dict[str, Any]


def captured(function: Callable[[], Any]) -> Wire:
    try:
        function()
    except BaseException as error:
        told: Wire = json.loads(post_mortem.capture(error, ROOT).decode("utf-8"))
        return told
    raise AssertionError("it did not raise")


def local(told: Wire, name: str, frame: int = 0, exception: int = 0) -> Wire:
    named = dict(told["exceptions"][exception]["frames"][frame]["locals"])
    value: Wire = told["values"][named[name]]
    return value


def child(told: Wire, value: Wire, name: str) -> Wire:
    found: Wire = told["values"][dict(value["children"])[name]]
    return found


class Frames(unittest.TestCase):
    def test_frames_are_innermost_first_with_file_line_and_variables(self) -> None:
        def inner(divisor: int) -> float:
            label = "before"
            return len(label) / divisor

        def outer() -> float:
            rate = 0.5
            return inner(0) * rate

        told = captured(outer)
        (raised,) = told["exceptions"]
        self.assertEqual(("ZeroDivisionError", "division by zero", "raised"), (raised["type"], raised["message"], raised["relation"]))
        frames = raised["frames"]
        self.assertIn("inner", frames[0]["function"])
        self.assertEqual(os.path.basename(__file__), frames[0]["file"])
        self.assertEqual("return len(label) / divisor", frames[0]["text"])
        self.assertEqual({"type": "int", "text": "0"}, local(told, "divisor"))
        self.assertEqual({"type": "str", "text": "before"}, local(told, "label"))
        self.assertEqual("0.5", local(told, "rate", 1)["text"])

    def test_causes_contexts_and_groups_follow_in_order(self) -> None:
        def chained() -> None:
            try:
                try:
                    raise KeyError("first")
                except KeyError:
                    raise ValueError("second")
            except ValueError as error:
                raise RuntimeError("third") from error

        told = captured(chained)
        self.assertEqual(
            [("RuntimeError", "raised"), ("ValueError", "cause"), ("KeyError", "context")],
            [(each["type"], each["relation"]) for each in told["exceptions"]],
        )
        self.assertEqual("'first'", told["exceptions"][2]["message"])
        if sys.version_info >= (3, 11):
            members = [ValueError(str(index)) for index in range(1000)]

            def grouped() -> None:
                raise ExceptionGroup("many", members)  # noqa: F821

            told = captured(grouped)
            self.assertEqual("group", told["exceptions"][1]["relation"])
            self.assertEqual(post_mortem.MAX_EXCEPTIONS, len(told["exceptions"]))

    def test_errors_that_point_at_each_other_end(self) -> None:
        def circle() -> None:
            one, two = ValueError("one"), ValueError("two")
            one.__cause__, two.__cause__ = two, one
            raise one

        self.assertEqual(["one", "two"], [each["message"] for each in captured(circle)["exceptions"]])

    def test_a_deep_recursion_keeps_both_ends(self) -> None:
        def deep(level: int) -> int:
            return 1 // 0 if level == 0 else deep(level - 1)

        told = captured(lambda: deep(300))
        (raised,) = told["exceptions"]
        self.assertEqual(post_mortem.MAX_FRAMES, len(raised["frames"]))
        self.assertEqual("0", local(told, "level")["text"])
        self.assertGreater(raised["leftOut"], 200)
        self.assertIn("captured", raised["frames"][-1]["function"])


class Values(unittest.TestCase):
    def test_containers_and_objects_are_told_by_what_is_in_them(self) -> None:
        Point = namedtuple("Point", "x y")

        class Model:
            def __init__(self) -> None:
                self.rate = 0.1

        class Slotted:
            __slots__ = ("left", "unset")

            def __init__(self) -> None:
                self.left = 1

        def fails() -> None:
            config = {"lr": [1, 2], 3: (4,)}
            point, model, slotted = Point(1, 2), Model(), Slotted()
            raise ValueError([config, point, model, slotted])

        told = captured(fails)
        config = local(told, "config")
        self.assertEqual(("dict", "2 items"), (config["type"], config["text"]))
        self.assertEqual("2", child(told, child(told, config, "['lr']"), "[1]")["text"])
        self.assertEqual("4", child(told, child(told, config, "[3]"), "[0]")["text"])
        self.assertEqual("2", child(told, local(told, "point"), "y")["text"])
        self.assertEqual("0.1", child(told, local(told, "model"), "rate")["text"])
        self.assertEqual(["left"], [name for name, _ in local(told, "slotted")["children"]])

    def test_nobodys_code_is_called(self) -> None:
        called: List[str] = []

        def noticed(name: str) -> Callable[..., Any]:
            def method(*_: Any, **__: Any) -> Any:
                called.append(name)
                if name == "__repr__":
                    time.sleep(60)
                raise SystemError(name)

            return method

        names = ["__repr__", "__str__", "__len__", "__iter__", "__bool__", "__eq__", "__getattr__", "__getitem__", "keys"]
        body = {name: noticed(name) for name in names}
        body["__class__"] = property(noticed("__class__"))
        body["shape"] = property(noticed("shape"))
        Hostile = type("Hostile", (), body)
        HostileList = type("HostileList", (list,), {name: noticed(name) for name in names})
        HostileDict = type("HostileDict", (dict,), {name: noticed(name) for name in names})
        HostileText = type("HostileText", (str,), {name: noticed(name) for name in names})

        def fails() -> None:
            thing, items, table = Hostile(), HostileList([1, 2]), HostileDict(a=1)
            text = HostileText("plain")
            held = [thing, items, table, text]
            raise ValueError(0)

        began = time.monotonic()
        told = captured(fails)
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual([], called)
        self.assertTrue(local(told, "thing")["type"].endswith("Hostile"))
        self.assertEqual("2 items", local(told, "items")["text"])
        self.assertEqual("1", child(told, local(told, "table"), "['a']")["text"])
        self.assertEqual("plain", local(told, "text")["text"])

    def test_arrays_are_told_by_shape_dtype_and_device(self) -> None:
        reads: List[str] = []

        def field(name: str, value: Any) -> property:
            def get(_: Any) -> Any:
                reads.append(name)
                return value

            return property(get)

        body = {
            "__module__": "torch",
            "shape": field("shape", (2, 3)),
            "dtype": field("dtype", "torch.float16"),
            "device": field("device", "cuda:0"),
            "nbytes": field("nbytes", 12),
            "__repr__": lambda self: self.tolist(),
        }
        Tensor = type("Tensor", (), body)
        Mine = type("Mine", (Tensor,), {})

        def fails() -> None:
            weights, mine = Tensor(), Mine()
            raise ValueError([weights, mine])

        told = captured(fails)
        expected = "shape (2, 3), torch.float16, on cuda:0, 12 bytes"
        self.assertEqual({"type": "torch.Tensor", "text": expected}, local(told, "weights"))
        self.assertEqual(expected, local(told, "mine")["text"])
        self.assertLessEqual(set(reads), {"shape", "dtype", "device", "nbytes"})

    def test_plain_values_are_told_by_their_own_text(self) -> None:
        class Colour(enum.Enum):
            RED = 1

        def fails() -> None:
            day, path, share, nothing, colour = datetime.date(2026, 1, 2), pathlib.Path("/a"), decimal.Decimal("1.5"), None, Colour.RED
            raise ValueError([day, path, share, nothing, colour])

        told = captured(fails)
        texts = {name: local(told, name)["text"] for name in ("day", "path", "share", "nothing", "colour")}
        self.assertEqual(
            {"day": "datetime.date(2026, 1, 2)", "path": "PosixPath('/a')", "share": "Decimal('1.5')", "nothing": "None", "colour": "Colour.RED"},
            texts,
        )

    def test_circles_are_one_value(self) -> None:
        def fails() -> None:
            loop: List[Any] = [1]
            loop.append(loop)
            raise ValueError(0)

        told = captured(fails)
        index = dict(told["exceptions"][0]["frames"][0]["locals"])["loop"]
        self.assertEqual(index, dict(told["values"][index]["children"])["[1]"])

    def test_what_is_huge_is_cut_and_said_so(self) -> None:
        def fails() -> None:
            text, digits, many = "x" * 10_000_000, 1 << 10_000_000, list(range(1_000_000))
            data, nested = b"y" * 10_000_000, [["z" * 3000] * 1] * 1
            wide = {"k%d" % index: ["v" * 3000, index] for index in range(1_000)}
            more = [[str(index) * 1000 for index in range(50)] for _ in range(50)]
            raise ValueError([text, digits, many, data, nested, wide, more])

        try:
            fails()
        except ValueError as error:
            began = time.monotonic()
            encoded = post_mortem.capture(error, ROOT)
            self.assertLess(time.monotonic() - began, 5)
        self.assertLess(len(encoded), 2 * post_mortem.MAX_BYTES)
        told: Wire = json.loads(encoded.decode("utf-8"))
        self.assertTrue(told["truncated"])
        self.assertEqual(post_mortem.MAX_TEXT, len(local(told, "text")["text"]))
        self.assertIn("bits", local(told, "digits")["text"])
        self.assertEqual(1_000_000 - post_mortem.MAX_CHILDREN, local(told, "many")["more"])

    def test_values_by_the_names_of_secrets_are_hidden(self) -> None:
        def fails() -> None:
            password, apiKey, HF_TOKEN = "one-1", "two-2", "three-3"
            settings = {"db_password": "four-4", "Authorization": "five-5", "author": "shown-6"}
            credentials = {"user": "seven-7"}
            num_tokens, tokens, token_ids, author = 512, ["shown-8"], [1], "shown-9"
            raise ValueError(0)

        told = captured(fails)
        text = json.dumps(told)
        for hidden in ("one-1", "two-2", "three-3", "four-4", "five-5", "seven-7"):
            # The source line is told as it is written; values are not in it here.
            self.assertNotIn(hidden, text)
        for shown in ("shown-6", "shown-8", "shown-9"):
            self.assertIn(shown, text)
        self.assertEqual("512", local(told, "num_tokens")["text"])
        self.assertEqual(post_mortem.HIDDEN, local(told, "password")["text"])

    def test_a_capture_that_fails_says_so(self) -> None:
        class Strange(Exception):
            @property
            def args(self) -> Any:  # type: ignore[override]
                raise SystemError("no")

        def fails() -> None:
            raise Strange()

        told = captured(fails)
        self.assertEqual(([], "SystemError"), (told["exceptions"], told["problem"]))


class Spending(unittest.TestCase):
    def test_captures_of_failed_calls_stop_when_their_share_of_the_time_is_spent(self) -> None:
        now = 100.0
        with mock.patch("time.monotonic", lambda: now):
            allowance = answers.Allowance(share=0.02, at_once=0.5)
            taken = 0
            while allowance.left():
                with allowance:
                    now += 0.1
                taken += 1
            self.assertEqual(6, taken, "half a second, and what came back in the meantime")
            now += 1
            self.assertFalse(allowance.left())
            now += 10
            self.assertTrue(allowance.left())


if __name__ == "__main__":
    unittest.main()
