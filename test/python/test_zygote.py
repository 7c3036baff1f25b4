"""New code in a warm container: its runner is forked from a process that has the packages imported already.

The package in these tests is a stand-in for a large one, in a folder named like those that packages are installed in.
"""

import os
import shutil
import sys
import tempfile
import textwrap
import time
import unittest

from harness.runtime import PATIENCE, Runtime, gone

from velar_worker.zygote import NAME, SPARE

MODULES = 60
APP = """
    import os
    import random
    import velar
    {imports}
    app = velar.App("z")

    @app.function()
    def look():
        import heavy
        return [heavy.PID, os.getpid(), os.getppid(), random.random(), {version}]

    @app.function()
    def later():
        import heavy
        return heavy.PID

    @app.function()
    def die():
        os.kill(os.getpid(), 9)
    """


def app(version, imports="import heavy"):
    return APP.format(version=version, imports=imports)


@unittest.skipUnless(sys.platform == "linux", "only Linux can fork a runner from another process")
class Zygote(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="velar-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.packages = os.path.join(self.folder, "site-packages")
        os.makedirs(os.path.join(self.packages, "heavy"))
        self.package("__init__", "import os, time\nfrom . import %s\nPID = os.getpid()\n" % ", ".join(self.names()))
        for name in self.names():
            self.package(name, "VALUE = 1\n")

    def names(self):
        return ["part_%d" % number for number in range(MODULES)]

    def package(self, name, text):
        with open(os.path.join(self.packages, "heavy", name + ".py"), "w") as file:
            file.write(textwrap.dedent(text))

    def start(self):
        runtime = Runtime(packages=[self.packages]).__enter__()
        self.addCleanup(runtime.__exit__)
        return runtime

    def raised(self, runtime):
        """Waits until the worker has forked a runner ahead; the pid of the zygote that it was forked from."""
        worker, end = runtime.process.pid, time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with open("/proc/%d/task/%d/children" % (worker, worker)) as file:
                children = [int(pid) for pid in file.read().split()]
            named = {self.name_of(pid): pid for pid in children}
            if SPARE in named:
                return named[NAME]
            time.sleep(0.01)
        self.fail("no zygote")

    def name_of(self, pid):
        try:
            with open("/proc/%d/comm" % pid) as file:
                return file.read().strip()
        except OSError:
            return None

    def load(self, runtime, files, **more):
        """Loads, and returns what the import's phase told of imports that were there."""
        before = len(runtime.phases)
        runtime.load(files, **more)
        return [p.get("detail") for p in runtime.phases[before:] if p["phase"] == "imports"][0]

    def load_forked(self, runtime, version):
        """Loads until the runner is one forked ahead: right after a call a new one may still be on its way."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.raised(runtime)
            detail = self.load(runtime, {"app.py": app(version)})
            if detail is not None:
                return detail
        self.fail("no runner was forked ahead")

    def warmed(self):
        """A worker with a zygote, its pid, and the pid of the first runner."""
        runtime = self.start()
        self.assertIsNone(self.load(runtime, {"app.py": app(1)}))
        first, _, _, _, _ = runtime.value("look")
        return runtime, self.raised(runtime), first

    def test_new_code_finds_the_packages_imported_and_runs_as_ever(self):
        runtime, zygote, first = self.warmed()
        detail = self.load_forked(runtime, 2)
        self.assertEqual(detail, "imported already: heavy")
        imported_by, pid, parent, chance, version = runtime.value("look")
        self.assertEqual((imported_by, version, parent), (zygote, 2, runtime.process.pid))
        self.assertNotIn(pid, (zygote, first))
        self.assertEqual(self.adjustment(zygote), "1000")
        self.assertEqual(self.adjustment(pid), self.adjustment(runtime.process.pid))
        self.load_forked(runtime, 3)
        again = runtime.value("look")
        self.assertEqual((again[0], again[4]), (zygote, 3))
        self.assertNotEqual(again[3], chance)
        call = runtime.start_call("die")
        end = runtime.expect("runner-exit")
        self.assertEqual((end["signal"], end["calls"]), (9, [call]))
        self.load_forked(runtime, 4)
        self.assertEqual(runtime.value("look")[0], zygote)
        runtime.sock.close()
        self.assertTrue(gone(zygote))

    def adjustment(self, pid):
        """How much rather than others the kernel kills a process when memory runs out."""
        with open("/proc/%d/oom_score_adj" % pid) as file:
            return file.read().strip()

    def test_another_environment_gets_a_runner_of_its_own(self):
        runtime, zygote, _ = self.warmed()
        self.assertIsNone(self.load(runtime, {"app.py": app(2)}, env={"A": "1"}))
        self.assertNotEqual(runtime.value("look")[0], zygote)

    def test_a_file_of_the_workspace_is_not_hidden_by_a_package(self):
        runtime, zygote, _ = self.warmed()
        files = {"app.py": app(2), "heavy.py": "PID = 'mine'\n"}
        self.assertIsNone(self.load(runtime, files))
        self.assertEqual(runtime.value("look")[0], "mine")

    def test_a_zygote_that_died_is_done_without(self):
        runtime, zygote, _ = self.warmed()
        os.kill(zygote, 9)
        self.assertTrue(gone(zygote))
        self.load(runtime, {"app.py": app(2)})
        imported_by, pid, _, _, version = runtime.value("look")
        self.assertEqual((imported_by, version), (pid, 2))

    def test_packages_that_a_call_imports_count_too(self):
        runtime = self.start()
        self.load(runtime, {"app.py": app(1, imports="")})
        runtime.value("later")
        zygote = self.raised(runtime)
        self.assertEqual(self.load(runtime, {"app.py": app(2, imports="")}), "imported already: heavy")
        self.assertEqual(runtime.value("later"), zygote)

    def test_nothing_is_forked_from_a_process_with_other_threads(self):
        self.package("part_1", "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n")
        runtime = self.start()
        self.load(runtime, {"app.py": app(1)})
        self.assertTrue(gone(self.zygote_of(runtime)))
        self.assertIsNone(self.load(runtime, {"app.py": app(2)}))

    def zygote_of(self, runtime):
        """The worker's second child, once there is one."""
        worker, end = runtime.process.pid, time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with open("/proc/%d/task/%d/children" % (worker, worker)) as file:
                children = file.read().split()
            if len(children) > 1:
                return int(children[1])
        self.fail("no zygote")


if __name__ == "__main__":
    unittest.main()
