"""The SDK as a person writes it: declarations, handles, and the errors of wrong ones."""

import json
import linecache
import os
import pickle
import subprocess
import sys
import tempfile
import textwrap
import traceback
import unittest
import unittest.mock

from harness import PACKAGES

import velar
from velar import exception


def user_line(error, file):
    """The innermost line of a file in an exception's traceback."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return frames[-1].lineno


class Declarations(unittest.TestCase):
    def setUp(self):
        self.app = velar.App("shop")

    def test_a_decorated_function_stays_callable(self):
        @self.app.function(gpu="L4", timeout=10)
        def double(x: int) -> int:
            """Doubles."""
            return x * 2

        self.assertEqual((double(2), double.local(3)), (4, 6))
        self.assertEqual((double.__name__, double.__doc__), ("double", "Doubles."))
        self.assertEqual(double.options.timeout, 10)
        self.assertEqual(str(double.options.gpu[0]), "L4")

    def test_decorators_work_without_parentheses(self):
        @self.app.function
        def one():
            return 1

        @self.app.local_entrypoint
        def main():
            return one()

        self.assertEqual((one(), main()), (1, 1))
        self.assertIn("Declarations.test_decorators_work_without_parentheses.<locals>.main", self.app.entrypoints)

    def test_an_endpoint_is_a_function_that_stays_warm(self):
        @self.app.endpoint(gpu="L4")
        def serve():
            return "ok"

        self.assertEqual((serve.kind, serve.options.min_containers), ("endpoint", 1))

    def test_defaults(self):
        @self.app.function()
        def plain():
            pass

        options = plain.options
        self.assertEqual((options.gpu, options.timeout, options.retries, options.scaledown_window), ((), 300, 0, 60))
        self.assertEqual((options.min_containers, options.max_containers, options.max_concurrent_inputs), (0, None, 1))

    def test_a_class_is_made_lazily_and_entered_once(self):
        events = []

        @self.app.cls(gpu=velar.gpu.A100)
        class Model:
            """A model."""

            def __init__(self, size):
                events.append("init")
                self.size = size

            @velar.enter()
            def load(self):
                events.append("enter")

            @velar.method()
            def ask(self, n=1):
                return self.size * n

            @velar.method()
            def twice(self):
                return self.ask() + self.ask.local()

            def helper(self):
                return "plain"

        model = Model(3)
        self.assertEqual(events, [])
        self.assertEqual((model.ask(2), model.twice.local(), model.size, model.helper()), (6, 6, 3, "plain"))
        self.assertEqual(events, ["init", "enter"])
        with self.assertRaisesRegex(TypeError, "size"):
            Model()
        self.assertEqual(model.ask.qualname.rsplit(".", 2)[-2:], ["Model", "ask"])

    def test_methods_of_a_base_class_count_unless_they_are_overridden(self):
        class Base:
            @velar.method()
            def a(self):
                return "a"

            @velar.method()
            def b(self):
                return "b"

        @self.app.cls()
        class Derived(Base):
            def b(self):
                return "plain b"

        self.assertEqual(list(Derived.methods), ["a"])

    def test_two_things_of_one_name_are_refused(self):
        source = "import velar\napp = velar.App('x')\n@app.function()\ndef f(): pass\n@app.function()\ndef f(): pass\n"
        with self.assertRaisesRegex(ValueError, 'two things named "f"'):
            exec(compile(source, "two.py", "exec"), {"__name__": "two"})

    def test_gpu_requests(self):
        cases = {
            "A100:2": ["A100:2"],
            "l4": ["L4"],
            "h100_sxm": ["H100-SXM"],
            velar.gpu.H100_SXM: ["H100-SXM"],
            velar.gpu.A100(count=4): ["A100:4"],
        }
        for given, expected in cases.items():
            with self.subTest(str(given)):
                self.assertEqual([str(gpu) for gpu in velar.gpu.parse_option(given)], expected)
        several = velar.gpu.parse_option(["L4", velar.gpu.A100, "H100:8"])
        self.assertEqual([str(gpu) for gpu in several], ["L4", "A100", "H100:8"])
        self.assertEqual(velar.gpu.parse_option(None), ())

    def test_secrets_never_show_their_values(self):
        secret = velar.Secret.from_dict({"TOKEN": "hunter2"})
        self.assertNotIn("hunter2", repr(secret))
        with self.assertRaisesRegex(ValueError, "TOKEN.*None"):
            velar.Secret.from_dict({"TOKEN": None})

    def test_a_volume_tells_its_path_where_it_is_mounted_and_nowhere_else(self):
        data = velar.Volume.from_name("data")
        with tempfile.TemporaryDirectory() as folder:
            place = os.path.join(folder, "data")
            known = unittest.mock.patch.dict(os.environ, {"VELAR_VOLUMES": json.dumps({"data": place})})
            with known:
                self.assertEqual(data.path, place)
                self.assertTrue(os.path.isdir(place))
                with self.assertRaisesRegex(LookupError, 'from_name."other"'):
                    velar.Volume.from_name("other").path
        with self.assertRaisesRegex(LookupError, "on the runtime"):
            data.path

    def home(self):
        """A VELAR_HOME of the test's own, and a price table in it that is not there yet."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        set_home = unittest.mock.patch.dict(os.environ, {"VELAR_HOME": folder.name})
        set_home.start()
        self.addCleanup(set_home.stop)
        return os.path.join(folder.name, "prices.json")

    def write(self, path, text):
        with open(path, "w") as file:
            file.write(text)

    def test_prices(self):
        self.home()
        prices = velar.VelarClient().get_gpu_prices()
        self.assertEqual((prices["L4"].usd_per_hour, prices["H200"].memory_gb), (0.59, 141))
        self.assertEqual(prices["H100-SXM"].usd_per_hour, 4.04)
        self.assertRegex(prices["L4"].date, r"^\d{4}-\d\d-\d\d$")
        for name in velar.gpu.names():
            self.assertIn(name, prices)

    def test_the_price_table_of_the_home_replaces_the_shipped_one_as_in_the_runtime(self):
        path = self.home()
        self.write(path, '{"date": "2027-01-01", "currency": "USD", "gpus": [{"name": "L4", "usdPerHour": 0.1}]}')
        price = velar.VelarClient().get_gpu_prices()["L4"]
        self.assertEqual((price.usd_per_hour, price.memory_gb, price.date), (0.1, None, "2027-01-01"))
        for broken in ("[]", '{"date": "2027-01-01", "currency": "EUR", "gpus": []}'):
            self.write(path, broken)
            with self.assertRaisesRegex(ValueError, "prices.json is no price table"):
                velar.VelarClient().get_gpu_prices()

    def test_another_price_table_may_be_named(self):
        path = self.home() + ".mine"
        self.write(path, '{"date": "2027-01-01", "currency": "USD", "gpus": [{"name": "L4", "usdPerHour": 0.2}]}')
        self.assertEqual(velar.VelarClient(path).get_gpu_prices()["L4"].usd_per_hour, 0.2)

    def test_a_remote_call_without_a_runtime_says_how_to_get_one(self):
        @self.app.function()
        def f():
            pass

        for call in (f.remote, f.spawn, lambda: list(f.map([1])), lambda: f.for_each([1])):
            with self.assertRaisesRegex(exception.NotConnected, "velar run"):
                call()

    def test_a_generator_has_its_own_way_to_be_called(self):
        @self.app.function()
        def items():
            yield 1

        self.assertEqual(list(items()), [1])
        with self.assertRaisesRegex(TypeError, "remote_gen"):
            items.remote()

    def test_phase_does_nothing_here(self):
        with velar.phase("load"):
            pass
        with self.assertRaises(TypeError):
            velar.phase(3)


class Errors(unittest.TestCase):
    """Each mistake is refused at the line that wrote it, naming the option and what was probably meant."""

    CASES = [
        ("@app.function(gpus='L4')", TypeError, 'no option "gpus".*Did you mean "gpu"'),
        ("@app.function(time_out=3)", TypeError, 'Did you mean "timeout"'),
        ("@app.endpoint(min_container=3)", TypeError, '"min_containers"'),
        ("@app.function(gpu='H1000')", ValueError, 'gpu has no kind "H1000".*"H100"'),
        ("@app.function(gpu='A100:0')", ValueError, "number of GPUs from 1"),
        ("@app.function(gpu=[])", ValueError, "empty list"),
        ("@app.function(gpu=['L4', 'l4'])", ValueError, "twice"),
        ("@app.function(gpu=8)", TypeError, "gpu must be a name"),
        ("@app.function(timeout='3')", TypeError, "timeout must be a number of seconds"),
        ("@app.function(timeout=0)", ValueError, "timeout must be more than 0"),
        ("@app.function(timeout=float('nan'))", ValueError, "timeout must be a finite"),
        ("@app.function(timeout=True)", TypeError, "timeout"),
        ("@app.function(retries=-1)", ValueError, "retries must be from 0 to 10"),
        ("@app.function(retries=1.5)", TypeError, "retries must be a whole number"),
        ("@app.function(max_containers=1, min_containers=2)", ValueError, "max_containers .1. must not be less"),
        ("@app.function(image='python')", TypeError, "image must be a velar.Image"),
        ("@app.function(memory='1G')", TypeError, "memory"),
        ("@app.function(env={'A': 1})", TypeError, "env must map strings to strings"),
        ("@app.function(secrets='x')", TypeError, "secrets must be a list"),
        ("@app.function(secrets=['x'])", TypeError, "secrets must hold"),
        ("@app.function(volumes={'data': velar.Volume.from_name('v')})", ValueError, "absolute"),
        ("@app.function(volumes={'/data': 'v'})", TypeError, "Volume.from_name"),
        ("velar.App('no spaces please')", ValueError, "App name"),
        ("velar.Image.debian_slim(3.11)", TypeError, '"3.11"'),
        ("velar.Image.debian_slim('2.7')", ValueError, "3.8"),
        ("velar.Image.debian_slim().pip_install()", TypeError, "one or more packages"),
        ("velar.Image.debian_slim().pip_install(['torch'])", TypeError, r"pip_install\(\*"),
        ("velar.Image.debian_slim().pip_install('--pre')", ValueError, "requirements file"),
        ("velar.Image.debian_slim().env(A=1)", TypeError, "env must map"),
        ("velar.Image.debian_slim().workdir('here')", ValueError, "absolute"),
        ("velar.Image.debian_slim().add_local_file('a', 'b')", ValueError, "absolute"),
        ("velar.Image.debian_slim().run_commands('')", ValueError, "shell command"),
        ("velar.gpu.A100(count=0)", ValueError, "gpu count"),
    ]

    def test_each_mistake_is_refused_at_its_line(self):
        for code, kind, pattern in self.CASES:
            with self.subTest(code):
                lines = ["import velar", "app = velar.App('x')", "", code]
                if code.startswith("@"):
                    lines.append("def f(): pass")
                source = "\n".join(lines) + "\n"
                linecache.cache["user.py"] = (len(source), None, source.splitlines(True), "user.py")
                try:
                    exec(compile(source, "user.py", "exec"), {"__name__": "user"})
                except kind as error:
                    self.assertRegex(str(error), pattern)
                    self.assertEqual(user_line(error, "user.py"), 4)
                else:
                    self.fail("accepted")

    def test_a_decorator_over_the_wrong_thing(self):
        app = velar.App("x")
        with self.assertRaisesRegex(TypeError, "above a function"):
            app.function(3)
        with self.assertRaisesRegex(TypeError, "above a class"):
            app.cls()(lambda: 1)
        with self.assertRaisesRegex(TypeError, "no @velar.method"):
            app.cls()(type("Empty", (), {}))


class Images(unittest.TestCase):
    def test_each_step_is_a_new_image_and_remembers_its_line(self):
        source = textwrap.dedent(
            """
            import velar
            base = velar.Image.debian_slim("3.11")
            image = base.pip_install("torch", "numpy>=1")
            for name in ("a", "b"):
                image = (
                    image
                    .env(NAME=name)
                )
            full = image.apt_install("git").run_commands("echo 1", "echo 2\\necho 3").workdir("/srv")
            full = full.pip_install_from_requirements("r.txt").add_local_file("x", "/x").add_local_dir("d", "/d")
            """
        )
        names = {}
        exec(compile(source, "image.py", "exec"), names)
        self.assertEqual(names["base"].layers, ())
        full = names["full"]
        kinds = [layer.kind for layer in full.layers]
        expected = ["pip", "env", "env", "apt", "run", "workdir", "requirements", "localFile", "localDir"]
        self.assertEqual(kinds, expected)
        self.assertEqual({layer.origin.file for layer in full.layers}, {"image.py"})
        lines = [layer.origin.line for layer in full.layers]
        self.assertEqual((lines[0], lines[3], lines[6]), (4, 10, 11))
        self.assertIn(lines[1], (7, 8))
        self.assertEqual(full.layers[0].values, {"packages": ["torch", "numpy>=1"]})
        with self.assertRaises(AttributeError):
            full.extra = 1

    def test_images_of_equal_content_are_equal(self):
        one = velar.Image.from_registry("a:1").pip_install("x")
        two = velar.Image.from_registry("a:1").pip_install("x")
        self.assertEqual((one, hash(one)), (two, hash(two)))
        self.assertNotEqual(one, two.env(A="1"))

    def test_bases(self):
        self.assertEqual(velar.Image.from_dockerfile("Dockerfile").base, {"kind": "dockerfile", "path": "Dockerfile"})
        self.assertEqual(velar.Image.debian_slim().base, {"kind": "debian_slim", "pythonVersion": None})


class RemoteErrors(unittest.TestCase):
    def test_a_remote_value_error_is_a_value_error(self):
        wire = {"kind": "user", "type": "ValueError", "message": "bad", "traceback": [{"file": "a.py"}], "text": "Trace"}
        error = exception.from_wire(wire)
        self.assertIsInstance(error, ValueError)
        self.assertIsInstance(error, exception.RemoteError)
        self.assertEqual((error.message, error.remote_type, error.frames), ("bad", "ValueError", [{"file": "a.py"}]))
        self.assertIn("Trace", str(error))

    def test_kinds_have_their_classes(self):
        for kind, cls in [
            ("timeout", exception.FunctionTimeout),
            ("cancelled", exception.Cancelled),
            ("oom", exception.OutOfMemory),
            ("gpu-oom", exception.GpuOutOfMemory),
            ("infrastructure", exception.InfrastructureError),
        ]:
            self.assertIs(type(exception.from_wire({"kind": kind, "message": "m"})), cls)
        self.assertTrue(issubclass(exception.FunctionTimeout, TimeoutError))

    def test_an_exception_class_of_the_user_keeps_its_name(self):
        error = exception.from_wire({"kind": "user", "type": "ShopClosed", "message": "late"})
        self.assertEqual((type(error), error.remote_type), (exception.RemoteError, "ShopClosed"))
        self.assertIn("ShopClosed: late", str(error))

    def test_what_a_call_inside_the_call_raised_keeps_its_class(self):
        from velar_worker import errors

        for once in (
            exception.from_wire({"kind": "user", "type": "KeyError", "message": "'k'"}),
            exception.from_wire({"kind": "timeout", "type": "FunctionTimeout", "message": "late"}),
            exception.from_wire({"kind": "user", "type": "ShopClosed", "message": "late"}),
            exception.Refused("not from here"),
        ):
            twice = exception.from_wire(errors.from_exception(once, "/"))
            self.assertEqual((type(once), once.message), (type(twice), twice.message))

    def test_every_built_in_exception_can_be_rebuilt(self):
        import builtins

        for name in dir(builtins):
            cls = getattr(builtins, name)
            if isinstance(cls, type) and issubclass(cls, Exception):
                with self.subTest(name):
                    error = exception.from_wire({"kind": "user", "type": name, "message": "m"})
                    self.assertIsInstance(error, exception.RemoteError)
                    self.assertIn("m", str(error))


class Handles(unittest.TestCase):
    def test_a_handle_pickles_as_the_name_of_its_function(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "shop_app.py"), "w") as file:
                file.write("import velar\napp = velar.App('x')\n@app.function()\ndef f(): return 1\n")
                file.write("@app.cls()\nclass M:\n    @velar.method()\n    def g(self): return 2\n")
            sys.path.insert(0, folder)
            self.addCleanup(sys.path.remove, folder)
            import shop_app

            self.assertIs(pickle.loads(pickle.dumps(shop_app.f)), shop_app.f)
            self.assertEqual(pickle.loads(pickle.dumps(shop_app.M())).g(), 2)


class Python38(unittest.TestCase):
    def test_every_file_compiles_for_python_3_8(self):
        import ast

        for folder in ("velar", "velar_worker"):
            for name in sorted(os.listdir(os.path.join(PACKAGES, folder))):
                if name.endswith(".py"):
                    with self.subTest(name), open(os.path.join(PACKAGES, folder, name)) as file:
                        source = file.read()
                        ast.parse(source, feature_version=(3, 8))
                        self.assertNotIn("removeprefix", source)
                        self.assertLessEqual(source.count("\n"), 400)

    def test_importing_the_sdk_imports_only_the_standard_library(self):
        code = (
            "import sys; sys.path.insert(0, %r); import velar, velar_worker.supervisor, velar_worker.describe\n"
            "names = getattr(sys, 'stdlib_module_names', None)\n"
            "bad = [m for m in sys.modules if names and m.partition('.')[0] not in names]\n"
            "print([m for m in bad if not m.startswith(('velar', '__main__', '_sysconfigdata'))])"
        ) % PACKAGES
        out = subprocess.run([sys.executable, "-S", "-c", code], stdout=subprocess.PIPE, check=True)
        self.assertEqual(out.stdout.decode().strip(), "[]")


if __name__ == "__main__":
    unittest.main()
