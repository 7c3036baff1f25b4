"""A real worker over a real socket: calls, values, objects, generators, nested calls."""

import os
import pickle
import sys
import unittest

from harness.runtime import Runtime

APP = '''
    import asyncio
    import os
    import sys
    import velar
    from helpers import shout

    app = velar.App("test")

    @app.function()
    def add(a, b=1):
        return a + b

    @app.function()
    def where():
        return [os.getcwd(), open("data/words.txt").read(), shout("hi"), __name__]

    @app.function()
    async def later(n):
        await asyncio.sleep(0)
        return n * 2

    @app.function()
    def count(n):
        for i in range(n):
            print("item", i)
            yield {"i": i}

    @app.function()
    async def acount(n):
        for i in range(n):
            await asyncio.sleep(0)
            yield i

    @app.function(env={"FROM_ENV": "1"}, secrets=[velar.Secret.from_dict({"FROM_SECRET": "2"})])
    def environment():
        return [os.environ.get(n) for n in ("FROM_ENV", "FROM_SECRET", "FROM_LOAD", "VELAR_TOKEN")]

    @app.function()
    def nested(n):
        total = sum(add.map(range(n), kwargs={"b": 0}))
        return [add.remote(n, 5), total, add.spawn(1).get(timeout=20)]

    @app.function()
    def threads(n):
        import concurrent.futures
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return list(pool.map(add.remote, range(n)))

    @app.function()
    def lines(*, text: str):
        return text.splitlines()

    @app.function()
    def pid():
        return os.getpid()

    @app.cls()
    class Model:
        def __init__(self, size):
            print("made", size)
            self.size = size

        @velar.enter()
        def load(self):
            print("entered")
            self.weights = [1] * self.size

        @velar.exit()
        def leave(self):
            print("left")

        @velar.method()
        def total(self, factor=1):
            return sum(self.weights) * factor

        @velar.method()
        def twice(self):
            return self.total() * 2
'''
FILES = {"app.py": APP, "helpers.py": "def shout(text):\n    return text.upper()\n", "data/words.txt": "one two"}


class Calls(unittest.TestCase):
    """One worker for all, as a warm container serves many calls."""

    @classmethod
    def setUpClass(cls):
        cls.runtime = Runtime().__enter__()
        cls.addClassCleanup(cls.runtime.__exit__)
        cls.loaded = cls.runtime.load(FILES, env={"FROM_LOAD": "3"})

    def test_the_worker_says_who_it_is(self):
        hello = self.runtime.hello
        self.assertEqual(hello["token"], "token-of-the-test")
        self.assertEqual(hello["container"], "container-1")
        self.assertEqual(hello["protocol"], 1)
        self.assertEqual(hello["python"].split(".")[:2], [str(part) for part in sys.version_info[:2]])

    def test_a_warm_call_returns_its_value(self):
        answer = self.runtime.call("add", 2, kwargs={"b": {"literal": "40"}})
        self.assertEqual(answer.json(), {"value": 42})
        self.assertEqual(answer["attempt"], 1)
        self.assertEqual(answer["format"], "mime")
        self.assertGreaterEqual(answer["ms"], 0)
        self.assertEqual(answer["modelLoadMs"], 0)

    def test_the_code_runs_at_the_root_of_its_bundle_with_its_sibling_modules(self):
        cwd, words, shouted, name = self.runtime.value("where")
        self.assertEqual(os.path.realpath(cwd), os.path.realpath(os.path.join(self.runtime.workdir, "app")))
        self.assertEqual((words, shouted, name), ("one two", "HI", "app"))

    def test_an_async_function_runs_to_its_end(self):
        self.assertEqual(self.runtime.value("later", 21), 42)

    def test_literal_arguments_are_python_literals(self):
        runtime = self.runtime
        runtime.start_call("add")
        self.assertEqual(runtime.expect("error")["error"]["type"], "TypeError")
        self.assertEqual(runtime.value("lines", kwargs={"text": {"json": "a\nb"}}), ["a", "b"])
        answer = runtime.call("add", kwargs={"a": {"literal": "nonsense("}})
        self.assertEqual(answer["error"]["type"], "InputNotReadable")
        self.assertIn('argument "a"', answer["error"]["message"])

    def test_an_unknown_function_is_an_error_that_lists_the_known_ones(self):
        error = self.runtime.call("ad")["error"]
        self.assertEqual(error["type"], "FunctionNotFound")
        self.assertIn("add", error["message"])

    def test_a_generator_streams_its_items_behind_what_it_printed(self):
        runtime = self.runtime
        for function in ("count", "acount"):
            call = runtime.start_call(function, 3, stream=True)
            seen = []
            while True:
                answer = runtime.expect("yield", "result")
                if answer["type"] == "result":
                    break
                seen.append((answer["index"], answer.json()["value"]))
                if function == "count":
                    self.assertIn("item %d\n" % answer["index"], runtime.output(call))
            self.assertEqual(answer.json(), {"value": None, "yielded": 3})
            self.assertEqual([index for index, _ in seen], [0, 1, 2])

    def test_a_generator_without_a_stream_gives_a_list(self):
        self.assertEqual(self.runtime.value("count", 2), [{"i": 0}, {"i": 1}])

    def test_environment_and_secrets_are_there_and_the_token_is_not(self):
        self.assertEqual(self.runtime.value("environment"), ["1", "2", "3", None])

    def test_pickled_calls_answer_in_pickle(self):
        self.runtime.start_pickle("add", (({1, 2},), {"b": set()}))
        answer = self.runtime.expect("result", "error")
        self.assertEqual(answer["type"], "error")
        self.runtime.start_pickle("add", ((1 + 2j,), {}))
        self.assertEqual(self.runtime.expect("result").pickle(), 2 + 2j)

    def test_a_batch_is_answered_item_by_item(self):
        first = self.runtime.start_batch("add", [((i,), {}) for i in range(300)] + [(("x",), {})])
        results = self.runtime.batch_results(301)
        self.assertEqual([results[first + i] for i in range(300)], [(True, i + 1) for i in range(300)])
        ok, error = results[first + 300]
        self.assertFalse(ok)
        self.assertEqual(error["type"], "TypeError")

    def test_an_object_is_made_and_entered_once_for_its_arguments(self):
        runtime = self.runtime
        before = runtime.output().count("entered")
        self.assertEqual(runtime.value("Model.total", 2, constructor=[3]), 6)
        runtime.start_pickle("Model.total", (((3,), {}), (), {"factor": 4}), instance=True)
        self.assertEqual(runtime.expect("result").pickle(), 12)
        self.assertEqual(runtime.value("Model.twice", constructor=[3]), 6)
        self.assertEqual(runtime.output().count("entered") - before, 1)
        self.assertEqual(runtime.value("Model.total", constructor=[5]), 5)
        self.assertEqual(runtime.output().count("entered") - before, 2)

    def test_calls_from_inside_a_function_reach_the_runtime(self):
        self.runtime.start_call("nested", 600)
        answer = self._serve()
        self.assertEqual(answer.json()["value"], [605, sum(range(600)), 2])

    def test_threads_of_a_function_may_call_at_once(self):
        self.runtime.start_call("threads", 20)
        self.assertEqual(self._serve().json()["value"], [i + 1 for i in range(20)])

    def _serve(self):
        """Answers invocations of ``add`` until the call that made them ends."""
        runtime = self.runtime
        modes = {}
        while True:
            got = runtime.expect("invoke", "inputs", "result", "error")
            if got["type"] == "invoke":
                self.assertEqual((got["app"], got["function"]), ("test", "add"))
                modes[got["invocation"]] = got["mode"]
            elif got["type"] == "inputs":
                items, bodies, at = [], [], 0
                for offset, size in enumerate(got["sizes"]):
                    args, kwargs = pickle.loads(got.body[at : at + size])
                    at += size
                    bodies.append(pickle.dumps(args[0] + (args[1] if len(args) > 1 else kwargs.get("b", 1))))
                    items.append({"index": got["first"] + offset, "ok": True, "size": len(bodies[-1])})
                number = got["invocation"]
                runtime.send({"type": "outputs", "invocation": number, "items": items}, b"".join(bodies))
                if got["last"]:
                    runtime.send({"type": "invocation-end", "invocation": number})
            else:
                return got


class Loading(unittest.TestCase):
    def test_the_phases_of_a_load_end_once_and_the_pid_is_the_runner(self):
        with Runtime() as runtime:
            load = runtime.start_load({"app.py": APP, "helpers.py": "shout = str"})
            loading = runtime.expect("loading")
            loaded = runtime.expect("loaded")
            self.assertEqual((loading["load"], loaded["load"]), (load, load))
            imports = [phase["status"] for phase in runtime.phases if phase["phase"] == "imports"]
            self.assertEqual(imports, ["started", "done"])
            self.assertEqual(runtime.value("pid"), loading["pid"])

    def test_code_that_fails_on_import_says_where(self):
        with Runtime() as runtime:
            runtime.start_load({"pkg/app.py": "import velar\nprint('before')\nx = 1 / 0\n"}, "pkg/app.py")
            failed = runtime.next()
            while failed["type"] != "load-failed":
                failed = runtime.next()
            error = failed["error"]
            self.assertEqual((error["kind"], error["type"]), ("user", "ZeroDivisionError"))
            self.assertEqual([(f["file"], f["line"]) for f in error["traceback"]], [("pkg/app.py", 3)])
            self.assertIn("before\n", runtime.output())
            self.assertEqual(runtime.expect("runner-exit")["code"], 1)
            # The container stays usable: the next load brings code that works.
            runtime.load(FILES)
            self.assertEqual(runtime.value("add", 1), 2)

    def test_broken_syntax_points_at_its_line(self):
        with Runtime() as runtime:
            runtime.start_load({"app.py": "import velar\n\ndef f(:\n    pass\n"})
            while True:
                got = runtime.next()
                if got["type"] == "load-failed":
                    break
            self.assertEqual(got["error"]["type"], "SyntaxError")
            self.assertEqual(got["error"]["traceback"][-1]["line"], 3)
            self.assertEqual(got["error"]["traceback"][-1]["file"], "app.py")

    def test_a_missing_package_comes_with_the_line_to_add(self):
        with Runtime() as runtime:
            runtime.start_load({"app.py": "import velar\nimport cv2.nonsense\n"})
            while True:
                got = runtime.next()
                if got["type"] == "load-failed":
                    break
            self.assertEqual(got["error"]["type"], "ModuleNotFoundError")
            self.assertIn('.pip_install("opencv-python-headless")', got["error"]["hint"])

    def test_a_new_load_replaces_the_runner_and_writes_only_what_changed(self):
        with Runtime() as runtime:
            runtime.load(FILES)
            runtime.value("Model.total", constructor=[1])
            first = runtime.value("pid")
            changed = dict(FILES, **{"helpers.py": "def shout(text):\n    return text.title()\n"})
            runtime.load(changed)
            self.assertIn("left\n", runtime.output())
            self.assertNotEqual(runtime.value("pid"), first)
            self.assertEqual(runtime.value("where")[2], "Hi")
            details = [phase["detail"] for phase in runtime.phases if phase["phase"] == "container"]
            self.assertEqual(details, ["3 of 3 files written", "1 of 3 files written"])

    def test_a_file_in_a_package_is_imported_as_its_module(self):
        files = {
            "src/pkg/__init__.py": "",
            "src/pkg/core.py": "NAME = 'core'\n",
            "src/pkg/app.py": """
                import velar
                from . import core
                from pkg.core import NAME
                app = velar.App("x")

                @app.function()
                def name():
                    return [__name__, core.NAME, NAME]
                """,
        }
        with Runtime() as runtime:
            runtime.load(files, "src/pkg/app.py")
            self.assertEqual(runtime.value("name"), ["pkg.app", "core", "core"])

    def test_stop_runs_exit_hooks_and_ends_the_worker(self):
        with Runtime() as runtime:
            runtime.load(FILES)
            runtime.value("Model.total", constructor=[1])
            runtime.send({"type": "stop", "graceMs": 5000})
            exit = runtime.expect("runner-exit")
            self.assertEqual((exit["code"], exit["calls"]), (0, []))
            self.assertIn("left\n", runtime.output())
            self.assertEqual(runtime.process.wait(30), 0)


if __name__ == "__main__":
    unittest.main()
