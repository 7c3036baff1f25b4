"""Handles of deployed functions: what is sent for them, and what they refuse here."""

import pickle
import unittest

from harness.caller import CallerPeer

import velar
from velar import _caller, exception
from velar._channel import Channel


def double(args, kwargs):
    return args[0] * 2


class Deployed(unittest.TestCase):
    def setUp(self):
        self.peer = CallerPeer(double)
        fd = self.peer.theirs.fileno()
        _caller.connect(_caller.Caller(Channel(fd, fd)))
        self.addCleanup(self.peer.close)
        self.addCleanup(_caller.connect, None)

    def sent(self):
        return [header for _, header in sorted(self.peer.invocations.items())]

    def test_every_way_to_call_says_that_it_is_of_a_deployment(self):
        function = velar.Function.from_name("shop", "double", "production")
        self.assertEqual(function.remote(2), 4)
        self.assertEqual(list(function.map([1, 2])), [2, 4])
        self.assertEqual(list(function.starmap([(3,)])), [6])
        self.assertIsNone(function.for_each([1]))
        self.assertEqual(function.spawn(4).get(), 8)
        headers = self.sent()
        self.assertEqual([header["mode"] for header in headers], ["call", "map", "map", "map", "spawn"])
        for header in headers:
            self.assertEqual(header["deployed"], {"environment": "production"})
            self.assertEqual((header["app"], header["function"]), ("shop", "double"))

    def test_without_an_environment_the_runtime_chooses_it(self):
        velar.Function.from_name("shop", "double").remote(1)
        self.assertEqual(self.sent()[0]["deployed"], {"environment": None})

    def test_a_function_of_the_file_is_not_of_a_deployment(self):
        app = velar.App("shop")

        @app.function()
        def triple(x):
            return x * 3

        triple.remote(1)
        self.assertNotIn("deployed", self.sent()[0])

    def test_a_handle_travels(self):
        function = pickle.loads(pickle.dumps(velar.Function.from_name("shop", "double", "staging")))
        self.assertIsInstance(function, velar.DeployedFunction)
        self.assertEqual((function.app_name, function.qualname, function.environment), ("shop", "double", "staging"))
        self.assertEqual(function.remote(1), 2)


class Refusals(unittest.TestCase):
    def test_its_code_is_not_here(self):
        function = velar.Function.from_name("shop", "double")
        for call in (function, function.local):
            with self.assertRaisesRegex(exception.NotSupported, r"double of app shop .* \.remote\("):
                call(1)

    def test_without_a_runtime_a_call_says_how_to_get_one(self):
        with self.assertRaisesRegex(exception.NotConnected, "velar run FILE.*HTTP"):
            velar.Function.from_name("shop", "double").remote(1)

    def test_what_is_no_name_or_environment(self):
        for wrong in (("my shop", "f"), ("shop", ""), ("shop", "f", "prod")):
            with self.assertRaises(ValueError):
                velar.Function.from_name(*wrong)
        with self.assertRaises(TypeError):
            velar.Function.from_name("shop", None)

    def test_a_condition_has_its_class_only_where_nothing_ran(self):
        for name, cls in (("NotFound", exception.NotFound), ("Refused", exception.Refused)):
            wire = {"kind": "user", "type": name, "message": "m", "hint": "Do this."}
            error = exception.from_wire(wire, True)
            self.assertEqual((type(error), str(error)), (cls, "m\nDo this."))
            self.assertIs(type(exception.from_wire(wire)), exception.RemoteError)
        self.assertTrue(issubclass(exception.NotFound, LookupError))
