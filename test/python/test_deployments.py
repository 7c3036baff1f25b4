"""Handles of deployed functions and deploys: what is sent for them, and what they refuse here."""

import json
import pickle
import socket
import unittest

from harness.caller import CallerPeer

import velar
from velar import _caller, exception
from velar._channel import Channel
from velar._framing import FrameBuffer, message, parse_message


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
            self.assertEqual(header["deployed"], {"app": "shop", "environment": "production"})
            self.assertEqual(header["function"], "double")
            self.assertNotIn("app", header, "a runtime that knows no deployments must not call the file's own")

    def test_without_an_environment_the_runtime_chooses_it(self):
        velar.Function.from_name("shop", "double").remote(1)
        self.assertEqual(self.sent()[0]["deployed"], {"app": "shop", "environment": None})

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
    def test_an_object_of_a_class_travels_with_what_it_is_made_from(self):
        made = pickle.loads(pickle.dumps(velar.Cls.from_name("shop", "Model", "staging")(3, size="big")))
        self.assertIsInstance(made, velar.DeployedObject)
        method = pickle.loads(pickle.dumps(made.ask))
        self.assertEqual((method.qualname, method.environment), ("Model.ask", "staging"))
        self.assertEqual(method._target.constructor, ((3,), {"size": "big"}))
        for wrong in (("", "Model"), ("shop", ""), ("shop", "Model", "moon")):
            with self.assertRaises(ValueError):
                velar.Cls.from_name(*wrong)

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


class Deploys(unittest.TestCase):
    """``app.deploy()`` towards the program that started this process, which a socket stands for."""

    def setUp(self):
        self.app = velar.App("shop")
        self.mine, theirs = socket.socketpair()
        runtime, far = socket.socketpair()
        for one in (self.mine, theirs, runtime, far):
            self.addCleanup(one.close)
        local = _caller.Caller(Channel(theirs.fileno(), theirs.fileno()))
        _caller.connect(_caller.Caller(Channel(runtime.fileno(), runtime.fileno())), local)
        self.addCleanup(_caller.connect, None)
        self.buffer = FrameBuffer()

    def asked(self):
        (_, payload), = self.buffer.feed(self.mine.recv(1 << 16))
        return parse_message(payload)[0]

    def answer(self, number, value=None, error=None):
        if value is not None:
            body = json.dumps(value).encode()
            item = {"index": 0, "ok": True, "size": len(body)}
            self.mine.sendall(message({"type": "outputs", "invocation": number, "items": [item]}, body))
        end = {"type": "invocation-end", "invocation": number}
        self.mine.sendall(message(end if error is None else {**end, "error": error}))

    def test_waiting_gives_what_is_served(self):
        self.answer(1, {"version": 3, "run": "run-1", "addresses": {"f": "http://box/f"}})
        deployment = self.app.deploy()
        self.assertIsInstance(deployment, velar.Deployment)
        self.assertEqual((deployment.app, deployment.environment, deployment.version), ("shop", "staging", 3))
        self.assertEqual((deployment.run, deployment.addresses), ("run-1", {"f": "http://box/f"}))
        self.assertEqual(self.asked(), {"type": "deploy", "app": "shop", "environment": "staging", "invocation": 1})

    def test_not_waiting_gives_a_handle_that_waits_later(self):
        deployment = self.app.deploy(wait=False, environment="production")
        self.assertEqual(self.asked()["environment"], "production")
        with self.assertRaisesRegex(exception.OutputTimeout, "production does not serve the new version of shop"):
            deployment.wait(0.01)
        deployment.cancel()
        self.assertEqual(self.asked(), {"type": "cancel-invocation", "invocation": 1})
        self.answer(1, {"version": 4, "run": "run-2", "addresses": {}})
        self.assertIs(deployment.wait(), deployment)
        self.assertEqual(deployment.version, 4)

    def test_what_went_wrong_is_raised_with_its_hint_every_time(self):
        for number, (kind, name, cls) in enumerate(
            [
                ("image", "ImageBuild", exception.InfrastructureError),
                ("capacity", "BudgetSpent", exception.InfrastructureError),
                ("user", "Refused", exception.Refused),
                ("user", "ValueError", ValueError),
                ("cancelled", "Cancelled", exception.Cancelled),
            ],
            1,
        ):
            wire = {"kind": kind, "type": name, "message": "it is so", "traceback": [], "hint": "Do that."}
            deployment = self.app.deploy(wait=False)
            self.answer(number, error=wire)
            for _ in range(2):
                with self.assertRaisesRegex(cls, "it is so\nDo that.") as raised:
                    deployment.wait()
                self.assertIsInstance(raised.exception, exception.Error)

    def test_inside_of_a_container_it_is_refused(self):
        _caller.connect(_caller.current)
        with self.assertRaisesRegex(exception.Refused, "inside of a container.*\n.*velar deploy FILE"):
            self.app.deploy()

    def test_without_a_runtime_it_says_how_to_deploy(self):
        _caller.connect(None)
        with self.assertRaisesRegex(exception.NotConnected, "velar run FILE.*velar deploy FILE"):
            self.app.deploy()

    def test_another_environment_is_none(self):
        with self.assertRaisesRegex(ValueError, '"staging" or "production", not \'prod\''):
            self.app.deploy(environment="prod")
